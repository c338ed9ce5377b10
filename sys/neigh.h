/* SPDX-License-Identifier: ISC */
/*
 * neigh.h - the kernel's neighbour table: which link-layer address an address on
 * a link has. By ARP for IPv4, by Neighbor Discovery (RFC 4861) for IPv6.
 *
 * It uses rtnetlink, which needs no privilege.
 * Runs in: any
 */
#ifndef SYS_NEIGH_H
#define SYS_NEIGH_H

#include <stdbool.h>
#include "base/addr.h"

struct nlmsghdr;

/**
 * neigh_find - look up the neighbour @a of the interface @ifindex.
 * @ret: ADDR_LINK, set only for 0
 *
 * An entry counts if the neighbour has answered, however long ago, or if the
 * administrator has made it. One that is being resolved (INCOMPLETE), could not
 * be resolved (FAILED) or has no link-layer address (NOARP) does not count.
 *
 * Return: 0; -ENOENT (there is no entry that counts), other -errno
 */
int neigh_find(int ifindex, struct addr a, struct addr *ret);

/* What the table shows of an address. */
enum neigh_seen {
	NEIGH_UNKNOWN,		/* nothing, or it needs no resolution */
	NEIGH_SILENT,		/* it was asked, and has not answered */
	NEIGH_THERE,		/* an entry that counts: see neigh_find() */
};

/** neigh_seen - what the table shows of @a on @ifindex. */
enum neigh_seen neigh_seen(int ifindex, struct addr a);

/**
 * neigh_probe - let the kernel resolve @a on @ifindex.
 *
 * Sends an empty UDP datagram to the port discard, for which the kernel has to
 * resolve the address. Does not wait. An error is not reported: neigh_find()
 * finds nothing then.
 */
void neigh_probe(int ifindex, struct addr a);

/** neigh_open - open a netlink socket that receives changes of the neighbour
 * table. Non-blocking, close-on-exec. Return: the descriptor, or -errno */
int neigh_open(void);

/** neigh_drain - read the messages that wait in neigh_open()'s socket, at most
 * as many as fit into a turn. */
void neigh_drain(int fd);

/** neigh_parse - the pure part of neigh_find(): is this message of a dump an
 * entry of @a on @ifindex that counts? @ret: set only on success */
bool neigh_parse(const struct nlmsghdr *h, int ifindex, struct addr a,
		 struct addr *ret);

#endif
