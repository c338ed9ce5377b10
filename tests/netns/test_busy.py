# SPDX-License-Identifier: ISC
"""A firewall with thousands of rules, and a program that changes some all the
time: requests are answered, and a change of the address is followed."""
import socket
import struct
import threading
import time

import pytest

from lab import EXT_IP, OUT_IP, inside, wait_until

RULES = 10000
MOVED_IP = "11.22.33.77"
INET, REQUEST, CREATE, APPEND = 1, 1, 0x400, 0x800
BEGIN, END, NEWTABLE, DELTABLE, NEWRULE, DELRULE = \
    0x10, 0x11, 0xa00, 0xa02, 0xa06, 0xa08
# Each pair of transactions, and what they are about.
CHURNS = {
    "another table": (NEWTABLE, DELTABLE, "churn"),
    "the same table": (NEWRULE, DELRULE, "site", "busy"),
}

SITE = """
table inet site {
    chain busy {}
    chain bans {
        %s
    }
    chain forward {
        type filter hook forward priority 0; policy drop;
        ct state established,related accept
        jump bans
        iifname "lan0" accept
    }
}
"""


def message(kind, flags, *names):
    """A message of nf_tables; without names, the begin or end of a batch."""
    body = struct.pack("!BBH", INET if names else 0, 0, 0 if names else 10)
    for number, name in enumerate(names, 1):
        name = name.encode() + b"\0"
        body += struct.pack("=HH", 4 + len(name), number) + name
        body += bytes(-len(body) % 4)
    return struct.pack("=IHHII", 16 + len(body), kind, flags | REQUEST, 0,
                       0) + body


class Churn:
    """A program that makes a transaction every 5 ms. Use as a context
    manager."""

    def __init__(self, host, first, second, *names):
        self.pair = [self.transaction(kind, flags, *names)
                     for kind, flags in ((first, CREATE | APPEND),
                                         (second, 0))]
        with inside(host.ns):
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    @staticmethod
    def transaction(*what):
        return message(BEGIN, 0) + message(*what) + message(END, 0)

    def run(self):
        while not self.over.is_set():
            for one in self.pair:
                self.sock.send(one)
                self.over.wait(0.005)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.over.set()
        self.thread.join()
        self.sock.close()


def map_ports(gateway, first):
    """Map ten ports, one after the other. Return the time that one took: the
    third best, because the machine may be busy with other things."""
    took = []
    for port in range(first, first + 10):
        begin = time.monotonic()
        assert gateway.code(gateway.igd.add, port, "TCP", 8000) == 0
        took.append(time.monotonic() - begin)
    return sorted(took)[2]


@pytest.mark.parametrize("churn", CHURNS)
def test_busy_firewall(gateway, churn):
    """A request does not wait until all rules were read again: that takes a
    hundred times as long as the request, and several tries."""
    gateway.nft(SITE % "\n".join(f"ip saddr 10.{i >> 8}.{i & 255}.1 drop"
                                 for i in range(RULES)))
    gateway.upnpd.start()
    gateway.add(40000)
    quiet = map_ports(gateway, 40010)
    with Churn(gateway.rt, *CHURNS[churn]):
        busy = map_ports(gateway, 40020)
        assert busy < 50 * quiet
        gateway.rt.ip_batch(f"addr del {EXT_IP}/24 dev wan0",
                            f"addr add {MOVED_IP}/24 dev wan0",
                            f"route add default via {OUT_IP}")
        assert wait_until(lambda: f": {MOVED_IP} ." in gateway.rt.run(
            "nft", "list", "map", "ip", "upnpd", "leave_as"))
        map_ports(gateway, 40030)
    print(quiet, busy)
