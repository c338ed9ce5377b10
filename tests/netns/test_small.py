# SPDX-License-Identifier: ISC
"""The smallest build (`make small`): it has the netlink backend alone, and no
upnpctl, NAT-PMP, PCP or status page. It serves UPnP, and reports what a
configuration wants of the parts that it lacks."""
import os
import socket
import subprocess

import pytest

from daemon import ROOT, UPNPD, Upnpd
from lab import (EXT_IP, LAN_IP, LONG, OUT_IP, SLOW, blocked,
                 listener, reaches)
from pmp import SERVER
from upnp import Igd, error_of, http

SMALL = os.path.join(ROOT, "build", "small", "upnpd")
pytestmark = pytest.mark.only("netlink")
IPTABLES = 'but this upnpd was built without iptables; set it to auto, or ' \
    'build upnpd with BACKENDS="netlink iptables"'
PMP = "but this upnpd was built without NAT-PMP and PCP; set it to no, or " \
    "build upnpd with PMP=yes"
PAGE = "but this upnpd was built without the status page; set it to no, or " \
    "build upnpd with STATUS_PAGE=yes"


class Small(Upnpd):
    binary = SMALL


@pytest.fixture
def small(lab):
    """The smallest upnpd, not started, with backend auto."""
    upnpd = Small(lab, "auto")
    yield upnpd
    status = upnpd.stop() if upnpd.running() else 0
    print(upnpd.log())
    assert status == 0, "exit status after SIGTERM"
    assert lab.rules() == lab.pristine, "rules left behind or lost"


def checked(path, text):
    path.write_text(text)
    return subprocess.run([SMALL, "-n", "-f", str(path)], text=True,
                          capture_output=True)


def version(program):
    return subprocess.run([program, "-V"], text=True, check=True,
                          capture_output=True).stdout


def test_version_names_what_is_left_out():
    whole = version(UPNPD).strip()
    assert version(SMALL) == \
        whole + " without iptables UPNPCTL PMP STATUS_PAGE\n"


@pytest.mark.parametrize("option, value, why", (
    ("backend", "iptables", IPTABLES),
    ("backend", "iptables-nft", IPTABLES),
    ("backend", "iptables-legacy", IPTABLES),
    ("nat-pmp", "yes", PMP), ("pcp", "yes", PMP),
    ("status-page", "own", PAGE), ("status-page", "all", PAGE)))
def test_a_missing_part_is_reported(tmp_path, option, value, why):
    path = tmp_path / "upnpd.conf"
    said = checked(path, f"enabled = yes\n{option} = {value}\n")
    assert said.returncode == 2
    assert said.stderr == f'upnpd: {path}:2: {option} is "{value}", {why}\n'


def test_other_values_are_taken(tmp_path):
    said = checked(tmp_path / "upnpd.conf", "backend = netlink\nnat-pmp = no\n"
                   "pcp = no\nstatus-page = no\n")
    assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.parametrize("proto", ("TCP", "UDP"))
def test_it_opens_a_port(lab, small, proto):
    small.start()
    igd = Igd(lab.lan1)
    server = listener(lab.lan1, proto, 8000)
    assert igd.external_ip() == EXT_IP
    assert blocked(lab, proto, 40000, server)
    igd.add(40000, proto, 8000)
    assert reaches(lab, proto, 40000, server)[0] == OUT_IP
    igd.delete(40000, proto)
    assert blocked(lab, proto, 40000, server)


def test_what_it_lacks_is_not_served(lab, small):
    small.start()
    assert http(lab.lan1, "GET", "/").status == 404
    with lab.lan1.socket(socket.SOCK_DGRAM) as sock:
        sock.settimeout(LONG * SLOW)
        sock.connect((LAN_IP, SERVER))
        sock.send(bytes(2))
        with pytest.raises(ConnectionRefusedError):
            sock.recv(16)


def test_a_chain_of_iptables_blocks(lab, small):
    """It cannot write there. It does not write by nf_tables instead, because
    iptables-save would not save that rule as it is."""
    lab.router.run("iptables-nft", "-P", "FORWARD", "DROP")
    try:
        small.start()
        assert error_of(Igd(lab.lan1).add, 40000, "TCP", 8000) == 501
        assert small.wait_log("iptables FORWARD of filter drops it, and upnpd "
                              "was built without iptables")
        assert "40000" not in lab.rules()
    finally:
        assert small.stop() == 0
        lab.router.run("nft", "delete", "table", "ip", "filter")
