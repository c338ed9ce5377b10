/* SPDX-License-Identifier: ISC */
/*
 * test_maptext.c - the fields of a mapping are printed without control
 * characters and parsed strictly.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/wr.h"
#include "base/utf8.h"
#include "upnpctl/maptext.h"

#define IP(a, b, c, d) \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (c) << 8 | (d))
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static char buf[1024];
static struct wr w;

static int set_up(void **state)
{
	w = wr_init(buf, sizeof(buf));
	return 0;
}

/* The text written since the last call. */
static const char *text(void)
{
	static char copy[sizeof(buf)];

	assert_false(w.over);
	strcpy(copy, wr_cstr(&w));
	w = wr_init(buf, sizeof(buf));
	return copy;
}

static struct ctl_mapping mapping(void)
{
	return (struct ctl_mapping){
		.rule = { .kind = NAT_PORTMAP, .proto = IPPROTO_TCP,
			  .client = addr_ip4(IP(192, 168, 88, 10)),
			  .remote = addr_any(), .ext_port = 8080,
			  .int_port = 80 },
		.origin = ORIGIN_UPNP,
		.requester = addr_ip4(IP(192, 168, 88, 11)),
		.enabled = 1, .left_s = 90, .desc = "game",
	};
}

/* ---- clean text ------------------------------------------------------ */

static const char *clean(const char *s)
{
	maptext_clean(&w, str_z(s));
	return text();
}

static void test_plain_text_stays_as_it_is(void **state)
{
	assert_string_equal(clean(""), "");
	assert_string_equal(clean("a game (UDP) ~"), "a game (UDP) ~");
	assert_string_equal(clean("B\xc3\xbc" "cher \xe6\x97\xa5 "
				  "\xf0\x9f\x8e\xae"),
			    "B\xc3\xbc" "cher \xe6\x97\xa5 \xf0\x9f\x8e\xae");
}

static void test_terminal_controls_become_question_marks(void **state)
{
	static const char *const bad[] = {
		"\x1b", "\n", "\r", "\t", "\x01", "\x7f",
		"\xc2\x80", "\xc2\x9b", "\xc2\x9f",	/* C1 */
		"\xe2\x80\x8e", "\xe2\x80\x8f", "\xd8\x9c",	/* marks */
		"\xe2\x80\xa8", "\xe2\x80\xaa", "\xe2\x80\xae",	/* U+202x */
		"\xe2\x81\xa6", "\xe2\x81\xa9",	/* isolates */
		"\xff", "\x80", "\xc3", "\xc0\xaf",	/* not UTF-8 */
	};
	char line[16];

	for (size_t i = 0; i < COUNT(bad); i++) {
		strcpy(line, "a");
		strcat(line, bad[i]);
		strcat(line, "b");
		maptext_clean(&w, str_z(line));
		/* each byte that is not UTF-8 becomes one '?' */
		if (i == COUNT(bad) - 1)
			assert_string_equal(text(), "a??b");
		else
			assert_string_equal(text(), "a?b");
	}
}

static void test_characters_next_to_controls_are_kept(void **state)
{
	static const char *const good[] = {
		" ", "~", "\xc2\xa0", "\xe2\x80\x8d", "\xe2\x80\x90",
		"\xe2\x80\xa7", "\xe2\x80\xaf", "\xe2\x81\xa5",
		"\xe2\x81\xaa",
	};

	for (size_t i = 0; i < COUNT(good); i++)
		assert_string_equal(clean(good[i]), good[i]);
}

static void test_columns_are_characters(void **state)
{
	assert_int_equal(utf8_count(STR("")), 0);
	assert_int_equal(utf8_count(STR("abc")), 3);
	assert_int_equal(utf8_count(STR("B\xc3\xbc" "cher")), 6);
	assert_int_equal(utf8_count(STR("\xf0\x9f\x8e\xae")), 2);
}

/* ---- writing --------------------------------------------------------- */

static const char *field(enum maptext_field f, struct ctl_mapping m)
{
	maptext_put(&w, f, &m);
	return text();
}

