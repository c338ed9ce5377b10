/* SPDX-License-Identifier: ISC */
/* test_str.c - slices are compared and cut within their bounds; numbers and
 * addresses are parsed strictly. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/str.h"
#include "base/wr.h"
#include "tests/unit/guardpage.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void assert_str(struct str s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	assert_true(str_eq(s, str_z(want)));
}

/* ---- slices -------------------------------------------------------- */

static void test_eq_is_exact(void **state)
{
	struct str none = { NULL, 0 };

	assert_true(str_eq(STR("abc"), STR("abc")));
	assert_false(str_eq(STR("abc"), STR("abC")));
	assert_false(str_eq(STR("abc"), STR("ab")));
	assert_true(str_eq(STR("a\0b"), STR("a\0b")));
	assert_false(str_eq(STR("a\0b"), STR("a\0c")));
	assert_true(str_eq(none, STR("")));
	assert_true(str_ieq(none, none));
	assert_true(str_ieq(STR("aZ-09"), STR("Az-09")));
	assert_false(str_ieq(STR("ab"), STR("abc")));
	assert_int_equal(str_z(NULL).n, 0);
}

/* The neighbours of the letters differ from each other by 0x20 as well. */
static void test_ieq_letters_only(void **state)
{
	assert_false(str_ieq(STR("@"), STR("`")));
	assert_false(str_ieq(STR("["), STR("{")));
	assert_false(str_ieq(STR("\xc0"), STR("\xe0")));
	assert_true(str_ieq(STR("\xc0"), STR("\xc0")));
}

static void test_starts_with(void **state)
{
	struct str none = { NULL, 0 };

	assert_true(str_starts(at_end(STR("uuid:x")), STR("uuid:")));
	assert_true(str_starts(STR("uuid:"), STR("uuid:")));
	assert_false(str_starts(at_end(STR("uuid")), STR("uuid:")));
	assert_false(str_starts(STR("UUID:x"), STR("uuid:")));
	assert_true(str_istarts(STR("UUID:x"), STR("uuid:")));
	assert_false(str_istarts(at_end(STR("uui")), STR("uuid:")));
	assert_true(str_starts(none, none));
	assert_true(str_starts(STR("x"), none));
	assert_false(str_starts(none, STR("x")));
}

static void test_skip_and_trim(void **state)
{
	struct str none = { NULL, 0 };

	assert_str(str_skip(STR("abc"), 1), "bc");
	assert_str(str_skip(STR("abc"), 3), "");
	assert_str(str_skip(STR("abc"), 4), "");
	assert_str(str_skip(STR("abc"), SIZE_MAX), "");
	assert_str(str_skip(none, 7), "");
	assert_str(str_trim(at_end(STR(" \t\r\n a b \n"))), "a b");
	assert_str(str_trim(at_start(STR(" \t\r\n "))), "");
	assert_str(str_trim(STR("\va\f")), "\va\f");
	assert_str(str_trim(none), "");
}

static void test_cut_at_a_separator(void **state)
{
	struct str rest = at_end(STR("a,,b")), head = STR("untouched");

	assert_true(str_cut(&rest, ',', &head));
	assert_str(head, "a");
	assert_true(str_cut(&rest, ',', &head));
	assert_str(head, "");
	assert_str(rest, "b");
	assert_true(str_cut(&rest, ',', &head));
	assert_str(head, "b");
	assert_str(rest, "");
	assert_false(str_cut(&rest, ',', &head));
	assert_str(head, "b");
}

static void test_cut_at_the_ends(void **state)
{
	struct str rest = STR(","), head;

	assert_true(str_cut(&rest, ',', &head));
	assert_str(head, "");
	assert_str(rest, "");
	assert_false(str_cut(&rest, ',', &head));
	rest = (struct str){ NULL, 0 };
	assert_false(str_cut(&rest, ',', &head));
}

static void test_word_ends_at_white_space(void **state)
{
	struct str rest = at_end(STR(" \tallow  1-2\t3\n")), word;

	assert_true(str_word(&rest, &word));
	assert_str(word, "allow");
	assert_true(str_word(&rest, &word));
	assert_str(word, "1-2");
	/* Only space and tab separate words, not a newline. */
	assert_true(str_word(&rest, &word));
	assert_str(word, "3\n");
	assert_false(str_word(&rest, &word));
	assert_str(word, "3\n");
	rest = at_end(STR(" \t "));
	assert_false(str_word(&rest, &word));
	assert_int_equal(rest.n, 0);
}

/* ---- numbers ------------------------------------------------------- */

static void test_u32_is_strict(void **state)
{
	static const struct {
		const char *s;
		uint32_t min, max;
		int err;
		uint32_t v;
	} row[] = {
		{ "0", 0, 0, 0, 0 },
		{ "1", 1, 65535, 0, 1 },
		{ "65535", 1, 65535, 0, 65535 },
		{ "65536", 1, 65535, -ERANGE, 0 },
		{ "65616", 1, 65535, -ERANGE, 0 },	/* 80 modulo 2^16 */
		{ "0", 1, 65535, -ERANGE, 0 },
		{ "0000000000000000000000000000080", 0, 99, 0, 80 },
		{ "4294967295", 0, UINT32_MAX, 0, UINT32_MAX },
		{ "4294967296", 0, UINT32_MAX, -ERANGE, 0 },
		{ "18446744073709551616", 0, UINT32_MAX, -ERANGE, 0 },
		{ "18446744073709551696", 0, 100, -ERANGE, 0 },
		{ "99999999999999999999999999", 0, 9, -ERANGE, 0 },
		{ "99999999999999999999999999x", 0, 9, -EINVAL, 0 },
		{ "", 0, 9, -EINVAL, 0 },
		{ " 1", 0, 9, -EINVAL, 0 },
		{ "1 ", 0, 9, -EINVAL, 0 },
		{ "+1", 0, 9, -EINVAL, 0 },
		{ "-1", 0, UINT32_MAX, -EINVAL, 0 },
		{ "0x1", 0, 9, -EINVAL, 0 },
		{ "1.0", 0, 9, -EINVAL, 0 },
		{ "/", 0, 9, -EINVAL, 0 },	/* the byte before '0' */
		{ ":", 0, 9, -EINVAL, 0 },	/* the byte after '9' */
		{ "\xd9\xa1", 0, 9, -EINVAL, 0 },	/* an Arabic 1 */
	};
	uint32_t v;
	size_t i;

	for (i = 0; i < N(row); i++) {
		v = 4711;
		assert_int_equal(str_u32(at_end(str_z(row[i].s)), row[i].min,
					 row[i].max, &v), row[i].err);
		assert_int_equal(v, row[i].err ? 4711 : row[i].v);
	}
	assert_int_equal(str_u32(STR("1\0"), 0, 9, &v), -EINVAL);
}

