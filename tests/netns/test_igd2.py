# SPDX-License-Identifier: ISC
"""The root devices IGD:1 and IGD:2 are served as their versions require, and
share one mapping table."""
import socket
import subprocess
import xml.etree.ElementTree as ET

import pytest

from daemon import upnpc
from lab import (HOST_IP, LAN_IP, LONG, blocked, listener, reaches,
                 wait_until)
from upnp import (CONTROL, FIREWALL, IGD1, L3F, NS, WANCIC, WANIP, Igd, Reply,
                  UpnpError, _outcome, error_of, http, search, soap_body)

WANIP2 = WANIP[:-1] + "2"
IGD2 = IGD1[:-1] + "2"
SCPD = {"s": "urn:schemas-upnp-org:service-1-0"}
GW = {"p": "urn:schemas-upnp-org:gw:WANIPConnection"}
ROOTS = {"both": (1, 2), "1": (1,), "2": (2,)}
VERSION_2 = {"AddAnyPortMapping", "DeletePortMappingRange",
             "GetListOfPortMappings"}

pytestmark = pytest.mark.only("netlink")


def each_version(test):
    """Run @test with each igd-version; it gets the roots that are enabled."""
    marks = [pytest.param(roots, id=name,
                          marks=pytest.mark.conf(igd_version=name))
             for name, roots in ROOTS.items()]
    return pytest.mark.parametrize("roots", marks)(test)


def location(n):
    return f"http://{LAN_IP}:2828/igd{n}.xml"


def answering(lab, st, n=1):
    """The roots that answer a search, in order, with repeats; @n in all."""
    return sorted(int(m["LOCATION"][-5]) for m in
                  search(lab.lan1, st, n=n))


def fetch(lab, path):
    reply = http(lab.lan1, "GET", path)
    assert reply.status == 200, path
    return reply.body


def services(lab, n):
    """{service type: {element: text}} of root @n."""
    root = ET.fromstring(fetch(lab, f"/igd{n}.xml"))
    return {svc.findtext("d:serviceType", namespaces=NS):
            {e.tag.rpartition("}")[2]: e.text for e in svc}
            for svc in root.iter("{%s}service" % NS["d"])}


def post(host, url, service, action, **args):
    """Post an action in any namespace, to any URL."""
    reply = http(host, "POST", url, soap_body(service, action, args),
                 ["Content-Type: text/xml",
                  f'SOAPAction: "{service}#{action}"'])
    return _outcome(reply, service, action)


class Igd2(Igd):
    """The second root, with its additional actions."""

    def __init__(self, host, **kw):
        super().__init__(host, path="/igd2.xml", **kw)

    def call(self, action, service=WANIP2, **kw):
        return super().call(action, service, **kw)

    def any(self, ext, int_port, proto="TCP", **kw):
        args = dict(NewRemoteHost="", NewExternalPort=ext, NewProtocol=proto,
                    NewInternalPort=int_port, NewInternalClient="",
                    NewEnabled=1, NewPortMappingDescription="any & all",
                    NewLeaseDuration=0)
        args.update(kw)
        return int(self.call("AddAnyPortMapping", **args)["NewReservedPort"])

    def delete_range(self, start, end, proto="TCP", manage=0):
        self.call("DeletePortMappingRange", NewStartPort=start,
                  NewEndPort=end, NewProtocol=proto, NewManage=manage)

    def list(self, start=0, end=65535, proto="TCP", manage=1, number=0):
        """The listing's entries, each {name: text}."""
        out = self.call("GetListOfPortMappings", NewStartPort=start,
                        NewEndPort=end, NewProtocol=proto, NewManage=manage,
                        NewNumberOfPorts=number)
        root = ET.fromstring(out["NewPortListing"])
        assert root.tag == "{%s}PortMappingList" % GW["p"]
        return [{e.tag.rpartition("}")[2]: e.text or "" for e in entry}
                for entry in root.findall("p:PortMappingEntry", GW)]

    def ports(self, **kw):
        return [int(e["NewExternalPort"]) for e in self.list(**kw)]


# ---- discovery and documents ------------------------------------------

