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

/** mappings_fetch_if_any - as mappings_fetch(), but not an error if no engine
 * runs.
 * @ret_err: set if the status is CMD_OK: 0, or the -errno of live_request()
 *           that means that no engine runs (livemap_is_absent()) */
int mappings_fetch_if_any(const struct live *, struct mappings *ret,
			  int *ret_err);

/** mappings_free - free the memory and set it to { 0 }. */
void mappings_free(struct mappings *);

#endif
