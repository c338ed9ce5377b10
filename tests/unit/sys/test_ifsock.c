/* SPDX-License-Identifier: ISC */
/*
 * test_ifsock.c - each address has a socket, which serves only the peers of its
 * networks.
 *
 * The tests use the loopback interface of a network namespace of their own. If
 * no namespace can be created, they are skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "sys/ifsock.h"

#define LO(a, b)	(0x7f000000u + ((a) << 8) + (b))  /* 127.0.a.b */
#define GROUP		0xeffffffau
#define PORT		1900
#define OTHER_IFINDEX	77	/* no interface has it */

static bool have_net;
static struct loop *loop;
static struct ifsock_set set;
static unsigned opened, closing, ready, outside;
static struct addr outsider;
static struct ifsock *ready_sock;

static void on_ready(void *arg, struct ifsock *s)
{
	assert_ptr_equal(arg, &set);
	ready_sock = s;
	ready++;
}

static void on_opened(void *arg, struct ifsock *s)
{
	assert_true(s->io.fd >= 0);
	opened++;
}

/* It can still send. */
static void on_closing(void *arg, struct ifsock *s)
{
	assert_true(s->io.fd >= 0);
	closing++;
}

static void on_outside(void *arg, struct addr peer)
{
	assert_ptr_equal(arg, &set);
	outsider = peer;
	outside++;
}

static uint64_t fake_clock(void)
{
	return 1000;
}

