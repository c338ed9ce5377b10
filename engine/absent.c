/* SPDX-License-Identifier: ISC */
/*
 * absent.c - mappings without an end whose client has left the LAN.
 *
 * Owns: for how long the client of each slot has been silent; engine_kept's
 * list of silent clients.
 * Never does: remove a mapping. It ends the lease, and the core does the rest.
 * Runs in: engine
 */
#include <errno.h>
#include "base/mem.h"
#include "engine/absent.h"
#include "sys/neigh.h"
#include "sys/netif.h"

struct absent_seen {
	uint64_t seq;		/* of the mapping; a slot is used again */
	uint64_t silent_ms;	/* for how long */
	uint64_t looked_ms;	/* the last look, if it found silence; else 0 */
};

/* ---- for the next engine ------------------------------------------- */

static struct absent_kept *kept_of(const struct absent *a, struct addr client)
{
	for (size_t i = 0; i < ABSENT_KEPT_MAX; i++)
		if (addr_equal(a->kept->absent[i].client, client))
			return &a->kept->absent[i];
	return NULL;
}

/* Without a free place, the next engine counts the silence of the client from
 * 0. */
static void keep(const struct absent *a, struct addr client, uint64_t silent_ms)
{
	struct absent_kept *k = kept_of(a, client);

	if (!silent_ms) {
		if (k)
			*k = (struct absent_kept){ 0 };
		return;
	}
	if (!k)
		k = kept_of(a, (struct addr){ 0 });
	if (k)
		*k = (struct absent_kept){ client, true, silent_ms };
}

/* Forget a client that no look of this round has found: it has no mapping any
 * more. */
static void sweep_kept(const struct absent *a)
{
	struct absent_kept *k = a->kept->absent;

	for (; k < a->kept->absent + ABSENT_KEPT_MAX; k++) {
		if (!k->met)
			*k = (struct absent_kept){ 0 };
		k->met = false;
	}
}

/* ---- one client ---------------------------------------------------- */

static bool concerns(const struct pm_entry *e)
{
	return e && !e->expires_ms && !e->configured &&
	       e->origin != ORIGIN_OPERATOR;
}

/* Return: the interface of its link; 0: it is behind another router, or its
 * network is missing now */
static int link_of(const struct absent *a, const struct pm_entry *e)
{
	const struct policy *p = &a->map->policy;
	const struct netif_addr *net = policy_net_of(p, e->rule.client);

	if (!portmap_is_shown(e) || !net ||
	    !policy_on_link(p, net->ifindex, e->rule.client))
		return 0;
	return net->ifindex;
}

/* On a link that is down, the kernel asks and nobody can answer. */
static enum neigh_seen look(const struct absent *a, const struct pm_entry *e)
{
	const int ifindex = link_of(a, e);
	const enum neigh_seen is = ifindex ?
		neigh_seen(ifindex, e->rule.client) : NEIGH_UNKNOWN;

	return is == NEIGH_SILENT && !netif_is_running(ifindex) ?
	       NEIGH_UNKNOWN : is;
}

/* The client of a mapping from the lease file continues with the silence that
 * the last engine recorded. */
static void begin(const struct absent *a, struct absent_seen *s,
		  const struct pm_entry *e)
{
	const struct absent_kept *k = e->seq > a->restored ? NULL :
				      kept_of(a, e->rule.client);

	*s = (struct absent_seen){ .seq = e->seq };
	if (k)
		s->silent_ms = k->silent_ms;
}

