/* SPDX-License-Identifier: ISC */
/* start.c - start a request on the mapping table, or start it again.
 * Runs in: engine */
#include "map/anyport.h"
#include "map/asking.h"
#include "map/interwork.h"
#include "map/own.h"
#include "map/owner.h"
#include "map/range.h"
#include "map/mapreport.h"
#include "map/start.h"
#include "map/waitlist.h"

bool start_may_change_port(const struct map_wait *w)
{
	/* a pinhole has no external port */
	return w->req.mapping.rule.kind == NAT_PORTMAP &&
	       (w->req.port == MAP_PORT_ANY || w->req.port == MAP_PORT_OWN ||
		(w->req.port == MAP_PORT_OWN_ONLY && !w->wished));
}

/* Handle the result @res of a change, except PM_DONE, which the caller handles.
 * After PM_STARTED and PM_BUSY, @w waits for @slot. */
static int wait_or_refuse(struct map *m, struct map_wait *w, int res,
			  uint16_t slot)
{
	if (res == PM_STARTED || res == PM_BUSY) {
		waitlist_queue(m, w, slot, res == PM_STARTED);
		if (res == PM_STARTED)
			m->ops->wake(m->ops_arg);
		return MAP_WAIT;
	}
	return (int)mapreport_refusal(m, w, (enum refusal)res, 0);
}

/* Handle a client's request for the key of an operator's mapping, which stays
 * as it is. The request succeeds if it asks for exactly that mapping. */
static int add_over_operators(struct map *m, struct map_wait *w,
			      uint16_t theirs)
{
	const struct pm_req *q = &w->req.mapping;
	struct portmap *pm = map_table(m, q->rule.kind);
	const struct pm_entry *e = portmap_entry(pm, theirs);
	uint16_t slot = PM_NONE;
	int res;

	if (!e->enabled || !q->enabled || !nat_rule_equal(&e->rule, &q->rule))
		return (int)mapreport_refusal(m, w, REFUSAL_OPERATOR, 0);
	res = portmap_reconfirm(pm, theirs, &slot);
	return wait_or_refuse(m, w, res, slot);
}

/* The client's address is not the one that asks. If it is the same host's, only
 * the rest of the policy is left to check. */
static int check_client(struct map *m, struct map_wait *w)
{
	const struct pm_req *q = &w->req.mapping;
	enum refusal why = REFUSAL_SECURE;
	unsigned line = 0;

	switch (asking_same(m, q, q->rule.client)) {
	case MAP_ASKED:
		return asking_wait(m, w);
	case MAP_SAME:
		w->asks = false;
		why = policy_check(&m->policy, &q->rule, addr_any(), &line);
		if (why == REFUSAL_RULE && start_may_change_port(w))
			why = REFUSAL_NONE;
		break;
	default:
		break;
	}
	return why == REFUSAL_NONE ? REFUSAL_NONE :
	       (int)mapreport_refusal(m, w, why, line);
}

/* Finish a request after the table's result. */
static int entered(struct map *m, struct map_wait *w, int res, uint16_t slot,
		   const struct pm_entry **ret)
{
	if (res != PM_DONE)
		return wait_or_refuse(m, w, res, slot);
	*ret = portmap_entry(map_table(m, w->req.mapping.rule.kind), slot);
	mapreport_stored(m, *ret, &w->req.mapping);
	return REFUSAL_NONE;
}

/* Give the mapping in @slot the lease of the request; it keeps the rest. */
static int renew_slot(struct map *m, struct map_wait *w, uint16_t slot,
		      bool extend, uint64_t now_ms,
		      const struct pm_entry **ret)
{
	const struct pm_req *q = &w->req.mapping;
	struct portmap *pm = map_table(m, q->rule.kind);
	struct pm_renewal r = { .lease_s = q->lease_s, .extend = extend };
	int res;

	/* another host may renew it: a third party, or without secure mode */
	if (addr_equal(portmap_entry(pm, slot)->requester, q->requester))
		r.host = q->host;
	mapreport_begin(m, pm, slot);
	res = portmap_renew(pm, slot, &r, now_ms, &slot);
	return entered(m, w, res, slot, ret);
}

static int add_on_key(struct map *m, struct map_wait *w, uint64_t now_ms,
		      const struct pm_entry **ret)
{
	const struct pm_req *q = &w->req.mapping;
	struct portmap *pm = map_table(m, q->rule.kind);
	uint16_t slot;
	int res;

	switch (interwork_add(m, q, &slot)) {
	case INTERWORK_OPERATORS:
		return add_over_operators(m, w, slot);
	case INTERWORK_EXTEND:
		return renew_slot(m, w, slot, true, now_ms, ret);
	case INTERWORK_CONFLICT:
		return (int)mapreport_refusal(m, w, REFUSAL_CONFLICT, 0);
	case INTERWORK_NONCE:
		return own_refuse(m, w, portmap_entry(pm, slot), now_ms);
	default:
		mapreport_begin(m, pm, portmap_find(pm, &q->rule));
		res = portmap_add(pm, q, now_ms, &slot);
		if (res == PM_DONE || res == PM_STARTED)
			mapreport_allowed(m, &q->rule);
		return entered(m, w, res, slot, ret);
	}
}

