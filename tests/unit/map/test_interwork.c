/* SPDX-License-Identifier: ISC */
/*
 * test_interwork.c - what a request of one protocol does to the mapping of
 * another: each cell of the table, for port mappings and for pinholes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/unit/map/coretest.h"

/* What is expected of a cell. */
enum what { FULL, EXTEND, CONFLICT, NONCE, OPERATOR };

static const struct cell {
	enum origin asks;
	uint8_t nonce;
	enum origin made;
	uint8_t its_nonce;
	enum what same, strict;	/* strict: with pcp-strict-nonce */
	enum what other;	/* another internal port over UPnP */
} cells[] = {
	{ ORIGIN_UPNP, 0, ORIGIN_UPNP, 0, FULL, FULL, FULL },
	{ ORIGIN_UPNP, 0, ORIGIN_NAT_PMP, 0, EXTEND, EXTEND, FULL },
	{ ORIGIN_UPNP, 0, ORIGIN_PCP, 1, EXTEND, EXTEND, CONFLICT },
	{ ORIGIN_UPNP, 0, ORIGIN_OPERATOR, 0, OPERATOR, OPERATOR, CONFLICT },
	{ ORIGIN_NAT_PMP, 0, ORIGIN_UPNP, 0, EXTEND, EXTEND, CONFLICT },
	{ ORIGIN_NAT_PMP, 0, ORIGIN_NAT_PMP, 0, FULL, FULL, CONFLICT },
	{ ORIGIN_NAT_PMP, 0, ORIGIN_PCP, 1, EXTEND, EXTEND, CONFLICT },
	{ ORIGIN_NAT_PMP, 0, ORIGIN_OPERATOR, 0, OPERATOR, OPERATOR,
	  CONFLICT },
	{ ORIGIN_PCP, 1, ORIGIN_UPNP, 0, EXTEND, EXTEND, CONFLICT },
	{ ORIGIN_PCP, 1, ORIGIN_NAT_PMP, 0, EXTEND, EXTEND, CONFLICT },
	{ ORIGIN_PCP, 1, ORIGIN_PCP, 1, FULL, FULL, CONFLICT },
	{ ORIGIN_PCP, 2, ORIGIN_PCP, 1, EXTEND, NONCE, CONFLICT },
	{ ORIGIN_PCP, 1, ORIGIN_OPERATOR, 0, OPERATOR, OPERATOR, CONFLICT },
	{ ORIGIN_OPERATOR, 0, ORIGIN_UPNP, 0, FULL, FULL, FULL },
	{ ORIGIN_OPERATOR, 0, ORIGIN_NAT_PMP, 0, FULL, FULL, FULL },
	{ ORIGIN_OPERATOR, 0, ORIGIN_PCP, 1, FULL, FULL, FULL },
	{ ORIGIN_OPERATOR, 0, ORIGIN_OPERATOR, 0, FULL, FULL, FULL },
};

static const struct pm_entry *only(enum family f)
{
	assert_int_equal(portmap_count(table(f)), 1);
	return portmap_entry(table(f), portmap_at(table(f), 0));
}

static void assert_nonce(const struct pm_entry *e, uint8_t byte)
{
	for (size_t i = 0; i < sizeof(e->nonce.byte); i++)
		assert_int_equal(e->nonce.byte[i], byte);
}

static bool has_desc(enum family f, const struct pm_entry *e, const char *text)
{
	char buf[PM_DESC_MAX + 1];

	return str_eq(portmap_desc(table(f), e, buf), str_z(text));
}

/* The mapping in the table is as its maker left it. */
static void assert_stays(enum family f, const struct cell *c,
			 const struct pm_entry *was)
{
	const struct pm_entry *e = only(f);
	char want[32];

	assert_int_equal(e->origin, c->made);
	assert_nonce(e, c->its_nonce);
	assert_true(nat_rule_equal(&e->rule, &was->rule));
	assert_true(addr_equal(e->requester, was->requester));
	assert_int_equal(e->unique_id, was->unique_id);
	snprintf(want, sizeof(want), "of %s", origin_name(c->made));
	assert_true(has_desc(f, e, want));
}

/* A request for 100 s of a mapping that has an hour, then one for a day. */
static void check_extend(enum family f, const struct cell *c, struct rq ask,
			 const struct pm_entry *was)
{
	struct answer a;

	ask.lease_s = 100;
	assert_int_equal(get(&a, f, ask), REFUSAL_NONE);
	assert_int_equal(a.e.expires_ms, was->expires_ms);
	assert_stays(f, c, was);
	ask.lease_s = 86400;
	assert_int_equal(get(&a, f, ask), REFUSAL_NONE);
	assert_int_equal(a.e.expires_ms, now_ms + 86400000);
	assert_stays(f, c, was);
	assert_true(only(f)->enabled);
}

