/* SPDX-License-Identifier: ISC */
/*
 * test_check_advice.c - the program that wrote a chain is recognized, and the
 * zone of the interface is found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <string.h>
#include <cmocka.h>
#include "natfw/ruleset_ipt.h"
#include "upnpctl/check_advice.h"

static const struct check_advice_need in[] = {
	{ IPPROTO_UDP, 1900, 0 }, { IPPROTO_TCP, 2828, 0 },
};
static const struct check_advice_need out[] = {
	{ IPPROTO_UDP, 0, 1900 }, { IPPROTO_TCP, 0, 0 },
};

/* What the programs print, shortened. */
static const char ufw[] =
	"*filter\n:INPUT DROP [0:0]\n:OUTPUT DROP [0:0]\n"
	":ufw-before-input - [0:0]\n"
	"-A INPUT -j ufw-before-input\nCOMMIT\n";
static const char shorewall[] =
	"*filter\n:INPUT DROP [0:0]\n:loc-fw - [0:0]\n:net-fw - [0:0]\n"
	":reject - [0:0]\n:shorewall - [0:0]\n"
	"-A INPUT -i wan0 -j net-fw\n-A INPUT -i lan0 -j loc-fw\n"
	"-A INPUT -g reject\nCOMMIT\n";
static const char fw3[] =
	"*filter\n:INPUT DROP [0:0]\n:zone_home_input - [0:0]\n"
	":zone_wan_input - [0:0]\n"
	"-A INPUT -i wan0 -j zone_wan_input\n"
	"-A INPUT -i lan0 -j zone_home_input\nCOMMIT\n";
static const char old_firewalld[] =
	"*filter\n:INPUT ACCEPT [0:0]\n:INPUT_ZONES - [0:0]\n"
	":IN_public - [0:0]\n:IN_home - [0:0]\n"
	"-A INPUT -j INPUT_ZONES\n-A INPUT_ZONES -i lan0 -g IN_home\n"
	"-A INPUT_ZONES -g IN_public\nCOMMIT\n";
static const char plain[] =
	"*mangle\n:INPUT DROP [0:0]\nCOMMIT\n*filter\n:INPUT DROP [0:0]\n"
	"COMMIT\n";

static uint32_t base_of(struct ruleset *rs, const char *table,
			const char *chain)
{
	for (uint32_t i = 0; i < rs->table_n; i++)
		if (!strcmp(rs->table[i].name, table))
			return ruleset_find_chain(rs, i, str_z(chain));
	return RULESET_NONE;
}

static void read_listing(struct ruleset *rs, enum ruleset_kind kind,
			 uint8_t family, const char *text)
{
	struct ruleset_ipt ipt = {
		.rules = rs, .kind = kind, .family = family,
	};
	struct str rest = str_z(text), line;

	while (str_cut(&rest, '\n', &line))
		ruleset_ipt_line(&ipt, line);
}

static void assert_advice(const struct ruleset *rs, uint32_t base, bool leaves,
			  const char *expected)
{
	const struct check_advice a = {
		.rules = rs, .base = base, .ifname = "lan0", .out = leaves,
		.plain = RULESET_IPT_NFT,
	};
	char text[700];
	struct wr w = wr_init(text, sizeof(text));

	assert_true(base != RULESET_NONE);
	check_advice_put(&w, &a, leaves ? out : in, 2);
	assert_string_equal(wr_cstr(&w), expected);
}

static void assert_family(enum ruleset_kind kind, uint8_t family,
			  const char *text, const char *table,
			  const char *chain, const char *expected)
{
	struct ruleset *rs = ruleset_new();

	assert_non_null(rs);
	read_listing(rs, kind, family, text);
	assert_advice(rs, base_of(rs, table, chain), !strcmp(chain, "OUTPUT"),
		      expected);
	ruleset_free(rs);
}

static void assert_listing(enum ruleset_kind kind, const char *text,
			   const char *table, const char *chain,
			   const char *expected)
{
	assert_family(kind, NFPROTO_IPV4, text, table, chain, expected);
}

