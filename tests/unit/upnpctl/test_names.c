/* SPDX-License-Identifier: ISC */
/*
 * test_names.c - names of hosts are read from hosts files and from the leases
 * of three DHCP servers, and what a client could misuse is left out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/limits.h"
#include "upnpctl/names.h"

static struct names names;

static int tear_down(void **state)
{
	names_free(&names);
	return 0;
}

static const char *of(const char *address)
{
	const char *name;
	struct addr a;

	assert_true(addr_parse(str_z(address), &a));
	name = names_of(&names, a);
	return name ? name : "";
}

static void test_hosts(void **state)
{
	names_add_hosts(&names, STR(
		"# comment 192.168.88.9 no\n"
		"127.0.0.1 localhost\n"
		"0.0.0.0\tads.example\n"
		"\n"
		"  192.168.88.10\tlaptop.lan laptop # mine\n"
		"192.168.88.11 nas.lan\n"
		"192.168.88.10 second\n"
		"2001:db8::5 phone\n"
		"# br-lan 00030001 deadbeef phone 1700000000 5 128\n"
		"192.168.88.12\n"
		"192.168.88 short\n"
		"::1 ip6-localhost\n"
		"192.168.88.13 last"));
	assert_string_equal(of("192.168.88.10"), "laptop");
	assert_string_equal(of("192.168.88.11"), "nas.lan");
	assert_string_equal(of("2001:db8::5"), "phone");
	assert_string_equal(of("192.168.88.13"), "last");
	assert_int_equal(names.n, 4);
}

static void test_dnsmasq(void **state)
{
	names_add_leases(&names, STR(
		"1700000000 00:11:22:33:44:55 192.168.88.10 laptop 01:00\n"
		"1700000000 00:11:22:33:44:56 192.168.88.11 * *\n"
		"duid 00:01:00:01\n"
		"1700000000 12345 2001:db8::5 phone 00:01\n"
		"x\n"));
	assert_string_equal(of("192.168.88.10"), "laptop");
	assert_string_equal(of("192.168.88.11"), "");
	assert_string_equal(of("2001:db8::5"), "phone");
	assert_int_equal(names.n, 2);
}

static void test_udhcpd(void **state)
{
	char data[8 + 3 * 36] = { 0 };
	char *lease = data + 8;

	memcpy(lease + 4, "\xc0\xa8\x58\x0a", 4);
	memcpy(lease + 14, "laptop", 6);
	memcpy(lease + 36 + 4, "\xc0\xa8\x58\x0b", 4);
	memcpy(lease + 36 + 14, "12345678901234567890", 20);
	memcpy(lease + 36 + 34, "zz", 2);	/* padding */
	memcpy(lease + 72 + 4, "\xc0\xa8\x58\x0c", 4);
	memcpy(lease + 72 + 14, "cut", 3);
	names_add_udhcpd(&names, (struct str){ data, sizeof(data) - 1 });
	assert_string_equal(of("192.168.88.10"), "laptop");
	assert_string_equal(of("192.168.88.11"), "12345678901234567890");
	assert_string_equal(of("192.168.88.12"), "");
	names_add_udhcpd(&names, STR("short"));
	names_add_udhcpd(&names, STR(""));
	assert_int_equal(names.n, 2);
}

/* A client chooses its name. */
static void test_strange_names_are_left_out(void **state)
{
	char line[128];

	names_add_leases(&names, STR(
		"1 m 192.168.88.10 \033[31mred *\n"
		"1 m 192.168.88.11 a\"b *\n"
		"1 m 192.168.88.12 \xe2\x80\xae *\n"));
	snprintf(line, sizeof(line), "192.168.88.13 %064d\n", 1);
	names_add_hosts(&names, str_z(line));
	assert_int_equal(names.n, 0);
	snprintf(line, sizeof(line), "192.168.88.13 %063d\n", 1);
	names_add_hosts(&names, str_z(line));
	assert_int_equal(names.n, 1);
}

static void test_number_of_names_is_limited(void **state)
{
	char line[64];

	for (unsigned i = 0; i < NAMES_MAX + 10; i++) {
		snprintf(line, sizeof(line), "10.1.%u.%u h%u\n", i / 200,
			 1 + i % 200, i);
		names_add_hosts(&names, str_z(line));
	}
	assert_int_equal(names.n, NAMES_MAX);
	assert_string_equal(of("10.1.1.1"), "h200");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_hosts, tear_down),
		cmocka_unit_test_teardown(test_dnsmasq, tear_down),
		cmocka_unit_test_teardown(test_udhcpd, tear_down),
		cmocka_unit_test_teardown(test_strange_names_are_left_out,
					  tear_down),
		cmocka_unit_test_teardown(test_number_of_names_is_limited,
					  tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
