# SPDX-License-Identifier: ISC
"""upnpd serves the quirks of known clients, continued: at a root of version 2,
in events, and in the source port of their packets. Each test sends what the
client sends."""
import re
import socket
import time
import xml.etree.ElementTree as ET

import pytest

from daemon import igd_versions
from lab import (EXT_IP, HOST_IP, LAN_IP, LONG, OUT_IP, listener, reaches,
                 udp_passes, wait_until)
from test_events import Subscriber
from test_quirks import (PLAIN, PPP, TREE, Client, actions, envelope,
                         exchange, go_search, mapping, quarter, read_reply,
                         request, searches, the_key, windows)
from upnp import (FIREWALL, GROUP, IGD1, NS, WANIP, Igd, Listener, Message,
                  Reply, http, max_age, msearch)

pytestmark = pytest.mark.only("netlink")
IGD2, WANIP2 = IGD1[:-1] + "2", WANIP[:-1] + "2"
TREE2 = [kind[:-1] + "2" for kind in TREE]
UNSPOKEN = 10.0         # s; upnpd closes the connection long before that


@pytest.fixture(params=igd_versions("both", "1"))
def upnpd(stopped, request):
    """With each igd-version that has a root of version 1."""
    stopped.options["igd_version"] = request.param
    return stopped.start()


@pytest.fixture(params=igd_versions("both", "2"))
def upnpd2(stopped, request):
    """With each igd-version that has a root of version 2."""
    stopped.options["igd_version"] = request.param
    return stopped.start()


@pytest.fixture
def subscriber(lab):
    sub = Subscriber(lab.lan1)
    yield sub
    sub.close()


def description(lab, n):
    return ET.fromstring(http(lab.lan1, "GET", f"/igd{n}.xml").body)


def text(element, path):
    return element.findtext(path, namespaces=NS)


def service_types(root):
    return [s.text for s in root.iter("{%s}serviceType" % NS["d"])]


def listed(lab, n, service):
    """The actions of a service's SCPD, as actions() in test_quirks returns
    them."""
    (svc,) = [s for s in description(lab, n).iter("{%s}service" % NS["d"])
              if text(s, "d:serviceType") == service]
    return actions(ET.fromstring(
        http(lab.lan1, "GET", text(svc, "d:SCPDURL")).body))


def at_root2(lab, headers=PLAIN, **style):
    client = Client(lab, headers, **style)
    client.igd = Igd(lab.lan1, path="/igd2.xml")
    return client


def ask_event(host, method, *headers, url="/igd1/wanip/event"):
    """SUBSCRIBE or UNSUBSCRIBE with exactly these headers."""
    raw = "\r\n".join([f"{method} {url} HTTP/1.1", *headers]) + "\r\n\r\n"
    with host.socket(socket.SOCK_STREAM) as sock:
        sock.settimeout(LONG)
        sock.connect((LAN_IP, 2828))
        sock.sendall(raw.encode())
        data = b""
        while b"\r\n\r\n" not in data:
            data += sock.recv(4096)
    return Reply(data)


# ---- Windows, Xbox ----------------------------------------------------

def test_windows_gets_events_of_both_variables(lab, upnpd, subscriber):
    """natupnp's event manager needs ExternalIPAddress and
    PortMappingNumberOfEntries; without events it shows old lists."""
    common = ["Cache-Control: no-cache", "Connection: Close",
              "Pragma: no-cache",
              "User-Agent: Microsoft-Windows/10.0 UPnP/1.0",
              f"Host: {LAN_IP}:2828"]
    reply = ask_event(
        lab.lan1, "SUBSCRIBE", "NT: upnp:event",
        f"Callback: <http://{HOST_IP}:{subscriber.port}/upnp/eventing/abcde>",
        "Timeout: Second-1800", *common)
    assert reply.status == 200
    assert reply.headers["TIMEOUT"] == "Second-1800"
    first = subscriber.wait(1)
    assert first.path == "/upnp/eventing/abcde"
    assert first.vars["ExternalIPAddress"] == EXT_IP
    assert "PortMappingNumberOfEntries" in first.vars
    windows(lab).call("AddPortMapping", mapping(40000))
    # the number was 1 before, with the dummy, but the event is sent
    assert subscriber.wait(2).vars == {"PortMappingNumberOfEntries": "1"}
    windows(lab).call("AddPortMapping", mapping(40001))
    assert wait_until(
        lambda: subscriber.told("PortMappingNumberOfEntries")[-1] == "2")
    assert ask_event(lab.lan1, "UNSUBSCRIBE",
                     f"SID: {reply.headers['SID']}", *common).status == 200
    assert ask_event(lab.lan1, "SUBSCRIBE",
                     f"SID: {reply.headers['SID']}", *common).status == 412


