# SPDX-License-Identifier: ISC
"""Mappings survive a restart, a crash and a reload, and a stop leaves no rules
behind."""
import contextlib
import itertools
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from daemon import UPNPD, Upnpd
from lab import (EXT_IP, HOST_IP, HOST_LAN2_IP, LAN2_IP, LAN_IP, OUT_IP,
                 blocked, listener, reaches, tcp_passes, udp_passes,
                 wait_until)
from upnp import Igd, Listener, UpnpError, msearch, unanswered

pytestmark = pytest.mark.core
SOON = 10.0         # should take a second, even on a slow machine


def answers(call):
    """The result of @call; None without an answer."""
    try:
        return call()
    except (OSError, UpnpError, AssertionError):
        return None


def two_mappings(igd):
    igd.add(40000, "TCP", 8000, desc="one")
    igd.add(40001, "UDP", 8001, lease=600, desc="two")
    return igd.mapped()


# ---- stop and start ---------------------------------------------------

@pytest.mark.parametrize("signo", (signal.SIGTERM, signal.SIGINT))
def test_stop_removes_all_rules(lab, upnpd, igd, signo):
    two_mappings(igd)
    assert lab.rules() != lab.pristine
    engine = upnpd.engine()
    upnpd.signal(signo)
    assert upnpd.wait_exit() == 0
    assert lab.rules() == lab.pristine
    assert not os.path.exists(f"/proc/{engine}")
    assert not os.path.exists(lab.path("upnpd.pid"))


@pytest.mark.only("netlink")
@pytest.mark.parametrize("signo", (signal.SIGTERM, signal.SIGINT))
def test_signal_to_all_processes(lab, upnpd, igd, signo):
    """Ctrl-C or an init system signals the engine as well. Regression: it
    exited at once, without a byebye."""
    ear = Listener(lab.lan1)
    two_mappings(igd)
    os.killpg(upnpd.proc.pid, signo)
    assert upnpd.wait_exit() == 0
    assert wait_until(lambda: ear.of("ssdp:byebye"))
    assert lab.rules() == lab.pristine
    ear.close()


def test_restart_keeps_mappings(lab, upnpd, igd):
    tcp = listener(lab.lan1, "TCP", 8000)
    udp = listener(lab.lan1, "UDP", 8001)
    before = two_mappings(igd)
    assert upnpd.stop() == 0
    assert blocked(lab, "TCP", 40000, tcp)
    upnpd.start()
    assert igd.mapped() == before
    assert [e["NewPortMappingDescription"] for e in igd.entries()] == \
        ["one", "two"]
    assert 480 < int(igd.specific(40001, "UDP")["NewLeaseDuration"]) <= 600
    assert igd.specific(40000)["NewLeaseDuration"] == "0"
    assert reaches(lab, "TCP", 40000, tcp, timeout=SOON)
    assert reaches(lab, "UDP", 40001, udp, timeout=SOON)
    igd.delete(40000)
    upnpd.stop()
    upnpd.start()
    assert igd.mapped() == before - {("TCP", 40000, HOST_IP, 8000)}


def test_lease_ends_while_stopped(lab, upnpd, igd):
    igd.add(40000, lease=1)
    igd.add(40001)
    upnpd.stop()
    time.sleep(1.2)
    upnpd.start()
    assert igd.mapped() == {("TCP", 40001, HOST_IP, 40001)}
    assert not re.search(r"\b40000\b", lab.rules())


# ---- crashes ----------------------------------------------------------

def test_killed_engine_is_replaced(lab, upnpd, igd):
    server = listener(lab.lan1, "TCP", 8000)
    before = two_mappings(igd)
    rules = lab.rules()
    engine = upnpd.engine()
    os.kill(engine, signal.SIGKILL)
    assert wait_until(lambda: answers(igd.mapped) == before, SOON)
    assert upnpd.engine() not in (None, engine)
    assert reaches(lab, "TCP", 40000, server, timeout=SOON)
    assert wait_until(lambda: lab.holds(rules), SOON)
    igd.add(40002)
    igd.delete(40000)
    assert blocked(lab, "TCP", 40000, server)
    assert upnpd.wait_log("engine ended by signal 9")