static void test_programs_that_use_iptables(void **state)
{
	assert_listing(RULESET_IPT_NFT, ufw, "filter", "INPUT",
		       "ufw allow in on lan0 proto udp to any port 1900; "
		       "ufw allow in on lan0 proto tcp to any port 2828");
	assert_listing(RULESET_IPT_NFT, ufw, "filter", "OUTPUT",
		       "ufw allow out on lan0 proto udp from any port 1900 to "
		       "any; ufw allow out on lan0 proto tcp to any");
	assert_listing(RULESET_IPT_LEGACY, shorewall, "filter", "INPUT",
		       "echo 'ACCEPT loc $FW udp 1900' >> /etc/shorewall/rules"
		       "; echo 'ACCEPT loc $FW tcp 2828' >> "
		       "/etc/shorewall/rules; shorewall reload");
	assert_listing(RULESET_IPT_LEGACY, fw3, "filter", "INPUT",
		       "uci add firewall rule; "
		       "uci set firewall.@rule[-1].src=home; "
		       "uci set firewall.@rule[-1].proto=udp; "
		       "uci set firewall.@rule[-1].dest_port=1900; "
		       "uci set firewall.@rule[-1].target=ACCEPT; "
		       "uci add firewall rule; "
		       "uci set firewall.@rule[-1].src=home; "
		       "uci set firewall.@rule[-1].proto=tcp; "
		       "uci set firewall.@rule[-1].dest_port=2828; "
		       "uci set firewall.@rule[-1].target=ACCEPT; "
		       "uci commit firewall; service firewall reload");
	assert_listing(RULESET_IPT_LEGACY, old_firewalld, "filter", "INPUT",
		       "firewall-cmd --permanent --zone=home "
		       "--add-port=1900/udp --add-port=2828/tcp; "
		       "firewall-cmd --reload");
}

static void test_iptables_alone(void **state)
{
	assert_listing(RULESET_IPT_NFT, plain, "filter", "INPUT",
		       "iptables -I INPUT -i lan0 -p udp --dport 1900 -j "
		       "ACCEPT; iptables -I INPUT -i lan0 -p tcp --dport 2828 "
		       "-j ACCEPT # then save the rules");
	assert_listing(RULESET_IPT_LEGACY, plain, "mangle", "INPUT",
		       "iptables-legacy -t mangle -I INPUT -i lan0 -p udp "
		       "--dport 1900 -j ACCEPT; iptables-legacy -t mangle -I "
		       "INPUT -i lan0 -p tcp --dport 2828 -j ACCEPT # then "
		       "save the rules");
}

static void test_ip6tables(void **state)
{
	static const char ufw6[] =
		"*filter\n:INPUT DROP [0:0]\n:ufw6-before-input - [0:0]\n"
		"-A INPUT -j ufw6-before-input\nCOMMIT\n";

	assert_family(RULESET_IPT_NFT, NFPROTO_IPV6, ufw6, "filter", "INPUT",
		      "ufw allow in on lan0 proto udp to any port 1900; "
		      "ufw allow in on lan0 proto tcp to any port 2828");
	assert_family(RULESET_IPT_LEGACY, NFPROTO_IPV6, shorewall, "filter",
		      "INPUT",
		      "echo 'ACCEPT loc $FW udp 1900' >> /etc/shorewall6/rules"
		      "; echo 'ACCEPT loc $FW tcp 2828' >> "
		      "/etc/shorewall6/rules; shorewall6 reload");
	assert_family(RULESET_IPT_NFT, NFPROTO_IPV6, plain, "filter", "INPUT",
		      "ip6tables -I INPUT -i lan0 -p udp --dport 1900 -j "
		      "ACCEPT; ip6tables -I INPUT -i lan0 -p tcp --dport 2828 "
		      "-j ACCEPT # then save the rules");
	assert_family(RULESET_IPT_LEGACY, NFPROTO_IPV6, plain, "mangle",
		      "INPUT",
		      "ip6tables-legacy -t mangle -I INPUT -i lan0 -p udp "
		      "--dport 1900 -j ACCEPT; ip6tables-legacy -t mangle -I "
		      "INPUT -i lan0 -p tcp --dport 2828 -j ACCEPT # then "
		      "save the rules");
}

/* ---- nft ------------------------------------------------------------ */

static struct ruleset_cond on_iface(const char *name)
{
	struct ruleset_cond c = { .field = RULESET_IIFNAME,
				  .op = RULESET_MASK, .len = 16,
				  .set = RULESET_NONE };

	memcpy(c.value, name, strlen(name));
	memset(c.mask, 0xff, sizeof(c.mask));
	return c;
}