def test_windows_needs_a_presentation_url(lab, upnpd):
    """Its network icon opens the presentationURL of the root device."""
    device = description(lab, 1).find("d:device", NS)
    assert re.fullmatch(rf"http://{LAN_IP}(:\d+)?/",
                        text(device, "d:presentationURL"))


def test_windows_fdssdp_search_is_answered(lab, upnpd):
    """Function discovery searches for root devices, without User-Agent."""
    found = searches(lab.lan1, f"M-SEARCH * HTTP/1.1\r\nHost:{GROUP}:1900\r\n"
                     "ST:upnp:rootdevice\r\nMan:\"ssdp:discover\"\r\n"
                     "MX:3\r\n\r\n")
    assert f"http://{LAN_IP}:2828/igd1.xml" in [m["LOCATION"] for m in found]


def test_xbox_leaves_by_its_mapped_port(lab, upnpd):
    """NAT is "open" if the console's packets leave with the port that it
    mapped."""
    windows(lab).call("AddPortMapping", mapping(53074, "UDP") |
                      {"NewInternalPort": 3074})
    with listener(lab.outside, "UDP", 9000) as far:
        assert udp_passes(lab.lan1, OUT_IP, 9000, far, src_port=3074) == \
            (EXT_IP, 53074)


# ---- consoles ---------------------------------------------------------

@pytest.mark.lab(bridge=True)
def test_playstation_takes_the_next_port(lab, upnpd):
    """For 3074 it tries another port after 718. NAT is "type 2" if its packets
    leave with that port."""
    Igd(lab.lan2).add(3074, "UDP")
    client = Client(lab, PLAIN)
    assert client.fault("AddPortMapping", mapping(3074, "UDP")) == 718
    client.call("AddPortMapping", mapping(3075, "UDP") |
                {"NewInternalPort": 3074})
    with listener(lab.outside, "UDP", 9000) as far:
        assert udp_passes(lab.lan1, OUT_IP, 9000, far, src_port=3074) == \
            (EXT_IP, 3075)


def test_permanent_mapping_for_any_remote_host(lab, upnpd):
    """Nintendo Switch and Skype map a port like this; nothing else about them
    is known."""
    client = Client(lab, PLAIN)
    client.call("AddPortMapping", mapping(45000, "UDP", lease=0))
    entry = client.call("GetGenericPortMappingEntry",
                        {"NewPortMappingIndex": 0})
    assert (entry["NewLeaseDuration"], entry["NewRemoteHost"]) == ("0", "")
    client.maps_and_deletes(port=45001, proto="UDP")


# ---- libtorrent -------------------------------------------------------

def test_libtorrent_takes_the_first_connection(lab, upnpd):
    """It uses the first WAN connection of the description, which must work, at
    a path on the host of LOCATION."""
    found = [t for t in service_types(description(lab, 1))
             if re.search("WAN(IP|PPP)Connection", t)]
    assert found == [WANIP]
    assert Igd(lab.lan1).urls[WANIP].startswith("/")


def test_libtorrent_renews(lab, upnpd):
    """It sends the same request after three quarters of 3600 seconds."""
    client = Client(lab, PLAIN)
    for _ in range(2):
        start = time.monotonic()
        client.call("AddPortMapping", mapping(6881, lease=3600, desc=""))
        entry = client.call("GetSpecificPortMappingEntry", the_key(6881))
        least = 3599 - (time.monotonic() - start)
        assert least <= int(entry["NewLeaseDuration"]) <= 3600
        time.sleep(1.1)
    assert client.igd.mapped() == {("TCP", 6881, HOST_IP, 6881)}


# ---- miniupnpc --------------------------------------------------------

@pytest.mark.parametrize("st, answered", (
    (IGD1, 1), (WANIP, 1), (PPP, 0), ("upnp:rootdevice", 1)))
