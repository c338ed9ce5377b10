# SPDX-License-Identifier: ISC
"""Debian's source package builds, twice to the same bytes, and lintian has
nothing to say. tests/netns/test_install.py looks at what is in the package, and
test_systemd.py installs it."""
import glob
import hashlib
import os

import pytest

from release import BUILD, NAME, TREE, run

VERBOSE = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of the source package, and the package that `make deb` has
    built of the same sources."""
    run("make", "-s", "-C", TREE, "deb", f"BUILD={BUILD}")
    (deb,) = glob.glob(os.path.join(BUILD, "upnpd_*.deb"))
    build = tmp_path_factory.mktemp("debian")
    run("make", "-s", "-C", TREE, "deb-source", f"BUILD={build}")
    return build / "debian", deb


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def test_package_twice_has_the_same_bytes(built, tmp_path):
    """From the source package, in another folder, with another umask, time zone
    and language."""
    source, deb = built
    (dsc,) = source.glob("*.dsc")
    run("dpkg-source", "--no-check", "-x", dsc, tmp_path / "other")
    run("dpkg-buildpackage", "-us", "-uc", "-d", "-b", cwd=tmp_path / "other",
        umask=0o077, env={**VERBOSE, "TZ": "Asia/Tokyo", "LC_ALL": "C",
                          "DEB_BUILD_OPTIONS":
                          f"noautodbgsym parallel={os.cpu_count()}"})
    other = tmp_path / os.path.basename(deb)
    assert sha256(other) == sha256(deb)


def test_source_package_twice_has_the_same_bytes(built, tmp_path):
    source, _ = built
    run("make", "-s", "-C", TREE, "deb-source", f"BUILD={tmp_path}",
        umask=0o077, env={**VERBOSE, "TZ": "Asia/Tokyo", "LC_ALL": "C"})
    for name in "*.dsc", "*.orig.tar.xz", "*.debian.tar.xz":
        (one,), (two,) = source.glob(name), (tmp_path / "debian").glob(name)
        assert sha256(one) == sha256(two), name


def test_lintian_is_content(built):
    source, deb = built
    out = run("lintian", "--no-cfg", "--no-user-dirs", "--allow-root",
              "--display-info", "--pedantic",
              "--fail-on", "error,warning,info,pedantic",
              *source.glob("*.changes"), deb)
    assert out == ""


def test_the_sources_are_those_of_the_release(built, dist):
    source, _ = built
    (orig,) = source.glob("*.orig.tar.xz")
    assert sha256(orig) == sha256(dist / f"{NAME}.tar.xz")
