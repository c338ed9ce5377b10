/* SPDX-License-Identifier: ISC */
/* waitlist.h - the lists in which requests for mappings wait.
 * Runs in: engine */
#ifndef MAP_WAITLIST_H
#define MAP_WAITLIST_H

#include "map/map.h"

/** waitlist_add - append @w. */
void waitlist_add(struct map_wait **list, struct map_wait *w);

/** waitlist_del - remove @w. Return: was it in the list? */
bool waitlist_del(struct map_wait **list, const struct map_wait *w);

/** waitlist_queue - let @w wait until the op on @slot is done. @owner: the op
 * is @w's own. */
void waitlist_queue(struct map *, struct map_wait *w, uint16_t slot,
		    bool owner);

/**
 * waitlist_wake - the op on @slot of that table is done: remove the requests
 * that waited for it from the list.
 *
 * Return: the request that owns the op, or NULL. The others are appended to the
 * list of those that are ready to start again.
 */
struct map_wait *waitlist_wake(struct map *, enum nat_kind, uint16_t slot);

/** waitlist_owner - the request that owns the op on @slot of that table, or NULL.
 * It stays in its list. */
const struct map_wait *waitlist_owner(const struct map *, enum nat_kind,
				      uint16_t slot);

#endif
