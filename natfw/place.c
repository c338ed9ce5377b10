/* SPDX-License-Identifier: ISC */
/*
 * place.c - find where the accept of mapped packets belongs.
 *
 * Each packet that a chain drops needs an accept somewhere between two rules of
 * one chain: from the rule behind the last one that could match it, up to the
 * one that drops it. Such ranges that have a position in common share one
 * accept, the latest that serves them all.
 * Runs in: monitor, upnpctl
 */
#include <netinet/in.h>
#include <string.h>
#include <linux/netfilter.h>
#include "base/wr.h"
#include "natfw/flowpacket.h"
#include "natfw/ipt_jump.h"
#include "natfw/place.h"
#include "sys/comm.h"

/* A chain at the priority of mangle or before it sets marks and clamps the MSS.
 * It does not filter, and an accept at its head would skip its rules. */
#define MANGLE		(-150)
#define NEEDS_MAX	256	/* different ranges in one base chain */

enum dir {
	TO,		/* from the Internet to a client */
	FROM,		/* an answer of a client */
	HAIRPIN,	/* from an internal network to a client */
	DIRS,
};

/* Those of mappings are the first ones. */
static const uint8_t protos[] = {
	IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, IPPROTO_SCTP, IPPROTO_DCCP,
};

#define PROTOS		(sizeof(protos))
#define PROTOS_IP4	2

/* The internal interfaces whose packets are dropped, a bit each. */
struct mask {
	uint64_t bits[DIRS][PROTOS];
};

/* Packets that an accept in this range lets pass. */
struct need {
	uint32_t chain;
	uint32_t from, at;	/* rules, as in struct walk_end */
	struct mask mask;
	bool done;		/* it has its accept */
};

struct search {
	const struct ruleset *rs;
	const struct natfw_env *env;
	struct places *ret;
	uint8_t family;		/* of the packets */
	size_t proto_n;		/* how many of the protocols it has */
	const char *ifname[NATFW_NETS_MAX];	/* each once */
	size_t if_n;
	uint32_t base;		/* the chain that is searched */
	struct need need[NEEDS_MAX];
	size_t need_n;
};

_Static_assert(NATFW_NETS_MAX <= 64, "a bit for each interface");

/* A position in a chain as a number, for comparisons. */
static uint32_t ordinal(const struct ruleset *rs, uint32_t rule)
{
	return rule == RULESET_NONE ? UINT32_MAX : rs->rule[rule].number;
}

/* ---- where no accept can be -------------------------------------------- */

static void why_owned(const struct ruleset_table *t, struct wr *w)
{
	bool firewalld = strcmp(t->name, "firewalld") == 0;

	wr_z(w, ", and only ");
	if (comm_write(w, t->owner))
		wr_fmt(w, " (process %u)", (unsigned)t->owner);
	else
		wr_fmt(w, "process %u", (unsigned)t->owner);
	wr_z(w, " may change it: ");
	wr_z(w, firewalld ?
	     "set NftablesTableOwner=no in /etc/firewalld/firewalld.conf" :
	     "remove \"flags owner\" from that table");
}

static struct place_loss *loss(struct search *s)
{
	return s->family == ADDR_IP6 ? &s->ret->lost6 : &s->ret->lost4;
}

/* Only the first one is kept. @why: continues the sentence; NULL: another
 * process owns the table */
static void lose(struct search *s, uint32_t chain, const char *why)
{
	struct place_loss *ret = loss(s);
	struct wr w = wr_init_cut(ret->why, sizeof(ret->why));

	if (ret->chain != RULESET_NONE)
		return;
	ret->chain = chain;
	ruleset_chain_name(s->rs, chain, &w);
	wr_z(&w, s->family == ADDR_IP6 ? " drops packets to pinholes" :
					 " drops packets to mapped ports");
	if (why)
		wr_z(&w, why);
	else
		why_owned(ruleset_table_of(s->rs, chain), &w);
	wr_cstr(&w);
}