static void test_each_field_has_its_text(void **state)
{
	struct ctl_mapping m = mapping();

	assert_string_equal(field(MAPTEXT_PROTOCOL, m), "tcp");
	assert_string_equal(field(MAPTEXT_EXT_PORT, m), "8080");
	assert_string_equal(field(MAPTEXT_TO, m), "192.168.88.10:80");
	assert_string_equal(field(MAPTEXT_REMOTE, m), "");
	assert_string_equal(field(MAPTEXT_LEFT, m), "1m30s");
	assert_string_equal(field(MAPTEXT_BY, m), "192.168.88.11");
	assert_string_equal(field(MAPTEXT_ORIGIN, m), "upnp");
	assert_string_equal(field(MAPTEXT_DESC, m), "game");
	m.rule.proto = IPPROTO_UDP;
	m.rule.remote = addr_ip4(IP(203, 0, 113, 5));
	m.left_s = 0;
	m.origin = ORIGIN_OPERATOR;
	m.requester = (struct addr){ ADDR_NONE };
	strcpy(m.desc, "\x1b[2J");
	assert_string_equal(field(MAPTEXT_PROTOCOL, m), "udp");
	assert_string_equal(field(MAPTEXT_REMOTE, m), "203.0.113.5");
	assert_string_equal(field(MAPTEXT_LEFT, m), "never");
	assert_string_equal(field(MAPTEXT_BY, m), "operator");
	assert_string_equal(field(MAPTEXT_ORIGIN, m), "operator");
	assert_string_equal(field(MAPTEXT_DESC, m), "?[2J");
	m.rule.client = (struct addr){ ADDR_NONE };
	assert_string_equal(field(MAPTEXT_TO, m), "");
}

static const char *flags(struct ctl_mapping m)
{
	maptext_flags(&w, &m);
	return text();
}

static void test_flags_show_origin_and_state(void **state)
{
	struct ctl_mapping m = mapping();

	assert_string_equal(flags(m), "D");
	m.enabled = 0;
	assert_string_equal(flags(m), "DX");
	m.origin = ORIGIN_OPERATOR;
	m.requester = (struct addr){ ADDR_NONE };
	assert_string_equal(flags(m), "SX");
	m.suspended = 1;
	assert_string_equal(flags(m), "SXU");
	m.enabled = 1;
	assert_string_equal(flags(m), "SU");
	m.suspended = 0;
	m.overruled = 1;
	assert_string_equal(flags(m), "SO");
}

static void test_pairs_quote_the_description(void **state)
{
	struct ctl_mapping m = mapping();

	strcpy(m.desc, "a \"b\" \\");
	maptext_pairs(&w, MAPTEXT_PROTOCOL, MAPTEXT_TO, &m);
	assert_string_equal(text(), "protocol=tcp external-port=8080 "
			    "to=192.168.88.10:80");
	maptext_pairs(&w, MAPTEXT_REMOTE, MAPTEXT_DESC, &m);
	assert_string_equal(text(), "remote-host=\"\" time-left=1m30s "
			    "by=192.168.88.11 origin=upnp "
			    "description=\"a \\\"b\\\" \\\\\"");
}

static void test_the_longest_description_fits(void **state)
{
	struct ctl_mapping m = mapping();

	memset(m.desc, '"', sizeof(m.desc) - 1);
	m.desc[sizeof(m.desc) - 1] = '\0';
	maptext_pairs(&w, MAPTEXT_DESC, MAPTEXT_DESC, &m);
	assert_int_equal(strlen(text()), strlen("description=\"\"") +
			 2 * (sizeof(m.desc) - 1));
}

static void test_a_key_names_a_mapping(void **state)
{
	struct ctl_mapping m = mapping();

	maptext_key(&w, &m.rule);
	assert_string_equal(text(), "tcp:8080");
	m.rule.remote = addr_ip4(IP(203, 0, 113, 5));
	maptext_key(&w, &m.rule);
	assert_string_equal(text(), "tcp:8080:203.0.113.5");
	m.rule.remote_port = 3478;
	maptext_key(&w, &m.rule);
	assert_string_equal(text(), "tcp:8080:203.0.113.5:3478");
	assert_string_equal(field(MAPTEXT_REMOTE, m), "203.0.113.5:3478");
}

static struct addr ip6(const char *z)
{
	struct addr a;

	assert_true(addr_parse(str_z(z), &a));
	return a;
}

static void test_keys_are_written_and_read_back(void **state)
{
	static const struct {
		const char *key;
		bool any_remote;
	} c[] = {
		{ "tcp:8080", true },
		{ "udp:1:203.0.113.5", false },
		{ "udp:1:203.0.113.5:65535", false },
		{ "tcp:[2001:db8::5]:8080", true },
		{ "udplite:[2001:db8::5]:*", true },
		{ "sctp:[2001:db8::5]:65535:[2001:db8::9]:*", false },
		{ "dccp:[2001:db8::5]:1:[2001:db8::9]:5060", false },
		{ "udp:[2001:db8::5]:1:*:5060", false },
	};
	struct nat_rule r;
	bool any;

	for (size_t i = 0; i < COUNT(c); i++) {
		assert_true(maptext_read_key(str_z(c[i].key), &r, &any));
		assert_int_equal(any, c[i].any_remote);
		maptext_key(&w, &r);
		assert_string_equal(text(), c[i].key);
	}
	assert_true(maptext_read_key(STR("TCP:[2001:db8::5]:8080:*:*"), &r,
				     &any));
	assert_false(any);
	assert_int_equal(r.remote.family, ADDR_ANY);
	assert_true(maptext_read_key(STR("tcp:8080:0.0.0.0"), &r, &any));
	assert_false(any);
	assert_int_equal(r.remote.family, ADDR_ANY);
}

