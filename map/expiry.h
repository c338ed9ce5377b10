/* SPDX-License-Identifier: ISC */
/*
 * expiry.h - which lease ends next: a heap of the mapping table's slots.
 *
 * The table's own part, in a file of its own: nobody but portmap.c calls it.
 */
#ifndef MAP_EXPIRY_H
#define MAP_EXPIRY_H

#include <stdint.h>
#include "map/portmap.h"

struct due {
	struct pm_entry *entry;	/* the table's */
	uint16_t *heap;		/* room for every slot; the caller's */
	uint16_t n;
};

/**
 * due_put - @slot is due at its entry's expires_ms, or, where that is 0, never.
 *
 * For one that is new here, and for one whose time has changed.
 */
void due_put(struct due *, uint16_t slot);

/** due_drop - @slot is not to be waited for; harmless where it is not. */
void due_drop(struct due *, uint16_t slot);

/** due_first - the slot that is due first, of several at once the one that was
 * made first; PM_NONE when none is waited for. */
uint16_t due_first(const struct due *);

#endif
