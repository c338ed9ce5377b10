/* SPDX-License-Identifier: ISC */
/*
 * refusal.c - the reasons in words, how often each came up, and which are told
 * in the log.
 */
#include <netinet/in.h>
#include "map/refusal.h"

static const char names[IGD_REFUSALS][24] = {
	[IGD_REF_NONE] = "none",
	[IGD_REF_SECURE] = "secure-mode",
	[IGD_REF_OUTSIDE] = "outside",
	[IGD_REF_ROUTER] = "router",
	[IGD_REF_SPECIAL] = "address",
	[IGD_REF_RULE] = "rule",
	[IGD_REF_REMOTE] = "remote-host",
	[IGD_REF_OWNER] = "owner",
	[IGD_REF_OPERATOR] = "operator",
	[IGD_REF_CONFLICT] = "conflict",
	[IGD_REF_FULL] = "max-mappings",
	[IGD_REF_CLIENT_FULL] = "max-mappings-per-client",
	[IGD_REF_RATE] = "rate",
	[IGD_REF_PORT] = "port",
	[IGD_REF_NO_ADDRESS] = "no-address",
	[IGD_REF_FIREWALL] = "firewall",
	[IGD_REF_LINK] = "link",
	[IGD_REF_SUBSCRIBERS] = "subscribers",
	[IGD_REF_HOST] = "web-page",
	[IGD_REF_CONNECTIONS] = "connections",
};

/* Behind policy's own. */
#define TEXT(r)	[(r) - IGD_REF_OWNER]
static const char texts[IGD_REFUSALS - IGD_REF_OWNER][57] = {
	TEXT(IGD_REF_OWNER) = "the mapping is another client's",
	TEXT(IGD_REF_OPERATOR) = "the mapping is the operator's",
	TEXT(IGD_REF_CONFLICT) = "another client has that port",
	TEXT(IGD_REF_FULL) = "max-mappings is reached",
	TEXT(IGD_REF_CLIENT_FULL) = "max-mappings-per-client is reached",
	TEXT(IGD_REF_RATE) = "too many new mappings at once",
	TEXT(IGD_REF_PORT) = "the router serves that port itself",
	TEXT(IGD_REF_NO_ADDRESS) = "there is no external address",
	TEXT(IGD_REF_FIREWALL) = "the firewall did not take it",
	TEXT(IGD_REF_LINK) = "allow-disable-external-interface is no",
	TEXT(IGD_REF_SUBSCRIBERS) = "too many subscriptions",
	TEXT(IGD_REF_HOST) =
		"a web page is behind it: see its Host, Origin or Referer",
	TEXT(IGD_REF_CONNECTIONS) = "too many connections",
};

const char *igd_refusal_name(enum igd_refusal r)
{
	return (unsigned)r < IGD_REFUSALS ? names[r] : "unknown";
}

const char *igd_refusal_text(enum igd_refusal r)
{
	if ((unsigned)r >= IGD_REFUSALS)
		return "unknown reason";
	if (r == IGD_REF_NONE)
		return "not refused";
	return r < IGD_REF_OWNER ? policy_text((enum policy_verdict)r) :
				   texts[r - IGD_REF_OWNER];
}

bool igd_refusals_count(struct igd_refusals *rs, const struct igd_refused *r,
			uint64_t now_ms, uint32_t *ret_muted)
{
	size_t i, place = REFUSAL_CLIENTS_MAX;

	rs->n[r->why]++;
	for (i = 0; i < REFUSAL_CLIENTS_MAX; i++) {
		if (rs->client[i].due_ms && rs->client[i].ip == r->client_ip) {
			place = i;
			break;
		}
		if (rs->client[i].due_ms <= now_ms)
			place = i;
	}
	if (place == REFUSAL_CLIENTS_MAX)
		return false;
	if (rs->client[place].due_ms > now_ms) {
		rs->client[place].muted++;
		return false;
	}
	*ret_muted = i < REFUSAL_CLIENTS_MAX ? rs->client[place].muted : 0;
	rs->client[place].ip = r->client_ip;
	rs->client[place].muted = 0;
	rs->client[place].due_ms = now_ms + REFUSAL_LOG_MS;
	return true;
}

void igd_refused_put(struct wr *w, const struct igd_refused *r)
{
	wr_z(w, "refused ");
	if (r->client_ip)
		wr_ipv4(w, r->client_ip);
	else
		wr_z(w, "the operator");
	if (r->rule.kind == NAT_PORTMAP) {
		wr_fmt(w, ": %s %u", r->rule.proto == IPPROTO_UDP ? "UDP" :
		       "TCP", r->rule.ext_port);
		if (r->rule.client.ip) {
			wr_z(w, " to ");
			wr_ipv4(w, r->rule.client.ip);
			wr_fmt(w, ":%u", r->rule.int_port);
		}
	}
	wr_fmt(w, ": %s", igd_refusal_text(r->why));
	if (r->line)
		wr_fmt(w, " (line %u)", r->line);
}
