/* SPDX-License-Identifier: ISC */
/*
 * test_ruleset.c - the model's lists keep their order, find what they have, and
 * stop at their limits: a rule is then less certain, never more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/netfilter.h>
#include "base/mem.h"
#include "base/wr.h"
#include "tests/unit/rulesmodel.h"

static uint32_t table, chain;

static void begin(void)
{
	ruleset_clear(rs);
	table = ruleset_add_table(rs, RULESET_NATIVE, NFPROTO_INET, STR("fw"));
	chain = ruleset_add_chain(rs, table, STR("forward"));
}

static struct str name_of(char *buf, size_t cap, const char *what, unsigned i)
{
	int n = snprintf(buf, cap, "%s%u", what, i);

	return (struct str){ buf, (size_t)n };
}

/* ---- lists ------------------------------------------------------------- */

static void test_what_exists_is_found(void **state)
{
	uint32_t other, set;

	begin();
	other = ruleset_add_table(rs, RULESET_NATIVE, NFPROTO_IPV4, STR("fw"));
	assert_int_not_equal(other, table);
	assert_int_equal(ruleset_add_table(rs, RULESET_NATIVE, NFPROTO_INET,
					   STR("fw")), table);
	assert_int_equal(ruleset_add_chain(rs, table, STR("forward")), chain);
	assert_int_not_equal(ruleset_add_chain(rs, other, STR("forward")),
			     chain);
	assert_int_equal(ruleset_find_chain(rs, table, STR("forwar")),
			 RULESET_NONE);
	assert_int_equal(rs->table_n, 2);
	assert_int_equal(rs->chain_n, 2);
	set = ruleset_add_set(rs, table, STR("s"), 4);
	assert_int_equal(ruleset_find_set(rs, table, STR("s")), set);
	assert_int_equal(ruleset_find_set(rs, other, STR("s")), RULESET_NONE);
	/* one without a name is never found */
	set = ruleset_add_set(rs, table, STR(""), 4);
	assert_int_not_equal(ruleset_add_set(rs, table, STR(""), 4), set);
	assert_int_equal(ruleset_find_set(rs, table, STR("")), RULESET_NONE);
	assert_string_equal(rs->why, "");
}

static void assert_order(const uint32_t *want, size_t n)
{
	uint32_t at = rs->chain[chain].first;

	for (size_t i = 0; i < n; i++, at = rs->rule[at].next)
		assert_int_equal(at, want[i]);
	assert_int_equal(at, RULESET_NONE);
	assert_int_equal(rs->chain[chain].last, want[n - 1]);
}

/* An alternative has the number of its rule; the next rule counts on. */
static void test_rules_keep_their_order_and_number(void **state)
{
	uint32_t a, b, c, d, between;

	begin();
	a = ruleset_add_rule(rs, chain);
	b = ruleset_add_rule(rs, chain);
	rs->rule[b].handle = 77;
	c = ruleset_add_rule_after(rs, b);
	d = ruleset_add_rule(rs, chain);
	assert_order((uint32_t[]){ a, b, c, d }, 4);
	assert_int_equal(rs->rule[b].number, 2);
	assert_int_equal(rs->rule[c].number, 2);
	assert_int_equal(rs->rule[c].handle, 77);
	assert_int_equal(rs->rule[d].number, 3);
	between = ruleset_add_rule_after(rs, a);
	assert_order((uint32_t[]){ a, between, b, c, d }, 5);
	assert_int_equal(rs->rule[between].number, 1);
}

static void test_open_rule_gets_the_conditions(void **state)
{
	const struct ruleset_cond one = { .len = 1 }, two = { .len = 2 };
	uint32_t a, b;

	begin();
	ruleset_add_cond(rs, &one);	/* there is no rule yet */
	a = ruleset_add_rule(rs, chain);
	ruleset_add_cond(rs, &one);
	ruleset_add_cond(rs, &two);
	rs->rule[a].verdict = RULESET_DROP;
	rs->rule[a].xt = true;
	b = ruleset_add_rule(rs, chain);
	ruleset_add_cond(rs, &two);
	assert_int_equal(rs->rule[a].cond_n, 2);
	assert_int_equal(rs->cond[rs->rule[a].cond + 1].len, 2);
	assert_int_equal(rs->rule[b].cond_n, 1);
	ruleset_redo_rule(rs, a);
	assert_int_equal(rs->rule[a].cond_n, 0);
	assert_int_equal(rs->rule[a].verdict, RULESET_CONTINUE);
	assert_false(rs->rule[a].xt);
	ruleset_add_cond(rs, &one);
	assert_int_equal(rs->rule[a].cond_n, 1);
	assert_int_equal(rs->cond[rs->rule[a].cond].len, 1);
	assert_int_equal(rs->cond[rs->rule[b].cond].len, 2);
	assert_order((uint32_t[]){ a, b }, 2);
}

