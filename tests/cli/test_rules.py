# SPDX-License-Identifier: ISC
"""Rules, the allow and deny lines of the configuration, are changed by
command. The file keeps everything else."""
import pytest

HEAD = "# mine\n\nupnp = yes\n"
TAIL = "nat-pmp = yes # both\n\n[interface lan0]\ntype = internal\n"
A = "allow 1024-65535 192.168.88.0/24 1024-65535\n"
B = 'deny 3389 0.0.0.0/0 0-65535 "no # desktop" # ours\n'
C = "deny 0-65535 2001:db8::66/128 0-65535 disabled\n"


@pytest.fixture
def conf(ctl):
    ctl.write(HEAD + A + B + TAIL + "")
    return ctl


def rules(ctl):
    """The lines of the rules; the other lines are unchanged."""
    text = ctl.read()
    lines = [line for line in text.splitlines(True)
             if line.startswith(("allow ", "deny "))]
    for line in lines:
        text = text.replace(line, "", 1)
    assert text == HEAD + TAIL
    assert ctl.daemon_accepts_it()
    return lines


def test_add_places_the_rule(conf):
    conf.ok("rules", "add", "action=deny", "network=2001:db8::66",
            "disabled=yes")
    assert rules(conf) == [A, B, C]
    conf.ok("rules", "add", "act=allow", "net=10.0.0.0/8", "ext=80",
            "place-before=1", 'comment=say "#1"')
    assert rules(conf) == [
        A, 'allow 80 10.0.0.0/8 1024-65535 "say \\"#1\\""\n', B, C]


def test_set_changes_the_named_rules(conf):
    conf.ok("rules", "set", "1", "external-ports=3389-3390", "!comment",
            "disabled=true")
    assert rules(conf) == [
        A, "deny 3389-3390 0.0.0.0/0 0-65535 disabled # ours\n"]
    conf.ok("rules", "set", "all", "internal-ports=5000", "comment=x")
    assert rules(conf) == [
        'allow 1024-65535 192.168.88.0/24 5000 "x"\n',
        'deny 3389-3390 0.0.0.0/0 5000 disabled "x" # ours\n']


def test_enable_disable_and_comment(conf):
    conf.ok("rules", "disable", "[find action=deny]")
    assert rules(conf)[1] == B.replace('"no', 'disabled "no')
    conf.ok("rules", "enable", "0-1")
    assert rules(conf) == [A, B]
    conf.ok("rules", "comment", "0", "the lan")
    conf.ok("rules", "comment", "1", "comment=a b=c")
    assert rules(conf) == [A[:-1] + ' "the lan"\n',
                           B.replace("no # desktop", "a b=c")]
    assert conf.ok("rules", "get", "1", "comment") == "a b=c\n"


@pytest.mark.parametrize("text", [
    "a; b", "#1 rule", "# 1", '"quoted" text', 'a "b', "back\\slash n",
    "[a b", "com=1 2", "c=1", "!x y", "two  spaces"])
def test_a_comment_of_the_shell_is_stored_as_it_is(conf, text):
    conf.ok("rules", "comment", "0", text)
    assert conf.json("rules", "print")[0]["comment"] == text
    conf.ok("rules comment", "0", text + ".")
    assert conf.json("rules", "print")[0]["comment"] == text + "."
    assert rules(conf)[1:] == [B]


def test_a_whole_line_of_the_shell_is_split(conf):
    conf.ok("rules comment 0 \"a; b\"")
    assert conf.json("rules", "print")[0]["comment"] == "a; b"
    conf.ok("rules", "comment", "0", 'comment="c d"')
    assert conf.json("rules", "print")[0]["comment"] == "c d"


def test_remove(conf):
    conf.ok("rules", "add", "action=deny", "network=2001:db8::66",
            "disabled=yes")
    assert conf.ok("rules", "find", "action=deny", "!disabled") == "1\n"
    conf.ok("rules", "remove", "1-2")
    assert rules(conf) == [A]


ORDERS = [
    (("2", "destination=0"), [2, 0, 1, 3]),
    (("2", "0"), [2, 0, 1, 3]),
    (("0", "2"), [1, 0, 2, 3]),
    (("0",), [1, 2, 3, 0]),
    (("0,3", "destination=1"), [0, 3, 1, 2]),
    (("0,2,3", "destination=2"), [1, 0, 2, 3]),
    (("1-3", "destination=1"), [0, 1, 2, 3]),
    (("numbers=3,0", "destination=2"), [1, 0, 3, 2]),
    (("all",), [0, 1, 2, 3]),
]


