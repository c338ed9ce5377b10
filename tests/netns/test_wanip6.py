# SPDX-License-Identifier: ISC
"""WANIPv6FirewallControl:1 on the wire: each action, each error, and who may
open what. No packet passes here, so the backend is `memory`."""
import contextlib
import socket
import time

import pytest

from lab import (HOST26_IP, HOST6_IP, HOST6_LAN2_IP, HOST6_ULA, HOST_IP,
                 LAN26_IP, LAN6_IP, LAN6_ULA, LAN_IP, LONG, SLOW, wait_until)
from test_events import Subscriber
from upnp import Gateway6, Igd, UpnpError, error_of, http, soap_body

pytestmark = [pytest.mark.only("netlink"), pytest.mark.lab(ipv6=True),
              pytest.mark.conf(backend="memory")]

FIREWALL = "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1"
WANIP2 = "urn:schemas-upnp-org:service:WANIPConnection:2"
UNUSED = "2001:db8:88::dead"        # no host has it
TCP, UDP, DCCP, SCTP, UDPLITE = 6, 17, 33, 132, 136


@pytest.fixture
def six(lab, upnpd):
    return Gateway6(lab.lan1)


def link_local(lab):
    return lab.router.link_local("lan0")


# ---- each action ------------------------------------------------------

def test_status(six):
    assert six.ask("GetFirewallStatus") == {"FirewallEnabled": "1",
                                            "InboundPinholeAllowed": "1"}


def test_a_pinhole_is_made_renewed_and_deleted(six):
    uid = six.open()
    assert 1 <= uid <= 65535
    assert six.renew(uid, lease=86400) == {}
    assert six.packets(uid) == 0
    assert six.close(uid) == {}
    assert error_of(six.close, uid) == 704


def test_the_same_five_tuple_has_the_same_id(six):
    uid = six.open(lease=60)
    assert six.open(lease=120) == uid
    others = {six.open(port=8081), six.open(proto=UDP),
              six.open(remote="2001:db8:11::2"), six.open(remote_port=5000),
              six.open(client=HOST6_ULA)}
    assert len(others) == 5 and uid not in others
    six.close(uid)
    # not used again soon
    assert six.open() not in others | {uid}


def test_protocols(six):
    ids = {six.open(proto=p) for p in (TCP, UDP, DCCP, SCTP, UDPLITE)}
    assert len(ids) == 5


def test_a_pinhole_ends_with_its_lease(six):
    uid = six.open(lease=2)
    other = six.open(port=8081, lease=2)
    six.renew(other, lease=60)
    assert wait_until(lambda: _error(six.packets, uid) == 704)
    assert six.packets(other) == 0


def _error(call, *args):
    """The error code of a call; 0 if there is none."""
    try:
        call(*args)
    except UpnpError as e:
        return e.code
    return 0


def test_outbound_timeouts(six):
    assert six.timeout(TCP) > six.timeout(UDP) > 0
    assert error_of(six.timeout, 1) == 705
    assert error_of(six.timeout, 65535) == 707
    assert error_of(six.timeout, TCP, HOST6_IP, 0) == 706


# ---- each error -------------------------------------------------------

@pytest.mark.parametrize("code,args", [
    (402, {"client": "printer.local"}),
    (402, {"client": HOST_IP}),
    (600, {"proto": "TCP"}), (600, {"port": "http"}),
    (600, {"remote": "example.org"}), (600, {"remote": "198.51.100.2"}),
    (601, {"lease": 0}), (601, {"lease": 86401}), (601, {"port": 65536}),
    (606, {"port": 80}), (606, {"port": 1023}),
    (606, {"client": LAN6_IP}), (606, {"client": LAN6_ULA}),
    (606, {"client": "2001:db8:11::2"}), (606, {"client": "ff02::1"}),
    (606, {"client": "fe80::1"}), (606, {"client": "2001:db8:88::"}),
    (705, {"proto": 1}), (705, {"proto": 58}), (705, {"proto": 255}),
    (706, {"port": 0}), (706, {"port": ""}), (707, {"proto": 65535}),
    (708, {"client": "*"}), (708, {"client": "::"}),
], ids=str)
def test_errors_of_add(six, code, args):
    assert error_of(six.open, **args) == code


