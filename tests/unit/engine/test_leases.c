/* SPDX-License-Identifier: ISC */
/*
 * test_leases.c - the lease file, on a real disk: mappings are read back after
 * a restart, a kill or a boot; a damaged line affects no other line; a full
 * disk loses no mapping that was stored.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "engine/leaseread.h"
#include "engine/leases.h"
#include "tests/unit/pmtest.h"

#define A	0xc0a80102u
#define B	0xc0a80103u
#define HOST	0xcb007109u
#define BOOT	"0b4d5a4e-8f3c-4b7e-9a55-3c1f0e6d7a21"
#define OTHER	"7e0f6a52-1111-4c2d-8d0e-aa00bb11cc22"
#define N(a)	(sizeof(a) / sizeof((a)[0]))
#define FIELDS(port) "proto=tcp port=" port " client=192.168.1.2 to=80 " \
	"origin=upnp requester=192.168.1.2 desc="

static char dir[64];
static int dir_fd;
static struct portmap *pm;
static struct leases file, *ls;
static struct leases_clock clk;
static struct leases_met met;

static int set_up(void **state)
{
	/* in memory if possible, because there are thousands of fsync() */
	snprintf(dir, sizeof(dir), "/dev/shm/test_leases.XXXXXX");
	if (mkdtemp(dir) == NULL) {
		snprintf(dir, sizeof(dir), "/tmp/test_leases.XXXXXX");
		if (mkdtemp(dir) == NULL)
			return -1;
	}
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
	clk = (struct leases_clock){ 5000000, 1700000000, BOOT };
	pm = portmap_new(100, 100);
	ls = NULL;
	return pm != NULL && dir_fd >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	static const char *const name[] = {
		"mappings", "mappings.new", "mappings.old",
		"mappings.before", "mappings.aside", "leases",
		"leases.new", "target",
	};
	size_t i;

	leases_close(ls);
	portmap_free(pm);
	for (i = 0; i < N(name); i++)
		if (unlinkat(dir_fd, name[i], 0) != 0)
			unlinkat(dir_fd, name[i], AT_REMOVEDIR);
	close(dir_fd);
	return rmdir(dir);
}

static int open_it(void)
{
	int err = 1;

	leases_close(ls);
	ls = leases_open(&file, dir_fd, (struct portmap *const[NAT_KINDS]){
			 [NAT_PORTMAP] = pm }, &clk, &met, &err);
	return err;
}

/* Open the file as the next engine does. */
static void reopen(void)
{
	portmap_free(pm);
	pm = portmap_new(100, 100);
	assert_int_equal(open_it(), 0);
	assert_non_null(ls);
	assert_int_equal(met.old_err, 0);
}

static const struct pm_entry *find(const struct pm_req *q)
{
	return portmap_entry(pm, portmap_find(pm, &q->rule));
}

static const char *desc(const struct pm_req *q)
{
	static char buf[PM_DESC_MAX + 1];

	return portmap_desc(pm, find(q), buf).p;
}

/* Add a mapping to the table and the file. */
static int set(const struct pm_req *q)
{
	uint64_t end = q->lease_s ? clk.mono_ms + q->lease_s * 1000ull : 0;

	assert_int_equal(portmap_restore(pm, q, end), PM_DONE);
	return leases_set(ls, find(q), &clk);
}

static int del(const struct pm_req *q)
{
	assert_true(portmap_forget(pm, &q->rule));
	return leases_del(ls, &q->rule);
}

static size_t slurp_from(const char *name, char *buf, size_t cap)
{
	int fd = openat(dir_fd, name, O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, buf, cap - 1);
	close(fd);
	assert_true(n >= 0 && (size_t)n < cap - 1);
	buf[n] = '\0';
	return (size_t)n;
}

static size_t slurp(char *buf, size_t cap)
{
	return slurp_from("mappings", buf, cap);
}

static void spit_to(const char *name, const char *buf, size_t n)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, buf, n), n);
	close(fd);
}

static void spit(const char *buf, size_t n)
{
	spit_to("mappings", buf, n);
}

static unsigned crc(const char *p, size_t n)
{
	unsigned c = ~0u;
	int bit;

	for (; n > 0; n--) {
		c ^= (unsigned char)*p++;
		for (bit = 0; bit < 8; bit++)
			c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
	}
	return ~c;
}

/* Append @body and its checksum to @buf, as a line. */
static void add_line(char *buf, size_t cap, const char *body)
{
	size_t n = strlen(buf);

	snprintf(buf + n, cap - n, "%s %08x\n", body, crc(body, strlen(body)));
}

static size_t lines(void)
{
	static char buf[1 << 19];
	size_t i, n = 0, len = slurp(buf, sizeof(buf));

	for (i = 0; i < len; i++)
		n += buf[i] == '\n';
	return n;
}

static void same(const struct pm_req *q, uint64_t expires_ms)
{
	const struct pm_entry *e = find(q);

	assert_non_null(e);
	assert_true(nat_rule_equal(&e->rule, &q->rule));
	assert_int_equal(e->enabled, q->enabled);
	assert_int_equal(e->origin, q->origin);
	assert_true(addr_equal(e->requester, q->requester));
	assert_memory_equal(&e->nonce, &q->nonce, sizeof(e->nonce));
	assert_int_equal(e->peer, q->peer);
	assert_string_equal(desc(q), q->desc);
	assert_true(e->expires_ms == expires_ms);
	assert_int_equal(e->state, PM_ACTIVE);
}

/* ---- writing and reading ------------------------------------------- */

