# SPDX-License-Identifier: ISC
"""PCP (RFC 6887) by messages written by hand, with real traffic: MAP, PEER,
ANNOUNCE, the options and the nonces."""
import os
import signal
import socket
import time

import pytest

from lab import (EXT_IP, HOST2_IP, HOST6_IP, HOST_IP, LAN6_IP, LAN6_ULA,
                 LAN_IP, LONG, OUT2_IP, OUT_IP, OUTSIDE6_IP, blocked,
                 listener, reaches, wait_until)
from pmp import (ADDRESS_MISMATCH, ANNOUNCE, CANNOT_PROVIDE_EXTERNAL,
                 EXCESSIVE_REMOTE_PEERS, MALFORMED_OPTION, MALFORMED_REQUEST,
                 MAP, NETWORK_FAILURE, NO_NETWORK, NOT_AUTHORIZED,
                 PREFER_FAILURE, SERVER, SUCCESS, UNSUPP_OPCODE, UNSUPP_OPTION,
                 UNSUPP_PROTOCOL, USER_EX_QUOTA, Announced, PcpReply, Pmp,
                 filter_of, nonce, option, pcp_body, pcp_request, third_party)
from test_natpmp import BOTH, OTHER, epochs_agree, mapped
from test_lifecycle import answers
from test_network import NEW_EXT, plug, unplug
from test_upnpctl_live import Ctl

LONG_ERROR, SHORT_ERROR = 1800, 30      # s


@pytest.fixture
def pmp(lab, upnpd):
    """A client on lan1."""
    with Pmp(lab.lan1) as client:
        yield client


def granted(answer, ext=None):
    """The answer to a MAP or PEER that succeeded."""
    assert answer.result == SUCCESS, answer
    assert ext in (None, answer.ext)
    return answer


def refused(answer, result, lifetime=LONG_ERROR):
    """An error, which copies the request."""
    assert (answer.result, answer.lifetime) == (result, lifetime), answer


# ---- MAP -------------------------------------------------------------------

@pytest.mark.core
@BOTH
def test_map_and_unmap(lab, pmp, igd, proto):
    server = listener(lab.lan1, proto, 8000)
    mine = nonce()
    answer = granted(pmp.pcp_map(proto, 8000, 40000, 7200, mine), 40000)
    assert (answer.lifetime, answer.ext_ip) == (7200, EXT_IP)
    assert reaches(lab, proto, 40000, server)
    assert mapped(igd) == {(proto, 40000, HOST_IP, 8000)}
    gone = granted(pmp.pcp_unmap(proto, 8000, mine))
    assert gone.lifetime == 0
    assert blocked(lab, proto, 40000, server)
    assert mapped(igd) == set()
    # what is not there is deleted
    granted(pmp.pcp_unmap(proto, 8000, mine))


@pytest.mark.only("netlink")
def test_the_gateway_chooses(lab, pmp, igd):
    """No suggested port, or a suggested address that is not the gateway's."""
    for port, ext_ip in ((8000, "0.0.0.0"), (8001, "11.22.33.77"),
                         (8002, "::")):
        answer = granted(pmp.pcp_map("UDP", port, 0, ext_ip=ext_ip))
        assert answer.ext and answer.ext_ip == EXT_IP
        with listener(lab.lan1, "UDP", port) as server:
            assert reaches(lab, "UDP", answer.ext, server)


@pytest.mark.only("netlink")
def test_the_same_internal_port_again(pmp, igd):
    mine = nonce()
    granted(pmp.pcp_map("TCP", 8000, 40000, nonce=mine), 40000)
    for suggested in (40001, 0, 40000):
        granted(pmp.pcp_map("TCP", 8000, suggested, nonce=mine), 40000)
    assert mapped(igd) == {("TCP", 40000, HOST_IP, 8000)}


@pytest.mark.only("netlink")
@pytest.mark.lab(bridge=True)
@BOTH
def test_another_host_gets_another_port(lab, pmp, proto):
    """The port and its sibling of the other protocol are taken."""
    granted(pmp.pcp_map(proto, 8000, 40000), 40000)
    with Pmp(lab.lan2) as second:
        for other in (proto, OTHER[proto]):
            answer = granted(second.pcp_map(other, 9000, 40000))
            assert answer.ext not in (0, 40000)
            with listener(lab.lan2, other, 9000) as server:
                assert reaches(lab, other, answer.ext, server)


