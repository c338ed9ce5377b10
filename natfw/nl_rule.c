/* SPDX-License-Identifier: ISC */
/*
 * nl_rule.c - writes rules as the expressions that nft makes of their text, so
 * that nft lists them as its own. Pure.
 *
 * A rule is a list of expressions. They load into registers, which start at
 * number 1 with 16 bytes each; the registers of four bytes that overlap them
 * start at number 8. The parts of a key are loaded one after the other.
 * Runs in: monitor
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include "base/str.h"
#include "base/wr.h"
#include "natfw/backend.h"
#include "natfw/nl_rule.h"

#define REG	NFT_REG_1	/* where everything is loaded */
#define PART(n)	((n) ? NFT_REG32_00 + (n) : NFT_REG_1)

/* Offsets in the header of IPv4, and in that of TCP and UDP. */
enum { SADDR = 12, DADDR = 16, SPORT = 0, DPORT = 2 };

/* ---- expressions --------------------------------------------------- */

struct expr {
	size_t elem, data;
};

static struct expr begin_expr(struct nlmsg *m, const char *name)
{
	struct expr e;

	e.elem = nlmsg_nest(m, NFTA_LIST_ELEM);
	nlmsg_name(m, NFTA_EXPR_NAME, name);
	e.data = nlmsg_nest(m, NFTA_EXPR_DATA);
	return e;
}

static void end_expr(struct nlmsg *m, struct expr e)
{
	nlmsg_unnest(m, e.data);
	nlmsg_unnest(m, e.elem);
}

/* An expression whose attributes are all numbers: pairs, up to a type of 0. */
static void put_expr(struct nlmsg *m, const char *name, const uint32_t *pair)
{
	struct expr e = begin_expr(m, name);

	for (; *pair; pair += 2)
		nlmsg_u32(m, (uint16_t)pair[0], pair[1]);
	end_expr(m, e);
}

#define PUT_EXPR(m, name, ...) \
	put_expr(m, name, (const uint32_t[]){ __VA_ARGS__, 0 })

static void put_bytes(struct nlmsg *m, uint16_t type, const void *p, size_t n)
{
	size_t nest = nlmsg_nest(m, type);

	nlmsg_put(m, NFTA_DATA_VALUE, p, n);
	nlmsg_unnest(m, nest);
}

static void put_cmp(struct nlmsg *m, uint32_t op, const void *p, size_t n)
{
	struct expr e = begin_expr(m, "cmp");

	nlmsg_u32(m, NFTA_CMP_SREG, REG);
	nlmsg_u32(m, NFTA_CMP_OP, op);
	put_bytes(m, NFTA_CMP_DATA, p, n);
	end_expr(m, e);
}

/* @mask: four bytes, in the order of the register */
static void put_mask(struct nlmsg *m, uint32_t mask)
{
	const uint32_t none = 0;
	struct expr e = begin_expr(m, "bitwise");

	nlmsg_u32(m, NFTA_BITWISE_SREG, REG);
	nlmsg_u32(m, NFTA_BITWISE_DREG, REG);
	nlmsg_u32(m, NFTA_BITWISE_LEN, sizeof(mask));
	put_bytes(m, NFTA_BITWISE_MASK, &mask, sizeof(mask));
	put_bytes(m, NFTA_BITWISE_XOR, &none, sizeof(none));
	end_expr(m, e);
}

static void load_meta(struct nlmsg *m, uint32_t key, uint32_t reg)
{
	PUT_EXPR(m, "meta", NFTA_META_KEY, key, NFTA_META_DREG, reg);
}

static void load_header(struct nlmsg *m, uint32_t base, uint32_t at,
			uint32_t n, uint32_t reg)
{
	PUT_EXPR(m, "payload", NFTA_PAYLOAD_DREG, reg, NFTA_PAYLOAD_BASE, base,
		 NFTA_PAYLOAD_OFFSET, at, NFTA_PAYLOAD_LEN, n);
}

/* @map: the value replaces the key; else the rule continues if the set has the
 * key */
static void put_lookup(struct nlmsg *m, const char *set, uint32_t id, bool map)
{
	struct expr e = begin_expr(m, "lookup");

	nlmsg_u32(m, NFTA_LOOKUP_SREG, REG);
	if (map)
		nlmsg_u32(m, NFTA_LOOKUP_DREG, REG);
	nlmsg_name(m, NFTA_LOOKUP_SET, set);
	if (id)
		nlmsg_u32(m, NFTA_LOOKUP_SET_ID, id);
	end_expr(m, e);
}

