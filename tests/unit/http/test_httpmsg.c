/* SPDX-License-Identifier: ISC */
/*
 * test_httpmsg.c - a head is parsed the same in whatever pieces it arrives,
 * syntax errors are refused, and no byte outside of the input is read: the
 * input lies against unreadable pages at both ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/wr.h"
#include "http/httpmsg.h"

#define ROOM (HTTP_HEAD_MAX * 2)
#define N(a) (sizeof(a) / sizeof((a)[0]))

/* ROOM bytes with an unreadable page before and after. */
static char *room;

static int make_room(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, ROOM + 2 * page, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED ||
	    mprotect(p + page, ROOM, PROT_READ | PROT_WRITE))
		return -1;
	room = p + page;
	return 0;
}

static const char *at_end(const char *in, size_t len)
{
	assert_true(len <= ROOM);
	return memcpy(room + ROOM - len, in, len);
}

static const char *at_start(const char *in, size_t len)
{
	assert_true(len <= ROOM);
	return memcpy(room, in, len);
}

static bool inside(struct str s, const char *buf, size_t len)
{
	return s.p >= buf && s.n <= len && s.p + s.n <= buf + len;
}

/* Check what is true for every head. */
static void check_slices(const struct httpmsg *m, const char *buf, size_t len)
{
	size_t i;

	assert_true(m->field_n <= HTTP_HEADERS_MAX);
	if (m->status) {
		assert_in_range(m->status, 100, 999);
	} else {
		assert_true(inside(m->method, buf, len) && m->method.n);
		assert_true(inside(m->target, buf, len) && m->target.n);
	}
	for (i = 0; i < m->field_n; i++) {
		assert_true(inside(m->field[i].name, buf, len));
		assert_true(m->field[i].name.n > 0);
		assert_true(inside(m->field[i].value, buf, len));
		assert_null(memchr(m->field[i].value.p, '\n',
				   m->field[i].value.n));
		assert_null(memchr(m->field[i].value.p, '\r',
				   m->field[i].value.n));
		assert_null(memchr(m->field[i].value.p, 0,
				   m->field[i].value.n));
	}
}

static void check_same(const struct httpmsg *a, const char *a_buf,
		       const struct httpmsg *b, const char *b_buf)
{
	size_t i;

	assert_int_equal(a->status, b->status);
	assert_int_equal(a->minor, b->minor);
	assert_int_equal(a->field_n, b->field_n);
	assert_true(str_eq(a->method, b->method));
	assert_true(str_eq(a->target, b->target));
	for (i = 0; i < a->field_n; i++) {
		assert_int_equal(a->field[i].name.p - a_buf,
				 b->field[i].name.p - b_buf);
		assert_true(str_eq(a->field[i].name, b->field[i].name));
		assert_true(str_eq(a->field[i].value, b->field[i].value));
	}
}

/* Parse every prefix: "need more", then from some byte on the final result. */
static void check_prefixes(const char *in, size_t len, ssize_t want,
			   const struct httpmsg *whole)
{
	struct httpmsg m;
	bool decided = false;
	const char *buf;
	ssize_t got;
	size_t n;

	for (n = 0; n <= len; n++) {
		buf = at_end(in, n);
		memset(&m, 0xa5, sizeof(m));
		got = httpmsg_parse(buf, n, &m);
		if (want > 0)
			assert_int_equal(got, n < (size_t)want ? 0 : want);
		else
			assert_true(got == (decided ? want : 0) ||
				    got == want);
		decided |= got != 0;
		if (got > 0)
			check_same(&m, buf, whole, in);
		else
			assert_int_equal(m.field_n, (size_t)-1 / 255 * 0xa5);
	}
}

static void check(const char *in, size_t len, ssize_t want)
{
	struct httpmsg whole, m;
	const char *buf;

	memset(&whole, 0, sizeof(whole));
	assert_int_equal(httpmsg_parse(in, len, &whole), want);
	buf = at_start(in, len);
	assert_int_equal(httpmsg_parse(buf, len, &m), want);
	if (want > 0) {
		check_slices(&whole, in, (size_t)want);
		check_same(&m, buf, &whole, in);
	}
	check_prefixes(in, len, want, &whole);
}

/* Parse a valid head, which is all of @text. */
static struct httpmsg good(const char *text)
{
	struct httpmsg m;

	check(text, strlen(text), (ssize_t)strlen(text));
	assert_true(httpmsg_parse(text, strlen(text), &m) > 0);
	return m;
}

#define assert_str(s, want) assert_true(str_eq((s), str_z(want)))