static void check_full(enum family f, const struct cell *c, struct rq ask)
{
	struct answer a;

	ask.lease_s = 100;
	assert_int_equal(get(&a, f, ask), REFUSAL_NONE);
	assert_int_equal(a.e.expires_ms, now_ms + 100000);
	assert_int_equal(only(f)->origin, c->asks);
	assert_nonce(only(f), c->nonce);
	assert_int_equal(only(f)->rule.int_port,
			 ask.int_port ? ask.int_port : 5000);
}

static void check_cell(enum family f, const struct cell *c, enum what what,
		       struct rq ask)
{
	const struct pm_entry was = have(f, (struct rq){
		.by = c->made, .nonce = c->its_nonce });
	struct answer a;

	now_ms += 1000;
	switch (what) {
	case FULL:
		check_full(f, c, ask);
		break;
	case EXTEND:
		check_extend(f, c, ask, &was);
		break;
	case OPERATOR:		/* it succeeds, and changes nothing */
		assert_int_equal(get(&a, f, ask), REFUSAL_NONE);
		assert_int_equal(a.e.expires_ms, was.expires_ms);
		assert_stays(f, c, &was);
		break;
	case NONCE:
		assert_int_equal(get(&a, f, ask), REFUSAL_NONCE);
		assert_int_equal(a.wait.left_s, 3599);
		assert_int_equal(last_refused.why, REFUSAL_NONCE);
		assert_stays(f, c, &was);
		break;
	case CONFLICT:
		assert_int_equal(get(&a, f, ask), c->made == ORIGIN_OPERATOR ?
				 REFUSAL_OPERATOR : REFUSAL_CONFLICT);
		assert_stays(f, c, &was);
		break;
	}
}

static struct rq request_of(const struct cell *c)
{
	struct rq r = { .by = c->asks, .nonce = c->nonce };

	if (c->asks == ORIGIN_NAT_PMP || c->asks == ORIGIN_PCP)
		r.port = MAP_PORT_OWN;
	return r;
}

static void each_cell(enum family f, bool strict)
{
	for (size_t i = 0; i < ARRAY_N(cells); i++) {
		core_tear_down(NULL);
		core_set_up(NULL);
		map.strict_nonce = strict;
		check_cell(f, &cells[i],
			   strict ? cells[i].strict : cells[i].same,
			   request_of(&cells[i]));
	}
}

static void same_internal_port(void **state)
{
	each_cell(V4, false);
}

static void same_internal_port_strictly(void **state)
{
	each_cell(V4, true);
}

/* NAT-PMP has no pinholes, but its rows hold for them. */
static void same_pinhole(void **state)
{
	each_cell(V6, false);
}

static void same_pinhole_strictly(void **state)
{
	each_cell(V6, true);
}

/* The port is wished for another internal port. */
static void another_internal_port(void **state)
{
	for (size_t i = 0; i < ARRAY_N(cells); i++) {
		struct rq r = { .by = cells[i].asks, .nonce = cells[i].nonce,
				.int_port = 6000 };

		core_tear_down(NULL);
		core_set_up(NULL);
		check_cell(V4, &cells[i], cells[i].other, r);
	}
}

/* NAT-PMP and PCP get another port for another internal port, and AddAny does
 * if PCP has the wished one. */
static void another_port_is_chosen(void **state)
{
	static const struct {
		enum origin made, asks;
		enum map_port port;
	} row[] = {
		{ ORIGIN_UPNP, ORIGIN_NAT_PMP, MAP_PORT_OWN },
		{ ORIGIN_NAT_PMP, ORIGIN_NAT_PMP, MAP_PORT_OWN },
		{ ORIGIN_UPNP, ORIGIN_PCP, MAP_PORT_OWN },
		{ ORIGIN_PCP, ORIGIN_PCP, MAP_PORT_OWN },
		{ ORIGIN_PCP, ORIGIN_UPNP, MAP_PORT_ANY },
	};

	for (size_t i = 0; i < ARRAY_N(row); i++) {
		struct rq made = { .by = row[i].made, .nonce = 1 };
		struct rq r = { .by = row[i].asks, .nonce = 2,
				.port = row[i].port, .int_port = 6000 };

		core_tear_down(NULL);
		core_set_up(NULL);
		have(V4, made);
		assert_int_equal(have(V4, r).rule.ext_port, 1024 + 7);
		assert_int_equal(portmap_count(map.pm), 2);
	}
}

