# SPDX-License-Identifier: ISC
"""absent-timeout: the mappings without an end of a client that has left the
LAN are removed, and no others."""
import pytest

from lab import wait_until
from upnp import Igd

TIMEOUT = 4


@pytest.mark.lab(bridge=True)
@pytest.mark.conf(absent_timeout=TIMEOUT, show_dummy_rule="no")
def test_a_client_leaves(lab, upnpd):
    # the kernel asks after a second, not after five
    lab.router.run("sysctl", "-qw",
                   "net.ipv4.neigh.lan0.delay_first_probe_time=1")
    stays, leaves = Igd(lab.lan1), Igd(lab.lan2)
    stays.add(40000)
    leaves.add(40001)
    leaves.add(40002, proto="UDP", desc="console")
    leaves.add(40003, lease=3600)
    lab.lan2.ip_batch(f"addr del {lab.lan2.ip}/24 dev eth0")
    for port in (40001, 40002):
        assert upnpd.wait_log(
            rf"mapping expired: protocol=\w+ external-port={port} .*; "
            r"its client is absent \(absent-timeout\)", 30)
    assert stays.query("PortMappingNumberOfEntries") == "2"
    assert upnpd.log().count("expired") == 2
    for port in ("40001", "40002"):
        assert port not in "".join(map(str, lab.rules()))
    stays.add(40001)    # the port is free


@pytest.mark.only("netlink")    # no firewall is involved
@pytest.mark.lab(bridge=True)
@pytest.mark.conf(absent_timeout=60, show_dummy_rule="no")
def test_a_client_sleeps(lab, upnpd):
    """The kernel has given up the address; the client returns."""
    Igd(lab.lan2).add(40001)
    lab.router.run("sysctl", "-qw",
                   "net.ipv4.neigh.lan0.delay_first_probe_time=1")
    lab.lan2.ip_batch(f"addr del {lab.lan2.ip}/24 dev eth0")

    def state():
        return lab.router.run("ip", "neigh", "show", lab.lan2.ip, "dev",
                              "lan0")
    assert wait_until(lambda: "FAILED" in state(), 40)
    lab.lan2.ip_batch(f"addr add {lab.lan2.ip}/24 dev eth0")
    assert wait_until(lambda: "REACHABLE" in state(), 40)
    assert Igd(lab.lan2).specific(40001)
