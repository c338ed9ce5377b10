/* SPDX-License-Identifier: ISC */
/*
 * test_wanip2.c - AddAnyPortMapping finds a port that is free and allowed, a
 * range is deleted with one answer, and a list has whole entries of its
 * requester. The mapping table is real; the test plays the kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/addrtest.h"
#include <netinet/in.h>
#include <stdlib.h>
#include "base/wr.h"
#include "igd/igd.h"
#include "igd/wanip.h"
#include "igd/wanip2.h"

#define ARRAY_N(a) (sizeof(a) / sizeof((a)[0]))
#define IP(a, b, c, d) \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

enum { ROUTER = IP(192, 168, 88, 1), ANN = IP(192, 168, 88, 10),
       BOB = IP(192, 168, 88, 11), MAX = 8 };

struct requester {
	struct igd_wait wait;
	unsigned answers;
	int err;
	uint16_t port;
};

static struct world {
	struct map map;
	struct igd igd;
	uint64_t now_ms;
	unsigned stored, gone, refused;
	uint32_t rnd;
	struct nat_op_id id[2 * MAX];
	struct nat_op op[2 * MAX];
	size_t op_n;
} w;

static void op_wake(void *arg)
{
}

static void op_stored(void *arg, const struct pm_entry *e)
{
	assert_true(nat_rule_sane(&e->rule));
	w.stored++;
}

static void op_gone(void *arg, const struct nat_rule *r)
{
	w.gone++;
}

static void op_refused(void *arg, const struct refused *r)
{
	w.refused++;
}

static uint32_t op_rnd(void *arg)
{
	return w.rnd;
}

static const struct map_ops ops = {
	.wake = op_wake, .stored = op_stored, .gone = op_gone,
	.refused = op_refused, .rnd = op_rnd,
};

static int set_up(void **state)
{
	memset(&w, 0, sizeof(w));
	w.now_ms = 1000000;
	w.igd = (struct igd){
		.wan = { .link_up = true },
	};
	w.map = (struct map){
		.max_lease_s = PM_LEASE_MAX_S, .ops = &ops, .ops_arg = &w,
		.ext = addr_ip4(IP(203, 0, 113, 7)),
		.policy = { .secure = true, .net_n = 1,
			    .net = { { 2, "", { addr_ip4(ROUTER), 24 } } } },
	};
	map_init(&w.map, portmap_new(MAX, MAX - 2));
	igd_init(&w.igd, &w.map);
	return 0;
}

static int tear_down(void **state)
{
	portmap_free(w.map.pm);
	return 0;
}

/* Return: the number of ops that are not answered */
static size_t take_ops(void)
{
	while (w.op_n < ARRAY_N(w.op) &&
	       portmap_next_op(w.map.pm, &w.op[w.op_n], &w.id[w.op_n]))
		w.op_n++;
	return w.op_n;
}

/* Answer op number @i of those that are not answered. */
static void answer(size_t i, enum nat_err err)
{
	struct nat_op_id id;

	assert_true(take_ops() > i);
	id = w.id[i];
	w.op_n--;
	memmove(w.id + i, w.id + i + 1, (w.op_n - i) * sizeof(w.id[0]));
	memmove(w.op + i, w.op + i + 1, (w.op_n - i) * sizeof(w.op[0]));
	map_answer(&w.map, id, err, w.now_ms);
}

static void done(struct igd_wait *wait, int err, uint32_t port)
{
	struct requester *a = (struct requester *)
		((char *)wait - offsetof(struct requester, wait));

	a->answers++;
	a->err = err;
	a->port = port;
}

static struct igd_call call_by(struct requester *a, uint32_t requester_ip)
{
	if (a) {
		*a = (struct requester){ .wait.done = done };
		/* values of an earlier request must not matter */
		a->wait.map.wished = a->wait.map.lo = a->wait.map.hi = 77;
		a->wait.map.tries = 77;
	}
	return (struct igd_call){ .n = 2, .version = 2, .now_ms = w.now_ms,
				  .client = addr_ip4(requester_ip), .local =
					  addr_ip4(ROUTER),
				  .wait = a ? &a->wait : NULL };
}

static struct igd_call add_call(struct requester *a, uint32_t requester_ip,
				uint16_t ext, uint16_t inner)
{
	struct igd_call call = call_by(a, requester_ip);

	call.in[0].s = call.in[4].s = STR("");
	call.in[1].u = ext;
	call.in[2].s = STR("TCP");
	call.in[3].u = inner;
	call.in[5].u = 1;
	call.in[6].s = STR("game");
	return call;
}

static int any(struct requester *a, uint32_t requester_ip, uint16_t ext,
	       uint16_t inner)
{
	struct igd_call call = add_call(a, requester_ip, ext, inner);

	return wanip2_add_any(&w.igd, &call);
}

/* Add a mapping, and let the kernel accept it. Return: the reserved port, or
 * minus the error */
static int reserved(uint32_t requester_ip, uint16_t ext, uint16_t inner)
{
	struct requester a;
	int err = any(&a, requester_ip, ext, inner);

	if (err != IGD_WAIT)
		return -err;
	answer(0, NAT_OK);
	assert_int_equal(a.answers, 1);
	return a.err ? -a.err : a.port;
}

