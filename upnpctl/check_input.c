/* SPDX-License-Identifier: ISC */
/*
 * check_input.c - check that the router's own firewall lets searches and
 * requests of the internal networks in, and upnpd's answers, announcements and
 * events out, over both families.
 * Runs in: upnpctl
 */
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <string.h>
#include "base/wr.h"
#include "map/nat_rule.h"
#include "natfw/ipt_tool.h"
#include "base/portnumbers.h"
#include "upnpctl/check.h"
#include "upnpctl/check_advice.h"

#define SSDP_GROUP_IP	0xeffffffau	/* 239.255.255.250 */
#define HTTP_PORT	2828		/* for http-port = 0, which is any */

enum { IN_SEARCH, IN_HTTP, IN_PMP, OUT_SSDP, OUT_HTTP, OUT_EVENT, OUT_PMP,
       KINDS };

/* The packets that must pass. Answers to a search are new flows for the kernel,
 * because the search was sent to the multicast address. */
static const struct {
	const char *what;	/* NULL: NAT-PMP and PCP */
	uint8_t proto;
	bool out, group;	/* to the multicast address */
	bool answers;		/* of a flow that exists */
	enum check_level level;	/* if they do not pass */
} kinds[KINDS] = {
	[IN_SEARCH] = { "searches", IPPROTO_UDP, false, true, false,
			CHECK_PROBLEM },
	[IN_HTTP] = { "requests", IPPROTO_TCP, false, false, false,
		      CHECK_PROBLEM },
	[IN_PMP] = { NULL, IPPROTO_UDP, false, false, false, CHECK_PROBLEM },
	[OUT_SSDP] = { "announcements", IPPROTO_UDP, true, true, false,
		       CHECK_PROBLEM },
	[OUT_HTTP] = { "answers", IPPROTO_TCP, true, false, true,
		       CHECK_PROBLEM },
	[OUT_EVENT] = { "events", IPPROTO_TCP, true, false, false,
			CHECK_WARNING },
	[OUT_PMP] = { NULL, IPPROTO_UDP, true, false, true, CHECK_PROBLEM },
};

/* ---- packets -------------------------------------------------------- */

static struct check_advice_need need_of(uint16_t http_port, int kind)
{
	return (struct check_advice_need){
		.proto = kinds[kind].proto,
		.dport = kind == IN_SEARCH ? SSDP_PORT :
			 kind == IN_HTTP ? http_port :
			 kind == IN_PMP ? PMP_PORT : 0,
		.sport = kind == OUT_SSDP ? SSDP_PORT :
			 kind == OUT_HTTP ? http_port :
			 kind == OUT_PMP ? PMP_PORT : 0,
	};
}

/* The words for packets of that kind; NULL: their protocols are off. NAT-PMP has
 * no IPv6. */
static const char *what_of(const struct check *c, int kind, uint8_t family)
{
	const bool nat_pmp = c->conf.nat_pmp && family == ADDR_IP4;

	if (kinds[kind].what)
		return c->conf.upnp ? kinds[kind].what : NULL;
	if (nat_pmp && c->conf.pcp)
		return "NAT-PMP and PCP";
	return nat_pmp ? "NAT-PMP" : c->conf.pcp ? "PCP" : NULL;
}

static void set_iface(struct walk_packet *p, const struct netif_addr *a,
		      bool out)
{
	memcpy(out ? p->oif : p->iif, a->ifname, IF_NAMESIZE);
	*(out ? &p->oif_index : &p->iif_index) = (uint32_t)a->ifindex;
}

/* The group that upnpd and the hosts of that network use (UDA 2.0, 1.2 and
 * annex A.3). */
static struct addr group_of(struct addr a)
{
	static const uint8_t link[16] = { 0xff, 0x02, [15] = 0x0c };
	static const uint8_t site[16] = { 0xff, 0x05, [15] = 0x0c };

	if (a.family == ADDR_IP4)
		return addr_ip4(SSDP_GROUP_IP);
	return addr_ip6(addr_is_link_local(a) ? link : site);
}

static struct addr_net one(struct addr a)
{
	return (struct addr_net){ a, (uint8_t)addr_bits(a) };
}

/* A packet of that kind, between the router at address @at and a host of
 * @net. */
static struct walk_packet packet_of(const struct check *c, int kind,
				    const struct netif_addr *at,
				    const struct addr_net *net)
{
	const struct check_advice_need need = need_of(c->http_port, kind);
	const struct addr_net hosts = { addr_net_first(net), net->bits };
	const struct addr_net self = one(at->net.addr);
	const struct addr_net group = one(group_of(at->net.addr));
	bool out = kinds[kind].out;
	struct walk_packet p = {
		.family = at->net.addr.family,
		.proto = kinds[kind].proto,
		.dport = need.dport,
		.sport = need.sport,
		.src = out ? self : hosts,
		.dst = kinds[kind].group ? group : out ? hosts : self,
		.ct_state = kinds[kind].answers ? WALK_STATE_ESTABLISHED :
			    WALK_STATE_NEW,
		.ct_status = kinds[kind].answers ? IPS_SEEN_REPLY : 0,
		.to_router = !out && !kinds[kind].group,
	};

	set_iface(&p, at, out);
	return p;
}

