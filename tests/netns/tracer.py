# SPDX-License-Identifier: ISC
"""Count the system calls of a request, by strace of a daemon's processes."""
import contextlib
import os
import re
import signal
import subprocess
import time

from lab import wait_until

QUIET = 0.2         # s without a call, after which a request is over


class Tracer:
    """strace of one process, without its children unless @options say so."""

    def __init__(self, pid, path, *options):
        self.pid, self.path = pid, path
        self.proc = subprocess.Popen(
            ["strace", "-qq", *options, "-o", path, "-p", str(pid)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def attached(self):
        with open(f"/proc/{self.pid}/status") as f:
            return not re.search(r"^TracerPid:\s*0$", f.read(), re.M) \
                and os.path.exists(self.path)

    def calls(self):
        """The names of the calls that have returned, without waits that a
        timer ended, which belong to no request. strace has not finished the
        line of a call that has not returned."""
        with open(self.path) as f:
            return re.findall(r"^(\w+)\(.* = (?!0 \(Timeout\))", f.read(),
                              re.M)

    def stop(self):
        self.proc.send_signal(signal.SIGINT)
        self.proc.wait()


def settled(tracers):
    """Wait until no more calls are made. Return {process: its calls}."""
    calls = {name: t.calls() for name, t in tracers.items()}
    while True:
        time.sleep(QUIET)
        more = {name: t.calls() for name, t in tracers.items()}
        if more == calls:
            return calls
        calls = more


@contextlib.contextmanager
def traced(lab, pids):
    """Context manager: {process: its tracer}. @pids: {process: pid}"""
    tracers = {name: Tracer(pid, lab.path("strace-" + name))
               for name, pid in pids.items()}
    try:
        assert wait_until(lambda: all(t.attached() for t in
                                      tracers.values())), "strace: no access"
        yield tracers
    finally:
        for tracer in tracers.values():
            tracer.stop()


def processes(upnpd):
    return upnpd.pids()


SURE = 3            # accept a result that occurred this often


def calls_of(lab, pids, what, most=60):
    """Run @what(i) up to @most times. Return {process: its calls}, the
    shortest list that occurred SURE times: a timer may add calls, and calls of
    a busy process may count for the next request. The first call is the wait
    that the request ended."""
    times = {name: [] for name in pids}
    with traced(lab, pids) as tracers:
        before = settled(tracers)
        for i in range(most):
            what(i)
            after = settled(tracers)
            for name in pids:
                times[name].append(
                    _with_request(after[name][len(before[name]):]))
            before = after
            if all(one.count(min(one, key=len)) >= SURE
                   for one in times.values()):
                break
    return {name: _fewest(one) for name, one in times.items()}


def _with_request(calls):
    """On a busy machine a request arrives later than its connection: leave out
    the read that found nothing, and the wait for the request."""
    if calls[1:5] == ["accept4", "recvfrom", "ppoll", "recvfrom"]:
        return calls[:2] + calls[4:]
    return calls


def _fewest(lists):
    sure = [one for one in lists if lists.count(one) >= SURE]
    return min(sure or lists, key=len)


def count_of(lab, pids, what):
    """Run @what(). Return {process: number of calls}, and its result."""
    with traced(lab, pids) as tracers:
        before = settled(tracers)
        result = what()
        after = settled(tracers)
    return {name: len(after[name]) - len(before[name]) for name in pids}, \
        result
