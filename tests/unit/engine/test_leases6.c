/* SPDX-License-Identifier: ISC */
/*
 * test_leases6.c - pinholes in the lease file: they are in a table of their
 * own, and keep their unique ids; an id is not given again after a restart.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "engine/leases.h"
#include "tests/unit/pmtest.h"

#define A	0xc0a80102u

static char dir[64];
static int dir_fd;
static struct portmap *table[NAT_KINDS];
static struct leases file, *ls;
static struct leases_clock clk;
static struct leases_met met;
static uint16_t seed;

static void new_tables(void)
{
	for (int k = NAT_PORTMAP; k <= NAT_PINHOLE; k++) {
		portmap_free(table[k]);
		table[k] = portmap_new(100, 100);
		assert_non_null(table[k]);
	}
}

/* What the next engine finds. Its table begins with an id of its own, another
 * one each time. */
static void reopen(void)
{
	int err;

	leases_close(ls);
	new_tables();
	seed += 1000;
	portmap_seed_ids(table[NAT_PINHOLE], seed);
	ls = leases_open(&file, dir_fd, table, &clk, &met, &err);
	assert_non_null(ls);
	assert_int_equal(err, 0);
}

static int set_up(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/test_leases6.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
	clk = (struct leases_clock){ 5000000, 1700000000, "boot-1" };
	ls = NULL;
	seed = 40000;
	reopen();
	return 0;
}

static int tear_down(void **state)
{
	leases_close(ls);
	for (int k = NAT_PORTMAP; k <= NAT_PINHOLE; k++) {
		portmap_free(table[k]);
		table[k] = NULL;
	}
	unlinkat(dir_fd, "mappings", 0);
	unlinkat(dir_fd, "leases", 0);
	unlinkat(dir_fd, "mappings.before", 0);
	unlinkat(dir_fd, "mappings.old", 0);
	close(dir_fd);
	return rmdir(dir);
}

static struct pm_req pinhole(uint16_t port)
{
	struct pm_req q = { .enabled = true, .origin = ORIGIN_UPNP };

	q.rule.kind = NAT_PINHOLE;
	q.rule.proto = IPPROTO_UDPLITE;
	q.rule.remote = addr_any();
	q.rule.int_port = port;
	assert_true(addr_parse(STR("2001:db8::10"), &q.rule.client));
	q.requester = q.rule.client;
	q.host = addr_link("\2\0\x5e\0\x53\1", 6);
	return q;
}

static const struct pm_entry *find(const struct pm_req *q)
{
	const struct portmap *pm = table[q->rule.kind];

	return portmap_entry(pm, portmap_find(pm, &q->rule));
}

/* Return: the unique id */
static uint16_t set(const struct pm_req *q, uint32_t lease_s)
{
	uint64_t end = lease_s ? clk.mono_ms + lease_s * 1000ull : 0;

	assert_int_equal(portmap_restore(table[q->rule.kind], q, end), PM_DONE);
	assert_int_equal(leases_set(ls, find(q), &clk), 0);
	return find(q)->unique_id;
}

static void del(const struct pm_req *q)
{
	assert_true(portmap_forget(table[q->rule.kind], &q->rule));
	assert_int_equal(leases_del(ls, &q->rule), 0);
}

static const char *slurp(void)
{
	static char buf[1 << 14];
	int fd = openat(dir_fd, "mappings", O_RDONLY);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	assert_true(n >= 0);
	buf[n] = '\0';
	close(fd);
	return buf;
}

