# SPDX-License-Identifier: ISC
"""UPnP, NAT-PMP and PCP on one table (RFC 6970): what one protocol opens, the
others see, respect and list."""
import concurrent.futures
import itertools
import threading

import pytest

from lab import (EXT_IP, HOST2_IP, HOST_IP, LONG, blocked, listener, reaches,
                 wait_until)
from pmp import (NO_ERROR, NO_ROOM, NOT_AUTHORIZED, REFUSED, SUCCESS,
                 USER_EX_QUOTA, NatpmpReply, PcpReply, Pmp, natpmp_map, nonce,
                 pcp_body, pcp_request)
from test_igd2 import Igd2
from test_natpmp import mapped
from test_upnpctl_live import Ctl
from upnp import Igd, UpnpError, error_of

MAP = 1


@pytest.fixture
def pmp(lab, upnpd):
    """A client of NAT-PMP and PCP on lan1."""
    with Pmp(lab.lan1) as client:
        yield client


@pytest.fixture
def ctl(lab, upnpd):
    return Ctl(lab, upnpd)


def origins(ctl):
    """{(protocol, external port): origin}"""
    return {(m["protocol"].upper(), m["external-port"]): m["origin"]
            for m in ctl.json("mappings", "print")}


def left(igd, port, proto="TCP"):
    return int(igd.specific(port, proto)["NewLeaseDuration"])


# ---- the same host, the same internal port ---------------------------------

@pytest.mark.only("netlink")
def test_upnp_then_the_others(pmp, igd, ctl):
    """They extend the lease and get its port. It stays UPnP's."""
    igd.add(40000, "TCP", 8000, lease=100)
    assert pmp.map("TCP", 8000, 41000, 200).ext == 40000
    assert 190 < left(igd, 40000) <= 200
    answer = pmp.pcp_map("TCP", 8000, 42000, 300)
    assert (answer.result, answer.ext) == (SUCCESS, 40000)
    assert 290 < left(igd, 40000) <= 300
    # and they do not shorten it
    assert pmp.map("TCP", 8000, 0, 50).lifetime == 50
    pmp.pcp_map("TCP", 8000, 0, 150)
    assert left(igd, 40000) > 250
    assert origins(ctl) == {("TCP", 40000): "upnp"}


@pytest.mark.only("netlink")
def test_natpmp_then_upnp(pmp, igd, ctl):
    """AddPortMapping extends it. It stays NAT-PMP's, whose client deletes
    it."""
    pmp.map("TCP", 8000, 40000, 200)
    igd.add(40000, "TCP", 8000, lease=300)
    assert 290 < left(igd, 40000) <= 300
    igd.add(40000, "TCP", 8000, lease=100)
    assert left(igd, 40000) > 250
    assert origins(ctl) == {("TCP", 40000): "nat-pmp"}
    pmp.unmap("TCP", 8000)
    assert mapped(igd) == set()


@pytest.mark.only("netlink")
def test_pcp_then_the_others(pmp, igd, ctl):
    mine = nonce()
    pmp.pcp_map("TCP", 8000, 40000, 200, mine)
    igd.add(40000, "TCP", 8000, lease=300)
    assert pmp.map("TCP", 8000, 0, 400).ext == 40000
    assert 390 < left(igd, 40000) <= 400
    assert origins(ctl) == {("TCP", 40000): "pcp"}
    assert pmp.pcp_unmap("TCP", 8000, mine).result == SUCCESS
    assert mapped(igd) == set()


@pytest.mark.only("netlink")
def test_a_permanent_mapping_stays_permanent(pmp, igd):
    igd.add(40000, "TCP", 8000, lease=0)
    before = left(igd, 40000)
    pmp.map("TCP", 8000, 0, 2)
    pmp.pcp_map("TCP", 8000, 0, 120)
    assert left(igd, 40000) in (before, before - 1)


@pytest.mark.only("netlink")
def test_two_external_ports_for_one_internal_port(lab, pmp, igd):
    """Syncthing asks by NAT-PMP and by UPnP, for different ports."""
    pmp.map("TCP", 8000, 40000)
    igd.add(41000, "TCP", 8000)
    server = listener(lab.lan1, "TCP", 8000)
    for port in (40000, 41000):
        assert reaches(lab, "TCP", port, server)
    # each protocol finds its own again
    assert pmp.map("TCP", 8000, 0).ext == 40000
    pmp.unmap("TCP", 8000)
    assert mapped(igd) == {("TCP", 41000, HOST_IP, 8000)}


# ---- the same host, another internal port ----------------------------------

