/* SPDX-License-Identifier: ISC */
/*
 * test_check_rules.c - rules in listings of iptables-save and in dumps of
 * nf_tables are judged as the kernel would apply them to the two flows. Each
 * vector is one rule in one chain, and its meaning for a network.
 * (test_check_nft.c has more of nf_tables, with nft and the kernel.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/wr.h"
#include <linux/netfilter/nf_conntrack_common.h>
#include "upnpctl/check_ipt.h"
#include "upnpctl/check_nft.h"
#include "tests/unit/rulemsg.h"

static const struct check_rules_flow flow = {
	.ext = "wan0",
	.ext_index = 7,
	.net = {
		{ 8, "lan0", { { ADDR_IP4, { 192, 168, 88, 1 } }, 24 } },
		{ 9, "lan1", { { ADDR_IP4, { 192, 168, 89, 1 } }, 24 } },
	},
	.n = 2,
};

static struct check_rules rules;
static struct check_ipt listing = { .rules = &rules };

static void add_listing(const char *text)
{
	struct str rest = str_z(text), one;

	while (str_cut(&rest, '\n', &one))
		check_ipt_line(&listing, one);
}

static struct check_rules *ipt(const char *text)
{
	check_rules_begin(&rules, &flow);
	listing = (struct check_ipt){ .rules = &rules };
	add_listing(text);
	return &rules;
}

static char text[4096];

static const char *with(const char *before, const char *rule, const char *after)
{
	struct wr w = wr_init(text, sizeof(text));

	wr_fmt(&w, "%s%s%s", before, rule, after);
	return wr_cstr(&w);
}

/* ---- outgoing -------------------------------------------------- */

struct vector {
	const char *rule;
	uint32_t nets;
};

#define IPT_POST "*nat\n:POSTROUTING ACCEPT [1:2]\n:mine - [0:0]\n"

static void test_ipt_rules_that_masquerade(void **state)
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
		if (check_rules_masquerade(ipt(with(IPT_POST, v[i].rule,
					      "\nCOMMIT\n"))) != v[i].nets)
			fail_msg("%s", v[i].rule);
}

/* ---- incoming --------------------------------------------------- */

static uint32_t blocked(struct check_rules *r)
{
	uint32_t nets = 0;

	return check_rules_block(r, NULL, &nets) ? nets : 0;
}

#define IPT_FORWARD "*filter\n:FORWARD ACCEPT [0:0]\n:UPNPD - [0:0]\n" \
		    ":z - [0:0]\n"

static void test_ipt_rules_that_drop(void **state)
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

static void test_policies_that_drop(void **state)
{
	uint32_t nets;

	ipt("*filter\n:FORWARD DROP [0:0]\n:INPUT DROP [0:0]\nCOMMIT\n");
	assert_string_equal(check_rules_block(&rules, NULL, &nets)->name,
			    "filter FORWARD");
	assert_int_equal(nets, 3);
	/* another chain on another hook, another table */
	assert_int_equal(blocked(ipt("*mangle\n:FORWARD DROP [0:0]\n")), 0);
}

static void test_rules_count_as_use(void **state)
{
	assert_false(check_rules_used(ipt(
		IPT_FORWARD "-A FORWARD -j UPNPD\n-A UPNPD -j ACCEPT\n*nat\n"
		"-A PREROUTING -j UPNPD\n-A POSTROUTING -j UPNPD-POST\n")));
	assert_int_equal(rules.xt_listed,
			 CHECK_RULES_FILTER | CHECK_RULES_NAT);
	assert_true(check_rules_used(ipt("*nat\n-A PREROUTING -p tcp -j "
					 "DNAT\n")));
	assert_true(check_rules_used(ipt("*filter\n-A FORWARD -p tcp -j "
					 "ACCEPT\n")));
	assert_false(check_rules_used(ipt("*filter\n-A INPUT -p tcp -j "
					  "ACCEPT\n")));
	assert_int_equal(ipt("# Table `filter' is incompatible\n")->xt_listed,
			 0);
}

/* ---- nf_tables --------------------------------------------------------- */

#define SADDR	12
#define DADDR	16

static struct check_nft nft;

static void send_message(const struct nlmsghdr *h)
{
	check_nft_message(&nft, h);
}

static int reset(void **state)
{
	check_set_free(&nft.sets);
	return 0;
}