/* Return: for how many seconds its client was absent; 0: the mapping stays */
static uint32_t judge(const struct absent *a, struct absent_seen *s,
		      const struct pm_entry *e, uint64_t now_ms)
{
	const enum neigh_seen is = look(a, e);
	uint64_t before_ms;

	if (s->seq != e->seq)
		begin(a, s, e);
	before_ms = s->looked_ms;
	s->looked_ms = is == NEIGH_SILENT ? now_ms : 0;
	if (is == NEIGH_THERE)
		s->silent_ms = 0;
	else if (s->looked_ms && before_ms)
		s->silent_ms += now_ms - before_ms;
	if (s->silent_ms || is == NEIGH_THERE)
		keep(a, e->rule.client, s->silent_ms);
	if (!s->looked_ms || !before_ms ||
	    s->silent_ms < a->timeout_s * UINT64_C(1000))
		return 0;
	return s->silent_ms / 1000 < UINT32_MAX ?
	       (uint32_t)(s->silent_ms / 1000) : UINT32_MAX;
}

/* ---- rounds -------------------------------------------------------- */

static uint64_t round_length_ms(const struct absent *a)
{
	const uint64_t quarter_ms = (uint64_t)a->timeout_s * 1000 / 4;

	return quarter_ms < ABSENT_ROUND_MS ? quarter_ms : ABSENT_ROUND_MS;
}

/* How long the kernel asks before the table is read */
static uint64_t ask_length_ms(const struct absent *a)
{
	const uint64_t half_ms = round_length_ms(a) / 2;

	return half_ms < ABSENT_ASK_MS ? half_ms : ABSENT_ASK_MS;
}

/* Return: true if the lease of the mapping was ended */
static bool visit(struct absent *a, uint16_t slot, const struct pm_entry *e,
		  uint64_t now_ms)
{
	const int ifindex = link_of(a, e);
	uint32_t absent_s;

	if (!a->looking) {
		if (ifindex)
			neigh_probe(ifindex, e->rule.client);
		return false;
	}
	absent_s = judge(a, &a->seen[slot], e, now_ms);
	if (absent_s)
		portmap_end(a->map->pm, slot, absent_s, now_ms);
	return absent_s;
}

/* One part of the round is over. Return: when the next one begins */
static uint64_t turn_over(struct absent *a)
{
	a->next = 0;
	a->looking = !a->looking;
	if (a->looking)
		return a->round_ms + ask_length_ms(a);
	sweep_kept(a);
	return a->round_ms + round_length_ms(a);
}

static void on_timer(struct loop_timer *t)
{
	struct absent *a = LOOP_OWNER(t, struct absent, timer);
	const uint64_t now_ms = loop_now_ms(a->loop);
	uint64_t wait_ms = ABSENT_TURN_MS, due_ms = 0;
	unsigned left = ABSENT_TURN, ended = 0;

	if (!a->next && !a->looking)
		a->round_ms = now_ms;
	for (; left && a->next < portmap_slots(a->map->pm); a->next++) {
		const struct pm_entry *e = portmap_entry(a->map->pm, a->next);

		if (concerns(e)) {
			left--;
			ended += visit(a, a->next, e, now_ms);
		} else if (a->seen[a->next].seq) {
			a->seen[a->next] = (struct absent_seen){ 0 };
		}
	}
	if (left)
		due_ms = turn_over(a);
	if (due_ms > now_ms + wait_ms)
		wait_ms = due_ms - now_ms;
	loop_timer_set(a->loop, t, wait_ms);
	if (ended)
		a->gone(a->arg);
}

int absent_open(struct absent *a, struct loop *loop)
{
	const struct portmap *pm = a->map->pm;

	a->loop = loop;
	a->timer.cb = on_timer;
	if (!a->timeout_s)
		return 0;
	a->seen = mem_reserve(portmap_slots(pm), sizeof(*a->seen));
	if (!a->seen)
		return -ENOMEM;
	for (uint16_t slot = 0; slot < portmap_slots(pm); slot++) {
		const struct pm_entry *e = portmap_entry(pm, slot);

		if (e && e->seq > a->restored)
			a->restored = e->seq;
	}
	loop_timer_set(loop, &a->timer, 0);
	return 0;
}

void absent_close(struct absent *a)
{
	if (a->seen)
		mem_free(a->seen, portmap_slots(a->map->pm),
			 sizeof(*a->seen));
	loop_timer_del(a->loop, &a->timer);
}
