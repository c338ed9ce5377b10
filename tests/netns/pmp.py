# SPDX-License-Identifier: ISC
"""Clients of NAT-PMP (RFC 6886) and PCP (RFC 6887) that write and read the
messages by hand, so that a test sees every byte. Each sends a request once:
the lab's wires lose nothing."""
import contextlib
import ipaddress
import os
import socket
import struct

from lab import EXT_IP, LAN_IP, LONG, SLOW, Probe, family_of
from upnp import end_of

SERVER, CLIENTS = 5351, 5350            # UDP ports
GROUP, GROUP6 = "224.0.0.1", "ff02::1"  # of the announcements
NUMBER = {"TCP": 6, "UDP": 17}

# NAT-PMP's result codes that the tests use
NO_ERROR, BAD_VERSION, REFUSED, NO_NETWORK, NO_ROOM, BAD_OPCODE = range(6)

# PCP's
(SUCCESS, UNSUPP_VERSION, NOT_AUTHORIZED, MALFORMED_REQUEST, UNSUPP_OPCODE,
 UNSUPP_OPTION, MALFORMED_OPTION, NETWORK_FAILURE, NO_RESOURCES,
 UNSUPP_PROTOCOL, USER_EX_QUOTA, CANNOT_PROVIDE_EXTERNAL, ADDRESS_MISMATCH,
 EXCESSIVE_REMOTE_PEERS) = range(14)
ANNOUNCE, MAP, PEER = range(3)
THIRD_PARTY, PREFER_FAILURE, FILTER = 1, 2, 3


def mapped(ip):
    """The 16 bytes of an address in PCP."""
    address = ipaddress.ip_address(ip)
    if address.version == 6:
        return address.packed
    return bytes(10) + b"\xff\xff" + address.packed


def text_of(packed):
    """The address of 16 bytes."""
    address = ipaddress.IPv6Address(packed)
    return str(address.ipv4_mapped or address)


class Pmp:
    """A client on @host. Use as a context manager, or close it.

    @ip: the address of the gateway that it asks
    @source: its own address, by default the first one of the route"""

    def __init__(self, host, ip=LAN_IP, source=None, port=0):
        self.host, self.ip = host, ip
        self.source = source or (host.ip6 if ":" in ip else host.ip)
        self.sock = host.socket(socket.SOCK_DGRAM,
                                end_of(host, self.source, port))
        self.sock.settimeout(LONG * SLOW)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, raw):
        self.sock.sendto(raw, end_of(self.host, self.ip, SERVER))

    def receive(self):
        """The next datagram, which must come from where it was asked."""
        raw, peer = self.sock.recvfrom(4096)
        assert peer[:2] == (self.ip, SERVER)
        return raw

    def ask(self, raw):
        self.send(raw)
        return self.receive()

    def late(self):
        """What has arrived and was not read."""
        self.sock.setblocking(False)
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(self.sock.recv(4096))
        self.sock.settimeout(LONG * SLOW)
        return found

    # ---- NAT-PMP

    def address(self):
        """The external address; or the code of the error."""
        found = NatpmpReply(self.ask(b"\0\0"))
        return found.result or found.address

    def epoch(self):
        return NatpmpReply(self.ask(b"\0\0")).epoch

    def map(self, proto, port, ext=0, lifetime=3600):
        """Map a port. It must succeed. Return the answer."""
        found = self.try_map(proto, port, ext, lifetime)
        assert found.result == NO_ERROR, found
        return found

    def try_map(self, proto, port, ext=0, lifetime=3600):
        found = NatpmpReply(self.ask(natpmp_map(proto, port, ext, lifetime)))
        assert (found.opcode, found.port) == (natpmp_opcode(proto), port)
        return found

    def unmap(self, proto, port=0):
        """Delete a mapping, or all of that protocol."""
        found = self.map(proto, port, 0, 0)
        assert (found.ext, found.lifetime) == (0, 0), found

    # ---- PCP

    def pcp(self, opcode, body=b"", lifetime=3600, client=None, options=()):
        """Return the answer, whatever it is."""
        return PcpReply(self.ask(pcp_request(
            opcode, body, lifetime, client or self.source, options)))

    def pcp_map(self, proto, port, ext=0, lifetime=3600, nonce=None,
                options=(), ext_ip=None):
        """Return the answer, whatever it is. @nonce: by default a new one"""
        body = pcp_body(proto, port, ext, nonce,
                        ext_ip or ("::" if ":" in self.source else "0.0.0.0"))
        found = self.pcp(MAP, body, lifetime, options=options)
        assert found.opcode == MAP
        assert (found.nonce, found.proto, found.port) == \
            (body[:12], number_of(proto), port)
        return found

    def pcp_unmap(self, proto, port, nonce, **kw):
        return self.pcp_map(proto, port, 0, 0, nonce, **kw)

    def pcp_peer(self, proto, port, peer, peer_port, ext=0, lifetime=3600,
                 nonce=None, options=()):
        """@peer: the remote host"""
        zero = "::" if ":" in peer else "0.0.0.0"
        body = pcp_body(proto, port, ext, nonce, zero) \
            + struct.pack("!HH", peer_port, 0) + mapped(peer)
        found = self.pcp(PEER, body, lifetime, options=options)
        assert (found.opcode, found.nonce) == (PEER, body[:12])
        return found


# ---- NAT-PMP ---------------------------------------------------------------

def natpmp_opcode(proto):
    return {"UDP": 1, "TCP": 2}[proto]


