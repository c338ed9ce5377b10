/* SPDX-License-Identifier: ISC */
/* mapreport.h - the mapping core's reports to its owner: changes of the table
 * and refusals.
 * Runs in: engine */
#ifndef MAP_MAPREPORT_H
#define MAP_MAPREPORT_H

#include "map/map.h"

/** mapreport_begin - a change of the mapping in @slot may follow: note how it
 * is now, for the next mapreport_stored() or mapreport_gone(). PM_NONE: a new
 * mapping may follow. */
void mapreport_begin(struct map *, const struct portmap *, uint16_t slot);

/** mapreport_stored - @e was committed, suspended, overruled or resumed: count
 * the change of a port mapping, call ops->stored and ops->changed.
 * @by: the request, or NULL */
void mapreport_stored(struct map *, const struct pm_entry *e,
		      const struct pm_req *by);

/** mapreport_gone - the mapping of mapreport_begin() has left its table: count
 * the change of a port mapping, call ops->gone and ops->changed.
 * @by: the request, or NULL
 * @why, @line: if the policy or the configuration forbids it; REFUSAL_NONE */
void mapreport_gone(struct map *, const struct pm_req *by, enum refusal why,
		    unsigned line);

/** mapreport_allowed - the policy allowed a request for @rule: count the line
 * that decided. */
void mapreport_allowed(struct map *, const struct nat_rule *rule);

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
