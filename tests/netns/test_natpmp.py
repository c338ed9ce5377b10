# SPDX-License-Identifier: ISC
"""NAT-PMP (RFC 6886) by messages written by hand, with real traffic."""
import os
import signal
import socket
import struct
import time

import pytest

from lab import (EXT_IP, HOST2_IP, HOST_IP, LAN_IP, OUT_IP, blocked, inside,
                 listener, reaches, wait_until)
from pmp import (BAD_OPCODE, BAD_VERSION, GROUP, MAP, NO_ERROR, NO_NETWORK,
                 NO_ROOM, REFUSED, SERVER, SUCCESS, UNSUPP_VERSION, Announced,
                 NatpmpReply, PcpReply, Pmp, natpmp_map, pcp_body,
                 pcp_request, unanswered)
from test_lifecycle import answers
from test_network import NEW_EXT, plug, unplug
from upnp import Igd

BOTH = pytest.mark.parametrize("proto", ("TCP", "UDP"))
OTHER = {"TCP": "UDP", "UDP": "TCP"}


@pytest.fixture
def pmp(lab, upnpd):
    """A client on lan1."""
    with Pmp(lab.lan1) as client:
        yield client


def mapped(igd):
    """What is mapped, without the dummy entry of an empty list."""
    return {e for e in igd.mapped() if e[2] != LAN_IP}


# ---- mappings --------------------------------------------------------------

@pytest.mark.core
@BOTH
def test_map_and_unmap(lab, pmp, igd, proto):
    """The port is the wished one. Traffic passes until it is deleted."""
    server = listener(lab.lan1, proto, 8000)
    assert blocked(lab, proto, 40000, server)
    answer = pmp.map(proto, 8000, 40000, 7200)
    assert (answer.ext, answer.lifetime) == (40000, 7200)
    assert reaches(lab, proto, 40000, server)
    assert mapped(igd) == {(proto, 40000, HOST_IP, 8000)}
    pmp.unmap(proto, 8000)
    assert blocked(lab, proto, 40000, server)
    assert mapped(igd) == set()


@pytest.mark.only("netlink")
def test_no_suggested_port(lab, pmp):
    """Port 0: the gateway chooses. RouterOS fails on it."""
    server = listener(lab.lan1, "UDP", 8000)
    answer = pmp.map("UDP", 8000)
    assert answer.ext
    assert reaches(lab, "UDP", answer.ext, server)


@pytest.mark.only("netlink")
def test_the_same_internal_port_again(lab, pmp, igd):
    """It keeps its external port, whatever is suggested, because an answer may
    have been lost."""
    assert pmp.map("TCP", 8000, 40000).ext == 40000
    for suggested in (40000, 40001, 0):
        assert pmp.map("TCP", 8000, suggested).ext == 40000
    assert mapped(igd) == {("TCP", 40000, HOST_IP, 8000)}


@pytest.mark.only("netlink")
@pytest.mark.lab(bridge=True)
@BOTH
def test_another_host_gets_another_port(lab, pmp, igd, proto):
    """A port is taken for other hosts, with its sibling of the other
    protocol (RFC 6886 3.3)."""
    assert pmp.map(proto, 8000, 40000).ext == 40000
    with Pmp(lab.lan2) as second:
        for other in (proto, OTHER[proto]):
            port = second.map(other, 9000, 40000).ext
            assert port not in (0, 40000)
            with listener(lab.lan2, other, 9000) as server:
                assert reaches(lab, other, port, server)
    # the same host may have both
    assert pmp.map(OTHER[proto], 8000, 40000).ext == 40000


@pytest.mark.only("netlink")
@pytest.mark.lab(bridge=True)
def test_a_port_that_upnp_took(lab, pmp, igd):
    """It is taken, and so is its sibling."""
    Igd(lab.lan2).add(40000, "TCP", 9000)
    for proto in ("TCP", "UDP"):
        assert pmp.map(proto, 8000, 40000).ext not in (0, 40000)


