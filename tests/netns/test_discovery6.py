# SPDX-License-Identifier: ISC
"""Programs on the LAN find the gateway over IPv6, and programs elsewhere do
not: with real clients, and by raw bytes."""
import contextlib
import os
import re
import socket
import struct
import subprocess

import pytest

from lab import (EXT6_IP, HOST6_IP, HOST6_ULA, LAN26_IP, LAN6_IP, LAN6_ULA, LAN_IP, LONG,
                 OUTSIDE6_IP, Probe, wait_until)
from upnp import (IGD1, ROOT, Listener, Message, http, max_age, search)

pytestmark = pytest.mark.only("netlink")
HERE = os.path.dirname(os.path.abspath(__file__))
IGD2 = "urn:schemas-upnp-org:device:InternetGatewayDevice:2"
LINK, SITE, WIDE = "ff02::c", "ff05::c", "ff0e::c"
HOSTS = {LINK: "[FF02::C]:1900", SITE: "[FF05::C]:1900"}


def zone(host, ip, port=0):
    """A socket address on eth0 (of the router: lan0)."""
    return (ip, port, 0, host.eth6)


def prepare(*hosts, name="eth0"):
    for host in hosts:
        host.eth6 = host.ifindex(name)


def bound(host, ip):
    """A socket that searches from @ip."""
    prepare(host)
    sock = host.socket(socket.SOCK_DGRAM, zone(host, ip))
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, host.eth6)
    return sock


def msearch(st, to):
    return (f"M-SEARCH * HTTP/1.1\r\nHOST: {HOSTS.get(to, f'[{to}]:1900')}\r\n"
            f'MAN: "ssdp:discover"\r\nMX: 1\r\nST: {st}\r\n\r\n').encode()


def search6(host, st, to, source, n=1):
    """Search. Return @n answers."""
    found = []
    with bound(host, source) as sock:
        sock.settimeout(LONG)
        sock.sendto(msearch(st, to), zone(host, to, 1900))
        while len(found) < n:
            data, peer = sock.recvfrom(4096)
            found.append(Message(data, peer))
    return found


def location(message):
    return re.fullmatch(r"http://(.*):2828/igd[12]\.xml",
                        message["LOCATION"]).group(1)


def unanswered6(lab, host, to, source, at):
    """Does @host get no answer to a search from @source? @at: an address of
    the router, to which @host sends a probe; see upnp.unanswered()."""
    with Probe(host, lab.router, at) as probe, bound(host, source) as sock:
        sock.sendto(msearch("ssdp:all", to), zone(host, to, 1900))
        probe.there_and_back()
        assert search(lab.lan1, ROOT), "upnpd does not answer lan1"
        probe.there_and_back()
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            print(sock.recv(4096))
            return False
        return True


class Ear:
    """Collects what arrives in one group on eth0 of @host: (message, hop
    limit), with the raw bytes in message.raw."""

    def __init__(self, host, group):
        prepare(host)
        self.sock = host.socket(socket.SOCK_DGRAM, zone(host, group, 1900),
                                reuse=True)
        self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                             socket.inet_pton(socket.AF_INET6, group) +
                             struct.pack("@I", host.eth6))
        self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        self.sock.setblocking(False)
        self.heard = []

    def drain(self):
        while True:
            try:
                data, extra, _, peer = self.sock.recvmsg(4096, 64)
            except BlockingIOError:
                return self.heard
            if data.startswith(b"NOTIFY"):
                message = Message(data, peer)
                message.raw = data
                message.hops = struct.unpack("@i", extra[0][2])[0]
                self.heard.append(message)

    def of(self, nts, since=0):
        return [m for m in self.drain()[since:] if m["NTS"] == nts]


def pairs(messages, name):
    return {(m[name], m["USN"], m.boot_id, m["CONFIGID.UPNP.ORG"])
            for m in messages}


@contextlib.contextmanager
def gssdp(lab, target, address):
    """libgssdp on lan1. Yields a function: what it has printed."""
    path = lab.path("gssdp")
    with open(path, "w") as log:
        proc = subprocess.Popen(
            ["ip", "netns", "exec", lab.lan1.ns, "/usr/bin/python3",
             f"{HERE}/client_gssdp.py", target, address],
            stdout=log, stderr=log)

    def said():
        with open(path) as f:
            return f.read()
    try:
        yield said
    finally:
        proc.kill()
        proc.wait(LONG)


def found_by_upnpc(lab):
    """What upnpc prints about the gateway that it finds. Without an external
    IPv4 address it calls it not connected."""
    def out():
        text = lab.lan1.run("upnpc", "-6", "-s", check=False, timeout=120)
        return "IGD : http://[" in text and text
    return wait_until(out)


