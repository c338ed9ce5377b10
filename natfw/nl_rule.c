/* SPDX-License-Identifier: ISC */
/*
 * nl_rule.c - writes our own table, and our rules and sets in foreign tables.
 * Pure.
 * Runs in: monitor
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include "base/str.h"
#include "natfw/backend.h"
#include "natfw/nl_put.h"
#include "natfw/nl_rule.h"
#include "natfw/nlattr.h"

/* ---- foreign chains ------------------------------------------------ */

static void put_conditions(struct nlmsg *m, const struct natfw_env *env,
			   const struct nl_table *t, const struct place *p,
			   bool to)
{
	if (to && p->hairpin)
		nl_put_not_if(m, NFT_META_IIFNAME, env->ext_if);
	if (*p->ifname)
		nl_put_if(m, to ? NFT_META_OIFNAME : NFT_META_IIFNAME,
			  p->ifname);
	nl_put_dnat(m, true);
	if (p->proto)
		nl_put_byte(m, NFT_META_L4PROTO, p->proto);
	if (nfnl_family(t->family) != NFPROTO_IPV4)
		nl_put_byte(m, NFT_META_NFPROTO, NFPROTO_IPV4);
}

/* A pinhole is for hosts outside, as a mapping is: whether other networks of the
 * router reach the client is up to the administrator's rules. So is what a
 * client sends from a pinhole's port without being asked: only answers are
 * accepted. */
static void put_conditions6(struct nlmsg *m, const struct natfw_env *env,
			    const struct nl_table *t, const struct place *p,
			    bool to)
{
	if (to)
		nl_put_if(m, NFT_META_IIFNAME, backend_ext_if(env, ADDR_IP6));
	if (*p->ifname)
		nl_put_if(m, to ? NFT_META_OIFNAME : NFT_META_IIFNAME,
			  p->ifname);
	if (!to)
		nl_put_answer(m);
	if (p->proto)
		nl_put_byte(m, NFT_META_L4PROTO, p->proto);
	if (nfnl_family(t->family) != NFPROTO_IPV6)
		nl_put_byte(m, NFT_META_NFPROTO, NFPROTO_IPV6);
}

void nl_rule_put_accept(struct nfnl_batch *b, const struct natfw_env *env,
			const struct nl_rule_spot *at,
			const struct nl_map *set)
{
	static const bool dirs[] = { true, false };
	const struct place *p = at->place;
	struct nl_put r;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		const bool to = dirs[i];

		if (!(to ? p->to : p->from))
			continue;
		r = nl_put_rule(b, at->table, at->chain, at->before);
		if (p->family == ADDR_IP6) {
			put_conditions6(r.m, env, at->table, p, to);
		} else {
			put_conditions(r.m, env, at->table, p, to);
		}
		nl_put_key(r.m, set, to);
		nl_put_lookup(r.m, set->name, 0, false);
		nl_put_accept(r.m);
		nl_put_end(r, RULESET_OWN_TABLE);
	}
}

void nl_rule_delete(struct nfnl_batch *b, const struct nl_table *t,
		    const char *chain, uint64_t handle)
{
	struct nlmsg *m = nfnl_open_msg(b, NFT_MSG_DELRULE, 0, t->family);

	nlmsg_name(m, NFTA_RULE_TABLE, t->name);
	nlmsg_name(m, NFTA_RULE_CHAIN, chain);
	handle = htobe64(handle);
	nlmsg_put(m, NFTA_RULE_HANDLE, &handle, sizeof(handle));
	nfnl_close_msg(b);
}

bool nl_rule_table(const struct nlmsghdr *h, struct nl_table *ret)
{
	const struct nfgenmsg *about = netlink_body(h, sizeof(*about));
	struct nl_span s = netlink_attrs(h, sizeof(*about));

	if (h->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || !about)
		return false;
	ret->family = nfnl_family_name(about->nfgen_family);
	/* NFTA_*_TABLE are all 1 */
	return ret->family && str_copy(ret->name, sizeof(ret->name),
				       nlattr_name(s, NFTA_RULE_TABLE));
}

/* ---- sets ---------------------------------------------------------- */

/* nft's numbers of its types; the kernel only stores them. */
enum { TYPE_IPV4_ADDR = 7, TYPE_IPV6_ADDR = 8, TYPE_INET_PROTO = 12,
       TYPE_INET_SERVICE = 13, TYPE_BITS = 6 };

