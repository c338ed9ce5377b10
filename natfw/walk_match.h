/* SPDX-License-Identifier: ISC */
/*
 * walk_match.h - does a condition of a rule hold for a hypothetical packet?
 * Part of walk.c. Pure.
 * Runs in: any
 */
#ifndef NATFW_WALK_MATCH_H
#define NATFW_WALK_MATCH_H

#include "natfw/ruleset.h"
#include "natfw/walk.h"

/** walk_match_rule - do all conditions of the rule hold? */
enum walk_hold walk_match_rule(const struct ruleset *,
			       const struct ruleset_rule *,
			       const struct walk_packet *);

/**
 * walk_match_elem - is it this element of a verdict map that the packet finds?
 * @map: the lookup
 * @elem: index in rs->elem, of the map that @map names
 */
enum walk_hold walk_match_elem(const struct ruleset *rs,
			       const struct ruleset_cond *map, uint32_t elem,
			       const struct walk_packet *);

#endif
