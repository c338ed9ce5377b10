# SPDX-License-Identifier: ISC
"""The real init script, under busybox's ash, converts /etc/config/upnpd to
upnpd.conf, and the real upnpd -n checks it."""
import json
import os
import subprocess

import pytest

from router import FILES, UPNPD

CONFIG = "etc/config/upnpd"


@pytest.fixture
def router(shared):
    return shared


HEAD = "# Made from /etc/config/upnpd at each start and reload"
INTERFACES = """
config interface 'wan'
	option network 'wan'
	option type 'external'
config interface 'lan'
	option network 'lan'
	option type 'internal'
"""


def config(*lines, interfaces=INTERFACES):
    """A configuration that is enabled and has these lines in its section
    global."""
    return "\n\t".join(["config global 'global'", "option enabled '1'",
                        *lines]) + "\n" + interfaces


def made(router, text=None):
    """Start with @text. Return the lines of upnpd.conf without the comments
    with UCI sections, or None."""
    if text is not None:
        router.write(CONFIG, text)
    router.run("/etc/init.d/upnpd", "start", check=False)
    return router.conf_lines()


def refused(router, text, why):
    """Does a start with @text make no file, and log the reason @why?"""
    assert made(router, text) is None
    assert not router.has("tmp/etc/upnpd.conf.new")
    errors = [line.partition(": ")[2] for line in router.log().splitlines()
              if line.startswith("daemon.err upnpd: ")]
    assert errors == ["/etc/config/upnpd: " + why]
    return True


def uci_quoted(value):
    return "'" + value.replace("'", "'\\''") + "'"


# ---- what comes with the package ----------------------------------------

def test_package_config_is_disabled(router):
    assert made(router) is None
    assert router.log() == ("daemon.info upnpd: not enabled; "
                            "uci set upnpd.global.enabled=1\n")


def test_package_config_enabled(router):
    router.run("uci", "set", "upnpd.global.enabled=1")
    router.run("uci", "commit", "upnpd")
    assert made(router) == [
        HEAD,
        "enabled =yes",
        "allow-disable-external-interface =no",
        "nft-table =inet fw4",
        "nft-forward-chain =upnpd_forward",
        "pid-file =/var/run/upnpd.pid",
        "control-socket =/var/run/upnpd.sock",
        "", "[interface wan0]", "type =external",
        "", "[interface lan0]", "type =internal",
    ]
    assert router.log() == ""
    assert "is good" in router.run("upnpd", "-n", "-f", "/etc/upnpd.conf")


def test_rules_of_the_package_config_are_accepted(router):
    """upnpd accepts the rules that are comments in the package's file."""
    with open(f"{FILES}/upnpd.config") as f:
        text = f.read().replace("#list", "list").replace(
            "enabled '0'", "enabled '1'")
    lines = made(router, text)
    assert [line.split()[0] for line in lines if "65535" in line] == [
        "deny", "allow"]


# ---- names and values ---------------------------------------------------

def options(tmp_path):
    """{option: default}, as upnpctl prints them."""
    conf = tmp_path / "upnpd.conf"
    conf.write_text("enabled = no\n")
    upnpctl = os.path.join(os.path.dirname(UPNPD), "upnpctl")
    out = subprocess.run([upnpctl, "-f", str(conf), "--json", "print"],
                         check=True, capture_output=True, text=True).stdout
    return {name: value for name, value in json.loads(out).items()
            if name not in ("rules", "interfaces", "allow", "deny")}


def test_every_option_can_be_set(router, tmp_path):
    """UCI has every option, with _ for -, and 1 and 0 for yes and no."""
    values = options(tmp_path)
    assert len(values) > 30
    lines = []
    for name, value in values.items():
        if name == "enabled":
            continue
        if isinstance(value, list):
            text = ",".join(value)
        elif isinstance(value, (bool, type(None))):
            text = {True: "1", False: "0", None: ""}[value]
        else:
            text = str(value)
        lines.append(f"option {name.replace('-', '_')} {uci_quoted(text)}")
    got = made(router, config(*lines))
    assert got, router.log()
    for name, value in values.items():
        if isinstance(value, bool) and name != "enabled":
            assert f"{name} ={'yes' if value else 'no'}" in got
        elif value not in (None, []) and name != "enabled":
            assert f"{name} ={value}" in got


