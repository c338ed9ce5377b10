/* SPDX-License-Identifier: ISC */
/*
 * ifsock.h - the sockets of one service on the internal interfaces: one for
 * each address of either family, and those of multicast groups.
 *
 * Every address of an internal interface is served: a second network on the
 * same wire, and the virtual address that routers share (VRRP, CARP). A peer is
 * accepted only if its packet arrived on the interface of the address, from a
 * source address in a network of that interface, or, by unicast, in a network
 * behind another router there (netif_addr.routed). That is decided here, before
 * the service reads a byte.
 *
 * Runs in: engine
 */
#ifndef SYS_IFSOCK_H
#define SYS_IFSOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/limits.h"
#include "base/loop.h"
#include "sys/netif.h"

/* Groups that a service joins: one of IPv4, one for each scope of IPv6. */
#define IFSOCK_JOINS_MAX	4

struct ifsock_set;

/* The socket of one address. */
struct ifsock {
	struct loop_fd io;	/* fd -1: not open */
	struct ifsock_set *set;
	struct netif_addr at;	/* of a group's socket: the group, without a
				 * name, and its interface if the scope of the
				 * group is the link, else 0 */
};

struct ifsock_config {
	int type;		/* SOCK_STREAM: listens. SOCK_DGRAM: reports
				 * the arrival interface */
	int backlog;		/* SOCK_STREAM only */
	/* SOCK_DGRAM only: the multicast groups to join on each interface that
	 * has an address of the same family, @group_n of them. For each family
	 * none or one has a wider scope than the link (ifsock_sender()). */
	struct addr group[IFSOCK_JOINS_MAX];
	size_t group_n;
	/* of what is sent to groups, joined or not, IPv4 and IPv6; 0: nothing
	 * is sent to one */
	int ttl, hop_limit;

	/* @s is readable: call ifsock_accept() or ifsock_recv() */
	void (*ready)(void *arg, struct ifsock *s);
	/* @s has just been opened; NULL: not called */
	void (*opened)(void *arg, struct ifsock *s);
	/* @s is about to be closed and can still send; NULL: not called */
	void (*closing)(void *arg, struct ifsock *s);
	/* a connection or a unicast datagram arrived on a served interface from
	 * a peer that is in none of the networks; it was dropped. NULL: not
	 * called */
	void (*outside)(void *arg, struct addr peer);
	void *arg;
};

struct ifsock_set {
	struct loop *loop;
	struct ifsock_config config;
	uint16_t port;
	struct ifsock group[IFSOCK_GROUPS_MAX];
	struct ifsock sock[IFSOCKS_MAX];
	struct netif_addr routed[CONF_NETWORKS_ALL];
	size_t routed_n;
};

/** ifsock_init - initialize a set without sockets.
 * @set: the caller's memory, which must not move. @config is copied; the loop
 * is borrowed and needs room for IFSOCKS_MAX descriptors, and for
 * IFSOCK_GROUPS_MAX more if there are groups. */
void ifsock_init(struct ifsock_set *set, struct loop *,
		 const struct ifsock_config *config);

/**
 * ifsock_serve - open a socket on each of these addresses, and close all
 * others. Also serve the peers of the networks in the list that are behind
 * other routers.
 * @port: 0 (SOCK_STREAM only): the port in use, else any free port; the same
 *        for all addresses
 *
 * A socket whose interface and address are in the list stays open and takes
 * over the new length of the network. The others are closed first. A group is
 * joined once on each interface. Call it again to retry an address that failed.
 *
 * Return: 0, or -errno of the first failure (the other addresses are served):
 * -ENOSPC more than IFSOCKS_MAX addresses, -EADDRINUSE, -EADDRNOTAVAIL
 */
int ifsock_serve(struct ifsock_set *, const struct netif_addr *at, size_t n,
		 uint16_t port);

/** ifsock_close - close every socket; closing() is called for each. */
void ifsock_close(struct ifsock_set *);

/** ifsock_port - the port in use, in host order; 0 while nothing is open. */
uint16_t ifsock_port(const struct ifsock_set *);

/** ifsock_first - the first address of the family and interface of @s, an open
 * socket that is no group's: global ones come before unique local ones, then
 * temporary and deprecated ones, then link-local ones. */
const struct ifsock *ifsock_first(const struct ifsock *s);

/**
 * ifsock_for_urls - the socket whose address belongs into a URL that the peers
 * of @s read; @s is open and no group's.
 *
 * It is @s itself. If its address is link-local, it is ifsock_first(): a
 * link-local address in a URL needs a zone, which only the peer knows, and most
 * programs cannot add it.
 */
const struct ifsock *ifsock_for_urls(const struct ifsock *s);

/** ifsock_index - the place of @s in its set, below IFSOCKS_MAX; not for the
 * group's socket. */
size_t ifsock_index(const struct ifsock *s);

/** ifsock_is_wanted - does the socket @s stay if @at is served next? */
bool ifsock_is_wanted(const struct ifsock *s, const struct netif_addr *at,
		      size_t n);

/**
 * ifsock_accept - accept one connection, of a peer that is served here.
 * @ret_peer: set only on success
 *
 * Return: the connection, non-blocking and close-on-exec, owned by the caller;
 * -EACCES a connection from another network was closed, other -errno of
 * accept(2), -EAGAIN if none waits
 */
int ifsock_accept(struct ifsock *, struct addr *ret_peer);

/**
 * ifsock_recv - receive one datagram, of a peer that is served here.
 * @ret_peer, @ret_port: its source, set only on success
 * @ret_local: the socket to answer from, set only on success. By unicast: the
 *             address that was asked. By multicast: the address of the arrival
 *             interface in the network of the peer; for an IPv6 peer behind
 *             another router: the ifsock_first().
 *
 * Return: its length; 0: a datagram was dropped because it is empty, longer
 * than @size, or its source is in no network that its arrival interface serves;
 * -errno
 */
ssize_t ifsock_recv(struct ifsock *, void *buf, size_t size,
		    struct addr *ret_peer, uint16_t *ret_port,
		    struct ifsock **ret_local);

/**
 * ifsock_sender - open one more socket that sends from the addresses of the
 * family of @from, an open socket, and from its port. It receives nothing.
 *
 * A datagram waits in the buffer of its socket until the hardware address of
 * its receiver is known, at most a few seconds. The datagrams of other sockets
 * do not wait for it.
 *
 * Return: owned by the caller, who closes it; -errno
 */
int ifsock_sender(const struct ifsock *from);

/** ifsock_send - send one datagram from the address of @from, by a socket of
 * ifsock_sender() for its set and family. A link-local receiver is on the
 * interface of @from. Return: 0 or -errno */
int ifsock_send(int sender, const struct ifsock *from, void *data, size_t n,
		struct addr to, uint16_t port);

/** ifsock_has_unsent - does a datagram of @sender still wait in the kernel? */
bool ifsock_has_unsent(int sender);

#endif
