# SPDX-License-Identifier: ISC
"""The static upnpd on a system with only busybox: its init starts upnpd, and a
real control point maps ports. upnpd also serves without files that such a
system may lack."""
import os
import re

import pytest

from busybox import BUSYBOX, STATIC, Root, System, write
from daemon import upnpc
from lab import (EXT_IP, HOST2_IP, HOST_IP, blocked, listener, reaches,
                 wait_until, which)
from page import OWN, REFUSED, ROUTER, Page, fetch
from pmp import Pmp
from test_lifecycle import answers
from upnp import Igd, Listener, error_of

pytestmark = [
    pytest.mark.skipif(not BUSYBOX, reason="busybox is not installed "
                                           "(Debian's busybox-static)"),
    pytest.mark.skipif(not os.access(STATIC, os.X_OK),
                       reason=f"{STATIC} is not built: make static"),
]


@pytest.fixture
def boot(lab, backend):
    """Boot a system. At the end of the test power it off, and check that the
    router's rules are unchanged."""
    systems = []

    def start(lacks=(), lines="", **kw):
        root = Root(lab.path("root"), backend, lacks, lines)
        systems.append(System(lab, root, **kw))
        return systems[0].boot()
    yield start
    for system in systems:
        system.told_last = system.told()
        off = system.power_off()
        system.close()
        print(system.told_last, "\n--\n", system.log())
        assert off, "the system did not power off"
    assert lab.rules() == lab.pristine, "rules left behind or lost"


def maps_a_port(lab):
    """A real client maps a port, and traffic passes both ways."""
    with listener(lab.lan1, "TCP", 8000) as server:
        upnpc(lab.lan1, "-e", "game", "-a", HOST_IP, "8000", "40000", "TCP")
        assert reaches(lab, "TCP", 40000, server)
        upnpc(lab.lan1, "-d", "40000", "TCP")
        assert blocked(lab, "TCP", 40000, server)
        with Pmp(lab.lan1) as pmp:
            pmp.map("TCP", 8000, 40000)
            assert reaches(lab, "TCP", 40000, server)
            pmp.unmap("TCP", 8000)


def test_boots_serves_and_powers_off(lab, boot):
    ear = Listener(lab.lan1)
    system = boot()
    assert "Starting upnpd: OK\n" in system.log()
    assert wait_until(lambda: re.search(
        "daemon.info upnpd.*: serving on port 2828",
        system.read("/run/messages")))
    assert system.read("/dev/kmsg") == ""
    maps_a_port(lab)
    of, jail = wait_until(system.engine_status)
    assert of["Uid"].split() == ["65534"] * 4
    assert of["Seccomp"].strip() == "2" and int(of["CapPrm"], 16) == 0
    assert jail.endswith("/var/lib/upnpd")
    igd = Igd(lab.lan1)
    igd.add(40001, "UDP", 8001)
    before = igd.mapped()
    assert system.script("restart") == "Stopping upnpd: OK\n" \
                                       "Starting upnpd: OK\n"
    assert igd.mapped() == before
    assert system.power_off()
    assert wait_until(lambda: ear.of("ssdp:byebye"))
    ear.close()


@pytest.mark.only("netlink")
def test_check_works_without_nft(lab, boot):
    """upnpctl check does not need nft, which this system lacks."""
    system = boot()
    assert not os.path.exists(system.root.at(which("nft").lstrip("/")))
    said = system.script("check")
    assert re.search("^ok +firewalls +the rules in use are those of nft$", said, re.M)
    for name in ("masquerade", "forward"):
        assert re.search(f"^ok +{name} ", said, re.M)
    made = lab.router.run("nft", "-e", "-a", "insert rule inet filter forward "
                          "iifname wan0 drop")
    status, said = system.script("check", check=False)
    lab.router.run("nft", "delete rule inet filter forward handle "
                   + re.search(r"# handle (\d+)", made).group(1))
    assert status == 2
    assert re.search("^problem +forward +.* dropped by .*inet filter forward",
                     said, re.M), said


# ---- what the operator and the hosts see -----------------------------------

