/* SPDX-License-Identifier: ISC */
/* bucket.c - token buckets. Runs in: any */
#include "base/bucket.h"

/* per_s tokens per second equal per_s milli-tokens per millisecond, so the
 * refill needs no division. */
static uint32_t used_now(const struct buckets *bs, const struct bucket *b,
			 uint64_t now_ms)
{
	uint64_t since_ms = now_ms > b->at_ms ? now_ms - b->at_ms : 0;

	if (!bs->per_s)
		return b->used_milli;
	if (since_ms > b->used_milli / bs->per_s)
		return 0;
	return b->used_milli - (uint32_t)since_ms * bs->per_s;
}

static struct bucket *find(struct buckets *bs, struct addr source,
			   uint64_t now_ms)
{
	struct bucket *best = bs->at;
	uint32_t least = UINT32_MAX, used;

	for (struct bucket *b = bs->at; b < bs->at + BUCKETS_MAX; b++) {
		used = b->used_milli ? used_now(bs, b, now_ms) : 0;
		if (used && addr_equal(b->source, source))
			return b;
		if (used < least) {
			least = used;
			best = b;
		}
	}
	/* Keep its used tokens, so that sources that replace each other in the
	 * table get no more together than its buckets give. */
	best->source = source;
	return best;
}

static bool has(const struct buckets *bs, const struct bucket *b, uint32_t n,
		uint64_t now_ms)
{
	return n <= bs->burst &&
	       used_now(bs, b, now_ms) <= (bs->burst - n) * 1000u;
}

bool bucket_has(struct buckets *bs, struct addr source, uint32_t n,
		uint64_t now_ms)
{
	return has(bs, find(bs, source, now_ms), n, now_ms);
}

bool bucket_take(struct buckets *bs, struct addr source, uint32_t n,
		 uint64_t now_ms)
{
	struct bucket *b = find(bs, source, now_ms);

	if (!has(bs, b, n, now_ms))
		return false;
	b->used_milli = used_now(bs, b, now_ms) + n * 1000u;
	b->at_ms = now_ms;
	return true;
}
