/* SPDX-License-Identifier: ISC */
/*
 * test_ruleset_expr.c - each expression of a rule of nf_tables becomes its
 * condition, and an unknown one becomes an unknown condition.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include "natfw/ruleset_nl.h"
#include "tests/unit/rulesmodel.h"
#include "tests/unit/rulemsg.h"

#define NET	NFT_PAYLOAD_NETWORK_HEADER
#define TH	NFT_PAYLOAD_TRANSPORT_HEADER

static struct ruleset_rule rule;
static const struct ruleset_cond *cond;
static bool alien;		/* iptables would refuse it */

static void begin(void)
{
	begin_rule(NFPROTO_INET, "fw", "forward");
}

/* End the rule, and read it into a model that has other chains and sets. */
static void read_rule(size_t want_conds, enum ruleset_verdict want)
{
	struct ruleset_nl nl = { .rules = rs };
	uint32_t table;

	ruleset_clear(rs);
	table = ruleset_add_table(rs, RULESET_NATIVE, NFPROTO_INET, STR("fw"));
	ruleset_add_chain(rs, table, STR("other"));
	ruleset_add_chain(rs, table, STR("forward"));
	ruleset_add_set(rs, table, STR("addrs"), 4);
	ruleset_add_set(rs, table, STR("names"), 16);
	ruleset_add_set(rs, table, STR("states"), 4);
	ruleset_add_set(rs, table, STR("pairs"), 8);
	ruleset_add_set(rs, table, STR("triples"), 12);
	ruleset_nl_message(&nl, end_message());
	assert_int_equal(rs->rule_n, 1);
	rule = rs->rule[0];
	cond = rs->cond + rule.cond;
	alien = rs->table[0].ipt_alien;
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
	static const uint8_t zero[16];

	assert_memory_equal(have, want, n);
	assert_memory_equal(have + n, zero, 16 - n);
}

/* ---- rules ------------------------------------------------------------- */

static void test_rule_has_its_chain_and_its_target(void **state)
{
	begin();
	put_plain("counter");
	put_plain("log");
	put_verdict(NFT_JUMP, "other");
	read_rule(0, RULESET_JUMP);
	assert_string_equal(rs->chain[rule.chain].name, "forward");
	assert_string_equal(rs->chain[rule.target].name, "other");
	assert_false(rule.xt);
	assert_int_equal(rule.number, 1);
	begin();
	read_rule(0, RULESET_CONTINUE);
	assert_int_equal(rule.target, RULESET_NONE);
	/* a chain that was not read may do anything */
	begin();
	put_verdict(NFT_GOTO, "nowhere");
	read_rule(1, RULESET_QUEUE);
	assert_cond(0, RULESET_OTHER, RULESET_UNKNOWN, false);
}

static void test_first_verdict_ends_the_rule(void **state)
{
	static const struct {
		int32_t code;
		enum ruleset_verdict is;
	} v[] = {
		{ NF_ACCEPT, RULESET_ACCEPT }, { NF_DROP, RULESET_DROP },
		{ NFT_RETURN, RULESET_RETURN },
		{ NF_QUEUE, RULESET_QUEUE },
		{ NFT_CONTINUE, RULESET_CONTINUE }, { 99, RULESET_CONTINUE },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		begin();
		put_verdict(v[i].code, NULL);
		read_rule(0, v[i].is);
		assert_int_equal(rule.target, RULESET_NONE);
	}
	begin();
	put_plain("masq");
	read_rule(0, RULESET_SNAT);
	begin();
	put_plain("reject");
	read_rule(0, RULESET_DROP);
	begin();
	put_plain("redir");
	read_rule(0, RULESET_DNAT);
	begin();
	put_plain("queue");
	read_rule(0, RULESET_QUEUE);
	begin();
	put_nat(NFT_NAT_SNAT);
	read_rule(0, RULESET_SNAT);
	begin();
	put_nat(NFT_NAT_DNAT);
	/* nothing after the verdict matters */
	put_plain("limit");
	put_verdict(NF_DROP, NULL);
	read_rule(0, RULESET_DNAT);
	begin();
	put_nat(9);
	read_rule(1, RULESET_CONTINUE);
}