@pytest.mark.only("netlink")
def test_upnp_moves_a_mapping_of_natpmp_but_not_of_pcp(pmp, igd):
    pmp.map("TCP", 8000, 40000)
    igd.add(40000, "TCP", 8001)
    pmp.pcp_map("TCP", 9000, 42000)
    assert error_of(igd.add, 42000, "TCP", 9001) == 718
    assert mapped(igd) == {("TCP", 40000, HOST_IP, 8001),
                           ("TCP", 42000, HOST_IP, 9000)}


# ---- deletion --------------------------------------------------------------

@pytest.mark.only("netlink")
def test_upnp_deletes(lab, pmp, igd):
    """NAT-PMP's mapping: yes. PCP's: 606, and 714 in version 1."""
    server = listener(lab.lan1, "TCP", 8000)
    pmp.map("TCP", 8000, 40000)
    igd.delete(40000)
    assert blocked(lab, "TCP", 40000, server)
    pmp.pcp_map("TCP", 8000, 40000)
    assert error_of(igd.delete, 40000) == 714
    assert error_of(Igd2(lab.lan1).delete, 40000) == 606
    assert reaches(lab, "TCP", 40000, server)


@pytest.mark.only("netlink")
def test_natpmp_deletes_only_its_own(lab, pmp, igd, ctl):
    """UPnP's mapping stays, with success; PCP's too, with a refusal, because
    its nonce must not be got round."""
    igd.add(40000, "TCP", 8000)
    pmp.pcp_map("TCP", 9000, 42000)
    pmp.unmap("TCP", 8000)
    assert pmp.try_map("TCP", 9000, 0, 0).result == REFUSED
    pmp.try_map("TCP", 0, 0, 0)
    assert origins(ctl) == {("TCP", 40000): "upnp", ("TCP", 42000): "pcp"}


@pytest.mark.only("netlink")
def test_pcp_deletes_only_its_own(lab, pmp, igd, ctl):
    igd.add(40000, "TCP", 8000)
    pmp.map("TCP", 8001, 41000)
    for port in (8000, 8001):
        assert pmp.pcp_unmap("TCP", port, nonce()).result == NOT_AUTHORIZED
    assert origins(ctl) == {("TCP", 40000): "upnp", ("TCP", 41000): "nat-pmp"}


@pytest.mark.only("netlink")
def test_the_operator_has_the_last_word(lab, pmp, igd, ctl):
    """A client cannot delete a mapping of the operator, who removes those of
    every protocol."""
    ctl("mappings", "add", "protocol=tcp", "external-port=40000",
        f"to={HOST_IP}:8000")
    assert pmp.try_map("TCP", 8000, 0, 0).result == REFUSED
    assert pmp.pcp_unmap("TCP", 8000, nonce()).result == NOT_AUTHORIZED
    pmp.map("TCP", 9000, 41000)
    pmp.pcp_map("TCP", 9001, 42000)
    assert origins(ctl) == {("TCP", 40000): "operator",
                            ("TCP", 41000): "nat-pmp", ("TCP", 42000): "pcp"}
    ctl("mappings", "remove", "all")
    assert mapped(igd) == set()


# ---- between hosts ---------------------------------------------------------

@pytest.mark.only("netlink")
@pytest.mark.lab(bridge=True)
def test_a_port_is_taken_whatever_protocol_took_it(lab, pmp, igd):
    pmp.map("TCP", 8000, 40000)
    pmp.pcp_map("TCP", 8001, 40001)
    igd.add(40002, "TCP", 8002)
    second = Igd(lab.lan2)
    for port in (40000, 40001, 40002):
        assert error_of(second.add, port, "TCP", 9000) == 718
        assert error_of(second.delete, port) == 714
    with Pmp(lab.lan2) as other:
        for i, port in enumerate((40000, 40001, 40002)):
            assert other.map("TCP", 9000 + i, port).ext not in (0, port)
            assert other.pcp_map("TCP", 9100 + i, port).ext not in (0, port)


@pytest.mark.only("netlink")
@pytest.mark.lab(bridge=True)
def test_any_port_is_not_a_sibling(lab, pmp, igd):
    """AddAnyPortMapping, like the others, does not choose the number whose
    sibling protocol another host has. AddPortMapping may: two consoles depend
    on that."""
    pmp.map("UDP", 3074, 40000)
    second = Igd2(lab.lan2)
    assert second.any(40000, 9000) != 40000
    Igd(lab.lan2).add(40000, "TCP", 9000)


@pytest.mark.only("netlink")
@pytest.mark.conf(max_mappings_per_client=3)
def test_the_limit_is_for_all_protocols_together(pmp, igd):
    pmp.map("TCP", 8000)
    pmp.pcp_map("TCP", 8001)
    igd.add(40002, "TCP", 8002)
    assert pmp.try_map("TCP", 8003).result == NO_ROOM
    assert pmp.pcp_map("TCP", 8003).result == USER_EX_QUOTA
    assert error_of(igd.add, 40003, "TCP", 8003) in (501, 728)