/* ---- chains --------------------------------------------------------- */

/* Packets of one interface that one base chain drops. */
struct dropped {
	bool kind[KINDS];
	bool perhaps;		/* some condition may accept them */
	bool capped;		/* there were too many rules to follow */
	struct walk_rule by;	/* the first */
	size_t n;
};

static void follow(struct check *c, uint32_t base, int kind,
		   const struct netif_addr *at, const struct addr_net *net,
		   struct dropped *d)
{
	struct walk_packet p = packet_of(c, kind, at, net);
	struct walk_end end;

	walk_base(c->rules, base, &p, &end);
	d->capped |= end.capped;
	if (end.capped)
		return;
	if (end.verdict != RULESET_DROP || d->kind[kind])
		return;
	d->kind[kind] = true;
	if (!d->n++)
		d->by = (struct walk_rule){ end.chain, end.rule };
	d->perhaps |= end.may_rule != RULESET_NONE;
}

/* The internal networks of one family. */
struct nets {
	struct netif_addr at[NATFW_NETS_MAX];
	size_t n;
};

/* Follow the packets of every network of that interface. Searches of a network
 * behind another router do not arrive anyway. */
static struct dropped follow_all(struct check *c, uint32_t base,
				 const struct nets *nets,
				 const struct netif_addr *at, bool out)
{
	struct dropped d = { .n = 0 };

	for (size_t i = 0; i < nets->n; i++) {
		const struct netif_addr *net = &nets->at[i];

		if (net->ifindex != at->ifindex)
			continue;
		for (int k = 0; k < KINDS; k++)
			if (kinds[k].out == out &&
			    what_of(c, k, net->net.addr.family) &&
			    !(net->routed && kinds[k].proto == IPPROTO_UDP))
				follow(c, base, k, net->routed ? at : net,
				       &net->net, &d);
	}
	return d;
}

/* ---- findings ------------------------------------------------------- */

static void put_need(struct wr *w, const struct check_advice_need *n)
{
	wr_z(w, n->proto == IPPROTO_TCP ? "TCP" : "UDP");
	if (n->dport)
		wr_fmt(w, " port %u", n->dport);
	else if (n->sport)
		wr_fmt(w, " from port %u", n->sport);
}

/* Write the packets that are dropped: "UDP port 1900 (searches), TCP ... and
 * ...". Return: number of @need */
static size_t list_needs(const struct check *c, const struct dropped *d,
			 uint8_t family, uint16_t http_port,
			 struct check_advice_need *need, struct wr *w)
{
	size_t n = 0;

	for (int k = 0; k < KINDS; k++) {
		if (!d->kind[k])
			continue;
		wr_z(w, !n ? "" : n + 1 < d->n ? ", " : " and ");
		need[n] = need_of(c->http_port, k);
		put_need(w, &need[n]);
		wr_fmt(w, " (%s)", what_of(c, k, family));
		need[n++] = need_of(http_port, k);
	}
	return n;
}

static bool has_ip4(const struct check *c, int ifindex)
{
	for (size_t i = 0; i < c->fw.net_n; i++)
		if (c->fw.net[i].ifindex == ifindex)
			return true;
	return false;
}

/* Without IPv6, programs still use IPv4. */
static enum check_level level_of(const struct check *c,
				 const struct netif_addr *at,
				 const struct dropped *d)
{
	enum check_level level = CHECK_WARNING;

	if (at->net.addr.family == ADDR_IP6 && has_ip4(c, at->ifindex))
		return level;

	for (int k = 0; k < KINDS && !d->perhaps; k++)
		if (d->kind[k] && kinds[k].level > level)
			level = kinds[k].level;
	return level;
}

static void report_dropped(struct check *c, uint32_t base,
			   const struct netif_addr *at, bool out,
			   const struct dropped *d)
{
	const struct check_advice advice = {
		.rules = c->rules, .base = base, .ifname = at->ifname,
		.out = out, .plain = ipt_tool_plain(),
	};
	const bool ip6 = at->net.addr.family == ADDR_IP6;
	struct check_advice_need need[KINDS];
	uint16_t port = (uint16_t)c->conf.http_port;
	char rule[200], what[240], command[1000];
	struct wr r = wr_init_cut(rule, sizeof(rule));
	struct wr w = wr_init_cut(what, sizeof(what));
	struct wr cmd = wr_init_cut(command, sizeof(command));
	size_t n = list_needs(c, d, at->net.addr.family,
			      port ? port : HTTP_PORT, need, &w);

	walk_rule_text(c->rules, &d->by, &r);
	if (!port && (d->kind[IN_HTTP] || d->kind[OUT_HTTP]))
		wr_fmt(&cmd, "upnpctl set http-port=%u; ", HTTP_PORT);
	check_advice_put(&cmd, &advice, need, n);
	wr_cstr(&w);
	wr_cstr(&r);
	check_report(c, level_of(c, at, d), "%s %s %s%s: dropped by %s%s; "
		     "programs there %s%s\n"
		     "%s", what, out ? "to" : "from", at->ifname,
		     ip6 ? " over IPv6" : "", rule,
		     d->perhaps ? ", except under a condition" : "",
		     out ? "get no answer or no events" :
		     "do not find or reach upnpd", ip6 ? " over IPv6" : "",
		     wr_cstr(&cmd));
}