static void assert_field(const struct httpmsg *m, const char *name,
			 const char *want)
{
	struct str v;

	assert_true(httpmsg_get(m, str_z(name), &v));
	if (!str_eq(v, str_z(want)))
		fail_msg("%s is \"%.*s\", not \"%s\"", name, STR_F(v), want);
}

/* ---- real heads -------------------------------------------------------- */

static void test_post_of_miniupnpc(void **state)
{
	struct httpmsg m = good("POST /ctl HTTP/1.1\r\n"
		"Host: 192.168.88.1:5000\r\n"
		"User-Agent: Debian/bookworm/sid, UPnP/1.1, MiniUPnPc/2.2.4\r\n"
		"Content-Length: 285\r\n"
		"Content-Type: text/xml\r\n"
		"SOAPAction: \"urn:schemas-upnp-org:service:WANIPConnection:2"
		"#GetExternalIPAddress\"\r\n"
		"Connection: Close\r\n"
		"Cache-Control: no-cache\r\n"
		"Pragma: no-cache\r\n"
		"\r\n");

	assert_str(m.method, "POST");
	assert_str(m.target, "/ctl");
	assert_int_equal(m.status, 0);
	assert_int_equal(m.minor, 1);
	assert_int_equal(m.field_n, 8);
	assert_field(&m, "HOST", "192.168.88.1:5000");
	assert_field(&m, "content-length", "285");
	assert_field(&m, "Soapaction",
		     "\"urn:schemas-upnp-org:service:WANIPConnection:2"
		     "#GetExternalIPAddress\"");
	assert_true(httpmsg_has_token(&m, STR("Connection"), STR("close")));
}

static void test_search_of_libtorrent(void **state)
{
	static const char in[] = "M-SEARCH * HTTP/1.1\r\n"
		"HOST: 239.255.255.250:1900\r\n"
		"ST:upnp:rootdevice\r\n"
		"MAN:\"ssdp:discover\"\r\n"
		"MX:3\r\n"
		"\r\n\r\n";
	struct httpmsg m;

	/* its third line end is not part of the head */
	check(in, sizeof(in) - 1, sizeof(in) - 3);
	assert_true(httpmsg_parse(in, sizeof(in) - 1, &m) > 0);
	assert_str(m.method, "M-SEARCH");
	assert_str(m.target, "*");
	assert_field(&m, "st", "upnp:rootdevice");
	assert_field(&m, "Man", "\"ssdp:discover\"");
	assert_field(&m, "mx", "3");
}

static void test_lines_may_end_in_lf(void **state)
{
	struct httpmsg m = good("NOTIFY * HTTP/1.1\nNTS: ssdp:alive\n\r\n");

	assert_str(m.method, "NOTIFY");
	assert_field(&m, "nts", "ssdp:alive");
	m = good("GET / HTTP/1.0\n\n");
	assert_int_equal(m.minor, 0);
	assert_int_equal(m.field_n, 0);
}

static void test_status_lines(void **state)
{
	static const struct { const char *in; unsigned status, minor; } t[] = {
		{ "HTTP/1.1 200 OK\r\n\r\n", 200, 1 },
		{ "HTTP/1.1 200 \r\n\r\n", 200, 1 },
		{ "HTTP/1.1 200\r\n\r\n", 200, 1 },
		{ "HTTP/1.0 412 Precondition Failed\n\n", 412, 0 },
		{ "HTTP/1.1 500  two  spaces\r\n\r\n", 500, 1 },
		{ "HTTP/1.9 100 \xc3\xa9t\xc3\xa9\tx\r\n\r\n", 100, 9 },
		{ "HTTP/1.1 999 x\r\n\r\n", 999, 1 },
	};
	struct httpmsg m;
	size_t i;

	for (i = 0; i < N(t); i++) {
		m = good(t[i].in);
		assert_int_equal(m.status, t[i].status);
		assert_int_equal(m.minor, t[i].minor);
		assert_int_equal(m.method.n, 0);
		assert_int_equal(m.target.n, 0);
	}
	m = good("HTTP/1.1 200 OK\r\nSID: uuid:1\r\nTIMEOUT: Second-180\r\n"
		 "\r\n");
	assert_field(&m, "Sid", "uuid:1");
}

/* ---- accepted heads ----------------------------------------------------- */

