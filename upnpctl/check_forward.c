/* SPDX-License-Identifier: ISC */
/*
 * check_forward.c - check that packets to open ports, and to pinholes, pass the
 * forward chains of the administrator: each that would drop them has upnpd's
 * accept, where it belongs, or will get it when upnpd starts.
 * Runs in: upnpctl
 */
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <string.h>
#include "base/wr.h"
#include "map/nat_rule.h"
#include "natfw/ipt_tool.h"
#include "upnpctl/check.h"

#define TEXT_MAX 200
#define CHAINS_NAMED 4

/* What is checked, of one family. */
struct side {
	const struct natfw_env *env;
	const struct places *places;
	enum nat_kind kind;
	const char *what;	/* the packets go to these */
	const char *accept;	/* packets that an administrator accepts */
	const char *later;	/* when upnpd makes its accepts */
	bool made;		/* it has made them */
};

static struct side mappings(const struct check *c)
{
	return (struct side){
		.env = &c->fw, .places = &c->places, .kind = NAT_PORTMAP,
		.what = "open ports", .accept = "ct status dnat",
		.later = c->serving ? "" : ", once upnpd runs",
		.made = c->serving && addr_is_set(c->fw.ext),
	};
}

/* A pinhole that is in effect. The first one makes upnpd add its accepts. */
static bool has_pinhole(const struct check *c)
{
	for (size_t i = 0; i < c->all.n; i++)
		if (c->all.v[i].rule.kind == NAT_PINHOLE &&
		    c->all.v[i].enabled && !c->all.v[i].suspended)
			return true;
	return false;
}

static struct side pinholes(const struct check *c)
{
	return (struct side){
		.env = &c->fw6, .places = &c->places6, .kind = NAT_PINHOLE,
		.what = "pinholes", .accept = "their addresses and ports",
		.later = ", once there is one",
		.made = c->serving && has_pinhole(c),
	};
}

/* Report a configured chain that does not exist. */
static void check_chain(struct check *c)
{
	if (place_lacks_chain(c->rules, &c->fw))
		check_report(c, CHECK_PROBLEM, "there is no chain %s in the "
			     "nft table %s: upnpd cannot add its accept rule\n"
			     "Correct nft-table and nft-forward-chain, or unset "
			     "both", c->fw.nft_chain, c->fw.nft_table);
}

static const char *put_chain(const struct check *c, uint32_t chain,
			     char text[TEXT_MAX])
{
	struct wr w = wr_init_cut(text, TEXT_MAX);

	ruleset_chain_name(c->rules, chain, &w);
	return wr_cstr(&w);
}

/* ---- chains that upnpd cannot write into ---------------------------- */

static void report_owner(struct check *c, const struct side *side,
			 const struct ruleset_table *t, const char *chain)
{
	char who[64];
	struct wr w = wr_init_cut(who, sizeof(who));

	check_report_process(&w, t->owner);
	wr_cstr(&w);
	if (!strcmp(t->name, "firewalld"))
		check_report(c, CHECK_PROBLEM, "the nft chain %s drops packets "
			     "to %s, and only its owner, %s, may change it\n"
			     "Set NftablesTableOwner=no in /etc/firewalld/"
			     "firewalld.conf and restart firewalld", chain,
			     side->what, who);
	else
		check_report(c, CHECK_PROBLEM, "the nft chain %s drops packets "
			     "to %s, and only its owner, %s, may change it\n"
			     "Have that program accept packets with %s there, "
			     "or make the table %s without the flag owner",
			     chain, side->what, who, side->accept, t->name);
}