@pytest.mark.only("netlink")
@pytest.mark.conf(max_lease=86400)
def test_lifetimes(pmp):
    """From 120 s to a day (RFC 6887 15). A renewal may shorten."""
    mine = nonce()
    for asked, given in ((1, 120), (119, 120), (3600, 3600), (86400, 86400),
                         (0xffffffff, 86400), (200, 200)):
        answer = pmp.pcp_map("TCP", 8000, 40000, asked, mine)
        assert granted(answer).lifetime == given


@pytest.mark.only("netlink")
@pytest.mark.conf(max_lease=2)
def test_expiry(lab, pmp, igd):
    """max-lease, here 2 s, is the least and the most."""
    server = listener(lab.lan1, "TCP", 8000)
    assert granted(pmp.pcp_map("TCP", 8000, 40000, 3600)).lifetime == 2
    assert wait_until(lambda: mapped(igd) == set())
    assert blocked(lab, "TCP", 40000, server)


@pytest.mark.only("netlink")
def test_requests_for_everything(pmp):
    """All ports, or all protocols: the policy allows them to nobody."""
    for proto, port in (("TCP", 0), (0, 0)):
        refused(pmp.pcp_map(proto, port), NOT_AUTHORIZED)


@pytest.mark.only("netlink")
def test_errors(lab, pmp):
    refused(pmp.pcp_map(1, 8000), UNSUPP_PROTOCOL)
    refused(pmp.pcp(5, bytes(36)), UNSUPP_OPCODE)
    # protocol 0 is all protocols, so a port means nothing
    refused(pmp.pcp_map(0, 8000), MALFORMED_REQUEST)
    refused(PcpReply(pmp.ask(pcp_request(MAP, bytes(32), 60, HOST_IP))),
            MALFORMED_REQUEST)
    # behind another NAT, the client's address is not the source
    refused(pmp.pcp(MAP, pcp_body("TCP", 8000), client="10.0.0.5"),
            ADDRESS_MISMATCH)
    assert pmp.pcp(ANNOUNCE).result == SUCCESS


@pytest.mark.only("netlink")
def test_an_error_copies_the_request(pmp):
    ask = pcp_request(MAP, pcp_body("TCP", 8000), 60, HOST_IP,
                      [option(100, b"unknown")])
    answer = pmp.ask(ask)
    assert PcpReply(answer).result == UNSUPP_OPTION
    assert answer[24:] == ask[24:]


@pytest.mark.only("netlink")
def test_no_external_address(lab, pmp):
    unplug(lab)
    assert wait_until(lambda: pmp.address() == NO_NETWORK)
    refused(pmp.pcp_map("TCP", 8000), NETWORK_FAILURE, SHORT_ERROR)
    plug(lab)
    assert wait_until(lambda: pmp.address() == EXT_IP)
    granted(pmp.pcp_map("TCP", 8000))


@pytest.mark.only("netlink")
@pytest.mark.conf(max_mappings_per_client=1)
def test_too_many(pmp):
    mine = nonce()
    granted(pmp.pcp_map("TCP", 8000, nonce=mine))
    assert pmp.pcp_map("TCP", 8001).result == USER_EX_QUOTA
    granted(pmp.pcp_unmap("TCP", 8000, mine))
    granted(pmp.pcp_map("TCP", 8001))


# ---- nonces ----------------------------------------------------------------

@pytest.mark.only("netlink")
def test_another_nonce_only_extends(pmp, igd):
    """Tailscale takes a new nonce for each renewal. Such a request extends the
    lease; it cannot shorten or delete."""
    mine = nonce()
    granted(pmp.pcp_map("TCP", 8000, 40000, 1000, mine), 40000)
    assert granted(pmp.pcp_map("TCP", 8000, 0, 2000), 40000).lifetime == 2000
    assert granted(pmp.pcp_map("TCP", 8000, 0, 200), 40000).lifetime > 1900
    assert pmp.pcp_unmap("TCP", 8000, nonce()).result == NOT_AUTHORIZED
    assert mapped(igd) == {("TCP", 40000, HOST_IP, 8000)}
    granted(pmp.pcp_unmap("TCP", 8000, mine))
    assert mapped(igd) == set()