static void test_tolerated_heads(void **state)
{
	struct httpmsg m;

	m = good("\r\n\n\r\nGET / HTTP/1.1\r\n\r\n");	/* RFC 9112 2.2 */
	assert_str(m.method, "GET");
	m = good("GET http://10.0.0.1:2828/igd1.xml?a=%20;b HTTP/1.1\r\n\r\n");
	assert_str(m.target, "http://10.0.0.1:2828/igd1.xml?a=%20;b");
	m = good("GET / HTTP/1.1\r\nA:\r\nB: \t \r\nC: \t x \ty\t \r\n\r\n");
	assert_field(&m, "a", "");
	assert_field(&m, "b", "");
	assert_field(&m, "c", "x \ty");
	m = good("GET / HTTP/1.1\r\nA::b:c\r\nServer: \xe4\xb8\xad\r\n\r\n");
	assert_field(&m, "a", ":b:c");
	assert_field(&m, "server", "\xe4\xb8\xad");
	m = good("a!#$%&'*+-.^_`|~Z9 x HTTP/1.1\r\n!#$%&'*+-.^_`|~0aZ:1\r\n"
		 "\r\n");
	assert_field(&m, "!#$%&'*+-.^_`|~0Az", "1");
}

static void test_unfinished_head_needs_more(void **state)
{
	static const char *const t[] = {
		"", "\r", "\r\n", "\n\n\n", "GET", "GET / HTTP/1.1",
		"GET / HTTP/1.1\r", "GET / HTTP/1.1\r\n",
		"GET / HTTP/1.1\r\nHost: x", "GET / HTTP/1.1\r\nHost: x\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\n\r", "no line end, so no verdict",
	};
	size_t i;

	for (i = 0; i < N(t); i++)
		check(t[i], strlen(t[i]), 0);
	assert_int_equal(httpmsg_parse(NULL, 0, &(struct httpmsg){ 0 }), 0);
}

static void test_next_request_is_not_part_of_the_head(void **state)
{
	static const char in[] = "GET /a HTTP/1.1\r\nA: 1\r\n\r\n"
				 "GET /b HTTP/1.1\r\nB: 2\r\n\r\n";
	size_t half = (sizeof(in) - 1) / 2;
	struct httpmsg m;

	check(in, sizeof(in) - 1, (ssize_t)half);
	assert_int_equal(httpmsg_parse(in + half, half, &m), half);
	assert_str(m.target, "/b");
}

/* ---- refused heads ------------------------------------------------------- */

static void test_bad_syntax_is_refused(void **state)
{
	static const char *const t[] = {
		/* start line */
		" GET / HTTP/1.1\r\n\r\n", "\t\r\nGET / HTTP/1.1\r\n\r\n",
		"GET\r\n\r\n", "GET \r\n\r\n", "GET /\r\n\r\n",
		"GET / \r\n\r\n", "GET  / HTTP/1.1\r\n\r\n",
		"GET /  HTTP/1.1\r\n\r\n", "GET / HTTP/1.1 \r\n\r\n",
		"GET /a b HTTP/1.1\r\n\r\n", "GET\t/\tHTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\r\n\r\n", "GET / HTTP/1\r\n\r\n",
		"GET / HTTP/1.10\r\n\r\n", "GET / HTTP/1.x\r\n\r\n",
		"GET / HTTP/11.1\r\n\r\n", "GET / HTTP/+.1\r\n\r\n",
		"GET / http/1.1\r\n\r\n", "GET / HTTP 1.1\r\n\r\n",
		"GET / ICY/1.1\r\n\r\n", "GET / HTTP/1,1\r\n\r\n",
		"G(T / HTTP/1.1\r\n\r\n", "G\xc3\xa9T / HTTP/1.1\r\n\r\n",
		"GET /\x7f HTTP/1.1\r\n\r\n", "GET /\x01 HTTP/1.1\r\n\r\n",
		"GET /\xc3\xa9 HTTP/1.1\r\n\r\n", "GET /\r HTTP/1.1\r\n\r\n",
		/* status line */
		"HTTP/1.1\r\n\r\n", "HTTP/1.1 \r\n\r\n",
		"HTTP/1.1  200\r\n\r\n",
		"HTTP/1.1 20\r\n\r\n", "HTTP/1.1 2000\r\n\r\n",
		"HTTP/1.1 000\r\n\r\n", "HTTP/1.1 099 x\r\n\r\n",
		"HTTP/1.1 -20 x\r\n\r\n", "HTTP/1.1 +20 x\r\n\r\n",
		"HTTP/1.1 20x OK\r\n\r\n", "HTTP/1.1 0x1 OK\r\n\r\n",
		"HTTP/1.1\t200 OK\r\n\r\n", "HTTP/1.1 200 O\x01K\r\n\r\n",
		"HTTP/1.1 200 O\rK\r\n\r\n", "HTTP/ 200 OK\r\n\r\n",
		/* fields */
		"GET / HTTP/1.1\r\nHost\r\n\r\n",
		"GET / HTTP/1.1\r\n:\r\n\r\n", "GET / HTTP/1.1\r\n: x\r\n\r\n",
		"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
		"GET / HTTP/1.1\r\nHost\t: x\r\n\r\n",
		"GET / HTTP/1.1\r\n Host: x\r\n\r\n",
		"GET / HTTP/1.1\r\nA: 1\r\n B: 2\r\n\r\n",
		"GET / HTTP/1.1\r\nA: 1\r\n\tfolded\r\n\r\n",
		"GET / HTTP/1.1\r\nA: 1\r\n \r\n\r\n",
		"GET / HTTP/1.1\r\nA(: 1\r\n\r\n",
		"GET / HTTP/1.1\r\nA\xff: 1\r\n\r\n",
		"GET / HTTP/1.1\r\n\"A\": 1\r\n\r\n",
		"GET / HTTP/1.1\r\nA: x\ry\r\n\r\n",
		"GET / HTTP/1.1\r\nA:\r\r\n\r\n",
		"GET / HTTP/1.1\r\nA: x\r\n\r\r\n\r\n",
		"GET / HTTP/1.1\r\nA: \x1b[0m\r\n\r\n",
		"GET / HTTP/1.1\r\nA: x\x7f\r\n\r\n",
		"GET / HTTP/1.1\r\nA: 1\r\nHost; x\r\n\r\n",
	};
	size_t i;

	for (i = 0; i < N(t); i++)
		check(t[i], strlen(t[i]), -400);
}

