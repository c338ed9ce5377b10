/* SPDX-License-Identifier: ISC */
/*
 * notify.h - reports the daemon's state to the service manager: sd_notify(3)
 * without its library.
 *
 * Sends datagrams to the socket that NOTIFY_SOCKET names; without that variable
 * nothing is ever sent.
 * Runs in: monitor
 */
#ifndef SYS_NOTIFY_H
#define SYS_NOTIFY_H

#include <sys/socket.h>
#include <sys/un.h>
#include "base/str.h"

struct notify {
	struct sockaddr_un to;
	socklen_t len;		/* of @to; 0: there is no manager */
};

/**
 * notify_open - read NOTIFY_SOCKET and remove it from the environment, so that
 * no child can send in our name.
 * @ret: always set; after a failure notify_send() sends nothing
 *
 * The value is an absolute path, or '@' and an abstract name.
 * Return: 0 (also without that variable), -EINVAL it is neither,
 * -ENAMETOOLONG
 * Source: sd_notify(3), "Notes"
 */
int notify_open(struct notify *ret);

/**
 * notify_send - send @text in one datagram: VARIABLE=VALUE lines, separated by
 * newlines.
 *
 * Waits NOTIFY_WAIT_MS at most if the manager's queue is full.
 * Return: 0 (also without a manager), or -errno (-EAGAIN: the queue is full)
 */
int notify_send(const struct notify *, struct str text);

#endif
