/* SPDX-License-Identifier: ISC */
/*
 * test_httpconn.c - when slots or buffers run out, a connection of the client
 * that holds most is evicted, the one that has waited longest, and never one
 * that is being answered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/unit/addrtest.h"
#include "http/httpconn.h"

static uint64_t clock_now;
static struct loop *loop;
static struct httpconn_pool *all;

static uint64_t fake_clock(void)
{
	return clock_now;
}

static void on_event(struct loop_fd *io, short revents)
{
}

static int setup(void **state)
{
	clock_now = 1000;
	loop = loop_new(HTTP_CONNS_MAX + 8, fake_clock);
	all = calloc(1, sizeof(*all));
	return httpconn_pool_init(all, loop);
}

static int teardown(void **state)
{
	httpconn_pool_done(all);
	free(all);
	loop_free(loop);
	return 0;
}

static struct httpconn *admit(uint32_t ip)
{
	const struct httpends ends = { .peer = addr_ip4(ip),
				       .share = addr_ip4(ip) };
	int fd = eventfd(0, EFD_CLOEXEC);
	struct httpconn *c;

	assert_true(fd >= 0);
	c = httpconn_pool_admit(all, fd, on_event, &ends);
	if (!c)
		close(fd);
	return c;
}

/* Fill every slot, half for each of two clients. */
static void fill(void)
{
	for (uint32_t i = 0; i < HTTP_CONNS_MAX; i++)
		assert_ptr_equal(admit(1 + i % 2), &all->slot[i]);
	assert_int_equal(all->used, HTTP_CONNS_MAX);
}

static void test_slots_are_reused(void **state)
{
	struct httpconn *a = admit(1), *b = admit(1), *c = admit(1);

	assert_int_equal(all->top, 3);
	assert_int_equal(c->state, CONN_READING);
	assert_int_equal(c->due_ms, 1000 + HTTP_IDLE_MS);
	assert_ip(c->ends.peer, 1);
	httpconn_close(b);
	assert_int_equal(all->top, 3);
	assert_ptr_equal(admit(1), b);		/* the lowest slot */
	httpconn_close(b);
	httpconn_close(c);
	assert_int_equal(all->top, 1);
	httpconn_close(a);
	assert_int_equal(all->top, 0);
	assert_int_equal(all->used, 0);
}

static bool resident(const void *p)
{
	uintptr_t page = (uintptr_t)getpagesize();
	unsigned char in[2] = { 0 };

	assert_int_equal(mincore((void *)((uintptr_t)p & ~(page - 1)), 1, in),
			 0);
	return in[0] & 1;
}

/* The buffers' memory is returned, unless a buffer is in use. */
static void test_trim_returns_memory(void **state)
{
	struct httpconn *c = admit(1);
	char *first, *last;

	first = c->in = httpconn_buffer(c);
	last = c->out = httpconn_buffer(c);
	memset(first, 'a', HTTP_BUF_LEN);
	memset(last, 'b', HTTP_BUF_LEN);
	httpconn_release(c, &c->out);
	httpconn_pool_trim(all);
	assert_true(resident(first));
	assert_int_equal(first[HTTP_BUF_LEN - 1], 'a');
	httpconn_close(c);
	assert_true(resident(first));
	httpconn_pool_trim(all);
	assert_false(resident(first));
	assert_false(resident(last));
}

static void test_oldest_is_evicted(void **state)
{
	fill();
	/* the first is being answered, so the second has waited longest */
	httpconn_enter(&all->slot[0], CONN_PENDING);
	httpconn_enter(&all->slot[0], CONN_READING);
	assert_ptr_equal(admit(3), &all->slot[1]);
	assert_ptr_equal(admit(3), &all->slot[2]);
	/* connections that were answered are evicted first */
	httpconn_enter(&all->slot[3], CONN_PENDING);
	httpconn_enter(&all->slot[4], CONN_SENDING);
	httpconn_enter(&all->slot[9], CONN_LINGERING);
	httpconn_enter(&all->slot[6], CONN_LINGERING);
	assert_ptr_equal(admit(3), &all->slot[9]);
	assert_ptr_equal(admit(3), &all->slot[6]);
	assert_ptr_equal(admit(3), &all->slot[5]);
	assert_int_equal(all->slot[3].state, CONN_PENDING);
	assert_int_equal(all->slot[4].state, CONN_SENDING);
	assert_int_equal(all->used, HTTP_CONNS_MAX);
}

