/* SPDX-License-Identifier: ISC */
/*
 * range.c - DeletePortMappingRange: many ops, one answer.
 *
 * Owns: the deletion under way, of which there is at most one: its ops, as a
 * bit each slot, and how many of them have not been answered. The control
 * point that asked stands in the queue of waits without a slot.
 */
#include <stddef.h>
#include "igd/igd.h"
#include "igd/range.h"
#include "igd/upnp_err.h"
#include "igd/waitlist.h"

static void mark(struct igd *igd, uint16_t slot)
{
	igd->range_slot[slot / 8] |= (uint8_t)(1u << slot % 8);
}

static bool take_mark(struct igd *igd, uint16_t slot)
{
	uint8_t bit = (uint8_t)(1u << slot % 8);
	bool was = igd->range_slot[slot / 8] & bit;

	igd->range_slot[slot / 8] &= (uint8_t)~bit;
	return was;
}

static bool in_range(const struct igd_wait *w, const struct nat_rule *r)
{
	return r->proto == w->req.rule.proto && r->ext_port >= w->lo &&
	       r->ext_port <= w->hi;
}

/* With NewManage others' too, where igd_may_change() has nothing against it. */
static bool may_delete(const struct igd *igd, const struct igd_wait *w,
		       const struct pm_entry *e)
{
	return igd_may_change(igd, e, w->req.requester_ip) == REFUSAL_NONE &&
	       (w->manage || igd_is_own(e, w->req.requester_ip));
}

/* What a look through the table has come to. */
struct tally {
	size_t n;		/* mappings that are gone, or on their way */
	uint16_t busy;		/* the op to wait for, of one that is in the
				 * range, or PM_NONE */
};

/* Return: true when the mapping in @slot is gone already, and the next has its
 * index. One that another op is on stays out of it: that op and this deletion
 * are under way together, so either may be the first. */
static bool delete_one(struct igd *igd, uint16_t slot, struct tally *t)
{
	struct nat_rule rule = portmap_entry(igd->pm, slot)->rule;

	switch (portmap_delete(igd->pm, slot, &slot)) {
	case PM_DONE:
		igd_gone(igd, &rule);
		t->n++;
		return true;
	case PM_STARTED:
		mark(igd, slot);
		igd->range_left++;
		t->n++;
		return false;
	case PM_BUSY:
		t->busy = slot;
		return false;
	default:
		return false;
	}
}

/* What others have is not there for who may not see it, unless he asked for
 * just that. */
static int nothing_deleted(struct igd *igd, struct igd_wait *w,
			   const struct nat_rule *others)
{
	const struct refused no = {
		.why = REFUSAL_OWNER, .client_ip = w->req.requester_ip,
		.rule = *others,
	};

	if (!w->manage || !others->kind)
		return WANIP_RANGE_NOT_FOUND;
	return igd_deny(igd, w, &no, UPNP_NOT_AUTHORIZED);
}

int range_start(struct igd *igd, struct igd_wait *w)
{
	struct nat_rule others = { .kind = 0 };
	struct tally t = { .busy = PM_NONE };
	const struct pm_entry *e;
	size_t i = 0;

	if (igd->range_left)
		return waitlist_queue(igd, w, PM_NONE, false);
	igd->range_failed = false;
	while (i < portmap_count(igd->pm)) {
		uint16_t slot = portmap_at(igd->pm, i);

		e = portmap_entry(igd->pm, slot);
		if (in_range(w, &e->rule) && !may_delete(igd, w, e))
			others = e->rule;
		else if (in_range(w, &e->rule) && delete_one(igd, slot, &t))
			continue;
		i++;
	}
	/* that it is not there, nobody can say of one that is being renewed */
	if (!t.n && t.busy != PM_NONE)
		return waitlist_queue(igd, w, t.busy, false);
	if (!t.n)
		return nothing_deleted(igd, w, &others);
	if (!igd->range_left)
		return UPNP_OK;
	waitlist_queue(igd, w, PM_NONE, true);
	igd->ops->kick(igd->ops_arg);
	return IGD_WAIT;
}

/* Those that wait for their turn are to be tried again, in their order. */
static struct igd_wait *take_rangers(struct igd *igd)
{
	struct igd_wait *w, *next, *owner = NULL;

	for (w = igd->waiting; w; w = next) {
		next = w->next;
		if (w->what != IGD_WAIT_RANGE)
			continue;
		waitlist_del(&igd->waiting, w);
		if (w->owner)
			owner = w;
		else
			waitlist_add(&igd->ready, w);
	}
	return owner;
}

struct igd_wait *range_done(struct igd *igd, uint16_t slot,
				enum nat_err err)
{
	if (!take_mark(igd, slot))
		return NULL;
	if (err != NAT_OK)
		igd->range_failed = true;
	return --igd->range_left ? NULL : take_rangers(igd);
}
