# SPDX-License-Identifier: ISC
"""Pinholes while addresses change on either side: a host renumbers itself by
router advertisements, the router's external addresses and its external
interface are replaced, and a remote host moves."""
import contextlib
import re
import socket
import struct

import pytest

from lab import (DROP6, EXT6_IP, HOST6_IP, HOST6_ULA, LAN6_IP, OUTSIDE6_IP,
                 OUT_IP, listener, run, wait_until)
from test_network import NEW_EXT, plug, unplug
from test_pinholes import OTHER6_IP, Flow, add_wall, passes, stops
from upnp import Gateway6, Igd, error_of

pytestmark = [pytest.mark.only("netlink"), pytest.mark.lab(ipv6=True)]

OLD, NEW = "2001:db8:88::", "2001:db8:99::"     # each is a /64
NEW_LAN6_IP = NEW + "1"
NEW_EXT6_IP, NEW_GATEWAY6_IP = "2001:db8:12::1", "2001:db8:12::2"
MOVED6_IP = "2001:db8:11::4"
ALL_NODES = "ff02::1"
ROUTER_ADVERTISEMENT, PREFIX_INFORMATION = 134, 3
ON_LINK_AND_AUTONOMOUS = 0xc0


@pytest.fixture
def daemon(lab, stopped):
    """It runs behind a firewall."""
    add_wall(lab, DROP6)
    return stopped.start()


# ---- the host renumbers -----------------------------------------------

def advertise(lab, *prefixes):
    """Send a router advertisement (RFC 4861, 4.2 and 4.6.2) on lan0, with
    pairs of a prefix and its preferred lifetime in seconds."""
    message = struct.pack("!BBHBBHII", ROUTER_ADVERTISEMENT, 0, 0, 64, 0, 1800,
                          0, 0)
    for prefix, preferred in prefixes:
        message += struct.pack(
            "!BBBBIII16s", PREFIX_INFORMATION, 4, 64, ON_LINK_AND_AUTONOMOUS,
            7200, preferred, 0, socket.inet_pton(socket.AF_INET6, prefix))
    lan0 = lab.router.ifindex("lan0")
    source = (lab.router.link_local("lan0"), 0, 0, lan0)
    with lab.router.socket(socket.SOCK_RAW, source,
                           proto=socket.IPPROTO_ICMPV6) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, lan0)
        sock.sendto(message, (ALL_NODES, 0, 0, lan0))


def has(lab, prefix, deprecated=False):
    """The address that lan1 made for itself in @prefix, or None."""
    text = lab.lan1.run("ip", "-6", "-o", "addr", "show", "dev", "eth0",
                        "dynamic", *(["deprecated"] if deprecated else []))
    found = re.search(rf"inet6 ({prefix[:-1]}\S+)/64", text)
    return found and found[1]


def configures_itself(lab):
    """From now on lan1 has addresses and a route by advertisements alone."""
    lab.lan1.ip_batch(f"addr del {HOST6_IP}/64 dev eth0",
                      f"route del default via {LAN6_IP}")
    lab.lan1.sysctl("net.ipv6.conf.eth0.autoconf", 1)
    lab.lan1.sysctl("net.ipv6.conf.eth0.accept_ra", 1)


def test_host_renumbers_by_itself(lab, daemon):
    """The provider assigns another prefix, and the first returns later. Each
    pinhole works while its prefix is there, without a request."""
    configures_itself(lab)
    advertise(lab, (OLD, 3600))
    old = wait_until(lambda: has(lab, OLD))
    with listener(lab.lan1, "TCP", 8000, "::") as server:
        six = Gateway6(lab.lan1)
        uid = six.open(8000, client=old)
        stays = six.open(8000, client=HOST6_ULA)
        assert passes(lab, 8000, server, dst=old)

        lab.router.ip_batch(f"addr add {NEW_LAN6_IP}/64 dev lan0 nodad",
                            f"addr del {LAN6_IP}/64 dev lan0")
        advertise(lab, (OLD, 0), (NEW, 3600))
        new = wait_until(lambda: has(lab, NEW))
        assert wait_until(lambda: has(lab, OLD, deprecated=True)) == old
        assert wait_until(lambda: old not in lab.rules())
        six = Gateway6(lab.lan1, ip=NEW_LAN6_IP)
        assert error_of(six.packets, uid) == 704
        assert error_of(six.open, 8001, client=old) == 606
        assert stops(lab, 8000, server, dst=new)
        another = six.open(8000, client=new)
        assert another != uid
        # the host asks from its new address
        assert six.open(8000, client="") == another
        assert passes(lab, 8000, server, dst=new)
        assert six.packets(stays) == 0

        lab.router.ip_batch(f"addr add {LAN6_IP}/64 dev lan0 nodad")
        advertise(lab, (OLD, 3600), (NEW, 3600))
        assert passes(lab, 8000, server, dst=old)
        assert six.packets(uid) > 0
        assert passes(lab, 8000, server, dst=new)

        lab.router.ip_batch(f"addr del {NEW_LAN6_IP}/64 dev lan0")
        advertise(lab, (OLD, 3600), (NEW, 0))
        assert wait_until(lambda: has(lab, NEW, deprecated=True)) == new
        assert wait_until(lambda: new not in lab.rules())
        assert passes(lab, 8000, server, dst=old)
        six = Gateway6(lab.lan1)
        assert error_of(six.packets, another) == 704
        six.close(uid)
        assert stops(lab, 8000, server, dst=old)


