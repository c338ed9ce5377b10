# SPDX-License-Identifier: ISC
"""Other firewalls of the router: mapped packets arrive beside each of them,
whether it starts before upnpd or later, and where several of them drop."""
import os
import re
import signal
import subprocess

import pytest

from box import Firewalld, Shorewall, Ufw
from lab import (EXT_IP, HOST_LAN2_IP, LAN2_IP, OUT_IP, listener, tcp_passes,
                 wait_until)
from rulesets import (DOCKER, DOCKER_NFT, FW4, IPT_FORWARD, IPT_MASQUERADE,
                      LIBVIRT, LXD, MASQUERADE, NFTABLES_CONF, TAILSCALE)
from upnp import Igd

pytestmark = pytest.mark.lab(container=True)


# ---- firewalls ---------------------------------------------------------
#
# Each is a function that loads one firewall which drops, or only looks as if
# it could. It gets the gateway, and returns how to load it again, which
# removes upnpd's rules in it.

def nftables(gateway):
    text = NFTABLES_CONF.format(first="")
    gateway.nft(text)
    return lambda: gateway.nft("flush table inet filter\n"
                               "delete table inet filter\n" + text)


def fw4(gateway):
    text = FW4.format(forward="", wan="")
    gateway.nft(text)
    return lambda: gateway.nft("delete table inet fw4\n" + text)


def iptables(variant):
    def load(gateway):
        text = IPT_FORWARD.format(first="")
        gateway.restore(variant, text)
        return lambda: gateway.restore(variant, text)
    return load


def docker(variant):
    def load(gateway):
        gateway.restore(variant, DOCKER, "--noflush")

        def again():
            for table in "filter", "nat", "raw":
                gateway.iptables(variant, "-t", table, "-F")
                gateway.iptables(variant, "-t", table, "-X")
            gateway.restore(variant, DOCKER, "--noflush")
        return again
    return load


def docker_nft(gateway):
    gateway.nft(DOCKER_NFT)
    return lambda: gateway.nft("delete table ip docker-bridges\n" + DOCKER_NFT)


def tailscale(variant):
    def load(gateway):
        gateway.restore(variant, TAILSCALE, "--noflush")
        return lambda: gateway.restore(variant, TAILSCALE)
    return load


def virtual_machines(gateway):
    gateway.nft(LXD + LIBVIRT)
    return lambda: gateway.nft("delete table inet lxd\n"
                               "delete table ip libvirt_network\n" +
                               LXD + LIBVIRT)


def in_box(gateway, box):
    return gateway.boxes.enter_context(box)


def ufw(variant):
    def load(gateway):
        box = in_box(gateway, Ufw(gateway.lab, variant))
        box.enable()
        return lambda: box.ufw("reload")
    return load


def shorewall(variant):
    def load(gateway):
        box = in_box(gateway, Shorewall(gateway.lab, variant))
        box.start()
        return lambda: box.shorewall("reload")
    return load


def firewalld(gateway):
    box = in_box(gateway, Firewalld(gateway.lab))
    box.configure()
    box.start()
    return box.reload


FIREWALLS = {
    "nftables.conf": nftables,
    "fw4": fw4,
    "iptables-nft": iptables("nft"),
    "iptables-legacy": iptables("legacy"),
    "docker-nft": docker("nft"),
    "docker-legacy": docker("legacy"),
    "docker-nftables": docker_nft,
    "ufw-nft": ufw("nft"),
    "ufw-legacy": ufw("legacy"),
    "shorewall-nft": shorewall("nft"),
    "shorewall-legacy": shorewall("legacy"),
    "firewalld": firewalld,
    "tailscale-nft": tailscale("nft"),
    "tailscale-legacy": tailscale("legacy"),
    "lxd and libvirt": virtual_machines,
}


def out_works(gateway):
    """Do connections from the LAN pass?"""
    with listener(gateway.lab.outside, "TCP", 80) as server:
        return bool(wait_until(lambda: tcp_passes(
            gateway.lab.lan1, OUT_IP, 80, server, timeout=1)))