def test_traffic_passes_while_the_engine_is_dead(lab, upnpd, igd):
    """Nothing that is sent is lost, only delayed."""
    server = listener(lab.lan1, "TCP", 8000)
    other = listener(lab.lan1, "UDP", 8001)
    two_mappings(igd)
    os.kill(upnpd.engine(), signal.SIGKILL)
    for _ in range(30):
        assert tcp_passes(lab.outside, EXT_IP, 40000, server)
        assert udp_passes(lab.outside, EXT_IP, 40001, other)


def test_rules_survive_a_killed_monitor(lab, upnpd, igd):
    server = listener(lab.lan1, "TCP", 8000)
    before = two_mappings(igd)
    rules = lab.rules()
    engine = upnpd.engine()
    upnpd.proc.kill()
    upnpd.proc.wait()
    assert wait_until(lambda: not os.path.exists(f"/proc/{engine}"))
    assert lab.rules() == rules         # no process removed them
    upnpd.start()
    assert igd.mapped() == before
    assert wait_until(lambda: lab.holds(rules))     # none doubled
    assert reaches(lab, "TCP", 40000, server)
    igd.delete(40000)
    assert blocked(lab, "TCP", 40000, server)


@pytest.mark.fast
@pytest.mark.only("netlink")
@pytest.mark.conf(show_dummy_rule="no", max_mappings_per_client=1000)
@pytest.mark.parametrize("whole", (False, True), ids=("monitor", "all"))
def test_confirmed_results_survive_a_kill(lab, upnpd, igd, whole):
    """After the next start all confirmed results still hold; only the last,
    unanswered request may have succeeded or not."""
    assert igd.urls
    has = {}
    for turn in range(4):
        asked = []
        asker = threading.Thread(target=keep_asking, args=(igd, has, asked))
        asker.start()
        assert wait_until(lambda: len(asked) > 1)
        time.sleep(0.1 + 0.07 * turn)
        engine, fork_server = upnpd.engine(), upnpd.fork_server()
        upnpd.proc.kill()
        for pid in (fork_server, engine) if whole else ():
            with contextlib.suppress(ProcessLookupError):   # it has ended
                os.kill(pid, signal.SIGKILL)
        upnpd.proc.wait()
        asker.join()
        assert wait_until(lambda: not os.path.exists(f"/proc/{engine}"))
        upnpd.start()
        found = {int(e["NewExternalPort"]): int(e["NewInternalPort"])
                 for e in igd.entries()}
        unsure = asked.pop()
        assert asked, "nothing was answered"
        assert {p: n for p, n in found.items() if p != unsure} == \
            {p: n for p, n in has.items() if p != unsure}
        assert wait_until(lambda: all_in_kernel(lab, found))
        has = found


def all_in_kernel(lab, ports):
    rules = lab.rules()
    return all(re.search(rf"\b{port}\b", rules) for port in ports)


def keep_asking(igd, has, asked):
    """Map and delete until there is no answer. @has: {external: internal port}
    as confirmed; @asked: requested ports, the last one without an answer."""
    for i in itertools.count():
        port = 40000 + i * 7 % 60
        asked.append(port)
        try:
            if port in has and i % 3:
                igd.delete(port)
                del has[port]
            else:
                igd.add(port, int_port=2000 + i, lease=i % 2 * 600)
                has[port] = 2000 + i
        except (OSError, AssertionError):
            return


@pytest.mark.only("iptables-legacy", "netlink")
def test_five_engine_deaths_end_the_daemon(lab, upnpd, igd):
    two_mappings(igd)
    killed = set()
    while len(killed) < 8:
        engine = wait_until(lambda: not upnpd.running() or fresh(upnpd,
                                                                 killed))
        if not upnpd.running():
            break
        assert engine, "no other engine was started"
        os.kill(engine, signal.SIGKILL)
        killed.add(engine)
    assert upnpd.wait_exit() not in (0, None)
    assert len(killed) == 5
    assert upnpd.wait_log("engine died 5 times.*giving up")
    assert lab.rules() == lab.pristine


def fresh(upnpd, killed):
    engine = upnpd.engine()
    return engine if engine not in killed else None


# ---- changes by others --------------------------------------------

@pytest.mark.conf(verify_interval=1)
def test_flushed_firewall_is_repaired(lab, upnpd, igd):
    """The administrator reloads the firewall."""
    server = listener(lab.lan1, "TCP", 8000)
    two_mappings(igd)
    rules = lab.rules()
    assert reaches(lab, "TCP", 40000, server)
    lab.firewall.flush(lab.router)
    # long, but less than without that option
    assert wait_until(lambda: lab.holds(rules), 15)
    assert reaches(lab, "TCP", 40000, server)
    assert upnpd.wait_log("repaired")


