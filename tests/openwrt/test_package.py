# SPDX-License-Identifier: ISC
"""The package's Makefile gives the right metadata and installs the right
files. rules.mk and package.mk are stand-ins."""
import hashlib
import os
import re
import shutil
import subprocess

import pytest

from router import PACKAGE, STANDIN, TREE, install, make, version


def told(out):
    return dict(line.split("=", 1) for line in make("info",
                                                    out=out).splitlines())


def test_metadata(tmp_path):
    info = told(tmp_path)
    assert info["section"] == "net" and info["category"] == "Network"
    assert info["conffiles"] == "/etc/config/upnpd"
    assert "miniupnpd" in info["conflicts"].split()
    # conntrack, to end flows through deleted mappings
    assert set(info["depends"].split()) == {
        "+kmod-nft-core", "+kmod-nft-nat", "+kmod-nf-conntrack-netlink"}
    assert info["userid"].split(":")[0] == "upnpd"


def test_version_is_that_of_the_program(tmp_path):
    with open(os.path.join(TREE, "dist/project.mk")) as f:
        (ours,) = re.findall(r"^VERSION\s*=\s*(\S+)", f.read(), re.M)
    assert told(tmp_path)["version"] == ours


def test_package_stands_alone():
    """A feed has no other file of upnpd's sources."""
    for folder, _, names in os.walk(PACKAGE):
        for name in names:
            path = os.path.join(folder, name)
            assert not os.path.islink(path)
            with open(path, encoding="utf-8") as f:
                text = f.read()
            assert "../.." not in text, path
            assert re.findall(r"@[A-Z_0-9]+@", text) == [], path
    assert not os.path.exists(os.path.join(PACKAGE, "luci-app-upnpd"))


def test_recipe_is_complete(tmp_path):
    """It names its source with a checksum, a maintainer and a home page."""
    info = told(tmp_path)
    assert info["source"] == f"upnpd-{version()}.tar.xz"
    for name in "source_url", "url":
        assert info[name].startswith("https://"), name
    assert re.fullmatch(r".+ <.+@.+>", info["maintainer"])
    assert info["license"] == "ISC" and info["hash"]


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """A release, with OpenWrt's package and the tarball that it names."""
    out = tmp_path_factory.mktemp("release") / "dist"
    subprocess.run([TREE + "/tools/release", "dist", str(out)], check=True,
                   capture_output=True)
    return out


def test_tarball_is_prepared_and_compiled(dist, tmp_path):
    """The tarball has the checksum that the package names. Run only make -n of
    the build; other tests build the program."""
    top = tmp_path / "top"
    shutil.copytree(STANDIN, top)
    os.mkdir(top / "dl")
    tar = dist / f"upnpd-{version()}.tar.xz"
    shutil.copy(tar, top / "dl")

    def make_dist(*targets):
        return subprocess.run(
            ["make", "-s", "--no-print-directory", f"TOPDIR={top}",
             "-C", str(dist / "openwrt" / "upnpd"), f"OUT={tmp_path}",
             *targets], check=True, capture_output=True, text=True).stdout
    (told_hash,) = re.findall(r"^hash=(.*)", make_dist("info"), re.M)
    assert told_hash == hashlib.sha256(tar.read_bytes()).hexdigest()
    make_dist("prepare")
    out = make_dist("-n", "compile", "TARGET_CC=mips-cc", "V=s")
    assert re.search(r"^mips-cc .*-o build/upnpd\b", out, re.M)
    compiled = [line for line in out.splitlines() if " -c " in line]
    assert len(compiled) > 50
    assert all(line.count("-D_FORTIFY_SOURCE") == 1 for line in compiled)


@pytest.mark.parametrize("arg, good", [
    (version(), True), ("9.9.9", False)])
def test_feed_test(shared, arg, good):
    """test.sh succeeds after an installation of that version."""
    shared.write("tmp/test.sh", open(PACKAGE + "/test.sh").read())
    out = shared.run("sh", "-c", f"sh /tmp/test.sh upnpd {arg}; echo =$?",
                     check=False)
    assert out.endswith("=0\n") is good, out


def test_installed_files_and_modes(tmp_path):
    install(str(tmp_path))
    root = tmp_path / "root"
    found = {str(p.relative_to(root)): p.lstat().st_mode & 0o777
             for p in root.rglob("*") if not p.is_dir() or p.is_symlink()}
    links = {p: os.readlink(root / p) for p in found
             if (root / p).is_symlink()}
    assert links == {"usr/sbin/upnpctl": "upnpd",
                     "etc/upnpd.conf": "/var/etc/upnpd.conf"}
    assert {p: mode for p, mode in found.items() if p not in links} == {
        "usr/sbin/upnpd": 0o755,
        "etc/config/upnpd": 0o600,
        "etc/init.d/upnpd": 0o755,
        "lib/upgrade/keep.d/upnpd": 0o644,
        "etc/uci-defaults/50-upnpd": 0o755,
        "usr/share/nftables.d/table-pre/50-upnpd.nft": 0o644,
        "usr/share/nftables.d/chain-pre/forward/50-upnpd.nft": 0o644,
        "usr/share/upnpd/firewall.include": 0o644,
        "usr/share/upnpd/upnpd.config": 0o644,
        "usr/share/upnpd/upnpd-from-miniupnpd": 0o755,
        "usr/share/upnpd/keep-state": 0o755,
    }
