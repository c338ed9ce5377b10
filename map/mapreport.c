/* SPDX-License-Identifier: ISC */
/* mapreport.c - the mapping core's reports to its owner. Runs in: engine */
#include "map/mapreport.h"

void mapreport_stored(struct map *m, const struct pm_entry *e)
{
	m->update_id += e->rule.kind == NAT_PORTMAP;
	m->ops->stored(m->ops_arg, e);
}

void mapreport_gone(struct map *m, const struct nat_rule *rule, bool shown)
{
	m->update_id += shown && rule->kind == NAT_PORTMAP;
	m->ops->gone(m->ops_arg, rule);
}

void mapreport_refused(struct map *m, const struct refused *r)
{
	if (r->origin != ORIGIN_OPERATOR && r->why < REFUSALS)
		m->ops->refused(m->ops_arg, r);
}

enum refusal mapreport_refusal(struct map *m, struct map_wait *w,
			       enum refusal why, unsigned line)
{
	const struct pm_req *q = &w->req.mapping;
	struct refused r = {
		.why = why, .origin = q->origin,
		.client = q->requester, .ifindex = q->requester_if,
		.rule = q->rule, .line = line,
	};

	if (why == REFUSAL_FULL && q->rule.kind == NAT_PINHOLE)
		r.why = REFUSAL_PINHOLES;
	w->line = line;
	mapreport_refused(m, &r);
	return r.why;
}
