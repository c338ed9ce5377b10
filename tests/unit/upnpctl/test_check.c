/* SPDX-License-Identifier: ISC */
/*
 * test_check.c - the checks classify access rules, addresses and answers to a
 * search correctly, and the exit status is that of the worst finding.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/addrtest.h"
#include "upnpctl/check.h"

#define NET(a, b, c, d) \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))
#define HERE NET(192, 168, 88, 1)

/* ---- access rules --------------------------------------------------- */

static struct policy_rule line_of(bool allow, struct addr_net net)
{
	net.addr = addr_net_first(&net);
	return (struct policy_rule){ .allow = allow, .ext_lo = 1024,
				     .ext_hi = 65535, .int_lo = 1024,
				     .int_hi = 65535, .net = net };
}

static struct policy_rule line(bool allow, uint32_t ip, uint8_t bits)
{
	return line_of(allow, (struct addr_net){ addr_ip4(ip), bits });
}

static bool is_open(const struct policy_rule *r, size_t n)
{
	const struct addr_net net = { addr_ip4(HERE), 24 };

	return check_conf_open(r, n, &net);
}

static void test_networks_that_may_map(void **state)
{
	struct policy_rule r[3] = { line(true, HERE, 24) };

	assert_true(is_open(NULL, 0));
	assert_true(is_open(r, 1));
	/* a host of the network, a network around it */
	r[0] = line(true, HERE + 5, 32);
	assert_true(is_open(r, 1));
	r[0] = line(true, 0, 0);
	assert_true(is_open(r, 1));
	r[0] = line(true, NET(192, 168, 89, 0), 24);
	assert_false(is_open(r, 1));
	r[0] = line(false, 0, 0);
	assert_false(is_open(r, 1));
}

static void test_networks_that_may_not_map(void **state)
{
	struct policy_rule r[3] = { line(false, HERE, 16),
				    line(true, HERE, 24) };

	assert_false(is_open(r, 2));
	/* some clients or some ports are still allowed */
	r[0] = line(false, HERE, 25);
	assert_true(is_open(r, 2));
	r[0] = line(false, HERE, 16);
	r[0].ext_hi = 65534;
	assert_true(is_open(r, 2));
	r[0].ext_hi = 65535;
	r[0].int_lo = 1025;
	assert_true(is_open(r, 2));
	/* the allow line is first */
	r[0] = line(true, HERE, 24);
	r[1] = line(false, HERE, 16);
	assert_true(is_open(r, 2));
	/* another allow line is left after a denied one */
	r[0] = line(false, HERE + 5, 32);
	r[1] = line(true, HERE + 5, 32);
	assert_false(is_open(r, 2));
	r[2] = line(true, HERE + 6, 32);
	assert_true(is_open(r, 3));
}

static void test_ip6_networks_that_may_map(void **state)
{
	const struct addr_net here = { addr_of_text("2001:db8::1"), 64 };
	struct policy_rule r[2] = { line(true, 0, 0), line(true, 0, 0) };

	assert_false(check_conf_open(r, 2, &here));
	r[1] = line_of(true, here);
	assert_true(check_conf_open(r, 2, &here));
	assert_true(is_open(r, 2));
	r[0] = line_of(false, (struct addr_net){ here.addr, 48 });
	assert_false(check_conf_open(r, 2, &here));
	r[0].net.bits = 65;
	assert_true(check_conf_open(r, 2, &here));
}

/* ---- addresses ------------------------------------------------------ */

static void test_kinds_of_addresses(void **state)
{
	static const struct {
		uint32_t ip;
		int level;
	} v[] = {
		{ NET(11, 22, 33, 1), -1 },
		{ NET(100, 63, 255, 255), -1 },
		{ NET(100, 64, 0, 0), CHECK_PROBLEM },
		{ NET(100, 127, 255, 255), CHECK_PROBLEM },
		{ NET(100, 128, 0, 0), -1 },
		{ NET(192, 0, 0, 2), CHECK_PROBLEM },
		{ NET(192, 0, 0, 8), -1 },
		{ NET(169, 254, 1, 1), CHECK_PROBLEM },
		{ NET(10, 0, 0, 1), CHECK_WARNING },
		{ NET(172, 15, 255, 255), -1 },
		{ NET(172, 16, 0, 0), CHECK_WARNING },
		{ NET(172, 31, 255, 255), CHECK_WARNING },
		{ NET(172, 32, 0, 0), -1 },
		{ NET(192, 168, 1, 1), CHECK_WARNING },
		{ NET(192, 169, 1, 1), -1 },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct addr a = addr_ip4(v[i].ip);
		const struct check_kind *k = check_net_kind_of(a);

		assert_int_equal(k ? (int)k->level : -1, v[i].level);
		/* every address that the daemon treats as private has a row */
		if (addr_is_private(a))
			assert_non_null(k);
	}
}

