/* SPDX-License-Identifier: ISC */
/*
 * own.h - the mappings that a client has for one of its sockets: protocol and
 * internal port. NAT-PMP and PCP name a mapping by them.
 * Runs in: engine
 */
#ifndef MAP_OWN_H
#define MAP_OWN_H

#include "map/map.h"

/**
 * own_check - may a request of NAT-PMP or PCP start?
 *
 * While another request for the same socket is in flight, it waits: otherwise
 * both could get a port. A MAP request of PCP with another nonce than the
 * socket's mapping is refused with strict_nonce, and always if it has another
 * filter, because it would open what the filter keeps closed.
 *
 * Return: REFUSAL_NONE, MAP_WAIT, or REFUSAL_NONCE, reported
 */
int own_check(struct map *, struct map_wait *, uint64_t now_ms);

/**
 * own_pick - choose the external port of a request with MAP_PORT_OWN or
 * MAP_PORT_OWN_ONLY.
 *
 * If the client has several mappings of the socket, that of the same origin and
 * nonce decides, then that of the same origin, then the oldest. One that was
 * overruled does not: the client needs a port that works.
 *
 * Return: REFUSAL_NONE, or why not, reported
 */
enum refusal own_pick(struct map *, struct map_wait *);

/** own_is_renewal - will the request renew or change a mapping that the client
 * has? Then it does not count towards the rate. */
bool own_is_renewal(const struct map *, const struct map_wait *);

/** own_refuse - refuse with REFUSAL_NONCE, because of the mapping @e. */
int own_refuse(struct map *, struct map_wait *, const struct pm_entry *e,
	       uint64_t now_ms);

/** own_delete - start map_delete_own(), or continue it after an op.
 * Return: as map_delete_own() */
int own_delete(struct map *, struct map_wait *, uint64_t now_ms);

#endif
