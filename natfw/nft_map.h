/* SPDX-License-Identifier: ISC */
/*
 * nft_map.h - a rule as elements of maps and sets.
 */
#ifndef NATFW_NFT_MAP_H
#define NATFW_NFT_MAP_H

#include <stdbool.h>
#include "base/str.h"
#include "natfw.h"

struct nft_map {
	const char *name;
	/* does this rule of the table have an element in it? */
	bool (*has)(const struct natfw *, const struct nat_rule *);
	void (*key)(struct wr *, const struct nat_rule *);
	/* what stands behind the key, " : " first; NULL for a set */
	void (*value)(struct wr *, const struct natfw_env *,
		      const struct nat_rule *);
};

enum {
	NFT_FORWARD_TO, NFT_FORWARD_FROM, NFT_LEAVE_AS,	/* in our own table */
	NFT_OWN_MAPS,
	NFT_ACCEPT = NFT_OWN_MAPS,	/* in those of others */
	NFT_MAPS,
};

extern const struct nft_map nft_maps[NFT_MAPS];

/** nft_forward - the map that leads packets to this rule's client. */
const struct nft_map *nft_forward(const struct nat_rule *);

/** nft_put_element - key and value. */
void nft_put_element(struct wr *, const struct nft_map *,
		     const struct natfw_env *, const struct nat_rule *);

#endif
