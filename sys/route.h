/* SPDX-License-Identifier: ISC */
/*
 * route.h - keep the IPv4 routes over an interface while it is down; and where
 * the routes lead.
 *
 * Linux forgets them when it goes down, and brings only those back that
 * follow from its addresses. The monitor's only, and for upnpctl.
 */
#ifndef SYS_ROUTE_H
#define SYS_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nlmsghdr;

/* A WAN link has a default route and a few more, of about 64 bytes each;
 * this is room for 60. */
#define ROUTE_SET_BYTES 4096

/* Zeroed: none. */
struct route_set {
	/* RTM_NEWROUTE requests one after another, as they will be sent */
	uint32_t words[ROUTE_SET_BYTES / sizeof(uint32_t)];
	size_t len;		/* bytes of @words in use */
	bool cut;		/* there were more than fit */
};

/**
 * route_save - take down the IPv4 unicast routes over an interface.
 * @ret: set only on success
 *
 * Of every table but local, in the kernel's order. Not the routes that the
 * kernel made itself (it will again), nor multipath routes (they stay, as long
 * as another of their interfaces is up). A route that uses a nexthop object is
 * kept with what the object says, since that is forgotten, too.
 *
 * Return: 0, -ENODEV (@ifindex is none), -EINTR (the routes never stop
 * changing), other -errno
 */
int route_save(int ifindex, struct route_set *ret);

/**
 * route_restore - put the routes back, those without a gateway first.
 *
 * One that is there already is fine. Where other routes to the same place,
 * of the same metric, have come meanwhile, those go on to be preferred.
 * Needs CAP_NET_ADMIN. All are tried even when one fails.
 *
 * Return: 0, -errno of the first that could not be put back (-ENETUNREACH,
 * -ENETDOWN or -ENODEV: the interface is down or has gone), -ENOSPC: all
 * could, but there were more than @set has room for
 */
int route_restore(const struct route_set *set);

/**
 * route_add - the pure part of route_save(), for route.c and its test.
 * @h: a message of a dump, whole
 *
 * Makes the request of it that brings the route back and adds it to @set;
 * does nothing where it is not one to keep; sets @cut where it does not fit.
 */
void route_add(struct route_set *set, const struct nlmsghdr *h, int ifindex);

/**
 * route_out - by which interface does what the router sends to @ip leave?
 * @ret_ifindex: set only on success
 *
 * As the kernel would choose now, rules and all tables considered. Nothing is
 * sent. Return: 0, -ENETUNREACH (there is no route), other -errno
 */
int route_out(uint32_t ip, int *ret_ifindex);

/**
 * route_source - the source address of what the router sends to the Internet
 * by @ifindex.
 * @ret_ip: host order; set only on success
 *
 * As the kernel would choose now: the address that the default route over the
 * interface names, else the one in the network of its gateway. Without a
 * default route the kernel takes the whole Internet as on that link. Nothing
 * is sent, no privilege is needed.
 *
 * Return: 0, -ENODEV, -ENETUNREACH (the interface is down or has no address),
 * other -errno
 */
int route_source(int ifindex, uint32_t *ret_ip);

/** route_has_default - is there a default route over @ifindex, in whatever
 * table? Return: 1 or 0, or -errno */
int route_has_default(int ifindex);

/** route_is_default - the pure part of it, for one message of a dump. */
bool route_is_default(const struct nlmsghdr *h, int ifindex);

#endif
