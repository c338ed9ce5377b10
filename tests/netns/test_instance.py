# SPDX-License-Identifier: ISC
"""One enabled upnpd for each network namespace, whatever files it uses, and a
start under unusual limits, locks and signals."""
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from daemon import Upnpd
from lab import (EXT_IP, inside, listener, reaches, tcp_passes,
                 wait_until)
from upnp import Igd

pytestmark = pytest.mark.only("netlink")
NAME = b"\0upnpd"
NOBODY = 65534
IS_ENABLED = r"another upnpd \(process {}\) is enabled"


@contextlib.contextmanager
def beside(lab, **options):
    """Another upnpd in the same router with files of its own, not started."""
    other = Upnpd(lab, "netlink", state_dir=lab.path("state2"),
                  control_socket=lab.path("ctl2.sock"),
                  pid_file=lab.path("upnpd2.pid"), http_port=2829, **options)
    other.port = 2829
    other.conf, other.logfile = lab.path("upnpd2.conf"), lab.path("log2")
    try:
        yield other
    finally:
        if other.running():
            other.stop()


# Listens on the name as an ordinary user. "fill": and fills its queue.
SQUATTER = """
import os, socket, sys
os.setuid(65534)
s = socket.socket(socket.AF_UNIX)
s.bind(chr(0) + "upnpd")
if "deaf" not in sys.argv:
    s.listen(0)
full, mine = "fill" in sys.argv, []
try:
    while full:
        mine.append(socket.socket(socket.AF_UNIX))
        mine[-1].setblocking(False)
        mine[-1].connect(chr(0) + "upnpd")
except BlockingIOError:
    pass
print("ready", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def program(lab, text, *args):
    """A Python program in the router that has printed its first line."""
    proc = subprocess.Popen(
        ["ip", "netns", "exec", lab.router.ns, sys.executable, "-c", text,
         *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert proc.stdout.readline() == b"ready\n"
        yield proc
    finally:
        proc.stdin.close()
        proc.wait()
        proc.stdout.close()


def test_second_daemon_does_not_start(lab, upnpd, igd):
    """It would undo the other's rules. The line names its process."""
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    rules = lab.rules()
    with beside(lab) as other:
        other.start(wait=False)
        assert other.wait_exit() == 1, other.log()
        assert other.wait_log(IS_ENABLED.format(upnpd.proc.pid))
        assert not os.path.exists(lab.path("upnpd2.pid"))
        # in a container it cannot see the process
        other.start(prefix=["unshare", "--pid", "--fork"], wait=False)
        assert other.wait_exit() == 1, other.log()
        assert other.wait_log("another upnpd, in a container, is enabled")
    assert lab.rules() == rules
    for _ in range(20):
        assert tcp_passes(lab.outside, EXT_IP, 40000, server)


def test_reload_does_not_enable_a_second_daemon(lab, upnpd, igd):
    """A disabled one may run beside, and removes nothing of the other's. The
    reload is refused, and succeeds when the other has ended."""
    igd.add(40000, "TCP", 8000)
    rules = lab.rules()
    with beside(lab, enabled="no") as other:
        other.start(wait=False)
        assert other.wait_log("not enabled: set enabled = yes")
        assert wait_until(lambda: os.path.exists(lab.path("upnpd2.pid"))
                          and os.path.getsize(lab.path("upnpd2.pid")))
        assert lab.rules() == rules
        other.options["enabled"] = "yes"
        since = other.reload()
        assert other.wait_log(IS_ENABLED.format(upnpd.proc.pid), since=since)
        assert other.wait_log("previous configuration stays", since=since)
        assert lab.rules() == rules and other.engine() is None
        assert upnpd.stop() == 0
        other.reload()
        assert wait_until(other.serves), other.log()
        assert other.stop() == 0


def test_name_is_free_again(lab, upnpd, igd):
    """After a reload that disables, and after a killed monitor: no child
    inherits the name."""
    with beside(lab) as other:
        upnpd.options["enabled"] = "no"
        upnpd.reload()
        assert wait_until(lambda: upnpd.engine() is None)
        other.start()
        other.proc.kill()
        other.proc.wait()
        upnpd.options["enabled"] = "yes"
        upnpd.reload()
        assert wait_until(upnpd.serves), upnpd.log()


def test_leftovers_of_another_daemon_are_kept(lab, stopped):
    """A disabled daemon removes what a killed one left, but not while another
    root process has the name."""
    stopped.start()
    Igd(lab.lan1).add(40000, "TCP", 8000)
    stopped.proc.kill()
    stopped.proc.wait()
    rules = lab.rules()
    assert rules != lab.pristine
    with beside(lab, enabled="no") as other:
        with program(lab, SQUATTER.replace("os.setuid(65534)", "")):
            other.start(wait=False)
            assert other.wait_log("not enabled: set enabled = yes")
            assert wait_until(lambda: os.path.getsize(other.options[
                "pid_file"]))
            assert lab.rules() == rules
        other.reload()
        assert wait_until(lambda: lab.rules() == lab.pristine)


@pytest.mark.parametrize("how", ([], ["fill"], ["deaf"]), ids=str)
def test_user_cannot_prevent_the_start(lab, stopped, how):
    """An ordinary user has the name."""
    with program(lab, SQUATTER, *how) as squatter:
        stopped.start()
        assert stopped.wait_log("has upnpd's name")
        if not how:
            assert stopped.wait_log(rf"process {squatter.pid} of user "
                                    rf"{NOBODY} has upnpd's name")
    # the name is free: a reload takes it
    stopped.reload()
    assert stopped.wait_log("configuration read again")
    with beside(lab) as other:
        other.start(wait=False)
        assert other.wait_exit() == 1
        assert other.wait_log(IS_ENABLED.format(stopped.proc.pid))


