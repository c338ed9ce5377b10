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
#include "natfw/nft_place.h"

/* A socket of nfnl_open() and the number of the last message sent by it. */
struct nl_sock {
	int fd;
	uint32_t seq;
	uint32_t rules;		/* how many there are: they take their time */
};

/**
 * nl_find - which foreign chains are there where rules of ours belong, or may
 * stand from the time before the configuration?
 * @env: NULL: as if nothing were configured
 *
 * Return: as nft_search_begin() or nfnl_dump()
 */
int nl_find(struct nl_sock *, const struct natfw_env *env,
	    struct nft_places *ret);

/* One look at what is there, over one or more dumps. Zeroed, and its places
 * set, by the owner. */
struct nl_look {
	const struct nft_places *places;
	/* our rules in them, by handle, as many as there is room for */
	uint64_t old[NFT_PLACES_MAX][NFT_OLD_MAX];
	size_t old_n[NFT_PLACES_MAX];
	bool set[NFT_PLACES_MAX];	/* our set stands in its table */
	struct backend_tally own;	/* our chains, sets, rules */
	struct backend_tally elements;	/* of all sets and maps listed */
	/* private: what the dump in hand is about */
	size_t p;
	uint64_t hash;
};

/** nl_look_own - take in our own table but its elements. Return: as
 * nfnl_dump(); a table that is not there is an empty one */
int nl_look_own(struct nl_sock *, struct nl_look *);

/** nl_look_places - take in our rules and sets in look->places. Return:
 * likewise; -ENOENT a chain went meanwhile. */
int nl_look_places(struct nl_sock *, struct nl_look *);

/** nl_look_elements - take in those of one map or set. Return: likewise,
 * -ENOENT: it is not there. */
int nl_look_elements(struct nl_sock *, struct nl_look *,
		     const struct nfnl_set *);

/** nl_hash_element - its hash, to be counted as the look counts it. @data: of
 * no length for a set */
uint64_t nl_hash_element(const struct nfnl_set *, const struct nfnl_value *key,
			 const struct nfnl_value *data);

/* ---- counters ------------------------------------------------------ */

/* An element of the set upnpd_accept: what was forwarded to a client's socket,
 * and from it, since there is a mapping to it or the firewall was last
 * repaired. */
struct nl_count {
	uint32_t client;	/* host order */
	uint16_t port;
	uint8_t proto;
	uint64_t packets, bytes;
};

typedef void (*nl_count_fn)(void *arg, const struct nl_count *);

/**
 * nl_counts - what the elements of our sets in foreign tables have counted.
 *
 * Of a socket that stands in several of them there are as many: each packet
 * passes all. Elements without a counter are not told.
 *
 * Return: as nfnl_dump(), and -ENOENT where there is no such set
 */
int nl_counts(struct nl_sock *, nl_count_fn, void *arg);

#endif
