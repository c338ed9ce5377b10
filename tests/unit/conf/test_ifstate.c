/* SPDX-License-Identifier: ISC */
/*
 * test_ifstate.c - the external address and the internal networks are those
 * that the kernel's interfaces have. This file fakes the kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/addrtest.h"
#include "conf/ifstate.h"
#include "sys/route.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

static struct netif_table kernel;
static struct conf conf;
static struct ifstate ifstate;
static int fault;
static struct addr route;	/* source of the default route */
static int internet_out, internet6_out;	/* where it leads, of each family */

/* Return the links in the order of @names, as netif.h requires. */
int netif_read(const char *const *names, size_t n, struct netif_table *ret)
{
	if (fault)
		return fault;
	*ret = kernel;
	ret->link_n = n;
	for (size_t i = 0; i < n; i++) {
		memset(&ret->link[i], 0, sizeof(ret->link[i]));
		strcpy(ret->link[i].name, names[i]);
		for (size_t k = 0; k < kernel.link_n; k++)
			if (!strcmp(kernel.link[k].name, names[i]))
				ret->link[i] = kernel.link[k];
	}
	return 0;
}

int route_source(int ifindex, struct addr *ret)
{
	if (!addr_is_set(route))
		return -ENETUNREACH;
	*ret = route;
	return 0;
}

int route_internet(uint8_t family)
{
	return family == ADDR_IP6 ? internet6_out : internet_out;
}

int route_is_local(struct addr a, int master)
{
	return 0;
}

static struct netif_addr at(int ifindex, const char *name, uint32_t ip,
			    uint8_t bits)
{
	struct netif_addr a = { ifindex, "", { addr_ip4(ip), bits } };

	strcpy(a.ifname, name);
	return a;
}

static int setup(void **state)
{
	memset(&conf, 0, sizeof(conf));
	conf.ipv6 = true;
	conf.iface[0] = (struct conf_iface){ "wan0", CONF_EXTERNAL };
	conf.iface[1] = (struct conf_iface){ "lan0", CONF_INTERNAL };
	conf.iface[2] = (struct conf_iface){ "lan1", CONF_INTERNAL };
	conf.iface_n = 3;
	memset(&kernel, 0, sizeof(kernel));
	kernel.link[0] = (struct netif_link){ "wan0", 2, true, true, true };
	kernel.link[1] = (struct netif_link){ "lan0", 3, true, true, true };
	kernel.link[2] = (struct netif_link){ "lan1", 4, true, false, true };
	kernel.link_n = 3;
	kernel.addr[0] = at(1, "", IP(127, 0, 0, 1), 8);
	kernel.addr[1] = at(2, "wan0", IP(11, 22, 33, 1), 24);
	kernel.addr[2] = at(3, "lan0", IP(192, 168, 88, 1), 24);
	kernel.addr[3] = at(3, "lan0", IP(192, 168, 89, 1), 24);
	kernel.addr[4] = at(4, "lan1", IP(10, 0, 0, 1), 8);
	kernel.addr_n = 5;
	fault = 0;
	route = (struct addr){ 0 };
	return 0;
}

#define EXT (&ifstate.ext[0])

static void test_state_has_all_interfaces_and_addresses(void **state)
{
	struct policy p;

	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_int_equal(ifstate.ext_n, 1);
	assert_ptr_equal(ifstate_external(&ifstate), EXT);
	assert_int_equal(EXT->ifindex, 2);
	assert_int_equal(addr_to_ip4(EXT->addr), IP(11, 22, 33, 1));
	assert_true(EXT->up && EXT->running);
	assert_false(EXT->is_private);
	assert_int_equal(ifstate.own_n, 5);
	assert_int_equal(ifstate.net_n, 3);
	assert_string_equal(ifstate.net[0].ifname, "lan0");
	assert_int_equal(ifstate.net[0].ifindex, 3);
	assert_int_equal(ifstate.net[1].ifindex, 3);
	assert_int_equal(addr_to_ip4(ifstate.net[1].net.addr),
			 IP(192, 168, 89, 1));
	assert_int_equal(ifstate.net[2].ifindex, 4);
	ifstate_policy(&ifstate, &conf, &p);
	assert_int_equal(p.net_n, 3);
	assert_int_equal(p.own_n, 5);
	assert_int_equal(p.net[2].ifindex, 4);
}

