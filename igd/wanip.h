/* SPDX-License-Identifier: ISC */
/* wanip.h - WANIPConnection: the actions of version 1, and the functions that
 * wanip2.c shares with them.
 * Runs in: engine */
#ifndef IGD_WANIP_H
#define IGD_WANIP_H

#include "igd/igd.h"
#include "igd/upnp_err.h"

/**
 * wanip_prepare - prepare the wait of @call for a request to the mapping core.
 * @what: the action whose error codes the answer uses
 *
 * Return: the core's part of the wait. Of its request, only the requester is
 * set. Its done() gives a mapping's external port to the control point; an
 * action with another value sets its own.
 */
struct map_wait *wanip_prepare(struct igd *, struct igd_call *call,
			       enum upnp_call what);

/**
 * wanip_parse_add - parse the eight arguments of AddPortMapping and
 * AddAnyPortMapping into a request.
 * @ret: as wanip_prepare() left it. With MAP_PORT_WISHED, an external port of 0
 *       is 716
 *
 * Return: 0, or the error code for the first invalid argument
 */
int wanip_parse_add(const struct igd_call *, struct map_request *ret);

/** wanip_result - translate the result of map_add(), map_delete() or
 * map_delete_range(). Return: 0, an enum upnp_err, or IGD_WAIT */
int wanip_result(const struct igd_call *, int res);

/**
 * wanip_parse_host - parse a remote host.
 * @s: "" means any host in the standards; scripts write "*", "0.0.0.0" or "::"
 * @ret: an address of @family, or ADDR_ANY
 *
 * Return: 0, 600 (not an address of @family), 402 (not one of a host)
 */
int wanip_parse_host(struct str s, enum addr_family family, struct addr *ret);

/** wanip_connected - is there a link, and an external address or IPv6? */
bool wanip_connected(const struct igd *);

/**
 * wanip_dummy_shown - do clients see the dummy mapping now?
 *
 * They do if there are no mappings (show-dummy-rule);
 * PortMappingNumberOfEntries is 1 then. For a minute after a client deleted it
 * they do not: some delete the first entry until there is none.
 */
bool wanip_dummy_shown(const struct igd *, uint64_t now_ms);

/** wanip_dummy_delete - hide the dummy mapping, if it is shown and in that range
 * of external ports. Return: true if it was */
bool wanip_dummy_delete(struct igd *, uint8_t proto, uint32_t lo, uint32_t hi,
			uint64_t now_ms);

igd_action_fn wanip_set_connection_type, wanip_get_connection_type_info,
	wanip_request_connection, wanip_terminate, wanip_get_status_info,
	wanip_get_nat_rsip_status, wanip_get_generic_entry,
	wanip_get_specific_entry, wanip_add, wanip_delete,
	wanip_get_external_ip;

/* Where the service's variables come from: igd_service.reader. */
extern const struct igd_reader wanip_reader[];

#endif
