/* SPDX-License-Identifier: ISC */
/*
 * expiry.h - the expiry heap: it finds the mapping that ends next.
 *
 * It is part of the mapping table; only portmap.c and pmtable.c call it.
 * Runs in: engine
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

/** expiry_ms - when the mapping ends, by its lease or its suspension;
 * UINT64_MAX: never. In the state EXPIRING: when its removal is retried. */
uint64_t expiry_ms(const struct pm_entry *);

/**
 * expiry_put - enter @slot by its entry's expiry_ms(), or remove it if
 * that is never.
 *
 * For a new slot, and for one whose time has changed.
 */
void expiry_put(struct expiry *, uint16_t slot);

/** expiry_drop - remove @slot; does nothing if it is not in the heap. */
void expiry_drop(struct expiry *, uint16_t slot);

/** expiry_first - the slot whose mapping ends first; if several end at the same
 * time, the oldest; PM_NONE if the heap is empty. */
uint16_t expiry_first(const struct expiry *);

#endif
