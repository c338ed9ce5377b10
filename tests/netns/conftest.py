# SPDX-License-Identifier: ISC
"""Fixtures: a fresh lab and a fresh daemon for each test and each backend.

    @pytest.mark.lab(bridge=True)       arguments of Lab
    @pytest.mark.conf(hairpin="yes")    options of upnpd
    @pytest.mark.only("netlink")        only with these backends
    @pytest.mark.fast                   needs the daemon's own speed
    @pytest.mark.core                   `make test` runs it
    @pytest.mark.clients                needs large packages: `make
                                        test-clients` runs it, CI does not

After each test SIGTERM must end the daemon with status 0, and the router's
rules must be the same as before the daemon started.
"""
import re

import pytest

from daemon import UPNPD, Upnpd
from firewall import FIREWALLS, Bare
from gateway import Gateway
from lab import SLOW, Lab, die_cleanly, why_not
from upnp import Igd

BACKENDS = ("iptables-legacy", "iptables-nft", "netlink")
NEEDED = ("ip", "nft", "iptables-legacy", "iptables-nft", "upnpc", "unshare")


def pytest_configure(config):
    for line in ("lab(**kw): arguments of Lab", "conf(**kw): upnpd's options",
                 "only(*names): these backends only",
                 "fast: skipped with a slow daemon (SLOW)",
                 "core: in make test", "clients: in make test-clients"):
        config.addinivalue_line("markers", line)
    die_cleanly()


def pytest_sessionstart(session):
    reason = why_not(NEEDED, UPNPD)
    if reason:
        pytest.exit(reason, 2)


def pytest_collection_modifyitems(items):
    # start the longest test, which takes a minute, first
    items.sort(key=lambda item: "test_qemu" not in item.nodeid)
    if SLOW <= 1:
        return
    for item in items:
        if item.get_closest_marker("fast"):
            item.add_marker(pytest.mark.skip(reason="SLOW is set"))


def pytest_generate_tests(metafunc):
    if "backend" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("only")
        metafunc.parametrize("backend", mark.args if mark else BACKENDS)


def marked(request, name):
    mark = request.node.get_closest_marker(name)
    return dict(mark.kwargs) if mark else {}


@pytest.fixture
def lab(request, backend):
    with Lab(FIREWALLS[backend](), **marked(request, "lab")) as lab:
        lab.pristine = lab.rules()
        yield lab


@pytest.fixture
def stopped(request, lab, backend):
    """The daemon, not started."""
    options = marked(request, "conf")
    options.setdefault("backend", backend)
    upnpd = Upnpd(lab, **options)
    yield upnpd
    was_running = upnpd.running()
    status = upnpd.stop() if was_running else 0
    print(upnpd.log())
    assert status == 0, "exit status after SIGTERM"
    assert lab.rules() == lab.pristine, "rules left behind or lost"
    assert not re.search("runtime error|Sanitizer|filter's list",
                         upnpd.log())


@pytest.fixture
def upnpd(stopped):
    """The daemon, serving."""
    return stopped.start()


@pytest.fixture
def igd(lab, upnpd):
    """The gateway, for a control point on lan1."""
    return Igd(lab.lan1)


@pytest.fixture
def gateway(request):
    """A router without rules, and upnpd, not started, with backend auto. After
    the test no rule of upnpd may be left."""
    with Lab(Bare(), **marked(request, "lab")) as lab:
        gateway = Gateway(lab, **marked(request, "conf"))
        upnpd = gateway.upnpd
        with gateway.boxes:
            yield gateway
        status = upnpd.stop() if upnpd.running() else 0
        print(upnpd.log())
        assert status == 0, "exit status after SIGTERM"
        assert gateway.ours() == [], "rules left behind"
        assert not re.search("runtime error|Sanitizer|filter's list",
                             upnpd.log())
