# SPDX-License-Identifier: ISC
"""upnpd serves the quirks of known clients at version 1. Each test sends what
the client sends and reads the reply as the client does, with every igd-version
that has a root of version 1. See docs/protocol.md, "Clients"."""
import re
import socket
import time
import xml.etree.ElementTree as ET

import pytest

from daemon import igd_versions
from lab import EXT_IP, HOST2_IP, HOST_IP, LAN_IP, LONG, in_time, wait_until
from upnp import (CONTROL, GROUP, IGD1, L3F, NS, WANCIC, WANIP, Igd, Reply,
                  answers, http, searcher)

pytestmark = pytest.mark.only("netlink")
URN = "urn:schemas-upnp-org:"
SCPD = {"s": URN + "service-1-0"}
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
TREE = [IGD1, URN + "device:WANDevice:1", URN + "device:WANConnectionDevice:1"]
PPP = URN + "service:WANPPPConnection:1"


def pytest_generate_tests(metafunc):
    if "igd_version" in metafunc.fixturenames:
        metafunc.parametrize("igd_version", igd_versions("both", "1"))


@pytest.fixture
def upnpd(stopped, igd_version):
    stopped.options["igd_version"] = igd_version
    return stopped.start()


# ---- the wire ---------------------------------------------------------

def searches(host, *raw, to=GROUP, n=1):
    """Send these searches together. Return all answers, @n or more. Message
    checks that each field has a colon and occurs once."""
    with searcher(host) as sock:
        start = time.monotonic()
        for one in raw:
            sock.sendto(one.encode(), (to, 1900))
        found = answers(sock, host, start, to, n=n)
    for m in found:
        assert m.size < 1024
        assert m.start == "HTTP/1.1 200 OK"
        assert m.get("EXT") == ""
    return found


def quarter(host, *raw, wanted, **kw):
    """Return the answers of the first 250 ms, which must include @wanted. If
    the machine was too busy, search again after a pause for the rate limit of
    one source."""
    found = []

    def come():
        found[:] = [m for m in searches(host, *raw, **kw) if m.delay < 0.25]
        return {m["ST"] for m in found} >= wanted
    assert in_time(come, every=2), [(m["ST"], m.delay) for m in found]
    return found


def of_root1(found):
    return [m for m in found if m["LOCATION"].endswith("/igd1.xml")]


def exchange(host, *pieces, pause=0.05):
    """Send a request in these pieces, and read a reply of Content-Length
    bytes. Check what all clients need of a reply."""
    with host.socket(socket.SOCK_STREAM) as sock:
        sock.settimeout(LONG)
        sock.connect((LAN_IP, 2828))
        for piece in pieces:
            sock.sendall(piece.encode())
            if piece is not pieces[-1]:
                time.sleep(pause)
        return read_reply(sock)


def read_reply(sock, data=b""):
    while b"\r\n\r\n" not in data:
        data += more(sock)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("ascii").split("\r\n")[1:]
    names = [line.split(":")[0].upper() for line in lines]
    assert all(":" in line for line in lines)
    assert len(names) == len(set(names)), "Open.NAT rejects repeated names"
    assert "TRANSFER-ENCODING" not in names
    reply = Reply(data)
    length = int(reply.headers["CONTENT-LENGTH"])
    assert length > 0, "miniupnpc waits 5 s if the body is empty"
    while len(body) < length:
        body += more(sock)
    assert len(body) == length
    body.decode("ascii")            # Open.NAT counts characters
    assert body.startswith(b"<?xml ")
    assert reply.headers["CONTENT-TYPE"].startswith("text/xml")
    reply.body = body
    return reply


def more(sock):
    data = sock.recv(65536)
    assert data, "closed before its end"
    return data


def request(path, headers, body, version="1.1"):
    lines = [f"POST {path} HTTP/{version}", *headers,
             f"Content-Length: {len(body)}"]
    return "\r\n".join(lines) + "\r\n\r\n" + body


