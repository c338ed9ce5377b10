/* SPDX-License-Identifier: ISC */
/*
 * test_confrule.c - allow and deny lines are parsed, a bad line is refused with
 * the reason, and a written line is parsed to the same rule.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>
#include "conf/confline.h"
#include "conf/confrule.h"

static struct confrule got;
static char why[512];

static int parse(const char *line)
{
	struct wr w = wr_init_cut(why, sizeof(why));
	struct confline l = confline_split(str_z(line));
	int err;

	assert_int_equal(l.kind, CONFLINE_RULE);
	err = confrule_parse(l.key, l.value, &got, &w);
	wr_cstr(&w);
	return err;
}

static void test_rule_is_parsed(void **state)
{
	assert_int_equal(parse("allow 80 192.168.88.0/24 1024-65535"), 0);
	assert_true(got.is.allow);
	assert_int_equal(got.is.ext_lo, 80);
	assert_int_equal(got.is.ext_hi, 80);
	assert_int_equal(got.is.int_lo, 1024);
	assert_int_equal(got.is.int_hi, 65535);
	assert_int_equal(got.is.net.bits, 24);
	assert_false(got.disabled);
	assert_string_equal(got.comment.text, "");
}

static void test_end_of_a_rule_is_parsed(void **state)
{
	assert_int_equal(parse("deny\t0-65535 2001:db8::/64 0 disabled "
			       "\"a \\\"b\\\" # \\\\\" # c"), 0);
	assert_false(got.is.allow);
	assert_true(got.disabled);
	assert_string_equal(got.comment.text, "a \"b\" # \\");
	assert_int_equal(parse("deny 1 10.0.0.1 1 \"disabled\""), 0);
	assert_false(got.disabled);
	assert_int_equal(got.is.net.bits, 32);
	assert_string_equal(got.comment.text, "disabled");
}

static void test_bad_rule_is_refused_with_the_reason(void **state)
{
	static const struct {
		const char *line, *says;
	} bad[] = {
		{ "allow 1 10.0.0.0/8", "a rule has three parts; example: "
					"allow 1024-65535" },
		{ "deny disabled", "a rule has three parts; example: deny" },
		{ "deny 1 10.0.0.0/8 disabled",
		  "\"disabled\" is not a port or range" },
		{ "deny 1 10.0.0.0/8 1 2", "\"2\" is not understood here; a "
					   "rule may end with disabled and" },
		{ "deny 1 10.0.0.0/8 1 disabled disabled",
		  "\"disabled\" is not understood here" },
		{ "deny 1 10.0.0.0/8 1 \"a\" disabled",
		  "\"disabled\" is not understood here" },
		{ "deny 1 10.0.0.0/8 1 \"a", "no closing quote" },
		{ "deny 1 10.0.0.0/8 1 \"\\n\"", "\\n is not known" },
		{ "deny 1 10.0.0.0/8 1 \"\x1f\"", "without control" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(bad[i].line), -EINVAL);
		assert_non_null(strstr(why, bad[i].says));
	}
}

static void test_written_rule_is_parsed_back(void **state)
{
	static const char *const lines[] = {
		"allow 1024-65535 192.168.88.0/24 1024-65535",
		"deny 80 0.0.0.0/0 0-65535 disabled",
		"deny 0 ::/0 0 \"a \\\"b\\\" \\\\ # c\"",
		"allow 1 2001:db8::5/128 1 disabled \"x\"",
	};
	char text[256];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct wr w = wr_init(text, sizeof(text));

		assert_int_equal(parse(lines[i]), 0);
		confrule_put(&w, &got);
		assert_string_equal(wr_cstr(&w), lines[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule_is_parsed),
		cmocka_unit_test(test_end_of_a_rule_is_parsed),
		cmocka_unit_test(test_bad_rule_is_refused_with_the_reason),
		cmocka_unit_test(test_written_rule_is_parsed_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
