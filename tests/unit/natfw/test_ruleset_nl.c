/* SPDX-License-Identifier: ISC */
/*
 * test_ruleset_nl.c - messages of a dump become tables, chains, sets and
 * elements of the model; upnpd's own parts and the tables of the iptables
 * command are recognized; no cut message is read beyond its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "natfw/ruleset_nl.h"
#include "tests/unit/nltest.h"
#include "tests/unit/rulemsg.h"
#include "tests/unit/rulesmodel.h"

static struct ruleset_nl nl;

static void begin(void)
{
	ruleset_clear(rs);
	nl = (struct ruleset_nl){ .rules = rs };
}

static void use(const struct nlmsghdr *h)
{
	ruleset_nl_message(&nl, h);
}

/* ---- tables and chains ------------------------------------------------- */

/* @owner: 0: none */
static void use_table(uint8_t family, const char *name, uint32_t flags,
		      uint32_t owner)
{
	const struct nfgenmsg about = { .nfgen_family = family };

	nlmsg_begin(&rm.m, rm.room, sizeof(rm.room), 1);
	nlmsg_open(&rm.m, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE, 0,
		   about);
	nlmsg_name(&rm.m, NFTA_TABLE_NAME, name);
	nlmsg_u32(&rm.m, NFTA_TABLE_FLAGS, flags);
	if (owner)
		nlmsg_u32(&rm.m, NFTA_TABLE_OWNER, owner);
	rm.list = 0;
	use(end_message());
}

static void use_chain(uint8_t family, const char *table, const char *name,
		      const char *type, int hook, int32_t priority)
{
	size_t nest;

	begin_message(NFT_MSG_NEWCHAIN, family, table, name);
	nlmsg_name(&rm.m, NFTA_CHAIN_NAME, name);
	nest = nlmsg_nest(&rm.m, NFTA_CHAIN_HOOK);
	nlmsg_u32(&rm.m, NFTA_HOOK_HOOKNUM, (uint32_t)hook);
	nlmsg_u32(&rm.m, NFTA_HOOK_PRIORITY, (uint32_t)priority);
	nlmsg_unnest(&rm.m, nest);
	nlmsg_u32(&rm.m, NFTA_CHAIN_POLICY, NF_DROP);
	nlmsg_name(&rm.m, NFTA_CHAIN_TYPE, type);
	use(end_message());
}

static void test_table_has_its_owner(void **state)
{
	begin();
	use_table(NFPROTO_INET, "a", NFT_TABLE_F_OWNER, 1234);
	use_table(NFPROTO_INET, "b", NFT_TABLE_F_OWNER, 0);
	use_table(NFPROTO_INET, "c", 0, 0);
	use_table(NFPROTO_BRIDGE, "d", 0, 0);
	use_table(NFPROTO_NETDEV, "e", 0, 0);
	use_table(NFPROTO_IPV6, "f", 0, 0);
	assert_int_equal(rs->table_n, 4);
	assert_int_equal(rs->table[0].owner, 1234);
	assert_int_not_equal(rs->table[1].owner, 0);
	assert_int_equal(rs->table[2].owner, 0);
	assert_int_equal(rs->table[3].family, NFPROTO_IPV6);
}

static void test_chain_has_its_hook_and_policy(void **state)
{
	begin();
	use(chain_message(NFPROTO_IPV4, "f", "in", "filter", NF_INET_FORWARD,
			  true));
	use(chain_message(NFPROTO_IPV4, "f", "pre", "nat", NF_INET_PRE_ROUTING,
			  false));
	use(chain_message(NFPROTO_IPV4, "f", "x", "", -1, false));
	use(chain_message(NFPROTO_BRIDGE, "f", "y", "", -1, false));
	assert_int_equal(rs->chain_n, 3);
	assert_int_equal(rs->chain[0].hook, NF_INET_FORWARD);
	assert_int_equal(rs->chain[0].priority, -5);
	assert_true(rs->chain[0].drop && !rs->chain[0].nat);
	assert_true(rs->chain[1].nat && !rs->chain[1].drop);
	assert_int_equal(rs->chain[2].hook, -1);
	assert_int_equal(rs->generation, 7);
}

