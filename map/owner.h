/* SPDX-License-Identifier: ISC */
/* owner.h - whose mapping it is, and who may change it. Runs in: engine */
#ifndef MAP_OWNER_H
#define MAP_OWNER_H

#include "map/map.h"

/** owner_is - is @e a mapping to @requester, or one that @requester made? */
bool owner_is(const struct pm_entry *e, struct addr requester);

/**
 * owner_is_asker - the same for a host: by its address, or by its link-layer
 * address if that asked for @e.
 * @host:    ADDR_LINK, or ADDR_NONE: not known
 * @ifindex: the interface on which it asks
 */
bool owner_is_asker(const struct map *, const struct pm_entry *e,
		    struct addr requester, struct addr host, int ifindex);

/** owner_sees - does the requester of @by see the mapping @e? Only the operator
 * sees suspended mappings. @e: may be NULL: there is no mapping */
bool owner_sees(const struct pm_entry *e, const struct pm_req *by);

/**
 * owner_may_change - may the requester of @by change or delete @e?
 *
 * The operator may change every mapping. Nobody else may change the operator's.
 * A requester is its host: the link-layer address that asked for a pinhole may
 * change it from any address, on the interface of the pinhole's client. Whether
 * the client's address is another one of the requester's host is not checked:
 * see asking_same().
 *
 * Return: REFUSAL_NONE, REFUSAL_OPERATOR, or in secure mode REFUSAL_OWNER
 */
enum refusal owner_may_change(const struct map *, const struct pm_entry *e,
			      const struct pm_req *by);

#endif
