/* SPDX-License-Identifier: ISC */
/*
 * test_flows.c - the flows of a deleted rule are ended, all others stay, and
 * the walks over the kernel's flows have a limited rate. The rules, the
 * kernel's table of flows and the CPU clock are fakes in this file.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "base/limits.h"
#include "monitor/flows.h"
#include "tests/unit/logged.h"
#include "tests/unit/natfwtest.h"
#include "tests/wrap.h"

#define NOTES_MAX	4
#define START_MS	5000u

/* ---- fakes ----------------------------------------------------------- */

static struct nat_rule table[8];
static size_t table_n;

const struct nat_rule *natfw_lookup(const struct natfw *fw,
				    const struct nat_rule *key)
{
	for (size_t i = 0; i < table_n; i++)
		if (nat_rule_same_key(&table[i], key))
			return &table[i];
	return NULL;
}

/* Walks over the kernel's flows. */
static struct {
	unsigned n, parts;
	unsigned takes_ms;	/* of the processor, for a whole walk */
	unsigned left_ms;	/* of the walk that is under way */
	int err;
	struct conntrack_port port[NOTES_MAX];	/* of the last one */
	size_t port_n;
} walks;
static unsigned cpu_ms = 1900;

int conntrack_kill(struct conntrack_walk *w, struct conntrack_port *port,
		   size_t n, uint64_t max_us)
{
	unsigned ms;

	assert_in_range(n, w->open ? 0 : 1, NOTES_MAX);
	if (!w->open) {
		walks.n++;
		walks.left_ms = walks.takes_ms;
	}
	walks.parts++;
	memcpy(walks.port, port, n * sizeof(*port));
	walks.port_n = n;
	ms = max_us / 1000 < walks.left_ms ? (unsigned)(max_us / 1000) :
					     walks.left_ms;
	cpu_ms += n ? ms : 0;
	walks.left_ms -= n ? ms : walks.left_ms;
	w->open = walks.left_ms && !walks.err;
	return walks.err ? walks.err : w->open;
}

static struct {
	struct conntrack_port port;
	int rc;
	unsigned n;
} asked;

int conntrack_ask(const struct conntrack_port *p, uint16_t *ret)
{
	asked.port = *p;
	asked.n++;
	if (!asked.rc)
		*ret = 61000;
	return asked.rc;
}

/* Other clocks are real, because cmocka reads one. */
int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	if (clock != CLOCK_PROCESS_CPUTIME_ID)
		return __real_clock_gettime(clock, ret);
	ret->tv_sec = cpu_ms / 1000;
	ret->tv_nsec = (long)(cpu_ms % 1000) * 1000000;
	return 0;
}

/* ---- the module under test ------------------------------------------- */

static struct natfw fw;
static struct flows flows;

static int set_up(void **state)
{
	memset(&fw, 0, sizeof(fw));
	fw.env.ext = addr_ip4(EXT);
	memset(&walks, 0, sizeof(walks));
	table_n = 0;
	memset(&flows, 0, sizeof(flows));
	logged_open();
	return flows_open(&flows, &fw, NOTES_MAX);
}

static int tear_down(void **state)
{
	flows_close(&flows);
	flows_close(&flows);	/* does nothing */
	logged_close();
	return 0;
}

static void note(struct nat_rule r)
{
	flows_note(&flows, &r);
}

/* A rule is noted, and deleted by @now_ms. */
static void delete_rule(uint16_t ext_port, uint64_t now_ms)
{
	note(tcp(ext_port, HOST(2), ext_port));
	flows_end(&flows, now_ms);
}

/* ---- which flows ----------------------------------------------------- */

