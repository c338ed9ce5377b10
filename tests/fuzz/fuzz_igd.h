/* SPDX-License-Identifier: ISC */
/*
 * fuzz_igd.h - a gateway with a fake kernel, for targets that change its table.
 * Holds for every request: the kernel gets only rules that policy allows, and
 * when all requests are answered it has exactly the table's rules. Include it
 * once.
 */
#ifndef TESTS_FUZZ_FUZZ_IGD_H
#define TESTS_FUZZ_FUZZ_IGD_H

#include "fuzz.h"
#include "igd/igd.h"
#include "igd/link.h"

#define GW_ROUTER	addr_ip4(0xc0a85801u)	/* 192.168.88.1 */
#define GW_CLIENT(n)	addr_ip4(0xc0a8580au + (n))
#define GW_EXT		addr_ip4(0xc6336407u)	/* 198.51.100.7 */
#define GW_UUID		"uuid:00112233-4455-6677-8899-aabbccddeeff"
#define GW_MAX		4		/* mappings, and pinholes */
#define GW_IN_FLIGHT	16

struct gateway {
	struct map map;
	struct igd igd;
	uint64_t now_ms;
	struct nat_rule kernel[2 * (GW_MAX + PM_SPARE_SLOTS)];
	size_t kernel_n;
	/* sent and not answered yet, in order */
	struct nat_op op[GW_IN_FLIGHT];
	struct nat_op_id op_id[GW_IN_FLIGHT];
	size_t op_n;
	bool link_asked, link_up;
	uint32_t rnd;
	/* callbacks for changes of mappings; may be NULL */
	void (*stored)(const struct pm_entry *);
	void (*gone)(const struct nat_rule *);
};

/* ---- callbacks of the gateway -------------------------------------------- */

static inline bool gw_counters(void *arg, struct igd_counters *ret)
{
	*ret = (struct igd_counters){ 1, 2, 3, 0x100000004 };
	return true;
}

static inline bool gw_link(void *arg, bool up)
{
	struct gateway *gw = arg;

	CHECK(!gw->link_asked);
	gw->link_asked = true;
	gw->link_up = up;
	return true;
}

static inline void gw_wake(void *arg)
{
}

static inline void gw_stored(void *arg, const struct pm_entry *e)
{
	struct gateway *gw = arg;
	char desc[PM_DESC_MAX + 1];

	CHECK(e->state == PM_ACTIVE && nat_rule_sane(&e->rule));
	CHECK(portmap_desc(map_table(&gw->map, e->rule.kind), e,
			   desc).n <= PM_DESC_MAX);
	if (gw->stored)
		gw->stored(e);
}

static inline void gw_gone(void *arg, const struct nat_rule *r)
{
	struct gateway *gw = arg;

	CHECK(nat_rule_sane(r));
	if (gw->gone)
		gw->gone(r);
}

static inline void gw_refused(void *arg, const struct refused *r)
{
	CHECK(r->why < REFUSALS && addr_is_set(r->client));
	CHECK(r->origin == ORIGIN_UPNP);
}

static inline uint32_t gw_rnd(void *arg)
{
	struct gateway *gw = arg;

	return gw->rnd = gw->rnd * 1664525 + 1013904223;
}

static const struct igd_ops gw_ops = { gw_counters, gw_link };

static const struct map_ops gw_map_ops = {
	gw_wake, gw_stored, gw_gone, gw_refused, gw_rnd,
};

/* 2001:db8::@host, an address of the LAN; 1 is the router's. */
static inline struct addr gw_lan6(uint8_t host)
{
	const uint8_t byte[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = host };

	return addr_ip6(byte);
}

static inline void gw_init(struct gateway *gw)
{
	*gw = (struct gateway){
		.igd = {
			.allow_link = true, .list_all = true,
			.ops = &gw_ops, .ops_arg = gw,
			.wan_uuid = { NULL, GW_UUID, GW_UUID },
			.wan = { .link_up = true, .admin_up = true },
		},
		.map = {
			.max_lease_s = 3600, .adds_per_s = 50,
			.ops = &gw_map_ops, .ops_arg = gw, .ext = GW_EXT,
			.policy = {
				.secure = true,
				.net = { { 2, "", { GW_ROUTER, 24 } },
					 { 2, "", { gw_lan6(1), 64 } } },
				.net_n = 2,
				.own = { GW_ROUTER, GW_EXT, gw_lan6(1) },
				.own_n = 3,
			},
		},
		.now_ms = 1000000,
	};
	gw->map.pinholes = portmap_new(GW_MAX, GW_MAX - 1);
	map_init(&gw->map, portmap_new(GW_MAX, GW_MAX - 1));
	igd_init(&gw->igd, &gw->map);
	CHECK(gw->map.pm && gw->map.pinholes);
}

static inline void gw_done(struct gateway *gw)
{
	portmap_free(gw->map.pm);
	portmap_free(gw->map.pinholes);
}

/* ---- the kernel ---------------------------------------------------------- */

static inline void gw_unset(struct gateway *gw, const struct nat_rule *key)
{
	for (size_t i = 0; i < gw->kernel_n; i++)
		if (nat_rule_same_key(&gw->kernel[i], key))
			gw->kernel[i--] = gw->kernel[--gw->kernel_n];
}

