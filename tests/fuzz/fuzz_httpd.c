/* SPDX-License-Identifier: ISC */
/*
 * fuzz_httpd.c - the HTTP server, over one connection.
 *
 * Input: a line, whose bytes decide in a cycle in which pieces the client sends
 * and the kernel accepts, when it returns EAGAIN and EINTR, when the handler
 * answers, and when another client's request comes between; then the client's
 * bytes. The connection is over IPv6 and link-local if they have a Host in
 * brackets.
 *
 * Holds: each request gets one reply, in order; at most one more reply reports
 * why the connection ends; replies have the announced length, or all chunks; a request in
 * pieces is served like a whole one; the server closes after the client has
 * closed.
 */
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/hash.h"
#include "base/wr.h"
#include "fuzz.h"
#include "httpd.h"

#define OTHER	addr_ip4(0xc0a8580bu)	/* 192.168.88.11 */
#define IN_MAX	40000
#define OUT_MAX	(1 << 20)
#define FAULTS_MAX 200		/* a run must end */
#define REQUESTS_MAX 2048

/* The result of a run. */
struct outcome {
	unsigned served;
	uint64_t hash;			/* of the requests */
	bool head[REQUESTS_MAX];	/* is the method HEAD? */
	unsigned replies, last;		/* final replies; the last status */
	bool torn;			/* a part of "100 Continue" was sent */
};

static struct addr near_end, far_end;	/* the connection's ends */
static struct httpd *httpd;
static struct loop *loop;
static uint64_t clock_ms = 1000000;
static struct fuzz_plan plan;
static unsigned faults;			/* left in this run */
static struct outcome *now;
static bool pending;
static uint32_t pending_id;

/* ---- the kernel ---------------------------------------------------------- */

ssize_t __real_recv(int fd, void *buf, size_t n, int flags);
ssize_t __real_send(int fd, const void *buf, size_t n, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *m, int flags);
ssize_t __wrap_recv(int fd, void *buf, size_t n, int flags);
ssize_t __wrap_send(int fd, const void *buf, size_t n, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags);

/* Return: how much of @n passes now; 0: nothing, with the reason in errno */
static size_t pass(size_t n)
{
	uint8_t c;

	if (!faults || !n)
		return n;
	faults--;
	c = fuzz_next(&plan);
	switch (c % 8) {
	case 1:
		errno = EAGAIN;
		return 0;
	case 2:
		errno = EINTR;
		return 0;
	case 3:
	case 4:
		return (size_t)(c / 8) + 1 < n ? (size_t)(c / 8) + 1 : n;
	}
	return n;
}

ssize_t __wrap_recv(int fd, void *buf, size_t n, int flags)
{
	size_t some = pass(n);

	return some ? __real_recv(fd, buf, some, flags) : -1;
}

ssize_t __wrap_send(int fd, const void *buf, size_t n, int flags)
{
	size_t some = pass(n);

	if (some && some < n)
		now->torn = true;
	return some ? __real_send(fd, buf, some, flags) : -1;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags)
{
	struct iovec iov[2] = { m->msg_iov[0], m->msg_iov[1] };
	struct msghdr part = { .msg_iov = iov, .msg_iovlen = 2 };
	size_t n = iov[0].iov_len + iov[1].iov_len, some = pass(n);

	CHECK(m->msg_iovlen == 2);
	if (!some && n)
		return -1;
	if (iov[0].iov_len > some)
		iov[0].iov_len = some;
	some -= iov[0].iov_len;
	if (iov[1].iov_len > some)
		iov[1].iov_len = some;
	return __real_sendmsg(fd, &part, flags);
}

/* ---- the site ------------------------------------------------------------ */

static unsigned urlroutes_methods(void *arg, struct str path)
{
	if (str_eq(path, STR("/a")))
		return HTTP_GET | HTTP_POST;
	if (str_eq(path, STR("/s")))
		return HTTP_SUBSCRIBE | HTTP_UNSUBSCRIBE;
	return 0;
}

