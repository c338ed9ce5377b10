# SPDX-License-Identifier: ISC
"""make static and make cross-ARCH name what is not installed, and fetch nothing
that only tests need."""
import subprocess

import pytest

from release import TREE, run


def test_make_static_names_missing_packages():
    done = subprocess.run(
        ["make", "-s", "-C", TREE, "static", "has="], text=True, check=False,
        stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode != 0
    assert done.stderr.splitlines()[0] == \
        "not installed: musl-tools (apt-get install them)"


def test_make_cross_names_missing_packages(tmp_path):
    done = subprocess.run(
        ["make", "-s", "-C", TREE, "cross-arm", "has=", f"BUILD={tmp_path}"],
        text=True, check=False, capture_output=True)
    assert done.returncode != 0
    assert "not installed: gcc-arm-linux-gnueabihf" in done.stderr


@pytest.mark.parametrize("target, needed", [
    ("cross-arm", False), ("unit-cross-arm", True)])
def test_only_the_tests_need_cmocka(tmp_path, target, needed):
    """Of the commands that make would run."""
    out = run("make", "-n", "-C", TREE, target, f"BUILD={tmp_path}",
              "has=x")
    fetches = [line for line in out.splitlines() if "cross-libc" in line]
    assert any("cross-libc musl" in line for line in fetches)
    assert any("cross-libc cmocka" in line for line in fetches) is needed