static void test_elements_belong_to_their_set(void **state)
{
	struct ruleset_elem e = { .lo = { 1 } };
	uint32_t a, b;

	begin();
	a = ruleset_add_set(rs, table, STR("a"), 1);
	assert_true(ruleset_add_elem(rs, a, &e));
	b = ruleset_add_set(rs, table, STR("b"), 1);
	e.lo[0] = 2;
	assert_true(ruleset_add_elem(rs, b, &e));
	assert_true(ruleset_add_elem(rs, b, &e));
	assert_int_equal(rs->set[a].n, 1);
	assert_int_equal(rs->elem[rs->set[a].first].lo[0], 1);
	assert_int_equal(rs->set[b].n, 2);
	assert_int_equal(rs->elem[rs->set[b].first].lo[0], 2);
	/* too late: those of b follow */
	assert_false(ruleset_add_elem(rs, a, &e));
	assert_false(rs->set[a].known);
	assert_true(rs->set[b].known);
}

/* ---- limits ------------------------------------------------------------ */

static void assert_incomplete(const char *why)
{
	if (!strstr(rs->why, why))
		fail_msg("\"%s\" says nothing of %s", rs->why, why);
}

static void test_full_lists_are_named(void **state)
{
	char buf[32];

	begin();
	for (unsigned i = 0; i < RULESET_TABLES_MAX; i++)
		ruleset_add_table(rs, RULESET_NATIVE, NFPROTO_IPV4,
				  name_of(buf, sizeof(buf), "t", i));
	assert_int_equal(rs->table_n, RULESET_TABLES_MAX);
	assert_incomplete("256 tables");
	begin();
	for (unsigned i = 0; i < RULESET_CHAINS_MAX; i++)
		ruleset_add_chain(rs, table, name_of(buf, sizeof(buf), "c",
						     i));
	assert_int_equal(rs->chain_n, RULESET_CHAINS_MAX);
	assert_incomplete("2048 chains");
	/* what is there is found still */
	assert_int_equal(ruleset_add_chain(rs, table, STR("forward")), chain);
	begin();
	for (unsigned i = 0; i < RULESET_SETS_MAX; i++)
		assert_int_not_equal(ruleset_add_set(rs, table, STR("s"), 4),
				     RULESET_NONE);
	assert_string_equal(rs->why, "");
	assert_int_equal(ruleset_add_set(rs, table, STR("s"), 4),
			 RULESET_NONE);
	assert_incomplete("1024 sets");
	begin();
	for (unsigned i = 0; i < RULESET_RULES_MAX - RULESET_RULES_OURS; i++)
		ruleset_add_rule(rs, chain);
	assert_string_equal(rs->why, "");
	assert_int_equal(ruleset_add_rule(rs, chain), RULESET_NONE);
	assert_int_equal(ruleset_add_rule_after(rs, 0), RULESET_NONE);
	assert_incomplete("64512 rules");
}

/* A writer must find its rules, and their numbers, in any firewall. */
static void test_own_rules_have_room_in_a_full_list(void **state)
{
	const struct ruleset_cond c = { .op = RULESET_MASK };
	uint32_t rule;

	begin();
	ruleset_add_rule(rs, chain);
	while (!*rs->why)
		ruleset_add_cond(rs, &c);
	for (unsigned i = 1; i < RULESET_RULES_MAX; i++)
		ruleset_add_rule(rs, chain);
	rule = ruleset_add_own_rule(rs, chain);
	ruleset_add_cond(rs, &c);
	assert_int_not_equal(rule, RULESET_NONE);
	assert_true(rs->rule[rule].ours);
	assert_int_equal(rs->rule[rule].number, RULESET_RULES_MAX + 1);
	assert_int_equal(rs->cond[rs->rule[rule].cond].op, RULESET_MASK);
	assert_int_equal(rs->chain[chain].last, rule);
	assert_int_equal(rs->chain[chain].counted, RULESET_RULES_MAX + 1);
	assert_int_equal(rs->rule_n,
			 RULESET_RULES_MAX - RULESET_RULES_OURS + 1);
	/* there is an end to it */
	for (unsigned i = 1; i < RULESET_RULES_OURS; i++)
		rule = ruleset_add_own_rule(rs, chain);
	assert_int_not_equal(rule, RULESET_NONE);
	assert_int_equal(ruleset_add_own_rule(rs, chain), RULESET_NONE);
	assert_int_equal(rs->rule_n, RULESET_RULES_MAX);
}

