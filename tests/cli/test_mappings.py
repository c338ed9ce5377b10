# SPDX-License-Identifier: ISC
"""The operator's mappings are lines of the configuration, which upnpctl can
change without a daemon."""
import json

import pytest

HEAD = "# my router\n\n"
IFACES = """
[interface wan0]
type = external

[interface lan0]
type = internal
"""
CAMERA = ("protocol=tcp", "external-port=8080", "to=192.168.88.10:80")
LINE = "mapping tcp 8080 192.168.88.10:80"


@pytest.fixture
def conf(ctl):
    """A configuration whose control socket no daemon serves."""
    ctl.paths = (f"control-socket = {ctl.dir}/sock\n"
                 f"pid-file = {ctl.dir}/pid\n")
    ctl.write(HEAD + "enabled = yes\n" + ctl.paths + IFACES)
    return ctl


def lines(ctl):
    return [line for line in ctl.read().splitlines()
            if line.startswith("mapping")]


def test_add_writes_a_line(conf):
    assert conf.ok("mappings", "add", *CAMERA) == ""
    conf.ok("mappings", "add", "protocol=UDP", "external-port=1",
            "to=192.168.88.11:65535", "remote-host=203.0.113.5",
            "disabled=yes", 'comment=say "#1" # \\ \u00e9')
    assert lines(conf) == [
        LINE, "mapping udp 1 192.168.88.11:65535 remote 203.0.113.5 disabled "
        '"say \\"#1\\" # \\\\ \u00e9"']
    assert conf.read().startswith(HEAD) and conf.read().endswith(IFACES)
    assert conf.daemon_accepts_it()


def test_add_prints_json(conf):
    out = json.loads(conf.ok("--json", "mappings", "add", *CAMERA,
                             "comment=x"))
    assert out["configured"] and not out["dynamic"]
    assert (out["external-port"], out["to-address"], out["description"]) == (
        8080, "192.168.88.10", "x")


def test_remove_deletes_the_line(conf):
    conf.ok("mappings", "add", *CAMERA)
    conf.ok("mappings", "add", *CAMERA, "remote-host=203.0.113.5")
    before = conf.read()
    assert "number from mappings print" in conf.fails("mappings", "remove",
                                                      "0")
    assert "tcp:8080:203.0.113.5" in conf.fails("mappings", "remove",
                                                "tcp:8080")
    assert conf.read() == before
    conf.ok("mappings", "remove", "tcp:8080:0.0.0.0")
    assert lines(conf) == [LINE + " remote 203.0.113.5"]
    conf.ok("mappings", "remove", "all")
    assert conf.read() == HEAD + "enabled = yes\n" + conf.paths + IFACES


@pytest.mark.parametrize("words,error", [
    (("external-port=8080", "to=192.168.88.10:80"), "protocol is missing"),
    ((*CAMERA, "disabled=x"), 'disabled is "x"; it takes yes or no'),
    ((*CAMERA[:2], "to=192.168.88.11:80", "remote-host=203.0.113.5"),
     "leads to 192.168.88.10 on line"),
    (CAMERA, "tcp:8080 is in the configuration already"),
])
def test_add_refuses(conf, words, error):
    conf.ok("mappings", "add", *CAMERA)
    assert error in conf.fails("mappings", "add", *words)


WEB = ("protocol=tcp", "to=[2001:db8::5]:8080")
PINHOLE = "mapping tcp 8080 [2001:db8::5]:8080"


def test_pinhole_is_added_and_removed(conf):
    before = conf.read()
    out = json.loads(conf.ok("--json", "mappings", "add", *WEB))
    assert (out["kind"], out["external-port"], out["to-port"],
            out["remote-port"]) == ("pinhole", 8080, 8080, None)
    conf.ok("mappings", "add", "protocol=SCTP", "to=[2001:db8::6]:1",
            "external-port=1", "remote-host=2001:db8:1::9", "disabled=yes",
            "comment=x")
    conf.ok("mappings", "add", *CAMERA)
    assert lines(conf) == [
        PINHOLE, "mapping sctp 1 [2001:db8::6]:1 remote 2001:db8:1::9 "
        'disabled "x"', LINE]
    assert conf.daemon_accepts_it()
    assert "tcp:[2001:db8::5]:8080 is in the configuration already" in (
        conf.fails("mappings", "add", *WEB))
    conf.ok("mappings", "remove", "tcp:[2001:db8::5]:8080")
    conf.ok("mappings", "remove", "sctp:[2001:db8::6]:1:[2001:db8:1::9]:*")
    assert lines(conf) == [LINE]
    conf.ok("mappings", "remove", "all")
    assert conf.read() == before


