# SPDX-License-Identifier: ISC
"""The service under procd starts, restarts, reloads and stops the real daemon,
with the backend memory."""
import json
import os
import re
import shutil
import subprocess

import pytest

from ask import NAT_PMP, asks
from lab import LAN_IP, LONG, wait_until
from test_uci import CONFIG, INTERFACES, MINIUPNPD, config
from upnp import Igd

START = ["option backend 'memory'"]


@pytest.fixture
def served(router, procd):
    """A service that answers."""
    router.write(CONFIG, config(*START))
    procd.init("enable")
    procd.init("start")
    assert wait_until(lambda: answers(procd)), procd.log()
    return procd


def answers(procd, port=2828):
    """Does the daemon answer on the LAN?"""
    with procd.router.lab.lan1.socket(1) as sock:
        sock.settimeout(LONG)
        try:
            sock.connect((LAN_IP, port))
            sock.sendall(b"GET /igd1.xml HTTP/1.0\r\nHost: 192.168.88.1\r\n"
                         b"\r\n")
            return b" 200 " in sock.recv(64)
        except OSError:
            return False


def mapped(procd, port):
    """Is there a mapping of the port?"""
    return port in [m["external-port"] for m in json.loads(procd.router.run(
        "upnpctl", "--json", "mappings", "print"))]


def set_option(procd, name, value):
    """Set an option as an operator does: uci set, uci commit,
    reload_config."""
    procd.router.run("uci", "set", f"upnpd.global.{name}={value}")
    procd.router.run("uci", "commit", "upnpd")
    return procd.event("config.change", "upnpd")


def test_instance_has_command_and_respawn(served):
    params = served.only().params
    assert params["command"] == ["/usr/sbin/upnpd", "-F", "-S", "-f",
                                 "/var/etc/upnpd.conf"]
    assert params["respawn"] == ["3600", "5", "5"]      # procd's defaults
    assert params["stderr"] == ["1"]
    assert served.ran == ["start"]


def test_log_has_levels(served):
    """Log lines have their own level, not the daemon.err of standard error."""
    assert wait_until(lambda: "serving on port 2828" in served.log())
    assert re.search(r"^daemon\.info upnpd\[\d+\]: serving on port 2828",
                     served.log(), re.M)
    assert "daemon.err" not in served.log()


def test_daemon_is_restarted_after_it_was_killed(served):
    served.only().proc.kill()
    served.only().proc.wait()
    served.respawn()
    assert wait_until(lambda: answers(served))


def test_stop_removes_all_files(served):
    served.init("stop")
    assert served.ran == ["start", "TERM"]
    assert not served.runs()
    for name in ("tmp/etc/upnpd.conf", "tmp/run/upnpd.pid",
                 "tmp/run/upnpd.sock"):
        assert not served.router.has(name)


def test_restart_stops_and_starts(served):
    served.init("restart")
    assert served.ran == ["start", "TERM", "start"]
    assert wait_until(lambda: answers(served))


# ---- reload -------------------------------------------------------------

def test_changed_configuration_reloads(served):
    """A change reloads the daemon by a signal, so that mappings and
    connections continue."""
    proc = served.only().proc
    assert set_option(served, "http_port", "2829") == 1
    assert served.ran == ["start", "HUP"]
    assert wait_until(lambda: answers(served, 2829)), served.log()
    assert served.only().proc is proc and proc.poll() is None


def test_protocols_are_switched(served):
    """By UCI, as LuCI does; each by itself."""
    def nat_pmp():
        answer = asks(served.router.lab, 5351, NAT_PMP)
        return bool(answer) and answer[1:4] == b"\x80\0\0"

    for value, on in (("0", False), ("1", True)):
        set_option(served, "pcp", value)
        assert wait_until(nat_pmp) if not on else not nat_pmp()
        set_option(served, "nat_pmp", value)
        assert wait_until(lambda: nat_pmp() == on), served.log()
        set_option(served, "upnp", value)
        assert wait_until(lambda: answers(served) == on), served.log()
    assert served.ran[0] == "start" and set(served.ran[1:]) == {"HUP"}


def test_unchanged_configuration_does_not_reload(served):
    for _ in range(2):
        assert served.event("config.change", "upnpd") == 1
        assert served.event("interface.*", "lan") == 1
    assert served.ran == ["start"]


