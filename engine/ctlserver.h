/* SPDX-License-Identifier: ISC */
/*
 * ctlserver.h - the control socket: serves upnpctl without privilege.
 *
 * The monitor creates the socket (root's, mode 0600) and keeps it when an
 * engine is replaced. The engine accepts and serves. It answers only root and
 * the user who started the daemon.
 * Runs in: engine
 */
#ifndef ENGINE_CTLSERVER_H
#define ENGINE_CTLSERVER_H

#include <sys/types.h>
#include "base/loop.h"
#include "ipc/ctlmsg.h"
#include "map/map.h"
#include "map/recent.h"

struct ctlserver;

/* What the server needs from its owner. */
struct ctlserver_ops {
	void (*status)(void *arg, struct ctl_status *ret);
	/* verify the firewall; answered by ctlserver_verified() */
	void (*verify)(void *arg);
	void *arg;
	const struct recent *recent;	/* borrowed; not trusted, see
					 * ipc/engine_kept.h */
};

/**
 * ctlserver_new - serve the connections to @fd, a listening socket, which stays
 * the caller's.
 * @loop: needs room for CTL_CLIENTS_MAX + 1 descriptors
 * @owner: the uid that is served besides root's
 * @map: with its table; borrowed
 * @ops: copied
 *
 * Return: owned by the caller (ctlserver_free()), NULL without memory
 */
struct ctlserver *ctlserver_new(struct loop *loop, int fd, uid_t owner,
		    struct map *map, const struct ctlserver_ops *ops);

/** ctlserver_free - close all connections; NULL is allowed. */
void ctlserver_free(struct ctlserver *);

/** ctlserver_stored, ctlserver_gone - report a change to the connections that
 * monitor; NULL is allowed. */
void ctlserver_stored(struct ctlserver *, const struct pm_entry *);
void ctlserver_gone(struct ctlserver *, const struct nat_rule *);

/** ctlserver_verified - handle the monitor's answer to ops->verify(). */
void ctlserver_verified(struct ctlserver *, bool ok, bool repaired);

#endif
