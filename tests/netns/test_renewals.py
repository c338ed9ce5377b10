# SPDX-License-Identifier: ISC
"""A renewal succeeds only if the mapping's rules are there, also directly after
somebody has changed nf_tables. test_legacy.py has legacy iptables."""
import re

import pytest

from firewall import IPTABLES, NFT
from lab import listener, wait_until
from rulesets import MASQUERADE

# Only the kernel's notice tells of a change.
pytestmark = pytest.mark.conf(verify_interval="86400")


def delete(*words):
    """Delete the rules of upnpd that have these words."""
    def attack(gateway):
        table, found = None, []
        for line in gateway.rt.run("iptables-nft-save").splitlines():
            if line.startswith("*"):
                table = line[1:]
            if line.startswith("-A ") and "UPNPD" in line and \
                    all(word in line for word in words):
                found.append(["-t", table, "-D", *line.split()[1:]])
        assert found
        for rule in found:
            gateway.iptables("nft", *rule)
    return attack


def old_dump(gateway):
    gateway.restore("nft", IPTABLES)


def flush_maps(gateway):
    own = gateway.rt.run("nft", "list", "table", "ip", "upnpd")
    names = re.findall(r"^\s+map (\S+) {", own, re.M)
    assert names
    gateway.nft("".join(f"flush map ip upnpd {name}\n" for name in names))


def nft(text):
    return lambda gateway: gateway.nft(text)


ATTACKS = {
    "iptables-nft": (delete("-j DNAT"), delete("--ctorigdstport 40000"),
                     delete("-A PREROUTING"), delete("-A FORWARD"), old_dump),
    "netlink": (flush_maps, nft("delete table ip upnpd"),
                nft("flush set inet filter upnpd_accept")),
}


@pytest.mark.parametrize("translator", ATTACKS)
def test_rules_are_there_when_a_renewal_succeeds(gateway, translator):
    gateway.nft(MASQUERADE)
    if translator == "netlink":
        gateway.nft(NFT)
    else:
        gateway.restore("nft", IPTABLES)
    gateway.upnpd.options["backend"] = translator
    gateway.upnpd.start()
    gateway.add(40000)
    with listener(gateway.lab.lan1, "TCP", 8000) as server:
        for number, attack in enumerate(ATTACKS[translator]):
            assert gateway.opens(server)
            attack(gateway)
            assert wait_until(lambda: gateway.code(
                gateway.igd.add, 40000, "TCP", 8000) == 0)
            assert gateway.at_once(server), number