static const struct pm_entry *at(size_t i)
{
	return portmap_entry(w.map.pm, portmap_at(w.map.pm, i));
}

/* Allow only these external ports. */
static void allow(uint16_t lo, uint16_t hi)
{
	static struct policy_rule line;

	line = (struct policy_rule){ .allow = true, .ext_lo = lo, .ext_hi = hi,
				     .int_hi = 65535, .line = 1,
				     .net.addr = addr_ip4(0) };
	w.map.policy.rule = &line;
	w.map.policy.rule_n = 1;
}

static int delete_range(struct requester *a, uint32_t requester_ip, uint16_t lo,
			uint16_t hi, bool manage)
{
	struct igd_call call = call_by(a, requester_ip);

	call.in[0].u = lo;
	call.in[1].u = hi;
	call.in[2].s = STR("TCP");
	call.in[3].u = manage;
	return wanip2_delete_range(&w.igd, &call);
}

/* ---- AddAnyPortMapping --------------------------------------------- */

static void any_port_gets_the_wished_port(void **state)
{
	assert_int_equal(reserved(ANN, 5000, 5001), 5000);
	assert_int_equal(at(0)->rule.ext_port, 5000);
	assert_int_equal(at(0)->rule.int_port, 5001);
	assert_int_equal(addr_to_ip4(at(0)->rule.client), ANN);
	assert_int_equal(portmap_lease_left(at(0), w.now_ms), 604800);
	assert_int_equal(w.stored, 1);
}

static void any_port_gets_another_if_the_wished_one_is_taken(void **state)
{
	assert_int_equal(reserved(BOB, 5000, 5000), 5000);
	w.rnd = 8000 - 1024;
	assert_int_equal(reserved(ANN, 5000, 5001), 8000);
	assert_int_equal(at(1)->rule.ext_port, 8000);
	/* her own mapping of that port is updated */
	w.rnd = 9000 - 1024;
	assert_int_equal(reserved(ANN, 8000, 5002), 8000);
	assert_int_equal(portmap_count(w.map.pm), 2);
	assert_int_equal(at(1)->rule.int_port, 5002);
	/* by chance she never gets a port of hers for another purpose */
	w.rnd = 8000 - 1024;
	assert_int_equal(reserved(ANN, 0, 5009), 8001);
	/* no port is wished */
	w.rnd = 9500 - 1024;
	assert_int_equal(reserved(ANN, 0, 5003), 9500);
	/* a port below 1024 */
	w.rnd = 9501 - 1024;
	assert_int_equal(reserved(ANN, 80, 5004), 9501);
	/* the search wraps around */
	w.rnd = 65535 - 1024;
	assert_int_equal(reserved(BOB, 80, 5004), 65535);
	assert_int_equal(reserved(BOB, 80, 5005), 1024);
	assert_int_equal(w.refused, 0);
}

static void any_port_renews_the_clients_own_mapping(void **state)
{
	struct requester a;

	w.rnd = 8000 - 1024;
	assert_int_equal(reserved(ANN, 0, 5001), 8000);
	w.now_ms += 1000000;
	assert_int_equal(any(&a, ANN, 8000, 5001), IGD_WAIT);
	answer(0, NAT_OK);
	assert_int_equal(a.port, 8000);
	assert_int_equal(portmap_count(w.map.pm), 1);
	assert_int_equal(portmap_lease_left(at(0), w.now_ms), 604800);
	assert_int_equal(w.map.update_id, 2);
}

static void any_port_without_an_op_returns_its_port(void **state)
{
	struct requester a;
	struct igd_call call = add_call(&a, ANN, 5000, 5001);

	call.in[5].u = 0;	/* disabled: no rule */
	assert_int_equal(wanip2_add_any(&w.igd, &call), 0);
	assert_int_equal(call.out[0].u, 5000);
	call = add_call(&a, ANN, 0, 5002);
	call.in[5].u = 0;
	w.rnd = 1;
	assert_int_equal(wanip2_add_any(&w.igd, &call), 0);
	assert_int_equal(call.out[0].u, 1025);
}

/* A port is not free while a mapping on it is being added or deleted. */
static void any_port_skips_ports_with_an_op_in_flight(void **state)
{
	struct requester bob, ann, again;

	allow(5000, 5002);
	assert_int_equal(any(&bob, BOB, 5000, 5000), IGD_WAIT);
	assert_int_equal(any(&ann, ANN, 5000, 5000), IGD_WAIT);
	assert_int_equal(take_ops(), 2);
	assert_int_equal(w.op[1].rule.ext_port, 5001);
	assert_int_equal(any(&again, BOB, 5001, 5001), IGD_WAIT);
	assert_int_equal(take_ops(), 3);
	assert_int_equal(w.op[2].rule.ext_port, 5002);
	answer(0, NAT_OK);
	answer(0, NAT_OK);
	answer(0, NAT_OK);
	assert_int_equal(bob.port, 5000);
	assert_int_equal(ann.port, 5001);
	assert_int_equal(again.port, 5002);
	/* being deleted */
	assert_int_equal(delete_range(&bob, BOB, 5000, 5000, false),
			 IGD_WAIT);
	assert_int_equal(any(&ann, ANN, 5000, 5009), 728);
}

