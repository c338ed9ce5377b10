# SPDX-License-Identifier: ISC
"""Pinholes beside fw4, as the package sets upnpd up: through the reloads of the
firewall, and while each of the two stops."""
import json

import pytest

from conftest import NoFirewall
from lab import HOST6_IP, Lab, blocked, listener, reaches, wait_until
from test_fw4 import service_of
from upnp import Gateway6


@pytest.fixture
def lab():
    with Lab(NoFirewall(), ipv6=True) as lab:
        yield lab


@pytest.fixture
def service(lab):
    for service in service_of(lab):
        yield service.start()


def passes(service, server):
    return reaches(service.lab, "TCP", server.getsockname()[1], server,
                   dst=HOST6_IP)


def stops(service, server):
    return blocked(service.lab, "TCP", server.getsockname()[1], server,
                   dst=HOST6_IP)


@pytest.fixture
def servers(lab):
    with listener(lab.lan1, "TCP", 8000, HOST6_IP) as one, \
            listener(lab.lan1, "TCP", 8001, HOST6_IP) as other:
        yield one, other


def test_pinhole_opens_and_closes(service, servers):
    one, other = servers
    six = Gateway6(service.lab.lan1)
    assert stops(service, one)
    uid = six.open(8000)
    assert passes(service, one), service.told()
    assert stops(service, other)
    assert six.packets(uid) > 0
    found = json.loads(service.router.run("upnpctl", "--json", "check",
                                          check=False))
    bad = [x for x in found if x["level"] != "ok" and
           x["check"] in ("ipv6", "pinholes", "requests")]
    assert bad == []
    six.close(uid)
    assert stops(service, one)


@pytest.mark.parametrize("how", ("reload", "restart"))
def test_pinhole_works_after_a_reload(service, servers, how):
    one, other = servers
    six = Gateway6(service.lab.lan1)
    uid = six.open(8000)
    assert passes(service, one), service.told()
    count = six.packets(uid)
    service.fw(how)
    assert passes(service, one), service.told()
    assert six.packets(uid) > count
    assert wait_until(lambda: six.open(8001))
    assert passes(service, other)
    six.close(uid)
    assert stops(service, one)


def test_without_upnpd_nothing_passes(service, servers):
    """After a stop, and after the firewall's next reload."""
    one, _ = servers
    Gateway6(service.lab.lan1).open(8000)
    assert passes(service, one), service.told()
    service.procd.init("stop")
    for _ in range(2):
        assert stops(service, one)
        service.fw("reload")
    service.start()
    assert passes(service, one)