/* A body whose length is not known: its number, then as many bytes. */
struct open_body {
	uint64_t number, left;
};

static void write_open(void *arg, void *at, size_t left, struct wr *w)
{
	struct open_body *b = at;

	CHECK(left == HTTPSOURCE_OPEN && w->cap - w->len >= HTTPSOURCE_ROOM);
	if (b->number) {
		wr_u64(w, b->number);
		wr_ch(w, ';');
	}
	b->number = 0;
	for (; b->left && w->len < w->cap; b->left--)
		wr_ch(w, 'x');
}

static void answer_open(uint32_t id, unsigned number, size_t n)
{
	const struct open_body b = { number, n };
	struct httpsource source = { .write = write_open,
				     .left = HTTPSOURCE_OPEN };
	const struct httpd_reply r = { .status = 200, .source = &source };

	memcpy(source.at, &b, sizeof(b));
	httpd_reply(httpd, id, &r);
}

/* The body contains the request's number and has any length. */
static void answer(uint32_t id, unsigned number)
{
	static char body[HTTP_REPLY_MAX];
	struct wr w = wr_init(body, sizeof(body));
	struct httpd_reply r = { .status = 200, .content_type = "text/xml" };
	size_t n = fuzz_next(&plan);

	if (n % 4 == 3) {
		answer_open(id, number, n * n);
		return;
	}
	wr_u64(&w, number);
	wr_ch(&w, ';');
	n = n > 250 ? sizeof(body) : w.len + n * n % 3000;
	memset(body + w.len, 'x', n - w.len);
	r.body = (struct str){ body, n };
	httpd_reply(httpd, id, &r);
}

static void mix(struct str s)
{
	now->hash = hash_add(now->hash, s.p, s.n);
	now->hash = hash_add(now->hash, &s.n, sizeof(s.n));
}

static void serve_other(const struct httpd_req *req)
{
	const struct httpd_reply r = { .status = 200, .body = req->body };

	CHECK(str_eq(req->path, STR("/a")) && str_eq(req->body, STR("other")));
	httpd_reply(httpd, req->id, &r);
}

static void urlroutes_serve(void *arg, const struct httpd_req *req)
{
	if (addr_equal(req->peer, OTHER)) {
		serve_other(req);
		return;
	}
	CHECK(!pending);	/* one at a time */
	CHECK(addr_equal(req->peer, far_end) && addr_equal(req->local, near_end));
	CHECK(req->path.p[0] == '/' && req->body.n <= HTTP_BODY_MAX);
	CHECK(now->served < REQUESTS_MAX);
	now->hash ^= (uint64_t)req->method;
	mix(req->path);
	mix(req->body);
	for (size_t i = 0; i < req->head->field_n; i++)
		mix(req->head->field[i].value);
	now->head[now->served++] = req->method == HTTP_HEAD;
	pending = true;
	pending_id = req->id;
	if (fuzz_next(&plan) % 4 == 1)
		return;		/* later */
	pending = false;
	answer(req->id, now->served);
}

static void urlroutes_gone(void *arg, uint32_t id)
{
	CHECK(pending && id == pending_id);
	pending = false;
}

static void urlroutes_refused(void *arg, struct addr peer, int status)
{
	CHECK(status == 403 || status == 503);
}

static void urlroutes_misnamed(void *arg, const struct httpends *ends,
			       struct httpd_reply *ret)
{
	CHECK(addr_equal(ends->local, near_end));
	ret->body = STR("elsewhere");
}

/* ---- the client ---------------------------------------------------------- */

static uint64_t fake_clock(void)
{
	return clock_ms;
}

static int64_t fake_wall(void)
{
	return 1700000000;
}

static void init(void)
{
	static const struct httpd_routes urlroutes = {
		urlroutes_methods,
		urlroutes_serve,
		urlroutes_gone,
		urlroutes_refused,
		NULL,
		urlroutes_misnamed,
		NULL,
	};
	static const struct httpd_config config = { "fuzz/1", fake_wall };

	if (httpd)
		return;
	signal(SIGPIPE, SIG_IGN);
	loop = loop_new(HTTP_CONNS_MAX + IFSOCKS_MAX, fake_clock);
	httpd = httpd_new(loop, &urlroutes, &config);
	CHECK(httpd);
}

