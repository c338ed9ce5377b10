/* SPDX-License-Identifier: ISC */
/*
 * test_conf.c - valid configuration files are read, and invalid ones are
 * refused with the line and the reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/unit/addrtest.h"
#include "base/wr.h"
#include "conf/conf.h"
#include "conf/confmapping.h"

static struct conf conf;
static struct conf_error why;

static int parse(const char *text)
{
	memset(&why, 0, sizeof(why));
	return conf_parse(str_z(text), "f", &conf, &why);
}

#define EXTERNAL(name) "[interface " name "]\ntype = external\n"
#define GOOD "enabled = yes\n" \
	     "[interface wan0]\ntype = external\n" \
	     "[interface lan0]\ntype = internal\n"

static void test_empty_file_has_the_defaults(void **state)
{
	assert_int_equal(parse(""), 0);
	assert_false(conf.enabled);
	assert_true(conf.upnp && conf.nat_pmp && conf.pcp);
	assert_false(conf.pcp_strict_nonce);
	assert_int_equal(conf.pcp_third_party.n, 0);
	assert_true(conf.allow_disable_external);
	assert_true(conf.show_dummy_rule);
	assert_true(conf.secure_mode);
	assert_string_equal(conf.backend, "auto");
	assert_int_equal(conf.http_port, 2828);
	assert_int_equal(conf.igd_version, CONF_IGD_BOTH);
	assert_int_equal(conf.list_scope, CONF_LIST_OWN);
	assert_int_equal(conf.status_page, CONF_PAGE_OWN);
	assert_false(conf.backend_nft);
	assert_int_equal(conf.max_lease, 604800);
	assert_int_equal(conf.absent_timeout, 0);
	assert_int_equal(conf.max_mappings, 1024);
	assert_int_equal(conf.max_pinholes, 1024);
	assert_int_equal(conf.max_per_client, 128);
	assert_true(conf.ipv6);
	assert_int_equal(conf.notify_interval, 900);
	assert_int_equal(conf.verify_interval, 30);
	assert_int_equal(conf.rule_n, 0);
	assert_null(conf_external(&conf));
}

static void test_settings_are_read(void **state)
{
	assert_int_equal(parse(
		"# a comment\n"
		"enabled=yes   # and another\n"
		"  friendly-name = Router #1\r\n"
		"\n"
		"backend = nft\n"
		"nft-table = inet fw4\n"
		"nft-forward-chain = forward\n"
		"log-level = debug\n"
		"private-external-address = refuse\n"
		"deny 22 0.0.0.0/0 0-65535\n"
		"allow 1024-65535 192.168.88.0/24 1024-65535\n"
		"[interface wan0]\n"
		"type = external\n"
		"forced-ip = 198.51.100.7\n"
		"[interface old]\n"
		"type = external\n"
		"disabled = yes\n"
		"[interface lan0]\n"
		"type = internal"), 0);
	assert_true(conf.enabled);
	assert_string_equal(conf.friendly_name, "Router");
	assert_string_equal(conf.backend, "netlink");
	assert_true(conf.backend_nft);
	assert_string_equal(conf.nft_table, "inet fw4");
	assert_int_equal(conf.log_level, 7);
	assert_int_equal(conf.refuse_private, 1);
	assert_int_equal(conf.rule_n, 2);
	assert_false(conf.rule[0].allow);
	assert_int_equal(conf.rule[0].ext_lo, 22);
	assert_int_equal(conf.rule[0].ext_hi, 22);
	assert_ip(conf.rule[0].net.addr, 0);
	assert_int_equal(conf.rule[0].net.bits, 0);
	assert_int_equal(conf.rule[0].line, 10);
	assert_true(conf.rule[1].allow);
	assert_ip(conf.rule[1].net.addr, 0xc0a85800);
	assert_int_equal(conf.rule[1].net.bits, 24);
	assert_int_equal(conf.iface_n, 3);
	assert_string_equal(conf_external(&conf)->name, "wan0");
	assert_ip(conf_external(&conf)->forced_ip, 0xc6336407);
	assert_true(conf.iface[1].disabled);
}

static void test_several_external_interfaces(void **state)
{
	assert_int_equal(parse(""), 0);
	assert_int_equal(conf.external_selection, CONF_SELECT_ROUTE);
	/* a disabled one does not count */
	assert_int_equal(parse("external-selection = priority\n"
			       "[interface old]\ntype = external\n"
			       "disabled = yes\n"
			       EXTERNAL("a") EXTERNAL("b") EXTERNAL("c")
			       EXTERNAL("d") "forced-ip = 198.51.100.7\n"), 0);
	assert_int_equal(conf.external_selection, CONF_SELECT_PRIORITY);
	assert_int_equal(conf.iface_n, 5);
	assert_ip(conf.iface[4].forced_ip, 0xc6336407);
}

