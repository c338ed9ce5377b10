/* SPDX-License-Identifier: ISC */
/* configured.h - enter the mappings of the operator's configuration.
 * Runs in: engine */
#ifndef MAP_CONFIGURED_H
#define MAP_CONFIGURED_H

#include "map/map.h"

/**
 * configured_restore - commit a mapping of the configuration, without an op, at
 * the start: after the lease file was read, and before the first sync.
 * @req: its origin is ORIGIN_OPERATOR, and it is configured
 *
 * The configuration wins: a mapping of the lease file that is in the way is
 * removed (ops->gone). That is one with the same key, one of another client on
 * the same port, and the newest one where the table or the client's share is
 * full. If a client loses a mapping by that, ops->refused is called as well.
 * The policy is not checked: map_apply_policy() does it when the networks are
 * known.
 *
 * Return: REFUSAL_NONE, or why the mapping is not in the table: REFUSAL_FULL
 * and REFUSAL_CLIENT_FULL (all the others are of the configuration as well), or
 * REFUSAL_CONFLICT (the configuration has another client on the port)
 */
enum refusal configured_restore(struct map *, const struct pm_req *req);

#endif
