# SPDX-License-Identifier: ISC
"""A drop that the administrator put before the end of his forward chain keeps
its effect on mapped ports: bans of sources hold, at the start, after a repair
and with each tool. Everybody else gets through."""
import pytest

from box import Shorewall, Ufw
from lab import HOST2_IP, OUT2_IP, OUT_IP, listener, wait_until
from rulesets import (DOCKER, FW4, IPT_FORWARD, IPT_MASQUERADE, MASQUERADE,
                      NFTABLES_CONF)
from upnp import Igd

pytestmark = pytest.mark.lab(container=True)
VARIANTS = ("nft", "legacy")
BOTH = pytest.mark.parametrize("variant", VARIANTS)


class Ban:
    """A firewall with a ban of OUT_IP."""

    def __init__(self, load, more=None, less=None):
        """@load: loads the firewall anew, with the ban. @more, @less: ban
        OUT2_IP as well, and no longer."""
        self.load, self.more, self.less = load, more, less


def holds(gateway, ban):
    """The ban holds with mappings that come and go, after upnpd repaired its
    rules, and after a resync. A new ban holds at once."""
    tcp = listener(gateway.lab.lan1, "TCP", 8000)
    udp = listener(gateway.lab.lan1, "UDP", 8000)
    gateway.add(40000)
    assert gateway.ban_holds(tcp)
    gateway.add(40000, "UDP")
    gateway.add(40001)
    gateway.igd.delete(40001)
    assert gateway.ban_holds(udp, 40000, "UDP")
    assert gateway.ban_holds(tcp)
    for _ in range(2):
        ban.load()
        gateway.resync()
        assert gateway.ban_holds(tcp)
    gateway.add(40002)
    assert gateway.ban_holds(tcp, 40002)
    if ban.more:
        ban.more()
        assert gateway.shut(tcp, src_ip=OUT2_IP)
        gateway.resync()
        gateway.add(40003)
        assert gateway.shut(tcp, 40003, src_ip=OUT2_IP)
        ban.less()
        assert gateway.ban_holds(tcp, 40003)
    return True


# ---- nft ----------------------------------------------------------------

BLOCKLIST = """
table inet filter {
    set banned {
        type ipv4_addr
        flags interval
        elements = { 198.51.100.0/24, %s }
    }
}
""" % OUT_IP
NFT = {
    "set": ("ip saddr @banned drop", ""),
    "set, new only": ("ct state new ip saddr @banned counter drop", ""),
    "address": (f"ip saddr {{ {OUT_IP}, {OUT2_IP} }} ip saddr @banned drop",
                ""),
    "reject": ("ip saddr @banned reject", ""),
    "chain": ("iifname wan0 jump bans", "ip saddr @banned drop"),
    "vmap": ("iifname vmap { wan0 : jump bans }", "ip saddr @banned drop"),
    "all but": ("iifname wan0 jump bans",
                "ip saddr != @banned return\ndrop"),
}


@pytest.mark.parametrize("form", NFT)
def test_blocklist_of_nft_holds(gateway, form):
    first, bans = NFT[form]
    text = BLOCKLIST + "table inet filter {\nchain bans {\n" + bans + \
        "\n}\n}\n" + NFTABLES_CONF.format(first=first)
    gateway.nft(MASQUERADE + text)
    gateway.upnpd.start()

    def change(verb):
        gateway.nft(f"{verb} element inet filter banned {{ {OUT2_IP} }}")
    assert holds(gateway, Ban(
        lambda: gateway.nft("delete table inet filter\n" + text),
        lambda: change("add"), lambda: change("delete")))


def test_ban_in_a_table_of_its_own_holds(gateway):
    """As fail2ban and banIP make them, before and after the main chain."""
    gateway.nft(MASQUERADE + NFTABLES_CONF.format(first=""))
    text = "".join(f"""
table inet ban{n} {{
    set banned {{ type ipv4_addr; elements = {{ {OUT_IP} }}; }}
    chain forward {{
        type filter hook forward priority {priority}; policy accept;
        ip saddr @banned drop
    }}
}}""" for n, priority in enumerate((-100, 100)))
    gateway.nft(text)
    gateway.upnpd.start()

    def change(verb):
        gateway.nft(f"{verb} element inet ban1 banned {{ {OUT2_IP} }}")
    assert holds(gateway, Ban(
        lambda: gateway.nft("delete table inet ban0\ndelete table inet ban1\n"
                            + text),
        lambda: change("add"), lambda: change("delete")))


FW4_BANS = {
    "forward": ("ip saddr @banned counter drop", ""),
    "zone": ("", 'ip saddr @banned counter drop comment "!fw4: Ban"'),
    "zone, goto reject": ("", "ip saddr @banned counter goto handle_reject"),
    "for the zone lan": ("", 'oifname "lan0" ip saddr @banned '
                             "counter jump handle_reject"),
}


