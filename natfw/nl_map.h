/* SPDX-License-Identifier: ISC */
/*
 * nl_map.h - the maps and sets that have elements of a mapping, and the key and
 * value of each element.
 * Runs in: monitor
 */
#ifndef NATFW_NL_MAP_H
#define NATFW_NL_MAP_H

#include <stdbool.h>
#include <linux/netfilter/nf_tables.h>
#include "base/str.h"
#include "natfw.h"
#include "natfw/nfnl.h"

/* A table of nf_tables. */
struct nl_table {
	const char *family;		/* "inet", as nft */
	char name[NFT_NAME_MAXLEN];
};

/* Our own table; RULESET_OWN_SET is our set in foreign ones. */
extern const struct nl_table nl_map_own;
/* The set with counters, in our own table. */
#define NL_MAP_COUNT_SET "count"

/* The parts of a key or a value; the addresses are the last. */
enum nl_map_part {
	NL_MAP_END,
	NL_MAP_PROTO,
	NL_MAP_EXT_PORT, NL_MAP_INT_PORT,
	NL_MAP_CLIENT, NL_MAP_REMOTE, NL_MAP_EXT_IP,
};

#define NL_MAP_PARTS_MAX 4	/* ipv4_addr . inet_proto . inet_service, end */

struct nl_map {
	const char *name;
	/* does this rule of the table have an element in it? */
	bool (*has)(const struct natfw *, const struct nat_rule *);
	enum nl_map_part key[NL_MAP_PARTS_MAX];
	enum nl_map_part value[NL_MAP_PARTS_MAX];	/* none for a set */
};

enum {
	/* in our own table */
	NL_MAP_FORWARD_TO, NL_MAP_FORWARD_FROM, NL_MAP_LEAVE_AS, NL_MAP_COUNT,
	NL_MAP_OWN_N,
	NL_MAP_ACCEPT = NL_MAP_OWN_N,	/* in foreign tables */
	NL_MAP__MAX,
};

extern const struct nl_map nl_map_table[NL_MAP__MAX];

/** nl_map_forward - the map that forwards packets to this rule's client. */
const struct nl_map *nl_map_forward(const struct nat_rule *);

/** nl_map_key - the key of the rule's element. */
struct nfnl_value nl_map_key(const struct nl_map *, const struct natfw_env *,
			     const struct nat_rule *);

/** nl_map_value - the value of the rule's element; empty (n is 0) in a set. */
struct nfnl_value nl_map_value(const struct nl_map *, const struct natfw_env *,
			       const struct nat_rule *);

#endif
