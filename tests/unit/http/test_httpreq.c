/* SPDX-License-Identifier: ISC */
/* test_httpreq.c - requests with two meanings, with another host or from a web
 * page are refused; the others are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/addrtest.h"
#include "base/wr.h"
#include "http/httpreq.h"

#define OWN addr_ip4(0xc0a80101u)	/* 192.168.1.1 */
#define OWN_PORT 2828

static char path_buf[HTTP_HEAD_MAX];

static int read_request(const char *text, struct httpreq *ret)
{
	struct wr path = wr_init(path_buf, sizeof(path_buf));
	struct httpmsg m;
	ssize_t n = httpmsg_parse(text, strlen(text), &m);

	if (n <= 0)
		fail_msg("not a head (%d): %s", (int)n, text);
	return httpreq_read(&m, OWN, OWN_PORT, &path, ret);
}

#define HOST "Host: 192.168.1.1:2828\r\n"
#define TAIL " HTTP/1.1\r\n" HOST "\r\n"

static const struct {
	const char *text;
	int want;
} verdicts[] = {
	{ "GET /" TAIL, 0 },
	{ "HEAD /" TAIL, 0 },
	{ "get /" TAIL, -501 },
	{ "FOO /" TAIL, -501 },
	{ "GETT /" TAIL, -501 },
	{ "OPTIONS /" TAIL, 0 },
	{ "DELETE /" TAIL, 0 },
	/* Host */
	{ "GET / HTTP/1.1\r\nhost:192.168.1.1\r\n\r\n", 0 },
	{ "GET / HTTP/1.1\r\nHost: 192.168.1.1:\r\n\r\n", 0 },
	{ "GET / HTTP/1.1\r\n\r\n", 0 },
	{ "GET / HTTP/1.1\r\n" HOST HOST "\r\n", -400 },
	{ "GET / HTTP/1.0\r\n\r\n", 0 },
	{ "GET / HTTP/1.0\r\n" HOST "\r\n", 0 },
	{ "GET / HTTP/1.0\r\nHost: evil.example\r\n\r\n", -403 },
	{ "GET / HTTP/1.0\r\n" HOST HOST "\r\n", -400 },
	{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", -403 },
	{ "GET / HTTP/1.1\r\nHost: evil.example:2828\r\n\r\n", -403 },
	{ "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", -403 },
	{ "GET / HTTP/1.1\r\nHost: 192.168.1.2:2828\r\n\r\n", -403 },
	{ "GET / HTTP/1.1\r\nHost: 192.168.1.1:80\r\n\r\n", -403 },
	{ "GET / HTTP/1.1\r\nHost: 192.168.1.1:2828x\r\n\r\n", -403 },
	{ "GET / HTTP/1.1\r\nHost: 192.168.1.1:2828:1\r\n\r\n", -403 },
	{ "GET / HTTP/1.1\r\nHost: 192.168.1.1:68364\r\n\r\n", -403 },
	{ "GET / HTTP/1.1\r\nHost: 192.168.1.1.evil.example\r\n\r\n", -403 },
	{ "GET / HTTP/1.1\r\nHost: a@192.168.1.1:2828\r\n\r\n", -403 },
	{ "GET / HTTP/1.1\r\nHost: 192.168.1.1, evil\r\n\r\n", -403 },
	{ "GET / HTTP/1.1\r\nHost: 192.168.001.1\r\n\r\n", -403 },
	{ "GET / HTTP/1.1\r\nHost: [::1]:2828\r\n\r\n", -403 },
	/* target */
	{ "GET http://192.168.1.1:2828/a" TAIL, 0 },
	{ "GET http://evil.example/a" TAIL, -403 },
	{ "GET http://192.168.1.1:80/a" TAIL, -403 },
	{ "GET http://a@192.168.1.1/a" TAIL, -403 },
	{ "GET http:///a" TAIL, -403 },
	{ "GET https://192.168.1.1:2828/a" TAIL, -400 },
	{ "GET http://192.168.1.1/a HTTP/1.1\r\nHost: evil\r\n\r\n", -403 },
	{ "GET a" TAIL, -400 },
	{ "GET *" TAIL, -400 },
	{ "GET ?a" TAIL, -400 },
	{ "CONNECT 192.168.1.1:2828" TAIL, -400 },
	{ "GET /%zz" TAIL, -400 },
	{ "GET /%4" TAIL, -400 },
	{ "GET /%" TAIL, -400 },
	{ "GET /%%41" TAIL, -400 },
	{ "GET /%-1" TAIL, -400 },
	{ "GET /%00" TAIL, -400 },
	{ "GET /%0a" TAIL, -400 },
	{ "GET /%7F" TAIL, -400 },
	{ "GET /?%zz" TAIL, 0 },
	/* framing */
#define POST "POST / HTTP/1.1\r\n" HOST
	{ POST "\r\n", -411 },
	{ POST "Content-Length: 0\r\n\r\n", 0 },
	{ POST "Content-Length: 16384\r\n\r\n", 0 },
	{ POST "Content-Length: 16385\r\n\r\n", -413 },
	{ POST "Content-Length: 99999999999999999999999\r\n\r\n", -413 },
	{ POST "Content-Length:\r\n\r\n", -400 },
	{ POST "Content-Length: -1\r\n\r\n", -400 },
	{ POST "Content-Length: +1\r\n\r\n", -400 },
	{ POST "Content-Length: 1 1\r\n\r\n", -400 },
	{ POST "Content-Length: 0x1\r\n\r\n", -400 },
	{ POST "Content-Length: 1, 1\r\n\r\n", -400 },
	{ POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", -400 },
	{ POST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
	  -400 },
	{ POST "Transfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\n", -400 },
	{ POST "Transfer-Encoding: Chunked\r\n\r\n", 0 },
	{ POST "Transfer-Encoding: gzip, chunked\r\n\r\n", -501 },
	{ POST "Transfer-Encoding: chunked, chunked\r\n\r\n", -501 },
	{ POST "Transfer-Encoding: identity\r\n\r\n", -501 },
	{ POST "Transfer-Encoding:\r\n\r\n", -501 },
	{ POST "Transfer-Encoding: chunked\r\n"
	       "Transfer-Encoding: chunked\r\n\r\n", -501 },
	{ "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", -400 },
	{ "POST / HTTP/1.0\r\n\r\n", -411 },
	{ "SUBSCRIBE /" TAIL, 0 },
	{ "GET / HTTP/1.1\r\n" HOST "Content-Length: x\r\n\r\n", -400 },
};

static void test_refused_requests_have_their_status(void **state)
{
	struct httpreq r;

	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		int got = read_request(verdicts[i].text, &r);

		if (got != verdicts[i].want)
			fail_msg("%d, not %d: %s", got, verdicts[i].want,
				 verdicts[i].text);
	}
}

static const struct {
	const char *target, *path;
} paths[] = {
	{ "/", "/" },
	{ "/igd1.xml", "/igd1.xml" },
	{ "/a?b", "/a" },
	{ "/?", "/" },
	{ "/a%2fb%20c", "/a/b c" },
	{ "/%41%5A%7e", "/AZ~" },
	{ "/a%3fb?c", "/a?b" },
	{ "/%25zz", "/%zz" },
	{ "/../x", "/../x" },		/* compared, never opened */
	{ "http://192.168.1.1:2828", "/" },
	{ "HTTP://192.168.1.1/a/b?c", "/a/b" },
	{ "http://192.168.1.1?x", "/" },
	{ "http://192.168.1.1:/a", "/a" },
	{ "/http://evil/", "/http://evil/" },
};

static void test_paths_are_decoded(void **state)
{
	struct httpreq r;
	char text[256];

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		snprintf(text, sizeof(text), "GET %s" TAIL, paths[i].target);
		assert_int_equal(read_request(text, &r), 0);
		assert_true(str_eq(r.path, str_z(paths[i].path)));
	}
}

