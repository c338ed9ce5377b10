# SPDX-License-Identifier: ISC
"""When upnpctl ends, the daemon uses the changed configuration."""
import json
import os
import re
import signal
import socket
import subprocess

import pytest

from daemon import UPNPD, upnpc
from lab import EXT_IP, LONG, OUT_IP, listener, reaches, wait_until
from upnp import Igd

UPNPCTL = os.path.join(os.path.dirname(UPNPD), "upnpctl")


class Ctl:
    """upnpctl in the router, with the daemon's file."""

    def __init__(self, lab, upnpd):
        self.lab, self.upnpd = lab, upnpd

    def argv(self, *words):
        return ["ip", "netns", "exec", self.lab.router.ns, UPNPCTL, "-f",
                self.upnpd.conf, *words]

    def run(self, *words, stdin=""):
        return subprocess.run(self.argv(*words), input=stdin, text=True,
                              capture_output=True, timeout=60)

    def ok(self, *words, **kw):
        done = self.run(*words, **kw)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    def fails(self, *words, status, **kw):
        done = self.run(*words, **kw)
        assert (done.returncode, done.stdout) == (status, ""), done
        assert re.fullmatch("upnpctl: [^\n]+\n", done.stderr), done
        return done.stderr


@pytest.fixture
def ctl(lab, stopped):
    return Ctl(lab, stopped)


def description(lab):
    with lab.lan1.socket(socket.SOCK_STREAM) as sock:
        sock.settimeout(LONG)
        sock.connect((lab.router.ip, 2828))
        sock.sendall(b"GET /igd1.xml HTTP/1.0\r\n\r\n")
        text = b""
        while chunk := sock.recv(65536):
            text += chunk
    return text.decode()


# The example at the start of the manual.
TRANSCRIPT = """\
# upnpctl print
                             enabled: no
    allow-disable-external-interface: yes
                     show-dummy-rule: yes
# upnpctl interfaces add interface=ether1 type=external
# upnpctl interfaces add interface=ether2 type=internal
# upnpctl interfaces print
Flags: X - disabled, I - invalid, D - dynamic
  #   INTERFACE   TYPE       FORCED-IP
  0 X ether1      external
  1 X ether2      internal
# upnpctl interfaces enable 0,1
# upnpctl set enabled=yes
"""


@pytest.mark.only("netlink")
def test_example_of_the_manual_works(lab, stopped, ctl):
    """The manual's example configures and enables a gateway that forwards a
    port."""
    for old, new in (("wan0", "ether1"), ("lan0", "ether2")):
        lab.router.ip_batch(f"link set {old} down",
                            f"link set {old} name {new}",
                            f"link set {new} up")
    lab.router.ip_batch(f"route add default via {OUT_IP}")
    stopped.options.update(enabled="no")
    del stopped.options["allow_disable_external_interface"]
    stopped.interfaces = {}
    stopped.start(wait=False)
    assert stopped.wait_log("not enabled")
    shown = ""
    for line in TRANSCRIPT.splitlines(True):
        if line.startswith("# "):
            shown += line + ctl.ok(*line.split()[2:])
    assert shown == TRANSCRIPT
    here = listener(lab.lan1, "TCP", 8000)
    out = upnpc(lab.lan1, "-a", lab.lan1.ip, "8000", "40000", "TCP")
    assert f"external {EXT_IP}:40000 TCP is redirected" in out
    assert reaches(lab, "TCP", 40000, here)


def reloads(upnpd):
    """The number of finished reloads in the log."""
    return upnpd.log().count("configuration read again")


@pytest.mark.only("netlink")
def test_change_is_in_use_at_the_end(lab, upnpd, ctl, igd):
    """The daemon uses each change when the command ends, and keeps its
    mappings."""
    igd.add(40000, "TCP", 8000)
    for n in range(4):
        engine = upnpd.engine()
        ctl.ok("set", f"friendly-name=box {n}")
        assert upnpd.engine() != engine
        assert f"<friendlyName>box {n}</friendlyName>" in description(lab)
    assert igd.mapped() == Igd(lab.lan1).mapped() != {}
    engine = upnpd.engine()
    ctl.ok("set", "friendly-name=box 3")
    assert upnpd.engine() == engine, "nothing has changed"
    ctl.fails("set", "enabled=maybe", status=2)
    ctl.fails("interfaces", "remove", "wan7", status=2)
    assert upnpd.engine() == engine
    ctl.ok("set", "friendly-name=box 5")
    assert reloads(upnpd) == 5


