/* SPDX-License-Identifier: ISC */
/*
 * test_confmapping.c - mapping lines are parsed, a bad line is refused with the
 * reason, and a written line is parsed to the same mapping.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <cmocka.h>
#include "base/wr.h"
#include "conf/confmapping.h"

static struct conf_mapping got;
static struct conftail_comment comment;
static char why[512];

static int parse(const char *args)
{
	struct wr w = wr_init_cut(why, sizeof(why));
	int err = confmapping_parse(str_z(args), &got, &comment, &w);

	wr_cstr(&w);
	return err;
}

static void test_required_fields_are_parsed(void **state)
{
	assert_int_equal(parse(" tcp 8080 192.168.88.10:80"), 0);
	assert_int_equal(got.proto, IPPROTO_TCP);
	assert_int_equal(got.ext_port, 8080);
	assert_int_equal(got.int_port, 80);
	assert_true(addr_equal(got.client, addr_ip4(0xc0a8580a)));
	assert_true(addr_equal(got.remote, addr_any()));
	assert_false(got.disabled);
	assert_string_equal(comment.text, "");
}

static void test_all_fields_are_parsed(void **state)
{
	assert_int_equal(parse("\tudp  1 10.0.0.1:65535 remote\t203.0.113.5 "
			       "disabled \"a \\\"b\\\" \\\\ # \xc3\xa9\" "), 0);
	assert_int_equal(got.proto, IPPROTO_UDP);
	assert_int_equal(got.int_port, 65535);
	assert_true(addr_equal(got.remote, addr_ip4(0xcb007105)));
	assert_true(got.disabled);
	assert_string_equal(comment.text, "a \"b\" \\ # \xc3\xa9");
}

#define M "tcp 80 10.0.0.1:80 "
#define P "tcp 80 [2001:db8::5]:80 "

static void test_bad_line_is_refused_with_the_reason(void **state)
{
	static const struct {
		const char *args, *says;
	} bad[] = {
		{ "", "a mapping needs a protocol, a port, and a host with its "
		      "port; example: mapping tcp 8080 192.168.88.10:80" },
		{ "tcp 80", "a mapping needs a protocol" },
		{ "= x y", "\"=\" is not a protocol; write tcp or udp" },
		{ "TCP 80 10.0.0.1:80", "\"TCP\" is not a protocol" },
		{ "tcp 0 10.0.0.1:80", "\"0\" is not a port; a mapping has one "
				       "port, 1 to 65535" },
		{ "tcp 65536 10.0.0.1:80", "\"65536\" is not a port" },
		{ "tcp 1-2 10.0.0.1:80", "\"1-2\" is not a port" },
		{ "tcp 80 10.0.0.1", "\"10.0.0.1\" is not ADDRESS:PORT" },
		{ "tcp 80 10.0.0.1:", "\"\" is not a port" },
		{ "tcp 80 :80", "\":80\" is not the address and port of a host" },
		{ "tcp 80 127.0.0.1:80",
		  "\"127.0.0.1:80\" is not the address and port" },
		{ "tcp 80 host:80", "\"host:80\" is not the address and" },
		{ "tcp 80 0.0.0.0:80", "\"0.0.0.0:80\" is not the address" },
		{ M "remote", "remote has no address" },
		{ M "remote 0.0.0.0", "\"0.0.0.0\" is not an IPv4 address" },
		{ "tcp 80 2001:db8::5:80", "\"2001:db8::5:80\" is not the "
					   "address and port of a host; "
					   "example: mapping tcp 8080 "
					   "192.168.88.10:80 or mapping tcp "
					   "8080 [2001:db8::5]:8080" },
		{ "tcp 80 [2001:db8::5:80", "\"[2001:db8::5:80\" is not" },
		{ "tcp 80 [2001:db8::5]", "\"[2001:db8::5]\" is not ADDRESS" },
		{ "tcp 80 [2001:db8::5]:0", "\"0\" is not a port" },
		{ "tcp 80 [fe80::5]:80", "\"[fe80::5]:80\" is not the" },
		{ "tcp 80 [fe80::5%eth0]:80", "\"[fe80::5%eth0]:80\" is" },
		{ "tcp 80 [ff02::5]:80", "\"[ff02::5]:80\" is not the" },
		{ "tcp 80 [::]:80", "\"[::]:80\" is not the address" },
		{ "tcp 80 [::ffff:10.0.0.1]:80", "\"[::ffff:10.0.0.1]:80\"" },
		{ "tcp 80 [2001:db8::5]:81", "80 and 81 differ; IPv6 "
		  "translates no port, so write the same port twice" },
		{ "sctp 80 10.0.0.1:80", "sctp is for IPv6 only; write tcp" },
		{ P "remote 1.2.3.4", "\"1.2.3.4\" is not an IPv6 address of "
				      "a host; example: remote 2001:db8:1::9" },
		{ P "remote fe80::1", "\"fe80::1\" is not an IPv6 address" },
		{ M "remote 1.2.3.4:", "\"1.2.3.4:\" is not an IPv4 address" },
		{ M "remote 1.2.3.4:0", "\"1.2.3.4:0\" is not an IPv4" },
		{ M "remote 1.2.3.4:65536", "\"1.2.3.4:65536\" is not an" },
		{ P "remote [2001:db8::9]", "\"[2001:db8::9]\" is not an" },
		{ M "remote *", "\"*\" is not an IPv4 address" },
		{ M "remote fe80::1", "\"fe80::1\" is not an IPv4 address" },
		{ M "disabled remote 1.2.3.4", "\"remote 1.2.3.4\" is not "
					       "understood here" },
		{ M "disabled disabled", "\"disabled\" is not understood" },
		{ M "x", "\"x\" is not understood here; a mapping may end" },
		{ M "\"a\" \"b\"", "\"\"b\"\" is not understood" },
		{ M "\"a\" disabled", "\"disabled\" is not understood" },
		{ M "\"a", "the comment has no closing quote \"" },
		{ M "\"a\\\"", "the comment has no closing quote" },
		{ M "\"a\\", "the comment has no closing quote" },
		{ M "\"\\n\"", "\\n is not known" },
		{ M "\"a\tb\"", "the comment must be UTF-8 without control" },
		{ M "\"\xff\"", "the comment must be UTF-8" },
		{ M "\"\xc2\x9b\"", "the comment must be UTF-8" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		got.ext_port = 4711;
		assert_int_equal(parse(bad[i].args), -EINVAL);
		if (strncmp(why, bad[i].says, strlen(bad[i].says)))
			fail_msg("%s: %s", bad[i].args, why);
		assert_int_equal(got.ext_port, 4711);	/* untouched */
	}
}