/* Add a chain on a hook; the next rules are in it. */
static void begin_nft(const char *type, int hook, const char *chain)
{
	check_rules_begin(&rules, &flow);
	check_set_free(&nft.sets);
	nft = (struct check_nft){ .rules = &rules };
	send_message(chain_message(NFPROTO_IPV4, "filter", chain, type, hook,
				   false));
	send_message(chain_message(NFPROTO_IPV4, "filter", "b", type, -1,
				   false));
	begin_rule(NFPROTO_IPV4, "filter", "b");
	put_verdict(NF_DROP, NULL);
	send_message(end_message());
}

static void begin_forward(void)
{
	begin_nft("filter", NF_INET_FORWARD, "forward");
}

static void begin_post(void)
{
	begin_nft("nat", NF_INET_POST_ROUTING, "post");
}

static void next_rule(const char *chain)
{
	begin_rule(NFPROTO_IPV4, "filter", chain);
}

static void put_name(uint32_t key, const char *name)
{
	char whole[16] = "";

	memcpy(whole, name, strlen(name));
	put_meta(key, NFT_REG_1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, whole, sizeof(whole));
}

static void put_addr(uint32_t at, const char *bytes, size_t n)
{
	put_payload(NFT_PAYLOAD_NETWORK_HEADER, at, (uint32_t)n, NFT_REG_1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, bytes, n);
}

/* Match a bit, as in "ct status dnat" and "ct state new". */
static void put_bit(uint32_t key, uint32_t bits)
{
	const uint32_t zero = 0;

	put_ct(key, NFT_REG_1);
	put_bitwise(NFT_REG_1, &bits, &zero, sizeof(bits));
	put_cmp(NFT_CMP_NEQ, NFT_REG_1, &zero, sizeof(zero));
}

static void put_index(uint32_t key, uint32_t index)
{
	put_meta(key, NFT_REG_1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, &index, sizeof(index));
}

/* End the rule with @verdict. Return: networks that are blocked */
static uint32_t end_rule(int32_t verdict, const char *chain)
{
	put_verdict(verdict, chain);
	send_message(end_message());
	return blocked(&rules);
}

static uint32_t masqueraded(void)
{
	put_plain("masq");
	send_message(end_message());
	return check_rules_masquerade(&rules);
}

static void test_nft_rules_that_masquerade(void **state)
{
	begin_post();
	next_rule("post");
	assert_int_equal(masqueraded(), 3);
	begin_post();
	next_rule("post");
	put_name(NFT_META_OIFNAME, "wan1");
	assert_int_equal(masqueraded(), 0);
	next_rule("post");
	put_name(NFT_META_OIFNAME, "wan0");
	put_addr(SADDR, "\xc0\xa8\x58", 3);	/* 192.168.88.0/24 */
	assert_int_equal(masqueraded(), 1);
	next_rule("post");
	put_index(NFT_META_IIF, 9);
	assert_int_equal(masqueraded(), 3);
	begin_post();
	next_rule("post");
	put_addr(DADDR, "\xc0\xa8\x58", 3);
	assert_int_equal(masqueraded(), 0);
	next_rule("post");
	put_bit(NFT_CT_STATE, 6);		/* established, related */
	assert_int_equal(masqueraded(), 0);
	next_rule("post");
	put_plain("limit");
	assert_int_equal(masqueraded(), 3);
	/* in the target of a jump */
	begin_post();
	next_rule("b");
	assert_int_equal(masqueraded(), 0);
	next_rule("post");
	put_name(NFT_META_OIFNAME, "wan0");
	put_verdict(NFT_JUMP, "b");
	send_message(end_message());
	assert_int_equal(check_rules_masquerade(&rules), 3);
}

static void test_nft_rules_that_drop(void **state)
{
	begin_forward();
	assert_int_equal(blocked(&rules), 0);
	assert_false(check_rules_used(&rules));
	next_rule("forward");
	put_name(NFT_META_OIFNAME, "lan1");
	assert_int_equal(end_rule(NF_DROP, NULL), 2);
	assert_true(check_rules_used(&rules));
	next_rule("forward");
	put_bit(NFT_CT_STATUS, IPS_DST_NAT);
	assert_int_equal(end_rule(NF_ACCEPT, NULL), 2);
	next_rule("forward");
	assert_int_equal(end_rule(NFT_JUMP, "b"), 2);
	begin_forward();
	next_rule("forward");
	assert_int_equal(end_rule(NFT_JUMP, "b"), 3);
	begin_forward();
	next_rule("forward");
	put_plain("unheard of");
	assert_int_equal(end_rule(NF_DROP, NULL), 0);
	/* a program decides, so the drop is not certain */
	next_rule("forward");
	put_verdict(NF_QUEUE, NULL);
	send_message(end_message());
	next_rule("forward");
	assert_int_equal(end_rule(NF_DROP, NULL), 0);
}

