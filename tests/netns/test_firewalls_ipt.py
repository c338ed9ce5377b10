# SPDX-License-Identifier: ISC
"""Chains that the iptables command keeps, legacy and nft variant: upnpd's rules
there survive iptables-save and iptables-restore unchanged, and leave every
drop of the administrator in effect. netlink translates, or iptables does."""
import re

import pytest

from daemon import Upnpd
from firewall import IPTABLES, Iptables
from lab import (EXT_IP, HOST_IP, OUT2_IP, OUT_IP, Lab, Probe,
                 arrives, blocked, listener, reaches, run, tcp_passes,
                 wait_until)
from test_check import ctl
from upnp import Igd

VARIANTS = ("iptables-legacy", "iptables-nft")

# ufw's layout: the rules that drop are in a chain that is jumped to. It
# accepts answers first, and drops what is invalid.
UFW = """\
*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -o wan0 -j MASQUERADE
COMMIT
*filter
:FORWARD DROP [0:0]
:ufw-before-forward - [0:0]
:ufw-user-forward - [0:0]
:ufw-after-forward - [0:0]
:ufw-reject-forward - [0:0]
-A FORWARD -j ufw-before-forward
-A FORWARD -j ufw-after-forward
-A FORWARD -j ufw-reject-forward
-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-forward -p icmp -m icmp --icmp-type 8 -j ACCEPT
-A ufw-before-forward -j ufw-user-forward
-A ufw-user-forward -i lan+ -o wan0 -j ACCEPT
-A ufw-reject-forward -j REJECT --reject-with icmp-port-unreachable
COMMIT
"""

# fw3's layout: a chain for each zone, which ends with a REJECT.
FW3 = """\
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:zone_wan_prerouting - [0:0]
:zone_wan_postrouting - [0:0]
-A PREROUTING -i wan0 -m comment --comment "!fw3" -j zone_wan_prerouting
-A POSTROUTING -o wan0 -m comment --comment "!fw3" -j zone_wan_postrouting
-A zone_wan_postrouting -m comment --comment "!fw3" -j MASQUERADE
COMMIT
*filter
:FORWARD DROP [0:0]
:reject - [0:0]
:zone_lan_dest_ACCEPT - [0:0]
:zone_lan_forward - [0:0]
:zone_wan_dest_ACCEPT - [0:0]
:zone_wan_dest_REJECT - [0:0]
:zone_wan_forward - [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -m comment \
--comment "!fw3" -j ACCEPT
-A FORWARD -i lan0 -m comment --comment "!fw3" -j zone_lan_forward
-A FORWARD -i wan0 -m comment --comment "!fw3" -j zone_wan_forward
-A FORWARD -m comment --comment "!fw3" -j reject
-A reject -p tcp -m comment --comment "!fw3" -j REJECT --reject-with tcp-reset
-A reject -m comment --comment "!fw3" -j REJECT \
--reject-with icmp-port-unreachable
-A zone_lan_dest_ACCEPT -o lan0 -m comment --comment "!fw3" -j ACCEPT
-A zone_lan_forward -m comment --comment "!fw3" -j zone_wan_dest_ACCEPT
-A zone_lan_forward -m comment --comment "!fw3" -j zone_lan_dest_ACCEPT
-A zone_wan_dest_ACCEPT -o wan0 -m comment --comment "!fw3" -j ACCEPT
-A zone_wan_dest_REJECT -o wan0 -m comment --comment "!fw3" -j reject
-A zone_wan_forward -m comment --comment "!fw3" -j zone_wan_dest_REJECT
COMMIT
"""

LAYOUTS = {"plain": IPTABLES, "ufw": UFW, "fw3": FW3}


class Layout(Iptables):
    def __init__(self, backend, text):
        super().__init__(backend.partition("-")[2])
        self.text = text

    def build(self, router):
        router.run(self.name + "-restore", stdin=self.text)

    def saved(self, router):
        return router.run(self.name + "-save")

    def restore(self, router, text):
        router.run(self.name + "-restore", stdin=text)


@pytest.fixture(params=("netlink", "iptables"))
def translator(request, backend):
    return backend if request.param == "iptables" else "netlink"


@pytest.fixture
def layout():
    return "plain"


@pytest.fixture
def lab(backend, layout):
    with Lab(Layout(backend, LAYOUTS[layout])) as lab:
        lab.pristine = lab.rules()
        yield lab


@pytest.fixture
def upnpd(lab, translator):
    daemon = Upnpd(lab, translator).start()
    yield daemon
    print(lab.firewall.saved(lab.router))
    status = daemon.stop() if daemon.running() else 0
    print(daemon.log())
    assert status == 0


@pytest.fixture
def server(lab):
    with listener(lab.lan1, "TCP", 8000) as sock:
        yield sock


def iptables(lab, *words):
    """Change the administrator's rules."""
    lab.router.run(lab.firewall.name, *words)


def resync(lab, upnpd):
    """The legacy variant gives no notice of a change."""
    lab.router.run(ctl(lab), "-f", upnpd.conf, "resync")


def passes(lab, server, src=OUT_IP, port=40000):
    return bool(tcp_passes(lab.outside, EXT_IP, port, server, src_ip=src,
                           timeout=0.5))


def holds_soon(lab, upnpd, ask):
    """Is it so, once upnpd has followed a change?"""
    if lab.firewall.name == "iptables-legacy":
        resync(lab, upnpd)
    return wait_until(ask)


def accepts(text):
    """The rules of upnpd in a dump that accept."""
    return [line for line in text.splitlines()
            if line.startswith("-A UPNPD") and line.endswith("-j ACCEPT")]


pytestmark = pytest.mark.only(*VARIANTS)


# ---- save and restore --------------------------------------------------

