# SPDX-License-Identifier: ISC
"""The measurements, their rows in the table, and the bar of each row.

A stage is a number of mappings in place. All subjects enter a stage together,
and run all rounds in it."""
import contextlib
import os
import signal
import socket
import statistics
import subprocess
import time

from floors import ECHO_NAME, SERVER_NAME, Echo, Server, Tool
from lab import wait_until
from subject import ADD_PORT, FILL_PORT, STATIC_NAME, pairs
from upnp import GROUP, Igd, Listener, UpnpError, msearch

TCP_PORT = ADD_PORT + 22000     # clients have source ports below 61000
SEARCHES = 5            # their median counts
ROOM = 1024             # the default of max-mappings
FLAT_AT = (1, 1000, 5000, 30000)
FLAT_TURNS = 9
FLAT6_AT = (1, 1000, 5000)      # pinholes
# Add BATCH mappings, then delete them, so that every subject has the same
# number in place; repeat up to BATCHES times or BATCHES_S seconds.
BATCH, BATCHES = 50, 8
BATCHES_S = 2
BURSTS, BURSTS_S = 5, 1     # most repetitions and seconds of a short burst


class Row:
    """A row of the table.

    @unit:   "/s", "ms", ...
    @more:   True if a larger value is better, None if neither is
    @bar:    function: subject's name -> how many times better than the peer's
             better build it must be, or None for no bar
    @share:  the least allowed share of the value of the subject @of
    @limit:  the largest allowed value for our subjects, in @unit
    @noun:   what is in place
    """

    def __init__(self, title, unit, more=True, bar=None, limit=None,
                 noun="mapping", share=None, of=None):
        self.title, self.unit, self.more = title, unit, more
        self.noun, self.share, self.of = noun, share, of
        self.bar = bar or (lambda name: None)
        self.limit = limit


def title_of(row, n):
    """The title of a row with @n in place."""
    row = ROWS[row]
    return f"{row.title}, {n:,} {row.noun}{'' if n == 1 else 's'}"


def by_backend(netlink, iptables):
    """A bar for each kind of backend."""
    def bar(name):
        return iptables if name.startswith("iptables") else netlink
    return bar


def all_of(factor):
    return by_backend(factor, factor)


# ---- probes: each measures a subject, and returns {row: value or reason}
# -----

def value_of(result, key="rate"):
    """The number, or the reason why there is none."""
    if result.get("answered", 1) and key in result:
        return result[key]
    return result.get("why") or "no answer"


class Sum:
    """Several runs of the load program, added up. A result that is missing is
    a text with the reason, as in a row."""

    def __init__(self):
        self.runs, self.answered, self.took_s = [], 0, 0.0
        self.why = None

    def add(self, result):
        self.runs.append(result)
        if not result.get("answered"):
            self.why = self.why or result["why"] or "no answer"
            return
        self.answered += result["answered"]
        self.took_s += result["answered"] / result["rate"]

    def rate(self):
        return self.why or self.answered / self.took_s

    def median(self):
        return self.why or statistics.median(run["rate"] for run in self.runs)

    def of_1000(self, key):
        return self.why or sum(run["answered"] * run[key]
                               for run in self.runs) / self.answered

    def worst_ms(self):
        waits = list(map(worst_ms, self.runs))
        return next((w for w in waits if isinstance(w, str)), None) \
            or max(waits)


def asking(row, what, at_once=1, n=1000, **options):
    """The rate of one kind of request."""
    def probe(subject):
        return {row: value_of(subject.load(what, at_once, n, **options))}
    return probe


def getip_one(subject):
    done = subject.load("getip", 1, 2000, seconds=1)
    return {"getip1": value_of(done), "cpu_getip": value_of(done, "cpu_s"),
            "reply": value_of(done, "bytes")}


def bursts(subject, at_once, n):
    """Several bursts of @n requests each. The peer's rate depends on the
    number of requests, so @n is the same for all."""
    done = Sum()
    for _ in range(BURSTS):
        done.add(subject.load("getip", at_once, n, seconds=4))
        if done.why or done.took_s > BURSTS_S:
            break
    return done


def getip_few(subject):
    done = bursts(subject, 8, 2000)
    return {"getip8": done.rate(), "worst8": done.worst_ms(),
            "cpu_getip8": done.of_1000("cpu_s"),
            "load_getip8": done.of_1000("load_s")}


def getip_crowd(subject):
    done = bursts(subject, 200, 400)
    return {"getip200": done.rate(), "worst200": done.worst_ms()}