static void test_client_at_its_limit_evicts_its_own(void **state)
{
	struct httpconn *first = admit(7);

	for (int i = 1; i < HTTP_CONNS_PER_CLIENT; i++)
		assert_non_null(admit(9));
	for (int i = 0; i < 10; i++)
		assert_non_null(admit(9));
	/* the oldest is the other client's, and stays */
	assert_int_equal(first->state, CONN_READING);
	assert_ip(first->ends.peer, 7);
	assert_int_equal(all->used, HTTP_CONNS_PER_CLIENT + 1);
}

static void test_pending_connections_stay(void **state)
{
	fill();
	for (size_t i = 0; i < HTTP_CONNS_MAX; i++)
		httpconn_enter(&all->slot[i], CONN_PENDING);
	assert_null(admit(3));
	assert_null(admit(1));
	assert_false(httpconn_pool_evict(all));
	assert_int_equal(all->used, HTTP_CONNS_MAX);
	httpconn_enter(&all->slot[9], CONN_READING);
	assert_ptr_equal(admit(3), &all->slot[9]);
}

/* At its limit, with all its connections pending: no other client's is
 * evicted. */
static void test_client_at_its_limit_evicts_no_other(void **state)
{
	struct httpconn *other = admit(7);

	for (int i = 0; i < HTTP_CONNS_PER_CLIENT; i++)
		httpconn_enter(admit(9), CONN_PENDING);
	assert_null(admit(9));
	assert_int_equal(other->state, CONN_READING);
	/* nor that of a client which has as many */
	for (int i = 1; i < HTTP_CONNS_PER_CLIENT; i++)
		assert_non_null(admit(7));
	assert_null(admit(9));
	assert_int_equal(other->state, CONN_READING);
	assert_non_null(admit(7));
}

static void test_current_connection_stays(void **state)
{
	struct httpconn *a = admit(1), *b = admit(1);

	all->current = a;
	a->in = httpconn_buffer(a);
	assert_true(httpconn_pool_evict(all));
	assert_int_equal(b->state, CONN_FREE);
	assert_false(httpconn_pool_evict(all));
	/* closed while the routes read its request: slot and buffer stay */
	httpconn_close(a);
	assert_non_null(a->in);
	assert_ptr_not_equal(admit(1), a);
	all->current = NULL;
	httpconn_release(a, &a->in);
	assert_ptr_equal(admit(1), a);
}

/* ---- buffers ------------------------------------------------------- */

static unsigned lost;

static void on_lost(const struct httpconn *c)
{
	lost++;
}

/* A client's connection, with a buffer of input. */
static struct httpconn *holder(uint32_t ip)
{
	struct httpconn *c = admit(ip);

	assert_non_null(c);
	c->in = httpconn_buffer(c);
	assert_non_null(c->in);
	memset(c->in, 1, HTTP_BUF_LEN);
	return c;
}

static void to_output(struct httpconn *c)
{
	c->out = c->in;
	c->in = NULL;
	c->reply_by_ms = UINT64_MAX;
	httpconn_enter(c, CONN_SENDING);
}

static void test_oldest_holder_of_a_buffer_is_evicted(void **state)
{
	struct httpconn *idle = admit(1), *c[HTTP_BUFS_MAX + 1];

	for (size_t i = 0; i < HTTP_BUFS_MAX; i++)
		c[i] = holder(1);
	httpconn_enter(c[0], CONN_READING);
	to_output(c[1]);
	to_output(c[2]);
	httpconn_enter(c[1], CONN_SENDING);
	/* the idle one is older, but has no buffer */
	c[HTTP_BUFS_MAX] = holder(1);
	assert_int_equal(idle->state, CONN_READING);
	assert_int_equal(c[3]->state, CONN_FREE);
	for (size_t i = 4; i <= HTTP_BUFS_MAX; i++)
		to_output(c[i]);
	/* the client that has not read for longest, not the one whose request
	 * is being answered */
	httpconn_enter(c[0], CONN_PENDING);
	holder(1);
	assert_int_equal(c[2]->state, CONN_FREE);
	assert_non_null(c[0]->in);
	assert_non_null(c[1]->out);
}

