# SPDX-License-Identifier: ISC
"""Where the accept of mapped packets belongs in the chains of other firewalls:
chains of many forms, many chains, and tables that only their owner may change.
Where none of upnpd's rules can help, a port is refused."""
import re

import pytest

from gateway import Holder
from lab import OUT2_IP, OUT_IP, listener, tcp_passes, wait_until
from rulesets import (DOCKER_NFT, IPT_MASQUERADE, LIBVIRT, LXD, MASQUERADE,
                      NFTABLES_CONF, one_of_many)
from test_firewalls import FIREWALLS, arrive

pytestmark = pytest.mark.lab(container=True)


# ---- where the accept belongs ------------------------------------------

# The body of a table; its forward chain drops. OUT_IP is banned.
CHAINS = {
    "states": """
    chain new_in {
        ip saddr OUT_IP drop
        iifname "lan0" accept
        counter drop
    }
    BASE
        ct state vmap { invalid : drop, established : accept,
                        related : accept, new : jump new_in }
    }
""",
    "zones": """
    chain from_wan {
        ip saddr OUT_IP drop
        icmp type echo-request accept
        counter reject with icmp port-unreachable
    }
    chain from_lan {
        oifname "wan0" accept
    }
    BASE
        ct state established,related accept
        iifname vmap { "lo" : accept, "lan0" : goto from_lan,
                       "wan0" : jump from_wan }
    }
""",
    "pairs": """
    chain wan_lan {
        ip saddr OUT_IP drop
        return
    }
    BASE
        ct state { established, related } accept
        iifname . oifname vmap { "lan0" . "wan0" : accept,
                                 "wan0" . "lan0" : jump wan_lan }
        log prefix "dropped: " limit rate 1/minute
        drop
    }
""",
    "deep": """
    chain four {
        ip saddr != OUT_IP return
        drop
    }
    chain three {
        jump four
        meta l4proto { tcp, udp } th dport 1-1023 drop
        goto last
    }
    chain last {
        reject
    }
    chain two {
        jump three
    }
    BASE
        iifname "lan0" accept
        ct state established accept
        iifname "wan0" jump two
    }
""",
    "answers": """
    BASE
        ct direction reply accept
        ip saddr OUT_IP drop
        ip saddr 192.168.88.0/24 ct state new accept
        ct state established accept
        iifname "wan0" drop
    }
""",
    "flood": """
    chain flood {
        limit rate 200/second burst 50 packets return
        drop
    }
    BASE
        ip saddr OUT_IP drop
        tcp flags & (fin | syn | rst | ack) == syn jump flood
        ct state established,related accept
        iifname "lan0" oifname "wan0" accept
        iifname "wan0" limit rate over 200/second drop
        reject with icmpx admin-prohibited
    }
""",
    "forwards only": """
    BASE
        ip saddr OUT_IP drop
        ct state established,related accept
        iifname "lan0" accept
        ct status dnat accept
        iifname "wan0" drop
    }
""",
    "protocols": """
    BASE
        ip saddr OUT_IP drop
        ct state established,related accept
        iifname "lan0" accept
        meta l4proto tcp reject with tcp reset
        ip protocol udp reject
    }
""",
    "marks": """
    BASE
        meta mark set 0x10
        ip saddr OUT_IP meta mark set meta mark or 0x8000
        meta mark & 0x8000 != 0 drop
        meta mark & 0xf != 0 accept
        ct state established,related accept
        iifname "lan0" accept
        ct mark 0x77 accept
        iifname "wan0" drop
    }
""",
}


