# SPDX-License-Identifier: ISC
"""Descriptions, control and events over IPv6: at global, unique local and
link-local addresses, in LANs with one family and with both."""
import contextlib
import re
import socket
import xml.etree.ElementTree as ET

import pytest

from daemon import upnpc
from lab import (EXT6_IP, EXT_IP, HOST6_IP, HOST6_ULA, HOST26_IP, HOST_IP,
                 LAN6_IP, LAN6_ULA, LAN_IP, LONG, OUTSIDE6_IP, many_files,
                 wait_until)
from test_events import WANIP2_EVENT, WANIP_EVENT, Subscriber, ask, subscribe
from upnp import NS, WANCIC, Igd, end_of, http, url_host

pytestmark = pytest.mark.only("netlink")    # no firewall is involved

LANS = [pytest.param(kind, marks=pytest.mark.lab(ipv6=kind), id=f"ipv6-{name}")
        for kind, name in ((True, "both"), ("only", "only"), ("ula", "ula"))]


def router_ip(lab, kind):
    return {"global": LAN6_IP, "ula": LAN6_ULA}.get(
        kind) or lab.router.link_local("lan0")


def host_ip(lab, kind):
    return {"global": HOST6_IP, "ula": HOST6_ULA}.get(
        kind) or lab.lan1.link_local("eth0")


def kinds(lab_kind):
    return ["ula", "link"] if lab_kind == "ula" else ["global", "ula", "link"]


def documents(host, ip, root, shown):
    """Read the description and everything that it names. @shown: the router's
    address in presentationURL"""
    doc = http(host, "GET", root, ip=ip)
    assert doc.status == 200
    device = ET.fromstring(doc.body)
    assert device.findtext(".//d:presentationURL", namespaces=NS) == \
        f"http://{url_host(shown)}:2828/"
    # URLs are relative: they hold at each address, and with the host's zone
    urls = [e.text for e in device.iter() if e.tag.endswith("URL") and
            not e.tag.endswith(("presentationURL", "manufacturerURL"))]
    assert len(urls) >= 9 and all(u.startswith("/") for u in urls)
    scpds = [u for u in urls if u.endswith(".xml")]
    for url in scpds:
        scpd = http(host, "GET", url, ip=ip)
        assert scpd.status == 200
        ET.fromstring(scpd.body)
    return scpds


@pytest.mark.parametrize("lab_kind", LANS)
def test_documents_and_control(lab, upnpd, lab_kind):
    for kind in kinds(lab_kind):
        ip = router_ip(lab, kind)
        # a browser cannot add a zone to a link-local address
        shown = router_ip(lab, kinds(lab_kind)[0]) if kind == "link" else ip
        assert len(documents(lab.lan1, ip, "/igd1.xml", shown)) >= 3
        assert len(documents(lab.lan1, ip, "/igd2.xml", shown)) >= 3
        igd = Igd(lab.lan1, ip=ip)
        assert igd.status() == "Connected"
        assert igd.external_ip() == (EXT_IP if lab.ipv4 else "")
        assert igd.query("ConnectionStatus") == "Connected"
        assert igd.call("GetCommonLinkProperties", WANCIC)


@pytest.mark.parametrize("lab_kind", LANS)
def test_events(lab, upnpd, lab_kind):
    """A message leaves from the address that was asked, and names the
    subscriber's in brackets and without a zone."""
    for kind in kinds(lab_kind):
        ip, own = router_ip(lab, kind), host_ip(lab, kind)
        sub = Subscriber(lab.lan1, ip=own)
        with contextlib.closing(sub):
            sub.subscribe(WANIP2_EVENT, ip=ip, source=own)
            event = sub.wait(1)
            assert event.seq == 0 and "ConnectionStatus" in event.vars
            assert event.peer[0].split("%")[0] == ip
            assert event.fields["HOST"] == f"[{own}]:{sub.port}"
            sub.check()
            assert ask(lab.lan1, "SUBSCRIBE", WANIP2_EVENT, f"SID: {sub.sid}",
                       ip=ip, source=own).status == 200
            assert ask(lab.lan1, "UNSUBSCRIBE", WANIP2_EVENT,
                       f"SID: {sub.sid}", ip=ip, source=own).status == 200


