# SPDX-License-Identifier: ISC
"""Subscribers receive changes, in order and not too often; a subscriber that
hangs or is dead delays no other."""
import contextlib
import re
import socket
import threading
import time
import xml.etree.ElementTree as ET

import pytest

from lab import HOST_IP, LAN_IP, LONG, Host, wait_until
from test_network import NEW_EXT, plug, unplug
from upnp import WANCIC, Igd, end_of, http, url_host

pytestmark = pytest.mark.only("netlink")    # no firewall is involved

WANIP_EVENT = "/igd1/wanip/event"
EVENT_NS = "{urn:schemas-upnp-org:event-1-0}"
WANIP2_EVENT = "/igd2/wanip/event"
WANIP_VARS = {"PossibleConnectionTypes", "ConnectionStatus",
              "ExternalIPAddress", "PortMappingNumberOfEntries"}
EVENTED = {
    WANIP_EVENT: WANIP_VARS,
    "/igd1/wancic/event": {"PhysicalLinkStatus", "EnabledForInternet"},
    "/igd1/l3f/event": {"DefaultConnectionService"},
    WANIP2_EVENT: WANIP_VARS | {"SystemUpdateID"},
    "/igd2/wancic/event": {"PhysicalLinkStatus", "EnabledForInternet"},
    "/igd2/l3f/event": {"DefaultConnectionService"},
}
MODERATE = 0.2


class Event:
    """One NOTIFY as it was received."""

    def __init__(self, data, peer):
        head, gap, body = data.partition(b"\r\n\r\n")
        assert gap, data
        start, *lines = head.decode("ascii").split("\r\n")
        self.method, self.path, self.version = start.split(" ")
        self.time, self.peer, self.fields = time.monotonic(), peer, {}
        for line in lines:
            name, _, value = line.partition(":")
            assert name.upper() not in self.fields, f"twice: {name}"
            self.fields[name.upper()] = value.strip()
        self.seq = int(self.fields["SEQ"])
        root = ET.fromstring(body)
        assert root.tag == EVENT_NS + "propertyset"
        self.vars = {}
        for prop in root:
            assert prop.tag == EVENT_NS + "property" and len(prop) == 1
            assert prop[0].tag not in self.vars
            self.vars[prop[0].tag] = prop[0].text or ""


class Subscriber:
    """A control point's event server on @host. @status: its answer; None: it
    accepts connections and never answers. @ip: its address"""

    def __init__(self, host, status=200, port=0, ip=None):
        self.host, self.status, self.ip = host, status, ip or host.ip
        self.events, self.faults, self.held = [], [], []
        self.sid = self.since = None
        self.sock = host.socket(socket.SOCK_STREAM,
                                end_of(host, self.ip, port), reuse=True)
        self.sock.listen(64)
        self.port = self.sock.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                conn, peer = self.sock.accept()
            except OSError:
                return
            if self.status is None:
                self.held.append(conn)
                continue
            try:
                with conn:
                    self._hear(conn, peer)
            except Exception as e:
                self.faults.append(e)

    def _hear(self, conn, peer):
        conn.settimeout(LONG)
        data = b""
        while not self._whole(data):
            more = conn.recv(4096)
            assert more, data
            data += more
        self.events.append(Event(data, peer))
        conn.sendall(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n"
                     % self.status)

    @staticmethod
    def _whole(data):
        head, gap, body = data.partition(b"\r\n\r\n")
        if not gap:
            return False
        length, = re.findall(rb"\r\nCONTENT-LENGTH: (\d+)", head)
        return len(body) == int(length)

    def callback(self, path="/cb"):
        return f"<http://{url_host(self.ip)}:{self.port}{path}>"

    def subscribe(self, url=WANIP_EVENT, callback=None, **kw):
        self.since = time.monotonic()
        reply = subscribe(self.host, callback or self.callback(), url, **kw)
        assert reply.status == 200
        self.sid = reply.headers["SID"]
        return self

    def is_held(self):
        """Is the gateway still waiting for the answer to its first event?"""
        self.held[0].setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while self.held[0].recv(4096):
                pass
            return False
        return True

    def told(self, var):
        return [e.vars[var] for e in self.events if var in e.vars]

    def wait(self, n):
        assert wait_until(lambda: len(self.events) >= n), self.faults
        return self.events[n - 1]

    def check(self):
        """Every event was whole, of this subscription, in order, and not too
        early. The time counts from the subscription, not from the event
        before: a busy machine may receive one event late and the next in
        time."""
        assert not self.faults
        assert [e.seq for e in self.events] == list(range(len(self.events)))
        assert {e.fields["SID"] for e in self.events} == {self.sid}
        times = [e.time - self.since for e in self.events]
        assert all(t > MODERATE * n - 0.01 for n, t in enumerate(times)), times

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        self.thread.join(5)
        for conn in self.held:
            conn.close()