def arrive(gateway, *ports):
    """Mappings on these ports work, for both protocols; others are closed."""
    for port in ports:
        gateway.add(port, "TCP", 8000)
        gateway.add(port, "UDP", 8000)
    with listener(gateway.lab.lan1, "TCP", 8000) as tcp, \
            listener(gateway.lab.lan1, "UDP", 8000) as udp:
        for port in ports:
            assert gateway.opens(tcp, port)
            assert gateway.opens(udp, port, "UDP")
        assert gateway.shut(tcp, 39999)
        assert gateway.shut(udp, 39999, "UDP")
    # upnpd opened no more than the mapped port of the client
    with listener(gateway.lab.lan1, "TCP", 8001) as tcp:
        assert gateway.shut(tcp, ports[0])
    return True


@pytest.mark.parametrize("name", FIREWALLS)
def test_packets_arrive_beside_an_earlier_firewall(gateway, name):
    """And after it was loaded again, without a restart of upnpd."""
    gateway.nft(MASQUERADE)
    reload = FIREWALLS[name](gateway)
    assert out_works(gateway)
    gateway.upnpd.start()
    assert arrive(gateway, 40000)
    reload()
    if "legacy" in name:
        with listener(gateway.lab.lan1, "TCP", 8000) as server:
            gateway.add(40000)
            assert gateway.at_once(server)
    assert arrive(gateway, 40000, 40001)
    assert out_works(gateway)
    assert gateway.is_well()


@pytest.mark.parametrize("name", FIREWALLS)
def test_packets_arrive_when_a_firewall_starts_later(gateway, name):
    """Mappings that exist keep working, and new ones work as well. A backend
    chosen at the start of upnpd may be of another kind."""
    gateway.nft(MASQUERADE)
    gateway.upnpd.start()
    assert arrive(gateway, 40000)
    FIREWALLS[name](gateway)
    assert out_works(gateway)
    if "legacy" in name:
        gateway.resync()        # it gives no notice
    assert arrive(gateway, 40000, 40001)
    assert gateway.is_well()


@pytest.mark.parametrize("name", ("ufw-nft", "docker-nft", "nftables.conf"))
def test_firewall_that_replaces_another(gateway, name):
    """The rules that upnpd started with go, and others come."""
    gateway.restore("legacy", IPT_MASQUERADE)
    gateway.restore("legacy", IPT_FORWARD.format(first=""))
    gateway.upnpd.start()
    assert arrive(gateway, 40000)
    gateway.flush()
    gateway.nft(MASQUERADE)
    FIREWALLS[name](gateway)
    gateway.resync()
    assert arrive(gateway, 40000, 40001)


def test_later_legacy_firewall_is_found_without_a_notice(gateway):
    """A request looks for legacy rules again. When it is answered, packets
    arrive."""
    gateway.nft(MASQUERADE)
    gateway.upnpd.start()
    server = listener(gateway.lab.lan1, "TCP", 8000)
    gateway.add(40000)
    iptables("legacy")(gateway)
    gateway.igd.add(40000, "TCP", 8000)         # a renewal
    assert gateway.at_once(server, 40000)
    gateway.restore("legacy", IPT_FORWARD.format(first=""))
    gateway.igd.add(40001, "TCP", 8000)
    assert gateway.at_once(server, 40001)


def test_ufw_is_disabled_and_enabled(gateway):
    gateway.nft(MASQUERADE)
    with Ufw(gateway.lab) as box:
        box.enable()
        gateway.upnpd.start()
        assert arrive(gateway, 40000)
        box.ufw("disable")
        assert arrive(gateway, 40000, 40001)
        box.ufw("--force", "enable")
        assert arrive(gateway, 40000, 40001, 40002)
        # a change of its rules
        box.ufw("allow", "22/tcp")
        assert arrive(gateway, 40000, 40001, 40002)


# ---- several firewalls -------------------------------------------------

PAIRS = [("nftables.conf", name) for name in FIREWALLS
         if re.search("nft$|legacy$", name)] + [
    ("fw4", "docker-nft"), ("fw4", "ufw-legacy"), ("fw4", "tailscale-nft"),
    ("iptables-nft", "iptables-legacy"), ("docker-nft", "ufw-legacy"),
    ("ufw-nft", "docker-legacy"), ("shorewall-legacy", "docker-nft"),
    ("ufw-nft", "docker-nft"), ("firewalld", "docker-nft"),
    ("firewalld", "docker-legacy"), ("docker-nftables", "ufw-nft")]


