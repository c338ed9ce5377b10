#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Measure a failover between two uplinks: the time from the change until a
mapped port works on the other uplink. Needs root. Fails if a median is above
one second.

    bench/failover.py [--rounds N] [--mappings N] [--backend NAME]

Each round fails over and back. A probe is a UDP datagram with a new source
port, sent each millisecond to the mapped port on the uplink that must become
active; the time is that of the first one that reaches the client. It includes
the command that makes the change."""
import argparse
import os
import socket
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "tests", "netns"))

from daemon import Upnpd                            # noqa: E402
from lab import die_cleanly, inside, listener       # noqa: E402
from uplinks import ADDRESS, FAILURES, Uplinks      # noqa: E402
from upnp import Igd                                # noqa: E402

BACKENDS = ("netlink", "iptables-nft", "iptables-legacy")
WAYS = ("route", "carrier", "down", "address")
LIMIT_S = 1.0
PORT, CLIENT_PORT = 40000, 5000
PAUSE_S = 0.001
TIMEOUT_S = 20
# Linux reports carriers that are lost at most once a second. A cable is rarely
# pulled twice in that time.
LINKWATCH_S = 1.1


def first_through(lab, name, server, begin):
    """Seconds from @begin until a probe by that uplink arrives."""
    token = os.urandom(8)
    socks = []
    with inside(lab.far[name].ns):
        while time.monotonic() - begin < TIMEOUT_S:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            socks.append(sock)      # a closed one's port may be used again
            try:
                sock.sendto(token, (ADDRESS[name], PORT))
            except OSError:
                pass                # no carrier yet
            server.settimeout(PAUSE_S)
            try:
                while server.recv(64) != token:
                    pass
            except (TimeoutError, BlockingIOError):
                continue
            for sock in socks:
                sock.close()
            return time.monotonic() - begin
    raise AssertionError(f"nothing passes at {name} in {TIMEOUT_S} s")


def measure(lab, upnpd, way, rounds, server):
    """Seconds of each failover, and of each return. After four changes upnpd
    puts off the next, so that an uplink that flaps does not move the mappings
    each time; a restart forgets them."""
    fail, mend = FAILURES[way]
    there, back = [], []
    for i in range(rounds):
        if i % 2 == 0:
            assert upnpd.stop() == 0, upnpd.log()
            upnpd.start()
            first_through(lab, "wan0", server, time.monotonic())
        for change, name, found in ((fail, "wan1", there),
                                    (mend, "wan0", back)):
            if way == "carrier":
                time.sleep(LINKWATCH_S)
            begin = time.monotonic()
            change(lab)
            found.append(first_through(lab, name, server, begin))
    return there, back


def row(name, found):
    ms = sorted(1000 * s for s in found)
    print(f"| {name} | {statistics.median(ms):,.1f} ms | {ms[0]:,.1f} ms "
          f"| {ms[-1]:,.1f} ms | {len(ms)} |", flush=True)
    return statistics.median(found) <= LIMIT_S


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--mappings", type=int, default=100)
    parser.add_argument("--backend", choices=BACKENDS, action="append")
    parser.add_argument("--way", choices=WAYS, action="append")
    args = parser.parse_args()
    if os.geteuid():
        sys.exit("failover: needs root")
    die_cleanly()
    good = True
    print(f"| {args.mappings} mappings | median | best | worst | n |\n"
          "|---|--:|--:|--:|--:|")
    for backend in args.backend or BACKENDS:
        with Uplinks(backend) as lab:
            upnpd = Upnpd(lab, backend, max_mappings_per_client=1024).start()
            igd = Igd(lab.lan1)
            for i in range(args.mappings):
                igd.add(PORT + i, "UDP", CLIENT_PORT + i)
            with listener(lab.lan1, "UDP", CLIENT_PORT) as server:
                for way in args.way or WAYS:
                    there, back = measure(lab, upnpd, way, args.rounds,
                                          server)
                    good &= row(f"{backend}, {way}", there)
                    good &= row(f"{backend}, {way}, return", back)
            assert upnpd.stop() == 0, upnpd.log()
    sys.exit(0 if good else "failover: a median is above "
             f"{LIMIT_S:.0f} s")


if __name__ == "__main__":
    main()