static void put_accept_verdict(struct nlmsg *m)
{
	struct expr e = begin_expr(m, "immediate");
	size_t data, verdict;

	nlmsg_u32(m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = nlmsg_nest(m, NFTA_IMMEDIATE_DATA);
	verdict = nlmsg_nest(m, NFTA_DATA_VERDICT);
	nlmsg_u32(m, NFTA_VERDICT_CODE, NF_ACCEPT);
	nlmsg_unnest(m, verdict);
	nlmsg_unnest(m, data);
	end_expr(m, e);
}

/* Translates to the address and port that a map lookup has left. */
static void put_nat(struct nlmsg *m, uint32_t type)
{
	PUT_EXPR(m, "nat", NFTA_NAT_TYPE, type, NFTA_NAT_FAMILY, NFPROTO_IPV4,
		 NFTA_NAT_REG_ADDR_MIN, PART(0), NFTA_NAT_REG_PROTO_MIN,
		 PART(1));
}

static void put_masquerade(struct nlmsg *m)
{
	end_expr(m, begin_expr(m, "masq"));
}

/* ---- conditions ---------------------------------------------------- */

static void match_if(struct nlmsg *m, uint32_t key, const char *name)
{
	char whole[IF_NAMESIZE] = "";

	memcpy(whole, name, strnlen(name, sizeof(whole) - 1));
	load_meta(m, key, REG);
	put_cmp(m, NFT_CMP_EQ, whole, sizeof(whole));
}

/* For whole bytes nft compares fewer bytes, without a mask. */
static void match_net(struct nlmsg *m, uint32_t at, const struct addr_net *net)
{
	uint32_t bits = net->bits;
	uint32_t n = bits && bits % 8 == 0 ? bits / 8 : sizeof(uint32_t);
	struct addr first = addr_net_first(net);

	load_header(m, NFT_PAYLOAD_NETWORK_HEADER, at, n, REG);
	if (n * 8 != bits)
		put_mask(m, htobe32((uint32_t)(UINT64_C(0xffffffff) <<
					       (32 - bits))));
	put_cmp(m, NFT_CMP_EQ, first.byte, n);
}

static void match_addr(struct nlmsg *m, uint32_t at, struct addr a)
{
	match_net(m, at, &(struct addr_net){ a, 32 });
}

static void match_dnat(struct nlmsg *m)
{
	const uint32_t none = 0;

	PUT_EXPR(m, "ct", NFTA_CT_KEY, NFT_CT_STATUS, NFTA_CT_DREG, REG);
	put_mask(m, IPS_DST_NAT);	/* in host order */
	put_cmp(m, NFT_CMP_NEQ, &none, sizeof(none));
}

static void match_orig_dst(struct nlmsg *m, struct addr a)
{
	const uint8_t dir = IP_CT_DIR_ORIGINAL;
	struct expr e = begin_expr(m, "ct");

	nlmsg_u32(m, NFTA_CT_KEY, NFT_CT_DST_IP);
	nlmsg_u32(m, NFTA_CT_DREG, REG);
	nlmsg_put(m, NFTA_CT_DIRECTION, &dir, sizeof(dir));
	end_expr(m, e);
	put_cmp(m, NFT_CMP_EQ, a.byte, sizeof(uint32_t));
}

/* The source or destination address at @addr of the header (0: none), then the
 * protocol, then the port. */
static void load_key(struct nlmsg *m, uint32_t addr, uint32_t port)
{
	uint32_t n = 0;

	if (addr) {
		load_header(m, NFT_PAYLOAD_NETWORK_HEADER, addr, 4, PART(0));
		n++;
	}
	load_meta(m, NFT_META_L4PROTO, PART(n));
	load_header(m, NFT_PAYLOAD_TRANSPORT_HEADER, port, 2, PART(n + 1));
}

/* ---- rules --------------------------------------------------------- */

struct rule {
	struct nfnl_batch *b;
	struct nlmsg *m;
	size_t list;
};

/* @flags: NLM_F_APPEND, else the rule is inserted at the chain's head */
static struct rule begin_rule(struct nfnl_batch *b, const struct nl_place *at,
			      const char *chain, unsigned flags)
{
	struct rule r = { .b = b };

	r.m = nfnl_open_msg(b, NFT_MSG_NEWRULE, NLM_F_CREATE | flags,
			    at->family);
	nlmsg_name(r.m, NFTA_RULE_TABLE, at->table);
	nlmsg_name(r.m, NFTA_RULE_CHAIN, chain);
	r.list = nlmsg_nest(r.m, NFTA_RULE_EXPRESSIONS);
	return r;
}

static void end_rule(struct rule r)
{
	nlmsg_unnest(r.m, r.list);
	nfnl_close_msg(r.b);
}

static struct rule own_rule(struct nfnl_batch *b, const char *chain)
{
	return begin_rule(b, &nl_place_own, chain, NLM_F_APPEND);
}

static void accept_rule(struct nfnl_batch *b, const struct nl_place *at,
			uint32_t addr, uint32_t port)
{
	struct rule r = begin_rule(b, at, at->chain, 0);
	const uint8_t ipv4 = NFPROTO_IPV4;

	match_dnat(r.m);
	if (nfnl_family(at->family) != NFPROTO_IPV4) {
		load_meta(r.m, NFT_META_NFPROTO, REG);
		put_cmp(r.m, NFT_CMP_EQ, &ipv4, sizeof(ipv4));
	}
	load_key(r.m, addr, port);
	put_lookup(r.m, NL_PLACE_SET, 0, false);
	put_accept_verdict(r.m);
	nlmsg_unnest(r.m, r.list);
	nlmsg_put(r.m, NFTA_RULE_USERDATA, NL_RULE_COMMENT,
		  sizeof(NL_RULE_COMMENT));
	nfnl_close_msg(b);
}

void nl_rule_put_accept(struct nfnl_batch *b, const struct nl_place *at)
{
	accept_rule(b, at, SADDR, SPORT);
	accept_rule(b, at, DADDR, DPORT);
}

void nl_rule_delete(struct nfnl_batch *b, const struct nl_place *at,
		    uint64_t handle)
{
	struct nlmsg *m = nfnl_open_msg(b, NFT_MSG_DELRULE, 0, at->family);

	nlmsg_name(m, NFTA_RULE_TABLE, at->table);
	nlmsg_name(m, NFTA_RULE_CHAIN, at->chain);
	handle = htobe64(handle);
	nlmsg_put(m, NFTA_RULE_HANDLE, &handle, sizeof(handle));
	nfnl_close_msg(b);
}

/* ---- sets ---------------------------------------------------------- */

/* nft's numbers of its types; the kernel only stores them. */
enum { TYPE_IPV4_ADDR = 7, TYPE_INET_PROTO = 12, TYPE_INET_SERVICE = 13,
       TYPE_IFNAME = 41, TYPE_BITS = 6 };

/* A concatenation's type has six bits for each part. */
static uint32_t type_of(const enum nl_map_part *part)
{
	uint32_t type = 0;

	for (; *part; part++) {
		type <<= TYPE_BITS;
		if (*part >= NL_MAP_CLIENT)
			type |= TYPE_IPV4_ADDR;
		else if (*part == NL_MAP_PROTO)
			type |= TYPE_INET_PROTO;
		else
			type |= TYPE_INET_SERVICE;
	}
	return type;
}

static uint32_t len_of(const enum nl_map_part *part)
{
	uint32_t n = 0;

	while (part[n])
		n++;
	return n * 4;	/* each part has a register */
}

static void put_set(struct nfnl_batch *b, const struct nl_place *at,
		    const struct nl_map *map, bool count)
{
	struct nlmsg *m = nfnl_open_msg(b, NFT_MSG_NEWSET, NLM_F_CREATE,
					at->family);
	size_t expr;

	/* any number that no other set of the batch has */
	nlmsg_u32(m, NFTA_SET_ID, m->seq);
	nlmsg_name(m, NFTA_SET_TABLE, at->table);
	nlmsg_name(m, NFTA_SET_NAME, map->name);
	nlmsg_u32(m, NFTA_SET_FLAGS, map->value[0] ? NFT_SET_MAP : 0);
	nlmsg_u32(m, NFTA_SET_KEY_TYPE, type_of(map->key));
	nlmsg_u32(m, NFTA_SET_KEY_LEN, len_of(map->key));
	if (map->value[0]) {
		nlmsg_u32(m, NFTA_SET_DATA_TYPE, type_of(map->value));
		nlmsg_u32(m, NFTA_SET_DATA_LEN, len_of(map->value));
	}
	if (count) {	/* packets and bytes, for each element */
		expr = nlmsg_nest(m, NFTA_SET_EXPR);
		nlmsg_name(m, NFTA_EXPR_NAME, "counter");
		nlmsg_unnest(m, nlmsg_nest(m, NFTA_EXPR_DATA));
		nlmsg_unnest(m, expr);
	}
	nfnl_close_msg(b);
}

void nl_rule_put_set(struct nfnl_batch *b, const struct nl_place *at,
		     bool count)
{
	put_set(b, at, &nl_map_table[NL_MAP_ACCEPT], count);
}

void nl_rule_delete_set(struct nfnl_batch *b, const struct nl_place *at)
{
	struct nlmsg *m = nfnl_open_msg(b, NFT_MSG_DELSET, 0, at->family);

	nlmsg_name(m, NFTA_SET_TABLE, at->table);
	nlmsg_name(m, NFTA_SET_NAME, NL_PLACE_SET);
	nfnl_close_msg(b);
}

/* ---- the interfaces that mapped packets come in by ------------------ */

/* The set is anonymous: the kernel fills in a number. */
#define NAMELESS	"__set%d"

static void put_name_elem(struct nlmsg *m, const char *name)
{
	char whole[IF_NAMESIZE] = "";
	size_t elem = nlmsg_nest(m, NFTA_LIST_ELEM);

	memcpy(whole, name, strnlen(name, sizeof(whole) - 1));
	put_bytes(m, NFTA_SET_ELEM_KEY, whole, sizeof(whole));
	nlmsg_unnest(m, elem);
}

/* Return: its id */
static uint32_t put_in_set(struct nfnl_batch *b, const struct natfw_env *env)
{
		/* for nft: the names are in host order */
	static const uint8_t byte_order[] = { 0, 4, 1, 0, 0, 0 };
	struct nlmsg *m = nfnl_open_msg(b, NFT_MSG_NEWSET, NLM_F_CREATE,
					nl_place_own.family);
	uint32_t id = m->seq;
	size_t list;

	nlmsg_name(m, NFTA_SET_TABLE, nl_place_own.table);
	nlmsg_name(m, NFTA_SET_NAME, NAMELESS);
	nlmsg_u32(m, NFTA_SET_FLAGS, NFT_SET_ANONYMOUS | NFT_SET_CONSTANT);
	nlmsg_u32(m, NFTA_SET_KEY_TYPE, TYPE_IFNAME);
	nlmsg_u32(m, NFTA_SET_KEY_LEN, IF_NAMESIZE);
	nlmsg_u32(m, NFTA_SET_ID, id);
	nlmsg_put(m, NFTA_SET_USERDATA, byte_order, sizeof(byte_order));
	nfnl_close_msg(b);

	m = nfnl_open_msg(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE,
			  nl_place_own.family);
	nlmsg_name(m, NFTA_SET_ELEM_LIST_TABLE, nl_place_own.table);
	nlmsg_name(m, NFTA_SET_ELEM_LIST_SET, NAMELESS);
	nlmsg_u32(m, NFTA_SET_ELEM_LIST_SET_ID, id);
	list = nlmsg_nest(m, NFTA_SET_ELEM_LIST_ELEMENTS);
	put_name_elem(m, env->ext_if);
	for (size_t i = 0; i < env->net_n; i++)
		put_name_elem(m, env->net[i].ifname);
	nlmsg_unnest(m, list);
	nfnl_close_msg(b);
	return id;
}

/* ---- our own table ------------------------------------------------- */

static void put_own(struct nfnl_batch *b, int type, unsigned flags)
{
	struct nlmsg *m = nfnl_open_msg(b, type, flags, nl_place_own.family);

	nlmsg_name(m, NFTA_TABLE_NAME, nl_place_own.table);
	nfnl_close_msg(b);
}

void nl_rule_delete_table(struct nfnl_batch *b)
{
	put_own(b, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	put_own(b, NFT_MSG_DELTABLE, 0);
}

static void put_chain(struct nfnl_batch *b, const char *name, uint32_t hook,
		      int32_t priority)
{
	struct nlmsg *m = nfnl_open_msg(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE,
					nl_place_own.family);
	size_t nest;

	nlmsg_name(m, NFTA_CHAIN_TABLE, nl_place_own.table);
	nlmsg_name(m, NFTA_CHAIN_NAME, name);
	nlmsg_name(m, NFTA_CHAIN_TYPE, "nat");
	nest = nlmsg_nest(m, NFTA_CHAIN_HOOK);
	nlmsg_u32(m, NFTA_HOOK_HOOKNUM, hook);
	nlmsg_u32(m, NFTA_HOOK_PRIORITY, (uint32_t)priority);
	nlmsg_unnest(m, nest);
	nfnl_close_msg(b);
}

#define PRE	"prerouting"
#define POST	"postrouting"

static void put_forward(struct nfnl_batch *b, const struct natfw_env *env)
{
	struct rule r = own_rule(b, PRE);
	uint32_t in = 0;

	match_if(r.m, NFT_META_IIFNAME, env->ext_if);
	match_addr(r.m, DADDR, env->ext);
	load_key(r.m, SADDR, DPORT);
	put_lookup(r.m, nl_map_table[NL_MAP_FORWARD_FROM].name, 0, true);
	put_nat(r.m, NFT_NAT_DNAT);
	end_rule(r);

	/* nft writes a single interface in another form */
	if (env->hairpin && env->net_n)
		in = put_in_set(b, env);
	r = own_rule(b, PRE);
	if (in) {
		load_meta(r.m, NFT_META_IIFNAME, REG);
		put_lookup(r.m, NAMELESS, in, false);
	} else {
		match_if(r.m, NFT_META_IIFNAME, env->ext_if);
	}
	match_addr(r.m, DADDR, env->ext);
	load_key(r.m, 0, DPORT);
	put_lookup(r.m, nl_map_table[NL_MAP_FORWARD_TO].name, 0, true);
	put_nat(r.m, NFT_NAT_DNAT);
	end_rule(r);
}

static void put_leave(struct nfnl_batch *b, const struct natfw_env *env)
{
	struct rule r = own_rule(b, POST);

	match_if(r.m, NFT_META_OIFNAME, env->ext_if);
	load_key(r.m, SADDR, SPORT);
	put_lookup(r.m, nl_map_table[NL_MAP_LEAVE_AS].name, 0, true);
	put_nat(r.m, NFT_NAT_SNAT);
	end_rule(r);
}

static void put_net(struct nfnl_batch *b, const struct natfw_env *env,
		    size_t from)
{
	const struct netif_addr *net = &env->net[from];
	struct rule r;

	/* A client that connects to a mapped service of its own network must
	 * get the answer through the router, because the router translated the
	 * request. */
	for (size_t to = 0; to < env->net_n; to++) {
		if (!backend_hairpin(env, from, to))
			continue;
		r = own_rule(b, POST);
		match_if(r.m, NFT_META_OIFNAME, net->ifname);
		match_net(r.m, SADDR, &net->net);
		match_net(r.m, DADDR, &env->net[to].net);
		match_dnat(r.m);
		match_orig_dst(r.m, env->ext);
		put_masquerade(r.m);
		end_rule(r);
	}
	if (!env->masquerade)
		return;
	r = own_rule(b, POST);
	match_if(r.m, NFT_META_OIFNAME, env->ext_if);
	match_net(r.m, SADDR, &net->net);
	put_masquerade(r.m);
	end_rule(r);
}

/* Deletes the table and makes it again in one transaction, which repairs
 * whatever was changed in it. */
void nl_rule_put_table(struct nfnl_batch *b, const struct natfw_env *env)
{
	nl_rule_delete_table(b);
	put_own(b, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	for (size_t i = 0; i < NL_MAP_OWN_N; i++)
		put_set(b, &nl_place_own, &nl_map_table[i], false);
	put_chain(b, PRE, NF_INET_PRE_ROUTING, -105);
	put_chain(b, POST, NF_INET_POST_ROUTING, 95);
	if (addr_is_set(env->ext)) {
		put_forward(b, env);
		put_leave(b, env);
	}
	for (size_t i = 0; i < env->net_n; i++)
		if (env->net[i].net.addr.family == ADDR_IP4)
			put_net(b, env, i);
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