def worst_ms(done):
    """The longest wait, if all requests were answered."""
    if done.get("errors") or done.get("answered") != done.get("started"):
        return "not all requests were answered"
    return done["max_us"] / 1000


def getip_idle(subject):
    """The rate beside 2,000 idle connections."""
    done = subject.load("getip", 200, 400, seconds=4, idle=2000)
    if not subject.daemon.running():
        subject.start()
        return {"idle200": "it exited", "idle_worst": "it exited"}
    return {"idle200": value_of(done), "idle_worst": worst_ms(done)}


def batch(subject, added, gone):
    """Add BATCH mappings one at a time, then delete them all."""
    more = subject.load("add", 1, BATCH, seconds=BATCHES_S, first=ADD_PORT)
    added.add(more)
    n = max(1, int(more.get("started", 1)))
    less = subject.load("delete", 1, n, first=ADD_PORT, seconds=BATCHES_S)
    gone.add(less)
    left = n - int(less.get("started", 0))
    if left > 0:
        subject.load("delete", subject.AT_ONCE, left,
                     first=ADD_PORT + n - left)


def add_and_delete(subject):
    added, gone = Sum(), Sum()
    for _ in range(BATCHES):
        batch(subject, added, gone)
        if added.why or added.took_s + gone.took_s > BATCHES_S:
            break
    return {"add1": added.rate(), "cpu_add": added.of_1000("cpu_s"),
            "delete1": gone.rate(), "cpu_delete": gone.of_1000("cpu_s")}


def tool_alone(tool):
    """The cost of the tool's runs that add a rule and delete it."""
    gone, added = tool.alone()
    return {"add1": added.rate(), "cpu_add": added.cpu_of_1000(),
            "delete1": gone.rate(), "cpu_delete": gone.cpu_of_1000()}


def address_by_natpmp(subject):
    """NAT-PMP's external address, one request at a time and 8 at once. On one
    processor: to wake the other one costs several times as much as a request,
    and whether that happens is chance. More requests than PMP_REQUESTS_BURST
    in a few seconds would be above upnpd's rate for a client."""
    with subject.on_one_processor():
        one = subject.pmp_load("address", 1, 4000)
        few = subject.pmp_load("address", 8, 4000)
    return {"address1": value_of(one), "address8": value_of(few),
            "cpu_address": value_of(one, "cpu_s")}


def map_batch(subject, added, gone):
    """As batch(), by PCP. One of the peer's builds needs seconds to delete
    one, so UPnP deletes what is left of it; upnpd leaves none."""
    added.add(subject.pmp_load("map", 1, BATCH, seconds=BATCHES_S,
                               first=ADD_PORT))
    n = max(1, int(added.runs[-1].get("started", 1)))
    gone.add(subject.pmp_load("unmap", 1, n, seconds=BATCHES_S,
                              first=ADD_PORT))
    left = n - int(gone.runs[-1].get("started", 0))
    if left > 0:
        subject.load("delete", subject.AT_ONCE, left,
                     first=ADD_PORT + n - left)


def map_and_unmap(subject):
    added, gone = Sum(), Sum()
    for _ in range(BATCHES):
        map_batch(subject, added, gone)
        if added.why or added.took_s + gone.took_s > BATCHES_S:
            break
    return {"map1": added.rate(), "cpu_map": added.of_1000("cpu_s"),
            "unmap1": gone.rate()}


def add_crowd(subject):
    added = subject.load("add", 50, 400, seconds=4, first=ADD_PORT)
    subject.load("delete", subject.AT_ONCE,
                 max(1, int(added.get("started", 1))), first=ADD_PORT,
                 seconds=20)
    return {"add50": value_of(added)}


def enumerate_all(subject):
    """List the mappings from the first index to the last, as clients do."""
    n = min(subject.filled, 1000)
    return {"list": value_of(subject.load("list", 1, n, seconds=5, keys=n))}


def specific(subject):
    return {"specific": value_of(subject.load(
        "specific", 1, 1000, seconds=2, keys=min(subject.filled, 1000),
        first=FILL_PORT, proto="UDP"))}


def search(subject):
    """The time from a search to the first answer."""
    lan = subject.lab.lan1
    waits = []
    for _ in range(SEARCHES):
        with lan.socket(socket.SOCK_DGRAM, (lan.ip, 0)) as sock:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                            socket.inet_aton(lan.ip))
            sock.settimeout(3)
            start = time.monotonic()
            sock.sendto(msearch("upnp:rootdevice"), (GROUP, 1900))
            try:
                sock.recv(4096)
            except socket.timeout:
                return {"search": "no answer"}
            waits.append((time.monotonic() - start) * 1000)
    return {"search": statistics.median(waits)}