@pytest.mark.only("netlink")
@pytest.mark.conf(pcp_strict_nonce="yes")
def test_strict_nonce(pmp, igd):
    """The error has the time that is left (RFC 6887 11.3)."""
    mine = nonce()
    granted(pmp.pcp_map("TCP", 8000, 40000, 1000, mine), 40000)
    for lifetime in (2000, 0):
        answer = pmp.pcp_map("TCP", 8000, 0, lifetime)
        assert answer.result == NOT_AUTHORIZED
        assert 900 < answer.lifetime <= 1000
    assert 900 < int(igd.specific(40000)["NewLeaseDuration"]) <= 1000
    granted(pmp.pcp_unmap("TCP", 8000, mine))
    assert mapped(igd) == set()


@pytest.mark.only("netlink")
@pytest.mark.conf(pcp_strict_nonce="yes")
def test_the_nonce_is_kept_over_a_restart(upnpd, pmp, igd):
    mine = nonce()
    granted(pmp.pcp_map("TCP", 8000, 40000, 3600, mine))
    upnpd.stop()
    upnpd.start()
    assert pmp.pcp_map("TCP", 8000).result == NOT_AUTHORIZED
    granted(pmp.pcp_map("TCP", 8000, 0, 3600, mine), 40000)


@pytest.mark.only("netlink")
def test_the_nonce_is_not_told(lab, upnpd, pmp, igd):
    """Whoever knows it can delete the mapping."""
    mine = nonce()
    granted(pmp.pcp_map("TCP", 8000, 40000, 3600, mine))
    granted(pmp.pcp_map("TCP", 8000, 40000, 3600, nonce()))
    ctl = Ctl(lab, upnpd)
    told = [str(igd.entries()), upnpd.log(), ctl("mappings", "print"),
            ctl("metrics"), str(ctl.json("mappings", "print"))]
    assert not any(mine.hex() in text.lower() for text in told)


# ---- options ---------------------------------------------------------------

@pytest.mark.only("netlink")
def test_unknown_options(pmp):
    """One that is optional is ignored, and not in the answer."""
    answer = granted(pmp.pcp_map("TCP", 8000, options=[option(200, b"abc")]))
    assert answer.codes == []
    refused(pmp.pcp_map("TCP", 8000, options=[option(77)]), UNSUPP_OPTION)


@pytest.mark.only("netlink")
@pytest.mark.lab(bridge=True)
def test_prefer_failure(lab, pmp, igd):
    """No other port than the suggested one."""
    prefer = [option(PREFER_FAILURE)]
    answer = granted(pmp.pcp_map("TCP", 8000, 40000, ext_ip=EXT_IP,
                                 options=prefer), 40000)
    assert answer.codes == [PREFER_FAILURE]
    with Pmp(lab.lan2) as second:
        assert second.pcp_map("TCP", 9000, 40000, options=prefer).result == \
            CANNOT_PROVIDE_EXTERNAL
    assert pmp.pcp_map("UDP", 8000, 40001, ext_ip="11.22.33.77",
                       options=prefer).result == CANNOT_PROVIDE_EXTERNAL
    assert mapped(igd) == {("TCP", 40000, HOST_IP, 8000)}
    refused(pmp.pcp_map("UDP", 8000, 40001,
                        options=[option(PREFER_FAILURE, b"1234")]),
            MALFORMED_OPTION)


@BOTH
@pytest.mark.core
def test_filter(lab, pmp, proto):
    """Only the named remote host reaches the port; the other one stays
    out."""
    server = listener(lab.lan1, proto, 8000)
    mine = nonce()
    answer = granted(pmp.pcp_map(proto, 8000, 40000, nonce=mine,
                                 options=[filter_of(OUT2_IP)]), 40000)
    assert answer.codes == [3]
    assert reaches(lab, proto, 40000, server, src_ip=OUT2_IP)
    assert blocked(lab, proto, 40000, server, src_ip=OUT_IP)
    # prefix length 0 clears the filter
    granted(pmp.pcp_map(proto, 8000, 40000, nonce=mine,
                        options=[filter_of("0.0.0.0", prefix=0)]), 40000)
    assert reaches(lab, proto, 40000, server, src_ip=OUT_IP)
    granted(pmp.pcp_unmap(proto, 8000, mine))
    assert blocked(lab, proto, 40000, server, src_ip=OUT2_IP)


