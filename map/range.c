/* SPDX-License-Identifier: ISC */
/*
 * range.c - delete many mappings, a range or all of a client's that NAT-PMP
 * made, with many ops and one answer.
 *
 * Owns: the range deletion in progress, of which there is at most one: a bit
 * for each slot whose op belongs to it, and how many of these have not been
 * answered. Its requester is in the queue with slot PM_NONE.
 * Runs in: engine
 */
#include "map/interwork.h"
#include "map/owner.h"
#include "map/range.h"
#include "map/mapreport.h"
#include "map/waitlist.h"

static bool in_range(const struct map_wait *w, const struct pm_entry *e)
{
	const struct nat_rule *r = &e->rule;

	if (w->what == MAP_DELETE_OWN)
		return r->proto == w->req.mapping.rule.proto &&
		       addr_equal(r->client, w->req.mapping.rule.client);
	/* a control point knows the ports that it was told */
	return owner_sees(e, &w->req.mapping) &&
	       r->proto == w->req.mapping.rule.proto && e->told_port >= w->lo &&
	       e->told_port <= w->hi;
}

/* Is it the requester's own mapping, which it may not delete over UPnP? */
static bool is_kept(const struct map_wait *w, const struct pm_entry *e)
{
	const struct pm_req *by = &w->req.mapping;

	return interwork_keeps(e, by) && owner_is(e, by->requester);
}

static bool may_delete(const struct map *m, const struct map_wait *w,
		       const struct pm_entry *e)
{
	const struct pm_req *by = &w->req.mapping;

	if (w->what == MAP_DELETE_OWN)
		return e->origin == by->origin;
	return !interwork_keeps(e, by) &&
	       owner_may_change(m, e, by) == REFUSAL_NONE &&
	       (w->others || owner_is(e, by->requester));
}

/* The result of a scan of the table. */
struct tally {
	size_t n;		/* mappings that are deleted, or will be */
	uint16_t busy;		/* the op to wait for, of a mapping in the
				 * range, or PM_NONE */
	struct nat_rule stays;	/* one that may not be deleted; kind 0: none */
};

/* A mapping with another op in flight is skipped: both requests are in progress
 * at the same time, so this deletion may count as the earlier one.
 * Return: true if the mapping in @slot was removed at once, so that the next
 * mapping has its index */
static bool delete_one(struct map *m, uint16_t slot, const struct pm_req *by,
		       struct tally *t)
{
	mapreport_begin(m, m->pm, slot);
	switch (portmap_delete(m->pm, slot, &slot)) {
	case PM_DONE:
		mapreport_gone(m, by, REFUSAL_NONE, 0);
		t->n++;
		return true;
	case PM_STARTED:
		m->range_slot[slot / 8] |= (uint8_t)(1u << slot % 8);
		m->range_left++;
		t->n++;
		return false;
	case PM_BUSY:
		t->busy = slot;
		return false;
	default:
		return false;
	}
}

/* The mapping @e is in the range, and stays. */
static void note_stays(struct map *m, const struct map_wait *w,
		       const struct pm_entry *e, struct tally *t)
{
	enum refusal why;

	/* For a requester that did not ask for other clients' mappings, they do
	 * not exist. */
	if (w->what != MAP_DELETE_OWN) {
		if (w->others || is_kept(w, e))
			t->stays = e->rule;
		return;
	}
	/* "MUST still delete as many as possible, but respond with a non-zero
	 * result code" (RFC 6886 3.4) */
	why = interwork_stays(e, &w->req.mapping);
	if (why != REFUSAL_NONE)
		m->range_why = why;
}

static struct tally delete_all(struct map *m, struct map_wait *w)
{
	struct tally t = { .busy = PM_NONE };
	const struct pm_entry *e;
	uint16_t slot;
	size_t i = 0;

	while (i < portmap_count(m->pm)) {
		slot = portmap_at(m->pm, i);
		e = portmap_entry(m->pm, slot);
		if (in_range(w, e) && !may_delete(m, w, e))
			note_stays(m, w, e, &t);
		else if (in_range(w, e) &&
			 delete_one(m, slot, &w->req.mapping, &t))
			continue;
		i++;
	}
	return t;
}

/* The result if there is no op to wait for. */
static int end(struct map *m, struct map_wait *w, const struct tally *t)
{
	enum refusal why = m->range_why;

	if (!t->n && w->what != MAP_DELETE_OWN) {
		if (!t->stays.kind)
			return REFUSAL_NOT_FOUND;
		w->req.mapping.rule = t->stays;		/* for the log */
		why = REFUSAL_OWNER;
	}
	return why == REFUSAL_NONE ? REFUSAL_NONE :
	       (int)mapreport_refusal(m, w, why, 0);
}

int range_start(struct map *m, struct map_wait *w)
{
	struct tally t;

	if (m->range_left) {
		waitlist_queue(m, w, PM_NONE, false);
		return MAP_WAIT;
	}
	m->range_why = REFUSAL_NONE;
	t = delete_all(m, w);
	/* If the op in flight renews the mapping, the mapping may exist
	 * afterwards: wait. */
	if (!t.n && t.busy != PM_NONE) {
		waitlist_queue(m, w, t.busy, false);
		return MAP_WAIT;
	}
	if (!m->range_left)
		return end(m, w, &t);
	waitlist_queue(m, w, PM_NONE, true);
	m->ops->wake(m->ops_arg);
	return MAP_WAIT;
}

bool range_has(const struct map *m, uint16_t slot)
{
	return m->range_slot[slot / 8] & 1u << slot % 8;
}

struct map_wait *range_done(struct map *m, uint16_t slot, enum refusal why)
{
	if (!range_has(m, slot))
		return NULL;
	m->range_slot[slot / 8] &= (uint8_t)~(1u << slot % 8);
	if (why != REFUSAL_NONE)
		m->range_why = why;
	return --m->range_left ? NULL : waitlist_wake(m, NAT_PORTMAP, PM_NONE);
}