PROMPT = r"^\[root@\S+\] /ip/upnp(/\w+)?> "


def typed(terminal, command):
    """Type a command at the prompt. Return: what it prints"""
    terminal.type(command + "\r")
    terminal.expect("\n")
    return re.sub(PROMPT + r"\Z", "", terminal.expect(PROMPT), flags=re.M)


@pytest.mark.only("netlink")
@pytest.mark.parametrize("how", ({}, {"lacks": ["passwd", "proc"]},
                                 {"read_only": True}),
                         ids=("whole", "no-passwd-no-proc", "read-only"))
def test_prompt(lab, boot, how):
    """The prompt on a terminal: menus, Tab, "?", print, rules, mappings."""
    system = boot(**how)
    Igd(lab.lan1).add(40000, desc="game")
    with system.terminal("/usr/sbin/upnpctl") as term:
        term.expect(PROMPT)
        assert "enabled: yes" in typed(term, "print")
        assert "running: yes" in typed(term, "status")
        assert re.search(rf"^ +0 D tcp +40000 .*{HOST_IP}",
                         typed(term, "mappings print"), re.M)
        assert typed(term, "mappings") == ""
        term.type("pri\t")
        term.expect("print ")
        assert "40000" in typed(term, "")
        term.type("?")
        assert re.search("^ +remove +", term.expect(PROMPT), re.M)
        assert typed(term, "..") == ""
        refused = typed(term, "rules add action=deny "
                        f"network={HOST2_IP}")
        if "read_only" in how:
            assert "Read-only file system" in refused
        else:
            assert HOST2_IP in typed(term, "rules print")
        term.type("quit\r")
        assert term.end() == 0


@pytest.mark.only("netlink")
def test_mappings_on_a_terminal(lab, boot):
    """A row fits into 80 columns. Names of hosts come from the files that
    busybox has."""
    system = boot()
    write(system.root.at("etc/hosts"), f"127.0.0.1 localhost\n"
                                       f"{HOST_IP} console.lan console\n")
    Igd(lab.lan1).add(40000, desc="a game " * 9)
    for words in ((), ("names",)):
        with system.terminal("/usr/sbin/upnpctl", "mappings", "print",
                             *words) as term:
            assert term.end() == 0
            row = re.search("^ +0 D .*40000.*", term.text, re.M)[0]
            assert all(len(line) <= 80 for line in term.text.split("\n"))
            assert ("console" in row) == bool(words)
            assert "a game" in row


@pytest.mark.only("netlink")
def test_rules_by_command(lab, boot):
    """Rules are added, counted, disabled and removed, and keep a comment."""
    system = boot()
    igd = Igd(lab.lan1)

    def ctl(*argv):
        return system.run("/usr/sbin/upnpctl", *argv)

    ctl("rules", "add", "action=deny", f"network={HOST_IP}",
        "external-ports=50000-50010", "comment=no games")
    ctl("rules", "add", "action=allow", "network=0.0.0.0/0",
        "external-ports=1024-65535")
    assert wait_until(lambda: answers(lambda: error_of(igd.add, 50001)))
    igd.add(50011)
    stats = ctl("rules", "print", "stats")
    counts = re.findall(r"^ +\d +(?:deny|allow)(?: +\S+){3} +(\d+)", stats,
                        re.M)
    assert len(counts) == 2 and "0" not in counts, stats
    assert re.search("no games$", stats, re.M)
    ctl("rules", "disable", "0")
    assert re.search("^ +0 X +deny", ctl("rules", "print"), re.M)
    assert wait_until(lambda: answers(lambda: igd.add(50001) or True))
    ctl("rules", "remove", "0,1")
    assert "deny" not in system.read("/etc/upnpd.conf")


@pytest.mark.only("netlink")
@pytest.mark.parametrize("how", ({}, {"lacks": ["syslogd"]}),
                         ids=("syslogd", "kernel"))
