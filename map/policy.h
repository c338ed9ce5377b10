/* SPDX-License-Identifier: ISC */
/*
 * policy.h - which mappings are allowed.
 *
 * Pure but for policy.is_local. The engine checks a rule to answer the client;
 * the monitor checks it again, because it does not trust the engine.
 * Runs in: any
 */
#ifndef MAP_POLICY_H
#define MAP_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/limits.h"
#include "map/nat_rule.h"
#include "map/refusal.h"
#include "sys/netif.h"

/* allow|deny EXT-PORTS NETWORK INT-PORTS, in the order of the file. */
struct policy_rule {
	bool allow;
	uint16_t ext_lo, ext_hi, int_lo, int_hi;
	struct addr_net net;		/* matches its own family only */
	unsigned line;			/* of the configuration, for the log */
};

#define POLICY_NETS_MAX (NETIF_ADDRS_MAX + CONF_NETWORKS_ALL)

struct policy {
	const struct policy_rule *rule;	/* of the configuration */
	size_t rule_n;
	bool secure;		/* a client maps only to itself */
	struct netif_addr net[POLICY_NETS_MAX];	/* internal networks */
	size_t net_n;
	struct addr own[NETIF_ADDRS_MAX];	/* addresses of the router */
	size_t own_n;
	bool own_cut;		/* the router has more of them */
	/* route_is_local(), if the router has more of them: it knows them all,
	 * and the routes of type local; NULL: @own decides */
	int (*is_local)(struct addr a, int master);
};

/* Well-known ports are for the router and for servers: WANIPConnection:2 2.3.20
 * allows a control point without authorisation only ports from 1024 on. */
#define POLICY_PORT_FLOOR 1024

/**
 * policy_check - does the policy allow this rule?
 * @requester: for secure mode. ADDR_ANY: do not check secure mode (for the
 *             monitor, which does not know the requester, and for the operator,
 *             who may map to any client)
 * @ret_line: set to the number of the line that decided, 0 if none did; may be
 *            NULL
 *
 * Without lines, external and internal ports 1024-65535 are allowed for every
 * internal network. The external port of a pinhole is its internal port, because
 * nothing is translated. A pinhole for every port needs an allow line with
 * 0-65535 for both. Source: upnpd.conf(5), allow and deny; WANIPConnection:2
 * 2.3.20 for the port floor; docs/protocol.md, "Attacks" (UPnProxy).
 *
 * Return: REFUSAL_NONE, or one of REFUSAL_SECURE to REFUSAL_ALL_PORTS
 */
enum refusal policy_check(const struct policy *, const struct nat_rule *,
			  struct addr requester, unsigned *ret_line);

/* Ports from lo to hi, both included. */
struct policy_ports {
	uint16_t lo, hi;
};
/* Each line has two ends, each of which may begin another range. */
#define POLICY_PORTS_MAX (2 * CONF_RULES_MAX + 1)

/**
 * policy_ports - the external ports that the lines allow @rule to have.
 * @rule: its client and internal port are read; its external port is not
 * @from: the lowest port to return
 * @ret:  ranges in rising order; no two of them touch
 *
 * Checks the lines alone: call policy_check() for the rest.
 * Return: number of ranges
 */
size_t policy_ports(const struct policy *, const struct nat_rule *rule,
		    uint16_t from, struct policy_ports ret[POLICY_PORTS_MAX]);

/** policy_is_router - is @a an address of the router? An address outside the
 * internal networks is looked up in policy.own alone. */
bool policy_is_router(const struct policy *, struct addr a);

/** policy_net_of - the internal network that holds @a, or NULL. */
const struct netif_addr *policy_net_of(const struct policy *, struct addr a);

/** policy_on_link - is @a in an internal network of that interface, and not
 * behind another router? Of several networks that hold it the smallest decides,
 * as it does for the kernel's routes. */
bool policy_on_link(const struct policy *, int ifindex, struct addr a);

#endif
