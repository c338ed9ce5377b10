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
#include "base/addr.h"
#include "base/limits.h"

/* The IPv4 hosts of four /24, or of one /22, have a counter of their own each.
 * IPv6 hosts share one by chance: they choose half of their address at random
 * (RFC 8981). */
#define CLIENTCOUNT_PLACES 1024

/* At most 65535 items in all. All zero: no client has any. */
struct clientcount {
	uint16_t n[CLIENTCOUNT_PLACES];
};

_Static_assert(PM_MAPPINGS_LIMIT + PM_SPARE_SLOTS <= UINT16_MAX,
	       "one counter holds all mappings");

/* The last bits differ most among the hosts of a network, and among the
 * interfaces of one maker. */
static inline unsigned clientcount_place(struct addr a)
{
	const bool link = a.family == ADDR_LINK;
	const uint8_t *end = a.byte + (link ? 6 : addr_bits(a) / 8);

	return link || addr_is_set(a) ? (end[-2] << 8 | end[-1]) % CLIENTCOUNT_PLACES :
				0;
}

/** clientcount_get - return at least the number of the client's items. */
static inline uint16_t clientcount_get(const struct clientcount *c,
				       struct addr client)
{
	return c->n[clientcount_place(client)];
}

/** clientcount_add - count one more item of the client. */
static inline void clientcount_add(struct clientcount *c,
				   struct addr client)
{
	c->n[clientcount_place(client)]++;
}

/** clientcount_sub - count one item fewer; the client must have one. */
static inline void clientcount_sub(struct clientcount *c,
				   struct addr client)
{
	c->n[clientcount_place(client)]--;
}

#endif
