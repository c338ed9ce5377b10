# SPDX-License-Identifier: ISC
"""If the configuration is kept in UCI, upnpctl changes UCI and lets the
service generate the file."""
import json

import pytest

import oldleases
from lab import wait_until
from test_service import answers, served    # noqa: F401
from test_uci import CONFIG, HEAD, config

CAMERA = ("protocol=tcp", "external-port=40000", "to=192.168.88.10:8000")


class Ctl:
    def __init__(self, procd):
        self.procd, self.router = procd, procd.router

    def __call__(self, *words):
        """Run upnpctl, which must succeed, and return its output. Messages of
        the service to procd are executed meanwhile."""
        with self.procd.at_work():
            return self.router.run("upnpctl", *words)

    def fails(self, *words):
        before = self.router.read(CONFIG)
        with self.procd.at_work():
            out = self.router.run("sh", "-c", '"$@"; echo status $?', "sh",
                                  "upnpctl", *words)
        text, _, status = out.rpartition("status ")
        assert int(status) > 0, out
        assert self.router.read(CONFIG) == before
        assert self.router.run("uci", "changes", "upnpd") == ""
        return text

    def uci(self, name):
        """The value, or None."""
        out = self.router.run("uci", "-q", "get", f"upnpd.{name}",
                              check=False)
        return out.rstrip("\n") or None


@pytest.fixture
def ctl(served):    # noqa: F811
    return Ctl(served)


# ---- settings -----------------------------------------------------------

def test_set_and_reset_options(ctl):
    ctl("set", "friendly-name=it's \"mine\" $(x)", "hairpin=yes")
    assert ctl.uci("global.friendly_name") == "it's \"mine\" $(x)"
    assert ctl.uci("global.hairpin") == "1"
    assert "friendly-name =it's \"mine\" $(x)\n" in ctl.router.conf()
    assert ctl.router.conf().startswith(HEAD + "\n")
    assert ctl.procd.ran == ["start", "HUP"]
    ctl("set", "!friendly-name", "hairpin=no")
    assert ctl.uci("global.friendly_name") is None
    assert ctl.uci("global.hairpin") == "0"
    # an option for which the service writes a default
    ctl("set", "!pid-file")
    assert answers(ctl.procd)


def test_refused_change_changes_nothing(ctl):
    assert "http-port" in ctl.fails("set", "http-port=x")
    assert "there is no interface lan7" in \
        ctl.fails("interfaces", "disable", "lan7")
    assert ctl.procd.ran == ["start"]


def test_daemon_waits_for_an_interface(ctl):
    assert "nothing is served until an internal interface is enabled" in \
        ctl("interfaces", "disable", "lan0")
    assert "waits: for an external and an internal" in ctl("status")
    ctl("interfaces", "enable", "lan0")
    assert answers(ctl.procd)
    assert "waits" not in ctl("status")


def test_uncommitted_changes_are_an_error(ctl):
    ctl.router.run("uci", "set", "upnpd.global.hairpin=1")
    with ctl.procd.at_work():
        out = ctl.router.run("upnpctl", "set", "masquerade=yes", check=False)
    assert "uncommitted" in out
    assert ctl.uci("global.masquerade") is None
    assert ctl.uci("global.hairpin") == "1"     # the change remains


def test_missing_uci_is_an_error(ctl):
    ctl.router.run("mv", "/sbin/uci", "/sbin/uci.away")
    out = ctl.router.run("upnpctl", "set", "hairpin=yes", check=False)
    ctl.router.run("mv", "/sbin/uci.away", "/sbin/uci")
    assert "kept in UCI, but the program uci is missing" in out
    assert "hairpin" not in ctl.router.read(CONFIG)


def test_disable_and_enable(ctl):
    ctl("set", "enabled=no")
    assert ctl.uci("global.enabled") == "0"
    assert not ctl.procd.runs() and ctl.router.conf() is None
    # without the file upnpctl asks the service for the settings
    assert json.loads(ctl("--json", "print"))["backend"] == "memory"
    ctl("set", "http-port=2829")
    assert ctl.uci("global.http_port") == "2829" and not ctl.procd.runs()
    ctl("set", "enabled=yes")
    assert answers(ctl.procd, 2829)


