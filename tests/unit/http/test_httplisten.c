/* SPDX-License-Identifier: ISC */
/* test_httplisten.c - exactly the given addresses listen, to sources of their
 * networks, and a burst of connections loses none. On loopback addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/unit/addrtest.h"
#include "http/httplisten.h"

#define LO(n) (0x7f000000u + (n))	/* 127.0.0.n */
#define ALL 8

static uint64_t clock_now;
static struct loop *loop;
static struct httplisten *const set = &(struct httplisten){ 0 };
static struct {
	int fd;
	struct httpends ends;
} got[256];
static size_t got_n;
static struct httpends ended[IFSOCKS_MAX];	/* .local and .ifindex */
static size_t ended_n, pressed_n;
static int spare = -1;

static uint64_t fake_clock(void)
{
	return clock_now;
}

static void on_accepted(void *arg, int fd, const struct httpends *ends)
{
	assert_true(got_n < 256);
	got[got_n].fd = fd;
	got[got_n++].ends = *ends;
}

static bool on_pressed(void *arg)
{
	pressed_n++;
	if (spare < 0)
		return false;
	close(spare);
	spare = -1;
	return true;
}

static struct addr outsider;

static void on_outside(void *arg, struct addr peer)
{
	outsider = peer;
}

static void on_ended(void *arg, struct addr local, int ifindex)
{
	ended[ended_n].local = local;
	ended[ended_n++].ifindex = ifindex;
}

static int setup(void **state)
{
	const struct httplisten_ops ops = {
		.accepted = on_accepted,
		.pressed = on_pressed,
		.outside = on_outside,
		.ended = on_ended,
	};

	got_n = ended_n = pressed_n = 0;
	loop = loop_new(IFSOCKS_MAX, fake_clock);
	httplisten_init(set, loop, &ops);
	return 0;
}

static int teardown(void **state)
{
	httplisten_done(set);
	loop_free(loop);
	for (size_t i = 0; i < got_n; i++)
		close(got[i].fd);
	return 0;
}

static struct netif_addr at(uint32_t ip, uint8_t bits)
{
	return (struct netif_addr){ .net = { addr_ip4(ip), bits } };
}

static void wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	assert_int_equal(poll(&p, 1, 1000), 1);
}

/* Connect from @from. Return: the socket, non-blocking, or -1 when refused */
static int dial(uint32_t from, uint32_t to, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int err = 0;
	const struct linger reset = { .l_onoff = 1 };
	socklen_t len = sizeof(err);

	assert_true(fd >= 0);
	/* a port in TIME_WAIT would block a later listener */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	sin.sin_addr.s_addr = htonl(from);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	sin.sin_addr.s_addr = htonl(to);
	sin.sin_port = htons(port);
	connect(fd, (struct sockaddr *)&sin, sizeof(sin));
	wait_for(fd, POLLOUT);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (!err)
		return fd;
	close(fd);
	return -1;
}

static void test_port_0_takes_one_for_all_addresses(void **state)
{
	struct netif_addr two[] = { at(LO(1), ALL), at(LO(2), ALL) };
	uint16_t port;
	int a, b;

	two[1].ifindex = 7;
	assert_int_equal(httplisten_port(set), 0);
	assert_int_equal(httplisten_set(set, two, 2, 0), 0);
	port = httplisten_port(set);
	assert_int_not_equal(port, 0);
	a = dial(LO(109), LO(1), port);
	b = dial(LO(108), LO(2), port);
	loop_step(loop, 1000);
	loop_step(loop, 0);
	assert_int_equal(got_n, 2);
	for (size_t i = 0; i < 2; i++) {
		bool first = addr_equal(got[i].ends.local, addr_ip4(LO(1)));
		int on = 0, flags;
		socklen_t len = sizeof(on);

		assert_ip(got[i].ends.peer, first ? LO(109) : LO(108));
		assert_int_equal(got[i].ends.local_port, port);
		assert_int_equal(got[i].ends.ifindex, first ? 0 : 7);
		assert_true(addr_equal(got[i].ends.url_addr,
				       got[i].ends.local));
		assert_int_equal(getsockopt(got[i].fd, IPPROTO_TCP,
					    TCP_NODELAY, &on, &len), 0);
		assert_true(on);
		flags = (int)recv(got[i].fd, &on, 1, 0);
		assert_int_equal(flags, -1);	/* non-blocking */
		assert_int_equal(errno, EAGAIN);
	}
	close(a);
	close(b);
}