@each_version
def test_which_root_answers_a_search(lab, upnpd, roots):
    both = roots == (1, 2)
    for st in (IGD1, IGD1.replace("InternetGateway", "WAN"), WANIP, L3F,
               WANCIC):
        assert answering(lab, st) == [roots[0]], st
    for st in (IGD2, WANIP2):
        of_two = [2] if 2 in roots else []
        assert answering(lab, st, len(of_two)) == of_two, st
    assert answering(lab, "upnp:rootdevice", len(roots)) == list(roots)
    assert answering(lab, L3F[:-1] + "2", 0) == []
    n = 10 * len(roots) + (2 in roots)      # only IGD:2 has pinholes
    everything = search(lab.lan1, "ssdp:all", n=n)
    assert len(everything) == n
    assert len({(m["ST"], m["USN"]) for m in everything}) == len(everything)
    assert {m["LOCATION"] for m in everything} == set(map(location, roots))
    assert len({m["USN"][:41] for m in everything}) == (6 if both else 3)


@each_version
def test_the_same_version_down_a_tree(lab, upnpd, roots):
    for n in (1, 2):
        if n not in roots:
            for path in (f"/igd{n}.xml", f"/igd{n}/wanip.xml"):
                assert http(lab.lan1, "GET", path).status == 404
            continue
        root = ET.fromstring(fetch(lab, f"/igd{n}.xml"))
        assert [e.text for e in root.iter("{%s}deviceType" % NS["d"])] == [
            f"urn:schemas-upnp-org:device:{name}:{n}" for name in
            ("InternetGatewayDevice", "WANDevice", "WANConnectionDevice")]
        assert set(services(lab, n)) == {L3F, WANCIC, WANIP[:-1] + str(n),
                                         *([FIREWALL] if n == 2 else [])}


@each_version
def test_documents_are_well_formed(lab, upnpd, roots):
    for n in roots:
        paths = [s["SCPDURL"] for s in services(lab, n).values()]
        assert len(paths) == (4 if n == 2 else 3)
        for path in [f"/igd{n}.xml", *paths]:
            done = subprocess.run(["xmllint", "--noout", "-"],
                                  input=fetch(lab, path),
                                  capture_output=True, check=False)
            assert (done.returncode, done.stderr) == (0, b""), path


# ---- the SCPDs list only what exists -----------------------------------

SAMPLE = {
    "NewRemoteHost": "", "NewExternalPort": 40000, "NewProtocol": "TCP",
    "NewInternalPort": 40000, "NewInternalClient": HOST_IP, "NewEnabled": 1,
    "NewPortMappingDescription": "x", "NewLeaseDuration": 60,
    "NewPortMappingIndex": 0, "NewConnectionType": "IP_Routed",
    "NewStartPort": 1, "NewEndPort": 65535, "NewManage": 0,
    "NewNumberOfPorts": 0, "NewEnabledForInternet": 0,
    "NewActiveConnectionIndex": 0,
    "NewDefaultConnectionService": "uuid:x:WANConnectionDevice:1,y",
    "RemoteHost": "", "RemotePort": 0, "InternalClient": "2001:db8:88::10",
    "InternalPort": 40000, "Protocol": 6, "LeaseTime": 60,
    "NewLeaseTime": 60, "UniqueID": 1,
}
# The error codes of actions that fail with the sample. test_network and the
# tests below show that they work where they are permitted. RequestConnection
# succeeds on a connected link.
# The LAN has no IPv6: no host there may open a pinhole.
REFUSED = {"AddPinhole": 606, "UpdatePinhole": 704, "DeletePinhole": 704,
           "GetPinholePackets": 704, "CheckPinholeWorking": 704,
           "RequestTermination": 606, "ForceTermination": 606,
           "SetEnabledForInternet": 606, "SetDefaultConnectionService": 720}


def listed_actions(lab, service):
    """[(name, [in arguments], [out arguments])] of an SCPD."""
    root = ET.fromstring(fetch(lab, service["SCPDURL"]))
    found = []
    for action in root.iterfind("s:actionList/s:action", SCPD):
        args = {"in": [], "out": []}
        for arg in action.iterfind("s:argumentList/s:argument", SCPD):
            way = arg.findtext("s:direction", namespaces=SCPD)
            args[way].append(arg.findtext("s:name", namespaces=SCPD))
        found.append((action.findtext("s:name", namespaces=SCPD),
                      args["in"], args["out"]))
    return found


