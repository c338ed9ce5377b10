/* SPDX-License-Identifier: ISC */
/*
 * ifstate.h - the state of the configured interfaces: the external ones, the
 * internal networks, the router's own addresses.
 *
 * Both processes read it for themselves: the engine to serve, the monitor
 * because it does not believe the engine. Both get the same external address,
 * because the choice is a pure function (ifstate_choose_ip()).
 *
 * Runs in: any
 */
#ifndef CONF_IFSTATE_H
#define CONF_IFSTATE_H

#include "sys/netif.h"
#include "conf/conf.h"
#include "map/policy.h"

/* An external interface. */
struct ifstate_ext {
	int ifindex;		/* 0: there is no such interface now */
	uint32_t ip;		/* the address in rules, 0: it has none */
	uint32_t forced_ip;	/* reported to clients, 0: @ip is */
	bool up;		/* IFF_UP */
	bool running;		/* a carrier */
	bool is_private;	/* @ip is private or CGNAT, and no forced-ip */
};

struct ifstate {
	/* the enabled external interfaces of the configuration, in its order */
	struct ifstate_ext ext[CONF_EXTERNALS_MAX];
	size_t ext_n;
	/* of internal interfaces that are up; those of one interface are
	 * adjacent, its primary addresses first */
	struct netif_addr net[NETIF_ADDRS_MAX];
	size_t net_n;
	uint32_t own_ip[NETIF_ADDRS_MAX]; /* every address of the router */
	size_t own_n;
};

/**
 * ifstate_read - read the state from the kernel.
 * @ret: set only on success; every byte of it, so that two can be compared
 *       with memcmp()
 *
 * The configuration must have an external interface. Return: 0 or -errno
 */
int ifstate_read(const struct conf *, struct ifstate *ret);

/**
 * ifstate_choose_ip - the address of an external interface for rules. Pure.
 * @addr:      addresses of the router, @n of them, primary ones first
 * @forced_ip: the operator's forced-ip, 0: none
 * @route_ip:  the source address of the default route over the interface
 *             (route_source()), 0: not known
 *
 * In this order: forced-ip, if the interface has that address; the source of
 * the default route, if it is public; the first public address; the source of
 * the default route; the first address. A modem's management address is often
 * listed before the address that the provider assigned.
 *
 * Return: an address of @ifindex in host order, 0: it has none
 */
uint32_t ifstate_choose_ip(const struct netif_addr *addr, size_t n,
			   int ifindex, uint32_t forced_ip, uint32_t route_ip);

/** ifstate_external - the first external interface; all zeros if there is none.
 * Callers that handle one interface use this. */
const struct ifstate_ext *ifstate_external(const struct ifstate *);

/** ifstate_usable_ip - the address for DNAT, SNAT and hairpin rules: 0 for
 * none, or for a private one where private-external-address = refuse. */
uint32_t ifstate_usable_ip(const struct ifstate_ext *, const struct conf *);

/** ifstate_reported_ip - the address that clients are told: forced-ip, or the
 * one in rules. 0 while the interface is down or without carrier, or has no
 * usable address. */
uint32_t ifstate_reported_ip(const struct ifstate_ext *, const struct conf *);

/** ifstate_complete - does every enabled internal interface have an address? */
bool ifstate_complete(const struct ifstate *, const struct conf *);

/** ifstate_policy - the policy for these networks. @ret borrows the rules of
 * @conf. */
void ifstate_policy(const struct ifstate *, const struct conf *conf,
		   struct policy *ret);

#endif
