/* SPDX-License-Identifier: ISC */
/* owner.c - whose mapping it is, and who may change it. Runs in: engine */
#include "map/owner.h"

bool owner_is(const struct pm_entry *e, uint32_t requester_ip)
{
	return e->rule.client.ip == requester_ip ||
	       (e->origin != ORIGIN_OPERATOR &&
		e->requester_ip == requester_ip);
}

enum refusal owner_may_change(const struct map *m, const struct pm_entry *e,
			      const struct pm_req *by)
{
	if (by->origin == ORIGIN_OPERATOR)
		return REFUSAL_NONE;
	if (e->origin == ORIGIN_OPERATOR)
		return REFUSAL_OPERATOR;
	if (!m->policy.secure || owner_is(e, by->requester_ip))
		return REFUSAL_NONE;
	return REFUSAL_OWNER;
}
