# SPDX-License-Identifier: ISC
"""Interfaces with several addresses: each network on a wire is served, a
virtual address that routers share is served while this router has it, and
rules and clients use the external address that the route or the operator
selects."""
import contextlib
import socket
import xml.etree.ElementTree as ET

import pytest

from lab import (EXT_IP, HOST_IP, LAN_IP, OUT_IP, blocked, listener, reaches,
                 still_open, udp_passes, wait_until)
from test_events import Subscriber
from test_lifecycle import answers as answer_of
from test_network import external_is, plug, unplug
from test_igd2 import Igd2
from upnp import (GROUP, IGD1, NS, ROOT, Igd, Listener, UpnpError, error_of,
                  http, msearch, search, unanswered)

NET2_IP = "192.168.90.1"
NET2_HOST = "192.168.90.20"
VIRTUAL = "192.168.88.254"
EXT2_IP = "11.22.33.2"
MODEM = "192.168.100.2"


def location(ip):
    return f"http://{ip}:2828/igd1.xml"


def served_at(lab, ip):
    """Is the description served at @ip?"""
    with contextlib.suppress(OSError, AssertionError):
        return http(lab.lan1, "GET", "/igd1.xml", ip=ip,
                    timeout=1).status == 200
    return False


# ---- two networks on one bridge -----------------------------------------

def add_network(lab):
    lab.router.ip_batch(f"addr add {NET2_IP}/24 dev lan0")
    lab.lan2.ip_batch(f"addr flush dev eth0 scope global",
                      f"addr add {NET2_HOST}/24 dev eth0",
                      f"route add default via {NET2_IP}")
    lab.lan2.ip = NET2_HOST


@pytest.fixture
def two_networks(lab, stopped):
    """The daemon, serving two networks on one bridge."""
    add_network(lab)
    return stopped.start()


def byebyes_of_the_start(ear):
    """How many it heard: they come right before the first alive."""
    assert wait_until(lambda: ear.of("ssdp:alive"))
    return len(ear.of("ssdp:byebye"))


@pytest.mark.lab(bridge=True)
def test_two_networks_on_one_bridge(lab, two_networks):
    """Regression: upnpd served only the first address of an interface, so
    hosts of the second network found no gateway."""
    for host, ip in ((lab.lan1, LAN_IP), (lab.lan2, NET2_IP)):
        for to in (GROUP, ip):
            answer, = search(host, IGD1, to=to)
            assert answer["LOCATION"] == location(ip)
            assert answer.peer == (ip, 1900)
        igd = Igd(host, ip=ip)
        assert igd.external_ip() == EXT_IP
        port = 40000 + int(ip.split(".")[2])
        igd.add(port, "TCP", 8000)
        with listener(host, "TCP", 8000) as server:
            assert reaches(lab, "TCP", port, server)
    # the answer to a unicast search names the address that was searched
    answer, = search(lab.lan2, IGD1, to=LAN_IP)
    assert answer["LOCATION"] == location(LAN_IP)
    assert answer.peer == (LAN_IP, 1900)
    root = ET.fromstring(http(lab.lan2, "GET", "/igd1.xml", ip=NET2_IP).body)
    assert root.find(".//d:presentationURL", NS).text == f"http://{NET2_IP}:2828/"


@pytest.mark.lab(bridge=True)
@pytest.mark.only("netlink")
def test_each_network_is_announced(lab, stopped):
    add_network(lab)
    ear, ear2 = Listener(lab.lan1), Listener(lab.lan2, NET2_HOST)
    stopped.start()

    def announced(ip):
        # both are on one wire, so each receives both announcements
        return all(location(ip) in [m["LOCATION"] for m in e.of("ssdp:alive")
                                    if m.peer == (ip, 1900)]
                   for e in (ear, ear2))
    assert wait_until(lambda: announced(LAN_IP) and announced(NET2_IP))
    ear.close()
    ear2.close()


