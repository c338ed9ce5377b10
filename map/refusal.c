/* SPDX-License-Identifier: ISC */
/* refusal.c - the names and texts of refusals, their counters, and which of
 * them are logged.
 * Runs in: any */
#include "base/wr.h"
#include "map/policy.h"
#include "map/refusal.h"
#include "map/ruletext.h"

static const struct {
	const char *name, *text;
} reasons[REFUSAL__MAX] = {
	[REFUSAL_NONE] = { "none", "not refused" },
	[REFUSAL_SECURE] = { "secure-mode",
		"secure mode: the client is another host" },
	[REFUSAL_OUTSIDE] = { "outside",
		"the client is in no internal network" },
	[REFUSAL_ROUTER] = { "router", "the client is the router itself" },
	[REFUSAL_SPECIAL] = { "address",
		"the client is not a host's address" },
	[REFUSAL_RULE] = { "rule", "the configuration does not allow it" },
	[REFUSAL_REMOTE] = { "remote-host",
		"the remote host is not a host's address" },
	[REFUSAL_ALL_PORTS] = { "all-ports",
		"no line allows all ports of that client" },
	[REFUSAL_OWNER] = { "owner", "the mapping is another client's" },
	[REFUSAL_OPERATOR] = { "operator", "the mapping is the operator's" },
	[REFUSAL_NONCE] = { "nonce",
		"made with another PCP nonce, or by another protocol" },
	[REFUSAL_CONFLICT] = { "conflict", "another client has that port" },
	[REFUSAL_FULL] = { "max-mappings", "max-mappings is reached" },
	[REFUSAL_CLIENT_FULL] = { "max-mappings-per-client",
		"max-mappings-per-client is reached" },
	[REFUSAL_PINHOLES] = { "max-pinholes", "max-pinholes is reached" },
	[REFUSAL_RATE] = { "rate", "too many new mappings at once" },
	[REFUSAL_NO_PORT] = { "no-port", "every allowed port is taken" },
	[REFUSAL_PORT] = { "port", "the router serves that port itself" },
	[REFUSAL_FORWARDED] = { "forwarded",
		"a rule of the firewall forwards that port" },
	[REFUSAL_BLOCKED] = { "blocked",
		"the firewall drops packets to it" },
	[REFUSAL_NO_ADDRESS] = { "no-address",
		"there is no external address" },
	[REFUSAL_FIREWALL] = { "firewall", "the firewall change failed" },
	[REFUSAL_KIND] = { "backend",
		"the firewall backend makes no such rules" },
	[REFUSAL_MONITOR] = { "monitor", "the monitor does not allow it" },
	[REFUSAL_UPSTREAM] = { "upstream",
		"the NAT in front of this router does not forward that port" },
	[REFUSAL_UPSTREAM_PORT] = { "upstream-port",
		"the NAT in front of this router assigns another port" },
	[REFUSAL_LINK] = { "link", "allow-disable-external-interface is no" },
	[REFUSAL_SUBSCRIBERS] = { "subscribers", "too many subscriptions" },
	[REFUSAL_HOST] = { "web-page",
		"its Host, Origin or Referer is not this router's address, "
		"as if a web page had sent it" },
	[REFUSAL_CONNECTIONS] = { "connections",
		"too many connections, or too slow ones" },
	[REFUSAL_NOT_FOUND] = { "not-found", "there is no such mapping" },
};

const char *refusal_name(enum refusal r)
{
	return (unsigned)r < REFUSAL__MAX ? reasons[r].name : "unknown";
}

const char *refusal_text(enum refusal r)
{
	return (unsigned)r < REFUSAL__MAX ? reasons[r].text : "unknown reason";
}

enum refusal refusal_of_nat(enum nat_err err)
{
	switch (err) {
	case NAT_OK:
		return REFUSAL_NONE;
	case NAT_EREFUSED:
		return REFUSAL_MONITOR;
	case NAT_ECONFLICT:
		return REFUSAL_PORT;
	case NAT_EFORWARDED:
		return REFUSAL_FORWARDED;
	case NAT_EBLOCKED:
		return REFUSAL_BLOCKED;
	case NAT_EKIND:
		return REFUSAL_KIND;
	case NAT_ENOSPC:
		return REFUSAL_FULL;
	case NAT_ENOADDR:
		return REFUSAL_NO_ADDRESS;
	default:
		return REFUSAL_FIREWALL;
	}
}