static void test_pinholes_keep_their_ids(void **state)
{
	struct pm_req p[3] = { pinhole(1), pinhole(0), pinhole(65535) };
	struct pm_req m = req(A, 80);
	uint16_t id[3];

	p[2].origin = ORIGIN_OPERATOR;
	p[2].requester = (struct addr){ 0 };
	p[1].rule.remote = p[1].rule.client;
	p[1].rule.remote_port = 9;
	for (int i = 0; i < 3; i++)
		id[i] = set(&p[i], i == 1 ? 0 : 3600);
	set(&m, 3600);
	for (int again = 0; again < 3; again++) {
		assert_null(strstr(slurp(), "02:00:5e"));
		reopen();
		assert_int_equal(met.dropped, 0);
		assert_int_equal(portmap_count(table[NAT_PORTMAP]), 1);
		assert_int_equal(portmap_count(table[NAT_PINHOLE]), 3);
		for (int i = 0; i < 3; i++) {
			assert_non_null(find(&p[i]));
			assert_int_equal(find(&p[i])->unique_id, id[i]);
			assert_true(find(&p[i])->expires_ms ==
				    (i == 1 ? 0 : 5000000 + 3600000));
		}
		assert_int_equal(find(&m)->unique_id, 0);
	}
	del(&p[1]);
	reopen();
	assert_null(find(&p[1]));
	assert_int_equal(portmap_count(table[NAT_PINHOLE]), 2);
	assert_int_equal(portmap_count(table[NAT_PORTMAP]), 1);
}

/* Also with a renewal of the first one as the last line. */
static void test_an_id_is_not_given_again(void **state)
{
	struct pm_req first = pinhole(1), second = pinhole(2),
		      third = pinhole(3), fourth = pinhole(4);
	uint16_t id, one = set(&first, 3600);

	id = set(&second, 3600);
	del(&second);
	set(&first, 86400);
	assert_int_equal(find(&first)->unique_id, one);
	reopen();
	assert_int_equal(find(&first)->unique_id, one);
	assert_int_equal(set(&third, 3600), id + 1);
	del(&third);
	reopen();	/* no line has this id any more: the head has it */
	reopen();
	assert_int_equal(set(&fourth, 3600), id + 2);
}

/* Its lease ended while nobody was there. */
static void test_the_id_of_an_ended_pinhole_is_not_given_again(void **state)
{
	struct pm_req first = pinhole(1), second = pinhole(2);
	uint16_t id = set(&first, 60);

	clk.mono_ms += 3600000;
	clk.wall_s += 3600;
	reopen();
	assert_null(find(&first));
	assert_int_equal(set(&second, 3600), id + 1);
}

/* Renewals are postponed and written for both tables. */
static void test_renewals_of_both_tables(void **state)
{
	struct pm_req p = pinhole(1), m = req(A, 80);

	set(&p, 3600);
	set(&m, 3600);
	clk.mono_ms += 1000;
	clk.wall_s++;
	set(&p, 3600);
	set(&m, 3600);
	assert_int_equal(leases_save(ls, &clk), 0);
	reopen();
	assert_true(find(&p)->expires_ms == 5001000 + 3600000);
	assert_true(find(&m)->expires_ms == 5001000 + 3600000);
}

/* The file of the version before has no ids, and no last-id. */
static void test_former_version_is_read(void **state)
{
	static const char text[] =
		"upnpd-leases 2 boot=boot-1 68dffcee\n"
		"+ kind=pinhole proto=tcp client=2001:db8::10 to=7 "
		"origin=operator desc= 2e6c0b0c\n"
		"+ proto=tcp port=80 client=192.168.1.2 to=80 origin=upnp "
		"requester=192.168.1.2 desc= fcaca4d4\n"
		". 2 90c1c7da\n";
	struct pm_req p = pinhole(7), m = req(A, 80);
	int fd;

	leases_close(ls);
	ls = NULL;
	fd = openat(dir_fd, "mappings", O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	reopen();
	p.rule.proto = IPPROTO_TCP;
	assert_int_equal(met.dropped, 0);
	assert_int_equal(find(&p)->unique_id, seed + 1);
	assert_non_null(find(&m));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_pinholes_keep_their_ids),
		T(test_an_id_is_not_given_again),
		T(test_the_id_of_an_ended_pinhole_is_not_given_again),
		T(test_renewals_of_both_tables),
		T(test_former_version_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