@pytest.mark.lab(bridge=True)
@pytest.mark.only("netlink")
def test_second_network_is_added_and_removed(lab, igd):
    """Adding and removing a second network leaves the sockets of the first
    open, and its hosts get no byebye."""
    ear = Listener(lab.lan1)
    boot_id = search(lab.lan1, IGD1)[0].boot_id
    at_start = byebyes_of_the_start(ear)
    with lab.lan1.socket(socket.SOCK_STREAM) as kept:
        kept.connect((LAN_IP, 2828))
        add_network(lab)
        second = Igd(lab.lan2, ip=NET2_IP)
        assert wait_until(lambda: answer_of(second.external_ip) == EXT_IP)
        assert search(lab.lan1, IGD1)[0].boot_id > boot_id
        assert wait_until(lambda: ear.of("ssdp:update"))
        second.add(40001, "TCP", 8000)
        lab.router.ip_batch(f"addr del {NET2_IP}/24 dev lan0")
        # the mapping disappears when the daemon has noticed the removal
        assert wait_until(lambda: 40001 not in [m[1] for m in igd.mapped()])
        answer, = search(lab.lan1, IGD1)
        assert answer["LOCATION"] == location(LAN_IP)
        assert len(ear.of("ssdp:byebye")) == at_start
        assert still_open(kept)
    ear.close()


@pytest.mark.lab(bridge=True)
@pytest.mark.only("netlink")
def test_search_from_a_third_network_is_not_answered(lab, two_networks):
    foreign = "10.9.9.9"
    lab.lan1.ip_batch(f"addr add {foreign}/24 dev eth0")
    lab.router.ip_batch("route add 10.9.9.0/24 dev lan0")
    for to in (GROUP, LAN_IP, NET2_IP):
        assert unanswered(lab, lab.lan1, msearch("ssdp:all"), to=to,
                          source=foreign)


# ---- a virtual address (VRRP, CARP) ---------------------------------------

def use_virtual(lab):
    lab.lan1.ip_batch(f"route replace default via {VIRTUAL}")


def ask_as_tailscale(lab):
    """Map a port as Tailscale does. Its client knows only the default gateway:
    it searches there by unicast, and reads the description from that address
    whatever LOCATION says."""
    found = search(lab.lan1, "ssdp:all", to=VIRTUAL, mx=2, n=21)
    assert len(found) == 21
    assert {m.peer for m in found} == {(VIRTUAL, 1900)}
    assert {m["LOCATION"] for m in found} == \
        {location(VIRTUAL), location(VIRTUAL).replace("igd1", "igd2")}
    igd = Igd(lab.lan1, ip=VIRTUAL)
    assert igd.external_ip() == EXT_IP
    assert igd.status() == "Connected"
    igd.add(41641, "UDP", 41641, lease=7200)
    with listener(lab.lan1, "UDP", 41641) as server:
        assert reaches(lab, "UDP", 41641, server)
    return igd


@pytest.mark.parametrize("prefix", (32, 24), ids=("host", "secondary"))
def test_virtual_gateway_address(lab, stopped, prefix):
    lab.router.ip_batch(f"addr add {VIRTUAL}/{prefix} dev lan0")
    use_virtual(lab)
    ear = Listener(lab.lan1)
    stopped.start()
    igd = ask_as_tailscale(lab)
    # the answer to a multicast search has the router's own address
    answer, = search(lab.lan1, IGD1)
    assert answer["LOCATION"] == location(LAN_IP)
    assert answer.peer == (LAN_IP, 1900)
    # both addresses serve the same gateway, which is announced once
    assert Igd(lab.lan1).mapped() == igd.mapped()
    assert {m.peer[0] for m in ear.of("ssdp:alive")} == {LAN_IP}
    ear.close()


@pytest.mark.only("netlink")
def test_virtual_address_moves_between_routers(lab, upnpd):
    """The address moves from another router to this one and back. upnpd
    announces nothing, and continues to serve the router's own address."""
    use_virtual(lab)
    ear = Listener(lab.lan1)
    boot_id = search(lab.lan1, IGD1)[0].boot_id
    at_start = byebyes_of_the_start(ear)
    for _ in range(2):
        assert not served_at(lab, VIRTUAL)
        lab.router.ip_batch(f"addr add {VIRTUAL}/32 dev lan0")
        assert wait_until(lambda: served_at(lab, VIRTUAL))
        ask_as_tailscale(lab)
        lab.router.ip_batch(f"addr del {VIRTUAL}/32 dev lan0")
        assert wait_until(lambda: f"{VIRTUAL}:" not in
                          lab.router.run("ss", "-Hltun"))
    assert search(lab.lan1, ROOT, n=2)[0].boot_id == boot_id
    assert len(ear.of("ssdp:byebye")) == at_start
    assert ear.of("ssdp:update") == []
    ear.close()


