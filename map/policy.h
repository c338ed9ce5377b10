/* SPDX-License-Identifier: ISC */
/*
 * policy.h - who may map what. Pure: both the engine, to answer the control
 * point, and the monitor, which does not believe the engine, ask here.
 */
#ifndef MAP_POLICY_H
#define MAP_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/limits.h"
#include "map/nat_rule.h"
#include "sys/netif.h"

/* allow|deny EXT-PORTS NETWORK INT-PORTS, in the order of the file. */
struct policy_rule {
	bool allow;
	uint16_t ext_lo, ext_hi, int_lo, int_hi;
	uint32_t net_ip, net_mask;	/* host order */
	unsigned line;			/* of the configuration, for the log */
};

struct policy {
	const struct policy_rule *rule;	/* of the configuration */
	size_t rule_n;
	bool secure;		/* a client maps only to itself */
	struct netif_addr net[NETIF_ADDRS_MAX];	/* internal networks */
	size_t net_n;
	uint32_t own_ip[NETIF_ADDRS_MAX];	/* every router address */
	size_t own_n;
};

/* Well-known ports are the router's and the server's: WANIPConnection:2
 * 2.3.20 lets a control point without authorisation have 1024 and up. */
#define POLICY_PORT_FLOOR 1024

enum policy_verdict {
	POLICY_OK,
	POLICY_SECURE,	/* another host than the one that asks */
	POLICY_OUTSIDE, /* not in an internal network */
	POLICY_ROUTER,	/* the router itself */
	POLICY_SPECIAL, /* loopback, multicast, broadcast, 0.x, network */
	POLICY_RULE,	/* a deny line, or no line matched */
	POLICY_REMOTE,	/* a remote host that is no unicast address */
	POLICY__MAX,
};

/**
 * policy_check - may this rule be?
 * @requester_ip: who asks, for secure mode; 0: not known (the monitor), then
 *            secure mode is not judged
 * @ret_line: set to the deciding line's number, 0 where no line decided;
 *            NULL is fine
 *
 * Without any line: external and internal ports 1024-65535 for every internal
 * network. Source: DESIGN (allow, deny); WANIPConnection:2 2.3.20 for the port
 * floor; PROTOCOL 4 (UPnProxy).
 */
enum policy_verdict policy_check(const struct policy *,
				 const struct nat_rule *, uint32_t requester_ip,
				 unsigned *ret_line);

/* Ports from lo to hi, both in. */
struct policy_ports {
	uint16_t lo, hi;
};
/* Each line has two ends, each of which may begin another range. */
#define POLICY_PORTS_MAX (2 * CONF_RULES_MAX + 1)

/**
 * policy_ports - the external ports that the lines allow @rule to have.
 * @rule: its client and internal port count; its external port does not
 * @from: no port below
 * @ret:  in rising order, apart from each other
 *
 * Judges the lines alone: ask policy_check() for the rest.
 * Return: how many ranges
 */
size_t policy_ports(const struct policy *, const struct nat_rule *rule,
		    uint16_t from, struct policy_ports ret[POLICY_PORTS_MAX]);

/** policy_text - the verdict in words for the log, a literal. */
const char *policy_text(enum policy_verdict);

/** policy_net_of - the internal network that holds @ip, or NULL. */
const struct netif_addr *policy_net_of(const struct policy *, uint32_t ip);

/** policy_unicast - is @ip an address a host can have (not 0/8, 127/8,
 * 224/4, 240/4)? */
bool policy_unicast(uint32_t ip);

/** policy_private - is @ip RFC 1918, CGNAT (RFC 6598) or link-local? An
 * external address of that kind is behind another NAT. */
bool policy_private(uint32_t ip);

#endif
