/* SPDX-License-Identifier: ISC */
/* test_genasend.c - a delivery ends in time and is classified, whatever the
 * subscriber does. Over a socketpair, and over loopback TCP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/limits.h"
#include "base/wr.h"
#include "gena/genasend.h"

#define ARRAY_N(a) (sizeof(a) / sizeof((a)[0]))
#define LOOPBACK 0x7f000001u
#define RUNNING (-1)

static uint64_t clock_now;
static struct loop *loop;
static struct genasend send_;
static int ended;
static char buf[GENA_MSG_MAX];

static uint64_t fake_clock(void)
{
	return clock_now;
}

static void on_done(struct genasend *s, enum genasend_end how)
{
	assert_int_equal(ended, RUNNING);
	ended = (int)how;
}

static int setup(void **state)
{
	clock_now = 1000;
	loop = loop_new(4, fake_clock);
	send_ = (struct genasend){ .loop = loop, .done = on_done };
	ended = RUNNING;
	return loop ? 0 : -1;
}

static int teardown(void **state)
{
	genasend_stop(&send_);
	loop_free(loop);
	return 0;
}

static void run(void)
{
	for (int i = 0; i < 4; i++)
		assert_int_equal(loop_step(loop, 0), 0);
}

/* Start to deliver "hello". Return: the subscriber's end */
static int start(void)
{
	struct wr w = wr_init(buf, sizeof(buf));
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
				    pair), 0);
	wr_z(&w, "hello");
	ended = RUNNING;
	assert_int_equal(genasend_start(&send_, pair[0], &w, 31000), 0);
	return pair[1];
}

static void read_message(int fd)
{
	char got[16];

	run();
	assert_int_equal(read(fd, got, sizeof(got)), 5);
	assert_memory_equal(got, "hello", 5);
}

static void write_answer(int fd, const char *text, size_t n)
{
	assert_int_equal(write(fd, text, n), n);
	run();
}

static const struct {
	const char *answer;
	int end;
} answers[] = {
	{ "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", GENASEND_OK },
	{ "HTTP/1.1 200 OK\r\n\r\nand more", GENASEND_OK },
	{ "HTTP/1.0 204\r\n\r\n", GENASEND_OK },
	{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
	  GENASEND_OK },
	{ "HTTP/1.1 412 Precondition Failed\r\n\r\n", GENASEND_UNKNOWN },
	{ "HTTP/1.1 302 Found\r\nLocation: http://11.22.33.9/\r\n\r\n",
	  GENASEND_FAILED },
	{ "HTTP/1.1 500 Oops\r\n\r\n", GENASEND_FAILED },
	{ "NOTIFY / HTTP/1.1\r\n\r\n", GENASEND_FAILED },
	{ "rubbish\r\n\r\n", GENASEND_FAILED },
	{ "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", GENASEND_FAILED },
	{ "HTTP/2.0 200 OK\r\n\r\n", GENASEND_FAILED },
};

static void answers_are_classified(void **state)
{
	for (size_t i = 0; i < ARRAY_N(answers); i++) {
		int fd = start();

		read_message(fd);
		assert_int_equal(ended, RUNNING);
		write_answer(fd, answers[i].answer, strlen(answers[i].answer));
		assert_int_equal(ended, answers[i].end);
		assert_false(send_.active);
		close(fd);
	}
}

static void answers_may_arrive_byte_by_byte(void **state)
{
	for (size_t i = 0; i < ARRAY_N(answers); i++) {
		const char *p = answers[i].answer;
		int fd = start();

		read_message(fd);
		for (; *p && ended == RUNNING; p++)
			write_answer(fd, p, 1);
		assert_int_equal(ended, answers[i].end);
		close(fd);
	}
}

static void an_end_without_an_answer_is_a_failure(void **state)
{
	int fd = start();

	read_message(fd);
	write_answer(fd, "HTTP/1.1 200 OK\r\n", 17);
	assert_int_equal(ended, RUNNING);
	close(fd);
	run();
	assert_int_equal(ended, GENASEND_FAILED);
}

static void an_immediate_close_is_a_failure(void **state)
{
	close(start());
	run();
	assert_int_equal(ended, GENASEND_FAILED);
}

static void an_endless_head_is_a_failure(void **state)
{
	int fd = start();
	char line[256];

	read_message(fd);
	memset(line, 'a', sizeof(line));
	write_answer(fd, "HTTP/1.1 200 OK\r\nX:", 19);
	for (size_t n = 19; n < sizeof(buf); n += sizeof(line)) {
		assert_int_equal(ended, RUNNING);
		write_answer(fd, line, sizeof(line));
	}
	assert_int_equal(ended, GENASEND_FAILED);
	close(fd);
}