static void report_capped(struct check *c, uint32_t base)
{
	char text[200];
	struct wr w = wr_init_cut(text, sizeof(text));

	ruleset_chain_name(c->rules, base, &w);
	check_report(c, CHECK_WARNING, "%s has too many rules or jumps to "
		     "follow: whether it drops what programs and upnpd send "
		     "each other is not known\n"
		     "Use sets instead of single rules there", wr_cstr(&w));
}

/* Is this the first address of its interface? */
static bool is_first(const struct nets *nets, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (nets->at[k].ifindex == nets->at[i].ifindex)
			return false;
	return !nets->at[i].routed;
}

/* Have packets over IPv4 been reported, dropped by the same rule? Then the same
 * command helps both. */
static bool is_known(struct check *c, uint32_t base, int ifindex, bool out,
		     const struct nets *ip4, const struct dropped *d)
{
	for (size_t i = 0; ip4 && i < ip4->n; i++) {
		struct dropped d4;

		if (!is_first(ip4, i) || ip4->at[i].ifindex != ifindex)
			continue;
		d4 = follow_all(c, base, ip4, &ip4->at[i], out);
		return d4.n && d4.by.chain == d->by.chain &&
		       d4.by.rule == d->by.rule;
	}
	return false;
}

/* Check one base chain for each interface. @ip4: the chain sees these networks
 * as well; or NULL */
static void check_base(struct check *c, uint32_t base, bool out,
		       const struct nets *nets, const struct nets *ip4)
{
	for (size_t i = 0; i < nets->n; i++) {
		const struct netif_addr *at = &nets->at[i];
		struct dropped d;

		if (!is_first(nets, i))
			continue;
		d = follow_all(c, base, nets, at, out);
		if (d.n && !is_known(c, base, at->ifindex, out, ip4, &d))
			report_dropped(c, base, at, out, &d);
		else if (!d.n && d.capped)
			report_capped(c, base);
	}
}

/* Does IPv6 matter on this interface? Each Linux host has link-local addresses,
 * also where nobody uses IPv6. */
static bool uses_ip6(const struct check *c, int ifindex)
{
	for (size_t i = 0; i < c->fw6.net_n; i++)
		if (c->fw6.net[i].ifindex == ifindex)
			return true;
	return false;
}

static void list_nets(const struct check *c, struct nets *ip4,
		      struct nets *ip6)
{
	ip4->n = c->fw.net_n;
	memcpy(ip4->at, c->fw.net, c->fw.net_n * sizeof(*ip4->at));
	ip6->n = c->fw6.net_n;
	memcpy(ip6->at, c->fw6.net, c->fw6.net_n * sizeof(*ip6->at));
	for (size_t i = 0; i < c->net.addr_n && ip6->n < NATFW_NETS_MAX; i++)
		if (addr_is_link_local(c->net.addr[i].net.addr) &&
		    uses_ip6(c, c->net.addr[i].ifindex))
			ip6->at[ip6->n++] = c->net.addr[i];
}

static void report_ok(struct check *c)
{
	char ports[80];
	struct wr w = wr_init_cut(ports, sizeof(ports));

	if (!check_ports_put(c, "every TCP port", &w))
		check_report_ok(c, "all protocols are off, so nothing needs to "
				"be let in");
	check_report_ok(c, "the router's firewall lets in %s from the internal "
			"networks, and the answers out", wr_cstr(&w));
}

void check_input(struct check *c)
{
	static struct nets ip4, ip6;
	const struct ruleset *rs = c->rules;

	list_nets(c, &ip4, &ip6);
	for (uint32_t i = 0; rs && i < rs->base_n; i++) {
		const struct ruleset_chain *chain = &rs->chain[rs->base[i]];
		uint8_t family = ruleset_table_of(rs, rs->base[i])->family;
		bool in = chain->hook == NF_INET_PRE_ROUTING ||
			  chain->hook == NF_INET_LOCAL_IN;

		if (chain->nat || !(in || chain->hook == NF_INET_LOCAL_OUT))
			continue;
		if (family != NFPROTO_IPV6)
			check_base(c, rs->base[i], !in, &ip4, NULL);
		if (family != NFPROTO_IPV4)
			check_base(c, rs->base[i], !in, &ip6,
				   family == NFPROTO_INET ? &ip4 : NULL);
	}
	if (!c->reported)
		check_firewall_unread(c, "no rule that was read drops what "
				      "programs and upnpd send each other");
	report_ok(c);
}
