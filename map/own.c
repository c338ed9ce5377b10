/* SPDX-License-Identifier: ISC */
/* own.c - the mappings that a client has for one of its sockets.
 * Runs in: engine */
#include "map/anyport.h"
#include "map/interwork.h"
#include "map/mapreport.h"
#include "map/own.h"
#include "map/range.h"
#include "map/waitlist.h"

static const struct portmap *table(const struct map *m,
				   const struct map_wait *w)
{
	return map_table(m, w->req.mapping.rule.kind);
}

/* A mapping that the kernel does not have yet. (A replacement is part of the
 * mapping that it replaces.) */
static bool is_new(const struct pm_entry *e)
{
	return e->state == PM_ADDING && e->replaces == PM_NONE;
}

static int wait_for(struct map *m, struct map_wait *w, uint16_t slot)
{
	waitlist_queue(m, w, slot, false);
	return MAP_WAIT;
}

int own_refuse(struct map *m, struct map_wait *w, const struct pm_entry *e,
	       uint64_t now_ms)
{
	w->left_s = portmap_lease_left(e, now_ms);
	return (int)mapreport_refusal(m, w, REFUSAL_NONCE, 0);
}

/* ---- requests for a mapping ---------------------------------------- */

int own_check(struct map *m, struct map_wait *w, uint64_t now_ms)
{
	const struct pm_req *q = &w->req.mapping;
	const struct pm_entry *e, *other = NULL;
	uint16_t slot = PM_NONE;

	if (q->origin != ORIGIN_NAT_PMP && q->origin != ORIGIN_PCP)
		return REFUSAL_NONE;
	while ((slot = portmap_on_socket(table(m, w), &q->rule, slot)) !=
	       PM_NONE) {
		e = portmap_entry(table(m, w), slot);
		if (is_new(e))
			return wait_for(m, w, slot);
		if (e->origin != ORIGIN_PCP || e->peer)
			continue;
		if (interwork_same_nonce(e, q))
			return REFUSAL_NONE;
		other = e;
	}
	if (!other || q->origin != ORIGIN_PCP || q->peer ||
	    (!m->strict_nonce &&
	     nat_rule_same_remote(&other->rule, &q->rule)))
		return REFUSAL_NONE;
	return own_refuse(m, w, other, now_ms);
}

/* Return: the lower, the better */
static unsigned rank(const struct pm_entry *e, const struct pm_req *q)
{
	if (e->origin != q->origin)
		return 2;
	return interwork_same_nonce(e, q) ? 0 : 1;
}

/* The mapping that decides about the port of @q, or NULL */
static const struct pm_entry *find(const struct map *m,
				   const struct map_wait *w)
{
	const struct pm_req *q = &w->req.mapping;
	const struct nat_rule *r = &q->rule;
	const struct pm_entry *e, *best = NULL;
	uint16_t slot = PM_NONE;

	while ((slot = portmap_by_socket(table(m, w), r->proto, r->client,
					 r->int_port, slot)) != PM_NONE) {
		e = portmap_entry(table(m, w), slot);
		if (e->overruled || e->state == PM_EXPIRING)
			continue;
		if (!best || rank(e, q) < rank(best, q) ||
		    (rank(e, q) == rank(best, q) && e->seq < best->seq))
			best = e;
	}
	return best;
}

enum refusal own_pick(struct map *m, struct map_wait *w)
{
	struct nat_rule *r = &w->req.mapping.rule;
	/* after a try, the monitor refused that port */
	const struct pm_entry *e = w->tries ? NULL : find(m, w);

	if (w->req.port == MAP_PORT_OWN_ONLY && w->wished) {
		r->ext_port = e ? e->rule.ext_port : w->wished;
		if (e ? e->told_port == w->wished :
			anyport_is_free(m, &w->req.mapping))
			return REFUSAL_NONE;
		return mapreport_refusal(m, w, REFUSAL_CONFLICT, 0);
	}
	if (!e)
		return anyport_pick(m, w);
	r->ext_port = e->rule.ext_port;
	return REFUSAL_NONE;
}

static bool has_own_port(const struct map_wait *w)
{
	return w->req.port == MAP_PORT_OWN || w->req.port == MAP_PORT_OWN_ONLY;
}

