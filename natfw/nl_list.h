/* SPDX-License-Identifier: ISC */
/*
 * nl_list.h - what stands in nf_tables, read out of the kernel's own dumps:
 * elements with their counters, our rules in foreign chains, and which foreign
 * chains filter what is forwarded.
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

/* A socket of nfnl_open() and the number of the last message sent by it. */
struct nl_list_sock {
	int fd;
	uint32_t seq;
	uint32_t rules;		/* how many there are: they take their time */
};

/**
 * nl_list_places - find the foreign chains in which our rules belong, or may
 * still stand from before a change of the configuration.
 * @env: NULL: as if nothing were configured
 *
 * Return: as nl_place_search_begin() or nfnl_dump()
 */
int nl_list_places(struct nl_list_sock *, const struct natfw_env *env,
		   struct nl_places *ret);

/* What one or more dumps found. The owner zeroes it and sets its places. */
struct nl_list_scan {
	const struct nl_places *places;
	/* our rules in them, by handle, as many as there is room for */
	uint64_t old[NL_PLACES_MAX][NL_PLACE_RULES_MAX];
	size_t old_n[NL_PLACES_MAX];
	bool set[NL_PLACES_MAX];	/* our set stands in its table */
	struct backend_tally own;	/* our chains, sets, rules */
	struct backend_tally elements;	/* of all sets and maps listed */
	/* private: what the dump in hand is about */
	size_t p;
	uint64_t hash;
};

/** nl_list_own - take in our own table but its elements. Return: as
 * nfnl_dump(); a table that is not there is an empty one */
int nl_list_own(struct nl_list_sock *, struct nl_list_scan *);

/** nl_list_foreign - take in our rules and sets in scan->places. Return:
 * likewise; -ENOENT a chain went meanwhile. */
int nl_list_foreign(struct nl_list_sock *, struct nl_list_scan *);

/** nl_list_elements - take in those of one map or set. Return: likewise,
 * -ENOENT: it is not there. */
int nl_list_elements(struct nl_list_sock *, struct nl_list_scan *,
		     const struct nfnl_set *);

/** nl_list_hash - its hash, to be counted as the scan counts it. @data: of
 * no length for a set */
uint64_t nl_list_hash(const struct nfnl_set *, const struct nfnl_value *key,
		      const struct nfnl_value *data);

/* ---- counters ------------------------------------------------------ */

/* An element of the set upnpd_accept: what was forwarded to a client's socket,
 * and from it, since there is a mapping to it or the firewall was last
 * repaired. */
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
 * Of a socket that stands in several of them there are as many: each packet
 * passes all. Elements without a counter are not told.
 *
 * Return: as nfnl_dump(), and -ENOENT where there is no such set
 */
int nl_list_counts(struct nl_list_sock *, nl_list_count_fn, void *arg);

#endif
