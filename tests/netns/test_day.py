# SPDX-License-Identifier: ISC
"""A day of a large house: 60 clients of the three protocols, an operator, and
the log of mappings. Each question about the day is one search, as by grep."""
import re

import pytest

from lab import HOST6_IP, wait_until
from pmp import NOT_AUTHORIZED, REFUSED, Pmp, nonce
from test_maplog import reloaded
from test_upnpctl_live import ctl       # noqa: F401
from upnp import Gateway6, Igd, UpnpError

pytestmark = pytest.mark.only("netlink")

CLIENTS = [f"192.168.88.{n}" for n in range(101, 161)]
UPNP, NATPMP, PCP = CLIENTS[:20], CLIENTS[20:40], CLIENTS[40:]
LINES = 60              # MAPLOG_LINES
CAP = 4                 # max-mappings-per-client
AGAIN = UPNP[1:3] + PCP[1:3]
SOON_S = 12             # upnpd copies 100 lines of its engine in 10 s
DENY = "deny 0-65535 0.0.0.0/0 30000"   # a client's port


def port_of(client, n=0):
    """The external port that a client asks for: its own ones."""
    return 40000 + 100 * n + int(client.rsplit(".", 1)[1])


class House:
    """The clients. Each of PCP has one nonce."""

    def __init__(self, lab):
        self.lab = lab
        lab.lan1.ip_batch(*(f"addr add {ip}/24 dev eth0" for ip in CLIENTS))
        self.nonces = {ip: nonce() for ip in PCP}
        self.urls = Igd(lab.lan1).urls

    def igd(self, client):
        igd = Igd(self.lab.lan1, source=client)
        igd._urls = self.urls
        return igd

    def open(self, client, port, lease=3600, n=0):
        """Open the port of the client's program @n, or renew it. Return the
        error, or 0."""
        if client in UPNP:
            return upnp_error(self.igd(client), port, lease)
        with Pmp(self.lab.lan1, source=client) as pmp:
            if client in NATPMP:
                found = pmp.try_map("UDP", 5000 + n, port, lease)
            else:
                found = pmp.pcp_map("TCP", 5000 + n, port, lease,
                                    self.nonces[client])
            assert found.result or found.ext == port, found
            return found.result

    def close(self, client, port, n=0):
        if client in UPNP:
            self.igd(client).delete(port)
            return
        with Pmp(self.lab.lan1, source=client) as pmp:
            if client in NATPMP:
                pmp.unmap("UDP", 5000 + n)
            else:
                assert not pmp.pcp_unmap("TCP", 5000 + n,
                                         self.nonces[client]).result


def upnp_error(igd, port, lease):
    try:
        igd.add(port, lease=lease, desc="game")
    except UpnpError as e:
        return e.code
    return 0


def grep(log, pattern):
    return [line for line in log.splitlines() if re.search(pattern, line)]


def changes(log):
    return grep(log, r"(mapping|pinhole) \w+: protocol=")


def logged(upnpd, pattern, n=1):
    """There are @n lines that match, now or soon."""
    assert wait_until(lambda: len(grep(upnpd.log(), pattern)) == n), \
        f"{pattern}:\n{upnpd.log()}"


def morning(house, upnpd):
    """Half of the clients open a port. All renew it, some close it, others
    delete it and make it again."""
    early = UPNP[:10] + NATPMP[:10] + PCP[:10]
    for client in early:
        assert house.open(client, port_of(client)) == 0
    for client in early:
        assert house.open(client, port_of(client), 1800) == 0
    for client in (UPNP[0], NATPMP[0], PCP[0]):
        house.close(client, port_of(client))
    for client in AGAIN:
        house.close(client, port_of(client))
        assert house.open(client, port_of(client), 1800) == 0
    assert house.open(UPNP[9], port_of(UPNP[9], 1), SOON_S) == 0
    assert house.open(NATPMP[9], port_of(NATPMP[9], 1), 1, n=1) == 0
    assert house.open(UPNP[8], 80)      # the default refuses it
    logged(upnpd, "mapping added:", len(early) + 2)
    logged(upnpd, "deleted-by=", 3)
    logged(upnpd, "mapping expired:", 2)
    logged(upnpd, f"refused {re.escape(UPNP[8])} ")