static void test_invalid_keys_are_refused(void **state)
{
	static const char *const c[] = {
		"", ":", "tcp", "tcp:", "tcp:0", "tcp:*", "tcp:80:", "tcp:80:*",
		"tcp:80:2001:db8::5", "tcp:80:203.0.113.5:",
		"tcp:80:203.0.113.5:0", "tcp:80:203.0.113.5:*",
		"tcp:80:203.0.113.5:65536", "tcp:80:0.0.0.0:1", "icmp:80", "sctp:80", "tcp:[2001:db8::5]",
		"tcp:[2001:db8::5]:", "tcp:[2001:db8::5]:0",
		"tcp:[2001:db8::5]:80:", "tcp:[2001:db8::5]:80:*",
		"tcp:[2001:db8::5]:80:*:", "tcp:[2001:db8::5]:80:1.2.3.4:*",
		"tcp:[2001:db8::5]:80:[2001:db8::9]",
		"tcp:[2001:db8::5]:80:[2001:db8::9]:*:*", "tcp:[10.0.0.1]:80",
		"tcp:[2001:db8::5:80", "tcp:2001:db8::5:80",
	};
	struct nat_rule r;
	bool any;

	for (size_t i = 0; i < COUNT(c); i++)
		if (maptext_read_key(str_z(c[i]), &r, &any))
			fail_msg("%s", c[i]);
}

static void test_pinholes_have_their_fields(void **state)
{
	struct ctl_mapping m = mapping();

	m.rule.kind = NAT_PINHOLE;
	m.rule.client = ip6("2001:db8::5");
	m.rule.remote = ip6("2001:db8::9");
	m.rule.ext_port = 0;
	m.unique_id = 7;
	m.requester = ip6("fe80::5");
	maptext_pairs(&w, MAPTEXT_PROTOCOL, MAPTEXT_ID, &m);
	assert_string_equal(text(), "protocol=tcp to=[2001:db8::5]:80 "
			    "remote-host=2001:db8::9 time-left=1m30s "
			    "by=fe80::5 origin=upnp id=7");
	m.rule.remote_port = 9;
	assert_string_equal(field(MAPTEXT_REMOTE, m), "[2001:db8::9]:9");
	m.rule.remote = addr_any();
	assert_string_equal(field(MAPTEXT_REMOTE, m), "*:9");
	m.rule.int_port = 0;
	assert_string_equal(field(MAPTEXT_TO, m), "[2001:db8::5]:*");
	assert_string_equal(field(MAPTEXT_EXT_PORT, m), "");
}

/* ---- times ----------------------------------------------------------- */

static void test_times_are_written_and_read_back(void **state)
{
	static const struct {
		uint32_t s;
		const char *text;
	} c[] = {
		{ 0, "0s" }, { 1, "1s" }, { 59, "59s" }, { 60, "1m" },
		{ 61, "1m1s" }, { 3600, "1h" }, { 86399, "23h59m59s" },
		{ 86400, "1d" }, { 90061, "1d1h1m1s" },
		{ 604799, "6d23h59m59s" }, { 604800, "1w" },
	};
	uint32_t s;

	for (size_t i = 0; i < COUNT(c); i++) {
		maptext_time(&w, c[i].s);
		assert_string_equal(text(), c[i].text);
		assert_int_equal(maptext_read_time(str_z(c[i].text), &s), 0);
		assert_int_equal(s, c[i].s);
	}
	maptext_time(&w, 1234567);
	assert_string_equal(text(), "2w6h56m7s");
}

static void test_times_are_read_in_other_forms(void **state)
{
	uint32_t s;

	assert_int_equal(maptext_read_time(STR("3600"), &s), 0);
	assert_int_equal(s, 3600);
	assert_int_equal(maptext_read_time(STR("604800"), &s), 0);
	assert_int_equal(maptext_read_time(STR("90m"), &s), 0);
	assert_int_equal(s, 5400);
}

static void test_invalid_times_are_refused(void **state)
{
	static const struct {
		const char *text;
		int err;
	} c[] = {
		{ "", -EINVAL }, { "s", -EINVAL }, { "1x", -EINVAL },
		{ "1m1m", -EINVAL }, { "1s1m", -EINVAL }, { "-1", -EINVAL },
		{ "1h30", -EINVAL }, { "1 h", -EINVAL }, { "604801", -ERANGE },
		{ "1w1s", -ERANGE }, { "8d", -ERANGE },
		{ "33554432w", -ERANGE }, /* 2^25 weeks are 0 s modulo 2^32 */
		{ "4294967296s", -ERANGE },
	};
	uint32_t s = 77;

	for (size_t i = 0; i < COUNT(c); i++) {
		assert_int_equal(maptext_read_time(str_z(c[i].text), &s),
				 c[i].err);
		assert_int_equal(s, 77);
	}
}

