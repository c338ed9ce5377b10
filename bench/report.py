# SPDX-License-Identifier: ISC
"""The table of medians, ratios to the peer's better build and bars, printed
and written to RESULTS.md."""
import os
import statistics

import limits
from floors import is_floor
from measures import ROWS, bar_of, derived, title_of
from subject import PEERS


class Cell:
    """One row of one subject: the median of its rounds, or the reason why
    there is none. If one round failed, the row failed."""

    def __init__(self, values):
        whys = [v for v in values if isinstance(v, str)]
        self.why = whys[0] if whys else None
        self.value = None if whys else statistics.median(values)

    def __bool__(self):
        return self.value is not None


def number(value, unit):
    if unit == "s":
        return f"{value:.3f}"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}"


def better(row, value, other):
    """How many times better @value is than @other."""
    good, bad = (value, other) if row.more else (other, value)
    return good / bad if bad else float("inf")


def best_peer(row, cells):
    """The value of the peer's better build, or None."""
    values = [cells[p].value for p in PEERS if p in cells and cells[p]]
    return (max if row.more else min)(values) if values else None


class Table:
    """@found: {(row, mappings): {subject: [value of each round]}}"""

    def __init__(self, found, names):
        self.found = {key: {name: Cell(values)
                            for name, values in by_name.items()}
                      for key, by_name in found.items()}
        self.names = names
        self.met, self.missed = [], []
        for key, values in derived({
                key: {name: cell.value for name, cell in cells.items()}
                for key, cells in self.found.items()}).items():
            self.found[key] = {name: Cell([v]) for name, v in values.items()}

    def value(self, row, mappings, name):
        """The median, or None if it was not measured."""
        cell = self.found.get((row, mappings), {}).get(name)
        return cell.value if cell else None

    def peer(self, row, mappings):
        """The value of the peer's better build, or None."""
        return best_peer(ROWS[row], self.found.get((row, mappings), {}))

    def keys(self):
        order = list(ROWS)
        return sorted(self.found, key=lambda k: (order.index(k[0]), k[1]))

    def lines(self):
        """(title, subject, value, ratio, bar) of each line"""
        for key in self.keys():
            cells = self.found[key]
            for name in self.names:
                if name in cells:
                    yield self.line(key, name, cells)

    def line(self, key, name, cells):
        row = ROWS[key[0]]
        title = title_of(*key)
        cell, peer = cells[name], best_peer(row, cells)
        if not cell:
            return title, name, f"not measured: {cell.why}", "", \
                self.judge(key, name, None, None)
        value = f"{number(cell.value, row.unit)} {row.unit}"
        if name in PEERS:
            return title, name, value, "", ""
        ratio = better(row, cell.value, peer) \
            if peer and row.more is not None else None
        return title, name, value, f"{ratio:.2f}" if ratio else "-", \
            self.judge(key, name, cell.value, ratio)

    def judge(self, key, name, value, ratio):
        """The bar or limit, and whether @value meets it."""
        if name in PEERS or is_floor(name):
            return ""
        row = ROWS[key[0]]
        limit, bar = row.limit, bar_of(*key, name)
        if limit is not None:
            ok = value is not None and value <= limit
            return self.verdict(key, name, f"<= {limit:,}", ok)
        if row.share:
            whole = self.value(*key, row.of)
            if not whole:
                return ""
            return self.verdict(
                key, name, f">= {100 * row.share:g} % of the {row.of}",
                value is not None and value >= row.share * whole)
        if bar is None:
            return ""
        if value is not None and ratio is None:
            return f">= {bar:g}: the peer has no value"
        return self.verdict(key, name, f">= {bar:g}",
                            ratio is not None and ratio >= bar)

    def verdict(self, key, name, asked, ok):
        (self.met if ok else self.missed).append((key, name, asked))
        return f"{asked}: {'met' if ok else 'not met'}"


def show(table):
    """Print the table."""
    title = None
    for what, name, value, ratio, bar in table.lines():
        if what != title:
            title = what
            print(f"\n{title}")
        print(f"  {name:40} {value:>16} {ratio:>9}  {bar}")


