# SPDX-License-Identifier: ISC
"""Rules as programs other than upnpd make them. A test loads them with nft or
iptables-restore. Those of ufw, firewalld and shorewall are made by the
programs (box.py)."""

# An administrator's router: it translates, and filters nothing.
MASQUERADE = """
table ip lab_nat {
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "wan0" masquerade
    }
}
"""
IPT_MASQUERADE = """\
*nat
-A POSTROUTING -o wan0 -j MASQUERADE
COMMIT
"""

# /etc/nftables.conf of a router. @first: rules at the top of the forward chain
NFTABLES_CONF = """
table inet filter {{
    chain input {{
        type filter hook input priority filter; policy accept;
    }}
    chain forward {{
        type filter hook forward priority filter; policy drop;
        {first}
        ct state established,related accept
        iifname "lan0" oifname "wan0" accept
    }}
}}
"""

# The same with iptables.
IPT_FORWARD = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
{first}
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i lan0 -o wan0 -j ACCEPT
COMMIT
"""

# A chain that drops, in a table of its own.
def one_of_many(n):
    return f"""
table inet many{n} {{
    chain forward {{
        type filter hook forward priority {n}; policy drop;
        ct state established,related accept
        iifname "lan0" accept
    }}
}}
"""

# Docker 28 with iptables: a published port 8080, on docker0. It sets the
# policy of FORWARD to DROP. Its users put their own rules in DOCKER-USER.
DOCKER = """\
*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-BRIDGE - [0:0]
:DOCKER-CT - [0:0]
:DOCKER-FORWARD - [0:0]
:DOCKER-INTERNAL - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-FORWARD
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 \
-j ACCEPT
-A DOCKER ! -i docker0 -o docker0 -j DROP
-A DOCKER-BRIDGE -o docker0 -j DOCKER
-A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-FORWARD -j DOCKER-CT
-A DOCKER-FORWARD -j DOCKER-INTERNAL
-A DOCKER-FORWARD -j DOCKER-BRIDGE
-A DOCKER-FORWARD -i docker0 -j ACCEPT
-A DOCKER-USER -i lan0 -o wan0 -j ACCEPT
-A DOCKER-USER -i wan0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT \
--to-destination 172.17.0.2:80
COMMIT
"""

# Docker 29 with firewall-backend nftables, and the same container.
DOCKER_NFT = """
table ip docker-bridges {
    map filter-forward-in-jumps {
        type ifname : verdict
        elements = { "docker0" : jump filter-forward-in__docker0 }
    }
    map filter-forward-out-jumps {
        type ifname : verdict
        elements = { "docker0" : jump filter-forward-out__docker0 }
    }
    map nat-postrouting-out-jumps {
        type ifname : verdict
        elements = { "docker0" : jump nat-postrouting-out__docker0 }
    }
    chain filter-FORWARD {
        type filter hook forward priority filter; policy accept;
        oifname vmap @filter-forward-in-jumps
        iifname vmap @filter-forward-out-jumps
    }
    chain nat-OUTPUT {
        type nat hook output priority -100; policy accept;
        ip daddr != 127.0.0.0/8 fib daddr type local counter \
jump nat-prerouting-and-output
    }
    chain nat-POSTROUTING {
        type nat hook postrouting priority srcnat; policy accept;
        iifname vmap @nat-postrouting-out-jumps
    }
    chain nat-PREROUTING {
        type nat hook prerouting priority dstnat; policy accept;
        fib daddr type local counter jump nat-prerouting-and-output
    }
    chain nat-prerouting-and-output {
        iifname != "docker0" tcp dport 8080 counter dnat to 172.17.0.2:80 \
comment "DNAT"
    }
    chain raw-PREROUTING {
        type filter hook prerouting priority raw; policy accept;
        ip daddr 172.17.0.2 iifname != "docker0" counter drop \
comment "DROP DIRECT ACCESS"
    }
    chain filter-forward-in__docker0 {
        ct state established,related counter accept
        iifname "docker0" counter accept comment "ICC"
        ip daddr 172.17.0.2 tcp dport 80 counter accept
        counter drop comment "UNPUBLISHED PORT DROP"
    }
    chain filter-forward-out__docker0 {
        ct state established,related counter accept
        counter accept comment "OUTGOING"
    }
    chain nat-postrouting-out__docker0 {
        oifname != "docker0" ip saddr 172.17.0.0/16 counter masquerade \
comment "MASQUERADE"
    }
}
"""

# Tailscale with iptables, of either variant.
TAILSCALE = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:ts-forward - [0:0]
:ts-input - [0:0]
-A INPUT -j ts-input
-A FORWARD -j ts-forward
-A ts-forward -i tailscale0 -j MARK --set-xmark 0x40000/0xff0000
-A ts-forward -m mark --mark 0x40000/0xff0000 -j ACCEPT
-A ts-forward -s 100.64.0.0/10 -o tailscale0 -j DROP
-A ts-forward -o tailscale0 -j ACCEPT
-A ts-input -s 100.100.7.7/32 -i lo -j ACCEPT
-A ts-input -s 100.64.0.0/10 ! -i tailscale0 -j DROP
-A ts-input -i tailscale0 -j ACCEPT
-A ts-input -p udp -m udp --dport 41641 -j ACCEPT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:ts-postrouting - [0:0]
-A POSTROUTING -j ts-postrouting
-A ts-postrouting -m mark --mark 0x40000/0xff0000 -j MASQUERADE
COMMIT
"""