@pytest.mark.lab(ipv6=True)
def test_changes_reach_subscribers_of_both_families(lab, upnpd):
    igd = Igd(lab.lan1)
    with contextlib.ExitStack() as stack:
        subs = []
        for own, ip in ((HOST_IP, LAN_IP), (HOST6_IP, LAN6_IP),
                        (host_ip(lab, "link"), router_ip(lab, "link"))):
            subs.append(Subscriber(lab.lan1, ip=own))
            stack.enter_context(contextlib.closing(subs[-1]))
            subs[-1].subscribe(ip=ip, source=own)
        for sub in subs:
            sub.wait(1)
        igd.add(40000)
        for sub in subs:
            assert sub.wait(2).vars["PortMappingNumberOfEntries"] == "1"
            sub.check()


# ---- the Host field ---------------------------------------------------

def get(lab, name, ip):
    return http(lab.lan1, "GET", "/igd1.xml", ip=ip, name=name).status


@pytest.mark.lab(ipv6=True)
def test_a_link_local_host_may_have_a_zone(lab, upnpd):
    ip = router_ip(lab, "link")
    for zone in ("", "%eth0", "%25eth0", "%br-lan.7", "%12"):
        for port in ("", ":2828"):
            assert get(lab, f"[{ip}{zone}]{port}", ip) == 200
    assert get(lab, f"[{ip.upper()}%ETH0]", ip) == 200
    # one that its zone does not make another host's
    for name in (f"[{ip}%]", f"[{ip}%eth0].evil.example", f"{ip}%eth0",
                 f"[{ip}%eth0]:80", f"[{LAN6_IP}%eth0]"):
        assert get(lab, name, ip) == 403
    assert get(lab, f"[{LAN6_IP}%eth0]", LAN6_IP) == 403


@pytest.mark.lab(ipv6=True)
def test_another_name_is_refused(lab, upnpd):
    """A page whose name was rebound to the router's address sends that name.
    Another address of the router is another name as well."""
    for ip in (LAN_IP, LAN6_IP, LAN6_ULA, router_ip(lab, "link")):
        assert get(lab, url_host(ip), ip) == 200
        for name in ("evil.example", "evil.example:2828", "[::1]",
                     "localhost", f"[::ffff:{LAN_IP}]", f"[{HOST6_IP}]",
                     "[fe80::1]", "[fe80::1%eth0]", "[evil.example]"):
            assert get(lab, name, ip) == 403
    assert get(lab, f"[{LAN6_IP}]", LAN_IP) == 403
    assert get(lab, LAN_IP, LAN6_IP) == 403
    assert get(lab, f"[{LAN6_ULA}]", LAN6_IP) == 403
    assert upnpd.wait_log("refused.*web page")


# ---- who is served ----------------------------------------------------

def is_served(host, ip, source):
    try:
        return http(host, "GET", "/igd1.xml", ip=ip,
                    source=source).status == 200
    except (OSError, AssertionError):
        return False


@pytest.mark.lab(ipv6=True)
def test_outside_is_not_served(lab, upnpd):
    for ip in (EXT6_IP, LAN6_IP, LAN6_ULA):
        if ip == LAN6_ULA:
            lab.outside.ip_batch(f"route add {ip}/128 via {EXT6_IP}")
        assert not is_served(lab.outside, ip, OUTSIDE6_IP)
    wan = lab.router.link_local("wan0")
    with lab.outside.socket(socket.SOCK_STREAM, family=socket.AF_INET6) as s:
        s.settimeout(LONG)
        with pytest.raises(OSError):
            s.connect(end_of(lab.outside, wan, 2828))
    assert is_served(lab.lan1, LAN6_IP, HOST6_IP)


@pytest.mark.lab(ipv6=True)
def test_a_source_outside_the_prefixes_is_not_served(lab, upnpd):
    """The router has a route to it, over the LAN's interface."""
    foreign = "2001:db8:77::1"
    lab.lan1.ip_batch(f"addr add {foreign}/64 dev eth0 nodad")
    lab.router.ip_batch("route add 2001:db8:77::/64 dev lan0")
    assert not is_served(lab.lan1, LAN6_IP, foreign)
    assert upnpd.wait_log(f"refused.*{foreign}")
    assert is_served(lab.lan1, LAN6_IP, HOST6_IP)


# ---- CALLBACK -----------------------------------------------------------