def noon(house, upnpd, ctl):            # noqa: F811
    """The operator adds a line, and deletes a client's mapping. A line and a
    client's share refuse requests. A pinhole is opened and closed."""
    upnpd.lines = [DENY, "allow 0-65535 0.0.0.0/0 0-65535",
                   "allow 0-65535 ::/0 0-65535"]
    reloaded(upnpd)
    assert house.open(UPNP[7], 30000)
    assert house.open(NATPMP[7], 30000, n=25000) == REFUSED
    assert house.open(PCP[7], 30000, n=25000) == NOT_AUTHORIZED
    for n in range(1, CAP):
        assert house.open(UPNP[6], port_of(UPNP[6], n)) == 0
    assert house.open(UPNP[6], port_of(UPNP[6], CAP))
    ctl("mappings", "remove", f"tcp:{port_of(UPNP[5])}")
    gateway = Gateway6(house.lab.lan1, source=HOST6_IP)
    gateway.close(gateway.open(8080))
    logged(upnpd, "deleted-by=operator")
    logged(upnpd, "pinhole deleted:")
    logged(upnpd, "refused ", 5)
    return CAP - 1 + 3                  # changes


def evening(house, upnpd, before):
    """All clients that may open a port do so within a minute, after @before
    other changes."""
    since = len(upnpd.log())
    others = [client for client in CLIENTS if client != UPNP[6]]
    more = before + len(others) - LINES
    for client in others:
        assert house.open(client, port_of(client, 5), n=5) == 0
    assert upnpd.stop() == 0
    log = upnpd.log()[since:]
    assert len(changes(log)) == LINES - before, log
    assert len(grep(log, f"mappings: {more} more changes within 60 s had no "
                    "line; see: upnpctl monitor$")) == 1, log


def answers(log, number):
    """Five questions; each is one search. @number: of the line DENY"""
    def one(pattern):
        (line,) = grep(log, pattern)
        return line

    # who opened the port, and by which protocol?
    for client, origin in ((UPNP[3], "upnp"), (NATPMP[3], "nat-pmp"),
                           (PCP[3], "pcp")):
        line = one(f"added: .*external-port={port_of(client)} ")
        assert f" by={client} origin={origin} " in line
    # who closed it?
    for client, who in ((UPNP[0], UPNP[0]), (NATPMP[0], NATPMP[0]),
                        (PCP[0], PCP[0]), (UPNP[5], "operator")):
        line = one(f"deleted: .*external-port={port_of(client)} ")
        assert line.endswith(f" deleted-by={who}")
    # when did it expire?
    for client in (UPNP[9], NATPMP[9]):
        one(f"expired: .*external-port={port_of(client, 1)} ")
    # why was the client refused?
    for client, why in ((UPNP[7], f"line {number} denies it"),
                        (NATPMP[7], f"line {number} denies it"),
                        (PCP[7], f"line {number} denies it"),
                        (UPNP[8], "the default allows ports from 1024 on"),
                        (UPNP[6], f"max-mappings-per-client = {CAP} is")):
        assert why in one(f"refused {re.escape(client)} ")
    # what did the host have open?
    lines = grep(log, f"added: .* by={re.escape(UPNP[6])} ")
    ports = {int(re.search(r"external-port=(\d+)", line)[1])
             for line in lines}
    assert {port_of(UPNP[6], n) for n in range(CAP)} <= ports


@pytest.mark.lab(ipv6=True)
@pytest.mark.conf(max_mappings_per_client=CAP)
def test_day(lab, upnpd, ctl):          # noqa: F811
    house = House(lab)
    morning(house, upnpd)
    before = noon(house, upnpd, ctl)
    evening(house, upnpd, before)
    number = upnpd.conf_text().splitlines().index(DENY) + 1
    answers(upnpd.log(), number)
    assert len(grep(upnpd.log(), f"mappings: {len(AGAIN)} were deleted and "
                    "made again as they were$")) == 1, upnpd.log()
