/* SPDX-License-Identifier: ISC */
/*
 * test_pick.c - interfaces are selected by number, name or [find ...], and an
 * unknown one is refused. cmd_fail() and the kernel's links are fakes
 * in this file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "conf/conf.h"
#include "sys/netif.h"
#include "upnpctl/ifacelist.h"
#include "upnpctl/pick.h"
#include "tests/unit/upnpctl/failtest.h"

bool __wrap_netif_is_there(const char *name);
bool __wrap_netif_is_there(const char *name)
{
	return strcmp(name, "tun0") != 0;
}

static struct conf conf;

static int set_up(void **state)
{
	conf_defaults(&conf);
	conf.iface_n = 4;
	conf.iface[0] = (struct conf_iface){ "wan0", CONF_EXTERNAL, false,
					     addr_ip4(0xcb007107) };
	conf.iface[1] = (struct conf_iface){ "lan0", CONF_INTERNAL };
	conf.iface[2] = (struct conf_iface){ "tun0", CONF_INTERNAL, true };
	conf.iface[3] = (struct conf_iface){ "2", CONF_INTERNAL };
	return 0;
}

static int pick(const char *items, uint32_t *mask)
{
	struct list l = ifacelist(&conf);
	bool chosen[CONF_IFACES_MAX + 1] = { false };
	int status = pick_items(&l, str_z(items), false, chosen);

	for (size_t i = 0; i < l.n; i++)
		*mask |= (uint32_t)chosen[i] << i;
	return status;
}

/* Return: the interfaces that @items selects, a bit each */
static uint32_t picked(const char *items)
{
	uint32_t mask = 0;

	stderr_text[0] = '\0';
	assert_int_equal(pick(items, &mask), CMD_OK);
	assert_string_equal(stderr_text, "");
	return mask;
}

#define REFUSED(items, why) do {					\
		uint32_t mask = 0;					\
		assert_int_equal(pick(items, &mask), CMD_USAGE);	\
		assert_string_equal(stderr_text, why);			\
	} while (0)

static void test_numbers_and_names(void **state)
{
	assert_int_equal(picked("0"), 1);
	assert_int_equal(picked("3"), 8);
	assert_int_equal(picked("lan0"), 2);
	assert_int_equal(picked("0,lan0"), 3);
	assert_int_equal(picked("tun0, 0"), 5);
	assert_int_equal(picked("0,0,wan0"), 1);
}

static void test_ranges_of_numbers(void **state)
{
	assert_int_equal(picked("0-3"), 15);
	assert_int_equal(picked("1-1"), 2);
	assert_int_equal(picked("0,1-3"), 15);
}

/* A name takes precedence over a number; otherwise that interface could not be
 * selected. */
static void test_interface_may_have_a_number_as_its_name(void **state)
{
	assert_int_equal(picked("2"), 8);
	assert_int_equal(picked("2-2"), 4);
}

#define THERE_ARE "; there are: 0 wan0, 1 lan0, 2 tun0, 3 2"

static void test_an_unknown_interface_is_refused(void **state)
{
	REFUSED("4", "there is no interface number 4" THERE_ARE);
	REFUSED("1-4", "there is no interface number 1-4" THERE_ARE);
	REFUSED("3-1", "there is no interface 3-1" THERE_ARE);
	REFUSED("1-", "there is no interface 1-" THERE_ARE);
	REFUSED("-1", "there is no interface -1" THERE_ARE);
	REFUSED("ether1", "there is no interface ether1" THERE_ARE);
	REFUSED("0,,1", "an empty text is no interface; example: 0");
	REFUSED("4294967295", "there is no interface number 4294967295"
		THERE_ARE);
}

static void test_without_interfaces_the_error_says_how_to_add_one(void **state)
{
	conf.iface_n = 0;
	REFUSED("0", "there is no interface number 0; there are none; add it: "
		"interfaces add interface=NAME type=internal");
}

static void test_find_by_property(void **state)
{
	assert_int_equal(picked("[find type=internal]"), 14);
	assert_int_equal(picked("[find where type=internal]"), 14);
	assert_int_equal(picked("[find type!=internal]"), 1);
	assert_int_equal(picked("[find interface=lan0]"), 2);
	assert_int_equal(picked("[find disabled]"), 4);
	assert_int_equal(picked("[find !disabled]"), 11);
	assert_int_equal(picked("[find disabled=no]"), 11);
	assert_int_equal(picked("[find invalid]"), 4);
	assert_int_equal(picked("[find !invalid]"), 11);
	assert_int_equal(picked("[find dynamic]"), 0);
	assert_int_equal(picked("[find forced-ip=203.0.113.7]"), 1);
	assert_int_equal(picked("[find]"), 15);
}

static void test_all_terms_must_be_true(void **state)
{
	assert_int_equal(picked("[find type=internal disabled=no]"), 10);
	assert_int_equal(picked("[find type=internal and !disabled]"), 10);
	assert_int_equal(picked("[find type=external disabled]"), 0);
	assert_int_equal(picked("[find disabled type=internal]"), 4);
}

static void test_or_separates_groups_of_terms(void **state)
{
	assert_int_equal(picked("[find type=external or disabled]"), 5);
	assert_int_equal(picked("[find disabled or type=internal interface=2]"),
			 12);
	assert_int_equal(picked("[find interface~LAN or interface=2]"), 10);
}

static void test_an_invalid_find_is_refused(void **state)
{
	REFUSED("[find colour=red]", "interfaces have no property \"colour\"; "
		"they have interface, type, forced-ip, network, disabled, "
		"invalid, dynamic, active");
	REFUSED("[find i=lan0]", "interfaces have several properties that "
		"begin with \"i\"; they have interface, type, forced-ip, "
		"network, disabled, invalid, dynamic, active");
	REFUSED("[find typo=internal]", "interfaces have no property "
		"\"typo\"; did you mean type?");
	REFUSED("[find disabled=maybe]", "disabled is \"maybe\"; it takes yes "
		"or no");
	REFUSED("[find type>3]", "type is not a number; use =, != or ~");
	REFUSED("[fund type=internal]", "\"[fund type=internal]\" is not "
		"[find ...]");
	REFUSED("[find and type=internal]", "interfaces have no property "
		"\"and\"; they have interface, type, forced-ip, network, "
		"disabled, invalid, dynamic, active");
}

#define TEST(t) cmocka_unit_test_setup(t, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_numbers_and_names),
		TEST(test_ranges_of_numbers),
		TEST(test_interface_may_have_a_number_as_its_name),
		TEST(test_an_unknown_interface_is_refused),
		TEST(test_without_interfaces_the_error_says_how_to_add_one),
		TEST(test_find_by_property),
		TEST(test_all_terms_must_be_true),
		TEST(test_or_separates_groups_of_terms),
		TEST(test_an_invalid_find_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
