# SPDX-License-Identifier: ISC
"""On a terminal no line is longer than the terminal is wide; colours are for
terminals only."""
import pytest

import terminal

WIDTHS = (60, 80, 120)
CONF = """
allow 1024-65535 192.168.88.0/24 1024-65535 "the home, and a long comment"
deny 0-65535 2001:db8:1234:5678:1234:5678:1234:5678/128 0-65535 disabled
deny 0-65535 0.0.0.0/0 0-65535
[interface wan0]
type = external
forced-ip = 198.51.100.7

[interface lan0]
type = internal
network = 172.31.0.0/16, 172.30.0.0/16, 10.1.0.0/16, 2001:db8:1234::/64
disabled = yes

[interface guest0]
type = internal
"""


@pytest.fixture
def conf(ctl):
    ctl.write(f"control-socket = {ctl.dir}/sock\npid-file = {ctl.dir}/pid\n"
              + CONF)
    return ctl


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("words", [
    "interfaces print", "interfaces print detail", "print", "print detail",
    "rules print", "rules print detail", "status", "check", "help",
    "set -h", "mappings add -h", "interfaces -h"])
def test_no_row_is_wrapped(conf, width, words):
    out = terminal.run(conf.argv(*words.split()), width)
    assert out.count("\n") > 1, out


@pytest.mark.parametrize("width", WIDTHS)
def test_errors_and_notices_are_wrapped_at_words(conf, width):
    words = "interfaces", "set", "0", "speed=1"
    long = conf.run(*words).stderr
    assert len(long) > 120 and long.count("\n") == 1
    out = terminal.run(conf.argv(*words), width)
    assert out.count("\n") > 1 and out.split() == long.split()
    out = terminal.run(conf.argv("mappings", "get", "x" * 3 * width, "to"),
                       width)
    assert "x" * 3 * width in out.replace("\n", "")


def test_words_are_kept_when_lines_break(conf):
    """check has the same words at each width, and no word is cut."""
    long = conf.run("check").stdout.split()
    for width in WIDTHS:
        out = terminal.run(conf.argv("check"), width)
        assert [w for w in out.split() if len(w) < 30] == (
            [w for w in long if len(w) < 30])


def test_text_of_check_stays_in_its_column(conf):
    out = terminal.run(conf.argv("check"), 80).splitlines()
    begun = ("ok ", "warning ", "problem ")
    further = [line for line in out[:-1] if not line.startswith(begun)]
    assert further and all(line.startswith(" " * 27) and line[27] != " " or
                           line.startswith(" " * 30) for line in further)


def test_empty_columns_are_left_out_on_a_terminal_only(conf):
    assert "FORCED-IP" in terminal.run(conf.argv("interfaces", "print"), 80)
    conf.ok("interfaces", "set", "wan0", "!forced-ip")
    assert "FORCED-IP" not in terminal.run(conf.argv("interfaces", "print"),
                                           80)
    assert "FORCED-IP" in conf.ok("interfaces", "print")


@pytest.mark.parametrize("env,coloured", [
    ({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True),
    ({"TERM": "dumb"}, False)])
def test_colours(conf, env, coloured):
    t = terminal.Terminal(conf.argv("check"), env=env)
    t.finish()
    assert ("\x1b[" in t.text()) == coloured
    assert "\x1b" not in conf.run("check").stdout


def test_columns_of_the_environment(conf):
    """COLUMNS has precedence, and a pipe has no width."""
    t = terminal.Terminal(conf.argv("check"), 200, env={"COLUMNS": "60"})
    t.finish()
    lines = t.text().splitlines()
    assert max(map(terminal.columns, lines)) <= 60
    assert any(len(line) > 100 for line in
               conf.run("check").stdout.splitlines())


def test_print_has_the_forms_of_routeros(conf):
    assert conf.ok("interfaces", "print", "count-only") == "3\n"
    assert conf.ok("interfaces", "print", "count-only", "where",
                   "type=internal") == "2\n"
    brief = conf.ok("interfaces", "print", "brief")
    assert brief == conf.ok("interfaces", "print")
    terse = conf.ok("interfaces", "print", "terse").splitlines()
    assert [line.split()[-2:] for line in terse] == [
        ["type=external", "forced-ip=198.51.100.7"],
        ["type=internal",
         "network=172.31.0.0/16,172.30.0.0/16,10.1.0.0/16,2001:db8:1234::/64"],
        ["interface=guest0", "type=internal"]]