/* ---- the other parsers ----------------------------------------------- */

static void test_protocols_are_read(void **state)
{
	uint8_t p;

	assert_true(maptext_read_proto(STR("tcp"), &p));
	assert_int_equal(p, IPPROTO_TCP);
	assert_true(maptext_read_proto(STR("UDP"), &p));
	assert_int_equal(p, IPPROTO_UDP);
	assert_true(maptext_read_proto(STR("UdpLite"), &p));
	assert_int_equal(p, IPPROTO_UDPLITE);
	assert_true(maptext_read_proto(STR("dccp"), &p));
	assert_int_equal(p, IPPROTO_DCCP);
	assert_false(maptext_read_proto(STR("tcpx"), &p));
	assert_false(maptext_read_proto(STR("tcp-and-more-than-16"), &p));
	assert_false(maptext_read_proto(STR(""), &p));
	assert_false(maptext_read_proto(STR("6"), &p));
}

static void test_ports_are_read(void **state)
{
	uint16_t p;

	assert_true(maptext_read_port(STR("1"), &p));
	assert_int_equal(p, 1);
	assert_true(maptext_read_port(STR("65535"), &p));
	assert_int_equal(p, 65535);
	assert_false(maptext_read_port(STR("0"), &p));
	assert_false(maptext_read_port(STR("65536"), &p));
	assert_false(maptext_read_port(STR("80x"), &p));
	assert_false(maptext_read_port(STR(""), &p));
}

static void test_destinations_are_read(void **state)
{
	struct addr ip;
	uint16_t port;

	assert_true(maptext_read_to(STR("192.168.88.10:80"), &ip, &port));
	assert_int_equal(addr_to_ip4(ip), IP(192, 168, 88, 10));
	assert_int_equal(port, 80);
	assert_true(maptext_read_to(STR("[2001:db8::5]:8080"), &ip, &port));
	assert_true(addr_equal(ip, ip6("2001:db8::5")));
	assert_int_equal(port, 8080);
	assert_false(maptext_read_to(STR("2001:db8::5:80"), &ip, &port));
	assert_false(maptext_read_to(STR("[2001:db8::5]:*"), &ip, &port));
	assert_false(maptext_read_to(STR("192.168.88.10"), &ip, &port));
	assert_false(maptext_read_to(STR("192.168.88.10:"), &ip, &port));
	assert_false(maptext_read_to(STR(":80"), &ip, &port));
	assert_false(maptext_read_to(STR("host:80"), &ip, &port));
	assert_false(maptext_read_to(STR("192.168.88.10:80:1"), &ip, &port));
}

static void test_descriptions_are_read_completely_or_not_at_all(void **state)
{
	char ret[PM_DESC_MAX + 1], long_one[PM_DESC_MAX + 1];

	assert_true(maptext_read_desc(STR("B\xc3\xbc" "cher"), ret));
	assert_string_equal(ret, "B\xc3\xbc" "cher");
	assert_true(maptext_read_desc(STR(""), ret));
	assert_string_equal(ret, "");
	assert_false(maptext_read_desc(STR("a\nb"), ret));
	assert_false(maptext_read_desc(STR("a\xff"), ret));
	memset(long_one, 'x', sizeof(long_one));
	assert_true(maptext_read_desc((struct str){ long_one, PM_DESC_MAX },
				      ret));
	assert_int_equal(strlen(ret), PM_DESC_MAX);
	assert_false(maptext_read_desc((struct str){ long_one,
						     PM_DESC_MAX + 1 }, ret));
}

#define TEST(t) cmocka_unit_test_setup(t, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_plain_text_stays_as_it_is),
		TEST(test_terminal_controls_become_question_marks),
		TEST(test_characters_next_to_controls_are_kept),
		TEST(test_columns_are_characters),
		TEST(test_each_field_has_its_text),
		TEST(test_flags_show_origin_and_state),
		TEST(test_keys_are_written_and_read_back),
		TEST(test_invalid_keys_are_refused),
		TEST(test_pinholes_have_their_fields),
		TEST(test_pairs_quote_the_description),
		TEST(test_the_longest_description_fits),
		TEST(test_a_key_names_a_mapping),
		TEST(test_times_are_written_and_read_back),
		TEST(test_times_are_read_in_other_forms),
		TEST(test_invalid_times_are_refused),
		TEST(test_protocols_are_read),
		TEST(test_ports_are_read),
		TEST(test_destinations_are_read),
		TEST(test_descriptions_are_read_completely_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
