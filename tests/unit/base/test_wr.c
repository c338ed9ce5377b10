/* SPDX-License-Identifier: ISC */
/* test_wr.c - the bounded writer never writes beyond its buffer, and reports
 * text that does not fit. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/wr.h"
#include "tests/unit/guardpage.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void assert_str(struct str s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	assert_true(str_eq(s, str_z(want)));
}

/* A writer whose buffer ends at the guard page. */
static struct wr writer(size_t cap)
{
	memset(page, '#', page_n);
	return wr_init(page + page_n - cap, cap);
}

/* Each line against libc's own. */
#define SAME(...) do { \
	char want_[200]; \
	struct wr w_ = writer(200); \
	assert_true(snprintf(want_, sizeof(want_), __VA_ARGS__) < 200); \
	wr_fmt(&w_, __VA_ARGS__); \
	assert_false(w_.over); \
	assert_str(wr_done(&w_), want_); \
} while (0)

static void fits_exactly(void **state)
{
	struct wr w = writer(26);

	wr_z(&w, "ab");
	wr_ch(&w, 'c');
	wr_str(&w, STR("\0d"));
	wr_u64(&w, 0);
	wr_u64(&w, UINT64_MAX);
	assert_false(w.over);
	assert_int_equal(w.len, 26);
	assert_true(str_eq(wr_done(&w),
			   STR("abc\0d018446744073709551615")));
	wr_str(&w, (struct str){ NULL, 0 });
	assert_false(w.over);
	wr_ch(&w, 'x');
	assert_true(w.over);
	assert_int_equal(w.len, 26);
}

static void over_stays_set(void **state)
{
	struct wr w = writer(4);

	wr_z(&w, "ab");
	wr_z(&w, "cde");
	assert_true(w.over);
	wr_ch(&w, 'c');		/* would fit, but comes after a gap */
	wr_z(&w, "");
	wr_u64(&w, 1);
	wr_fmt(&w, "x");
	wr_xml(&w, STR("x"));
	assert_str(wr_done(&w), "ab");
	assert_true(w.over);
}

static void a_cutting_writer_keeps_what_fits(void **state)
{
	char buf[6];
	struct wr w = wr_init_cut(buf, sizeof(buf));

	wr_fmt(&w, "%s-%u", "abc", 1234u);
	assert_true(w.over);
	assert_str(wr_done(&w), "abc-12");
	wr_z(&w, "x");
	assert_string_equal(wr_cstr(&w), "abc-1");
}

static void fmt_is_all_or_nothing(void **state)
{
	struct wr w = writer(8);

	wr_fmt(&w, "%s-%d", "ab", 12);
	assert_str(wr_done(&w), "ab-12");
	wr_fmt(&w, "%s", "xy");
	assert_str(wr_done(&w), "ab-12xy");
	assert_false(w.over);
	wr_fmt(&w, "%s%c", "z", '!');	/* all or nothing */
	assert_true(w.over);
	assert_str(wr_done(&w), "ab-12xy");
	w = wr_init(NULL, 0);
	wr_fmt(&w, "%s", "");
	assert_false(w.over);
}

static void fmt_writes_as_printf(void **state)
{
	SAME("no conversion");
	SAME("100%%, %%s");
	SAME("%c%c", 'a', '\n');
	SAME("[%s][%.3s][%.0s][%.9s]", "", "abcdef", "abc", "abc");
	SAME("[%.*s][%.*s]", 2, "abc", 0, "abc");
	SAME("%d %d %d", 0, INT_MIN, INT_MAX);
	SAME("%ld %ld", LONG_MIN, LONG_MAX);
	SAME("%lld %lld", LLONG_MIN, LLONG_MAX);
	SAME("%u %u", 0u, UINT_MAX);
	SAME("%lu %llu %zu", ULONG_MAX, ULLONG_MAX, SIZE_MAX);
	SAME("%x %llx", 0xdeadbeefu, ULLONG_MAX);
	SAME("%02u:%02u %04u %08x %02x", 7u, 123u, 42u, 0xabcu, 0u);
	SAME("[%5u][%1u]", 42u, 42u);
	SAME("[%4d][%04d][%2d]", -42, -42, -42);
	SAME("%08zx %zu %ld", (size_t)0xabc, (size_t)0, -1L);
	SAME("%0100d", 1);
}

/* An unterminated string with a precision is not read beyond it. */
static void fmt_reads_no_further_than_a_precision(void **state)
{
	static const char abc[3] = { 'a', 'b', 'c' };
	static const char *volatile none;	/* of an empty slice */
	struct wr w = writer(8);

	wr_fmt(&w, "%.*s%.*s", 3, abc, 0, none);
	assert_str(wr_done(&w), "abc");
}

static void xml_is_escaped(void **state)
{
	struct wr w = writer(100);

	wr_xml(&w, at_start(STR("a&b<c>d\"e'f")));
	assert_str(wr_done(&w), "a&amp;b&lt;c&gt;d&quot;e&apos;f");
	w = writer(100);
	wr_xml(&w, STR("\0\x01\b\t\n\v\f\r\x1b\x1f x\x7f\xc3\xa9\xff"));
	assert_str(wr_done(&w), "\t\n\r x\x7f\xc3\xa9\xff");
}

static void xml_all_or_nothing(void **state)
{
	size_t cap;
	struct wr w;

	for (cap = 0; cap <= 12; cap++) {
		w = writer(cap);
		wr_xml(&w, STR("x<&y"));
		assert_int_equal(w.over, cap < 11);
		assert_int_equal(w.len, cap < 11 ? 0 : 11);
	}
}

static void cstr_ends_with_nul(void **state)
{
	struct wr w = writer(4);

	assert_string_equal(wr_cstr(&w), "");
	wr_z(&w, "abc");
	assert_string_equal(wr_cstr(&w), "abc");
	assert_false(w.over);
	wr_ch(&w, 'd');
	assert_false(w.over);
	assert_string_equal(wr_cstr(&w), "abc");
	assert_true(w.over);
	assert_string_equal(wr_cstr(&w), "abc");
	w = writer(1);
	assert_string_equal(wr_cstr(&w), "");
}

/* For any text and any size: no byte beyond the buffer, and a prefix of whole
 * writes. */
static void every_cap(void **state)
{
	size_t cap;
	struct wr w;

	for (cap = 0; cap < 80; cap++) {
		w = writer(cap);
		wr_z(&w, "http://");
		wr_z(&w, "192.168.1.1");
		wr_ch(&w, ':');
		wr_u64(&w, 2828);
		wr_xml(&w, STR("/<igd>"));
		assert_int_equal(w.over, cap < 7 + 11 + 1 + 4 + 12);
		assert_true(w.len <= cap);
		if (cap > 0 && page_n > cap)
			assert_int_equal(page[page_n - cap - 1], '#');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fits_exactly),
		cmocka_unit_test(over_stays_set),
		cmocka_unit_test(a_cutting_writer_keeps_what_fits),
		cmocka_unit_test(fmt_is_all_or_nothing),
		cmocka_unit_test(fmt_writes_as_printf),
		cmocka_unit_test(fmt_reads_no_further_than_a_precision),
		cmocka_unit_test(xml_is_escaped),
		cmocka_unit_test(xml_all_or_nothing),
		cmocka_unit_test(cstr_ends_with_nul),
		cmocka_unit_test(every_cap),
	};

	return cmocka_run_group_tests(tests, make_page, drop_page);
}