/* Syncthing maps one internal port by NAT-PMP and by UPnP. */
static void upnp_adds_a_second_external_port(void **state)
{
	have(V4, (struct rq){ .by = ORIGIN_NAT_PMP, .port = MAP_PORT_OWN });
	assert_int_equal(have(V4, (struct rq){ .ext_port = 6000 }).origin,
			 ORIGIN_UPNP);
	assert_int_equal(portmap_count(map.pm), 2);
	/* both are renewed separately */
	assert_int_equal(have(V4, (struct rq){ .by = ORIGIN_NAT_PMP,
		.port = MAP_PORT_OWN, .ext_port = 6000 }).rule.ext_port, 5000);
	assert_int_equal(have(V4, (struct rq){ .ext_port = 6000 })
			 .rule.ext_port, 6000);
	assert_int_equal(portmap_count(map.pm), 2);
}

/* A PCP mapping for one remote host leaves the port's other hosts to the same
 * internal port only. */
static void upnp_does_not_divert_a_filtered_port(void **state)
{
	struct answer a;

	have(V4, (struct rq){ .by = ORIGIN_PCP, .nonce = 1, .remote = FAR });
	assert_int_equal(get(&a, V4, (struct rq){ .int_port = 6000 }),
			 REFUSAL_CONFLICT);
	assert_int_equal(get(&a, V4, (struct rq){ .int_port = 6000,
		.remote = FARTHER }), REFUSAL_CONFLICT);
	assert_int_equal(get(&a, V4, (struct rq){ .remote = FARTHER }),
			 REFUSAL_NONE);
}

/* A mapping without an end, extended by some seconds, has no end. */
static void a_permanent_mapping_stays_permanent(void **state)
{
	struct answer a;
	const struct pm_entry *none;

	fill(&a, V4, (struct rq){ .disabled = true });
	a.wait.req.lease_s = MAP_LEASE_FOREVER;
	assert_int_equal(map_add(&map, &a.wait, now_ms, &none), REFUSAL_NONE);
	assert_int_equal(get(&a, V4, (struct rq){ .by = ORIGIN_NAT_PMP,
		.port = MAP_PORT_OWN, .lease_s = 7200 }), REFUSAL_NONE);
	assert_int_equal(a.e.expires_ms, 0);
	assert_int_equal(a.e.origin, ORIGIN_UPNP);
	assert_true(a.e.enabled);	/* it was not */
	/* and a mapping with an end may become permanent */
	have(V4, (struct rq){ .by = ORIGIN_NAT_PMP, .int_port = 6000,
		.ext_port = 6000 });
	fill(&a, V4, (struct rq){ .int_port = 6000, .ext_port = 6000 });
	a.wait.req.lease_s = MAP_LEASE_FOREVER;
	assert_int_equal(map_add(&map, &a.wait, now_ms, &none), MAP_WAIT);
	answer_all();
	assert_int_equal(a.e.expires_ms, 0);
	assert_int_equal(a.e.origin, ORIGIN_NAT_PMP);
}

/* Renewals of parts of a second must not add up. */
static void extending_often_adds_no_time(void **state)
{
	const uint64_t end_ms = have(V4, (struct rq){ .lease_s = 10 })
				.expires_ms;

	for (unsigned i = 0; i < 50; i++) {
		now_ms += 1;
		have(V4, (struct rq){ .by = ORIGIN_NAT_PMP, .lease_s = 1,
				      .port = MAP_PORT_OWN });
	}
	assert_int_equal(only(V4)->expires_ms, end_ms);
}

/* PEER cannot shorten what MAP made; MAP may take over what PEER made. */
static void peer_does_not_shorten_maps(void **state)
{
	for (enum family f = V4; f < FAMILIES; f++) {
		struct rq map_rq = { .by = ORIGIN_PCP, .nonce = 1,
				     .remote = FAR, .port = MAP_PORT_OWN };
		struct rq peer = map_rq;
		struct answer a;

		peer.peer = true;
		peer.lease_s = 100;
		have(f, map_rq);
		assert_int_equal(get(&a, f, peer), REFUSAL_NONE);
		assert_int_equal(a.e.expires_ms, now_ms + 3600000);
		assert_false(a.e.peer);
		map_rq.lease_s = 200;
		assert_int_equal(get(&a, f, map_rq), REFUSAL_NONE);
		assert_int_equal(a.e.expires_ms, now_ms + 200000);

		peer.remote = map_rq.remote = FARTHER;
		assert_int_equal(get(&a, f, peer), REFUSAL_NONE);
		assert_true(a.e.peer);
		peer.lease_s = 50;
		assert_int_equal(get(&a, f, peer), REFUSAL_NONE);
		assert_int_equal(a.e.expires_ms, now_ms + 50000);
		assert_int_equal(get(&a, f, map_rq), REFUSAL_NONE);
		assert_false(a.e.peer);
	}
}

