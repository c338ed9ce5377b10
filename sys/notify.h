/* SPDX-License-Identifier: ISC */
/*
 * notify.h - tell whoever started us how we do: sd_notify(3) by hand.
 *
 * One datagram to the socket that NOTIFY_SOCKET names; without it nothing is
 * ever sent.
 */
#ifndef SYS_NOTIFY_H
#define SYS_NOTIFY_H

#include <sys/socket.h>
#include <sys/un.h>
#include "base/str.h"

struct notify {
	struct sockaddr_un to;
	socklen_t len;		/* of @to; 0: nobody listens */
};

/**
 * notify_open - read NOTIFY_SOCKET and take it out of the environment, so that
 * no child speaks in our name.
 * @ret: always set; on failure nobody listens
 *
 * A path from the root, or '@' and a name in the abstract space.
 *
 * Return: 0 (also without that variable), -EINVAL it is neither,
 * -ENAMETOOLONG
 * Source: sd_notify(3), "Notes"
 */
int notify_open(struct notify *ret);

/**
 * notify_send - send @text in one datagram: VARIABLE=VALUE lines, divided by
 * newlines.
 *
 * Waits NOTIFY_WAIT_MS at most for a listener that is behind.
 *
 * Return: 0 (also where nobody listens), or -errno (-EAGAIN: he is behind)
 */
int notify_send(const struct notify *, struct str text);

#endif
