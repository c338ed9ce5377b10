# SPDX-License-Identifier: ISC
"""The whole daemon, built for another machine: clients of UPnP, NAT-PMP and PCP
find it and map ports, the mapping survives an engine's death, and upnpctl shows
it.

qemu-user runs it in the lab's router, so the network's byte order is real. It
has no firewall (backend = memory) and no system call filter, because the
emulator supports neither NETLINK_NETFILTER nor seccomp.
"""
import os
import signal

import pytest

from daemon import Upnpd, upnpc
from firewall import FIREWALLS
from lab import EXT_IP, HOST_IP, LAN_IP, Lab, run, wait_until
from pmp import Pmp, nonce
from upnp import IGD1, Igd, error_of, search

EMULATOR = os.environ["EMULATOR"].split()
LOCATION = f"http://{LAN_IP}:2828/igd1.xml"
SLOW = 60               # an emulator on a busy machine


@pytest.fixture
def lab():
    with Lab(FIREWALLS["netlink"]()) as lab:
        yield lab


@pytest.fixture
def upnpd(lab):
    upnpd = Upnpd(lab, "memory")
    upnpd.start(prefix=EMULATOR, wait=False)
    assert wait_until(upnpd.serves, SLOW), upnpd.log()
    yield upnpd
    status = upnpd.stop()
    print(upnpd.log())
    assert status == 0, "exit status after SIGTERM"


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(child) for child in f.read().split()]


def engines(upnpd):
    """The fork server's children: one, or none."""
    return [engine for fork_server in children(upnpd.proc.pid)
            for engine in children(fork_server)]


def upnpctl(upnpd, *args):
    return run(*EMULATOR, os.path.join(os.path.dirname(os.environ["UPNPD"]),
                                       "upnpctl"),
               "-f", upnpd.conf, *args)


def test_control_point_finds_the_gateway(lab, upnpd):
    answers = search(lab.lan1, IGD1, wait=SLOW)
    assert [m["LOCATION"] for m in answers] == [LOCATION]
    assert answers[0].peer == (LAN_IP, 1900)


def test_mapping_is_added_shown_and_deleted(lab, upnpd):
    igd = Igd(lab.lan1)
    assert igd.external_ip() == EXT_IP
    igd.add(40000, "UDP", int_port=8000, lease=3600, desc="game")
    igd.add(0x1234, "TCP", int_port=0x5678)
    assert igd.mapped() == {("UDP", 40000, HOST_IP, 8000),
                            ("TCP", 0x1234, HOST_IP, 0x5678)}
    assert 0 < int(igd.specific(40000, "UDP")["NewLeaseDuration"]) <= 3600
    assert error_of(igd.add, 40001, client="192.168.88.99") == 718
    lines = upnpctl(upnpd, "mappings", "print")
    assert f"{HOST_IP}:8000" in lines and "game" in lines
    igd.delete(40000, "UDP")
    assert error_of(igd.specific, 40000, "UDP") == 714
    assert "40000" not in upnpctl(upnpd, "mappings", "print")


def test_nat_pmp_and_pcp(lab, upnpd):
    """All numbers have two or four bytes that differ."""
    mine = nonce()
    with Pmp(lab.lan1) as pmp:
        assert pmp.address() == EXT_IP
        assert pmp.epoch() < 3600
        found = pmp.map("UDP", 0x1234, 0x5678, 0x0e10)
        assert (found.ext, found.lifetime) == (0x5678, 0x0e10)
        found = pmp.pcp_map("TCP", 0x1f40, 0x9c40, 0x0e10, mine)
        assert (found.result, found.ext, found.ext_ip, found.lifetime) == \
            (0, 0x9c40, EXT_IP, 0x0e10)
        engine, = engines(upnpd)
        os.kill(engine, signal.SIGKILL)
        assert wait_until(lambda: engines(upnpd) not in ([], [engine]), SLOW)
        assert wait_until(upnpd.serves, SLOW)
        assert Igd(lab.lan1).mapped() == {
            ("UDP", 0x5678, HOST_IP, 0x1234), ("TCP", 0x9c40, HOST_IP, 0x1f40)}
        assert "pcp" in upnpctl(upnpd, "mappings", "print", "detail")
        # the next engine knows the nonce and the epoch
        assert pmp.pcp_unmap("TCP", 0x1f40, mine).result == 0
        pmp.unmap("UDP", 0x1234)
    assert HOST_IP not in upnpctl(upnpd, "mappings", "print")


def test_upnpc_adds_a_mapping(lab, upnpd):
    said = upnpc(lab.lan1, "-e", "call", "-a", HOST_IP, "8001", "40001",
                 "TCP")
    assert f"external {EXT_IP}:40001 TCP is redirected" in said
    assert "'call'" in upnpc(lab.lan1, "-l")


def test_mapping_survives_a_killed_engine(lab, upnpd):
    """The next engine reads the lease file in the byte order of its writer."""
    igd = Igd(lab.lan1)
    igd.add(40000, int_port=8000, lease=3600)
    engine, = engines(upnpd)
    os.kill(engine, signal.SIGKILL)
    assert wait_until(lambda: engines(upnpd) not in
                      ([], [engine]), SLOW)
    assert wait_until(upnpd.serves, SLOW)
    assert igd.mapped() == {("TCP", 40000, HOST_IP, 8000)}


def test_mapping_survives_a_reload(lab, upnpd):
    igd = Igd(lab.lan1)
    igd.add(40000, int_port=8000)
    old = engines(upnpd)
    upnpd.reload()
    assert wait_until(lambda: engines(upnpd) not in ([], old), SLOW)
    assert wait_until(upnpd.serves, SLOW)
    assert igd.mapped() == {("TCP", 40000, HOST_IP, 8000)}
