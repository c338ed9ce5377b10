/* SPDX-License-Identifier: ISC */
/*
 * nl_list.h - reads nf_tables from the kernel's dumps: elements with their
 * counters, our rules in foreign chains, and the foreign chains that filter
 * forwarded packets.
 * Runs in: any
 */
#ifndef NATFW_NL_LIST_H
#define NATFW_NL_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "natfw.h"
#include "natfw/backend.h"
#include "natfw/nfnl.h"
#include "natfw/nl_place.h"

/* A socket of nfnl_open(), and the sequence number of its last message. */
struct nl_list_sock {
	int fd;
	uint32_t seq;
	uint32_t rules;		/* number of rules: extends the deadline */
};

/**
 * nl_list_places - find the foreign chains in which our rules belong, or may
 * still be from before a change of the configuration.
 * @env: NULL: nothing is configured
 * Return: as nl_place_search_begin() or nfnl_dump()
 */
int nl_list_places(struct nl_list_sock *, const struct natfw_env *env,
		   struct nl_places *ret);

/* The result of one or more dumps. The owner zeroes it and sets its places. */
struct nl_list_scan {
	const struct nl_places *places;
	/* handles of our rules in them, as many as fit */
	uint64_t old[NL_PLACES_MAX][NL_PLACE_RULES_MAX];
	size_t old_n[NL_PLACES_MAX];
	bool set[NL_PLACES_MAX];	/* our set is in its table */
	struct backend_tally own;	/* our chains, sets, rules */
	struct backend_tally elements;	/* of all sets and maps listed */
	/* private: the subject of the current dump */
	size_t p;
	uint64_t hash;
};

/** nl_list_own - read our own table except its elements. Return: as
 * nfnl_dump(); a missing table is an empty one */
int nl_list_own(struct nl_list_sock *, struct nl_list_scan *);

/** nl_list_foreign - read our rules and sets in scan->places. Return: as
 * nfnl_dump(); -ENOENT a chain was deleted meanwhile. */
int nl_list_foreign(struct nl_list_sock *, struct nl_list_scan *);

/** nl_list_elements - read the elements of a map or set. Return: as
 * nfnl_dump(), -ENOENT: it is missing. */
int nl_list_elements(struct nl_list_sock *, struct nl_list_scan *,
		     const struct nfnl_set *);

/** nl_list_hash - hash an element as the scan does. @data: of length 0 for a
 * set */
uint64_t nl_list_hash(const struct nfnl_set *, const struct nfnl_value *key,
		      const struct nfnl_value *data);

/* ---- counters ------------------------------------------------------ */

/* An element of the set upnpd_accept: what was forwarded to and from a client's
 * socket since the first mapping to it, or since the last repair of the
 * firewall. */
struct nl_list_count {
	uint32_t client;	/* host order */
	uint16_t port;
	uint8_t proto;
	uint64_t packets, bytes;
};

typedef void (*nl_list_count_fn)(void *arg, const struct nl_list_count *);

/**
 * nl_list_counts - read the counters of our sets' elements in foreign tables.
 *
 * A socket in several tables is reported once: only the first table is read,
 * because each packet passes all. Elements without a counter are left out.
 * Return: as nfnl_dump(), and -ENOENT where there is no such set
 */
int nl_list_counts(struct nl_list_sock *, nl_list_count_fn, void *arg);

#endif