@pytest.mark.parametrize("form", CHAINS)
def test_accept_stands_before_the_last_drop(gateway, form):
    gateway.nft(MASQUERADE + "table inet lab {\n" + CHAINS[form].replace(
        "OUT_IP", OUT_IP).replace("BASE", """chain forward {
        type filter hook forward priority filter; policy drop;""") + "}\n")
    assert out_works_from(gateway)
    before = gateway.lab.rules()
    gateway.upnpd.start()
    gateway.add(40000)
    gateway.add(40000, "UDP")
    for proto in "TCP", "UDP":
        with listener(gateway.lab.lan1, proto, 8000) as server:
            assert gateway.ban_holds(server, 40000, proto)
            assert gateway.shut(server, 39999, proto, src_ip=OUT2_IP)
    assert gateway.check()[0] == 0
    gateway.igd.delete(40000)
    gateway.igd.delete(40000, "UDP")
    assert gateway.upnpd.stop() == 0
    assert gateway.lab.rules() == before


# Where an administrator's rule offloads flows ("flow add @ft"), it sees packets
# of an established flow in one of its directions. A counter stands for it here,
# because the kernel of the tests may have no flowtables.
OFFLOAD = "meta l4proto tcp ct state established ct status dnat counter"
OFFLOADS = {
    "first": f"""
        {OFFLOAD}
        ct state established,related accept
        iifname "lan0" accept
""",
    "behind the drop": f"""
        iifname "wan0" ct state new drop
        {OFFLOAD}
        ct state established,related accept
        iifname "lan0" accept
""",
    "behind a jump": f"""
        iifname "wan0" jump from_wan
        {OFFLOAD}
        ct state established accept
        iifname "lan0" accept
    }}
    chain from_wan {{
        ct state established return
        drop
""",
}


@pytest.mark.parametrize("form", OFFLOADS)
def test_accept_keeps_no_flow_from_being_offloaded(gateway, form):
    gateway.nft(MASQUERADE + "table inet lab {\n" + """    chain forward {
        type filter hook forward priority filter; policy drop;"""
                + OFFLOADS[form] + "    }\n}\n")
    gateway.upnpd.start()
    assert arrive(gateway, 40000)
    text = gateway.rt.run("nft", "list", "chain", "inet", "lab", "forward")
    assert int(re.search(r"counter packets (\d+)", text)[1]) > 0


def out_works_from(gateway):
    """As out_works(), to an address that is not banned."""
    with listener(gateway.lab.outside, "TCP", 80) as server:
        return bool(wait_until(lambda: tcp_passes(
            gateway.lab.lan1, OUT2_IP, 80, server, timeout=1)))


# ---- many chains -------------------------------------------------------

@pytest.mark.parametrize("n", (5, 8, 20, 64))
def test_many_forward_chains(gateway, n):
    gateway.nft(MASQUERADE + "".join(map(one_of_many, range(n))))
    gateway.upnpd.start()
    assert arrive(gateway, 40000)
    gateway.resync()
    assert arrive(gateway, 40000)
    assert "repaired" not in gateway.upnpd.log()
    assert gateway.check()[0] == 0


def test_chains_that_accept_do_not_count(gateway):
    """The chain that drops is the fifth, after those of LXD, libvirt and
    Docker, and so is one that comes later."""
    gateway.nft(MASQUERADE + LXD + LIBVIRT + DOCKER_NFT + """
table inet more {
    chain early {
        type filter hook forward priority -200; policy accept;
        counter
    }
    chain next {
        type filter hook forward priority -150; policy accept;
    }
}
""" + NFTABLES_CONF.format(first=""))
    gateway.upnpd.start()
    assert arrive(gateway, 40000)
    gateway.nft(one_of_many(50))
    assert arrive(gateway, 40000, 40001)


def test_more_chains_than_the_limit(gateway):
    """upnpd says so, and does not promise a port that stays closed."""
    gateway.nft(MASQUERADE + "".join(map(one_of_many, range(70))))
    gateway.upnpd.start()
    assert gateway.upnpd.wait_log(r"\b64\b.*chains|chains.*\b64\b")
    assert gateway.code(gateway.igd.add, 40000, "TCP", 8000) != 0
    status, found = gateway.check()
    assert status == 2
    assert any(one["level"] == "problem" and re.search(r"\b64\b", one["text"])
               for one in found)
    gateway.nft("\n".join(f"delete table inet many{n}" for n in range(60)))
    assert arrive(gateway, 40000)


