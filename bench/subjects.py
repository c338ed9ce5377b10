# SPDX-License-Identifier: ISC
"""What is measured, every one in a separate lab: upnpd with each backend, both
builds of Debian's miniupnpd (the peer), and floors, which do only what any
program must do."""
import contextlib
import glob
import os
import re
import signal
import socket
import struct
import subprocess

from daemon import ROOT, UPNPD, Daemon, Upnpd
from firewall import FIREWALLS, Bare
from lab import (EXT_IP, HOST6_IP, HOST_IP, LAN6_IP, LAN_IP, OUT_IP, Lab,
                 inside, run, wait_until)
from upnp import FIREWALL, WANIP, UpnpError, Igd, http, search

BUILD = os.path.join(ROOT, "build")
LUA = os.path.join(ROOT, "bench", "load.lua")
STATIC = os.path.join(BUILD, "static", "upnpd")
FILL_PORT = 2000        # first UDP port of the mappings in place
ADD_PORT = 40000        # first TCP port of those that are added and deleted
ROOM, ROOM6 = 60000, 16384      # the most mappings and pinholes of upnpd
FLOWS = 20032           # new flows of a measurement
REPLY = 540             # bytes of upnpd's answer to GetExternalIPAddress


class Failed(Exception):
    """Why there is no value."""


def pairs(text):
    """{name: number}, from a line of "name value" pairs"""
    words = text.split()
    return dict(zip(words[::2], map(float, words[1::2])))


def cpu_s(pids):
    """Processor time of processes, and of the children they waited for."""
    spent = 0
    for pid in pids:
        with open(f"/proc/{pid}/schedstat") as f:
            spent += int(f.read().split()[0]) / 1e9
        with open(f"/proc/{pid}/stat") as f:
            after = f.read().rpartition(")")[2].split()
        spent += (int(after[13]) + int(after[14])) / os.sysconf("SC_CLK_TCK")
    return spent


def resident_kb(pids):
    """(all, of it unchanged pages of the program's file): resident memory of
    processes that were forked from each other. A page that several of them
    share is counted once. The kernel drops pages of a file when memory is
    short, and reads them again."""
    private, shared, clean, of_map = 0, {}, {}, 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps") as f:
            for line in f:
                if head := re.match(r"([0-9a-f]+)-[0-9a-f]+ (.*)", line):
                    at, of_map, is_file = head[1], 0, " /" in head[2]
                elif m := re.match(r"Private_\w+: +(\d+) kB", line):
                    private += int(m[1])
                elif m := re.match(r"Shared_(\w+): +(\d+) kB", line):
                    of_map += int(m[2])
                    shared[at] = max(shared.get(at, 0), of_map)
                    if is_file and m[1] == "Clean":
                        clean[at] = max(clean.get(at, 0), int(m[2]))
    return private + sum(shared.values()), sum(clean.values())


