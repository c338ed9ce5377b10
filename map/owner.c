/* SPDX-License-Identifier: ISC */
/* owner.c - whose mapping it is, and who may change it. Runs in: engine */
#include "map/owner.h"

bool owner_is(const struct pm_entry *e, struct addr requester)
{
	return addr_equal(e->rule.client, requester) ||
	       (e->origin != ORIGIN_OPERATOR &&
		addr_equal(e->requester, requester));
}

static bool is_host(const struct pm_entry *e, const struct pm_req *by)
{
	return by->host.family == ADDR_LINK && addr_equal(e->host, by->host);
}

/* Hosts on two interfaces may have the same link-local address, and choose the
 * same link-layer address. */
static bool is_owner(const struct map *m, const struct pm_entry *e,
		     const struct pm_req *by)
{
	const bool by_addr = owner_is(e, by->requester);

	if (by_addr && !addr_is_link_local(by->requester))
		return true;
	return (by_addr || is_host(e, by)) &&
	       policy_on_link(&m->policy, by->requester_if, e->rule.client);
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
