/* SPDX-License-Identifier: ISC */
/*
 * coretest.h - the mapping core with both tables, for tests of what several
 * protocols ask of it. The test plays the kernel. Include it after cmocka.h.
 */
#ifndef TESTS_UNIT_MAP_CORETEST_H
#define TESTS_UNIT_MAP_CORETEST_H

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include "map/map.h"
#include "tests/unit/addrtest.h"

#define ARRAY_N(a) (sizeof(a) / sizeof((a)[0]))
#define T(fn) cmocka_unit_test_setup_teardown(fn, core_set_up, core_tear_down)

enum family { V4, V6, FAMILIES };
enum host { NOBODY, ANN, BOB, FAR, FARTHER, HOSTS };

static struct map map;
static uint64_t now_ms;
static unsigned stored, gone, refused, wakes;
static struct refused last_refused;
static uint32_t random_number;

/* Ops that were fetched, not answered yet. */
static struct nat_op op[32];
static struct nat_op_id op_id[32];
static size_t op_n;

static void core_wake(void *arg)
{
	wakes++;
}

static void core_stored(void *arg, const struct pm_entry *e)
{
	stored++;
}

static void core_gone(void *arg, const struct nat_rule *r)
{
	gone++;
}

static void core_refused(void *arg, const struct refused *r)
{
	refused++;
	last_refused = *r;
}

static uint32_t core_rnd(void *arg)
{
	return random_number;
}

static const struct map_ops core_ops = {
	core_wake, core_stored, core_gone, core_refused, core_rnd,
};

static struct addr host_addr(enum family f, enum host h)
{
	static const char *const text[FAMILIES][HOSTS] = {
		{ "192.168.88.1", "192.168.88.10", "192.168.88.11",
		  "198.51.100.1", "198.51.100.2" },
		{ "2001:db8:88::1", "2001:db8:88::10", "2001:db8:88::11",
		  "2001:db8:ff::1", "2001:db8:ff::2" },
	};

	return addr_of_text(text[f][h]);
}

static int core_set_up(void **state)
{
	now_ms = 1000000;
	stored = gone = refused = wakes = 0;
	random_number = 7;
	op_n = 0;
	map = (struct map){
		.max_lease_s = PM_LEASE_MAX_S, .ops = &core_ops,
		.pinholes = portmap_new(16, 12),
		.ext = addr_of_text("203.0.113.7"),
		.policy = { .secure = true, .net_n = 2, .net = {
			{ 2, "", { host_addr(V4, NOBODY), 24 } },
			{ 2, "", { host_addr(V6, NOBODY), 64 } },
		} },
	};
	map_init(&map, portmap_new(16, 12));
	return 0;
}

static int core_tear_down(void **state)
{
	portmap_free(map.pm);
	portmap_free(map.pinholes);
	return 0;
}

__attribute__((unused))
static struct portmap *table(enum family f)
{
	return f == V6 ? map.pinholes : map.pm;
}

/* ---- requests ------------------------------------------------------ */

/* A request. All zero: UPnP, of Ann, TCP 5000 to 5000 for an hour. */
struct rq {
	enum origin by;
	enum host from, to, remote;	/* to: 0: from */
	uint8_t nonce;		/* each of its bytes */
	uint8_t proto;
	uint16_t int_port, ext_port, remote_port;
	bool no_wish;		/* ext_port is 0 */
	bool peer, disabled, third_party, except, no_port;
	enum map_port port;
	uint32_t lease_s;
};

struct answer {
	struct map_wait wait;
	unsigned n;		/* how often done() was called */
	int why;		/* enum refusal, or MAP_WAIT */
	struct pm_entry e;	/* the mapping */
	bool has_e;
};

static void core_reply(struct answer *a, int why, const struct pm_entry *e)
{
	a->why = why;
	a->has_e = e != NULL;
	if (e)
		a->e = *e;
}