/* The kernel calls no chain of it. */
static void test_dormant_table_has_no_hooks(void **state)
{
	begin();
	use_table(NFPROTO_INET, "a", NFT_TABLE_F_DORMANT, 0);
	use(chain_message(NFPROTO_INET, "a", "in", "filter", NF_INET_FORWARD,
			  true));
	assert_true(rs->table[0].dormant);
	assert_int_equal(rs->chain[0].hook, -1);
}

static void use_plain_rule(uint8_t family, const char *table,
			   const char *chain, const char *expr)
{
	begin_rule(family, table, chain);
	put_plain(expr);
	use(end_message());
}

/* iptables refuses a table where one of its chains is on another hook, or with
 * an expression that it does not make. It leaves chains of others alone. */
static void test_tables_of_iptables_are_recognized(void **state)
{
	begin();
	use_chain(NFPROTO_IPV4, "filter", "FORWARD", "filter", NF_INET_FORWARD,
		  0);
	use(chain_message(NFPROTO_IPV4, "filter", "DOCKER", "", -1, false));
	use_plain_rule(NFPROTO_IPV4, "filter", "DOCKER", "counter");
	use_chain(NFPROTO_IPV4, "nat", "POSTROUTING", "nat",
		  NF_INET_POST_ROUTING, 100);
	use_plain_rule(NFPROTO_IPV4, "nat", "POSTROUTING", "masq");
	use_chain(NFPROTO_IPV4, "mangle", "FORWARD", "filter",
		  NF_INET_FORWARD, -149);
	use_chain(NFPROTO_IPV4, "raw", "PREROUTING", "filter",
		  NF_INET_PRE_ROUTING, -300);
	use_chain(NFPROTO_IPV4, "raw", "mine", "filter", NF_INET_PRE_ROUTING,
		  -300);
	use_chain(NFPROTO_INET, "filter", "FORWARD", "filter",
		  NF_INET_FORWARD, 0);
	use_chain(NFPROTO_IPV6, "filter", "INPUT", "filter", NF_INET_LOCAL_IN,
		  0);
	use(chain_message(NFPROTO_IPV4, "security", "DOCKER", "", -1, false));
	ruleset_nl_end(&nl);
	assert_int_equal(rs->table_n, 7);
	assert_int_equal(rs->table[0].kind, RULESET_IPT_NFT);
	assert_int_equal(rs->table[1].kind, RULESET_NATIVE);	/* masq */
	assert_int_equal(rs->table[2].kind, RULESET_NATIVE);	/* priority */
	assert_int_equal(rs->table[3].kind, RULESET_IPT_NFT);
	assert_int_equal(rs->table[4].kind, RULESET_NATIVE);	/* family */
	assert_int_equal(rs->table[5].kind, RULESET_IPT_NFT);
	assert_int_equal(rs->table[6].kind, RULESET_NATIVE);	/* no hook */
	assert_true(rs->listed[RULESET_IPT_NFT]);
	assert_false(rs->listed[RULESET_IPT_LEGACY]);
}

/* ---- upnpd's own parts ------------------------------------------------- */

static void test_own_table_has_chains_only(void **state)
{
	begin();
	use(chain_message(NFPROTO_IPV4, "upnpd", "forward", "filter",
			  NF_INET_FORWARD, false));
	use(set_message(NFPROTO_IPV4, "upnpd", "count", 12, 0));
	use_plain_rule(NFPROTO_IPV4, "upnpd", "forward", "counter");
	assert_int_equal(rs->chain_n, 1);
	assert_true(rs->chain[0].ours);
	assert_int_equal(rs->rule_n, 0);
	assert_int_equal(rs->set_n, 0);
	assert_false(rs->leftover[RULESET_NATIVE]);
	use_table(NFPROTO_IPV4, "upnpd", 0, 0);
	assert_true(rs->leftover[RULESET_NATIVE]);
	/* only this family is ours */
	begin();
	use_table(NFPROTO_INET, "upnpd", 0, 0);
	use(chain_message(NFPROTO_INET, "upnpd", "forward", "filter",
			  NF_INET_FORWARD, false));
	assert_false(rs->chain[0].ours || rs->leftover[RULESET_NATIVE]);
}

