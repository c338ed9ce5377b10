# SPDX-License-Identifier: ISC
"""upnpctl check reports nothing on a healthy router. It reports each fault
that a test makes, and its consequences. It changes nothing."""
import contextlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

from box import Firewalld, Shorewall, Ufw
from daemon import UPNPD, Upnpd, engine_uid
from lab import HOST_IP, LAN_IP, OUT_IP, inside, wait_until
from rulesets import MASQUERADE
from upnp import IGD1, Igd, http, search

LEVELS = ("ok", "warning", "problem")
CHECKS = ("configuration", "daemon", "access", "dangers", "clock",
          "state-dir", "interfaces", "networks", "default-route",
          "external-address", "forwarding", "ipv6", "multicast", "mappings",
          "ports", "backend", "conntrack", "firewalls", "masquerade",
          "forward", "mapped-ports", "pinholes", "input", "gateways")
# where the router has no IPv6
CHECKS_IPV4 = tuple(name for name in CHECKS if name != "pinholes")


# ---- running it -------------------------------------------------------

def ctl(lab):
    """The path of upnpctl, a second name of the binary."""
    if "UPNPCTL" in os.environ:
        return os.environ["UPNPCTL"]
    path = lab.path("upnpctl")
    if not os.path.islink(path):
        os.symlink(os.path.abspath(UPNPD), path)
    return path


def traces(lab):
    """All state that a check could change: rules, settings, addresses, routes,
    groups, sockets."""
    def settings():
        for dir_path, _, names in os.walk("/proc/sys/net"):
            for name in names:
                path = os.path.join(dir_path, name)
                if "conntrack_count" in name or "random" in name:
                    continue
                with contextlib.suppress(OSError, UnicodeDecodeError):
                    with open(path) as f:
                        yield path + " " + f.read()

    def sockets():
        for name in ("tcp", "tcp6", "udp", "udp6", "raw", "packet"):
            path = f"/proc/thread-self/net/{name}"
            if not os.path.exists(path):    # a kernel without IPv6
                continue
            with open(path) as f:
                for line in f.readlines()[1:]:
                    word = line.split()
                    if word[3] in ("0A", "07"):     # listening, bound
                        yield f"{name} {word[1]}"
        with open("/proc/thread-self/net/dev_mcast") as f:
            yield from (line for line in f if " 3333" not in line)

    with inside(lab.router.ns):
        ours = sorted(settings()) + sorted(sockets())
    rules = lab.router.run("nft", "-s", "list", "ruleset") \
        + re.sub(r"\[\d+:\d+\]", "", "\n".join(
            line for line in lab.router.run("iptables-legacy-save")
            .split("\n") if not line.startswith("#")))
    # IPv6 addresses change state during the test
    return [rules, lab.router.run("ip", "-4", "-o", "address"),
            lab.router.run("ip", "-4", "route", "show", "table", "all"),
            lab.router.run("ip", "rule"), *ours]


def settled(lab, upnpd):
    """The traces, after @upnpd has reacted to a fault."""
    last = []

    def quiet():
        rests = at_rest(upnpd)
        last.append(traces(lab))
        return rests and at_rest(upnpd) and last[-2:-1] == last[-1:]
    assert wait_until(quiet, every=0.3)
    return last[-1]


def at_rest(upnpd):
    """Do all processes of @upnpd sleep, without waiting for a firewall tool?
    Then they have handled all events of the kernel up to this call."""
    if not upnpd.running():
        return True
    with open(f"/proc/{upnpd.proc.pid}/task/{upnpd.proc.pid}/children") as f:
        if set(map(int, f.read().split())) - {upnpd.fork_server()}:
            return False
    for pid in upnpd.pids().values():
        with open(f"/proc/{pid}/stat") as f:
            if f.read().rpartition(")")[2].split()[0] not in "ST":
                return False
    return True


class Found:
    """The output of one run."""

    def __init__(self, lab, upnpd, prefix=(), user=None):
        as_user = ["setpriv", "--reuid", user, "--clear-groups"] \
            if user else []
        self.lab = lab
        self.argv = [*prefix, *as_user, ctl(lab), "-f", upnpd.conf]
        before = settled(lab, upnpd)
        out = lab.router.run("sh", "-c", '"$@"; echo "status $?"', "sh",
                             *self.argv, "--json", "check", check=False)
        after = traces(lab)
        assert set(before) ^ set(after) == set(), "something has changed"
        text, _, status = out.rpartition("status ")
        print(text)
        self.all = json.loads(text)
        for one in self.all:
            assert set(one) == {"level", "check", "text", "remedy"}
            assert one["check"] in CHECKS
            assert one["text"] and "\n" not in one["text"]
            assert (one["remedy"] is None) == (one["level"] == "ok")
        assert int(status) == max(LEVELS.index(one["level"])
                                  for one in self.all)

    def bad(self):
        return {one["check"] for one in self.all if one["level"] != "ok"}

    def of(self, name, level):
        return [one["text"] for one in self.all
                if one["check"] == name and one["level"] == level]


class Router:
    """The state that a fault may change: the lab, the configuration, and the
    way upnpctl is run."""

    def __init__(self, lab, backend):
        self.lab, self.rt = lab, lab.router
        self.upnpd = Upnpd(lab, backend, allow_disable_external_interface="no")
        self.prefix = []
        self.squatter = None
        self.after = contextlib.ExitStack()

    def check(self, **kw):
        """Run upnpctl check. Run it again if a tool timed out because the
        machine was busy, which is not what the tests are about."""
        if not self.upnpd.proc:
            self.upnpd.write_conf()
        for _ in range(5):
            found = Found(self.lab, self.upnpd, self.prefix, **kw)
            if not any("timed out" in one["text"] for one in found.all):
                break
        return found

    def shadow(self, script):
        """Run upnpctl with other mounts."""
        self.prefix = ["unshare", "-m", "sh", "-ec",
                       script + '\nexec "$@"', "sh"]


@pytest.fixture
def router(lab, backend):
    router = Router(lab, backend)
    with router.after:
        yield router
        if router.upnpd.running():
            router.upnpd.stop()


# ---- a healthy router -------------------------------------------------

def test_healthy(router):
    router.upnpd.start()
    found = router.check()
    assert found.bad() == set()
    assert [one["check"] for one in found.all] == list(CHECKS_IPV4)


@pytest.mark.parametrize("before", ("new", "stopped"))
def test_healthy_without_the_daemon(router, before):
    if before == "stopped":
        router.upnpd.start()
        router.upnpd.stop()
    assert router.check().bad() == {"daemon"}


@pytest.mark.lab(second_lan=True)
@pytest.mark.only("netlink")
def test_healthy_two_networks(router):
    router.upnpd.interfaces["lan1"] = "internal"
    router.upnpd.start()
    assert router.check().bad() == set()


@pytest.mark.lab(bridge=True)
@pytest.mark.only("netlink")
def test_healthy_bridge(router):
    router.upnpd.start()
    assert router.check().bad() == set()


def give_network(router):
    """Configure the networks of the hosts behind lan2."""
    router.upnpd.interfaces = {"wan0": "external", "lan0": [
        "type = internal", "network = 172.31.0.0/16"]}