static void give_networks(void)
{
	conf.iface[1].network.at[0] =
		(struct addr_net){ addr_ip4(IP(172, 31, 0, 0)), 16 };
	conf.iface[1].network.at[1] =
		(struct addr_net){ addr_of_text("2001:db8:1::"), 64 };
	conf.iface[1].network.n = 2;
	conf.iface[2].network.at[0] =
		(struct addr_net){ addr_ip4(IP(10, 7, 0, 9)), 32 };
	conf.iface[2].network.n = 1;
}

static void give_ipv6(void)
{
	static const struct {
		int ifindex;
		const char *name, *ip;
	} row[] = {
		{ 1, "", "::1" },
		{ 2, "wan0", "2001:db8:11::1" },
		{ 3, "lan0", "2001:db8:88::1" },
		{ 3, "lan0", "2001:db8:88::2" },
		{ 3, "lan0", "fd00:88::1" },
		{ 3, "lan0", "fe80::1" },
		{ 4, "lan1", "fe80::1" },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct netif_addr *a = &kernel.addr[kernel.addr_n++];

		*a = at(row[i].ifindex, row[i].name, 0, 64);
		a->net.addr = addr_of_text(row[i].ip);
	}
}

static void test_ipv6_networks_are_those_of_the_policy(void **state)
{
	struct policy p;

	give_ipv6();
	give_networks();
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_int_equal(ifstate.own_n, 12);
	assert_int_equal(ifstate.net_n, 3 + 5 + 3);
	/* of one interface in a row */
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(ifstate.net[i].ifindex, i < 6 ? 3 : 4);
	assert_int_equal(addr_to_ip4(EXT->addr), IP(11, 22, 33, 1));
	ifstate_policy(&ifstate, &conf, &p);
	/* each prefix once, none that is link-local */
	assert_int_equal(p.net_n, 3 + 2 + 3);
	assert_string_equal(addr_text(p.net[3].net.addr).text, "2001:db8:88::");
	assert_string_equal(addr_text(p.net[4].net.addr).text, "fd00:88::");
	assert_int_equal(p.own_n, 12);
	assert_ptr_equal(policy_net_of(&p, addr_of_text("2001:db8:88::10")),
			 &p.net[3]);
	assert_null(policy_net_of(&p, addr_of_text("fe80::10")));
	assert_ptr_equal(policy_net_of(&p, addr_of_text("2001:db8:1::10")),
			 &p.net[6]);
}

/* One address of a prefix goes, and the kernel lists those of the prefixes in
 * another order. */
static void test_addresses_in_a_prefix_do_not_change_its_network(void **state)
{
	struct policy before, p;

	give_ipv6();
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	ifstate_policy(&ifstate, &conf, &before);
	kernel.addr[7] = kernel.addr[9];	/* the unique local one */
	kernel.addr[9] = kernel.addr[8];
	kernel.addr[9].secondary = 1;
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	ifstate_policy(&ifstate, &conf, &p);
	assert_int_equal(p.net_n, before.net_n);
	assert_memory_equal(p.net, before.net, sizeof(p.net));
}

static void test_without_ipv6_nothing_is_of_it(void **state)
{
	struct ifstate before;

	assert_int_equal(ifstate_read(&conf, &before), 0);
	conf.ipv6 = false;
	give_ipv6();
	kernel.ip6_sum = 7;
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_memory_equal(&ifstate, &before, sizeof(before));
	give_networks();
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_int_equal(ifstate.routed_n, 2);
}

/* A router with more addresses than the list has: the kernel must be asked, and
 * a change of the others must be seen. */
static void test_cut_list_of_addresses(void **state)
{
	struct policy p;

	kernel.link[1].master = 8;
	kernel.addr[2].master = 8;
	give_networks();
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_false(ifstate.own_cut);
	assert_int_equal(ifstate.net[0].master, 8);
	assert_int_equal(ifstate.net[3].master, 8);	/* behind a router */
	assert_int_equal(ifstate.net[5].master, 0);
	ifstate_policy(&ifstate, &conf, &p);
	assert_null(p.is_local);
	assert_false(p.own_cut);
	kernel.addr_cut = true;
	kernel.ip4_sum = 5;
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_int_equal(ifstate.own_sum, 5);
	ifstate_policy(&ifstate, &conf, &p);
	assert_true(p.own_cut);
	assert_ptr_equal(p.is_local, route_is_local);
}