@pytest.mark.only("netlink")
@pytest.mark.conf(interfaces={"wan0": "external", "lan0": "internal",
                              "vrrp51": "internal"})
def test_virtual_address_on_a_macvlan(lab, stopped):
    """keepalived with use_vmac puts the virtual address, with its own hardware
    address, on a separate interface."""
    lab.router.ip_batch(
        "link add vrrp51 link lan0 type macvlan mode private",
        "link set vrrp51 address 00:00:5e:00:01:33 up",
        f"addr add {VIRTUAL}/32 dev vrrp51")
    for name in ("lan0", "vrrp51"):
        for key, value in (("arp_ignore", 1), ("arp_filter", 0),
                           ("rp_filter", 0)):
            lab.router.sysctl(f"net.ipv4.conf.{name}.{key}", value)
    use_virtual(lab)
    stopped.start()
    ask_as_tailscale(lab)
    answer, = search(lab.lan1, IGD1)
    assert answer["LOCATION"] == location(LAN_IP)


# ---- the external address -------------------------------------------------

@pytest.mark.conf(interfaces={
    "wan0": ["type = external", f"forced-ip = {EXT2_IP}"], "lan0": "internal"})
def test_forced_address_of_the_interface(lab, stopped):
    """The operator chose the second of two public addresses. Clients get that
    address, ports are opened on it, and traffic of mapped ports leaves from
    it."""
    lab.router.ip_batch(f"addr add {EXT2_IP}/24 dev wan0")
    stopped.start()
    igd = Igd(lab.lan1)
    assert igd.external_ip() == EXT2_IP
    igd.add(40000, "TCP", 8000)
    igd.add(40001, "UDP", 5000)
    with listener(lab.lan1, "TCP", 8000) as server:
        assert reaches(lab, "TCP", 40000, server, dst=EXT2_IP)
        assert blocked(lab, "TCP", 40000, server, dst=EXT_IP)
    with listener(lab.outside, "UDP", 9000) as far:
        assert udp_passes(lab.lan1, OUT_IP, 9000, far, src_port=5000) == \
            (EXT2_IP, 40001)
        # other traffic leaves as before
        assert udp_passes(lab.lan1, OUT_IP, 9000, far, src_port=5001) == \
            (EXT_IP, 5001)


@pytest.mark.conf(interfaces={
    "wan0": ["type = external", f"forced-ip = {EXT2_IP}"], "lan0": "internal"})
def test_forced_address_is_added_and_removed(lab, upnpd):
    """Clients always get the forced address. Rules use it only while the
    interface has it."""
    igd = Igd(lab.lan1)
    igd.add(40000, "TCP", 8000)
    server = listener(lab.lan1, "TCP", 8000)
    assert igd.external_ip() == EXT2_IP
    assert reaches(lab, "TCP", 40000, server)
    lab.router.ip_batch(f"addr add {EXT2_IP}/24 dev wan0")
    assert reaches(lab, "TCP", 40000, server, dst=EXT2_IP)
    assert wait_until(lambda: blocked(lab, "TCP", 40000, server))
    lab.router.ip_batch(f"addr del {EXT2_IP}/24 dev wan0")
    assert reaches(lab, "TCP", 40000, server)
    assert igd.external_ip() == EXT2_IP


@pytest.mark.parametrize("route", (True, False), ids=("route", "no-route"))
def test_modem_alias_is_not_the_external_address(lab, stopped, route):
    unplug(lab)
    lab.router.ip_batch(f"addr add {MODEM}/24 dev wan0")
    if route:
        plug(lab)
    else:
        lab.router.ip_batch(f"addr add {EXT_IP}/24 dev wan0")
    stopped.start()
    igd = Igd(lab.lan1)
    assert igd.external_ip() == EXT_IP
    assert "private address" not in stopped.log()
    igd.add(40000, "TCP", 8000)
    with listener(lab.lan1, "TCP", 8000) as server:
        assert reaches(lab, "TCP", 40000, server)
    # without the public address, only the modem's is left
    unplug(lab)
    assert external_is(igd, MODEM)
    assert stopped.wait_log("private address")


