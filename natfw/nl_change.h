/* SPDX-License-Identifier: ISC */
/*
 * nl_change.h - what a batch of ops changes in the maps and sets, element by
 * element. Pure.
 */
#ifndef NATFW_NL_CHANGE_H
#define NATFW_NL_CHANGE_H

#include <stddef.h>
#include "natfw.h"
#include "natfw/nfnl.h"
#include "natfw/nl_map.h"
#include "natfw/nl_place.h"

/* One element that comes or goes: @rule's in @map, in the table of @at. Valid
 * during the call. */
struct nl_change {
	enum nfnl_verb verb;
	const struct nl_place *at;
	const struct nl_map *map;
	const struct nat_rule *rule;
};

typedef void (*nl_change_fn)(void *arg, const struct nl_change *);

/* No two ops of one key; a NAT_DEL has its rule in the table. */
struct nl_change_batch {
	const struct natfw *fw;		/* its table is as it was before */
	const struct nl_places *places;
	const struct nat_op *op;
	size_t n;
};

/**
 * nl_change_each - what op @i of the batch changes.
 *
 * To be asked for each op in order: elements that several ops share change
 * with the first of them.
 */
void nl_change_each(const struct nl_change_batch *, size_t i, nl_change_fn,
		    void *arg);

#endif
