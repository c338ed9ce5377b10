/* SPDX-License-Identifier: ISC */
/* test_policy.c - each check refuses what it must, the checks have an order,
 * and the ends of every range are included. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "map/policy.h"

#define IP(a, b, c, d) \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))
#define ROUTER	IP(192, 168, 88, 1)
#define CLIENT	IP(192, 168, 88, 7)
#define OTHER	IP(192, 168, 88, 8)
#define EXT	IP(198, 51, 100, 7)
#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct policy p;
static struct nat_rule r;

static struct netif_addr net(int ifindex, uint32_t ip, uint8_t bits)
{
	return (struct netif_addr){ ifindex, "", { addr_ip4(ip), bits } };
}

static int set_up(void **state)
{
	memset(&p, 0, sizeof(p));
	p.net[0] = net(2, ROUTER, 24);
	p.net_n = 1;
	p.own[0] = addr_ip4(ROUTER);
	p.own[1] = addr_ip4(EXT);
	p.own_n = 2;
	memset(&r, 0, sizeof(r));
	r.kind = NAT_PORTMAP;
	r.proto = IPPROTO_UDP;
	r.client = addr_ip4(CLIENT);
	r.remote = addr_any();
	r.ext_port = r.int_port = 5000;
	return 0;
}

static enum refusal ask(void)
{
	return policy_check(&p, &r, addr_ip4(CLIENT), NULL);
}

static enum refusal ask_for(uint32_t client_ip)
{
	r.client = addr_ip4(client_ip);
	return policy_check(&p, &r, addr_any(), NULL);
}

static void test_network_is_found_by_address(void **state)
{
	assert_ptr_equal(policy_net_of(&p, addr_ip4(ROUTER)), &p.net[0]);
	assert_ptr_equal(policy_net_of(&p, addr_ip4(IP(192, 168, 88, 255))),
			 &p.net[0]);
	assert_null(policy_net_of(&p, addr_ip4(IP(192, 168, 89, 0))));
	assert_null(policy_net_of(&p, addr_ip4(IP(192, 168, 87, 255))));
	p.net[1] = net(3, IP(10, 0, 0, 1), 8);
	assert_null(policy_net_of(&p, addr_ip4(IP(10, 9, 9, 9))));
	p.net_n = 2;
	assert_ptr_equal(policy_net_of(&p, addr_ip4(IP(10, 9, 9, 9))),
			 &p.net[1]);
	p.net_n = 0;
	assert_null(policy_net_of(&p, addr_ip4(CLIENT)));
}

static void test_the_smallest_network_decides_the_link(void **state)
{
	p.net[1] = net(3, IP(192, 168, 88, 65), 26);
	p.net[2] = net(2, IP(10, 0, 0, 0), 8);
	p.net[2].routed = 1;
	p.net[3] = net(4, IP(192, 168, 88, 2), 24);
	p.net_n = 4;
	assert_true(policy_on_link(&p, 2, addr_ip4(CLIENT)));
	assert_true(policy_on_link(&p, 4, addr_ip4(CLIENT)));
	assert_false(policy_on_link(&p, 3, addr_ip4(CLIENT)));
	assert_true(policy_on_link(&p, 3, addr_ip4(IP(192, 168, 88, 70))));
	assert_false(policy_on_link(&p, 2, addr_ip4(IP(192, 168, 88, 70))));
	/* behind another router, and nowhere */
	assert_false(policy_on_link(&p, 2, addr_ip4(IP(10, 1, 1, 1))));
	assert_false(policy_on_link(&p, 2, addr_ip4(EXT)));
	assert_false(policy_on_link(&p, 0, addr_ip4(EXT)));
}

