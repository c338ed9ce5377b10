/* SPDX-License-Identifier: ISC */
/*
 * test_natpmp.c - what NAT-PMP's requests do to the mappings, byte by byte:
 * ports, lifetimes, deletion, every result code, and mappings of other
 * protocols.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/unit/pmpgw.h"

#define ANN	gw_host(10)
#define BOB	gw_host(11)

/* @op: 01 UDP, 02 TCP. @port, @ext: 4 digits, @life: 8 */
#define MAP(op, port, ext, life) "00" op "0000" port ext life
#define OK(op, port, ext, life) "008" op "0000 01020304" port ext life
#define ERR(op, code, port) "008" op "000" code "01020304" port "0000 00000000"

/* The entry of that port mapping, or NULL. */
static const struct pm_entry *entry(uint8_t proto, uint16_t ext_port)
{
	return portmap_entry(map.pm, portmap_on_port(map.pm, proto, ext_port,
						     PM_NONE));
}

static void test_map(void **state)
{
	const struct pm_entry *e;
	char desc[PM_DESC_MAX + 1];

	assert_true(gw_says(ANN, MAP("01", "1388", "1388", "00001c20"),
			    OK("1", "1388", "1388", "00001c20")));
	e = entry(IPPROTO_UDP, 5000);
	assert_non_null(e);
	assert_int_equal(e->origin, ORIGIN_NAT_PMP);
	assert_int_equal(e->rule.int_port, 5000);
	assert_true(addr_equal(e->rule.client, ANN));
	assert_false(addr_is_set(e->rule.remote));
	assert_int_equal(portmap_lease_left(e, gw_now_ms), 7200);
	assert_true(str_eq(portmap_desc(map.pm, e, desc), STR("NAT-PMP")));
	/* only the protocol that was asked for (3.3) */
	assert_null(entry(IPPROTO_TCP, 5000));
	assert_int_equal(gw_ops, 1);
	assert_true(gw_says(ANN, MAP("02", "1388", "1389", "00000e10"),
			    OK("2", "1388", "1389", "00000e10")));
	assert_non_null(entry(IPPROTO_TCP, 5001));
}

/* RouterOS fails here. */
static void test_no_suggested_port(void **state)
{
	gw_rnd = 40000 - POLICY_PORT_FLOOR;
	assert_true(gw_says(ANN, MAP("02", "1388", "0000", "00000e10"),
			    OK("2", "1388", "9c40", "00000e10")));
}

static void test_taken_port_gets_another_one(void **state)
{
	assert_true(gw_says(ANN, MAP("02", "1388", "1388", "00000e10"),
			    OK("2", "1388", "1388", "00000e10")));
	gw_rnd = 40000 - POLICY_PORT_FLOOR;
	assert_true(gw_says(BOB, MAP("02", "1388", "1388", "00000e10"),
			    OK("2", "1388", "9c40", "00000e10")));
}

/* 3.3: the number is reserved for the other protocol of the same client. */
static void test_sibling_is_reserved(void **state)
{
	assert_true(gw_says(ANN, MAP("02", "1388", "1388", "00000e10"),
			    OK("2", "1388", "1388", "00000e10")));
	gw_rnd = 40000 - POLICY_PORT_FLOOR;
	assert_true(gw_says(BOB, MAP("01", "1388", "1388", "00000e10"),
			    OK("1", "1388", "9c40", "00000e10")));
	assert_true(gw_says(ANN, MAP("01", "1388", "1388", "00000e10"),
			    OK("1", "1388", "1388", "00000e10")));
}

/* 3.3: the port that it has, whatever is suggested now. The lease is the new
 * one, also if that is shorter. */
static void test_same_internal_port_again(void **state)
{
	assert_true(gw_says(ANN, MAP("02", "1388", "9c40", "00001c20"),
			    OK("2", "1388", "9c40", "00001c20")));
	gw_pass(60);
	assert_true(gw_says(ANN, MAP("02", "1388", "1388", "00000e10"),
			    OK("2", "1388", "9c40", "00000e10")));
	assert_true(gw_says(ANN, MAP("02", "1388", "0000", "0000003c"),
			    OK("2", "1388", "9c40", "0000003c")));
	assert_int_equal(portmap_count(map.pm), 1);
	gw_pass(61);
	gw_settle();
	assert_int_equal(portmap_count(map.pm), 0);
}