def envelope(action, args, service=WANIP, s="s", u="u", prolog=True, end=""):
    inner = "".join(f"<{k}>{v}</{k}>" for k, v in args.items())
    return (('<?xml version="1.0"?>' if prolog else "") +
            f'<{s}:Envelope xmlns:{s}="{ENVELOPE}" '
            f'{s}:encodingStyle="{ENCODING}"><{s}:Body><{u}:{action} '
            f'xmlns:{u}="{service}">{inner}</{u}:{action}></{s}:Body>'
            f'</{s}:Envelope>{end}')


def mapping(port=40000, proto="TCP", lease=0, client=HOST_IP, remote="",
            desc="game"):
    return {"NewRemoteHost": remote, "NewExternalPort": port,
            "NewProtocol": proto, "NewInternalPort": port,
            "NewInternalClient": client, "NewEnabled": 1,
            "NewPortMappingDescription": desc, "NewLeaseDuration": lease}


def the_key(port=40000, proto="TCP"):
    return {"NewRemoteHost": "", "NewExternalPort": port, "NewProtocol": proto}


class Client:
    """One kind of control point: its headers, its envelope."""

    def __init__(self, lab, headers, **style):
        self.host, self.headers, self.style = lab.lan1, headers, style
        self.igd = Igd(lab.lan1)

    def send(self, action, args, service=WANIP):
        body = envelope(action, args, service, **self.style)
        headers = [h.format(service=service, action=action,
                            host=f"{LAN_IP}:2828") for h in self.headers]
        return exchange(self.host, request(self.igd.urls[service], headers,
                                           body))

    def call(self, action, args, service=WANIP):
        """Return the out-arguments as most clients read them: the content of
        <any prefix:ActionResponse>."""
        reply = self.send(action, args, service)
        assert reply.status == 200, reply.body
        assert reply.headers["EXT"] == ""
        out = ET.fromstring(reply.body).find("s:Body", NS)[0]
        assert out.tag == "{%s}%sResponse" % (service, action)
        return {arg.tag: arg.text or "" for arg in out}

    def fault(self, action, args, service=WANIP):
        reply = self.send(action, args, service)
        assert reply.status == 500      # weupnp reads only this as a fault
        err = ET.fromstring(reply.body).find(
            "s:Body/s:Fault/detail/c:UPnPError", NS)
        assert err.findtext("c:errorDescription", namespaces=NS)
        return int(err.findtext("c:errorCode", namespaces=NS))

    def maps_and_deletes(self, **kw):
        self.call("AddPortMapping", mapping(**kw))
        key = the_key(kw.get("port", 40000), kw.get("proto", "TCP"))
        entry = self.call("GetSpecificPortMappingEntry", key)
        assert entry["NewInternalClient"] == HOST_IP
        self.call("DeletePortMapping", key)
        assert self.fault("GetSpecificPortMappingEntry", key) == 714
        assert self.fault("DeletePortMapping", key) == 714


PLAIN = ['Host: {host}', 'Content-Type: text/xml; charset="utf-8"',
         'SOAPAction: "{service}#{action}"']


def description(lab):
    reply = exchange(lab.lan1, f"GET /igd1.xml HTTP/1.1\r\nHost: {LAN_IP}:"
                     "2828\r\nConnection: close\r\n\r\n")
    assert reply.status == 200
    return ET.fromstring(reply.body)


def scpds(lab):
    """Service type -> its description, of the first root."""
    return {svc.findtext("d:serviceType", namespaces=NS): ET.fromstring(
        http(lab.lan1, "GET", svc.findtext("d:SCPDURL", namespaces=NS)).body)
        for svc in description(lab).iter("{%s}service" % NS["d"])}


