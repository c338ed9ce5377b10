# SPDX-License-Identifier: ISC
"""A control point that speaks SOAP and SSDP directly, so that a test sees
every byte, which upnpc would hide."""
import contextlib
import re
import select
import socket
import struct
import time
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

from lab import (HOST6_IP, HOST_IP, LAN6_IP, LAN_IP, LONG, SLOW, Probe,
                 family_of)

GROUP = "239.255.255.250"
WANIP = "urn:schemas-upnp-org:service:WANIPConnection:1"
WANCIC = "urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1"
FIREWALL = "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1"
L3F = "urn:schemas-upnp-org:service:Layer3Forwarding:1"
IGD1 = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
CONTROL = "urn:schemas-upnp-org:control-1-0"
NS = {"d": "urn:schemas-upnp-org:device-1-0",
      "s": "http://schemas.xmlsoap.org/soap/envelope/", "c": CONTROL}


class UpnpError(Exception):
    def __init__(self, code, text):
        super().__init__(f"{code} {text}")
        self.code, self.text = code, text


class Reply:
    """One HTTP answer."""

    def __init__(self, raw):
        head, gap, self.body = raw.partition(b"\r\n\r\n")
        assert gap, f"the head is incomplete: {raw[:200]!r}"
        lines = head.decode("ascii").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.strip().upper()] = value.strip()


def url_host(ip):
    """An address as the host of a URL."""
    return f"[{ip}]" if ":" in ip else ip


def end_of(host, ip, port):
    """An address for bind() or connect() on @host. A link-local one is on the
    link of its eth0."""
    if ip.startswith("fe80:"):
        return ip, port, 0, host.ifindex("eth0")
    return ip, port


def http(host, method, path, body="", headers=(), ip=LAN_IP, port=2828,
         source=None, timeout=LONG, name=None):
    """Send one request on a new connection. @name: in the Host field, instead
    of the address and the port"""
    body = body.encode()
    head = [f"{method} {path} HTTP/1.1",
            f"Host: {name or f'{url_host(ip)}:{port}'}",
            "Connection: close", *headers]
    if body or method == "POST":
        head.append(f"Content-Length: {len(body)}")
    raw = "\r\n".join(head).encode() + b"\r\n\r\n" + body
    with host.socket(socket.SOCK_STREAM,
                     end_of(host, source, 0) if source else None,
                     family=family_of(ip)) as sock:
        sock.settimeout(timeout)
        sock.connect(end_of(host, ip, port))
        sock.sendall(raw)
        data = b""
        while more := sock.recv(65536):
            data += more
    reply = Reply(data)
    assert len(reply.body) == int(reply.headers["CONTENT-LENGTH"])
    return reply


def soap_body(service, action, args):
    inner = "".join(f"<{k}>{escape(str(v))}</{k}>" for k, v in args.items())
    return ('<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="http://schemas.'
            'xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.'
            f'xmlsoap.org/soap/encoding/"><s:Body><u:{action} xmlns:u='
            f'"{service}">{inner}</u:{action}></s:Body></s:Envelope>\r\n')


