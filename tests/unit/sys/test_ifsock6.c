/* SPDX-License-Identifier: ISC */
/*
 * test_ifsock6.c - the sockets of IPv6 addresses, beside those of IPv4.
 *
 * The tests use the loopback interface of a network namespace of their own. If
 * no namespace with IPv6 can be created, they are skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/unit/lo6.h"
#include "sys/ifsock.h"

#define PORT		1900
#define LO		LO6_IFINDEX
#define OTHER_IFINDEX	77	/* no interface has it */

#define LINK_GROUP	"ff02::c"
#define SITE_GROUP	"ff05::c"
#define OWN_LL		"fe80::1"
#define OWN_GLOBAL	"2001:db8:88::1"
#define OWN_ULA		"fd00:88::1"
#define HOST_LL		"fe80::9"
#define HOST_GLOBAL	"2001:db8:88::9"
#define HOST_ULA	"fd00:88::9"
#define FAR_HOST	"2001:db8:77::9"	/* in no network */

static bool have_net;
static struct loop *loop;
static struct ifsock_set set;
static unsigned outside;
static struct ifsock *ready_sock;

static void on_ready(void *arg, struct ifsock *s)
{
	ready_sock = s;
}

static void on_outside(void *arg, struct addr peer)
{
	outside++;
}

static uint64_t fake_clock(void)
{
	return 1000;
}

static struct addr a(const char *text)
{
	struct addr ret;

	assert_true(addr_parse(str_z(text), &ret));
	return ret;
}

static void init(int type)
{
	struct ifsock_config config = {
		.type = type, .backlog = 8,
		.group = { a("239.255.255.250"), a(LINK_GROUP), a(SITE_GROUP) },
		.group_n = type == SOCK_DGRAM ? 3 : 0, .ttl = 2,
		.hop_limit = 10, .ready = on_ready, .outside = on_outside,
	};

	ifsock_init(&set, loop, &config);
}

static int set_up(void **state)
{
	outside = 0;
	loop = loop_new(IFSOCKS_MAX + IFSOCK_GROUPS_MAX, fake_clock);
	init(SOCK_DGRAM);
	return loop ? 0 : -1;
}

static int tear_down(void **state)
{
	ifsock_close(&set);
	loop_free(loop);
	return 0;
}

#define NEED_NET do { if (!have_net) skip(); } while (0)

static struct netif_addr at(const char *text, uint8_t bits)
{
	return (struct netif_addr){ LO, "lo", { a(text), bits } };
}

#define N(list) (sizeof(list) / sizeof(*(list)))

static void serve(const struct netif_addr *list, size_t n)
{
	assert_int_equal(ifsock_serve(&set, list, n, PORT), 0);
}

static int client(int type, const char *from)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(a(from), 0, LO, &sa);
	int fd = socket(sa.ss_family, type, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
	return fd;
}

/* Send from @from to @to. Return: the address to answer from, as text that
 * lasts until the next call; "" it was dropped */
static const char *ask(const char *from, const char *to)
{
	static struct addr_text text;
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(a(to), PORT, LO, &sa);
	struct ifsock *local = NULL;
	struct addr peer;
	uint16_t port;
	char buf[32];
	int fd = client(SOCK_DGRAM, from);
	ssize_t got;

	ready_sock = NULL;
	assert_int_equal(sendto(fd, "hello", 5, 0, (struct sockaddr *)&sa, len),
			 5);
	assert_int_equal(loop_step(loop, 1000), 0);
	close(fd);
	assert_non_null(ready_sock);
	got = ifsock_recv(ready_sock, buf, sizeof(buf), &peer, &port, &local);
	if (!got) {
		assert_null(local);
		return "";
	}
	assert_int_equal(got, 5);
	assert_true(addr_equal(peer, a(from)));
	text = addr_text(local->at.net.addr);
	return text.text;
}

#define ASK(from, to, answers) assert_string_equal(ask(from, to), answers)

static const char *url_addr(size_t i)
{
	static struct addr_text text;

	text = addr_text(ifsock_for_urls(&set.sock[i])->at.net.addr);
	return text.text;
}

/* ---- datagrams -------------------------------------------------------- */

