/* SPDX-License-Identifier: ISC */
/*
 * nft_map.h - which maps and sets a mapping has elements in, and the key and
 * value of each element.
 */
#ifndef NATFW_NFT_MAP_H
#define NATFW_NFT_MAP_H

#include <stdbool.h>
#include "base/str.h"
#include "base/wr.h"
#include "natfw.h"
#include "natfw/nfnl.h"

/* What a key or a value is put together from; the addresses are the last. */
enum nft_part {
	NFT_END,
	NFT_PROTO,
	NFT_EXT_PORT, NFT_INT_PORT,
	NFT_CLIENT, NFT_REMOTE, NFT_EXT_IP,
};

#define NFT_PARTS_MAX 4		/* ipv4_addr . inet_proto . inet_service, end */

struct nft_map {
	const char *name;
	/* does this rule of the table have an element in it? */
	bool (*has)(const struct natfw *, const struct nat_rule *);
	enum nft_part key[NFT_PARTS_MAX];
	enum nft_part value[NFT_PARTS_MAX];	/* none for a set */
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

/** nft_key - the key of the rule's element. */
struct nfnl_value nft_key(const struct nft_map *, const struct natfw_env *,
			  const struct nat_rule *);

/** nft_value - what stands behind it in a map; nothing (n is 0) in a set. */
struct nfnl_value nft_value(const struct nft_map *, const struct natfw_env *,
			    const struct nat_rule *);

#endif
