/* SPDX-License-Identifier: ISC */
/*
 * test_map.c - the mapping core grants, refuses and answers requests of any
 * protocol, keeps the order of requests for one key, and suspends mappings. The
 * protocol is a fake, the mapping table is real, and the test plays the kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/addrtest.h"
#include <netinet/in.h>
#include "map/map.h"
#include "map/mapreport.h"
#include "map/owner.h"

#define ARRAY_N(a) (sizeof(a) / sizeof((a)[0]))
#define IP(a, b, c, d) \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

enum { ROUTER = IP(192, 168, 88, 1), ANN = IP(192, 168, 88, 10),
       BOB = IP(192, 168, 88, 11), CAT = IP(192, 168, 88, 12),
       EXT = IP(203, 0, 113, 7) };

/* ---- the owner and the kernel -------------------------------------- */

static struct map map;
static struct portmap *pm;
static uint64_t now_ms;
static unsigned wakes, stored, gone, refused;
static struct pm_entry last_stored;
static struct nat_rule last_gone;
static struct refused last_refused;
/* ops fetched from the table, not answered yet */
static struct nat_op_id id[16];
static struct nat_op op[16];
static size_t op_n;

static void op_wake(void *arg)
{
	wakes++;
}

static void op_stored(void *arg, const struct pm_entry *e)
{
	stored++;
	last_stored = *e;
}

static void op_gone(void *arg, const struct nat_rule *r)
{
	gone++;
	last_gone = *r;
}

static void op_refused(void *arg, const struct refused *r)
{
	refused++;
	last_refused = *r;
}

static uint32_t op_rnd(void *arg)
{
	return 7;
}

static const struct map_ops ops = {
	op_wake, op_stored, op_gone, op_refused, op_rnd,
};

static int set_up(void **state)
{
	now_ms = 1000000;
	wakes = stored = gone = refused = 0;
	op_n = 0;
	pm = portmap_new(4, 3);
	map = (struct map){
		.max_lease_s = PM_LEASE_MAX_S, .ops = &ops, .ext =
			addr_ip4(EXT),
		.policy = { .net = { { 2, "", { addr_ip4(ROUTER), 24 } } },
			    .net_n = 1 },
	};
	map_init(&map, pm);
	return 0;
}

static int tear_down(void **state)
{
	portmap_free(pm);
	return 0;
}

/* Fetch ops, as the engine does after wake(). Return: the number of ops that
 * are not answered */
static size_t take_ops(void)
{
	while (op_n < ARRAY_N(op) && portmap_next_op(pm, &op[op_n], &id[op_n]))
		op_n++;
	return op_n;
}

/* Answer the oldest op. */
static void answer(enum nat_err err)
{
	struct nat_op_id first;

	assert_true(take_ops() > 0);
	first = id[0];
	op_n--;
	memmove(id, id + 1, op_n * sizeof(id[0]));
	memmove(op, op + 1, op_n * sizeof(op[0]));
	map_answer(&map, first, err, now_ms);
}

/* ---- the fake protocol --------------------------------------------- */

/* A packet: its sender, a port and a lease. A lease of 0 deletes. */
struct packet {
	uint32_t from;
	uint16_t ext_port;
	uint64_t lease_s;
	uint16_t int_port;	/* 0: as ext_port */
	uint8_t port;		/* enum map_port */
	bool disabled;
	uint32_t to;		/* 0: from */
	enum origin origin;	/* 0: UPnP */
	uint8_t proto;		/* 0: TCP */
};

/* One packet and the reply to it. */
struct exchange {
	struct map_wait wait;
	unsigned answers;
	int why;		/* enum refusal, or MAP_WAIT */
	struct map_told told;
	uint32_t left_s;
	struct map_wait *cancel;	/* done() cancels it */
	void (*then)(struct exchange *);	/* done() calls it */
};

static void reply(struct exchange *x, int why, const struct pm_entry *e)
{
	x->why = why;
	if (why == MAP_WAIT)
		return;
	x->answers++;
	if (!e)
		return;
	x->told = map_told(&map, e);
	x->left_s = portmap_lease_left(e, now_ms);
}

static void done(struct map_wait *w, enum refusal why,
		 const struct pm_entry *e)
{
	struct exchange *x = (struct exchange *)
		((char *)w - offsetof(struct exchange, wait));

	reply(x, (int)why, e);
	if (x->cancel)
		map_cancel(&map, x->cancel);
	if (x->then)
		x->then(x);
}

static int ask(struct exchange *x, struct packet p)
{
	const struct pm_entry *e = NULL;
	struct pm_req *m = &x->wait.req.mapping;
	int res;

	x->wait = (struct map_wait){ .done = done };
	m->origin = p.origin ? p.origin : ORIGIN_UPNP;
	m->requester = addr_ip4(p.from);
	m->enabled = !p.disabled;
	m->rule.kind = NAT_PORTMAP;
	m->rule.proto = p.proto ? p.proto : IPPROTO_TCP;
	m->rule.client = addr_ip4(p.to ? p.to : p.from);
	m->rule.remote = addr_any();
	m->rule.ext_port = p.ext_port;
	m->rule.int_port = p.int_port ? p.int_port : p.ext_port;
	x->wait.req.lease_s = p.lease_s;
	x->wait.req.port = p.port;
	res = p.lease_s ? map_add(&map, &x->wait, now_ms, &e) :
			  map_delete(&map, &x->wait);
	reply(x, res, e);
	return res;
}

/* Ann's port 5000 for an hour. */
static const struct packet plain = { ANN, 5000, 3600 };
static const struct packet delete = { ANN, 5000, 0 };

/* Send a packet, and let the kernel accept the op. */
static void have(struct packet p)
{
	struct exchange x = { .answers = 0 };

	assert_int_equal(ask(&x, p), MAP_WAIT);
	answer(NAT_OK);
	assert_int_equal(x.answers, 1);
	assert_int_equal(x.why, REFUSAL_NONE);
}

/* Send a packet that renews a mapping, likewise. */
static int renew(struct exchange *x, struct packet p)
{
	assert_int_equal(ask(x, p), MAP_WAIT);
	answer(NAT_OK);
	return x->why;
}

static struct packet by(uint32_t from, struct packet p)
{
	p.from = from;
	return p;
}

static struct packet operators(struct packet p)
{
	p.origin = ORIGIN_OPERATOR;
	return p;
}