@pytest.mark.lab(bridge=True, behind=True)
def test_healthy_behind_another_router(router):
    """The check follows packets of the clients behind that router as well. The
    lab's firewall translates all traffic that leaves."""
    give_network(router)
    router.upnpd.start()
    assert router.check().bad() == set()


@pytest.mark.only("netlink")
def test_rules_are_not_ok_without_a_network(router):
    """Nothing passes, so there is no packet to follow through the rules."""
    router.rt.ip_batch(f"address del {LAN_IP}/24 dev lan0")
    found = router.check()
    assert found.bad() == {"daemon", "interfaces"}
    assert not found.of("masquerade", "ok") + found.of("forward", "ok")


@pytest.mark.only("netlink")
def test_ip6_network_needs_no_ip4_rules(router):
    """Rules that accept or translate by IPv4 address say nothing about it."""
    router.upnpd.interfaces = {"wan0": "external", "lan0": [
        "type = internal", "network = fd00:1::/64"]}
    router.rt.run("nft", "-f", "-", stdin=f"""
flush ruleset
table ip t {{
    chain f {{
        type filter hook forward priority filter; policy drop
        ip daddr {LAN_IP}/24 accept
        ip saddr {LAN_IP}/24 accept
    }}
    chain n {{
        type nat hook postrouting priority srcnat
        ip saddr {LAN_IP}/24 masquerade
    }}
}}
""")
    router.upnpd.start()
    assert router.check().bad() == set()


@pytest.mark.lab(bridge=True, behind=True)
@pytest.mark.only("netlink")
def test_network_without_a_route_is_reported(router):
    give_network(router)
    router.upnpd.start()
    router.rt.ip_batch("route del 172.31.0.0/16")
    found = router.check()
    assert found.bad() == {"networks"}
    said, = found.of("networks", "warning")
    assert said.startswith("the route to the network 172.31.0.0/16 does not "
                           "use lan0: ")


def test_healthy_by_auto(router):
    router.upnpd.options["backend"] = "auto"
    router.upnpd.start()
    assert router.check().bad() == set()


def test_healthy_with_mappings(router):
    router.upnpd.start()
    igd = Igd(router.lab.lan1)
    for port in range(40000, 40020):
        igd.add(port, "TCP", port)
    assert router.check().bad() == set()


@pytest.mark.only("netlink")
def test_healthy_fw4_rules(router):
    """OpenWrt has one table, with all rules in chains behind jumps."""
    router.rt.run("nft", "-f", "-", stdin=FW4)
    router.upnpd.start()
    assert router.check().bad() == set()


FW4 = """\
flush ruleset
table inet fw4 {
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state vmap { established : accept, related : accept } \
comment "!fw4: Handle forwarded flows"
        iifname "lan0" jump forward_lan comment "!fw4: Handle lan traffic"
        iifname "wan0" jump forward_wan comment "!fw4: Handle wan traffic"
        jump handle_reject
    }
    chain handle_reject {
        meta l4proto tcp reject with tcp reset comment "!fw4: Reject TCP"
        reject with icmpx port-unreachable comment "!fw4: Reject any other"
    }
    chain forward_lan {
        oifname "wan0" counter accept
    }
    chain forward_wan {
        icmpv6 type { echo-request } limit rate 1000/second counter accept
        jump drop_from_wan
    }
    chain drop_from_wan {
        iifname "wan0" counter drop comment "!fw4: drop wan traffic"
    }
    chain srcnat {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "wan0" jump srcnat_wan comment "!fw4: Handle wan srcnat"
    }
    chain srcnat_wan {
        meta nfproto ipv4 masquerade comment "!fw4: Masquerade IPv4 wan"
    }
    chain mangle_forward {
        type filter hook forward priority mangle; policy accept;
        oifname "wan0" tcp flags & (fin | syn | rst) == syn \
tcp option maxseg size set rt mtu
    }
}
"""


@pytest.mark.only("netlink")
def test_ordinary_user_gets_partial_findings(router):
    """Without root, upnpctl checks what it may, and reports the checks that it
    could not make."""
    router.upnpd.options["state_dir"] = router.lab.path("state")
    router.upnpd.start()
    os.chmod(router.upnpd.conf, 0o644)
    found = router.check(user="daemon")
    assert found.bad() == {"firewalls", "mappings", "masquerade", "forward",
                           "input", "gateways"}
    assert found.of("backend", "ok") == ["upnpd uses netlink"]
    for name in "firewalls", "masquerade", "forward", "input":
        assert re.search("all( rules could)? be read: nf_tables: Operation "
                         "not permitted", *found.of(name, "warning"))
    router.upnpd.stop()
    found = router.check(user="daemon")
    assert found.bad() == {"backend", "daemon", "firewalls", "masquerade",
                           "forward", "mapped-ports", "input", "gateways"}
    assert "only root can find out" in found.of("backend", "warning")[0]


@pytest.mark.only("netlink")
def test_text_output_has_remedies(router):
    """Without --json each finding is one line, with the remedy below it. The
    last line has their numbers."""
    router.upnpd.write_conf()
    router.rt.sysctl("net.ipv4.ip_forward", 0)
    out = router.rt.run(ctl(router.lab), "-f", router.upnpd.conf, "check",
                        check=False)
    assert re.search(r"^ok +configuration +\S", out, re.M)
    assert re.search(r"^problem +forwarding +\S.*\n +-> sysctl -w "
                     r"net\.ipv4\.ip_forward=1", out, re.M)
    numbers = [len(re.findall(f"^{level} ", out, re.M)) for level in LEVELS]
    assert numbers[1:] == [1, 1]
    assert out.endswith(f"\n{numbers[0]} ok, 1 warning, 1 problem\n")


@pytest.mark.only("netlink")
def test_takes_no_arguments(router):
    router.upnpd.write_conf()
    out = router.rt.run("sh", "-c", '"$@"; echo "status $?"', "sh",
                        ctl(router.lab), "-f", router.upnpd.conf, "check",
                        "more")
    assert re.search("status 2$", out.strip()) and "more" in out


# ---- faults -----------------------------------------------------------

FAULTS = []


def fault(check, level, words, also=(), up=True, late=False):
    """Register a fault: @check reports it with @level and text @words, and the
    checks @also fail as well. @up: upnpd runs; @late: the fault is made after
    its start."""
    def note(make):
        FAULTS.append(pytest.param(check, level, words, set(also), up, late,
                                   make, id=make.__name__))
        return make
    return note


# Configuration, process, files.

@fault("configuration", "problem", "there is no configuration yet", up=False)
def no_file(router):
    router.upnpd.conf = router.lab.path("nowhere.conf")
    router.upnpd.write_conf = lambda: None


@fault("configuration", "problem", r"upnpd\.conf:\d+: http-port is \"many\"",
       up=False)
def wrong_file(router):
    router.upnpd.options["http_port"] = "many"


@fault("configuration", "problem", "not enabled", up=False)
def not_enabled(router):
    router.upnpd.options["enabled"] = "no"


@fault("configuration", "problem", "no external interface", up=False)
def no_external(router):
    router.upnpd.options["enabled"] = "no"
    router.upnpd.interfaces = {"lan0": "internal"}


