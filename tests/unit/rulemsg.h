/* SPDX-License-Identifier: ISC */
/*
 * rulemsg.h - messages of an nf_tables dump as the kernel sends them, made
 * expression by expression. Include it after cmocka.h.
 *
 *	begin_rule(NFPROTO_IPV4, "filter", "forward");
 *	put_meta(NFT_META_IIFNAME, 1);
 *	put_cmp(NFT_CMP_EQ, 1, "wan0", 5);
 *	put_verdict(NF_DROP, NULL);
 *	use(end_message());
 */
#ifndef TESTS_UNIT_RULEMSG_H
#define TESTS_UNIT_RULEMSG_H

#include <endian.h>
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include "natfw/nlmsg.h"

/* The message in hand, and the list of expressions or elements in it. */
static struct {
	uint32_t room[2048];
	struct nlmsg m;
	size_t list;
} rm;

/* ---- messages ---------------------------------------------------------- */

/* In each kind NFTA_*_TABLE is 1 and the name of the object 2. */
static inline void begin_message(int type, uint8_t family, const char *table,
				 const char *name)
{
	const struct nfgenmsg about = { .nfgen_family = family,
					.res_id = htobe16(7) };

	nlmsg_begin(&rm.m, rm.room, sizeof(rm.room), 1);
	nlmsg_open(&rm.m, NFNL_SUBSYS_NFTABLES << 8 | type, 0, about);
	nlmsg_name(&rm.m, 1, table);
	nlmsg_name(&rm.m, 2, name);
	rm.list = 0;
}

static inline const struct nlmsghdr *end_message(void)
{
	if (rm.list)
		nlmsg_unnest(&rm.m, rm.list);
	nlmsg_close(&rm.m, 0);
	assert_int_equal(rm.m.err, 0);
	return (const void *)rm.room;
}

static inline void begin_rule(uint8_t family, const char *table,
			      const char *chain)
{
	begin_message(NFT_MSG_NEWRULE, family, table, chain);
	rm.list = nlmsg_nest(&rm.m, NFTA_RULE_EXPRESSIONS);
}

/* @hook: -1 on none */
static inline const struct nlmsghdr *chain_message(uint8_t family,
						   const char *table,
						   const char *name,
						   const char *type, int hook,
						   bool drop)
{
	size_t nest;

	begin_message(NFT_MSG_NEWCHAIN, family, table, name);
	/* here the name is 3, after a handle */
	nlmsg_name(&rm.m, NFTA_CHAIN_NAME, name);
	if (hook >= 0) {
		nest = nlmsg_nest(&rm.m, NFTA_CHAIN_HOOK);
		nlmsg_u32(&rm.m, NFTA_HOOK_HOOKNUM, (uint32_t)hook);
		nlmsg_u32(&rm.m, NFTA_HOOK_PRIORITY, (uint32_t)-5);
		nlmsg_unnest(&rm.m, nest);
		nlmsg_u32(&rm.m, NFTA_CHAIN_POLICY, drop ? NF_DROP :
							   NF_ACCEPT);
		nlmsg_name(&rm.m, NFTA_CHAIN_TYPE, type);
	}
	return end_message();
}

static inline const struct nlmsghdr *set_message(uint8_t family,
						 const char *table,
						 const char *name,
						 uint32_t key_len,
						 uint32_t flags)
{
	begin_message(NFT_MSG_NEWSET, family, table, name);
	nlmsg_u32(&rm.m, NFTA_SET_KEY_LEN, key_len);
	nlmsg_u32(&rm.m, NFTA_SET_FLAGS, flags);
	if (flags & NFT_SET_MAP)
		nlmsg_u32(&rm.m, NFTA_SET_DATA_TYPE, 0xffffff00);
	return end_message();
}

/* ---- elements ---------------------------------------------------------- */

static inline void put_data(uint16_t type, const void *p, size_t n)
{
	size_t nest = nlmsg_nest(&rm.m, type);

	nlmsg_put(&rm.m, NFTA_DATA_VALUE, p, n);
	nlmsg_unnest(&rm.m, nest);
}

