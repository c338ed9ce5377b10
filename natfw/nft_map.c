/* SPDX-License-Identifier: ISC */
/*
 * nft_map.c - which maps and sets a rule is in, and what its elements say.
 * Pure.
 */
#include "base/wr.h"
#include "natfw/nft_map.h"
#include "natfw/nft_place.h"
#include "natfw/table.h"

/* ---- the maps ------------------------------------------------------ */

static bool for_any(const struct natfw *fw, const struct nat_rule *r)
{
	return !r->remote.ip;
}

static bool for_one(const struct natfw *fw, const struct nat_rule *r)
{
	return r->remote.ip;
}

static bool leads(const struct natfw *fw, const struct nat_rule *r)
{
	return table_leader(fw, r) == r;
}

const struct nft_map nft_maps[NFT_MAPS] = {
	[NFT_FORWARD_TO] = {
		"forward_to", for_any,
		{ NFT_PROTO, NFT_EXT_PORT },
		{ NFT_CLIENT, NFT_INT_PORT },
	},
	[NFT_FORWARD_FROM] = {
		"forward_from", for_one,
		{ NFT_REMOTE, NFT_PROTO, NFT_EXT_PORT },
		{ NFT_CLIENT, NFT_INT_PORT },
	},
	[NFT_LEAVE_AS] = {
		"leave_as", leads,
		{ NFT_CLIENT, NFT_PROTO, NFT_INT_PORT },
		{ NFT_EXT_IP, NFT_EXT_PORT },
	},
	[NFT_ACCEPT] = {
		NFT_ACCEPT_SET, leads,
		{ NFT_CLIENT, NFT_PROTO, NFT_INT_PORT },
		{ NFT_END },
	},
};

const struct nft_map *nft_forward(const struct nat_rule *r)
{
	return &nft_maps[r->remote.ip ? NFT_FORWARD_FROM : NFT_FORWARD_TO];
}

/* ---- elements ------------------------------------------------------ */

static uint32_t part_of(enum nft_part part, const struct natfw_env *env,
			const struct nat_rule *r)
{
	switch (part) {
	case NFT_PROTO:
		return r->proto;
	case NFT_EXT_PORT:
		return r->ext_port;
	case NFT_INT_PORT:
		return r->int_port;
	case NFT_CLIENT:
		return r->client.ip;
	case NFT_REMOTE:
		return r->remote.ip;
	case NFT_EXT_IP:
		return env->ext_ip;
	case NFT_END:
		break;
	}
	return 0;
}

static struct nfnl_value join(const enum nft_part *part,
			      const struct natfw_env *env,
			      const struct nat_rule *r)
{
	struct nfnl_value v = { .n = 0 };
	uint32_t one;

	for (; *part; part++) {
		one = part_of(*part, env, r);
		if (*part >= NFT_CLIENT)
			nfnl_ip(&v, one);
		else if (*part == NFT_PROTO)
			nfnl_proto(&v, (uint8_t)one);
		else
			nfnl_port(&v, (uint16_t)one);
	}
	return v;
}

struct nfnl_value nft_key(const struct nft_map *map,
			  const struct natfw_env *env,
			  const struct nat_rule *r)
{
	return join(map->key, env, r);
}

struct nfnl_value nft_value(const struct nft_map *map,
			    const struct natfw_env *env,
			    const struct nat_rule *r)
{
	return join(map->value, env, r);
}
