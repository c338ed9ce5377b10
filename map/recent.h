/* SPDX-License-Identifier: ISC */
/*
 * recent.h - the latest refusals, from which the status page shows a host why
 * its programs got no port. A plain struct, which the next engine takes over;
 * nothing in it is used as an index or a size. Pure.
 * Runs in: engine
 */
#ifndef MAP_RECENT_H
#define MAP_RECENT_H

#include "base/limits.h"
#include "map/refusal.h"

struct recent_refusal {
	uint64_t at_ms;		/* the last time, CLOCK_MONOTONIC; 0: a free
				 * place */
	struct addr share;	/* the host, addr_share() */
	struct addr client;	/* the address from which it asked */
	struct nat_rule rule;	/* the mapping; kind 0: not about a mapping */
	uint32_t times;		/* how often the same was refused */
	uint32_t line;		/* of the configuration that decided, or 0 */
	uint8_t why;		/* enum refusal */
	uint8_t origin;		/* enum origin */
};

struct recent {
	struct recent_refusal at[RECENT_MAX];	/* in no order */
};

/**
 * recent_add - remember a refusal of a client's request.
 * @share: what the client is counted by
 * @now_ms: above 0
 *
 * The same refusal of the same host is counted, not repeated. A host has
 * RECENT_PER_HOST places at most, so that one does not push out the others.
 * Refusals that are not about a mapping or the link, and those of the operator,
 * are ignored: a web page can cause any number of them.
 */
void recent_add(struct recent *, const struct refused *, struct addr share,
		uint64_t now_ms);

/** recent_before - the newest one that is older than @r; NULL: the newest of
 * all. Return: NULL if there is none */
const struct recent_refusal *recent_before(const struct recent *,
					   const struct recent_refusal *r);

#endif
