/* SPDX-License-Identifier: ISC */
/*
 * test_nl_ruleset.c - each expression of a rule becomes its condition, an
 * unknown one becomes an unknown condition, and no cut message is read beyond
 * its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include "natfw/nl_ruleset.h"
#include "tests/unit/nltest.h"
#include "tests/unit/rulemsg.h"

#define NET	NFT_PAYLOAD_NETWORK_HEADER
#define TH	NFT_PAYLOAD_TRANSPORT_HEADER

static struct nl_ruleset_rule rule;
static const struct nl_ruleset_cond *cond = rule.cond;

static void begin(void)
{
	begin_rule(NFPROTO_INET, "fw", "forward");
}

/* End the rule, and read it. */
static void read_rule(size_t want_conds, enum nl_ruleset_verdict want)
{
	assert_true(nl_ruleset_rule(end_message(), &rule));
	assert_int_equal(rule.cond_n, want_conds);
	assert_int_equal(rule.verdict, want);
}

static void assert_cond(size_t i, unsigned field, unsigned op, bool negate)
{
	assert_int_equal(cond[i].field, field);
	assert_int_equal(cond[i].op, op);
	assert_int_equal(cond[i].negate, negate);
}

static void assert_bytes(const uint8_t *have, const void *want, size_t n)
{
	static const uint8_t zero[NL_RULESET_BYTES];

	assert_memory_equal(have, want, n);
	assert_memory_equal(have + n, zero, NL_RULESET_BYTES - n);
}

/* ---- rules ------------------------------------------------------------- */

static void test_rule_has_its_chain_and_its_target(void **state)
{
	begin();
	put_plain("counter");
	put_plain("log");
	put_verdict(NFT_JUMP, "other");
	read_rule(0, NL_VERDICT_JUMP);
	assert_int_equal(rule.family, NFPROTO_INET);
	assert_true(str_eq(rule.table, STR("fw")));
	assert_true(str_eq(rule.chain, STR("forward")));
	assert_true(str_eq(rule.target, STR("other")));
	assert_false(rule.opaque);
	begin();
	read_rule(0, NL_VERDICT_NONE);
	/* another message is not a rule */
	assert_false(nl_ruleset_rule(chain_message(NFPROTO_INET, "a", "b",
						   "nat", 0, false), &rule));
}

static void test_first_verdict_ends_the_rule(void **state)
{
	static const struct {
		int32_t code;
		enum nl_ruleset_verdict is;
	} v[] = {
		{ NF_ACCEPT, NL_VERDICT_ACCEPT }, { NF_DROP, NL_VERDICT_DROP },
		{ NFT_RETURN, NL_VERDICT_RETURN },
		{ NFT_GOTO, NL_VERDICT_GOTO }, { NF_QUEUE, NL_VERDICT_QUEUE },
		{ NFT_CONTINUE, NL_VERDICT_NONE }, { 99, NL_VERDICT_NONE },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		begin();
		put_verdict(v[i].code, NULL);
		read_rule(0, v[i].is);
		assert_int_equal(rule.target.n, 0);
	}
	begin();
	put_plain("masq");
	read_rule(0, NL_VERDICT_SNAT);
	begin();
	put_plain("reject");
	read_rule(0, NL_VERDICT_DROP);
	begin();
	put_plain("redir");
	read_rule(0, NL_VERDICT_DNAT);
	begin();
	put_plain("queue");
	read_rule(0, NL_VERDICT_QUEUE);
	begin();
	put_nat(NFT_NAT_SNAT);
	read_rule(0, NL_VERDICT_SNAT);
	begin();
	put_nat(NFT_NAT_DNAT);
	/* nothing after the verdict matters */
	put_plain("limit");
	put_verdict(NF_DROP, NULL);
	read_rule(0, NL_VERDICT_DNAT);
	begin();
	put_nat(9);
	read_rule(1, NL_VERDICT_NONE);
}

/* ---- conditions -------------------------------------------------------- */