static void mappings_are_added_renewed_and_deleted(void **state)
{
	struct exchange x = { .answers = 0 };

	assert_int_equal(ask(&x, plain), MAP_WAIT);
	assert_int_equal(wakes, 1);
	assert_int_equal(x.answers, 0);
	assert_int_equal(portmap_count(pm), 0);
	answer(NAT_OK);
	assert_int_equal(x.answers, 1);
	assert_int_equal(x.why, REFUSAL_NONE);
	assert_ip(x.told.addr, EXT);
	assert_int_equal(x.told.port, 5000);
	assert_int_equal(x.left_s, 3600);
	assert_int_equal(last_stored.origin, ORIGIN_UPNP);
	assert_int_equal(addr_to_ip4(last_stored.requester), ANN);
	now_ms += 3000000;
	assert_int_equal(renew(&x, plain), REFUSAL_NONE);
	assert_int_equal(x.left_s, 3600);
	assert_int_equal(stored, 2);
	assert_int_equal(portmap_count(pm), 1);
	assert_int_equal(ask(&x, delete), MAP_WAIT);
	answer(NAT_OK);
	assert_int_equal(x.why, REFUSAL_NONE);
	assert_int_equal(x.answers, 3);
	assert_int_equal(gone, 1);
	assert_int_equal(last_gone.ext_port, 5000);
	assert_int_equal(map.update_id, 3);
	assert_int_equal(ask(&x, delete), REFUSAL_NOT_FOUND);
	assert_int_equal(refused, 0);	/* this refusal is not counted */
}

/* ---- grants and refusals ------------------------------------------- */

