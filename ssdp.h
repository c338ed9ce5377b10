/* SPDX-License-Identifier: ISC */
/*
 * ssdp.h - discovery: NOTIFY and answers to M-SEARCH (UDA 1.1 section 1).
 *
 * Two sockets' worth of UDP: one bound to the group, which hears multicast
 * beside other programs on this machine, and one bound to each internal
 * address, which hears unicast searches and sends everything.
 */
#ifndef SSDP_H
#define SSDP_H

#include "base/loop.h"
#include "ssdp/ssdpmsg.h"
#include "sys/netif.h"

struct ssdp;

/** ssdp_new - make it; silent until ssdp_ifaces(). Config is copied.
 * Return: owned by the caller (ssdp_free()), NULL without memory */
struct ssdp *ssdp_new(struct loop *, const struct ssdp_config *);

/** ssdp_free - close everything without a word. NULL is fine. */
void ssdp_free(struct ssdp *);

/**
 * ssdp_ifaces - serve exactly these interfaces from now on.
 * @http_port: for LOCATION
 *
 * An interface that is new or has another address or index joins the group
 * again and is told of every target, twice; one that is gone gets byebye where
 * it still can be sent. Where anything was served before, what comes raises
 * BOOTID: those that were there all along get ssdp:update, and then hear of
 * every target again (UDA 1.1 1.2). Sockets are made by the process as it is:
 * no privilege is needed.
 *
 * Call it again when an interface that failed may be ready.
 *
 * Return: 0, or -errno of the first that failed (the others are served)
 */
int ssdp_ifaces(struct ssdp *, const struct netif_addr *, size_t n,
		uint16_t http_port);

/** ssdp_byebye - say byebye for every target on every interface, now, and
 * serve none of them from then on. */
void ssdp_byebye(struct ssdp *);

#endif