def actions(scpd):
    """{action: [(argument, direction, variable)]}, in order."""
    return {a.findtext("s:name", namespaces=SCPD): [
        tuple(arg.findtext("s:" + k, namespaces=SCPD)
              for k in ("name", "direction", "relatedStateVariable"))
        for arg in a.iterfind("s:argumentList/s:argument", SCPD)]
        for a in scpd.iterfind("s:actionList/s:action", SCPD)}


# ---- libtorrent -------------------------------------------------------

def test_libtorrent_search(lab, upnpd):
    """A search without a space after colons, and with three line ends at the
    end, is answered."""
    found = searches(lab.lan1, f"M-SEARCH * HTTP/1.1\r\nHOST: {GROUP}:1900\r\n"
                     "ST:upnp:rootdevice\r\nMAN:\"ssdp:discover\"\r\n"
                     "MX:3\r\n\r\n\r\n")
    assert of_root1(found)
    assert {m["ST"] for m in found} == {"upnp:rootdevice"}


def test_libtorrent_soapaction(lab, upnpd):
    """It spells the header Soapaction, asks for the external address first,
    and requests 3600 seconds and an empty description."""
    client = Client(lab, ["Host: {host}", 'Content-Type: text/xml; '
                          'charset="utf-8"',
                          'Soapaction: "{service}#{action}"'])
    assert client.call("GetExternalIPAddress", {}) == \
        {"NewExternalIPAddress": EXT_IP}
    client.maps_and_deletes(lease=3600, desc="")


@pytest.mark.lab(bridge=True)
def test_libtorrent_gets_718_or_501_for_a_port_in_use(lab, upnpd):
    """Only 718 and 501 make it try another port."""
    Igd(lab.lan2).add(40000)
    assert Client(lab, PLAIN).fault("AddPortMapping", mapping()) in (718, 501)


# ---- miniupnpc --------------------------------------------------------

def mini(lab):
    return Client(lab, ["Host: {host}", "User-Agent: Debian/12, UPnP/1.1, "
                        "MiniUPnPc/2.2.4", "Content-Type: text/xml",
                        'SOAPAction: "{service}#{action}"',
                        "Connection: Close", "Cache-Control: no-cache",
                        "Pragma: no-cache"])


def test_miniupnpc_accepts_the_gateway(lab, upnpd):
    """It needs a WANCommonInterfaceConfig in the tree, exactly "Connected",
    and an external address that is not private; otherwise "no valid IGD"."""
    types = [s.text for s in description(lab).iter(
        "{%s}serviceType" % NS["d"])]
    assert WANCIC in types and WANIP in types
    client = mini(lab)
    status = client.call("GetStatusInfo", {})
    assert status["NewConnectionStatus"] == "Connected"
    assert client.call("GetExternalIPAddress", {}) == \
        {"NewExternalIPAddress": EXT_IP}
    client.maps_and_deletes(proto="UDP")


def test_miniupnpc_connection_is_closed(lab, upnpd):
    """Old versions read until the end of the connection."""
    body = envelope("GetStatusInfo", {})
    with lab.lan1.socket(socket.SOCK_STREAM) as sock:
        sock.settimeout(LONG)
        sock.connect((LAN_IP, 2828))
        sock.sendall(request(Igd(lab.lan1).urls[WANIP], [
            f"Host: {LAN_IP}:2828", f'SOAPAction: "{WANIP}#GetStatusInfo"',
            "Content-Type: text/xml", "Connection: Close"], body).encode())
        read_reply(sock)
        assert sock.recv(1) == b""


def test_transmission_verifies_its_mappings(lab, upnpd):
    """It counts a mapping as made only while GetSpecific confirms it, for both
    protocols."""
    client = mini(lab)
    for proto in ("TCP", "UDP"):
        client.call("AddPortMapping", mapping(51413, proto))
    for proto in ("TCP", "UDP"):
        entry = client.call("GetSpecificPortMappingEntry",
                            the_key(51413, proto))
        assert (entry["NewInternalClient"], entry["NewInternalPort"]) == \
            (HOST_IP, "51413")
        client.call("DeletePortMapping", the_key(51413, proto))
        assert client.fault("GetSpecificPortMappingEntry",
                            the_key(51413, proto)) == 714