static void test_flows_of_a_deleted_rule_are_ended(void **state)
{
	note(rule(IPPROTO_UDP, PEER, 4000, HOST(2), 5000));
	flows_end(&flows, START_MS);
	assert_int_equal(walks.n, 1);
	assert_int_equal(walks.port_n, 1);
	assert_int_equal(walks.port[0].ext_ip, EXT);
	assert_int_equal(walks.port[0].remote, PEER);
	assert_int_equal(walks.port[0].client, HOST(2));
	assert_int_equal(walks.port[0].ext_port, 4000);
	assert_int_equal(walks.port[0].int_port, 5000);
	assert_int_equal(walks.port[0].proto, IPPROTO_UDP);
	assert_int_equal(flows.noted_n, 0);
}

/* Another rule with the same key but for the remote port still leads there. */
static void test_flows_of_a_deleted_remote_port_are_ended(void **state)
{
	const struct nat_rule peer = rule(IPPROTO_UDP, PEER, 4000, HOST(2),
					  5000);

	table[table_n++] = peer;
	table[table_n++] = from_port(peer, 3478);
	note(from_port(peer, 3478));
	note(from_port(peer, 3479));
	flows_end(&flows, START_MS);
	assert_int_equal(walks.port_n, 1);
	assert_int_equal(walks.port[0].remote, PEER);
	assert_int_equal(walks.port[0].remote_port, 3479);
}

static void test_port_of_a_flow_is_asked_for(void **state)
{
	const struct nat_rule peer = from_port(rule(IPPROTO_UDP, PEER, 0,
						    HOST(2), 5000), 3478);
	uint16_t port = 7;

	asked.rc = -ENOENT;
	assert_int_equal(flows_port(&flows, &peer, &port), -ENOENT);
	assert_int_equal(port, 7);
	asked.rc = 0;
	assert_int_equal(flows_port(&flows, &peer, &port), 0);
	assert_int_equal(port, 61000);
	assert_int_equal(asked.port.ext_ip, EXT);
	assert_int_equal(asked.port.client, HOST(2));
	assert_int_equal(asked.port.int_port, 5000);
	assert_int_equal(asked.port.remote, PEER);
	assert_int_equal(asked.port.remote_port, 3478);
	assert_int_equal(asked.port.proto, IPPROTO_UDP);
	fw.env.ext = (struct addr){ ADDR_NONE };
	assert_int_equal(flows_port(&flows, &peer, &port), -ENOENT);
	assert_int_equal(asked.n, 2);
}

/* It needs no external address. */
static void test_flows_of_a_deleted_pinhole_are_ended(void **state)
{
	struct nat_rule hole = pinhole(7, 8080);

	hole.remote_port = 99;
	hole.proto = IPPROTO_SCTP;
	fw.env.ext = (struct addr){ ADDR_NONE };
	note(hole);
	note(tcp(4000, HOST(2), 5000));
	flows_end(&flows, START_MS);
	assert_int_equal(walks.port_n, 1);
	assert_true(addr_equal(walks.port[0].client6, hole.client));
	assert_true(addr_equal(walks.port[0].remote6, addr_any()));
	assert_int_equal(walks.port[0].int_port, 8080);
	assert_int_equal(walks.port[0].remote_port, 99);
	assert_int_equal(walks.port[0].proto, IPPROTO_SCTP);
	walks.n = 0;
	table[table_n++] = hole;
	note(hole);
	flows_kill(&flows, START_MS);
	assert_int_equal(walks.n, 0);
}

static void test_flows_of_a_rule_that_stayed_are_kept(void **state)
{
	table[table_n++] = rule(IPPROTO_UDP, PEER, 4000, HOST(2), 5000);
	note(table[0]);
	flows_end(&flows, START_MS);
	assert_int_equal(walks.n, 0);
	assert_int_equal(flows.noted_n, 0);
}

static void test_flows_of_a_rule_that_leads_elsewhere_are_ended(void **state)
{
	table[table_n++] = tcp(4000, HOST(3), 5000);
	note(tcp(4000, HOST(2), 5000));
	flows_kill(&flows, START_MS);
	assert_int_equal(walks.n, 1);
	assert_int_equal(walks.port[0].client, HOST(2));
	note(tcp(4000, HOST(3), 5001));
	flows_kill(&flows, START_MS);
	assert_int_equal(walks.n, 2);
	assert_int_equal(walks.port[0].int_port, 5001);
}

