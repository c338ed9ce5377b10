/* SPDX-License-Identifier: ISC */
/*
 * test_genamsg.c - a CALLBACK leads only to the subscriber, whatever it
 * contains; TIMEOUT, SID, SEQ and NOTIFY have the standard's form.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/unit/addrtest.h"
#include "base/wr.h"
#include "gena/genamsg.h"

#define ARRAY_N(a) (sizeof(a) / sizeof((a)[0]))
#define PEER	addr_ip4(0xc0a8580au)	/* 192.168.88.10 */

static bool is_peer(const void *arg, struct addr host)
{
	return addr_equal(host, PEER);
}

/* A subscriber with one IPv4 address. */
static const struct genamsg_owner owner = { is_peer, NULL };

/* A subscriber with several addresses, a list of texts with NULL behind it. */
static bool is_in_list(const void *arg, struct addr host)
{
	for (const char *const *text = arg; *text; text++)
		if (addr_equal(host, addr_of_text(*text)))
			return true;
	return false;
}
#define US "<http://192.168.88.10"

static const struct {
	const char *value;
	const char *urls;	/* "port path" each, or NULL: refused */
} callbacks[] = {
	{ US ":4004/cb>", "4004 /cb," },
	{ "  " US ":4004/cb>  ", "4004 /cb," },
	{ US "/cb>", "80 /cb," },
	{ US ":/cb>", "80 /cb," },
	{ US ":65535>", "65535 /," },
	{ US ":1?a=b>", "1 /?a=b," },
	{ US ":1/a?b#c>", "1 /a?b," },
	{ US ":1#c>", "1 /," },
	{ "<HTTP://192.168.88.10:1/>", "1 /," },
	{ US ":1/a>" US ":2/b>", "1 /a,2 /b," },
	{ US ":1/a>  " US ":2/b>", "1 /a,2 /b," },
	/* URLs that cannot be used are skipped */
	{ "<http://[fe80::1]:9/x>" US ":2/b>", "2 /b," },
	{ "<https://192.168.88.10:9/x>" US ":2/b>", "2 /b," },
	{ US ":1/1>" US ":2/2>" US ":3/3>" US ":4/4>" US ":5/5>",
	  "1 /1,2 /2,3 /3,4 /4," },
	/* another host: CallStranger */
	{ "<http://192.168.88.11:1/>" },
	{ "<http://11.22.33.9:1/>" },
	{ "<http://192.168.88.10.evil.example:1/>" },
	{ "<http://192.168.88.10@11.22.33.9:1/>" },
	{ "<http://11.22.33.9@192.168.88.10:1/>" },
	{ "<http://localhost:1/>" },
	{ "<http://3232258058:1/>" },
	{ "<http://0xc0.168.88.10:1/>" },
	{ "<http://192.168.088.10:1/>" },
	{ "<http:///cb>" },
	{ US ":0/>" },
	{ US ":65536/>" },
	{ US ":-1/>" },
	{ US ":+1/>" },
	{ US ":80:80/>" },
	{ US ":1/a b>" },
	{ US ":1/\t>" },
	{ US ":1/\xc3\xa4>" },
	{ US ":1/<a>" },
	{ US "" },
	{ US ":1/" },
	{ US ":1/a>junk" },
	{ "http://192.168.88.10:1/" },
	{ "<>" },
	{ "<" },
	{ "" },
	{ "<ftp://192.168.88.10/>" },
	{ "<http:>" },
};

/* A slice that ends at a page without access. */
static struct str guarded(const char *z, size_t n)
{
	static char *page;
	size_t size = (size_t)sysconf(_SC_PAGESIZE);

	if (!page) {
		page = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_true(page != MAP_FAILED);
		assert_int_equal(mprotect(page + size, size, PROT_NONE), 0);
	}
	memcpy(page + size - n, z, n);
	return (struct str){ page + size - n, n };
}

static void callback_leads_only_to_the_subscriber(void **state)
{
	struct genamsg_callback cb;
	char text[1024];

	for (size_t i = 0; i < ARRAY_N(callbacks); i++) {
		const char *z = callbacks[i].value;
		struct wr w = wr_init(text, sizeof(text));
		int err = genamsg_callback(guarded(z, strlen(z)),
					   &owner, &cb);

		if (!callbacks[i].urls) {
			if (err != -EINVAL)
				fail_msg("taken: %s", z);
			continue;
		}
		assert_int_equal(err, 0);
		for (size_t u = 0; u < cb.n; u++)
			wr_fmt(&w, "%u %.*s,", cb.url[u].port,
			       STR_F(genamsg_path(&cb, &cb.url[u])));
		assert_string_equal(wr_cstr(&w), callbacks[i].urls);
	}
}

