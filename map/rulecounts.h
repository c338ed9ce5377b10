/* SPDX-License-Identifier: ISC */
/*
 * rulecounts.h - how often each allow and deny line decided about a request.
 * A line is known by its content, so that its count survives a reload. Pure.
 * Runs in: engine
 */
#ifndef MAP_RULECOUNTS_H
#define MAP_RULECOUNTS_H

#include "map/policy.h"

/* All zero at the start. It may be in memory that an engine before this one has
 * written: every value is valid. */
struct rulecounts {
	struct {
		uint64_t rule;	/* a hash of its content; 0: a free place */
		uint64_t n;
	} at[CONF_RULES_MAX];	/* in the order of the lines */
	uint64_t none;		/* no line matched */
};

/** rulecounts_adopt - take over the counts of the same lines; those of other
 * lines are dropped. Of several equal lines, the first has the count. */
void rulecounts_adopt(struct rulecounts *, const struct policy *);

/** rulecounts_add - a line decided. @line: its number, 0: no line matched */
void rulecounts_add(struct rulecounts *, const struct policy *, unsigned line);

#endif
