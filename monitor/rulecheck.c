/* SPDX-License-Identifier: ISC */
/* rulecheck.c - which rules the engine may have. Runs in: monitor */
#include "base/log.h"
#include "base/wr.h"
#include "map/refusal.h"
#include "monitor/enginelog.h"
#include "monitor/rulecheck.h"
#include "natfw/table.h"

static bool may_log(struct broker *g)
{
	return enginelog_may(&g->rate, g->now_ms);
}

enum nat_err rulecheck_policy(struct broker *g, const struct nat_rule *rule)
{
	enum refusal v;

	if (!nat_rule_sane(rule))
		return NAT_EREFUSED;
	/* Check this before the table changes, so that no request succeeds
	 * without a rule. */
	if (!natfw_takes(&g->fw, rule->kind) ||
	    (rule->kind == NAT_PINHOLE && !g->pinholes_max)) {
		if (may_log(g))
			log_warn("engine asked for a pinhole, and there can be "
				 "none");
		return NAT_EKIND;
	}
	v = policy_check(&g->policy, rule, addr_any(), NULL);
	if (v == REFUSAL_NONE)
		return NAT_OK;
	if (may_log(g))
		log_msg(v == REFUSAL_OUTSIDE ? LOG_INFO : LOG_WARNING,
			"engine asked for a rule that policy forbids: %s",
			refusal_text(v));
	return NAT_EREFUSED;
}

/* Does @rule raise its client's number of rules in the table? */
static bool adds_rule(const struct broker *g, const struct nat_rule *rule)
{
	const struct nat_rule *old = natfw_lookup(&g->fw, rule);

	return !old || !addr_equal(old->client, rule->client);
}

/* Clients try again, some of them every second: one line for a port and an
 * error is enough for a while. */
static bool may_log_port(struct broker *g, const struct nat_rule *rule,
			 enum nat_err err)
{
	size_t free = BROKER_PORTS_LOGGED;

	for (size_t i = 0; i < BROKER_PORTS_LOGGED; i++) {
		if (g->logged[i].due_ms <= g->now_ms)
			free = i;
		else if (g->logged[i].port == nat_rule_port(rule) &&
			 g->logged[i].proto == rule->proto &&
			 g->logged[i].err == err)
			return false;
	}
	if (free == BROKER_PORTS_LOGGED || !may_log(g))
		return false;
	g->logged[free].due_ms = g->now_ms + REFUSAL_LOG_MS;
	g->logged[free].port = nat_rule_port(rule);
	g->logged[free].proto = rule->proto;
	g->logged[free].err = (uint8_t)err;
	return true;
}

/* The client gets a code, the operator the rule. The router's own ports need no
 * line: the engine logs the refusal. */
static void log_port(struct broker *g, const struct nat_rule *rule,
		     enum nat_err err, const char *why)
{
	if (err == NAT_EFAIL) {
		if (may_log(g))
			log_err("cannot read the router's own ports: %s", why);
	} else if (err != NAT_ECONFLICT && may_log_port(g, rule, err)) {
		log_info("%s port %u is not %s %s: %s: %s",
			 nat_rule_proto(rule->proto), nat_rule_port(rule),
			 rule->kind == NAT_PINHOLE ? "opened for" :
						     "mapped to",
			 addr_text(rule->client).text,
			 refusal_text(refusal_of_nat(err)), why);
	}
}

enum nat_err rulecheck_port(struct broker *g, const struct nat_rule *rule)
{
	const bool in_force = !adds_rule(g, rule);
	char text[BROKER_WHY_MAX];
	struct wr why = wr_init_cut(text, sizeof(text));
	enum nat_err err;

	err = taken_check(&g->taken, rule, in_force, g->now_ms, &why);
	if (err == NAT_OK)
		return NAT_OK;
	log_port(g, rule, err, wr_cstr(&why));
	g->ask_due = true;
	g->look_due |= in_force && nat_rule_taken(err);
	return err;
}

enum nat_err rulecheck_client(struct broker *g, const struct broker_batch *b,
			      const struct nat_rule *rule)
{
	const size_t max = g->conf->max_per_client;
	const size_t enough = max > b->n ? max - b->n : 0;
	size_t n;

	if (rule->kind == NAT_PINHOLE)
		return NAT_OK;
	n = table_client_n(&g->fw, rule, enough);
	/* under the limit even if every rule of the batch is this client's */
	if (n < enough || !adds_rule(g, rule))
		return NAT_OK;
	for (size_t i = 0; i < b->n; i++)
		n += b->op[i].verb == NAT_SET &&
		     addr_equal(b->op[i].rule.client, rule->client) &&
		     adds_rule(g, &b->op[i].rule);
	if (n < max)
		return NAT_OK;
	if (may_log(g))
		log_warn(RULECHECK_OVER_LIMIT);
	return NAT_ENOSPC;
}

enum nat_err rulecheck_flow(const struct broker *g, const struct nat_rule *rule)
{
	struct nat_rule with_port = *rule;

	with_port.ext_port = 1;
	if (rule->kind != NAT_PORTMAP || !rule->remote_port ||
	    !nat_rule_sane(&with_port) ||
	    !policy_net_of(&g->policy, rule->client) ||
	    policy_is_router(&g->policy, rule->client))
		return NAT_EREFUSED;
	return NAT_OK;
}
