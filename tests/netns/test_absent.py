# SPDX-License-Identifier: ISC
"""absent-timeout: the mappings without an end of a client that has left the
LAN are removed, and no others."""
import os
import signal

import pytest

from daemon import upnpc
from lab import HOST2_IP, LAN2_IP, wait_until
from test_upnpctl import Ctl
from upnp import Igd

TIMEOUT = 4
GONE = r"mapping removed: protocol=\w+ external-port=%d .*; its client was " \
       r"absent for (\d+) s$"


def quick(lab, *interfaces):
    """The kernel finds out within four seconds that a host has left, not
    within a minute."""
    for name in interfaces or ("lan0",):
        neigh = f"net.ipv4.neigh.{name}."
        lab.router.sysctl(neigh + "base_reachable_time_ms", 1000)
        lab.router.sysctl(neigh + "delay_first_probe_time", 1)


def leaves(host):
    """The router gets no answer any more; the link stays up."""
    host.ip_batch(f"addr del {host.ip}/24 dev eth0")


def absent_s(upnpd, port):
    """Wait for the removal. Return: for how long its client was absent"""
    line = upnpd.wait_log(GONE % port, 40)
    assert line
    return int(line.split()[-2])


@pytest.mark.lab(bridge=True)
@pytest.mark.conf(absent_timeout=TIMEOUT, show_dummy_rule="no")
def test_a_client_leaves(lab, upnpd):
    quick(lab)
    stays, gone = Igd(lab.lan1), Igd(lab.lan2)
    stays.add(40000)
    upnpc(lab.lan2, "-a", lab.lan2.ip, "40001", "40001", "TCP")
    gone.add(40002, proto="UDP", desc="console")
    gone.add(40003, lease=3600)
    Ctl(lab, upnpd).ok("mappings", "add", "protocol=tcp",
                       "external-port=40004", f"to={HOST2_IP}:40004")
    lab.lan2.ip_batch("link set eth0 down")
    for port in (40001, 40002):
        assert TIMEOUT <= absent_s(upnpd, port) < 3 * TIMEOUT
    assert stays.query("PortMappingNumberOfEntries") == "3"
    assert upnpd.log().count("mapping removed") == 2
    rules = "".join(map(str, lab.rules()))
    assert [p for p in range(40000, 40005) if str(p) in rules] == [
        40000, 40003, 40004]
    stays.add(40001)    # the port is free


@pytest.mark.only("netlink")    # no firewall is involved
@pytest.mark.lab(bridge=True)
@pytest.mark.conf(absent_timeout=3 * TIMEOUT, show_dummy_rule="no")
def test_a_client_sleeps(lab, upnpd):
    """The kernel has given up its address when it returns. It still has its
    mapping when that of a client that left at the same time is removed."""
    quick(lab)
    Igd(lab.lan1).add(40000)
    sleeps = Igd(lab.lan2)
    sleeps.add(40001)
    leaves(lab.lan1)
    lab.lan2.ip_batch("link set eth0 down")

    def state():
        return lab.router.run("ip", "neigh", "show", lab.lan2.ip, "dev",
                              "lan0")
    assert wait_until(lambda: "FAILED" in state(), 40)
    lab.lan2.ip_batch("link set eth0 up")
    absent_s(upnpd, 40000)
    assert sleeps.specific(40001)
    assert sleeps.query("PortMappingNumberOfEntries") == "1"


@pytest.mark.only("netlink")
@pytest.mark.lab(second_lan=True)
@pytest.mark.conf(absent_timeout=TIMEOUT, show_dummy_rule="no",
                  interfaces={"wan0": "external", "lan0": "internal",
                              "lan1": "internal"})
def test_a_link_is_down(lab, upnpd):
    """The router sees none of its clients, and each of them stays."""
    quick(lab, "lan0", "lan1")
    Igd(lab.lan1).add(40000)
    Igd(lab.lan2, LAN2_IP).add(40001)
    lab.lan1.ip_batch("link set eth0 down")     # lan0 has no carrier
    leaves(lab.lan2)
    absent_s(upnpd, 40001)
    assert "external-port=40000" not in "".join(
        line for line in upnpd.log().splitlines() if "removed" in line)
    lab.lan1.ip_batch("link set eth0 up")
    assert Igd(lab.lan1).specific(40000)


@pytest.mark.only("netlink")
@pytest.mark.lab(bridge=True)
@pytest.mark.conf(absent_timeout=3 * TIMEOUT, show_dummy_rule="no")
def test_the_time_survives_reloads_and_crashes(lab, upnpd):
    """No engine lives for as long as the client is absent."""
    quick(lab)
    Igd(lab.lan1).add(40000)
    Igd(lab.lan2).add(40001)
    leaves(lab.lan2)
    for life in range(8):
        if upnpd.wait_log(GONE % 40001, 2 * TIMEOUT):
            break
        old = upnpd.engine()
        if life % 2:
            os.kill(old, signal.SIGKILL)
        else:
            upnpd.reload()
        assert wait_until(lambda: upnpd.engine() not in (None, old))
    else:
        pytest.fail("each engine begins the time anew")
    assert life and absent_s(upnpd, 40001) >= 3 * TIMEOUT
    assert Igd(lab.lan1).specific(40000)
