# SPDX-License-Identifier: ISC
"""The administrator's own port forwards come first: a client cannot get a
forwarded port, and a forward that is made later wins at once."""

import pytest

from box import Box, Firewalld, Shorewall
from lab import HOST2_IP, HOST_IP, listener, wait_until
from rulesets import DOCKER, DOCKER_NFT, IPT_MASQUERADE, MASQUERADE
from test_igd2 import Igd2
from upnp import error_of

NAS = HOST2_IP
VARIANTS = ("nft", "legacy")
BOTH = pytest.mark.parametrize("variant", VARIANTS)
pytestmark = pytest.mark.lab(bridge=True, container=True)


def native(body, hook="dstnat", more=""):
    return MASQUERADE + f"""
table ip lab_forward {{
    {more}
    chain prerouting {{
        type nat hook prerouting priority {hook}; policy accept;
        {body}
    }}
}}
"""


# Rules that forward port 8022 to the port 22 of NAS, or to the port in
# OTHER_PORT.
NATIVE = {
    "plain": native(f"iifname wan0 tcp dport 8022 dnat to {NAS}:22"),
    "any interface": native(f"tcp dport 8022 dnat to {NAS}:22"),
    "address": native(f"ip daddr 11.22.33.1 tcp dport 8022 dnat to {NAS}:22"),
    "late": native(f"iifname wan0 tcp dport 8022 dnat to {NAS}:22", "500"),
    "early": native(f"iifname wan0 tcp dport 8022 dnat to {NAS}:22", "-150"),
    "range": native(f"iifname wan0 tcp dport 8000-8100 dnat to {NAS}"),
    "list": native(f"iifname wan0 tcp dport {{ 80, 8022 }} dnat to {NAS}:22"),
    "ranges": native("iifname wan0 tcp dport { 1-5, 8020-8030 } "
                     f"dnat to {NAS}:22"),
    "set": native(f"iifname wan0 tcp dport @web dnat to {NAS}:22", more="""
    set web { type inet_service; flags interval
              elements = { 443, 8000-8999 } }"""),
    "concatenation": native(
        "iifname . meta l4proto . th dport { wan0 . tcp . 8022 } "
        f"dnat to {NAS}"),
    "any protocol": native("iifname wan0 meta l4proto { tcp, udp } "
                           f"th dport 8022 dnat to {NAS}:22"),
    "verdict map": native("iifname wan0 tcp dport vmap { 80 : accept, "
                          "8022 : jump nas }", more=f"""
    chain nas {{ ip protocol tcp dnat to {NAS}:22; }}"""),
    "jumps": native("iifname wan0 jump zone", more=f"""
    chain nas {{ tcp dport 8022 dnat to {NAS}:22; }}
    chain zone {{ ip saddr 10.0.0.0/8 return; goto nas; }}"""),
    "map": native("iifname wan0 dnat to tcp dport map "
                  f"{{ 80 : {NAS}, 8022 : {NAS} }}"),
    "map of sockets": native(
        "iifname wan0 dnat ip to tcp dport map @forward", more=f"""
    map forward {{ type inet_service : ipv4_addr . inet_service
                   elements = {{ 8022 : {NAS} . 22 }} }}"""),
    "not": native(f"iifname wan0 tcp dport != 10000-65535 dnat to {NAS}:22"),
    "some sources": native("iifname wan0 ip saddr 11.22.33.0/24 tcp dport "
                           f"8022 dnat to {NAS}:22"),
    "limit": native("iifname wan0 tcp dport 8022 limit rate 100/second "
                    f"dnat to {NAS}:22"),
    "inet": MASQUERADE + f"""
table inet lab_forward {{
    chain prerouting {{
        type nat hook prerouting priority dstnat; policy accept;
        meta nfproto ipv4 iifname wan0 tcp dport 8022 dnat ip to {NAS}:22
    }}
}}
""",
}
# As Podman makes them (netavark); as if its bridge were lan0.
NATIVE["podman"] = MASQUERADE + f"""
table inet netavark {{
    chain FORWARD {{
        type filter hook forward priority filter; policy accept;
        ct state invalid drop
        jump NETAVARK-ISOLATION-1
        ip daddr 192.168.88.0/24 ct state established,related accept
        ip saddr 192.168.88.0/24 accept
    }}
    chain PREROUTING {{
        type nat hook prerouting priority dstnat; policy accept;
        fib daddr type local jump NETAVARK-HOSTPORT-DNAT
    }}
    chain NETAVARK-ISOLATION-1 {{ }}
    chain NETAVARK-HOSTPORT-SETMARK {{
        meta mark set meta mark or 0x00002000
    }}
    chain NETAVARK-HOSTPORT-DNAT {{
        tcp dport 8022 jump nv_2f259bab_dnat
    }}
    chain nv_2f259bab_dnat {{
        ip saddr 192.168.88.0/24 tcp dport 8022 jump NETAVARK-HOSTPORT-SETMARK
        ip saddr 127.0.0.1 tcp dport 8022 jump NETAVARK-HOSTPORT-SETMARK
        tcp dport 8022 dnat ip to {NAS}:22
    }}
}}
"""
OTHER_PORT = {"range": 8022, "map": 8022, "concatenation": 8022}


