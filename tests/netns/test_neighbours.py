# SPDX-License-Identifier: ISC
"""The router cannot find the hardware address of a host that has gone or never
was there, and what it sends to such a host waits in the kernel for seconds. No
other client may wait with it."""
import contextlib
import re
import socket
import struct
import threading

import pytest

from lab import LAN_IP, inside, wait_until
from test_events import WANIP_EVENT, Subscriber
from upnp import GROUP, IGD1, Igd, Listener, http, msearch, searcher

pytestmark = pytest.mark.only("netlink")    # no firewall is involved
ALL = 20            # answers to ssdp:all, and NOTIFYs of a set, by both roots
NOBODY = [f"192.168.88.{n}" for n in range(100, 200)]


def datagram(source, to, payload):
    """An IPv4 packet with a UDP datagram. The kernel adds the checksum of the
    header; that of UDP is optional."""
    udp = struct.pack("!HHHH", 5000, 1900, 8 + len(payload), 0)
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 4, 17, 0,
                       socket.inet_aton(source),
                       socket.inet_aton(to)) + udp + payload


@contextlib.contextmanager
def searches_from_nobody(host, router):
    """60 times a second, search for all from the next address that nobody
    has: 6 kB a second. Wait until the router looks for so many of them that
    the answers would fill the buffer of one socket."""
    end = threading.Event()
    with inside(host.ns):
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW,
                            socket.IPPROTO_RAW)

    def send():
        n = 0
        while not end.wait(1 / 60):
            source = NOBODY[n % len(NOBODY)]
            raw.sendto(datagram(source, LAN_IP, msearch("ssdp:all")),
                       (LAN_IP, 0))
            n += 1

    def unknown():
        found = router.run("ip", "neigh", "show", "dev", "lan0")
        return len(re.findall("INCOMPLETE|FAILED", found))

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        assert wait_until(lambda: unknown() >= 20)
        yield
    finally:
        end.set()
        thread.join()
        raw.close()


def count(host, st, n):
    """Search once. Return the number of answers, after the @n that must
    arrive."""
    with searcher(host) as sock:
        sock.sendto(msearch(st), (GROUP, 1900))
        for got in range(n):
            try:
                sock.recv(4096)
            except socket.timeout:
                return got
    return n


def unsent(router):
    """Datagrams that the router's sockets had no room for, since its start."""
    names, values = [
        line.split() for line in
        router.run("cat", "/proc/net/snmp").splitlines()
        if line.startswith("Udp:")]
    return int(values[names.index("SndbufErrors")])


@pytest.mark.lab(bridge=True)
def test_searches_are_answered_beside_unknown_hosts(lab, upnpd):
    with searches_from_nobody(lab.lan1, lab.router):
        assert count(lab.lan2, "ssdp:all", ALL) == ALL
        assert [count(lab.lan2, IGD1, 1) for _ in range(10)] == [1] * 10
    assert unsent(lab.router) == 0


@pytest.mark.lab(bridge=True)
def test_announcements_are_sent_beside_unknown_hosts(lab, stopped):
    """The gateway ends and starts meanwhile."""
    stopped.start()
    ear = Listener(lab.lan1)
    with searches_from_nobody(lab.lan2, lab.router):
        assert stopped.stop() == 0
        assert wait_until(lambda: len(ear.of("ssdp:byebye")) >= 2 * ALL)
        since = len(ear.drain())
        stopped.start()
        assert wait_until(
            lambda: len(ear.of("ssdp:alive", since)) >= 2 * ALL)
    ear.close()
    assert unsent(lab.router) == 0


@pytest.mark.lab(bridge=True)
@pytest.mark.conf(show_dummy_rule="no")
def test_events_are_sent_beside_hosts_that_have_gone(lab, upnpd):
    """48 subscriptions of hosts that have left the network."""
    gone = NOBODY[:3]
    lab.lan1.ip_batch(*[f"addr add {ip}/24 dev eth0" for ip in gone])
    for ip in gone:
        for _ in range(16):
            assert http(lab.lan1, "SUBSCRIBE", WANIP_EVENT, headers=(
                f"CALLBACK: <http://{ip}:9/>", "NT: upnp:event"),
                source=ip).status == 200
    lab.lan1.ip_batch(*[f"addr del {ip}/24 dev eth0" for ip in gone])
    lab.router.ip_batch("neigh flush dev lan0")
    good, igd = Subscriber(lab.lan2).subscribe(), Igd(lab.lan1)
    good.wait(1)
    for n, step in enumerate((igd.add, igd.delete) * 3):
        step(40000)
        good.wait(2 + n)
    good.check()
    good.close()