static void leases_are_limited(void **state)
{
	static const struct {
		uint32_t max_s;
		uint64_t wish_s;
		enum origin origin;
		uint32_t granted_s;
	} row[] = {
		{ 604800, MAP_LEASE_FOREVER, ORIGIN_UPNP, 0 },
		{ 604800, MAP_LEASE_LONGEST, ORIGIN_UPNP, 604800 },
		{ 604800, UINT32_MAX, ORIGIN_PCP, 604800 },
		{ 604800, 604801, ORIGIN_PCP, 604800 },
		{ 604800, 1, ORIGIN_NAT_PMP, 1 },
		{ 3600, MAP_LEASE_FOREVER, ORIGIN_UPNP, 3600 },
		{ 3600, MAP_LEASE_LONGEST, ORIGIN_UPNP, 3600 },
		{ 3600, 3601, ORIGIN_PCP, 3600 },
		{ 3600, 60, ORIGIN_PCP, 60 },
		/* max-lease does not limit the operator */
		{ 3600, 7200, ORIGIN_OPERATOR, 7200 },
		{ 3600, MAP_LEASE_FOREVER, ORIGIN_OPERATOR, 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_N(row); i++) {
		struct exchange x = { .answers = 0 };
		struct packet p = plain;

		map.max_lease_s = row[i].max_s;
		p.lease_s = row[i].wish_s;
		p.origin = row[i].origin;
		assert_int_equal(renew(&x, p), REFUSAL_NONE);
		assert_int_equal(x.left_s, row[i].granted_s);
		/* the next protocol could only extend it */
		assert_true(portmap_forget(pm, &last_stored.rule));
	}
}

/* A request for 0 seconds must not become a mapping without an end. */
static void a_lease_of_0_is_granted_1_second(void **state)
{
	struct exchange x = { .answers = 0 };
	const struct pm_entry *e;

	have(plain);
	x.wait = (struct map_wait){ .done = done };
	x.wait.req.mapping.rule = last_stored.rule;
	x.wait.req.mapping.origin = ORIGIN_UPNP;
	x.wait.req.mapping.requester = addr_ip4(ANN);
	x.wait.req.mapping.enabled = true;
	assert_int_equal(map_add(&map, &x.wait, now_ms, &e), MAP_WAIT);
	answer(NAT_OK);
	assert_int_equal(x.left_s, 1);
}

static void requests_against_policy_are_refused(void **state)
{
	const struct policy_rule deny = {
		false, 5000, 5000, 0, 65535, { addr_ip4(0), 0 }, 42,
	};
	struct exchange x = { .answers = 0 };
	struct packet p = plain;

	p.to = ROUTER;
	assert_int_equal(ask(&x, p), REFUSAL_ROUTER);
	assert_int_equal(last_refused.why, REFUSAL_ROUTER);
	assert_int_equal(last_refused.origin, ORIGIN_UPNP);
	assert_ip(last_refused.client, ANN);
	p.to = BOB;
	map.policy.secure = true;
	assert_int_equal(ask(&x, p), REFUSAL_SECURE);
	map.policy.secure = false;
	map.policy.rule = &deny;
	map.policy.rule_n = 1;
	assert_int_equal(ask(&x, p), REFUSAL_RULE);
	assert_int_equal(x.wait.line, 42);
	assert_int_equal(last_refused.line, 42);
	assert_int_equal(refused, 3);
	assert_int_equal(take_ops(), 0);
}

/* With any_port, a line that denies the wished port does not refuse the
 * request. */
static void any_port_avoids_denied_ports(void **state)
{
	const struct policy_rule lines[] = {
		{ false, 5000, 5000, 0, 65535, { addr_ip4(0), 0 }, 1 },
		{ true, 5000, 5002, 0, 65535, { addr_ip4(0), 0 }, 2 },
	};
	struct exchange x = { .answers = 0 }, y = { .answers = 0 };
	struct packet p = plain;

	map.policy.rule = lines;
	map.policy.rule_n = 2;
	p.port = MAP_PORT_ANY;
	assert_int_equal(ask(&x, p), MAP_WAIT);
	answer(NAT_OK);
	assert_int_equal(x.told.port, 5002);	/* 5001 + 7 % 2 */
	/* the router serves the last one itself */
	p.int_port = 9;
	assert_int_equal(ask(&x, p), MAP_WAIT);
	assert_int_equal(take_ops(), 1);
	assert_int_equal(op[0].rule.ext_port, 5001);
	assert_int_equal(ask(&y, by(BOB, p)), REFUSAL_NO_PORT);
	assert_int_equal(last_refused.why, REFUSAL_NO_PORT);
	answer(NAT_ECONFLICT);
	assert_int_equal(x.answers, 1);	/* for the first mapping */
	while (take_ops())
		answer(NAT_ECONFLICT);
	assert_int_equal(x.answers, 2);
	assert_int_equal(x.why, REFUSAL_PORT);
	/* no line allows any port: the line for the wished one is named */
	map.policy.rule_n = 1;
	assert_int_equal(ask(&x, p), REFUSAL_RULE);
	assert_int_equal(last_refused.line, 1);
	p.ext_port = 5001;
	assert_int_equal(ask(&x, p), REFUSAL_RULE);
	assert_int_equal(last_refused.line, 0);
}

static void errors_of_the_kernel_are_refusals(void **state)
{
	struct exchange x = { .answers = 0 };

	assert_int_equal(ask(&x, plain), MAP_WAIT);
	answer(NAT_ENOADDR);
	assert_int_equal(x.why, REFUSAL_NO_ADDRESS);
	assert_int_equal(last_refused.why, REFUSAL_NO_ADDRESS);
	assert_int_equal(ask(&x, plain), MAP_WAIT);
	answer(NAT_EREFUSED);
	assert_int_equal(x.why, REFUSAL_MONITOR);
	assert_int_equal(portmap_count(pm), 0);
	assert_int_equal(stored, 0);
	have(plain);
	assert_int_equal(ask(&x, delete), MAP_WAIT);
	answer(NAT_EFAIL);
	assert_int_equal(x.why, REFUSAL_FIREWALL);
	assert_int_equal(portmap_count(pm), 1);
}

static void full_tables_are_refusals(void **state)
{
	struct exchange x = { .answers = 0 };
	struct packet p = plain;

	for (p.ext_port = 6000; p.ext_port < 6003; p.ext_port++)
		have(p);
	assert_int_equal(ask(&x, p), REFUSAL_CLIENT_FULL);
	have(by(BOB, p));
	p.ext_port++;
	assert_int_equal(ask(&x, by(BOB, p)), REFUSAL_FULL);
	assert_int_equal(last_refused.why, REFUSAL_FULL);
}

/* A client may use its whole burst at once, and then add one mapping a second.
 * Renewals, other clients and the operator are not limited. */
static void new_mappings_have_a_rate(void **state)
{
	struct exchange x = { .answers = 0 };
	struct packet p = plain;

	map.adds_per_s = 2;
	map_init(&map, pm);
	have(p);
	p.ext_port++;
	have(p);
	p.ext_port++;
	assert_int_equal(ask(&x, p), REFUSAL_RATE);
	assert_int_equal(last_refused.why, REFUSAL_RATE);
	assert_int_equal(renew(&x, plain), REFUSAL_NONE);
	have(by(BOB, p));
	p.ext_port++;
	have(operators(p));
	assert_int_equal(ask(&x, operators(delete)), MAP_WAIT);
	answer(NAT_OK);
	now_ms += 500;
	have(plain);
}

/* ---- the operator -------------------------------------------------- */

static void policy_and_caps_apply_to_the_operator(void **state)
{
	const struct policy_rule deny = {
		false, 5000, 5000, 0, 65535, { addr_ip4(0), 0 }, 42,
	};
	struct exchange x = { .answers = 0 };
	struct packet p = operators(plain);

	assert_int_equal(ask(&x, by(ROUTER, p)), REFUSAL_ROUTER);
	assert_int_equal(ask(&x, by(0x08080808, p)), REFUSAL_OUTSIDE);
	map.policy.rule = &deny;
	map.policy.rule_n = 1;
	assert_int_equal(ask(&x, p), REFUSAL_RULE);
	assert_int_equal(x.wait.line, 42);
	map.policy.rule_n = 0;
	assert_int_equal(ask(&x, p), MAP_WAIT);
	answer(NAT_ECONFLICT);
	assert_int_equal(x.why, REFUSAL_PORT);
	assert_int_equal(x.wait.line, 0);
	assert_int_equal(refused, 0);	/* not logged: it reads the answer */
	/* secure mode is only for clients */
	map.policy.secure = true;
	p.to = ANN;
	have(by(BOB, p));
	p.to = 0;
	/* the mapping is Ann's, so only she may change it */
	assert_true(owner_is(&last_stored, addr_ip4(ANN)));
	assert_false(owner_is(&last_stored, addr_ip4(BOB)));
	assert_int_equal(last_stored.origin, ORIGIN_OPERATOR);
	assert_int_equal(ask(&x, by(BOB, p)), REFUSAL_CONFLICT);
}

static void clients_cannot_change_the_operators_mappings(void **state)
{
	struct exchange x = { .answers = 0 };
	struct packet p = plain;

	have(operators(plain));
	/* a client may request exactly the same mapping */
	assert_int_equal(renew(&x, plain), REFUSAL_NONE);
	assert_int_equal(x.told.port, 5000);
	assert_int_equal(take_ops(), 0);
	assert_int_equal(stored, 1);
	/* it may not change, disable or delete it, in secure mode or not */
	p.int_port = 6000;
	assert_int_equal(ask(&x, p), REFUSAL_OPERATOR);
	p = plain;
	p.disabled = true;
	assert_int_equal(ask(&x, p), REFUSAL_OPERATOR);
	assert_int_equal(ask(&x, delete), REFUSAL_OPERATOR);
	assert_int_equal(refused, 3);
	assert_int_equal(take_ops(), 0);
	assert_int_equal(portmap_count(pm), 1);
	/* the operator may, and may delete a client's mapping */
	assert_int_equal(ask(&x, operators(delete)), MAP_WAIT);
	answer(NAT_OK);
	have(plain);
	map.policy.secure = true;
	assert_int_equal(ask(&x, operators(delete)), MAP_WAIT);
	answer(NAT_OK);
	assert_int_equal(portmap_count(pm), 0);
	assert_int_equal(ask(&x, operators(delete)), REFUSAL_NOT_FOUND);
}

/* Only the origin gives the operator's rights. */
static void requester_without_address_is_not_the_operator(void **state)
{
	struct exchange x = { .answers = 0 };
	struct packet nobody = { .from = 0, .ext_port = 5000, .lease_s = 0 };

	have(operators(plain));
	assert_int_equal(ask(&x, nobody), REFUSAL_OPERATOR);
	assert_int_equal(ask(&x, operators(delete)), MAP_WAIT);
	answer(NAT_OK);
	map.policy.secure = true;
	have(plain);
	assert_int_equal(ask(&x, nobody), REFUSAL_OWNER);
}

/* A client's request for the operator's mapping succeeds only when the monitor
 * has checked that the kernel has the rule, and changes nothing. */
static void operators_mapping_is_reconfirmed_first(void **state)
{
	struct pm_req theirs = {
		.rule = { .client = addr_ip4(ANN),
			  .remote = addr_any(), .ext_port = 5000,
			  .int_port = 5000, .kind = NAT_PORTMAP,
			  .proto = IPPROTO_TCP },
		.enabled = true, .origin = ORIGIN_OPERATOR,
	};
	struct exchange x = { .answers = 0 };

	assert_int_equal(portmap_restore(pm, &theirs, 0), PM_DONE);
	assert_int_equal(ask(&x, plain), MAP_WAIT);
	answer(NAT_EFAIL);
	assert_int_equal(x.why, REFUSAL_FIREWALL);
	assert_int_equal(portmap_count(pm), 1);
	assert_int_equal(ask(&x, plain), MAP_WAIT);
	answer(NAT_OK);
	assert_int_equal(x.why, REFUSAL_NONE);
	assert_int_equal(x.left_s, 0);
	assert_int_equal(stored, 0);
	assert_int_equal(ask(&x, plain), MAP_WAIT);
	answer(NAT_EFORWARDED);
	assert_int_equal(x.why, REFUSAL_FORWARDED);
	assert_int_equal(portmap_count(pm), 1);
}

/* ---- ownership ----------------------------------------------------- */

static void only_the_owner_deletes_in_secure_mode(void **state)
{
	struct exchange x = { .answers = 0 };
	struct packet p = by(BOB, plain);

	/* Ann's mapping, made for her by Bob */
	p.to = ANN;
	have(p);
	map.policy.secure = true;
	assert_int_equal(ask(&x, by(CAT, delete)), REFUSAL_OWNER);
	assert_int_equal(refused, 1);
	assert_int_equal(ask(&x, by(BOB, delete)), MAP_WAIT);
	answer(NAT_EFAIL);
	assert_int_equal(ask(&x, delete), MAP_WAIT);
	answer(NAT_EFAIL);
	map.policy.secure = false;
	assert_int_equal(ask(&x, by(CAT, delete)), MAP_WAIT);
	answer(NAT_OK);
	assert_int_equal(x.why, REFUSAL_NONE);
}

static void port_of_another_client_conflicts(void **state)
{
	struct exchange x = { .answers = 0 };

	have(plain);
	assert_int_equal(ask(&x, by(BOB, plain)), REFUSAL_CONFLICT);
	assert_int_equal(refused, 1);
	assert_int_equal(last_refused.why, REFUSAL_CONFLICT);
}

static void disabled_mapping_needs_no_op(void **state)
{
	struct exchange x = { .answers = 0 };
	struct packet p = plain;

	p.disabled = true;
	assert_int_equal(ask(&x, p), REFUSAL_NONE);
	assert_int_equal(x.told.port, 5000);
	assert_int_equal(stored, 1);
	assert_false(last_stored.enabled);
	assert_int_equal(ask(&x, delete), REFUSAL_NONE);
	assert_int_equal(gone, 1);
	assert_int_equal(last_gone.ext_port, 5000);
	assert_int_equal(take_ops(), 0);
	assert_int_equal(wakes, 0);
}

/* ---- waiting for another request's op ------------------------------ */

static void second_request_for_a_key_waits(void **state)
{
	struct exchange a = { .answers = 0 }, b = { .answers = 0 },
			c = { .answers = 0 };

	assert_int_equal(ask(&a, plain), MAP_WAIT);
	assert_int_equal(ask(&b, by(BOB, plain)), MAP_WAIT);
	assert_int_equal(ask(&c, plain), MAP_WAIT);
	assert_int_equal(take_ops(), 1);
	assert_int_equal(wakes, 1);
	answer(NAT_OK);
	assert_int_equal(a.why, REFUSAL_NONE);
	assert_int_equal(b.why, REFUSAL_CONFLICT);
	assert_int_equal(c.answers, 0);
	answer(NAT_OK);
	assert_int_equal(c.why, REFUSAL_NONE);
	assert_int_equal(c.told.port, 5000);
	assert_int_equal(a.answers + b.answers + c.answers, 3);
}

static void next_request_is_tried_after_a_failure(void **state)
{
	struct exchange a = { .answers = 0 }, b = { .answers = 0 },
			c = { .answers = 0 };

	assert_int_equal(ask(&a, plain), MAP_WAIT);
	assert_int_equal(ask(&b, by(BOB, plain)), MAP_WAIT);
	assert_int_equal(ask(&c, plain), MAP_WAIT);
	answer(NAT_EFAIL);
	assert_int_equal(a.why, REFUSAL_FIREWALL);
	assert_int_equal(b.answers + c.answers, 0);
	answer(NAT_OK);
	assert_int_equal(b.answers, 1);
	assert_int_equal(b.why, REFUSAL_NONE);
	assert_int_equal(c.why, REFUSAL_CONFLICT);
	assert_int_equal(addr_to_ip4(last_stored.rule.client), BOB);
}

static void delete_and_add_keep_their_order(void **state)
{
	struct exchange a = { .answers = 0 }, b = { .answers = 0 },
			c = { .answers = 0 };

	have(plain);
	assert_int_equal(ask(&a, delete), MAP_WAIT);
	assert_int_equal(ask(&b, by(BOB, plain)), MAP_WAIT);
	assert_int_equal(ask(&c, delete), MAP_WAIT);
	answer(NAT_OK);
	assert_int_equal(a.answers, 1);
	assert_int_equal(b.answers, 0);
	assert_int_equal(c.why, REFUSAL_NOT_FOUND);
	answer(NAT_OK);
	assert_int_equal(b.why, REFUSAL_NONE);
	assert_int_equal(b.answers, 1);
}

static void delete_waits_for_an_overwrite(void **state)
{
	struct exchange a = { .answers = 0 }, b = { .answers = 0 };
	struct packet p = plain;

	have(plain);
	p.int_port = 7000;
	assert_int_equal(ask(&a, p), MAP_WAIT);
	assert_int_equal(ask(&b, delete), MAP_WAIT);
	assert_int_equal(take_ops(), 1);
	answer(NAT_OK);
	assert_int_equal(stored, 2);
	assert_int_equal(last_stored.rule.int_port, 7000);
	assert_int_equal(a.answers, 1);
	assert_int_equal(b.answers, 0);
	answer(NAT_OK);
	assert_int_equal(b.answers, 1);
	assert_int_equal(b.why, REFUSAL_NONE);
	assert_int_equal(portmap_count(pm), 0);
}

static void requests_for_other_keys_do_not_wait(void **state)
{
	struct exchange a = { .answers = 0 }, b = { .answers = 0 };
	struct packet p = plain;

	p.proto = IPPROTO_UDP;
	assert_int_equal(ask(&a, plain), MAP_WAIT);
	assert_int_equal(ask(&b, p), MAP_WAIT);
	assert_int_equal(take_ops(), 2);
	answer(NAT_OK);
	assert_int_equal(a.answers, 1);
	assert_int_equal(b.answers, 0);
	answer(NAT_EFAIL);
	assert_int_equal(b.why, REFUSAL_FIREWALL);
	map_answer(&map, (struct nat_op_id){ NAT_PORTMAP, 0, 1 }, NAT_OK,
		   now_ms);	/* answered already */
	map_answer(&map, (struct nat_op_id){ NAT_PORTMAP, PM_NONE, 1 }, NAT_OK,
		   now_ms);
	assert_int_equal(a.answers + b.answers, 2);
	assert_int_equal(stored, 1);
}

/* ---- cancelling ---------------------------------------------------- */

static void cancelled_add_still_happens(void **state)
{
	struct exchange a = { .answers = 0 }, b = { .answers = 0 };

	assert_int_equal(ask(&a, plain), MAP_WAIT);
	map_cancel(&map, &a.wait);
	map_cancel(&map, &b.wait);	/* does not wait */
	answer(NAT_OK);
	assert_int_equal(a.answers, 0);
	assert_int_equal(stored, 1);
	assert_int_equal(portmap_count(pm), 1);
}

/* The owner's done() cancels a request that is ready to start again: that
 * request must not be answered or accessed. */
static void done_may_cancel_other_requests(void **state)
{
	struct exchange a = { .answers = 0 }, b = { .answers = 0 },
			c = { .answers = 0 }, d = { .answers = 0 };

	assert_int_equal(ask(&a, plain), MAP_WAIT);
	assert_int_equal(ask(&b, plain), MAP_WAIT);
	assert_int_equal(ask(&c, plain), MAP_WAIT);
	assert_int_equal(ask(&d, plain), MAP_WAIT);
	a.cancel = &b.wait;
	c.cancel = &d.wait;
	answer(NAT_OK);
	assert_int_equal(c.answers, 0);
	answer(NAT_OK);
	assert_int_equal(a.answers, 1);
	assert_int_equal(b.answers, 0);
	assert_int_equal(c.answers, 1);
	assert_int_equal(d.answers, 0);
	assert_null(map.waiting);
	assert_null(map.ready);
}

static void delete_again(struct exchange *x)
{
	x->then = NULL;
	x->answers = 0;
	assert_int_equal(ask(x, delete), MAP_WAIT);
}

/* The owner's done() uses its own record again, for a request with the same
 * key: the new request must wait for its own op. */
static void done_may_start_a_new_request(void **state)
{
	struct exchange a = { .answers = 0 }, b = { .answers = 0 };

	a.then = delete_again;
	assert_int_equal(ask(&a, plain), MAP_WAIT);
	assert_int_equal(ask(&b, plain), MAP_WAIT);
	answer(NAT_OK);
	assert_int_equal(a.answers, 0);
	assert_int_equal(b.answers, 0);
	answer(NAT_OK);
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.why, REFUSAL_NONE);
	assert_int_equal(b.answers, 0);	/* restarted: it adds again */
	answer(NAT_OK);
	assert_int_equal(b.answers, 1);
	assert_int_equal(b.why, REFUSAL_NONE);
	assert_int_equal(portmap_count(pm), 1);
}

