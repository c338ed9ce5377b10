/* SPDX-License-Identifier: ISC */
/* nl_put.c - writes rules as expressions. Pure. Runs in: monitor */
#include "natfw/nl_put.h"

#include <endian.h>
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>

#define REG	NFT_REG_1	/* where everything is loaded */
#define PART(n)	((n) ? NFT_REG32_00 + (n) : NFT_REG_1)

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

void nl_put_data(struct nlmsg *m, uint16_t type, const void *p, size_t n)
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
	nl_put_data(m, NFTA_CMP_DATA, p, n);
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
	nl_put_data(m, NFTA_BITWISE_MASK, &mask, sizeof(mask));
	nl_put_data(m, NFTA_BITWISE_XOR, &none, sizeof(none));
	end_expr(m, e);
}

static void load_meta(struct nlmsg *m, uint32_t key, uint32_t reg)
{
	PUT_EXPR(m, "meta", NFTA_META_KEY, key, NFTA_META_DREG, reg);
}

void nl_put_meta(struct nlmsg *m, uint32_t key)
{
	load_meta(m, key, REG);
}

static void load_header(struct nlmsg *m, uint32_t base, uint32_t at,
			uint32_t n, uint32_t reg)
{
	PUT_EXPR(m, "payload", NFTA_PAYLOAD_DREG, reg, NFTA_PAYLOAD_BASE, base,
		 NFTA_PAYLOAD_OFFSET, at, NFTA_PAYLOAD_LEN, n);
}

void nl_put_lookup(struct nlmsg *m, const char *set, uint32_t id, bool map)
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

void nl_put_accept(struct nlmsg *m)
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

void nl_put_nat(struct nlmsg *m, uint32_t type)
{
	PUT_EXPR(m, "nat", NFTA_NAT_TYPE, type, NFTA_NAT_FAMILY, NFPROTO_IPV4,
		 NFTA_NAT_REG_ADDR_MIN, PART(0), NFTA_NAT_REG_PROTO_MIN,
		 PART(1));
}

void nl_put_masquerade(struct nlmsg *m)
{
	end_expr(m, begin_expr(m, "masq"));
}

/* ---- conditions ---------------------------------------------------- */

static void put_name(struct nlmsg *m, uint32_t key, uint32_t op,
		     const char *name)
{
	char whole[IF_NAMESIZE] = "";

	memcpy(whole, name, strnlen(name, sizeof(whole) - 1));
	load_meta(m, key, REG);
	put_cmp(m, op, whole, sizeof(whole));
}

void nl_put_if(struct nlmsg *m, uint32_t key, const char *name)
{
	put_name(m, key, NFT_CMP_EQ, name);
}

void nl_put_not_if(struct nlmsg *m, uint32_t key, const char *name)
{
	put_name(m, key, NFT_CMP_NEQ, name);
}

void nl_put_byte(struct nlmsg *m, uint32_t key, uint8_t value)
{
	load_meta(m, key, REG);
	put_cmp(m, NFT_CMP_EQ, &value, sizeof(value));
}

/* For whole bytes nft compares fewer bytes, without a mask. */
void nl_put_net(struct nlmsg *m, uint32_t at, const struct addr_net *net)
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

void nl_put_addr(struct nlmsg *m, uint32_t at, struct addr a)
{
	nl_put_net(m, at, &(struct addr_net){ a, 32 });
}

void nl_put_dnat(struct nlmsg *m, bool is)
{
	const uint32_t none = 0;

	PUT_EXPR(m, "ct", NFTA_CT_KEY, NFT_CT_STATUS, NFTA_CT_DREG, REG);
	put_mask(m, IPS_DST_NAT);	/* in host order */
	put_cmp(m, is ? NFT_CMP_NEQ : NFT_CMP_EQ, &none, sizeof(none));
}

