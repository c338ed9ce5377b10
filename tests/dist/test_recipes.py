# SPDX-License-Identifier: ISC
"""The recipes of Alpine and Buildroot build and install the tarball, with
stand-ins for the distributions' own tools."""
import os
import shutil
import subprocess

import pytest

from release import NAME, run

HERE = os.path.dirname(os.path.abspath(__file__))
# what every package has, below its root
COMMON = {
    "etc/upnpd.conf", "usr/sbin/upnpd", "usr/sbin/upnpctl",
    "usr/share/man/man8/upnpd.8", "usr/share/man/man8/upnpctl.8",
    "usr/share/man/man5/upnpd.conf.5",
    "usr/share/bash-completion/completions/upnpctl",
    "usr/share/fish/vendor_completions.d/upnpctl.fish",
    "usr/share/zsh/site-functions/_upnpctl",
    "usr/share/doc/upnpd/upnpd.conf",
    "usr/share/upnpd/upnpd-from-miniupnpd",
}
INIT = {
    "sysv": {"etc/init.d/S60upnpd"},
    "openrc": {"etc/init.d/upnpd"},
    "systemd": {"usr/lib/systemd/system/upnpd.service",
                "usr/lib/sysusers.d/upnpd.conf"},
}
# Where musl-gcc finds the kernel's headers. -O0 takes a third of the time.
MUSL = "musl-gcc -O0 -idirafter /usr/include -idirafter /usr/include/" + \
    os.uname().machine + "-linux-gnu"


def files(root):
    return {os.path.relpath(os.path.join(folder, name), root)
            for folder, _, names in os.walk(root) for name in names}


@pytest.fixture(scope="module")
def alpine(dist, tmp_path_factory):
    """The folder in which abuild has worked."""
    work = tmp_path_factory.mktemp("alpine") / "work"
    run(os.path.join(HERE, "abuild"), dist / "alpine/upnpd/APKBUILD", work,
        dist, "build", "check", "package",
        env={**os.environ, "CC": MUSL,
             "MAKEFLAGS": f"-j{os.cpu_count()} -s"})
    return work


def test_alpine(alpine):
    assert files(alpine / "pkg") == COMMON | INIT["openrc"]
    program = str(alpine / "pkg/usr/sbin/upnpd")
    told = run("readelf", "-lW", program)
    assert "/ld-musl" in told
    with open(program, "rb") as f:
        assert os.fsencode(str(alpine)) not in f.read()
    run(program, "-n", "-f", alpine / "pkg/etc/upnpd.conf")


def test_alpine_refuses_another_tarball(dist, tmp_path):
    shutil.copytree(dist, tmp_path / "dist")
    with open(tmp_path / "dist" / f"{NAME}.tar.xz", "ab") as f:
        f.write(b"\0" * 4)
    done = subprocess.run(
        [os.path.join(HERE, "abuild"), tmp_path / "dist/alpine/upnpd/APKBUILD",
         tmp_path / "work", tmp_path / "dist"], text=True, check=False,
        capture_output=True)
    assert done.returncode != 0 and f"{NAME}.tar.xz: FAILED" in done.stdout


def buildroot(dist, top, *targets, **variables):
    return run("make", "-s", "-f", os.path.join(HERE, "buildroot.mk"),
               f"PACKAGE={dist}/buildroot/package/upnpd", f"TOP={top}",
               *(f"{name}={value}" for name, value in variables.items()),
               *targets)


def test_buildroot(dist, alpine, tmp_path):
    """The objects are those that abuild has built."""
    (tmp_path / "dl").mkdir()
    shutil.copy(dist / f"{NAME}.tar.xz", tmp_path / "dl")
    buildroot(dist, tmp_path, "upnpd-extract")
    shutil.copytree(alpine / "src" / NAME / "build",
                    tmp_path / "build" / NAME / "build", symlinks=True)
    for init, more in INIT.items():
        buildroot(dist, tmp_path, "upnpd-build", "upnpd-install", INIT=init,
                  CC=MUSL)
        assert files(tmp_path / "target") == COMMON | more
        shutil.rmtree(tmp_path / "target")
    assert "kernel CONFIG_NF_TABLES" in buildroot(dist, tmp_path,
                                                  "upnpd-linux")