/* ---- ranges -------------------------------------------------------- */

static int delete_range(struct exchange *x, uint32_t from, bool others)
{
	x->wait = (struct map_wait){ .done = done };
	x->wait.req.mapping.origin = ORIGIN_UPNP;
	x->wait.req.mapping.requester = addr_ip4(from);
	x->wait.req.mapping.rule.proto = IPPROTO_TCP;
	x->why = map_delete_range(&map, &x->wait, 5000, 5002, others);
	return x->why;
}

static void a_range_is_deleted_with_one_answer(void **state)
{
	struct exchange x = { .answers = 0 };
	struct packet p = plain;

	map.policy.secure = true;
	have(plain);
	p.ext_port = 5001;
	have(by(BOB, p));
	p.ext_port = 5002;
	have(p);
	assert_int_equal(delete_range(&x, CAT, false), REFUSAL_NOT_FOUND);
	assert_int_equal(refused, 0);
	assert_int_equal(delete_range(&x, CAT, true), REFUSAL_OWNER);
	assert_int_equal(refused, 1);
	assert_int_equal(last_refused.rule.ext_port, 5002);
	assert_int_equal(delete_range(&x, ANN, true), MAP_WAIT);
	assert_int_equal(take_ops(), 2);
	answer(NAT_OK);
	assert_int_equal(x.answers, 0);
	answer(NAT_EFAIL);
	assert_int_equal(x.answers, 1);
	assert_int_equal(x.why, REFUSAL_FIREWALL);
	assert_int_equal(portmap_count(pm), 2);
}

