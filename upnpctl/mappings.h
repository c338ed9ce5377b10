/* SPDX-License-Identifier: ISC */
/*
 * mappings.h - the table of mappings as the engine tells it.
 */
#ifndef UPNPCTL_MAPPINGS_H
#define UPNPCTL_MAPPINGS_H

#include "upnpctl/live.h"

/* Grows as they come; a router with few of them shall not pay for many. */
struct mappings {
	struct ctl_mapping *v;
	size_t n, cap;
};

/** mappings_add - one more, at the end. 0 or -ENOMEM */
int mappings_add(struct mappings *, const struct ctl_mapping *);

/** mappings_fetch - all there are now, in the daemon's order.
 * @ret: mappings_free(), whatever came of it
 * Return: an exit status; what went wrong was told */
int mappings_fetch(const struct live *, struct mappings *ret);

/** mappings_free - empty it. */
void mappings_free(struct mappings *);

#endif