@pytest.mark.only("netlink")
def test_unmap_all_of_one_protocol(lab, pmp, igd):
    """Internal port 0: all of the opcode's protocol that NAT-PMP made for this
    host. Those of UPnP stay."""
    for port in (8000, 8001, 8002):
        pmp.map("UDP", port)
    pmp.map("TCP", 8000, 40000)
    igd.add(41000, "UDP", 9000)
    pmp.unmap("UDP")
    assert mapped(igd) == {("TCP", 40000, HOST_IP, 8000),
                           ("UDP", 41000, HOST_IP, 9000)}
    pmp.unmap("TCP")
    assert mapped(igd) == {("UDP", 41000, HOST_IP, 9000)}


@pytest.mark.only("netlink")
@pytest.mark.lab(bridge=True)
def test_unmap_touches_no_other_host(lab, pmp, igd):
    """There is nothing of the second host, which is a success."""
    pmp.map("UDP", 8000, 40000)
    with Pmp(lab.lan2) as second:
        second.unmap("UDP", 8000)
        second.unmap("UDP")
    assert mapped(igd) == {("UDP", 40000, HOST_IP, 8000)}


@pytest.mark.only("netlink")
def test_all_then_more_without_waiting(lab, pmp, igd):
    """Jami deletes everything and asks for its ports in one breath. All of
    them are answered, and the new ones stay."""
    ports = range(16384, 16400)
    for port in ports:
        pmp.map("UDP", port, port)
    pmp.send(natpmp_map("TCP", 0, 0, 0))
    pmp.send(natpmp_map("UDP", 0, 0, 0))
    for port in ports:
        pmp.send(natpmp_map("UDP", port, port))
    heard = [NatpmpReply(pmp.receive()) for _ in range(2 + len(ports))]
    assert all(m.result == NO_ERROR for m in heard), heard
    assert {m.ext for m in heard if m.lifetime} == set(ports)
    assert {e[1] for e in mapped(igd)} == set(ports)


@pytest.mark.only("netlink")
@pytest.mark.conf(max_lease=600)
def test_lifetimes(lab, pmp):
    """Never more than asked, never more than max-lease; a shorter one
    shortens. Milliseconds, as an npm library sends, do no harm."""
    assert pmp.map("TCP", 8000, 40000, 300).lifetime == 300
    for asked in (7200, 3600000, 0x7fffffff, 0xffffffff):
        assert pmp.map("TCP", 8000, 40000, asked).lifetime == 600
    assert pmp.map("TCP", 8000, 40000, 5).lifetime == 5


@pytest.mark.only("netlink")
def test_expiry(lab, pmp, igd):
    server = listener(lab.lan1, "TCP", 8000)
    pmp.map("TCP", 8000, 40000, 2)
    assert wait_until(lambda: mapped(igd) == set())
    assert blocked(lab, "TCP", 40000, server)


@pytest.mark.only("netlink")
def test_a_renewal_prolongs(lab, pmp, igd):
    pmp.map("TCP", 8000, 40000, 2)
    pmp.map("TCP", 8000, 40000, 900)
    left = int(igd.specific(40000)["NewLeaseDuration"])
    assert 880 < left <= 900


# ---- refusals --------------------------------------------------------------

@pytest.mark.only("netlink")
def test_versions(pmp):
    """NAT-PMP and PCP on one port: every other version is answered by PCP."""
    for version in (1, 3, 255):
        answer = PcpReply(pmp.ask(bytes((version, 0)) + bytes(22)))
        assert answer.result == UNSUPP_VERSION


@pytest.mark.only("netlink")
@pytest.mark.conf(pcp="no")
def test_versions_without_pcp(pmp):
    """The answer has version 0 and result 1, so that clients of PCP fall
    back."""
    ask = pcp_request(MAP, pcp_body("TCP", 8000), 3600, HOST_IP)
    answer = NatpmpReply(pmp.ask(ask))
    assert answer.result == BAD_VERSION
    assert pmp.address() == EXT_IP


@pytest.mark.only("netlink")
def test_unknown_opcode(pmp):
    for opcode in (3, 127):
        answer = NatpmpReply(pmp.ask(bytes((0, opcode))))
        assert (answer.opcode, answer.result) == (opcode, BAD_OPCODE)


