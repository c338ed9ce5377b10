# SPDX-License-Identifier: ISC
"""What `make install` puts where, and that what it put there can run."""
import os
import subprocess

from daemon import ROOT, UPNPD

FILES = {
    "sbin/upnpd": 0o755,
    "share/man/man8/upnpd.8": 0o644,
    "share/man/man5/upnpd.conf.5": 0o644,
    "share/doc/upnpd/upnpd.conf": 0o644,
}


def test_install(tmp_path):
    """Under DESTDIR and PREFIX, and nowhere else."""
    subprocess.run(["make", "-s", "-C", ROOT, "install",
                    f"BUILD={os.path.dirname(UPNPD)}",
                    f"DESTDIR={tmp_path}", "PREFIX=/opt/net"], check=True)
    assert os.listdir(tmp_path) == ["opt"]
    top = tmp_path / "opt" / "net"
    assert os.listdir(top.parent) == ["net"]
    for name, mode in FILES.items():
        assert (top / name).stat().st_mode & 0o777 == mode
    upnpd = str(top / "sbin" / "upnpd")
    assert subprocess.run([upnpd, "-V"], check=True, text=True,
                          capture_output=True).stdout.startswith("upnpd ")
    # the configuration to begin with is a right one
    subprocess.run([upnpd, "-n", "-f",
                    str(top / "share" / "doc" / "upnpd" / "upnpd.conf")],
                   check=True, capture_output=True)