/* Each control character, at each byte of a valid head. */
static void test_control_characters_are_refused(void **state)
{
	static const char in[] = "GET / HTTP/1.1\r\nAb: xy\r\n\r\n";
	char bad[sizeof(in)];
	size_t at, len = sizeof(in) - 1;
	size_t value_at = len - strlen(" xy\r\n\r\n");
	unsigned c;

	for (at = 0; at < len; at++) {
		if (in[at] == '\r' || in[at] == '\n')
			continue;
		for (c = 0; c < 0x20; c++) {
			/* a tab is allowed in a value */
			if (c == '\n' || (c == '\t' && at >= value_at))
				continue;
			memcpy(bad, in, sizeof(in));
			bad[at] = (char)c;
			check(bad, len, -400);
		}
	}
}

static void test_other_http_versions_are_refused(void **state)
{
	check("GET / HTTP/2.0\r\n\r\n", 18, -505);
	check("GET / HTTP/0.9\r\n\r\n", 18, -505);
	check("PRI * HTTP/2.0\r\n\r\n", 18, -505);
	check("HTTP/2.0 200 OK\r\n\r\n", 19, -505);
	check("HTTP/9.9 x\r\n\r\n", 14, -505);
}

/* @n fields of two bytes each; the caller may append more. */
static size_t many_fields(char *buf, size_t cap, size_t n)
{
	struct wr w = wr_init(buf, cap);

	wr_z(&w, "GET / HTTP/1.1\r\n");
	while (n--)
		wr_z(&w, "a:\r\n");
	wr_z(&w, "\r\n");
	assert_false(w.over);
	return w.len;
}

static void test_number_of_fields_has_a_limit(void **state)
{
	char buf[512];
	struct httpmsg m;
	size_t len;

	len = many_fields(buf, sizeof(buf), HTTP_HEADERS_MAX);
	check(buf, len, (ssize_t)len);
	httpmsg_parse(buf, len, &m);
	assert_int_equal(m.field_n, HTTP_HEADERS_MAX);
	assert_int_equal(httpmsg_count(&m, STR("A")), HTTP_HEADERS_MAX);
	len = many_fields(buf, sizeof(buf), HTTP_HEADERS_MAX + 1);
	check(buf, len, -431);
	/* the first error is reported, in whatever pieces the head arrives */
	buf[16] = '(';
	check(buf, len, -400);
}

static void test_long_head(void **state)
{
	static char buf[HTTP_HEAD_MAX];
	static const char start[] = "GET / HTTP/1.1\r\nA: ";
	struct httpmsg m;

	memset(buf, 'x', sizeof(buf));
	memcpy(buf, start, sizeof(start) - 1);
	assert_int_equal(httpmsg_parse(at_end(buf, sizeof(buf)), sizeof(buf),
				       &m), 0);
	memcpy(buf + sizeof(buf) - 4, "\r\n\r\n", 4);
	assert_int_equal(httpmsg_parse(at_end(buf, sizeof(buf)), sizeof(buf),
				       &m), sizeof(buf));
	assert_int_equal(m.field[0].value.n,
			 sizeof(buf) - 4 - (sizeof(start) - 1));
	memset(buf, '\n', sizeof(buf));
	assert_int_equal(httpmsg_parse(buf, sizeof(buf), &m), 0);
}

