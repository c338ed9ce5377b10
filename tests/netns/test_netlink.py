# SPDX-License-Identifier: ISC
"""The backend netlink makes the rules that nft would make from text, repairs
them, and counts their packets."""
import contextlib
import json
import re
import signal
import subprocess

import pytest

from daemon import FakeTool
from lab import (EXT_IP, HOST_IP, OUT2_IP, OUT_IP, Probe, arrives, blocked,
                 listener, reaches, wait_until)
from test_check import ctl
from test_upnpctl_live import Ctl
from upnp import Igd, UpnpError, error_of

NL = pytest.mark.only("netlink")


def listing(lab):
    """The output of nft for all rules, with sorted elements."""
    def sort(match):
        elements = sorted(e.strip() for e in match[2].split(","))
        return match[1] + ", ".join(elements) + match[3]
    return re.sub(r"((?:elements =|iifname) \{)([^}]*)(\})", sort,
                  lab.router.run("nft", "-s", "list", "ruleset"))


def fill(lab, upnpd):
    """Elements in each map, and two mappings that lead to one socket."""
    igd = Igd(lab.lan1)
    igd.add(40002, "TCP", 8002, remote=OUT2_IP)
    Ctl(lab, upnpd)("mappings", "add", "protocol=tcp", "external-port=40004",
                    f"to={HOST_IP}:8004", f"remote-host={OUT2_IP}:5000",
                    "lease=1h")
    igd.add(40000, "TCP", 8000)
    igd.add(40001, "TCP", 8000)
    igd.add(40000, "UDP", 65535)
    igd.add(65535, "UDP", 1024)
    igd.add(40003, "TCP", 8003)
    igd.delete(40003)


OWN_TABLE = """
table ip upnpd {{
    map forward_to {{
        type inet_proto . inet_service : ipv4_addr . inet_service
        elements = {{ 6 . 40000 : {host} . 8000, 6 . 40001 : {host} . 8000,
            17 . 40000 : {host} . 65535, 17 . 65535 : {host} . 1024 }}
    }}
    map leave_as {{
        type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
        elements = {{ {host} . 6 . 8000 : {ext} . 40001,
            {host} . 17 . 65535 : {ext} . 40000,
            {host} . 17 . 1024 : {ext} . 65535,
            {host} . 6 . 8002 : {ext} . 40002,
            {host} . 6 . 8004 : {ext} . 40004 }}
    }}
    set count {{
        type ipv4_addr . inet_proto . inet_service
        counter
        elements = {{ {sockets} }}
    }}
    map forward_from {{
        type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
        elements = {{ {peer} . 6 . 40002 : {host} . 8002 }}
    }}
    map forward_from_port {{
        type ipv4_addr . inet_proto . inet_service . inet_service : \
            ipv4_addr . inet_service
        elements = {{ {peer} . 6 . 40004 . 5000 : {host} . 8004 }}
    }}
    chain prerouting {{
        type nat hook prerouting priority 1000
        ip daddr {ext} iifname "wan0" dnat ip addr . port to \
            ip saddr . meta l4proto . th dport . th sport \
            map @forward_from_port
        ip daddr {ext} iifname "wan0" dnat ip addr . port to \
            ip saddr . meta l4proto . th dport map @forward_from
        {forward_to}
    }}
    chain postrouting {{
        type nat hook postrouting priority 95
        oifname "wan0" snat ip addr . port to \
            ip saddr . meta l4proto . th sport map @leave_as
        {of_networks}
    }}
    chain forward {{
        type filter hook forward priority 1000
        ct status ! dnat accept
        ct direction reply ip saddr . meta l4proto . th sport @count accept
        ip daddr . meta l4proto . th dport @count
    }}
}}
"""
SOCKETS = ", ".join(f"{HOST_IP} . {socket}" for socket in
                    ("6 . 8000", "17 . 65535", "17 . 1024", "6 . 8002",
                     "6 . 8004"))
