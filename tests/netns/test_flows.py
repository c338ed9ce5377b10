# SPDX-License-Identifier: ISC
"""Connections that came in through a mapping end with the mapping, although
the firewall accepts established connections (see firewall.py) and the kernel
would continue to translate them.
"""
import os
import re
import socket
import time

import pytest

from lab import (EXT_IP, HOST_IP, LONG, OUT_IP, Probe, listener,
                 one_processor, wait_until)
from upnp import error_of

pytestmark = pytest.mark.core
BOTH = pytest.mark.parametrize("proto", ("TCP", "UDP"))


class Flow:
    """A connection between a program outside and one on lan1."""

    def __init__(self, lab, proto, ext, int_port):
        self.lab = lab
        self.server = self.new_server(proto, int_port)
        kind = {"TCP": socket.SOCK_STREAM, "UDP": socket.SOCK_DGRAM}[proto]
        self.peer = self.new_peer(kind)
        self.peer.settimeout(LONG)
        self.peer.connect((EXT_IP, ext))
        if proto == "TCP":
            self.server.settimeout(LONG)
            self.inner, _ = self.server.accept()
        else:
            self.peer.send(b"hello")
            self.server.settimeout(LONG)
            _, who = self.server.recvfrom(16)
            self.inner = self.server
            self.inner.connect(who)

    def new_server(self, proto, port):
        return listener(self.lab.lan1, proto, port)

    def new_peer(self, kind):
        return self.lab.outside.socket(kind)

    def passes(self):
        """Does data arrive in both directions?"""
        return self._arrives(self.peer, self.inner) and \
            self._arrives(self.inner, self.peer)

    def comes_in(self):
        """Does data from outside arrive? It is blocked if a probe that was
        sent after it returns first."""
        word = os.urandom(8)
        with Probe(self.lab.lan1, self.lab.outside, OUT_IP) as probe, \
                one_processor():
            self.inner.setblocking(False)
            try:
                self.peer.send(word)
                probe.there_and_back()
                return word in self.inner.recv(4096)
            except OSError:     # silence, or a reset
                return False

    @staticmethod
    def _arrives(src, dst):
        word = os.urandom(8)
        dst.settimeout(LONG)
        try:
            src.send(word)
            return dst.recv(64) == word
        except OSError:     # silence, or a reset: the flow is unknown
            return False

    def close(self):
        for sock in (self.peer, self.inner, self.server):
            sock.close()


@pytest.fixture
def flow(lab, igd):
    """flow(proto, ext, int_port, ...) maps a port and opens a flow through
    it."""
    made = []

    def make(proto, ext, int_port, **mapping):
        igd.add(ext, proto, int_port, **mapping)
        made.append(Flow(lab, proto, ext, int_port))
        assert made[-1].passes()
        return made[-1]
    yield make
    for one in made:
        one.close()


@BOTH
def test_flow_ends_when_its_mapping_is_deleted(igd, flow, proto):
    ends, stays = flow(proto, 40000, 8000), flow(proto, 40001, 8001)
    igd.delete(40000, proto)
    assert not ends.comes_in()
    assert stays.passes()


@BOTH
def test_flow_ends_when_its_lease_expires(igd, flow, proto):
    ends = flow(proto, 40000, 8000)
    stays = flow(proto, 40001, 8001, lease=600)
    igd.add(40000, proto, 8000, lease=2)    # both flows exist by now

    def gone():
        return "40000" not in {e["NewExternalPort"] for e in igd.entries()}
    assert wait_until(gone)
    assert wait_until(lambda: not ends.comes_in())
    assert not ends.comes_in()
    assert stays.passes()


@BOTH
def test_flow_ends_when_its_mapping_is_overwritten(igd, flow, proto):
    """The same client overwrites its mapping with another port."""
    ends, stays = flow(proto, 40000, 8000), flow(proto, 40001, 8001)
    igd.add(40000, proto, 8002)
    assert not ends.comes_in()
    assert stays.passes()


