# SPDX-License-Identifier: ISC
"""Two uplinks: mappings follow the active one, in each backend, for each
protocol, and whatever moves it."""
import contextlib
import os
import signal
import socket
import subprocess

import pytest

from chain import Fake, wait_answers
from daemon import upnpc
from lab import (EXT_B_IP, EXT_IP, LONG, OUT_B_IP, OUT_IP, OUTSIDE6_B_IP,
                 PASSES, Probe, arrives, drop6, listener, wait_until)
from pmp import Announced, Pmp
from test_events import Subscriber
from test_lifecycle import answers
from test_network import external_is
from upnp import Gateway6, Igd

pytestmark = pytest.mark.lab(second_wan=True)

# Hosts of the Internet that each provider leads to. Answers to them need the
# right route; those to the providers' own hosts do not.
FAR = {"wan0": "11.99.0.9", "wan1": "44.99.0.9"}
EXT = {"wan0": EXT_IP, "wan1": EXT_B_IP}
GATEWAY = {"wan0": OUT_IP, "wan1": OUT_B_IP}

MORE_RULES = {
    "iptables": ("-A FORWARD -i lan+ -o wan1 -j ACCEPT",
                 "-t nat -A POSTROUTING -o wan1 -j MASQUERADE"),
    "nft": ('add rule inet filter forward iifname "lan*" oifname "wan1" accept',
            'add rule ip nat postrouting oifname "wan1" masquerade'),
}


def side(lab, name):
    return {"wan0": lab.outside, "wan1": lab.outside_b}[name]


@pytest.fixture
def stopped(lab, stopped):
    """The daemon, not started, with two external interfaces."""
    for name, ip in FAR.items():
        side(lab, name).ip_batch(f"addr add {ip}/32 dev lo",
                                 f"route add default via {EXT[name]}")
    tool = lab.firewall.name
    for rule in MORE_RULES["nft" if tool == "nft" else "iptables"]:
        lab.router.run(tool, *rule.split())
    lab.pristine = lab.rules()
    stopped.interfaces = {"wan0": "external", "wan1": "external",
                          "lan0": "internal"}
    return stopped


def route(lab, name):
    """The default route of the router leads over @name."""
    lab.router.ip_batch(f"route replace default via {GATEWAY[name]}")


def opened(lab, name, proto, port, server, **kw):
    """Does traffic from the Internet behind @name reach @server?"""
    kw.setdefault("src_ip", FAR[name])
    return wait_until(lambda: PASSES[proto](
        side(lab, name), kw.get("dst", EXT[name]), port, server,
        kw["src_ip"], timeout=0.5))


def closed(lab, name, proto, port, server):
    with Probe(lab.lan1, side(lab, name), GATEWAY[name]) as probe:
        return not arrives(probe, side(lab, name), proto, EXT[name], port,
                           server)


def active_is(igd, name):
    return external_is(igd, EXT[name])


# ---- the default route ------------------------------------------------------

def test_mappings_follow_the_default_route(lab, igd):
    """Rules, the address of UPnP, NAT-PMP and PCP, events and announcements."""
    tcp = listener(lab.lan1, "TCP", 8000)
    udp = listener(lab.lan1, "UDP", 5000)
    ear, heard = Subscriber(lab.lan1).subscribe(), Announced(lab.lan1)
    igd.add(40000, "TCP", 8000)
    with Pmp(lab.lan1) as pmp, heard:
        assert pmp.map("UDP", 5000, 40001).ext == 40001
        before = igd.mapped()
        for name, other in (("wan0", "wan1"), ("wan1", "wan0"),
                            ("wan0", "wan1")):
            route(lab, name)
            assert active_is(igd, name)
            assert opened(lab, name, "TCP", 40000, tcp)
            assert opened(lab, name, "UDP", 40001, udp)
            assert closed(lab, other, "TCP", 40000, tcp)
            assert closed(lab, other, "UDP", 40001, udp)
            assert igd.mapped() == before
            assert wait_until(lambda name=name: pmp.address() == EXT[name])
            assert wait_until(lambda name=name: ear.told("ExternalIPAddress")
                              [-1:] == [EXT[name]])
            assert wait_until(lambda name=name: EXT[name] in
                              [m.address for m in heard.addresses()])
    ear.check()


