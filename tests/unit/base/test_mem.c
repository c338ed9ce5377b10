/* SPDX-License-Identifier: ISC */
/* test_mem.c - new memory is zero, whatever it held before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/mem.h"

static size_t page;

static int setup(void **state)
{
	page = (size_t)getpagesize();
	return 0;
}

static void test_new_memory_is_zero(void **state)
{
	volatile size_t too_many = SIZE_MAX;
	char *p = mem_new(3, page);

	assert_non_null(p);
	for (size_t i = 0; i < 3 * page; i++)
		assert_int_equal(p[i], 0);
	mem_free(p, 3, page);
	assert_null(mem_new(too_many, 2));
	mem_free(NULL, 1, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_memory_is_zero),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