static void test_meta_conditions_are_read(void **state)
{
	const uint8_t ones[16] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
				 "\xff\xff\xff\xff\xff";
	const char name[16] = "wan0";

	begin();
	put_meta(NFT_META_IIFNAME, NFT_REG_1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, name, 16);
	put_meta(NFT_META_OIFNAME, NFT_REG_1);
	put_cmp(NFT_CMP_NEQ, NFT_REG_1, "lan", 3);
	put_meta(NFT_META_SKUID, NFT_REG_1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "abcd", 4);
	put_verdict(NF_DROP, NULL);
	read_rule(3, NL_VERDICT_DROP);
	assert_cond(0, NL_FIELD_IIFNAME, NL_OP_MASK, false);
	assert_bytes(cond[0].value, name, 16);
	assert_bytes(cond[0].mask, ones, 16);
	/* the first bytes of a name */
	assert_cond(1, NL_FIELD_OIFNAME, NL_OP_MASK, true);
	assert_bytes(cond[1].value, "lan", 3);
	assert_bytes(cond[1].mask, ones, 3);
	assert_cond(2, NL_FIELD_OTHER, NL_OP_UNKNOWN, false);
}

static void test_conntrack_state_is_read_with_its_mask(void **state)
{
	const uint32_t mask = 6, zero = 0;

	begin();
	put_ct(NFT_CT_STATE, NFT_REG_1);
	put_bitwise(NFT_REG_1, &mask, &zero, 4);
	put_cmp(NFT_CMP_NEQ, NFT_REG_1, &zero, 4);
	put_ct(NFT_CT_MARK, NFT_REG32_15);
	put_cmp(NFT_CMP_EQ, NFT_REG32_15, &mask, 4);
	read_rule(2, NL_VERDICT_NONE);
	assert_cond(0, NL_FIELD_CT_STATE, NL_OP_MASK, true);
	assert_bytes(cond[0].mask, &mask, 4);
	assert_bytes(cond[0].value, &zero, 4);
	assert_cond(1, NL_FIELD_MARK, NL_OP_MASK, false);
	/* flipped bits are unknown, and so is another byte order */
	begin();
	put_ct(NFT_CT_STATE, NFT_REG_1);
	put_bitwise(NFT_REG_1, &mask, &mask, 4);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, &mask, 4);
	put_cmp(NFT_CMP_GT, NFT_REG_1, &mask, 4);
	put_range(NFT_RANGE_EQ, NFT_REG_1, &mask, &mask, 4);
	read_rule(3, NL_VERDICT_NONE);
	for (size_t i = 0; i < 3; i++)
		assert_cond(i, NL_FIELD_CT_STATE, NL_OP_UNKNOWN, false);
}

/* An address: a prefix, whole, and with its neighbour. */
static void test_header_conditions_are_read_as_fields(void **state)
{
	begin();
	put_payload(NET, 12, 3, NFT_REG_1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "\xc0\xa8\x58", 3);
	put_payload(NET, 16, 4, NFT_REG_1);
	put_bitwise(NFT_REG_1, "\xff\xff\xf0\x00", "\0\0\0", 4);
	put_cmp(NFT_CMP_NEQ, NFT_REG_1, "\xc0\xa8\x50", 4);
	put_payload(TH, 2, 2, NFT_REG_1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "\0\x16", 2);
	put_payload(NET, 9, 1, NFT_REG_1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "\x06", 1);
	put_verdict(NF_ACCEPT, NULL);
	read_rule(4, NL_VERDICT_ACCEPT);
	assert_cond(0, NL_FIELD_SADDR, NL_OP_MASK, false);
	assert_bytes(cond[0].value, "\xc0\xa8\x58", 3);
	assert_bytes(cond[0].mask, "\xff\xff\xff", 3);
	assert_cond(1, NL_FIELD_DADDR, NL_OP_MASK, true);
	assert_bytes(cond[1].mask, "\xff\xff\xf0\x00", 4);
	assert_cond(2, NL_FIELD_DPORT, NL_OP_MASK, false);
	assert_cond(3, NL_FIELD_L4PROTO, NL_OP_MASK, false);

	begin();
	put_payload(NET, 12, 8, NFT_REG_1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "\1\2\3\4\5\6\7\x08", 8);
	read_rule(2, NL_VERDICT_NONE);
	assert_cond(0, NL_FIELD_SADDR, NL_OP_MASK, false);
	assert_bytes(cond[0].value, "\1\2\3\4", 4);
	assert_cond(1, NL_FIELD_DADDR, NL_OP_MASK, false);
	assert_bytes(cond[1].value, "\5\6\7\x08", 4);

	/* a part of an address that is not its beginning */
	begin();
	put_payload(NET, 18, 2, NFT_REG_1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "\7\x08", 2);
	read_rule(1, NL_VERDICT_NONE);
	assert_cond(0, NL_FIELD_DADDR, NL_OP_MASK, false);
	assert_bytes(cond[0].value, "\0\0\7\x08", 4);
	assert_bytes(cond[0].mask, "\0\0\xff\xff", 4);
}