/* Valid heads with random damage: the result must not depend on the pieces, and
 * no slice may leave the buffer. */
static void test_damaged_heads(void **state)
{
	static const char *const seed[] = {
		"POST /c HTTP/1.1\r\nHost: 1.2.3.4\r\nCount: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA:b\nC: d,e\r\n\r\n",
		"\r\nM-SEARCH * HTTP/1.1\nMX:1\r\n\r\n\r\n",
	};
	static const char alphabet[] = "\r\n\t :,/.19HTP\0\x7f\xff(a";
	uint32_t rnd = 1;
	size_t round, hits, len;
	struct httpmsg m;
	char in[128];
	ssize_t want;

	for (round = 0; round < 6000; round++) {
		len = strlen(seed[round % N(seed)]);
		memcpy(in, seed[round % N(seed)], len);
		for (hits = 1 + round % 3; hits; hits--) {
			rnd = rnd * 1664525 + 1013904223;
			in[(rnd >> 8) % len] =
				alphabet[(rnd >> 20) % (sizeof(alphabet) - 1)];
		}
		want = httpmsg_parse(in, len, &m);
		assert_true(want >= 0 ? (size_t)want <= len :
			    want == -400 || want == -505);
		check(in, len, want);
	}
}

/* ---- reading fields ------------------------------------------------- */

static void test_fields_are_found_without_case(void **state)
{
	struct httpmsg m = good("GET / HTTP/1.1\r\nA: 1\r\nAB: 2\r\na: 3\r\n"
				"\r\n");
	struct str v = STR("kept");

	assert_field(&m, "A", "1");
	assert_field(&m, "ab", "2");
	assert_false(httpmsg_get(&m, STR("abc"), &v));
	assert_false(httpmsg_get(&m, STR(""), &v));
	assert_str(v, "kept");
	assert_int_equal(httpmsg_count(&m, STR("A")), 2);
	assert_int_equal(httpmsg_count(&m, STR("Ab")), 1);
	assert_int_equal(httpmsg_count(&m, STR("b")), 0);
}

static void test_tokens_in_a_list(void **state)
{
	struct httpmsg m = good("GET / HTTP/1.1\r\n"
		"Connection: Keep-Alive,\tTE , ,upgrade\r\n"
		"Expect:100-continue\r\n"
		"Empty:\r\n"
		"connection: closed\r\n"
		"Connection: CLOSE\r\n\r\n");
	struct str conn = STR("Connection");

	assert_true(httpmsg_has_token(&m, conn, STR("keep-alive")));
	assert_true(httpmsg_has_token(&m, conn, STR("te")));
	assert_true(httpmsg_has_token(&m, conn, STR("upgrade")));
	assert_true(httpmsg_has_token(&m, conn, STR("close")));
	assert_false(httpmsg_has_token(&m, conn, STR("keep")));
	assert_false(httpmsg_has_token(&m, conn, STR("alive")));
	assert_false(httpmsg_has_token(&m, STR("Empty"), STR("x")));
	assert_false(httpmsg_has_token(&m, STR("Missing"), STR("close")));
	assert_true(httpmsg_has_token(&m, STR("EXPECT"), STR("100-Continue")));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_post_of_miniupnpc),
		cmocka_unit_test(test_search_of_libtorrent),
		cmocka_unit_test(test_lines_may_end_in_lf),
		cmocka_unit_test(test_status_lines),
		cmocka_unit_test(test_tolerated_heads),
		cmocka_unit_test(test_unfinished_head_needs_more),
		cmocka_unit_test(test_next_request_is_not_part_of_the_head),
		cmocka_unit_test(test_bad_syntax_is_refused),
		cmocka_unit_test(test_control_characters_are_refused),
		cmocka_unit_test(test_other_http_versions_are_refused),
		cmocka_unit_test(test_number_of_fields_has_a_limit),
		cmocka_unit_test(test_long_head),
		cmocka_unit_test(test_damaged_heads),
		cmocka_unit_test(test_fields_are_found_without_case),
		cmocka_unit_test(test_tokens_in_a_list),
	};

	return cmocka_run_group_tests(tests, make_room, NULL);
}
