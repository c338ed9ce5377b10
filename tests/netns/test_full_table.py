# SPDX-License-Identifier: ISC
"""With a full table of flows, a deletion takes no time from other requests."""
import os
import socket
import struct
import time

import pytest

from lab import EXT_IP, HOST_IP, LONG, inside, wait_until

FLOWS = int(os.environ.get("FLOWS", 100000))    # the kernel's limit: 262144


def attr(kind, body):
    """A netlink attribute."""
    return struct.pack("=HH", 4 + len(body), kind) + body + \
        bytes(-len(body) % 4)


def direction(kind, src, dst, sport, dport):
    """A tuple of a UDP flow (linux/netfilter/nfnetlink_conntrack.h)."""
    ips = attr(1, socket.inet_aton(src)) + attr(2, socket.inet_aton(dst))
    ports = attr(1, b"\x11") + attr(2, struct.pack(">H", sport)) + \
        attr(3, struct.pack(">H", dport))
    return attr(kind | 1 << 15, attr(1 | 1 << 15, ips) +
                attr(2 | 1 << 15, ports))


class Table:
    """The router's table of flows, by ctnetlink: the conntrack tool takes
    minutes for a full one."""

    def __init__(self, lab):
        with inside(lab.router.ns):
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
        self.sock.settimeout(LONG)

    @staticmethod
    def ask(kind, flags, attrs=b""):
        head = struct.pack("=IHHII", 20 + len(attrs), 1 << 8 | kind, flags,
                           0, 0) + struct.pack("=BBH", 2, 0, 0)
        return head + attrs

    def count(self):
        self.sock.send(self.ask(5, 1))          # IPCTNL_MSG_CT_GET_STATS
        return struct.unpack_from(">I", self.sock.recv(4096), 24)[0]

    def fill(self, n, ext, client, int_port):
        """Add @n flows from outside that port @ext leads to @client."""
        nat = attr(13 | 1 << 15, attr(1, socket.inet_aton(client)) +
                   attr(3 | 1 << 15, attr(1, struct.pack(">H", int_port)) +
                        attr(2, struct.pack(">H", int_port))))
        rest = nat + attr(7, struct.pack(">I", 600))
        src, port = "1.2.3.4", 4321             # found in the message below
        one = self.ask(0, 0x401, direction(1, src, EXT_IP, port, ext) +
                       direction(2, EXT_IP, src, ext, port) + rest)
        parts = one.split(socket.inet_aton(src))
        todo = []
        for i in range(n):
            who = struct.pack(">I", (11 << 24) + i)
            todo.append(who.join(parts))
            if len(todo) == 500 or i == n - 1:
                self.sock.send(b"".join(todo))
                todo = []


@pytest.mark.only("netlink")
def test_others_are_served_while_many_flows_end(lab, igd):
    """A walk over a full table takes seconds, but no request waits for it."""
    igd.add(40000, "UDP", 8000)
    table = Table(lab)
    start = time.monotonic()
    table.fill(FLOWS, 40000, HOST_IP, 8000)
    print(f"filled in {time.monotonic() - start:.1f} s")
    assert table.count() >= FLOWS
    start = time.monotonic()
    igd.delete(40000, "UDP")
    took = time.monotonic() - start
    left = table.count()
    print(f"deleted in {took * 1000:.1f} ms, {left} flows are left")
    assert left > FLOWS / 2
    longest, n, start = 0, 0, time.monotonic()
    while table.count() > FLOWS / 10 and time.monotonic() < start + LONG:
        asked = time.monotonic()
        igd.add(40001 + n % 8, "TCP", 8001)
        longest = max(longest, time.monotonic() - asked)
        n += 1
    print(f"{n} mappings added meanwhile, in {longest * 1000:.1f} ms or less")
    assert n > 1
    assert wait_until(lambda: table.count() < 1000)
    print(f"all flows ended after {time.monotonic() - start:.1f} s")