@pytest.mark.lab(ipv6=True, bridge=True)
def test_callback_of_another_address_of_the_subscriber(lab, upnpd):
    """A host asks from one of its addresses and listens at another, of either
    family; and cannot name another host."""
    link = host_ip(lab, "link")
    roads = [(link, HOST6_IP), (link, HOST6_ULA), (HOST6_IP, link),
             (HOST6_IP, HOST_IP), (link, HOST_IP), (HOST_IP, HOST6_IP),
             (HOST_IP, link)]
    for source, own in roads:
        ip = {link: router_ip(lab, "link"), HOST6_IP: LAN6_IP,
              HOST_IP: LAN_IP}[source]
        sub = Subscriber(lab.lan1, ip=own)
        with contextlib.closing(sub):
            sub.subscribe(ip=ip, source=source)
            event = sub.wait(1)
            assert event.fields["HOST"] == f"{url_host(own)}:{sub.port}"
            ask(lab.lan1, "UNSUBSCRIBE", WANIP_EVENT, f"SID: {sub.sid}",
                ip=ip, source=source)


@pytest.mark.lab(ipv6=True, bridge=True)
def test_callback_of_another_host_is_refused(lab, upnpd):
    """Also where the subscriber answers for that address (proxy NDP)."""
    assert http(lab.lan2, "GET", "/igd1.xml", ip=LAN6_IP).status == 200
    lab.lan1.sysctl("net.ipv6.conf.eth0.proxy_ndp", 1)
    lab.lan1.sysctl("net.ipv6.conf.eth0.forwarding", 1)
    with contextlib.closing(Subscriber(lab.lan2, ip=HOST26_IP)) as other, \
            contextlib.closing(Subscriber(lab.outside,
                                          ip=OUTSIDE6_IP)) as away:
        for ip in (HOST26_IP, OUTSIDE6_IP):
            lab.lan1.ip_batch(f"neigh add proxy {ip} dev eth0")
        for sub in (other, away):
            reply = subscribe(lab.lan1, sub.callback(), ip=LAN6_IP,
                              source=HOST6_IP)
            assert reply.status == 412
        # one that works beside one that does not
        with contextlib.closing(Subscriber(lab.lan1, ip=HOST6_IP)) as own:
            own.subscribe(callback=other.callback() + own.callback(),
                          ip=LAN6_IP, source=HOST6_IP)
            own.wait(1)
        assert other.events == away.events == []


# ---- shares -------------------------------------------------------------

PART = b"POST /igd1/wanip/control HTTP/1.1\r\n"


@pytest.mark.lab(ipv6=True, bridge=True)
def test_addresses_of_a_host_share_the_connections(lab, upnpd):
    """A host has as many addresses as it likes, and half of the connections.
    Another host's connection stays."""
    many = [f"2001:db8:88::1:{n:x}" for n in range(1, 601)]
    lab.lan1.ip_batch(*(f"addr add {ip}/64 dev eth0 nodad" for ip in many))
    many_files()
    with contextlib.ExitStack() as stack:
        def connect(host, ip):
            sock = stack.enter_context(
                host.socket(socket.SOCK_STREAM, (ip, 0)))
            sock.settimeout(LONG)
            sock.connect((LAN6_IP, 2828))
            sock.sendall(PART)
            return sock

        friend = connect(lab.lan2, HOST26_IP)
        socks = [connect(lab.lan1, ip) for ip in many]

        def opened():
            return sum(not is_closed(s) for s in socks)
        assert wait_until(lambda: opened() <= 256)
        assert http(lab.lan2, "GET", "/igd1.xml", ip=LAN6_IP).status == 200
        assert not is_closed(friend)


def is_closed(sock):
    sock.setblocking(False)
    try:
        return sock.recv(4096, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


# ---- real clients -------------------------------------------------------

@pytest.mark.parametrize("lab_kind", LANS)
def test_curl(lab, upnpd, lab_kind):
    for kind in kinds(lab_kind):
        ip = router_ip(lab, kind)
        zone = "%25eth0" if kind == "link" else ""
        out = lab.lan1.run("curl", "-sgi", "--max-time", "30",
                           f"http://[{ip}{zone}]:2828/igd2.xml")
        assert re.match(r"HTTP/1.1 200 OK\r?\n", out)
        shown = router_ip(lab, kinds(lab_kind)[0]) if kind == "link" else ip
        assert f"<presentationURL>http://[{shown}]:2828/</presentationURL>" in out


@pytest.mark.parametrize("lab_kind", LANS)
def test_upnpc(lab, upnpd, lab_kind):
    for kind in kinds(lab_kind):
        zone = "%25eth0" if kind == "link" else ""
        url = f"http://[{router_ip(lab, kind)}{zone}]:2828/igd1.xml"
        out = upnpc(lab.lan1, "-6", "-u", url, "-s")
        assert "Status : Connected" in out
