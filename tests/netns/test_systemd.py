# SPDX-License-Identifier: ISC
"""The Debian package installs, serves, reloads, restarts and is removed on a
machine whose process 1 is systemd, with the sandbox of its unit in force."""
import os
import re
import subprocess

import pytest

from daemon import ROOT, upnpc
from lab import HOST_IP, blocked, listener, reaches, wait_until
from machine import Machine, make_deb
from pmp import Pmp
from upnp import Igd

pytestmark = pytest.mark.only("netlink")
UNIT = os.path.join(ROOT, "dist/systemd/upnpd.service")
EIGHT = {"net_admin", "net_raw", "chown", "fowner", "dac_read_search",
         "sys_chroot", "setuid", "setgid"}


@pytest.fixture
def machine(lab):
    """A machine on which the package is installed."""
    deb = make_deb(os.path.join(ROOT, "build"))
    with Machine(lab, **{"upnpd.deb": deb}) as machine:
        machine.run("dpkg", "-i", "/upnpd.deb")
        yield machine


def configure(machine, *more):
    """Run the commands of docs/install.md."""
    machine.run("upnpctl", "interfaces", "add", "interface=wan0",
                "type=external", "disabled=no")
    machine.run("upnpctl", "interfaces", "add", "interface=lan0",
                "type=internal", "disabled=no")
    machine.run("upnpctl", "set", "enabled=yes", *more)


def says(machine, text):
    return wait_until(lambda: machine.unit("StatusText") == text)


def journal(machine, level):
    """All log lines of this level and above."""
    machine.run("journalctl", "--sync")
    return machine.run("journalctl", "-u", "upnpd", "-p", level, "-q")


def status_of(pid, field):
    with open(f"/proc/{pid}/status") as f:
        return re.search(rf"^{field}:\s+(.*)", f.read(), re.M)[1]


def processes(lab):
    """pid -> real uid of the upnpds in the router."""
    out = subprocess.run(["ip", "netns", "pids", lab.router.ns], check=True,
                         text=True, capture_output=True).stdout
    found = {}
    for pid in out.split():
        try:
            if status_of(pid, "Name") == "upnpd":
                found[int(pid)] = int(status_of(pid, "Uid").split()[0])
        except OSError:
            pass
    return found


def monitor(lab):
    return [pid for pid, uid in processes(lab).items() if uid == 0][0]


def engine(lab):
    """The fork server's child, or None."""
    found = processes(lab)
    return next((pid for pid, uid in found.items() if uid and
                 found.get(int(status_of(pid, "PPid")))), None)


def mapping(lab):
    server = listener(lab.lan1, "TCP", 8000)
    upnpc(lab.lan1, "-e", "game", "-a", HOST_IP, "8000", "40000", "TCP")
    assert reaches(lab, "TCP", 40000, server)
    with Pmp(lab.lan1) as pmp:
        pmp.map("UDP", 8000, 40000)
    return server


@pytest.mark.only("netlink", "iptables-nft", "iptables-legacy")
def test_installed_and_serving(lab, machine, backend):
    """dpkg -i alone opens no port. After three commands a port opens, inside
    the sandbox. After a stop nothing is left."""
    pristine = lab.rules()
    assert machine.unit("ActiveState") == "active"
    assert machine.unit("UnitFileState") == "enabled"
    assert machine.unit("StatusText") == \
        "not enabled: set enabled = yes in /etc/upnpd.conf"
    assert "1900" not in machine.run("ss", "-lun")

    configure(machine, f"backend={backend}")
    assert says(machine, f"serving by {backend}")
    server = mapping(lab)
    passwd = machine.run("getent", "passwd", "upnpd").split(":")
    assert sorted(processes(lab).values()) == [0] + 2 * [int(passwd[2])]
    assert machine.run("stat", "-c", "%U %a", "/var/lib/upnpd") == \
        "upnpd 700\n"

    machine.run("systemctl", "stop", "upnpd")
    assert blocked(lab, "TCP", 40000, server)
    assert lab.rules() == pristine
    machine.run("systemctl", "start", "upnpd")
    assert reaches(lab, "TCP", 40000, server)
    # upnpd needed nothing that the sandbox forbids
    assert journal(machine, "warning") == ""
    machine.run("systemctl", "stop", "upnpd")
    assert lab.rules() == pristine


def test_upnpctl_beside_a_sandboxed_daemon(machine):
    configure(machine)
    status, out = machine.try_run("upnpctl", "check")
    assert "upnpd runs, process" in out, out
    assert "state-dir /var/lib/upnpd can be written" in out
    assert status in (0, 1)
    assert "upnpd_up 1" in machine.run("upnpctl", "metrics").splitlines()


def caps_of(pid, which):
    names = subprocess.run(["capsh", "--decode=" + status_of(pid, which)],
                           check=True, text=True, capture_output=True).stdout
    return set(re.findall(r"cap_(\w+)", names))