static void test_rules_of_both_families(void **state)
{
	assert_int_equal(parse("allow 80 2001:DB8:0:1::/64 1024-65535\n"
			       "deny 1-9 fd00::1 0-65535\n"
			       "allow 1-9 ::/0 1-9\n"), 0);
	assert_int_equal(conf.rule_n, 3);
	assert_string_equal(addr_text(conf.rule[0].net.addr).text,
			    "2001:db8:0:1::");
	assert_int_equal(conf.rule[0].net.bits, 64);
	assert_string_equal(addr_text(conf.rule[1].net.addr).text, "fd00::1");
	assert_int_equal(conf.rule[1].net.bits, 128);
	assert_int_equal(conf.rule[2].net.addr.family, ADDR_IP6);
	assert_int_equal(conf.rule[2].net.bits, 0);
}

static void test_networks_behind_a_router(void **state)
{
	const struct conf_networks *n = &conf.iface[1].network;

	assert_int_equal(parse("[interface wan0]\ntype = external\n"
			       "[interface lan0]\nnetwork = 172.31.0.0/16\n"
			       "type = internal\n"
			       "network = 2001:db8:1::/64 , 10.7.0.0/16\n"), 0);
	assert_int_equal(conf.iface[0].network.n, 0);
	assert_int_equal(n->n, 3);
	assert_ip(n->at[0].addr, 0xac1f0000);
	assert_int_equal(n->at[0].bits, 16);
	assert_int_equal(n->at[1].addr.family, ADDR_IP6);
	assert_ip(n->at[2].addr, 0x0a070000);
}

static void test_protocols(void **state)
{
	assert_int_equal(parse("upnp = no\nnat-pmp = no\n"), 0);
	assert_false(conf.upnp || conf.nat_pmp);
	assert_true(conf.pcp && conf_serves(&conf));
	assert_int_equal(parse("upnp = no\npcp = no\n"), 0);
	assert_true(conf.nat_pmp && conf_serves(&conf));
	assert_int_equal(parse("nat-pmp = no\npcp = no\n"), 0);
	assert_true(conf.upnp && conf_serves(&conf));
	/* the operator's mappings need no protocol */
	assert_int_equal(parse("upnp = no\nnat-pmp = no\npcp = no\n" GOOD),
			 0);
	assert_false(conf_serves(&conf));
}

static void test_third_parties_of_pcp(void **state)
{
	const struct conf_networks *n = &conf.pcp_third_party;

	assert_int_equal(parse("pcp-strict-nonce = yes\n"
			       "pcp-third-party = 192.168.88.10/32\n"
			       "pcp-third-party = 10.0.0.0/8 , fd00:1::/64\n"),
			 0);
	assert_true(conf.pcp_strict_nonce);
	assert_int_equal(n->n, 3);
	assert_ip(n->at[0].addr, 0xc0a8580a);
	assert_int_equal(n->at[0].bits, 32);
	assert_ip(n->at[1].addr, 0x0a000000);
	assert_int_equal(n->at[2].addr.family, ADDR_IP6);
}

