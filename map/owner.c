/* SPDX-License-Identifier: ISC */
/* owner.c - whose mapping it is, and who may change it. Runs in: engine */
#include "map/owner.h"

bool owner_is(const struct pm_entry *e, struct addr requester)
{
	return addr_equal(e->rule.client, requester) ||
	       (e->origin != ORIGIN_OPERATOR &&
		addr_equal(e->requester, requester));
}

static bool is_host(const struct pm_entry *e, struct addr host)
{
	return host.family == ADDR_LINK && addr_equal(e->host, host);
}

/* Hosts on two interfaces may have the same link-local address, and choose the
 * same link-layer address. */
bool owner_is_asker(const struct map *m, const struct pm_entry *e,
		    struct addr requester, struct addr host, int ifindex)
{
	const bool by_addr = owner_is(e, requester);

	if (by_addr && !addr_is_link_local(requester))
		return true;
	return (by_addr || is_host(e, host)) &&
	       policy_on_link(&m->policy, ifindex, e->rule.client);
}

static bool is_owner(const struct map *m, const struct pm_entry *e,
		     const struct pm_req *by)
{
	return owner_is_asker(m, e, by->requester, by->host, by->requester_if);
}

bool owner_sees(const struct pm_entry *e, const struct pm_req *by)
{
	return e && (by->origin == ORIGIN_OPERATOR || portmap_is_shown(e));
}

enum refusal owner_may_change(const struct map *m, const struct pm_entry *e,
			      const struct pm_req *by)
{
	if (by->origin == ORIGIN_OPERATOR)
		return REFUSAL_NONE;
	if (e->origin == ORIGIN_OPERATOR)
		return REFUSAL_OPERATOR;
	return !m->policy.secure || is_owner(m, e, by) ? REFUSAL_NONE :
								REFUSAL_OWNER;
}
