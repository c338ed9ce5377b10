# SPDX-License-Identifier: ISC
"""The operator's mappings are lines of the configuration. upnpd reads them at
every start and reload, and does not write them to the lease file."""
import os
import shutil
import signal
import socket
import subprocess

import pytest

from daemon import UPNPD, engine_uid
from lab import (EXT_IP, HOST_IP, HOST_LAN2_IP, LAN2_IP, OUT2_IP, OUT_IP,
                 blocked, listener, reaches, wait_until)
from test_upnpctl_live import Ctl, add, ctl      # noqa: F401
from upnp import Igd, UpnpError

HERE = os.path.dirname(os.path.abspath(__file__))
LINE = f'mapping tcp 40000 {HOST_IP}:8000'


def lines(upnpd):
    with open(upnpd.conf) as f:
        return [line for line in f.read().splitlines()
                if line.startswith("mapping")]


def start_again(upnpd):
    """Start upnpd with the file as it is now."""
    upnpd.spawn([UPNPD, "-F", "-f", upnpd.conf])
    upnpd.wait_ready()


def leases(upnpd):
    with open(os.path.join(upnpd.state, "mappings")) as f:
        return f.read()


@pytest.mark.core
def test_survives_the_loss_of_the_state_directory(lab, upnpd, ctl):   # noqa: F811
    """The mapping works after a restart on a router whose /var is in
    memory."""
    server = listener(lab.lan1, "TCP", 8000)
    add(ctl, "comment=my server")
    assert lines(upnpd) == [LINE + ' "my server"']
    assert reaches(lab, "TCP", 40000, server)
    assert upnpd.stop() == 0
    shutil.rmtree(upnpd.state)
    start_again(upnpd)
    assert reaches(lab, "TCP", 40000, server)
    (entry,) = ctl.json("mappings", "print")
    assert entry["configured"] and entry["description"] == "my server"
    assert "40000" not in leases(upnpd)
    ctl("mappings", "remove", "tcp:40000")
    assert lines(upnpd) == []
    assert blocked(lab, "TCP", 40000, server)


@pytest.mark.only("netlink")
def test_traffic_continues_during_a_reload(lab, upnpd, ctl):    # noqa: F811
    """Adding a mapping restarts the engine, but connections continue."""
    server = listener(lab.lan1, "TCP", 8000)
    add(ctl)
    with lab.outside.socket(socket.SOCK_STREAM) as sock:
        sock.connect((EXT_IP, 40000))
        peer, _ = server.accept()
        add(ctl, port=40001)
        sock.sendall(b"x")
        assert peer.recv(1) == b"x"
        peer.close()
    assert reaches(lab, "TCP", 40001, server)


@pytest.mark.only("netlink")
def test_survives_the_death_of_an_engine(lab, upnpd, ctl):  # noqa: F811
    server = listener(lab.lan1, "TCP", 8000)
    add(ctl)
    os.kill(upnpd.engine(), signal.SIGKILL)
    assert wait_until(lambda: ctl.run("mappings", "print").returncode == 0)
    assert reaches(lab, "TCP", 40000, server)
    assert ctl.json("mappings", "print")[0]["configured"]


@pytest.mark.only("netlink")
@pytest.mark.lab(second_lan=True)
def test_reload_applies_edited_lines(lab, upnpd, ctl):     # noqa: F811
    """A reload adds, changes, disables and removes mappings as the lines
    do."""
    first = listener(lab.lan1, "TCP", 8000)
    second = listener(lab.lan2, "TCP", 8000)
    upnpd.interfaces["lan1"] = "internal"
    upnpd.lines = [LINE]
    upnpd.reload()
    assert wait_until(lambda: reaches(lab, "TCP", 40000, first))
    upnpd.lines = [f"mapping tcp 40000 {HOST_LAN2_IP}:8000"]
    upnpd.reload()
    assert wait_until(lambda: reaches(lab, "TCP", 40000, second))
    upnpd.lines = [f"mapping tcp 40000 {HOST_LAN2_IP}:8000 disabled"]
    upnpd.reload()
    assert wait_until(lambda: not reaches(lab, "TCP", 40000, second))
    assert ctl("mappings", "print").splitlines()[2].split()[1] == "SX"
    upnpd.lines = []
    upnpd.reload()
    assert wait_until(lambda: ctl.json("mappings", "print") == [])


