# SPDX-License-Identifier: ISC
"""Both programs accept their options in any place, and refuse unknown ones."""
import subprocess

import pytest

from ctl import UPNPD


def upnpd(*args):
    return subprocess.run([UPNPD, *args], text=True, capture_output=True,
                          timeout=60, check=False)


@pytest.mark.parametrize("args, error", [
    (["-x"], "there is no option -x"),
    (["-Fx"], "there is no option -x"),
    (["--helf"], "there is no option --helf"),
    (["word"], "there is no option word"),
    (["-n", "word", "-h"], "there is no option word"),
    (["--", "-h"], "there is no option -h"),
    (["-n", "-f"], "-f needs the name of a file"),
], ids=" ".join)
def test_upnpd_refuses_unknown_options(args, error):
    done = upnpd(*args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines()[:2] == [
        "upnpd: " + error,
        "usage: upnpd [-f FILE] [-F] [-S] [-n] [-d] [-h] [-V]"]


@pytest.mark.parametrize("option", ["-h", "-Fh", "-V"])
def test_upnpd_prints_usage_or_version(option):
    done = upnpd(option)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("upnpd 0." if option == "-V" else "usage: ")


def test_upnpd_reads_the_named_file(ctl):
    ctl.write("enabled = no\n")
    for args in (["-n", "-f", ctl.conf], ["-nf" + ctl.conf], ["-nf", ctl.conf,
                                                              "--"]):
        done = upnpd(*args)
        assert (done.returncode, done.stdout, done.stderr) == \
            (0, ctl.conf + " is good\n", "")


def test_upnpctl_accepts_options_anywhere(ctl):
    ctl.write("http-port = 81\n")
    plain = ctl.ok("--json", "print")
    assert '"http-port": 81' in plain
    assert ctl.ok("print", "--json") == plain
    other = subprocess.run(ctl.argv()[:1] + ["print", "-f" + ctl.conf,
                                             "--json"],
                           text=True, capture_output=True, check=True)
    assert other.stdout == plain
    assert ctl.ok("print", "-h").startswith("usage: upnpctl")
    assert ctl.ok("--version") == ctl.ok("-V")
