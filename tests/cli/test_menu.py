# SPDX-License-Identifier: ISC
"""The commands of the menus print and change settings as RouterOS does, and
explain their errors."""
import json
import os
import subprocess

import pytest

from ctl import UPNPCTL, UPNPD

GOOD = """\
# ours
enabled = yes                # since May

allow 1024-65535 192.168.88.0/24 1024-65535

[interface ether1]
type = external
# the LAN
[interface ether2]
type = internal      # all of it
"""

HEAD = """\
Flags: X - disabled, I - invalid, D - dynamic
"""

# The exact output of RouterOS.
TRANSCRIPT = """\
# upnpctl print
                             enabled: yes
    allow-disable-external-interface: yes
                     show-dummy-rule: yes
# upnpctl interfaces add interface=ether1 type=external
# upnpctl interfaces add interface=ether2 type=internal
# upnpctl interfaces print
Flags: X - disabled, I - invalid, D - dynamic
  #   INTERFACE   TYPE       FORCED-IP
  0 X ether1      external
  1 X ether2      internal
# upnpctl interfaces enable 0,1
# upnpctl set enabled=yes
"""


def test_output_is_that_of_routeros(ctl, with_ethers):
    ctl.write("enabled = yes\n")
    shown = ""
    for line in TRANSCRIPT.splitlines(True):
        if not line.startswith("# "):
            continue
        shown += line + ctl.ok(*line.split()[2:], prefix=with_ethers)
    assert shown == TRANSCRIPT
    assert ctl.daemon_accepts_it()


def test_transcript_without_a_file(ctl, with_ethers):
    """The commands of the transcript also work without a file."""
    for line in TRANSCRIPT.splitlines():
        if line.startswith("# "):
            done = ctl.run(*line.split()[2:], prefix=with_ethers)
            assert done.returncode == 0
    assert ctl.daemon_accepts_it()
    assert ctl.ok("interfaces", "print", prefix=with_ethers) == HEAD + """\
  #   INTERFACE   TYPE       FORCED-IP
  0   ether1      external
  1   ether2      internal
"""


@pytest.mark.parametrize("words", [
    ["interfaces", "print"], ["ip", "upnp", "interfaces", "print"],
    ["/ip", "upnp", "interfaces", "print"], ["/ip/upnp/interfaces/print"],
    ["/ip upnp interfaces print"], ["/ip/upnp/interfaces", "print"],
    ["int", "pr"], ["ip upnp", "interfaces print"],
], ids=" ".join)
def test_command_has_several_spellings(ctl, words):
    ctl.write(GOOD)
    assert ctl.ok(*words) == HEAD + """\
  #   INTERFACE   TYPE       FORCED-IP
  0 I ether1      external
  1 I ether2      internal
"""


def test_columns_are_as_wide_as_their_content(ctl):
    """Two flags, a long name, a forced address."""
    ctl.write("[interface a-very-long-one]\ntype = external\n"
              "forced-ip = 198.51.100.7\ndisabled = yes\n"
              "[interface lo]\ntype=internal\n")
    assert ctl.ok("interfaces", "print") == HEAD + """\
  #    INTERFACE         TYPE       FORCED-IP
  0 XI a-very-long-one   external   198.51.100.7
  1    lo                internal
"""
    assert ctl.ok("interfaces", "print", "detail") == HEAD + """\
  0 XI interface=a-very-long-one type=external forced-ip=198.51.100.7

  1    interface=lo type=internal
"""


NAT_PMP = """\
# upnpctl /ip nat-pmp print
                             enabled: yes
# upnpctl /ip nat-pmp set enabled=no
# upnpctl ip nat-pmp print
                             enabled: no
# upnpctl /ip/nat-pmp/interfaces/print
Flags: X - disabled, I - invalid, D - dynamic
  #   INTERFACE   TYPE       FORCED-IP
  0   ether1      external
  1   ether2      internal
# upnpctl nat-pmp set enabled=true
# upnpctl nat-pmp print
                             enabled: yes
"""


