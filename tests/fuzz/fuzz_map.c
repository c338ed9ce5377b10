/* SPDX-License-Identifier: ISC */
/*
 * fuzz_map.c - the mapping core, asked by all protocols at once.
 *
 * Input: a byte for the settings; then steps, each a byte for the action,
 * followed by its arguments.
 *
 * Holds: each request has one answer; a success is for what the kernel has;
 * only one client has a port; the index of sockets finds what the table has;
 * when nothing is open, the kernel has the table's rules and no others. A
 * protocol, or another nonce, takes nothing from a mapping that it did not
 * make, except that UPnP may take NAT-PMP's. A chosen port is not PCP's own, and no
 * other client has its sibling; a client's socket keeps its port.
 */
#include <netinet/in.h>
#include <stddef.h>
#include "fuzz.h"
#include "map/map.h"

#define HOSTS		3
#define REQUESTS	12
#define RULES		64
#define STEPS		300

struct request {
	struct map_wait w;	/* the first member */
	bool open;
};

/* A mapping, as it was before a step. */
struct seen {
	struct pm_entry e;
};

static struct map map;
static uint64_t now_ms;
static uint32_t number;
static struct str in;
static struct request request[REQUESTS];
static struct nat_rule kernel[RULES];
static size_t kernel_n;
static struct nat_op op[RULES];
static struct nat_op_id op_id[RULES];
static size_t op_n;
static uint16_t taken;		/* the external port that the router serves */
static struct seen before[RULES];
static size_t before_n;

/* ---- the kernel ---------------------------------------------------------- */

static struct nat_rule *kernel_rule(const struct nat_rule *key)
{
	for (size_t i = 0; i < kernel_n; i++)
		if (nat_rule_same_key(&kernel[i], key))
			return &kernel[i];
	return NULL;
}

static void apply(const struct nat_op *o)
{
	struct nat_rule *r = kernel_rule(&o->rule);

	CHECK(nat_rule_sane(&o->rule));
	if (o->verb == NAT_SET && !r) {
		CHECK(kernel_n < RULES);
		r = &kernel[kernel_n++];
	}
	if (o->verb == NAT_SET)
		*r = o->rule;
	else if (r)
		*r = kernel[--kernel_n];
}

static void take_ops(void)
{
	struct portmap *pm = NULL;

	while ((pm = map_next_table(&map, pm)))
		while (op_n < RULES &&
		       portmap_next_op(pm, &op[op_n], &op_id[op_n]))
			op_n++;
}

/* As the monitor does, which does not trust the core. */
static enum nat_err check_rule(const struct nat_rule *r)
{
	if (policy_check(&map.policy, r, addr_any(), NULL) != REFUSAL_NONE)
		return NAT_EREFUSED;
	return r->ext_port && r->ext_port == taken ? NAT_EFORWARDED : NAT_OK;
}

/* Answer the oldest op. Return: false if there is none */
static bool answer(enum nat_err err)
{
	struct nat_op_id id;

	take_ops();
	if (!op_n)
		return false;
	if (err == NAT_OK && op[0].verb == NAT_SET)
		err = check_rule(&op[0].rule);
	if (err == NAT_OK)
		apply(&op[0]);
	id = op_id[0];
	op_n--;
	memmove(op, op + 1, op_n * sizeof(op[0]));
	memmove(op_id, op_id + 1, op_n * sizeof(op_id[0]));
	map_answer(&map, id, err, now_ms);
	return true;
}

static void answer_all(void)
{
	for (int i = 0; answer(NAT_OK); i++)
		CHECK(i < 5000);
	for (size_t i = 0; i < REQUESTS; i++)
		CHECK(!request[i].open);
}

/* The owner sends the whole table. */
static void sync(void)
{
	struct portmap *pm = NULL;

	kernel_n = 0;
	while ((pm = map_next_table(&map, pm)))
		for (size_t i = 0; i < portmap_count(pm); i++) {
			const struct pm_entry *e =
				portmap_entry(pm, portmap_at(pm, i));

			if (portmap_has_rule(e))
				kernel[kernel_n++] = e->rule;
		}
}

