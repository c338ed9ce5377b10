/* SPDX-License-Identifier: ISC */
/*
 * nft_map.c - which maps and sets a rule is in, and what its elements say.
 * Pure.
 */
#include "natfw/backend.h"
#include "natfw/nft_list.h"
#include "natfw/nft_map.h"
#include "natfw/table.h"

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

static void key_port(struct wr *w, const struct nat_rule *r)
{
	wr_fmt(w, "%u . %u", (unsigned)r->proto, (unsigned)r->ext_port);
}

static void key_remote(struct wr *w, const struct nat_rule *r)
{
	wr_fmt(w, "%s . ", backend_ip(r->remote.ip).z);
	key_port(w, r);
}

static void key_socket(struct wr *w, const struct nat_rule *r)
{
	wr_fmt(w, "%s . %u . %u", backend_ip(r->client.ip).z,
	       (unsigned)r->proto, (unsigned)r->int_port);
}

static void put_to(struct wr *w, uint32_t ip, uint16_t port)
{
	wr_fmt(w, " : %s . %u", backend_ip(ip).z, (unsigned)port);
}

static void to_client(struct wr *w, const struct natfw_env *env,
		      const struct nat_rule *r)
{
	put_to(w, r->client.ip, r->int_port);
}

static void to_ext(struct wr *w, const struct natfw_env *env,
		   const struct nat_rule *r)
{
	put_to(w, env->ext_ip, r->ext_port);
}

const struct nft_map nft_maps[NFT_MAPS] = {
	[NFT_FORWARD_TO] = { "forward_to", for_any, key_port, to_client },
	[NFT_FORWARD_FROM] = { "forward_from", for_one, key_remote,
			       to_client },
	[NFT_LEAVE_AS] = { "leave_as", leads, key_socket, to_ext },
	[NFT_ACCEPT] = { NFT_ACCEPT_SET, leads, key_socket, NULL },
};

const struct nft_map *nft_forward(const struct nat_rule *r)
{
	return &nft_maps[r->remote.ip ? NFT_FORWARD_FROM : NFT_FORWARD_TO];
}

void nft_put_element(struct wr *w, const struct nft_map *map,
		     const struct natfw_env *env, const struct nat_rule *r)
{
	map->key(w, r);
	if (map->value)
		map->value(w, env, r);
}