def test_nat_pmp_has_the_menu_of_routeros(ctl, with_ethers):
    """It sets the option nat-pmp, and shows the interfaces of /ip upnp."""
    ctl.write(GOOD)
    shown = ""
    for line in NAT_PMP.splitlines(True):
        if line.startswith("# "):
            shown += line + ctl.ok(*line.split()[2:], prefix=with_ethers)
            assert ctl.json("print")["enabled"] is True
    assert shown == NAT_PMP
    assert "nat-pmp = yes\n" in ctl.read()
    assert ctl.daemon_accepts_it()


def test_nat_pmp_in_other_words(ctl):
    ctl.write(GOOD)
    ctl.ok("nat-pmp", "set", "enabled=no")
    assert ctl.json("nat-pmp", "print") == {"enabled": False}
    assert ctl.json("print")["pcp"] is True
    ctl.ok("nat-pmp", "set", "!enabled")
    assert ctl.read() == GOOD
    assert ctl.json("nat-pmp", "interfaces", "print") == \
        ctl.json("interfaces", "print")
    ctl.write("")
    done = ctl.run("nat-pmp", "print")
    assert (done.returncode, done.stderr) == (0, (
        "upnpctl: nothing is served, because upnpd is not enabled; run: "
        "upnpctl set enabled=yes\n"))
    assert done.stdout.endswith(" enabled: yes\n")


@pytest.mark.parametrize("words, error", [
    (["set"], "nat-pmp set needs an option, such as: set enabled=yes"),
    (["set", "enabled=x"], 'nat-pmp is "x"; it takes yes or no'),
    (["set", "hairpin=yes"], 'there is no option "hairpin"; nat-pmp set '
     'takes: enabled='),
    (["print", "detail"], 'nat-pmp print takes no argument, not "detail"'),
    (["interfaces", "add", "interface=x"], "x needs a type; add "
     "type=internal, or external"),
], ids=" ".join)
def test_errors_of_nat_pmp(ctl, words, error):
    ctl.write(GOOD)
    assert ctl.fails("/ip", "nat-pmp", *words) == error


@pytest.mark.parametrize("terms,numbers", [
    (["type=internal"], [1, 2]), (["type!=internal"], [0]),
    (["interface=ether1"], [0]), (["disabled=yes"], [2]),
    (["disabled"], [2]), (["!disabled"], [0, 1]),
    (["type=internal", "disabled=no"], [1]),
    (["type=internal", "and", "disabled=yes"], [2]),
    (["invalid=no"], [2]), (["forced-ip=1.2.3.4"], []),
    (["dynamic"], []),
])
def test_where_filters_interfaces(ctl, terms, numbers):
    ctl.write(GOOD + "[interface lo]\ntype = internal\ndisabled = yes\n")
    found = ctl.json("interfaces", "print", "where", *terms)
    assert [i["number"] for i in found] == numbers


@pytest.mark.parametrize("terms,numbers", [
    (["type=external", "or", "disabled"], "0,2"),
    (["interface~THER"], "0,1"), (["int~ether", "ty=internal"], "1"),
    (["where", "disabled"], "2"), ([], "0,1,2"), (["forced-ip=1.2.3.4"], ""),
], ids=" ".join)
def test_find_prints_numbers(ctl, terms, numbers):
    ctl.write(GOOD + "[interface lo]\ntype = internal\ndisabled = yes\n")
    assert ctl.ok("interfaces", "find", *terms) == numbers + "\n"
    assert ctl.json("interfaces", "find", *terms) == \
        [int(n) for n in numbers.split(",") if n]
    if "where" not in terms:
        found = ctl.json("interfaces", "print", "where",
                         *terms or ["!dynamic"])
        assert [i["number"] for i in found] == \
            [int(n) for n in numbers.split(",") if n]