static void test_first_start_creates_the_file(void **state)
{
	char want[128] = "", got[1024];
	struct stat st;

	assert_int_equal(open_it(), 0);
	assert_non_null(ls);
	assert_int_equal(met.dropped, 0);
	assert_int_equal(portmap_count(pm), 0);
	assert_int_equal(fstatat(dir_fd, "mappings", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(faccessat(dir_fd, "mappings.new", F_OK, 0), -1);
	add_line(want, sizeof(want), "upnpd-leases 2 boot=" BOOT);
	add_line(want, sizeof(want), ". 0");
	slurp(got, sizeof(got));
	assert_string_equal(got, want);
	reopen();
	assert_int_equal(met.dropped, 0);
}

static void test_file_has_its_form_byte_by_byte(void **state)
{
	struct pm_req q = req(A, 8080);
	char want[1024] = "", got[1024];

	/* the check value of CRC-32/ISO-HDLC: this test's own CRC is right */
	assert_int_equal(crc("123456789", 9), 0xcbf43926);
	open_it();
	q.lease_s = 3600;
	snprintf(q.desc, sizeof(q.desc), "my game 100%%");
	assert_int_equal(set(&q), 0);
	q.rule.proto = IPPROTO_UDP;
	q.rule.remote = addr_ip4(HOST);
	q.lease_s = 0;
	q.enabled = false;
	q.desc[0] = '\0';
	q.requester = addr_ip4(B);
	assert_int_equal(set(&q), 0);
	assert_int_equal(del(&q), 0);
	add_line(want, sizeof(want), "upnpd-leases 2 boot=" BOOT);
	add_line(want, sizeof(want), ". 0");
	add_line(want, sizeof(want), "+ proto=tcp port=8080 client=192.168.1.2 "
		 "to=80 origin=upnp requester=192.168.1.2 "
		 "lease=8600000,1700003600,3600 desc=my game 100%");
	add_line(want, sizeof(want), "+ proto=udp port=8080 remote=203.0.113.9 "
		 "client=192.168.1.2 to=80 origin=upnp requester=192.168.1.3 "
		 "disabled=yes desc=");
	add_line(want, sizeof(want), "- proto=udp port=8080 "
		 "remote=203.0.113.9");
	slurp(got, sizeof(got));
	assert_string_equal(got, want);
}

static struct addr ip6(const char *text)
{
	struct addr a;

	assert_true(addr_parse(str_z(text), &a));
	return a;
}

/* Change the mapping @n times, and let the file be rewritten. */
static void change_often(struct pm_req *q, int n)
{
	for (int i = 0; i < n; i++) {
		q->rule.int_port = (uint16_t)(1 + q->rule.int_port % 60000);
		set(q);
	}
	clk.mono_ms += LEASES_REWRITE_MS;
	clk.wall_s += LEASES_REWRITE_MS / 1000;
	assert_int_equal(leases_tick(ls, &clk), 0);
}

#define SOME 10
#define COMPACTED 64	/* changes until the file is rewritten */

/* Mappings of every origin, with requesters of both families and with every
 * field. */
static size_t some(struct pm_req *q)
{
	size_t i;

	for (i = 0; i < SOME; i++) {
		q[i] = req(A + (uint32_t)i, (uint16_t)(1000 + i));
		snprintf(q[i].desc, sizeof(q[i].desc), "mapping %zu", i);
	}
	q[0].rule.ext_port = 65535;
	q[0].rule.int_port = 1;
	q[1].rule.proto = IPPROTO_UDP;
	q[1].origin = ORIGIN_NAT_PMP;
	q[2].rule.remote = addr_ip4(HOST);
	q[2].origin = ORIGIN_PCP;
	q[3].enabled = false;
	q[4].lease_s = PM_LEASE_MAX_S;
	q[4].requester = addr_ip4(HOST);
	memset(q[5].desc, ' ', PM_DESC_MAX);
	snprintf(q[6].desc, sizeof(q[6].desc), " \xc3\xa9 %%0a - + 00000000 ");
	q[7].desc[0] = '\0';
	q[7].origin = ORIGIN_OPERATOR;
	q[7].requester = (struct addr){ ADDR_NONE };
	q[7].lease_s = 1;
	q[8].requester = ip6("fe80::1");
	q[9].requester = ip6("2001:db8::1:2");
	q[9].origin = ORIGIN_PCP;
	memset(&q[9].nonce, 0xa5, sizeof(q[9].nonce));
	q[9].peer = true;
	return i;
}

static void test_mappings_are_read_back(void **state)
{
	struct pm_req q[SOME];
	size_t i, n = some(q), again;
	uint64_t end;

	open_it();
	for (i = 0; i < n; i++)
		assert_int_equal(set(&q[i]), 0);
	clk.mono_ms += 999;
	clk.wall_s -= 86400 * 365;	/* not used in the same boot */
	for (again = 0; again < 3; again++) {
		reopen();
		assert_int_equal(met.dropped, 0);
		assert_int_equal(portmap_count(pm), n);
		for (i = 0; i < n; i++) {
			end = q[i].lease_s ? 5000000 + q[i].lease_s * 1000ull
					   : 0;
			same(&q[i], end);
			assert_int_equal(portmap_at(pm, i),
					 portmap_find(pm, &q[i].rule));
		}
	}
}

/* The file decides after a restart whose mapping it is, so another nonce is
 * written at once, as a change to another protocol is. */
static void test_nonces_are_read_back(void **state)
{
	struct pm_req q = req(A, 80);

	open_it();
	for (unsigned i = 0; i < 256; i++) {
		q.origin = ORIGIN_PCP;
		memset(&q.nonce, (int)i, sizeof(q.nonce));
		q.nonce.byte[11] = (uint8_t)(255 - i);
		q.peer = i % 2;
		assert_int_equal(set(&q), 0);
		reopen();
		assert_int_equal(met.dropped, 0);
		same(&q, 0);
	}
	q.origin = ORIGIN_NAT_PMP;
	q.nonce = (struct pm_nonce){ { 0 } };
	q.peer = false;
	assert_int_equal(set(&q), 0);
	reopen();
	same(&q, 0);
}

/* A file of a version that did not speak PCP. */
static void test_file_without_nonces_is_read(void **state)
{
	struct pm_req q = req(A, 80), r = req(A, 81);
	char buf[2048] = "";

	add_line(buf, sizeof(buf), "upnpd-leases 2 boot=" BOOT);
	add_line(buf, sizeof(buf), "+ " FIELDS("80"));
	add_line(buf, sizeof(buf), "+ proto=tcp port=81 client=192.168.1.2 "
		 "to=80 origin=pcp requester=192.168.1.2 desc=");
	spit(buf, strlen(buf));
	reopen();
	assert_int_equal(met.dropped, 0);
	same(&q, 0);
	r.origin = ORIGIN_PCP;
	same(&r, 0);
}

static void test_order_and_changes_are_read_back(void **state)
{
	struct pm_req q[SOME];
	size_t i, n = some(q);

	open_it();
	for (i = 0; i < n; i++)
		set(&q[i]);
	del(&q[1]);
	q[2].rule.int_port = 99;
	q[2].enabled = false;
	set(&q[2]);
	del(&q[5]);
	set(&q[5]);
	reopen();
	assert_int_equal(met.dropped, 0);
	assert_int_equal(portmap_count(pm), n - 1);
	assert_null(find(&q[1]));
	same(&q[2], 0);
	assert_int_equal(portmap_at(pm, 1), portmap_find(pm, &q[2].rule));
	assert_int_equal(portmap_at(pm, n - 2), portmap_find(pm, &q[5].rule));
}

static void test_control_characters_are_replaced(void **state)
{
	struct pm_req q = req(A, 1);

	open_it();
	snprintf(q.desc, sizeof(q.desc), "a\n+ tcp\x7f" "b");
	set(&q);
	reopen();
	assert_int_equal(met.dropped, 0);
	assert_string_equal(desc(&q), "a?+ tcp?b");
}

static void test_functions_accept_null(void **state)
{
	struct pm_req q = req(A, 1);

	portmap_restore(pm, &q, 0);
	assert_int_equal(leases_set(NULL, find(&q), &clk), 0);
	assert_int_equal(leases_del(NULL, &q.rule), 0);
	assert_int_equal(leases_tick(NULL, &clk), 0);
	leases_close(NULL);
}

/* ---- the two clocks ------------------------------------------------ */

static void test_ended_leases_are_dropped_in_the_same_boot(void **state)
{
	struct pm_req q = req(A, 1), r = req(A, 2);

	open_it();
	set(&r);
	q.lease_s = 10;
	set(&q);
	r.lease_s = 10;		/* was permanent: ends as well */
	set(&r);
	clk.mono_ms += 10000;
	reopen();
	assert_int_equal(met.dropped, 0);
	assert_int_equal(portmap_count(pm), 0);
}

static void other_boot(int64_t wall_s, uint64_t mono_ms)
{
	snprintf(clk.boot_id, sizeof(clk.boot_id), OTHER);
	clk.wall_s = wall_s;
	clk.mono_ms = mono_ms;
	reopen();
	assert_int_equal(met.dropped, 0);
}

static void with_lease(uint32_t lease_s)
{
	struct pm_req q = req(A, 1), r = req(A, 2);

	open_it();
	q.lease_s = lease_s;
	set(&q);
	set(&r);
}

static void check_other_boot(int64_t wall_s, uint64_t want_left_ms)
{
	struct pm_req q = req(A, 1), r = req(A, 2);

	with_lease(100);
	other_boot(wall_s, 7000);
	same(&r, 0);
	if (want_left_ms != 0)
		same(&q, 7000 + want_left_ms);
	else
		assert_null(find(&q));
}

static void test_wall_clock(void **state)
{
	check_other_boot(1700000040, 60000);
}

static void test_wall_clock_last_second(void **state)
{
	check_other_boot(1700000099, 1000);
}

static void test_wall_clock_ended(void **state)
{
	check_other_boot(1700000100, 0);
}

/* A clock without a battery starts in 1970, or earlier. */
static void test_wall_clock_in_the_past(void **state)
{
	check_other_boot(0, 100000);
}

static void test_wall_clock_negative(void **state)
{
	check_other_boot(-5, 100000);
}

static void test_wall_clock_far_ahead(void **state)
{
	check_other_boot(INT64_MAX, 0);
}

/* The lease was written in one boot, and the file was rewritten in a second. */
static void test_leases_are_right_after_two_boots(void **state)
{
	struct pm_req q = req(A, 1);

	with_lease(100);
	other_boot(1700000040, 7000);
	clk.mono_ms += 10000;
	clk.wall_s += 10;
	reopen();
	same(&q, 67000);
	clk.boot_id[0] = '\0';	/* unknown: use the wall clock */
	clk.wall_s += 30;
	clk.mono_ms = 1;
	reopen();
	same(&q, 20001);
	reopen();
	same(&q, 20001);
}

/* ---- damaged files ------------------------------------------------- */

static void test_file_may_be_cut_at_every_byte(void **state)
{
	static char all[1 << 13];
	struct pm_req q[SOME];
	size_t end[SOME + 1], i, n = some(q), len, whole;

	open_it();
	end[0] = slurp(all, sizeof(all));
	for (i = 0; i < n; i++) {
		set(&q[i]);
		end[i + 1] = slurp(all, sizeof(all));
	}
	for (len = 0; len <= end[n]; len++) {
		spit(all, len);
		reopen();
		whole = 0;
		while (whole < n && len + 1 >= end[whole + 1])
			whole++;
		assert_int_equal(portmap_count(pm), whole);
		for (i = 0; i < whole; i++)
			assert_non_null(find(&q[i]));
	}
}

/* The mapping of that line is lost, or of two lines if the byte ends one; the
 * others are read. */
static void test_changed_byte_affects_only_its_line(void **state)
{
	static char all[1 << 12], bad[1 << 12];
	struct pm_req q[SOME];
	size_t i, n, end[SOME + 1], at, lost;
	unsigned seed = 1;

	open_it();
	some(q);
	n = 4;
	end[0] = slurp(all, sizeof(all));
	for (i = 0; i < n; i++) {
		set(&q[i]);
		end[i + 1] = slurp(all, sizeof(all));
	}
	for (at = end[0]; at < end[n]; at++) {
		memcpy(bad, all, end[n]);
		seed = seed * 1103515245 + 12345;
		bad[at] = (char)(bad[at] ^ (1 + (seed >> 16) % 255));
		spit(bad, end[n]);
		reopen();
		lost = 0;
		while (at >= end[lost + 1])
			lost++;
		for (i = 0; i < n; i++) {
			if (i == lost || (at + 1 == end[i] && i == lost + 1))
				continue;
			assert_non_null(find(&q[i]));
		}
		assert_in_range(portmap_count(pm), n - 2, n);
		assert_true(met.dropped >= 1 || at + 1 == end[lost + 1]);
	}
}

static void test_random_file_has_no_mappings(void **state)
{
	static char noise[20000];
	unsigned seed = 7, run;
	size_t i, n;

	for (run = 0; run < 60; run++) {
		for (i = 0; i < sizeof(noise); i++) {
			seed = seed * 1103515245 + 12345;
			noise[i] = (char)(seed >> 16);
			if (run % 3 == 0 && (seed >> 24) % 8 == 0)
				noise[i] = '\n';
		}
		n = run == 0 ? 0 : (seed >> 8) % sizeof(noise);
		spit(noise, n);
		reopen();
		assert_int_equal(portmap_count(pm), 0);
		assert_int_equal(met.dropped > 0, n > 0);
	}
}

/* The checksums are right. (For wrong fields see test_leaseline.c.) */
static void test_invalid_lines_are_dropped(void **state)
{
	static const char *const bad[] = {
		"+ " FIELDS("0"), "+ " FIELDS("80x"), "+ proto=tcp port=80",
		"+ ", "+", "", "- proto=tcp", "- port=80", "- proto=tcp port=0",
		"- ", "-", "* " FIELDS("80"), "++ " FIELDS("80"), FIELDS("80"),
		"upnpd-leases 3 boot=" BOOT, "upnpd-leases 1 " BOOT,
		"upnpd-leases 2 " BOOT, "upnpd-leases 2 boot=",
		"upnpd-leases 2", "upnpd-leases",
		"+ tcp 80 192.168.1.2 80 * 1 0 0 0 192.168.1.2 x",
	};
	struct pm_req q = req(A, 81);
	char buf[2048];
	size_t i;

	for (i = 0; i <= N(bad); i++) {
		buf[0] = '\0';
		add_line(buf, sizeof(buf), "upnpd-leases 2 boot=" BOOT);
		add_line(buf, sizeof(buf),
			 i < N(bad) ? bad[i] : "+ " FIELDS("80"));
		add_line(buf, sizeof(buf), "+ " FIELDS("81"));
		spit(buf, strlen(buf));
		reopen();
		assert_int_equal(met.dropped, i < N(bad));
		assert_int_equal(portmap_count(pm), i < N(bad) ? 1 : 2);
		assert_false(met.aside);
		same(&q, 0);
	}
}

/* The operator has disabled pinholes. They must not be in the table of the port
 * mappings: clients would see them, and the answers to their ops would belong
 * to a table that does not exist. No line is invalid because of that. */
static void test_pinholes_without_a_table(void **state)
{
	struct pm_req q = req(A, 81);
	char buf[1024] = "";

	add_line(buf, sizeof(buf), "upnpd-leases 2 boot=" BOOT);
	add_line(buf, sizeof(buf), "+ kind=pinhole proto=tcp "
		 "client=2001:db8::1 to=80 origin=upnp "
		 "requester=2001:db8::1 desc=");
	add_line(buf, sizeof(buf), "+ " FIELDS("81"));
	spit(buf, strlen(buf));
	reopen();
	assert_int_equal(met.dropped, 0);
	assert_int_equal(portmap_count(pm), 1);
	same(&q, 0);
}

/* NUL bytes, and a description that is one byte too long, with right
 * checksums. */
static void test_invalid_bytes_are_dropped(void **state)
{
	static const char head[] =
		"+ " FIELDS("80");
	char buf[1024], tail[16];
	size_t n, len;

	for (n = PM_DESC_MAX - 1; n <= PM_DESC_MAX + 1; n++) {
		memcpy(buf, head, sizeof(head) - 1);
		memset(buf + sizeof(head) - 1, 'x', n);
		len = sizeof(head) - 1 + n;
		if (n == PM_DESC_MAX - 1)
			buf[len - 1] = '\0';
		snprintf(tail, sizeof(tail), " %08x\n", crc(buf, len));
		memcpy(buf + len, tail, 10);
		spit(buf, len + 10);
		reopen();
		assert_int_equal(met.dropped, n != PM_DESC_MAX);
		assert_int_equal(portmap_count(pm), n == PM_DESC_MAX);
	}
}

/* A long line is skipped to its end, wherever the reader's buffer ends. */
static void test_long_lines_are_skipped(void **state)
{
	static char buf[20000];
	struct pm_req q = req(A, 81);
	size_t len;

	for (len = 1; len < 9000; len += len < 4000 ? 97 : 13) {
		memset(buf, 'x', len);
		buf[len] = '\n';
		buf[len + 1] = '\0';
		add_line(buf, sizeof(buf), "+ " FIELDS("81"));
		spit(buf, strlen(buf));
		reopen();
		assert_int_equal(met.dropped, 1);
		assert_int_equal(portmap_count(pm), 1);
		same(&q, 0);
	}
	memset(buf, 'x', 9000);
	spit(buf, 9000);
	reopen();
	assert_int_equal(met.dropped, 1);
}

/* The end of the long line looks like a valid line. */
static void test_end_of_a_long_line_is_not_a_line(void **state)
{
	static char buf[20000];
	size_t len, i;

	for (len = 4000; len < 8300; len++) {
		if (len == 4200)
			len = 8100;
		memset(buf, 'x', len);
		buf[len] = '\0';
		for (i = 0; i < 2; i++)
			add_line(buf, sizeof(buf), "+ " FIELDS("81"));
		spit(buf, strlen(buf));
		reopen();
		assert_int_equal(met.dropped, 1);
		assert_int_equal(portmap_count(pm), 1);
	}
}

/* Leading zeros are accepted if the line is not too long. */
static void test_longest_line_is_read(void **state)
{
	static char body[6000], buf[7000];
	size_t n, zeros;

	for (n = 2030; n < 5000; n += n < 2060 ? 1 : 331) {
		zeros = n - 9 - strlen("+ " FIELDS("81"));
		snprintf(body, sizeof(body), "+ " FIELDS("%0*d"),
			 (int)zeros + 2, 81);
		buf[0] = '\0';
		add_line(buf, sizeof(buf), body);
		assert_int_equal(strlen(buf), n + 1);
		spit(buf, strlen(buf));
		reopen();
		assert_int_equal(portmap_count(pm), n < 2048);
		assert_int_equal(met.dropped, n >= 2048);
	}
}

static void test_without_head_the_wall_clock_is_used(void **state)
{
	char buf[512] = "broken head\n";
	struct pm_req q = req(A, 81);

	add_line(buf, sizeof(buf), "+ lease=99,1700000050,100 " FIELDS("81"));
	spit(buf, strlen(buf));
	reopen();
	assert_int_equal(met.dropped, 1);
	same(&q, clk.mono_ms + 50000);	/* by the wall clock */
}

static void test_mappings_above_the_limit_are_dropped(void **state)
{
	struct pm_req q[SOME];
	size_t i, n = some(q);

	open_it();
	for (i = 0; i < n; i++)
		set(&q[i]);
	portmap_free(pm);
	pm = portmap_new(5, 5);
	assert_int_equal(open_it(), 0);
	assert_int_equal(portmap_count(pm), 5);
	assert_int_equal(met.dropped, n - 5);
}

static void refused(int want)
{
	assert_int_equal(open_it(), want);
	assert_null(ls);
	assert_int_equal(met.dropped, 0);
}

static void test_only_a_regular_file_is_opened(void **state)
{
	char got[64] = "";
	int fd;

	assert_int_equal(mkfifoat(dir_fd, "mappings", 0600), 0);
	refused(-EINVAL);
	unlinkat(dir_fd, "mappings", 0);
	assert_int_equal(mkdirat(dir_fd, "mappings", 0700), 0);
	refused(-EISDIR);
	unlinkat(dir_fd, "mappings", AT_REMOVEDIR);
	fd = openat(dir_fd, "target", O_RDWR | O_CREAT, 0600);
	assert_int_equal(write(fd, "secret\n", 7), 7);
	assert_int_equal(symlinkat("target", dir_fd, "mappings"), 0);
	refused(-ELOOP);
	/* a link with the name of the temporary file is not followed either */
	unlinkat(dir_fd, "mappings", 0);
	assert_int_equal(symlinkat("target", dir_fd, "mappings.new"), 0);
	assert_int_equal(open_it(), 0);
	assert_int_equal(pread(fd, got, sizeof(got), 0), 7);
	assert_string_equal(got, "secret\n");
	close(fd);
}

static void limit(rlim_t bytes)
{
	struct rlimit rl;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &rl), 0);
	rl.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &rl), 0);
}

