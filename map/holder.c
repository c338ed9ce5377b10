/* SPDX-License-Identifier: ISC */
/* holder.c - the host by which a mapping counts. Runs in: engine */
#include "map/holder.h"

struct addr holder_of(const struct nat_rule *rule, struct addr host,
		      struct addr requester)
{
	if (rule->kind != NAT_PINHOLE)
		return rule->client;
	if (host.family == ADDR_LINK)
		return host;
	return addr_is_set(requester) ? requester : rule->client;
}
