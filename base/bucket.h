/* SPDX-License-Identifier: ISC */
/*
 * bucket.h - limits the rate at which each source may do something: token
 * buckets, one for each source, in a table of fixed size. Pure.
 * Runs in: any
 */
#ifndef BASE_BUCKET_H
#define BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"

#define BUCKETS_MAX 64	/* sources at a time; a home has fewer busy ones */

/* The tokens that a source has used. All zero: a full bucket. */
struct bucket {
	struct addr source;
	uint32_t used_milli;	/* thousandths of a token */
	uint64_t at_ms;		/* time of used_milli */
};

struct buckets {
	uint32_t burst;		/* tokens of a full bucket; set by the owner,
				 * up to BUCKET_TOKENS_MAX */
	uint32_t per_s;		/* refill, tokens per second; likewise */
	struct bucket at[BUCKETS_MAX];	/* zeroed at the start */
};

#define BUCKET_TOKENS_MAX 1000000

/**
 * bucket_take - take @n tokens from the bucket of a source.
 *
 * A new source replaces the one that has used the fewest tokens, and inherits
 * its bucket. So a flood from many addresses, which may be forged, gets no more
 * than BUCKETS_MAX buckets give.
 * Return: false if the bucket has fewer than @n; then none is taken
 */
bool bucket_take(struct buckets *, struct addr source, uint32_t n,
		 uint64_t now_ms);

/** bucket_has - would bucket_take() succeed? Takes no token. */
bool bucket_has(struct buckets *, struct addr source, uint32_t n,
		uint64_t now_ms);

#endif