static bool own_net(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd, err;

	if (unshare(CLONE_NEWNET) < 0 &&
	    unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	ifr.ifr_flags = IFF_UP | IFF_RUNNING | IFF_MULTICAST;
	err = ioctl(fd, SIOCSIFFLAGS, &ifr);
	close(fd);
	return !err && if_nametoindex("lo") == 1;
}

static void init(int type)
{
	struct ifsock_config config = {
		.type = type, .backlog = 8,
		.group = { addr_ip4(GROUP) }, .group_n = 1,
		.ttl = 2, .ready = on_ready, .opened = on_opened,
		.closing = on_closing, .outside = on_outside, .arg = &set,
	};

	if (type != SOCK_DGRAM)
		config.group_n = 0;
	ifsock_init(&set, loop, &config);
}

static int set_up(void **state)
{
	opened = closing = ready = outside = 0;
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

static struct netif_addr at(uint32_t ip, uint8_t bits)
{
	return (struct netif_addr){ 1, "lo", { addr_ip4(ip), bits } };
}

static void serve(const struct netif_addr *a, size_t n)
{
	assert_int_equal(ifsock_serve(&set, a, n, PORT), 0);
}

static struct sockaddr_in addr_of(uint32_t ip, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(ip),
		.sin_port = htons(port),
	};
}

static int client(int type, uint32_t ip)
{
	struct sockaddr_in sa = addr_of(ip, 0);
	struct ip_mreqn req = { .imr_ifindex = 1 };
	int fd = socket(AF_INET, type, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	if (type == SOCK_DGRAM)
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &req, sizeof(req));
	return fd;
}

/* Send from @from to @to. Return: the address to answer from; 0: dropped */
static uint32_t ask_n(uint32_t from, uint32_t to, size_t n)
{
	struct sockaddr_in sa = addr_of(to, PORT);
	struct addr peer;
	uint16_t port = 0;
	struct ifsock *local = NULL;
	char text[64] = "hello", buf[32];
	int fd = client(SOCK_DGRAM, from);
	ssize_t got;

	ready_sock = NULL;
	assert_int_equal(sendto(fd, text, n, 0, (struct sockaddr *)&sa,
				sizeof(sa)), n);
	assert_int_equal(loop_step(loop, 1000), 0);
	close(fd);
	assert_non_null(ready_sock);
	got = ifsock_recv(ready_sock, buf, sizeof(buf), &peer, &port,
			  &local);
	if (!got) {
		assert_null(local);
		return 0;
	}
	assert_int_equal(got, n);
	assert_memory_equal(buf, text, n);
	assert_int_equal(addr_to_ip4(peer), from);
	assert_int_not_equal(port, 0);
	return addr_to_ip4(local->at.net.addr);
}

static uint32_t ask(uint32_t from, uint32_t to)
{
	return ask_n(from, to, 5);
}

/* ---- datagrams -------------------------------------------------------- */

static void test_each_network_has_its_address(void **state)
{
	const struct netif_addr two[] = {
		at(LO(0, 1), 24), at(LO(1, 1), 24),
	};

	NEED_NET;
	serve(two, 2);
	assert_int_equal(ifsock_port(&set), PORT);
	assert_int_equal(ask(LO(0, 9), GROUP), LO(0, 1));
	assert_int_equal(ask(LO(1, 9), GROUP), LO(1, 1));
	assert_int_equal(ask(LO(2, 9), GROUP), 0);
	assert_int_equal(ask(LO(0, 9), LO(0, 1)), LO(0, 1));
	assert_int_equal(ask(LO(2, 9), LO(0, 1)), 0);
	/* by unicast, the address that was asked */
	assert_int_equal(ask(LO(0, 9), LO(1, 1)), LO(1, 1));
}

static void test_virtual_address_answers_if_asked(void **state)
{
	struct netif_addr two[] = {
		at(LO(0, 200), 32), at(LO(0, 1), 24),
	};

	NEED_NET;
	serve(two, 2);
	assert_int_equal(ask(LO(0, 9), LO(0, 200)), LO(0, 200));
	assert_int_equal(ask(LO(0, 9), GROUP), LO(0, 1));
	assert_int_equal(ask(LO(1, 9), LO(0, 200)), 0);
	two[0].net.bits = 24;
	two[0].secondary = 1;
	serve(two, 2);
	assert_int_equal(opened, 2);
	assert_int_equal(ask(LO(0, 9), LO(0, 200)), LO(0, 200));
	assert_int_equal(ask(LO(0, 9), GROUP), LO(0, 1));
}

/* A macvlan of VRRP: only the virtual address is on it. */
static void test_virtual_address_may_have_its_own_interface(void **state)
{
	const struct netif_addr two[] = {
		at(LO(0, 200), 32), at(LO(0, 1), 24),
	};

	NEED_NET;
	serve(two, 1);
	assert_int_equal(ask(LO(0, 9), LO(0, 200)), 0);
	serve(two, 2);
	set.sock[1].at.ifindex = OTHER_IFINDEX;
	assert_int_equal(ask(LO(0, 9), LO(0, 200)), LO(0, 200));
	assert_int_equal(ask(LO(1, 9), LO(0, 200)), 0);
	assert_int_equal(ask(LO(0, 9), GROUP), 0);
}

static struct netif_addr behind(int ifindex, uint32_t ip, uint8_t bits)
{
	struct netif_addr a = at(ip, bits);

	a.ifindex = ifindex;
	a.routed = 1;
	return a;
}

/* By unicast, at the address that was asked. */
static void test_networks_behind_other_routers_are_served(void **state)
{
	struct netif_addr list[] = {
		at(LO(0, 1), 24), at(LO(1, 1), 24), behind(1, LO(7, 0), 24),
		behind(OTHER_IFINDEX, LO(8, 0), 24),
	};

	NEED_NET;
	serve(list, 4);
	assert_int_equal(opened, 2);
	assert_int_equal(ask(LO(7, 9), LO(0, 1)), LO(0, 1));
	assert_int_equal(ask(LO(7, 9), LO(1, 1)), LO(1, 1));
	assert_int_equal(ask(LO(7, 9), GROUP), 0);
	assert_int_equal(outside, 0);
	/* it is behind another interface */
	assert_int_equal(ask(LO(8, 9), LO(0, 1)), 0);
	assert_int_equal(outside, 1);
	/* the list is replaced */
	serve(list, 2);
	assert_int_equal(ask(LO(7, 9), LO(0, 1)), 0);
	/* an address of another interface was asked: the first one answers */
	serve(list, 3);
	set.sock[1].at.ifindex = OTHER_IFINDEX;
	assert_int_equal(ask(LO(7, 9), LO(1, 1)), LO(0, 1));
	set.sock[1].at.net.bits = 32;
	assert_int_equal(ask(LO(7, 9), LO(1, 1)), LO(0, 1));
}

/* The address is on an interface of its own; the network is behind that of the
 * wire. */
static void test_virtual_address_serves_a_routed_network(void **state)
{
	const struct netif_addr list[] = {
		at(LO(0, 200), 32), behind(OTHER_IFINDEX, LO(8, 0), 24),
	};

	NEED_NET;
	serve(list, 2);
	assert_int_equal(ask(LO(8, 9), LO(0, 200)), LO(0, 200));
	assert_int_equal(ask(LO(7, 9), LO(0, 200)), 0);
}

/* A client in a network that is not served was once dropped without a line in
 * the log. */
static void test_outsiders_are_reported(void **state)
{
	struct netif_addr one = at(LO(0, 1), 24);

	NEED_NET;
	serve(&one, 1);
	assert_int_equal(ask(LO(2, 9), LO(0, 1)), 0);
	assert_int_equal(outside, 1);
	assert_int_equal(addr_to_ip4(outsider), LO(2, 9));
	/* not every search on the wire is for this router */
	assert_int_equal(ask(LO(2, 9), GROUP), 0);
	/* it arrived on an interface that is not served */
	set.sock[0].at.ifindex = OTHER_IFINDEX;
	assert_int_equal(ask(LO(2, 9), LO(0, 1)), 0);
	assert_int_equal(outside, 1);
}

/* The datagram arrives on lo, but the address is on another interface. */
static void test_datagram_on_another_interface_is_dropped(void **state)
{
	struct netif_addr one = at(LO(0, 1), 24);

	NEED_NET;
	serve(&one, 1);
	set.sock[0].at.ifindex = OTHER_IFINDEX;
	assert_int_equal(ask(LO(0, 9), LO(0, 1)), 0);
	assert_int_equal(ask(LO(0, 9), GROUP), 0);
	set.sock[0].at.ifindex = 1;
	assert_int_equal(ask(LO(0, 9), LO(0, 1)), LO(0, 1));
}

/* A sender has the address and the port of the set. It takes no datagram from
 * the socket of the address, or from that of the group. */
static void test_sender_receives_nothing(void **state)
{
	const struct netif_addr two[] = {
		at(LO(0, 1), 24), at(LO(1, 1), 24),
	};
	struct sockaddr_in sa;
	socklen_t len = sizeof(sa);
	char text[] = "answer", buf[32];
	int sender, fd, on = 0;

	NEED_NET;
	serve(two, 2);
	sender = ifsock_sender(&set.sock[0]);
	assert_true(sender >= 0);
	for (size_t i = 0; i < 2; i++) {
		fd = client(SOCK_DGRAM, LO(2, 9));
		len = sizeof(sa);
		assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len),
				 0);
		assert_int_equal(ifsock_send(sender, &set.sock[i], text,
					     sizeof(text), addr_ip4(LO(2, 9)),
					     ntohs(sa.sin_port)), 0);
		assert_int_equal(recvfrom(fd, buf, sizeof(buf), 0,
					  (struct sockaddr *)&sa, &len),
				 sizeof(text));
		assert_memory_equal(buf, text, sizeof(text));
		assert_int_equal(ntohl(sa.sin_addr.s_addr), LO(i, 1));
		assert_int_equal(ntohs(sa.sin_port), PORT);
		close(fd);
	}
	assert_false(ifsock_has_unsent(sender));
	assert_int_equal(ask(LO(0, 9), LO(0, 1)), LO(0, 1));
	assert_int_equal(recv(sender, buf, sizeof(buf), 0), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(ask(LO(0, 9), GROUP), LO(0, 1));
	/* qemu-user does not know the option that prevents it */
	len = sizeof(on);
	if (!getsockopt(sender, IPPROTO_IP, IP_MULTICAST_ALL, &on, &len) ||
	    errno != ENOPROTOOPT)
		assert_int_equal(recv(sender, buf, sizeof(buf), 0), -1);
	close(sender);
}

