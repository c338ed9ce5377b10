# SPDX-License-Identifier: ISC
"""The configuration names a network behind another router on the LAN. Hosts of
that network find the gateway by unicast and map ports to themselves."""
import json
import os
import re
import socket

import pytest

from daemon import UPNPD
from lab import (BEHIND_IP, EXT_IP, HOST2_IP, HOST_IP, LAN_IP, OUT_IP, LONG,
                 blocked, listener, reaches, tcp_passes, udp_passes,
                 wait_until)
from test_events import Subscriber
from upnp import IGD1, Igd, error_of, msearch, search, searcher, unanswered

pytestmark = pytest.mark.lab(bridge=True, behind=True)


def interfaces(*networks):
    return {"wan0": "external",
            "lan0": ["type = internal"] + [f"network = {n}" for n in networks]}


def ctl(lab, upnpd, *words):
    """The JSON that upnpctl prints; upnpctl is a second name of the binary."""
    path = lab.path("upnpctl")
    if not os.path.islink(path):
        os.symlink(UPNPD, path)
    return json.loads(lab.router.run(path, "-f", upnpd.conf, "--json", *words))


SERVED = pytest.mark.conf(interfaces=interfaces("10.7.0.0/16",
                                                "172.31.0.0/16"))


@SERVED
def test_client_behind_a_router_maps_a_port(lab, upnpd):
    """The client searches at the router's LAN address, because multicast does
    not pass the other router. It reads the description, maps a port, exchanges
    traffic in both directions and deletes the mapping."""
    answer, = search(lab.behind, IGD1, to=LAN_IP)
    assert answer["LOCATION"] == f"http://{LAN_IP}:2828/igd1.xml"
    assert answer.peer == (LAN_IP, 1900)
    igd = Igd(lab.behind)
    assert igd.external_ip() == EXT_IP
    igd.add(40000, "TCP", 8000)
    igd.add(40001, "UDP", 5000)
    assert igd.mapped() >= {("TCP", 40000, BEHIND_IP, 8000)}
    with listener(lab.behind, "TCP", 8000) as server:
        assert reaches(lab, "TCP", 40000, server)[0] == OUT_IP
        igd.delete(40000)
        assert blocked(lab, "TCP", 40000, server)
    with listener(lab.outside, "UDP", 9000) as far:
        assert udp_passes(lab.behind, OUT_IP, 9000, far, src_port=5000) == \
            (EXT_IP, 40001)


@SERVED
@pytest.mark.only("netlink")
def test_events_reach_a_subscriber_behind_a_router(lab, upnpd):
    control_point = Subscriber(lab.behind)
    control_point.subscribe()
    assert wait_until(lambda: control_point.events)
    assert control_point.faults == []
    control_point.close()


@SERVED
@pytest.mark.only("netlink")
def test_client_behind_a_router_maps_only_to_itself(lab, upnpd):
    """The client may map ports only to itself, and not to the network's
    address. A multicast search, which the other router would have to forward,
    is not answered."""
    igd = Igd(lab.behind)
    assert error_of(igd.add, 40000, client=HOST_IP) == 718
    assert error_of(igd.add, 40000, client="172.31.0.0") == 718
    assert error_of(Igd(lab.lan1).add, 40000, client=BEHIND_IP) == 718
    # as if it had been forwarded: lan2 sends it with that source address
    lab.lan2.ip_batch(f"addr add {BEHIND_IP}/32 dev eth0")
    assert unanswered(lab, lab.lan2, msearch(IGD1), source=BEHIND_IP)
    lab.lan2.ip_batch(f"addr del {BEHIND_IP}/32 dev eth0")


@pytest.mark.only("netlink")
def test_unknown_network_is_refused_and_logged(lab, upnpd):
    """Requests from a network that is not configured are counted, and logged
    once a minute for each client. Regression: they were dropped silently."""
    with searcher(lab.behind) as sock:
        sock.sendto(msearch(IGD1), (LAN_IP, 1900))
        assert upnpd.wait_log(f"refused {BEHIND_IP}: the client is in no "
                              "internal network")
        for _ in range(3):
            with lab.behind.socket(socket.SOCK_STREAM) as conn:
                conn.settimeout(LONG)
                conn.connect((LAN_IP, 2828))
                assert conn.recv(1) == b""
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.recv(1)

    def outside():
        return ctl(lab, upnpd, "status")["refused"].get("outside")
    assert wait_until(lambda: outside() == 4)
    assert len(re.findall(f"refused {BEHIND_IP}", upnpd.log())) == 1


@pytest.mark.only("netlink")
def test_reload_that_removes_the_network_ends_its_mappings(lab, upnpd):
    upnpd.interfaces = interfaces("172.31.0.0/16")
    upnpd.reload(upnpd.conf_text())
    igd = Igd(lab.behind)

    def mapped():
        try:
            igd.add(40000, "TCP", 8000)
            return True
        except (OSError, AssertionError):
            return False        # before the reload upnpd closes it
    assert wait_until(mapped)
    with listener(lab.behind, "TCP", 8000) as server:
        assert reaches(lab, "TCP", 40000, server)
        upnpd.interfaces = interfaces()
        upnpd.reload(upnpd.conf_text())
        assert wait_until(lambda: blocked(lab, "TCP", 40000, server))


@pytest.mark.conf(hairpin="yes", interfaces=interfaces("172.31.0.0/16"))
@pytest.mark.parametrize("proto", ("TCP", "UDP"))
def test_hairpin_for_hosts_behind_a_router(lab, upnpd, proto):
    """Hairpin works between hosts behind the other router and the LAN. Without
    masquerading, the other router would deliver the answers directly."""
    passes = {"TCP": tcp_passes, "UDP": udp_passes}[proto]
    Igd(lab.behind).add(40000, proto, 8000)
    Igd(lab.lan1).add(40001, proto, 8000)
    with listener(lab.behind, proto, 8000) as server:
        assert passes(lab.lan1, EXT_IP, 40000, server)
        assert passes(lab.behind, EXT_IP, 40000, server)
        assert reaches(lab, proto, 40000, server)[0] == OUT_IP
    # also if lan1 has a direct route to that network
    lab.lan1.ip_batch(f"route add 172.31.0.0/16 via {HOST2_IP}")
    with listener(lab.lan1, proto, 8000) as server:
        assert passes(lab.behind, EXT_IP, 40001, server)
        assert reaches(lab, proto, 40001, server)[0] == OUT_IP
