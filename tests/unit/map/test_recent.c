/* SPDX-License-Identifier: ISC */
/* test_recent.c - the newest refusals of each host are kept, and no host pushes
 * out those of another. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/unit/addrtest.h"
#include "map/recent.h"

#define ANN	addr_ip4(0xc0a8580au)
#define BOB	addr_ip4(0xc0a8580bu)

static struct recent all;

static int set_up(void **state)
{
	all = (struct recent){ 0 };
	return 0;
}

static struct refused refusal_to(struct addr client, uint16_t port)
{
	return (struct refused){
		.why = REFUSAL_RULE, .origin = ORIGIN_UPNP, .client = client,
		.rule = { .client = client, .remote = addr_any(),
			  .ext_port = port, .int_port = port,
			  .kind = NAT_PORTMAP, .proto = IPPROTO_TCP },
	};
}

static void add(struct addr client, uint16_t port, uint64_t now_ms)
{
	const struct refused r = refusal_to(client, port);

	recent_add(&all, &r, client, now_ms);
}

static const struct recent_refusal *nth(unsigned n)
{
	const struct recent_refusal *r = recent_before(&all, NULL);

	while (n-- && r)
		r = recent_before(&all, r);
	return r;
}

static unsigned count_of(struct addr share)
{
	const struct recent_refusal *r = NULL;
	unsigned n = 0, steps = 0;

	while ((r = recent_before(&all, r))) {
		n += addr_equal(r->share, share);
		assert_in_range(++steps, 1, RECENT_MAX);
	}
	return n;
}

static void test_the_newest_is_first(void **state)
{
	assert_null(nth(0));
	add(ANN, 80, 5000);
	add(BOB, 81, 6000);
	add(ANN, 82, 6000);
	assert_int_equal(nth(2)->rule.ext_port, 80);
	assert_int_equal(nth(2)->at_ms, 5000);
	assert_int_equal(nth(2)->why, REFUSAL_RULE);
	assert_int_equal(nth(0)->at_ms, 6000);
	assert_int_equal(nth(1)->at_ms, 6000);
	assert_int_not_equal(nth(0)->rule.ext_port, nth(1)->rule.ext_port);
	assert_null(nth(3));
}

static void test_the_same_is_counted(void **state)
{
	struct refused other = refusal_to(ANN, 80);

	for (unsigned i = 1; i <= 5; i++) {
		add(ANN, 80, 1000 * i);
		assert_int_equal(nth(0)->times, i);
		assert_int_equal(nth(0)->at_ms, 1000 * i);
		assert_null(nth(1));
	}
	add(BOB, 80, 6000);
	assert_int_equal(nth(0)->times, 1);
	other.why = REFUSAL_CONFLICT;
	recent_add(&all, &other, ANN, 7000);
	assert_int_equal(nth(0)->times, 1);
	assert_non_null(nth(2));
	all.at[0].times = UINT32_MAX;
	add(ANN, 80, 9000);
	assert_int_equal(nth(0)->times, UINT32_MAX);
}

static void test_a_host_has_its_share(void **state)
{
	add(BOB, 7, 1);
	for (uint16_t port = 1; port <= 200; port++)
		add(ANN, port, 1000u + port);
	assert_int_equal(count_of(ANN), RECENT_PER_HOST);
	assert_int_equal(count_of(BOB), 1);
	for (unsigned i = 0; i < RECENT_PER_HOST; i++)
		assert_int_equal(nth(i)->rule.ext_port, 200 - i);
}

static void test_the_oldest_gives_way(void **state)
{
	for (uint16_t i = 0; i < RECENT_MAX + 3; i++)
		add(addr_ip4(0xc0a85800u + i), 80, 1000u + i);
	assert_int_equal(nth(RECENT_MAX - 1)->at_ms, 1003);
	assert_null(nth(RECENT_MAX));
}

static void test_others_are_ignored(void **state)
{
	struct refused r = refusal_to(ANN, 80);

	r.origin = ORIGIN_OPERATOR;
	recent_add(&all, &r, ANN, 1000);
	r = (struct refused){ .why = REFUSAL_HOST, .client = ANN };
	recent_add(&all, &r, ANN, 1000);
	assert_null(nth(0));
	r.why = REFUSAL_LINK;
	recent_add(&all, &r, ANN, 1000);
	assert_int_equal(nth(0)->why, REFUSAL_LINK);
}

#define TEST(fn) cmocka_unit_test_setup(fn, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_newest_is_first),
		TEST(test_the_same_is_counted),
		TEST(test_a_host_has_its_share),
		TEST(test_the_oldest_gives_way),
		TEST(test_others_are_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
