/* SPDX-License-Identifier: ISC */
/*
 * absent.c - mappings and pinholes without an end whose client has left the LAN.
 *
 * Owns: when the client of each slot was seen last.
 * Never does: remove a mapping. It ends the lease, and the core does the rest.
 * Runs in: engine
 */
#include <errno.h>
#include "base/mem.h"
#include "engine/absent.h"
#include "sys/neigh.h"

struct absent_seen {
	uint64_t seq;		/* of the mapping; a slot is used again */
	uint64_t seen_ms;	/* or when it was looked at first; 0: it was
				 * not */
	bool due;		/* it was silent after its time already */
};

static uint64_t round_length_ms(const struct absent *a)
{
	const uint64_t quarter_ms = (uint64_t)a->timeout_s * 1000 / 4;

	return quarter_ms < ABSENT_ROUND_MS ? quarter_ms : ABSENT_ROUND_MS;
}

static bool concerns(const struct pm_entry *e)
{
	return e && portmap_is_shown(e) && !e->expires_ms && !e->configured &&
	       e->origin != ORIGIN_OPERATOR;
}

/* Look the client up, and let the kernel ask for it until the next round. */
static enum neigh_seen look(const struct absent *a, struct addr client)
{
	const struct policy *p = &a->map->policy;
	const struct netif_addr *net = policy_net_of(p, client);
	enum neigh_seen ret;

	if (!net || !policy_on_link(p, net->ifindex, client))
		return NEIGH_UNKNOWN;
	ret = neigh_seen(net->ifindex, client);
	neigh_probe(net->ifindex, client);
	return ret;
}

/* Return: true if its client is absent */
static bool judge(const struct absent *a, struct absent_seen *s,
		  const struct pm_entry *e, uint64_t now_ms)
{
	const enum neigh_seen is = look(a, e->rule.client);
	const bool late = now_ms - s->seen_ms >= a->timeout_s * UINT64_C(1000);

	if (is == NEIGH_THERE || s->seq != e->seq || !s->seen_ms)
		*s = (struct absent_seen){ e->seq, now_ms, false };
	else if (is == NEIGH_SILENT && late && s->due)
		return true;
	else if (is == NEIGH_SILENT && late)
		s->due = true;
	return false;
}

/* The table and the slot of place @n of a round; NULL: the round is over. */
static struct portmap *place(const struct absent *a, uint32_t n,
			     uint16_t *ret_slot)
{
	struct portmap *pm = NULL;

	while ((pm = map_next_table(a->map, pm))) {
		if (n < portmap_slots(pm))
			break;
		n -= portmap_slots(pm);
	}
	*ret_slot = (uint16_t)n;
	return pm;
}

static void on_timer(struct loop_timer *t)
{
	struct absent *a = LOOP_OWNER(t, struct absent, timer);
	const uint64_t now_ms = loop_now_ms(a->loop);
	uint64_t wait_ms = ABSENT_TURN_MS;
	unsigned left = ABSENT_TURN, ended = 0;
	struct portmap *pm;
	uint16_t slot;

	if (!a->next)
		a->round_ms = now_ms;
	for (; (pm = place(a, a->next, &slot)) && left; a->next++) {
		const struct pm_entry *e = portmap_entry(pm, slot);

		if (!concerns(e))
			continue;
		left--;
		if (!judge(a, &a->seen[e->rule.kind][slot], e, now_ms))
			continue;
		portmap_end(pm, slot, now_ms);
		ended++;
	}
	if (!pm) {
		const uint64_t due_ms = a->round_ms + round_length_ms(a);

		a->next = 0;
		if (due_ms > now_ms + wait_ms)
			wait_ms = due_ms - now_ms;
	}
	loop_timer_set(a->loop, t, wait_ms);
	if (ended)
		a->gone(a->arg);
}

int absent_open(struct absent *a, struct loop *loop)
{
	a->loop = loop;
	a->timer.cb = on_timer;
	if (!a->timeout_s)
		return 0;
	for (int kind = NAT_PORTMAP; kind < NAT_KINDS; kind++) {
		const struct portmap *pm = map_table(a->map,
						     (enum nat_kind)kind);

		if (!pm)
			continue;
		a->seen[kind] = mem_reserve(portmap_slots(pm),
					    sizeof(*a->seen[kind]));
		if (!a->seen[kind])
			return -ENOMEM;
	}
	loop_timer_set(loop, &a->timer, 0);
	return 0;
}

void absent_close(struct absent *a)
{
	for (int kind = NAT_PORTMAP; kind < NAT_KINDS; kind++)
		if (a->seen[kind])
			mem_free(a->seen[kind],
				 portmap_slots(map_table(a->map,
							 (enum nat_kind)kind)),
				 sizeof(*a->seen[kind]));
	loop_timer_del(a->loop, &a->timer);
}