class Igd:
    """The gateway, for a control point on @host."""

    def __init__(self, host, ip=LAN_IP, port=2828, source=None,
                 path="/igd1.xml"):
        self.host, self.ip, self.port, self.source = host, ip, port, source
        self.path = path
        self._urls = None

    @property
    def urls(self):
        """Service type -> path of its control URL."""
        if self._urls is None:
            doc = http(self.host, "GET", self.path, ip=self.ip,
                       port=self.port, source=self.source)
            assert doc.status == 200
            root = ET.fromstring(doc.body)
            self._urls = {
                svc.findtext("d:serviceType", namespaces=NS):
                svc.findtext("d:controlURL", namespaces=NS)
                for svc in root.iter("{%s}service" % NS["d"])}
        return self._urls

    def call(self, action, service=WANIP, timeout=LONG, **args):
        """Call an action. Return its out-arguments, or raise UpnpError."""
        name = "QueryStateVariable" if service is CONTROL else action
        url = self.urls[WANIP if service is CONTROL else service]
        reply = http(self.host, "POST", url, soap_body(service, name, args),
                     ['Content-Type: text/xml; charset="utf-8"',
                      f'SOAPAction: "{service}#{name}"'],
                     ip=self.ip, port=self.port, source=self.source,
                     timeout=timeout)
        return _outcome(reply, service, name)

    def query(self, var):
        return self.call("", CONTROL, varName=var)["return"]

    def add(self, ext, proto="TCP", int_port=None, client=None, lease=0,
            remote="", enabled=1, desc="test", **kw):
        return self.call(
            "AddPortMapping", NewRemoteHost=remote, NewExternalPort=ext,
            NewProtocol=proto, NewInternalPort=int_port or ext,
            NewInternalClient=self.source or self.host.ip
            if client is None else client,
            NewEnabled=enabled, NewPortMappingDescription=desc,
            NewLeaseDuration=lease, **kw)

    def delete(self, ext, proto="TCP", remote=""):
        return self.call("DeletePortMapping", NewRemoteHost=remote,
                         NewExternalPort=ext, NewProtocol=proto)

    def specific(self, ext, proto="TCP", remote=""):
        return self.call("GetSpecificPortMappingEntry", NewRemoteHost=remote,
                         NewExternalPort=ext, NewProtocol=proto)

    def entry(self, index):
        return self.call("GetGenericPortMappingEntry",
                         NewPortMappingIndex=index)

    def entries(self):
        """All entries, read as clients do: until error 713."""
        found = []
        while True:
            try:
                found.append(self.entry(len(found)))
            except UpnpError as e:
                assert e.code == 713
                return found

    def mapped(self):
        """{(protocol, external port, client, internal port)}"""
        return {(e["NewProtocol"], int(e["NewExternalPort"]),
                 e["NewInternalClient"], int(e["NewInternalPort"]))
                for e in self.entries()}

    def external_ip(self):
        return self.call("GetExternalIPAddress")["NewExternalIPAddress"]

    def status(self):
        return self.call("GetStatusInfo")["NewConnectionStatus"]


class Gateway6(Igd):
    """IGD:2, for its actions about pinholes."""

    def __init__(self, host, ip=LAN6_IP, source=None, **kw):
        super().__init__(host, ip=ip, source=source, path="/igd2.xml", **kw)

    def ask(self, action, **args):
        return self.call(action, FIREWALL, **args)

    def open(self, port=8080, client=HOST6_IP, proto=6, lease=3600,
             remote="", remote_port=0):
        return int(self.ask(
            "AddPinhole", RemoteHost=remote, RemotePort=remote_port,
            InternalClient=client, InternalPort=port, Protocol=proto,
            LeaseTime=lease)["UniqueID"])

    def renew(self, uid, lease=3600):
        return self.ask("UpdatePinhole", UniqueID=uid, NewLeaseTime=lease)

    def close(self, uid):
        return self.ask("DeletePinhole", UniqueID=uid)

    def packets(self, uid):
        return int(self.ask("GetPinholePackets",
                            UniqueID=uid)["PinholePackets"])

    def works(self, uid):
        return self.ask("CheckPinholeWorking", UniqueID=uid)["IsWorking"]

    def timeout(self, proto=6, client=HOST6_IP, port=8080):
        return int(self.ask(
            "GetOutboundPinholeTimeout", RemoteHost="", RemotePort=0,
            InternalClient=client, InternalPort=port,
            Protocol=proto)["OutboundPinholeTimeout"])


def _outcome(reply, service, name):
    root = ET.fromstring(reply.body)
    if reply.status == 500:
        err = root.find("s:Body/s:Fault/detail/c:UPnPError", NS)
        raise UpnpError(int(err.findtext("c:errorCode", namespaces=NS)),
                        err.findtext("c:errorDescription", namespaces=NS))
    assert reply.status == 200, reply.status
    out = root.find("s:Body", NS)[0]
    assert out.tag == "{%s}%sResponse" % (service, name)
    return {arg.tag: arg.text or "" for arg in out}


def error_of(call, *args, **kw):
    """The UPnP error code of a call that must fail."""
    try:
        result = call(*args, **kw)
    except UpnpError as e:
        return e.code
    raise AssertionError(f"no error, but {result}")


# ---- SSDP -------------------------------------------------------------

class Message:
    """An SSDP datagram: an answer or a NOTIFY."""

    def __init__(self, data, peer, delay=0.0):
        head, gap, rest = data.decode("ascii").partition("\r\n\r\n")
        assert gap and not rest, data
        self.start, *lines = head.split("\r\n")
        self.peer, self.delay, self.size = peer, delay, len(data)
        self.fields = {}
        for line in lines:
            name, colon, value = line.partition(":")
            assert colon, line
            assert name.upper() not in self.fields, f"twice: {name}"
            self.fields[name.upper()] = value.strip()

    def __getitem__(self, name):
        return self.fields[name]

    def get(self, name):
        return self.fields.get(name)

    @property
    def boot_id(self):
        return int(self.fields["BOOTID.UPNP.ORG"])


