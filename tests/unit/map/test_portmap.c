/* SPDX-License-Identifier: ISC */
/*
 * test_portmap.c - the mapping table commits only what the kernel has, keeps
 * its limits and its order, and ends leases in time: each rule of portmap.h
 * alone, then random histories against a naive model of table and kernel.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/clientcount.h"
#include "map/expiry.h"
#include "map/portmap.h"
#include "tests/unit/pmtest.h"

#define A	0xc0a80102u
#define B	0xc0a80103u
#define HOST	0xcb007109u
#define N(a)	(sizeof(a) / sizeof((a)[0]))

static struct portmap *pm;
static uint64_t now = 1000000;

static int set_up(void **state)
{
	now = 1000000;
	pm = portmap_new(8, 6);
	return pm != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	portmap_free(pm);
	return 0;
}

static const char *desc(uint16_t slot)
{
	static char buf[PM_DESC_MAX + 1];

	return portmap_desc(pm, portmap_entry(pm, slot), buf).p;
}

static uint16_t add(const struct pm_req *q, int want)
{
	uint16_t slot = PM_NONE;

	assert_int_equal(portmap_add(pm, q, now, &slot), want);
	if (want == PM_STARTED || want == PM_BUSY || want == PM_DONE)
		assert_int_not_equal(slot, PM_NONE);
	else
		assert_int_equal(slot, PM_NONE);
	return slot;
}

static struct nat_op_id next_op(enum nat_verb verb, const struct nat_rule *rule)
{
	struct nat_op op;
	struct nat_op_id id;

	assert_true(portmap_next_op(pm, &op, &id));
	assert_int_equal(op.verb, verb);
	assert_true(nat_rule_equal(&op.rule, rule));
	return id;
}

static void no_op(void)
{
	struct nat_op op;
	struct nat_op_id id;

	assert_false(portmap_next_op(pm, &op, &id));
}

static enum pm_change done(struct nat_op_id id, enum nat_err err,
			   uint16_t slot)
{
	struct nat_rule gone;
	enum pm_change change;
	uint16_t got = 1234;

	change = portmap_done(pm, id, err, now, &got, &gone);
	assert_int_equal(got, slot);
	return change;
}

/* Add a mapping, and let the kernel accept it. */
static uint16_t made(const struct pm_req *q)
{
	uint16_t slot = add(q, PM_STARTED);

	assert_int_equal(done(next_op(NAT_SET, &q->rule), NAT_OK, slot),
			 PM_ADDED);
	return slot;
}

/* Renew an enabled mapping, and let the kernel accept it. */
static uint16_t renewed(const struct pm_req *q)
{
	uint16_t slot = add(q, PM_STARTED);

	assert_int_equal(done(next_op(NAT_SET, &q->rule), NAT_OK, slot),
			 PM_UPDATED);
	return slot;
}

static uint64_t expire(void)
{
	uint64_t next = 0;

	portmap_expire(pm, now, &next, NULL, NULL);
	return next;
}

/* ---- one rule at a time -------------------------------------------- */

static void test_new_table_is_empty(void **state)
{
	struct portmap *p;

	assert_null(portmap_new(0, 1));
	assert_null(portmap_new(PM_MAPPINGS_LIMIT + 1, 1));
	assert_null(portmap_new(SIZE_MAX, 1));
	p = portmap_new(PM_MAPPINGS_LIMIT, 1);
	assert_non_null(p);
	portmap_free(p);
	portmap_free(NULL);
	assert_int_equal(portmap_count(pm), 0);
	assert_int_equal(portmap_at(pm, 0), PM_NONE);
	assert_null(portmap_entry(pm, 0));
	assert_null(portmap_entry(pm, PM_NONE));
	assert_true(expire() == UINT64_MAX);
	no_op();
}

static void test_add_commits_on_ok(void **state)
{
	struct pm_req q = req(A, 8080);
	uint16_t slot = add(&q, PM_STARTED);
	struct nat_op_id id;

	assert_int_equal(portmap_count(pm), 0);
	assert_int_equal(portmap_find(pm, &q.rule), PM_NONE);
	id = next_op(NAT_SET, &q.rule);
	no_op();
	assert_int_equal(portmap_count(pm), 0);
	assert_int_equal(done(id, NAT_OK, slot), PM_ADDED);
	assert_int_equal(portmap_count(pm), 1);
	assert_int_equal(portmap_at(pm, 0), slot);
	assert_int_equal(portmap_find(pm, &q.rule), slot);
	assert_int_equal(portmap_entry(pm, slot)->state, PM_ACTIVE);
	assert_int_equal(done(id, NAT_OK, PM_NONE), PM_NO_CHANGE);
}

static void test_failed_add_is_rolled_back(void **state)
{
	static const enum nat_err errs[] = { NAT_EFAIL, NAT_EREFUSED,
		NAT_ECONFLICT, NAT_ENOSPC, NAT_ENOADDR };
	struct pm_req q = req(A, 8080);
	uint16_t slot;
	size_t i;

	for (i = 0; i < N(errs); i++) {
		slot = add(&q, PM_STARTED);
		assert_int_equal(done(next_op(NAT_SET, &q.rule), errs[i],
				      slot), PM_NO_CHANGE);
		assert_int_equal(portmap_count(pm), 0);
		assert_null(portmap_entry(pm, slot));
	}
}

static void test_entry_has_the_fields_of_its_request(void **state)
{
	struct pm_req q = req(A, 8080);
	const struct pm_entry *e;
	uint16_t slot;

	q.lease_s = PM_LEASE_MAX_S;
	q.requester = addr_ip4(B);
	memset(q.desc, 'x', PM_DESC_MAX);
	slot = made(&q);
	e = portmap_entry(pm, slot);
	assert_true(nat_rule_equal(&e->rule, &q.rule));
	assert_true(e->enabled);
	assert_int_equal(addr_to_ip4(e->requester), B);
	assert_string_equal(desc(slot), q.desc);
	assert_true(e->expires_ms == now + 604800000);
}

/* A text of the maximum length, different for each number. */
static void fill_desc(struct pm_req *q, char first)
{
	memset(q->desc, 'x', PM_DESC_MAX);
	q->desc[0] = q->desc[PM_DESC_MAX - 1] = first;
}

/* The table is full, every spare slot is in use, and each description has the
 * maximum length: none is lost. */
static void test_full_table_holds_the_longest_descriptions(void **state)
{
	enum { FULL = PM_SPARE_SLOTS };
	static struct pm_req q[FULL];
	uint16_t slot[FULL];
	int i, again;

	portmap_free(pm);
	pm = portmap_new(FULL, FULL);
	for (i = 0; i < FULL; i++) {
		q[i] = req(A, (uint16_t)(1000 + i));
		fill_desc(&q[i], (char)('0' + i));
		slot[i] = made(&q[i]);
	}
	for (again = 1; again < 4; again++) {
		for (i = 0; i < FULL; i++) {
			assert_string_equal(desc(slot[i]), q[i].desc);
			q[i].rule.int_port++;	/* needs an op */
			fill_desc(&q[i], (char)('0' + (i + again) % FULL));
			slot[i] = add(&q[i], PM_STARTED);
		}
		for (i = 0; i < FULL; i++) {
			assert_string_equal(desc(slot[i]), q[i].desc);
			done(next_op(NAT_SET, &q[i].rule), NAT_OK, slot[i]);
		}
	}
	for (i = 0; i < FULL; i++)
		assert_string_equal(desc(slot[i]), q[i].desc);
}

/* However many renewals there are. */
static void test_renewal_reuses_the_room_of_its_description(void **state)
{
	struct pm_req q = req(A, 8080);
	int i;

	made(&q);
	for (i = 0; i < 1000; i++) {
		fill_desc(&q, (char)('0' + i % 64));
		assert_string_equal(desc(renewed(&q)), q.desc);
	}
}

static void test_disabled_mapping_needs_no_op(void **state)
{
	struct pm_req q = req(A, 8080);
	uint16_t slot, other;

	q.enabled = false;
	slot = add(&q, PM_DONE);
	no_op();
	assert_int_equal(portmap_find(pm, &q.rule), slot);
	q.rule.int_port = 99;	/* no op: there is no rule to change */
	assert_int_equal(add(&q, PM_DONE), slot);
	assert_int_equal(portmap_entry(pm, slot)->rule.int_port, 99);
	assert_int_equal(portmap_delete(pm, slot, &other), PM_DONE);
	assert_int_equal(portmap_count(pm), 0);
	no_op();
}

/* The monitor checks each renewal: somebody else may have the port now. */
static void test_renewal_needs_an_op(void **state)
{
	struct pm_req q = req(A, 8080);
	const struct pm_entry *e;
	uint16_t old, slot;

	q.lease_s = 10;
	old = made(&q);
	now += 5000;
	q.requester = addr_ip4(B);
	memcpy(q.desc, "new", 4);
	/* a renewal that fails changes nothing */
	slot = add(&q, PM_STARTED);
	assert_int_equal(done(next_op(NAT_SET, &q.rule), NAT_EFORWARDED, slot),
			 PM_NO_CHANGE);
	e = portmap_entry(pm, old);
	assert_true(e->expires_ms == now + 5000);
	assert_string_equal(desc(old), "");
	assert_int_equal(e->state, PM_ACTIVE);
	slot = renewed(&q);
	no_op();
	e = portmap_entry(pm, slot);
	assert_true(e->expires_ms == now + 10000);
	assert_string_equal(desc(slot), "new");
	assert_int_equal(addr_to_ip4(e->requester), B);
	assert_int_equal(portmap_count(pm), 1);
	q.lease_s = 0;
	assert_true(portmap_entry(pm, renewed(&q))->expires_ms == 0);
}

static void test_overwrite_keeps_the_old_mapping_until_committed(void **state)
{
	struct pm_req q[3] = { req(A, 1), req(A, 2), req(A, 3) };
	uint16_t old, slot;
	struct nat_op_id id;
	size_t i;

	for (i = 0; i < 3; i++)
		made(&q[i]);
	old = portmap_at(pm, 1);
	q[1].rule.int_port = 81;
	slot = add(&q[1], PM_STARTED);
	assert_int_not_equal(slot, old);
	id = next_op(NAT_SET, &q[1].rule);
	/* readers see the committed mapping */
	assert_int_equal(portmap_find(pm, &q[1].rule), old);
	assert_int_equal(portmap_entry(pm, old)->rule.int_port, 80);
	assert_int_equal(done(id, NAT_OK, slot), PM_UPDATED);
	assert_int_equal(portmap_count(pm), 3);
	assert_int_equal(portmap_at(pm, 1), slot);
	assert_int_equal(portmap_find(pm, &q[1].rule), slot);
	assert_int_equal(portmap_entry(pm, slot)->rule.int_port, 81);
	assert_null(portmap_entry(pm, old));
}

