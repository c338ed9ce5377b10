# SPDX-License-Identifier: ISC
"""upnpd follows changes of addresses, links and interfaces."""
import json
import os
import random
import socket
import time

import pytest

from daemon import UPNPD
from lab import (EXT_IP, HOST_IP, HOST_LAN2_IP, LAN2_IP, LAN_IP, LONG, OUT_IP,
                 blocked, listener, reaches, wait_until)
from test_lifecycle import answers
from test_mapping import in_kernel
from upnp import (IGD1, WANCIC, WANIP, Igd, Listener, error_of, search,
                  soap_body)

NEW_EXT = "11.22.33.2"
NEW_LAN = "192.168.88.254"
AT_ONCE = 10.0      # s; normally milliseconds


def external_is(igd, ip):
    return wait_until(lambda: answers(igd.external_ip) == ip, AT_ONCE)


def unplug(lab, ip=EXT_IP):
    lab.router.ip_batch(f"addr del {ip}/24 dev wan0")


def plug(lab, ip=EXT_IP):
    lab.router.ip_batch(f"addr add {ip}/24 dev wan0",
                        f"route add default via {OUT_IP}")


def test_external_address_changes(lab, igd):
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    igd.add(40001, "UDP", 5000)
    unplug(lab)
    plug(lab, NEW_EXT)
    assert external_is(igd, NEW_EXT)
    assert reaches(lab, "TCP", 40000, server, dst=NEW_EXT)
    assert igd.status() == "Connected"
    with listener(lab.outside, "UDP", 9000) as far, \
            listener(lab.lan1, "UDP", 5000) as near:
        near.sendto(b"hello", (OUT_IP, 9000))
        far.settimeout(LONG)
        assert far.recvfrom(16) == (b"hello", (NEW_EXT, 40001))


def test_external_address_removed_and_added(lab, igd):
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    before = igd.mapped()
    unplug(lab)
    assert external_is(igd, "")
    assert igd.status() == "Disconnected"
    assert igd.mapped() == before
    assert wait_until(lambda: not in_kernel(lab, 40000))
    plug(lab)
    assert external_is(igd, EXT_IP)
    assert igd.status() == "Connected"
    assert igd.mapped() == before
    assert reaches(lab, "TCP", 40000, server)


def test_started_without_an_external_address(lab, stopped):
    unplug(lab)
    stopped.start()
    igd = Igd(lab.lan1)
    assert (igd.external_ip(), igd.status()) == ("", "Disconnected")
    plug(lab)
    assert external_is(igd, EXT_IP)
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    assert reaches(lab, "TCP", 40000, server)


@pytest.mark.only("netlink")
def test_mapping_is_deleted_without_an_external_address(lab, igd):
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    unplug(lab)
    assert external_is(igd, "")
    igd.delete(40000)
    assert error_of(igd.specific, 40000) == 714
    plug(lab)
    assert external_is(igd, EXT_IP)
    assert blocked(lab, "TCP", 40000, server)


@pytest.mark.conf(interfaces={
    "wan0": ["type = external", "forced-ip = 9.8.7.6"], "lan0": "internal"})
def test_clients_get_the_forced_address(lab, igd):
    """Clients get the operator's address, and rules use the interface's."""
    server = listener(lab.lan1, "TCP", 8000)
    assert igd.external_ip() == "9.8.7.6"
    igd.add(40000, "TCP", 8000)
    assert reaches(lab, "TCP", 40000, server)


def test_internal_address_changes(lab, igd):
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    ear = Listener(lab.lan1)
    before = search(lab.lan1, IGD1)[0].boot_id
    lab.router.ip_batch(f"addr del {LAN_IP}/24 dev lan0",
                        f"addr add {NEW_LAN}/24 dev lan0")
    lab.lan1.ip_batch(f"route replace default via {NEW_LAN}")
    moved = Igd(lab.lan1, ip=NEW_LAN)
    assert wait_until(lambda: answers(moved.external_ip) == EXT_IP)
    check_found(lab, NEW_LAN)
    assert wait_until(lambda: any(m["LOCATION"].startswith(
        f"http://{NEW_LAN}:") for m in ear.of("ssdp:alive")))
    assert all(m.boot_id > before for m in ear.of("ssdp:alive")
               if m["LOCATION"].startswith(f"http://{NEW_LAN}:"))
    assert wait_until(lambda: moved.mapped() ==
                      {("TCP", 40000, HOST_IP, 8000)})
    assert reaches(lab, "TCP", 40000, server)
    ear.close()


def check_found(lab, ip):
    for to in ("239.255.255.250", ip):
        answer, = search(lab.lan1, IGD1, to=to)
        assert answer["LOCATION"] == f"http://{ip}:2828/igd1.xml"
        assert answer.peer == (ip, 1900)


