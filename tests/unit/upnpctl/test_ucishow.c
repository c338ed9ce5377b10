/* SPDX-License-Identifier: ISC */
/*
 * test_ucishow.c - the output of "uci -X show upnpd" is parsed into sections,
 * and a file that is made from UCI is recognised by its first line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <string.h>
#include <cmocka.h>
#include "base/wr.h"
#include "upnpctl/source.h"
#include "upnpctl/ucishow.h"

static struct ucishow show;

static void load(void)
{
	static const char *const lines[] = {
		"upnpd.global=global",
		"upnpd.global.enabled='1'",
		"upnpd.global.rule='allow 1 0.0.0.0/0 1' 'deny 1 0.0.0.0/0 1'",
		"upnpd.lan=interface",
		"upnpd.lan.network='lan'",
		"upnpd.camera=mapping",
		"upnpd.camera.proto='tcp'",
		"upnpd.camera.external_port='8080'",
		"upnpd.camera.to='192.168.88.10:80'",
		"upnpd.cfg061234=mapping",
		"upnpd.cfg061234.proto='tcp'",
		"upnpd.cfg061234.external_port='8080'",
		"upnpd.cfg061234.remote='203.0.113.5'",
		"upnpd.cfg061234.comment='it'\\''s = mine'",
		/* ignored: other packages, and options without a section */
		"", "x", "firewall.a=mapping", "upnpd", "upnpd.",
		"upnpd.gone.proto='tcp'",
		"upnpd.a.section.name.that.is.too.deep='x'",
	};

	show.n = 0;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ucishow_line(&show, str_z(lines[i]));
}

static void test_output_is_parsed_into_sections(void **state)
{
	load();
	assert_int_equal(show.n, 4);
	assert_string_equal(ucishow_of_type(&show, "global"), "global");
	assert_string_equal(ucishow_of_type(&show, "mapping"), "camera");
	assert_null(ucishow_of_type(&show, "upnpd"));
	assert_true(ucishow_find(&show, "lan"));
	assert_false(ucishow_find(&show, "gone"));
	assert_false(ucishow_find(&show, "a"));
}

static void test_mapping_is_found_by_its_key(void **state)
{
	struct conf_mapping m = {
		.proto = IPPROTO_TCP, .ext_port = 8080, .remote = addr_any(),
	};

	load();
	assert_string_equal(ucishow_mapping(&show, &m)->name, "camera");
	m.remote = addr_ip4(0xcb007105);
	assert_string_equal(ucishow_mapping(&show, &m)->name, "cfg061234");
	m.remote = addr_ip4(0xcb007106);
	assert_null(ucishow_mapping(&show, &m));
	m.remote = addr_any();
	m.proto = IPPROTO_UDP;
	assert_null(ucishow_mapping(&show, &m));
}

/* The external port of a pinhole may be left out. */
static void test_pinhole_is_found_by_its_key(void **state)
{
	static const char *const lines[] = {
		"upnpd.web=mapping", "upnpd.web.proto='tcp'",
		"upnpd.web.to='[2001:db8::5]:8080'",
		"upnpd.ssh=mapping", "upnpd.ssh.proto='tcp'",
		"upnpd.ssh.external_port='8080'",
		"upnpd.ssh.to='[2001:db8::6]:8080'",
		"upnpd.ssh.remote='2001:db8:1::9'",
	};
	struct conf_mapping m = {
		.proto = IPPROTO_TCP, .ext_port = 8080, .int_port = 8080,
		.remote = addr_any(),
	};

	load();
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ucishow_line(&show, str_z(lines[i]));
	assert_true(addr_parse(STR("2001:db8::5"), &m.client));
	assert_string_equal(ucishow_mapping(&show, &m)->name, "web");
	assert_true(addr_parse(STR("2001:db8::6"), &m.client));
	assert_null(ucishow_mapping(&show, &m));
	assert_true(addr_parse(STR("2001:db8:1::9"), &m.remote));
	assert_string_equal(ucishow_mapping(&show, &m)->name, "ssh");
	m.client = addr_ip4(0xc0a8580a);
	m.remote = addr_any();
	assert_string_equal(ucishow_mapping(&show, &m)->name, "camera");
	m.ext_port = m.int_port = 1;
	assert_null(ucishow_mapping(&show, &m));
}

static void test_new_name_is_unused_and_alphanumeric(void **state)
{
	char name[64];

	load();
	ucishow_new_name(&show, "lan", name);
	assert_string_equal(name, "lan_2");
	ucishow_new_name(&show, "lan", name);
	assert_string_equal(name, "lan_3");
	ucishow_new_name(&show, "mapping tcp 80 remote 1.2.3.4", name);
	assert_string_equal(name, "mapping_tcp_80_remote_1_2_3_4");
	ucishow_new_name(&show, "br-lan.7; reboot", name);
	assert_string_equal(name, "br_lan_7__reboot");
}

/* If there are too many sections, the first ones are kept. */
static void test_sections_beyond_the_limit_are_ignored(void **state)
{
	char text[64];

	show.n = 0;
	for (int i = 0; i < UCISHOW_MAX + 10; i++) {
		struct wr w = wr_init(text, sizeof(text));

		wr_fmt(&w, "upnpd.s%d=mapping", i);
		ucishow_line(&show, wr_done(&w));
	}
	assert_int_equal(show.n, UCISHOW_MAX);
	assert_true(ucishow_find(&show, "s0"));
}

static void test_file_made_from_uci_is_recognised(void **state)
{
	assert_true(source_is_made(STR("# Made from /etc/config/upnpd at each "
				       "start and reload\nenabled =yes\n")));
	assert_false(source_is_made(STR("enabled = yes\n# Made from "
					"/etc/config/upnpd at each start\n")));
	assert_false(source_is_made(STR("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output_is_parsed_into_sections),
		cmocka_unit_test(test_mapping_is_found_by_its_key),
		cmocka_unit_test(test_pinhole_is_found_by_its_key),
		cmocka_unit_test(test_new_name_is_unused_and_alphanumeric),
		cmocka_unit_test(test_sections_beyond_the_limit_are_ignored),
		cmocka_unit_test(test_file_made_from_uci_is_recognised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
