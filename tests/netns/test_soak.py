# SPDX-License-Identifier: ISC
"""Requests, mappings and subscriptions for a long time, while the firewall is
flushed, the configuration is read again and the engine is killed: memory,
descriptors and rules are at the end as they were at the beginning.

`make soak` takes an hour (SOAK seconds) with each backend, and writes its
figures to SOAK_REPORT. Without SOAK there is one round of everything."""
import os
import signal
import time

import pytest

from lab import OUT_IP, SLOW, wait_until
from test_growth import fill, mixed, settled
from upnp import http, search

SOAK_S = float(os.environ.get("SOAK") or 0)
REPORT = os.environ.get("SOAK_REPORT")
BACKENDS = ("iptables-legacy", "iptables-nft", "netlink")
# mappings that stay from the beginning to the end
STAYING = range(39000, 39008)
# Seconds from one to the next. Five crashes in a minute end the daemon.
EVERY_S = {"flushes": 60, "reloads": 90, "crashes": 300}


def repaired(lab, upnpd, rules):
    """Are the rules of the beginning there, and is the LAN served?"""
    return upnpd.serves() and lab.holds(rules)


def flush(lab, upnpd):
    lab.firewall.flush(lab.router)


def read_again(lab, upnpd):
    since = upnpd.reload()
    assert upnpd.wait_log("configuration read again", since=since)


def crash(lab, upnpd):
    engine = upnpd.engine()
    os.kill(engine, signal.SIGKILL)
    assert wait_until(lambda: upnpd.engine() not in (None, engine))


EVENTS = {"flushes": flush, "reloads": read_again, "crashes": crash}


class Figures:
    def __init__(self, backend):
        self.backend = backend
        self.begin = time.monotonic()
        self.next_s = 0
        self.done = dict.fromkeys(("requests", "mappings", "subscribers",
                                   *EVENTS), 0)

    def passed_s(self):
        return time.monotonic() - self.begin

    def write(self, what, use):
        """A line for each minute: what was done, and (resident KiB,
        descriptors) of each process."""
        if not REPORT:
            return
        with open(f"{REPORT}.{self.backend}", "a") as f:
            print(f"{self.passed_s():.0f} s {what}", self.done, use, file=f)

    def write_sometimes(self, lab, upnpd):
        if self.passed_s() >= self.next_s:
            self.next_s += 60
            self.write("", settled(lab, upnpd))


def work(lab, igd, figures):
    """The work between two events."""
    for i in range(20):
        mixed(lab, igd, i)
        figures.done["requests"] += 21
    fill(lab, igd, 40, 24)
    figures.done["mappings"] += 40
    figures.done["subscribers"] += 24
    assert search(lab.lan1, "ssdp:all")


@pytest.mark.only(*(BACKENDS if SOAK_S else ("netlink",)))
@pytest.mark.conf(max_mappings_per_client=1024)
def test_long_run_leaves_everything_as_it_was(lab, upnpd, igd):
    for port in STAYING:
        igd.add(port)
    # the rule for remote hosts is made with the first such mapping, and stays
    igd.add(39900, remote=OUT_IP)
    rules = lab.rules()
    figures = Figures(upnpd.options["backend"])
    due = dict.fromkeys(EVENTS, 0)
    for event in EVENTS.values():       # before the beginning is measured
        event(lab, upnpd)
        assert wait_until(lambda: repaired(lab, upnpd, rules), 60)
    work(lab, igd, figures)
    before = settled(lab, upnpd)
    figures.write("beginning", before)
    while True:
        for name, event in EVENTS.items():
            if figures.passed_s() < due[name]:
                continue
            due[name] = figures.passed_s() + EVERY_S[name] * SLOW
            event(lab, upnpd)
            figures.done[name] += 1
            assert wait_until(lambda: repaired(lab, upnpd, rules), 60)
        work(lab, igd, figures)
        figures.write_sometimes(lab, upnpd)
        if figures.passed_s() >= SOAK_S:
            break
    # connections are freed after their deadline
    assert wait_until(lambda: all(
        now[0] <= then[0] + 96 and now[1] <= then[1]
        for now, then in zip(settled(lab, upnpd), before)), 90, 1), \
        (before, settled(lab, upnpd))
    figures.write("end", settled(lab, upnpd))
    assert lab.holds(rules)
    assert {m[1] for m in igd.mapped()} == {*STAYING, 39900}
    assert http(lab.lan1, "GET", "/igd1.xml").status == 200