/* Not equal in two fields at once, and bytes of no known field. */
static void test_other_header_bytes_are_unknown(void **state)
{
	begin();
	put_payload(NET, 12, 8, NFT_REG_1);
	put_cmp(NFT_CMP_NEQ, NFT_REG_1, "\1\2\3\4\5\6\7\x08", 8);
	put_payload(NET, 8, 2, NFT_REG_1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "\x40\x06", 2);
	put_payload(NET, 8, 1, NFT_REG_1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "\x40", 1);
	put_payload(NFT_PAYLOAD_LL_HEADER, 12, 4, NFT_REG_1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "abcd", 4);
	put_payload(NET, 12, 40, NFT_REG_1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "abcd", 4);
	read_rule(6, NL_VERDICT_NONE);
	assert_cond(0, NL_FIELD_OTHER, NL_OP_UNKNOWN, false);
	assert_cond(1, NL_FIELD_OTHER, NL_OP_UNKNOWN, false);
	assert_cond(2, NL_FIELD_L4PROTO, NL_OP_MASK, false);
	assert_bytes(cond[2].value, "\x06", 1);
	for (size_t i = 3; i < 6; i++)
		assert_cond(i, NL_FIELD_OTHER, NL_OP_UNKNOWN, false);
}

static void test_ranges_and_comparisons_are_read(void **state)
{
	const char lo[] = "\x0a\0\0\1", hi[] = "\x0a\0\0\x09";

	begin();
	put_payload(NET, 12, 4, NFT_REG_2);
	put_range(NFT_RANGE_NEQ, NFT_REG_2, lo, hi, 4);
	put_cmp(NFT_CMP_GTE, NFT_REG_2, lo, 4);
	put_cmp(NFT_CMP_LTE, NFT_REG_2, hi, 4);
	put_cmp(NFT_CMP_LT, NFT_REG_2, lo, 4);
	put_cmp(NFT_CMP_GT, NFT_REG_2, hi, 4);
	put_cmp(77, NFT_REG_2, hi, 4);
	put_range(NFT_RANGE_EQ, NFT_REG_2, lo, hi, 2);
	read_rule(7, NL_VERDICT_NONE);
	assert_cond(0, NL_FIELD_SADDR, NL_OP_RANGE, true);
	assert_bytes(cond[0].value, lo, 4);
	assert_bytes(cond[0].upper, hi, 4);
	assert_cond(1, NL_FIELD_SADDR, NL_OP_RANGE, false);
	assert_bytes(cond[1].value, lo, 4);
	assert_bytes(cond[1].upper, "\xff\xff\xff\xff", 4);
	assert_cond(2, NL_FIELD_SADDR, NL_OP_RANGE, false);
	assert_bytes(cond[2].value, "", 0);
	assert_bytes(cond[2].upper, hi, 4);
	assert_cond(3, NL_FIELD_SADDR, NL_OP_RANGE, true);
	assert_bytes(cond[3].value, lo, 4);
	assert_bytes(cond[3].upper, "\xff\xff\xff\xff", 4);
	assert_cond(4, NL_FIELD_SADDR, NL_OP_RANGE, true);
	assert_bytes(cond[4].upper, hi, 4);
	assert_cond(5, NL_FIELD_SADDR, NL_OP_UNKNOWN, false);
	assert_cond(6, NL_FIELD_SADDR, NL_OP_UNKNOWN, false);
}