static void test_only_deleted_rules_are_looked_for(void **state)
{
	table[table_n++] = tcp(4000, HOST(2), 4000);
	table[table_n++] = tcp(4002, HOST(2), 4002);
	for (uint16_t port = 4000; port < 4004; port++)
		note(tcp(port, HOST(2), port));
	flows_end(&flows, START_MS);
	assert_int_equal(walks.n, 1);
	assert_int_equal(walks.port_n, 2);
	assert_int_equal(walks.port[0].ext_port, 4001);
	assert_int_equal(walks.port[1].ext_port, 4003);
}

static void test_a_missing_rule_needs_no_walk(void **state)
{
	flows_note(&flows, NULL);
	flows_end(&flows, START_MS);
	flows_kill(&flows, START_MS);
	assert_int_equal(walks.n, 0);
}

/* Without an address the kernel had neither rule nor flow. */
static void test_no_external_address_no_flows(void **state)
{
	fw.env.ext = (struct addr){ 0 };
	delete_rule(4000, START_MS);
	assert_int_equal(flows.noted_n, 0);
	assert_int_equal(walks.n, 0);
}

/* Flows are ended at the external address that they came to, which may have
 * changed since. */
static void test_flows_are_ended_at_the_address_they_came_to(void **state)
{
	note(tcp(4000, HOST(2), 4000));
	fw.env.ext = addr_ip4(EXT + 1);
	flows_kill(&flows, START_MS);
	assert_int_equal(walks.port[0].ext_ip, EXT);
}

/* ---- how often ------------------------------------------------------- */

static void test_rules_deleted_in_a_burst_share_a_walk(void **state)
{
	delete_rule(4000, START_MS);
	assert_int_equal(walks.n, 1);
	assert_int_equal(flows.walk_gap_ms, FLOWS_GAP_MS);
	delete_rule(4001, START_MS + 1);
	delete_rule(4002, START_MS + FLOWS_GAP_MS - 1);
	assert_int_equal(walks.n, 1);
	assert_int_equal(flows.noted_n, 2);	/* for the owner's timer */
	delete_rule(4003, START_MS + FLOWS_GAP_MS);
	assert_int_equal(walks.n, 2);
	assert_int_equal(walks.port_n, 3);
	assert_int_equal(flows.noted_n, 0);
	delete_rule(4004, START_MS + 2 * FLOWS_GAP_MS - 1);
	assert_int_equal(walks.n, 2);
}

static void test_the_timer_of_the_owner_ends_a_burst(void **state)
{
	delete_rule(4000, START_MS);
	delete_rule(4001, START_MS + 1);
	flows_kill(&flows, START_MS + 2);
	assert_int_equal(walks.n, 2);
	assert_int_equal(walks.port[0].ext_port, 4001);
}

static void test_a_rule_that_is_set_again_keeps_its_flows(void **state)
{
	delete_rule(4000, START_MS);
	delete_rule(4001, START_MS + 1);
	table[table_n++] = tcp(4001, HOST(2), 4001);
	flows_kill(&flows, START_MS + 2);
	assert_int_equal(walks.n, 1);
	assert_int_equal(flows.noted_n, 0);
}

static void test_without_a_clock_each_change_is_a_walk(void **state)
{
	delete_rule(4000, 0);
	delete_rule(4001, 0);
	assert_int_equal(walks.n, 2);
}