static void test_ports_from_1024_are_allowed_by_default(void **state)
{
	static const struct {
		uint16_t ext, in;
		enum refusal want;
	} v[] = {
		{ 1024, 1024, REFUSAL_NONE }, { 65535, 65535, REFUSAL_NONE },
		{ 1023, 1024, REFUSAL_RULE }, { 1024, 1023, REFUSAL_RULE },
		{ 80, 80, REFUSAL_RULE }, { 1, 65535, REFUSAL_RULE },
	};
	unsigned line;
	size_t i;

	for (i = 0; i < N(v); i++) {
		r.ext_port = v[i].ext;
		r.int_port = v[i].in;
		line = 99;
		assert_int_equal(policy_check(&p, &r, addr_ip4(CLIENT), &line),
				 v[i].want);
		assert_int_equal(line, 0);
	}
}

static void test_special_addresses_are_refused(void **state)
{
	static const uint32_t special[] = {
		0, IP(0, 1, 2, 3), IP(127, 0, 0, 1), IP(224, 0, 0, 1),
		IP(255, 255, 255, 255), IP(192, 168, 88, 0),
		IP(192, 168, 88, 255),
	};
	size_t i;

	for (i = 0; i < N(special); i++)
		assert_int_equal(ask_for(special[i]), REFUSAL_SPECIAL);
	assert_int_equal(ask_for(IP(192, 168, 88, 254)), REFUSAL_NONE);
}

/* A /30 has two hosts; in a /31 and a /32 every address is a host's. */
static void test_small_networks_have_their_hosts(void **state)
{
	p.own_n = 0;
	p.net[0] = net(2, IP(10, 0, 0, 5), 30);
	assert_int_equal(ask_for(IP(10, 0, 0, 4)), REFUSAL_SPECIAL);
	assert_int_equal(ask_for(IP(10, 0, 0, 6)), REFUSAL_NONE);
	assert_int_equal(ask_for(IP(10, 0, 0, 7)), REFUSAL_SPECIAL);
	p.net[0] = net(2, IP(10, 0, 0, 4), 31);
	assert_int_equal(ask_for(IP(10, 0, 0, 5)), REFUSAL_NONE);
	assert_int_equal(ask_for(IP(10, 0, 0, 4)), REFUSAL_ROUTER);
	p.net[0].net.addr = addr_ip4(IP(10, 0, 0, 5));
	assert_int_equal(ask_for(IP(10, 0, 0, 4)), REFUSAL_NONE);
	p.net[0] = net(2, IP(10, 0, 0, 5), 32);
	assert_int_equal(ask_for(IP(10, 0, 0, 5)), REFUSAL_ROUTER);
	assert_int_equal(ask_for(IP(10, 0, 0, 6)), REFUSAL_OUTSIDE);
}

/* Even if it is a host's address in a wider network that is listed first. */
static void test_broadcast_address_of_a_nested_network_is_refused(void **state)
{
	p.net[0] = net(2, IP(10, 0, 0, 1), 8);
	p.net[1] = net(3, IP(10, 1, 1, 1), 24);
	p.net_n = 2;
	assert_int_equal(ask_for(IP(10, 1, 1, 255)), REFUSAL_SPECIAL);
	assert_int_equal(ask_for(IP(10, 1, 2, 255)), REFUSAL_NONE);
	assert_int_equal(ask_for(IP(10, 1, 1, 1)), REFUSAL_ROUTER);
}

static void test_addresses_of_the_router_are_refused(void **state)
{
	assert_int_equal(ask_for(ROUTER), REFUSAL_ROUTER);
	assert_int_equal(ask_for(EXT), REFUSAL_ROUTER);
	p.own_n = 1;
	assert_int_equal(ask_for(EXT), REFUSAL_OUTSIDE);
	p.own_n = 0;
	assert_int_equal(ask_for(ROUTER), REFUSAL_ROUTER);
}

/* The kernel's answer, or -errno, for any address. */
static int local, local_asked, local_master;

static int fake_local(struct addr a, int master)
{
	assert_true(addr_equal(a, r.client));
	local_asked++;
	local_master = master;
	return local;
}

/* On a router with more addresses than the list has, and for prefixes that it
 * delivers to itself. */