@fault("daemon", "warning", "is not running", up=False)
def down(router):
    pass


@fault("daemon", "warning", "reads .*upnpd.conf")
def other_file(router):
    router.upnpd.start()
    with open(router.upnpd.conf) as f:
        text = f.read()
    router.upnpd.conf = router.lab.path("other.conf")
    with open(router.upnpd.conf, "w") as f:
        f.write(text)
    router.upnpd.start = lambda: None


@fault("access", "problem", "allow no client of the internal networks")
def nobody_allowed(router):
    router.upnpd.lines = ["allow 1024-65535 10.9.8.0/24 1024-65535"]


@fault("access", "problem", "allow no client of the internal networks")
def all_denied(router):
    router.upnpd.lines = ["deny 0-65535 192.168.0.0/16 0-65535",
                          "allow 1024-65535 192.168.88.0/24 1024-65535"]


@fault("dangers", "warning", "^secure-mode = no is dangerous")
def not_secure(router):
    router.upnpd.options["secure_mode"] = "no"


@fault("dangers", "warning", "^allow-disable-external-interface = yes is")
def external_may_be_disabled(router):
    router.upnpd.options["allow_disable_external_interface"] = "yes"


@fault("clock", "warning", "date of the configuration", late=True)
def clock_behind(router):
    later = time.time() + 86400
    os.utime(router.upnpd.conf, (later, later))


@fault("state-dir", "problem", "is missing: mappings are lost",
       late=True)
def state_removed(router):
    os.rename(router.upnpd.state, router.upnpd.state + ".away")
    router.after.callback(os.rename, router.upnpd.state + ".away",
                          router.upnpd.state)


@fault("state-dir", "problem", "so is its parent directory", up=False)
def state_parent_missing(router):
    router.upnpd.options["state_dir"] = router.lab.path("no", "state")


@fault("state-dir", "problem", "cannot be written by", late=True)
def state_not_writable(router):
    os.chown(router.upnpd.state, 0, 0)


@fault("state-dir", "problem", "belongs to root and has files", up=False)
def state_of_root(router):
    os.mkdir(router.upnpd.state)
    with open(os.path.join(router.upnpd.state, "passwd"), "w"):
        pass


@fault("state-dir", "problem", "not a directory", up=False)
def state_is_a_file(router):
    with open(router.upnpd.state, "w"):
        pass


@fault("state-dir", "problem", "read-only", up=False)
def state_read_only(router):
    os.mkdir(router.upnpd.state)
    router.shadow(f"mount -t tmpfs -o ro none {router.upnpd.state}")


@fault("state-dir", "problem", "is full", up=False)
def state_full(router):
    state = router.upnpd.state
    os.mkdir(state)
    router.shadow(f"mount -t tmpfs -o size=16k,uid={engine_uid()} "
                  f"none {state}\n"
                  f"head -c 99999 /dev/zero > {state}/x 2> /dev/null || :")


# Interfaces, addresses, routes.

@fault("interfaces", "problem", "no interface lan0", up=False)
def interface_missing(router):
    router.rt.ip_batch("link del lan0")


@fault("interfaces", "problem", "no interface wan0", up=False)
def external_missing(router):
    router.rt.ip_batch("link del wan0")


@fault("interfaces", "problem", "lan0 is down", late=True)
def interface_down(router):
    router.rt.ip_batch("link set lan0 down")


@fault("interfaces", "problem", "wan0 is down", also=["default-route"],
       late=True)
def external_down(router):
    router.rt.ip_batch("link set wan0 down")


@fault("interfaces", "problem", "wan0 has no carrier", late=True,
       also=["default-route"])
def no_carrier(router):
    router.rt.sysctl("net.ipv4.conf.all.ignore_routes_with_linkdown", 1)
    router.lab.outside.ip_batch("link set eth0 down")
    assert wait_until(lambda: "NO-CARRIER" in router.rt.run("ip", "link"))


@fault("interfaces", "problem", "lan0 has no IPv4 address", late=True)
def internal_without_address(router):
    router.rt.ip_batch("addr flush dev lan0")


@fault("interfaces", "problem", "no internal interface", up=False,
       also=["configuration"])
def no_internal(router):
    router.upnpd.options["enabled"] = "no"
    router.upnpd.interfaces = {"wan0": "external"}


@fault("networks", "problem", "same network", up=False)
def same_network(router):
    router.rt.ip_batch("addr add 192.168.0.1/16 dev wan0")


@fault("default-route", "problem", "uses wan0, which is configured as internal",
       also=["external-address"], up=False)
def roles_exchanged(router):
    router.upnpd.interfaces = {"wan0": "internal", "lan0": "external"}


@fault("default-route", "problem", "no route to the Internet", late=True)
def no_default_route(router):
    router.rt.ip_batch("route del default")


WAN9 = ("link add wan9 type veth peer name wan9peer",
        "addr add 198.51.100.2/24 dev wan9", "link set wan9 up",
        "link set wan9peer up")


@fault("default-route", "problem", "not configured, instead of wan0")
def another_way(router):
    router.rt.ip_batch(*WAN9, "route del default",
                       "route add default via 198.51.100.1")


@fault("default-route", "warning", "another route")
def preferred_way(router):
    router.rt.ip_batch(*WAN9, "route del default",
                       "route add default via 198.51.100.1 metric 5",
                       f"route add default via {OUT_IP} metric 9")


def external(router, ip):
    # a search for a NAT in front has a socket that comes and goes
    router.upnpd.options["ask_upstream"] = "no"
    router.rt.ip_batch("addr flush dev wan0", f"addr add {ip}/24 dev wan0",
                       f"route add default via {ip.rpartition('.')[0]}.250")


@fault("external-address", "problem", "wan0 has no IPv4 address", late=True,
       also=["default-route"])
def external_without_address(router):
    router.rt.ip_batch("addr flush dev wan0")


@fault("external-address", "warning", r"10\.1\.2\.3 is private")
def external_private(router):
    external(router, "10.1.2.3")


@fault("external-address", "problem", r"100\.64\.2\.3 is shared.*CGNAT")
def external_cgnat(router):
    external(router, "100.64.2.3")


@fault("external-address", "problem", r"169\.254\.2\.3 is link-local")
def external_link_local(router):
    external(router, "169.254.2.3")


@fault("external-address", "problem", "private-external-address = refuse")
def external_refused(router):
    external(router, "10.1.2.3")
    router.upnpd.options["private_external_address"] = "refuse"


# The kernel.

@fault("forwarding", "problem", "does not forward", late=True)
def forwarding_off(router):
    router.rt.sysctl("net.ipv4.ip_forward", 0)


@fault("forwarding", "problem", "packets from lan0", late=True)
def forwarding_off_for_one(router):
    router.rt.sysctl("net.ipv4.conf.lan0.forwarding", 0)


@fault("multicast", "problem", "multicast is off on lan0", up=False)
def multicast_off(router):
    router.rt.ip_batch("link set lan0 multicast off")


