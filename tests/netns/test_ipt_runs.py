# SPDX-License-Identifier: ISC
"""With iptables a change is one run of the tool, which replaces each table
once. The daemon lists nothing with the tool, and reads legacy tables, which
send no notice, once before the change."""
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab import wait_until
from tracer import Tracer

pytestmark = [pytest.mark.only("iptables-legacy", "iptables-nft"),
              pytest.mark.conf(verify_interval="86400",
                               max_mappings_per_client="1000")]

MAPPINGS = 500
TABLES = 2              # filter and nat
# The tool's call that replaces a table: the message that begins a batch is of
# type 0x10.
SWAP = {"iptables-legacy": "IPT_SO_SET_REPLACE",
        "iptables-nft": "nlmsg_type=0x10 "}


@pytest.fixture
def monitor(upnpd, igd):
    """The daemon's monitor, with MAPPINGS in place. Returns its pid."""
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda port: igd.add(port, "UDP"),
                      range(2000, 2000 + MAPPINGS)))
    return upnpd.pids()["monitor"]


def reads_of_request(own):
    """The legacy tables that the monitor read from the engine's request to its
    answer. A timer may read them before and after. @own: its system calls"""
    begin = next(i for i, line in enumerate(own)
                 if re.search(r"recvfrom.*, 0, NULL, NULL\) = [1-9]", line))
    end = next(i for i, line in enumerate(own)
               if i > begin and "MSG_NOSIGNAL" in line)
    return sum("IPT_SO_GET_ENTRIES" in line for line in own[begin:end])


def counted(lab, backend, monitor, change):
    """Run @change(). Return (runs of the tool, replaced tables, legacy tables
    that were read)."""
    tracer = Tracer(monitor, lab.path("strace"), "-f", "-s", "64", "-e",
                    "trace=execve,getsockopt,setsockopt,sendmsg,sendto,"
                    "recvfrom")
    assert wait_until(tracer.attached), "strace: no access"
    change()
    tracer.stop()
    with open(tracer.path) as f:
        lines = f.read().splitlines()
    own = [line for line in lines if line.split()[0] == str(monitor)]
    return (sum(" execve(" in line for line in lines),
            sum(SWAP[backend] in line for line in lines),
            reads_of_request(own))


def test_change_is_one_run(lab, backend, igd, monitor):
    reads = TABLES if backend == "iptables-legacy" else 0
    igd.add(2600, "UDP")            # 2499 and 2600 share a leaf, 40000 has none
    for change in (lambda: igd.add(2601, "UDP"),
                   lambda: igd.add(40000),
                   lambda: igd.add(40000, int_port=40001),
                   lambda: igd.delete(40000),
                   lambda: igd.delete(2601, "UDP")):
        assert counted(lab, backend, monitor, change) == (1, TABLES, reads)
    assert counted(lab, backend, monitor,
                   lambda: igd.add(2600, "UDP")) == (0, 0, reads)
