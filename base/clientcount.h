/* SPDX-License-Identifier: ISC */
/*
 * clientcount.h - how many things each client has, in a table of fixed size.
 *
 * Clients whose addresses have the same place share a counter: it may say too
 * much, never too little. So only a counter that says "full" makes its owner
 * look through the things themselves, which would cost too much each time.
 *
 * Runs in: any
 */
#ifndef BASE_CLIENTCOUNT_H
#define BASE_CLIENTCOUNT_H

#include <stdint.h>
#include "base/limits.h"

/* The hosts of four /24, or of one /22, have a counter each. */
#define CLIENTCOUNT_PLACES 1024

/* At most 65535 things in all. Zeroed: nobody has anything. */
struct clientcount {
	uint16_t n[CLIENTCOUNT_PLACES];
};

_Static_assert(PM_MAPPINGS_LIMIT + PM_SPARE_SLOTS <= UINT16_MAX,
	       "one counter holds all mappings");

/** clientcount_get - at least as many as the client at @ip has. */
static inline uint16_t clientcount_get(const struct clientcount *c, uint32_t ip)
{
	return c->n[ip % CLIENTCOUNT_PLACES];
}

/** clientcount_add - the client at @ip has one more. */
static inline void clientcount_add(struct clientcount *c, uint32_t ip)
{
	c->n[ip % CLIENTCOUNT_PLACES]++;
}

/** clientcount_sub - the client at @ip, which had one, has one less. */
static inline void clientcount_sub(struct clientcount *c, uint32_t ip)
{
	c->n[ip % CLIENTCOUNT_PLACES]--;
}

#endif
