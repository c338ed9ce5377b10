/* SPDX-License-Identifier: ISC */
/*
 * refusal.h - every reason for which a control point does not get what it asks
 * for although it asked rightly: counted, logged, and shown to the operator.
 */
#ifndef IGD_REFUSAL_H
#define IGD_REFUSAL_H

#include "igd/policy.h"

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
	IGD_REF_PORT,		/* the router serves that port itself */
	IGD_REF_NO_ADDRESS,	/* there is no external address now */
	IGD_REF_FIREWALL,	/* the firewall did not take it */
	IGD_REF_LINK,		/* allow-disable-external-interface */
	IGD_REF_SUBSCRIBERS,	/* too many subscriptions */
	IGD_REF_HOST,		/* a Host that is not us (DNS rebinding) */
	IGD_REF_CONNECTIONS,	/* too many connections */
	IGD_REFUSALS,
};

_Static_assert((int)IGD_REF_OWNER == (int)POLICY__MAX, "policy's come first");

/** igd_refusal_name - one word for machines, "max-mappings"; a literal. */
const char *igd_refusal_name(enum igd_refusal);

/** igd_refusal_text - in words, for the log and the operator; a literal. */
const char *igd_refusal_text(enum igd_refusal);

#endif