def test_a_missing_argument(six):
    assert error_of(six.ask, "AddPinhole", RemoteHost="", RemotePort=0,
                    InternalClient=HOST6_IP, InternalPort=8080,
                    Protocol=6) == 402
    assert error_of(six.ask, "UpdatePinhole", UniqueID=1) == 402
    assert error_of(six.ask, "NoSuchAction") == 401


def test_errors_of_an_unknown_id(six):
    for uid in (0, 1, 65535):
        for call in (six.renew, six.close, six.packets, six.works):
            assert error_of(call, uid) == 704
    assert error_of(six.renew, six.open(), 0) == 601
    assert error_of(six.renew, six.open(), 86401) == 601


def test_no_traffic(six):
    assert error_of(six.works, six.open()) == 709


def test_no_client_is_the_address_that_asks(lab, six):
    uid = six.open()
    asker = Gateway6(lab.lan1, source=HOST6_IP)
    assert asker.open(client="") == uid
    assert error_of(Gateway6(lab.lan1, ip=LAN_IP).open, client="") == 708
    assert error_of(Gateway6(lab.lan1, ip=link_local(lab)).open,
                    client="") == 708


@pytest.mark.conf(backend="memory", max_pinholes=2)
def test_the_table_is_full(lab, six):
    ids = [six.open(), six.open(port=8081)]
    assert error_of(six.open, port=8082) == 701
    assert six.open() == ids[0]
    six.close(ids[1])
    six.open(port=8082)


@pytest.mark.conf(backend="memory", max_mappings_per_client=2)
@pytest.mark.lab(ipv6=True, bridge=True)
def test_a_host_has_a_share_whatever_its_addresses(lab, six):
    six.open()
    Gateway6(lab.lan1, ip=LAN6_ULA).open(client=HOST6_ULA)
    for ip in (LAN6_IP, LAN6_ULA, LAN_IP, link_local(lab)):
        for client in (HOST6_IP, HOST6_ULA):
            assert error_of(Gateway6(lab.lan1, ip=ip).open, port=8081,
                            client=client) == 701
    assert Gateway6(lab.lan2).open(client=HOST26_IP)


@pytest.mark.conf(backend="memory", max_mappings_per_client=2)
def test_a_reload_does_not_renew_a_share(lab, upnpd, six):
    """The lease file has no link-layer addresses."""
    six.open()
    Gateway6(lab.lan1, ip=link_local(lab)).open(client=HOST6_ULA)
    old = upnpd.engine()
    upnpd.reload()
    assert wait_until(lambda: upnpd.engine() not in (None, old))
    assert wait_until(upnpd.serves)
    assert error_of(six.open, port=8081) == 701
    assert error_of(six.open, port=8081, client=HOST6_ULA) == 701
    six.open()


@pytest.mark.parametrize("option", [{"max_pinholes": 0}, {"ipv6": "no"}],
                         ids=["max-pinholes", "ipv6"])
def test_pinholes_are_switched_off(lab, stopped, option):
    stopped.options.update(option)
    stopped.start()
    igd = Gateway6(lab.lan1, ip=LAN_IP)
    assert igd.ask("GetFirewallStatus")["InboundPinholeAllowed"] == "0"
    assert error_of(igd.open) == 703
    for call in (igd.renew, igd.close, igd.packets, igd.works):
        assert error_of(call, 1) == 703


# ---- lines of the configuration ---------------------------------------

def test_all_ports_need_a_line(lab, stopped):
    stopped.lines = [f"deny 0-65535 {HOST26_IP} 22",
                     "allow 0-65535 2001:db8:88::/64 0-65535"]
    stopped.start()
    igd = Gateway6(lab.lan1)
    assert igd.open(port=0)
    assert igd.open(port=80)
    assert error_of(igd.open, client=HOST6_ULA) == 606
    assert error_of(igd.open, client=HOST6_ULA, port=0) == 706


def test_lines_of_the_other_family_forbid(lab, stopped):
    stopped.lines = ["allow 1024-65535 192.168.88.0/24 1024-65535"]
    stopped.start()
    assert error_of(Gateway6(lab.lan1).open) == 606
    assert stopped.wait_log(f'add "allow 8080 {HOST6_IP} 8080"')
    # for a mapping, nothing has changed
    Igd(lab.lan1).add(40000)


# ---- who may open what ------------------------------------------------

