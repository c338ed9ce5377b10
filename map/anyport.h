/* SPDX-License-Identifier: ISC */
/* anyport.h - choose the external port of a request that accepts any port.
 * Runs in: engine */
#ifndef MAP_ANYPORT_H
#define MAP_ANYPORT_H

#include "map/map.h"

/**
 * anyport_pick - set the external port of a request that accepts any port: with
 * MAP_PORT_ANY, or with MAP_PORT_OWN if the client has no mapping yet.
 *
 * Chooses the wished port (w->wished) if the policy allows it, and if it is
 * free or has the same client's mapping for the same purpose. A port is not
 * free if another client has it for the other protocol, TCP or UDP; PCP's own
 * ports are never chosen. Otherwise chooses
 * a free port at random among those that the policy allows the client. Ports
 * below POLICY_PORT_FLOOR are chosen only if the policy allows no other.
 *
 * Return: REFUSAL_NONE; REFUSAL_NO_PORT (all are taken) or REFUSAL_RULE (none
 * is allowed), reported
 * Source: WANIPConnection:2 2.5, AddAnyPortMapping; RFC 6886 3.3
 */
enum refusal anyport_pick(struct map *, struct map_wait *w);

/** anyport_is_free - is the external port of @q free, or has it only a mapping
 * that @q would renew? One of PCP's own ports is never free. The other
 * protocol's port does not matter. */
bool anyport_is_free(const struct map *, const struct pm_req *q);

#endif