void nl_put_orig_dst(struct nlmsg *m, struct addr a)
{
	const uint8_t dir = IP_CT_DIR_ORIGINAL;
	struct expr e = begin_expr(m, "ct");

	nlmsg_u32(m, NFTA_CT_KEY, NFT_CT_DST_IP);
	nlmsg_u32(m, NFTA_CT_DREG, REG);
	nlmsg_put(m, NFTA_CT_DIRECTION, &dir, sizeof(dir));
	end_expr(m, e);
	put_cmp(m, NFT_CMP_EQ, a.byte, sizeof(uint32_t));
}

/* Offsets in the header of IPv6, and in those of the protocols with ports. */
enum { SADDR6 = 8, DADDR6 = 24, SPORT = 0, DPORT = 2 };

/* Is it of a packet's destination, if the packet is to a client? */
static bool is_of_client(enum nl_map_part part)
{
	return part == NL_MAP_CLIENT || part == NL_MAP_CLIENT6 ||
	       part == NL_MAP_INT_PORT || part == NL_MAP_EXT_PORT;
}

static void load_part(struct nlmsg *m, enum nl_map_part part, bool to,
		      uint32_t reg)
{
	const bool dst = is_of_client(part) == to;

	if (part == NL_MAP_PROTO)
		load_meta(m, NFT_META_L4PROTO, reg);
	else if (part >= NL_MAP_CLIENT6)
		load_header(m, NFT_PAYLOAD_NETWORK_HEADER,
			    dst ? DADDR6 : SADDR6, 16, reg);
	else if (part >= NL_MAP_CLIENT)
		load_header(m, NFT_PAYLOAD_NETWORK_HEADER,
			    dst ? NL_PUT_DADDR : NL_PUT_SADDR, 4, reg);
	else
		load_header(m, NFT_PAYLOAD_TRANSPORT_HEADER,
			    dst ? DPORT : SPORT, 2, reg);
}

void nl_put_key(struct nlmsg *m, const struct nl_map *map, bool to)
{
	uint32_t n = 0;

	for (const enum nl_map_part *part = map->key; *part; part++) {
		load_part(m, *part, to, PART(n));
		n += *part >= NL_MAP_CLIENT6 ? 4 : 1;
	}
}

void nl_put_answer(struct nlmsg *m)
{
	const uint8_t reply = IP_CT_DIR_REPLY;

	PUT_EXPR(m, "ct", NFTA_CT_KEY, NFT_CT_DIRECTION, NFTA_CT_DREG, REG);
	put_cmp(m, NFT_CMP_EQ, &reply, sizeof(reply));
}

/* ---- rules --------------------------------------------------------- */

struct nl_put nl_put_rule(struct nfnl_batch *b, const struct nl_table *t,
			  const char *chain, uint64_t before)
{
	struct nl_put r = { .b = b };

	r.m = nfnl_open_msg(b, NFT_MSG_NEWRULE, NLM_F_CREATE |
			    (before == NL_PUT_APPEND ? NLM_F_APPEND : 0),
			    t->family);
	nlmsg_name(r.m, NFTA_RULE_TABLE, t->name);
	nlmsg_name(r.m, NFTA_RULE_CHAIN, chain);
	if (before != NL_PUT_APPEND) {
		before = htobe64(before);
		nlmsg_put(r.m, NFTA_RULE_POSITION, &before, sizeof(before));
	}
	r.list = nlmsg_nest(r.m, NFTA_RULE_EXPRESSIONS);
	return r;
}

/* nft keeps a comment in the user data: type 0, length, text with its NUL. */
void nl_put_end(struct nl_put r, const char *comment)
{
	char data[2 + 16] = "";
	size_t n = comment ? strlen(comment) + 1 : 0;

	nlmsg_unnest(r.m, r.list);
	if (n && n <= sizeof(data) - 2) {
		data[1] = (char)n;
		memcpy(data + 2, comment, n);
		nlmsg_put(r.m, NFTA_RULE_USERDATA, data, n + 2);
	}
	nfnl_close_msg(r.b);
}