def test_protocols_are_set(ctl):
    ctl("/ip", "nat-pmp", "set", "enabled=no")
    assert ctl.uci("global.nat_pmp") == "0"
    ctl("set", "pcp-third-party=192.168.88.10/32,fd00:88::/64")
    assert ctl.uci("global.pcp_third_party") == \
        "192.168.88.10/32,fd00:88::/64"
    shown = json.loads(ctl("--json", "print"))
    assert shown["nat-pmp"] is False and shown["pcp"] is True
    assert len(shown["pcp-third-party"]) == 2
    ctl("set", "!nat-pmp", "!pcp-third-party")
    assert ctl.uci("global.nat_pmp") is None
    assert ctl.uci("global.pcp_third_party") is None


# ---- interfaces ---------------------------------------------------------

def interfaces(ctl):
    return {i["interface"]: (i["type"], i["disabled"]) for i in
            json.loads(ctl("--json", "interfaces", "print"))}


def test_add_change_and_remove_interfaces(ctl):
    ctl("interfaces", "add", "interface=br-guest.7", "type=internal")
    assert ctl.uci("br_guest_7") == "interface"
    assert ctl.uci("br_guest_7.name") == "br-guest.7"
    assert ctl.uci("br_guest_7.disabled") == "1"
    assert interfaces(ctl)["br-guest.7"] == ("internal", True)
    ctl("interfaces", "enable", "br-guest.7")
    assert ctl.uci("br_guest_7.disabled") == "0"
    assert interfaces(ctl)["br-guest.7"] == ("internal", False)
    ctl("interfaces", "set", "wan0", "forced-ip=198.51.100.7")
    assert ctl.uci("wan.forced_ip") == "198.51.100.7"
    assert ctl.uci("wan.network") == "wan"
    ctl("interfaces", "set", "wan0", "!forced-ip")
    assert ctl.uci("wan.forced_ip") is None
    ctl("interfaces", "set", "lan0", "network=172.31.0.0/16,10.9.0.0/16")
    assert ctl.uci("lan.routed") == "172.31.0.0/16,10.9.0.0/16"
    assert ctl.uci("lan.network") == "lan"
    ctl("interfaces", "set", "lan0", "!network")
    assert ctl.uci("lan.routed") is None
    ctl("interfaces", "remove", "br-guest.7")
    assert ctl.uci("br_guest_7") is None
    assert set(interfaces(ctl)) == {"wan0", "lan0"}


# ---- mappings -----------------------------------------------------------

def mapped(ctl):
    return {(m["protocol"], m["external-port"], m["remote-host"]):
            (m["configured"], m["description"])
            for m in json.loads(ctl("--json", "mappings", "print"))}


def test_add_and_remove_mappings(ctl):
    ctl("mappings", "add", *CAMERA, "comment=it's \"mine\" # \u00e9")
    section = "mapping_tcp_40000"
    assert ctl.uci(section) == "mapping"
    assert [ctl.uci(f"{section}.{name}") for name in (
        "proto", "external_port", "to", "remote", "disabled", "comment")] == [
            "tcp", "40000", "192.168.88.10:8000", None, None,
            "it's \"mine\" # \u00e9"]
    assert 'mapping tcp 40000 192.168.88.10:8000 "it\'s \\"mine\\" # ' \
        in ctl.router.conf()
    ctl("mappings", "add", *CAMERA, "remote-host=203.0.113.5",
        "disabled=yes")
    assert ctl.uci("mapping_tcp_40000_remote_203_0_113_5.disabled") == "1"
    assert mapped(ctl) == {
        ("tcp", 40000, None): (True, "it's \"mine\" # \u00e9"),
        ("tcp", 40000, "203.0.113.5"): (True, "")}
    ctl("mappings", "remove", "tcp:40000:0.0.0.0")
    assert ctl.uci(section) is None
    assert set(mapped(ctl)) == {("tcp", 40000, "203.0.113.5")}


def test_refused_mapping_is_not_written(ctl):
    assert "ports below 1024" in ctl.fails(
        "mappings", "add", "protocol=tcp", "external-port=80",
        "to=192.168.88.10:80")
    assert "mapping" not in ctl.router.conf() and mapped(ctl) == {}


def test_add_and_remove_a_pinhole(ctl):
    """The daemon refuses one outside its networks, so this one is off."""
    line = "mapping tcp 40000 [2001:db8::5]:40000 disabled"
    why = ctl.fails("mappings", "add", "protocol=tcp",
                    "to=[2001:db8::5]:40000")
    assert "in no internal network" in why, why
    assert "mapping" not in ctl.router.conf()
    text = ctl.router.read(CONFIG)
    ctl.router.write(CONFIG, text + """
config mapping 'web'
	option proto 'tcp'
	option to '[2001:db8::5]:40000'
	option disabled '1'
""")
    ctl.procd.event("config.change", "upnpd")
    assert wait_until(lambda: line in ctl.router.conf())
    ctl("mappings", "remove", "tcp:[2001:db8::5]:40000")
    assert "mapping" not in ctl.router.read(CONFIG)