# ---- goupnp, Tailscale, Syncthing --------------------------------------

def go_search(st, mx=2, to=GROUP):
    return (f"M-SEARCH * HTTP/1.1\r\nHOST: {to}:1900\r\nMX: {mx}\r\n"
            f"MAN: \"ssdp:discover\"\r\nST: {st}\r\n\r\n")


def test_goupnp_reads_strictly(lab, upnpd):
    """It drops an answer with another ST and a counter above 32 bits. Its
    header names are upper case, and it keeps the connection open."""
    for st in (IGD1, WANIP):
        found = searches(lab.lan1, go_search(st))
        assert found and {m["ST"] for m in found} == {st}
    client = Client(lab, ["HOST: {host}", "USER-AGENT: Go-http-client/1.1",
                          'CONTENT-TYPE: text/xml; charset="utf-8"',
                          'SOAPACTION: "{service}#{action}"',
                          "ACCEPT-ENCODING: gzip"])
    for name in ("BytesSent", "BytesReceived", "PacketsSent",
                 "PacketsReceived"):
        (value,) = client.call(f"GetTotal{name}", {}, WANCIC).values()
        assert 0 <= int(value) < 2 ** 32
    client.maps_and_deletes(proto="UDP", lease=3600)


def test_tailscale_is_answered_within_250_ms(lab, upnpd):
    """It sends three searches at once and ignores answers after 250 ms. It
    requests 7200 seconds."""
    raw = go_search("ssdp:all"), go_search(IGD1)
    wanted = {IGD1, WANIP, "upnp:rootdevice"}
    quarter(lab.lan1, *raw, wanted=wanted)
    quarter(lab.lan1, go_search("ssdp:all", to=LAN_IP), to=LAN_IP,
            wanted=wanted)
    client = Client(lab, PLAIN)
    client.maps_and_deletes(proto="UDP", lease=7200)


def test_syncthing_walks_the_same_version(lab, upnpd):
    """It needs the exact ST, a USN, and :1 all the way down the tree."""
    found = searches(lab.lan1, f"M-SEARCH * HTTP/1.1\r\nHOST: {GROUP}:1900\r\n"
                     f"ST: {IGD1}\r\nMAN: \"ssdp:discover\"\r\nMX: 3\r\n"
                     "USER-AGENT: syncthing/1.0\r\n\r\n")
    (answer,) = found
    assert answer["ST"] == IGD1
    device = description(lab).find("d:device", NS)
    assert answer["USN"].startswith(device.findtext("d:UDN", namespaces=NS))
    for kind, inner in zip(TREE, TREE[1:] + [None]):
        assert device.findtext("d:deviceType", namespaces=NS) == kind
        if inner:
            (device,) = device.iterfind("d:deviceList/d:device", NS)
    assert [s.findtext("d:serviceType", namespaces=NS) for s in
            device.iterfind("d:serviceList/d:service", NS)][0] == WANIP
    Client(lab, PLAIN).maps_and_deletes(lease=3600)


# ---- rust-igd ---------------------------------------------------------

def test_rust_igd_sends_the_arguments_of_the_scpd(lab, upnpd):
    """It sends the in-arguments of the SCPD, in that order, and no other."""
    found = searches(lab.lan1, f"M-SEARCH * HTTP/1.1\r\nHost:{GROUP}:1900\r\n"
                     f"ST:{IGD1}\r\nMan:\"ssdp:discover\"\r\nMX:3\r\n\r\n")
    assert re.fullmatch(r"http://[\d.]+:\d+/\S+", found[0]["LOCATION"])
    listed = actions(scpds(lab)[WANIP])
    client = Client(lab, ["host: {host}", "content-type: text/xml",
                          'SOAPAction: "{service}#{action}"'])

    def args(action):
        known = mapping()
        return {name: known[name] for name, way, _ in listed[action]
                if way == "in"}
    assert set(args("AddPortMapping")) == set(mapping())
    client.call("AddPortMapping", args("AddPortMapping"))
    assert client.igd.mapped() == {("TCP", 40000, HOST_IP, 40000)}
    client.call("DeletePortMapping", args("DeletePortMapping"))
    assert client.fault("DeletePortMapping", args("DeletePortMapping")) == 714