@fault("conntrack", "problem", "no connection tracking", up=False)
def no_conntrack(router):
    router.shadow("mount -t tmpfs none /proc/sys/net/netfilter\n"
                  "mkdir -p /lib/modules\n"
                  "mount -t tmpfs none /lib/modules\n"
                  "mkdir /lib/modules/$(uname -r)\n"
                  "echo kernel/x.ko: > /lib/modules/$(uname -r)/modules.dep")


@fault("conntrack", "warning", "no list of modules shows", up=False)
def conntrack_unknown(router):
    router.shadow("mount -t tmpfs none /proc/sys/net/netfilter\n"
                  "mkdir -p /lib/modules\n"
                  "mount -t tmpfs none /lib/modules")


@fault("conntrack", "warning", "number of flows .* cannot be read")
def conntrack_count_unknown(router):
    router.shadow("mount -t tmpfs none /proc/sys/net/netfilter\n"
                  "echo 100 > /proc/sys/net/netfilter/nf_conntrack_max")


@fault("forwarding", "warning", "does not show whether it forwards")
def forwarding_unknown(router):
    router.shadow("mount -t tmpfs none /proc/sys/net/ipv4")


@fault("multicast", "warning", "has an IGMP querier cannot be read")
def querier_unknown(router):
    router.shadow("mount -t tmpfs none /sys")


@fault("conntrack", "warning", "tracks 99 of at most 100")
def conntrack_full(router):
    router.shadow("mount -t tmpfs none /proc/sys/net/netfilter\n"
                  "cd /proc/sys/net/netfilter\n"
                  "echo 100 > nf_conntrack_max\n"
                  "echo 99 > nf_conntrack_count")


# Ports and neighbours.

def held(router, sock):
    router.after.callback(sock.close)


# Sets its own process name, because Python's depends on the version.
SQUATTER = """\
import socket, sys
open("/proc/self/comm", "w").write("squatter")
sock = socket.socket(socket.AF_INET, int(sys.argv[1]))
sock.bind(("", int(sys.argv[2])))
if sock.type == socket.SOCK_STREAM:
    sock.listen()
print("ready", flush=True)
sys.stdin.read()
"""


def squat(router, kind, port):
    """Another process uses the port until the test ends."""
    proc = subprocess.Popen(
        ["ip", "netns", "exec", router.rt.ns, sys.executable, "-c", SQUATTER,
         str(int(kind)), str(port)], text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE)
    router.after.callback(proc.communicate)
    assert proc.stdout.readline() == "ready\n"
    router.squatter = proc.pid


@fault("ports", "problem", r"^UDP port 1900 is taken by squatter \(process "
       r"SQUATTER\)", up=False)
def ssdp_taken(router):
    squat(router, socket.SOCK_DGRAM, 1900)


@fault("ports", "problem", r"^TCP port 2828 is taken by squatter \(process "
       r"SQUATTER\)", up=False)
def http_taken(router):
    squat(router, socket.SOCK_STREAM, 2828)


@fault("ports", "problem", r"^UDP port 5351 is taken by squatter \(process "
       r"SQUATTER\), at 192\.168\.88\.1: NAT-PMP and PCP cannot be "
       "served there",
       up=False)
def pmp_taken(router):
    squat(router, socket.SOCK_DGRAM, 5351)


@fault("configuration", "warning", "^upnp, nat-pmp and pcp are all no",
       up=False)
def no_protocol(router):
    for name in ("upnp", "nat_pmp", "pcp"):
        router.upnpd.options[name] = "no"
    router.upnpd.write_conf()


@fault("dangers", "warning", "^pcp-third-party has a whole internal network")
def third_party(router):
    router.upnpd.options["pcp_third_party"] = "192.168.0.0/16"


@fault("daemon", "warning", "is not running", up=False)
def ssdp_shared(router):
    """Not a fault: a media server that shares the port."""
    held(router, router.rt.socket(socket.SOCK_DGRAM, ("", 1900), reuse=True))


GATEWAY = ("HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\n"
           "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
           "USN: uuid:x::urn:schemas-upnp-org:device:"
           "InternetGatewayDevice:1\r\nEXT:\r\nSERVER: {}\r\n"
           "LOCATION: http://192.168.88.10:80/x.xml\r\n\r\n")


def another_gateway(router, host, server, joined):
    """A program on @host answers searches."""
    sock = host.socket(socket.SOCK_DGRAM, ("", 1900), reuse=True)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                    struct.pack("4s4s", socket.inet_aton("239.255.255.250"),
                                socket.inet_aton(joined)))
    sock.settimeout(0.1)
    ended = threading.Event()

    def serve():
        while not ended.is_set():
            try:
                data, peer = sock.recvfrom(2048)
            except OSError:
                continue
            if b"M-SEARCH" in data:
                for _ in range(2):      # one more than needed
                    sock.sendto(GATEWAY.format(server).encode("latin-1"),
                                peer)
    thread = threading.Thread(target=serve)
    thread.start()
    router.after.callback(sock.close)
    router.after.callback(thread.join)
    router.after.callback(ended.set)


@fault("mappings", "problem", r"^mapping tcp 80 of line \d+ is not in effect")
def mapping_that_no_line_allows(router):
    router.upnpd.lines += [f"mapping tcp 80 {HOST_IP}:80",
                           f"mapping tcp 8080 {HOST_IP}:8080"]


@fault("gateways", "warning", r"^another UPnP gateway answers at "
       r"192\.168\.88\.10 \(Other\?OS/1 Box/2\?\):")
def gateway_on_lan(router):
    another_gateway(router, router.lab.lan1, "Other\tOS/1 Box/2\xff",
                    HOST_IP)


@fault("gateways", "warning", r"at 192\.168\.88\.1, on this router "
       r"\(Debian miniupnpd/2\.3\)", up=False)
def gateway_here(router):
    another_gateway(router, router.rt, "Debian miniupnpd/2.3", LAN_IP)


# The firewall and its tools.

def hide(router, *tools):
    """Hide these tools from upnpctl."""
    router.shadow(f"for t in {' '.join(tools)}; do\n"
                  "mount --bind /dev/null $(readlink -f $(command -v $t))\n"
                  "done")


def no_tool_at_all(router):
    hide(router, "nft", "iptables-legacy", "iptables-nft")


@fault("backend", "problem", "backend = iptables-nft, but that tool",
       up=False)
def tool_missing(router):
    router.upnpd.options["backend"] = "iptables-nft"
    hide(router, "iptables-nft")


@fault("backend", "problem", "backend = memory", up=False)
def memory_only(router):
    router.upnpd.options["backend"] = "memory"


@fault("firewalls", "warning", "not all be read: iptables-nft-save -t "
       "filter: ", up=False,
       also=["forward", "mapped-ports", "input"])
def tool_fails(router):
    router.rt.run("iptables-nft", "-A", "FORWARD", "-m", "addrtype",
                  "--dst-type", "MULTICAST", "-j", "DROP")
    router.shadow("t=$(readlink -f $(command -v iptables-nft-save))\n"
                  "mount --bind /bin/false $t")


@fault("forward", "problem", "no chain absent in the nft table inet filter",
       up=False)
def no_such_chain(router):
    router.upnpd.options.update(nft_table="inet filter",
                                nft_forward_chain="absent")