/* Addresses in the list stay as they are; the others are closed. */
static void test_kept_addresses_keep_their_listener(void **state)
{
	struct netif_addr one[] = { at(LO(1), ALL) };
	struct netif_addr two[] = {
		at(LO(2), 24), at(LO(1), 24),
	};
	uint16_t port;
	int fd;

	assert_int_equal(httplisten_set(set, one, 1, 0), 0);
	port = httplisten_port(set);
	fd = dial(LO(109), LO(1), port);	/* stays in the backlog */
	assert_int_equal(httplisten_set(set, two, 2, 0), 0);
	assert_int_equal(httplisten_port(set), port);
	assert_int_equal(ended_n, 0);
	loop_step(loop, 1000);
	assert_int_equal(got_n, 1);
	close(fd);
	/* the new mask is in force */
	fd = dial(0x7f000101u, LO(1), port);
	loop_step(loop, 1000);
	assert_int_equal(got_n, 1);
	close(fd);
	assert_int_equal(httplisten_set(set, two, 1, 0), 0);
	assert_int_equal(ended_n, 1);
	assert_ip(ended[0].local, LO(1));
	assert_int_equal(dial(LO(109), LO(1), port), -1);
	assert_int_equal(httplisten_set(set, NULL, 0, 0), 0);
	assert_int_equal(httplisten_port(set), 0);
}

static void test_listeners_move_to_another_port(void **state)
{
	struct netif_addr one[] = { at(LO(1), ALL) };
	uint16_t first, second;
	int fd;

	assert_int_equal(httplisten_set(set, one, 1, 0), 0);
	first = httplisten_port(set);
	/* a free port: the kernel gave it to a socket of ours */
	fd = socket(AF_INET, SOCK_STREAM, 0);
	close(fd);
	second = first > 40000 ? first - 1000 : first + 1000;
	if (httplisten_set(set, one, 1, second)) {
		assert_int_equal(httplisten_port(set), 0);
		skip();		/* another program has it */
	}
	assert_int_equal(httplisten_port(set), second);
	assert_int_equal(ended_n, 1);
	assert_int_equal(dial(LO(109), LO(1), first), -1);
	/* the same call again changes nothing */
	assert_int_equal(httplisten_set(set, one, 1, second), 0);
	assert_int_equal(ended_n, 1);
}

static void test_foreign_source_is_refused(void **state)
{
	struct netif_addr one[] = { at(LO(1), 29) };
	uint16_t port;
	char c;
	int fd;

	assert_int_equal(httplisten_set(set, one, 1, 0), 0);
	port = httplisten_port(set);
	fd = dial(LO(8), LO(1), port);
	loop_step(loop, 1000);
	assert_int_equal(got_n, 0);
	wait_for(fd, POLLIN);
	assert_true(recv(fd, &c, 1, 0) <= 0);
	assert_ip(outsider, LO(8));
	close(fd);
	fd = dial(LO(7), LO(1), port);
	loop_step(loop, 1000);
	assert_int_equal(got_n, 1);
	close(fd);
}

/* Each address serves the networks of all addresses of its interface. */
static void test_networks_of_one_interface(void **state)
{
	struct netif_addr three[] = {
		at(LO(1), 24), at(0x7f000101u, 24),
		at(LO(200), 32),
	};
	uint16_t port;
	int fd;

	assert_int_equal(httplisten_set(set, three, 3, 0), 0);
	port = httplisten_port(set);
	fd = dial(0x7f000109u, LO(200), port);
	loop_step(loop, 1000);
	assert_int_equal(got_n, 1);
	assert_ip(got[0].ends.local, LO(200));
	close(fd);
	fd = dial(0x7f000209u, LO(200), port);
	loop_step(loop, 1000);
	assert_int_equal(got_n, 1);
	close(fd);
}

