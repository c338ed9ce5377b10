/* SPDX-License-Identifier: ISC */
/* test_nat_rule.c - which fields are part of a rule's key, which records are
 * rules, and which rules are rivals. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "map/nat_rule.h"

static struct nat_rule portmap(void)
{
	return (struct nat_rule){
		.client = addr_ip4(0xc0a80102), .remote = addr_any(),
		.ext_port = 8080, .int_port = 80, .kind = NAT_PORTMAP,
		.proto = IPPROTO_TCP,
	};
}

static struct addr ip6(const char *text)
{
	struct addr a;

	assert_true(addr_parse(str_z(text), &a));
	return a;
}

static struct nat_rule pinhole(void)
{
	struct nat_rule r = portmap();

	r.kind = NAT_PINHOLE;
	r.client = ip6("2001:db8::10");
	r.ext_port = 0;
	return r;
}

static void test_key_is_protocol_port_and_the_remote_socket(void **state)
{
	struct nat_rule a = portmap(), b = a;

	assert_true(nat_rule_same_key(&a, &b));
	b.client.byte[3]++;
	b.int_port++;
	assert_true(nat_rule_same_key(&a, &b));
	b = a;
	b.ext_port++;
	assert_false(nat_rule_same_key(&a, &b));
	b = a;
	b.proto = IPPROTO_UDP;
	assert_false(nat_rule_same_key(&a, &b));
	b = a;
	b.remote = addr_ip4(0x08080808);
	assert_false(nat_rule_same_key(&a, &b));
	a = b;
	b.remote_port = 5060;
	assert_false(nat_rule_same_key(&a, &b));
	assert_false(nat_rule_same_key(&b, &a));
	a.remote_port = 5060;
	assert_true(nat_rule_same_key(&a, &b));
	b = a;
	b.kind = NAT_PINHOLE;
	assert_false(nat_rule_same_key(&a, &b));
}

static void test_port_is_that_which_an_outside_host_sends_to(void **state)
{
	struct nat_rule mapping = portmap(), hole = pinhole();

	mapping.int_port = 8000;
	mapping.ext_port = 40000;
	assert_int_equal(nat_rule_port(&mapping), 40000);
	hole.int_port = 8000;
	assert_int_equal(nat_rule_port(&hole), 8000);
	hole.int_port = 0;
	assert_int_equal(nat_rule_port(&hole), 0);
}

static void test_remote_is_a_host_and_a_port(void **state)
{
	struct nat_rule a = pinhole(), b = a;

	b.client.byte[15]++;
	b.int_port++;
	assert_true(nat_rule_same_remote(&a, &b));
	b.remote_port++;
	assert_false(nat_rule_same_remote(&a, &b));
	b = a;
	b.remote = ip6("2001:db8:1::1");
	assert_false(nat_rule_same_remote(&a, &b));
}

static void assert_other_key(const struct nat_rule *a,
			     const struct nat_rule *b)
{
	assert_false(nat_rule_same_key(a, b));
	assert_false(nat_rule_same_key(b, a));
	assert_false(nat_rule_rivals(a, b));
	assert_false(nat_rule_equal(a, b));
}

/* WANIPv6FirewallControl:1: the five-tuple. */
static void test_the_key_of_a_pinhole_is_its_five_tuple(void **state)
{
	struct nat_rule a = pinhole(), b = a;

	assert_true(nat_rule_same_key(&a, &b));
	assert_true(nat_rule_rivals(&a, &b));
	b.client = ip6("2001:db8::11");
	assert_other_key(&a, &b);
	b = a;
	b.int_port++;
	assert_other_key(&a, &b);
	b = a;
	b.proto = IPPROTO_UDP;
	assert_other_key(&a, &b);
	b = a;
	b.remote = ip6("2001:db8:1::9");
	assert_other_key(&a, &b);
	b = a;
	b.remote_port = 5060;
	assert_other_key(&a, &b);
	for (size_t i = 0; i < sizeof(a.client.byte); i++) {
		b = a;
		b.client.byte[i] ^= 0x80;
		assert_other_key(&a, &b);
	}
}

/* Only one client may have an external port, whatever the remote hosts. */
static void test_mappings_of_one_port_are_rivals(void **state)
{
	struct nat_rule a = portmap(), b = a;

	b.remote = addr_ip4(0x08080808);
	b.client.byte[3]++;
	b.int_port++;
	assert_true(nat_rule_rivals(&a, &b));
	b.remote_port = 5060;
	assert_true(nat_rule_rivals(&a, &b));
	b.ext_port++;
	assert_false(nat_rule_rivals(&a, &b));
	b = a;
	b.proto = IPPROTO_UDP;
	assert_false(nat_rule_rivals(&a, &b));
	b = a;
	b.kind = NAT_PINHOLE;
	assert_false(nat_rule_rivals(&a, &b));
}

static void test_equal_compares_every_field(void **state)
{
	struct nat_rule a = portmap(), b = a;

	assert_true(nat_rule_equal(&a, &b));
	b.client.byte[3]++;
	assert_false(nat_rule_equal(&a, &b));
	b = a;
	b.int_port++;
	assert_false(nat_rule_equal(&a, &b));
	b = a;
	b.ext_port++;
	assert_false(nat_rule_equal(&a, &b));
	b = a;
	b.remote = addr_ip4(0x08080808);
	assert_false(nat_rule_equal(&a, &b));
}