def natpmp_map(proto, port, ext=0, lifetime=3600):
    return struct.pack("!BBHHHI", 0, natpmp_opcode(proto), 0, port, ext,
                       lifetime)


class NatpmpReply:
    """An answer of NAT-PMP, or the announcement of the address."""

    def __init__(self, raw):
        self.raw = raw
        version, opcode, self.result, self.epoch = struct.unpack_from(
            "!BBHI", raw)
        assert version == 0, raw
        # an answer to another version has opcode 0 (RFC 6886 3.5)
        assert opcode >= 128 or raw[:4] == b"\0\0\0\1", raw
        self.opcode = opcode & 127
        self.address = self.port = self.ext = self.lifetime = None
        if len(raw) == 12:
            self.address = socket.inet_ntoa(raw[8:])
        elif len(raw) == 16:
            self.port, self.ext, self.lifetime = struct.unpack_from(
                "!HHI", raw, 8)
        else:
            assert len(raw) == 8 and self.result, raw
        if self.result and len(raw) > 8:
            assert not any((self.ext, self.lifetime)), raw

    def __repr__(self):
        return f"result {self.result}: {self.raw.hex()}"


# ---- PCP -------------------------------------------------------------------

def number_of(proto):
    return NUMBER.get(proto, proto)


def nonce():
    return os.urandom(12)


def pcp_request(opcode, body=b"", lifetime=0, client="0.0.0.0", options=(),
                version=2):
    return struct.pack("!BBHI", version, opcode, 0, lifetime) \
        + mapped(client) + body + b"".join(options)


def pcp_body(proto, port, ext=0, a_nonce=None, ext_ip="0.0.0.0"):
    """The fields that MAP and PEER have."""
    return (a_nonce or nonce()) + struct.pack(
        "!B3xHH", number_of(proto), port, ext) + mapped(ext_ip)


def option(code, data=b""):
    return struct.pack("!BBH", code, 0, len(data)) + data \
        + bytes(-len(data) % 4)


def third_party(ip):
    return option(THIRD_PARTY, mapped(ip))


def filter_of(ip, port=0, prefix=None):
    """One remote host, or @prefix bits of it (as of its own family)."""
    if prefix is None:
        prefix = 128 if ":" in ip else 32
    if ":" not in ip and prefix:
        prefix += 96
    return option(FILTER, struct.pack("!BBH", 0, prefix, port) + mapped(ip))


class PcpReply:
    """An answer or an announcement of PCP."""

    def __init__(self, raw):
        self.raw = raw
        version, opcode, reserved, self.result, self.lifetime, self.epoch = \
            struct.unpack_from("!BBBBII", raw)
        assert version == 2 and opcode >= 128 and not reserved, raw
        assert len(raw) % 4 == 0 and 24 <= len(raw) <= 1100, raw
        self.opcode = opcode - 128
        if not self.result:
            assert raw[12:24] == bytes(12), raw
        self.nonce = self.ext_ip = None
        self.proto = self.port = self.ext = None
        self.options, at = [], 24
        if self.opcode in (MAP, PEER) and len(raw) >= 60:
            self.nonce = raw[24:36]
            self.proto, self.port, self.ext = struct.unpack_from(
                "!B3xHH", raw, 36)
            self.ext_ip = text_of(raw[44:60])
            at = 60 if self.opcode == MAP else 80
        while at + 4 <= len(raw):
            code, _, n = struct.unpack_from("!BBH", raw, at)
            self.options.append((code, raw[at + 4:at + 4 + n]))
            at += 4 + n + -n % 4
        self.codes = [code for code, _ in self.options]

    def __repr__(self):
        return f"result {self.result}: {self.raw.hex()}"


# ---- announcements ---------------------------------------------------------

class Announced:
    """Collects what is announced on the wire of @host: (version, reply)."""

    def __init__(self, host, ip6=False):
        self.sock = host.socket(socket.SOCK_DGRAM,
                                ("::" if ip6 else "", CLIENTS), reuse=True)
        self.sock.setblocking(False)
        if ip6:
            self.sock.setsockopt(
                socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                socket.inet_pton(socket.AF_INET6, GROUP6)
                + struct.pack("@I", host.ifindex("eth0")))
        self.heard = []

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()

    def drain(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                raw, peer = self.sock.recvfrom(4096)
                kind = PcpReply if raw[0] == 2 else NatpmpReply
                self.heard.append((peer[:2], kind(raw)))
        return self.heard

    def addresses(self, since=0):
        """NAT-PMP's."""
        return [m for _, m in self.drain()[since:]
                if isinstance(m, NatpmpReply)]

    def epochs(self, since=0):
        """PCP's."""
        return [m for _, m in self.drain()[since:] if isinstance(m, PcpReply)]


def unanswered(lab, host, raw, to=LAN_IP, source=None, at=LAN_IP):
    """Does @host get no answer to @raw? @at: the router's address in the
    network of @host. A probe through the router's kernel shows that the
    datagram has arrived, two requests by lan1 that upnpd has read it, and
    another probe that an answer would have arrived."""
    kind = socket.SOCK_DGRAM
    with Probe(host, lab.router, at) as probe, \
            host.socket(kind, end_of(host, source, 0) if source else None,
                        family=family_of(to)) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.sendto(raw, end_of(host, to, SERVER))
        probe.there_and_back()
        with Pmp(lab.lan1) as other:
            for _ in range(2):
                assert other.address() == EXT_IP
        probe.there_and_back()
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            print(sock.recv(4096))
            return False
        return True