/* ---- deletion and renewal over UPnP -------------------------------- */

static void upnp_deletes_all_but_pcps(void **state)
{
	static const struct {
		enum origin made;
		enum refusal why;
	} row[] = {
		{ ORIGIN_UPNP, REFUSAL_NONE },
		{ ORIGIN_NAT_PMP, REFUSAL_NONE },
		{ ORIGIN_PCP, REFUSAL_OWNER },
		{ ORIGIN_OPERATOR, REFUSAL_OPERATOR },
	};
	struct answer a;

	for (enum family f = V4; f < FAMILIES; f++)
		for (size_t i = 0; i < ARRAY_N(row); i++) {
			core_tear_down(NULL);
			core_set_up(NULL);
			/* also without secure mode */
			map.policy.secure = i % 2;
			have(f, (struct rq){ .by = row[i].made });
			assert_int_equal(delete(&a, f, (struct rq){ .by = 0 }),
					 row[i].why);
			assert_int_equal(portmap_count(table(f)),
					 row[i].why != REFUSAL_NONE);
		}
}

static int delete_range(struct answer *a, bool others)
{
	fill(a, V4, (struct rq){ .by = ORIGIN_UPNP });
	a->why = map_delete_range(&map, &a->wait, 5000, 6000, others);
	answer_all();
	return a->why;
}

static void upnp_deletes_a_range_without_pcps(void **state)
{
	struct answer a;

	have(V4, (struct rq){ .by = ORIGIN_PCP, .nonce = 1 });
	assert_int_equal(delete_range(&a, false), REFUSAL_OWNER);
	assert_int_equal(delete_range(&a, true), REFUSAL_OWNER);
	have(V4, (struct rq){ .by = ORIGIN_NAT_PMP, .int_port = 5001,
			      .ext_port = 5001 });
	have(V4, (struct rq){ .int_port = 5002, .ext_port = 5002 });
	assert_int_equal(delete_range(&a, false), REFUSAL_NONE);
	assert_int_equal(only(V4)->origin, ORIGIN_PCP);
}

/* Another client's PCP mapping does not exist for who asks for its own. */
static void a_range_hides_others_pcp_mappings(void **state)
{
	struct answer a;

	have(V4, (struct rq){ .by = ORIGIN_PCP, .nonce = 1, .from = BOB });
	assert_int_equal(delete_range(&a, false), REFUSAL_NOT_FOUND);
	assert_int_equal(delete_range(&a, true), REFUSAL_OWNER);
}

static int update(struct answer *a, enum origin by, uint16_t id,
		  uint32_t lease_s)
{
	const struct pm_entry *e;

	fill(a, V6, (struct rq){ .by = by, .lease_s = lease_s });
	a->wait.unique_id = id;
	a->why = map_renew(&map, &a->wait, now_ms, &e);
	answer_all();
	return a->why;
}

static void update_pinhole_only_extends_pcps(void **state)
{
	const struct pm_entry e = have(V6, (struct rq){ .by = ORIGIN_PCP,
							.nonce = 1 });
	struct answer a;

	assert_int_equal(update(&a, ORIGIN_UPNP, e.unique_id, 60),
			 REFUSAL_NONE);
	assert_int_equal(a.e.expires_ms, now_ms + 3600000);
	assert_int_equal(update(&a, ORIGIN_UPNP, e.unique_id, 7200),
			 REFUSAL_NONE);
	assert_int_equal(a.e.expires_ms, now_ms + 7200000);
	assert_int_equal(a.e.origin, ORIGIN_PCP);
	assert_nonce(&a.e, 1);
	assert_int_equal(update(&a, ORIGIN_OPERATOR, e.unique_id, 60),
			 REFUSAL_NONE);
	assert_int_equal(a.e.expires_ms, now_ms + 60000);
	assert_nonce(&a.e, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(same_internal_port),
		T(same_internal_port_strictly),
		T(same_pinhole),
		T(same_pinhole_strictly),
		T(another_internal_port),
		T(another_port_is_chosen),
		T(upnp_adds_a_second_external_port),
		T(upnp_does_not_divert_a_filtered_port),
		T(a_permanent_mapping_stays_permanent),
		T(extending_often_adds_no_time),
		T(peer_does_not_shorten_maps),
		T(upnp_deletes_all_but_pcps),
		T(upnp_deletes_a_range_without_pcps),
		T(a_range_hides_others_pcp_mappings),
		T(update_pinhole_only_extends_pcps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