@pytest.mark.only("netlink")
def test_clients_of_debian(lab, igd):
    upnpc(lab.lan1, "-a", lab.lan1.ip, "8000", "40000", "TCP")
    assert f"ExternalIPAddress = {EXT_IP}\n" in upnpc(lab.lan1, "-s")
    route(lab, "wan1")
    assert active_is(igd, "wan1")
    assert f"ExternalIPAddress = {EXT_B_IP}\n" in upnpc(lab.lan1, "-s")
    assert "40000->" in upnpc(lab.lan1, "-l")
    found = lab.lan1.run("natpmpc", "-a", "40001", "8001", "tcp")
    assert f"Public IP address : {EXT_B_IP}\n" in found
    server = listener(lab.lan1, "TCP", 8001)
    assert opened(lab, "wan1", "TCP", 40001, server)


@pytest.mark.only("netlink")
def test_new_epoch_of_pcp(lab, igd):
    """RFC 6887 8.5: the address is another one."""
    with Pmp(lab.lan1) as pmp, Announced(lab.lan1) as heard:
        assert wait_until(lambda: pmp.epoch() >= 4)
        before = len(heard.drain())
        route(lab, "wan1")
        assert active_is(igd, "wan1")
        assert wait_until(lambda: [m for m in heard.epochs(before)
                                   if m.epoch <= 2])


def test_connections_survive(lab, igd):
    """The old uplink still works: its connections go on."""
    igd.add(40000, "TCP", 8000)
    server = listener(lab.lan1, "TCP", 8000)
    with side(lab, "wan0").socket(socket.SOCK_STREAM) as far:
        far.settimeout(LONG)
        far.connect((EXT_IP, 40000))
        near, _ = server.accept()
        with near:
            near.settimeout(LONG)
            route(lab, "wan1")
            assert active_is(igd, "wan1")
            assert opened(lab, "wan1", "TCP", 40000, server)
            far.sendall(b"still")
            assert near.recv(16) == b"still"
            near.sendall(b"here")
            assert far.recv(16) == b"here"


# ---- failures ----------------------------------------------------------------

def down(lab):
    lab.router.ip_batch("link set wan0 down")


def up(lab):
    lab.router.ip_batch("link set wan0 up",
                        f"route replace default via {OUT_IP}")


def pull(lab):
    # as routers that have two uplinks set it
    lab.router.sysctl("net.ipv4.conf.all.ignore_routes_with_linkdown", 1)
    lab.outside.ip_batch("link set eth0 down")


def plug(lab):
    lab.outside.ip_batch("link set eth0 up",
                         f"route replace default via {EXT_IP}")


def lose_address(lab):
    lab.router.ip_batch(f"addr del {EXT_IP}/24 dev wan0")


def get_address(lab):
    lab.router.ip_batch(f"addr add {EXT_IP}/24 dev wan0",
                        f"route replace default via {OUT_IP}")


@pytest.mark.only("netlink")
@pytest.mark.parametrize("fail, mend", [
    (down, up), (pull, plug), (lose_address, get_address),
], ids=["down", "carrier", "address"])
@pytest.mark.parametrize("selection", ["route", "priority"])
def test_failover(lab, stopped, selection, fail, mend):
    stopped.options["external_selection"] = selection
    stopped.start()
    igd = Igd(lab.lan1)
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    assert opened(lab, "wan0", "TCP", 40000, server)
    fail(lab)
    assert active_is(igd, "wan1")
    assert opened(lab, "wan1", "TCP", 40000, server)
    mend(lab)
    assert active_is(igd, "wan0")
    assert opened(lab, "wan0", "TCP", 40000, server)
    assert closed(lab, "wan1", "TCP", 40000, server)


@pytest.mark.only("netlink")
def test_interface_goes_and_returns(lab, igd, upnpd):
    """As ppp0 does."""
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    lab.router.ip_batch("link set wan0 name ppp9",
                        f"route del default via {OUT_IP}")
    assert active_is(igd, "wan1")
    assert opened(lab, "wan1", "TCP", 40000, server)
    lab.router.ip_batch("link set ppp9 name wan0",
                        f"route add default via {OUT_IP}")
    assert active_is(igd, "wan0")
    assert opened(lab, "wan0", "TCP", 40000, server)


@pytest.mark.only("netlink")
def test_flapping(lab, igd, upnpd):
    """The route changes twenty times: mappings move four times at once, and
    arrive at the right uplink in the end."""
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    for i in range(20):
        name = "wan0" if i % 2 else "wan1"
        route(lab, name)
        # so that the daemon sees each of them
        wait_until(lambda name=name: answers(igd.external_ip) == EXT[name],
                   0.2)
    route(lab, "wan1")
    moves = upnpd.log().count("is the active external interface now")
    assert 4 <= moves <= 6, upnpd.log()
    assert "changes are enough for now" in upnpd.log()
    assert active_is(igd, "wan1") or wait_until(
        lambda: answers(igd.external_ip) == EXT_B_IP)
    assert opened(lab, "wan1", "TCP", 40000, server)