@BOTH
def test_filter_with_a_port(lab, pmp, proto):
    server = listener(lab.lan1, proto, 8000)
    granted(pmp.pcp_map(proto, 8000, 40000,
                        options=[filter_of(OUT2_IP, 7777)]))
    assert blocked(lab, proto, 40000, server, src_ip=OUT2_IP, src_port=7778)
    assert reaches(lab, proto, 40000, server, src_ip=OUT2_IP, src_port=7777)


@pytest.mark.only("netlink")
def test_filters_that_cannot_be_enforced(lab, pmp, igd):
    """They are refused, not just copied into the answer as the peer does."""
    for options in ([filter_of("11.22.33.0", prefix=24)],
                    [filter_of(OUT_IP), filter_of(OUT2_IP)]):
        assert pmp.pcp_map("TCP", 8000, options=options).result == \
            EXCESSIVE_REMOTE_PEERS
    assert mapped(igd) == set()


@pytest.mark.only("netlink")
@pytest.mark.lab(bridge=True)
def test_third_party_is_off(pmp, igd):
    answer = pmp.pcp_map("TCP", 8000, options=[third_party(HOST2_IP)])
    refused(answer, UNSUPP_OPTION)
    assert mapped(igd) == set()


@pytest.mark.only("netlink")
@pytest.mark.lab(bridge=True)
@pytest.mark.conf(pcp_third_party="192.168.88.10/32")
def test_third_party(lab, pmp, igd):
    """A host that the operator named may ask for another one."""
    server = listener(lab.lan2, "TCP", 9000)
    mine, other = nonce(), [third_party(HOST2_IP)]
    answer = granted(pmp.pcp_map("TCP", 9000, 40000, nonce=mine,
                                 options=other), 40000)
    assert answer.codes == [1]
    assert reaches(lab, "TCP", 40000, server)
    with Pmp(lab.lan2) as second:
        assert second.pcp_map("TCP", 8000, options=[third_party(HOST_IP)]) \
            .result == UNSUPP_OPTION
    # its own address: RFC 6887 13.1
    assert pmp.pcp_map("TCP", 8000, options=[third_party(HOST_IP)]).result \
        == MALFORMED_REQUEST
    # neither a host of another network nor the router
    for ip in (OUT_IP, LAN_IP):
        assert pmp.pcp_map("TCP", 8000, options=[third_party(ip)]).result \
            == NOT_AUTHORIZED
    granted(pmp.pcp_unmap("TCP", 9000, mine, options=other))
    assert blocked(lab, "TCP", 40000, server)
    assert mapped(igd) == set()


# ---- PEER ------------------------------------------------------------------

@pytest.mark.only("netlink", "iptables-legacy")
@BOTH
def test_peer_without_a_flow(lab, pmp, proto):
    """The host and its peer agree on a port before either has sent: what the
    host sends leaves with that port, and only that peer may answer."""
    server = listener(lab.lan1, proto, 8000)
    answer = granted(pmp.pcp_peer(proto, 8000, OUT2_IP, 7777, 40000), 40000)
    assert (answer.ext_ip, answer.lifetime) == (EXT_IP, 3600)
    assert reaches(lab, proto, 40000, server, src_ip=OUT2_IP, src_port=7777)
    assert blocked(lab, proto, 40000, server, src_ip=OUT2_IP, src_port=7778)
    assert blocked(lab, proto, 40000, server, src_ip=OUT_IP, src_port=7777)


@pytest.mark.only("netlink", "iptables-legacy")
def test_peer_leaves_with_its_port(lab, pmp):
    granted(pmp.pcp_peer("UDP", 8000, OUT2_IP, 7777, 40000), 40000)
    with listener(lab.outside, "UDP", 7777, OUT2_IP) as far, \
            listener(lab.lan1, "UDP", 8000, HOST_IP) as near:
        far.settimeout(LONG)
        near.sendto(b"hello", (OUT2_IP, 7777))
        assert far.recvfrom(16) == (b"hello", (EXT_IP, 40000))