/* Otherwise two records of the same rule might not be equal. */
static void test_unused_bytes_of_an_address_must_be_0(void **state)
{
	struct nat_rule r;

	for (size_t i = 4; i < sizeof(r.client.byte); i++) {
		r = portmap();
		r.client.byte[i] = 1;
		assert_false(nat_rule_sane(&r));
		r = portmap();
		r.remote.byte[i] = 1;
		assert_false(nat_rule_sane(&r));
		r.remote.family = ADDR_IP4;
		assert_false(nat_rule_sane(&r));
		r.remote = addr_ip4(0xc6336409);
		assert_true(nat_rule_sane(&r));
		r.remote.byte[i] = 1;
		assert_false(nat_rule_sane(&r));
	}
}

static void test_addresses_must_have_the_family_of_the_kind(void **state)
{
	struct nat_rule r = pinhole();

	assert_true(nat_rule_sane(&r));
	r.remote = ip6("2001:db8:1::9");
	assert_true(nat_rule_sane(&r));
	r.remote = addr_ip4(0xc6336409);
	assert_false(nat_rule_sane(&r));
	r = pinhole();
	r.client = portmap().client;
	assert_false(nat_rule_sane(&r));
	r = portmap();
	r.remote = ip6("2001:db8:1::9");
	assert_false(nat_rule_sane(&r));
	r = portmap();
	r.client = pinhole().client;
	assert_false(nat_rule_sane(&r));
}

static void test_addresses_must_not_be_unspecified(void **state)
{
	static const uint8_t families[] = { ADDR_NONE, ADDR_ANY, 4, 255 };
	struct nat_rule r;

	for (size_t i = 0; i < sizeof(families); i++) {
		r = portmap();
		r.client.family = families[i];
		assert_false(nat_rule_sane(&r));
		r.client = (struct addr){ families[i] };
		assert_false(nat_rule_sane(&r));
		r = pinhole();
		r.client = (struct addr){ families[i] };
		assert_false(nat_rule_sane(&r));
		r = portmap();
		r.remote.family = families[i];
		assert_int_equal(nat_rule_sane(&r), families[i] == ADDR_ANY);
	}
	r = portmap();
	r.client = addr_ip4(0);
	assert_false(nat_rule_sane(&r));
	r = portmap();
	r.remote = addr_ip4(0);
	assert_false(nat_rule_sane(&r));
	r = pinhole();
	r.client = ip6("::");
	assert_false(nat_rule_sane(&r));
	r = pinhole();
	r.remote = ip6("::");
	assert_false(nat_rule_sane(&r));
}

static void test_kind_and_protocol_must_be_known(void **state)
{
	struct nat_rule r;
	unsigned v;

	for (v = 0; v < 256; v++) {
		r = portmap();
		r.kind = (uint8_t)v;
		assert_int_equal(nat_rule_sane(&r), v == NAT_PORTMAP);
		r = pinhole();
		r.kind = (uint8_t)v;
		assert_int_equal(nat_rule_sane(&r), v == NAT_PINHOLE);
		r = portmap();
		r.proto = (uint8_t)v;
		assert_int_equal(nat_rule_sane(&r), v == 6 || v == 17);
		r = pinhole();
		r.proto = (uint8_t)v;
		assert_int_equal(nat_rule_sane(&r), v == 6 || v == 17 ||
				 v == 33 || v == 132 || v == 136);
	}
	assert_false(nat_rule_has_proto(NAT_PINHOLE, 65535));
	assert_false(nat_rule_has_proto(NAT_PINHOLE, 256 + 6));
}

static void test_ports_of_a_mapping_must_not_be_0(void **state)
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
	r.remote = addr_ip4(0xffffffff);
	assert_true(nat_rule_sane(&r));
}

static void test_each_kind_has_its_own_ports(void **state)
{
	struct nat_rule r = portmap();

	r.remote_port = 1;
	assert_false(nat_rule_sane(&r));
	r.remote = addr_ip4(0xc6336409);
	assert_true(nat_rule_sane(&r));
	r.remote_port = 65535;
	assert_true(nat_rule_sane(&r));
	r = pinhole();
	r.remote_port = 1;
	assert_true(nat_rule_sane(&r));
	r.ext_port = 1;
	assert_false(nat_rule_sane(&r));
	r = pinhole();
	r.int_port = 0;		/* every port: the policy decides */
	assert_true(nat_rule_sane(&r));
}

static void test_protocols_have_names(void **state)
{
	assert_string_equal(nat_rule_proto(IPPROTO_TCP), "tcp");
	static const char *const names[] = { "tcp", "udp", "dccp", "sctp",
					     "udplite" };
	uint8_t proto;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_true(nat_rule_proto_get(str_z(names[i]), &proto));
		assert_true(nat_rule_has_proto(NAT_PINHOLE, proto));
		assert_string_equal(nat_rule_proto(proto), names[i]);
	}
	assert_false(nat_rule_proto_get(STR("icmp"), &proto));
	assert_false(nat_rule_proto_get(STR(""), &proto));
	assert_string_equal(nat_rule_proto(IPPROTO_UDP), "udp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_is_protocol_port_and_the_remote_socket),
		cmocka_unit_test(
			test_port_is_that_which_an_outside_host_sends_to),
		cmocka_unit_test(test_remote_is_a_host_and_a_port),
		cmocka_unit_test(test_the_key_of_a_pinhole_is_its_five_tuple),
		cmocka_unit_test(test_mappings_of_one_port_are_rivals),
		cmocka_unit_test(test_equal_compares_every_field),
		cmocka_unit_test(
			test_unused_bytes_of_an_address_must_be_0),
		cmocka_unit_test(
			test_addresses_must_have_the_family_of_the_kind),
		cmocka_unit_test(test_addresses_must_not_be_unspecified),
		cmocka_unit_test(test_kind_and_protocol_must_be_known),
		cmocka_unit_test(test_ports_of_a_mapping_must_not_be_0),
		cmocka_unit_test(test_each_kind_has_its_own_ports),
		cmocka_unit_test(test_protocols_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
