# SPDX-License-Identifier: ISC
"""Completion in bash offers the words that may come next, and no others."""
import os
import subprocess

import pytest

from ctl import ROOT, UPNPCTL

SCRIPT = os.path.join(ROOT, "dist", "completion", "upnpctl.bash")


def complete(line, path=UPNPCTL):
    line = line.replace("upnpctl", path, 1)
    done = subprocess.run(
        ["bash", "-c", """
compopt() { :; }
. "$1"
COMP_LINE=$2 COMP_POINT=${#2}
_upnpctl
printf '%s\\n' "${COMPREPLY[@]}"
""", "bash", SCRIPT, line], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done
    return set(done.stdout.split())


@pytest.mark.parametrize("line,has,has_not", [
    ("upnpctl ", {"print", "set", "interfaces", "export"}, {"add"}),
    ("upnpctl i", {"interfaces"}, {"print"}),
    ("upnpctl ip upnp int", {"interfaces"}, set()),
    ("upnpctl n", {"nat-pmp"}, {"print"}),
    ("upnpctl nat-pmp ", {"print", "set", "interfaces"}, {"export"}),
    ("upnpctl /ip/nat-pmp/interfaces ", {"print", "add"}, {"migrate"}),
    ("upnpctl /ip nat-pmp set ", {"enabled="}, {"nat-pmp="}),
    ("upnpctl ip nat-pmp set enabled=", {"yes", "no"}, set()),
    ("upnpctl set nat-pmp=", {"yes", "no"}, set()),
    ("upnpctl set pcp-", {"pcp-strict-nonce=", "pcp-third-party="}, set()),
    ("upnpctl interfaces ", {"print", "add", "remove"}, {"export"}),
    ("upnpctl /ip/upnp/interfaces e", {"enable"}, {"disable"}),
    ("upnpctl set en", {"enabled="}, {"hairpin="}),
    ("upnpctl set enabled=yes h", {"hairpin=", "http-port="}, {"enabled="}),
    ("upnpctl set backend=", {"netlink", "auto"}, {"yes", "nft"}),
    ("upnpctl set backend=ip", {"iptables"}, {"netlink"}),
    ("upnpctl interfaces add interface=l", {"lo"}, {"external"}),
    ("upnpctl interfaces add interface=lo type=", {"external", "internal"},
     {"lo"}),
    ("upnpctl mappings ", {"print", "add", "remove", "migrate"}, {"set"}),
    ("upnpctl mappings add ", {"protocol=", "to=", "comment="}, {"type="}),
    ("upnpctl mappings add protocol=", {"tcp", "udp", "sctp"}, {"yes"}),
    ("upnpctl mappings add disabled=", {"yes", "no"}, {"tcp"}),
    ("upnpctl mappings remove ", {"all"}, {"tcp"}),
    ("upnpctl -", {"--json", "-f"}, set()),
    ("upnpctl -f /et", {"/etc"}, set()),
    ("upnpctl set foo=", set(), {"yes"}),
])
def test_only_fitting_words_are_offered(line, has, has_not):
    got = complete(line)
    assert has <= got
    assert not has_not & got


def test_interfaces_of_the_file_are_offered(ctl):
    ctl.write("[interface wan7]\ntype = external\n")
    line = f"upnpctl -f {ctl.conf} interfaces "
    assert "wan7" in complete(line + "remove w")
    assert "wan7" in complete(line + "set ")
    assert "wan7" not in complete(line + "add ")
