# SPDX-License-Identifier: ISC
"""A household's evening: 60 clients of known kinds start within two seconds,
renew for a day, and half of them leave. The clock of the daemon is moved from
one renewal to the next (tests/netns/clock.c), so a day takes as long as its
requests. Once more with 5 % of a processor and 16 MiB of memory."""
import contextlib
import heapq
import os
import random
import socket
import statistics
import struct
import subprocess
import threading
import time
from xml.etree.ElementTree import ParseError

from lab import wait_until
from pmp import Pmp, nonce
from subjects import BUILD, ROOT, Ours, Peer, cpu_s, generation
from upnp import GROUP, Igd, UpnpError, msearch

DAY_S = 86400
SHIM = os.path.join(BUILD, "clock.so")
ROOTDEVICE = "upnp:rootdevice"
IGD1 = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
CPU_SHARE, MEMORY_BYTES = 0.05, 16 << 20
TRIES = 3           # a client asks so often before it gives up


class Kind:
    """Clients of one kind. @search: their targets; @patience_s: for the answer
    to a search; @protocol: by which they ask; @ports: how many each opens;
    @lease_s: 0 is without an end; @every_s: between renewals, or between
    looks at whether the mapping is there; @ask: actions before the first
    mapping"""

    def __init__(self, n, search, patience_s, protocol="UPnP", ports=1,
                 lease_s=0, every_s=0, ask=()):
        self.n, self.search, self.patience_s = n, search, patience_s
        self.protocol, self.ports = protocol, ports
        self.lease_s, self.every_s, self.ask = lease_s, every_s, ask


ADDRESS, STATUS, LIST = "GetExternalIPAddress", "GetStatusInfo", "list"
KINDS = {
    "Windows, Xbox": Kind(6, [IGD1, ROOTDEVICE], 3, ask=(STATUS, LIST)),
    "PlayStation": Kind(4, [IGD1], 3, ports=2, ask=(ADDRESS,)),
    "libtorrent": Kind(10, [ROOTDEVICE], 3, ports=2, lease_s=3600,
                       every_s=2700, ask=(ADDRESS,)),
    "miniupnpc": Kind(10, [IGD1, ROOTDEVICE], 2, ports=2, every_s=3600,
                      ask=(STATUS, ADDRESS)),
    "Syncthing": Kind(6, [IGD1], 3, lease_s=3600, every_s=1800,
                      ask=(ADDRESS,)),
    "Open.NAT": Kind(4, [IGD1] * 4 + [ROOTDEVICE] * 2, 4, lease_s=3600,
                     every_s=2400, ask=(ADDRESS,)),
    "Tailscale": Kind(8, [IGD1], 0.25, "PCP", lease_s=7200, every_s=3600),
    "NAT-PMP": Kind(8, [], 0, "NAT-PMP", lease_s=7200, every_s=3600),
    "Home Assistant": Kind(4, [ROOTDEVICE], 5, ports=0, every_s=1800,
                           ask=(STATUS, ADDRESS)),
}


class House:
    """What the clients have seen of a subject."""

    def __init__(self, subject):
        self.subject, self.lan = subject, subject.lab.lan1
        self.urls = subject.igd().urls
        self.lock = threading.Lock()
        self.waits, self.lost, self.late = [], 0, 0
        self.clients = [Client(self, kind, i) for i, kind in enumerate(
            kind for kind in KINDS.values() for _ in range(kind.n))]
        self.lan.ip_batch(*(f"addr add {c.ip}/24 dev eth0"
                            for c in self.clients))

    def timed(self, ask):
        """Call @ask, and note how long it took until it succeeded."""
        start = time.monotonic()
        for _ in range(TRIES):
            with contextlib.suppress(OSError, AssertionError, UpnpError,
                                     ParseError):
                ask()
                break
        else:
            with self.lock:
                self.lost += 1
            return
        with self.lock:
            self.waits.append(time.monotonic() - start)