def call_listed(lab, stype, service, action):
    """Call it as its SCPD describes. Return its error code, 0 for success."""
    name, ins, outs = action
    if name.startswith(("Get", "Delete")) and stype.count("WANIPConn"):
        Igd(lab.lan1, path=service["root"]).call(
            "AddPortMapping", stype, **{k: SAMPLE[k] for k in list(SAMPLE)[:8]})
    try:
        got = post(lab.lan1, service["controlURL"], stype, name,
                   **{arg: SAMPLE[arg] for arg in ins})
    except UpnpError as e:
        return e.code
    assert list(got) == outs, name
    return 0


@each_version
def test_every_listed_action_exists(lab, upnpd, roots):
    for n in roots:
        called = set()
        for stype, service in services(lab, n).items():
            service["root"] = f"/igd{n}.xml"
            for action in listed_actions(lab, service):
                code = call_listed(lab, stype, service, action)
                assert code not in (401, 602), action
                assert code == REFUSED.get(action[0], 0), action
                called.add(action[0])
        assert called & VERSION_2 == (VERSION_2 if n == 2 else set())
        assert len(called) == 2 + 9 + 12 + (3 + 7 if n == 2 else 0)


@each_version
@pytest.mark.conf(allow_disable_external_interface="yes")
def test_refused_actions_work_with_permission(lab, upnpd, roots):
    """With the connection that the root itself returns, and with permission to
    take the link down."""
    for n in roots:
        urls = {stype: s["controlURL"] for stype, s in services(lab, n).items()}
        wanip = WANIP[:-1] + str(n)
        (default,) = post(lab.lan1, urls[L3F], L3F,
                          "GetDefaultConnectionService").values()
        device, _, service = default.partition(",")
        assert post(lab.lan1, urls[L3F], L3F, "SetDefaultConnectionService",
                    NewDefaultConnectionService=default) == {}
        active = post(lab.lan1, urls[WANCIC], WANCIC, "GetActiveConnection",
                      NewActiveConnectionIndex=0)
        assert list(active.values()) == [device, service]
        for off in ("RequestTermination", "ForceTermination"):
            assert post(lab.lan1, urls[wanip], wanip, off) == {}
            assert error_of(post, lab.lan1, urls[wanip], wanip, off) == 711
            assert post(lab.lan1, urls[wanip], wanip, "GetStatusInfo")[
                "NewConnectionStatus"] == "Disconnected"
            assert post(lab.lan1, urls[wanip], wanip,
                        "RequestConnection") == {}
            assert wait_until(lambda: post(
                lab.lan1, urls[wanip], wanip, "GetStatusInfo")[
                    "NewConnectionStatus"] == "Connected")


def test_version_1_has_nothing_of_version_2(lab, upnpd):
    url = services(lab, 1)[WANIP]["controlURL"]
    for action in VERSION_2:
        for service in (WANIP, WANIP2):
            assert error_of(post, lab.lan1, url, service, action,
                            **SAMPLE) == 401
    igd = Igd(lab.lan1)
    assert error_of(igd.query, "SystemUpdateID") == 404


def test_version_1_may_be_named_for_version_2(lab, upnpd):
    """As rust-igd requests: post() expects the reply in the same namespace."""
    url = services(lab, 2)[WANIP2]["controlURL"]
    got = post(lab.lan1, url, WANIP, "AddAnyPortMapping", **SAMPLE)
    assert got == {"NewReservedPort": "40000"}
    assert Igd(lab.lan1).mapped() == {("TCP", 40000, HOST_IP, 40000)}


# ---- one table behind both --------------------------------------------

def test_both_roots_have_one_table(lab, upnpd):
    one, two = Igd(lab.lan1), Igd2(lab.lan1)
    one.add(40000, desc="one")
    assert two.any(40001, 40001) == 40001
    assert one.mapped() == {("TCP", p, HOST_IP, p) for p in (40000, 40001)}
    assert two.ports() == [40000, 40001]
    assert one.specific(40000)["NewLeaseDuration"] == "0"
    assert int(one.specific(40001)["NewLeaseDuration"]) > 604700
    two.delete_range(40000, 40000)
    one.delete(40001)
    assert one.entries()[0]["NewPortMappingDescription"] == "dummy"
    assert error_of(two.list) == 730


