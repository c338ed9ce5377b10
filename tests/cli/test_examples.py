# SPDX-License-Identifier: ISC
"""The examples of the manuals and the documents, and the sample configuration,
are accepted; mandoc has nothing to say about the manuals."""
import glob
import os
import re
import shlex
import subprocess

import pytest

from ctl import ROOT, UPNPD


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as f:
        return f.read()


def examples():
    """(title, text) of each file in upnpd.conf(5)."""
    text = read("man/upnpd.conf.5").partition("\n.Sh EXAMPLES\n")[2]
    title, found = "one LAN", []
    for part in re.finditer(r"^\.Ss (.*)|^\.Bd.*\n((?s:.*?))^\.Ed$",
                            text, re.M):
        title = part[1] or title
        if part[2]:
            found.append((title, part[2]))
    return found


def accepted(tmp_path, text):
    path = tmp_path / "upnpd.conf"
    path.write_text(text)
    done = subprocess.run([UPNPD, "-n", "-f", str(path)], text=True,
                          capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{path} is good\n"


def test_there_are_examples():
    assert len(examples()) == 7


@pytest.mark.parametrize("title, text", examples(), ids=lambda v: v[:20])
def test_example_of_the_manual(tmp_path, title, text):
    accepted(tmp_path, text)


@pytest.mark.parametrize("name", ("docs/configuration.md", "docs/migration.md"))
def test_example_of_a_document(tmp_path, name):
    text = read(name)
    blocks = re.findall(r"^```ini\n(.*?)^```$", text, re.M | re.S) + [
        "\n".join(line[4:] for line in block.splitlines()) + "\n"
        for block in re.findall(r"(?:^(?:    .*)?\n)+", text, re.M)
        if "\n    [interface" in block]
    assert blocks
    for block in blocks:
        accepted(tmp_path, block)


def test_sample(tmp_path):
    """Also when each of its comments that is a setting is one."""
    sample = read("dist/upnpd.conf")
    accepted(tmp_path, sample)
    # an example of a value that is not the default begins with "# "
    whole = re.sub(r"(?m)^#(?=[a-z\[])", "", sample)
    assert whole.count("\n") == sample.count("\n") and whole != sample
    accepted(tmp_path, whole)
    accepted(tmp_path, re.sub(r"(?m)^# (?=[a-z-]+ = |allow |deny |mapping )",
                              "", sample))


def test_sample_has_the_defaults(ctl):
    """A setting in a comment is what holds without it."""
    ctl.write("")
    defaults = ctl.json("print", "detail")
    found = re.findall(r"(?m)^#([a-z-]+) = (.*)$", read("dist/upnpd.conf"))
    assert len(found) > 15
    for name, value in found:
        if name in defaults:
            was = defaults[name]
            was = {True: "yes", False: "no"}.get(was, was) \
                if isinstance(was, bool) else was
            assert str(was) == value, name


def test_commands_of_the_questions(ctl, with_ethers):
    """Those that change the configuration work, one after the other."""
    commands = [line.strip() for line in read("docs/faq.md").splitlines()
                if line.startswith("    upnpctl ")]
    assert len(commands) == 3
    for command in commands:
        done = ctl.run(*shlex.split(command)[1:], prefix=with_ethers)
        assert done.returncode == 0, done


def test_mandoc_finds_nothing():
    """It does not know manuals that are not installed."""
    pages = sorted(glob.glob(os.path.join(ROOT, "man", "*.[58]")))
    assert len(pages) == 3
    out = subprocess.run(["mandoc", "-T", "lint", *pages], text=True,
                         capture_output=True)
    found = [line for line in (out.stdout + out.stderr).splitlines()
             if "referenced manual not found" not in line
             and "outdated mandoc.db" not in line]
    assert not found, "\n".join(found)