static void test_failed_overwrite_keeps_the_old_mapping(void **state)
{
	struct pm_req q = req(A, 8080);
	uint16_t old = made(&q), slot;

	q.rule.int_port = 81;
	slot = add(&q, PM_STARTED);
	done(next_op(NAT_SET, &q.rule), NAT_EFAIL, slot);
	assert_int_equal(portmap_find(pm, &q.rule), old);
	assert_int_equal(portmap_entry(pm, old)->rule.int_port, 80);
	assert_int_equal(portmap_count(pm), 1);
	add(&q, PM_STARTED);	/* the key is free again */
}

static void test_enabling_and_disabling_need_an_op(void **state)
{
	struct pm_req q = req(A, 8080);
	struct nat_rule rule = q.rule;
	uint16_t slot;

	made(&q);
	q.enabled = false;
	slot = add(&q, PM_STARTED);
	assert_true(portmap_entry(pm, portmap_at(pm, 0))->enabled);
	assert_int_equal(done(next_op(NAT_DEL, &rule), NAT_OK, slot),
			 PM_UPDATED);
	assert_false(portmap_entry(pm, portmap_at(pm, 0))->enabled);
	q.enabled = true;
	slot = add(&q, PM_STARTED);
	assert_int_equal(done(next_op(NAT_SET, &rule), NAT_OK, slot),
			 PM_UPDATED);
	assert_true(portmap_entry(pm, portmap_at(pm, 0))->enabled);
	assert_int_equal(portmap_count(pm), 1);
}

static void test_port_of_another_client_conflicts(void **state)
{
	struct pm_req a = req(A, 8080), b = req(B, 8080);

	made(&a);
	add(&b, REFUSAL_CONFLICT);
	b.rule.remote = addr_ip4(HOST);	/* whatever the remote hosts */
	add(&b, REFUSAL_CONFLICT);
	b.rule.proto = IPPROTO_UDP;
	made(&b);
	a.rule.remote = addr_ip4(HOST);	/* a second mapping of the client */
	made(&a);
	assert_int_equal(portmap_count(pm), 3);
}

/* ---- pinholes ------------------------------------------------------ */

/* TCP, to port 80 of a host. */
static struct pm_req pinhole(const char *client)
{
	struct pm_req q = req(0, 0);

	assert_true(addr_parse(str_z(client), &q.rule.client));
	q.rule.kind = NAT_PINHOLE;
	q.requester = q.rule.client;
	assert_true(nat_rule_sane(&q.rule));
	return q;
}

static void test_pinholes_of_two_hosts_have_the_same_port(void **state)
{
	struct pm_req a = pinhole("2001:db8::10"), b = pinhole("2001:db8::11");
	uint16_t slot = made(&a);

	assert_int_not_equal(made(&b), slot);
	assert_int_equal(portmap_find(pm, &a.rule), slot);
	assert_int_equal(portmap_count(pm), 2);
}

static void test_another_remote_host_or_port_is_another_pinhole(void **state)
{
	struct pm_req a = pinhole("2001:db8::10");
	uint16_t any = made(&a), host, port;

	assert_true(addr_parse(STR("2001:db8:1::9"), &a.rule.remote));
	host = made(&a);
	a.rule.remote_port = 5060;
	port = made(&a);
	assert_int_equal(portmap_count(pm), 3);
	assert_int_equal(portmap_find(pm, &a.rule), port);
	a.rule.remote_port = 0;
	assert_int_equal(portmap_find(pm, &a.rule), host);
	a.rule.remote = addr_any();
	assert_int_equal(portmap_find(pm, &a.rule), any);
	a.rule.int_port = 81;
	assert_int_equal(portmap_find(pm, &a.rule), PM_NONE);
}

static void test_the_same_pinhole_is_a_renewal(void **state)
{
	struct pm_req a = pinhole("2001:db8::10");
	uint16_t slot;

	made(&a);
	a.lease_s = 60;
	slot = renewed(&a);
	assert_int_equal(portmap_count(pm), 1);
	assert_int_equal(portmap_lease_left(portmap_entry(pm, slot), now), 60);
}

static void test_id_of_an_op_has_the_table_of_pinholes(void **state)
{
	struct pm_req a = pinhole("2001:db8::10");
	uint16_t slot = add(&a, PM_STARTED);
	struct nat_op_id id = next_op(NAT_SET, &a.rule);

	assert_int_equal(id.table, NAT_PINHOLE);
	id.table = NAT_PORTMAP;
	assert_int_equal(done(id, NAT_OK, PM_NONE), PM_NO_CHANGE);
	id.table = NAT_PINHOLE;
	assert_int_equal(done(id, NAT_OK, slot), PM_ADDED);
}

static void test_limit_per_client_is_for_one_ipv6_host(void **state)
{
	struct pm_req a = pinhole("2001:db8::10"), b = pinhole("2001:db8::11");

	for (uint16_t port = 1; port <= 6; port++) {
		a.rule.int_port = port;
		made(&a);
	}
	a.rule.int_port = 7;
	add(&a, REFUSAL_CLIENT_FULL);
	made(&b);
}

/* No slot is lost from its hash chain. */
static void test_many_pinholes_are_added_and_deleted(void **state)
{
	struct nat_rule gone;
	struct nat_op_id id;
	struct nat_op op;
	uint16_t slot;

	portmap_free(pm);
	pm = portmap_new(500, 500);
	for (int turn = 0; turn < 3; turn++) {
		struct pm_req q = pinhole("2001:db8::10");

		for (uint16_t i = 0; i < 500; i++) {
			q.rule.client.byte[15] = (uint8_t)i;
			q.rule.int_port = (uint16_t)(1 + i / 4);
			assert_int_equal(portmap_add(pm, &q, now, &slot),
					 PM_STARTED);
		}
		while (portmap_next_op(pm, &op, &id))
			portmap_done(pm, id, NAT_OK, now, &slot, &gone);
		assert_int_equal(portmap_count(pm), 500);
		for (uint16_t i = 0; i < 500; i++) {
			q.rule.client.byte[15] = (uint8_t)i;
			q.rule.int_port = (uint16_t)(1 + i / 4);
			slot = portmap_find(pm, &q.rule);
			assert_int_equal(portmap_delete(pm, slot, &slot),
					 PM_STARTED);
		}
		while (portmap_next_op(pm, &op, &id))
			portmap_done(pm, id, NAT_OK, now, &slot, &gone);
		assert_int_equal(portmap_count(pm), 0);
	}
}

/* ---- waiting, deleting and limits ---------------------------------- */

static void test_requests_wait_for_an_add_in_flight(void **state)
{
	struct pm_req a = req(A, 8080), b = req(B, 8080);
	uint16_t slot = add(&a, PM_STARTED);
	struct nat_op_id id;

	assert_int_equal(add(&a, PM_BUSY), slot);
	assert_int_equal(add(&b, PM_BUSY), slot);
	b.rule.remote = addr_ip4(HOST);
	assert_int_equal(add(&b, PM_BUSY), slot);
	a.rule.remote = addr_ip4(HOST);	/* another key of the same client */
	assert_int_not_equal(add(&a, PM_STARTED), slot);
	a.rule.remote = addr_any();
	id = next_op(NAT_SET, &a.rule);
	assert_int_equal(add(&a, PM_BUSY), slot);
	done(id, NAT_OK, slot);
	add(&b, REFUSAL_CONFLICT);
}

static void test_requests_wait_for_an_overwrite_in_flight(void **state)
{
	struct pm_req a = req(A, 8080), b = req(B, 8080);
	uint16_t old = made(&a), slot, got = PM_NONE;

	a.rule.int_port = 81;
	slot = add(&a, PM_STARTED);
	assert_int_equal(add(&a, PM_BUSY), slot);
	add(&b, REFUSAL_CONFLICT);	/* A keeps the port in any case */
	assert_int_equal(portmap_delete(pm, old, &got), PM_BUSY);
	assert_int_equal(got, slot);
	assert_int_equal(portmap_delete(pm, slot, &got), REFUSAL_NOT_FOUND);
	assert_false(portmap_forget(pm, &a.rule));
}

static void test_mapping_is_removed_after_the_kernel_answered(void **state)
{
	struct pm_req a = req(A, 8080), b = req(B, 8080);
	uint16_t slot = made(&a), got = PM_NONE;
	struct nat_rule gone;
	struct nat_op_id id;

	assert_int_equal(portmap_delete(pm, PM_NONE, &got), REFUSAL_NOT_FOUND);
	assert_int_equal(portmap_delete(pm, slot + 1, &got), REFUSAL_NOT_FOUND);
	assert_int_equal(portmap_delete(pm, slot, &got), PM_STARTED);
	assert_int_equal(got, slot);
	assert_int_equal(portmap_find(pm, &a.rule), slot);
	assert_int_equal(portmap_delete(pm, slot, &got), PM_BUSY);
	assert_int_equal(add(&a, PM_BUSY), slot);
	assert_int_equal(add(&b, PM_BUSY), slot);
	id = next_op(NAT_DEL, &a.rule);
	assert_int_equal(portmap_delete(pm, slot, &got), PM_BUSY);
	assert_int_equal(portmap_done(pm, id, NAT_OK, now, &got, &gone),
			 PM_REMOVED);
	assert_int_equal(got, slot);
	assert_true(nat_rule_equal(&gone, &a.rule));
	assert_int_equal(portmap_count(pm), 0);
	assert_int_equal(portmap_find(pm, &a.rule), PM_NONE);
	made(&b);
}

static void test_failed_delete_keeps_the_mapping(void **state)
{
	struct pm_req a = req(A, 8080);
	uint16_t slot = made(&a), got;

	portmap_delete(pm, slot, &got);
	assert_int_equal(done(next_op(NAT_DEL, &a.rule), NAT_EFAIL, slot),
			 PM_NO_CHANGE);
	assert_int_equal(portmap_entry(pm, slot)->state, PM_ACTIVE);
	assert_int_equal(portmap_delete(pm, slot, &got), PM_STARTED);
}

