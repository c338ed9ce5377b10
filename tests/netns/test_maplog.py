# SPDX-License-Identifier: ISC
"""The log of mappings and pinholes: who opened a port, by which protocol, and
how it ended; who was refused, and why. Each question is one search in it."""
import os
import re
import signal

import pytest

from lab import (HOST2_IP, HOST6_IP, HOST_IP, LAN2_IP, LAN_IP, OUT_IP,
                 wait_until)
from pmp import Pmp, nonce
from test_upnpctl_live import add, ctl      # noqa: F401
from upnp import Gateway6, Igd, error_of

pytestmark = pytest.mark.only("netlink")


def key(port, host=HOST_IP, inner=None, proto="tcp"):
    return (f"protocol={proto} external-port={port} "
            rf"to={re.escape(host)}:{inner or port}")


def told(upnpd, pattern, n=1):
    """The line that matches appears, and there are @n of them."""
    line = upnpd.wait_log(pattern)
    assert line, f"{pattern}:\n{upnpd.log()}"
    assert len(re.findall(pattern, upnpd.log(), re.M)) == n, upnpd.log()
    return line


def reloaded(upnpd):
    """Wait for the new engine. Return the length of the log before. The first
    engine's line may come after its first answer."""
    since = upnpd.reload()
    assert wait_until(lambda: re.search("read again.*serving on port",
                                        upnpd.log()[since:], re.S))
    return since


def test_upnp(lab, upnpd, igd, ctl):    # noqa: F811
    """Added, renewed, changed, deleted by its client and by the operator."""
    igd.add(40000, lease=3600, desc='a "game"')
    told(upnpd, rf"mapping added: {key(40000)} by={HOST_IP} origin=upnp "
         r'description="a \\"game\\"" lease=3600s$')
    igd.add(40000, lease=3600, desc='a "game"')     # a renewal
    igd.add(40000, int_port=8000, lease=3600, desc="server")
    told(upnpd, rf"mapping changed: {key(40000, inner=8000)} by={HOST_IP} "
         r'origin=upnp description="server" lease=3600s; before: '
         rf'to={HOST_IP}:40000 description="a \\"game\\""$')
    igd.delete(40000)
    told(upnpd, rf"mapping deleted: {key(40000, inner=8000)} by={HOST_IP} "
         rf'origin=upnp description="server" deleted-by={HOST_IP}$')
    igd.add(40001, proto="UDP", remote=OUT_IP)
    ctl("mappings", "remove", "udp:40001")
    told(upnpd, rf"mapping deleted: {key(40001, proto='udp')} "
         rf"remote-host={OUT_IP} by={HOST_IP} origin=upnp "
         r'description="test" deleted-by=operator$')
    assert len(re.findall(r"mapping \w+:", upnpd.log())) == 5, upnpd.log()


def test_natpmp_and_pcp(lab, upnpd):
    mine = nonce()
    with Pmp(lab.lan1) as pmp:
        pmp.map("UDP", 5000, 40000)
        pmp.unmap("UDP", 5000)
        assert not pmp.pcp_map("TCP", 5001, 40001, nonce=mine).result
        assert not pmp.pcp_unmap("TCP", 5001, mine).result
    for port, inner, proto, origin in ((40000, 5000, "udp", "nat-pmp"),
                                       (40001, 5001, "tcp", "pcp")):
        facts = f"{key(port, inner=inner, proto=proto)} by={HOST_IP} " \
                f"origin={origin} "
        told(upnpd, f"mapping added: {facts}.*lease=[0-9]+s$")
        told(upnpd, f"mapping deleted: {facts}.*deleted-by={HOST_IP}$")


