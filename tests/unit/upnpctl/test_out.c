/* SPDX-License-Identifier: ISC */
/*
 * test_out.c - columns and JSON are written whole and valid, and a write error
 * is reported.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "upnpctl/json.h"
#include "upnpctl/out.h"

static int file, stdout_fd;

/* Redirect standard output to a file of the test. */
static int open_file(void **state)
{
	char name[] = "/tmp/test_outXXXXXX";

	stdout_fd = dup(STDOUT_FILENO);
	file = mkstemp(name);
	return file < 0 || unlink(name);
}

static void begin(void)
{
	fflush(stdout);
	assert_int_equal(ftruncate(file, 0), 0);
	lseek(file, 0, SEEK_SET);
	dup2(file, STDOUT_FILENO);
}

static const char *end(void)
{
	static char text[20000];
	int err = out_flush();
	ssize_t n = pread(file, text, sizeof(text) - 1, 0);

	dup2(stdout_fd, STDOUT_FILENO);
	assert_int_equal(err, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

static void test_text_is_padded_to_columns(void **state)
{
	begin();
	out_pad(STR("ab"), 4);
	out_pad(STR("\xc3\xbc"), 3);
	out_pad(STR("longer"), 3);
	out_pad(STR("\x1b\x7f"), 0);
	out_fmt("(%u %s)", 7u, "x");
	out_str(STR("\n"));
	assert_string_equal(end(), "ab  \xc3\xbc  longer?\?(7 x)\n");
}

static void test_output_may_be_longer_than_the_buffer(void **state)
{
	const char *text;

	begin();
	for (int i = 0; i < 1500; i++)
		out_str(STR("0123456789"));
	text = end();
	assert_int_equal(strlen(text), 15000);
	for (int i = 0; i < 15000; i++)
		assert_int_equal(text[i], '0' + i % 10);
}

static void test_json_values_are_valid(void **state)
{
	begin();
	json_object(NULL);
	json_str("a", STR("q\"\\/\n\x01\x7f\xc3\xbc"));
	json_u64("n", UINT64_MAX);
	json_bool("t", true);
	json_null("z");
	json_addr("ip", addr_ip4(0x0a000001));
	json_addr("none", (struct addr){ 0 });
	json_array("list");
	json_u64(NULL, 1);
	json_object(NULL);
	json_end();
	json_end();
	json_array("empty");
	json_end();
	json_end();
	assert_string_equal(end(),
		"{\n"
		"  \"a\": \"q\\\"\\\\/\\u000a\\u0001\\u007f\xc3\xbc\",\n"
		"  \"n\": 18446744073709551615,\n"
		"  \"t\": true,\n"
		"  \"z\": null,\n"
		"  \"ip\": \"10.0.0.1\",\n"
		"  \"none\": null,\n"
		"  \"list\": [\n    1,\n    {}\n  ],\n"
		"  \"empty\": []\n"
		"}\n");
}

/* RFC 3629: overlong forms, surrogates, code points above U+10FFFF, cut off. */
static void test_invalid_utf8_is_replaced(void **state)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
		{ "\xff", "\xef\xbf\xbd" },
		{ "a\x80" "b", "a\xef\xbf\xbd" "b" },
		{ "\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xe0\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xc3", "\xef\xbf\xbd" },
		{ "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
				      "\xef\xbf\xbd" },
	};
	char want[64];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		begin();
		json_array(NULL);
		json_str(NULL, str_z(t[i].in));
		json_end();
		snprintf(want, sizeof(want), "[\n  \"%s\"\n]\n", t[i].out);
		assert_string_equal(end(), want);
	}
}

/* Must be the last test: a write error is permanent. */
static void test_write_error_is_reported(void **state)
{
	int full = open("/dev/full", O_WRONLY);

	assert_true(full >= 0);
	begin();
	dup2(full, STDOUT_FILENO);
	out_str(STR("x"));
	assert_int_equal(out_flush(), -ENOSPC);
	dup2(file, STDOUT_FILENO);
	out_str(STR("y"));
	assert_int_equal(out_flush(), -ENOSPC);
	dup2(stdout_fd, STDOUT_FILENO);
	close(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_is_padded_to_columns),
		cmocka_unit_test(test_output_may_be_longer_than_the_buffer),
		cmocka_unit_test(test_json_values_are_valid),
		cmocka_unit_test(test_invalid_utf8_is_replaced),
		cmocka_unit_test(test_write_error_is_reported),
	};

	return cmocka_run_group_tests(tests, open_file, NULL);
}
