# SPDX-License-Identifier: ISC
"""Packets are forwarded as a control point requested, and refused requests
change nothing."""
import re
import socket
import threading
import time

import pytest

from daemon import upnpc
from lab import (EXT_IP, HOST2_IP, HOST_IP, HOST_LAN2_IP, LAN2_IP, LAN_IP, LONG,
                 OUT2_IP, OUT_IP, Probe, arrives, blocked, listener,
                 many_files, reaches, tcp_passes, udp_passes, wait_until)
from upnp import L3F, WANCIC, Igd, UpnpError, error_of

pytestmark = pytest.mark.core
BOTH = pytest.mark.parametrize("proto", ("TCP", "UDP"))


def in_kernel(lab, port):
    return re.search(rf"\b{port}\b", lab.rules()) is not None


@BOTH
def test_upnpc_maps_and_traffic_passes(lab, upnpd, proto):
    server = listener(lab.lan1, proto, 8000)
    assert blocked(lab, proto, 40000, server)
    upnpc(lab.lan1, "-e", "game", "-a", HOST_IP, "8000", "40000", proto)
    peer = reaches(lab, proto, 40000, server)
    assert peer and peer[0] == OUT_IP   # the client sees the real peer
    out = upnpc(lab.lan1, "-l")
    assert re.search(rf"{proto} +40000->{HOST_IP}:8000 +'game' ''", out)
    other = {"TCP": "UDP", "UDP": "TCP"}[proto]
    with listener(lab.lan1, other, 8000) as wrong:
        assert blocked(lab, other, 40000, wrong)

    upnpc(lab.lan1, "-d", "40000", proto)
    assert blocked(lab, proto, 40000, server)
    assert not in_kernel(lab, 40000)
    assert f"->{HOST_IP}:8000" not in upnpc(lab.lan1, "-l")


@BOTH
def test_only_the_remote_host_passes(lab, igd, proto):
    server = listener(lab.lan1, proto, 8000)
    upnpc(lab.lan1, "-a", HOST_IP, "8000", "40000", proto, "0", OUT2_IP)
    assert reaches(lab, proto, 40000, server, src_ip=OUT2_IP)[0] == OUT2_IP
    assert blocked(lab, proto, 40000, server, src_ip=OUT_IP)
    assert igd.entry(0)["NewRemoteHost"] == OUT2_IP
    assert error_of(igd.specific, 40000, proto) == 714
    igd.delete(40000, proto, OUT2_IP)
    assert blocked(lab, proto, 40000, server, src_ip=OUT2_IP)


@pytest.mark.parametrize("remote", ("*", "0.0.0.0"))
def test_wildcard_remote_host_lets_all_pass(lab, igd, remote):
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000, remote=remote)
    assert igd.entry(0)["NewRemoteHost"] == ""
    assert reaches(lab, "TCP", 40000, server)


def in_its_time(look):
    """Return the result of @look(lease), which makes a lease of that many
    seconds and must finish before the lease ends. If the machine was too slow,
    repeat with a longer lease."""
    for lease in (2, 8, 32):
        start = time.monotonic()
        saw = look(lease)
        if time.monotonic() - start < lease - 0.1:
            break
    return saw


def has_left(igd, port, lease, since, proto="TCP"):
    """Is the mapping listed, with the rest of a lease of @lease seconds that
    was made at @since or later?"""
    try:
        left = int(igd.specific(port, proto)["NewLeaseDuration"])
    except UpnpError:
        return False
    return lease - 1 - (time.monotonic() - since) <= left <= lease


def test_lease_expires(lab, igd):
    server = listener(lab.lan1, "UDP", 8000)

    def look(lease):
        start = time.monotonic()
        igd.add(40000, "UDP", 8000, lease=lease)
        return (has_left(igd, 40000, lease, start, "UDP"),
                bool(udp_passes(lab.outside, EXT_IP, 40000, server,
                                timeout=lease / 2)),
                in_kernel(lab, 40000))
    assert in_its_time(look) == (True, True, True)
    start = time.monotonic()
    igd.add(40001, "UDP", 8000, lease=600)

    def gone():
        return error_code(igd.specific, 40000, "UDP") == 714
    assert wait_until(gone)
    assert wait_until(lambda: not in_kernel(lab, 40000))
    assert blocked(lab, "UDP", 40000, server)
    assert has_left(igd, 40001, 600, start, "UDP")


