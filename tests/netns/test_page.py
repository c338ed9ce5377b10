# SPDX-License-Identifier: ISC
"""The status page: what a host sees of its own ports and of those of others,
valid HTML whatever programs write, complete with 1,000 ports, and no way to
read it from another website."""
import base64
import hashlib
import re
import socket
import subprocess
import time
import xml.etree.ElementTree as ET

import pytest

from lab import (EXT_IP, HOST2_IP, HOST6_IP, HOST_IP, LAN6_IP, LAN_IP, LONG,
                 SLOW, wait_until)
from page import (OTHERS, OWN, REFUSED, ROUTER, Page, fetch, page, receive,
                  reply_of, request)
from pmp import Pmp, nonce
from test_network import unplug
from test_upnpctl_live import Ctl
from upnp import NS, Gateway6, Igd, error_of, http

pytestmark = [pytest.mark.only("netlink"), pytest.mark.lab(bridge=True)]
WARNINGS = re.compile(r"^line \d+ column \d+ - (?:Warning|Error): .*", re.M)


def check(text):
    """Is it valid? Debian's tidy judges, and each tag that is opened is
    closed."""
    judged = subprocess.run(
        ["tidy", "-utf8", "-errors", "-quiet", "--warn-proprietary-attributes",
         "yes"], input=text, text=True, stderr=subprocess.PIPE)
    # it knows no <bdi>, which is of HTML 5
    faults = [line for line in WARNINGS.findall(judged.stderr)
              if "<bdi>" not in line]
    assert not faults, faults
    read = Page(text)
    ids = [attrs["id"] for _, attrs in read.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in read.tags:
        assert attrs.get("aria-labelledby") in [None, *ids]
        assert not any(name.startswith("on") or name == "style"
                       for name in attrs)
    used = {tag for tag, _ in read.tags}
    assert not used & {"script", "img", "link", "iframe", "form", "input",
                       "object", "base"}
    return read


def add(host, port, desc="", client=HOST_IP, lease=3540, int_port=None,
        proto="TCP"):
    Igd(host).call(
        "AddPortMapping", NewRemoteHost="", NewExternalPort=port,
        NewProtocol=proto, NewInternalPort=int_port or port,
        NewInternalClient=client, NewEnabled=1, NewLeaseDuration=lease,
        NewPortMappingDescription=desc)


def ports(read, heading=OWN):
    return [row["Port"] for row in read.table(heading)]


@pytest.mark.conf(friendly_name="Home")
def test_own_and_others(lab, upnpd):
    """Each host sees its ports, whoever opened them by whichever protocol."""
    empty = check(fetch(lab.lan1).body.decode())
    assert empty.title == "Home: open ports"
    assert EXT_IP in empty.text[ROUTER] and HOST_IP in empty.text[ROUTER]
    assert "UPnP, NAT-PMP, PCP" in empty.text[ROUTER]
    assert "No port is open" in empty.text[OWN] and OTHERS not in empty.text
    add(lab.lan1, 51413, "Transmission")
    with Pmp(lab.lan1) as pmp:
        pmp.map("UDP", 3074, 3074, lifetime=7200)
        pmp.pcp_map("TCP", 6881, 49152, nonce=nonce())
    Ctl(lab, upnpd)("mappings", "add", "protocol=tcp", "external-port=8443",
                    f"to={HOST_IP}:8444", "comment=my camera")
    add(lab.lan2, 5000, "of Bob", HOST2_IP)
    ann = check(fetch(lab.lan1).body.decode())
    rows = ann.table(OWN)
    assert [(r["Port"], r["Program"], r["Opened by"]) for r in rows] == [
        ("TCP 51413", "Transmission", "UPnP"),
        ("UDP 3074", "not named", "NAT-PMP"),
        ("TCP 49152; to port 6881", "not named", "PCP"),
        ("TCP 8443; to port 8444", "my camera", "the operator")]
    assert re.fullmatch(r"(59 min|58 min \d+ s)", rows[0]["Time left"])
    assert re.fullmatch(r"2 h|1 h 59 min", rows[1]["Time left"])
    assert rows[3]["Time left"] == "no end"
    assert "of Bob" not in str(ann.text) and OTHERS not in ann.text
    assert ports(page(lab.lan2)) == ["TCP 5000"]


@pytest.mark.conf(status_page="all")
def test_all(lab, upnpd):
    assert "No port is open" in page(lab.lan1).text[OTHERS]
    add(lab.lan1, 51413, "Transmission")
    add(lab.lan2, 5000, "of Bob", HOST2_IP)
    ann = check(fetch(lab.lan1).body.decode())
    assert ports(ann) == ["TCP 51413"]
    row, = ann.table(OTHERS)
    assert (row["Port"], row["Device"], row["Program"], row["Opened by"]) == \
        ("TCP 5000", HOST2_IP, "of Bob", "UPnP")


def presentation(lab):
    root = ET.fromstring(http(lab.lan1, "GET", "/igd1.xml").body)
    return root.findtext(".//d:presentationURL", namespaces=NS)


def test_presentation_url(lab, stopped):
    """It leads to the page, unless the operator has another one. The CONFIGID
    changes with it."""
    seen = set()
    for options, url, status in (
            ({}, f"http://{LAN_IP}:2828/", 200),
            ({"status_page": "no"}, f"http://{LAN_IP}/", 404),
            ({"presentation_url": "http://router.lan/"},
             "http://router.lan/", 200)):
        before = dict(stopped.options)
        stopped.options.update(options)
        stopped.start()
        assert presentation(lab) == url
        reply = fetch(lab.lan1)
        assert reply.status == status
        assert bool(reply.body) == (status == 200)
        seen.add(re.search(rb'configId="(\d+)"', http(
            lab.lan1, "GET", "/igd1.xml").body).group(1))
        assert stopped.stop() == 0
        stopped.options = before
    assert len(seen) == 3


def test_fields(lab, upnpd):
    """The policy allows this style and nothing else. If the style has changed,
    the failure shows the hash for engine/statushtml.h."""
    reply = fetch(lab.lan1)
    assert reply.headers["CONTENT-TYPE"] == "text/html; charset=utf-8"
    style = Page(reply.body.decode()).style
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest())
    assert reply.headers["CONTENT-SECURITY-POLICY"] == (
        f"default-src 'none'; style-src 'sha256-{digest.decode()}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    assert reply.headers["X-CONTENT-TYPE-OPTIONS"] == "nosniff"
    assert reply.headers["REFERRER-POLICY"] == "no-referrer"
    assert reply.headers["CROSS-ORIGIN-RESOURCE-POLICY"] == "same-origin"
    assert reply.headers["CACHE-CONTROL"] == "no-store"
    assert "ACCESS-CONTROL-ALLOW-ORIGIN" not in reply.headers
    assert http(lab.lan1, "POST", "/").status == 405
    assert http(lab.lan1, "GET", "/x").status == 404


def test_another_name_gets_a_link(lab, upnpd):
    """People type router.lan:2828. A website's own request gets nothing."""
    for name in ("router.lan:2828", "router.lan", "192.168.99.1:2828"):
        for path in ("/", "/igd1.xml", "/anything"):
            reply = http(lab.lan1, "GET", path, name=name)
            assert reply.status == 403
            read = check(reply.body.decode())
            assert read.links == [f"http://{LAN_IP}:2828/"]
            assert HOST_IP not in str(read.text)
            assert "default-src 'none'" in \
                reply.headers["CONTENT-SECURITY-POLICY"]
    for method, headers in (("GET", ["Origin: http://evil.example"]),
                            ("POST", []), ("SUBSCRIBE", [])):
        reply = http(lab.lan1, method, "/", name="router.lan",
                     headers=headers)
        assert reply.status == 403 and reply.body == b""
    reply = http(lab.lan1, "GET", "/", headers=["Origin: null"])
    assert reply.status == 403 and reply.body == b""


@pytest.mark.conf(status_page="no")
def test_without_a_page_there_is_no_link(lab, upnpd):
    reply = http(lab.lan1, "GET", "/", name="router.lan")
    assert reply.status == 403 and reply.body == b""


def test_refusals(lab, upnpd):
    """A host sees why its own requests were refused, also after a reload."""
    assert REFUSED not in page(lab.lan1).text
    add(lab.lan2, 5000, client=HOST2_IP)
    for _ in range(3):
        assert error_of(Igd(lab.lan1).add, 80)
    assert error_of(Igd(lab.lan1).add, 5000) == 718
    for _ in range(2):
        read = check(fetch(lab.lan1).body.decode())
        rows = {r["Port"]: r for r in read.table(REFUSED)}
        assert rows["TCP 5000"]["Reason"] == "Another device has this port."
        assert "do not allow this port" in rows["TCP 80"]["Reason"]
        assert rows["TCP 80"]["When"].endswith("; 3 times")
        assert len(rows) == 2
        assert REFUSED not in page(lab.lan2).text
        upnpd.options["max_lease"] = 3600
        upnpd.wait_log("serving on", since=upnpd.reload())


def test_no_address(lab, upnpd):
    """The page says why nobody can reach the ports."""
    unplug(lab)
    assert wait_until(lambda: "the provider has not given one" in
                      page(lab.lan1).text[ROUTER])
    lab.router.ip_batch("link set wan0 down")
    assert wait_until(lambda: "connection is switched off" in
                      page(lab.lan1).text[ROUTER])
    assert "Nobody can reach the open ports" in page(lab.lan1).text[ROUTER]


@pytest.mark.lab(bridge=True, ipv6=True)
def test_both_families_of_a_host(lab, upnpd):
    """A host sees its ports and pinholes from each of its addresses."""
    add(lab.lan1, 51413, "Transmission")
    Gateway6(lab.lan1).open(8080)
    four = ["TCP 51413", f"TCP 8080; over IPv6; to {HOST6_IP}"]
    six = [f"TCP 51413; to {HOST_IP}", "TCP 8080; over IPv6"]
    assert ports(page(lab.lan1)) == four
    assert ports(page(lab.lan1, ip=LAN6_IP)) == six
    link = lab.router.link_local("lan0")
    assert len(ports(page(lab.lan1, ip=link))) == 2
    for ip in (LAN_IP, LAN6_IP):
        assert ports(page(lab.lan2, ip=ip)) == []


NASTY = ["<script>alert(1)</script>", "\"'><img src=x>", "&amp;&#60;",
         "</td></tr></table>", "<!--", "]]>", "\u202egpj", "\u4e2d\u6587",
         "x" * 250, "a\u0300" * 60, "%3Cb%3E", "\U0001f3ae"]


@pytest.mark.conf(friendly_name="<b>\"&'Router")
def test_texts_of_programs(lab, upnpd):
    """Whatever a program calls itself, it stays a text."""
    for k, text in enumerate(NASTY):
        add(lab.lan1, 5000 + k, text)
    read = check(fetch(lab.lan1).body.decode())
    assert [r["Program"] for r in read.table(OWN)] == NASTY
    assert read.title == "<b>\"&'Router: open ports"


@pytest.mark.conf(status_page="all", max_mappings_per_client=1000)
def test_a_thousand_ports(lab, upnpd):
    """All are there, once; and while a slow host reads them, others are
    served."""
    for k in range(1000):
        host, ip = ((lab.lan1, HOST_IP), (lab.lan2, HOST2_IP))[k % 2]
        add(host, 20000 + k, f"program {k}", ip)
    with lab.lan2.socket(socket.SOCK_STREAM) as slow:
        slow.settimeout(LONG)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        slow.connect((LAN_IP, 2828))
        slow.sendall(request())
        start = slow.recv(500)
        for _ in range(5):
            began = time.monotonic()
            whole = check(fetch(lab.lan1).body.decode())
            assert time.monotonic() - began < 5 * SLOW
            assert ports(whole) == [f"TCP {p}" for p in range(20000, 21000,
                                                              2)]
            assert ports(whole, OTHERS) == [f"TCP {p}" for p in
                                            range(20001, 21000, 2)]
        read = Page(reply_of(start + receive(slow, 4096)).body.decode())
    assert len(ports(read)) == len(ports(read, OTHERS)) == 500