/* A concatenation's type has six bits for each part. */
static uint32_t type_of(const enum nl_map_part *part)
{
	uint32_t type = 0;

	for (; *part; part++) {
		type <<= TYPE_BITS;
		if (*part >= NL_MAP_CLIENT6)
			type |= TYPE_IPV6_ADDR;
		else if (*part >= NL_MAP_CLIENT)
			type |= TYPE_IPV4_ADDR;
		else if (*part == NL_MAP_PROTO)
			type |= TYPE_INET_PROTO;
		else
			type |= TYPE_INET_SERVICE;
	}
	return type;
}

void nl_rule_put_set(struct nfnl_batch *b, const struct nl_table *at,
		     const struct nl_map *map, bool count)
{
	struct nlmsg *m = nfnl_open_msg(b, NFT_MSG_NEWSET, NLM_F_CREATE,
					at->family);
	size_t expr;

	/* any number that no other set of the batch has */
	nlmsg_u32(m, NFTA_SET_ID, m->seq);
	nlmsg_name(m, NFTA_SET_TABLE, at->name);
	nlmsg_name(m, NFTA_SET_NAME, map->name);
	nlmsg_u32(m, NFTA_SET_FLAGS, map->value[0] ? NFT_SET_MAP : 0);
	nlmsg_u32(m, NFTA_SET_KEY_TYPE, type_of(map->key));
	nlmsg_u32(m, NFTA_SET_KEY_LEN, (uint32_t)nl_map_len(map->key));
	if (map->value[0]) {
		nlmsg_u32(m, NFTA_SET_DATA_TYPE, type_of(map->value));
		nlmsg_u32(m, NFTA_SET_DATA_LEN,
			  (uint32_t)nl_map_len(map->value));
	}
	if (count) {	/* packets and bytes, for each element */
		expr = nlmsg_nest(m, NFTA_SET_EXPR);
		nlmsg_name(m, NFTA_EXPR_NAME, "counter");
		nlmsg_unnest(m, nlmsg_nest(m, NFTA_EXPR_DATA));
		nlmsg_unnest(m, expr);
	}
	nfnl_close_msg(b);
}

void nl_rule_delete_set(struct nfnl_batch *b, const struct nl_table *at,
			const char *name)
{
	struct nlmsg *m = nfnl_open_msg(b, NFT_MSG_DELSET, 0, at->family);

	nlmsg_name(m, NFTA_SET_TABLE, at->name);
	nlmsg_name(m, NFTA_SET_NAME, name);
	nfnl_close_msg(b);
}

void nl_rule_flush_set(struct nfnl_batch *b, const struct nl_table *at,
		       const char *name)
{
	struct nlmsg *m = nfnl_open_msg(b, NFT_MSG_DELSETELEM, 0, at->family);

	nlmsg_name(m, NFTA_SET_ELEM_LIST_TABLE, at->name);
	nlmsg_name(m, NFTA_SET_ELEM_LIST_SET, name);
	nfnl_close_msg(b);
}

/* ---- our own table ------------------------------------------------- */

static void put_own(struct nfnl_batch *b, const struct nl_table *own, int type,
		    unsigned flags)
{
	struct nlmsg *m = nfnl_open_msg(b, type, flags, own->family);

	nlmsg_name(m, NFTA_TABLE_NAME, own->name);
	nfnl_close_msg(b);
}