/* Return: false, and the chain is lost */
static bool may_write(struct search *s, uint32_t chain)
{
	const struct ruleset_table *t = ruleset_table_of(s->rs, chain);
	const struct place at = { .chain = chain };
	bool native = t->kind == RULESET_NATIVE;

	if (native ? !t->owner : ipt_jump_writable(s->rs, &at))
		return true;
	lose(s, chain, native ? NULL :
	     ", and upnpd adds iptables rules only to FORWARD of table filter,"
	     " and chains it jumps to");
	return false;
}

/* ---- the list of places ------------------------------------------------ */

static bool same_place(const struct place *a, const struct place *b)
{
	return a->family == b->family && a->chain == b->chain &&
	       a->before == b->before && a->proto == b->proto &&
	       a->hairpin == b->hairpin &&
	       strcmp(a->ifname, b->ifname) == 0;
}

/* Behind the other places of the same chain that are not later in it. */
static size_t index_for(const struct search *s, const struct place *new)
{
	const struct places *p = s->ret;
	size_t at = p->n;

	for (size_t i = 0; i < p->n; i++) {
		if (p->at[i].chain != new->chain)
			continue;
		at = i;
		if (ordinal(s->rs, p->at[i].before) >
		    ordinal(s->rs, new->before))
			return at;
		at++;
	}
	return at;
}

static void add_place(struct search *s, const struct place *new)
{
	struct places *p = s->ret;
	size_t at;

	for (size_t i = 0; i < p->n; i++) {
		if (!same_place(&p->at[i], new))
			continue;
		p->at[i].to |= new->to;
		p->at[i].from |= new->from;
		return;
	}
	if (p->n == PLACES_MAX) {
		lose(s, new->chain, ", and upnpd has added rules at 64 places"
		     " already: too many chains drop forwarded packets");
		return;
	}
	at = index_for(s, new);
	memmove(&p->at[at + 1], &p->at[at], (p->n - at) * sizeof(*p->at));
	p->at[at] = *new;
	p->n++;
}

static uint64_t all_ifs(const struct search *s)
{
	return s->if_n == 64 ? UINT64_MAX : (UINT64_C(1) << s->if_n) - 1;
}

/* Add a place for these interfaces, and for all of them as one. */
static void add_for_ifs(struct search *s, struct place *new, uint64_t bits)
{
	*new->ifname = '\0';
	if (bits == all_ifs(s)) {
		add_place(s, new);
		return;
	}
	for (size_t i = 0; i < s->if_n; i++) {
		if (!(bits & UINT64_C(1) << i))
			continue;
		memset(new->ifname, 0, sizeof(new->ifname));
		str_copy(new->ifname, sizeof(new->ifname),
			 str_z(s->ifname[i]));
		add_place(s, new);
	}
}

/* Are packets of each protocol dropped for the same interfaces? */
static bool same_for_all(const struct search *s, const uint64_t *bits)
{
	for (size_t i = 1; i < s->proto_n; i++)
		if (bits[i] != bits[0])
			return false;
	return true;
}

static void add_for_mask(struct search *s, uint32_t chain, uint32_t before,
			 const struct mask *m)
{
	for (int dir = TO; dir < DIRS; dir++) {
		const uint64_t *bits = m->bits[dir];
		struct place new = {
			.family = s->family, .chain = chain, .before = before,
			.to = dir != FROM,
			.from = dir == FROM, .hairpin = dir == HAIRPIN,
		};

		if (same_for_all(s, bits)) {
			add_for_ifs(s, &new, bits[0]);
			continue;
		}
		for (size_t i = 0; i < s->proto_n; i++) {
			new.proto = protos[i];
			add_for_ifs(s, &new, bits[i]);
		}
	}
}

/* ---- from ranges to places --------------------------------------------- */

static void add_mask(struct mask *to, const struct mask *m)
{
	for (int dir = TO; dir < DIRS; dir++)
		for (size_t i = 0; i < PROTOS; i++)
			to->bits[dir][i] |= m->bits[dir][i];
}

/* The range that ends first, of those without an accept. */
static struct need *next_need(struct search *s)
{
	struct need *next = NULL;

