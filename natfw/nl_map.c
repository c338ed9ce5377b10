/* SPDX-License-Identifier: ISC */
/*
 * nl_map.c - the maps and sets that have elements of a rule, and their keys and
 * values. Pure.
 * Runs in: monitor
 */
#include "natfw/nl_map.h"

#include <endian.h>
#include <string.h>
#include "natfw/table.h"

const struct nl_table nl_map_own = { "ip", RULESET_OWN_TABLE };
const struct nl_table nl_map_own6 = { "ip6", RULESET_OWN_TABLE };

/* ---- the maps ------------------------------------------------------ */

static bool for_any(const struct natfw *fw, const struct nat_rule *r)
{
	return !addr_is_set(r->remote);
}

static bool for_one(const struct natfw *fw, const struct nat_rule *r)
{
	return addr_is_set(r->remote) && !r->remote_port;
}

static bool for_one_port(const struct natfw *fw, const struct nat_rule *r)
{
	return r->remote_port;
}

static bool leads(const struct natfw *fw, const struct nat_rule *r)
{
	return table_leader(fw, r) == r;
}

#define PINHOLE(by, what, ...) \
	[NL_MAP_PINHOLE + (by)] = { \
		RULESET_OWN_PINHOLES what, NULL, \
		{ NL_MAP_CLIENT6, NL_MAP_PROTO, __VA_ARGS__ }, \
		{ NL_MAP_END }, \
	}

const struct nl_map nl_map_table[NL_MAP__MAX] = {
	[NL_MAP_FORWARD_TO] = {
		"forward_to", for_any,
		{ NL_MAP_PROTO, NL_MAP_EXT_PORT },
		{ NL_MAP_CLIENT, NL_MAP_INT_PORT },
	},
	[NL_MAP_FORWARD_FROM] = {
		"forward_from", for_one,
		{ NL_MAP_REMOTE, NL_MAP_PROTO, NL_MAP_EXT_PORT },
		{ NL_MAP_CLIENT, NL_MAP_INT_PORT },
	},
	[NL_MAP_FORWARD_FROM_PORT] = {
		"forward_from_port", for_one_port,
		{ NL_MAP_REMOTE, NL_MAP_PROTO, NL_MAP_EXT_PORT,
		  NL_MAP_REMOTE_PORT },
		{ NL_MAP_CLIENT, NL_MAP_INT_PORT },
	},
	[NL_MAP_LEAVE_AS] = {
		"leave_as", leads,
		{ NL_MAP_CLIENT, NL_MAP_PROTO, NL_MAP_INT_PORT },
		{ NL_MAP_EXT_IP, NL_MAP_EXT_PORT },
	},
	[NL_MAP_COUNT] = {
		NL_MAP_COUNT_SET, leads,
		{ NL_MAP_CLIENT, NL_MAP_PROTO, NL_MAP_INT_PORT },
		{ NL_MAP_END },
	},
	[NL_MAP_ACCEPT] = {
		RULESET_OWN_SET, leads,
		{ NL_MAP_CLIENT, NL_MAP_PROTO, NL_MAP_INT_PORT },
		{ NL_MAP_END },
	},
	PINHOLE(0, "", NL_MAP_END),
	PINHOLE(NL_MAP_BY_PORT, "_port", NL_MAP_INT_PORT),
	PINHOLE(NL_MAP_BY_HOST, "_from", NL_MAP_REMOTE6),
	PINHOLE(NL_MAP_BY_PORT | NL_MAP_BY_HOST, "_port_from",
		NL_MAP_INT_PORT, NL_MAP_REMOTE6),
	PINHOLE(NL_MAP_BY_REMOTE_PORT, "_sport", NL_MAP_REMOTE_PORT),
	PINHOLE(NL_MAP_BY_PORT | NL_MAP_BY_REMOTE_PORT, "_port_sport",
		NL_MAP_INT_PORT, NL_MAP_REMOTE_PORT),
	PINHOLE(NL_MAP_BY_HOST | NL_MAP_BY_REMOTE_PORT, "_from_sport",
		NL_MAP_REMOTE6, NL_MAP_REMOTE_PORT),
	PINHOLE(NL_MAP_BY_PORT | NL_MAP_BY_HOST | NL_MAP_BY_REMOTE_PORT,
		"_port_from_sport", NL_MAP_INT_PORT, NL_MAP_REMOTE6,
		NL_MAP_REMOTE_PORT),
};

