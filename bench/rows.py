# SPDX-License-Identifier: ISC
"""What is measured of whom, and the bar of each row."""
import contextlib
import os
import signal
import socket
import statistics
import subprocess
import time

from lab import EXT_IP, HOST_IP, LAN_IP, wait_until
from subjects import ADD_PORT, FILL_PORT, Failed
from upnp import GROUP, Listener, UpnpError, msearch

IDLE_IP = "192.168.88.77"
OURS = ("netlink", "iptables-legacy", "iptables-nft")
PEERS = ("miniupnpd-nftables", "miniupnpd-iptables")
FLOOR = "floor"
STATIC = "netlink, static build"


class Row:
    """@unit: "/s", "ms", ...; @more: is a larger value better?

    The bars of the netlink backend: @floor: the least share of the floor's
    rate; @flat: the most by which the slowest number of mappings may be below
    the fastest; @peer: how many times the better peer's rate; @limit: the
    most, also of other backends, @limit_of: else of this subject alone."""

    def __init__(self, title, unit="/s", more=True, floor=None, flat=None,
                 peer=None, limit=None, limit_of=None):
        self.title, self.unit, self.more = title, unit, more
        self.floor, self.flat, self.peer = floor, flat, peer
        self.limit, self.limit_of = limit, limit_of


ROWS = {
    "description": Row("description, one at a time"),
    "getip": Row("GetExternalIPAddress, one at a time", floor=0.85),
    "getip200": Row("GetExternalIPAddress, 200 at once", floor=0.85),
    "idle": Row("the same beside 2,000 idle connections of another address"),
    "wait": Row("... the longest wait", "ms", False, limit=1000),
    "cpu": Row("CPU seconds of 1,000 GetExternalIPAddress", "s", False),
    "address": Row("NAT-PMP's external address, one at a time", floor=0.85),
    "address8": Row("NAT-PMP's external address, 8 at once", floor=0.85),
    "list": Row("GetGenericPortMappingEntry, first to last"),
    "bare": Row("a bare transaction of nf_tables, acknowledged"),
    "handed": Row("a request that is handed to the process that makes one"),
    "handed_pmp": Row("a datagram that is handed to that process"),
    "add": Row("AddPortMapping, one at a time", floor=0.6, flat=0.15,
               peer=20),
    "add50": Row("AddPortMapping, 50 at once"),
    "map": Row("PCP MAP, one at a time", floor=0.6, flat=0.15, peer=20),
    "pinhole": Row("AddPinhole, one at a time", floor=0.6, flat=0.15),
    "track": Row("new flows with connection tracking alone", "/CPU s"),
    "dnat": Row("new flows with one rule for NAT, and no firewall", "/CPU s"),
    "flows": Row("new flows through the last mapping", "/CPU s",
                 floor=0.9, flat=0.15),
    "packets": Row("packets of a flow through the last mapping", "/CPU s",
                   floor=0.9, flat=0.15),
    "track6": Row("new flows of IPv6 with connection tracking alone", "/CPU s"),
    "flows6": Row("new flows through the last pinhole", "/CPU s",
                  floor=0.9, flat=0.15),
    "packets6": Row("packets of a flow through the last pinhole", "/CPU s",
                    floor=0.9, flat=0.15),
    "search": Row("answer to a search", "ms", False, limit=100),
    "notify": Row("first NOTIFY after the start", "ms", False, limit=150),
    "restart": Row("from the start until the last mapping forwards", "ms",
                   False),
    "crash": Row("from an engine's death until the next one answers for a "
                 "mapping", "ms", False, limit=1000),
    "memory": Row("resident memory", "KiB", False, limit_of={
        STATIC: {0: 640, 1000: 1024}}),
    "file": Row("... of that, pages of the program's file", "KiB", False),
}


# A change is a request, of which the floor is that row's, and a transaction.
CHANGES = {"add": "getip", "pinhole": "getip", "map": "address"}
# The floor if the process that reads the network must not make the transaction.
HANDED = {"add": "handed", "pinhole": "handed", "map": "handed_pmp"}


# ---- probes: each measures a subject, and returns a value, or {row: value}

def asked(subject, *args, **options):
    """The result of requests that were all answered."""
    done = subject.load(*args, **options)
    if not done["answered"]:
        raise Failed("no answer")
    if done["errors"]:
        raise Failed(f"{done['errors']:.0f} errors beside "
                     f"{done['answered']:.0f} answers")
    return done


def description(subject):
    return asked(subject, "get")["rate"]


def getip(subject):
    before = subject.cpu_s()
    done = asked(subject, "getip", seconds=3)
    return {"getip": done["rate"], "cpu": (subject.cpu_s() - before) * 1000
            / done["answered"]}