/* They come after all addresses, and are not addresses of the router. */
static void test_networks_behind_other_routers(void **state)
{
	struct policy p;

	give_networks();
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_int_equal(ifstate.net_n, 6);
	assert_int_equal(ifstate.routed_n, 3);
	assert_int_equal(ifstate.own_n, 5);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(ifstate.net[i].routed, i >= 3);
	assert_string_equal(ifstate.net[3].ifname, "lan0");
	assert_int_equal(ifstate.net[3].ifindex, 3);
	assert_ip(ifstate.net[3].net.addr, IP(172, 31, 0, 0));
	assert_int_equal(ifstate.net[4].net.bits, 64);
	assert_string_equal(ifstate.net[5].ifname, "lan1");
	ifstate_policy(&ifstate, &conf, &p);
	assert_int_equal(p.net_n, 6);
	assert_ptr_equal(policy_net_of(&p, addr_ip4(IP(172, 31, 7, 7))),
			 &p.net[3]);
}

/* A network is omitted while its interface is down or disabled, but not if the
 * interface only lacks an address. */
static void test_networks_follow_the_state_of_the_interface(void **state)
{
	give_networks();
	kernel.link[1].up = false;
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_int_equal(ifstate.routed_n, 1);
	kernel.link[1].up = true;
	conf.iface[2].disabled = true;
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_int_equal(ifstate.routed_n, 2);
	kernel.addr_n = 2;	/* lan0 has no address */
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_int_equal(ifstate.net_n, 2);
}

static void test_disabled_or_down_interface_is_not_served(void **state)
{
	conf.iface[1].disabled = true;
	kernel.link[2].up = false;
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_int_equal(ifstate.net_n, 0);
	assert_int_equal(ifstate.own_n, 5);	/* still the router's own */
}

static void test_missing_interfaces_have_no_address(void **state)
{
	kernel.link_n = 0;
	kernel.addr_n = 1;
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_int_equal(ifstate.ext_n, 1);
	assert_int_equal(EXT->ifindex, 0);
	assert_false(addr_is_set(EXT->addr));
	assert_false(addr_is_set(ifstate_reported(EXT, &conf)));
	assert_int_equal(ifstate.net_n, 0);
}

static void give_second_uplink(void)
{
	conf.iface[3] = (struct conf_iface){ "wan1", CONF_EXTERNAL };
	conf.iface_n = 4;
	kernel.link[3] = (struct netif_link){ "wan1", 5, true, true, true };
	kernel.link_n = 4;
	kernel.addr[kernel.addr_n++] = at(5, "wan1", IP(44, 55, 66, 1), 24);
	internet_out = 5;
}

static void test_all_external_interfaces_are_read(void **state)
{
	give_second_uplink();
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_int_equal(ifstate.ext_n, 2);
	assert_string_equal(ifstate.ext[0].name, "wan0");
	assert_string_equal(ifstate.ext[1].name, "wan1");
	assert_int_equal(ifstate.ext[1].ifindex, 5);
	assert_int_equal(addr_to_ip4(ifstate.ext[1].addr), IP(44, 55, 66, 1));
	assert_int_equal(ifstate.internet_out, 5);
	assert_int_equal(ifstate.net_n, 3);
	assert_ptr_equal(ifstate_external(&ifstate), EXT);
	ifstate_activate(&ifstate, &conf, 0);	/* by the route */
	assert_int_equal(ifstate.active, 1);
	ifstate_activate(&ifstate, &conf, 2);
	assert_int_equal(ifstate.active, 0);
	ifstate_activate(&ifstate, &conf, 3);	/* lan0 */
	assert_int_equal(ifstate.active, 1);
	assert_ptr_equal(ifstate_external(&ifstate), &ifstate.ext[1]);
}

/* IPv4 by one uplink, IPv6 by a tunnel. */
static void test_pinholes_follow_the_ipv6_route(void **state)
{
	give_second_uplink();
	internet_out = 2;
	internet6_out = 5;
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_ptr_equal(ifstate_external(&ifstate), EXT);
	assert_ptr_equal(ifstate_external6(&ifstate), &ifstate.ext[1]);
	internet6_out = 3;	/* lan0 */
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_ptr_equal(ifstate_external6(&ifstate), EXT);
	conf.ipv6 = false;
	internet6_out = 5;
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_ptr_equal(ifstate_external6(&ifstate), EXT);
	internet6_out = 0;
}