def is_taken(gateway, port=8022):
    """Neither version gets the port, and AddAnyPortMapping gets another one,
    which works."""
    v2 = Igd2(gateway.lab.lan1)
    mine = listener(gateway.lab.lan1, "TCP", 8000)
    assert error_of(gateway.igd.add, port, "TCP", 8000) == 718
    assert error_of(v2.add, port, "TCP", 8000) == 729
    other = v2.any(port, 8000)
    assert other != port
    assert gateway.opens(mine, other)
    assert gateway.shut(mine, port)
    assert gateway.igd.mapped() == {("TCP", other, HOST_IP, 8000)}
    return True


@pytest.mark.parametrize("form", NATIVE)
def test_port_forwarded_by_nft_is_taken(gateway, form):
    gateway.nft(NATIVE[form])
    nas = listener(gateway.lab.lan2, "TCP", OTHER_PORT.get(form, 22))
    assert gateway.opens(nas, 8022)
    gateway.upnpd.start()
    assert is_taken(gateway)
    assert gateway.opens(nas, 8022)


IPTABLES = {
    "plain": f"-A PREROUTING -i wan0 -p tcp --dport 8022 -j DNAT --to {NAS}:22",
    "address": "-A PREROUTING -d 11.22.33.1 -p tcp --dport 8022 "
               f"-j DNAT --to {NAS}:22",
    "range": "-A PREROUTING -i wan0 -p tcp --dport 8000:8100 "
             f"-j DNAT --to {NAS}",
    "multiport": "-A PREROUTING -i wan0 -p tcp -m multiport "
                 f"--dports 80,443,8000:8100 -j DNAT --to {NAS}:22",
    "chain": ":zone - [0:0]\n-A PREROUTING -i wan0 -j zone\n"
             f"-A zone -p tcp -m tcp --dport 8022 -j DNAT --to {NAS}:22",
    "new": "-A PREROUTING -i wan0 -p tcp -m conntrack --ctstate NEW "
           f"-m tcp --dport 8022 -j DNAT --to {NAS}:22",
    "comment": "-A PREROUTING -i wan0 -p tcp -m comment --comment "
               f"\"a \\\"web\\\" server\" --dport 8022 -j DNAT --to {NAS}:22",
    "not": "-A PREROUTING ! -i lan0 -p tcp ! --dport 10000:65535 "
           f"-j DNAT --to {NAS}:22",
    "unknown match": "-A PREROUTING -i wan0 -p tcp --dport 8022 "
                     "-m limit --limit 100/sec -m statistic --mode nth "
                     f"--every 1 --packet 0 -j DNAT --to {NAS}:22",
    "some sources": "-A PREROUTING -s 11.22.33.0/24 -p tcp --dport 8022 "
                    f"-j DNAT --to {NAS}:22",
    "interface +": "-A PREROUTING -i wan+ -p tcp --dport 8022 "
                   f"-j DNAT --to {NAS}:22",
    # the plugin portmap of CNI
    "cni": f""":CNI-HOSTPORT-DNAT - [0:0]
:CNI-DN-4af1 - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"cni\\" \
id: \\"4af1\\"" -m multiport --dports 8022 -j CNI-DN-4af1
-A CNI-DN-4af1 -p tcp -m tcp --dport 8022 -j DNAT --to-destination {NAS}:22""",
    # a NodePort of kube-proxy, with two endpoints
    "kube-proxy": f""":KUBE-MARK-MASQ - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-EXT-WEB - [0:0]
:KUBE-SVC-WEB - [0:0]
:KUBE-SEP-1 - [0:0]
:KUBE-SEP-2 - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" \
-j KUBE-SERVICES
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m tcp --dport 443 -j KUBE-SVC-WEB
-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
-A KUBE-NODEPORTS -p tcp -m comment --comment default/web -m tcp \
--dport 8022 -j KUBE-EXT-WEB
-A KUBE-EXT-WEB -j KUBE-MARK-MASQ
-A KUBE-EXT-WEB -j KUBE-SVC-WEB
-A KUBE-SVC-WEB -m statistic --mode random --probability 0.50000000000 \
-j KUBE-SEP-1
-A KUBE-SVC-WEB -j KUBE-SEP-2
-A KUBE-SEP-1 -s {NAS}/32 -j KUBE-MARK-MASQ
-A KUBE-SEP-1 -p tcp -m tcp -j DNAT --to-destination {NAS}:22
-A KUBE-SEP-2 -p tcp -m tcp -j DNAT --to-destination {NAS}:22
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000""",
}