def getip200(subject):
    done = asked(subject, "getip", 200)
    return {"getip200": done["rate"], "wait": done["max_us"] / 1000}


def idle(subject):
    """Beside 2,000 connections of another address, which send nothing. Some
    of them end the peer."""
    lan1 = subject.lab.lan1
    lan1.run("ip", "addr", "replace", IDLE_IP + "/24", "dev", "eth0")
    with contextlib.ExitStack() as stack:
        for _ in range(2000):
            sock = stack.enter_context(
                lan1.socket(socket.SOCK_STREAM, (IDLE_IP, 0)))
            sock.setblocking(False)
            sock.connect_ex((LAN_IP, subject.daemon.port))
        time.sleep(1)           # they settle
        try:
            return asked(subject, "getip", 200)["rate"]
        finally:
            if not subject.daemon.serves():
                subject.daemon.stop()
                subject.daemon.start()
                raise Failed("the connections ended it")


@contextlib.contextmanager
def one_processor(subject):
    """The daemon and what is started share one: to wake another one costs
    several times as much as such a request, and chance decides about it."""
    pids, before = [0, *subject.pids()], os.sched_getaffinity(0)
    try:
        for pid in pids:
            os.sched_setaffinity(pid, {min(before)})
        yield
    finally:
        for pid in pids:
            os.sched_setaffinity(pid, before)


def address(subject):
    """Not more requests than upnpd's burst for a client."""
    with one_processor(subject):
        return {row: subject.datagrams("address", 4000, n)["rate"]
                for row, n in (("address", 1), ("address8", 8))}


def handed(subject):
    with one_processor(subject):
        by_pmp = subject.datagrams("address", 4000)["rate"]
    return {"handed": asked(subject, "getip")["rate"], "handed_pmp": by_pmp}


def listing(subject):
    return asked(subject, "list", n=subject.n)["rate"]


def delete(subject, n):
    """Delete the TCP ports from ADD_PORT on; the last one goes last."""
    for seconds in range(1, 20):
        subject.load("delete", min(subject.at_once, n), ADD_PORT, n, seconds)
        if not subject.has(ADD_PORT + n - 1):
            break


def add(subject, row="add", at_once=1):
    done = asked(subject, "add", at_once, ADD_PORT)
    delete(subject, int(done["answered"]) + at_once)
    return {row: done["rate"]}


def add50(subject):
    return add(subject, "add50", 50)


def pcp(subject):
    with one_processor(subject):        # as its floor
        done = subject.datagrams("map", 20000)
    if subject.name in PEERS:
        delete(subject, int(done["started"]))   # by PCP it needs seconds
    else:
        subject.datagrams("unmap", int(done["started"]), 20)
    if not done["answered"] or done["errors"]:
        raise Failed("not all requests were answered")
    return done["rate"]


def pinhole(subject):
    """They stay in place, so this is measured once."""
    return asked(subject, "pinhole", 1, ADD_PORT)["rate"]


def transactions(kernel):
    """Bare ones: the rate of those that add an element."""
    spent, n = 0.0, 0
    while spent < 0.5 and n < 5000:
        ports = range(ADD_PORT, ADD_PORT + 50)
        start = time.monotonic()
        for port in ports:
            kernel.change(port, True)
        spent += time.monotonic() - start
        n += len(ports)
        for port in ports:
            kernel.change(port, False)
    return n / spent


def flows(subject):
    """And packets of an established flow, which the router has at once."""
    return {"flows": subject.flows(),
            "packets": subject.flows(what="packets")}


def flows6(subject):
    found = flows(subject)
    return {"flows6": found["flows"], "packets6": found["packets"]}


def track(subject):
    return subject.flows()


def search(subject):
    """The time from a search to the first answer."""
    lan, waits = subject.lab.lan1, []
    for _ in range(5):
        with lan.socket(socket.SOCK_DGRAM, (lan.ip, 0)) as sock:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                            socket.inet_aton(lan.ip))
            sock.settimeout(3)
            start = time.monotonic()
            sock.sendto(msearch("upnp:rootdevice"), (GROUP, 1900))
            sock.recv(4096)
            waits.append((time.monotonic() - start) * 1000)
    return statistics.median(waits)


def notify(subject):
    subject.daemon.stop()
    heard = Listener(subject.lab.lan1)
    try:
        start = time.monotonic()
        subject.daemon.start(wait=False)
        if not wait_until(lambda: heard.of("ssdp:alive"), 10, 0.0005):
            raise Failed("none in 10 s")
        took_s = time.monotonic() - start
    finally:
        heard.close()
    subject.daemon.wait_ready()
    return took_s * 1000


