/* SPDX-License-Identifier: ISC */
/* asking.h - requests that wait until the neighbour table tells whether an
 * address belongs to the host that asks.
 * Runs in: engine */
#ifndef MAP_ASKING_H
#define MAP_ASKING_H

#include "map/map.h"

/** asking_set_host - look up the link-layer address of the requester of @w, if
 * it asks for a pinhole or over IPv6: by it, caps and rates count. */
void asking_set_host(struct map *, struct map_wait *w);

/** asking_may - can @client, another address than the requester's, be an
 * address of its host? Never if both are IPv4. */
bool asking_may(const struct map *, const struct pm_req *by,
		struct addr client);

/** asking_same - is @client an address of the host that asks? It must be in an
 * internal network of the interface on which the request arrived. */
enum map_same asking_same(const struct map *, const struct pm_req *by,
			  struct addr client);

/**
 * asking_wait - let @w wait for map_hosts_changed().
 *
 * Return: MAP_WAIT, or REFUSAL_RATE, reported: too many requests wait
 */
int asking_wait(struct map *, struct map_wait *w);

#endif