/* However slowly its connections read, and however often it opens another. */
static void test_a_client_keeps_its_buffer(void **state)
{
	struct httpconn *friend;

	all->lost = on_lost;
	lost = 0;
	for (int i = 0; i < HTTP_BUFS_MAX / 2; i++)
		to_output(holder(9));
	for (int i = 0; i < HTTP_BUFS_MAX / 2; i++)
		holder(9);
	assert_int_equal(lost, 0);
	friend = holder(7);
	assert_int_equal(lost, 1);
	for (int i = 0; i < 2 * HTTP_BUFS_MAX; i++)
		holder(9);
	assert_non_null(friend->in);
	assert_int_equal(lost, 1 + 2 * HTTP_BUFS_MAX);
}

/* Many hosts with few buffers each take none of another's. */
static void test_hosts_keep_their_buffers(void **state)
{
	struct httpconn *friend = holder(7);

	for (uint32_t i = 0; i < 10 * HTTP_BUFS_MAX; i++)
		holder(100 + i % (HTTP_BUFS_MAX - 1));
	assert_non_null(friend->in);
	/* a new client's first one is the oldest's */
	holder(8);
	assert_null(friend->in);
}

/* While the routes read its request, a connection gets a buffer for its reply,
 * and loses nothing. */
static void test_current_gets_another_buffer(void **state)
{
	struct httpconn *c = holder(7);

	for (uint32_t i = 1; i < HTTP_BUFS_MAX; i++)
		holder(100 + i);
	all->current = c;
	c->out = httpconn_buffer(c);
	assert_non_null(c->out);
	assert_non_null(c->in);
	all->current = NULL;
}

/* The rest of a connection's input is dropped while its request is being
 * answered; the answer is sent. */
static void test_pending_connection_gives_up_its_input(void **state)
{
	struct httpconn *c[HTTP_BUFS_MAX];

	for (size_t i = 0; i < HTTP_BUFS_MAX; i++) {
		c[i] = holder(9);
		c[i]->in_n = 5;
		c[i]->keep_alive = true;
		httpconn_enter(c[i], CONN_PENDING);
	}
	holder(7);
	assert_int_equal(c[0]->state, CONN_PENDING);
	assert_null(c[0]->in);
	assert_int_equal(c[0]->in_n, 0);
	assert_false(c[0]->keep_alive);
	assert_non_null(c[1]->in);
}

/* ---- slots --------------------------------------------------------- */

/* Of three hosts, the one with most connections gives one up. */
static void test_client_with_most_gives_up_a_slot(void **state)
{
	struct httpconn *friend = admit(7);

	for (uint32_t i = 0; i < 2 * HTTP_CONNS_MAX; i++)
		assert_non_null(admit(100 + i % 3));
	assert_ip(friend->ends.peer, 7);
	assert_int_equal(friend->state, CONN_READING);
	assert_int_equal(all->used, HTTP_CONNS_MAX);
}

/* Others' connections are all being answered: the one with few keeps them. */
static void test_client_with_few_keeps_its_slots(void **state)
{
	struct httpconn *friend = admit(7), *c;

	for (uint32_t i = 0; i < HTTP_CONNS_MAX - 1; i++)
		httpconn_enter(admit(100 + i % 3), CONN_PENDING);
	assert_null(admit(100));
	assert_int_equal(friend->state, CONN_READING);
	c = admit(8);
	assert_ptr_equal(c, friend);
	assert_ip(c->ends.peer, 8);
}

/* As many clients as slots, and one more. */
static void test_each_client_has_one_slot(void **state)
{
	for (uint32_t i = 0; i < 2 * HTTP_CONNS_MAX; i++)
		assert_ptr_equal(admit(1000 + i),
				 &all->slot[i % HTTP_CONNS_MAX]);
	for (size_t i = 0; i < HTTP_CONNS_MAX; i++)
		httpconn_close(&all->slot[i]);
	for (size_t i = 0; i <= HTTP_CONNS_MAX; i++) {
		assert_int_equal(all->client[i].held[SHARE_SLOTS], 0);
		assert_int_equal(all->client[i].held[SHARE_BUFFERS], 0);
	}
}

/* ---- sending ------------------------------------------------------- */

