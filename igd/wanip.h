/* SPDX-License-Identifier: ISC */
/* wanip.h - what the two files of WANIPConnection share. */
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
 * @fine: a verdict that is as good as POLICY_OK here
 *
 * Return: 0, or as upnp_err_refused() */
int wanip_check_policy(struct igd *, const struct igd_call *,
		const struct nat_rule *rule, enum policy_verdict fine);

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

#endif