/* ---- other versions ------------------------------------------------ */

static const char note_old[] = "upnpd-leases 2 is in mappings\n";

static void note_is_there(void)
{
	char got[256];

	slurp_from("leases", got, sizeof(got));
	assert_string_equal(got, note_old);
}

static void write_version1(const char *more)
{
	char buf[2048] = "";

	add_line(buf, sizeof(buf), "upnpd-leases 1 " BOOT);
	add_line(buf, sizeof(buf), "+ tcp 80 192.168.1.2 8080 * 1 0 0 0 "
		 "0.0.0.0 my server");
	add_line(buf, sizeof(buf), "+ udp 81 192.168.1.3 81 203.0.113.9 0 "
		 "5060000 1700000060 60 192.168.1.2 game");
	add_line(buf, sizeof(buf), "+ tcp 82 192.168.1.3 82 * 1 0 0 0 "
		 "192.168.1.3 gone");
	add_line(buf, sizeof(buf), "- tcp 82 *");
	if (more)
		add_line(buf, sizeof(buf), more);
	spit_to("leases", buf, strlen(buf));
}

static void has_version1(void)
{
	struct pm_req q = req(A, 80), r = req(B, 81);

	q.rule.int_port = 8080;
	q.origin = ORIGIN_OPERATOR;
	q.requester = (struct addr){ ADDR_NONE };
	snprintf(q.desc, sizeof(q.desc), "my server");
	same(&q, 0);
	r.rule.proto = IPPROTO_UDP;
	r.rule.int_port = 81;
	r.rule.remote = addr_ip4(HOST);
	r.enabled = false;
	r.requester = addr_ip4(A);
	snprintf(r.desc, sizeof(r.desc), "game");
	same(&r, 5060000);
}

