/* SPDX-License-Identifier: ISC */
/*
 * nft_list.h - reading what nft lists: elements, our rules in foreign chains,
 * and which foreign chains filter what is forwarded.
 */
#ifndef NATFW_NFT_LIST_H
#define NATFW_NFT_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"
#include "natfw.h"
#include "natfw/backend.h"

#define NFT_PLACES_MAX	4	/* foreign forward chains; more is unheard of */
#define NFT_OLD_MAX	8	/* our rules in one; there should be 2 */
#define NFT_NAME_MAX	64	/* as natfw_env has it */

/* What we leave in foreign tables: a set, and rules that end like this, as
 * written and as listed. */
#define NFT_ACCEPT_SET	"upnpd_accept"
#define NFT_ACCEPT_RULE	"@" NFT_ACCEPT_SET " accept comment \"upnpd\""

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

/**
 * nft_find - which foreign chains are there where rules of ours belong, or may
 * stand from the time before the configuration?
 * @fw: gets what the tool said when it failed; may be NULL
 * @env: NULL: as if nothing were configured
 *
 * Without nft_table and nft_chain configured the accept belongs in each chain
 * of the families ip and inet that filters what is forwarded. A chain that can
 * not be named back to nft without quotes is passed over, and so are those
 * above NFT_PLACES_MAX, but never the configured one. That one need not be
 * there: see nft_found().
 *
 * Return: 0, -EINVAL (what is configured can be no chain), or as backend_run()
 */
int nft_find(struct natfw *fw, const struct natfw_env *env,
	     struct nft_places *ret);

/** nft_found - is the configured chain among them, if one is configured? If
 * not, fw->why says so. */
bool nft_found(struct natfw *fw, const struct nft_places *);

/** nft_same_table - do they stand in the same table? */
bool nft_same_table(const struct nft_place *a, const struct nft_place *b);

/** nft_same_places - are they equal, and in the same order? */
bool nft_same_places(const struct nft_places *a, const struct nft_places *b);

/** nft_is_first - is place @p the first in its table? It stands for the table
 * in what is done once a table. */
bool nft_is_first(const struct nft_places *, size_t p);

/** nft_has_set - is place @p the first in a table that shall have our set? */
bool nft_has_set(const struct nft_places *, size_t p);

/* ---- looking ------------------------------------------------------- */

/* One look at what is there, over one or more listings. Zeroed, and its
 * places set, by the owner. */
struct nft_look {
	const struct nft_places *places;
	/* our rules in them, by handle, as many as there is room for */
	uint64_t old[NFT_PLACES_MAX][NFT_OLD_MAX];
	size_t old_n[NFT_PLACES_MAX];
	struct backend_tally chains;	/* lines of our own table's chains */
	struct backend_tally elements;	/* of all sets and maps listed */
	/* private: the headings that the next line belongs to */
	struct nft_place at;
	char set[NFT_NAME_MAX];
	bool in_elements;
};

/** nft_look_own - take in our own table. @look: NULL to know only whether it
 * is there. Return: as backend_run(), -EIO: it is not. */
int nft_look_own(struct natfw *fw, struct nft_look *look);

/** nft_look_chains - take in our rules in look->places. Return: likewise. */
int nft_look_chains(struct natfw *fw, struct nft_look *look);

/** nft_look_sets - take in our sets in the tables of look->places. Return:
 * likewise. */
int nft_look_sets(struct natfw *fw, struct nft_look *look);

/** nft_hash_set - the hash that the words of an element go on from, to be
 * counted as the look counts it. */
uint64_t nft_hash_set(const struct nft_place *, const char *set);

#endif