def start_anew(subject):
    """The time from the start to the first NOTIFY."""
    subject.stop()
    heard = Listener(subject.lab.lan1)
    try:
        start = subject.now_ms()
        subject.start(wait=False)
        came = wait_until(lambda: heard.of("ssdp:alive"), 10, 0.0005)
        took = subject.now_ms() - start
    finally:
        heard.close()
    subject.daemon.wait_ready()
    return {"notify": took if came else "none in 10 s"}


def memory(mappings):
    """Memory with that many mappings, in a separate lab. max-mappings is the
    default, or more if needed."""
    def probe(subject):
        if subject.is_peer and mappings > subject.ASKED:
            why = "requesting so many takes too long"
            return {"memory": why, "pss": why}
        with subject.like(max(ROOM, mappings)) as one:
            one.fill(mappings)
            held, pss = one.memory_kb()
            one.stop()
        return {"memory": held, "pss": pss}
    return probe


def restart(subject):
    """The time from the start until all mappings forward."""
    subject.stop()
    looker = subprocess.Popen(
        subject.flows("all", FILL_PORT, subject.filled, 60),
        stdout=subprocess.PIPE, text=True)
    looker.stdout.readline()            # "ready"
    start = subject.now_ms()
    subject.start(wait=False)
    found = pairs(looker.stdout.read())
    looker.wait()
    wait_until(subject.daemon.serves, 60)
    subject.forget_flows()
    if subject.is_peer:
        # Restart it without the lease file, which would slow it; its rules
        # stay.
        subject.daemon.stop()
        subject.daemon.start()
    if found["left"]:
        return {"restart": f"{found['left']:.0f} did not forward in 60 s"}
    return {"restart": found["at_ms"] - start}


def crash(subject):
    """The time from the engine's death until the next one answers for a
    mapping."""
    if subject.is_peer:
        return {"crash": "the peer is one process"}
    igd = Igd(subject.lab.lan1)
    engine = subject.processes()["engine"]
    start = subject.now_ms()
    os.kill(engine, signal.SIGKILL)
    came = wait_until(lambda: answered(igd), 10, 0.0005)
    took = subject.now_ms() - start
    subject.stop()      # the fifth death in a minute would end upnpd
    subject.start()
    return {"crash": took if came else "not in 10 s"}


def answered(igd):
    """The first mapping's client, or None while upnpd does not answer."""
    with contextlib.suppress(OSError, AssertionError, UpnpError):
        return igd.specific(FILL_PORT, "UDP")["NewInternalClient"]


def new_flows(subject):
    """The rate of new flows through the last mapping."""
    if not subject.filled:
        subject.fill(1)
    subject.forget_flows()
    found = subject.traffic("new", FILL_PORT + subject.filled - 1, 20000)
    subject.forget_flows()
    if found.get("lost"):
        found = {"why": f"{found['lost']:.0f} lost"}
    return {"flows": value_of(found)}


def flatness(subject):
    """How much slower new flows are with more mappings, in percent. Measured
    by one router for each number, in turn, because stages are minutes
    apart."""
    with contextlib.ExitStack() as stack:
        ones = [stack.enter_context(subject.like(FLAT_AT[-1]))
                for _ in FLAT_AT]
        for one, mappings in zip(ones, FLAT_AT):
            one.fill(mappings)
        return {"flat": slowest(ones)}


def slowest(ones):
    """How far the slowest of these is below the fastest, in percent."""
    rates = [[new_flows(one)["flows"] for one in ones]
             for _ in range(FLAT_TURNS)]
    for one in ones:
        one.stop()
    if any(isinstance(rate, str) for turn in rates for rate in turn):
        return "some flows were lost"
    medians = [statistics.median(column) for column in zip(*rates)]
    return 100 * (1 - min(medians) / max(medians))


def pinholes(subject):
    """New flows and AddPinhole with 1,000 in place, by a daemon in a lab with
    IPv6. The rate is the median of the batches. They stay in place, so a
    subject that adds more has more."""
    with subject.like6() as one:
        one.fill6(1000)
        flows = new_flows(one)["flows"]
        added = Sum()
        for _ in range(BATCHES):
            added.add(one.pinholes(BATCH, seconds=2 * BATCHES_S))
            if added.why or added.took_s > 2 * BATCHES_S:
                break
        one.stop()
    return {"add6": added.median(), "cpu_add6": added.of_1000("cpu_s"),
            "flows6": flows}


