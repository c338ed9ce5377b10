# SPDX-License-Identifier: ISC
"""With --json, all output can be parsed, errors included."""
import json

import pytest

CONF = "[interface lo]\ntype = external\n"

FAULTS = (
    ("nonsense",), ("set", "no-such=1"), ("set", 'enabled="x"'),
    ("interfaces", "set", "7", "disabled=no"), ("mappings", "print"),
    ("mappings", "remove", "0"), ("resync",),
    ("mappings", "add", "protocol=x"), ("metrics",), ("export",),
    ("set", "friendly-name=\xe4\x01\"\\"), ("print", "no-such-word"),
)


@pytest.fixture
def conf(ctl):
    ctl.write(f"pid-file = {ctl.dir}/pid\ncontrol-socket = {ctl.dir}/sock\n"
              + CONF)
    return ctl


@pytest.mark.parametrize("words", FAULTS, ids=" ".join)
def test_errors_are_json(conf, words):
    """One object on stderr, with the exit status; nothing on stdout."""
    done = conf.run("--json", *words)
    assert done.returncode and done.stdout == ""
    assert done.stderr.endswith("}\n") and done.stderr.count("\n") == 1
    said = json.loads(done.stderr)
    assert said["status"] == done.returncode
    plain = conf.run(*words)
    if words[0] not in ("metrics", "export"):
        assert "upnpctl: " + said["error"] == \
            plain.stderr.rstrip("\n").replace("\xe4", "??")


@pytest.mark.parametrize("words", (
    ("print",), ("print", "detail"), ("interfaces", "print"),
    ("interfaces", "print", "detail"), ("status",), ("check",)),
    ids=" ".join)
def test_output_is_json(conf, words):
    """A daemon is not needed for that."""
    done = conf.run("--json", *words)
    json.loads(done.stdout)
    assert done.stderr == ""


def test_changes_print_nothing(conf):
    for words in (("set", "hairpin=yes"), ("interfaces", "disable", "0"),
                  ("interfaces", "enable", "0"),
                  ("interfaces", "remove", "0")):
        assert conf.ok("--json", *words) == ""


def test_check_of_an_invalid_file_runs_no_check_that_needs_it(conf):
    """Regression: the part of the file before the error was checked, although
    the first line of the report says that these checks are skipped."""
    conf.write("[interface lo]\ntype = external\nmistake = yes\n")
    found = json.loads(conf.run("--json", "check").stdout)
    assert found[0]["check"] == "configuration"
    assert found[0]["level"] == "problem"
    assert {one["check"] for one in found} <= {
        "configuration", "daemon", "clock", "forwarding", "conntrack",
        "firewalls"}