/* ---- the owner ----------------------------------------------------------- */

static void op_wake(void *arg)
{
}

static void op_stored(void *arg, const struct pm_entry *e)
{
	CHECK(nat_rule_sane(&e->rule));
}

static void op_gone(void *arg, const struct nat_rule *r)
{
	CHECK(nat_rule_sane(r));
}

static void op_refused(void *arg, const struct refused *r)
{
	CHECK(r->why < REFUSALS);
}

static uint32_t op_rnd(void *arg)
{
	return number = number * 1664525 + 1013904223;
}

static const struct map_ops ops = {
	op_wake, op_stored, op_gone, op_refused, op_rnd,
};

/* ---- the properties ------------------------------------------------------ */

static struct addr host(bool six, unsigned n)
{
	const uint8_t byte[16] = { 0x20, 0x01, 0x0d, 0xb8,
				   [15] = (uint8_t)(16 + n) };

	return six ? addr_ip6(byte) : addr_ip4(0xc0a85810 + n);
}

static bool has_nonce(const struct pm_entry *e, const struct pm_req *q)
{
	return !memcmp(&e->nonce, &q->nonce, sizeof(e->nonce));
}

static void check_socket(const struct portmap *pm, const struct pm_entry *e,
			 uint16_t at)
{
	size_t want = 0, got = 0;
	uint16_t slot = PM_NONE;
	bool found = false;

	for (size_t i = 0; i < portmap_count(pm); i++)
		want += nat_rule_same_socket(&e->rule, &portmap_entry(pm,
			portmap_at(pm, i))->rule);
	while ((slot = portmap_by_socket(pm, e->rule.proto, e->rule.client,
					 e->rule.int_port, slot)) != PM_NONE) {
		got++;
		found |= slot == at;
	}
	CHECK(found && got == want);
}

static void check_table(const struct portmap *pm)
{
	for (size_t i = 0; i < portmap_count(pm); i++) {
		const struct pm_entry *e = portmap_entry(pm, portmap_at(pm, i));

		CHECK(nat_rule_sane(&e->rule));
		CHECK(e->origin == ORIGIN_PCP || !e->peer);
		CHECK(e->state == PM_EXPIRING || !e->expires_ms ||
		      e->expires_ms <= now_ms + 1000ull * PM_LEASE_MAX_S);
		check_socket(pm, e, portmap_at(pm, i));
		for (size_t k = 0; k < i; k++) {
			const struct nat_rule *r = &portmap_entry(pm,
				portmap_at(pm, k))->rule;

			CHECK(!nat_rule_same_key(&e->rule, r));
			CHECK(!nat_rule_rivals(&e->rule, r) ||
			      addr_equal(e->rule.client, r->client));
		}
	}
}

static void check_kernel(void)
{
	struct portmap *pm = NULL;

	while ((pm = map_next_table(&map, pm)))
		for (size_t i = 0; i < portmap_count(pm); i++) {
			const struct pm_entry *e =
				portmap_entry(pm, portmap_at(pm, i));
			const struct nat_rule *r = kernel_rule(&e->rule);

			CHECK(!portmap_has_rule(e) ||
			      (r && nat_rule_equal(r, &e->rule)));
		}
	for (size_t i = 0; i < kernel_n; i++)
		CHECK(portmap_find(map_table(&map, kernel[i].kind),
				   &kernel[i]) != PM_NONE);
}

static void see(void)
{
	struct portmap *pm = NULL;

	before_n = 0;
	while ((pm = map_next_table(&map, pm)))
		for (size_t i = 0; i < portmap_count(pm); i++)
			before[before_n++].e =
				*portmap_entry(pm, portmap_at(pm, i));
}

