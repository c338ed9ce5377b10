/* SPDX-License-Identifier: ISC */
/*
 * peer.c - which host a control point is.
 *
 * Never does: trust an address because a host of the link answers for it.
 * Runs in: engine
 */
#include "igd/peer.h"
#include "base/addrshare.h"

static int interface_of(const struct peer *p)
{
	const struct netif_addr *net;

	if (p->ifindex)
		return p->ifindex;
	net = policy_net_of(&p->igd->map->policy, p->addr);
	return net ? net->ifindex : 0;
}

struct addr peer_share(const struct peer *p)
{
	const struct map *map = p->igd->map;
	struct addr link = { 0 };

	/* a question to the kernel that only IPv6 needs */
	if (p->addr.family == ADDR_IP6 && map->ops->host &&
	    !map->ops->host(map->ops_arg, interface_of(p), p->addr, &link))
		link = (struct addr){ 0 };
	return addr_share(p->addr, link);
}

static bool is_on_link(const struct peer *p, struct addr a)
{
	return addr_is_link_local(a) ||
	       policy_on_link(&p->igd->map->policy, p->ifindex, a);
}

/* May @other be a second address of the host? A host has one IPv4 address. */
static bool may_be_second(const struct peer *p, struct addr other)
{
	return (p->addr.family == ADDR_IP6 || other.family == ADDR_IP6) &&
	       addr_is_host(other) && is_on_link(p, other) &&
	       !policy_is_router(&p->igd->map->policy, other);
}

enum map_same peer_owns(const struct peer *p, struct addr other)
{
	const struct map *map = p->igd->map;

	if (addr_equal(p->addr, other))
		return MAP_SAME;
	if (!map->ops->same_host || !may_be_second(p, other))
		return MAP_OTHER;
	return map->ops->same_host(map->ops_arg, p->ifindex, p->addr, other);
}

bool peer_may_own(const void *peer, struct addr other)
{
	return peer_owns(peer, other) != MAP_OTHER;
}
