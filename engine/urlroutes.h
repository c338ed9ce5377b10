/* SPDX-License-Identifier: ISC */
/*
 * urlroutes.h - map URLs to descriptions, SCPDs, control and events. It
 * connects HTTP, SOAP, GENA and the gateway's documents, which are independent
 * of each other. Runs in: engine
 */
#ifndef ENGINE_URLROUTES_H
#define ENGINE_URLROUTES_H

#include "engine/statuspage.h"
#include "httpd.h"
#include "igd/desc.h"
#include "igd/igd.h"
#include "ssdp.h"

struct urlroutes;

struct urlroutes_config {
	const struct desc_info *desc;	/* borrowed */
	struct igd *igd;		/* borrowed */
	unsigned versions;		/* bit n: root n is enabled */
	const char *server;		/* SERVER field, borrowed */
	int64_t (*wall_s)(void);
	const struct statuspage *page;	/* borrowed; NULL: there is none */
};

/** urlroutes_new - create it and its HTTP server, which does not listen yet.
 * Return: never freed; NULL without memory */
struct urlroutes *urlroutes_new(struct loop *, const struct urlroutes_config *);

/** urlroutes_httpd - its HTTP server, for httpd_listen() and httpd_port(). */
struct httpd *urlroutes_httpd(struct urlroutes *);

/** urlroutes_subscribers - the number of subscriptions to events. */
size_t urlroutes_subscribers(const struct urlroutes *);

/** urlroutes_mark_dirty - report that variables may have changed; subscribers
 * are notified later, from the loop. May be called from struct igd_ops. */
void urlroutes_mark_dirty(struct urlroutes *);

/**
 * urlroutes_targets - list the search targets: 3 for each root, 2 for each
 * embedded device, 1 for each service (UDA 1.1 1.2.2).
 * @ret: SSDP_TARGETS_MAX; points into @s
 *
 * Return: their number
 */
size_t urlroutes_targets(struct urlroutes *, struct ssdp_target *ret);

#endif