/* A rule that has lost a condition has an unknown one instead. */
static void test_rule_without_room_is_less_certain(void **state)
{
	const struct ruleset_cond c = {
		.op = RULESET_MASK, .field = RULESET_DPORT,
	};
	const struct ruleset_rule *last;

	begin();
	ruleset_add_rule(rs, chain);
	while (!*rs->why) {
		if (rs->cond_n == RULESET_CONDS_MAX - RULESET_CONDS_OURS - 2)
			ruleset_add_rule(rs, chain);
		ruleset_add_cond(rs, &c);
	}
	assert_incomplete("258048 conditions");
	ruleset_add_cond(rs, &c);
	last = &rs->rule[1];
	assert_int_equal(last->cond_n, 1);
	assert_int_equal(rs->cond[last->cond].op, RULESET_UNKNOWN);
	assert_int_equal(rs->cond[rs->rule[0].cond].op, RULESET_MASK);
	/* another rule without conditions has none */
	assert_int_equal(rs->rule[ruleset_add_rule(rs, chain)].cond_n, 0);
}

static void test_long_set_is_unknown(void **state)
{
	const struct ruleset_elem e = { .any = true };
	uint32_t a, b;

	begin();
	a = ruleset_add_set(rs, table, STR("a"), 4);
	for (unsigned i = 0; i < RULESET_SET_ELEMS_MAX; i++)
		assert_true(ruleset_add_elem(rs, a, &e));
	assert_true(rs->set[a].known);
	assert_false(ruleset_add_elem(rs, a, &e));
	assert_false(rs->set[a].known);
	assert_int_equal(rs->set[a].n, 0);
	/* it takes no room, and is no fault */
	assert_int_equal(rs->elem_n, 0);
	assert_string_equal(rs->why, "");
	b = ruleset_add_set(rs, table, STR("b"), 4);
	assert_true(ruleset_add_elem(rs, b, &e));
}

static void test_names_have_room_for_all(void **state)
{
	static char name[200];

	begin();
	memset(name, 'x', sizeof(name));
	for (unsigned i = 0; !*rs->why; i++) {
		snprintf(name, sizeof(name), "%07u", i);
		name[7] = 'x';
		ruleset_add_chain(rs, table, (struct str){ name, 180 });
	}
	assert_incomplete("262144 bytes of names");
	assert_true(rs->text_n <= RULESET_TEXT_MAX);
}

static void test_first_reason_is_kept(void **state)
{
	begin();
	ruleset_incomplete(rs, "do this", "no %s", "tool");
	ruleset_incomplete(rs, "do that", "other");
	assert_string_equal(rs->why, "no tool");
	assert_string_equal(rs->remedy, "do this");
}

/* ---- memory ------------------------------------------------------------ */

/* The pages of the block that are resident; -1: another allocator has it. */
static long resident(void)
{
	static unsigned char map[8192];
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = (uintptr_t)rs / page * page;
	size_t buffer_n;
	char *buffer = ruleset_buffer(rs, &buffer_n);
	uintptr_t to = (uintptr_t)(buffer + buffer_n);
	size_t n = (to - from) / page;
	long ret = 0;

	if (MEM_BY_LIBC || n > sizeof(map) ||
	    mincore((void *)from, n * page, map))
		return -1;
	while (n-- > 0)
		ret += map[n] & 1;
	return ret;
}

static void test_clear_gives_memory_back(void **state)
{
	const struct ruleset_cond c = { .len = 1 };
	long before, used;

	begin();
	before = resident();
	for (unsigned i = 0; i < 8000; i++) {
		ruleset_add_rule(rs, chain);
		ruleset_add_cond(rs, &c);
	}
	used = resident();
	begin();
	if (before < 0)
		skip();
	assert_true(used > before + 50);
	assert_true(resident() <= before);
	assert_int_equal(rs->rule_n, 0);
}