# ---- clients -------------------------------------------------------------

LANS = pytest.mark.parametrize("want", (
    pytest.param(LAN6_IP, marks=pytest.mark.lab(ipv6=True), id="both"),
    pytest.param(LAN6_IP, marks=pytest.mark.lab(ipv6="only"), id="ipv6-only"),
    pytest.param(LAN6_ULA, marks=pytest.mark.lab(ipv6="ula"), id="ula")))


@pytest.mark.core
@LANS
def test_upnpc(lab, upnpd, want):
    """It asks from a link-local address in FF02::C, for version 1, and finds
    the root that has pinholes."""
    out = found_by_upnpc(lab)
    assert f" desc: http://[{want}]:2828/igd2.xml\n" in out
    if lab.ipv4:        # else it goes no further
        assert f"Local LAN ip address : {want}0\n" in out


@LANS
def test_gssdp(lab, upnpd, want):
    """From a global address it asks in FF0E::C, and listens in FF05::C."""
    for source in (f"{want}0", lab.lan1.link_local()):
        with gssdp(lab, IGD1, source) as said:
            assert wait_until(
                lambda: f" http://[{want}]:2828/igd2.xml\n" in said()), \
                said()


@pytest.mark.lab(ipv6=True)
def test_gssdp_hears_the_end_and_the_start(lab, upnpd):
    with gssdp(lab, IGD2, HOST6_IP) as said:
        assert wait_until(lambda: "\navailable" in said()), said()
        assert upnpd.stop() == 0
        assert wait_until(lambda: "\nunavailable" in said()), said()
        upnpd.start()
        assert wait_until(lambda: said().count("\navailable") == 2), said()


# ---- answers ---------------------------------------------------------------

@pytest.mark.core
@pytest.mark.lab(ipv6=True)
def test_answers_in_each_scope(lab, upnpd):
    """All targets of both roots, as over IPv4, with the same BOOTID."""
    ours = lab.router.link_local("lan0")
    theirs = lab.lan1.link_local()
    ip4 = search(lab.lan1, "ssdp:all", n=20)
    for source, to, at, url in (
            (theirs, LINK, ours, LAN6_IP),
            (HOST6_IP, LINK, LAN6_IP, LAN6_IP),
            (HOST6_IP, SITE, LAN6_IP, LAN6_IP),
            (HOST6_ULA, SITE, LAN6_ULA, LAN6_ULA),
            (HOST6_IP, WIDE, LAN6_IP, LAN6_IP),
            (theirs, ours, ours, LAN6_IP),
            (HOST6_IP, LAN6_IP, LAN6_IP, LAN6_IP),
            (HOST6_IP, LAN6_ULA, LAN6_ULA, LAN6_ULA)):
        found = search6(lab.lan1, "ssdp:all", to, source, len(ip4))
        assert pairs(found, "ST") == pairs(ip4, "ST")
        for m in found:
            assert m.start == "HTTP/1.1 200 OK"
            assert m.peer[:2] == (at, 1900)
            assert location(m) == f"[{url}]"
            assert max_age(m) >= 1800 and m.get("EXT") == ""
            assert m.size < 1024


@pytest.mark.lab(ipv6=True)
def test_interface_without_a_prefix(lab, stopped):
    """LOCATION is link-local, without a zone: a zone has a meaning only on the
    host that reads it."""
    lab.router.ip_batch(f"addr del {LAN6_IP}/64 dev lan0",
                        f"addr del {LAN6_ULA}/64 dev lan0")
    stopped.start()
    ours = lab.router.link_local("lan0")
    found = search6(lab.lan1, IGD1, LINK, lab.lan1.link_local())
    assert location(found[0]) == f"[{ours}]"
    assert found[0].peer[:2] == (ours, 1900)
    assert f" desc: http://[{ours}]:2828/igd2.xml\n" in found_by_upnpc(lab)


@pytest.mark.core
@pytest.mark.lab(ipv6=True)
def test_foreign_sources_get_no_answer(lab, upnpd):
    """A host on the wire has an address in another prefix. The router has a
    route to it, but must not answer (reflection)."""
    foreign = "2001:db8:99::10"
    lab.lan1.ip_batch(f"addr add {foreign}/64 dev eth0 nodad")
    lab.router.ip_batch("route add 2001:db8:99::/64 dev lan0")
    for to in (LINK, SITE, WIDE, LAN6_IP):
        assert unanswered6(lab, lab.lan1, to, foreign, LAN6_IP)
    assert upnpd.wait_log("2001:db8:99::10")
    assert search6(lab.lan1, IGD1, SITE, HOST6_IP)