static void test_each_scope_is_answered_from_the_network_of_the_peer(
		void **state)
{
	const struct netif_addr list[] = {
		at("127.0.0.1", 8), at(OWN_LL, 64), at(OWN_GLOBAL, 64),
		at(OWN_ULA, 64),
	};

	NEED_NET;
	serve(list, N(list));
	ASK(HOST_LL, LINK_GROUP, OWN_LL);
	ASK(HOST_GLOBAL, LINK_GROUP, OWN_GLOBAL);
	ASK(HOST_GLOBAL, SITE_GROUP, OWN_GLOBAL);
	ASK(HOST_ULA, SITE_GROUP, OWN_ULA);
	ASK(HOST_LL, SITE_GROUP, OWN_LL);
	ASK(FAR_HOST, SITE_GROUP, "");
	ASK(FAR_HOST, LINK_GROUP, "");
	assert_int_equal(outside, 0);
	/* by unicast, the address that was asked */
	ASK(HOST_LL, OWN_LL, OWN_LL);
	ASK(HOST_GLOBAL, OWN_ULA, OWN_ULA);
	ASK(HOST_LL, OWN_GLOBAL, OWN_GLOBAL);
	ASK(FAR_HOST, OWN_GLOBAL, "");
	assert_int_equal(outside, 1);
	ASK("127.0.0.9", "127.0.0.1", "127.0.0.1");
}

/* Each link has the addresses fe80::/10. */
static void test_link_local_peers_are_served_on_their_own_link(void **state)
{
	struct netif_addr list[] = { at(OWN_LL, 64), at(OWN_GLOBAL, 64) };

	NEED_NET;
	serve(list, N(list));
	set.sock[0].at.ifindex = OTHER_IFINDEX;
	ASK(HOST_LL, LINK_GROUP, "");
	ASK(HOST_LL, OWN_GLOBAL, "");
	ASK(HOST_GLOBAL, OWN_GLOBAL, OWN_GLOBAL);
	set.sock[0].at.ifindex = LO;
	ASK(HOST_LL, LINK_GROUP, OWN_LL);
}

/* Routers forward FF05::C; nobody forwards 239.255.255.250 in a home. */
static void test_routed_peers_search_by_multicast(void **state)
{
	struct netif_addr list[] = {
		at(OWN_LL, 64), at(OWN_ULA, 64), at(OWN_GLOBAL, 64),
		at("2001:db8:77::", 64),
	};

	NEED_NET;
	list[3].routed = 1;
	serve(list, N(list));
	ASK(FAR_HOST, SITE_GROUP, OWN_GLOBAL);
	ASK(FAR_HOST, OWN_ULA, OWN_ULA);
	list[3].ifindex = OTHER_IFINDEX;
	serve(list, N(list));
	ASK(FAR_HOST, SITE_GROUP, "");
	ASK(FAR_HOST, OWN_ULA, "");
}

static void test_address_for_urls(void **state)
{
	struct netif_addr list[] = {
		at(OWN_LL, 64), at(OWN_ULA, 64), at(OWN_GLOBAL, 64),
		at("127.0.0.1", 8),
	};

	NEED_NET;
	serve(list, N(list));
	assert_string_equal(url_addr(0), OWN_GLOBAL);
	assert_string_equal(url_addr(1), OWN_ULA);
	assert_string_equal(url_addr(3), "127.0.0.1");
	/* deprecated: the provider has assigned another prefix */
	list[2].secondary = 1;
	serve(list, N(list));
	assert_string_equal(url_addr(0), OWN_ULA);
	/* the virtual address of VRRP */
	list[2].secondary = 0;
	list[2].net.bits = 128;
	serve(list, N(list));
	assert_string_equal(url_addr(0), OWN_ULA);
	list[2].net.bits = 64;
	serve(list, N(list));
	assert_string_equal(url_addr(0), OWN_GLOBAL);
	set.sock[2].at.ifindex = OTHER_IFINDEX;
	assert_string_equal(url_addr(0), OWN_ULA);
	set.sock[2].at.ifindex = LO;
	serve(list, 1);
	assert_string_equal(url_addr(0), OWN_LL);
}

