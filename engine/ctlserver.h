/* SPDX-License-Identifier: ISC */
/*
 * ctlserver.h - the control socket: upnpctl's words, parsed without privilege.
 *
 * The monitor makes the socket (root's, mode 0600) and keeps it while engines
 * come and go; the engine accepts and serves. Only root is answered, and the
 * user the daemon was started by.
 */
#ifndef ENGINE_CTLSERVER_H
#define ENGINE_CTLSERVER_H

#include <sys/types.h>
#include "base/loop.h"
#include "ipc/ctlmsg.h"
#include "igd/igd.h"

/**
 * ctl_listen - make the socket at @path.
 *
 * One that nobody serves any more is replaced; anything else at @path, or one
 * that answers, is left alone (-EADDRINUSE). The name is the caller's to take
 * away in the end.
 *
 * Return: the descriptor, non-blocking; -ENAMETOOLONG, other -errno
 */
int ctl_listen(const char *path);

/**
 * ctl_mend - the engine that had the socket has ended: put right what it may
 * have done to it, if it was in wrong hands.
 *
 * Return: false: it is spoilt for good, make another one
 */
bool ctl_mend(int fd);

struct ctl;

/* What the server asks of its owner. */
struct ctl_ops {
	void (*status)(void *arg, struct ctl_status *ret);
	/* verify the firewall; answered by ctl_verified() */
	void (*verify)(void *arg);
	void *arg;
};

/**
 * ctl_new - serve what connects to @fd (listening, kept by the caller).
 * @loop: needs room for CTL_CLIENTS_MAX + 1 descriptors
 * @owner: beside root's, this uid may talk
 * @igd: with its table; borrowed
 * @ops: copied
 *
 * Return: owned by the caller (ctl_free()), NULL without memory
 */
struct ctl *ctl_new(struct ev_loop *loop, int fd, uid_t owner,
		    struct igd *igd, const struct ctl_ops *ops);

/** ctl_free - hang up on everybody. NULL is fine. */
void ctl_free(struct ctl *);

/** ctl_stored, ctl_gone - news for those that monitor. NULL is fine. */
void ctl_stored(struct ctl *, const struct pm_entry *);
void ctl_gone(struct ctl *, const struct nat_rule *);

/** ctl_verified - the monitor's answer to ops->verify(). */
void ctl_verified(struct ctl *, bool ok, bool repaired);

#endif