/* A port is not free if the rule of an ended lease could not be deleted. */
static void any_port_skips_a_rule_that_cannot_be_deleted(void **state)
{
	assert_int_equal(reserved(ANN, 5000, 5001), 5000);
	w.now_ms += (uint64_t)PM_LEASE_MAX_S * 1000;
	map_tick(&w.map, w.now_ms);
	answer(0, NAT_EFAIL);
	assert_int_equal(reserved(ANN, 5000, 5001), 1024);
}

static void any_port_twice_gets_the_same_mapping(void **state)
{
	struct requester a, again;

	assert_int_equal(any(&a, ANN, 5000, 5001), IGD_WAIT);
	assert_int_equal(any(&again, ANN, 5000, 5001), IGD_WAIT);
	assert_int_equal(take_ops(), 1);
	answer(0, NAT_OK);
	assert_int_equal(a.port, 5000);
	answer(0, NAT_OK);
	assert_int_equal(again.answers, 1);
	assert_int_equal(again.err, 0);
	assert_int_equal(again.port, 5000);
	assert_int_equal(portmap_count(w.map.pm), 1);
}

/* Only the monitor knows which ports the router serves itself. */
static void any_port_tries_others_if_the_router_serves_it(void **state)
{
	struct requester a;
	unsigned i;

	assert_int_equal(any(&a, ANN, 5000, 5001), IGD_WAIT);
	w.rnd = 8000 - 1024;
	answer(0, NAT_ECONFLICT);
	assert_int_equal(a.answers, 0);
	assert_int_equal(take_ops(), 1);
	assert_int_equal(w.op[0].rule.ext_port, 8000);
	answer(0, NAT_OK);
	assert_int_equal(a.err, 0);
	assert_int_equal(a.port, 8000);

	assert_int_equal(any(&a, ANN, 5000, 5002), IGD_WAIT);
	for (i = 0; i < PM_ANY_TRIES; i++) {
		assert_int_equal(a.answers, 0);
		w.rnd += 5;
		answer(0, NAT_ECONFLICT);
	}
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.err, 729);
	assert_int_equal(take_ops(), 0);
	assert_int_equal(portmap_count(w.map.pm), 1);
}

static void any_port_can_be_cancelled_between_tries(void **state)
{
	struct requester a;

	assert_int_equal(any(&a, ANN, 5000, 5001), IGD_WAIT);
	answer(0, NAT_ECONFLICT);
	igd_cancel(&w.igd, &a.wait);
	answer(0, NAT_OK);
	assert_int_equal(a.answers, 0);
}

static void any_port_failures_have_their_codes(void **state)
{
	static const struct {
		enum nat_err nat;
		int err;
	} row[] = {
		{ NAT_EFAIL, 501 }, { NAT_EREFUSED, 606 },
		{ NAT_ENOSPC, 728 }, { NAT_ENOADDR, 501 },
	};
	struct requester a;
	size_t i;

	for (i = 0; i < ARRAY_N(row); i++) {
		assert_int_equal(any(&a, ANN, 5000, 5001), IGD_WAIT);
		answer(0, row[i].nat);
		assert_int_equal(a.err, row[i].err);
	}
	assert_int_equal(w.refused, ARRAY_N(row));
	w.refused = 0;
	assert_int_equal(w.map.update_id, 0);
	assert_int_equal(any(&a, ANN, 5000, 0), 732);
	assert_int_equal(any(&a, ROUTER, 5000, 5000), 606);
	assert_int_equal(any(&a, IP(8, 8, 8, 8), 5000, 5000), 606);
	assert_int_equal(w.refused, 2);
	/* no external port is allowed for that internal port */
	assert_int_equal(any(&a, ANN, 5000, 80), 606);
	assert_int_equal(w.refused, 3);
	/* all are taken */
	allow(6000, 6001);
	assert_int_equal(reserved(BOB, 0, 5000), 6000);
	assert_int_equal(reserved(BOB, 0, 5001), 6001);
	assert_int_equal(any(&a, ANN, 6000, 5000), 728);
	/* ports below 1024 only if no other is allowed */
	allow(80, 80);
	assert_int_equal(reserved(ANN, 0, 5000), 80);
	allow(1000, 1024);
	w.rnd = 3;
	assert_int_equal(reserved(ANN, 0, 5005), 1024);
}

static void any_port_respects_the_caps(void **state)
{
	unsigned i;

	for (i = 0; i < MAX - 2; i++)
		assert_int_equal(reserved(ANN, 0, (uint16_t)(5000 + i)),
				 1024 + i);
	assert_int_equal(reserved(ANN, 0, 6000), -728);
	assert_int_equal(reserved(BOB, 0, 6000), 1024 + i);
}

/* ---- DeletePortMappingRange ---------------------------------------- */

static void three_of_ann_one_of_bob(void)
{
	assert_int_equal(reserved(ANN, 5000, 5000), 5000);
	assert_int_equal(reserved(ANN, 5001, 5001), 5001);
	assert_int_equal(reserved(BOB, 5002, 5002), 5002);
	assert_int_equal(reserved(ANN, 5003, 5003), 5003);
}

