/* SPDX-License-Identifier: ISC */
/*
 * check_advice.c - recognize the program that wrote a chain, and write its
 * command.
 * Runs in: upnpctl
 */
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <string.h>
#include "map/nat_rule.h"
#include "upnpctl/check_advice.h"

#define ZONE_MAX 64

/* ---- the zone of an interface --------------------------------------- */

/* Does the rule apply to packets that arrive on the interface, and has it no
 * other condition? */
static bool is_for(const struct ruleset *rs, const struct ruleset_rule *r,
		   const char *ifname)
{
	char name[16] = "";
	const struct ruleset_cond *c = &rs->cond[r->cond];
	const struct ruleset_set *set;

	str_copy(name, sizeof(name), str_z(ifname));
	if (!r->cond_n)
		return true;
	if (r->cond_n > 1 || c->field != RULESET_IIFNAME || c->negate)
		return false;
	if (c->op == RULESET_MASK) {
		for (size_t i = 0; i < sizeof(name); i++)
			if ((name[i] & c->mask[i]) != c->value[i])
				return false;
		return true;
	}
	if (c->op != RULESET_IN_SET || c->set == RULESET_NONE)
		return false;
	set = &rs->set[c->set];
	for (uint32_t i = set->first; i < set->first + set->n; i++)
		if (!memcmp(rs->elem[i].lo, name, sizeof(name)))
			return true;
	return false;
}

/* Return the part of @name between @prefix and @suffix; "": it has another
 * form */
static struct str between(const char *name, struct str prefix,
			  struct str suffix)
{
	struct str s = str_z(name);

	if (s.n <= prefix.n + suffix.n || !str_starts(s, prefix))
		return STR("");
	s = str_skip(s, prefix.n);
	s.n -= suffix.n;
	return memcmp(s.p + s.n, suffix.p, suffix.n) ? STR("") : s;
}

/* A program that jumps to a chain for each zone. */
struct zoned {
	const char *from;		/* the chain with the jumps */
	struct str prefix, suffix;	/* of the names of their targets */
};

static bool is_zone_chain(const struct check_advice *a, const struct zoned *z,
			  uint32_t chain)
{
	const struct ruleset *rs = a->rules;

	return rs->chain[chain].table == rs->chain[a->base].table &&
	       !strcmp(rs->chain[chain].name, z->from);
}

static struct str zone_of_rule(const struct check_advice *a,
			       const struct zoned *z,
			       const struct ruleset_rule *r)
{
	if ((r->verdict != RULESET_JUMP && r->verdict != RULESET_GOTO) ||
	    !is_for(a->rules, r, a->ifname))
		return STR("");
	return between(a->rules->chain[r->target].name, z->prefix, z->suffix);
}

/* Return the zone of the interface; "ZONE": not found */
static struct str zone_of(const struct check_advice *a, const struct zoned *z)
{
	const struct ruleset *rs = a->rules;
	struct str zone;

	for (uint32_t i = 0; i < rs->chain_n; i++) {
		if (!is_zone_chain(a, z, i))
			continue;
		for (uint32_t r = rs->chain[i].first; r != RULESET_NONE;
		     r = rs->rule[r].next) {
			zone = zone_of_rule(a, z, &rs->rule[r]);
			if (zone.n)
				return zone;
		}
	}
	return STR("ZONE");
}

/* ---- the commands --------------------------------------------------- */

static bool is_ip6(const struct check_advice *a)
{
	return ruleset_table_of(a->rules, a->base)->family == NFPROTO_IPV6;
}

static const char *end_name(const struct check_advice_need *n)
{
	return n->sport ? "sport" : "dport";
}

static unsigned port_of(const struct check_advice_need *n)
{
	return n->sport ? n->sport : n->dport;
}

static void put_ufw(struct wr *w, const struct check_advice *a,
		    const struct check_advice_need *n)
{
	wr_fmt(w, "ufw allow %s on %s proto %s", a->out ? "out" : "in",
	       a->ifname, nat_rule_proto(n->proto));
	if (n->sport)
		wr_fmt(w, " from any port %u to any", n->sport);
	else if (n->dport)
		wr_fmt(w, " to any port %u", n->dport);
	else
		wr_z(w, " to any");
}

