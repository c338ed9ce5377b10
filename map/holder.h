/* SPDX-License-Identifier: ISC */
/* holder.h - the host by which a mapping counts. Runs in: engine */
#ifndef MAP_HOLDER_H
#define MAP_HOLDER_H

#include "map/nat_rule.h"

/** holder_asker - the host that asks, as it is counted: by its link-layer address
 * @host if that is known, over either family, else by its share (addr_share()).
 */
struct addr holder_asker(struct addr requester, struct addr host);

/**
 * holder_of - the host by which a mapping counts towards the caps.
 *
 * A port mapping's is its internal client. A pinhole's is the host that
 * asked for it (holder_asker()), because a host has any number of IPv6 addresses;
 * of the operator's pinholes it is the client.
 */
struct addr holder_of(const struct nat_rule *, struct addr host,
		      struct addr requester);

#endif