/* ---- answers -------------------------------------------------------- */

#define IGD "urn:schemas-upnp-org:device:InternetGatewayDevice:"

static bool answer(const char *text, char *server, size_t cap)
{
	return check_lan_answer(str_z(text), server, cap);
}

static void test_answers_of_other_gateways(void **state)
{
	char server[16];

	assert_true(answer("HTTP/1.1 200 OK\r\nST: " IGD "1\r\nServer: a/1 "
			   "b/2\r\n\r\n", server, sizeof(server)));
	assert_string_equal(server, "a/1 b/2");
	assert_true(answer("HTTP/1.1 200 OK\r\nST:" IGD "2\r\n\r\n", server,
			   sizeof(server)));
	assert_string_equal(server, "");
	/* unprintable bytes become '?', and the text is cut */
	assert_true(answer("HTTP/1.1 200 OK\r\nST:" IGD "2\r\nSERVER: a\tb"
			   "\xc3\xa4 0123456789abcdef\r\n\r\n", server,
			   sizeof(server)));
	assert_string_equal(server, "a?b?? 012345678");
	assert_false(answer("HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\n\r\n",
			    server, sizeof(server)));
	assert_false(answer("HTTP/1.1 404 No\r\nST: " IGD "1\r\n\r\n", server,
			    sizeof(server)));
	assert_false(answer("HTTP/1.1 200 OK\r\n\r\n", server,
			    sizeof(server)));
	assert_false(answer("NOTIFY * HTTP/1.1\r\nST: " IGD "1\r\n\r\n",
			    server, sizeof(server)));
	assert_false(answer("", server, sizeof(server)));
	assert_false(answer("HTTP/1.1 200 OK\r\nST: " IGD "1\r\n", server,
			    sizeof(server)));
}

/* An answer as a packet socket receives it. */
static void test_answers_before_the_firewall(void **state)
{
	uint8_t p[64] = { 0x46, [12] = 192, [13] = 168, [14] = 88, [15] = 10,
			  [32] = 'H', [33] = 'T' };
	struct str packet = { (char *)p, 34 }, datagram;
	struct addr from;

	assert_true(check_lan_packet(packet, &from, &datagram));
	assert_true(addr_equal(from, addr_ip4(HERE + 9)));
	assert_true(str_eq(datagram, STR("HT")));
	packet.n = 32;
	assert_true(check_lan_packet(packet, &from, &datagram));
	assert_int_equal(datagram.n, 0);
	packet.n = 31;		/* a part of the UDP header */
	assert_false(check_lan_packet(packet, &from, &datagram));
	packet.n = 64;
	p[0] = 0x44;		/* a header that is too short */
	assert_false(check_lan_packet(packet, &from, &datagram));
	p[0] = 0x66;
	assert_false(check_lan_packet(packet, &from, &datagram));
	packet.n = 0;
	assert_false(check_lan_packet(packet, &from, &datagram));
}

/* ---- findings, small files ------------------------------------------ */

/* "ok" is printed only without other findings. */
static void test_worst_finding_is_the_exit_status(void **state)
{
	static const struct cmd_env env = { .file = "" };
	struct check c = { .env = &env, .name = "x" };

	check_report_ok(&c, "fine");
	assert_int_equal(c.reported, 1);
	assert_int_equal(c.worst, CHECK_OK);
	check_report(&c, CHECK_PROBLEM, "bad\ndo %s", "this");
	check_report(&c, CHECK_WARNING, "not so bad\ndo that");
	check_report_ok(&c, "fine");
	assert_int_equal(c.reported, 3);
	assert_int_equal(c.worst, CHECK_PROBLEM);
	assert_int_equal(c.count[CHECK_OK], 1);
	assert_int_equal(c.count[CHECK_WARNING], 1);
	assert_int_equal(c.count[CHECK_PROBLEM], 1);
}