static void use_accept(const char *set, const char *comment, size_t n,
		       uint64_t handle)
{
	begin_message(NFT_MSG_NEWRULE, NFPROTO_INET, "fw", "forward");
	handle = htobe64(handle);
	nlmsg_put(&rm.m, NFTA_RULE_HANDLE, &handle, sizeof(handle));
	nlmsg_put(&rm.m, NFTA_RULE_USERDATA, comment, n);
	rm.list = nlmsg_nest(&rm.m, NFTA_RULE_EXPRESSIONS);
	put_payload(NFT_PAYLOAD_NETWORK_HEADER, 16, 4, NFT_REG_1);
	put_lookup(set, NFT_REG_1, -1, 0);
	put_verdict(NF_ACCEPT, NULL);
	use(end_message());
}

/* Our rule has our comment and looks up our set; it counts in the numbers. */
static void test_own_rule_is_marked(void **state)
{
	static const char ours[] = "\x00\x06upnpd";

	begin();
	use(chain_message(NFPROTO_INET, "fw", "forward", "filter",
			  NF_INET_FORWARD, true));
	use(set_message(NFPROTO_INET, "fw", "upnpd_accept", 4, 0));
	use(set_message(NFPROTO_INET, "fw", "other", 4, 0));
	assert_true(rs->set[0].ours && !rs->set[0].known);
	assert_true(rs->leftover[RULESET_NATIVE]);
	rs->leftover[RULESET_NATIVE] = false;
	use_accept("other", ours, sizeof(ours), 5);
	use_accept("upnpd_accept", "\x00\x04me\0", 5, 6);
	assert_false(rs->leftover[RULESET_NATIVE]);
	use_accept("upnpd_accept", ours, sizeof(ours), UINT64_C(1) << 33);
	assert_true(rs->leftover[RULESET_NATIVE]);
	assert_int_equal(rs->rule_n, 3);
	assert_false(rs->rule[0].ours || rs->rule[1].ours);
	assert_true(rs->rule[2].ours);
	assert_int_equal(rs->rule[2].number, 3);
	assert_true(rs->rule[2].handle == UINT64_C(1) << 33);
}

/* With more rules before them than there is room for. */
static void test_own_rule_is_found_behind_many(void **state)
{
	static const char ours[] = "\x00\x06upnpd";
	const struct ruleset_rule *r;

	begin();
	use(chain_message(NFPROTO_INET, "fw", "forward", "filter",
			  NF_INET_FORWARD, true));
	use(set_message(NFPROTO_INET, "fw", "upnpd_accept", 4, 0));
	for (unsigned i = 0; i < RULESET_RULES_MAX; i++)
		use_plain_rule(NFPROTO_INET, "fw", "forward", "counter");
	use_accept("upnpd_accept", ours, sizeof(ours), 6);
	r = &rs->rule[rs->chain[0].last];
	assert_true(r->ours);
	assert_int_equal(r->handle, 6);
	assert_int_equal(r->number, RULESET_RULES_MAX + 1);
	assert_int_equal(r->verdict, RULESET_ACCEPT);
}

/* Chains of iptables are ours by their name; leaves are left out. */
static void test_own_iptables_chains_are_marked(void **state)
{
	begin();
	use_chain(NFPROTO_IPV4, "filter", "FORWARD", "filter", NF_INET_FORWARD,
		  0);
	use(chain_message(NFPROTO_IPV4, "filter", "UPNPD", "", -1, false));
	use(chain_message(NFPROTO_IPV4, "filter", "UPNPD-tcp-1024", "", -1,
			  false));
	use(chain_message(NFPROTO_IPV4, "mine", "UPNPD", "", -1, false));
	assert_int_equal(rs->chain_n, 3);
	assert_true(rs->chain[1].ours);
	assert_false(rs->chain[2].ours);
	assert_true(rs->leftover[RULESET_IPT_NFT]);
	begin_rule(NFPROTO_IPV4, "filter", "FORWARD");
	put_verdict(NFT_JUMP, "UPNPD");
	use(end_message());
	use_plain_rule(NFPROTO_IPV4, "filter", "UPNPD", "counter");
	use_plain_rule(NFPROTO_IPV4, "filter", "UPNPD-tcp-1024", "counter");
	assert_int_equal(rs->rule_n, 1);
	assert_true(rs->rule[0].ours);
	assert_false(rs->leftover[RULESET_NATIVE]);
}

