/* SPDX-License-Identifier: ISC */
/* test_confline.c - a line is split into its parts, and its kind is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "conf/confline.h"

struct sample {
	const char *line;
	enum confline_kind kind;
	const char *text, *key, *value;
};

static const struct sample samples[] = {
	{ "", CONFLINE_BLANK, "" },
	{ " \t\r", CONFLINE_BLANK, "" },
	{ "#", CONFLINE_COMMENT, "" },
	{ "\t # x = y", CONFLINE_COMMENT, "" },
	{ "[interface a]", CONFLINE_SECTION, "[interface a]", NULL,
	  "interface a" },
	{ " [x]\t# y\r", CONFLINE_SECTION, "[x]", NULL, "x" },
	{ "[]", CONFLINE_OTHER, "[]" },
	{ "[a", CONFLINE_OTHER, "[a" },
	{ "allow 1 2 3 # 4", CONFLINE_RULE, "allow 1 2 3", "allow", " 1 2 3" },
	{ "deny a \"b # c\" # d", CONFLINE_RULE, "deny a \"b # c\"", "deny",
	  " a \"b # c\"" },
	{ "\tdeny", CONFLINE_RULE, "deny", "deny", "" },
	{ "allow = yes", CONFLINE_RULE, "allow = yes", "allow", " = yes" },
	{ "mapping tcp 1 # 2", CONFLINE_MAPPING, "mapping tcp 1", "mapping",
	  " tcp 1" },
	{ "\tmapping a \"b # \\\" # c\" # d\r", CONFLINE_MAPPING,
	  "mapping a \"b # \\\" # c\"", "mapping",
	  " a \"b # \\\" # c\"" },
	{ "mapping a \"b # c", CONFLINE_MAPPING, "mapping a \"b # c", "mapping",
	  " a \"b # c" },
	{ "mapping # a", CONFLINE_MAPPING, "mapping", "mapping", "" },
	{ "mappings a", CONFLINE_OTHER, "mappings a" },
	{ "# mapping tcp 1", CONFLINE_COMMENT, "" },
	{ "allow=yes", CONFLINE_SETTING, "allow=yes", "allow", "yes" },
	{ "a = b", CONFLINE_SETTING, "a = b", "a", "b" },
	{ " a\t=b c\t # d\r", CONFLINE_SETTING, "a\t=b c", "a", "b c" },
	{ "a=b#c", CONFLINE_SETTING, "a=b#c", "a", "b#c" },
	{ "a=#c", CONFLINE_SETTING, "a=#c", "a", "#c" },
	{ "a= #c", CONFLINE_SETTING, "a=", "a", "" },
	{ "a==", CONFLINE_SETTING, "a==", "a", "=" },
	{ "= b", CONFLINE_SETTING, "= b", "", "b" },
	{ "a b", CONFLINE_OTHER, "a b" },
};

static void expect(struct str got, const char *wanted, const struct sample *s)
{
	if (wanted && !str_eq(got, str_z(wanted)))
		fail_msg("line %s: \"%.*s\", not \"%s\"", s->line, STR_F(got),
			 wanted);
}

/* The editor uses the positions of the parts. */
static void expect_inside(struct str part, struct str line)
{
	assert_true(part.p >= line.p && part.p + part.n <= line.p + line.n);
}

static void test_line_is_split_into_its_parts(void **state)
{
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *s = &samples[i];
		struct str line = str_z(s->line);
		struct confline l = confline_split(line);

		assert_int_equal(l.kind, s->kind);
		expect(l.text, s->text, s);
		expect(l.key, s->key, s);
		expect(l.value, s->value, s);
		expect_inside(l.text, line);
		if (s->key)
			expect_inside(l.key, line);
		if (s->value)
			expect_inside(l.value, line);
	}
}

static bool iface(const char *line, const char *name)
{
	struct confline l = confline_split(str_z(line));
	struct str got;

	return confline_iface(&l, &got) && str_eq(got, str_z(name));
}

static void test_interface_names_are_found(void **state)
{
	assert_true(iface("[interface lan0]", "lan0"));
	assert_true(iface("  [ interface\tbr-lan.2 ]  # c", "br-lan.2"));
	assert_false(iface("[interface]", ""));
	assert_false(iface("[interface a b]", "a"));
	assert_false(iface("[interfaces a]", "a"));
	assert_false(iface("interface a", "a"));
	assert_true(confline_name(STR("br-lan.2_x")));
	assert_true(confline_name(STR("abcdefghijklmnopqrstuvwxyz01234")));
	assert_false(confline_name(STR("abcdefghijklmnopqrstuvwxyz012345")));
	assert_false(confline_name(STR("")));
	assert_false(confline_name(STR("a b")));
	assert_false(confline_name(STR("a;b")));
}

/* confline_holds() is true exactly for values that are read back unchanged. */
static void test_values_that_a_line_can_hold(void **state)
{
	static const char letters[] = { 'a', '#', ' ', '\t', '=', '\n', '\r',
					'\x01', '\x7f', '[' };
	char line[16] = "k=";
	size_t held = 0;

	for (unsigned i = 0; i < 10000; i++) {
		struct str value = { line + 2, 4 };
		struct confline l;
		bool back;

		for (unsigned k = 0, x = i; k < 4; k++, x /= 10)
			line[2 + k] = letters[x % 10];
		l = confline_split((struct str){ line, 6 });
		back = l.kind == CONFLINE_SETTING && str_eq(l.value, value) &&
		       !memchr(value.p, '\n', 4) && !memchr(value.p, '\r', 4) &&
		       !memchr(value.p, '\x01', 4) &&
		       !memchr(value.p, '\x7f', 4);
		if (confline_holds(value) != back)
			fail_msg("%.*s", STR_F(value));
		held += back;
	}
	assert_true(held > 100);
	assert_true(confline_holds(STR("")));
	assert_false(confline_holds(STR("a\0b")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line_is_split_into_its_parts),
		cmocka_unit_test(test_interface_names_are_found),
		cmocka_unit_test(test_values_that_a_line_can_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
