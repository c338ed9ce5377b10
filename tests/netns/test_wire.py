# SPDX-License-Identifier: ISC
"""What the standards require on the wire, where no known client depends on
it."""
import collections

import pytest

from lab import HOST_IP, blocked, listener, wait_until
from test_igd2 import WANIP2, Igd2
from test_quirks import go_search, searches
from upnp import Igd, Listener, UpnpError, error_of

pytestmark = pytest.mark.only("netlink")
ALL = 21            # answers to ssdp:all, by both roots
VALUE_INVALID, OUT_OF_RANGE = 600, 601


@pytest.mark.fast
def test_five_searches_for_all_at_once(lab, upnpd):
    """The rate limit of a source is large enough for both roots."""
    found = searches(lab.lan1, *[go_search("ssdp:all")] * 5, n=5 * ALL)
    count = collections.Counter((m["ST"], m["USN"]) for m in found)
    assert len(count) == ALL
    assert set(count.values()) == {5}


def test_byebye_before_the_first_alive(lab, stopped):
    """After a crash, control points still know the router (WANIPConnection:2
    2.3.23). The byebye for a target comes before each alive for it."""
    ear = Listener(lab.lan1)
    for _ in range(2):
        since = len(ear.drain())
        stopped.start()
        assert wait_until(lambda since=since: len(
            {m["USN"] for m in ear.of("ssdp:alive", since)}) == ALL)
        kinds = [m["NTS"] for m in ear.drain()[since:]]
        first = kinds.index("ssdp:alive")
        assert set(kinds[:first]) == {"ssdp:byebye"}
        assert {(m["NT"], m["USN"]) for m in ear.heard[since:][:first]} == \
            {(m["NT"], m["USN"]) for m in ear.of("ssdp:alive", since)}
        assert kinds.count("ssdp:byebye") == ALL
        assert stopped.stop() == 0
        # two sets of byebye at the end
        assert wait_until(lambda since=since: len(
            ear.of("ssdp:byebye", since)) == 3 * ALL)
    ear.close()


@pytest.mark.parametrize("proto", ("ICMP", "TCPUDP", "6"))
def test_protocol_outside_its_list(lab, upnpd, proto):
    """It is 601 in every action (WANIPConnection:2 2.5.15.2)."""
    one, two = Igd(lab.lan1), Igd2(lab.lan1)
    assert error_of(one.add, 40000, proto) == OUT_OF_RANGE
    assert error_of(one.delete, 40000, proto) == OUT_OF_RANGE
    assert error_of(one.specific, 40000, proto) == OUT_OF_RANGE
    assert error_of(two.any, 40000, 40000, proto) == OUT_OF_RANGE
    assert error_of(two.delete_range, 40000, 40001, proto) == OUT_OF_RANGE
    assert error_of(two.list, proto=proto) == OUT_OF_RANGE


@pytest.mark.conf(allow_disable_external_interface="yes")
def test_connection_type_outside_its_list(lab, upnpd):
    for igd, service in ((Igd(lab.lan1), {}),
                         (Igd2(lab.lan1), {"service": WANIP2})):
        assert error_of(igd.call, "SetConnectionType", **service,
                        NewConnectionType="Nonsense") == OUT_OF_RANGE


@pytest.mark.parametrize("remote", (" ", "\t", "\r\n ", "host.example"))
def test_remote_host_that_is_no_address(lab, upnpd, remote):
    """A blank must not open the port to every host."""
    igd = Igd(lab.lan1)
    server = listener(lab.lan1, "TCP", 40000)
    assert error_of(igd.add, 40000, remote=remote) == VALUE_INVALID
    assert not [e for e in igd.mapped() if e[2] == HOST_IP]
    assert blocked(lab, "TCP", 40000, server)


def test_deleting_index_0_until_713_ends(lab, upnpd):
    """The dummy mapping, which is shown while there is no other, can be found
    and deleted, and is not shown again at once."""
    igd = Igd(lab.lan1)
    (dummy,) = igd.entries()
    port = int(dummy["NewExternalPort"])
    found = igd.specific(port, dummy["NewProtocol"])
    assert found["NewInternalClient"] == dummy["NewInternalClient"]
    igd.add(40000)
    igd.add(40001, "UDP")
    deleted = []
    while len(deleted) < 10:
        if error := _error(igd.entry, 0):
            assert error == 713
            break
        entry = igd.entry(0)
        key = int(entry["NewExternalPort"]), entry["NewProtocol"]
        igd.delete(*key)
        deleted.append(key)
    assert deleted == [(40000, "TCP"), (40001, "UDP"),
                       (port, dummy["NewProtocol"])]
    assert error_of(igd.specific, port, dummy["NewProtocol"]) == 714
    igd.add(40000)
    assert igd.mapped() == {("TCP", 40000, HOST_IP, 40000)}


def _error(call, *args):
    try:
        call(*args)
    except UpnpError as e:
        return e.code
    return 0
