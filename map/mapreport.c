/* SPDX-License-Identifier: ISC */
/* mapreport.c - the mapping core's reports to its owner. Runs in: engine */
#include "map/mapreport.h"

void mapreport_stored(struct map *m, uint16_t slot)
{
	m->update_id++;
	m->ops->stored(m->ops_arg, portmap_entry(m->pm, slot));
}

void mapreport_gone(struct map *m, const struct nat_rule *rule, bool shown)
{
	m->update_id += shown;
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
	const struct refused r = {
		.why = why, .origin = q->origin,
		.client = q->requester, .rule = q->rule,
		.line = line,
	};

	w->line = line;
	mapreport_refused(m, &r);
	return why;
}
