# SPDX-License-Identifier: ISC
"""upnpd beside fw3, which uses iptables, zone chains and forward policy drop.
iptables-legacy does not notify of changes, so after a flush only the include
restores upnpd's rules at once."""
import pytest

from lab import blocked, listener, reaches
from test_fw4 import Paused, Service, options

BACKENDS = ("iptables-legacy", "iptables-nft")


@pytest.fixture(params=BACKENDS)
def stopped(lab, request):
    """The daemon, not started."""
    service = Service(lab, "fw3", options(request.param))
    try:
        service.tool = request.param
        service.router.write("tmp/fw3.tool", request.param + "\n")
        service.fw("start")
        yield service
    finally:
        service.procd.close()
        print(service.told())


@pytest.fixture
def service(stopped):
    return stopped.start()


def hooks(service):
    """upnpd's jumps in the forward chain."""
    rules = service.lab.router.run(service.tool + "-save", "-t", "filter")
    return [line for line in rules.splitlines()
            if line.startswith("-A FORWARD") and line.endswith("-j UPNPD")]


def test_only_mapped_ports_pass(service):
    server = service.map(40000)
    ssh = listener(service.lab.lan1, "TCP", 22)
    service.lab.router.run(service.tool, "-t", "nat", "-A", "PREROUTING",
                           "-i", "wan0", "-p", "tcp", "--dport", "8023",
                           "-j", "DNAT", "--to", "192.168.88.10:22")
    assert reaches(service.lab, "TCP", 40000, server), service.told()
    assert blocked(service.lab, "TCP", 8023, ssh)
    assert blocked(service.lab, "TCP", 40001, server)


def test_accept_is_needed_and_restored(service):
    server = service.map(40000)
    with Paused(service):
        service.lab.router.run(service.tool, "-F", "UPNPD")
        assert blocked(service.lab, "TCP", 40000, server)
    service.router.run("upnpctl", "resync")
    assert reaches(service.lab, "TCP", 40000, server)


@pytest.mark.parametrize("how", ["reload", "restart"])
def test_rules_return_after_a_reload_or_restart(service, how):
    """When the command ends, all rules are in place."""
    server = service.map(40000)
    for _ in range(2):
        service.fw(how)
        with Paused(service):
            assert reaches(service.lab, "TCP", 40000, server), service.told()
            assert len(hooks(service)) == 1


def test_without_the_include_rules_do_not_return(service):
    server = service.map(40000)
    service.router.run("uci", "delete", "firewall.upnpd")
    with Paused(service):
        service.fw("restart")
        assert blocked(service.lab, "TCP", 40000, server)


def test_stop_leaves_no_rules(service):
    service.map(40000)
    service.procd.init("stop")
    assert "UPNPD" not in service.lab.router.run(service.tool + "-save")
    service.fw("reload")
    assert hooks(service) == []
