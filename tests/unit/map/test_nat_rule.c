/* SPDX-License-Identifier: ISC */
/* test_nat_rule.c - each field's part in key, equality and sanity. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "map/nat_rule.h"

_Static_assert(sizeof(struct nat_rule) == 40, "no padding: it is sent as is");

static struct nat_rule portmap(void)
{
	struct nat_rule r;

	memset(&r, 0, sizeof(r));
	r.client.ip = 0xc0a80102;
	r.ext_port = 8080;
	r.int_port = 80;
	r.kind = NAT_PORTMAP;
	r.proto = IPPROTO_TCP;
	return r;
}

static struct nat_rule pinhole(void)
{
	struct nat_rule r = portmap();

	memset(&r.client, 0, sizeof(r.client));
	r.kind = NAT_PINHOLE;
	r.client.ip6[15] = 1;
	return r;
}

static void test_key(void **state)
{
	struct nat_rule a = portmap(), b = a;

	assert_true(nat_rule_same_key(&a, &b));
	b.client.ip++;
	b.int_port++;
	assert_true(nat_rule_same_key(&a, &b));
	b = a;
	b.ext_port++;
	assert_false(nat_rule_same_key(&a, &b));
	b = a;
	b.proto = IPPROTO_UDP;
	assert_false(nat_rule_same_key(&a, &b));
	b = a;
	b.remote.ip = 0x08080808;
	assert_false(nat_rule_same_key(&a, &b));
	b = a;
	b.kind = NAT_PINHOLE;
	assert_false(nat_rule_same_key(&a, &b));
}

static void test_equal(void **state)
{
	struct nat_rule a = portmap(), b = a;

	assert_true(nat_rule_equal(&a, &b));
	b.client.ip++;
	assert_false(nat_rule_equal(&a, &b));
	b = a;
	b.int_port++;
	assert_false(nat_rule_equal(&a, &b));
	b = a;
	b.ext_port++;
	assert_false(nat_rule_equal(&a, &b));
	b = a;
	b.zero[1] = 1;
	assert_false(nat_rule_equal(&a, &b));
}

/* A compiler may leave the rest of a union alone when an initialiser names
 * ip: that must not make two rules differ. */
static void test_rest_of_ipv4(void **state)
{
	struct nat_rule a = portmap(), b = a;

	b.client.ip6[15] = b.remote.ip6[4] = 0xaa;
	assert_true(nat_rule_same_key(&a, &b));
	assert_true(nat_rule_equal(&a, &b));
	b.client.ip = 0;
	assert_false(nat_rule_sane(&b));
}

static void test_all_of_ipv6(void **state)
{
	struct nat_rule a = pinhole(), b;
	int i;

	for (i = 0; i < 16; i++) {
		b = a;
		b.remote.ip6[i] ^= 0x80;
		assert_false(nat_rule_same_key(&a, &b));
		b = a;
		b.client.ip6[i] ^= 0x80;
		assert_true(nat_rule_same_key(&a, &b));
		assert_false(nat_rule_equal(&a, &b));
		memset(&b.client, 0, sizeof(b.client));
		assert_false(nat_rule_sane(&b));
		b.client.ip6[i] = 1;
		assert_true(nat_rule_sane(&b));
	}
}

static void test_sane_bytes(void **state)
{
	struct nat_rule r;
	unsigned v;

	for (v = 0; v < 256; v++) {
		r = portmap();
		r.kind = (uint8_t)v;
		assert_int_equal(nat_rule_sane(&r), v == 1 || v == 2);
		r = portmap();
		r.proto = (uint8_t)v;
		assert_int_equal(nat_rule_sane(&r), v == 6 || v == 17);
		r = portmap();
		r.zero[0] = (uint8_t)v;
		assert_int_equal(nat_rule_sane(&r), v == 0);
		r = portmap();
		r.zero[1] = (uint8_t)v;
		assert_int_equal(nat_rule_sane(&r), v == 0);
	}
}

static void test_sane_ports(void **state)
{
	struct nat_rule r = portmap();

	r.ext_port = 0;
	assert_false(nat_rule_sane(&r));
	r.ext_port = 65535;
	r.int_port = 0;
	assert_false(nat_rule_sane(&r));
	r.int_port = 65535;
	assert_true(nat_rule_sane(&r));
	r.ext_port = r.int_port = 1;
	r.remote.ip = 0xffffffff;
	assert_true(nat_rule_sane(&r));
}

static void test_proto(void **state)
{
	assert_string_equal(nat_rule_proto(IPPROTO_TCP), "tcp");
	assert_string_equal(nat_rule_proto(IPPROTO_UDP), "udp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_rest_of_ipv4),
		cmocka_unit_test(test_all_of_ipv6),
		cmocka_unit_test(test_sane_bytes),
		cmocka_unit_test(test_sane_ports),
		cmocka_unit_test(test_proto),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
