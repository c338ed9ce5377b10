/* SPDX-License-Identifier: ISC */
/* rulecheck.h - the monitor's checks of a rule that the engine requests. They
 * log why they refuse one.
 * Runs in: monitor */
#ifndef MONITOR_RULECHECK_H
#define MONITOR_RULECHECK_H

#include "monitor/broker.h"

#define RULECHECK_OVER_LIMIT \
	"engine asked for more than max-mappings-per-client"

/**
 * rulecheck_policy - does the policy allow the rule, and can there be one?
 *
 * An honest engine makes the same check before it asks. So a refusal means that
 * the engine cannot be trusted, or that a network disappeared after the engine
 * read the interfaces and before we did.
 * Return: NAT_OK, NAT_EREFUSED, NAT_EKIND
 */
enum nat_err rulecheck_policy(struct broker *, const struct nat_rule *rule);

/**
 * rulecheck_client - may the client have one more rule?
 * @b: the rules that wait in this turn; they count
 *
 * The limit applies to the mappings of a host. The engine counts a rule until
 * its deletion is done, so an honest engine never exceeds the limit. Pinholes
 * have none here, but max-pinholes in all: the engine counts them by the host
 * that asked, whatever its addresses, and the monitor does not know that host.
 * Return: NAT_OK, NAT_ENOSPC
 */
enum nat_err rulecheck_client(struct broker *, const struct broker_batch *b,
			      const struct nat_rule *rule);

/**
 * rulecheck_port - may the mapping, new or renewed, have its port?
 *
 * Not if the router itself serves the port, if the administrator forwards it,
 * or if the packets would be dropped. A pinhole does not conflict, because its
 * packets are for the client's own address. If the mapping is in force and its
 * port is taken, a look is due (overrule.h).
 * Return: as taken_check()
 */
enum nat_err rulecheck_port(struct broker *, const struct nat_rule *rule);

/**
 * rulecheck_flow - may the engine ask for the flow of this rule?
 *
 * It must be a port mapping but for its external port, with a remote host and
 * port, for a client in an internal network that is not the router. The engine
 * has no reason to know of other flows.
 * Return: NAT_OK, NAT_EREFUSED
 */
enum nat_err rulecheck_flow(const struct broker *, const struct nat_rule *rule);

#endif
