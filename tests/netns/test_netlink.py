# SPDX-License-Identifier: ISC
"""The backend netlink makes the rules that nft would make from text, repairs
them, and counts their packets."""
import json
import re
import signal

import pytest

from daemon import FakeTool
from lab import EXT_IP, HOST_IP, OUT2_IP, listener, reaches, wait_until
from test_check import ctl
from upnp import Igd

NL = pytest.mark.only("netlink")


def listing(lab):
    """The output of nft for all rules, with sorted elements and without the
    counters of sets."""
    def sort(match):
        elements = sorted(e.strip() for e in match[2].split(","))
        return match[1] + ", ".join(elements) + match[3]
    return re.sub(r"((?:elements =|iifname) \{)([^}]*)(\})", sort,
                  lab.router.run("nft", "-s", "list", "ruleset"))


def fill(lab):
    """Elements in each map, and two mappings that lead to one socket."""
    igd = Igd(lab.lan1)
    igd.add(40000, "TCP", 8000)
    igd.add(40001, "TCP", 8000)
    igd.add(40000, "UDP", 65535)
    igd.add(65535, "UDP", 1024)
    igd.add(40002, "TCP", 8002, remote=OUT2_IP)
    igd.add(40003, "TCP", 8003)
    igd.delete(40003)


OWN_TABLE = """
table ip upnpd {{
    map forward_to {{
        type inet_proto . inet_service : ipv4_addr . inet_service
        elements = {{ 6 . 40000 : {host} . 8000, 6 . 40001 : {host} . 8000,
            17 . 40000 : {host} . 65535, 17 . 65535 : {host} . 1024 }}
    }}
    map forward_from {{
        type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
        elements = {{ {peer} . 6 . 40002 : {host} . 8002 }}
    }}
    map leave_as {{
        type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
        elements = {{ {host} . 6 . 8000 : {ext} . 40001,
            {host} . 17 . 65535 : {ext} . 40000,
            {host} . 17 . 1024 : {ext} . 65535,
            {host} . 6 . 8002 : {ext} . 40002 }}
    }}
    chain prerouting {{
        type nat hook prerouting priority -105
        iifname "wan0" ip daddr {ext} dnat ip addr . port to \
            ip saddr . meta l4proto . th dport map @forward_from
        iifname {comes_in} ip daddr {ext} dnat ip addr . port to \
            meta l4proto . th dport map @forward_to
    }}
    chain postrouting {{
        type nat hook postrouting priority 95
        oifname "wan0" snat ip addr . port to \
            ip saddr . meta l4proto . th sport map @leave_as
        {of_networks}
    }}
}}
"""
HAIRPIN = """oifname "lan0" ip saddr 192.168.88.0/24 \
            ip daddr 192.168.88.0/24 ct status dnat \
            ct original ip daddr {ext} masquerade
        """
MASQUERADE = 'oifname "wan0" ip saddr 192.168.88.0/24 masquerade'
ACCEPT = """
add set {table} upnpd_accept {{
    type ipv4_addr . inet_proto . inet_service
    counter
}}
insert rule {chain} ct status dnat \
    ip saddr . meta l4proto . th sport @upnpd_accept accept comment "upnpd"
insert rule {chain} ct status dnat \
    ip daddr . meta l4proto . th dport @upnpd_accept accept comment "upnpd"
add element {table} upnpd_accept {{ {host} . 6 . 8000, {host} . 17 . 65535,
    {host} . 17 . 1024, {host} . 6 . 8002 }}
"""


def as_text(chain, options):
    """The rules of fill(), as text for nft."""
    words = {"host": HOST_IP, "ext": EXT_IP, "peer": OUT2_IP}
    hairpin, masquerade = "hairpin" in options, "masquerade" in options
    text = OWN_TABLE.format(
        comes_in='{ "wan0", "lan0" }' if hairpin else '"wan0"',
        of_networks=(HAIRPIN.format(**words) if hairpin else "") +
        (MASQUERADE if masquerade else ""), **words)
    if chain:
        text += ACCEPT.format(chain=chain, table=chain.rpartition(" ")[0],
                              **words)
    return text