def opened(lab, server):
    """Does a packet arrive that no mapping sends? Somebody outside routes to
    the client directly."""
    run("ip", "-n", lab.outside.ns, "route", "replace", "192.168.88.0/24",
        "via", EXT_IP)
    with Probe(lab.lan1, lab.outside, OUT_IP) as probe:
        return arrives(probe, lab.outside, "TCP", HOST_IP, 8000, server)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_save_and_restore(lab, upnpd, translator, server):
    """What is restored is what was there. Without upnpd, nothing of it accepts
    a packet that no mapping translates."""
    igd = Igd(lab.lan1)
    igd.add(40000, "TCP", 8000)
    igd.add(40001, "UDP", 8000)
    assert reaches(lab, "TCP", 40000, server)
    saved, rules = lab.firewall.saved(lab.router), lab.rules()
    assert len(accepts(saved)) == 2
    for line in accepts(saved):
        assert "--ctstate DNAT" in line and f"--ctorigdst {EXT_IP}" in line
    lab.firewall.restore(lab.router, saved)
    assert lab.holds(rules)
    assert reaches(lab, "TCP", 40000, server)
    resync(lab, upnpd)
    assert wait_until(lambda: lab.holds(rules))
    assert reaches(lab, "TCP", 40000, server)
    assert not opened(lab, server)
    # later, when upnpd no longer runs
    assert upnpd.stop() == 0
    assert lab.holds(lab.pristine)
    lab.firewall.restore(lab.router, saved)
    assert not opened(lab, server)
    if translator == "netlink":
        assert blocked(lab, "TCP", 40000, server)
    # at its next start upnpd removes the old rules, or uses them again
    upnpd.start()
    resync(lab, upnpd)
    assert wait_until(lambda: lab.holds(rules))
    igd.delete(40000)
    igd.delete(40001, "UDP")
    assert blocked(lab, "TCP", 40000, server)
    assert upnpd.stop() == 0
    assert lab.holds(lab.pristine)


# ---- the administrator's drops -----------------------------------------

@pytest.mark.parametrize("layout", LAYOUTS)
def test_bans_hold(lab, upnpd, server):
    """An earlier ban, one that is inserted later, and one that is appended
    behind upnpd's jump."""
    iptables(lab, "-I", "FORWARD", "-s", OUT2_IP, "-j", "DROP")
    igd = Igd(lab.lan1)
    igd.add(40000, "TCP", 8000)
    assert holds_soon(lab, upnpd, lambda: passes(lab, server))
    assert blocked(lab, "TCP", 40000, server, src_ip=OUT2_IP)
    resync(lab, upnpd)
    assert blocked(lab, "TCP", 40000, server, src_ip=OUT2_IP)
    iptables(lab, "-D", "FORWARD", "-s", OUT2_IP, "-j", "DROP")
    assert holds_soon(lab, upnpd, lambda: passes(lab, server, OUT2_IP))
    iptables(lab, "-I", "FORWARD", "2", "-s", OUT2_IP, "-j", "DROP")
    assert holds_soon(lab, upnpd,
                      lambda: not passes(lab, server, OUT2_IP))
    assert passes(lab, server)
    igd.delete(40000)
    assert blocked(lab, "TCP", 40000, server)


def test_ban_at_the_end_holds(lab, upnpd, server):
    """Nothing but the policy drops, so the accept stays the last rule."""
    Igd(lab.lan1).add(40000, "TCP", 8000)
    iptables(lab, "-A", "FORWARD", "-s", OUT2_IP, "-j", "DROP")
    assert holds_soon(lab, upnpd,
                      lambda: not passes(lab, server, OUT2_IP))
    assert passes(lab, server)
    assert wait_until(lambda: re.search(
        r"-s \S+ -j DROP\n-A FORWARD [^\n]*-j UPNPD\n(?!-A FORWARD)",
        lab.rules()))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_mapping_works_in_each_layout(lab, upnpd, server):
    """Both ways, after a reload of the firewall as well; an unmapped port stays
    closed."""
    Igd(lab.lan1).add(40000, "TCP", 8000)
    Igd(lab.lan1).add(40000, "UDP", 8001)
    with listener(lab.lan1, "UDP", 8001) as udp:
        assert reaches(lab, "TCP", 40000, server)
        assert reaches(lab, "UDP", 40000, udp)
        assert blocked(lab, "TCP", 8000, server)
        rules = lab.rules()
        lab.firewall.build(lab.router)
        assert holds_soon(lab, upnpd, lambda: lab.holds(rules))
        assert reaches(lab, "TCP", 40000, server)
        assert reaches(lab, "UDP", 40000, udp)
    with listener(lab.outside, "TCP", 80) as web:
        assert tcp_passes(lab.lan1, OUT_IP, 80, web)


def test_place_moves_into_another_chain(lab, upnpd, server):
    """A chain with a drop is added, and taken away again."""
    Igd(lab.lan1).add(40000, "TCP", 8000)
    for words in (("-N", "block"), ("-A", "block", "-s", OUT2_IP, "-j",
                                    "DROP"),
                  ("-A", "block", "-i", "wan0", "-j", "DROP"),
                  ("-A", "FORWARD", "-j", "block")):
        iptables(lab, *words)
    assert holds_soon(lab, upnpd, lambda: re.search(
        r"-A block [^\n]*-j UPNPD\n-A block -i wan0 -j DROP", lab.rules()))
    assert passes(lab, server)
    assert blocked(lab, "TCP", 40000, server, src_ip=OUT2_IP)
    iptables(lab, "-D", "FORWARD", "-j", "block")
    iptables(lab, "-F", "block")
    iptables(lab, "-X", "block")
    assert holds_soon(lab, upnpd, lambda: passes(lab, server, OUT2_IP))