static void check_lost(struct check *c, const struct side *side)
{
	const struct ruleset_table *t;
	const struct place_loss *lost = side->kind == NAT_PINHOLE ?
		&side->places->lost6 : &side->places->lost4;
	uint32_t chain = lost->chain;
	char text[TEXT_MAX];

	if (chain == RULESET_NONE)
		return;
	t = ruleset_table_of(c->rules, chain);
	put_chain(c, chain, text);
	if (t->owner)
		report_owner(c, side, t, text);
	else if (side->places->n == PLACES_MAX)
		check_report(c, CHECK_PROBLEM, "more than %d places in the "
			     "forward chains drop packets to %s, and upnpd has "
			     "no accept rule in those from %s on\n"
			     "Merge chains, or remove those that are not "
			     "needed", PLACES_MAX, side->what, text);
	else
		check_report(c, CHECK_PROBLEM, "%s drops packets to %s, and "
			     "upnpd cannot add its accept rule there: %s\n"
			     "Accept packets with %s in that chain", text,
			     side->what, lost->why, side->accept);
}

/* Return: the tool that upnpd needs and lacks for this chain; NULL: none */
static const char *lacking_tool(const struct check *c, uint32_t chain)
{
	const struct ruleset_table *t = ruleset_table_of(c->rules, chain);
	const bool ip6 = t->family == NFPROTO_IPV6;

	if (t->kind == RULESET_NATIVE || ipt_tool_of(t->kind, ip6))
		return NULL;
	if (!ip6)
		return check_firewall_name(t->kind);
	return t->kind == RULESET_IPT_NFT ? "ip6tables-nft" :
					    "ip6tables-legacy";
}

static void report_tool(struct check *c, const struct side *side,
			uint32_t chain, const char *tool)
{
	char text[TEXT_MAX];

	put_chain(c, chain, text);
	if (ipt_tool_built())
		check_report(c, CHECK_PROBLEM, "%s drops packets to %s, and "
			     "upnpd cannot add its accept rule there, because "
			     "%s is not installed\n"
			     "Install %s, or remove those rules",
			     text, side->what, tool, tool);
	else
		check_report(c, CHECK_PROBLEM, "%s drops packets to %s, and "
			     "upnpd cannot add its accept rule there, because "
			     "it was built without iptables\n"
			     "Build it with BACKENDS=\"netlink iptables\", or "
			     "remove those rules", text, side->what);
}

/* Report chains of iptables for which its tool is missing. */
static void check_tools(struct check *c, const struct side *side)
{
	for (size_t i = 0; i < side->places->n; i++) {
		uint32_t chain = side->places->at[i].chain;
		const char *tool = lacking_tool(c, chain);

		if (!tool)
			continue;
		report_tool(c, side, chain, tool);
		return;
	}
}

/* ---- upnpd's accepts ------------------------------------------------ */

enum standing { STANDS, EARLY, LATE, MISSING };

/* Where is upnpd's accept, if it belongs before @p->before? */
static enum standing standing_of(const struct ruleset *rs,
				 const struct place *p)
{
	bool any = false, last = false;
	uint32_t r = rs->chain[p->chain].first;

	for (; r != RULESET_NONE && r != p->before; r = rs->rule[r].next) {
		last = rs->rule[r].ours;
		any |= last;
	}
	if (any)
		return last ? STANDS : EARLY;
	for (; r != RULESET_NONE; r = rs->rule[r].next)
		if (rs->rule[r].ours)
			return LATE;
	return MISSING;
}

static void report_standing(struct check *c, const struct side *side,
			    const struct place *p, enum standing standing)
{
	const struct walk_rule at = { p->chain, p->before };
	char rule[TEXT_MAX];
	struct wr w = wr_init_cut(rule, sizeof(rule));

	walk_rule_text(c->rules, &at, &w);
	wr_cstr(&w);
	if (standing == EARLY)
		check_report(c, CHECK_WARNING, "upnpd's accept rule is not "
			     "directly before %s, the first that drops every "
			     "packet to %s: bans between them have no effect "
			     "on %s\n"
			     "upnpctl resync", rule, side->what, side->what);
	else
		check_report(c, CHECK_PROBLEM, "packets to %s are dropped by "
			     "%s, %s upnpd's accept rule\n"
			     "upnpctl resync; if that does not help, see the "
			     "log of upnpd", side->what, rule,
			     standing == LATE ?
			     "which comes before" : "which lacks");
}