# ---- selection ---------------------------------------------------------------

@pytest.mark.only("netlink")
@pytest.mark.conf(external_selection="priority")
def test_priority_ignores_the_route(lab, igd, upnpd):
    route(lab, "wan1")
    with Pmp(lab.lan1) as pmp:
        assert pmp.address() == EXT_IP
    assert igd.external_ip() == EXT_IP
    upnpd.interfaces = {"wan1": "external", "wan0": "external",
                        "lan0": "internal"}
    upnpd.reload()
    assert active_is(igd, "wan1")


MARKS = """\
table ip marks {
    chain prerouting {
        type filter hook prerouting priority mangle;
        ct mark != 0 meta mark set ct mark return
        iifname "wan0" meta mark set 0x100
        iifname "wan1" meta mark set 0x200
        iifname "lan0" meta mark set numgen random mod 2 map \
{ 0 : 0x100, 1 : 0x200 }
        ct mark set meta mark
    }
}
"""


@pytest.mark.only("netlink")
@pytest.mark.parametrize("first", ["wan0", "wan1"])
def test_policy_routing_by_marks(lab, stopped, first):
    """As mwan3: connections of the LAN are shared out by their mark, each
    uplink has a table, and what comes in by one leaves by the same."""
    for name, mark, table in (("wan0", "0x100", 101), ("wan1", "0x200", 102)):
        lab.router.ip_batch(
            f"route add default via {GATEWAY[name]} dev {name} table {table}",
            f"rule add fwmark {mark} lookup {table} pref {table}")
    # networks that are connected need no mark
    lab.router.ip_batch("rule add lookup main suppress_prefixlength 0 pref 50")
    lab.router.run("nft", "-f", "-", stdin=MARKS)
    lab.pristine = lab.rules()
    order = [first, *(n for n in EXT if n != first)]
    stopped.interfaces = {**dict.fromkeys(order, "external"),
                          "lan0": "internal"}
    stopped.options["external_selection"] = "priority"
    stopped.start()
    igd = Igd(lab.lan1)
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    assert igd.external_ip() == EXT[first]
    for _ in range(4):
        assert opened(lab, first, "TCP", 40000, server)
    lab.router.ip_batch(f"link set {first} down")
    assert active_is(igd, order[1])
    assert opened(lab, order[1], "TCP", 40000, server)


@pytest.mark.only("netlink")
def test_rule_moves_the_route(lab, igd):
    """A routing rule counts, not only the route of the main table."""
    lab.router.ip_batch(f"route add default via {OUT_B_IP} dev wan1 table 77",
                        "rule add pref 77 lookup 77")
    assert active_is(igd, "wan1")
    lab.router.ip_batch("rule del pref 77")
    assert active_is(igd, "wan0")


@contextlib.contextmanager
def vpn(lab):
    """OpenVPN from the router to the outside host, whose end of the tunnel is
    the router's address 77.88.99.2."""
    key = lab.path("vpn.key")
    subprocess.run(["openvpn", "--genkey", "secret", key], check=True)
    ends = []
    common = ["--dev", "tun0", "--dev-type", "tun", "--secret", key,
              "--cipher", "AES-256-CBC", "--port", "1194", "--verb", "3"]
    for host, own, peer, more in (
            (lab.outside, "77.88.99.1", "77.88.99.2", []),
            (lab.router, "77.88.99.2", "77.88.99.1",
             ["--remote", OUT_IP, "--redirect-gateway", "def1"])):
        with open(lab.path(f"vpn{len(ends)}.log"), "w") as log:
            ends.append(subprocess.Popen(
                ["ip", "netns", "exec", host.ns, "openvpn", *common,
                 "--ifconfig", own, peer, *more],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log))
    try:
        yield ends
    finally:
        for end in ends:
            end.terminate()
            end.wait()


def vpn_log(lab):
    with open(lab.path("vpn1.log")) as f:
        return f.read()


@pytest.mark.only("netlink")
def test_vpn_as_second_uplink(lab, stopped):
    """A VPN that takes over the traffic by two halves of a default route."""
    lab.router.run("nft", *MORE_RULES["nft"][0].replace("wan1", "tun0")
                   .split())
    lab.pristine = lab.rules()
    stopped.interfaces = {"wan0": "external", "tun0": "external",
                          "lan0": "internal"}
    stopped.start()
    igd = Igd(lab.lan1)
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    assert igd.external_ip() == EXT_IP
    with vpn(lab) as (_, router):
        assert wait_until(lambda: "Sequence Completed" in vpn_log(lab)), \
            vpn_log(lab)
        assert external_is(igd, "77.88.99.2"), stopped.log()
        assert opened(lab, "wan0", "TCP", 40000, server, dst="77.88.99.2")
        router.send_signal(signal.SIGTERM)
        assert active_is(igd, "wan0")
        assert opened(lab, "wan0", "TCP", 40000, server)