static void a_slow_reader_gets_all_of_it(void **state)
{
	int small = 1, fd;
	struct wr w = wr_init(buf, sizeof(buf));
	static char much[1 << 20], got[1 << 20];
	size_t n = 0;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
				    pair), 0);
	fd = pair[1];
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	for (size_t i = 0; i < sizeof(much); i++)
		much[i] = (char)('a' + i % 23);
	w = (struct wr){ much, sizeof(much), sizeof(much), false, false };
	assert_int_equal(genasend_start(&send_, pair[0], &w, 31000), 0);
	while (n < sizeof(got)) {
		ssize_t more;

		run();
		more = read(fd, got + n, sizeof(got) - n);
		assert_true(more > 0);
		n += (size_t)more;
	}
	assert_memory_equal(got, much, sizeof(got));
	run();
	write_answer(fd, "HTTP/1.1 200 OK\r\n\r\n", 19);
	assert_int_equal(ended, GENASEND_OK);
	close(fd);
}

static void there_are_two_deadlines(void **state)
{
	int fd = start();

	assert_int_equal(genasend_due_ms(&send_), 1000 + GENA_CONNECT_MS);
	read_message(fd);
	assert_int_equal(genasend_due_ms(&send_), 31000);
	assert_int_equal(send_.sent_ms, 1000);
	genasend_stop(&send_);
	run();
	assert_int_equal(ended, RUNNING);
	close(fd);
}

static void a_closed_port_is_a_failure(void **state)
{
	struct wr w = wr_init(buf, sizeof(buf));
	int fd = genasend_connect(addr_ip4(LOOPBACK), addr_ip4(LOOPBACK),
			      1, 0);

	if (fd < 0) {
		assert_int_equal(fd, -ECONNREFUSED);
		return;
	}
	wr_z(&w, "hello");
	assert_int_equal(genasend_start(&send_, fd, &w, 31000), 0);
	for (int i = 0; i < 100 && ended == RUNNING; i++)
		loop_step(loop, 10);
	assert_int_equal(ended, GENASEND_FAILED);
}

static void it_connects_from_the_given_address(void **state)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);
	int fd, end, server = socket(AF_INET, SOCK_STREAM, 0);

	sa.sin_addr.s_addr = htonl(LOOPBACK);
	assert_int_equal(bind(server, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(server, 1), 0);
	getsockname(server, (struct sockaddr *)&sa, &len);
	fd = genasend_connect(addr_ip4(LOOPBACK + 1), addr_ip4(LOOPBACK),
			      ntohs(sa.sin_port), 0);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	end = accept(server, (struct sockaddr *)&sa, &len);
	assert_true(end >= 0);
	assert_int_equal(ntohl(sa.sin_addr.s_addr), LOOPBACK + 1);
	close(end);
	close(fd);
	close(server);
}

/* From an address of the router, or from one that the kernel chooses. */
static void it_connects_over_ip6(void **state)
{
	static const uint8_t one[16] = { [15] = 1 };
	const struct addr from[] = { addr_ip6(one), { 0 } };
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6 };
	socklen_t len = sizeof(sa);
	int fd, end, server = socket(AF_INET6, SOCK_STREAM, 0);

	memcpy(&sa.sin6_addr, one, sizeof(one));
	assert_int_equal(bind(server, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(server, 2), 0);
	getsockname(server, (struct sockaddr *)&sa, &len);
	for (int i = 0; i < 2; i++) {
		fd = genasend_connect(from[i], addr_ip6(one),
				      ntohs(sa.sin6_port), 1);
		assert_true(fd >= 0);
		end = accept(server, NULL, NULL);
		assert_true(end >= 0);
		close(end);
		close(fd);
	}
	close(server);
	/* the kernel does not take one family from the other */
	assert_true(genasend_connect(addr_ip4(LOOPBACK), addr_ip6(one), 1, 1) <
		    0);
	assert_int_equal(genasend_connect((struct addr){ 0 },
					  (struct addr){ 0 }, 1, 1),
			 -EAFNOSUPPORT);
	/* a link-local address is on no link */
	sa.sin6_addr.s6_addr[0] = 0xfe;
	sa.sin6_addr.s6_addr[1] = 0x80;
	assert_int_equal(genasend_connect((struct addr){ 0 },
					  addr_ip6(&sa.sin6_addr), 1, 0),
			 -EINVAL);
}

static void an_address_that_is_not_ours_is_an_error(void **state)
{
	/* 192.0.2.1, RFC 5737 */
	assert_int_equal(genasend_connect(addr_ip4(0xc0000201u),
					  addr_ip4(LOOPBACK),
			      1, 0),
			 -EADDRNOTAVAIL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(answers_are_classified),
		T(answers_may_arrive_byte_by_byte),
		T(an_end_without_an_answer_is_a_failure),
		T(an_immediate_close_is_a_failure),
		T(an_endless_head_is_a_failure),
		T(a_slow_reader_gets_all_of_it),
		T(there_are_two_deadlines),
		T(a_closed_port_is_a_failure),
		T(it_connects_from_the_given_address),
		T(it_connects_over_ip6),
		T(an_address_that_is_not_ours_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
