/* SPDX-License-Identifier: ISC */
/*
 * iptables_rule.h - one mapping in the language of iptables: where our chains
 * hang, and the three rules a mapping has, each in the form in which
 * iptables-save prints it, from the chain's name on. A part of iptables.c.
 */
#ifndef NATFW_IPTABLES_RULE_H
#define NATFW_IPTABLES_RULE_H

#include <netinet/in.h>
#include "natfw/backend.h"

#define ACCEPT_CHAIN	"UPNPD"
#define DNAT_CHAIN	"UPNPD"
#define SNAT_CHAIN	"UPNPD-POST"

struct ipt_hook {
	const char *table, *from, *to;
};

enum { HOOK_FORWARD, HOOK_PRE, HOOK_POST, HOOKS };

static const struct ipt_hook hooks[HOOKS] = {
	[HOOK_FORWARD] = { "filter", "FORWARD", ACCEPT_CHAIN },
	[HOOK_PRE] = { "nat", "PREROUTING", DNAT_CHAIN },
	[HOOK_POST] = { "nat", "POSTROUTING", SNAT_CHAIN },
};

static inline const char *proto_name(const struct nat_rule *r)
{
	return r->proto == IPPROTO_TCP ? "tcp" : "udp";
}

/* With hairpin the interface does not count: whoever can reach the external
 * address from inside gets no more than the whole Internet does. */
static inline void spec_dnat(struct wr *w, const struct natfw_env *env,
			     const struct nat_rule *r)
{
	if (r->remote.ip)
		wr_fmt(w, " -s %s/32", backend_ip(r->remote.ip).z);
	wr_fmt(w, " -d %s/32", backend_ip(env->ext_ip).z);
	if (!env->hairpin)
		wr_fmt(w, " -i %s", env->ext_if);
	wr_fmt(w, " -p %s -m %s --dport %u -j DNAT --to-destination %s:%u\n",
	       proto_name(r), proto_name(r), (unsigned)r->ext_port,
	       backend_ip(r->client.ip).z, (unsigned)r->int_port);
}

static inline void spec_snat(struct wr *w, const struct natfw_env *env,
			     const struct nat_rule *r)
{
	wr_fmt(w, " -s %s/32", backend_ip(r->client.ip).z);
	if (r->remote.ip)
		wr_fmt(w, " -d %s/32", backend_ip(r->remote.ip).z);
	wr_fmt(w, " -o %s -p %s -m %s --sport %u -j SNAT --to-source %s:%u\n",
	       env->ext_if, proto_name(r), proto_name(r),
	       (unsigned)r->int_port, backend_ip(env->ext_ip).z,
	       (unsigned)r->ext_port);
}

/*
 * By the original direction of the flow, so that one rule lets both directions
 * through. --ctproto instead of -p: the ICMP errors of the flow (path MTU)
 * belong to it too.
 */
static inline void spec_accept(struct wr *w, const struct natfw_env *env,
			       const struct nat_rule *r)
{
	wr_fmt(w, " -m conntrack --ctstate DNAT --ctproto %u",
	       (unsigned)r->proto);
	if (r->remote.ip)
		wr_fmt(w, " --ctorigsrc %s", backend_ip(r->remote.ip).z);
	wr_fmt(w, " --ctorigdst %s --ctorigdstport %u -j ACCEPT\n",
	       backend_ip(env->ext_ip).z, (unsigned)r->ext_port);
}

#endif