# ---- restarts ----------------------------------------------------------------

@pytest.mark.only("netlink")
def test_restart_on_the_second_uplink(lab, igd, upnpd):
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    route(lab, "wan1")
    assert active_is(igd, "wan1")
    upnpd.stop()
    upnpd.start()
    assert igd.external_ip() == EXT_B_IP
    assert opened(lab, "wan1", "TCP", 40000, server)
    engine = upnpd.engine()
    os.kill(engine, signal.SIGKILL)
    assert wait_until(lambda: upnpd.engine() not in (None, engine))
    assert active_is(igd, "wan1")
    assert opened(lab, "wan1", "TCP", 40000, server)
    assert closed(lab, "wan0", "TCP", 40000, server)


@pytest.mark.only("netlink")
def test_second_uplink_is_added_by_a_reload(lab, stopped):
    stopped.interfaces = {"wan0": "external", "lan0": "internal"}
    stopped.start()
    igd = Igd(lab.lan1)
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    route(lab, "wan1")
    assert igd.external_ip() == EXT_IP
    stopped.interfaces = {"wan0": "external", "wan1": "external",
                          "lan0": "internal"}
    stopped.reload()
    assert active_is(igd, "wan1")
    assert opened(lab, "wan1", "TCP", 40000, server)


# ---- control points that take the link down ------------------------------------

@pytest.mark.only("netlink")
@pytest.mark.conf(allow_disable_external_interface="yes")
def test_terminated_connection_stays_terminated(lab, igd, upnpd):
    """The other uplink does not connect the LAN again, not even after a
    reload; RequestConnection takes the same link up."""
    igd.add(40000, "TCP", 8000)
    igd.call("ForceTermination")
    assert wait_until(lambda: answers(igd.external_ip) == "")
    assert igd.status() == "Disconnected"
    upnpd.reload()
    assert upnpd.wait_log("configuration read again")
    upnpd.wait_ready()
    assert wait_until(lambda: answers(igd.status) == "Disconnected")
    assert igd.external_ip() == ""
    igd.call("RequestConnection")
    assert active_is(igd, "wan0")
    assert igd.status() == "Connected"
    server = listener(lab.lan1, "TCP", 8000)
    assert opened(lab, "wan0", "TCP", 40000, server)


# ---- another NAT in front --------------------------------------------------------

@pytest.mark.only("netlink")
def test_upstream_of_the_active_uplink(lab, stopped):
    """The second provider has a NAT, which forwards each port. It is asked only
    while its uplink is the active one."""
    lab.router.ip_batch(f"addr del {EXT_B_IP}/24 dev wan1",
                        "addr add 10.9.0.2/24 dev wan1",
                        "route add default via 10.9.0.1 metric 20")
    lab.outside_b.ip_batch("addr add 10.9.0.1/24 dev eth0")
    lab.outside_b.ip = "10.9.0.1"
    with Fake(lab.outside_b, ext="44.55.66.77") as gateway:
        stopped.start()
        igd = Igd(lab.lan1)
        igd.add(40000, "TCP", 8000)
        assert igd.external_ip() == EXT_IP
        assert not gateway.asked("TCP", 40000)
        lab.router.ip_batch("route del default via " + OUT_IP)
        wait_answers(stopped)
        assert external_is(igd, "44.55.66.77")
        assert wait_until(lambda: gateway.asked("TCP", 40000))
        lab.router.ip_batch(f"route add default via {OUT_IP}")
        assert active_is(igd, "wan0")


# ---- IPv6 ------------------------------------------------------------------------

@pytest.mark.lab(second_wan=True, ipv6=True)
def test_pinholes_follow_the_ipv6_route(lab, stopped):
    """IPv4 by one uplink, IPv6 by the other, as by a tunnel."""
    drop6(lab)
    lab.pristine = lab.rules()
    stopped.start()
    Gateway6(lab.lan1).open(8080)
    server = listener(lab.lan1, "TCP", 8080, "::")

    def reaches6(name):
        return PASSES["TCP"](side(lab, name), lab.lan1.ip6, 8080, server,
                             timeout=0.5)
    assert wait_until(lambda: reaches6("wan0"))
    assert not reaches6("wan1")
    lab.router.ip_batch(f"route replace default via {OUTSIDE6_B_IP} dev "
                        "wan1 metric 5")
    assert wait_until(lambda: reaches6("wan1"))
    assert not reaches6("wan0")
    assert Igd(lab.lan1).external_ip() == EXT_IP