/* @works: 'n' is down, 'c' has no carrier, 'a' no address; 'w' works. */
static size_t selected(const char *works, int out, enum conf_selection by,
		       size_t active)
{
	struct ifstate s = { .ext_n = strlen(works), .internet_out = out };

	for (size_t i = 0; i < s.ext_n; i++) {
		s.ext[i].ifindex = (int)i + 1;
		s.ext[i].up = works[i] != 'n';
		s.ext[i].running = works[i] != 'c';
		if (works[i] != 'a')
			s.ext[i].addr = addr_ip4(IP(11, 22, 33, 1));
	}
	return ifstate_select(&s, by, active);
}

static void test_active_external_interface(void **state)
{
	static const struct {
		const char *works;
		int out;
		size_t active, by_route, by_priority;
	} row[] = {
		{ "ww", 1, 0, 0, 0 }, { "ww", 2, 0, 1, 0 },
		{ "ww", 1, 1, 0, 0 }, { "ww", 2, 1, 1, 0 },
		/* no route, or one over another interface */
		{ "ww", 0, 0, 0, 0 }, { "ww", 9, 1, 1, 0 },
		/* the one with the route cannot be used */
		{ "nw", 1, 0, 1, 1 }, { "cw", 1, 0, 1, 1 },
		{ "aw", 1, 0, 1, 1 }, { "wc", 2, 1, 0, 0 },
		{ "nww", 1, 2, 2, 1 }, { "nww", 0, 0, 1, 1 },
		/* none can */
		{ "nc", 1, 1, 1, 1 }, { "ca", 2, 0, 0, 0 }, { "n", 1, 0, 0, 0 },
		{ "w", 0, 0, 0, 0 },
	};

	for (size_t i = 0; i < N(row); i++) {
		assert_int_equal(selected(row[i].works, row[i].out,
					  CONF_SELECT_ROUTE, row[i].active),
				 row[i].by_route);
		assert_int_equal(selected(row[i].works, row[i].out,
					  CONF_SELECT_PRIORITY, row[i].active),
				 row[i].by_priority);
	}
}

static void test_private_external_address_may_be_refused(void **state)
{
	kernel.addr[1].net.addr = addr_ip4(IP(100, 64, 1, 1));
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_true(EXT->is_private);
	assert_int_equal(addr_to_ip4(ifstate_usable(EXT, &conf)),
			 IP(100, 64, 1, 1));
	conf.refuse_private = 1;
	/* the engine decides, by what the upstream answers */
	assert_true(addr_is_set(ifstate_usable(EXT, &conf)));
	conf.ask_upstream = CONF_ASK_NO;
	assert_false(addr_is_set(ifstate_usable(EXT, &conf)));
	conf.iface[0].forced_ip = addr_ip4(IP(11, 0, 0, 1));
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_false(EXT->is_private);
	assert_int_equal(addr_to_ip4(ifstate_usable(EXT, &conf)),
			 IP(100, 64, 1, 1));
}

static void test_reported_address_needs_a_carrier(void **state)
{
	conf.iface[0].forced_ip = addr_ip4(IP(9, 8, 7, 6));
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_int_equal(addr_to_ip4(ifstate_usable(EXT, &conf)),
			 IP(11, 22, 33, 1));
	assert_int_equal(addr_to_ip4(ifstate_reported(EXT, &conf)),
			 IP(9, 8, 7, 6));
	kernel.link[0].running = false;
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_int_equal(addr_to_ip4(ifstate_usable(EXT, &conf)),
			 IP(11, 22, 33, 1));
	assert_false(addr_is_set(ifstate_reported(EXT, &conf)));
	kernel.link[0].running = true;
	kernel.link[0].up = false;
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_false(addr_is_set(ifstate_reported(EXT, &conf)));
	kernel.link[0].up = true;
	kernel.addr[1].ifindex = 9;
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_false(addr_is_set(ifstate_usable(EXT, &conf)));
	assert_false(addr_is_set(ifstate_reported(EXT, &conf)));
}

#define MODEM	IP(192, 168, 100, 2)
#define PUB1	IP(11, 22, 33, 1)
#define PUB2	IP(11, 22, 33, 2)
#define CGNAT	IP(100, 64, 0, 9)
#define LAN	IP(192, 168, 88, 1)
#define NOWHERE	IP(9, 8, 7, 6)

/* 0 means no address. */
static struct addr known(uint32_t ip)
{
	return ip ? addr_ip4(ip) : (struct addr){ .family = ADDR_NONE };
}

