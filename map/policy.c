/* SPDX-License-Identifier: ISC */
/*
 * policy.c - the checks that decide whether a rule is allowed, in their order.
 *
 * Without state: the same rule under the same policy gets the same answer in
 * the engine and in the monitor. Pure but for policy.is_local.
 * Runs in: any
 */
#include "map/policy.h"

const struct netif_addr *policy_net_of(const struct policy *p, struct addr a)
{
	for (size_t i = 0; i < p->net_n; i++)
		if (addr_in(&p->net[i].net, a))
			return &p->net[i];
	return NULL;
}

bool policy_on_link(const struct policy *p, int ifindex, struct addr a)
{
	const struct netif_addr *best = NULL;

	for (size_t i = 0; i < p->net_n; i++) {
		const struct netif_addr *net = &p->net[i];
		const bool here = net->ifindex == ifindex && !net->routed;

		if (addr_in(&net->net, a) &&
		    (!best || net->net.bits > best->net.bits ||
		     (net->net.bits == best->net.bits && here)))
			best = net;
	}
	return best && best->ifindex == ifindex && !best->routed;
}

static bool is_special(const struct policy *p, struct addr a)
{
	/* a link-local address cannot be reached from another link */
	if (!addr_is_host(a) ||
	    (a.family == ADDR_IP6 && addr_is_link_local(a)))
		return true;
	/* Find network and broadcast addresses. A /31 (RFC 3021) and a /32
	 * have neither: all their addresses are hosts. IPv6 has no broadcast;
	 * its network address means any router of it (RFC 4291 2.6.1). */
	for (size_t i = 0; i < p->net_n; i++) {
		const struct addr_net *net = &p->net[i].net;

		if (net->bits + 1u < addr_bits(a) && addr_in(net, a) &&
		    (addr_equal(a, addr_net_first(net)) ||
		     (a.family == ADDR_IP4 &&
		      addr_equal(a, addr_net_last(net)))))
			return true;
	}
	return false;
}

static bool is_listed(const struct policy *p, struct addr a)
{
	for (size_t i = 0; i < p->own_n; i++)
		if (addr_equal(p->own[i], a))
			return true;
	for (size_t i = 0; i < p->net_n; i++)
		if (!p->net[i].routed && addr_equal(p->net[i].net.addr, a))
			return true;
	return false;
}

/* If the kernel cannot be asked, the list decides, unless it is cut. */
bool policy_is_router(const struct policy *p, struct addr a)
{
	const struct netif_addr *net = policy_net_of(p, a);
	int local;

	if (is_listed(p, a))
		return true;
	local = net && p->is_local ? p->is_local(a, net->master) : 0;
	return local < 0 ? p->own_cut : local;
}

/* May the client have a pinhole for all of its ports? The first line that
 * concerns all of them allows it, unless one before it denies some. */
static bool rules_allow_all(const struct policy *p, struct addr client,
			    unsigned *line)
{
	for (size_t i = 0; i < p->rule_n; i++) {
		const struct policy_rule *l = &p->rule[i];
		const bool all = !l->ext_lo && !l->int_lo &&
				 l->ext_hi == UINT16_MAX &&
				 l->int_hi == UINT16_MAX;

		if (!addr_in(&l->net, client) || (l->allow && !all))
			continue;
		*line = l->line;
		return l->allow;
	}
	return false;
}

/* The first matching line decides. If there are lines and none matches, the
 * rule is not allowed. */
static bool rules_allow(const struct policy *p, const struct nat_rule *r,
			unsigned *line)
{
	const uint16_t ext_port = nat_rule_port(r);

	if (p->rule_n == 0)
		return ext_port >= POLICY_PORT_FLOOR &&
		       r->int_port >= POLICY_PORT_FLOOR;
	for (size_t i = 0; i < p->rule_n; i++) {
		const struct policy_rule *l = &p->rule[i];

		if (ext_port < l->ext_lo || ext_port > l->ext_hi ||
		    r->int_port < l->int_lo || r->int_port > l->int_hi ||
		    !addr_in(&l->net, r->client))
			continue;
		*line = l->line;
		return l->allow;
	}
	return false;
}

enum refusal policy_check(const struct policy *p, const struct nat_rule *r,
			  struct addr requester, unsigned *ret_line)
{
	unsigned none = 0, *line = ret_line != NULL ? ret_line : &none;
	const struct netif_addr *net = policy_net_of(p, r->client);

	*line = 0;
	if (addr_is_set(r->remote) && !addr_is_host(r->remote))
		return REFUSAL_REMOTE;
	if (is_special(p, r->client))
		return REFUSAL_SPECIAL;
	if (policy_is_router(p, r->client))
		return REFUSAL_ROUTER;
	if (net == NULL)
		return REFUSAL_OUTSIDE;
	if (p->secure && !addr_matches(requester, r->client))
		return REFUSAL_SECURE;
	if (r->kind == NAT_PINHOLE && !r->int_port)
		return rules_allow_all(p, r->client, line) ? REFUSAL_NONE :
							     REFUSAL_ALL_PORTS;
	return rules_allow(p, r, line) ? REFUSAL_NONE : REFUSAL_RULE;
}

/* The last port for which the same lines match as for @port. */
static uint16_t run_end(const struct policy *p, uint16_t port)
{
	uint16_t end = UINT16_MAX;

	if (p->rule_n == 0 && port < POLICY_PORT_FLOOR)
		return POLICY_PORT_FLOOR - 1;
	for (size_t i = 0; i < p->rule_n; i++) {
		const struct policy_rule *line = &p->rule[i];

		if (line->ext_lo > port && line->ext_lo <= end)
			end = line->ext_lo - 1;
		else if (line->ext_hi >= port && line->ext_hi < end)
			end = line->ext_hi;
	}
	return end;
}

size_t policy_ports(const struct policy *p, const struct nat_rule *rule,
		    uint16_t from, struct policy_ports ret[POLICY_PORTS_MAX])
{
	struct nat_rule r = *rule;
	uint32_t port = from;
	unsigned line;
	uint16_t end;
	size_t n = 0;

	for (; port <= UINT16_MAX; port = (uint32_t)end + 1) {
		r.ext_port = (uint16_t)port;
		end = run_end(p, r.ext_port);
		if (!rules_allow(p, &r, &line))
			continue;
		if (n > 0 && (uint32_t)ret[n - 1].hi + 1 == port)
			ret[n - 1].hi = end;
		else if (n < POLICY_PORTS_MAX)
			ret[n++] = (struct policy_ports){ r.ext_port, end };
	}
	return n;
}
