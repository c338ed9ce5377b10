# SPDX-License-Identifier: ISC
"""The lab itself: the checks that show that traffic does not arrive fail if it
does."""
import pytest

from firewall import Bare
from lab import (EXT_IP, HOST26_ULA, HOST6_IP, HOST6_LAN2_ULA, HOST_IP,
                 LAN_IP, OUTSIDE6_IP, PASSES, Lab, Probe, arrives,
                 blocked, drop6, listener)
from upnp import ROOT, WANIP, msearch, unanswered

pytestmark = pytest.mark.core


@pytest.mark.parametrize("proto", ("TCP", "UDP"))
def test_traffic_that_arrives_is_seen(lab, igd, proto):
    with listener(lab.lan1, proto, 8000) as server:
        assert blocked(lab, proto, 40000, server)
        igd.add(40000, proto, 8000)
        for _ in range(20):
            assert not blocked(lab, proto, 40000, server)
        igd.delete(40000, proto)
        assert blocked(lab, proto, 40000, server)


@pytest.mark.lab(bridge=True)
@pytest.mark.conf(hairpin="yes")
def test_hairpin_traffic_is_seen(lab, igd):
    with listener(lab.lan1, "TCP", 8000) as server, \
            Probe(lab.lan2, lab.router, LAN_IP) as probe:
        igd.add(40000, "TCP", 8000)
        for _ in range(20):
            assert arrives(probe, lab.lan2, "TCP", EXT_IP, 40000, server)


def test_answers_to_searches_are_seen(lab, upnpd):
    for st in (ROOT, WANIP, "ssdp:all"):
        assert not unanswered(lab, lab.lan1, msearch(st))


def traffic6(lab, src, dst, ip):
    """Does a connection and a datagram get from host @src to @ip of @dst?"""
    for proto in ("TCP", "UDP"):
        with listener(dst, proto, 7000, ip) as server:
            assert PASSES[proto](src, ip, 7000, server), proto


@pytest.mark.parametrize("ipv6", [True, "only"])
def test_ipv6_passes(ipv6):
    with Lab(Bare(), bridge=True, ipv6=ipv6) as lab:
        traffic6(lab, lab.lan1, lab.outside, OUTSIDE6_IP)
        traffic6(lab, lab.outside, lab.lan1, HOST6_IP)
        traffic6(lab, lab.lan1, lab.lan2, HOST26_ULA)
        drop6(lab)
        traffic6(lab, lab.lan1, lab.outside, OUTSIDE6_IP)
        with lab.lan1.listen(7000, HOST6_IP) as server:
            assert blocked(lab, "TCP", 7000, server, dst=HOST6_IP)
        assert lab.router.link_local("lan0").startswith("fe80::")
        addrs = lab.lan1.run("ip", "-4", "addr", "show", "scope", "global")
        assert (HOST_IP in addrs) == (ipv6 is True)


def test_ipv6_unique_local_only():
    with Lab(Bare(), second_lan=True, ipv6="ula") as lab:
        traffic6(lab, lab.lan1, lab.lan2, HOST6_LAN2_ULA)
        assert "2001:db8:8" not in lab.router.run("ip", "-6", "addr")
        assert HOST_IP in lab.lan1.run("ip", "-4", "addr")


def test_lab_without_ipv6_has_no_address_of_it():
    with Lab(Bare()) as lab:
        assert lab.router.run("ip", "-6", "addr") == ""
