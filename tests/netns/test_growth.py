# SPDX-License-Identifier: ISC
"""upnpd allocates no memory after the start, and uses no more memory or
descriptors after any number of requests, mappings and subscribers. The long
run is test_soak.py."""
import contextlib
import os
import re
import socket
import subprocess

import pytest

from daemon import UPNPD
from lab import HOST_IP, LAN_IP, LONG, OUT_IP, wait_until
from page import fetch
from pmp import Pmp, filter_of, nonce
from upnp import GROUP, Igd, error_of, http, msearch, search

HERE = os.path.dirname(os.path.abspath(__file__))
EVENTS = "/igd1/wanip/event"


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("shim") / "nomalloc.so")
    os.chmod(os.path.dirname(path), 0o755)
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o",
                    path, os.path.join(HERE, "nomalloc.c"), "-ldl"],
                   check=True)
    return path


def subscribe(lab, port=9):
    """Subscribe with a URL that cannot be reached."""
    return http(lab.lan1, "SUBSCRIBE", EVENTS, headers=[
        f"CALLBACK: <http://{HOST_IP}:{port}/>", "NT: upnp:event",
        "TIMEOUT: Second-1800"]).headers.get("SID")


def unsubscribe(lab, sid):
    http(lab.lan1, "UNSUBSCRIBE", EVENTS, headers=[f"SID: {sid}"])


def mixed_pmp(lab, i):
    """Seven requests of NAT-PMP and PCP, valid and invalid."""
    with Pmp(lab.lan1) as client:
        client.sock.settimeout(LONG)
        client.address()
        client.map("UDP", 9000, lifetime=60)
        client.try_map("TCP", 22)
        mine = nonce()
        client.pcp_map("TCP", 9001, nonce=mine, options=[filter_of(OUT_IP)])
        client.pcp_unmap("TCP", 9001, mine)
        client.unmap("UDP")
    with Pmp(lab.lan1) as client:
        client.send(b"\2\1" + bytes(i % 99))


def mixed(lab, igd, i):
    """Some twenty requests of every kind, valid and invalid."""
    mixed_pmp(lab, i)
    port = 40000 + i % 1000
    igd.add(port, "UDP", 8000, lease=60, desc="x" * (i % 250))
    igd.specific(port, "UDP")
    error_of(igd.add, 80, "TCP", 80)
    error_of(igd.delete, 1, "TCP")
    igd.external_ip()
    igd.status()
    igd.delete(port, "UDP")
    for path in ("/igd1.xml", "/igd2/wanip.xml", "/nothing"):
        http(lab.lan1, "GET", path)
    assert fetch(lab.lan1).status == 200
    http(lab.lan1, "GET", "/", name="router.lan")
    http(lab.lan1, "POST", "/igd1/wanip/control", "<not xml", [
        "Content-Type: text/xml", 'SOAPAction: "urn:x#Y"'])
    sid = subscribe(lab)
    if sid:
        unsubscribe(lab, sid)
    with lab.lan1.socket(socket.SOCK_DGRAM, (HOST_IP, 0)) as sock:
        sock.sendto(msearch("upnp:rootdevice"), (GROUP if i % 2 else LAN_IP,
                                                 1900))
    with lab.lan1.socket(socket.SOCK_STREAM) as sock:
        sock.connect((LAN_IP, 2828))
        sock.sendall(b"GET / HT"[:i % 9])


preloads = pytest.mark.skipif("LAB_SAN" in os.environ,
                              reason="sanitizers have a malloc of their own")


