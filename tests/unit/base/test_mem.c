/* SPDX-License-Identifier: ISC */
/* test_mem.c - memory that is given back: which pages go, and what stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/mem.h"

#define PAGES 8

static size_t page;

static bool resident(const volatile char *p)
{
	uintptr_t at = (uintptr_t)p & ~(uintptr_t)(page - 1);
	unsigned char in[2] = { 0 };

	assert_int_equal(mincore((void *)at, 1, in), 0);
	return in[0] & 1;
}

static char *some(void)
{
	char *p = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	memset(p, 'x', PAGES * page);
	return p;
}

static int setup(void **state)
{
	page = (size_t)getpagesize();
	return 0;
}

static void test_new_is_zero(void **state)
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

/* Whole pages only: what shares one with them keeps its bytes. */
static void test_idle(void **state)
{
	char *p = some();

	mem_idle(p + 1, 5 * page);
	assert_true(resident(p));
	for (size_t i = 1; i < 5; i++)
		assert_false(resident(p + i * page));
	assert_true(resident(p + 5 * page));
	for (size_t i = 0; i < page; i++) {
		assert_int_equal(p[i], 'x');
		assert_int_equal(p[5 * page + i], 'x');
	}
	assert_int_equal(p[page], 0);
	munmap(p, PAGES * page);
}

static void test_idle_less_than_a_page(void **state)
{
	char *p = some();

	mem_idle(p, 0);
	mem_idle(p, page - 1);
	mem_idle(p + 1, page);
	mem_idle(p + page - 1, page);
	mem_idle(NULL, 0);
	for (size_t i = 0; i < PAGES; i++)
		assert_true(resident(p + i * page));
	mem_idle(p + page, page);
	assert_false(resident(p + page));
	assert_true(resident(p + 2 * page));
	munmap(p, PAGES * page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_is_zero),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_idle_less_than_a_page),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
