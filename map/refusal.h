/* SPDX-License-Identifier: ISC */
/*
 * refusal.h - every reason for which a control point does not get what it asks
 * for although it asked rightly: counted, logged, and shown to the operator.
 */
#ifndef MAP_REFUSAL_H
#define MAP_REFUSAL_H

#include "base/str.h"
#include "base/wr.h"
#include "map/policy.h"

/* Those of policy first, in its order. */
enum refusal {
	REFUSAL_NONE,
	REFUSAL_SECURE = POLICY_SECURE,
	REFUSAL_OUTSIDE = POLICY_OUTSIDE,
	REFUSAL_ROUTER = POLICY_ROUTER,
	REFUSAL_SPECIAL = POLICY_SPECIAL,
	REFUSAL_RULE = POLICY_RULE,
	REFUSAL_REMOTE = POLICY_REMOTE,
	REFUSAL_OWNER,		/* another client's mapping, to be deleted */
	REFUSAL_OPERATOR,	/* the operator's, to be changed or deleted */
	REFUSAL_CONFLICT,	/* another client has that port */
	REFUSAL_FULL,		/* max-mappings, or no port left */
	REFUSAL_CLIENT_FULL,	/* max-mappings-per-client */
	REFUSAL_RATE,		/* too many new mappings a second */
	REFUSAL_PORT,		/* the router serves that port itself */
	REFUSAL_NO_ADDRESS,	/* there is no external address now */
	REFUSAL_FIREWALL,	/* the firewall did not take it */
	REFUSAL_LINK,		/* allow-disable-external-interface */
	REFUSAL_SUBSCRIBERS,	/* too many subscriptions */
	REFUSAL_HOST,		/* a web page asks: Host, Origin, Referer */
	REFUSAL_CONNECTIONS,	/* too many connections */
	REFUSALS,
};

_Static_assert((int)REFUSAL_OWNER == (int)POLICY__MAX, "policy's come first");

/* One of them, as it came about. */
struct refused {
	enum refusal why;
	uint32_t client_ip;	/* who asked; 0: the operator */
	struct nat_rule rule;	/* what for; kind 0: no mapping */
	unsigned line;		/* of the configuration that decided, or 0 */
};

/* How often, and whom the log has told of lately. Zeroed at the start. */
struct refusal_counts {
	uint32_t n[REFUSALS];
	struct {
		uint32_t ip, muted;	/* refusals since its last line */
		uint64_t due_ms;	/* no line before; 0: a free place */
	} client[REFUSAL_CLIENTS_MAX];
};

/**
 * refusal_count - count it; is it one for the log?
 * @ret_muted: how many of that client were not, since its last line
 *
 * A line a client every REFUSAL_LOG_MS, for as many clients in that time as
 * there are places; those beyond are only counted.
 */
bool refusal_count(struct refusal_counts *, const struct refused *,
			uint64_t now_ms, uint32_t *ret_muted);

/** refusal_put - who asked for what, and why not, as a line for the log. */
void refusal_put(struct wr *, const struct refused *);

/** refusal_name - one word for machines, "max-mappings"; a literal. */
const char *refusal_name(enum refusal);

/** refusal_text - in words, for the log and the operator; a literal. */
const char *refusal_text(enum refusal);

#endif