def words_for(line):
    """What upnpctl offers to complete it."""
    upnpctl = os.path.join(os.path.dirname(UPNPD), "upnpctl")
    out = subprocess.run([upnpctl, "-f", "/nonexistent", "--complete", line],
                         check=True, capture_output=True, text=True).stdout
    return [word.partition("\t")[0] for word in out.splitlines()]


def test_uci_knows_the_options_of_the_program(router, tmp_path):
    """Each that upnpctl offers is among those above, and takes 1 and 0 where it
    takes yes and no."""
    names = [word.removesuffix("=") for word in words_for("set ")]
    assert set(names) == set(options(tmp_path))
    lines, wanted = [], []
    for name in names:
        values = set(words_for(f"set {name}="))
        if name == "enabled" or not values & {"yes", "no"}:
            continue
        uci = name.replace("-", "_")
        if "no" in values:
            lines.append(f"option {uci} '0'")
            wanted.append(f"{name} =no")
        else:
            lines.append(f"option {uci} '1'")
            wanted.append(f"{name} =yes")
    got = made(router, config(*lines))
    assert got, router.log()
    assert len(wanted) > 10 and set(wanted) <= set(got)


def test_uci_knows_the_options_of_an_interface(router):
    """Those that upnpctl offers. Its network is routed here, because network
    names a section of /etc/config/network."""
    names = {word.removesuffix("=") for word in words_for("interfaces add ")}
    assert names - {"comment"} == {"interface", "type", "disabled",
                                   "forced-ip", "network"}
    got = made(router, config(interfaces="""
config interface 'wan'
	option network 'wan'
	option type 'external'
	option disabled '0'
	option forced_ip '11.22.33.7'
config interface 'lan'
	option name 'lan0'
	option type 'internal'
	list routed '172.31.0.0/16'
"""))
    at = got.index("[interface wan0]")
    assert sorted(got[at + 1:at + 4]) == [
        "disabled =no", "forced-ip =11.22.33.7", "type =external"]
    assert got[-3:] == ["[interface lan0]", "type =internal",
                        "network =172.31.0.0/16"]


def test_protocols(router):
    """With _ for -; a list may have several items."""
    lines = made(router, config(
        "option upnp '0'", "option nat_pmp 'off'", "option pcp '1'",
        "option pcp_strict_nonce 'true'", "option ask_upstream '0'",
        "option status_page 'off'",
        "list pcp_third_party '192.168.88.10/32'",
        "list pcp_third_party 'fd00:88::/64'"))
    for line in ("upnp =no", "nat-pmp =no", "pcp =yes",
                 "pcp-strict-nonce =yes", "ask-upstream =no", "status-page =no",
                 "pcp-third-party =192.168.88.10/32",
                 "pcp-third-party =fd00:88::/64"):
        assert line in lines


@pytest.mark.parametrize("said, meant", [
    ("1", "yes"), ("on", "yes"), ("true", "yes"), ("yes", "yes"),
    ("0", "no"), ("off", "no"), ("false", "no"), ("no", "no")])
def test_spellings_of_yes_and_no(router, said, meant):
    assert f"hairpin ={meant}" in made(
        router, config(f"option hairpin '{said}'"))


@pytest.mark.parametrize("value", [
    "it's mine", 'a "b" c', "#1 router", "a#b", "back\\slash", "$(reboot)",
    "`reboot`", "a;b&c|d", "x = y", "[interface eth0]", "* ? [a-z]", "'",
    "\u00fcber", "a  b", "-n", "%s%n", "'; reboot; '"])
def test_texts_are_unchanged(router, value):
    text = config(f"option friendly_name {uci_quoted(value)}")
    assert f"friendly-name ={value}" in made(router, text)
    out = router.run("upnpctl", "-f", "/var/etc/upnpd.conf", "--json",
                     "print")
    assert json.loads(out)["friendly-name"] == value


@pytest.mark.parametrize("value", [
    "x\nmasquerade = yes", "x\n[interface eth9]\ntype = internal", "x\n",
    "\nx", "x\nupnpd.lan=interface", "x\nupnpd.global.hairpin='yes'"])
def test_line_break_in_a_value_is_refused(router, value):
    refused(router, config(f"option friendly_name {uci_quoted(value)}"),
            "friendly-name has a line break in its value")