def test_a_host_asks_from_any_of_its_addresses(lab, upnpd):
    ids = set()
    for ip in (LAN6_IP, LAN6_ULA, LAN_IP, link_local(lab)):
        asker = Gateway6(lab.lan1, ip=ip)
        ids.add(asker.open())
        ids.add(asker.open(client=HOST6_ULA))
    assert len(ids) == 2
    for ip in (LAN6_ULA, LAN_IP):
        asker = Gateway6(lab.lan1, ip=ip)
        asker.renew(min(ids))
        assert asker.packets(min(ids)) == 0
    Gateway6(lab.lan1, ip=link_local(lab)).close(min(ids))


def flush(lab):
    """The router forgets its neighbours."""
    lab.router.ip_batch("neigh flush dev lan0")


def test_an_address_that_is_not_in_the_table_is_resolved(lab, upnpd):
    for ip in (LAN_IP, LAN6_ULA, link_local(lab)):
        flush(lab)
        assert Gateway6(lab.lan1, ip=ip).open()


@pytest.mark.lab(ipv6=True, bridge=True)
def test_a_host_opens_nothing_to_another(lab, upnpd):
    six, other = Gateway6(lab.lan1), Gateway6(lab.lan2)
    uid = six.open()
    assert error_of(other.open) == 606
    flush(lab)
    assert error_of(other.open) == 606
    for call in (other.renew, other.close, other.packets, other.works):
        assert error_of(call, uid) == 606
    assert other.open(client=HOST26_IP) != uid
    assert upnpd.wait_log(f"refused {HOST26_IP}.*another host")


@pytest.mark.lab(ipv6=True, second_lan=True)
def test_a_host_cannot_claim_an_address_of_another_network(lab, stopped):
    """A neighbour solicitation enters its source address into the table of
    the interface, even if the network of that address is on another one."""
    stopped.interfaces["lan1"] = "internal"
    stopped.start()
    router = lab.router.link_local("lan1")
    owner = Gateway6(lab.lan1)
    uid = owner.open()
    # the first packet to an unknown router is preceded by a solicitation
    lab.lan2.ip_batch("neigh flush dev eth0",
                      f"addr add {HOST6_IP}/128 dev eth0 nodad")
    with lab.lan2.socket(socket.SOCK_DGRAM, (HOST6_IP, 0)) as sock:
        sock.sendto(b"", (router, 9, 0, lab.lan2.ifindex("eth0")))
    lab.lan2.ip_batch(f"addr del {HOST6_IP}/128 dev eth0")
    assert wait_until(lambda: "lladdr" in lab.router.run(
        "ip", "neigh", "show", HOST6_IP, "dev", "lan1"))
    rogue = Gateway6(lab.lan2, ip=LAN26_IP, source=HOST6_LAN2_IP)
    assert error_of(rogue.open) == 606
    assert error_of(rogue.open, port=8081) == 606
    for call in (rogue.renew, rogue.close, rogue.packets, rogue.works):
        assert error_of(call, uid) == 606
    assert owner.open() == uid


def test_nobody_has_the_address(lab, upnpd, six):
    """The request waits for a second; others do not wait for it."""
    start = time.monotonic()
    with contextlib.ExitStack() as stack:
        waiting = stack.enter_context(asked(lab, UNUSED))
        six.open()
        six.packets(six.open())
        assert time.monotonic() - start < 0.8 * SLOW
        data = waiting.recv(65536)
    assert b"<errorCode>606<" in data
    assert 0.8 < time.monotonic() - start < LONG * SLOW


@contextlib.contextmanager
def asked(lab, client):
    """A connection on which a pinhole to @client was asked for."""
    body = soap_body(FIREWALL, "AddPinhole", {
        "RemoteHost": "", "RemotePort": 0, "InternalClient": client,
        "InternalPort": 9000, "Protocol": 6, "LeaseTime": 60}).encode()
    head = (f"POST /igd2/wanip6/control HTTP/1.1\r\nHost: [{LAN6_IP}]:2828\r\n"
            f"Content-Type: text/xml\r\nSOAPAction: \"{FIREWALL}#AddPinhole\""
            f"\r\nContent-Length: {len(body)}\r\n\r\n").encode()
    with lab.lan1.socket(socket.SOCK_STREAM, family=socket.AF_INET6) as sock:
        sock.settimeout(LONG * SLOW)
        sock.connect((LAN6_IP, 2828))
        sock.sendall(head + body)
        yield sock