def flatness6(subject):
    """As flatness(), with pinholes."""
    with contextlib.ExitStack() as stack:
        ones = [stack.enter_context(subject.like6()) for _ in FLAT6_AT]
        for one, n in zip(ones, FLAT6_AT):
            one.fill6(n)
        return {"flat6": slowest(ones)}


def throughput(subject):
    subject.load("add", 1, 1, first=TCP_PORT)
    found = subject.traffic("tcp", TCP_PORT)
    subject.load("delete", 1, 1, first=TCP_PORT)
    return {"tcp": value_of(found)}


# ---- which subjects take part ----------------------------------------------

def everybody(subject):
    return subject.name != STATIC_NAME and not subject.is_floor


def ours(subject):
    return everybody(subject) and not subject.is_peer


def with_server(subject):
    """Everybody, and the server that parses nothing."""
    return everybody(subject) or subject.name == SERVER_NAME


def with_echo(subject):
    """Everybody, and the echo server."""
    return everybody(subject) or isinstance(subject, Echo)


def tools(subject):
    return isinstance(subject, Tool)


def with_static(subject):
    """Everybody and the static build, without iptables-nft, whose memory is
    that of iptables-legacy."""
    return subject.backend != "iptables-nft" and not subject.is_floor


def with_servers(subject):
    return with_static(subject) or isinstance(subject, Server)


def hashed(subject):
    """The peers, and our subjects whose rules are a lookup, not a list."""
    return everybody(subject) and not subject.name.startswith("iptables")


def ours_hashed(subject):
    return hashed(subject) and not subject.is_peer


class Measure:
    """@stage: the number of mappings in place, or ALONE
    @rows: the rows that @probe returns
    @mappings: the number in the titles of the rows, if not @stage"""

    def __init__(self, stage, probe, rows, who=everybody, mappings=None):
        self.stage, self.probe, self.who = stage, probe, who
        self.rows = rows.split()
        self.mappings = stage if mappings is None else mappings


# Measured before the stages, with separate daemons, in one round.
ALONE = -1

MEASURES = [Measure(ALONE, memory(n), "memory pss", who, n)
            for n, who in ((0, with_servers), (1000, with_static),
                           (10000, with_static))] + [
    Measure(ALONE, flatness, "flat", ours_hashed, FLAT_AT[-1]),
    Measure(ALONE, pinholes, "add6 cpu_add6 flows6", hashed, 1000),
    Measure(ALONE, flatness6, "flat6", ours_hashed, FLAT6_AT[-1]),
    Measure(0, start_anew, "notify"),
    Measure(0, asking("description", "get", seconds=1), "description"),
    Measure(0, getip_one, "getip1 cpu_getip reply", with_server),
    Measure(0, getip_few, "getip8 worst8 cpu_getip8 load_getip8", with_server),
    Measure(0, getip_crowd, "getip200 worst200", with_server),
    Measure(0, getip_idle, "idle200 idle_worst"),
    Measure(0, add_and_delete, "add1 cpu_add delete1 cpu_delete"),
    Measure(0, tool_alone, "add1 cpu_add delete1 cpu_delete", tools),
    Measure(0, add_crowd, "add50"),
    Measure(0, address_by_natpmp, "address1 address8 cpu_address",
            with_echo),
    Measure(0, map_and_unmap, "map1 cpu_map unmap1"),
    Measure(0, search, "search"),
    Measure(0, throughput, "tcp"),
    Measure(1, new_flows, "flows"),
    Measure(1000, getip_one, "getip1 cpu_getip"),
    Measure(1000, add_and_delete, "add1 cpu_add delete1 cpu_delete"),
    Measure(1000, tool_alone, "add1 cpu_add delete1 cpu_delete", tools),
    Measure(1000, add_crowd, "add50"),
    Measure(1000, map_and_unmap, "map1 cpu_map unmap1"),
    Measure(1000, enumerate_all, "list"),
    Measure(1000, specific, "specific"),
    Measure(1000, new_flows, "flows"),
    Measure(1000, restart, "restart"),
    Measure(1000, crash, "crash"),
    Measure(5000, new_flows, "flows"),
    Measure(10000, add_and_delete, "add1 cpu_add delete1 cpu_delete"),
    Measure(10000, tool_alone, "add1 cpu_add delete1 cpu_delete", tools),
    Measure(10000, add_crowd, "add50"),
    Measure(30000, new_flows, "flows", hashed),
]

