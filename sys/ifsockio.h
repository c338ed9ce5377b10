/* SPDX-License-Identifier: ISC */
/*
 * ifsockio.h - the system calls of ifsock.c, for both families.
 *
 * All sockets are non-blocking and close-on-exec. A socket of IPv6 has nothing
 * to do with IPv4 (IPV6_V6ONLY).
 *
 * Runs in: engine
 */
#ifndef SYS_IFSOCKIO_H
#define SYS_IFSOCKIO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/addr.h"
#include "sys/netif.h"

/** ifsockio_listen - open a socket that listens at the address @at, on its
 * interface only. @port: 0: any free one. Return: the caller's, or -errno */
int ifsockio_listen(const struct netif_addr *at, uint16_t port, int backlog);

/** ifsockio_accept - accept one connection. @ret_zone: the interface of a peer
 * with a link-local address, else 0. Return: the caller's, or -errno */
int ifsockio_accept(int fd, struct addr *ret_peer, unsigned *ret_zone);

/**
 * ifsockio_dgram - open a socket that receives the datagrams for one address,
 * of the router or of a group, and shares its port with other programs.
 * @at: the address, and its interface if the address is link-local; the socket
 *      then receives on that interface only
 *
 * It receives only from groups that it joined itself. Return: the caller's, or
 * -errno
 */
int ifsockio_dgram(const struct netif_addr *at, uint16_t port);

/** ifsockio_sends_to_groups - let @fd send to groups: on the interface of @at,
 * from its address, with this TTL or hop limit, and to programs on this machine
 * too. Return: 0 or -errno */
int ifsockio_sends_to_groups(int fd, const struct netif_addr *at, int hops);

/** ifsockio_join - join a group on the interface of @at; it may have been
 * joined already. Return: 0 or -errno */
int ifsockio_join(int fd, struct addr group, const struct netif_addr *at);

/** ifsockio_leave - leave it. It fails if the interface was removed, because
 * the kernel has left the group then. */
void ifsockio_leave(int fd, struct addr group, const struct netif_addr *at);

/**
 * ifsockio_recv - receive one datagram by a socket of ifsockio_dgram().
 * @ret_peer, @ret_port, @ret_ifindex: its source and its arrival interface
 *
 * Return: its length; 0: it is empty, or longer than @size; -errno
 */
ssize_t ifsockio_recv(int fd, void *buf, size_t size, struct addr *ret_peer,
		      uint16_t *ret_port, int *ret_ifindex);

/** ifsockio_send - send one datagram from the address @at. A link-local
 * receiver is on the interface of @at. Return: 0 or -errno */
int ifsockio_send(int fd, const struct netif_addr *at, void *data, size_t n,
		  struct addr to, uint16_t port);

/** ifsockio_port - the port that @fd is bound to, in host order. */
uint16_t ifsockio_port(int fd);

#endif
