# SPDX-License-Identifier: ISC
"""The lab itself: the checks that show that traffic does not arrive fail if it
does."""
import pytest

from lab import EXT_IP, LAN_IP, Probe, arrives, blocked, listener
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