# LXD's and libvirt's bridges, in nf_tables of their own.
LXD = """
table inet lxd {
    chain pstrt.lxdbr0 {
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr 10.20.30.0/24 ip daddr != 10.20.30.0/24 masquerade
    }
    chain fwd.lxdbr0 {
        type filter hook forward priority filter; policy accept;
        ip version 4 oifname "lxdbr0" accept
        ip version 4 iifname "lxdbr0" accept
    }
    chain in.lxdbr0 {
        type filter hook input priority filter; policy accept;
        iifname "lxdbr0" udp dport { 53, 67 } accept
    }
}
"""
LIBVIRT = """
table ip libvirt_network {
    chain forward {
        type filter hook forward priority filter; policy accept;
        counter jump guest_cross
        counter jump guest_input
        counter jump guest_output
    }
    chain guest_output {
        ip saddr 192.168.122.0/24 iifname "virbr0" counter accept
        iifname "virbr0" counter reject
    }
    chain guest_input {
        oifname "virbr0" ip daddr 192.168.122.0/24 \
ct state established,related counter accept
        oifname "virbr0" counter reject
    }
    chain guest_cross {
        iifname "virbr0" oifname "virbr0" counter accept
    }
    chain guest_nat {
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr 192.168.122.0/24 ip daddr 224.0.0.0/24 counter return
        ip saddr 192.168.122.0/24 ip daddr != 192.168.122.0/24 \
counter masquerade
    }
}
"""

# OpenWrt's firewall. @forward: at the top of its forward chain; @wan: at the
# top of the chain for packets from the zone wan
FW4 = """
table inet fw4 {{
    set banned {{
        type ipv4_addr
        flags interval
        elements = {{ 198.51.100.0/24 }}
    }}
    chain input {{
        type filter hook input priority filter; policy accept;
        iifname "lo" accept comment "!fw4: Accept traffic from loopback"
        ct state vmap {{ established : accept, related : accept }}
        iifname "wan0" jump input_wan comment "!fw4: Handle wan input traffic"
    }}
    chain forward {{
        type filter hook forward priority filter; policy drop;
        {forward}
        ct state vmap {{ established : accept, related : accept }}
        iifname "lan0" jump forward_lan comment "!fw4: Handle lan forward"
        iifname "wan0" jump forward_wan comment "!fw4: Handle wan forward"
        jump handle_reject
    }}
    chain handle_reject {{
        meta l4proto tcp reject with tcp reset comment "!fw4: Reject TCP"
        reject with icmpx port-unreachable comment "!fw4: Reject any other"
    }}
    chain input_wan {{
        meta nfproto ipv4 udp dport 68 counter accept
        icmpv6 type {{ nd-router-advert, nd-neighbor-solicit, \
nd-neighbor-advert }} limit rate 1000/second counter accept
        jump reject_from_wan
    }}
    chain forward_lan {{
        jump accept_to_wan comment "!fw4: Accept lan to wan forwarding"
        jump accept_to_lan
    }}
    chain accept_to_lan {{
        oifname "lan0" counter accept
    }}
    chain accept_to_wan {{
        meta nfproto ipv4 oifname "wan0" ct state invalid counter drop
        oifname "wan0" counter accept
    }}
    chain forward_wan {{
        {wan}
        icmpv6 type {{ echo-request }} limit rate 1000/second counter accept
        meta l4proto esp counter jump accept_to_lan
        jump reject_to_wan
    }}
    chain reject_from_wan {{
        iifname "wan0" counter jump handle_reject
    }}
    chain reject_to_wan {{
        oifname "wan0" counter jump handle_reject
    }}
    chain dstnat {{
        type nat hook prerouting priority dstnat; policy accept;
    }}
    chain srcnat {{
        type nat hook postrouting priority srcnat; policy accept;
        oifname "wan0" jump srcnat_wan comment "!fw4: Handle wan srcnat"
    }}
    chain srcnat_wan {{
        meta nfproto ipv4 masquerade comment "!fw4: Masquerade IPv4 wan"
    }}
    chain raw_prerouting {{
        type filter hook prerouting priority raw; policy accept;
    }}
    chain mangle_forward {{
        type filter hook forward priority mangle; policy accept;
        iifname "wan0" tcp flags & (fin | syn | rst) == syn \
tcp option maxseg size set rt mtu
    }}
}}
"""