static struct httpconn *connected(int *ret_peer)
{
	const struct httpends ends = { .peer = addr_ip4(1) };
	struct httpconn *c;
	int pair[2], small = 4096;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	c = httpconn_pool_admit(all, pair[0], on_event, &ends);
	assert_non_null(c);
	*ret_peer = pair[1];
	return c;
}

static char body[HTTP_REPLY_MAX], got[HTTP_BUF_LEN + 1];

static void test_send_continues_after_a_part(void **state)
{
	struct str head = STR("head: 1234567890;");
	struct httpconn *c;
	size_t n = 0;
	int peer, ret;

	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (char)(i * 7 + i / 256);
	c = connected(&peer);
	assert_int_equal(httpconn_send(c, head, STR("x")), 1);
	assert_int_equal(c->state, CONN_READING);
	assert_int_equal(read(peer, got, sizeof(got)), head.n + 1);
	assert_memory_equal(got, "head: 1234567890;x", head.n + 1);

	ret = httpconn_send(c, head, (struct str){ body, sizeof(body) });
	assert_int_equal(ret, 0);
	assert_int_equal(c->state, CONN_SENDING);
	clock_now += 5000;
	loop_step(loop, 0);
	assert_int_equal(httpconn_send_rest(c), 0);
	assert_int_equal(c->due_ms, 1000 + HTTP_REPLY_MS); /* no progress */
	while (ret == 0) {
		n += (size_t)read(peer, got + n, 1000);
		ret = httpconn_send_rest(c);
	}
	assert_int_equal(ret, 1);
	/* progress gave it more time, but no more than the whole reply has */
	assert_in_range(c->due_ms, 1000 + HTTP_REPLY_MS + 1,
			1000 + HTTP_REPLY_MS + HTTP_BUF_LEN /
			HTTP_REPLY_BYTES_MS);
	assert_null(c->out);
	while (n < head.n + sizeof(body))
		n += (size_t)read(peer, got + n, sizeof(got) - n);
	assert_memory_equal(got, head.p, head.n);
	assert_memory_equal(got + head.n, body, sizeof(body));
	close(peer);
	assert_true(httpconn_send(c, head, head) < 0);
}

/* The cut is in the head in one case, after it in the other. */
static void test_send_keeps_the_unsent_rest(void **state)
{
	struct str head = { body, HTTP_REPLY_HEAD_MAX };
	struct str tail = { body + 1, sizeof(body) - 1 };
	struct httpconn *c;
	size_t n = 0, junk = 0;
	int peer, ret;

	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (char)(i * 7 + i / 256);
	c = connected(&peer);
	/* so full that little or nothing of the head is sent */
	while (send(c->io.fd, "", 1, MSG_DONTWAIT) == 1)
		junk++;
	ret = httpconn_send(c, head, tail);
	assert_int_equal(ret, 0);
	while (junk) {
		ssize_t k = read(peer, got, junk < 1000 ? junk : 1000);

		assert_true(k > 0);
		junk -= (size_t)k;
	}
	while (n < head.n + tail.n) {
		if (ret == 0)
			ret = httpconn_send_rest(c);
		n += (size_t)read(peer, got + n, sizeof(got) - n);
	}
	assert_int_equal(ret, 1);
	assert_memory_equal(got, head.p, head.n);
	assert_memory_equal(got + head.n, tail.p, tail.n);
	close(peer);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_slots_are_reused),
		TEST(test_trim_returns_memory),
		TEST(test_oldest_is_evicted),
		TEST(test_client_at_its_limit_evicts_its_own),
		TEST(test_pending_connections_stay),
		TEST(test_client_at_its_limit_evicts_no_other),
		TEST(test_current_connection_stays),
		TEST(test_oldest_holder_of_a_buffer_is_evicted),
		TEST(test_a_client_keeps_its_buffer),
		TEST(test_hosts_keep_their_buffers),
		TEST(test_current_gets_another_buffer),
		TEST(test_pending_connection_gives_up_its_input),
		TEST(test_client_with_most_gives_up_a_slot),
		TEST(test_client_with_few_keeps_its_slots),
		TEST(test_each_client_has_one_slot),
		TEST(test_send_continues_after_a_part),
		TEST(test_send_keeps_the_unsent_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
