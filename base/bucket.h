/* SPDX-License-Identifier: ISC */
/*
 * bucket.h - how often may one source do a thing? Token buckets, one a source,
 * in a table of fixed size. Pure.
 */
#ifndef BASE_BUCKET_H
#define BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#define BUCKETS_MAX 64	/* sources at a time; more than are busy in a home */

/* What a source has used up and not been given back; none: it may begin. */
struct bucket {
	uint32_t ip;
	uint32_t used_milli;	/* thousandths of a token */
	uint64_t at_ms;		/* when that was so */
};

struct buckets {
	uint32_t burst;		/* tokens of a source that was quiet; set by
				 * the owner, up to BUCKET_TOKENS_MAX */
	uint32_t per_s;		/* tokens given back each second, likewise */
	struct bucket at[BUCKETS_MAX];	/* zeroed at the start */
};

#define BUCKET_TOKENS_MAX 1000000

/**
 * bucket_take - take @n tokens from the source's bucket.
 * @ip: of the source
 *
 * A source that is new takes the place of the one that has used least, and has
 * what that left: who floods from many addresses, borrowed ones perhaps, gets
 * no more than BUCKETS_MAX buckets give.
 *
 * Return: false when there are not so many: then none is taken
 */
bool bucket_take(struct buckets *, uint32_t ip, uint32_t n, uint64_t now_ms);

#endif