@pytest.mark.only("netlink", "iptables-legacy")
def test_peer_takes_the_port_of_the_flow(lab, pmp):
    """The host has sent already: the flow's port is the answer, whatever is
    suggested."""
    with listener(lab.outside, "UDP", 7777, OUT2_IP) as far, \
            listener(lab.lan1, "UDP", 8000, HOST_IP) as near:
        far.settimeout(LONG)
        near.sendto(b"hello", (OUT2_IP, 7777))
        _, (ip, port) = far.recvfrom(16)
        assert ip == EXT_IP
        mine = nonce()
        granted(pmp.pcp_peer("UDP", 8000, OUT2_IP, 7777, 41234, nonce=mine),
                port)
        far.sendto(b"back", (EXT_IP, port))
        near.settimeout(LONG)
        assert near.recvfrom(16) == (b"back", (OUT2_IP, 7777))


@pytest.mark.only("netlink")
def test_peer_is_malformed_with_prefer_failure(pmp):
    refused(pmp.pcp_peer("UDP", 8000, OUT_IP, 7777,
                         options=[option(PREFER_FAILURE)]),
            MALFORMED_REQUEST)


# ---- IPv6 ------------------------------------------------------------------

@pytest.fixture
def pmp6(lab, upnpd):
    """A client on lan1 that asks by IPv6."""
    with Pmp(lab.lan1, LAN6_IP) as client:
        yield client


@pytest.mark.only("netlink")
@pytest.mark.lab(ipv6=True)
@BOTH
def test_pinhole(lab, pmp6, proto):
    """Address and port stay as they are, whatever is suggested."""
    server = listener(lab.lan1, proto, 8000, HOST6_IP)
    assert blocked(lab, proto, 8000, server, dst=HOST6_IP)
    mine = nonce()
    answer = granted(pmp6.pcp_map(proto, 8000, 40000, nonce=mine), 8000)
    assert answer.ext_ip == HOST6_IP
    assert reaches(lab, proto, 8000, server, dst=HOST6_IP)
    assert blocked(lab, proto, 8001, server, dst=HOST6_IP)
    granted(pmp6.pcp_unmap(proto, 8000, mine))
    assert blocked(lab, proto, 8000, server, dst=HOST6_IP)


@pytest.mark.only("netlink")
@pytest.mark.lab(ipv6=True)
def test_pinhole_with_a_filter(lab, pmp6):
    server = listener(lab.lan1, "TCP", 8000, HOST6_IP)
    lab.outside.ip_batch("addr add 2001:db8:11::3/64 dev eth0 nodad")
    granted(pmp6.pcp_map("TCP", 8000,
                         options=[filter_of("2001:db8:11::3")]))
    assert blocked(lab, "TCP", 8000, server, dst=HOST6_IP, src_ip=OUTSIDE6_IP)
    assert reaches(lab, "TCP", 8000, server, dst=HOST6_IP,
                   src_ip="2001:db8:11::3")


@pytest.mark.only("netlink")
@pytest.mark.lab(ipv6=True)
def test_a_pinhole_for_every_port(lab, stopped):
    """Only if an allow line covers all of them."""
    stopped.start()
    with Pmp(lab.lan1, LAN6_IP) as pmp:
        refused(pmp.pcp_map("TCP", 0), NOT_AUTHORIZED)
        stopped.lines = ["allow 0-65535 ::/0 0-65535"]
        since = stopped.reload()
        assert stopped.wait_log("configuration read again", since=since)
        mine = nonce()
        pmp.sock.settimeout(1)      # the new engine may not serve yet
        assert wait_until(lambda: answers(
            lambda: granted(pmp.pcp_map("TCP", 0, nonce=mine))))
        with listener(lab.lan1, "TCP", 8123, HOST6_IP) as server:
            assert reaches(lab, "TCP", 8123, server, dst=HOST6_IP)
            granted(pmp.pcp_unmap("TCP", 0, mine))
            assert blocked(lab, "TCP", 8123, server, dst=HOST6_IP)


