# SPDX-License-Identifier: ISC
"""Programs on the LAN find the gateway, and programs elsewhere do not."""
import socket
import time
import xml.etree.ElementTree as ET

import pytest

from daemon import upnpc
from lab import (EXT_IP, HOST_IP, HOST_LAN2_IP, LAN2_IP, LAN_IP, LONG, OUT_IP,
                 Probe, in_time, wait_until)
from upnp import (GROUP, IGD1, L3F, NS, ROOT, WANCIC, WANIP, Igd, Listener,
                  answers, group_socket, http, max_age, msearch, search,
                  searcher, unanswered)

pytestmark = pytest.mark.core
LOCATION = f"http://{LAN_IP}:2828/igd1.xml"
WANDEV = "urn:schemas-upnp-org:device:WANDevice:1"
WANCONN = "urn:schemas-upnp-org:device:WANConnectionDevice:1"
DEVICES = (IGD1, WANDEV, WANCONN)
SERVICES = (L3F, WANCIC, WANIP)
ALL = 20            # answers to ssdp:all, by both roots


def udns(lab):
    """{device type: UDN} of the first root, by its description."""
    root = ET.fromstring(http(lab.lan1, "GET", "/igd1.xml").body)
    return {dev.findtext("d:deviceType", namespaces=NS):
            dev.findtext("d:UDN", namespaces=NS)
            for dev in root.iter("{%s}device" % NS["d"])}


def expected(lab):
    """{(ST, USN)} of root 1: three for the root, two for each embedded
    device, one for each service (UDA 1.1 1.2.2)."""
    udn = udns(lab)
    assert len(set(udn.values())) == 3
    holder = {L3F: IGD1, WANCIC: WANDEV, WANIP: WANCONN}
    found = {("upnp:rootdevice", udn[IGD1] + "::upnp:rootdevice")}
    for dev in DEVICES:
        found |= {(udn[dev], udn[dev]), (dev, f"{udn[dev]}::{dev}")}
    for svc in SERVICES:
        found.add((svc, f"{udn[holder[svc]]}::{svc}"))
    return found


def of_root1(found):
    return [m for m in found if m["LOCATION"] == LOCATION]


def check_answer(message):
    assert message.start == "HTTP/1.1 200 OK"
    assert message.peer == (LAN_IP, 1900)
    assert message.get("EXT") == ""             # cling needs it
    assert "UPnP/1.1" in message["SERVER"]
    assert max_age(message) >= 1800
    assert message.boot_id > 0
    assert 0 <= int(message["CONFIGID.UPNP.ORG"]) <= 16777215
    assert message.get("DATE")
    assert message.size < 1024


def soon(ask):
    """Return the answers to @ask(), which must arrive within 250 ms, because
    Tailscale waits no longer. If the machine was too busy, search again after
    a pause for the rate limit of one source."""
    found = []

    def come():
        found[:] = ask()
        return found and max(m.delay for m in found) < 0.25
    assert in_time(come), [m.delay for m in found]
    return found


def test_upnpc_finds_the_gateway(lab, upnpd):
    out = upnpc(lab.lan1, "-s")
    assert "Found valid IGD" in out
    assert "Status : Connected" in out
    assert f"ExternalIPAddress = {EXT_IP}" in out


@pytest.mark.fast
@pytest.mark.parametrize("to", (GROUP, LAN_IP), ids=("multicast", "unicast"))
def test_search_for_all_is_answered_once_each(lab, upnpd, to):
    found = of_root1(soon(lambda: search(lab.lan1, "ssdp:all", to=to,
                                         n=ALL)))
    for message in found:
        check_answer(message)
    pairs = [(m["ST"], m["USN"]) for m in found]
    assert len(pairs) == len(set(pairs)) == 10
    assert set(pairs) == expected(lab)


@pytest.mark.only("netlink")
@pytest.mark.parametrize("to", (GROUP, LAN_IP), ids=("multicast", "unicast"))
def test_search_for_each_target_is_answered(lab, upnpd, to):
    for st, usn in sorted(expected(lab)):
        for mx in (1, None):
            n = 2 if st == "upnp:rootdevice" else 1
            found = of_root1(soon(lambda: search(lab.lan1, st, to=to, mx=mx,
                                                 n=n)))
            assert [(m["ST"], m["USN"]) for m in found] == [(st, usn)]
            check_answer(found[0])


