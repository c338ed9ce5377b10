/* SPDX-License-Identifier: ISC */
/*
 * nl_map.c - the maps and sets that have elements of a rule, and their keys and
 * values. Pure.
 * Runs in: monitor
 */
#include "natfw/nl_map.h"
#include "natfw/table.h"

const struct nl_table nl_map_own = { "ip", RULESET_OWN_TABLE };

/* ---- the maps ------------------------------------------------------ */

static bool for_any(const struct natfw *fw, const struct nat_rule *r)
{
	return !addr_is_set(r->remote);
}

static bool for_one(const struct natfw *fw, const struct nat_rule *r)
{
	return addr_is_set(r->remote);
}

static bool leads(const struct natfw *fw, const struct nat_rule *r)
{
	return table_leader(fw, r) == r;
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
};

const struct nl_map *nl_map_forward(const struct nat_rule *r)
{
	return &nl_map_table[addr_is_set(r->remote) ? NL_MAP_FORWARD_FROM :
						      NL_MAP_FORWARD_TO];
}

/* ---- elements ------------------------------------------------------ */

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
	case NL_MAP_CLIENT:
		return addr_to_ip4(r->client);
	case NL_MAP_REMOTE:
		return addr_to_ip4(r->remote);
	case NL_MAP_EXT_IP:
		return addr_to_ip4(env->ext);
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
		if (*part >= NL_MAP_CLIENT)
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
