# SPDX-License-Identifier: ISC
"""Mappings for one port of one remote host, as PCP's FILTER and PEER make them
(RFC 6887), in the kernel of each backend. Here the operator makes them."""
import itertools
import socket

import pytest

from lab import (EXT_IP, HOST_IP, LAN_IP, OUT2_IP, OUT_IP, PASSES,
                 blocked, listener, reaches, wait_until)
from test_flows import Flow
from test_jail import EREFUSED, OK, Rogue
from test_upnpctl_live import Ctl

BOTH = pytest.mark.parametrize("proto", ("TCP", "UDP"))
pytestmark = pytest.mark.core


@pytest.fixture
def ctl(lab, upnpd):
    return Ctl(lab, upnpd)


def add(ctl, proto, remote="", int_port=8000, ext=40000):
    ctl("mappings", "add", f"protocol={proto.lower()}",
        f"external-port={ext}", f"to={HOST_IP}:{int_port}", "lease=1h",
        f"remote-host={remote}")


def remove(ctl, proto, remote="", ext=40000):
    ctl("mappings", "remove", f"{proto.lower()}:{ext}:{remote or '0.0.0.0'}")


# ---- traffic ----------------------------------------------------------

@BOTH
def test_only_the_remote_port_gets_in(lab, ctl, proto):
    server = listener(lab.lan1, proto, 8000)
    add(ctl, proto, f"{OUT2_IP}:5000")
    right = {"src_ip": OUT2_IP, "src_port": 5000}
    assert reaches(lab, proto, 40000, server, **right) == (OUT2_IP, 5000)
    assert blocked(lab, proto, 40000, server, src_ip=OUT2_IP, src_port=5001)
    assert blocked(lab, proto, 40000, server, src_ip=OUT_IP, src_port=5000)
    assert blocked(lab, proto, 40001, server, src_ip=OUT2_IP, src_port=5002)
    (entry,) = ctl.json("mappings", "print")
    assert (entry["remote-host"], entry["remote-port"]) == (OUT2_IP, 5000)
    assert "as it should be" in ctl("resync")
    remove(ctl, proto, f"{OUT2_IP}:5000")
    assert blocked(lab, proto, 40000, server, **right)


@pytest.mark.parametrize("order", itertools.permutations(range(3)),
                         ids=lambda order: "".join(map(str, order)))
def test_the_closest_mapping_decides(lab, ctl, order):
    """Of the mappings of one external port, whatever their order."""
    remotes = ("", OUT2_IP, f"{OUT2_IP}:5000")
    servers = [listener(lab.lan1, "UDP", 8000 + n) for n in range(3)]

    def check(port, found):
        """From a new port each time: the tracked flows of former checks
        belong to their own mappings."""
        assert reaches(lab, "UDP", 40000, servers[found[0]], src_ip=OUT_IP,
                       src_port=port)
        assert reaches(lab, "UDP", 40000, servers[found[1]], src_ip=OUT2_IP,
                       src_port=port)
        assert reaches(lab, "UDP", 40000, servers[found[2]], src_ip=OUT2_IP,
                       src_port=5000)

    for n in order:
        add(ctl, "UDP", remotes[n], 8000 + n)
    check(6000, (0, 1, 2))
    assert "as it should be" in ctl("resync")
    remove(ctl, "UDP", remotes[2])      # the flow from its port ends
    check(6001, (0, 1, 1))
    add(ctl, "UDP", remotes[2], 8002)
    remove(ctl, "UDP", remotes[1])
    check(6002, (0, 0, 2))


@BOTH
def test_client_sends_from_the_mapped_port(lab, ctl, proto):
    """PEER: the client's packets to the remote port leave with the external
    port of the only mapping, which is for that port, and answers arrive."""
    add(ctl, proto, f"{OUT_IP}:9000", 5000)
    with listener(lab.outside, proto, 9000) as far:
        assert wait_until(lambda: PASSES[proto](
            lab.lan1, OUT_IP, 9000, far, src_port=5000) == (EXT_IP, 40000))
        assert PASSES[proto](lab.lan1, OUT_IP, 9000, far, src_port=5001) == \
            (EXT_IP, 5001)


# ---- flows ------------------------------------------------------------

class PeerFlow(Flow):
    """A flow from this port of OUT2_IP. Several of them have one server."""

    def __init__(self, lab, proto, port, listening):
        self.port, self.listening = port, listening
        super().__init__(lab, proto, 40000, 8000)

    def new_server(self, proto, port):
        if proto == "TCP":
            return self.listening
        return self.lab.lan1.socket(socket.SOCK_DGRAM, ("", port), reuse=True)

    def new_peer(self, kind):
        return self.lab.outside.socket(kind, (OUT2_IP, self.port), reuse=True)