/* The server's own address may be an IPv6 one, which stands in brackets. A zone
 * is the client's name of its interface. */
static void test_own_address_of_ip6(void **state)
{
	static const struct {
		const char *host;
		int global, link_local;	/* if that is its own address */
	} row[] = {
		{ "[2001:db8::1]:2828", 0, -403 }, { "[2001:db8::1]", 0, -403 },
		{ "[2001:DB8:0::1]:2828", 0, -403 },
		{ "[fe80::1]:2828", -403, 0 }, { "[FE80::0:1]", -403, 0 },
		{ "[fe80::1%eth0]:2828", -403, 0 },
		{ "[fe80::1%25eth0]:2828", -403, 0 },
		{ "[fe80::1%25]", -403, 0 }, { "[fe80::1%12]", -403, 0 },
		{ "[fe80::2%eth0]:2828", -403, -403 },
		{ "[fe80::1%eth0]:80", -403, -403 },
		{ "[fe80::1%]:2828", -403, -403 },
		{ "[fe80::1%a]evil.example:2828", -403, -403 },
		{ "[fe80::1%a].evil.example", -403, -403 },
		{ "[2001:db8::1%eth0]:2828", -403, -403 },
		{ "fe80::1", -403, -403 }, { "[evil.example]", -403, -403 },
		{ "[2001:db8::2]:2828", -403, -403 },
		{ "[2001:db8::1]:80", -403, -403 },
		{ "2001:db8::1", -403, -403 }, { "[2001:db8::1", -403, -403 },
		{ "192.168.1.1:2828", -403, -403 },
		{ "[::ffff:192.168.1.1]:2828", -403, -403 },
		{ "evil.example:2828", -403, -403 }, { "[]", -403, -403 },
	};
	const struct addr own[] = { addr_of_text("2001:db8::1"),
				    addr_of_text("fe80::1") };
	struct httpmsg m;
	struct httpreq r;
	char text[256];

	for (size_t i = 0; i < 2 * sizeof(row) / sizeof(row[0]); i++) {
		const char *host = row[i / 2].host;
		struct wr path = wr_init(path_buf, sizeof(path_buf));
		int want = i % 2 ? row[i / 2].link_local : row[i / 2].global;

		snprintf(text, sizeof(text), "GET /a HTTP/1.1\r\n"
			 "Host: %s\r\n\r\n", host);
		assert_true(httpmsg_parse(text, strlen(text), &m) > 0);
		if (httpreq_read(&m, own[i % 2], OWN_PORT, &path, &r) != want)
			fail_msg("Host: %s", host);
		snprintf(text, sizeof(text), "GET http://%s/a HTTP/1.1\r\n"
			 "\r\n", host);
		assert_true(httpmsg_parse(text, strlen(text), &m) > 0);
		if (httpreq_read(&m, own[i % 2], OWN_PORT, &path, &r) != want)
			fail_msg("http://%s/a", host);
	}
}

