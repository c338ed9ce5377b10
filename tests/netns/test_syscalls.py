# SPDX-License-Identifier: ISC
"""The system calls of a request. A new system call fails this test; add it to
the list with its reason."""
import pytest

from tracer import calls_of, processes

ANSWER = ["ppoll", "accept4", "recvfrom", "sendmsg", "close"]
# To the monitor and back, and the line in the lease file.
MAP = ["ppoll", "accept4", "recvfrom", "sendto", "ppoll", "recvfrom", "write",
       "sendmsg", "close"]
# The watch on the firewall, before and after (3); the engine's request, that
# there is no more, the reply (4 with the wait); the ports that the router
# serves itself, TCP and UDP, IPv4 and IPv6, in one socket (12); the transaction
# and its answer (3).
MONITOR_MAX = 22


@pytest.mark.only("netlink")
def test_get_external_ip(lab, upnpd, igd):
    igd.external_ip()
    calls = calls_of(lab, processes(upnpd), lambda i: igd.external_ip())
    assert calls["engine"] == ANSWER
    assert calls["monitor"] == []


@pytest.mark.only("netlink")
def test_add_port_mapping(lab, upnpd, igd):
    igd.add(3000)
    calls = calls_of(lab, processes(upnpd), lambda i: igd.add(4000 + i))
    assert calls["engine"] == MAP
    assert len(calls["monitor"]) <= MONITOR_MAX, calls["monitor"]