static void test_later_indexes_decrease_when_a_mapping_ends(void **state)
{
	struct pm_req q[5];
	uint16_t slot[5], got;
	size_t i;

	for (i = 0; i < 5; i++) {
		q[i] = req(A, (uint16_t)(100 + i));
		q[i].enabled = false;
		slot[i] = add(&q[i], PM_DONE);
	}
	portmap_delete(pm, slot[2], &got);
	portmap_delete(pm, slot[4], &got);
	portmap_delete(pm, slot[0], &got);
	assert_int_equal(portmap_count(pm), 2);
	assert_int_equal(portmap_at(pm, 0), slot[1]);
	assert_int_equal(portmap_at(pm, 1), slot[3]);
	assert_int_equal(portmap_at(pm, 2), PM_NONE);
	got = add(&q[0], PM_DONE);
	assert_int_equal(portmap_at(pm, 2), got);
}

static void test_table_and_clients_have_limits(void **state)
{
	struct pm_req q;
	uint16_t i;

	for (i = 0; i < 6; i++) {
		q = req(A, (uint16_t)(100 + i));
		i % 2 ? (void)made(&q) : (void)add(&q, PM_STARTED);
		if (i % 2 == 0)
			next_op(NAT_SET, &q.rule);
	}
	q = req(A, 200);
	add(&q, REFUSAL_CLIENT_FULL);
	q = req(A, 101);	/* an overwrite does not count */
	q.rule.int_port = 81;
	add(&q, PM_STARTED);
	q = req(B, 300);
	add(&q, PM_STARTED);
	q = req(B, 301);
	add(&q, PM_STARTED);
	q = req(B, 302);
	add(&q, REFUSAL_FULL);
	assert_int_equal(portmap_restore(pm, &q, 0), REFUSAL_FULL);
}

static void test_failed_add_does_not_count(void **state)
{
	struct pm_req q;
	uint16_t slot, i, n;

	for (n = 0; n < 3; n++)
		for (i = 0; i < 6; i++) {
			q = req(A, (uint16_t)(100 + i));
			slot = add(&q, PM_STARTED);
			done(next_op(NAT_SET, &q.rule), NAT_EFAIL, slot);
		}
	for (i = 0; i < 6; i++) {
		q = req(A, (uint16_t)(100 + i));
		made(&q);
	}
}

/* @A is at its limit. Every second new client shares the counter of @A, and may
 * still add mappings. */
static void test_clients_that_share_a_counter_have_own_limits(void **state)
{
	struct pm_req q;
	uint16_t first, got, i;
	uint32_t ip;

	portmap_free(pm);
	pm = portmap_new(4, 2);
	for (i = 0; i < 2; i++) {
		q = req(A, (uint16_t)(10 + i));
		q.enabled = false;
		add(&q, PM_DONE);
	}
	for (i = 1; i < 60; i++) {
		ip = A + i * (CLIENTCOUNT_PLACES / 2);
		q = req(ip, 20);
		q.enabled = false;
		first = add(&q, PM_DONE);
		assert_int_equal(portmap_delete(pm, first, &got), PM_DONE);
		q.rule.ext_port = 21;
		first = add(&q, PM_DONE);
		q.rule.ext_port = 22;
		add(&q, PM_DONE);
		q.rule.ext_port = 23;
		add(&q, REFUSAL_FULL);
		assert_int_equal(portmap_delete(pm, first, &got), PM_DONE);
		q.rule.ext_port = 22;
		assert_true(portmap_forget(pm, &q.rule));
		add(&q, PM_DONE);	/* freed slots do not count */
		assert_true(portmap_forget(pm, &q.rule));
	}
	q = req(A, 12);
	add(&q, REFUSAL_CLIENT_FULL);
}

/* Overwrites of a full table need the spare slots. The next overwrite fails,
 * and no mapping is lost. */
static void test_overwrites_of_a_full_table_are_limited(void **state)
{
	enum { SPARE = PM_SPARE_SLOTS, FULL = SPARE + 36 };
	struct portmap *small = pm;
	struct pm_req q;
	uint16_t i, slot = PM_NONE;

	pm = portmap_new(FULL, FULL);
	for (i = 0; i < FULL; i++) {
		q = req(A, (uint16_t)(100 + i));
		made(&q);
	}
	for (i = 0; i < FULL; i++) {
		q = req(A, (uint16_t)(100 + i));
		q.rule.int_port = 81;
		assert_int_equal(portmap_add(pm, &q, now, &slot),
				 i < SPARE ? PM_STARTED : REFUSAL_FIREWALL);
	}
	for (i = 0; i < SPARE; i++) {
		q = req(A, (uint16_t)(100 + i));
		q.rule.int_port = 81;
		slot = add(&q, PM_BUSY);
		done(next_op(NAT_SET, &q.rule), NAT_OK, slot);
	}
	q = req(A, 100 + FULL - 1);
	q.rule.int_port = 81;
	add(&q, PM_STARTED);
	assert_int_equal(portmap_count(pm), FULL);
	portmap_free(pm);
	pm = small;
}

static void test_restore_needs_no_op(void **state)
{
	struct pm_req a = req(A, 8080), b = req(B, 8080);
	uint16_t slot;

	assert_int_equal(portmap_restore(pm, &a, 0), PM_DONE);
	assert_int_equal(portmap_restore(pm, &b, 0), REFUSAL_CONFLICT);
	slot = portmap_find(pm, &a.rule);
	a.rule.int_port = 81;
	assert_int_equal(portmap_restore(pm, &a, now + 5), PM_DONE);
	assert_int_equal(portmap_find(pm, &a.rule), slot);
	assert_int_equal(portmap_entry(pm, slot)->rule.int_port, 81);
	no_op();
	assert_true(expire() == now + 5);
	assert_true(portmap_forget(pm, &a.rule));
	assert_false(portmap_forget(pm, &a.rule));
	assert_int_equal(portmap_count(pm), 0);
	assert_int_equal(portmap_restore(pm, &b, 0), PM_DONE);
	no_op();
}

static void test_renewal_of_a_restored_mapping(void **state)
{
	struct pm_req a = req(A, 8080);
	uint16_t slot;

	assert_int_equal(portmap_restore(pm, &a, 0), PM_DONE);
	slot = add(&a, PM_STARTED);
	assert_int_equal(done(next_op(NAT_SET, &a.rule), NAT_OK, slot),
			 PM_UPDATED);
	slot = add(&a, PM_STARTED);
	assert_int_equal(done(next_op(NAT_SET, &a.rule), NAT_OK, slot),
			 PM_UPDATED);
	a.enabled = false;		/* it has no rule to check */
	slot = add(&a, PM_STARTED);
	assert_int_equal(done(next_op(NAT_DEL, &a.rule), NAT_OK, slot),
			 PM_UPDATED);
	add(&a, PM_DONE);
	no_op();
}

static void test_reconfirm_does_not_change_a_mapping(void **state)
{
	struct pm_req a = req(A, 8080);
	char desc[PM_DESC_MAX + 1];
	uint16_t old, slot;

	assert_int_equal(portmap_restore(pm, &a, now + 5), PM_DONE);
	old = portmap_find(pm, &a.rule);
	assert_int_equal(portmap_reconfirm(pm, old, &slot), PM_STARTED);
	assert_int_equal(slot, old);
	assert_int_equal(portmap_reconfirm(pm, old, &slot), PM_BUSY);
	assert_true(portmap_has_rule(portmap_entry(pm, old)));
	assert_int_equal(done(next_op(NAT_SET, &a.rule), NAT_OK, slot),
			 PM_NO_CHANGE);
	assert_int_equal(portmap_reconfirm(pm, old, &slot), PM_STARTED);
	assert_int_equal(done(next_op(NAT_SET, &a.rule), NAT_EFAIL, slot),
			 PM_NO_CHANGE);
	assert_int_equal(portmap_entry(pm, slot)->state, PM_ACTIVE);
	assert_int_equal(portmap_count(pm), 1);
	assert_true(portmap_entry(pm, slot)->expires_ms == now + 5);
	assert_true(addr_equal(portmap_entry(pm, slot)->requester,
			       a.requester));
	assert_string_equal(portmap_desc(pm, portmap_entry(pm, slot), desc).p,
			    a.desc);
	no_op();
}

/* ---- data of the owner --------------------------------------------- */

static const char *note(uint16_t slot)
{
	static char buf[PM_NOTE_MAX + 1];

	return portmap_note(pm, portmap_entry(pm, slot), buf).p;
}

static void test_note_and_reported_port_stay_with_the_mapping(void **state)
{
	struct pm_req a = req(A, 8080);
	char longest[PM_NOTE_MAX + 1];
	uint16_t slot = made(&a), got;

	assert_string_equal(note(slot), "");
	assert_int_equal(portmap_entry(pm, slot)->told_port, 8080);
	memset(longest, 'n', PM_NOTE_MAX);
	longest[PM_NOTE_MAX] = '\0';
	portmap_set_note(pm, slot, str_z(longest));
	assert_string_equal(note(slot), longest);
	portmap_set_note(pm, slot, STR("one"));
	portmap_set_told(pm, slot, 40000);
	portmap_set_saved(pm, slot, (struct pm_saved){ 1, 2 });
	/* a renewal, an overwrite that fails, and one that works */
	a.lease_s = 60;
	slot = renewed(&a);
	assert_string_equal(note(slot), "one");
	assert_int_equal(portmap_entry(pm, slot)->saved.crc, 2);
	a.rule.int_port = 81;
	got = add(&a, PM_STARTED);
	done(next_op(NAT_SET, &a.rule), NAT_EFAIL, got);
	assert_string_equal(note(slot), "one");
	assert_int_equal(portmap_entry(pm, slot)->told_port, 40000);
	got = add(&a, PM_STARTED);
	done(next_op(NAT_SET, &a.rule), NAT_OK, got);
	assert_string_equal(note(got), "one");
	assert_int_equal(portmap_entry(pm, got)->told_port, 40000);
	assert_true(portmap_entry(pm, got)->saved.end_ms == 1);
	/* the next mapping of that port does not have them */
	portmap_delete(pm, got, &slot);
	done(next_op(NAT_DEL, &a.rule), NAT_OK, slot);
	slot = made(&a);
	assert_string_equal(note(slot), "");
	assert_int_equal(portmap_entry(pm, slot)->told_port, 8080);
	assert_int_equal(portmap_entry(pm, slot)->saved.crc, 0);
}