/* Are upnpd's accepts in the kernel, where they belong? */
static void check_standing(struct check *c, const struct side *side)
{
	enum standing standing;

	for (size_t i = 0; i < side->places->n && side->made; i++) {
		standing = standing_of(c->rules, &side->places->at[i]);
		if (standing == STANDS)
			continue;
		report_standing(c, side, &side->places->at[i], standing);
		return;
	}
}

/* ---- every port ----------------------------------------------------- */

/* A mapping or pinhole to some host of that network; its ports are 0, any. */
static struct nat_rule any_rule(const struct netif_addr *net,
				enum nat_kind kind, uint8_t proto)
{
	struct nat_rule rule = { .client = addr_net_last(&net->net),
				 .remote = addr_any(),
				 .kind = kind, .proto = proto };

	/* not the broadcast address */
	if (kind == NAT_PORTMAP && net->net.bits < 31)
		rule.client.byte[3] ^= 1;
	return rule;
}

/* Report the rule that drops, in spite of upnpd's accepts. */
static void report_blocked(struct check *c, const struct side *side,
			   const struct netif_addr *net, uint8_t proto,
			   const struct walk_rule *by)
{
	const struct ruleset_table *t = ruleset_table_of(c->rules, by->chain);
	const char *tool = lacking_tool(c, by->chain);
	char text[TEXT_MAX];
	struct wr w = wr_init_cut(text, sizeof(text));

	walk_rule_text(c->rules, by, &w);
	if (tool)
		report_tool(c, side, by->chain, tool);
	else if (*side->env->nft_table && t->kind == RULESET_NATIVE)
		check_report(c, CHECK_PROBLEM, "packets to %s are dropped by "
			     "%s, and upnpd's accept rule is not before it, "
			     "but in the chain %s of %s\n"
			     "Correct nft-table and nft-forward-chain, or "
			     "unset both", side->what, wr_cstr(&w),
			     side->env->nft_chain, side->env->nft_table);
	else
		check_report(c, CHECK_PROBLEM, "every %s packet to %s on %s is "
			     "dropped before upnpd's accept rule, by %s\n"
			     "Remove that rule, or limit it to the ports that "
			     "it is for",
			     proto == IPPROTO_TCP ? "TCP" : "UDP", side->what,
			     net->ifname, wr_cstr(&w));
}

/* Return: true if a finding was reported */
static bool check_blocked(struct check *c, const struct side *side,
			  const struct netif_addr *net, uint8_t proto)
{
	struct nat_rule rule = any_rule(net, side->kind, proto);
	struct walk_rule by;

	if (place_blocked(c->rules, side->env, side->places, &rule, &by) !=
	    WALK_YES)
		return false;
	report_blocked(c, side, net, proto, &by);
	return true;
}

/* Is every port forwarded? @ret: by which rule. A rule with an unknown
 * condition forwards every port if it forwards three of them. */
static enum walk_hold all_forwarded(const struct check *c, uint8_t proto,
				    struct walk_rule *ret)
{
	static const uint16_t ports[] = { 1025, 32323, 65535 };
	struct nat_rule rule = any_rule(c->fw.net, NAT_PORTMAP, proto);
	struct walk_packet p;
	struct walk_rule by;

	for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
		rule.ext_port = ports[i];
		place_incoming(&c->fw, &rule, &p);
		if (walk_forwarded(c->rules, &p, &by) == WALK_NO ||
		    (i && by.rule != ret->rule))
			return WALK_NO;
		*ret = by;
	}
	rule.ext_port = 0;	/* any port */
	place_incoming(&c->fw, &rule, &p);
	return walk_forwarded(c->rules, &p, &by) == WALK_YES ? WALK_YES :
	       WALK_DEPENDS;
}