static void range_is_answered_when_all_are_deleted(void **state)
{
	struct requester a;

	three_of_ann_one_of_bob();
	assert_int_equal(delete_range(&a, ANN, 5000, 5003, false), IGD_WAIT);
	assert_int_equal(take_ops(), 3);
	answer(1, NAT_OK);
	answer(1, NAT_OK);
	assert_int_equal(a.answers, 0);
	answer(0, NAT_OK);
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.err, 0);
	assert_int_equal(portmap_count(w.map.pm), 1);
	assert_int_equal(at(0)->rule.ext_port, 5002);
	assert_int_equal(w.gone, 3);
	assert_int_equal(w.map.update_id, 7);
}

static void range_includes_both_ends_of_one_protocol(void **state)
{
	struct requester a;
	struct igd_call call = add_call(&a, ANN, 5001, 5001);

	three_of_ann_one_of_bob();
	call = add_call(&a, ANN, 5001, 5001);
	call.in[2].s = STR("UDP");
	assert_int_equal(wanip2_add_any(&w.igd, &call), IGD_WAIT);
	answer(0, NAT_OK);
	assert_int_equal(delete_range(&a, ANN, 5001, 5002, false), IGD_WAIT);
	assert_int_equal(take_ops(), 1);
	assert_int_equal(w.op[0].rule.ext_port, 5001);
	assert_int_equal(w.op[0].rule.proto, IPPROTO_TCP);
	answer(0, NAT_OK);
	assert_int_equal(a.answers, 1);
	assert_int_equal(portmap_count(w.map.pm), 4);
}

static void range_deletes_the_requesters_mappings(void **state)
{
	struct requester a;

	three_of_ann_one_of_bob();
	assert_int_equal(delete_range(&a, ANN, 5002, 5002, false), 730);
	assert_int_equal(w.refused, 0);
	assert_int_equal(delete_range(&a, ANN, 5002, 5002, true), 606);
	assert_int_equal(w.refused, 1);
	assert_int_equal(delete_range(&a, ANN, 5001, 5000, false), 733);
	assert_int_equal(delete_range(&a, ANN, 6000, 7000, true), 730);
	w.map.policy.secure = false;
	assert_int_equal(delete_range(&a, ANN, 5002, 5002, false), 730);
	assert_int_equal(delete_range(&a, ANN, 0, 65535, true), IGD_WAIT);
	assert_int_equal(take_ops(), 4);
	while (w.op_n)
		answer(0, NAT_OK);
	assert_int_equal(a.err, 0);
	assert_int_equal(portmap_count(w.map.pm), 0);
}

/* Some control points delete until there is nothing left. */
static void range_deletes_the_dummy_mapping(void **state)
{
	struct requester a;

	w.igd.show_dummy = true;
	assert_true(wanip_dummy_shown(&w.igd, w.now_ms));
	assert_int_equal(delete_range(&a, ANN, 10, 65535, false), 730);
	assert_int_equal(delete_range(&a, ANN, 1, 8, false), 730);
	assert_int_equal(delete_range(&a, ANN, 1, 65535, false), 0);
	assert_false(wanip_dummy_shown(&w.igd, w.now_ms));
	assert_int_equal(delete_range(&a, ANN, 1, 65535, false), 730);
	w.now_ms += 60000;
	assert_int_equal(delete_range(&a, ANN, 9, 9, true), 0);
}

static void range_reports_a_failure(void **state)
{
	struct requester a;

	three_of_ann_one_of_bob();
	assert_int_equal(delete_range(&a, ANN, 5000, 5003, false), IGD_WAIT);
	answer(0, NAT_EFAIL);
	answer(0, NAT_OK);
	answer(0, NAT_OK);
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.err, 501);
	assert_int_equal(portmap_count(w.map.pm), 2);
	/* the failure does not affect the next range */
	assert_int_equal(delete_range(&a, ANN, 5000, 5003, false), IGD_WAIT);
	answer(0, NAT_OK);
	assert_int_equal(a.err, 0);
}

static void disabled_mappings_are_deleted_at_once(void **state)
{
	struct requester a;
	struct igd_call call;
	uint16_t port;

	for (port = 5000; port < 5003; port++) {
		call = add_call(&a, ANN, port, port);
		call.in[5].u = 0;
		assert_int_equal(wanip2_add_any(&w.igd, &call), 0);
	}
	assert_int_equal(delete_range(&a, ANN, 5000, 5001, false), 0);
	assert_int_equal(w.gone, 2);
	assert_int_equal(portmap_count(w.map.pm), 1);
}

static void ranges_are_deleted_one_at_a_time(void **state)
{
	struct requester ann, bob, late;

	three_of_ann_one_of_bob();
	assert_int_equal(delete_range(&ann, ANN, 5000, 5003, false), IGD_WAIT);
	assert_int_equal(delete_range(&bob, BOB, 5000, 5003, false), IGD_WAIT);
	assert_int_equal(delete_range(&late, ANN, 5000, 5003, false),
			 IGD_WAIT);
	assert_int_equal(take_ops(), 3);
	answer(0, NAT_OK);
	answer(0, NAT_OK);
	assert_int_equal(ann.answers + bob.answers + late.answers, 0);
	answer(0, NAT_OK);
	assert_int_equal(ann.answers, 1);
	assert_int_equal(take_ops(), 1);
	answer(0, NAT_OK);
	assert_int_equal(bob.answers, 1);
	assert_int_equal(bob.err, 0);
	assert_int_equal(late.answers, 1);
	assert_int_equal(late.err, 730);
}