/* Every mapping may have the longest description and the longest note. */
static void test_full_table_holds_the_longest_notes(void **state)
{
	enum { FULL = 200 };
	char text[PM_NOTE_MAX + 1] = "";
	struct pm_req q;
	int i, again;

	portmap_free(pm);
	pm = portmap_new(FULL, FULL);
	for (again = 0; again < 8; again++) {
		for (i = 0; i < FULL; i++) {
			q = req(A, (uint16_t)(1 + i));
			fill_desc(&q, (char)('0' + i % 64));
			assert_int_equal(portmap_restore(pm, &q, 0), PM_DONE);
			memset(text, '0' + i % 64, PM_NOTE_MAX);
			portmap_set_note(pm, portmap_find(pm, &q.rule),
					 str_z(text));
		}
		for (i = 0; i < FULL; i++) {
			memset(text, '0' + i % 64, PM_NOTE_MAX);
			fill_desc(&q, (char)('0' + i % 64));
			assert_string_equal(
				note(portmap_at(pm, (size_t)i)), text);
			assert_string_equal(desc(portmap_at(pm, (size_t)i)),
					    q.desc);
		}
		while (portmap_count(pm) > 0)
			assert_true(portmap_forget(pm, &portmap_entry(pm,
					portmap_at(pm, 0))->rule));
	}
}

/* ---- unexpected answers -------------------------------------------- */

static void test_answers_with_wrong_ids_are_ignored(void **state)
{
	struct pm_req a = req(A, 8080);
	uint16_t slot = add(&a, PM_STARTED), got;
	struct nat_op_id id = { NAT_PORTMAP, slot, 1 }, other;

	/* still in the queue: there can be no answer yet */
	assert_int_equal(done(id, NAT_OK, PM_NONE), PM_NO_CHANGE);
	other = next_op(NAT_SET, &a.rule);
	assert_memory_equal(&other, &id, sizeof(id));
	other.generation++;
	assert_int_equal(done(other, NAT_OK, PM_NONE), PM_NO_CHANGE);
	other = id;
	other.slot++;
	assert_int_equal(done(other, NAT_OK, PM_NONE), PM_NO_CHANGE);
	other.slot = UINT16_MAX;
	assert_int_equal(done(other, NAT_OK, PM_NONE), PM_NO_CHANGE);
	other = id;
	other.table = NAT_PINHOLE;
	assert_int_equal(done(other, NAT_OK, PM_NONE), PM_NO_CHANGE);
	assert_int_equal(done(id, NAT_OK, slot), PM_ADDED);
	/* the answer to the add does not answer the delete */
	portmap_delete(pm, slot, &got);
	next_op(NAT_DEL, &a.rule);
	assert_int_equal(done(id, NAT_OK, PM_NONE), PM_NO_CHANGE);
	assert_int_equal(portmap_count(pm), 1);
}

/* ---- leases -------------------------------------------------------- */

static void test_rest_of_a_lease_is_rounded_up(void **state)
{
	struct pm_req q = req(A, 1);
	const struct pm_entry *e;

	e = portmap_entry(pm, made(&q));
	assert_int_equal(portmap_lease_left(e, now), 0);
	q.lease_s = 2;
	e = portmap_entry(pm, renewed(&q));
	assert_int_equal(portmap_lease_left(e, now), 2);
	assert_int_equal(portmap_lease_left(e, now + 1), 2);
	assert_int_equal(portmap_lease_left(e, now + 1000), 1);
	assert_int_equal(portmap_lease_left(e, now + 1999), 1);
	assert_int_equal(portmap_lease_left(e, now + 2000), 1);
	assert_int_equal(portmap_lease_left(e, now + 99999), 1);
	q.lease_s = PM_LEASE_MAX_S;
	e = portmap_entry(pm, renewed(&q));
	assert_int_equal(portmap_lease_left(e, now), PM_LEASE_MAX_S);
}

static void test_mapping_is_removed_when_its_lease_ends(void **state)
{
	struct pm_req q = req(A, 1), r = req(A, 2);
	uint16_t slot, got;
	struct nat_op_id id;

	q.lease_s = 2;
	slot = made(&q);
	r.lease_s = 100;
	made(&r);
	assert_true(expire() == now + 2000);
	no_op();
	now += 1999;
	assert_true(expire() == now + 1);
	no_op();
	now += 1;
	assert_true(expire() == now + 98000);
	id = next_op(NAT_DEL, &q.rule);
	assert_int_equal(portmap_count(pm), 2);
	assert_int_equal(portmap_find(pm, &q.rule), slot);
	assert_int_equal(add(&q, PM_BUSY), slot);
	assert_int_equal(portmap_delete(pm, slot, &got), PM_BUSY);
	expire();
	no_op();
	assert_int_equal(done(id, NAT_OK, slot), PM_REMOVED);
	assert_int_equal(portmap_count(pm), 1);
}

static void test_failed_removal_is_retried(void **state)
{
	struct pm_req q = req(A, 1), other = req(B, 1);
	uint16_t slot, got;
	int i;

	q.lease_s = 1;
	slot = made(&q);
	now += 1000;
	expire();
	for (i = 0; i < 3; i++) {
		done(next_op(NAT_DEL, &q.rule), NAT_EFAIL, slot);
		add(&q, REFUSAL_FIREWALL);
		add(&other, REFUSAL_FIREWALL);
		assert_int_equal(
			portmap_lease_left(portmap_entry(pm, slot), now), 1);
		assert_true(expire() == now + 5000);
		now += 4999;
		assert_true(expire() == now + 1);
		no_op();
		now += 1;
		expire();
	}
	done(next_op(NAT_DEL, &q.rule), NAT_EFAIL, slot);
	/* a delete need not wait for the retry */
	assert_int_equal(portmap_delete(pm, slot, &got), PM_STARTED);
	assert_int_equal(done(next_op(NAT_DEL, &q.rule), NAT_EFAIL, slot),
			 PM_NO_CHANGE);
	assert_int_equal(portmap_entry(pm, slot)->state, PM_EXPIRING);
	assert_true(expire() == now + 5000);
	now += 5000;
	expire();
	assert_int_equal(done(next_op(NAT_DEL, &q.rule), NAT_OK, slot),
			 PM_REMOVED);
	made(&other);
}

static unsigned gone_n;
static uint16_t gone_port[8];

static bool gone_shown;

static void gone(void *arg, const struct pm_snapshot *was)
{
	assert_ptr_equal(arg, &gone_n);
	gone_shown = portmap_is_shown(&was->entry);
	gone_port[gone_n++] = was->entry.rule.ext_port;
}

static void test_disabled_mapping_ends_without_an_op(void **state)
{
	struct pm_req q;
	uint64_t next;
	uint16_t i;

	for (i = 0; i < 4; i++) {
		q = req(A, (uint16_t)(10 + i));
		q.enabled = false;
		q.lease_s = i == 2 ? 0 : 1;
		add(&q, PM_DONE);
	}
	now += 1000;
	gone_n = 0;
	portmap_expire(pm, now, &next, gone, &gone_n);
	assert_int_equal(gone_n, 3);
	assert_int_equal(gone_port[0], 10);
	assert_int_equal(gone_port[1], 11);
	assert_int_equal(gone_port[2], 13);
	assert_true(gone_shown);
	assert_true(next == UINT64_MAX);
	assert_int_equal(portmap_count(pm), 1);
	assert_int_equal(portmap_entry(pm, portmap_at(pm, 0))->rule.ext_port,
			 12);
	no_op();
}

/* The result of the overwrite decides. If it fails, the old mapping must still
 * be removed. */
static void test_lease_ends_during_an_overwrite(void **state)
{
	struct pm_req q = req(A, 1), r;
	uint16_t old, slot;
	struct nat_op_id id;

	q.lease_s = 1;
	old = made(&q);
	r = q;
	r.rule.int_port = 81;
	slot = add(&r, PM_STARTED);
	id = next_op(NAT_SET, &r.rule);
	now += 1500;
	assert_true(expire() == UINT64_MAX);
	no_op();
	done(id, NAT_EFAIL, slot);
	assert_true(expire() == UINT64_MAX);
	done(next_op(NAT_DEL, &q.rule), NAT_OK, old);
	assert_int_equal(portmap_count(pm), 0);
}

static void test_lease_ends_during_a_delete(void **state)
{
	struct pm_req q = req(A, 1);
	uint16_t slot, got;
	struct nat_op_id id;

	q.lease_s = 1;
	slot = made(&q);
	portmap_delete(pm, slot, &got);
	id = next_op(NAT_DEL, &q.rule);
	now += 2000;
	assert_true(expire() == UINT64_MAX);
	no_op();
	done(id, NAT_EFAIL, slot);
	expire();
	done(next_op(NAT_DEL, &q.rule), NAT_OK, slot);
	assert_int_equal(portmap_count(pm), 0);
}

/* It includes changes since the last call. */
static void test_time_of_the_next_end_follows_changes(void **state)
{
	struct pm_req q = req(A, 1), r = req(A, 2);

	q.lease_s = 100;
	made(&q);
	assert_true(expire() == now + 100000);
	r.lease_s = 50;
	made(&r);
	assert_true(expire() == now + 50000);
	r.lease_s = 7;
	renewed(&r);
	assert_true(expire() == now + 7000);
	q.lease_s = 0;
	renewed(&q);
	r.lease_s = 0;
	renewed(&r);
	now += 200000;
	assert_true(expire() == UINT64_MAX);
	no_op();
}

/* ---- suspended ----------------------------------------------------- */

static void test_mapping_is_suspended_and_resumed(void **state)
{
	struct pm_req q = req(A, 8080), other = req(A, 8081), b = req(B, 8080);
	uint16_t slot, two;

	q.lease_s = 100;
	slot = made(&q);
	two = made(&other);
	assert_true(portmap_suspend(pm, slot, now + 5000000));
	assert_false(portmap_suspend(pm, slot, now));
	no_op();		/* the owner syncs */
	assert_false(portmap_is_shown(portmap_entry(pm, slot)));
	assert_int_equal(portmap_count(pm), 2);
	assert_int_equal(portmap_at(pm, 0), slot);
	assert_int_equal(portmap_shown_count(pm), 1);
	assert_int_equal(portmap_shown_at(pm, 0), two);
	assert_int_equal(portmap_shown_at(pm, 1), PM_NONE);
	assert_int_equal(portmap_lease_left(portmap_entry(pm, slot), now), 100);
	assert_int_equal(portmap_suspended_left(portmap_entry(pm, slot), now),
			 5000);
	/* the port is taken */
	add(&b, REFUSAL_CONFLICT);
	/* the op fails, then succeeds */
	assert_int_equal(portmap_resume(pm, slot), PM_STARTED);
	assert_int_equal(portmap_resume(pm, slot), PM_BUSY);
	assert_false(portmap_is_shown(portmap_entry(pm, slot)));
	assert_int_equal(done(next_op(NAT_SET, &q.rule), NAT_EFAIL, slot),
			 PM_NO_CHANGE);
	assert_int_equal(portmap_entry(pm, slot)->state, PM_SUSPENDED);
	assert_int_equal(portmap_resume(pm, slot), PM_STARTED);
	assert_int_equal(done(next_op(NAT_SET, &q.rule), NAT_OK, slot),
			 PM_UPDATED);
	assert_int_equal(portmap_entry(pm, slot)->state, PM_ACTIVE);
	assert_int_equal(portmap_shown_at(pm, 0), slot);
	assert_int_equal(portmap_suspended_left(portmap_entry(pm, slot), now),
			 0);
	assert_int_equal(portmap_resume(pm, slot), REFUSAL_NOT_FOUND);
	assert_true(portmap_entry(pm, slot)->expires_ms == now + 100000);
	no_op();
}

