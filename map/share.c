/* SPDX-License-Identifier: ISC */
/*
 * share.c - how many new mappings a host and an interface may have.
 *
 * A host chooses its IPv6 addresses, and an attacker its link-layer address as
 * well. So pinholes count by the link-layer address, and by the interface, which
 * no host can choose.
 * Runs in: engine
 */
#include <string.h>
#include "map/holder.h"
#include "map/own.h"
#include "map/share.h"

static void init(struct buckets *b, uint32_t per_s)
{
	memset(b, 0, sizeof(*b));
	b->burst = b->per_s = per_s;
}

void share_init(struct map *m)
{
	m->hosts_found = false;
	init(&m->adds, m->adds_per_s);
	init(&m->pinhole_adds, m->adds_per_s);
	init(&m->iface_adds, m->adds_per_s * MAP_IFACE_RATES);
}

static struct addr iface_key(int ifindex)
{
	const uint32_t n = (uint32_t)ifindex;

	return (struct addr){ ADDR_LINK, { (uint8_t)(n >> 24),
		(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n } };
}

static bool within_rate(struct map *m, const struct pm_req *q, uint64_t now_ms)
{
	struct addr host = holder_asker(q->requester, q->host);
	struct addr iface = iface_key(q->requester_if);

	if (!m->adds_per_s)
		return true;
	if (q->rule.kind != NAT_PINHOLE)
		return bucket_take(&m->adds, host, 1, now_ms);
	/* a request that the interface refuses costs its host no token */
	return bucket_has(&m->iface_adds, iface, 1, now_ms) &&
	       bucket_take(&m->pinhole_adds, host, 1, now_ms) &&
	       bucket_take(&m->iface_adds, iface, 1, now_ms);
}

static int iface_of(const struct map *m, struct addr client)
{
	const struct netif_addr *net = policy_net_of(&m->policy, client);

	return net ? net->ifindex : 0;
}

static void find_host(struct map *m, uint16_t slot)
{
	const struct pm_entry *e = portmap_entry(m->pinholes, slot);
	const bool local = addr_is_link_local(e->requester);
	const int ifindex = iface_of(m, local ? e->rule.client :
						e->requester);
	struct addr host;

	if (e->origin != ORIGIN_OPERATOR && e->host.family != ADDR_LINK &&
	    ifindex && m->ops->host(m->ops_arg, ifindex, e->requester, &host))
		portmap_set_host(m->pinholes, slot, host);
}

void share_find_hosts(struct map *m)
{
	if (m->hosts_found || !m->pinholes || !m->ops->host ||
	    !m->policy.net_n)
		return;
	m->hosts_found = true;
	for (size_t i = 0; i < portmap_count(m->pinholes); i++)
		find_host(m, portmap_at(m->pinholes, i));
}

static bool is_only_iface(const struct map *m, int ifindex)
{
	for (size_t i = 0; i < m->policy.net_n; i++)
		if (m->policy.net[i].net.addr.family == ADDR_IP6 &&
		    m->policy.net[i].ifindex != ifindex)
			return false;
	return true;
}

/* The hosts of one interface leave a part of the table to those of the others.
 * The table is counted only if it is nearly full. */
static bool iface_full(const struct map *m, const struct pm_req *q)
{
	const size_t max = portmap_max(m->pinholes);
	const size_t share = max - max / MAP_IFACE_LEAVES;
	const int ifindex = iface_of(m, q->rule.client);
	size_t n = 0;

	if (portmap_count(m->pinholes) < share || is_only_iface(m, ifindex))
		return false;
	for (size_t i = 0; i < portmap_count(m->pinholes); i++)
		n += iface_of(m, portmap_entry(m->pinholes, portmap_at(
			m->pinholes, i))->rule.client) == ifindex;
	return n >= share;
}

enum refusal share_check(struct map *m, const struct map_wait *w,
			 uint64_t now_ms)
{
	const struct pm_req *q = &w->req.mapping;

	if (q->origin == ORIGIN_OPERATOR || own_is_renewal(m, w))
		return REFUSAL_NONE;
	if (!within_rate(m, q, now_ms))
		return REFUSAL_RATE;
	return q->rule.kind == NAT_PINHOLE && iface_full(m, q) ?
	       REFUSAL_PINHOLES : REFUSAL_NONE;
}