/* ---- sets -------------------------------------------------------------- */

static void test_set_has_its_key_and_flags(void **state)
{
	begin();
	use(set_message(NFPROTO_INET, "f", "s", 4, NFT_SET_INTERVAL));
	use(set_message(NFPROTO_INET, "f", "c", 12,
			NFT_SET_INTERVAL | NFT_SET_CONCAT));
	use(set_message(NFPROTO_INET, "f", "long", RULESET_KEY_MAX + 4, 0));
	use(set_message(NFPROTO_INET, "f", "dynamic", 4, NFT_SET_EVAL));
	use(set_message(NFPROTO_INET, "f", "s", 4, 0));
	assert_int_equal(rs->set_n, 4);
	assert_int_equal(rs->set[0].key_len, 4);
	assert_true(rs->set[0].interval && rs->set[0].known);
	assert_true(!rs->set[1].interval && rs->set[1].known);
	assert_false(rs->set[2].known || rs->set[3].known);
}

static void assert_elem(size_t i, const void *lo, const void *hi, size_t n)
{
	uint8_t from[RULESET_KEY_MAX] = { 0 }, to[RULESET_KEY_MAX] = { 0 };

	memcpy(from, lo, n);
	memcpy(to, hi, n);
	assert_memory_equal(rs->elem[i].lo, from, sizeof(from));
	assert_memory_equal(rs->elem[i].hi, to, sizeof(to));
}

static void test_elements_have_their_verdict(void **state)
{
	begin();
	use(chain_message(NFPROTO_INET, "f", "there", "", -1, false));
	use(set_message(NFPROTO_INET, "f", "s", 4, NFT_SET_MAP));
	begin_elems(NFPROTO_INET, "f", "s");
	put_elem("\x0a\0\0\1", 4, 0, NFT_JUMP, "there");
	put_elem("\x0a\0\0\2", 4, 0, NF_ACCEPT, NULL);
	put_elem(NULL, 0, 0, NF_DROP, NULL);
	use(end_message());
	ruleset_nl_end(&nl);
	assert_true(rs->set[0].known);
	assert_int_equal(rs->set[0].n, 3);
	assert_elem(0, "\x0a\0\0\1", "\x0a\0\0\1", 4);
	assert_int_equal(rs->elem[0].verdict, RULESET_JUMP);
	assert_int_equal(rs->elem[0].target, 0);
	assert_int_equal(rs->elem[1].verdict, RULESET_ACCEPT);
	assert_int_equal(rs->elem[1].target, RULESET_NONE);
	assert_true(rs->elem[2].any && !rs->elem[1].any);
	/* a chain that was not read may do anything */
	begin_elems(NFPROTO_INET, "f", "s");
	put_elem("\x0a\0\0\3", 4, 0, NFT_GOTO, "nowhere");
	use(end_message());
	assert_false(rs->set[0].known);
	assert_int_equal(rs->elem_n, 0);
}

/* In any order; a range may have no end, and one that ends where the next
 * begins has its end twice. */