@preloads
def test_no_memory_is_allocated_after_the_start(lab, stopped, shim):
    upnpd = stopped
    upnpd.start(prefix=["env", f"LD_PRELOAD={shim}"])
    igd = Igd(lab.lan1)
    ctl = os.path.join(os.path.dirname(UPNPD), "upnpctl")
    for i in range(10):
        mixed(lab, igd, i)
    assert search(lab.lan1, "ssdp:all")
    with Pmp(lab.lan1) as client:   # nothing deletes it but time
        client.pcp_peer("UDP", 9002, OUT_IP, 7777)
    igd.add(40000, lease=1)
    lab.router.ip_batch("addr add 192.168.99.1/24 dev lan0")
    for words in (("status",), ("mappings", "print"), ("resync",),
                  ("mappings", "add", "protocol=tcp", "external-port=5000",
                   f"to={HOST_IP}:5000"), ("mappings", "remove", "all")):
        lab.router.run(ctl, "-f", upnpd.conf, *words)
    assert wait_until(lambda: len(igd.mapped()) == 1)   # only the dummy is left
    lab.firewall.flush(lab.router)
    lab.router.run(ctl, "-f", upnpd.conf, "resync")
    assert "memory allocated" not in upnpd.log()
    assert "engine ended" not in upnpd.log()


@preloads
def test_allocation_is_detected(lab, stopped, shim):
    """The test above can fail: a reload allocates a table, and is detected."""
    stopped.start(prefix=["env", f"LD_PRELOAD={shim}"])
    stopped.options["max_mappings"] = 77
    stopped.reload()
    assert stopped.wait_log("memory allocated after the start")
    assert stopped.wait_exit() not in (0, None)
    stopped.start()     # cleans up what was left


def in_use(pid):
    with open(f"/proc/{pid}/status") as f:
        resident = int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])
    return resident, len(os.listdir(f"/proc/{pid}/fd"))


def settled(lab, upnpd):
    """The memory of all processes when they are idle."""
    return [in_use(pid) for pid in upnpd.pids().values()]


@pytest.mark.only("netlink")
@pytest.mark.conf(max_mappings_per_client=1024)
def test_memory_and_descriptors_do_not_grow(lab, upnpd, igd):
    http(lab.lan1, "GET", "/igd1.xml")
    for i in range(40):         # each kind, and every page of the pools
        mixed(lab, igd, i)
    fill(lab, igd, 200, 64)
    engine = upnpd.engine()
    before = settled(lab, upnpd)
    for i in range(60):
        mixed(lab, igd, i)
    fill(lab, igd, 200, 80)
    # connections are freed after their deadline
    assert wait_until(lambda: all(
        now[0] <= then[0] + 96 and now[1] <= then[1]
        for now, then in zip(settled(lab, upnpd), before)), 90, 1), \
        (before, settled(lab, upnpd))
    assert upnpd.engine() == engine
    assert igd.external_ip()


def anonymous_kb(pid):
    """The anonymous memory of the process."""
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return int(re.search(r"Anonymous:\s+(\d+)", f.read())[1])


@pytest.mark.only("netlink")
@pytest.mark.skipif("LAB_SAN" in os.environ, reason="sanitizers keep a lot")
def test_memory_of_a_burst_is_freed(lab, upnpd, igd):
    """40 clients send most of a long request and close: the 600 KiB of their
    buffers are returned."""
    at_once, sent = 40, 15000
    head = (b"POST /igd1/wanip/control HTTP/1.1\r\nHost: 192.168.88.1\r\n"
            b"Content-Length: 16000\r\n\r\n")
    igd.add(39999)
    engine = upnpd.engine()
    before = anonymous_kb(engine)
    with contextlib.ExitStack() as stack:
        for _ in range(at_once):
            sock = stack.enter_context(lab.lan1.socket(socket.SOCK_STREAM))
            sock.connect((LAN_IP, upnpd.port))
            sock.sendall(head + sent * b"x")
        assert wait_until(lambda: anonymous_kb(engine) > before + 400)
    assert wait_until(lambda: anonymous_kb(engine) <= before + 40), \
        (before, anonymous_kb(engine))
    assert upnpd.engine() == engine
    assert igd.external_ip()


def fill(lab, igd, mappings, subscribers):
    """Add and delete mappings, and subscribe with clients that vanish."""
    for start in range(0, mappings, 200):
        for port in range(40000, 40000 + min(200, mappings - start)):
            igd.add(port)
        for port in range(40000, 40000 + min(200, mappings - start)):
            igd.delete(port)
    sids = []
    for _ in range(subscribers):
        sid = subscribe(lab)
        if sid:
            sids.append(sid)
        elif sids:
            unsubscribe(lab, sids.pop(0))
    for sid in sids:
        unsubscribe(lab, sid)