def ask(host, method, url, *fields, **kw):
    return http(host, method, url, headers=fields, **kw)


def subscribe(host, callback, url=WANIP_EVENT, timeout="Second-1800", **kw):
    return ask(host, "SUBSCRIBE", url, f"CALLBACK: {callback}",
               "NT: upnp:event", f"TIMEOUT: {timeout}", **kw)


@pytest.fixture
def control_point(lab):
    made = []

    def make(**kw):
        made.append(Subscriber(lab.lan1, **kw))
        return made[-1]
    yield make
    for subscriber in made:
        subscriber.close()


@pytest.mark.parametrize("url", EVENTED)
def test_initial_event_has_every_variable(lab, upnpd, control_point, url):
    sub = control_point()
    reply = subscribe(lab.lan1, sub.callback(), url, "Second-infinite")
    assert reply.status == 200
    assert re.fullmatch(r"uuid:[0-9a-f-]{36}", reply.headers["SID"])
    assert 1800 <= int(reply.headers["TIMEOUT"][len("Second-"):]) <= 7200
    assert {"DATE", "SERVER"} <= set(reply.headers)
    event = sub.wait(1)
    assert (event.method, event.path, event.version) == \
        ("NOTIFY", "/cb", "HTTP/1.1")
    assert event.peer[0] == LAN_IP
    assert event.fields["HOST"] == f"{HOST_IP}:{sub.port}"
    assert event.fields["CONTENT-TYPE"] == 'text/xml; charset="utf-8"'
    assert event.fields["NT"] == "upnp:event"
    assert event.fields["NTS"] == "upnp:propchange"
    assert event.fields["SID"] == reply.headers["SID"]
    assert event.seq == 0
    assert set(event.vars) == EVENTED[url]


@pytest.mark.conf(show_dummy_rule="no")
def test_changed_values_are_sent(lab, igd, control_point):
    sub = control_point().subscribe()
    first = sub.wait(1).vars
    assert first["ExternalIPAddress"] == igd.external_ip()
    assert first["ConnectionStatus"] == "Connected"
    before = int(first["PortMappingNumberOfEntries"])
    igd.add(40000)
    assert set(sub.wait(2).vars) == {"PortMappingNumberOfEntries"}
    assert sub.events[1].vars["PortMappingNumberOfEntries"] == str(before + 1)
    unplug(lab)
    assert wait_until(lambda: sub.told("ConnectionStatus")[-1]
                      == "Disconnected")
    assert sub.told("ExternalIPAddress")[-1] == ""
    plug(lab, NEW_EXT)
    assert wait_until(lambda: sub.told("ExternalIPAddress")[-1] == NEW_EXT)
    assert sub.told("ConnectionStatus")[-1] == "Connected"
    igd.delete(40000)
    assert wait_until(lambda: sub.told("PortMappingNumberOfEntries")[-1]
                      == str(before))
    sub.check()


@pytest.mark.conf(allow_disable_external_interface="yes")
def test_link_change_is_sent_at_both_roots(lab, igd, control_point):
    """Subscribers at each root get the event."""
    links = [control_point().subscribe(f"/igd{n}/wancic/event") for n in (1, 2)]
    conn = control_point().subscribe(WANIP2_EVENT)
    assert conn.wait(1).vars["ConnectionStatus"] == "Connected"
    for sub in links:
        assert sub.wait(1).vars == {"PhysicalLinkStatus": "Up",
                                    "EnabledForInternet": "1"}
    for step, on, word, status in (
            ("0", "0", "Down", "Disconnected"), ("1", "1", "Up", "Connected")):
        igd.call("SetEnabledForInternet", WANCIC, NewEnabledForInternet=step)
        for sub in links:
            assert wait_until(lambda: sub.told("EnabledForInternet")[-1] == on)
            assert wait_until(
                lambda: sub.told("PhysicalLinkStatus")[-1] == word)
        assert wait_until(
            lambda: conn.told("ConnectionStatus")[-1] == status)
    for sub in (*links, conn):
        sub.check()


