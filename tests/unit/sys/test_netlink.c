/* SPDX-License-Identifier: ISC */
/*
 * test_netlink.c - no length in a message is used before it is checked, and
 * only the kernel's messages count. Messages end at an unreadable page; the
 * last tests use sockets of the real kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include "sys/netlink.h"
#include "tests/unit/nltest.h"

/* ---- messages made by hand --------------------------------------------- */

static void count(void *arg, const struct nlmsghdr *h)
{
	++*(unsigned *)arg;
}

/* netlink_walk() over @len bytes that end at the unreadable page (aligned). */
static int walk(const char *bytes, size_t len, unsigned *ret_n, bool *intr)
{
	char *at = room + ROOM - NLMSG_ALIGN(len);

	memcpy(at, bytes, len);
	*ret_n = 0;
	*intr = false;
	return netlink_walk((struct nl_span){ at, len }, count, ret_n, intr);
}

static size_t put_msg(char *at, uint32_t len, uint16_t type, uint16_t flags,
		      int code)
{
	struct nlmsghdr h = {
		.nlmsg_len = len, .nlmsg_type = type, .nlmsg_flags = flags,
	};

	memcpy(at, &h, sizeof(h));
	memcpy(at + sizeof(h), &code, sizeof(code));
	return sizeof(h) + sizeof(code);
}

static void test_walk_finds_every_message(void **state)
{
	char b[128] = { 0 };
	size_t n;
	unsigned got;
	bool intr;

	n = put_msg(b, 20, RTM_NEWADDR, NLM_F_MULTI, 0);
	n += put_msg(b + n, 20, NLMSG_NOOP, 0, 0);
	n += put_msg(b + n, 20, RTM_NEWADDR, NLM_F_DUMP_INTR, 0);
	assert_int_equal(walk(b, n, &got, &intr), 1);
	assert_int_equal(got, 2);
	assert_true(intr);
	n += put_msg(b + n, 20, NLMSG_DONE, 0, 0);
	assert_int_equal(walk(b, n, &got, &intr), 0);
	assert_int_equal(walk(b, 20, &got, &intr), 1);
	assert_false(intr);
	put_msg(b, 20, NLMSG_ERROR, 0, -ENODEV);
	assert_int_equal(walk(b, 20, &got, &intr), -ENODEV);
	put_msg(b, 20, NLMSG_ERROR, 0, 5);
	assert_int_equal(walk(b, 20, &got, &intr), -EBADMSG);
	/* no errno, and one that cannot be made positive */
	put_msg(b, 20, NLMSG_ERROR, 0, INT32_MIN);
	assert_int_equal(walk(b, 20, &got, &intr), -EBADMSG);
	put_msg(b, 16, NLMSG_ERROR, 0, 0);
	assert_int_equal(walk(b, 16, &got, &intr), -EBADMSG);
	put_msg(b, 16, NLMSG_DONE, 0, 0);
	assert_int_equal(walk(b, 16, &got, &intr), 0);
}

static void test_walk_refuses_bad_lengths(void **state)
{
	static const uint32_t lies[] = { 0, 1, 15, 21, 0x7fffffff, UINT32_MAX };
	char b[32] = { 0 };
	unsigned got;
	bool intr;
	size_t i;

	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		put_msg(b, lies[i], RTM_NEWADDR, 0, 0);
		assert_int_equal(walk(b, 20, &got, &intr), -EBADMSG);
		assert_int_equal(got, 0);
	}
	for (i = 1; i < 16; i++)
		assert_int_equal(walk(b, i, &got, &intr), -EBADMSG);
	/* 17 bytes, aligned 20: the count must not become negative */
	put_msg(b, 17, RTM_NEWADDR, 0, 0);
	assert_int_equal(walk(b, 17, &got, &intr), 1);
	assert_int_equal(got, 1);
}