/* ---- ends without a request ---------------------------------------- */

static void tick_ends_leases(void **state)
{
	struct packet p = plain;

	assert_true(map_tick(&map, now_ms) == UINT64_MAX);
	p.lease_s = 60;
	have(p);
	assert_true(map_tick(&map, now_ms) <= now_ms + 60000);
	now_ms += 59999;
	map_tick(&map, now_ms);
	assert_int_equal(take_ops(), 0);
	now_ms += 1;
	wakes = 0;
	map_tick(&map, now_ms);
	assert_true(wakes > 0);
	assert_int_equal(take_ops(), 1);
	assert_int_equal(op[0].verb, NAT_DEL);
	answer(NAT_OK);
	assert_int_equal(gone, 1);
	assert_int_equal(portmap_count(pm), 0);
}

/* A client that asks for a port while its lease ends gets it afterwards. */
static void add_waits_for_the_end_of_a_lease(void **state)
{
	struct exchange x = { .answers = 0 };
	struct packet p = plain;

	p.lease_s = 60;
	have(p);
	now_ms += 60000;
	map_tick(&map, now_ms);
	assert_int_equal(ask(&x, by(BOB, p)), MAP_WAIT);
	answer(NAT_OK);
	assert_int_equal(x.answers, 0);
	answer(NAT_OK);
	assert_int_equal(x.answers, 1);
	assert_int_equal(x.why, REFUSAL_NONE);
}

static void add_fails_if_the_old_rule_cannot_be_deleted(void **state)
{
	struct exchange x = { .answers = 0 };
	struct packet p = plain;

	p.lease_s = 60;
	have(p);
	now_ms += 60000;
	map_tick(&map, now_ms);
	assert_int_equal(ask(&x, p), MAP_WAIT);
	answer(NAT_EFAIL);
	assert_int_equal(x.answers, 1);
	assert_int_equal(x.why, REFUSAL_FIREWALL);
}

