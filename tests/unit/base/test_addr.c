/* SPDX-License-Identifier: ISC */
/* test_addr.c - addresses and networks of both families. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include "base/addr.h"

static struct addr a(const char *text)
{
	struct addr ret;

	if (!addr_parse(str_z(text), &ret))
		fail_msg("%s", text);
	return ret;
}

static struct addr_net net(const char *text)
{
	struct addr_net ret;

	if (!addr_net_parse(str_z(text), &ret))
		fail_msg("%s", text);
	return ret;
}

static const char *text_of(struct addr addr)
{
	static struct addr_text t;

	t = addr_text(addr);
	return t.text;
}

static const char *net_text(const char *in)
{
	static char buf[ADDR_NET_TEXT_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	struct addr_net n = net(in);

	addr_net_write(&w, &n);
	assert_false(w.over);
	return wr_cstr(&w);
}

static void test_what_is_read_is_written_in_the_standard_form(void **state)
{
	static const char *const pair[][2] = {
		{ "192.168.88.1", "192.168.88.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
		{ "2001:db8::0:1", "2001:db8::1" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "fe80::1234:0:0:5678", "fe80::1234:0:0:5678" },
		{ "0:0:0:1:0:0:0:1", "::1:0:0:0:1" },
		{ "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};

	for (size_t i = 0; i < sizeof(pair) / sizeof(*pair); i++)
		assert_string_equal(text_of(a(pair[i][0])), pair[i][1]);
	assert_string_equal(text_of(addr_any()), "*");
	assert_string_equal(text_of((struct addr){ 0 }), "-");
}

static void test_what_is_no_address_is_refused(void **state)
{
	static const char *const bad[] = {
		"", " ", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256",
		"1.2.3.4 ", ":", ":::", "1::2::3", "12345::", "g::",
		"1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "[::1]", "fe80::1%eth0",
		"::1/64", "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555",
	};
	struct addr got = a("192.0.2.1");

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (addr_parse(str_z(bad[i]), &got))
			fail_msg("%s", bad[i]);
	assert_false(addr_parse((struct str){ "::1\0", 4 }, &got));
	assert_false(addr_parse((struct str){ NULL, 0 }, &got));
	assert_string_equal(text_of(got), "192.0.2.1");	/* not touched */
}

/* The slice is not NUL-terminated. */
static void test_only_the_slice_is_read(void **state)
{
	struct addr got;

	assert_true(addr_parse((struct str){ "10.0.0.123", 8 }, &got));
	assert_string_equal(text_of(got), "10.0.0.1");
	assert_true(addr_parse((struct str){ "fe80::12", 7 }, &got));
	assert_string_equal(text_of(got), "fe80::1");
}

static void test_the_number_of_an_ipv4_address_is_in_host_order(void **state)
{
	assert_int_equal(addr_to_ip4(a("192.168.88.1")), 0xc0a85801);
	assert_true(addr_equal(addr_ip4(0xc0a85801), a("192.168.88.1")));
	assert_int_equal(addr_to_ip4(a("c0a8:5801::")), 0);
	assert_int_equal(addr_to_ip4(addr_any()), 0);
}

/* 0.0.0.0 is an address; "none" and "any" are none. */
static void test_none_any_and_unspecified_are_three_things(void **state)
{
	const struct addr none = { 0 };

	assert_false(addr_is_set(none));
	assert_false(addr_is_set(addr_any()));
	assert_true(addr_is_set(a("0.0.0.0")));
	assert_false(addr_is_unspecified(none));
	assert_false(addr_is_unspecified(addr_any()));
	assert_true(addr_is_unspecified(a("0.0.0.0")));
	assert_true(addr_is_unspecified(a("::")));
	assert_false(addr_is_unspecified(a("::1")));
	assert_false(addr_equal(none, addr_any()));
	assert_false(addr_equal(a("0.0.0.0"), a("::")));
	assert_true(addr_matches(addr_any(), a("::1")));
	assert_true(addr_matches(a("::1"), a("::1")));
	assert_false(addr_matches(a("::1"), a("::2")));
	assert_false(addr_matches(none, a("::1")));
}

