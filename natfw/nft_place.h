/* SPDX-License-Identifier: ISC */
/*
 * nft_place.h - the chains of nf_tables that rules of ours stand in, whichever
 * way we came to know of them. Pure.
 */
#ifndef NATFW_NFT_PLACE_H
#define NATFW_NFT_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"
#include "natfw.h"

#define NFT_PLACES_MAX	4	/* foreign forward chains; more is unheard of */
#define NFT_OLD_MAX	8	/* our rules in one; there should be 2 */
#define NFT_NAME_MAX	64	/* as natfw_env has it */

/* What we leave in foreign tables: a set, and rules that look into it. */
#define NFT_ACCEPT_SET	"upnpd_accept"

/* ---- places -------------------------------------------------------- */

/* A chain; of others, and on the forward hook or configured. What stands
 * behind the NUL of a name is zero too. */
struct nft_place {
	char family[8], table[NFT_NAME_MAX], chain[NFT_NAME_MAX];
	bool wanted;		/* the accept belongs here */
};

struct nft_places {
	struct nft_place at[NFT_PLACES_MAX];
	size_t n;
};

/* Our own table. */
extern const struct nft_place nft_own;

/** nft_take_name - a name out of a listing.
 *
 * Only what nft takes without quotes, and so a configuration can have: any
 * other becomes no name at all, and false. */
bool nft_take_name(char *dst, size_t cap, struct str name);

/** nft_same_table - do they stand in the same table? */
bool nft_same_table(const struct nft_place *a, const struct nft_place *b);

/** nft_same_chain - are they the same chain? */
bool nft_same_chain(const struct nft_place *a, const struct nft_place *b);

/** nft_same_places - are they equal, and in the same order? */
bool nft_same_places(const struct nft_places *a, const struct nft_places *b);

/** nft_is_first - is place @p the first in its table? It stands for the table
 * in what is done once a table. */
bool nft_is_first(const struct nft_places *, size_t p);

/** nft_has_set - is place @p the first in a table that shall have our set? */
bool nft_has_set(const struct nft_places *, size_t p);

/* ---- finding them -------------------------------------------------- */

/* A search: every chain there is, one after the other. */
struct nft_search {
	struct nft_place wanted;	/* as configured; "" when not */
	struct nft_places *found;
};

/**
 * nft_search_begin - what is looked for.
 * @env: NULL: as if nothing were configured
 *
 * Without nft_table and nft_chain configured the accept belongs in each chain
 * of the families ip and inet that filters what is forwarded. A chain whose
 * name nft takes in quotes only is passed over, and so are those above
 * NFT_PLACES_MAX, but never the configured one. That one need not be there: see
 * nft_found().
 *
 * Return: 0, -EINVAL (what is configured can be no chain)
 */
int nft_search_begin(struct nft_search *, const struct natfw_env *env,
		     struct nft_places *found);

/** nft_search_chain - there is this chain. */
void nft_search_chain(struct nft_search *, const struct nft_place *at);

/**
 * nft_search_filter - it is on the forward hook, of type filter.
 *
 * One at the priority of mangle (-150) or before it marks and clamps; it does
 * not filter, and an accept at its head would take that from our packets.
 */
void nft_search_filter(struct nft_search *, const struct nft_place *at,
		       int64_t priority);

/** nft_found - is the configured chain among them, if one is configured? If
 * not, fw->why says so. */
bool nft_found(struct natfw *fw, const struct nft_places *);

#endif