static void test_datagram_that_is_too_long_is_dropped(void **state)
{
	struct netif_addr one = at(LO(0, 1), 24);

	NEED_NET;
	serve(&one, 1);
	assert_int_equal(ask_n(LO(0, 9), LO(0, 1), 32), LO(0, 1));
	assert_int_equal(ask_n(LO(0, 9), LO(0, 1), 33), 0);
	assert_int_equal(ifsock_recv(&set.sock[0], NULL, 0, NULL, NULL, NULL),
			 -EAGAIN);
}

/* ---- changes ---------------------------------------------------------- */

/* How many sockets of this namespace have joined the group. */
static unsigned members(void)
{
	FILE *f = fopen("/proc/self/net/igmp", "r");
	unsigned users = 0, n;
	char line[256];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " FAFFFFEF %u", &n) == 1)
			users += n;
	fclose(f);
	return users;
}

static void test_sockets_in_the_list_stay_open(void **state)
{
	struct netif_addr three[] = {
		at(LO(0, 1), 24), at(LO(1, 1), 24),
		at(LO(2, 1), 24),
	};
	int fd;

	NEED_NET;
	serve(three, 2);
	assert_int_equal(opened, 2);
	fd = set.sock[1].io.fd;
	assert_true(ifsock_is_wanted(&set.sock[1], three + 1, 2));
	assert_false(ifsock_is_wanted(&set.sock[0], three + 1, 2));
	three[1].net.bits = 16;
	serve(three + 1, 2);
	assert_int_equal(opened, 3);
	assert_int_equal(closing, 1);
	assert_int_equal(set.sock[1].io.fd, fd);
	assert_int_equal(set.sock[1].at.net.bits, 16);
	assert_int_equal(ifsock_index(&set.sock[1]), 1);
	assert_int_equal(addr_to_ip4(set.sock[0].at.net.addr), LO(2, 1));
	serve(three + 1, 2);
	assert_int_equal(opened, 3);
	serve(NULL, 0);
	assert_int_equal(closing, 3);
	assert_int_equal(ifsock_port(&set), 0);
}