FORWARD_TO = """ip daddr {ext} iifname "{comes_in}" \
            dnat ip addr . port to meta l4proto . th dport map @forward_to
        """
HAIRPIN = """oifname "lan0" ip saddr 192.168.88.0/24 \
            ip daddr 192.168.88.0/24 ct status dnat \
            ct original ip daddr {ext} masquerade
        """
MASQUERADE = 'oifname "wan0" ip saddr 192.168.88.0/24 masquerade'
ACCEPT = """
add set {table} upnpd_accept {{
    type ipv4_addr . inet_proto . inet_service
}}
add rule {chain} ct status dnat \
    ip daddr . meta l4proto . th dport @upnpd_accept accept comment "upnpd"
add element {table} upnpd_accept {{ {sockets} }}
"""
# The firewall of the lab accepts established flows itself.
ANSWERS = """
add rule {chain} ct status dnat \
    ip saddr . meta l4proto . th sport @upnpd_accept accept comment "upnpd"
"""


def as_text(chain, options):
    """The rules of fill(), as text for nft."""
    words = {"host": HOST_IP, "ext": EXT_IP, "peer": OUT2_IP,
             "sockets": SOCKETS}
    hairpin, masquerade = "hairpin" in options, "masquerade" in options
    text = OWN_TABLE.format(
        forward_to="".join(
            FORWARD_TO.format(comes_in=name, **words)
            for name in (("wan0", "lan0") if hairpin else ("wan0",))),
        of_networks=(HAIRPIN.format(**words) if hairpin else "") +
        (MASQUERADE if masquerade else ""), **words)
    if chain:
        more = ANSWERS if chain == CHAINS["fw4"] else ""
        text += (ACCEPT + more).format(chain=chain, table=chain.rpartition(" ")[0],
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
    fill(lab, stopped)
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
    fill(lab, stopped)
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
    "dormant": "add table ip upnpd { flags dormant; }",
}


@NL
@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_repaired(lab, upnpd, what):
    """The kernel notifies upnpd of changes by others, so the repair is
    immediate."""
    fill(lab, upnpd)
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


# ---- where the accept stands ----------------------------------------------

def nft(lab, text):
    lab.router.run("nft", "-f", "-", stdin=text)


def chain_of(lab, *chain):
    """The rules of a chain: True for one of upnpd, else its text."""
    text = lab.router.run("nft", "-s", "list", "chain", *chain)
    rules = [line.strip() for line in text.splitlines()[2:-2]]
    return ["@upnpd_accept" in rule or rule for rule in rules
            if not rule.startswith("type ")]


BLOCKLIST = f"""
    add set inet filter banned {{ type ipv4_addr; }}
    add element inet filter banned {{ {OUT2_IP} }}
    insert rule inet filter forward ip saddr @banned counter drop
"""


@NL
@pytest.mark.parametrize("late", (False, True))
def test_blocklist_at_the_top_holds(lab, stopped, late):
    """A ban at the head of the chain has effect on mapped ports, also if it is
    added while upnpd runs, and after a repair."""
    if not late:
        nft(lab, BLOCKLIST)
        lab.pristine = lab.rules()
    stopped.start()
    server = listener(lab.lan1, "TCP", 8000)
    Igd(lab.lan1).add(40000, "TCP", 8000)
    assert reaches(lab, "TCP", 40000, server)
    if late:
        nft(lab, BLOCKLIST)
        lab.pristine = lab.rules()
    else:
        nft(lab, "flush set inet filter upnpd_accept")
    assert blocked(lab, "TCP", 40000, server, src_ip=OUT2_IP)
    assert reaches(lab, "TCP", 40000, server)
    rules = chain_of(lab, "inet", "filter", "forward")
    assert rules[0].startswith("ip saddr @banned") and rules[-1] is True
    assert blocked(lab, "TCP", 40000, server, src_ip=OUT2_IP)
    if late:    # without the accept, which the fixture does not know
        assert stopped.stop() == 0
        lab.pristine = lab.rules()