@pytest.mark.only("iptables-nft", "netlink")
@pytest.mark.conf(verify_interval=3600)
def test_flush_of_nf_tables_is_repaired_at_once(lab, upnpd, igd):
    """nf_tables notifies upnpd of changes, so it does not wait for the next
    verification."""
    server = listener(lab.lan1, "TCP", 8000)
    two_mappings(igd)
    rules = lab.rules()
    for _ in range(3):
        lab.firewall.flush(lab.router)
        assert wait_until(lambda: lab.holds(rules))
        assert reaches(lab, "TCP", 40000, server)


@pytest.mark.only("iptables-nft", "netlink")
@pytest.mark.conf(verify_interval=3600)
def test_removed_part_is_restored(lab, upnpd, igd):
    """A part removed by hand is restored, without duplicates, and other rules
    are kept."""
    two_mappings(igd)
    rules = lab.rules()
    if lab.firewall.name == "nft":
        lab.router.run("nft", "add", "table", "ip", "mine")
        lab.router.run("nft", "flush", "map", "ip", "upnpd", "forward_to")
    else:
        lab.router.run(lab.firewall.name, "-t", "nat", "-N", "mine")
        lab.router.run(lab.firewall.name, "-t", "nat", "-F", "UPNPD")
    assert upnpd.wait_log("repaired")
    assert "mine" in lab.rules()
    if lab.firewall.name == "nft":
        lab.router.run("nft", "delete", "table", "ip", "mine")
    else:
        lab.router.run(lab.firewall.name, "-t", "nat", "-X", "mine")
    assert wait_until(lambda: lab.holds(rules))


@pytest.mark.only("iptables-legacy", "iptables-nft")
@pytest.mark.conf(verify_interval=1)
def test_iptables_chains_of_ports(lab, upnpd, igd):
    """The iptables backends have a chain for 1024 ports. If it is emptied, it
    is restored; with a rule of others in it, it is still deleted with its last
    mapping; if a killed monitor left it, it is deleted without mappings."""
    def tool(*args):
        lab.router.run(lab.firewall.name, *args)

    server = listener(lab.lan1, "TCP", 8000)
    two_mappings(igd)
    igd.add(50000, "TCP", 8000)
    rules = lab.rules()
    assert rules.count(":UPNPD-tcp-39936 ") == 2
    assert rules.count(":UPNPD-udp-39936 ") == 2
    assert rules.count(":UPNPD-POST-tcp-7168 ") == 1
    tool("-t", "nat", "-F", "UPNPD-tcp-39936")
    assert wait_until(lambda: lab.holds(rules))
    assert reaches(lab, "TCP", 40000, server)
    tool("-A", "UPNPD-tcp-39936", "-j", "RETURN")
    igd.delete(40000)
    assert "UPNPD-tcp-39936" not in lab.rules()
    assert reaches(lab, "TCP", 50000, server)
    engine = upnpd.engine()
    upnpd.proc.kill()
    upnpd.proc.wait()
    assert wait_until(lambda: not os.path.exists(f"/proc/{engine}"))
    assert "UPNPD-tcp-49152" in lab.rules()
    os.remove(lab.path("state", "mappings"))
    upnpd.start()
    assert wait_until(lambda: "UPNPD-tcp-49152" not in lab.rules())
    assert "UPNPD-udp-39936" not in lab.rules()


@pytest.mark.conf(verify_interval=1)
def test_resync_finds_nothing_to_repair(lab, upnpd, igd):
    """resync verifies at once: it expects exactly the rules that were made one
    by one."""
    two_mappings(igd)
    igd.add(40002, "TCP", 8000)
    igd.add(40003, "TCP", 8003, remote=OUT_IP)
    igd.add(40003, "TCP", 8004, remote=OUT_IP)
    igd.delete(40000)
    ctl = os.path.join(os.path.dirname(UPNPD), "upnpctl")
    for _ in range(2):
        assert "as it should be" in lab.router.run(ctl, "-f", upnpd.conf,
                                                   "resync")
    assert "repaired" not in upnpd.log()


