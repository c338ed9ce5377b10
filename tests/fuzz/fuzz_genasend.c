/* SPDX-License-Identifier: ISC */
/*
 * fuzz_genasend.c - a subscriber's answer to a NOTIFY.
 *
 * Input: a line, whose bytes decide in which pieces it is sent and received;
 * then the answer.
 *
 * Holds: the delivery ends once, with the same result however the answer is
 * split; no socket stays open afterwards.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/wr.h"
#include "http/httpmsg.h"
#include "base/limits.h"
#include "fuzz.h"
#include "gena/genasend.h"

#define NONE	(-1)
#define FAULTS_MAX 40

static struct loop *loop;
static struct fuzz_plan plan;
static unsigned faults;
static int ended;
static char buf[GENA_MSG_MAX];

ssize_t __real_recv(int fd, void *p, size_t n, int flags);
ssize_t __real_send(int fd, const void *p, size_t n, int flags);
ssize_t __wrap_recv(int fd, void *p, size_t n, int flags);
ssize_t __wrap_send(int fd, const void *p, size_t n, int flags);

/* As in fuzz_httpd.c. */
static size_t pass(size_t n)
{
	uint8_t c;

	if (!faults || !n)
		return n;
	faults--;
	c = fuzz_next(&plan);
	errno = c & 16 ? EAGAIN : EINTR;
	if (c % 4 == 1)
		return 0;
	return c % 4 == 2 && (size_t)(c / 4) + 1 < n ? (size_t)(c / 4) + 1 : n;
}

ssize_t __wrap_recv(int fd, void *p, size_t n, int flags)
{
	size_t some = pass(n);

	return some ? __real_recv(fd, p, some, flags) : -1;
}

ssize_t __wrap_send(int fd, const void *p, size_t n, int flags)
{
	size_t some = pass(n);

	return some ? __real_send(fd, p, some, flags) : -1;
}

static uint64_t fake_clock(void)
{
	return 1000;
}

static void on_done(struct genasend *s, enum genasend_end how)
{
	CHECK(ended == NONE && !s->active);
	ended = (int)how;
}

static void rounds(int n)
{
	while (n--)
		CHECK(loop_step(loop, 0) == 0);
}

/* Send the answer; NONE: there is no end to it before the subscriber's. */
static void answer(int fd, struct str in)
{
	size_t piece;
	ssize_t n;

	while (in.n && ended == NONE) {
		piece = (size_t)fuzz_next(&plan) % 64 + 1;
		if (piece > in.n || !faults)
			piece = in.n;
		n = __real_send(fd, in.p, piece, MSG_NOSIGNAL);
		in = str_skip(in, n > 0 ? (size_t)n : in.n);
		rounds(2);
	}
	shutdown(fd, SHUT_WR);
	rounds(2 * FAULTS_MAX);
}

static int run(struct str in, struct fuzz_plan how, unsigned faults_max)
{
	struct genasend s = { .loop = loop, .done = on_done };
	struct wr msg = wr_init(buf, sizeof(buf));
	int fd[2];

	plan = how;
	faults = faults_max;
	ended = NONE;
	wr_z(&msg, "NOTIFY / HTTP/1.1\r\n\r\n");
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd));
	CHECK(!genasend_start(&s, fd[0], &msg, 31000));
	rounds(2 * FAULTS_MAX);
	answer(fd[1], in);
	CHECK(ended != NONE);
	CHECK(close(fd[0]) == -1 && errno == EBADF);
	close(fd[1]);
	return ended;
}

/* The result that the standard requires for the first head of an answer. */
static int expected(struct str in)
{
	struct httpmsg m;
	ssize_t n;

	if (in.n > GENA_MSG_MAX)
		return NONE;
	do {
		n = httpmsg_parse(in.p, in.n, &m);
		if (n <= 0)
			return GENASEND_FAILED;
		in = str_skip(in, (size_t)n);
	} while (m.status >= 100 && m.status < 200);
	if (m.status == 412)
		return GENASEND_UNKNOWN;
	return m.status / 100 == 2 ? GENASEND_OK : GENASEND_FAILED;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = { (const char *)data, n };
	struct fuzz_plan how = fuzz_plan(&in);
	int end;

	in = fuzz_blow_up(in, 2 * GENA_MSG_MAX);
	loop = loop_new(1, fake_clock);
	end = expected(in);
	CHECK(end == NONE || run(in, how, 0) == end);
	CHECK(end == NONE || run(in, how, FAULTS_MAX) == end);
	if (end == NONE)
		run(in, how, FAULTS_MAX);
	loop_free(loop);
	fuzz_free(in);
	return 0;
}
