/* SPDX-License-Identifier: ISC */
/*
 * flowpacket.h - the packets of a flow that a mapping or pinhole lets in, as
 * the forward chains see them. Pure.
 * Runs in: monitor, upnpctl
 */
#ifndef NATFW_FLOWPACKET_H
#define NATFW_FLOWPACKET_H

#include "natfw.h"
#include "natfw/walk.h"

/** flowpacket_internet - any host of the Internet, of that family. */
struct addr_net flowpacket_internet(uint8_t family);

/**
 * flowpacket_first - the first packet to a client of @net: to a mapped port
 * after DNAT, or to a pinhole.
 * @from: the interface of the peer's network; NULL: the peer is on the Internet
 */
struct walk_packet flowpacket_first(const struct natfw_env *env,
				    const struct netif_addr *net,
				    const struct netif_addr *from,
				    uint8_t proto);

/** flowpacket_later - a later packet of the same flow. */
struct walk_packet flowpacket_later(const struct walk_packet *first);

/** flowpacket_answer - a packet of the client to the peer. */
struct walk_packet flowpacket_answer(const struct walk_packet *first);

#endif