/* The longer a walk, the longer the gap, so that the CPU is left to others. */
static void test_a_long_walk_makes_a_long_gap(void **state)
{
	static const struct {
		unsigned takes_ms, gap_ms;
	} c[] = {
		{ 0, FLOWS_GAP_MS }, { 4, FLOWS_GAP_MS },
		{ 5, 5 * FLOWS_GAP_WALKS }, { 6, 6 * FLOWS_GAP_WALKS },
		{ 49, 49 * FLOWS_GAP_WALKS }, { 50, FLOWS_GAP_MAX_MS },
		{ 51, FLOWS_GAP_MAX_MS }, { 3000, FLOWS_GAP_MAX_MS },
	};
	uint64_t now_ms = START_MS;

	for (size_t i = 0; i < COUNT(c); i++) {
		walks.takes_ms = c[i].takes_ms;
		delete_rule(4000, now_ms);
		flows_kill(&flows, now_ms);	/* the rest of the walk */
		assert_int_equal(walks.n, 2 * i + 1);
		assert_int_equal(flows.walk_gap_ms, c[i].gap_ms);
		delete_rule(4001, now_ms + c[i].gap_ms - 1);
		assert_int_equal(walks.n, 2 * i + 1);
		now_ms += c[i].gap_ms;
		delete_rule(4002, now_ms);
		flows_kill(&flows, now_ms);
		assert_int_equal(walks.n, 2 * i + 2);
		now_ms += FLOWS_GAP_MAX_MS;
	}
}

static void test_a_walk_is_forced_when_there_is_no_room(void **state)
{
	delete_rule(4000, START_MS);
	delete_rule(4001, START_MS + 1);
	delete_rule(4002, START_MS + 1);
	flows_room(&flows, 2, START_MS + 2);	/* just fits */
	assert_int_equal(walks.n, 1);
	flows_room(&flows, 3, START_MS + 2);
	assert_int_equal(walks.n, 2);
	assert_int_equal(walks.port_n, 2);
	assert_int_equal(flows.noted_n, 0);
	flows_room(&flows, NOTES_MAX, START_MS + 2);
	assert_int_equal(walks.n, 2);
}

/* ---- a walk in parts ------------------------------------------------- */

#define PART_MS		(FLOWS_PART_US / 1000)

/* Begin a walk of @parts parts by deleting a rule. */
static uint64_t begin(unsigned parts)
{
	walks.takes_ms = parts * PART_MS;
	delete_rule(4000, START_MS);
	assert_int_equal(walks.parts, 1);
	return START_MS;
}

/* The owner's timer. */
static uint64_t pass(uint64_t now_ms)
{
	now_ms += flows.walk_gap_ms;
	flows_end(&flows, now_ms);
	return now_ms;
}

/* A table so full that a walk takes 2.2 s: no call takes longer than a part,
 * and each leaves a pause for other requests. */
static void test_a_long_walk_has_parts(void **state)
{
	uint64_t now_ms = begin(220);
	unsigned before_ms;

	for (unsigned i = 2; i <= 220; i++) {
		assert_int_equal(flows.noted_n, 1);	/* more is left */
		assert_int_equal(flows.walk_gap_ms, FLOWS_PAUSE_MS);
		flows_end(&flows, now_ms + FLOWS_PAUSE_MS - 1);
		assert_int_equal(walks.parts, i - 1);
		before_ms = cpu_ms;
		now_ms = pass(now_ms);
		assert_int_equal(walks.parts, i);
		assert_int_equal(cpu_ms - before_ms, PART_MS);
		assert_int_equal(walks.port[0].ext_port, 4000);
	}
	assert_int_equal(walks.n, 1);
	assert_int_equal(flows.noted_n, 0);
	assert_int_equal(flows.walk_gap_ms, FLOWS_GAP_MAX_MS);
	pass(now_ms);
	assert_int_equal(walks.parts, 220);
}

/* It waits for the next walk, because the walk may be past its flows. */
static void test_a_rule_deleted_during_a_walk_waits(void **state)
{
	uint64_t now_ms = begin(3);

	delete_rule(4001, now_ms + 1);
	now_ms = pass(now_ms);
	assert_int_equal(walks.port_n, 1);
	delete_rule(4002, now_ms + FLOWS_PAUSE_MS);	/* a part */
	assert_int_equal(walks.port_n, 1);
	assert_int_equal(walks.port[0].ext_port, 4000);
	assert_int_equal(walks.parts, 3);
	assert_int_equal(flows.noted_n, 2);
	assert_int_equal(flows.walk_gap_ms, 3 * PART_MS * FLOWS_GAP_WALKS);
	pass(now_ms + FLOWS_PAUSE_MS);
	assert_int_equal(walks.n, 2);
	assert_int_equal(walks.port_n, 2);
	assert_int_equal(walks.port[0].ext_port, 4001);
	assert_int_equal(walks.port[1].ext_port, 4002);
}

