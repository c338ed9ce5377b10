# SPDX-License-Identifier: ISC
"""The router's own services and the administrator's forwards take their ports
back from clients' mappings, which are kept, and return. (test_forwards.py has
the forms of forwards.)"""
import json
import os
import signal
import socket
import threading

import pytest

from gateway import UPNPCTL
from lab import HOST2_IP, HOST_IP, blocked, listener, reaches, wait_until
from test_igd2 import Igd2
from tracer import processes
from upnp import error_of

NAS = HOST2_IP


@pytest.fixture
def ctl(upnpd):
    def run(*words, check=True):
        return upnpd.lab.router.run(UPNPCTL, "-f", upnpd.conf, *words,
                                    check=check)
    return run


def mapping(ctl, port):
    """The mapping, as upnpctl prints it."""
    found = [m for m in json.loads(ctl("--json", "mappings", "print"))
             if m["external-port"] == port]
    return found[0] if found else None


def is_overruled(ctl, igd, port, proto="TCP"):
    """The operator and the clients see the same."""
    m = mapping(ctl, port)
    enabled = igd.specific(port, proto)["NewEnabled"]
    assert m["overruled"] in (True, False) and not m["suspended"]
    return m["overruled"] and enabled == "0"


def in_force(ctl, igd, port, proto="TCP"):
    return not mapping(ctl, port)["overruled"] and \
        igd.specific(port, proto)["NewEnabled"] == "1"


@pytest.mark.core
def test_service_takes_its_port_at_a_renewal(lab, upnpd, igd, ctl):
    mine = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    igd.add(40001, "TCP", 8000)
    assert reaches(lab, "TCP", 40000, mine)
    with lab.router.listen(40000) as service:
        assert error_of(igd.add, 40000, "TCP", 8000) == 718
        assert wait_until(lambda: is_overruled(ctl, igd, 40000))
        assert reaches(lab, "TCP", 40000, service)
        assert blocked(lab, "TCP", 40000, mine)
        assert error_of(Igd2(lab.lan1).add, 40000, "TCP", 8000) == 729
        # the others stay
        igd.add(40001, "TCP", 8000)
        assert in_force(ctl, igd, 40001)
        assert reaches(lab, "TCP", 40001, mine)
        assert " DO " in ctl("mappings", "print", "where", "overruled")
    igd.add(40000, "TCP", 8000)         # the service is gone
    assert in_force(ctl, igd, 40000)
    assert reaches(lab, "TCP", 40000, mine)
    assert upnpd.wait_log("mapping of tcp port 40000 to 192.168.88.10:8000 is "
                          "overruled: the router serves")


@pytest.mark.conf(verify_interval="1")
def test_service_takes_its_port_at_verify(lab, upnpd, igd, ctl):
    mine = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    with lab.router.listen(40000) as service:
        assert wait_until(lambda: is_overruled(ctl, igd, 40000))
        assert reaches(lab, "TCP", 40000, service)
    assert wait_until(lambda: in_force(ctl, igd, 40000))
    assert reaches(lab, "TCP", 40000, mine)


def test_service_has_its_port_after_a_restart(lab, upnpd, igd, ctl):
    """The lease file's table is checked as later ones are. The mapping stays
    in it, overruled or not."""
    mine = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000, lease=600)
    upnpd.stop()
    with lab.router.listen(40000) as service:
        for _ in range(2):
            upnpd.start()
            assert wait_until(lambda: is_overruled(ctl, igd, 40000))
            assert reaches(lab, "TCP", 40000, service)
            assert 500 < mapping(ctl, 40000)["time-left"] <= 600
            upnpd.stop()
    upnpd.start()
    assert wait_until(lambda: in_force(ctl, igd, 40000))
    assert reaches(lab, "TCP", 40000, mine)


@pytest.mark.only("netlink")
def test_overruled_mapping_survives_an_engine(lab, upnpd, igd, ctl):
    igd.add(40000, "TCP", 8000)
    with lab.router.listen(40000) as service:
        assert error_of(igd.add, 40000, "TCP", 8000) == 718
        assert wait_until(lambda: is_overruled(ctl, igd, 40000))
        engine = processes(upnpd)["engine"]
        os.kill(engine, signal.SIGKILL)
        assert wait_until(lambda: processes(upnpd).get("engine") not in
                          (None, engine))
        upnpd.wait_ready()
        assert wait_until(lambda: is_overruled(ctl, igd, 40000))
        assert reaches(lab, "TCP", 40000, service)
    ctl("resync")
    assert wait_until(lambda: in_force(ctl, igd, 40000))


class Resolver:
    """Sockets on one port of the router, each for a moment, as a resolver's.
    Use as a context manager."""

    def __init__(self, router, port):
        self.router, self.port = router, port
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.work)

    def work(self):
        while not self.done.is_set():
            with self.router.socket(socket.SOCK_DGRAM, ("", self.port)):
                self.done.wait(1.5)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *exc):
        self.done.set()
        self.thread.join()


