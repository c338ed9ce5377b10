/* SPDX-License-Identifier: ISC */
/* mapreport.h - the mapping core's reports to its owner: changes of the table
 * and refusals.
 * Runs in: engine */
#ifndef MAP_MAPREPORT_H
#define MAP_MAPREPORT_H

#include "map/map.h"

/** mapreport_stored - @e was committed, suspended, overruled or resumed: count
 * the change of a port mapping, call ops->stored. */
void mapreport_stored(struct map *, const struct pm_entry *e);

/** mapreport_gone - a mapping has left its table: count the change of a port
 * mapping, call ops->gone. @shown: clients saw the mapping */
void mapreport_gone(struct map *, const struct nat_rule *, bool shown);

/**
 * mapreport_refused - a request of a client was refused: call ops->refused.
 *
 * Also for refusals by other services (events, HTTP). Refusals of the operator
 * are not reported, because the operator reads the answer; nor are reasons that
 * are not counted (REFUSALS).
 */
void mapreport_refused(struct map *, const struct refused *);

/**
 * mapreport_refusal - the request of @w is refused: note @line in it, and
 * report.
 * @line: of the configuration that decided, or 0
 *
 * Return: @why; for a pinhole, REFUSAL_PINHOLES instead of REFUSAL_FULL
 */
enum refusal mapreport_refusal(struct map *, struct map_wait *w,
			       enum refusal why, unsigned line);

#endif