static void disabled_mapping_ends_without_an_op(void **state)
{
	struct exchange x = { .answers = 0 };
	struct packet p = plain;

	p.lease_s = 60;
	p.disabled = true;
	assert_int_equal(ask(&x, p), REFUSAL_NONE);
	map_tick(&map, now_ms + 60000);
	assert_int_equal(gone, 1);
	assert_int_equal(last_gone.ext_port, 5000);
	assert_int_equal(take_ops(), 0);
}

static void mappings_that_are_now_forbidden_are_removed(void **state)
{
	const struct policy_rule lines[] = {
		{ false, 5001, 5001, 0, 65535, { addr_ip4(0), 0 }, 42 },
		{ true, 0, 65535, 0, 65535, { addr_ip4(0), 0 }, 43 },
	};
	struct packet p = plain;

	have(plain);
	p.ext_port = 5001;
	have(operators(p));
	p.ext_port = 5002;
	have(by(BOB, p));
	map.policy.rule = lines;
	map.policy.rule_n = 2;
	assert_int_equal(map_apply_policy(&map, now_ms).suspended, 0);
	assert_int_equal(portmap_count(pm), 2);
	assert_int_equal(gone, 1);
	assert_int_equal(last_gone.ext_port, 5001);
	assert_int_equal(refused, 1);
	assert_int_equal(last_refused.origin, ORIGIN_OPERATOR);
	assert_int_equal(last_refused.why, REFUSAL_RULE);
	assert_int_equal(last_refused.line, 42);
	assert_int_equal(take_ops(), 0);	/* the owner sends a sync */
	assert_int_equal(map.update_id, 4);
}

/* ---- the client's network disappears ------------------------------- */

static struct map_applied network_goes(void)
{
	map.policy.net_n = 0;
	return map_apply_policy(&map, now_ms);
}

static struct map_applied network_returns(void)
{
	map.policy.net_n = 1;
	return map_apply_policy(&map, now_ms);
}

static void mappings_are_suspended_with_their_network(void **state)
{
	struct exchange x = { .answers = 0 };
	uint64_t expires_ms;

	have(plain);
	expires_ms = last_stored.expires_ms;
	assert_int_equal(network_goes().suspended, 1);
	assert_int_equal(take_ops(), 0);
	assert_int_equal(stored, 2);
	assert_int_equal(last_stored.state, PM_SUSPENDED);
	assert_int_equal(gone + refused, 0);
	assert_int_equal(map.update_id, 2);	/* clients saw it disappear */
	assert_int_equal(portmap_count(pm), 1);
	assert_int_equal(portmap_shown_count(pm), 0);
	assert_int_equal(network_goes().suspended, 0);	/* already is */
	assert_int_equal(ask(&x, plain), REFUSAL_OUTSIDE);
	now_ms += 1000;
	assert_int_equal(network_returns().resumed, 1);
	assert_int_equal(portmap_shown_count(pm), 0);	/* not yet */
	assert_int_equal(take_ops(), 1);
	assert_int_equal(op[0].verb, NAT_SET);
	assert_int_equal(map.update_id, 2);
	answer(NAT_OK);
	assert_int_equal(stored, 3);
	assert_int_equal(last_stored.state, PM_ACTIVE);
	assert_true(last_stored.expires_ms == expires_ms);
	assert_int_equal(map.update_id, 3);
	assert_int_equal(portmap_shown_count(pm), 1);
	assert_int_equal(network_returns().resumed, 0);
}

/* Another client sees that the port is taken, and nothing else. */
static void suspended_mappings_are_not_shown(void **state)
{
	struct exchange x = { .answers = 0 };
	struct packet p = by(BOB, plain);
	const struct nat_rule *r = &x.wait.req.mapping.rule;

	have(plain);
	network_goes();
	map.policy.net[0].net = (struct addr_net){
		addr_ip4(IP(10, 0, 0, 1)), 8 };
	map.policy.net_n = 1;
	p.from = IP(10, 0, 0, 2);
	assert_int_equal(ask(&x, p), REFUSAL_CONFLICT);
	p.port = MAP_PORT_ANY;
	assert_int_equal(ask(&x, p), MAP_WAIT);
	assert_int_not_equal(r->ext_port, 5000);
	answer(NAT_OK);
	p.lease_s = 0;
	assert_int_equal(ask(&x, p), REFUSAL_NOT_FOUND);
	assert_int_equal(delete_range(&x, ANN, true), REFUSAL_NOT_FOUND);
	assert_int_equal(portmap_count(pm), 2);
	/* the operator sees it */
	assert_int_equal(ask(&x, operators(delete)), REFUSAL_NONE);
	assert_int_equal(portmap_count(pm), 1);
	assert_int_equal(gone, 1);
	assert_int_equal(map.update_id, 3);	/* was not shown */
}

static void suspended_mappings_end_after_a_day(void **state)
{
	struct packet p = plain;
	uint64_t day_ms = UINT64_C(86400000);

	p.lease_s = MAP_LEASE_FOREVER;
	have(p);
	p.ext_port = 5001;
	p.lease_s = 7200;
	have(p);
	p.ext_port = 5002;
	p.lease_s = MAP_LEASE_FOREVER;
	have(operators(p));
	assert_int_equal(network_goes().suspended, 3);
	assert_true(map_tick(&map, now_ms) <= now_ms + 7200000);
	now_ms += 7200000;
	assert_true(map_tick(&map, now_ms) <= now_ms + day_ms - 7200000);
	assert_int_equal(gone, 1);
	assert_int_equal(last_gone.ext_port, 5001);
	now_ms += day_ms - 7200001;
	map_tick(&map, now_ms);
	assert_int_equal(gone, 1);
	now_ms += 1;
	assert_true(map_tick(&map, now_ms) == UINT64_MAX);
	assert_int_equal(gone, 2);
	assert_int_equal(last_gone.ext_port, 5000);
	assert_int_equal(map.update_id, 6);	/* they were not shown */
	assert_int_equal(take_ops(), 0);
	/* nobody would request the operator's mapping again */
	assert_int_equal(portmap_count(pm), 1);
	assert_int_equal(network_returns().resumed, 1);
	answer(NAT_OK);
	assert_true(last_stored.expires_ms == 0);
	assert_true(map_tick(&map, now_ms) == UINT64_MAX);
}