def error_code(call, *args):
    try:
        return error_of(call, *args)
    except AssertionError:
        return 0


def test_lease_is_renewed(lab, igd):
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000, lease=1)
    start = time.monotonic()
    igd.add(40000, "TCP", 8000, lease=100)
    igd.add(40001, "TCP", 8001, lease=1)    # ends later than the first lease
    assert wait_until(lambda: error_code(igd.specific, 40001) == 714)
    assert wait_until(lambda: not in_kernel(lab, 40001))
    assert has_left(igd, 40000, 100, start)
    assert reaches(lab, "TCP", 40000, server)


@pytest.mark.only("netlink")
@pytest.mark.conf(show_dummy_rule="no")
@pytest.mark.parametrize("first, then", (
    ({}, {"lease": 1}),
    ({"lease": 3600}, {"lease": 1}),
    ({"lease": 1, "enabled": 0}, None)), ids=("for ever", "longer", "disabled"))
def test_lease_without_a_change_in_the_kernel_expires(lab, igd, first, then):
    """Regression: if a request did not change the kernel's rule, no timer was
    set for the new lease. A permanent mapping that was then requested for one
    second stayed until another mapping was made or deleted."""
    igd.add(40000, **first)
    if then:
        igd.add(40000, **then)
    assert wait_until(lambda: igd.entries() == [])
    assert wait_until(lambda: not in_kernel(lab, 40000))


@pytest.mark.only("netlink")
@pytest.mark.parametrize("lease", (0, 1, 3600, 604800))
def test_lease_duration_is_kept(igd, lease):
    for _ in range(10):
        start = time.monotonic()
        igd.add(40000, lease=lease)
        right = has_left(igd, 40000, lease, start)
        if right or time.monotonic() - start < max(lease - 0.1, 0.9):
            break       # otherwise the lease may have ended
    assert right


@pytest.mark.only("netlink")
@pytest.mark.conf(max_lease=100)
def test_max_lease_shortens_a_lease(igd):
    """A longer lease is shortened, not refused."""
    for asked, granted in ((604800, 100), (50, 50)):
        start = time.monotonic()
        igd.add(40000, lease=asked)
        assert has_left(igd, 40000, granted, start)


@pytest.mark.lab(bridge=True)
def test_conflict_between_clients(lab, igd):
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    other = Igd(lab.lan2)
    assert error_of(other.add, 40000, "TCP", 8000) == 718
    assert error_of(other.add, 40000, "TCP", 8000, remote=OUT2_IP) == 718
    other.add(40000, "UDP", 8000)
    assert reaches(lab, "TCP", 40000, server)
    assert igd.mapped() == {("TCP", 40000, HOST_IP, 8000),
                            ("UDP", 40000, HOST2_IP, 8000)}
    igd.delete(40000)
    other.add(40000, "TCP", 8000)
    with listener(lab.lan2, "TCP", 8000) as second:
        assert reaches(lab, "TCP", 40000, second)


@BOTH
def test_same_client_overwrites(lab, igd, proto):
    first = listener(lab.lan1, proto, 8000)
    second = listener(lab.lan1, proto, 8001)
    igd.add(40000, proto, 8000, desc="one")
    assert reaches(lab, proto, 40000, first)
    igd.add(40000, proto, 8001, desc="two")
    assert blocked(lab, proto, 40000, first)
    assert reaches(lab, proto, 40000, second)
    assert [e["NewPortMappingDescription"] for e in igd.entries()] == ["two"]


