/* SPDX-License-Identifier: ISC */
/* Listings of nft and iptables-save against the two flows: each vector is one
 * rule in one chain, and what it means for a network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/wr.h"
#include "upnpctl/check_rules.h"

static const struct rules_flow flow = {
	.ext = "wan0",
	.net = {
		{ "lan0", 0xc0a85801, 0xffffff00 },	/* 192.168.88.1/24 */
		{ "lan1", 0xc0a85901, 0xffffff00 },	/* 192.168.89.1/24 */
	},
	.n = 2,
};

static struct rules rules;

static void feed(const char *text, void (*line)(void *, struct str))
{
	struct str rest = str_z(text), one;

	while (str_cut(&rest, '\n', &one))
		line(&rules, one);
}

static struct rules *nft(const char *text)
{
	rules_begin(&rules, &flow);
	feed(text, rules_nft);
	return &rules;
}

static struct rules *ipt(const char *text)
{
	rules_begin(&rules, &flow);
	feed(text, rules_ipt);
	return &rules;
}

static char text[4096];

static const char *with(const char *before, const char *rule, const char *after)
{
	struct wr w = wr_init(text, sizeof(text));

	wr_fmt(&w, "%s%s%s", before, rule, after);
	return wr_cstr(&w);
}

/* ---- on the way out -------------------------------------------------- */

struct vector {
	const char *rule;
	uint32_t nets;
};

#define NFT_POST "table ip nat {\n\tchain postrouting {\n\t\ttype nat hook " \
		 "postrouting priority srcnat; policy accept;\n\t\t"
#define END	 "\n\t}\n}\n"

