/* SPDX-License-Identifier: ISC */
/* ipt_rule.c - a mapping as iptables rules. Pure. Runs in: any */
#include <netinet/in.h>
#include "base/wr.h"
#include "natfw/backend.h"
#include "natfw/ipt_rule.h"

/* Match the original direction of the flow, so that one rule accepts both
 * directions. --ctproto instead of -p accepts the flow's ICMP errors (path MTU)
 * as well. */
static void put_accept(struct wr *w, const struct natfw_env *env,
		       const struct nat_rule *r)
{
	wr_fmt(w, " -m conntrack --ctstate DNAT --ctproto %u",
	       (unsigned)r->proto);
	if (addr_is_set(r->remote))
		wr_fmt(w, " --ctorigsrc %s", addr_text(r->remote).text);
	wr_fmt(w, " --ctorigdst %s --ctorigdstport %u -j ACCEPT\n",
	       addr_text(env->ext).text, (unsigned)r->ext_port);
}

/* With hairpin the rule matches any interface: a host inside that reaches the
 * external address gets no more than the whole Internet does. */
static void put_dnat(struct wr *w, const struct natfw_env *env,
		     const struct nat_rule *r)
{
	const char *proto = nat_rule_proto(r->proto);

	if (addr_is_set(r->remote))
		wr_fmt(w, " -s %s/32", addr_text(r->remote).text);
	wr_fmt(w, " -d %s/32", addr_text(env->ext).text);
	if (!env->hairpin)
		wr_fmt(w, " -i %s", env->ext_if);
	wr_fmt(w, " -p %s -m %s --dport %u -j DNAT --to-destination %s:%u\n",
	       proto, proto, (unsigned)r->ext_port,
	       addr_text(r->client).text, (unsigned)r->int_port);
}

static void put_snat(struct wr *w, const struct natfw_env *env,
		     const struct nat_rule *r)
{
	const char *proto = nat_rule_proto(r->proto);

	wr_fmt(w, " -s %s/32", addr_text(r->client).text);
	if (addr_is_set(r->remote))
		wr_fmt(w, " -d %s/32", addr_text(r->remote).text);
	wr_fmt(w, " -o %s -p %s -m %s --sport %u -j SNAT --to-source %s:%u\n",
	       env->ext_if, proto, proto, (unsigned)r->int_port,
	       addr_text(env->ext).text, (unsigned)r->ext_port);
}

const char *const ipt_rule_tables[IPT_TABLES] = {
	[IPT_FILTER] = "filter", [IPT_NAT] = "nat",
};

const struct ipt_rule_spec ipt_rule_specs[IPT_CHAINS] = {
	[IPT_ACCEPT] = { IPT_FILTER, IPT_ACCEPT_CHAIN, put_accept },
	[IPT_DNAT] = { IPT_NAT, IPT_DNAT_CHAIN, put_dnat },
	[IPT_SNAT] = { IPT_NAT, IPT_SNAT_CHAIN, put_snat },
};
