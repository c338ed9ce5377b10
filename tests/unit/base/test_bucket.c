/* SPDX-License-Identifier: ISC */
/* test_bucket.c - each source may have a burst and then the rate, and many
 * sources together no more than the buckets allow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "base/bucket.h"

static struct buckets bs;

static int setup(void **state)
{
	memset(&bs, 0, sizeof(bs));
	bs.burst = 12;
	bs.per_s = 4;
	return 0;
}

static bool take(uint32_t ip, uint32_t n, uint64_t now_ms)
{
	return bucket_take(&bs, addr_ip4(ip), n, now_ms);
}

static unsigned take_all(uint32_t ip, uint64_t now_ms)
{
	unsigned n = 0;

	while (take(ip, 1, now_ms))
		n++;
	return n;
}

static void a_burst_then_the_rate(void **state)
{
	assert_int_equal(take_all(1, 5000), 12);
	assert_int_equal(take_all(1, 5249), 0);
	assert_int_equal(take_all(1, 5250), 1);
	assert_int_equal(take_all(1, 6250), 4);
	assert_int_equal(take_all(1, 100000), 12);
	/* a clock that stops or goes back gives no tokens */
	assert_int_equal(take_all(1, 100000), 0);
	assert_int_equal(take_all(1, 5), 0);
}

/* A refused request takes no tokens, so a source that never stops gets the
 * rate. */
static void a_refused_request_costs_nothing(void **state)
{
	unsigned n = 0;

	for (uint64_t ms = 1000; ms < 11000; ms++)
		n += take(1, 1, ms);
	assert_in_range(n, 12 + 39, 12 + 40);
}

static void more_than_a_burst_is_refused(void **state)
{
	assert_false(take(1, 13, 1000));
	assert_true(take(1, 12, 1000));
	assert_false(take(1, 2, 1250));
	assert_true(take(1, 1, 1250));
}

static void sources_do_not_share(void **state)
{
	for (uint32_t ip = 1; ip <= BUCKETS_MAX; ip++)
		assert_int_equal(take_all(ip, 1000), 12);
	for (uint32_t ip = 1; ip <= BUCKETS_MAX; ip++)
		assert_int_equal(take_all(ip, 1000), 0);
	/* one more source replaces another and inherits its bucket */
	assert_int_equal(take_all(99, 1000), 0);
	assert_int_equal(take_all(99, 1250), 1);
	/* the source that has used the fewest tokens is replaced first */
	setup(state);
	for (uint32_t ip = 1; ip <= BUCKETS_MAX; ip++)
		assert_true(take(ip, ip == 7 ? 1 : 5, 1000));
	assert_true(take(99, 11, 1000));
	assert_int_equal(take_all(8, 1000), 7);
	assert_int_equal(take_all(9, 1000), 7);
}

/* Two addresses whose bytes begin alike are two sources. */
static void families_do_not_share(void **state)
{
	const uint8_t byte[16] = { 192, 0, 2, 1 };

	assert_int_equal(take_all(0xc0000201u, 1000), 12);
	assert_true(bucket_take(&bs, addr_ip6(byte), 12, 1000));
	assert_false(bucket_take(&bs, addr_ip6(byte), 1, 1000));
}

/* A host with many addresses, or forged ones, once got a full bucket each time
 * it returned: more than 64 sources may have together. */
static void many_sources_are_limited(void **state)
{
	const unsigned seconds = 10;
	unsigned n = 0;

	for (unsigned ms = 0; ms < seconds * 1000; ms += 10)
		for (uint32_t ip = 1; ip <= 2 * BUCKETS_MAX; ip++)
			n += take_all(ip, 1000 + ms);
	assert_true(n <= BUCKETS_MAX * (bs.burst + seconds * bs.per_s));
	assert_true(n >= BUCKETS_MAX * (bs.burst + (seconds - 1) * bs.per_s));
}

static void large_numbers(void **state)
{
	bs.burst = bs.per_s = BUCKET_TOKENS_MAX;
	assert_true(take(1, BUCKET_TOKENS_MAX, 1));
	assert_false(take(1, 1001, 2));
	assert_true(take(1, 1000, 2));
	assert_true(take(1, BUCKET_TOKENS_MAX, UINT64_MAX));
	bs.per_s = 0;
	assert_false(take(1, 1, UINT64_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup(f, setup)
		T(a_burst_then_the_rate),
		T(a_refused_request_costs_nothing),
		T(more_than_a_burst_is_refused),
		T(sources_do_not_share),
		T(families_do_not_share),
		T(many_sources_are_limited),
		T(large_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