@pytest.mark.only("netlink")
def test_no_external_address(lab, pmp):
    unplug(lab)
    assert wait_until(lambda: pmp.address() == NO_NETWORK)
    assert pmp.try_map("TCP", 8000).result == NO_NETWORK
    plug(lab)
    assert wait_until(lambda: pmp.address() == EXT_IP)
    pmp.map("TCP", 8000)


@pytest.mark.only("netlink")
def test_a_port_that_the_policy_refuses(lab, stopped):
    """Another port is given, and none if there is no other."""
    stopped.lines = ["allow 40000-40001 192.168.88.0/24 1024-65535",
                     "deny 0-65535 0.0.0.0/0 0-65535"]
    stopped.start()
    with Pmp(lab.lan1) as pmp:
        assert {pmp.map("TCP", 8000, 3000).ext,
                pmp.map("TCP", 8001, 3000).ext} == {40000, 40001}
        assert pmp.try_map("TCP", 8002).result in (REFUSED, NO_ROOM)
        assert pmp.try_map("TCP", 22, 40000).result == REFUSED


@pytest.mark.only("netlink")
@pytest.mark.conf(max_mappings_per_client=2)
def test_too_many(pmp):
    for port in (8000, 8001):
        pmp.map("TCP", port)
    assert pmp.try_map("TCP", 8002).result == NO_ROOM
    pmp.unmap("TCP", 8000)
    pmp.map("TCP", 8002)


# ---- who is not answered ---------------------------------------------------

@pytest.mark.only("netlink")
def test_nothing_on_the_wan(lab, pmp):
    """Neither at the external address nor, from outside, at the LAN's."""
    lab.outside.ip_batch(f"route add 192.168.88.0/24 via {EXT_IP}")
    for raw in (b"\0\0", natpmp_map("UDP", 8000),
                pcp_request(0, client=OUT_IP)):
        for to in (EXT_IP, LAN_IP):
            assert unanswered(lab, lab.outside, raw, to=to, at=EXT_IP)


class Raw:
    """Sends datagrams of IPv4 with any source from a host."""

    def __init__(self, host):
        self.sock = host.socket(socket.SOCK_RAW, family=socket.AF_INET,
                                proto=socket.IPPROTO_RAW)

    def send(self, source, to, data, port=5000):
        udp = struct.pack("!HHHH", port, SERVER, 8 + len(data), 0) + data
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64,
                           17, 0, socket.inet_aton(source),
                           socket.inet_aton(to))
        self.sock.sendto(head + udp, (to, 0))


@pytest.mark.only("netlink")
@pytest.mark.parametrize("to", (LAN_IP, EXT_IP))
def test_a_lan_source_on_the_wan(lab, pmp, igd, to):
    """A request from outside with the address of a host in the LAN makes no
    mapping: the interface of arrival counts. (miniupnpd makes one.) There is
    no reverse path filter in the lab's router."""
    lab.outside.ip_batch(f"route add {LAN_IP}/32 via {EXT_IP}")
    raw, port = Raw(lab.outside), pmp.sock.getsockname()[1]
    for data in (natpmp_map("TCP", 8000, 40000),
                 pcp_request(MAP, pcp_body("TCP", 8000, 40000), 3600,
                             HOST_IP)):
        raw.send(HOST_IP, to, data, port)
    assert unanswered(lab, lab.outside, b"\0\0", to=to, at=EXT_IP)
    assert mapped(igd) == set()
    assert pmp.late() == []


@pytest.mark.only("netlink")
@pytest.mark.lab(bridge=True)
@pytest.mark.parametrize("to", ("192.168.88.255", "255.255.255.255", GROUP))
def test_many_receivers(lab, pmp, to):
    """No answer to a request for a broadcast or multicast address."""
    for raw in (b"\0\0", pcp_request(0, client=HOST2_IP)):
        assert unanswered(lab, lab.lan2, raw, to=to)


# Counts what the router sends to an address, before it needs to know who has
# it.
WATCH = """\
table ip watch {
    chain out {
        type filter hook output priority 0
        ip daddr %s udp sport 5351 counter
    }
}
"""