# ---- weupnp, cling ----------------------------------------------------

def test_weupnp_has_other_prefixes(lab, upnpd):
    """It has the prefixes SOAP-ENV and m:, and searches for the service with a
    space after the target."""
    found = searches(lab.lan1, f"M-SEARCH * HTTP/1.1\r\nHOST: {GROUP}:1900\r\n"
                     f"ST: {WANIP} \r\nMAN: \"ssdp:discover\"\r\n"
                     "MX: 2\r\n\r\n")
    assert [m["ST"] for m in found] == [WANIP]
    client = Client(lab, ["Content-Type: text/xml",
                          'SOAPAction: "{service}#{action}"',
                          "Connection: Close", "User-Agent: Java/17",
                          "Host: {host}"], s="SOAP-ENV", u="m")
    assert client.call("GetStatusInfo", {})["NewConnectionStatus"].lower() \
        == "connected"
    client.maps_and_deletes()


def test_cling_gets_an_ext_header(lab, upnpd):
    """It drops an answer without EXT (which searches() checks), ST or USN."""
    found = searches(lab.lan1, f"M-SEARCH * HTTP/1.1\r\nMx: 3\r\nSt: {IGD1}"
                     f"\r\nHost: {GROUP}:1900\r\nMan: \"ssdp:discover\"\r\n"
                     "\r\n")
    assert [m["ST"] for m in found] == [IGD1]
    assert found[0]["USN"].endswith("::" + IGD1)


def test_cling_validates_the_scpds(lab, upnpd):
    """Each argument has a variable, in-arguments come first, and no name
    occurs twice."""
    for scpd in scpds(lab).values():
        names = [v.findtext("s:name", namespaces=SCPD) for v in
                 scpd.iterfind("s:serviceStateTable/s:stateVariable", SCPD)]
        assert len(names) == len(set(names))
        assert len(scpd.findall("s:actionList/s:action", SCPD)) == \
            len(actions(scpd))
        for action, args in actions(scpd).items():
            assert {var for _, _, var in args} <= set(names), action
            ways = [way for _, way, _ in args]
            assert ways == sorted(ways), action     # "in" before "out"
            assert len({name for name, _, _ in args}) == len(args)


# ---- Open.NAT ---------------------------------------------------------

def test_open_nat_burst_is_answered(lab, upnpd, igd_version):
    """It sends twelve searches at once; each for an existing target is
    answered."""
    targets = (WANIP[:-1] + "2", PPP[:-1] + "2", WANIP, PPP)
    raw = [f"M-SEARCH * HTTP/1.1\r\nHOST: {GROUP}:1900\r\n"
           f"MAN: \"ssdp:discover\"\r\nMX: 3\r\nST: {st}\r\n\r\n"
           for _ in range(3) for st in targets]
    found = searches(lab.lan1, *raw, n=3 if igd_version == "1" else 6)
    assert len([m for m in found if m["ST"] == WANIP]) >= 3
    assert not [m for m in found if "WANPPP" in m["ST"]]
    for m in found:
        assert re.match(r"http://\d+\.\d+\.\d+\.\d+:", m["LOCATION"])