@pytest.mark.only("netlink")
@pytest.mark.lab(ipv6=True)
def test_a_link_local_client_is_refused(lab, upnpd):
    """A pinhole for such an address would open nothing. The answer leaves from
    the link-local address that was asked."""
    with Pmp(lab.lan1, lab.router.link_local("lan0"),
             lab.lan1.link_local()) as pmp:
        assert pmp.pcp(ANNOUNCE).result == SUCCESS
        assert pmp.pcp_map("TCP", 8000).result == NOT_AUTHORIZED


@pytest.mark.only("netlink")
@pytest.mark.lab(ipv6=True)
def test_natpmp_has_no_ipv6(lab, pmp6):
    assert PcpReply(pmp6.ask(b"\0\0" + bytes(22))).result == 1


# ---- announcements, mapping updates, epoch ---------------------------------

@pytest.mark.only("netlink")
@pytest.mark.lab(ipv6=True)
def test_announcements(lab, stopped):
    """At the start and when the address changes, to 224.0.0.1 and to ff02::1
    (RFC 6887 14.1), from each address: a client knows its gateway by one of
    them."""
    with Announced(lab.lan1) as ear, \
            Announced(lab.lan1, ip6=True) as ear6:
        stopped.start()
        six = (lab.router.link_local("lan0"), LAN6_IP, LAN6_ULA)
        for one, own in ((ear, [LAN_IP]), (ear6, six)):
            assert wait_until(lambda one=one, own=own:
                              len(one.epochs()) >= 3 * len(own))
            assert {(peer[0].split("%")[0], peer[1])
                    for peer, m in one.heard if isinstance(m, PcpReply)} \
                == {(ip, SERVER) for ip in own}
            assert all((m.opcode, m.result) == (ANNOUNCE, SUCCESS)
                       and len(m.raw) == 24 for m in one.epochs())
        with Pmp(lab.lan1) as pmp:
            assert wait_until(lambda: pmp.epoch() >= 4)
            before = len(ear.drain())
            unplug(lab)
            plug(lab, NEW_EXT)
            assert wait_until(lambda: pmp.address() == NEW_EXT)
        assert wait_until(lambda: [m for m in ear.epochs(before)
                                   if m.epoch <= 2])


@pytest.mark.only("netlink")
def test_mapping_update(lab, pmp):
    """The external address changes: each mapping's client is told the new one,
    at the port that it asked from (RFC 6887 14.2)."""
    mine = nonce()
    granted(pmp.pcp_map("TCP", 8000, 40000, nonce=mine))
    unplug(lab)
    plug(lab, NEW_EXT)
    while (told := PcpReply(pmp.receive())).ext_ip != NEW_EXT:
        pass
    assert (told.opcode, told.result, told.nonce, told.port, told.ext) == \
        (MAP, SUCCESS, mine, 8000, 40000)


@pytest.mark.only("netlink")
def test_epoch_over_restart_and_crash(lab, upnpd, pmp):
    assert wait_until(lambda: pmp.epoch() >= 4)
    answer = granted(pmp.pcp_map("TCP", 8000, 40000))
    since = time.monotonic()
    upnpd.stop()
    upnpd.start()
    assert epochs_agree(pmp, since, answer.epoch)
    engine = upnpd.engine()
    os.kill(engine, signal.SIGKILL)
    assert wait_until(lambda: upnpd.engine() not in (None, engine))
    upnpd.wait_ready()
    assert epochs_agree(pmp, since, answer.epoch)
    granted(pmp.pcp_map("TCP", 8000), 40000)


# ---- options of the daemon -------------------------------------------------

@pytest.mark.only("netlink")
@pytest.mark.conf(pcp="no")
@pytest.mark.lab(ipv6=True)
def test_disabled(lab, upnpd):
    """Nothing is served on IPv6 then."""
    with lab.lan1.socket(socket.SOCK_DGRAM, family=socket.AF_INET6) as sock:
        sock.connect((LAN6_IP, SERVER))
        sock.settimeout(LONG)
        sock.send(pcp_request(ANNOUNCE, client=HOST6_IP))
        with pytest.raises(ConnectionRefusedError):
            sock.recv(64)