/* The day starts at the last suspension, not at an earlier one. */
static void each_suspension_lasts_a_day(void **state)
{
	struct packet p = plain;

	p.lease_s = MAP_LEASE_FOREVER;
	have(p);
	network_goes();
	now_ms += 80000000;
	network_returns();
	answer(NAT_OK);
	now_ms += 80000000;
	map_tick(&map, now_ms);
	network_goes();
	now_ms += 80000000;
	map_tick(&map, now_ms);
	assert_int_equal(gone, 0);
	assert_int_equal(portmap_count(pm), 1);
}

/* If the op fails, the mapping stays suspended, and is resumed later. */
static void failed_resume_is_retried(void **state)
{
	have(plain);
	network_goes();
	network_returns();
	answer(NAT_ENOADDR);
	assert_int_equal(portmap_shown_count(pm), 0);
	assert_int_equal(take_ops(), 0);
	assert_true(map_tick(&map, now_ms) == now_ms + MAP_RESUME_MS);
	now_ms += MAP_RESUME_MS - 1;
	map_tick(&map, now_ms);
	assert_int_equal(take_ops(), 0);
	now_ms += 1;
	map_tick(&map, now_ms);
	assert_int_equal(take_ops(), 1);
	answer(NAT_OK);
	assert_int_equal(portmap_shown_count(pm), 1);
	assert_true(map_tick(&map, now_ms) > now_ms + MAP_RESUME_MS);
	/* not the mappings that are still outside */
	network_goes();
	network_returns();
	answer(NAT_EREFUSED);
	network_goes();
	now_ms += MAP_RESUME_MS;
	map_tick(&map, now_ms);
	assert_int_equal(take_ops(), 0);
}

/* The network disappears again while the op that resumes is in flight. */
static void network_disappears_during_a_resume(void **state)
{
	have(plain);
	network_goes();
	network_returns();
	assert_int_equal(take_ops(), 1);
	assert_int_equal(network_goes().suspended, 0);
	answer(NAT_OK);
	assert_int_equal(portmap_count(pm), 1);
	assert_int_equal(portmap_shown_count(pm), 0);
	assert_int_equal(last_stored.state, PM_SUSPENDED);
	assert_int_equal(network_returns().resumed, 1);
	answer(NAT_OK);
	assert_int_equal(portmap_shown_count(pm), 1);
}

/* Requests made before are answered with the monitor's result. */
static void network_disappears_with_an_op_in_flight(void **state)
{
	struct exchange x = { .answers = 0 }, y = { .answers = 0 };
	struct packet p = plain;

	/* a new mapping */
	assert_int_equal(ask(&x, plain), MAP_WAIT);
	assert_int_equal(take_ops(), 1);
	assert_int_equal(network_goes().suspended, 0);
	answer(NAT_OK);
	assert_int_equal(x.answers, 1);
	assert_int_equal(portmap_count(pm), 1);
	assert_int_equal(portmap_shown_count(pm), 0);
	network_returns();
	answer(NAT_OK);
	/* an overwrite that the monitor refuses */
	p.int_port = 5009;
	assert_int_equal(ask(&x, p), MAP_WAIT);
	network_goes();
	answer(NAT_EREFUSED);
	assert_int_equal(x.why, REFUSAL_MONITOR);
	assert_int_equal(portmap_count(pm), 1);
	assert_int_equal(portmap_shown_count(pm), 0);
	network_returns();
	answer(NAT_OK);
	assert_int_equal(last_stored.rule.int_port, 5000);
	/* a deletion, and a request that waits for it */
	assert_int_equal(ask(&x, delete), MAP_WAIT);
	assert_int_equal(ask(&y, delete), MAP_WAIT);
	network_goes();
	answer(NAT_EFAIL);
	assert_int_equal(x.why, REFUSAL_FIREWALL);
	assert_int_equal(y.why, REFUSAL_NOT_FOUND);
	assert_int_equal(portmap_shown_count(pm), 0);
	assert_int_equal(portmap_count(pm), 1);
}

static void mappings_forbidden_when_the_network_returns_are_removed(
	void **state)
{
	static const struct policy_rule line = {
		false, 5000, 5000, 0, 65535, { { ADDR_IP4, { 0 } }, 0 }, 42 };

	have(plain);
	network_goes();
	map.policy.rule = &line;
	map.policy.rule_n = 1;
	network_goes();
	assert_int_equal(portmap_count(pm), 1);
	network_returns();
	assert_int_equal(portmap_count(pm), 0);
	assert_int_equal(refused, 1);
	assert_int_equal(last_refused.why, REFUSAL_RULE);
	assert_int_equal(gone, 1);
	assert_int_equal(map.update_id, 2);
}

/* The client requests the mapping before it is resumed, and after a resume has
 * failed. */
static void client_requests_a_suspended_mapping(void **state)
{
	struct exchange x = { .answers = 0 };

	have(plain);
	network_goes();
	network_returns();
	assert_int_equal(ask(&x, plain), MAP_WAIT);
	answer(NAT_OK);			/* resumed */
	assert_int_equal(x.answers, 0);
	answer(NAT_OK);			/* renewed */
	assert_int_equal(x.answers, 1);
	assert_int_equal(x.why, REFUSAL_NONE);
	network_goes();
	network_returns();
	answer(NAT_EFAIL);
	assert_int_equal(ask(&x, plain), MAP_WAIT);
	answer(NAT_OK);
	assert_int_equal(x.answers, 2);
	assert_int_equal(x.why, REFUSAL_NONE);
	assert_int_equal(portmap_shown_count(pm), 1);
	assert_int_equal(portmap_count(pm), 1);
}

/* ---- overruled ----------------------------------------------------- */

/* The monitor removes Ann's rule. */
static void overrule(void)
{
	struct nat_rule r = last_stored.rule;

	map_overruled(&map, &r);
}

static void overruled_mapping_is_kept_and_returns(void **state)
{
	struct exchange x = { .answers = 0 };

	have(plain);
	now_ms += 10000;
	overrule();
	assert_int_equal(stored, 2);
	assert_true(last_stored.overruled);
	assert_int_equal(map.update_id, 2);
	assert_int_equal(portmap_shown_count(pm), 1);
	assert_int_equal(take_ops(), 0);
	overrule();			/* once more */
	assert_int_equal(stored, 2);
	/* its port is still Ann's */
	assert_int_equal(ask(&x, by(BOB, plain)), REFUSAL_CONFLICT);
	wakes = 0;
	map_ask_again(&map);
	assert_int_equal(wakes, 1);
	answer(NAT_EFORWARDED);
	assert_int_equal(stored, 2);
	/* it is not asked for again before something changes */
	assert_int_equal(map_tick(&map, now_ms), now_ms + 3590000);
	assert_int_equal(take_ops(), 0);
	map_ask_again(&map);
	map_ask_again(&map);
	assert_int_equal(take_ops(), 1);
	answer(NAT_OK);
	assert_int_equal(stored, 3);
	assert_false(last_stored.overruled);
	assert_int_equal(portmap_lease_left(&last_stored, now_ms), 3590);
	wakes = 0;
	map_ask_again(&map);
	assert_int_equal(wakes, 0);
	assert_int_equal(take_ops(), 0);
}