static void test_nft_masquerade(void **state)
{
	static const struct vector v[] = {
		{ "masquerade", 3 },
		{ "oifname \"wan0\" masquerade", 3 },
		{ "oif \"wan0\" counter packets 5 bytes 6 masquerade "
		  "fully-random", 3 },
		{ "meta oifname { \"tun0\", \"wan0\" } masquerade", 3 },
		{ "oifname \"wan*\" snat to 192.0.2.1", 3 },
		{ "oifname != \"lan0\" masquerade", 3 },
		{ "oifname @wans masquerade", 3 },
		{ "oifname \"wan1\" masquerade", 0 },
		{ "oifname \"wan\" masquerade", 0 },
		{ "oifname != \"wan0\" masquerade", 0 },
		{ "iifname \"lan1\" oifname \"wan0\" masquerade", 2 },
		{ "ip saddr 192.168.88.0/24 oifname \"wan0\" masquerade", 1 },
		{ "ip saddr 192.168.0.0/16 masquerade", 3 },
		{ "ip saddr 192.168.88.7 masquerade", 1 },
		{ "ip saddr { 10.0.0.0/8, 192.168.89.0-192.168.89.255 } "
		  "masquerade", 2 },
		{ "ip saddr != 192.168.88.0/24 masquerade", 2 },
		{ "ip saddr @inside masquerade", 3 },
		{ "ip saddr . oifname { 10.0.0.1 . \"wan0\" } masquerade", 3 },
		{ "ip saddr 172.17.0.0/16 masquerade", 0 },
		{ "ip daddr 192.168.88.0/24 masquerade", 0 },
		{ "ip daddr != 192.168.0.0/16 masquerade", 3 },
		{ "ip daddr 0.0.0.0/0 masquerade", 3 },
		{ "ip6 saddr fd00::/8 masquerade", 0 },
		{ "meta nfproto ipv6 masquerade", 0 },
		{ "meta nfproto ipv4 masquerade comment \"a \\\" drop\"", 3 },
		{ "tcp dport 80 masquerade", 0 },
		{ "meta mark 0x00004000 masquerade", 0 },
		{ "ct state new masquerade", 3 },
		{ "ct state established,related masquerade", 0 },
		{ "ct status dnat masquerade", 0 },
		{ "log prefix \"masquerade drop\" level debug", 0 },
		{ "comment \"masquerade\"", 0 },
		{ "oifname \"wan0\" return", 0 },
		{ "", 0 },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		if (rules_masquerade(nft(with(NFT_POST, v[i].rule, END))) !=
		    v[i].nets)
			fail_msg("%s", v[i].rule);
}

#define IPT_POST "*nat\n:POSTROUTING ACCEPT [1:2]\n:mine - [0:0]\n"

static void test_ipt_masquerade(void **state)
{
	static const struct vector v[] = {
		{ "-A POSTROUTING -j MASQUERADE", 3 },
		{ "-A POSTROUTING -o wan0 -j MASQUERADE", 3 },
		{ "-A POSTROUTING -o wan+ -j SNAT --to-source 192.0.2.1", 3 },
		{ "-A POSTROUTING ! -o lan0 -j MASQUERADE", 3 },
		{ "-A POSTROUTING ! -o wan0 -j MASQUERADE", 0 },
		{ "-A POSTROUTING -o ppp0 -j MASQUERADE", 0 },
		{ "-A POSTROUTING -s 192.168.88.0/24 -j MASQUERADE", 1 },
		{ "-A POSTROUTING ! -s 192.168.88.0/24 -j MASQUERADE", 2 },
		{ "-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j "
		  "MASQUERADE", 0 },
		{ "-A POSTROUTING -d 10.0.0.0/8 -o wan0 -j MASQUERADE", 0 },
		{ "-A POSTROUTING ! -d 10.0.0.0/8 -o wan0 -j MASQUERADE", 3 },
		{ "-A POSTROUTING -m comment --comment \"-j DROP it\" -j "
		  "MASQUERADE", 3 },
		{ "-A POSTROUTING -p tcp -m tcp --dport 80 -j MASQUERADE", 0 },
		{ "-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE",
		  0 },
		{ "-A POSTROUTING -m policy --dir out --pol none -j "
		  "MASQUERADE", 3 },
		{ "-A POSTROUTING -o wan0 -j mine\n-A mine -j MASQUERADE", 3 },
		{ "-A POSTROUTING -o ppp0 -j mine\n-A mine -j MASQUERADE", 0 },
		{ "-A mine -j MASQUERADE", 0 },
		{ "-A PREROUTING -j MASQUERADE", 0 },
		{ "-A UPNPD-POST -j MASQUERADE\n-A POSTROUTING -j UPNPD-POST",
		  0 },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		if (rules_masquerade(ipt(with(IPT_POST, v[i].rule,
					      "\nCOMMIT\n"))) != v[i].nets)
			fail_msg("%s", v[i].rule);
}

/* ---- on the way in --------------------------------------------------- */

static uint32_t blocked(struct rules *r)
{
	uint32_t nets = 0;

	return rules_block(r, &nets) ? nets : 0;
}

#define NFT_FORWARD "table inet f {\n\tchain a {\n\t\ticmp type 3 accept\n\t}" \
		    "\n\tchain b {\n\t\tdrop\n\t}\n\tchain c {\n\t\tiifname " \
		    "\"wan0\" accept\n\t}\n\tchain forward {\n\t\ttype filter" \
		    " hook forward priority filter; policy accept;\n\t\t"
#define OURS	"ct status dnat ip daddr . meta l4proto . th dport " \
		"@upnpd_accept accept comment \"upnpd\""

static void test_nft_forward(void **state)
{
	static const struct vector v[] = {
		{ "", 0 },
		{ "drop", 3 },
		{ "reject with icmpx admin-prohibited", 3 },
		{ "counter packets 1 bytes 2 drop", 3 },
		{ "log prefix \"x accept\" drop", 3 },
		{ "iifname \"wan0\" drop", 3 },
		{ "iifname \"lan0\" drop", 0 },
		{ "oifname \"lan1\" drop", 2 },
		{ "ct state invalid drop", 0 },
		{ "ct state { new, invalid } drop", 3 },
		{ "tcp dport 22 drop", 0 },
		{ "ip saddr 203.0.113.0/24 drop", 0 },
		{ "ip saddr @bad drop", 0 },
		{ "ip daddr 192.168.88.0/24 drop", 1 },
		{ "ip daddr 192.168.88.7 drop", 0 },
		{ "ip6 daddr fd00::/8 drop", 0 },
		{ OURS "\n\t\tdrop", 0 },
		{ "iifname \"wan0\" drop\n\t\t" OURS, 3 },
		{ "tcp dport 22 drop\n\t\t" OURS "\n\t\tdrop", 0 },
		{ "ct status dnat accept\n\t\tdrop", 0 },
		{ "ct state established,related accept\n\t\tdrop", 3 },
		{ "ct state vmap { established : accept, new : drop }", 0 },
		{ "iifname \"wan0\" accept\n\t\tdrop", 0 },
		{ "iifname \"wan0\" tcp dport 22 accept\n\t\tdrop", 3 },
		{ "jump b", 3 },
		{ "jump a\n\t\tdrop", 3 },
		{ "iifname \"wan0\" jump c\n\t\tdrop", 0 },
		{ "iifname \"lan0\" jump b", 0 },
		{ "tcp dport 22 jump b", 0 },
		{ "goto a\n\t\tdrop", 0 },
		{ "oifname \"lan0\" return\n\t\tdrop", 2 },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		if (blocked(nft(with(NFT_FORWARD, v[i].rule, END))) !=
		    v[i].nets)
			fail_msg("%s", v[i].rule);
}

#define IPT_FORWARD "*filter\n:FORWARD ACCEPT [0:0]\n:UPNPD - [0:0]\n" \
		    ":z - [0:0]\n"

static void test_ipt_forward(void **state)
{
	static const struct vector v[] = {
		{ "", 0 },
		{ "-A FORWARD -j DROP", 3 },
		{ "-A FORWARD -j REJECT --reject-with icmp-port-unreachable",
		  3 },
		{ "-A FORWARD -i wan+ -j DROP", 3 },
		{ "-A FORWARD ! -i lan0 -j DROP", 3 },
		{ "-A FORWARD -o lan1 -j DROP", 2 },
		{ "-A FORWARD -m conntrack --ctstate INVALID -j DROP", 0 },
		{ "-A FORWARD -p tcp -j DROP", 0 },
		{ "-A FORWARD -m set --match-set bad src -j DROP", 0 },
		{ "-A FORWARD -j UPNPD\n-A FORWARD -j DROP\n-A UPNPD -m "
		  "conntrack ! --ctstate DNAT -j RETURN", 0 },
		{ "-A FORWARD -i wan0 -j DROP\n-A FORWARD -j UPNPD", 3 },
		{ "-A FORWARD -m conntrack --ctstate DNAT -j ACCEPT\n"
		  "-A FORWARD -j DROP", 0 },
		{ "-A FORWARD -m conntrack ! --ctstate DNAT -j DROP", 0 },
		{ "-A FORWARD -j z\n-A FORWARD -j DROP\n-A z -i wan0 -j "
		  "ACCEPT", 0 },
		{ "-A FORWARD -g z\n-A FORWARD -j DROP\n-A z -i lan0 -j "
		  "ACCEPT", 0 },
		{ "-A FORWARD -i wan0 -j z\n-A z -j DROP", 3 },
		{ "-A FORWARD -j LOG --log-prefix \"-j DROP\"", 0 },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		if (blocked(ipt(with(IPT_FORWARD, v[i].rule,
				     "\nCOMMIT\n"))) != v[i].nets)
			fail_msg("%s", v[i].rule);
}

static void test_policy(void **state)
{
	uint32_t nets;

	nft("table inet fw4 {\n\tchain forward {\n\t\ttype filter hook "
	    "forward priority 0; policy drop;\n\t}\n}\n");
	assert_string_equal(rules_block(&rules, &nets)->name,
			    "inet fw4 forward");
	assert_int_equal(nets, 3);
	assert_true(rules.used);
	assert_true(rules_has(&rules, "inet  fw4", "forward"));
	assert_false(rules_has(&rules, "inet fw4", "input"));
	ipt("*filter\n:FORWARD DROP [0:0]\n:INPUT DROP [0:0]\nCOMMIT\n");
	assert_string_equal(rules_block(&rules, &nets)->name,
			    "filter FORWARD");
	/* another chain on another hook, another table */
	assert_int_equal(blocked(ipt("*mangle\n:FORWARD DROP [0:0]\n")), 0);
	assert_int_equal(blocked(nft("table ip6 f {\n\tchain forward {\n"
				     "type filter hook forward priority 0; "
				     "policy drop;" END)), 0);
}

/* The second of two chains counts, too. */
static void test_second_chain(void **state)
{
	uint32_t nets;

	nft("table inet a {\n\tchain f {\n\t\ttype filter hook forward "
	    "priority 0; policy drop;\n\t\t" OURS "\n\t}\n}\ntable ip b {\n"
	    "\tchain f {\n\t\ttype filter hook forward priority 5; policy "
	    "accept;\n\t\tdrop" END);
	assert_string_equal(rules_block(&rules, &nets)->name, "ip b f");
}

/* ---- who uses the tool ----------------------------------------------- */

static void test_used(void **state)
{
	/* the iptables command's tables are not nft's, nor is our own */
	assert_false(nft("table ip filter {\n\tchain FORWARD {\n\t\ttype "
			 "filter hook forward priority filter; policy drop;\n"
			 "\t\tcounter drop" END)->used);
	assert_int_equal(blocked(&rules), 0);
	assert_false(nft("table ip upnpd {\n\tchain postrouting {\n\t\ttype "
			 "nat hook postrouting priority 95;\n\t\toifname "
			 "\"wan0\" masquerade" END)->used);
	assert_int_equal(rules_masquerade(&rules), 0);
	assert_false(nft("table inet x {\n\tchain in {\n\t\ttype filter hook "
			 "input priority filter; policy drop;\n\t\tdrop" END)
		     ->used);
	assert_false(nft(with(NFT_FORWARD, OURS, END))->used);
	assert_true(nft(with(NFT_FORWARD, "tcp dport 1 drop", END))->used);
	assert_true(nft(with(NFT_POST, "masquerade", END))->used);
	assert_false(ipt(IPT_FORWARD "-A FORWARD -j UPNPD\n-A UPNPD -j "
			 "ACCEPT\n*nat\n-A PREROUTING -j UPNPD\n"
			 "-A POSTROUTING -j UPNPD-POST\n")->used);
	assert_true(ipt("*nat\n-A PREROUTING -p tcp -j DNAT\n")->used);
	assert_true(ipt("*filter\n-A FORWARD -p tcp -j ACCEPT\n")->used);
	assert_false(ipt("*filter\n-A INPUT -p tcp -j ACCEPT\n")->used);
}

/* Sets and maps have lines that look like anything. */
static void test_nft_sets(void **state)
{
	nft("table inet f {\n\tset s {\n\t\ttype ipv4_addr\n\t\tcomment "
	    "\"drop\"\n\t\telements = { 10.0.0.1,\n\t\t\t     10.0.0.2 }\n"
	    "\t}\n\tflowtable ft {\n\t\thook ingress priority filter\n\t}\n"
	    "\tchain forward {\n\t\ttype filter hook forward priority 0; "
	    "policy accept;\n\t\tip protocol { tcp, udp } flow add @ft" END);
	assert_int_equal(blocked(&rules), 0);
	assert_int_equal(rules.chain_n, 1);
}

/* ---- more than there is room for, and nonsense ----------------------- */

static void test_many(void **state)
{
	char line[64];
	struct wr w;

	rules_begin(&rules, &flow);
	rules_ipt(&rules, STR("*filter"));
	rules_ipt(&rules, STR(":FORWARD DROP [0:0]"));
	for (unsigned i = 0; i < 3000; i++) {
		w = wr_init(line, sizeof(line));
		wr_fmt(&w, "-A c%u -j c%u", i, i + 1);
		rules_ipt(&rules, wr_done(&w));
	}
	assert_true(rules.over);
	assert_int_equal(blocked(&rules), 3);

	/* jumps in a circle, which the kernel would not take */
	ipt("*filter\n:FORWARD DROP [0:0]\n-A FORWARD -j a\n-A a -j b\n"
	    "-A b -j a\n-A a -j b\n-A b -j a\n-A a -j b\n-A b -j a\n");
	assert_int_equal(blocked(&rules), 3);
}

/* Our own chains, of which there may be hundreds, take no place and count for
 * nothing; a name that is only like theirs is another's. */
static void test_ours(void **state)
{
	char line[64];
	struct wr w;

	ipt("*filter\n:FORWARD DROP [0:0]\n-A FORWARD -j UPNPD\n");
	for (unsigned i = 1; i < 64; i++) {
		w = wr_init(line, sizeof(line));
		wr_fmt(&w, ":UPNPD-tcp-%u - [0:0]", i * 1024);
		rules_ipt(&rules, wr_done(&w));
		w = wr_init(line, sizeof(line));
		wr_fmt(&w, "-A UPNPD -p tcp -j UPNPD-tcp-%u", i * 1024);
		rules_ipt(&rules, wr_done(&w));
		w = wr_init(line, sizeof(line));
		wr_fmt(&w, "-A UPNPD-tcp-%u -j DROP", i * 1024);
		rules_ipt(&rules, wr_done(&w));
	}
	assert_int_equal(rules.chain_n, 1);	/* FORWARD */
	assert_int_equal(blocked(&rules), 0);
	ipt("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -j UPNPD-tcp-1025\n"
	    "-A UPNPD-tcp-1025 -j DROP\n");
	assert_int_equal(rules.chain_n, 2);
	assert_int_equal(blocked(&rules), 3);
	ipt("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -j UPNPD-tcp-1024\n"
	    "-A UPNPD-tcp-1024 -j DROP\n");
	assert_int_equal(blocked(&rules), 0);
}

static void test_nonsense(void **state)
{
	static const char *const lines[] = {
		"", "}", "{", "table", "table {", "chain {", "chain x {",
		"type", "type filter hook", "\"", "\"\\", "ip", "ip saddr",
		"ip saddr {", "ip saddr { , }", "ip saddr 1.2.3.4/99 drop",
		"oifname", "oifname !=", "ct", "ct state", "jump", "vmap {",
		"meta nfproto", "counter packets",
		"iifname vmap { \"a\" : jump", ",", "drop",
		"*", ":", ": x", "-A", "-A ", "-A x",
		"-A FORWARD", "-A FORWARD !", "-A FORWARD -i", "-A FORWARD -j",
		"-A FORWARD -s - -j DROP", ":FORWARD", "*nat", "*filter",
	};
	const size_t n = sizeof(lines) / sizeof(lines[0]);

	for (size_t i = 0; i < n; i++) {
		nft("table ip f {\nchain forward {\ntype filter hook forward "
		    "priority 0; policy accept;\n");
		ipt("");
		rules_begin(&rules, &flow);
		for (size_t j = 0; j < n; j++) {
			rules_nft(&rules, str_z(lines[(i + j) % n]));
			rules_ipt(&rules, str_z(lines[(i + j * 7) % n]));
		}
		rules_masquerade(&rules);
		blocked(&rules);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nft_masquerade),
		cmocka_unit_test(test_ipt_masquerade),
		cmocka_unit_test(test_nft_forward),
		cmocka_unit_test(test_ipt_forward),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_second_chain),
		cmocka_unit_test(test_used),
		cmocka_unit_test(test_nft_sets),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_ours),
		cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
