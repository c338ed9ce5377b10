/* SPDX-License-Identifier: ISC */
/* upask.h - requests to the upstream: for one port, for its address. Part of
 * upstream.c. Runs in: engine */
#ifndef UPSTREAM_UPASK_H
#define UPSTREAM_UPASK_H

#include "upstream/upstream.h"

/* struct upstream.http */
enum upask_http { UPASK_IDLE, UPASK_DESCRIBE, UPASK_ADDRESS, UPASK_LEASE };

/** upask_alive - ask by @way whether the upstream is alive, for its epoch and
 * its address; by UPnP only whether it is there. */
void upask_alive(struct upstream *, enum upstream_way way);

/** upask_describe - ask for the description at u->described. HTTP is idle. */
void upask_describe(struct upstream *);

/** upask_address - ask by UPnP for the external address. HTTP is idle. */
void upask_address(struct upstream *);

/** upask_lease - ask for @l, or for its deletion; by UPnP HTTP is idle. */
void upask_lease(struct upstream *, const struct upstream_lease *l);

#endif