def test_log_names_who_opened_a_port(lab, boot, how):
    """Busybox's syslogd, or the kernel's log, has each line whole."""
    system = boot(**how)
    igd = Igd(lab.lan1)
    igd.add(40000, "UDP", lease=3600, desc="x" * 200)
    igd.delete(40000, "UDP")
    assert error_of(igd.add, 80)

    def told(pattern):
        return wait_until(lambda: re.search(pattern, system.told(), re.M))

    key = rf"protocol=udp external-port=40000 to={HOST_IP}:40000"
    assert told(rf"mapping added: {key} by={HOST_IP} origin=upnp "
                r'description="x{80}\.\.\." lease=3600s$'), system.told()
    assert told(rf'mapping deleted: {key} .* deleted-by={HOST_IP}$'), \
        system.told()
    assert told(rf"refused.*external-port=80 .*{HOST_IP}"), system.told()


@pytest.mark.only("netlink")
def test_monitor_runs_a_program(lab, boot):
    """A script of busybox's shell gets each event in its environment."""
    system = boot()
    write(system.root.at("etc/port-event"),
          '#!/bin/sh\necho "$UPNPD_EVENT $UPNPD_PROTOCOL '
          '$UPNPD_EXTERNAL_PORT $UPNPD_BY $UPNPD_ORIGIN $UPNPD_DESCRIPTION"'
          ' >> /run/events\n', 0o755)
    igd = Igd(lab.lan1)
    with system.terminal("/usr/sbin/upnpctl", "monitor", "--exec",
                         "/etc/port-event") as term:
        # the table must have been read before the first event
        assert wait_until(lambda: (igd.add(39999), igd.delete(39999),
                                   system.read("/run/events"))[-1])
        igd.add(40000, desc="$(reboot)`")
        igd.delete(40000)
        assert wait_until(lambda: "removed tcp 40000" in
                          system.read("/run/events"))
        assert [line for line in system.read("/run/events").splitlines()
                if " 40000 " in line] == [
            f"{event} tcp 40000 {HOST_IP} upnp ?(reboot)?"
            for event in ("added", "removed")]
        term.type("\x03")
        term.end()


@pytest.mark.only("netlink")
@pytest.mark.lab(bridge=True)
def test_status_page(lab, boot):
    """A host sees its ports, and why another one was refused."""
    boot()
    igd = Igd(lab.lan1)
    igd.add(40000, desc="<game>")
    Igd(lab.lan2).call(
        "AddPortMapping", NewRemoteHost="", NewExternalPort=40002,
        NewProtocol="TCP", NewInternalPort=40002, NewInternalClient=HOST2_IP,
        NewEnabled=1, NewLeaseDuration=0, NewPortMappingDescription="Bob's")
    assert error_of(igd.add, 80)
    read = Page(fetch(lab.lan1).body.decode())
    assert EXT_IP in read.text[ROUTER]
    assert [row["Port"] for row in read.table(OWN)] == ["TCP 40000"]
    assert [row["Port"] for row in read.table(REFUSED)] == ["TCP 80"]


# ---- the script ----------------------------------------------------------