bool refusal_count(struct refusal_counts *rs, const struct refused *r,
		   struct addr share, uint64_t now_ms, uint32_t *ret_muted)
{
	const uint32_t bit = UINT32_C(1) << r->why;
	size_t i, place = REFUSAL_CLIENTS_MAX;

	rs->n[r->why]++;
	if (r->origin == ORIGIN_OPERATOR) {
		*ret_muted = 0;
		return true;
	}
	for (i = 0; i < REFUSAL_CLIENTS_MAX; i++) {
		if (rs->client[i].due_ms &&
		    addr_equal(rs->client[i].share, share)) {
			place = i;
			break;
		}
		if (rs->client[i].due_ms <= now_ms)
			place = i;
	}
	if (place == REFUSAL_CLIENTS_MAX)
		return false;
	if (rs->client[place].due_ms <= now_ms) {
		rs->client[place].due_ms = now_ms + REFUSAL_LOG_MS;
		rs->client[place].logged = 0;
	}
	if (rs->client[place].logged & bit) {
		rs->client[place].muted++;
		return false;
	}
	*ret_muted = i < REFUSAL_CLIENTS_MAX ? rs->client[place].muted : 0;
	rs->client[place].share = share;
	rs->client[place].muted = 0;
	rs->client[place].logged |= bit;
	return true;
}

/* Name the line that would allow it. The first line ends the default, which
 * allows the ports from 1024 on. */
static void put_remedy(struct wr *w, const struct nat_rule *rule, bool any_line)
{
	const uint16_t ext_port = nat_rule_port(rule);

	wr_z(w, "; to allow it, add \"allow ");
	if (ext_port)
		wr_fmt(w, "%u ", ext_port);
	else
		wr_z(w, "0-65535 ");
	addr_write(w, rule->client);
	if (rule->int_port)
		wr_fmt(w, " %u\"", rule->int_port);
	else
		wr_z(w, " 0-65535\"");
	if (!any_line)
		wr_z(w, ", and lines for the other ports, because the default "
			"ends with the first line");
}

static void put_by_line(struct wr *w, const struct refused *r, bool any_line)
{
	if (r->line) {
		wr_fmt(w, "line %u denies it", r->line);
		return;
	}
	if (r->why == REFUSAL_ALL_PORTS)
		wr_z(w, refusal_text(r->why));
	else if (any_line)
		wr_z(w, "no allow line matches it");
	else
		wr_fmt(w, "the default allows ports from %d on",
		       POLICY_PORT_FLOOR);
	put_remedy(w, &r->rule, any_line);
}

static void put_limit(struct wr *w, const char *option, uint32_t value)
{
	wr_fmt(w, "%s = %u is reached", option, (unsigned)value);
}

static void put_reason(struct wr *w, const struct refused *r,
		       const struct refusal_settings *s)
{
	switch (r->why) {
	case REFUSAL_RULE:
	case REFUSAL_ALL_PORTS:
		put_by_line(w, r, s->rule_n != 0);
		return;
	case REFUSAL_FULL:
		put_limit(w, "max-mappings", s->max_mappings);
		return;
	case REFUSAL_CLIENT_FULL:
		put_limit(w, "max-mappings-per-client", s->per_client);
		return;
	case REFUSAL_PINHOLES:
		put_limit(w, "max-pinholes", s->max_pinholes);
		return;
	case REFUSAL_SECURE:
		wr_z(w, "secure-mode = yes: the client is another host");
		return;
	case REFUSAL_RATE:
		wr_fmt(w, "%s: %u a second", refusal_text(r->why),
		       (unsigned)s->adds_per_s);
		return;
	default:
		wr_z(w, refusal_text(r->why));
	}
	if (r->line)
		wr_fmt(w, " (line %u)", r->line);
}

void refusal_put(struct wr *w, const struct refused *r,
		 const struct refusal_settings *s)
{
	wr_z(w, "refused ");
	if (r->origin == ORIGIN_OPERATOR)
		wr_z(w, "the operator");
	else
		addr_write(w, r->client);
	if (r->origin != ORIGIN_OPERATOR && r->rule.kind)
		wr_fmt(w, " (%s)", origin_name(r->origin));
	wr_z(w, ": ");
	/* a request about a UniqueID that does not exist has no client */
	if (r->rule.kind == NAT_PORTMAP || addr_is_set(r->rule.client)) {
		ruletext_put(w, &r->rule);
		wr_z(w, ": ");
	}
	put_reason(w, r, s);
}