def test_get_prints_one_value(ctl):
    ctl.write(GOOD)
    assert ctl.ok("get", "enabled") == "yes\n"
    assert ctl.ok("get", "http-p") == "2828\n"
    assert ctl.json("get", "value-name=http-port") == {"http-port": 2828}
    assert ctl.ok("interfaces", "get", "0", "type") == "external\n"
    assert ctl.ok("interfaces", "get", "[find type=external]",
                  "value-name=interface") == "ether1\n"
    assert ctl.ok("interfaces", "get", "ether2", "disabled") == "no\n"
    for words, error in (
            (["get"], "get needs one option, such as: get enabled"),
            (["get", "enabeld"], 'there is no argument "enabeld"; did you mean '
             'enabled?'),
            (["interfaces", "get", "0,1", "type"],
             "get takes one interface, not 2"),
            (["interfaces", "get", "0"], "get needs one property, such as: "
             "get 0 interface"),
            (["get", "enabled", "pcp"], "get needs one option, such as: "),
            (["interfaces", "get", "0", "type", "network"],
             "get needs one property, such as: get 0 interface"),
            (["interfaces", "find", "type=extern"],
             'type is "extern"; it takes external or internal'),
            (["set", "hairpin=no", "hairp=yes"],
             "hairpin is set twice; set it once"),
            (["interfaces", "set", "0", "forced-external-ip=1.2.3.4",
              "forced-ip=1.2.3.5"], "forced-ip is set twice; set it once"),
            (["interfaces", "get", "0", "typo"], "interfaces have no property "
             '"typo"; did you mean type?')):
        assert ctl.fails(*words).startswith(error)


def test_names_and_values_may_be_shortened(ctl):
    ctl.write(GOOD)
    ctl.ok("se", "hair=y", "back=net", "!http")
    ctl.ok("int", "add", "interf=wan7", "ty=ext", "dis=y")
    ctl.ok("int", "se", "wan7", "forced-external-ip=1.2.3.4")
    assert ctl.ok("get", "hairpin") == "yes\n"
    assert ctl.ok("get", "backend") == "netlink\n"
    assert ctl.json("interfaces", "print")[2]["forced-ip"] == "1.2.3.4"
    assert ctl.json("interfaces", "print")[2]["type"] == "external"


def test_print_detail_shows_every_setting(ctl):
    ctl.write("friendly-name = My Router\n")
    lines = ctl.ok("print", "detail").splitlines()
    assert " " * 23 + "friendly-name: My Router" in lines
    assert " " * 32 + "uuid:" in lines
    keys = [line.split(":")[0].strip() for line in lines]
    assert keys[:6] == ["enabled", "allow-disable-external-interface",
                        "show-dummy-rule", "upnp", "nat-pmp", "pcp"]
    assert [*keys, "rules"] == list(ctl.json("print"))


def test_json_values_have_types(ctl):
    ctl.write(GOOD)
    ctl.ok("set", 'friendly-name=a "b" \\ ü')
    settings = ctl.json("print")
    assert settings["enabled"] is True
    assert settings["http-port"] == 2828
    assert settings["igd-version"] == "both"
    assert settings["uuid"] is None
    assert settings["friendly-name"] == 'a "b" \\ ü'
    assert ctl.json("interfaces", "print") == [
        {"number": 0, "interface": "ether1", "type": "external",
         "disabled": False, "invalid": True, "dynamic": False,
         "active": False, "forced-ip": None, "network": []},
        {"number": 1, "interface": "ether2", "type": "internal",
         "disabled": False, "invalid": True, "dynamic": False,
         "active": False, "forced-ip": None, "network": []}]
    assert ctl.ok("interfaces", "print", "--json").startswith("[\n")


def test_set_keeps_the_rest_of_the_file(ctl):
    ctl.write(GOOD)
    ctl.ok("set", "enabled=no", "http-port=0")
    assert ctl.read() == GOOD.replace(
        "enabled = yes ", "enabled = no ").replace(
        "1024-65535\n\n[", "1024-65535\nhttp-port = 0\n\n[") or \
        ctl.read().replace("http-port = 0\n", "") == \
        GOOD.replace("= yes", "= no", 1)
    ctl.ok("interfaces", "disable", "ether2")
    ctl.ok("interfaces", "enable", "1")
    for line in GOOD.splitlines():
        assert line in ctl.read() or "enabled" in line
    assert "since May" in ctl.read()