@pytest.mark.only("netlink")
@pytest.mark.parametrize("shell", ("ash", "dash"))
def test_init_script_verbs(lab, boot, shell):
    """Each verb prints its result and has the right exit status. A verb whose
    second call differs is called twice."""
    system = boot()
    if shell == "dash":
        system.root.add_program(which("dash"))
        write(system.root.at("etc/init.d/S60upnpd"),
              re.sub("#!/bin/sh", "#!" + which("dash"),
                     system.read("/etc/init.d/S60upnpd")), 0o755)

    def says(verb, *lines, status=0):
        code, said = system.script(verb, check=False)
        assert (code, said.splitlines()) == (status, list(lines))

    igd = Igd(lab.lan1)
    conf = system.root.at("etc/upnpd.conf")
    with open(conf) as f:
        good = f.read()
    says("start", "Starting upnpd: OK: already running")
    assert "running: yes" in system.script("status")
    assert "ok       backend" in system.script("check")
    igd.add(40000)
    write(conf, good + "disabled = perhaps\n")
    says("reload", "Reloading upnpd: FAIL: upnpd: /etc/upnpd.conf:10: disabled "
         "is \"perhaps\"; it takes yes or no", status=1)
    write(conf, good.replace("enabled", "state-dir = /dev/null\nenabled", 1))
    says("reload", "Reloading upnpd: FAIL: failed: /etc/upnpd.conf: a reload "
         "cannot change state-dir from /var/lib/upnpd to /dev/null: restart "
         "upnpd", status=1)
    write(conf, "show-dummy-rule = no\n" + good)
    says("reload", "Reloading upnpd: OK")
    assert len(igd.mapped()) == 1
    write(conf, good.replace("yes", "no", 1))
    says("reload", "Reloading upnpd: OK: idle, because enabled = no in "
         "/etc/upnpd.conf")
    says("stop", "Stopping upnpd: OK")
    says("stop", "Stopping upnpd: OK: not running")
    assert "running: no" in system.script("status", check=False)[1]
    says("reload", "Reloading upnpd: FAIL: not running", status=1)
    says("start", "Starting upnpd: OK: idle, because enabled = no in "
         "/etc/upnpd.conf")
    write(conf, "enabled = yes\n")
    says("reload", "Reloading upnpd: OK: idle, waiting for an external and an "
         "internal interface; see: upnpctl interfaces print")
    write(conf, "nonsense = 1\n")
    says("restart", "Stopping upnpd: OK", "Starting upnpd: FAIL: upnpd: "
         "/etc/upnpd.conf:1: there is no option \"nonsense\"; see "
         "upnpd.conf(5)", status=1)
    write(conf, good.replace("lan0", "lan7"))
    says("start", "Starting upnpd: OK: waiting for an internal interface")
    says("stop", "Stopping upnpd: OK")
    write(conf, good.replace("enabled", "state-dir = /dev/null\nenabled", 1))
    says("start", "Starting upnpd: FAIL: upnpd: state-dir /dev/null: Not a "
         "directory",
         status=1)
    says("", "usage: /etc/init.d/S60upnpd "
         "start|stop|restart|reload|status|check", status=2)


@pytest.mark.only("netlink")
def test_init_script_after_a_crash(lab, boot):
    """A stale pid file names no process, another process, or no number."""
    system = boot()
    igd = Igd(lab.lan1)
    igd.add(40000)
    before = igd.mapped()
    for pid in (None, "1\n", "no number\n", ""):
        old = system.read("/run/upnpd.pid").strip()
        system.run("/bin/kill", "-9", old)
        assert wait_until(lambda: not system.engine_status())
        if pid is not None:
            system.run("/bin/sh", "-c", f"printf '{pid}' > /run/upnpd.pid")
        assert system.script("stop") == \
            "Stopping upnpd: OK: not running\n"
        assert system.script("reload", check=False) == \
            (1, "Reloading upnpd: FAIL: not running\n")
        assert system.script("start") == "Starting upnpd: OK\n"
        assert igd.mapped() == before


# ---- what a system may lack ----------------------------------------------

# what is missing, and the log line about it
LACKING = {
    "user": (dict(lacks=["user"]), "neither user upnpd nor nobody in "
             "/etc/passwd: the engine runs as uid 65534"),
    "passwd": (dict(lacks=["passwd"]), "neither user upnpd nor nobody"),
    "syslogd": (dict(lacks=["syslogd"]), "serving on port 2828"),
    "var": (dict(lacks=["var"]), "state-dir /var/lib/upnpd: No such file or "
            "directory; mappings are kept in /run/upnpd.jail, where a reboot"),
    "writable-root": (dict(read_only=True), "state-dir /var/lib/upnpd: Read-"
                      "only file system; mappings are kept in "
                      "/run/upnpd.jail"),
    "proc": (dict(lacks=["proc"]), "serving on port 2828"),
    "urandom": (dict(nodes_missing=["random", "urandom"]), "serving on port"),
    "everything": (dict(lacks=["passwd", "syslogd", "var", "proc"],
                        nodes_missing=["random", "urandom", "zero"],
                        read_only=True), "mappings are kept in /run/upnpd"),
}