def test_rules_of_others_are_kept(lab, upnpd, igd):
    """Rules that others add while upnpd runs are kept (the fixture compares
    them at the end)."""
    two_mappings(igd)
    if lab.firewall.name == "nft":
        lab.router.run("nft", "add", "table", "ip", "mine")
    else:
        lab.router.run(lab.firewall.name, "-t", "nat", "-N", "mine")
    igd.delete(40000)
    upnpd.stop()
    assert "mine" in lab.rules()
    if lab.firewall.name == "nft":
        lab.router.run("nft", "delete", "table", "ip", "mine")
    else:
        lab.router.run(lab.firewall.name, "-t", "nat", "-X", "mine")


# ---- reload -----------------------------------------------------------

@pytest.mark.lab(second_lan=True)
def test_reload_adds_an_interface(lab, upnpd, igd):
    server = listener(lab.lan1, "TCP", 8000)
    before = two_mappings(igd)
    other = Igd(lab.lan2, ip=LAN2_IP)
    assert answers(other.external_ip) is None
    upnpd.interfaces["lan1"] = "internal"
    upnpd.reload()
    assert wait_until(lambda: answers(other.external_ip))
    assert other.mapped() == before
    assert reaches(lab, "TCP", 40000, server)
    other.add(40009, "TCP", 8000)
    with listener(lab.lan2, "TCP", 8000) as second:
        assert reaches(lab, "TCP", 40009, second)
    del upnpd.interfaces["lan1"]
    upnpd.reload()
    assert wait_until(lambda: answers(other.external_ip) is None)
    # a mapping without a rule is not listed
    assert wait_until(lambda: answers(igd.mapped) == before)
    assert wait_until(lambda: HOST_LAN2_IP not in lab.rules())


@pytest.mark.only("netlink")
def test_reload_changes_an_option(upnpd, igd):
    assert len(igd.entries()) == 1
    upnpd.options["show_dummy_rule"] = "no"
    upnpd.reload()
    assert wait_until(lambda: answers(igd.entries) == [])


@pytest.mark.parametrize("text,line", (
    ("enabled = perhaps\n", 1),
    ("# ours\n\nenabled = yes\ncolour = red\n", 4),
))
def test_reload_of_an_invalid_file(lab, upnpd, igd, text, line):
    server = listener(lab.lan1, "TCP", 8000)
    before = two_mappings(igd)
    engine, rules = upnpd.engine(), lab.rules()
    since = upnpd.reload(text)
    assert upnpd.wait_log(rf"upnpd\.conf:{line}: .*", since=since)
    assert upnpd.engine() == engine
    assert igd.mapped() == before and lab.rules() == rules
    assert reaches(lab, "TCP", 40000, server)


@pytest.mark.only("netlink")
def test_reload_keeps_the_pid_file(lab, upnpd):
    """Regression: at its end upnpd removed the file that pid-file named since
    the last reload, and not its own."""
    own, other = lab.path("upnpd.pid"), lab.path("other.pid")
    with open(other, "w") as f:
        f.write("1\n")
    upnpd.options["pid_file"] = other
    since = upnpd.reload()
    assert upnpd.wait_log("configuration read again", since=since)
    assert upnpd.stop() == 0
    assert os.path.exists(other) and not os.path.exists(own)


@pytest.mark.only("netlink")
@pytest.mark.parametrize("state", ("/proc/nowhere/state", "/dev/null"))
def test_reload_to_an_unusable_state_dir(lab, upnpd, igd, state):
    """Regression: upnpd noticed it only after the old engine had ended,
    exited, and all mappings were lost."""
    before = two_mappings(igd)
    engine, rules = upnpd.engine(), lab.rules()
    mine = upnpd.options["state_dir"]
    upnpd.options["state_dir"] = state
    since = upnpd.reload()
    assert upnpd.wait_log(f"a reload cannot change state-dir from {mine} to "
                          f"{state}: ", since=since)
    assert upnpd.wait_log("previous configuration stays", since=since)
    assert upnpd.engine() == engine
    assert igd.mapped() == before and lab.rules() == rules
    upnpd.options.update(state_dir=mine, show_dummy_rule="no")
    upnpd.reload()          # and the next reload is accepted
    assert wait_until(lambda: upnpd.engine() not in (None, engine))
    assert wait_until(lambda: answers(igd.mapped) == before)


@pytest.mark.only("netlink")
@pytest.mark.conf(enabled="no")
def test_enabling_with_an_unusable_state_dir(lab, stopped):
    state, mine = "/dev/null", stopped.options["state_dir"]
    stopped.options["state_dir"] = state
    stopped.start(wait=False)
    assert stopped.wait_log("not enabled: set enabled = yes")
    stopped.options["enabled"] = "yes"
    since = stopped.reload()
    assert stopped.wait_log(f"state-dir {state}: ..", since=since)
    assert stopped.wait_log("previous configuration stays", since=since)
    assert stopped.running() and not stopped.serves()
    stopped.options["state_dir"] = mine
    stopped.reload()
    assert wait_until(stopped.serves)


