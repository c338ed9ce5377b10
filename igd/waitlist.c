/* SPDX-License-Identifier: ISC */
/*
 * waitlist.c - the lists in which requests wait.
 *
 * Runs in: engine
 */
#include "igd/igd.h"
#include "igd/waitlist.h"

void waitlist_add(struct igd_wait **list, struct igd_wait *w)
{
	while (*list)
		list = &(*list)->next;
	w->next = NULL;
	*list = w;
}

bool waitlist_del(struct igd_wait **list, const struct igd_wait *w)
{
	for (; *list; list = &(*list)->next) {
		if (*list != w)
			continue;
		*list = w->next;
		return true;
	}
	return false;
}

int waitlist_queue(struct igd *igd, struct igd_wait *w, uint16_t slot, bool owner)
{
	w->slot = slot;
	w->owner = owner;
	waitlist_add(&igd->waiting, w);
	return IGD_WAIT;
}
