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

/* Our own tables; RULESET_OWN_SET and RULESET_OWN_PINHOLES are our sets in
 * foreign ones. That of IPv6 only counts. */
extern const struct nl_table nl_map_own, nl_map_own6;
/* The set with counters, in our own table. */
#define NL_MAP_COUNT_SET "count"

/* The parts of a key or a value; the addresses are the last, those of IPv6
 * behind those of IPv4. */
enum nl_map_part {
	NL_MAP_END,
	NL_MAP_PROTO,
	NL_MAP_EXT_PORT, NL_MAP_INT_PORT, NL_MAP_REMOTE_PORT,
	NL_MAP_CLIENT, NL_MAP_REMOTE, NL_MAP_EXT_IP,
	NL_MAP_CLIENT6, NL_MAP_REMOTE6,
};

#define NL_MAP_PARTS_MAX 6	/* of a pinhole's five-tuple, and the end */

struct nl_map {
	const char *name;
	/* does this mapping of the table have an element in it? NULL: it is
	 * for pinholes, see nl_map_has() */
	bool (*has)(const struct natfw *, const struct nat_rule *);
	enum nl_map_part key[NL_MAP_PARTS_MAX];
	enum nl_map_part value[NL_MAP_PARTS_MAX];	/* none for a set */
};

enum {
	/* in our own table */
	NL_MAP_FORWARD_TO, NL_MAP_LEAVE_AS, NL_MAP_COUNT,
	NL_MAP_OWN_N,
	/* In our own table as well, each made when the first mapping needs it,
	 * so that other routers do not look up a map more for each new flow.
	 * The later one matches more closely: its rule stands before. */
	NL_MAP_FROM = NL_MAP_OWN_N,
	NL_MAP_FORWARD_FROM = NL_MAP_FROM, NL_MAP_FORWARD_FROM_PORT,
	NL_MAP_ACCEPT,		/* in foreign tables */
	/* The sets of pinholes, in foreign tables and, with counters, in
	 * nl_map_own6. Each has an exact key, so a lookup takes the same time
	 * however many elements there are. The index is NL_MAP_PINHOLE and
	 * NL_MAP_BY_*: what the pinholes in it do not leave open. */
	NL_MAP_PINHOLE,
	NL_MAP__MAX = NL_MAP_PINHOLE + 8,
};

enum { NL_MAP_BY_PORT = 1, NL_MAP_BY_HOST = 2, NL_MAP_BY_REMOTE_PORT = 4 };

#define NL_MAP_PINHOLES	(NL_MAP__MAX - NL_MAP_PINHOLE)
#define NL_MAP_FROMS	(NL_MAP_ACCEPT - NL_MAP_FROM)

extern const struct nl_map nl_map_table[NL_MAP__MAX];

/** nl_map_forward - the map that forwards packets to this rule's client. */
const struct nl_map *nl_map_forward(const struct nat_rule *);

/** nl_map_from - the map of a mapping for one remote host, as a bit: 1 is
 * NL_MAP_FROM. Return: 0 if it is for any */
unsigned nl_map_from(const struct nat_rule *);

/** nl_map_pinhole - the number of a pinhole's set, from 0 to NL_MAP_PINHOLES -
 * 1. */
unsigned nl_map_pinhole(const struct nat_rule *);

/** nl_map_has - does this rule of the table have an element in it? */
bool nl_map_has(const struct nl_map *, const struct natfw *,
		const struct nat_rule *);

/** nl_map_len - bytes of a key or a value of these parts. */
size_t nl_map_len(const enum nl_map_part *);

/** nl_map_read - read a key of a set of pinholes. Return: false if it has
 * another length */
bool nl_map_read(const struct nl_map *, struct str key, struct nat_rule *ret);

/** nl_map_key - the key of the rule's element. */
struct nfnl_value nl_map_key(const struct nl_map *, const struct natfw_env *,
			     const struct nat_rule *);

/** nl_map_value - the value of the rule's element; empty (n is 0) in a set. */
struct nfnl_value nl_map_value(const struct nl_map *, const struct natfw_env *,
			       const struct nat_rule *);

#endif
