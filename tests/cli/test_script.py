# SPDX-License-Identifier: ISC
"""A script is executed as a whole or not at all; exports of RouterOS and of
upnpctl are scripts."""
import pytest

OLD = """\
# jan/02/1970 00:00:12 by RouterOS 4.17
# software id = ABCD-1234
#
/ip upnp
set allow-disable-external-interface=no enabled=yes show-dummy-rule=no
/ip upnp interfaces
add comment="" disabled=no interface=ether1 type=external
add comment="the \\"LAN\\" of \\
    us" disabled=yes interface=ether2 type=internal
add comment=x disabled=no interface=ether3 type=internal
"""

NEW = """\
# 2024-05-01 10:20:30 by RouterOS 7.14.2\r
# software id = ABCD-1234\r
#\r
# model = RB750Gr3\r
/ip upnp\r
set enabled=yes\r
/ip upnp interfaces\r
add interface=bridge1 type=internal\r
add disabled=yes interface=ether5 \\\r
    type=internal\r
add forced-ip=198.51.100.7 interface=\\\r
    ether1 type=external\r
"""


def interfaces(ctl):
    return {i["interface"]: (i["type"], i["disabled"], i["forced-ip"])
            for i in ctl.json("interfaces", "print")}


def test_export_of_routeros_4_is_imported(ctl):
    ctl.ok("-", stdin=OLD)
    assert interfaces(ctl) == {"ether1": ("external", False, None),
                               "ether2": ("internal", True, None),
                               "ether3": ("internal", False, None)}
    settings = ctl.json("print")
    assert settings["enabled"] and not settings["show-dummy-rule"]
    assert ctl.daemon_accepts_it()


@pytest.mark.parametrize("head", [
    "# jan/02/1970 00:00:12 by RouterOS 6.49.10\n", None])
def test_export_of_routeros_6_and_7_is_imported(ctl, head):
    """RouterOS 6 and 7 omit disabled=no."""
    script = NEW if head is None else head + NEW.split("\n", 1)[1]
    ctl.ok("-", stdin=script)
    assert interfaces(ctl) == {
        "bridge1": ("internal", False, None),
        "ether5": ("internal", True, None),
        "ether1": ("external", False, "198.51.100.7")}
    assert ctl.daemon_accepts_it()


def test_script_without_header(ctl):
    """Without RouterOS's header, an added interface is disabled."""
    ctl.ok("-", stdin="/ip upnp interfaces\nadd interface=a type=internal\n"
           "# by RouterOS 7.1\n")
    assert interfaces(ctl) == {"a": ("internal", True, None)}


CONFIGS = ["", """\
enabled = yes
secure-mode = no
friendly-name = a "b" $c \\ d? #e
igd-version = 1
nft-table = inet fw4
nft-forward-chain = forward
uuid = 00000000-0000-4000-8000-000000000001
log-level = debug
upstream-bps = 4294967295
[interface wan0]
type = external
forced-ip = 1.2.3.4
[interface lan0]
type = internal
disabled = yes
[interface lan1]
type = internal
""".replace(" #e", "#e")]


@pytest.mark.parametrize("text", CONFIGS)
def test_export_restores_the_configuration(ctl, text):
    ctl.write(text)
    script = ctl.ok("export")
    before = ctl.json("print"), ctl.json("interfaces", "print")
    ctl.write("")
    ctl.ok("-", stdin=script)
    assert (ctl.json("print"), ctl.json("interfaces", "print")) == before
    assert ctl.ok("export") == script


RULES = """deny 0-65535 192.168.88.66/32 0-65535 disabled "say \\"#1\\" $x \\\\?"
allow 80 2001:db8::/64 8080
deny 0-65535 0.0.0.0/0 0-65535 "rest"
"""


def test_exported_rules_are_read_back(ctl):
    ctl.write(RULES)
    script = ctl.ok("export")
    assert '/ip upnp rules\nadd action=deny comment="say' in script
    ctl.write("")
    ctl.ok("-", stdin=script)
    assert [line for line in ctl.read().splitlines(True)
            if line.startswith(("allow ", "deny "))] == RULES.splitlines(True)
    assert ctl.ok("export") == script
    assert [r["action"] for r in ctl.json("print")["rules"]] == [
        "deny", "allow", "deny"]
    assert "rule: allow 80 2001:db8::/64 8080\n" in ctl.ok("print", "detail")


