/* SPDX-License-Identifier: ISC */
/*
 * nft_map.h - a rule as elements of maps and sets. A part of nft.c.
 */
#ifndef NATFW_NFT_MAP_H
#define NATFW_NFT_MAP_H

#include "natfw/backend.h"

struct nft_map {
	const char *name;
	/* does this rule of the table have an element in it? */
	bool (*has)(const struct natfw *, const struct nat_rule *);
	void (*key)(struct wr *, const struct nat_rule *);
	void (*value)(struct wr *, const struct natfw_env *,
		      const struct nat_rule *);	/* NULL for a set */
};

static const struct nat_rule *nft_leader(const struct natfw *fw,
					 const struct nat_rule *like)
{
	const struct nat_rule *r = natfw_chain(fw, NATFW_BY_SOCKET, like);

	while (r && !natfw_same_socket(r, like))
		r = natfw_chain_next(fw, NATFW_BY_SOCKET, r);
	return r;
}

static bool nft_for_any(const struct natfw *fw, const struct nat_rule *r)
{
	return !r->remote.ip;
}

static bool nft_for_one(const struct natfw *fw, const struct nat_rule *r)
{
	return r->remote.ip;
}

static bool nft_leads(const struct natfw *fw, const struct nat_rule *r)
{
	return nft_leader(fw, r) == r;
}

static void nft_key_port(struct wr *w, const struct nat_rule *r)
{
	wr_fmt(w, "%u . %u", (unsigned)r->proto, (unsigned)r->ext_port);
}

static void nft_key_remote(struct wr *w, const struct nat_rule *r)
{
	wr_fmt(w, "%s . ", backend_ip(r->remote.ip).z);
	nft_key_port(w, r);
}

static void nft_key_socket(struct wr *w, const struct nat_rule *r)
{
	wr_fmt(w, "%s . %u . %u", backend_ip(r->client.ip).z,
	       (unsigned)r->proto, (unsigned)r->int_port);
}

static void nft_to_client(struct wr *w, const struct natfw_env *env,
			  const struct nat_rule *r)
{
	wr_fmt(w, " : %s . %u", backend_ip(r->client.ip).z,
	       (unsigned)r->int_port);
}

static void nft_to_ext(struct wr *w, const struct natfw_env *env,
		       const struct nat_rule *r)
{
	wr_fmt(w, " : %s . %u", backend_ip(env->ext_ip).z,
	       (unsigned)r->ext_port);
}

enum { FORWARD_TO, FORWARD_FROM, LEAVE_AS, ACCEPT, MAPS };

static const struct nft_map maps[MAPS] = {
	{ "forward_to", nft_for_any, nft_key_port, nft_to_client },
	{ "forward_from", nft_for_one, nft_key_remote, nft_to_client },
	{ "leave_as", nft_leads, nft_key_socket, nft_to_ext },
	{ "upnpd_accept", nft_leads, nft_key_socket, NULL },
};

static void nft_put_element(struct wr *w, const struct natfw *fw,
			    const struct nft_map *map,
			    const struct nat_rule *r)
{
	map->key(w, r);
	if (map->value)
		map->value(w, &fw->env, r);
}

static const struct nft_map *nft_forward(const struct nat_rule *r)
{
	return &maps[r->remote.ip ? FORWARD_FROM : FORWARD_TO];
}

#endif