static void test_igd_versions_and_list_scopes(void **state)
{
	assert_int_equal(parse("igd-version = 1\nlist-scope = all\n"), 0);
	assert_int_equal(conf.igd_version, 1u << 1);
	assert_int_equal(conf.list_scope, CONF_LIST_ALL);
	assert_int_equal(parse("igd-version = 2\nlist-scope = own\n"), 0);
	assert_int_equal(conf.igd_version, 1u << 2);
	assert_int_equal(conf.list_scope, CONF_LIST_OWN);
	assert_int_equal(parse("igd-version = both\n"), 0);
	assert_int_equal(conf.igd_version, 1u << 1 | 1u << 2);
}

static void test_hash_inside_a_value_stays(void **state)
{
	assert_int_equal(parse("friendly-name = a#b\n"), 0);
	assert_string_equal(conf.friendly_name, "a#b");
}

static void test_mappings_are_read(void **state)
{
	assert_int_equal(parse(
		"mapping tcp 8080 192.168.88.10:80 \"a # b\"  # c\n"
		"mapping udp 8080 192.168.88.11:80 remote 203.0.113.5 "
		"disabled\n" GOOD), 0);
	assert_int_equal(conf.mapping_n, 2);
	assert_int_equal(conf.mapping[0].line, 1);
	assert_int_equal(conf.mapping[0].ext_port, 8080);
	assert_string_equal(confmapping_text(&conf, &conf.mapping[0]),
			    "a # b");
	assert_int_equal(conf.mapping[1].line, 2);
	assert_true(conf.mapping[1].disabled);
	assert_string_equal(confmapping_text(&conf, &conf.mapping[1]), "");
}

/* A configuration without mappings uses no memory for them. */
static void test_configuration_without_mappings_is_small(void **state)
{
	static struct conf copy;

	assert_int_equal(parse(GOOD), 0);
	assert_int_equal(conf_size(&conf), offsetof(struct conf, mapping));
	memset(&copy, 0x5a, sizeof(copy));
	conf_copy(&copy, &conf);
	assert_int_equal(copy.mapping_n, 0);
	assert_int_equal(copy.iface_n, 2);
	assert_int_equal(copy.comments[0], 0x5a);
	assert_int_equal(parse("mapping tcp 80 10.0.0.1:80 \"x\"\n"), 0);
	assert_int_equal(conf_size(&conf), sizeof(conf));
	conf_copy(&copy, &conf);
	assert_string_equal(confmapping_text(&copy, &copy.mapping[0]), "x");
}

#define FOUR_NETWORKS \
	"network = 10.1.0.0/16,10.2.0.0/16,10.3.0.0/16,10.4.0.0/16\n"

struct bad {
	const char *text;
	const char *says;	/* the beginning of the message */
};