def test_wrong_configuration_changes_nothing(served):
    before = served.router.conf()
    set_option(served, "http_port", "x")
    assert served.ran == ["start"] and served.runs()
    assert served.router.conf() == before
    assert served.router.log().splitlines() == [
        "daemon.err upnpd: /etc/config/upnpd: http-port is \"x\"; it takes a "
        "number from 0 to 65535",
        "daemon.notice upnpd: the previous configuration stays in force"]
    set_option(served, "http_port", "2829")
    assert wait_until(lambda: answers(served, 2829))


def test_wrong_configuration_keeps_triggers_and_copies(router, procd):
    router.write(CONFIG, config(*START))
    procd.init("start")
    triggers = procd.triggers
    assert len(triggers) == 3
    set_option(procd, "allow", "1")
    set_option(procd, "persist", "1")
    assert procd.ran == ["start"] + ["start"]   # the second one is keep
    assert set(procd.instances) == {"instance1", "keep"}
    assert procd.triggers == triggers


def test_file_of_miniupnpd_changes_nothing(served):
    served.router.write(CONFIG, MINIUPNPD)
    served.event("config.change", "upnpd")
    assert served.ran == ["start"] and served.runs()
    assert "this is miniupnpd's file" in served.router.log()


def test_restart_with_a_wrong_configuration_stops(served):
    """After a restart with an error in the configuration no daemon runs."""
    served.router.run("uci", "set", "upnpd.global.http_port=x")
    served.init("restart")
    assert served.ran == ["start", "TERM"] and not served.runs()


def test_disable_stops_and_enable_starts(served):
    set_option(served, "enabled", "0")
    assert served.ran == ["start", "TERM"] and not served.runs()
    set_option(served, "enabled", "1")
    assert served.ran == ["start", "TERM", "start"]
    assert wait_until(lambda: answers(served))


# ---- interfaces ---------------------------------------------------------

def test_starts_when_the_external_interface_comes_up(router, procd):
    """At boot, a PPPoE connection does not exist yet."""
    router.network("wan")
    router.write(CONFIG, config(*START))
    procd.init("enable")
    procd.init("boot")
    assert not procd.runs()
    router.network("wan", "wan0")
    assert procd.event("interface.*", "wan") == 1
    assert procd.ran == ["start"]
    assert wait_until(lambda: answers(procd)), procd.log()


def test_reloads_when_the_external_device_changes(served):
    """One event reloads once: there is no hotplug script besides."""
    assert not served.router.has("etc/hotplug.d")
    served.router.lab.router.ip_batch("link add wan1 type bridge",
                                      "addr add 11.22.44.1/24 dev wan1",
                                      "link set wan1 up")
    served.router.network("wan", "wan1")
    assert served.event("interface.*", "wan") == 1
    assert served.ran == ["start", "HUP"]
    assert "[interface wan1]" in served.router.conf()
    assert wait_until(lambda: answers(served))


def test_continues_when_the_external_interface_goes_down(served):
    """upnpd itself notices it; the service is not restarted."""
    served.router.network("wan")
    served.event("interface.*", "wan")
    assert served.ran == ["start"] and served.runs()


def test_events_of_other_networks_are_ignored(served):
    served.router.network("wan", "wan9")
    assert served.event("interface.*", "vpn") == 0


def test_reloads_when_an_internal_interface_comes_up(router, procd):
    router.network("lan")
    router.write(CONFIG, config(*START, interfaces=INTERFACES + """
config interface 'guest'
	option name 'lo'
	option type 'internal'
"""))
    procd.init("start")
    assert "[interface lan0]" not in router.conf()
    router.network("lan", "lan0")
    assert procd.event("interface.*", "lan") == 1
    assert procd.ran == ["start", "HUP"]
    assert wait_until(lambda: answers(procd)), procd.log()


GUEST = """
config interface 'guest'
	option network 'guest'
	option type 'internal'
"""