static inline void gw_do(struct gateway *gw, const struct nat_op *op)
{
	gw_unset(gw, &op->rule);
	if (op->verb != NAT_SET)
		return;
	CHECK(gw->kernel_n < 2 * (GW_MAX + PM_SPARE_SLOTS));
	gw->kernel[gw->kernel_n++] = op->rule;
}

/* Fetch the pending ops. An op that the monitor would refuse is a fault. */
static inline void gw_fetch(struct gateway *gw)
{
	struct nat_op *op = &gw->op[gw->op_n];

	while (gw->op_n < GW_IN_FLIGHT &&
	       (portmap_next_op(gw->map.pm, op, &gw->op_id[gw->op_n]) ||
		portmap_next_op(gw->map.pinholes, op,
				&gw->op_id[gw->op_n]))) {
		CHECK(op->verb == NAT_SET || op->verb == NAT_DEL);
		CHECK(nat_rule_sane(&op->rule));
		CHECK(gw->op_id[gw->op_n].table == op->rule.kind);
		CHECK(op->verb == NAT_DEL ||
		      policy_check(&gw->map.policy, &op->rule, addr_any(),
				   NULL) ==
		      REFUSAL_NONE);
		op = &gw->op[++gw->op_n];
	}
}

/* Answer the oldest op. Return: false if there is none */
static inline bool gw_answer(struct gateway *gw, enum nat_err err)
{
	struct nat_op op;
	struct nat_op_id id;

	gw_fetch(gw);
	if (!gw->op_n)
		return false;
	op = gw->op[0];
	id = gw->op_id[0];
	gw->op_n--;
	memmove(gw->op, gw->op + 1, gw->op_n * sizeof(gw->op[0]));
	memmove(gw->op_id, gw->op_id + 1, gw->op_n * sizeof(gw->op_id[0]));
	if (err == NAT_OK)
		gw_do(gw, &op);
	map_answer(&gw->map, id, err, gw->now_ms);
	return true;
}

static inline void gw_answer_link(struct gateway *gw, enum nat_err err)
{
	if (!gw->link_asked)
		return;
	gw->link_asked = false;
	if (err == NAT_OK)
		gw->igd.wan.admin_up = gw->igd.wan.link_up = gw->link_up;
	link_done(&gw->igd, err);
}

static inline void gw_pass(struct gateway *gw, uint64_t ms)
{
	gw->now_ms += ms;
	map_tick(&gw->map, gw->now_ms);
}

/* Answer all ops. */
static inline void gw_settle(struct gateway *gw, enum nat_err err)
{
	for (int i = 0; i < 1000; i++)
		if (!gw_answer(gw, err))
			break;
	gw_answer_link(gw, err);
	CHECK(!gw_answer(gw, NAT_OK));
}

/* ---- the properties ------------------------------------------------------ */

static inline const struct nat_rule *gw_in_kernel(const struct gateway *gw,
					   const struct nat_rule *r)
{
	for (size_t i = 0; i < gw->kernel_n; i++)
		if (nat_rule_equal(&gw->kernel[i], r))
			return &gw->kernel[i];
	return NULL;
}

static inline void gw_check_entry(const struct gateway *gw,
				  const struct portmap *pm, size_t i)
{
	const struct pm_entry *e = portmap_entry(pm, portmap_at(pm, i));
	const struct pm_entry *o;

	CHECK(policy_check(&gw->map.policy, &e->rule, addr_any(), NULL) ==
	      REFUSAL_NONE);
	for (size_t k = 0; k < i; k++) {
		o = portmap_entry(pm, portmap_at(pm, k));
		CHECK(!nat_rule_same_key(&e->rule, &o->rule));
		CHECK(!e->unique_id || e->unique_id != o->unique_id);
		CHECK(e->rule.kind == NAT_PINHOLE ||
		      e->rule.proto != o->rule.proto ||
		      e->rule.ext_port != o->rule.ext_port ||
		      addr_equal(e->rule.client, o->rule.client));
	}
}

/* Return: how many rules the table has in the kernel */
static inline size_t gw_check_table(const struct gateway *gw,
				    enum nat_kind kind)
{
	const struct portmap *pm = map_table(&gw->map, kind);
	const struct pm_entry *e;
	size_t enabled = 0;

	CHECK(portmap_count(pm) <= GW_MAX);
	for (size_t i = 0; i < portmap_count(pm); i++) {
		gw_check_entry(gw, pm, i);
		e = portmap_entry(pm, portmap_at(pm, i));
		CHECK(e->rule.kind == kind);
		CHECK(!e->unique_id == (kind == NAT_PORTMAP));
		enabled += e->enabled;
		CHECK(!e->enabled || gw_in_kernel(gw, &e->rule));
	}
	return enabled;
}

/* After gw_settle(): the kernel has the tables' rules. */
static inline void gw_check(const struct gateway *gw)
{
	CHECK(gw_check_table(gw, NAT_PORTMAP) +
	      gw_check_table(gw, NAT_PINHOLE) == gw->kernel_n);
}

#endif
