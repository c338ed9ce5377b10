/* SPDX-License-Identifier: ISC */
/*
 * test_httpd.c - every request gets exactly one answer, within its deadline, or
 * its connection is closed, and no client can take the server from the others.
 * Over socketpairs with a fake clock, and over loopback TCP.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/unit/addrtest.h"
#include "base/wr.h"
#include "httpd.h"

#define OWN addr_ip4(0x0a000001u)	/* 10.0.0.1 */
#define OWN_PORT 2828
#define IFINDEX 3
#define HOST "Host: 10.0.0.1:2828\r\n"
#define GET_A "GET /a HTTP/1.1\r\n" HOST "\r\n"
#define GET_LATE "GET /late HTTP/1.1\r\n" HOST "\r\n"
#define LOOP_FDS (HTTP_CONNS_MAX + IFSOCKS_MAX)

static uint64_t clock_now;
static struct loop *loop;
static struct httpd *srv;
static unsigned served;
static uint32_t late[HTTP_CONNS_MAX], aborted[HTTP_CONNS_MAX];
static size_t late_n, aborted_n;
static int refused;			/* status of the last one */
static struct httpd_req seen;		/* scalars of the last request */
static bool body_kept;			/* of /wake, after the other replies */
static char big[HTTP_REPLY_MAX + 1];

/* ---- routes -------------------------------------------------------- */

static uint64_t fake_clock(void)
{
	return clock_now;
}

static int64_t fake_wall(void)
{
	return 0;
}

static const struct {
	const char *path;
	unsigned methods;
} places[] = {
	{ "/a", HTTP_GET },
	{ "/a b", HTTP_GET },
	{ "/echo", HTTP_GET | HTTP_POST },
	{ "/post", HTTP_POST },
	{ "/sub", HTTP_SUBSCRIBE | HTTP_UNSUBSCRIBE },
	{ "/empty", HTTP_GET | HTTP_POST },
	{ "/late", HTTP_GET | HTTP_POST },
	{ "/big", HTTP_GET },
	{ "/long", HTTP_GET },
	{ "/open", HTTP_GET },
	{ "/toobig", HTTP_GET },
	{ "/extra", HTTP_GET },
	{ "/wake", HTTP_GET },
};

static unsigned methods_of(void *arg, struct str path)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (str_eq(path, str_z(places[i].path)))
			return places[i].methods;
	}
	return 0;
}

static void reply(uint32_t id, const char *text, size_t n)
{
	const struct httpd_reply r = {
		.status = 200,
		.content_type = "text/plain",
		.body = { text, n },
	};

	httpd_reply(srv, id, &r);
}

/* Answer with the request. */
static void reply_echo(const struct httpd_req *q)
{
	static char text[HTTP_REPLY_MAX];
	struct wr w = wr_init(text, sizeof(text));

	wr_u64(&w, q->method);
	wr_ch(&w, ' ');
	wr_str(&w, q->path);
	wr_ch(&w, ' ');
	wr_str(&w, q->body);
	reply(q->id, text, w.len);
}

/* A body of LONG bytes, "0123456789012...", in pieces of at most 1000. */
#define LONG 300007

static void write_long(void *arg, void *at, size_t left, struct wr *w)
{
	uint64_t *pos = at;

	for (size_t i = 0; i < 1000 && i < left && w->len < w->cap; i++)
		wr_ch(w, (char)('0' + (*pos)++ % 10));
}

/* The same body. Its length is not known before. */
static void write_open(void *arg, void *at, size_t left, struct wr *w)
{
	const uint64_t *pos = at;

	assert_true(left >= LONG);
	assert_true(w->cap - w->len >= HTTPSOURCE_ROOM);
	if (*pos < LONG)
		write_long(arg, at, LONG - *pos, w);
}

static void reply_long(uint32_t id, bool open)
{
	const struct httpsource source = {
		.write = open ? write_open : write_long,
		.left = open ? HTTPSOURCE_OPEN : LONG,
	};
	const struct httpd_reply r = { .status = 200, .source = &source };

	httpd_reply(srv, id, &r);
}

static void serve(void *arg, const struct httpd_req *q)
{
	const struct httpd_reply extra = {
		.status = 412, .extra = STR("X-One: 1\r\nX-Two: 2\r\n"),
		.body = STR("no"),
	};

	served++;
	seen = *q;
	if (str_eq(q->path, STR("/late"))) {
		late[late_n++] = q->id;
		return;
	}
	if (str_eq(q->path, STR("/empty"))) {
		reply(q->id, "", 0);
	} else if (str_eq(q->path, STR("/big"))) {
		reply(q->id, big, HTTP_REPLY_MAX);
	} else if (str_eq(q->path, STR("/toobig"))) {
		reply(q->id, big, sizeof(big));
	} else if (str_eq(q->path, STR("/long")) ||
		   str_eq(q->path, STR("/open"))) {
		reply_long(q->id, str_eq(q->path, STR("/open")));
	} else if (str_eq(q->path, STR("/extra"))) {
		httpd_reply(srv, q->id, &extra);
	} else if (str_eq(q->path, STR("/wake"))) {
		reply_echo(q);
		while (late_n)
			reply(late[--late_n], big, HTTP_REPLY_MAX);
		body_kept = str_eq(q->body, STR("body"));
	} else {
		reply_echo(q);
	}
	httpd_reply(srv, q->id, &extra);	/* a second reply is ignored */
}

static void on_aborted(void *arg, uint32_t id)
{
	aborted[aborted_n++] = id;
}

static void on_refused(void *arg, struct addr peer, int status)
{
	refused = status;
}

/* ---- clients ------------------------------------------------------- */

/* The hosts of 2001:db8::/64 are one; an IPv4 host is its address. */
static struct addr share_of(void *arg, int ifindex, struct addr peer)
{
	if (peer.family == ADDR_IP6)
		memset(peer.byte + 8, 0, 8);
	return peer;
}

static void on_misnamed(void *arg, const struct httpends *ends,
			struct httpd_reply *ret)
{
	assert_true(addr_equal(ends->local, OWN));
	ret->content_type = "text/html";
	ret->extra = STR("X-Help: yes\r\n");
	ret->body = STR("elsewhere");
}

static int setup(void **state)
{
	const struct httpd_routes routes = {
		methods_of, serve, on_aborted, on_refused, share_of,
		on_misnamed, NULL
	};
	const struct httpd_config config = { "test/1", fake_wall };

	clock_now = 1000;
	served = 0;
	refused = 0;
	late_n = aborted_n = 0;
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)('a' + i % 23);
	loop = loop_new(LOOP_FDS, fake_clock);
	srv = httpd_new(loop, &routes, &config);
	return srv ? 0 : -1;
}

static int teardown(void **state)
{
	httpd_free(srv);
	loop_free(loop);
	return 0;
}

static void pump(void)
{
	for (int i = 0; i < 6; i++)
		loop_step(loop, 0);
}

static void pass_ms(uint64_t ms)
{
	clock_now += ms;
	pump();
}

/* The connection of a client at @ip. */
static const struct httpends *ends_of(uint32_t ip)
{
	static struct httpends ends;

	ends = (struct httpends){ .peer = addr_ip4(ip), .local = OWN,
				  .url_addr = addr_ip4(0x0a000007u),
				  .local_port = OWN_PORT, .ifindex = IFINDEX };
	return &ends;
}

static int dial_from(uint32_t ip)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    pair), 0);
	httpd_adopt(srv, pair[0], ends_of(ip));
	return pair[1];
}

static int dial(void)
{
	return dial_from(0x0a000002);
}