/* May the request take something from this mapping? */
static bool may_take(const struct pm_entry *e, const struct request *r)
{
	const struct pm_req *q = &r->w.req.mapping;
	const bool its = addr_equal(e->rule.client, q->rule.client);

	switch (q->origin) {
	case ORIGIN_OPERATOR:
		return true;
	case ORIGIN_UPNP:
		return (e->origin == ORIGIN_UPNP ||
			e->origin == ORIGIN_NAT_PMP) &&
		       (its || !map.policy.secure ||
			addr_equal(e->rule.client, q->requester) ||
			addr_equal(e->requester, q->requester));
	case ORIGIN_NAT_PMP:
		return its && e->origin == ORIGIN_NAT_PMP;
	default:
		return its && e->origin == ORIGIN_PCP && has_nonce(e, q);
	}
}

/* A request is done, and nothing else happened since see(). */
static void check_taken(const struct request *r)
{
	for (size_t i = 0; i < before_n; i++) {
		const struct pm_entry *was = &before[i].e, *e;
		const struct portmap *pm = map_table(&map, was->rule.kind);

		if (was->state == PM_EXPIRING || may_take(was, r))
			continue;
		e = portmap_entry(pm, portmap_find(pm, &was->rule));
		CHECK(e && nat_rule_equal(&e->rule, &was->rule));
		CHECK(e->origin == was->origin && e->peer == was->peer);
		CHECK(!memcmp(&e->nonce, &was->nonce, sizeof(e->nonce)));
		CHECK(addr_equal(e->requester, was->requester));
		CHECK(!e->expires_ms || (was->expires_ms &&
					 e->expires_ms >= was->expires_ms));
		CHECK(e->enabled || !was->enabled);
		CHECK(e->unique_id == was->unique_id);
	}
}

/* Had the socket a mapping that decides about the port? */
static bool had_port(const struct nat_rule *rule, uint16_t port)
{
	bool any = false, same = false;

	for (size_t i = 0; i < before_n; i++) {
		const struct pm_entry *e = &before[i].e;

		if (e->rule.kind != rule->kind || e->overruled ||
		    e->state == PM_EXPIRING ||
		    !nat_rule_same_socket(&e->rule, rule))
			continue;
		any = true;
		/* then another one is chosen */
		same |= e->rule.ext_port == port || e->rule.ext_port == taken;
	}
	CHECK(!any || same);
	return any;
}

static bool was_there(const struct nat_rule *key)
{
	for (size_t i = 0; i < before_n; i++)
		if (nat_rule_same_key(&before[i].e.rule, key))
			return true;
	return false;
}

static void check_port(const struct nat_rule *rule, enum map_port port)
{
	const uint8_t proto = rule->proto == IPPROTO_TCP ? IPPROTO_UDP :
							   IPPROTO_TCP;
	uint16_t slot = PM_NONE;

	if (rule->kind != NAT_PORTMAP || port == MAP_PORT_WISHED)
		return;
	if (port != MAP_PORT_ANY && had_port(rule, rule->ext_port))
		return;
	if (was_there(rule) || port == MAP_PORT_OWN_ONLY)
		return;
	CHECK(rule->proto != IPPROTO_UDP || rule->ext_port < 5350 ||
	      rule->ext_port > 5351);
	while ((slot = portmap_on_port(map.pm, proto, rule->ext_port, slot)) !=
	       PM_NONE)
		CHECK(addr_equal(portmap_entry(map.pm, slot)->rule.client,
				 rule->client));
}

/* ---- requests ------------------------------------------------------------ */

static struct pm_entry got;	/* the last answer's mapping */
static bool has_got;

/* A disabled mapping has no rule. */
static void check_success(const struct request *r, const struct pm_entry *e)
{
	const struct nat_rule *want = &r->w.req.mapping.rule, *rule;

	CHECK(e->rule.kind == want->kind);
	CHECK(addr_equal(e->rule.client, want->client));
	CHECK(e->rule.proto == want->proto);
	CHECK(e->rule.int_port == want->int_port);
	rule = kernel_rule(&e->rule);
	CHECK(!portmap_has_rule(e) || (rule && nat_rule_equal(rule, &e->rule)));
	got = *e;
	has_got = true;
}