class Client:
    def __init__(self, house, kind, i):
        self.house, self.kind = house, kind
        self.ip = f"192.168.88.{101 + i}"
        self.ports = [41000 + 10 * i + k for k in range(kind.ports)]
        self.nonce = nonce()
        self.igd = Igd(house.lan, port=house.subject.daemon.port,
                       source=self.ip)
        self.igd._urls = house.urls

    def begin(self):
        self.search()
        for action in self.kind.ask:
            self.house.timed(self.igd.entries if action == LIST else
                             lambda a=action: self.igd.call(a, timeout=10))
        self.open()

    def search(self):
        """All targets at once, as they do. One answer in time is enough."""
        if not self.kind.search:
            return
        with self.house.lan.socket(socket.SOCK_DGRAM, (self.ip, 0)) as sock:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                            socket.inet_aton(self.ip))
            sock.settimeout(self.kind.patience_s)
            for target in self.kind.search:
                sock.sendto(msearch(target), (GROUP, 1900))
            try:
                sock.recv(2048)
            except socket.timeout:
                with self.house.lock:
                    self.house.late += 1

    def open(self, lease_s=None):
        """Open each port, or renew it. 0: close it."""
        if lease_s is None:
            lease_s = self.kind.lease_s
        for port in self.ports:
            self.house.timed(lambda p=port: self.map(p, lease_s))

    def map(self, port, lease_s):
        if self.kind.protocol == "UPnP":
            self.igd.add(port, "UDP", lease=lease_s, desc="evening",
                         timeout=10)
            return
        with Pmp(self.house.lan, source=self.ip) as pmp:
            pmp.sock.settimeout(2)
            if self.kind.protocol == "PCP":
                assert not pmp.pcp_map("UDP", port, port, lease_s,
                                       self.nonce).result
            else:
                assert not pmp.try_map("UDP", port, port, lease_s).result

    def renew(self):
        """Or look whether its mappings are still there."""
        if self.kind.lease_s:
            self.open()
            return
        for port in self.ports:
            self.house.timed(lambda p=port: self.igd.specific(p, "UDP"))
        for action in self.kind.ask if not self.ports else ():
            self.house.timed(lambda a=action: self.igd.call(a))

    def leave(self):
        for port in self.ports:
            if self.kind.protocol == "UPnP":
                self.house.timed(lambda p=port: self.igd.delete(p, "UDP"))
            else:
                self.house.timed(lambda p=port: self.map(p, 0))


def start_together(clients):
    """All within two seconds."""
    chance = random.Random(1)
    threads = [threading.Timer(2 * chance.random(), c.begin)
               for c in clients]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


def day(house, set_clock):
    """Renewals in their order, until the day is over."""
    chance = random.Random(2)
    due = [(c.kind.every_s * (0.5 + chance.random() / 2), i)
           for i, c in enumerate(house.clients) if c.kind.every_s]
    heapq.heapify(due)
    while due[0][0] < DAY_S:
        at_s, i = due[0]
        set_clock(int(at_s))
        house.clients[i].renew()
        heapq.heapreplace(due, (at_s + house.clients[i].kind.every_s, i))


# ---- the daemon ------------------------------------------------------------

class Limits:
    """A control group of version 1 or 2 with CPU_SHARE and MEMORY_BYTES."""
    BASE = "/sys/fs/cgroup"

    def __init__(self):
        name = f"upnpd-bench-{os.getpid()}"
        if os.path.exists(self.BASE + "/cgroup.controllers"):
            with open(self.BASE + "/cgroup.subtree_control", "w") as f:
                f.write("+cpu +memory")
            self.folders = [f"{self.BASE}/{name}"]
            values = {"cpu.max": f"{int(CPU_SHARE * 100000)} 100000",
                      "memory.max": str(MEMORY_BYTES)}
            self.peak_file = "memory.peak"
        else:
            self.folders = [f"{self.BASE}/{kind}/{name}"
                            for kind in ("cpu", "memory")]
            values = {"cpu.cfs_quota_us": str(int(CPU_SHARE * 100000)),
                      "memory.limit_in_bytes": str(MEMORY_BYTES)}
            self.peak_file = "memory.max_usage_in_bytes"
        for folder in self.folders:
            os.mkdir(folder)
            for file, value in values.items():
                if os.path.exists(f"{folder}/{file}"):
                    with open(f"{folder}/{file}", "w") as f:
                        f.write(value)

    @contextlib.contextmanager
    def inside(self):
        """Context manager: what is started stays in it."""
        for folder in self.folders:
            self.move(folder)
        try:
            yield
        finally:
            for folder in self.folders:
                self.move(os.path.dirname(folder))

    @staticmethod
    def move(folder):
        with open(f"{folder}/cgroup.procs", "w") as f:
            f.write(str(os.getpid()))

    def peak_kb(self):
        with open(f"{self.folders[-1]}/{self.peak_file}") as f:
            return int(f.read()) / 1024

    def remove(self):
        for folder in self.folders:
            wait_until(lambda f=folder: self.gone(f), 10)

    @staticmethod
    def gone(folder):
        with contextlib.suppress(OSError):
            os.rmdir(folder)
        return not os.path.exists(folder)