static void range_continues_without_its_requester(void **state)
{
	struct requester ann, bob;

	three_of_ann_one_of_bob();
	assert_int_equal(delete_range(&ann, ANN, 5000, 5003, false), IGD_WAIT);
	assert_int_equal(delete_range(&bob, BOB, 5000, 5003, false), IGD_WAIT);
	igd_cancel(&w.igd, &ann.wait);
	take_ops();
	answer(0, NAT_OK);
	answer(0, NAT_OK);
	answer(0, NAT_OK);
	assert_int_equal(ann.answers, 0);
	answer(0, NAT_OK);
	assert_int_equal(bob.answers, 1);
	assert_int_equal(portmap_count(w.map.pm), 0);
}

/* The mapping is part of a range that is being deleted: the single delete waits
 * for that op, and then finds nothing. */
static void single_delete_waits_for_the_range(void **state)
{
	struct requester ann, one;
	struct igd_call call;

	three_of_ann_one_of_bob();
	assert_int_equal(delete_range(&ann, ANN, 5000, 5000, false), IGD_WAIT);
	call = add_call(&one, ANN, 5000, 0);
	assert_int_equal(wanip_delete(&w.igd, &call), IGD_WAIT);
	assert_int_equal(take_ops(), 1);
	answer(0, NAT_OK);
	assert_int_equal(ann.err, 0);
	assert_int_equal(one.answers, 1);
	assert_int_equal(one.err, 714);
}

/* The operator's mappings stay, with and without NewManage. */
static void range_keeps_the_operators_mappings(void **state)
{
	struct requester a = { .answers = 0 };
	struct pm_req q = {
		.rule = { .client = addr_ip4(ANN), .remote = addr_any(),
			  .ext_port = 5000, .int_port = 5001,
			  .kind = NAT_PORTMAP, .proto = IPPROTO_TCP },
		.enabled = true,
		.origin = ORIGIN_OPERATOR,
	};

	assert_int_equal(portmap_restore(w.map.pm, &q, 0), PM_DONE);
	assert_int_equal(delete_range(&a, ANN, 5000, 5000, false), 730);
	assert_int_equal(delete_range(&a, ANN, 5000, 5000, true), 606);
	assert_int_equal(take_ops(), 0);
	assert_int_equal(portmap_count(w.map.pm), 1);
}

/* ---- GetListOfPortMappings ----------------------------------------- */

static size_t list_length(struct igd_list list)
{
	size_t sum = 0, part;
	bool more;

	do {
		more = wanip2_list_measure(&w.igd, &list, &part);
		sum += part;
	} while (more);
	return sum;
}

static size_t piece_max = 8192;	/* of the list, as it is written */
static void (*between_pieces)(void);

/* Write the list in pieces. Return: 0 or the error */
static int get_list(uint32_t requester_ip, uint16_t lo, uint16_t hi,
		    bool manage, uint16_t number, struct wr *ret)
{
	struct igd_call call = call_by(NULL, requester_ip);
	const bool changes = between_pieces != NULL;
	size_t left;
	bool more = true;
	int err;

	call.in[0].u = lo;
	call.in[1].u = hi;
	call.in[2].s = STR("TCP");
	call.in[3].u = manage;
	call.in[4].u = number;
	err = wanip2_get_list(&w.igd, &call);
	if (err)
		return err;
	assert_true(call.out[0].list);
	left = list_length(call.list);
	wr_z(ret, WANIP2_LIST_OPEN);
	while (more) {
		struct wr piece = wr_init(ret->buf + ret->len, piece_max);

		more = wanip2_list_write(&w.igd, &call.list, left, &piece);
		assert_false(piece.over);
		assert_true(piece.len || !more);
		assert_true(piece.len <= left);
		ret->len += piece.len;
		left -= piece.len;
		if (between_pieces)
			between_pieces();
	}
	if (!changes)
		assert_int_equal(left, 0);
	wr_z(ret, WANIP2_LIST_CLOSE);
	assert_false(ret->over);
	return 0;
}

/* The external ports of the list, from @lo on, as "5000 5001 ". */
static const char *listed_from(uint32_t requester_ip, uint16_t lo, bool manage,
			       uint16_t number)
{
	static char buf[32768], ports[256];
	struct wr list = wr_init(buf, sizeof(buf) - 1);
	struct wr p = wr_init(ports, sizeof(ports));
	const char *at_port;
	int err = get_list(requester_ip, lo, 65535, manage, number, &list);

	if (err)
		wr_u64(&p, (uint64_t)err);
	buf[list.len] = '\0';
	at_port = buf;
	while ((at_port = strstr(at_port, "<p:NewExternalPort>"))) {
		at_port += strlen("<p:NewExternalPort>");
		wr_u64(&p, strtoul(at_port, NULL, 10));
		wr_ch(&p, ' ');
	}
	if (!err)
		assert_non_null(strstr(buf, "</p:PortMappingList>]]>"));
	return wr_cstr(&p);
}

static const char *listed(uint32_t requester_ip, bool manage, uint16_t number)
{
	return listed_from(requester_ip, 1, manage, number);
}

