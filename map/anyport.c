/* SPDX-License-Identifier: ISC */
/*
 * anyport.c - the external port of a request for which any port will do.
 *
 * "It is encouraged that this new action is primarily based on a random
 * mechanism" (WANIPConnection:2 2.5): an attacker outside can try a port that
 * is easy to predict.
 *
 * Runs in: engine
 */
#include "map/anyport.h"
#include "map/mapreport.h"

/* Did the same client make @e for the same purpose? Then the request is a
 * renewal. A mapping whose lease has ended does not count: its rule is being
 * deleted. */
static bool same_purpose(const struct pm_entry *e, const struct nat_rule *r)
{
	return e->state != PM_EXPIRING && e->rule.client.ip == r->client.ip &&
	       e->rule.int_port == r->int_port &&
	       e->rule.remote.ip == r->remote.ip;
}

static bool is_free(const struct map *m, const struct nat_rule *r,
		    uint16_t port)
{
	uint16_t slot = PM_NONE;

	while ((slot = portmap_on_port(m->pm, r->proto, port, slot)) != PM_NONE)
		if (!same_purpose(portmap_entry(m->pm, slot), r))
			return false;
	return true;
}

static bool wished_is_free(const struct map *m, const struct map_wait *w)
{
	struct nat_rule r = w->req.mapping.rule;

	r.ext_port = w->wished;
	return policy_check(&m->policy, &r, 0, NULL) == REFUSAL_NONE &&
	       is_free(m, &r, w->wished);
}

static uint32_t count(const struct policy_ports *range, size_t n)
{
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		sum += range[i].hi - range[i].lo + 1u;
	return sum;
}

/* Port number @k of the ranges, which have more than @k. */
static uint16_t port_at(const struct policy_ports *range, uint32_t k)
{
	while (k > (uint32_t)(range->hi - range->lo)) {
		k -= range->hi - range->lo + 1u;
		range++;
	}
	return (uint16_t)(range->lo + k);
}

/* Start at a random port and try all of them: "none" means that none is free.
 * Return: 0 when there is none */
static uint16_t pick(const struct map *m, const struct nat_rule *r,
		     const struct policy_ports *range, uint32_t n)
{
	uint32_t k = m->ops->rnd(m->ops_arg) % n, tried;
	uint16_t port;

	for (tried = 0; tried < n; tried++, k = (k + 1) % n) {
		port = port_at(range, k);
		if (is_free(m, r, port))
			return port;
	}
	return 0;
}

enum refusal anyport_pick(struct map *m, struct map_wait *w)
{
	struct policy_ports range[POLICY_PORTS_MAX];
	struct nat_rule *r = &w->req.mapping.rule;
	size_t n;

	if (w->wished && wished_is_free(m, w)) {
		r->ext_port = w->wished;
		return REFUSAL_NONE;
	}
	n = policy_ports(&m->policy, r, POLICY_PORT_FLOOR, range);
	if (!n)
		n = policy_ports(&m->policy, r, 1, range);
	if (!n)
		return mapreport_refusal(m, w, REFUSAL_RULE, 0);
	r->ext_port = pick(m, r, range, count(range, n));
	return r->ext_port ? REFUSAL_NONE :
			     mapreport_refusal(m, w, REFUSAL_NO_PORT, 0);
}