	for (struct need *n = s->need; n < s->need + s->need_n; n++)
		if (!n->done &&
		    (!next || (n->chain == next->chain &&
			       ordinal(s->rs, n->at) <
			       ordinal(s->rs, next->at))))
			next = n;
	return next;
}

/* Make one place where this range ends, for all ranges that it is in. */
static void place_need(struct search *s, struct need *at)
{
	struct mask mask = at->mask;

	at->done = true;
	for (struct need *n = s->need; n < s->need + s->need_n; n++) {
		if (n->done || n->chain != at->chain ||
		    ordinal(s->rs, n->from) > ordinal(s->rs, at->at) ||
		    ordinal(s->rs, n->at) < ordinal(s->rs, at->at))
			continue;
		add_mask(&mask, &n->mask);
		n->done = true;
	}
	/* an accept of packets from anywhere serves these as well */
	for (size_t i = 0; i < PROTOS; i++)
		mask.bits[HAIRPIN][i] &= ~mask.bits[TO][i];
	if (may_write(s, at->chain))
		add_for_mask(s, at->chain, at->at, &mask);
}

/* Make as few places as possible. */
static void place_needs(struct search *s)
{
	struct need *next;

	while ((next = next_need(s)))
		place_need(s, next);
}

/* ---- the packets ------------------------------------------------------- */

/* Two rules have the same number if one rule of iptables needed both. */
static uint32_t first_of_number(const struct ruleset *rs, uint32_t chain,
				uint32_t rule)
{
	uint32_t r = rs->chain[chain].first;

	if (rule == RULESET_NONE)
		return rule;
	while (rs->rule[r].number != rs->rule[rule].number)
		r = rs->rule[r].next;
	return r;
}

static void follow(struct search *s, const struct walk_packet *p,
		   const char *client_if, enum dir dir)
{
	size_t i, nic = 0, proto = 0;
	struct walk_end end;
	struct need *n;

	walk_base(s->rs, s->base, p, &end);
	if (end.verdict != RULESET_DROP || end.capped)
		return;
	end.at_rule = first_of_number(s->rs, end.at_chain, end.at_rule);
	while (protos[proto] != p->proto)
		proto++;
	while (nic < s->if_n && strcmp(s->ifname[nic], client_if) != 0)
		nic++;
	for (i = 0, n = s->need; i < s->need_n; i++, n++)
		if (n->chain == end.at_chain && n->from == end.at_from &&
		    n->at == end.at_rule)
			break;
	if (i == NEEDS_MAX) {
		lose(s, s->base, " in too many rules");
		return;
	}
	if (i == s->need_n) {
		*n = (struct need){ .chain = end.at_chain,
				    .from = end.at_from, .at = end.at_rule };
		s->need_n++;
	}
	n->mask.bits[dir][proto] |= UINT64_C(1) << nic;
}

static void follow_flow(struct search *s, const struct netif_addr *net,
			const struct netif_addr *from, uint8_t proto)
{
	const struct walk_packet first = flowpacket_first(s->env, net, from,
							  proto);
	const struct walk_packet to = flowpacket_later(&first);
	const struct walk_packet back = flowpacket_answer(&first);
	enum dir dir = from ? HAIRPIN : TO;

	follow(s, &first, net->ifname, dir);
	follow(s, &to, net->ifname, dir);
	follow(s, &back, net->ifname, FROM);
}

/* Is it the first network of its interface, of those of this family? */
static bool is_first(const struct search *s, size_t i)
{
	const struct netif_addr *net = s->env->net;

	for (size_t j = 0; j < i; j++)
		if (net[j].net.addr.family == s->family &&
		    strcmp(net[j].ifname, net[i].ifname) == 0)
			return false;
	return net[i].net.addr.family == s->family;
}

