/* SPDX-License-Identifier: ISC */
/* test_httpbody.c - a body has one meaning, however its bytes are split, and no
 * byte beyond it is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include "http/httpbody.h"
#include "base/limits.h"

#define ROOM 65536

/* The end of the buffer, where a page without access begins. */
static char *guard_end;

static int make_guard(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, ROOM + page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + ROOM, page, PROT_NONE))
		return -1;
	guard_end = p + ROOM;
	return 0;
}

struct result {
	int ret;
	size_t n, len;		/* of the body; with the bytes after it */
	char buf[ROOM];
};

/* Feed @in in pieces: up to @cut, then @step bytes each. */
static void feed(struct httpbody b, const char *in, size_t n, size_t cut,
		 size_t step, struct result *r)
{
	char *buf = guard_end - n;	/* decoding never needs more */
	size_t at = 0, len = 0, piece = cut ? cut : step;

	r->ret = httpbody_feed(&b, buf, &len);
	while (at < n && r->ret >= 0) {
		if (piece > n - at)
			piece = n - at;
		if (r->ret == 1) {	/* pipelined bytes follow */
			memcpy(buf + len, in + at, piece);
			len += piece;
		} else {
			memcpy(buf + len, in + at, piece);
			len += piece;
			r->ret = httpbody_feed(&b, buf, &len);
		}
		at += piece;
		piece = step;
	}
	r->n = b.n;
	r->len = len;
	if (r->ret >= 0)
		memcpy(r->buf, buf, len);
}

static void assert_same(const struct result *a, const struct result *b)
{
	assert_int_equal(a->ret, b->ret);
	if (a->ret < 0)
		return;
	assert_int_equal(a->n, b->n);
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->buf, b->buf, a->len);
}

static struct result whole, piece;

static void check_splits(struct httpbody b, const char *in, size_t n)
{
	feed(b, in, n, 0, n + 1, &whole);
	for (size_t cut = 1; cut < n; cut++) {
		feed(b, in, n, cut, n, &piece);
		assert_same(&piece, &whole);
	}
	feed(b, in, n, 0, 1, &piece);
	assert_same(&piece, &whole);
}

static const struct {
	const char *in;
	int ret;
	const char *body, *rest;
} chunked[] = {
	{ "0\r\n\r\n", 1, "", "" },
	{ "5\r\nhello\r\n0\r\n\r\n", 1, "hello", "" },
	{ "5\r\nhello\r\n0\r\n\r\nGET /", 1, "hello", "GET /" },
	{ "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", 1, "hello world", "" },
	{ "0005\r\nhello\r\n000\r\n\r\n", 1, "hello", "" },
	{ "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\nx", 1,
	  "01234567890123456789", "x" },
	{ "2;a=b;c=\"d\"\r\nhi\r\n0;last\r\n\r\n", 1, "hi", "" },
	{ "2 \t;x\r\nhi\r\n0 \r\n\r\n", 1, "hi", "" },
	{ "2\r\n\r\n\r\n0\r\n\r\n", 1, "\r\n", "" },
	{ "0\r\nA: b\r\nLong-Trailer: x; y\r\n\r\nrest", 1, "", "rest" },
	/* more to come */
	{ "5\r\nhell", 0, "hell", "" },
	{ "5\r\nhello\r\n0\r\n", 0, "hello", "" },
	{ "5\r\nhello\r\n0\r\n\r", 0, "hello", "" },
	{ "0\r\nA: b\r\n", 0, "", "" },
	/* bad */
	{ "\r\n", -400 }, { "g\r\n", -400 }, { "-1\r\n", -400 },
	{ "+1\r\n", -400 }, { " 1\r\n", -400 }, { "0x1\r\n", -400 },
	{ ";x\r\n", -400 }, { "1\nx", -400 }, { "1\r\rx", -400 },
	{ "1;\x01\r\n", -400 }, { "1;\x7f\r\n", -400 }, { "1;a\nx", -400 },
	{ "1\r\nxy", -400 }, { "1\r\nx\n", -400 }, { "1\r\nx\rz", -400 },
	{ "1\r\nx\r\n\r\n", -400 }, { "0\r\n\n", -400 },
	{ "0\r\nA: b\n\r\n", -400 }, { "0\r\nA\x01\r\n", -400 },
	{ "0\r\n\r\r", -400 },
	/* too long: 0x4001 is one more than HTTP_BODY_MAX */
	{ "4001\r\n", -413 }, { "1\r\nx\r\n4000\r\n", -413 },
	{ "ffffffffffffffffffff\r\n", -413 }, { "100000000\r\n", -413 },
};

static void test_chunked_bodies(void **state)
{
	struct httpbody b;

	assert_int_equal(HTTP_BODY_MAX, 0x4000);
	for (size_t i = 0; i < sizeof(chunked) / sizeof(chunked[0]); i++) {
		const char *in = chunked[i].in;

		httpbody_chunked(&b);
		check_splits(b, in, strlen(in));
		assert_int_equal(whole.ret, chunked[i].ret);
		if (whole.ret < 0)
			continue;
		assert_int_equal(whole.n, strlen(chunked[i].body));
		assert_memory_equal(whole.buf, chunked[i].body, whole.n);
		assert_int_equal(whole.len - whole.n, strlen(chunked[i].rest));
		assert_memory_equal(whole.buf + whole.n, chunked[i].rest,
				    whole.len - whole.n);
	}
}

