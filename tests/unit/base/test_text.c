/* SPDX-License-Identifier: ISC */
/* test_text.c - each set of bytes keeps its own and replaces all others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "base/text.h"
#include "base/wr.h"

/* The byte that replaces byte @c. */
static char cleaned(enum text_set set, int c)
{
	char byte = (char)c;

	text_clean(set, &byte, 1);
	return byte;
}

static void assert_kept(enum text_set set, int c, bool kept)
{
	char byte = (char)c;

	assert_int_equal(text_allows(set, byte), kept);
	assert_int_equal(text_is(set, (struct str){ &byte, 1 }), kept);
	assert_int_equal(cleaned(set, c), kept ? byte : '?');
}

static void test_every_byte(void **state)
{
	for (int c = 0; c < 256; c++) {
		bool control = c < 0x20 || c == 0x7f;

		assert_kept(TEXT_ASCII, c, !control && c < 0x80);
		assert_kept(TEXT_NO_CONTROL, c, !control);
	}
}

static void test_clean_in_place(void **state)
{
	char text[] = "a\tb\x1b[31m\xc3\xbc";

	text_clean(TEXT_NO_CONTROL, text, strlen(text));
	assert_string_equal(text, "a?b?[31m\xc3\xbc");
	text_clean(TEXT_ASCII, text, strlen(text));
	assert_string_equal(text, "a?b?[31m??");
	text_clean(TEXT_ASCII, text, 0);
}

static void test_is_finds_a_bad_byte(void **state)
{
	assert_true(text_is(TEXT_ASCII, STR("")));
	assert_true(text_is(TEXT_ASCII, STR(" ~")));
	assert_false(text_is(TEXT_ASCII, STR("ab\n")));
	assert_false(text_is(TEXT_NO_CONTROL, STR("a\0b")));
}

/* The earlier content of the buffer is unchanged. */
static void test_put_appends_clean_text(void **state)
{
	char buf[8];
	struct wr w = wr_init(buf, sizeof(buf));

	wr_str(&w, STR("\n"));
	text_put(TEXT_ASCII, &w, STR("x\n\xff"));
	assert_string_equal(wr_cstr(&w), "\nx??");
}

static void test_put_without_room_is_over(void **state)
{
	char buf[3];
	struct wr w = wr_init(buf, sizeof(buf));

	text_put(TEXT_ASCII, &w, STR("abcd"));
	assert_true(w.over);
	assert_int_equal(w.len, 0);
	w = wr_init_cut(buf, sizeof(buf));
	text_put(TEXT_ASCII, &w, STR("a\rcd"));
	assert_int_equal(w.len, 3);
	assert_memory_equal(buf, "a?c", 3);
	text_put(TEXT_ASCII, &w, STR("\n"));
	assert_memory_equal(buf, "a?c", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_clean_in_place),
		cmocka_unit_test(test_is_finds_a_bad_byte),
		cmocka_unit_test(test_put_appends_clean_text),
		cmocka_unit_test(test_put_without_room_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