@pytest.mark.parametrize("words,order", ORDERS)
def test_move(ctl, words, order):
    lines = [f"deny {n} 10.0.0.0/8 {n}\n" for n in range(4)]
    ctl.write(HEAD + "".join(lines) + TAIL)
    ctl.ok("rules", "move", *words)
    assert rules(ctl) == [lines[n] for n in order]


def test_last_line_without_a_line_feed_is_moved(ctl):
    ctl.write("deny 1 10.0.0.0/8 1\ndeny 2 10.0.0.0/8 2")
    ctl.ok("rules", "move", "1", "0")
    assert ctl.read() == "deny 2 10.0.0.0/8 2\ndeny 1 10.0.0.0/8 1\n"


@pytest.mark.parametrize("words,error", [
    (("add", "network=10.0.0.0/8"), "a rule needs action= and network="),
    (("add", "action=drop", "network=10.0.0.0/8"),
     'action is "drop"; it takes allow or deny'),
    (("add", "action=deny", "network=10.0.0.1/8"),
     'network: "10.0.0.1/8" has bits beyond its prefix'),
    (("add", "action=deny", "network=x"), '"x" is not a network'),
    (("add", "action=deny", "network=::/0", "place-before=2"),
     "there is no rule number 2; there are: 0, 1"),
    (("set", "0", "external-ports=2-1"), 'external-ports is "2-1"; it takes'),
    (("set", "0", "!network"), "a rule cannot be without network"),
    (("set", "0", "comment=a\nb"), "comment is"),
    (("set", "0", "comment=" + "x" * 257), "up to 256 bytes"),
    (("remove", "2"), "there is no rule number 2; there are: 0, 1"),
    (("remove",), "name a rule, such as: rules remove 0"),
    (("move", "0", "destination=0,1"), '"0,1" is not one rule'),
    (("comment", "0"), "comment needs a text"),
    (("enable", "ether1"), "there is no rule ether1"),
    (("enable", "0,"), "an empty text is no rule; example: 0"),
    (("enable", "[find"), "[find: a bracket is not closed; add ]"),
    (("enable", "[print]"), '"[print]" is not [find ...]'),
    # the default of the ports is that of the action
    (("add", "action=allow", "network=10.0.0.0/8", "action=deny"),
     "action is set twice; set it once"),
    (("set", "0", "!comment", "com=x"), "comment is set twice; set it once"),
])
def test_errors_change_nothing(conf, words, error):
    assert error in conf.fails("rules", *words)


def notice(ctl, *words):
    done = ctl.run("rules", *words)
    assert (done.returncode, done.stdout) == (0, ""), done
    return done.stderr


def test_first_and_last_rule_are_explained(ctl):
    ctl.write(HEAD + TAIL)
    said = notice(ctl, "add", "action=deny", "network=10.0.0.66")
    assert "what no rule allows is refused; to allow ports 1024-65535" in said
    assert notice(ctl, "add", "action=allow", "network=0.0.0.0/0") == ""
    assert "no rule allows anything now" in notice(ctl, "disable", "1")
    assert "without rules, ports 1024-65535 are allowed" in notice(
        ctl, "remove", "all")
    # in a script, only the whole change would be worth a word
    ctl.ok("-", stdin="/ip upnp rules\nadd action=deny network=10.0.0.66\n")


def test_broken_line_is_removed_by_its_number(conf):
    conf.write(HEAD + A + "deny x\n" + B + TAIL)
    assert "rule 1 has an error; remove it" in conf.fails("rules", "enable",
                                                          "1")
    conf.ok("rules", "remove", "1")
    assert rules(conf) == [A, B]


def test_script_changes_rules(conf):
    conf.ok("-", stdin="/ip upnp rules\nremove [find action=deny]\n"
            "add action=deny network=2001:db8::66 disabled=yes\n"
            "move 1 0\n")
    assert rules(conf) == [C, A]


def test_where_asks_whether_a_property_is_set(conf):
    assert conf.ok("rules", "find", "comment") == "1\n"
    assert conf.ok("rules", "find", "!comment") == "0\n"
    conf.ok("rules", "comment", "1", "!comment")
    assert conf.ok("rules", "find", "comment") == "\n"