static void test_bodies_with_a_length(void **state)
{
	struct httpbody b;

	httpbody_length(&b, 0);
	check_splits(b, "GET /", 5);
	assert_int_equal(whole.ret, 1);
	assert_int_equal(whole.n, 0);
	assert_int_equal(whole.len, 5);
	httpbody_length(&b, 5);
	check_splits(b, "hellorest", 9);
	assert_int_equal(whole.ret, 1);
	assert_int_equal(whole.n, 5);
	assert_memory_equal(whole.buf, "hellorest", 9);
	check_splits(b, "hell", 4);
	assert_int_equal(whole.ret, 0);
	assert_int_equal(whole.n, 4);
	/* the syntax of chunks has no meaning here */
	httpbody_length(&b, 3);
	check_splits(b, "0\r\n", 3);
	assert_int_equal(whole.ret, 1);
}

static char big[ROOM];

/* The largest body, in one chunk and in chunks of one byte. */
static void test_largest_body(void **state)
{
	struct httpbody b;
	size_t n = 0;

	memcpy(big, "4000\r\n", 6);
	memset(big + 6, 'x', HTTP_BODY_MAX);
	memcpy(big + 6 + HTTP_BODY_MAX, "\r\n0\r\n\r\n", 7);
	httpbody_chunked(&b);
	feed(b, big, HTTP_BODY_MAX + 13, 0, ROOM, &whole);
	assert_int_equal(whole.ret, 1);
	assert_int_equal(whole.n, HTTP_BODY_MAX);
	feed(b, big, HTTP_BODY_MAX + 13, 0, 1, &piece);
	assert_same(&piece, &whole);
	for (size_t i = 0; i < ROOM / 6; i++, n += 6)
		memcpy(big + n, "1\r\ny\r\n", 6);
	feed(b, big, n, 0, 1000, &whole);
	assert_int_equal(whole.ret, 0);
	assert_int_equal(whole.n, ROOM / 6);
}

static void fill_line(size_t head, size_t n)
{
	memset(big + head, 'x', n);
}

/* A chunk's line and the trailers may have up to HTTP_HEAD_MAX bytes. */
static void test_chunk_line_has_a_limit(void **state)
{
	struct httpbody b;

	httpbody_chunked(&b);
	memcpy(big, "1;", 2);
	fill_line(2, HTTP_HEAD_MAX);
	memcpy(big + HTTP_HEAD_MAX - 2, "\r\nz", 3);
	feed(b, big, HTTP_HEAD_MAX + 1, 0, ROOM, &whole);
	assert_int_equal(whole.ret, 0);
	assert_int_equal(whole.n, 1);
	fill_line(2, HTTP_HEAD_MAX);
	feed(b, big, HTTP_HEAD_MAX + 1, 0, ROOM, &whole);
	assert_int_equal(whole.ret, -431);

	memcpy(big, "0\r\n", 3);
	for (size_t i = 3; i + 4 <= HTTP_HEAD_MAX * 2; i += 4)
		memcpy(big + i, "a:\r\n", 4);
	feed(b, big, HTTP_HEAD_MAX + 3, 0, ROOM, &whole);
	assert_int_equal(whole.ret, 0);
	feed(b, big, HTTP_HEAD_MAX + 4, 0, ROOM, &whole);
	assert_int_equal(whole.ret, -431);
	/* zeros before the size count as well */
	memset(big, '0', HTTP_HEAD_MAX + 1);
	feed(b, big, HTTP_HEAD_MAX, 0, ROOM, &whole);
	assert_int_equal(whole.ret, 0);
	feed(b, big, HTTP_HEAD_MAX + 1, 0, ROOM, &whole);
	assert_int_equal(whole.ret, -431);
}

/* Random bytes: it ends, stays within bounds and has the same result in
 * pieces. */
static void test_random_bytes(void **state)
{
	static const char alphabet[] = "0123af;\r\n\r\n\r\n x\t";
	struct httpbody b;
	uint32_t seed = 1;
	char in[48];

	for (unsigned round = 0; round < 3000; round++) {
		for (size_t i = 0; i < sizeof(in); i++) {
			seed = seed * 1664525 + 1013904223;
			in[i] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
		}
		if (round % 2)
			memcpy(in, "3\r\nabc\r\n0\r\n", 11);
		httpbody_chunked(&b);
		check_splits(b, in, sizeof(in));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chunked_bodies),
		cmocka_unit_test(test_bodies_with_a_length),
		cmocka_unit_test(test_largest_body),
		cmocka_unit_test(test_chunk_line_has_a_limit),
		cmocka_unit_test(test_random_bytes),
	};

	return cmocka_run_group_tests(tests, make_guard, NULL);
}