static void done(struct map_wait *w, enum refusal why, const struct pm_entry *e)
{
	struct request *r = (struct request *)w;

	CHECK(r->open);
	r->open = false;
	CHECK(!e || why == REFUSAL_NONE);
	if (e)
		check_success(r, e);
}

/* Fill a request from five bytes. */
static void fill(struct request *r)
{
	const uint8_t who = fuzz_u8(&in), what = fuzz_u8(&in),
		      ports = fuzz_u8(&in), remote = fuzz_u8(&in),
		      more = fuzz_u8(&in);
	struct map_request *m = &r->w.req;
	struct pm_req *q = &m->mapping;
	const bool six = who & 128;

	*r = (struct request){ .w = { .done = done } };
	q->origin = (uint8_t)(1 + who % 4);
	q->requester_if = 2;
	if (q->origin != ORIGIN_OPERATOR)
		q->requester = host(six, who / 4 % 4 % HOSTS);
	q->rule.kind = six ? NAT_PINHOLE : NAT_PORTMAP;
	q->rule.client = who & 64 ? host(six, who / 16 % 4 % HOSTS) :
				    host(six, who / 4 % 4 % HOSTS);
	q->rule.proto = what & 1 ? IPPROTO_UDP : IPPROTO_TCP;
	q->rule.int_port = (uint16_t)(3000 + ports % 4);
	q->rule.ext_port = six ? 0 : (uint16_t)(5348 + ports / 4 % 8);
	q->rule.remote = addr_any();
	if (remote & 3)
		q->rule.remote = six ? host(true, 64u + (remote & 3)) :
				       addr_ip4(0x08080800u + (remote & 3));
	if (remote & 3 || six)
		q->rule.remote_port = remote & 4 ? 7 : 0;
	if (q->origin == ORIGIN_PCP) {
		memset(&q->nonce, 1 + (more & 1), sizeof(q->nonce));
		q->peer = (what & 6) == 6;
	}
	q->enabled = !(what & 8) || q->origin == ORIGIN_NAT_PMP ||
		     q->origin == ORIGIN_PCP;
	m->port = (uint8_t)(q->origin == ORIGIN_OPERATOR ? MAP_PORT_WISHED :
			    q->origin == ORIGIN_UPNP ? (more & 2 ?
			    MAP_PORT_ANY : MAP_PORT_WISHED) : more & 2 ?
			    MAP_PORT_OWN_ONLY : MAP_PORT_OWN);
	if (m->port != MAP_PORT_WISHED && more & 4)
		q->rule.ext_port = 0;
	m->third_party = q->origin == ORIGIN_PCP && more & 8;
	m->except = q->origin == ORIGIN_PCP && more & 16;
	m->lease_s = more & 32 ? MAP_LEASE_FOREVER : more & 64 ? 3600 : 60;
	if (more & 128)
		snprintf(q->desc, sizeof(q->desc), "text %u", more);
}

static bool names_sockets(const struct request *r)
{
	return r->w.req.mapping.origin == ORIGIN_NAT_PMP ||
	       r->w.req.mapping.origin == ORIGIN_PCP;
}

static int run(struct request *r, uint8_t what)
{
	const struct pm_entry *e = NULL;
	int why;

	switch (what) {
	case 0:
	case 1:
	case 2:
		if (names_sockets(r))
			why = map_delete_own(&map, &r->w, now_ms);
		else if (what < 2)
			why = map_delete(&map, &r->w);
		else
			why = map_delete_range(&map, &r->w, 5349, 5352,
					       now_ms % 2);
		break;
	case 3:
		if (names_sockets(r)) {		/* NAT-PMP: all of them */
			r->w.req.mapping.rule.int_port = 0;
			why = map_delete_own(&map, &r->w, now_ms);
			break;
		}
		r->w.unique_id = (uint16_t)(portmap_last_id(map.pinholes) -
					    fuzz_u8(&in) % 4);
		why = map_renew(&map, &r->w, now_ms, &e);
		break;
	default:
		why = map_add(&map, &r->w, now_ms, &e);
		break;
	}
	CHECK(!e || why == REFUSAL_NONE);
	if (e)
		check_success(r, e);
	return why;
}