def test_actions_of_version_2_reach_the_kernel(lab, upnpd):
    two = Igd2(lab.lan1)
    assert two.any(40000, 8000) == 40000
    assert two.any(40000, 8000) == 40000        # refreshed
    assert two.any(40000, 8001) == 40000        # updated
    assert two.any(0, 8002) >= 1024
    other = two.any(0, 8001)
    assert other != 40000 and other >= 1024
    with listener(lab.lan1, "TCP", 8001) as server:
        assert reaches(lab, "TCP", 40000, server)
        assert reaches(lab, "TCP", other, server)
        before = int(query2(two, "SystemUpdateID"))
        two.delete_range(1, 65535)
        assert int(query2(two, "SystemUpdateID")) == before + 3
        assert blocked(lab, "TCP", other, server)
    two.delete_range(1, 65535)          # the dummy mapping, which hides
    assert error_of(two.delete_range, 1, 65535) == 730
    assert error_of(two.delete_range, 2, 1) == 733
    assert error_of(two.list, 2, 1) == 733
    assert error_of(two.any, 40000, 0) == 732
    assert error_of(two.any, 40000, 40000, NewInternalClient=LAN_IP) == 606
    assert error_of(two.any, 40000, 40000, NewLeaseDuration=604801) == 601


@pytest.mark.conf(max_mappings=2)
def test_each_version_has_its_error_codes(lab, upnpd):
    """The same refusal has the error code of each version."""
    one, two = Igd(lab.lan1), Igd2(lab.lan1)

    def codes(ext, **kw):
        found = [error_of(one.add, ext, **kw)]
        args = SAMPLE | {"NewExternalPort": ext,
                         "NewInternalPort": kw.get("int_port", ext),
                         "NewInternalClient": kw.get("client", HOST_IP)}
        args = {k: args[k] for k in list(SAMPLE)[:8]}
        found.append(error_of(two.call, "AddPortMapping", **args))
        return found
    assert codes(80) == [718, 606]                      # policy
    assert codes(40000, client=LAN_IP) == [718, 606]
    assert codes(0, int_port=1024) == [716, 716]
    assert codes(65536) == [601, 601]
    with listener(lab.router, "TCP", 7000):
        assert codes(7000) == [718, 729]                # the router's own
    one.add(40000)
    one.add(40001)
    assert codes(40002) == [501, 728]                   # max-mappings
    assert error_of(two.any, 40002, 40002) == 728


def test_connection_type_is_read_only(lab, upnpd):
    other = {"NewConnectionType": "IP_Bridged"}
    assert error_of(Igd(lab.lan1).call, "SetConnectionType", **other) == 703
    assert error_of(Igd2(lab.lan1).call, "SetConnectionType", **other) == 731


def test_any_port_avoids_ports_of_the_router(lab, upnpd):
    with listener(lab.router, "TCP", 7000):
        port = Igd2(lab.lan1).any(7000, 7000)
    assert port != 7000 and port >= 1024


def query2(igd, var):
    url = igd.urls[WANIP2]
    return post(igd.host, url, CONTROL, "QueryStateVariable",
                varName=var)["return"]


@pytest.mark.lab(bridge=True)
@pytest.mark.parametrize("secure, scope", [
    pytest.param(secure, scope, id=f"{secure}-{scope}",
                 marks=pytest.mark.conf(secure_mode=secure,
                                        list_scope=scope))
    for secure in ("yes", "no") for scope in ("own", "all")])
def test_mappings_of_another_client(lab, upnpd, secure, scope):
    ann, bob = Igd2(lab.lan1), Igd2(lab.lan2)
    assert ann.any(40000, 40000) == 40000
    assert bob.any(40000, 40000) != 40000
    assert bob.any(40001, 40001) == 40001
    assert len(ann.ports()) == (3 if scope == "all" else 1)
    assert ann.ports(manage=0) == [40000]
    assert error_of(ann.delete_range, 40001, 40001) == 730
    if secure == "yes":
        assert error_of(ann.delete_range, 40001, 40001, manage=1) == 606
    else:
        ann.delete_range(40001, 40001, manage=1)
    # version 1 lists all of them with any list-scope
    assert len(Igd(lab.lan1).entries()) == (3 if secure == "yes" else 2)


def test_a_hundred_requests_for_any_port(lab, upnpd):
    two = Igd2(lab.lan1)
    for port in range(40000, 40100):
        assert two.any(port, port) == port
    some = two.ports()
    assert some == list(range(40000, 40000 + len(some))) and len(some) > 40
    assert two.ports(number=7) == list(range(40000, 40007))
    assert two.ports(start=40090) == list(range(40090, 40100))
    two.delete_range(40000, 40099)
    assert error_of(two.list) == 730