@pytest.mark.parametrize("form", FW4_BANS)
def test_ban_of_fw4_holds(gateway, form):
    forward, wan = FW4_BANS[form]
    text = FW4.format(forward=forward, wan=wan).replace(
        "198.51.100.0/24", f"198.51.100.0/24, {OUT_IP}")
    gateway.nft(text)
    gateway.upnpd.start()

    def change(verb):
        gateway.nft(f"{verb} element inet fw4 banned {{ {OUT2_IP} }}")
    assert holds(gateway, Ban(
        lambda: gateway.nft("delete table inet fw4\n" + text),
        lambda: change("add"), lambda: change("delete")))


# ---- iptables ------------------------------------------------------------

IPTABLES = {
    "source": f"-A FORWARD -s {OUT_IP}/32 -j DROP",
    "reject": f"-A FORWARD -s {OUT_IP}/32 -j REJECT",
    "chain": ":bans - [0:0]\n-A FORWARD -i wan0 -j bans\n"
             f"-A bans -s {OUT_IP}/32 -j DROP",
    "range": "-A FORWARD -m iprange --src-range 11.22.33.2-11.22.33.9 -j DROP",
    "connlimit": f"-A FORWARD -s {OUT_IP}/32 -p tcp -m connlimit "
                 "--connlimit-above 0 -j REJECT --reject-with tcp-reset\n"
                 f"-A FORWARD -s {OUT_IP}/32 -p udp -j DROP",
    "goto": ":drops - [0:0]\n"
            f"-A FORWARD -s {OUT_IP}/32 -g drops\n-A drops -j DROP",
}


@BOTH
@pytest.mark.parametrize("form", IPTABLES)
def test_ban_of_iptables_holds(gateway, form, variant):
    text = IPT_FORWARD.format(first=IPTABLES[form])
    gateway.restore(variant, IPT_MASQUERADE)
    gateway.restore(variant, text)
    gateway.upnpd.start()
    rule = ["FORWARD", "-s", OUT2_IP, "-j", "DROP"]
    assert holds(gateway, Ban(
        lambda: gateway.restore(variant, text),
        lambda: gateway.iptables(variant, "-I", *rule),
        lambda: gateway.iptables(variant, "-D", *rule)))


@BOTH
def test_ban_in_front_of_a_default_accept_holds(gateway, variant):
    """No accept of upnpd is needed at all."""
    text = IPT_FORWARD.format(first=IPTABLES["source"]).replace(
        ":FORWARD DROP", ":FORWARD ACCEPT")
    gateway.restore(variant, IPT_MASQUERADE)
    gateway.restore(variant, text)
    gateway.upnpd.start()
    assert holds(gateway, Ban(lambda: gateway.restore(variant, text)))


@BOTH
def test_ban_in_docker_user_holds(gateway, variant):
    text = DOCKER.replace(":DOCKER-USER - [0:0]\n", ":DOCKER-USER - [0:0]\n"
                          f"-A DOCKER-USER -s {OUT_IP}/32 -j DROP\n")
    gateway.nft(MASQUERADE)
    gateway.restore(variant, text, "--noflush")
    gateway.upnpd.start()
    rule = ["DOCKER-USER", "-s", OUT2_IP, "-j", "DROP"]

    def again():
        for table in "filter", "nat", "raw":
            gateway.iptables(variant, "-t", table, "-F")
        gateway.restore(variant, text, "--noflush")
    assert holds(gateway, Ban(
        again, lambda: gateway.iptables(variant, "-I", *rule),
        lambda: gateway.iptables(variant, "-D", *rule)))


@pytest.mark.parametrize("how", ("set", "nft", "iptables-nft",
                                 "iptables-legacy"))
def test_long_blocklist_holds(gateway, how):
    """20,000 addresses, also as one rule for each. The tools of iptables-nft
    are slow."""
    n = 5000 if how == "iptables-nft" else 20000
    words = [f"198.18.{i >> 8}.{i & 255}" for i in range(n - 1)] + [OUT_IP]
    gateway.nft(MASQUERADE)
    if how == "set":
        gateway.nft("table inet filter {\nset banned {\ntype ipv4_addr\n"
                    f"elements = {{ {', '.join(words)} }}\n}}\n}}\n" +
                    NFTABLES_CONF.format(first="ip saddr @banned drop"))
    elif how == "nft":
        gateway.nft(NFTABLES_CONF.format(first="\n".join(
            f"ip saddr {word} drop" for word in words)))
    else:
        gateway.restore(how[9:], IPT_FORWARD.format(first="\n".join(
            f"-A FORWARD -s {word}/32 -j DROP" for word in words)))
    gateway.upnpd.start()
    server = listener(gateway.lab.lan1, "TCP", 8000)
    gateway.add(40000)
    assert gateway.ban_holds(server)
    gateway.add(40001)
    gateway.igd.delete(40000)
    gateway.resync()
    assert gateway.ban_holds(server, 40001)
    assert gateway.shut(server)
    assert gateway.check()[0] == 0