/* Every mapping is read, and is in our file afterwards. */
static void test_version1_is_converted(void **state)
{
	size_t again;

	write_version1(NULL);
	for (again = 0; again < 2; again++) {
		reopen();
		assert_int_equal(met.dropped, 0);
		assert_int_equal(portmap_count(pm), 2);
		has_version1();
		note_is_there();
		assert_int_equal(lines(), 4);
	}
	assert_int_equal(faccessat(dir_fd, "leases.new", F_OK, 0), -1);
}

static void test_version1_of_another_boot(void **state)
{
	struct pm_req r = req(B, 81);

	write_version1(NULL);
	r.rule.proto = IPPROTO_UDP;
	r.rule.remote = addr_ip4(HOST);
	other_boot(1700000020, 7000);
	assert_true(find(&r)->expires_ms == 47000);
}

/* It was killed after our file was made and before the old one was replaced. */
static void test_version1_is_converted_again_after_a_kill(void **state)
{
	write_version1(NULL);
	reopen();
	write_version1(NULL);
	reopen();
	assert_int_equal(met.dropped, 0);
	assert_int_equal(portmap_count(pm), 2);
	has_version1();
	note_is_there();
}

/* An older upnpd ran for a while, so its mappings are newer. Mappings that only
 * our file has are kept. */
static void test_version1_of_a_later_run_wins(void **state)
{
	struct pm_req q = req(A, 80), r = req(B, 90), s = req(B, 81);

	open_it();
	set(&q);
	set(&r);
	s.rule.proto = IPPROTO_UDP;
	s.rule.remote = addr_ip4(HOST);
	set(&s);
	del(&s);
	write_version1(NULL);
	reopen();
	assert_int_equal(portmap_count(pm), 3);
	has_version1();
	same(&r, 0);
	note_is_there();
}

/* There is no room for our file: the old file stays, and changes are written to
 * ours. */
static void test_version1_stays_on_a_full_disk(void **state)
{
	struct pm_req s = req(B, 81), q = req(A, 80), r = req(A, 90);
	static char before[1 << 12], after[1 << 12];

	write_version1(NULL);
	slurp_from("leases", before, sizeof(before));
	limit(10);
	assert_int_equal(open_it(), -ENOSPC);
	assert_non_null(ls);
	limit(RLIM_INFINITY);
	has_version1();
	slurp_from("leases", after, sizeof(after));
	assert_string_equal(before, after);
	s.rule.proto = IPPROTO_UDP;
	s.rule.remote = addr_ip4(HOST);
	assert_int_equal(del(&s), 0);
	q.rule.int_port = 99;
	assert_int_equal(set(&q), 0);
	assert_int_equal(set(&r), 0);
	reopen();
	assert_int_equal(met.dropped, 0);
	assert_int_equal(portmap_count(pm), 2);
	same(&q, 0);
	same(&r, 0);
	note_is_there();
}

/* An older upnpd ran after us, and now there is no room to merge both files.
 * Changes that are appended to ours are newer than the old file. */
static void test_changes_after_a_failed_merge_win(void **state)
{
	struct pm_req q = req(A, 80), r = req(B, 90), s = req(B, 81);
	int again;

	open_it();
	set(&q);
	set(&r);
	write_version1(NULL);
	portmap_free(pm);
	pm = portmap_new(100, 100);
	assert_int_equal(mkdirat(dir_fd, "mappings.new", 0700), 0);
	assert_int_equal(open_it(), -EEXIST);
	assert_non_null(ls);
	has_version1();
	s.rule.proto = IPPROTO_UDP;
	s.rule.remote = addr_ip4(HOST);
	assert_int_equal(del(&s), 0);
	q.rule.int_port = 99;
	assert_int_equal(set(&q), 0);
	for (again = 0; again < 3; again++) {
		portmap_free(pm);
		pm = portmap_new(100, 100);
		if (again == 1)
			unlinkat(dir_fd, "mappings.new", AT_REMOVEDIR);
		assert_int_equal(open_it(), again == 0 ? -EEXIST : 0);
		assert_int_equal(met.dropped, 0);
		assert_int_equal(portmap_count(pm), 2);
		same(&q, 0);
		same(&r, 0);
	}
	note_is_there();
}

/* The old file must not be read again, even if no note can replace it. */
static void test_version1_is_removed_without_room_for_a_note(void **state)
{
	write_version1(NULL);
	assert_int_equal(mkdirat(dir_fd, "leases.new", 0700), 0);
	reopen();
	has_version1();
	assert_int_equal(faccessat(dir_fd, "leases", F_OK, 0), -1);
	unlinkat(dir_fd, "leases.new", AT_REMOVEDIR);
	reopen();
	has_version1();
	note_is_there();
}

static void test_version1_with_bad_lines(void **state)
{
	write_version1("+ tcp 83 0.0.0.0 83 * 1 0 0 0 192.168.1.2 ");
	reopen();
	assert_int_equal(met.dropped, 1);
	assert_int_equal(portmap_count(pm), 2);
	note_is_there();
}

/* We must not replace a file that we cannot read. */
static void test_unreadable_version1_is_not_replaced(void **state)
{
	struct pm_req q = req(A, 1);

	assert_int_equal(mkdirat(dir_fd, "leases", 0700), 0);
	assert_int_equal(open_it(), 0);
	assert_non_null(ls);
	assert_int_equal(met.old_err, -EINVAL);
	set(&q);
	unlinkat(dir_fd, "leases", AT_REMOVEDIR);
	assert_int_equal(symlinkat("target", dir_fd, "leases"), 0);
	portmap_free(pm);
	pm = portmap_new(100, 100);
	assert_int_equal(open_it(), 0);
	assert_int_equal(met.old_err, -ELOOP);
	same(&q, 0);
	unlinkat(dir_fd, "leases", 0);
	reopen();
	same(&q, 0);
	note_is_there();
}

/* The file of a later upnpd is renamed, so that the later version can be used
 * again. */
static void test_file_of_a_newer_version_is_set_aside(void **state)
{
	struct pm_req q = req(A, 1);
	char buf[1024] = "", got[1024];
	size_t again;

	for (again = 0; again < 2; again++) {
		buf[0] = '\0';
		add_line(buf, sizeof(buf), "upnpd-leases 3 boot=" BOOT);
		add_line(buf, sizeof(buf), "+ " FIELDS("80"));
		add_line(buf, sizeof(buf), "! something new");
		spit(buf, strlen(buf));
		reopen();
		assert_true(met.aside);
		assert_int_equal(met.dropped, 0);
		assert_int_equal(portmap_count(pm), 0);
		slurp_from("mappings.aside", got, sizeof(got));
		assert_string_equal(got, buf);
		set(&q);
		reopen();
		assert_false(met.aside);
		assert_int_equal(portmap_count(pm), 1);
		same(&q, 0);
	}
}

/* ---- fields of a later version ------------------------------------- */

static const char later[] = "token=00112233aabbccdd upstream=40000";

static void with_later_fields(const char *fields)
{
	char body[1024], buf[2048] = "";

	snprintf(body, sizeof(body), "+ %s " FIELDS("80") "text", fields);
	add_line(buf, sizeof(buf), "upnpd-leases 2 boot=" BOOT " more=1");
	add_line(buf, sizeof(buf), body);
	add_line(buf, sizeof(buf), "+ " FIELDS("81"));
	spit(buf, strlen(buf));
	reopen();
	assert_int_equal(met.dropped, 0);
	assert_int_equal(portmap_count(pm), 2);
}

static bool file_has(const char *text)
{
	char got[4096];

	slurp(got, sizeof(got));
	return strstr(got, text) != NULL;
}

static void test_unknown_fields_are_kept(void **state)
{
	struct pm_req q = req(A, 80), r = req(A, 81);
	char want[256], got[4096];

	snprintf(want, sizeof(want), "requester=192.168.1.2 %s desc=text ",
		 later);
	with_later_fields(later);
	assert_int_equal(met.cut, 0);
	assert_true(file_has(want));
	reopen();
	assert_true(file_has(want));
	/* a renewal and an overwrite */
	snprintf(q.desc, sizeof(q.desc), "text");
	q.lease_s = 60;
	set(&q);
	q.lease_s = 0;
	q.rule.int_port = 99;
	set(&q);
	change_often(&r, 70);
	assert_int_equal(lines(), 4);
	slurp(got, sizeof(got));
	snprintf(want, sizeof(want), "to=99 origin=upnp requester=192.168.1.2 "
		 "%s desc=text ", later);
	assert_non_null(strstr(got, want));
	/* they belong to the mapping, not to the port */
	del(&q);
	set(&q);
	reopen();
	assert_false(file_has("token"));
	same(&q, 0);
}

