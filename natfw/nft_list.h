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
#include "natfw/nft_place.h"

/**
 * nft_find - which foreign chains are there where rules of ours belong, or may
 * stand from the time before the configuration?
 * @fw: gets what the tool said when it failed; may be NULL
 * @env: NULL: as if nothing were configured
 *
 * Return: as nft_search_begin() or backend_run()
 */
int nft_find(struct natfw *fw, const struct natfw_env *env,
	     struct nft_places *ret);

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