static void test_suspended_mapping_ends(void **state)
{
	struct pm_req q = req(A, 8080), r = req(A, 8081), s = req(A, 8082);
	uint64_t next;
	uint16_t slot;

	q.lease_s = 3;
	assert_true(portmap_suspend(pm, made(&q), now + 5000));
	r.lease_s = 100;
	slot = made(&r);
	assert_true(portmap_suspend(pm, slot, now + 4000));
	assert_true(portmap_suspend(pm, made(&s), UINT64_MAX));
	gone_n = 0;
	portmap_expire(pm, now, &next, gone, &gone_n);
	assert_true(next == now + 3000);
	now += 3000;
	portmap_expire(pm, now, &next, gone, &gone_n);
	assert_int_equal(gone_n, 1);
	assert_int_equal(gone_port[0], 8080);
	assert_false(gone_shown);
	assert_true(next == now + 1000);
	/* not while an op is in flight */
	assert_int_equal(portmap_resume(pm, slot), PM_STARTED);
	now += 1000;
	portmap_expire(pm, now, &next, gone, &gone_n);
	assert_int_equal(gone_n, 1);
	assert_true(next == UINT64_MAX);
	done(next_op(NAT_SET, &r.rule), NAT_EFAIL, slot);
	portmap_expire(pm, now, &next, gone, &gone_n);
	assert_int_equal(gone_n, 2);
	assert_int_equal(gone_port[1], 8081);
	/* without an end */
	now += UINT64_C(1000) * PM_LEASE_MAX_S;
	portmap_expire(pm, now, &next, gone, &gone_n);
	assert_int_equal(gone_n, 2);
	assert_true(next == UINT64_MAX);
	assert_int_equal(portmap_count(pm), 1);
	no_op();
}

static void test_suspended_mapping_is_deleted_without_an_op(void **state)
{
	struct pm_req q = req(A, 8080), r = req(A, 8081);
	uint16_t slot = made(&q), got;

	assert_true(portmap_suspend(pm, slot, now + 1000));
	assert_int_equal(portmap_delete(pm, slot, &got), PM_DONE);
	slot = made(&r);
	assert_true(portmap_suspend(pm, slot, now + 1000));
	assert_true(portmap_forget(pm, &r.rule));
	assert_int_equal(portmap_count(pm), 0);
	assert_int_equal(portmap_shown_count(pm), 0);
	no_op();
}

/* The same client adds the mapping again: it is active when the kernel has the
 * rule. */
static void test_suspended_mapping_can_be_overwritten(void **state)
{
	struct pm_req q = req(A, 8080);
	uint16_t slot = made(&q), got;

	assert_true(portmap_suspend(pm, slot, now + 1000));
	got = add(&q, PM_STARTED);
	assert_int_equal(portmap_shown_count(pm), 0);
	assert_int_equal(portmap_resume(pm, slot), PM_BUSY);
	done(next_op(NAT_SET, &q.rule), NAT_EFAIL, got);
	assert_int_equal(portmap_entry(pm, slot)->state, PM_SUSPENDED);
	got = add(&q, PM_STARTED);
	done(next_op(NAT_SET, &q.rule), NAT_OK, got);
	assert_int_equal(portmap_count(pm), 1);
	assert_int_equal(portmap_shown_count(pm), 1);
	assert_true(expiry_ms(portmap_entry(pm, got)) == UINT64_MAX);
	/* by the lease file, without an op */
	assert_true(portmap_suspend(pm, got, now + 1000));
	assert_int_equal(portmap_restore(pm, &q, 0), PM_DONE);
	assert_int_equal(portmap_shown_count(pm), 1);
	/* a suspended mapping can be reconfirmed */
	assert_true(portmap_suspend(pm, got, now + 1000));
	assert_int_equal(portmap_reconfirm(pm, got, &slot), PM_STARTED);
	done(next_op(NAT_SET, &q.rule), NAT_OK, slot);
	assert_int_equal(portmap_shown_count(pm), 1);
}

static void test_disabled_mapping_is_suspended_and_resumed(void **state)
{
	struct pm_req q = req(A, 8080);
	uint16_t slot;

	q.enabled = false;
	slot = add(&q, PM_DONE);
	assert_true(portmap_suspend(pm, slot, now + 1000));
	assert_int_equal(portmap_shown_count(pm), 0);
	assert_int_equal(portmap_resume(pm, slot), PM_DONE);
	assert_int_equal(portmap_shown_count(pm), 1);
	no_op();
}

static void test_mapping_with_an_op_in_flight_is_not_suspended(void **state)
{
	struct pm_req q = req(A, 8080);
	uint16_t slot = add(&q, PM_STARTED), got;

	assert_false(portmap_suspend(pm, slot, now + 1000));
	done(next_op(NAT_SET, &q.rule), NAT_OK, slot);
	portmap_delete(pm, slot, &got);
	assert_false(portmap_suspend(pm, slot, now + 1000));
	done(next_op(NAT_DEL, &q.rule), NAT_EFAIL, slot);
	q.rule.int_port = 99;
	got = add(&q, PM_STARTED);
	assert_false(portmap_suspend(pm, slot, now + 1000));
	done(next_op(NAT_SET, &q.rule), NAT_EFAIL, got);
	assert_true(portmap_suspend(pm, slot, now + 1000));
	assert_int_equal(portmap_resume(pm, PM_SPARE_SLOTS), REFUSAL_NOT_FOUND);
}

static void test_suspended_mappings_count_towards_the_limits(void **state)
{
	struct pm_req q;
	uint16_t i;

	for (i = 0; i < 6; i++) {
		q = req(A, (uint16_t)(10 + i));
		assert_true(portmap_suspend(pm, made(&q), UINT64_MAX));
	}
	q = req(A, 20);
	add(&q, REFUSAL_CLIENT_FULL);
	for (i = 0; i < 2; i++) {
		q = req(B, (uint16_t)(30 + i));
		made(&q);
	}
	q = req(B, 40);
	add(&q, REFUSAL_FULL);
}

/* ---- overruled ----------------------------------------------------- */

static void test_mapping_is_overruled_and_returns(void **state)
{
	struct pm_req q = req(A, 8080);
	const struct pm_entry *e;
	uint16_t slot;

	q.lease_s = 100;
	slot = made(&q);
	e = portmap_entry(pm, slot);
	assert_true(portmap_overrule(pm, slot));
	assert_false(portmap_overrule(pm, slot));
	no_op();
	/* clients see it, as disabled, and its lease continues */
	assert_true(portmap_is_shown(e));
	assert_int_equal(portmap_shown_count(pm), 1);
	assert_false(portmap_is_suspended(e));
	assert_false(portmap_in_force(e));
	assert_false(portmap_has_rule(e));
	assert_true(expire() == now + 100000);
	assert_int_equal(portmap_resume(pm, slot), PM_STARTED);
	assert_int_equal(done(next_op(NAT_SET, &q.rule), NAT_EFORWARDED, slot),
			 PM_NO_CHANGE);
	assert_true(e->overruled);
	assert_int_equal(portmap_resume(pm, slot), PM_STARTED);
	assert_int_equal(portmap_resume(pm, slot), PM_BUSY);
	assert_int_equal(done(next_op(NAT_SET, &q.rule), NAT_OK, slot),
			 PM_UPDATED);
	assert_true(portmap_in_force(e));
	assert_true(portmap_has_rule(e));
	assert_int_equal(portmap_resume(pm, slot), REFUSAL_NOT_FOUND);
	/* it ends with its lease, without an op */
	assert_true(portmap_overrule(pm, slot));
	now += 100000;
	expire();
	no_op();
	assert_int_equal(portmap_count(pm), 0);
}

/* A renewal asks the monitor again. The next mapping in that slot is not
 * overruled. */
static void test_overruled_mapping_is_renewed_and_deleted(void **state)
{
	struct pm_req q = req(A, 8080);
	uint16_t slot = made(&q), got;

	assert_true(portmap_overrule(pm, slot));
	got = add(&q, PM_STARTED);
	done(next_op(NAT_SET, &q.rule), NAT_ECONFLICT, got);
	assert_true(portmap_entry(pm, slot)->overruled);
	slot = renewed(&q);
	assert_true(portmap_in_force(portmap_entry(pm, slot)));
	assert_true(portmap_overrule(pm, slot));
	assert_int_equal(portmap_delete(pm, slot, &got), PM_DONE);
	no_op();
	assert_int_equal(portmap_count(pm), 0);
	assert_true(portmap_in_force(portmap_entry(pm, made(&q))));
	q = req(A, 8081);
	q.enabled = false;		/* it has no rule to lose */
	assert_false(portmap_overrule(pm, add(&q, PM_DONE)));
}

