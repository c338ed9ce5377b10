# SPDX-License-Identifier: ISC
"""Leases end on time although the wall clock is set, as by NTP on a router, to
the right time or to a wrong one: they use the monotonic clock. After a reboot
only the wall clock is left, and it never makes a lease longer."""
import email.utils
import os
import signal
import struct
import subprocess
import time

import pytest

from lab import HOST_IP, wait_until
from test_lifecycle import answers
from test_mapping import in_kernel
from upnp import Igd, http

HERE = os.path.dirname(os.path.abspath(__file__))
DAY = 86400
LEASE = 600
BOOT_ID = "/proc/sys/kernel/random/boot_id"
EVENTS = "/igd1/wanip/event"

pytestmark = [
    pytest.mark.only("netlink"),
    pytest.mark.skipif("LAB_SAN" in os.environ, reason="ASan replaces "
                       "clock_gettime and must be the first library"),
]


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("shim") / "clock.so")
    os.chmod(os.path.dirname(path), 0o755)
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o",
                    path, os.path.join(HERE, "clock.c")], check=True)
    return path


class Clock:
    """The wall clock and the boot id that the daemon sees."""

    def __init__(self, lab, shim, upnpd):
        self.lab, self.shim, self.upnpd = lab, shim, upnpd
        self.path = lab.path("clock")
        self.boot = lab.path("boot")
        self.ahead = 0
        with open(self.path, "wb") as f:
            f.write(bytes(8))
        self.reboot()

    def set(self, ahead):
        self.ahead = ahead
        with open(self.path, "r+b") as f:
            f.write(struct.pack("q", ahead))

    def reboot(self):
        with open("/proc/sys/kernel/random/uuid") as f:
            uuid = f.read()
        with open(self.boot, "w") as f:
            f.write(uuid)

    def start(self):
        self.upnpd.start(prefix=[
            "unshare", "-m", "sh", "-c",
            f'mount --bind "$0" {BOOT_ID} && exec "$@"', self.boot,
            "env", f"LD_PRELOAD={self.shim}", f"UPNPD_CLOCK={self.path}"])


@pytest.fixture
def clock(lab, stopped, shim):
    clock = Clock(lab, shim, stopped)
    clock.start()
    return clock


def left(lab, port):
    return int(Igd(lab.lan1).specific(port)["NewLeaseDuration"])


def check_date(lab, clock):
    """The DATE of HTTP follows the clock."""
    said = http(lab.lan1, "GET", "/igd1.xml").headers["DATE"]
    said = email.utils.parsedate_to_datetime(said).timestamp()
    assert abs(said - (time.time() + clock.ahead)) < 60


@pytest.mark.parametrize("ahead", (DAY, -DAY, 3650 * DAY, -40000 * DAY))
def test_clock_is_set_while_leases_run(lab, stopped, clock, ahead):
    """No lease ends early or late. One value of @ahead is before 1970."""
    igd = Igd(lab.lan1)
    igd.add(40000, lease=LEASE)
    igd.add(40001)
    first = time.monotonic()
    igd.add(40002, lease=4)
    sid = http(lab.lan1, "SUBSCRIBE", EVENTS, headers=[
        f"CALLBACK: <http://{HOST_IP}:9/>", "NT: upnp:event",
        "TIMEOUT: Second-1800"]).headers["SID"]
    begun = time.monotonic()
    clock.set(ahead)
    if time.time() + ahead > 0:
        check_date(lab, clock)
    igd.add(40003, lease=4)
    # no lease ended early
    there = {p for _, p, _, _ in igd.mapped()}
    assert there == {40000, 40001, 40002, 40003} or \
        (time.monotonic() - first > 3.9 and there >= {40000, 40001})
    assert LEASE - 60 < left(lab, 40000) <= LEASE
    assert left(lab, 40001) == 0
    assert http(lab.lan1, "SUBSCRIBE", EVENTS, headers=[
        f"SID: {sid}", "TIMEOUT: Second-1800"]).status == 200
    # no lease outlives its time
    assert wait_until(lambda: not in_kernel(lab, 40002) and
                      not in_kernel(lab, 40003))
    assert time.monotonic() - begun >= 3.5
    # the list follows when the monitor has answered
    assert wait_until(lambda: {p for _, p, _, _ in igd.mapped()} ==
                      {40000, 40001})
    clock.set(0)
    assert LEASE - 60 < left(lab, 40000) <= LEASE


@pytest.mark.parametrize("ahead", (DAY, -DAY))
def test_clock_is_set_before_a_restart(lab, stopped, clock, ahead):
    """The boot is the same, so the monotonic clock is still valid."""
    igd = Igd(lab.lan1)
    igd.add(40000, lease=LEASE)
    igd.add(40001, lease=2)
    clock.set(ahead)
    os.kill(stopped.engine(), signal.SIGKILL)
    assert wait_until(lambda: answers(lambda: left(lab, 40000)))
    assert LEASE - 60 < left(lab, 40000) <= LEASE
    stopped.stop()
    time.sleep(2)
    clock.set(-ahead)
    clock.start()
    assert LEASE - 60 < left(lab, 40000) <= LEASE
    assert {p for _, p, _, _ in igd.mapped()} == {40000}
    assert not in_kernel(lab, 40001)


@pytest.mark.parametrize("ahead", (-DAY, -19000 * DAY))
def test_clock_is_back_after_a_reboot(lab, stopped, clock, ahead):
    """A router without a hardware clock boots in 1970, or at the last time
    that it saved. A lease then has the rest that was saved with it, and no
    more."""
    igd = Igd(lab.lan1)
    igd.add(40000, lease=LEASE)
    igd.add(40001)
    stopped.stop()
    clock.reboot()
    clock.set(ahead)
    clock.start()
    assert LEASE - 60 < left(lab, 40000) <= LEASE
    assert left(lab, 40001) == 0
    assert wait_until(lambda: in_kernel(lab, 40000))    # the first sync
    igd.add(40000, lease=2)
    assert wait_until(lambda: not in_kernel(lab, 40000))
    # then the clock is set, and upnpd is restarted
    clock.set(0)
    stopped.stop()
    clock.start()
    assert {p for _, p, _, _ in igd.mapped()} == {40001}


def test_clock_is_ahead_after_a_reboot(lab, stopped, clock):
    """The router was off for a day, so a lease of ten minutes has ended."""
    igd = Igd(lab.lan1)
    igd.add(40000, lease=LEASE)
    igd.add(40001)
    igd.add(40002, lease=2 * DAY)
    stopped.stop()
    clock.reboot()
    clock.set(DAY)
    clock.start()
    assert {p for _, p, _, _ in igd.mapped()} == {40001, 40002}
    assert 0 < left(lab, 40002) <= DAY
    assert not in_kernel(lab, 40000)