static void test_kernel_is_asked_for_addresses_of_the_router(void **state)
{
	p.is_local = fake_local;
	p.net[0].master = 7;
	local = 1;
	local_asked = 0;
	assert_int_equal(ask_for(CLIENT), REFUSAL_ROUTER);
	assert_int_equal(local_asked, 1);
	assert_int_equal(local_master, 7);
	assert_int_equal(ask_for(IP(8, 8, 8, 8)), REFUSAL_OUTSIDE);
	assert_int_equal(ask_for(ROUTER), REFUSAL_ROUTER);
	assert_int_equal(local_asked, 1);
	local = 0;
	assert_int_equal(ask_for(CLIENT), REFUSAL_NONE);
	assert_int_equal(ask_for(ROUTER), REFUSAL_ROUTER);
	/* the kernel cannot be asked */
	local = -EMFILE;
	assert_int_equal(ask_for(CLIENT), REFUSAL_NONE);
	p.own_cut = true;
	assert_int_equal(ask_for(CLIENT), REFUSAL_ROUTER);
}

static void test_addresses_outside_the_networks_are_refused(void **state)
{
	assert_int_equal(ask_for(IP(192, 168, 87, 7)), REFUSAL_OUTSIDE);
	assert_int_equal(ask_for(IP(8, 8, 8, 8)), REFUSAL_OUTSIDE);
	p.net_n = 0;
	assert_int_equal(ask_for(CLIENT), REFUSAL_OUTSIDE);
}

static enum refusal ask_for_pinhole(const char *client, uint16_t port)
{
	r.kind = NAT_PINHOLE;
	r.ext_port = 0;
	r.int_port = port;
	assert_true(addr_parse(str_z(client), &r.client));
	return policy_check(&p, &r, addr_any(), NULL);
}

static void have_ipv6(void)
{
	p.net[1] = (struct netif_addr){ .ifindex = 2, .net.bits = 64 };
	assert_true(addr_parse(STR("2001:db8:1::1"), &p.net[1].net.addr));
	p.net_n = 2;
}

static void test_a_pinhole_is_for_a_host_of_an_internal_network(void **state)
{
	assert_int_equal(ask_for_pinhole("2001:db8:1::10", 5000),
			 REFUSAL_OUTSIDE);
	have_ipv6();
	assert_int_equal(ask_for_pinhole("2001:db8:1::10", 5000),
			 REFUSAL_NONE);
	assert_int_equal(ask_for_pinhole("2001:db8:2::10", 5000),
			 REFUSAL_OUTSIDE);
	assert_int_equal(ask_for_pinhole("2001:db8:1::1", 5000),
			 REFUSAL_ROUTER);
	assert_int_equal(ask_for_pinhole("ff02::1", 5000), REFUSAL_SPECIAL);
	assert_int_equal(ask_for_pinhole("::1", 5000), REFUSAL_SPECIAL);
	assert_int_equal(ask_for_pinhole("192.168.89.7", 5000),
			 REFUSAL_OUTSIDE);
	assert_true(addr_parse(STR("ff02::1"), &r.remote));
	assert_int_equal(ask_for_pinhole("2001:db8:1::10", 5000),
			 REFUSAL_REMOTE);
}

/* A pinhole has the same port inside and outside. */
static void test_lines_apply_to_the_port_of_a_pinhole(void **state)
{
	static const struct policy_rule line = {
		true, 80, 80, 1, 65535, { { .family = ADDR_IP6 }, 0 }, 3,
	};

	have_ipv6();
	assert_int_equal(ask_for_pinhole("2001:db8:1::10", 1023),
			 REFUSAL_RULE);
	assert_int_equal(ask_for_pinhole("2001:db8:1::10", 1024),
			 REFUSAL_NONE);
	p.rule = &line;
	p.rule_n = 1;
	assert_int_equal(ask_for_pinhole("2001:db8:1::10", 80), REFUSAL_NONE);
	assert_int_equal(ask_for_pinhole("2001:db8:1::10", 1024),
			 REFUSAL_RULE);
}