static void test_a_rule_set_again_during_a_walk_keeps_its_flows(void **state)
{
	uint64_t now_ms;

	note(tcp(4001, HOST(2), 4001));
	now_ms = begin(4);
	assert_int_equal(walks.port_n, 2);
	table[table_n++] = tcp(4001, HOST(2), 4001);
	now_ms = pass(now_ms);
	assert_int_equal(walks.n, 1);
	assert_int_equal(walks.port_n, 1);
	assert_int_equal(walks.port[0].ext_port, 4000);
	table_n = 0;
	delete_rule(4001, now_ms);			/* the next walk's */
	now_ms = pass(now_ms);
	assert_int_equal(walks.port_n, 1);
	assert_int_equal(flows.noted_n, 2);
	now_ms = pass(now_ms);
	assert_int_equal(walks.n, 1);
	pass(now_ms);
	assert_int_equal(walks.n, 2);
	assert_int_equal(walks.port[0].ext_port, 4001);
}

/* The walk that nobody needs any more ends; the next one begins at the start
 * of the table. */
static void test_all_rules_set_again_end_the_walk(void **state)
{
	uint64_t now_ms = begin(3);

	table[table_n++] = tcp(4000, HOST(2), 4000);
	delete_rule(4001, now_ms + 1);
	now_ms = pass(now_ms);
	assert_int_equal(walks.port_n, 0);
	assert_false(flows.walk.open);
	assert_int_equal(flows.noted_n, 1);
	pass(now_ms);
	assert_int_equal(walks.n, 2);
	assert_int_equal(walks.port[0].ext_port, 4001);
}

/* Room is made without a walk if the noted rules were not deleted. */
static void test_room_after_all_rules_were_set_again(void **state)
{
	uint64_t now_ms = begin(3);

	for (uint16_t port = 4000; port < 4004; port++)
		table[table_n++] = tcp(port, HOST(2), port);
	for (uint16_t port = 4001; port < 4004; port++)
		note(tcp(port, HOST(2), port));
	flows_room(&flows, NOTES_MAX, now_ms);
	assert_int_equal(walks.parts, 1);
	table_n = 0;
	delete_rule(4001, now_ms + 1);
	assert_int_equal(walks.parts, 1);
	now_ms = pass(now_ms);
	assert_int_equal(walks.port_n, 0);		/* the end of the first */
	pass(now_ms);
	assert_int_equal(walks.n, 2);
	assert_int_equal(walks.port[0].ext_port, 4001);
}

static void test_a_walk_ends_at_once_when_there_is_no_room(void **state)
{
	begin(220);
	for (uint16_t port = 4001; port < 4004; port++)
		note(tcp(port, HOST(2), port));
	flows_room(&flows, 1, START_MS + 1);
	assert_int_equal(walks.n, 1);			/* one is enough */
	assert_int_equal(walks.parts, 2);
	assert_int_equal(flows.noted_n, 3);
	flows_room(&flows, NOTES_MAX, START_MS + 1);
	assert_int_equal(walks.n, 2);
	assert_int_equal(walks.port_n, 3);
	assert_int_equal(flows.noted_n, 0);
}

static void test_the_end_of_the_owner_ends_all_flows(void **state)
{
	begin(220);
	delete_rule(4001, START_MS + 1);
	flows_kill(&flows, START_MS + 2);
	assert_int_equal(walks.n, 2);
	assert_int_equal(walks.parts, 3);
	assert_int_equal(flows.noted_n, 0);
	assert_false(flows.walk.open);
}

