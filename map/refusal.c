/* SPDX-License-Identifier: ISC */
/*
 * refusal.c - the reasons in words, how often each came up, and which are told
 * in the log.
 */
#include <netinet/in.h>
#include "map/refusal.h"
#include "base/wr.h"

static const char *const names[REFUSALS] = {
	[REFUSAL_NONE] = "none",
	[REFUSAL_SECURE] = "secure-mode",
	[REFUSAL_OUTSIDE] = "outside",
	[REFUSAL_ROUTER] = "router",
	[REFUSAL_SPECIAL] = "address",
	[REFUSAL_RULE] = "rule",
	[REFUSAL_REMOTE] = "remote-host",
	[REFUSAL_OWNER] = "owner",
	[REFUSAL_OPERATOR] = "operator",
	[REFUSAL_CONFLICT] = "conflict",
	[REFUSAL_FULL] = "max-mappings",
	[REFUSAL_CLIENT_FULL] = "max-mappings-per-client",
	[REFUSAL_RATE] = "rate",
	[REFUSAL_PORT] = "port",
	[REFUSAL_NO_ADDRESS] = "no-address",
	[REFUSAL_FIREWALL] = "firewall",
	[REFUSAL_LINK] = "link",
	[REFUSAL_SUBSCRIBERS] = "subscribers",
	[REFUSAL_HOST] = "web-page",
	[REFUSAL_CONNECTIONS] = "connections",
};

/* Behind policy's own. */
#define TEXT(r)	[(r) - REFUSAL_OWNER]
static const char *const texts[REFUSALS - REFUSAL_OWNER] = {
	TEXT(REFUSAL_OWNER) = "the mapping is another client's",
	TEXT(REFUSAL_OPERATOR) = "the mapping is the operator's",
	TEXT(REFUSAL_CONFLICT) = "another client has that port",
	TEXT(REFUSAL_FULL) = "max-mappings is reached",
	TEXT(REFUSAL_CLIENT_FULL) = "max-mappings-per-client is reached",
	TEXT(REFUSAL_RATE) = "too many new mappings at once",
	TEXT(REFUSAL_PORT) = "the router serves that port itself",
	TEXT(REFUSAL_NO_ADDRESS) = "there is no external address",
	TEXT(REFUSAL_FIREWALL) = "the firewall did not take it",
	TEXT(REFUSAL_LINK) = "allow-disable-external-interface is no",
	TEXT(REFUSAL_SUBSCRIBERS) = "too many subscriptions",
	TEXT(REFUSAL_HOST) =
		"a web page is behind it: see its Host, Origin or Referer",
	TEXT(REFUSAL_CONNECTIONS) = "too many connections",
};

const char *refusal_name(enum refusal r)
{
	return (unsigned)r < REFUSALS ? names[r] : "unknown";
}

const char *refusal_text(enum refusal r)
{
	if ((unsigned)r >= REFUSALS)
		return "unknown reason";
	if (r == REFUSAL_NONE)
		return "not refused";
	return r < REFUSAL_OWNER ? policy_text((enum policy_verdict)r) :
				   texts[r - REFUSAL_OWNER];
}

bool refusal_count(struct refusal_counts *rs, const struct refused *r,
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

void refusal_put(struct wr *w, const struct refused *r)
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
	wr_fmt(w, ": %s", refusal_text(r->why));
	if (r->line)
		wr_fmt(w, " (line %u)", r->line);
}