static void put_n(int fd, const char *text, size_t n)
{
	/* the server may have closed it already */
	send(fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void put(int fd, const char *text)
{
	put_n(fd, text, strlen(text));
	pump();
}

struct answer {
	char text[65536];
	size_t n;
	bool closed, reset;
};

/* Read what has arrived. */
static void get(int fd, struct answer *a)
{
	ssize_t n;

	a->n = 0;
	a->closed = false;
	for (;;) {
		pump();
		n = recv(fd, a->text + a->n, sizeof(a->text) - 1 - a->n,
			 MSG_DONTWAIT);
		if (n <= 0)
			break;
		a->n += (size_t)n;
	}
	a->closed = n == 0 || errno != EAGAIN;
	a->reset = n < 0 && errno == ECONNRESET;
	a->text[a->n] = '\0';
}

static struct answer ans, other;

static int status_of(const struct answer *a)
{
	return a->n > 12 ? (int)strtol(a->text + 9, NULL, 10) : 0;
}

static bool has(const struct answer *a, const char *text)
{
	return strstr(a->text, text) != NULL;
}

static const char *body_of(const struct answer *a)
{
	const char *p = strstr(a->text, "\r\n\r\n");

	return p ? p + 4 : "(no body)";
}

/* Send a request on a new connection; the answer is in ans. */
static void ask(const char *text)
{
	int fd = dial();

	put(fd, text);
	get(fd, &ans);
	close(fd);
	pump();
}

/* ---- single requests ------------------------------------- */

#define POST_ECHO "POST /echo HTTP/1.1\r\n" HOST
#define CHUNKED POST_ECHO "Transfer-Encoding: chunked\r\n\r\n"

static const struct vector {
	const char *text;
	int status;
	const char *body;	/* NULL: any */
	bool closed;
} vectors[] = {
	{ GET_A, 200, "1 /a ", false },
	{ "\r\n\r\n" GET_A, 200, "1 /a ", false },
	{ GET_A "\r\n", 200, "1 /a ", false },
	{ "HEAD /a HTTP/1.1\r\n" HOST "\r\n", 200, "", false },
	{ "HEAD /big HTTP/1.1\r\n" HOST "\r\n", 200, "", false },
	{ "GET /a HTTP/1.0\r\n\r\n", 200, "1 /a ", true },
	{ "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, "1 /a ",
	  false },
	{ "GET /a HTTP/1.1\nHost: 10.0.0.1\n\n", 200, "1 /a ", false },
	{ "GET /a HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", 200,
	  "1 /a ", true },
	{ "GET /a%20b?x=%zz HTTP/1.1\r\n" HOST "\r\n", 200, "1 /a b ", false },
	{ "GET %2fa HTTP/1.1\r\n" HOST "\r\n", 400, "", true },
	{ "GET /%61 HTTP/1.1\r\n" HOST "\r\n", 200, "1 /a ", false },
	{ "GET /%zz HTTP/1.1\r\n" HOST "\r\n", 400, "", true },
	{ "GET /a%00 HTTP/1.1\r\n" HOST "\r\n", 400, "", true },
	{ "GET http://10.0.0.1:2828/a HTTP/1.1\r\n" HOST "\r\n", 200, "1 /a ",
	  false },
	{ "GET http://evil.example/a HTTP/1.1\r\n" HOST "\r\n", 403, "elsewhere",
	  true },
	{ "GET /a HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, "elsewhere",
	  true },
	{ "HEAD /a HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, "", true },
	{ "GET /a HTTP/1.1\r\nHost: evil.example\r\nOrigin: null\r\n\r\n", 403,
	  "", true },
	{ "POST /post HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, "", true },
	{ "GET /a HTTP/1.1\r\nHost: 10.0.0.2\r\n\r\n", 403, "elsewhere", true },
	{ "GET /a HTTP/1.1\r\nHost: 10.0.0.1:80\r\n\r\n", 403, "elsewhere",
	  true },
	{ "GET /a HTTP/1.1\r\n\r\n", 200, "1 /a ", false },
	{ "GET /a HTTP/1.1\r\n" HOST HOST "\r\n", 400, "", true },
	{ "GET /nowhere HTTP/1.1\r\n" HOST "\r\n", 404, "", true },
	{ "POST /a HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", 405, "",
	  true },
	{ "HEAD /post HTTP/1.1\r\n" HOST "\r\n", 405, "", true },
	{ "OPTIONS /post HTTP/1.1\r\n" HOST "\r\n", 405, "", true },
	{ "BREW /a HTTP/1.1\r\n" HOST "\r\n", 501, "", true },
	{ "GET /a HTTP/2.0\r\n" HOST "\r\n", 505, "", true },
	{ "GET /a\r\n\r\n", 400, "", true },
	{ "\x16\x03\x01\x02\n\n", 400, "", true },	/* TLS */
	{ "GET /a HTTP/1.1\r\nHost : 10.0.0.1\r\n\r\n", 400, "", true },
	{ "SUBSCRIBE /sub HTTP/1.1\r\n" HOST "\r\n", 200, "8 /sub ", false },
	{ "UNSUBSCRIBE /sub HTTP/1.1\r\n" HOST "\r\n", 200, "16 /sub ",
	  false },
	{ POST_ECHO "Content-Length: 5\r\n\r\nhello", 200, "4 /echo hello",
	  false },
	{ POST_ECHO "Content-Length: 5\r\n\r\nhello\r\n", 200, "4 /echo hello",
	  false },
	{ POST_ECHO "Content-Length: 0\r\n\r\n", 200, "4 /echo ", false },
	{ "GET /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi", 200,
	  "1 /echo hi", false },
	{ POST_ECHO "\r\n", 411, "", true },
	{ POST_ECHO "Content-Length: five\r\n\r\nhello", 400, "", true },
	{ POST_ECHO "Content-Length:\r\n\r\n", 400, "", true },
	{ POST_ECHO "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400,
	  "", true },
	{ POST_ECHO "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
	  400, "", true },
	{ POST_ECHO "Content-Length: 16385\r\n\r\n", 413, "", true },
	{ POST_ECHO "Transfer-Encoding: gzip\r\n\r\n", 501, "", true },
	{ CHUNKED "5\r\nhello\r\n0\r\n\r\n", 200, "4 /echo hello", false },
	{ CHUNKED "2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nA: b\r\n\r\n", 200,
	  "4 /echo hello", false },
	{ CHUNKED "0\r\n\r\n", 200, "4 /echo ", false },
	{ CHUNKED "x\r\n", 400, "", true },
	{ CHUNKED "5\r\nhelloX\r\n", 400, "", true },
	{ CHUNKED "4001\r\n", 413, "", true },
	{ "GET /empty HTTP/1.1\r\n" HOST "\r\n", 200, "", true },
	{ "GET /toobig HTTP/1.1\r\n" HOST "\r\n", 500, "", true },
	{ "GET /extra HTTP/1.1\r\n" HOST "\r\n", 412, "no", false },
};
#define VECTORS_N (sizeof(vectors) / sizeof(vectors[0]))

static void test_each_request_has_its_status(void **state)
{
	for (size_t i = 0; i < VECTORS_N; i++) {
		const struct vector *v = &vectors[i];

		ask(v->text);
		if (status_of(&ans) != v->status || ans.closed != v->closed ||
		    (v->body && strcmp(body_of(&ans), v->body)))
			fail_msg("asked: %s\nanswered: %s", v->text, ans.text);
		assert_int_equal(has(&ans, "\r\nConnection: close\r\n"),
				 v->closed);
	}
}

/* Send @text in two parts, or byte by byte if @cut is 0. */
static void ask_split(const char *text, size_t cut)
{
	size_t n = strlen(text);
	int fd = dial();

	if (cut) {
		put_n(fd, text, cut);
		pump();
		put_n(fd, text + cut, n - cut);
	}
	for (size_t i = 0; !cut && i < n; i++) {
		put_n(fd, text + i, 1);
		pump();
	}
	get(fd, &other);
	close(fd);
	pump();
}

static void assert_same_answer(const struct vector *v, size_t cut)
{
	if (ans.n != other.n || memcmp(ans.text, other.text, ans.n) ||
	    ans.closed != other.closed)
		fail_msg("split at %zu of: %s\nanswered: %s", cut, v->text,
			 other.text);
}

static void test_split_requests_have_the_same_answer(void **state)
{
	for (size_t i = 0; i < VECTORS_N; i++) {
		const struct vector *v = &vectors[i];

		ask(v->text);
		for (size_t cut = 0; cut < strlen(v->text); cut++) {
			ask_split(v->text, cut);
			assert_same_answer(v, cut);
		}
	}
}

static void test_reply_head(void **state)
{
	ask(GET_A);
	assert_string_equal(ans.text,
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
		"Content-Length: 5\r\nDATE: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
		"SERVER: test/1\r\nEXT:\r\n\r\n1 /a ");
	ask("HEAD /a HTTP/1.1\r\n" HOST "\r\n");
	assert_true(has(&ans, "Content-Length: 5\r\n"));
	ask("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_true(has(&ans, "\r\nConnection: keep-alive\r\n"));
	ask("POST /a HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n");
	assert_true(has(&ans, "\r\nAllow: GET, HEAD\r\n"));
	ask("GET /sub HTTP/1.1\r\n" HOST "\r\n");
	assert_true(has(&ans, "\r\nAllow: SUBSCRIBE, UNSUBSCRIBE\r\n"));
	ask("GET /extra HTTP/1.1\r\n" HOST "\r\n");
	assert_true(has(&ans, "\r\nX-One: 1\r\nX-Two: 2\r\n\r\nno"));
}

static void test_routes_get_the_request(void **state)
{
	int fd = dial_from(0x0a000063);

	put(fd, "GET /a HTTP/1.1\r\n" HOST "X-Y: z\r\n\r\n");
	assert_int_equal(seen.method, HTTP_GET);
	assert_ip(seen.peer, 0x0a000063);
	assert_true(addr_equal(seen.local, OWN));
	assert_int_equal(seen.local_port, OWN_PORT);
	assert_int_equal(seen.ifindex, IFINDEX);
	assert_ip(seen.url_addr, 0x0a000007u);
	assert_int_equal(httpmsg_count(seen.head, STR("x-y")), 1);
	close(fd);
}

/* ---- limits of size ------------------------------------------------ */

static char text_buf[65536];

/* A GET whose head is @n bytes long. */
static const char *long_head(size_t n)
{
	const char start[] = "GET /a HTTP/1.1\r\n" HOST "X: ";

	memset(text_buf, 'x', n);
	memcpy(text_buf, start, sizeof(start) - 1);
	memcpy(text_buf + n - 4, "\r\n\r\n", 5);
	return text_buf;
}

static void test_head_has_a_limit(void **state)
{
	ask(long_head(HTTP_HEAD_MAX));
	assert_int_equal(status_of(&ans), 200);
	ask_split(text_buf, HTTP_HEAD_MAX - 1);
	assert_int_equal(status_of(&other), 200);
	ask(long_head(HTTP_HEAD_MAX + 1));
	assert_int_equal(status_of(&ans), 431);
	ask_split(text_buf, HTTP_HEAD_MAX);
	assert_int_equal(status_of(&other), 431);
	ask_split(text_buf, 5);
	assert_int_equal(status_of(&other), 431);
	ask(long_head(30000));
	assert_int_equal(status_of(&ans), 431);
}

static void test_number_of_fields_has_a_limit(void **state)
{
	struct wr w = wr_init(text_buf, sizeof(text_buf));

	wr_z(&w, "GET /a HTTP/1.1\r\n" HOST);
	for (int i = 0; i < HTTP_HEADERS_MAX; i++)
		wr_z(&w, "a: b\r\n");
	wr_z(&w, "\r\n");
	ask(wr_cstr(&w));
	assert_int_equal(status_of(&ans), 431);
}

/* The longest head with the longest body, followed by another request. */
static void test_largest_request(void **state)
{
	char *p = text_buf;
	int fd = dial();
	size_t n;

	n = (size_t)snprintf(p, sizeof(text_buf),
			     POST_ECHO "Content-Length: %d\r\nX: ",
			     HTTP_BODY_MAX);
	memset(p + n, 'x', HTTP_HEAD_MAX - 4 - n);
	memcpy(p + HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
	memset(p + HTTP_HEAD_MAX, 'y', HTTP_BODY_MAX);
	n = HTTP_HEAD_MAX + HTTP_BODY_MAX;
	memcpy(p + n, GET_A, sizeof(GET_A));
	n += sizeof(GET_A) - 1;
	for (size_t i = 0; i < n; i += 777) {
		put_n(fd, p + i, n - i < 777 ? n - i : 777);
		pump();
	}
	get(fd, &ans);
	assert_int_equal(served, 2);
	assert_int_equal(strspn(body_of(&ans) + 8, "y"), HTTP_BODY_MAX);
	assert_true(has(&ans, "\r\n\r\n1 /a "));
	close(fd);
}

/* ---- several requests --------------------------------------------- */

static unsigned count(const struct answer *a, const char *text)
{
	unsigned n = 0;

	for (const char *p = a->text; (p = strstr(p, text)); p++)
		n++;
	return n;
}

#define THREE GET_A POST_ECHO "Content-Length: 5\r\n\r\nhello" CHUNKED \
	"2\r\nhi\r\n0\r\n\r\n"

static void test_pipelined_requests_are_answered_in_order(void **state)
{
	const struct vector v = { THREE };

	ask(THREE);
	assert_int_equal(count(&ans, "HTTP/1.1 200"), 3);
	assert_true(strstr(ans.text, "1 /a ") < strstr(ans.text, "hello"));
	assert_true(has(&ans, "4 /echo hi"));
	assert_false(ans.closed);
	for (size_t cut = 0; cut < sizeof(THREE) - 1; cut++) {
		ask_split(THREE, cut);
		assert_same_answer(&v, cut);
	}
	/* no request is handled after "close" */
	served = 0;
	ask(GET_A "GET /a HTTP/1.0\r\n\r\n" GET_A);
	assert_int_equal(served, 2);
	served = 0;
	ask(GET_A "GET /a HTTP/1.1\r\n" HOST HOST "\r\n" GET_A);
	assert_int_equal(served, 1);
	assert_int_equal(count(&ans, "HTTP/1.1 400"), 1);
	assert_true(ans.closed);
}

static void test_connection_is_kept(void **state)
{
	int fd = dial();

	for (int i = 0; i < 50; i++) {
		put(fd, GET_A);
		get(fd, &ans);
		assert_string_equal(body_of(&ans), "1 /a ");
		assert_false(ans.closed);
		pass_ms(HTTP_IDLE_MS - 1000);
	}
	close(fd);
}

/* Two requests whose parts arrive alternately are not mixed up. */
static void test_two_connections_are_not_mixed_up(void **state)
{
	int a = dial(), b = dial();

	put(a, POST_ECHO "Content-Length: 4\r\n\r\nbo");
	put(b, CHUNKED "2\r\nhi");
	put(b, "\r\n0\r\n\r\n");
	get(b, &ans);
	assert_string_equal(body_of(&ans), "4 /echo hi");
	put(b, GET_A);
	put(a, "dy");
	get(a, &ans);
	assert_string_equal(body_of(&ans), "4 /echo body");
	close(a);
	close(b);
}

/* ---- deferred replies ------------------------------------------------ */


static void test_reply_may_come_later(void **state)
{
	int fd = dial();

	put(fd, GET_LATE GET_A);
	get(fd, &ans);
	assert_int_equal(ans.n, 0);
	assert_int_equal(late_n, 1);
	pass_ms(HTTP_IDLE_MS);		/* it is not idle */
	assert_int_equal(served, 1);	/* the second must wait */
	reply(late[0] + HTTP_CONNS_MAX, "wrong", 5);
	reply(late[0], "late", 4);
	assert_int_equal(served, 1);	/* not from inside httpd_reply() */
	reply(late[0], "twice", 5);
	get(fd, &ans);
	assert_int_equal(served, 2);
	assert_int_equal(count(&ans, "HTTP/1.1 200"), 2);
	assert_true(strstr(ans.text, "late") < strstr(ans.text, "1 /a "));
	assert_false(has(&ans, "wrong") || has(&ans, "twice"));
	close(fd);
}

/* Many deferred requests in one piece, and some bytes after them. */
static void test_pipelined_replies_may_come_later(void **state)
{
	int fd = dial();

	put(fd, GET_LATE GET_LATE GET_LATE "GET /a HT");
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(late_n, i + 1);
		reply(late[i], "late", 4);
		pump();
	}
	put(fd, "TP/1.0\r\n\r\n");
	get(fd, &ans);
	assert_int_equal(count(&ans, "\r\n\r\nlate"), 3);
	assert_int_equal(count(&ans, "\r\n\r\n1 /a "), 1);
	assert_true(ans.closed);
	close(fd);
}

/* The client closes directly after pipelined requests: they are still
 * served. */
static void test_deferred_then_closed(void **state)
{
	int fd = dial();

	put(fd, GET_LATE GET_A);
	shutdown(fd, SHUT_WR);
	pump();
	assert_int_equal(aborted_n, 0);
	reply(late[0], "late", 4);
	get(fd, &ans);
	assert_int_equal(count(&ans, "HTTP/1.1 200"), 2);
	assert_true(ans.closed);
	close(fd);
}

static void test_client_that_leaves_is_reported(void **state)
{
	int fd = dial();

	put(fd, GET_LATE);
	close(fd);
	pump();
	assert_int_equal(aborted_n, 1);
	assert_int_equal(aborted[0], late[0]);
	reply(late[0], "late", 4);
	/* the old id does not reach the next client in the slot */
	fd = dial();
	put(fd, GET_LATE);
	reply(late[0], "late", 4);
	get(fd, &ans);
	assert_int_equal(ans.n, 0);
	reply(late[1], "new", 3);
	get(fd, &ans);
	assert_string_equal(body_of(&ans), "new");
	close(fd);
	pump();
	assert_int_equal(aborted_n, 1);	/* it had been answered */
}

static void test_half_closed_client_gets_its_reply(void **state)
{
	int fd = dial();

	put(fd, GET_LATE);
	shutdown(fd, SHUT_WR);
	pump();
	assert_int_equal(aborted_n, 0);
	reply(late[0], "late", 4);
	get(fd, &ans);
	assert_string_equal(body_of(&ans), "late");
	assert_true(ans.closed);
	close(fd);
	/* in the middle of a request it is an error */
	fd = dial();
	put(fd, "GET /a HT");
	shutdown(fd, SHUT_WR);
	get(fd, &ans);
	assert_int_equal(status_of(&ans), 400);
	assert_true(ans.closed);
	close(fd);
	fd = dial();
	shutdown(fd, SHUT_WR);
	get(fd, &ans);
	assert_int_equal(ans.n, 0);
	assert_true(ans.closed);
	close(fd);
}

/* Routes that never answer do not block a connection for ever. */
static void test_unanswered_request_has_a_deadline(void **state)
{
	int fd = dial();

	put(fd, GET_LATE GET_A);
	for (int i = 0; i < 60; i++)
		pass_ms(1000);
	assert_int_equal(aborted_n, 1);
	assert_int_equal(aborted[0], late[0]);
	get(fd, &ans);
	assert_int_equal(status_of(&ans), 503);
	assert_true(ans.closed);
	assert_int_equal(served, 1);
	close(fd);
}

/* ---- time ---------------------------------------------------------- */

/* A byte each second: the deadline starts at the first one. */
static void test_slow_head_has_a_deadline(void **state)
{
	static const char request[] = GET_A;
	int fd = dial(), sent = 0;

	for (int ms = 0; ms < HTTP_REQUEST_MS - 1000; ms += 1000) {
		put_n(fd, request + sent++, 1);
		pass_ms(1000);
	}
	get(fd, &ans);
	assert_int_equal(ans.n, 0);
	put_n(fd, request + sent, 1);
	pass_ms(2000);
	get(fd, &ans);
	assert_int_equal(status_of(&ans), 408);
	assert_true(ans.closed);
	close(fd);
}

/* The same for a body; the idle time before does not extend the deadline. */
static void test_slow_body_has_a_deadline(void **state)
{
	int fd = dial();

	pass_ms(5000);
	put(fd, POST_ECHO "Content-Length: 1000\r\n\r\n");
	for (int ms = 0; ms < HTTP_REQUEST_MS + 2000; ms += 1000) {
		put_n(fd, "x", 1);
		pass_ms(1000);
	}
	get(fd, &ans);
	assert_int_equal(status_of(&ans), 408);
	close(fd);
}

static void test_idle_connection_is_closed(void **state)
{
	int fd = dial(), drip = dial();

	for (int ms = 0; ms < HTTP_IDLE_MS - 1000; ms += 1000) {
		pass_ms(1000);
		put(drip, "\r\n");	/* an empty line does not count */
	}
	get(fd, &ans);
	assert_false(ans.closed);
	pass_ms(2000);
	get(fd, &ans);
	assert_int_equal(ans.n, 0);
	assert_true(ans.closed);
	get(drip, &ans);
	assert_int_equal(ans.n, 0);
	assert_true(ans.closed);
	close(fd);
	close(drip);
}

/* A request that arrived in parts leaves no deadline. */
static void test_idle_after_parts(void **state)
{
	int fd = dial();

	put(fd, "GET /a HT");
	pass_ms(5000);
	put(fd, "TP/1.1\r\n" HOST "\r\n");
	get(fd, &ans);
	assert_int_equal(status_of(&ans), 200);
	pass_ms(HTTP_REQUEST_MS + 2000);
	put(fd, "GET /a HT");
	pass_ms(5000);
	put(fd, "TP/1.1\r\n" HOST "\r\n");
	get(fd, &ans);
	assert_int_equal(status_of(&ans), 200);
	pass_ms(HTTP_IDLE_MS + 2000);
	get(fd, &ans);
	assert_int_equal(ans.n, 0);
	assert_true(ans.closed);
	close(fd);
}

/* ---- replies that do not fit --------------------------------------- */

/* A connection whose reply is not sent in one piece. */
static int dial_narrow(void)
{
	int pair[2], small = 2048;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	httpd_adopt(srv, pair[0], ends_of(1));
	return pair[1];
}

#define GET_BIG "GET /big HTTP/1.1\r\n" HOST "\r\n"

static void assert_big(const char *body)
{
	assert_memory_equal(body, big, HTTP_REPLY_MAX);
}

static void test_slow_reader_gets_all(void **state)
{
	int fd = dial_narrow();
	size_t n = 0;

	put(fd, GET_BIG GET_A "GET /a HT");
	while (served < 2) {
		ssize_t k = recv(fd, ans.text + n, 700, MSG_DONTWAIT);

		assert_true(k > 0);
		n += (size_t)k;
		pass_ms(250);		/* slow, but it makes progress */
	}
	assert_true(clock_now > HTTP_REPLY_MS / 2);
	assert_true(n > HTTP_REPLY_MAX / 2);
	get(fd, &other);
	memcpy(ans.text + n, other.text, other.n + 1);
	assert_big(body_of(&ans));
	assert_string_equal(body_of(&ans) + HTTP_REPLY_MAX +
			    (strstr(other.text, "\r\n\r\n1 /a ") + 4 -
			     strstr(other.text, "HTTP/1.1")), "1 /a ");
	assert_false(other.closed);
	put(fd, "TP/1.0\r\n\r\n");
	get(fd, &ans);
	assert_string_equal(body_of(&ans), "1 /a ");
	close(fd);
}

#define GET_LONG "GET /long HTTP/1.1\r\n" HOST "\r\n"
#define GET_OPEN "GET /open HTTP/1.1\r\n" HOST "\r\n"

static char long_text[LONG + 32768];

/* Send two requests, and read both replies into long_text. */
static void read_two(int fd, const char *requests, size_t piece)
{
	size_t n = 0;

	served = 0;
	put(fd, requests);
	for (int idle = 0; idle < 3 && n < sizeof(long_text) - 1;) {
		ssize_t k = recv(fd, long_text + n, n + piece <
				 sizeof(long_text) ? piece : 1, MSG_DONTWAIT);

		idle = k > 0 || served < 2 ? 0 : idle + 1;
		n += k > 0 ? (size_t)k : 0;
		pump();
	}
	long_text[n] = '\0';
}

static void check_long(const char *body)
{
	for (size_t i = 0; i < LONG; i++)
		assert_int_equal(body[i], '0' + i % 10);
}

/* A body that is longer than any buffer, to a fast and to a slow reader, and
 * the next request on the connection. */
static void test_long_body_is_sent_in_pieces(void **state)
{
	const char *body;

	for (int narrow = 0; narrow < 2; narrow++) {
		int fd = narrow ? dial_narrow() : dial();

		read_two(fd, GET_LONG GET_A, narrow ? 3000 : 65536);
		assert_non_null(strstr(long_text, "Content-Length: 300007\r\n"));
		body = strstr(long_text, "\r\n\r\n") + 4;
		check_long(body);
		assert_memory_equal(body + LONG, "HTTP/1.1 200", 12);
		assert_non_null(strstr(body + LONG, "1 /a "));
		close(fd);
	}
	ask("HEAD /long HTTP/1.1\r\n" HOST "\r\n");
	assert_true(has(&ans, "Content-Length: 300007\r\n"));
	assert_string_equal(body_of(&ans), "");
}

/* Join the chunks at @p in place. Return: what comes after them */
static char *join_chunks(char *p)
{
	char *to = p, *end;
	size_t n;

	do {
		n = strtoul(p, &end, 16);
		assert_int_equal(end - p, 8);
		assert_memory_equal(end, "\r\n", 2);
		memmove(to, end + 2, n);
		to += n;
		p = end + 2 + n;
		assert_memory_equal(p, "\r\n", 2);
		p += 2;
	} while (n);
	assert_int_equal(to - strstr(long_text, "\r\n\r\n") - 4, LONG);
	return p;
}

static void test_body_of_unknown_length_is_sent_in_chunks(void **state)
{
	char *body, *next;

	for (int narrow = 0; narrow < 2; narrow++) {
		int fd = narrow ? dial_narrow() : dial();

		read_two(fd, GET_OPEN GET_A, narrow ? 3000 : 65536);
		assert_non_null(strstr(long_text,
				       "\r\nTransfer-Encoding: chunked\r\n"));
		body = strstr(long_text, "\r\n\r\n") + 4;
		*(body - 2) = '\0';
		assert_null(strstr(long_text, "Content-Length"));
		*(body - 2) = '\r';
		next = join_chunks(body);
		check_long(body);
		assert_memory_equal(next, "HTTP/1.1 200", 12);
		assert_non_null(strstr(next, "1 /a "));
		close(fd);
	}
	ask("HEAD /open HTTP/1.1\r\n" HOST "\r\n");
	assert_true(has(&ans, "Transfer-Encoding: chunked\r\n"));
	assert_string_equal(body_of(&ans), "");
	assert_false(ans.closed);
}

/* HTTP/1.0 knows no chunks: the body ends with the connection. */
static void test_body_of_unknown_length_ends_with_the_connection(void **state)
{
	static const char request[] =
		"GET /open HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
	size_t n = 0;
	ssize_t k;
	int fd = dial();
	char *body;

	put(fd, request);
	while ((k = recv(fd, long_text + n, 65536, MSG_DONTWAIT)) > 0) {
		n += (size_t)k;
		pump();
	}
	assert_int_equal(k, 0);
	long_text[n] = '\0';
	body = strstr(long_text, "\r\n\r\n") + 4;
	assert_non_null(strstr(long_text, "\r\nConnection: close\r\n"));
	assert_int_equal(strlen(body), LONG);
	check_long(body);
	assert_null(strstr(long_text, "chunked"));
	assert_null(strstr(long_text, "Content-Length"));
	close(fd);
}

/* A reader as slow as the slowest link gets all of a body, however long it is:
 * its time grows with what it has read. */
static void test_steady_reader_of_an_open_body_gets_all(void **state)
{
	const uint64_t start = clock_now;
	int fd = dial_narrow();
	size_t n = 0;

	put(fd, "GET /open HTTP/1.0\r\n" HOST "\r\n");
	for (ssize_t k = 1; k; pass_ms(100)) {
		for (size_t got = 0; got < 100 * HTTP_REPLY_BYTES_MS;
		     got += (size_t)k) {
			k = recv(fd, ans.text, 400, MSG_DONTWAIT);
			if (k <= 0)
				break;
			n += (size_t)k;
			pump();
		}
		assert_int_equal(refused, 0);
		if (k < 0)
			assert_int_equal(errno, EAGAIN);
	}
	assert_in_range(n, LONG, LONG + 1000);
	assert_true(clock_now - start > HTTP_REPLY_MS);
	close(fd);
}

/* While a slow reader has a part of its page, others are served. */
static void test_slow_reader_of_an_open_body_delays_nobody(void **state)
{
	int fd = dial_narrow();

	put(fd, GET_OPEN);
	for (int i = 0; i < 20; i++) {
		ask(GET_A);
		assert_int_equal(status_of(&ans), 200);
		recv(fd, ans.text, 500, MSG_DONTWAIT);
	}
	close(fd);
}

static void test_stuck_reader_is_closed(void **state)
{
	int fd = dial_narrow();

	put(fd, GET_BIG);
	for (int ms = 0; ms <= HTTP_REPLY_MS; ms += 1000)
		pass_ms(1000);
	get(fd, &ans);
	assert_true(ans.closed);
	assert_true(ans.n < HTTP_REPLY_MAX);
	assert_int_equal(refused, 408);
	close(fd);
}

/* However a client reads, a reply has an end, and so has a long one. */
static void test_reply_has_a_deadline(void **state)
{
	static const char *const request[] = { GET_BIG, GET_LONG, GET_OPEN };

	for (int kind = 0; kind < 3; kind++) {
		size_t length = kind ? LONG : HTTP_REPLY_MAX;
		uint64_t most = HTTP_REPLY_MS + length / HTTP_REPLY_BYTES_MS;
		uint64_t start = clock_now;
		int fd = dial_narrow();

		put(fd, request[kind]);
		refused = 0;
		while (!refused && clock_now < start + 2 * most) {
			/* enough for the socket to accept some more */
			for (int i = 0; i < 5; i++)
				recv(fd, ans.text, 700, MSG_DONTWAIT);
			pass_ms(HTTP_REPLY_MS - 2000);
		}
		assert_int_equal(refused, 408);
		assert_in_range(clock_now, start + HTTP_REPLY_MS + 1,
				start + most + HTTP_REPLY_MS);
		close(fd);
	}
}

/* Many at once: clients that read are served, the slowest lose their buffers,
 * and the server continues. */
static void test_many_slow_readers(void **state)
{
	int fd[HTTP_BUFS_MAX + 10];
	unsigned whole = 0;

	for (size_t i = 0; i < HTTP_BUFS_MAX + 10; i++) {
		fd[i] = dial_narrow();
		put(fd[i], GET_BIG);
	}
	ask(GET_A);
	assert_int_equal(status_of(&ans), 200);
	for (size_t i = 0; i < HTTP_BUFS_MAX + 10; i++) {
		get(fd[i], &ans);
		whole += strlen(body_of(&ans)) == HTTP_REPLY_MAX;
		assert_true(i < 10 || !ans.closed);
		close(fd[i]);
	}
	assert_int_equal(whole, HTTP_BUFS_MAX);
	pump();
	/* all buffers were released */
	for (size_t i = 0; i < HTTP_BUFS_MAX; i++) {
		fd[i] = dial();
		put(fd[i], "GET /a HT");
	}
	for (size_t i = 0; i < HTTP_BUFS_MAX; i++) {
		put(fd[i], "TP/1.0\r\n\r\n");
		get(fd[i], &ans);
		assert_string_equal(body_of(&ans), "1 /a ");
		close(fd[i]);
	}
}

/* During one request the routes answer others, whose replies need buffers. The
 * request must stay valid, in scratch as well as in a buffer. */
static void test_answers_inside(void **state)
{
	int fd[HTTP_BUFS_MAX + 4], wake = dial();
	size_t n = sizeof(fd) / sizeof(fd[0]);

	for (size_t i = 0; i < n; i++) {
		fd[i] = dial_narrow();
		put(fd[i], GET_LATE);
	}
	put(wake, "GET /wake HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nbo");
	put(wake, "dy");
	get(wake, &ans);
	assert_true(has(&ans, "1 /wake body"));
	assert_true(body_kept);
	for (size_t i = 0; i < n; i++) {
		get(fd[i], &ans);
		if (!ans.closed)
			assert_big(body_of(&ans));
		close(fd[i]);
	}
	close(wake);
}

/* ---- Expect -------------------------------------------------------- */

#define EXPECT POST_ECHO "Expect: 100-continue\r\n"

static void test_100_continue_is_sent(void **state)
{
	int fd = dial();

	put(fd, EXPECT "Content-Length: 5\r\n\r\n");
	get(fd, &ans);
	assert_string_equal(ans.text, "HTTP/1.1 100 Continue\r\n\r\n");
	put(fd, "he");
	get(fd, &ans);
	assert_int_equal(ans.n, 0);
	put(fd, "llo");
	get(fd, &ans);
	assert_int_equal(status_of(&ans), 200);
	assert_string_equal(body_of(&ans), "4 /echo hello");
	put(fd, EXPECT "Transfer-Encoding: chunked\r\n\r\n");
	get(fd, &ans);
	assert_int_equal(status_of(&ans), 100);
	put(fd, "1\r\nx\r\n0\r\n\r\n");
	get(fd, &ans);
	assert_string_equal(body_of(&ans), "4 /echo x");
	close(fd);
}

static void test_100_continue_is_left_out(void **state)
{
	/* the body, or a part of it, has arrived */
	ask(EXPECT "Content-Length: 5\r\n\r\nhello");
	assert_int_equal(status_of(&ans), 200);
	ask(EXPECT "Content-Length: 5\r\n\r\nh");
	assert_int_equal(ans.n, 0);
	/* there is no body */
	ask(EXPECT "Content-Length: 0\r\n\r\n");
	assert_int_equal(status_of(&ans), 200);
	/* after a refusal the client need not send it */
	ask(EXPECT "Content-Length: 20000\r\n\r\n");
	assert_int_equal(status_of(&ans), 413);
	ask("POST /a HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
	    "Content-Length: 5\r\n\r\n");
	assert_int_equal(status_of(&ans), 405);
	ask("POST /echo HTTP/1.0\r\nExpect: 100-continue\r\n"
	    "Content-Length: 5\r\n\r\n");
	assert_int_equal(ans.n, 0);
}

/* ---- eviction ------------------------------------------------- */

static bool is_closed(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) == 0 ||
	       (errno != EAGAIN && errno != EWOULDBLOCK);
}

static int crowd[HTTP_CONNS_MAX];

static void raise_limit(rlim_t need)
{
	struct rlimit r;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &r), 0);
	if (r.rlim_cur >= need)
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	if (r.rlim_cur < need)
		skip();
}

static void fill(void)
{
	raise_limit(HTTP_CONNS_MAX * 2 + 100);
	for (uint32_t i = 0; i < HTTP_CONNS_MAX; i++)
		crowd[i] = dial_from(1 + i % 4);
}

static void empty(void)
{
	for (size_t i = 0; i < HTTP_CONNS_MAX; i++)
		close(crowd[i]);
}

static void test_longest_waiting_connection_is_evicted(void **state)
{
	int fd[8];

	fill();
	put(crowd[0], GET_A);		/* it has waited less now */
	get(crowd[0], &ans);
	put(crowd[1], GET_LATE);	/* this one is pending */
	put(crowd[2], "GET /a HT");	/* this is not a complete request */
	for (size_t i = 0; i < 3; i++)
		fd[i] = dial_from(77);
	assert_false(is_closed(crowd[0]));
	assert_false(is_closed(crowd[1]));
	for (size_t i = 2; i < 5; i++)
		assert_true(is_closed(crowd[i]));
	assert_false(is_closed(crowd[5]));
	for (size_t i = 0; i < 3; i++) {
		put(fd[i], GET_A);
		get(fd[i], &ans);
		assert_int_equal(status_of(&ans), 200);
		close(fd[i]);
	}
	reply(late[0], "late", 4);
	get(crowd[1], &ans);
	assert_string_equal(body_of(&ans), "late");
	empty();
}

static void test_pending_connections_are_not_evicted(void **state)
{
	int pair[2];

	fill();
	for (size_t i = 0; i < HTTP_CONNS_MAX; i++)
		put_n(crowd[i], GET_LATE, sizeof(GET_LATE) - 1);
	pump();
	assert_int_equal(late_n, HTTP_CONNS_MAX);
	/* bytes that it sent do not prevent the answer */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	put_n(pair[1], GET_A, sizeof(GET_A) - 1);
	assert_int_equal(httpd_adopt(srv, pair[0], ends_of(77)), -ENOSPC);
	get(pair[1], &ans);
	assert_int_equal(status_of(&ans), 503);
	assert_true(has(&ans, "Connection: close"));
	assert_true(ans.closed && !ans.reset);
	close(pair[1]);
	for (size_t i = 0; i < HTTP_CONNS_MAX; i++)
		reply(late[i], "late", 4);
	for (size_t i = 0; i < HTTP_CONNS_MAX; i++) {
		get(crowd[i], &ans);
		assert_string_equal(body_of(&ans), "late");
	}
	empty();
}

static void test_client_at_its_limit_evicts_its_own(void **state)
{
	int friend = dial_from(1), greedy[HTTP_CONNS_PER_CLIENT + 20];
	size_t n = sizeof(greedy) / sizeof(greedy[0]);

	raise_limit(HTTP_CONNS_MAX * 2 + 100);
	for (size_t i = 0; i < n; i++)
		greedy[i] = dial_from(2);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(is_closed(greedy[i]), i < 20);
	assert_false(is_closed(friend));
	put(friend, GET_A);
	get(friend, &ans);
	assert_int_equal(status_of(&ans), 200);
	for (size_t i = 0; i < n; i++)
		close(greedy[i]);
	close(friend);
}

/* More partial requests than buffers: the oldest is closed, the others are
 * served. */
static void test_partial_requests_share_the_buffers(void **state)
{
	int fd[HTTP_BUFS_MAX + 5], idle = dial();
	size_t n = sizeof(fd) / sizeof(fd[0]);

	for (size_t i = 0; i < n; i++) {
		fd[i] = dial();
		put(fd[i], "GET /a HT");
	}
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(is_closed(fd[i]), i < 5);
		put(fd[i], "TP/1.0\r\n\r\n");
		get(fd[i], &ans);
		assert_int_equal(status_of(&ans), i < 5 ? 0 : 200);
		close(fd[i]);
	}
	assert_false(is_closed(idle));
	close(idle);
}

/* A client whose requests are being answered gives up what it sent after one
 * of them; each of them is answered. */
static void test_pending_requests_leave_a_buffer(void **state)
{
	int fd[HTTP_BUFS_MAX], part = dial_from(1);
	struct httpd_reply r = { .status = 200, .body = STR("x") };

	for (size_t i = 0; i < HTTP_BUFS_MAX; i++) {
		fd[i] = dial();
		put(fd[i], GET_LATE GET_A "GET /a HT");
	}
	put(part, "GET /a HT");
	assert_int_equal(refused, 408);
	put(part, "TP/1.0\r\n\r\n");
	get(part, &ans);
	assert_int_equal(status_of(&ans), 200);
	close(part);
	for (size_t i = 0; i < HTTP_BUFS_MAX; i++) {
		httpd_reply(srv, late[i], &r);
		get(fd[i], &ans);
		assert_int_equal(count(&ans, "HTTP/1.1 200"), i ? 2 : 1);
		assert_int_equal(has(&ans, "Connection: close"), !i);
		close(fd[i]);
	}
	pump();
	assert_int_equal(aborted_n, 0);
}

/* The number of requests whose answers fill the socket completely. */
static unsigned brimful(void)
{
	int fd = dial_narrow();
	unsigned before;

	do {
		before = served;
		put(fd, GET_A);
	} while (served > before);
	close(fd);
	pump();
	return served - 1;
}

/* The last buffer is the connection's own: a waiting refusal uses it. */
static void test_refusal_uses_its_own_buffer(void **state)
{
	int fd[HTTP_BUFS_MAX - 1], slow;
	unsigned n = brimful();

	slow = dial_narrow();
	for (unsigned i = 0; i < n; i++)
		put(slow, GET_A);
	put(slow, "GET /a HT");
	for (size_t i = 0; i < HTTP_BUFS_MAX - 1; i++) {
		fd[i] = dial();
		put(fd[i], GET_LATE "GET /a HT");
	}
	pass_ms(HTTP_REQUEST_MS + 1000);
	get(slow, &ans);
	assert_int_equal(count(&ans, "HTTP/1.1 200"), n);
	assert_int_equal(count(&ans, "HTTP/1.1 408"), 1);
	assert_true(ans.closed);
	close(slow);
	for (size_t i = 0; i < HTTP_BUFS_MAX - 1; i++)
		close(fd[i]);
}

/* ---- the end of a connection --------------------------------------- */

/* A refused client that is still sending can read its answer; the server does
 * not read from it for ever. */
static void test_refused_client_can_read_its_answer(void **state)
{
	static const char junk[8192];
	int fd = dial();
	ssize_t n = 1;
	int i;

	put(fd, POST_ECHO "Content-Length: 20000\r\n\r\n");
	for (i = 0; i < 8; i++)
		put_n(fd, junk, sizeof(junk));
	get(fd, &ans);
	assert_int_equal(status_of(&ans), 413);
	assert_true(ans.closed);
	for (i = 0; i < 100 && n > 0; i++) {
		n = send(fd, junk, sizeof(junk), MSG_NOSIGNAL | MSG_DONTWAIT);
		pump();
	}
	assert_int_equal(errno, EPIPE);
	assert_in_range(i, 5, 30);
	close(fd);
	/* and not for long */
	fd = dial();
	put(fd, "BREW /a HTTP/1.0\r\n\r\n");
	pass_ms(1000);
	assert_true(send(fd, "x", 1, MSG_NOSIGNAL) == 1);
	pass_ms(2000);
	assert_true(send(fd, "x", 1, MSG_NOSIGNAL) < 0);
	close(fd);
}

/* An answered connection without more input is closed at once: control points
 * make bursts of those. */
static void test_no_lingering_after_a_reply(void **state)
{
	int fd = dial();

	put(fd, "GET /a HTTP/1.0\r\n\r\n");
	get(fd, &ans);
	assert_int_equal(status_of(&ans), 200);
	assert_true(ans.closed);
	assert_true(send(fd, "x", 1, MSG_NOSIGNAL) < 0);
	close(fd);
	/* but not with more input, because a reset could destroy the reply */
	fd = dial();
	put(fd, "GET /a HTTP/1.0\r\n\r\nand more");
	get(fd, &ans);
	assert_int_equal(status_of(&ans), 200);
	assert_true(send(fd, "x", 1, MSG_NOSIGNAL) == 1);
	close(fd);
}

static void test_free_with_connections(void **state)
{
	int a = dial(), b = dial(), c = dial_narrow();

	put(a, GET_LATE GET_A);
	put(b, "GET /a HT");
	put(c, GET_BIG);
	httpd_free(srv);
	assert_true(is_closed(b));
	assert_int_equal(aborted_n, 0);
	close(a);
	close(b);
	close(c);
	httpd_free(NULL);
	srv = NULL;
}

/* ---- random requests ------------------------------------------------- */

static uint32_t seed = 1;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* Requests with random damage, in random pieces, on connections that are kept
 * or closed at random: never more answers than requests, and no connection
 * leaks. */
static void test_random_requests(void **state)
{
	char text[512];
	int fd[16];

	for (size_t i = 0; i < 16; i++)
		fd[i] = dial_narrow();
	for (int round = 0; round < 20000; round++) {
		size_t i = rnd(16), n, cut;

		n = (size_t)snprintf(text, sizeof(text), "%s",
				     vectors[rnd(VECTORS_N)].text);
		if (rnd(2))
			text[rnd((uint32_t)n)] = (char)rnd(256);
		cut = rnd((uint32_t)n) + 1;
		put_n(fd[i], text, rnd(3) ? n : cut);
		if (!rnd(4))
			loop_step(loop, 0);
		if (!rnd(9))
			clock_now += 500;
		if (!rnd(5) && late_n)
			reply(late[--late_n], "late", 4);
		if (late_n > 400)
			late_n = 0;
		aborted_n = 0;
		recv(fd[i], ans.text, rnd(4000), MSG_DONTWAIT);
		if (!rnd(7) || is_closed(fd[i])) {
			close(fd[i]);
			fd[i] = dial_narrow();
		}
	}
	for (size_t i = 0; i < 16; i++)
		close(fd[i]);
	pump();
	ask(GET_A);
	assert_string_equal(body_of(&ans), "1 /a ");
}

/* ---- TCP ----------------------------------------------------------- */

static const struct netif_addr lo = {
	.ifname = "lo", .net = { { ADDR_IP4, { 127, 0, 0, 1 } }, 8 },
};

static int dial_tcp(uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	const struct linger reset = { .l_onoff = 1 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	/* leaves no port in TIME_WAIT to other tests */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	sin.sin_addr.s_addr = htonl(addr_to_ip4(lo.net.addr));
	sin.sin_port = htons(port);
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)))
		assert_int_equal(errno, EINPROGRESS);
	return fd;
}