class Log:
    """The lines that a daemon sends to /dev/log, in a mount namespace."""
    MOUNT = 'mkdir "$0/dev" && for f in null zero urandom random; do ' \
        'touch "$0/dev/$f" && mount --bind "/dev/$f" "$0/dev/$f" || exit; ' \
        'done && ln -s "$0/log.sock" "$0/dev/log" && ' \
        'mount --rbind "$0/dev" /dev && exec "$@"'

    def __init__(self, folder):
        self.folder = folder
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(os.path.join(folder, "log.sock"))
        self.sock.setblocking(False)
        self.lines = 0
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        self.sock.setblocking(True)
        with contextlib.suppress(OSError):
            while self.sock.recv(4096):
                self.lines += 1

    def prefix(self):
        return ["unshare", "-m", "sh", "-c", self.MOUNT, self.folder]


def evening(subject, limits=None):
    """{what: value} of one evening"""
    with contextlib.ExitStack() as stack:
        stack.enter_context(subject.lab)
        clock, lab = subject.lab.path("clock"), subject.lab
        with open(clock, "wb") as f:
            f.write(bytes(16))
        os.chmod(clock, 0o644)
        log = Log(lab.dir)
        subject.make()
        with limits.inside() if limits else contextlib.nullcontext():
            subject.daemon.start(wait=False, prefix=[
                *log.prefix(), "env", f"LD_PRELOAD={SHIM}",
                f"UPNPD_CLOCK={clock}"])
        stack.callback(subject.daemon.stop)
        subject.daemon.wait_ready()
        subject.find()
        house, before = House(subject), generation(lab.router)

        def set_clock(ahead_s):
            with open(clock, "r+b") as f:
                f.write(struct.pack("qq", ahead_s, ahead_s))
        start_together(house.clients)
        first = list(house.waits)
        day(house, set_clock)
        for client in house.clients[::2]:
            client.leave()
        waits = sorted(house.waits)
        lines = len(subject.daemon.log().splitlines()) + log.lines
        return {
            "requests": len(waits), "lost": house.lost, "late": house.late,
            "p50": statistics.median(waits) * 1000,
            "p99": waits[len(waits) * 99 // 100] * 1000,
            "worst": waits[-1] * 1000, "worst first": max(first) * 1000,
            "cpu": cpu_s(subject.pids()), "memory": subject.memory_kb()[0],
            "peak": limits.peak_kb() if limits else None,
            "transactions": generation(lab.router) - before, "log": lines,
        }


def all_of():
    """{subject: its evening}"""
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o",
                    SHIM, os.path.join(ROOT, "tests", "netns", "clock.c")],
                   check=True)
    found = {"upnpd": evening(Ours("netlink", room=1024)),
             "miniupnpd": evening(Peer("miniupnpd-nftables"))}
    limits = Limits()
    try:
        found["upnpd, small"] = evening(Ours("netlink", room=1024), limits)
    finally:
        limits.remove()
    return found


# ---- the report ------------------------------------------------------------

ROWS = (
    ("requests", "requests that were answered", ",.0f"),
    ("lost", f"requests without a success in {TRIES} tries", ",.0f"),
    ("late", "clients whose search had no answer in time", ",.0f"),
    ("p50", "wait, median", ",.2f ms"), ("p99", "wait, 99 %", ",.2f ms"),
    ("worst", "the longest wait", ",.1f ms"),
    ("worst first", "the longest of the first two seconds", ",.1f ms"),
    ("cpu", "CPU of the day", ",.2f s"),
    ("memory", "resident memory at the end", ",.0f KiB"),
    ("peak", "peak of the control group", ",.0f KiB"),
    ("transactions", "transactions of nf_tables", ",.0f"),
    ("log", "log lines", ",.0f"),
)


def bars(found):
    one = found.get("upnpd, small")
    if one:
        where = "evening with 5 % of a processor and 16 MiB"
        for key, what in (("lost", "requests lost"),
                          ("late", "searches not answered in time")):
            yield f"{where}: {what}", "0", f"{one[key]}", not one[key]
        yield (f"{where}: peak of memory", "16,384 KiB at most",
               f"{one['peak']:,.0f} KiB", one["peak"] <= MEMORY_BYTES / 1024)


def lines(found):
    if not found:
        return
    yield "### A household's evening\n"
    yield "| | " + " | ".join(found) + " |"
    yield "|---|" + "--:|" * len(found)
    for key, title, how in ROWS:
        number, _, unit = how.partition(" ")
        yield f"| {title} | " + " | ".join(
            "" if one[key] is None else f"{one[key]:{number}} {unit}".strip()
            for one in found.values()) + " |"