/* The answer was once 730 for a mapping that existed all the time, because its
 * owner's renewal with another internal port was in flight. */
static void range_waits_for_a_renewal(void **state)
{
	struct requester ann, renewal;
	struct igd_call call;

	assert_int_equal(reserved(ANN, 5000, 5000), 5000);
	call = add_call(&renewal, ANN, 5000, 5001);
	assert_int_equal(wanip_add(&w.igd, &call), IGD_WAIT);
	assert_int_equal(delete_range(&ann, ANN, 5000, 5003, false), IGD_WAIT);
	answer(0, NAT_OK);
	assert_int_equal(renewal.answers, 1);
	assert_int_equal(ann.answers, 0);
	answer(0, NAT_OK);
	assert_int_equal(ann.answers, 1);
	assert_int_equal(ann.err, 0);
	assert_int_equal(portmap_count(w.map.pm), 0);
}

static void list_has_the_form_of_the_standard(void **state)
{
	struct requester a;
	struct igd_call call = add_call(&a, ANN, 5000, 5001);
	char buf[2048];
	struct wr list = wr_init(buf, sizeof(buf));

	call.in[0].s = STR("198.51.100.9");
	call.in[6].s = STR("a]]><b>&\xc3\xa9");
	assert_int_equal(wanip2_add_any(&w.igd, &call), IGD_WAIT);
	answer(0, NAT_OK);
	w.now_ms += 800;
	assert_int_equal(get_list(ANN, 5000, 5000, false, 0, &list), 0);
	assert_string_equal(wr_cstr(&list),
		"<![CDATA[<?xml version=\"1.0\"?><p:PortMappingList "
		"xmlns:p=\"urn:schemas-upnp-org:gw:WANIPConnection\">"
		"<p:PortMappingEntry>"
		"<p:NewRemoteHost>198.51.100.9</p:NewRemoteHost>"
		"<p:NewExternalPort>5000</p:NewExternalPort>"
		"<p:NewProtocol>TCP</p:NewProtocol>"
		"<p:NewInternalPort>5001</p:NewInternalPort>"
		"<p:NewInternalClient>192.168.88.10</p:NewInternalClient>"
		"<p:NewEnabled>1</p:NewEnabled>"
		"<p:NewDescription>a]]&gt;&lt;b&gt;&amp;&#233;"
		"</p:NewDescription>"
		"<p:NewLeaseTime>604800</p:NewLeaseTime>"
		"</p:PortMappingEntry></p:PortMappingList>]]>");
}

static void list_has_the_requesters_mappings(void **state)
{
	struct wr none = wr_init(NULL, 0);

	assert_string_equal(listed(ANN, true, 0), "730");
	w.igd.show_dummy = true;
	assert_string_equal(listed(ANN, true, 0), "730");
	three_of_ann_one_of_bob();
	assert_string_equal(listed(ANN, false, 0), "5000 5001 5003 ");
	assert_string_equal(listed(ANN, true, 0), "5000 5001 5003 ");
	assert_string_equal(listed(BOB, true, 0), "5002 ");
	w.igd.list_all = true;
	assert_string_equal(listed(BOB, true, 0),
			    "5000 5001 5002 5003 ");
	assert_string_equal(listed(BOB, false, 0), "5002 ");
	assert_string_equal(listed(BOB, true, 3), "5000 5001 5002 ");
	assert_int_equal(get_list(ANN, 5001, 5000, false, 0, &none), 733);
	assert_int_equal(get_list(ANN, 5004, 65535, false, 0, &none), 730);
}

static void list_omits_suspended_mappings(void **state)
{
	three_of_ann_one_of_bob();
	assert_true(portmap_suspend(w.map.pm, portmap_at(w.map.pm, 1),
				    UINT64_MAX));
	assert_string_equal(listed(ANN, false, 0), "5000 5003 ");
	assert_true(portmap_suspend(w.map.pm, portmap_at(w.map.pm, 2),
				    UINT64_MAX));
	assert_string_equal(listed(BOB, false, 0), "730");
}

/* The list was once in the order in which the mappings were made. A control
 * point that read it in parts, each from the last port on, missed some. */
static void list_is_ordered_by_port(void **state)
{
	struct requester a;
	struct igd_call call;

	assert_int_equal(reserved(ANN, 65535, 1), -606);
	assert_int_equal(reserved(ANN, 65535, 5000), 65535);
	assert_int_equal(reserved(ANN, 5056, 5056), 5056);
	assert_int_equal(reserved(ANN, 5055, 5055), 5055);
	/* mappings and changes that are not committed are not listed */
	assert_int_equal(any(&a, ANN, 5002, 5002), IGD_WAIT);
	assert_string_equal(listed(ANN, false, 0), "5055 5056 65535 ");
	assert_string_equal(listed(ANN, false, 2), "5055 5056 ");
	answer(0, NAT_OK);
	call = add_call(&a, ANN, 5002, 5009);
	assert_int_equal(wanip_add(&w.igd, &call), IGD_WAIT);
	assert_string_equal(listed(ANN, false, 0),
			    "5002 5055 5056 65535 ");
	answer(0, NAT_OK);
}

