/* SPDX-License-Identifier: ISC */
/*
 * wait.h - the queue of requests that wait for the kernel.
 *
 * Runs in: engine
 */
#ifndef IGD_WAIT_H
#define IGD_WAIT_H

#include "igd/igd.h"

/**
 * wait_nat_done - the monitor's answer to the op @id.
 *
 * Commits, tells ops->stored or ops->gone, answers who waited for it, and lets
 * those that waited for the key try again.
 */
void wait_nat_done(struct igd *, uint32_t id, enum nat_err err,
		  uint64_t now_ms);

/** wait_link_done - the monitor's answer to ops->link(). */
void wait_link_done(struct igd *, enum nat_err err);

/** wait_cancel - the control point has gone: forget @w. What was asked
 * for still happens. */
void wait_cancel(struct igd *, struct igd_wait *w);

/**
 * wait_start - start an action that changes the table, or try it again.
 * @w: what, version and req are set, and the fields of its kind
 *
 * Return: 0, a upnp_err, or IGD_WAIT with @w queued
 */
int wait_start(struct igd *, struct igd_wait *w, uint64_t now_ms);

/**
 * wait_link - take the external link up or down for @call.
 * @fail: the code for a link that did not follow
 *
 * Return: IGD_WAIT, 0 (it is up already), 711 (it is down already), 705 or 707
 * (another change is under way), 606 (allow-disable-external-interface is no)
 */
int wait_link(struct igd *, struct igd_call *call, bool up, int fail);

#endif