class Subject:
    """A daemon in a lab. Use it as a context manager.

    @n: mappings in place, or pinholes if @ipv6"""
    root6 = "/igd2.xml"
    at_once = 50        # requests that are not measured

    def __init__(self, name, firewall, n=0, ipv6=False):
        self.name, self.n, self.ipv6 = name, n, ipv6
        self.lab = Lab(firewall, ipv6=ipv6)
        self.daemon = self.url = self.path = None

    def __enter__(self):
        self.lab.__enter__()
        try:
            self.make()
            self.daemon.start()
            self.find()
            self.fill()
        except BaseException:
            self.lab.close()
            raise
        return self

    def __exit__(self, *exc):
        self.daemon.stop()
        self.lab.close()

    @property
    def at(self):
        return LAN6_IP if self.ipv6 else LAN_IP

    def igd(self, **kw):
        return Igd(self.lab.lan1, port=self.daemon.port, path=self.path, **kw)

    def find(self):
        if self.ipv6:
            self.path = self.root6
            text = http(self.lab.lan1, "GET", self.path, ip=self.at,
                        port=self.daemon.port).body.decode()
            self.url = re.search(f"{FIREWALL}<.*?<controlURL>(.*?)<", text,
                                 re.S)[1]
            return
        found = search(self.lab.lan1, "upnp:rootdevice")[0]["LOCATION"]
        self.path = "/" + found.split("/", 3)[3]
        self.url = self.igd().urls[WANIP]

    def load(self, what, at_once=1, first=0, n=0, seconds=1, protocol="TCP"):
        """Run wrk with load.lua. Return {name: number} of its line."""
        host = f"[{self.at}]" if self.ipv6 else self.at
        out = self.lab.lan1.run(
            "wrk", "-t1", f"-c{at_once}", f"-d{seconds}s", "--timeout", "10s",
            "-s", LUA, f"http://{host}:{self.daemon.port}", "--", what,
            self.path if what == "get" else self.url,
            HOST6_IP if self.ipv6 else HOST_IP, str(first), str(n), protocol,
            timeout=seconds + 30)
        return pairs(re.search("^rate .*", out, re.M)[0])

    def datagrams(self, what, n, at_once=1):
        return pairs(self.lab.lan1.run(
            os.path.join(BUILD, "traffic"), what, LAN_IP, str(ADD_PORT),
            str(n), str(at_once)))

    def fill(self):
        """Make the mappings or pinholes, in as many seconds as it takes."""
        seconds = 1 + self.n // 4000
        while self.n and not self.is_full():
            if seconds > 100:
                raise Failed(f"{self.n} could not be made")
            self.load("pinhole" if self.ipv6 else "add", min(100, self.n),
                      FILL_PORT, self.n, seconds, "UDP")
            seconds *= 2

    def has(self, port):
        with contextlib.suppress(UpnpError):
            return bool(self.igd().specific(port))

    def is_full(self):
        """Does the last one let a datagram through?"""
        with contextlib.suppress(Failed):
            return self.flows(64) > 0

    def flows(self, n=FLOWS, what="flows"):
        """New flows through the last mapping or pinhole, or packets of one."""
        return self.traffic(HOST6_IP if self.ipv6 else EXT_IP,
                            FILL_PORT + self.n - 1, n, what)

    def traffic(self, to, port, n, what):
        done = pairs(run(os.path.join(BUILD, "traffic"), what,
                         self.lab.outside.ns, self.lab.lan1.ns, OUT_IP, to,
                         str(port), str(n)))
        self.lab.router.run("conntrack", "-F", check=False)
        if done["errors"]:
            raise Failed(f"{done['errors']:.0f} datagrams were lost")
        return done["rate"]

    def pids(self):
        return list(self.processes().values())

    def cpu_s(self):
        return cpu_s(self.pids())

    def memory_kb(self):
        return resident_kb(self.pids())


class Ours(Subject):
    def __init__(self, backend, n=0, ipv6=False, binary=UPNPD, room=ROOM):
        super().__init__(backend, FIREWALLS[backend](), n, ipv6)
        self.backend, self.binary, self.room = backend, binary, room

    def make(self):
        self.daemon = Upnpd(self.lab, self.backend, max_mappings=self.room,
                            max_mappings_per_client=self.room,
                            max_pinholes=min(self.room, ROOM6),
                            # many of them run beside what is measured
                            verify_interval=3600)
        self.daemon.binary = self.binary

    def processes(self):
        return self.daemon.pids()


# ---- the peer --------------------------------------------------------------

CONF = """\
ext_ifname=wan0
listening_ip=lan0
http_port=5555
enable_natpmp=yes
enable_upnp=yes
secure_mode=yes
system_uptime=no
notify_interval=900
clean_ruleset_interval=600
force_igd_desc_v1=yes
uuid=00000000-0000-4000-8000-000000000001
allow 1024-65535 192.168.88.0/24 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
"""

# The chains that each build needs, as its own script makes them.
NFT_CHAINS = """\
table inet filter {
    chain miniupnpd { }
    chain prerouting_miniupnpd { }
    chain postrouting_miniupnpd { }
    chain upnp_pre {
        type nat hook prerouting priority dstnat; policy accept;
        jump prerouting_miniupnpd
    }
    chain upnp_post {
        type nat hook postrouting priority srcnat; policy accept;
        jump postrouting_miniupnpd
    }
}
insert rule inet filter forward jump miniupnpd
"""
NFT_FLUSH = "".join(f"flush chain inet filter {chain}\n" for chain in (
    "miniupnpd", "prerouting_miniupnpd", "postrouting_miniupnpd"))