static void test_unknown_field_in_the_head_is_ignored(void **state)
{
	struct pm_req q = req(A, 81);
	char buf[1024] = "";

	add_line(buf, sizeof(buf), "upnpd-leases 2 boot=" BOOT " more=1");
	add_line(buf, sizeof(buf), "+ lease=5060000,1,100 " FIELDS("81"));
	spit(buf, strlen(buf));
	reopen();
	assert_int_equal(met.dropped, 0);
	same(&q, 5060000);	/* the same boot */
}

/* As many whole fields are kept as there is room for. */
static void test_unknown_fields_are_bounded(void **state)
{
	char fields[1024];
	int n;

	for (n = PM_NOTE_MAX - 3; n < PM_NOTE_MAX + 3; n++) {
		snprintf(fields, sizeof(fields), "x=%0*d y=1", n - 2, 0);
		with_later_fields(fields);
		assert_int_equal(met.cut, n + 4 > PM_NOTE_MAX);
		assert_int_equal(file_has(" x=000"), n <= PM_NOTE_MAX);
		assert_int_equal(file_has(" y=1 "), n + 4 <= PM_NOTE_MAX ||
				 n > PM_NOTE_MAX);
		reopen();
		assert_int_equal(met.cut, 0);
	}
}

static void test_reported_port_is_kept(void **state)
{
	struct pm_req q = req(A, 80);

	open_it();
	set(&q);
	portmap_set_told(pm, portmap_find(pm, &q.rule), 40000);
	leases_set(ls, find(&q), &clk);
	reopen();
	assert_int_equal(find(&q)->told_port, 40000);
	assert_int_equal(find(&q)->rule.ext_port, 80);
	reopen();
	assert_int_equal(find(&q)->told_port, 40000);
	q.rule.int_port = 99;
	set(&q);
	reopen();
	assert_int_equal(find(&q)->told_port, 40000);
}

/* ---- suspended ----------------------------------------------------- */

/* A mapping whose lease is longer than the suspension, and one of the
 * operator. */
static void with_suspended(struct pm_req *q, struct pm_req *op)
{
	uint64_t until_ms = clk.mono_ms + 1000000;

	*q = req(A, 80);
	*op = req(B, 81);
	open_it();
	q->lease_s = 5000;
	set(q);
	op->origin = ORIGIN_OPERATOR;
	op->requester = (struct addr){ ADDR_NONE };
	set(op);
	portmap_suspend(pm, portmap_find(pm, &q->rule), until_ms);
	leases_set(ls, find(q), &clk);
	portmap_suspend(pm, portmap_find(pm, &op->rule), UINT64_MAX);
	leases_set(ls, find(op), &clk);
}

static void test_suspension_is_kept(void **state)
{
	struct pm_req q, op;
	int again;

	with_suspended(&q, &op);
	assert_true(file_has("lease=10000000,1700005000,5000 "
			     "suspended=6000000,1700001000,1000 desc="));
	clk.mono_ms += 10500;
	for (again = 0; again < 3; again++) {
		reopen();
		assert_int_equal(met.dropped, 0);
		assert_int_equal(find(&q)->state, PM_SUSPENDED);
		assert_true(find(&q)->expires_ms == 10000000);
		assert_true(find(&q)->suspended_ms == 6000000);
		/* without an end, the suspension is not kept */
		assert_int_equal(find(&op)->state, PM_ACTIVE);
	}
	/* resumed */
	set(&q);
	reopen();
	assert_int_equal(find(&q)->state, PM_ACTIVE);
	assert_false(file_has("suspended"));
}

static void test_overruled_mapping_is_kept(void **state)
{
	struct pm_req q = req(A, 80);

	open_it();
	q.lease_s = 5000;
	set(&q);
	assert_true(portmap_overrule(pm, portmap_find(pm, &q.rule)));
	leases_set(ls, find(&q), &clk);
	for (int again = 0; again < 3; again++) {
		reopen();
		assert_int_equal(met.dropped, 0);
		assert_true(file_has(" overruled=yes "));
		assert_true(find(&q)->overruled);
		assert_int_equal(find(&q)->state, PM_SUSPENDED);
		assert_true(find(&q)->expires_ms == 10000000);
	}
	set(&q);			/* in force again */
	reopen();
	assert_false(find(&q)->overruled);
	assert_false(file_has("overruled"));
}

static void test_suspension_ends_while_stopped(void **state)
{
	struct pm_req q, op;

	with_suspended(&q, &op);
	clk.mono_ms += 1000000;
	reopen();
	assert_int_equal(met.dropped, 0);
	assert_null(find(&q));
	assert_non_null(find(&op));
}

static void test_suspension_is_kept_in_another_boot(void **state)
{
	struct pm_req q, op;

	with_suspended(&q, &op);
	other_boot(1700000400, 7000);
	assert_true(find(&q)->suspended_ms == 607000);
	assert_true(find(&q)->expires_ms == 4607000);
	clk.boot_id[0] = '\0';
	clk.wall_s += 600;
	reopen();
	assert_null(find(&q));
}

/* ---- killed -------------------------------------------------------- */

/* Change number @k, which is random but always the same. */
static void change(unsigned k)
{
	struct pm_req q = req(A, (uint16_t)(1 + k * 7919 % 11));

	q.rule.int_port = (uint16_t)(1 + k % 60000);
	if (k * 104729 % 5 != 0)
		set(&q);
	else if (find(&q))
		del(&q);
	clk.mono_ms += LEASES_REWRITE_MS / 8;
	leases_tick(ls, &clk);
}

static void make_changes(volatile unsigned *done)
{
	portmap_free(pm);
	pm = portmap_new(100, 100);
	open_it();
	for (unsigned k = 0;; k++) {
		change(k);
		*done = k + 1;
	}
}

/* Does the table that was read equal the table after @n changes? */
static bool equals_changes(struct portmap *read, unsigned n)
{
	struct portmap *was = pm;
	bool equal;

	pm = portmap_new(100, 100);
	for (unsigned k = 0; k < n; k++)
		change(k);
	equal = portmap_count(pm) == portmap_count(read);
	for (size_t i = 0; i < portmap_count(read) && equal; i++) {
		const struct pm_entry *a = portmap_entry(read,
						portmap_at(read, i));
		const struct pm_entry *b = portmap_entry(pm,
						portmap_find(pm, &a->rule));

		equal = b && nat_rule_equal(&a->rule, &b->rule);
	}
	portmap_free(pm);
	pm = was;
	return equal;
}

/* kill -9 at any moment: all changes that were reported are kept, and perhaps
 * the one in progress. */
static void test_changes_survive_a_kill(void **state)
{
	volatile unsigned *done = mmap(NULL, sizeof(*done), PROT_READ |
				       PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				       -1, 0);
	struct leases *file_then;
	unsigned round, most = 0;
	pid_t pid;

	assert_true(done != MAP_FAILED);
	for (round = 0; round < 40; round++) {
		unlinkat(dir_fd, "mappings", 0);
		*done = 0;
		pid = fork();
		if (pid == 0)
			make_changes(done);
		/* by number, not by time: a machine may be slow */
		for (int ms = 0; *done < COMPACTED / 20 * round; ms++) {
			assert_true(ms < 60000);
			usleep(1000);
		}
		usleep(round * 211 % 1000);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		reopen();
		most = *done > most ? *done : most;
		file_then = ls;
		ls = NULL;	/* only the table from here on */
		assert_true(equals_changes(pm, *done) ||
			    equals_changes(pm, *done + 1));
		ls = file_then;
	}
	assert_true(most > COMPACTED);	/* some were killed late enough */
}

/* ---- compaction ---------------------------------------------------- */

static void test_file_is_compacted(void **state)
{
	struct pm_req q = req(A, 1), r = req(B, 2);
	int i;

	open_it();
	set(&r);
	clk.mono_ms += LEASES_REWRITE_MS;
	for (i = 0; i < 61; i++) {
		q.rule.int_port = (uint16_t)(1 + i);
		set(&q);
		assert_int_equal(leases_tick(ls, &clk), 0);
	}
	assert_int_equal(lines(), 64);
	assert_true(leases_due_ms(ls) == UINT64_MAX);
	q.rule.int_port = 100;
	set(&q);
	assert_true(leases_due_ms(ls) <= clk.mono_ms);
	assert_int_equal(leases_tick(ls, &clk), 0);
	assert_int_equal(lines(), 4);
	q.rule.int_port = 101;
	set(&q);		/* is written to the new file */
	assert_int_equal(lines(), 5);
	reopen();
	assert_int_equal(met.dropped, 0);
	assert_int_equal(portmap_count(pm), 2);
	same(&q, 0);
	same(&r, 0);
	assert_int_equal(portmap_at(pm, 0), portmap_find(pm, &r.rule));
}

static void test_compaction_follows_the_number_of_changes(void **state)
{
	struct pm_req q;
	uint16_t i;

	open_it();
	for (i = 0; i < 100; i++) {
		q = req(A, (uint16_t)(1 + i));
		set(&q);
	}
	change_often(&q, 298);
	assert_int_equal(lines(), 400);
	change_often(&q, 1);
	assert_int_equal(lines(), 102);
	reopen();
	assert_int_equal(portmap_count(pm), 100);
}

/* A mapping whose lease has ended, but whose rule is still in the kernel, is
 * not restored after a crash; one whose delete is in flight is restored. */
