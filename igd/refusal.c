/* SPDX-License-Identifier: ISC */
/*
 * refusal.c - the reasons in words, how often each came up, and which are told
 * in the log.
 */
#include <netinet/in.h>
#include "igd/refusal.h"

static const struct {
	char name[24];
	char text[56];	/* "": policy has it */
} reasons[IGD_REFUSALS] = {
	[IGD_REF_NONE] = { "none", "not refused" },
	[IGD_REF_SECURE] = { "secure-mode", "" },
	[IGD_REF_OUTSIDE] = { "outside", "" },
	[IGD_REF_ROUTER] = { "router", "" },
	[IGD_REF_SPECIAL] = { "address", "" },
	[IGD_REF_RULE] = { "rule", "" },
	[IGD_REF_REMOTE] = { "remote-host", "" },
	[IGD_REF_OWNER] = { "owner", "the mapping is another client's" },
	[IGD_REF_OPERATOR] = { "operator", "the mapping is the operator's" },
	[IGD_REF_CONFLICT] = { "conflict", "another client has that port" },
	[IGD_REF_FULL] = { "max-mappings", "max-mappings is reached" },
	[IGD_REF_CLIENT_FULL] = { "max-mappings-per-client",
				  "max-mappings-per-client is reached" },
	[IGD_REF_RATE] = { "rate", "too many new mappings at once" },
	[IGD_REF_PORT] = { "port", "the router serves that port itself" },
	[IGD_REF_NO_ADDRESS] = { "no-address",
				 "there is no external address" },
	[IGD_REF_FIREWALL] = { "firewall", "the firewall did not take it" },
	[IGD_REF_LINK] = { "link", "allow-disable-external-interface is no" },
	[IGD_REF_SUBSCRIBERS] = { "subscribers", "too many subscriptions" },
	[IGD_REF_HOST] = { "web-page", "a web page is behind it: see its Host, "
			   "Origin or Referer" },
	[IGD_REF_CONNECTIONS] = { "connections", "too many connections" },
};

const char *igd_refusal_name(enum igd_refusal r)
{
	return (unsigned)r < IGD_REFUSALS ? reasons[r].name : "unknown";
}

const char *igd_refusal_text(enum igd_refusal r)
{
	if ((unsigned)r >= IGD_REFUSALS)
		return "unknown reason";
	return *reasons[r].text ? reasons[r].text
			       : policy_text((enum policy_verdict)r);
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