/* The monitor removed the rule before it received the op. */
static void test_mapping_is_overruled_while_an_op_is_in_flight(void **state)
{
	struct pm_req q = req(A, 8080);
	uint16_t slot = made(&q), got;
	struct nat_op_id id;

	assert_int_equal(portmap_reconfirm(pm, slot, &got), PM_STARTED);
	id = next_op(NAT_SET, &q.rule);
	assert_true(portmap_overrule(pm, slot));
	assert_int_equal(done(id, NAT_EFORWARDED, slot), PM_NO_CHANGE);
	assert_int_equal(portmap_entry(pm, slot)->state, PM_SUSPENDED);
	assert_int_equal(portmap_resume(pm, slot), PM_STARTED);
	done(next_op(NAT_SET, &q.rule), NAT_OK, slot);
	got = add(&q, PM_STARTED);
	id = next_op(NAT_SET, &q.rule);
	assert_true(portmap_overrule(pm, slot));
	assert_int_equal(done(id, NAT_EFORWARDED, got), PM_NO_CHANGE);
	assert_true(portmap_entry(pm, slot)->overruled);
	slot = renewed(&q);
	assert_int_equal(portmap_delete(pm, slot, &got), PM_STARTED);
	id = next_op(NAT_DEL, &q.rule);
	assert_true(portmap_overrule(pm, slot));
	assert_int_equal(done(id, NAT_EFAIL, slot), PM_NO_CHANGE);
	assert_int_equal(portmap_entry(pm, slot)->state, PM_SUSPENDED);
	assert_int_equal(portmap_delete(pm, slot, &got), PM_DONE);
}

/* The network goes and returns, and meanwhile somebody else has the port. */
static void test_suspended_mapping_becomes_overruled(void **state)
{
	struct pm_req q = req(A, 8080);
	uint16_t slot = made(&q);
	const struct pm_entry *e = portmap_entry(pm, slot);

	assert_true(portmap_overrule(pm, slot));
	assert_true(portmap_suspend(pm, slot, now + 1000));
	assert_false(e->overruled);
	assert_false(portmap_is_shown(e));
	assert_false(portmap_overrule(pm, slot));
	assert_int_equal(portmap_resume(pm, slot), PM_STARTED);
	assert_int_equal(done(next_op(NAT_SET, &q.rule), NAT_EFAIL, slot),
			 PM_NO_CHANGE);
	assert_true(portmap_is_suspended(e));
	assert_int_equal(portmap_resume(pm, slot), PM_STARTED);
	assert_int_equal(done(next_op(NAT_SET, &q.rule), NAT_EFORWARDED, slot),
			 PM_UPDATED);
	assert_true(e->overruled);
	assert_true(portmap_is_shown(e));
	assert_true(expire() == UINT64_MAX);
}

/* ---- random histories against a naive model ------------------------ */

#define MAX	10
#define SHARE	5
#define SLOTS	(2 * MAX + 4)	/* more than are ever used at once */

enum m_state { M_FREE, M_ADD, M_ACTIVE, M_DEL, M_EXP, M_EXP_WAIT, M_SUSPENDED,
	       M_RESUMING, M_CONFIRM };

/* The model has the table's slots, but scans for everything. */
static struct model {
	enum m_state state;
	struct pm_req q;
	uint64_t expires;
	uint64_t until;		/* SUSPENDED, RESUMING */
	bool overruled;		/* in any state; if SUSPENDED, it is shown */
	int replaces;
	unsigned place;		/* committed: in this order */
} m[SLOTS];
static unsigned places;

/* The rules that the kernel has. */
static struct nat_rule kernel[MAX * 2];
static size_t kernel_n;

static struct flight {
	struct nat_op op;
	struct nat_op_id id;
} flight[SLOTS];
static size_t flight_n;

static uint32_t seed;

static uint32_t rnd(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % below;
}

static bool is_committed(const struct model *e)
{
	return e->state >= M_ACTIVE;
}

static void kernel_remove(const struct nat_rule *key)
{
	size_t i;

	for (i = 0; i < kernel_n; i++)
		if (nat_rule_same_key(&kernel[i], key)) {
			kernel[i] = kernel[--kernel_n];
			break;
		}
}

static void kernel_apply(const struct nat_op *op)
{
	kernel_remove(&op->rule);
	if (op->verb == NAT_SET) {
		assert_true(kernel_n < N(kernel));
		kernel[kernel_n++] = op->rule;
	}
}

static bool kernel_has(const struct nat_rule *r)
{
	size_t i;

	for (i = 0; i < kernel_n; i++)
		if (nat_rule_equal(&kernel[i], r))
			return true;
	return false;
}

static int model_limits(const struct pm_req *q)
{
	size_t i, n = 0, mine = 0;

	for (i = 0; i < SLOTS; i++) {
		if (m[i].state == M_FREE ||
		    (m[i].state == M_ADD && m[i].replaces >= 0))
			continue;
		n++;
		mine += addr_equal(m[i].q.rule.client, q->rule.client);
	}
	if (n >= MAX)
		return REFUSAL_FULL;
	return mine >= SHARE ? REFUSAL_CLIENT_FULL : PM_STARTED;
}

/* Is the entry committed, with no op in flight and none needed? */
static bool is_quiet(const struct model *e)
{
	return e->state == M_ACTIVE || e->state == M_SUSPENDED;
}

static int model_add(const struct pm_req *q, int *old)
{
	bool busy = false, stuck = false, other;
	size_t i;

	*old = -1;
	for (i = 0; i < SLOTS; i++) {
		if (m[i].state == M_FREE ||
		    m[i].q.rule.proto != q->rule.proto ||
		    m[i].q.rule.ext_port != q->rule.ext_port)
			continue;
		other = !addr_equal(m[i].q.rule.client, q->rule.client);
		if (!other && !nat_rule_same_key(&m[i].q.rule, &q->rule))
			continue;
		if (other && is_quiet(&m[i]))
			return REFUSAL_CONFLICT;
		if (is_quiet(&m[i]))
			*old = (int)i;
		else if (m[i].state == M_EXP_WAIT)
			stuck = true;
		else
			busy = true;
	}
	if (busy || stuck)
		return busy ? PM_BUSY : REFUSAL_FIREWALL;
	if (*old < 0 && model_limits(q) != PM_STARTED)
		return model_limits(q);
	if (*old < 0)
		return q->enabled ? PM_STARTED : PM_DONE;
	return m[*old].q.enabled || q->enabled ? PM_STARTED : PM_DONE;
}

/* A text of any length, different each time. */
static void random_desc(char *ret)
{
	size_t i, n = rnd(3) ? rnd(PM_DESC_MAX + 1) : PM_DESC_MAX;

	for (i = 0; i < n; i++)
		ret[i] = (char)(' ' + rnd(95));
}

static void random_add(void)
{
	struct pm_req q = req(A + rnd(3), (uint16_t)(1000 + 1024 * rnd(4)));
	int want;
	uint16_t slot = PM_NONE;
	int old;

	q.rule.proto = rnd(3) ? IPPROTO_TCP : IPPROTO_UDP;
	q.rule.remote = rnd(2) ? addr_any() : addr_ip4(HOST + rnd(2));
	q.rule.int_port = (uint16_t)(80 + rnd(2));
	q.enabled = rnd(4) != 0;
	q.lease_s = rnd(2) ? 0 : 1 + rnd(20);
	random_desc(q.desc);
	want = model_add(&q, &old);
	assert_int_equal(portmap_add(pm, &q, now, &slot), want);
	if (want != PM_DONE && want != PM_STARTED)
		return;
	assert_in_range(slot, 0, SLOTS - 1);
	if (old >= 0 && want == PM_DONE)
		assert_int_equal(slot, old);
	else
		assert_int_equal(m[slot].state, M_FREE);
	if (m[slot].state == M_FREE)
		m[slot].place = places++;
	m[slot].q = q;
	m[slot].expires = q.lease_s ? now + q.lease_s * 1000 : 0;
	m[slot].state = want == PM_DONE ? M_ACTIVE : M_ADD;
	m[slot].overruled = false;
	m[slot].replaces = want == PM_DONE ? -1 : old;
}

static bool model_replaced(size_t slot)
{
	size_t i;

	for (i = 0; i < SLOTS; i++)
		if (m[i].state == M_ADD && m[i].replaces == (int)slot)
			return true;
	return false;
}

static bool is_busy(uint16_t slot)
{
	enum m_state s = m[slot].state;

	return s == M_DEL || s == M_EXP || s == M_RESUMING || s == M_CONFIRM ||
	       model_replaced(slot);
}

static void random_delete(void)
{
	uint16_t slot = (uint16_t)rnd(2 * MAX), got;
	int want = PM_STARTED;

	if (!is_committed(&m[slot]))
		want = REFUSAL_NOT_FOUND;
	else if (is_busy(slot))
		want = PM_BUSY;
	else if (!m[slot].q.enabled || m[slot].state == M_SUSPENDED)
		want = PM_DONE;
	assert_int_equal(portmap_delete(pm, slot, &got), want);
	if (want == PM_DONE)
		m[slot].state = M_FREE;
	if (want == PM_STARTED)
		m[slot].state = m[slot].state == M_ACTIVE ? M_DEL : M_EXP;
}

static void random_suspend(void)
{
	uint16_t slot = (uint16_t)rnd(2 * MAX);
	uint64_t until = rnd(2) ? UINT64_MAX : now + (1 + rnd(20)) * 1000;
	bool want = (m[slot].state == M_ACTIVE || m[slot].overruled) &&
		    is_committed(&m[slot]) && !is_busy(slot);

	assert_int_equal(portmap_suspend(pm, slot, until), want);
	if (!want)
		return;
	m[slot].state = M_SUSPENDED;
	m[slot].overruled = false;
	m[slot].until = until;
	kernel_remove(&m[slot].q.rule);	/* the owner's sync */
}

static void random_resume(void)
{
	uint16_t slot = (uint16_t)rnd(2 * MAX);
	int want = m[slot].q.enabled ? PM_STARTED : PM_DONE;

	if (m[slot].state != M_SUSPENDED && m[slot].state != M_RESUMING &&
	    !(is_committed(&m[slot]) && m[slot].overruled))
		want = REFUSAL_NOT_FOUND;
	else if (is_busy(slot))
		want = PM_BUSY;
	assert_int_equal(portmap_resume(pm, slot), want);
	if (want == PM_STARTED)
		m[slot].state = M_RESUMING;
	else if (want == PM_DONE)
		m[slot].state = M_ACTIVE;
}

/* The monitor removes the rule before it tells the table. */
static void random_overrule(void)
{
	uint16_t slot = (uint16_t)rnd(2 * MAX);
	struct model *e = &m[slot];
	bool want = (e->state == M_ACTIVE || e->state == M_DEL ||
		     e->state == M_CONFIRM) && e->q.enabled && !e->overruled;

	if (!is_committed(e))
		return;
	assert_int_equal(portmap_overrule(pm, slot), want);
	if (!want)
		return;
	e->overruled = true;
	if (e->state == M_ACTIVE)
		e->state = M_SUSPENDED;
	kernel_remove(&e->q.rule);
}

