/* SPDX-License-Identifier: ISC */
/*
 * anyport.c - choose the external port of a request that accepts any port.
 *
 * "It is encouraged that this new action is primarily based on a random
 * mechanism" (WANIPConnection:2 2.5): an attacker outside can try a port that
 * is easy to predict.
 * Runs in: engine
 */
#include "map/anyport.h"
#include "map/mapreport.h"

/* Can the request have the port of @r? It can if the port is free, or if
 * only a mapping of the same client and remote host uses it: then the
 * request renews it. If the port was @wished, it may also change the
 * mapping's internal port (WANIPConnection:2 2.5.17). A mapping whose lease
 * has ended cannot be renewed, because its rule is being deleted. */
static bool is_free(const struct map *m, const struct nat_rule *r, bool wished)
{
	const struct pm_entry *e;
	uint16_t slot = PM_NONE;

	while ((slot = portmap_on_port(m->pm, r->proto, r->ext_port, slot)) !=
	       PM_NONE) {
		e = portmap_entry(m->pm, slot);
		if (e->state == PM_EXPIRING ||
		    !addr_equal(e->rule.client, r->client) ||
		    (!wished && e->rule.int_port != r->int_port) ||
		    !addr_equal(e->rule.remote, r->remote))
			return false;
	}
	return true;
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

enum refusal anyport_pick(struct map *m, struct map_wait *w)
{
	struct policy_ports range[POLICY_PORTS_MAX];
	struct nat_rule *r = &w->req.mapping.rule, wish = *r;
	uint32_t k, port_n = 0;
	size_t range_n;

	wish.ext_port = w->wished;
	if (w->wished && is_free(m, &wish, true) &&
	    policy_check(&m->policy, &wish, addr_any(), NULL) == REFUSAL_NONE) {
		*r = wish;
		return REFUSAL_NONE;
	}
	range_n = policy_ports(&m->policy, r, POLICY_PORT_FLOOR, range);
	if (!range_n)
		range_n = policy_ports(&m->policy, r, 1, range);
	if (!range_n)
		return mapreport_refusal(m, w, REFUSAL_RULE, 0);
	for (size_t i = 0; i < range_n; i++)
		port_n += range[i].hi - range[i].lo + 1u;
	/* Start at a random port and try all of them. */
	k = m->ops->rnd(m->ops_arg) % port_n;
	for (uint32_t tried = 0; tried < port_n; tried++) {
		r->ext_port = port_at(range, k);
		if (is_free(m, r, false))
			return REFUSAL_NONE;
		k = (k + 1) % port_n;
	}
	r->ext_port = 0;
	return mapreport_refusal(m, w, REFUSAL_NO_PORT, 0);
}
