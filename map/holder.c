/* SPDX-License-Identifier: ISC */
/* holder.c - the host by which a mapping counts. Runs in: engine */
#include "map/holder.h"
#include "base/addrshare.h"

struct addr holder_asker(struct addr requester, struct addr host)
{
	return host.family == ADDR_LINK ? host : addr_share(requester, host);
}

struct addr holder_of(const struct nat_rule *rule, struct addr host,
		      struct addr requester)
{
	if (rule->kind != NAT_PINHOLE)
		return rule->client;
	return addr_is_set(requester) ? holder_asker(requester, host) :
					rule->client;
}