static void random_reconfirm(void)
{
	uint16_t slot = (uint16_t)rnd(2 * MAX), got;
	struct model *e = &m[slot];
	int want = PM_STARTED;

	if (!is_committed(e) || !e->q.enabled)
		return;
	if (is_busy(slot))
		want = PM_BUSY;
	else if (e->state == M_EXP_WAIT)
		want = REFUSAL_FIREWALL;
	assert_int_equal(portmap_reconfirm(pm, slot, &got), want);
	if (want == PM_STARTED)
		e->state = e->state == M_ACTIVE ? M_CONFIRM : M_RESUMING;
}

static void random_send(void)
{
	struct flight *f = &flight[flight_n];

	if (portmap_next_op(pm, &f->op, &f->id))
		flight_n++;
}

static void model_ok(struct model *e, const struct nat_op *op,
		     enum pm_change change)
{
	kernel_apply(op);
	if (e->state == M_RESUMING || e->state == M_CONFIRM) {
		bool back = e->state == M_RESUMING || e->overruled;

		assert_int_equal(op->verb, NAT_SET);
		assert_int_equal(change, back ? PM_UPDATED : PM_NO_CHANGE);
		e->state = M_ACTIVE;
		e->overruled = false;
		return;
	}
	if (e->state != M_ADD) {
		assert_int_equal(change, PM_REMOVED);
		e->state = M_FREE;
		return;
	}
	assert_int_equal(change, e->replaces < 0 ? PM_ADDED : PM_UPDATED);
	e->state = M_ACTIVE;
	e->place = places++;
	if (e->replaces >= 0) {
		e->place = m[e->replaces].place;
		m[e->replaces].state = M_FREE;
	}
}

static enum pm_change model_failed(struct model *e, enum nat_err err)
{
	enum pm_change change = PM_NO_CHANGE;

	if (e->state == M_RESUMING && err == NAT_EFORWARDED && !e->overruled) {
		e->overruled = true;	/* it was suspended */
		change = PM_UPDATED;
	}
	if (e->state == M_ADD)
		e->state = M_FREE;
	else if (e->state == M_DEL || e->state == M_CONFIRM)
		e->state = e->overruled ? M_SUSPENDED : M_ACTIVE;
	else if (e->state == M_RESUMING)
		e->state = M_SUSPENDED;
	else
		e->state = M_EXP_WAIT;
	if (e->state == M_EXP_WAIT)
		e->expires = now + 5000;
	return change;
}

static void answer(size_t i, enum nat_err err)
{
	struct flight f = flight[i];
	struct nat_rule rule;
	enum pm_change change;
	uint16_t slot;

	flight[i] = flight[--flight_n];
	change = portmap_done(pm, f.id, err, now, &slot, &rule);
	assert_in_range(slot, 0, SLOTS - 1);
	assert_true(nat_rule_same_key(&m[slot].q.rule, &f.op.rule));
	if (err == NAT_OK) {
		model_ok(&m[slot], &f.op, change);
		return;
	}
	assert_int_equal(change, model_failed(&m[slot], err));
}

static void random_answer(void)
{
	if (flight_n > 0)
		answer(rnd((uint32_t)flight_n), rnd(3) ? NAT_OK :
		       rnd(2) ? NAT_EFAIL : NAT_EFORWARDED);
}

/* 0: never */
static uint64_t model_end(const struct model *e)
{
	if (e->state == M_SUSPENDED && !e->overruled && e->until != UINT64_MAX &&
	    (e->expires == 0 || e->until < e->expires))
		return e->until;
	return e->expires;
}

static void random_expire(void)
{
	uint64_t next, want = UINT64_MAX;
	size_t i;

	now += rnd(3000);
	portmap_expire(pm, now, &next, NULL, NULL);
	for (i = 0; i < SLOTS; i++) {
		if ((!is_quiet(&m[i]) && m[i].state != M_EXP_WAIT) ||
		    model_end(&m[i]) == 0 || model_replaced(i))
			continue;
		if (model_end(&m[i]) > now)
			want = model_end(&m[i]) < want ? model_end(&m[i]) :
							 want;
		else
			m[i].state = m[i].q.enabled &&
				     m[i].state != M_SUSPENDED ? M_EXP : M_FREE;
	}
	/* never too late; too early if the mapping has ended since */
	assert_true(next > now && next <= want);
}

static void random_noise(void)
{
	struct nat_rule rule;
	uint16_t slot;
	struct nat_op_id id;
	size_t i;

	id = (struct nat_op_id){ NAT_PORTMAP, (uint16_t)rnd(16),
				 (uint16_t)rnd(8) };
	for (i = 0; i < flight_n; i++)
		if (!memcmp(&flight[i].id, &id, sizeof(id)))
			return;
	assert_int_equal(portmap_done(pm, id, NAT_OK, now, &slot, &rule),
			 PM_NO_CHANGE);
	assert_int_equal(slot, PM_NONE);
}

static bool is_hidden(const struct model *e)
{
	return (e->state == M_SUSPENDED || e->state == M_RESUMING) &&
	       !e->overruled;
}

static bool in_kernel(const struct model *e)
{
	return e->q.enabled && !is_hidden(e) && !e->overruled;
}

static void check_entry(uint16_t slot)
{
	const struct pm_entry *e = portmap_entry(pm, slot);

	assert_true(is_committed(&m[slot]));
	assert_true(nat_rule_equal(&e->rule, &m[slot].q.rule));
	assert_true(e->expires_ms == m[slot].expires);
	assert_int_equal(e->enabled, m[slot].q.enabled);
	assert_string_equal(desc(slot), m[slot].q.desc);
	assert_int_equal(portmap_find(pm, &e->rule), slot);
	assert_int_equal(portmap_is_shown(e), !is_hidden(&m[slot]));
	assert_int_equal(portmap_in_force(e), m[slot].q.enabled &&
			 !m[slot].overruled);
	if (in_kernel(&m[slot]))
		assert_true(kernel_has(&e->rule));
	if (m[slot].state == M_ACTIVE || m[slot].state == M_SUSPENDED ||
	    m[slot].state == M_CONFIRM)
		assert_int_equal(portmap_has_rule(e), in_kernel(&m[slot]));
}

/* Table and model agree, in order, and the kernel has the rules of both. */
static void check_all(void)
{
	size_t i, n = 0, rules = 0, shown = 0;
	unsigned last = 0;
	uint16_t slot;

	for (i = 0; i < portmap_count(pm); i++) {
		slot = portmap_at(pm, i);
		check_entry(slot);
		assert_true(i == 0 || m[slot].place > last);
		last = m[slot].place;
		rules += in_kernel(&m[slot]);
		if (!is_hidden(&m[slot]))
			assert_int_equal(portmap_shown_at(pm, shown++), slot);
	}
	assert_int_equal(portmap_shown_count(pm), shown);
	assert_int_equal(portmap_shown_at(pm, shown), PM_NONE);
	assert_int_equal(portmap_at(pm, i), PM_NONE);
	for (i = 0; i < SLOTS; i++)
		n += is_committed(&m[i]);
	assert_int_equal(portmap_count(pm), n);
	assert_int_equal(kernel_n, rules);
}

static void random_step(void)
{
	static void (*const step[])(void) = {
		random_add, random_add, random_add, random_delete,
		random_send, random_send, random_answer, random_answer,
		random_expire, random_noise, random_suspend, random_resume,
		random_overrule, random_reconfirm,
	};

	step[rnd(N(step))]();
	check_all();
}

/* Answer every op, then delete every mapping: nothing remains. */
static void wind_up(void)
{
	size_t i;

	now += 30000;
	while (portmap_count(pm) > 0 || flight_n > 0) {
		now += 5000;
		random_expire();
		for (i = 0; i < SLOTS; i++)
			random_send();
		while (flight_n > 0)
			answer(0, NAT_OK);
		for (i = 0; i < 50; i++)
			random_delete();
		check_all();
	}
	for (i = 0; i < SLOTS; i++)
		assert_null(portmap_entry(pm, (uint16_t)i));
}

static void test_random_histories_match_a_naive_model(void **state)
{
	struct pm_req q;
	unsigned run, i;

	for (run = 1; run <= 40; run++) {
		portmap_free(pm);
		pm = portmap_new(MAX, SHARE);
		memset(m, 0, sizeof(m));
		kernel_n = flight_n = 0;
		seed = run * 2654435761u;
		for (i = 0; i < 1500; i++)
			random_step();
		wind_up();
		/* all counters are 0 again: the limits can be reached */
		for (i = 0; i < MAX; i++) {
			q = req(A + i / SHARE, (uint16_t)(1 + i));
			assert_int_equal(portmap_restore(pm, &q, 0), PM_DONE);
		}
	}
}

/* ---- the largest table --------------------------------------------- */

static struct pm_req nth(uint32_t i)
{
	struct pm_req q = req(0x0a000001 + i / 100, (uint16_t)(1 + i % 60000));

	q.lease_s = 1 + i % 3600;
	return q;
}

static void test_table_holds_the_maximum_of_mappings(void **state)
{
	struct nat_op op;
	struct nat_rule gone_rule;
	struct pm_req q;
	uint16_t slot;
	struct nat_op_id id;
	uint32_t i;

	portmap_free(pm);
	pm = portmap_new(PM_MAPPINGS_LIMIT, 100);
	for (i = 0; i < PM_MAPPINGS_LIMIT; i++) {
		q = nth(i);
		assert_int_equal(portmap_add(pm, &q, now, &slot), PM_STARTED);
	}
	q = req(0x0b000001, 65000);
	assert_int_equal(portmap_add(pm, &q, now, &slot), REFUSAL_FULL);
	for (i = 0; i < PM_MAPPINGS_LIMIT; i++) {
		assert_true(portmap_next_op(pm, &op, &id));
		assert_int_equal(op.rule.ext_port, 1 + i);
		portmap_done(pm, id, NAT_OK, now, &slot, &gone_rule);
	}
	assert_int_equal(portmap_count(pm), PM_MAPPINGS_LIMIT);
	for (i = 0; i < PM_MAPPINGS_LIMIT; i += 7) {
		q = nth(i);
		slot = portmap_find(pm, &q.rule);
		assert_true(nat_rule_equal(&portmap_entry(pm, slot)->rule,
					   &q.rule));
	}
	now += 3600 * 1000;
	expire();
	while (portmap_next_op(pm, &op, &id))
		portmap_done(pm, id, NAT_OK, now, &slot, &gone_rule);
	assert_int_equal(portmap_count(pm), 0);
}