def test_system_update_id_is_sent(lab, igd, control_point):
    """Version 2 sends it for each change of the table by either root."""
    old, new = (control_point().subscribe(url)
                for url in (WANIP_EVENT, WANIP2_EVENT))
    before = int(new.wait(1).vars["SystemUpdateID"])
    old.wait(1)
    igd.add(40000)
    igd.add(40000, desc="renewed")      # no other variable changes
    assert wait_until(
        lambda: new.told("SystemUpdateID")[-1] == str(before + 2))
    igd.delete(40000)
    assert wait_until(
        lambda: new.told("SystemUpdateID")[-1] == str(before + 3))
    assert old.told("SystemUpdateID") == []
    new.check()


@pytest.mark.conf(show_dummy_rule="no")
def test_end_of_a_lease_is_sent(igd, control_point):
    for lease in (1, 4, 16):    # the lease may end before the event is sent
        igd.add(40000, lease=lease)
        sub = control_point().subscribe()
        if sub.wait(1).vars["PortMappingNumberOfEntries"] == "1":
            break
    assert sub.told("PortMappingNumberOfEntries")[0] == "1"
    assert sub.wait(2).vars == {"PortMappingNumberOfEntries": "0"}


@pytest.mark.conf(show_dummy_rule="no")
def test_mappings_change_beside_a_hanging_subscriber(lab, igd, control_point):
    """A working subscriber gets the right events in order, and SOAP requests
    are answered, while other subscribers hang, are dead or send invalid
    answers."""
    hangs = control_point(status=None).subscribe()
    dead = control_point().subscribe()
    dead.wait(1)
    dead.close()
    strange = control_point(status=999).subscribe()
    good = control_point().subscribe()
    good.wait(1)
    for step in (igd.add, igd.delete):
        for port in range(40000, 40100):
            step(port)
            time.sleep(0.008)       # so that there is more than one event
        want = "100" if step == igd.add else "0"
        assert wait_until(
            lambda: good.told("PortMappingNumberOfEntries")[-1] == want)
    # the hanging one may take 30 s, and no other waited for it
    assert len(hangs.held) == 1 and hangs.is_held()
    counts = [int(c) for c in good.told("PortMappingNumberOfEntries")]
    top = counts.index(100)
    assert counts[0] == 0 and counts[-1] == 0 and top > 1
    assert counts[:top] == sorted(set(counts[:top]))
    assert counts[top:] == sorted(set(counts[top:]), reverse=True)
    good.check()
    assert wait_until(
        lambda: strange.told("PortMappingNumberOfEntries")[-1] == "0")
    strange.check()
    assert len(strange.events) > 2
    # the dead one is still subscribed
    assert ask(lab.lan1, "SUBSCRIBE", WANIP_EVENT,
               f"SID: {dead.sid}").status == 200


def test_next_callback_is_tried(lab, upnpd, control_point):
    dead, sub = control_point(), control_point()
    dead.close()
    sub.subscribe(callback=dead.callback() + sub.callback("/second"))
    assert sub.wait(1).path == "/second"
    assert sub.events[0].seq == 0


def receives_no_more(igd, sub, other):
    """Does @other receive two changes, and @sub, which received one, none?"""
    heard = len(other.events)
    for change in (igd.add, igd.delete):
        change(40000)
        heard += 1
        other.wait(heard)
    return len(sub.events) == 1


def test_renewal_and_unsubscribe(lab, igd, control_point):
    sub, other = control_point().subscribe(), control_point().subscribe()
    sub.wait(1)
    other.wait(1)
    sid = f"SID: {sub.sid}"
    reply = ask(lab.lan1, "SUBSCRIBE", WANIP_EVENT, sid,
                "TIMEOUT: Second-3600")
    assert reply.status == 200
    assert reply.headers["SID"] == sub.sid
    assert reply.headers["TIMEOUT"] == "Second-3600"
    assert ask(lab.lan1, "UNSUBSCRIBE", WANIP_EVENT, sid).status == 200
    assert ask(lab.lan1, "SUBSCRIBE", WANIP_EVENT, sid).status == 412
    assert ask(lab.lan1, "UNSUBSCRIBE", WANIP_EVENT, sid).status == 412
    assert receives_no_more(igd, sub, other)