/* @settled: before and after the request, nothing is open. */
static void ask(uint8_t what, bool settled)
{
	struct request *r = request;
	enum map_port port;

	while (r < request + REQUESTS && r->open)
		r++;
	if (settled || r == request + REQUESTS) {
		answer_all();
		r = request;
	}
	see();
	has_got = false;
	fill(r);
	port = (enum map_port)r->w.req.port;
	if (port == MAP_PORT_OWN_ONLY && !r->w.req.mapping.rule.ext_port)
		port = MAP_PORT_OWN;
	r->open = run(r, what) == MAP_WAIT;
	if (!settled)
		return;
	answer_all();
	check_taken(r);
	check_kernel();
	if (has_got && what > 3)
		check_port(&got.rule, port);
}

/* ---- a run --------------------------------------------------------------- */

static void pass(uint64_t ms)
{
	now_ms += ms;
	map_tick(&map, now_ms);
}

static void overrule(uint8_t which)
{
	size_t i = which;

	if (kernel_n && (i %= kernel_n, op_n == 0)) {
		struct nat_rule r = kernel[i];

		take_ops();
		if (op_n)
			return;
		kernel[i] = kernel[--kernel_n];
		map_overruled(&map, &r);
	}
}

/* The IPv4 network, or all, comes or goes. */
static void change_policy(uint8_t how)
{
	answer_all();
	map.policy.net_n = how % 3;
	map_apply_policy(&map, now_ms);
	sync();
	answer_all();
}

static void step(void)
{
	static const uint32_t ms[] = { 1, 999, 1000, 5000, 59000, 60000,
				       3600000, 86400000 };
	const uint8_t what = fuzz_u8(&in);

	switch (what % 16) {
	case 8:
		answer(NAT_OK);
		break;
	case 9:
		answer(what & 16 ? NAT_EFAIL : NAT_EFORWARDED);
		break;
	case 10:
		answer_all();
		break;
	case 11:
		pass(ms[what / 16 % 8]);
		break;
	case 12:
		overrule(fuzz_u8(&in));
		break;
	case 13:
		if (what & 16)
			change_policy(what / 32);
		else
			taken = (uint16_t)(5348 + what / 32);
		break;
	case 14:
		if (what & 128) {
			map_ask_again(&map);
		} else if (request[what / 16].open) {
			map_cancel(&map, &request[what / 16].w);
			request[what / 16].open = false;
		}
		break;
	default:
		ask(what % 16, what & 128);
	}
}

static void begin(uint8_t how)
{
	now_ms = 1000000;
	number = how;
	op_n = kernel_n = before_n = 0;
	taken = 0;
	memset(request, 0, sizeof(request));
	map = (struct map){
		.max_lease_s = how & 1 ? 7200 : PM_LEASE_MAX_S,
		.adds_per_s = how & 2 ? 4 : 0, .strict_nonce = how & 4,
		.ops = &ops, .pinholes = portmap_new(how & 8 ? 5 : 12, 8),
		.policy = { .secure = how & 16, .net_n = 2, .net = {
			{ 2, "", { addr_ip4(0xc0a85801), 24 } },
			{ 2, "", { host(true, 0xe0), 64 } },
		} },
	};
	map_init(&map, portmap_new(how & 8 ? 5 : 12, how & 32 ? 3 : 8));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	in = (struct str){ (const char *)data, n };
	begin(fuzz_u8(&in));
	for (int i = 0; in.n && i < STEPS; i++) {
		step();
		check_table(map.pm);
		check_table(map.pinholes);
	}
	answer_all();
	check_kernel();
	/* what has an end, ends */
	taken = 0;
	for (int i = 0; i < 3; i++) {
		pass(8 * UINT64_C(86400000));
		answer_all();
	}
	check_kernel();
	portmap_free(map.pm);
	portmap_free(map.pinholes);
	return 0;
}
