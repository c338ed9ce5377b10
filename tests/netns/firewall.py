# SPDX-License-Identifier: ISC
"""The router's own firewall, as an administrator would write it with one of
three tools. It masquerades on wan0, drops forwarded packets by policy, accepts
packets from LAN to WAN and their answers, and has other rules that upnpd must
not change."""
import re

from lab import which

IPTABLES = """\
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:somebody - [0:0]
-A PREROUTING -i wan0 -j somebody
-A somebody -p tcp --dport 8022 -j DNAT --to-destination 192.168.88.10:22
-A POSTROUTING -o wan0 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A FORWARD -i lan+ -o wan0 -j ACCEPT
-A FORWARD -i wan0 -d 192.168.88.10/32 -p tcp --dport 22 -j ACCEPT
COMMIT
"""

NFT = """\
table inet filter {
    chain input {
        type filter hook input priority filter; policy accept;
    }
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        iifname "lan*" oifname "wan0" accept
        iifname "wan0" ip daddr 192.168.88.10 tcp dport 22 accept
    }
}
table ip nat {
    chain prerouting {
        type nat hook prerouting priority dstnat; policy accept;
        iifname "wan0" tcp dport 8022 dnat to 192.168.88.10:22
    }
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "wan0" masquerade
    }
}
"""


class Iptables:
    """@wan: the pattern of its external interfaces"""
    wan = "wan0"

    def __init__(self, variant):
        self.name = "iptables-" + variant

    def build(self, router):
        router.run(self.name + "-restore",
                   stdin=IPTABLES.replace("wan0", self.wan))

    def snapshot(self, router):
        text = router.run(self.name + "-save")
        lines = [re.sub(r"\[\d+:\d+\]", "", line).strip()
                 for line in text.splitlines() if not line.startswith("#")]
        return "\n".join(lines) + "\n" + _foreign(router, self.name)

    def flush(self, router):
        """Reload the firewall, which removes upnpd's rules."""
        self.build(router)

    def tool(self):
        return self.name + "-restore"


class Nft:
    name = "nft"
    wan = "wan0"

    def text(self):
        return NFT.replace("wan0", self.wan)

    def build(self, router):
        router.run("nft", "-f", "-", stdin=self.text())

    def snapshot(self, router):
        return router.run("nft", "-s", "list", "ruleset")

    def flush(self, router):
        router.run("nft", "-f", "-", stdin="flush ruleset\n" + self.text())


class Fw4(Nft):
    """OpenWrt's firewall has everything in one table of its own."""

    def build(self, router):
        router.run("nft", "-f", "-",
                   stdin=self.text().replace("inet filter", "inet fw4"))


def _foreign(router, name):
    """The rules in nft, where upnpd must add none with this backend. For
    iptables-nft only the names of the tables: nft shows its rules as well."""
    if name == "iptables-legacy":
        return router.run("nft", "-s", "list", "ruleset") if which("nft") \
            else ""
    return router.run("nft", "list", "tables")


class Bare:
    """A router without rules. The test loads some (rulesets.py, box.py)."""
    name = "bare"

    def build(self, router):
        pass

    def snapshot(self, router):
        """All rules, of every tool."""
        text = [router.run("nft", "-s", "list", "ruleset")]
        for variant in ("nft", "legacy"):
            text.append(re.sub(r"\[\d+:\d+\]", "", re.sub(
                "^#.*\n", "", router.run(f"iptables-{variant}-save"),
                flags=re.M)))
        return "\n".join(text)


FIREWALLS = {
    "iptables-legacy": lambda: Iptables("legacy"),
    "iptables-nft": lambda: Iptables("nft"),
    "netlink": Nft,
    "fw4": Fw4,
}
