/* SPDX-License-Identifier: ISC */
/*
 * upwait.c - requests that wait for the NAT in front of the router.
 *
 * A request waits here after the kernel has its rule. Its mapping is found
 * again by its key, because the slot may have another one by then.
 * Runs in: engine
 */
#include "map/mapreport.h"
#include "map/start.h"
#include "map/told.h"
#include "map/upwait.h"
#include "map/waitlist.h"

/* A control point names its mapping by the port that it was told, but another
 * one's request for that number means our port. The other protocols name a
 * mapping by its internal port, and the operator by ours. */
void upwait_translate(const struct map *m, struct map_wait *w)
{
	struct nat_rule *r = &w->req.mapping.rule;

	if (r->kind == NAT_PORTMAP && r->ext_port &&
	    w->req.mapping.origin == ORIGIN_UPNP)
		r->ext_port = told_rule_port(m, r->proto, r->ext_port,
					     w->what == MAP_ADD ? r->client :
								  addr_any(),
					     w->req.mapping.requester);
}

static void set_told(struct map *m, uint16_t slot, uint16_t port)
{
	const struct pm_entry *e = portmap_entry(m->pm, slot);

	if (e->told_port == port)
		return;
	mapreport_begin(m, m->pm, slot);
	portmap_set_told(m->pm, slot, port);
	mapreport_stored(m, e, NULL);
}

/* The client is told that it has no mapping. */
static void take_back(struct map *m, uint16_t slot, enum refusal why)
{
	int res;

	mapreport_begin(m, m->pm, slot);
	res = portmap_delete(m->pm, slot, &slot);
	if (res == PM_DONE)
		mapreport_gone(m, NULL, why, 0);
	else if (res == PM_STARTED)
		m->ops->wake(m->ops_arg);
}

static enum refusal judge(struct map *m, struct map_wait *w, uint16_t slot,
			  enum map_upstream what, uint16_t port)
{
	enum refusal why = REFUSAL_NONE;

	if (what == MAP_UPSTREAM_HELD) {
		if (port != w->wished && !start_may_change_port(w))
			why = REFUSAL_UPSTREAM_PORT;
		else
			set_told(m, slot, port);
	} else if (m->upstream_only) {
		why = what == MAP_UPSTREAM_NONE ? REFUSAL_NO_ADDRESS :
						  REFUSAL_UPSTREAM;
	}
	if (why != REFUSAL_NONE && w->made)
		take_back(m, slot, why);
	return why;
}

int upwait_start(struct map *m, struct map_wait *w, uint16_t slot)
{
	const struct pm_entry *e = portmap_entry(m->pm, slot);
	enum map_upstream what = MAP_UPSTREAM_NONE;
	uint16_t port = 0;

	if (w->req.mapping.rule.kind != NAT_PORTMAP || !e || !e->enabled)
		return REFUSAL_NONE;
	if (m->ops->upstream)
		what = m->ops->upstream(m->ops_arg, e, &port);
	if (what != MAP_UPSTREAM_ASKED)
		return (int)judge(m, w, slot, what, port);
	waitlist_add(&m->at_upstream, w);
	return MAP_WAIT;
}

/* ---- answers ------------------------------------------------------- */

static void answer(struct map *m, struct map_wait *w, enum refusal why,
		   uint16_t slot)
{
	const struct pm_entry *e = NULL;

	waitlist_del(&m->at_upstream, w);
	if (why != REFUSAL_NONE)
		why = mapreport_refusal(m, w, why, 0);
	else
		e = portmap_entry(m->pm, slot);
	w->done(w, why, e);
}

static struct map_wait *waits_for(const struct map *m, uint8_t proto,
				  uint16_t ext_port)
{
	struct map_wait *w = m->at_upstream;

	while (w && (w->req.mapping.rule.proto != proto ||
		     w->req.mapping.rule.ext_port != ext_port))
		w = w->next;
	return w;
}

/* A done() may add requests to the list, or cancel others: begin anew. */
void upwait_answer(struct map *m, uint8_t proto, uint16_t ext_port,
		  enum map_upstream what, uint16_t port)
{
	struct map_wait *w;
	uint16_t slot = PM_NONE;

	while ((w = waits_for(m, proto, ext_port))) {
		slot = portmap_find(m->pm, &w->req.mapping.rule);
		answer(m, w, slot == PM_NONE ? REFUSAL_FIREWALL :
					       judge(m, w, slot, what, port),
		       slot);
	}
	slot = PM_NONE;
	while (what == MAP_UPSTREAM_HELD &&
	       (slot = portmap_on_port(m->pm, proto, ext_port, slot)) !=
	       PM_NONE)
		if (portmap_entry(m->pm, slot)->state == PM_ACTIVE)
			set_told(m, slot, port);
}

/* Nobody asks the upstream for a port whose mapping is not in force. */
static bool is_asked(const struct pm_entry *e)
{
	return e && portmap_in_force(e) && !portmap_is_suspended(e);
}

void upwait_gone(struct map *m)
{
	struct map_wait *w = m->at_upstream, *next;
	uint16_t slot;

	/* done() may have changed the list: begin anew */
	for (; w; w = next) {
		next = w->next;
		slot = portmap_find(m->pm, &w->req.mapping.rule);
		if (is_asked(portmap_entry(m->pm, slot)))
			continue;
		answer(m, w, slot == PM_NONE ? REFUSAL_FIREWALL :
			     judge(m, w, slot, MAP_UPSTREAM_REFUSED, 0), slot);
		next = m->at_upstream;
	}
}
