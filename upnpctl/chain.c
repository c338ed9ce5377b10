/* SPDX-License-Identifier: ISC */
/* chain.c - the NATs in front of the router. Runs in: upnpctl */
#include "upnpctl/chain.h"
#include "upnpctl/json.h"
#include "upnpctl/maptext.h"

static const char *const states[CTL_UPSTREAMS] = {
	[CTL_UPSTREAM_OFF] = "off", [CTL_UPSTREAM_SEARCHED] = "searched",
	[CTL_UPSTREAM_SILENT] = "silent", [CTL_UPSTREAM_ANSWERS] = "answers",
};
static const char *const ways[CTL_WAYS] = {
	[CTL_NO_WAY] = "", [CTL_BY_PCP] = "pcp", [CTL_BY_NAT_PMP] = "nat-pmp",
	[CTL_BY_UPNP] = "upnp",
};

static enum chain_reach is(enum chain_reach reach, struct wr *why,
			   const char *text)
{
	if (why)
		wr_z(why, text);
	return reach;
}

enum chain_reach chain_reach(const struct ctl_status *s, struct wr *why)
{
	if (s->no_address != CTL_ADDRESS_OK)
		return is(CHAIN_NO, why, "no: there is no external address");
	if (s->upstream_state == CTL_UPSTREAM_SEARCHED)
		return is(CHAIN_UNKNOWN, why, "not known: the upstream is "
			  "being searched for");
	if (s->ext_private)
		return is(CHAIN_NO, why, s->upstream_state ==
			  CTL_UPSTREAM_ANSWERS ?
			  "no: the upstream is behind another NAT" :
			  "no: the NAT in front does not forward ports by "
			  "itself");
	if (s->upstream_state != CTL_UPSTREAM_ANSWERS)
		return is(CHAIN_YES, why, "yes, unless the provider filters");
	if (!addr_is_set(s->upstream_ext))
		return is(CHAIN_UNKNOWN, why, "not known: the upstream has not "
			  "told its external address");
	if (s->upstream_refused)
		return is(CHAIN_UNKNOWN, why, "not every port: the upstream "
			  "refuses some");
	return is(CHAIN_YES, why, "yes, as far as the upstream tells");
}

static void put_answers(const struct ctl_status *s, struct wr *w)
{
	wr_fmt(w, ", asked by %s from %s; its external address is ",
	       ways[s->upstream_way], addr_text(s->upstream_client).text);
	if (addr_is_set(s->upstream_ext))
		addr_write(w, s->upstream_ext);
	else
		wr_z(w, "not known");
	wr_fmt(w, "; it forwards %u ports", (unsigned)s->upstream_held);
	if (s->upstream_refused)
		wr_fmt(w, " and refuses %u (error %u)",
		       (unsigned)s->upstream_refused,
		       (unsigned)s->upstream_error);
	if (s->upstream_until_s) {
		wr_z(w, "; the next lease ends in ");
		maptext_time(w, s->upstream_until_s);
	}
}

void chain_put(const struct ctl_status *s, struct wr *w)
{
	if (s->upstream_state == CTL_UPSTREAM_OFF)
		return;
	addr_write(w, s->upstream_gateway);
	if (s->upstream_state == CTL_UPSTREAM_ANSWERS) {
		put_answers(s, w);
	} else if (s->upstream_state == CTL_UPSTREAM_SEARCHED) {
		wr_z(w, ", being searched for");
	} else {
		wr_z(w, ", does not answer; next try in ");
		maptext_time(w, s->upstream_retry_s);
	}
}

void chain_json(const struct ctl_status *s)
{
	if (s->upstream_state == CTL_UPSTREAM_OFF) {
		json_null("upstream");
		return;
	}
	json_object("upstream");
	json_str("state", str_z(states[s->upstream_state]));
	if (s->upstream_way == CTL_NO_WAY)
		json_null("protocol");
	else
		json_str("protocol", str_z(ways[s->upstream_way]));
	json_addr("gateway", s->upstream_gateway);
	json_addr("own-address", s->upstream_client);
	json_addr("external-address", s->upstream_ext);
	json_u64("forwards", s->upstream_held);
	json_u64("refuses", s->upstream_refused);
	json_u64("error", s->upstream_error);
	json_u64("lease-ends", s->upstream_until_s);
	json_u64("retry", s->upstream_retry_s);
	json_end();
}