def test_mapping_of_an_unnamed_section_is_removed(ctl):
    text = ctl.router.read(CONFIG)
    ctl.router.write(CONFIG, text + """
config mapping
	option proto 'udp'
	option external_port '40001'
	option to '192.168.88.10:1024'
""")
    ctl.procd.event("config.change", "upnpd")
    assert wait_until(lambda: ("udp", 40001, None) in mapped(ctl))
    ctl("mappings", "remove", "udp:40001")
    assert "mapping" not in ctl.router.read(CONFIG)
    assert mapped(ctl) == {}


def test_mapping_is_changed(ctl):
    ctl("mappings", "add", *CAMERA)
    ctl("mappings", "set", "tcp:40000", "disabled=yes", "comment=a # b")
    assert 'mapping tcp 40000 192.168.88.10:8000 disabled "a # b"\n' \
        in ctl.router.conf()
    assert ctl.router.read(CONFIG).count("config mapping") == 1
    ctl("mappings", "enable", "all")
    assert ctl.uci("mapping_tcp_40000.disabled") is None
    assert ctl.uci("mapping_tcp_40000.comment") == "a # b"


# ---- rules --------------------------------------------------------------

def rules(ctl):
    """The lines of UCI's list, which are those of upnpd.conf."""
    made = [line for line in ctl.router.conf().splitlines()
            if line.startswith(("allow ", "deny "))]
    listed = ctl.router.run("uci", "-q", "-d", "\n", "get",
                            "upnpd.global.rule", check=False)
    assert [line[1:-1].replace("'\\''", "'") for line in
            listed.splitlines()] == made
    return made


def test_rules_are_changed(ctl):
    assert rules(ctl) == []
    ctl("rules", "add", "action=allow", "network=0.0.0.0/0")
    ctl("rules", "add", "action=deny", "network=192.168.88.66",
        "comment=the kids' # console $(x) \\", "place-before=0")
    deny = ("deny 0-65535 192.168.88.66/32 0-65535 "
            '"the kids\' # console $(x) \\\\"')
    allow = "allow 1024-65535 0.0.0.0/0 1024-65535"
    assert rules(ctl) == [deny, allow]
    ctl("rules", "disable", "1")
    assert rules(ctl) == [deny, allow + " disabled"]
    ctl("rules", "move", "1", "0")
    assert rules(ctl) == [allow + " disabled", deny]
    ctl("rules", "remove", "all")
    assert rules(ctl) == [] and ctl.uci("global.rule") is None


def test_rules_that_the_service_has_not_read_stay(ctl):
    """Another writer of UCI has added a rule."""
    ctl("rules", "add", "action=allow", "network=0.0.0.0/0")
    text = ctl.router.read(CONFIG)
    ctl.router.write(CONFIG, text.replace(
        "\tlist rule", "\tlist rule 'deny 1 10.0.0.0/8 1'\n\tlist rule"))
    assert "the rules in UCI are not those that" in ctl.fails(
        "rules", "remove", "0")
    ctl.procd.event("config.change", "upnpd")
    assert wait_until(lambda: "deny 1 10.0.0.0/8 1" in rules(ctl))
    ctl("rules", "remove", "1")
    assert rules(ctl) == ["deny 1 10.0.0.0/8 1"]


@pytest.mark.parametrize("rule,error", [
    ("allow 1 10.0.0.0/8 1 # x", "has a # after a space"),
    ('allow 1 10.0.0.0/8 1 "a\nupnp = no"', "has a line break"),
    ('allow 1 10.0.0.0/8 1 "a', "no closing quote"),
])
def test_wrong_rule_starts_nothing(shared, rule, error):
    shared.write(CONFIG, config().replace(
        "option enabled", f"list rule '{rule}'\n\toption enabled"))
    assert error in shared.run("/etc/init.d/upnpd", "start", check=False)


# ---- mappings: UCI has changed ------------------------------------------