def test_option_is_reset_to_its_default(ctl):
    ctl.write("http-port = 5\nfriendly-name = a\nuuid = "
              "00000000-0000-4000-8000-000000000001\n")
    ctl.ok("set", "!http-port", "friendly-name=", 'uuid=""')
    settings = ctl.json("print")
    assert settings["http-port"] == 2828
    assert settings["friendly-name"] == "Router"
    assert settings["uuid"] is None
    assert ctl.read().strip() == ""


def test_every_option_can_be_set(ctl):
    """Each option can be set to its value, and is printed correctly."""
    ctl.write("")
    for key, value in ctl.json("print").items():
        if value in (None, "", []):
            continue
        text = {True: "yes", False: "no"}.get(value, value) \
            if isinstance(value, bool) else value
        ctl.ok("set", f"{key}={text}")
        assert f"{key} = {text}\n" in ctl.read()
    assert ctl.json("print")["enabled"] is False


def test_backend_nft_means_netlink(ctl):
    """nft means netlink, in the file and as a value of set."""
    ctl.write("backend = nft\nnft-table = inet fw4\n"
              "nft-forward-chain = forward\n")
    assert ctl.json("print")["backend"] == "netlink"
    assert "set backend=netlink\n" in ctl.ok("export")
    ctl.ok("set", "backend=auto")
    ctl.ok("set", "backend=nft")
    assert ctl.read() == ("backend = netlink\nnft-table = inet fw4\n"
                          "nft-forward-chain = forward\n")


def test_file_is_not_written_without_a_change(ctl):
    ctl.write(GOOD)
    before = os.stat(ctl.conf)
    for words in (["set", "enabled=yes"], ["interfaces", "enable", "0-1"],
                  ["set", "!uuid"], ["-"]):
        ctl.ok(*words)
    after = os.stat(ctl.conf)
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino,
                                                 before.st_mtime_ns)


@pytest.mark.parametrize("which,left", [
    ("0", ["ether2", "lo"]), ("ether2", ["ether1", "lo"]),
    ("1,2", ["ether1"]), ("lo,0", ["ether2"]), ("1-2", ["ether1"]),
    ("numbers=1", ["ether1", "lo"]),
    ("[find type=internal]", ["ether1"]), ("[find]", []),
    ("[find where disabled]", ["ether1", "ether2"]),
])
def test_interfaces_are_selected(ctl, which, left):
    ctl.write(GOOD.replace("= yes", "= no") +
              "[interface lo]\ntype = internal\ndisabled = yes\n")
    ctl.ok("interfaces", "remove", which)
    assert [i["interface"] for i in ctl.json("interfaces", "print")] == left


def test_interfaces_set_changes_options(ctl):
    ctl.write(GOOD)
    ctl.ok("interfaces", "set", "0", "forced-ip=1.2.3.4", "comment=x")
    assert ctl.json("interfaces", "print")[0]["forced-ip"] == "1.2.3.4"
    ctl.ok("interfaces", "set", "ether1", "!forced-ip")
    assert ctl.json("interfaces", "print")[0]["forced-ip"] is None
    ctl.ok("interfaces", "set", "0", "forced-ip=1.2.3.4",
           "interface=ether1")
    ctl.ok("interfaces", "set", "numbers=0", "forced-ip=0.0.0.0")
    assert ctl.read() == GOOD


def test_networks_are_replaced_as_a_list(ctl):
    """A new list replaces the whole old one, even if that has several lines."""
    ctl.write(GOOD + "network = 172.31.0.0/16\ndisabled = no\n"
              "network = 10.7.0.0/16 , 10.8.0.0/16\n")
    many = ["172.31.0.0/16", "10.7.0.0/16", "10.8.0.0/16"]
    assert ctl.json("interfaces", "print")[1]["network"] == many
    assert "ether2 type=internal network=" + ",".join(many) in \
        ctl.ok("interfaces", "print", "detail")
    assert " network=\"" + ",".join(many) + "\" type=internal" in \
        ctl.ok("export")
    assert ctl.daemon_accepts_it()
    ctl.ok("interfaces", "set", "ether2", "network=2001:db8:1::/64,10.7.0.0/16")
    assert ctl.read() == GOOD + \
        "disabled = no\nnetwork = 2001:db8:1::/64,10.7.0.0/16\n"
    found = ctl.json("interfaces", "print", "where",
                     "network=2001:db8:1::/64,10.7.0.0/16")
    assert [i["number"] for i in found] == [1]
    ctl.ok("interfaces", "set", "1", "!network")
    assert ctl.read() == GOOD + "disabled = no\n"
    ctl.ok("interfaces", "set", "1", "network=10.7.0.0/16")
    ctl.ok("interfaces", "set", "1", "network=")
    assert ctl.read() == GOOD + "disabled = no\n"


