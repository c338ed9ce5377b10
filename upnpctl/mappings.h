/* SPDX-License-Identifier: ISC */
/* mappings.h - the table of mappings as the engine sent it. Runs in: upnpctl */
#ifndef UPNPCTL_MAPPINGS_H
#define UPNPCTL_MAPPINGS_H

#include "upnpctl/live.h"

/* A growing array: most routers have few mappings. */
struct mappings {
	struct ctl_mapping *v;
	size_t n, cap;
};

/** mappings_add - append one mapping. Return: 0 or -ENOMEM */
int mappings_add(struct mappings *, const struct ctl_mapping *);

/** mappings_fetch - read the table from the engine, in the engine's order.
 * @ret: free with mappings_free(), also after an error
 *
 * Return: exit status; errors are reported on stderr */
int mappings_fetch(const struct live *, struct mappings *ret);

/** mappings_free - free the memory and set it to { 0 }. */
void mappings_free(struct mappings *);

#endif