def test_connections_to_the_name_are_closed(lab, upnpd):
    """Each start of another daemon connects to it; so can any user. The queue
    must not fill, or the next one would not find the holder."""
    for _ in range(300):
        with inside(lab.router.ns), socket.socket(socket.AF_UNIX) as s:
            s.connect(NAME)
    with beside(lab) as other:
        other.start(wait=False)
        assert other.wait_exit() == 1
        assert other.wait_log(IS_ENABLED.format(upnpd.proc.pid))


# ---- signals, locks and limits of a start ------------------------------

@pytest.mark.parametrize("call,flags", (("flock", ["-F"]), ("flock", []),
                                        ("ftruncate", ["-F"])))
def test_signal_at_the_start_is_handled(lab, stopped, call, flags):
    """SIGHUP when the pid file appears makes the daemon read its file; it ended
    the daemon. The process that waits for the daemon ignores it. (strace sends
    the signal when the call begins.)"""
    stopped.write_conf()
    stopped.spawn(["strace", "-qq", "-f", "-o", lab.path("strace"), "-e",
                   f"trace={call}", "-e", f"inject={call}:signal=HUP:when=1",
                   stopped.binary, "-d", *flags, "-f", stopped.conf])
    pid_file = lab.path("upnpd.pid")
    assert wait_until(lambda: stopped.proc.poll() or
                      os.path.exists(pid_file) and os.path.getsize(pid_file))
    assert stopped.serves(), stopped.log()
    with open(pid_file) as f:
        pid = int(f.read())
    if flags:
        assert stopped.wait_log("configuration read again")
    os.kill(pid, signal.SIGTERM)
    assert wait_until(lambda: not os.path.exists(f"/proc/{pid}"))
    assert stopped.wait_exit() == 0


LOCKER = """
import fcntl, os, sys
os.setuid(65534)
f = open(sys.argv[1])
fcntl.flock(f, fcntl.LOCK_EX)
print("ready", flush=True)
sys.stdin.read()
"""


def test_user_cannot_lock_the_pid_file(lab, stopped):
    """A former version, which was killed, left a file that every user may
    read, and so lock. It is replaced by one that only root may open."""
    pid_file = lab.path("upnpd.pid")
    with open(pid_file, "w") as f:
        f.write("1\n")
    os.chmod(pid_file, 0o644)
    with program(lab, LOCKER, pid_file):
        stopped.start()
        with beside(lab) as other:
            other.options["pid_file"] = pid_file
            other.start(wait=False)
            assert other.wait_exit() == 1
            assert other.wait_log("another upnpd is running: it has locked")
    st = os.stat(pid_file)
    assert (st.st_uid, st.st_mode & 0o777) == (0, 0o600)


LIMITS = (("NOFILE", 64), ("NOFILE", 12), ("FSIZE", 0), ("FSIZE", 4096),
          ("DATA", 512 << 10), ("DATA", 8 << 20), ("AS", 16 << 20))


def test_limit_is_named(stopped):
    """A start with a limit that is too small fails, and says which."""
    stopped.write_conf()
    for what, limit in LIMITS:
        done = subprocess.run(
            ["prlimit", f"--{what.lower()}={limit}", stopped.binary, "-F",
             "-f", stopped.conf], check=False, text=True, capture_output=True)
        assert done.returncode == 1, done
        assert re.fullmatch(
            rf"upnpd: the limit RLIMIT_{what} is {limit}, and upnpd needs "
            rf"\d+: .*Limit{what}=.*\n", done.stderr), done


def test_needed_limits_are_enough(stopped, lab):
    """With exactly the limits that a failed start names, upnpd works."""
    stopped.write_conf()
    prefix = ["prlimit"]
    for what, small in (("nofile", 64), ("fsize", 4096), ("data", 12 << 20),
                        ("as", 12 << 20)):
        done = subprocess.run(
            ["prlimit", f"--{what}={small}", stopped.binary, "-F", "-f",
             stopped.conf], check=False, text=True, capture_output=True)
        prefix.append(f"--{what}=" +
                      re.search(r"upnpd needs (\d+):", done.stderr)[1])
    stopped.start(prefix=prefix)
    Igd(lab.lan1).add(40000)


def test_soft_limits_are_raised(stopped, lab):
    """A shell's limits, up to the administrator's."""
    stopped.start(prefix=["prlimit", "--nofile=64:", "--fsize=4096:",
                          "--data=8000000:"])
    Igd(lab.lan1).add(40000)


# ---- nobody is served -------------------------------------------------

def test_rules_stay_until_the_lan_is_served(lab, stopped):
    """A killed daemon left its rules. The next one replaces them when it
    serves, and does not say before that it serves."""
    stopped.start()
    igd = Igd(lab.lan1)
    igd.add(40000, "TCP", 8000)
    rules = lab.rules()
    stopped.proc.kill()
    stopped.proc.wait()
    lab.router.ip_batch("link set lan0 down")
    stopped.start(wait=False)
    assert stopped.wait_log("nobody is served: ")
    ctl = os.path.join(os.path.dirname(stopped.binary), "upnpctl")
    said = lab.router.run(ctl, "-f", stopped.conf, "status")
    assert "but serves nobody" in said and "serving" not in said
    lab.router.run(ctl, "-f", stopped.conf, "resync")
    assert lab.rules() == rules
    lab.router.ip_batch("link set lan0 up")
    assert wait_until(stopped.serves)
    assert stopped.wait_log("serving on port")
    assert igd.mapped() and wait_until(lambda: lab.holds(rules))
    assert reaches(lab, "TCP", 40000, listener(lab.lan1, "TCP", 8000))
