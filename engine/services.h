/* SPDX-License-Identifier: ISC */
/*
 * services.h - the protocols that hosts of the LAN use: those that the
 * configuration turns on, on the same addresses.
 * Runs in: engine
 */
#ifndef ENGINE_SERVICES_H
#define ENGINE_SERVICES_H

#include "base/loop.h"
#include "conf/conf.h"
#include "engine/brokerclient.h"
#include "engine/epoch.h"
#include "engine/identity.h"
#include "engine/urlroutes.h"
#include "igd/igd.h"
#include "ipc/ctlmsg.h"
#include "pmp/pmp.h"
#include "ssdp.h"

struct services {
	/* set by the owner before services_open(); all borrowed */
	struct loop *loop;
	const struct conf *conf;
	struct igd *igd;	/* with its map */
	struct brokerclient *brokerclient;	/* open before services_serve() */
	int dir_fd;		/* the state directory */
	bool leases_whole;	/* no mapping was lost since the last run */
	const struct leases_clock *(*clock_now)(void *arg);
	void *clock_arg;	/* for status() as well */
	const struct recent *recent;
	void (*status)(void *arg, struct ctl_status *ret);

	/* private from here on */
	struct pmp *pmp;	/* NULL: nat-pmp and pcp are no */
	struct epoch epoch;
	struct statuspage page;
	struct identity id;	/* of UPnP, as all below */
	uint32_t boot_id, boot_id_last;	/* in use; reserved */
	struct ssdp_target target[SSDP_TARGETS_MAX];
	struct ssdp *ssdp;	/* NULL: upnp = no */
	struct urlroutes *urlroutes;	/* the same */
};

/* What the LAN is served by. */
struct services_at {
	uint16_t http_port;	/* 0: nothing listens */
	bool pmp;		/* UDP port 5351 */
};

/**
 * services_open - create the servers of the protocols that are on. They open no
 * socket before services_serve().
 * @s: the caller's memory; zeroed but for what the owner sets
 *
 * A UUID that cannot be stored is logged; it is no error.
 * Return: 0 or -ENOMEM
 */
int services_open(struct services *s);

/**
 * services_serve - serve exactly these addresses of internal interfaces.
 *
 * Call it again to retry an address that failed.
 * Return: 0, or -errno of the first failure, which is logged (the others are
 * served)
 */
int services_serve(struct services *, const struct netif_addr *at, size_t n);

/** services_at - what is served now. */
struct services_at services_at(const struct services *);

/** services_up - does @at mean that the LAN is served: by UPnP, or where that
 * is off by another protocol? Not if all protocols are off. */
bool services_up(const struct services *, const struct services_at *at);

/** services_at_equal - are they the same? */
bool services_at_equal(const struct services_at *a,
		       const struct services_at *b);

/** services_put - write what is served for the log: "port 2828 and UDP port
 * 5351". @at: something is */
void services_put(const struct services_at *at, struct wr *);

/** services_address - the external address, map.ext, has changed: announce it
 * by NAT-PMP and PCP. */
void services_address(struct services *);

/** services_stored - a mapping has changed: its client may have to be told. */
void services_stored(struct services *, const struct pm_entry *);

/** services_flow - BROKER_FLOW was answered. @rule: its external port is that of
 * the flow; 0: there is none */
void services_flow(struct services *, const struct nat_rule *rule);

/** services_mark_dirty - report that variables may have changed; subscribers of
 * UPnP are notified later, from the loop. */
void services_mark_dirty(struct services *);

/** services_status - set the fields of the protocols. */
void services_status(const struct services *, struct ctl_status *ret);

/** services_byebye - send SSDP's byebye, and stop to serve SSDP. */
void services_byebye(struct services *);

#endif