/* Run the loop until @fd has its complete answer, at most 30 s. */
static void get_tcp(int fd, struct answer *a)
{
	ssize_t n = 0;

	a->n = 0;
	for (int i = 0; i < 30000; i++) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		loop_step(loop, 0);
		if (poll(&p, 1, 1) < 1)
			continue;
		n = recv(fd, a->text + a->n, sizeof(a->text) - 1 - a->n, 0);
		if (n <= 0)
			break;
		a->n += (size_t)n;
	}
	a->closed = n == 0;
	a->text[a->n] = '\0';
}

static void ask_all(const int *fd, size_t n, uint16_t port)
{
	char text[128];
	int len = snprintf(text, sizeof(text), "GET /a HTTP/1.1\r\n"
			   "Host: 127.0.0.1:%u\r\nConnection: close\r\n\r\n",
			   port);

	for (size_t i = 0; i < n; i++) {
		struct pollfd p = { .fd = fd[i], .events = POLLOUT };

		assert_int_equal(poll(&p, 1, 30000), 1);
		assert_int_equal(send(fd[i], text, (size_t)len, 0), len);
	}
	for (size_t i = 0; i < n; i++) {
		get_tcp(fd[i], &ans);
		assert_int_equal(status_of(&ans), 200);
		assert_string_equal(body_of(&ans), "1 /a ");
		assert_true(ans.closed);
		close(fd[i]);
	}
}