static void rounds(int n)
{
	while (n--)
		CHECK(loop_step(loop, 0) == 0);
}

/* Return: number of bytes available, or -1: the server has closed */
static ssize_t collect(int fd, char *out, size_t n)
{
	ssize_t got;

	while ((got = read(fd, out + n, OUT_MAX - n)) > 0)
		n += (size_t)got;
	return got == 0 || errno != EAGAIN ? -1 - (ssize_t)n : (ssize_t)n;
}

static void late_answer(void)
{
	uint32_t id = pending_id;

	if (!pending)
		return;
	pending = false;
	answer(id, now->served);
}

static void choose_ends(bool ip6)
{
	CHECK(addr_parse(ip6 ? STR("fe80::10") : STR("192.168.88.10"),
			 &far_end));
	CHECK(addr_parse(ip6 ? STR("fe80::1") : STR("192.168.88.1"),
			 &near_end));
}

/* Another client, which has no faults, is served meanwhile. */
static void interlude(void)
{
	static const char text[] = "POST /a HTTP/1.1\r\nHost: 192.168.88.1\r\n"
		"Content-Length: 5\r\n\r\nother";
	unsigned left = faults;
	const struct httpends ends = { .peer = OTHER, .local_port = 2828,
				       .local = addr_ip4(0xc0a85801u) };
	char buf[1024];
	ssize_t n;
	int fd[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd));
	CHECK(!httpd_adopt(httpd, fd[0], &ends));
	CHECK(write(fd[1], text, sizeof(text) - 1) == sizeof(text) - 1);
	faults = 0;
	rounds(1);
	faults = left;
	n = read(fd[1], buf, sizeof(buf));
	CHECK(n > 5 && !memcmp(buf, "HTTP/1.1 200 ", 13));
	CHECK(!memcmp(buf + n - 5, "other", 5));
	close(fd[1]);
	rounds(1);
}

/* Return: number of bytes received */
static size_t talk(int fd, struct str in, char *out)
{
	unsigned others = 4;
	ssize_t n = 0, sent;
	size_t piece;

	while (n >= 0 && in.n) {
		piece = (size_t)fuzz_next(&plan) + 1;
		if (piece > 250 || !faults)
			piece = in.n;
		sent = write(fd, in.p, piece < in.n ? piece : in.n);
		in = str_skip(in, sent > 0 ? (size_t)sent : 0);
		rounds(2);
		if (fuzz_next(&plan) % 8 == 5 && others) {
			others--;
			interlude();
		}
		if (sent <= 0 || fuzz_next(&plan) % 2)
			late_answer();
		n = collect(fd, out, (size_t)n);
	}
	shutdown(fd, SHUT_WR);
	for (int i = 0; n >= 0 && i < 2 * FAULTS_MAX; i++) {
		rounds(1);
		late_answer();
		n = collect(fd, out, (size_t)n);
	}
	CHECK(n < 0);		/* the server has closed after the last one */
	return (size_t)(-1 - n);
}

/* ---- replies ------------------------------------------------------------- */

static void check_body(const struct httpmsg *m, struct str body)
{
	struct str number;
	uint32_t v;

	if (m->status != 200)
		return;
	CHECK(now->replies < now->served);
	if (now->head[now->replies])
		return;
	CHECK(str_cut(&body, ';', &number));
	CHECK(!str_u32(number, 0, UINT32_MAX, &v) && v == now->replies + 1);
}

/* Join the chunks of a body in place. Return: its length, @ret_all: with their
 * frames */