@BOTH
@pytest.mark.parametrize("form", IPTABLES)
def test_port_forwarded_by_iptables_is_taken(gateway, form, variant):
    gateway.restore(variant, IPT_MASQUERADE.replace(
        "COMMIT", IPTABLES[form] + "\nCOMMIT"))
    nas = listener(gateway.lab.lan2, "TCP", OTHER_PORT.get(form, 22))
    assert gateway.opens(nas, 8022)
    gateway.upnpd.start()
    assert is_taken(gateway)
    assert gateway.opens(nas, 8022)


@pytest.mark.parametrize("how", ("nft", "iptables-nft", "iptables-legacy"))
def test_redirected_port_is_taken(gateway, how):
    """A forward to the router itself."""
    if how == "nft":
        gateway.nft(native("iifname wan0 tcp dport 8022 redirect to :22"))
    else:
        gateway.restore(how[9:], IPT_MASQUERADE.replace(
            "COMMIT", "-A PREROUTING -i wan0 -p tcp --dport 8022 "
            "-j REDIRECT --to-ports 22\nCOMMIT"))
    router = listener(gateway.rt, "TCP", 22)
    assert gateway.opens(router, 8022)
    gateway.upnpd.start()
    assert is_taken(gateway)
    assert gateway.opens(router, 8022)


@pytest.mark.parametrize("how, rule", (
    ("nft", f"iifname wan0 dnat to {NAS}"),
    ("nft", f"ip daddr 11.22.33.1 dnat ip prefix to {NAS}/32"),
    ("nft", f"ip daddr != 192.168.88.0/24 dnat to {NAS}"),
    ("nft", f"iifname wan0 tcp dport 1-65535 dnat to {NAS}"),
    ("nft", f"iifname vmap {{ wan0 : jump every }}\n}}\n"
            f"chain every {{\nfib daddr type local dnat to {NAS}\n"),
    ("iptables-nft", f"-i wan0 -j DNAT --to {NAS}"),
    ("iptables-nft", f"-d 11.22.33.1 -j NETMAP --to {NAS}/32"),
    ("iptables-legacy", f"-i wan0 -j DNAT --to {NAS}"),
    ("iptables-legacy", f"-d 11.22.33.1 -j NETMAP --to {NAS}/32"),
    ("iptables-legacy", f"! -i lan0 -p tcp -j DNAT --to {NAS}"),
))
def test_exposed_host_has_all_ports(gateway, how, rule):
    """A rule that forwards everything to one host."""
    if how == "nft":
        gateway.nft(native(rule))
    else:
        gateway.restore(how[9:], IPT_MASQUERADE.replace(
            "COMMIT", f"-A PREROUTING {rule}\nCOMMIT"))
    nas = listener(gateway.lab.lan2, "TCP", 40000)
    assert gateway.opens(nas)
    gateway.upnpd.start()
    v2 = Igd2(gateway.lab.lan1)
    assert error_of(gateway.igd.add, 40000) == 718
    assert error_of(v2.add, 40000) == 729
    assert error_of(v2.any, 40000, 8000) in (728, 729)
    assert gateway.igd.entries() == []
    assert gateway.opens(nas)