def test_open_nat_expect_continue(lab, upnpd):
    """It sends the body after "100 Continue", without a prolog and with two
    line ends after it."""
    body = envelope("AddPortMapping", mapping(), prolog=False, end="\r\n\r\n")
    head, _, _ = request(Igd(lab.lan1).urls[WANIP], [
        'Content-Type: text/xml; charset="utf-8"',
        f'SOAPACTION: "{WANIP}#AddPortMapping"', f"Host: {LAN_IP}:2828",
        "Expect: 100-continue", "Connection: Keep-Alive"],
        body).partition("\r\n\r\n")

    def ask():
        with lab.lan1.socket(socket.SOCK_STREAM) as sock:
            sock.settimeout(LONG)
            sock.connect((LAN_IP, 2828))
            sock.sendall(head.encode() + b"\r\n\r\n")
            start = time.monotonic()
            assert sock.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
            took = time.monotonic() - start
            sock.sendall(body.encode())
            # .NET sends the body after 350 ms anyway
            return read_reply(sock) if took < 0.35 else None
    reply = wait_until(ask)
    assert reply and reply.status == 200
    assert f'AddPortMappingResponse xmlns:u="{WANIP}"' in reply.body.decode()


def test_open_nat_does_not_wait(lab, upnpd):
    """If the body follows the head directly, upnpd may still send the 100
    before the answer."""
    body = envelope("GetExternalIPAddress", {}, prolog=False, end="\r\n\r\n")
    with lab.lan1.socket(socket.SOCK_STREAM) as sock:
        sock.settimeout(LONG)
        sock.connect((LAN_IP, 2828))
        sock.sendall(request(Igd(lab.lan1).urls[WANIP], [
            'Content-Type: text/xml', f"Host: {LAN_IP}:2828",
            f'SOAPACTION: "{WANIP}#GetExternalIPAddress"',
            "Expect: 100-continue"], body).encode())
        data = more(sock)
        interim = b"HTTP/1.1 100 Continue\r\n\r\n"
        if data.startswith(interim):
            data = data[len(interim):]
        assert EXT_IP.encode() in read_reply(sock, data).body


def test_open_nat_gets_713_at_the_end_of_the_list(lab, upnpd):
    client = Client(lab, PLAIN, prolog=False, end="\r\n\r\n")
    assert client.fault("GetGenericPortMappingEntry",
                        {"NewPortMappingIndex": 9}) in (713, 402)
    assert client.fault("DeletePortMapping", the_key()) == 714


# ---- node-nat-upnp ----------------------------------------------------

def test_node_nat_upnp_prefix(lab, upnpd):
    """It looks for ":GetExternalIPAddressResponse", so the element needs a
    prefix. It requests a lease of 1800."""
    client = Client(lab, PLAIN)
    reply = client.send("GetExternalIPAddress", {})
    assert b"<u:GetExternalIPAddressResponse " in reply.body
    assert [m["ST"] for m in searches(lab.lan1, go_search(IGD1))] == [IGD1]
    for svc in description(lab).iter("{%s}service" % NS["d"]):
        assert svc.findtext("d:SCPDURL", namespaces=NS)
        assert svc.findtext("d:controlURL", namespaces=NS)
    client.maps_and_deletes(lease=1800)


# ---- async_upnp_client ------------------------------------------------

TYPES = {"ui1": r"\d{1,3}", "ui2": r"\d{1,5}", "ui4": r"\d{1,10}",
         "i4": r"-?\d{1,10}", "boolean": r"[01]", "string": r"[ -~]*"}


def test_async_upnp_client_validates_replies(lab, upnpd):
    """It calls every getter without arguments and checks the values against
    the SCPD's types and allowed values. It would also call a non-standard
    action that the SCPD lists."""
    Igd(lab.lan1).add(40000)
    client = Client(lab, PLAIN)
    polled = 0
    for service, scpd in scpds(lab).items():
        variables = {v.findtext("s:name", namespaces=SCPD): v for v in
                     scpd.iterfind("s:serviceStateTable/s:stateVariable",
                                   SCPD)}
        assert "GetPortMappingNumberOfEntries" not in actions(scpd)
        for action, args in actions(scpd).items():
            if not action.startswith("Get") or \
                    any(way == "in" for _, way, _ in args):
                continue
            out = client.call(action, {}, service)
            assert list(out) == [name for name, _, _ in args]
            for name, _, var in args:
                check_value(variables[var], out[name])
            polled += 1
    assert polled >= 10