def test_disabled_forwards_nothing(lab, igd):
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000, enabled=0)
    assert igd.specific(40000)["NewEnabled"] == "0"
    assert not in_kernel(lab, 40000)
    assert blocked(lab, "TCP", 40000, server)
    igd.add(40000, "TCP", 8000, enabled=1)
    assert reaches(lab, "TCP", 40000, server)
    igd.add(40000, "TCP", 8000, enabled=0)
    assert blocked(lab, "TCP", 40000, server)
    assert igd.specific(40000)["NewEnabled"] == "0"


def test_dummy_mapping_is_listed_if_there_is_no_other(lab, igd):
    empty = lab.rules()
    assert igd.query("PortMappingNumberOfEntries") == "1"
    assert len(igd.entries()) == 1
    assert igd.entry(0)["NewEnabled"] in ("0", "1")
    assert error_of(igd.entry, 1) == 713
    assert lab.rules() == empty
    igd.add(40000)
    assert igd.mapped() == {("TCP", 40000, HOST_IP, 40000)}
    assert igd.query("PortMappingNumberOfEntries") == "1"
    igd.delete(40000)
    assert lab.rules() == empty
    assert len(igd.entries()) == 1


@pytest.mark.only("netlink")
@pytest.mark.conf(show_dummy_rule="no")
def test_dummy_mapping_can_be_disabled(igd):
    assert igd.query("PortMappingNumberOfEntries") == "0"
    assert igd.entries() == []


@pytest.mark.only("netlink")
def test_invalid_requests_get_their_error_codes(igd):
    assert error_of(igd.delete, 40000) == 714
    assert error_of(igd.specific, 40000) == 714
    assert error_of(igd.add, 0) == 716
    assert error_of(igd.add, 40000, "SCTP") == 601
    assert error_of(igd.add, 65616) in (600, 601)
    assert error_of(igd.add, 40000, lease=1 << 32) in (600, 601)
    assert error_of(igd.add, "40000x") in (600, 402)
    assert error_of(igd.add, 40000, desc="x" * 257) == 605
    assert error_of(igd.call, "GetSpecificPortMappingEntry") == 402
    assert error_of(igd.call, "MakeCoffee") == 401


@pytest.mark.only("netlink")
def test_description_is_returned(igd):
    text = "a <b> & \"c\" ]]> \u00e4 " + "x" * 200
    igd.add(40000, desc=text)
    assert igd.specific(40000)["NewPortMappingDescription"] == text


@pytest.mark.only("netlink")
def test_empty_client_is_the_requester(lab, igd):
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000, client="")
    assert igd.specific(40000)["NewInternalClient"] == HOST_IP
    assert reaches(lab, "TCP", 40000, server)


@pytest.mark.only("netlink")
def test_link_properties_and_default_service(lab, igd):
    props = igd.call("GetCommonLinkProperties", WANCIC)
    assert props["NewPhysicalLinkStatus"] == "Up"
    assert props["NewWANAccessType"] == "Ethernet"
    before = int(igd.call("GetTotalBytesReceived", WANCIC)
                 ["NewTotalBytesReceived"])
    igd.add(40000, "UDP", 8000)
    assert reaches(lab, "UDP", 40000, listener(lab.lan1, "UDP", 8000))
    after = int(igd.call("GetTotalBytesReceived", WANCIC)
                ["NewTotalBytesReceived"])
    assert after > before
    service = igd.call("GetDefaultConnectionService", L3F)
    assert "WANIPConn1" in service["NewDefaultConnectionService"]
    assert igd.query("ConnectionStatus") == "Connected"


def bit_rates(igd):
    props = igd.call("GetCommonLinkProperties", WANCIC)
    return [int(props[f"NewLayer1{way}streamMaxBitRate"])
            for way in ("Up", "Down")]


@pytest.mark.only("netlink")
def test_bit_rates_of_the_link(lab, igd):
    """They are the value in Mbit/s of /sys/class/net/wan0/speed, in bit/s and
    limited to 32 bits."""
    mbps = int(lab.router.run("cat", "/sys/class/net/wan0/speed"))
    assert bit_rates(igd) == [min(mbps * 10 ** 6, 2 ** 32 - 1)] * 2


