# SPDX-License-Identifier: ISC
"""Pinholes on the wire, with the backend netlink: traffic from outside passes
and stops exactly as the table of pinholes says, in each layout of an IPv6
firewall. The first requests are those of an engine to the real broker
(rogue.c), the last ones those of a control point to the daemon."""
import contextlib
import itertools
import os
import re
import signal
import socket
import struct
import subprocess

import pytest

from lab import (DROP6, EXT6_IP, HOST6_IP, HOST6_ULA, LAN6_IP, LAN6_ULA, LONG,
                 OUTSIDE6_IP, Probe, arrives, blocked, listener, one_processor,
                 reaches, wait_until)
from test_events import Subscriber
from test_jail import EREFUSED, OK, Rogue
from test_wanip6 import Gateway6
from upnp import Igd, UpnpError, error_of

EBLOCKED = 8
OTHER6_IP = "2001:db8:11::3"        # a second address outside
UDPLITE, SCTP, DCCP = 136, 132, 33

# One table for both families, and chains as OpenWrt's fw4 makes them.
INET = """\
table inet fw {
    chain forward {
        type filter hook forward priority 0; policy drop;
        ct state vmap { established : accept, related : accept, invalid : drop }
        iifname { "lan0", "lan1" } accept
        meta nfproto ipv4 accept
    }
}
"""
FW4 = """\
table inet fw4 {
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        meta nfproto ipv4 accept
        iifname { "lan0", "lan1" } jump forward_lan
        iifname "wan0" jump forward_wan
        jump handle_reject
    }
    chain forward_lan {
        jump accept_to_wan
        jump accept_to_lan
    }
    chain forward_wan {
        icmpv6 type { destination-unreachable, time-exceeded, echo-request,
                      echo-reply, packet-too-big } limit rate 1000/second accept
        meta l4proto esp jump accept_to_lan
        udp dport 500 jump accept_to_lan
        jump reject_to_wan
    }
    chain accept_to_wan {
        oifname "wan0" ct state invalid drop
        oifname "wan0" accept
    }
    chain accept_to_lan {
        oifname { "lan0", "lan1" } accept
    }
    chain reject_to_wan {
        oifname "wan0" jump handle_reject
    }
    chain handle_reject {
        meta l4proto tcp reject with tcp reset
        reject
    }
}
"""
# Answers need an accept as well: nothing is accepted by its state.
STATELESS = """\
table ip6 fw {
    chain forward {
        type filter hook forward priority 0; policy drop;
        iifname { "lan0", "lan1" } tcp dport 1-1023 accept
        iifname { "lan0", "lan1" } ip6 saddr fd00::/8 drop
    }
}
"""
WALLS = {"ip6": DROP6, "inet": INET, "fw4": FW4}

pytestmark = [pytest.mark.only("netlink"), pytest.mark.lab(ipv6=True)]


def add_wall(lab, text):
    lab.router.run("nft", "-f", "-", stdin=text)
    if OTHER6_IP not in lab.outside.run("ip", "-6", "address"):
        lab.outside.ip_batch(f"addr add {OTHER6_IP}/64 dev eth0 nodad")
    if "upnpd" not in lab.rules():
        lab.pristine = lab.rules()


class Engine(Rogue):
    """An engine that opens and closes pinholes."""

    def __init__(self, upnpd):
        super().__init__(upnpd)
        assert self.ask("look") == OK

    def hole(self, port=8000, client=HOST6_IP, proto="tcp", remote="*",
             remote_port=0, verb="set6"):
        return self.ask(f"{verb} {proto} {client} {port} {remote_port} "
                        f"{remote}")

    def kill(self):
        """The monitor; the engine ends by itself."""
        self.proc.kill()
        self.proc.wait()

    def close(self):
        if self.proc.returncode is None:
            return super().close()
        self.log.close()
        return 0

    def packets(self, **kw):
        """How many packets the pinhole let in."""
        err, packets = self.hole(verb="packets", **kw).split()
        assert int(err) == OK
        return int(packets)