def msearch(st, mx=1, man='"ssdp:discover"'):
    lines = ["M-SEARCH * HTTP/1.1", f"HOST: {GROUP}:1900", f"MAN: {man}",
             f"ST: {st}"]
    if mx is not None:
        lines.append(f"MX: {mx}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


ROOT = "upnp:rootdevice"
SPREAD = 0.1        # s, the most by which upnpd delays an answer


@contextlib.contextmanager
def searcher(host, source=None):
    """A socket on @host for searches and their answers."""
    source = source or host.ip
    with host.socket(socket.SOCK_DGRAM, (source, 0)) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                        socket.inet_aton(source))
        sock.settimeout(LONG)
        yield sock


def search(host, st, to=GROUP, source=None, wait=LONG, n=1, **kw):
    """Search. Return all answers; see answers()."""
    with searcher(host, source) as sock:
        sent = time.monotonic()
        sock.sendto(msearch(st, **kw), (to, 1900))
        return answers(sock, host, sent, to, source, wait, n)


def answers(sock, host, sent, to=GROUP, source=None, wait=LONG, n=1):
    """Return all answers to the search that @sock sent at the time @sent. Wait
    for @n answers, at most @wait seconds, and then until two later searches
    are answered, so that no answer is still to come."""
    found = []

    def read():
        data, peer = sock.recvfrom(4096)
        found.append(Message(data, peer, time.monotonic() - sent))

    sock.settimeout(wait)
    with contextlib.suppress(socket.timeout):
        while len(found) < n:
            read()
    while len(found) >= n and _later(sock, host, to, source, read):
        pass
    return found


def _later(sock, host, to, source, read):
    """Send two more searches, each until it is answered, the second after
    SPREAD, and read from @sock meanwhile. Return the number of messages that
    arrived: if there were any, more may follow."""
    count = 0
    for pause in (SPREAD, 0):
        with searcher(host, source) as probe:
            end = time.monotonic() + LONG * SLOW
            ready = []
            while probe not in ready:
                assert time.monotonic() < end, "a later search is not answered"
                if not ready:       # the rate limit allows one each second
                    probe.sendto(msearch(ROOT), (to, 1900))
                ready = select.select([sock, probe], [], [], 1)[0]
                if sock in ready:
                    read()
                    count += 1
                    ready = [sock]
        while select.select([sock], [], [], pause)[0]:
            read()
            count += 1
    return count


def unanswered(lab, host, raw, at=LAN_IP, to=GROUP, source=None):
    """Does @host get no answer to @raw? @at: the router's address in the
    network of @host. A probe through the router's kernel shows that the search
    has arrived, two searches by lan1 that upnpd has read it, and another probe
    that an answer would have arrived."""
    with Probe(host, lab.router, at) as probe, \
            searcher(host, source) as sock:
        sock.sendto(raw, (to, 1900))
        probe.there_and_back()
        assert search(lab.lan1, ROOT), "upnpd does not answer lan1"
        probe.there_and_back()
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            print(sock.recv(4096))
            return False
        return True


def group_socket(host, ip=None, bind="", reuse=True):
    """A socket on port 1900 that receives the group, like a media server's."""
    sock = host.socket(socket.SOCK_DGRAM, (bind, 1900), reuse)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                    struct.pack("4s4s", socket.inet_aton(GROUP),
                                socket.inet_aton(ip or host.ip)))
    return sock


class Listener:
    """Collects the NOTIFYs that arrive at @host."""

    def __init__(self, host=None, ip=HOST_IP):
        self.sock = group_socket(host, ip)
        self.sock.setblocking(False)
        self.heard = []

    def drain(self):
        while True:
            try:
                data, peer = self.sock.recvfrom(4096)
            except BlockingIOError:
                return self.heard
            if data.startswith(b"NOTIFY"):
                self.heard.append(Message(data, peer))

    def of(self, nts, since=0):
        return [m for m in self.drain()[since:] if m["NTS"] == nts]

    def close(self):
        self.sock.close()


def max_age(message):
    return int(re.fullmatch(r"max-age\s*=\s*(\d+)",
                            message["CACHE-CONTROL"]).group(1))
