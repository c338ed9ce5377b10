# SPDX-License-Identifier: ISC
"""upnpctl with a running daemon: mappings, resync, status, metrics,
monitor."""
import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys

import pytest

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "cli"))
import terminal         # noqa: E402

from daemon import ROOT, UPNPD, upnpc
from lab import (EXT_IP, HOST2_IP, HOST6_IP, HOST_IP, LAN_IP, OUT_IP, blocked,
                 listener, reaches, wait_until)
from pmp import Pmp
from test_events import WANIP2_EVENT, Subscriber
from upnp import UpnpError

UPNPCTL = os.environ.get("UPNPCTL", os.path.join(os.path.dirname(UPNPD),
                                                 "upnpctl"))


class Ctl:
    """upnpctl in the router, with the daemon's configuration."""

    def __init__(self, lab, upnpd):
        self.argv = ["ip", "netns", "exec", lab.router.ns, UPNPCTL, "-f",
                     upnpd.conf]

    def start(self, *words):
        """Start it. SIGINT must end it, even if a shell runs the tests in the
        background and so ignores SIGINT."""
        return subprocess.Popen([*self.argv, *words], text=True,
                                preexec_fn=lambda: signal.signal(
                                    signal.SIGINT, signal.SIG_DFL),
                                stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def run(self, *words):
        return subprocess.run([*self.argv, *words], text=True, timeout=60,
                              capture_output=True)

    def __call__(self, *words):
        """Return the output. It must succeed with an empty stderr."""
        done = self.run(*words)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    def json(self, *words):
        return json.loads(self("--json", *words))

    def fails(self, *words, status=1):
        """Return the error, which must be one line."""
        done = self.run(*words)
        assert done.returncode == status, done
        assert done.stdout == "" and done.stderr.count("\n") == 1, done
        return done.stderr

    def table(self):
        return {(m["protocol"], m["external-port"], m["to-address"],
                 m["to-port"]) for m in self.json("mappings", "print")}

    def status(self):
        """Its lines as {key: value}."""
        lines = (line.split(": ", 1) for line in self("status").splitlines())
        return {key.strip(): value for key, value in lines}


@pytest.fixture
def ctl(lab, upnpd):
    return Ctl(lab, upnpd)


def add(ctl, *words, port=40000):
    return ctl("mappings", "add", "protocol=tcp", f"external-port={port}",
               f"to={HOST_IP}:8000", *words)


# ---- mappings ---------------------------------------------------------

def keys(value):
    """All keys of a JSON value, without the many reasons of refusals."""
    if isinstance(value, list):
        return {key for one in value for key in keys(one)}
    if not isinstance(value, dict):
        return set()
    return set(value) | {key for name, one in value.items()
                         if name != "refused" for key in keys(one)}


@pytest.mark.only("netlink")
@pytest.mark.lab(ipv6=True)
def test_manual_lists_all_json_keys(upnpd, igd, ctl):
    add(ctl)
    refuse(igd)
    ctl("mappings", "add", "protocol=tcp", f"to=[{HOST6_IP}]:8080")
    with open(os.path.join(ROOT, "man", "upnpctl.8")) as f:
        text = f.read().partition("\n.Sh JSON\n")[2].partition("\n.Sh ")[0]
    for words in (("mappings", "print"), ("status",), ("resync",),
                  ("interfaces", "print"), ("refusals", "print")):
        assert keys(ctl.json(*words)) <= set(re.findall(r"[\w-]+", text))

def test_print_what_upnpc_mapped(lab, upnpd, ctl):
    upnpc(lab.lan1, "-e", "game", "-a", HOST_IP, "8000", "40000", "TCP", "3600")
    head, titles, row = ctl("mappings", "print").splitlines()
    assert head == ("Flags: D - dynamic, S - static, X - disabled, "
                    "U - suspended, O - overruled")
    assert titles.split() == ["#", "PROTOCOL", "EXTERNAL-PORT", "TO",
                              "REMOTE-HOST", "TIME-LEFT", "BY", "DESCRIPTION"]
    number, flags, proto, port, to, left, by, desc = row.split()
    assert (number, flags, proto, port) == ("0", "D", "tcp", "40000")
    assert (to, by, desc) == (f"{HOST_IP}:8000", HOST_IP, "game")
    assert re.fullmatch("1h|59m[0-9]+s", left)
    (entry,) = ctl.json("mappings", "print")
    assert 3500 < entry.pop("time-left") <= 3600
    counted = {key: entry.pop(key) for key in ("packets", "bytes")
               if key in entry}     # where nf_tables counts
    assert counted == ({"packets": 0, "bytes": 0}
                       if lab.firewall.name == "nft" else {})
    assert entry == {
        "number": 0, "key": "tcp:40000:0.0.0.0", "dynamic": True, "disabled": False, "suspended": False,
        "overruled": False, "kind": "mapping",
        "protocol": "tcp", "external-port": 40000,
        "to-address": HOST_IP, "to-port": 8000,
        "remote-host": None, "remote-port": None, "upstream-port": None,
        "by": HOST_IP,
        "origin": "upnp",
        "configured": False, "description": "game"}


def test_remove_stops_traffic(lab, upnpd, igd, ctl):
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    igd.add(40001, "TCP", 8000)
    assert reaches(lab, "TCP", 40000, server)
    ctl("mappings", "remove", "0")
    assert blocked(lab, "TCP", 40000, server)
    assert reaches(lab, "TCP", 40001, server)
    ctl("mappings", "remove", "tcp:40001")
    assert blocked(lab, "TCP", 40001, server)
    assert ctl.table() == set()
    assert "there are none" in ctl.fails("mappings", "remove", "0", status=2)
    ctl("mappings", "remove", "all")


def test_add_makes_traffic_pass(lab, upnpd, igd, ctl):
    server = listener(lab.lan1, "TCP", 8000)
    assert blocked(lab, "TCP", 40000, server)
    add(ctl, "comment=by hand")
    assert reaches(lab, "TCP", 40000, server)
    assert ctl("mappings", "print").splitlines()[2].split()[:2] == ["0", "S"]
    # clients of the LAN see it and cannot delete it
    assert igd.mapped() == {("TCP", 40000, HOST_IP, 8000)}
    with pytest.raises(UpnpError):
        igd.delete(40000)
    assert reaches(lab, "TCP", 40000, server)
    ctl("mappings", "remove", "0")
    assert blocked(lab, "TCP", 40000, server)


@pytest.mark.only("netlink")
def test_add_with_all_options(lab, upnpd, ctl):
    add(ctl, "remote-host=11.22.33.9", "lease=1h", "comment=a \u00e9")
    (entry,) = ctl.json("mappings", "print", "where", "static")
    assert 3500 < entry["time-left"] <= 3600
    assert entry["remote-host"] == "11.22.33.9"
    assert entry["description"] == "a \u00e9"
    assert entry["by"] is None and not entry["dynamic"]
    assert entry["origin"] == "operator"
    ctl("mappings", "remove", "tcp:40000:11.22.33.9")


@pytest.mark.only("netlink")
def test_add_refused(lab, upnpd, igd, ctl):
    def refusal(port="40000", to=f"{HOST_IP}:8000"):
        return ctl.fails("mappings", "add", "protocol=tcp",
                         f"external-port={port}", f"to={to}")
    assert "internal" in refusal(to="10.9.9.9:80")
    assert "router itself" in refusal(to=f"{LAN_IP}:80")
    assert "ports below 1024" in refusal(port="80")
    assert lab.rules().count("40000") == 0
    assert ctl.json("mappings", "print") == []
    ctl.fails("mappings", "add", "protocol=tcp", status=2)


def follow(ctl, why):
    """Run the commands that a refusal names."""
    found = re.findall(r"rules add(?: [\w-]+=[\w./:-]+)+", why)
    assert found, why
    for words in found:
        done = ctl.run(*words.split())
        assert done.returncode == 0, done
    return len(found)


@pytest.mark.only("netlink")
def test_advice_in_a_refusal_works(lab, upnpd, igd, ctl):
    words = ("mappings", "add", "protocol=tcp", "external-port=80",
             f"to={HOST_IP}:80")
    assert follow(ctl, ctl.fails(*words)) == 3
    ctl(*words)
    ctl("mappings", "remove", "tcp:80")
    ctl("rules", "add", "action=deny", "network=0.0.0.0/0",
        "external-ports=80", "place-before=0")
    why = ctl.fails(*words)
    denied = int(re.search(r"line (\d+) denies", why)[1])
    with open(upnpd.conf) as f:
        assert f.read().splitlines()[denied - 1].startswith("deny 80 ")
    assert follow(ctl, why) == 1
    ctl(*words)
    igd.add(40000)                      # allowed mappings are still allowed


@pytest.mark.only("netlink")
@pytest.mark.conf(max_mappings=1)
def test_add_is_refused_when_the_table_is_full(lab, upnpd, igd, ctl):
    igd.add(40001)
    assert "max-mappings" in ctl.fails(
        "mappings", "add", "protocol=tcp", "external-port=40000",
        f"to={HOST_IP}:8000")


def test_restart_keeps_an_added_mapping(lab, upnpd, ctl):
    server = listener(lab.lan1, "TCP", 8000)
    add(ctl)
    assert upnpd.stop() == 0
    assert "is not running" in ctl.fails("mappings", "print")
    upnpd.spawn([UPNPD, "-F", "-f", upnpd.conf])
    upnpd.wait_ready()
    assert reaches(lab, "TCP", 40000, server)
    assert ctl("mappings", "print").splitlines()[2].split()[1] == "S"


# ---- resync -----------------------------------------------------------

@pytest.mark.conf(verify_interval=3600)
def test_resync_after_a_flush(lab, upnpd, igd, ctl):
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    assert "as it should be" in ctl("resync")
    lab.firewall.flush(lab.router)
    if lab.firewall.name == "iptables-legacy":
        assert blocked(lab, "TCP", 40000, server)
        assert "repaired" in ctl("resync")
    else:       # the kernel notifies upnpd, so the repair may be done already
        ctl("resync")
    assert upnpd.wait_log("had been changed; repaired")
    assert reaches(lab, "TCP", 40000, server)
    assert "as it should be" in ctl("resync")
    # iptables-nft changes one table at a time, so upnpd may repair twice
    repairs = ctl.json("status")["firewall"]["repairs"]
    assert repairs in ((1, 2) if lab.firewall.name == "iptables-nft" else (1,))
    assert ctl.status()["last-repair"].endswith(f", {repairs} in all")


# ---- status, metrics --------------------------------------------------

def test_status(lab, upnpd, igd, ctl, backend):
    igd.add(40000)
    add(ctl, port=40001)
    with pytest.raises(UpnpError):
        igd.add(80)
    said = ctl.status()
    assert said["running"] == f"yes, process {upnpd.proc.pid}"
    assert said["configuration"] == upnpd.conf
    assert said["external-interface"] == "wan0"
    assert said["external-address"].startswith(EXT_IP)
    assert said["backend"].startswith(backend + ": ")
    assert said["firewall"] == "as it should be"
    assert said["mappings"].startswith("2 of 1024, 1 static; 128 per client")
    assert said["refused"].startswith("1 ")
    assert said["last-repair"] == "never"
    got = ctl.json("status")
    assert got["external"] == {"interface": "wan0", "address": EXT_IP,
                               "behind-nat": False, "fault": None,
                               "reachable": True}
    assert got["mappings"] == {
        "count": 2, "static": 1, "suspended": 0, "overruled": 0,
        "max": 1024, "max-per-client": 128,
        "by-origin": {"operator": 1, "upnp": 1, "nat-pmp": 0, "pcp": 0}}
    assert sum(got["refused"].values()) == 1
    assert got["engine-deaths"] == 0


@pytest.mark.only("netlink")
def test_status_follows_faults_and_restarts(lab, upnpd, ctl):
    lab.router.run("ip", "link", "set", "wan0", "down")
    assert wait_until(lambda: ctl.json("status")["external"]["fault"]
                      == "interface-down")
    os.kill(upnpd.engine(), signal.SIGKILL)
    got = ctl.json("status")            # answered by the next engine
    assert got["running"] and got["engine-deaths"] == 1
    assert "fault" not in got["engine"]
    upnpd.reload(upnpd.conf_text() + "rubbish\n")
    assert wait_until(lambda: "rubbish" in (ctl.status()["last-reload"]))
    upnpd.reload("enabled = no\n" + "".join(
        f"{key} = {lab.path(name)}\n" for key, name in
        (("pid-file", "upnpd.pid"), ("control-socket", "ctl.sock"))))
    assert wait_until(lambda: ctl.status().get("enabled"))
    assert "not enabled" in ctl.fails("mappings", "print")
    assert upnpd.stop() == 0
    done = ctl.run("status")
    assert done.returncode == 1 and "running: no\n" in done.stdout


def facts(igd, ctl):
    """What a change of another setting must not begin anew."""
    status = ctl.json("status")
    with contextlib.closing(Subscriber(igd.host)) as sub:
        sub.subscribe(WANIP2_EVENT)
        update_id = int(sub.wait(1).vars["SystemUpdateID"])
    return (status["engine"]["uptime"],
            int(igd.call("GetStatusInfo")["NewUptime"]), update_id,
            sum(status["refused"].values()))


def refuse(igd):
    with pytest.raises(UpnpError):
        igd.add(80)


def refusals(ctl):
    return [(r["reason"], r.get("external-port"), r["by"], r["origin"],
             r["times"]) for r in ctl.json("refusals", "print")]


@pytest.mark.only("netlink")
@pytest.mark.lab(bridge=True)
@pytest.mark.conf(allow_disable_external_interface="no")
def test_refusals_are_listed(lab, upnpd, igd, ctl):
    """The newest first; a crash of the engine loses none."""
    assert ctl.json("refusals", "print") == []
    refuse(igd)
    refuse(igd)
    with Pmp(lab.lan2) as pmp:
        assert pmp.try_map("UDP", 53, 53, lifetime=60).result
    with pytest.raises(UpnpError):
        igd.call("ForceTermination")
    assert refusals(ctl)[1:] == [("rule", 53, HOST2_IP, "nat-pmp", 1),
                                 ("rule", 80, HOST_IP, "upnp", 2)]
    first = ctl.json("refusals", "print")[0]
    assert (first["reason"], first["kind"]) == ("link", None)
    engine = upnpd.engine()
    os.kill(engine, signal.SIGKILL)
    assert wait_until(lambda: upnpd.engine() not in (None, engine))
    assert wait_until(lambda: igd.external_ip())
    assert refusals(ctl)[1][:2] == ("rule", 53)
    table = ctl("refusals", "print", "where", f"by={HOST_IP}", "protocol=tcp")
    assert re.search(rf"tcp +80 +{HOST_IP}:80 +{HOST_IP} +2 +rule", table)


@pytest.mark.only("netlink")
@pytest.mark.lab(ipv6=True)
def test_key_of_json_removes_that_mapping_only(lab, upnpd, igd, ctl):
    """Also if there is another one of the same port for one remote host."""
    ctl("mappings", "add", "protocol=tcp", f"to=[{HOST6_IP}]:8080")
    add(ctl)
    add(ctl, f"remote-host={OUT_IP}")
    add(ctl, port=40001)
    key = {(m["external-port"], m["remote-host"]): m["key"]
           for m in ctl.json("mappings", "print")}
    assert len(key) == 4
    assert len(ctl.json("mappings", "print", "limit=2")) == 2
    for one in ((40000, None), (8080, None), (40000, OUT_IP)):
        ctl("mappings", "remove", key.pop(one))
        assert {m["key"] for m in ctl.json("mappings", "print")} == \
            set(key.values())


@pytest.mark.only("netlink")
def test_reload_and_crash_keep_uptime_and_counters(lab, upnpd, igd, ctl):
    """A restart does not."""
    igd.add(40000)
    refuse(igd)
    assert wait_until(lambda: min(facts(igd, ctl)[:2]) >= 2)
    before = facts(igd, ctl)
    ctl("set", "friendly-name=Other")
    assert wait_until(lambda: igd.external_ip())
    after = facts(igd, ctl)
    assert after[0] >= before[0] and after[1] >= before[1]
    assert after[2] >= before[2] and after[3] == before[3] == 1
    engine = upnpd.engine()
    os.kill(engine, signal.SIGKILL)
    assert wait_until(lambda: upnpd.engine() not in (None, engine))
    again = facts(igd, ctl)
    assert again[0] >= after[0] and again[1] >= after[1]
    assert again[2] >= after[2] and again[3] == 1
    refuse(igd)
    assert facts(igd, ctl)[3] == 2
    assert upnpd.stop() == 0
    upnpd.start()
    anew = facts(igd, ctl)
    assert anew[0] < again[0] and anew[3] == 0


@pytest.mark.only("netlink")
def test_metrics(lab, upnpd, igd, ctl):
    igd.add(40000)
    lines = ctl("metrics").splitlines()
    assert "upnpd_up 1" in lines
    assert 'upnpd_mappings{type="dynamic"} 1' in lines
    assert 'upnpd_mappings_by_origin{origin="upnp"} 1' in lines
    assert 'upnpd_mappings_by_origin{origin="operator"} 0' in lines
    assert 'upnpd_backend_info{backend="netlink"} 1' in lines
    for line in lines:
        assert re.fullmatch(r'# (HELP|TYPE) upnpd_\w+ .*|'
                            r'upnpd_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? \d+',
                            line)
    upnpd.stop()
    assert "upnpd_up 0" in ctl("metrics").splitlines()


# ---- monitor ----------------------------------------------------------

def has_line(follower):
    """Has @follower printed something that is not read yet?"""
    return bool(select.select([follower.stdout], [], [], 0.1)[0])


@pytest.mark.only("netlink", "iptables-legacy")
def test_monitor_prints_events_across_restarts(lab, upnpd, igd, ctl):
    follower = ctl.start("--json", "monitor")
    got = []

    def next_of(port):
        while True:
            got.append(json.loads(follower.stdout.readline()))
            if got[-1].get("external-port") == port:
                return got[-1]["event"]

    def connected():
        """Read the "connected" event, and a "waiting" event before it if there
        is one."""
        events = [json.loads(follower.stdout.readline())["event"]]
        if events == ["waiting"]:
            events = [json.loads(follower.stdout.readline())["event"]]
        assert events == ["connected"]

    def add_dynamic(lease):
        """The engine may be in the middle of a reload: upnpctl's own one and
        ours follow each other, and the follower prints "connected" for each."""
        try:
            igd.add(40002, lease=lease)
        except (AssertionError, OSError):
            return False
        return True

    try:
        # A mapping made before the monitor is connected gives no event.
        ports = iter(range(50000, 60000))
        assert wait_until(lambda: (igd.add(next(ports)),
                                   has_line(follower))[1])
        igd.add(40000, "TCP", 8000, desc="game")
        assert next_of(40000) == "added"
        assert got[-1]["description"] == "game"
        igd.add(40000, "TCP", 8000, desc="other")
        assert next_of(40000) == "changed"
        igd.delete(40000)
        assert next_of(40000) == "removed"
        assert got[-1]["description"] == "other"
        add(ctl, port=40001)
        assert next_of(40001) == "added" and not got[-1]["dynamic"]
        # the monitor continues after an engine's death and after a reload
        os.kill(upnpd.engine(), signal.SIGKILL)
        connected()
        ctl("mappings", "remove", "tcp:40001")
        assert next_of(40001) == "removed"
        upnpd.reload()
        # and after a daemon is down and restarts with other mappings
        for lease in (1, 4, 16):    # a short one may end before the stop
            assert wait_until(lambda: add_dynamic(lease))
            assert next_of(40002) == "added"
            upnpd.stop()
            waiting = json.loads(follower.stdout.readline())
            upnpd.start()
            if waiting["event"] == "waiting":
                break
            assert waiting["event"] == "removed"
            connected()
        assert "is not running" in waiting["text"]
        connected()
        assert next_of(40002) == "removed"
        assert follower.poll() is None
        follower.send_signal(signal.SIGINT)
        assert follower.wait(60) in (-signal.SIGINT, 130, 0)
    finally:
        follower.kill()
        follower.communicate()


SCRIPT = """#!/bin/sh
# wait for a go, to be slow
[ ! -e {dir}/slow ] || sleep 1
env | grep ^UPNPD_ | sort > {dir}/new.$$
echo >> {dir}/new.$$
cat {dir}/new.$$ >> {dir}/events
"""


def events(path):
    """[{variable: value}] of each run of the program."""
    try:
        with open(path) as f:
            blocks = f.read().split("\n\n")
    except FileNotFoundError:
        return []
    return [dict(line.split("=", 1) for line in block.splitlines())
            for block in blocks if block.strip()]


@pytest.fixture
def program(lab):
    path = lab.path("event")
    with open(path, "w") as f:
        f.write(SCRIPT.format(dir=lab.path("")))
    os.chmod(path, 0o755)
    return path


@pytest.mark.only("netlink")
def test_monitor_runs_a_program(lab, upnpd, igd, ctl, program):
    """One run for each event, in order, with the facts in its environment. A
    client's text cannot do anything in a shell."""
    follower = ctl.start("monitor", "--exec", program)
    got = lambda: events(lab.path("events"))        # noqa: E731
    # the table must have been read before the first event
    assert wait_until(lambda: (igd.add(39999), igd.delete(39999), got())[-1])
    igd.add(40000, desc="a game; `reboot` $(x) \"q\"", lease=600)
    assert wait_until(lambda: any(e["UPNPD_EXTERNAL_PORT"] == "40000"
                                  for e in got()))
    one = [e for e in got() if e["UPNPD_EXTERNAL_PORT"] == "40000"][0]
    assert one["UPNPD_EVENT"] == "added" and one["UPNPD_KIND"] == "mapping"
    assert one["UPNPD_TO_ADDRESS"] == one["UPNPD_BY"] == HOST_IP
    assert one["UPNPD_ORIGIN"] == "upnp" and one["UPNPD_PROTOCOL"] == "tcp"
    assert 590 < int(one["UPNPD_TIME_LEFT"]) <= 600
    assert one["UPNPD_DESCRIPTION"] == "a game? ?reboot? ?(x) ?q?"
    igd.delete(40000)
    assert wait_until(lambda: got()[-1]["UPNPD_EVENT"] == "removed")
    assert got()[-1]["UPNPD_EXTERNAL_PORT"] == "40000"
    follower.send_signal(signal.SIGINT)
    follower.wait(10)


@pytest.mark.only("netlink")
def test_slow_program_delays_only_the_monitor(lab, upnpd, igd, ctl, program):
    open(lab.path("slow"), "w").close()
    follower = ctl.start("monitor", "--exec", program)
    assert wait_until(lambda: (igd.add(39999), igd.delete(39999),
                               events(lab.path("events")))[-1])
    for port in range(40000, 40060):
        igd.add(port)           # each is answered at once
    assert len(igd.entries()) == 60
    os.unlink(lab.path("slow"))
    assert wait_until(lambda: {str(port) for port in range(40000, 40060)} <= {
        e["UPNPD_EXTERNAL_PORT"] for e in events(lab.path("events"))})
    follower.send_signal(signal.SIGINT)
    follower.wait(10)


@pytest.mark.only("netlink")
def test_recipe_for_json(lab, upnpd, igd, ctl):
    """The loop of the manual's EXAMPLES, with upnpctl's path."""
    with open(os.path.join(ROOT, "man", "upnpctl.8")) as f:
        recipe = re.search(r"^upnpctl --json monitor .*?^done", f.read(),
                           re.M | re.S)[0]
    opened = lab.path("opened")
    recipe = (recipe.replace(r"\(aq", "'").replace("/tmp/opened", opened)
              .replace("upnpctl", " ".join(ctl.argv), 1))
    shell = subprocess.Popen(["sh", "-c", recipe], start_new_session=True)
    assert wait_until(lambda: (igd.add(39999), igd.delete(39999),
                               os.path.exists(opened))[-1])
    igd.add(40000)

    def ports():
        with open(opened) as f:
            return {json.loads(line)["external-port"] for line in f}
    assert wait_until(lambda: ports() == {39999, 40000})
    os.killpg(shell.pid, signal.SIGTERM)
    shell.wait(10)


@pytest.mark.parametrize("words,error", (
    (("monitor", "--exec", "event"), "absolute path"),
    (("monitor", "--exec", "/nonexistent"), "No such file"),
    (("monitor", "exec=/etc/passwd"), "Permission denied"),
    (("monitor", "exec=/etc"), "not a program"),
    (("status", "--exec", "/bin/true"), "for monitor"),
))
@pytest.mark.only("netlink")
def test_wrong_program(ctl, words, error):
    assert error in ctl.fails(*words, status=2)


@pytest.mark.only("netlink")
def test_monitor_on_a_terminal(lab, upnpd, igd, ctl):
    """It begins with the table and says that it waits; no row is wrapped."""
    igd.add(40000, desc="a description that is longer than its column " * 4)
    screen = terminal.Terminal([*ctl.argv, "monitor"], 80)
    try:
        screen.wait_for("waiting for changes")
        assert "40000" in screen.text()
        igd.add(40001, desc="a description that is longer than a line " * 5)
        screen.wait_for("added")
        igd.delete(40001)
        screen.wait_for("removed")      # the row before it is complete
        assert "40001" in screen.text()
        for line in screen.text().split("\n"):
            assert terminal.columns(line) <= 80, line
    finally:
        screen.close()


@pytest.mark.parametrize("width", (60, 80, 120))
@pytest.mark.only("netlink")
def test_mappings_on_a_terminal(lab, upnpd, igd, ctl, width):
    """No row is wrapped; BY is left out where it equals TO in every row."""
    argv = [*ctl.argv, "mappings", "print"]
    igd.add(40000, desc="a description that is longer than its column " * 4)
    assert " BY" not in terminal.run(argv, width)
    add(ctl, "comment=mine", port=40001)
    if width > 60:
        assert " BY" in terminal.run(argv, width)
    for words in ("mappings print", "mappings print detail", "status",
                  "mappings print stats", "mappings print names", "check"):
        out = terminal.run([*ctl.argv, *words.split()], width)
        assert "40000" in out or "mappings" not in words
