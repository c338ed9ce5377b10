/* SPDX-License-Identifier: ISC */
/* test_peer.c - which addresses are one host's, and how a host is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "igd/peer.h"
#include "tests/unit/addrtest.h"

#define LAN 3

static const uint8_t mac[6] = { 2, 0, 0x5e, 0, 0x53, 1 };
static unsigned asked;
static bool known;
static enum map_same same;

static enum map_same same_host(void *arg, int ifindex, struct addr requester,
			       struct addr client)
{
	assert_ptr_equal(arg, &known);
	assert_int_equal(ifindex, LAN);
	asked++;
	return same;
}

static bool host(void *arg, int ifindex, struct addr requester,
		 struct addr *ret_link)
{
	assert_ptr_equal(arg, &known);
	assert_int_equal(ifindex, LAN);
	asked++;
	*ret_link = addr_link(mac, sizeof(mac));
	return known;
}

static const struct map_ops full = { .same_host = same_host, .host = host };
static const struct map_ops none;
static struct map map;
static const struct igd igd = { .map = &map };

static enum map_same owns(const char *peer, const char *other)
{
	const struct peer p = { &igd, LAN, addr_of_text(peer) };
	enum map_same got = peer_owns(&p, addr_of_text(other));

	assert_int_equal(peer_may_own(&p, addr_of_text(other)),
			 got != MAP_OTHER);
	return got;
}

static struct addr share_of(const char *peer)
{
	const struct peer p = { &igd, LAN, addr_of_text(peer) };

	return peer_share(&p);
}

static int setup(void **state)
{
	map = (struct map){
		.ops = &full, .ops_arg = &known,
		.policy = {
			.net = {
				{ LAN, "lan0",
				  { addr_of_text("192.168.88.1"), 24 } },
				{ LAN, "lan0", { addr_of_text("fd00::1"), 64 } },
				{ LAN + 1, "lan1",
				  { addr_of_text("fd00:0:0:1::1"), 64 } },
				{ LAN, "lan0",
				  { addr_of_text("fd00:0:0:2::"), 64 },
				  .routed = 1 },
			},
			.net_n = 4,
			.own = { addr_of_text("fe80::1") },
			.own_n = 1,
		},
	};
	asked = 0;
	known = true;
	same = MAP_SAME;
	return 0;
}

static void test_the_neighbour_table_tells_whose_an_address_is(void **state)
{
	static const char *const on_link[] = { "192.168.88.9", "fd00::9",
					       "fe80::9" };
	static const char *const elsewhere[] = {
		"192.168.89.9", "fd00:0:0:1::9", "fd00:0:0:2::9",
		"2001:db8::9", "ff02::1", "::", "::1", "224.0.0.1",
		"192.168.88.1", "fd00::1", "fe80::1",
	};

	for (size_t i = 0; i < 3; i++)
		assert_int_equal(owns("fd00::8", on_link[i]), MAP_SAME);
	assert_int_equal(asked, 2 * 3);
	for (size_t i = 0; i < 11; i++)
		assert_int_equal(owns("fd00::8", elsewhere[i]), MAP_OTHER);
	assert_int_equal(owns("fd00::8", "fd00::8"), MAP_SAME);
	assert_int_equal(owns("192.168.88.8", "192.168.88.9"), MAP_OTHER);
	assert_int_equal(asked, 2 * 3);
	assert_int_equal(owns("192.168.88.8", "fe80::8"), MAP_SAME);
	same = MAP_ASKED;
	assert_int_equal(owns("fd00::8", "fd00::9"), MAP_ASKED);
}

static void test_without_a_table_only_the_same_address_is_the_hosts(void **s)
{
	map.ops = &none;
	assert_int_equal(owns("fd00::8", "fd00::9"), MAP_OTHER);
	assert_int_equal(owns("fd00::8", "fd00::8"), MAP_SAME);
	assert_string_equal(addr_text(share_of("fd00::8")).text, "fd00::8");
}

static void test_a_host_is_counted_by_its_link_layer_address(void **state)
{
	const struct addr link = addr_link(mac, sizeof(mac));

	assert_true(addr_equal(share_of("fd00::1:2:3:8"), link));
	known = false;
	assert_string_equal(addr_text(share_of("fd00::1:2:3:8")).text,
			    "fd00::8");
	assert_int_equal(asked, 2);
	/* nobody is asked for an IPv4 address */
	assert_string_equal(addr_text(share_of("192.168.88.9")).text,
			    "192.168.88.9");
	assert_int_equal(asked, 2);
}

/* An interface that is not known is that of the address's network. */
static void test_a_refused_host_is_counted_the_same(void **state)
{
	const struct addr link = addr_link(mac, sizeof(mac));
	struct peer p = { &igd, 0, addr_of_text("fd00::1:2:3:8") };

	assert_true(addr_equal(peer_share(&p), link));
	assert_int_equal(asked, 1);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_neighbour_table_tells_whose_an_address_is),
		TEST(test_without_a_table_only_the_same_address_is_the_hosts),
		TEST(test_a_host_is_counted_by_its_link_layer_address),
		TEST(test_a_refused_host_is_counted_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