# ---- programs ----------------------------------------------------------------

@BOTH
@pytest.mark.parametrize("how", ("deny", "reject", "before.rules"))
def test_ban_of_ufw_holds(gateway, how, variant):
    gateway.nft(MASQUERADE)
    with Ufw(gateway.lab, variant) as box:
        if how == "before.rules":
            # where ufw's documentation puts a blocklist
            box.run("sed", "-i", "/^# quickly process/i -A ufw-before-forward"
                    f" -s {OUT_IP} -j DROP", "/etc/ufw/before.rules")
            box.enable()
        else:
            box.enable()
            box.ufw("route", "prepend", how, "from", OUT_IP)
        gateway.upnpd.start()
        rule = ["deny", "from", OUT2_IP]
        assert holds(gateway, Ban(
            lambda: box.ufw("reload"),
            lambda: box.ufw("route", "prepend", *rule),
            lambda: box.ufw("route", "delete", *rule)))


@BOTH
@pytest.mark.parametrize("how", ("dynamic", "blrules"))
def test_ban_of_shorewall_holds(gateway, how, variant):
    with Shorewall(gateway.lab, variant) as box:
        if how == "blrules":
            box.write("/etc/shorewall/blrules", f"DROP net:{OUT_IP} loc\n")
        box.start()
        if how == "dynamic":
            box.shorewall("drop", OUT_IP)
        gateway.upnpd.start()
        assert holds(gateway, Ban(
            lambda: box.shorewall("reload"),
            lambda: box.shorewall("drop", OUT2_IP),
            lambda: box.shorewall("allow", OUT2_IP)))


# ---- other drops -------------------------------------------------------------

@pytest.mark.lab(bridge=True)
@pytest.mark.parametrize("how", ("nft", "iptables-nft", "iptables-legacy"))
def test_protected_client_stays_protected(gateway, how):
    """The administrator keeps the Internet away from one host, and from it no
    port can be opened, until the rule is removed."""
    if how == "nft":
        gateway.nft(MASQUERADE + NFTABLES_CONF.format(
            first=f"iifname wan0 ip daddr {HOST2_IP} drop"))
    else:
        gateway.restore(how[9:], IPT_MASQUERADE)
        gateway.restore(how[9:], IPT_FORWARD.format(
            first=f"-A FORWARD -i wan0 -d {HOST2_IP} -j DROP"))
    gateway.upnpd.start()
    protected = Igd(gateway.lab.lan2)
    mine = listener(gateway.lab.lan1, "TCP", 8000)
    other = listener(gateway.lab.lan2, "TCP", 8000)
    gateway.add(40000)
    assert gateway.opens(mine)
    assert gateway.code(protected.add, 40001, "TCP", 8000) != 0
    assert gateway.shut(other, 40001)
    if how == "nft":
        gateway.nft("flush chain inet filter forward\n"
                    "add rule inet filter forward iifname lan0 accept\n"
                    "add rule inet filter forward ct state established accept")
    else:
        gateway.iptables(how[9:], "-D", "FORWARD", "-i", "wan0", "-d",
                         HOST2_IP, "-j", "DROP")
    gateway.resync()
    protected.add(40001, "TCP", 8000)
    assert gateway.opens(other, 40001)


def test_mapping_is_not_open_to_other_interfaces(gateway):
    """An accept of upnpd is for translated packets only: a host on another
    interface cannot reach the client by its own address."""
    gateway.nft(MASQUERADE + NFTABLES_CONF.format(first=""))
    gateway.upnpd.start()
    server = listener(gateway.lab.lan1, "TCP", 8000)
    gateway.add(40000)
    assert gateway.opens(server)
    gateway.lab.outside.ip_batch("route add 192.168.88.0/24 via 11.22.33.1")
    assert gateway.shut(server, 8000, dst="192.168.88.10")


def test_established_connections_of_a_banned_host_follow_the_chain(gateway):
    """A ban above the rule for established connections cuts them as well,
    although they were accepted by upnpd."""
    gateway.nft(MASQUERADE + BLOCKLIST.replace(OUT_IP, "198.51.99.1") +
                NFTABLES_CONF.format(first="ip saddr @banned drop"))
    gateway.upnpd.start()
    server = listener(gateway.lab.lan1, "UDP", 8000)
    gateway.add(40000, "UDP")
    assert gateway.opens(server, 40000, "UDP", src_port=5000)
    gateway.nft(f"add element inet filter banned {{ {OUT_IP} }}")
    assert gateway.shut(server, 40000, "UDP", src_port=5000)
    gateway.nft(f"delete element inet filter banned {{ {OUT_IP} }}")
    assert wait_until(lambda: not gateway.shut(server, 40000, "UDP",
                                               src_port=5000))
