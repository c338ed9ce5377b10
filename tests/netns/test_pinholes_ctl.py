# SPDX-License-Identifier: ISC
"""Pinholes of the operator, in upnpctl and over restarts: they are listed with
the mappings, are lines of the configuration, and keep their unique ids."""
import json
import os
import select
import signal

import pytest

from daemon import UPNPD
from lab import (HOST6_IP, HOST_IP, OUTSIDE6_IP, blocked, drop6, listener,
                 reaches, wait_until)
from test_static import lines, start_again
from test_upnpctl_live import Ctl, ctl      # noqa: F401
from test_wanip6 import SCTP, UDP, six    # noqa: F401

pytestmark = [pytest.mark.only("netlink"), pytest.mark.lab(ipv6=True)]
in_memory = pytest.mark.conf(backend="memory")

WEB = ("protocol=tcp", f"to=[{HOST6_IP}]:8080")
LINE = f"mapping tcp 8080 [{HOST6_IP}]:8080"


def pinholes(ctl):      # noqa: F811
    """Unique id -> the rest of what upnpctl prints."""
    return {m["id"]: m for m in ctl.json("mappings", "print", "where",
                                         "pinhole")}


@in_memory
def test_pinholes_are_listed_with_the_mappings(lab, upnpd, six, ctl):  # noqa: F811
    uid = six.open(port=8080, lease=600)
    any_port = six.open(port=8081, proto=SCTP, remote=OUTSIDE6_IP,
                        remote_port=5060)
    ctl("mappings", "add", "protocol=tcp", "external-port=40000",
        f"to={HOST_IP}:8000")
    first, second, third = ctl.json("mappings", "print")
    assert (first["kind"], second["kind"]) == ("mapping", "pinhole")
    assert [m["number"] for m in (first, second, third)] == [0, 1, 2]
    assert (second["id"], second["protocol"], second["external-port"],
            second["to-address"], second["to-port"], second["by"],
            second["origin"], second["configured"]) == (
        uid, "tcp", 8080, HOST6_IP, 8080, HOST6_IP, "upnp", False)
    assert 590 <= second["time-left"] <= 600
    assert (third["id"], third["remote-host"], third["remote-port"]) == (
        any_port, OUTSIDE6_IP, 5060)
    text = ctl("mappings", "print").splitlines()
    assert text[3] == "" and text[4].split() == [
        "#", "PROTOCOL", "TO", "TIME-LEFT", "DESCRIPTION"]
    assert text[5].split()[:4] == ["1", "D", "tcp", f"[{HOST6_IP}]:8080"]
    assert all(len(line) <= 80 for line in text[4:])
    status = ctl.status()
    assert status["pinholes"] == "2 of 1024, 0 static"
    assert status["mappings"].startswith("1 of 1024, 1 static")
    metrics = ctl("metrics").splitlines()
    assert 'upnpd_pinholes{type="dynamic"} 2' in metrics
    assert 'upnpd_pinholes_by_origin{origin="upnp"} 2' in metrics
    assert "upnpd_pinholes_max 1024" in metrics
    ctl("mappings", "remove", f"tcp:[{HOST6_IP}]:8080,2")
    assert pinholes(ctl) == {}
    assert len(ctl.json("mappings", "print")) == 1


@in_memory
def test_monitor_reports_pinholes(lab, upnpd, six, ctl):    # noqa: F811
    six.open(port=8080)
    monitor = ctl.start("--json", "monitor")

    def told(event):
        line = json.loads(monitor.stdout.readline())
        assert line["event"] == event, line
        return line

    def change():
        """Until the monitor is connected, it prints nothing."""
        six.close(six.open(port=8081, proto=UDP))
        return select.select([monitor.stdout], [], [], 0.2)[0]

    try:
        assert wait_until(change)
        # it may have been connected between the two changes
        if json.loads(monitor.stdout.readline())["event"] == "added":
            told("removed")
        change()
        line = told("added")
        assert (line["kind"], line["to-port"]) == ("pinhole", 8081)
        assert told("removed")["id"] == line["id"]
    finally:
        monitor.send_signal(signal.SIGINT)
        monitor.wait(10)


@in_memory
def test_ids_survive_a_crash_a_reload_and_a_restart(lab, upnpd, six, ctl):    # noqa: F811
    uid = six.open(port=8080, lease=3600)
    gone = six.open(port=8081)
    six.close(gone)

    def crash():
        old = upnpd.engine()
        os.kill(old, signal.SIGKILL)
        assert wait_until(lambda: upnpd.engine() not in (None, old))

    def restart():
        assert upnpd.stop() == 0
        start_again(upnpd)

    for end in (crash, upnpd.reload, restart):
        end()
        assert wait_until(lambda: ctl.run("mappings",
                                          "print").returncode == 0)
        assert wait_until(lambda: upnpd.serves())
        (m,) = pinholes(ctl).values()
        assert (m["id"], m["to-port"], m["by"]) == (uid, 8080, HOST6_IP)
        assert 3000 < m["time-left"] <= 3600
        six.renew(uid)
        assert six.open(port=8080) == uid
        new = six.open(port=8082)
        assert new not in (uid, gone)       # no id is given again
        gone = new
        six.close(new)
    with open(os.path.join(upnpd.state, "mappings")) as f:
        text = f.read()
    assert f"id={uid} " in text and "last-id=" in text
    mac = lab.lan1.run("cat", "/sys/class/net/eth0/address").strip()
    assert mac not in text


def test_pinhole_of_the_configuration(lab, upnpd, ctl):     # noqa: F811
    """It is a line, and works without the state directory; no client can
    change it."""
    drop6(lab)
    server = listener(lab.lan1, "TCP", 8080, HOST6_IP)
    kw = {"dst": HOST6_IP}
    assert blocked(lab, "TCP", 8080, server, **kw)
    ctl("mappings", "add", *WEB, "comment=web")
    assert lines(upnpd) == [LINE + ' "web"']
    assert reaches(lab, "TCP", 8080, server, **kw)
    (m,) = ctl.json("mappings", "print")
    assert m["packets"] > 0
    assert m["configured"] and not m["dynamic"] and m["kind"] == "pinhole"
    assert upnpd.stop() == 0
    assert blocked(lab, "TCP", 8080, server, **kw)
    upnpd.spawn([UPNPD, "-F", "-f", upnpd.conf])
    upnpd.wait_ready()
    assert reaches(lab, "TCP", 8080, server, **kw)
    assert ctl.json("mappings", "print")[0]["id"] == m["id"]
    ctl("mappings", "remove", f"tcp:[{HOST6_IP}]:8080")
    assert lines(upnpd) == []
    assert blocked(lab, "TCP", 8080, server, **kw)
    lab.router.run("nft", "delete", "table", "ip6", "fw")


@in_memory
def test_refused_pinhole_is_not_written(lab, upnpd, ctl):   # noqa: F811
    why = ctl.fails("mappings", "add", "protocol=tcp", f"to=[{HOST6_IP}]:80")
    assert ("; then: rules add action=allow external-ports=80 "
            f"network={HOST6_IP} internal-ports=80") in why
    why = ctl.fails("mappings", "add", "protocol=tcp",
                    "to=[2001:db8:dead::1]:8080")
    assert "in no internal network" in why
    assert lines(upnpd) == []


@in_memory
@pytest.mark.conf(backend="memory", ipv6="no")
def test_without_ipv6_there_are_none(lab, upnpd, ctl):      # noqa: F811
    why = ctl.fails("mappings", "add", *WEB)
    assert "pinholes need ipv6=yes and max-pinholes above 0" in why
    assert ctl.status()["pinholes"] == "disabled"
