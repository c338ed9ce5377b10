/* SPDX-License-Identifier: ISC */
/*
 * refusal.h - every reason to refuse a request that is well-formed.
 *
 * The mapping core, the policy and the mapping table all answer with one of
 * these. A protocol translates it to its own error codes (igd/upnp_err.h). The
 * engine counts refusals, logs them and shows them to the operator.
 * Runs in: any
 */
#ifndef MAP_REFUSAL_H
#define MAP_REFUSAL_H

#include "base/addr.h"
#include "base/limits.h"
#include "base/wr.h"
#include "map/nat_rule.h"
#include "map/origin.h"

enum refusal {
	REFUSAL_NONE,
	/* policy_check() */
	REFUSAL_SECURE,		/* for another host than the requester */
	REFUSAL_OUTSIDE,	/* the client is in no internal network */
	REFUSAL_ROUTER,		/* the client is the router itself */
	REFUSAL_SPECIAL,	/* the client's address is loopback, multicast,
				 * broadcast, in 0/8, or a network's own */
	REFUSAL_RULE,		/* a deny line, or no line matched */
	REFUSAL_REMOTE,		/* the remote host is not a unicast address */
	REFUSAL_ALL_PORTS,	/* a pinhole for every port; no line allows it
				 */
	/* the mapping core and its table */
	REFUSAL_OWNER,		/* deletes another client's mapping */
	REFUSAL_OPERATOR,	/* changes or deletes the operator's mapping */
	REFUSAL_NONCE,		/* a PCP request has another nonce than the
				 * mapping, or the mapping is not the protocol's
				 * own */
	REFUSAL_CONFLICT,	/* another client has that port */
	REFUSAL_FULL,		/* max-mappings */
	REFUSAL_CLIENT_FULL,	/* max-mappings-per-client */
	REFUSAL_PINHOLES,	/* max-pinholes, or an interface's share of it
				 */
	REFUSAL_RATE,		/* too many new mappings a second */
	REFUSAL_NO_PORT,	/* any port is acceptable, but none is free */
	/* the monitor's answers (refusal_of_nat()) */
	REFUSAL_PORT,		/* the router serves that port itself */
	REFUSAL_FORWARDED,	/* the administrator forwards that port */
	REFUSAL_BLOCKED,	/* the administrator's firewall drops its
				 * packets */
	REFUSAL_NO_ADDRESS,	/* there is no external address now */
	REFUSAL_FIREWALL,	/* the change of the firewall failed */
	REFUSAL_KIND,		/* the backend makes no such rules */
	REFUSAL_MONITOR,	/* the monitor's own check forbids it */
	/* the NAT in front of the router (ask-upstream) */
	REFUSAL_UPSTREAM,	/* it refuses the port, or does not answer */
	REFUSAL_UPSTREAM_PORT,	/* it assigns another port than the wished one
				 */
	/* the engine's other services */
	REFUSAL_LINK,		/* allow-disable-external-interface */
	REFUSAL_SUBSCRIBERS,	/* too many subscriptions */
	REFUSAL_HOST,		/* from a web page: Host, Origin, Referer */
	REFUSAL_CONNECTIONS,	/* too many connections, or too slow ones */
	REFUSALS,		/* those above are counted and logged */
	/* Not counted: many clients delete a mapping before they add it. */
	REFUSAL_NOT_FOUND = REFUSALS,	/* there is no such mapping */
	REFUSAL__MAX,
};

_Static_assert(REFUSALS <= 32, "bits of refusal_counts.client.logged");

/* One refusal, with what the log needs. */
struct refused {
	enum refusal why;
	enum origin origin;
	struct addr client;	/* the requester; ADDR_NONE: the operator */
	int ifindex;		/* the interface on which it asked; 0: not
				 * known */
	struct nat_rule rule;	/* the mapping; kind 0: not about a mapping */
	unsigned line;		/* of the configuration that decided, or 0 */
};

/* How often each reason occurred, and which clients had a log line recently.
 * Zeroed at the start. */
struct refusal_counts {
	uint32_t n[REFUSALS];
	struct {
		struct addr share;
		uint32_t muted;		/* refusals since its last line */
		uint32_t logged;	/* reasons with a line: bits */
		uint64_t due_ms;	/* until then; 0: a free place */
	} client[REFUSAL_CLIENTS_MAX];
};

/**
 * refusal_of_nat - the monitor's answer to an operation, as a refusal.
 * @err: NAT_OK is REFUSAL_NONE; an unknown number is REFUSAL_FIREWALL
 *
 * The one place where enum nat_err is translated.
 */
enum refusal refusal_of_nat(enum nat_err err);

/**
 * refusal_count - count a refusal, and decide whether to log it.
 * @r: its reason is below REFUSALS
 * @share: what the client is counted by (addr_share()), so that a host cannot
 *         take all lines by its number of IPv6 addresses
 * @ret_muted: how many refusals of that client were not logged since its last
 *             line; set only when true is returned
 *
 * Each client gets one line for each reason in REFUSAL_LOG_MS from its first
 * one, and up to REFUSAL_CLIENTS_MAX clients get lines in that time. The
 * refusals of further clients are only counted. All of the operator's are
 * logged: there are few, and each may be the only report that a mapping is
 * missing.
 *
 * Return: true: log it
 */
bool refusal_count(struct refusal_counts *, const struct refused *r,
		   struct addr share, uint64_t now_ms, uint32_t *ret_muted);

/* The settings that refuse requests. */
struct refusal_settings {
	uint32_t max_mappings, per_client, max_pinholes;
	uint32_t adds_per_s;
	size_t rule_n;		/* allow and deny lines in force */
};

/** refusal_put - write the log line: requester, mapping, and the reason with the
 * line or the setting that decided; where no line allows it, the line to add. */
void refusal_put(struct wr *, const struct refused *,
		 const struct refusal_settings *s);

/** refusal_name - one word for machines, "max-mappings"; a literal. */
const char *refusal_name(enum refusal);

/** refusal_text - a phrase for the log and the operator; a literal. */
const char *refusal_text(enum refusal);

#endif
