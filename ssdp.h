/* SPDX-License-Identifier: ISC */
/*
 * ssdp.h - discovery: NOTIFY and answers to M-SEARCH (UDA 1.1 section 1, and
 * UDA 2.0 annex A for IPv6).
 *
 * Sockets that are bound to the multicast groups share the port with other
 * programs on this machine. One socket for each internal address receives
 * unicast searches and sends the announcements. Each answer has a socket of its
 * own (ssdp/ssdpanswer.h).
 *
 * Runs in: engine
 */
#ifndef SSDP_H
#define SSDP_H

#include "base/loop.h"
#include "ssdp/ssdpmsg.h"
#include "sys/netif.h"

struct ssdp;

/** ssdp_new - create it; it sends nothing before ssdp_ifaces(). @config is
 * copied. Return: owned by the caller (ssdp_free()), NULL without memory */
struct ssdp *ssdp_new(struct loop *, const struct ssdp_config *);

/** ssdp_free - close everything and send nothing. NULL does nothing. */
void ssdp_free(struct ssdp *);

/**
 * ssdp_ifaces - serve exactly these addresses of internal interfaces.
 * @http_port: for LOCATION
 *
 * Each address answers the searches that are sent to it. A search by multicast
 * is answered from the address in the network of the control point. LOCATION
 * has the address that answers; if that is link-local, the first global or
 * unique local one of the interface, if it has one.
 *
 * NOTIFYs of IPv4 are sent from one address of each network: not from a /32 or
 * a secondary address. Those of IPv6 are sent from the link-local address of
 * each interface to FF02::C, and from the first global or unique local one to
 * FF05::C; LOCATION has the latter address in both. Searches in FF0E::C are
 * answered too.
 *
 * In a new network, every target is announced, twice. If any network was served
 * before, a new one, or another address in LOCATION, raises BOOTID: the
 * networks that stay get ssdp:update, and then every target again (UDA 1.1
 * 1.2). When an interface loses its last network of a family, byebye is sent if
 * the kernel still can. No privilege is needed.
 *
 * Call it again to retry an address that failed.
 *
 * Return: 0, or -errno of the first failure (the others are served)
 */
int ssdp_ifaces(struct ssdp *, const struct netif_addr *at, size_t n,
		uint16_t http_port);

/** ssdp_byebye - send byebye for every target in every network, and stop
 * serving all addresses. */
void ssdp_byebye(struct ssdp *);

#endif
