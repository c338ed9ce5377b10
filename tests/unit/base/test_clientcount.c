/* SPDX-License-Identifier: ISC */
/*
 * test_clientcount.c - neighbours have counters of their own, and a shared
 * counter is never too low.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/clientcount.h"

#define LAN 0xc0a85800u		/* 192.168.88.0 */

static struct clientcount c;

static void test_neighbours(void **state)
{
	for (uint32_t host = 0; host < CLIENTCOUNT_PLACES; host++)
		for (uint32_t i = 0; i < host % 5; i++)
			clientcount_add(&c, LAN + host);
	for (uint32_t host = 0; host < CLIENTCOUNT_PLACES; host++) {
		assert_int_equal(clientcount_get(&c, LAN + host), host % 5);
		for (uint32_t i = 0; i < host % 5; i++)
			clientcount_sub(&c, LAN + host);
		assert_int_equal(clientcount_get(&c, LAN + host), 0);
	}
}

/* Any two addresses: each counter is at least its own client's number. */
static void test_shared(void **state)
{
	uint32_t twin = LAN + 1 + CLIENTCOUNT_PLACES;

	clientcount_add(&c, LAN + 1);
	clientcount_add(&c, twin);
	clientcount_add(&c, twin);
	assert_in_range(clientcount_get(&c, LAN + 1), 1, 3);
	assert_in_range(clientcount_get(&c, twin), 2, 3);
	clientcount_sub(&c, LAN + 1);
	assert_in_range(clientcount_get(&c, twin), 2, 3);
	clientcount_sub(&c, twin);
	clientcount_sub(&c, twin);
	assert_int_equal(clientcount_get(&c, twin), 0);
	assert_int_equal(clientcount_get(&c, LAN + 1), 0);
}

static void test_all_of_one(void **state)
{
	const uint32_t most = PM_MAPPINGS_LIMIT + PM_SPARE_SLOTS;

	for (uint32_t i = 0; i < most; i++)
		clientcount_add(&c, UINT32_MAX);
	assert_int_equal(clientcount_get(&c, UINT32_MAX), most);
	assert_int_equal(clientcount_get(&c, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_all_of_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