static void test_ranges_are_made(void **state)
{
	const uint32_t end = NFT_SET_ELEM_INTERVAL_END;

	begin();
	use(set_message(NFPROTO_INET, "f", "s", 2, NFT_SET_INTERVAL));
	begin_elems(NFPROTO_INET, "f", "s");
	put_elem("\xff\xf0", 2, 0, NFT_CONTINUE, NULL);
	put_elem("\x01\x00", 2, 0, NF_DROP, NULL);
	put_elem(NULL, 0, 0, NFT_CONTINUE, NULL);
	put_elem("\x02\x00", 2, 0, NF_ACCEPT, NULL);
	put_elem("\x02\x00", 2, end, NFT_CONTINUE, NULL);
	put_elem("\x00\x00", 2, end, NFT_CONTINUE, NULL);
	use(end_message());
	begin_elems(NFPROTO_INET, "f", "s");
	put_elem("\x02\x05", 2, end, NFT_CONTINUE, NULL);
	use(end_message());
	ruleset_nl_end(&nl);
	assert_int_equal(rs->set[0].n, 4);
	assert_elem(0, "\x01\x00", "\x01\xff", 2);
	assert_int_equal(rs->elem[0].verdict, RULESET_DROP);
	assert_elem(1, "\x02\x00", "\x02\x04", 2);
	assert_int_equal(rs->elem[1].verdict, RULESET_ACCEPT);
	assert_elem(2, "\xff\xf0", "\xff\xff", 2);
	assert_true(rs->elem[3].any);
	assert_int_equal(rs->elem_n, 4);
	ruleset_nl_end(&nl);	/* once only */
	assert_int_equal(rs->set[0].n, 4);
}

static void test_many_ranges_are_sorted(void **state)
{
	uint8_t key[2];
	uint32_t x = 1;

	begin();
	use(set_message(NFPROTO_INET, "f", "s", 2, NFT_SET_INTERVAL));
	for (unsigned i = 0; i < 1000; i++) {
		x = x * 1103515245 + 12345;
		key[0] = (uint8_t)(x >> 16);
		key[1] = (uint8_t)(x >> 24);
		begin_elems(NFPROTO_INET, "f", "s");
		put_elem(key, 2, 0, NFT_CONTINUE, NULL);
		use(end_message());
	}
	ruleset_nl_end(&nl);
	assert_int_equal(rs->set[0].n, 1000);
	for (unsigned i = 1; i < 1000; i++)
		assert_true(memcmp(rs->elem[i - 1].lo, rs->elem[i].lo, 2) <= 0);
}

/* Both ends of each field are in the element. */
static void test_concatenated_ranges_are_read(void **state)
{
	size_t elem;

	begin();
	use(set_message(NFPROTO_INET, "f", "s", 8,
			NFT_SET_INTERVAL | NFT_SET_CONCAT));
	begin_elems(NFPROTO_INET, "f", "s");
	elem = nlmsg_nest(&rm.m, NFTA_LIST_ELEM);
	put_data(NFTA_SET_ELEM_KEY, "\x0a\0\0\0\0\x50\0\0", 8);
	put_data(NFTA_SET_ELEM_KEY_END, "\x0a\0\0\xff\0\x60\0\0", 8);
	nlmsg_unnest(&rm.m, elem);
	use(end_message());
	ruleset_nl_end(&nl);
	assert_int_equal(rs->set[0].n, 1);
	assert_elem(0, "\x0a\0\0\0\0\x50\0\0", "\x0a\0\0\xff\0\x60\0\0", 8);
}

/* A lookup of such an element may fail; a key that is too long; too many. */
static void test_odd_elements_make_the_set_unknown(void **state)
{
	size_t elem, expr;

	begin();
	use(set_message(NFPROTO_INET, "f", "s", 4, 0));
	begin_elems(NFPROTO_INET, "f", "s");
	elem = nlmsg_nest(&rm.m, NFTA_LIST_ELEM);
	put_data(NFTA_SET_ELEM_KEY, "\x0a\0\0\0", 4);
	expr = nlmsg_nest(&rm.m, NFTA_SET_ELEM_EXPR);
	nlmsg_name(&rm.m, NFTA_EXPR_NAME, "counter");
	nlmsg_unnest(&rm.m, expr);
	nlmsg_unnest(&rm.m, elem);
	use(end_message());
	assert_true(rs->set[0].known);
	begin_elems(NFPROTO_INET, "f", "s");
	elem = nlmsg_nest(&rm.m, NFTA_LIST_ELEM);
	put_data(NFTA_SET_ELEM_KEY, "\x0a\0\0\1", 4);
	expr = nlmsg_nest(&rm.m, NFTA_SET_ELEM_EXPR);
	nlmsg_name(&rm.m, NFTA_EXPR_NAME, "limit");
	nlmsg_unnest(&rm.m, expr);
	nlmsg_unnest(&rm.m, elem);
	use(end_message());
	assert_false(rs->set[0].known);
	assert_true(nl.enough);
	begin();
	use(set_message(NFPROTO_INET, "f", "s", 4, 0));
	begin_elems(NFPROTO_INET, "f", "s");
	put_elem("12345", 5, 0, NFT_CONTINUE, NULL);
	use(end_message());
	assert_false(rs->set[0].known);
	/* of a set that does not exist */
	begin_elems(NFPROTO_INET, "f", "t");
	put_elem("1234", 4, 0, NFT_CONTINUE, NULL);
	use(end_message());
	assert_int_equal(rs->elem_n, 0);
}

