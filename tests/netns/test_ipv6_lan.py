# SPDX-License-Identifier: ISC
"""Internal networks with IPv6: addresses are served while they exist, ipv6 = no
switches that off, and a WAN without IPv4 is no fault."""
import contextlib
import os
import re
import socket

import pytest

from gateway import UPNPCTL
from lab import (EXT6_IP, EXT_IP, LAN6_IP, LAN6_ULA, LAN_IP, OUT_IP,
                 listener, reaches, still_open, wait_until)
from upnp import Igd, end_of, error_of, http

pytestmark = pytest.mark.only("netlink")    # no firewall is involved

PREFIX2_IP = "2001:db8:99::1"
PREFIX2_HOST = "2001:db8:99::10"


def served_at(lab, ip):
    """Is the description served at @ip?"""
    with contextlib.suppress(OSError, AssertionError):
        return http(lab.lan1, "GET", "/igd1.xml", ip=ip,
                    timeout=1).status == 200
    return False


def comes(lab, ip):
    return wait_until(lambda: served_at(lab, ip))


def goes(lab, ip):
    return wait_until(lambda: not served_at(lab, ip))


def sockets(lab):
    """The local addresses and ports of upnpd's IPv6 sockets."""
    return re.findall(r"\S+:(?:1900|2828)\b",
                      lab.router.run("ss", "-6", "-H", "-n", "-l", "-t", "-u"))


def ctl(lab, upnpd, *words):
    """The output of upnpctl."""
    return lab.router.run(UPNPCTL, "-f", upnpd.conf, *words, check=False)


@pytest.mark.lab(ipv6=True)
def test_each_kind_of_address_is_served(lab, upnpd):
    for ip in (LAN_IP, LAN6_IP, LAN6_ULA, lab.router.link_local("lan0")):
        assert comes(lab, ip), ip
    # nothing at the external addresses, to nobody
    for ip in (EXT6_IP, lab.router.link_local("wan0")):
        assert not served_at(lab, ip)
    assert not any(EXT6_IP in s for s in sockets(lab))


@pytest.mark.lab(ipv6=True)
@pytest.mark.conf(ipv6="no")
def test_ipv6_can_be_switched_off(lab, upnpd):
    """At a start, and at a reload in both directions."""
    assert comes(lab, LAN_IP)
    assert sockets(lab) == []
    upnpd.options["ipv6"] = "yes"
    upnpd.reload()
    assert comes(lab, LAN6_IP)
    assert comes(lab, lab.router.link_local("lan0"))
    upnpd.options["ipv6"] = "no"
    upnpd.reload()
    assert goes(lab, LAN6_IP)
    assert wait_until(lambda: sockets(lab) == [])
    assert comes(lab, LAN_IP)


@pytest.mark.lab(ipv6=True)
@pytest.mark.parametrize("kind", ("global", "link-local"))
def test_start_fails_if_http_port_is_taken(lab, stopped, kind):
    """By a program that has it at an IPv6 address alone."""
    ip = LAN6_IP if kind == "global" else lab.router.link_local("lan0")
    zone = lab.router.ifindex("lan0") if kind == "link-local" else 0
    with lab.router.socket(socket.SOCK_STREAM, (ip, 2828, 0, zone)) as other:
        other.listen()
        stopped.start(wait=False)
        assert stopped.wait_exit() == 1
    assert re.search(rf"http-port 2828 is taken by \S+ \(process {os.getpid()}"
                     rf"\), at {ip}: ", stopped.log())


@pytest.mark.lab(ipv6="only")
def test_lan_and_wan_with_ipv6_only(lab, upnpd):
    """As with DS-Lite: no address for mappings, and no fault."""
    igd = Igd(lab.lan1, ip=LAN6_IP)
    assert igd.external_ip() == ""
    assert igd.status() == "Connected"
    assert upnpd.wait_log("no external address on wan0: no port is mapped; "
                          "hosts with IPv6 can open ports of their own")
    assert upnpd.wait_log("serving on port 2828")
    assert not re.search("(?i)error|warning|fault", upnpd.log())
    assert "serving" in ctl(lab, upnpd, "status")


@pytest.mark.lab(ipv6=True)
def test_wan_loses_ipv4(lab, upnpd):
    igd = Igd(lab.lan1, ip=LAN6_IP)
    assert igd.external_ip() == EXT_IP
    igd4 = Igd(lab.lan1)
    igd4.add(40000, "TCP", 8000)
    lab.router.run("ip", "-4", "addr", "flush", "dev", "wan0")
    assert wait_until(lambda: igd.external_ip() == "")
    assert igd.status() == igd4.status() == "Connected"
    assert error_of(igd4.add, 40001, "TCP", 8000) == 501
    lab.router.ip_batch(f"addr add {EXT_IP}/24 dev wan0",
                        f"route add default via {OUT_IP}")
    assert wait_until(lambda: igd.external_ip() == EXT_IP)
    with listener(lab.lan1, "TCP", 8000) as server:
        assert reaches(lab, "TCP", 40000, server)
    lab.router.ip_batch("link set wan0 down")
    assert wait_until(lambda: igd.status() == "Disconnected")