@pytest.mark.only("netlink")
@pytest.mark.parametrize("check,level,words,also,up,late,make", FAULTS)
def test_fault_is_reported(router, check, level, words, also, up, late, make):
    if up and late:
        router.upnpd.start()
    make(router)
    if up and not late:
        router.upnpd.start()
    if not up:
        also = also | {"daemon"}
    words = words.replace("SQUATTER", str(router.squatter))
    for _ in range(5):
        found = router.check()
        if check != "gateways" or found.of(check, level):
            break       # check waits only 1.5 s for another gateway's answer
    assert any(re.search(words, text) for text in found.of(check, level))
    assert found.bad() - {check} == also - {check}


@pytest.mark.only("netlink")
def test_mapping_without_its_network_is_reported(router):
    """upnpd serves a suspended mapping, but it has no rule."""
    router.rt.ip_batch("address add 192.168.90.1/24 dev lan0")
    router.upnpd.lines = ["mapping tcp 8080 192.168.90.5:8080"]
    router.upnpd.start()
    assert router.check().of("mappings", "ok")
    router.rt.ip_batch("address del 192.168.90.1/24 dev lan0")
    assert wait_until(lambda: router.check().of("mappings", "problem") == [
        f"mapping tcp 8080 of line {line_of(router, 'mapping')} is suspended: "
        "192.168.90.5 is in no internal network"])


def line_of(router, text):
    lines = router.upnpd.conf_text().splitlines()
    return 1 + [line.startswith(text) for line in lines].index(True)


@pytest.mark.only("netlink")
def test_mapping_of_a_changed_line_is_reported(router):
    """The file was changed, and upnpd has not read it since."""
    line = f"mapping tcp 8080 {HOST_IP}:8080"
    router.upnpd.lines = [line]
    router.upnpd.start()
    router.upnpd.lines = []
    router.upnpd.write_conf()
    assert router.check().of("mappings", "warning") == [
        "mapping tcp 8080 is in effect, but no longer in the file"]
    router.upnpd.lines = [line + " disabled"]
    router.upnpd.write_conf()
    assert router.check().of("mappings", "problem") == [
        f"mapping tcp 8080 of line {line_of(router, 'mapping')} is not in "
        "effect"]


@pytest.mark.only("netlink")
@pytest.mark.parametrize("backend_key", ("auto", "netlink"))
def test_netlink_needs_no_tool(router, backend_key):
    """upnpd and the check read nf_tables from the kernel, so neither needs a
    firewall tool."""
    router.upnpd.options["backend"] = backend_key
    no_tool_at_all(router)
    found = router.check()
    assert found.bad() == {"daemon"}
    assert [one["check"] for one in found.all] == list(CHECKS_IPV4)
    assert "would use netlink" in found.of("backend", "ok")[0]
    assert "the rules in use are those of nft" in found.of("firewalls", "ok")[0]


@pytest.mark.only("netlink")
@pytest.mark.lab(bridge=True)
def test_bridge_without_querier_is_reported(router):
    router.rt.ip_batch("link set lan0 type bridge mcast_snooping 1")
    router.upnpd.start()
    found = router.check()
    assert found.bad() == {"multicast"}
    assert "sends no queries" in found.of("multicast", "warning")[0]
    router.rt.ip_batch("link set lan0 type bridge mcast_querier 1")
    assert router.check().bad() == set()


# ---- faults in the rules, by each tool --------------------------------

def change(router, nft, *ipt):
    """Change the router's own rules: @nft for nft, or the lines @ipt for
    iptables."""
    name = router.lab.firewall.name
    if name == "nft":
        router.rt.run("nft", "-f", "-", stdin=nft)
        return
    for line in ipt:
        router.rt.run(name, *line.split())


def no_masquerade(router):
    change(router, "flush chain ip nat postrouting",
           "-t nat -D POSTROUTING -o wan0 -j MASQUERADE")


@pytest.mark.parametrize("up", (True, False))
def test_missing_masquerade_is_reported(router, up):
    if up:
        router.upnpd.start()
    no_masquerade(router)
    found = router.check()
    assert found.bad() == {"masquerade"} | ({"daemon"} - {up and "daemon"})
    assert re.search(r"nothing translates 192\.168\.88\.0/24 \(lan0\)",
                     *found.of("masquerade", "problem"))


@pytest.mark.parametrize("nft,ipt", (
    ('ip saddr 172.17.0.0/16 masquerade', "-s 172.17.0.0/16 -j MASQUERADE"),
    ('oifname "tun0" masquerade', "-o tun0 -j MASQUERADE"),
    ('ip daddr 192.168.88.0/24 masquerade',
     "-d 192.168.88.0/24 -j MASQUERADE"),
    ('ip saddr != { 10.0.0.0/8, 192.168.0.0/16 } masquerade',
     "! -s 192.168.0.0/16 -j MASQUERADE"),
))
def test_masquerade_of_other_traffic_does_not_count(router, nft, ipt):
    no_masquerade(router)
    change(router, "add rule ip nat postrouting " + nft,
           "-t nat -A POSTROUTING " + ipt)
    assert router.check().bad() == {"daemon", "masquerade"}


@pytest.mark.parametrize("nft,ipt", (
    ('ip saddr 192.168.0.0/16 ip daddr != 192.168.0.0/16 masquerade',
     "-s 192.168.0.0/16 ! -d 192.168.0.0/16 -j MASQUERADE"),
    ('oifname { "tun0", "wan*" } counter snat to 11.22.33.1',
     "-o wan+ -m comment --comment x -j SNAT --to-source 11.22.33.1"),
))
def test_equivalent_masquerade_is_recognized(router, nft, ipt):
    no_masquerade(router)
    change(router, "add rule ip nat postrouting " + nft,
           "-t nat -A POSTROUTING " + ipt)
    assert router.check().bad() == {"daemon"}


def test_masquerade_by_upnpd(router):
    no_masquerade(router)
    router.upnpd.options["masquerade"] = "yes"
    router.upnpd.start()
    assert router.check().bad() == set()