def test_exported_networks_can_be_imported(ctl):
    ctl.write(GOOD + "network = 172.31.0.0/16\nnetwork = 10.7.0.0/16\n")
    script = ctl.ok("export")
    ctl.write("")
    ctl.ok("-", stdin=script)
    assert ctl.json("interfaces", "print")[1]["network"] == \
        ["172.31.0.0/16", "10.7.0.0/16"]


def test_interfaces_add_appends_a_section(ctl):
    ctl.write("# mine\n")
    ctl.ok("interfaces", "add", "interface=wan0", "type=external",
           "disabled=no", "forced-ip=1.2.3.4")
    ctl.ok("interfaces", "add", "interface=lan0", "type=internal")
    assert [(i["interface"], i["disabled"], i["forced-ip"])
            for i in ctl.json("interfaces", "print")] == [
        ("wan0", False, "1.2.3.4"), ("lan0", True, None)]
    assert ctl.read().startswith("# mine\n")


@pytest.mark.parametrize("words,error", [
    (["set", "enbled=yes"], 'there is no option "enbled"; did you mean '
     'enabled?'),
    (["set", "colour=red"], 'there is no option "colour"; for all, see: '
     'upnpctl set -h'),
    (["set", "table=x"], 'there is no option "table"; similar: nft-table=; '
     'for all, see: upnpctl set -h'),
    (["get", "value-name=table"], 'there is no option "table"; similar: '
     'nft-table; for all, see: upnpctl set -h'),
    (["set", "n=1"], '"n" is the beginning of several names: nat-pmp=, '
     'notify-interval=, nft-table=, nft-forward-chain='),
    (["set", "enabled=maybe"],
     'enabled is "maybe"; it takes yes or no'),
    (["set", "http-port=70000"],
     'http-port is "70000"; it takes a number from 0 to 65535'),
    (["set", "friendly-name=a #b"], "friendly-name"),
    (["set", "!enbled"], 'there is no option "enbled"; did you mean '
     'enabled?'),
    (["set", "yes"], '"yes" is not a setting; a setting is, for '
     'example, enabled=yes'),
    (["set"], "set needs an option, such as: set enabled=yes"),
    (["set", "nft-table=inet fw4"],
     "nft-table and nft-forward-chain go together; set both or none"),
    (["print", "x"], 'there is no argument "x"; print takes: detail'),
    (["prunt"], 'there is no command "prunt"; did you mean print?'),
    (["frobnicate"], 'there is no command "frobnicate"; there are: print, '
     'set, '),
    (["interfaces", "frobnicate"],
     'there is no command "frobnicate" in /ip/upnp/interfaces; there are: '
     'print, add, set, enable, disable, remove'),
    (["interfaces"], "no command for /ip/upnp/interfaces given; see upnpctl "
     "-h"),
    ([], "no command given; see upnpctl -h"),
    (["/ip", "address"], 'there is no command "address" in /ip; there are: '),
    (["interfaces", "enable", "2"],
     "there is no interface number 2; there are: 0 ether1, 1 ether2"),
    (["interfaces", "enable", "0,eth9"],
     "there is no interface eth9; there are: 0 ether1, 1 ether2"),
    (["interfaces", "enable"], "name an interface, such as: interfaces "
     "enable 0"),
    (["interfaces", "enable", "0", "x=y"], 'there is no option "x"; '
     'interfaces enable takes: N,...|NAME'),
    (["interfaces", "set", "0", "type=both"], 'type is "both"; it takes '),
    (["interfaces", "set", "0", "speed=1"], 'there is no option "speed"; '
     'interfaces set takes: N,...|NAME, interface=, type=, disabled=, '
     'forced-ip='),
    (["interfaces", "set", "0", "interface=x"], "an interface cannot be "
     "renamed; remove ether1 and add x"),
    (["interfaces", "set", "1", "forced-ip=1.2.3.4"], "interface ether2 is "
     "internal and has a forced-ip; only external ones may have it"),
    (["interfaces", "set", "0", "network=172.31.0.0/16"], "interface ether1 "
     "is external and has a network; only internal ones may have it"),
    (["interfaces", "set", "1", "network=172.31.0.1/16"],
     'network is "172.31.0.1/16"; it takes up to 8 networks behind other '
     'routers of the LAN, without host bits, such as 172.31.0.0/16'),
    (["interfaces", "set", "1", "network=0.0.0.0/0"],
     'network is "0.0.0.0/0"; it takes '),
    (["interfaces", "add", "type=internal"], "interface= is missing; "),
    (["interfaces", "add", "interface=x"], "x needs a type; add "
     "type=internal, or external"),
    (["interfaces", "add", "interface=a/b", "type=internal"],
     '"a/b" cannot be an interface; '),
    (["interfaces", "add", "interface=ether1", "type=internal"],
     "interface ether1 exists already; change it with interfaces set"),
    (["interfaces", "print", "where"], "where needs a term, "),
    (["interfaces", "print", "where", "mtu=1"],
     'interfaces have no property "mtu"; they have interface, type, '),
    (["interfaces", "print", "where", "tyep=x"],
     'interfaces have no property "tyep"; did you mean type?'),
    (["export", "x"], 'export takes no argument, not "x"'),
    (["--frob"], "there is no option --frob; see upnpctl -h"),
    (["print", "-x"], "there is no option -x; see upnpctl -h"),
    (["print", "-hx"], "there is no option -x; see upnpctl -h"),
    (["print", "-f"], "option -f needs the name of a file"),
    (["set", "http-port=\n1"], 'http-port is "?1"'),
    (["set", 'friendly-name="x'], 'friendly-name="x: a quote is not closed'),
], ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_wrong_command_is_refused_with_the_reason(ctl, words, error):
    ctl.write(GOOD)
    assert ctl.fails(*words).startswith(error)


def test_several_external_interfaces(ctl):
    """One of them is active; more than four are refused."""
    ctl.write(GOOD)
    add = ["interfaces", "add", "type=external", "disabled=no"]
    for name in ("wan1", "wan2", "wan3"):
        ctl.ok(*add, f"interface={name}")
    assert ctl.fails(*add, "interface=wan4") == (
        "wan4 would be external interface number 5, and 4 may be enabled; "
        "disable or remove one: interfaces disable wan4")
    ctl.ok("interfaces", "disable", "wan3")
    ctl.ok(*add, "interface=wan4")
    # no daemon runs, so none is active
    assert ctl.ok("interfaces", "print", "count-only", "where",
                  "active") == "0\n"
    assert "active" not in ctl.ok("interfaces", "print")
    assert ctl.ok("get", "external-selection") == "route\n"
    ctl.ok("set", "external-selection=priority")
    assert ctl.ok("get", "external-selection") == "priority\n"
    assert ctl.fails("set", "external-selection=both").startswith(
        'external-selection is "both"; it takes one of: route, priority')


def warning(done):
    """The text of a warning of a command that succeeded."""
    assert (done.returncode, done.stdout) == (0, ""), done
    assert done.stderr.startswith("upnpctl: ")
    assert done.stderr.count("\n") == 1
    return done.stderr[len("upnpctl: "):-1]


def test_enabling_before_there_are_interfaces_is_a_warning(ctl):
    """The daemon waits for the interfaces; one warning, until they are there
    or one is lost again."""
    none = ("nothing is served until there is an external interface; add it: "
            "interfaces add interface=NAME type=external disabled=no")
    assert warning(ctl.run("set", "enabled=yes")) == none
    assert ctl.ok("get", "enabled") == "yes\n"
    assert ctl.daemon_accepts_it()
    assert warning(ctl.run("set", "enabled=yes")) == none
    ctl.ok("interfaces", "add", "interface=ether1", "type=external")
    ctl.ok("interfaces", "add", "interface=ether2", "type=internal")
    ctl.ok("interfaces", "enable", "0,1")
    ctl.ok("set", "enabled=yes")
    assert warning(ctl.run("interfaces", "disable", "0")) == (
        "nothing is served until an external interface is enabled: "
        "interfaces enable ether1")
    ctl.ok("interfaces", "enable", "0")
    assert warning(ctl.run("interfaces", "remove", "ether2")) == (
        "nothing is served until there is an internal interface; add it: "
        "interfaces add interface=NAME type=internal disabled=no")
    assert ctl.daemon_accepts_it()


def test_file_with_an_error(ctl):
    """An error names the line; a change that corrects the line is accepted."""
    ctl.write("\n\nhttp-port = x\n" + GOOD)
    for words, status in ((["set", "enabled=no"], 2), (["print"], 1),
                          (["interfaces", "print"], 1), (["export"], 1)):
        assert ctl.fails(*words, status=status).startswith(ctl.conf + ":3: ")
    ctl.ok("set", "http-port=80")
    assert ctl.daemon_accepts_it()
    ctl.write(GOOD + "[interface ether3]\ntype = external\n")
    ctl.ok("interfaces", "disable", "ether3")
    assert ctl.daemon_accepts_it()


def test_missing_file_counts_as_empty(ctl):
    done = ctl.run("print")
    assert done.stdout.splitlines()[0] == " " * 29 + "enabled: no"
    assert done.stderr == (
        "upnpctl: there is no configuration yet; these commands make one: "
        + BEGIN.format(ctl.conf) + "\n")
    assert ctl.ok("interfaces", "print") == HEAD + \
        "  #   INTERFACE   TYPE   FORCED-IP\n"
    assert ctl.json("interfaces", "print") == []
    assert ctl.fails("interfaces", "enable", "0").startswith(
        "there is no interface number 0; there are none; add it: ")


BEGIN = ("upnpctl -f {0} interfaces add interface=WAN type=external "
         "disabled=no && upnpctl -f {0} interfaces add interface=LAN "
         "type=internal disabled=no && upnpctl -f {0} set enabled=yes")


def test_commands_that_make_a_configuration(ctl):
    """Every command that needs one names them, and they make one."""
    how = BEGIN.format(ctl.conf)
    assert how in ctl.run("status").stdout
    assert how in ctl.run("mappings", "print").stderr
    assert how in ctl.run().stderr
    assert [f for f in json.loads(ctl.run("--json", "check").stdout)
            if f["check"] == "configuration"][0]["remedy"] == how
    path = os.path.dirname(UPNPCTL) + ":" + os.environ["PATH"]
    subprocess.run(["sh", "-ec", how], check=True, capture_output=True,
                   env={**os.environ, "PATH": path})
    assert ctl.daemon_accepts_it()
    assert ctl.ok("get", "enabled") == "yes\n"
    assert ctl.run().stderr == "upnpctl: no command given; see upnpctl -h\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be nobody")
