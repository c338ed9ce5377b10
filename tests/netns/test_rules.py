# SPDX-License-Identifier: ISC
"""Rules and static mappings that are changed by command, with a running daemon:
a change is in force when the command has ended."""
import re

import pytest

from daemon import upnpc
from lab import HOST_IP, blocked, listener, reaches
from test_metrics import metrics
from test_upnpctl_live import ctl    # noqa: F401
from upnp import UpnpError

ALL = "0.0.0.0/0"


def decided(ctl):    # noqa: F811
    """How often each rule decided, by its number."""
    return [rule["decided"] for rule in ctl.json("rules", "print")]


def upnpc_is_refused(host, port):
    """Ask as a program would."""
    try:
        upnpc(host, "-a", HOST_IP, str(port), str(port), "TCP")
    except RuntimeError as e:
        return "failed with code" in str(e)
    return False


@pytest.mark.only("netlink")
def test_deny_rule_refuses_at_once_and_is_counted(lab, upnpd, igd, ctl):  # noqa: F811
    igd.add(40000)
    igd.add(40001)
    ctl("rules", "add", "action=allow", f"network={ALL}")
    assert decided(ctl) == [0]
    ctl("rules", "add", "action=deny", f"network={HOST_IP}",
        "external-ports=40001-40002", "comment=no game", "place-before=0")
    # the mapping that it refuses is gone, the other one is not
    assert {port for _, port, _, _ in ctl.table()} == {40000}
    before = decided(ctl)
    assert upnpc_is_refused(lab.lan1, 40002)
    assert decided(ctl)[0] > before[0]
    assert not upnpc_is_refused(lab.lan1, 40003)
    assert decided(ctl)[1] > before[1]
    denied = decided(ctl)[0]
    assert re.search(rf'deny .* {denied} +no game', ctl("rules", "print",
                                                        "stats"))
    assert f"decided={denied}" in ctl("rules", "print", "detail")
    # a rule keeps its count in another place, and has none while disabled
    ctl("rules", "move", "0")
    assert decided(ctl)[1] == denied
    assert not upnpc_is_refused(lab.lan1, 40002)
    ctl("rules", "move", "1", "0")
    ctl("rules", "disable", "0")
    assert ctl("rules", "get", "0", "decided") == "\n"
    igd.add(40001)
    ctl("rules", "enable", "0")
    with pytest.raises(UpnpError):
        igd.add(40002)
    ctl("rules", "remove", "[find action=deny]")
    igd.add(40002)


def unmatched(ctl):    # noqa: F811
    """How many requests no rule matched."""
    last = ctl.json("rules", "print", "stats")[-1]
    assert set(last) == {"number", "decided"} and last["number"] is None
    text = ctl("rules", "print", "stats")
    assert text.endswith("\nrequests that no rule matched: "
                         f"{last['decided']}\n")
    assert "no rule matched" not in ctl("rules", "print", "detail")
    return last["decided"]


@pytest.mark.only("netlink")
def test_requests_that_no_rule_matches_are_counted(lab, upnpd, igd, ctl):  # noqa: F811
    ctl("rules", "add", "action=allow", f"network={ALL}")
    ctl("rules", "set", "0", "network=10.99.0.0/16")
    before = unmatched(ctl)
    assert upnpc_is_refused(lab.lan1, 40002)
    assert unmatched(ctl) > before
    counts = {labels: n for (name, labels), n in metrics(upnpd).items()
              if name == "upnpd_rule_decided_total"}
    line, = (labels for labels in counts if 'rule="allow ' in labels)
    assert line.endswith('rule="allow 1024-65535 10.99.0.0/16 1024-65535"')
    assert counts == {line: 0, 'line="0",rule="none"': unmatched(ctl)}


@pytest.mark.only("netlink")
def test_static_mapping_is_changed(lab, upnpd, ctl):    # noqa: F811
    one = listener(lab.lan1, "TCP", 8000)
    two = listener(lab.lan1, "TCP", 8001)
    ctl("mappings", "add", "protocol=tcp", "external-port=40000",
        f"to={HOST_IP}:8000")
    assert reaches(lab, "TCP", 40000, one)
    ctl("mappings", "disable", "0")
    assert blocked(lab, "TCP", 40000, one)
    ctl("mappings", "set", "tcp:40000", f"to={HOST_IP}:8001", "disabled=no",
        "comment=web")
    assert reaches(lab, "TCP", 40000, two)
    ctl("mappings", "set", "0", "external-port=40001")
    assert reaches(lab, "TCP", 40001, two)
    assert blocked(lab, "TCP", 40000, two)
    ctl("mappings", "comment", "0-0", "web 2")
    with open(upnpd.conf) as f:
        assert f'mapping tcp 40001 {HOST_IP}:8001 "web 2"\n' in f.read()
    # the daemon refuses a change, and nothing is written
    assert "in no internal network" in ctl.fails(
        "mappings", "set", "0", "to=198.51.100.7:80")
    assert reaches(lab, "TCP", 40001, two)


@pytest.mark.only("netlink")
def test_mapping_of_a_client_is_refused_by_the_command_named(
        lab, upnpd, igd, ctl):    # noqa: F811
    igd.add(40000)
    for verb in (("disable",), ("set", "comment=x"), ("comment", "comment=x")):
        why = ctl.fails("mappings", verb[0], "tcp:40000", *verb[1:], status=2)
        assert "is a mapping of a client" in why
    command = re.search(r"rules add .*", why)[0].split()
    done = ctl.run(*command)
    assert done.returncode == 0, done
    assert ctl.table() == set()
    with pytest.raises(UpnpError):
        igd.add(40000)
