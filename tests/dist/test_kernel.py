# SPDX-License-Identifier: ISC
"""dist/kernel.config lists options that kernels have, once each. The kernel of
the lab, which runs every backend, has each of them."""
import gzip
import os
import re

from release import TREE

FRAGMENT = os.path.join(TREE, "dist/kernel.config")


def options(lines):
    return re.findall(r"^CONFIG_(\w+)=([ym])$", lines, re.M)


def test_fragment():
    with open(FRAGMENT, encoding="utf-8") as f:
        text = f.read()
    lines = [line for line in text.splitlines()
             if line and not line.startswith("#")]
    found = options(text)
    assert len(found) == len(lines) == len(dict(found)) > 20
    if not os.path.exists("/proc/config.gz"):
        return      # a kernel that does not tell
    with gzip.open("/proc/config.gz", "rt") as f:
        ours = dict(options(f.read()))
    assert [name for name, _ in found if name not in ours] == []


def test_buildroot_enables_options_of_the_fragment():
    with open(FRAGMENT, encoding="utf-8") as f:
        known = {f"CONFIG_{name}" for name, _ in options(f.read())}
    with open(os.path.join(TREE, "dist/buildroot/package/upnpd/upnpd.mk"),
              encoding="utf-8") as f:
        enabled = set(re.findall(r"KCONFIG_ENABLE_OPT,(\w+)", f.read()))
    assert enabled and enabled <= known