/* Never more than requested; max-lease cuts; one second is one second; the
 * longest number does not wrap. */
static void test_lifetimes(void **state)
{
	map.max_lease_s = 86400;
	assert_true(gw_says(ANN, MAP("02", "1388", "1388", "00000001"),
			    OK("2", "1388", "1388", "00000001")));
	assert_true(gw_says(ANN, MAP("02", "1388", "1388", "ffffffff"),
			    OK("2", "1388", "1388", "00015180")));
	/* 7200 s in milliseconds: an npm library */
	assert_true(gw_says(ANN, MAP("02", "1388", "1388", "006ddd00"),
			    OK("2", "1388", "1388", "00015180")));
	map.max_lease_s = PM_LEASE_MAX_S;
	assert_true(gw_says(ANN, MAP("02", "1388", "1388", "ffffffff"),
			    OK("2", "1388", "1388", "00093a80")));
	gw_pass(PM_LEASE_MAX_S - 1);
	gw_settle();
	assert_int_equal(portmap_count(map.pm), 1);
	gw_pass(1);
	gw_settle();
	assert_int_equal(portmap_count(map.pm), 0);
}

static void test_deletion(void **state)
{
	assert_true(gw_says(ANN, MAP("02", "1388", "1388", "00000e10"),
			    OK("2", "1388", "1388", "00000e10")));
	assert_true(gw_says(ANN, MAP("01", "1388", "1388", "00000e10"),
			    OK("1", "1388", "1388", "00000e10")));
	/* 3.4: the suggested port is ignored, the answer has none */
	assert_true(gw_says(ANN, MAP("02", "1388", "2222", "00000000"),
			    OK("2", "1388", "0000", "00000000")));
	assert_null(entry(IPPROTO_TCP, 5000));
	assert_non_null(entry(IPPROTO_UDP, 5000));
	/* what is not there is deleted, also that of another host */
	assert_true(gw_says(ANN, MAP("02", "1388", "0000", "00000000"),
			    OK("2", "1388", "0000", "00000000")));
	assert_true(gw_says(BOB, MAP("01", "1388", "0000", "00000000"),
			    OK("1", "1388", "0000", "00000000")));
	assert_non_null(entry(IPPROTO_UDP, 5000));
}

/* Internal port 0: everything of this client and this protocol. */
static void test_deletion_of_all(void **state)
{
	assert_true(gw_says(ANN, MAP("02", "1388", "1388", "00000e10"),
			    OK("2", "1388", "1388", "00000e10")));
	assert_true(gw_says(ANN, MAP("02", "1389", "1389", "00000e10"),
			    OK("2", "1389", "1389", "00000e10")));
	assert_true(gw_says(ANN, MAP("01", "1388", "1388", "00000e10"),
			    OK("1", "1388", "1388", "00000e10")));
	assert_true(gw_says(BOB, MAP("02", "138a", "138a", "00000e10"),
			    OK("2", "138a", "138a", "00000e10")));
	assert_true(gw_says(ANN, MAP("02", "0000", "0000", "00000000"),
			    OK("2", "0000", "0000", "00000000")));
	assert_null(entry(IPPROTO_TCP, 5000));
	assert_null(entry(IPPROTO_TCP, 5001));
	assert_non_null(entry(IPPROTO_UDP, 5000));
	assert_non_null(entry(IPPROTO_TCP, 5002));
	/* and again */
	assert_true(gw_says(ANN, MAP("02", "0000", "0000", "00000000"),
			    OK("2", "0000", "0000", "00000000")));
}

/* ---- result codes (3.5) ------------------------------------------------------- */

/* 3: no external address. A deletion does not need one. */
static void test_network_failure(void **state)
{
	map.ext.family = ADDR_NONE;
	assert_true(gw_says(ANN, MAP("02", "1388", "1388", "00000e10"),
			    ERR("2", "3", "1388")));
	assert_true(gw_says(ANN, MAP("02", "1388", "1388", "00000000"),
			    OK("2", "1388", "0000", "00000000")));
	map.ext = addr_ip4(0xcb007107);
	gw_kernel = NAT_ENOADDR;
	assert_true(gw_says(ANN, MAP("02", "1388", "1388", "00000e10"),
			    ERR("2", "3", "1388")));
	assert_int_equal(portmap_count(map.pm), 0);
}