@pytest.mark.only("netlink")
@pytest.mark.conf(enabled="no")
def test_reload_enables_and_disables(lab, stopped):
    """While disabled, upnpd sends nothing. SIGHUP enables and disables it."""
    stopped.start(wait=False)
    assert stopped.wait_log("not enabled: set enabled = yes")
    assert stopped.running() and stopped.engine() is None
    assert not stopped.serves() and lab.rules() == lab.pristine
    igd = Igd(lab.lan1)
    for _ in range(2):
        stopped.options["enabled"] = "yes"
        stopped.reload()
        assert wait_until(stopped.serves)
        igd.add(40000)
        stopped.options["enabled"] = "no"
        stopped.reload()
        assert wait_until(lambda: lab.rules() == lab.pristine)
        assert stopped.running() and stopped.engine() is None
        assert not stopped.serves()
        # there is no engine to answer a search
        assert ":1900 " not in lab.router.run("ss", "-Hlun")


@pytest.mark.only("netlink")
@pytest.mark.lab(second_lan=True)
@pytest.mark.conf(interfaces={
    "wan0": "external", "lan0": "internal",
    "lan1": ["type = internal", "disabled = yes"],
    "ppp0": ["type = external", "disabled = yes"]})
def test_disabled_interfaces(lab, upnpd, igd):
    """Disabled interfaces are treated as missing."""
    assert igd.external_ip() == EXT_IP
    assert answers(Igd(lab.lan2, ip=LAN2_IP).external_ip) is None
    assert unanswered(lab, lab.lan2, msearch("ssdp:all"), LAN2_IP)


@pytest.mark.only("netlink")
@pytest.mark.parametrize("close", ("", "<&- >&- 2>&-"), ids=("", "closed"))
def test_daemon_in_the_background(lab, stopped, close):
    """Regressions: without -F, SIGHUP looked for a relative -f in /, so the
    daemon never read its configuration again; without standard descriptors,
    the pid file became one, and lost its lock."""
    stopped.write_conf()
    argv = ["ip", "netns", "exec", lab.router.ns, "sh", "-c",
            'exec "$@" ' + close, "sh", os.path.abspath(upnpd_binary()), "-f",
            os.path.basename(stopped.conf)]
    with open(stopped.logfile, "w") as log:
        assert subprocess.run(argv, cwd=lab.dir, check=False, stdout=log,
                              stderr=log).returncode == 0
    # the shell gets its prompt back when the LAN is served
    assert stopped.serves()
    with open(lab.path("upnpd.pid")) as f:
        pid = int(f.read())
    try:
        assert os.readlink(f"/proc/{pid}/cwd") == "/"
        assert os.getsid(pid) == pid
        assert subprocess.run(argv, cwd=lab.dir, capture_output=True,
                              check=False).returncode == 1
        igd = Igd(lab.lan1)
        assert len(igd.entries()) == 1
        stopped.options["show_dummy_rule"] = "no"
        stopped.write_conf()
        os.kill(pid, signal.SIGHUP)
        assert wait_until(lambda: answers(igd.entries) == [])
    finally:
        os.kill(pid, signal.SIGTERM)
        assert wait_until(lambda: not os.path.exists(f"/proc/{pid}"))
    assert not os.path.exists(lab.path("upnpd.pid"))


@pytest.mark.only("netlink")
def test_pid_file_is_written_when_the_lan_is_served(lab, stopped):
    """A search that is sent when the pid file has its content is answered."""
    stopped.start(wait=False)
    assert wait_until(lambda: os.path.exists(lab.path("upnpd.pid"))
                      and os.path.getsize(lab.path("upnpd.pid")), every=0.001)
    assert stopped.serves()


@pytest.mark.only("netlink")
@pytest.mark.parametrize("options,up", (({"enabled": "no"}, True),
                                        ({}, False)))