DOCKERS = ("iptables-nft", "iptables-legacy", "nftables")


def start_docker(gateway, docker):
    """Load the rules of Docker. The router has no other filter."""
    if docker == "nftables":
        gateway.nft(DOCKER_NFT)
    else:
        gateway.restore(docker[9:], DOCKER, "--noflush")


@pytest.mark.parametrize("docker", DOCKERS)
def test_published_port_is_taken(gateway, docker):
    gateway.nft(MASQUERADE)
    start_docker(gateway, docker)
    web = listener(gateway.lab.container, "TCP", 80)
    assert gateway.opens(web, 8080)
    gateway.upnpd.start()
    assert is_taken(gateway, 8080)
    assert gateway.opens(web, 8080)


def test_port_forwarded_by_firewalld_is_taken(gateway):
    with Firewalld(gateway.lab) as box:
        box.configure('<forward-port port="8022" protocol="tcp" '
                      f'to-port="22" to-addr="{NAS}"/>')
        box.start()
        nas = listener(gateway.lab.lan2, "TCP", 22)
        assert gateway.opens(nas, 8022)
        gateway.upnpd.start()
        assert is_taken(gateway)
        assert gateway.opens(nas, 8022)


@BOTH
def test_port_forwarded_by_shorewall_is_taken(gateway, variant):
    with Shorewall(gateway.lab, variant) as box:
        box.start(f"DNAT net loc:{NAS}:22 tcp 8022\n")
        nas = listener(gateway.lab.lan2, "TCP", 22)
        assert gateway.opens(nas, 8022)
        gateway.upnpd.start()
        assert is_taken(gateway)
        assert gateway.opens(nas, 8022)


def test_other_forwards_do_not_take_a_port(gateway):
    """Another protocol, another port, another interface, another address, a
    host that is only reached from the LAN, chains that are not called."""
    gateway.nft(native(f"""
        iifname wan0 udp dport 8022 dnat to {NAS}:22
        iifname wan0 tcp dport 8021 dnat to {NAS}:22
        iifname wan0 tcp dport 8023-9000 dnat to {NAS}:22
        iifname wan1 tcp dport 8022 dnat to {NAS}:22
        iifname lan0 tcp dport 8022 dnat to {NAS}:22
        ip daddr 11.22.33.2 tcp dport 8022 dnat to {NAS}:22
        ip saddr 192.168.0.0/16 tcp dport 8022 dnat to {NAS}:22
        ct state established tcp dport 8022 dnat to {NAS}:22"""))
    gateway.nft(f"""
table ip sleeping {{
    flags dormant
    chain prerouting {{
        type nat hook prerouting priority dstnat; policy accept;
        tcp dport 8022 dnat to {NAS}:22
    }}
}}
table ip6 other {{
    chain prerouting {{
        type nat hook prerouting priority dstnat; policy accept;
        tcp dport 8022 dnat to [2001:db8::1]:22
    }}
}}
table inet another {{
    chain prerouting {{
        type nat hook prerouting priority dstnat; policy accept;
        tcp dport 8022 dnat ip6 to [2001:db8::1]:22
    }}
    chain unused {{
        tcp dport 8022 dnat ip to {NAS}:22
    }}
    chain output {{
        type nat hook output priority -100; policy accept;
        tcp dport 8022 dnat ip to {NAS}:22
    }}
}}
""")
    gateway.restore("legacy", f"""\
*nat
-A PREROUTING -i lan+ -p tcp --dport 8022 -j DNAT --to {NAS}
-A PREROUTING -i wan0 -p tcp -m multiport --dports 1:80,8080 -j DNAT --to {NAS}
COMMIT
""")
    gateway.upnpd.start()
    mine = listener(gateway.lab.lan1, "TCP", 8000)
    gateway.add(8022)
    assert gateway.opens(mine, 8022)


