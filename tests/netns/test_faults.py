# SPDX-License-Identifier: ISC
"""After a fault, rules and mappings match again, and upnpd keeps every mapping
that it can. The faults are a busy firewall, an unusable state directory or
lease file, interfaces that vanish, killed processes and slow clients."""
import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
import zlib

import pytest

from daemon import engine_uid
from lab import (EXT_IP, HOST_IP, LONG, OUT_IP, listener, many_files, reaches,
                 still_open, wait_until)
from test_lifecycle import answers
from test_mapping import in_kernel
from upnp import Igd, error_of, http

pytestmark = pytest.mark.core
FIRST = ("TCP", 40000, HOST_IP, 8000)
NEW_EXT = "11.22.33.2"


# ---- the firewall ------------------------------------------------------

@pytest.fixture
def own_run(lab, stopped):
    """The daemon with a separate /run, which has the lock of iptables."""
    stopped.start(prefix=["unshare", "-m", "sh", "-c",
                          'mount -t tmpfs tmpfs /run && exec "$@"', "sh"])
    return stopped


@contextlib.contextmanager
def held_lock(upnpd):
    """Hold the xtables lock, whatever happens, until the end."""
    with subprocess.Popen(
            ["nsenter", "-t", str(upnpd.proc.pid), "-m", "flock",
             "/run/xtables.lock", "sh", "-c", "echo held; read word"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline() == "held\n"
            yield
        finally:
            holder.communicate("enough\n")


def late_by_lock(lab, upnpd, igd, port):
    """Request @port while another process holds the xtables lock. Return: did
    the request succeed after the lock was released? It fails if the machine is
    so busy that the tool's 5 s are over."""
    told = []
    late = threading.Thread(target=lambda: told.append(
        answers(lambda: igd.add(port, "UDP", 8001))))
    with held_lock(upnpd):
        late.start()
        assert wait_until(lambda: told or tools(upnpd))
        assert Igd(lab.lan1).external_ip() == EXT_IP
        assert told in ([], [None])
    late.join()
    return told != [None]


def tools(upnpd):
    """The monitor's children except the fork server: firewall tools."""
    monitor = upnpd.proc.pid
    with open(f"/proc/{monitor}/task/{monitor}/children") as f:
        return {int(pid) for pid in f.read().split()} - {upnpd.fork_server()}


@pytest.mark.only("iptables-legacy")
def test_held_xtables_lock_delays_the_answer(lab, own_run):
    """The answer is late but right, and other clients are served meanwhile."""
    igd = Igd(lab.lan1)
    igd.add(40000, "TCP", 8000)
    port = next(port for port in range(40001, 40006)
                if late_by_lock(lab, own_run, igd, port))
    assert in_kernel(lab, 40000) and in_kernel(lab, port)


@pytest.mark.only("iptables-legacy")
@pytest.mark.conf(verify_interval="86400")
def test_rules_follow_the_address_after_a_failed_change(lab, own_run):
    """The external address changes while the firewall cannot be changed. The
    rules follow without waiting for the next verification."""
    server = listener(lab.lan1, "TCP", 8000)
    Igd(lab.lan1).add(40000, "TCP", 8000)
    with held_lock(own_run):
        lab.router.ip_batch(f"addr del {EXT_IP}/24 dev wan0",
                            f"addr add {NEW_EXT}/24 dev wan0",
                            f"route add default via {OUT_IP}")
        # the monitor tries twice: for the new address, and for the whole table
        # (equal lines of the log may be folded)
        tried = set()
        assert wait_until(lambda: tried.update(tools(own_run)) or
                          len(tried) >= 2 and "firewall: " in own_run.log())
    assert wait_until(lambda: reaches(lab, "TCP", 40000, server, dst=NEW_EXT))


# ---- interfaces --------------------------------------------------------

def test_external_interface_is_replaced(lab, upnpd, igd):
    """ppp0 and similar interfaces are new devices each time."""
    igd.add(40000, "TCP", 8000)
    lab.router.ip_batch("link del wan0")
    assert wait_until(lambda: answers(igd.external_ip) == "")
    assert igd.status() == "Disconnected"
    assert igd.mapped() == {FIRST}
    lab._wire(lab.router, "wan0", lab.outside)
    lab.router.ip_batch(f"addr add {EXT_IP}/24 dev wan0", "link set wan0 up",
                        f"route add default via {OUT_IP}")
    lab.outside.ip_batch(f"addr add {OUT_IP}/24 dev eth0")
    assert wait_until(lambda: answers(igd.external_ip) == EXT_IP)
    with listener(lab.lan1, "TCP", 8000) as server:
        assert reaches(lab, "TCP", 40000, server)


def test_external_interface_down_and_up(lab, upnpd, igd):
    """An operator or a modem takes the interface down and up. Afterwards all
    mappings are active again."""
    igd.add(40000, "TCP", 8000)
    lab.router.ip_batch("link set wan0 down")
    assert wait_until(lambda: igd.status() == "Disconnected")
    assert igd.mapped() == {FIRST}
    lab.router.ip_batch("link set wan0 up", f"route add default via {OUT_IP}")
    assert wait_until(lambda: igd.status() == "Connected")
    assert answers(igd.external_ip) == EXT_IP
    with listener(lab.lan1, "TCP", 8000) as server:
        assert reaches(lab, "TCP", 40000, server)


def test_internal_interface_renamed(lab, upnpd, igd):
    """A renamed interface is not served. With its old name it is served
    again."""
    igd.add(40000, "TCP", 8000)
    lab.router.ip_batch("link set lan0 down", "link set lan0 name other",
                        "link set other up")
    assert wait_until(lambda: answers(igd.external_ip) is None)
    lab.router.ip_batch("link set other down", "link set other name lan0",
                        "link set lan0 up")
    assert wait_until(lambda: answers(igd.external_ip) == EXT_IP)
    assert wait_until(lambda: igd.mapped() == {FIRST})
    with listener(lab.lan1, "TCP", 8000) as server:
        assert reaches(lab, "TCP", 40000, server)


# ---- processes ---------------------------------------------------------

def test_engine_killed_among_many(lab, upnpd, igd):
    """Each confirmed mapping has a rule, and there is no other rule."""
    said_yes = set()

    def add(ports):
        own = Igd(lab.lan1)
        for port in ports:
            try:
                own.add(port, "UDP", 8000)
                said_yes.add(port)
            except Exception:
                time.sleep(0.2)     # between two engines
    threads = [threading.Thread(target=add,
                                args=(range(40000 + 25 * i, 40025 + 25 * i),))
               for i in range(4)]
    for t in threads:
        t.start()
    killed = 0
    while any(t.is_alive() for t in threads):
        engine = upnpd.engine()
        if engine and killed < 3:
            time.sleep(0.1)
            os.kill(engine, signal.SIGKILL)
            killed += 1
        time.sleep(0.1)
    for t in threads:
        t.join()
    assert killed
    assert wait_until(lambda: answers(igd.external_ip))
    mapped = {port for _, port, _, _ in igd.mapped()}
    assert said_yes <= mapped
    assert wait_until(lambda: all(in_kernel(lab, p) == (p in mapped)
                                  for p in range(40000, 40100)))


@pytest.mark.fast
def test_monitor_killed_among_many(lab, upnpd, igd):
    """The next monitor finds the rules of the previous one, and removes those
    that belong to no mapping."""
    def add():
        for port in range(40000, 40060):
            try:
                igd.add(port, "TCP", 8000)
            except Exception:
                return
    thread = threading.Thread(target=add)
    thread.start()
    assert wait_until(lambda: 40000 in {p for _, p, _, _ in igd.mapped()})
    time.sleep(0.1)
    engine = upnpd.engine()
    upnpd.proc.kill()
    upnpd.proc.wait()
    assert wait_until(lambda: not os.path.exists(f"/proc/{engine}"))
    thread.join()
    upnpd.start()
    mapped = {port for _, port, _, _ in igd.mapped()}
    assert 40000 in mapped
    assert wait_until(lambda: all(in_kernel(lab, p) == (p in mapped)
                                  for p in range(40000, 40060)))


# ---- the state directory -----------------------------------------------

def own_state(lab, stopped, options):
    """Mount a separate file system for the state directory, in the daemon's
    mount namespace. Return the prefix of its argv."""
    os.makedirs(stopped.state, exist_ok=True)
    return ["unshare", "-m", "sh", "-c",
            'mount -t tmpfs -o "$1" tmpfs "$2" && shift 2 && exec "$@"', "sh",
            f"{options},uid={engine_uid()}", stopped.state]


@pytest.mark.only("netlink")
def test_mappings_work_with_a_full_disk(lab, stopped):
    """Mappings work, and the log says once that a restart would lose them."""
    stopped.start(prefix=own_state(lab, stopped, "size=16k,mode=0700"))
    igd = Igd(lab.lan1)
    for port in range(40000, 40100):
        igd.add(port, "TCP", 8000, desc="x" * 200)
    assert stopped.wait_log("lease file.*No space left on device")
    assert error_of(igd.add, 80) == 718
    assert stopped.wait_log("refused")      # which was logged after that
    assert stopped.log().count("No space left") == 1
    assert len(igd.mapped()) == 100
    assert in_kernel(lab, 40099)


@pytest.mark.only("netlink")
def test_mappings_work_with_a_read_only_disk(lab, stopped):
    stopped.start(prefix=own_state(lab, stopped, "ro,mode=0700"))
    igd = Igd(lab.lan1)
    igd.add(40000, "TCP", 8000)
    assert in_kernel(lab, 40000)
    assert stopped.wait_log("Read-only file system")


BAD_FILES = {
    "garbage": os.urandom(4000),
    "text": b"hello\nthis is no lease file\n",
    "empty": b"",
    "zeros": bytes(8192),
}


@pytest.mark.only("netlink")
@pytest.mark.conf(show_dummy_rule="no")
@pytest.mark.parametrize("kind", sorted(BAD_FILES))
def test_invalid_lease_file_is_dropped(lab, upnpd, igd, kind):
    """upnpd starts, logs what it dropped, and then works as without a file."""
    igd.add(40000, "TCP", 8000)
    upnpd.stop()
    with open(os.path.join(upnpd.state, "mappings"), "wb") as f:
        f.write(BAD_FILES[kind])
    since = len(upnpd.log())
    upnpd.start()
    assert igd.mapped() == set()
    assert not in_kernel(lab, 40000)
    # the monitor passes the engine's lines on
    assert upnpd.wait_log("serving on", since=since)
    said = "are invalid" in upnpd.log()[since:]
    assert said == (kind != "empty")
    igd.add(40001, "TCP", 8000)
    upnpd.stop()
    upnpd.start()
    assert igd.mapped() == {("TCP", 40001, HOST_IP, 8000)}


def version1(*bodies):
    """The lease file of an older upnpd: lines with their checksums."""
    return "".join(f"{b} {zlib.crc32(b.encode()):08x}\n" for b in bodies)


@pytest.mark.only("netlink")
@pytest.mark.conf(show_dummy_rule="no")
def test_lease_file_of_an_older_upnpd_is_read(lab, upnpd, igd):
    """upnpd serves the mappings of an operator and of a client from that file.
    If the older version is installed again, it finds one line in place of the
    file, which it logs as an error."""
    upnpd.stop()
    os.unlink(os.path.join(upnpd.state, "mappings"))
    path = os.path.join(upnpd.state, "leases")
    with open(path, "w") as f:
        f.write(version1(
            "upnpd-leases 1 some-boot",
            f"+ tcp 40000 {HOST_IP} 8000 * 1 0 0 0 0.0.0.0 my server",
            f"+ udp 40001 {HOST_IP} 8001 * 1 0 0 0 {HOST_IP} game"))
    upnpd.start()
    both = {("TCP", 40000, HOST_IP, 8000), ("UDP", 40001, HOST_IP, 8001)}
    assert igd.mapped() == both
    assert wait_until(lambda: in_kernel(lab, 40000) and in_kernel(lab, 40001))
    assert error_of(igd.delete, 40000)              # the operator's
    assert igd.mapped() == both
    with open(path) as f:
        assert f.read() == "upnpd-leases 2 is in mappings\n"
    upnpd.stop()
    upnpd.start()
    assert igd.mapped() == both
    assert "lease file" not in upnpd.log()


@pytest.mark.only("netlink")
@pytest.mark.conf(show_dummy_rule="no")
def test_lines_of_a_cut_lease_file_count(lab, upnpd, igd):
    """After a power failure, the lines before the cut count. (The unit tests
    try every length; here the whole daemon reads a few.)"""
    for port in range(40000, 40005):
        igd.add(port, "TCP", 8000)
    upnpd.stop()
    path = os.path.join(upnpd.state, "mappings")
    with open(path, "rb") as f:
        whole = f.read()
    for cut in (1, 17, len(whole) // 2, len(whole) - 20, len(whole) - 1):
        with open(path, "wb") as f:
            f.write(whole[:cut])
        upnpd.start()
        lines = whole[:cut].count(b"\n+") - (whole[:cut][-1:] != b"\n")
        got = {port for _, port, _, _ in igd.mapped()}
        assert set(range(40000, 40000 + max(lines, 0))) <= got
        assert got <= set(range(40000, 40005))
        assert wait_until(lambda: all(in_kernel(lab, p) == (p in got)
                                      for p in range(40000, 40005)))
        upnpd.stop()


@pytest.mark.only("netlink")
def test_link_as_lease_file_is_not_followed(lab, upnpd, igd):
    """upnpd does not follow a link in its place, and serves without the
    file."""
    upnpd.stop()
    path = os.path.join(upnpd.state, "mappings")
    victim = lab.path("victim")
    with open(victim, "w") as f:
        f.write("precious\n")
    os.chmod(victim, 0o666)
    os.unlink(path)
    os.symlink(victim, path)
    upnpd.start()
    igd.add(40000, "TCP", 8000)
    assert in_kernel(lab, 40000)
    with open(victim) as f:
        assert f.read() == "precious\n"
    assert upnpd.wait_log("lease file")


@pytest.mark.only("netlink")
@pytest.mark.conf(show_dummy_rule="no")
@pytest.mark.parametrize("mode", (0o600, 0o644))
def test_lease_file_of_another_user_is_not_read(lab, upnpd, igd, mode):
    """If root restored a copy of the file, upnpd serves, and logs that it
    cannot read it. When the owner is corrected, upnpd has the mappings."""
    igd.add(40000, "TCP", 8000)
    upnpd.stop()
    path = os.path.join(upnpd.state, "mappings")
    own = os.stat(path)
    os.chown(path, 0, 0)
    os.chmod(path, mode)
    since = len(upnpd.log())
    upnpd.start()
    assert upnpd.wait_log("lease file: Permission denied; mappings will not "
                          "survive a restart", since=since)
    assert igd.mapped() == set()
    igd.add(40001, "TCP", 8000)
    assert in_kernel(lab, 40001)
    upnpd.stop()
    os.chown(path, own.st_uid, own.st_gid)
    upnpd.start()
    assert igd.mapped() == {FIRST}
    assert wait_until(lambda: in_kernel(lab, 40000))


# ---- clients -----------------------------------------------------------

@pytest.mark.only("netlink")
def test_slow_clients_do_not_block_others(lab, upnpd, igd):
    """2,000 connections send nothing and 500 send slowly: another host's
    requests are answered meanwhile. (All of them come from one address, the
    worst case.)"""
    many_files()
    lab.lan1.ip_batch("addr add 192.168.88.66/24 dev eth0")
    held = []
    for i in range(2500):
        sock = lab.lan1.socket(socket.SOCK_STREAM, ("192.168.88.66", 0))
        sock.settimeout(LONG)
        assert sock.connect_ex(("192.168.88.1", 2828)) == 0
        if i % 5 == 0:
            sock.send(b"GET /igd1.xml HT")
        held.append(sock)
    for _ in range(10):
        assert http(lab.lan1, "GET", "/igd1.xml").status == 200
        for sock in held[::5]:
            try:
                sock.send(b"T")
            except OSError:
                pass
    igd.add(40000, "TCP", 8000)
    assert any(map(still_open, held))
    for sock in held:
        sock.close()