@pytest.mark.only("netlink")
def test_search_without_space_after_colon(lab, upnpd):
    """libtorrent sends such a search, with three line ends."""
    raw = (f"M-SEARCH * HTTP/1.1\r\nHOST: {GROUP}:1900\r\n"
           "ST:upnp:rootdevice\r\nMAN:\"ssdp:discover\"\r\nMX:3\r\n\r\n\r\n")
    with lab.lan1.socket(socket.SOCK_DGRAM, (HOST_IP, 0)) as sock:
        sock.settimeout(LONG)
        sock.sendto(raw.encode(), (GROUP, 1900))
        assert b"ST: upnp:rootdevice\r\n" in sock.recv(2048)


@pytest.mark.only("netlink")
@pytest.mark.parametrize("st", (
    "urn:schemas-upnp-org:device:InternetGatewayDevice:3",
    "urn:schemas-upnp-org:service:WANIPConnection:9",
    "urn:schemas-upnp-org:device:MediaServer:1",
    "uuid:00000000-0000-0000-0000-000000000000",
    "upnp:rootdevices", ""))
def test_search_for_an_unknown_target_is_not_answered(lab, upnpd, st):
    assert unanswered(lab, lab.lan1, msearch(st))


@pytest.mark.only("netlink")
def test_search_without_man_is_not_answered(lab, upnpd):
    assert unanswered(lab, lab.lan1, msearch("ssdp:all", man='"ssdp:alive"'))


@pytest.mark.only("netlink")
def test_external_side_gets_no_answer(lab, upnpd):
    for to in (GROUP, EXT_IP):
        assert unanswered(lab, lab.outside, msearch("ssdp:all"), EXT_IP, to)
    for dst in (EXT_IP, LAN_IP):
        assert not served(lab.outside, dst, OUT_IP)
    assert served(lab.lan1, LAN_IP, HOST_IP)


def served(host, dst, src):
    """Does @host get a document from @dst?"""
    if dst == LAN_IP and src == OUT_IP:
        host.ip_batch(f"route add {LAN_IP}/32 via {EXT_IP}")
    try:
        return http(host, "GET", "/igd1.xml", ip=dst,
                    source=src).status == 200
    except (OSError, AssertionError):
        return False


@pytest.mark.only("netlink")
def test_foreign_source_gets_no_answer(lab, upnpd):
    """A host on the wire has an address outside the network. The router has a
    route to it, but must not answer (reflection)."""
    foreign = "10.9.9.9"
    lab.lan1.ip_batch(f"addr add {foreign}/24 dev eth0")
    lab.router.ip_batch("route add 10.9.9.0/24 dev lan0")
    for to in (GROUP, LAN_IP):
        assert unanswered(lab, lab.lan1, msearch("ssdp:all"), to=to,
                          source=foreign)
    assert not served(lab.lan1, LAN_IP, foreign)


@pytest.mark.only("netlink")
def test_spoofed_source_gets_no_answer(lab, upnpd):
    """A host outside uses the source address of a LAN host, and the router has
    no rp_filter. The LAN host gets no answer."""
    for name in ("all", "wan0"):
        lab.router.sysctl(f"net.ipv4.conf.{name}.rp_filter", "0")
    lab.outside.ip_batch(f"addr add {HOST_IP}/32 dev eth0",
                         f"route add {LAN_IP}/32 via {EXT_IP}")
    with searcher(lab.lan1) as victim, \
            Probe(lab.outside, lab.router, EXT_IP) as probe:
        for to in (LAN_IP, EXT_IP, GROUP):
            with lab.outside.socket(socket.SOCK_DGRAM, victim.getsockname(),
                                    reuse=True) as sock:
                if to == GROUP:
                    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                                    socket.inet_aton(HOST_IP))
                sock.sendto(msearch(WANIP), (to, 1900))
        probe.there_and_back()      # all three have arrived at the router
        victim.sendto(msearch(ROOT), (LAN_IP, 1900))
        heard = answers(victim, lab.lan1, time.monotonic(), n=2)
        assert [m["ST"] for m in heard] == [ROOT] * 2