def test_line_break_in_a_rule_is_refused(router):
    value = "allow 80 0.0.0.0/0 80\nallow 1-65535 0.0.0.0/0 1-65535"
    for kind in ("option", "list"):
        router.write("tmp/log", "")
        refused(router, config(f"{kind} rule '{value}'"),
                "rule has a line break in its value")


def test_line_break_in_an_interface_is_refused(router):
    refused(router, config(interfaces=INTERFACES.replace(
        "'internal'", "'internal\nmasquerade = yes'")),
        "type has a line break in its value")


@pytest.mark.parametrize("value", ["My #1 router", "tab\t#x"])
def test_value_with_a_comment_is_refused(router, value):
    """upnpd would silently use the text up to the #."""
    refused(router, config(f"option friendly_name '{value}'"),
            "friendly-name has a # after a space, where a comment begins")


@pytest.mark.parametrize("line, why", [
    ("option http_port 'x'",
     'http-port is "x"; it takes a number from 0 to 65535'),
    ("option htp_port '1'",
     'there is no option "htp-port"; see upnpd.conf(5)'),
    ("option enabled '2'", 'enabled is "2"; it takes yes or no'),
    ("option hairpin 'maybe'", 'hairpin is "maybe"; it takes yes or no'),
    ("option friendly_name 'a\tb'",
     'friendly-name is "a?b"; it takes 1 to 127 printable bytes'),
    ("list rule 'allow x 0.0.0.0/0 1'",
     '"x" is not a port or range; example: 1024-65535'),
    ("list rule 'masquerade = yes'",
     'rule is "masquerade = yes"; it must begin with allow or deny'),
    ("list allow '1024-65535 0.0.0.0/0 1024-65535'",
     "write allow as list rule 'allow ...', so that allow and deny keep their "
     "order"),
    ("list http_port '1'\n\tlist http_port '2'",
     "http-port is set a second time; remove one"),
])
def test_errors_of_upnpd_are_logged(router, line, why):
    refused(router, config(line), why)


def test_rules_keep_their_order(router):
    rules = ["deny 3389 0.0.0.0/0 0-65535", "allow 80 192.168.88.5 80",
             "deny 1-1023 0.0.0.0/0 0-65535",
             "allow 1-65535 192.168.88.0/24 1-65535"]
    got = made(router, config(*(f"list rule '{rule}'" for rule in rules)))
    assert [line for line in got if line[:5] in ("allow", "deny ")] == rules


# ---- interfaces ---------------------------------------------------------

def test_interfaces_become_sections(router):
    router.network("guest", "br-guest.7")
    got = made(router, config(interfaces="""
config interface
	option network 'wan'
	option type 'external'
	option forced_ip '198.51.100.7'
config interface
	option name 'lan0'
	option type 'internal'
	list routed '172.31.0.0/16'
	list routed '2001:db8:1::/64'
config interface 'guest'
	option network 'guest'
	option type 'internal'
	option routed '10.7.0.0/16,10.8.0.0/16'
config interface 'old'
	option network 'gone'
	option type 'external'
	option disabled '1'
"""))
    assert got[got.index("[interface wan0]"):] == [
        "[interface wan0]", "type =external", "forced-ip =198.51.100.7",
        "", "[interface lan0]", "type =internal",
        "network =172.31.0.0/16", "network =2001:db8:1::/64",
        "", "[interface br-guest.7]", "type =internal",
        "network =10.7.0.0/16,10.8.0.0/16"]
    assert router.log() == ""


WANB = """
config interface 'wanb'
	option network 'wanb'
	option type 'external'
"""


def test_several_external_networks(router):
    """They keep their order, and one is enough to start."""
    router.network("wanb", "wwan0")
    text = config("option external_selection 'priority'",
                  interfaces=WANB + INTERFACES)
    assert devices(router, text) == ["wwan0", "wan0", "lan0"]
    assert "external-selection =priority" in made(router)
    router.network("wanb")
    # it keeps its device, because it was there before
    assert devices(router, text) == ["wwan0", "wan0", "lan0"]


def test_one_of_two_external_networks_is_down(router):
    router.network("wan")
    router.network("wanb", "wwan0")
    assert devices(router, config(interfaces=INTERFACES + WANB)) == [
        "lan0", "wwan0"]
    assert router.log() == \
        "daemon.info upnpd: interface wan: its network is not up\n"


