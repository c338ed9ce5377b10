# SPDX-License-Identifier: ISC
"""The router is behind another NAT, which is asked to forward each port."""
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from chain import (FRONT_IP, WAN_IP, Chain, Fake, Miniupnpd, upnpd_on,
                   wait_answers)
from daemon import Upnpd, upnpc
from gateway import UPNPCTL
from lab import (EXT_IP, HOST_IP, OUT_IP, blocked, in_time, listener, reaches,
                 wait_until)
from pmp import (MAP, NETWORK_FAILURE, NO_NETWORK, PcpReply, Pmp, SUCCESS,
                 nonce)
from test_igd2 import Igd2
from upnp import Igd, error_of


@pytest.fixture
def chain(request):
    mark = request.node.get_closest_marker("lab")
    with Chain(**(mark.kwargs if mark else {})) as lab:
        lab.daemons = []
        yield lab
        for daemon in reversed(lab.daemons):
            if daemon.running():
                assert daemon.stop() in (0, -15), daemon.log()
            print(daemon.log())
            assert not re.search("runtime error|Sanitizer|filter's list",
                                 daemon.log())


def ours(chain, **options):
    """Our router, started."""
    options.setdefault("show_dummy_rule", "no")
    upnpd = Upnpd(chain, "netlink", **options)
    chain.daemons.append(upnpd)
    return upnpd.start()


def front(chain, **options):
    """miniupnpd in front."""
    daemon = Miniupnpd(chain, chain.fronts[-1], **options)
    chain.daemons.append(daemon)
    return daemon.start()


WAYS = {
    "PCP": {},
    "NAT-PMP": {},
    "UPnP": {"enable_natpmp": "no"},
}


def opened(chain, port, proto="TCP", inner=8000):
    """Does real traffic from outside reach lan1?"""
    with listener(chain.lan1, proto, inner) as server:
        return reaches(chain, proto, port, server)[0] == OUT_IP


@pytest.mark.parametrize("way", WAYS)
def test_behind_miniupnpd(chain, way):
    """By each protocol: traffic from outside both routers reaches the client,
    and clients are told the outer address. The deletion reaches miniupnpd."""
    peer = front(chain, **WAYS[way])
    ask = {"NAT-PMP": {"ask_upstream": "nat-pmp"}}.get(way, {})
    upnpd = ours(chain, **ask)
    assert f"answers by {way}" in wait_answers(upnpd)
    igd = Igd(chain.lan1)
    assert igd.external_ip() == EXT_IP
    igd.add(40000, "TCP", 8000)
    igd.add(40001, "UDP", 5000)
    assert opened(chain, 40000)
    assert opened(chain, 40001, "UDP", 5000)
    with Pmp(chain.lan1) as pmp:
        assert pmp.address() == EXT_IP
        assert pmp.map("TCP", 8001, 40002).ext == 40002
    assert opened(chain, 40002, inner=8001)

    def held():
        return set(re.findall(r"dport (\d+) dnat", chain.fronts[0].run(
            "nft", "-n", "list", "chain", "inet", "filter",
            "prerouting_miniupnpd")))
    assert {"40000", "40001", "40002"} <= held()
    igd.delete(40000)
    assert wait_until(lambda: "40000" not in held()), peer.log()


