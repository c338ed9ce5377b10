# SPDX-License-Identifier: ISC
"""Each process has only the rights and descriptors that it needs, upnpd
survives or ends properly when one is killed, and a compromised engine gets no
forbidden rule."""
import ctypes
import os
import pwd
import re
import signal
import socket
import stat
import subprocess

import pytest

from daemon import UPNPD, FakeTool
from lab import (EXT_IP, HOST2_IP, HOST_IP, LAN_IP, OUT_IP, blocked, listener,
                 reaches, wait_until)
from test_upnpctl_live import Ctl
from upnp import Igd, Listener

ROGUE = os.path.join(os.path.dirname(UPNPD), "tests", "rogue")

_libc = ctypes.CDLL(None)
PIDFD_GETFD = 438       # the same on all architectures

KEPT = {12, 13}         # CAP_NET_ADMIN, CAP_NET_RAW

NETLINK = {"iptables-legacy": 0, "iptables-nft": 1, "nft": 2}

# enum nat_err
(OK, EFAIL, EREFUSED, ECONFLICT, ENOSPC, ENOADDR, EKIND,
 EFORWARDED) = range(8)


def status(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.split(":", 1) for line in f.read().splitlines())


def caps(of, which):
    bits = int(of["Cap" + which], 16)
    return {bit for bit in range(64) if bits >> bit & 1}


def sockets(pid):
    """The address families of a process's sockets, sorted."""
    found = []
    pidfd = os.pidfd_open(pid)
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            copy = _libc.syscall(PIDFD_GETFD, pidfd, int(fd), 0)
            if copy < 0:
                continue
            if stat.S_ISSOCK(os.fstat(copy).st_mode):
                with socket.socket(fileno=copy) as sock:
                    found.append(int(sock.family))
            else:
                os.close(copy)
    finally:
        os.close(pidfd)
    return sorted(found)


# ---- rights and descriptors ---------------------------------------------

def check_monitor(pid, backend):
    of = status(pid)
    for which in ("Eff", "Prm", "Bnd"):
        assert caps(of, which) == KEPT
    assert not caps(of, "Inh") and not caps(of, "Amb")
    assert of["NoNewPrivs"].strip() == "1"
    # the control socket, the engine's pair, the fork server's pair, the name;
    # to the kernel: one for notices of changes, one with which netlink makes
    # changes; others are open only during a query
    held = [socket.AF_UNIX] * 4 + [socket.AF_NETLINK] * NETLINK[backend]
    assert wait_until(lambda: sockets(pid) == held), sockets(pid)


def check_jailed(upnpd, pid, filters):
    """Check what the fork server and the engine have in common."""
    of = status(pid)
    for which in ("Eff", "Prm", "Bnd", "Inh", "Amb"):
        assert not caps(of, which)
    user = os.stat(upnpd.state).st_uid
    assert user != 0
    assert of["Uid"].split() == [str(user)] * 4
    assert "0" not in of["Gid"].split()
    assert not of["Groups"].strip()
    assert of["NoNewPrivs"].strip() == "1"
    if "filter: built without" not in upnpd.log():
        assert of["Seccomp"].strip() == "2"
        assert of.get("Seccomp_filters", f"{filters}").strip() == f"{filters}"
    assert os.path.samefile(f"/proc/{pid}/root", upnpd.state)
    assert os.path.samefile(f"/proc/{pid}/cwd", upnpd.state)


def max_processes(pid):
    with open(f"/proc/{pid}/limits") as f:
        return re.search(r"^Max processes +(\w+) +(\w+) ", f.read(),
                         re.M).groups()


def check_all(lab, upnpd):
    check_monitor(upnpd.proc.pid, lab.firewall.name)
    fork_server, engine = upnpd.fork_server(), upnpd.engine()
    check_jailed(upnpd, fork_server, 1)
    check_jailed(upnpd, engine, 2)
    # its socket to the monitor, and no descriptor that it passed on; valgrind
    # has files of its own, with much higher numbers
    assert sockets(fork_server) == [socket.AF_UNIX]
    assert {int(fd) for fd in os.listdir(f"/proc/{fork_server}/fd")} & \
        set(range(64)) == set(range(4))
    assert set(sockets(engine)) == {socket.AF_UNIX, socket.AF_INET,
                                    socket.AF_NETLINK}
    assert max_processes(engine) == ("0", "0") != max_processes(fork_server)
    return fork_server