static void add_jump(struct ruleset *rs, uint32_t from, const char *ifname,
		     const char *to)
{
	uint32_t target = ruleset_add_chain(rs, rs->chain[from].table,
					    str_z(to));
	uint32_t r = ruleset_add_rule(rs, from);

	if (ifname) {
		struct ruleset_cond c = on_iface(ifname);

		ruleset_add_cond(rs, &c);
	}
	rs->rule[r].verdict = RULESET_GOTO;
	rs->rule[r].target = target;
}

static void test_firewalld(void **state)
{
	struct ruleset *rs = ruleset_new();
	uint32_t t = ruleset_add_table(rs, RULESET_NATIVE, NFPROTO_INET,
				       STR("firewalld"));
	uint32_t base = ruleset_add_chain(rs, t, STR("filter_INPUT"));
	uint32_t zones = ruleset_add_chain(rs, t, STR("filter_INPUT_ZONES"));

	add_jump(rs, base, NULL, "filter_INPUT_ZONES");
	add_jump(rs, zones, "wan0", "filter_IN_external");
	assert_advice(rs, base, false, "firewall-cmd --permanent --zone=ZONE "
		      "--add-port=1900/udp --add-port=2828/tcp; "
		      "firewall-cmd --reload");
	add_jump(rs, zones, NULL, "filter_IN_public");
	assert_advice(rs, base, false, "firewall-cmd --permanent --zone=public "
		      "--add-port=1900/udp --add-port=2828/tcp; "
		      "firewall-cmd --reload");
	assert_advice(rs, base, true, "firewall-cmd --permanent "
		      "--policy=POLICY --add-source-port=1900/udp "
		      "--add-protocol=tcp; firewall-cmd --reload");
	ruleset_free(rs);
}

static void test_openwrt(void **state)
{
	struct ruleset *rs = ruleset_new();
	uint32_t t = ruleset_add_table(rs, RULESET_NATIVE, NFPROTO_INET,
				       STR("fw4"));
	uint32_t base = ruleset_add_chain(rs, t, STR("input"));
	uint32_t set = ruleset_add_set(rs, t, STR(""), 16);
	struct ruleset_elem e = { .lo = "lan0", .hi = "lan0" };
	struct ruleset_cond c = { .field = RULESET_IIFNAME,
				  .op = RULESET_IN_SET, .len = 16,
				  .set = set };

	ruleset_add_elem(rs, set, &e);
	add_jump(rs, base, "wan0", "input_wan");
	add_jump(rs, base, NULL, "input_lan");
	/* the interface is in a set, before the jump of all others */
	ruleset_redo_rule(rs, rs->chain[base].first);
	ruleset_add_cond(rs, &c);
	rs->rule[rs->chain[base].first].verdict = RULESET_JUMP;
	rs->rule[rs->chain[base].first].target =
		ruleset_find_chain(rs, t, STR("input_wan"));
	assert_advice(rs, base, true,
		      "uci add firewall rule; "
		      "uci set firewall.@rule[-1].dest=wan; "
		      "uci set firewall.@rule[-1].proto=udp; "
		      "uci set firewall.@rule[-1].src_port=1900; "
		      "uci set firewall.@rule[-1].target=ACCEPT; "
		      "uci add firewall rule; "
		      "uci set firewall.@rule[-1].dest=wan; "
		      "uci set firewall.@rule[-1].proto=tcp; "
		      "uci set firewall.@rule[-1].target=ACCEPT; "
		      "uci commit firewall; service firewall reload");
	ruleset_free(rs);
}

static void test_nft_alone(void **state)
{
	struct ruleset *rs = ruleset_new();
	uint32_t t = ruleset_add_table(rs, RULESET_NATIVE, NFPROTO_INET,
				       STR("filter"));
	uint32_t base = ruleset_add_chain(rs, t, STR("input"));

	assert_advice(rs, base, false, "nft insert rule inet filter input "
		      "iifname lan0 udp dport 1900 accept; nft insert rule "
		      "inet filter input iifname lan0 tcp dport 2828 accept "
		      "# and in the file of these rules");
	rs->table[t].family = NFPROTO_IPV4;
	assert_advice(rs, base, true, "nft insert rule ip filter input "
		      "oifname lan0 udp sport 1900 accept; nft insert rule "
		      "ip filter input oifname lan0 meta l4proto tcp accept "
		      "# and in the file of these rules");
	ruleset_free(rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_programs_that_use_iptables),
		cmocka_unit_test(test_iptables_alone),
		cmocka_unit_test(test_ip6tables),
		cmocka_unit_test(test_firewalld),
		cmocka_unit_test(test_openwrt),
		cmocka_unit_test(test_nft_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
