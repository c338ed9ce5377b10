/* SPDX-License-Identifier: ISC */
/*
 * test_hosts.c - two addresses are one host's if the neighbour table says so; an
 * address that it lacks is resolved, for a second at most. The table and the
 * clock are fakes in this file.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "engine/hosts.h"
#include "sys/neigh.h"
#include "tests/unit/addrtest.h"

#define LAN 2
#define GUEST 3
#define ANN addr_of_text("2001:db8::a")
#define ANN4 addr_of_text("192.168.88.10")
#define BOB addr_of_text("2001:db8::b")

static struct {
	struct addr addr[4], link[4];
	size_t n;
	unsigned probes, opened;
	int far;		/* of the netlink socket; -1: closed */
	int open_err;
} table;

static uint64_t now_ms;
static struct loop *loop;
static struct hosts hosts;
static unsigned changes;
static struct addr ask_again;	/* in changed(), as the core does */
static enum map_same answer;

int neigh_find(int ifindex, struct addr a, struct addr *ret)
{
	assert_true(ifindex == LAN || ifindex == GUEST);
	for (size_t i = 0; i < table.n; i++)
		if (addr_equal(table.addr[i], a)) {
			*ret = table.link[i];
			return 0;
		}
	return -ENOENT;
}

void neigh_probe(int ifindex, struct addr a)
{
	/* the socket is open before, so that no change is missed */
	assert_true(table.open_err || table.opened);
	table.probes++;
}

int neigh_open(void)
{
	int fd[2];

	if (table.open_err)
		return table.open_err;
	table.opened++;
	assert_int_equal(pipe2(fd, O_NONBLOCK | O_CLOEXEC), 0);
	table.far = fd[1];
	return fd[0];
}

void neigh_drain(int fd)
{
	char c[16];

	assert_true(read(fd, c, sizeof(c)) > 0);
}

static void enter(struct addr a, const char *link)
{
	table.addr[table.n] = a;
	assert_true(addr_link_parse(str_z(link), &table.link[table.n++]));
}

static uint64_t fake_clock(void)
{
	return now_ms;
}

static void changed(void *arg)
{
	changes++;
	if (addr_is_set(ask_again))
		answer = hosts_same(&hosts, LAN, ANN, ask_again);
}

static int set_up(void **state)
{
	memset(&table, 0, sizeof(table));
	table.far = -1;
	now_ms = 1000;
	changes = 0;
	ask_again = (struct addr){ 0 };
	loop = loop_new(8, fake_clock);
	hosts = (struct hosts){ .changed = changed };
	hosts_init(&hosts, loop);
	enter(ANN, "02:00:00:00:00:0a");
	return 0;
}

static int tear_down(void **state)
{
	loop_free(loop);
	if (hosts.netlink.fd >= 0)
		close(hosts.netlink.fd);
	if (table.far >= 0)
		close(table.far);
	return 0;
}

static void pass(uint64_t ms)
{
	now_ms += ms;
	loop_step(loop, 0);
}

static void test_the_table_tells(void **state)
{
	enter(ANN4, "02:00:00:00:00:0a");
	enter(BOB, "02:00:00:00:00:0b");
	assert_int_equal(hosts_same(&hosts, LAN, ANN, ANN4), MAP_SAME);
	assert_int_equal(hosts_same(&hosts, LAN, ANN, ANN), MAP_SAME);
	assert_int_equal(hosts_same(&hosts, LAN, ANN, BOB), MAP_OTHER);
	assert_int_equal(hosts_same(&hosts, LAN, BOB, ANN4), MAP_OTHER);
	/* without an interface, an address means nothing */
	assert_int_equal(hosts_same(&hosts, 0, ANN, ANN4), MAP_OTHER);
	assert_int_equal(table.probes, 0);
	assert_int_equal(table.opened, 0);
}

/* A host behind another router asks. */
static void test_a_host_of_another_link_is_another_one(void **state)
{
	struct addr a, b, again;

	assert_true(hosts_link(LAN, ANN, &a));
	assert_true(hosts_link(GUEST, ANN, &b));
	assert_int_equal(b.family, ADDR_LINK);
	assert_false(addr_equal(a, b));
	enter(ANN4, "02:00:00:00:00:0a");
	assert_true(hosts_link(LAN, ANN4, &again));
	assert_true(addr_equal(a, again));
	assert_false(hosts_link(0, ANN, &a));
}

static void test_an_unknown_requester_is_another_host(void **state)
{
	struct addr link;

	assert_int_equal(hosts_same(&hosts, LAN, BOB, ANN), MAP_OTHER);
	assert_int_equal(table.probes, 0);
	assert_false(hosts_link(LAN, BOB, &link));
	assert_true(hosts_link(LAN, ANN, &link));
	assert_int_equal(link.family, ADDR_LINK);
	assert_false(hosts_link(0, ANN, &link));
}

