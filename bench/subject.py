# SPDX-License-Identifier: ISC
"""The subjects: upnpd with each of its backends and each build of the peer,
every one a daemon in a separate lab, with the same interface."""
import contextlib
import os
import re
import subprocess
import tempfile
import time

from daemon import ROOT, UPNPD, Upnpd
from firewall import FIREWALLS
from lab import EXT_IP, HOST6_IP, LAN6_IP, LAN_IP, OUT_IP, Lab
from peer import BUILDS, Miniupnpd
from upnp import WANIP, Igd, http, search

LOAD = os.path.join(ROOT, "build", "load")
FLOWS = os.path.join(ROOT, "build", "flows")
PMPLOAD = os.path.join(ROOT, "build", "pmpload")
STATIC = os.path.join(ROOT, "build", "static", "upnpd")

# upnpd's backends; one that the built program does not accept is left out.
BACKENDS = ("netlink", "iptables-legacy", "iptables-nft")
PEERS = tuple(BUILDS)
STATIC_NAME = "netlink, static build"

FILL_PORT = 2000        # first UDP port of the mappings in place
ADD_PORT = 40000        # first TCP port of those that are added and deleted
MAPPINGS_MAX = 60000
PINHOLES_MAX = 16384
PMP_PORT = 5351
WANIP6 = "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1"


