# SPDX-License-Identifier: ISC
"""Count the system calls that each subject needs for a request."""
from subject import ADD_PORT
from tracer import calls_of, count_of
from upnp import Igd

AT_ONCE, REQUESTS = 50, 400


def each(calls):
    """"engine 5, monitor 0", with the names of the calls if they are few"""
    return ", ".join(f"{name} {len(names)}"
                     + (f" ({' '.join(names)})" if 0 < len(names) < 15 else "")
                     for name, names in calls.items())


def crowded(one):
    """Calls per request when many arrive at once, which upnpd handles in
    batches."""
    counts, done = count_of(one.lab, one.processes(), lambda: one.load(
        "add", AT_ONCE, REQUESTS, seconds=10, first=ADD_PORT))
    one.load("delete", 4, int(done["started"]), first=ADD_PORT, seconds=60)
    if not done["answered"]:
        return "no answer"
    return ", ".join(f"{name} {n / done['answered']:.1f}"
                     for name, n in counts.items())


def lines_of(one):
    """The lines of RESULTS.md about a subject, without the tools that it
    runs."""
    igd = Igd(one.lab.lan1, port=one.daemon.port, path=one.path)
    added = []

    def add_one(i=0):
        added.append(ADD_PORT + len(added))
        igd.add(added[-1])
    add_one()
    ask = calls_of(one.lab, one.processes(), lambda i: igd.external_ip())
    add = calls_of(one.lab, one.processes(), add_one)
    for port in added:
        igd.delete(port)
    yield f"{one.name}: GetExternalIPAddress: {each(ask)}"
    yield f"{one.name}: AddPortMapping: {each(add)}"
    yield f"{one.name}: AddPortMapping, {AT_ONCE} at once: {crowded(one)}"