/* A pinhole has no external port to choose. */
static enum refusal pick_port(struct map *m, struct map_wait *w)
{
	if (w->req.mapping.rule.kind != NAT_PORTMAP ||
	    w->req.port == MAP_PORT_WISHED)
		return REFUSAL_NONE;
	return w->req.port == MAP_PORT_ANY ? anyport_pick(m, w) :
					     own_pick(m, w);
}

static int add(struct map *m, struct map_wait *w, uint64_t now_ms,
	       const struct pm_entry **ret)
{
	int res = w->asks ? check_client(m, w) : REFUSAL_NONE;

	if (res == REFUSAL_NONE)
		res = own_check(m, w, now_ms);
	if (res == REFUSAL_NONE)
		res = (int)pick_port(m, w);
	return res == REFUSAL_NONE ? add_on_key(m, w, now_ms, ret) : res;
}

/* May the requester change @e? Return: as start_run(), MAP_WAIT: @w waits for
 * the neighbour table */
static int check_owner(struct map *m, struct map_wait *w,
		       const struct pm_entry *e)
{
	const struct pm_req *q = &w->req.mapping;
	enum refusal why = owner_may_change(m, e, q);

	if (why == REFUSAL_OWNER)
		switch (asking_same(m, q, e->rule.client)) {
		case MAP_ASKED:
			return asking_wait(m, w);
		case MAP_SAME:
			why = REFUSAL_NONE;
			break;
		default:
			break;
		}
	return why == REFUSAL_NONE ? REFUSAL_NONE :
	       (int)mapreport_refusal(m, w, why, 0);
}

/* The pinhole keeps everything but its lease. */
static int renew(struct map *m, struct map_wait *w, uint64_t now_ms,
		 const struct pm_entry **ret)
{
	const struct pm_req *q = &w->req.mapping;
	uint16_t slot = portmap_by_id(m->pinholes, w->unique_id);
	const struct pm_entry *e = portmap_entry(m->pinholes, slot);
	int res;

	if (!owner_sees(e, q))
		return REFUSAL_NOT_FOUND;
	w->req.mapping.rule = e->rule;		/* for the log */
	res = check_owner(m, w, e);
	if (res != REFUSAL_NONE)
		return res;
	return renew_slot(m, w, slot, interwork_keeps(e, q), now_ms, ret);
}

/* MAP_MAY and the first part of MAP_DELETE. */
static int may_change(struct map *m, struct map_wait *w, uint16_t *ret_slot)
{
	const struct pm_req *q = &w->req.mapping;
	struct portmap *pm = map_table(m, q->rule.kind);
	const struct pm_entry *e;

	*ret_slot = portmap_find(pm, &q->rule);
	e = portmap_entry(pm, *ret_slot);
	return owner_sees(e, q) ? check_owner(m, w, e) : REFUSAL_NOT_FOUND;
}

static int delete(struct map *m, struct map_wait *w)
{
	struct portmap *pm = map_table(m, w->req.mapping.rule.kind);
	uint16_t slot;
	int res = may_change(m, w, &slot);

	if (res != REFUSAL_NONE)
		return res;
	if (interwork_keeps(portmap_entry(pm, slot), &w->req.mapping))
		return (int)mapreport_refusal(m, w, REFUSAL_OWNER, 0);
	mapreport_begin(m, pm, slot);
	res = portmap_delete(pm, slot, &slot);
	if (res != PM_DONE)
		return wait_or_refuse(m, w, res, slot);
	mapreport_gone(m, &w->req.mapping, REFUSAL_NONE, 0);
	return REFUSAL_NONE;
}

int start_run(struct map *m, struct map_wait *w, uint64_t now_ms,
	      const struct pm_entry **ret)
{
	uint16_t slot;

	*ret = NULL;
	switch (w->what) {
	case MAP_ADD:
		return add(m, w, now_ms, ret);
	case MAP_RENEW:
		return renew(m, w, now_ms, ret);
	case MAP_MAY:
		return may_change(m, w, &slot);
	case MAP_DELETE_RANGE:
		return range_start(m, w);
	case MAP_DELETE_OWN:
		return own_delete(m, w, now_ms);
	default:
		return delete(m, w);
	}
}
