# SPDX-License-Identifier: ISC
import os
import shutil
import subprocess
import tempfile

import pytest

from ctl import UPNPCTL, Ctl


def pytest_sessionstart(session):
    if not os.access(UPNPCTL, os.X_OK):
        pytest.exit(f"{UPNPCTL} is not built", 2)


@pytest.fixture
def ctl():
    directory = tempfile.mkdtemp(prefix="upnpctl-")
    os.chmod(directory, 0o755)
    yield Ctl(directory)
    shutil.rmtree(directory)


@pytest.fixture
def with_ethers():
    """An argv prefix that runs a command where ether1 and ether2 exist."""
    # Root needs no user namespace, which the kernel refuses in a chroot.
    user = [] if os.geteuid() == 0 else ["-r"]
    prefix = ["unshare", *user, "-n", "sh", "-c",
              'ip link add ether1 type veth peer name ether2 && exec "$@"',
              "sh"]
    if not shutil.which("unshare") or not shutil.which("ip") or \
            subprocess.run([*prefix, "true"], capture_output=True).returncode:
        pytest.fail("cannot make a network namespace here; run the test as "
                    "root, or allow user namespaces")
    return prefix