EXPLAINED = """\
Each value is the median of the rounds. A ratio says how many times better it is
than the better one of the peer's two builds in the same run. A bar is the
project's own goal: such a ratio, or a limit of the value.

- Every request has its own connection, which the server closes.
- A "floor" is the least that any program needs. Without parsing: a server of
  two processes that makes upnpd's system calls for a request and sends a reply
  of the same length to any request. Of a tool: its runs alone, with no input,
  with one rule of a mapping, and with all rules of a mapping.
- The peer's rate at 8 and at 200 at once depends on the number of requests, of
  which there are 2,000 and 400. The peer's queue is short, so it now and then
  loses a connection, and the client tries again after a second or more.
- Mappings in place are UDP. Those that are added and deleted are TCP, 50 at a
  time, so that every subject has the same number in place.
- The peer's first 1,000 mappings were requested. Further ones were put into its
  chains by the firewall's tool, as the peer would have written them, because to
  request them takes minutes. So does a lease file, and twice the lines take
  four times as long. Those mappings are not in the peer's memory, so there is
  no figure for its memory with more than 1,000.
- Resident memory is that of all of a daemon's processes together; a page that
  two of them share is counted once. The peer is one process. Memory is measured
  after the mappings were made, with room for 1,024 of them (the default), or
  for as many as there are. PSS would be less where other programs of this
  machine use the same libraries.
- In all other measurements upnpd has room for 60,000 mappings.
- CPU is user and system time of all of a daemon's processes and of the tools
  that they ran.
- New flows: datagrams from new source ports, 64 at a time, to the port of the
  mapping that was made last, counted where they arrive.
- NAT-PMP's external address: the echo server makes upnpd's system calls for
  such a request, and answers any datagram with 12 bytes. All requests of a run
  leave from one socket. Daemon and load program share one processor.
- Pinholes are for UDP to the host that asks, from any host and port, each by a
  daemon in a lab with IPv6 that drops by default. AddPinhole adds to the
  1,000 in place, 50 at a time, up to 400 or for some four seconds. The value is
  the median of these batches, in one round.
- "From the start" includes the start of the process. The peer's lease file was
  written for it and its chains were emptied, as its service does at a stop.
"""


# The rows that README quotes: row, mappings, title.
QUOTED = (
    ("getip1", 0, "GetExternalIPAddress, one at a time"),
    ("getip200", 0, "the same, 200 at once"),
    ("add1", 1000, "AddPortMapping with 1,000 in place, one at a time"),
    ("add50", 1000, "the same, 50 at once"),
    ("map1", 1000, "PCP MAP with 1,000 in place, one at a time"),
    ("address1", 0, "NAT-PMP's external address, one at a time"),
    ("list", 1000, "listing 1,000 mappings"),
    ("restart", 1000, "from the start until 1,000 mappings forward"),
    ("flows", 1, "new flows with one mapping"),
    ("flows", 5000, "new flows with 5,000 mappings"),
    ("memory", 0, "resident memory, no mapping"),
    ("memory", 1000, "resident memory, 1,000 mappings"),
)
BEGIN, END = "<!-- bench/run.py -->\n", "<!-- end -->\n"


def quoted(table, about):
    """A table of these rows, upnpd beside the peer's better build."""
    names = [n for n in table.names if n not in PEERS and not is_floor(n)]
    out = ["| | " + " | ".join(names) + " | miniupnpd |",
           "|---|" + "--:|" * (len(names) + 1)]
    for row, mappings, title in QUOTED:
        cells = table.found.get((row, mappings))
        if not cells:
            continue
        unit, peer = ROWS[row].unit, best_peer(ROWS[row], cells)
        values = [cells[n].value if n in cells else None for n in names]
        out.append(f"| {title} | " + " | ".join(
            "" if v is None else f"{number(v, unit)} {unit}"
            for v in values + [peer]) + " |")
    kept = dict(about)
    return "\n".join(out + ["", f"{kept['command']}, {kept['date']}, "
                            f"{kept['machine']}."]) + "\n"


def quote(path, text):
    """Write @text between the two marks of the file. Return: does it have
    them?"""
    with open(path) as f:
        before, begin, rest = f.read().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        return False
    with open(path + ".new", "w") as f:
        f.write(before + begin + text + end + after)
    os.replace(path + ".new", path)
    return True


def write(path, table, about, calls):
    """RESULTS.md. @about: [(name, value)]; @calls: lines on system calls"""
    out = ["# Results of `make bench`", "",
           "Written by the program. Do not edit.", ""]
    out += [f"- {name}: {value}" for name, value in about]
    out += ["", EXPLAINED]
    title = None
    for what, name, value, ratio, bar in table.lines():
        if what != title:
            title = what
            out += ["", f"### {title}", "", "| | median | ratio | bar |",
                    "|---|--:|--:|---|"]
        out.append(f"| {name} | {value} | {ratio} | {bar} |")
    if calls:
        out += ["", "### System calls of a request", "",
                "Counted by strace of the daemon's own processes, without the "
                "tools that it runs. The fewest of several runs.", ""]
        out += [f"- {line}" for line in calls]
    out += ["", "### Bars and limits", "", f"{len(table.met)} met, "
            f"{len(table.missed)} not met, for the reasons below.",
            ""]
    out += limits.lines_of(table)
    with open(path + ".new", "w") as f:
        f.write("\n".join(out).rstrip() + "\n")
    os.replace(path + ".new", path)