static void put_shorewall(struct wr *w, const struct check_advice *a,
			  const struct check_advice_need *n)
{
	static const struct zoned zones = { "INPUT", STR(""), STR("-fw") };
	static const struct zoned former = { "INPUT", STR(""), STR("2fw") };
	struct str zone = zone_of(a, &zones);

	if (str_eq(zone, STR("ZONE")))
		zone = zone_of(a, &former);
	wr_z(w, "echo 'ACCEPT ");
	if (a->out)
		wr_fmt(w, "$FW %.*s", STR_F(zone));
	else
		wr_fmt(w, "%.*s $FW", STR_F(zone));
	wr_fmt(w, " %s", nat_rule_proto(n->proto));
	if (port_of(n))
		wr_fmt(w, "%s %u", n->sport ? " -" : "", port_of(n));
	wr_fmt(w, "' >> /etc/shorewall%s/rules", is_ip6(a) ? "6" : "");
}

static void put_uci(struct wr *w, const struct check_advice *a,
		    const struct check_advice_need *n, struct str zone)
{
	static const char set[] = "; uci set firewall.@rule[-1].";

	wr_fmt(w, "uci add firewall rule%s%s=%.*s", set,
	       a->out ? "dest" : "src", STR_F(zone));
	wr_fmt(w, "%sproto=%s", set, nat_rule_proto(n->proto));
	if (port_of(n))
		wr_fmt(w, "%s%s_port=%u", set, n->sport ? "src" : "dest",
		       port_of(n));
	wr_fmt(w, "%starget=ACCEPT", set);
}

static void put_fw4(struct wr *w, const struct check_advice *a,
		    const struct check_advice_need *n)
{
	static const struct zoned zones = { "input", STR("input_"), STR("") };

	put_uci(w, a, n, zone_of(a, &zones));
}

static void put_fw3(struct wr *w, const struct check_advice *a,
		    const struct check_advice_need *n)
{
	static const struct zoned zones = { "INPUT", STR("zone_"),
					    STR("_input") };

	put_uci(w, a, n, zone_of(a, &zones));
}

static void put_nft(struct wr *w, const struct check_advice *a,
		    const struct check_advice_need *n)
{
	const struct ruleset_chain *c = &a->rules->chain[a->base];
	const struct ruleset_table *t = &a->rules->table[c->table];

	wr_fmt(w, "nft insert rule %s %s %s %s %s",
	       t->family == NFPROTO_IPV4 ? "ip" :
	       t->family == NFPROTO_IPV6 ? "ip6" : "inet", t->name, c->name,
	       a->out ? "oifname" : "iifname", a->ifname);
	if (port_of(n))
		wr_fmt(w, " %s %s %u accept", nat_rule_proto(n->proto),
		       end_name(n), port_of(n));
	else
		wr_fmt(w, " meta l4proto %s accept", nat_rule_proto(n->proto));
}

static void put_iptables(struct wr *w, const struct check_advice *a,
			 const struct check_advice_need *n)
{
	const struct ruleset_chain *c = &a->rules->chain[a->base];
	const struct ruleset_table *t = &a->rules->table[c->table];

	wr_fmt(w, "ip%stables%s", is_ip6(a) ? "6" : "",
	       t->kind == a->plain ? "" :
	       t->kind == RULESET_IPT_NFT ? "-nft" : "-legacy");
	if (strcmp(t->name, "filter"))
		wr_fmt(w, " -t %s", t->name);
	wr_fmt(w, " -I %s %s %s -p %s", c->name, a->out ? "-o" : "-i",
	       a->ifname, nat_rule_proto(n->proto));
	if (port_of(n))
		wr_fmt(w, " --%s %u", end_name(n), port_of(n));
	wr_z(w, " -j ACCEPT");
}

