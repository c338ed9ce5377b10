/* SPDX-License-Identifier: ISC */
/* range.h - delete a range of mappings: many operations, one answer.
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
 * range_done - the op on @slot was answered with @why: is it one of the range
 * deletion's?
 *
 * Return: the requester, when that was the last op and it still waits; it is no
 * longer queued, and range_why is its result. Otherwise NULL.
 */
struct map_wait *range_done(struct map *, uint16_t slot, enum refusal why);

#endif