/* As a new request: with the same refusal. */
static void renewal_of_an_overruled_mapping(void **state)
{
	struct exchange x = { .answers = 0 };

	have(plain);
	overrule();
	now_ms += 10000;
	assert_int_equal(ask(&x, plain), MAP_WAIT);
	answer(NAT_EFORWARDED);
	assert_int_equal(x.why, REFUSAL_FORWARDED);
	assert_int_equal(last_refused.why, REFUSAL_FORWARDED);
	assert_int_equal(ask(&x, plain), MAP_WAIT);
	answer(NAT_ECONFLICT);
	assert_int_equal(x.why, REFUSAL_PORT);
	assert_int_equal(portmap_count(pm), 1);
	assert_int_equal(portmap_lease_left(portmap_entry(pm,
		portmap_at(pm, 0)), now_ms), 3590);
	assert_int_equal(renew(&x, plain), REFUSAL_NONE);
	assert_false(last_stored.overruled);
	overrule();
	assert_int_equal(ask(&x, delete), REFUSAL_NONE);
	assert_int_equal(gone, 1);
	assert_int_equal(portmap_count(pm), 0);
}

/* If any port will do, the client gets another one. */
static void any_port_avoids_one_that_is_forwarded(void **state)
{
	struct exchange x = { .answers = 0 };
	struct packet p = plain;

	p.port = MAP_PORT_ANY;
	have(p);
	overrule();
	assert_int_equal(ask(&x, p), MAP_WAIT);
	answer(NAT_EFORWARDED);
	assert_int_equal(x.answers, 0);
	answer(NAT_EBLOCKED);
	answer(NAT_OK);
	assert_int_equal(x.why, REFUSAL_NONE);
	assert_int_not_equal(x.told.port, 5000);
	assert_int_equal(portmap_count(pm), 2);
}

/* A rule that was replaced or deleted meanwhile is not the mapping's. */
static void other_rules_overrule_nothing(void **state)
{
	struct nat_rule r;

	have(plain);
	r = last_stored.rule;
	r.int_port++;
	map_overruled(&map, &r);
	r = last_stored.rule;
	r.ext_port++;
	map_overruled(&map, &r);
	assert_int_equal(stored, 1);
}

static void policy_applies_to_overruled_mappings(void **state)
{
	struct map_applied did;

	have(plain);
	overrule();
	did = map_apply_policy(&map, now_ms);
	assert_int_equal(did.resumed + did.suspended, 0);
	assert_int_equal(take_ops(), 0);
	network_goes();
	assert_int_equal(portmap_shown_count(pm), 0);
	network_returns();
	stored = 0;
	answer(NAT_EFORWARDED);
	assert_int_equal(stored, 1);	/* clients see it again, as disabled */
	assert_true(last_stored.overruled);
	assert_int_equal(portmap_shown_count(pm), 1);
}

static void other_services_report_refusals(void **state)
{
	struct refused r = {
		.why = REFUSAL_HOST, .origin = ORIGIN_UPNP, .client =
			addr_ip4(ANN),
	};

	mapreport_refused(&map, &r);
	assert_int_equal(refused, 1);
	r.origin = ORIGIN_OPERATOR;	/* not reported */
	mapreport_refused(&map, &r);
	r.origin = ORIGIN_UPNP;
	r.why = REFUSAL_NOT_FOUND;	/* not counted */
	mapreport_refused(&map, &r);
	assert_int_equal(refused, 1);
}

static void origins_have_names(void **state)
{
	assert_string_equal(origin_name(ORIGIN_OPERATOR), "operator");
	assert_string_equal(origin_name(ORIGIN_UPNP), "upnp");
	assert_string_equal(origin_name(ORIGIN_NAT_PMP), "nat-pmp");
	assert_string_equal(origin_name(ORIGIN_PCP), "pcp");
	assert_string_equal(origin_name(ORIGINS), "unknown");
	assert_string_equal(origin_name((enum origin)0), "unknown");
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(mappings_are_added_renewed_and_deleted),
		T(leases_are_limited),
		T(a_lease_of_0_is_granted_1_second),
		T(requests_against_policy_are_refused),
		T(any_port_avoids_denied_ports),
		T(errors_of_the_kernel_are_refusals),
		T(full_tables_are_refusals),
		T(new_mappings_have_a_rate),
		T(policy_and_caps_apply_to_the_operator),
		T(clients_cannot_change_the_operators_mappings),
		T(requester_without_address_is_not_the_operator),
		T(operators_mapping_is_reconfirmed_first),
		T(only_the_owner_deletes_in_secure_mode),
		T(port_of_another_client_conflicts),
		T(disabled_mapping_needs_no_op),
		T(second_request_for_a_key_waits),
		T(next_request_is_tried_after_a_failure),
		T(delete_and_add_keep_their_order),
		T(delete_waits_for_an_overwrite),
		T(requests_for_other_keys_do_not_wait),
		T(cancelled_add_still_happens),
		T(done_may_cancel_other_requests),
		T(done_may_start_a_new_request),
		T(a_range_is_deleted_with_one_answer),
		T(tick_ends_leases),
		T(add_waits_for_the_end_of_a_lease),
		T(add_fails_if_the_old_rule_cannot_be_deleted),
		T(disabled_mapping_ends_without_an_op),
		T(mappings_that_are_now_forbidden_are_removed),
		T(mappings_are_suspended_with_their_network),
		T(suspended_mappings_are_not_shown),
		T(suspended_mappings_end_after_a_day),
		T(each_suspension_lasts_a_day),
		T(failed_resume_is_retried),
		T(network_disappears_during_a_resume),
		T(network_disappears_with_an_op_in_flight),
		T(mappings_forbidden_when_the_network_returns_are_removed),
		T(client_requests_a_suspended_mapping),
		T(overruled_mapping_is_kept_and_returns),
		T(renewal_of_an_overruled_mapping),
		T(any_port_avoids_one_that_is_forwarded),
		T(other_rules_overrule_nothing),
		T(policy_applies_to_overruled_mappings),
		T(other_services_report_refusals),
		cmocka_unit_test(origins_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