@contextlib.contextmanager
def stopped(router):
    """upnpd repairs no rule, and waits for no firewall tool."""
    upnpd = router.upnpd
    settled(router.lab, upnpd)
    os.kill(upnpd.proc.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(upnpd.proc.pid, signal.SIGCONT)


def resync(router):
    """upnpd has seen all changes, also those of iptables-legacy, which causes
    no notices."""
    router.rt.run(ctl(router.lab), "-f", router.upnpd.conf, "resync")


def repaired(router):
    """The remedy helps."""
    resync(router)
    assert router.check().bad() == set()


def test_accept_behind_a_drop_is_reported(router):
    """Until upnpd has moved it."""
    router.upnpd.start()
    with stopped(router):
        change(router, 'insert rule inet filter forward iifname "wan0" drop',
               "-I FORWARD -i wan0 -j DROP")
        found = router.check()
        assert found.bad() == {"forward"}
        assert re.search("rule 1, which comes before upnpd's accept rule",
                         *found.of("forward", "problem"))
    repaired(router)


def test_removed_accept_is_reported(router):
    router.upnpd.start()
    with stopped(router):
        change(router, "flush chain inet filter forward", "-F FORWARD")
        found = router.check()
        assert found.bad() == {"forward"}
        assert re.search("which lacks upnpd's accept rule",
                         *found.of("forward", "problem"))
    repaired(router)


def test_accept_before_a_ban_is_reported(router):
    """The administrator has added a ban behind upnpd's accept."""
    router.upnpd.start()
    with stopped(router):
        change(router, "add rule inet filter forward ip saddr 198.51.100.0/24 "
               "drop", "-A FORWARD -s 198.51.100.0/24 -j DROP")
        found = router.check()
        assert found.bad() == {"forward"}
        assert re.search("bans between them have no effect",
                         *found.of("forward", "warning"))
    repaired(router)


@pytest.mark.parametrize("final", (False, True))
@pytest.mark.parametrize("up", (True, False))
def test_drop_in_another_tools_chain_is_well(router, backend, up, final):
    """The chain of another tool than the backend's drops packets, by its
    policy or by its last rule. upnpd accepts there as well."""
    if final:
        change(router, "add rule inet filter forward reject\n"
               "add chain inet filter forward { policy accept; }",
               "-P FORWARD ACCEPT", "-A FORWARD -j REJECT")
    nft = router.lab.firewall.name == "nft"
    router.upnpd.options["backend"] = "iptables-legacy" if nft else "netlink"
    if up:
        router.upnpd.start()
    assert router.check().bad() == {"daemon"} - {up and "daemon"}


TOOLS = ("nft", "iptables-nft", "iptables-legacy")


@pytest.mark.only("netlink")
@pytest.mark.parametrize("up", (True, False))
@pytest.mark.parametrize("others", (TOOLS[1:2], TOOLS[2:], TOOLS[1:]))
def test_several_firewalls_are_well(router, up, others):
    for tool in others:
        router.rt.run(tool, "-P", "FORWARD", "DROP")
        router.rt.run(tool, "-A", "FORWARD", "-i", "lan0", "-j", "ACCEPT")
        router.rt.run(tool, "-A", "FORWARD", "-m", "conntrack", "--ctstate",
                      "ESTABLISHED", "-j", "ACCEPT")
    if up:
        router.upnpd.start()
    found = router.check()
    assert found.bad() == {"daemon"} - {up and "daemon"}
    assert re.search(f"^{' and '.join(('nft', *others))} rules are in use: a "
                     "packet has to pass all of them, and upnpd opens ports "
                     "in each that drops$", *found.of("firewalls", "ok"))


def test_no_firewall_is_healthy(router):
    change(router, "flush chain inet filter forward\n"
           "add chain inet filter forward { policy accept; }",
           "-F FORWARD", "-P FORWARD ACCEPT")
    router.upnpd.start()
    assert router.check().bad() == set()


# ---- ports that are taken ---------------------------------------------

@pytest.mark.parametrize("up", (True, False))
def test_forward_of_the_administrator_is_reported(router, up):
    """The lab's firewall forwards 8022. The mapping is in the configuration,
    so upnpd knows it before it starts."""
    router.upnpd.lines = [f"mapping tcp 8022 {HOST_IP}:80",
                          "allow 1-65535 0.0.0.0/0 1-65535"]
    if up:
        router.upnpd.start()
    found = router.check()
    assert found.bad() - {"mappings"} == \
        {"mapped-ports"} | ({"daemon"} - {up and "daemon"})
    assert re.search(f"^tcp 8022 to {HOST_IP}:80 is overruled: that port is "
                     "forwarded by .*(prerouting|somebody.*), rule 1$",
                     *found.of("mapped-ports", "problem"))


def test_later_forward_is_reported(router):
    """A rule for the port of a client's mapping."""
    router.upnpd.start()
    Igd(router.lab.lan1).add(40000)
    assert router.check().bad() == set()
    change(router, "add rule ip nat prerouting tcp dport 40000 dnat to "
           f"{HOST_IP}:22", "-t nat -A PREROUTING -p tcp --dport 40000 -j "
           f"DNAT --to-destination {HOST_IP}:22")
    resync(router)
    found = router.check()
    assert found.bad() == {"mapped-ports"}
    assert re.search(f"^tcp 40000 to {HOST_IP}:40000 is overruled: that port "
                     "is forwarded by ", *found.of("mapped-ports", "problem"))


def test_forward_that_depends_is_reported(router):
    """A rule for marked packets: perhaps every port is taken."""
    change(router, "add rule ip nat prerouting meta l4proto tcp meta mark 5 "
           f"dnat to {HOST_IP}", "-t nat -A PREROUTING -p tcp -m mark --mark 5 "
           f"-j DNAT --to-destination {HOST_IP}")
    router.upnpd.lines = [f"mapping tcp 8080 {HOST_IP}:8080"]
    found = router.check()
    assert found.bad() == {"daemon", "forward", "mapped-ports"}
    assert re.search("^every TCP port is perhaps forwarded by ",
                     *found.of("forward", "problem"))
    assert re.search("^tcp 8080 to .* is overruled: that port is perhaps "
                     "forwarded, .* by ", *found.of("mapped-ports", "problem"))


def test_blocked_port_is_reported(router):
    """A rule drops the packets of one mapping. Bans of some hosts are well."""
    router.upnpd.start()
    igd = Igd(router.lab.lan1)
    igd.add(40000, int_port=8000)
    igd.add(40001, int_port=8001)
    change(router, "insert rule inet filter forward tcp dport 8000 drop\n"
           "insert rule inet filter forward ip saddr 198.51.100.0/24 drop",
           "-I FORWARD -p tcp --dport 8000 -j DROP",
           "-I FORWARD -s 198.51.100.0/24 -j DROP")
    resync(router)
    found = router.check()
    assert found.bad() == {"mapped-ports"}
    assert re.search(f"^tcp 40000 to {HOST_IP}:8000 is (blocked|overruled): ",
                     *found.of("mapped-ports", "problem"))


@pytest.mark.only("netlink")
@pytest.mark.parametrize("up", (True, False))
def test_served_port_is_reported(router, up):
    """A program of the router serves the port of a mapping."""
    router.upnpd.lines = [f"mapping tcp 8080 {HOST_IP}:8080"]
    if up:
        router.upnpd.start()
        assert router.check().bad() == set()
    squat(router, socket.SOCK_STREAM, 8080)
    if up:
        resync(router)
    found = router.check()
    assert found.bad() - {"mappings"} == \
        {"mapped-ports"} | ({"daemon"} - {up and "daemon"})
    assert re.search(f"is overruled: squatter \\(process {router.squatter}\\) "
                     "serves that port of the router$",
                     *found.of("mapped-ports", "problem"))


# ---- tables that upnpd cannot write into ------------------------------

OWNED = """\
table inet owned { flags owner; chain forward { type filter hook forward \
priority filter; policy drop; ct state established accept; \
iifname "lan0" accept; }; }
"""


@pytest.mark.only("netlink")
@pytest.mark.parametrize("up", (True, False))
def test_table_of_another_process_is_reported(router, up):
    if up:
        router.upnpd.start()
    nft = subprocess.Popen(
        ["ip", "netns", "exec", router.rt.ns, "nft", "-i"], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    router.after.callback(nft.communicate)
    nft.stdin.write(OWNED)
    nft.stdin.flush()
    assert wait_until(lambda: "owned" in router.rt.run("nft", "list",
                                                       "tables"))
    found = router.check()
    assert found.bad() - {"daemon"} == {"forward"}
    assert re.search("^the nft chain inet owned forward drops packets to open "
                     rf"ports, and only its owner, nft \(process {nft.pid}\), "
                     "may change it$", *found.of("forward", "problem"))


@pytest.mark.only("netlink")
def test_owned_table_that_accepts_is_well(router):
    nft = subprocess.Popen(
        ["ip", "netns", "exec", router.rt.ns, "nft", "-i"], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    router.after.callback(nft.communicate)
    nft.stdin.write(OWNED.replace("ct state established accept",
                                  "ct state established accept; "
                                  "ct status dnat accept"))
    nft.stdin.flush()
    assert wait_until(lambda: "owned" in router.rt.run("nft", "list",
                                                       "tables"))
    assert router.check().bad() == {"daemon"}


# ---- the router's own firewall ----------------------------------------

def remedy(found, name):
    text, = [one["remedy"] for one in found.all
             if one["check"] == name and one["level"] != "ok"]
    return text


def closed(router, output):
    """The router's own firewall drops what is not an answer."""
    if output:
        change(router, "add chain inet filter output { type filter hook "
               "output priority filter; policy drop; }\n"
               "add rule inet filter output oif lo accept",
               "-P OUTPUT DROP", "-A OUTPUT -o lo -j ACCEPT")
        return
    change(router, "add chain inet filter input { policy drop; }\n"
           "add rule inet filter input iif lo accept\n"
           "add rule inet filter input ct state established accept",
           "-P INPUT DROP", "-A INPUT -i lo -j ACCEPT",
           "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT")


def found_by(host):
    """Does a client find the gateway, and get an answer from it?"""
    if not search(host, IGD1, wait=2):
        return False
    try:
        return http(host, "GET", "/none", timeout=1).status == 404
    except OSError:
        return False


def has_nat_pmp(host):
    """Does a client get the external address by NAT-PMP?"""
    with host.socket(socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.5)
        sock.connect((LAN_IP, 5351))

        def answered():
            try:
                sock.send(b"\0\0")
                return sock.recv(64).startswith(b"\0\x80\0\0")
            except OSError:
                return False
        return wait_until(answered, timeout=3)


@pytest.mark.only("netlink")
@pytest.mark.parametrize("off", ("", "upnp", "nat_pmp", "pcp"))
def test_router_that_drops_nat_pmp_and_pcp(router, off):
    """SSDP and HTTP are let in, UDP port 5351 is not."""
    if off:
        router.upnpd.options[off] = "no"
    router.upnpd.start(wait=False)
    assert router.upnpd.wait_log("serving on .*UDP port 5351")
    closed(router, False)
    change(router, "insert rule inet filter input udp dport 1900 accept\n"
           "insert rule inet filter input tcp dport 2828 accept")
    found = router.check()
    assert found.bad() == {"input"}
    names = {"nat_pmp": "PCP", "pcp": "NAT-PMP"}.get(off, "NAT-PMP and PCP")
    assert found.of("input", "problem")[0].startswith(
        f"UDP port 5351 ({names}) from lan0: dropped by ")
    assert not has_nat_pmp(router.lab.lan1)
    router.rt.run("sh", "-ec", remedy(found, "input"))
    assert router.check().bad() == set()
    assert has_nat_pmp(router.lab.lan1) == (off != "nat_pmp")


@pytest.mark.only("netlink")
def test_protocols_that_are_off_need_no_port(router):
    """Neither the router's firewall nor another program matters to them."""
    router.upnpd.options["upnp"] = "no"
    squat(router, socket.SOCK_STREAM, 2828)
    router.upnpd.start(wait=False)
    assert router.upnpd.wait_log("serving on UDP port 5351")
    closed(router, False)
    change(router, "insert rule inet filter input udp dport 5351 accept")
    found = router.check()
    assert found.bad() == set()
    assert found.of("ports", "ok") == ["UDP port 5351 is free or upnpd's"]
    assert found.of("input", "ok") == [
        "the router's firewall lets in UDP port 5351 from the internal "
        "networks, and the answers out"]


@pytest.mark.parametrize("output", (False, True))
def test_closed_router_is_reported(router, output):
    """The remedy is a command that lets clients in."""
    router.upnpd.start()
    closed(router, output)
    assert not found_by(router.lab.lan1)
    found = router.check()
    # the search for other gateways leaves by another port than upnpd's
    also = {"gateways"} if output else set()
    assert found.bad() == {"input"} | also
    text, = found.of("input", "problem")
    assert text.startswith(
        "UDP from port 1900 (announcements), TCP from port 2828 (answers), "
        "TCP (events) and UDP from port 5351 (NAT-PMP and PCP) to lan0: "
        "dropped by " if output else
        "UDP port 1900 (searches), TCP port 2828 (requests) and UDP port 5351 "
        "(NAT-PMP and PCP) from lan0: dropped by ")
    router.rt.run("sh", "-ec", remedy(found, "input"))
    assert router.check().bad() == also
    assert found_by(router.lab.lan1)
    assert has_nat_pmp(router.lab.lan1)


@pytest.mark.only("netlink")
@pytest.mark.parametrize("up", (True, False))
def test_input_of_another_side_is_well(router, up):
    """The router's firewall drops what arrives from the Internet."""
    change(router, 'add rule inet filter input iifname "wan0" ct state new '
           "drop")
    if up:
        router.upnpd.start()
    assert router.check().bad() == {"daemon"} - {up and "daemon"}


@pytest.mark.only("netlink")
def test_input_of_a_port_that_the_kernel_chose(router):
    """With http-port = 0 the rule must be for the daemon's port of now, and
    the setting must change."""
    router.upnpd.options["http_port"] = 0
    router.upnpd.start(wait=False)
    assert router.upnpd.wait_log("serving on port")
    change(router, "add chain inet filter input { policy drop; }\n"
           "add rule inet filter input ct state established accept\n"
           "add rule inet filter input udp dport 1900 accept\n"
           "add rule inet filter input tcp dport 2828 accept")
    found = router.check()
    assert found.bad() == {"input"}
    assert not re.search("TCP port (0|2828) ", *found.of("input", "problem"))
    assert remedy(found, "input").startswith("upnpctl set http-port=2828; nft")


OPENWRT = """
flush ruleset
table inet fw4 {
    chain input {
        type filter hook input priority filter; policy drop;
        iif "lo" accept
        ct state vmap { established : accept, related : accept }
        iifname "lan0" jump input_guest
        iifname "wan0" jump input_wan
        jump handle_reject
    }
    chain input_guest { jump reject_from_guest; }
    chain input_wan { jump reject_from_wan; }
    chain reject_from_guest { iifname "lan0" counter jump handle_reject; }
    chain reject_from_wan { iifname "wan0" counter jump handle_reject; }
    chain handle_reject {
        meta l4proto tcp reject with tcp reset
        reject
    }
}
"""


@pytest.mark.only("netlink")
def test_openwrt_that_closes_the_router(router):
    """The network is in a zone whose input is REJECT."""
    router.upnpd.options["masquerade"] = "yes"
    router.upnpd.start()
    router.rt.run("nft", "-f", "-", stdin=OPENWRT)
    found = router.check()
    assert found.bad() == {"input"}
    assert re.search("(reject_from_guest|handle_reject), rule ",
                     *found.of("input", "problem"))
    assert "[-1].src=guest; " in remedy(found, "input")


@pytest.mark.only("netlink")
def test_gateway_is_seen_before_the_firewall(router):
    """The router's firewall drops its answer, because it is of no flow."""
    router.upnpd.start()
    change(router, "add chain inet filter input { policy drop; }\n"
           "add rule inet filter input ct state established accept\n"
           "add rule inet filter input udp dport 1900 accept\n"
           "add rule inet filter input udp dport 5351 accept\n"
           "add rule inet filter input tcp dport 2828 accept")
    assert router.check().bad() == set()
    another_gateway(router, router.lab.lan1, "OS/1 Box/2", HOST_IP)
    for _ in range(5):
        found = router.check()
        if found.bad():
            break
    assert found.bad() == {"gateways"}


# ---- firewall programs ------------------------------------------------

def ufw(box):
    box.ufw("--force", "enable")
    yield (r"^ufw allow in on lan0 proto tcp to any port 2828; "
           r"ufw allow in on lan0 proto udp to any port 5351$")


def firewalld(box):
    box.start()
    box.cmd("--permanent", "--zone=external", "--add-interface=wan0")
    box.cmd("--permanent", "--zone=internal", "--add-interface=lan0")
    box.reload()
    yield (r"^firewall-cmd --permanent --zone=internal "
           r"--add-port=1900/udp --add-port=2828/tcp --add-port=5351/udp; "
           r"firewall-cmd --reload$")


def shorewall(box):
    box.FILES = box.FILES | {
        "policy": "loc net ACCEPT\n$FW all ACCEPT\nnet all DROP\n"
                  "all all REJECT\n"}
    box.start()
    yield r"^echo 'ACCEPT loc \$FW udp 1900' >> /etc/shorewall/rules; "


@pytest.mark.only("netlink")
@pytest.mark.parametrize("kind,variant,start", (
    (Ufw, "nft", ufw), (Ufw, "legacy", ufw), (Firewalld, "nft", firewalld),
    (Shorewall, "nft", shorewall), (Shorewall, "legacy", shorewall)))
def test_program_that_closes_the_router(router, kind, variant, start):
    """check knows the program, and its command helps."""
    router.rt.run("nft", "flush", "ruleset")
    router.rt.run("nft", "-f", "-", stdin=MASQUERADE)
    router.upnpd.start()
    with kind(router.lab, variant) as box:
        expected, = start(box)
        resync(router)
        assert not found_by(router.lab.lan1)
        found = router.check()
        assert found.bad() == {"input"}
        text = remedy(found, "input")
        assert re.search(expected, text)
        print(box.run("sh", "-ec", text))
        resync(router)
        assert router.check().bad() == set()
        assert found_by(router.lab.lan1)


# ---- without the tools ------------------------------------------------

def _fw4(router):
    router.rt.run("nft", "-f", "-", stdin=FW4)


def _drop_all(router):
    router.rt.run("nft", "-f", "-", stdin="table inet early { chain early { "
                  "type filter hook prerouting priority raw; "
                  'iifname "wan0" meta l4proto { tcp, udp } drop; }; }')


def _masquerade(rule):
    def make(router):
        no_masquerade(router)
        router.rt.run("nft", "-f", "-", stdin="add set ip nat inside { type "
                      "ipv4_addr; flags interval; elements = { "
                      "192.168.0.0/16 }; }\n"
                      f"add rule ip nat postrouting {rule}")
    return make


def _input(*rules):
    def make(router):
        text = "add chain inet filter input { policy drop; }\n"
        for rule in rules:
            text += f"add rule inet filter input {rule}\n"
        router.rt.run("nft", "-f", "-", stdin=text)
    return make


@pytest.mark.only("netlink")
@pytest.mark.parametrize("make,bad", (
    (lambda router: None, set()),
    (lambda router: router.upnpd.start(), set()),
    (_fw4, set()),
    (no_masquerade, {"masquerade"}),
    (no_such_chain, {"forward"}),
    (_drop_all, {"forward"}),
    (_masquerade('ip saddr @inside oifname "wan*" masquerade'), set()),
    (_masquerade("ip saddr != @inside masquerade"), {"masquerade"}),
    (_masquerade('meta protocol ip oif "wan0" masquerade'), set()),
    (_masquerade("ct state established masquerade"), {"masquerade"}),
    (_masquerade("meta mark 5 masquerade"), {"masquerade"}),
    (_input(), {"input"}),
    (_input("ip protocol udp accept", "tcp dport 80 accept"), {"input"}),
    (_input('iifname { "lan0", "lan1" } accept'), set()),
    (_input("ip protocol . th dport vmap { udp . 1900 : accept, "
            "tcp . 2828 : accept, udp . 5351 : accept }"), set()),
    (_input("udp dport 1900 ip daddr 239.0.0.0/8 accept",
            "udp dport 5351 ip saddr 192.168.88.0/24 accept",
            "tcp dport { 2000-3000 } ip saddr 192.168.0.0/16 accept"), set()),
    (_input("ip saddr 192.168.88.10 accept"), {"input"}),
    (_input("iifname wan0 accept"), {"input"}),
))
def test_findings_are_the_same_without_nft(router, make, bad):
    """The findings with and without nft installed are identical."""
    make(router)
    if not router.upnpd.proc:
        bad = bad | {"daemon"}
    hide(router, "nft")
    without = router.check()
    router.prefix = []
    assert without.all == router.check().all
    assert without.bad() - {"backend"} == bad


@pytest.mark.only("netlink")
@pytest.mark.parametrize("tools", (True, False))
def test_chain_with_a_name_of_iptables(router, tools):
    """nft made a chain of iptables' name, which iptables-nft-save does not
    list. upnpd accepts there as in any chain of nft."""
    router.rt.run("nft", "-f", "-", stdin="table ip filter { chain FORWARD { "
                  "type filter hook forward priority filter; policy drop; "
                  "fib daddr type local drop; }; }\n")
    if not tools:
        no_tool_at_all(router)
    assert router.check().bad() == {"daemon"}


@pytest.mark.only("iptables-nft", "iptables-legacy")
def test_unlisted_rules_are_not_ok(router, backend):
    """No installed tool can list the rules, so the forward check must not
    report "ok"."""
    router.upnpd.options["backend"] = "netlink"
    no_tool_at_all(router)
    found = router.check()
    assert "firewalls" in found.bad()
    assert re.search("not all be read: the matches of iptables in table "
                     "filter are unknown$" if backend == "iptables-nft" else
                     f"not all be read: table nat of {backend} cannot be "
                     "listed$", *found.of("firewalls", "warning"))
    assert {"forward", "input"} <= found.bad()
