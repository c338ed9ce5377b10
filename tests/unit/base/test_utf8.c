/* SPDX-License-Identifier: ISC */
/* test_utf8.c - UTF-8 is decoded strictly, every code point of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "base/utf8.h"
#include "base/wr.h"

static const struct {
	const char *s;
	size_t n, xml_n;
	uint32_t c;
} rows[] = {
	{ "", 0, 0, 0 },
	{ "a", 1, 1, 'a' },
	{ "\t", 1, 1, '\t' },
	{ "\x01", 1, 0, 1 },
	{ "\x7f", 1, 1, 0x7f },
	{ "\xc2\x80", 2, 2, 0x80 },
	{ "\xdf\xbf", 2, 2, 0x7ff },
	{ "\xc1\xbf", 0, 0, 0 },
	{ "\xe0\xa0\x80", 3, 3, 0x800 },
	{ "\xe0\x9f\xbf", 0, 0, 0 },
	{ "\xed\x9f\xbf", 3, 3, 0xd7ff },
	{ "\xed\xa0\x80", 0, 0, 0 },
	{ "\xed\xbf\xbf", 0, 0, 0 },
	{ "\xee\x80\x80", 3, 3, 0xe000 },
	{ "\xef\xbf\xbd", 3, 3, 0xfffd },
	{ "\xef\xbf\xbe", 3, 0, 0xfffe },
	{ "\xf0\x90\x80\x80", 4, 4, 0x10000 },
	{ "\xf0\x8f\xbf\xbf", 0, 0, 0 },
	{ "\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff },
	{ "\xf4\x90\x80\x80", 0, 0, 0 },
	{ "\xf8\x88\x80\x80\x80", 0, 0, 0 },
	{ "\xff", 0, 0, 0 },
	{ "\x80", 0, 0, 0 },
	{ "\xc3\xc3", 0, 0, 0 },
};

static void assert_get(size_t (*get)(struct str, uint32_t *), const char *z,
		       size_t n, uint32_t want)
{
	uint32_t c = 4711;

	assert_int_equal(get(str_z(z), &c), n);
	assert_int_equal(c, n ? want : 4711);
	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(get((struct str){ z, cut }, &c), 0);
}

static void test_get_at_the_edges_of_each_form(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_get(utf8_get, rows[i].s, rows[i].n, rows[i].c);
		assert_get(utf8_get_xml, rows[i].s, rows[i].xml_n, rows[i].c);
	}
}

/* All of Unicode. */
static void test_get_reads_what_put_writes(void **state)
{
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		bool surrogate = c >= 0xd800 && c <= 0xdfff;
		uint32_t got = 4711;
		char buf[4];
		struct wr w = wr_init(buf, sizeof(buf));

		utf8_put(&w, c);
		if (utf8_get(wr_done(&w), &got) != (surrogate ? 0 : w.len) ||
		    (!surrogate && got != c) || w.over)
			fail_msg("U+%04X", (unsigned)c);
	}
}

static void test_control_characters(void **state)
{
	assert_true(utf8_is_control(0));
	assert_true(utf8_is_control(0x1f));
	assert_false(utf8_is_control(' '));
	assert_false(utf8_is_control('~'));
	assert_true(utf8_is_control(0x7f));
	assert_true(utf8_is_control(0x9f));
	assert_false(utf8_is_control(0xa0));
}

static void test_count_columns(void **state)
{
	assert_int_equal(utf8_count(STR("")), 0);
	assert_int_equal(utf8_count(STR("a\xc3\xbc")), 2);
	assert_int_equal(utf8_count(STR("\xf0\x9f\x98\x80")), 2);
	assert_int_equal(utf8_count(STR("\xe6\xbc\xa2\xe5\xad\x97")), 4);
	assert_int_equal(utf8_count(STR("e\xcc\x81")), 1);
	/* not UTF-8: a column for each byte */
	assert_int_equal(utf8_count(STR("\xff\xc3")), 2);
}

static void test_fit_whole_characters(void **state)
{
	assert_int_equal(utf8_fit(STR("abc"), 2), 2);
	assert_int_equal(utf8_fit(STR("abc"), 3), 3);
	assert_int_equal(utf8_fit(STR("abc"), 9), 3);
	assert_int_equal(utf8_fit(STR("abc"), 0), 0);
	/* a wide character does not fit into one column */
	assert_int_equal(utf8_fit(STR("a\xe6\xbc\xa2"), 2), 1);
	assert_int_equal(utf8_fit(STR("a\xe6\xbc\xa2"), 3), 4);
	/* a combining character stays with the one before it */
	assert_int_equal(utf8_fit(STR("e\xcc\x81x"), 1), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get_at_the_edges_of_each_form),
		cmocka_unit_test(test_get_reads_what_put_writes),
		cmocka_unit_test(test_control_characters),
		cmocka_unit_test(test_count_columns),
		cmocka_unit_test(test_fit_whole_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