static inline void put_code(uint16_t type, int32_t code, const char *chain)
{
	size_t data = nlmsg_nest(&rm.m, type);
	size_t verdict = nlmsg_nest(&rm.m, NFTA_DATA_VERDICT);

	nlmsg_u32(&rm.m, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		nlmsg_name(&rm.m, NFTA_VERDICT_CHAIN, chain);
	nlmsg_unnest(&rm.m, verdict);
	nlmsg_unnest(&rm.m, data);
}

static inline void begin_elems(uint8_t family, const char *table,
			       const char *set)
{
	begin_message(NFT_MSG_NEWSETELEM, family, table, set);
	rm.list = nlmsg_nest(&rm.m, NFTA_SET_ELEM_LIST_ELEMENTS);
}

/* @n: 0 for any other key; @code: NFT_CONTINUE for none */
static inline void put_elem(const void *key, size_t n, uint32_t flags,
			    int32_t code, const char *chain)
{
	size_t elem = nlmsg_nest(&rm.m, NFTA_LIST_ELEM);

	if (n)
		put_data(NFTA_SET_ELEM_KEY, key, n);
	nlmsg_u32(&rm.m, NFTA_SET_ELEM_FLAGS, flags);
	if (code != NFT_CONTINUE)
		put_code(NFTA_SET_ELEM_DATA, code, chain);
	nlmsg_unnest(&rm.m, elem);
}

/* ---- expressions ------------------------------------------------------- */

struct expr_at {
	size_t elem, data;
};

static inline struct expr_at begin_expr(const char *name)
{
	struct expr_at at;

	at.elem = nlmsg_nest(&rm.m, NFTA_LIST_ELEM);
	nlmsg_name(&rm.m, NFTA_EXPR_NAME, name);
	at.data = nlmsg_nest(&rm.m, NFTA_EXPR_DATA);
	return at;
}

static inline void end_expr(struct expr_at at)
{
	nlmsg_unnest(&rm.m, at.data);
	nlmsg_unnest(&rm.m, at.elem);
}

/* An expression without attributes: "counter", "masq", "reject". */
static inline void put_plain(const char *name)
{
	end_expr(begin_expr(name));
}

static inline void put_meta(uint32_t key, uint32_t reg)
{
	struct expr_at at = begin_expr("meta");

	nlmsg_u32(&rm.m, NFTA_META_KEY, key);
	nlmsg_u32(&rm.m, NFTA_META_DREG, reg);
	end_expr(at);
}

static inline void put_ct(uint32_t key, uint32_t reg)
{
	struct expr_at at = begin_expr("ct");

	nlmsg_u32(&rm.m, NFTA_CT_KEY, key);
	nlmsg_u32(&rm.m, NFTA_CT_DREG, reg);
	end_expr(at);
}

static inline void put_payload(uint32_t base, uint32_t from, uint32_t n,
			       uint32_t reg)
{
	struct expr_at at = begin_expr("payload");

	nlmsg_u32(&rm.m, NFTA_PAYLOAD_DREG, reg);
	nlmsg_u32(&rm.m, NFTA_PAYLOAD_BASE, base);
	nlmsg_u32(&rm.m, NFTA_PAYLOAD_OFFSET, from);
	nlmsg_u32(&rm.m, NFTA_PAYLOAD_LEN, n);
	end_expr(at);
}

static inline void put_cmp(uint32_t op, uint32_t reg, const void *p, size_t n)
{
	struct expr_at at = begin_expr("cmp");

	nlmsg_u32(&rm.m, NFTA_CMP_SREG, reg);
	nlmsg_u32(&rm.m, NFTA_CMP_OP, op);
	put_data(NFTA_CMP_DATA, p, n);
	end_expr(at);
}

static inline void put_bitwise(uint32_t reg, const void *mask,
			       const void *flip, size_t n)
{
	struct expr_at at = begin_expr("bitwise");

	nlmsg_u32(&rm.m, NFTA_BITWISE_SREG, reg);
	nlmsg_u32(&rm.m, NFTA_BITWISE_DREG, reg);
	nlmsg_u32(&rm.m, NFTA_BITWISE_LEN, (uint32_t)n);
	put_data(NFTA_BITWISE_MASK, mask, n);
	put_data(NFTA_BITWISE_XOR, flip, n);
	end_expr(at);
}

static inline void put_range(uint32_t op, uint32_t reg, const void *from,
			     const void *to, size_t n)
{
	struct expr_at at = begin_expr("range");

	nlmsg_u32(&rm.m, NFTA_RANGE_SREG, reg);
	nlmsg_u32(&rm.m, NFTA_RANGE_OP, op);
	put_data(NFTA_RANGE_FROM_DATA, from, n);
	put_data(NFTA_RANGE_TO_DATA, to, n);
	end_expr(at);
}

/* @dreg: -1 for a set; 0 for a verdict map */
static inline void put_lookup(const char *set, uint32_t reg, int dreg,
			      uint32_t flags)
{
	struct expr_at at = begin_expr("lookup");

	nlmsg_name(&rm.m, NFTA_LOOKUP_SET, set);
	nlmsg_u32(&rm.m, NFTA_LOOKUP_SREG, reg);
	if (dreg >= 0)
		nlmsg_u32(&rm.m, NFTA_LOOKUP_DREG, (uint32_t)dreg);
	nlmsg_u32(&rm.m, NFTA_LOOKUP_FLAGS, flags);
	end_expr(at);
}

static inline void put_verdict(int32_t code, const char *chain)
{
	struct expr_at at = begin_expr("immediate");

	nlmsg_u32(&rm.m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	put_code(NFTA_IMMEDIATE_DATA, code, chain);
	end_expr(at);
}

static inline void put_nat(uint32_t type)
{
	struct expr_at at = begin_expr("nat");

	nlmsg_u32(&rm.m, NFTA_NAT_TYPE, type);
	end_expr(at);
}

/* "match" or "target" of the iptables command. */
static inline void put_xt(const char *kind, const char *name)
{
	struct expr_at at = begin_expr(kind);

	nlmsg_name(&rm.m, 1, name);	/* NFTA_*_NAME are 1 */
	end_expr(at);
}

#endif
