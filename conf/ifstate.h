/* SPDX-License-Identifier: ISC */
/*
 * ifstate.h - what the interfaces of the configuration are at this moment: the
 * external side, the internal networks, the router's own addresses.
 *
 * Both processes look for themselves: the engine to serve, the monitor so as
 * not to believe the engine.
 */
#ifndef CONF_IFSTATE_H
#define CONF_IFSTATE_H

#include "sys/netif.h"
#include "conf/conf.h"
#include "map/policy.h"

struct ifstate {
	int ext_ifindex;	/* 0: there is no such interface now */
	uint32_t ext_ip;	/* its own first address, 0: none */
	bool ext_up;		/* IFF_UP */
	bool ext_running;	/* a carrier */
	bool ext_private;	/* private or CGNAT, and no forced-ip */
	/* of internal interfaces that are up; those of one stand together, and
	 * its primary ones first */
	struct netif_addr net[NETIF_ADDRS_MAX];
	size_t net_n;
	uint32_t own_ip[NETIF_ADDRS_MAX]; /* every address of the router */
	size_t own_n;
};

/**
 * ifstate_read - look at the kernel now.
 * @ret: set only on success; every byte of it, so that two can be compared
 *       with memcmp()
 *
 * The configuration must have an external interface. Return: 0 or -errno
 */
int ifstate_read(const struct conf *, struct ifstate *ret);

/** ifstate_usable_ip - the external address our rules may stand on: 0 for none,
 * or a private one where private-external-address = refuse. */
uint32_t ifstate_usable_ip(const struct ifstate *, const struct conf *);

/** ifstate_complete - does every enabled internal interface have an address? */
bool ifstate_complete(const struct ifstate *, const struct conf *);

/** ifstate_policy - who may map what, in these networks. @conf is borrowed by
 * @ret (its rules). */
void ifstate_policy(const struct ifstate *, const struct conf *conf,
		   struct policy *ret);

#endif
