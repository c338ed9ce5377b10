/* SPDX-License-Identifier: ISC */
/* ipt_rule.c - mappings and pinholes as iptables rules. Pure. Runs in: any */
#include <netinet/in.h>
#include <string.h>
#include "base/wr.h"
#include "natfw/backend.h"
#include "natfw/ipt_rule.h"

/* @port: 0: any, which needs no option */
static void put_port(struct wr *w, const char *option, uint16_t port)
{
	if (port)
		wr_fmt(w, " %s %u", option, (unsigned)port);
}

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
	wr_fmt(w, " --ctorigdst %s", addr_text(env->ext).text);
	put_port(w, "--ctorigsrcport", r->remote_port);
	wr_fmt(w, " --ctorigdstport %u -j ACCEPT\n", (unsigned)r->ext_port);
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
	wr_fmt(w, " -p %s -m %s", proto, proto);
	put_port(w, "--sport", r->remote_port);
	wr_fmt(w, " --dport %u -j DNAT --to-destination %s:%u\n",
	       (unsigned)r->ext_port, addr_text(r->client).text,
	       (unsigned)r->int_port);
}

static void put_snat(struct wr *w, const struct natfw_env *env,
		     const struct nat_rule *r)
{
	const char *proto = nat_rule_proto(r->proto);

	wr_fmt(w, " -s %s/32", addr_text(r->client).text);
	if (addr_is_set(r->remote))
		wr_fmt(w, " -d %s/32", addr_text(r->remote).text);
	wr_fmt(w, " -o %s -p %s -m %s --sport %u", env->ext_if, proto, proto,
	       (unsigned)r->int_port);
	put_port(w, "--dport", r->remote_port);
	wr_fmt(w, " -j SNAT --to-source %s:%u\n", addr_text(env->ext).text,
	       (unsigned)r->ext_port);
}

/* ---- pinholes ------------------------------------------------------------ */

/* Linux 6.16 and later track no ports of DCCP, so match the packets. Answers
 * are left to the rule of the administrator that accepts established flows. */
static void put_dccp(struct wr *w, const struct nat_rule *r)
{
	if (addr_is_set(r->remote))
		wr_fmt(w, " -s %s/128", addr_text(r->remote).text);
	wr_fmt(w, " -d %s/128 -p dccp -m dccp", addr_text(r->client).text);
	put_port(w, "--sport", r->remote_port);
	put_port(w, "--dport", r->int_port);
	wr_z(w, " -j ACCEPT\n");
}

/* As put_accept(). Who begins a flow to the client from inside, has returned
 * from the chain before. */
static void put_accept6(struct wr *w, const struct natfw_env *env,
			const struct nat_rule *r)
{
	if (r->proto == IPPROTO_DCCP) {
		put_dccp(w, r);
		return;
	}
	wr_fmt(w, " -m conntrack --ctproto %u", (unsigned)r->proto);
	if (addr_is_set(r->remote))
		wr_fmt(w, " --ctorigsrc %s", addr_text(r->remote).text);
	wr_fmt(w, " --ctorigdst %s", addr_text(r->client).text);
	put_port(w, "--ctorigsrcport", r->remote_port);
	put_port(w, "--ctorigdstport", r->int_port);
	wr_z(w, " -j ACCEPT\n");
}

static bool read_addr(struct str s, struct addr *ret)
{
	if (s.n > 4 && !memcmp(s.p + s.n - 4, "/128", 4))
		s.n -= 4;
	return addr_parse(s, ret) && ret->family == ADDR_IP6;
}

static bool read_port(struct str s, uint16_t *ret)
{
	uint32_t port;

	if (str_u32(s, 1, UINT16_MAX, &port))
		return false;
	*ret = (uint16_t)port;
	return true;
}

static bool read_proto(struct str s, uint8_t *ret)
{
	uint32_t proto = IPPROTO_DCCP;

	if (!str_eq(s, STR("dccp")) && str_u32(s, 1, UINT8_MAX, &proto))
		return false;
	*ret = (uint8_t)proto;
	return true;
}

static bool read_option(struct str name, struct str value,
			struct nat_rule *ret)
{
	if (str_eq(name, STR("-m")))
		return str_eq(value, STR("conntrack")) ||
		       str_eq(value, STR("dccp"));
	if (str_eq(name, STR("-j")))
		return str_eq(value, STR("ACCEPT"));
	if (str_eq(name, STR("--ctorigsrc")) || str_eq(name, STR("-s")))
		return read_addr(value, &ret->remote);
	if (str_eq(name, STR("--ctorigdst")) || str_eq(name, STR("-d")))
		return read_addr(value, &ret->client);
	if (str_eq(name, STR("--ctproto")) || str_eq(name, STR("-p")))
		return read_proto(value, &ret->proto);
	if (str_eq(name, STR("--ctorigsrcport")) ||
	    str_eq(name, STR("--sport")))
		return read_port(value, &ret->remote_port);
	if (str_eq(name, STR("--ctorigdstport")) ||
	    str_eq(name, STR("--dport")))
		return read_port(value, &ret->int_port);
	return false;
}

bool ipt_rule_read6(struct str rule, struct nat_rule *ret)
{
	struct str name, value;
	bool accepts = false;

	*ret = (struct nat_rule){ .kind = NAT_PINHOLE, .remote = addr_any() };
	if (!str_word(&rule, &name))
		return false;
	while (str_word(&rule, &name)) {
		if (!str_word(&rule, &value) || !read_option(name, value, ret))
			return false;
		accepts |= str_eq(name, STR("-j"));
	}
	return accepts && nat_rule_sane(ret);
}

/* ---- the chains ---------------------------------------------------------- */

const char *const ipt_rule_tables[IPT_TABLES] = {
	[IPT_FILTER] = "filter", [IPT_NAT] = "nat", [IPT_FILTER6] = "filter",
};

const struct ipt_rule_spec ipt_rule_specs[IPT_CHAINS] = {
	[IPT_ACCEPT] = { IPT_FILTER, NAT_PORTMAP, IPT_ACCEPT_CHAIN,
			 put_accept },
	[IPT_DNAT] = { IPT_NAT, NAT_PORTMAP, IPT_DNAT_CHAIN, put_dnat },
	[IPT_SNAT] = { IPT_NAT, NAT_PORTMAP, IPT_SNAT_CHAIN, put_snat },
	[IPT_ACCEPT6] = { IPT_FILTER6, NAT_PINHOLE, IPT_ACCEPT_CHAIN,
			  put_accept6 },
};
