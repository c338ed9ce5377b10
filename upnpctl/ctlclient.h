/* SPDX-License-Identifier: ISC */
/*
 * ctlclient.h - upnpctl's end of the control socket: one request, its records.
 *
 * The engine speaks to the network and may be somebody else's by now, so every
 * record is checked before anybody sees it: size, version, kind, ranges, the
 * NUL of every text. It can neither hang upnpctl nor lead it astray.
 */
#ifndef UPNPCTL_CTLCLIENT_H
#define UPNPCTL_CTLCLIENT_H

#include <stdint.h>
#include "ipc/ctlmsg.h"

#define CTLCLIENT_FOREVER UINT64_MAX
#define CTLCLIENT_KIND(k) (1u << (k))

struct ctlclient {
	int fd;			/* -1: not connected */
	uint64_t deadline_ms;	/* CLOCK_MONOTONIC, or CTLCLIENT_FOREVER */
};

/**
 * ctlclient_open - connect to @path and send @req, whose version is filled in.
 * @deadline_ms: for this and for the records that follow
 *
 * Return: 0, or -ENOENT and -ECONNREFUSED (nobody serves it), -EACCES,
 * -ENAMETOOLONG, -ETIMEDOUT, other -errno; nothing is open then
 */
int ctlclient_open(struct ctlclient *, const char *path,
		   const struct ctl_req *req, uint64_t deadline_ms);

/**
 * ctlclient_next - the next record.
 * @kinds: those that may come now, CTLCLIENT_KIND() each
 * @ret: set only on success; of CTL_REMOVED nothing but the rule, the rest 0
 *
 * Return: 0, or -ECONNRESET (hung up), -ETIMEDOUT, -EPROTONOSUPPORT (another
 * version), -EPROTO (no record that may come), other -errno
 */
int ctlclient_next(struct ctlclient *, unsigned kinds, struct ctl_rep *ret);

/** ctlclient_close - closed already: does nothing. */
void ctlclient_close(struct ctlclient *);

/**
 * ctlclient_ask - a whole exchange, CTLCLIENT_WAIT_MS at most.
 * @kinds: the records to come before CTL_END
 * @take: is given each of them; what it returns other than 0 ends it. NULL:
 *        they are passed over
 * @ret_end: set only on success, which says nothing about its err
 *
 * An engine that dies before it has said anything is followed by another one,
 * which is asked again; every request comes to the same when it is made twice.
 * Return: 0, as ctlclient_open() and ctlclient_next(), or @take's
 */
int ctlclient_ask(const char *path, const struct ctl_req *req, unsigned kinds,
		  int (*take)(void *arg, const struct ctl_rep *), void *arg,
		  struct ctl_end *ret_end);

#endif
