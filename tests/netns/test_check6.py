# SPDX-License-Identifier: ISC
"""upnpctl check reports each fault of a router with IPv6, and nothing on a
healthy one: the kernel's settings, prefixes and routes, chains that drop
packets to pinholes or requests to upnpd, and a firewall that drops nothing."""
import re
import socket
import struct
import subprocess

import pytest

from lab import (EXT_IP, HOST6_IP, LAN6_IP, LAN6_ULA, OUTSIDE6_IP, drop6,
                 inside, wait_until)
from test_check import (CHECKS, Router, change, ctl, hide, remedy, repaired,
                        resync, stopped)
from upnp import http

ONLY = pytest.mark.only("netlink")


@pytest.fixture
def router(lab, backend):
    router = Router(lab, backend)
    with router.after:
        yield router
        if router.upnpd.running():
            router.upnpd.stop()


def one(found, check, level):
    text, = found.of(check, level)
    return text


# ---- healthy routers --------------------------------------------------

@ONLY
@pytest.mark.lab(ipv6=True)
@pytest.mark.parametrize("up", (True, False))
def test_healthy(router, up):
    if up:
        router.upnpd.start()
    found = router.check()
    assert found.bad() == (set() if up else {"daemon"})
    assert [x["check"] for x in found.all] == list(CHECKS)
    assert "can reach" in one(found, "ipv6", "ok")
    assert one(found, "pinholes", "ok") == (
        "no rule drops packets to pinholes, once there is one: upnpd's accept "
        "rule will be in inet filter forward")


@ONLY
@pytest.mark.lab(ipv6="only")
def test_healthy_without_ipv4(router):
    """Nothing is wrong with an IPv6-only WAN and LAN."""
    router.upnpd.start()
    found = router.check()
    assert found.bad() == set()
    for name in "external-address", "default-route", "forwarding":
        assert one(found, name, "ok") == "the internal networks have no IPv4"
    assert not found.of("forward", "ok") + found.of("masquerade", "ok")


@ONLY
@pytest.mark.lab(ipv6=True)
def test_firewall_of_ip6_is_well(router):
    """One for IPv4, another one for IPv6."""
    router.rt.run("nft", "-f", "-", stdin="add chain inet filter forward "
                  "{ policy accept; }\nflush chain inet filter forward")
    drop6(router.lab)
    router.upnpd.start()
    found = router.check()
    assert found.bad() == set()
    assert "ip6 fw forward" in one(found, "pinholes", "ok")


@ONLY
@pytest.mark.lab(ipv6=True)
def test_ipv6_that_is_off_is_well(router):
    router.upnpd.options["ipv6"] = "no"
    router.rt.sysctl("net.ipv6.conf.all.forwarding", 0)
    router.upnpd.start()
    found = router.check()
    assert found.bad() == set()
    assert one(found, "ipv6", "ok").startswith("ipv6 = no: ")
    assert not found.of("pinholes", "ok")


@ONLY
def test_router_without_ipv6_is_well(router):
    router.upnpd.start()
    found = router.check()
    assert found.bad() == set()
    assert "there is nothing to open" in one(found, "ipv6", "ok")


# ---- faults -----------------------------------------------------------

FAULTS = []


def fault(check, level, words, helps="", also=()):
    """Register a fault, as in test_check.py. @helps: the remedy has this
    text."""
    def note(make):
        FAULTS.append(pytest.param(check, level, words, helps, set(also), make,
                                   id=make.__name__))
        return make
    return note


GATEWAY6 = f"route del default via {OUTSIDE6_IP}"


def setting(router, ifname, name, value):
    router.rt.sysctl(f"net.ipv6.conf.{ifname}.{name}", value)


@fault("ipv6", "problem", "^the kernel does not forward IPv6: ",
       "^sysctl -w net.ipv6.conf.all.forwarding=1")
def not_forwarding(router):
    setting(router, "all", "forwarding", 0)


@fault("ipv6", "problem", "^the kernel does not forward IPv6: ",
       r"^sysctl -w net/ipv6/conf/wan0/accept_ra=2 "
       r"net\.ipv6\.conf\.all\.forwarding=1, ")
def not_forwarding_with_advertisements(router):
    """To turn forwarding on would delete the route of the advertisement."""
    setting(router, "all", "forwarding", 0)
    setting(router, "wan0", "accept_ra", 1)


@fault("ipv6", "problem", r"^there is no IPv6 route to the Internet \(.*\): "
       "the kernel ignores router advertisements on wan0, because accept_ra "
       "= 1", "^sysctl -w net/ipv6/conf/wan0/accept_ra=2, ")
