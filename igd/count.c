/* SPDX-License-Identifier: ISC */
/*
 * count.c - requests that wait for the number of packets that a pinhole has let
 * in.
 *
 * Owns: igd.count_waits. Invariant: outside of count_done(), if any wait, an
 * answer is to come. It is for the first of them, unless the one that it was for
 * has disconnected (count_lost).
 * Runs in: engine
 */
#include "igd/count.h"
#include "igd/upnp_err.h"

static void ask_first(struct igd *igd)
{
	igd->count_busy = igd->ops->packets(igd->ops_arg,
					    &igd->count_waits->counted);
}

int count_ask(struct igd *igd, struct igd_wait *w)
{
	struct igd_wait **at = &igd->count_waits;

	if (!igd->ops->packets)
		return UPNP_ACTION_FAILED;
	while (*at)
		at = &(*at)->count_next;
	w->count_next = NULL;
	*at = w;
	if (!igd->count_busy)
		ask_first(igd);
	if (igd->count_busy)
		return IGD_WAIT;
	*at = NULL;
	return UPNP_ACTION_FAILED;
}

static void answer(struct igd_wait *w, enum nat_err err, uint64_t packets)
{
	if (err != NAT_OK)
		w->done(w, UPNP_ACTION_FAILED, 0);
	else if (!w->working)	/* a ui4 */
		w->done(w, UPNP_OK, (uint32_t)packets);
	else
		w->done(w, packets ? UPNP_OK : WANIP6_NO_TRAFFIC, 1);
}

/* done() may ask, and cancel. */
void count_done(struct igd *igd, enum nat_err err, uint64_t packets)
{
	struct igd_wait *w = igd->count_lost ? NULL : igd->count_waits;

	if (w)
		igd->count_waits = w->count_next;
	igd->count_busy = igd->count_lost = false;
	if (w)
		answer(w, err, packets);
	while (igd->count_waits && !igd->count_busy) {
		ask_first(igd);
		if (igd->count_busy)
			break;
		w = igd->count_waits;
		igd->count_waits = w->count_next;
		answer(w, NAT_EFAIL, 0);
	}
}

bool count_cancel(struct igd *igd, const struct igd_wait *w)
{
	struct igd_wait **at = &igd->count_waits;

	while (*at && *at != w)
		at = &(*at)->count_next;
	if (!*at)
		return false;
	if (at == &igd->count_waits && igd->count_busy)
		igd->count_lost = true;
	*at = w->count_next;
	return true;
}