def test_sandbox_is_in_force(lab, machine):
    assert caps_of(monitor(lab), "CapPrm") == EIGHT
    configure(machine)
    assert caps_of(monitor(lab), "CapPrm") == {"net_admin", "net_raw"}
    assert caps_of(monitor(lab), "CapBnd") == EIGHT
    for pid in processes(lab):
        assert status_of(pid, "NoNewPrivs") == "1"
        assert status_of(pid, "Seccomp") == "2"
    # the unit's filters, the fork server's and the engine's own
    assert int(status_of(engine(lab), "Seccomp_filters")) == \
        int(status_of(monitor(lab), "Seccomp_filters")) + 2
    inside = ["nsenter", "-t", str(monitor(lab)), "-m", "-r", "sh", "-c"]
    for path, may in (("/etc/x", False), ("/usr/x", False), ("/run/x", True),
                      ("/var/x", False), ("/var/lib/upnpd/x", True),
                      ("/proc/sys/net/ipv4/ip_forward", False)):
        done = subprocess.run([*inside, f": > {path}"], stderr=subprocess.PIPE)
        assert (done.returncode == 0) == may, path
    # no access to systemd's own socket
    assert subprocess.run([*inside, "stat -c %a /run/systemd/private"],
                          check=True, capture_output=True,
                          text=True).stdout == "0\n"


def test_reload_of_an_invalid_file(lab, machine):
    """systemctl reports the error, and nothing changes."""
    configure(machine)
    server = mapping(lab)
    before = engine(lab)
    machine.run("cp", "/etc/upnpd.conf", "/etc/good.conf")
    machine.run("sh", "-c", "echo no-such-key = 1 >> /etc/upnpd.conf")
    status, _ = machine.try_run("systemctl", "reload", "upnpd")
    assert status != 0
    assert "no-such-key" in journal(machine, "err")
    assert engine(lab) == before
    machine.run("cp", "/etc/good.conf", "/etc/upnpd.conf")
    machine.run("systemctl", "reload", "upnpd")
    assert wait_until(lambda: engine(lab) not in (None, before))
    assert says(machine, "serving by netlink")
    assert machine.unit("ActiveState") == "active"
    assert reaches(lab, "TCP", 40000, server)
    assert machine.unit("NRestarts") == "0"


def test_killed_processes_are_restarted(lab, machine):
    """The monitor restarts the engine, systemd restarts the monitor."""
    configure(machine)
    server = mapping(lab)
    os.kill(engine(lab), 9)
    assert reaches(lab, "TCP", 40000, server)
    assert says(machine, "serving by netlink")
    assert machine.unit("NRestarts") == "0"
    old = monitor(lab)
    os.kill(old, 9)
    assert wait_until(lambda: machine.unit("NRestarts") == "1")
    assert wait_until(lambda: machine.unit("ActiveState") == "active")
    assert monitor(lab) != old
    assert reaches(lab, "TCP", 40000, server)


def test_control_point_takes_the_link_down(lab, machine):
    configure(machine, "allow-disable-external-interface=yes")
    igd = Igd(lab.lan1)
    igd.call("ForceTermination")
    assert "state DOWN" in machine.run("ip", "link", "show", "wan0")
    igd.call("RequestConnection")
    assert wait_until(lambda: "state UP" in machine.run(
        "ip", "link", "show", "wan0"))


def test_start_that_fails(machine):
    """systemctl start reports it, and it is not retried."""
    machine.run("systemctl", "stop", "upnpd")
    machine.run("sh", "-c", "echo no-such-key = 1 >> /etc/upnpd.conf")
    status, _ = machine.try_run("systemctl", "start", "upnpd")
    assert status != 0
    assert machine.unit("ActiveState") == "failed"
    assert machine.unit("ExecMainStatus") == "2"
    assert machine.unit("NRestarts") == "0"


def test_upgrade_removal_and_purge(lab, machine):
    pristine = lab.rules()
    configure(machine)
    server = mapping(lab)
    machine.run("dpkg", "-i", "/upnpd.deb")     # the same as an upgrade
    assert reaches(lab, "TCP", 40000, server)
    machine.run("dpkg", "-r", "upnpd")
    assert lab.rules() == pristine
    assert not processes(lab)
    machine.run("test", "-e", "/var/lib/upnpd/mappings", "-a", "-e",
                "/etc/upnpd.conf")
    machine.run("dpkg", "-P", "upnpd")
    machine.run("test", "!", "-e", "/var/lib/upnpd", "-a", "!", "-e",
                "/etc/upnpd.conf")
    assert machine.try_run("systemctl", "cat", "upnpd")[0] != 0


def test_exposure_is_as_documented():
    """docs/install.md states the figure that systemd measures."""
    out = subprocess.run(["systemd-analyze", "security", "--offline=true",
                          UNIT], text=True, check=True,
                         capture_output=True).stdout
    figure = re.search(r"exposure level for upnpd.service: (\S+)", out)[1]
    assert float(figure) <= 3.0
    with open(os.path.join(ROOT, "docs", "install.md")) as f:
        assert f"`systemd-analyze security` says {figure}" in f.read()


def test_the_packages_own_test(lab):
    """The script that autopkgtest runs, after an installation."""
    deb = make_deb(os.path.join(ROOT, "build"))
    script = os.path.join(ROOT, "dist/debian/tests/opens-a-port")
    with Machine(lab, **{"upnpd.deb": deb, "opens-a-port": script}) as machine:
        machine.run("dpkg", "-i", "/upnpd.deb")
        out = machine.run("/opens-a-port")
        assert out.endswith("upnpd opened and closed a port\n")
