# SPDX-License-Identifier: ISC
"""Other firewalls of the router, over IPv6: packets to a pinhole arrive beside
each of them, whether it starts before upnpd or later."""
import pytest

from box import Firewalld, Shorewall6, Ufw
from lab import (HOST6_IP, LAN6_IP, OUTSIDE6_IP, blocked, listener, reaches,
                 tcp_passes, wait_until)
from rulesets import FW4, MASQUERADE, NFTABLES_CONF
from upnp import Gateway6

pytestmark = pytest.mark.lab(ipv6=True)


# ---- firewalls ---------------------------------------------------------
#
# Each loads one firewall that drops, and returns how to load it again, which
# removes upnpd's rules in it.

def nftables(gateway):
    text = NFTABLES_CONF.format(first="")
    gateway.nft(text)
    return lambda: gateway.nft("delete table inet filter\n" + text)


def fw4(gateway):
    text = FW4.format(forward="", wan="")
    gateway.nft(text)
    return lambda: gateway.nft("delete table inet fw4\n" + text)


def ufw(variant):
    def load(gateway):
        box = gateway.boxes.enter_context(Ufw(gateway.lab, variant))
        box.enable()
        return lambda: box.ufw("reload")
    return load


def shorewall6(variant):
    def load(gateway):
        box = gateway.boxes.enter_context(Shorewall6(gateway.lab, variant))
        box.start()
        return lambda: box.shorewall("reload")
    return load


def firewalld(gateway):
    box = gateway.boxes.enter_context(Firewalld(gateway.lab))
    box.configure()
    box.start()
    return box.reload


FIREWALLS = {
    "nftables.conf": nftables,
    "fw4": fw4,
    "ufw-nft": ufw("nft"),
    "ufw-legacy": ufw("legacy"),
    "shorewall6-nft": shorewall6("nft"),
    "shorewall6-legacy": shorewall6("legacy"),
    "firewalld": firewalld,
}
EACH = pytest.mark.parametrize("name", FIREWALLS)
KINDS = (("TCP", 6), ("UDP", 17))


@pytest.fixture
def servers(gateway):
    """(protocol, port) -> a server on lan1"""
    made = {(proto, port): listener(gateway.lab.lan1, proto, port, HOST6_IP)
            for proto, _ in KINDS for port in (8000, 8001, 8002)}
    yield made
    for sock in made.values():
        sock.close()


def out_works(gateway):
    """Do connections from the LAN pass?"""
    with listener(gateway.lab.outside, "TCP", 80, OUTSIDE6_IP) as server:
        return bool(wait_until(lambda: tcp_passes(
            gateway.lab.lan1, OUTSIDE6_IP, 80, server, timeout=1)))


def opened(gateway, *ports):
    """Open these ports of lan1. After a change of the firewall, upnpd may need
    a moment. Return the numbers of the pinholes."""
    six, ids = Gateway6(gateway.lab.lan1, ip=LAN6_IP), []

    def opens(port, number):
        return lambda: gateway.code(lambda: ids.append(
            six.open(port, proto=number))) == 0
    for port in ports:
        for _, number in KINDS:
            assert wait_until(opens(port, number), every=0.2), \
                gateway.upnpd.log()
    return ids


def arrive(gateway, servers, *ports):
    """Packets reach these ports, and no other one."""
    for (proto, port), server in servers.items():
        check = reaches if port in ports else blocked
        assert check(gateway.lab, proto, port, server, dst=HOST6_IP), \
            (proto, port, gateway.upnpd.log())
    return True


def closed(gateway, ids):
    six = Gateway6(gateway.lab.lan1, ip=LAN6_IP)
    for uid in ids:
        six.close(uid)


@EACH
def test_packets_arrive_beside_an_earlier_firewall(gateway, servers, name):
    """And after it was loaded again, without a restart of upnpd."""
    gateway.nft(MASQUERADE)
    reload = FIREWALLS[name](gateway)
    assert out_works(gateway)
    gateway.upnpd.start()
    assert arrive(gateway, servers)
    ids = opened(gateway, 8000)
    assert arrive(gateway, servers, 8000)
    assert gateway.is_well()
    reload()
    if "legacy" in name:
        opened(gateway, 8000)       # it gives no notice
    assert arrive(gateway, servers, 8000)
    ids += opened(gateway, 8001)
    assert arrive(gateway, servers, 8000, 8001)
    assert out_works(gateway)
    assert gateway.is_well()
    closed(gateway, ids)
    assert arrive(gateway, servers)


@EACH
def test_packets_arrive_when_a_firewall_starts_later(gateway, servers, name):
    """A pinhole that exists keeps working, and new ones work as well. Until
    then, the firewall is one for IPv6 alone."""
    gateway.nft(MASQUERADE + DROP_LATER)
    gateway.upnpd.start()
    ids = opened(gateway, 8000)
    assert arrive(gateway, servers, 8000)
    FIREWALLS[name](gateway)
    assert out_works(gateway)
    if "legacy" in name:
        gateway.resync()        # it gives no notice
    assert arrive(gateway, servers, 8000)
    ids += opened(gateway, 8001)
    assert arrive(gateway, servers, 8000, 8001)
    assert gateway.is_well()
    closed(gateway, ids)
    assert arrive(gateway, servers)


# Without a firewall there is nothing to open. This one remains beside the
# other.
DROP_LATER = """
table ip6 first {
    chain forward {
        type filter hook forward priority 10; policy drop;
        ct state established,related accept
        iifname "lan0" accept
    }
}
"""
