# SPDX-License-Identifier: ISC
"""Real programs find the gateway by NAT-PMP or PCP, map a port, receive
traffic, renew, and delete the mapping. They recover by themselves when the
gateway has lost its state or its address."""
import contextlib
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import time

import pytest

from lab import (EXT_IP, HOST_IP, LAN_IP, OUT_IP, blocked, listener, reaches,
                 run, wait_until)
from test_clients import (BOTH, HERE, NOT_INSTALLED, SLOW, START, Client,
                          listed, npm_installed, open_to)
from test_network import NEW_EXT, plug, unplug
from test_upnpctl_live import Ctl
from upnp import Igd

NETLINK = pytest.mark.only("netlink")


@pytest.fixture
def ctl(lab, upnpd):
    return Ctl(lab, upnpd)


def origins(ctl):
    return {m["origin"] for m in ctl.json("mappings", "print")}


# ---- one request at a time -------------------------------------------------

def natpmpc(lab, *words):
    return lab.lan1.run("natpmpc", *words)


@BOTH
def test_natpmpc(lab, igd, proto):
    """Debian's natpmpc, of libnatpmp. It finds the gateway by the route."""
    server = listener(lab.lan1, proto, 8000)
    assert f"Public IP address : {EXT_IP}\n" in natpmpc(lab)
    out = natpmpc(lab, "-a", "40000", "8000", proto.lower(), "600")
    assert f"Mapped public port 40000 protocol {proto} to local port 8000 " \
        "liftime 600\n" in out
    assert reaches(lab, proto, 40000, server)
    # renew with another port in mind, then delete
    out = natpmpc(lab, "-a", "40001", "8000", proto.lower(), "1200")
    assert "Mapped public port 40000 " in out and "liftime 1200\n" in out
    natpmpc(lab, "-a", "0", "8000", proto.lower(), "0")
    assert blocked(lab, proto, 40000, server)
    assert listed(igd) == set()


@NETLINK
def test_natpmpc_deletes_all(lab, igd):
    for port in ("8000", "8001"):
        for proto in ("tcp", "udp"):
            natpmpc(lab, "-a", "0", port, proto, "600")
    assert len(listed(igd)) == 4
    natpmpc(lab, "-a", "0", "0", "udp", "0")
    assert {e[0] for e in listed(igd)} == {"TCP"}


def epoch(lab):
    return int(re.search(r"epoch = (\d+)", natpmpc(lab))[1])


@NETLINK
def test_natpmpc_reads_the_epoch(lab, upnpd):
    """It goes on over a restart, and begins anew when the state is lost."""
    assert wait_until(lambda: epoch(lab) >= 4)
    upnpd.stop()
    upnpd.start()
    assert epoch(lab) >= 4
    since = time.monotonic()
    lose_state(upnpd)
    assert epoch(lab) <= time.monotonic() - since + 1


def nmap(lab, script, **arguments):
    """nmap's scripts ask after a raw scan of the port, whose answer comes back
    as an ICMP error."""
    words = ",".join(f"{script}.{key}={value}"
                     for key, value in arguments.items())
    return lab.lan1.run(
        "nmap", "-n", "-Pn", "-sU", "-p5351", "--script", script,
        *(("--script-args", words) if words else ()), LAN_IP, timeout=120)


@NETLINK
def test_nmap(lab, igd):
    assert f"WAN IP: {EXT_IP}\n" in nmap(lab, "nat-pmp-info")
    server = listener(lab.lan1, "TCP", 8000)
    port = {"pubport": 40000, "privport": 8000, "protocol": "tcp"}
    out = nmap(lab, "nat-pmp-mapport", op="map", **port)
    assert f"mapped tcp {EXT_IP}:40000 -> {HOST_IP}:8000" in out
    assert reaches(lab, "TCP", 40000, server)
    assert "Successfully unmapped" in nmap(lab, "nat-pmp-mapport",
                                           op="unmap", **port)
    assert blocked(lab, "TCP", 40000, server)
    nmap(lab, "nat-pmp-mapport", op="map", **port)
    nmap(lab, "nat-pmp-mapport", op="unmapall", protocol="tcp")
    assert listed(igd) == set()