unsigned nl_map_pinhole(const struct nat_rule *r)
{
	return (r->int_port ? NL_MAP_BY_PORT : 0) |
	       (addr_is_set(r->remote) ? NL_MAP_BY_HOST : 0) |
	       (r->remote_port ? NL_MAP_BY_REMOTE_PORT : 0);
}

bool nl_map_has(const struct nl_map *map, const struct natfw *fw,
		const struct nat_rule *r)
{
	if (r->kind == NAT_PINHOLE)
		return map == &nl_map_table[NL_MAP_PINHOLE + nl_map_pinhole(r)];
	return map->has && map->has(fw, r);
}

const struct nl_map *nl_map_forward(const struct nat_rule *r)
{
	if (r->remote_port)
		return &nl_map_table[NL_MAP_FORWARD_FROM_PORT];
	return &nl_map_table[addr_is_set(r->remote) ? NL_MAP_FORWARD_FROM :
						      NL_MAP_FORWARD_TO];
}

unsigned nl_map_from(const struct nat_rule *r)
{
	const struct nl_map *map = nl_map_forward(r);

	return map == &nl_map_table[NL_MAP_FORWARD_TO] ? 0 :
	       1u << (map - &nl_map_table[NL_MAP_FROM]);
}

/* ---- elements ------------------------------------------------------ */

static size_t len_of(enum nl_map_part part)
{
	return part >= NL_MAP_CLIENT6 ? 16 : 4;
}

size_t nl_map_len(const enum nl_map_part *part)
{
	size_t n = 0;

	for (; *part; part++)
		n += len_of(*part);
	return n;
}

static uint32_t part_of(enum nl_map_part part, const struct natfw_env *env,
			const struct nat_rule *r)
{
	switch (part) {
	case NL_MAP_PROTO:
		return r->proto;
	case NL_MAP_EXT_PORT:
		return r->ext_port;
	case NL_MAP_INT_PORT:
		return r->int_port;
	case NL_MAP_REMOTE_PORT:
		return r->remote_port;
	case NL_MAP_CLIENT:
		return addr_to_ip4(r->client);
	case NL_MAP_REMOTE:
		return addr_to_ip4(r->remote);
	case NL_MAP_EXT_IP:
		return addr_to_ip4(env->ext);
	case NL_MAP_CLIENT6:
	case NL_MAP_REMOTE6:
	case NL_MAP_END:
		break;
	}
	return 0;
}

static struct nfnl_value join(const enum nl_map_part *part,
			      const struct natfw_env *env,
			      const struct nat_rule *r)
{
	struct nfnl_value v = { .n = 0 };
	uint32_t one;

	for (; *part; part++) {
		one = part_of(*part, env, r);
		if (*part >= NL_MAP_CLIENT6)
			nfnl_ip6(&v, *part == NL_MAP_CLIENT6 ? r->client.byte :
							       r->remote.byte);
		else if (*part >= NL_MAP_CLIENT)
			nfnl_ip(&v, one);
		else if (*part == NL_MAP_PROTO)
			nfnl_proto(&v, (uint8_t)one);
		else
			nfnl_port(&v, (uint16_t)one);
	}
	return v;
}

struct nfnl_value nl_map_key(const struct nl_map *map,
			     const struct natfw_env *env,
			     const struct nat_rule *r)
{
	return join(map->key, env, r);
}

struct nfnl_value nl_map_value(const struct nl_map *map,
			       const struct natfw_env *env,
			       const struct nat_rule *r)
{
	return join(map->value, env, r);
}

static void read_part(enum nl_map_part part, const char *p,
		      struct nat_rule *ret)
{
	uint16_t port;

	memcpy(&port, p, sizeof(port));
	if (part == NL_MAP_CLIENT6)
		ret->client = addr_ip6(p);
	else if (part == NL_MAP_REMOTE6)
		ret->remote = addr_ip6(p);
	else if (part == NL_MAP_PROTO)
		ret->proto = (uint8_t)*p;
	else if (part == NL_MAP_INT_PORT)
		ret->int_port = be16toh(port);
	else
		ret->remote_port = be16toh(port);
}

bool nl_map_read(const struct nl_map *map, struct str key,
		 struct nat_rule *ret)
{
	if (key.n != nl_map_len(map->key))
		return false;
	*ret = (struct nat_rule){ .kind = NAT_PINHOLE, .remote = addr_any() };
	for (const enum nl_map_part *part = map->key; *part; part++) {
		read_part(*part, key.p, ret);
		key.p += len_of(*part);
	}
	return true;
}
