/* SPDX-License-Identifier: ISC */
/* test_leaseline1.c - fields of version 1 of the lease file are read, and wrong
 * ones are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "engine/leaseline1.h"
#include "tests/unit/pmtest.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))

static struct leaseline line;

static bool get(const char *z)
{
	return leaseline1_get(str_z(z), &line);
}

static void fields_are_read(void **state)
{
	const struct pm_req *q = &line.req;

	assert_true(get("udp 080 192.168.1.2 8080 203.0.113.9 0 5 6 7 "
			"192.168.1.3  two words "));
	assert_int_equal(q->rule.kind, NAT_PORTMAP);
	assert_int_equal(q->rule.proto, IPPROTO_UDP);
	assert_int_equal(q->rule.ext_port, 80);
	assert_int_equal(line.told_port, 80);
	assert_int_equal(q->rule.int_port, 8080);
	assert_int_equal(addr_to_ip4(q->rule.client), 0xc0a80102);
	assert_int_equal(addr_to_ip4(q->rule.remote), 0xcb007109);
	assert_false(q->enabled);
	assert_int_equal(q->origin, ORIGIN_UPNP);
	assert_int_equal(addr_to_ip4(q->requester), 0xc0a80103);
	assert_int_equal(line.lease.mono_ms, 5);
	assert_int_equal(line.lease.wall_s, 6);
	assert_int_equal(line.lease.left_s, 7);
	assert_string_equal(q->desc, " two words ");
	assert_string_equal(line.note, "");
}

static void operators_mapping_has_no_requester(void **state)
{
	assert_true(get("tcp 80 192.168.1.2 80 * 1 0 0 0 0.0.0.0 "));
	assert_int_equal(line.req.origin, ORIGIN_OPERATOR);
	assert_int_equal(line.req.requester.family, ADDR_NONE);
	assert_int_equal(line.req.rule.remote.family, ADDR_ANY);
	assert_true(line.req.enabled);
	assert_int_equal(line.lease.left_s, 0);
	assert_string_equal(line.req.desc, "");
}

static void wrong_fields_are_refused(void **state)
{
	static const char *const bad[] = {
		"icmp 80 192.168.1.2 80 * 1 0 0 0 192.168.1.2 x",
		"TCP 80 192.168.1.2 80 * 1 0 0 0 192.168.1.2 x",
		" 80 192.168.1.2 80 * 1 0 0 0 192.168.1.2 x",
		"tcp 0 192.168.1.2 80 * 1 0 0 0 192.168.1.2 x",
		"tcp 65536 192.168.1.2 80 * 1 0 0 0 192.168.1.2 x",
		"tcp 4294967376 192.168.1.2 80 * 1 0 0 0 192.168.1.2 x",
		"tcp -80 192.168.1.2 80 * 1 0 0 0 192.168.1.2 x",
		"tcp 80x 192.168.1.2 80 * 1 0 0 0 192.168.1.2 x",
		"tcp 80 192.168.1.256 80 * 1 0 0 0 192.168.1.2 x",
		"tcp 80 0.0.0.0 80 * 1 0 0 0 192.168.1.2 x",
		"tcp 80 * 80 * 1 0 0 0 192.168.1.2 x",
		"tcp 80 2001:db8::1 80 * 1 0 0 0 192.168.1.2 x",
		"tcp 80 192.168.1.2 0 * 1 0 0 0 192.168.1.2 x",
		"tcp 80 192.168.1.2 70000 * 1 0 0 0 192.168.1.2 x",
		"tcp 80 192.168.1.2 80 ** 1 0 0 0 192.168.1.2 x",
		"tcp 80 192.168.1.2 80 host 1 0 0 0 192.168.1.2 x",
		"tcp 80 192.168.1.2 80 * 2 0 0 0 192.168.1.2 x",
		"tcp 80 192.168.1.2 80 * yes 0 0 0 192.168.1.2 x",
		"tcp 80 192.168.1.2 80 *  0 0 0 192.168.1.2 x",
		"tcp 80 192.168.1.2 80 * 1 9000000 1800000000 604801 "
			"192.168.1.2 x",
		"tcp 80 192.168.1.2 80 * 1 9000000 1800000000 0 "
			"192.168.1.2 x",
		"tcp 80 192.168.1.2 80 * 1 0 1800000000 5 192.168.1.2 x",
		"tcp 80 192.168.1.2 80 * 1 99999999999999999999 1800000000 5 "
			"192.168.1.2 x",
		"tcp 80 192.168.1.2 80 * 1 9000000 18446744073709551615 5 "
			"192.168.1.2 x",
		"tcp 80 192.168.1.2 80 * 1 0 0 0 1.2.3 x",
		"tcp 80 192.168.1.2 80 * 1 0 0 0 192.168.1.2 a\tb",
		"tcp 80 192.168.1.2 80 * 1 0 0 0 192.168.1.2 a\x7f" "b",
		"tcp 80 192.168.1.2 80 * 1 0 0 0", "tcp 80", "",
		"proto=tcp port=80 client=192.168.1.2 to=80 origin=operator "
			"desc=",
	};

	for (size_t i = 0; i < N(bad); i++)
		if (get(bad[i]))
			fail_msg("%s", bad[i]);
	assert_true(get("tcp 80 192.168.1.2 80 * 1 0 0 0 192.168.1.2 x"));
}

static void key_is_read(void **state)
{
	static const char *const bad[] = {
		"tcp 80 * x", "tcp 80", "tcp 0 *", "ip 80 *", "",
	};
	struct nat_rule key;

	for (size_t i = 0; i < N(bad); i++)
		assert_false(leaseline1_get_key(str_z(bad[i]), &key));
	assert_true(leaseline1_get_key(STR("udp 80 203.0.113.9"), &key));
	assert_int_equal(key.proto, IPPROTO_UDP);
	assert_int_equal(key.ext_port, 80);
	assert_int_equal(addr_to_ip4(key.remote), 0xcb007109);
	assert_true(leaseline1_get_key(STR("tcp 80 *"), &key));
	assert_int_equal(key.remote.family, ADDR_ANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_read),
		cmocka_unit_test(operators_mapping_has_no_requester),
		cmocka_unit_test(wrong_fields_are_refused),
		cmocka_unit_test(key_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