def test_exported_pinholes_can_be_imported(conf):
    conf.ok("mappings", "add", *WEB)
    script, before = conf.ok("export"), lines(conf)
    assert script.splitlines()[-1] == (
        'add external-port=8080 protocol=tcp to="[2001:db8::5]:8080"')
    conf.write("")
    conf.ok("-", stdin=script)
    assert lines(conf) == before
    assert conf.ok("export") == script


@pytest.mark.parametrize("line,error", [
    ("tcp 8080 [2001:db8::5]:80", "8080 and 80 differ; IPv6 translates no"),
    ("sctp 8080 192.168.88.10:80", "sctp is for IPv6 only; write tcp or udp"),
    ("tcp 8080 [fe80::5]:8080", "is not the address and port of a host"),
    ("tcp 8080 [2001:db8::5]:8080 remote 203.0.113.5",
     '"203.0.113.5" is not an IPv6 address of a host'),
])
def test_invalid_pinhole_is_refused(conf, line, error):
    conf.write(f"mapping {line}\n")
    assert error in conf.fails("print", status=1)
    assert not conf.daemon_accepts_it()


def test_lease_and_migrate_need_the_daemon(conf):
    assert "is not running" in conf.fails("mappings", "add", *CAMERA,
                                          "lease=1h", status=1)
    assert "is not running" in conf.fails("mappings", "migrate", status=1)


def test_too_many_mappings_are_refused(conf):
    conf.write(conf.paths + "".join(
        f"mapping tcp {i} 10.0.0.1:1\n" for i in range(1, 129)))
    assert "more than 128 mappings" in conf.fails("mappings", "add", *CAMERA)


# ---- scripts ------------------------------------------------------------

def test_exported_mappings_can_be_imported(conf):
    conf.ok("mappings", "add", *CAMERA, 'comment=a "b" $c \\ d? #e \u00e9')
    conf.ok("mappings", "add", "protocol=udp", "external-port=1",
            "to=10.0.0.1:2", "remote-host=203.0.113.5", "disabled=yes")
    script, before = conf.ok("export"), lines(conf)
    assert script.splitlines()[-2:] == [
        "add comment=\"a \\\"b\\\" \\$c \\\\ d\\? #e \u00e9\" "
        "external-port=8080 protocol=tcp to=192.168.88.10:80",
        "add disabled=yes external-port=1 protocol=udp "
        "remote-host=203.0.113.5 to=10.0.0.1:2"]
    conf.write("")
    conf.ok("-", stdin=script)
    assert lines(conf) == before
    assert conf.ok("export") == script


def test_script_can_replace_a_mapping(conf):
    conf.ok("mappings", "add", *CAMERA)
    conf.ok("-", stdin="""\
/ip upnp mappings
remove tcp:8080
add protocol=tcp external-port=8080 to=192.168.88.11:81 comment="other"
""")
    assert lines(conf) == ['mapping tcp 8080 192.168.88.11:81 "other"']


@pytest.mark.parametrize("script,error", [
    ("set hairpin=yes\nmappings add protocol=tcp external-port=1 to=x:1\n",
     'line 2: to is "x:1"; it takes'),
    ("mappings add protocol=tcp external-port=1 to=10.0.0.1:1 lease=1h\n",
     "line 1: lease is not allowed in a script"),
    ("set hairpin=yes\nmappings remove tcp:1\n",
     "line 2: there is no mapping tcp:1"),
    ("mappings migrate\n", "line 1: mappings migrate is not allowed"),
])
def test_script_is_all_or_nothing(conf, script, error):
    status = 1 if "remove" in script else 2
    assert error in conf.fails("-", stdin=script, status=status)


# ---- errors of a file ---------------------------------------------------

def test_errors_name_the_line(conf):
    conf.write(LINE + "\nmapping tcp 8080 192.168.88.10:81\n")
    assert conf.fails("print", status=1) == (
        f"{conf.conf}:2: mapping tcp 8080 is already on line 1; remove one")
    assert not conf.daemon_accepts_it()


# ---- set, enable, disable, comment ---------------------------------------

