/* SPDX-License-Identifier: ISC */
/* extchoice.c - which external interface is the active one. Runs in: engine */
#include <string.h>
#include "base/log.h"
#include "engine/extchoice.h"

/* Return: an index, or -1: none of them is the active one */
static int index_of(const struct ifstate *r, const char *name)
{
	for (size_t i = 0; i < r->ext_n; i++)
		if (!strcmp(r->ext[i].name, name))
			return (int)i;
	return -1;
}

static void forget_moves(struct extchoice *c, uint64_t now_ms)
{
	const uint64_t n = (now_ms - c->at_ms) / EXTERNAL_MOVE_MS;

	c->moves = n < c->moves ? c->moves - (unsigned)n : 0;
	c->at_ms = c->moves ? c->at_ms + n * EXTERNAL_MOVE_MS : now_ms;
}

/* The first choice of an engine is no change, but is logged if there was one.
 */
static void move_to(struct extchoice *c, const struct ifstate *r, bool first)
{
	const struct ifstate_ext *e = &r->ext[r->active];

	if (r->ext_n > 1 && first)
		log_info("%s is the active external interface", e->name);
	else if (!first)
		log_info("%s is the active external interface now, instead of "
			 "%s", e->name, c->name);
	c->moves += !first && c->moves < EXTERNAL_MOVES;
	memcpy(c->name, e->name, sizeof(c->name));
	c->waits = false;
}

uint64_t extchoice_make(struct extchoice *c, struct ifstate *r,
			enum conf_selection by, bool stay, uint64_t now_ms)
{
	const int was = index_of(r, c->name);
	const size_t now = was < 0 ? 0 : (size_t)was;
	const size_t better = ifstate_select(r, by, now);

	forget_moves(c, now_ms);
	r->active = now;
	if (was >= 0 && (better == now || stay)) {
		c->waits = false;
		return UINT64_MAX;
	}
	if (was >= 0 && ifstate_is_usable(&r->ext[now]) &&
	    c->moves == EXTERNAL_MOVES) {
		if (!c->waits)
			log_warn("%s would be the active external interface, "
				 "but %u changes are enough for now: %s stays "
				 "for at most %u s", r->ext[better].name,
				 EXTERNAL_MOVES, c->name,
				 EXTERNAL_MOVE_MS / 1000);
		c->waits = true;
		return c->at_ms + EXTERNAL_MOVE_MS;
	}
	r->active = better;
	move_to(c, r, was < 0);
	return UINT64_MAX;
}
