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

struct expiry {
	struct pm_entry *entry;	/* the table's */
	uint16_t *heap;		/* room for every slot; the caller's */
	uint16_t n;
};

/**
 * expiry_put - @slot is due at its entry's expires_ms, or, where that is 0,
 * never.
 *
 * For one that is new here, and for one whose time has changed.
 */
void expiry_put(struct expiry *, uint16_t slot);

/** expiry_drop - @slot is not to be waited for; harmless where it is not. */
void expiry_drop(struct expiry *, uint16_t slot);

/** expiry_first - the slot that is due first, of several at once the one that
 * was made first; PM_NONE when none is waited for. */
uint16_t expiry_first(const struct expiry *);

#endif
