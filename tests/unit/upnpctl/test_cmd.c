/* SPDX-License-Identifier: ISC */
/* test_cmd.c - an error is one line on stderr. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "upnpctl/cmd.h"

static int err_pipe[2], err_fd;

static int catch_stderr(void **state)
{
	if (pipe(err_pipe))
		return -1;
	err_fd = dup(STDERR_FILENO);
	return 0;
}

static void test_an_error_is_one_line(void **state)
{
	char text[2048];
	ssize_t n;

	dup2(err_pipe[1], STDERR_FILENO);
	cmd_set_line(7);
	assert_int_equal(cmd_fail(1, "no %s", "luck"), 1);
	cmd_set_line(0);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	cmd_fail(1, "%s", text);
	assert_false(cmd_set_quiet(true));
	cmd_fail(1, "not written");
	assert_true(cmd_set_quiet(false));
	dup2(err_fd, STDERR_FILENO);
	n = read(err_pipe[0], text, sizeof(text));
	assert_true(n > 30);
	assert_memory_equal(text, "upnpctl: line 7: no luck\n", 25);
	assert_int_equal(n, 25 + 1024);		/* cut, and still a line */
	assert_int_equal(text[n - 1], '\n');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_error_is_one_line),
	};

	return cmocka_run_group_tests(tests, catch_stderr, NULL);
}
