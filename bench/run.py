#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Measure upnpd beside both builds of Debian's miniupnpd and beside floors,
which do only what any program must do. They take turns in the same run on the
same machine, so that other load affects all of them. A whole run writes the
results into docs/performance.md. Needs root.

    bench/run.py [--rounds N] [--only REGEX] [--verbose]
"""
import argparse
import contextlib
import os
import platform
import re
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(ROOT, "tests", "netns"))

from lab import die_cleanly, run, which                     # noqa: E402
import evening                                              # noqa: E402
import subjects                                             # noqa: E402
from rows import CHANGES, FLOOR, HANDED, MEASURES, PEERS, ROWS, STATIC       # noqa: E402

DOCUMENT = os.path.join(ROOT, "docs", "performance.md")
BEGIN, END = "<!-- bench/run.py -->\n", "<!-- end -->\n"
# command -> Debian's package
TOOLS = {"ip": "iproute2", "nft": "nftables", "iptables-nft": "iptables",
         "conntrack": "conntrack", "wrk": "wrk", "musl-gcc": "musl-tools",
         "dpkg-deb": "dpkg"}


def check():
    missing = sorted({p for tool, p in TOOLS.items() if not which(tool)})
    if os.geteuid() or missing:
        sys.exit("bench: needs root" + (f" and {' '.join(missing)}: apt-get "
                                        f"install {' '.join(missing)}"
                                        if missing else ""))
    subjects.fetch()


FLOORS = {
    "server": lambda n, ipv6: subjects.Floor(),
    "changer": lambda n, ipv6: subjects.Floor(changes=True),
    "transaction": lambda n, ipv6: subjects.Kernel(n),
    "tracker": lambda n, ipv6: subjects.tracker(ipv6),
    "translator": lambda n, ipv6: subjects.translator(),
    "forwarder": lambda n, ipv6: subjects.forwarder(ipv6),
}


def make(name, n, ipv6, once, floor):
    """A subject of this name, not entered yet. @once: and not with IPv6: its
    memory is measured, with the default room."""
    if name == FLOOR:
        return FLOORS[floor](n, ipv6)
    if name in PEERS:
        return subjects.Peer(name, n, ipv6)
    if name == STATIC:
        one = subjects.Ours("netlink", n, binary=subjects.STATIC, room=1024)
        one.name = STATIC
        return one
    return subjects.Ours(name, n, ipv6, room=subjects.ROOM if ipv6 or not once
                         else 1024)


def enter(stack, subject):
    """The subject, or None if it cannot be made (which is printed)."""
    try:
        return stack.enter_context(subject)
    except (subjects.Failed, RuntimeError, OSError, AssertionError) as e:
        print(f"bench: {subject.name}: {e}", file=sys.stderr)
        return None


def measure(todo, rounds, verbose):
    """{(row, n): {name: [value of each round]}}. Each round has another order
    of subjects."""
    found, made = {}, {}
    with contextlib.ExitStack() as stack:
        for m in todo:
            for name in m.names:
                if m.key(name) not in made:
                    if verbose:
                        print("make", *m.key(name), file=sys.stderr)
                    made[m.key(name)] = enter(stack, make(*m.key(name)))
        for turn in range(rounds):
            for m in todo if not turn else [m for m in todo if not m.once]:
                k = turn % len(m.names)
                for name in m.names[k:] + m.names[:k]:
                    start = time.monotonic()
                    got = m.of(made[m.key(name)])
                    if verbose:
                        print(f"{time.monotonic() - start:5.1f} s {m.n:6} "
                              f"{name}: {got}", file=sys.stderr)
                    for row in set(got) & {*m.rows}:
                        found.setdefault((row, m.n), {}).setdefault(
                            name, []).append(got[row])
    return found


# ---- the report ------------------------------------------------------------

def median(values):
    """The median, or the reason why there is none: if one round failed, the
    row failed."""
    whys = [v for v in values if isinstance(v, str)]
    return whys[0] if whys else statistics.median(values)


def number(value, unit):
    if isinstance(value, str) or value is None:
        return value or ""
    digits = 3 if unit == "s" else 0 if value >= 100 else 1
    return f"{value:,.{digits}f} {unit}"


class Table:
    """@found: of measure()"""

    def __init__(self, found):
        self.found = {key: {name: median(values)
                            for name, values in by_name.items()}
                      for key, by_name in found.items()}

        for (row, n), cells in self.found.items():
            parts = [self.value(CHANGES.get(row), 0, FLOOR),
                     self.value("bare", n, FLOOR)]
            if row in CHANGES and all(parts):
                cells[FLOOR] = 1 / sum(1 / rate for rate in parts)

    def value(self, row, n, name):
        got = self.found.get((row, n), {}).get(name)
        return None if isinstance(got, str) else got

    def keys(self):
        order = list(ROWS)
        return sorted(self.found, key=lambda k: (order.index(k[0]), k[1]))

    def title(self, row, n):
        if ROWS[row].title.startswith("new flows") and not n:
            return ROWS[row].title      # no mapping is part of it
        noun = "pinhole" if row in ("pinhole", "flows6", "packets6") \
            else "mapping"
        return f"{ROWS[row].title}, {n:,} {noun}{'s' * (n != 1)}"

    def bars(self):
        """(title, bar, ratio or value, is it met, or None: it is no bar)"""
        for row, n in self.keys():
            yield from self.bars_of(row, n)
        for row in ROWS:
            if ROWS[row].flat:
                rates = [self.value(r, n, "netlink") for r, n in self.keys()
                         if r == row]
                if len(rates) > 1 and all(rates):
                    below = 1 - min(rates) / max(rates)
                    yield (f"{ROWS[row].title}, the slowest of these numbers",
                           f"{100 * ROWS[row].flat:g} % below the fastest at "
                           "most", f"{100 * below:.0f} %",
                           below <= ROWS[row].flat)

    def bars_of(self, row, n):
        r, title = ROWS[row], self.title(row, n)
        mine, floor = (self.value(row, n, who) for who in ("netlink", FLOOR))
        peers = [v for v in (self.value(row, n, p) for p in PEERS) if v]
        if r.floor and (row, n) in self.found and FLOOR in \
                self.found[row, n]:
            share = mine / floor if mine and floor else 0
            yield (title, f"{100 * r.floor:g} % of the floor",
                   f"{100 * share:.0f} %", share >= r.floor)
        handed = self.value(HANDED.get(row), 0, FLOOR)
        if mine and handed:
            yield (title, "with a process for changes: no bar",
                   f"{100 * mine / handed:.0f} %", None)
        if r.peer and peers:
            times = (mine or 0) / max(peers)
            yield (title, f"{r.peer} times miniupnpd", f"{times:.1f} times",
                   times >= r.peer)
        for name, value in self.found[row, n].items():
            limit = (r.limit_of or {}).get(name, {}).get(n)
            if r.limit and name not in (*PEERS, FLOOR):
                limit = r.limit
            if limit:
                yield (f"{title}, {name}", f"{limit:,} {r.unit} at most",
                       number(value, r.unit),
                       not isinstance(value, str) and value <= limit)

    def lines(self):
        names = ["netlink", "iptables-legacy", "iptables-nft", STATIC, FLOOR,
                 *PEERS]
        names = [n for n in names
                 if any(n in cells for cells in self.found.values())]
        yield "| | " + " | ".join(names) + " |"
        yield "|---|" + "--:|" * len(names)
        for row, n in self.keys():
            cells = self.found[row, n]
            yield f"| {self.title(row, n)} | " + " | ".join(
                number(cells.get(name), ROWS[row].unit)
                for name in names) + " |"


def about(args, took_s):
    with open("/proc/cpuinfo") as f:
        model = re.search(r"model name\s*: (.*)", f.read())
    return (f"Written by `make bench ROUNDS={args.rounds}` on "
            + time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
            + f" in {took_s / 60:.0f} minutes: medians of {args.rounds} "
            f"rounds. {os.cpu_count()} processors "
            f"{model[1] if model else platform.machine()}, Linux "
            f"{platform.release()}; load averages {args.load} before the run. "
            + run(subjects.UPNPD, "-V").strip() + " beside "
            + subjects.version_of(PEERS[0]) + ".")


MET = {True: "met", False: "**not met**", None: ""}


def report(args, table, nights, took_s):
    bars = [*table.bars(), *evening.bars(nights)]
    met = [ok for *_, ok in bars if ok is not None]
    return "\n".join([
        about(args, took_s), "", *table.lines(), "",
        f"### Bars\n\n{sum(met)} of {len(met)} are met.\n",
        "| | bar | measured | |", "|---|---|--:|---|",
        *(f"| {title} | {bar} | {got} | {MET[ok]} |"
          for title, bar, got, ok in bars),
        "", *evening.lines(nights)]) + "\n"


def write(text):
    with open(DOCUMENT) as f:
        before, begin, rest = f.read().partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin and end, f"{DOCUMENT} lacks the marks"
    with open(DOCUMENT + ".new", "w") as f:
        f.write(before + begin + text + end + after)
    os.replace(DOCUMENT + ".new", DOCUMENT)
    print(f"written: {DOCUMENT}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", metavar="REGEX",
                        help="only rows that match, or evening; then no file "
                             "is written")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--check", action="store_true",
                        help="only look whether all tools are there")
    args = parser.parse_args()
    args.load = " ".join(f"{x:.1f}" for x in os.getloadavg())
    return args


def main():
    args = arguments()
    check()
    if args.check:
        return
    die_cleanly()
    start = time.monotonic()
    todo = [m for m in MEASURES if any(
        re.search(args.only, f"{row} {m.n} {ROWS[row].title}")
        for row in m.rows)]
    table = Table(measure(todo, args.rounds, args.verbose))
    nights = evening.all_of() if re.search(args.only, "evening") else {}
    text = report(args, table, nights, time.monotonic() - start)
    print(text)
    if not args.only:
        write(text)


if __name__ == "__main__":
    main()
