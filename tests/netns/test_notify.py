# SPDX-License-Identifier: ISC
"""A service manager on NOTIFY_SOCKET gets READY once upnpd answers the LAN,
and every later change of state."""
import os
import re
import signal
import socket
import time

import pytest

from daemon import FakeTool
from lab import LAN_IP, LONG, inside

pytestmark = pytest.mark.only("netlink")


class Manager:
    """The manager's end of the socket: a datagram is one message."""

    def __init__(self, name):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(name.replace("@", "\0", 1))
        self.name = name

    def hear(self, timeout=LONG):
        """The next message as a dictionary, or None."""
        self.sock.settimeout(timeout)
        try:
            text = self.sock.recv(65536).decode()
        except (TimeoutError, BlockingIOError):
            return None
        return dict(line.split("=", 1) for line in text.splitlines())

    def wait(self, variable, timeout=LONG):
        """The message that sets @variable, and those before it."""
        before, end = [], time.monotonic() + timeout
        while time.monotonic() < end:
            said = self.hear(max(end - time.monotonic(), 0.01))
            if said and variable in said:
                return said, before
            before += [said] if said else []
        raise AssertionError(f"no {variable}, but {before}")

    def not_before(self, variable, probe):
        """Does @probe, which must be sent, arrive without @variable before it?
        Messages keep their order."""
        return not any(variable in said for said in self.wait(probe)[1])

    def waiting(self):
        """The messages that were not read yet."""
        found = []
        while said := self.hear(0):
            found.append(said)
        return found


@pytest.fixture
def manager(lab, monkeypatch):
    manager = Manager(lab.path("notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", manager.name)
    yield manager
    manager.sock.close()


def test_ready_when_requests_are_answered(stopped, manager):
    """READY is sent once, and from then on requests are answered."""
    stopped.start(wait=False)
    ready, before = manager.wait("READY")
    assert stopped.serves()
    assert ready == {"READY": "1", "STATUS": "serving by netlink"}
    assert all("READY" not in said for said in before)
    assert stopped.stop() == 0
    stopping, before = manager.wait("STOPPING")
    assert stopping["STOPPING"] == "1"
    assert all("READY" not in said for said in before)


def test_abstract_name(lab, stopped, monkeypatch):
    with inside(lab.router.ns):     # such names belong to the network namespace
        manager = Manager(f"@{lab.router.ns}")
    monkeypatch.setenv("NOTIFY_SOCKET", manager.name)
    stopped.start(wait=False)
    manager.wait("READY")


def test_not_ready_without_its_port(lab, stopped, manager):
    """If another program has the port, upnpd ends without READY."""
    with lab.router.socket(socket.SOCK_STREAM,
                           bind=(LAN_IP, stopped.port)) as holder:
        holder.listen()
        stopped.start(wait=False)
        assert stopped.wait_exit() == 1
    assert not any("READY" in said for said in manager.waiting())


@pytest.mark.parametrize("fault", ("user", "state"))
def test_not_ready_if_it_cannot_start(lab, stopped, manager, fault):
    if fault == "user":     # an invalid configuration
        stopped.lines = ["no-such-key = yes"]
    else:                   # an invalid state directory
        with open(stopped.state, "w"):
            pass
    stopped.start(wait=False)
    assert stopped.wait_exit() not in (0, None)
    assert not any("READY" in said for said in manager.waiting())


def test_disabled_is_ready(stopped, manager):
    """Disabled, upnpd sends READY and its status. A reload makes it serve."""
    stopped.options["enabled"] = "no"
    stopped.start(wait=False)
    assert manager.wait("READY")[0]["STATUS"].startswith(
        f"not enabled: set enabled = yes in {stopped.conf}")
    stopped.options["enabled"] = "yes"
    stopped.reload()
    manager.wait("RELOADING")
    manager.wait("READY")
    assert stopped.serves()


def test_reload_is_reported(stopped, manager):
    """RELOADING with its time; READY when the new engine serves."""
    stopped.start()
    manager.wait("READY")
    old = stopped.engine()
    began = time.monotonic()
    stopped.reload()
    said = manager.wait("RELOADING")[0]
    assert began - 1 <= int(said["MONOTONIC_USEC"]) / 1e6 <= time.monotonic()
    assert manager.wait("READY")[0]["STATUS"] == "serving by netlink"
    assert stopped.engine() not in (None, old)
    assert stopped.serves()


def test_refused_reload_is_ready_again(lab, stopped, manager):
    """The old engine serves on; the status says why nothing changed."""
    stopped.start()
    manager.wait("READY")
    engine = stopped.engine()
    with lab.router.socket(socket.SOCK_STREAM,
                           bind=(LAN_IP, 2829)) as holder:
        holder.listen()
        stopped.options["http_port"] = 2829
        stopped.write_conf()
        stopped.signal(signal.SIGHUP)
        manager.wait("RELOADING")
        assert "http-port 2829 is taken" in manager.wait("READY")[0]["STATUS"]
    assert stopped.engine() == engine and stopped.serves()


def test_reload_of_an_invalid_file(stopped, manager):
    stopped.start()
    manager.wait("READY")
    good = stopped.conf_text()
    stopped.reload("enabled = perhaps\n")
    manager.wait("RELOADING")
    status = manager.wait("READY")[0]["STATUS"]
    assert re.match("serving by netlink; the last reload changed nothing: "
                    f"{stopped.conf}:1: ", status)
    assert stopped.serves()
    stopped.reload(good)
    manager.wait("RELOADING")
    assert manager.wait("READY")[0]["STATUS"] == "serving by netlink"


def test_death_of_an_engine_is_in_the_status(stopped, manager):
    """The unit stays active; its status has the reason."""
    stopped.start()
    manager.wait("READY")
    os.kill(stopped.engine(), signal.SIGKILL)
    assert "engine ended" in manager.hear()["STATUS"]
    manager.wait("READY")
    assert stopped.serves()


class Witness(FakeTool):
    """A tool that records its environment."""
    SCRIPT = FakeTool.SCRIPT.replace("read -r", "env >> {dir}/seen\nread -r", 1)

    def seen(self):
        with open(os.path.join(self.dir, "seen")) as f:
            return f.read()


@pytest.mark.only("iptables-legacy")
def test_no_child_has_the_socket(lab, stopped, manager):
    """Neither the firewall's tool nor the engine can send messages as
    upnpd."""
    tool = Witness(lab, lab.firewall.tool())
    stopped.start(prefix=tool.prefix())
    manager.wait("READY")
    assert "PATH=" in tool.seen()
    assert "NOTIFY_SOCKET" not in tool.seen()


def test_missing_manager_is_logged_once(stopped, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", "/nonexistent/notify")
    stopped.start()
    assert stopped.wait_log("cannot notify the service manager")
    assert stopped.stop() == 0      # all messages were sent by then
    assert stopped.log().count("cannot notify the service") == 1


def test_invalid_address_is_ignored(stopped, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", "vsock:2:1234")
    stopped.start()
    assert stopped.wait_log("NOTIFY_SOCKET: Invalid argument")