static void core_done(struct map_wait *w, enum refusal why,
		      const struct pm_entry *e)
{
	struct answer *a = (struct answer *)
		((char *)w - offsetof(struct answer, wait));

	a->n++;
	core_reply(a, (int)why, e);
}

static void fill(struct answer *a, enum family f, struct rq r)
{
	struct pm_req *q = &a->wait.req.mapping;

	*a = (struct answer){ .wait.done = core_done };
	q->origin = r.by ? r.by : ORIGIN_UPNP;
	if (q->origin != ORIGIN_OPERATOR)
		q->requester = host_addr(f, r.from ? r.from : ANN);
	q->requester_if = 2;
	q->enabled = !r.disabled;
	q->peer = r.peer;
	memset(&q->nonce, r.nonce, sizeof(q->nonce));
	snprintf(q->desc, sizeof(q->desc), "of %s", origin_name(q->origin));
	q->rule = (struct nat_rule){
		.kind = f == V6 ? NAT_PINHOLE : NAT_PORTMAP,
		.proto = r.proto ? r.proto : IPPROTO_TCP,
		.client = host_addr(f, r.to ? r.to : r.from ? r.from : ANN),
		.remote = r.remote ? host_addr(f, r.remote) : addr_any(),
		.remote_port = r.remote_port,
		.int_port = r.no_port ? 0 : r.int_port ? r.int_port : 5000,
		.ext_port = f == V6 || r.no_wish ? 0 : r.ext_port ? r.ext_port :
			    5000,
	};
	a->wait.req.port = (uint8_t)r.port;
	a->wait.req.third_party = r.third_party;
	a->wait.req.except = r.except;
	a->wait.req.lease_s = r.lease_s ? r.lease_s : 3600;
}

static int ask(struct answer *a, enum family f, struct rq r)
{
	const struct pm_entry *e = NULL;
	int why;

	fill(a, f, r);
	why = map_add(&map, &a->wait, now_ms, &e);
	core_reply(a, why, e);
	return why;
}

static int ask_delete(struct answer *a, enum family f, struct rq r)
{
	fill(a, f, r);
	return a->why = map_delete(&map, &a->wait);
}

__attribute__((unused))
static int ask_delete_own(struct answer *a, enum family f, struct rq r)
{
	fill(a, f, r);
	return a->why = map_delete_own(&map, &a->wait, now_ms);
}

/* Fetch the ops. Return: how many are not answered */
static size_t take_ops(void)
{
	struct portmap *pm = NULL;

	while ((pm = map_next_table(&map, pm)))
		while (op_n < ARRAY_N(op) &&
		       portmap_next_op(pm, &op[op_n], &op_id[op_n]))
			op_n++;
	return op_n;
}

/* Answer the oldest op. */
static void answer(enum nat_err err)
{
	struct nat_op_id first;

	assert_true(take_ops() > 0);
	first = op_id[0];
	op_n--;
	memmove(op_id, op_id + 1, op_n * sizeof(op_id[0]));
	memmove(op, op + 1, op_n * sizeof(op[0]));
	map_answer(&map, first, err, now_ms);
}

static void answer_all(void)
{
	while (take_ops() > 0)
		answer(NAT_OK);
}

/* Ask, and let the kernel accept everything. Return: the result */
__attribute__((unused))
static int get(struct answer *a, enum family f, struct rq r)
{
	ask(a, f, r);
	answer_all();
	return a->why;
}

/* Make a mapping. */
__attribute__((unused))
static struct pm_entry have(enum family f, struct rq r)
{
	struct answer a;

	if (get(&a, f, r) != REFUSAL_NONE || !a.has_e)
		fail_msg("%s", refusal_name((enum refusal)a.why));
	return a.e;
}

__attribute__((unused))
static int delete(struct answer *a, enum family f, struct rq r)
{
	ask_delete(a, f, r);
	answer_all();
	return a->why;
}

__attribute__((unused))
static int delete_own(struct answer *a, enum family f, struct rq r)
{
	ask_delete_own(a, f, r);
	answer_all();
	return a->why;
}

#endif
