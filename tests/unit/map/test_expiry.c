/* SPDX-License-Identifier: ISC */
/* test_expiry.c - the first slot of the heap is that of the mapping that ends
 * first, as a scan of all mappings finds it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "map/expiry.h"

#define SLOTS 300

static struct pm_entry entry[SLOTS];
static uint16_t heap[SLOTS];
static bool waits[SLOTS];
static struct expiry due;

static int set_up(void **state)
{
	memset(entry, 0, sizeof(entry));
	memset(waits, 0, sizeof(waits));
	due = (struct expiry){ .entry = entry, .heap = heap };
	return 0;
}

static void put(uint16_t slot, uint64_t at_ms)
{
	entry[slot].expires_ms = at_ms;
	waits[slot] = at_ms != 0;
	expiry_put(&due, slot);
}

static bool earlier(uint16_t i, uint16_t k)
{
	const struct pm_entry *a = &entry[i], *b = &entry[k];

	return a->expires_ms < b->expires_ms ||
	       (a->expires_ms == b->expires_ms && a->seq < b->seq);
}

static uint16_t first_by_scan(void)
{
	uint16_t best = PM_NONE, i;

	for (i = 0; i < SLOTS; i++) {
		if (waits[i] && (best == PM_NONE || earlier(i, best)))
			best = i;
	}
	return best;
}

static void test_empty_heap_has_no_first_slot(void **state)
{
	assert_int_equal(expiry_first(&due), PM_NONE);
	expiry_drop(&due, 3);
	put(3, 0);
	assert_int_equal(expiry_first(&due), PM_NONE);
	put(3, 7);
	assert_int_equal(expiry_first(&due), 3);
	put(3, 0);		/* a renewal that is permanent */
	assert_int_equal(expiry_first(&due), PM_NONE);
}

/* Of mappings that end at the same time, the oldest is first. */
static void test_equal_times_are_in_order_of_creation(void **state)
{
	uint16_t i;

	for (i = 0; i < 20; i++) {
		entry[i].seq = 100 - i;
		put(i, 5000);
	}
	for (i = 20; i-- > 0;) {
		assert_int_equal(expiry_first(&due), i);
		expiry_drop(&due, i);
	}
	assert_int_equal(expiry_first(&due), PM_NONE);
}

static void test_random_changes_match_a_scan(void **state)
{
	unsigned i, slot;

	srand(1);
	for (i = 0; i < SLOTS; i++)
		entry[i].seq = (uint64_t)rand() % 1000 * SLOTS + i;
	for (i = 0; i < 20000; i++) {
		slot = (unsigned)rand() % SLOTS;
		if (rand() % 3) {
			put((uint16_t)slot, (uint64_t)rand() % 64);
		} else {
			expiry_drop(&due, (uint16_t)slot);
			waits[slot] = false;
		}
		assert_int_equal(expiry_first(&due), first_by_scan());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			test_empty_heap_has_no_first_slot, set_up),
		cmocka_unit_test_setup(
			test_equal_times_are_in_order_of_creation, set_up),
		cmocka_unit_test_setup(
			test_random_changes_match_a_scan, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
