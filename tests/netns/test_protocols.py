# SPDX-License-Identifier: ISC
"""Each protocol can be turned off, also by a reload. Then nothing listens on
its port, and the others work."""
import json
import os
import re
import signal
import socket
import time

import pytest

from ask import NAT_PMP, PCP, asks
from daemon import UPNPD, Daemon
from lab import EXT_IP, LAN6_IP, LAN_IP, listener, reaches, wait_until
from pmp import ANNOUNCE, SUCCESS, Pmp

pytestmark = pytest.mark.only("netlink")

SEARCH = b"""M-SEARCH * HTTP/1.1\r
HOST: 239.255.255.250:1900\r
MAN: "ssdp:discover"\r
MX: 1\r
ST: upnp:rootdevice\r
\r
"""


def who_answers(lab, upnpd):
    """{protocols that answer lan1}"""
    found = set()
    if asks(lab, 1900, SEARCH):
        found.add("ssdp")
    upnpd.port = Daemon.port    # None without UPnP
    if upnpd.serves():
        found.add("http")
    return found | who_answers_5351(lab)


def who_answers_5351(lab):
    """A version that is not spoken gets an error: NAT-PMP's result 1 is what
    both protocols answer to the other (RFC 6887 9)."""
    found = set()
    answer = asks(lab, 5351, NAT_PMP)
    if answer and answer[:4] == b"\0\x80\0\0":
        assert answer[8:] == socket.inet_aton(EXT_IP)
        found.add("nat-pmp")
    answer = asks(lab, 5351, PCP)
    if answer and answer[:4] == b"\2\x80\0\0":
        found.add("pcp")
    return found


def bound(lab):
    """The UDP ports of the router that are bound, and the TCP ports that
    listen."""
    out = lab.router.run("ss", "-Hltun")
    return {int(line.split()[4].rpartition(":")[2])
            for line in out.splitlines()}


def ctl(lab, upnpd, *words):
    path = lab.path("upnpctl")
    if not os.path.islink(path):
        os.symlink(os.path.abspath(UPNPD), path)
    return lab.router.run(path, "-f", upnpd.conf, *words, check=False)


def status(lab, upnpd):
    return json.loads(ctl(lab, upnpd, "--json", "status"))


NOTHING = {"upnp": "no", "nat_pmp": "no", "pcp": "no"}


@pytest.mark.conf(**NOTHING)
def test_without_any_protocol(lab, stopped):
    """Nothing listens. The operator's mappings work, at once, and upnpctl
    reports it."""
    server = listener(lab.lan1, "TCP", 8080)
    stopped.lines.append("mapping tcp 8080 192.168.88.10:8080")
    stopped.start(wait=False)
    assert stopped.wait_log("upnp, nat-pmp and pcp are all no: no program")
    assert stopped.wait_log("nobody is served: upnp, nat-pmp and pcp are no")
    assert reaches(lab, "TCP", 8080, server)
    assert who_answers(lab, stopped) == set()
    assert bound(lab) == set()
    got = status(lab, stopped)
    assert got["running"] is True
    assert not any(one["enabled"] or one["serving"]
                   for one in got["protocols"].values())
    assert got["engine"]["igd-versions"] == []
    assert "protocols: none is on" in ctl(lab, stopped, "status")
    # a change is in force as soon as upnpctl returns
    assert ctl(lab, stopped, "set", "upnp=yes") == ""
    assert who_answers(lab, stopped) == {"ssdp", "http"}
    assert ctl(lab, stopped, "/ip", "nat-pmp", "set", "enabled=yes") == ""
    assert who_answers(lab, stopped) == {"ssdp", "http", "nat-pmp"}
    assert ctl(lab, stopped, "/ip", "upnp", "set", "upnp=no") == ""
    assert who_answers(lab, stopped) == {"nat-pmp"}
    assert reaches(lab, "TCP", 8080, server)


@pytest.mark.parametrize("on", [
    ("upnp",), ("nat-pmp",), ("pcp",), ("nat-pmp", "pcp"), ("upnp", "pcp"),
    ("upnp", "nat-pmp", "pcp")], ids="+".join)
def test_each_protocol_is_on_or_off(lab, stopped, on):
    """The ports of those that are off are closed. Ready means that those that
    are on answer."""
    stopped.options.update({name.replace("-", "_"): "no" for name in
                            ("upnp", "nat-pmp", "pcp") if name not in on})
    stopped.start(wait=False)
    assert wait_until(lambda: os.path.exists(stopped.options["pid_file"]) and
                      open(stopped.options["pid_file"]).read())
    answers = {"ssdp", "http"} if "upnp" in on else set()
    assert who_answers(lab, stopped) == answers | set(on) - {"upnp"}
    assert bound(lab) == ({1900, 2828} if "upnp" in on else set()) | (
        {5351} if {"nat-pmp", "pcp"} & set(on) else set())
    got = status(lab, stopped)["protocols"]
    assert {name for name, one in got.items() if one["enabled"]} == set(on)
    assert {name for name, one in got.items() if one["serving"]} == set(on)
    metrics = ctl(lab, stopped, "metrics")
    for name in ("upnp", "nat-pmp", "pcp"):
        assert (f'upnpd_protocol_serving{{protocol="{name}"}} '
                f"{int(name in on)}\n") in metrics


def test_reload_switches_protocols(lab, upnpd):
    """One after the other, while the others stay."""
    every = {"ssdp", "http", "nat-pmp", "pcp"}
    assert who_answers(lab, upnpd) == every
    for option, lost in (("nat-pmp", {"nat-pmp"}), ("pcp", {"pcp"}),
                         ("upnp", {"ssdp", "http"})):
        assert ctl(lab, upnpd, "set", f"{option}=no") == ""
        assert who_answers(lab, upnpd) == every - lost
        assert ctl(lab, upnpd, "set", f"{option}=yes") == ""
        assert who_answers(lab, upnpd) == every