/* upnpd's accept rule does not count as use; it counts as accept if no rule
 * before it drops. */
static void test_nft_accept_of_upnpd(void **state)
{
	begin_forward();
	next_rule("forward");
	put_bit(NFT_CT_STATUS, IPS_DST_NAT);
	put_payload(NFT_PAYLOAD_NETWORK_HEADER, DADDR, 4, NFT_REG_1);
	put_meta(NFT_META_L4PROTO, NFT_REG32_01);
	put_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG32_02);
	put_lookup("upnpd_accept", NFT_REG_1, -1, 0);
	assert_int_equal(end_rule(NF_ACCEPT, NULL), 0);
	assert_false(check_rules_used(&rules));
	next_rule("forward");
	assert_int_equal(end_rule(NF_DROP, NULL), 0);
	assert_true(check_rules_used(&rules));
}

/* The kernel sends the end of a range before its start. */
static void test_nft_ranges_in_a_set(void **state)
{
	begin_post();
	send_message(set_message(NFPROTO_IPV4, "filter", "s", 4,
				 NFT_SET_INTERVAL));
	begin_elems(NFPROTO_IPV4, "filter", "s");
	put_elem("\xc0\xa8\x5a\0", 4, NFT_SET_ELEM_INTERVAL_END, NFT_CONTINUE,
		 NULL);
	put_elem("\xc0\xa8\x59\0", 4, 0, NFT_CONTINUE, NULL);
	put_elem("\x0b\0\0\0", 4, NFT_SET_ELEM_INTERVAL_END, NFT_CONTINUE,
		 NULL);
	put_elem("\x0a\0\0\0", 4, 0, NFT_CONTINUE, NULL);
	put_elem("\0\0\0\0", 4, NFT_SET_ELEM_INTERVAL_END, NFT_CONTINUE, NULL);
	send_message(end_message());
	next_rule("post");
	put_payload(NFT_PAYLOAD_NETWORK_HEADER, SADDR, 4, NFT_REG_1);
	put_lookup("s", NFT_REG_1, -1, 0);
	assert_int_equal(masqueraded(), 2);
	next_rule("post");
	put_payload(NFT_PAYLOAD_NETWORK_HEADER, SADDR, 4, NFT_REG_1);
	put_lookup("s", NFT_REG_1, -1, NFT_LOOKUP_F_INV);
	assert_int_equal(masqueraded(), 3);
	/* a set that was not listed is unknown */
	begin_post();
	next_rule("post");
	put_payload(NFT_PAYLOAD_NETWORK_HEADER, SADDR, 4, NFT_REG_1);
	put_lookup("t", NFT_REG_1, -1, 0);
	assert_int_equal(masqueraded(), 3);
	assert_false(rules.over);
}

/* The last range of a set may have no end. */
static void test_nft_range_without_an_end(void **state)
{
	begin_post();
	send_message(set_message(NFPROTO_IPV4, "filter", "s", 4,
				 NFT_SET_INTERVAL));
	begin_elems(NFPROTO_IPV4, "filter", "s");
	put_elem("\0\0\0\0", 4, 0, NFT_CONTINUE, NULL);
	send_message(end_message());
	next_rule("post");
	put_payload(NFT_PAYLOAD_NETWORK_HEADER, DADDR, 4, NFT_REG_1);
	put_lookup("s", NFT_REG_1, -1, 0);
	assert_int_equal(masqueraded(), 3);
}

static void test_nft_verdict_map(void **state)
{
	const char wan[16] = "wan0", lan[16] = "lan0";

	begin_forward();
	send_message(set_message(NFPROTO_IPV4, "filter", "m", 16, NFT_SET_MAP));
	begin_elems(NFPROTO_IPV4, "filter", "m");
	put_elem(lan, 16, 0, NF_ACCEPT, NULL);
	put_elem(wan, 16, 0, NFT_GOTO, "b");
	send_message(end_message());
	next_rule("forward");
	put_meta(NFT_META_IIFNAME, NFT_REG_1);
	put_lookup("m", NFT_REG_1, NFT_REG_VERDICT, 0);
	send_message(end_message());
	assert_int_equal(blocked(&rules), 3);
	assert_false(rules.over);
	/* any other key may match other packets */
	begin_forward();
	send_message(set_message(NFPROTO_IPV4, "filter", "m", 16, NFT_SET_MAP));
	begin_elems(NFPROTO_IPV4, "filter", "m");
	put_elem(NULL, 0, 0, NF_DROP, NULL);
	send_message(end_message());
	next_rule("forward");
	put_meta(NFT_META_IIFNAME, NFT_REG_1);
	put_lookup("m", NFT_REG_1, NFT_REG_VERDICT, 0);
	send_message(end_message());
	assert_int_equal(blocked(&rules), 0);
	/* a map that was not listed may lead anywhere: r->over is set */
	next_rule("forward");
	put_meta(NFT_META_IIFNAME, NFT_REG_1);
	put_lookup("n", NFT_REG_1, NFT_REG_VERDICT, 0);
	send_message(end_message());
	assert_true(rules.over);
}

