/* SPDX-License-Identifier: ISC */
/* link.h - take the external link up or down for a control point.
 * Runs in: engine */
#ifndef IGD_LINK_H
#define IGD_LINK_H

#include "igd/igd.h"

/**
 * link_change - take the external link up or down for @call.
 * @fail: the error code if the change cannot start or fails
 *
 * Return: IGD_WAIT, 0 (it is up already), 711 (it is down already), 705 or 707
 * (another change is in progress), 606 (allow-disable-external-interface is no)
 */
int link_change(struct igd *, struct igd_call *call, bool up, int fail);

/** link_done - handle the monitor's answer to ops->link(). */
void link_done(struct igd *, enum nat_err err);

#endif
