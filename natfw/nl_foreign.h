/* SPDX-License-Identifier: ISC */
/*
 * nl_foreign.h - writes our rules and sets into foreign nf_tables tables, and
 * deletes them there. Pure: it writes messages.
 * Runs in: any
 */
#ifndef NATFW_NL_FOREIGN_H
#define NATFW_NL_FOREIGN_H

#include <stdbool.h>
#include "natfw.h"
#include "natfw/nfnl.h"
#include "natfw/nl_place.h"

/* What to accept. */
struct nl_foreign {
	bool mappings;
	unsigned pinholes;	/* a bit for each set: nl_map_pinhole() */
};

/** nl_foreign_clean - delete our rules, and then our sets. @without: for each
 * table of the model, is it left alone? */
void nl_foreign_clean(struct nfnl_batch *, const struct ruleset *,
		      const bool without[RULESET_TABLES_MAX]);

/** nl_foreign_put - make the sets in these tables, and the rules in the places
 * that are in them. None of them exists yet. */
void nl_foreign_put(struct nfnl_batch *, const struct natfw *,
		    const struct nl_place_tables *, const struct nl_foreign *);

#endif