def knows(backend):
    """Does the built program accept this backend?"""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
        f.write(f"enabled = yes\nbackend = {backend}\n[interface wan0]\n"
                "type = external\n[interface lan0]\ntype = internal\n")
        f.flush()
        return subprocess.run([UPNPD, "-n", "-f", f.name], check=False,
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0


def pairs(text):
    """{name: number}, from a line of "name value" pairs"""
    words = text.split()
    return dict(zip(words[::2], map(float, words[1::2])))


def process_ns(pid):
    """Processor time of a process, and of the children it has waited for."""
    with open(f"/proc/{pid}/schedstat") as f:
        own = int(f.read().split()[0])
    with open(f"/proc/{pid}/stat") as f:
        after = f.read().rpartition(")")[2].split()
    ticks = int(after[13]) + int(after[14])
    return own + ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def mappings_of(pid):
    """[(address, private kB, shared kB, PSS kB)] of a process's mappings"""
    found = []
    with open(f"/proc/{pid}/smaps") as f:
        for line in f:
            if head := re.match(r"([0-9a-f]+)-[0-9a-f]+ ", line):
                found.append([head[1], 0, 0, 0])
            elif m := re.match(r"(Private|Shared)_\w+: +(\d+) kB", line):
                found[-1][1 + (m[1] == "Shared")] += int(m[2])
            elif m := re.match(r"Pss: +(\d+) kB", line):
                found[-1][3] += int(m[1])
    return found


def resident_kb(pids):
    """(resident memory, PSS) of processes that were forked from each other. A
    page that several of them share is counted once."""
    private = pss = 0
    shared = {}
    for pid in pids:
        for address, own, others, part in mappings_of(pid):
            private += own
            pss += part
            shared[address] = max(shared.get(address, 0), others)
    return private + sum(shared.values()), pss


class Subject:
    """One daemon in a separate lab."""
    is_peer = is_floor = False
    backend = None
    AT_ONCE = 100       # requests at once that are not measured
    ROOT6 = None        # the path of the description that has pinholes

    def __init__(self, name, firewall, ipv6=False):
        self.name, self.ipv6 = name, ipv6
        self.lab = Lab(firewall, ipv6=ipv6)
        self.daemon = None
        self.filled = 0         # mappings in place
        self.path = self.url = None

    def __enter__(self):
        self.lab.__enter__()
        try:
            self.make()
            self.daemon.start()
            if self.ipv6:
                self.find6()
            else:
                self.find()
        except BaseException:
            self.lab.close()
            raise
        return self

    def __exit__(self, *exc):
        self.lab.close()

    def find(self):
        location = search(self.lab.lan1, "upnp:rootdevice")[0]["LOCATION"]
        self.path = "/" + location.split("/", 3)[3]
        self.url = Igd(self.lab.lan1, port=self.daemon.port,
                       path=self.path).urls[WANIP]

    def find6(self):
        """The control URL for pinholes."""
        text = http(self.lab.lan1, "GET", self.ROOT6, ip=LAN6_IP,
                    port=self.daemon.port).body.decode()
        self.url = re.search(f"<serviceType>{WANIP6}</serviceType>.*?"
                             "<controlURL>(.*?)</controlURL>", text,
                             re.S)[1]

    # ---- requests ------------------------------------------------------

    def pinholes(self, n, at_once=1, seconds=None):
        """Add @n more pinholes. Return the load program's result."""
        done = self.load("pinhole", at_once, n, seconds=seconds,
                         first=FILL_PORT + self.filled, proto="UDP")
        self.filled += int(done.get("answered", 0))
        return done

    def fill6(self, n):
        """Add pinholes until @n are in place."""
        if n > self.filled:
            done = self.pinholes(n - self.filled, self.AT_ONCE)
            if done["errors"]:
                raise RuntimeError(f"{self.name}: {done['errors']:.0f} "
                                   f"pinholes failed: {done['why']}")

    def load(self, what, at_once=1, n=1, **options):
        """Run the load program. Return {name: number}, and the CPU time per
        1,000 answers: "cpu_s" of the daemon, "load_s" of the load program.
        @options: seconds, first, keys, proto, idle"""
        argv = ["ip", "netns", "exec", self.lab.lan1.ns, LOAD, "-a",
                LAN6_IP if self.ipv6 else LAN_IP,
                "-p", str(self.daemon.port), "-n", str(n), "-c",
                str(at_once), "-u", self.path if what == "get" else self.url]
        for flag, name in (("-t", "seconds"), ("-e", "first"),
                           ("-k", "keys"), ("-P", "proto"), ("-i", "idle")):
            if options.get(name):
                argv += [flag, str(options[name])]
        return self.measured([*argv, what])

    def pmp_load(self, what, at_once=1, n=1, seconds=None, first=None):
        """The same for the load program of NAT-PMP and PCP."""
        argv = ["ip", "netns", "exec", self.lab.lan1.ns, PMPLOAD, "-a", LAN_IP,
                "-p", str(PMP_PORT), "-n", str(n), "-c", str(at_once)]
        for flag, value in (("-t", seconds), ("-e", first)):
            if value:
                argv += [flag, str(value)]
        return self.measured([*argv, what])

    def measured(self, argv):
        """Run a load program. Return what load() returns."""
        before = self.cpu_ns()
        done = subprocess.run(argv, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        result = pairs(done.stdout)
        result["why"] = done.stderr.strip()
        spent = self.cpu_ns() - before
        answered = result.get("answered", 0)
        result["cpu_s"] = spent / answered / 1e6 if answered else 0
        result["load_s"] = result["own_cpu_us"] / answered / 1e3 \
            if answered else 0
        return result

    @contextlib.contextmanager
    def on_one_processor(self):
        """Context manager: keep the daemon, and the load programs that are
        started, on one processor."""
        pids = [0, *self.pids()]
        before = os.sched_getaffinity(0)
        try:
            for pid in pids:
                os.sched_setaffinity(pid, {min(before)})
            yield
        finally:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(pid, before)

    def pids(self):
        return list(self.processes().values())

    def cpu_ns(self):
        try:
            return sum(map(process_ns, self.pids()))
        except OSError:
            return 0            # it exited; the load program reports errors

    def memory_kb(self):
        return resident_kb(self.pids())

    def ask_fill(self, n, at_once):
        """Add @n mappings by requests."""
        done = self.load("add", at_once, n, first=FILL_PORT + self.filled,
                         proto="UDP")
        if done["errors"]:
            raise RuntimeError(f"{self.name}: {done['errors']:.0f} of {n} "
                               f"mappings could not be made: {done['why']}")
        self.filled += n

    # ---- traffic -------------------------------------------------------

    def flows(self, mode, port, n=1, seconds=1):
        """The command line of the flows program."""
        return [FLOWS, "-o", self.lab.outside.ns, "-l", self.lab.lan1.ns,
                "-s", OUT_IP, "-a", EXT_IP,
                *(("-6", HOST6_IP) if self.ipv6 else ()),
                "-p", str(port), "-n", str(n),
                "-t", str(seconds), mode]

    def traffic(self, *args, **kw):
        done = subprocess.run(self.flows(*args, **kw), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        return pairs(done.stdout) or {"why": done.stderr.strip()}

    def forget_flows(self):
        """Empty the table of flows, so that it does not overflow."""
        self.lab.router.run("conntrack", "-F", check=False)

    @staticmethod
    def now_ms():
        return time.monotonic() * 1000


class Ours(Subject):
    ROOT6 = "/igd2.xml"

    def __init__(self, name, backend, binary=UPNPD, room=MAPPINGS_MAX,
                 ipv6=False):
        firewall = FIREWALLS.get(backend, FIREWALLS["netlink"])
        super().__init__(name, firewall(), ipv6)
        self.backend, self.binary, self.room = backend, binary, room
        self._engine = self._fork_server = None

    def like(self, room):
        """Another subject like this, with room for @room mappings."""
        return Ours(self.name, self.backend, self.binary, room)

    def like6(self):
        """Another one, in a lab with IPv6."""
        return Ours(self.name, self.backend, self.binary, ipv6=True)

    def make(self):
        self.daemon = Upnpd(self.lab, self.backend, max_mappings=self.room,
                            max_mappings_per_client=self.room)
        self.daemon.binary = self.binary
        if self.ipv6:
            self.daemon.options["max_pinholes"] = PINHOLES_MAX

    def processes(self):
        if not self._engine or not os.path.exists(f"/proc/{self._engine}"):
            self._engine = self.daemon.engine()
        if not self._fork_server:
            self._fork_server = self.daemon.fork_server()
        return {"engine": self._engine, "fork server": self._fork_server,
                "monitor": self.daemon.proc.pid}

    def fill(self, n):
        if n > self.filled:
            self.ask_fill(n - self.filled, 200)

    def stop(self):
        self.daemon.stop()

    def start(self, wait=True):
        """Start it. It reads its mappings from its lease file."""
        self._fork_server = None
        self.daemon.start(wait=wait)


class Peer(Subject):
    is_peer = True
    AT_ONCE = 1         # its listen backlog is five
    ASKED = 1000        # requesting more takes minutes, so preload() adds them
    ROOT6 = "/rootDesc.xml"

    def __init__(self, name, ipv6=False):
        super().__init__(name, Miniupnpd.firewall(name), ipv6)

    def like(self, room):
        """Its table has no limit."""
        return Peer(self.name)

    def like6(self):
        return Peer(self.name, ipv6=True)

    def make(self):
        self.daemon = Miniupnpd(self.lab, self.name, self.ipv6)

    def processes(self):
        return {"miniupnpd": self.daemon.pid()}

    def fill(self, n):
        if self.filled < min(n, self.ASKED):
            self.ask_fill(min(n, self.ASKED) - self.filled, 1)
        if self.filled < n:
            self.daemon.preload(range(FILL_PORT + self.filled, FILL_PORT + n))
            self.filled = n

    def stop(self):
        """Stop it and empty its chains, as its service does."""
        self.daemon.stop()
        self.daemon.feed(self.daemon.flush)

    def start(self, wait=True):
        ports = range(FILL_PORT, FILL_PORT + self.filled)
        self.daemon.write_leases(ports)
        self.daemon.start(with_leases=self.filled > 0, wait=wait)


def subjects():
    """All subjects, not entered yet, and the reason for each missing one."""
    found, without = [], []
    for backend in BACKENDS:
        if knows(backend):
            found.append(Ours(backend, backend))
        else:
            without.append(f"{backend}: the program does not accept it")
    if os.access(STATIC, os.X_OK):
        found.append(Ours(STATIC_NAME, "netlink", STATIC))
    else:
        without.append(f"{STATIC_NAME}: not built (make static)")
    return found + [Peer(name) for name in PEERS], without