def test_internal_interface_removed_and_added(lab, igd):
    igd.add(40000, "TCP", 8000)
    lab.router.ip_batch("link del lan0")
    lab.plug_lan()
    assert wait_until(lambda: answers(igd.external_ip) == EXT_IP)
    check_found(lab, LAN_IP)
    assert wait_until(lambda: igd.mapped() ==
                      {("TCP", 40000, HOST_IP, 8000)})
    with listener(lab.lan1, "TCP", 8000) as server:
        assert reaches(lab, "TCP", 40000, server)


def suspended(upnpd):
    """The external ports of the mappings that upnpctl shows as suspended."""
    ctl = os.path.join(os.path.dirname(UPNPD), "upnpctl")
    text = upnpd.lab.router.run(ctl, "-f", upnpd.conf, "--json", "mappings",
                                "print")
    return {m["external-port"] for m in json.loads(text) if m["suspended"]}


def goes_down(upnpd):
    upnpd.lab.router.ip_batch("link set lan1 down")


def comes_up(upnpd):
    upnpd.lab.router.ip_batch("link set lan1 up")


def is_unconfigured(upnpd):
    del upnpd.interfaces["lan1"]
    upnpd.reload()


def is_configured(upnpd):
    upnpd.interfaces["lan1"] = "internal"
    upnpd.reload()


@pytest.mark.lab(second_lan=True)
@pytest.mark.conf(show_dummy_rule="no", interfaces={
    "wan0": "external", "lan0": "internal", "lan1": "internal"})
@pytest.mark.parametrize("goes, returns", (
    (goes_down, comes_up), (is_unconfigured, is_configured)),
    ids=("link", "configuration"))
def test_internal_network_leaves_and_returns(lab, upnpd, igd, goes, returns):
    """While the network is down or unconfigured, its mappings are suspended:
    they have no rules and no client sees them, but they keep their ports. When
    the network returns, they forward again with the same leases."""
    other = Igd(lab.lan2, ip=LAN2_IP)
    other.add(40000, "TCP", 8000, lease=3000)
    other.add(40001, "UDP", 8001)
    igd.add(40002, "TCP", 8002)
    all_three, ours = igd.mapped(), {("TCP", 40002, HOST_IP, 8002)}
    with listener(lab.lan2, "TCP", 8000) as tcp, \
            listener(lab.lan2, "UDP", 8001) as udp, \
            listener(lab.lan1, "TCP", 8002) as near:
        assert reaches(lab, "TCP", 40000, tcp)
        assert reaches(lab, "UDP", 40001, udp)
        goes(upnpd)
        assert wait_until(lambda: answers(igd.mapped) == ours)
        assert wait_until(lambda: HOST_LAN2_IP not in lab.rules())
        assert suspended(upnpd) == {40000, 40001}
        assert error_of(igd.specific, 40000) == 714
        assert error_of(igd.delete, 40000) == 714
        assert error_of(igd.add, 40000) == 718
        assert reaches(lab, "TCP", 40002, near)
        upnpd.stop()
        upnpd.start()
        assert igd.mapped() == ours
        assert suspended(upnpd) == {40000, 40001}
        returns(upnpd)
        assert wait_until(lambda: answers(igd.mapped) == all_three)
        assert suspended(upnpd) == set()
        assert 2900 < int(igd.specific(40000)["NewLeaseDuration"]) <= 3000
        assert reaches(lab, "TCP", 40000, tcp)
        assert reaches(lab, "UDP", 40001, udp)
        assert reaches(lab, "TCP", 40002, near)
    assert "forbids" not in upnpd.log()


@pytest.mark.only("netlink", "iptables-nft")
@pytest.mark.lab(second_lan=True)
@pytest.mark.conf(show_dummy_rule="no", interfaces={
    "wan0": "external", "lan0": "internal", "lan1": "internal"})
def test_mappings_have_rules_after_a_network_flaps(lab, upnpd, igd):
    """The network goes down and up many times, and the engine and the monitor
    read the interfaces at different moments. At the end each mapping that
    clients see has its rule."""
    other = Igd(lab.lan2, ip=LAN2_IP)
    other.add(40000, "TCP", 8000)
    server = listener(lab.lan2, "TCP", 8000)
    pauses = random.Random(1)
    for _ in range(40):
        lab.router.ip_batch("link set lan1 down")
        time.sleep(pauses.choice((0, 0.002, 0.01, 0.012, 0.02, 0.1)))
        lab.router.ip_batch("link set lan1 up")
        time.sleep(pauses.choice((0, 0.002, 0.01, 0.012, 0.02, 0.1)))
    assert wait_until(lambda: answers(igd.mapped) ==
                      {("TCP", 40000, HOST_LAN2_IP, 8000)})
    assert reaches(lab, "TCP", 40000, server)
    # deleting the mapping closes the port
    other.delete(40000)
    assert blocked(lab, "TCP", 40000, server)


@pytest.mark.only("netlink")
@pytest.mark.lab(second_lan=True)
@pytest.mark.conf(interfaces={"wan0": "external", "lan0": "internal",
                              "lan1": "internal"})