IPTABLES_CHAINS = """\
*nat
:MINIUPNPD - [0:0]
:MINIUPNPD-POSTROUTING - [0:0]
-A PREROUTING -i wan0 -j MINIUPNPD
-A POSTROUTING -o wan0 -j MINIUPNPD-POSTROUTING
COMMIT
*mangle
:MINIUPNPD - [0:0]
-A PREROUTING -i wan0 -j MINIUPNPD
COMMIT
*filter
:MINIUPNPD - [0:0]
-I FORWARD -i wan0 ! -o wan0 -j MINIUPNPD
COMMIT
"""
IPTABLES_FLUSH = """\
*nat
-F MINIUPNPD
-F MINIUPNPD-POSTROUTING
COMMIT
*filter
-F MINIUPNPD
COMMIT
"""
# package -> the lab's firewall, the tool of its rules, chains, flush
PEERS = {
    "miniupnpd-nftables": ("netlink", ("nft", "-f", "-"), NFT_CHAINS,
                           NFT_FLUSH),
    "miniupnpd-iptables": ("iptables-legacy",
                           ("iptables-legacy-restore", "--noflush"),
                           IPTABLES_CHAINS, IPTABLES_FLUSH),
}
FOLDER = os.path.join(BUILD, "peer")


def binary_of(build):
    return os.path.join(FOLDER, build, "usr", "sbin", "miniupnpd")


def fetch():
    """Download and unpack both builds, unless that is done. They are not
    installed: they conflict, and would start services."""
    os.makedirs(FOLDER, exist_ok=True)
    for build in PEERS:
        if os.access(binary_of(build), os.X_OK):
            continue
        done = subprocess.run(
            ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download",
             build], cwd=FOLDER, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        files = glob.glob(os.path.join(FOLDER, build + "_*.deb"))
        if not files:
            raise SystemExit(f"bench: apt-get cannot download {build}: "
                             + done.stdout)
        run("dpkg-deb", "-x", files[0], os.path.join(FOLDER, build))


def version_of(build):
    return run(binary_of(build), "--version", check=False).splitlines()[0]


class Miniupnpd(Daemon):
    port = 5555

    def __init__(self, lab, build, leases):
        super().__init__(lab)
        self.build = build
        _, self.tool, self.chains, self.flush = PEERS[build]
        self.pidfile = lab.path("miniupnpd.pid")
        self.leases, self.files = leases, lab.path("miniupnpd.leases")
        self.feed(self.chains)

    def feed(self, text):
        self.lab.router.run(*self.tool, stdin=text, timeout=300)

    def start(self, wait=True, prefix=()):
        """Its lease file is read at the start, which takes less time than to
        ask for the mappings."""
        conf = self.lab.path("miniupnpd.conf")
        with open(conf, "w") as f:
            f.write(CONF + (f"lease_file={self.files}\n" * (self.leases > 0)))
        with open(self.files, "w") as f:
            for p in range(FILL_PORT, FILL_PORT + self.leases):
                f.write(f"UDP:{p}:{HOST_IP}:{p}:0:load\n")
        # not with -d, which would also measure its debugging output
        self.spawn([*prefix, binary_of(self.build), "-f", conf, "-P",
                    self.pidfile])
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=60):
        assert wait_until(self.serves, timeout), self.log()

    def pid(self):
        with open(self.pidfile) as f:
            return int(f.read())

    def stop(self):
        """Stop it and empty its chains, as its service does."""
        try:
            pid = self.pid()
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 10)
        except (OSError, ValueError):
            pass                # it has exited
        self.proc.wait()
        self.feed(self.flush)


class Peer(Subject):
    at_once = 1         # its queue is short

    def __init__(self, build, n=0, ipv6=False):
        super().__init__(build, FIREWALLS[PEERS[build][0]](), n, ipv6)

    def make(self):
        self.daemon = Miniupnpd(self.lab, self.name,
                                0 if self.ipv6 else self.n)

    def fill(self):
        """start() did, or there are too few to matter."""

    def processes(self):
        return {"miniupnpd": self.daemon.pid()}


# ---- floors ----------------------------------------------------------------

MAP = "table ip m { map m { type inet_proto . inet_service : " \
    "ipv4_addr . inet_service; }; }\n"


class Floor(Subject):
    """floor.c in such a lab. @changes: each request is a transaction, which
    the other process makes"""

    def __init__(self, changes=False):
        super().__init__("floor", FIREWALLS["netlink"]())
        self.url = self.path = "/"
        self.map = ["m"] * changes

    def make(self):
        argv = [os.path.join(BUILD, "floor"), LAN_IP, str(Daemon.port), "5351",
                str(REPLY), *self.map]

        class Server(Daemon):
            def start(self):
                self.spawn(argv)
                self.wait_ready()
        if self.map:
            self.lab.router.run("nft", "-f", "-", stdin=MAP)
        self.daemon = Server(self.lab)

    def find(self):
        """It has no paths."""

    def processes(self):
        pid = self.daemon.proc.pid
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return {"monitor": pid, "engine": int(f.read())}