static void test_compaction_omits_ended_leases(void **state)
{
	struct pm_req q = req(A, 1), r = req(B, 2);
	uint64_t next;
	uint16_t slot;

	open_it();
	q.lease_s = 1;
	set(&q);
	portmap_expire(pm, clk.mono_ms + 2000, &next, NULL, NULL);
	change_often(&r, 69);
	portmap_delete(pm, portmap_find(pm, &r.rule), &slot);
	leases_set(ls, find(&r), &clk);
	change_often(&r, 0);
	assert_int_equal(lines(), 3);
	clk.mono_ms -= LEASES_REWRITE_MS;
	reopen();
	assert_null(find(&q));
	same(&r, 0);
}

/* They are read from the configuration at each start. */
static void test_configured_mappings_are_not_written(void **state)
{
	struct pm_req q = req(A, 1), r = req(B, 2);
	char text[16384];

	open_it();
	q.origin = ORIGIN_OPERATOR;
	q.requester = (struct addr){ 0 };
	q.configured = true;
	assert_int_equal(portmap_restore(pm, &q, 0), PM_DONE);
	change_often(&r, 70);
	slurp(text, sizeof(text));
	assert_null(strstr(text, "port=1 "));
	assert_non_null(strstr(text, "port=2 "));
	assert_int_equal(lines(), 3);
	reopen();
	assert_null(find(&q));
}

/* ---- no room ------------------------------------------------------- */

/* The disk is full after @room bytes of the second line, and then has room
 * again. */
static void short_write(size_t room)
{
	struct pm_req q = req(A, 1), r = req(A, 2), s = req(A, 3);
	char buf[1024];
	size_t n;
	int err;

	open_it();
	set(&q);
	n = slurp(buf, sizeof(buf));
	limit(n + room);
	err = set(&r);
	limit(RLIM_INFINITY);
	assert_int_equal(err, room > 0 ? -ENOSPC : -EFBIG);
	assert_int_equal(slurp(buf, sizeof(buf)), n + room);
	assert_int_equal(set(&s), 0);
	reopen();
	assert_int_equal(met.dropped, room > 0);
	same(&q, 0);
	assert_null(find(&r));
	same(&s, 0);
}

static void test_partly_written_line_is_repaired(void **state)
{
	struct pm_req s = req(A, 3), q = req(A, 1);
	size_t room;

	for (room = 0; room < 50; room++) {
		short_write(room);
		del(&s);
		del(&q);
		reopen();
	}
}

static void test_full_disk_is_reported_once(void **state)
{
	struct pm_req q = req(A, 1), r = req(A, 2);
	char buf[1024];
	size_t n;

	open_it();
	n = slurp(buf, sizeof(buf));
	limit(n);
	assert_int_equal(set(&q), -EFBIG);
	assert_int_equal(set(&r), 0);
	assert_int_equal(leases_del(ls, &r.rule), 0);
	assert_int_equal(slurp(buf, sizeof(buf)), n);
	limit(RLIM_INFINITY);
	q.rule.int_port = 81;
	assert_int_equal(set(&q), 0);
	limit(1);
	r.rule.int_port = 81;
	assert_int_equal(set(&r), -EFBIG);
	limit(RLIM_INFINITY);
	/* a rewrite adds what is missing, without waiting for its time */
	assert_true(leases_due_ms(ls) <= clk.mono_ms);
	assert_int_equal(leases_tick(ls, &clk), 0);
	assert_true(leases_due_ms(ls) == UINT64_MAX);
	reopen();
	assert_int_equal(met.dropped, 0);
	same(&q, 0);
	same(&r, 0);
}

/* The disk is full for longer: a rewrite is tried at once, and then once a
 * minute. A crash in between loses only what found no room. */
static void test_rewrite_on_a_full_disk_has_a_rate(void **state)
{
	struct pm_req q = req(A, 1), r = req(A, 2);
	char buf[1024];

	open_it();
	set(&q);
	limit(slurp(buf, sizeof(buf)));
	assert_int_equal(mkdirat(dir_fd, "mappings.new", 0700), 0);
	assert_int_equal(set(&r), -EFBIG);
	assert_int_equal(leases_tick(ls, &clk), -EEXIST);
	assert_true(leases_due_ms(ls) == clk.mono_ms + LEASES_REWRITE_MS);
	unlinkat(dir_fd, "mappings.new", AT_REMOVEDIR);
	limit(RLIM_INFINITY);
	clk.mono_ms += LEASES_REWRITE_MS - 1;
	del(&q);
	assert_int_equal(leases_tick(ls, &clk), 0);
	assert_int_equal(lines(), 4);		/* no rewrite */
	clk.mono_ms++;
	assert_int_equal(leases_tick(ls, &clk), 0);
	assert_int_equal(lines(), 3);
	reopen();
	assert_null(find(&q));
	same(&r, 0);
}

static void test_full_disk_at_the_start_loses_nothing(void **state)
{
	struct pm_req q[SOME], r = req(B, 9);
	static char before[1 << 13], after[1 << 13];
	size_t i, n = some(q);

	open_it();
	for (i = 0; i < n; i++)
		set(&q[i]);
	slurp(before, sizeof(before));
	portmap_free(pm);
	pm = portmap_new(100, 100);
	limit(100);
	assert_int_equal(open_it(), -ENOSPC);
	assert_non_null(ls);
	assert_int_equal(portmap_count(pm), n);
	slurp(after, sizeof(after));
	assert_string_equal(before, after);
	assert_int_equal(faccessat(dir_fd, "mappings.new", F_OK, 0), -1);
	limit(RLIM_INFINITY);
	assert_int_equal(set(&r), 0);
	reopen();
	assert_int_equal(met.dropped, 0);
	assert_int_equal(portmap_count(pm), n + 1);
	same(&r, 0);
}

/* A failed rewrite is not retried at every change, but after a minute. Until
 * then changes are appended. */
static void test_failed_rewrite_is_retried_after_a_minute(void **state)
{
	struct pm_req q = req(A, 1);
	int i;

	open_it();
	clk.mono_ms += LEASES_REWRITE_MS;
	assert_int_equal(mkdirat(dir_fd, "mappings.new", 0700), 0);
	for (i = 0; i < 70; i++) {
		q.rule.int_port++;
		assert_int_equal(set(&q), 0);
	}
	assert_int_equal(leases_tick(ls, &clk), -EEXIST);
	q.rule.int_port++;
	assert_int_equal(set(&q), 0);
	unlinkat(dir_fd, "mappings.new", AT_REMOVEDIR);
	clk.mono_ms += 59999;
	assert_int_equal(leases_tick(ls, &clk), 0);
	assert_int_equal(lines(), 73);
	clk.mono_ms += 1;
	assert_int_equal(leases_tick(ls, &clk), 0);
	assert_int_equal(lines(), 3);
}

static off_t size_of(const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(dir_fd, name, &st, 0), 0);
	return st.st_size;
}