def test_mapping_that_uci_already_has_is_refused(ctl):
    """UCI was changed, and the service has not been reloaded. With a second
    section upnpd would refuse the whole configuration."""
    text = ctl.router.read(CONFIG)
    ctl.router.write(CONFIG, text + """
config mapping 'mine'
	option proto 'tcp'
	option external_port '40000'
	option to '192.168.88.10:1024'
""")
    assert "UCI already has a section of mapping tcp 40000; run: /etc/init.d" \
        in ctl.fails("mappings", "add", *CAMERA)
    assert mapped(ctl) == {}
    ctl.procd.event("config.change", "upnpd")
    assert wait_until(lambda: ("tcp", 40000, None) in mapped(ctl))
    ctl.router.write(CONFIG, text)
    assert "UCI does not have a section of mapping tcp 40000" in ctl.fails(
        "mappings", "remove", "tcp:40000")
    assert ("tcp", 40000, None) in mapped(ctl)


def test_old_static_mappings_move_to_uci(ctl):
    """The service starts the migration, as after an upgrade."""
    ctl.procd.init("stop")
    ctl.router.write("tmp/lib/upnpd/leases", oldleases.text(
        "+ tcp 40000 192.168.88.10 8000 * 1 0 0 0 0.0.0.0 camera"))
    ctl.router.run("chown", "upnpd:upnpd", "/var/lib/upnpd/leases")
    ctl.procd.init("start")
    assert wait_until(lambda: ctl.procd.settle() or ctl.uci(
        "mapping_tcp_40000") == "mapping")
    assert wait_until(lambda: ctl.procd.settle() or mapped(ctl) == {
        ("tcp", 40000, None): (True, "camera")})


# ---- status and check ------------------------------------------------------

def lines(text):
    return dict(line.strip().split(": ", 1) for line in text.splitlines()
                if ": " in line)


def status(router):
    """As text and as JSON; the exit status is 1 if upnpd does not run."""
    text = lines(router.run("upnpctl", "status", check=False))
    told = json.loads(router.run("upnpctl", "--json", "status", check=False))
    assert told["reason"] == text.get("reason")
    return text


def test_status_says_why_upnpd_does_not_run(shared):
    shared.write(CONFIG, config("option http_port 'x'"))
    shared.run("/etc/init.d/upnpd", "start", check=False)
    said = status(shared)
    assert said["running"] == "no"
    assert said["reason"] == ('not started: /etc/config/upnpd: http-port is '
                              '"x"; it takes a number from 0 to 65535')
    assert "configuration-fault" not in said
    assert said["reason"] in shared.run("upnpctl", "mappings", "print",
                                        check=False)
    assert said["reason"] in shared.run("upnpctl", "check", check=False)
    shared.write(CONFIG, config().replace("enabled '1'", "enabled '0'"))
    shared.run("/etc/init.d/upnpd", "start")
    assert status(shared)["reason"] == \
        "not enabled; uci set upnpd.global.enabled=1"


def test_status_says_why_a_reload_failed(ctl):
    assert "reason" not in status(ctl.router)
    ctl.router.run("uci", "set", "upnpd.global.http_port=x")
    ctl.procd.event("config.change", "upnpd")
    said = status(ctl.router)
    assert said["running"].startswith("yes")
    assert said["reason"].startswith("not reloaded: /etc/config/upnpd: http-p")
    assert said["reason"] in ctl.router.run("upnpctl", "check", check=False)
    ctl.router.run("uci", "revert", "upnpd")
    ctl.procd.event("config.change", "upnpd")
    assert "reason" not in status(ctl.router)


def test_status_after_a_stop(ctl):
    ctl.procd.init("stop")
    assert status(ctl.router)["reason"] == \
        "stopped; run: /etc/init.d/upnpd start"


def test_reason_is_printable(shared):
    shared.write("tmp/etc/upnpd.conf.reason", "a\x1b[31mb\u202e\nsecond\n")
    assert status(shared)["reason"] == "a?[31mb?"


def test_check_follows_the_link_to_the_configuration(ctl):
    """The daemon reads /var/etc/upnpd.conf, to which /etc/upnpd.conf points."""
    for path in ("/etc/upnpd.conf", "/var/etc/upnpd.conf",
                 "/tmp/etc/upnpd.conf"):
        out = ctl.router.run("upnpctl", "-f", path, "check", check=False)
        assert "upnpd runs, process" in out
        assert "has no effect" not in out
    ctl.router.run("cp", "/var/etc/upnpd.conf", "/tmp/other.conf")
    assert "has no effect" in ctl.router.run(
        "upnpctl", "-f", "/tmp/other.conf", "check", check=False)