void nl_rule_delete_table(struct nfnl_batch *b, const struct nl_table *own)
{
	put_own(b, own, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	put_own(b, own, NFT_MSG_DELTABLE, 0);
}

#define PRE	"prerouting"
#define POST	"postrouting"
#define FORWARD	"forward"

/*
 * An administrator's DNAT decides first, in a chain of any priority that people
 * use: the kernel asks the nat chains of a hook one after the other, until one
 * translates. Likewise only packets are counted that no other chain dropped.
 */
static const struct chain {
	const char *name, *type;
	uint32_t hook;
	int32_t priority;
} chains[] = {
	{ PRE, "nat", NF_INET_PRE_ROUTING, 1000 },
	{ POST, "nat", NF_INET_POST_ROUTING, 95 },
	{ FORWARD, "filter", NF_INET_FORWARD, 1000 },
};

#define FORWARD_CHAIN (&chains[2])	/* of both tables */

static void put_chain(struct nfnl_batch *b, const struct nl_table *own,
		      const struct chain *c)
{
	struct nlmsg *m = nfnl_open_msg(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE,
					own->family);
	size_t nest;

	nlmsg_name(m, NFTA_CHAIN_TABLE, own->name);
	nlmsg_name(m, NFTA_CHAIN_NAME, c->name);
	nlmsg_name(m, NFTA_CHAIN_TYPE, c->type);
	nest = nlmsg_nest(m, NFTA_CHAIN_HOOK);
	nlmsg_u32(m, NFTA_HOOK_HOOKNUM, c->hook);
	nlmsg_u32(m, NFTA_HOOK_PRIORITY, (uint32_t)c->priority);
	nlmsg_unnest(m, nest);
	nfnl_close_msg(b);
}

/* Translate by the value that @map has for the packet. */
static void put_translation(struct nlmsg *m, const struct nl_map *map, bool to)
{
	nl_put_key(m, map, to);
	nl_put_lookup(m, map->name, 0, true);
	nl_put_nat(m, to ? NFT_NAT_DNAT : NFT_NAT_SNAT);
}

/* Forward what comes in by that interface to our external address. Few of the
 * packets of the LAN are to it, so that decides first. */
static void put_forward(struct nfnl_batch *b, const struct nl_table *own,
			const struct natfw_env *env, const char *ifname,
			const struct nl_map *map)
{
	struct nl_put r = nl_put_rule(b, own, PRE, NL_PUT_APPEND);

	nl_put_addr(r.m, NL_PUT_DADDR, env->ext);
	nl_put_if(r.m, NFT_META_IIFNAME, ifname);
	put_translation(r.m, map, true);
	nl_put_end(r, NULL);
}

/* Is it the first network of IPv4 on its interface? */
static bool is_new_if(const struct natfw_env *env, size_t net)
{
	for (size_t i = 0; i <= net; i++)
		if (env->net[i].net.addr.family == ADDR_IP4 &&
		    !strcmp(env->net[i].ifname, env->net[net].ifname))
			return i == net;
	return false;
}

/* The chain has no rules. With hairpin there is a rule for each interface: a
 * set of them would be one lookup more for each new flow. @from: the maps that
 * exist, a bit for each (nl_map_from()) */
static void put_prerouting(struct nfnl_batch *b, const struct nl_table *own,
			   const struct natfw_env *env, unsigned from)
{
	const struct nl_map *to = &nl_map_table[NL_MAP_FORWARD_TO];

	for (unsigned i = NL_MAP_FROMS; i-- > 0;)
		if (from & 1u << i)
			put_forward(b, own, env, env->ext_if,
				    &nl_map_table[NL_MAP_FROM + i]);
	put_forward(b, own, env, env->ext_if, to);
	for (size_t i = 0; env->hairpin && i < env->net_n; i++)
		if (is_new_if(env, i))
			put_forward(b, own, env, env->net[i].ifname, to);
}

static void clear_chain(struct nfnl_batch *b, const struct nl_table *own,
			const char *chain)
{
	struct nlmsg *m = nfnl_open_msg(b, NFT_MSG_DELRULE, 0, own->family);

	nlmsg_name(m, NFTA_RULE_TABLE, own->name);
	nlmsg_name(m, NFTA_RULE_CHAIN, chain);
	nfnl_close_msg(b);
}

void nl_rule_put_from(struct nfnl_batch *b, const struct natfw_env *env,
		      unsigned old, unsigned new)
{
	for (unsigned i = 0; i < NL_MAP_FROMS; i++)
		if (new & 1u << i)
			nl_rule_put_set(b, &nl_map_own,
					&nl_map_table[NL_MAP_FROM + i], false);
	clear_chain(b, &nl_map_own, PRE);
	put_prerouting(b, &nl_map_own, env, old | new);
}

static void put_leave(struct nfnl_batch *b, const struct nl_table *own,
		      const struct natfw_env *env)
{
	struct nl_put r = nl_put_rule(b, own, POST, NL_PUT_APPEND);

	nl_put_if(r.m, NFT_META_OIFNAME, env->ext_if);
	put_translation(r.m, &nl_map_table[NL_MAP_LEAVE_AS], false);
	nl_put_end(r, NULL);
}

/* The lookup counts. Each packet of the router comes here, so one that no DNAT
 * has translated is not looked up, and others once. An accept ends this chain
 * alone. */
static void put_count(struct nfnl_batch *b, const struct nl_table *own)
{
	const struct nl_map *map = &nl_map_table[NL_MAP_COUNT];
	struct nl_put r = nl_put_rule(b, own, FORWARD, NL_PUT_APPEND);

	nl_put_dnat(r.m, false);
	nl_put_accept(r.m);
	nl_put_end(r, NULL);
	r = nl_put_rule(b, own, FORWARD, NL_PUT_APPEND);
	nl_put_answer(r.m);
	nl_put_key(r.m, map, false);
	nl_put_lookup(r.m, map->name, 0, false);
	nl_put_accept(r.m);
	nl_put_end(r, NULL);
	r = nl_put_rule(b, own, FORWARD, NL_PUT_APPEND);
	nl_put_key(r.m, map, true);
	nl_put_lookup(r.m, map->name, 0, false);
	nl_put_end(r, NULL);
}

static void put_net(struct nfnl_batch *b, const struct nl_table *own,
		    const struct natfw_env *env, size_t from)
{
	const struct netif_addr *net = &env->net[from];
	struct nl_put r;

	/* A client that connects to a mapped service of its own network must
	 * get the answer through the router, because the router translated the
	 * request. */
	for (size_t to = 0; to < env->net_n; to++) {
		if (!backend_hairpin(env, from, to))
			continue;
		r = nl_put_rule(b, own, POST, NL_PUT_APPEND);
		nl_put_if(r.m, NFT_META_OIFNAME, net->ifname);
		nl_put_net(r.m, NL_PUT_SADDR, &net->net);
		nl_put_net(r.m, NL_PUT_DADDR, &env->net[to].net);
		nl_put_dnat(r.m, true);
		nl_put_orig_dst(r.m, env->ext);
		nl_put_masquerade(r.m);
		nl_put_end(r, NULL);
	}
	if (!env->masquerade)
		return;
	r = nl_put_rule(b, own, POST, NL_PUT_APPEND);
	nl_put_if(r.m, NFT_META_OIFNAME, env->ext_if);
	nl_put_net(r.m, NL_PUT_SADDR, &net->net);
	nl_put_masquerade(r.m);
	nl_put_end(r, NULL);
}

/* Deletes the table and makes it again in one transaction, which repairs
 * whatever was changed in it. */
void nl_rule_put_table(struct nfnl_batch *b, const struct nl_table *own,
		       const struct natfw_env *env, bool count)
{
	nl_rule_delete_table(b, own);
	put_own(b, own, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	for (size_t i = 0; i < NL_MAP_OWN_N; i++)
		nl_rule_put_set(b, own, &nl_map_table[i],
				count && i == NL_MAP_COUNT);
	for (size_t i = 0; i < sizeof(chains) / sizeof(*chains); i++)
		put_chain(b, own, &chains[i]);
	if (addr_is_set(env->ext)) {
		put_prerouting(b, own, env, 0);
		put_leave(b, own, env);
	}
	for (size_t i = 0; i < env->net_n; i++)
		if (env->net[i].net.addr.family == ADDR_IP4)
			put_net(b, own, env, i);
	put_count(b, own);
}

void nl_rule_put_own6(struct nfnl_batch *b)
{
	put_own(b, &nl_map_own6, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	put_chain(b, &nl_map_own6, FORWARD_CHAIN);
	clear_chain(b, &nl_map_own6, FORWARD);
}

/* Without a verdict: a packet may be in several sets. Only what comes in is
 * counted. */
void nl_rule_put_count6(struct nfnl_batch *b, const struct natfw_env *env,
			const struct nl_map *set)
{
	struct nl_put r = nl_put_rule(b, &nl_map_own6, FORWARD, NL_PUT_APPEND);

	nl_put_if(r.m, NFT_META_IIFNAME, backend_ext_if(env, ADDR_IP6));
	nl_put_key(r.m, set, true);
	nl_put_lookup(r.m, set->name, 0, false);
	nl_put_end(r, NULL);
}

/* ---- missing kernel modules ---------------------------------------- */

/* Expressions that have a module each; the others are part of nf_tables. */
static const struct {
	const char *expr, *module;
} modules[] = {
	{ "nat", "nft_nat" }, { "masq", "nft_masq" }, { "ct", "nft_ct" },
	{ "counter", "nft_counter" },
};

const char *nl_rule_module(const struct nlmsghdr *msg, size_t at)
{
	struct nl_span s = { (const char *)msg + at, msg->nlmsg_len - at };
	const struct rtattr *a;

	if (msg->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN))
		return "nft_chain_nat";
	if (msg->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE) ||
	    at < NLMSG_HDRLEN || at >= msg->nlmsg_len || at % 4)
		return NULL;
	a = netlink_next_attr(&s);
	if (!a || RTA_PAYLOAD(a) < sizeof(*a))
		return NULL;
	s = (struct nl_span){ (const char *)(a + 1), RTA_PAYLOAD(a) };
	a = netlink_next_attr(&s);
	for (size_t i = 0; a && i < sizeof(modules) / sizeof(*modules); i++)
		if (RTA_PAYLOAD(a) == strlen(modules[i].expr) + 1 &&
		    !memcmp(a + 1, modules[i].expr, RTA_PAYLOAD(a)))
			return modules[i].module;
	return NULL;
}