@pytest.mark.lab(ipv6=True)
def test_pinholes(lab, upnpd, ctl):     # noqa: F811
    gateway = Gateway6(lab.lan1, source=HOST6_IP)
    uid = gateway.open(8080)
    facts = rf"protocol=tcp to=\[{HOST6_IP}\]:8080 by={HOST6_IP} origin=upnp"
    told(upnpd, f"pinhole added: {facts} .*lease=3600s$")
    gateway.renew(uid, 1800)
    gateway.close(uid)
    told(upnpd, f"pinhole deleted: {facts} .*deleted-by={HOST6_IP}$")
    assert len(re.findall("pinhole ", upnpd.log())) == 2, upnpd.log()


def test_expires(lab, upnpd, igd):
    igd.add(40000, lease=1)
    told(upnpd, rf"mapping expired: {key(40000)} by={HOST_IP} origin=upnp "
         r'description="test"$')


@pytest.mark.lab(bridge=True)
@pytest.mark.conf(max_mappings_per_client=2)
def test_refusals(lab, upnpd, igd):
    """Each names the line, the limit or the default that decided."""
    assert error_of(igd.add, 80)
    told(upnpd, f"refused {HOST_IP} .upnp.: {key(80)}: the default allows "
         "ports from 1024 on")
    igd.add(40000)
    igd.add(40001)
    assert error_of(igd.add, 40002)
    assert error_of(igd.add, 40003)     # the same reason within a minute
    told(upnpd, f"refused {HOST_IP} .upnp.: {key(40002)}: "
         "max-mappings-per-client = 2 is reached")
    assert error_of(igd.add, 40004, client=HOST2_IP)
    told(upnpd, f"refused {HOST_IP} .upnp.: {key(40004, HOST2_IP)}: "
         "secure-mode = yes: the client is another host")
    assert "40003" not in upnpd.log()


@pytest.mark.lab(bridge=True)
def test_lines_refuse(lab, upnpd, igd):
    deny = "deny 40000-40010 0.0.0.0/0 0-65535"
    upnpd.lines = [deny, f"allow 0-65535 {HOST_IP} 0-65535"]
    number = upnpd.conf_text().splitlines().index(deny) + 1
    reloaded(upnpd)
    assert error_of(igd.add, 40000)
    told(upnpd, f"refused {HOST_IP} .upnp.: {key(40000)}: "
         f"line {number} denies it")
    assert error_of(Igd(lab.lan2).add, 40020)
    told(upnpd, f"refused {HOST2_IP} .upnp.: {key(40020, HOST2_IP)}: "
         "no allow line matches it")


@pytest.mark.conf(log_mappings="no")
def test_off(lab, upnpd, igd):
    igd.add(40000)
    igd.delete(40000)
    assert error_of(igd.add, 80)
    told(upnpd, f"refused {HOST_IP}")
    assert upnpd.stop() == 0            # writes what is held back
    assert not re.search(r"mapping \w+:", upnpd.log()), upnpd.log()


def test_operator(lab, upnpd, ctl):     # noqa: F811
    add(ctl, "comment=web")
    told(upnpd, rf"mapping added: {key(40000, inner=8000)} by=operator "
         'origin=operator description="web" lease=never$')
    ctl("mappings", "remove", "tcp:40000")
    told(upnpd, rf"mapping deleted: {key(40000, inner=8000)} by=operator "
         'origin=operator description="web" deleted-by=operator$')


def test_a_line_ends_a_mapping(lab, upnpd, igd):
    """The operator edits the file: the mapping that it refuses has a line,
    which names that of the file; the other one has none."""
    igd.add(40000)
    igd.add(40001)
    told(upnpd, f"mapping added: {key(40001)}")
    deny = "deny 40001 0.0.0.0/0 0-65535"
    upnpd.lines = [deny, "allow 0-65535 0.0.0.0/0 0-65535"]
    number = upnpd.conf_text().splitlines().index(deny) + 1
    since = reloaded(upnpd)
    told(upnpd, rf"mapping removed: {key(40001)} by={HOST_IP} origin=upnp "
         rf'description="test"; .* \(line {number}\)$')
    assert igd.mapped() == {("TCP", 40000, HOST_IP, 40000)}
    assert not re.search(rf"mapping \w+: {key(40000)}", upnpd.log()[since:])