@NL
def test_ban_that_is_appended_is_followed(lab, upnpd):
    """A ban behind the accept moves the accept behind it."""
    server = listener(lab.lan1, "TCP", 8000)
    Igd(lab.lan1).add(40000, "TCP", 8000)
    assert reaches(lab, "TCP", 40000, server, src_ip=OUT2_IP)
    nft(lab, f"add rule inet filter forward ip saddr {OUT2_IP} drop")
    assert wait_until(lambda: chain_of(lab, "inet", "filter", "forward")[-1]
                      is True)
    assert blocked(lab, "TCP", 40000, server, src_ip=OUT2_IP)
    assert reaches(lab, "TCP", 40000, server)
    lab.firewall.flush(lab.router)
    assert wait_until(lambda: "upnpd_accept" in listing(lab))


SECOND = """
    table ip second {
        chain early { type filter hook forward priority -10; policy accept;
            ct state established,related accept
            iifname "lan0" accept
            jump more
        }
        chain more {
            ip saddr 198.51.100.66 drop
            oifname "lan0" drop
        }
    }
    table inet third {
        chain f { type filter hook forward priority 7; policy drop;
            ct state established,related accept
            iifname "lan0" accept
        }
    }
"""


@NL
@pytest.mark.parametrize("late", (False, True))
def test_each_table_that_drops_gets_an_accept(lab, stopped, late):
    if late:
        stopped.start()
    nft(lab, SECOND)
    if not late:
        lab.pristine = lab.rules()
        stopped.start()
    server = listener(lab.lan1, "TCP", 8000)
    Igd(lab.lan1).add(40000, "TCP", 8000)
    assert reaches(lab, "TCP", 40000, server)
    assert chain_of(lab, "ip", "second", "more")[1] is True
    assert chain_of(lab, "inet", "third", "f")[-1] is True
    assert blocked(lab, "TCP", 40001, server)
    if late:
        nft(lab, "delete table ip second; delete table inet third")
        assert reaches(lab, "TCP", 40000, server)


@NL
def test_more_tables_than_an_older_version_had_places_for(lab, stopped):
    """Every chain of the hook that drops gets the accept: nine of them here."""
    for i in range(8):
        nft(lab, f"""
            table inet t{i} {{
                chain f {{
                    type filter hook forward priority {i}; policy drop;
                    ct state established,related accept
                    iifname "lan0" accept
                }}
            }}""")
    lab.pristine = lab.rules()
    stopped.start()
    server = listener(lab.lan1, "TCP", 8000)
    Igd(lab.lan1).add(40000, "TCP", 8000)
    assert reaches(lab, "TCP", 40000, server)
    assert listing(lab).count("set upnpd_accept") == 9


