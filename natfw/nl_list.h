/* SPDX-License-Identifier: ISC */
/*
 * nl_list.h - reads what is ours from the kernel's dumps of nf_tables: our
 * table, elements, and their counters.
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
#include "natfw/nl_map.h"

/* A socket of nfnl_open(), and the sequence number of its last message. */
struct nl_list_sock {
	int fd;
	uint32_t seq;
	uint32_t rules;		/* number of rules: extends the deadline */
};

/* The result of one or more dumps. The owner zeroes it. */
struct nl_list_scan {
	struct backend_tally own;	/* our chains, sets, rules */
	struct backend_tally elements;	/* of all sets and maps listed */
	/* private: the subject of the current dump */
	const struct nl_table *table;
	size_t kind;
	uint64_t hash;
};

/** nl_list_own - read one of our own tables except its elements. Return: as
 * nfnl_dump(): also after -EINTR all was read; a missing table is an empty
 * one */
int nl_list_own(struct nl_list_sock *, const struct nl_table *,
		struct nl_list_scan *);

/* What there is of our table of IPv6. */
struct nl_list_own6 {
	bool exists;
	bool strange;		/* it is dormant, or has a set that we do not
				 * make */
	uint8_t sets;		/* of pinholes: a bit for each, nl_map_pinhole() */
};

/** nl_list_own6 - read which sets it has. Return: as nl_list_own() */
int nl_list_own6(struct nl_list_sock *, struct nl_list_own6 *ret);

/** nl_list_pinholes - read the elements of a set of pinholes in it. @fn: gets
 * each, as a rule. Return: as nl_list_elements() */
int nl_list_pinholes(struct nl_list_sock *, const struct nl_map *,
		     void (*fn)(void *arg, const struct nat_rule *), void *arg);

/** nl_list_packets - read how many packets found the pinhole in our table of
 * IPv6. @ret: set only on success. Return: as nfnl_get(), or -EOPNOTSUPP: it has
 * no counter */
int nl_list_packets(struct nl_list_sock *, const struct nat_rule *,
		    uint64_t *ret);

/** nl_list_elements - read the elements of a map or set. Return: as
 * nfnl_dump(), -ENOENT: it is missing. */
int nl_list_elements(struct nl_list_sock *, struct nl_list_scan *,
		     const struct nfnl_set *);

/** nl_list_hash - hash an element as the scan does. @data: of length 0 for a
 * set */
uint64_t nl_list_hash(const struct nfnl_set *, const struct nfnl_value *key,
		      const struct nfnl_value *data);

/* ---- counters ------------------------------------------------------ */

/* An element of our set with counters: what was forwarded to and from a
 * client's socket since the first mapping to it, or since the last repair of
 * the firewall. */
struct nl_list_count {
	uint32_t client;	/* host order */
	uint16_t port;
	uint8_t proto;
	uint64_t packets, bytes;
};

typedef void (*nl_list_count_fn)(void *arg, const struct nl_list_count *);

/**
 * nl_list_counts - read the counters of our set's elements. Elements without a
 * counter are left out.
 * Return: as nfnl_dump(), and -ENOENT where there is no such set
 */
int nl_list_counts(struct nl_list_sock *, nl_list_count_fn, void *arg);

#endif