def test_start_returns_where_there_is_nothing_to_serve(lab, stopped, options,
                                                       up):
    """Not enabled, or no interface is up yet."""
    stopped.options.update(options)
    stopped.write_conf()
    if not up:
        lab.router.run("ip", "link", "set", "lan0", "down")
    argv = ["ip", "netns", "exec", lab.router.ns,
            os.path.abspath(upnpd_binary()), "-f", stopped.conf]
    try:
        assert subprocess.run(argv, check=False, timeout=60,
                              capture_output=True).returncode == 0
        with open(lab.path("upnpd.pid")) as f:
            pid = int(f.read())
        os.kill(pid, signal.SIGTERM)
        assert wait_until(lambda: not os.path.exists(f"/proc/{pid}"))
    finally:
        lab.router.run("ip", "link", "set", "lan0", "up")


def first_child(pid):
    """The pid of the first child of @pid, or None."""
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        children = f.read().split()
    return int(children[0]) if children else None


@pytest.mark.only("netlink")
def test_daemon_outlives_the_process_that_waits(lab, stopped):
    """Ctrl-C, or a script that does not wait any more. The number that a
    killed upnpd left in the pid file is gone by then."""
    def content():
        with open(lab.path("upnpd.pid")) as f:
            return f.read()

    stopped.write_conf()
    with open(lab.path("upnpd.pid"), "w") as f:
        f.write("1\n")
    with subprocess.Popen(["ip", "netns", "exec", lab.router.ns,
                           os.path.abspath(upnpd_binary()), "-f",
                           stopped.conf]) as waits:
        pid = wait_until(lambda: first_child(waits.pid), every=0.0001)
        found = content()
        waits.kill()
    try:
        assert found == ""
        assert wait_until(lambda: content() == f"{pid}\n")
        assert stopped.serves()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        assert wait_until(lambda: not os.path.exists(f"/proc/{pid}"))


# ---- another program on http-port -------------------------------------

