/* SPDX-License-Identifier: ISC */
/*
 * peer.h - which host a control point is, of the neighbour table's knowledge.
 * Runs in: engine
 */
#ifndef IGD_PEER_H
#define IGD_PEER_H

#include "igd/igd.h"

struct peer {
	const struct igd *igd;
	int ifindex;		/* the interface that its connection arrived
				 * on; 0: not known */
	struct addr addr;
};

/** peer_share - by what the connections, subscriptions and refusals of a
 * control point are counted (addr_share()). An interface that is not known is
 * that of the internal network which has the address. */
struct addr peer_share(const struct peer *);

/**
 * peer_owns - is @other an address of the control point's host?
 *
 * It must be the same one, or have the same link-layer address, in an internal
 * network of the interface (or link-local). An address elsewhere is not, even
 * if a host of the link answers for it: no message must leave the link
 * (CVE-2020-12695). Nor is the router's own, or, for an IPv4 address, another
 * IPv4 address: a host has one.
 *
 * Return: as map_ops.same_host; MAP_ASKED: ask again, it may be known then
 */
enum map_same peer_owns(const struct peer *, struct addr other);

/** peer_may_own - is that possible, as far as it is known? @peer: struct peer */
bool peer_may_own(const void *peer, struct addr other);

#endif
