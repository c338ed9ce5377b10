# SPDX-License-Identifier: ISC
"""The lease file under load: however fast clients renew, the engine never waits
for the disk, and after a crash each client has the lease that it was
promised."""
import os
import signal

import pytest

from lab import wait_until
from tracer import traced
from upnp import Igd

pytestmark = pytest.mark.only("netlink")
WAITS = {"fsync", "fdatasync", "sync_file_range", "syncfs", "sync"}


def file_of(upnpd):
    return os.path.join(upnpd.state, "mappings")


@pytest.mark.parametrize("kind", ["renewals", "changes"])
def test_no_request_waits_for_the_disk(lab, upnpd, igd, kind):
    """One client renews 300 times, as fast as it can; or it also changes the
    description, which no later renewal could restore after a crash. New
    addresses need a new BOOTID meanwhile."""
    igd.add(40000, lease=3600)
    before = os.stat(file_of(upnpd))
    with traced(lab, {"engine": upnpd.engine()}) as tracers:
        for i in range(300):
            igd.add(40000, lease=3600,
                    desc="test" if kind == "renewals" else f"test {i}")
            if i % 100 == 0:
                lab.router.ip_batch(f"addr add 192.168.{99 + i // 100}.1/24 "
                                    "dev lan0")
        calls = tracers["engine"].calls()
    assert len(calls) > 300
    assert WAITS.isdisjoint(calls)
    assert "renameat" not in calls      # the file is not rewritten each time
    grown = os.stat(file_of(upnpd)).st_size - before.st_size
    assert grown < (1000 if kind == "renewals" else 300 * 250)


def left(igd):
    return int(igd.specific(40000)["NewLeaseDuration"])


def test_lease_after_a_crash_and_after_a_stop(lab, upnpd, igd):
    """A crash adds a minute at most to a lease that was renewed, and a stop
    none."""
    igd.add(40000, lease=1000)
    assert wait_until(lambda: left(igd) < 999)
    igd.add(40000, lease=1000)          # not in the file
    upnpd.stop()
    upnpd.start()
    assert 900 < left(igd) <= 1000
    assert wait_until(lambda: left(igd) < 998)
    igd.add(40000, lease=1000)
    engine = upnpd.engine()
    os.kill(engine, signal.SIGKILL)
    assert wait_until(lambda: upnpd.engine() not in (None, engine))
    again = Igd(lab.lan1)
    assert wait_until(lambda: 1000 < answer(again) <= 1060)


# Changes that fill the file: LEASES_LINES, and LEASES_LINES_EACH for a mapping.
FILLING = 1024 + 5 * 9


@pytest.mark.conf(max_mappings_per_client=1024)
def test_crash_in_a_flood_of_changes(lab, upnpd, igd):
    """A client opens and closes ports, more often than the file has room for
    lines. After a crash, the ports are open that the client had opened last,
    and no others."""
    for port in range(40000, 40008):
        igd.add(port)
    for i in range(FILLING // 2 + 5):
        igd.add(41000 + i)
        igd.delete(41000 + i)
    for port in range(40000, 40004):
        igd.delete(port)
        igd.add(port + 2000)
    expected = igd.mapped()
    assert {m[1] for m in expected} == {*range(40004, 40008),
                                        *range(42000, 42004)}
    with open(file_of(upnpd)) as f:
        assert len(f.readlines()) <= FILLING    # not a line for each change
    rules = lab.rules()
    engine = upnpd.engine()
    os.kill(engine, signal.SIGKILL)
    assert wait_until(lambda: upnpd.engine() not in (None, engine))
    assert wait_until(upnpd.serves)
    assert Igd(lab.lan1).mapped() == expected
    assert wait_until(lambda: lab.holds(rules))


def answer(igd):
    try:
        return left(igd)
    except OSError:
        return 0