@pytest.mark.only("netlink")
@pytest.mark.conf(upstream_bps=10000000)
def test_configured_bit_rate_replaces_that_of_the_link(igd):
    assert bit_rates(igd)[0] == 10000000
    assert bit_rates(igd)[1] > 10000000         # the link's


# ---- access -------------------------------------------------

@pytest.mark.only("netlink")
@pytest.mark.lab(bridge=True)
def test_secure_mode_refuses_another_client(lab, igd):
    assert error_of(igd.add, 40000, client=HOST2_IP) == 718
    assert not in_kernel(lab, 40000)


@pytest.mark.lab(bridge=True)
@pytest.mark.conf(secure_mode="no")
def test_without_secure_mode(lab, igd):
    server = listener(lab.lan2, "TCP", 8000)
    igd.add(40000, "TCP", 8000, client=HOST2_IP)
    assert reaches(lab, "TCP", 40000, server)


@pytest.mark.only("netlink")
@pytest.mark.conf(secure_mode="no")
@pytest.mark.parametrize("client", (
    LAN_IP, EXT_IP, OUT_IP, "192.168.88.255", "192.168.88.0",
    "255.255.255.255", "224.0.0.5", "127.0.0.1", "0.0.0.1", "8.8.8.8",
    "240.0.0.1", "192.168.89.5", "nas.lan", "192.168.88.10 ; reboot"))
def test_refused_clients(lab, igd, client):
    """The router itself, addresses that no host can have, other networks, and
    invalid addresses."""
    empty = lab.rules()
    assert error_of(igd.add, 40000, client=client) in (402, 600, 606, 718)
    assert lab.rules() == empty
    assert error_of(igd.specific, 40000) == 714


@pytest.mark.only("netlink")
@pytest.mark.lab(bridge=True)
@pytest.mark.conf(max_mappings_per_client=1,
                  lines=["allow 1024-65535 192.168.88.0/24 1024-65535",
                         "deny 80 192.168.88.0/24 80"])
def test_refusals_are_logged(lab, upnpd, igd):
    """The log names the line or the limit that refused the request, once a
    minute for each client and reason. (Regression: a client's second reason
    had no line.)"""
    with open(upnpd.conf) as f:
        line = f.read().split("\n").index("deny 80 192.168.88.0/24 80") + 1
    for _ in range(20):
        assert error_of(igd.add, 80) == 718
    assert upnpd.wait_log(rf"refused {HOST_IP} \(upnp\): protocol=tcp "
                          f"external-port=80 to={HOST_IP}:80: line {line} "
                          "denies it")
    for _ in range(2):
        assert error_of(igd.add, 40002, client=HOST2_IP)
    assert upnpd.wait_log(rf"refused {HOST_IP} \(upnp\): protocol=tcp "
                          "external-port=40002 .*: secure-mode = yes")
    other = Igd(lab.lan2)
    other.add(40000)
    assert error_of(other.add, 40001) == 501
    assert upnpd.wait_log(rf"refused {HOST2_IP} \(upnp\): protocol=tcp "
                          "external-port=40001 .*: max-mappings-per-client = "
                          "1 is reached")
    assert len(re.findall(f"refused {HOST_IP} ", upnpd.log())) == 2
    assert len(re.findall(f"refused {HOST2_IP} ", upnpd.log())) == 1


@pytest.mark.only("netlink")
@pytest.mark.conf(lines=[
    "deny 5000-5999 192.168.88.0/24 1-65535",
    "allow 80 192.168.88.10/32 8080",
    "allow 1024-65535 192.168.88.0/24 1024-65535"])
def test_allow_and_deny(lab, upnpd, igd):
    server = listener(lab.lan1, "TCP", 8080)
    assert error_of(igd.add, 5500) == 718
    assert error_of(igd.add, 81, int_port=8080) == 718
    assert error_of(igd.add, 80, int_port=8081) == 718
    igd.add(80, int_port=8080)
    igd.add(6000)
    assert reaches(lab, "TCP", 80, server)
    assert upnpd.wait_log(r"5500")      # the log names the line