static void test_an_address_is_resolved(void **state)
{
	assert_int_equal(hosts_same(&hosts, LAN, ANN, ANN4), MAP_ASKED);
	assert_int_equal(table.probes, 1);
	ask_again = ANN4;
	pass(5);
	assert_int_equal(changes, 0);
	assert_int_equal(write(table.far, "", 1), 1);
	pass(5);	/* a change of another entry */
	assert_int_equal(changes, 1);
	assert_int_equal(answer, MAP_ASKED);
	enter(ANN4, "02:00:00:00:00:0a");
	assert_int_equal(write(table.far, "", 1), 1);
	pass(5);
	assert_int_equal(answer, MAP_SAME);
	assert_int_equal(table.probes, 1);
	/* nobody listens any more */
	assert_int_equal(hosts.netlink.fd, -1);
	pass(2000);
	assert_int_equal(changes, 2);
}

/* Another request finds the address before the kernel's message is read. */
static void test_nobody_is_forgotten(void **state)
{
	assert_int_equal(hosts_same(&hosts, LAN, ANN, ANN4), MAP_ASKED);
	ask_again = ANN4;
	enter(ANN4, "02:00:00:00:00:0a");
	assert_int_equal(hosts_same(&hosts, LAN, ANN, ANN4), MAP_SAME);
	assert_int_equal(changes, 0);
	pass(0);
	assert_int_equal(changes, 1);
	assert_int_equal(answer, MAP_SAME);
	assert_int_equal(table.probes, 1);
	assert_int_equal(hosts.netlink.fd, -1);
	pass(2 * HOSTS_RESOLVE_MS);
	assert_int_equal(changes, 1);
}

static void test_after_a_second_it_is_not_known(void **state)
{
	assert_int_equal(hosts_same(&hosts, LAN, ANN, BOB), MAP_ASKED);
	ask_again = BOB;
	pass(HOSTS_RESOLVE_MS - 1);
	assert_int_equal(changes, 0);
	pass(1);
	assert_int_equal(changes, 1);
	assert_int_equal(answer, MAP_OTHER);
	assert_int_equal(table.probes, 1);
	assert_int_equal(hosts.netlink.fd, -1);
	/* a new request asks again */
	assert_int_equal(hosts_same(&hosts, LAN, ANN, BOB), MAP_ASKED);
	assert_int_equal(table.probes, 2);
}

static void test_each_address_has_its_own_time(void **state)
{
	assert_int_equal(hosts_same(&hosts, LAN, ANN, BOB), MAP_ASKED);
	pass(600);
	assert_int_equal(hosts_same(&hosts, LAN, ANN, ANN4), MAP_ASKED);
	pass(400);
	assert_int_equal(changes, 1);
	assert_int_equal(hosts_same(&hosts, LAN, ANN, ANN4), MAP_ASKED);
	assert_int_equal(table.probes, 2);
	pass(599);
	assert_int_equal(changes, 1);
	pass(1);
	assert_int_equal(changes, 2);
}

static void test_without_a_socket_the_answer_comes_late(void **state)
{
	table.open_err = -EMFILE;
	assert_int_equal(hosts_same(&hosts, LAN, ANN, ANN4), MAP_ASKED);
	enter(ANN4, "02:00:00:00:00:0a");
	ask_again = ANN4;
	pass(HOSTS_RESOLVE_MS);
	assert_int_equal(answer, MAP_SAME);
}

/* Return: how many of @n addresses from number @first on are resolved */
static unsigned ask_for(struct addr by, unsigned first, unsigned n)
{
	unsigned asked = 0;
	char text[32];

	for (unsigned i = first; i < first + n; i++) {
		snprintf(text, sizeof(text), "2001:db8::1:%x", i);
		asked += hosts_same(&hosts, LAN, by, addr_of_text(text)) ==
			 MAP_ASKED;
	}
	return asked;
}

static void test_few_addresses_are_resolved_at_a_time(void **state)
{
	const struct addr cid = addr_of_text("2001:db8::c"),
			  dan = addr_of_text("2001:db8::d");

	enter(cid, "02:00:00:00:00:0c");
	enter(dan, "02:00:00:00:00:0d");
	/* one host does not take them all */
	assert_int_equal(ask_for(ANN, 0, MAP_ASKING_MAX), HOSTS_ASKS_PER_HOST);
	assert_int_equal(ask_for(cid, 32, MAP_ASKING_MAX),
			 HOSTS_ASKS_PER_HOST);
	assert_int_equal(hosts_same(&hosts, LAN, dan, BOB), MAP_OTHER);
	assert_int_equal(table.probes, MAP_ASKING_MAX);
	pass(HOSTS_RESOLVE_MS);
	assert_int_equal(hosts_same(&hosts, LAN, ANN, BOB), MAP_ASKED);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_the_table_tells),
		T(test_a_host_of_another_link_is_another_one),
		T(test_an_unknown_requester_is_another_host),
		T(test_an_address_is_resolved),
		T(test_nobody_is_forgotten),
		T(test_after_a_second_it_is_not_known),
		T(test_each_address_has_its_own_time),
		T(test_without_a_socket_the_answer_comes_late),
		T(test_few_addresses_are_resolved_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
