# SPDX-License-Identifier: ISC
import tarfile

import pytest

from release import NAME, release


@pytest.fixture(scope="session")
def dist(tmp_path_factory):
    """What `make dist` makes."""
    out = tmp_path_factory.mktemp("dist") / "dist"
    release("dist", out)
    return out


@pytest.fixture(scope="session")
def unpacked(dist, tmp_path_factory):
    """The folder of the tarball's files."""
    out = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(dist / f"{NAME}.tar.xz") as tar:
        tar.extractall(out)
    return out / NAME
