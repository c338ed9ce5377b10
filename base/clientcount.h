/* SPDX-License-Identifier: ISC */
/*
 * clientcount.h - counts the items of each client, in a table of fixed size.
 *
 * Clients whose addresses fall on the same counter share it, so a counter may
 * be too high but never too low. If a counter reaches its limit, the owner
 * counts the items themselves, which would be too slow to do each time.
 * Runs in: any
 */
#ifndef BASE_CLIENTCOUNT_H
#define BASE_CLIENTCOUNT_H

#include <stdint.h>
#include "base/limits.h"

/* The hosts of four /24, or of one /22, have a counter of their own each. */
#define CLIENTCOUNT_PLACES 1024

/* At most 65535 items in all. All zero: no client has any. */
struct clientcount {
	uint16_t n[CLIENTCOUNT_PLACES];
};

_Static_assert(PM_MAPPINGS_LIMIT + PM_SPARE_SLOTS <= UINT16_MAX,
	       "one counter holds all mappings");

/** clientcount_get - return at least the number of the client's items. */
static inline uint16_t clientcount_get(const struct clientcount *c, uint32_t ip)
{
	return c->n[ip % CLIENTCOUNT_PLACES];
}

/** clientcount_add - count one more item of the client. */
static inline void clientcount_add(struct clientcount *c, uint32_t ip)
{
	c->n[ip % CLIENTCOUNT_PLACES]++;
}

/** clientcount_sub - count one item less; the client must have one. */
static inline void clientcount_sub(struct clientcount *c, uint32_t ip)
{
	c->n[ip % CLIENTCOUNT_PLACES]--;
}

#endif
