/* SPDX-License-Identifier: ISC */
/* holder.h - the host by which a mapping counts. Runs in: engine */
#ifndef MAP_HOLDER_H
#define MAP_HOLDER_H

#include "map/nat_rule.h"

/**
 * holder_of - the host by which a mapping counts towards the caps.
 *
 * A port mapping's is its internal client. A pinhole's is the link-layer address
 * of its requester, because a host has any number of IPv6 addresses; if it is
 * not known, the requester's address, and for the operator's the client.
 */
struct addr holder_of(const struct nat_rule *, struct addr host,
		      struct addr requester);

#endif