@BOTH
def test_only_the_flow_of_the_remote_port_ends(lab, ctl, proto):
    """Two mappings with the same external port and remote host lead to the
    same socket. (Packets of the other flow would make it anew; test_conntrack
    looks at the kernel's table.)"""
    add(ctl, proto, f"{OUT2_IP}:5000")
    add(ctl, proto, f"{OUT2_IP}:5001")
    with listener(lab.lan1, "TCP", 8000) as listening:
        ends = PeerFlow(lab, proto, 5000, listening)
        stays = PeerFlow(lab, proto, 5001, listening)
        assert ends.passes() and stays.passes()
        remove(ctl, proto, f"{OUT2_IP}:5000")
        assert wait_until(lambda: not ends.comes_in())
        assert stays.passes()
        ends.close()
        stays.close()


# ---- repair, restart --------------------------------------------------

DAMAGE = {
    "netlink": (("nft", "flush", "map", "ip", "upnpd", "forward_from_port"),),
    "iptables-legacy": (("iptables-legacy", "-t", "nat", "-F",
                         "UPNPD-tcp-39936"),),
    "iptables-nft": (("iptables-nft", "-t", "nat", "-F", "UPNPD-tcp-39936"),),
}


def test_rules_of_a_remote_port_are_repaired(lab, ctl, backend):
    server = listener(lab.lan1, "TCP", 8000)
    right = {"src_ip": OUT2_IP, "src_port": 5000}
    add(ctl, "TCP", f"{OUT2_IP}:5000")
    assert reaches(lab, "TCP", 40000, server, **right)
    for command in DAMAGE[backend]:
        lab.router.run(*command)
    assert blocked(lab, "TCP", 40000, server, src_ip=OUT2_IP, src_port=5001)
    assert wait_until(lambda: "as it should be" in ctl("resync"))
    assert reaches(lab, "TCP", 40000, server, **right)
    assert blocked(lab, "TCP", 40000, server, src_ip=OUT2_IP, src_port=5002)


def test_mapping_of_a_remote_port_survives_a_restart(lab, upnpd, ctl):
    server = listener(lab.lan1, "TCP", 8000)
    add(ctl, "TCP", f"{OUT2_IP}:5000")
    assert upnpd.stop() == 0
    upnpd.start()
    (entry,) = ctl.json("mappings", "print")
    assert (entry["remote-host"], entry["remote-port"]) == (OUT2_IP, 5000)
    assert reaches(lab, "TCP", 40000, server, src_ip=OUT2_IP, src_port=5000)
    assert blocked(lab, "TCP", 40000, server, src_ip=OUT2_IP, src_port=5001)


@pytest.mark.only("netlink")
def test_lookup_by_remote_port_is_made_when_needed(lab, ctl):
    """Other routers look up no map more for each new flow."""
    def rules():
        table = lab.router.run("nft", "list", "chain", "ip", "upnpd",
                               "prerouting")
        return [line for line in table.split("\n") if "@" in line]

    assert len(rules()) == 1
    add(ctl, "TCP", OUT2_IP)
    assert len(rules()) == 2
    add(ctl, "TCP", f"{OUT2_IP}:5000")
    first, *others = rules()
    assert "ip saddr . meta l4proto . th dport . th sport map " \
        "@forward_from_port" in first
    assert len(others) == 2


# ---- the port of a flow -----------------------------------------------

@pytest.mark.only("netlink", "iptables-legacy")
@pytest.mark.lab(bridge=True)
def test_monitor_finds_the_port_of_a_flow(lab, stopped):
    """The router masquerades. A second client's flow from the same port gets
    another external port, which only the kernel knows."""
    rogue = Rogue(stopped)
    assert rogue.ask("look") == OK

    def port_of(client, remote=OUT_IP, remote_port=9000):
        return rogue.ask(f"flow udp {client} 5000 {remote} {remote_port}")

    assert port_of(HOST_IP) == f"{OK} 0"
    with listener(lab.outside, "UDP", 9000) as far:
        seen = {}
        for host in (lab.lan1, lab.lan2):
            peer = PASSES["UDP"](host, OUT_IP, 9000, far, src_port=5000)
            seen[host.ip] = peer[1]
    assert len(set(seen.values())) == 2
    for client, port in seen.items():
        assert port_of(client) == f"{OK} {port}"
    assert port_of(HOST_IP, OUT2_IP) == f"{OK} 0"
    assert port_of(HOST_IP, remote_port=9001) == f"{OK} 0"
    for client in (LAN_IP, EXT_IP, "8.8.8.8"):
        assert port_of(client) == f"{EREFUSED} 0"
    assert rogue.close() == 0
