/* SPDX-License-Identifier: ISC */
/* addrtest.h - addresses in tests. Include it after cmocka.h. */
#ifndef TESTS_UNIT_ADDRTEST_H
#define TESTS_UNIT_ADDRTEST_H

#include "base/addr.h"

/* Is @addr the IPv4 address @ip, in host order? */
#define assert_ip(addr, ip) \
	assert_string_equal(addr_text(addr).text, addr_text(addr_ip4(ip)).text)

#define assert_no_ip(addr) assert_int_equal((addr).family, ADDR_NONE)

/* An address of either family. */
__attribute__((unused))
static struct addr addr_of_text(const char *text)
{
	struct addr a;

	if (!addr_parse(str_z(text), &a))
		fail_msg("%s", text);
	return a;
}

#endif
