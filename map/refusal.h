/* SPDX-License-Identifier: ISC */
/*
 * refusal.h - every reason for which a control point does not get what it asks
 * for although it asked rightly: counted, logged, and shown to the operator.
 */
#ifndef MAP_REFUSAL_H
#define MAP_REFUSAL_H

#include "base/str.h"
#include "map/policy.h"

/* Those of policy first, in its order. */
enum igd_refusal {
	IGD_REF_NONE,
	IGD_REF_SECURE = POLICY_SECURE,
	IGD_REF_OUTSIDE = POLICY_OUTSIDE,
	IGD_REF_ROUTER = POLICY_ROUTER,
	IGD_REF_SPECIAL = POLICY_SPECIAL,
	IGD_REF_RULE = POLICY_RULE,
	IGD_REF_REMOTE = POLICY_REMOTE,
	IGD_REF_OWNER,		/* another client's mapping, to be deleted */
	IGD_REF_OPERATOR,	/* the operator's, to be changed or deleted */
	IGD_REF_CONFLICT,	/* another client has that port */
	IGD_REF_FULL,		/* max-mappings, or no port left */
	IGD_REF_CLIENT_FULL,	/* max-mappings-per-client */
	IGD_REF_RATE,		/* too many new mappings a second */
	IGD_REF_PORT,		/* the router serves that port itself */
	IGD_REF_NO_ADDRESS,	/* there is no external address now */
	IGD_REF_FIREWALL,	/* the firewall did not take it */
	IGD_REF_LINK,		/* allow-disable-external-interface */
	IGD_REF_SUBSCRIBERS,	/* too many subscriptions */
	IGD_REF_HOST,		/* a web page asks: Host, Origin, Referer */
	IGD_REF_CONNECTIONS,	/* too many connections */
	IGD_REFUSALS,
};

_Static_assert((int)IGD_REF_OWNER == (int)POLICY__MAX, "policy's come first");

/* One of them, as it came about. */
struct igd_refused {
	enum igd_refusal why;
	uint32_t client_ip;	/* who asked; 0: the operator */
	struct nat_rule rule;	/* what for; kind 0: no mapping */
	unsigned line;		/* of the configuration that decided, or 0 */
};

/* How often, and whom the log has told of lately. Zeroed at the start. */
struct igd_refusals {
	uint32_t n[IGD_REFUSALS];
	struct {
		uint32_t ip, muted;	/* refusals since its last line */
		uint64_t due_ms;	/* no line before; 0: a free place */
	} client[REFUSAL_CLIENTS_MAX];
};

/**
 * igd_refusals_count - count it; is it one for the log?
 * @ret_muted: how many of that client were not, since its last line
 *
 * A line a client every REFUSAL_LOG_MS, for as many clients in that time as
 * there are places; those beyond are only counted.
 */
bool igd_refusals_count(struct igd_refusals *, const struct igd_refused *,
			uint64_t now_ms, uint32_t *ret_muted);

/** igd_refused_put - who asked for what, and why not, as a line for the log. */
void igd_refused_put(struct wr *, const struct igd_refused *);

/** igd_refusal_name - one word for machines, "max-mappings"; a literal. */
const char *igd_refusal_name(enum igd_refusal);

/** igd_refusal_text - in words, for the log and the operator; a literal. */
const char *igd_refusal_text(enum igd_refusal);

#endif
