/* SPDX-License-Identifier: ISC */
/*
 * policy.c - the checks that decide whether a rule is allowed, in their order.
 *
 * Pure and without state: the same rule under the same policy gets the same
 * answer in the engine and in the monitor.
 * Runs in: any
 */
#include "map/policy.h"

#define IP(a, b, c, d) \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

struct block {
	uint32_t ip, mask;
};

/* Blocks that contain no host's address. */
static const struct block not_unicast[] = {
	{ IP(0, 0, 0, 0), IP(255, 0, 0, 0) },	  /* RFC 1122 3.2.1.3 (a) */
	{ IP(127, 0, 0, 0), IP(255, 0, 0, 0) },	  /* RFC 1122 3.2.1.3 (g) */
	{ IP(224, 0, 0, 0), IP(240, 0, 0, 0) },	  /* RFC 5771 multicast */
	{ IP(240, 0, 0, 0), IP(240, 0, 0, 0) },	  /* RFC 1112 4, broadcast */
};

static const struct block private_use[] = {
	{ IP(10, 0, 0, 0), IP(255, 0, 0, 0) },	  /* RFC 1918 3 */
	{ IP(172, 16, 0, 0), IP(255, 240, 0, 0) },
	{ IP(192, 168, 0, 0), IP(255, 255, 0, 0) },
	{ IP(100, 64, 0, 0), IP(255, 192, 0, 0) },  /* RFC 6598 7 */
	{ IP(169, 254, 0, 0), IP(255, 255, 0, 0) }, /* RFC 3927 2.1 */
};

static bool in_blocks(uint32_t ip, const struct block *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((ip & b[i].mask) == b[i].ip)
			return true;
	return false;
}

bool policy_unicast(uint32_t ip)
{
	return !in_blocks(ip, not_unicast,
			  sizeof(not_unicast) / sizeof(not_unicast[0]));
}

bool policy_private(uint32_t ip)
{
	return in_blocks(ip, private_use,
			 sizeof(private_use) / sizeof(private_use[0]));
}

const struct netif_addr *policy_net_of(const struct policy *p, uint32_t ip)
{
	for (size_t i = 0; i < p->net_n; i++)
		if (netif_holds(&p->net[i], ip))
			return &p->net[i];
	return NULL;
}

static bool is_special(const struct policy *p, uint32_t ip)
{
	if (!policy_unicast(ip))
		return true;
	/* A network or broadcast address? A /31 (RFC 3021) and a /32 have
	 * neither: all their addresses are hosts. */
	for (size_t i = 0; i < p->net_n; i++) {
		uint32_t host_bits = ~p->net[i].mask, host = ip & host_bits;

		if (host_bits > 1 && netif_holds(&p->net[i], ip) &&
		    (host == 0 || host == host_bits))
			return true;
	}
	return false;
}

static bool is_router(const struct policy *p, uint32_t ip)
{
	for (size_t i = 0; i < p->own_n; i++)
		if (p->own_ip[i] == ip)
			return true;
	for (size_t i = 0; i < p->net_n; i++)
		if (p->net[i].ip == ip)
			return true;
	return false;
}

/* The first matching line decides. Where there are lines and none matches, the
 * rule is not allowed. */
static bool rules_allow(const struct policy *p, const struct nat_rule *r,
			unsigned *line)
{
	const uint32_t client_ip = addr_to_ip4(r->client);

	if (p->rule_n == 0)
		return r->ext_port >= POLICY_PORT_FLOOR &&
		       r->int_port >= POLICY_PORT_FLOOR;
	for (size_t i = 0; i < p->rule_n; i++) {
		const struct policy_rule *l = &p->rule[i];

		if (r->ext_port < l->ext_lo || r->ext_port > l->ext_hi ||
		    r->int_port < l->int_lo || r->int_port > l->int_hi ||
		    ((client_ip ^ l->net_ip) & l->net_mask) != 0)
			continue;
		*line = l->line;
		return l->allow;
	}
	return false;
}

enum refusal policy_check(const struct policy *p, const struct nat_rule *r,
			  uint32_t requester_ip, unsigned *ret_line)
{
	uint32_t client_ip = addr_to_ip4(r->client);
	unsigned none = 0, *line = ret_line != NULL ? ret_line : &none;

	*line = 0;
	/* An IPv6 client is in none of these networks. */
	if (r->kind != NAT_PORTMAP)
		return REFUSAL_OUTSIDE;
	if (addr_is_set(r->remote) && !policy_unicast(addr_to_ip4(r->remote)))
		return REFUSAL_REMOTE;
	if (is_special(p, client_ip))
		return REFUSAL_SPECIAL;
	if (is_router(p, client_ip))
		return REFUSAL_ROUTER;
	if (policy_net_of(p, client_ip) == NULL)
		return REFUSAL_OUTSIDE;
	if (p->secure && requester_ip != 0 && requester_ip != client_ip)
		return REFUSAL_SECURE;
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