# ---- all at once -----------------------------------------------------------

PORTS = range(40000, 40016)


class Crowd:
    """A host whose three clients ask for the same ports at the same time, each
    for itself."""

    def __init__(self, host):
        self.host = host
        self.igd = Igd(host)
        self.igd.urls       # read the description beforehand
        self.upnp = {}      # (protocol, port): error code or 0
        self.pmp = []       # (protocol, internal port, external port)

    def ask_upnp(self, proto):
        for port in PORTS:
            try:
                self.igd.add(port, proto, port, lease=3600)
                self.upnp[proto, port] = 0
            except UpnpError as e:
                self.upnp[proto, port] = e.code

    def ask_natpmp(self, proto):
        self._ask([natpmp_map(proto, p, p) for p in PORTS], NatpmpReply, proto)

    def ask_pcp(self, proto):
        self._ask([pcp_request(MAP, pcp_body(proto, p, p), 3600, self.host.ip)
                   for p in PORTS], PcpReply, proto)

    def _ask(self, requests, kind, proto):
        """Send all without waiting, and read all answers."""
        with Pmp(self.host) as client:
            for raw in requests:
                client.send(raw)
            for _ in requests:
                answer = kind(client.receive())
                assert answer.result == NO_ERROR, answer
                self.pmp.append((proto, answer.port, answer.ext))

    def threads(self):
        return [threading.Thread(target=ask, args=(proto,))
                for ask in (self.ask_upnp, self.ask_natpmp, self.ask_pcp)
                for proto in ("TCP", "UDP")]


@pytest.mark.lab(bridge=True)
@pytest.mark.conf(max_mappings_per_client=100)
def test_all_ask_at_once(lab, upnpd, igd, ctl):
    """Two hosts, three protocols, the same ports, at the same time. In the end
    the answers, the list, the rules and the traffic say the same."""
    crowds = [Crowd(lab.lan1), Crowd(lab.lan2)]
    threads = list(itertools.chain(*(crowd.threads() for crowd in crowds)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(4 * LONG)
        assert not thread.is_alive()
    entries = igd.entries()
    table = {(e["NewProtocol"], int(e["NewExternalPort"])):
             (e["NewInternalClient"], int(e["NewInternalPort"]))
             for e in entries}
    assert len(table) == len(entries), "a port is mapped twice"
    said = set()
    for crowd in crowds:
        ip = crowd.host.ip
        assert len(crowd.pmp) == 4 * len(PORTS), "a request has no answer"
        assert len(crowd.upnp) == 2 * len(PORTS)
        for proto, port, ext in crowd.pmp:
            assert table[proto, ext] == (ip, port)
            said.add((proto, ext))
        for (proto, port), code in crowd.upnp.items():
            if code == 0:
                assert table[proto, port] == (ip, port)
                said.add((proto, port))
            else:
                assert code == 718 and table[proto, port][0] != ip
    assert set(table) == said, "a mapping that nobody was told of"
    assert ctl.table() == {(proto.lower(), ext, *to)
                           for (proto, ext), to in table.items()}
    hosts = {HOST_IP: lab.lan1, HOST2_IP: lab.lan2}
    for (proto, ext), (ip, port) in table.items():
        with listener(hosts[ip], proto, port) as server:
            assert reaches(lab, proto, ext, server), (proto, ext)
    # a new daemon writes the same rules from its lease file
    rules = lab.rules()
    upnpd.stop()
    upnpd.start()
    assert wait_until(lambda: lab.holds(rules))


@pytest.mark.lab(bridge=True)
@pytest.mark.conf(max_mappings_per_client=100)
def test_all_leave_at_once(lab, upnpd, igd):
    """Two hosts delete what they have, by NAT-PMP and by UPnP at the same
    time: each request is answered, and nothing is left."""
    before = lab.rules()
    for host in (lab.lan1, lab.lan2):
        first = 40000 if host is lab.lan1 else 41000
        with Pmp(host) as client:
            for port in range(first, first + 16):
                client.map("TCP", port, port)
    assert len(igd.entries()) == 32

    def by_natpmp(host):
        with Pmp(host) as client:
            client.unmap("TCP")

    def by_upnp(host, first):
        for port in range(first, first + 16):
            try:
                Igd(host).delete(port)
            except UpnpError as e:
                assert e.code == 714

    with concurrent.futures.ThreadPoolExecutor() as pool:
        asked = [pool.submit(by_natpmp, host)
                 for host in (lab.lan1, lab.lan2)]
        asked += [pool.submit(by_upnp, *args)
                  for args in ((lab.lan1, 40000), (lab.lan2, 41000))]
        for one in asked:
            one.result(4 * LONG)
    assert mapped(igd) == set()
    assert lab.holds(before)
    assert igd.external_ip() == EXT_IP
