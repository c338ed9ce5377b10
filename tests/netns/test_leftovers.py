# SPDX-License-Identifier: ISC
"""Rules that an earlier run of upnpd left are removed, whatever backend made
them, and nothing else is touched to find them."""
import shutil
import signal

import pytest

from lab import listener, wait_until
from rulesets import IPT_FORWARD, IPT_MASQUERADE, MASQUERADE, NFTABLES_CONF

BACKENDS = ("netlink", "iptables-nft", "iptables-legacy")
PAIRS = [(a, b) for a in BACKENDS for b in BACKENDS + ("auto",)]


def firewall(gateway):
    """The router translates with iptables-legacy, so that no table of nf_tables
    exists. It filters with each tool."""
    gateway.restore("legacy", IPT_MASQUERADE)


def drops(gateway):
    """Chains that drop, in the kinds of chains that any backend writes."""
    gateway.nft(NFTABLES_CONF.format(first=""))
    for variant in "nft", "legacy":
        gateway.restore(variant, IPT_FORWARD.format(first=""))


def crash(gateway):
    """Kill upnpd, and lose its lease file."""
    upnpd = gateway.upnpd
    upnpd.signal(signal.SIGKILL)
    upnpd.proc.wait()
    # the engine ends when the monitor has gone
    assert wait_until(lambda: not upnpd.serves())
    shutil.rmtree(upnpd.state)


@pytest.mark.parametrize("chains", (firewall, drops))
@pytest.mark.parametrize("first, second", PAIRS)
def test_rules_of_a_killed_upnpd_are_removed(gateway, first, second, chains):
    """The next one may use another backend. The port of the lost mapping is
    closed, and a new mapping works."""
    firewall(gateway)
    if chains is drops:
        drops(gateway)
    pristine = gateway.lab.rules()
    server = listener(gateway.lab.lan1, "TCP", 8000)
    gateway.upnpd.options["backend"] = first
    gateway.upnpd.start()
    gateway.add(40000)
    assert gateway.opens(server)
    crash(gateway)
    assert gateway.opens(server)        # the rules are still there
    gateway.upnpd.options["backend"] = second
    gateway.upnpd.start()
    assert gateway.igd.entries() == []
    assert wait_until(lambda: "40000" not in gateway.lab.rules())
    assert gateway.shut(server)
    gateway.add(40001)
    assert gateway.opens(server, 40001)
    assert gateway.shut(server)
    assert gateway.upnpd.stop() == 0
    assert left(gateway, pristine)


def saved(gateway, backend):
    """Return a function that restores the rules of now, as boot scripts do."""
    if backend == "netlink":
        text = gateway.rt.run("nft", "list", "ruleset")
        return lambda: gateway.nft("flush ruleset\n" + text)
    text = gateway.rt.run(backend + "-save")
    return lambda: gateway.restore(backend[9:], text)


@pytest.mark.parametrize("how", ("disabled", "resync", *BACKENDS))
@pytest.mark.parametrize("first", BACKENDS)
def test_restored_rules_are_removed(gateway, first, how):
    """The administrator saved his rules while upnpd ran, and restores them
    before it starts, or while it runs with another backend."""
    gateway.nft(MASQUERADE)
    pristine = gateway.lab.rules()
    server = listener(gateway.lab.lan1, "TCP", 8000)
    gateway.upnpd.options["backend"] = first
    gateway.upnpd.start()
    gateway.add(40000)
    assert gateway.opens(server)
    restore = saved(gateway, first)
    gateway.igd.delete(40000)
    assert gateway.upnpd.stop() == 0
    if how == "resync":
        gateway.upnpd.options["backend"] = \
            "netlink" if first != "netlink" else "iptables-legacy"
        gateway.upnpd.start()
    restore()
    assert how == "resync" or gateway.opens(server)
    if how == "disabled":
        gateway.upnpd.options["enabled"] = "no"
        gateway.upnpd.start(wait=False)
        assert gateway.upnpd.wait_log("not enabled")
    elif how == "resync":
        gateway.resync()
    else:
        gateway.upnpd.options["backend"] = how
        gateway.upnpd.start()
    assert wait_until(lambda: "40000" not in gateway.lab.rules())
    assert gateway.shut(server)
    assert gateway.upnpd.stop() == 0
    assert left(gateway, pristine)


def left(gateway, pristine):
    """Are the rules as before? iptables-restore may have made empty tables."""
    def rules(text):
        return {line.strip() for line in text.splitlines()
                if line.startswith(("-A", "\t\t"))}
    return rules(gateway.lab.rules()) >= rules(pristine) and \
        gateway.ours() == []


def test_disabling_by_reload_removes_leftovers(gateway):
    """enabled = no, set while upnpd runs, leaves nothing of any backend."""
    gateway.nft(MASQUERADE)
    gateway.upnpd.options["backend"] = "iptables-legacy"
    gateway.upnpd.start()
    gateway.add(40000)
    crash(gateway)
    gateway.upnpd.options["backend"] = "netlink"
    gateway.upnpd.start()
    gateway.add(40001)
    gateway.upnpd.options["enabled"] = "no"
    since = gateway.upnpd.reload()
    assert gateway.upnpd.wait_log("not enabled", since=since)
    assert wait_until(lambda: gateway.ours() == [])


def test_looking_for_leftovers_creates_nothing(gateway):
    """No table of iptables exists before, so none exists afterwards, and no
    tool is run. A tool that looks creates the tables of legacy iptables."""
    gateway.nft(MASQUERADE)

    def legacy_tables():
        return gateway.rt.run("cat", "/proc/net/ip_tables_names", check=False)
    before = legacy_tables()
    tables = gateway.rt.run("nft", "list", "tables")
    gateway.upnpd.start()
    gateway.add(40000)
    gateway.resync()
    assert legacy_tables() == before == ""
    assert gateway.rt.run("nft", "list", "tables") == \
        tables + "table ip upnpd\n"
    assert gateway.upnpd.stop() == 0
    assert gateway.rt.run("nft", "list", "tables") == tables
    assert legacy_tables() == ""


def test_foreign_rules_with_our_names_stay(gateway):
    """A chain of the administrator whose name begins like ours, and a rule
    that mentions upnpd."""
    gateway.nft(MASQUERADE)
    gateway.restore("legacy", """\
*filter
:UPNPDX - [0:0]
:my-UPNPD - [0:0]
-A FORWARD -i lan0 -j my-UPNPD
-A FORWARD -m comment --comment "not UPNPD" -j UPNPDX
COMMIT
""")
    before = gateway.lab.rules()
    gateway.upnpd.start()
    gateway.add(40000)
    gateway.resync()
    assert gateway.upnpd.stop() == 0
    assert gateway.lab.rules() == before
    gateway.restore("legacy", "*filter\nCOMMIT\n")
