/* SPDX-License-Identifier: ISC */
/*
 * test_httpreply.c - the head of a reply has the form that UPnP clients need,
 * byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/wr.h"
#include "http/httpreply.h"
#include "http/httpsource.h"

static char buf[1024];

static const char *text(const struct httpreply *r)
{
	struct wr w = wr_init(buf, sizeof(buf));

	httpreply_write(&w, r);
	assert_false(w.over);
	return wr_cstr(&w);
}

static void test_head_with_every_field(void **state)
{
	const struct httpreply r = {
		.status = 200,
		.content_type = "text/xml; charset=\"utf-8\"",
		.length = 1234,
		.date_s = 784111777,	/* RFC 9110 5.6.7's example */
		.server = "Linux/6 UPnP/1.1 upnpd/1",
		.connection = "close",
		.extra = STR("SID: uuid:1\r\nTIMEOUT: Second-1800\r\n"),
	};

	assert_string_equal(text(&r),
		"HTTP/1.1 200 OK\r\n"
		"Content-Type: text/xml; charset=\"utf-8\"\r\n"
		"Content-Length: 1234\r\n"
		"DATE: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
		"SERVER: Linux/6 UPnP/1.1 upnpd/1\r\n"
		"EXT:\r\n"
		"Connection: close\r\n"
		"SID: uuid:1\r\nTIMEOUT: Second-1800\r\n"
		"\r\n");
}

static void test_head_with_as_little_as_possible(void **state)
{
	const struct httpreply r = { .status = 599, .server = "s" };

	assert_string_equal(text(&r),
		"HTTP/1.1 599 Other\r\nContent-Length: 0\r\n"
		"DATE: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
		"SERVER: s\r\nEXT:\r\n\r\n");
}

static void test_head_of_a_body_of_unknown_length(void **state)
{
	struct httpreply r = { .status = 200, .server = "s",
			       .length = HTTPSOURCE_OPEN, .chunked = true };

	assert_string_equal(text(&r),
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
		"DATE: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
		"SERVER: s\r\nEXT:\r\n\r\n");
	r.chunked = false;
	assert_string_equal(text(&r),
		"HTTP/1.1 200 OK\r\n"
		"DATE: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
		"SERVER: s\r\nEXT:\r\n\r\n");
}

static void test_head_without_room_is_over(void **state)
{
	const struct httpreply r = { .status = 503, .server = "s" };
	struct wr w = wr_init(buf, 40);

	buf[40] = '#';
	httpreply_write(&w, &r);
	assert_true(w.over);
	assert_int_equal(buf[40], '#');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_head_with_every_field),
		cmocka_unit_test(test_head_with_as_little_as_possible),
		cmocka_unit_test(test_head_of_a_body_of_unknown_length),
		cmocka_unit_test(test_head_without_room_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
