/* SPDX-License-Identifier: ISC */
/*
 * nft_change.h - what a batch of ops changes in the maps and sets, element by
 * element. Pure.
 */
#ifndef NATFW_NFT_CHANGE_H
#define NATFW_NFT_CHANGE_H

#include <stddef.h>
#include "natfw.h"
#include "natfw/nfnl.h"
#include "natfw/nft_map.h"
#include "natfw/nft_place.h"

/* One element that comes or goes: @rule's in @map, in the table of @at. Valid
 * during the call. */
struct nft_change {
	enum nfnl_verb verb;
	const struct nft_place *at;
	const struct nft_map *map;
	const struct nat_rule *rule;
};

typedef void (*nft_change_fn)(void *arg, const struct nft_change *);

/* No two ops of one key; a NAT_DEL has its rule in the table. */
struct nft_batch {
	const struct natfw *fw;		/* its table is as it was before */
	const struct nft_places *places;
	const struct nat_op *op;
	size_t n;
};

/**
 * nft_changes - what op @i of the batch changes.
 *
 * To be asked for each op in order: elements that several ops share change
 * with the first of them.
 */
void nft_changes(const struct nft_batch *, size_t i, nft_change_fn, void *arg);

#endif