@pytest.mark.conf(allow_disable_external_interface="yes")
def test_rights_of_each_process(lab, upnpd, igd):
    fork_server = check_all(lab, upnpd)
    # after everything that the monitor does for an engine
    igd.add(40000)
    os.kill(upnpd.engine(), signal.SIGKILL)
    assert wait_until(lambda: upnpd.engine() and upnpd.serves())
    igd.delete(40000)
    assert check_all(lab, upnpd) == fork_server
    upnpd.reload()
    assert upnpd.wait_log("configuration read again")
    upnpd.wait_ready()
    assert check_all(lab, upnpd) == fork_server


@pytest.mark.only("netlink")
@pytest.mark.parametrize("key,value,was", (
    ("state_dir", "/run/upnpd-other", None), ("user", "root", "upnpd"),
    ("user", "games", "upnpd")))
def test_reload_cannot_change_user_or_state_dir(lab, upnpd, igd, key, value,
                                                was):
    """A reload cannot change these options, also with enabled = no."""
    igd.add(40000)
    engine, before = upnpd.engine(), igd.mapped()
    mine = dict(upnpd.options)
    why = (f"{upnpd.conf}: a reload cannot change {key.replace('_', '-')} "
           f"from {was or upnpd.state} to {value}: restart upnpd")
    upnpd.options[key] = value
    since = upnpd.reload()
    assert upnpd.wait_log(re.escape(why), since=since)
    assert upnpd.wait_log("previous configuration stays", since=since)
    assert upnpd.engine() == engine and igd.mapped() == before
    assert not os.path.exists("/run/upnpd-other")
    upnpd.options["enabled"] = "no"
    upnpd.reload()
    assert wait_until(lambda: upnpd.engine() is None)
    upnpd.options["enabled"] = "yes"
    since = upnpd.reload()
    assert upnpd.wait_log(re.escape(why), since=since)
    upnpd.options = mine
    upnpd.reload()
    upnpd.wait_ready()
    assert wait_until(lambda: igd.mapped() == before)


@pytest.mark.only("netlink")
def test_reload_accepts_another_name_of_the_same_user(lab, upnpd, igd):
    """Only the uid counts, not the name."""
    uid = os.stat(upnpd.state).st_uid
    upnpd.options["user"] = pwd.getpwuid(uid).pw_name
    since = upnpd.reload()
    assert upnpd.wait_log("configuration read again", since=since)
    upnpd.wait_ready()


@pytest.mark.only("netlink")
@pytest.mark.conf(user="nobody")
def test_mappings_of_another_user_are_kept(lab, upnpd, igd):
    """A package gives the daemon a user of its own, after it ran as nobody."""
    igd.add(40000)
    upnpd.stop()
    upnpd.options["user"] = "daemon"
    upnpd.start()
    assert {entry[:2] for entry in igd.mapped()} == {("TCP", 40000)}
    assert {entry.name: pwd.getpwuid(entry.stat().st_uid).pw_name
            for entry in os.scandir(upnpd.state)} == dict.fromkeys(
                os.listdir(upnpd.state), "daemon")
    assert "Permission denied" not in upnpd.log()


@pytest.mark.only("netlink")
def test_reload_reads_only_a_file_of_root(lab, upnpd):
    """Without its capabilities root reads its own files, and those that
    everybody may read."""
    engine, since = upnpd.engine(), len(upnpd.log())
    os.chmod(upnpd.conf, 0o600)
    os.chown(upnpd.conf, pwd.getpwnam("nobody").pw_uid, -1)
    upnpd.signal(signal.SIGHUP)
    assert upnpd.wait_log("Permission denied: after its start upnpd can "
                          "read only files that root owns or everybody may "
                          f"read; chown root {upnpd.conf}", since=since)
    assert upnpd.engine() == engine and upnpd.serves()
    os.chown(upnpd.conf, 0, -1)
    upnpd.signal(signal.SIGHUP)
    assert upnpd.wait_log("configuration read again", since=since)
    upnpd.wait_ready()


@pytest.mark.only("netlink")
def test_hanging_engine_is_killed(lab, upnpd):
    """The engine belongs to another user, so the monitor may not kill it; the
    fork server does."""
    old = upnpd.engine()
    os.kill(old, signal.SIGSTOP)
    upnpd.reload()
    assert upnpd.wait_log("it does not stop")
    assert wait_until(lambda: upnpd.engine() not in (None, old))
    upnpd.wait_ready()