def test_accepted_port_is_not_taken(gateway):
    """A rule before the forward that ends the chain for this port."""
    gateway.nft(native(f"iifname wan0 tcp dport {{ 8022, 9000-9100 }} accept\n"
                       f"iifname wan0 dnat to {NAS}"))
    gateway.upnpd.start()
    mine = listener(gateway.lab.lan1, "TCP", 8000)
    gateway.add(8022)
    assert gateway.opens(mine, 8022)
    assert error_of(gateway.igd.add, 8023) == 718


# ---- a forward that is made later --------------------------------------

def nft_later(gateway, box):
    gateway.nft("insert rule ip lab_forward prerouting "
                f"iifname wan0 tcp dport 8022 dnat to {NAS}:22")


def nft_later_end(gateway, box):
    gateway.nft("flush chain ip lab_forward prerouting")


def table_later(gateway, box):
    """The chain may even be called after upnpd's place for its own."""
    gateway.nft(f"""
table ip later {{
    chain prerouting {{
        type nat hook prerouting priority 300; policy accept;
        iifname wan0 tcp dport 8022 dnat to {NAS}:22
    }}
}}""")


def table_later_end(gateway, box):
    gateway.nft("delete table ip later")


def map_later(gateway, box):
    gateway.nft(f"""
table ip lab_forward {{
    map forward {{ type inet_service : ipv4_addr . inet_service; }}
}}
flush chain ip lab_forward prerouting
add rule ip lab_forward prerouting dnat ip to tcp dport map @forward
add element ip lab_forward forward {{ 8022 : {NAS} . 22 }}
""")


def map_later_end(gateway, box):
    gateway.nft("delete element ip lab_forward forward { 8022 }")


def ipt_later(variant):
    rule = ["PREROUTING", "-i", "wan0", "-p", "tcp", "--dport", "8022", "-j",
            "DNAT", "--to-destination", f"{NAS}:22"]

    def later(gateway, box):
        gateway.iptables(variant, "-t", "nat", "-A", *rule)

    def end(gateway, box):
        gateway.iptables(variant, "-t", "nat", "-D", *rule)
    return later, end


def firewalld_later(gateway, box):
    box.cmd("--zone=external", "--add-forward-port=port=8022:proto=tcp:"
            f"toport=22:toaddr={NAS}")


def firewalld_later_end(gateway, box):
    box.cmd("--zone=external", "--remove-forward-port=port=8022:proto=tcp:"
            f"toport=22:toaddr={NAS}")


LATER = {
    "nft": (nft_later, nft_later_end),
    "table": (table_later, table_later_end),
    "map": (map_later, map_later_end),
    "iptables-nft": ipt_later("nft"),
    "iptables-legacy": ipt_later("legacy"),
    "firewalld": (firewalld_later, firewalld_later_end),
}


@pytest.fixture
def box(gateway, how):
    """The box of the tool that makes the forward."""
    gateway.nft(native(""))
    if how == "firewalld":
        with Firewalld(gateway.lab) as box:
            box.configure()
            box.start()
            yield box
    else:
        with Box(gateway.lab) as box:
            yield box


