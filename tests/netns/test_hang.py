# SPDX-License-Identifier: ISC
"""An engine that hangs is replaced, and its leases end. SIGSTOP stands for a
loop without end. Time in which all processes stood still does not count."""
import os
import signal
import time

import pytest

from lab import HOST_IP, wait_until
from test_lifecycle import answers
from test_mapping import in_kernel

ANSWER_S = 10       # ENGINE_ANSWER_MS
HANGS = "engine: it hangs and answers no ping; killing it"

pytestmark = pytest.mark.only("netlink")


@pytest.mark.conf(show_dummy_rule="no")
def test_engine_that_hangs_is_replaced(lab, upnpd, igd):
    """Regression: it was never replaced, and nobody was served."""
    igd.add(40000, "TCP", 8000)
    igd.add(40001, "TCP", 8001, lease=3)
    hung = upnpd.engine()
    os.kill(hung, signal.SIGSTOP)
    assert upnpd.wait_log(HANGS)
    assert wait_until(lambda: upnpd.engine() not in (None, hung))
    assert wait_until(lambda: answers(igd.external_ip))
    assert igd.mapped() == {("TCP", 40000, HOST_IP, 8000)}
    assert wait_until(lambda: not in_kernel(lab, 40001))
    assert in_kernel(lab, 40000)


def test_time_of_a_stopped_machine_does_not_count(lab, upnpd, igd):
    """All processes stand still, as in a guest whose host sleeps. The monitor
    runs first afterwards."""
    pids = upnpd.pids()
    for pid in pids.values():
        os.kill(pid, signal.SIGSTOP)
    time.sleep(ANSWER_S + 2)
    for name in ("monitor", "fork_server"):
        os.kill(pids[name], signal.SIGCONT)
    time.sleep(1)
    os.kill(pids["engine"], signal.SIGCONT)
    igd.add(40000, "TCP", 8000)
    assert upnpd.pids() == pids
    assert "killing" not in upnpd.log()