@pytest.fixture
def begin(lab, stopped):
    """begin(text) adds a firewall and starts an engine: the broker here reads
    the rules when it starts, and when a change fails."""
    made = []

    def begin(text):
        if text:
            add_wall(lab, text)
        made.append(Engine(stopped))
        return made[-1]

    # a pinhole for all ports needs such a line
    stopped.lines = ["allow 0-65535 2001:db8:88::/64 0-65535",
                     "allow 0-65535 fd00:88::/64 0-65535"]
    yield begin
    for engine in made:
        assert engine.close() == 0


@pytest.fixture(params=sorted(WALLS))
def wall(request):
    return WALLS[request.param]


@pytest.fixture
def engine(begin, wall):
    return begin(wall)


def passes(lab, port, server, proto="TCP", src_ip=OUTSIDE6_IP, src_port=0,
           dst=HOST6_IP, timeout=LONG):
    return reaches(lab, proto, port, server, dst, src_ip=src_ip,
                   src_port=src_port, timeout=timeout)


def stops(lab, port, server, proto="TCP", src_ip=OUTSIDE6_IP, src_port=0,
          dst=HOST6_IP):
    return blocked(lab, proto, port, server, dst, src_ip=src_ip,
                   src_port=src_port)


# ---- what passes ------------------------------------------------------

@pytest.mark.core
def test_pinhole_opens_and_closes(lab, engine):
    with listener(lab.lan1, "TCP", 8000, HOST6_IP) as server, \
            listener(lab.lan1, "TCP", 8001, HOST6_IP) as other:
        assert stops(lab, 8000, server)
        assert engine.hole() == OK
        assert passes(lab, 8000, server)
        assert stops(lab, 8001, other)
        assert engine.hole(verb="del6") == OK
        assert stops(lab, 8000, server)


WILDCARDS = list(itertools.product((True, False), repeat=3))


@pytest.mark.parametrize("proto", ("TCP", "UDP"))
@pytest.mark.parametrize("any_port, any_host, any_remote_port", WILDCARDS)
def test_wildcards(lab, begin, proto, any_port, any_host, any_remote_port):
    """What a pinhole leaves open is open, and nothing else is."""
    engine = begin(DROP6)
    assert engine.hole(0 if any_port else 8000, proto=proto.lower(),
                       remote="*" if any_host else OUTSIDE6_IP,
                       remote_port=0 if any_remote_port else 7000) == OK
    with listener(lab.lan1, proto, 8000, HOST6_IP) as server, \
            listener(lab.lan1, proto, 8001, HOST6_IP) as other:
        for listening, host, port in itertools.product(
                (server, other), (OUTSIDE6_IP, OTHER6_IP), (7000, 7001)):
            is_open = (listening is server or any_port) and \
                (host == OUTSIDE6_IP or any_host) and \
                (port == 7000 or any_remote_port)
            check = passes if is_open else stops
            assert check(lab, listening.getsockname()[1], listening, proto,
                         host, port), (listening, host, port)