/* In pieces of any size that holds an entry, the list is the same. */
static void list_is_written_in_pieces(void **state)
{
	three_of_ann_one_of_bob();
	for (piece_max = 400; piece_max < 2000; piece_max++)
		assert_string_equal(listed(ANN, false, 0), "5000 5001 5003 ");
	piece_max = 8192;
}

static void change_list(void)
{
	struct requester a;
	struct igd_call call;

	between_pieces = NULL;
	call = add_call(&a, ANN, 5003, 0);
	assert_int_equal(wanip_delete(&w.igd, &call), IGD_WAIT);
	answer(0, NAT_OK);
	assert_int_equal(reserved(ANN, 5002, 5002), 5004);
}

/* What is deleted between two pieces is left out, and what is added is not
 * listed: the length was told before. */
static void list_does_not_grow_between_pieces(void **state)
{
	three_of_ann_one_of_bob();
	w.rnd = 5004 - 1024;
	piece_max = 400;
	between_pieces = change_list;
	assert_string_equal(listed(ANN, false, 0), "5000 5001 ");
	piece_max = 8192;
	assert_string_equal(listed(ANN, false, 0), "5000 5001 5004 ");
}

/* Another mapping of Ann's on the same port, for one remote host. */
static void add_remote(const char *remote, uint16_t ext)
{
	struct requester a;
	struct igd_call call = add_call(&a, ANN, ext, ext);

	call.in[0].s = str_z(remote);
	assert_int_equal(wanip_add(&w.igd, &call), IGD_WAIT);
	answer(0, NAT_OK);
}

static void delete_remote(const char *remote, uint16_t ext)
{
	struct requester a;
	struct igd_call call = add_call(&a, ANN, ext, 0);

	call.in[0].s = str_z(remote);
	assert_int_equal(wanip_delete(&w.igd, &call), IGD_WAIT);
	answer(0, NAT_OK);
}

static void delete_those_of_one_port(void)
{
	between_pieces = NULL;
	delete_remote("198.51.100.1", 5000);
	delete_remote("198.51.100.2", 5000);
	delete_remote("198.51.100.3", 5000);
}

/* The engine once crashed: it continued from a slot that had been freed. */
static void list_continues_after_its_entry_is_deleted(void **state)
{
	add_remote("198.51.100.1", 5000);
	add_remote("198.51.100.2", 5000);
	add_remote("198.51.100.3", 5000);
	add_remote("198.51.100.3", 5001);
	piece_max = 400;
	between_pieces = delete_those_of_one_port;
	assert_string_equal(listed(ANN, false, 0), "5000 5001 ");
	piece_max = 8192;
}

/* Fill a table of the largest size with mappings of Ann's, the highest port
 * first. */
static void fill_table(void)
{
	struct pm_req q = {
		.rule = { .client = addr_ip4(ANN), .remote = addr_any(),
			  .kind = NAT_PORTMAP, .proto = IPPROTO_TCP },
		.enabled = true, .origin = ORIGIN_UPNP,
		.requester = addr_ip4(ANN), .desc = "a \"game\"",
	};

	portmap_free(w.map.pm);
	w.map.pm = portmap_new(PM_MAPPINGS_LIMIT, PM_MAPPINGS_LIMIT);
	assert_non_null(w.map.pm);
	for (uint16_t i = 0; i < PM_MAPPINGS_LIMIT; i++) {
		q.rule.ext_port = q.rule.int_port = (uint16_t)(UINT16_MAX - i);
		assert_int_equal(portmap_restore(w.map.pm, &q, 0), PM_DONE);
	}
}

/* Return: the number of entries in a piece. *@last: the port before them */
static unsigned count_entries(const char *piece, uint32_t *last)
{
	static const char tag[] = "<p:NewExternalPort>";
	unsigned n = 0;

	while ((piece = strstr(piece, tag))) {
		uint32_t port = (uint32_t)strtoul(piece + strlen(tag), NULL,
						  10);

		assert_true(port > *last);
		*last = port;
		piece += strlen(tag);
		n++;
	}
	return n;
}

static uint16_t slot_of(uint16_t ext_port)
{
	return portmap_on_port(w.map.pm, IPPROTO_TCP, ext_port, PM_NONE);
}

static void told_another_port(void)
{
	portmap_set_told(w.map.pm, slot_of(5000), 6000);
}

/* Range, order and next page are those of the ports that the list has, which an
 * upstream may have assigned. */
static void list_is_in_the_order_of_told_ports(void **state)
{
	static char buf[4096];
	struct wr list = wr_init(buf, sizeof(buf));

	for (uint16_t port = 5000; port < 5004; port++)
		assert_int_equal(reserved(ANN, port, port), port);
	portmap_set_told(w.map.pm, slot_of(5000), 60000);
	portmap_set_told(w.map.pm, slot_of(5001), 4000);
	portmap_set_told(w.map.pm, slot_of(5003), 5000);
	assert_string_equal(listed(ANN, false, 0), "4000 5000 5002 60000 ");
	assert_string_equal(listed(ANN, false, 1), "4000 ");
	assert_string_equal(listed_from(ANN, 4001, false, 2), "5000 5002 ");
	assert_string_equal(listed_from(ANN, 5003, false, 2), "60000 ");
	assert_string_equal(listed_from(ANN, 60001, false, 2), "730");
	assert_int_equal(get_list(ANN, 5001, 5001, false, 0, &list), 730);
	assert_int_equal(get_list(ANN, 4000, 4000, false, 0, &list), 0);
}

