/* SPDX-License-Identifier: ISC */
/*
 * urlroutes.h - what stands at which URL: descriptions, SCPDs, control, events.
 * The place where HTTP, SOAP, GENA and the gateway's documents meet; each knows
 * nothing of the others.
 *
 * Runs in: engine
 */
#ifndef ENGINE_URLROUTES_H
#define ENGINE_URLROUTES_H

#include "httpd.h"
#include "igd/desc.h"
#include "igd/igd.h"
#include "ssdp.h"

struct urlroutes;

struct urlroutes_config {
	const struct desc_info *desc;	/* borrowed */
	struct igd *igd;		/* borrowed */
	unsigned versions;		/* bit n: root n is on */
	const char *server;		/* SERVER field, borrowed */
	int64_t (*wall_s)(void);
};

/** urlroutes_new - make it and its HTTP server; listens to nothing yet.
 * Return: lives as long as the process, NULL without memory */
struct urlroutes *urlroutes_new(struct loop *, const struct urlroutes_config *);

/** urlroutes_httpd - its server, for httpd_listen() and httpd_port(). */
struct httpd *urlroutes_httpd(struct urlroutes *);

/** urlroutes_subscribers - how many subscriptions to events there are. */
size_t urlroutes_subscribers(const struct urlroutes *);

/** urlroutes_mark_dirty - some variable may have changed: subscribers may have
 * to hear of it, later, from the loop. May be called from struct igd_ops. */
void urlroutes_mark_dirty(struct urlroutes *);

/**
 * urlroutes_targets - what can be searched for: 3 for each root, 2 for each
 * embedded device, 1 for each service (UDA 1.1 1.2.2).
 * @ret: SSDP_TARGETS_MAX; points into the site
 *
 * Return: how many
 */
size_t urlroutes_targets(struct urlroutes *, struct ssdp_target *ret);

#endif
