/* SPDX-License-Identifier: ISC */
/* share.h - how many new mappings a host and an interface may have.
 * Runs in: engine */
#ifndef MAP_SHARE_H
#define MAP_SHARE_H

#include "map/map.h"

/** share_init - start with full buckets. adds_per_s is set. */
void share_init(struct map *);

/**
 * share_find_hosts - look up the link-layer addresses of the requesters whose
 * pinholes are of the lease file, which has none.
 *
 * Done once, when the networks are known. An address that the neighbour table
 * does not show counts for itself, until its pinhole is renewed.
 */
void share_find_hosts(struct map *);

/**
 * share_check - does the request of @w stay within the rates of its host and its
 * interface, and within the interface's part of max-pinholes?
 *
 * Renewals and the operator's requests do. Return: REFUSAL_NONE, REFUSAL_RATE or
 * REFUSAL_PINHOLES
 */
enum refusal share_check(struct map *, const struct map_wait *w,
			 uint64_t now_ms);

#endif
