# SPDX-License-Identifier: ISC
"""upnpd-from-miniupnpd, under busybox's ash, writes a configuration that the
real upnpd accepts, and reports what it could not convert."""
import json
import re
import subprocess

import pytest

from router import TREE, UPNPD

SCRIPT = TREE + "/dist/upnpd-from-miniupnpd"


def migrate(text, tmp_path, *args):
    """Convert a miniupnpd.conf, without OpenWrt. Return (output, lines of
    stderr)."""
    source = tmp_path / "miniupnpd.conf"
    source.write_text(text)
    done = subprocess.run(["busybox", "ash", SCRIPT, *args, str(source)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr.splitlines()


def good(text, tmp_path):
    """Check that upnpd accepts it. Return the lines that are not empty."""
    conf = tmp_path / "upnpd.conf"
    conf.write_text(text)
    done = subprocess.run([UPNPD, "-n", "-f", str(conf)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [line for line in text.splitlines() if line]


# ---- miniupnpd.conf -----------------------------------------------------

WHOLE = """\
# WAN
ext_ifname=eth1
ext_ip=198.51.100.7
listening_ip=br-lan
listening_ip=eth2 wlan0
http_port=0
enable_pcp_pmp=yes
friendly_name=It's #1
model_name=M
manufacturer_name=Corp
serial=12345678
model_number=1
bitrate_up=1000000
bitrate_down=10000000
secure_mode=no
presentation_url=http://www.mylan/
notify_interval=60
uuid=12345678-0000-4000-8000-000000000001
force_igd_desc_v1=yes
allow 1024-65535 192.168.0.0/24 1024-65535
allow 12345 192.168.7.113/32 54321   # one
deny 0-65535 0.0.0.0/0 0-65535
"""


def test_complete_conf_is_converted(tmp_path):
    out, said = migrate(WHOLE, tmp_path)
    assert good(out.replace("It's #1", "It's1"), tmp_path)
    assert out.splitlines() == [
        "enabled = yes",
        "allow-disable-external-interface = no",
        "show-dummy-rule = no",
        "http-port = 0",
        "model-name = M",
        "manufacturer = Corp",
        "serial-number = 12345678",
        "model-number = 1",
        "upstream-bps = 1000000",
        "downstream-bps = 10000000",
        "secure-mode = no",
        "presentation-url = http://www.mylan/",
        "notify-interval = 60",
        "uuid = 12345678-0000-4000-8000-000000000001",
        "igd-version = 1",
        "allow 1024-65535 192.168.0.0/24 1024-65535",
        "allow 12345 192.168.7.113/32 54321",
        "deny 0-65535 0.0.0.0/0 0-65535",
        "allow 1024-65535 ::/0 1024-65535",
        "", "[interface eth1]", "type = external",
        "forced-ip = 198.51.100.7",
        "", "[interface br-lan]", "type = internal",
        "", "[interface eth2]", "type = internal",
    ]
    assert said == [
        "upnpd-from-miniupnpd: listening_ip=eth2 wlan0: only eth2 is used; a "
        "bridge needs no more",
        "upnpd-from-miniupnpd: friendly-name: a value with a line break, or "
        "with a # after a space, cannot be kept"]


BASE = ("ext_ifname=wan0\nlistening_ip=lan0\nsecure_mode=yes\n"
        "enable_pcp_pmp=no\n")
DENY = "deny 0-65535 0.0.0.0/0 0-65535\n"


@pytest.mark.parametrize("line, why", [
    ("ipv6_listening_ip=fe80::1", "every address of the internal interfaces"),
    ("ext_perform_stun=yes", "there is no STUN"),
    ("ext_stun_host=stun.example.net", "there is no STUN"),
    ("https_port=0", "there is no HTTPS"),
    ("minissdpdsocket=/var/run/minissdpd.sock", "answers searches itself"),
    ("min_lifetime=120", "PCP grants 120 to 86400 s"),
    ("max_lifetime=86400", "see max-lease"),
    ("upnp_forward_chain=forwardUPnP", "chains of its own"),
    ("lease_file=/var/log/upnp.leases", "leases are kept in state-dir"),
    ("model_description=x", "not in the description"),
    ("system_uptime=yes", "its own uptime"),
    ("clean_ruleset_interval=600", "see absent-timeout"),
    ("clean_ruleset_threshold=20", "a mapping ends with its lease"),
    ("anchor=miniupnpd", "it is for pf"),
    ("upnp_nftables_family_split=yes", "upnpd has tables of its own"),
    ("shoe_size=44", "unknown setting"),
])
def test_settings_without_a_counterpart_are_reported(tmp_path, line, why):
    out, (said,) = migrate(BASE + line + "\n" + DENY, tmp_path)
    name, _, value = line.partition("=")
    assert said.startswith(f"upnpd-from-miniupnpd: {name} {value}: no "
                           "counterpart: ")
    assert why in said
    assert out == migrate(BASE + DENY, tmp_path)[0]
    good(out, tmp_path)


# Every setting that miniupnpd 2.3 reads, with whatever it was built.
SETTINGS_OF_MINIUPNPD = """
ext_ifname ext_ifname6 ext_ip ext_perform_stun ext_stun_host ext_stun_port
ext_allow_private_ipv4 listening_ip ipv6_listening_ip ipv6_disable port
http_port https_port bitrate_up bitrate_down presentation_url friendly_name
manufacturer_name manufacturer_url model_name model_description model_url
notify_interval system_uptime packet_log uuid serial model_number
clean_ruleset_threshold clean_ruleset_interval upnp_table_name
upnp_nat_table_name upnp_forward_chain upnp_nat_chain
upnp_nat_postrouting_chain upnp_nftables_family_split enable_natpmp
enable_pcp_pmp min_lifetime max_lifetime pcp_allow_thirdparty enable_upnp anchor
queue tag quickrules lease_file lease_file6 force_igd_desc_v1 minissdpdsocket
secure_mode
""".split()


@pytest.mark.parametrize("name", SETTINGS_OF_MINIUPNPD)
def test_every_setting_is_known(tmp_path, name):
    """It is converted, or the reason why not is reported."""
    value = {"ext_ifname": "wan0", "listening_ip": "lan0",
             "ext_ip": "11.22.33.7"}.get(name, "1")
    _, said = migrate(BASE + f"{name}={value}\n" + DENY, tmp_path)
    assert not any("unknown" in line for line in said)


@pytest.mark.parametrize("text", (
    "ext_ifname6=henet\n" + BASE, BASE + "ext_ifname6=henet\n"))
def test_interface_of_ipv6_is_a_second_external_one(tmp_path, text):
    out, said = migrate(text + DENY, tmp_path)
    assert said == []
    assert good(out, tmp_path)[-6:] == [
        "[interface wan0]", "type = external",
        "[interface henet]", "type = external",
        "[interface lan0]", "type = internal"]


@pytest.mark.parametrize("line", [
    "ext_ifname6=wan0", "enable_upnp=yes", "enable_natpmp=no", "ipv6_disable=no",
    "# clean_ruleset_interval=600", "force_igd_desc_v1=no", "",
    "ext_perform_stun=no", "system_uptime=no", "packet_log=no",
    "pcp_allow_thirdparty=no", "ext_ip=", "serial=", "model_number=",
    "presentation_url=", "listening_ip=lan0"])
def test_unused_settings_are_not_reported(tmp_path, line):
    out, said = migrate(BASE + line + "\n" + DENY, tmp_path)
    assert said == []
    assert out == migrate(BASE + DENY, tmp_path)[0]


def test_last_of_several_settings_counts(tmp_path):
    """miniupnpd uses the last one, with any space around the =. upnpd accepts
    each setting only once."""
    out, said = migrate("ext_ifname = eth9\nport=1\n" + BASE.replace("=", " = ")
                        + "http_port=2\nsecure_mode=no\nsecure_mode =yes\r\n"
                        + DENY.rstrip(), tmp_path)
    assert said == []
    want, _ = migrate(BASE + "http_port=2\n" + DENY, tmp_path)
    assert sorted(out.splitlines()) == sorted(want.splitlines())
    assert good(out, tmp_path)


@pytest.mark.parametrize("value, ours", [
    ("yes", "yes"), ("1", "yes"), ("no", "no"), ("0", "no")])
def test_secure_mode(tmp_path, value, ours):
    out, _ = migrate(BASE.replace("=yes", "=" + value) + DENY, tmp_path)
    assert f"secure-mode = {ours}" in good(out, tmp_path)


PINHOLES = "allow 1024-65535 ::/0 1024-65535"


def ip4_rules(lines):
    """Where one of them allows something, the last rule is that of IPv6."""
    rules = [line for line in lines if line.startswith(("allow ", "deny "))]
    if any(line.startswith("allow ") for line in rules):
        assert rules.pop() == PINHOLES
    return rules


def rules_of(text, tmp_path):
    out, said = migrate(BASE + text, tmp_path)
    return ip4_rules(good(out, tmp_path)), said


def test_pinholes_stay_possible(tmp_path):
    """miniupnpd has no rules for IPv6. upnpd refuses a pinhole if there are
    rules and none matches."""
    allow = "allow 1-9 1.2.3.4/32 1-9\n"
    out, said = migrate(BASE + allow + DENY, tmp_path)
    assert PINHOLES in good(out, tmp_path) and said == []
    out, said = migrate(BASE + DENY, tmp_path)
    assert PINHOLES not in good(out, tmp_path)
    out, said = migrate(BASE + allow + DENY + "ipv6_disable=yes\n", tmp_path)
    lines = good(out, tmp_path)
    assert "ipv6 = no" in lines and PINHOLES not in lines and said == []


def test_default_of_miniupnpd_is_accept(tmp_path):
    """upnpd refuses by default, so a last rule keeps the old meaning, and that
    is reported."""
    rest = "allow 0-65535 0.0.0.0/0 0-65535"
    rules, said = rules_of("", tmp_path)
    assert rules == [rest]
    assert "miniupnpd accepts what no rule matches" in said[0]
    rules, said = rules_of("deny 0-1023 0.0.0.0/0 0-65535\n", tmp_path)
    assert rules == ["deny 0-1023 0.0.0.0/0 0-65535", rest] and said
    rules, said = rules_of("allow 80 10.0.0.1/32 80\n" + DENY, tmp_path)
    assert rules == ["allow 80 10.0.0.1/32 80", DENY.strip()]
    assert said == []


@pytest.mark.parametrize("given, ours", [
    ("192.168.1.77/24", "192.168.1.0/24"), ("10.1.2.3/9", "10.0.0.0/9"),
    ("10.1.2.3", "10.1.2.3/32"), ("172.31.255.255/12", "172.16.0.0/12"),
    ("1.2.3.4/0", "0.0.0.0/0"), ("192.168.1.131/25", "192.168.1.128/25"),
    ("192.168.1.7/31", "192.168.1.6/31")])
def test_networks_lose_bits_beyond_the_prefix(tmp_path, given, ours):
    rules, _ = rules_of(f"allow 1-9 {given} 1-9\n{DENY}", tmp_path)
    assert rules[0] == f"allow 1-9 {ours} 1-9"


@pytest.mark.parametrize("rule", [
    "allow 70000 1.2.3.4/32 1", "allow 1 1.2.3.400/32 1", "allow 1 x 1",
    "allow 2-1 1.2.3.4/32 1", "allow 1 1.2.3.4/33 1", "allow 1 1.2.3.4/32",
    "deny 1-2-3 1.2.3.4/32 1"])
def test_invalid_rules_are_left_out(tmp_path, rule):
    rules, said = rules_of(f"{rule}\n{DENY}", tmp_path)
    assert rules == [DENY.strip()]
    assert said == [f'upnpd-from-miniupnpd: rule "{rule}" cannot be read; '
                    "left out"]


def test_rules_by_description_are_left_out(tmp_path):
    """They are left out, with a warning if that allows more."""
    rules, said = rules_of('deny 1-9 1.2.3.4/32 1-9 "My evil app"\n' + DENY,
                           tmp_path)
    assert rules == [DENY.strip()]
    assert "what it denied by description may now be allowed" in said[1]


@pytest.mark.parametrize("lines, ours", [
    ("", ["nat-pmp = no", "pcp = no"]),
    ("enable_pcp_pmp=yes\n", []), ("enable_natpmp=1\n", []),
    ("enable_natpmp=no\nenable_pcp_pmp=yes\n", []),
    ("enable_pcp_pmp=yes\nenable_natpmp=no\n",
     ["nat-pmp = no", "pcp = no"]),
    ("enable_upnp=no\nenable_natpmp=yes\n", ["upnp = no"])])
def test_protocols(tmp_path, lines, ours):
    """One setting of miniupnpd, with two names, is for NAT-PMP and PCP."""
    out, said = migrate(BASE + lines + DENY, tmp_path)
    assert said == []
    assert [line for line in good(out, tmp_path) if re.match(
        "(upnp|nat-pmp|pcp) ", line)] == ours
    assert "enabled = yes" in out


def test_protocols_are_off_by_default(tmp_path):
    """miniupnpd's default is to serve UPnP only."""
    out, (said,) = migrate(BASE.replace("enable_pcp_pmp=no\n", "") + DENY,
                           tmp_path)
    assert "nat-pmp = no\npcp = no\n" in out
    assert "enable_pcp_pmp is not set" in said


def test_without_any_protocol(tmp_path):
    out, (said,) = migrate(BASE + "enable_upnp=no\n" + DENY, tmp_path)
    assert "enabled = no" in out
    assert "UPnP, NAT-PMP and PCP are off" in said


def test_third_parties(tmp_path):
    out, (said,) = migrate(BASE + "pcp_allow_thirdparty=yes\n" + DENY,
                           tmp_path)
    assert "third" not in out and "pcp-third-party" in said


def test_addresses_are_not_interfaces(tmp_path):
    out, said = migrate("ext_ifname=wan0\nlistening_ip=192.168.0.1/24\n"
                        "secure_mode=yes\nenable_pcp_pmp=no\n" + DENY,
                        tmp_path)
    assert len(said) == 2 and "[interface 192" not in out


def test_conf_is_converted_to_uci(shared, tmp_path):
    """-u converts a miniupnpd.conf to UCI, for an OpenWrt router that had its
    own file."""
    out, _ = migrate(BASE + "friendly_name=It's mine\n" + DENY, tmp_path, "-u")
    shared.write("etc/config/upnpd", out)
    shared.run("/etc/init.d/upnpd", "start", check=False)
    conf = shared.conf_lines()
    assert conf, shared.log()
    for line in ("[interface wan0]", "friendly-name =It's mine",
                 "nft-table =inet fw4", DENY.strip()):
        assert line in conf


def test_missing_file_is_an_error(tmp_path):
    done = subprocess.run(["busybox", "ash", SCRIPT, str(tmp_path / "x")],
                          capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.endswith("/x cannot be read\n")


# ---- /etc/config/upnpd --------------------------------------------------

VERSION1 = """
config upnpd 'config'
	option enabled '1'
	option enable_upnp '1'
	option enable_natpmp '1'
	option secure_mode '1'
	option log_output '0'
	option download '1024'
	option upload '512'
	option internal_iface 'lan guest'
	option external_iface 'wan'
	option port '5000'
	option upnp_lease_file '/var/run/miniupnpd.leases'
	option igdv1 '1'
	option presentation_url 'http://192.168.1.1/'
	option notify_interval '10'
	option clean_ruleset_threshold '20'
	option uuid '12345678-0000-4000-8000-000000000001'
	option use_stun '0'

config perm_rule
	option action 'allow'
	option ext_ports '1024-65535'
	option int_addr '0.0.0.0/0'
	option int_ports '1024:65535'
	option comment 'Allow high ports'

config perm_rule
	option action 'deny'
	option ext_ports '0-65535'
	option int_addr '0.0.0.0/0'
	option int_ports '0-65535'
	option comment 'Default deny'
"""


@pytest.mark.parametrize("device, found", (
    ("6in4-henet", True), ("wan0", False), (None, None)))
def test_network_of_ipv6(shared, device, found):
    """A tunnel is a second external interface; wan6 has the device of wan."""
    shared.network("henet", device)
    out, _, said = migrated(shared, VERSION1.replace(
        "external_iface 'wan'",
        "external_iface 'wan'\n\toption external_iface6 'henet'"))
    if found is None:
        found = False
        assert [line for line in said if "external_iface6 henet: its device "
                "is unknown" in line]
    assert ("[interface 6in4-henet]" in out) == found
    assert "[interface wan0]" in out


def migrated(shared, text):
    """Convert the old file and replace it. Return (upnpd.conf as a start writes
    it, its rules for IPv4, lines of stderr)."""
    shared.network("guest", "br-guest", "192.168.9.1/24")
    shared.write("etc/config/upnpd", text)
    out = shared.run("sh", "-c", "/usr/share/upnpd/upnpd-from-miniupnpd "
                     "2> /tmp/said")
    assert shared.read("etc/config/upnpd") == text
    shared.write("etc/config/upnpd", out)
    shared.run("/etc/init.d/upnpd", "start", check=False)
    said = [line.partition(": ")[2]
            for line in shared.read("tmp/said").splitlines()]
    conf = shared.conf_lines() or []
    assert conf or "enabled 'no'" in out, shared.log() + out
    return conf, ip4_rules(conf), said


def test_uci_version_1_is_converted(shared):
    conf, rules, said = migrated(shared, VERSION1)
    assert rules == [
        'allow 1024-65535 0.0.0.0/0 1024-65535 "Allow high ports"',
        'deny 0-65535 0.0.0.0/0 0-65535 "Default deny"']
    assert conf[1:] == [
        "enabled =yes", "allow-disable-external-interface =no",
        "show-dummy-rule =no", "nft-table =inet fw4",
        "nft-forward-chain =upnpd_forward", "secure-mode =yes",
        "downstream-bps =8388608", "upstream-bps =4194304",
        "http-port =5000", "igd-version =1",
        "presentation-url =http://192.168.1.1/", "notify-interval =30",
        "uuid =12345678-0000-4000-8000-000000000001", *rules,
        PINHOLES,
        "pid-file =/var/run/upnpd.pid",
        "control-socket =/var/run/upnpd.sock",
        "", "[interface wan0]", "type =external",
        "", "[interface lan0]", "type =internal",
        "", "[interface br-guest]", "type =internal"]
    assert [re.match(r"[\w-]+", line)[0] for line in said] == [
        "upnp_lease_file", "notify-interval", "clean_ruleset_threshold"]


VERSION2 = """
config upnpd 'config'
	option enabled '1'
	option enabled_protocols 'all'
	option allow_third_party_mapping '0'
	option log_output 'debug'
	option upnp_igd_compat 'igdv1'
	option upnp_igd_download '100000'
	option upnp_igd_friendly_name 'OpenWrt'
	option external_iface 'wan'

config internal_network
	option interface 'lan'
	option acl_preset 'accept-high-ports'
	option acl_reject_ports '3389'

config internal_network
	option interface 'guest'
	option acl_preset 'accept-listed-ports'
	option acl_accept_ports '8080'
	option acl_reject_ports '23 135-139'
	option acl_custom_first '1'

config perm_rule
	option action 'allow'
	option ext_ports '443'
	option int_addr '192.168.9.7'
	option int_ports '443'
"""


def test_uci_version_2_is_converted(shared):
    """The networks' presets become rules."""
    conf, rules, said = migrated(shared, VERSION2)
    assert rules == [
        "deny 3389 192.168.88.0/24 3389",
        "allow 1024-65535 192.168.88.0/24 1024-65535",
        "deny 1-65535 192.168.88.0/24 1-65535",
        "deny 23 192.168.9.0/24 23",
        "deny 135-139 192.168.9.0/24 135-139",
        "allow 443 192.168.9.7/32 443",
        "allow 8080 192.168.9.0/24 8080"]
    for line in ("secure-mode =yes", "log-level =debug", "igd-version =1",
                 "downstream-bps =100000000", "friendly-name =OpenWrt"):
        assert line in conf
    assert said == []
    assert not any(line.startswith(("upnp", "nat-pmp", "pcp"))
                   for line in conf)


SETTINGS = """
config upnpd 'settings'
	option enabled '1'
	option enable_protocols 'upnp-igd'
	option allow_third_party_mapping '0'
	option allow_cgnat '0'
	option http_port '5001'
	option download_kbps '100000'
	option friendly_name 'OpenWrt'
	option external_iface 'wan'
"""
NETWORKS = SETTINGS + """
config internal_network
	option interface 'lan'
	option access_preset 'accept-web+high-ports'
	option reject_ports '3389'
	option ignore_acl '1'

config internal_network
	option interface 'guest'
	option accept_ports '8080'
	option reject_ports '23 135-139'
"""
ENTRIES = """
config acl_entry
	option comment 'High ports'
	option int_port '1024-65535'
	option ext_port '1024-65535'
	option action 'ignore'

config acl_entry
	option int_addr '192.168.9.7'
	option int_port '443'
	option ext_port '443'
	option action 'accept'

config acl_entry
	option int_addr '192.168.9.8'
	option descr_filter 'evil .*'
	option action 'reject'

config acl_entry
	option int_addr '192.168.9.9'
	option action 'reject'
"""


def test_uci_settings_are_converted(shared):
    """The layout with a section settings has other names, and lists for each
    network."""
    conf, rules, said = migrated(shared, NETWORKS + ENTRIES)
    assert rules == [
        "deny 3389 192.168.88.0/24 3389",
        "allow 1024-65535 192.168.88.0/24 1024-65535",
        "allow 80 192.168.88.0/24 80",
        "allow 443 192.168.88.0/24 443",
        "deny 1-65535 192.168.88.0/24 1-65535",
        "deny 23 192.168.9.0/24 23",
        "deny 135-139 192.168.9.0/24 135-139",
        "allow 443 192.168.9.7/32 443",
        "deny 1-65535 192.168.9.9/32 1-65535",
        "allow 8080 192.168.9.0/24 8080"]
    for line in ("secure-mode =yes", "http-port =5001",
                 "downstream-bps =100000000", "friendly-name =OpenWrt",
                 "[interface lan0]", "[interface br-guest]"):
        assert line in conf
    assert len(said) == 2 and all("by description" in line
                                  or "descriptions; left out" in line
                                  for line in said)


@pytest.mark.parametrize("check, entry_first", [("0", False), ("1", True)])
def test_uci_settings_for_all_networks(shared, check, entry_first):
    """In this layout the networks share the rules."""
    _, rules, said = migrated(shared, SETTINGS + f"""\
	option internal_iface 'lan guest'
	option access_defaults 'accept-high-ports'
	option reject_ports ''
	option check_acl '{check}'
""" + ENTRIES.split("evil")[0].rpartition("config")[0])
    entry = "allow 443 192.168.9.7/32 443"
    nets = [f"allow 1024-65535 192.168.{net}.0/24 1024-65535"
            for net in (88, 9)]
    if entry_first:
        assert rules == [entry, *nets]
    else:
        assert [rule for rule in rules if rule.startswith("allow")] == \
            [*nets, entry]
    assert said == []


def test_uci_settings_that_allow_nothing(shared):
    """miniupnpd refused everything, and so does upnpd."""
    _, rules, _ = migrated(shared, SETTINGS + """\
	option reject_ports ''
""")
    assert rules == ["deny 0-65535 0.0.0.0/0 0-65535"]


def test_uci_settings_are_disabled_by_default(shared):
    """This layout is disabled by default, the older one enabled."""
    off = "\toption enabled '1'\n"
    shared.write("etc/config/upnpd", NETWORKS.replace(off, ""))
    assert "option enabled 'no'" in shared.run(
        "/usr/share/upnpd/upnpd-from-miniupnpd")
    shared.write("etc/config/upnpd", VERSION1.replace(off, ""))
    assert "option enabled 'yes'" in shared.run(
        "/usr/share/upnpd/upnpd-from-miniupnpd")


def test_uci_hostile_values_are_left_out(shared):
    text = VERSION1.replace("'http://192.168.1.1/'",
                            "'x\nupnpd.config.serial_number=y'").replace(
        "'Allow high ports'", "'x\noption enabled 0'").replace(
        "'Default deny'", '"it\'s \\"#1\\" $(x) \\\\"')
    conf, rules, said = migrated(shared, text)
    assert not any("serial" in line or "presentation" in line
                   for line in conf)
    assert rules == [
        "allow 1024-65535 0.0.0.0/0 1024-65535",
        'deny 0-65535 0.0.0.0/0 0-65535 "it\'s \\"#1\\" $(x) \\\\"']
    assert any(line.startswith("presentation-url: a value with a line break")
               for line in said)


def protocols(conf):
    return [line for line in conf if line.startswith(("upnp", "nat-", "pcp"))]


OFF = ["nat-pmp =no", "pcp =no"]


@pytest.mark.parametrize("old, new, ours", [
    ("enable_upnp '1'", "enable_upnp '0'", ["upnp =no"]),
    ("enable_natpmp '1'", "enable_natpmp '0'", OFF),
    ("option enable_natpmp '1'", "", []),
    ("enable_natpmp '1'", "enabled_protocols 'upnp-igd'", OFF),
    ("enable_natpmp '1'", "enable_protocols 'pcp+nat-pmp'", ["upnp =no"])])
def test_uci_protocols(shared, old, new, ours):
    assert old in VERSION1
    conf, _, said = migrated(shared, VERSION1.replace(old, new))
    assert protocols(conf) == ours
    assert not any("protocol" in line or "enable_" in line for line in said)


def test_uci_without_any_protocol_is_disabled(shared):
    conf, _, said = migrated(shared, VERSION1.replace(
        "enable_upnp '1'", "enable_upnp '0'").replace(
        "enable_natpmp '1'", "enable_natpmp '0'"))
    assert conf == [] and "UPnP, NAT-PMP and PCP are off" in said[0]


@pytest.mark.parametrize("option, ours", [
    ("allow_third_party_mapping '0'", ["secure-mode =yes"]),
    ("allow_third_party_mapping 'upnp-igd'", ["secure-mode =no"]),
    ("allow_third_party_mapping 'pcp'",
     ["secure-mode =yes",
      "pcp-third-party =192.168.88.0/24,192.168.9.0/24"]),
    ("allow_third_party_mapping '1'",
     ["secure-mode =no",
      "pcp-third-party =192.168.88.0/24,192.168.9.0/24"]),
    ("pcp_allow_thirdparty '1'",
     ["pcp-third-party =192.168.88.0/24,192.168.9.0/24"]),
    ("pcp_allow_thirdparty '0'", [])])
def test_uci_third_parties(shared, option, ours):
    """miniupnpd allowed it to every client, upnpd to named networks."""
    conf, _, _ = migrated(shared, VERSION2.replace(
        "allow_third_party_mapping '0'", option))
    assert [line for line in conf if line.startswith(
        ("secure-mode", "pcp-third"))] == ours


def test_uci_file_of_upnpd_is_refused(shared):
    shared.write("etc/config/upnpd", "config global 'global'\n")
    out = shared.run("/usr/share/upnpd/upnpd-from-miniupnpd", check=False)
    assert out == ("upnpd-from-miniupnpd: /etc/config/upnpd has no section "
                   "upnpd: it is not miniupnpd's\n")


def test_upnpctl_reads_the_converted_uci(shared):
    """upnpctl can read the output."""
    migrated(shared, VERSION2)
    out = json.loads(shared.run("upnpctl", "-f", "/var/etc/upnpd.conf",
                                "--json", "print"))
    assert out["friendly-name"] == "OpenWrt" and out["secure-mode"] is True


# ---- the UUID -----------------------------------------------------------

def test_uci_without_a_uuid_gets_one(shared, tmp_path):
    """OpenWrt's state directory is lost at a reboot, and uci-defaults has run
    before the migration."""
    text = VERSION1.replace("option uuid '12345678", "#option uuid '")
    seen = set()
    for lost in text, VERSION1.replace("12345678-0000-4000-8000-000000000001",
                                       "nocli"):
        shared.reset()
        conf, _, _ = migrated(shared, lost)
        seen.add(re.search(r"^uuid =([0-9a-f-]{36})$", "\n".join(conf),
                           re.M)[1])
    assert len(seen) == 2
    assert "uuid" in migrate("uuid=nocli\n" + WHOLE.replace(
        "uuid=", "#"), tmp_path, "-u")[0]
    assert "uuid" not in migrate(WHOLE.replace("uuid=", "#"), tmp_path)[0]