CHAINS = {"filter": "inet filter forward", "fw4": "inet fw4 more", "none": ""}


@NL
@pytest.mark.parametrize("firewall", CHAINS)
@pytest.mark.parametrize("options", (
    {}, {"hairpin": "yes"}, {"masquerade": "yes"},
    {"hairpin": "yes", "masquerade": "yes"}), ids=("", "h", "m", "hm"))
def test_rules_are_listed_like_those_of_nft(lab, stopped, firewall, options):
    """nft lists upnpd's rules exactly like rules that nft made from text.
    upnpd uses a table made by nft, as older versions left it, without a
    repair."""
    if firewall != "filter":
        lab.router.run("nft", "delete", "table", "inet", "filter")
    if firewall == "fw4":
        lab.router.run("nft", "-f", "-", stdin="""
            table inet fw4 {
                chain forward {
                    type filter hook forward priority 0; policy drop;
                    counter jump more
                }
                chain more { }
            }
            table ip second {
                chain forward {
                    type filter hook forward priority 10; policy accept;
                }
            }""")
        options = {**options, "nft_table": "inet fw4",
                   "nft_forward_chain": "more"}
    lab.pristine = lab.rules()
    stopped.options.update(options)
    stopped.start()
    fill(lab)
    seen = listing(lab)
    assert stopped.stop() == 0
    assert lab.rules() == lab.pristine
    lab.router.run("nft", "-f", "-", stdin=as_text(CHAINS[firewall], options))
    assert listing(lab) == seen
    stopped.start()
    assert wait_until(lambda: "repaired" in stopped.log() or
                      listing(lab) == seen)
    assert "repaired" not in stopped.log()
    assert stopped.stop() == 0
    assert lab.rules() == lab.pristine


@NL
def test_table_of_a_killed_monitor_is_used(lab, stopped):
    """The next monitor uses the table that a killed monitor left, and no rule
    is left at the end."""
    stopped.start()
    server = listener(lab.lan1, "TCP", 8000)
    fill(lab)
    before = listing(lab)
    stopped.signal(signal.SIGKILL)
    stopped.proc.wait()
    assert listing(lab) == before
    stopped.start()
    assert wait_until(lambda: listing(lab) == before)
    assert reaches(lab, "TCP", 40000, server)
    Igd(lab.lan1).delete(40000)
    assert ". 40000 :" not in listing(lab).replace("udp . 40000", "")


DAMAGE = {
    "table": "delete table ip upnpd",
    "element": "delete element ip upnpd forward_to { 6 . 40001 }",
    "foreign element":
        "add element ip upnpd forward_to { 6 . 7 : 10.0.0.1 . 7 }",
    "other data": "delete element ip upnpd forward_to { 6 . 40001 };"
        "add element ip upnpd forward_to { 6 . 40001 : 10.0.0.1 . 7 }",
    "foreign rule": "insert rule ip upnpd prerouting tcp dport 1 drop",
    "rules": "flush chain ip upnpd prerouting",
    "foreign chain": "add chain ip upnpd x",
    "set": "flush chain inet filter forward;"
        "delete set inet filter upnpd_accept",
    "accepted": "flush set inet filter upnpd_accept",
}


@NL
@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_repaired(lab, upnpd, what):
    """The kernel notifies upnpd of changes by others, so the repair is
    immediate."""
    fill(lab)
    before = listing(lab)
    lab.router.run("nft", "-f", "-", stdin=DAMAGE[what].replace(";", "\n"))
    if what == "set":
        assert wait_until(lambda: "upnpd_accept {" in listing(lab))
        lab.firewall.flush(lab.router)
    assert wait_until(lambda: listing(lab) == before)