# ---- libraries -------------------------------------------------------------

def renews(client, igd, port, proto):
    """Let the program renew its mapping, whose lease gets longer."""
    def left():
        return int(igd.specific(port, proto)["NewLeaseDuration"])
    first = left()
    assert wait_until(lambda: left() < first)
    client.proc.stdin.write(b"\n")
    client.proc.stdin.flush()
    client.says(f"renewed {port}")
    assert left() >= first


@pytest.mark.clients
@BOTH
@pytest.mark.parametrize("library", ("nat-pmp", "nat-api",
                                     "nat-port-mapper"))
def test_npm(lab, upnpd, igd, proto, library):
    """They ask from port 5350, and wait for one answer after the other."""
    assert npm_installed(), NOT_INSTALLED
    server = listener(lab.lan1, proto, 8000)
    wished = 8000 if library == "nat-port-mapper" else 40000
    client = Client(lab, "node", f"{HERE}/node/client_nat_pmp.mjs", library,
                    LAN_IP, proto, str(wished), "8000", HOST_IP)
    client.says(f"mapped {EXT_IP} {wished}")
    assert listed(igd) == {(proto, wished, HOST_IP, 8000)}
    assert reaches(lab, proto, wished, server)
    renews(client, igd, wished, proto)
    client.proc.stdin.close()
    client.says("deleted")
    assert client.proc.wait(SLOW) == 0, client.said()
    assert listed(igd) == set()
    assert blocked(lab, proto, wished, server)


@pytest.fixture(scope="session")
def go_client(tmp_path_factory):
    """client_natpmp.go, built with Debian's golang and library."""
    folder = tmp_path_factory.mktemp("go")
    assert shutil.which("go"), "run tools/install-test-deps clients"
    subprocess.run(
        ["go", "build", "-o", folder / "client", f"{HERE}/client_natpmp.go"],
        check=True, env={**os.environ, "GO111MODULE": "off", "GOFLAGS": "",
                         "GOPATH": "/usr/share/gocode",
                         "GOCACHE": str(folder / "cache")})
    return folder / "client"


@pytest.mark.clients
@BOTH
def test_go_nat_pmp(lab, upnpd, igd, go_client, proto):
    server = listener(lab.lan1, proto, 8000)
    client = Client(lab, go_client, LAN_IP, proto.lower(), "40000", "8000")
    client.says(f"mapped {EXT_IP} 40000")
    assert reaches(lab, proto, 40000, server)
    renews(client, igd, 40000, proto)
    client.proc.stdin.close()
    assert client.proc.wait(SLOW) == 0, client.said()
    assert listed(igd) == set()
    assert blocked(lab, proto, 40000, server)


# ---- libtorrent ------------------------------------------------------------

class Torrent(Client):
    """libtorrent: it asks by PCP, and by NAT-PMP if the gateway has only
    that."""

    def __init__(self, lab):
        super().__init__(lab, "/usr/bin/python3", f"{HERE}/client_torrent.py",
                         HOST_IP, "7000", "natpmp")
        self.says("started", START)
        for proto in ("TCP", "UDP"):
            self.says(f"mapped {proto} 7000")


WITHOUT_PCP = pytest.mark.conf(pcp="no")
ITS_MAPPINGS = {("TCP", 7000, HOST_IP, 7000), ("UDP", 7000, HOST_IP, 7000)}


def asks_as(client, transport):
    """It logs each request with the protocol it uses."""
    found = re.findall(r"<== port map \[ transport: (\S+)", client.said())
    return found and set(found) == {transport}


def test_libtorrent_by_pcp(lab, upnpd, igd, ctl):
    client = Torrent(lab)
    assert listed(igd) == ITS_MAPPINGS and origins(ctl) == {"pcp"}
    assert asks_as(client, "PCP"), client.said()
    assert wait_until(lambda: open_to(lab, 7000))
    client.end(lambda: listed(igd) == set())
    assert not open_to(lab, 7000)