static void test_burst_of_200(void **state)
{
	int fd[200];
	uint16_t port;

	assert_int_equal(httpd_port(srv), 0);
	assert_int_equal(httpd_listen(srv, &lo, 1, 0), 0);
	port = httpd_port(srv);
	assert_int_not_equal(port, 0);
	for (size_t i = 0; i < 200; i++)
		fd[i] = dial_tcp(port);
	ask_all(fd, 200, port);
	assert_int_equal(served, 200);
	assert_true(addr_equal(seen.local, lo.net.addr));
	assert_int_equal(seen.local_port, port);
	assert_true(addr_equal(seen.peer, lo.net.addr));
}

/* The same beside 2,000 silent connections. */
static void test_burst_beside_2000_idle_connections(void **state)
{
	static int idle[2000];
	int fd[200];
	uint16_t port;

	raise_limit(2000 + 200 + HTTP_CONNS_MAX + 100);
	assert_int_equal(httpd_listen(srv, &lo, 1, 0), 0);
	port = httpd_port(srv);
	for (size_t i = 0; i < 2000; i++) {
		idle[i] = dial_tcp(port);
		if (i % 50 == 0)
			loop_step(loop, 0);
	}
	for (size_t i = 0; i < 200; i++)
		fd[i] = dial_tcp(port);
	ask_all(fd, 200, port);
	assert_int_equal(served, 200);
	for (size_t i = 0; i < 2000; i++)
		close(idle[i]);
}

