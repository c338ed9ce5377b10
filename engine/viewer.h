/* SPDX-License-Identifier: ISC */
/*
 * viewer.h - the host that requests the status page, and which mappings are its
 * own. Pure except for map_ops.host. No packet is sent to look up the host.
 * Runs in: engine
 */
#ifndef ENGINE_VIEWER_H
#define ENGINE_VIEWER_H

#include "map/map.h"

struct viewer {
	struct addr addr;	/* from which it looks */
	struct addr link;	/* its link-layer address, or ADDR_NONE */
	struct addr last;	/* the address that was looked up last, */
	bool last_is;		/* and whether it is the viewer's */
	int ifindex;		/* the interface on which it asks */
};

/** viewer_init - look up the host. */
void viewer_init(struct viewer *, const struct map *, int ifindex,
		 struct addr);

/** viewer_is - is @a an address of the viewer's host, as far as the neighbour
 * table shows now? A host has one IPv4 address. */
bool viewer_is(struct viewer *, const struct map *, struct addr a);

/** viewer_owns - does the mapping lead to the viewer's host, or did that host
 * ask for it? */
bool viewer_owns(struct viewer *, const struct map *, const struct pm_entry *);

#endif