@NETLINK
@WITHOUT_PCP
def test_libtorrent_falls_back_to_natpmp(lab, upnpd, igd, ctl):
    client = Torrent(lab)
    assert listed(igd) == ITS_MAPPINGS and origins(ctl) == {"nat-pmp"}
    assert wait_until(lambda: open_to(lab, 7000))
    client.end(lambda: listed(igd) == set())
    assert not open_to(lab, 7000)


def expires(igd, port=7000):
    """The seconds until the mapping would expire."""
    return int(igd.specific(port, "TCP")["NewLeaseDuration"])


@NETLINK
@pytest.mark.conf(max_lease=12)
def test_libtorrent_renews(lab, upnpd, igd):
    """At three quarters of the lifetime, with the same nonce."""
    client = Torrent(lab)
    for _ in range(2):
        assert wait_until(lambda: expires(igd) <= 6)
        assert wait_until(lambda: expires(igd) >= 10), client.said()
    assert listed(igd) == ITS_MAPPINGS
    client.end(lambda: listed(igd) == set())


@NETLINK
@WITHOUT_PCP
def test_libtorrent_renews_by_natpmp(lab, stopped):
    stopped.options["max_lease"] = 12
    stopped.start()
    igd = Igd(lab.lan1)
    client = Torrent(lab)
    assert wait_until(lambda: expires(igd) <= 6)
    assert wait_until(lambda: expires(igd) >= 10), client.said()
    client.end(lambda: listed(igd) == set())


def lose_state(upnpd):
    """Stop it, remove its state, and start it again."""
    upnpd.stop()
    for name in os.listdir(upnpd.state):
        os.unlink(os.path.join(upnpd.state, name))
    upnpd.start()


@NETLINK
@pytest.mark.conf(max_lease=12)
def test_libtorrent_recovers_a_lost_state(lab, upnpd, igd):
    """The gateway has forgotten everything. The next renewal maps the same
    ports again."""
    client = Torrent(lab)
    lose_state(upnpd)
    assert listed(igd) == set()
    assert wait_until(lambda: listed(igd) == ITS_MAPPINGS), client.said()
    assert wait_until(lambda: open_to(lab, 7000))
    client.end(lambda: listed(igd) == set())


@NETLINK
@pytest.mark.conf(max_lease=12)
def test_libtorrent_through_restart_and_crash(lab, upnpd, igd):
    """Its mappings are there all the time, and it renews them."""
    client = Torrent(lab)
    upnpd.stop()
    upnpd.start()
    assert listed(igd) == ITS_MAPPINGS
    assert wait_until(lambda: open_to(lab, 7000))
    engine = upnpd.engine()
    os.kill(engine, signal.SIGKILL)
    assert wait_until(lambda: upnpd.engine() not in (None, engine))
    upnpd.wait_ready()
    assert listed(igd) == ITS_MAPPINGS
    assert wait_until(lambda: expires(igd) <= 6)
    assert wait_until(lambda: expires(igd) >= 10), client.said()
    client.end(lambda: listed(igd) == set())


@NETLINK
@pytest.mark.conf(max_lease=12)
def test_libtorrent_follows_the_external_address(lab, upnpd, igd):
    """Its renewal suggests the old address, and is granted the new one."""
    client = Torrent(lab)
    unplug(lab)
    plug(lab, NEW_EXT)
    assert wait_until(lambda: igd.external_ip() == NEW_EXT)
    assert wait_until(lambda: expires(igd) <= 6)
    assert wait_until(lambda: expires(igd) >= 10), client.said()
    server = lab.outside.socket(socket.SOCK_STREAM)
    with server:
        server.settimeout(30)
        server.connect((NEW_EXT, 7000))
    assert listed(igd) == ITS_MAPPINGS
    client.end(lambda: listed(igd) == set())


# ---- telephones ------------------------------------------------------------