def route_gone(router):
    """As when forwarding is turned on: the kernel deletes the route."""
    setting(router, "wan0", "accept_ra", 1)
    router.rt.ip_batch(GATEWAY6)


@fault("ipv6", "warning", "^the IPv6 route to the Internet will expire: ",
       "^sysctl -w net/ipv6/conf/wan0/accept_ra=2, ")
def route_that_expires(router):
    """The route is of an advertisement, and further ones are ignored."""
    router.rt.ip_batch(GATEWAY6)
    setting(router, "wan0", "accept_ra", 2)
    advertise(router.lab.outside)
    assert wait_until(lambda: "proto ra" in
                      router.rt.run("ip", "-6", "route", "show", "default"))
    setting(router, "wan0", "accept_ra", 1)


def advertise(host):
    """Send a router advertisement to all nodes (RFC 4861, 4.2)."""
    with inside(host.ns):
        index = socket.if_nametoindex("eth0")
        sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW,
                             socket.IPPROTO_ICMPV6)
    with sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        sock.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0),
                    ("ff02::1", 0, 0, index))


@fault("ipv6", "warning", "^every host on lan0 can become the router's way to "
       "the Internet", "^sysctl -w net/ipv6/conf/lan0/accept_ra=0")
def advertisements_of_clients(router):
    setting(router, "lan0", "accept_ra", 2)


@fault("ipv6", "problem", r"^there is no IPv6 route to the Internet \(.*\): "
       "answers through a pinhole do not leave")
def no_route(router):
    router.rt.ip_batch(GATEWAY6)


@fault("ipv6", "problem", "^the IPv6 route to the Internet uses lan0, which "
       "is configured as internal")
def wrong_way(router):
    router.rt.ip_batch(f"route replace default via {HOST6_IP} dev lan0")


@fault("ipv6", "warning", "^the internal interfaces have only unique local "
       "IPv6 addresses, although wan0 has an IPv6 route",
       "request a prefix")
def no_global_prefix(router):
    router.rt.ip_batch(f"addr del {LAN6_IP}/64 dev lan0")


@fault("ipv6", "warning", "^the internal interfaces have no IPv6 address, "
       "although wan0 has", "request a prefix")
def no_prefix(router):
    router.rt.ip_batch(f"addr del {LAN6_IP}/64 dev lan0",
                       f"addr del {LAN6_ULA}/64 dev lan0")


@fault("external-address", "warning", "only pinholes for IPv6$",
       also=["default-route"])
def no_ipv4_outside(router):
    router.rt.ip_batch(f"addr del {EXT_IP}/24 dev wan0")


@fault("access", "warning", r"allow no pinhole to any client of "
       r"2001:db8:88::/64 \(lan0\)$",
       "allow 1024-65535 2001:db8:88::/64 1024-65535$")
def lines_for_ipv4_only(router):
    router.upnpd.stop()
    router.upnpd.lines = ["allow 1024-65535 192.168.88.0/24 1024-65535"]
    router.upnpd.start()


@fault("pinholes", "warning", "^no rule drops packets from the Internet to the "
       "IPv6 addresses of lan0: every port of every host there is open",
       "arrives on wan0")
def no_firewall(router):
    router.rt.run("nft", "-f", "-", stdin="add chain inet filter forward "
                  "{ policy accept; }\nflush chain inet filter forward")


@fault("pinholes", "warning", "^no rule drops packets from the Internet")
def firewall_for_ipv4_only(router):
    """A firewall that nobody extended to IPv6."""
    router.rt.run("nft", "-f", "-", stdin="""
add chain inet filter forward { policy accept; }
flush chain inet filter forward
table ip fw {
    chain forward {
        type filter hook forward priority 0; policy drop
        ct state established accept
        iifname "lan0" accept
    }
}
""")


@fault("pinholes", "problem", "^the nft chain ip6 owned forward drops packets "
       "to pinholes, and only its owner, nft ", "or make the table owned")