/* Only the end matters. */
static void test_walk_without_callback_returns_the_end(void **state)
{
	char b[64] = { 0 };
	bool intr = false;
	size_t n;

	n = put_msg(b, 20, RTM_NEWADDR, 0, 0);
	n += put_msg(b + n, 20, NLMSG_ERROR, 0, -EPERM);
	assert_int_equal(
		netlink_walk((struct nl_span){b, n}, NULL, NULL, &intr),
		-EPERM);
	assert_int_equal(
		netlink_walk((struct nl_span){b, 0}, NULL, NULL, &intr), 1);
	assert_false(intr);
}

/* rtmsg and then three attributes, the second one without payload. */
static struct msg three_attrs(void)
{
	struct rtmsg r = { .rtm_family = AF_INET };
	struct msg m = msg_new(RTM_NEWROUTE, &r, sizeof(r));

	msg_attr(&m, 1, "abcde", 5);
	msg_attr(&m, 2, "", 0);
	msg_attr(&m, 3, "12345678", 8);
	return m;
}

static unsigned attrs_in(const struct nlmsghdr *h)
{
	struct nl_span s = netlink_attrs(h, sizeof(struct rtmsg));
	unsigned n = 0;

	while (netlink_next_attr(&s))
		n++;
	return n;
}

static void test_cut_message_has_its_complete_attributes(void **state)
{
	struct msg m = three_attrs();
	const struct nlmsghdr *h;
	char eight[8];
	size_t len;

	assert_int_equal(m.len, 28 + 12 + 4 + 12);
	for (len = 16; len <= m.len; len++) {
		h = cut(&m, len);
		assert_int_equal(attrs_in(h), (len >= 28 + 9) +
				 (len >= 28 + 12 + 4) + (len >= m.len));
		assert_int_equal(netlink_attr_get(h, 12, 3, eight, 8),
				 len == m.len);
		assert_int_equal(!!netlink_body(h, 12), len >= 28);
	}
	assert_memory_equal(eight, "12345678", 8);
}

static void test_attribute_is_found(void **state)
{
	struct msg m = three_attrs();
	const struct nlmsghdr *h = cut(&m, m.len);
	char v[8] = "unset";

	assert_false(netlink_attr_get(h, 12, 1, v, 6));	/* too short */
	assert_false(netlink_attr_get(h, 12, 2, v, 1));
	assert_false(netlink_attr_get(h, 12, 4, v, 1));	/* none */
	assert_string_equal(v, "unset");
	assert_true(netlink_attr_get(h, 12, 1, v, 2));	/* longer */
	assert_string_equal(v, "abset");
	assert_true(netlink_attr_get(h, 12, 2, v, 0));
	/* the first of two counts */
	msg_attr(&m, 1, "zzzzz", 5);
	assert_true(netlink_attr_get(cut(&m, m.len), 12, 1, v, 5));
	assert_memory_equal(v, "abcde", 5);
	/* a fixed part that is missing, or cut */
	assert_false(netlink_attr_get(h, 512, 1, v, 0));
	assert_int_equal(netlink_attrs(h, m.len - 16).n, 0);
	assert_null(netlink_attrs(h, m.len - 15).p);
}

/* An attribute with a wrong length hides the attributes after it. */
static void test_wrong_length_hides_the_next_attributes(void **state)
{
	static const uint16_t lies[] = { 0, 1, 3, 41, 64, 0x7fff, 0xffff };
	struct msg m;
	size_t i;
	char v;

	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		m = three_attrs();
		memcpy(m.bytes + 28, &lies[i], sizeof(lies[i]));
		assert_int_equal(attrs_in(cut(&m, m.len)), 0);
		assert_false(netlink_attr_get(cut(&m, m.len), 12, 3, &v, 1));
	}
	/* 25 bytes reach into the last attribute; the rest is not one */
	m = three_attrs();
	memcpy(m.bytes + 28, &(uint16_t){ 25 }, sizeof(uint16_t));
	assert_int_equal(attrs_in(cut(&m, m.len)), 1);
}

/* ---- the real kernel --------------------------------------------------- */