@pytest.mark.only("netlink")
def test_low_ports_are_refused_by_default(igd):
    assert error_of(igd.add, 80) == 718
    assert error_of(igd.add, 1023, int_port=8080) == 718
    assert error_of(igd.add, 8080, int_port=1023) == 718
    igd.add(1024, int_port=1024)


@pytest.mark.conf(max_mappings=3, max_mappings_per_client=2)
@pytest.mark.lab(bridge=True)
@pytest.mark.only("netlink")
def test_limits_on_the_number_of_mappings(lab, igd):
    igd.add(40000)
    igd.add(40001)
    assert error_of(igd.add, 40002) in (501, 728)
    igd.add(40001, int_port=9000)       # an overwrite needs no free entry
    other = Igd(lab.lan2)
    other.add(40003)
    assert error_of(other.add, 40004) in (501, 728)
    igd.delete(40000)
    # There is room again, but the client's rate limit may delay the request.
    assert wait_until(lambda: error_code(igd.add, 40002) == 0)


@BOTH
def test_port_that_the_router_serves_is_refused(lab, igd, proto):
    """A mapping does not take over a port on which the router serves the
    external side."""
    with listener(lab.router, proto, 7000):
        with listener(lab.router, proto, 7001, ip=LAN_IP):
            assert error_of(igd.add, 7000, proto) in (501, 718, 729)
            assert not in_kernel(lab, 7000)
            igd.add(7001, proto)        # served only on the LAN
    igd.add(7000, proto)


# ---- both ways, hairpin, several interfaces ---------------------------

@BOTH
def test_client_sends_from_the_mapped_port(lab, igd, proto):
    """Its packets leave with the external port. Consoles use this to test the
    NAT."""
    igd.add(40001, proto, 5000)
    server = listener(lab.outside, proto, 9000)
    passes = {"TCP": tcp_passes, "UDP": udp_passes}[proto]
    for port, seen in ((5000, 40001), (5001, 5001)):
        assert passes(lab.lan1, OUT_IP, 9000, server, src_port=port) == \
            (EXT_IP, seen)


def test_outgoing_port_is_not_of_a_mapping_for_one_remote_host(lab, igd):
    """Regression: outgoing traffic used the external port that was mapped
    last, even if only one remote host may use that port. Other hosts then saw
    a port that is closed to them."""
    igd.add(40001, "UDP", 5000)
    igd.add(40002, "UDP", 5000, remote=OUT2_IP)
    with listener(lab.outside, "UDP", 9000) as far:
        assert udp_passes(lab.lan1, OUT_IP, 9000, far, src_port=5000) == \
            (EXT_IP, 40001)
    igd.delete(40001, "UDP")
    igd.add(40003, "UDP", 5000)
    with listener(lab.outside, "UDP", 9001) as far:
        assert udp_passes(lab.lan1, OUT_IP, 9001, far, src_port=5000) == \
            (EXT_IP, 40003)


@pytest.mark.lab(bridge=True)
def test_two_consoles_on_the_same_port(lab, igd):
    """Both consoles use UDP 3074, and the second maps external port 3075. The
    packets of each leave from its own external port, and packets to that port
    reach only that console: open NAT for both."""
    other = Igd(lab.lan2)
    igd.add(3074, "UDP")
    assert error_of(other.add, 3074, "UDP") == 718
    other.add(3075, "UDP", 3074)
    with listener(lab.outside, "UDP", 9000) as server:
        for host, seen in ((lab.lan1, 3074), (lab.lan2, 3075)):
            assert udp_passes(host, OUT_IP, 9000, server, src_port=3074) == \
                (EXT_IP, seen)
    with listener(lab.lan1, "UDP", 3074) as first, \
            listener(lab.lan2, "UDP", 3074) as second:
        assert reaches(lab, "UDP", 3074, first)
        assert reaches(lab, "UDP", 3075, second)


@pytest.mark.lab(bridge=True)
@pytest.mark.conf(hairpin="yes")
@BOTH
def test_hairpin(lab, igd, proto):
    server = listener(lab.lan1, proto, 8000)
    igd.add(40000, proto, 8000)
    passes = {"TCP": tcp_passes, "UDP": udp_passes}[proto]
    assert passes(lab.lan2, EXT_IP, 40000, server)
    assert passes(lab.lan1, EXT_IP, 40000, server)
    assert reaches(lab, proto, 40000, server)[0] == OUT_IP