static void list_continues_after_its_entry_has_another_port(void **state)
{
	for (uint16_t port = 5000; port < 5003; port++)
		assert_int_equal(reserved(ANN, port, port), port);
	piece_max = 400;
	between_pieces = told_another_port;
	assert_string_equal(listed(ANN, false, 0), "5000 5001 5002 ");
	between_pieces = NULL;
	piece_max = 8192;
}

static void list_of_the_largest_table_is_whole(void **state)
{
	struct igd_call call = call_by(NULL, ANN);
	static char buf[HTTP_REPLY_MAX + 1];
	unsigned entries = 0;
	uint32_t last = 0;
	size_t left;
	bool more = true;

	fill_table();
	call.in[0].u = 0;
	call.in[1].u = UINT16_MAX;
	call.in[2].s = STR("TCP");
	assert_int_equal(wanip2_get_list(&w.igd, &call), 0);
	left = list_length(call.list);
	while (more) {
		struct wr piece = wr_init(buf, HTTP_REPLY_MAX);

		more = wanip2_list_write(&w.igd, &call.list, left, &piece);
		assert_true(piece.len <= left);
		left -= piece.len;
		buf[piece.len] = '\0';
		entries += count_entries(buf, &last);
	}
	assert_int_equal(entries, PM_MAPPINGS_LIMIT);
	assert_int_equal(last, UINT16_MAX);
	assert_int_equal(left, 0);
}

/* ---- SystemUpdateID ------------------------------------------------ */

static void system_update_id_counts_changes(void **state)
{
	const struct igd_service *svc = NULL;
	const struct igd_var *var;
	struct requester a;
	struct igd_call call;
	char buf[16];
	struct wr wr = wr_init(buf, sizeof(buf));
	unsigned n;

	model_resolve(STR("/igd2/wanip/control"), &n, &svc);
	var = model_var(svc, 2, STR("SystemUpdateID"));
	assert_non_null(var);
	w.map.update_id = UINT32_MAX;
	assert_int_equal(reserved(ANN, 5000, 5000), 5000);
	assert_int_equal(w.map.update_id, 0);
	assert_int_equal(any(&a, ANN, 5001, 5001), IGD_WAIT);
	assert_int_equal(w.map.update_id, 0);
	answer(0, NAT_EFAIL);
	assert_int_equal(w.map.update_id, 0);
	call = add_call(&a, ANN, 5000, 0);
	assert_int_equal(wanip_delete(&w.igd, &call), IGD_WAIT);
	answer(0, NAT_OK);
	assert_int_equal(w.map.update_id, 1);
	/* the lease of a mapping with a rule ends, and of one without */
	assert_int_equal(reserved(ANN, 5000, 5000), 5000);
	call = add_call(&a, ANN, 5001, 5001);
	call.in[5].u = 0;
	assert_int_equal(wanip2_add_any(&w.igd, &call), 0);
	assert_int_equal(w.map.update_id, 3);
	w.now_ms += (uint64_t)PM_LEASE_MAX_S * 1000;
	map_tick(&w.map, w.now_ms);
	assert_int_equal(w.map.update_id, 4);
	answer(0, NAT_OK);
	assert_int_equal(w.map.update_id, 5);
	assert_int_equal(igd_read(&w.igd, svc, 2, var, w.now_ms, &wr), 0);
	assert_string_equal(wr_cstr(&wr), "5");
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(any_port_gets_the_wished_port),
		T(any_port_gets_another_if_the_wished_one_is_taken),
		T(any_port_renews_the_clients_own_mapping),
		T(any_port_without_an_op_returns_its_port),
		T(any_port_skips_ports_with_an_op_in_flight),
		T(any_port_skips_a_rule_that_cannot_be_deleted),
		T(any_port_twice_gets_the_same_mapping),
		T(any_port_tries_others_if_the_router_serves_it),
		T(any_port_can_be_cancelled_between_tries),
		T(range_keeps_the_operators_mappings),
		T(any_port_failures_have_their_codes),
		T(any_port_respects_the_caps),
		T(range_is_answered_when_all_are_deleted),
		T(range_includes_both_ends_of_one_protocol),
		T(range_deletes_the_requesters_mappings),
		T(range_deletes_the_dummy_mapping),
		T(range_reports_a_failure),
		T(disabled_mappings_are_deleted_at_once),
		T(ranges_are_deleted_one_at_a_time),
		T(range_continues_without_its_requester),
		T(single_delete_waits_for_the_range),
		T(range_waits_for_a_renewal),
		T(list_has_the_form_of_the_standard),
		T(list_has_the_requesters_mappings),
		T(list_omits_suspended_mappings), T(list_is_ordered_by_port),
		T(list_is_written_in_pieces),
		T(list_does_not_grow_between_pieces),
		T(list_continues_after_its_entry_is_deleted),
		T(list_is_in_the_order_of_told_ports),
		T(list_continues_after_its_entry_has_another_port),
		T(list_of_the_largest_table_is_whole),
		T(system_update_id_counts_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
