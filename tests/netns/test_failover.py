# SPDX-License-Identifier: ISC
"""Failover between two uplinks, however the active one fails, under traffic, in
each backend; and what upnpctl shows of it."""
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

from gateway import UPNPCTL
from lab import (EXT_B_IP, EXT_IP, HOST6_IP, HOST_IP, LONG, OUT_B_IP,
                 OUTSIDE6_B_IP, OUTSIDE6_IP, Probe, arrives, listener,
                 tcp_passes, wait_until)
from pmp import Pmp
from test_lifecycle import answers
from uplinks import ADDRESS, FAILURES, FAR_IP, METRIC, Uplinks, changes
from upnp import Gateway6, Igd


@pytest.fixture
def lab(request, backend):
    mark = request.node.get_closest_marker("lab")
    with Uplinks(backend, **(mark.kwargs if mark else {})) as lab:
        lab.pristine = lab.rules()
        yield lab


def external_is(igd, ip):
    return wait_until(lambda: answers(igd.external_ip) == ip)


def active_is(lab, igd, name, server, proto="TCP", port=40000):
    """Are clients told the address of uplink @name, and does the mapped port
    lead from there to @server?"""
    assert external_is(igd, ADDRESS[name]), answers(igd.external_ip)
    return lab.opens(name, proto, port, server)


