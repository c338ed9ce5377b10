/* SPDX-License-Identifier: ISC */
/*
 * ctlclient.h - upnpctl's end of the control socket: send one request, read its
 * records.
 *
 * The engine serves the network and may have been taken over, so every record
 * is checked before it is used: size, version, kind, ranges, the NUL of every
 * text. The engine cannot make upnpctl hang or use invalid data.
 * Runs in: upnpctl
 */
#ifndef UPNPCTL_CTLCLIENT_H
#define UPNPCTL_CTLCLIENT_H

#include <stdint.h>
#include "ipc/ctlmsg.h"

#define CTLCLIENT_FOREVER UINT64_MAX
#define CTLCLIENT_KIND(k) (1u << (k))
/* The most mappings and pinholes that an engine may have. */
#define CTLCLIENT_MAPPINGS_MAX (PM_MAPPINGS_LIMIT + PM_PINHOLES_LIMIT)

struct ctlclient {
	int fd;			/* -1: not connected */
	uint64_t deadline_ms;	/* CLOCK_MONOTONIC, or CTLCLIENT_FOREVER */
};

/**
 * ctlclient_open - connect to @path and send @req with the version filled in.
 * @deadline_ms: for this call and for the records that follow
 *
 * Return: 0; -ENOENT or -ECONNREFUSED (no daemon listens), -EACCES,
 * -ENAMETOOLONG, -ETIMEDOUT, other -errno. After an error nothing is open.
 */
int ctlclient_open(struct ctlclient *, const char *path,
		   const struct ctl_req *req, uint64_t deadline_ms);

/**
 * ctlclient_next - read the next record.
 * @kinds: the kinds that are valid now, CTLCLIENT_KIND() or-ed
 * @ret: set only on success; for CTL_REMOVED only the rule, the rest is 0
 *
 * Return: 0, or -ECONNRESET (the engine closed the connection), -ETIMEDOUT,
 * -EPROTONOSUPPORT (another version), -EPROTO (invalid record), other -errno
 */
int ctlclient_next(struct ctlclient *, unsigned kinds, struct ctl_rep *ret);

/** ctlclient_close - close the connection; does nothing if it is closed. */
void ctlclient_close(struct ctlclient *);

/**
 * ctlclient_request - send a request and read its records, for at most
 * CTLCLIENT_WAIT_MS.
 * @kinds: the kinds of record that are valid before CTL_END
 * @handle: called with each record before CTL_END; a return value other than 0
 *        ends the exchange. NULL: the records are ignored
 * @ret_end: set only on success; the request may have failed (its err)
 *
 * If the engine dies before it has sent a record, the request is sent again to
 * the next engine. That is safe because every request is idempotent.
 *
 * Return: 0, as ctlclient_open() and ctlclient_next(), or the value of @handle
 */
int ctlclient_request(const char *path, const struct ctl_req *req,
		      unsigned kinds,
		      int (*handle)(void *arg, const struct ctl_rep *),
		      void *arg, struct ctl_end *ret_end);

#endif