static void test_group_is_joined_once_and_left(void **state)
{
	const struct netif_addr two[] = {
		at(LO(0, 1), 24), at(LO(1, 1), 24),
	};

	NEED_NET;
	assert_int_equal(members(), 0);
	serve(two, 2);
	assert_int_equal(members(), 1);
	serve(two + 1, 1);
	assert_int_equal(members(), 1);
	assert_int_equal(ask(LO(1, 9), GROUP), LO(1, 1));
	serve(NULL, 0);
	assert_int_equal(members(), 0);
	serve(two, 1);
	assert_int_equal(members(), 1);
	ifsock_close(&set);
	assert_int_equal(members(), 0);
}

static void test_one_failure_does_not_stop_the_others(void **state)
{
	const struct netif_addr two[] = {
		at(0xc6336463u, 24),	/* 198.51.100.99 is not here */
		at(LO(0, 1), 24),
	};

	NEED_NET;
	assert_int_equal(ifsock_serve(&set, two, 2, PORT), -EADDRNOTAVAIL);
	assert_int_equal(opened, 1);
	assert_int_equal(ask(LO(0, 9), GROUP), LO(0, 1));
}

static void test_addresses_above_the_limit_are_refused(void **state)
{
	struct netif_addr many[IFSOCKS_MAX + 1];

	NEED_NET;
	for (uint32_t i = 0; i <= IFSOCKS_MAX; i++)
		many[i] = at(LO(i, 1), 24);
	assert_int_equal(ifsock_serve(&set, many, IFSOCKS_MAX + 1, PORT),
			 -ENOSPC);
	assert_int_equal(opened, IFSOCKS_MAX);
	/* all move by one place */
	serve(many + 1, IFSOCKS_MAX);
	assert_int_equal(opened, IFSOCKS_MAX + 1);
	assert_int_equal(closing, 1);
}

