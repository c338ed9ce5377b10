/* SPDX-License-Identifier: ISC */
/*
 * test_nl_place.c - our rules are right only directly before the rule of their
 * place, with its direction, interface and protocol, and nowhere else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include "natfw/nl_place.h"
#include "tests/unit/natfwtest.h"

static struct natfw fw;
static struct places places;
static uint32_t table, chain, set_index;

static int begin(void **state)
{
	memset(&fw, 0, sizeof(fw));
	memset(&places, 0, sizeof(places));
	fw.rules = ruleset_new();
	fw.places = &places;
	table = ruleset_add_table(fw.rules, RULESET_NATIVE, NFPROTO_INET,
				  STR("fw4"));
	chain = ruleset_add_chain(fw.rules, table, STR("forward"));
	set_index = ruleset_add_set(fw.rules, table, STR("upnpd_accept"), 12);
	fw.rules->set[set_index].ours = true;
	return set_index == RULESET_NONE;
}

static int end(void **state)
{
	ruleset_free(fw.rules);
	return 0;
}

static struct ruleset_rule *add_rule(void)
{
	uint32_t i = ruleset_add_rule(fw.rules, chain);

	assert_int_not_equal(i, RULESET_NONE);
	fw.rules->rule[i].handle = i + 1;
	return &fw.rules->rule[i];
}

static void add_cond(uint8_t field, const void *value, uint8_t len)
{
	struct ruleset_cond c = { .field = field, .op = RULESET_MASK,
				  .len = len, .set = RULESET_NONE };

	memcpy(c.value, value, len);
	memset(c.mask, 0xff, len);
	ruleset_add_cond(fw.rules, &c);
}

/* A rule of ours, as nl_rule.c writes it. */
static void ours(bool to, const char *ifname, uint8_t proto)
{
	struct ruleset_cond c = {
		.field = RULESET_OTHER, .op = RULESET_IN_SET, .set = set_index,
		.part = { to ? RULESET_DADDR : RULESET_SADDR, RULESET_L4PROTO,
			  to ? RULESET_DPORT : RULESET_SPORT },
	};
	struct ruleset_rule *r = add_rule();
	char name[16] = "";

	r->ours = true;
	r->verdict = RULESET_ACCEPT;
	if (*ifname) {
		memcpy(name, ifname, strlen(ifname));
		add_cond(to ? RULESET_OIFNAME : RULESET_IIFNAME, name, 16);
	}
	if (proto)
		add_cond(RULESET_L4PROTO, &proto, 1);
	ruleset_add_cond(fw.rules, &c);
}

/* A rule of the administrator. Return: its index */
static uint32_t theirs(void)
{
	add_rule()->verdict = RULESET_DROP;
	return fw.rules->rule_n - 1;
}

static struct place *want(uint32_t before, bool to, bool from)
{
	struct place *p = &places.at[places.n++];

	p->chain = chain;
	p->before = before;
	p->to = to;
	p->from = from;
	return p;
}

static bool right(void)
{
	return nl_place_right(&fw, 0);
}

static void test_rules_stand_directly_before_theirs(void **state)
{
	uint32_t drop, other;

	fw.rules->set_n = 0;
	assert_true(right());
	theirs();
	ours(true, "", 0);
	ours(false, "", 0);
	drop = theirs();
	other = theirs();
	assert_false(right());		/* none is wanted */
	want(drop, true, true);
	assert_true(right());
	places.at[0].before = other;
	assert_false(right());
	places.at[0].before = RULESET_NONE;
	assert_false(right());
	places.at[0].before = drop;
	places.at[0].from = false;
	assert_false(right());		/* one too many */
	places.at[0].from = true;
	ours(true, "", 0);
	assert_false(right());		/* one more, at the end */
	want(RULESET_NONE, true, false);
	assert_true(right());
}

static void test_interface_and_protocol_are_compared(void **state)
{
	struct place *p;

	ours(true, "lan0", IPPROTO_TCP);
	p = want(RULESET_NONE, true, false);
	assert_false(right());
	strcpy(p->ifname, "lan0");
	assert_false(right());
	p->proto = IPPROTO_TCP;
	assert_true(right());
	p->proto = IPPROTO_UDP;
	assert_false(right());
	p->proto = IPPROTO_TCP;
	strcpy(p->ifname, "lan00");
	assert_false(right());
	p->ifname[0] = '\0';
	assert_false(right());
	strcpy(p->ifname, "lan0");
	p->to = false;
	p->from = true;
	assert_false(right());
}

/* Hairpin: not by the external interface. */
static void test_hairpin_is_compared(void **state)
{
	struct place *p;
	struct ruleset_cond *c;

	strcpy(fw.env.ext_if, "wan0");
	ours(true, "", 0);
	p = want(RULESET_NONE, true, false);
	assert_true(right());
	p->hairpin = true;
	assert_false(right());
	add_cond(RULESET_IIFNAME, "wan0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_false(right());		/* only by that one */
	c = &fw.rules->cond[fw.rules->cond_n - 1];
	c->negate = true;
	assert_true(right());
	p->hairpin = false;
	assert_false(right());
}

/* Two places at one rule: each has a rule of its own, in any order. */
static void test_places_at_one_rule(void **state)
{
	ours(true, "lan1", 0);
	ours(true, "lan0", 0);
	strcpy(want(RULESET_NONE, true, false)->ifname, "lan0");
	assert_false(right());
	strcpy(want(RULESET_NONE, true, false)->ifname, "lan1");
	assert_true(right());
}

static void test_set_without_a_place_is_too_much(void **state)
{
	assert_false(right());
	fw.rules->table[table].owner = 7;	/* not ours to delete */
	assert_true(right());
	fw.rules->table[table].owner = 0;
	want(RULESET_NONE, true, false);
	ours(true, "", 0);
	assert_true(right());
}

/* Chains of iptables have another writer. */
static void test_other_kinds_do_not_count(void **state)
{
	want(RULESET_NONE, true, true);
	fw.rules->table[table].kind = RULESET_IPT_LEGACY;
	assert_true(right());
	fw.rules->table[table].kind = RULESET_NATIVE;
	assert_false(right());
}

/* Each table once, without those that the kernel refused. */
static void test_tables_of_places(void **state)
{
	bool without[RULESET_TABLES_MAX] = { false };
	struct nl_place_tables tables;
	uint32_t second;

	want(RULESET_NONE, true, true);
	want(RULESET_NONE, true, false);
	second = ruleset_add_table(fw.rules, RULESET_NATIVE, NFPROTO_IPV4,
				   STR("more"));
	chain = ruleset_add_chain(fw.rules, second, STR("f"));
	want(RULESET_NONE, true, true);
	nl_place_tables(&fw, without, &tables);
	assert_int_equal(tables.n, 2);
	assert_string_equal(tables.at[0].family, "inet");
	assert_string_equal(tables.at[0].name, "fw4");
	assert_string_equal(tables.at[1].name, "more");
	assert_ptr_equal(nl_place_in(fw.rules, &places.at[1], &tables),
			 &tables.at[0]);
	without[table] = true;
	nl_place_tables(&fw, without, &tables);
	assert_int_equal(tables.n, 1);
	assert_string_equal(tables.at[0].name, "more");
	assert_null(nl_place_in(fw.rules, &places.at[0], &tables));
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_rules_stand_directly_before_theirs),
		T(test_interface_and_protocol_are_compared),
		T(test_hairpin_is_compared),
		T(test_places_at_one_rule),
		T(test_set_without_a_place_is_too_much),
		T(test_other_kinds_do_not_count),
		T(test_tables_of_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
