/* SPDX-License-Identifier: ISC */
/*
 * ifstate.h - the state of the configured interfaces: the external ones, the
 * internal networks, the router's own addresses.
 *
 * Engine and monitor both read it: the engine to serve, the monitor because it
 * does not trust the engine. Both choose the same external address, because the
 * choice is a pure function (ifstate_choose()).
 * Runs in: any
 */
#ifndef CONF_IFSTATE_H
#define CONF_IFSTATE_H

#include "sys/netif.h"
#include "conf/conf.h"
#include "map/policy.h"

/* An external interface. */
struct ifstate_ext {
	char name[IF_NAMESIZE];
	int ifindex;		/* 0: there is no such interface now */
	int master;		/* ifindex of its VRF or bridge; 0: none */
	struct addr addr;	/* the address in rules, or ADDR_NONE */
	struct addr forced_ip;	/* reported to clients; ADDR_NONE: @addr is */
	bool up;		/* IFF_UP */
	bool running;		/* a carrier */
	bool is_private;	/* @addr is private, and no forced-ip is set */
};

struct ifstate {
	/* the enabled external interfaces of the configuration, in its order */
	struct ifstate_ext ext[CONF_EXTERNALS_MAX];
	size_t ext_n;
	size_t active;		/* index of the one that mappings use */
	/* ifindex by which the router's own packets reach the Internet, of
	 * IPv4 and IPv6. 0: not known, or there is one external interface */
	int internet_out, internet6_out;
	/* First the addresses of internal interfaces that are up, of both
	 * families, link-local ones included; those of one interface are
	 * adjacent, its primary addresses first. Then the networks behind
	 * other routers (netif_addr.routed), @routed_n of them. @net_n counts
	 * both. With ipv6 = no, nothing here is IPv6. */
	struct netif_addr net[POLICY_NETS_MAX];
	size_t net_n, routed_n;
	struct addr own[NETIF_ADDRS_MAX]; /* addresses of the router */
	size_t own_n;
	bool own_cut;		/* it has more of them */
	/* Of all addresses: when one that is not in @own changes, mappings are
	 * checked again. */
	uint32_t own_sum;
};

/**
 * ifstate_read - read the state from the kernel.
 * @ret: set only on success; every byte is set, so that two can be compared
 *       with memcmp()
 *
 * Without an external interface in the configuration ext_n is 0.
 * Return: 0 or -errno
 */
int ifstate_read(const struct conf *, struct ifstate *ret);

/**
 * ifstate_choose - the address of an external interface for rules. Pure.
 * @addr:      addresses of the router, @n of them, primary ones first
 * @forced_ip: the operator's forced-ip, or ADDR_NONE
 * @route:     the source address of the default route over the interface
 *             (route_source()); ADDR_NONE: not known
 *
 * In this order: forced-ip, if the interface has that address; the source of
 * the default route, if it is public; the first public address; the source of
 * the default route; the first address. A modem's management address is often
 * listed before the address that the provider assigned.
 *
 * Return: an IPv4 address of @ifindex, or ADDR_NONE: it has none
 */
struct addr ifstate_choose(const struct netif_addr *addr, size_t n,
			   int ifindex, struct addr forced_ip,
			   struct addr route);

/**
 * ifstate_select - choose the external interface that mappings use. Pure.
 * @by:    external-selection
 * @active: index of the one that is used now
 *
 * Only an interface that is up, has a carrier and an address can be chosen.
 * Of those, CONF_SELECT_ROUTE chooses the one by which the router's own packets
 * reach the Internet, and CONF_SELECT_PRIORITY the first one. If packets use
 * none of them, @active stays if it can be chosen, else it is the first that
 * can; if none can, @active stays.
 *
 * Return: an index of @ext
 */
size_t ifstate_select(const struct ifstate *, enum conf_selection by,
		      size_t active);

/** ifstate_activate - set @active, in the monitor: to the interface that the
 * engine has chosen, @ext_index, if it is an external one; else to
 * ifstate_select()'s choice. */
void ifstate_activate(struct ifstate *, const struct conf *,
		      uint32_t ext_index);

/** ifstate_is_usable - can mappings use this external interface? */
bool ifstate_is_usable(const struct ifstate_ext *);

/** ifstate_external - the active external interface: @active of the state,
 * which is 0 until the caller has chosen. All zeros if there is none. */
const struct ifstate_ext *ifstate_external(const struct ifstate *);

/** ifstate_external6 - the external interface that pinholes use: the one of the
 * IPv6 default route, as a tunnel beside the IPv4 uplink; without one, the
 * active one. */
const struct ifstate_ext *ifstate_external6(const struct ifstate *);

/** ifstate_usable - the address for DNAT, SNAT and hairpin rules. ADDR_NONE if
 * there is none, or if it is private, private-external-address = refuse and
 * ask-upstream = no. Otherwise the upstream decides (engine/uplink.h). */
struct addr ifstate_usable(const struct ifstate_ext *, const struct conf *);

/** ifstate_reported - the address that is reported to clients: forced-ip, or
 * the one in rules. ADDR_NONE while the interface is down, without carrier or
 * without a usable address. */
struct addr ifstate_reported(const struct ifstate_ext *, const struct conf *);

/**
 * ifstate_policy - make the policy for these networks.
 * @ret: borrows the rules of @conf
 *
 * In this order: the IPv4 networks of the interfaces; their IPv6 prefixes, each
 * once for an interface, with its first address, and sorted, so that an address
 * which comes or goes in a prefix changes nothing; the networks behind other
 * routers. Link-local prefixes are left out: no rule leads to a link-local
 * address.
 */
void ifstate_policy(const struct ifstate *, const struct conf *conf,
		   struct policy *ret);

#endif