@pytest.mark.parametrize("physical", [None, "guest0"])
@pytest.mark.parametrize("gone", [True, False])
def test_network_that_is_down_for_a_moment_keeps_its_mappings(
        router, procd, gone, physical):
    """As `wifi reload`, which removes the device, and `ifdown guest; ifup
    guest`, both with two internal networks."""
    def device_up():
        router.lab.router.ip_batch("addr add 192.168.77.1/24 dev guest0",
                                   "link set guest0 up")
        router.network("guest", "guest0", "192.168.77.1/24")

    router.lab.router.ip_batch("link add guest0 type bridge")
    device_up()
    router.write(CONFIG, config(*START, "list rule 'allow 1024-65535 "
                                "192.168.0.0/16 1024-65535'",
                                interfaces=INTERFACES + GUEST))
    procd.init("start")
    assert wait_until(lambda: answers(procd)), procd.log()
    router.run("upnpctl", "mappings", "add", "protocol=udp",
               "external-port=40000", "to=192.168.77.10:5000", "lease=1h")
    assert mapped(procd, 40000)
    if gone:
        router.lab.router.ip_batch("link del guest0")
    else:
        router.lab.router.ip_batch("link set guest0 down",
                                   "addr flush dev guest0")
    router.network("guest", physical=physical)
    procd.event("interface.*", "guest")
    assert wait_until(lambda: "suspended" in procd.log()), procd.log()
    assert mapped(procd, 40000)
    if gone:
        router.lab.router.ip_batch("link add guest0 type bridge")
    device_up()
    procd.event("interface.*", "guest")
    assert wait_until(lambda: "resumed" in procd.log()), procd.log()
    assert mapped(procd, 40000)
    assert procd.ran == ["start"]


# ---- an upgrade of the package ---------------------------------------------

def upgrade(router):
    """Replace the program's file as a package manager does."""
    name = router.path("usr/sbin/upnpd")
    shutil.copy2(name, name + ".new")
    os.rename(name + ".new", name)


def test_upgrade_restarts_the_program(served):
    """apk does not stop the service, but starts it after the upgrade. procd
    would send the reload signal only."""
    Igd(served.router.lab.lan1).add(40000, "TCP", 8000)
    upgrade(served.router)
    served.init("start")
    assert served.ran == ["start", "TERM", "start"]
    assert wait_until(lambda: answers(served)), served.log()
    assert mapped(served, 40000)
    served.init("start")
    served.event("config.change", "upnpd")
    assert served.ran == ["start", "TERM", "start"]


def test_upgrade_with_a_wrong_configuration_changes_nothing(served):
    served.router.run("uci", "set", "upnpd.global.http_port=x")
    upgrade(served.router)
    served.init("start")
    assert served.ran == ["start"] and served.runs()
    served.router.run("uci", "delete", "upnpd.global.http_port")
    served.init("start")
    assert served.ran == ["start", "TERM", "start"]


# ---- a reboot --------------------------------------------------------------

def reboot(procd, clean=True, **old):
    """/var is in RAM. With @clean the service is stopped before."""
    if clean:
        procd.init("shutdown")
    else:
        procd.only().proc.kill()
        procd.only().proc.wait()
        procd.instances.clear()
    procd.router.reset_ram()
    procd.init("boot")
    assert wait_until(lambda: answers(procd)), procd.log()
    # the start's last step
    assert wait_until(lambda: kept(procd, "bootid")
                      == procd.router.read("tmp/lib/upnpd/bootid"))


RESERVED = 255      # BOOTIDs of a start, beside the first


def boot_id(procd):
    return int(procd.router.read("tmp/lib/upnpd/bootid"))


def kept(procd, name):
    path = "etc/upnpd/" + name
    return procd.router.read(path) if procd.router.has(path) else None


@pytest.mark.parametrize("clean", [True, False])
def test_bootid_rises_over_a_reboot(served, clean):
    """A router without a battery for its clock boots in the past: here the
    last BOOTID is of the year 2037."""
    served.init("stop")
    served.router.write("tmp/lib/upnpd/bootid", "2114380800\n")
    served.init("start")
    assert wait_until(lambda: kept(served, "bootid")
                      == f"{2114380801 + RESERVED}\n")
    reboot(served, clean)
    assert boot_id(served) == 2114380802 + 2 * RESERVED
    assert kept(served, "mappings") is None


def test_bootid_is_kept_rarely_at_a_reload(served):
    """It rises when an interface changes, perhaps every few seconds."""
    there = served.router.path("etc/upnpd/bootid")
    assert wait_until(lambda: kept(served, "bootid"))
    first = kept(served, "bootid")
    served.router.write("tmp/lib/upnpd/bootid", "2114380800\n")
    served.event("interface.*", "wan")
    assert kept(served, "bootid") == first
    for age in 3601, -3601:
        now = os.stat(there).st_mtime
        os.utime(there, (now - age, now - age))
        served.router.write("tmp/lib/upnpd/bootid", f"{2114380800 + age}\n")
        served.event("interface.*", "wan")
        assert kept(served, "bootid") == f"{2114380800 + age}\n"


