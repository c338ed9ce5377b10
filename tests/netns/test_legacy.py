# SPDX-License-Identifier: ISC
"""Legacy iptables sends no notice when somebody changes upnpd's rules. No
client may get a success while they are gone, and they come back without a
client."""
import re

import pytest

from firewall import IPTABLES
from lab import listener, wait_until
from rulesets import MASQUERADE

# Nothing but a change of the rules may cause a repair.
pytestmark = pytest.mark.conf(verify_interval="86400")


def saved(gateway):
    return gateway.rt.run("iptables-legacy-save")


def ours(gateway, *words):
    """The rules of upnpd that have these words, as iptables takes them."""
    table = None
    for line in saved(gateway).splitlines():
        if line.startswith("*"):
            table = line[1:]
        if line.startswith("-A ") and "UPNPD" in line and \
                all(word in line for word in words):
            yield ["-t", table, *line.split()]


def delete(gateway, *words):
    found = list(ours(gateway, *words))
    assert found
    for rule in found:
        rule[2] = "-D"
        gateway.iptables("legacy", *rule)


def flush_all(gateway):
    """The script of a firewall that starts."""
    gateway.rt.run("sh", "-c", """
for table in filter nat; do
    iptables-legacy -w -t $table -F
    iptables-legacy -w -t $table -X
done
iptables-legacy -w -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
iptables-legacy -w -A FORWARD -i lan0 -j ACCEPT
""")


def flush_chains(gateway):
    """Those of the leaves in both tables."""
    for line in re.findall("^:(UPNPD-tcp-[0-9]+)", saved(gateway), re.M):
        gateway.rt.run("iptables-legacy", "-w", "-F", line, check=False)


def one_translation(gateway):
    delete(gateway, "-j DNAT")


def one_accept(gateway):
    delete(gateway, "--ctorigdstport 40000", "-j ACCEPT")


def chain(gateway):
    """The chains of upnpd in filter, with the jumps to them. Some are back
    before all are deleted."""
    delete(gateway, "-A FORWARD")
    names = re.findall("^:(UPNPD[^ ]*)", gateway.rt.run(
        "iptables-legacy-save", "-t", "filter"), re.M)
    for verb in "-F", "-X":
        for name in names:
            gateway.rt.run("iptables-legacy", "-w", verb, name, check=False)


def jump_of_nat(gateway):
    delete(gateway, "-A PREROUTING")


def jump_of_filter(gateway):
    delete(gateway, "-A FORWARD")


def moved_jump(gateway):
    """Behind a new rule that drops."""
    delete(gateway, "-A FORWARD")
    gateway.iptables("legacy", "-A", "FORWARD", "-i", "wan0", "-j", "DROP")
    gateway.iptables("legacy", "-A", "FORWARD", "-j", "UPNPD")


def new_drop(gateway):
    gateway.iptables("legacy", "-I", "FORWARD", "1", "-i", "wan0", "-m",
                     "conntrack", "--ctstate", "NEW", "-j", "DROP")


def old_dump(gateway):
    gateway.restore("legacy", IPTABLES)


IN_FILTER = (one_accept, chain, jump_of_filter, moved_jump, new_drop)
ATTACKS = {
    "iptables-legacy": (flush_chains, one_translation, jump_of_nat, old_dump,
                        flush_all, *IN_FILTER),
    "netlink": (old_dump, *IN_FILTER),          # only accepts are in legacy
}


def renewed(gateway):
    """The client repeats its request after an error."""
    return gateway.code(gateway.igd.add, 40000, "TCP", 8000) == 0


@pytest.fixture
def server(gateway):
    gateway.nft(MASQUERADE)
    with listener(gateway.lab.lan1, "TCP", 8000) as sock:
        yield sock


def serve(gateway, server, translator):
    gateway.upnpd.options["backend"] = translator
    gateway.upnpd.start()
    gateway.add(40000)
    assert gateway.opens(server)


@pytest.mark.parametrize("translator", ATTACKS)
def test_rules_are_there_when_a_renewal_succeeds(gateway, server, translator):
    gateway.restore("legacy", IPTABLES)
    serve(gateway, server, translator)
    for attack in ATTACKS[translator]:
        attack(gateway)
        assert wait_until(lambda: renewed(gateway))
        assert gateway.at_once(server), attack.__name__
        gateway.restore("legacy", IPTABLES)
        assert wait_until(lambda: renewed(gateway))
        assert gateway.at_once(server), attack.__name__


def test_rules_come_back_without_a_client(gateway, server):
    gateway.restore("legacy", IPTABLES)
    serve(gateway, server, "iptables-legacy")
    for attack in (one_translation, chain, moved_jump, flush_all):
        attack(gateway)
        assert gateway.opens(server), attack.__name__
    assert "had been changed; repaired" in gateway.upnpd.log()