def test_all_external_networks_are_down(router):
    router.network("wan")
    router.network("wanb")
    assert made(router, config(interfaces=INTERFACES + WANB)) is None
    assert router.log() == \
        "daemon.info upnpd: interface wanb: its network is not up\n"


def test_external_network_that_is_down_delays_the_start(router):
    router.network("wan")
    assert made(router, config()) is None
    assert router.log() == \
        "daemon.info upnpd: interface wan: its network is not up\n"
    router.network("wan", "pppoe-wan")
    assert "[interface pppoe-wan]" in made(router)


GUEST = """
config interface 'guest'
	option network 'guest'
	option type 'internal'
"""


def devices(router, text):
    return [line[11:-1] for line in made(router, text)
            if line.startswith("[interface ")]


def test_internal_network_without_a_device_is_left_out(router):
    router.network("guest")
    assert devices(router, config(interfaces=INTERFACES + GUEST)) == [
        "wan0", "lan0"]
    assert "guest: its network is not up" in router.log()


def test_internal_network_that_is_down_has_the_device_of_netifd(router):
    router.network("guest", physical="br-guest")
    text = config(interfaces=GUEST + INTERFACES)
    assert devices(router, text) == ["br-guest", "wan0", "lan0"]
    assert router.log() == ""


def test_network_that_goes_down_keeps_its_device(router):
    """The file does not change, so the daemon is not reloaded."""
    router.network("guest", "wlan1")
    text = config(interfaces=GUEST + INTERFACES)
    made(router, text)
    before = router.conf()
    for name in ("guest", "wan", "lan"):
        router.network(name)
    made(router, text)
    assert router.conf() == before
    # other changes take effect meanwhile
    assert "hairpin =no" in made(router, config(
        "option hairpin '0'", interfaces=GUEST + INTERFACES))
    assert router.log() == ""


def test_external_network_has_no_physical_device(router):
    """PPPoE's physical device is eth0, the right one is pppoe-wan."""
    router.network("wan", physical="eth0")
    assert made(router, config()) is None


def test_device_is_kept_only_for_its_network(router):
    """The section now has another network, which is down."""
    router.network("guest", "wlan1")
    made(router, config(interfaces=INTERFACES + GUEST))
    router.network("other")
    assert devices(router, config(interfaces=INTERFACES + GUEST.replace(
        "network 'guest'", "network 'other'"))) == ["wan0", "lan0"]


def test_lan_that_is_down_is_no_error(router):
    router.network("lan")
    assert made(router, config()) is None
    assert router.log() == \
        "daemon.info upnpd: interface lan: its network is not up\n"


@pytest.mark.parametrize("first", [True, False])
def test_device_of_a_network_that_is_down_may_be_moved(router, first):
    """upnpd would refuse a device with two sections."""
    router.network("guest", "eth5")
    text = config(interfaces=GUEST + INTERFACES if first
                  else INTERFACES + GUEST)
    made(router, text)
    router.network("guest")
    router.network("lan", "eth5", "192.168.88.1/24")
    assert devices(router, text) == ["wan0", "eth5"]


# ---- uci -----------------------------------------------------------------

@pytest.mark.parametrize("action", ["start", "reload", "print_conf", "stop"])
def test_runs_uci_once(router, action):
    router.write(CONFIG, config(
        "list rule 'allow 80 0.0.0.0/0 80'", "option hairpin '1'",
        interfaces=INTERFACES + mapping(**CAMERA)))
    router.run("/etc/init.d/upnpd", "start")
    router.write("tmp/uci.runs", "")
    router.run("/etc/init.d/upnpd", action)
    assert len(router.read("tmp/uci.runs").splitlines()) == 1


# ---- why upnpd does not start ----------------------------------------------

def start(router, text, action="start"):
    """Return the exit status and what the terminal shows."""
    router.write(CONFIG, text)
    out = router.run("sh", "-c", f"/etc/init.d/upnpd {action}; echo $?",
                     check=False).splitlines()
    return int(out[-1]), out[:-1]


def reason(router):
    return router.read("tmp/etc/upnpd.conf.reason") \
        if router.has("tmp/etc/upnpd.conf.reason") else None