static void test_choice_of_the_external_address(void **state)
{
	static const struct {
		uint32_t addr[3], forced_ip, route_ip, want;
	} row[] = {
		{ { 0 }, 0, 0, 0 },
		{ { 0 }, NOWHERE, LAN, 0 },
		{ { PUB1, PUB2 }, 0, 0, PUB1 },
		/* the default route decides between public addresses */
		{ { PUB1, PUB2 }, 0, PUB2, PUB2 },
		{ { PUB1, PUB2 }, 0, PUB1, PUB1 },
		/* a public address is preferred to a private one */
		{ { MODEM, PUB1 }, 0, 0, PUB1 },
		{ { MODEM, PUB1 }, 0, PUB1, PUB1 },
		{ { MODEM, PUB1 }, 0, MODEM, PUB1 },
		{ { MODEM, PUB1, PUB2 }, 0, PUB2, PUB2 },
		/* the default route also decides between private addresses */
		{ { MODEM, CGNAT }, 0, 0, MODEM },
		{ { MODEM, CGNAT }, 0, CGNAT, CGNAT },
		/* unnumbered link: the address is of another interface */
		{ { MODEM, PUB1 }, 0, LAN, PUB1 },
		{ { MODEM, CGNAT }, 0, NOWHERE, MODEM },
		/* forced-ip counts if the interface has it */
		{ { PUB1, PUB2 }, PUB2, PUB1, PUB2 },
		{ { PUB1, MODEM }, MODEM, PUB1, MODEM },
		{ { PUB1, PUB2 }, NOWHERE, PUB2, PUB2 },
		{ { PUB1, PUB2 }, LAN, 0, PUB1 },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct netif_addr addr[4] = { { 3, "lan0", { addr_ip4(LAN),
							     24 } } };
		struct addr got;
		size_t n = 1;

		for (size_t k = 0; k < 3 && row[i].addr[k]; k++)
			addr[n++] = (struct netif_addr){
				2, "wan0", { addr_ip4(row[i].addr[k]), 24 } };
		got = ifstate_choose(addr, n, 2, known(row[i].forced_ip),
				     known(row[i].route_ip));
		assert_true(addr_equal(got, known(row[i].want)));
	}
}

static void test_state_has_the_chosen_address(void **state)
{
	route = addr_ip4(PUB2);
	kernel.addr[4] = at(2, "wan0", PUB2, 24);
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_int_equal(addr_to_ip4(EXT->addr), PUB2);
	conf.iface[0].forced_ip = addr_ip4(PUB1);
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_int_equal(addr_to_ip4(EXT->addr), PUB1);
	assert_int_equal(addr_to_ip4(ifstate_reported(EXT, &conf)),
			 PUB1);
}

static void test_equal_states_have_equal_bytes(void **state)
{
	struct ifstate other;

	memset(&other, 0xa5, sizeof(other));
	memset(&ifstate, 0x5a, sizeof(ifstate));
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_int_equal(ifstate_read(&conf, &other), 0);
	assert_memory_equal(&ifstate, &other, sizeof(other));
}

static void test_failed_read_leaves_the_state_unchanged(void **state)
{
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	fault = -ENOBUFS;
	assert_int_equal(ifstate_read(&conf, &ifstate), -ENOBUFS);
	assert_int_equal(addr_to_ip4(EXT->addr), IP(11, 22, 33, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup(f, setup)
		T(test_state_has_all_interfaces_and_addresses),
		T(test_ipv6_networks_are_those_of_the_policy),
		T(test_addresses_in_a_prefix_do_not_change_its_network),
		T(test_without_ipv6_nothing_is_of_it),
		T(test_cut_list_of_addresses),
		T(test_networks_behind_other_routers),
		T(test_networks_follow_the_state_of_the_interface),
		T(test_disabled_or_down_interface_is_not_served),
		T(test_missing_interfaces_have_no_address),
		T(test_all_external_interfaces_are_read),
		T(test_active_external_interface),
		T(test_pinholes_follow_the_ipv6_route),
		T(test_private_external_address_may_be_refused),
		T(test_reported_address_needs_a_carrier),
		T(test_choice_of_the_external_address),
		T(test_state_has_the_chosen_address),
		T(test_equal_states_have_equal_bytes),
		T(test_failed_read_leaves_the_state_unchanged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