@pytest.mark.lab(ipv6=True)
@pytest.mark.conf(interfaces={"wan0": "external", "lan0": "internal\n"
                              "network = 2001:db8:99::/64"})
def test_prefix_behind_another_router_is_served(lab, upnpd):
    behind = "2001:db8:99::10"
    lab.lan1.ip_batch(f"addr add {behind}/64 dev eth0 nodad")
    lab.router.ip_batch("route add 2001:db8:99::/64 dev lan0")
    for to, url in ((SITE, LAN6_IP), (LAN6_IP, LAN6_IP),
                    (LAN6_ULA, LAN6_ULA)):
        found = search6(lab.lan1, IGD1, to, behind)
        assert location(found[0]) == f"[{url}]"


@pytest.mark.core
@pytest.mark.lab(ipv6=True)
def test_external_side(lab, stopped):
    """No answer, no announcement, and no group is joined there."""
    ears = [Ear(lab.outside, group) for group in (LINK, SITE, WIDE)]
    stopped.start()
    theirs = lab.outside.link_local()
    for to, source in ((LINK, theirs), (LINK, OUTSIDE6_IP),
                       (SITE, OUTSIDE6_IP), (WIDE, OUTSIDE6_IP),
                       (EXT6_IP, OUTSIDE6_IP), (LAN6_IP, OUTSIDE6_IP),
                       (lab.router.link_local("wan0"), theirs)):
        assert unanswered6(lab, lab.outside, to, source, EXT6_IP)
    groups = lab.router.run("ip", "-6", "maddr", "show", "dev", "wan0")
    assert "::c\n" not in groups
    assert "ff02::c\n" in lab.router.run("ip", "-6", "maddr", "show", "dev",
                                         "lan0")
    stopped.stop()
    with Probe(lab.outside, lab.router, EXT6_IP) as probe:
        probe.there_and_back()
    assert [ear.drain() for ear in ears] == [[], [], []]


@pytest.mark.lab(ipv6=True, second_lan=True)
@pytest.mark.conf(interfaces={"wan0": "external", "lan0": "internal",
                              "lan1": "internal"})
def test_each_interface_gets_its_own_address(lab, upnpd):
    """Both have link-local addresses of the same network."""
    for host, name, url in ((lab.lan1, "lan0", LAN6_IP),
                            (lab.lan2, "lan1", LAN26_IP)):
        found = search6(host, IGD1, LINK, host.link_local())
        assert location(found[0]) == f"[{url}]"
        assert found[0].peer[:2] == (lab.router.link_local(name), 1900)
        found = search6(host, IGD1, SITE, host.ip6)
        assert location(found[0]) == f"[{url}]"
        assert found[0].peer[:2] == (url, 1900)


@pytest.mark.lab(ipv6=True)
@pytest.mark.parametrize("first", ("media-server", "upnpd"))
def test_media_server_shares_the_port(lab, stopped, first):
    """A program on the router that is bound to every address and has joined the
    group: both receive a search by multicast, and upnpd one by unicast."""
    if first == "upnpd":
        stopped.start()
    with lab.router.socket(socket.SOCK_DGRAM, ("::", 1900), True) as server:
        server.settimeout(LONG)
        server.setsockopt(
            socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
            socket.inet_pton(socket.AF_INET6, LINK) +
            struct.pack("@I", lab.router.ifindex("lan0")))
        if first != "upnpd":
            stopped.start()
        theirs = lab.lan1.link_local()
        assert search6(lab.lan1, IGD1, LINK, theirs)
        while server.recv(2048) != msearch(IGD1, LINK):
            pass
        assert search6(lab.lan1, IGD1, LAN6_IP, HOST6_IP)
        assert search6(lab.lan1, IGD1, lab.router.link_local("lan0"), theirs)


@pytest.mark.lab(ipv6=True)
@pytest.mark.conf(ipv6="no")
def test_option_no(lab, upnpd):
    for to, source in ((LINK, lab.lan1.link_local()), (SITE, HOST6_IP),
                       (LAN6_IP, HOST6_IP)):
        assert unanswered6(lab, lab.lan1, to, source, LAN6_IP)
    assert "::c\n" not in lab.router.run("ip", "-6", "maddr", "show", "dev",
                                         "lan0")


# ---- announcements -----------------------------------------------------------