/* A set is unknown if it has too many elements, or if its elements are mixed
 * with those of another set. */
static void test_nft_long_set_is_unknown(void **state)
{
	uint32_t key = 0;

	begin_post();
	send_message(set_message(NFPROTO_IPV4, "filter", "s", 4, 0));
	send_message(set_message(NFPROTO_IPV4, "filter", "t", 4, 0));
	for (int i = 0; i < 2; i++) {
		begin_elems(NFPROTO_IPV4, "filter", i ? "s" : "t");
		put_elem(&key, 4, 0, NFT_CONTINUE, NULL);
		send_message(end_message());
	}
	begin_elems(NFPROTO_IPV4, "filter", "t");
	put_elem(&key, 4, 0, NFT_CONTINUE, NULL);
	send_message(end_message());
	assert_non_null(check_set_find(&nft.sets, NFPROTO_IPV4, STR("filter"),
				       STR("s")));
	assert_null(check_set_find(&nft.sets, NFPROTO_IPV4, STR("filter"),
				   STR("t")));
	send_message(set_message(NFPROTO_IPV4, "filter", "u", 4, 0));
	for (key = 1; key <= CHECK_SET_ELEMS_MAX + 1; key++) {
		begin_elems(NFPROTO_IPV4, "filter", "u");
		put_elem(&key, 4, 0, NFT_CONTINUE, NULL);
		send_message(end_message());
	}
	assert_null(check_set_find(&nft.sets, NFPROTO_IPV4, STR("filter"),
				   STR("u")));
}

/* Chains of the iptables command are recognised by their names. */
static void test_nft_chains_of_the_iptables_command(void **state)
{
	begin_nft("filter", NF_INET_FORWARD, "FORWARD");
	next_rule("FORWARD");
	put_name(NFT_META_IIFNAME, "lan0");
	assert_int_equal(end_rule(NF_DROP, NULL), 0);
	assert_int_equal(rules.xt_used, CHECK_RULES_FILTER);
	assert_int_equal(rules.xt_opaque, 0);
	assert_true(check_rules_used(&rules));
	next_rule("b");
	put_xt("match", "conntrack");
	assert_int_equal(end_rule(NF_DROP, NULL), 0);
	assert_int_equal(rules.xt_opaque, CHECK_RULES_FILTER);
	next_rule("FORWARD");
	put_xt("target", "REJECT");
	send_message(end_message());
	assert_int_equal(blocked(&rules), 3);
	rules.xt_ignored = CHECK_RULES_FILTER;
	assert_int_equal(blocked(&rules), 0);
	assert_false(check_rules_used(&rules));
}

static void test_nft_dumps_of_two_states_are_refused(void **state)
{
	struct nfgenmsg *about;

	begin_forward();
	next_rule("forward");
	put_verdict(NF_ACCEPT, NULL);
	send_message(end_message());
	assert_false(nft.mixed);
	about = NLMSG_DATA((struct nlmsghdr *)rm.room);
	about->res_id = htobe16(8);
	send_message((struct nlmsghdr *)rm.room);
	assert_true(nft.mixed);
}

/* The same applies to upnpd's own table. */
static void test_nft_other_families_do_not_count(void **state)
{
	begin_forward();
	send_message(chain_message(NFPROTO_IPV6, "six", "forward", "filter",
			   NF_INET_FORWARD, true));
	send_message(chain_message(NFPROTO_BRIDGE, "b", "forward", "filter",
			   NF_INET_FORWARD, true));
	send_message(chain_message(NFPROTO_IPV4, "upnpd", "postrouting", "nat",
			   NF_INET_POST_ROUTING, false));
	begin_rule(NFPROTO_IPV4, "upnpd", "postrouting");
	put_plain("masq");
	send_message(end_message());
	assert_int_equal(blocked(&rules), 0);
	assert_int_equal(check_rules_masquerade(&rules), 0);
	assert_false(check_rules_used(&rules));
	assert_int_equal(rules.chain_n, 2);
	/* in the family inet it is not upnpd's table */
	send_message(chain_message(NFPROTO_INET, "upnpd", "x", "filter",
			   NF_INET_FORWARD, true));
	assert_int_equal(blocked(&rules), 3);
}