/* "dnat ip6 to" leaves IPv4 alone. */
static void test_nat_is_for_its_own_family(void **state)
{
	struct expr_at at;

	begin();
	at = begin_expr("nat");
	nlmsg_u32(&rm.m, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	nlmsg_u32(&rm.m, NFTA_NAT_FAMILY, NFPROTO_IPV6);
	end_expr(at);
	read_rule(1, RULESET_DNAT);
	assert_cond(0, RULESET_NFPROTO, RULESET_MASK, false);
	assert_int_equal(cond[0].value[0], NFPROTO_IPV6);
	assert_int_equal(cond[0].mask[0], 0xff);
	begin();
	at = begin_expr("nat");
	nlmsg_u32(&rm.m, NFTA_NAT_TYPE, NFT_NAT_SNAT);
	nlmsg_u32(&rm.m, NFTA_NAT_FAMILY, NFPROTO_INET);
	end_expr(at);
	read_rule(0, RULESET_SNAT);
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
	read_rule(3, RULESET_DROP);
	assert_cond(0, RULESET_IIFNAME, RULESET_MASK, false);
	assert_bytes(cond[0].value, name, 16);
	assert_bytes(cond[0].mask, ones, 16);
	/* the first bytes of a name */
	assert_cond(1, RULESET_OIFNAME, RULESET_MASK, true);
	assert_bytes(cond[1].value, "lan", 3);
	assert_bytes(cond[1].mask, ones, 3);
	assert_cond(2, RULESET_OTHER, RULESET_UNKNOWN, false);
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
	read_rule(2, RULESET_CONTINUE);
	assert_cond(0, RULESET_CT_STATE, RULESET_MASK, true);
	assert_bytes(cond[0].mask, &mask, 4);
	assert_bytes(cond[0].value, &zero, 4);
	assert_cond(1, RULESET_MARK, RULESET_MASK, false);
	/* flipped bits are unknown, and so is another byte order */
	begin();
	put_ct(NFT_CT_STATE, NFT_REG_1);
	put_bitwise(NFT_REG_1, &mask, &mask, 4);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, &mask, 4);
	put_cmp(NFT_CMP_GT, NFT_REG_1, &mask, 4);
	put_range(NFT_RANGE_EQ, NFT_REG_1, &mask, &mask, 4);
	read_rule(3, RULESET_CONTINUE);
	for (size_t i = 0; i < 3; i++)
		assert_cond(i, RULESET_CT_STATE, RULESET_UNKNOWN, false);
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
	read_rule(4, RULESET_ACCEPT);
	assert_cond(0, RULESET_SADDR, RULESET_MASK, false);
	assert_bytes(cond[0].value, "\xc0\xa8\x58", 3);
	assert_bytes(cond[0].mask, "\xff\xff\xff", 3);
	assert_cond(1, RULESET_DADDR, RULESET_MASK, true);
	assert_bytes(cond[1].mask, "\xff\xff\xf0\x00", 4);
	assert_cond(2, RULESET_DPORT, RULESET_MASK, false);
	assert_cond(3, RULESET_L4PROTO, RULESET_MASK, false);

	begin();
	put_payload(NET, 12, 8, NFT_REG_1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "\1\2\3\4\5\6\7\x08", 8);
	read_rule(2, RULESET_CONTINUE);
	assert_cond(0, RULESET_SADDR, RULESET_MASK, false);
	assert_bytes(cond[0].value, "\1\2\3\4", 4);
	assert_cond(1, RULESET_DADDR, RULESET_MASK, false);
	assert_bytes(cond[1].value, "\5\6\7\x08", 4);

	/* a part of an address that is not its beginning */
	begin();
	put_payload(NET, 18, 2, NFT_REG_1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "\7\x08", 2);
	read_rule(1, RULESET_CONTINUE);
	assert_cond(0, RULESET_DADDR, RULESET_MASK, false);
	assert_bytes(cond[0].value, "\0\0\7\x08", 4);
	assert_bytes(cond[0].mask, "\0\0\xff\xff", 4);
}