/* ---- connections ------------------------------------------------------ */

/* Connect. Return: the local address and whether it was accepted */
static int dial(uint32_t from, uint32_t to)
{
	struct sockaddr_in sa = addr_of(to, ifsock_port(&set));
	int fd = client(SOCK_STREAM, from), got;
	struct addr peer;

	ready_sock = NULL;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa))) {
		close(fd);
		return -ECONNREFUSED;
	}
	assert_int_equal(loop_step(loop, 1000), 0);
	assert_non_null(ready_sock);
	assert_int_equal(addr_to_ip4(ready_sock->at.net.addr), to);
	got = ifsock_accept(ready_sock, &peer);
	if (got >= 0) {
		assert_int_equal(addr_to_ip4(peer), from);
		close(got);
		got = 0;
	}
	close(fd);
	return got;
}

static void test_connections_are_accepted_from_served_networks(void **state)
{
	const struct netif_addr three[] = {
		at(LO(0, 1), 24), at(LO(1, 1), 24),
		at(LO(0, 200), 32),
	};
	struct netif_addr routed[2];
	uint16_t port;

	NEED_NET;
	init(SOCK_STREAM);
	assert_int_equal(ifsock_serve(&set, three, 3, 0), 0);
	port = ifsock_port(&set);
	assert_int_not_equal(port, 0);
	assert_int_equal(dial(LO(0, 9), LO(0, 1)), 0);
	assert_int_equal(dial(LO(0, 9), LO(0, 200)), 0);
	assert_int_equal(dial(LO(1, 9), LO(0, 200)), 0);
	assert_int_equal(outside, 0);
	assert_int_equal(dial(LO(2, 9), LO(0, 1)), -EACCES);
	assert_int_equal(outside, 1);
	assert_int_equal(addr_to_ip4(outsider), LO(2, 9));
	assert_int_equal(dial(LO(2, 9), LO(0, 200)), -EACCES);
	routed[0] = three[0];
	routed[1] = behind(1, LO(2, 0), 24);
	assert_int_equal(ifsock_serve(&set, routed, 2, 0), 0);
	assert_int_equal(dial(LO(2, 9), LO(0, 1)), 0);
	assert_int_equal(ifsock_serve(&set, three, 3, 0), 0);
	/* the port in use stays */
	assert_int_equal(ifsock_serve(&set, three + 1, 2, 0), 0);
	assert_int_equal(ifsock_port(&set), port);
	assert_int_equal(dial(LO(1, 9), LO(1, 1)), 0);
	assert_int_equal(dial(LO(0, 9), LO(0, 200)), -EACCES);
	assert_int_equal(dial(LO(0, 9), LO(0, 1)), -ECONNREFUSED);
	/* another port closes all */
	closing = 0;
	assert_int_equal(ifsock_serve(&set, three, 1, PORT), 0);
	assert_int_equal(closing, 2);
	assert_int_equal(ifsock_port(&set), PORT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_network_has_its_address),
		TEST(test_virtual_address_answers_if_asked),
		TEST(test_virtual_address_may_have_its_own_interface),
		TEST(test_networks_behind_other_routers_are_served),
		TEST(test_virtual_address_serves_a_routed_network),
		TEST(test_outsiders_are_reported),
		TEST(test_datagram_on_another_interface_is_dropped),
		TEST(test_sender_receives_nothing),
		TEST(test_datagram_that_is_too_long_is_dropped),
		TEST(test_sockets_in_the_list_stay_open),
		TEST(test_group_is_joined_once_and_left),
		TEST(test_one_failure_does_not_stop_the_others),
		TEST(test_addresses_above_the_limit_are_refused),
		TEST(test_connections_are_accepted_from_served_networks),
	};

	have_net = own_net();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