def test_other_protocol_and_client_stay_closed(lab, engine):
    lab.lan1.ip_batch("addr add 2001:db8:88::99/64 dev eth0 nodad")
    assert engine.hole() == OK
    with listener(lab.lan1, "UDP", 8000, HOST6_IP) as udp, \
            listener(lab.lan1, "TCP", 8000, "2001:db8:88::99") as other:
        assert stops(lab, 8000, udp, "UDP")
        assert stops(lab, 8000, other, dst="2001:db8:88::99")


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def ones_sum(data):
    """The Internet checksum."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def udplite(src, dst, ports, word):
    """The checksum covers the header (RFC 3828)."""
    head = ports + struct.pack("!HH", 8, 0)
    pseudo = socket.inet_pton(socket.AF_INET6, src) + \
        socket.inet_pton(socket.AF_INET6, dst) + \
        struct.pack("!LxxxB", len(head + word), UDPLITE)
    return ports + struct.pack("!HH", 8, ones_sum(pseudo + head)) + word


def sctp(_src, _dst, ports, word):
    """An INIT with the word as an unknown parameter (RFC 9260)."""
    chunk = struct.pack("!LLHHL", 1, 65536, 1, 1, 1) + \
        struct.pack("!HH", 0xc001, 4 + len(word)) + word
    chunk = struct.pack("!BBH", 1, 0, 4 + len(chunk)) + chunk
    whole = ports + bytes(8) + chunk
    return ports + bytes(4) + struct.pack("<L", crc32c(whole)) + chunk


def dccp(_src, _dst, ports, word):
    """Only the ports matter: the kernel here does not track it."""
    return ports + bytes(8) + word


MAKE = {"udplite": (UDPLITE, udplite), "sctp": (SCTP, sctp),
        "dccp": (DCCP, dccp)}


@pytest.mark.parametrize("proto", ("udplite", "sctp", "dccp"))
def test_other_protocols(lab, engine, proto):
    """The kernel here need not have sockets of them: a raw socket gets what is
    forwarded."""
    number, make = MAKE[proto]
    # Linux 6.18 checks UDP-Lite with the number of UDP (nf_checksum_partial()
    # in udplite_error()), so each packet is invalid, which a wall may drop
    lab.router.sysctl("net.netfilter.nf_conntrack_checksum", 0)
    with lab.lan1.socket(socket.SOCK_RAW, family=socket.AF_INET6,
                         proto=number) as server, \
            lab.outside.socket(socket.SOCK_RAW, (OUTSIDE6_IP, 0),
                               proto=number) as peer, \
            Probe(lab.lan1, lab.outside, OUTSIDE6_IP) as probe:

        def arrives_at(port):
            word = b"%08d" % next(COUNTER)
            ports = struct.pack("!HH", next(COUNTER) + 7000, port)
            peer.sendto(make(OUTSIDE6_IP, HOST6_IP, ports, word),
                        (HOST6_IP, 0))
            with one_processor():
                probe.there_and_back()
            server.setblocking(False)
            try:
                while True:
                    if server.recv(256).endswith(word):
                        return True
            except BlockingIOError:
                return False

        assert not arrives_at(8000)
        assert engine.hole(proto=proto) == OK
        assert wait_until(lambda: arrives_at(8000))
        assert not arrives_at(8001)
        assert engine.hole(proto="tcp", port=8001) == OK
        assert not arrives_at(8001)
        assert engine.hole(proto=proto, verb="del6") == OK
        assert not arrives_at(8000)


COUNTER = itertools.count()


def test_answers_pass_a_firewall_without_state(lab, begin):
    """The accept of answers is for answers: the client opens nothing through
    it."""
    engine = begin(STATELESS)
    with listener(lab.lan1, "TCP", 8000, HOST6_IP) as server:
        assert engine.hole() == OK
        assert passes(lab, 8000, server)
    with lab.outside.listen(7000, OUTSIDE6_IP) as server:
        server.settimeout(1)
        with lab.lan1.socket(socket.SOCK_STREAM, (HOST6_IP, 8000), True) as s:
            s.settimeout(1)
            with pytest.raises(OSError):
                s.connect((OUTSIDE6_IP, 7000))


@pytest.mark.lab(ipv6=True, second_lan=True)
@pytest.mark.parametrize("known", (True, False))
def test_pinhole_is_no_way_between_networks(lab, stopped, begin, known):
    """Neither from another internal network, nor from one that is not
    configured, such as that of guests."""
    if known:
        stopped.interfaces["lan1"] = "internal"
    engine = begin("""table ip6 fw { chain forward {
        type filter hook forward priority 0; policy drop;
        ct state established,related accept; iifname "lan0" accept; }; }""")
    assert engine.hole() == OK
    with listener(lab.lan1, "TCP", 8000, HOST6_IP) as server:
        assert passes(lab, 8000, server)
        with Probe(lab.lan1, lab.outside, OUTSIDE6_IP) as probe:
            assert not arrives(probe, lab.lan2, "TCP", HOST6_IP, 8000, server)


class Flow:
    """A connection from outside to port 8000 of lan1."""

    def __init__(self, lab, server, src_ip=OUTSIDE6_IP):
        self.lab = lab
        self.peer = lab.outside.socket(socket.SOCK_STREAM, (src_ip, 0))
        self.peer.settimeout(LONG)
        self.peer.connect((HOST6_IP, 8000))
        server.settimeout(LONG)
        self.inner, _ = server.accept()

    def passes(self):
        word = os.urandom(8)
        self.inner.settimeout(LONG)
        self.peer.send(word)
        return self.inner.recv(64) == word

    def stops(self):
        """Nothing arrives: a probe that was sent later returns first."""
        with Probe(self.lab.lan1, self.lab.outside, OUTSIDE6_IP) as probe, \
                one_processor():
            self.inner.setblocking(False)
            self.peer.send(os.urandom(8))
            probe.there_and_back()
            with contextlib.suppress(BlockingIOError):
                return not self.inner.recv(64)
        return True

    def close(self):
        self.peer.close()
        self.inner.close()


def ended(engine, flow):
    """Deletions shortly after each other share a walk over the kernel's flows,
    for which the broker here has no timer but the next request."""
    assert engine.hole(8001) == OK
    return flow.stops()


def test_connections_end_with_the_pinhole(lab, begin):
    """The firewall accepts what is established, and the kernel tracks it."""
    engine = begin(DROP6)
    assert engine.hole(remote=OUTSIDE6_IP) == OK
    assert engine.hole(remote=OTHER6_IP) == OK
    with listener(lab.lan1, "TCP", 8000, HOST6_IP) as server:
        flow = Flow(lab, server)
        other = Flow(lab, server, OTHER6_IP)
        assert flow.passes() and other.passes()
        assert engine.hole(remote=OUTSIDE6_IP, verb="del6") == OK
        assert wait_until(lambda: ended(engine, flow))
        assert other.passes()
        # a table without it
        engine.hole(8001, verb="rule6")
        assert engine.ask("end") == OK
        assert wait_until(lambda: ended(engine, other))
        flow.close()
        other.close()


# ---- the administrator's firewall -------------------------------------

def test_drop_of_the_administrator_stays(lab, begin):
    """A drop of sources, and one of a port, precede the accept."""
    engine = begin(DROP6.replace("policy drop;", f"""policy drop;
        ip6 saddr {OTHER6_IP} drop
        tcp dport 8001 drop"""))
    assert engine.hole(8001) == EBLOCKED
    assert engine.hole(8000) == OK
    with listener(lab.lan1, "TCP", 8000, HOST6_IP) as server:
        assert passes(lab, 8000, server)
        assert stops(lab, 8000, server, src_ip=OTHER6_IP)


@pytest.mark.parametrize("what", ("ip6 daddr 2001:db8:88::/64 drop",
                                  "ip6 daddr 2001:db8::/32 drop",
                                  "ip6 nexthdr tcp drop"))
def test_drop_of_a_network_gets_an_accept(lab, begin, what):
    """Regression: a prefix of 32 bits was taken for an IPv4 address."""
    engine = begin(f"""table ip6 fw {{ chain forward {{
        type filter hook forward priority 0;
        ct state established,related accept
        iifname "lan0" accept
        {what}
    }}; }}""")
    with listener(lab.lan1, "TCP", 8000, HOST6_IP) as server:
        assert stops(lab, 8000, server)
        assert engine.hole(8000) == OK
        assert passes(lab, 8000, server)


def test_without_a_firewall_there_is_only_the_counter(lab, begin):
    """Nothing drops, so no chain of others is changed."""
    engine = begin("add chain inet filter forward { policy accept; }\n"
                   "flush chain inet filter forward")
    assert engine.hole() == OK
    with listener(lab.lan1, "TCP", 8000, HOST6_IP) as server:
        assert passes(lab, 8000, server)
    assert engine.packets() > 0
    chains = re.findall(r"^table (\S+ \S+)", lab.router.run(
        "nft", "list", "ruleset"), re.M)
    assert "ip6 upnpd" in chains
    assert "upnpd" not in lab.router.run("nft", "list", "table", "inet",
                                         "filter")


# ---- repair and counters ----------------------------------------------

def test_change_after_a_reload_repairs_all(lab, wall, engine):
    """Before the broker hears of it."""
    table = re.search(r"table (\S+ \S+)", wall)[1]
    with listener(lab.lan1, "TCP", 8000, HOST6_IP) as server:
        assert engine.hole() == OK
        assert passes(lab, 8000, server)
        before = engine.packets()
        add_wall(lab, f"delete table {table}\n{wall}")
        assert stops(lab, 8000, server)
        assert engine.packets() == before > 0
        assert engine.hole(8001, remote=OTHER6_IP) == OK
        assert passes(lab, 8000, server)
        assert engine.packets() > before
        before = engine.packets()
        add_wall(lab, f"flush ruleset\n{lab.pristine}")
        assert engine.hole(8001) == OK
        assert passes(lab, 8000, server)
        assert 0 < engine.packets() < before


def test_counter_survives_the_monitor(lab, begin):
    """A killed monitor leaves its rules, and the next one continues to
    count."""
    with listener(lab.lan1, "TCP", 8000, HOST6_IP) as server:
        first = begin(DROP6)
        assert first.hole() == OK
        assert first.hole(8001) == OK
        assert passes(lab, 8000, server)
        count = first.packets()
        assert count >= 3       # SYN, ACK, data
        first.kill()
        assert passes(lab, 8000, server)
        second = begin(None)
        second.hole(verb="rule6")
        assert second.ask("end") == OK
        assert second.packets() > count
        assert "8001" not in lab.router.run("nft", "list", "ruleset")


def test_rogue_gets_no_forbidden_pinhole(lab, begin):
    engine = begin(DROP6)
    before = lab.rules()
    for client in (LAN6_IP, EXT6_IP, OUTSIDE6_IP, "ff02::1", "::1", "fe80::1",
                   "2001:db8:99::5", "::ffff:192.168.88.10"):
        assert engine.hole(client=client) == EREFUSED, client
    assert lab.rules() == before
    assert engine.hole(client=HOST6_ULA) == OK


# ---- the daemon --------------------------------------------------------

SOON = 5        # seconds: a process was killed, or the firewall is reloaded


@pytest.fixture
def six(lab, stopped, wall):
    """A control point. The daemon runs behind a firewall."""
    add_wall(lab, wall)
    stopped.start()
    return Gateway6(lab.lan1)


def counted(six, uid):
    """The pinhole's packets; None if it does not answer now."""
    try:
        return six.packets(uid)
    except (OSError, UpnpError):
        return None