@pytest.mark.only("netlink")
@pytest.mark.parametrize("source", (
    "192.168.77.5",         # off-link
    "192.168.88.255", "192.168.88.0",   # the network's own addresses
    "255.255.255.255", LAN_IP, EXT_IP, OUT_IP, "127.0.0.1"))
def test_forged_sources(lab, pmp, igd, source):
    """None is answered, and none has a mapping. Some are dropped by the
    kernel."""
    lab.router.ip_batch(f"route add 192.168.77.0/24 via {HOST_IP}")
    lab.router.run("nft", "-f", "-", stdin=WATCH % source)
    try:
        Raw(lab.lan1).send(source, LAN_IP, natpmp_map("UDP", 8000, 40000))
        Raw(lab.lan1).send(source, LAN_IP, b"\0\0")
        for _ in range(2):
            assert pmp.address() == EXT_IP
        assert "packets 0 " in lab.router.run("nft", "list table ip watch")
    finally:
        lab.router.run("nft", "delete table ip watch")
    assert mapped(igd) == set()


@pytest.mark.only("netlink")
def test_hosts_that_do_not_exist(lab, pmp):
    """The kernel keeps an answer for seconds, until ARP has failed, in the
    buffer of its socket. When that is full, others are still answered at
    once."""
    raw = Raw(lab.lan1)
    pmp.sock.settimeout(0.5)        # ARP gives up after 3 s
    for _ in range(20):
        for i in range(100, 200):
            raw.send(f"192.168.88.{i}", LAN_IP, b"\0\0")
        assert wait_until(lambda: answers(pmp.address) == EXT_IP, 2)


@pytest.mark.only("netlink")
def test_short_and_odd_datagrams(lab, pmp):
    """They are dropped, and the next request is answered."""
    for raw in (b"", b"\0", b"\0\1", b"\0\2" + bytes(9), b"\0\x80",
                b"\2\x81" + bytes(58), bytes((2,)) + bytes(22)):
        pmp.send(raw)
    assert pmp.address() == EXT_IP
    assert pmp.late() == []


@pytest.mark.only("netlink")
def test_never_more_than_was_asked(lab, pmp):
    """Amplification: one answer for a request, at most 12 bytes for 2, 16 for
    12, and as much as was sent in PCP."""
    for raw, most in ((b"\0\0", 12), (natpmp_map("TCP", 8000), 16),
                      (bytes((0, 99)), 12)):
        assert len(pmp.ask(raw)) <= most
    for n in (24, 28, 60, 1100, 1200):
        raw = pcp_request(99, bytes(n - 24), 0, HOST_IP)
        assert len(pmp.ask(raw)) <= n
    assert pmp.late() == []


def sent_by(host):
    """How many datagrams of UDP a host has sent."""
    with inside(host.ns), open("/proc/thread-self/net/snmp") as f:
        names, numbers = [line.split() for line in f if line.startswith("Udp:")]
    return int(numbers[names.index("OutDatagrams")])


@pytest.mark.only("netlink")
@pytest.mark.lab(bridge=True)
def test_a_flood_of_one_host(lab, pmp):
    """Its rate is limited (PMP_REQUESTS_BURST, PMP_REQUESTS_S in
    base/limits.h). Others are served meanwhile, if they repeat what is
    lost."""
    before, since = sent_by(lab.router), time.monotonic()
    with Pmp(lab.lan2) as flooder:
        while time.monotonic() < since + 4:
            for _ in range(1000):
                flooder.send(b"\0\0")
        pmp.sock.settimeout(0.5)
        assert wait_until(lambda: answers(pmp.address) == EXT_IP)
        assert wait_until(lambda: answers(lambda: pmp.map("TCP", 8000)))
    sent = sent_by(lab.router) - before     # announcements as well
    assert sent <= 20000 + 10000 * (time.monotonic() - since) + 200


# ---- epoch, restart, announcements -----------------------------------------

