/* SPDX-License-Identifier: ISC */
/* test_date.c - dates are written right, also at the edges of the calendar. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/date.h"
#include "base/wr.h"

static void assert_date(int64_t unix_s, const char *want)
{
	char buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	date_http(&w, unix_s);
	assert_string_equal(wr_cstr(&w), want);
}

static void test_http_date_at_the_edges_of_the_calendar(void **state)
{
	assert_date(0, "Thu, 01 Jan 1970 00:00:00 GMT");
	assert_date(784111777, "Sun, 06 Nov 1994 08:49:37 GMT");
	assert_date(951782399, "Mon, 28 Feb 2000 23:59:59 GMT");
	assert_date(951782400, "Tue, 29 Feb 2000 00:00:00 GMT");
	assert_date(951868800, "Wed, 01 Mar 2000 00:00:00 GMT");
	assert_date(1735689599, "Tue, 31 Dec 2024 23:59:59 GMT");
	assert_date(1735689600, "Wed, 01 Jan 2025 00:00:00 GMT");
	assert_date(INT64_C(2147483648), "Tue, 19 Jan 2038 03:14:08 GMT");
	assert_date(INT64_C(4107542400), "Mon, 01 Mar 2100 00:00:00 GMT");
	assert_date(INT64_C(4107542399), "Sun, 28 Feb 2100 23:59:59 GMT");
	assert_date(INT64_C(253402300799), "Fri, 31 Dec 9999 23:59:59 GMT");
	assert_date(INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT");
	assert_date(-1, "Thu, 01 Jan 1970 00:00:00 GMT");
	assert_date(INT64_MIN, "Thu, 01 Jan 1970 00:00:00 GMT");
}

static void test_date_without_room_is_over(void **state)
{
	char buf[28];
	struct wr w = wr_init(buf, sizeof(buf));

	date_http(&w, 0);
	assert_true(w.over);
	assert_int_equal(w.len, 0);
}

static void test_syslog_date(void **state)
{
	char buf[32];
	struct wr w = wr_init(buf, sizeof(buf));

	date_syslog(&w, 784111777);
	assert_string_equal(wr_cstr(&w), "Nov  6 08:49:37");
	w = wr_init(buf, sizeof(buf));
	date_syslog(&w, 1735689599);
	assert_string_equal(wr_cstr(&w), "Dec 31 23:59:59");
}

static void test_rfc3339_date(void **state)
{
	char buf[32];
	struct wr w = wr_init(buf, sizeof(buf));

	date_iso(&w, 784111777);
	assert_string_equal(wr_cstr(&w), "1994-11-06T08:49:37Z");
	w = wr_init(buf, sizeof(buf));
	date_iso(&w, INT64_MAX);
	assert_string_equal(wr_cstr(&w), "9999-12-31T23:59:59Z");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http_date_at_the_edges_of_the_calendar),
		cmocka_unit_test(test_date_without_room_is_over),
		cmocka_unit_test(test_syslog_date),
		cmocka_unit_test(test_rfc3339_date),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