@pytest.mark.core
def test_client_opens_renews_and_closes(lab, six):
    with listener(lab.lan1, "UDP", 8000, HOST6_IP) as server:
        uid = six.open(8000, proto=17, remote=OUTSIDE6_IP, lease=60)
        assert passes(lab, 8000, server, "UDP")
        assert stops(lab, 8000, server, "UDP", src_ip=OTHER6_IP)
        assert six.packets(uid) > 0
        assert six.open(8000, proto=17, remote=OUTSIDE6_IP) == uid
        six.close(uid)
        assert stops(lab, 8000, server, "UDP")


def test_lease_ends(lab, six):
    with listener(lab.lan1, "TCP", 8000, HOST6_IP) as server:
        six.open(8000, lease=1)
        assert wait_until(lambda: stops(lab, 8000, server))


def test_without_a_firewall_there_is_nothing_to_open(lab, stopped):
    """702, and FirewallEnabled is 0, until a firewall drops something."""
    add_wall(lab, f"flush ruleset\n{DROP6}")    # it is there at the end
    lab.router.run("nft", "delete table ip6 fw")
    stopped.start()
    six = Gateway6(lab.lan1)
    with contextlib.closing(Subscriber(lab.lan1, ip=HOST6_IP)) as sub, \
            listener(lab.lan1, "TCP", 8000, HOST6_IP) as server:
        sub.subscribe("/igd2/wanip6/event", ip=LAN6_IP, source=HOST6_IP)
        assert wait_until(lambda: sub.told("FirewallEnabled")[-1:] == ["0"])
        assert error_of(six.open, 8000) == 702
        add_wall(lab, DROP6)
        assert wait_until(lambda: sub.told("FirewallEnabled")[-1] == "1")
        uid = six.open(8000)
        assert passes(lab, 8000, server)
        lab.router.run("nft", "delete table ip6 fw")
        assert wait_until(lambda: sub.told("FirewallEnabled")[-1] == "0")
        assert error_of(six.open, 8000) == 702
        assert error_of(six.close, uid) == 702
        assert six.ask("GetFirewallStatus")["FirewallEnabled"] == "0"
        # it is there when the firewall returns
        add_wall(lab, DROP6)
        assert wait_until(lambda: sub.told("FirewallEnabled")[-1] == "1")
        assert passes(lab, 8000, server)
        six.close(uid)