def test_miniupnpc_searches(lab, upnpd, st, answered):
    found = searches(lab.lan1, f"M-SEARCH * HTTP/1.1\r\nHOST: {GROUP}:1900\r\n"
                     f"ST: {st}\r\nMAN: \"ssdp:discover\"\r\nMX: 2\r\n\r\n",
                     n=answered)
    found = [m for m in found if m["LOCATION"].endswith("/igd1.xml")]
    assert [m["ST"] for m in found] == [st] * answered


def test_miniupnpc_empty_body_is_closed(lab, upnpd):
    """It reads a reply of Content-Length 0 until the end of the connection, or
    for five seconds. So upnpd closes the connection even if the request does
    not ask for that."""
    raw = request(Igd(lab.lan1).urls[WANIP], [
        f"Host: {LAN_IP}:2828", "Content-Type: text/plain",
        f'SOAPAction: "{WANIP}#GetStatusInfo"'], envelope("GetStatusInfo", {}))
    with lab.lan1.socket(socket.SOCK_STREAM) as sock:
        sock.settimeout(UNSPOKEN)
        sock.connect((LAN_IP, 2828))
        sock.sendall(raw.encode())
        data = b""
        while more := sock.recv(4096):
            data += more
    reply = Reply(data)
    assert (reply.status, reply.headers["CONTENT-LENGTH"]) == (415, "0")


# ---- async_upnp_client ------------------------------------------------

def test_async_upnp_client_subscribes(lab, upnpd, subscriber):
    """Its event server accepts only a NOTIFY with NT, NTS and SID."""
    for service in ("wanip", "wancic", "l3f"):
        reply = ask_event(
            lab.lan1, "SUBSCRIBE", "NT: upnp:event", "TIMEOUT: Second-1800",
            f"HOST: {LAN_IP}:2828",
            f"CALLBACK: <http://{HOST_IP}:{subscriber.port}/notify>",
            "Accept: */*", "Accept-Encoding: gzip, deflate",
            "User-Agent: Python/3.12 aiohttp/3.9",
            url=f"/igd1/{service}/event")
        assert reply.status == 200
        assert wait_until(lambda: reply.headers["SID"] in
                          [e.fields["SID"] for e in subscriber.events])
    assert not subscriber.faults
    for event in subscriber.events:
        assert (event.method, event.path) == ("NOTIFY", "/notify")
        assert event.fields["NT"] == "upnp:event"
        assert event.fields["NTS"] == "upnp:propchange"


def test_async_upnp_client_presence(lab, upnpd):
    """It counts a device as present from its alive to its byebye, by USN."""
    ear = Listener(lab.lan1)
    try:
        upnpd.stop()
        assert wait_until(lambda: ear.of("ssdp:byebye"))
        gone = {m["USN"] for m in ear.of("ssdp:byebye")}
        since = len(ear.drain())
        upnpd.start()
        assert wait_until(
            lambda: {m["USN"] for m in ear.of("ssdp:alive", since)} == gone)
        for m in ear.of("ssdp:alive", since):
            assert max_age(m) >= 1800 and m["LOCATION"] and m["NT"]
    finally:
        ear.close()


# ---- at version 2 -----------------------------------------------------

def test_tailscale_uses_add_any_port_mapping(lab, upnpd2):
    """It prefers :2, requests a port by AddAnyPortMapping, renews the port
    that it got, and ignores answers to its search after 250 ms."""
    found = quarter(lab.lan1, go_search("ssdp:all"), wanted={IGD2, WANIP2})
    assert {m["LOCATION"] for m in found if m["ST"] in (IGD2, WANIP2)} == \
        {f"http://{LAN_IP}:2828/igd2.xml"}
    client = at_root2(lab)
    assert client.call("GetStatusInfo", {}, WANIP2)[
        "NewConnectionStatus"] == "Connected"
    wish = mapping(41641, "UDP", lease=7200, desc="tailscale-portmap")
    for _ in range(2):
        assert client.call("AddAnyPortMapping", wish, WANIP2) == \
            {"NewReservedPort": "41641"}
    assert client.call("GetExternalIPAddress", {}, WANIP2) == \
        {"NewExternalIPAddress": EXT_IP}
    client.call("DeletePortMapping", the_key(41641, "UDP"), WANIP2)