bool own_is_renewal(const struct map *m, const struct map_wait *w)
{
	const struct nat_rule *r = &w->req.mapping.rule;
	const struct pm_entry *e = portmap_entry(table(m, w),
						 portmap_find(table(m, w), r));
	struct nat_rule key = *r;

	if (has_own_port(w) && r->kind == NAT_PORTMAP) {
		e = find(m, w);
		key.ext_port = e ? e->rule.ext_port : 0;
		e = portmap_entry(table(m, w), portmap_find(table(m, w), &key));
	}
	/* A wished port that another client has makes no mapping, so that the
	 * client may try the next port at once. */
	return e && (w->req.port == MAP_PORT_WISHED ||
		     addr_equal(e->rule.client, r->client));
}

/* ---- deletion ------------------------------------------------------ */

/* Did the requester of @q make @e? */
static bool made(const struct pm_entry *e, const struct pm_req *q)
{
	return e->origin == q->origin && e->peer == q->peer &&
	       interwork_same_nonce(e, q);
}

static bool is_meant(const struct pm_entry *e, const struct map_wait *w)
{
	const struct nat_rule *r = &w->req.mapping.rule;

	if (w->req.except)
		return !nat_rule_same_remote(&e->rule, r);
	return (!addr_is_set(r->remote) ||
		addr_equal(e->rule.remote, r->remote)) &&
	       (!r->remote_port || e->rule.remote_port == r->remote_port);
}

/* What the socket has. */
struct found {
	uint16_t slot;		/* a mapping to delete, or PM_NONE */
	const struct pm_entry *stays;	/* one that may not be deleted */
};

static struct found search(const struct map *m, const struct map_wait *w)
{
	const struct pm_req *q = &w->req.mapping;
	struct found f = { .slot = PM_NONE };
	const struct pm_entry *e;
	uint16_t slot = PM_NONE;

	while ((slot = portmap_on_socket(table(m, w), &q->rule, slot)) !=
	       PM_NONE) {
		e = portmap_entry(table(m, w), slot);
		if ((e->state == PM_ADDING && !is_new(e)) || !is_meant(e, w))
			continue;
		if (made(e, q))
			f.slot = slot;
		else if (interwork_stays(e, q) != REFUSAL_NONE)
			f.stays = e;
	}
	return f;
}

static int end(struct map *m, struct map_wait *w, const struct pm_entry *stays,
	       uint64_t now_ms)
{
	enum refusal why = REFUSAL_NONE;

	if (stays && !w->deleted && !w->req.except)
		why = interwork_stays(stays, &w->req.mapping);
	if (why == REFUSAL_NONE)
		return REFUSAL_NONE;
	return why == REFUSAL_NONCE ? own_refuse(m, w, stays, now_ms) :
	       (int)mapreport_refusal(m, w, why, 0);
}

/* Does the request @o make a mapping that @q deletes with all others? */
static bool makes_one(const struct map *m, const struct map_wait *o,
		      const struct pm_req *q)
{
	const struct nat_rule *r = &o->req.mapping.rule;
	const struct pm_entry *e = portmap_entry(m->pm, o->slot);

	return o->owner && o->what == MAP_ADD && r->kind == NAT_PORTMAP &&
	       e && is_new(e) && o->req.mapping.origin == q->origin &&
	       r->proto == q->rule.proto &&
	       addr_equal(r->client, q->rule.client);
}

/* Delete all mappings of the client and protocol, after those that are being
 * made. */
static int delete_all(struct map *m, struct map_wait *w)
{
	for (const struct map_wait *o = m->waiting; o; o = o->next)
		if (makes_one(m, o, &w->req.mapping))
			return wait_for(m, w, o->slot);
	return range_start(m, w);
}

int own_delete(struct map *m, struct map_wait *w, uint64_t now_ms)
{
	struct portmap *pm = map_table(m, w->req.mapping.rule.kind);
	struct found f;
	uint16_t slot;
	int res;

	if (w->req.mapping.origin == ORIGIN_NAT_PMP && pm == m->pm &&
	    !w->req.mapping.rule.int_port)
		return delete_all(m, w);
	while ((f = search(m, w)).slot != PM_NONE) {
		if (is_new(portmap_entry(pm, f.slot)))
			return wait_for(m, w, f.slot);
		mapreport_begin(m, pm, f.slot);
		res = portmap_delete(pm, f.slot, &slot);
		if (res != PM_DONE) {
			waitlist_queue(m, w, slot, res == PM_STARTED);
			if (res == PM_STARTED)
				m->ops->wake(m->ops_arg);
			return MAP_WAIT;
		}
		w->deleted = true;
		mapreport_gone(m, &w->req.mapping, REFUSAL_NONE, 0);
	}
	return end(m, w, f.stays, now_ms);
}