static void test_order_is_by_family_then_by_number(void **state)
{
	assert_true(addr_compare(a("9.0.0.0"), a("10.0.0.0")) < 0);
	assert_true(addr_compare(a("200.0.0.0"), a("10.0.0.0")) > 0);
	assert_true(addr_compare(a("255.255.255.255"), a("::")) < 0);
	assert_true(addr_compare(a("::2"), a("::10")) < 0);
	assert_int_equal(addr_compare(a("::2"), a("::2")), 0);
}

static void test_a_network_holds_what_shares_its_bits(void **state)
{
	static const struct {
		const char *net, *addr;
		bool in;
	} t[] = {
		{ "192.168.88.0/24", "192.168.88.255", true },
		{ "192.168.88.7/24", "192.168.88.1", true },
		{ "192.168.88.0/24", "192.168.89.0", false },
		{ "192.168.88.0/23", "192.168.89.0", true },
		{ "192.168.88.0/21", "192.168.96.0", false },
		{ "10.0.0.1/32", "10.0.0.1", true },
		{ "10.0.0.1", "10.0.0.2", false },
		{ "0.0.0.0/0", "203.0.113.9", true },
		{ "0.0.0.0/0", "::", false },
		{ "::/0", "203.0.113.9", false },
		{ "::/0", "2001:db8::1", true },
		{ "2001:db8::/32", "2001:db8:ffff::", true },
		{ "2001:db8::/33", "2001:db8:8000::", false },
		{ "2001:db8::1/127", "2001:db8::", true },
		{ "2001:db8::1/128", "2001:db8::", false },
	};
	struct addr_net n;

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		n = net(t[i].net);
		if (addr_in(&n, a(t[i].addr)) != t[i].in)
			fail_msg("%s in %s", t[i].addr, t[i].net);
		assert_false(addr_in(&n, (struct addr){ 0 }));
		assert_false(addr_in(&n, addr_any()));
	}
	n = (struct addr_net){ a("10.0.0.0"), 33 };	/* not a network */
	assert_false(addr_in(&n, a("10.0.0.0")));
	n = (struct addr_net){ addr_any(), 0 };
	assert_false(addr_in(&n, addr_any()));
}

static void test_networks_that_overlap(void **state)
{
	static const struct {
		const char *a, *b;
		bool overlap;
	} row[] = {
		{ "10.0.0.0/8", "10.1.0.0/16", true },
		{ "10.1.0.7/16", "10.1.200.0/24", true },
		{ "10.0.0.0/16", "10.1.0.0/16", false },
		{ "0.0.0.0/0", "192.0.2.1", true },
		{ "::/0", "192.0.2.1", false },
		{ "fe00::/7", "fe80::/10", true },
	};
	struct addr_net x, y;

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		assert_true(addr_net_parse(str_z(row[i].a), &x) &&
			    addr_net_parse(str_z(row[i].b), &y));
		assert_int_equal(addr_net_overlap(&x, &y), row[i].overlap);
		assert_int_equal(addr_net_overlap(&y, &x), row[i].overlap);
	}
}