/* The same offsets are other fields in IPv6. */
static void test_header_of_ipv6_has_other_fields(void **state)
{
	const uint8_t ip6 = NFPROTO_IPV6;

	begin();
	put_payload(NET, 16, 4, NFT_REG_1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "\1\2\3\4", 4);
	put_meta(NFT_META_NFPROTO, NFT_REG_1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, &ip6, 1);
	put_payload(NET, 8, 1, NFT_REG_1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "\xfd", 1);
	put_payload(NET, 24, 16, NFT_REG_1);
	put_cmp(NFT_CMP_NEQ, NFT_REG_1, "0123456789abcdef", 16);
	/* 2001:db8::/32: as many bytes as an IPv4 address, and none */
	put_payload(NET, 24, 4, NFT_REG_1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "\x20\1\xd\xb8", 4);
	read_rule(5, RULESET_CONTINUE);
	assert_cond(0, RULESET_DADDR, RULESET_MASK, false);
	assert_cond(1, RULESET_NFPROTO, RULESET_MASK, false);
	assert_cond(2, RULESET_SADDR, RULESET_MASK, false);
	assert_bytes(cond[2].value, "\xfd", 1);
	assert_bytes(cond[2].mask, "\xff", 1);
	assert_cond(3, RULESET_DADDR, RULESET_MASK, true);
	assert_int_equal(cond[3].len, 16);
	assert_cond(4, RULESET_DADDR, RULESET_MASK, false);
	assert_int_equal(cond[4].len, 16);
	assert_bytes(cond[4].value, "\x20\1\xd\xb8\0", 5);
	assert_bytes(cond[4].mask, "\xff\xff\xff\xff\0", 5);
}

static void put_fib(uint32_t result, uint32_t flags)
{
	struct expr_at at = begin_expr("fib");

	nlmsg_u32(&rm.m, NFTA_FIB_DREG, NFT_REG_1);
	nlmsg_u32(&rm.m, NFTA_FIB_RESULT, result);
	nlmsg_u32(&rm.m, NFTA_FIB_FLAGS, flags);
	end_expr(at);
}

static void test_type_of_an_address_is_read(void **state)
{
	const uint32_t local = 2;

	begin();
	put_fib(NFT_FIB_RESULT_ADDRTYPE, NFTA_FIB_F_DADDR);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, &local, 4);
	put_fib(NFT_FIB_RESULT_ADDRTYPE, NFTA_FIB_F_SADDR);
	put_cmp(NFT_CMP_NEQ, NFT_REG_1, &local, 4);
	put_fib(NFT_FIB_RESULT_ADDRTYPE, NFTA_FIB_F_DADDR | NFTA_FIB_F_IIF);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, &local, 4);
	put_fib(NFT_FIB_RESULT_OIF, NFTA_FIB_F_DADDR);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, &local, 4);
	read_rule(4, RULESET_CONTINUE);
	assert_cond(0, RULESET_DADDR_TYPE, RULESET_MASK, false);
	assert_bytes(cond[0].value, &local, 4);
	assert_cond(1, RULESET_SADDR_TYPE, RULESET_MASK, true);
	assert_cond(2, RULESET_OTHER, RULESET_UNKNOWN, false);
	assert_cond(3, RULESET_OTHER, RULESET_UNKNOWN, false);
}

static void assert_never(size_t i)
{
	assert_cond(i, RULESET_L4PROTO, RULESET_MASK, true);
	assert_bytes(cond[i].mask, "", 0);
	assert_bytes(cond[i].value, "", 0);
}

/* The packets that are followed are not spoofed. */
static void test_way_back_exists(void **state)
{
	const uint32_t back = NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF, one = 1;

	begin();
	put_fib(NFT_FIB_RESULT_OIF, back);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "\0\0\0", 4);
	put_fib(NFT_FIB_RESULT_OIF, back | NFTA_FIB_F_PRESENT);
	put_cmp(NFT_CMP_NEQ, NFT_REG_1, "\0", 1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "\1", 1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "\0", 1);
	put_fib(NFT_FIB_RESULT_OIF, back);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, &one, 4);
	put_cmp(NFT_CMP_GT, NFT_REG_1, "\0\0\0", 4);
	read_rule(4, RULESET_CONTINUE);
	assert_never(0);
	assert_never(1);
	assert_cond(2, RULESET_OTHER, RULESET_UNKNOWN, false);
	assert_cond(3, RULESET_OTHER, RULESET_UNKNOWN, false);
}

static void put_ct_original(uint32_t key, uint8_t dir)
{
	struct expr_at at = begin_expr("ct");

	nlmsg_u32(&rm.m, NFTA_CT_KEY, key);
	nlmsg_u32(&rm.m, NFTA_CT_DREG, NFT_REG_1);
	nlmsg_put(&rm.m, NFTA_CT_DIRECTION, &dir, sizeof(dir));
	end_expr(at);
}