@pytest.mark.lab(ipv6="ula")
def test_unique_local_addresses_do_not_connect(lab, upnpd):
    """Nobody outside reaches them: without IPv4 there is no connection."""
    igd = Igd(lab.lan1, ip=LAN6_ULA)
    assert igd.status() == "Connected"
    lab.router.run("ip", "-4", "addr", "flush", "dev", "wan0")
    assert wait_until(lambda: igd.status() == "Disconnected")


@pytest.mark.lab(ipv6=True)
def test_prefix_is_replaced(lab, upnpd):
    """The provider assigns another prefix. The first is deprecated, then it
    goes. Both are served while they exist, and nothing else is touched: a
    mapping with its connection, and a connection at another address."""
    Igd(lab.lan1).add(40000, "TCP", 8000)
    link = lab.router.link_local("lan0")
    rules = lab.rules()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(listener(lab.lan1, "TCP", 8000))
        assert reaches(lab, "TCP", 40000, server)
        flow = stack.enter_context(lab.outside.socket(socket.SOCK_STREAM))
        flow.connect((EXT_IP, 40000))
        inner, _ = server.accept()
        stack.enter_context(inner)
        idle = stack.enter_context(lab.lan1.socket(
            socket.SOCK_STREAM, family=socket.AF_INET6))
        idle.connect(end_of(lab.lan1, link, 2828))
        lab.router.ip_batch(
            f"addr change {LAN6_IP}/64 dev lan0 preferred_lft 0",
            f"addr add {PREFIX2_IP}/64 dev lan0 nodad")
        lab.lan1.ip_batch(f"addr add {PREFIX2_HOST}/64 dev eth0 nodad")
        assert comes(lab, PREFIX2_IP)
        assert served_at(lab, LAN6_IP)
        lab.router.ip_batch(f"addr del {LAN6_IP}/64 dev lan0")
        assert goes(lab, LAN6_IP)
        assert served_at(lab, PREFIX2_IP)
        assert Igd(lab.lan1).mapped() and lab.holds(rules)
        flow.sendall(b"still")
        assert inner.recv(5) == b"still"
        assert still_open(idle)
    assert "suspended" not in upnpd.log()


@pytest.mark.lab(ipv6=True)
def test_address_is_served_when_it_is_no_duplicate(lab, upnpd):
    """The kernel looks for a second or two whether another host has it."""
    lab.router.sysctl("net.ipv6.conf.lan0.accept_dad", 1)
    lab.lan1.ip_batch(f"addr add {PREFIX2_HOST}/64 dev eth0 nodad",
                      "addr add 2001:db8:99::2/64 dev eth0 nodad")
    lab.router.ip_batch(f"addr add {PREFIX2_IP}/64 dev lan0",
                        "addr add 2001:db8:99::2/64 dev lan0")
    assert comes(lab, PREFIX2_IP)
    assert wait_until(lambda: "dadfailed" in lab.router.run(
        "ip", "-6", "addr", "show", "dev", "lan0"))
    assert served_at(lab, PREFIX2_IP)
    assert not any("2001:db8:99::2" in s for s in sockets(lab))
    assert not re.search("cannot|again|error", upnpd.log())


@pytest.mark.lab(ipv6=True)
def test_addresses_above_the_limit(lab, upnpd):
    """Many addresses in one prefix take no place of another kind, and the log
    names those that are left out."""
    lab.router.ip_batch(*(f"addr add 2001:db8:88::{i:x}/64 dev lan0 nodad"
                          for i in range(0x100, 0x146)))
    line = upnpd.wait_log("only 64 are served: not 2001:db8:88::")
    assert line and "on lan0, ..." in line
    # the kernel lists the newest address first
    for ip in (LAN_IP, LAN6_ULA, lab.router.link_local("lan0"),
               "2001:db8:88::145"):
        assert comes(lab, ip), ip
    assert not served_at(lab, LAN6_IP)


@pytest.mark.lab(ipv6=True)
def test_interfaces_come_and_go(lab, upnpd):
    """An internal interface is removed, and is back later."""
    assert comes(lab, LAN6_IP)
    lab.router.ip_batch("link set lan0 down")
    assert wait_until(lambda: sockets(lab) == [])
    lab.router.ip_batch("link set lan0 up",
                        f"addr replace {LAN6_IP}/64 dev lan0 nodad")
    assert comes(lab, LAN6_IP)
    assert comes(lab, lab.router.link_local("lan0"))