def test_syncthing_walks_version_2(lab, upnpd2):
    """It searches for :2 first, and needs the exact ST and :2 all the way down
    the tree."""
    (answer,) = searches(lab.lan1, "M-SEARCH * HTTP/1.1\r\n"
                         f"HOST: {GROUP}:1900\r\nST: {IGD2}\r\n"
                         "MAN: \"ssdp:discover\"\r\nMX: 3\r\n"
                         "USER-AGENT: syncthing/1.0\r\n\r\n")
    assert answer["ST"] == IGD2
    device = description(lab, 2).find("d:device", NS)
    assert answer["USN"] == text(device, "d:UDN") + "::" + IGD2
    for kind, inner in zip(TREE2, TREE2[1:] + [None]):
        assert text(device, "d:deviceType") == kind
        if inner:
            (device,) = device.iterfind("d:deviceList/d:device", NS)
    assert [text(s, "d:serviceType") for s in
            device.iterfind("d:serviceList/d:service", NS)] == \
        [WANIP2, FIREWALL]
    client = at_root2(lab)
    client.call("AddPortMapping", mapping(22000, lease=3600), WANIP2)
    client.call("AddPortMapping", mapping(22000, lease=3600), WANIP2)
    client.call("DeletePortMapping", the_key(22000), WANIP2)


def test_rust_igd_names_version_1_at_version_2(lab, upnpd2):
    """It reads the SCPD and always names version 1. The reply is in that
    namespace, and its only result is NewReservedPort."""
    args = listed(lab, 2, WANIP2)["AddAnyPortMapping"]
    known = mapping(40000)
    assert [name for name, way, _ in args if way == "in"] == list(known)
    assert [name for name, way, _ in args if way == "out"] == \
        ["NewReservedPort"]
    client = at_root2(lab, ["host: {host}", "content-type: text/xml",
                            'SOAPAction: "{service}#{action}"'])
    client.igd.urls[WANIP] = client.igd.urls[WANIP2]
    assert client.call("AddAnyPortMapping", known) == \
        {"NewReservedPort": "40000"}
    client.call("DeletePortMapping", the_key())
    # error codes that it knows
    assert client.fault("AddAnyPortMapping", mapping(client=OUT_IP)) == 606
    assert client.fault("AddPortMapping", mapping(80)) == 606
    assert client.fault("AddPortMapping", mapping(desc="x" * 257)) == 605


def test_open_nat_prefers_version_2(lab, upnpd2):
    """It searches for WANIPConnection:2 first, and looks for the response in
    that namespace."""
    found = searches(lab.lan1, f"M-SEARCH * HTTP/1.1\r\nHOST: {GROUP}:1900\r\n"
                     f"MAN: \"ssdp:discover\"\r\nMX: 3\r\nST: {WANIP2}\r\n\r\n")
    assert [(m["ST"], m["LOCATION"]) for m in found] == \
        [(WANIP2, f"http://{LAN_IP}:2828/igd2.xml")]
    client = at_root2(lab, prolog=False, end="\r\n\r\n")
    client.call("AddPortMapping", mapping(), WANIP2)
    assert client.fault("GetGenericPortMappingEntry",
                        {"NewPortMappingIndex": 1}, WANIP2) == 713
    client.call("DeletePortMapping", the_key(), WANIP2)
    assert client.fault("DeletePortMapping", the_key(), WANIP2) == 714


def test_goupnp_gets_a_week_for_a_permanent_lease(lab, upnpd2):
    for st in (IGD2, WANIP2):
        found = searches(lab.lan1, go_search(st))
        assert [m["ST"] for m in found] == [st]
    client = at_root2(lab)
    client.call("AddPortMapping", mapping(proto="UDP", lease=0), WANIP2)
    entry = client.call("GetSpecificPortMappingEntry",
                        the_key(proto="UDP"), WANIP2)
    assert 604800 - 60 < int(entry["NewLeaseDuration"]) <= 604800


# ---- KTorrent ---------------------------------------------------------

