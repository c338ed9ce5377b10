# SPDX-License-Identifier: ISC
"""Fixtures: a lab whose router is like OpenWrt."""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "netns"))

from lab import Lab, die_cleanly, why_not      # noqa: E402
from procd import Procd                      # noqa: E402
from router import UPNPD, Router             # noqa: E402

NEEDED = ("ip", "nft", "iptables-legacy", "iptables-nft", "busybox", "make",
          "unshare")


def pytest_configure(config):
    config.addinivalue_line("markers", "clients: in make test-clients")


def pytest_sessionstart(session):
    reason = why_not(NEEDED, UPNPD)
    if reason:
        pytest.exit(reason, 2)
    die_cleanly()


class NoFirewall:
    """The lab makes no rules; the stand-in of fw3 or fw4 does."""

    def build(self, router):
        pass


@pytest.fixture
def lab():
    with Lab(NoFirewall()) as lab:
        yield lab


@pytest.fixture
def router(lab):
    """Without a firewall; networks lan and wan are up."""
    return Router(lab)


@pytest.fixture(scope="session")
def one_router():
    with Lab(NoFirewall()) as lab:
        yield Router(lab)


@pytest.fixture
def shared(one_router):
    """One router for all tests that start no daemon, reset to its initial
    files."""
    one_router.reset()
    return one_router


@pytest.fixture
def procd(router):
    procd = Procd(router)
    yield procd
    procd.close()
    print(procd.log(), router.log())