def find_all(upnpd):
    """All three processes, once they run."""
    assert wait_until(lambda: len(upnpd.pids()) == 3)
    return upnpd.pids()


def gone(pids):
    return not any(os.path.exists(f"/proc/{pid}") for pid in pids)


@pytest.mark.only("netlink")
def test_engine_that_cannot_be_forked(lab, stopped):
    """Its user has reached the limit of processes."""
    stopped.start(prefix=["prlimit", "--nproc=1"], wait=False)
    assert stopped.wait_log("engine: Resource temporarily unavailable; trying "
                            "again")
    assert stopped.engine() is None and stopped.fork_server()
    assert stopped.running()
    assert stopped.stop() == 0
    assert lab.rules() == lab.pristine


@pytest.mark.only("netlink")
@pytest.mark.parametrize("hangs", (False, True), ids=("well", "hanging"))
def test_killed_fork_server_ends_the_daemon(lab, upnpd, igd, hangs):
    """The daemon and the engine end, whatever the engine does. After a restart
    by an init system the mappings are the same."""
    igd.add(40000)
    before = igd.mapped()
    pids = find_all(upnpd)
    if hangs:
        os.kill(pids["engine"], signal.SIGSTOP)
    os.kill(pids["fork_server"], signal.SIGKILL)
    assert upnpd.wait_exit() == 1
    assert wait_until(lambda: gone(pids.values()))
    assert upnpd.wait_log("the fork server ended by signal 9: no engine "
                          "can be started; start upnpd again")
    assert lab.rules() == lab.pristine
    for left in ("upnpd.pid", "ctl.sock"):
        assert not os.path.exists(lab.path(left))
    upnpd.start()
    assert igd.mapped() == before


@pytest.mark.only("netlink")
@pytest.mark.conf(enabled="no")
def test_fork_server_killed_while_disabled(lab, stopped):
    """While disabled there is no fork server."""
    stopped.start(wait=False)
    assert stopped.wait_log("not enabled: set enabled = yes")
    assert stopped.fork_server() is None
    stopped.options["enabled"] = "yes"
    stopped.reload()
    assert wait_until(stopped.serves)
    check_all(lab, stopped)
    stopped.options["enabled"] = "no"
    stopped.reload()
    assert wait_until(lambda: stopped.engine() is None)
    os.kill(stopped.fork_server(), signal.SIGKILL)
    assert stopped.wait_exit() == 1
    since = len(stopped.log())
    stopped.start(wait=False)       # cleans up what was left
    assert stopped.wait_log("not enabled", since=since)


@pytest.mark.only("netlink")
def test_hanging_fork_server_ends_the_daemon(lab, upnpd, igd):
    """The monitor cannot kill the fork server, and waits only for a limited
    time."""
    igd.add(40000)
    before = igd.mapped()
    pids = find_all(upnpd)
    os.kill(pids["fork_server"], signal.SIGSTOP)
    os.kill(pids["engine"], signal.SIGKILL)
    assert upnpd.wait_exit(60) == 1
    os.kill(pids["fork_server"], signal.SIGCONT)
    assert upnpd.wait_log("the fork server does not answer: no engine "
                          "can be started; start upnpd again")
    assert wait_until(lambda: gone(pids.values()))
    assert lab.rules() == lab.pristine
    upnpd.start()
    assert igd.mapped() == before


@pytest.mark.only("netlink")
@pytest.mark.parametrize("hangs", (False, True), ids=("well", "hanging"))
def test_killed_monitor_ends_the_other_processes(lab, upnpd, hangs):
    """The other processes exit as well: the engine with a byebye, or without
    if it hangs."""
    ear = Listener(lab.lan1)
    pids = find_all(upnpd)
    if hangs:
        os.kill(pids["engine"], signal.SIGSTOP)
    upnpd.proc.kill()
    upnpd.proc.wait()
    assert wait_until(lambda: gone(pids.values()))
    assert hangs or wait_until(lambda: ear.of("ssdp:byebye"))
    ear.close()
    upnpd.start()       # cleans up what was left


