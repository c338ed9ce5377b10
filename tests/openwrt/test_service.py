# SPDX-License-Identifier: ISC
"""The service under procd starts, restarts, reloads and stops the real daemon,
with the backend memory."""
import re

import pytest

from lab import LAN_IP, LONG, wait_until
from test_uci import CONFIG, INTERFACES, MINIUPNPD, config

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
    assert params["respawn"] == []      # the system's defaults
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

def hotplug(procd, action, interface):
    """Source the hotplug script, as netifd does."""
    return procd.call("sh", "-c", ". /etc/hotplug.d/iface/50-upnpd",
                      env=(f"ACTION={action}", f"INTERFACE={interface}"))


def test_starts_when_the_external_interface_comes_up(router, procd):
    """At boot, a PPPoE connection does not exist yet."""
    router.network("wan")
    router.write(CONFIG, config(*START))
    procd.init("enable")
    procd.init("boot")
    assert not procd.runs()
    assert ["interface.*", "wan", "/etc/init.d/upnpd", "reload"] \
        in procd.triggers
    router.network("wan", "wan0")
    hotplug(procd, "ifup", "wan")
    assert procd.ran == ["start"]
    assert wait_until(lambda: answers(procd)), procd.log()


@pytest.mark.parametrize("how", ["hotplug", "trigger"])
def test_reloads_when_the_external_device_changes(served, how):
    served.router.lab.router.ip_batch("link add wan1 type bridge",
                                      "addr add 11.22.44.1/24 dev wan1",
                                      "link set wan1 up")
    served.router.network("wan", "wan1")
    if how == "hotplug":
        hotplug(served, "ifup", "wan")
    else:
        served.event("interface.*", "wan")
    assert served.ran == ["start", "HUP"]
    assert "[interface wan1]" in served.router.conf()
    assert wait_until(lambda: answers(served))


def test_continues_when_the_external_interface_goes_down(served):
    """upnpd itself notices it; the service is not restarted."""
    served.router.network("wan")
    hotplug(served, "ifdown", "wan")
    served.event("interface.*", "wan")
    assert served.ran == ["start"] and served.runs()


def test_other_hotplug_events_are_ignored(served):
    served.router.network("wan", "wan9")
    hotplug(served, "ifup", "lan")
    hotplug(served, "ifup", "vpn")
    hotplug(served, "ifdown", "wan")
    assert served.ran == ["start"]


def test_hotplug_does_not_start_a_disabled_service(router, procd):
    router.write(CONFIG, config(*START))
    hotplug(procd, "ifup", "wan")
    assert procd.ran == []


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