static void test_too_long_comment_is_refused(void **state)
{
	char args[64 + PM_DESC_MAX] = M "\"";
	size_t n = strlen(args);

	memset(args + n, 'a', PM_DESC_MAX);
	strcpy(args + n + PM_DESC_MAX, "\"");
	assert_int_equal(parse(args), 0);
	assert_int_equal(strlen(comment.text), PM_DESC_MAX);
	strcpy(args + n + PM_DESC_MAX, "a\"");
	assert_int_equal(parse(args), -EINVAL);
	assert_string_equal(why, "the comment is too long; the limit is 256 "
			    "bytes");
}

static void test_written_line_is_parsed_back(void **state)
{
	static const char *const lines[] = {
		"mapping tcp 8080 192.168.88.10:80",
		"mapping udp 1 10.0.0.1:65535 remote 203.0.113.5",
		"mapping udp 1 10.0.0.1:65535 remote 203.0.113.5:3478",
		"mapping sctp 1 [fd00::5]:1 remote [2001:db8:1::9]:65535",
		"mapping tcp 1 10.0.0.1:2 disabled",
		"mapping tcp 8080 [2001:db8::5]:8080",
		("mapping udplite 65535 [fd00::5]:65535 remote 2001:db8:1::9 "
		 "disabled \"a\""),
		"mapping tcp 1 10.0.0.1:2 \"a\"",
		("mapping udp 9 10.0.0.1:2 remote 1.2.3.4 disabled "
		 "\"# \\\" \\\\ \xc3\xa9\""),
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char text[256];
		struct wr w = wr_init(text, sizeof(text));

		assert_int_equal(parse(lines[i] + strlen("mapping")), 0);
		confmapping_put(&w, &got, comment.text);
		assert_string_equal(wr_cstr(&w), lines[i]);
	}
}

static void test_mapping_and_rule_convert_to_each_other(void **state)
{
	struct conf_mapping back;
	struct nat_rule r;

	assert_int_equal(parse(M "remote 1.2.3.4"), 0);
	r = confmapping_rule(&got);
	assert_true(nat_rule_sane(&r));
	back = confmapping_of_rule(&r);
	assert_true(confmapping_same_key(&got, &back));
	assert_true(addr_equal(got.client, back.client));
	assert_int_equal(back.int_port, 80);
}

static void test_pinhole_and_rule_convert_to_each_other(void **state)
{
	struct conf_mapping back;
	struct nat_rule r;

	assert_int_equal(parse("dccp 80 [2001:db8::5]:80 remote 2001:db8::9"),
			 0);
	r = confmapping_rule(&got);
	assert_true(nat_rule_sane(&r));
	assert_int_equal(r.kind, NAT_PINHOLE);
	assert_int_equal(r.ext_port, 0);
	assert_int_equal(r.int_port, 80);
	back = confmapping_of_rule(&r);
	assert_true(confmapping_same_key(&got, &back));
	assert_true(addr_equal(got.client, back.client));
	assert_int_equal(back.int_port, 80);
	assert_int_equal(back.ext_port, 80);
}

/* ---- in a configuration ---------------------------------------------- */

static struct conf conf;

static int add(const char *args)
{
	struct wr w = wr_init_cut(why, sizeof(why));
	int err;

	assert_int_equal(parse(args), 0);
	got.line = (unsigned)conf.mapping_n + 1;
	err = confmapping_add(&conf, &got, comment.text, &w);
	wr_cstr(&w);
	return err;
}

