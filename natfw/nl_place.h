/* SPDX-License-Identifier: ISC */
/*
 * nl_place.h - the chains of nf_tables that our rules are in. Pure: the caller
 * lists the chains.
 * Runs in: any
 */
#ifndef NATFW_NL_PLACE_H
#define NATFW_NL_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"
#include "natfw.h"

#define NL_PLACES_MAX	4	/* foreign chains; further ones are ignored */
#define NL_PLACE_RULES_MAX 8	/* our rules in one; there should be 2 */
#define NL_PLACE_NAME_MAX	64	/* as in natfw_env */

/* Our part of a foreign table: a set, and rules that look it up. */
#define NL_PLACE_SET	"upnpd_accept"

/* ---- places -------------------------------------------------------- */

/* A foreign chain that is on the forward hook or configured. The bytes after
 * the NUL of a name are zero, because places are compared by memcmp(). */
struct nl_place {
	char family[8], table[NL_PLACE_NAME_MAX], chain[NL_PLACE_NAME_MAX];
	bool wanted;		/* the accept belongs here */
};

struct nl_places {
	struct nl_place at[NL_PLACES_MAX];
	size_t n;
};

/* Our own table. */
extern const struct nl_place nl_place_own;

/** nl_place_copy_name - copy a name out of a listing.
 *
 * Copies only names that nft accepts without quotes, because a configuration
 * can have no other. Return: false, and @dst is "", for any other name. */
bool nl_place_copy_name(char *dst, size_t cap, struct str name);

/** nl_place_same_table - are both in the same table? */
bool nl_place_same_table(const struct nl_place *a, const struct nl_place *b);

/** nl_place_same_chain - are they the same chain? */
bool nl_place_same_chain(const struct nl_place *a, const struct nl_place *b);

/** nl_place_same_all - are they equal, and in the same order? */
bool nl_place_same_all(const struct nl_places *a, const struct nl_places *b);

/** nl_place_is_first - is place @p the first of its table in the list? A step
 * that is needed once for each table is done for the first. */
bool nl_place_is_first(const struct nl_places *, size_t p);

/** nl_place_has_set - is place @p the first of a table that needs our set? */
bool nl_place_has_set(const struct nl_places *, size_t p);

/* ---- finding them -------------------------------------------------- */

/* A search: the caller passes each chain of the ruleset to it. */
struct nl_place_search {
	struct nl_place wanted;	/* as configured; "" when not */
	struct nl_places *found;
};

/**
 * nl_place_search_begin - start a search.
 * @env: NULL: as if nothing were configured
 *
 * Without nft_table and nft_chain configured the accept belongs in each chain
 * of the families ip and inet that filters forwarded packets. Chains whose
 * name nft writes in quotes are left out, and so are those above NL_PLACES_MAX,
 * but never the configured chain. The configured chain may be missing: see
 * nl_place_found().
 * Return: 0, -EINVAL (the configured names cannot be a chain)
 */
int nl_place_search_begin(struct nl_place_search *, const struct natfw_env *env,
			  struct nl_places *found);

/** nl_place_add_chain - add a chain of the ruleset. */
void nl_place_add_chain(struct nl_place_search *, const struct nl_place *at);

/**
 * nl_place_add_filter - add a chain of type filter on the forward hook.
 *
 * A chain at the priority of mangle (-150) or before it sets marks and clamps
 * the MSS. It does not filter, and an accept at its head would skip its rules.
 */
void nl_place_add_filter(struct nl_place_search *, const struct nl_place *at,
			 int64_t priority);

/** nl_place_found - is the configured chain in the list? True if none is
 * configured. If not, fw->why reports it. */
bool nl_place_found(struct natfw *fw, const struct nl_places *);

#endif