def test_port_5351_is_taken_beside_upnp(lab, stopped):
    """UPnP is served, and the others when the other program has ended."""
    with lab.router.socket(socket.SOCK_DGRAM, (LAN_IP, 5351)):
        stopped.start()
        assert stopped.wait_log(
            r"UDP port 5351 \(NAT-PMP, PCP\): .* in use; trying again")
        got = status(lab, stopped)["protocols"]
        assert got["upnp"]["serving"] and not got["pcp"]["serving"]
        assert "nat-pmp (does not listen yet)" in ctl(lab, stopped, "status")
    assert stopped.wait_log("serving on port 2828 and UDP port 5351")
    assert who_answers(lab, stopped) == {"ssdp", "http", "nat-pmp", "pcp"}


@pytest.mark.parametrize("options, ip, family", [
    ({}, LAN_IP, socket.AF_INET), ({"nat_pmp": "no"}, LAN6_IP,
                                   socket.AF_INET6),
    ({"pcp": "no"}, LAN_IP, socket.AF_INET)])
@pytest.mark.lab(ipv6=True)
def test_port_5351_is_taken_without_upnp(lab, stopped, options, ip, family):
    """Nobody would be served, so upnpd does not start, and names the program.
    Nor does a reload leave nobody served."""
    stopped.options.update(upnp="no", **options)
    with lab.router.socket(socket.SOCK_DGRAM, (ip, 5351)):
        stopped.start(wait=False)
        assert stopped.wait_exit() == 1
        assert re.search(rf"UDP port 5351 is taken by \S+ \(process "
                         rf"{os.getpid()}\), at {ip}: ", stopped.log())
        stopped.options.update(upnp="yes", nat_pmp="no", pcp="no")
        stopped.port = Daemon.port
        stopped.start()
        said = ctl(lab, stopped, "set", "upnp=no", "nat-pmp=yes", "pcp=yes")
        assert "UDP port 5351 is taken by " in said
        assert stopped.serves()


@pytest.mark.conf(upnp="no", pcp="no")
@pytest.mark.lab(ipv6=True)
def test_nat_pmp_does_not_need_ipv6(lab, stopped):
    with lab.router.socket(socket.SOCK_DGRAM, (LAN6_IP, 5351)):
        stopped.start(wait=False)
        assert stopped.wait_log("serving on UDP port 5351")
        assert who_answers(lab, stopped) == {"nat-pmp"}


@pytest.mark.conf(upnp="no")
@pytest.mark.lab(ipv6="only")
def test_pcp_in_a_network_without_ipv4(lab, stopped):
    stopped.start(wait=False)
    assert stopped.wait_log("serving on UDP port 5351")
    got = status(lab, stopped)["protocols"]
    assert got["pcp"]["serving"] and not got["upnp"]["enabled"]
    with Pmp(lab.lan1, LAN6_IP) as client:
        assert client.pcp(ANNOUNCE).result == SUCCESS


@pytest.mark.conf(**NOTHING)
def test_http_port_matters_to_upnp_only(lab, stopped):
    """Without UPnP another program may have it. UPnP cannot be turned on
    then."""
    with lab.router.listen(Daemon.port):
        stopped.start(wait=False)
        assert stopped.wait_log("nobody is served: upnp, nat-pmp and pcp")
        said = ctl(lab, stopped, "set", "upnp=yes")
        assert f"http-port {Daemon.port} is taken by " in said
        assert asks(lab, 1900, SEARCH) is None
    assert ctl(lab, stopped, "set", "upnp=no", "hairpin=yes") == ""


def epoch_of(lab):
    """The seconds since the state of the mappings began: RFC 6886 3.6."""
    answer = asks(lab, 5351, NAT_PMP)
    return answer and int.from_bytes(answer[4:8], "big")


def test_epoch_continues_with_the_mappings(lab, upnpd, igd):
    """Over a restart, a reload and a crash: clients keep what they have. If
    a mapping was lost, it begins anew."""
    igd.add(40000, "TCP", 8000)
    assert wait_until(lambda: epoch_of(lab) >= 2)
    began = time.monotonic() - epoch_of(lab)

    def continues():
        return abs(time.monotonic() - epoch_of(lab) - began) < 2
    upnpd.stop()
    upnpd.start()
    assert continues()
    assert ctl(lab, upnpd, "set", "hairpin=yes") == ""
    assert continues()
    engine = upnpd.engine()
    os.kill(engine, signal.SIGKILL)
    assert wait_until(lambda: upnpd.engine() not in (engine, None))
    assert wait_until(lambda: epoch_of(lab) is not None)
    assert continues()
    upnpd.stop()
    assert wait_until(lambda: time.monotonic() - began > 4)
    with open(os.path.join(upnpd.state, "mappings"), "a") as f:
        f.write("torn")
    upnpd.start()
    assert upnpd.wait_log("lines are invalid and were ignored")
    assert not continues()


def test_mappings_of_a_protocol_that_was_turned_off(lab, upnpd, igd):
    """They stay until their leases end, and nobody can renew them."""
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40000, "TCP", 8000)
    upnpd.options.update(NOTHING)
    since = upnpd.reload()
    assert upnpd.wait_log("nobody is served", since=since)
    assert reaches(lab, "TCP", 40000, server)
    assert who_answers(lab, upnpd) == set()
    (one,) = json.loads(ctl(lab, upnpd, "--json", "mappings", "print"))
    assert one["origin"] == "upnp"
    text = ctl(lab, upnpd, "status")
    assert "  mappings-by-origin: 1 upnp\n" in text
    assert "http-port: none: upnp is no\n" in text