def test_another_user_is_told_to_be_root(ctl):
    ctl.write(GOOD)
    os.chmod(ctl.conf, 0o600)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    for words in (["print"], ["set", "hairpin=yes"], ["mappings", "print"]):
        assert ctl.run(*words, prefix=nobody).stderr == \
            f"upnpctl: {ctl.conf}: Permission denied; run upnpctl as root\n" \
            or words == ["mappings", "print"]
    for words in (["mappings", "print"], ["status"], ["check"]):
        done = ctl.run(*words, prefix=nobody)
        assert "as root" in done.stdout + done.stderr
    os.chmod(ctl.conf, 0o644)
    assert ctl.run("set", "hairpin=yes", prefix=nobody).stderr == \
        f"upnpctl: {ctl.conf}: Permission denied; run upnpctl as root\n"


def test_only_masquerading_is_added_to_nat(ctl):
    ctl.write(GOOD)
    rule = ["action=masquerade", "chain=srcnat"]
    assert warning(ctl.run("/ip", "firewall", "nat", "add", *rule,
                           "out-interface=ether1")) == (
        "this set masquerade=yes: the internal networks are masqueraded at "
        "the active external interface")
    assert ctl.ok("get", "masquerade") == "yes\n"
    for name in ("ether2", "x"):
        assert ctl.fails("/ip/firewall/nat/add", *rule,
                         f"out-interface={name}") == (
            "upnpd masquerades only at the active external interface; "
            f"{name} is not an external one")
    ctl.ok("interfaces", "add", "interface=x", "type=external", "disabled=no")
    warning(ctl.run("/ip/firewall/nat/add", *rule, "out-interface=x"))
    for words in ([], rule, ["chain=dstnat", "action=dst-nat"],
                  ["chain=srcnat", "action=src-nat", "out-interface=ether1"]):
        assert ctl.fails("/ip/firewall/nat", "add", *words).startswith(
            "only this rule can be added: /ip/firewall/nat add action=")
    assert ctl.fails("/ip/firewall/nat", "add", "dst-port=1").startswith(
        'there is no option "dst-port"')