def check_value(variable, value):
    kind = variable.findtext("s:dataType", namespaces=SCPD)
    assert re.fullmatch(TYPES[kind], value), (kind, value)
    if kind.startswith("ui"):
        assert int(value) < 256 ** int(kind[2])
    allowed = [a.text for a in variable.iterfind(
        "s:allowedValueList/s:allowedValue", SCPD)]
    assert not allowed or value in allowed


# ---- Windows, Xbox ----------------------------------------------------

def windows(lab):
    return Client(lab, ["Content-Type: text/xml; charset=\"utf-8\"",
                        'SOAPAction: "{service}#{action}"',
                        "User-Agent: Microsoft-Windows/10.0 UPnP/1.0",
                        "Host: {host}", "Connection: Keep-Alive",
                        "Cache-Control: no-cache", "Pragma: no-cache"],
                  s="SOAP-ENV", u="m")


def test_windows_search(lab, upnpd):
    found = searches(lab.lan1, f"M-SEARCH * HTTP/1.1\r\nHost:{GROUP}:1900\r\n"
                     f"ST:{IGD1}\r\nMan:\"ssdp:discover\"\r\nMX:3\r\n\r\n")
    assert [m["ST"] for m in found] == [IGD1]


def test_windows_sees_nothing_of_version_2(lab, upnpd):
    """Windows ignores a gateway that has an action it does not know."""
    newer = {"AddAnyPortMapping", "DeletePortMappingRange",
             "GetListOfPortMappings"}
    assert set(scpds(lab)) == {L3F, WANCIC, WANIP}
    for scpd in scpds(lab).values():
        assert not newer & set(actions(scpd))
        assert b"SystemUpdateID" not in ET.tostring(scpd)
        assert b"A_ARG_TYPE" not in ET.tostring(scpd)


def test_windows_enumerates_until_713(lab, upnpd):
    """natupnp identifies a mapping by port and protocol, counts up until 713,
    and expects an empty remote host."""
    igd = Igd(lab.lan1)
    for port in (40000, 40001):
        igd.add(port)
        igd.add(port, "UDP")
    client = windows(lab)
    seen = []
    for index in range(5):
        index_arg = {"NewPortMappingIndex": index}
        if index == 4:
            assert client.fault("GetGenericPortMappingEntry",
                                index_arg) == 713
            break
        entry = client.call("GetGenericPortMappingEntry", index_arg)
        assert entry["NewRemoteHost"] == ""
        seen.append((entry["NewExternalPort"], entry["NewProtocol"]))
    assert set(seen) == {(str(p), proto) for p in (40000, 40001)
                         for proto in ("TCP", "UDP")}
    assert len(seen) == 4


def test_windows_typed_argument(lab, upnpd):
    body = envelope("GetGenericPortMappingEntry", {}, s="SOAP-ENV", u="m")
    body = body.replace("></m:", '><NewPortMappingIndex xmlns:dt="urn:schemas-'
                        'microsoft-com:datatypes" dt:dt="ui2">0'
                        "</NewPortMappingIndex></m:")
    Igd(lab.lan1).add(40000)
    reply = exchange(lab.lan1, request(Igd(lab.lan1).urls[WANIP], [
        f"Host: {LAN_IP}:2828", 'Content-Type: text/xml; charset="utf-8"',
        f'SOAPAction: "{WANIP}#GetGenericPortMappingEntry"'], body))
    assert reply.status == 200 and b">40000<" in reply.body