HOLDER = """import contextlib, socket, sys
print("starts", flush=True)
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.setsockopt(socket.IPPROTO_IP, 15, 1)  # IP_FREEBIND
while True:
    with contextlib.suppress(OSError):
        s.bind((sys.argv[2], int(sys.argv[1])))
        s.listen()
        break
print("ready", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def holder(lab, port, ip="", then=None):
    """A program of the router that listens on @port, as soon as it is free.
    @then: is called when the program tries to."""
    proc = subprocess.Popen(
        ["ip", "netns", "exec", lab.router.ns, sys.executable, "-c", HOLDER,
         str(port), ip], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert proc.stdout.readline() == b"starts\n"
        if then:
            then()
        assert proc.stdout.readline() == b"ready\n"
        yield proc
    finally:
        proc.stdin.close()
        proc.wait()


@pytest.mark.only("netlink")
@pytest.mark.parametrize("flags", ([], ["-F"]))
def test_start_fails_if_http_port_is_taken(lab, stopped, flags):
    """One line names the program; the status is 1. It served nobody before."""
    stopped.write_conf()
    argv = ["ip", "netns", "exec", lab.router.ns, upnpd_binary(), *flags, "-f",
            stopped.conf]
    with holder(lab, stopped.port) as other:
        said = subprocess.run(argv, check=False, text=True, timeout=60,
                              capture_output=True)
    assert said.returncode == 1
    lines = [line for line in said.stderr.splitlines() if "http-port" in line]
    assert len(lines) == 1, said.stderr
    assert re.search(rf"http-port {stopped.port} is taken by python3\S* "
                     rf"\(process {other.pid}\), at 192\.168\.88\.1: ", lines[0])
    assert not os.path.exists(lab.path("upnpd.pid"))
    assert lab.rules() == lab.pristine


@pytest.mark.only("netlink")
def test_reload_keeps_its_port_if_the_new_one_is_taken(lab, upnpd, igd):
    with holder(lab, upnpd.port + 1):
        upnpd.options["http_port"] = upnpd.port + 1
        upnpd.write_conf()
        upnpd.signal(signal.SIGHUP)
        assert upnpd.wait_log(f"http-port {upnpd.port + 1} is taken by ")
        assert upnpd.wait_log("the previous configuration stays in force")
        assert igd.external_ip() == EXT_IP


def resync(lab, upnpd):
    ctl = os.path.join(os.path.dirname(UPNPD), "upnpctl")
    return lab.router.run(ctl, "-f", upnpd.conf, "resync")


@pytest.mark.only("netlink")
def test_mappings_work_while_the_engine_has_no_port(lab, upnpd, igd):
    """The router gets another LAN address, where another program has our port.
    The engine lives, and serves nobody."""
    other = "192.168.88.254"
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    with holder(lab, upnpd.port, other):
        lab.router.ip_batch(f"addr del {LAN_IP}/24 dev lan0",
                            f"addr add {other}/24 dev lan0")
        lab.lan1.ip_batch(f"route replace default via {other}")
        assert upnpd.wait_log(f"HTTP port {upnpd.port}: .*; trying again")
        for _ in range(2):      # the requests of before were answered
            assert "as it should be" in resync(lab, upnpd)
        assert tcp_passes(lab.outside, EXT_IP, 40000, server)
    lab.router.ip_batch(f"addr del {other}/24 dev lan0",
                        f"addr add {LAN_IP}/24 dev lan0")
    lab.lan1.ip_batch(f"route replace default via {LAN_IP}")
    assert wait_until(lambda: answers(igd.external_ip) == EXT_IP)
    assert len(igd.mapped()) == 1


@pytest.mark.only("netlink")
def test_lease_ends_while_another_program_has_the_port(lab, upnpd, igd):
    """The engine dies, and its successor finds its port taken. Mappings work
    until their leases end. After ten seconds the successor sends its table."""
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40001, "TCP", 8000)
    igd.add(40000, "TCP", 8000, lease=14)
    start = time.monotonic()
    engine = upnpd.engine()
    with holder(lab, upnpd.port,
                then=lambda: os.kill(engine, signal.SIGKILL)):
        assert upnpd.wait_log(f"HTTP port {upnpd.port}: .*; trying again")
        while "40000" in lab.rules():
            assert tcp_passes(lab.outside, EXT_IP, 40001, server)
            assert time.monotonic() - start < 14 + SOON
        assert time.monotonic() - start >= 13
        assert blocked(lab, "TCP", 40000, server)
        assert tcp_passes(lab.outside, EXT_IP, 40001, server)


@pytest.mark.only("netlink")
@pytest.mark.parametrize("returns", (True, False))
def test_rules_while_the_next_engine_has_no_network(lab, upnpd, igd, returns):
    """The engine dies while the LAN interface has no address. The rules stay
    for ten seconds, in which the address may come back."""
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    engine = upnpd.engine()
    os.kill(engine, signal.SIGSTOP)     # so that it does not see the change
    lab.router.ip_batch(f"addr del {LAN_IP}/24 dev lan0")
    os.kill(engine, signal.SIGKILL)
    assert upnpd.wait_log("nobody is served: no internal interface")
    start = time.monotonic()
    if returns:
        resync(lab, upnpd)      # the requests of before were answered
        assert "40000" in lab.rules()
    else:
        assert wait_until(lambda: "40000" not in lab.rules())
        assert time.monotonic() - start > 8
    lab.router.ip_batch(f"addr add {LAN_IP}/24 dev lan0")
    assert wait_until(lambda: answers(igd.external_ip) == EXT_IP)
    assert len(igd.mapped()) == 1
    assert reaches(lab, "TCP", 40000, server)


# ---- invalid at the start ---------------------------------------------

GOOD = """\
enabled = yes
[interface wan0]
type = external
[interface lan0]
type = internal
"""


@pytest.mark.only("netlink")
@pytest.mark.parametrize("text,line", (
    ("enabled = 1 2\n", 1),
    ("enabled = yes\nhttp-port = 65616\n", 2),
    ("# a\n# b\nno-such-key = 1\n", 3),
    ("enabled yes\n", 1),
    ("backend = ipchains\n", 1),
    ("allow 1024-99999 192.168.88.0/24 1024-65535\n", 1),
    ("allow 1024-65535 192.168.88.0/33 1024-65535\n", 1),
    ("state-dir = relative\n", 1),
    ("[interface]\n", 1),
    ("[interface averyveryverylongname]\n", 1),
    (GOOD + "".join(f"[interface wan{n}]\ntype = external\n"
                    for n in range(1, 5)), r"\d+"),
    (GOOD + "[interface lan1]\n", r"\d+"),
    ("uuid = 1234\n", 1),
    ("max-lease = -1\n", 1),
))
def test_invalid_configuration_is_refused(lab, stopped, text, line):
    stopped.write_conf(text)
    for flags in (["-F"], ["-n"]):
        stopped.spawn([upnpd_binary(), *flags, "-f", stopped.conf])
        assert stopped.wait_exit() in (1, 2)
    said = stopped.log().splitlines()
    assert len(said) == 2
    where = re.escape(stopped.conf) + (f":{line}" if line else "")
    for one in said:            # a missing option is on no line
        assert re.search(where + ": ..+", one)
    assert lab.rules() == lab.pristine
    assert not os.path.exists(stopped.state)


def upnpd_binary():
    from daemon import UPNPD
    return UPNPD


@pytest.mark.only("netlink")
def test_valid_configuration_is_checked(stopped):
    stopped.write_conf()
    stopped.spawn([upnpd_binary(), "-n", "-f", stopped.conf])
    assert stopped.wait_exit() == 0
    assert not os.path.exists(stopped.state)


@pytest.mark.only("netlink")
def test_missing_file_is_refused(stopped):
    stopped.spawn([upnpd_binary(), "-F", "-f", "/nowhere/upnpd.conf"])
    assert stopped.wait_exit() in (1, 2)
    assert "/nowhere/upnpd.conf" in stopped.log()


@pytest.mark.only("netlink")
def test_second_daemon_refuses(lab, upnpd, igd):
    """A second daemon with the same pid file exits; the first continues."""
    two_mappings(igd)
    rules = lab.rules()
    second = Upnpd(lab, "netlink")
    second.logfile = lab.path("log2")
    second.start(wait=False)
    try:
        assert second.wait_exit() not in (0, None)
        assert second.wait_log("another upnpd is running: it has locked "
                               + lab.path("upnpd.pid"))
    finally:
        second.stop()
    assert igd.mapped() and lab.rules() == rules


# ---- rights -----------------------------------------------------------

@pytest.mark.only("netlink")
def test_engine_has_no_rights(lab, upnpd):
    engine = upnpd.engine()
    with open(f"/proc/{engine}/status") as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f)
    assert "0" not in status["Uid"].split() + status["Gid"].split()
    assert int(status["CapPrm"], 16) == int(status["CapEff"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert os.path.samefile(f"/proc/{engine}/root", upnpd.state)
    # none of the monitor's: its pid file, its socket to the firewall
    open_files = [os.readlink(f"/proc/{engine}/fd/{fd}")
                  for fd in os.listdir(f"/proc/{engine}/fd")]
    assert not [f for f in open_files if f.endswith("upnpd.pid")]
    mine = {f for f in open_files if f.startswith("socket:")}
    monitor = upnpd.proc.pid
    theirs = set()
    for fd in os.listdir(f"/proc/{monitor}/fd"):
        with contextlib.suppress(FileNotFoundError):    # closed meanwhile
            theirs.add(os.readlink(f"/proc/{monitor}/fd/{fd}"))
    # except the control socket, which the monitor keeps for the next engine
    with open(f"/proc/{engine}/net/unix") as f:
        control = {f"socket:[{line.split()[6]}]" for line in f
                   if line.rstrip().endswith("ctl.sock")}
    assert len(control) == 1
    assert mine & theirs == control


# ---- which backend ----------------------------------------------------

@pytest.mark.conf(backend="auto")
def test_auto_translates_by_netlink(lab, backend, upnpd, igd):
    """Whatever filters: chains of iptables get their accepts from
    iptables."""
    server = listener(lab.lan1, "TCP", 8000)
    assert upnpd.wait_log(r"backend netlink: ...")
    igd.add(40000, "TCP", 8000)
    assert reaches(lab, "TCP", 40000, server)


@pytest.mark.only("netlink")
@pytest.mark.conf(backend="nft")
def test_backend_nft_means_netlink(lab, upnpd, igd):
    """nft means netlink: one warning, when the file is read."""
    said = "backend = nft means netlink now; write backend = netlink instead"
    assert upnpd.wait_log("backend netlink: configured")
    assert upnpd.log().count(said) == 1
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    assert reaches(lab, "TCP", 40000, server)
    upnpd.options["backend"] = "netlink"    # the same backend
    upnpd.reload()
    assert upnpd.wait_log("configuration read again")
    assert reaches(lab, "TCP", 40000, server)
    assert upnpd.log().count(said) == 1
    assert upnpd.log().count("backend netlink: ") == 1


@pytest.mark.only("fw4")
@pytest.mark.conf(backend="netlink", nft_table="inet fw4",
                  nft_forward_chain="forward")
def test_accept_in_the_chain_of_fw4(lab, upnpd, igd):
    """On OpenWrt the accept rule must be in fw4's own forward chain."""
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    assert reaches(lab, "TCP", 40000, server)
    igd.delete(40000)
    assert blocked(lab, "TCP", 40000, server)
