/* SPDX-License-Identifier: ISC */
/* test_addrshare.c - a host's addresses are one client; hosts are several. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/addrshare.h"
#include "tests/unit/addrtest.h"

static const uint8_t mac[6] = { 2, 0, 0x5e, 0, 0x53, 1 };

static void test_a_host_on_the_link_is_its_link_layer_address(void **state)
{
	static const char *const text[] = { "2001:db8::10", "2001:db8::20",
					    "fd00::10", "fe80::10" };
	const struct addr link = addr_link(mac, sizeof(mac));

	for (size_t i = 0; i < 4; i++)
		assert_true(addr_equal(addr_share(addr_of_text(text[i]), link),
				       link));
}

static void test_an_ipv4_address_has_its_own_share(void **state)
{
	const struct addr a = addr_of_text("192.0.2.9");

	assert_true(addr_equal(addr_share(a, addr_link(mac, sizeof(mac))), a));
	assert_true(addr_equal(addr_share(a, (struct addr){ 0 }), a));
}

/* All addresses of a /64 have 16 shares. */
static void test_unknown_hosts_of_a_network_have_few_shares(void **state)
{
	struct addr seen[16], a = addr_of_text("2001:db8::");
	bool there[16] = { false };

	for (unsigned i = 0; i < 65536; i++) {
		struct addr got;

		a.byte[8 + i % 7] = (uint8_t)(i * 31);
		a.byte[15] = (uint8_t)i;
		got = addr_share(a, (struct addr){ 0 });
		if (there[i % 16])
			assert_true(addr_equal(got, seen[i % 16]));
		seen[i % 16] = got;
		there[i % 16] = true;
	}
	for (unsigned i = 1; i < 16; i++)
		assert_false(addr_equal(seen[i], seen[i - 1]));
	assert_false(addr_equal(
		addr_share(addr_of_text("2001:db8:0:1::1"), (struct addr){ 0 }),
		addr_share(addr_of_text("2001:db8::1"), (struct addr){ 0 })));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_a_host_on_the_link_is_its_link_layer_address),
		cmocka_unit_test(test_an_ipv4_address_has_its_own_share),
		cmocka_unit_test(
			test_unknown_hosts_of_a_network_have_few_shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
