/* SPDX-License-Identifier: ISC */
/* range.h - delete a range of mappings with many ops and one answer.
 * Runs in: engine */
#ifndef MAP_RANGE_H
#define MAP_RANGE_H

#include "map/map.h"

/**
 * range_start - start a MAP_DELETE_RANGE, with an op for each mapping. If
 * another range deletion is in progress, @w waits for its end.
 *
 * Return: as map_delete_range()
 */
int range_start(struct map *, struct map_wait *w);

/**
 * range_done - handle the answer @why to the op on @slot, if that op is part of
 * the range deletion.
 *
 * Return: the request for the range, if this was its last op and it still
 * waits; it is removed from the queue, and range_why is its result. Otherwise
 * NULL.
 */
struct map_wait *range_done(struct map *, uint16_t slot, enum refusal why);

/** range_has - is the op on @slot part of the range deletion? */
bool range_has(const struct map *, uint16_t slot);

#endif