def epochs_agree(pmp, since, epoch):
    """Has the epoch grown with the time, within two seconds each way?"""
    now = pmp.epoch()
    return abs(now - epoch - (time.monotonic() - since)) <= 2


@pytest.mark.only("netlink")
def test_epoch_over_restart_and_crash(lab, upnpd, pmp, igd):
    """The mappings are kept, so the epoch goes on (RFC 6886 3.6)."""
    server = listener(lab.lan1, "TCP", 8000)
    pmp.map("TCP", 8000, 40000)
    assert wait_until(lambda: pmp.epoch() >= 4)
    epoch, since = pmp.epoch(), time.monotonic()
    upnpd.stop()
    upnpd.start()
    assert epochs_agree(pmp, since, epoch)
    assert reaches(lab, "TCP", 40000, server)
    engine = upnpd.engine()
    os.kill(engine, signal.SIGKILL)
    assert wait_until(lambda: upnpd.engine() not in (None, engine))
    upnpd.wait_ready()
    assert epochs_agree(pmp, since, epoch)
    assert pmp.map("TCP", 8000, 0).ext == 40000


def begins_anew(pmp, since):
    """Has the epoch begun after the time @since, when it was 3 or more?"""
    return pmp.epoch() <= time.monotonic() - since + 1


@pytest.mark.only("netlink")
def test_epoch_begins_anew_with_the_state(lab, upnpd, pmp, igd):
    """The lease file is gone, so clients must map again."""
    pmp.map("TCP", 8000, 40000)
    assert wait_until(lambda: pmp.epoch() >= 3)
    since = time.monotonic()
    upnpd.stop()
    for name in os.listdir(upnpd.state):
        os.unlink(os.path.join(upnpd.state, name))
    upnpd.start()
    assert begins_anew(pmp, since)
    assert mapped(igd) == set()


@pytest.mark.only("netlink")
def test_epoch_begins_anew_with_the_address(lab, upnpd, pmp):
    assert wait_until(lambda: pmp.epoch() >= 3)
    since = time.monotonic()
    unplug(lab)
    plug(lab, NEW_EXT)
    assert wait_until(lambda: pmp.address() == NEW_EXT)
    assert begins_anew(pmp, since)


@pytest.mark.only("netlink")
def test_announcements(lab, stopped):
    """At the start and again when the address changes, several times, to every
    host of the LAN and to nobody outside (RFC 6886 3.2.1)."""
    with Announced(lab.lan1) as ear, Announced(lab.outside) as outside:
        stopped.start()
        assert wait_until(lambda: len(ear.addresses()) >= 4)
        assert {peer for peer, _ in ear.heard} == {(LAN_IP, SERVER)}
        assert {m.address for m in ear.addresses()} == {EXT_IP}
        before = len(ear.drain())
        unplug(lab)
        plug(lab, NEW_EXT)
        with Pmp(lab.lan1) as pmp:
            assert wait_until(lambda: pmp.address() == NEW_EXT)
        assert wait_until(lambda: [
            m for m in ear.addresses(before) if m.address == NEW_EXT][3:])
        assert outside.drain() == []
        assert all(m.result == NO_ERROR for m in ear.addresses(before)
                   if m.address == NEW_EXT)


# ---- options ---------------------------------------------------------------

@pytest.mark.only("netlink")
@pytest.mark.conf(nat_pmp="no")
def test_disabled(lab, pmp):
    """A request of NAT-PMP gets PCP's UNSUPP_VERSION (RFC 6887, appendix
    A)."""
    answer = PcpReply(pmp.ask(b"\0\0" + bytes(22)))
    assert answer.result == UNSUPP_VERSION
    assert pmp.pcp(0).result == SUCCESS


@pytest.mark.only("netlink")
@pytest.mark.conf(nat_pmp="no", pcp="no")
def test_port_closed(lab, upnpd):
    """Neither protocol: the kernel says that the port is closed."""
    with lab.lan1.socket(socket.SOCK_DGRAM) as sock:
        sock.connect((LAN_IP, SERVER))
        sock.settimeout(30)
        sock.send(b"\0\0")
        with pytest.raises(ConnectionRefusedError):
            sock.recv(64)