static void test_original_destination_is_read(void **state)
{
	begin();
	put_ct_original(NFT_CT_DST_IP, 0);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "\x09\x09\x09\x09", 4);
	put_ct_original(NFT_CT_PROTO_DST, 0);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "\0\x50", 2);
	put_ct_original(NFT_CT_PROTO_DST, 1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "\0\x50", 2);
	put_ct_original(NFT_CT_DST, 0);	/* of what family? */
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "\x09\x09\x09\x09", 4);
	read_rule(4, RULESET_CONTINUE);
	assert_cond(0, RULESET_CT_ORIG_DADDR, RULESET_MASK, false);
	assert_int_equal(cond[0].len, 4);
	assert_cond(1, RULESET_CT_ORIG_DPORT, RULESET_MASK, false);
	assert_cond(2, RULESET_OTHER, RULESET_UNKNOWN, false);
	assert_cond(3, RULESET_OTHER, RULESET_UNKNOWN, false);
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
	read_rule(6, RULESET_CONTINUE);
	assert_cond(0, RULESET_OTHER, RULESET_UNKNOWN, false);
	assert_cond(1, RULESET_OTHER, RULESET_UNKNOWN, false);
	assert_cond(2, RULESET_L4PROTO, RULESET_MASK, false);
	assert_bytes(cond[2].value, "\x06", 1);
	for (size_t i = 3; i < 6; i++)
		assert_cond(i, RULESET_OTHER, RULESET_UNKNOWN, false);
}

static void put_tcp_flags(const char *mask, uint32_t op, const char *value)
{
	put_payload(TH, 13, 1, NFT_REG_1);
	put_bitwise(NFT_REG_1, mask, "\0", 1);
	put_cmp(op, NFT_REG_1, value, 1);
}

static void assert_new(size_t i, bool is_new)
{
	const uint32_t new = 8;

	assert_cond(i, RULESET_CT_STATE, RULESET_MASK, is_new);
	assert_bytes(cond[i].mask, &new, 4);
	assert_bytes(cond[i].value, "", 0);
}

/* The first packet of a flow has SYN alone, and no later one has SYN without
 * ACK. */
static void test_tcp_flags_tell_the_first_packet(void **state)
{
	begin();
	put_tcp_flags("\x17", NFT_CMP_EQ, "\x02");	/* fin,syn,rst,ack */
	put_tcp_flags("\x17", NFT_CMP_NEQ, "\x02");
	put_tcp_flags("\x06", NFT_CMP_EQ, "\x06");	/* syn,rst */
	put_tcp_flags("\x06", NFT_CMP_EQ, "\x02");	/* also with ACK */
	put_tcp_flags("\x3f", NFT_CMP_EQ, "\0");	/* none */
	put_tcp_flags("\xff", NFT_CMP_EQ, "\x02");	/* not with ECN */
	read_rule(8, RULESET_CONTINUE);
	assert_new(0, true);
	assert_new(1, false);
	assert_new(2, false);
	assert_cond(3, RULESET_OTHER, RULESET_UNKNOWN, false);
	assert_cond(4, RULESET_OTHER, RULESET_UNKNOWN, false);
	assert_new(5, false);
	assert_cond(6, RULESET_OTHER, RULESET_UNKNOWN, false);
	assert_cond(7, RULESET_OTHER, RULESET_UNKNOWN, false);
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
	read_rule(7, RULESET_CONTINUE);
	assert_cond(0, RULESET_SADDR, RULESET_RANGE, true);
	assert_bytes(cond[0].value, lo, 4);
	assert_bytes(cond[0].mask, hi, 4);
	assert_cond(1, RULESET_SADDR, RULESET_RANGE, false);
	assert_bytes(cond[1].value, lo, 4);
	assert_bytes(cond[1].mask, "\xff\xff\xff\xff", 4);
	assert_cond(2, RULESET_SADDR, RULESET_RANGE, false);
	assert_bytes(cond[2].value, "", 0);
	assert_bytes(cond[2].mask, hi, 4);
	assert_cond(3, RULESET_SADDR, RULESET_RANGE, true);
	assert_bytes(cond[3].value, lo, 4);
	assert_bytes(cond[3].mask, "\xff\xff\xff\xff", 4);
	assert_cond(4, RULESET_SADDR, RULESET_RANGE, true);
	assert_bytes(cond[4].mask, hi, 4);
	assert_cond(5, RULESET_SADDR, RULESET_UNKNOWN, false);
	assert_cond(6, RULESET_SADDR, RULESET_UNKNOWN, false);
}

