/* SPDX-License-Identifier: ISC */
/*
 * waitlist.h - the lists in which requests wait.
 *
 * Runs in: engine
 */
#ifndef IGD_WAITLIST_H
#define IGD_WAITLIST_H

#include "igd/igd.h"

/** waitlist_add - @w becomes the last in the list. */
void waitlist_add(struct igd_wait **list, struct igd_wait *w);

/** waitlist_del - take @w out. Return: was it in the list? */
bool waitlist_del(struct igd_wait **list, const struct igd_wait *w);

/** waitlist_queue - let @w wait until the op on @slot is done. @owner: it is @w's
 * own op. Return: IGD_WAIT */
int waitlist_queue(struct igd *, struct igd_wait *w, uint16_t slot, bool owner);

#endif