@NL
@pytest.mark.parametrize("how", ("fail", "missing", "hang"))
def test_netlink_works_without_nft(lab, stopped, how):
    fake = FakeTool(lab, "nft")
    fake.mode(how)
    stopped.options["backend"] = "auto"
    stopped.start(prefix=fake.prefix())
    assert stopped.wait_log("netlink")
    server = listener(lab.lan1, "TCP", 8000)
    igd = Igd(lab.lan1)
    igd.add(40000, "TCP", 8000)
    assert reaches(lab, "TCP", 40000, server)
    lab.firewall.flush(lab.router)
    assert wait_until(lambda: "upnpd_accept" in listing(lab))
    assert reaches(lab, "TCP", 40000, server)
    assert not fake.hung()


@NL
@pytest.mark.conf(max_mappings=3000, max_mappings_per_client=3000)
def test_large_table_is_restored(lab, stopped):
    """upnpd restores 2,000 mappings, more than any batch has, after a
    flush."""
    stopped.start()
    igd = Igd(lab.lan1)
    for port in range(20000, 22000):
        igd.add(port, "TCP", port)
    before = listing(lab)
    assert before.count("tcp . 2") >= 4000
    lab.firewall.flush(lab.router)
    assert wait_until(lambda: listing(lab) == before)


# ---- counters ----------------------------------------------------------

def stats(lab, upnpd):
    """{(external port, protocol): (packets, bytes)}; None if not counted"""
    text = upnpctl(lab, upnpd, "--json", "mappings", "print")
    return {(one["external-port"], one["protocol"]):
            (one["packets"], one["bytes"]) if "packets" in one else None
            for one in json.loads(text)}


def last_stats(lab, upnpd):
    """The same when the counters no longer change: the end of a connection
    takes some time."""
    said = [None]

    def quiet():
        said.append(stats(lab, upnpd))
        return said[-1] == said[-2]
    assert wait_until(quiet, every=0.3)
    return said[-1]


def upnpctl(lab, upnpd, *words):
    return lab.router.run(ctl(lab), "-f", upnpd.conf, *words)


@pytest.mark.only("netlink")
def test_packets_of_a_mapping_are_counted(lab, upnpd):
    """Packets to a mapped port and its answers are counted."""
    server = listener(lab.lan1, "TCP", 8000)
    igd = Igd(lab.lan1)
    igd.add(40000, "TCP", 8000)
    igd.add(40001, "TCP", 8000)
    igd.add(40002, "UDP", 8000)
    assert stats(lab, upnpd) == {(40000, "tcp"): (0, 0),
                                 (40001, "tcp"): (0, 0),
                                 (40002, "udp"): (0, 0)}
    assert reaches(lab, "TCP", 40000, server)
    now = last_stats(lab, upnpd)
    packets, count = now[(40000, "tcp")]
    assert packets >= 4 and count >= 4 * 40     # both directions
    assert now[(40001, "tcp")] == (packets, count)      # the same socket
    assert now[(40002, "udp")] == (0, 0)
    # another change keeps the counts, and resync finds nothing to repair
    igd.add(40003, "TCP", 8003)
    igd.delete(40001, "TCP")
    assert upnpctl(lab, upnpd, "resync") is not None
    assert "repair" not in upnpd.log()
    table = upnpctl(lab, upnpd, "mappings", "print", "stats")
    assert re.search(r"PACKETS +BYTES", table)
    assert re.search(rf"tcp +40000 .* {packets} +{count} ", table)
    metrics = upnpctl(lab, upnpd, "metrics")
    assert re.search(r'upnpd_forwarded_packets_total\{protocol="tcp",'
                     rf'to="[0-9.]+:8000"\}} {packets}\n', metrics)


@pytest.mark.only("iptables-legacy", "iptables-nft")
def test_counters_are_omitted_with_iptables(lab, upnpd):
    """Without counters the fields are omitted, not 0."""
    Igd(lab.lan1).add(40000, "TCP", 8000)
    assert stats(lab, upnpd) == {(40000, "tcp"): None}
    assert "forwarded" not in upnpctl(lab, upnpd, "metrics")