/* 2: the client is not in a network, its ports are not allowed, or it asks for
 * all of them. */
static void test_not_authorized(void **state)
{
	struct policy_rule rule = {
		.allow = false, .ext_hi = UINT16_MAX, .int_hi = UINT16_MAX,
		.net = { { ADDR_IP4, { 192, 168, 88, 0 } }, 24 }, .line = 3,
	};

	assert_true(gw_says(addr_ip4(0x0a000005),
			    MAP("02", "1388", "1388", "00000e10"),
			    ERR("2", "2", "1388")));
	/* the peer maps for these: the network's and the broadcast address,
	 * and the router */
	assert_true(gw_says(gw_host(0), MAP("02", "1388", "1388", "00000e10"),
			    ERR("2", "2", "1388")));
	assert_true(gw_says(gw_host(255),
			    MAP("02", "1388", "1388", "00000e10"),
			    ERR("2", "2", "1388")));
	assert_true(gw_says(gw_host(1), MAP("02", "1388", "1388", "00000e10"),
			    ERR("2", "2", "1388")));
	assert_true(gw_says(ANN, MAP("01", "0050", "0050", "00000e10"),
			    ERR("1", "2", "0050")));
	assert_true(gw_says(ANN, MAP("01", "0000", "1388", "00000e10"),
			    ERR("1", "2", "0000")));
	map.policy.rule = &rule;
	map.policy.rule_n = 1;
	assert_true(gw_says(ANN, MAP("02", "1388", "1388", "00000e10"),
			    ERR("2", "2", "1388")));
	rule.allow = true;
	assert_true(gw_says(ANN, MAP("01", "0000", "1388", "00000e10"),
			    ERR("1", "2", "0000")));
	assert_int_equal(gw_ops, 0);
}

/* 4: the table is full, or the client's part of it, or the rate is too high, or
 * the firewall failed. */
static void test_no_resources(void **state)
{
	char request[64], want[64];

	for (unsigned i = 0; i < 6; i++) {
		snprintf(request, sizeof(request),
			 MAP("02", "%04x", "%04x", "00000e10"),
			 5000 + i, 5000 + i);
		snprintf(want, sizeof(want),
			 OK("2", "%04x", "%04x", "00000e10"),
			 5000 + i, 5000 + i);
		assert_true(gw_says(ANN, request, want));
	}
	assert_true(gw_says(ANN, MAP("02", "2222", "2222", "00000e10"),
			    ERR("2", "4", "2222")));
	gw_kernel = NAT_EFAIL;
	assert_true(gw_says(BOB, MAP("02", "2222", "2222", "00000e10"),
			    ERR("2", "4", "2222")));
	/* every port is the router's */
	gw_kernel = NAT_ECONFLICT;
	assert_true(gw_says(BOB, MAP("02", "2222", "2222", "00000e10"),
			    ERR("2", "4", "2222")));
}

static void test_rate(void **state)
{
	map.adds_per_s = 1;
	map_init(&map, map.pm);
	assert_true(gw_says(ANN, MAP("02", "1388", "1388", "00000e10"),
			    OK("2", "1388", "1388", "00000e10")));
	assert_true(gw_says(ANN, MAP("02", "1389", "1389", "00000e10"),
			    ERR("2", "4", "1389")));
	/* a renewal is free */
	assert_true(gw_says(ANN, MAP("02", "1388", "1388", "00001c20"),
			    OK("2", "1388", "1388", "00001c20")));
}

/* ---- mappings of others --------------------------------------------------------- */

/* Make a mapping of Ann's TCP port 5000, without a request of NAT-PMP. */
static void have(uint8_t origin, uint16_t ext_port, uint32_t lease_s)
{
	struct pm_req q = {
		.rule = { .kind = NAT_PORTMAP, .proto = IPPROTO_TCP,
			  .client = ANN, .remote = addr_any(),
			  .ext_port = ext_port, .int_port = 5000 },
		.enabled = true, .origin = origin, .requester = ANN,
		.nonce = { { origin == ORIGIN_PCP } },
	};

	assert_int_equal(portmap_restore(map.pm, &q, lease_s ? gw_now_ms +
					 lease_s * UINT64_C(1000) : 0),
			 PM_DONE);
}