/* A host has several IPv6 addresses, and names one that it does not ask from.
 * A zone is the subscriber's own name of an interface. */
static void an_ip6_subscriber_gets_its_events(void **state)
{
	static const char *const list[] = {
		"2001:db8::10", "fd00::10", "fe80::10", "192.168.88.10", NULL,
	};
	static const char *const host[] = {
		"[2001:db8::10]", "[fe80::10]", "[fe80::10]", "192.168.88.10",
	};
	const struct genamsg_owner ours = { is_in_list, list };
	struct genamsg_callback cb;
	char text[512];

	assert_int_equal(genamsg_callback(STR(
		"<http://[2001:db8::11]:1/>"
		"<http://[2001:DB8:0::10]:4004/cb><http://[fe80::10%eth0]:2/>"
		"<http://[fe80::10%25eth0]:3><http://192.168.88.10:4/>"
		"<http://[fd00::10]:5/>"), &ours, &cb), 0);
	assert_int_equal(cb.n, GENA_URLS_MAX);
	for (size_t i = 0; i < cb.n; i++) {
		struct wr w = wr_init(text, sizeof(text));
		char want[128];
		const struct genamsg_notify n = {
			cb.url[i].host, cb.url[i].port,
			genamsg_path(&cb, &cb.url[i]), "uuid:x", 0, { 0 },
		};

		genamsg_notify(&w, &n);
		snprintf(want, sizeof(want), "NOTIFY %s HTTP/1.1\r\n"
			 "HOST: %s:%d\r\n", i ? "/" : "/cb", host[i],
			 i ? (int)i + 1 : 4004);
		assert_memory_equal(wr_cstr(&w), want, strlen(want));
	}
}