def test_set_changes_the_line_in_its_place(conf):
    conf.ok("mappings", "add", *CAMERA, "comment=a")
    conf.ok("mappings", "add", "protocol=udp", "external-port=1",
            "to=192.168.88.11:1")
    conf.ok("mappings", "set", "tcp:8080", "to=192.168.88.12:81",
            "remote-host=203.0.113.5", "!comment")
    assert lines(conf) == [
        "mapping tcp 8080 192.168.88.12:81 remote 203.0.113.5",
        "mapping udp 1 192.168.88.11:1"]
    conf.ok("mappings", "set", "tcp:8080", "!remote-host", "external-port=2",
            "protocol=udp")
    conf.ok("mappings", "set", "udp:1", "to=[2001:db8::5]:80", "comment=x")
    assert lines(conf) == ["mapping udp 2 192.168.88.12:81",
                           'mapping udp 80 [2001:db8::5]:80 "x"']
    assert conf.daemon_accepts_it()


def test_disable_enable_and_comment(conf):
    conf.ok("mappings", "add", *CAMERA)
    conf.ok("mappings", "add", "protocol=udp", "external-port=1",
            "to=192.168.88.11:1")
    conf.ok("mappings", "disable", "all")
    assert lines(conf)[0] == LINE + " disabled"
    assert lines(conf)[1].endswith(" disabled")
    conf.ok("mappings", "enable", "tcp:8080,udp:1")
    conf.ok("mappings", "comment", "tcp:8080", "my web")
    conf.ok("mappings", "comment", "udp:1", 'comment="b=c"')
    assert lines(conf) == [LINE + ' "my web"',
                           'mapping udp 1 192.168.88.11:1 "b=c"']
    conf.ok("-", stdin="/ip upnp mappings\nset udp:1 comment=\"\"\n"
            "disable [find protocol=tcp]\n")
    assert lines(conf) == [LINE + ' disabled "my web"',
                           "mapping udp 1 192.168.88.11:1"]


@pytest.mark.parametrize("words,error", [
    (("set", "tcp:8080", "protocol=udp", "external-port=1"),
     "udp:1 is in the configuration already"),
    (("set", "tcp:8080", "to=x"), 'to is "x"; it takes a host'),
    (("set", "tcp:8080", "lease=1h"), 'there is no option "lease"'),
    (("set", "tcp:8080", "external-port=0"), "it takes a port, 1 to 65535"),
    (("set", "tcp:8080", "!to"), 'to is ""'),
    (("comment", "tcp:8080"), "comment needs a text"),
    (("comment", "tcp:8080", "comment=" + "x" * 257), "up to 256 bytes"),
    (("enable",), "such as"),
])
def test_set_refuses(conf, words, error):
    conf.ok("mappings", "add", *CAMERA)
    conf.ok("mappings", "add", "protocol=udp", "external-port=1",
            "to=192.168.88.11:1")
    assert error in conf.fails("mappings", *words)


def test_find_without_a_daemon_prints_what_get_and_set_take(conf):
    """Nothing numbers the mappings then, so they are named by keys."""
    for protocol, port in ("tcp", 8080), ("udp", 1), ("udp", 2):
        conf.ok("mappings", "add", f"protocol={protocol}",
                f"external-port={port}", "to=192.168.88.11:1")
    conf.ok("mappings", "add", "protocol=udp", "external-port=1",
            "to=192.168.88.11:1", "remote-host=203.0.113.5")
    assert conf.ok("mappings", "find") == (
        "tcp:8080,udp:1:0.0.0.0,udp:2,udp:1:203.0.113.5\n")
    assert conf.json("mappings", "find", "protocol=tcp") == ["tcp:8080"]
    assert conf.fails("mappings", "get", "x", "to") == (
        "there is no mapping x; there are: tcp:8080, udp:1:0.0.0.0, udp:2, "
        "udp:1:203.0.113.5")
    found = conf.ok("mappings", "find", "external-port=1", "!remote-host")
    assert conf.ok("mappings", "get", found.strip(), "to") == (
        "192.168.88.11:1\n")
    conf.ok("mappings", "set", found.strip(), "comment=x")
    conf.ok("mappings", "remove",
            conf.ok("mappings", "find", "protocol=tcp").strip())
    assert lines(conf) == [
        'mapping udp 1 192.168.88.11:1 "x"', "mapping udp 2 192.168.88.11:1",
        "mapping udp 1 192.168.88.11:1 remote 203.0.113.5"]
