#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Compare upnpd, with each of its backends, with both builds of Debian's
miniupnpd. They take turns in the same run on the same machine, so that other
load affects all of them. Writes bench/RESULTS.md after a whole run. Needs
root.

    bench/run.py [--rounds N] [--only REGEX] [--among REGEX] [--out FILE]
                 [--verbose]
"""
import argparse
import contextlib
import os
import platform
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(ROOT, "tests", "netns"))

from daemon import UPNPD                            # noqa: E402
from lab import die_cleanly, run, which             # noqa: E402
import floors                                       # noqa: E402
import measures                                     # noqa: E402
import path                                         # noqa: E402
import peer                                         # noqa: E402
import report                                       # noqa: E402
import subject                                      # noqa: E402

TOOLS = ("ip", "nft", "iptables-legacy", "iptables-nft", "conntrack",
         "strace", "apt-get", "dpkg-deb")
RESULTS = os.path.join(HERE, "RESULTS.md")
CALLS = "system calls of a request"


def wanted(only):
    """The measures that have a requested row."""
    def asked(m, row):
        title = f"{row} {measures.ROWS[row].title}, {m.mappings} " \
            f"{measures.ROWS[row].noun}s"
        return re.search(only, title, re.I)
    return [m for m in measures.MEASURES
            if any(asked(m, row) for row in m.rows)]


def check():
    if os.geteuid() != 0:
        sys.exit("bench: needs root")
    missing = [tool for tool in TOOLS if not which(tool)]
    if missing:
        sys.exit(f"bench: not installed: {' '.join(missing)}")
    for binary in (UPNPD, subject.LOAD, subject.FLOWS, subject.PMPLOAD,
                   floors.BINARY, floors.ECHO):
        if not os.access(binary, os.X_OK):
            sys.exit(f"bench: {binary} is not built: make bench builds it")
    peer.fetch()


def take(m, one):
    """Return {row: value}, or {row: reason} if the probe failed."""
    try:
        return m.probe(one)
    except (RuntimeError, OSError, AssertionError, KeyError) as e:
        why = str(e).splitlines()
        return {row: f"failed: {why[0] if why else repr(e)}"
                for row in m.rows}


def round_of(todo, taking_part, found, verbose):
    for m in todo:
        for one in filter(m.who, taking_part):
            start = time.monotonic()
            got = take(m, one)
            if verbose:
                print(f"  {time.monotonic() - start:5.1f} s {m.mappings:6} "
                      f"{one.name}: {got}", file=sys.stderr)
            for row, value in got.items():
                cells = found.setdefault((row, m.mappings), {})
                cells.setdefault(one.name, []).append(value)


def run_stage(stage, todo, all_subjects, args, found):
    """Run all rounds of a stage, each with another order of subjects."""
    start = time.monotonic()
    taking_part = [one for one in all_subjects
                   if any(m.who(one) for m in todo)]
    if not taking_part:
        return
    for one in taking_part if stage != measures.ALONE else ():
        one.fill(stage)
    filled = time.monotonic()
    for turn in range(1 if stage == measures.ALONE else args.rounds):
        k = turn % len(taking_part)
        round_of(todo, taking_part[k:] + taking_part[:k], found, args.verbose)
    name = "separate daemons" if stage == measures.ALONE \
        else f"{stage} mappings"
    print(f"bench: {name}: prepared in {filled - start:.0f} s, measured in "
          f"{time.monotonic() - filled:.0f} s", file=sys.stderr)


def measure(args, all_subjects):
    """{(row, mappings): {subject: [value of each round]}}"""
    found = {}
    for stage in sorted({m.stage for m in args.todo}):
        run_stage(stage, [m for m in args.todo if m.stage == stage],
                  all_subjects, args, found)
    return found


def count_calls(all_subjects):
    lines = []
    for one in filter(measures.everybody, all_subjects):
        try:
            lines += path.lines_of(one)
        except (RuntimeError, OSError, AssertionError, KeyError) as e:
            lines.append(f"{one.name}: not counted: {e}")
    return lines


def processor():
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def about(args, took_s, without):
    """What was measured, where and how."""
    with open("/proc/meminfo") as f:
        memory_mb = int(f.readline().split()[1]) // 1024
    lines = [
        ("command", f"make bench ROUNDS={args.rounds}"
                    + (f" BENCH='{args.only}'" if args.only else "")),
        ("date", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())),
        ("rounds", f"{args.rounds}, in {took_s / 60:.0f} minutes"),
        ("machine", f"{os.cpu_count()} processors {processor()}, "
                    f"{memory_mb} MiB, Linux {platform.release()}"),
        ("upnpd", run(UPNPD, "-V", check=False).strip()),
        ("peer", "; ".join(peer.version_of(b) + f" ({b})"
                           for b in subject.PEERS)),
        ("tools", "; ".join(run(tool, "--version").splitlines()[0].strip()
                            for tool in ("nft", "iptables-legacy"))),
    ]
    return lines + [("not measured", line) for line in without]


def write(args, table, calls, about_it):
    report.write(args.out, table, about_it, calls)
    print(f"\nwritten: {args.out}")
    readme = os.path.join(ROOT, "README.md")
    if args.out == RESULTS and report.quote(readme, report.quoted(table,
                                                                  about_it)):
        print(f"written: {readme}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", metavar="REGEX",
                        help="only rows whose name or title matches; writes "
                             "no file unless --out is given")
    parser.add_argument("--among", default="", metavar="REGEX",
                        help="only subjects whose name matches; likewise")
    parser.add_argument("--out", metavar="FILE")
    parser.add_argument("--verbose", action="store_true",
                        help="print each value when it is measured")
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error("--rounds: at least 1")
    args.todo = wanted(args.only)
    args.calls = re.search(args.only, CALLS, re.I)
    if not args.todo and not args.calls:
        parser.error(f"--only {args.only}: no row matches; the rows are: "
                     + " ".join(measures.ROWS))
    if not args.only and not args.among and not args.out:
        args.out = RESULTS
    return args


def main():
    args = arguments()
    check()
    die_cleanly()
    start = time.monotonic()
    all_subjects, without = subject.subjects()
    all_subjects = [one for one in all_subjects
                    if re.search(args.among, one.name)]
    all_subjects += floors.floors([one for one in all_subjects
                                   if measures.ours(one)])
    for line in without:
        print(f"bench: not measured: {line}", file=sys.stderr)
    with contextlib.ExitStack() as stack:
        for one in all_subjects:
            stack.enter_context(one)
        calls = count_calls(all_subjects) if args.calls else []
        found = measure(args, all_subjects)
    table = report.Table(found, [one.name for one in all_subjects])
    report.show(table)
    print("\n".join(["", CALLS, *calls] if calls else []))
    if args.out:
        write(args, report.Table(found, table.names), calls,
              about(args, time.monotonic() - start, without))


if __name__ == "__main__":
    main()