# ---- the external side changes ----------------------------------------

def replace_ipv6(lab):
    """The link to the provider has another prefix."""
    lab.outside.ip_batch(f"addr add {NEW_GATEWAY6_IP}/64 dev eth0 nodad")
    lab.router.ip_batch(f"addr add {NEW_EXT6_IP}/64 dev wan0 nodad",
                        f"route replace default via {NEW_GATEWAY6_IP}",
                        f"addr del {EXT6_IP}/64 dev wan0")
    lab.outside.ip_batch(f"route replace 2001:db8::/32 via {NEW_EXT6_IP}")


def replace_ipv4(lab):
    unplug(lab)
    plug(lab, NEW_EXT)


def replace_interface(lab):
    """As a dial-up connection ends and is made again, with other
    addresses."""
    lab.router.ip_batch("link del wan0")
    run("ip", "link", "add", "wan0", "netns", lab.router.ns, "type", "veth",
        "peer", "name", "eth0", "netns", lab.outside.ns)
    lab.router.ip_batch(f"addr add {NEW_EXT}/24 dev wan0",
                        f"addr add {NEW_EXT6_IP}/64 dev wan0 nodad",
                        "link set wan0 up")
    lab.outside.ip_batch(f"addr add {OUT_IP}/24 dev eth0",
                         f"addr add {OUTSIDE6_IP}/64 dev eth0 nodad",
                         f"addr add {NEW_GATEWAY6_IP}/64 dev eth0 nodad",
                         "link set eth0 up",
                         f"route replace 2001:db8::/32 via {NEW_EXT6_IP}")
    lab.router.ip_batch(f"route add default via {OUT_IP}",
                        f"route add default via {NEW_GATEWAY6_IP}")


@pytest.mark.parametrize("change", (replace_ipv6, replace_ipv4,
                                    replace_interface))
def test_external_side_changes(lab, daemon, change):
    """A pinhole needs no external address. New and established connections
    pass, and it continues to count."""
    six, igd = Gateway6(lab.lan1), Igd(lab.lan1)
    with listener(lab.lan1, "TCP", 8000, HOST6_IP) as server:
        uid = six.open(8000)
        with contextlib.closing(Flow(lab, server)) as flow:
            assert flow.passes()
            count = six.packets(uid)
            change(lab)
            if change is replace_ipv6:
                # what comes later is seen later
                lab.router.ip_batch("addr add 2001:db8:77::1/64 dev lan0 nodad")
                assert wait_until(lambda: "2001:db8:77::1" in lab.router.run(
                    "ss", "-6", "-H", "-n", "-l", "-t"))
            else:
                assert wait_until(lambda: igd.external_ip() == NEW_EXT)
            assert flow.passes()
            assert passes(lab, 8000, server)
            assert flow.passes()
            assert six.packets(uid) > count
            # the pinhole, and no hole in the firewall
            with listener(lab.lan1, "TCP", 8001, HOST6_IP) as other:
                assert stops(lab, 8001, other)
            six.close(uid)
            assert wait_until(lambda: stops(lab, 8000, server))
            assert wait_until(flow.stops)


# ---- the remote side changes ------------------------------------------

def test_remote_host_moves(lab, daemon):
    """Its pinhole is for its former address, so it needs another one."""
    six = Gateway6(lab.lan1)
    with listener(lab.lan1, "TCP", 8000, HOST6_IP) as server:
        uid = six.open(8000, remote=OTHER6_IP)
        assert passes(lab, 8000, server, src_ip=OTHER6_IP)
        lab.outside.ip_batch(f"addr add {MOVED6_IP}/64 dev eth0 nodad",
                             f"addr del {OTHER6_IP}/64 dev eth0")
        assert stops(lab, 8000, server, src_ip=MOVED6_IP)
        moved = six.open(8000, remote=MOVED6_IP)
        assert moved != uid
        assert passes(lab, 8000, server, src_ip=MOVED6_IP)
        # another host gets the former address
        six.close(uid)
        lab.outside.ip_batch(f"addr add {OTHER6_IP}/64 dev eth0 nodad")
        assert stops(lab, 8000, server, src_ip=OTHER6_IP)
        assert stops(lab, 8000, server)
        assert passes(lab, 8000, server, src_ip=MOVED6_IP)
