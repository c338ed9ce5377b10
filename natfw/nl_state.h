/* SPDX-License-Identifier: ISC */
/*
 * nl_state.h - the state of the backend netlink (nl.c), its socket, and the sets
 * and elements that should exist.
 * Runs in: any
 */
#ifndef NATFW_NL_STATE_H
#define NATFW_NL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "natfw.h"
#include "natfw/nfnl.h"
#include "natfw/nl_list.h"
#include "natfw/nl_map.h"
#include "natfw/nl_place.h"

#define NL_STATE_KEPT	65536	/* a longer batch is given back */

/* The state behind natfw's own: one memory mapping, of which only the touched
 * pages take memory. */
struct nl {
	struct nl_place_tables tables;	/* with our sets, since the last sync */
	unsigned placed_no;		/* fw->places_no, when our rules were
					 * put there */
	unsigned pinholes;		/* a bit for each of their sets that
					 * exists: nl_map_pinhole() */
	unsigned from;			/* likewise, nl_map_from(), with its
					 * rule in our table */
	bool counts;			/* our table of IPv6 has the sets of
					 * pinholes as well */
	bool altered;			/* and somebody else changed it */
	struct backend_tally own, own6;	/* our tables right after the sync */
	struct nl_list_sock sock;
	size_t cap;			/* of room, in bytes */
	uint32_t room[];		/* the current batch */
};

/** nl_state_open - open the socket, unless it is open. Return: 0, -errno:
 * fw->why has the reason. Also if w->own is NULL: there was no memory */
int nl_state_open(struct natfw *, const struct natfw_writer *w);

void nl_state_close(struct nl *);

/** nl_state_dump_failed - close the socket after a listing that failed: its rest
 * may still be in the socket, and the next request must not read it as its
 * answer. Return: as nl_why_set() */
int nl_state_dump_failed(struct natfw *, struct nl *, int err);

void nl_state_begin(struct nl *, struct nfnl_batch *);
int nl_state_commit(struct nl *, struct nfnl_batch *);

/** nl_state_release - give the pages of a long batch back: a sync's has touched
 * megabytes. */
void nl_state_release(struct nl *, const struct nfnl_batch *);

/* ---- what should exist ---------------------------------------------- */

typedef void (*nl_state_set_fn)(void *arg, const struct nl_table *,
				const struct nl_map *);

/** nl_state_each_set - call @fn for each map and set that should exist: first
 * those of our tables, then ours in foreign tables. */
void nl_state_each_set(const struct natfw_writer *, nl_state_set_fn fn,
		       void *arg);

/* The elements that should exist. */
struct nl_state_elements {
	struct natfw *fw;
	const struct nat_rule *rule;	/* mappings; pinholes are fw's */
	size_t n;
	void (*fn)(void *arg, const struct nfnl_set *,
		   const struct nfnl_value *key,
		   const struct nfnl_value *value);
	void *arg;
};

/** nl_state_elements_of - call its fn for each of them in this set. @elements:
 * struct nl_state_elements; a nl_state_set_fn */
void nl_state_elements_of(void *elements, const struct nl_table *,
			  const struct nl_map *);

struct nfnl_set nl_state_set(const struct nl_table *, const struct nl_map *);

bool nl_state_same_table(const struct nl_table *, const struct nl_table *);

/* ---- what exists ---------------------------------------------------- */

/** nl_state_scan - read our tables, without their elements. @ret, @ret6: their
 * sums. Return: as nl_list_own() */
int nl_state_scan(struct nl *, struct nl_list_scan *ret,
		  struct nl_list_scan *ret6);

/** nl_state_record - record our tables as they are now, for verify to compare.
 * Return: 0 or -errno: fw->why has the reason */
int nl_state_record(struct natfw *, struct nl *);

/** nl_state_placed - do our rules stand where they should, as far as we know? */
bool nl_state_placed(const struct natfw *, const struct natfw_writer *);

/** nl_state_follow - as nl_state_placed(); if so, and the places were searched
 * again, take over their tables: a place without a pinhole has no rule of ours,
 * so that it may come and go without a sync. */
bool nl_state_follow(const struct natfw *, const struct natfw_writer *);

#endif