static void test_set_and_map_lookups_are_read(void **state)
{
	begin();
	put_payload(NET, 12, 4, NFT_REG_1);
	put_meta(NFT_META_OIFNAME, NFT_REG32_01);
	put_lookup("pairs", NFT_REG_1, -1, 0);
	put_lookup("names", NFT_REG32_01, -1, NFT_LOOKUP_F_INV);
	/* the value replaces the key */
	put_lookup("map", NFT_REG_1, NFT_REG_1, 0);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "abcd", 4);
	put_ct(NFT_CT_STATE, NFT_REG_1);
	put_lookup("verdicts", NFT_REG_1, NFT_REG_VERDICT, 0);
	read_rule(4, NL_VERDICT_MAP);
	assert_cond(0, NL_FIELD_SADDR, NL_OP_SET, false);
	assert_int_equal(cond[0].len, 4);
	assert_true(str_eq(cond[0].set, STR("pairs")));
	assert_cond(1, NL_FIELD_OIFNAME, NL_OP_SET, true);
	assert_int_equal(cond[1].len, 16);
	assert_cond(2, NL_FIELD_SADDR, NL_OP_SET, false);
	assert_cond(3, NL_FIELD_OTHER, NL_OP_UNKNOWN, false);
	assert_int_equal(rule.map.field, NL_FIELD_CT_STATE);
	assert_true(str_eq(rule.map.set, STR("verdicts")));
}

/* A register holds the last load into it, wherever that began. */
static void test_register_holds_the_last_load(void **state)
{
	const char name[16] = "wan0";

	begin();
	put_meta(NFT_META_IIFNAME, NFT_REG_1);
	put_meta(NFT_META_MARK, NFT_REG32_03);	/* its last four bytes */
	put_cmp(NFT_CMP_EQ, NFT_REG_1, name, 16);
	put_meta(NFT_META_MARK, NFT_REG32_05);
	put_meta(NFT_META_OIFNAME, NFT_REG_2);	/* overwrites that */
	put_cmp(NFT_CMP_EQ, NFT_REG32_05, name, 4);
	put_cmp(NFT_CMP_EQ, NFT_REG_2, name, 16);
	put_cmp(NFT_CMP_EQ, NFT_REG_4, name, 4);	/* empty */
	put_cmp(NFT_CMP_EQ, 7, name, 4);		/* no register */
	put_meta(NFT_META_L4PROTO, NFT_REG_3);
	put_plain("exthdr");			/* unknown: clears all */
	put_cmp(NFT_CMP_EQ, NFT_REG_3, name, 1);
	read_rule(7, NL_VERDICT_NONE);
	assert_cond(0, NL_FIELD_OTHER, NL_OP_UNKNOWN, false);
	assert_cond(1, NL_FIELD_OTHER, NL_OP_UNKNOWN, false);
	assert_cond(2, NL_FIELD_OIFNAME, NL_OP_MASK, false);
	for (size_t i = 3; i < 7; i++)
		assert_cond(i, NL_FIELD_OTHER, NL_OP_UNKNOWN, false);
}

