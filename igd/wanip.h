/* SPDX-License-Identifier: ISC */
/* wanip.h - WANIPConnection: the actions that version 1 has, and what wanip2.c
 * shares with them.
 * Runs in: engine */
#ifndef IGD_WANIP_H
#define IGD_WANIP_H

#include "igd/igd.h"
#include "igd/upnp_err.h"

/**
 * wanip_prepare - prepare the wait of @call for a request to the mapping core.
 * @what: whose error codes the answer has
 *
 * Return: the core's part, with nothing requested yet but by whom
 */
struct map_wait *wanip_prepare(struct igd *, struct igd_call *call,
			       enum upnp_call what);

/**
 * wanip_parse_add - the eight arguments of AddPortMapping and AddAnyPortMapping
 * as a request.
 * @ret: as wanip_prepare() left it; any_port is read: an external port of 0 is
 *       allowed, otherwise it is 716
 *
 * Return: 0, or the code for what is wrong with one of them
 */
int wanip_parse_add(const struct igd_call *, struct map_request *ret);

/** wanip_result - translate what map_add(), map_delete() or map_delete_range()
 * returned. Return: 0, an upnp_err, or IGD_WAIT */
int wanip_result(const struct igd_call *, int res);

/** wanip_connected - is there an external address, and a link? */
bool wanip_connected(const struct igd *);

/** wanip_dummy_shown - does the dummy stand in for mappings now? There are
 * none, and PortMappingNumberOfEntries is 1 (show-dummy-rule). */
bool wanip_dummy_shown(const struct igd *);

igd_action_fn wanip_set_connection_type, wanip_get_connection_type_info,
	wanip_request_connection, wanip_request_termination,
	wanip_force_termination, wanip_get_status_info,
	wanip_get_nat_rsip_status, wanip_get_generic_entry,
	wanip_get_specific_entry, wanip_add, wanip_delete,
	wanip_get_external_ip;

/* Where the service's variables come from: igd_service.reader. */
extern const struct igd_reader wanip_reader[];

#endif
