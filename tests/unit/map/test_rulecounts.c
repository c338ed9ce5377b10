/* SPDX-License-Identifier: ISC */
/* test_rulecounts.c - a line keeps its count when other lines change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "map/rulecounts.h"

static struct policy_rule rule[CONF_RULES_MAX];
static struct policy policy = { .rule = rule };
static struct rulecounts counts;

/* @lo: tells the lines apart; the number of the line is its place */
static void lines(size_t n, const uint16_t *lo)
{
	policy.rule_n = n;
	for (size_t i = 0; i < n; i++)
		rule[i] = (struct policy_rule){
			.allow = true, .ext_lo = lo[i], .ext_hi = 65535,
			.int_lo = 1, .int_hi = 65535,
			.net = { addr_ip4(0xc0a85800), 24 },
			.line = (unsigned)i + 10,
		};
	rulecounts_adopt(&counts, &policy);
}

static int setup(void **state)
{
	memset(&counts, 0, sizeof(counts));
	return 0;
}

static void test_lines_are_counted(void **state)
{
	lines(2, (const uint16_t[]){ 1000, 2000 });
	rulecounts_add(&counts, &policy, 11);
	rulecounts_add(&counts, &policy, 11);
	rulecounts_add(&counts, &policy, 0);
	rulecounts_add(&counts, &policy, 99);	/* no such line */
	assert_int_equal(counts.at[0].n, 0);
	assert_int_equal(counts.at[1].n, 2);
	assert_int_equal(counts.none, 1);
}

static void test_a_line_keeps_its_count(void **state)
{
	lines(2, (const uint16_t[]){ 1000, 2000 });
	rulecounts_add(&counts, &policy, 10);
	rulecounts_add(&counts, &policy, 11);
	rulecounts_add(&counts, &policy, 11);
	rulecounts_add(&counts, &policy, 0);
	lines(3, (const uint16_t[]){ 3000, 2000, 1000 });
	assert_int_equal(counts.at[0].n, 0);
	assert_int_equal(counts.at[1].n, 2);
	assert_int_equal(counts.at[2].n, 1);
	assert_int_equal(counts.none, 1);
	lines(1, (const uint16_t[]){ 3000 });
	lines(2, (const uint16_t[]){ 1000, 2000 });
	assert_int_equal(counts.at[1].n, 0);
}

static void test_equal_lines_have_one_count(void **state)
{
	lines(1, (const uint16_t[]){ 1000 });
	rulecounts_add(&counts, &policy, 10);
	lines(2, (const uint16_t[]){ 1000, 1000 });
	assert_int_equal(counts.at[0].n, 1);
	assert_int_equal(counts.at[1].n, 0);
}

/* Each part of a line tells it from others. */
static void test_lines_that_differ_in_one_part(void **state)
{
	const struct addr a = addr_ip4(0xc0a85800), b = addr_ip4(0xc0a85900);
	const struct policy_rule all[] = {
		{ true, 1000, 2000, 10, 20, { a, 24 }, 1 },
		{ false, 1000, 2000, 10, 20, { a, 24 }, 1 },
		{ true, 1001, 2000, 10, 20, { a, 24 }, 1 },
		{ true, 1000, 2001, 10, 20, { a, 24 }, 1 },
		{ true, 1000, 2000, 11, 20, { a, 24 }, 1 },
		{ true, 1000, 2000, 10, 21, { a, 24 }, 1 },
		{ true, 1000, 2000, 10, 20, { a, 23 }, 1 },
		{ true, 1000, 2000, 10, 20, { b, 24 }, 1 },
	};

	policy.rule_n = 1;
	for (size_t i = 1; i < sizeof(all) / sizeof(all[0]); i++) {
		memset(&counts, 0, sizeof(counts));
		rule[0] = all[0];
		rulecounts_adopt(&counts, &policy);
		rulecounts_add(&counts, &policy, 1);
		rulecounts_adopt(&counts, &policy);
		assert_int_equal(counts.at[0].n, 1);
		rule[0] = all[i];
		rulecounts_adopt(&counts, &policy);
		assert_int_equal(counts.at[0].n, 0);
	}
}

/* Memory that an intruder has written. */
static void test_any_value_is_valid(void **state)
{
	memset(&counts, 0xff, sizeof(counts));
	lines(CONF_RULES_MAX, (uint16_t[CONF_RULES_MAX]){ 1, 2 });
	for (size_t i = 0; i < CONF_RULES_MAX; i++)
		assert_int_equal(counts.at[i].n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_lines_are_counted, setup),
		cmocka_unit_test_setup(test_a_line_keeps_its_count, setup),
		cmocka_unit_test_setup(test_equal_lines_have_one_count, setup),
		cmocka_unit_test_setup(test_lines_that_differ_in_one_part,
				       setup),
		cmocka_unit_test_setup(test_any_value_is_valid, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
