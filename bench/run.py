#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""upnpd, by each of its backends, beside Debian's miniupnpd (nftables build):
the same lab, the same run, in turn, so that what the machine does meanwhile
falls on all of them. Prints the median of the rounds and, for each, how many
times miniupnpd's rate that is. Root; see tests/netns/lab.py for the lab.

    bench/run.py [--rounds N] [--quick]
"""
import argparse
import contextlib
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(ROOT, "tests", "netns"))

from daemon import UPNPD, Miniupnpd, Upnpd          # noqa: E402
from firewall import FIREWALLS                      # noqa: E402
from lab import LAN_IP, Lab, die_cleanly, which     # noqa: E402
from upnp import WANIP, Igd, search                 # noqa: E402

LOAD = os.path.join(ROOT, "build", "load")
PEER = "miniupnpd"
SUBJECTS = ("nft", "iptables-legacy", "iptables-nft", PEER)
# (what, at once, requests)
GETIP = (("getip", 1, 3000), ("getip", 50, 500), ("getip", 200, 400))
ADD = (("add", 1, 100), ("add", 50, 100), ("add", 200, 200))
FILL = 1000             # mappings in place for the second half
FILL_PORT, ADD_PORT = 20000, 40000


class Subject:
    """One daemon in a lab of its own."""

    def __init__(self, name, lab):
        self.name, self.lab = name, lab
        if name == PEER:
            self.daemon = Miniupnpd(lab).start()
            location = search(lab.lan1, "upnp:rootdevice")[0]["LOCATION"]
            path = "/" + location.split("/", 3)[3]
        else:
            self.daemon = Upnpd(lab, name, max_mappings=8192,
                                max_mappings_per_client=8192).start()
            path = "/igd1.xml"
        self.url = Igd(lab.lan1, port=self.daemon.port,
                       path=path).urls[WANIP]

    def load(self, what, conc, n, first=ADD_PORT):
        """One run of the load program: {name: number}."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.lab.lan1.ns, LOAD, "-a", LAN_IP,
             "-p", str(self.daemon.port), "-u", self.url, "-n", str(n),
             "-c", str(conc), "-e", str(first), what],
            stdout=subprocess.PIPE, text=True, check=False)
        words = done.stdout.split()
        return dict(zip(words[::2], map(float, words[1::2])))

    def measure(self, what, conc, n):
        result = self.load(what, conc, n)
        if what == "add":
            self.load("delete", 4, n)
        return result


def measure(subjects, workloads, rounds):
    """{(subject, workload): [result of each round]}"""
    found = {}
    for turn in range(rounds):
        order = subjects[turn % len(subjects):] + \
            subjects[:turn % len(subjects)]
        for workload in workloads:
            for subject in order:
                found.setdefault((subject.name, workload), []).append(
                    subject.measure(*workload))
        print(f"  round {turn + 1} of {rounds}", file=sys.stderr)
    return found


def table(title, subjects, workloads, found):
    print(f"\n{title}\n")
    print(f"  {'':16} {'at once':>7} {'daemon':22} {'rate/s':>9} "
          f"{'p50 ms':>8} {'p99 ms':>8} {'errors':>6} {'ratio':>7}")
    for workload in workloads:
        peer = median(found[PEER, workload], "rate")
        for subject in subjects:
            rows = found[subject.name, workload]
            rate = median(rows, "rate")
            name = subject.name if subject.name == PEER \
                else f"upnpd {subject.name}"
            print(f"  {ACTION[workload[0]]:16} {workload[1]:7} {name[:22]:22}"
                  f" {rate:9.1f} {median(rows, 'p50_us') / 1000:8.2f}"
                  f" {median(rows, 'p99_us') / 1000:8.2f}"
                  f" {sum(r['errors'] for r in rows):6.0f}"
                  f" {rate / peer if peer else float('nan'):7.2f}")
        print()


ACTION = {"getip": "GetExternalIP", "add": "AddPortMapping"}


def median(rows, key):
    return statistics.median(row[key] for row in rows)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true",
                        help="one round of a few requests")
    parser.add_argument("--only", nargs="*", choices=SUBJECTS,
                        default=SUBJECTS, help="these, and miniupnpd")
    return parser.parse_args()


def check():
    if os.geteuid() != 0:
        sys.exit("bench: needs root")
    for tool in ("ip", "nft", "iptables-legacy", "iptables-nft", "miniupnpd",
                 "cc"):
        if not which(tool):
            sys.exit(f"bench: {tool} is not installed")
    if not os.access(UPNPD, os.X_OK):
        sys.exit(f"bench: {UPNPD} is not built")
    os.makedirs(os.path.dirname(LOAD), exist_ok=True)
    subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE",
                    "-O2", "-Wall", "-Wextra", "-o", LOAD,
                    os.path.join(HERE, "load.c")], check=True)


def main():
    args = arguments()
    check()
    die_cleanly()
    getip, add, rounds = GETIP, ADD, args.rounds
    if args.quick:
        getip = tuple((w, c, max(c, n // 10)) for w, c, n in GETIP)
        add = tuple((w, c, max(c, n // 10)) for w, c, n in ADD)
        rounds = 1
    names = [n for n in SUBJECTS if n in args.only or n == PEER]
    with contextlib.ExitStack() as stack:
        subjects = []
        for name in names:
            firewall = FIREWALLS["nft" if name == PEER else name]()
            lab = stack.enter_context(Lab(firewall))
            subjects.append(Subject(name, lab))
        found = measure(subjects, getip + add, rounds)
        table("No mapping in place", subjects, getip + add, found)
        for subject in subjects:
            filled = subject.load("add", 4, FILL, FILL_PORT)
            if filled["errors"]:
                print(f"  {subject.name}: {filled['errors']:.0f} of {FILL} "
                      "mappings could not be made")
        found = measure(subjects, getip[-1:] + add, rounds)
        table(f"{FILL} mappings in place", subjects, getip[-1:] + add, found)
        for subject in subjects:
            subject.daemon.stop()


if __name__ == "__main__":
    main()