/* firewalld takes all ports in one command. A policy for packets that leave
 * has a name of the administrator's. */
static void put_firewalld(struct wr *w, const struct check_advice *a,
			  const struct check_advice_need *n, size_t count)
{
	static const struct zoned zones[2] = {
		{ "filter_INPUT_ZONES", STR("filter_IN_"), STR("") },
		{ "INPUT_ZONES", STR("IN_"), STR("") },
	};
	struct str zone = zone_of(a, &zones[0]);

	if (str_eq(zone, STR("ZONE")))
		zone = zone_of(a, &zones[1]);
	if (a->out)
		wr_z(w, "firewall-cmd --permanent --policy=POLICY");
	else
		wr_fmt(w, "firewall-cmd --permanent --zone=%.*s", STR_F(zone));
	for (size_t i = 0; i < count; i++) {
		const char *proto = nat_rule_proto(n[i].proto);

		if (port_of(&n[i]))
			wr_fmt(w, " --add-%sport=%u/%s",
			       n[i].sport ? "source-" : "", port_of(&n[i]),
			       proto);
		else
			wr_fmt(w, " --add-protocol=%s", proto);
	}
	wr_z(w, "; firewall-cmd --reload");
}

/* ---- the program ---------------------------------------------------- */

/* Does a chain of the same table have a name that starts so? */
static bool has_chain(const struct check_advice *a, struct str prefix)
{
	const struct ruleset *rs = a->rules;

	for (uint32_t i = 0; i < rs->chain_n; i++)
		if (rs->chain[i].table == rs->chain[a->base].table &&
		    str_starts(str_z(rs->chain[i].name), prefix))
			return true;
	return false;
}

/* The programs by the name of their table, or of a chain. The last rows match
 * each chain. */
static const struct program {
	bool native;
	int family;			/* of its table: 4, 6; 0: any */
	struct str table, chain;	/* a name; the start of a name */
	void (*put)(struct wr *, const struct check_advice *,
		    const struct check_advice_need *);
	const char *last;		/* what to do after the commands */
} programs[] = {
	{ true, 0, STR("fw4"), STR(""), put_fw4,
	  "; uci commit firewall; service firewall reload" },
	{ false, 0, STR("filter"), STR("ufw-"), put_ufw, "" },
	{ false, 0, STR("filter"), STR("ufw6-"), put_ufw, "" },
	{ false, 0, STR("filter"), STR("zone_"), put_fw3,
	  "; uci commit firewall; service firewall reload" },
	{ false, 4, STR("filter"), STR("shorewall"), put_shorewall,
	  "; shorewall reload" },
	{ false, 6, STR("filter"), STR("shorewall"), put_shorewall,
	  "; shorewall6 reload" },
	{ true, 0, STR(""), STR(""), put_nft,
	  " # and in the file of these rules" },
	{ false, 0, STR(""), STR(""), put_iptables, " # then save the rules" },
};

static bool is_program(const struct check_advice *a, const struct program *p)
{
	const struct ruleset_table *t =
		&a->rules->table[a->rules->chain[a->base].table];

	return p->native == (t->kind == RULESET_NATIVE) &&
	       (!p->family || (p->family == 6) == is_ip6(a)) &&
	       (!p->table.n || str_eq(p->table, str_z(t->name))) &&
	       (!p->chain.n || has_chain(a, p->chain));
}

void check_advice_put(struct wr *w, const struct check_advice *a,
		      const struct check_advice_need *n, size_t count)
{
	const struct ruleset_table *t =
		&a->rules->table[a->rules->chain[a->base].table];
	const struct program *p = programs;

	if (t->kind == RULESET_NATIVE ? !strcmp(t->name, "firewalld") :
	    has_chain(a, STR("INPUT_ZONES"))) {
		put_firewalld(w, a, n, count);
		return;
	}
	while (!is_program(a, p))
		p++;
	for (size_t i = 0; i < count; i++) {
		wr_z(w, i ? "; " : "");
		p->put(w, a, &n[i]);
	}
	wr_z(w, p->last);
}