static void test_secure_mode_allows_only_the_requester(void **state)
{
	assert_int_equal(policy_check(&p, &r, addr_ip4(OTHER), NULL),
			 REFUSAL_NONE);
	p.secure = true;
	assert_int_equal(policy_check(&p, &r, addr_ip4(OTHER), NULL),
			 REFUSAL_SECURE);
	assert_int_equal(policy_check(&p, &r, addr_ip4(CLIENT), NULL),
			 REFUSAL_NONE);
	assert_int_equal(policy_check(&p, &r, addr_any(), NULL), REFUSAL_NONE);
}

static void test_remote_host_must_be_a_unicast_address(void **state)
{
	static const uint32_t bad[] = {
		IP(0, 0, 0, 1), IP(127, 0, 0, 1), IP(224, 0, 0, 5),
		IP(255, 255, 255, 255),
	};
	size_t i;

	for (i = 0; i < N(bad); i++) {
		r.remote = addr_ip4(bad[i]);
		assert_int_equal(ask(), REFUSAL_REMOTE);
	}
	r.remote = addr_ip4(IP(203, 0, 113, 9));
	assert_int_equal(ask(), REFUSAL_NONE);
}

/* The rule fails all checks. Each step fixes the first failure, so that the
 * next check decides. */
static void test_checks_have_an_order(void **state)
{
	p.secure = true;
	r.remote = addr_ip4(IP(224, 0, 0, 1));
	r.client = addr_ip4(IP(127, 0, 0, 1));
	r.ext_port = 1;
	assert_int_equal(ask(), REFUSAL_REMOTE);
	r.remote = addr_any();
	assert_int_equal(ask(), REFUSAL_SPECIAL);
	r.client = addr_ip4(EXT);
	assert_int_equal(ask(), REFUSAL_ROUTER);
	r.client = addr_ip4(IP(8, 8, 8, 8));
	assert_int_equal(ask(), REFUSAL_OUTSIDE);
	r.client = addr_ip4(OTHER);
	assert_int_equal(ask(), REFUSAL_SECURE);
	r.client = addr_ip4(CLIENT);
	assert_int_equal(ask(), REFUSAL_RULE);
	r.ext_port = 1024;
	assert_int_equal(ask(), REFUSAL_NONE);
}

static void check_line(uint16_t ext, uint16_t in, uint32_t client_ip,
		       enum refusal want, unsigned want_line)
{
	unsigned line = 99;

	r.ext_port = ext;
	r.int_port = in;
	r.client = addr_ip4(client_ip);
	assert_int_equal(policy_check(&p, &r, addr_any(), &line), want);
	assert_int_equal(line, want_line);
}

static void test_first_matching_line_decides(void **state)
{
	const struct policy_rule rule[] = {
		{ false, 6000, 6010, 0, 65535, { addr_ip4(0), 0 }, 3 },
		{ true, 5000, 7000, 20, 30, { addr_ip4(CLIENT), 32 }, 5 },
		{ true, 80, 80, 8080, 8080,
		  { addr_ip4(IP(192, 168, 88, 99)), 24 }, 7 },
	};

	p.rule = rule;
	p.rule_n = N(rule);
	check_line(5000, 20, CLIENT, REFUSAL_NONE, 5);
	check_line(7000, 30, CLIENT, REFUSAL_NONE, 5);
	check_line(4999, 20, CLIENT, REFUSAL_RULE, 0);
	check_line(7001, 20, CLIENT, REFUSAL_RULE, 0);
	check_line(5000, 19, CLIENT, REFUSAL_RULE, 0);
	check_line(5000, 31, CLIENT, REFUSAL_RULE, 0);
	check_line(5000, 20, OTHER, REFUSAL_RULE, 0);
	check_line(6000, 20, CLIENT, REFUSAL_RULE, 3);
	check_line(6010, 20, CLIENT, REFUSAL_RULE, 3);
	check_line(6011, 20, CLIENT, REFUSAL_NONE, 5);
	check_line(80, 8080, OTHER, REFUSAL_NONE, 7);
	check_line(80, 8081, OTHER, REFUSAL_RULE, 0);
	p.rule_n = 1;		/* only a deny line: all others are refused */
	check_line(5000, 5000, CLIENT, REFUSAL_RULE, 0);
}