def test_export_has_the_form_of_routeros(ctl):
    ctl.write("enabled = yes\nhttp-port = 0\nhairpin = no\n"
              "deny 80 0.0.0.0/0 80   # none\n"
              "[interface b]\ntype = external\n"
              "[interface a]\ntype = internal\n")
    lines = ctl.ok("export").splitlines()
    assert lines[0].startswith("# by upnpd ")
    assert lines[1:] == [
        "/ip nat-pmp",
        "set enabled=yes",
        "/ip upnp",
        "set allow-disable-external-interface=yes enabled=yes "
        "show-dummy-rule=yes",
        "set http-port=0",
        "/ip upnp interfaces",
        "add disabled=no interface=b type=external",
        "add disabled=no interface=a type=internal",
        "/ip upnp rules",
        "add action=deny external-ports=80 internal-ports=80 "
        "network=0.0.0.0/0"]


def test_export_of_nat_pmp_is_read_back(ctl):
    ctl.write("nat-pmp = no\npcp-third-party = 10.0.0.0/8,fd00::/8\n")
    text = ctl.ok("export")
    assert "/ip nat-pmp\nset enabled=no\n/ip upnp\n" in text
    assert "set nat-pmp" not in text
    before = ctl.json("print")
    ctl.write("")
    ctl.ok("-", stdin=text)
    assert ctl.json("print") == before
    assert before["nat-pmp"] is False
    assert before["pcp-third-party"] == ["10.0.0.0/8", "fd00::/8"]


def test_list_that_is_set_twice(ctl):
    """The last one counts, and each may have the greatest length."""
    lists = [",".join(f"10.{i}.{n}.0/24" for n in range(8)) for i in (1, 2)]
    ctl.ok("-", stdin="".join(f"set pcp-third-party={one}\n"
                              for one in lists))
    assert ",".join(ctl.json("print")["pcp-third-party"]) == lists[1]


def test_script_is_checked_at_its_end(ctl):
    """Before the end, the configuration may be enabled without interfaces, or
    have two external ones."""
    ctl.ok("-", stdin="""\
/ip upnp set enabled=yes
interfaces
add interface=a type=external disabled=no
add interface=b type=external disabled=no; add interface=c type=internal
enable 2
/ip/upnp/interfaces/remove a
set [find interface=b] forced-ip=1.2.3.4
""")
    assert interfaces(ctl) == {"b": ("external", False, "1.2.3.4"),
                               "c": ("internal", False, None)}
    assert ctl.daemon_accepts_it()


@pytest.mark.parametrize("script,error", [
    ("set hairpin=yes\n\nset foo=1\nset bar=1\n",
     'line 3: there is no option "foo"; '),
    ("set hairpin=yes\n/ip upnp interfaces\nadd interface=a \\\n type=x\n",
     'line 3: type is "x"; it takes '),
    ("set hairpin=yes\n/ip address\n", 'line 2: there is no command '
     '"address" in /ip; '),
    ("set hairpin=yes\nstatus\n", "line 2: status is not allowed in a "
     "script, "),
    ("set hairpin=yes\nmappings migrate\n", "line 2: mappings migrate is not "
     "allowed "),
    ("set friendly-name=\"x\nset hairpin=yes\n", "line 3: a quote "),
    ("set hairpin=yes\ninterfaces enable 0\n", "line 2: there is no "),
    ("x" * 70000, "the script has more than 65536 bytes"),
])
def test_failed_script_changes_nothing(ctl, script, error):
    for text in (None, "# empty\n"):
        if text:
            ctl.write(text)
        assert ctl.fails("-", stdin=script).startswith(error)


def test_no_words_may_follow_the_dash(ctl):
    assert ctl.fails("-", "print", stdin="set hairpin=yes").startswith(
        'there is no command "-"')


def test_find_selects_items_in_a_value(ctl):
    """As in "place-before=[find ...]"; a quoted text may have brackets."""
    out = ctl.ok("-", stdin="""\
/ip upnp rules
add action=deny network=10.0.0.0/8 comment="a]b"
add action=allow network=0.0.0.0/0 comment="last one"
set numbers=[find comment="a]b"] comment="x \\"]\\" y"
add action=deny network=10.9.0.0/16 place-before=[find comment="last one"]
remove [find comment="x \\"]\\" y"]
print terse
""")
    assert [line.split()[3] for line in out.splitlines()] == [
        "network=10.9.0.0/16", "network=0.0.0.0/0"]


def test_mappings_are_printed_with_the_changes_of_the_script(ctl):
    for path in ("mappings", "/ip firewall nat"):
        ctl.write("control-socket = /nowhere/s\n")
        out = ctl.ok("-", stdin="mappings add protocol=tcp external-port=8080 "
                     f"to=192.168.88.10:80\n{path} print count-only\n"
                     f"{path} print terse\n")
        assert out.startswith("1\n  0 S protocol=tcp external-port=8080 ")
        assert "mapping tcp 8080" in ctl.read()
