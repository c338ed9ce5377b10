/* SPDX-License-Identifier: ISC */
/*
 * nl_change.h - the elements of maps and sets that a batch of ops changes.
 * Pure.
 * Runs in: monitor
 */
#ifndef NATFW_NL_CHANGE_H
#define NATFW_NL_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include "natfw.h"
#include "natfw/nfnl.h"
#include "natfw/nl_map.h"
#include "natfw/nl_place.h"

/* An element to add or delete: @rule's in @map, in the table @at. Valid during
 * the call. */
struct nl_change {
	enum nfnl_verb verb;
	const struct nl_table *at;
	const struct nl_map *map;
	const struct nat_rule *rule;
};

typedef void (*nl_change_fn)(void *arg, const struct nl_change *);

/* Keys are unique; the rule of a NAT_DEL is in the table. */
struct nl_change_batch {
	const struct natfw *fw;		/* its table is that before the batch */
	bool own, own6;			/* our own tables are in use */
	unsigned sets;			/* of pinholes that exist */
	const struct nl_place_tables *tables;	/* the others */
	const struct nat_op *op;
	size_t n;
};

/**
 * nl_change_each - call the function for each element that op @i changes.
 *
 * Call it for each op, in order: an element that several ops share changes with
 * the first of them.
 */
void nl_change_each(const struct nl_change_batch *, size_t i, nl_change_fn,
		    void *arg);

#endif