/* Would the next engine read the table from the file, if this one crashed? */
static void file_is_the_table(void)
{
	struct portmap *read = portmap_new(100, 100);
	struct leases_met read_met = { 0 };
	struct portmap *table[NAT_KINDS] = { [NAT_PORTMAP] = read };
	struct leaseread rd = { .table = table, .clock = &clk,
				.met = &read_met };
	int fd = openat(dir_fd, "mappings", O_RDONLY);

	assert_int_equal(leaseread_scan(&rd, fd), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(leaseread_run(&rd, fd), 0);
	close(fd);
	assert_int_equal(portmap_count(read), portmap_count(pm));
	for (size_t i = 0; i < portmap_count(pm); i++) {
		const struct pm_entry *a, *b;

		a = portmap_entry(pm, portmap_at(pm, i));
		b = portmap_entry(read, portmap_find(read, &a->rule));
		assert_non_null(b);
		assert_true(nat_rule_equal(&a->rule, &b->rule));
	}
	portmap_free(read);
}

/* Changes of every kind, as fast as a client can make them: the file has a
 * limit, and a crash after any change loses none. */
static void test_full_file_is_rewritten_at_once(void **state)
{
	struct pm_req q = req(A, 1), r = req(A, 2), t = req(B, 3);
	const size_t max = LEASES_LINES + LEASES_LINES_EACH * 3;
	size_t rewrites = 0, before = 0, now;

	open_it();
	set(&r);
	for (int i = 0; i < 3000; i++) {
		q.rule.int_port = (uint16_t)(1 + i);
		assert_int_equal(set(&q), 0);
		assert_int_equal(leases_tick(ls, &clk), 0);
		assert_int_equal(i % 2 ? del(&t) : set(&t), 0);
		assert_int_equal(leases_tick(ls, &clk), 0);
		now = lines();
		assert_in_range(now, 2, max);
		rewrites += now < before;
		before = now;
		/* near the limit, where a change could be lost */
		if (i % 100 == 0 || now < 10 || now > LEASES_LINES)
			file_is_the_table();
	}
	/* it is rewritten after about 1,000 changes, not for each one */
	assert_in_range(rewrites, 5, 6);
}

/* The limit holds even if every rewrite fails; a clean stop tries once more. */
static void test_limit_holds_without_rewrites(void **state)
{
	struct pm_req q = req(A, 1);
	off_t full;

	open_it();
	assert_int_equal(mkdirat(dir_fd, "mappings.new", 0700), 0);
	for (int i = 0; i < 3000; i++) {
		q.rule.int_port = (uint16_t)(1 + i);
		assert_int_equal(set(&q), 0);
	}
	full = size_of("mappings");
	clk.mono_ms += LEASES_REWRITE_MS;
	assert_int_equal(leases_tick(ls, &clk), -EEXIST);
	q.rule.int_port++;
	assert_int_equal(set(&q), 0);
	assert_true(size_of("mappings") == full);
	unlinkat(dir_fd, "mappings.new", AT_REMOVEDIR);
	assert_int_equal(leases_save(ls, &clk), 0);
	reopen();
	same(&q, 0);
}

/* ---- renewals ------------------------------------------------------ */

/* After a crash the table has the lease that clients were promised, or a longer
 * one, but no more than a minute. */
static void crash(const struct pm_req *q, uint64_t promised_ms)
{
	const struct pm_entry *e;

	reopen();
	e = find(q);
	assert_non_null(e);
	assert_in_range(e->expires_ms, promised_ms,
			promised_ms + LEASES_LATE_MS);
}

static uint64_t renew(struct pm_req *q, uint32_t lease_s)
{
	q->lease_s = lease_s;
	assert_int_equal(set(q), 0);
	assert_int_equal(leases_tick(ls, &clk), 0);
	return clk.mono_ms + lease_s * 1000ull;
}

/* A client that renews as fast as it can writes a line in a minute. */
static void test_renewals_have_a_rate(void **state)
{
	struct pm_req q = req(A, 1);
	off_t before;

	open_it();
	renew(&q, 3600);
	before = size_of("mappings");
	for (int i = 0; i < 59999; i++) {
		clk.mono_ms++;
		renew(&q, 3600);
	}
	assert_int_equal(lines(), 4);		/* one mark */
	assert_true(size_of("mappings") < before + 16);
	assert_true(leases_due_ms(ls) == 5000001 + LEASES_LATE_MS);
	clk.mono_ms += 2;
	assert_int_equal(leases_tick(ls, &clk), 0);
	assert_int_equal(lines(), 6);
	assert_true(leases_due_ms(ls) == UINT64_MAX);
	reopen();
	same(&q, 5059999 + 3600000);		/* exactly */
}

/* Renewals that are due may be too many for the file. */
static void test_late_renewals_fill_the_file(void **state)
{
	struct pm_req q = req(A, 1), r[20];

	open_it();
	for (size_t i = 0; i < N(r); i++) {
		r[i] = req(B, (uint16_t)(100 + i));
		renew(&r[i], 3600);
	}
	clk.mono_ms++;
	for (size_t i = 0; i < N(r); i++)
		renew(&r[i], 3600);
	while (lines() < LEASES_LINES + LEASES_LINES_EACH * (N(r) + 1) - 3) {
		q.rule.int_port = (uint16_t)(1 + q.rule.int_port % 60000);
		assert_int_equal(set(&q), 0);
		assert_int_equal(leases_tick(ls, &clk), 0);
	}
	clk.mono_ms += LEASES_LATE_MS;
	ls->rewrite_ms = UINT64_MAX;	/* as if it was rewritten just now */
	assert_int_equal(leases_tick(ls, &clk), 0);
	assert_int_equal(lines(), 2 + N(r) + 1);
	assert_true(leases_due_ms(ls) == UINT64_MAX);
	reopen();
	for (size_t i = 0; i < N(r); i++)
		same(&r[i], 5000001 + 3600000);
}

/* Crash at each second of the life of a mapping that is renewed at any rate. */
static void test_promised_leases_survive_a_crash(void **state)
{
	static const unsigned every_s[] = { 1, 7, 31, 59, 60, 61, 100 };
	struct pm_req q = req(A, 1);
	uint64_t promised = 0;

	for (size_t i = 0; i < N(every_s); i++) {
		for (unsigned at = 0; at < 200; at += 3) {
			unlinkat(dir_fd, "mappings", 0);
			portmap_free(pm);
			pm = portmap_new(100, 100);
			open_it();
			for (unsigned s = 0; s <= at; s++) {
				clk.mono_ms += 1000;
				clk.wall_s++;
				if (s % every_s[i] == 0)
					promised = renew(&q, 110);
				leases_tick(ls, &clk);
			}
			crash(&q, promised);
			/* a second crash does not add more */
			crash(&q, promised);
		}
	}
}

/* The lease in the file has ended, but the client was promised more. */
static void test_ended_line_of_a_renewed_lease(void **state)
{
	struct pm_req q = req(A, 1), r = req(A, 2);

	open_it();
	renew(&q, 50);
	renew(&r, 20);
	clk.mono_ms += 40000;
	clk.wall_s += 40;
	renew(&q, 50);
	clk.mono_ms += 39000;
	clk.wall_s += 39;
	reopen();
	assert_non_null(find(&q));
	assert_true(find(&q)->expires_ms == 5000000 + 110000);
	/* the other one has at most a minute more */
	clk.mono_ms += 1000;
	reopen();
	assert_null(find(&r));
	clk.mono_ms += 30000;
	reopen();
	assert_null(find(&q));
}

static void test_ended_line_in_another_boot(void **state)
{
	struct pm_req q = req(A, 1);

	open_it();
	renew(&q, 50);
	clk.mono_ms += 40000;
	renew(&q, 50);
	other_boot(1700000109, 3000);
	same(&q, 4000);
	assert_true(find(&q)->expires_ms == 4000);
}

/* A stop writes all renewals: leases end as they should. */
static void test_stop_writes_renewals(void **state)
{
	struct pm_req q = req(A, 1);
	uint64_t promised;

	open_it();
	renew(&q, 50);
	clk.mono_ms += 40000;
	promised = renew(&q, 50);
	assert_int_equal(leases_save(ls, &clk), 0);
	assert_true(leases_due_ms(ls) == UINT64_MAX);
	reopen();
	same(&q, promised);
	clk.mono_ms = promised;
	reopen();
	assert_null(find(&q));
}

/* The longest lease must not become too long for the file. */
static void test_longest_lease_survives_crashes(void **state)
{
	struct pm_req q = req(A, 1);

	open_it();
	renew(&q, PM_LEASE_MAX_S);
	clk.mono_ms++;
	renew(&q, PM_LEASE_MAX_S);
	for (int i = 0; i < 3; i++) {
		reopen();
		assert_int_equal(met.dropped, 0);
		same(&q, clk.mono_ms + PM_LEASE_MAX_S * 1000ull);
	}
}

/* Anything but a little longer lease is written at once. */
static void test_other_changes_are_written_at_once(void **state)
{
	struct pm_req q = req(A, 1);
	size_t n;

	open_it();
	renew(&q, 1000);
	n = lines();
	clk.mono_ms += 1000;
	renew(&q, 1000);			/* only the mark */
	assert_int_equal(lines(), n + 1);
	renew(&q, 990);				/* shorter */
	assert_int_equal(lines(), n + 2);
	renew(&q, 2000);			/* much longer */
	assert_int_equal(lines(), n + 3);
	renew(&q, 0);				/* without end */
	assert_int_equal(lines(), n + 4);
	clk.mono_ms += 1000;
	renew(&q, 0);				/* nothing changed */
	assert_int_equal(lines(), n + 4);
	strcpy(q.desc, "new");
	renew(&q, 0);
	assert_int_equal(lines(), n + 5);
	q.enabled = false;
	renew(&q, 0);
	assert_int_equal(lines(), n + 6);
	portmap_suspend(pm, portmap_find(pm, &q.rule), clk.mono_ms + 5000);
	leases_set(ls, find(&q), &clk);
	assert_int_equal(lines(), n + 7);
}

/* The configuration takes the mapping's place, and gives it back. */
static void test_mapping_after_a_configured_one_is_written(void **state)
{
	struct pm_req q = req(A, 1), c = q;

	open_it();
	set(&q);
	c.configured = true;
	c.origin = ORIGIN_OPERATOR;
	assert_int_equal(portmap_restore(pm, &c, 0), PM_DONE);
	assert_int_equal(leases_del(ls, &c.rule), 0);
	set(&q);
	reopen();
	same(&q, 0);
}

/* ---- a power failure ----------------------------------------------- */

/* Rewrite the file, and copy both. Return: the length of the new one */
static size_t two_files(struct pm_req *q, struct pm_req *r, char *now,
			char *before, size_t cap)
{
	unlinkat(dir_fd, "mappings", 0);
	portmap_free(pm);
	pm = portmap_new(100, 100);
	open_it();
	assert_int_equal(faccessat(dir_fd, "mappings.old", F_OK, 0), -1);
	set(q);
	change_often(r, 64);
	slurp_from("mappings.old", before, cap);
	return slurp(now, cap);
}

static ino_t inode(const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, 0) == 0 ? st.st_ino : 0;
}

/* Change the mapping until the file is rewritten. Return: the new file */
static ino_t fill_file(struct pm_req *q)
{
	const ino_t then = inode("mappings");

	for (int n = 0; inode("mappings") == then; n++) {
		assert_in_range(n, 0, LEASES_LINES * 2);
		q->rule.int_port = (uint16_t)(1 + q->rule.int_port % 60000);
		assert_int_equal(set(q), 0);
		assert_int_equal(leases_tick(ls, &clk), 0);
	}
	return inode("mappings");
}

/* However often the file is rewritten, the one that was synced at the start
 * stays, until a later one is on the disk. */
