/* SPDX-License-Identifier: ISC */
/* configured.h - add the mappings of the operator's configuration.
 * Runs in: engine */
#ifndef MAP_CONFIGURED_H
#define MAP_CONFIGURED_H

#include "map/map.h"

/**
 * configured_restore - commit a mapping of the configuration, without an op, at
 * the start: after the lease file was read, and before the first sync.
 * @req: its origin is ORIGIN_OPERATOR, and configured is set
 *
 * The configuration wins: a mapping of the lease file that is in the way is
 * removed (ops->gone). A mapping is in the way if it has the same key, or if it
 * is another client's on the same port. If the table is full, or the client has
 * max-mappings-per-client, the newest mapping is removed. ops->refused is
 * called as well if a client loses a mapping this way. The policy is not
 * checked here: map_apply_policy() checks it when the networks are known.
 *
 * Return: REFUSAL_NONE, or why the mapping is not in the table: REFUSAL_FULL
 * and REFUSAL_CLIENT_FULL (all other mappings are configured as well), or
 * REFUSAL_CONFLICT (a configured mapping of another client has the port), or
 * REFUSAL_KIND (a pinhole, and there is no table of them)
 */
enum refusal configured_restore(struct map *, const struct pm_req *req);

#endif