static void test_dangerous_settings_are_warnings(void **state)
{
	static const struct cmd_env env = { .file = "" };
	static struct check c = { .env = &env, .name = "x" };

	c.conf.upnp = c.conf.pcp = c.conf.secure_mode = true;
	check_conf_dangers(&c);
	assert_int_equal(c.worst, CHECK_OK);
	c.reported = 0;
	c.conf.allow_disable_external = true;
	check_conf_dangers(&c);
	assert_int_equal(c.count[CHECK_WARNING], 1);
	c.conf.secure_mode = false;
	check_conf_dangers(&c);
	assert_int_equal(c.count[CHECK_WARNING], 3);
	assert_int_equal(c.count[CHECK_OK], 1);
	/* both are for UPnP */
	c.conf.upnp = false;
	c.reported = 0;
	check_conf_dangers(&c);
	assert_int_equal(c.count[CHECK_WARNING], 3);
	assert_int_equal(c.count[CHECK_OK], 2);
}

/* A single host may speak for others without a warning. */
static void test_third_parties_that_are_a_danger(void **state)
{
	static const struct cmd_env env = { .file = "" };
	static struct check c = { .env = &env, .name = "x" };
	struct conf_networks *list = &c.conf.pcp_third_party;

	c.conf.pcp = true;
	c.fw.net_n = 1;
	c.fw.net[0].net = (struct addr_net){ addr_ip4(HERE), 24 };
	c.fw6.net_n = 1;
	c.fw6.net[0].net = (struct addr_net){ addr_of_text("2001:db8::1"), 64 };
	list->n = 2;
	list->at[0] = (struct addr_net){ addr_ip4(HERE + 9), 32 };
	list->at[1] = (struct addr_net){ addr_of_text("2001:db8::9"), 128 };
	check_conf_dangers(&c);
	assert_int_equal(c.worst, CHECK_OK);
	list->at[0] = (struct addr_net){ addr_ip4(NET(192, 168, 0, 0)), 16 };
	check_conf_dangers(&c);
	assert_int_equal(c.count[CHECK_WARNING], 1);
	list->n = 1;
	list->at[0] = (struct addr_net){ addr_of_text("2001:db8::"), 64 };
	check_conf_dangers(&c);
	assert_int_equal(c.count[CHECK_WARNING], 2);
	c.conf.pcp = false;
	check_conf_dangers(&c);
	assert_int_equal(c.count[CHECK_WARNING], 2);
}

static const char *ports_of(struct check *c, size_t want_n)
{
	static char text[80];
	struct wr w = wr_init(text, sizeof(text));

	assert_int_equal(check_ports_put(c, "every TCP port", &w), want_n);
	return wr_cstr(&w);
}

static void test_ports_that_are_needed(void **state)
{
	static struct check c = { .http_port = 2828 };

	assert_string_equal(ports_of(&c, 0), "");
	c.conf.nat_pmp = true;
	assert_string_equal(ports_of(&c, 1), "UDP port 5351");
	c.conf.upnp = true;
	assert_string_equal(ports_of(&c, 3), "UDP port 1900, TCP port 2828 and "
			    "UDP port 5351");
	c.http_port = 0;
	assert_string_equal(ports_of(&c, 3), "UDP port 1900, every TCP port "
			    "and UDP port 5351");
	c.conf.nat_pmp = false;
	c.http_port = 2828;
	assert_string_equal(ports_of(&c, 2), "UDP port 1900 and TCP port "
			    "2828");
}

static void test_small_files_are_read(void **state)
{
	char buf[8];
	struct str s;

	assert_true(check_report_number("/proc/sys/kernel/%s", "pid_max") > 0);
	assert_int_equal(check_report_number("/proc/sys/kernel/ostype"), -1);
	assert_int_equal(check_report_number("/nowhere"), -1);
	assert_true(check_report_read(buf, sizeof(buf), &s,
			       "/proc/sys/kernel/ostype"));
	assert_true(str_eq(s, STR("Linux")));
	assert_true(check_report_read(buf, sizeof(buf), &s, "/dev/null"));
	assert_int_equal(s.n, 0);
	assert_false(check_report_read(buf, sizeof(buf), &s, "/nowhere/%d", 1));
	assert_false(check_report_read(buf, sizeof(buf), &s, "/%0200d", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_networks_that_may_map),
		cmocka_unit_test(test_networks_that_may_not_map),
		cmocka_unit_test(test_ip6_networks_that_may_map),
		cmocka_unit_test(test_kinds_of_addresses),
		cmocka_unit_test(test_answers_of_other_gateways),
		cmocka_unit_test(test_answers_before_the_firewall),
		cmocka_unit_test(test_dangerous_settings_are_warnings),
		cmocka_unit_test(test_third_parties_that_are_a_danger),
		cmocka_unit_test(test_ports_that_are_needed),
		cmocka_unit_test(test_worst_finding_is_the_exit_status),
		cmocka_unit_test(test_small_files_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
