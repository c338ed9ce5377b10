/* SPDX-License-Identifier: ISC */
/*
 * httplisten.h - the HTTP server's listening sockets, one an address.
 *
 * Accepts, and hands over connections from the address's own network; knows
 * nothing of what is said on them.
 */
#ifndef HTTP_HTTPLISTEN_H
#define HTTP_HTTPLISTEN_H

#include <stdbool.h>
#include "base/limits.h"
#include "base/loop.h"
#include "sys/netif.h"

struct httplisten_ops {
	/* a connection, non-blocking; @fd belongs to the callee */
	void (*accepted)(void *arg, int fd, uint32_t peer_ip,
			 uint32_t local_ip, uint16_t local_port);
	/* descriptors have run out: close one; false: none can be spared */
	bool (*pressed)(void *arg);
	/* this address is served no longer */
	void (*ended)(void *arg, uint32_t local_ip);
	void *arg;
};

struct httplistener {
	struct loop_fd io;	/* fd < 0: this place is free */
	struct httplisten *set;
	struct netif_addr at;	/* a peer outside this network is closed at
				 * once */
	unsigned full;		/* rounds that found all they asked for */
};

struct httplisten {
	struct loop *loop;
	struct httplisten_ops ops;
	struct loop_timer pause;
	uint16_t port;
	struct httplistener place[HTTP_LISTENERS_MAX];
};

/** httplisten_init - in the caller's memory, which stays where it is; nothing
 * listens yet. @ops is copied. */
void httplisten_init(struct httplisten *, struct loop *,
		     const struct httplisten_ops *ops);

/** httplisten_done - close all, calls nobody back. */
void httplisten_done(struct httplisten *);

/** httplisten_set - as httpd_listen(). */
int httplisten_set(struct httplisten *, const struct netif_addr *, size_t n,
		   uint16_t port);

/** httplisten_port - the port, 0 while nothing listens. */
uint16_t httplisten_port(const struct httplisten *);

#endif