static void test_u64_is_strict(void **state)
{
	uint64_t v = 1;

	assert_int_equal(str_u64(STR("18446744073709551615"), 0, UINT64_MAX,
				 &v), 0);
	assert_true(v == UINT64_MAX);
	v = 1;
	assert_int_equal(str_u64(STR("18446744073709551616"), 0, UINT64_MAX,
				 &v), -ERANGE);
	assert_int_equal(str_u64(STR("184467440737095516150"), 0, UINT64_MAX,
				 &v), -ERANGE);
	assert_int_equal(str_u64(STR("184467440737095516150"), 0, 5, &v),
			 -ERANGE);
	assert_true(v == 1);
}

/* Every number on both sides of every 16-bit edge. */
static void test_u32_round_trip(void **state)
{
	char buf[21];
	uint32_t v, got;
	struct wr w;

	for (v = 65536 * 3 - 70000; v < 65536 * 3 + 70000; v++) {
		w = wr_init(buf, sizeof(buf));
		wr_u64(&w, v);
		assert_int_equal(str_u32(wr_done(&w), v, v, &got), 0);
		assert_int_equal(got, v);
		assert_int_equal(str_u32(wr_done(&w), v + 1, UINT32_MAX, &got),
				 -ERANGE);
		assert_int_equal(str_u32(wr_done(&w), 0, v - 1, &got),
				 -ERANGE);
	}
}

static void test_ipv4_is_strict(void **state)
{
	static const char *const bad[] = {
		"", ".", "...", "1", "1.2.3", "1.2.3.", "1.2.3.4.", ".1.2.3",
		"1..2.3", "1.2.3.4.5", "256.1.1.1", "1.1.1.256", "01.2.3.4",
		"1.2.3.00", "1.2.3.04", "0x1.2.3.4", " 1.2.3.4", "1.2.3.4 ",
		"1.2.3.-4", "1.2.3.a", "1.2.3.4294967296", "1,2,3,4",
		"1.2.3.4\n", "1000.1.1.1", "3232235777",
	};
	uint32_t ip = 7;
	size_t i;

	for (i = 0; i < N(bad); i++) {
		assert_false(str_ipv4(at_end(str_z(bad[i])), &ip));
		assert_false(str_ipv4(at_start(str_z(bad[i])), &ip));
	}
	assert_int_equal(ip, 7);
	assert_true(str_ipv4(at_end(STR("192.168.88.1")), &ip));
	assert_int_equal(ip, 0xc0a85801);
	assert_true(str_ipv4(STR("0.0.0.0"), &ip));
	assert_int_equal(ip, 0);
	assert_true(str_ipv4(STR("255.255.255.255"), &ip));
	assert_int_equal(ip, UINT32_MAX);
	assert_false(str_ipv4((struct str){ NULL, 0 }, &ip));
}

static void test_copy_is_whole_or_refused(void **state)
{
	char buf[4] = "xyz";

	assert_true(str_copy(buf, sizeof(buf), at_end(STR("abc"))));
	assert_string_equal(buf, "abc");
	assert_false(str_copy(buf, sizeof(buf), STR("abcd")));
	assert_string_equal(buf, "");
	assert_true(str_copy(buf, sizeof(buf), STR("ab")));
	assert_false(str_copy(buf, sizeof(buf), STR("a\0")));
	assert_string_equal(buf, "");
	assert_true(str_copy(buf, 1, (struct str){ NULL, 0 }));
	assert_false(str_copy(buf, 1, STR("a")));
}

static void test_hex_digits(void **state)
{
	static const char digits[] = "0123456789abcdef", high[] = "ABCDEF";

	for (int c = 0; c < 256; c++) {
		const char *low = c ? strchr(digits, c) : NULL;
		const char *up = c ? strchr(high, c) : NULL;
		int want = low ? (int)(low - digits) :
			   up ? 10 + (int)(up - high) : -1;

		assert_int_equal(str_hex((char)c), want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_eq_is_exact),
		cmocka_unit_test(test_ieq_letters_only),
		cmocka_unit_test(test_starts_with),
		cmocka_unit_test(test_skip_and_trim),
		cmocka_unit_test(test_cut_at_a_separator),
		cmocka_unit_test(test_cut_at_the_ends),
		cmocka_unit_test(test_word_ends_at_white_space),
		cmocka_unit_test(test_u32_is_strict),
		cmocka_unit_test(test_u64_is_strict),
		cmocka_unit_test(test_u32_round_trip),
		cmocka_unit_test(test_hex_digits),
		cmocka_unit_test(test_ipv4_is_strict),
		cmocka_unit_test(test_copy_is_whole_or_refused),
	};

	return cmocka_run_group_tests(tests, make_page, drop_page);
}
