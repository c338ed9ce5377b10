/* SPDX-License-Identifier: ISC */
/* test_comm.c - the name of a process, in printable bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "sys/comm.h"

static void test_own(void **state)
{
	char text[32];
	struct wr w = wr_init(text, sizeof(text));

	assert_int_equal(prctl(PR_SET_NAME, "a name\n\033[2J"), 0);
	assert_true(comm_write(&w, (uint32_t)getpid()));
	assert_string_equal(wr_cstr(&w), "a name??[2J");
}

/* More than the kernel gives to any process. */
static void test_none(void **state)
{
	char text[32];
	struct wr w = wr_init(text, sizeof(text));

	assert_false(comm_write(&w, UINT32_MAX));
	assert_string_equal(wr_cstr(&w), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
