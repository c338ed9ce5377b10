/* SPDX-License-Identifier: ISC */
/* start.h - start a request on the mapping table, or start it again.
 * Runs in: engine */
#ifndef MAP_START_H
#define MAP_START_H

#include "map/map.h"

/**
 * start_run - change the table as @w requests, or queue @w.
 * @w: checked and prepared by map_add(), map_delete() or map_delete_range()
 * @ret: the mapping that was added, when REFUSAL_NONE is returned; otherwise
 *       NULL
 *
 * Return: MAP_WAIT (@w is queued), REFUSAL_NONE, or why not (reported)
 */
int start_run(struct map *, struct map_wait *w, uint64_t now_ms,
	      const struct pm_entry **ret);

/** start_may_change_port - does the request accept another external port than
 * the wished one? */
bool start_may_change_port(const struct map_wait *w);

#endif
