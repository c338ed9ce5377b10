# SPDX-License-Identifier: ISC
"""Real programs, each with its own UPnP stack, find the gateway, map a port,
receive traffic and delete the mapping, with every igd-version."""
import errno
import filecmp
import os
import re
import signal
import socket
import subprocess

import pytest

from daemon import igd_versions, upnpc
from lab import (EXT_IP, HOST_IP, LAN_IP, LONG, OUT_IP, Probe, blocked,
                 listener, one_processor, reaches, run, wait_until)
from test_network import NEW_EXT, plug, unplug
from upnp import Igd, http

HERE = os.path.dirname(os.path.abspath(__file__))
DEVICE = "urn:schemas-upnp-org:device:InternetGatewayDevice:"
START = 60.0        # for a program to be read from a cold disk on a busy machine
SLOW = 60.0         # some search for seconds before they read answers
# Without the proxies and the NetworkManager of this machine's own network.
ALONE = {name: value for name, value in os.environ.items()
         if not name.lower().endswith("_proxy")}
ALONE["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/nonexistent"
BOTH = pytest.mark.parametrize("proto", ("TCP", "UDP"))


def pytest_generate_tests(metafunc):
    if metafunc.function in (test_net_upnp, test_bupnp):
        metafunc.parametrize("igd_version", igd_versions("both", "1"))
    elif "igd_version" in metafunc.fixturenames:
        metafunc.parametrize("igd_version", igd_versions("both", "1", "2"))


@pytest.fixture
def upnpd(stopped, igd_version):
    stopped.options["igd_version"] = igd_version
    return stopped.start()


def roots(igd_version):
    return ("1", "2") if igd_version == "both" else (igd_version,)


@pytest.fixture
def igd(lab, upnpd, igd_version):
    """The gateway at the root that is enabled, to read the mappings."""
    igd = Igd(lab.lan1, path=f"/igd{roots(igd_version)[0]}.xml")
    for service, url in dict(igd.urls).items():     # :2 takes actions of :1
        igd.urls[service[:-1] + "1"] = url
    return igd


class Client:
    """A program on lan1. It prints a line for each mapping, and deletes its
    mappings at the end of its stdin."""

    def __init__(self, lab, *argv):
        self.logfile = lab.path("client")
        with open(self.logfile, "w") as log:
            self.proc = subprocess.Popen(
                ["ip", "netns", "exec", lab.lan1.ns, *argv], env=ALONE,
                stdin=subprocess.PIPE, stdout=log, stderr=log)

    def said(self):
        with open(self.logfile, errors="replace") as f:
            return f.read()

    def says(self, line, within=SLOW):
        """Wait for a line with this prefix."""
        assert wait_until(lambda: re.search(rf"^{line}", self.said(), re.M)
                          or self.proc.poll() is not None, within), self.said()
        assert re.search(rf"^{line}", self.said(), re.M), self.said()

    def end(self, is_deleted):
        """Let it delete its mappings. Some programs do not report the
        deletion, so wait for @is_deleted before ending the program."""
        self.proc.stdin.close()
        assert wait_until(is_deleted, SLOW), self.said()
        self.proc.terminate()
        assert self.proc.wait(SLOW) in (0, -signal.SIGTERM), self.said()


def open_to(lab, port):
    """Is a TCP connection from outside accepted before a probe that was sent
    after it returns?"""
    with Probe(lab.lan1, lab.outside, OUT_IP) as probe, \
            lab.outside.socket(socket.SOCK_STREAM) as sock, one_processor():
        sock.setblocking(False)
        sock.connect_ex((EXT_IP, port))
        probe.there_and_back()
        return sock.connect_ex((EXT_IP, port)) in (0, errno.EISCONN)


def ends(lab, igd, client, proto, server):
    client.end(lambda: all(e[1] != 40000 for e in listed(igd)))
    assert blocked(lab, proto, 40000, server)


def listed(igd):
    return {e for e in igd.mapped() if e[2] == HOST_IP}


@BOTH
def test_upnpc(lab, upnpd, igd, proto):
    server = listener(lab.lan1, proto, 8000)
    assert "Found valid IGD" in upnpc(lab.lan1, "-s")
    upnpc(lab.lan1, "-a", HOST_IP, "8000", "40000", proto, "600")
    assert reaches(lab, proto, 40000, server)
    upnpc(lab.lan1, "-d", "40000", proto)
    assert blocked(lab, proto, 40000, server)
    assert listed(igd) == set()


@BOTH
def test_gupnp_igd(lab, igd, proto):
    server = listener(lab.lan1, proto, 8000)
    client = Client(lab, "/usr/bin/python3", f"{HERE}/client_gupnp.py", proto,
                    "40000", HOST_IP, "8000")
    client.says(f"mapped {EXT_IP} 40000")
    assert listed(igd) == {(proto, 40000, HOST_IP, 8000)}
    assert reaches(lab, proto, 40000, server)
    ends(lab, igd, client, proto, server)


@pytest.mark.only("netlink")
def test_gupnp_igd_receives_events(lab, igd):
    """The library subscribes to ExternalIPAddress, and reports a new address
    to its program."""
    client = Client(lab, "/usr/bin/python3", f"{HERE}/client_gupnp.py", "UDP",
                    "40000", HOST_IP, "8000")
    client.says(f"mapped {EXT_IP} 40000")
    unplug(lab)
    plug(lab, NEW_EXT)
    client.says(f"mapped {NEW_EXT} 40000")
    client.end(lambda: listed(igd) == set())


def test_libtorrent(lab, igd, igd_version):
    """libtorrent treats each root device as a separate router and maps through
    both at once. Wait for both before the end: libtorrent does not delete a
    mapping whose request is still in flight."""
    client = Client(lab, "/usr/bin/python3", f"{HERE}/client_torrent.py",
                    HOST_IP, "7000")
    client.says("started", START)
    for proto in ("TCP", "UDP"):
        assert wait_until(lambda: client.said().count(f"mapped {proto} 7000")
                          == len(roots(igd_version)), SLOW), client.said()
    assert listed(igd) == {("TCP", 7000, HOST_IP, 7000),
                           ("UDP", 7000, HOST_IP, 7000)}
    assert wait_until(lambda: open_to(lab, 7000))
    client.end(lambda: listed(igd) == set())
    assert not open_to(lab, 7000)


@pytest.mark.clients
def test_ktorrent(lab, igd):
    """KTorrent posts its actions to the event URL, without NewRemoteHost."""
    client = Client(lab, f"{HERE}/client_ktorrent.sh", lab.path("ktorrent"),
                    "7000", "7001", "7002")
    assert wait_until(lambda: {("TCP", 7000, HOST_IP, 7000),
                               ("UDP", 7001, HOST_IP, 7001)} <= listed(igd),
                      SLOW), client.said()
    assert wait_until(lambda: open_to(lab, 7000))
    client.proc.stdin.write(b"\n")
    client.proc.stdin.flush()
    assert wait_until(lambda: listed(igd) == {("TCP", 7002, HOST_IP, 7002)},
                      SLOW), client.said()
    assert not open_to(lab, 7000)
    client.proc.stdin.close()
    assert client.proc.wait(SLOW) == 0, client.said()


@BOTH
def test_net_upnp(lab, igd, proto):
    """Net::UPnP knows only WANIPConnection:1, so igd-version 2 is left out."""
    server = listener(lab.lan1, proto, 8000)
    client = Client(lab, "perl", f"{HERE}/client_perl.pl", proto, "40000",
                    HOST_IP, "8000")
    client.says(f"mapped {EXT_IP} 40000 {HOST_IP} 8000")
    assert reaches(lab, proto, 40000, server)
    ends(lab, igd, client, proto, server)


def npm_installed():
    """Has install-test-deps installed the packages of the lock file?"""
    done = f"{HERE}/node/node_modules/.installed"
    return os.path.exists(done) and filecmp.cmp(
        done, f"{HERE}/node/package-lock.json", shallow=False)


NOT_INSTALLED = ("a package of package-lock.json is not installed, or another "
                 "version of it: run tools/install-test-deps clients where "
                 "npm reaches its registry")


@pytest.mark.clients
@BOTH
def test_nat_api(lab, igd, proto):
    """nat-api searches only for version 1, and accepts either WANIPConnection.
    With igd-version 2 the root of version 2 must answer that search."""
    assert npm_installed(), NOT_INSTALLED
    server = listener(lab.lan1, proto, 8000)
    client = Client(lab, "node", f"{HERE}/node/client_nat_api.mjs", proto,
                    "40000", "8000")
    client.says(f"mapped {EXT_IP} 40000")
    assert listed(igd) == {(proto, 40000, HOST_IP, 8000)}
    assert reaches(lab, proto, 40000, server)
    ends(lab, igd, client, proto, server)


@pytest.mark.clients
def test_bupnp(lab, igd):
    """bupnp searches for ssdp:all, without the quotes of MAN and without the
    last empty line. It knows only version 1."""
    assert npm_installed(), NOT_INSTALLED
    server = listener(lab.lan1, "TCP", 8000)
    client = Client(lab, "node", f"{HERE}/node/client_bupnp.mjs", "40000",
                    "8000")
    client.says(f"mapped {EXT_IP} 40000")
    assert listed(igd) == {("TCP", 40000, HOST_IP, 8000)}
    assert reaches(lab, "TCP", 40000, server)
    ends(lab, igd, client, "TCP", server)


@pytest.mark.only("netlink")
@pytest.mark.clients
def test_gssdp_discover(lab, upnpd, igd_version):
    """gssdp, the library of GNOME programs, reports each root when upnpd
    announces it, and reports it unavailable after the byebye."""
    client = Client(lab, "timeout", "120", "gssdp-discover", "-i", "eth0",
                    "-m", "all", "-t", "upnp:rootdevice")
    for n in roots(igd_version):
        client.says(f"  Location: http://{LAN_IP}:2828/igd{n}.xml")
    upnpd.stop()
    # Count distinct USNs: an answer that crosses the first byebye makes a
    # root available again until the second byebye.
    assert wait_until(lambda: len(set(re.findall(
        r"resource unavailable\n\s*USN:\s*(\S+)", client.said())))
        == len(roots(igd_version))), client.said()
    client.proc.terminate()
    client.proc.wait()


@pytest.mark.only("netlink")
@pytest.mark.clients
def test_gssdp_discover_by_version(lab, upnpd, igd_version):
    for n in roots(igd_version):
        # it waits only one second for answers, so run it again if needed
        assert wait_until(
            lambda n=n: f"Location: http://{LAN_IP}:2828/igd{n}.xml" in
            lab.lan1.run("gssdp-discover", "-i", "eth0", "-n", "1",
                         "-t", DEVICE + n))


@pytest.mark.only("netlink")
def test_xmllint_accepts_every_document(lab, upnpd, igd_version):
    """A strict parser accepts every served document."""
    paths = []
    for n in roots(igd_version):
        root = http(lab.lan1, "GET", f"/igd{n}.xml")
        scpds = re.findall(r"<SCPDURL>([^<]+)", root.body.decode())
        assert len(scpds) >= 3
        paths += [f"/igd{n}.xml", *scpds]
    for path in paths:
        reply = http(lab.lan1, "GET", path)
        assert reply.status == 200, path
        run("xmllint", "--noout", "--nonet", "-", stdin=reply.body.decode())