/* A reset by a client while its request is pending is also noticed over TCP. */
static void test_reset_is_reported_over_tcp(void **state)
{
	int fd;
	char text[64];

	assert_int_equal(httpd_listen(srv, &lo, 1, 0), 0);
	fd = dial_tcp(httpd_port(srv));
	snprintf(text, sizeof(text), "GET /late HTTP/1.0\r\n\r\n");
	loop_step(loop, 100);
	put(fd, text);
	for (int i = 0; i < 100 && !late_n; i++)
		loop_step(loop, 10);
	assert_int_equal(late_n, 1);
	close(fd);
	for (int i = 0; i < 100 && !aborted_n; i++)
		loop_step(loop, 10);
	assert_int_equal(aborted_n, 1);
	/* the connections of an address are closed with its listener */
	late_n = aborted_n = 0;
	fd = dial_tcp(httpd_port(srv));
	loop_step(loop, 100);
	put(fd, text);
	for (int i = 0; i < 100 && !late_n; i++)
		loop_step(loop, 10);
	assert_int_equal(late_n, 1);
	assert_int_equal(httpd_listen(srv, NULL, 0, 0), 0);
	assert_int_equal(aborted_n, 1);
	assert_int_equal(httpd_port(srv), 0);
	close(fd);
}

/* The same link-local address may belong to several interfaces. */
static void test_connections_of_another_interface_stay(void **state)
{
	const struct netif_addr two[] = {
		lo, { 9, "", { addr_ip4(0x7f000002), 8 } },
	};
	struct httpends ends = { .peer = addr_ip4(1), .local = two[1].net.addr };
	int pair[2][2];

	assert_int_equal(httpd_listen(srv, two, 2, 0), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC,
					    0, pair[i]), 0);
		ends.ifindex = 8 + i;
		httpd_adopt(srv, pair[i][0], &ends);
	}
	assert_int_equal(httpd_listen(srv, two, 1, 0), 0);
	assert_false(is_closed(pair[0][1]));
	assert_true(is_closed(pair[1][1]));
	close(pair[0][1]);
	close(pair[1][1]);
}