@pytest.mark.only("netlink")
@pytest.mark.lab(second_lan=True)
def test_configuration_takes_a_port_from_a_client(lab, upnpd, igd, ctl):  # noqa: F811
    theirs = listener(lab.lan2, "TCP", 8000)
    server = listener(lab.lan1, "TCP", 8000)
    upnpd.interfaces["lan1"] = "internal"
    upnpd.reload()
    assert wait_until(lambda: upnpd.serves(LAN2_IP, lab.lan2))
    client = Igd(lab.lan2, ip=LAN2_IP)
    client.add(40000, "TCP", 8000)
    client.add(40001, "TCP", 8000)
    assert reaches(lab, "TCP", 40000, theirs)
    # the command does not take a port from a client
    why = ctl.fails("mappings", "add", "protocol=tcp", "external-port=40000",
                    f"to={HOST_IP}:8000")
    assert "another client has that port" in why and lines(upnpd) == []
    # a line in the file does
    upnpd.lines = [LINE]
    since = upnpd.reload()
    line = upnpd.wait_log("refused .*40000", since=since)
    assert HOST_LAN2_IP in line and "the mapping is the operator's" in line
    assert wait_until(lambda: reaches(lab, "TCP", 40000, server))
    assert reaches(lab, "TCP", 40001, theirs)
    with pytest.raises(UpnpError):
        client.add(40000, "TCP", 8000)
    assert upnpd.stop() == 0
    upnpd.lines = []
    upnpd.start()
    assert ctl.table() == {("tcp", 40001, HOST_LAN2_IP, 8000)}


@pytest.mark.only("netlink")
def test_refused_mapping_is_not_written(lab, upnpd, ctl):    # noqa: F811
    service = listener(lab.router, "TCP", 40000)
    why = ctl.fails("mappings", "add", "protocol=tcp", "external-port=40000",
                    f"to={HOST_IP}:8000")
    assert "the router serves that port itself" in why
    assert lines(upnpd) == [] and ctl.json("mappings", "print") == []
    service.close()
    add(ctl)
    assert lines(upnpd) == [LINE]


@pytest.mark.only("netlink")
def test_a_script_is_all_or_nothing(lab, upnpd, ctl, tmp_path):   # noqa: F811
    """If the second mapping of a script is refused, the first is undone."""
    service = listener(lab.router, "TCP", 40001)
    script = tmp_path / "script"
    script.write_text("".join(
        f"/ip upnp mappings add protocol=tcp external-port={port} "
        f"to={HOST_IP}:8000\n" for port in (40000, 40001)))
    with open(script) as stdin:
        done = subprocess.run([*ctl.argv, "-"], stdin=stdin, timeout=60,
                              capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("upnpctl: tcp:40001: refused")
    assert lines(upnpd) == [] and ctl.json("mappings", "print") == []
    service.close()


# ---- the lease file of version 0.1.0 -----------------------------------

STATIC = {("tcp", 40000, HOST_IP, 8000), ("udp", 40001, HOST_IP, 8001),
          ("udp", 40001, HOST_IP, 8002)}


@pytest.mark.core
@pytest.mark.only("netlink")
def test_upgrade_from_a_lease_file_of_version_1(lab, stopped):
    """upnpd 0.1.0 wrote leases-0.1.0, with mappings of an operator and of a
    client. All are served, and the operator's move to the configuration."""
    os.makedirs(stopped.state, 0o700)
    path = os.path.join(stopped.state, "leases")
    shutil.copy(os.path.join(HERE, "leases-0.1.0"), path)
    for name in (stopped.state, path):
        os.chown(name, engine_uid(), engine_uid())
    upnpd = stopped.start()
    ctl = Ctl(lab, upnpd)       # noqa: F811
    server = listener(lab.lan1, "TCP", 8000)
    # servers for one remote host, and for all others
    only, others = (listener(lab.lan1, "UDP", port) for port in (8001, 8002))
    client = ("tcp", 40004, HOST_IP, 8004)
    assert STATIC | {client} <= ctl.table()
    assert reaches(lab, "TCP", 40000, server)
    assert reaches(lab, "UDP", 40001, only, src_ip=OUT_IP)
    assert reaches(lab, "UDP", 40001, others, src_ip=OUT2_IP)
    assert "3 static mappings are only in the lease file" in checked(ctl)

    assert ctl("mappings", "migrate").startswith("3 of 3 static mappings")
    assert lines(upnpd) == [
        LINE + ' "the \\"first\\" \u00e9"',
        f"mapping udp 40001 {HOST_IP}:8001 remote 11.22.33.9",
        f"mapping udp 40001 {HOST_IP}:8002"]
    assert STATIC | {client} <= ctl.table()
    assert reaches(lab, "TCP", 40000, server)
    assert "static mappings are only" not in checked(ctl)
    assert ctl("mappings", "migrate").startswith("all static mappings")

    assert upnpd.stop() == 0
    shutil.rmtree(upnpd.state)
    start_again(upnpd)
    assert ctl.table() == STATIC
    assert reaches(lab, "TCP", 40000, server)
    assert reaches(lab, "UDP", 40001, only, src_ip=OUT_IP)
    assert reaches(lab, "UDP", 40001, others, src_ip=OUT2_IP)


def checked(ctl):       # noqa: F811
    return "".join(line for line in ctl.run("check").stdout.splitlines(True)
                   if " mappings " in line)