def test_many_wait_and_the_rest_is_refused(lab, upnpd, six):
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(asked(lab, f"2001:db8:88::beef:{i}"))
                 for i in range(8)]
        codes = sorted(sock.recv(65536).split(b"<errorCode>")[1][:3]
                       for sock in socks)
    assert codes == [b"606"] * 4 + [b"701"] * 4
    assert six.open()


def test_a_request_keeps_its_place_for_a_second(lab, upnpd, six):
    """Also if its connection was closed: a client that has sent its request
    may close its half and wait for the answer."""
    for i in range(4):      # MAP_ASKING_PER_HOST
        with asked(lab, f"2001:db8:88::dead:{i}"):
            pass
    assert six.open()       # this one need not wait
    assert wait_until(lambda: error_of(six.open, client=UNUSED) == 606)


def test_a_mapping_is_asked_for_over_ipv6(lab, upnpd, six):
    igd = Igd(lab.lan1, ip=LAN6_IP)
    igd.add(40000, client=HOST_IP)
    assert ("TCP", 40000, HOST_IP, 40000) in igd.mapped()
    igd.delete(40000)
    assert error_of(igd.add, 40001, client="192.168.88.77") == 718


# ---- clients ----------------------------------------------------------

def post(lab, url, namespace, action, args):
    reply = http(lab.lan1, "POST", url, soap_body(namespace, action, args),
                 ['Content-Type: text/xml; charset="utf-8"',
                  f'SOAPAction: "{namespace}#{action}"'], ip=LAN6_IP)
    return reply


def test_arguments_in_another_order(lab, upnpd):
    """Syncthing's."""
    args = {"RemoteHost": "", "RemotePort": 0, "Protocol": 6,
            "InternalPort": 22000, "InternalClient": HOST6_IP,
            "LeaseTime": 3600}
    reply = post(lab, "/igd2/wanip6/control", FIREWALL, "AddPinhole", args)
    assert reply.status == 200 and b"<UniqueID>" in reply.body


@pytest.mark.parametrize("namespace", [WANIP2, FIREWALL])
def test_actions_at_the_url_of_wanipconnection(lab, upnpd, namespace):
    """npm's @achingbrain/nat-port-mapper: the remote port is empty."""
    url = "/igd2/wanip/control"
    args = {"RemoteHost": "", "RemotePort": "", "InternalClient": HOST6_IP,
            "InternalPort": 4001, "Protocol": 6, "LeaseTime": 3600}
    reply = post(lab, url, namespace, "AddPinhole", args)
    assert reply.status == 200
    assert f'<u:AddPinholeResponse xmlns:u="{namespace}">'.encode() in \
        reply.body
    uid = reply.body.split(b"<UniqueID>")[1].split(b"<")[0].decode()
    for action, more in (("UpdatePinhole", {"NewLeaseTime": 3600}),
                         ("DeletePinhole", {})):
        reply = post(lab, url, namespace, action, {"UniqueID": uid} | more)
        assert reply.status == 200
    # IGD:1 knows nothing of it
    reply = post(lab, "/igd1/wanip/control", WANIP2, "AddPinhole", args)
    assert reply.status == 500 and b"<errorCode>401<" in reply.body


def test_events(lab, upnpd):
    with contextlib.closing(Subscriber(lab.lan1, ip=HOST6_IP)) as sub:
        sub.subscribe("/igd2/wanip6/event", ip=LAN6_IP, source=HOST6_IP)
        assert sub.wait(1).vars == {"FirewallEnabled": "1",
                                    "InboundPinholeAllowed": "1"}


# ---- another prefix ---------------------------------------------------

def test_another_prefix_suspends(lab, upnpd, six):
    """The provider assigns another prefix. Pinholes to the former one are
    suspended, and nothing else is touched."""
    uid = six.open()
    stays = six.open(client=HOST6_ULA)
    Igd(lab.lan1).add(40000)
    ula = Gateway6(lab.lan1, ip=LAN6_ULA)
    lab.router.ip_batch(f"addr del {LAN6_IP}/64 dev lan0",
                        "addr add 2001:db8:99::1/64 dev lan0 nodad")
    assert wait_until(lambda: _error(ula.packets, uid) == 704)
    assert ula.packets(stays) == 0
    assert error_of(ula.open) == 606
    assert len(Igd(lab.lan1).entries()) == 1
    lab.router.ip_batch(f"addr add {LAN6_IP}/64 dev lan0 nodad")
    assert wait_until(lambda: _error(ula.packets, uid) == 0)
