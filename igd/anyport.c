/* SPDX-License-Identifier: ISC */
/*
 * anyport.c - the external port of AddAnyPortMapping.
 *
 * "It is encouraged that this new action is primarily based on a random
 * mechanism" (WANIPConnection:2 2.5): a port that somebody outside can
 * foresee is one that he can try.
 */
#include "igd/anyport.h"
#include "igd/igd.h"
#include "igd/upnp_err.h"

/* Is @e what the same requester had for the same purpose? To ask again is to
 * refresh it. One that is being removed is no longer his. */
static bool same_purpose(const struct pm_entry *e, const struct nat_rule *r)
{
	return e->state != PM_EXPIRING && e->rule.client.ip == r->client.ip &&
	       e->rule.int_port == r->int_port &&
	       e->rule.remote.ip == r->remote.ip;
}

static bool is_free(const struct igd *igd, const struct nat_rule *r,
		    uint16_t port)
{
	uint16_t slot = PM_NONE;

	while ((slot = portmap_on_port(igd->pm, r->proto, port, slot)) !=
	       PM_NONE)
		if (!same_purpose(portmap_entry(igd->pm, slot), r))
			return false;
	return true;
}

static bool asked_is_free(const struct igd *igd, const struct igd_wait *w)
{
	struct nat_rule r = w->req.rule;

	r.ext_port = w->asked;
	return policy_check(&igd->policy, &r, w->req.requester_ip, NULL) ==
		       REFUSAL_NONE &&
	       is_free(igd, &r, w->asked);
}

static uint32_t count(const struct policy_ports *range, size_t n)
{
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		sum += range[i].hi - range[i].lo + 1u;
	return sum;
}

/* Number @k of the ports in @range, which has more than @k. */
static uint16_t port_at(const struct policy_ports *range, uint32_t k)
{
	while (k > (uint32_t)(range->hi - range->lo)) {
		k -= range->hi - range->lo + 1u;
		range++;
	}
	return (uint16_t)(range->lo + k);
}

/* From a random one on, all the way round: when it says there is none, there
 * is none. */
static int pick(const struct igd *igd, struct nat_rule *r,
		const struct policy_ports *range, uint32_t n)
{
	uint32_t k = igd->ops->rnd(igd->ops_arg) % n, tried;
	uint16_t port;

	for (tried = 0; tried < n; tried++, k = (k + 1) % n) {
		port = port_at(range, k);
		if (!is_free(igd, r, port))
			continue;
		r->ext_port = port;
		return UPNP_OK;
	}
	return WANIP_NO_PORT_MAPS;
}

int anyport_pick(struct igd *igd, struct igd_wait *w)
{
	const struct refused no = {
		.why = REFUSAL_RULE, .client_ip = w->req.requester_ip,
		.rule = w->req.rule,
	};
	struct policy_ports range[POLICY_PORTS_MAX];
	struct nat_rule *r = &w->req.rule;
	size_t n;

	if (w->asked && asked_is_free(igd, w)) {
		r->ext_port = w->asked;
		return UPNP_OK;
	}
	n = policy_ports(&igd->policy, r, POLICY_PORT_FLOOR, range);
	if (!n)
		n = policy_ports(&igd->policy, r, 1, range);
	if (n)
		return pick(igd, r, range, count(range, n));
	return igd_deny(igd, w, &no, upnp_err_refused(w->version));
}