@pytest.mark.parametrize("how", LATER)
def test_later_forward_wins_at_once(gateway, how, box):
    """The client's mapping is overruled while the forward exists, and returns
    afterwards."""
    later, end = LATER[how]
    gateway.upnpd.start()
    mine = listener(gateway.lab.lan1, "TCP", 8000)
    nas = listener(gateway.lab.lan2, "TCP", 22)
    gateway.add(8022)
    gateway.add(40000)
    assert gateway.opens(mine, 8022)
    assert "O" not in gateway.flags(8022)

    later(gateway, box)
    assert gateway.at_once(nas, 8022)
    assert gateway.shut(mine, 8022)
    if how == "iptables-legacy":
        # it gives no notice
        gateway.resync()
    assert wait_until(lambda: not gateway.enabled(8022))
    assert wait_until(lambda: "O" in gateway.flags(8022))
    assert error_of(gateway.igd.add, 8022, "TCP", 8000) == 718
    assert error_of(Igd2(gateway.lab.lan1).add, 8022, "TCP", 8000) == 729
    assert gateway.opens(nas, 8022)
    assert gateway.enabled(40000) and gateway.opens(mine, 40000)

    end(gateway, box)
    if how == "iptables-legacy":
        gateway.resync()
    assert wait_until(lambda: gateway.enabled(8022))
    assert "O" not in gateway.flags(8022)
    assert gateway.opens(mine, 8022)


@pytest.mark.parametrize("docker", DOCKERS)
def test_container_started_later_gets_its_port(gateway, docker):
    gateway.nft(MASQUERADE)
    gateway.upnpd.start()
    mine = listener(gateway.lab.lan1, "TCP", 8000)
    web = listener(gateway.lab.container, "TCP", 80)
    gateway.add(8080)
    assert gateway.opens(mine, 8080)
    start_docker(gateway, docker)
    assert gateway.at_once(web, 8080)
    gateway.resync()
    assert wait_until(lambda: not gateway.enabled(8080))
    assert gateway.opens(web, 8080)


@BOTH
def test_forward_behind_our_jump_wins(gateway, variant):
    """With the backend iptables, upnpd's jump is the last rule again when the
    administrator has appended one."""
    gateway.upnpd.options["backend"] = "iptables-" + variant
    gateway.restore(variant, IPT_MASQUERADE)
    gateway.upnpd.start()
    mine = listener(gateway.lab.lan1, "TCP", 8000)
    nas = listener(gateway.lab.lan2, "TCP", 22)
    gateway.add(8022)
    assert gateway.opens(mine, 8022)
    ipt_later(variant)[0](gateway, None)
    gateway.resync()
    assert gateway.opens(nas, 8022)
    assert wait_until(lambda: not gateway.enabled(8022))
    ipt_later(variant)[1](gateway, None)
    gateway.resync()
    assert gateway.opens(mine, 8022)


@pytest.mark.parametrize("before", (False, True))
def test_later_legacy_forward_is_found_without_a_notice(gateway, before):
    """A request looks for legacy rules again. @before: there were others."""
    if before:
        gateway.restore("legacy", IPT_MASQUERADE)
    else:
        gateway.nft(MASQUERADE)
    gateway.upnpd.start()
    gateway.add(8022)
    gateway.add(40000)
    ipt_later("legacy")[0](gateway, None)
    assert error_of(gateway.igd.add, 8022, "TCP", 8000) == 718
    gateway.igd.add(40000, "TCP", 8000)


@pytest.mark.parametrize("what", ("renewal", "restart"))
def test_overruled_mapping_stays_overruled(gateway, what):
    """A mapping of a lease file cannot take a port that was forwarded while
    upnpd was down."""
    gateway.nft(native(""))
    gateway.upnpd.start()
    nas = listener(gateway.lab.lan2, "TCP", 22)
    mine = listener(gateway.lab.lan1, "TCP", 8000)
    gateway.add(8022, lease=3600)
    if what == "restart":
        gateway.upnpd.stop()
    nft_later(gateway, None)
    if what == "restart":
        gateway.upnpd.start()
    assert gateway.opens(nas, 8022)
    assert gateway.shut(mine, 8022)
    assert wait_until(lambda: not gateway.enabled(8022))
    assert gateway.code(gateway.igd.add, 8022, "TCP", 8000, lease=7200) == 718
    assert gateway.shut(mine, 8022)