/* It is extended, keeps its port, and is not the client's to delete. */
static void test_mapping_of_upnp(void **state)
{
	have(ORIGIN_UPNP, 5001, 600);
	assert_true(gw_says(ANN, MAP("02", "1388", "1388", "00001c20"),
			    OK("2", "1388", "1389", "00001c20")));
	assert_int_equal(entry(IPPROTO_TCP, 5001)->origin, ORIGIN_UPNP);
	assert_int_equal(portmap_lease_left(entry(IPPROTO_TCP, 5001),
					    gw_now_ms), 7200);
	/* it is not shortened, but no more than requested is reported */
	assert_true(gw_says(ANN, MAP("02", "1388", "1388", "00000e10"),
			    OK("2", "1388", "1389", "00000e10")));
	assert_int_equal(portmap_lease_left(entry(IPPROTO_TCP, 5001),
					    gw_now_ms), 7200);
	assert_true(gw_says(ANN, MAP("02", "1388", "0000", "00000000"),
			    OK("2", "1388", "0000", "00000000")));
	assert_non_null(entry(IPPROTO_TCP, 5001));
}

/* A permanent mapping is reported with the lifetime that was requested. */
static void test_permanent_mapping_of_upnp(void **state)
{
	have(ORIGIN_UPNP, 5001, 0);
	assert_true(gw_says(ANN, MAP("02", "1388", "1388", "00001c20"),
			    OK("2", "1388", "1389", "00001c20")));
}

/* 3.4: a mapping that the operator made cannot be deleted. */
static void test_mapping_of_the_operator(void **state)
{
	have(ORIGIN_OPERATOR, 5001, 0);
	assert_true(gw_says(ANN, MAP("02", "1388", "1388", "00001c20"),
			    OK("2", "1388", "1389", "00001c20")));
	assert_int_equal(entry(IPPROTO_TCP, 5001)->origin, ORIGIN_OPERATOR);
	assert_true(gw_says(ANN, MAP("02", "1388", "0000", "00000000"),
			    ERR("2", "2", "1388")));
	assert_non_null(entry(IPPROTO_TCP, 5001));
}

/* The nonce of PCP protects its mapping from NAT-PMP too. */
static void test_mapping_of_pcp(void **state)
{
	have(ORIGIN_PCP, 5001, 600);
	assert_true(gw_says(ANN, MAP("02", "1388", "0000", "00000000"),
			    ERR("2", "2", "1388")));
	assert_true(gw_says(ANN, MAP("02", "1388", "1388", "00000e10"),
			    OK("2", "1388", "1389", "00000e10")));
	assert_int_equal(entry(IPPROTO_TCP, 5001)->origin, ORIGIN_PCP);
	/* all of them: as many as possible, and an error */
	assert_true(gw_says(ANN, MAP("02", "1389", "138a", "00000e10"),
			    OK("2", "1389", "138a", "00000e10")));
	assert_true(gw_says(ANN, MAP("02", "0000", "0000", "00000000"),
			    ERR("2", "2", "0000")));
	assert_null(entry(IPPROTO_TCP, 5002));
	assert_non_null(entry(IPPROTO_TCP, 5001));
}

/* Two requests for the same port at once: the second one waits, and both get the
 * same mapping. */
static void test_two_at_once(void **state)
{
	static struct gw_ask a, b;

	assert_true(gw_send(&a, ANN, MAP("02", "1388", "1388", "00000e10")));
	assert_true(gw_send(&b, ANN, MAP("02", "1388", "1389", "00001c20")));
	assert_false(a.done || b.done);
	gw_settle();
	assert_true(gw_answered(&a, OK("2", "1388", "1388", "00000e10")));
	assert_true(gw_answered(&b, OK("2", "1388", "1388", "00001c20")));
	assert_int_equal(portmap_count(map.pm), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, gw_begin, gw_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_map),
		TEST(test_no_suggested_port),
		TEST(test_taken_port_gets_another_one),
		TEST(test_sibling_is_reserved),
		TEST(test_same_internal_port_again),
		TEST(test_lifetimes),
		TEST(test_deletion),
		TEST(test_deletion_of_all),
		TEST(test_network_failure),
		TEST(test_not_authorized),
		TEST(test_no_resources),
		TEST(test_rate),
		TEST(test_mapping_of_upnp),
		TEST(test_permanent_mapping_of_upnp),
		TEST(test_mapping_of_the_operator),
		TEST(test_mapping_of_pcp),
		TEST(test_two_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
