/* SPDX-License-Identifier: ISC */
/*
 * anyport.c - choose the external port of a request that accepts any port.
 *
 * "It is encouraged that this new action is primarily based on a random
 * mechanism" (WANIPConnection:2 2.5): an attacker outside can try a port that
 * is easy to predict.
 * Runs in: engine
 */
#include <netinet/in.h>
#include "base/portnumbers.h"
#include "map/anyport.h"
#include "map/interwork.h"
#include "map/mapreport.h"
#include "map/told.h"

/* Could the request renew or overwrite the mapping @e, which is on its port? */
static bool is_own(const struct pm_entry *e, const struct pm_req *q,
		   bool wished)
{
	if (e->state == PM_EXPIRING ||
	    !addr_equal(e->rule.client, q->rule.client) ||
	    !nat_rule_same_key(&e->rule, &q->rule))
		return false;
	/* A wished port may get another internal port over UPnP
	 * (WANIPConnection:2 2.5.17), except one that PCP keeps. */
	return e->rule.int_port == q->rule.int_port ||
	       (wished && q->origin == ORIGIN_UPNP &&
		!interwork_keeps(e, q));
}

/* Are all mappings on the port of @q its own? A mapping whose lease has ended
 * cannot be renewed, because its rule is being deleted. */
static bool is_free(const struct map *m, const struct pm_req *q, bool wished)
{
	uint16_t slot = PM_NONE;

	while ((slot = portmap_on_port(m->pm, q->rule.proto, q->rule.ext_port,
				       slot)) != PM_NONE)
		if (!is_own(portmap_entry(m->pm, slot), q, wished))
			return false;
	return true;
}

/* The ports on which PCP and NAT-PMP are spoken. Through a mapping of them, a
 * server outside could pose as this one (RFC 6887 11.3). */
static bool is_pcp(const struct nat_rule *r)
{
	return r->proto == IPPROTO_UDP && r->ext_port >= PMP_CLIENT_PORT &&
	       r->ext_port <= PMP_PORT;
}

bool anyport_is_free(const struct map *m, const struct pm_req *q)
{
	return !is_pcp(&q->rule) && is_free(m, q, false);
}

/* Does another client have the same port of the other protocol? Programs
 * that use both expect one number (RFC 6886 3.3). */
static bool sibling_is_taken(const struct map *m, const struct nat_rule *r)
{
	const uint8_t proto = r->proto == IPPROTO_UDP ? IPPROTO_TCP :
							IPPROTO_UDP;
	uint16_t slot = PM_NONE;

	while ((slot = portmap_on_port(m->pm, proto, r->ext_port, slot)) !=
	       PM_NONE)
		if (!addr_equal(portmap_entry(m->pm, slot)->rule.client,
				r->client))
			return true;
	return false;
}

static bool can_have(const struct map *m, const struct pm_req *q, bool wished)
{
	return !is_pcp(&q->rule) && is_free(m, q, wished) &&
	       !sibling_is_taken(m, &q->rule);
}

/* Return: port number @k of the ranges, which have more than @k ports */
static uint16_t port_at(const struct policy_ports *range, uint32_t k)
{
	while (k > (uint32_t)(range->hi - range->lo)) {
		k -= range->hi - range->lo + 1u;
		range++;
	}
	return (uint16_t)(range->lo + k);
}

/* No port is allowed: which line decided that for the wished one? Return: 0:
 * none matches */
static unsigned denying_line(const struct map *m, const struct nat_rule *r)
{
	struct nat_rule wished = *r;
	unsigned line;

	if (!wished.ext_port)
		wished.ext_port = POLICY_PORT_FLOOR;
	policy_check(&m->policy, &wished, addr_any(), &line);
	return line;
}

enum refusal anyport_pick(struct map *m, struct map_wait *w)
{
	struct policy_ports range[POLICY_PORTS_MAX];
	struct pm_req *q = &w->req.mapping;
	struct nat_rule *r = &q->rule;
	uint32_t k, port_n = 0;
	size_t range_n;

	r->ext_port = told_rule_port(m, r->proto, w->wished, r->client,
				     q->requester);
	if (w->wished && can_have(m, q, true) &&
	    policy_check(&m->policy, r, addr_any(), NULL) == REFUSAL_NONE)
		return REFUSAL_NONE;
	range_n = policy_ports(&m->policy, r, POLICY_PORT_FLOOR, range);
	if (!range_n)
		range_n = policy_ports(&m->policy, r, 1, range);
	if (!range_n)
		return mapreport_refusal(m, w, REFUSAL_RULE,
					 denying_line(m, r));
	for (size_t i = 0; i < range_n; i++)
		port_n += range[i].hi - range[i].lo + 1u;
	/* Start at a random port and try all of them. */
	k = m->ops->rnd(m->ops_arg) % port_n;
	for (uint32_t tried = 0; tried < port_n; tried++) {
		r->ext_port = port_at(range, k);
		if (can_have(m, q, false))
			return REFUSAL_NONE;
		k = (k + 1) % port_n;
	}
	r->ext_port = 0;
	return mapreport_refusal(m, w, REFUSAL_NO_PORT, 0);
}