def shut_listener(pid):
    """Shut the control socket down, as a compromised engine could: it shares
    the socket with the monitor."""
    pidfd = os.pidfd_open(pid)
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            copy = _libc.syscall(PIDFD_GETFD, pidfd, int(fd), 0)
            if copy < 0:
                continue
            if not stat.S_ISSOCK(os.fstat(copy).st_mode):
                os.close(copy)
                continue
            with socket.socket(fileno=copy) as sock:
                if sock.family == socket.AF_UNIX and sock.getsockopt(
                        socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    sock.shutdown(socket.SHUT_RDWR)
                    return True
    finally:
        os.close(pidfd)
    return False


@pytest.mark.only("netlink")
def test_damaged_control_socket_is_repaired(lab, upnpd, igd):
    """Regression: it was unusable for all later engines."""
    def talks():
        return Ctl(lab, upnpd).run("resync").returncode == 0
    assert talks()
    engine = upnpd.engine()
    assert shut_listener(engine)
    os.kill(engine, signal.SIGKILL)
    assert wait_until(lambda: upnpd.engine() not in (None, engine))
    upnpd.wait_ready()
    assert wait_until(talks)
    check_all(lab, upnpd)


class Witness(FakeTool):
    """A tool that records its environment and descriptors."""
    SCRIPT = FakeTool.SCRIPT.replace(
        "read -r", "grep -E '^(CapPrm|CapEff|NoNewPrivs):' /proc/self/status "
                   ">> {dir}/given\nread -r", 1)

    def given(self):
        with open(os.path.join(self.dir, "given")) as f:
            return f.read().split("\n")[-4:-1]


@pytest.mark.only("iptables-legacy", "iptables-nft")
def test_tool_has_a_clean_environment(lab, stopped):
    tool = Witness(lab, lab.firewall.tool())
    stopped.start(prefix=tool.prefix())
    igd = Igd(lab.lan1)
    igd.add(40000)
    lab.firewall.flush(lab.router)
    igd.add(40001)                      # fails without a repair
    assert tool.given() == ["CapPrm:\t0000000000003000",
                            "CapEff:\t0000000000003000", "NoNewPrivs:\t1"]


# ---- a compromised engine -------------------------------------------

class Rogue:
    """tests/netns/rogue.c in the router."""

    def __init__(self, upnpd):
        upnpd.write_conf()
        self.log = open(upnpd.logfile, "ab")
        self.proc = subprocess.Popen(
            ["ip", "netns", "exec", upnpd.lab.router.ns, ROGUE, upnpd.conf],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
            text=True, bufsize=1)

    def ask(self, line):
        self.proc.stdin.write(line + "\n")
        answer = self.proc.stdout.readline().strip()
        return int(answer) if answer.isdigit() else answer

    def set(self, ext, client=HOST_IP, int_port=8000, proto="tcp",
            remote="0.0.0.0", verb="set"):
        return self.ask(f"{verb} {proto} {ext} {client} {int_port} {remote}")

    def close(self):
        self.proc.stdin.close()
        try:
            return self.proc.wait(60)
        finally:
            self.log.close()


@pytest.fixture
def rogue(stopped):
    rogue = Rogue(stopped)
    yield rogue
    assert rogue.close() == 0


FORBIDDEN = (
    ("outside network", dict(ext=40000, client=OUT_IP)),
    ("internet", dict(ext=40000, client="8.8.8.8")),
    ("router, lan", dict(ext=40000, client=LAN_IP)),
    ("router, wan", dict(ext=40000, client=EXT_IP)),
    ("router, loopback", dict(ext=40000, client="127.0.0.1")),
    ("broadcast", dict(ext=40000, client="192.168.88.255")),
    ("network", dict(ext=40000, client="192.168.88.0")),
    ("broadcast, everywhere", dict(ext=40000, client="255.255.255.255")),
    ("nobody", dict(ext=40000, client="0.0.0.0")),
    ("multicast", dict(ext=40000, client="239.255.255.250")),
    ("external port", dict(ext=30000)),
    ("internal port", dict(ext=40000, int_port=22)),
    ("denied client", dict(ext=40000, client=HOST2_IP)),
    ("no port", dict(ext=0)),
    ("no internal port", dict(ext=40000, int_port=0)),
    ("remote", dict(ext=40000, remote="255.255.255.255")),
    ("remote, loopback", dict(ext=40000, remote="127.0.0.1")),
)

LINES = ["deny 1-65535 192.168.88.20/32 1-65535",
         "allow 40000-40999 192.168.88.0/24 1024-65535"]


def test_rogue_gets_no_forbidden_rule(lab, stopped):
    stopped.lines = LINES
    rogue = Rogue(stopped)
    assert rogue.ask("look") == OK
    before = lab.rules()
    for what, rule in FORBIDDEN:
        assert rogue.set(**rule) == EREFUSED, what
    assert rogue.ask("look") == OK
    for what, rule in FORBIDDEN:
        rogue.set(verb="rule", **rule)
    assert rogue.ask("end") == EREFUSED
    assert lab.rules() == before
    # and allowed rules are made, so the requests above had the right form
    server = listener(lab.lan1, "TCP", 8000)
    assert rogue.set(40000) == OK
    assert reaches(lab, "TCP", 40000, server)
    assert rogue.close() == 0


def test_rogue_takes_no_port_of_the_router(lab, rogue):
    with lab.router.listen(40022):
        assert rogue.set(40022) == ECONFLICT
    assert wait_until(lambda: rogue.set(40022) == OK)


def test_rogue_takes_no_port_of_the_router_by_a_table(lab, rogue):
    """Regression: a table could take port 22, the first one, which comes from
    the lease file, or a later one."""
    with lab.router.listen(40022):
        for _ in range(2):
            assert rogue.ask("look") == OK
            rogue.set(40022, verb="rule")
            rogue.set(40023, verb="rule")
            assert rogue.ask("end") == OK
            assert "40022" not in lab.rules()
            assert "40023" in lab.rules()
        # nor does a rule stay that was there before the service
        with lab.router.listen(40023):
            assert rogue.ask("look") == OK
            rogue.set(40023, verb="rule")
            assert rogue.ask("end") == OK
            assert "40023" not in lab.rules()


@pytest.mark.conf(max_mappings=4, max_mappings_per_client=3)
def test_rogue_cannot_exceed_the_limits(lab, rogue):
    assert [rogue.set(40000 + n) for n in range(4)] == [OK] * 3 + [ENOSPC]
    assert [rogue.set(40010 + n, client=HOST2_IP) for n in range(2)] == \
        [OK, ENOSPC]
    held = lab.rules()
    assert rogue.ask("look") == OK
    for n in range(10):
        rogue.set(40020 + n, client=f"192.168.88.{30 + n // 5}", verb="rule")
    assert rogue.ask("end") == EREFUSED     # some are left out
    made = set(re.findall(r"\b400[0-4]\d\b", lab.rules()))
    assert made == {"40020", "40021", "40022", "40025"}
    assert len(set(re.findall(r"\b400[0-4]\d\b", held))) == 4


def test_rogue_deletes_nothing_of_others(lab, rogue):
    """The router's own rules have the same ports and hosts."""
    assert rogue.ask("look") == OK
    before = lab.rules()
    for proto in ("tcp", "udp"):
        for ext, int_port in ((8022, 22), (22, 22), (40000, 8000)):
            assert rogue.set(ext, int_port=int_port, proto=proto,
                             verb="del") in (OK, EREFUSED)
    assert rogue.ask("look") == OK
    assert rogue.ask("end") == OK       # a table without a rule
    assert lab.rules() == before
    # nor does it get a rule on the same port
    assert rogue.set(8022) == EFORWARDED
    assert rogue.set(8022, verb="del") == OK
    assert lab.holds(before)
    with listener(lab.lan1, "TCP", 22) as server:
        assert reaches(lab, "TCP", 8022, server)


def test_rogue_takes_no_link_down(lab, rogue):
    assert rogue.ask("down") == EREFUSED
    assert rogue.ask("up") == EREFUSED
    assert "state UP" in lab.router.run("ip", "link", "show", "wan0")


@pytest.mark.only("netlink")
@pytest.mark.parametrize("nonsense", ("0", "99", "4294967295", "short"))
def test_rogue_sends_invalid_messages(lab, stopped, nonsense):
    rogue = Rogue(stopped)
    assert rogue.set(40000) == OK
    assert rogue.ask(nonsense) == "hung up"
    assert rogue.close() == 0


def test_rogue_gets_only_rules_for_clients(lab, rogue):
    """It can make only the rules that any client may request."""
    server = lab.router.socket(socket.SOCK_STREAM, (LAN_IP, 8000))
    server.listen()
    for client in (LAN_IP, EXT_IP, "127.0.0.1", OUT_IP):
        assert rogue.set(40000, client=client) == EREFUSED
    assert blocked(lab, "TCP", 40000, server)