static uint32_t join_chunks(char *p, size_t n, size_t *ret_all)
{
	char *const begin = p, *to = p, *end;
	size_t k;

	do {
		CHECK((size_t)(p - begin) + 12 <= n);
		k = strtoul(p, &end, 16);
		CHECK(end == p + 8 && (size_t)(p - begin) + 12 + k <= n);
		CHECK(!memcmp(end, "\r\n", 2) &&
		      !memcmp(p + 10 + k, "\r\n", 2));
		memmove(to, p + 10, k);
		to += k;
		p += 12 + k;
	} while (k);
	*ret_all = (size_t)(p - begin);
	return (uint32_t)(to - begin);
}

/* The length of the body at the front of @out. @ret_all: what it takes there */
static uint32_t body_length(const struct httpmsg *m, struct str out,
			    size_t *ret_all)
{
	struct str length = STR("0");
	const bool no_body = m->status == 200 &&
			     now->replies < now->served &&
			     now->head[now->replies];
	uint32_t n;

	if (!httpmsg_count(m, STR("Content-Length"))) {
		/* to HTTP/1.0 the body ends with the connection */
		*ret_all = no_body ? 0 : out.n;
		n = (uint32_t)*ret_all;
		if (!no_body && httpmsg_count(m, STR("Transfer-Encoding")))
			n = join_chunks((char *)(uintptr_t)out.p, out.n,
					ret_all);
		return n;
	}
	CHECK(httpmsg_count(m, STR("Content-Length")) == 1);
	CHECK(!httpmsg_count(m, STR("Transfer-Encoding")));
	httpmsg_get(m, STR("Content-Length"), &length);
	CHECK(!str_u32(length, 0, HTTP_REPLY_MAX, &n));
	if (no_body || (m->status == 403 && !out.n))
		n = 0;
	*ret_all = n;
	return n;
}

/* Remove the next reply from the front. */
static void read_reply(struct str *out)
{
	struct httpmsg m;
	ssize_t n = httpmsg_parse(out->p, out->n, &m);
	uint32_t body_n;
	size_t all;

	CHECK(n > 0 && m.status);
	*out = str_skip(*out, (size_t)n);
	if (m.status == 100)
		return;
	body_n = body_length(&m, *out, &all);
	CHECK(all <= out->n);
	check_body(&m, (struct str){ out->p, body_n });
	*out = str_skip(*out, all);
	CHECK(m.status == 200 || !out->n);	/* an error is the last */
	now->replies++;
	now->last = m.status;
}

static void run(struct str in, struct fuzz_plan how, unsigned faults_max,
		struct outcome *ret)
{
	static char out[OUT_MAX];
	struct str left = { out, 0 };
	const struct httpends ends = { .peer = far_end, .local = near_end,
				       .local_port = 2828 };
	int fd[2];

	memset(ret, 0, sizeof(*ret));
	now = ret;
	plan = how;
	faults = faults_max;
	pending = false;
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd));
	CHECK(!httpd_adopt(httpd, fd[0], &ends));
	left.n = talk(fd[1], in, out);
	close(fd[1]);
	clock_ms += 2 * HTTP_IDLE_MS;
	rounds(3);
	CHECK(close(fd[0]) == -1 && errno == EBADF);
	CHECK(!pending);
	while (left.n && !ret->torn)
		read_reply(&left);
	if (ret->torn)
		return;
	CHECK(ret->replies <= ret->served + 1);
	CHECK(ret->replies >= ret->served);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct outcome pieces, whole;
	struct str in = { (const char *)data, n };
	struct fuzz_plan how = fuzz_plan(&in);
	const struct fuzz_plan calm = { { NULL, 0 }, 0 };

	init();
	choose_ends(memmem(in.p, in.n, "Host: [", 7) != NULL);
	in = fuzz_blow_up(in, IN_MAX);
	run(in, how, FAULTS_MAX, &pieces);
	run(in, calm, 0, &whole);
	if (!pieces.torn) {
		CHECK(pieces.served == whole.served);
		CHECK(pieces.hash == whole.hash);
		CHECK(pieces.replies == whole.replies);
		CHECK(pieces.last == whole.last);
	}
	fuzz_free(in);
	return 0;
}
