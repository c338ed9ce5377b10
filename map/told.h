/* SPDX-License-Identifier: ISC */
/* told.h - mappings by the external port that clients are told, which may be
 * another router's. Runs in: engine */
#ifndef MAP_TOLD_H
#define MAP_TOLD_H

#include "map/map.h"

/**
 * told_rule_port - our external port of the mapping for which clients are told
 * the port @told.
 * @client: consider only its mappings; ADDR_ANY: all
 * @asker: of several mappings, which an upstream that does not answer may
 *         cause, prefer its own (owner_is())
 *
 * Return: @told if there is no such mapping
 */
uint16_t told_rule_port(const struct map *, uint8_t proto, uint16_t told,
			struct addr client, struct addr asker);

#endif