/* ---- sockets and renewals ------------------------------------------ */

/* The mappings of the socket of @q. */
static size_t on_socket(const struct pm_req *q)
{
	const struct nat_rule *r = &q->rule;
	uint16_t slot = PM_NONE;
	size_t n = 0;

	while ((slot = portmap_by_socket(pm, r->proto, r->client, r->int_port,
					 slot)) != PM_NONE) {
		assert_true(nat_rule_same_socket(&portmap_entry(pm, slot)->rule,
						 r));
		assert_int_equal(portmap_find(pm,
			&portmap_entry(pm, slot)->rule), slot);
		n++;
	}
	return n;
}

static void test_mappings_are_found_by_socket(void **state)
{
	struct pm_req q = req(A, 80), second = req(A, 81), far = req(A, 80);
	struct pm_req other[] = { q, q, q };
	uint16_t slot;

	far.rule.remote = addr_ip4(HOST);
	other[0].rule.client = addr_ip4(B);
	other[0].rule.ext_port = 82;
	other[1].rule.proto = IPPROTO_UDP;
	other[2].rule.int_port = 81;
	other[2].rule.ext_port = 83;
	assert_int_equal(on_socket(&q), 0);
	slot = add(&q, PM_STARTED);
	assert_int_equal(on_socket(&q), 0);	/* not committed */
	assert_int_equal(portmap_on_socket(pm, &q.rule, PM_NONE), slot);
	done(next_op(NAT_SET, &q.rule), NAT_OK, slot);
	assert_int_equal(on_socket(&q), 1);
	for (size_t i = 0; i < N(other); i++)
		made(&other[i]);
	assert_int_equal(on_socket(&q), 1);
	made(&second);
	made(&far);
	assert_int_equal(on_socket(&q), 3);
	assert_int_equal(on_socket(&other[0]), 1);
	/* a replacement is not one more, and a deletion is one less */
	renewed(&second);
	assert_int_equal(on_socket(&q), 3);
	assert_true(portmap_forget(pm, &second.rule));
	assert_int_equal(on_socket(&q), 2);
}

/* The number of slots of which clients are told that TCP port; the last one. */
static unsigned on_told(uint16_t port, uint16_t *ret_slot)
{
	uint16_t slot = PM_NONE;
	unsigned n = 0;

	for (; (slot = portmap_on_told(pm, IPPROTO_TCP, port, slot)) != PM_NONE;
	     n++)
		*ret_slot = slot;
	return n;
}

static void test_mappings_are_found_by_told_port(void **state)
{
	struct pm_req q = req(A, 80), other = req(B, 81), udp = req(A, 80);
	uint16_t slot;

	udp.rule.proto = IPPROTO_UDP;
	made(&udp);
	assert_int_equal(on_told(80, &slot), 0);
	made(&q);
	made(&other);
	assert_int_equal(on_told(80, &slot), 1);
	assert_int_equal(slot, portmap_find(pm, &q.rule));
	portmap_set_told(pm, portmap_find(pm, &other.rule), 80);
	assert_int_equal(on_told(80, &slot), 2);
	assert_int_equal(on_told(81, &slot), 0);
	portmap_set_told(pm, portmap_find(pm, &q.rule), 60000);
	assert_int_equal(on_told(80, &slot), 1);
	/* a replacement has it as well */
	renewed(&q);
	assert_int_equal(on_told(60000, &slot), 1);
	assert_int_equal(slot, portmap_find(pm, &q.rule));
	assert_true(portmap_forget(pm, &q.rule));
	assert_int_equal(on_told(60000, &slot), 0);
	made(&q);
	assert_int_equal(on_told(60000, &slot), 0);
	assert_int_equal(on_told(80, &slot), 2);
}

/* With an op, and without one. */
static void test_socket_follows_the_internal_port(void **state)
{
	for (unsigned enabled = 0; enabled < 2; enabled++) {
		struct pm_req q = req(A, 80), moved;

		q.enabled = enabled;
		if (enabled)
			made(&q);
		else
			add(&q, PM_DONE);
		moved = q;
		moved.rule.int_port = 90;
		if (enabled)
			renewed(&moved);
		else
			add(&moved, PM_DONE);
		assert_int_equal(on_socket(&q), 0);
		assert_int_equal(on_socket(&moved), 1);
		assert_true(portmap_forget(pm, &q.rule));
		assert_int_equal(on_socket(&moved), 0);
	}
}

/* Renew, and let the kernel accept it. Return: when the lease ends */
static uint64_t renew(uint16_t slot, uint32_t lease_s, bool extend)
{
	const struct pm_renewal r = { .lease_s = lease_s, .extend = extend };
	const struct nat_rule rule = portmap_entry(pm, slot)->rule;
	uint16_t on = PM_NONE;

	assert_int_equal(portmap_renew(pm, slot, &r, now, &on), PM_STARTED);
	assert_int_equal(done(next_op(NAT_SET, &rule), NAT_OK, on),
			 PM_UPDATED);
	assert_int_equal(portmap_find(pm, &rule), on);
	return portmap_entry(pm, on)->expires_ms;
}

static void test_renewal_changes_the_lease_alone(void **state)
{
	struct pm_req q = req(A, 80);
	const struct pm_entry *e;
	uint16_t slot;

	q.origin = ORIGIN_PCP;
	memset(&q.nonce, 0xa5, sizeof(q.nonce));
	q.peer = true;
	q.requester = addr_ip4(B);
	q.lease_s = 100;
	snprintf(q.desc, sizeof(q.desc), "text");
	slot = made(&q);
	portmap_set_told(pm, slot, 90);
	portmap_set_note(pm, slot, STR("x=1"));
	assert_int_equal(renew(slot, 50, false), now + 50000);
	slot = portmap_find(pm, &q.rule);
	e = portmap_entry(pm, slot);
	assert_true(nat_rule_equal(&e->rule, &q.rule));
	assert_int_equal(e->origin, ORIGIN_PCP);
	assert_memory_equal(&e->nonce, &q.nonce, sizeof(q.nonce));
	assert_true(e->peer);
	assert_true(addr_equal(e->requester, q.requester));
	assert_string_equal(desc(slot), "text");
	assert_int_equal(e->told_port, 90);
	/* extended, by less and by more, and for ever */
	assert_int_equal(renew(slot, 40, true), now + 50000);
	slot = portmap_find(pm, &q.rule);
	assert_int_equal(renew(slot, 60, true), now + 60000);
	slot = portmap_find(pm, &q.rule);
	assert_int_equal(renew(slot, 0, true), 0);
	slot = portmap_find(pm, &q.rule);
	assert_int_equal(renew(slot, 60, true), 0);
	slot = portmap_find(pm, &q.rule);
	assert_int_equal(renew(slot, 60, false), now + 60000);
}

static void test_extension_enables(void **state)
{
	const struct pm_renewal r = { .lease_s = 60 };
	struct pm_req q = req(A, 80);
	uint16_t slot;

	q.enabled = false;
	slot = add(&q, PM_DONE);
	assert_int_equal(portmap_renew(pm, slot, &r, now, &slot), PM_DONE);
	assert_false(portmap_entry(pm, slot)->enabled);
	assert_int_equal(portmap_entry(pm, slot)->expires_ms, now + 60000);
	renew(slot, 60, true);
	assert_true(portmap_entry(pm, portmap_find(pm, &q.rule))->enabled);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_new_table_is_empty), T(test_add_commits_on_ok),
		T(test_mappings_are_found_by_socket),
		T(test_mappings_are_found_by_told_port),
		T(test_socket_follows_the_internal_port),
		T(test_renewal_changes_the_lease_alone),
		T(test_extension_enables),
		T(test_failed_add_is_rolled_back),
		T(test_entry_has_the_fields_of_its_request),
		T(test_full_table_holds_the_longest_descriptions),
		T(test_renewal_reuses_the_room_of_its_description),
		T(test_disabled_mapping_needs_no_op),
		T(test_renewal_needs_an_op),
		T(test_overwrite_keeps_the_old_mapping_until_committed),
		T(test_failed_overwrite_keeps_the_old_mapping),
		T(test_enabling_and_disabling_need_an_op),
		T(test_port_of_another_client_conflicts),
		T(test_pinholes_of_two_hosts_have_the_same_port),
		T(test_another_remote_host_or_port_is_another_pinhole),
		T(test_the_same_pinhole_is_a_renewal),
		T(test_id_of_an_op_has_the_table_of_pinholes),
		T(test_limit_per_client_is_for_one_ipv6_host),
		T(test_many_pinholes_are_added_and_deleted),
		T(test_requests_wait_for_an_add_in_flight),
		T(test_requests_wait_for_an_overwrite_in_flight),
		T(test_mapping_is_removed_after_the_kernel_answered),
		T(test_failed_delete_keeps_the_mapping),
		T(test_later_indexes_decrease_when_a_mapping_ends),
		T(test_table_and_clients_have_limits),
		T(test_failed_add_does_not_count),
		T(test_clients_that_share_a_counter_have_own_limits),
		T(test_overwrites_of_a_full_table_are_limited),
		T(test_restore_needs_no_op),
		T(test_renewal_of_a_restored_mapping),
		T(test_reconfirm_does_not_change_a_mapping),
		T(test_note_and_reported_port_stay_with_the_mapping),
		T(test_full_table_holds_the_longest_notes),
		T(test_answers_with_wrong_ids_are_ignored),
		T(test_rest_of_a_lease_is_rounded_up),
		T(test_mapping_is_removed_when_its_lease_ends),
		T(test_failed_removal_is_retried),
		T(test_disabled_mapping_ends_without_an_op),
		T(test_lease_ends_during_an_overwrite),
		T(test_lease_ends_during_a_delete),
		T(test_time_of_the_next_end_follows_changes),
		T(test_mapping_is_suspended_and_resumed),
		T(test_suspended_mapping_ends),
		T(test_suspended_mapping_is_deleted_without_an_op),
		T(test_suspended_mapping_can_be_overwritten),
		T(test_disabled_mapping_is_suspended_and_resumed),
		T(test_mapping_with_an_op_in_flight_is_not_suspended),
		T(test_suspended_mappings_count_towards_the_limits),
		T(test_mapping_is_overruled_and_returns),
		T(test_overruled_mapping_is_renewed_and_deleted),
		T(test_mapping_is_overruled_while_an_op_is_in_flight),
		T(test_suspended_mapping_becomes_overruled),
		T(test_random_histories_match_a_naive_model),
		T(test_table_holds_the_maximum_of_mappings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
