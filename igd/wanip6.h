/* SPDX-License-Identifier: ISC */
/*
 * wanip6.h - WANIPv6FirewallControl:1: pinholes through the IPv6 firewall.
 * Runs in: engine
 */
#ifndef IGD_WANIP6_H
#define IGD_WANIP6_H

#include "igd/igd.h"

igd_action_fn wanip6_get_status, wanip6_get_timeout, wanip6_add, wanip6_update,
	wanip6_delete, wanip6_get_packets, wanip6_check_working;

/* Where the service's variables come from: igd_service.reader. */
extern const struct igd_reader wanip6_reader[];

#endif
