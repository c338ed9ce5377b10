# SPDX-License-Identifier: ISC
"""The sessions of RouterOS's manual work: each line as arguments, and as a
script on standard input. (test_prompt.py types them.)"""
import pytest

import transcripts

EACH = pytest.mark.parametrize("name", transcripts.ALL)


def last_state(ctl):
    """What every session leaves behind."""
    shown = [(i["interface"], i["type"], i["disabled"])
             for i in ctl.json("interfaces", "print")]
    assert shown == [("ether1", "external", False),
                     ("ether2", "internal", False)]
    assert ctl.daemon_accepts_it()


@EACH
def test_each_line_as_arguments(ctl, with_ethers, name):
    for menu, command, output in transcripts.steps(transcripts.ALL[name]):
        if command == "/ip firewall nat":
            continue        # only a path, which later lines name
        done = ctl.run(menu, *command.split(), prefix=with_ethers)
        assert done.returncode == 0, done
        assert transcripts.words(done.stdout) == transcripts.words(output)
    last_state(ctl)


@EACH
def test_each_line_as_one_argument(ctl, with_ethers, name):
    for menu, command, output in transcripts.steps(transcripts.ALL[name]):
        if command == "/ip firewall nat":
            continue
        line = command if command.startswith("/") else f"{menu} {command}"
        done = ctl.run(line, prefix=with_ethers)
        assert done.returncode == 0, done
        assert transcripts.words(done.stdout) == transcripts.words(output)
    last_state(ctl)


@EACH
def test_all_lines_as_a_script(ctl, with_ethers, name):
    """What is printed is the state that the script has made by then."""
    text, output = "", []
    for menu, command, lines in transcripts.steps(transcripts.ALL[name]):
        text += f"{menu}\n{command}\n"
        output += lines
    done = ctl.run("-", stdin=text, prefix=with_ethers)
    assert done.returncode == 0, done
    assert transcripts.words(done.stdout) == transcripts.words(output)
    last_state(ctl)


@EACH
def test_a_session_sets_what_it_is_about(ctl, with_ethers, name):
    text = "".join(f"{menu}\n{command}\n" for menu, command, _ in
                   transcripts.steps(transcripts.ALL[name]))
    ctl.run("-", stdin=text, prefix=with_ethers)
    assert ctl.json("print")["enabled"] is (name != "nat-pmp")
    assert ctl.json("print")["nat-pmp"] is True
    assert ctl.json("print")["masquerade"] is (name != "upnp-6")