@pytest.mark.lab(bridge=True)
def test_upnpc_maps_any_port_and_deletes_a_range(lab, upnpd):
    """libminiupnpc's own requests, and the port that it reads in the reply."""
    at = ("-u", location(2))
    Igd(lab.lan2).add(40000)
    assert "40001 TCP is redirected" in upnpc(lab.lan1, *at, "-n", HOST_IP,
                                              "8000", "40001", "TCP")
    out = upnpc(lab.lan1, *at, "-n", HOST_IP, "8001", "40000", "TCP")
    other, = [e for e in Igd(lab.lan1).mapped() if e[3] == 8001]
    assert other[1] != 40000 and f":{other[1]} TCP is redirected" in out
    with listener(lab.lan1, "TCP", 8001) as server:
        assert reaches(lab, "TCP", other[1], server)
        upnpc(lab.lan1, *at, "-N", "1024", "65535", "TCP")
        assert blocked(lab, "TCP", other[1], server)
    assert error_of(Igd2(lab.lan1).list, manage=0) == 730


def test_list_is_in_the_order_of_ports(lab, upnpd):
    """The youngest mapping has the lowest port."""
    two = Igd2(lab.lan1)
    for port in (40003, 40001, 40002, 40000):
        two.any(port, port)
    first = two.ports(number=2)
    rest = two.ports(start=first[-1] + 1, number=2)
    assert first + rest == list(range(40000, 40004))


def test_upnpc_lists_mappings(lab, upnpd):
    """libminiupnpc reads the list from /igd2.xml."""
    Igd2(lab.lan1).any(40000, 8000)
    out = upnpc(lab.lan1, "-u", location(2), "-L")
    assert f"40000->{HOST_IP}:8000" in out
    assert "any &amp; all" in out      # it does not decode


# ---- long lists -------------------------------------------------------

MANY = range(40000, 40122)
PIECE = 2048                # bytes of a slow reader's window


def map_many(igd):
    for port in MANY:       # escaped twice in a list, 9 bytes for each
        igd.add(port, desc="&" * 256)


def test_list_has_every_mapping(lab, upnpd):
    """It is longer than any buffer of upnpd."""
    two = Igd2(lab.lan1)
    map_many(two)
    entries = two.list()
    assert [int(e["NewExternalPort"]) for e in entries] == list(MANY)
    assert {e["NewDescription"] for e in entries} == {"&" * 256}
    out = upnpc(lab.lan1, "-u", location(2), "-L")
    for port in MANY:
        assert f"{port}->{HOST_IP}:{port}" in out


def test_slow_reader_of_a_list(lab, upnpd):
    """Others are served while one client reads a list slowly. A mapping that
    is deleted meanwhile is missing at the end of the list, whose length is
    right, and a new one is not in it."""
    two = Igd2(lab.lan1)
    map_many(two)
    body = soap_body(WANIP2, "GetListOfPortMappings", {
        "NewStartPort": 0, "NewEndPort": 65535, "NewProtocol": "TCP",
        "NewManage": 1, "NewNumberOfPorts": 0}).encode()
    with lab.lan1.socket(socket.SOCK_STREAM) as sock:
        sock.settimeout(LONG)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)
        sock.connect((LAN_IP, 2828))
        sock.sendall(
            f"POST {two.urls[WANIP2]} HTTP/1.1\r\nHost: {LAN_IP}:2828\r\n"
            "Connection: close\r\nContent-Type: text/xml\r\nSOAPAction: "
            f'"{WANIP2}#GetListOfPortMappings"\r\n'
            f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        data = sock.recv(PIECE)
        two.delete(MANY[-1])
        two.add(39999)
        assert two.ports() == [39999, *MANY[:-1]]
        while more := sock.recv(PIECE):
            data += more
    reply = Reply(data)
    assert len(reply.body) == int(reply.headers["CONTENT-LENGTH"])
    listing = _outcome(reply, WANIP2, "GetListOfPortMappings")
    ports = ET.fromstring(listing["NewPortListing"]).iterfind(
        "p:PortMappingEntry/p:NewExternalPort", GW)
    assert [int(p.text) for p in ports] == list(MANY[:-1])