static void test_second_host_for_a_port_is_refused(void **state)
{
	conf_defaults(&conf);
	assert_int_equal(add("tcp 80 10.0.0.1:80 remote 1.2.3.4"), 0);
	assert_int_equal(add("tcp 80 10.0.0.1:81"), 0);
	assert_int_equal(add("udp 80 10.0.0.2:80"), 0);
	assert_int_equal(add("tcp 80 10.0.0.1:82"), -EINVAL);
	assert_string_equal(why, "mapping tcp 80 is already on line 2; remove "
			    "one");
	assert_int_equal(add("tcp 80 10.0.0.1:80 remote 1.2.3.4 disabled"),
			 -EINVAL);
	assert_string_equal(why, "mapping tcp 80 remote 1.2.3.4 is already on "
			    "line 1; remove one");
	assert_int_equal(add("tcp 80 10.0.0.2:80 remote 1.2.3.5"), -EINVAL);
	assert_string_equal(why, "port tcp 80 already leads to 10.0.0.1 on "
			    "line 1; all mappings of a port must lead to one "
			    "host");
	assert_int_equal(add("tcp 80 10.0.0.1:80 remote 1.2.3.4:5"), 0);
	assert_int_equal(conf.mapping_n, 4);
}

/* Hosts do not share ports, because nothing is translated. */
static void test_pinholes_of_a_port_have_several_hosts(void **state)
{
	conf_defaults(&conf);
	assert_int_equal(add("tcp 80 10.0.0.1:80"), 0);
	assert_int_equal(add("tcp 80 [2001:db8::5]:80"), 0);
	assert_int_equal(add("tcp 80 [2001:db8::6]:80"), 0);
	assert_int_equal(add("tcp 80 [2001:db8::6]:80 remote 2001:db8::9"), 0);
	assert_int_equal(add("tcp 80 [2001:db8::5]:80 disabled"), -EINVAL);
	assert_string_equal(why, "mapping tcp 80 [2001:db8::5]:80 is already on "
			    "line 2; remove one");
	assert_int_equal(conf.mapping_n, 4);
}

static void test_each_mapping_keeps_its_comment(void **state)
{
	conf_defaults(&conf);
	assert_int_equal(add("tcp 1 10.0.0.1:1"), 0);
	assert_int_equal(add("tcp 2 10.0.0.1:1 \"two\""), 0);
	assert_int_equal(add("tcp 3 10.0.0.1:1 \"three\""), 0);
	assert_string_equal(confmapping_text(&conf, &conf.mapping[0]), "");
	assert_string_equal(confmapping_text(&conf, &conf.mapping[1]), "two");
	assert_string_equal(confmapping_text(&conf, &conf.mapping[2]),
			    "three");
	parse("tcp 2 10.9.9.9:9");
	assert_ptr_equal(confmapping_find(&conf, &got), &conf.mapping[1]);
	parse("tcp 2 10.9.9.9:9 remote 1.2.3.4");
	assert_null(confmapping_find(&conf, &got));
}

static void test_mapping_beyond_a_limit_is_refused(void **state)
{
	char text[512];
	struct wr w;

	conf_defaults(&conf);
	for (int i = 1; i <= CONF_MAPPINGS_MAX; i++) {
		w = wr_init(text, sizeof(text));
		wr_fmt(&w, "tcp %d 10.0.0.1:1", i);
		assert_int_equal(add(wr_cstr(&w)), 0);
	}
	assert_int_equal(add("udp 1 10.0.0.1:1"), -EINVAL);
	assert_string_equal(why, "there are more than 128 mappings; remove "
			    "some");
	conf_defaults(&conf);
	for (int i = 1; i <= CONF_COMMENTS_MAX / 201; i++) {
		w = wr_init(text, sizeof(text));
		wr_fmt(&w, "tcp %d 10.0.0.1:1 \"%0200d\"", i, i);
		assert_int_equal(add(wr_cstr(&w)), 0);
	}
	assert_int_equal(add(wr_cstr(&w)), -EINVAL);	/* the same key */
	assert_int_equal(add("udp 1 10.0.0.1:1 \"01234567890123456789"
			     "01234567890123456789012345678901234567890123456"
			     "78901234567890123456789012345678901234567890123"
			     "45678901234567890123456789012345678901234567890"
			     "1234567890123456789012345678901234567890\""),
			 -EINVAL);
	assert_string_equal(why, "the comments of all mappings are longer than "
			    "8192 bytes; shorten some");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_required_fields_are_parsed),
		cmocka_unit_test(test_all_fields_are_parsed),
		cmocka_unit_test(test_bad_line_is_refused_with_the_reason),
		cmocka_unit_test(test_too_long_comment_is_refused),
		cmocka_unit_test(test_written_line_is_parsed_back),
		cmocka_unit_test(test_mapping_and_rule_convert_to_each_other),
		cmocka_unit_test(test_pinhole_and_rule_convert_to_each_other),
		cmocka_unit_test(test_second_host_for_a_port_is_refused),
		cmocka_unit_test(test_pinholes_of_a_port_have_several_hosts),
		cmocka_unit_test(test_each_mapping_keeps_its_comment),
		cmocka_unit_test(test_mapping_beyond_a_limit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
