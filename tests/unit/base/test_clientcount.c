/* SPDX-License-Identifier: ISC */
/*
 * test_clientcount.c - clients of one network have counters of their own; a
 * counter that is shared is never too low.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/clientcount.h"

#define LAN(host)	addr_ip4(0xc0a85800u + (host))	/* 192.168.88.0 */

static struct clientcount c;

static void test_neighbours_have_counters_of_their_own(void **state)
{
	for (uint32_t host = 0; host < CLIENTCOUNT_PLACES; host++)
		for (uint32_t i = 0; i < host % 5; i++)
			clientcount_add(&c, LAN(host));
	for (uint32_t host = 0; host < CLIENTCOUNT_PLACES; host++) {
		assert_int_equal(clientcount_get(&c, LAN(host)), host % 5);
		for (uint32_t i = 0; i < host % 5; i++)
			clientcount_sub(&c, LAN(host));
		assert_int_equal(clientcount_get(&c, LAN(host)), 0);
	}
}

/* Any two addresses: each counter is at least its own client's number. */
static void test_shared_counter_is_never_too_low(void **state)
{
	struct addr twin = LAN(1 + CLIENTCOUNT_PLACES);

	clientcount_add(&c, LAN(1));
	clientcount_add(&c, twin);
	clientcount_add(&c, twin);
	assert_in_range(clientcount_get(&c, LAN(1)), 1, 3);
	assert_in_range(clientcount_get(&c, twin), 2, 3);
	clientcount_sub(&c, LAN(1));
	assert_in_range(clientcount_get(&c, twin), 2, 3);
	clientcount_sub(&c, twin);
	clientcount_sub(&c, twin);
	assert_int_equal(clientcount_get(&c, twin), 0);
	assert_int_equal(clientcount_get(&c, LAN(1)), 0);
}

static struct addr host6(const char *text)
{
	struct addr a = { 0 };

	assert_true(addr_parse(str_z(text), &a));
	return a;
}

/* The last two bytes of an address of either family choose the counter. */
static void test_both_families(void **state)
{
	const struct addr one = host6("2001:db8::2:0001"),
			  near = host6("2001:db8::2:0002"),
			  far = host6("2001:db8::1:0003");

	clientcount_add(&c, one);
	clientcount_add(&c, far);
	clientcount_add(&c, far);
	assert_int_equal(clientcount_get(&c, one), 1);
	assert_int_equal(clientcount_get(&c, near), 0);
	assert_int_equal(clientcount_get(&c, far), 2);
	clientcount_sub(&c, one);
	clientcount_sub(&c, far);
	clientcount_sub(&c, far);
	assert_int_equal(clientcount_get(&c, one), 0);
	/* the operator's: no address */
	clientcount_add(&c, (struct addr){ 0 });
	assert_int_equal(clientcount_get(&c, (struct addr){ 0 }), 1);
	clientcount_sub(&c, (struct addr){ 0 });
}

static void test_one_client_has_all(void **state)
{
	const uint32_t most = PM_MAPPINGS_LIMIT + PM_SPARE_SLOTS;

	for (uint32_t i = 0; i < most; i++)
		clientcount_add(&c, addr_ip4(UINT32_MAX));
	assert_int_equal(clientcount_get(&c, addr_ip4(UINT32_MAX)), most);
	assert_int_equal(clientcount_get(&c, addr_ip4(0)), 0);
	for (uint32_t i = 0; i < most; i++)
		clientcount_sub(&c, addr_ip4(UINT32_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_neighbours_have_counters_of_their_own),
		cmocka_unit_test(test_shared_counter_is_never_too_low),
		cmocka_unit_test(test_both_families),
		cmocka_unit_test(test_one_client_has_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