class Owner:
    """A process that owns a table and stays alive."""

    def __init__(self, lab, rules):
        self.lab = lab
        self.proc = subprocess.Popen(
            ["ip", "netns", "exec", lab.router.ns, "nft", "-i"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.proc.stdin.write(
            "add table inet owned { flags owner; }\n"
            "add chain inet owned f "
            "{ type filter hook forward priority 5; policy drop; }\n" +
            "".join(f"add rule inet owned f {rule}\n" for rule in rules) +
            "add chain inet owned last\n")
        self.proc.stdin.flush()
        assert wait_until(lambda: "chain last" in listing(lab))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.proc.stdin.close()
        self.proc.wait()
        assert wait_until(lambda: "inet owned" not in listing(self.lab))


@NL
def test_table_of_another_process_that_lets_mapped_packets_pass(lab, upnpd):
    """No rule is placed where none is needed, so nothing fails."""
    server = listener(lab.lan1, "TCP", 8000)
    with Owner(lab, ["ct state established,related accept",
                     "iifname lan0 accept", "ct status dnat accept"]):
        Igd(lab.lan1).add(40000, "TCP", 8000)
        assert reaches(lab, "TCP", 40000, server)
        assert "upnpd_accept" not in lab.router.run(
            "nft", "list", "table", "inet", "owned")


def adds(igd, *args):
    with contextlib.suppress(UpnpError):
        igd.add(*args)
        return True
    return False


@NL
def test_table_of_another_process_that_drops(lab, upnpd):
    """The error names the owner; and it works again when he has gone."""
    igd = Igd(lab.lan1)
    igd.add(40001, "TCP", 8000)
    with Owner(lab, ["ct state established,related accept",
                     "iifname lan0 accept"]):
        assert error_of(igd.add, 40000, "TCP", 8000)
        assert upnpd.wait_log(r"inet owned f .*only nft \(process \d+\) may "
                              "change it")
        assert "CAP_NET_ADMIN" not in upnpd.log()
        igd.delete(40001)
    server = listener(lab.lan1, "TCP", 8000)
    assert wait_until(lambda: adds(igd, 40000, "TCP", 8000), every=0.5)
    assert reaches(lab, "TCP", 40000, server)


# ---- the administrator's translation ---------------------------------------

@NL
@pytest.mark.parametrize("priority", ("dstnat", "-90", "300"))
def test_forward_of_the_administrator_wins_when_it_comes_later(
        lab, upnpd, priority):
    """Whatever its priority: our chain is the last one, and so the traffic
    goes where he wants at once."""
    server = listener(lab.lan1, "TCP", 8000)
    his = listener(lab.lan1, "TCP", 8100)
    Igd(lab.lan1).add(40000, "TCP", 8000)
    assert reaches(lab, "TCP", 40000, server)
    nft(lab, f"""
        table ip his {{
            chain pre {{
                type nat hook prerouting priority {priority};
                iifname "wan0" tcp dport 40000 dnat to {HOST_IP}:8100
            }}
        }}
        insert rule inet filter forward ct status dnat accept""")
    assert reaches(lab, "TCP", 40000, his)
    nft(lab, "delete table ip his")
    lab.firewall.flush(lab.router)
    assert reaches(lab, "TCP", 40000, server)


@NL
def test_forward_in_legacy_iptables_wins(lab, upnpd):
    """Both variants translate side by side."""
    server = listener(lab.lan1, "TCP", 8000)
    his = listener(lab.lan1, "TCP", 8100)
    Igd(lab.lan1).add(40000, "TCP", 8000)
    legacy = ("iptables-legacy", "-t", "nat")
    rule = ("PREROUTING", "-i", "wan0", "-p", "tcp", "--dport", "40000",
            "-j", "DNAT", "--to", f"{HOST_IP}:8100")
    lab.router.run(*legacy, "-A", *rule)
    nft(lab, "insert rule inet filter forward ct status dnat accept")
    assert reaches(lab, "TCP", 40000, his)
    lab.router.run(*legacy, "-D", *rule)
    lab.firewall.flush(lab.router)
    assert reaches(lab, "TCP", 40000, server)


@NL
def test_packets_that_are_dropped_are_not_counted(lab, upnpd):
    server = listener(lab.lan1, "TCP", 8000)
    Igd(lab.lan1).add(40000, "TCP", 8000)
    nft(lab, f"insert rule inet filter forward ip saddr {OUT_IP} drop")
    assert wait_until(lambda: "iifname" in listing(lab))
    with Probe(lab.lan1, lab.outside, OUT2_IP) as probe:
        assert not arrives(probe, lab.outside, "TCP", EXT_IP, 40000, server,
                           src_ip=OUT_IP)
    assert stats(lab, upnpd) == {(40000, "tcp"): (0, 0)}
    lab.firewall.flush(lab.router)
    assert reaches(lab, "TCP", 40000, server)


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
    assert "forwarded_packets" not in upnpctl(lab, upnpd, "metrics")