def test_boot_id_rises_when_an_interface_returns(lab, upnpd):
    """When the other LAN returns, upnpd uses a new BOOTID. It announces that
    change on this LAN first (UDA 1.1 1.2). The next start uses a later one."""
    old = search(lab.lan1, IGD1)[0].boot_id
    ear, other = Listener(lab.lan1), Listener(lab.lan2, HOST_LAN2_IP)
    lab.router.ip_batch("link set lan1 down")
    # wait until upnpd has noticed, or it would see no change at all
    assert wait_until(lambda: LAN2_IP not in lab.router.run("ss", "-Hltn"))
    lab.router.ip_batch("link set lan1 up")
    # earlier messages may be the second set of the start
    assert wait_until(lambda: other.of("ssdp:alive") and
                      other.of("ssdp:alive")[-1].boot_id != old)
    new = other.of("ssdp:alive")[-1].boot_id
    assert new > old
    assert wait_until(lambda: [m for m in ear.of("ssdp:alive")
                               if m.boot_id == new])
    told = [m for m in ear.drain() if m["NTS"] != "ssdp:byebye"]
    turn = [m["NTS"] for m in told].index("ssdp:update")
    assert {int(m["NEXTBOOTID.UPNP.ORG"]) for m in ear.of("ssdp:update")} \
        == {new}
    assert all(m.boot_id == (old if m["NTS"] == "ssdp:update" else new)
               for m in told[turn:])
    assert {m["USN"] for m in ear.of("ssdp:update")} == \
        {m["USN"] for m in search(lab.lan1, "ssdp:all", n=20)}
    upnpd.stop()
    upnpd.start()
    assert search(lab.lan1, IGD1)[0].boot_id > new
    ear.close()
    other.close()


@pytest.mark.only("netlink")
def test_started_before_the_internal_interface(lab, stopped):
    lab.router.ip_batch("link del lan0")
    stopped.start(wait=False)
    assert wait_until(lambda: stopped.engine())
    lab.plug_lan()
    igd = Igd(lab.lan1)
    assert wait_until(lambda: answers(igd.external_ip) == EXT_IP)
    check_found(lab, LAN_IP)


# ---- the external link ------------------------------------------------

def is_up(lab):
    with_flags = lab.router.run("ip", "-o", "link", "show", "wan0")
    return ",UP" in with_flags.split(">")[0]


OFF = ("ForceTermination", "RequestTermination", "SetEnabledForInternet")


def take(igd, action, up=False):
    if action == "SetEnabledForInternet":
        return igd.call(action, WANCIC, NewEnabledForInternet=int(up))
    return igd.call("RequestConnection" if up else action)


@pytest.mark.parametrize("action", OFF)
def test_link_is_not_taken_down_by_default(lab, backend, igd, action):
    assert error_of(take, igd, action) == 606
    assert is_up(lab)
    assert igd.status() == "Connected"


@pytest.mark.conf(allow_disable_external_interface="yes")
@pytest.mark.parametrize("action", OFF)
def test_link_is_taken_down_and_up_if_allowed(lab, upnpd, igd, action):
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    take(igd, action)
    assert not is_up(lab)
    assert wait_until(lambda: igd.status() == "Disconnected")
    take(igd, action, up=True)
    assert is_up(lab)
    assert wait_until(lambda: igd.status() == "Connected")
    assert reaches(lab, "TCP", 40000, server)
    assert upnpd.wait_log("allow-disable-external-interface")
    assert upnpd.wait_log("wan0 taken down")


@pytest.mark.only("netlink")
@pytest.mark.conf(allow_disable_external_interface="yes")
def test_second_termination_is_refused(igd):
    take(igd, "ForceTermination")
    assert wait_until(lambda: igd.status() == "Disconnected")
    assert error_of(take, igd, "ForceTermination") == 711


@pytest.mark.only("netlink")
@pytest.mark.conf(allow_disable_external_interface="yes")
def test_request_connection_right_after_termination(lab, igd):
    """Regression: if RequestConnection followed ForceTermination at once,
    upnpd still took the link for up, reported success, and the link stayed
    down."""
    calls = [post(igd.urls[WANIP], action) for action in
             ("ForceTermination", "GetStatusInfo", "RequestConnection")]
    with lab.lan1.socket(socket.SOCK_STREAM) as sock:
        sock.settimeout(LONG)
        sock.connect((LAN_IP, 2828))
        sock.sendall(b"".join(calls))
        said = b""
        while b"RequestConnectionResponse" not in said:
            more = sock.recv(65536)
            assert more, said
            said += more
    assert b">Disconnected<" in said
    assert is_up(lab)
    assert wait_until(lambda: igd.status() == "Connected")


def post(url, action):
    """The HTTP request for an action without arguments."""
    body = soap_body(WANIP, action, {})
    return (f"POST {url} HTTP/1.1\r\nHost: {LAN_IP}:2828\r\n"
            f"Content-Type: text/xml\r\nContent-Length: {len(body)}\r\n"
            f'SOAPAction: "{WANIP}#{action}"\r\n\r\n{body}').encode()