static void test_a_walk_that_fails_is_over(void **state)
{
	uint64_t now_ms = begin(3);

	walks.err = -ENOBUFS;
	delete_rule(4001, now_ms + 1);
	now_ms = pass(now_ms);
	assert_int_equal(logged_count("may continue"), 1);
	assert_int_equal(flows.noted_n, 1);
	walks.err = 0;
	pass(now_ms);
	assert_int_equal(walks.n, 2);
	assert_int_equal(walks.port[0].ext_port, 4001);
}

/* ---- failures -------------------------------------------------------- */

static void test_each_reason_of_failure_is_logged_once(void **state)
{
	walks.err = -EPERM;
	for (unsigned i = 1; i <= 3; i++) {
		delete_rule(4000, i * 10000);
		assert_int_equal(walks.n, i);
		assert_int_equal(flows.noted_n, 0);	/* not tried again */
		assert_int_equal(logged_errors("<4>flows through deleted "
					       "mappings may continue: ",
					       EPERM),
				 1);
		assert_int_equal(logged_count("repeated"), 0);
	}
	walks.err = -ENOBUFS;
	delete_rule(4000, 40000);
	delete_rule(4000, 50000);
	assert_int_equal(logged_count("No buffer space"), 1);
	assert_int_equal(logged_count("repeated"), 0);
	walks.err = 0;
	logged_clear();
	delete_rule(4000, 60000);
	assert_int_equal(walks.n, 6);
	assert_int_equal(logged_count("flows"), 0);
}

static void check_not_tried_again(int err)
{
	walks.err = err;
	delete_rule(4000, START_MS);
	assert_int_equal(walks.n, 1);
	walks.err = 0;
	for (unsigned i = 1; i <= 3; i++) {
		delete_rule(4000, START_MS + i * 10000);
		assert_int_equal(flows.noted_n, 0);
	}
	assert_int_equal(walks.n, 1);
	assert_int_equal(logged_count("may continue"), 1);
}

static void test_a_kernel_without_conntrack_is_not_tried_again(void **state)
{
	check_not_tried_again(-EPROTONOSUPPORT);
}

static void test_a_kernel_that_cannot_end_flows_is_not_tried_again(void **state)
{
	check_not_tried_again(-EOPNOTSUPP);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_flows_of_a_deleted_rule_are_ended),
		TEST(test_flows_of_a_deleted_pinhole_are_ended),
		TEST(test_flows_of_a_deleted_remote_port_are_ended),
		TEST(test_port_of_a_flow_is_asked_for),
		TEST(test_flows_of_a_rule_that_stayed_are_kept),
		TEST(test_flows_of_a_rule_that_leads_elsewhere_are_ended),
		TEST(test_only_deleted_rules_are_looked_for),
		TEST(test_a_missing_rule_needs_no_walk),
		TEST(test_no_external_address_no_flows),
		TEST(test_flows_are_ended_at_the_address_they_came_to),
		TEST(test_rules_deleted_in_a_burst_share_a_walk),
		TEST(test_the_timer_of_the_owner_ends_a_burst),
		TEST(test_a_rule_that_is_set_again_keeps_its_flows),
		TEST(test_without_a_clock_each_change_is_a_walk),
		TEST(test_a_long_walk_makes_a_long_gap),
		TEST(test_a_walk_is_forced_when_there_is_no_room),
		TEST(test_a_long_walk_has_parts),
		TEST(test_a_rule_deleted_during_a_walk_waits),
		TEST(test_a_rule_set_again_during_a_walk_keeps_its_flows),
		TEST(test_all_rules_set_again_end_the_walk),
		TEST(test_room_after_all_rules_were_set_again),
		TEST(test_a_walk_ends_at_once_when_there_is_no_room),
		TEST(test_the_end_of_the_owner_ends_all_flows),
		TEST(test_a_walk_that_fails_is_over),
		TEST(test_each_reason_of_failure_is_logged_once),
		TEST(test_a_kernel_without_conntrack_is_not_tried_again),
		TEST(test_a_kernel_that_cannot_end_flows_is_not_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
