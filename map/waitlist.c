/* SPDX-License-Identifier: ISC */
/* waitlist.c - the lists in which requests for mappings wait.
 * Runs in: engine */
#include "map/waitlist.h"

void waitlist_add(struct map_wait **list, struct map_wait *w)
{
	while (*list)
		list = &(*list)->next;
	w->next = NULL;
	*list = w;
}

bool waitlist_del(struct map_wait **list, const struct map_wait *w)
{
	for (; *list; list = &(*list)->next) {
		if (*list != w)
			continue;
		*list = w->next;
		return true;
	}
	return false;
}

void waitlist_queue(struct map *m, struct map_wait *w, uint16_t slot,
		    bool owner)
{
	w->slot = slot;
	w->owner = owner;
	waitlist_add(&m->waiting, w);
}

/* A request for a range has no kind: it waits for port mappings. */
static bool waits_for(const struct map_wait *w, enum nat_kind kind,
		      uint16_t slot)
{
	return w->slot == slot && (w->req.mapping.rule.kind == NAT_PINHOLE) ==
				  (kind == NAT_PINHOLE);
}

struct map_wait *waitlist_wake(struct map *m, enum nat_kind kind,
			       uint16_t slot)
{
	struct map_wait **at = &m->waiting, *w, *owner = NULL;

	while ((w = *at)) {
		if (!waits_for(w, kind, slot)) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		if (w->owner)
			owner = w;
		else
			waitlist_add(&m->ready, w);
	}
	return owner;
}

const struct map_wait *waitlist_owner(const struct map *m, enum nat_kind kind,
				      uint16_t slot)
{
	const struct map_wait *w = m->waiting;

	while (w && !(w->owner && waits_for(w, kind, slot)))
		w = w->next;
	return w;
}
