/* SPDX-License-Identifier: ISC */
/* mapreport.c - the mapping core's reports to its owner. Runs in: engine */
#include "map/mapreport.h"

void mapreport_begin(struct map *m, const struct portmap *pm, uint16_t slot)
{
	m->is_new = slot == PM_NONE;
	if (!m->is_new)
		portmap_snapshot(pm, slot, &m->was);
}

void mapreport_stored(struct map *m, const struct pm_entry *e,
		      const struct pm_req *by)
{
	const struct map_change c = {
		.was = m->is_new ? NULL : &m->was, .now = e, .by = by,
	};

	m->update_id += e->rule.kind == NAT_PORTMAP;
	m->ops->stored(m->ops_arg, e);
	if (m->ops->changed)
		m->ops->changed(m->ops_arg, &c);
}

void mapreport_gone(struct map *m, const struct pm_req *by, enum refusal why,
		    unsigned line)
{
	const struct nat_rule *rule = &m->was.entry.rule;
	const struct map_change c = {
		.was = &m->was, .by = by, .why = why, .line = line,
	};

	m->update_id += portmap_is_shown(&m->was.entry) &&
			rule->kind == NAT_PORTMAP;
	m->ops->gone(m->ops_arg, rule);
	if (m->ops->changed)
		m->ops->changed(m->ops_arg, &c);
}

void mapreport_allowed(struct map *m, const struct nat_rule *rule)
{
	unsigned line;

	if (!m->decided || !m->policy.rule_n)
		return;
	policy_check(&m->policy, rule, addr_any(), &line);
	rulecounts_add(m->decided, &m->policy, line);
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
	if (m->decided && m->policy.rule_n &&
	    (why == REFUSAL_RULE || why == REFUSAL_ALL_PORTS))
		rulecounts_add(m->decided, &m->policy, line);
	mapreport_refused(m, &r);
	return r.why;
}
