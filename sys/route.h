/* SPDX-License-Identifier: ISC */
/*
 * route.h - saves the IPv4 routes over an interface while it is down, and looks
 * routes up.
 *
 * Linux deletes the routes when the interface goes down, and restores only
 * those that follow from its addresses.
 *
 * Runs in: any
 */
#ifndef SYS_ROUTE_H
#define SYS_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"

struct nlmsghdr;

/* A WAN link has a default route and a few more, of about 64 bytes each;
 * this is room for 60. */
#define ROUTE_SET_BYTES 4096

/* All zero: no routes. */
struct route_set {
	/* RTM_NEWROUTE requests one after another, as they will be sent */
	uint32_t words[ROUTE_SET_BYTES / sizeof(uint32_t)];
	size_t len;		/* bytes of @words in use */
	bool cut;		/* there were more routes than fit */
};

/**
 * route_save - save the IPv4 unicast routes over an interface.
 * @ret: set only on success
 *
 * Saves the routes of every table except local, in the kernel's order. Leaves
 * out routes that the kernel makes itself, and multipath routes, which stay as
 * long as another of their interfaces is up. A route that uses a nexthop object
 * is saved with the object's content, because the object is deleted as well.
 *
 * Return: 0, -ENODEV (@ifindex is not one), -EINTR (the routes kept changing),
 * other -errno
 */
int route_save(int ifindex, struct route_set *ret);

/**
 * route_restore - restore the routes, those without a gateway first.
 *
 * A route that exists already is not an error. If another route to the same
 * destination, with the same metric, has been added meanwhile, that one stays
 * preferred. Needs CAP_NET_ADMIN. All are tried even if one fails.
 *
 * Return: 0, -errno of the first that failed (-ENETUNREACH, -ENETDOWN or
 * -ENODEV: the interface is down or was removed), -ENOSPC: all succeeded, but
 * @set had no room for some
 */
int route_restore(const struct route_set *set);

/**
 * route_add - the pure part of route_save(), for route.c and its test.
 * @h: a complete message of a dump
 *
 * Adds to @set the request that restores the route. Does nothing for a route
 * that is not saved; sets @cut if it does not fit.
 */
void route_add(struct route_set *set, const struct nlmsghdr *h, int ifindex);

/**
 * route_out - find the interface for packets of the router to @to.
 * @ret_ifindex: set only on success
 *
 * The kernel chooses, by all rules and tables. Nothing is sent.
 *
 * Return: 0, -ENETUNREACH (there is no route), other -errno
 */
int route_out(struct addr to, int *ret_ifindex);

/** route_internet - find the interface by which the router's own packets reach
 * the Internet, of @family, ADDR_IP4 or ADDR_IP6: as route_out(), to an address
 * that only a default route, or a half of one, leads to. 0: there is none, or it
 * is not known */
int route_internet(uint8_t family);

/**
 * route_source - find the IPv4 source address of packets that the router sends
 * to the Internet by @ifindex.
 * @ret: set only on success
 *
 * As the kernel would choose now: the address that the default route over the
 * interface names, else the one in the network of its gateway. Without a
 * default route the kernel treats the whole Internet as directly connected to
 * that link. Nothing is sent, no privilege is needed.
 *
 * Return: 0, -ENODEV, -ENETUNREACH (the interface is down or has no address),
 * other -errno
 */
int route_source(int ifindex, struct addr *ret);

/**
 * route_gateway - find the router to which the router sends packets to the
 * Internet by @ifindex: the gateway of the default route, or on a
 * point-to-point link the peer's address.
 * @ret: set only on success
 *
 * Return: 0, -ENETUNREACH (there is none), other -errno
 */
int route_gateway(int ifindex, struct addr *ret);

/**
 * route_is_local - does the kernel deliver packets to @a to itself?
 * @master: of the interface that has @a's network (netif_addr.master). If it is
 *          a VRF, the VRF's routes count as well; 0: none
 *
 * True for the addresses of all interfaces (of other VRFs: only if @master is
 * theirs), however many, and for prefixes that a route of type local names.
 *
 * Return: 1 or 0, or -errno: not known
 */
int route_is_local(struct addr a, int master);

/** route_has_default - is there a default route over @ifindex, in any table?
 * Return: 1 or 0, or -errno */
int route_has_default(int ifindex);

/** route_is_default - the pure part of it, for one message of a dump. */
bool route_is_default(const struct nlmsghdr *h, int ifindex);

#endif