static void assert_part(size_t i, size_t part, unsigned field, unsigned len)
{
	assert_int_equal(cond[i].part[part], field);
	assert_int_equal(cond[i].part_len[part], len);
}

static void test_set_and_map_lookups_are_read(void **state)
{
	begin();
	put_payload(NET, 12, 4, NFT_REG_1);
	put_meta(NFT_META_OIFNAME, NFT_REG32_01);
	put_lookup("addrs", NFT_REG_1, -1, 0);
	put_lookup("names", NFT_REG32_01, -1, NFT_LOOKUP_F_INV);
	/* the value replaces the key */
	put_lookup("addrs", NFT_REG_1, NFT_REG_1, 0);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "abcd", 4);
	put_ct(NFT_CT_STATE, NFT_REG_1);
	put_lookup("states", NFT_REG_1, NFT_REG_VERDICT, 0);
	read_rule(5, RULESET_MAP);
	assert_cond(0, RULESET_SADDR, RULESET_IN_SET, false);
	assert_part(0, 0, RULESET_SADDR, 4);
	assert_int_equal(cond[0].part_len[1], 0);
	assert_string_equal(rs->set[cond[0].set].name, "addrs");
	assert_cond(1, RULESET_OIFNAME, RULESET_IN_SET, true);
	assert_part(1, 0, RULESET_OIFNAME, 16);
	assert_cond(2, RULESET_SADDR, RULESET_IN_SET, false);
	assert_cond(3, RULESET_OTHER, RULESET_UNKNOWN, false);
	assert_cond(4, RULESET_CT_STATE, RULESET_IN_SET, false);
	assert_int_equal(rule.map, rule.cond + 4);
	assert_true(rs->set[cond[4].set].used);
}

/* A key that is longer than its first field has more of them. */
static void test_concatenation_has_its_parts(void **state)
{
	begin();
	put_payload(NET, 12, 4, NFT_REG_1);
	put_meta(NFT_META_L4PROTO, NFT_REG32_01);
	put_payload(TH, 2, 2, NFT_REG32_02);
	put_lookup("triples", NFT_REG_1, -1, NFT_LOOKUP_F_INV);
	put_lookup("pairs", NFT_REG32_01, NFT_REG_VERDICT, 0);
	read_rule(2, RULESET_MAP);
	assert_cond(0, RULESET_OTHER, RULESET_IN_SET, true);
	assert_part(0, 0, RULESET_SADDR, 4);
	assert_part(0, 1, RULESET_L4PROTO, 1);
	assert_part(0, 2, RULESET_DPORT, 2);
	assert_int_equal(cond[0].part_len[3], 0);
	assert_cond(1, RULESET_OTHER, RULESET_IN_SET, false);
	assert_part(1, 0, RULESET_L4PROTO, 1);
	assert_part(1, 1, RULESET_DPORT, 2);
}

/* One part is unknown; the key has another length than the registers; the set
 * was not read. */
static void test_unknown_parts_and_sets(void **state)
{
	begin();
	put_meta(NFT_META_SKUID, NFT_REG_1);
	put_payload(TH, 2, 2, NFT_REG32_01);
	put_lookup("pairs", NFT_REG_1, -1, 0);
	put_lookup("triples", NFT_REG_1, -1, 0);
	put_lookup("nothing", NFT_REG_1, -1, 0);
	put_meta(NFT_META_OIFNAME, NFT_REG_1);
	put_lookup("pairs", NFT_REG_1, NFT_REG_VERDICT, 0);
	read_rule(4, RULESET_MAP);
	assert_cond(0, RULESET_OTHER, RULESET_IN_SET, false);
	assert_part(0, 0, RULESET_OTHER, 4);
	assert_part(0, 1, RULESET_DPORT, 2);
	for (size_t i = 1; i < 4; i++) {
		assert_cond(i, RULESET_OTHER, RULESET_UNKNOWN, false);
		assert_int_equal(cond[i].set, RULESET_NONE);
	}
	assert_int_equal(rule.map, rule.cond + 3);
}

