/* SPDX-License-Identifier: ISC */
/*
 * httplisten.h - the HTTP server's listening sockets, one for each address.
 *
 * Accepts connections from the networks of the address's interface, and passes
 * them to the owner. Does not read from them.
 *
 * Runs in: engine
 */
#ifndef HTTP_HTTPLISTEN_H
#define HTTP_HTTPLISTEN_H

#include <stdbool.h>
#include "base/limits.h"
#include "base/loop.h"
#include "http/httpends.h"
#include "sys/ifsock.h"

struct httplisten_ops {
	/* a new connection, non-blocking; the callee owns @fd */
	void (*accepted)(void *arg, int fd, const struct httpends *);
	/* descriptors have run out: close one; false: none can be closed */
	bool (*pressed)(void *arg);
	/* a connection from outside the networks was closed; may be NULL */
	void (*outside)(void *arg, struct addr peer);
	/* this address of this interface is no longer served */
	void (*ended)(void *arg, struct addr local, int ifindex);
	void *arg;
};

struct httplisten {
	struct loop *loop;
	struct httplisten_ops ops;
	struct loop_timer pause;
	struct ifsock_set set;
	/* of each socket: consecutive rounds that accepted all they may */
	unsigned full[IFSOCKS_MAX];
};

/** httplisten_init - initialize without sockets. @h: the caller's memory, which
 * must not move. @ops is copied. */
void httplisten_init(struct httplisten *h, struct loop *,
		     const struct httplisten_ops *ops);

/** httplisten_done - close all sockets, without a callback. */
void httplisten_done(struct httplisten *);

/** httplisten_set - as httpd_listen(). */
int httplisten_set(struct httplisten *, const struct netif_addr *, size_t n,
		   uint16_t port);

/** httplisten_port - the port in host order, 0 while nothing listens. */
uint16_t httplisten_port(const struct httplisten *);

#endif
