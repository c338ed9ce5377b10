/* SPDX-License-Identifier: ISC */
/* bucket.c - token buckets. */
#include "base/bucket.h"

/* What a second gives in thousandths a second, it gives in whole tokens in a
 * millisecond of thousandths: no rounding. */
static uint32_t used_now(const struct buckets *bs, const struct bucket *b,
			 uint64_t now_ms)
{
	uint64_t gone_ms = now_ms > b->at_ms ? now_ms - b->at_ms : 0;

	if (!bs->per_s)
		return b->used_milli;
	if (gone_ms > b->used_milli / bs->per_s)
		return 0;
	return b->used_milli - (uint32_t)gone_ms * bs->per_s;
}

static struct bucket *find(struct buckets *bs, uint32_t ip, uint64_t now_ms)
{
	struct bucket *best = bs->at;
	uint32_t least = UINT32_MAX, used;

	for (struct bucket *b = bs->at; b < bs->at + BUCKETS_MAX; b++) {
		used = used_now(bs, b, now_ms);
		if (b->ip == ip && used)
			return b;
		if (used < least) {
			least = used;
			best = b;
		}
	}
	/* what was used there stays: sources that take each other's places have
	 * no more together than those places give */
	best->ip = ip;
	return best;
}

bool bucket_take(struct buckets *bs, uint32_t ip, uint32_t n, uint64_t now_ms)
{
	struct bucket *b = find(bs, ip, now_ms);
	uint32_t used = used_now(bs, b, now_ms);

	if (n > bs->burst || used > (bs->burst - n) * 1000u)
		return false;
	b->used_milli = used + n * 1000u;
	b->at_ms = now_ms;
	return true;
}