/* nft swaps the bytes of a key in a set of ranges; one byte stays as it is. */
static void test_another_byte_order_is_unknown(void **state)
{
	static const uint32_t keys[] = { NFT_META_MARK, NFT_META_L4PROTO };
	struct expr_at at;

	begin();
	for (size_t i = 0; i < 2; i++) {
		put_meta(keys[i], NFT_REG_1);
		at = begin_expr("byteorder");
		nlmsg_u32(&rm.m, NFTA_BYTEORDER_SREG, NFT_REG_1);
		nlmsg_u32(&rm.m, NFTA_BYTEORDER_DREG, NFT_REG_1);
		end_expr(at);
		put_cmp(NFT_CMP_EQ, NFT_REG_1, "\x06", 1);
	}
	read_rule(2, RULESET_CONTINUE);
	assert_cond(0, RULESET_MARK, RULESET_UNKNOWN, false);
	assert_cond(1, RULESET_L4PROTO, RULESET_MASK, false);
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
	read_rule(7, RULESET_CONTINUE);
	assert_cond(0, RULESET_OTHER, RULESET_UNKNOWN, false);
	assert_cond(1, RULESET_OTHER, RULESET_UNKNOWN, false);
	assert_cond(2, RULESET_OIFNAME, RULESET_MASK, false);
	for (size_t i = 3; i < 7; i++)
		assert_cond(i, RULESET_OTHER, RULESET_UNKNOWN, false);
}

static void put_objref(uint32_t type)
{
	struct expr_at at = begin_expr("objref");

	nlmsg_u32(&rm.m, NFTA_OBJREF_IMM_TYPE, type);
	end_expr(at);
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
	put_objref(NFT_OBJECT_COUNTER);
	put_objref(NFT_OBJECT_CT_HELPER);
	put_xt("match", "comment");
	put_xt("target", "LOG");
	put_verdict(NF_ACCEPT, NULL);
	read_rule(0, RULESET_ACCEPT);
	assert_false(rule.xt);
	begin();
	put_objref(NFT_OBJECT_QUOTA);
	put_plain("quota");
	put_plain("numgen");
	put_plain("flow_offload");
	put_plain("unheard of");
	put_verdict(NF_ACCEPT, NULL);
	read_rule(5, RULESET_ACCEPT);
	assert_false(rule.xt);
	/* a program may take the packet, or not */
	begin();
	put_plain("tproxy");
	put_verdict(NF_ACCEPT, NULL);
	read_rule(1, RULESET_QUEUE);
}

static void put_limit(const char *name, uint16_t type, uint32_t flags)
{
	struct expr_at at = begin_expr(name);

	nlmsg_u32(&rm.m, type, flags);
	end_expr(at);
}

/* The packets that are followed come slower than any limit. */
static void test_limits_are_not_reached(void **state)
{
	struct expr_at at;
	size_t nest, data;

	begin();
	put_limit("limit", NFTA_LIMIT_FLAGS, 0);
	put_limit("connlimit", NFTA_CONNLIMIT_FLAGS, 0);
	put_verdict(NF_ACCEPT, NULL);
	read_rule(0, RULESET_ACCEPT);
	begin();
	put_limit("limit", NFTA_LIMIT_FLAGS, NFT_LIMIT_F_INV);
	put_limit("connlimit", NFTA_CONNLIMIT_FLAGS, NFT_CONNLIMIT_F_INV);
	at = begin_expr("dynset");	/* a meter */
	nest = nlmsg_nest(&rm.m, NFTA_DYNSET_EXPR);
	nlmsg_name(&rm.m, NFTA_EXPR_NAME, "limit");
	data = nlmsg_nest(&rm.m, NFTA_EXPR_DATA);
	nlmsg_u32(&rm.m, NFTA_LIMIT_FLAGS, NFT_LIMIT_F_INV);
	nlmsg_unnest(&rm.m, data);
	nlmsg_unnest(&rm.m, nest);
	end_expr(at);
	put_verdict(NF_DROP, NULL);
	read_rule(3, RULESET_DROP);
	for (size_t i = 0; i < 3; i++)
		assert_never(i);
}

/* The place of our accept is before a rule that only logs, not before one that
 * changes the packet. */