/* Its source is the address of the socket, in each family and scope. */
static void test_sender_uses_the_address_of_the_socket(void **state)
{
	const struct netif_addr list[] = {
		at(OWN_LL, 64), at(OWN_ULA, 64), at(OWN_GLOBAL, 64),
		at("127.0.0.1", 8),
	};
	static const char *const host[] = {
		HOST_LL, HOST_GLOBAL, HOST_LL, "127.0.0.9",
	};
	char text[] = "answer", buf[32];

	NEED_NET;
	serve(list, N(list));
	for (size_t i = 0; i < N(list); i++) {
		int fd = client(SOCK_DGRAM, host[i]);
		int sender = ifsock_sender(&set.sock[i]);
		struct sockaddr_storage sa;
		socklen_t len = sizeof(sa);
		uint16_t port;

		assert_true(sender >= 0);
		assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len),
				 0);
		addr_from_sockaddr(&sa, len, &port);
		assert_int_equal(ifsock_send(sender, &set.sock[i], text, 6,
					     a(host[i]), port), 0);
		len = sizeof(sa);
		assert_int_equal(recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT,
					  (struct sockaddr *)&sa, &len), 6);
		assert_true(addr_equal(addr_from_sockaddr(&sa, len, &port),
				       list[i].net.addr));
		assert_int_equal(port, PORT);
		/* and it takes no search */
		ASK(HOST_GLOBAL, SITE_GROUP, OWN_GLOBAL);
		assert_int_equal(recv(sender, buf, sizeof(buf), 0), -1);
		assert_int_equal(errno, EAGAIN);
		assert_false(ifsock_has_unsent(sender));
		close(sender);
		close(fd);
	}
}

/* What the socket of an address sends to a group has the hop limit, and
 * programs on this machine receive it. */
static void test_hop_limit_of_multicasts(void **state)
{
	static const char *const group[] = { LINK_GROUP, SITE_GROUP };
	const struct netif_addr list[] = { at(OWN_LL, 64), at(OWN_GLOBAL, 64) };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	char buf[32];

	NEED_NET;
	serve(list, N(list));
	for (size_t i = 0; i < 2; i++) {
		struct ipv6_mreq req = { .ipv6mr_interface = LO };
		int on = 1, hops, fd = socket(AF_INET6, SOCK_DGRAM, 0);
		struct sockaddr_storage sa;
		socklen_t len = addr_to_sockaddr(a(group[i]), PORT, LO, &sa);
		struct iovec iov = { buf, sizeof(buf) };
		struct msghdr m = {
			.msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		struct cmsghdr *c;

		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on,
					    sizeof(on)), 0);
		assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
		memcpy(&req.ipv6mr_multiaddr, a(group[i]).byte, 16);
		assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP,
					    &req, sizeof(req)), 0);
		assert_int_equal(setsockopt(fd, IPPROTO_IPV6,
					    IPV6_RECVHOPLIMIT, &on,
					    sizeof(on)), 0);
		assert_int_equal(sendto(set.sock[i].io.fd, "notify", 6, 0,
					(struct sockaddr *)&sa, len), 6);
		assert_int_equal(recvmsg(fd, &m, MSG_DONTWAIT), 6);
		c = CMSG_FIRSTHDR(&m);
		assert_non_null(c);
		assert_int_equal(c->cmsg_type, IPV6_HOPLIMIT);
		memcpy(&hops, CMSG_DATA(c), sizeof(hops));
		assert_int_equal(hops, 10);
		close(fd);
	}
}

/* ---- changes ---------------------------------------------------------- */

/* How many sockets have joined @group, as /proc writes it. */
static unsigned members(const char *group)
{
	FILE *f = fopen("/proc/self/net/igmp6", "r");
	unsigned users = 0, n;
	char line[256], name[64];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*u %*s %63s %u", name, &n) == 2 &&
		    !strcmp(name, group))
			users += n;
	fclose(f);
	return users;
}

#define LINK_MEMBERS	members("ff02000000000000000000000000000c")
#define SITE_MEMBERS	members("ff05000000000000000000000000000c")