static const struct bad bad[] = {
	{"enabled = maybe\n", "f:1: enabled is \"maybe\"; it takes yes or no"},
	{"\nfoo = 1\n", "f:2: there is no option \"foo\""},
	{"enabled\n", "f:1: \"enabled\" is not a setting"},
	{"= yes\n", "f:1: there is no option \"\""},
	{"enabled = yes\nenabled = no\n", "f:2: enabled is set a second time"},
	{"http-port = 65536\n",
	 "f:1: http-port is \"65536\"; it takes a number from 0 to 65535"},
	{"http-port = -1\n", "f:1: http-port is \"-1\""},
	{"http-port = 80x\n", "f:1: http-port is \"80x\""},
	{"http-port =\n", "f:1: http-port is \"\""},
	{"max-mappings = 60001\n", "f:1: max-mappings"},
	{"max-lease = 0\n", "f:1: max-lease"},
	{"absent-timeout = 31536001\n", "f:1: absent-timeout"},
	{"backend = pf\n", "f:1: backend is \"pf\"; it takes one of: auto, "
			   "netlink, iptables, iptables-legacy, "
			   "iptables-nft, memory"},
	{"igd-version = 3\n", "f:1: igd-version is \"3\"; it takes one of: "
			      "1, 2, both"},
	{"igd-version =\n", "f:1: igd-version is \"\""},
	{"list-scope = none\n", "f:1: list-scope is \"none\"; it takes one "
				"of: own, all"},
	{"state-dir = var\n", "f:1: state-dir is \"var\"; it takes an "
			      "absolute path"},
	{"state-dir = /\n", "f:1: state-dir"},
	{"uuid = 1234\n", "f:1: uuid is \"1234\""},
	{"friendly-name =\n", "f:1: friendly-name is \"\"; it takes "
			      "1 to 127 printable bytes"},
	{"friendly-name = a\x01"
	 "b\n",
	 "f:1: friendly-name is \"a?b\"; it "
	 "takes no control character"},
	{"nft-table = fw4\nnft-forward-chain = forward\n", "f:1: nft-table"},
	{"nft-table = inet a;b\n", "f:1: nft-table"},
	{"nft-table = inet fw4\n", "f: nft-table and nft-forward-chain go"},
	{"nft-forward-chain = a b\n", "f:1: nft-forward-chain"},
	{"allow 1-2 10.0.0.0/8\n", "f:1: a rule has three parts"},
	{"allow 1-2 10.0.0.0/8 1 2\n", "f:1: \"2\" is not understood here"},
	{"allow 1-2 10.0.0.0/33 1 disabled\n",
	 "f:1: \"10.0.0.0/33\" is not a network"},
	{"deny 2-1 10.0.0.0/8 1\n", "f:1: \"2-1\" is not a port or range"},
	{"deny 1- 10.0.0.0/8 1\n", "f:1: \"1-\" is not a port or range"},
	{"deny 1-65536 10.0.0.0/8 1\n", "f:1: \"1-65536\" is not a port"},
	{"deny 1 10.0.0.1/8 1\n", "f:1: \"10.0.0.1/8\" has bits beyond"},
	{"deny 1 10.0.0.0/33 1\n", "f:1: \"10.0.0.0/33\" is not a network"},
	{"deny 1 10.0.0/8 1\n", "f:1: \"10.0.0/8\" is not a network"},
	{"deny 1 10.0.0.0/ 1\n", "f:1: \"10.0.0.0/\" is not a network"},
	{"deny 1 2001:db8::/129 1\n",
	 "f:1: \"2001:db8::/129\" is not a network"},
	{"deny 1 2001:db8::1/64 1\n", "f:1: \"2001:db8::1/64\" has bits"},
	{"deny 1 fe80::%lan0/64 1\n",
	 "f:1: \"fe80::%lan0/64\" is not a network"},
	{"[interface a]\ntype = internal\nallow 1 10.0.0.0/8 1\n",
	 "f:3: a rule applies to all interfaces; move it before"},
	{"\nmapping tcp 80 10.0.0.1\n",
	 "f:2: \"10.0.0.1\" is not ADDRESS:PORT"},
	{"mapping tcp 80 10.0.0.1:80\nmapping tcp 80 10.0.0.1:81\n",
	 "f:2: mapping tcp 80 is already on line 1; remove one"},
	{"mapping tcp 80 10.0.0.1:80\n"
	 "mapping tcp 80 10.0.0.2:80 remote 1.2.3.4\n",
	 "f:2: port tcp 80 already leads to 10.0.0.1 on line 1"},
	{"[interface a]\ntype = internal\nmapping tcp 80 10.0.0.1:80\n",
	 "f:3: a mapping belongs to no interface; move it before"},
	{"[interface]\n", "f:1: unknown section"},
	{"[iface lan0]\n", "f:1: unknown section"},
	{"[]\n", "f:1: \"[]\" is not a setting"},
	{"[interface a b]\n", "f:1: unknown section"},
	{"[interface a/b]\n", "f:1: \"a/b\" is not an interface name"},
	{"[interface sixteenletters16]\n",
	 "f:1: \"sixteenletters16\" is not an interface name"},
	{"\n[interface a]\n\n", "f:2: interface a has no type"},
	{"[interface a]\n[interface b]\ntype = internal\n",
	 "f:1: interface a has no type"},
	{"[interface a]\ntype = outside\n", "f:2: type is \"outside\""},
	{"[interface a]\nenabled = yes\n",
	 "f:2: there is no option \"enabled\" in an [interface] section"},
	{"[interface a]\ntype = internal\n[interface a]\n",
	 "f:3: interface a already has a section, on line 1"},
	{"[interface a]\ntype = internal\nforced-ip = 1.2.3.4\n",
	 "f:1: interface a has a forced-ip but is internal"},
	{"[interface a]\ntype = external\nforced-ip = 2001:db8::1\n",
	 "f:3: forced-ip is \"2001:db8::1\"; it takes an IPv4 address"},
	{"[interface a]\ntype = external\nforced-ip = 224.0.0.1\n",
	 "f:3: forced-ip is \"224.0.0.1\""},
	{EXTERNAL("a") EXTERNAL("b") EXTERNAL("c") EXTERNAL("d") EXTERNAL("e"),
	 "f:9: there are more than 4 external interfaces; disable some"},
	{"[interface a]\ntype = external\nnetwork = 10.0.0.0/8\n",
	 "f:1: interface a has a network but is external"},
	{"[interface a]\ntype = internal\nnetwork = 10.0.0.0/8\n"
	 "network = 10.0.0.1/8\n",
	 "f:4: network is \"10.0.0.1/8\"; it takes up to 8 networks behind "
	 "other routers of the LAN, without host bits, such as 172.31.0.0/16"},
	/* eight for one interface, sixteen for all interfaces */
	{"[interface a]\ntype = internal\n" FOUR_NETWORKS FOUR_NETWORKS
	 "network = 10.0.0.0/8\n", "f:5: network is \"10.0.0.0/8\""},
	{"[interface a]\ntype = internal\n" FOUR_NETWORKS FOUR_NETWORKS
	 "[interface b]\ntype = internal\n" FOUR_NETWORKS FOUR_NETWORKS
	 "[interface c]\ntype = internal\nnetwork = 10.0.0.0/8\n",
	 "f:9: there are more than 16 networks behind other routers; join"},
};

