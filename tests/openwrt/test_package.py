# SPDX-License-Identifier: ISC
"""The package's Makefile gives the right metadata and installs the right
files. rules.mk and package.mk are stand-ins."""
import os
import re
import subprocess

from router import PACKAGE, TREE, install, make, version


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


def test_source_is_the_tree_or_a_tarball(tmp_path):
    """Inside upnpd's tree the package builds that tree, elsewhere a
    tarball."""
    assert told(tmp_path)["source"] == ""
    away = tmp_path / "feed" / "net" / "upnpd"
    away.parent.mkdir(parents=True)
    subprocess.run(["cp", "-r", PACKAGE, str(away)], check=True)
    out = subprocess.run(
        ["make", "-s", "--no-print-directory", "-C", str(away), "info",
         f"OUT={tmp_path}",
         f"TOPDIR={os.path.join(os.path.dirname(__file__), 'standin')}"],
        check=True, capture_output=True, text=True).stdout
    assert f"source=upnpd-{version()}.tar.gz\n" in out


def test_prepare_copies_sources_only(tmp_path):
    make("prepare", out=tmp_path)
    tree = tmp_path / "build_dir" / f"upnpd-{version()}"
    assert (tree / "upnpd.c").is_file() and (tree / "Makefile").is_file()
    assert not (tree / "build").exists() and not (tree / ".git").exists()


def test_compile_calls_our_makefile(tmp_path):
    """Run only make -n; other tests build the program."""
    make("prepare", out=tmp_path)
    out = make("-n", "compile", "TARGET_CC=mips-cc", "V=s", out=tmp_path)
    assert re.search(r"^mips-cc .*-o build/upnpd\b", out, re.M)
    compiled = [line for line in out.splitlines() if " -c " in line]
    assert len(compiled) > 50
    assert all(line.count("-D_FORTIFY_SOURCE") == 1 for line in compiled)


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