@pytest.mark.only("netlink")
@pytest.mark.parametrize("what", LACKING)
def test_serves_without(lab, boot, what):
    """upnpd serves, logs what is missing, and loses no mapping in a crash."""
    how, said = LACKING[what]
    system = boot(**how)
    assert "Starting upnpd: OK\n" in system.log()
    assert wait_until(lambda: said in system.told())
    maps_a_port(lab)
    of, jail = wait_until(system.engine_status)
    assert of["Uid"].split() == of["Gid"].split() == ["65534"] * 4
    assert of["Seccomp"].strip() == "2"
    assert jail.endswith("/run/upnpd.jail" if "kept in" in said else
                         "/var/lib/upnpd")
    igd = Igd(lab.lan1)
    igd.add(40001, "UDP", 8001)
    before = igd.mapped()
    system.run("/bin/kill", "-9", of["NSpid"].split()[-1])
    assert wait_until(lambda: (system.engine_status() or [of])[0]["Pid"]
                      != of["Pid"])
    assert wait_until(lambda: answers(igd.mapped) == before)
    assert system.script("restart").count("OK\n") == 2
    assert igd.mapped() == before
    assert system.script("reload") == "Reloading upnpd: OK\n"
    assert igd.mapped() == before
    # the warning is logged once for each start
    assert "kept in" not in said or \
        system.told().count("mappings are kept") == 2


@pytest.mark.only("netlink")
def test_without_syslogd_the_log_is_the_kernels(lab, boot):
    """Log lines go to the kernel's log, with their level, until a syslogd
    starts."""
    system = boot(lacks=["syslogd"])
    assert wait_until(lambda: re.search(
        r"^<30>upnpd\[\d+\]: serving on port 2828 and UDP port 5351, "
        "0 mappings$",
        system.read("/dev/kmsg"), re.M))
    kernels = system.read("/dev/kmsg")
    system.run("/sbin/syslogd", "-O", "/run/messages")
    assert wait_until(lambda: system.read("/run/messages"))
    system.script("reload")
    assert wait_until(lambda: "configuration read again" in
                      system.read("/run/messages"))
    assert system.read("/dev/kmsg") == kernels


@pytest.mark.only("netlink")
@pytest.mark.parametrize("read_only", (False, True))
def test_without_run_the_start_fails_with_advice(lab, boot, read_only):
    """Without /run the start fails and the error says what to configure. With
    that configuration upnpd starts."""
    system = boot(lacks=["run"], read_only=read_only)
    line = re.search("^Starting upnpd: FAIL: .*", system.log(), re.M)[0]
    assert "pid-file /run/upnpd.pid cannot be written: No such file" in line
    assert "set pid-file and control-socket to a directory that" in line
    assert system.script("start", check=False) == (1, line + "\n")
    if read_only:
        system.run("/bin/mount", "-t", "tmpfs", "tmp", "/tmp")
    with open(system.root.at("etc/upnpd.conf"), "r+") as f:
        text = f.read()
        f.seek(0)
        f.write("pid-file = /tmp/upnpd.pid\n"
                "control-socket = /tmp/upnpd.sock\n" + text)
    assert system.script("start") == "Starting upnpd: OK\n"
    maps_a_port(lab)
    assert "running: yes" in system.script("status")


@pytest.mark.only("netlink")
def test_without_dev_null_the_start_fails(lab, boot):
    system = boot(lacks=["syslogd"], nodes_missing=["null"])
    assert "FAIL: upnpd: /dev/null: No such file or directory; create it, or " \
        "run upnpd with -F" in system.log()
    assert system.read("/run/upnpd.pid") == ""


@pytest.mark.only("iptables-nft", "iptables-legacy")
def test_missing_firewall_tool_is_logged(lab, boot):
    """The init script and the log name the missing firewall tool."""
    system = boot(lacks=["tool"])
    lacks = r"iptables-\w+-restore and -save are not installed"
    assert re.search("^Starting upnpd: FAIL: running, but it cannot open "
                     f"ports: {lacks}", system.log(), re.M)
    assert re.search(rf"err upnpd\[\d+\]: firewall: {lacks}; trying again "
                     "every 30 s",
                     system.read("/run/messages"))