def test_412_ends_the_subscription(lab, igd, control_point):
    sub = control_point(status=412).subscribe()
    other = control_point().subscribe()
    sub.wait(1)
    other.wait(1)
    assert receives_no_more(igd, sub, other)
    assert wait_until(lambda: ask(lab.lan1, "SUBSCRIBE", WANIP_EVENT,
                                  f"SID: {sub.sid}").status == 412)


@pytest.mark.parametrize("callback", (
    "<http://192.168.88.20:9/>", "<http://11.22.33.9:9/>",
    "<http://192.168.88.1:2828/igd1/wanip/control>", "<http://localhost:9/>",
    f"<https://{HOST_IP}:9/>", f"<http://{HOST_IP}:0/>", "http://x/", "",
    f"<http://{HOST_IP}:9/{'a' * 512}>"))
def test_no_event_is_sent_to_another_host(lab, upnpd, callback):
    assert subscribe(lab.lan1, callback).status == 412


def test_refused_subscriptions(lab, upnpd):
    good = f"CALLBACK: <http://{HOST_IP}:9/>"
    for status, fields in (
            (412, [good]), (412, ["NT: upnp:event"]), (412, []),
            (412, [good, "NT: upnp:other"]), (412, ["SID: uuid:unknown"]),
            (400, ["SID: uuid:unknown", good]),
            (400, ["SID: uuid:unknown", "NT: upnp:event"])):
        assert ask(lab.lan1, "SUBSCRIBE", WANIP_EVENT,
                   *fields).status == status
    assert ask(lab.lan1, "GET", WANIP_EVENT).status == 405
    assert ask(lab.lan1, "SUBSCRIBE", "/igd1/x/event", good,
               "NT: upnp:event").status == 404


@pytest.mark.lab(bridge=True)
def test_subscriptions_of_one_host_are_limited(lab, upnpd, control_point):
    """While all of them receive events."""
    sub = control_point()
    granted = [subscribe(lab.lan1, sub.callback(f"/{i}")) for i in range(16)]
    assert {r.status for r in granted} == {200}
    sub.wait(16)
    assert subscribe(lab.lan1, sub.callback()).status == 503
    other = f"<http://{lab.lan2.ip}:9/>"
    assert subscribe(lab.lan2, other).status == 200
    assert ask(lab.lan1, "UNSUBSCRIBE", WANIP_EVENT,
               f"SID: {granted[3].headers['SID']}").status == 200
    assert subscribe(lab.lan1, sub.callback()).status == 200
    assert Igd(lab.lan1).status() == "Connected"


def test_subscriptions_of_all_hosts_are_limited(lab, upnpd):
    """Four hosts have all 64 subscriptions, and receive events. A fifth host
    gets what one program needs, and then nothing until one ends."""
    ips = [f"192.168.88.{n}" for n in range(31, 36)]
    lab.lan1.ip_batch(*[f"addr add {ip}/24 dev eth0" for ip in ips])
    subs = [Subscriber(Host(lab.lan1.ns, ip)) for ip in ips]

    def asks(n, path, method="SUBSCRIBE", *fields):
        fields = fields or (f"CALLBACK: {subs[n].callback(path)}",
                            "NT: upnp:event")
        return http(lab.lan1, method, WANIP_EVENT, headers=fields,
                    source=ips[n])
    granted = [asks(n, f"/{i}") for n in range(4) for i in range(16)]
    assert {r.status for r in granted} == {200}
    for sub in subs[:4]:
        sub.wait(16)
    assert [asks(4, f"/{i}").status for i in range(8)] == [200] * 7 + [503]
    assert asks(0, "", "UNSUBSCRIBE",
                f"SID: {granted[15].headers['SID']}").status == 200
    assert asks(4, "/8").status == 200
    assert asks(4, "/9").status == 503
    assert upnpd.wait_log("refused 192.168.88.35: too many subscriptions")
    for sub in subs:
        sub.close()
