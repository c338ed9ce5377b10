# SPDX-License-Identifier: ISC
"""tshark's dissectors of NAT-PMP and PCP read everything that upnpd sends, and
find no malformed field."""
import os
import re
import socket
import subprocess

import pytest

from lab import (HOST2_IP, HOST6_IP, HOST_IP, LAN6_IP, LAN_IP, OUT2_IP,
                 OUTSIDE6_IP, wait_until)
from pmp import (ANNOUNCE, MAP, PREFER_FAILURE, SUCCESS, Announced, Pmp,
                 filter_of, nonce, option, pcp_body, pcp_request,
                 third_party)
from test_network import NEW_EXT, plug, unplug

FIELDS = ("_ws.col.Protocol", "_ws.malformed", "_ws.expert.message", "ip.dst",
          "ipv6.dst", "udp.payload", "_ws.col.Info")
# What it says of errors, which copy the request.
COPIED = r"|Unknown option: 99|Unknown opcode: .*|Unknown opcode"


class Capture:
    """tshark on the router's side of the LAN. Use as a context manager; the
    messages are there at the end."""

    def __init__(self, lab):
        self.lab, self.file = lab, lab.path("capture.pcapng")
        self.proc = None

    def __enter__(self):
        self.proc = subprocess.Popen(
            ["ip", "netns", "exec", self.lab.router.ns, "tshark", "-q", "-i",
             "lan0", "-f", "udp", "-w", self.file],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        assert wait_until(self.marked, 60, 0.2), "tshark does not capture"
        return self

    def marked(self):
        """Send a word to the router, to a port where nobody is. Is it in the
        file? If so, everything before it is, too."""
        word = os.urandom(16)
        with self.lab.lan1.socket(socket.SOCK_DGRAM) as sock:
            sock.sendto(word, (LAN_IP, 9))

        def there():
            try:
                with open(self.file, "rb") as f:
                    return word in f.read()
            except FileNotFoundError:
                return False
        return wait_until(there, 1)

    def __exit__(self, *exc):
        assert wait_until(self.marked)
        self.proc.terminate()
        self.proc.wait()

    def read(self):
        """[{field: text}] of what upnpd has sent"""
        out = subprocess.run(
            ["tshark", "-n", "-r", self.file, "-Y",
             "udp.srcport == 5351", "-T", "fields", "-E", "separator=|",
             *(word for name in FIELDS for word in ("-e", name))],
            text=True, check=True, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL).stdout
        return [dict(zip(FIELDS, line.split("|")))
                for line in out.splitlines()]


def everything(lab, stopped):
    """Each kind of answer, update and announcement."""
    stopped.start()
    with Announced(lab.lan1) as ear, Announced(lab.lan1, ip6=True) as ear6, \
            Pmp(lab.lan1) as pmp, Pmp(lab.lan1, LAN6_IP) as six:
        assert wait_until(lambda: len(ear.addresses()) and
                          len(ear.epochs()) and len(ear6.epochs()))
        natpmp(pmp)
        pcp(pmp, OUT2_IP, third_party(HOST2_IP))
        pcp(six, OUTSIDE6_IP, filter_of(OUTSIDE6_IP))
        unplug(lab)
        plug(lab, NEW_EXT)
        assert wait_until(lambda: pmp.late())       # mapping updates


def natpmp(pmp):
    pmp.address()
    pmp.map("TCP", 8000, 40000)
    pmp.map("UDP", 8001)
    pmp.unmap("UDP", 8001)
    pmp.unmap("UDP")
    pmp.try_map("TCP", 22)
    pmp.ask(bytes((0, 9)))              # an opcode that there is not
    pmp.ask(bytes((9, 0)) + bytes(22))  # a version
    pmp.ask(pcp_request(9, bytes(12), 0, HOST_IP))


def pcp(pmp, peer, one_option):
    mine = nonce()
    assert pmp.pcp(ANNOUNCE).result == SUCCESS
    for options in ([], [option(PREFER_FAILURE)], [filter_of(peer)],
                    [filter_of(peer, 7777)], [one_option],
                    [option(200, b"odd")], [option(99, b"abc")]):
        pmp.pcp_map("UDP", 9000, 9000, nonce=mine, options=options)
        pmp.pcp_unmap("UDP", 9000, mine)
    pmp.pcp_map("UDP", 9001, 41000)
    pmp.pcp_peer("UDP", 9002, peer, 7777)
    pmp.pcp_map(1, 9000)
    pmp.pcp_map("TCP", 0)
    pmp.pcp(MAP, pcp_body("TCP", 8000), client=HOST6_IP)


@pytest.mark.clients
@pytest.mark.only("netlink")
@pytest.mark.lab(ipv6=True)
def test_no_malformed_field(lab, stopped):
    with Capture(lab) as capture:
        everything(lab, stopped)
    sent = capture.read()
    assert len(sent) > 40
    for message in sent:
        assert message["_ws.col.Protocol"] in ("NAT-PMP", "PCP v2"), message
        assert not message["_ws.malformed"], message
        for said in message["_ws.expert.message"].split(","):
            assert re.fullmatch(COPIED, said), message
    groups = {m["ip.dst"] or m["ipv6.dst"] for m in sent}
    assert {"224.0.0.1", "ff02::1", HOST_IP, HOST6_IP} <= groups