static struct link_req {
	struct nlmsghdr h;
	struct ifinfomsg i;
} about_link(int ifindex)
{
	return (struct link_req){
		.h = {
			.nlmsg_len = sizeof(struct link_req),
			.nlmsg_type = RTM_GETLINK,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		},
		.i = { .ifi_index = ifindex },
	};
}

static void test_ask_gets_the_whole_answer(void **state)
{
	struct link_req one = about_link(1), none = about_link(0x7ffffff0),
			dump = about_link(0);
	unsigned got = 0;

	assert_int_equal(netlink_ask(NETLINK_ROUTE, &one.h, count, &got), 0);
	assert_int_equal(got, 1);
	assert_int_equal(netlink_ask(NETLINK_ROUTE, &one.h, NULL, NULL), 0);
	got = 0;
	assert_int_equal(netlink_ask(NETLINK_ROUTE, &none.h, count, &got),
			 -ENODEV);
	assert_int_equal(got, 0);
	dump.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	assert_int_equal(netlink_ask(NETLINK_ROUTE, &dump.h, count, &got), 0);
	assert_true(got >= 1);
	/* an answer without an end is an error, and does not block */
	one.h.nlmsg_flags = NLM_F_REQUEST;
	assert_int_equal(netlink_ask(NETLINK_ROUTE, &one.h, NULL, NULL),
			 -EAGAIN);
	assert_int_equal(netlink_ask(31, &one.h, NULL, NULL), -EPROTONOSUPPORT);
}

/* No descriptor stays open, whatever the result. */
static void test_ask_leaks_nothing(void **state)
{
	struct link_req none = about_link(0x7ffffff0);
	int before = dup(0), after;

	assert_true(before >= 0);
	close(before);
	netlink_ask(NETLINK_ROUTE, &none.h, NULL, NULL);
	none.h.nlmsg_flags = NLM_F_REQUEST;
	none.h.nlmsg_type = RTM_GETLINK;
	netlink_ask(NETLINK_ROUTE, &none.h, NULL, NULL);
	after = dup(0);
	close(after);
	assert_int_equal(before, after);
}

static void test_empty_socket_does_not_block(void **state)
{
	static union nl_buf buf;
	int fd = netlink_open(NETLINK_ROUTE);

	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(netlink_recv(fd, &buf), -EAGAIN);
	close(fd);
	assert_int_equal(netlink_recv(fd, &buf), -EBADF);
}

/* A message of another process does not count as the kernel's. */
static void test_forged_message_is_ignored(void **state)
{
	static union nl_buf buf;
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	struct link_req forged = about_link(1), real = about_link(1);
	int fd = netlink_open(NETLINK_ROUTE),
	    other = netlink_open(NETLINK_ROUTE);
	socklen_t len = sizeof(to);

	NEED_ROOT();
	assert_true(fd >= 0 && other >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&to, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&to, &len), 0);
	assert_int_equal(sendto(other, &forged, sizeof(forged), 0,
				(struct sockaddr *)&to, len), sizeof(forged));
	assert_int_equal(send(fd, &real, sizeof(real), 0), sizeof(real));
	assert_true(netlink_recv(fd, &buf) > 0);
	assert_int_equal(buf.first.nlmsg_type, RTM_NEWLINK);
	assert_int_equal(buf.first.nlmsg_pid, to.nl_pid);
	close(fd);
	close(other);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk_finds_every_message),
		cmocka_unit_test(test_walk_refuses_bad_lengths),
		cmocka_unit_test(test_walk_without_callback_returns_the_end),
		cmocka_unit_test(test_cut_message_has_its_complete_attributes),
		cmocka_unit_test(test_attribute_is_found),
		cmocka_unit_test(test_wrong_length_hides_the_next_attributes),
		cmocka_unit_test(test_ask_gets_the_whole_answer),
		cmocka_unit_test(test_ask_leaks_nothing),
		cmocka_unit_test(test_empty_socket_does_not_block),
		cmocka_unit_test(test_forged_message_is_ignored),
	};

	return cmocka_run_group_tests(tests, make_room, NULL);
}
