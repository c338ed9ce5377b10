# SPDX-License-Identifier: ISC
"""What the HTTP server and the events have little of, one host cannot take from
the others: buffers, connections, subscriptions. When all are in use, the host
that has most gives one up."""
import contextlib
import socket
import threading
import time

import pytest

from lab import HOST_IP, LAN_IP, LONG, many_files, wait_until
from test_events import EVENTED, WANIP_EVENT, Subscriber, subscribe
from upnp import WANIP, http, soap_body

pytestmark = pytest.mark.only("netlink")    # no firewall is involved

GREEDY_IPS = [f"192.168.88.{n}" for n in range(31, 35)]
SCPD = f"GET /igd1/wanip.xml HTTP/1.1\r\nHost: {LAN_IP}:2828\r\n\r\n".encode()
PART = f"POST /igd1/wanip/control HTTP/1.1\r\nHost: {LAN_IP}:2828\r\n".encode()


# ---- HTTP --------------------------------------------------------------

def connect(host, ip=HOST_IP, rcvbuf=0):
    sock = host.socket(socket.SOCK_STREAM, (ip, 0))
    if rcvbuf:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    sock.settimeout(LONG)
    sock.connect((LAN_IP, 2828))
    return sock


def slow_reader(host, ip):
    """A connection that asks for more than its socket holds, and reads
    nothing."""
    sock = connect(host, ip, 1024)
    sock.sendall(20 * SCPD)
    return sock


@contextlib.contextmanager
def part_requests(host, ips, per_s):
    """Context manager: send the head of a request on a new connection, again
    and again, without its end."""
    ended, sent = threading.Event(), []

    def send():
        socks = []
        while not ended.wait(1 / per_s):
            with contextlib.suppress(OSError):
                socks.append(connect(host, ips[len(sent) % len(ips)]))
                socks[-1].send(PART)
                sent.append(1)
            if len(socks) > 200:
                socks.pop(0).close()
        for sock in socks:
            sock.close()
    thread = threading.Thread(target=send)
    thread.start()
    try:
        assert wait_until(lambda: len(sent) > 60)
        yield
    finally:
        ended.set()
        thread.join()


def answered(host, gap_s):
    """Is a request answered whose body follows its head by @gap_s?"""
    body = soap_body(WANIP, "GetStatusInfo", {}).encode()
    head = PART + (
        'Content-Type: text/xml; charset="utf-8"\r\n'
        f'SOAPAction: "{WANIP}#GetStatusInfo"\r\n'
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n").encode()
    with connect(host, host.ip) as sock:
        sock.sendall(head)
        time.sleep(gap_s)
        with contextlib.suppress(OSError):
            sock.sendall(body)
            return sock.recv(4096).startswith(b"HTTP/1.1 200 ")
    return False


@pytest.mark.lab(bridge=True)
@pytest.mark.parametrize("hosts", (1, 4))
def test_slow_host_leaves_buffers_for_others(lab, upnpd, hosts):
    """70 slow readers and 100 partial requests a second take every buffer, but
    not that of a client whose body follows its head later. The log names the
    host."""
    ips = GREEDY_IPS[:hosts]
    lab.lan1.ip_batch(*[f"addr add {ip}/24 dev eth0" for ip in ips])
    many_files()
    held = [slow_reader(lab.lan1, ips[i % hosts]) for i in range(70)]
    with part_requests(lab.lan1, ips, 100):
        results = [answered(lab.lan2, gap) for gap in [0.02, 0.05] * 15]
    print(results)
    assert all(results)
    assert upnpd.wait_log(rf"refused {ips[0]}: .*slow")
    for sock in held:
        sock.close()


# ---- subscriptions -----------------------------------------------------

@pytest.mark.lab(bridge=True)
def test_dead_subscriptions_leave_places_for_others(lab, upnpd):
    """One host with four addresses subscribes 64 times for a port that nobody
    listens on. Another host can subscribe to every service."""
    lab.lan1.ip_batch(*[f"addr add {ip}/24 dev eth0" for ip in GREEDY_IPS])
    for ip in GREEDY_IPS * 16:
        fields = f"CALLBACK: <http://{ip}:9/>", "NT: upnp:event"
        assert http(lab.lan1, "SUBSCRIBE", WANIP_EVENT, headers=fields,
                    source=ip).status == 200
    program = Subscriber(lab.lan2)
    assert wait_until(lambda: all_granted(lab.lan2, program))
    program.wait(len(EVENTED))
    program.close()


def all_granted(host, program):
    """Does it get a subscription to each service?"""
    return all(subscribe(host, program.callback(url), url).status == 200
               for url in EVENTED)


@pytest.mark.parametrize("port", ("same", "other"))
def test_restarted_program_is_subscribed(lab, upnpd, igd, port):
    """A program that is killed and started six times subscribes to every
    service each time, also if it listens on another port each time."""
    program = None
    for run in range(7):
        program = Subscriber(lab.lan1, port=program.port if program and
                             port == "same" else 0)
        assert all_granted(lab.lan1, program)
        program.wait(len(EVENTED))
        igd.add(40000 + run)        # an event of each root
        program.wait(len(EVENTED) + 2)
        program.close()
