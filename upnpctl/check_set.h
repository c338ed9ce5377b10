/* SPDX-License-Identifier: ISC */
/*
 * check_set.h - the sets and verdict maps that rules of nf_tables look up, as
 * they were when they were read. Runs in: upnpctl
 */
#ifndef UPNPCTL_CHECK_SET_H
#define UPNPCTL_CHECK_SET_H

#include <linux/netlink.h>
#include "natfw/nl_ruleset.h"

/* Elements of one set. No element of a longer set (perhaps a list of blocked
 * addresses) is stored; the set counts as unknown. */
#define CHECK_SET_ELEMS_MAX	4096
/* The longest name of a table or set, with a NUL (NFT_NAME_MAXLEN). */
#define CHECK_SET_NAME		256

/* The keys from lo to hi, in the order of memcmp(), padded with zeros. */
struct check_elem {
	uint8_t lo[NL_RULESET_BYTES], hi[NL_RULESET_BYTES];
	bool any;		/* matches any key that no other element has */
	bool end;		/* private: a range ends before lo */
	uint8_t verdict;	/* enum nl_ruleset_verdict */
	uint64_t target;	/* check_rules_key() of the verdict's chain */
};

struct check_set {
	uint8_t family;
	char table[CHECK_SET_NAME], name[CHECK_SET_NAME];
	uint32_t key_len;
	bool interval;
	bool complete;		/* all its elements were stored */
	bool ready;		/* private: the ranges have been made */
	size_t first, n;	/* in check_sets.elem */
};

/* Initialize as { 0 }. */
struct check_sets {
	struct check_set *set;
	size_t n, cap;
	struct check_elem *elem;
	size_t elem_n, elem_cap;
};

/** check_set_add - add a set without elements. Without memory for it, the set
 * stays unknown. */
void check_set_add(struct check_sets *, const struct nl_ruleset_set *);

/** check_set_elems - add the elements in a message to their set. All messages
 * of one set must come in a row. */
void check_set_elems(struct check_sets *, const struct nlmsghdr *);

/** check_set_find - find a set by its name. Return: NULL: it was not read, or
 * not completely */
const struct check_set *check_set_find(struct check_sets *, uint8_t family,
				       struct str table, struct str name);

/** check_set_first - the elements of a set, set->n of them; NULL if it has
 * none. Valid until the next element is added. */
const struct check_elem *check_set_first(const struct check_sets *,
					 const struct check_set *);

/** check_set_free - free the memory and set it to { 0 }. */
void check_set_free(struct check_sets *);

#endif