def test_windows_xp_queries_connection_status(lab, upnpd):
    client = windows(lab)
    body = envelope("QueryStateVariable", {"m:varName": "ConnectionStatus"},
                    CONTROL, s="SOAP-ENV", u="m")
    reply = exchange(lab.lan1, request(client.igd.urls[WANIP], [
        f"Host: {LAN_IP}:2828", "Content-Type: text/xml",
        f'SOAPAction: "{CONTROL}#QueryStateVariable"'], body))
    assert reply.status == 200
    out = ET.fromstring(reply.body).find("s:Body", NS)[0]
    assert out.tag == "{%s}QueryStateVariableResponse" % CONTROL
    assert out.findtext("return") == "Connected"


# ---- consoles, scripts, others -----------------------------------------

@pytest.mark.lab(bridge=True)
def test_playstation_gets_718_for_a_port_in_use(lab, upnpd):
    """The mapping of the other console is unchanged."""
    Igd(lab.lan2).add(9308, "UDP")
    client = Client(lab, PLAIN)
    assert client.fault("AddPortMapping", mapping(9308, "UDP")) == 718
    assert client.call("GetSpecificPortMappingEntry", the_key(9308, "UDP"))[
        "NewInternalClient"] == HOST2_IP


@pytest.mark.parametrize("remote", ("", "*", "0.0.0.0", "::"))
def test_scripts_use_any_wildcard_for_the_remote_host(lab, upnpd, remote):
    client = Client(lab, PLAIN)
    client.call("AddPortMapping", mapping(remote=remote))
    entry = client.call("GetGenericPortMappingEntry",
                        {"NewPortMappingIndex": 0})
    assert entry["NewRemoteHost"] == ""
    client.call("DeletePortMapping", the_key())


@pytest.mark.parametrize("proto", ("tcp", "Tcp", "udp"))
def test_scripts_protocol_in_any_case(lab, upnpd, proto):
    client = Client(lab, PLAIN)
    client.call("AddPortMapping", mapping(proto=proto))
    entry = client.call("GetGenericPortMappingEntry",
                        {"NewPortMappingIndex": 0})
    assert entry["NewProtocol"] == proto.upper()


def test_nicotine_headers_end_at_their_line(lab, upnpd):
    """A value ends at the end of its line. nicotine+ failed with a router that
    continued into the next field."""
    client = Client(lab, ["Host:{host}",
                          'SOAPAction:"{service}#{action}"',
                          "Content-Type:text/xml"])
    client.maps_and_deletes()


def test_head_and_body_in_two_segments(lab, upnpd):
    """Most clients send head and body separately. A request byte by byte is
    served as well."""
    raw = request(Igd(lab.lan1).urls[WANIP], [
        f"Host: {LAN_IP}:2828", 'Content-Type: text/xml; charset="utf-8"',
        f'SOAPAction: "{WANIP}#GetStatusInfo"'], envelope("GetStatusInfo", {}))
    head, gap, body = raw.partition("\r\n\r\n")
    assert exchange(lab.lan1, head + gap, body).status == 200
    assert exchange(lab.lan1, *raw, pause=0.001).status == 200


def test_retry_storm_is_answered(lab, upnpd):
    """A refused client requests other ports at once. Each request is answered,
    and the next valid one succeeds."""
    client = Client(lab, PLAIN)
    for port in range(100, 200):
        assert client.fault("AddPortMapping", mapping(port)) in (718, 606)
    client.maps_and_deletes()


def test_description_is_kept_and_escaped(lab, upnpd):
    client = Client(lab, PLAIN)
    client.call("AddPortMapping", mapping(desc="&lt;b&gt;&amp;&#228;" +
                                          "x" * 240))
    entry = client.call("GetGenericPortMappingEntry",
                        {"NewPortMappingIndex": 0})
    assert entry["NewPortMappingDescription"] == "<b>&\u00e4" + "x" * 240


def test_empty_internal_client_is_the_requester(lab, upnpd):
    client = Client(lab, PLAIN)
    client.call("AddPortMapping", mapping(client=""))
    assert client.igd.mapped() == {("TCP", 40000, HOST_IP, 40000)}