/* A host with many addresses has one share of the connections. */
static void test_addresses_of_a_host_share_connections(void **state)
{
	struct httpends ends = { .peer = addr_of_text("2001:db8::") };
	int many[HTTP_CONNS_PER_CLIENT + 20], friend = dial_from(1), pair[2];
	size_t n = 0;

	for (size_t i = 0; i < HTTP_CONNS_PER_CLIENT + 20; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC,
					    0, pair), 0);
		ends.peer.byte[8] = (uint8_t)(i >> 8);
		ends.peer.byte[15] = (uint8_t)i;
		assert_int_equal(httpd_adopt(srv, pair[0], &ends), 0);
		many[i] = pair[1];
	}
	for (size_t i = 0; i < HTTP_CONNS_PER_CLIENT + 20; i++) {
		n += !is_closed(many[i]);
		close(many[i]);
	}
	assert_int_equal(n, HTTP_CONNS_PER_CLIENT);
	assert_false(is_closed(friend));
	close(friend);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_request_has_its_status),
		TEST(test_split_requests_have_the_same_answer),
		TEST(test_reply_head),
		TEST(test_routes_get_the_request),
		TEST(test_head_has_a_limit),
		TEST(test_number_of_fields_has_a_limit),
		TEST(test_largest_request),
		TEST(test_pipelined_requests_are_answered_in_order),
		TEST(test_connection_is_kept),
		TEST(test_two_connections_are_not_mixed_up),
		TEST(test_reply_may_come_later),
		TEST(test_pipelined_replies_may_come_later),
		TEST(test_deferred_then_closed),
		TEST(test_client_that_leaves_is_reported),
		TEST(test_half_closed_client_gets_its_reply),
		TEST(test_unanswered_request_has_a_deadline),
		TEST(test_slow_head_has_a_deadline),
		TEST(test_slow_body_has_a_deadline),
		TEST(test_idle_connection_is_closed),
		TEST(test_idle_after_parts),
		TEST(test_slow_reader_gets_all),
		TEST(test_long_body_is_sent_in_pieces),
		TEST(test_body_of_unknown_length_is_sent_in_chunks),
		TEST(test_body_of_unknown_length_ends_with_the_connection),
		TEST(test_steady_reader_of_an_open_body_gets_all),
		TEST(test_slow_reader_of_an_open_body_delays_nobody),
		TEST(test_stuck_reader_is_closed),
		TEST(test_reply_has_a_deadline),
		TEST(test_many_slow_readers),
		TEST(test_answers_inside),
		TEST(test_100_continue_is_sent),
		TEST(test_100_continue_is_left_out),
		TEST(test_longest_waiting_connection_is_evicted),
		TEST(test_pending_connections_are_not_evicted),
		TEST(test_client_at_its_limit_evicts_its_own),
		TEST(test_partial_requests_share_the_buffers),
		TEST(test_pending_requests_leave_a_buffer),
		TEST(test_refusal_uses_its_own_buffer),
		TEST(test_refused_client_can_read_its_answer),
		TEST(test_no_lingering_after_a_reply),
		TEST(test_free_with_connections),
		TEST(test_random_requests),
		TEST(test_burst_of_200),
		TEST(test_burst_beside_2000_idle_connections),
		TEST(test_reset_is_reported_over_tcp),
		TEST(test_connections_of_another_interface_stay),
		TEST(test_addresses_of_a_host_share_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
