# SPDX-License-Identifier: ISC
"""Real programs open pinholes through WANIPv6FirewallControl:1. Traffic from
outside passes, and stops when the pinhole is deleted."""
import re

import pytest

from daemon import upnpc
from lab import HOST6_IP, LONG, OUTSIDE6_IP, blocked, listener, reaches
from test_clients import HERE, NOT_INSTALLED, Client, npm_installed

BOTH = pytest.mark.parametrize("proto", ("TCP", "UDP"))
NUMBER = {"TCP": "6", "UDP": "17"}

pytestmark = [pytest.mark.lab(ipv6=True), pytest.mark.only("netlink")]


def upnpc6(lab, *args):
    return upnpc(lab.lan1, "-6", *args)


@BOTH
def test_upnpc(lab, upnpd, proto):
    """Each of its commands for pinholes. It finds the gateway by a search for
    version 1."""
    server = listener(lab.lan1, proto, 8000, HOST6_IP)
    assert blocked(lab, proto, 8000, server, dst=HOST6_IP)
    assert "Firewall Enabled: Yes\n   Inbound Pinhole Allowed: Yes\n" in \
        upnpc6(lab, "-S")
    out = upnpc6(lab, "-A", "", "0", HOST6_IP, "8000", proto, "600")
    uid = re.search(r"/ Pinhole ID = (\d+)\n", out).group(1)
    assert reaches(lab, proto, 8000, server, dst=HOST6_IP)
    assert blocked(lab, proto, 8001, server, dst=HOST6_IP)
    # the same pinhole again has the same number
    out = upnpc6(lab, "-A", "", "0", HOST6_IP, "8000", proto, "700")
    assert re.search(r"/ Pinhole ID = (\d+)\n", out).group(1) == uid
    assert f"Pinhole ID = {uid} with Lease Time: 900" in \
        upnpc6(lab, "-U", uid, "900")
    assert f"Pinhole ID = {uid} / IsWorking = Yes" in upnpc6(lab, "-C", uid)
    packets = re.search(rf"Pinhole ID = {uid} / PinholePackets = (\d+)",
                        upnpc6(lab, "-K", uid))
    assert int(packets.group(1)) >= 1
    assert re.search(r"/ Timeout = [1-9]\d*\n", upnpc6(
        lab, "-G", "", "0", HOST6_IP, "8000", NUMBER[proto]))
    assert "UPNP_DeletePinhole() returned : 0" in upnpc6(lab, "-D", uid)
    assert blocked(lab, proto, 8000, server, dst=HOST6_IP)
    assert "failed with code 704" in upnpc6(lab, "-C", uid)


def test_upnpc_names_a_remote_host(lab, upnpd):
    """The pinhole is for one peer. Another one does not pass."""
    server = listener(lab.lan1, "TCP", 8000, HOST6_IP)
    upnpc6(lab, "-A", "2001:db8:11::77", "0", HOST6_IP, "8000", "TCP", "600")
    assert blocked(lab, "TCP", 8000, server, dst=HOST6_IP)
    upnpc6(lab, "-A", OUTSIDE6_IP, "0", HOST6_IP, "8000", "TCP", "600")
    assert reaches(lab, "TCP", 8000, server, dst=HOST6_IP)


def test_upnpc_opens_no_other_host(lab, upnpd):
    """The address is not its own, so the gateway answers 606."""
    out = upnpc6(lab, "-A", "", "0", "2001:db8:88::99", "8000", "TCP", "600")
    assert "failed with code 606" in out


@pytest.mark.clients
@BOTH
def test_nat_port_mapper(lab, upnpd, proto):
    """libp2p's library searches for version 2 only, and sends the actions of
    WANIPv6FirewallControl to WANIPConnection:2. RemotePort is empty."""
    assert npm_installed(), NOT_INSTALLED
    server = listener(lab.lan1, proto, 8000, HOST6_IP)
    client = Client(lab, "node", f"{HERE}/node/client_nat_port_mapper.mjs",
                    proto, "8000", HOST6_IP)
    client.says("mapped ")
    assert reaches(lab, proto, 8000, server, dst=HOST6_IP)
    client.proc.stdin.close()
    assert client.proc.wait(LONG) == 0, client.said()
    assert blocked(lab, proto, 8000, server, dst=HOST6_IP)
