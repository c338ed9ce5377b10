# SPDX-License-Identifier: ISC
"""Pinholes through chains of ip6tables, legacy and nft variant: traffic from
outside passes and stops exactly as the table of pinholes says. netlink
translates port mappings, or iptables does."""
import itertools
import os
import re
import signal

import pytest

from daemon import Upnpd
from firewall import Iptables
from lab import (HOST6_IP, HOST6_ULA, Lab, OUTSIDE6_IP, Probe, arrives,
                 blocked, listener, reaches, wait_until)
from test_wanip6 import Gateway6
from upnp import Igd, UpnpError

VARIANTS = ("iptables-legacy", "iptables-nft")
OTHER6_IP = "2001:db8:11::3"        # a second address outside
TCP, UDP, UDPLITE, SCTP, DCCP = 6, 17, 136, 132, 33

WALL = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i lan+ -j ACCEPT
COMMIT
"""
# The rules that drop are in a chain that is jumped to.
ZONES = """\
*filter
:FORWARD ACCEPT [0:0]
:zone_wan - [0:0]
:reject - [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i lan+ -j ACCEPT
-A FORWARD -i wan0 -m comment --comment "!fw3" -j zone_wan
-A zone_wan -p ipv6-icmp -j ACCEPT
-A zone_wan -m comment --comment "!fw3" -j reject
-A reject -p tcp -j REJECT --reject-with tcp-reset
-A reject -j DROP
COMMIT
"""
# Nothing is accepted by its state, so answers need an accept.
STATELESS = """\
*filter
:FORWARD DROP [0:0]
-A FORWARD -i lan+ -p tcp -m tcp --dport 1:1023 -j ACCEPT
COMMIT
"""
WALLS = {"plain": WALL, "zones": ZONES}


class Both(Iptables):
    """iptables and ip6tables of one variant."""

    def __init__(self, backend, text):
        super().__init__(backend.partition("-")[2])
        self.text, self.name6 = text, self.name.replace("ip", "ip6", 1)

    def build(self, router):
        super().build(router)
        self.restore6(router, self.text)

    def saved6(self, router):
        return router.run(self.name6 + "-save")

    def restore6(self, router, text):
        router.run(self.name6 + "-restore", stdin=text)

    def snapshot(self, router):
        lines = [re.sub(r"\[\d+:\d+\]", "", line).strip()
                 for line in self.saved6(router).splitlines()
                 if not line.startswith("#")]
        return super().snapshot(router) + "\n".join(lines)


@pytest.fixture(params=("netlink", "iptables"))
def translator(request, backend):
    return backend if request.param == "iptables" else "netlink"


@pytest.fixture
def wall():
    return "plain"


@pytest.fixture
def second_lan():
    return False


@pytest.fixture
def lab(backend, wall, second_lan):
    text = WALLS.get(wall, wall)
    with Lab(Both(backend, text), ipv6=True, second_lan=second_lan) as lab:
        lab.outside.ip_batch(f"addr add {OTHER6_IP}/64 dev eth0 nodad")
        lab.pristine = lab.rules()
        yield lab


@pytest.fixture
def upnpd(lab, translator):
    daemon = Upnpd(lab, translator)
    # a pinhole for all ports needs such a line
    daemon.lines = ["allow 0-65535 2001:db8:88::/64 0-65535",
                    "allow 0-65535 fd00:88::/64 0-65535"]
    daemon.start()
    yield daemon
    print(lab.firewall.saved6(lab.router))
    status = daemon.stop() if daemon.running() else 0
    print(daemon.log())
    assert status == 0
    assert lab.holds(lab.pristine)


@pytest.fixture
def six(lab, upnpd):
    return Gateway6(lab.lan1)


@pytest.fixture
def server(lab):
    with listener(lab.lan1, "TCP", 8000, HOST6_IP) as sock:
        yield sock


def passes(lab, port, server, proto="TCP", src_ip=OUTSIDE6_IP, src_port=0):
    return reaches(lab, proto, port, server, HOST6_IP, src_ip=src_ip,
                   src_port=src_port)


def stops(lab, port, server, proto="TCP", src_ip=OUTSIDE6_IP, src_port=0):
    return blocked(lab, proto, port, server, HOST6_IP, src_ip=src_ip,
                   src_port=src_port)


def accepts(lab):
    """The rules of upnpd that accept."""
    return [line for line in lab.firewall.saved6(lab.router).splitlines()
            if line.startswith("-A UPNPD") and line.endswith("-j ACCEPT")]


pytestmark = pytest.mark.only(*VARIANTS)


# ---- what passes ------------------------------------------------------

@pytest.mark.core
@pytest.mark.parametrize("wall", sorted(WALLS))
def test_pinhole_opens_and_closes(lab, six, server):
    assert stops(lab, 8000, server)
    uid = six.open(8000)
    with listener(lab.lan1, "TCP", 8001, HOST6_IP) as other:
        assert passes(lab, 8000, server)
        assert stops(lab, 8001, other)
    assert len(accepts(lab)) == 1
    six.close(uid)
    assert stops(lab, 8000, server)
    assert not accepts(lab)


WILDCARDS = list(itertools.product(("", OUTSIDE6_IP), (False, True)))


@pytest.mark.parametrize("proto", ("TCP", "UDP"))
def test_wildcards(lab, six, proto):
    """What a pinhole leaves open is open, and nothing else is."""
    number = TCP if proto == "TCP" else UDP
    with listener(lab.lan1, proto, 8000, HOST6_IP) as server, \
            listener(lab.lan1, proto, 8001, HOST6_IP) as other:
        for i, (remote, fixed) in enumerate(WILDCARDS):
            # another port each time, so that each flow is a new one
            peer = 7000 + 10 * i
            uid = six.open(8000, proto=number, remote=remote,
                           remote_port=peer if fixed else 0)
            assert passes(lab, 8000, server, proto, src_port=peer)
            check = stops if remote else passes
            assert check(lab, 8000, server, proto, OTHER6_IP, peer)
            check = stops if fixed else passes
            assert check(lab, 8000, server, proto, OUTSIDE6_IP, peer + 1)
            assert stops(lab, 8001, other, proto)
            six.close(uid)
            assert stops(lab, 8000, server, proto)
        uid = six.open(0, proto=number)
        assert passes(lab, 8000, server, proto)
        assert passes(lab, 8001, other, proto)
        six.close(uid)
        assert stops(lab, 8001, other, proto)


def test_each_protocol_has_a_rule(lab, six):
    """A real ip6tables takes each of them, and prints it as upnpd reads it: a
    comparison finds no difference."""
    ids = [six.open(8000, proto=p) for p in (TCP, UDP, UDPLITE, SCTP, DCCP)]
    ids.append(six.open(8000, proto=DCCP, remote=OUTSIDE6_IP, remote_port=7))
    assert len(accepts(lab)) == 6
    for uid in ids:
        assert six.packets(uid) == 0
        six.close(uid)
    assert not accepts(lab)


@pytest.mark.parametrize("wall", (STATELESS,))
def test_answers_pass_a_firewall_without_state(lab, six, server):
    six.open(8000)
    assert passes(lab, 8000, server)


@pytest.mark.parametrize("wall", (WALL.replace("lan+", "lan0"),))
@pytest.mark.parametrize("second_lan", (True,))
def test_pinhole_is_no_way_between_networks(lab, six, server):
    """Nor from a network that is not configured."""
    six.open(8000)
    assert passes(lab, 8000, server)
    with Probe(lab.lan1, lab.outside, OUTSIDE6_IP) as probe:
        assert not arrives(probe, lab.lan2, "TCP", HOST6_IP, 8000, server)


@pytest.mark.parametrize("wall", (WALL.replace(
    "-A FORWARD -i", f"-A FORWARD -s {OTHER6_IP} -j DROP\n"
    "-A FORWARD -p tcp -m tcp --dport 8001 -j DROP\n-A FORWARD -i"),))
def test_drop_of_the_administrator_stays(lab, six, server):
    with pytest.raises(UpnpError):
        six.open(8001)
    six.open(8000)
    assert passes(lab, 8000, server)
    assert stops(lab, 8000, server, src_ip=OTHER6_IP)


# ---- what others do ---------------------------------------------------

def test_flush_is_repaired(lab, six, server):
    six.open(8000)
    assert passes(lab, 8000, server)
    lab.firewall.restore6(lab.router, WALL)
    assert passes(lab, 8000, server)
    assert wait_until(lambda: len(accepts(lab)) == 1)


def test_restore_of_something_else(lab, six, server):
    """Another layout: the jump goes to its place there."""
    six.open(8000)
    lab.firewall.restore6(lab.router, ZONES)
    assert passes(lab, 8000, server)
    with listener(lab.lan1, "TCP", 8001, HOST6_IP) as other:
        assert stops(lab, 8001, other)
    lab.firewall.restore6(lab.router, WALL)
    assert passes(lab, 8000, server)


def test_save_and_restore_change_nothing(lab, six, server, upnpd):
    six.open(8000)
    six.open(8001, remote=OUTSIDE6_IP)
    assert passes(lab, 8000, server)
    before = lab.rules()
    saved = lab.firewall.saved6(lab.router)
    lab.firewall.restore6(lab.router, saved)
    assert lab.holds(before)
    assert passes(lab, 8000, server)
    # what a restore brings back later opens nothing
    six.ask("DeletePinhole", UniqueID=six.open(8000))
    lab.firewall.restore6(lab.router, saved)
    assert wait_until(lambda: len(accepts(lab)) == 1)
    assert stops(lab, 8000, server)


def test_save_at_boot_opens_nothing(lab, six, server, upnpd):
    """The rules as they were saved, without upnpd: its table is empty."""
    uid = six.open(8000)
    saved = lab.firewall.saved6(lab.router)
    six.close(uid)
    assert upnpd.stop() == 0
    lab.firewall.restore6(lab.router, saved)
    upnpd.start()
    assert wait_until(lambda: not accepts(lab))
    assert stops(lab, 8000, server)


@pytest.mark.parametrize("which", ("monitor", "engine"))
def test_crash_of_a_process(lab, six, server, upnpd, which):
    uid = six.open(8000)
    assert passes(lab, 8000, server)
    if which == "engine":
        os.kill(upnpd.engine(), signal.SIGKILL)
    else:
        upnpd.signal(signal.SIGKILL)
        upnpd.wait_exit()
        upnpd.start()
    assert passes(lab, 8000, server)
    # the rule was not written again
    assert wait_until(lambda: packets(six, uid))
    assert len(accepts(lab)) == 1
    six.close(uid)
    assert stops(lab, 8000, server)


def packets(six, uid):
    """0 while the daemon starts."""
    try:
        return six.packets(uid)
    except OSError:
        return 0


# ---- counters ---------------------------------------------------------

def test_packets_are_counted(lab, six, server, upnpd):
    uid, other = six.open(8000), six.open(8001)
    assert six.packets(uid) == 0
    assert passes(lab, 8000, server)
    assert wait_until(lambda: six.packets(uid) >= 1)
    # a sync that changes other pinholes keeps the counter
    count = six.packets(uid)
    lab.router.run(lab.firewall.name6, "-I", "UPNPD", "1", "-j", "RETURN")
    upnpd.reload()
    assert wait_until(lambda: "-A UPNPD -j RETURN" not in
                      lab.firewall.saved6(lab.router))
    assert six.packets(uid) >= count
    assert six.packets(other) == 0


def test_unique_local_address(lab, six):
    six.open(8000, client=HOST6_ULA)
    assert any(HOST6_ULA in line for line in accepts(lab))


# ---- without the tool -------------------------------------------------

# The tools are links to one program: bind a directory that lacks some.
HIDE = """mkdir $1/all $1/some; mount --bind /usr/sbin $1/all
for f in $1/all/*; do
case ${f##*/} in ip6tables*) ;; *) ln -s $f $1/some/ ;; esac
done; mount --bind $1/some /usr/sbin; shift; exec "$@" """


@pytest.mark.only("iptables-legacy")
def test_without_ip6tables_there_are_no_pinholes(lab, translator):
    """The status, the answer and the log say so. Mappings work. (netlink itself
    can add accepts to tables of the nft variant.)"""
    daemon = Upnpd(lab, translator)
    daemon.start(prefix=["unshare", "-m", "sh", "-ec", HIDE, "sh", lab.dir])
    six = Gateway6(lab.lan1)
    assert wait_until(lambda: six.ask("GetFirewallStatus") == {
        "FirewallEnabled": "1", "InboundPinholeAllowed": "0"})
    with pytest.raises(UpnpError, match="703"):
        six.open()
    assert daemon.wait_log("pinholes do not work: .*installed")
    Igd(lab.lan1).add(40000)
    assert daemon.stop() == 0