def restart(subject):
    """Send to the last mapping, each time from another port, because the
    router keeps the way of a flow that came too early."""
    port = FILL_PORT + subject.n - 1
    subject.daemon.stop()
    with subject.lab.lan1.socket(socket.SOCK_DGRAM, (HOST_IP, port)) as sock:
        sock.settimeout(0.001)
        start = time.monotonic()
        subject.daemon.start(wait=False)
        while time.monotonic() < start + 60:
            with subject.lab.outside.socket(socket.SOCK_DGRAM) as out, \
                    contextlib.suppress(socket.timeout):
                out.sendto(b"x", (EXT_IP, port))
                sock.recv(16)
                break
        took_s = time.monotonic() - start
    subject.daemon.wait_ready()
    return took_s * 1000


def crash(subject):
    """Then stop it: the fifth death in a minute would end it."""
    start = time.monotonic()
    os.kill(subject.daemon.engine(), signal.SIGKILL)

    def answered():
        with contextlib.suppress(OSError, AssertionError, UpnpError):
            return subject.igd().specific(FILL_PORT, "UDP")
    if not wait_until(answered, 10, 0.0005):
        raise Failed("not in 10 s")
    took_s = time.monotonic() - start
    subject.daemon.stop()
    subject.daemon.start()
    return took_s * 1000


def memory(subject):
    return dict(zip(("memory", "file"), map(float, subject.memory_kb())))


class Measure:
    """@n: mappings in place, or pinholes if @ipv6; @names: of whom; @once: in
    one round; @floor: which FLOORS is meant."""

    def __init__(self, rows, n, probe, names, ipv6=False, once=False,
                 floor="transaction"):
        self.rows, self.n, self.probe = rows.split(), n, probe
        self.names, self.ipv6, self.once = names, ipv6, once
        self.floor = floor

    def key(self, name):
        """What make() needs: subjects with the same key are the same one."""
        return (name, self.n, self.ipv6, self.once,
                self.floor if name == FLOOR else None)

    def of(self, subject):
        """{row: value, or why there is none}"""
        try:
            if subject is None:
                raise Failed("it could not be made")
            found = self.probe(subject)
        except (Failed, RuntimeError, OSError, AssertionError, KeyError,
                TypeError, subprocess.TimeoutExpired) as e:
            why = (str(e).splitlines() or [repr(e)])[-1][:50]
            return {row: f"failed: {why}" for row in self.rows}
        return found if isinstance(found, dict) else {self.rows[0]: found}


FEW = ("netlink", *PEERS)
WITH_FLOOR = (*FEW, FLOOR)
MEASURES = [
    Measure("description", 0, description, FEW),
    Measure("getip cpu", 0, getip, WITH_FLOOR, floor="server"),
    Measure("getip200 wait", 0, getip200, WITH_FLOOR, floor="server"),
    Measure("idle", 0, idle, FEW),
    Measure("address address8", 0, address, WITH_FLOOR, floor="server"),
    Measure("search", 0, search, FEW),
    Measure("notify", 0, notify, FEW),
    *(Measure("bare", n, transactions, (FLOOR,)) for n in (0, 1000, 10000)),
    Measure("handed handed_pmp", 0, handed, (FLOOR,), floor="changer"),
    *(Measure("map", n, pcp, ("netlink",)) for n in (0, 10000)),
    Measure("map", 1000, pcp, FEW),
    *(Measure("pinhole", n, pinhole, ("netlink",), ipv6=True,
              once=True)
      for n in (0, 1000, 10000)),
    *(Measure("add", n, add, (*OURS, *PEERS)) for n in (0, 1000)),
    Measure("add", 10000, add, ("netlink",)),
    Measure("add50", 1000, add50, (*OURS, *PEERS)),
    Measure("list", 1000, listing, FEW),
    Measure("restart", 1000, restart, (*OURS, *PEERS)),
    Measure("crash", 1000, crash, OURS),
    Measure("track", 0, track, (FLOOR,), floor="tracker"),
    Measure("dnat", 0, track, (FLOOR,), floor="translator"),
    *(Measure("flows packets", n, flows, ("netlink", FLOOR) if n != 1 else WITH_FLOOR,
              floor="forwarder")
      for n in (1, 5000, 30000)),
    Measure("flows packets", 1000, flows, WITH_FLOOR, floor="forwarder"),
    Measure("track6", 0, track, (FLOOR,), ipv6=True, floor="tracker"),
    *(Measure("flows6 packets6", n, flows6, ("netlink", FLOOR), ipv6=True,
              floor="forwarder")
      for n in (1, 5000, 16000)),
    *(Measure("memory file", n, memory, ("netlink", STATIC, *PEERS), once=True)
      for n in (0, 1000)),
]
