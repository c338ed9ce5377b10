/* SPDX-License-Identifier: ISC */
/*
 * wanip.h - WANIPConnection: the actions that version 1 has, and what wanip2.c
 * shares with them.
 *
 * Runs in: engine
 */
#ifndef IGD_WANIP_H
#define IGD_WANIP_H

#include "igd/igd.h"

/**
 * wanip_parse_request - the eight arguments of AddPortMapping and
 * AddAnyPortMapping as a request.
 * @any: an external port of 0 is fine; else it is 716
 *
 * Return: 0, or the code for what is wrong with one of them
 */
int wanip_parse_request(const struct igd *, const struct igd_call *, bool any,
			struct pm_req *ret);

/** wanip_check_policy - may the requester have @rule? A refusal is told to
 * ops->refused.
 * @fine: a verdict that is as good as REFUSAL_NONE here
 *
 * Return: 0, or as upnp_err_refused() */
int wanip_check_policy(struct igd *, const struct igd_call *,
		const struct nat_rule *rule, enum refusal fine);

/**
 * wanip_rate_limited - does the requester make new mappings too fast?
 *
 * Each costs the firewall a change. A client may fill its share
 * (max-mappings-per-client, ADDS_PER_S_MIN at least) once a second; a renewal
 * costs nothing.
 * Return: 0, 501 at version 1, 728 from version 2 on
 */
int wanip_rate_limited(struct igd *, const struct igd_call *,
		       const struct pm_req *);

/** wanip_start - wait_start() for the wait of @call, whose request is set.
 * @what: IGD_WAIT_... */
int wanip_start(struct igd *, struct igd_call *call, uint8_t what);

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