@pytest.mark.core
@pytest.mark.lab(ipv6=True)
def test_announcements_from_start_to_stop(lab, stopped):
    ip4 = Listener(lab.lan1)
    ears = {group: Ear(lab.lan1, group) for group in HOSTS}
    stopped.start()
    ours = {LINK: lab.router.link_local("lan0"), SITE: LAN6_IP}
    targets = pairs(search(lab.lan1, "ssdp:all", n=20), "ST")
    assert wait_until(lambda: pairs(ip4.of("ssdp:alive"), "NT") == targets)
    for group, ear in ears.items():
        def twice():
            got = [(m["NT"], m["USN"]) for m in ear.of("ssdp:alive")]
            return len(got) == 2 * len(targets)
        assert wait_until(twice)
        heard = ear.drain()
        assert pairs(ear.of("ssdp:alive"), "NT") == targets
        for m in heard:
            assert m.raw.startswith(b"NOTIFY * HTTP/1.1\r\nHOST: " +
                                    HOSTS[group].encode() + b"\r\n")
            assert m.hops == 10
            assert m.peer[:2] == (ours[group], 1900)
        for m in ear.of("ssdp:alive"):
            assert location(m) == f"[{LAN6_IP}]"
            assert max_age(m) >= 1800 and m["SERVER"]
        # what is known from before a restart ends first, and only then
        assert [m["NTS"] for m in heard] == \
            ["ssdp:byebye"] * len(targets) + ["ssdp:alive"] * 2 * len(targets)
        ear.since = len(heard)
    assert stopped.stop() == 0
    for ear in ears.values():
        assert wait_until(lambda: pairs(ear.of("ssdp:byebye", ear.since),
                                        "NT") == targets)
        assert not any("LOCATION" in m.fields for m in ear.of("ssdp:byebye"))


def alive(ear, url, above):
    """The BOOTID of NOTIFYs with this address in LOCATION, once they have come
    for both roots with one above @above; else None."""
    got = [m for m in ear.of("ssdp:alive")
           if location(m) == url and m.boot_id > above]
    ids = {m.boot_id for m in got}
    return ids.pop() if {m["NT"] for m in got} > {IGD1, IGD2} else None


@pytest.mark.lab(ipv6=True)
def test_provider_assigns_another_prefix(lab, upnpd):
    """The old one is deprecated, as odhcpd and networkd do it, and then gone.
    Control points of both families learn of it."""
    new = "2001:db8:77::1"
    ip4, link, site = (Listener(lab.lan1), Ear(lab.lan1, LINK),
                       Ear(lab.lan1, SITE))
    first = search(lab.lan1, IGD1)[0].boot_id
    lab.router.ip_batch(
        f"addr change {LAN6_IP}/64 dev lan0 "
        "preferred_lft 0 valid_lft forever",
        f"addr add {LAN6_ULA[:-1]}2/64 dev lan0 nodad",
        f"addr add {new}/64 dev lan0 nodad")
    for ear, url in ((site, f"[{new}]"), (link, f"[{new}]"), (ip4, LAN_IP)):
        assert wait_until(lambda: alive(ear, url, first))
    assert any(int(m["NEXTBOOTID.UPNP.ORG"]) > first
               for m in ip4.of("ssdp:update"))
    ll = lab.lan1.link_local()
    assert location(search6(lab.lan1, IGD1, LINK, ll)[0]) == f"[{new}]"
    # a host that still has an address in the old prefix is served
    assert location(search6(lab.lan1, IGD1, SITE, HOST6_IP)[0]) == \
        f"[{LAN6_IP}]"
    assert wait_until(lambda: len(  # the set is sent twice
        [m for m in link.of("ssdp:alive") if location(m) == f"[{new}]"]) == 42)
    since = len(link.drain())
    lab.router.ip_batch(f"addr del {LAN6_IP}/64 dev lan0")
    assert wait_until(lambda: not lab.router.run(
        "ss", "-Hlun", "src", f"[{LAN6_IP}]"))
    assert link.drain()[since:] == []
    # the connection is lost: no global prefix
    lab.router.ip_batch(f"addr del {new}/64 dev lan0")
    assert wait_until(lambda: alive(link, f"[{LAN6_ULA}]", first) or
                      alive(link, f"[{LAN6_ULA[:-1]}2]", first))


@pytest.mark.lab(ipv6=True)
def test_ipv6_comes_later(lab, stopped):
    """A control point that knows the gateway by IPv4 must not hear a byebye."""
    lab.router.run("ip", "-6", "addr", "flush", "dev", "lan0")
    ears = [Ear(lab.lan1, LINK), Ear(lab.lan1, SITE)]
    stopped.start()
    first = search(lab.lan1, IGD1)[0].boot_id
    lab.router.ip_batch("addr add fe80::88/64 dev lan0 nodad",
                        f"addr add {LAN6_IP}/64 dev lan0 nodad")
    for ear in ears:
        assert wait_until(lambda: alive(ear, f"[{LAN6_IP}]", first))
        assert ear.of("ssdp:byebye") == []
    assert http(lab.lan1, "GET", "/igd1.xml").status == 200