static void check_forwarded(struct check *c, uint8_t proto)
{
	const char *name = proto == IPPROTO_TCP ? "TCP" : "UDP";
	struct walk_rule by = { RULESET_NONE, RULESET_NONE };
	enum walk_hold hold = all_forwarded(c, proto, &by);
	char text[TEXT_MAX];
	struct wr w = wr_init_cut(text, sizeof(text));

	if (hold == WALK_NO)
		return;
	walk_rule_text(c->rules, &by, &w);
	wr_cstr(&w);
	if (hold == WALK_YES)
		check_report(c, CHECK_PROBLEM, "every %s port is forwarded by "
			     "%s: none is left for a client\n"
			     "Limit that rule to the ports that it is for",
			     name, text);
	else
		check_report(c, CHECK_PROBLEM, "every %s port is perhaps "
			     "forwarded by %s, under a condition that upnpd "
			     "does not know: upnpd leaves all of them to it\n"
			     "Limit that rule to the ports that it is for",
			     name, text);
}

static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };

/* Unless they are dropped for a reason that was reported. */
static void check_all_blocked(struct check *c, const struct side *side)
{
	bool dropped = c->reported;

	for (size_t i = 0; i < 2 && !dropped; i++)
		for (size_t k = 0; k < side->env->net_n; k++)
			if (check_blocked(c, side, &side->env->net[k],
					  protos[i]))
				break;
}

/* ---- the rules as a whole ------------------------------------------- */

/* Report a chain with too many rules or jumps to follow. The monitor places no
 * accept there. */
static void check_capped(struct check *c, const struct side *side)
{
	struct nat_rule rule = any_rule(side->env->net, side->kind,
					IPPROTO_TCP);
	struct walk_packet p;
	struct walk_end end;
	char text[TEXT_MAX];

	place_incoming(side->env, &rule, &p);
	for (uint32_t i = 0; i < c->rules->base_n; i++) {
		uint32_t base = c->rules->base[i];

		if (!walk_in_base(c->rules, base, NF_INET_FORWARD, p.family))
			continue;
		walk_base(c->rules, base, &p, &end);
		if (!end.capped)
			continue;
		check_report(c, CHECK_WARNING, "%s has too many rules or jumps "
			     "to follow: whether it drops packets to %s is not "
			     "known\n"
			     "Use sets instead of single rules there",
			     put_chain(c, base, text), side->what);
		return;
	}
}

/* Write "A, B and 3 more": the chains with an accept of upnpd. */
static void put_accepts(const struct check *c, const struct places *p,
			struct wr *w)
{
	unsigned n = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (i && p->at[i - 1].chain == p->at[i].chain)
			continue;
		if (n++ >= CHAINS_NAMED)
			continue;
		wr_z(w, n > 1 ? ", " : "");
		ruleset_chain_name(c->rules, p->at[i].chain, w);
	}
	if (n > CHAINS_NAMED)
		wr_fmt(w, " and %u more", n - CHAINS_NAMED);
}

static void report_ok(struct check *c, const struct side *side)
{
	char text[400];
	struct wr w = wr_init_cut(text, sizeof(text));

	put_accepts(c, side->places, &w);
	wr_cstr(&w);
	if (side->places->n)
		check_report_ok(c, "no rule drops packets to %s%s: upnpd's "
				"accept rule %s in %s", side->what,
				side->made ? "" : side->later,
				*side->later && !side->made ? "will be" : "is",
				text);
	check_report_ok(c, "no rule drops packets to %s", side->what);
}

static void check_chains(struct check *c, const struct side *side)
{
	check_lost(c, side);
	check_tools(c, side);
	if (!c->reported)
		check_standing(c, side);
	check_all_blocked(c, side);
}

static void check_unread(struct check *c, const char *result)
{
	if (!c->reported)
		check_firewall_unread(c, result);
}