@pytest.mark.conf(verify_interval=1)
@pytest.mark.parametrize("wall", (DROP6,))
def test_loss_of_ipv6_alone(lab, stopped, six):
    """A table of IPv6 that only its owner may change: the log says that
    pinholes do not work, and mappings do."""
    owner = subprocess.Popen(
        ["ip", "netns", "exec", lab.router.ns, "nft", "-i"], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        owner.stdin.write(
            "table ip6 owned { flags owner; chain forward { type filter hook "
            "forward priority 5; policy drop; ct state established accept; "
            'iifname "lan0" accept; }; }\n')
        owner.stdin.flush()
        assert stopped.wait_log(
            r"pinholes do not work: ip6 owned forward .*only nft")
        Igd(lab.lan1).add(40000, "TCP", 8000)
    finally:
        owner.communicate()
    assert stopped.wait_log("pinholes can work again")
    assert "mappings do not work" not in stopped.log()
    assert "mappings can work again" not in stopped.log()


def test_flush_and_reload_of_the_firewall(lab, wall, six):
    """It works again by itself, and continues to count."""
    table = re.search(r"table (\S+ \S+)", wall)[1]
    with listener(lab.lan1, "TCP", 8000, HOST6_IP) as server:
        uid = six.open(8000)
        assert passes(lab, 8000, server)
        for how in (f"flush table {table}\n{wall}",
                    f"delete table {table}\n{wall}"):
            before = six.packets(uid)
            add_wall(lab, how)
            assert passes(lab, 8000, server, timeout=SOON)
            assert six.packets(uid) > before > 0
        add_wall(lab, f"flush ruleset\n{lab.pristine}")
        assert passes(lab, 8000, server, timeout=SOON)
        assert six.packets(uid) > 0


def test_death_of_each_process(lab, stopped, six):
    """Nobody but the client closes its pinhole."""
    with listener(lab.lan1, "TCP", 8000, HOST6_IP) as server:
        uid = six.open(8000)
        gone = six.open(8001)
        assert passes(lab, 8000, server)
        for name in ("engine", "monitor"):
            before = six.packets(uid)
            os.kill(stopped.pids()[name], signal.SIGKILL)
            assert passes(lab, 8000, server, timeout=SOON)
            if name == "monitor":
                stopped.proc.wait()
                stopped.start()
            assert wait_until(lambda: counted(six, uid) is not None, SOON)
            assert passes(lab, 8000, server)
            assert six.packets(uid) > before > 0
        before = six.packets(uid)
        since = stopped.reload()
        assert stopped.wait_log("serving on port", since=since)
        assert wait_until(lambda: counted(six, uid) is not None, SOON)
        six.close(gone)
        assert passes(lab, 8000, server)
        assert six.packets(uid) > before
        # without a fork server the daemon ends, and removes its rules
        os.kill(stopped.fork_server(), signal.SIGKILL)
        assert stopped.wait_exit() not in (0, None)
        assert stops(lab, 8000, server)
        stopped.start()
        assert passes(lab, 8000, server)
        assert six.packets(uid) > 0
        six.close(uid)
        assert stops(lab, 8000, server)


def test_another_prefix(lab, six):
    """Without its network a pinhole is not in the firewall; with it, it is
    again."""
    with listener(lab.lan1, "TCP", 8000, HOST6_IP) as server:
        uid = six.open(8000)
        other = six.open(8000, client=HOST6_ULA)
        assert passes(lab, 8000, server)
        lab.router.ip_batch("addr add 2001:db8:99::1/64 dev lan0 nodad",
                            f"addr del {LAN6_IP}/64 dev lan0")
        assert wait_until(lambda: HOST6_IP not in lab.rules())
        assert HOST6_ULA in lab.rules()
        lab.router.ip_batch(f"addr add {LAN6_IP}/64 dev lan0 nodad")
        assert passes(lab, 8000, server)
        six.close(uid)
        six.close(other)


@pytest.mark.parametrize("client", (
    pytest.param(HOST6_IP, marks=pytest.mark.lab(ipv6="only"), id="only"),
    pytest.param(HOST6_ULA, marks=pytest.mark.lab(ipv6="ula"), id="ula")))
def test_each_kind_of_network(lab, stopped, client):
    """IPv6 only, and unique local addresses only: outside has a route here."""
    add_wall(lab, DROP6)
    lab.outside.ip_batch(f"route add fd00::/8 via {EXT6_IP}")
    lab.lan1.ip_batch(f"route replace default via {LAN6_ULA}")
    stopped.start()
    six = Gateway6(lab.lan1, ip=lab.router.link_local("lan0"))
    with listener(lab.lan1, "TCP", 8000, client) as server:
        assert stops(lab, 8000, server, dst=client)
        uid = six.open(8000, client=client)
        assert passes(lab, 8000, server, dst=client)
        assert six.packets(uid) > 0
        assert six.works(uid) == "1"
        six.close(uid)
        assert stops(lab, 8000, server, dst=client)


def test_addresses_of_the_wan_change(lab, stopped):
    """DS-Lite: IPv4 is lost. Then the provider assigns another IPv6 address to
    the router's external interface."""
    add_wall(lab, DROP6)
    stopped.start()
    six = Gateway6(lab.lan1)
    with listener(lab.lan1, "TCP", 8000, HOST6_IP) as server:
        uid = six.open(8000)
        flow = Flow(lab, server)
        lab.router.run("ip", "-4", "addr", "flush", "dev", "wan0")
        assert wait_until(
            lambda: Igd(lab.lan1, ip=LAN6_IP).external_ip() == "")
        assert flow.passes() and passes(lab, 8000, server)
        lab.router.ip_batch("addr add 2001:db8:11::9/64 dev wan0 nodad",
                            f"addr del {EXT6_IP}/64 dev wan0",
                            f"route replace default via {OUTSIDE6_IP} dev wan0")
        lab.outside.ip_batch("route replace 2001:db8::/32 via 2001:db8:11::9")
        assert passes(lab, 8000, server)
        assert six.open(8000) == uid
        assert flow.passes()
        flow.close()
        six.close(uid)
        assert stops(lab, 8000, server)
