/* SPDX-License-Identifier: ISC */
/* test_ifstate.c - which address is external, which networks are internal. The
 * kernel is a fake in this file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>
#include "conf/ifstate.h"

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

static struct netif_table kernel;
static struct conf conf;
static struct ifstate ifstate;
static int fault;

/* Gives the links in the order of @names, as netif.h says. */
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

const struct netif_addr *netif_first_addr(const struct netif_table *t,
					  int ifindex)
{
	for (size_t i = 0; i < t->addr_n; i++)
		if (t->addr[i].ifindex == ifindex)
			return &t->addr[i];
	return NULL;
}

const struct conf_iface *conf_external(const struct conf *c)
{
	for (size_t i = 0; i < c->iface_n; i++)
		if (c->iface[i].type == CONF_EXTERNAL && !c->iface[i].disabled)
			return &c->iface[i];
	return NULL;
}

static int setup(void **state)
{
	memset(&conf, 0, sizeof(conf));
	conf.iface[0] = (struct conf_iface){ "wan0", CONF_EXTERNAL };
	conf.iface[1] = (struct conf_iface){ "lan0", CONF_INTERNAL };
	conf.iface[2] = (struct conf_iface){ "lan1", CONF_INTERNAL };
	conf.iface_n = 3;
	memset(&kernel, 0, sizeof(kernel));
	kernel.link[0] = (struct netif_link){ "wan0", 2, true, true, true };
	kernel.link[1] = (struct netif_link){ "lan0", 3, true, true, true };
	kernel.link[2] = (struct netif_link){ "lan1", 4, true, false, true };
	kernel.link_n = 3;
	kernel.addr[0] = (struct netif_addr){ 1, "", IP(127, 0, 0, 1),
					      0xff000000 };
	kernel.addr[1] = (struct netif_addr){ 2, "wan0", IP(11, 22, 33, 1),
					      0xffffff00 };
	kernel.addr[2] = (struct netif_addr){ 3, "lan0", IP(192, 168, 88, 1),
					      0xffffff00 };
	kernel.addr[3] = (struct netif_addr){ 3, "lan0", IP(192, 168, 89, 1),
					      0xffffff00 };
	kernel.addr[4] = (struct netif_addr){ 4, "lan1", IP(10, 0, 0, 1),
					      0xff000000 };
	kernel.addr_n = 5;
	fault = 0;
	return 0;
}

static void test_all_of_it(void **state)
{
	struct policy p;

	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_int_equal(ifstate.ext_ifindex, 2);
	assert_int_equal(ifstate.ext_ip, IP(11, 22, 33, 1));
	assert_true(ifstate.ext_up && ifstate.ext_running);
	assert_false(ifstate.ext_private);
	assert_int_equal(ifstate.own_n, 5);
	assert_int_equal(ifstate.net_n, 3);
	assert_string_equal(ifstate.net[0].ifname, "lan0");
	assert_int_equal(ifstate.net[0].ifindex, 3);
	assert_int_equal(ifstate.net[1].ifindex, 3);
	assert_int_equal(ifstate.net[1].ip, IP(192, 168, 89, 1));
	assert_int_equal(ifstate.net[2].ifindex, 4);
	assert_true(ifstate_complete(&ifstate, &conf));
	ifstate_policy(&ifstate, &conf, &p);
	assert_int_equal(p.net_n, 3);
	assert_int_equal(p.own_n, 5);
	assert_int_equal(p.net[2].ifindex, 4);
}

static void test_disabled_and_down_are_not_served(void **state)
{
	conf.iface[1].disabled = true;
	kernel.link[2].up = false;
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_int_equal(ifstate.net_n, 0);
	assert_int_equal(ifstate.own_n, 5);	/* still the router's own */
	assert_false(ifstate_complete(&ifstate, &conf)); /* lan1 is down */
	conf.iface[2].disabled = true;
	assert_true(ifstate_complete(&ifstate, &conf));
}

static void test_missing_interfaces(void **state)
{
	kernel.link_n = 0;
	kernel.addr_n = 1;
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_int_equal(ifstate.ext_ifindex, 0);
	assert_int_equal(ifstate.ext_ip, 0);
	assert_int_equal(ifstate.net_n, 0);
}

static void test_private_external_address(void **state)
{
	kernel.addr[1].ip = IP(100, 64, 1, 1);
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_true(ifstate.ext_private);
	assert_int_equal(ifstate_usable_ip(&ifstate, &conf), IP(100, 64, 1, 1));
	conf.refuse_private = 1;
	assert_int_equal(ifstate_usable_ip(&ifstate, &conf), 0);
	conf.iface[0].forced_ip = IP(11, 0, 0, 1);
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_false(ifstate.ext_private);
	assert_int_equal(ifstate_usable_ip(&ifstate, &conf), IP(100, 64, 1, 1));
}

static void test_two_looks_compare(void **state)
{
	struct ifstate other;

	memset(&other, 0xa5, sizeof(other));
	memset(&ifstate, 0x5a, sizeof(ifstate));
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	assert_int_equal(ifstate_read(&conf, &other), 0);
	assert_memory_equal(&ifstate, &other, sizeof(other));
}

static void test_fault_leaves_it_alone(void **state)
{
	assert_int_equal(ifstate_read(&conf, &ifstate), 0);
	fault = -ENOBUFS;
	assert_int_equal(ifstate_read(&conf, &ifstate), -ENOBUFS);
	assert_int_equal(ifstate.ext_ip, IP(11, 22, 33, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup(f, setup)
		T(test_all_of_it),
		T(test_disabled_and_down_are_not_served),
		T(test_missing_interfaces),
		T(test_private_external_address),
		T(test_two_looks_compare),
		T(test_fault_leaves_it_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