def ctl(chain, upnpd, *words):
    done = subprocess.run(
        ["ip", "netns", "exec", chain.router.ns, UPNPCTL, "-f", upnpd.conf,
         *words], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout


def status(chain, upnpd):
    return json.loads(ctl(chain, upnpd, "--json", "status"))


def inner_of(chain, **options):
    """upnpd on the first router in front, started. Its own upstream, if it has
    one, was found."""
    daemon = upnpd_on(chain, chain.fronts[0], **options)
    chain.daemons.append(daemon)
    daemon.start(wait=False)
    assert daemon.wait_log("serving on"), daemon.log()
    return daemon


@pytest.mark.parametrize("way, options", [
    ("PCP", {}), ("PCP", {"nat_pmp": "no", "upnp": "no"}),
    ("NAT-PMP", {"pcp": "no"}), ("UPnP", {"pcp": "no", "nat_pmp": "no"})])
def test_ours_behind_ours(chain, way, options):
    """With Debian's upnpc and natpmpc."""
    inner_of(chain, **options)
    upnpd = ours(chain)
    assert f"answers by {way}" in wait_answers(upnpd)
    assert EXT_IP in upnpc(chain.lan1, "-s")
    upnpc(chain.lan1, "-a", HOST_IP, "8000", "40000", "TCP", "600")
    assert opened(chain, 40000)
    assert f"address : {EXT_IP}" in chain.lan1.run("natpmpc")
    out = chain.lan1.run("natpmpc", "-a", "40001", "8001", "udp", "600")
    assert "Mapped public port 40001" in out
    assert opened(chain, 40001, "UDP", 8001)
    upnpc(chain.lan1, "-d", "40000", "TCP")
    with listener(chain.lan1, "TCP", 8000) as server:
        assert wait_until(lambda: blocked(chain, "TCP", 40000, server))


@pytest.mark.lab(n=2)
def test_three_in_a_row(chain):
    """lan1 - ours - ours - miniupnpd - outside"""
    front(chain)
    middle = inner_of(chain)
    wait_answers(middle)
    upnpd = ours(chain)
    wait_answers(upnpd)
    assert wait_until(lambda: Igd(chain.lan1).external_ip() == EXT_IP)
    Igd(chain.lan1).add(40000, "TCP", 8000)
    with Pmp(chain.lan1) as pmp:
        assert pmp.pcp_map("UDP", 5000, 40001).result == SUCCESS
    assert opened(chain, 40000)
    assert opened(chain, 40001, "UDP", 5000)


def test_miniupnpd_restarts_and_forgets(chain):
    """The answer to another request shows its epoch."""
    peer = front(chain)
    upnpd = ours(chain)
    wait_answers(upnpd)
    igd = Igd(chain.lan1)
    igd.add(40000, "TCP", 8000)
    assert opened(chain, 40000)
    # the next epoch has to be behind by more than two slow clocks may differ
    with Pmp(chain.router, FRONT_IP, WAN_IP) as pmp:
        assert wait_until(lambda: pmp.epoch() > 5)
    peer.stop()
    peer.forget()
    peer.start()
    with listener(chain.lan1, "TCP", 8000) as server:
        assert blocked(chain, "TCP", 40000, server)
    igd.add(40001, "TCP", 8001)
    assert opened(chain, 40000), peer.log()


def test_port_of_another_client_of_the_upstream(chain):
    """miniupnpd has given the port to somebody else: PCP says another one."""
    front(chain)
    chain.router.ip_batch("addr add 10.0.1.9/24 dev wan0")
    with Pmp(chain.router, FRONT_IP, "10.0.1.9") as rival:
        rival.map("TCP", 9000, 40000)
    upnpd = ours(chain)
    wait_answers(upnpd)
    igd, igd2 = Igd(chain.lan1), Igd2(chain.lan1)
    assert error_of(igd.add, 40000, "TCP", 8000) == 718
    port = igd2.any(40000, 8000)
    assert port != 40000
    assert opened(chain, port)
    igd.delete(port)
    with listener(chain.lan1, "TCP", 8000) as server:
        assert wait_until(lambda: blocked(chain, "TCP", port, server))


def test_what_upnpctl_shows(chain):
    front(chain)
    upnpd = ours(chain)
    wait_answers(upnpd)
    Igd(chain.lan1).add(40000, "TCP", 8000)
    text = ctl(chain, upnpd, "status")
    assert re.search(r"external-address: 11\.22\.33\.1\n", text), text
    assert re.search(rf"upstream: {FRONT_IP}, asked by pcp from {WAN_IP}; its "
                     rf"external address is {EXT_IP}; it forwards 1 ports; the "
                     r"next lease ends in \d", text), text
    assert "reachable: yes, as far as the upstream tells" in text
    found = status(chain, upnpd)
    assert found["external"]["reachable"] is True
    assert found["external"]["behind-nat"] is False
    assert (found["upstream"]["state"], found["upstream"]["protocol"],
            found["upstream"]["gateway"]) == ("answers", "pcp", FRONT_IP)
    assert "upnpd_upstream_forwards 1\n" in ctl(chain, upnpd, "metrics")
    assert "the upstream is" in ctl(chain, upnpd, "check")


# ---- gateways that the test plays

def at_once(igd):
    """Is a request answered sooner than after a wait for the upstream?"""
    begin = time.monotonic()
    igd.add(40000, "TCP", 8000)
    return time.monotonic() - begin < 1.5


def fake(chain, **kw):
    return Fake(chain.fronts[0], **kw)


def test_silent_gateway(chain):
    """Nothing answers: ports are opened here, at once, and the log says so."""
    upnpd = ours(chain)
    assert upnpd.wait_log(f"upstream {FRONT_IP} answers neither")
    igd = Igd(chain.lan1)
    assert in_time(lambda: at_once(igd))
    assert igd.external_ip() == WAN_IP
    found = status(chain, upnpd)
    assert found["upstream"]["state"] == "silent"
    assert 500 < found["upstream"]["retry"] <= 600
    assert found["external"]["reachable"] is False


@pytest.mark.parametrize("answers", (False, True))
def test_private_external_address_refuse(chain, answers):
    """A port that nobody forwards is an error, and is not opened."""
    def refuse(q, a):
        is_map = len(q) == 60 or (q[0] == 0 and q[1])
        return [gateway.default(q, result=2) if is_map else a]
    with (fake(chain, answer=refuse) if answers else
          contextlib.nullcontext()) as gateway:
        upnpd = ours(chain, private_external_address="refuse")
        if answers:
            wait_answers(upnpd)
        else:
            assert upnpd.wait_log("answers neither")
        igd = Igd(chain.lan1)
        assert error_of(igd.add, 40000, "TCP", 8000) == 501
        with Pmp(chain.lan1) as pmp:
            assert pmp.try_map("TCP", 8000, 40000).result == NO_NETWORK
            assert pmp.pcp_map("TCP", 8000, 40000).result == NETWORK_FAILURE
        assert wait_until(lambda: igd.mapped() == set())
        if answers:
            assert status(chain, upnpd)["refused"]["upstream"] == 3


def test_refusal_with_a_warning(chain):
    """By default the mapping is made here."""
    def refuse(q, a):
        return [gateway.default(q, result=2) if len(q) == 60 else a]
    with fake(chain, answer=refuse) as gateway:
        upnpd = ours(chain)
        wait_answers(upnpd)
        igd = Igd(chain.lan1)
        igd.add(40000, "TCP", 8000)
        assert igd.mapped() == {("TCP", 40000, HOST_IP, 8000)}
        assert upnpd.wait_log("refuses tcp port 40000 with PCP error 2")
        found = status(chain, upnpd)
        assert found["upstream"]["refuses"] == 1
        assert found["external"]["reachable"] is None


def test_other_port(chain):
    """The upstream has its own idea of ports (RFC 6970)."""
    def other(q, a):
        return [gateway.default(q, port=50505) if len(q) == 60 else a]
    with fake(chain, answer=other) as gateway:
        upnpd = ours(chain)
        wait_answers(upnpd)
        igd, igd2 = Igd(chain.lan1), Igd2(chain.lan1)
        assert error_of(igd.add, 40000, "TCP", 8000) == 718
        assert wait_until(lambda: igd.mapped() == set())
        assert wait_until(lambda: gateway.asked("TCP", 40000, True))
        assert igd2.any(40001, 8001) == 50505
        assert igd.specific(50505)["NewInternalPort"] == "8001"
        assert "upstream-port=50505" in ctl(chain, upnpd, "mappings", "print",
                                            "detail")
        igd.delete(50505)
        with Pmp(chain.lan1) as pmp:
            assert pmp.map("UDP", 5000, 40002).ext == 50505
            found = pmp.pcp_map("TCP", 5001, 40003)
            assert (found.result, found.ext, found.ext_ip) == \
                (SUCCESS, 50505, EXT_IP)


def test_upstream_assigns_another_port_later(chain):
    """It restarts, and has given the port to somebody else: the client of PCP is
    told (RFC 6887 14.2)."""
    moved = []

    def other(q, a):
        return [gateway.default(q, port=50505)
                if len(q) == 60 and moved else a]
    with fake(chain, answer=other) as gateway, Pmp(chain.lan1) as pmp:
        wait_answers(ours(chain))
        mine = nonce()
        assert pmp.pcp_map("TCP", 8000, 40000, nonce=mine).ext == 40000
        moved.append(True)
        gateway.epoch = 3
        Igd2(chain.lan1).any(40001, 8001)   # the answer shows the epoch
        told = PcpReply(pmp.receive())
        assert (told.opcode, told.result, told.nonce, told.port, told.ext,
                told.ext_ip) == (MAP, SUCCESS, mine, 8000, 50505, EXT_IP)


def test_upstream_that_falls_silent(chain):
    """A client waits no longer than 2 seconds, then gets the mapping here."""
    mute = []
    with fake(chain, answer=lambda q, a: [] if mute else [a]):
        upnpd = ours(chain)
        wait_answers(upnpd)
        mute.append(True)
        begin = time.monotonic()
        Igd(chain.lan1).add(40000, "TCP", 8000)
        assert 1.9 < time.monotonic() - begin < 4
        assert upnpd.wait_log("does not answer for tcp port 40000")
        assert upnpd.wait_log("answers neither")


def test_upstream_restarts(chain):
    """Its epoch begins anew: every port is asked for again."""
    with fake(chain) as gateway:
        wait_answers(ours(chain))
        igd = Igd(chain.lan1)
        igd.add(40000, "TCP", 8000)
        igd.add(40001, "UDP", 8000)
        assert gateway.asked("TCP", 40000) == 1
        gateway.epoch = 3
        igd.add(40002, "TCP", 8002)     # the answer shows the epoch
        assert wait_until(lambda: gateway.asked("TCP", 40000) == 2 and
                          gateway.asked("UDP", 40001) == 2)


def test_our_address_changes(chain):
    with fake(chain) as gateway:
        upnpd = ours(chain)
        wait_answers(upnpd)
        Igd(chain.lan1).add(40000, "TCP", 8000)
        chain.router.ip_batch("addr add 10.0.1.7/24 dev wan0",
                              f"addr del {WAN_IP}/24 dev wan0",
                              "addr replace 10.0.1.7/24 dev wan0",
                              f"route replace default via {FRONT_IP}")
        assert wait_until(lambda: gateway.asked("TCP", 40000) == 2), \
            upnpd.log()
        assert gateway.client[0] == "10.0.1.7"


def test_another_gateway(chain):
    """The default route changes, and our address does not."""
    chain.fronts[0].ip_batch("addr add 10.0.1.5/24 dev lan0")
    with fake(chain) as gateway:
        upnpd = ours(chain)
        wait_answers(upnpd)
        Igd(chain.lan1).add(40000, "TCP", 8000)
        chain.fronts[0].ip = "10.0.1.5"
        with fake(chain, ext="11.22.33.7") as other:
            chain.router.ip_batch("route replace default via 10.0.1.5")
            assert wait_until(lambda: other.asked("TCP", 40000)), upnpd.log()
            assert wait_until(lambda: Igd(chain.lan1).external_ip() ==
                              "11.22.33.7")
        assert gateway.asked("TCP", 40000) == 1


def test_crash_and_reload_keep_the_nonce(chain):
    """The next engine asks for the same mappings with the same nonce, and
    clients see no other address in between."""
    with fake(chain) as gateway:
        upnpd = ours(chain)
        wait_answers(upnpd)
        igd = Igd(chain.lan1)
        igd.add(40000, "TCP", 8000)
        with Pmp(chain.lan1) as pmp:
            before = pmp.epoch()
        os.kill(upnpd.engine(), signal.SIGKILL)
        assert wait_until(lambda: gateway.asked("TCP", 40000) == 2)
        assert wait_until(lambda: upnpd.serves())
        assert wait_until(lambda: igd.external_ip() == EXT_IP)
        with Pmp(chain.lan1) as pmp:
            assert pmp.epoch() >= before
        nonces = {q[24:36] for q in gateway.requests if len(q) == 60}
        assert len(nonces) == 1 and nonces != {bytes(12)}
        upnpd.reload(upnpd.conf_text() + "max-lease = 3600\n"
                     if "[interface" not in upnpd.conf_text() else
                     "max-lease = 3600\n" + upnpd.conf_text())
        assert wait_until(lambda: gateway.asked("TCP", 40000) == 3)
        assert {q[24:36] for q in gateway.requests
                if len(q) == 60} == nonces


def test_hostile_answers(chain):
    """Garbage, another nonce, another host's answers: none is believed."""
    def lie(q, a):
        if len(q) != 60:
            return [b"", b"\x02", b"\xff" * 1400, a]
        wrong = bytearray(a)
        wrong[24] ^= 1
        stranger.sendto(a, gateway.client)
        return [os.urandom(60), bytes(wrong), a[:50], a + b"x"]
    chain.fronts[0].ip_batch("addr add 10.0.1.5/24 dev lan0")
    with fake(chain, answer=lie) as gateway, chain.fronts[0].socket(
            socket.SOCK_DGRAM, ("10.0.1.5", 5351)) as stranger:
        upnpd = ours(chain)
        wait_answers(upnpd)
        Igd(chain.lan1).add(40000, "TCP", 8000)
        assert upnpd.wait_log("does not answer for tcp port 40000")
        assert Igd(chain.lan1).external_ip() == EXT_IP
        assert upnpd.running()


class FakeUpnp:
    """A hostile device of UPnP: it answers each search, and each request by HTTP
    with @text, as often as anybody reads. Use as a context manager."""

    def __init__(self, front, text):
        self.text, self.ended = text, False
        self.ssdp = front.socket(socket.SOCK_DGRAM, (front.ip, 1900))
        self.http = front.listen(5000, front.ip)
        for sock in (self.ssdp, self.http):
            sock.settimeout(0.1)
        self.threads = [threading.Thread(target=f, daemon=True)
                        for f in (self._search, self._serve)]
        self.connections = 0

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exc):
        self.ended = True
        for thread in self.threads:
            thread.join()
        self.ssdp.close()
        self.http.close()

    def _search(self):
        while not self.ended:
            with contextlib.suppress(TimeoutError):
                _, client = self.ssdp.recvfrom(2048)
                self.ssdp.sendto(
                    b"HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:"
                    b"InternetGatewayDevice:1\r\nLOCATION: http://" +
                    FRONT_IP.encode() + b":5000/d.xml\r\n\r\n", client)

    def _serve(self):
        while not self.ended:
            with contextlib.suppress(TimeoutError):
                conn, _ = self.http.accept()
                self.connections += 1
                with conn, contextlib.suppress(OSError):
                    conn.settimeout(3)
                    conn.recv(4096)
                    for _ in range(100):
                        conn.sendall(self.text)
                    if not self.text:
                        conn.recv(1)


HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.mark.parametrize("text", [
    b"", HEAD + b"<a>" * 1000, HEAD + b"x" * 5000,
    b"HTTP/1.1 200 OK\r\nContent-Length: 4000000000\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
    HEAD + b"<root><service><serviceType>urn:schemas-upnp-org:service:"
    b"WANIPConnection:1</serviceType><controlURL>http://11.22.33.9/x"
    b"</controlURL></service></root>",
    b"HTTP/1.1 302 Found\r\nLocation: http://11.22.33.9/\r\n\r\n",
], ids=["mute", "deep", "long", "length", "chunks", "elsewhere", "redirect"])
def test_hostile_upnp(chain, text):
    """None of it is believed, and clients do not wait for it."""
    with FakeUpnp(chain.fronts[0], text) as device:
        upnpd = ours(chain)
        assert wait_until(lambda: device.connections)
        igd = Igd(chain.lan1)
        assert in_time(lambda: at_once(igd))
        assert upnpd.wait_log("answers neither")
        assert upnpd.running() and igd.external_ip() == WAN_IP


def test_no(chain):
    """ask-upstream = no: nobody is asked, and private-external-address decides
    alone."""
    with fake(chain) as gateway:
        ours(chain, ask_upstream="no", private_external_address="refuse")
        assert error_of(Igd(chain.lan1).add, 40000, "TCP", 8000) == 501
        assert gateway.requests == []


@pytest.mark.clients
def test_libtorrent(chain):
    """At the inner end, by PCP, with traffic from outside."""
    from test_clients_pmp import Torrent
    front(chain)
    wait_answers(ours(chain))
    client = Torrent(chain)
    assert wait_until(lambda: Igd(chain.lan1).mapped() == {
        ("TCP", 7000, HOST_IP, 7000), ("UDP", 7000, HOST_IP, 7000)})
    with chain.outside.socket(1) as sock:
        sock.settimeout(5)
        sock.connect((EXT_IP, 7000))
    client.end(lambda: Igd(chain.lan1).mapped() == set())