static void an_ip6_callback_leads_only_to_the_subscriber(void **state)
{
	static const char *const bad[] = {
		"<http://[2001:db8::11]:1/>", "<http://[fe80::11%eth0]:1/>",
		/* only a link-local address has a zone */
		"<http://[2001:db8::10%eth0]:1/>", "<http://[fe80::10%]:1/>",
		"<http://2001:db8::10:1/>", "<http://[2001:db8::10/>",
		"<http://[2001:db8::10]1/>", "<http://[2001:db8::10]:0/>",
		"<http://[::ffff:192.168.88.10]:1/>",
		"<http://[2001:db8::10]@[2001:db8::11]:1/>",
		"<http://[2001:db8::11]@[2001:db8::10]:1/>",
		"<http://[fe80::10%eth0]@[2001:db8::11]:1/>",
		"<http://[fe80::10%a]b]:1/>", "<http://[]:1/>",
	};
	static const char *const list[] = {
		"2001:db8::10", "fe80::10", "192.168.88.10", NULL,
	};
	const struct genamsg_owner ours = { is_in_list, list };
	struct genamsg_callback cb;

	for (size_t i = 0; i < ARRAY_N(bad); i++)
		if (genamsg_callback(guarded(bad[i], strlen(bad[i])), &ours,
				     &cb) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
}

static void every_prefix_of_a_callback_is_safe(void **state)
{
	struct genamsg_callback cb;

	for (size_t i = 0; i < ARRAY_N(callbacks); i++) {
		const char *z = callbacks[i].value;

		for (size_t n = 0; n < strlen(z); n++)
			genamsg_callback(guarded(z, n), &owner, &cb);
	}
}

static void callback_has_a_maximum_length(void **state)
{
	char text[GENA_CALLBACK_MAX + 1];
	struct genamsg_callback cb = { .n = 77 };
	static const char begin[] = US ":1/";

	memset(text, 'a', sizeof(text));
	memcpy(text, begin, strlen(begin));
	text[GENA_CALLBACK_MAX] = '>';
	assert_int_equal(genamsg_callback(guarded(text, sizeof(text)), &owner,
					  &cb), -EINVAL);
	assert_int_equal(cb.n, 77);
	text[GENA_CALLBACK_MAX - 1] = '>';
	assert_int_equal(genamsg_callback(guarded(text, sizeof(text) - 1),
					  &owner, &cb), 0);
	assert_int_equal(cb.url[0].len,
			 GENA_CALLBACK_MAX - strlen(begin));
}

static void timeout_is_never_infinite(void **state)
{
	static const struct {
		const char *value;
		unsigned s;
	} cases[] = {
		{ "", 1800 }, { "Second-1800", 1800 }, { "Second-1", 1800 },
		{ "Second-0", 1800 }, { "second-3600", 3600 },
		{ "Second-7200", 7200 }, { "Second-7201", 7200 },
		{ "Second-4294967296000", 7200 }, { "Second-infinite", 7200 },
		{ "SECOND-INFINITE", 7200 }, { "infinite", 7200 },
		{ "Second-", 1800 }, { "Second--5", 1800 },
		{ "Second-3600x", 1800 }, { "3600", 1800 },
		{ "Minute-3600", 1800 },
	};

	for (size_t i = 0; i < ARRAY_N(cases); i++)
		assert_int_equal(genamsg_timeout_s(str_z(cases[i].value)),
				 cases[i].s);
}

static void sid_is_a_random_uuid(void **state)
{
	static const uint8_t rnd[16] = {
		0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0xf6, 0x77,
		0xf8, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
	};
	char sid[GENAMSG_SID_LEN + 1];

	genamsg_sid(rnd, sid);
	assert_string_equal(sid, "uuid:00112233-4455-4677-b899-aabbccddeeff");
}

static void after_the_last_seq_follows_one(void **state)
{
	assert_int_equal(genamsg_next_seq(0), 1);
	assert_int_equal(genamsg_next_seq(UINT32_MAX - 1), UINT32_MAX);
	assert_int_equal(genamsg_next_seq(UINT32_MAX), 1);
}

static void notify_has_its_form_byte_by_byte(void **state)
{
	static const char want[] =
		"NOTIFY /cb?x HTTP/1.1\r\n"
		"HOST: 192.168.88.10:4004\r\n"
		"CONTENT-TYPE: text/xml; charset=\"utf-8\"\r\n"
		"CONTENT-LENGTH: 144\r\n"
		"NT: upnp:event\r\n"
		"NTS: upnp:propchange\r\n"
		"SID: uuid:x\r\n"
		"SEQ: 4294967295\r\n"
		"CONNECTION: close\r\n"
		"\r\n"
		"<?xml version=\"1.0\"?>\r\n"
		"<e:propertyset xmlns:e=\"urn:schemas-upnp-org:event-1-0\">"
		"<e:property><Var>a&amp;b&lt;</Var></e:property>"
		"</e:propertyset>\r\n";
	char body[512], text[1024];
	struct wr b = wr_init(body, sizeof(body));
	struct wr w = wr_init(text, sizeof(text));
	struct genamsg_notify n = {
		PEER, 4004, STR("/cb?x"), "uuid:x", UINT32_MAX, { 0 },
	};

	genamsg_open(&b);
	genamsg_property(&b, "Var", STR("a&b<"));
	genamsg_close(&b);
	n.body = wr_done(&b);
	genamsg_notify(&w, &n);
	assert_string_equal(wr_cstr(&w), want);
}

static bool same(const char *a, const char *b)
{
	struct genamsg_callback x, y;

	assert_int_equal(genamsg_callback(str_z(a), &owner, &x), 0);
	assert_int_equal(genamsg_callback(str_z(b), &owner, &y), 0);
	return genamsg_same(&x, &y);
}

static void callbacks_are_compared(void **state)
{
	static const char one[] = "<http://192.168.88.10:1/a>";

	assert_true(same(one, "<HTTP://192.168.88.10:1/a#x>"));
	assert_true(same(one, "<http://192.168.88.11:1/a>"
			 "<http://192.168.88.10:1/a>"));
	assert_false(same(one, "<http://192.168.88.10:2/a>"));
	assert_false(same(one, "<http://192.168.88.10:1/b>"));
	assert_false(same(one, "<http://192.168.88.10:1/aa>"));
	assert_false(same(one, "<http://192.168.88.10:1/a>"
			  "<http://192.168.88.10:1/a>"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(callback_leads_only_to_the_subscriber),
		cmocka_unit_test(an_ip6_subscriber_gets_its_events),
		cmocka_unit_test(an_ip6_callback_leads_only_to_the_subscriber),
		cmocka_unit_test(every_prefix_of_a_callback_is_safe),
		cmocka_unit_test(callback_has_a_maximum_length),
		cmocka_unit_test(callbacks_are_compared),
		cmocka_unit_test(timeout_is_never_infinite),
		cmocka_unit_test(sid_is_a_random_uuid),
		cmocka_unit_test(after_the_last_seq_follows_one),
		cmocka_unit_test(notify_has_its_form_byte_by_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
