/* SPDX-License-Identifier: ISC */
/*
 * check_forward.c - check that packets to open ports pass the forward chains of
 * the administrator: each that would drop them has upnpd's accept, where it
 * belongs, or will get it when upnpd starts.
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

static void report_owner(struct check *c, const struct ruleset_table *t,
			 const char *chain)
{
	char who[64];
	struct wr w = wr_init_cut(who, sizeof(who));

	check_report_process(&w, t->owner);
	wr_cstr(&w);
	if (!strcmp(t->name, "firewalld"))
		check_report(c, CHECK_PROBLEM, "the nft chain %s drops packets "
			     "to open ports, and only its owner, %s, may "
			     "change it\n"
			     "Set NftablesTableOwner=no in /etc/firewalld/"
			     "firewalld.conf and restart firewalld", chain,
			     who);
	else
		check_report(c, CHECK_PROBLEM, "the nft chain %s drops packets "
			     "to open ports, and only its owner, %s, may "
			     "change it\n"
			     "Have that program accept packets with ct status "
			     "dnat there, or make the table %s without the "
			     "flag owner", chain, who, t->name);
}

static void check_lost(struct check *c)
{
	const struct ruleset_table *t;
	uint32_t chain = c->places.lost;
	char text[TEXT_MAX];

	if (chain == RULESET_NONE)
		return;
	t = ruleset_table_of(c->rules, chain);
	put_chain(c, chain, text);
	if (t->owner)
		report_owner(c, t, text);
	else if (c->places.n == PLACES_MAX)
		check_report(c, CHECK_PROBLEM, "more than %d places in the "
			     "forward chains drop packets to open ports, and "
			     "upnpd has no accept rule in those from %s on\n"
			     "Merge chains, or remove those that are not "
			     "needed", PLACES_MAX, text);
	else
		check_report(c, CHECK_PROBLEM, "%s drops packets to open "
			     "ports, and upnpd cannot add its accept rule "
			     "there: %s\n"
			     "Accept packets with ct status dnat in that chain",
			     text, c->places.why);
}

/* Report chains of iptables for which its tool is missing. */
static void check_tools(struct check *c)
{
	char text[TEXT_MAX];

	for (size_t i = 0; i < c->places.n; i++) {
		uint32_t chain = c->places.at[i].chain;
		enum ruleset_kind kind = ruleset_table_of(c->rules,
							  chain)->kind;

		if (kind == RULESET_NATIVE ||
		    ipt_tool_of(kind, c->places.at[i].family == ADDR_IP6))
			continue;
		check_report(c, CHECK_PROBLEM, "%s drops packets to open "
			     "ports, and upnpd cannot add its accept rule "
			     "there, because %s is not installed\n"
			     "Install %s, or remove those rules",
			     put_chain(c, chain, text),
			     check_firewall_name(kind),
			     check_firewall_name(kind));
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

static void report_standing(struct check *c, const struct place *p,
			    enum standing standing)
{
	const struct walk_rule at = { p->chain, p->before };
	char rule[TEXT_MAX];
	struct wr w = wr_init_cut(rule, sizeof(rule));

	walk_rule_text(c->rules, &at, &w);
	wr_cstr(&w);
	if (standing == EARLY)
		check_report(c, CHECK_WARNING, "upnpd's accept rule is not "
			     "directly before %s, the first that drops every "
			     "packet to open ports: bans between them have no "
			     "effect on open ports\n"
			     "upnpctl resync", rule);
	else
		check_report(c, CHECK_PROBLEM, "packets to open ports are "
			     "dropped by %s, %s upnpd's accept rule\n"
			     "upnpctl resync; if that does not help, see the "
			     "log of upnpd", rule, standing == LATE ?
			     "which comes before" : "which lacks");
}

/* Are upnpd's accepts in the kernel, where they belong? */
static void check_standing(struct check *c)
{
	enum standing standing;

	if (!c->serving || !addr_is_set(c->fw.ext))
		return;
	for (size_t i = 0; i < c->places.n; i++) {
		standing = standing_of(c->rules, &c->places.at[i]);
		if (standing == STANDS)
			continue;
		report_standing(c, &c->places.at[i], standing);
		return;
	}
}

/* ---- every port ----------------------------------------------------- */

/* A mapping to some host of that network; its ports are 0, any. */
static struct nat_rule any_mapping(const struct netif_addr *net, uint8_t proto)
{
	struct nat_rule rule = { .client = addr_net_last(&net->net),
				 .remote = addr_any(),
				 .kind = NAT_PORTMAP, .proto = proto };

	if (net->net.bits < 31)
		rule.client.byte[3] ^= 1;	/* not the broadcast address */
	return rule;
}

/* Return: true if a finding was reported */
static bool check_blocked(struct check *c, const struct netif_addr *net,
			  uint8_t proto)
{
	struct nat_rule rule = any_mapping(net, proto);
	struct walk_rule by;
	char text[TEXT_MAX];
	struct wr w = wr_init_cut(text, sizeof(text));

	if (place_blocked(c->rules, &c->fw, &c->places, &rule, &by) !=
	    WALK_YES)
		return false;
	walk_rule_text(c->rules, &by, &w);
	if (*c->fw.nft_table &&
	    ruleset_table_of(c->rules, by.chain)->kind == RULESET_NATIVE)
		check_report(c, CHECK_PROBLEM, "packets to open ports are "
			     "dropped by %s, and upnpd's accept rule is not "
			     "before it, but in the chain %s of %s\n"
			     "Correct nft-table and nft-forward-chain, or "
			     "unset both", wr_cstr(&w), c->fw.nft_chain,
			     c->fw.nft_table);
	else
		check_report(c, CHECK_PROBLEM, "every %s packet to open ports "
			     "on %s is dropped before upnpd's accept rule, by "
			     "%s\n"
			     "Remove that rule, or limit it to the ports that "
			     "it is for",
			     proto == IPPROTO_TCP ? "TCP" : "UDP", net->ifname,
			     wr_cstr(&w));
	return true;
}

/* Is every port forwarded? @ret: by which rule. A rule with an unknown
 * condition forwards every port if it forwards three of them. */
static enum walk_hold all_forwarded(const struct check *c, uint8_t proto,
				    struct walk_rule *ret)
{
	static const uint16_t ports[] = { 1025, 32323, 65535 };
	struct nat_rule rule = any_mapping(c->fw.net, proto);
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

static void check_any_port(struct check *c)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };

	bool dropped = c->reported;	/* for a reason that was reported */

	for (size_t i = 0; i < 2; i++) {
		for (size_t k = 0; k < c->fw.net_n && !dropped; k++)
			if (check_blocked(c, &c->fw.net[k], protos[i]))
				break;
		if (addr_is_set(c->fw.ext))
			check_forwarded(c, protos[i]);
	}
}

/* ---- the rules as a whole ------------------------------------------- */

/* Report a chain with too many rules or jumps to follow. The monitor places no
 * accept there. */
static void check_capped(struct check *c)
{
	struct nat_rule rule = any_mapping(c->fw.net, IPPROTO_TCP);
	struct walk_packet p;
	struct walk_end end;
	char text[TEXT_MAX];

	place_incoming(&c->fw, &rule, &p);
	for (uint32_t i = 0; i < c->rules->base_n; i++) {
		uint32_t base = c->rules->base[i];

		if (!walk_in_base(c->rules, base, NF_INET_FORWARD, ADDR_IP4))
			continue;
		walk_base(c->rules, base, &p, &end);
		if (!end.capped)
			continue;
		check_report(c, CHECK_WARNING, "%s has too many rules or jumps "
			     "to follow: whether it drops packets to open "
			     "ports is not known\n"
			     "Use sets instead of single rules there",
			     put_chain(c, base, text));
		return;
	}
}

/* Write "A, B and 3 more": the chains with an accept of upnpd. */
static void put_accepts(const struct check *c, struct wr *w)
{
	const struct places *p = &c->places;
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

static void report_ok(struct check *c)
{
	char text[400];
	struct wr w = wr_init_cut(text, sizeof(text));
	const char *later = c->serving ? "" : ", once upnpd runs";

	put_accepts(c, &w);
	wr_cstr(&w);
	if (c->places.n)
		check_report_ok(c, "no rule drops packets to open ports%s: "
				"upnpd's accept rule %s in %s", later,
				c->serving ? "is" : "will be", text);
	check_report_ok(c, "no rule drops packets to open ports");
}

void check_forward(struct check *c)
{
	if (c->rules) {
		check_capped(c);
		check_chain(c);
		check_lost(c);
		check_tools(c);
		if (!c->reported)
			check_standing(c);
		check_any_port(c);
	}
	if (!c->reported)
		check_firewall_unread(c, "no rule that was read drops packets "
				      "to open ports");
	if (c->rules)
		report_ok(c);
}