static void search_base(struct search *s, uint32_t base)
{
	const struct natfw_env *env = s->env;

	s->base = base;
	s->need_n = 0;
	for (size_t n = 0; n < env->net_n * s->proto_n; n++) {
		const struct netif_addr *net = &env->net[n / s->proto_n];
		uint8_t proto = protos[n % s->proto_n];

		if (net->net.addr.family != s->family)
			continue;
		follow_flow(s, net, NULL, proto);
		/* a pinhole is no way between internal networks */
		for (size_t i = 0; env->hairpin && s->family == ADDR_IP4 &&
		     i < env->net_n; i++)
			if (is_first(s, i))
				follow_flow(s, net, &env->net[i], proto);
	}
	place_needs(s);
}

/* ---- the chains -------------------------------------------------------- */

/* "inet fw4" */
static bool is_configured_table(const struct natfw_env *env,
				const struct ruleset_table *t)
{
	struct str table = str_z(env->nft_table), family;

	return str_word(&table, &family) && t->kind != RULESET_IPT_LEGACY &&
	       t->family == (str_eq(family, STR("inet")) ? NFPROTO_INET :
							   NFPROTO_IPV4) &&
	       str_eq(str_z(t->name), str_trim(table));
}

/* Return: the configured chain; RULESET_NONE: there is no such chain */
static uint32_t configured(const struct ruleset *rs,
			   const struct natfw_env *env)
{
	for (uint32_t i = 0; i < rs->chain_n; i++)
		if (is_configured_table(env, ruleset_table_of(rs, i)) &&
		    strcmp(rs->chain[i].name, env->nft_chain) == 0)
			return i;
	return RULESET_NONE;
}

static bool is_configured(const struct natfw_env *env)
{
	return *env->nft_table && *env->nft_chain;
}

/* Does upnpd accept in this chain? */
static bool in_scope(const struct search *s, uint32_t base)
{
	const struct ruleset *rs = s->rs;
	const struct ruleset_chain *c = &rs->chain[base];

	return walk_in_base(rs, base, NF_INET_FORWARD, s->family) && !c->nat &&
	       c->priority > MANGLE &&
	       !(is_configured(s->env) &&
		 ruleset_table_of(rs, base)->kind == RULESET_NATIVE);
}

bool place_lacks_chain(const struct ruleset *rs, const struct natfw_env *env)
{
	if (!is_configured(env) || configured(rs, env) != RULESET_NONE)
		return false;
	for (uint32_t t = 0; t < rs->table_n; t++)
		if (is_configured_table(env, &rs->table[t]))
			return true;
	return false;
}

/* Without its table, a chain that drops is found for each mapping, by
 * place_blocked(). */
static void search_configured(struct search *s)
{
	struct wr w = wr_init_cut(loss(s)->why, sizeof(loss(s)->why));
	uint32_t chain = configured(s->rs, s->env);

	/* those of iptables are searched anyway; one of family ip sees no
	 * IPv6 */
	if (chain != RULESET_NONE &&
	    ruleset_table_of(s->rs, chain)->kind == RULESET_NATIVE &&
	    (s->family == ADDR_IP4 ||
	     ruleset_table_of(s->rs, chain)->family != NFPROTO_IPV4))
		search_base(s, chain);
	if (*loss(s)->why || !place_lacks_chain(s->rs, s->env))
		return;
	wr_fmt(&w, "there is no chain %s in %s", s->env->nft_chain,
	       s->env->nft_table);
	wr_cstr(&w);
}

static void search(struct search *s, uint8_t family, size_t proto_n)
{
	const struct ruleset *rs = s->rs;

	s->family = family;
	s->proto_n = proto_n;
	s->if_n = 0;
	for (size_t i = 0; i < s->env->net_n; i++)
		if (is_first(s, i))
			s->ifname[s->if_n++] = s->env->net[i].ifname;
	if (!s->if_n)
		return;
	if (is_configured(s->env))
		search_configured(s);
	for (uint32_t i = 0; i < rs->base_n; i++)
		if (in_scope(s, rs->base[i]))
			search_base(s, rs->base[i]);
}

void place_find(const struct ruleset *rs, const struct natfw_env *env,
		struct places *ret)
{
	struct search s = { .rs = rs, .env = env, .ret = ret };