def ctl(lab, upnpd, *words):
    done = subprocess.run(
        ["ip", "netns", "exec", lab.router.ns, UPNPCTL, "-f", upnpd.conf,
         *words], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout


# ---- failover ---------------------------------------------------------------

@pytest.mark.parametrize("failure", FAILURES)
def test_failover_and_return(lab, upnpd, igd, failure):
    """Every mapping moves to the other uplink and back, whatever protocol or
    operator it is from, and none is lost."""
    fail, mend = FAILURES[failure]
    tcp, udp, fixed = (listener(lab.lan1, "TCP", 8000),
                       listener(lab.lan1, "UDP", 5000),
                       listener(lab.lan1, "TCP", 8080))
    igd.add(40000, "TCP", 8000)
    with Pmp(lab.lan1) as pmp:
        assert pmp.map("UDP", 5000, 40001).ext == 40001
    ctl(lab, upnpd, "mappings", "add", "protocol=tcp", "external-port=40002",
        f"to={HOST_IP}:8080")
    before = igd.mapped()
    assert len(before) == 3
    assert active_is(lab, igd, "wan0", tcp)
    assert lab.closed("wan1", "TCP", 40000, tcp)
    fail(lab)
    assert active_is(lab, igd, "wan1", tcp), upnpd.log()
    assert lab.opens("wan1", "UDP", 40001, udp)
    assert lab.opens("wan1", "TCP", 40002, fixed)
    assert igd.mapped() == before
    assert igd.status() == "Connected"
    if failure == "route":
        assert lab.closed("wan0", "TCP", 40000, tcp)
    mend(lab)
    assert active_is(lab, igd, "wan0", tcp), upnpd.log()
    assert lab.opens("wan0", "UDP", 40001, udp)
    assert lab.opens("wan0", "TCP", 40002, fixed)
    assert lab.closed("wan1", "TCP", 40000, tcp)
    assert igd.mapped() == before
    assert wait_until(lambda: changes(upnpd.log()) == ["wan1", "wan0"])
    for sock in (tcp, udp, fixed):
        sock.close()


def test_distant_hosts_and_the_clients_own_traffic(lab, upnpd, igd):
    """Answers to hosts that only the default route leads to, and packets that
    the client itself sends from the mapped port, have the active uplink's
    address."""
    udp, tcp = listener(lab.lan1, "UDP", 5000), listener(lab.lan1, "TCP", 8000)
    igd.add(40001, "UDP", 5000)
    igd.add(40000, "TCP", 8000)
    for name, far in lab.far.items():
        if name == "wan1":
            lab.prefer("wan1")
        assert external_is(igd, ADDRESS[name])
        assert lab.opens(name, "TCP", 40000, tcp, src_ip=FAR_IP)
        port = 9000 + METRIC[name]
        with listener(far, "UDP", port) as ear:
            udp.sendto(b"hello", (FAR_IP, port))
            ear.settimeout(LONG)
            assert ear.recvfrom(16) == (b"hello", (ADDRESS[name], 40001))
    udp.close()
    tcp.close()


class Stream(threading.Thread):
    """Opens a connection to a mapped port of an uplink again and again, and
    notes when one worked."""

    def __init__(self, lab, name, server, port=40000):
        super().__init__(daemon=True)
        self.lab, self.name, self.port, self.server = lab, name, port, server
        self.worked, self.ended = [], False
        self.start()

    def run(self):
        while not self.ended:
            with contextlib.suppress(OSError), \
                    self.lab.far[self.name].socket(socket.SOCK_STREAM) as sock:
                sock.settimeout(0.2)
                sock.connect((ADDRESS[self.name], self.port))
                self.worked.append(time.monotonic())
            time.sleep(0.005)

    def end(self):
        self.ended = True
        self.join()


@pytest.mark.parametrize("failure", ("route", "carrier"))
def test_under_traffic(lab, upnpd, igd, failure):
    """Both uplinks get new connections to the mapped port all the time, and a
    long connection of the LAN runs over each."""
    fail, mend = FAILURES[failure]
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    streams = {name: Stream(lab, name, server) for name in ADDRESS}
    with Probe(lab.lan1, lab.outside_b, OUT_B_IP) as kept:
        for ready, other in (("wan0", "wan1"), ("wan1", "wan0"),
                             ("wan0", "wan1")):
            since = time.monotonic()
            assert wait_until(lambda: [t for t in streams[ready].worked
                                       if t > since]), upnpd.log()
            kept.there_and_back()
            if other == "wan1":
                assert external_is(igd, EXT_IP)
                n = len(streams["wan1"].worked)
                assert wait_until(lambda: len(streams["wan0"].worked) > 20)
                assert len(streams["wan1"].worked) == n
                fail(lab)
            else:
                assert external_is(igd, EXT_B_IP)
                mend(lab)
    for stream in streams.values():
        stream.end()
    server.close()


# ---- the choice -------------------------------------------------------------

@pytest.mark.only("netlink")
def test_none_works_until_one_does(lab, stopped):
    """Started without any uplink; the first that works is taken."""
    lab.router.ip_batch("link set wan0 down", "link set wan1 down")
    upnpd = stopped.start()
    igd = Igd(lab.lan1)
    assert (igd.external_ip(), igd.status()) == ("", "Disconnected")
    lab.address("wan1")
    lab.route("wan1")
    server = listener(lab.lan1, "TCP", 8000)
    assert external_is(igd, EXT_B_IP), upnpd.log()
    igd.add(40000, "TCP", 8000)
    assert active_is(lab, igd, "wan1", server)
    lab.router.ip_batch("link set wan1 down")
    assert external_is(igd, "")
    assert igd.status() == "Disconnected"
    server.close()


@pytest.mark.only("netlink")
def test_reload_changes_the_selection(lab, upnpd, igd):
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    lab.prefer("wan1")
    assert active_is(lab, igd, "wan1", server)
    ctl(lab, upnpd, "set", "external-selection=priority")
    assert active_is(lab, igd, "wan0", server)
    ctl(lab, upnpd, "interfaces", "disable", "wan0")
    assert active_is(lab, igd, "wan1", server)
    ctl(lab, upnpd, "interfaces", "enable", "wan0")
    assert active_is(lab, igd, "wan0", server)
    assert len(igd.mapped()) == 1
    server.close()


@pytest.mark.only("netlink")
def test_put_off_change_is_made(lab, upnpd, igd):
    """Without another change of the interfaces."""
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    names = ["wan1", "wan0"] * 3
    for name in names[:5]:
        lab.prefer(name)
        assert wait_until(lambda: changes(upnpd.log())[-1:] == [name] or
                          "enough for now" in upnpd.log())
    assert upnpd.wait_log("wan1 would be the active external interface")
    assert "soon" in ctl(lab, upnpd, "status")
    assert active_is(lab, igd, "wan1", server), upnpd.log()
    server.close()


# ---- restarts ---------------------------------------------------------------

@pytest.mark.only("netlink")
def test_moved_while_the_engine_is_dead(lab, upnpd, igd):
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    os.kill(upnpd.engine(), signal.SIGKILL)
    lab.prefer("wan1")
    assert active_is(lab, igd, "wan1", server)
    server.close()


@pytest.mark.parametrize("failure", ("down",))
def test_flush_on_the_second(lab, upnpd, igd, failure):
    """The repair of a flushed firewall is for the active uplink."""
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    FAILURES[failure][0](lab)
    assert active_is(lab, igd, "wan1", server)
    lab.firewall.flush(lab.router)
    ctl(lab, upnpd, "resync")
    assert lab.opens("wan1", "TCP", 40000, server)
    server.close()


# ---- IPv6 -------------------------------------------------------------------

def passes6(lab, host, server):
    return wait_until(lambda: tcp_passes(host, HOST6_IP, 8080, server,
                                         timeout=0.5))


def stops6(lab, host, far, server):
    with Probe(lab.lan1, host, far) as probe:
        return not arrives(probe, host, "TCP", HOST6_IP, 8080, server)


@pytest.mark.only("netlink")
@pytest.mark.lab(ipv6="only")
def test_pinholes_move_without_ipv4(lab, upnpd):
    """The IPv6 default route decides."""
    six = Gateway6(lab.lan1)
    server = listener(lab.lan1, "TCP", 8080, "::")
    six.open(8080)
    assert passes6(lab, lab.outside, server)
    lab.router.run("ip", "-6", "route", "add", "default", "via", OUTSIDE6_B_IP,
                   "dev", "wan1", "metric", "5")
    assert passes6(lab, lab.outside_b, server), upnpd.log()
    assert wait_until(lambda: stops6(lab, lab.outside, OUTSIDE6_IP, server))
    lab.router.ip_batch("link set wan1 down")
    assert passes6(lab, lab.outside, server), upnpd.log()
    server.close()


# ---- other features ---------------------------------------------------------

@pytest.mark.only("netlink")
def test_what_upnpctl_shows(lab, upnpd, igd):
    def row(name):
        return re.search(rf"^ *\d+ ([XIDA]*) +{name} ",
                         ctl(lab, upnpd, "interfaces", "print"), re.M)[1]
    assert "A - active" in ctl(lab, upnpd, "interfaces", "print")
    assert (row("wan0"), row("wan1"), row("lan0")) == ("A", "", "")
    found = json.loads(ctl(lab, upnpd, "interfaces", "print", "--json"))
    assert [i["active"] for i in found] == [True, False, False]
    text = ctl(lab, upnpd, "status")
    assert re.search("external-interface: wan0\n", text)
    assert re.search("other-external: wan1: the default route does not use it",
                     text), text
    lab.router.ip_batch("link set wan0 down")
    assert external_is(igd, EXT_B_IP)
    assert (row("wan0"), row("wan1")) == ("", "A")
    found = json.loads(ctl(lab, upnpd, "status", "--json"))
    assert found["external"]["interface"] == "wan1"
    assert found["externals"] == [
        {"interface": "wan0", "address": EXT_IP, "active": False,
         "state": "interface-down"},
        {"interface": "wan1", "address": EXT_B_IP, "active": True,
         "state": "active"}]
    text = ctl(lab, upnpd, "metrics")
    assert 'upnpd_external_interface_active{interface="wan0"} 0\n' in text
    assert 'upnpd_external_interface_active{interface="wan1"} 1\n' in text
    lab.router.ip_batch("link set wan1 down")
    assert external_is(igd, "")
    assert (row("wan0"), row("wan1")) == ("", "")


def finding(lab, upnpd, name):
    """[(level, text)] of one check"""
    return [(f["level"], f["text"]) for f in
            json.loads(ctl(lab, upnpd, "--json", "check"))
            if f["check"] == name]


@pytest.mark.only("netlink")
def test_check(lab, upnpd, igd):
    """It looks at all external interfaces, with and without a daemon."""
    def external():
        return finding(lab, upnpd, "selection")
    good = [("ok", "wan0 is the active external interface, as the default "
             "route uses it; mappings can move to wan1")]
    assert external() == good
    assert finding(lab, upnpd, "masquerade")[0][0] == "ok"
    assert upnpd.stop() == 0
    assert external() == good
    upnpd.start()
    # the firewall forgets the second uplink
    lab.router.run("nft", "-f", "-", stdin="""\
        flush chain ip nat postrouting
        table ip nat {
            chain postrouting { oifname "wan0" masquerade; }
        }
        table ip other {
            chain early {
                type filter hook prerouting priority -300;
                iifname "wan1" meta l4proto { tcp, udp } drop
            }
        }
        """)
    (level, text), = finding(lab, upnpd, "masquerade")
    assert level == "problem" and "on its way out by wan1" in text
    found = finding(lab, upnpd, "forward")
    assert found[0][0] == "problem" and "at wan1" in found[0][1], found
    lab.router.run("nft", "delete", "table", "ip", "other")
    lab.router.run("nft", "-f", "-", stdin="flush ruleset\n" + lab.pristine)
    lab.outside_b.ip_batch("link set eth0 down")
    assert ("warning", "wan1 has no carrier") in [
        (level, text.split(":")[0])
        for level, text in finding(lab, upnpd, "interfaces")]
    lab.outside.ip_batch("link set eth0 down")
    assert wait_until(lambda: external()[0][0] == "problem")
    assert "none of the external interfaces works" in external()[0][1]
    lab.outside_b.ip_batch("link set eth0 up")
    assert external_is(igd, EXT_B_IP)
    lab.router.ip_batch(f"addr del {EXT_IP}/24 dev wan0")
    lab.outside.ip_batch("link set eth0 up")
    assert wait_until(lambda: external() == [
        ("warning", "wan0 has no address: mappings cannot move to it")])


@pytest.mark.only("netlink")
@pytest.mark.conf(external_selection="priority")
def test_check_warns_of_answers_by_the_other(lab, upnpd):
    lab.prefer("wan1")
    (level, text), = finding(lab, upnpd, "default-route")
    assert level == "warning"
    assert text.startswith("wan0 is active by priority, and the route to the "
                           "Internet uses wan1")