/* Will packets pass when another external interface is the active one? */
static void check_spare(struct check *c, struct side side,
			const struct ifstate_ext *ext)
{
	static struct natfw_env *env;
	static struct places *places;
	char what[64];
	struct wr w = wr_init_cut(what, sizeof(what));

	CMD_LARGE(env);
	CMD_LARGE(places);
	*env = *side.env;
	memcpy(env->ext_if, ext->name, sizeof(env->ext_if));
	env->ext_index = (uint32_t)ext->ifindex;
	if (side.kind == NAT_PORTMAP)
		env->ext = ext->addr;
	place_find(c->rules, env, places);
	wr_fmt(&w, "%s at %s", side.what, ext->name);
	side.what = wr_cstr(&w);
	side.env = env;
	side.places = places;
	side.made = false;
	check_chains(c, &side);
}

static void check_spares(struct check *c, const struct side *side)
{
	const struct ifstate *s = &c->externals.state;

	for (size_t i = 0; i < s->ext_n; i++)
		if (strcmp(s->ext[i].name, side->env->ext_if) &&
		    ifstate_is_usable(&s->ext[i]) && !c->reported)
			check_spare(c, *side, &s->ext[i]);
}

void check_forward(struct check *c)
{
	const struct side side = mappings(c);

	if (c->rules) {
		check_capped(c, &side);
		check_chain(c);
		check_chains(c, &side);
		for (size_t i = 0; i < 2 && addr_is_set(c->fw.ext); i++)
			check_forwarded(c, protos[i]);
		check_spares(c, &side);
	}
	check_unread(c, "no rule that was read drops packets to open ports");
	if (c->rules)
		report_ok(c, &side);
}

/* ---- no firewall ------------------------------------------------------- */

/* Does each packet from the Internet pass to that network? */
static bool is_open(const struct check *c, const struct netif_addr *net,
		    uint8_t proto)
{
	struct nat_rule rule = any_rule(net, NAT_PINHOLE, proto);
	struct walk_rule by;
	struct walk_packet p;

	if (addr_kind(net->net.addr) != ADDR_KIND_GLOBAL)
		return false;
	place_incoming(&c->fw6, &rule, &p);
	if (walk_dropped(c->rules, NF_INET_PRE_ROUTING, &p, NULL, 0, &by) !=
	    WALK_NO)
		return false;
	memcpy(p.oif, net->ifname, sizeof(p.oif));
	p.oif_index = (uint32_t)net->ifindex;
	return walk_dropped(c->rules, NF_INET_FORWARD, &p, NULL, 0, &by) ==
	       WALK_NO;
}

/* Nothing keeps the Internet out of that network. */
static void check_open(struct check *c)
{
	const struct netif_addr *net = c->fw6.net;

	for (size_t i = 0; i < c->fw6.net_n && !*c->unread; i++, net++) {
		if (!is_open(c, net, IPPROTO_TCP) ||
		    !is_open(c, net, IPPROTO_UDP))
			continue;
		check_report(c, CHECK_WARNING, "no rule drops packets from the "
			     "Internet to the IPv6 addresses of %s: every port "
			     "of every host there is open, and pinholes change "
			     "nothing\n"
			     "Drop in the forward chain what arrives on %s and "
			     "is not an answer (ct state established,related)",
			     net->ifname, c->fw6.ext_if);
		return;
	}
}

/* Tables of ip6tables-legacy that nothing can list. */
static void check_unknown(struct check *c)
{
	const char *tool = "ip6tables-legacy";
	bool there = ipt_tool_of(RULESET_IPT_LEGACY, true);

	if (c->rules->unknown6)
		check_report(c, CHECK_PROBLEM, "the tables of %s cannot be "
			     "listed%s: whether they drop packets to pinholes "
			     "is not known, and upnpd adds no accept rule\n"
			     "%s %s, or remove its rules", tool,
			     there ? "" : ", because it is not installed",
			     there ? "Repair" : "Install", tool);
}

void check_forward_pinholes(struct check *c)
{
	const struct side side = pinholes(c);

	if (c->rules) {
		check_unknown(c);
		check_capped(c, &side);
		check_chains(c, &side);
		if (!c->reported)
			check_open(c);
		check_spares(c, &side);
	}
	check_unread(c, "no rule that was read drops packets to pinholes");
	if (c->rules)
		report_ok(c, &side);
}