	memset(ret, 0, sizeof(*ret));
	ret->lost4.chain = ret->lost6.chain = RULESET_NONE;
	search(&s, ADDR_IP4, PROTOS_IP4);
	if (env->ipv6)
		search(&s, ADDR_IP6, PROTOS);
}

/* ---- one rule ---------------------------------------------------------- */

static struct addr_net one_host(struct addr a)
{
	return (struct addr_net){ a, (uint8_t)addr_bits(a) };
}

/* Any host of the Internet, if the rule names none. */
static struct addr_net peer_of(const struct nat_rule *rule)
{
	return addr_is_set(rule->remote) ? one_host(rule->remote) :
	       flowpacket_internet(rule->kind == NAT_PINHOLE ? ADDR_IP6 :
							       ADDR_IP4);
}

void place_incoming(const struct natfw_env *env, const struct nat_rule *rule,
		    struct walk_packet *ret)
{
	const bool pinhole = rule->kind == NAT_PINHOLE;
	const uint8_t family = pinhole ? ADDR_IP6 : ADDR_IP4;

	*ret = (struct walk_packet){
		.family = family, .proto = rule->proto,
		.iif_index = backend_ext_index(env, family), .src = peer_of(rule),
		.dst = one_host(pinhole ? rule->client : env->ext),
		.sport = rule->remote_port,
		.dport = nat_rule_port(rule),
		.ct_state = WALK_STATE_NEW, .to_router = !pinhole,
	};
	str_copy(ret->iif, sizeof(ret->iif),
		 str_z(backend_ext_if(env, family)));
}

/* The packet in the forward chains: of a mapping after DNAT. */
static struct walk_packet forwarded(const struct natfw_env *env,
				    const struct nat_rule *rule)
{
	struct netif_addr net = { .ifindex = 0 };
	struct walk_packet p;

	for (size_t i = env->net_n; i--;)
		if (addr_in(&env->net[i].net, rule->client))
			net = env->net[i];
	net.net = one_host(rule->client);
	p = flowpacket_first(env, &net, NULL, rule->proto);
	p.src = peer_of(rule);
	p.sport = rule->remote_port;
	p.dport = rule->int_port;
	p.orig_dport = rule->ext_port;
	return p;
}

static enum walk_hold blocked_in_forward(const struct ruleset *rs,
					 const struct places *places,
					 const struct walk_packet *p,
					 enum dir dir, struct walk_rule *ret)
{
	const char *client_if = dir == TO ? p->oif : p->iif;
	struct walk_accept accept[PLACES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < places->n; i++) {
		const struct place *at = &places->at[i];

		if (at->family == p->family &&
		    (dir == TO ? at->to && !at->hairpin : at->from) &&
		    (!at->proto || at->proto == p->proto) &&
		    (!*at->ifname || !strcmp(at->ifname, client_if)))
			accept[n++] = (struct walk_accept){ at->chain,
							    at->before };
	}
	return walk_dropped(rs, NF_INET_FORWARD, p, accept, n, ret);
}

static void worse(enum walk_hold hold, const struct walk_rule *rule,
		  enum walk_hold *best, struct walk_rule *ret)
{
	if (hold > *best) {
		*best = hold;
		*ret = *rule;
	}
}

enum walk_hold place_blocked(const struct ruleset *rs,
			     const struct natfw_env *env,
			     const struct places *places,
			     const struct nat_rule *rule,
			     struct walk_rule *ret)
{
	const struct walk_packet first = forwarded(env, rule);
	const struct walk_packet back = flowpacket_answer(&first);
	enum walk_hold best = WALK_NO, hold;
	struct walk_packet incoming;
	struct walk_rule at;

	*ret = (struct walk_rule){ RULESET_NONE, RULESET_NONE };
	place_incoming(env, rule, &incoming);
	hold = walk_dropped(rs, NF_INET_PRE_ROUTING, &incoming, NULL, 0, &at);
	worse(hold, &at, &best, ret);
	hold = blocked_in_forward(rs, places, &first, TO, &at);
	worse(hold, &at, &best, ret);
	hold = blocked_in_forward(rs, places, &back, FROM, &at);
	worse(hold, &at, &best, ret);
	return best;
}