def test_failing_start_says_why(router):
    why = ('/etc/config/upnpd: http-port is "x"; it takes a number from 0 to '
           "65535")
    status, said = start(router, config("option http_port 'x'"))
    assert status == 1 and said == ["upnpd: " + why]
    assert reason(router) == f"not started: {why}\n"


def test_start_at_boot_logs_once(router):
    """procd logs the standard error of scripts at boot."""
    status, said = start(router, config("option http_port 'x'"), "boot")
    assert status == 1 and said == []
    assert router.log().count("http-port") == 1


def test_start_that_waits_says_why(router):
    router.network("wan")
    why = "interface wan: its network is not up"
    status, said = start(router, config())
    assert status == 1 and said == ["upnpd: " + why]
    assert reason(router) == f"not started: {why}\n"
    assert start(router, config())[0] == 1
    router.network("wan", "wan0")
    assert start(router, config()) == (0, [])
    assert reason(router) is None


def test_disabled_service_says_so(router):
    why = "not enabled; uci set upnpd.global.enabled=1"
    text = config().replace("enabled '1'", "enabled '0'")
    assert start(router, text) == (0, ["upnpd: " + why])
    assert reason(router) == why + "\n"


def test_failing_reload_says_why(router):
    start(router, config())
    status, said = start(router, config("option http_port 'x'"), "reload")
    assert status == 1 and "http-port" in said[0]
    assert said[1] == "upnpd: the previous configuration stays in force"
    assert reason(router).startswith("not reloaded: /etc/config/upnpd: http")


@pytest.mark.parametrize("section, why", [
    ("option type 'internal'", "interface x has neither network nor name"),
    ("option name 'a'\n\toption network 'lan'\n\toption type 'internal'",
     "interface x has network and name; remove one"),
    ("option name 'a]'\n\toption type 'internal'",
     'interface x: "a]" is no device'),
    ("option network 'lan;reboot'\n\toption type 'internal'",
     'interface x: "lan;reboot" is not a network'),
    ("option name 'lan1'\n\toption type 'inside'",
     'type is "inside"; it takes one of: external, internal'),
    ("option name 'lan1'\n\toption typo 'internal'",
     'there is no option "typo" in an [interface] section; see '
     "upnpd.conf(5)"),
    ("option name 'lan1'\n\toption type 'internal'\n\tlist rule 'allow 1 "
     "0.0.0.0/0 1'", 'there is no option "rule" in an [interface] section; '
     "see upnpd.conf(5)"),
])
def test_wrong_interface_is_refused(router, section, why):
    text = config() + f"config interface 'x'\n\t{section}\n"
    refused(router, text, why)


# ---- files of other programs --------------------------------------------

MINIUPNPD = """
config upnpd 'config'
	option enabled '1'
	option internal_iface 'lan'
config perm_rule
	option action 'allow'
"""


def test_file_of_miniupnpd_is_refused(router):
    refused(router, MINIUPNPD, "this is miniupnpd's file; "
            "/usr/share/upnpd/upnpd-from-miniupnpd converts it")
    assert router.has("usr/share/upnpd/upnpd-from-miniupnpd")


def test_unknown_file_is_refused(router):
    refused(router, "config thing\n", "there is no section global; see "
            "upnpd.config in /usr/share/upnpd")
    assert router.has("usr/share/upnpd/upnpd.config")


def test_sections_of_other_types_are_refused(router):
    refused(router, config() + "config interfaces 'lan2'\n",
            "unknown type of section: interfaces; write global, "
            "interface or mapping")


def test_missing_file_is_refused(router):
    router.run("rm", "/" + CONFIG)
    assert made(router) is None
    assert "it is missing or has an error; see: uci show upnpd" in router.log()


def test_file_with_an_error_is_refused(router):
    refused(router, config() + "config interface 'x\n",
            "it is missing or has an error; see: uci show upnpd")


# ---- the UUID -----------------------------------------------------------

def test_uuid_is_made_once(router):
    router.write(CONFIG, config())
    router.run("/etc/uci-defaults/50-upnpd")
    first = router.run("uci", "get", "upnpd.global.uuid").strip()
    router.run("/etc/uci-defaults/50-upnpd")
    assert router.run("uci", "get", "upnpd.global.uuid").strip() == first
    assert f"uuid ={first}" in made(router)