def owned_table(router):
    nft = subprocess.Popen(
        ["ip", "netns", "exec", router.rt.ns, "nft", "-i"], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    router.after.callback(nft.communicate)
    nft.stdin.write("table ip6 owned { flags owner; chain forward { type "
                    "filter hook forward priority filter; policy drop; ct "
                    'state established accept; iifname "lan0" accept; }; }\n')
    nft.stdin.flush()
    assert wait_until(lambda: "owned" in router.rt.run("nft", "list",
                                                       "tables"))


@fault("pinholes", "problem", "every TCP packet to pinholes on lan0 is dropped "
       "before upnpd's accept rule, by ip6 early early, rule 1$",
       "^Remove that rule")
def drop_before_the_forward_hook(router):
    router.rt.run("nft", "-f", "-", stdin="table ip6 early { chain early { "
                  "type filter hook prerouting priority raw; "
                  'iifname "wan0" meta l4proto { tcp, udp } drop; }; }')


@fault("pinholes", "problem", "^the tables of ip6tables-legacy cannot be "
       "listed, because it is not installed: ", "^Install ip6tables-legacy, ")
def ip6tables_missing(router):
    """Its rules are in the kernel all the same."""
    router.rt.run("ip6tables-legacy", "-P", "FORWARD", "DROP")
    hide(router, "ip6tables-legacy", "ip6tables-nft")


@ONLY
@pytest.mark.lab(ipv6=True)
@pytest.mark.parametrize("check,level,words,helps,also,make", FAULTS)
def test_fault_is_reported(router, check, level, words, helps, also, make):
    router.upnpd.start()
    make(router)
    found = router.check()
    assert any(re.search(words, text) for text in found.of(check, level))
    # upnpd itself may have reported that it cannot accept there
    assert found.bad() - {"daemon"} == also | {check}
    assert any(re.search(helps, x["remedy"] or "") for x in found.all
               if x["check"] == check)


@ONLY
@pytest.mark.lab(ipv6=True)
@pytest.mark.parametrize("kind,port", ((socket.SOCK_STREAM, 2828),
                                       (socket.SOCK_DGRAM, 5351)))
def test_port_that_is_taken_in_ipv6_only(router, kind, port):
    with router.rt.socket(kind, (LAN6_IP, port)) as sock:
        if kind == socket.SOCK_STREAM:
            sock.listen()
        found = router.check()
    assert any(re.search(rf"port {port} is taken by .* at {LAN6_IP}: ", text)
               for text in found.of("ports", "problem"))


@ONLY
@pytest.mark.lab(ipv6="ula")
def test_unique_local_addresses_are_not_enough(router):
    router.upnpd.start()
    found = router.check()
    assert found.bad() == {"ipv6"}
    assert "only unique local" in one(found, "ipv6", "warning")
    assert not found.of("pinholes", "ok")


@ONLY
@pytest.mark.lab(ipv6=True)
def test_advertisements_of_an_ipv4_network_do_not_matter(router):
    """The kernel's default on a host: accept_ra = 1 without forwarding."""
    router.upnpd.options["ipv6"] = "no"
    setting(router, "all", "forwarding", 0)
    setting(router, "lan0", "accept_ra", 1)
    router.upnpd.start()
    assert router.check().bad() == set()


def open_pinhole(router, port=8080):
    router.rt.run(ctl(router.lab), "-f", router.upnpd.conf, "mappings", "add",
                  "protocol=tcp", f"to=[{HOST6_IP}]:{port}")


@ONLY
@pytest.mark.lab(ipv6=True)
def test_blocked_pinhole_is_reported(router):
    """A rule drops the packets of one pinhole."""
    router.upnpd.start()
    open_pinhole(router, 8080)
    open_pinhole(router, 8081)
    assert router.check().bad() == set()
    change(router, "insert rule inet filter forward tcp dport 8080 drop")
    resync(router)
    found = router.check()
    assert found.bad() == {"mapped-ports"}
    assert re.search(rf"^tcp to \[{HOST6_IP}\]:8080 is blocked: its packets "
                     "are dropped before upnpd's accept rule, by inet filter "
                     "forward, rule 1$", one(found, "mapped-ports", "problem"))


@ONLY
@pytest.mark.lab(ipv6=True)
def test_removed_accept_is_reported(router):
    """Until upnpd has made it again."""
    drop6(router.lab)
    router.upnpd.start()
    open_pinhole(router)
    found = router.check()
    assert found.bad() == set()
    assert one(found, "pinholes", "ok").startswith(
        "no rule drops packets to pinholes: upnpd's accept rule is in ")
    with stopped(router):
        router.rt.run("nft", "flush", "chain", "ip6", "fw", "forward")
        found = router.check()
        assert found.bad() == {"pinholes"}
        assert re.search("^packets to pinholes are dropped by ip6 fw forward, "
                         "policy, which lacks upnpd's accept rule",
                         one(found, "pinholes", "problem"))
    repaired(router)


@ONLY
@pytest.mark.lab(ipv6=True)
def test_text_output(router):
    """The same finding, for a reader."""
    router.upnpd.start()
    setting(router, "all", "forwarding", 0)
    out = router.rt.run("sh", "-c", '"$@"; echo "status $?"', "sh",
                        ctl(router.lab), "-f", router.upnpd.conf, "check")
    assert re.search(r"^problem +ipv6 +the kernel does not forward IPv6: .*\n"
                     r" +-> sysctl -w net\.ipv6\.conf\.all\.forwarding=1",
                     out, re.M)
    assert out.endswith(" ok, 0 warnings, 1 problem\nstatus 2\n")


# ---- the router's own firewall ----------------------------------------

def reached_by(lab):
    """Does a client reach upnpd over IPv6?"""
    try:
        return http(lab.lan1, "GET", "/none", ip=LAN6_IP,
                    timeout=1).status == 404
    except OSError:
        return False


def close6(router, hook="input"):
    router.rt.run("nft", "-f", "-", stdin=f"""
table ip6 self {{
    chain {hook} {{
        type filter hook {hook} priority filter; policy drop
        icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept
        {"ct state established accept" if hook == "input" else ""}
    }}
}}
""")


@ONLY
@pytest.mark.lab(ipv6=True)
@pytest.mark.parametrize("hook", ("input", "output"))
def test_closed_router_is_reported(router, hook):
    """The remedy is a command that lets clients in. IPv4 still works, so it is
    a warning."""
    router.upnpd.start()
    close6(router, hook)
    found = router.check()
    assert found.bad() == {"input"}
    assert one(found, "input", "warning").startswith(
        "UDP port 1900 (searches), TCP port 2828 (requests) and UDP port 5351 "
        "(PCP) from lan0 over IPv6: dropped by ip6 self input, policy"
        if hook == "input" else
        "UDP from port 1900 (announcements), TCP from port 2828 (answers), TCP "
        "(events) and UDP from port 5351 (PCP) to lan0 over IPv6: dropped by "
        "ip6 self output, ")
    assert remedy(found, "input").startswith(
        f"nft insert rule ip6 self {hook} ")
    assert not reached_by(router.lab)
    router.rt.run("sh", "-ec", remedy(found, "input"))
    assert router.check().bad() == set()
    assert reached_by(router.lab)


@ONLY
@pytest.mark.lab(ipv6="only")
def test_closed_router_without_ipv4_is_a_problem(router):
    router.upnpd.start()
    close6(router)
    found = router.check()
    assert found.bad() == {"input"}
    assert "from lan0 over IPv6" in one(found, "input", "problem")


@ONLY
@pytest.mark.lab(ipv6=True)
def test_chain_of_both_families_is_reported_once(router):
    """The same command helps both."""
    router.upnpd.start()
    change(router, "add chain inet filter input { policy drop; }\n"
           "add rule inet filter input ct state established accept")
    found = router.check()
    assert found.bad() == {"input"}
    assert "IPv6" not in one(found, "input", "problem")
    router.rt.run("sh", "-ec", remedy(found, "input"))
    assert router.check().bad() == set()


@ONLY
@pytest.mark.lab(ipv6=True)
def test_rule_for_ipv4_only_is_reported(router):
    """Clients of IPv4 are let in, those of IPv6 are not."""
    router.upnpd.start()
    change(router, "add chain inet filter input { policy drop; }\n"
           "add rule inet filter input ct state established accept\n"
           "add rule inet filter input ip saddr 192.168.0.0/16 accept")
    found = router.check()
    assert found.bad() == {"input"}
    assert "over IPv6" in one(found, "input", "warning")


@ONLY
@pytest.mark.lab(ipv6=True)
@pytest.mark.parametrize("variant", ("nft", "legacy"))
def test_ip6tables_that_closes_the_router(router, variant):
    router.upnpd.start()
    tool = "ip6tables-" + variant
    router.rt.run(tool, "-A", "INPUT", "-p", "icmpv6", "-j", "ACCEPT")
    router.rt.run(tool, "-A", "INPUT", "-m", "conntrack", "--ctstate",
                  "ESTABLISHED", "-j", "ACCEPT")
    router.rt.run(tool, "-P", "INPUT", "DROP")
    found = router.check()
    assert found.bad() == {"input"}
    assert re.search(f"ip6tables(-{variant})? -I INPUT -i lan0 -p udp --dport "
                     "1900 -j ACCEPT", remedy(found, "input"))
    router.rt.run("sh", "-ec", remedy(found, "input"))
    assert router.check().bad() == set()
    assert reached_by(router.lab)
