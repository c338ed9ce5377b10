/* SPDX-License-Identifier: ISC */
/* upwait.h - requests that wait for the NAT in front of the router, and the
 * ports that it assigns. Runs in: engine */
#ifndef MAP_UPWAIT_H
#define MAP_UPWAIT_H

#include "map/map.h"

/** upwait_translate - of a request for a port mapping, replace the external
 * port that its control point was told by ours (told_rule_port()). w->wished
 * stays. */
void upwait_translate(const struct map *, struct map_wait *w);

/**
 * upwait_start - the kernel has the mapping of @w, in @slot: ask the upstream.
 *
 * Return: MAP_WAIT (upwait_answer() will answer @w), REFUSAL_NONE, or why not,
 * which the caller reports; then the mapping is deleted, if it was new
 */
int upwait_start(struct map *, struct map_wait *w, uint16_t slot);

/**
 * upwait_answer - the upstream has answered for that port of ours, or did not.
 * @what: HELD or REFUSED. HELD without a request that waits: the upstream's
 *        port may have changed
 * @port: HELD: the upstream's port, which clients are told
 *
 * Answers the requests that wait for it. If the upstream refuses and
 * upstream_only is set, or if it has another port than the only one that the
 * request accepts, a mapping that was new is deleted again.
 */
void upwait_answer(struct map *, uint8_t proto, uint16_t ext_port,
		  enum map_upstream what, uint16_t port);

/** upwait_gone - answer the requests that wait for the upstream although their
 * mapping has been deleted, or is no longer in force. Call it after ops->gone
 * and ops->stored, from the loop. */
void upwait_gone(struct map *);

#endif