@pytest.mark.lab(second_lan=True)
@pytest.mark.conf(interfaces={"wan0": "external", "lan0": "internal",
                              "lan1": "internal"})
def test_each_interface_gets_its_own_address(lab, upnpd):
    for host, src, ip in ((lab.lan1, HOST_IP, LAN_IP),
                          (lab.lan2, HOST_LAN2_IP, LAN2_IP)):
        found = search(host, IGD1)
        assert [m["LOCATION"] for m in found] == \
            [f"http://{ip}:2828/igd1.xml"]
        assert found[0].peer == (ip, 1900)
        assert Igd(host, ip=ip).external_ip() == EXT_IP


@pytest.mark.only("netlink")
@pytest.mark.lab(second_lan=True)
@pytest.mark.conf(interfaces={"wan0": "external", "lan0": "internal",
                              "lan1": "internal"})
def test_rendered_documents_do_not_change(lab, upnpd):
    """Documents are rendered once: each stays the same, whatever else is
    requested."""
    roots = {}
    for turn in range(2):
        for host, ip in ((lab.lan1, LAN_IP), (lab.lan2, LAN2_IP)):
            for name in ("igd1.xml", "igd2.xml", "igd1/wanip.xml",
                         "igd2/wanip.xml", "igd1/wancic.xml",
                         "igd2/l3f.xml"):
                body = http(host, "GET", "/" + name, ip=ip).body
                ET.fromstring(body)
                assert roots.setdefault((name, ip), body) == body
    for (name, ip), body in roots.items():
        assert (f"<presentationURL>http://{ip}:2828/</presentationURL>".encode()
                in body) == (name in ("igd1.xml", "igd2.xml"))
    assert len(set(roots.values())) == 8


def test_announcements_from_start_to_stop(lab, stopped):
    ear = Listener(lab.lan1)
    stopped.start()
    targets = {(st, usn) for st, usn in expected(lab)}

    def told(nts, times, since):
        got = [(m["NT"], m["USN"]) for m in ear.of(nts, since)]
        return all(got.count(t) >= times for t in targets)

    assert wait_until(lambda: told("ssdp:alive", 2, 0))
    alive = of_root1(ear.of("ssdp:alive"))
    for message in alive:
        assert message.peer == (LAN_IP, 1900)
        assert message["HOST"] == f"{GROUP}:1900"
        assert max_age(message) >= 1800 and message["SERVER"]
    assert len({m.boot_id for m in alive}) == 1

    assert stopped.stop() == 0
    assert wait_until(lambda: told("ssdp:byebye", 1, 0))
    assert not any("LOCATION" in m.fields for m in ear.of("ssdp:byebye"))

    since = len(ear.drain())
    stopped.start()
    assert wait_until(lambda: told("ssdp:alive", 2, since))
    again = ear.of("ssdp:alive", since)
    assert min(m.boot_id for m in again) > alive[0].boot_id
    assert {m["CONFIGID.UPNP.ORG"] for m in of_root1(again)} == \
        {alive[0]["CONFIGID.UPNP.ORG"]}
    assert {m["USN"] for m in of_root1(again)} == {u for _, u in targets}
    ear.close()


@pytest.mark.only("netlink")
@pytest.mark.parametrize("first", ("media-server", "upnpd"))
def test_media_server_shares_the_port(lab, stopped, first):
    """Both programs receive a multicast search, whichever started first, and
    upnpd answers a unicast search."""
    if first == "upnpd":
        stopped.start()
    server = group_socket(lab.router, LAN_IP)
    if first != "upnpd":
        stopped.start()
    with server:
        server.settimeout(LONG)
        assert search(lab.lan1, IGD1)
        assert hears(server, msearch(IGD1))
        assert search(lab.lan1, IGD1, to=LAN_IP)
    assert search(lab.lan1, IGD1)


def hears(sock, data):
    """Does @data arrive, among other datagrams?"""
    try:
        while sock.recv(2048) != data:
            pass
        return True
    except socket.timeout:
        return False
