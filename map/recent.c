/* SPDX-License-Identifier: ISC */
/* recent.c - the latest refusals. Runs in: engine */
#include "map/recent.h"

static bool is_same(const struct recent_refusal *r, const struct refused *now,
		    struct addr share)
{
	return r->at_ms && r->why == now->why && r->origin == now->origin &&
	       addr_equal(r->share, share) &&
	       nat_rule_equal(&r->rule, &now->rule);
}

/* The place for a new one: a free one, else the oldest; the oldest of the same
 * host if it has its share. */
static struct recent_refusal *place_for(struct recent *r, struct addr share)
{
	struct recent_refusal *oldest = &r->at[0], *own = NULL, *at;
	unsigned held = 0;

	for (size_t i = 0; i < RECENT_MAX; i++) {
		at = &r->at[i];
		if (at->at_ms < oldest->at_ms)
			oldest = at;
		if (!at->at_ms || !addr_equal(at->share, share))
			continue;
		held++;
		if (!own || at->at_ms < own->at_ms)
			own = at;
	}
	return held < RECENT_PER_HOST ? oldest : own;
}

void recent_add(struct recent *r, const struct refused *now, struct addr share,
		uint64_t now_ms)
{
	struct recent_refusal *at = NULL;

	if (now->origin == ORIGIN_OPERATOR ||
	    (!now->rule.kind && now->why != REFUSAL_LINK))
		return;
	for (size_t i = 0; i < RECENT_MAX && !at; i++)
		if (is_same(&r->at[i], now, share))
			at = &r->at[i];
	if (!at) {
		at = place_for(r, share);
		at->times = 0;
	}
	*at = (struct recent_refusal){
		.at_ms = now_ms, .share = share, .client = now->client,
		.rule = now->rule, .times = at->times, .line = now->line,
		.why = (uint8_t)now->why, .origin = (uint8_t)now->origin,
	};
	if (at->times < UINT32_MAX)
		at->times++;
}

/* Those of the same millisecond are in the order of their places. */
static bool is_older(const struct recent_refusal *a,
		     const struct recent_refusal *b)
{
	return a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a < b);
}

const struct recent_refusal *recent_before(const struct recent *all,
					   const struct recent_refusal *r)
{
	const struct recent_refusal *best = NULL, *at;

	for (size_t i = 0; i < RECENT_MAX; i++) {
		at = &all->at[i];
		if (at->at_ms && (!r || is_older(at, r)) &&
		    (!best || is_older(best, at)))
			best = at;
	}
	return best;
}