/* A statement always matches; an expression that may not match is unknown. */
static void test_statements_always_match(void **state)
{
	struct expr_at at;

	begin();
	at = begin_expr("meta");
	nlmsg_u32(&rm.m, NFTA_META_KEY, NFT_META_MARK);
	nlmsg_u32(&rm.m, NFTA_META_SREG, NFT_REG_1);
	end_expr(at);
	at = begin_expr("objref");
	nlmsg_u32(&rm.m, NFTA_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	end_expr(at);
	put_xt("match", "comment");
	put_xt("target", "LOG");
	put_verdict(NF_ACCEPT, NULL);
	read_rule(0, NL_VERDICT_ACCEPT);
	assert_false(rule.opaque);
	begin();
	at = begin_expr("objref");
	nlmsg_u32(&rm.m, NFTA_OBJREF_IMM_TYPE, NFT_OBJECT_QUOTA);
	end_expr(at);
	put_plain("limit");
	put_plain("unheard of");
	put_verdict(NF_ACCEPT, NULL);
	read_rule(3, NL_VERDICT_ACCEPT);
	assert_false(rule.opaque);
}

static void test_iptables_matches_are_opaque(void **state)
{
	begin();
	put_xt("match", "conntrack");
	put_xt("target", "MASQUERADE");
	read_rule(1, NL_VERDICT_SNAT);
	assert_true(rule.opaque);
	begin();
	put_xt("target", "REJECT");
	read_rule(0, NL_VERDICT_DROP);
	assert_false(rule.opaque);
	begin();
	put_xt("target", "NOBODY");
	put_verdict(NF_DROP, NULL);
	read_rule(1, NL_VERDICT_DROP);
	assert_true(rule.opaque);
}

/* More conditions than fit: the last one is unknown. */
static void test_too_many_conditions_end_unknown(void **state)
{
	for (size_t n = NL_RULESET_CONDS - 2; n < NL_RULESET_CONDS + 9; n++) {
		begin();
		put_meta(NFT_META_L4PROTO, NFT_REG_1);
		for (size_t i = 0; i < n; i++)
			put_cmp(NFT_CMP_EQ, NFT_REG_1, "\x06", 1);
		put_verdict(NF_DROP, NULL);
		read_rule(n < NL_RULESET_CONDS - 1 ? n : NL_RULESET_CONDS,
			  NL_VERDICT_DROP);
		assert_cond(n < NL_RULESET_CONDS - 1 ? n - 1 :
			    NL_RULESET_CONDS - 2, NL_FIELD_L4PROTO, NL_OP_MASK,
			    false);
		if (n >= NL_RULESET_CONDS - 1)
			assert_cond(NL_RULESET_CONDS - 1, NL_FIELD_OTHER,
				    NL_OP_UNKNOWN, false);
	}
}

/* ---- chains, sets, elements -------------------------------------------- */

static void test_chain_has_its_hook_and_policy(void **state)
{
	struct nl_ruleset_chain c;

	assert_true(nl_ruleset_chain(chain_message(NFPROTO_IPV4, "f", "in",
				     "filter", NF_INET_FORWARD, true), &c));
	assert_int_equal(c.family, NFPROTO_IPV4);
	assert_true(str_eq(c.table, STR("f")) && str_eq(c.name, STR("in")));
	assert_true(str_eq(c.type, STR("filter")));
	assert_int_equal(c.hook, NF_INET_FORWARD);
	assert_int_equal(c.priority, -5);
	assert_true(c.drop);
	assert_true(nl_ruleset_chain(chain_message(NFPROTO_IPV4, "f", "x", "",
						   -1, false), &c));
	assert_int_equal(c.hook, -1);
	assert_false(c.drop);
	assert_int_equal(nl_ruleset_generation(end_message()), 7);
}

static void test_set_has_its_key_and_flags(void **state)
{
	struct nl_ruleset_set s;

	assert_true(nl_ruleset_set(set_message(NFPROTO_INET, "f", "s", 4,
					       NFT_SET_INTERVAL), &s));
	assert_true(str_eq(s.name, STR("s")) && s.interval && !s.verdicts);
	assert_int_equal(s.key_len, 4);
	assert_true(nl_ruleset_set(set_message(NFPROTO_INET, "f", "m", 16,
					       NFT_SET_MAP), &s));
	assert_true(s.verdicts && !s.interval);
}

static struct nl_ruleset_elem elem[4];
static size_t elem_n;

static void on_elem(void *arg, const struct nl_ruleset_elem *e)
{
	assert_true(elem_n < 4);
	elem[elem_n++] = *e;
}

static void test_elements_of_the_set_are_read(void **state)
{
	struct nl_ruleset_set set = {
		.family = NFPROTO_INET, .table = STR("f"), .name = STR("s"),
	};
	const struct nlmsghdr *h;

	begin_elems(NFPROTO_INET, "f", "s");
	put_elem("\x0a\0\0\1", 4, 0, NFT_JUMP, "there");
	put_elem("\x0a\0\0\2", 4, NFT_SET_ELEM_INTERVAL_END, NFT_CONTINUE,
		 NULL);
	put_elem(NULL, 0, 0, NF_DROP, NULL);
	h = end_message();
	elem_n = 0;
	nl_ruleset_elems(h, &set, on_elem, NULL);
	assert_int_equal(elem_n, 3);
	assert_memory_equal(elem[0].key.p, "\x0a\0\0\1", 4);
	assert_int_equal(elem[0].verdict, NL_VERDICT_JUMP);
	assert_true(str_eq(elem[0].target, STR("there")));
	assert_true(elem[1].end && !elem[0].end);
	assert_int_equal(elem[1].verdict, NL_VERDICT_NONE);
	assert_int_equal(elem[2].key.n, 0);
	assert_int_equal(elem[2].verdict, NL_VERDICT_DROP);
	/* of another set */
	elem_n = 0;
	set.name = STR("t");
	nl_ruleset_elems(h, &set, on_elem, NULL);
	set = (struct nl_ruleset_set){ .family = NFPROTO_IPV4,
				       .table = STR("f"), .name = STR("s") };
	nl_ruleset_elems(h, &set, on_elem, NULL);
	assert_int_equal(elem_n, 0);
}

/* ---- cut --------------------------------------------------------------- */

static void read_all(const struct nlmsghdr *h)
{
	const struct nl_ruleset_set set = {
		.family = NFPROTO_INET, .table = STR("f"), .name = STR("s"),
	};
	struct nl_ruleset_chain c;
	struct nl_ruleset_set s;

	elem_n = 0;
	nl_ruleset_elems(h, &set, on_elem, NULL);
	nl_ruleset_chain(h, &c);
	nl_ruleset_set(h, &s);
	if (nl_ruleset_rule(h, &rule))
		assert_true(rule.cond_n <= NL_RULESET_CONDS);
	nl_ruleset_generation(h);
}

static void cut_everywhere(const struct nlmsghdr *h)
{
	uint32_t len = h->nlmsg_len;
	char *at;

	for (uint32_t n = NLMSG_HDRLEN; n <= len; n++) {
		at = room + ROOM - NLMSG_ALIGN(n);
		memcpy(at, h, n);
		memcpy(at, &n, sizeof(n));
		read_all((const void *)at);
	}
}

/* Each type of message is cut at every byte, before an unreadable page. */
static void test_cut_message_is_read_to_its_end(void **state)
{
	begin();
	put_payload(NET, 12, 8, NFT_REG_1);
	put_bitwise(NFT_REG_1, "\xff\xff\xff\xff\xff\xff\xff\xff",
		    "\0\0\0\0\0\0\0", 8);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "\1\2\3\4\5\6\7\x08", 8);
	put_range(NFT_RANGE_EQ, NFT_REG_1, "abcd", "efgh", 4);
	put_lookup("s", NFT_REG_1, -1, 0);
	put_xt("match", "comment");
	put_verdict(NFT_JUMP, "there");
	cut_everywhere(end_message());
	begin_elems(NFPROTO_INET, "f", "s");
	put_elem("abcd", 4, 0, NFT_JUMP, "there");
	put_elem("efgh", 4, NFT_SET_ELEM_INTERVAL_END, NFT_CONTINUE, NULL);
	cut_everywhere(end_message());
	cut_everywhere(chain_message(NFPROTO_INET, "f", "c", "filter", 2,
				     true));
	cut_everywhere(set_message(NFPROTO_INET, "f", "s", 4, NFT_SET_MAP));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule_has_its_chain_and_its_target),
		cmocka_unit_test(test_first_verdict_ends_the_rule),
		cmocka_unit_test(test_meta_conditions_are_read),
		cmocka_unit_test(test_conntrack_state_is_read_with_its_mask),
		cmocka_unit_test(test_header_conditions_are_read_as_fields),
		cmocka_unit_test(test_other_header_bytes_are_unknown),
		cmocka_unit_test(test_ranges_and_comparisons_are_read),
		cmocka_unit_test(test_set_and_map_lookups_are_read),
		cmocka_unit_test(test_register_holds_the_last_load),
		cmocka_unit_test(test_statements_always_match),
		cmocka_unit_test(test_iptables_matches_are_opaque),
		cmocka_unit_test(test_too_many_conditions_end_unknown),
		cmocka_unit_test(test_chain_has_its_hook_and_policy),
		cmocka_unit_test(test_set_has_its_key_and_flags),
		cmocka_unit_test(test_elements_of_the_set_are_read),
		cmocka_unit_test_setup(test_cut_message_is_read_to_its_end,
				       make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