def test_uuid_is_not_added_to_the_file_of_miniupnpd(router):
    router.write(CONFIG, MINIUPNPD)
    router.run("/etc/uci-defaults/50-upnpd")
    assert router.read(CONFIG) == MINIUPNPD


def test_sections_are_named_in_comments(router):
    """Section heads in upnpd.conf have the UCI section as a comment, by which
    upnpctl finds it."""
    made(router, config(interfaces=INTERFACES.replace("'lan'\n\toption net",
                                                      "\n\toption net")))
    heads = [line for line in router.conf().splitlines() if line[:1] == "["]
    assert heads[0] == "[interface wan0] # uci wan network wan"
    name = heads[1].removeprefix("[interface lan0] # uci ").split()[0]
    assert router.run("uci", "-q", "get", f"upnpd.{name}.network") == "lan\n"


def test_disabled_interfaces_are_shown(router):
    """The file has disabled interfaces, except those that upnpd would
    refuse."""
    got = made(router, config(interfaces=INTERFACES + """
config interface 'guest'
	option name 'eth7'
	option type 'internal'
	option forced_ip 'x'
	option disabled '1'
config interface 'lan_again'
	option network 'lan'
	option type 'internal'
	option disabled '1'
config interface 'typeless'
	option name 'eth8'
	option disabled '1'
config interface 'nothing'
	option disabled '1'
"""))
    assert got[got.index("[interface lan0]"):] == [
        "[interface lan0]", "type =internal",
        "", "[interface eth7]", "type =internal", "disabled =yes"]
    assert router.log() == ""


# ---- mappings -----------------------------------------------------------

def mapping(**options):
    return "config mapping\n" + "".join(
        f"\toption {name} {uci_quoted(value)}\n"
        for name, value in options.items())


CAMERA = {"proto": "tcp", "external_port": "8080", "to": "192.168.88.10:80"}


def test_mappings_become_lines(router):
    got = made(router, config(interfaces=mapping(**CAMERA) + mapping(
        proto="udp", external_port="1", to="192.168.88.11:2",
        remote="203.0.113.5", disabled="1",
        comment='it\'s "my" # $(reboot) \\ \u00e9') + mapping(
            **{**CAMERA, "external_port": "81"}, disabled="0") + INTERFACES))
    assert [line for line in got if line.startswith("mapping")] == [
        "mapping tcp 8080 192.168.88.10:80",
        "mapping udp 1 192.168.88.11:2 remote 203.0.113.5 disabled "
        '"it\'s \\"my\\" # $(reboot) \\\\ \u00e9"',
        "mapping tcp 81 192.168.88.10:80"]
    assert router.log() == ""


def test_pinholes_become_lines(router):
    """A pinhole has one port, so external_port may be left out."""
    got = made(router, config(interfaces=mapping(
        proto="tcp", to="[2001:db8::5]:8080") + mapping(
            proto="sctp", external_port="1", to="[2001:db8::6]:1",
            remote="2001:db8:1::9") + INTERFACES))
    assert got, router.log()
    assert [line for line in got if line.startswith("mapping")] == [
        "mapping tcp 8080 [2001:db8::5]:8080",
        "mapping sctp 1 [2001:db8::6]:1 remote 2001:db8:1::9"]
    assert router.log() == ""


@pytest.mark.parametrize("options, why", [
    ({"to": ""}, "mapping {} needs proto, external_port and to"),
    ({"proto": "icmp"},
     '"icmp" is not a protocol; write tcp or udp'),
    ({"external_port": "80-90"}, 'mapping {}: external_port is "80-90", which '
     "is not one word"),
    ({"to": "1.2.3.4:5 disabled"}, 'mapping {}: to is "1.2.3.4:5 disabled", '
     "which is not one word"),
    ({"comment": "a\nb"}, "{}.comment has a line break in its value"),
    ({"lease": "1"}, "mapping {}: there is no option lease; there are proto, "
     "external_port, to, remote, disabled, comment"),
])
def test_wrong_mapping_is_refused(router, options, why):
    text = config(interfaces=INTERFACES).replace("x", "x") + mapping(
        **{**CAMERA, **options}).replace("config mapping",
                                         "config mapping 'm'")
    refused(router, text, why.format("m"))
