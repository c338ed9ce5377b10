/* SPDX-License-Identifier: ISC */
/*
 * addrshare.h - which addresses are one client, where each client has a share
 * of something: connections, subscriptions, answers.
 *
 * A host has one IPv4 address, and 2^64 IPv6 addresses in each network of its
 * link. All hosts of a link have them in the same /64, so the network does not
 * tell hosts apart. The link-layer address does. Pure.
 * Runs in: any
 */
#ifndef BASE_ADDRSHARE_H
#define BASE_ADDRSHARE_H

#include "base/addr.h"

/* Shares of the hosts of a /64 whose link-layer address is not known: 1 of
 * them for each value of the last bits of the address. It is known of each host
 * of a link that has a connection, and of most that search; it is not known of
 * hosts behind another router, and of a host that was silent for long. One
 * share would let a host take it from all of these. */
#define ADDR_SHARE_BITS 4

/**
 * addr_share - the key of @peer's share: addresses with the same key share it.
 * @link: the host's link-layer address (ADDR_LINK), or ADDR_NONE: not known
 *
 * An IPv4 address has a share of its own: a link-layer address would be that of
 * all hosts behind a Wi-Fi repeater. An IPv6 address has that of its link-layer
 * address, else one of 16 of its /64.
 */
static inline struct addr addr_share(struct addr peer, struct addr link)
{
	if (peer.family != ADDR_IP6)
		return peer;
	if (link.family == ADDR_LINK)
		return link;
	for (unsigned i = 8; i < 15; i++)
		peer.byte[i] = 0;
	peer.byte[15] &= (1u << ADDR_SHARE_BITS) - 1;
	return peer;
}

#endif
