/* SPDX-License-Identifier: ISC */
/*
 * ctlserver.h - the control socket: upnpctl's words, parsed without privilege.
 *
 * The monitor makes the socket (root's, mode 0600) and keeps it while engines
 * come and go; the engine accepts and serves. Only root is answered, and the
 * user the daemon was started by.
 * Runs in: engine
 */
#ifndef ENGINE_CTLSERVER_H
#define ENGINE_CTLSERVER_H

#include <sys/types.h>
#include "base/loop.h"
#include "ipc/ctlmsg.h"
#include "map/map.h"

struct ctlserver;

/* What the server asks of its owner. */
struct ctlserver_ops {
	void (*status)(void *arg, struct ctl_status *ret);
	/* verify the firewall; answered by ctlserver_verified() */
	void (*verify)(void *arg);
	void *arg;
};

/**
 * ctlserver_new - serve what connects to @fd (listening, kept by the caller).
 * @loop: needs room for CTL_CLIENTS_MAX + 1 descriptors
 * @owner: beside root's, this uid may talk
 * @map: with its table; borrowed
 * @ops: copied
 *
 * Return: owned by the caller (ctlserver_free()), NULL without memory
 */
struct ctlserver *ctlserver_new(struct loop *loop, int fd, uid_t owner,
		    struct map *map, const struct ctlserver_ops *ops);

/** ctlserver_free - hang up on everybody. NULL is fine. */
void ctlserver_free(struct ctlserver *);

/** ctlserver_stored, ctlserver_gone - news for those that monitor. NULL is
 * fine. */
void ctlserver_stored(struct ctlserver *, const struct pm_entry *);
void ctlserver_gone(struct ctlserver *, const struct nat_rule *);

/** ctlserver_verified - the monitor's answer to ops->verify(). */
void ctlserver_verified(struct ctlserver *, bool ok, bool repaired);

#endif