@pytest.mark.only("netlink")
def test_disable_and_enable(lab, upnpd, ctl):
    ctl.ok("set", "enabled=no")
    assert upnpd.engine() is None
    assert lab.rules() == lab.pristine
    ctl.ok("-", stdin="/ip upnp\nset enabled=yes friendly-name=back\n")
    assert "<friendlyName>back<" in description(lab)


@pytest.mark.only("netlink")
def test_daemon_waits_for_interfaces(lab, stopped, ctl):
    """It is enabled first. It serves when the last interface comes, and
    nothing after one is gone."""
    stopped.interfaces = {}
    stopped.start(wait=False)
    assert stopped.wait_log("enabled, but without an external interface")
    assert "waits: for an external and an internal interface" in \
        ctl.ok("status")
    state = json.loads(ctl.ok("--json", "status"))
    assert state["running"] and state["enabled"] and state["waits"]
    assert "serves nothing until an external and an internal" in \
        ctl.fails("mappings", "print", status=1)
    ctl.ok("interfaces", "add", "interface=wan0", "type=external",
           "disabled=no")
    assert stopped.wait_log("enabled, but without an internal interface")
    assert stopped.engine() is None
    ctl.ok("interfaces", "add", "interface=lan0", "type=internal",
           "disabled=no")
    Igd(lab.lan1).add(40000, "TCP", 8000)
    assert "waits" not in ctl.ok("status")
    assert ctl.run("interfaces", "disable", "wan0").stderr == (
        "upnpctl: nothing is served until an external interface is enabled: "
        "interfaces enable wan0\n")
    assert stopped.engine() is None
    assert lab.rules() == lab.pristine
    ctl.ok("interfaces", "enable", "wan0")
    assert 40000 in [m[1] for m in Igd(lab.lan1).mapped()]


@pytest.mark.only("netlink")
def test_simultaneous_changes_are_all_kept(lab, upnpd, ctl):
    """Commands that run at the same time lose no change, and each waits for
    its own reload."""
    settings = ["hairpin=yes", "masquerade=yes", "max-lease=5",
                "max-mappings-per-client=6", "notify-interval=60",
                "serial-number=1", "model-name=m", "verify-interval=20"]
    running = [subprocess.Popen(ctl.argv("set", s), stderr=subprocess.PIPE,
                                text=True) for s in settings]
    for one in running:
        assert one.communicate(timeout=60)[1] == ""
        assert one.returncode == 0
    with open(upnpd.conf) as f:
        text = f.read()
    for setting in settings:
        assert setting.replace("=", " = ") + "\n" in text
    assert "<serialNumber>1<" in description(lab)


@pytest.mark.only("netlink")
def test_failed_reload_is_reported(lab, upnpd, ctl):
    """Only the reload can find that the state directory is a file. The error
    says that the file was written but not accepted."""
    path = lab.path("file")
    with open(path, "w"):
        pass
    engine = upnpd.engine()
    said = ctl.fails("set", f"state-dir={path}", status=1)
    assert "written, but upnpd did not accept it: " in said
    assert path in said
    assert upnpd.engine() == engine     # it continues
    ctl.ok("set", f"state-dir={upnpd.state}")
    assert upnpd.engine() != engine


@pytest.mark.only("netlink")
def test_change_of_another_file_does_not_reload(lab, upnpd, ctl):
    """Changing a file that the daemon does not use does not reload it."""
    upnpd.conf, kept = lab.path("copy.conf"), upnpd.conf
    upnpd.write_conf()
    ctl.ok("set", "friendly-name=copy")
    upnpd.conf = kept
    ctl.ok("set", "friendly-name=own")
    assert reloads(upnpd) == 1


@pytest.mark.only("netlink")
def test_change_after_the_daemon_was_killed(lab, upnpd, ctl):
    """Files that a killed daemon left are not taken for a running daemon."""
    engine = upnpd.engine()
    upnpd.signal(signal.SIGKILL)
    upnpd.proc.wait()
    assert wait_until(lambda: not os.path.exists(f"/proc/{engine}"))
    ctl.ok("set", "friendly-name=after")
    upnpd.spawn([UPNPD, "-F", "-f", upnpd.conf])
    upnpd.wait_ready()
    assert "<friendlyName>after<" in description(lab)