def test_reload_of_static_mappings(lab, upnpd, ctl):    # noqa: F811
    """The operator edits the file: each difference has a line, and what
    upnpctl has added has its one line. A crash has none."""
    def facts(port):
        return f"{key(port, inner=8000)} by=operator origin=operator "

    add(ctl, "comment=web")
    told(upnpd, f"mapping added: {facts(40000)}")
    web = f'mapping tcp 40000 {HOST_IP}:8000'
    upnpd.lines = [web + ' "web"', f'mapping tcp 40001 {HOST_IP}:8000 "ssh"']
    since = reloaded(upnpd)
    told(upnpd, f'mapping added: {facts(40001)}description="ssh" '
         "lease=never$")
    assert "40000" not in upnpd.log()[since:]
    since = len(upnpd.log())
    os.kill(upnpd.engine(), signal.SIGKILL)
    assert upnpd.wait_log("serving on port", since=since)
    upnpd.lines = [web + ' disabled "web"']
    reloaded(upnpd)
    told(upnpd, f"mapping deleted: {facts(40001)}.*deleted-by=operator$")
    told(upnpd, f"mapping changed: {facts(40000)}disabled "
         'description="web" lease=never')
    assert len(re.findall(r"mapping \w+: ", upnpd.log())) == 4, upnpd.log()


def test_overruled(lab, upnpd, igd):
    """A service of the router takes its port, and gives it back."""
    facts = f"{key(40000, inner=8000)} by={HOST_IP} origin=upnp "
    igd.add(40000, int_port=8000)
    with lab.router.listen(40000):
        assert error_of(igd.add, 40000, int_port=8000) == 718
        told(upnpd, f"mapping overruled: {facts}.*lease=never; the router "
             "serves its port, or a rule of the administrator forwards it$")
    igd.add(40000, int_port=8000)
    told(upnpd, f"mapping resumed: {facts}.*lease=never$")


def test_suspended(lab, upnpd, igd):
    """The router leaves the network of the client, and returns to it."""
    facts = f"{key(40000)} by={HOST_IP} origin=upnp "
    igd.add(40000)
    lab.router.ip_batch(f"addr del {LAN_IP}/24 dev lan0",
                        f"addr add {LAN2_IP}/24 dev lan0")
    told(upnpd, f"mapping suspended: {facts}.*; its client is in no internal "
         "network$")
    lab.router.ip_batch(f"addr add {LAN_IP}/24 dev lan0")
    told(upnpd, f"mapping resumed: {facts}.*lease=never$")


@pytest.mark.conf(max_mappings=2)
def test_the_table_is_full(lab, upnpd, igd):
    igd.add(40000)
    igd.add(40001)
    assert error_of(igd.add, 40002)
    told(upnpd, f"refused {HOST_IP} .upnp.: {key(40002)}: max-mappings = 2 is "
         "reached$")


@pytest.mark.lab(bridge=True)
@pytest.mark.conf(max_mappings_per_client=1)
def test_refusals_of_natpmp_and_pcp(lab, upnpd):
    def check(host, origin, proto, ask):
        for port, result, why in (
                (80, True, "the default allows ports from 1024 on"),
                (5000, False, ""),
                (5001, True, "max-mappings-per-client = 1 is reached$")):
            assert bool(ask(proto.upper(), port, port).result) == result
            if result:
                told(upnpd, f"refused {host.ip} .{origin}.: protocol={proto} "
                     f"external-port={port} to={re.escape(host.ip)}:{port}: "
                     f"{why}")

    with Pmp(lab.lan1) as one, Pmp(lab.lan2) as two:
        check(lab.lan1, "nat-pmp", "udp", one.try_map)
        check(lab.lan2, "pcp", "tcp", two.pcp_map)