static void test_line_is_0_if_no_line_decided(void **state)
{
	const struct policy_rule all = { true, 1, 65535, 1, 65535,
					 { addr_ip4(0), 0 }, 4 };

	p.rule = &all;
	p.rule_n = 1;
	check_line(5000, 5000, ROUTER, REFUSAL_ROUTER, 0);
	check_line(5000, 5000, CLIENT, REFUSAL_NONE, 4);
	check_line(1, 1, CLIENT, REFUSAL_NONE, 4);
}

/* The router has no address in that network. A host route is a network as
 * well. */
static void test_a_network_behind_another_router(void **state)
{
	p.net[1] = net(2, IP(172, 31, 0, 0), 16);
	p.net[2] = net(2, IP(10, 7, 0, 9), 32);
	p.net_n = 3;
	p.net[1].routed = p.net[2].routed = 1;
	assert_int_equal(ask_for(IP(172, 31, 0, 1)), REFUSAL_NONE);
	assert_int_equal(ask_for(IP(172, 31, 0, 0)), REFUSAL_SPECIAL);
	assert_int_equal(ask_for(IP(172, 31, 255, 255)), REFUSAL_SPECIAL);
	assert_int_equal(ask_for(IP(172, 30, 0, 1)), REFUSAL_OUTSIDE);
	assert_int_equal(ask_for(IP(10, 7, 0, 9)), REFUSAL_NONE);
	p.net[2].routed = 0;
	assert_int_equal(ask_for(IP(10, 7, 0, 9)), REFUSAL_ROUTER);
	p.secure = true;
	r.client = addr_ip4(IP(172, 31, 0, 1));
	assert_int_equal(ask(), REFUSAL_SECURE);
	assert_int_equal(policy_check(&p, &r, r.client, NULL), REFUSAL_NONE);
}

static struct addr host6(const char *text)
{
	struct addr a = { 0 };

	assert_true(addr_parse(str_z(text), &a));
	return a;
}

static void test_networks_of_both_families(void **state)
{
	p.net[0].net = (struct addr_net){ host6("2001:db8::1"), 64 };
	assert_ptr_equal(policy_net_of(&p, host6("2001:db8::9")), &p.net[0]);
	assert_null(policy_net_of(&p, host6("2001:db8:0:1::9")));
	assert_null(policy_net_of(&p, addr_ip4(ROUTER)));
	p.own_n = 0;
	r.client = host6("2001:db8::1");
	assert_int_equal(ask(), REFUSAL_ROUTER);
	r.client = host6("2001:db8::");		/* means any router there */
	assert_int_equal(ask(), REFUSAL_SPECIAL);
	r.client = host6("ff02::1");
	assert_int_equal(ask(), REFUSAL_SPECIAL);
	r.client = host6("2001:db8::ffff:ffff:ffff:ffff");
	assert_int_equal(ask(), REFUSAL_NONE);
	p.secure = true;
	assert_int_equal(ask(), REFUSAL_SECURE);
	assert_int_equal(policy_check(&p, &r, r.client, NULL), REFUSAL_NONE);
}

/* A line matches only its own family: 0.0.0.0/0 is every IPv4 client, ::/0
 * every IPv6 client. */