# ---- tables with an owner ----------------------------------------------

OWNED = """
table inet owned {{
    flags owner;
    chain forward {{
        type filter hook forward priority 10; policy accept;
        ct state established,related accept
        {accept}
        iifname "lan0" accept
        drop
    }}
}}
"""


@pytest.mark.parametrize("beside", ("alone", "nftables.conf", "docker-legacy"))
def test_owned_table_that_accepts(gateway, beside):
    """It accepts translated packets already, like firewalld 2: no rule is
    needed in it, and a rule would fail."""
    gateway.nft(MASQUERADE)
    with Holder(gateway, OWNED.format(accept="ct status dnat accept")):
        if beside != "alone":
            FIREWALLS[beside](gateway)
        gateway.upnpd.start()
        assert arrive(gateway, 40000, 40001)
        assert gateway.check()[0] == 0


def test_owned_table_that_drops(gateway):
    """A request is refused, and the log and check name the process."""
    gateway.nft(MASQUERADE)
    with Holder(gateway, OWNED.format(accept="")) as owner:
        gateway.upnpd.start()
        assert gateway.code(gateway.igd.add, 40000, "TCP", 8000) != 0
        assert gateway.igd.entries() == []
        pid = str(owner.pid)
        assert gateway.upnpd.wait_log(rf"owned.*\b{pid}\b"), \
            gateway.upnpd.log()
        assert "CAP_NET_ADMIN" not in gateway.upnpd.log()
        status, found = gateway.check()
        assert status == 2
        assert any(one["level"] == "problem" and pid in one["text"] and
                   "owned" in one["text"] for one in found)
    # its end removes the table
    assert arrive(gateway, 40000)


def test_table_that_gets_an_owner_later(gateway):
    """The mapping is dead, and not reported as well."""
    gateway.nft(MASQUERADE)
    gateway.upnpd.start()
    assert arrive(gateway, 40000)
    with Holder(gateway, OWNED.format(accept="")):
        assert wait_until(lambda: gateway.code(
            gateway.igd.add, 40001, "TCP", 8000) != 0)
        assert gateway.check()[0] == 2
    assert arrive(gateway, 40000, 40001)


# ---- what else decides -------------------------------------------------

def test_port_that_is_dropped_for_all_is_refused(gateway):
    """A drop at the top of the chain keeps its effect, so success would be
    untrue."""
    gateway.nft(MASQUERADE + NFTABLES_CONF.format(first="tcp dport 2500 drop"))
    gateway.upnpd.start()
    server = listener(gateway.lab.lan1, "TCP", 2500)
    assert gateway.code(gateway.igd.add, 40001, "TCP", 2500) != 0
    assert gateway.shut(server, 40001)
    gateway.add(40000)
    mine = listener(gateway.lab.lan1, "TCP", 8000)
    assert gateway.opens(mine)


@pytest.mark.parametrize("how", ("nft", "nft raw", "iptables-nft",
                                 "iptables-legacy"))
def test_port_that_is_dropped_before_routing_is_refused(gateway, how):
    """The ports are not among those that the kernel gives to connections."""
    if how.startswith("nft"):
        gateway.nft(MASQUERADE + """
table ip early {
    chain prerouting {
        type filter hook prerouting priority %s; policy accept;
        iifname "wan0" tcp dport 30000-30010 drop
    }
}""" % ("raw" if "raw" in how else "-120"))
    else:
        gateway.restore(how[9:], IPT_MASQUERADE)
        gateway.restore(how[9:], "*raw\n-A PREROUTING -i wan0 -p tcp "
                        "--dport 30000:30010 -j DROP\nCOMMIT\n")
    gateway.upnpd.start()
    server = listener(gateway.lab.lan1, "TCP", 8000)
    assert gateway.code(gateway.igd.add, 30000, "TCP", 8000) != 0
    assert gateway.shut(server, 30000)
    gateway.add(30011)
    assert gateway.opens(server, 30011)