@pytest.mark.parametrize("first, second", PAIRS)
def test_packets_arrive_through_two_firewalls(gateway, first, second):
    gateway.nft(MASQUERADE)
    FIREWALLS[first](gateway)
    FIREWALLS[second](gateway)
    assert out_works(gateway)
    gateway.upnpd.start()
    assert arrive(gateway, 40000, 40001)
    assert gateway.is_well()
    gateway.resync()
    assert "repaired" not in gateway.upnpd.log()


@pytest.mark.parametrize("translator", ("netlink", "iptables-nft",
                                        "iptables-legacy"))
def test_packets_arrive_through_three_kinds_of_chains(gateway, translator):
    """Each backend that translates gets its accepts into the chains of the
    others as well."""
    gateway.upnpd.options["backend"] = translator
    gateway.nft(MASQUERADE)
    for name in "nftables.conf", "iptables-nft", "iptables-legacy":
        FIREWALLS[name](gateway)
    gateway.upnpd.start()
    assert arrive(gateway, 40000, 40001)
    gateway.igd.delete(40000)
    with listener(gateway.lab.lan1, "TCP", 8000) as server:
        assert gateway.opens(server, 40001)
        assert gateway.shut(server, 40000)
    gateway.igd.delete(40001)
    gateway.igd.delete(40000, "UDP")
    gateway.igd.delete(40001, "UDP")
    assert not [line for line in gateway.ours() if "40000" in line or
                "8000" in line]


@pytest.mark.lab(second_lan=True)
@pytest.mark.conf(interfaces={"wan0": "external", "lan0": "internal",
                              "lan1": "internal"})
@pytest.mark.parametrize("name", ("fw4", "shorewall-nft", "shorewall-legacy"))
def test_two_internal_networks(gateway, name):
    """A firewall has a chain for each pair of zones. The LANs stay apart."""
    gateway.nft(MASQUERADE)
    if name == "fw4":
        gateway.nft(FW4.format(
            forward='iifname "lan1" oifname "wan0" accept', wan=""))
    else:
        box = in_box(gateway, Shorewall(gateway.lab, name[10:]))
        box.FILES = dict(
            box.FILES, zones=box.FILES["zones"] + "two ipv4\n",
            interfaces=box.FILES["interfaces"] + "two lan1\n",
            policy="two net ACCEPT\ntwo $FW ACCEPT\n" + box.FILES["policy"])
        box.start()
    gateway.upnpd.start()
    one = listener(gateway.lab.lan1, "TCP", 8000)
    two = listener(gateway.lab.lan2, "TCP", 8000)
    gateway.add(40000)
    Igd(gateway.lab.lan2, ip=LAN2_IP).add(40001, "TCP", 8000)
    assert gateway.opens(one, 40000)
    assert gateway.opens(two, 40001)
    assert gateway.is_well()
    assert not tcp_passes(gateway.lab.lan1, HOST_LAN2_IP, 8000, two,
                          timeout=0.5)


@pytest.mark.lab(bridge=True, container=True)
@pytest.mark.conf(hairpin="yes")
@pytest.mark.parametrize("name", ("nftables.conf", "fw4", "iptables-nft",
                                  "iptables-legacy", "docker-nft", "ufw-nft",
                                  "shorewall-nft", "firewalld"))
def test_hairpin_beside_a_firewall(gateway, name):
    """A client reaches another one by the external address."""
    gateway.nft(MASQUERADE)
    FIREWALLS[name](gateway)
    gateway.upnpd.start()
    assert arrive(gateway, 40000)
    server = listener(gateway.lab.lan1, "TCP", 8000)
    assert wait_until(lambda: tcp_passes(gateway.lab.lan2, EXT_IP, 40000,
                                         server, timeout=1))
    assert not tcp_passes(gateway.lab.lan2, EXT_IP, 39999, server,
                          timeout=0.5)
    assert gateway.is_well()


def test_firewall_that_changes_all_the_time(gateway):
    """The search for places does not wait until it is quiet."""
    gateway.nft(MASQUERADE + NFTABLES_CONF.format(first=""))
    gateway.upnpd.start()
    assert arrive(gateway, 40000)
    with subprocess.Popen(
            ["ip", "netns", "exec", gateway.rt.ns, "sh", "-c",
             "while :; do echo add rule inet filter input counter; "
             "sleep 0.03; done | nft -i"], start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as churn:
        try:
            iptables("nft")(gateway)
            assert arrive(gateway, 40000, 40001)
        finally:
            os.killpg(churn.pid, signal.SIGKILL)