def hears(lab, port, to):
    """Does a datagram from outside to @port of the gateway reach port @to of
    lan1, which a program has?"""
    token = os.urandom(8)
    with lab.lan1.socket(socket.SOCK_RAW, proto=socket.IPPROTO_UDP) as ear, \
            lab.outside.socket(socket.SOCK_DGRAM, (OUT_IP, 0)) as sock:
        ear.settimeout(0.5)
        sock.sendto(token, (EXT_IP, port))
        with contextlib.suppress(socket.timeout):
            while True:
                packet = ear.recv(2048)
                at = 4 * (packet[0] & 15)
                if packet[at + 8:] == token:
                    return struct.unpack_from("!H", packet, at + 2)[0] == to
    return False


BARESIP = """\
poll_method poll
sip_listen {ip}:5060
rtp_ports 10000-10200
module_path {modules}
module natpmp.so
module g711.so
module ausine.so
module aufile.so
module_app account.so
module_app menu.so
audio_source ausine,440
audio_player aufile,{folder}/heard.wav
natpmp_server {gateway}
"""


@NETLINK
@pytest.mark.conf(max_lease=12)
def test_baresip(lab, upnpd, igd, ctl):
    """It maps two ports of a call, each by a socket of its own, with suggested
    port 0; renews them while the telephone rings, and deletes them when the
    call ends."""
    folder = lab.path("baresip")
    os.mkdir(folder)
    modules, = re.findall(r"^(/\S+/modules)/natpmp\.so$",
                          run("dpkg", "-L", "baresip-core"), re.M)
    for name, text in (
            ("config", BARESIP.format(ip=HOST_IP, gateway=LAN_IP,
                                      modules=modules, folder=folder)),
            ("accounts", f"<sip:caller@{HOST_IP}>;regint=0;"
                         "medianat=natpmp\n"), ("contacts", "")):
        with open(os.path.join(folder, name), "w") as f:
            f.write(text)
    # somebody is there, and does not answer
    with lab.outside.socket(socket.SOCK_DGRAM, (OUT_IP, 5060)):
        client = Client(lab, "baresip", "-f", folder, "-v", "-e",
                        f"/dial sip:called@{OUT_IP}")
        client.says(".*media-nat 'natpmp' established")
        ports = {e[1]: e[3] for e in listed(igd)}
        assert len(ports) == 2 and origins(ctl) == {"nat-pmp"}
        for ext, port in ports.items():
            assert wait_until(lambda e=ext, p=port: hears(lab, e, p))
        port = min(ports)
        assert wait_until(lambda: left_of(igd, port) <= 6)
        assert wait_until(lambda: left_of(igd, port) >= 10), client.said()
        client.proc.terminate()
        assert wait_until(lambda: listed(igd) == set(), SLOW), client.said()
        client.proc.wait(SLOW)


def left_of(igd, port):
    return int(igd.specific(port, "UDP")["NewLeaseDuration"])


@pytest.mark.clients
@NETLINK
@pytest.mark.conf(upnp="no")
def test_jami(lab, upnpd, ctl):
    """It deletes everything of this host first, and asks for more than a dozen
    ports at once, without waiting for an answer."""
    home = lab.path("jami")
    os.mkdir(home)
    folders = [f"{name}={home}" for name in (
        "HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
        "XDG_CACHE_HOME")]

    def table():
        return {e for e in ctl.table() if e[2] == HOST_IP}
    client = Client(lab, "env", *folders, "dbus-run-session", "--",
                    "/usr/bin/python3", f"{HERE}/client_jami.py", OUT_IP)
    client.says("added", START)
    assert wait_until(lambda: len(table()) >= 10, SLOW), client.said()
    assert ("udp", 5060, HOST_IP, 5060) in table()
    assert origins(ctl) == {"nat-pmp"}
    ext, to = next((e[1], e[3]) for e in sorted(table())
                   if e[0] == "udp" and e[1] != 5060)
    assert wait_until(lambda: hears(lab, ext, to))
    client.proc.stdin.close()
    client.says("removed")
    assert wait_until(lambda: table() == set(), SLOW), client.said()
    client.proc.kill()
    client.proc.wait()