# In the table's order.
ROWS = {
    "description": Row("description", "/s"),
    "getip1": Row("GetExternalIPAddress, one at a time", "/s"),
    "getip8": Row("GetExternalIPAddress, 8 at once", "/s", bar=all_of(50)),
    "worst8": Row("... the longest wait of them", "ms", False),
    "getip200": Row("GetExternalIPAddress, 200 at once", "/s",
                    bar=all_of(50)),
    "worst200": Row("... the longest wait of them", "ms", False, limit=1000),
    "idle200": Row("GetExternalIPAddress, 200 at once beside 2,000 idle "
                   "connections", "/s", bar=all_of(50)),
    "idle_worst": Row("... the longest wait of them", "ms", False,
                      limit=1000),
    "add1": Row("AddPortMapping, one at a time", "/s"),
    "add50": Row("AddPortMapping, 50 at once", "/s"),
    "delete1": Row("DeletePortMapping, one at a time", "/s"),
    "address1": Row("NAT-PMP's external address, one at a time", "/s",
                    share=0.85, of=ECHO_NAME),
    "address8": Row("NAT-PMP's external address, 8 at once", "/s",
                    share=0.85, of=ECHO_NAME),
    "cpu_address": Row("CPU seconds per 1,000 requests of NAT-PMP's external "
                       "address", "s", False),
    "map1": Row("PCP MAP, one at a time", "/s"),
    "unmap1": Row("PCP MAP with lifetime 0, one at a time", "/s"),
    "cpu_map": Row("CPU seconds per 1,000 PCP MAP", "s", False),
    "list": Row("GetGenericPortMappingEntry, from first to last", "/s",
                bar=all_of(5)),
    "specific": Row("GetSpecificPortMappingEntry", "/s"),
    "search": Row("answer to a search", "ms", False, limit=100),
    "notify": Row("first NOTIFY after the start", "ms", False, limit=150),
    "restart": Row("from the start until all mappings forward", "ms", False),
    "crash": Row("from an engine's death until the next one answers for its "
                 "mappings", "ms", False, limit=1000),
    "memory": Row("resident memory", "KiB", False, bar=all_of(3)),
    "pss": Row("... as PSS", "KiB", False),
    "per_mapping": Row("resident memory per mapping, between none and 1,000",
                       "bytes", False),
    "cpu_getip": Row("CPU seconds per 1,000 GetExternalIPAddress", "s", False,
                     bar=all_of(1)),
    "cpu_getip8": Row("CPU seconds per 1,000 GetExternalIPAddress, 8 at once",
                      "s", False),
    "load_getip8": Row("... of the load program", "s", None),
    "reply": Row("length of an answer to GetExternalIPAddress", "bytes",
                 None),
    "cpu_add": Row("CPU seconds per 1,000 AddPortMapping", "s", False,
                   bar=all_of(1)),
    "cpu_delete": Row("CPU seconds per 1,000 DeletePortMapping", "s", False,
                      bar=all_of(1)),
    "flows": Row("new flows through the last mapping", "/s"),
    "flat": Row("new flows, the slowest of " + ", ".join(
                f"{n:,}" for n in FLAT_AT) + " mappings below the fastest",
                "%", False, limit=15),
    "add6": Row("AddPinhole, one at a time", "/s", noun="pinhole"),
    "cpu_add6": Row("CPU seconds per 1,000 AddPinhole", "s", False,
                    noun="pinhole"),
    "flows6": Row("new flows through the last pinhole", "/s",
                  noun="pinhole"),
    "flat6": Row("new flows, the slowest of " + ", ".join(
                 f"{n:,}" for n in FLAT6_AT) + " pinholes below the fastest",
                 "%", False, limit=15, noun="pinhole"),
    "tcp": Row("one mapped TCP connection", "MB/s"),
}
# The bars that depend on the number of mappings in place.
BARS = {
    ("add1", 1000): by_backend(20, 1.2),
    ("add6", 1000): by_backend(20, None),
    ("map1", 1000): by_backend(20, None),
    ("add50", 0): by_backend(50, 10),
    ("add50", 1000): by_backend(50, 10),
    ("add50", 10000): by_backend(50, 10),
    ("flows", 5000): by_backend(4, None),
}


def derived(found):
    """Rows that are computed from others. @found: {(row, mappings): {subject:
    value or None}}"""
    none, full = found.get(("memory", 0), {}), found.get(("memory", 1000), {})
    each = {name: (full[name] - none[name]) * 1024 / 1000
            for name in full if full[name] and none.get(name)}
    return {("per_mapping", 1000): each} if each else {}


def bar_of(row, mappings, name):
    return BARS.get((row, mappings), ROWS[row].bar)(name)
