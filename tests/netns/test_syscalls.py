# SPDX-License-Identifier: ISC
"""A request makes only the listed system calls. A new system call fails a
test; add it here with its reason."""
import pytest

from pmp import Pmp
from tracer import calls_of, processes

ANSWER = ["ppoll", "accept4", "recvfrom", "sendmsg", "close"]
# Besides: the request to the monitor and its reply, and the line in the lease
# file.
MAP = ["ppoll", "accept4", "recvfrom", "sendto", "ppoll", "recvfrom", "write",
       "sendmsg", "close"]
# The random number chooses a port, should the wished one not do.
MAP_PCP = ["ppoll", "recvmsg", "getrandom", "sendto", "recvmsg", "ppoll",
           "recvfrom", "write", "sendmsg"]
# Read the watch on the firewall, before and after (3); receive the engine's
# request, look for a first table of legacy iptables (3), find no other request,
# reply and wait (4); list the ports that the router serves itself, for TCP and
# UDP over IPv4 and IPv6, on one socket (12); send the transaction and read its
# answer (3).
MONITOR_MAX = 25
# The same without the transaction: the kernel has the rule already.
RENEWAL_MAX = MONITOR_MAX - 3


@pytest.mark.only("netlink")
def test_calls_of_get_external_ip(lab, upnpd, igd):
    igd.external_ip()
    calls = calls_of(lab, processes(upnpd), lambda i: igd.external_ip())
    assert calls["engine"] == ANSWER
    assert calls["monitor"] == []


@pytest.mark.only("netlink")
def test_calls_of_natpmp(lab, upnpd):
    """It looks for another datagram before it waits again."""
    with Pmp(lab.lan1) as client:
        client.address()
        calls = calls_of(lab, processes(upnpd), lambda i: client.address())
    assert calls["engine"] == ["ppoll", "recvmsg", "sendmsg", "recvmsg"]
    assert calls["monitor"] == []


@pytest.mark.only("netlink")
@pytest.mark.conf(log_mappings="no")    # 60 lines a minute are one write more
def test_calls_of_pcp_map(lab, upnpd):
    with Pmp(lab.lan1) as client:
        client.pcp_map("TCP", 3000)
        calls = calls_of(lab, processes(upnpd),
                         lambda i: client.pcp_map("TCP", 4000 + i))
    assert calls["engine"] == MAP_PCP
    assert len(calls["monitor"]) <= MONITOR_MAX, calls["monitor"]


@pytest.mark.only("netlink")
@pytest.mark.conf(log_mappings="no")
def test_calls_of_add_port_mapping(lab, upnpd, igd):
    igd.add(3000)
    calls = calls_of(lab, processes(upnpd), lambda i: igd.add(4000 + i))
    assert calls["engine"] == MAP
    assert len(calls["monitor"]) <= MONITOR_MAX, calls["monitor"]


@pytest.mark.only("netlink")
def test_calls_of_a_renewal(lab, upnpd, igd):
    igd.add(3000)
    calls = calls_of(lab, processes(upnpd), lambda i: igd.add(3000))
    assert calls["engine"] == [call for call in MAP if call != "write"]
    assert len(calls["monitor"]) <= RENEWAL_MAX, calls["monitor"]