static void test_ends_of_a_network(void **state)
{
	struct addr_net n = net("192.168.88.7/21");

	assert_string_equal(text_of(addr_net_first(&n)), "192.168.88.0");
	assert_string_equal(text_of(addr_net_last(&n)), "192.168.95.255");
	n = net("2001:db8::7/127");
	assert_string_equal(text_of(addr_net_first(&n)), "2001:db8::6");
	assert_string_equal(text_of(addr_net_last(&n)), "2001:db8::7");
	n = net("::/0");
	assert_string_equal(text_of(addr_net_last(&n)),
			    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void test_networks_are_written_without_host_bits(void **state)
{
	static const char *const bad[] = {
		"", "/", "10.0.0.0/", "/8", "10.0.0.0/33", "10.0.0.0/-1",
		"10.0.0.0/8/8", "::/129", "::/", "10.0.0/8", "10.0.0.0 /8",
	};
	struct addr_net got;

	assert_string_equal(net_text("192.168.88.7/24"), "192.168.88.0/24");
	assert_string_equal(net_text("10.1.2.3"), "10.1.2.3/32");
	assert_string_equal(net_text("2001:db8::9/64"), "2001:db8::/64");
	assert_string_equal(net_text("::1"), "::1/128");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (addr_net_parse(str_z(bad[i]), &got))
			fail_msg("%s", bad[i]);
}

static void test_which_addresses_a_host_can_have(void **state)
{
	static const char *const no[] = {
		"0.0.0.0", "0.255.255.255", "127.0.0.1", "224.0.0.1",
		"239.255.255.250", "240.0.0.0", "255.255.255.255", "::",
		"::1", "ff02::1", "::ffff:192.0.2.1",
	};
	static const char *const yes[] = {
		"1.0.0.0", "126.255.255.255", "128.0.0.0", "223.255.255.255",
		"::2", "2001:db8::1", "fe80::1", "fd00::1", "::fffe:c000:201",
	};

	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		if (addr_is_host(a(no[i])))
			fail_msg("%s", no[i]);
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		if (!addr_is_host(a(yes[i])))
			fail_msg("%s", yes[i]);
	assert_false(addr_is_host(addr_any()));
	assert_false(addr_is_host((struct addr){ 0 }));
}

static void test_which_addresses_the_internet_does_not_route(void **state)
{
	static const char *const yes[] = {
		"10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255",
		"192.168.0.0", "100.64.0.0", "100.127.255.255", "169.254.1.1",
		"192.0.0.0", "192.0.0.7", "fc00::", "fdff::1", "fe80::1",
		"febf::1",
	};
	static const char *const no[] = {
		"9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0",
		"192.167.255.255", "192.169.0.0", "100.63.255.255",
		"100.128.0.0", "191.255.255.255", "192.0.0.8", "203.0.113.1",
		"fbff::", "fe00::", "fec0::", "2001:db8::1",
	};

	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		if (!addr_is_private(a(yes[i])))
			fail_msg("%s", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		if (addr_is_private(a(no[i])))
			fail_msg("%s", no[i]);
}

static void test_link_local_addresses_need_an_interface(void **state)
{
	assert_true(addr_is_link_local(a("fe80::")));
	assert_true(addr_is_link_local(a("febf::1")));
	assert_false(addr_is_link_local(a("fe7f::1")));
	assert_false(addr_is_link_local(a("fec0::1")));
	assert_false(addr_is_link_local(a("ff02::1")));
	assert_false(addr_is_link_local(a("254.128.0.1")));
	assert_false(addr_is_link_local((struct addr){ 0 }));
	assert_int_equal(addr_kind(a("fe80::1")), ADDR_KIND_LINK_LOCAL);
	assert_int_equal(addr_kind(a("fc00::1")), ADDR_KIND_UNIQUE_LOCAL);
	assert_int_equal(addr_kind(a("fdff::1")), ADDR_KIND_UNIQUE_LOCAL);
	assert_int_equal(addr_kind(a("fbff::1")), ADDR_KIND_GLOBAL);
	assert_int_equal(addr_kind(a("2001:db8::1")), ADDR_KIND_GLOBAL);
	assert_int_equal(addr_kind(a("252.0.0.1")), ADDR_KIND_IP4);
}

static void test_a_sockaddr_and_back(void **state)
{
	struct sockaddr_storage ss;
	struct sockaddr_in6 in6;
	socklen_t n;
	uint16_t port;

	memset(&ss, 0xff, sizeof(ss));
	n = addr_to_sockaddr(a("192.0.2.7"), 1900, 3, &ss);
	assert_int_equal(n, sizeof(struct sockaddr_in));
	assert_string_equal(text_of(addr_from_sockaddr(&ss, n, &port)),
			    "192.0.2.7");
	assert_int_equal(port, 1900);
	n = addr_to_sockaddr(a("fe80::7"), 5351, 3, &ss);
	assert_int_equal(n, sizeof(in6));
	memcpy(&in6, &ss, sizeof(in6));
	assert_int_equal(in6.sin6_scope_id, 3);
	assert_int_equal(in6.sin6_flowinfo, 0);
	assert_string_equal(text_of(addr_from_sockaddr(&ss, n, &port)),
			    "fe80::7");
	assert_int_equal(port, 5351);
	assert_int_equal(addr_from_sockaddr(&ss, n - 1, NULL).family,
			 ADDR_NONE);
	assert_int_equal(addr_from_sockaddr(&ss, 1, &port).family, ADDR_NONE);
	assert_int_equal(port, 0);
	assert_int_equal(addr_to_sockaddr(addr_any(), 1, 0, &ss), 0);
	assert_int_equal(addr_to_sockaddr((struct addr){ 0 }, 1, 0, &ss), 0);
}

static void test_an_ipv4_peer_of_an_ipv6_socket_is_ipv4(void **state)
{
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(a("::ffff:192.0.2.7"), 9, 0, &ss);

	assert_true(addr_equal(addr_from_sockaddr(&ss, n, NULL),
			       a("192.0.2.7")));
}

static void test_hosts_of_urls(void **state)
{
	static const char *const good[][3] = {
		/* read, the host as it is written, the port */
		{ "192.0.2.1", "192.0.2.1", "" },
		{ "192.0.2.1:", "192.0.2.1", "" },
		{ "192.0.2.1:80", "192.0.2.1", "80" },
		{ "192.0.2.1:80:9", "192.0.2.1", "80:9" },
		{ "[2001:DB8::1]", "[2001:db8::1]", "" },
		{ "[2001:db8::1]:", "[2001:db8::1]", "" },
		{ "[2001:db8::1]:80", "[2001:db8::1]", "80" },
		/* a zone of the host that wrote it: Linux, Windows */
		{ "[fe80::1%25lo]", "[fe80::1]", "" },
		{ "[fe80::1%br-lan.7]:80", "[fe80::1]", "80" },
		{ "[fe80::1%25]:80", "[fe80::1]", "80" },
		{ "[febf::1%123456789012345678901234567890123456789012345678]",
		  "[febf::1]", "" },
	};
	static const char *const bad[] = {
		"", ":80", "2001:db8::1", "::1", "[192.0.2.1]", "[192.0.2.1]:1",
		"[2001:db8::1", "[2001:db8::1]80", "[2001:db8::1]]", "[]",
		"[2001:db8::1%25lo]", "[fd00::1%lo]", "[fe80::1%]", "[%lo]",
		"[fe80::1%l o]", "[fe80::1%\x7f]", "[fe80::1%\xc3\xa4]",
		"[fe80::1%1234567890123456789012345678901234567890123456789]",
		"[fec0::1%lo]", "fe80::1%lo", "192.0.2.1%lo", "[192.0.2.1%lo]",
		"[", "router", "192.0.2.1]", "192.0.2.1 :80",
	};
	char buf[ADDR_NET_TEXT_MAX];
	struct addr got;
	struct str s;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct wr w = wr_init(buf, sizeof(buf));

		s = str_z(good[i][0]);
		assert_true(addr_host_parse(&s, &got));
		assert_true(str_eq(s, str_z(good[i][2])));
		addr_host_write(&w, got);
		assert_string_equal(wr_cstr(&w), good[i][1]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s = str_z(bad[i]);
		if (addr_host_parse(&s, &got))
			fail_msg("%s", bad[i]);
		assert_int_equal(s.n, strlen(bad[i]));
	}
}

/* ---- as libc writes them ------------------------------------------------ */

/* Each choice of groups that are zero, but that of an IPv4-compatible address,
 * of which libcs differ. Of two equal runs of zeros musl does not shorten the
 * first, as RFC 5952, 4.2.3, demands, if the address begins with it. */
#ifdef __GLIBC__
#define FIRST_MASK 4
#else
#define FIRST_MASK 0x80
#endif

static void test_as_inet_ntop(void **state)
{
	char want[INET6_ADDRSTRLEN];

	for (unsigned mask = FIRST_MASK; mask < 256; mask++) {
		uint8_t byte[16] = { 0 };

		for (unsigned i = 0; i < 8; i++)
			if (mask >> (7 - i) & 1)
				byte[2 * i + i % 2] = (uint8_t)(0xa0 >> i);
		assert_non_null(inet_ntop(AF_INET6, byte, want, sizeof(want)));
		assert_string_equal(addr_text(addr_ip6(byte)).text, want);
	}
	assert_string_equal(addr_text(addr_ip4(0xc0a80100)).text,
			    "192.168.1.0");
	assert_string_equal(addr_text(addr_ip4(0xffffffff)).text,
			    "255.255.255.255");
}

/* ---- link-layer addresses ------------------------------------------ */

static void test_link_layer_addresses(void **state)
{
	static const uint8_t mac[] = { 2, 0, 0x5e, 0, 0x53, 0 },
			     longest[ADDR_LINK_MAX] = { [15] = 1 },
			     zero[ADDR_LINK_MAX];
	struct addr a = addr_link(mac, sizeof(mac)), b;

	assert_int_equal(a.family, ADDR_LINK);
	assert_string_equal(addr_text(a).text, "02:00:5e:00:53:00");
	assert_true(addr_link_parse(str_z("02:00:5E:00:53:00"), &b));
	assert_true(addr_equal(a, b));
	a = addr_link(longest, sizeof(longest));
	assert_true(addr_link_parse(str_z(addr_text(a).text), &b));
	assert_true(addr_equal(a, b));
	/* links whose hosts have none, or one that is too long */
	assert_int_equal(addr_link(zero, 0).family, ADDR_NONE);
	assert_int_equal(addr_link(zero, 6).family, ADDR_NONE);
	assert_int_equal(addr_link(mac, ADDR_LINK_MAX + 1).family, ADDR_NONE);
	/* it is no address that packets have */
	assert_false(addr_is_set(a));
	assert_false(addr_is_host(a));
	assert_false(addr_is_unspecified(a));
	assert_int_equal(addr_bits(a), 0);
}

static void test_texts_that_are_no_link_layer_address(void **state)
{
	static const char *const text[] = {
		"", "-", "0", "2:0:5e:0:53:0", "02:00:5e:00:53:0",
		"02:00:5e:00:53:0g", "02-00-5e-00-53-00", "00:00:00:00:00:00",
		"02:00:5e:00:53:00:", ":02:00:5e:00:53:00", "020:0:5e:00:53:00",
		"01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:11",
	};
	struct addr a;

	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		if (addr_link_parse(str_z(text[i]), &a))
			fail_msg("%s", text[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_inet_ntop),
		cmocka_unit_test(test_link_layer_addresses),
		cmocka_unit_test(
			test_texts_that_are_no_link_layer_address),
		cmocka_unit_test(
			test_what_is_read_is_written_in_the_standard_form),
		cmocka_unit_test(test_what_is_no_address_is_refused),
		cmocka_unit_test(test_only_the_slice_is_read),
		cmocka_unit_test(
			test_the_number_of_an_ipv4_address_is_in_host_order),
		cmocka_unit_test(
			test_none_any_and_unspecified_are_three_things),
		cmocka_unit_test(test_order_is_by_family_then_by_number),
		cmocka_unit_test(test_a_network_holds_what_shares_its_bits),
		cmocka_unit_test(test_networks_that_overlap),
		cmocka_unit_test(test_ends_of_a_network),
		cmocka_unit_test(test_networks_are_written_without_host_bits),
		cmocka_unit_test(test_which_addresses_a_host_can_have),
		cmocka_unit_test(
			test_which_addresses_the_internet_does_not_route),
		cmocka_unit_test(test_hosts_of_urls),
		cmocka_unit_test(test_link_local_addresses_need_an_interface),
		cmocka_unit_test(test_a_sockaddr_and_back),
		cmocka_unit_test(
			test_an_ipv4_peer_of_an_ipv6_socket_is_ipv4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
