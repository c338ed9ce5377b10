# SPDX-License-Identifier: ISC
import os
import shutil
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