/* ---- cut --------------------------------------------------------------- */

static void cut_everywhere(const struct nlmsghdr *h)
{
	uint32_t len = h->nlmsg_len;
	char *at;

	for (uint32_t n = NLMSG_HDRLEN; n <= len; n++) {
		at = room + ROOM - NLMSG_ALIGN(n);
		memcpy(at, h, n);
		memcpy(at, &n, sizeof(n));
		begin();
		use(set_message(NFPROTO_INET, "f", "s", 4, NFT_SET_INTERVAL));
		use(chain_message(NFPROTO_INET, "f", "c", "", -1, true));
		use((const void *)at);
		ruleset_nl_end(&nl);
	}
}

/* Cut a copy: set_message() and the like reuse the room. */
static void cut_copy(const struct nlmsghdr *h)
{
	static uint32_t copy[2048];

	memcpy(copy, h, h->nlmsg_len);
	cut_everywhere((const void *)copy);
}

/* Each type of message is cut at every byte, before an unreadable page. */
static void test_cut_message_is_read_to_its_end(void **state)
{
	begin_rule(NFPROTO_INET, "f", "c");
	put_payload(NFT_PAYLOAD_NETWORK_HEADER, 12, 8, NFT_REG_1);
	put_bitwise(NFT_REG_1, "\xff\xff\xff\xff\xff\xff\xff\xff",
		    "\0\0\0\0\0\0\0", 8);
	put_cmp(NFT_CMP_EQ, NFT_REG_1, "\1\2\3\4\5\6\7\x08", 8);
	put_range(NFT_RANGE_EQ, NFT_REG_1, "abcd", "efgh", 4);
	put_lookup("s", NFT_REG_1, -1, 0);
	put_xt("match", "comment");
	put_verdict(NFT_JUMP, "c");
	cut_copy(end_message());
	begin_elems(NFPROTO_INET, "f", "s");
	put_elem("abcd", 4, 0, NFT_JUMP, "c");
	put_elem("efgh", 4, NFT_SET_ELEM_INTERVAL_END, NFT_CONTINUE, NULL);
	cut_copy(end_message());
	cut_copy(chain_message(NFPROTO_INET, "f", "d", "filter", 2, true));
	cut_copy(set_message(NFPROTO_INET, "f", "t", 4, NFT_SET_MAP));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_has_its_owner),
		cmocka_unit_test(test_chain_has_its_hook_and_policy),
		cmocka_unit_test(test_dormant_table_has_no_hooks),
		cmocka_unit_test(test_tables_of_iptables_are_recognized),
		cmocka_unit_test(test_own_table_has_chains_only),
		cmocka_unit_test(test_own_rule_is_marked),
		cmocka_unit_test(test_own_rule_is_found_behind_many),
		cmocka_unit_test(test_own_iptables_chains_are_marked),
		cmocka_unit_test(test_set_has_its_key_and_flags),
		cmocka_unit_test(test_elements_have_their_verdict),
		cmocka_unit_test(test_ranges_are_made),
		cmocka_unit_test(test_many_ranges_are_sorted),
		cmocka_unit_test(test_concatenated_ranges_are_read),
		cmocka_unit_test(test_odd_elements_make_the_set_unknown),
		cmocka_unit_test_setup(test_cut_message_is_read_to_its_end,
				       make_room),
	};

	return cmocka_run_group_tests(tests, new_model, free_model);
}