static void test_file_before_is_on_the_disk(void **state)
{
	struct pm_req q = req(A, 1);
	ino_t start, second, last;

	open_it();
	set(&q);
	start = inode("mappings");
	second = fill_file(&q);
	assert_true(inode("mappings.old") == start);
	for (int i = 0; i < 5; i++) {
		fill_file(&q);
		assert_true(inode("mappings.old") == start);
		assert_true(inode("mappings.before") == second);
	}
	clk.mono_ms += LEASES_DISK_MS - 1;
	last = fill_file(&q);
	assert_true(inode("mappings.old") == start);
	clk.mono_ms++;
	fill_file(&q);
	assert_true(inode("mappings.old") == second);
	assert_true(inode("mappings.before") == last);
	clk.mono_ms += 2 * LEASES_DISK_MS;
	last = inode("mappings");
	fill_file(&q);			/* both are on the disk now */
	assert_true(inode("mappings.old") == last);
	assert_true(inode("mappings.before") == 0);
	reopen();
	assert_true(inode("mappings.old") == 0);
	same(&q, 0);
}

/* What is not on the disk is lost, although its names are there. */
static void test_power_failure_in_a_flood_of_changes(void **state)
{
	struct pm_req q = req(A, 1), r = req(B, 2);

	open_it();
	set(&r);
	for (int i = 0; i < 5; i++)
		fill_file(&q);
	spit("", 0);
	spit_to("mappings.before", "", 0);
	reopen();
	assert_true(met.restored);
	same(&r, 0);
	assert_true(inode("mappings.old") == 0);
	assert_true(inode("mappings.before") == 0);
}

/* Of two whole files, the newer one is read. */
static void test_newest_whole_file_is_read(void **state)
{
	struct pm_req q = req(A, 1), r = req(B, 2), t = req(B, 3);

	open_it();
	set(&r);
	set(&q);
	fill_file(&q);
	del(&r);
	set(&t);
	fill_file(&q);
	spit("", 0);
	reopen();
	assert_true(met.restored);
	assert_null(find(&r));
	same(&t, 0);
}

/* The kernel had written only a part of the new file, or other parts than the
 * first ones. */
static void test_incomplete_file_is_replaced_by_the_one_before(void **state)
{
	static char now[1 << 14], before[1 << 14];
	struct pm_req q = req(A, 1), r = req(B, 2);
	size_t n = two_files(&q, &r, now, before, sizeof(now)), len;
	bool zeros;

	for (len = 0; len < 2 * n; len += 5) {
		zeros = len >= n;
		if (zeros)
			memset(now, '\0', len - n + 1);
		spit(now, zeros ? n : len);
		spit_to("mappings.old", before, strlen(before));
		reopen();
		/* the last line needs no line feed */
		assert_int_equal(met.restored, zeros || len < n - 1);
		assert_int_equal(met.whole, !met.restored);
		assert_int_equal(portmap_count(pm), 2);
		same(&q, 0);
		same(&r, 0);
		assert_int_equal(faccessat(dir_fd, "mappings.old", F_OK, 0),
				 -1);
	}
}

/* The kernel had written the first part and the last one. */
static void test_file_with_a_hole_is_not_complete(void **state)
{
	static char now[1 << 14], before[1 << 14];
	struct pm_req q = req(A, 1), r = req(B, 2);
	size_t n = two_files(&q, &r, now, before, sizeof(now));
	char *line = strchr(now, '\n') + 1;

	memset(line, '\0', (size_t)(strchr(line, '\n') - line));
	spit(now, n);
	reopen();
	assert_true(met.restored);
	assert_int_equal(portmap_count(pm), 2);
	same(&q, 0);
	same(&r, 0);
}

static void test_complete_file_is_read(void **state)
{
	static char now[1 << 14], before[1 << 14];
	struct pm_req q = req(A, 1), r = req(B, 2);

	two_files(&q, &r, now, before, sizeof(now));
	del(&q);
	reopen();
	assert_false(met.restored);
	assert_true(met.whole);
	assert_int_equal(portmap_count(pm), 1);
	same(&r, 0);
}

/* Whoever deletes the file wants no mappings, and a file that is not ours stays
 * as it is. */
static void test_file_before_does_not_replace_others(void **state)
{
	static char now[1 << 14], before[1 << 14];
	struct pm_req q = req(A, 1), r = req(B, 2);
	char buf[256] = "";

	two_files(&q, &r, now, before, sizeof(now));
	unlinkat(dir_fd, "mappings", 0);
	reopen();
	assert_false(met.whole);
	assert_int_equal(portmap_count(pm), 0);
	reopen();
	assert_true(met.whole);
	two_files(&q, &r, now, before, sizeof(now));
	add_line(buf, sizeof(buf), "upnpd-leases 3 boot=" BOOT);
	spit(buf, strlen(buf));
	reopen();
	assert_true(met.aside);
	assert_false(met.restored);
	assert_false(met.whole);
	two_files(&q, &r, now, before, sizeof(now));
	unlinkat(dir_fd, "mappings", 0);
	assert_int_equal(mkdirat(dir_fd, "mappings", 0700), 0);
	portmap_free(pm);
	pm = portmap_new(100, 100);
	assert_int_equal(open_it(), -EISDIR);
	unlinkat(dir_fd, "mappings", AT_REMOVEDIR);
}

/* Without a usable file before, lines of the incomplete one are read. */
static void test_two_incomplete_files(void **state)
{
	static char now[1 << 14], before[1 << 14];
	struct pm_req q = req(A, 1), r = req(B, 2);
	size_t n = two_files(&q, &r, now, before, sizeof(now));

	spit(now, n - 3);
	spit_to("mappings.old", "", 0);
	reopen();
	assert_false(met.restored);
	assert_false(met.whole);
	assert_int_equal(portmap_count(pm), 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_first_start_creates_the_file),
		T(test_file_has_its_form_byte_by_byte),
		T(test_mappings_are_read_back),
		T(test_nonces_are_read_back),
		T(test_file_without_nonces_is_read),
		T(test_order_and_changes_are_read_back),
		T(test_control_characters_are_replaced),
		T(test_functions_accept_null),
		T(test_ended_leases_are_dropped_in_the_same_boot),
		T(test_wall_clock),
		T(test_wall_clock_last_second), T(test_wall_clock_ended),
		T(test_wall_clock_in_the_past), T(test_wall_clock_negative),
		T(test_wall_clock_far_ahead),
		T(test_leases_are_right_after_two_boots),
		T(test_file_may_be_cut_at_every_byte),
		T(test_changed_byte_affects_only_its_line),
		T(test_random_file_has_no_mappings),
		T(test_invalid_lines_are_dropped),
		T(test_pinholes_without_a_table),
		T(test_invalid_bytes_are_dropped),
		T(test_long_lines_are_skipped),
		T(test_end_of_a_long_line_is_not_a_line),
		T(test_longest_line_is_read),
		T(test_without_head_the_wall_clock_is_used),
		T(test_mappings_above_the_limit_are_dropped),
		T(test_version1_is_converted), T(test_version1_of_another_boot),
		T(test_version1_is_converted_again_after_a_kill),
		T(test_version1_of_a_later_run_wins),
		T(test_version1_stays_on_a_full_disk),
		T(test_changes_after_a_failed_merge_win),
		T(test_version1_is_removed_without_room_for_a_note),
		T(test_version1_with_bad_lines),
		T(test_unreadable_version1_is_not_replaced),
		T(test_file_of_a_newer_version_is_set_aside),
		T(test_unknown_fields_are_kept),
		T(test_unknown_field_in_the_head_is_ignored),
		T(test_unknown_fields_are_bounded),
		T(test_reported_port_is_kept),
		T(test_suspension_is_kept),
		T(test_overruled_mapping_is_kept),
		T(test_suspension_ends_while_stopped),
		T(test_suspension_is_kept_in_another_boot),
		T(test_changes_survive_a_kill),
		T(test_only_a_regular_file_is_opened),
		T(test_file_is_compacted),
		T(test_compaction_follows_the_number_of_changes),
		T(test_compaction_omits_ended_leases),
		T(test_configured_mappings_are_not_written),
		T(test_partly_written_line_is_repaired),
		T(test_full_disk_is_reported_once),
		T(test_rewrite_on_a_full_disk_has_a_rate),
		T(test_full_disk_at_the_start_loses_nothing),
		T(test_failed_rewrite_is_retried_after_a_minute),
		T(test_full_file_is_rewritten_at_once),
		T(test_limit_holds_without_rewrites),
		T(test_renewals_have_a_rate),
		T(test_late_renewals_fill_the_file),
		T(test_promised_leases_survive_a_crash),
		T(test_ended_line_of_a_renewed_lease),
		T(test_ended_line_in_another_boot),
		T(test_stop_writes_renewals),
		T(test_longest_lease_survives_crashes),
		T(test_other_changes_are_written_at_once),
		T(test_mapping_after_a_configured_one_is_written),
		T(test_file_before_is_on_the_disk),
		T(test_power_failure_in_a_flood_of_changes),
		T(test_newest_whole_file_is_read),
		T(test_incomplete_file_is_replaced_by_the_one_before),
		T(test_file_with_a_hole_is_not_complete),
		T(test_complete_file_is_read),
		T(test_file_before_does_not_replace_others),
		T(test_two_incomplete_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