static void test_lines_of_both_families(void **state)
{
	const struct policy_rule rule[] = {
		{ false, 1, 65535, 1, 65535, { host6("2001:db8::"), 65 }, 1 },
		{ true, 1, 65535, 1, 65535, { host6("2001:db8::"), 64 }, 2 },
		{ false, 1, 65535, 1, 65535, { host6("::"), 0 }, 3 },
		{ true, 5000, 5000, 1, 65535, { addr_ip4(0), 0 }, 4 },
	};
	const struct addr low = host6("2001:db8::9"),
			  high = host6("2001:db8::8000:0:0:9");
	struct policy_ports ports[POLICY_PORTS_MAX];
	unsigned line;

	p.net[1].net = (struct addr_net){ host6("2001:db8::1"), 32 };
	p.net_n = 2;
	p.rule = rule;
	p.rule_n = N(rule);
	check_line(5000, 5000, CLIENT, REFUSAL_NONE, 4);
	check_line(5001, 5000, CLIENT, REFUSAL_RULE, 0);
	r.client = low;
	assert_int_equal(policy_check(&p, &r, low, &line), REFUSAL_RULE);
	assert_int_equal(line, 1);
	assert_int_equal(policy_ports(&p, &r, 1, ports), 0);
	r.client = high;
	assert_int_equal(policy_check(&p, &r, high, &line), REFUSAL_NONE);
	assert_int_equal(line, 2);
	assert_int_equal(policy_ports(&p, &r, 1, ports), 1);
	assert_int_equal(ports[0].hi, 65535);
	r.client = host6("2001:db8:1::9");
	assert_int_equal(policy_check(&p, &r, r.client, &line), REFUSAL_RULE);
	assert_int_equal(line, 3);
}

#define T(f) cmocka_unit_test_setup(f, set_up)

/* Compare the ranges with a check of each port. */
static void check_ports(uint16_t from)
{
	struct policy_ports got[POLICY_PORTS_MAX];
	size_t n = policy_ports(&p, &r, from, got), i = 0;
	uint32_t port;

	for (port = from; port <= 65535; port++) {
		bool in = i < n && port >= got[i].lo && port <= got[i].hi;

		r.ext_port = (uint16_t)port;
		assert_int_equal(ask() == REFUSAL_NONE, in);
		if (in && port == got[i].hi)
			i++;
	}
	assert_int_equal(i, n);
	for (i = 1; i < n; i++)
		assert_true(got[i].lo > got[i - 1].hi + 1u);
}

static void test_allowed_ports_match_a_check_of_each_port(void **state)
{
	static struct policy_rule line[CONF_RULES_MAX];
	size_t i, turn;
	uint32_t seed = 7;

	check_ports(1);
	check_ports(1024);
	check_ports(40000);
	r.int_port = 80;
	check_ports(1);
	r.int_port = 5000;
	p.rule = line;
	for (turn = 0; turn < 40; turn++) {
		p.rule_n = turn < 3 ? turn + 1 : turn * CONF_RULES_MAX / 39;
		for (i = 0; i < p.rule_n; i++) {
			seed = seed * 1664525u + 1013904223u;
			line[i].allow = seed >> 31;
			line[i].ext_lo = (uint16_t)(seed >> 8);
			line[i].ext_hi = line[i].ext_lo;
			if (line[i].ext_lo < 64000 && seed & 1)
				line[i].ext_hi += (uint16_t)(seed >> 20 & 1535);
			line[i].int_hi = seed & 2 ? 65535 : 4999;
			line[i].net.addr = addr_ip4(0);
		}
		line[0].ext_lo = turn & 1 ? 0 : 65535;
		line[0].ext_hi = 65535;
		check_ports((uint16_t)(turn & 4 ? 1 : 1024));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_network_is_found_by_address),
		T(test_the_smallest_network_decides_the_link),
		T(test_ports_from_1024_are_allowed_by_default),
		T(test_special_addresses_are_refused),
		T(test_small_networks_have_their_hosts),
		T(test_broadcast_address_of_a_nested_network_is_refused),
		T(test_addresses_of_the_router_are_refused),
		T(test_kernel_is_asked_for_addresses_of_the_router),
		T(test_addresses_outside_the_networks_are_refused),
		T(test_a_pinhole_is_for_a_host_of_an_internal_network),
		T(test_lines_apply_to_the_port_of_a_pinhole),
		T(test_secure_mode_allows_only_the_requester),
		T(test_remote_host_must_be_a_unicast_address),
		T(test_checks_have_an_order),
		T(test_first_matching_line_decides),
		T(test_line_is_0_if_no_line_decided),
		T(test_allowed_ports_match_a_check_of_each_port),
		T(test_a_network_behind_another_router),
		T(test_networks_of_both_families),
		T(test_lines_of_both_families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