/* Every list keeps its contents; a small model has few pages. */
static void test_packed_model_is_the_same(void **state)
{
	const struct ruleset_cond c = { .len = 3 };
	const struct ruleset_elem e = { .lo = { 7 } };
	uint32_t set, rule;
	long before;

	begin();
	rs->chain[chain].hook = NF_INET_FORWARD;
	set = ruleset_add_set(rs, table, STR("names"), 4);
	ruleset_add_elem(rs, set, &e);
	rule = ruleset_add_rule(rs, chain);
	ruleset_add_cond(rs, &c);
	ruleset_sort(rs);
	before = resident();
	ruleset_pack(rs);
	assert_string_equal(rs->table[table].name, "fw");
	assert_string_equal(rs->chain[chain].name, "forward");
	assert_string_equal(rs->set[set].name, "names");
	assert_int_equal(rs->elem[rs->set[set].first].lo[0], 7);
	assert_int_equal(rs->base_n, 1);
	assert_int_equal(rs->base[0], chain);
	assert_int_equal(rs->chain[chain].first, rule);
	assert_int_equal(rs->cond[rs->rule[rule].cond].len, 3);
	assert_int_equal(ruleset_find_chain(rs, table, STR("forward")), chain);
	begin();
	assert_int_equal(ruleset_add_rule(rs, chain), 0);
	if (before < 0)
		skip();
	ruleset_pack(rs);
	assert_true(resident() <= 3 && before > 6);
}

/* ---- order and names --------------------------------------------------- */

static void add_base(uint32_t t, const char *name, int hook, int32_t priority)
{
	uint32_t c = ruleset_add_chain(rs, t, str_z(name));

	rs->chain[c].hook = hook;
	rs->chain[c].priority = priority;
}

static void assert_name(uint32_t c, const char *want)
{
	char buf[99];
	struct wr w = wr_init(buf, sizeof(buf));

	ruleset_chain_name(rs, c, &w);
	assert_string_equal(wr_cstr(&w), want);
}

/* By hook and priority; then in an order that stays the same. */
static void test_base_chains_are_sorted(void **state)
{
	static const char *const want[] = {
		"inet fw pre", "inet fw early", "ip a f", "ip b f",
		"iptables FORWARD of filter", "ip6tables FORWARD of filter",
		"inet fw late",
	};
	uint32_t ip, b, ipt, ipt6;

	begin();	/* "forward" is on no hook */
	b = ruleset_add_table(rs, RULESET_NATIVE, NFPROTO_IPV4, STR("b"));
	ip = ruleset_add_table(rs, RULESET_NATIVE, NFPROTO_IPV4, STR("a"));
	ipt = ruleset_add_table(rs, RULESET_IPT_LEGACY, NFPROTO_IPV4,
				STR("filter"));
	ipt6 = ruleset_add_table(rs, RULESET_IPT_NFT, NFPROTO_IPV6,
				 STR("filter"));
	add_base(table, "late", NF_INET_FORWARD, 10);
	add_base(ipt6, "FORWARD", NF_INET_FORWARD, 0);
	add_base(ipt, "FORWARD", NF_INET_FORWARD, 0);
	add_base(b, "f", NF_INET_FORWARD, 0);
	add_base(ip, "f", NF_INET_FORWARD, 0);
	add_base(table, "early", NF_INET_FORWARD, -150);
	add_base(table, "pre", NF_INET_PRE_ROUTING, 300);
	add_base(ip, "own", NF_INET_FORWARD, 0);
	rs->chain[rs->chain_n - 1].ours = true;
	ruleset_sort(rs);
	assert_int_equal(rs->base_n, 7);
	for (size_t i = 0; i < 7; i++)
		assert_name(rs->base[i], want[i]);
}

/* The kernel takes any bytes; they are written to a log. */
static void test_name_is_printable(void **state)
{
	begin();
	assert_name(ruleset_add_chain(rs, table, STR("a\x1b[1m b\xff\n")),
		    "inet fw a?[1m?b??");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_exists_is_found),
		cmocka_unit_test(test_rules_keep_their_order_and_number),
		cmocka_unit_test(test_open_rule_gets_the_conditions),
		cmocka_unit_test(test_elements_belong_to_their_set),
		cmocka_unit_test(test_full_lists_are_named),
		cmocka_unit_test(test_own_rules_have_room_in_a_full_list),
		cmocka_unit_test(test_rule_without_room_is_less_certain),
		cmocka_unit_test(test_long_set_is_unknown),
		cmocka_unit_test(test_names_have_room_for_all),
		cmocka_unit_test(test_first_reason_is_kept),
		cmocka_unit_test(test_clear_gives_memory_back),
		cmocka_unit_test(test_packed_model_is_the_same),
		cmocka_unit_test(test_base_chains_are_sorted),
		cmocka_unit_test(test_name_is_printable),
	};

	return cmocka_run_group_tests(tests, new_model, free_model);
}