def ktorrent(lab, action, args=""):
    """KTorrent 22.12 sends its actions to the eventSubURL, if that begins with
    a slash, with a SOAPAction without quotes; the body follows the head."""
    inner = f"<m:{action} xmlns:m=\"{WANIP}\"" + (
        f">{args}</m:{action}>" if args else "/>")
    body = ('<?xml version="1.0"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://'
            'schemas.xmlsoap.org/soap/envelope/" SOAP-ENV:encodingStyle="http:'
            '//schemas.xmlsoap.org/soap/encoding/"><SOAP-ENV:Body>'
            f"{inner}</SOAP-ENV:Body></SOAP-ENV:Envelope>")
    (svc,) = [s for s in description(lab, 1).iter("{%s}service" % NS["d"])
              if text(s, "d:serviceType") == WANIP]
    url = text(svc, "d:eventSubURL")
    assert url.startswith("/")
    reply = exchange(
        lab.lan1, f"POST {url} HTTP/1.1\r\nHost: {LAN_IP}:2828\r\n"
        "User-Agent: KTorrent/22.12.3\r\nContent-Type: text/xml\r\n"
        f"SOAPAction: {WANIP}#{action}\r\nContent-Length: {len(body)}\r\n"
        "Connection: Keep-Alive\r\nAccept-Encoding: gzip, deflate\r\n"
        "Accept-Language: en,*\r\n\r\n", body)
    assert reply.status == 200
    return reply.body.decode()


def test_ktorrent_sends_actions_to_the_event_url(lab, upnpd):
    """It leaves out NewRemoteHost, as any argument that is empty."""
    found = searches(lab.lan1, f"M-SEARCH * HTTP/1.1\r\nHOST: {GROUP}:1900\r\n"
                     f"ST:{IGD1}\r\nMAN:\"ssdp:discover\"\r\nMX:3\r\n\r\n")
    assert [m["ST"] for m in found] == [IGD1]
    assert f">{EXT_IP}<" in ktorrent(lab, "GetExternalIPAddress")
    key = ("<NewExternalPort>7000</NewExternalPort>"
           "<NewProtocol>TCP</NewProtocol>")
    ktorrent(lab, "AddPortMapping", f"{key}<NewInternalPort>7000"
             f"</NewInternalPort><NewInternalClient>{HOST_IP}"
             "</NewInternalClient><NewEnabled>1</NewEnabled>"
             "<NewPortMappingDescription>KTorrent UPNP 0"
             "</NewPortMappingDescription><NewLeaseDuration>0"
             "</NewLeaseDuration>")
    igd = Igd(lab.lan1)
    assert igd.mapped() == {("TCP", 7000, HOST_IP, 7000)}
    assert igd.entry(0)["NewRemoteHost"] == ""
    ktorrent(lab, "DeletePortMapping", key)
    assert ("TCP", 7000, HOST_IP, 7000) not in igd.mapped()


# ---- bupnp and other JavaScript clients -------------------------------

def test_bupnp_searches_and_maps(lab, upnpd):
    """MAN has no quotes, and the datagram ends after ST. NewEnabled is "True",
    and the arguments are in another order than the standard's."""
    found = searches(lab.lan1, f"M-SEARCH * HTTP/1.1\r\nHOST: {GROUP}:1900\r\n"
                     "MAN: ssdp:discover\r\nMX: 10\r\nST: ssdp:all\r\n")
    assert [m["LOCATION"] for m in found if m["ST"] == IGD1] == \
        [f"http://{LAN_IP}:2828/igd1.xml"]
    client = Client(lab, ["User-Agent: brq", "Connection: close",
                          'Content-Type: text/xml; charset="utf-8"',
                          'SOAPAction: "{service}#{action}"', "Host: {host}"])
    wish = {"NewRemoteHost": "", "NewExternalPort": 40000,
            "NewProtocol": "TCP", "NewInternalClient": HOST_IP,
            "NewInternalPort": 40000, "NewEnabled": "True",
            "NewPortMappingDescription": "upnp:nodejs", "NewLeaseDuration": 0}
    client.call("AddPortMapping", wish)
    assert client.igd.mapped() == {("TCP", 40000, HOST_IP, 40000)}
    client.call("DeletePortMapping", the_key())


