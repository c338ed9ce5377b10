/* SPDX-License-Identifier: ISC */
/*
 * check_set.h - the sets and verdict maps that rules of nf_tables look into,
 * as they are at this moment.
 */
#ifndef UPNPCTL_CHECK_SET_H
#define UPNPCTL_CHECK_SET_H

#include <linux/netlink.h>
#include "natfw/nl_ruleset.h"

/* Elements of one set; of a longer one, a list of blocked addresses perhaps,
 * none is kept, so that nothing is known of it. */
#define CHECK_SET_ELEMS_MAX	4096
/* The longest name of a table or set, with a NUL (NFT_NAME_MAXLEN). */
#define CHECK_SET_NAME		256

/* The keys from lo to hi, as memcmp() compares; zero behind them. */
struct check_elem {
	uint8_t lo[NL_RULESET_BYTES], hi[NL_RULESET_BYTES];
	bool any;		/* any key that no other element has */
	bool end;		/* private: a range ends before lo */
	uint8_t verdict;	/* enum nl_ruleset_verdict */
	uint64_t target;	/* check_rules_key() of its chain */
};

struct check_set {
	uint8_t family;
	char table[CHECK_SET_NAME], name[CHECK_SET_NAME];
	uint32_t key_len;
	bool interval;
	bool whole;		/* all its elements are known */
	bool ready;		/* private: ranges have been made of them */
	size_t first, n;	/* in check_sets.elem */
};

/* Begins as { 0 }. */
struct check_sets {
	struct check_set *set;
	size_t n, cap;
	struct check_elem *elem;
	size_t elem_n, elem_cap;
};

/** check_set_add - there is that set, without elements yet. What there is no
 * memory for is not known. */
void check_set_add(struct check_sets *, const struct nl_ruleset_set *);

/** check_set_elems - read a message with elements of any of the sets. The
 * messages about a set follow one another. */
void check_set_elems(struct check_sets *, const struct nlmsghdr *);

/** check_set_find - the set of that name, all of it. Return: NULL: it is not
 * known, or not all of it */
const struct check_set *check_set_find(struct check_sets *, uint8_t family,
				       struct str table, struct str name);

/** check_set_first - its elements, set->n of them; NULL if there are none. They
 * are valid until the next element is added. */
const struct check_elem *check_set_first(const struct check_sets *,
					 const struct check_set *);

void check_set_free(struct check_sets *);

#endif