class Flows:
    """A router that forwards datagrams without a daemon. @rules: of nft, with
    the words PORT, HOST and HOST6; @to: where new flows go, if not to the
    external address."""
    name = "floor"

    def __init__(self, firewall, rules, ipv6=False, to=None):
        self.lab, self.rules, self.ipv6 = Lab(firewall, ipv6=ipv6), rules, ipv6
        self.to = HOST6_IP if ipv6 else to or EXT_IP

    def __enter__(self):
        self.lab.__enter__()
        self.lab.outside.run("ip", "route", "add", "192.168.88.0/24", "via",
                             EXT_IP)
        self.lab.router.run(
            "nft", "-f", "-", stdin=self.rules.replace("PORT", str(FILL_PORT))
            .replace("HOST6", HOST6_IP).replace("HOST", HOST_IP))
        return self

    def __exit__(self, *exc):
        self.lab.close()

    flows_of = Subject.traffic

    def flows(self, n=FLOWS, what="flows"):
        return self.flows_of(self.to, FILL_PORT, n, what)


TRACK = "table inet t { chain c { type filter hook forward priority 0; " \
    "ct state invalid drop; }; }\n"
DNAT = "table ip d { chain c { type nat hook prerouting priority 0; " \
    "udp dport PORT dnat to HOST:PORT; }; }\n"
FORWARD = 'add rule ip nat prerouting iifname "wan0" udp dport PORT dnat to ' \
    "HOST:PORT\nadd rule inet filter forward ct status dnat accept\n"
FORWARD6 = 'add rule inet filter forward iifname "wan0" ip6 daddr HOST6 ' \
    "udp dport PORT accept\n"


def forwarder(ipv6):
    """The lab's firewall, with one rule of the administrator that forwards the
    port, or opens it: what the kernel needs at least for such a flow."""
    return Flows(FIREWALLS["netlink"](), FORWARD6 if ipv6 else FORWARD, ipv6)


def tracker(ipv6):
    """Connection tracking, and no other rule."""
    return Flows(Bare(), TRACK, ipv6, HOST_IP)


def translator():
    """One rule for NAT, and no firewall."""
    return Flows(Bare(), DNAT)


class Kernel:
    """Bare transactions of nf_tables, each of one element, with
    acknowledgement, beside @n elements."""
    name = "floor"

    def __init__(self, n=0):
        self.n, self.lab, self.sock = n, Lab(Bare()), None

    def __enter__(self):
        self.lab.__enter__()
        router = self.lab.router
        with inside(router.ns):
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
        router.run("nft", "-f", "-", stdin=MAP)
        if self.n:
            router.run("nft", "-f", "-", stdin="add element ip m m {" + ",".join(
                f"udp . {p} : {HOST_IP} . {p}"
                for p in range(FILL_PORT, FILL_PORT + self.n)) + "}\n")
        return self

    def __exit__(self, *exc):
        self.sock.close()
        self.lab.close()

    def change(self, port, add):
        """One transaction: add the element of @port, or delete it."""
        attr = lambda kind, data: struct.pack(      # noqa: E731
            "HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)
        nest = lambda kind, data: attr(kind | 0x8000, data)     # noqa: E731

        def message(kind, flags, family, res, body=b""):
            return struct.pack("=IHHIIBBH", 20 + len(body), kind, flags, 1, 0,
                               family, 0, res) + body
        key = bytes((6, 0, 0, 0)) + struct.pack("!HH", port, 0)
        data = socket.inet_aton(HOST_IP) + struct.pack("!HH", port, 0)
        element = nest(1, nest(1, attr(1, key)) + (nest(2, attr(1, data))
                                                   if add else b""))
        body = attr(1, b"m\0") + attr(2, b"m\0") + nest(3, element)
        self.sock.send(
            message(16, 1, 0, socket.htons(10))
            + message(10 << 8 | (12 if add else 14),
                      0x5 | (0x400 if add else 0), 2, 0, body)
            + message(17, 1, 0, socket.htons(10)))
        error = struct.unpack_from("=i", self.sock.recv(4096), 16)[0]
        if error:
            raise Failed(f"nf_tables: {os.strerror(-error)}")


def generation(router):
    """The number of nf_tables transactions of the router so far."""
    with inside(router.ns):
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    with sock:
        sock.send(struct.pack("=IHHIIBBH", 20, 10 << 8 | 16, 1, 1, 0, 0, 0,
                              0))
        return struct.unpack_from("!I", sock.recv(4096), 24)[0]