@pytest.mark.only("netlink")
@pytest.mark.fast
def test_udp_service_takes_its_port_when_it_stays(lab, upnpd, igd, ctl):
    """WireGuard is started; a resolver's sockets come and go."""
    mine = listener(lab.lan1, "UDP", 8000)
    igd.add(51820, "UDP", 8000)
    igd.add(40000, "UDP", 8000)
    with listener(lab.router, "UDP", 51820) as service, \
            Resolver(lab.router, 40000):
        for port in (51820, 40000):
            igd.add(port, "UDP", 8000)
            assert in_force(ctl, igd, port, "UDP")
        assert wait_until(lambda: is_overruled(ctl, igd, 51820, "UDP"), 45,
                          0.5)
        assert reaches(lab, "UDP", 51820, service)
        assert in_force(ctl, igd, 40000, "UDP")
        # a new mapping does not get a port that has a socket now
        assert error_of(igd.add, 51820, "UDP", 8000) == 718
        upnpd.stop()
        upnpd.start()
        assert wait_until(lambda: is_overruled(ctl, igd, 51820, "UDP"))
    ctl("resync")
    assert wait_until(lambda: in_force(ctl, igd, 51820, "UDP"))
    assert reaches(lab, "UDP", 51820, mine)


# ---- the administrator ---------------------------------------------------

def forward(lab, backend, port):
    """Forward a port to NAS. Return a function that ends it."""
    if backend == "netlink":
        lab.router.run("nft", "-f", "-", stdin=f"""
table ip later {{
    chain prerouting {{
        type nat hook prerouting priority dstnat; policy accept;
        iifname wan0 tcp dport {port} dnat to {NAS}:22
    }}
}}
add rule inet filter forward iifname wan0 ip daddr {NAS} accept
""")
        return lambda: lab.router.run("nft", "delete", "table", "ip", "later")
    dnat = ("PREROUTING", "-i", "wan0", "-p", "tcp", "--dport", str(port),
            "-j", "DNAT", "--to-destination", f"{NAS}:22")
    lab.router.run(backend, "-w", "-A", "FORWARD", "-i", "wan0", "-d", NAS,
                   "-j", "ACCEPT")
    lab.router.run(backend, "-w", "-t", "nat", "-A", *dnat)
    return lambda: lab.router.run(backend, "-w", "-t", "nat", "-D", *dnat)


@pytest.mark.lab(bridge=True)
@pytest.mark.conf(verify_interval="1")
def test_forward_takes_its_port(lab, backend, upnpd, igd, ctl):
    """Traffic first, then what clients and the operator are told. Without a
    renewal and without upnpctl: iptables-legacy gives no notice, but there is
    the interval."""
    mine = listener(lab.lan1, "TCP", 8000)
    nas = listener(lab.lan2, "TCP", 22)
    igd.add(40000, "TCP", 8000, lease=600)
    assert reaches(lab, "TCP", 40000, mine)
    end = forward(lab, backend, 40000)
    try:
        assert reaches(lab, "TCP", 40000, nas)
        assert wait_until(lambda: is_overruled(ctl, igd, 40000))
        assert error_of(igd.add, 40000, "TCP", 8000) == 718
        assert error_of(Igd2(lab.lan1).add, 40000, "TCP", 8000) == 729
        assert reaches(lab, "TCP", 40000, nas)
        text = ctl("mappings", "add", "protocol=tcp", "external-port=40000",
                   f"to={HOST_IP}:8000", check=False)
        assert "a rule of the firewall forwards that port" in text
        assert upnpd.wait_log("overruled: a rule of the firewall forwards "
                              "that port: .*PREROUTING|overruled: .*prerouting")
    finally:
        end()
    assert wait_until(lambda: in_force(ctl, igd, 40000))
    assert reaches(lab, "TCP", 40000, mine)
    forget_accept(lab, backend)


def forget_accept(lab, backend):
    """Remove the accept of forward()."""
    if backend == "netlink":
        rule = f'iifname "wan0" ip daddr {NAS} accept'
        lines = lab.router.run("nft", "-a", "list", "chain", "inet", "filter",
                               "forward").splitlines()
        handle = next(line for line in lines if rule in line).split()[-1]
        lab.router.run("nft", "delete", "rule", "inet", "filter", "forward",
                       "handle", handle)
    else:
        lab.router.run(backend, "-w", "-D", "FORWARD", "-i", "wan0", "-d",
                       NAS, "-j", "ACCEPT")


@pytest.mark.only("netlink")
def test_deleting_an_overruled_mapping(lab, upnpd, igd, ctl):
    igd.add(40000, "TCP", 8000)
    with lab.router.listen(40000):
        assert error_of(igd.add, 40000, "TCP", 8000) == 718
        assert wait_until(lambda: is_overruled(ctl, igd, 40000))
        igd.delete(40000)
        assert mapping(ctl, 40000) is None
        assert error_of(igd.add, 40000, "TCP", 8000) == 718