static void test_one_failure_does_not_stop_the_others(void **state)
{
	struct netif_addr two[] = {
		at(0xc6336463u, ALL),	/* 198.51.100.99 is not ours */
		at(LO(1), ALL),
	};
	struct netif_addr wrong[] = { at(LO(1), ALL) };

	assert_int_equal(httplisten_set(set, two, 2, 0), -EADDRNOTAVAIL);
	assert_int_not_equal(httplisten_port(set), 0);
	memcpy(wrong[0].ifname, "no-such-iface0", 15);
	assert_int_not_equal(httplisten_set(set, wrong, 1, 0), 0);
}

static void test_interface_must_exist(void **state)
{
	struct netif_addr one[] = { at(LO(1), ALL) };
	int fd;

	memcpy(one[0].ifname, "lo", 3);
	assert_int_equal(httplisten_set(set, one, 1, 0), 0);
	fd = dial(LO(102), LO(1), httplisten_port(set));
	loop_step(loop, 1000);
	assert_int_equal(got_n, 1);
	close(fd);
}

static void test_addresses_above_the_limit_are_refused(void **state)
{
	struct netif_addr many[IFSOCKS_MAX + 1];

	for (size_t i = 0; i <= IFSOCKS_MAX; i++)
		many[i] = at(LO(1 + (uint32_t)i), ALL);
	assert_int_equal(httplisten_set(set, many, IFSOCKS_MAX + 1, 0),
			 -ENOSPC);
	assert_int_equal(httplisten_set(set, many, IFSOCKS_MAX, 0), 0);
	/* all change at once */
	assert_int_equal(httplisten_set(set, many + 1, IFSOCKS_MAX, 0),
			 0);
}

/* At most 64 connections in a round, and none is lost. */
static void test_burst_is_accepted_whole(void **state)
{
	struct netif_addr one[] = { at(LO(1), ALL) };
	int fd[150];

	assert_int_equal(httplisten_set(set, one, 1, 0), 0);
	for (size_t i = 0; i < 150; i++)
		fd[i] = dial(LO(102), LO(1), httplisten_port(set));
	loop_step(loop, 1000);
	assert_in_range(got_n, 1, 64);
	for (int i = 0; i < 100 && got_n < 150; i++)
		loop_step(loop, 10);
	assert_int_equal(got_n, 150);
	for (size_t i = 0; i < 150; i++)
		close(fd[i]);
}

static rlim_t limit_fds(rlim_t n)
{
	struct rlimit r;
	rlim_t was;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &r), 0);
	was = r.rlim_cur;
	r.rlim_cur = n;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &r), 0);
	return was;
}

/* Out of descriptors, a connection is evicted; if none can be, the listener
 * pauses instead of looping. */
static void test_without_descriptors_it_pauses(void **state)
{
	struct netif_addr one[] = { at(LO(1), ALL) };
	rlim_t was;
	int a, b;

	assert_int_equal(httplisten_set(set, one, 1, 0), 0);
	a = dial(LO(102), LO(1), httplisten_port(set));
	b = dial(LO(102), LO(1), httplisten_port(set));
	spare = dup(a);
	assert_int_equal(spare, b + 1);
	was = limit_fds((rlim_t)spare + 1);
	for (int i = 0; i < 3; i++)	/* at first, one try in a round */
		loop_step(loop, 1000);
	assert_int_equal(got_n, 1);
	assert_int_equal(pressed_n, 2);
	for (int i = 0; i < 5; i++)
		loop_step(loop, 1);
	assert_int_equal(pressed_n, 2);
	limit_fds(was);
	clock_now += 1000;
	loop_step(loop, 0);
	loop_step(loop, 0);
	assert_int_equal(got_n, 2);
	close(a);
	close(b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_port_0_takes_one_for_all_addresses),
		TEST(test_kept_addresses_keep_their_listener),
		TEST(test_listeners_move_to_another_port),
		TEST(test_foreign_source_is_refused),
		TEST(test_networks_of_one_interface),
		TEST(test_one_failure_does_not_stop_the_others),
		TEST(test_interface_must_exist),
		TEST(test_addresses_above_the_limit_are_refused),
		TEST(test_burst_is_accepted_whole),
		TEST(test_without_descriptors_it_pauses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
