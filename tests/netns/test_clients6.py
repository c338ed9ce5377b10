# SPDX-License-Identifier: ISC
"""Real programs open pinholes through WANIPv6FirewallControl:1. Traffic from
outside passes, and stops when the pinhole is deleted."""
import re

import pytest

from daemon import upnpc
from lab import (HOST6_IP, HOST6_ULA, LAN6_IP, LAN6_ULA, LONG, OUTSIDE6_IP,
                 blocked, drop6, listener, reaches, wait_until)
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


# ---- libupnp and libgupnp ----------------------------------------------

EACH_LAN = pytest.mark.parametrize("client, found", (
    pytest.param(HOST6_IP, LAN6_IP, marks=pytest.mark.lab(ipv6="only"),
                 id="only"),
    pytest.param(HOST6_IP, LAN6_IP, id="both"),
    pytest.param(HOST6_ULA, LAN6_ULA, marks=pytest.mark.lab(ipv6="ula"),
                 id="ula")))


@pytest.fixture
def walled(lab, stopped):
    """The daemon behind a firewall. An interface has an IPv4 address of its
    own: libupnp 1.8 ignores each interface that has none. The router has no
    such address if the network has IPv6 only."""
    drop6(lab)
    lab.pristine = lab.rules()
    lab.lan1.ip_batch("addr add 169.254.88.10/16 dev eth0")
    return stopped.start()


def opens_and_closes(lab, program, client, found, *heard):
    """The program finds the gateway at @found, and opens port 8000 of
    @client. Each of @heard is an event."""
    def is_open():
        # from outside, a unique local address cannot be reached
        return reaches(lab, "TCP", 8000, server, dst=client) if \
            client == HOST6_IP else client in lab.rules()

    def is_shut():
        return blocked(lab, "TCP", 8000, server, dst=client) if \
            client == HOST6_IP else client not in lab.rules()
    with listener(lab.lan1, "TCP", 8000, client) as server:
        assert is_shut()
        program.says(rf"found http://\[{found}\]:2828/igd2.xml$")
        for event in heard:
            program.says(f"event {event}$")
        program.says(r"opened \d+$")
        assert is_open()
        program.proc.stdin.close()
        assert program.proc.wait(LONG) == 0, program.said()
        assert program.said().endswith("\nclosed\n")
        assert wait_until(is_shut)


@EACH_LAN
@pytest.mark.parametrize("source", ("link-local", "client"))
def test_gupnp(lab, walled, client, found, source):
    """It works from one address, and listens there for events."""
    source = lab.lan1.link_local() if source == "link-local" else client
    program = Client(lab, "/usr/bin/python3", f"{HERE}/client_gupnp6.py",
                     source, client, "8000")
    opens_and_closes(lab, program, client, found, "InboundPinholeAllowed 1")


def libupnp(lab, client):
    return Client(lab, "/usr/bin/python3", f"{HERE}/client_libupnp.py", client,
                  "8000")


@EACH_LAN
def test_libupnp(lab, walled, client, found):
    """It searches and listens at the link-local address. Its CALLBACK names
    another one, if LOCATION does, and it does not listen there."""
    opens_and_closes(lab, libupnp(lab, client), client, found)


def test_libupnp_receives_events(lab, stopped):
    """From a gateway that has a link-local address only. There is no internal
    prefix, so there are no pinholes."""
    lab.router.run("ip", "-6", "addr", "flush", "dev", "lan0", "scope",
                   "global")
    link = lab.router.link_local("lan0")
    drop6(lab)
    lab.pristine = lab.rules()
    stopped.start()
    program = libupnp(lab, HOST6_IP)
    program.says(rf"found http://\[{link}\]:2828/igd2.xml$")
    program.says("event FirewallEnabled 1$")
    program.says("event InboundPinholeAllowed 1$")
    program.says("refused 606$")
    program.proc.stdin.close()
    assert program.proc.wait(LONG) == 0, program.said()


# ---- nat-port-mapper ---------------------------------------------------

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
