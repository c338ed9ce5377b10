# SPDX-License-Identifier: ISC
"""`make install` and similar targets install the right files, which run, and
the Debian package has the right contents."""
import os
import re
import subprocess

from daemon import ROOT, UPNPD
from machine import make_deb

FILES = {
    "sbin/upnpd": 0o755,
    "sbin/upnpctl": "upnpd",
    "share/man/man8/upnpd.8": 0o644,
    "share/man/man8/upnpctl.8": 0o644,
    "share/man/man5/upnpd.conf.5": 0o644,
    "share/bash-completion/completions/upnpctl": 0o644,
    "share/fish/vendor_completions.d/upnpctl.fish": 0o644,
    "share/zsh/site-functions/_upnpctl": 0o644,
    "share/doc/upnpd/upnpd.conf": 0o644,
    "share/upnpd/upnpd-from-miniupnpd": 0o755,
}
SYSTEMD = {
    "lib/systemd/system/upnpd.service": 0o644,
    "lib/sysusers.d/upnpd.conf": 0o644,
}


def found_in(top):
    """Path below @top -> mode, or target of a link."""
    found = {}
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, top)] = os.readlink(path) \
                if os.path.islink(path) else os.stat(path).st_mode & 0o7777
    return found


def below(prefix, files):
    return {f"{prefix}/{name}": mode for name, mode in files.items()}


def make(target, destdir, prefix="/opt/net"):
    subprocess.run(["make", "-s", "-C", ROOT, target,
                    f"BUILD={os.path.dirname(UPNPD)}",
                    f"DESTDIR={destdir}", f"PREFIX={prefix}"], check=True)


def test_installed_files(tmp_path):
    """It writes only under DESTDIR and PREFIX."""
    make("install", tmp_path)
    assert found_in(tmp_path) == below("opt/net", FILES)
    top = tmp_path / "opt" / "net"
    for name in ("upnpd", "upnpctl"):
        said = subprocess.run([str(top / "sbin" / name), "-V"], check=True,
                              text=True, capture_output=True).stdout
        assert said.startswith(name + " ")
    # the initial configuration is valid
    subprocess.run([str(top / "sbin" / "upnpd"), "-n", "-f",
                    str(top / "share" / "doc" / "upnpd" / "upnpd.conf")],
                   check=True, capture_output=True)
    make("uninstall", tmp_path)
    assert found_in(tmp_path) == {}


def test_install_for_systemd(tmp_path):
    make("install-systemd", tmp_path)
    assert found_in(tmp_path) == below("opt/net", FILES | SYSTEMD)
    unit = (tmp_path / "opt/net/lib/systemd/system/upnpd.service").read_text()
    assert "ExecStart=/opt/net/sbin/upnpd -F" in unit
    assert "/usr/sbin/" not in unit
    make("uninstall", tmp_path)
    assert found_in(tmp_path) == {}


def test_systemd_knows_every_key_of_the_unit(tmp_path):
    make("install-systemd", tmp_path)
    top = tmp_path / "opt/net"
    unit = top / "lib/systemd/system/upnpd.service"
    unit.write_text(unit.read_text().replace("/opt/net", str(top))
                    .replace("Documentation=", "#"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no",
                           str(unit)], text=True, stderr=subprocess.STDOUT,
                          stdout=subprocess.PIPE)
    assert (done.returncode, re.findall(".*upnpd.*", done.stdout)) == (0, [])


def test_install_for_openrc(tmp_path):
    make("install-openrc", tmp_path)
    assert found_in(tmp_path) == \
        below("opt/net", FILES) | {"etc/init.d/upnpd": 0o755}
    script = tmp_path / "etc/init.d/upnpd"
    assert "\ncommand=/opt/net/sbin/upnpd\n" in script.read_text()
    subprocess.run(["sh", "-n", str(script)], check=True)
    make("uninstall", tmp_path)
    assert found_in(tmp_path) == {}


def test_installed_program_is_stripped(tmp_path):
    """It has no symbols, and nobody can tell where it was built. STRIP=: leaves
    symbols and debug information, which do not tell that either."""
    make("install", tmp_path)
    program = str(tmp_path / "opt/net/sbin/upnpd")
    sections = subprocess.run(["readelf", "-SW", program], check=True,
                              text=True, capture_output=True).stdout
    assert ".text" in sections
    assert ".symtab" not in sections and ".debug_" not in sections
    for file in program, UPNPD:
        with open(file, "rb") as f:
            assert os.fsencode(ROOT) not in f.read()


def test_debian_package(tmp_path):
    """It has the right files and owners, and the programs run."""
    deb = make_deb(os.path.join(ROOT, "build"))
    listing = subprocess.run(["dpkg-deb", "-c", deb], check=True, text=True,
                             capture_output=True).stdout
    assert all(line.split()[1] == "root/root"
               for line in listing.splitlines())
    subprocess.run(["dpkg-deb", "-R", deb, str(tmp_path)], check=True)
    doc = "usr/share/doc/upnpd/"
    expect = below("usr", FILES)
    del expect[doc + "upnpd.conf"]
    # Debian's zsh reads another folder
    expect["usr/share/zsh/vendor-completions/_upnpctl"] = \
        expect.pop("usr/share/zsh/site-functions/_upnpctl")
    expect = {name + ".gz" if "/man/" in name else name: mode
              for name, mode in expect.items()}
    expect |= dict.fromkeys((
        "lib/systemd/system/upnpd.service", "usr/lib/sysusers.d/upnpd.conf",
        "usr/share/lintian/overrides/upnpd",
        "etc/upnpd.conf", doc + "examples/upnpd.conf", doc + "README.md.gz",
        doc + "SECURITY.md.gz", doc + "changelog.gz",
        doc + "changelog.Debian.gz",
        doc + "copyright", "DEBIAN/control", "DEBIAN/conffiles",
        "DEBIAN/md5sums"), 0o644)
    expect |= dict.fromkeys(("DEBIAN/postinst", "DEBIAN/prerm",
                             "DEBIAN/postrm"), 0o755)
    found = found_in(tmp_path)
    assert found.pop(doc + "docs/architecture.md.gz") == 0o644
    assert {name: mode for name, mode in found.items()
            if not name.startswith(doc + "docs/")} == expect
    assert (tmp_path / "DEBIAN/conffiles").read_text() == "/etc/upnpd.conf\n"
    upnpd = str(tmp_path / "usr/sbin/upnpd")
    conf = str(tmp_path / "etc/upnpd.conf")
    assert "\nenabled = no\n" in (tmp_path / "etc/upnpd.conf").read_text()
    subprocess.run([upnpd, "-n", "-f", conf], check=True,
                   capture_output=True)
    subprocess.run(["md5sum", "--quiet", "-c", "DEBIAN/md5sums"],
                   cwd=tmp_path, check=True)