def test_flow_ends_when_its_mapping_is_disabled(igd, flow):
    ends = flow("TCP", 40000, 8000)
    igd.add(40000, "TCP", 8000, enabled=0)
    assert not ends.comes_in()


@BOTH
def test_flow_continues_when_its_mapping_is_renewed(igd, flow, proto):
    """A renewal changes nothing: the flow continues."""
    stays = flow(proto, 40000, 8000, lease=100)
    igd.add(40000, proto, 8000, lease=200)
    assert stays.passes()


def test_other_flows_of_the_client_continue(lab, igd, flow):
    """A flow that the client opened from its mapped port continues, and so
    does the administrator's forwarding to the same host."""
    igd.add(40000, "UDP", 5000)
    admin = listener(lab.lan1, "TCP", 22)
    with lab.outside.socket(socket.SOCK_DGRAM, (OUT_IP, 9000)) as far, \
            lab.lan1.socket(socket.SOCK_DGRAM, (HOST_IP, 5000)) as own, \
            lab.outside.socket(socket.SOCK_STREAM) as ssh:
        far.settimeout(LONG)
        own.settimeout(LONG)
        own.sendto(b"out", (OUT_IP, 9000))
        data, seen = far.recvfrom(16)
        assert (data, seen) == (b"out", (EXT_IP, 40000))
        ssh.settimeout(LONG)
        ssh.connect((EXT_IP, 8022))
        admin.settimeout(LONG)
        inner, _ = admin.accept()
        igd.delete(40000, "UDP")
        far.sendto(b"back", seen)
        assert own.recv(16) == b"back"
        ssh.send(b"still")
        inner.settimeout(LONG)
        assert inner.recv(16) == b"still"
        inner.close()
    admin.close()


def test_flow_of_a_lease_that_expired_meanwhile_ends(lab, upnpd, igd, flow):
    """The lease ends while the engine is stopped. The next engine sends its
    whole table: flows of mappings that are no longer in it end, and others
    continue."""
    ends = flow("TCP", 40000, 8000)
    stays = flow("TCP", 40001, 8001, lease=600)
    engine = upnpd.engine()
    for lease in (1, 4, 16):
        os.kill(engine, 18)                 # SIGCONT
        start = time.monotonic()
        igd.add(40000, "TCP", 8000, lease=lease)
        os.kill(engine, 19)                 # SIGSTOP, so it deletes nothing
        if time.monotonic() - start < lease - 0.1:
            break
    time.sleep(lease + 0.2)
    assert ends.passes() and stays.passes()
    os.kill(engine, 9)
    assert wait_until(lambda: upnpd.engine() not in (None, engine))
    assert wait_until(upnpd.serves)
    assert wait_until(lambda: not ends.comes_in())
    assert stays.passes()
    assert error_of(igd.specific, 40000) == 714


def flood(lab, n):
    """Add @n flows, none through a mapping, to the router's table. Return the
    size of the table."""
    lines = [f"-I -p udp -s 10.{i >> 16}.{i >> 8 & 255}.{i & 255} -d {OUT_IP} "
             f"--sport {1024 + i % 60000} --dport 53 --timeout 600"
             for i in range(n)]
    path = lab.path("flows")
    with open(path, "w") as f:
        f.write("\n".join(lines) + "\n")
    lab.router.run("conntrack", "--load-file", path, timeout=120)
    return int(re.search(r"\d+", lab.router.run("conntrack", "-C")).group())


@pytest.mark.only("netlink")
def test_deletion_beside_many_flows(lab, igd, flow):
    """Beside 50,000 other flows a deletion is still fast and complete."""
    ends = flow("TCP", 40000, 8000)
    assert flood(lab, 50000) >= 50000
    start = time.monotonic()
    igd.delete(40000)
    took = time.monotonic() - start
    print(f"deleted beside 50,000 flows in {took * 1000:.1f} ms")
    assert not ends.comes_in()
    assert took < 5     # it takes tens of milliseconds
