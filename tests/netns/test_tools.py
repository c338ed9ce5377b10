# SPDX-License-Identifier: ISC
"""When the firewall's tool fails, hangs or is missing, the client gets 501,
the log has the reason, and other clients are served meanwhile."""
import threading
import time

import pytest

from daemon import FakeTool
from lab import listener, reaches, wait_until
from test_mapping import in_kernel
from upnp import Igd, error_of

# netlink has no tool
pytestmark = pytest.mark.only("iptables-legacy", "iptables-nft")


@pytest.fixture
def tool(lab, stopped):
    fake = FakeTool(lab, lab.firewall.tool())
    stopped.start(prefix=fake.prefix())
    yield fake
    fake.mode("ok")


def works_again(lab, igd, server):
    def add():
        try:
            igd.add(40000, "TCP", 8000)
            return True
        except Exception:
            return False
    assert wait_until(add, every=0.2)
    assert reaches(lab, "TCP", 40000, server)


def soon(most, ask):
    """The result of @ask(), which takes at most @most seconds. Several tries,
    because the machine may be busy."""
    for _ in range(5):
        start = time.monotonic()
        said = ask()
        took = time.monotonic() - start
        if took < most:
            return said
    raise AssertionError(f"it took {took:.1f} s")


@pytest.mark.parametrize("how", ("fail", "missing"))
def test_failing_tool(lab, stopped, tool, how):
    igd = Igd(lab.lan1)
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40005, "TCP", 8000)
    tool.mode(how)
    # well before the deadline of a hanging tool
    assert soon(4, lambda: error_of(igd.add, 40000, "TCP", 8000)) == 501
    assert error_of(igd.specific, 40000) == 714
    assert error_of(igd.delete, 40005) == 501
    assert igd.specific(40005)["NewInternalPort"] == "8000"
    if how == "fail":
        assert stopped.wait_log(FakeTool.ERROR)
    else:
        assert stopped.wait_log("firewall: .")
    assert not in_kernel(lab, 40000)
    assert reaches(lab, "TCP", 40005, server)
    tool.mode("ok")
    works_again(lab, igd, server)
    assert reaches(lab, "TCP", 40005, server)


@pytest.mark.only("iptables-nft")
@pytest.mark.conf(verify_interval="1")
def test_lasting_fault_does_not_fill_the_log(lab, stopped, tool):
    """Regression: at each verification the log had "last line repeated 1
    time"."""
    tool.mode("fail")
    assert stopped.wait_log(FakeTool.ERROR)
    calls = tool.calls()
    assert wait_until(lambda: tool.calls() > calls + 10)
    assert "repeated" not in stopped.log()


def test_busy_tool_is_retried(lab, stopped, tool):
    """Exit status 4 means "try again". upnpd does, and the answer is late but
    right."""
    igd = Igd(lab.lan1)
    server = listener(lab.lan1, "TCP", 8000)
    tool.mode("busy 4")
    igd.add(40000, "TCP", 8000)
    assert tool.busy() > 4
    assert in_kernel(lab, 40000)
    assert reaches(lab, "TCP", 40000, server)
    tool.mode("ok")
    igd.delete(40000)
    assert not in_kernel(lab, 40000)


def test_tool_that_stays_busy(lab, stopped, tool):
    """The client gets an error before it gives up."""
    igd = Igd(lab.lan1)
    igd.add(40005, "TCP", 8000)
    tool.mode("busy 1000000")
    assert soon(4, lambda: error_of(igd.add, 40000, "TCP", 8000)) == 501
    assert tool.busy() > 2
    assert stopped.wait_log(FakeTool.ERROR)
    assert not in_kernel(lab, 40000)
    tool.mode("ok")
    with listener(lab.lan1, "TCP", 8000) as server:
        works_again(lab, igd, server)
        assert reaches(lab, "TCP", 40005, server)


def test_hanging_tool(lab, stopped, tool):
    igd = Igd(lab.lan1)
    server = listener(lab.lan1, "TCP", 8000)
    igd.add(40001, "TCP", 8000)
    tool.mode("hang")
    outcome = []

    def ask():
        start = time.monotonic()
        code = error_of(Igd(lab.lan1).add, 40000, "TCP", 8000)
        outcome.append((code, time.monotonic() - start))
    asker = threading.Thread(target=ask)
    asker.start()
    assert wait_until(tool.hung)
    others = 0
    while asker.is_alive():
        assert igd.external_ip()
        others += 1
        time.sleep(0.05)
    asker.join()
    (code, took), = outcome
    assert code == 501
    # others were served during the tool's whole deadline
    assert others > 5
    assert took > 4
    assert reaches(lab, "TCP", 40001, server)
    assert not in_kernel(lab, 40000)
    assert stopped.wait_log("firewall: .*it took longer than .* ms and was "
                            "killed")
    assert "timed out" not in stopped.log()
    tool.mode("ok")
    works_again(lab, igd, server)
    assert reaches(lab, "TCP", 40001, server)


@pytest.mark.only("iptables-legacy")
def test_stop_while_the_tool_hangs(lab, stopped, tool):
    """upnpd stops nevertheless, and the next start repairs the rules."""
    igd = Igd(lab.lan1)
    igd.add(40000)
    tool.mode("hang")
    assert stopped.stop() is not None
    tool.mode("ok")
    stopped.start(prefix=tool.prefix())
    assert igd.mapped()
