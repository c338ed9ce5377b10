/* SPDX-License-Identifier: ISC */
/*
 * pmp.h - the server of NAT-PMP (RFC 6886) and PCP (RFC 6887): UDP port 5351 of
 * every internal address.
 *
 * Every address has a socket of its own, which answers from the address and the
 * port that were asked. What sys/ifsock.h drops is never answered: requests that
 * arrive on another interface than an internal one, and from a host outside its
 * networks.
 *
 * Runs in: engine
 */
#ifndef PMP_PMP_H
#define PMP_PMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/loop.h"
#include "map/map.h"
#include "sys/netif.h"

struct pmp_config {
	bool nat_pmp, pcp;	/* which are spoken; neither: no socket, so that
				 * clients see that the port is closed */
	struct map *map;	/* borrowed */
	/* seconds since the state of the mappings began (RFC 6887 8.5) */
	uint32_t (*epoch_s)(void *arg);
	/* may it use THIRD_PARTY (pcp-third-party)? NULL: nobody may */
	bool (*may_ask_for_others)(void *arg, struct addr requester);
	/* which external port has the flow of this rule in the kernel? The
	 * answer is pmp_flow(), later. NULL: there is never one */
	void (*ask_flow)(void *arg, const struct nat_rule *);
	/* what a peer is counted by (base/addrshare.h); NULL: addr_share()
	 * without its link-layer address */
	struct addr (*share)(void *arg, int ifindex, struct addr peer);
	/* a request came from outside the internal networks, and was dropped;
	 * NULL: not called */
	void (*outside)(void *arg, struct addr peer);
	void *arg;
};

struct pmp;

/** pmp_new - create it; it serves nothing before pmp_ifaces(). @config is
 * copied. Return: owned by the caller (pmp_free()), NULL without memory */
struct pmp *pmp_new(struct loop *, const struct pmp_config *config);

/** pmp_free - close everything; requests that wait are not answered. NULL does
 * nothing. */
void pmp_free(struct pmp *);

/**
 * pmp_ifaces - serve exactly these addresses of internal interfaces.
 *
 * NAT-PMP alone needs no socket of IPv6, so none is opened then. The external
 * address and the epoch are announced from each new address.
 *
 * Call it again to retry an address that failed.
 * Return: 0, or -errno of the first failure (the others are served)
 */
int pmp_ifaces(struct pmp *, const struct netif_addr *at, size_t n);

/** pmp_address - map.ext has changed, or the epoch has begun anew: announce it
 * in every network, and send the new address to the clients of PCP that have
 * mappings (RFC 6886 3.2.1, RFC 6887 14). */
void pmp_address(struct pmp *);

/** pmp_stored - a mapping has changed: if the upstream has assigned another port
 * to it, its client of PCP gets an update (RFC 6887 14.2). */
void pmp_stored(struct pmp *, const struct pm_entry *);

/**
 * pmp_flow - the answer to ask_flow().
 * @rule: as it was asked
 * @ext_port: of the flow; 0: there is none
 */
void pmp_flow(struct pmp *, const struct nat_rule *rule, uint16_t ext_port);

/** pmp_serves - is at least one address served? */
bool pmp_serves(const struct pmp *);

#endif