def test_nat_pmp_shares_its_interfaces(ctl):
    """Those of /ip upnp are there already."""
    ctl.write(GOOD)
    add = ["/ip", "nat-pmp", "interfaces", "add"]
    assert warning(ctl.run(*add, "interface=ether1", "type=external")) == (
        "ether1 is there already: NAT-PMP has the interfaces of /ip upnp")
    assert ctl.read() == GOOD
    assert ctl.fails(*add, "interface=ether1", "type=internal").startswith(
        "interface ether1 exists already")
    ctl.ok(*add, "interface=ether3", "type=internal")
    assert ctl.json("interfaces", "print")[2]["interface"] == "ether3"


def test_help_lists_what_can_be_typed(ctl):
    text = ctl.ok("help")
    for word in ("print", "interfaces", "check"):
        assert f"\n  {word} " in "\n" + text
    assert "  add " in ctl.ok("interfaces", "help")
    assert "  enabled= " in ctl.ok("nat-pmp", "set", "-h")


def test_missing_directory_is_an_error(ctl):
    ctl.conf = ctl.dir + "/none/upnpd.conf"
    assert "No such file or directory" in ctl.fails("set", "hairpin=yes",
                                                    status=1)


def test_write_error_on_stdout_is_reported(ctl):
    ctl.write(GOOD)
    with open("/dev/full", "w") as full:
        done = subprocess.run(ctl.argv("print"), stdout=full,
                              stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == \
        "upnpctl: standard output: No space left on device\n"


def test_help_and_version(ctl):
    for word in ("-h", "--help"):
        text = ctl.ok("interfaces", "add", word)
        assert text.startswith("usage: upnpctl interfaces add interface=")
        assert "  disabled= " in text
    text = ctl.ok("-h")
    assert "  interfaces add " in text
    assert max(map(len, text.splitlines())) <= 80
    text = ctl.ok("/ip", "nat-pmp", "--help")
    assert "  set " in text and "export" not in text
    for word in ("-V", "--version"):
        assert ctl.ok(word).startswith("upnpctl 0.")


@pytest.mark.parametrize("words, status, start", [
    (["--help"], 0, "usage: upnpd [-f FILE]"), (["-h"], 0, "usage: upnpd "),
    (["--version"], 0, "upnpd 0."), (["-V"], 0, "upnpd 0."),
    (["--frob"], 2, "upnpd: there is no option --frob\nusage: "),
    (["-x"], 2, "upnpd: there is no option -x\nusage: "),
    (["-n", "x"], 2, "upnpd: there is no option x\nusage: "),
])
def test_help_and_version_of_the_daemon(words, status, start):
    done = subprocess.run([UPNPD, *words], capture_output=True, text=True)
    assert done.returncode == status
    assert (done.stderr if status else done.stdout).startswith(start)