def test_default_route_selects_the_external_address(lab, igd):
    lab.router.ip_batch(f"addr add {EXT2_IP}/24 dev wan0")
    igd.add(40000, "TCP", 8000)
    server = listener(lab.lan1, "TCP", 8000)
    assert igd.external_ip() == EXT_IP
    lab.router.ip_batch(
        f"route replace default via {OUT_IP} dev wan0 src {EXT2_IP}")
    assert external_is(igd, EXT2_IP)
    assert reaches(lab, "TCP", 40000, server, dst=EXT2_IP)
    assert wait_until(lambda: blocked(lab, "TCP", 40000, server))


def uptime(igd):
    return int(igd.call("GetStatusInfo")["NewUptime"])


@pytest.mark.parametrize("how", ("address", "link", "carrier"))
def test_external_address_is_lost_and_restored(lab, igd, how):
    """Subscribers get an empty ExternalIPAddress, and Uptime is 0. When the
    address returns, so do the mappings."""
    lose, restore = {
        "address": (lambda: unplug(lab), lambda: plug(lab)),
        "link": (lambda: lab.router.ip_batch("link set wan0 down"),
                 lambda: lab.router.ip_batch(
                     "link set wan0 up", f"route add default via {OUT_IP}")),
        "carrier": (lambda: lab.outside.ip_batch("link set eth0 down"),
                    lambda: lab.outside.ip_batch("link set eth0 up")),
    }[how]
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    with contextlib.closing(Subscriber(lab.lan1)) as sub:
        sub.subscribe()
        assert sub.wait(1).vars["ExternalIPAddress"] == EXT_IP
        assert wait_until(lambda: uptime(igd) >= 1)
        lose()
        assert wait_until(lambda: sub.told("ExternalIPAddress")[-1] == "")
        assert wait_until(
            lambda: sub.told("ConnectionStatus")[-1] == "Disconnected")
        assert (igd.external_ip(), igd.status(), uptime(igd)) == \
            ("", "Disconnected", 0)
        assert igd.mapped() == {("TCP", 40000, HOST_IP, 8000)}
        restore()
        assert wait_until(lambda: sub.told("ExternalIPAddress")[-1] == EXT_IP)
        assert wait_until(
            lambda: sub.told("ConnectionStatus")[-1] == "Connected")
        assert reaches(lab, "TCP", 40000, server)
        sub.check()


# ---- more addresses than upnpd keeps -------------------------------------

def is_refused(igd, client):
    try:
        igd.add(40002, client=client)
    except UpnpError as e:
        return e.code == 718
    return False


@pytest.mark.only("netlink")
@pytest.mark.conf(secure_mode="no")
def test_every_address_of_the_router_is_refused(lab, igd):
    """Regression: beyond a limit, a mapping could lead to an address of the
    router. The last addresses are not the router's at first."""
    later, anyip = "192.168.88.20", "192.168.88.70"
    igd.add(40000, client=later)
    igd.add(40001, client=anyip)
    lab.router.ip_batch(*(f"addr add 192.168.88.{n}/32 dev lo"
                          for n in range(100, 250)))
    # upnpd reads its addresses again some milliseconds after a change
    assert wait_until(lambda: is_refused(igd, "192.168.88.249"))
    for n in (190, 100, 249):
        client = f"192.168.88.{n}"
        assert error_of(igd.add, 40002, client=client) == 718
        assert error_of(Igd2(lab.lan1).add, 40002, client=client) == 606
    assert len(igd.mapped()) == 2
    # not in the list of addresses, but a mapping to it ends
    lab.router.ip_batch(f"addr add {later}/32 dev lo")
    assert wait_until(lambda: len(igd.mapped()) == 1)
    assert wait_until(lambda: "40000" not in lab.rules())
    # a prefix that the router delivers to itself; a renewal is refused
    lab.router.ip_batch("route add local 192.168.88.64/27 dev lo")
    assert error_of(igd.add, 40001, client=anyip) == 718
    assert error_of(igd.add, 40002, client="192.168.88.95") == 718
    igd.add(40002, client="192.168.88.96")