static void test_invalid_file_is_refused_with_the_reason(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&conf, 0x5a, sizeof(conf));
		assert_int_equal(parse(bad[i].text), -EINVAL);
		if (strncmp(why.text, bad[i].says, strlen(bad[i].says)))
			fail_msg("said: %s\nwanted: %s", why.text,
				 bad[i].says);
	}
}

/* The daemon waits for the interfaces. */
static void test_enabled_without_interfaces_is_valid(void **state)
{
	static const struct {
		const char *text;
		enum conf_iface_type missing;
	} t[] = {
		{ "", CONF_EXTERNAL },
		{ "[interface a]\ntype = internal\n", CONF_EXTERNAL },
		{ "[interface a]\ntype = external\n", CONF_INTERNAL },
		{ "[interface a]\ntype = external\n[interface b]\n"
		  "type = internal\ndisabled = yes\n", CONF_INTERNAL },
		{ "[interface a]\ntype = external\n[interface b]\n"
		  "type = internal\n", 0 },
	};
	char text[200];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(parse(t[i].text), 0);
		assert_int_equal(conf_missing(&conf), t[i].missing);
		assert_false(conf_runs(&conf));
		snprintf(text, sizeof(text), "enabled = yes\n%s", t[i].text);
		assert_int_equal(parse(text), 0);
		assert_true(conf.enabled);
		assert_int_equal(conf_runs(&conf), !t[i].missing);
	}
}

/* Found by fuzzing: escape sequences in a file were written to the terminal. */
static void test_message_is_one_plain_line(void **state)
{
	assert_int_equal(parse("\x1b[2J\x07\ry\x7f = yes\n"), -EINVAL);
	assert_string_equal(why.text, "f:1: there is no option \"?[2J??y?\"; "
			    "see upnpd.conf(5)");
}

static void test_every_refusal_has_a_message(void **state)
{
	static const char seed[] = "allow 1-2 10.0.0.0/8 3\n"
		"mapping tcp 1 1.2.3.4:5 remote 1.2.3.4 disabled \"a\"\n"
		GOOD;
	char text[sizeof(seed)];
	uint32_t x = 1;

	for (int round = 0; round < 20000; round++) {
		memcpy(text, seed, sizeof(seed));
		for (int k = 0; k < 3; k++) {
			x = x * 1664525u + 1013904223u;
			text[(x >> 8) % (sizeof(seed) - 1)] = (char)(x >> 24);
		}
		why.text[0] = '\0';
		if (conf_parse((struct str){ text, sizeof(seed) - 1 }, "f",
			       &conf, &why))
			assert_true(why.text[0] != '\0');
		else
			assert_true(why.text[0] == '\0');
	}
}

