/* SPDX-License-Identifier: ISC */
/*
 * nl_place.h - our rules in foreign nf_tables chains: where they stand, and the
 * tables that need our set. Pure: it reads only the model.
 * Runs in: any
 */
#ifndef NATFW_NL_PLACE_H
#define NATFW_NL_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "natfw.h"
#include "natfw/nl_map.h"
#include "natfw/place.h"

/* Foreign tables; those of the places are at most as many. */
struct nl_place_tables {
	struct nl_table at[PLACES_MAX];
	bool ip4[PLACES_MAX], ip6[PLACES_MAX];	/* families of its places */
	size_t n;
};

/** nl_place_table - the table with that index of the model. Return: false if
 * its name is too long for us */
bool nl_place_table(const struct ruleset *, uint32_t table,
		    struct nl_table *ret);

/** nl_place_tables - the tables of all native places, each once. @without: for
 * each table of the model, is it left out? */
void nl_place_tables(const struct natfw *,
		     const bool without[RULESET_TABLES_MAX],
		     struct nl_place_tables *ret);

/** nl_place_in - the table of a native place, if it is among them; or NULL. */
const struct nl_table *nl_place_in(const struct ruleset *,
				   const struct place *,
				   const struct nl_place_tables *);

/** nl_place_is_old - is this a rule that we made in a foreign chain: one that
 * looks up our set? Not if another process owns the table, because only that
 * one may delete it. */
bool nl_place_is_old(const struct ruleset *, const struct ruleset_rule *);

/** nl_place_is_old_set - likewise for our set. */
bool nl_place_is_old_set(const struct ruleset *, const struct ruleset_set *);

/** nl_place_right - has each native place exactly our rules, directly before
 * its rule, and are there no other rules and sets of ours? @pinholes: a bit for
 * each set of pinholes that has rules (nl_map_pinhole()) */
bool nl_place_right(const struct natfw *, unsigned pinholes);

#endif