def test_leases_survive_a_reboot_on_request(router, procd):
    router.write(CONFIG, config(*START, "option persist '1'"))
    procd.init("start")
    assert wait_until(lambda: answers(procd)), procd.log()
    assert "persist" not in router.conf()
    assert procd.instances["keep"].command() == [
        "/usr/share/upnpd/keep-state", "3600", "/var/lib/upnpd", "mappings"]
    Igd(router.lab.lan1).add(40000, "TCP", 8000)
    assert wait_until(lambda: kept(procd, "bootid"))
    reboot(procd)
    assert mapped(procd, 40000)
    state = os.stat(router.path("tmp/lib/upnpd/mappings"))
    assert state.st_uid == 450
    router.run("uci", "set", "upnpd.global.persist=0")
    router.run("uci", "commit", "upnpd")
    reboot(procd)
    assert not mapped(procd, 40000)
    assert set(procd.instances) == {"instance1"}
    assert kept(procd, "mappings") is None


def test_without_persist_leases_do_not_survive(served):
    Igd(served.router.lab.lan1).add(40000, "TCP", 8000)
    reboot(served)
    assert not mapped(served, 40000)


def test_files_are_kept_from_time_to_time_if_they_changed(router):
    """The service writes 3600 in place of 1."""
    there = router.path("etc/upnpd/mappings")
    router.write("tmp/lib/upnpd/mappings", "one\n")
    router.write("tmp/lib/upnpd/other", "")
    with subprocess.Popen(router.argv("/usr/share/upnpd/keep-state", "1",
                                      "/var/lib/upnpd", "mappings")) as proc:
        assert wait_until(lambda: os.path.exists(there))
        assert router.read("etc/upnpd/mappings") == "one\n"
        written = os.stat(there).st_ino
        router.write("tmp/lib/upnpd/bootid", "1\n")
        assert wait_until(lambda: router.has("etc/upnpd/bootid"))
        assert os.stat(there).st_ino == written
        router.write("tmp/lib/upnpd/mappings", "two\n")
        assert wait_until(lambda: router.read("etc/upnpd/mappings") == "two\n")
        proc.terminate()
        proc.wait(LONG)
    assert set(os.listdir(router.path("etc/upnpd"))) == {"bootid", "mappings"}


def writes(procd, action, n):
    """Run keep-state @n times, each time after a change of both files. Return:
    how many files it wrote to flash."""
    names = "bootid", "mappings"
    count, before = 0, [kept(procd, name) for name in names]
    for i in range(n):
        for name in names:
            procd.router.write("tmp/lib/upnpd/" + name, f"{action} {i}\n")
        procd.router.run("/usr/share/upnpd/keep-state", action,
                         "/var/lib/upnpd", "mappings")
        now = [kept(procd, name) for name in names]
        count += sum(a != b for a, b in zip(before, now))
        before = now
    return count


def test_flash_is_written_rarely(router, procd):
    """The service is started and stopped in a loop, as by a watchdog. When the
    router shuts down, the last state is written."""
    assert writes(procd, "save", 10) == 12
    assert writes(procd, "save", 3) == 0
    assert writes(procd, "last", 2) == 4
    times = router.read("tmp/run/upnpd.kept").split()
    assert len(times) == 12
    router.write("tmp/run/upnpd.kept",
                 " ".join([str(int(times[0]) - 3600)] * 3 + times[3:]))
    assert writes(procd, "save", 3) == 3


def test_shutdown_writes_the_last_state(served):
    assert wait_until(lambda: kept(served, "bootid"))
    now = served.router.run("cut", "-d.", "-f1", "/proc/uptime").strip()
    served.router.write("tmp/run/upnpd.kept", f"{now} " * 12)
    served.router.write("tmp/lib/upnpd/bootid", "2114380800\n")
    served.init("stop")
    assert kept(served, "bootid") != "2114380800\n"
    served.init("shutdown")
    assert kept(served, "bootid") == "2114380800\n"


@pytest.mark.parametrize("bad", ["link", "large"])
def test_other_files_are_not_kept(router, bad):
    """A program in the jail owns the directory."""
    os.makedirs(router.path("tmp/lib/upnpd"))
    if bad == "link":
        os.symlink("/etc/passwd", router.path("tmp/lib/upnpd/mappings"))
    else:
        router.write("tmp/lib/upnpd/mappings", "x" * 1048577)
    router.run("/usr/share/upnpd/keep-state", "save", "/var/lib/upnpd",
               "mappings")
    assert not router.has("etc/upnpd/mappings")