static void test_disabled_rule_is_left_out(void **state)
{
	assert_int_equal(parse("deny 1 10.0.0.0/8 1 disabled \"a\"\n"
			       "allow 2 10.0.0.0/8 2 \"b # c\"\n"), 0);
	assert_int_equal(conf.rule_n, 1);
	assert_true(conf.rule[0].allow);
	assert_int_equal(conf.rule[0].line, 2);
}

static void test_too_many_rules_or_interfaces_are_refused(void **state)
{
	static char text[CONF_RULES_MAX * 40];
	struct wr w = wr_init(text, sizeof(text));

	for (int i = 0; i < CONF_RULES_MAX; i++)
		wr_z(&w, "allow 1 10.0.0.0/8 1\n");
	assert_int_equal(parse(wr_cstr(&w)), 0);
	assert_int_equal(conf.rule_n, CONF_RULES_MAX);
	wr_z(&w, "allow 1 10.0.0.0/8 1 disabled\n");
	assert_int_equal(parse(wr_cstr(&w)), -EINVAL);
	assert_non_null(strstr(why.text, "more than 64 rules"));
	w = wr_init(text, sizeof(text));
	for (int i = 0; i <= CONF_IFACES_MAX; i++)
		wr_fmt(&w, "[interface i%d]\ntype = internal\n", i);
	assert_int_equal(parse(wr_cstr(&w)), -EINVAL);
	assert_non_null(strstr(why.text, "more than 16 interfaces"));
}

static void test_file_is_read(void **state)
{
	char path[] = "/tmp/upnpd-conf-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, GOOD, strlen(GOOD)), strlen(GOOD));
	close(fd);
	assert_int_equal(conf_read(path, &conf, &why), 0);
	assert_true(conf.enabled);
	unlink(path);
	assert_int_equal(conf_read(path, &conf, &why), -ENOENT);
	assert_non_null(strstr(why.text, path));
}

/* A file of the largest size that upnpctl writes, and one byte more. */
static void test_file_may_not_be_too_long(void **state)
{
	static char text[CONF_FILE_MAX + 1];
	char path[] = "/tmp/upnpd-conf-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	memset(text, '\n', sizeof(text));
	assert_int_equal(write(fd, text, CONF_FILE_MAX), CONF_FILE_MAX);
	assert_int_equal(conf_read(path, &conf, &why), 0);
	assert_int_equal(write(fd, text, 1), 1);
	assert_int_equal(conf_read(path, &conf, &why), -EFBIG);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_file_has_the_defaults),
		cmocka_unit_test(test_settings_are_read),
		cmocka_unit_test(test_several_external_interfaces),
		cmocka_unit_test(test_rules_of_both_families),
		cmocka_unit_test(test_networks_behind_a_router),
		cmocka_unit_test(test_protocols),
		cmocka_unit_test(test_third_parties_of_pcp),
		cmocka_unit_test(test_igd_versions_and_list_scopes),
		cmocka_unit_test(test_hash_inside_a_value_stays),
		cmocka_unit_test(test_mappings_are_read),
		cmocka_unit_test(test_configuration_without_mappings_is_small),
		cmocka_unit_test(test_invalid_file_is_refused_with_the_reason),
		cmocka_unit_test(test_enabled_without_interfaces_is_valid),
		cmocka_unit_test(test_message_is_one_plain_line),
		cmocka_unit_test(test_every_refusal_has_a_message),
		cmocka_unit_test(test_disabled_rule_is_left_out),
		cmocka_unit_test(test_too_many_rules_or_interfaces_are_refused),
		cmocka_unit_test(test_file_is_read),
		cmocka_unit_test(test_file_may_not_be_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