static void test_rule_that_only_logs_is_marked(void **state)
{
	begin();
	put_meta(NFT_META_L4PROTO, NFT_REG_1);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "\x06", 1);
	put_limit("limit", NFTA_LIMIT_FLAGS, 0);
	put_plain("log");
	put_plain("counter");
	read_rule(1, RULESET_CONTINUE);
	assert_true(rule.log);
	begin();
	put_xt("target", "NFLOG");
	read_rule(0, RULESET_CONTINUE);
	assert_true(rule.log);
	begin();
	put_plain("log");
	put_verdict(NF_DROP, NULL);
	read_rule(0, RULESET_DROP);
	assert_false(rule.log);
	begin();
	put_plain("log");
	put_plain("notrack");
	read_rule(0, RULESET_CONTINUE);
	assert_false(rule.log);
	begin();
	put_plain("log");
	put_limit("meta", NFTA_META_KEY, NFT_META_MARK);	/* set */
	read_rule(0, RULESET_CONTINUE);
	assert_false(rule.log);
	begin();
	put_xt("target", "TCPMSS");
	read_rule(0, RULESET_CONTINUE);
	assert_false(rule.log);
}

static void test_iptables_matches_are_marked(void **state)
{
	begin();
	put_xt("match", "conntrack");
	put_xt("target", "MASQUERADE");
	read_rule(1, RULESET_SNAT);
	assert_true(rule.xt);
	begin();
	put_xt("target", "REJECT");
	read_rule(0, RULESET_DROP);
	assert_false(rule.xt);
	begin();
	put_xt("target", "NOBODY");
	put_verdict(NF_DROP, NULL);
	read_rule(1, RULESET_DROP);
	assert_true(rule.xt);
}

/* The list of nft_is_expr_compatible() of iptables. */
static void test_iptables_makes_only_some_expressions(void **state)
{
	begin();
	put_payload(NET, 12, 4, NFT_REG_1);
	put_bitwise(NFT_REG_1, "\xff\xff\xf0\x00", "\0\0\0", 4);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "\xc0\xa8\x50", 4);
	put_meta(NFT_META_OIFNAME, NFT_REG_1);
	put_lookup("names", NFT_REG_1, -1, 0);
	put_xt("match", "conntrack");
	put_limit("limit", NFTA_LIMIT_FLAGS, 0);
	put_limit("log", NFTA_LOG_GROUP, 0);
	put_plain("counter");
	put_verdict(NF_ACCEPT, NULL);
	read_rule(3, RULESET_ACCEPT);
	assert_false(alien);
	begin();
	put_plain("log");
	read_rule(0, RULESET_CONTINUE);
	assert_true(alien);
	begin();
	put_ct(NFT_CT_STATE, NFT_REG_1);
	read_rule(0, RULESET_CONTINUE);
	assert_true(alien);
	begin();
	put_plain("masq");
	read_rule(0, RULESET_SNAT);
	assert_true(alien);
	begin();
	put_limit("limit", NFTA_LIMIT_FLAGS, NFT_LIMIT_F_INV);
	read_rule(1, RULESET_CONTINUE);
	assert_true(alien);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule_has_its_chain_and_its_target),
		cmocka_unit_test(test_first_verdict_ends_the_rule),
		cmocka_unit_test(test_nat_is_for_its_own_family),
		cmocka_unit_test(test_meta_conditions_are_read),
		cmocka_unit_test(test_conntrack_state_is_read_with_its_mask),
		cmocka_unit_test(test_header_conditions_are_read_as_fields),
		cmocka_unit_test(test_header_of_ipv6_has_other_fields),
		cmocka_unit_test(test_type_of_an_address_is_read),
		cmocka_unit_test(test_way_back_exists),
		cmocka_unit_test(test_original_destination_is_read),
		cmocka_unit_test(test_other_header_bytes_are_unknown),
		cmocka_unit_test(test_tcp_flags_tell_the_first_packet),
		cmocka_unit_test(test_ranges_and_comparisons_are_read),
		cmocka_unit_test(test_set_and_map_lookups_are_read),
		cmocka_unit_test(test_concatenation_has_its_parts),
		cmocka_unit_test(test_unknown_parts_and_sets),
		cmocka_unit_test(test_another_byte_order_is_unknown),
		cmocka_unit_test(test_register_holds_the_last_load),
		cmocka_unit_test(test_statements_always_match),
		cmocka_unit_test(test_limits_are_not_reached),
		cmocka_unit_test(test_rule_that_only_logs_is_marked),
		cmocka_unit_test(test_iptables_matches_are_marked),
		cmocka_unit_test(test_iptables_makes_only_some_expressions),
	};

	return cmocka_run_group_tests(tests, new_model, free_model);
}
