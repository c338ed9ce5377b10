# SPDX-License-Identifier: ISC
"""A compromised engine (rogue_engine.c) below the real monitor, supervisor and
fork server. Whatever it does, it is replaced, mappings are as before, and the
monitor has no more memory, descriptors or log than before."""
import os
import re

import pytest

from daemon import UPNPD
from lab import HOST_IP, listener, reaches, wait_until
from test_lifecycle import answers
from test_mapping import in_kernel
from upnp import Igd

ROGUE = os.path.join(os.path.dirname(UPNPD), "tests", "upnpd-rogue")

MALFORMED = "engine: it sent a malformed request; killing it"
STAYS = "engine: it does not stop; killing it"

# At most four exits: the fifth within a minute ends the daemon.
GROUPS = {
    "sizes": [("short", MALFORMED), ("long", MALFORMED), ("huge", MALFORMED),
              ("empty", STAYS)],
    "verbs": [("verb-0", MALFORMED), ("verb-of-the-monitor", MALFORMED),
              ("verb-max", MALFORMED), ("verb-huge", MALFORMED)],
    "answers": [("pong-wrong", MALFORMED), ("pong-old", MALFORMED),
                ("pong-twice", MALFORMED), ("version-old", MALFORMED)],
    "floods": [("deaf", "engine: it does not read its answers; killing it"),
               ("log", MALFORMED), ("stderr", MALFORMED),
               ("random", MALFORMED)],
    "rest": [("fds", MALFORMED), ("version-new", MALFORMED),
             ("hang-up", STAYS), ("control", "engine ended with status 0")],
    "table": [("half-table", "engine ended with status 0")],
}

pytestmark = pytest.mark.only("netlink")


def held(pid):
    """The monitor's descriptors, and the size of its data."""
    with open(f"/proc/{pid}/status") as f:
        data = re.search(r"^VmData:\s+(\d+)", f.read(), re.M)[1]
    return (sorted(os.readlink(f"/proc/{pid}/fd/{fd}").partition(":")[0]
                   for fd in os.listdir(f"/proc/{pid}/fd")), int(data))


@pytest.fixture
def rogue(lab, stopped):
    stopped.binary = ROGUE
    stopped.start()
    Igd(lab.lan1).add(40000, "TCP", 8000)
    return stopped


def let_in(upnpd, attack):
    """The next engine is the rogue. Return: the length of the log before it
    starts"""
    with open(os.path.join(upnpd.state, "attack"), "w") as f:
        f.write(attack)
    return upnpd.reload()


def check_serves(lab, upnpd, rules):
    igd = Igd(lab.lan1)
    assert wait_until(lambda: answers(igd.external_ip))
    assert ("TCP", 40000, HOST_IP, 8000) in igd.mapped()
    assert wait_until(lambda: lab.holds(rules)), lab.rules()
    with listener(lab.lan1, "TCP", 8000) as server:
        assert reaches(lab, "TCP", 40000, server)


@pytest.mark.parametrize("group", sorted(GROUPS))
def test_rogue_is_replaced(lab, rogue, group):
    rules = lab.rules()
    monitor = rogue.proc.pid
    before = held(monitor)
    for attack, end in GROUPS[group]:
        since = let_in(rogue, attack)
        assert rogue.wait_log(re.escape(end), since=since), attack
        check_serves(lab, rogue, rules)
        assert wait_until(lambda: held(monitor) == before), attack
        said = rogue.log()[since:]
        assert len(said) < 100 * 1024, attack
        assert re.fullmatch("[ -~\n]*", said), attack
    assert wait_until(lambda: os.path.exists(rogue.options["control_socket"]))


def test_rogue_that_floods_delays_no_reload(lab, rogue):
    """It asks for all that there is without a pause, answers pings, and does
    not stop."""
    rules = lab.rules()
    since = let_in(rogue, "flood")
    # a table without a mapping was taken over
    assert wait_until(lambda: not in_kernel(lab, 40000))
    rogue.reload()
    assert rogue.wait_log(re.escape(STAYS), since=since)
    check_serves(lab, rogue, rules)


def test_rogue_that_hangs_is_replaced(lab, rogue):
    """It answers one ping, and then reads, but answers no more."""
    rules = lab.rules()
    since = let_in(rogue, "hang")
    assert rogue.wait_log("engine: it hangs", since=since)
    check_serves(lab, rogue, rules)


def test_rogue_at_each_start_ends_the_daemon(lab, rogue):
    """It leaves no rule behind."""
    let_in(rogue, "again die")
    assert rogue.wait_exit() == 1
    assert "engine died 5 times within a minute" in rogue.log()
    assert not in_kernel(lab, 40000)