static void test_long_path_is_431(void **state)
{
	char text[256];
	struct wr path = wr_init(path_buf, 4);
	struct httpmsg m;
	struct httpreq r;

	snprintf(text, sizeof(text), "GET /abc" TAIL);
	assert_true(httpmsg_parse(text, strlen(text), &m) > 0);
	assert_int_equal(httpreq_read(&m, OWN, OWN_PORT, &path, &r), 0);
	path = wr_init(path_buf, 3);
	assert_int_equal(httpreq_read(&m, OWN, OWN_PORT, &path, &r), -431);
}

static const struct {
	const char *text;
	bool keep, old, expect;
} connections[] = {
	{ "GET /" TAIL, true, false, false },
	{ "GET / HTTP/1.1\r\n" HOST "Connection: Close\r\n\r\n" },
	{ "GET / HTTP/1.1\r\n" HOST "Connection: x, close\r\n\r\n" },
	{ "GET / HTTP/1.1\r\n" HOST "Connection: x\r\nConnection: close\r\n"
	  "\r\n" },
	{ "GET / HTTP/1.1\r\n" HOST "Connection: keep-alive\r\n\r\n", true },
	{ "GET / HTTP/1.0\r\n\r\n", false, true, false },
	{ "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true, true },
	{ "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false,
	  true },
	{ "GET / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\n\r\n", true, false,
	  true },
	{ "GET / HTTP/1.1\r\n" HOST "Expect: wonders\r\n\r\n", true },
	{ "GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", false, true },
};

static void test_connection_is_kept_or_closed(void **state)
{
	struct httpreq r;

	for (size_t i = 0; i < sizeof(connections) / sizeof(connections[0]);
	     i++) {
		assert_int_equal(read_request(connections[i].text, &r), 0);
		assert_int_equal(r.keep_alive, connections[i].keep);
		assert_int_equal(r.http10, connections[i].old);
		assert_int_equal(r.expect, connections[i].expect);
	}
}

static void test_framing_is_read(void **state)
{
	struct httpreq r;

	assert_int_equal(read_request(POST "Content-Length: 0042\r\n\r\n", &r),
			 0);
	assert_int_equal(r.method, HTTP_POST);
	assert_int_equal(r.length, 42);
	assert_false(r.chunked);
	assert_int_equal(read_request(POST "Transfer-Encoding: chunked\r\n\r\n",
				      &r), 0);
	assert_true(r.chunked);
	assert_int_equal(r.length, 0);
	assert_int_equal(read_request("OPTIONS /" TAIL, &r), 0);
	assert_int_equal(r.method, 0);
}

/* The fields that a browser sends for a page of another site. */
static void test_web_page_is_refused(void **state)
{
	static const struct {
		const char *request;
		int want;
	} row[] = {
		{ POST "Content-Length: 0\r\n"
		  "Origin: http://evil.example\r\n\r\n", -403 },
		{ POST "Content-Length: 0\r\norigin: null\r\n\r\n", -403 },
		{ POST "Content-Length: 0\r\nOrigin:\r\n\r\n", -403 },
		{ POST "Content-Length: 0\r\n"
		  "Referer: http://evil.example/\r\n\r\n", -403 },
		{ "GET / HTTP/1.0\r\nOrigin: null\r\n\r\n", -403 },
		{ "GET / HTTP/1.0\r\nReferer: http://a/\r\n\r\n", 0 },
		{ "HEAD / HTTP/1.0\r\nReferer: http://a/\r\n\r\n", 0 },
		{ "SUBSCRIBE / HTTP/1.0\r\nReferer: a\r\n\r\n", -403 },
	};
	struct httpreq r;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		assert_int_equal(read_request(row[i].request, &r),
				 row[i].want);
}

static void test_nothing_is_set_after_an_error(void **state)
{
	struct httpreq r = { .length = 7 };

	assert_int_equal(read_request("GET /%zz" TAIL, &r), -400);
	assert_int_equal(r.length, 7);
	assert_null(r.path.p);
}

static void assert_allow(unsigned mask, const char *want)
{
	char buf[128];
	struct wr w = wr_init(buf, sizeof(buf));

	httpreq_allow(&w, mask);
	assert_string_equal(wr_cstr(&w), want);
}

static void test_allow_lists_the_methods(void **state)
{
	assert_allow(HTTP_POST, "Allow: POST\r\n");
	assert_allow(HTTP_GET | HTTP_HEAD, "Allow: GET, HEAD\r\n");
	assert_allow(HTTP_SUBSCRIBE | HTTP_UNSUBSCRIBE,
		     "Allow: SUBSCRIBE, UNSUBSCRIBE\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_requests_have_their_status),
		cmocka_unit_test(test_paths_are_decoded),
		cmocka_unit_test(test_own_address_of_ip6),
		cmocka_unit_test(test_long_path_is_431),
		cmocka_unit_test(test_connection_is_kept_or_closed),
		cmocka_unit_test(test_framing_is_read),
		cmocka_unit_test(test_web_page_is_refused),
		cmocka_unit_test(test_nothing_is_set_after_an_error),
		cmocka_unit_test(test_allow_lists_the_methods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