@pytest.mark.parametrize("proto", ("TCP", "UDP"))
def test_javascript_clients_without_remote_host(lab, upnpd, proto):
    """Two leave NewRemoteHost out. It means any host."""
    client = Client(lab, PLAIN)
    short, key = mapping(proto=proto), the_key(proto=proto)
    del short["NewRemoteHost"], key["NewRemoteHost"]
    client.call("AddPortMapping", short)
    entry = client.call("GetSpecificPortMappingEntry", key)
    assert (entry["NewInternalClient"], entry["NewEnabled"]) == (HOST_IP, "1")
    assert client.igd.entry(0)["NewRemoteHost"] == ""
    with listener(lab.lan1, proto, 40000) as server:
        assert reaches(lab, proto, 40000, server)
    client.call("DeletePortMapping", key)
    assert client.fault("DeletePortMapping", key) == 714


# ---- TinyUPnP ---------------------------------------------------------

def tiny(sock, line, *headers, body=""):
    """Send each line of the head alone, and two line ends after the body."""
    for one in (f"{line} HTTP/1.1", *headers,
                f"Content-Length: {len(body)}", ""):
        sock.sendall(one.encode() + b"\r\n")
    if body:
        sock.sendall(body.encode() + b"\r\n\r\n")
    return read_reply(sock)


def test_tinyupnp_sends_no_host(lab, upnpd):
    """This library for microcontrollers sends HTTP/1.1 without Host, several
    requests on one connection."""
    plain = 'Content-Type: text/xml; charset="utf-8"'
    with lab.lan1.socket(socket.SOCK_STREAM) as sock:
        sock.settimeout(LONG)
        sock.connect((LAN_IP, 2828))
        root = tiny(sock, "GET /igd1.xml", plain)
        assert root.status == 200
        # it looks for both on the line of the service type
        (line,) = [x for x in root.body.decode().split("\r") if WANIP in x]
        url = re.search("<controlURL>([^<]*)", line[line.index(WANIP):])[1]
        for action, args in (("AddPortMapping", mapping(lease=3600)),
                             ("GetGenericPortMappingEntry",
                              {"NewPortMappingIndex": 0})):
            reply = tiny(sock, f"POST {url}", plain,
                         f'SOAPAction: "{WANIP}#{action}"',
                         body=envelope(action, args))
            assert reply.status == 200
    assert b"<NewExternalPort>40000<" in reply.body


@pytest.mark.parametrize("host", ("evil.example", f"{HOST_IP}:2828"))
def test_another_host_is_refused(lab, upnpd, host):
    """Against DNS rebinding: a browser always sends the name that the page
    has."""
    assert ask_event(lab.lan1, "GET", f"Host: {host}",
                     url="/igd1.xml").status == 403


# ---- every client -----------------------------------------------------

def raw_answer(lab, st):
    with lab.lan1.socket(socket.SOCK_DGRAM, (HOST_IP, 0)) as sock:
        sock.settimeout(LONG)
        sock.sendto(msearch(st), (LAN_IP, 1900))
        return sock.recvfrom(2048)


def test_field_names_are_upper_case(lab, upnpd):
    """Some clients compare them case-sensitively."""
    data, peer = raw_answer(lab, IGD1)
    for name in (b"EXT:", b"LOCATION: ", b"USN: ", b"ST: ", b"SERVER: ",
                 b"CACHE-CONTROL: "):
        assert data.count(b"\r\n" + name) == 1, name
    location = Message(data, peer)["LOCATION"]
    assert len(location) < 64
    assert re.fullmatch(r"http://[A-Za-z0-9.:/]+", location)


def test_description_of_256_bytes_is_stored(lab, upnpd):
    """It is stored whole; control characters are removed, not refused."""
    client = Client(lab, PLAIN)
    client.call("AddPortMapping", mapping(desc="x" * 256))
    client.call("AddPortMapping", mapping(40001, desc="a&#9;b&#10;c"))
    said = [client.call("GetGenericPortMappingEntry",
                        {"NewPortMappingIndex": i})[
                            "NewPortMappingDescription"] for i in (0, 1)]
    assert said == ["x" * 256, "abc"]


def test_no_answer_is_chunked(lab, upnpd):
    """exchange() checks that. The longest documents would be chunked first."""
    for path in ("/igd1.xml", "/igd1/wanip.xml", "/igd1/wancic.xml",
                 "/igd1/l3f.xml"):
        assert exchange(lab.lan1, f"GET {path} HTTP/1.1\r\n"
                        f"Host: {LAN_IP}:2828\r\n\r\n").status == 200