@pytest.mark.lab(second_lan=True)
@pytest.mark.conf(hairpin="yes", interfaces={
    "wan0": "external", "lan0": "internal", "lan1": "internal"})
def test_hairpin_from_another_network(lab, igd):
    """No masquerading is needed, because the answer passes through the router
    anyway: the server sees the real source address."""
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    peer = tcp_passes(lab.lan2, EXT_IP, 40000, server)
    assert peer and peer[0] == HOST_LAN2_IP


@pytest.mark.lab(bridge=True)
def test_no_hairpin_by_default(lab, igd):
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    with Probe(lab.lan2, lab.router, LAN_IP) as probe:
        assert not arrives(probe, lab.lan2, "TCP", EXT_IP, 40000, server)
    assert reaches(lab, "TCP", 40000, server)


@pytest.mark.lab(second_lan=True)
@pytest.mark.conf(interfaces={"wan0": "external", "lan0": "internal",
                              "lan1": "internal"})
def test_two_internal_interfaces(lab, igd):
    other = Igd(lab.lan2, ip=LAN2_IP)
    igd.add(40000, "TCP", 8000)
    other.add(40001, "TCP", 8000)
    assert igd.mapped() == other.mapped() == {
        ("TCP", 40000, HOST_IP, 8000), ("TCP", 40001, HOST_LAN2_IP, 8000)}
    with listener(lab.lan1, "TCP", 8000) as one, \
            listener(lab.lan2, "TCP", 8000) as two:
        assert reaches(lab, "TCP", 40000, one)
        assert reaches(lab, "TCP", 40001, two)


# ---- many at once -----------------------------------------------------

def test_simultaneous_requests_are_all_served(lab, igd):
    """60 requests arrive at once, and each is answered when its rule is in the
    kernel."""
    ports = range(40000, 40060)
    failed = []

    def add(port):
        try:
            Igd(lab.lan1).add(port, "UDP", 8000)
        except Exception as e:
            failed.append((port, e))
    threads = [threading.Thread(target=add, args=(p,)) for p in ports]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert failed == []
    rules = lab.rules()
    assert [p for p in ports if not re.search(rf"\b{p}\b", rules)] == []
    assert igd.mapped() == {("UDP", p, HOST_IP, 8000) for p in ports}
    server = listener(lab.lan1, "UDP", 8000)
    assert all(reaches(lab, "UDP", p, server) for p in ports[::20])


@pytest.mark.only("netlink")
def test_burst_beside_idle_connections_is_served(lab, igd):
    """Of 200 simultaneous requests, beside 2,000 idle connections, all are
    answered."""
    many_files()
    idle = []
    for _ in range(2000):
        sock = lab.lan1.socket(socket.SOCK_STREAM)
        sock.settimeout(LONG)
        assert sock.connect_ex((LAN_IP, 2828)) == 0
        idle.append(sock)
    request = (f"GET /igd1.xml HTTP/1.1\r\nHost: {LAN_IP}:2828\r\n"
               "Connection: close\r\n\r\n").encode()
    start = time.monotonic()
    burst = []
    for _ in range(200):
        sock = lab.lan1.socket(socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.connect_ex((LAN_IP, 2828))
        burst.append(sock)
    for sock in burst:
        sock.settimeout(LONG)
        wait_until(lambda: _sent(sock, request))
    replies = [_all(sock) for sock in burst]
    took = time.monotonic() - start
    for sock in idle + burst:
        sock.close()
    assert all(r.startswith(b"HTTP/1.1 200 OK\r\n") and
               r.rstrip().endswith(b"</root>") for r in replies)
    assert took < 20    # normally about a second


def _sent(sock, data):
    try:
        sock.sendall(data)
        return True
    except OSError:
        return False


def _all(sock):
    data = b""
    while more := sock.recv(65536):
        data += more
    return data