static void test_groups_are_joined_by_family(void **state)
{
	const struct netif_addr list[] = {
		at("127.0.0.1", 8), at(OWN_LL, 64), at(OWN_GLOBAL, 64),
	};

	NEED_NET;
	serve(list, 1);
	assert_int_equal(LINK_MEMBERS + SITE_MEMBERS, 0);
	serve(list, 3);
	assert_int_equal(LINK_MEMBERS, 1);
	assert_int_equal(SITE_MEMBERS, 1);
	serve(list, 2);
	assert_int_equal(SITE_MEMBERS, 1);
	ASK(HOST_LL, LINK_GROUP, OWN_LL);
	/* IPv4 stays */
	serve(list, 1);
	assert_int_equal(LINK_MEMBERS + SITE_MEMBERS, 0);
	ASK("127.0.0.9", "127.0.0.1", "127.0.0.1");
	serve(list + 1, 2);
	assert_int_equal(LINK_MEMBERS, 1);
	ASK(HOST_GLOBAL, SITE_GROUP, OWN_GLOBAL);
	ifsock_close(&set);
	assert_int_equal(LINK_MEMBERS + SITE_MEMBERS, 0);
}

/* ---- connections ------------------------------------------------------ */

/* Return: 0, or why it was not accepted */
static int dial(const char *from, const char *to)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(a(to), ifsock_port(&set), LO, &sa);
	int fd = client(SOCK_STREAM, from), got;
	struct addr peer;

	ready_sock = NULL;
	if (connect(fd, (struct sockaddr *)&sa, len)) {
		close(fd);
		return -ECONNREFUSED;
	}
	assert_int_equal(loop_step(loop, 1000), 0);
	assert_non_null(ready_sock);
	got = ifsock_accept(ready_sock, &peer);
	if (got >= 0) {
		assert_true(addr_equal(peer, a(from)));
		close(got);
		got = 0;
	}
	close(fd);
	return got;
}

/* One port for both families, and IPv6 sockets take no IPv4 connection. */
static void test_connections_of_both_families(void **state)
{
	const struct netif_addr list[] = {
		at("127.0.0.1", 8), at(OWN_LL, 64), at(OWN_GLOBAL, 64),
	};

	NEED_NET;
	init(SOCK_STREAM);
	assert_int_equal(ifsock_serve(&set, list, N(list), 0), 0);
	assert_int_equal(dial("127.0.0.9", "127.0.0.1"), 0);
	assert_int_equal(dial(HOST_LL, OWN_LL), 0);
	assert_int_equal(dial(HOST_GLOBAL, OWN_GLOBAL), 0);
	assert_int_equal(dial(HOST_LL, OWN_GLOBAL), 0);
	assert_int_equal(dial(FAR_HOST, OWN_GLOBAL), -EACCES);
	assert_int_equal(outside, 1);
	assert_int_equal(dial(HOST_ULA, OWN_GLOBAL), -EACCES);
	assert_int_equal(dial(HOST_ULA, OWN_ULA), -ECONNREFUSED);
	assert_int_equal(ifsock_serve(&set, list, 1, 0), 0);
	assert_int_equal(dial(HOST_LL, OWN_LL), -ECONNREFUSED);
	assert_int_equal(dial("127.0.0.9", "127.0.0.1"), 0);
}

/* The kernel does not always bind the socket to its interface. */
static void test_connection_from_another_link_is_refused(void **state)
{
	const struct netif_addr list[] = { at(OWN_LL, 64), at(OWN_GLOBAL, 64) };

	NEED_NET;
	init(SOCK_STREAM);
	assert_int_equal(ifsock_serve(&set, list, N(list), 0), 0);
	set.sock[0].at.ifindex = set.sock[1].at.ifindex = OTHER_IFINDEX;
	assert_int_equal(dial(HOST_LL, OWN_GLOBAL), -EACCES);
	assert_int_equal(outside, 0);	/* that link is not served */
	assert_int_equal(dial(HOST_GLOBAL, OWN_GLOBAL), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	static const char *const all[] = {
		OWN_LL, OWN_GLOBAL, OWN_ULA, HOST_LL, HOST_GLOBAL, HOST_ULA,
		FAR_HOST,
	};
	const struct CMUnitTest tests[] = {
		TEST(test_each_scope_is_answered_from_the_network_of_the_peer),
		TEST(test_link_local_peers_are_served_on_their_own_link),
		TEST(test_routed_peers_search_by_multicast),
		TEST(test_address_for_urls),
		TEST(test_sender_uses_the_address_of_the_socket),
		TEST(test_hop_limit_of_multicasts),
		TEST(test_groups_are_joined_by_family),
		TEST(test_connections_of_both_families),
		TEST(test_connection_from_another_link_is_refused),
	};

	have_net = lo6_own_net(all, sizeof(all) / sizeof(*all));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