/* ---- too many rules, invalid input ----------------------- */

static void test_too_many_rules(void **state)
{
	char line[64];
	struct wr w;

	ipt("*filter\n:FORWARD DROP [0:0]\n");
	for (unsigned i = 0; i < 3000; i++) {
		w = wr_init(line, sizeof(line));
		wr_fmt(&w, "-A c%u -j c%u\n", i, i + 1);
		add_listing(wr_cstr(&w));
	}
	assert_true(rules.over);
	assert_int_equal(blocked(&rules), 3);

	/* a loop of jumps, which the kernel would refuse */
	ipt("*filter\n:FORWARD DROP [0:0]\n-A FORWARD -j a\n-A a -j b\n"
	    "-A b -j a\n-A a -j b\n-A b -j a\n-A a -j b\n-A b -j a\n");
	assert_int_equal(blocked(&rules), 3);
}

/* upnpd's own chains, of which there may be hundreds, are not stored and do not
 * count. A chain whose name is only similar is not upnpd's. */
static void test_ipt_chains_of_upnpd_do_not_count(void **state)
{
	char line[64];
	struct wr w;

	ipt("*filter\n:FORWARD DROP [0:0]\n-A FORWARD -j UPNPD\n");
	for (unsigned i = 1; i < 64; i++) {
		w = wr_init(line, sizeof(line));
		wr_fmt(&w, ":UPNPD-tcp-%u - [0:0]", i * 1024);
		check_ipt_line(&listing, wr_done(&w));
		w = wr_init(line, sizeof(line));
		wr_fmt(&w, "-A UPNPD -p tcp -j UPNPD-tcp-%u", i * 1024);
		check_ipt_line(&listing, wr_done(&w));
		w = wr_init(line, sizeof(line));
		wr_fmt(&w, "-A UPNPD-tcp-%u -j DROP", i * 1024);
		check_ipt_line(&listing, wr_done(&w));
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

static void test_invalid_input(void **state)
{
	static const char *const lines[] = {
		"", "\"", "\"\\", ",", "drop", "*", ":", ": x", "-A", "-A ",
		"-A x", "-A FORWARD", "-A FORWARD !", "-A FORWARD -i",
		"-A FORWARD -j", "-A FORWARD -s - -j DROP", ":FORWARD", "*nat",
		"-A FORWARD -s 1.2.3.4/99 -j DROP", "*filter",
		"-A FORWARD -s /8 -j DROP", "-A FORWARD -i + -j DROP",
		"-A FORWARD --ctstate , -j DROP",
	};
	const size_t n = sizeof(lines) / sizeof(lines[0]);

	for (size_t i = 0; i < n; i++) {
		ipt("*filter\n");
		for (size_t j = 0; j < n; j++)
			check_ipt_line(&listing,
				       str_z(lines[(i + j * 7) % n]));
		check_rules_masquerade(&rules);
		blocked(&rules);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipt_rules_that_masquerade),
		cmocka_unit_test(test_ipt_rules_that_drop),
		cmocka_unit_test(test_policies_that_drop),
		cmocka_unit_test(test_rules_count_as_use),
		cmocka_unit_test_teardown(test_nft_rules_that_masquerade,
					  reset),
		cmocka_unit_test_teardown(test_nft_rules_that_drop, reset),
		cmocka_unit_test_teardown(test_nft_accept_of_upnpd, reset),
		cmocka_unit_test_teardown(test_nft_ranges_in_a_set, reset),
		cmocka_unit_test_teardown(test_nft_range_without_an_end, reset),
		cmocka_unit_test_teardown(test_nft_verdict_map, reset),
		cmocka_unit_test_teardown(test_nft_long_set_is_unknown, reset),
		cmocka_unit_test_teardown(
			test_nft_chains_of_the_iptables_command, reset),
		cmocka_unit_test_teardown(
			test_nft_dumps_of_two_states_are_refused, reset),
		cmocka_unit_test_teardown(test_nft_other_families_do_not_count,
					  reset),
		cmocka_unit_test(test_too_many_rules),
		cmocka_unit_test(test_ipt_chains_of_upnpd_do_not_count),
		cmocka_unit_test(test_invalid_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
