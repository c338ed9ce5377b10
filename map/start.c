/* SPDX-License-Identifier: ISC */
/* start.c - start a request on the mapping table, or start it again.
 * Runs in: engine */
#include "map/anyport.h"
#include "map/owner.h"
#include "map/range.h"
#include "map/mapreport.h"
#include "map/start.h"
#include "map/waitlist.h"

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
	const struct pm_entry *e = portmap_entry(m->pm, theirs);
	const struct pm_req *q = &w->req.mapping;
	uint16_t slot = PM_NONE;
	int res;

	if (!e->enabled || !q->enabled || !nat_rule_equal(&e->rule, &q->rule))
		return (int)mapreport_refusal(m, w, REFUSAL_OPERATOR, 0);
	res = portmap_reconfirm(m->pm, theirs, &slot);
	return wait_or_refuse(m, w, res, slot);
}

static int add(struct map *m, struct map_wait *w, uint64_t now_ms,
	       const struct pm_entry **ret)
{
	const struct pm_req *q = &w->req.mapping;
	const struct pm_entry *old;
	enum refusal why;
	uint16_t slot;
	int res;

	if (w->req.any_port) {
		why = anyport_pick(m, w);
		if (why != REFUSAL_NONE)
			return (int)why;
	}
	slot = portmap_find(m->pm, &q->rule);
	old = portmap_entry(m->pm, slot);
	if (old && old->origin == ORIGIN_OPERATOR &&
	    q->origin != ORIGIN_OPERATOR)
		return add_over_operators(m, w, slot);
	slot = PM_NONE;
	res = portmap_add(m->pm, q, now_ms, &slot);
	if (res != PM_DONE)
		return wait_or_refuse(m, w, res, slot);
	mapreport_stored(m, slot);
	*ret = portmap_entry(m->pm, slot);
	return REFUSAL_NONE;
}

static int delete(struct map *m, struct map_wait *w)
{
	const struct pm_req *q = &w->req.mapping;
	uint16_t slot = portmap_find(m->pm, &q->rule);
	struct nat_rule rule;
	enum refusal why;
	bool shown;
	int res;

	if (!owner_sees(portmap_entry(m->pm, slot), q))
		return REFUSAL_NOT_FOUND;
	why = owner_may_change(m, portmap_entry(m->pm, slot), q);
	if (why != REFUSAL_NONE)
		return (int)mapreport_refusal(m, w, why, 0);
	rule = portmap_entry(m->pm, slot)->rule;
	shown = portmap_is_shown(portmap_entry(m->pm, slot));
	res = portmap_delete(m->pm, slot, &slot);
	if (res != PM_DONE)
		return wait_or_refuse(m, w, res, slot);
	mapreport_gone(m, &rule, shown);
	return REFUSAL_NONE;
}

int start_run(struct map *m, struct map_wait *w, uint64_t now_ms,
	      const struct pm_entry **ret)
{
	*ret = NULL;
	switch (w->what) {
	case MAP_ADD:
		return add(m, w, now_ms, ret);
	case MAP_DELETE_RANGE:
		return range_start(m, w);
	default:
		return delete(m, w);
	}
}
