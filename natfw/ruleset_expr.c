/* SPDX-License-Identifier: ISC */
/*
 * ruleset_expr.c - reads the expressions of an nf_tables rule. Pure.
 *
 * A rule is a list of expressions that work on registers: one loads the source
 * address, the next compares it. The reader follows the registers and adds
 * conditions instead ("the source address is in 10.0.0.0/8") and one verdict.
 *
 * Invariant: no attribute is read before its length was checked; an expression
 * that is not understood adds an unknown condition.
 *
 * The packets that are followed through the rules come slower than any limit,
 * and their source address is not spoofed.
 * Source: linux/netfilter/nf_tables.h
 * Runs in: any
 */
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include "natfw/nlattr.h"
#include "natfw/ruleset_expr.h"
#include "natfw/ruleset_load.h"

struct reader {
	struct ruleset *rs;
	uint32_t rule;		/* its index */
	uint32_t table;
	bool alien;		/* iptables does not make such a rule */
	bool acts;		/* it does more than to log and count */
	bool done;		/* a verdict was read */
	struct ruleset_loads loads;
};

/* ---- fields ------------------------------------------------------------ */

struct row {
	uint32_t key;		/* NFT_META_*, NFT_CT_* */
	uint8_t field, len;
};

/* Of a key that is not listed, the length is not known. */
static const struct row meta_fields[] = {
	{ NFT_META_IIF, RULESET_IIF, 4 },
	{ NFT_META_OIF, RULESET_OIF, 4 },
	{ NFT_META_IIFNAME, RULESET_IIFNAME, 16 },
	{ NFT_META_OIFNAME, RULESET_OIFNAME, 16 },
	{ NFT_META_NFPROTO, RULESET_NFPROTO, 1 },
	{ NFT_META_PROTOCOL, RULESET_ETHERTYPE, 2 },
	{ NFT_META_L4PROTO, RULESET_L4PROTO, 1 },
	{ NFT_META_MARK, RULESET_MARK, 4 },
	{ NFT_META_LEN, RULESET_OTHER, 4 },
	{ NFT_META_SKUID, RULESET_OTHER, 4 },
	{ NFT_META_SKGID, RULESET_OTHER, 4 },
	{ NFT_META_PKTTYPE, RULESET_OTHER, 1 },
	{ NFT_META_IIFGROUP, RULESET_OTHER, 4 },
	{ NFT_META_OIFGROUP, RULESET_OTHER, 4 },
};

/* NFT_CT_DST, _DST_IP, _DST_IP6 and _PROTO_DST have a direction. */
static const struct row ct_fields[] = {
	{ NFT_CT_STATE, RULESET_CT_STATE, 4 },
	{ NFT_CT_STATUS, RULESET_CT_STATUS, 4 },
	{ NFT_CT_MARK, RULESET_MARK, 4 },
	{ NFT_CT_DIRECTION, RULESET_OTHER, 1 },
	{ NFT_CT_L3PROTOCOL, RULESET_NFPROTO, 1 },
	{ NFT_CT_PROTOCOL, RULESET_L4PROTO, 1 },
	{ NFT_CT_DST_IP, RULESET_CT_ORIG_DADDR, 4 },
	{ NFT_CT_DST_IP6, RULESET_CT_ORIG_DADDR, 16 },
	{ NFT_CT_SRC_IP, RULESET_OTHER, 4 },
	{ NFT_CT_PROTO_SRC, RULESET_OTHER, 2 },
	{ NFT_CT_PROTO_DST, RULESET_CT_ORIG_DPORT, 2 },
};

#define FIND_ROW(rows, key) find_row(rows, sizeof(rows) / sizeof(*rows), key)
static struct row find_row(const struct row *row, size_t n, uint32_t key)
{
	for (size_t i = 0; i < n; i++)
		if (row[i].key == key)
			return row[i];
	return (struct row){ key, RULESET_OTHER, RULESET_LOAD_MAX };
}

/* ---- loads ------------------------------------------------------------- */

static void put_field(struct reader *rd, struct row row, int dreg)
{
	struct ruleset_load load = ruleset_load_new(row.len);

	load.field = row.field;
	ruleset_load_put(&rd->loads, dreg, &load);
}

/* An expression without a destination register sets a value of the packet, and
 * always matches. */
static int dest_of(struct reader *rd, struct nl_span data, unsigned type)
{
	int dreg = ruleset_load_word(data, type);

	rd->acts |= dreg < 0;
	return dreg;
}

static void read_meta(struct reader *rd, struct nl_span data)
{
	uint32_t key = UINT32_MAX;

	nlattr_u32(data, NFTA_META_KEY, &key);
	put_field(rd, FIND_ROW(meta_fields, key),
		  dest_of(rd, data, NFTA_META_DREG));
}

static void read_ct(struct reader *rd, struct nl_span data)
{
	struct str dir = nlattr_get(data, NFTA_CT_DIRECTION);
	uint32_t key = UINT32_MAX;
	struct row row;

	nlattr_u32(data, NFTA_CT_KEY, &key);
	row = FIND_ROW(ct_fields, key);
	/* the older name of the address; its length is that of the family */
	if (key == NFT_CT_DST &&
	    rd->rs->table[rd->table].family == NFPROTO_IPV4)
		row = (struct row){ key, RULESET_CT_ORIG_DADDR, 4 };
	if ((row.field == RULESET_CT_ORIG_DADDR ||
	     row.field == RULESET_CT_ORIG_DPORT) &&
	    (dir.n != 1 || *dir.p != IP_CT_DIR_ORIGINAL))
		row.field = RULESET_OTHER;
	put_field(rd, row, dest_of(rd, data, NFTA_CT_DREG));
}

/* The type of an address. With an interface ("fib daddr . iif type local") it
 * is another question. The way back through the interface exists. */
static void read_fib(struct reader *rd, struct nl_span data)
{
	const uint32_t back = NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF;
	struct ruleset_load load = ruleset_load_new(RULESET_LOAD_MAX);
	uint32_t result = 0, flags = 0;

	nlattr_u32(data, NFTA_FIB_RESULT, &result);
	nlattr_u32(data, NFTA_FIB_FLAGS, &flags);
	if (result == NFT_FIB_RESULT_ADDRTYPE) {
		load = ruleset_load_new(4);
		if (flags == NFTA_FIB_F_SADDR)
			load.field = RULESET_SADDR_TYPE;
		else if (flags == NFTA_FIB_F_DADDR)
			load.field = RULESET_DADDR_TYPE;
	} else {
		load.exists = (flags & back) == back;
	}
	ruleset_load_put(&rd->loads, ruleset_load_word(data, NFTA_FIB_DREG),
			 &load);
}

static void read_payload(struct reader *rd, struct nl_span data)
{
	uint32_t base, at, len;
	struct ruleset_load load;

	if (!nlattr_u32(data, NFTA_PAYLOAD_BASE, &base) ||
	    !nlattr_u32(data, NFTA_PAYLOAD_OFFSET, &at) ||
	    !nlattr_u32(data, NFTA_PAYLOAD_LEN, &len) || at > UINT16_MAX ||
	    len > RULESET_LOAD_ALL) {
		memset(rd->loads.word, 0, sizeof(rd->loads.word));
		rd->acts = true;
		return;
	}
	load = ruleset_load_new(len);
	load.header = true;
	load.base = base;
	load.at = at;
	ruleset_load_put(&rd->loads, dest_of(rd, data, NFTA_PAYLOAD_DREG),
			 &load);
}

/* Reads a mask only; a shift, an xor or a second register is opaque. */
static void read_bitwise(struct reader *rd, struct nl_span data)
{
	const struct ruleset_load *from = ruleset_load_at(
		&rd->loads, ruleset_load_word(data, NFTA_BITWISE_SREG));
	struct str mask = nlattr_get(nlattr_nest(data, NFTA_BITWISE_MASK),
				     NFTA_DATA_VALUE);
	struct str flip = nlattr_get(nlattr_nest(data, NFTA_BITWISE_XOR),
				     NFTA_DATA_VALUE);
	struct ruleset_load load = from ? *from :
					  ruleset_load_new(RULESET_LOAD_ALL);
	uint32_t op = 0;

	nlattr_u32(data, NFTA_BITWISE_OP, &op);
	if (op || load.opaque || mask.n != load.len || flip.n != load.len)
		load.opaque = true;
	for (size_t i = 0; !load.opaque && i < load.len; i++) {
		load.mask[i] &= (uint8_t)mask.p[i];
		load.opaque = flip.p[i];
	}
	ruleset_load_put(&rd->loads, ruleset_load_word(data, NFTA_BITWISE_DREG),
			 &load);
}

/* nft writes it for a protocol in a set of ranges as well, where it swaps no
 * bytes. */
static void read_byteorder(struct reader *rd, struct nl_span data)
{
	const struct ruleset_load *from = ruleset_load_at(
		&rd->loads, ruleset_load_word(data, NFTA_BYTEORDER_SREG));
	struct ruleset_load load = from ? *from :
					  ruleset_load_new(RULESET_LOAD_ALL);

	load.opaque |= load.len > 1;
	ruleset_load_put(&rd->loads,
			 ruleset_load_word(data, NFTA_BYTEORDER_DREG), &load);
}

/* ---- tests ------------------------------------------------------------- */

static void read_cmp(struct reader *rd, struct nl_span data)
{
	uint32_t op = UINT32_MAX;

	nlattr_u32(data, NFTA_CMP_OP, &op);
	ruleset_load_cmp(
		&rd->loads, ruleset_load_word(data, NFTA_CMP_SREG), op,
		nlattr_get(nlattr_nest(data, NFTA_CMP_DATA), NFTA_DATA_VALUE));
}

static void read_range(struct reader *rd, struct nl_span data)
{
	uint32_t op = UINT32_MAX;

	nlattr_u32(data, NFTA_RANGE_OP, &op);
	ruleset_load_range(&rd->loads, ruleset_load_word(data, NFTA_RANGE_SREG),
			   op,
			   nlattr_get(nlattr_nest(data, NFTA_RANGE_FROM_DATA),
				      NFTA_DATA_VALUE),
			   nlattr_get(nlattr_nest(data, NFTA_RANGE_TO_DATA),
				      NFTA_DATA_VALUE));
}

static void set_verdict(struct reader *rd, enum ruleset_verdict verdict)
{
	rd->rs->rule[rd->rule].verdict = (uint8_t)verdict;
	rd->done = true;
}

/* A set, or a map. A map's value is a verdict, or is loaded into a register. If
 * nothing is found, the rule does not match. */
static void read_lookup(struct reader *rd, struct nl_span data)
{
	const struct ruleset_load found = { .len = RULESET_LOAD_ALL };
	struct ruleset_rule *rule = &rd->rs->rule[rd->rule];
	uint32_t flags = 0, dreg = UINT32_MAX;

	nlattr_u32(data, NFTA_LOOKUP_FLAGS, &flags);
	ruleset_load_lookup(
		&rd->loads, ruleset_load_word(data, NFTA_LOOKUP_SREG),
		ruleset_find_set(rd->rs, rd->table,
				 nlattr_name(data, NFTA_LOOKUP_SET)),
		flags & NFT_LOOKUP_F_INV);
	if (nlattr_u32(data, NFTA_LOOKUP_DREG, &dreg) &&
	    dreg == NFT_REG_VERDICT) {
		set_verdict(rd, RULESET_MAP);
		rule->map = rule->cond + rule->cond_n - 1;
		return;
	}
	ruleset_load_put(&rd->loads, ruleset_load_word(data, NFTA_LOOKUP_DREG),
			 &found);
}

/* A named counter or the like always matches; a quota or a limit may not. */
static void read_objref(struct reader *rd, struct nl_span data)
{
	uint32_t type = NFT_OBJECT_UNSPEC;

	nlattr_u32(data, NFTA_OBJREF_IMM_TYPE, &type);
	rd->acts |= type != NFT_OBJECT_COUNTER;
	if (type != NFT_OBJECT_COUNTER && type != NFT_OBJECT_CT_HELPER &&
	    type != NFT_OBJECT_CT_TIMEOUT && type != NFT_OBJECT_CT_EXPECT &&
	    type != NFT_OBJECT_SECMARK)
		ruleset_load_unknown(&rd->loads, RULESET_OTHER);
}

static void read_match(struct reader *rd, struct nl_span data)
{
	if (str_eq(nlattr_name(data, NFTA_MATCH_NAME), STR("comment")))
		return;
	ruleset_load_unknown(&rd->loads, RULESET_OTHER);
	rd->rs->rule[rd->rule].xt = true;
}

/* ---- verdicts ---------------------------------------------------------- */

enum ruleset_verdict ruleset_expr_verdict(struct nl_span verdict,
					  struct str *ret_target)
{
	static const struct {
		int32_t code;
		enum ruleset_verdict is;
	} codes[] = {
		{ NF_DROP, RULESET_DROP },   { NF_ACCEPT, RULESET_ACCEPT },
		{ NF_QUEUE, RULESET_QUEUE }, { NFT_JUMP, RULESET_JUMP },
		{ NFT_GOTO, RULESET_GOTO },  { NFT_RETURN, RULESET_RETURN },
	};
	uint32_t code;

	*ret_target = nlattr_name(verdict, NFTA_VERDICT_CHAIN);
	if (!nlattr_u32(verdict, NFTA_VERDICT_CODE, &code))
		return RULESET_CONTINUE;
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if ((int32_t)code == codes[i].code)
			return codes[i].is;
	return RULESET_CONTINUE;
}

/* A chain that was not read may do anything, as a program does. */
static void read_immediate(struct reader *rd, struct nl_span data)
{
	struct nl_span value = nlattr_nest(data, NFTA_IMMEDIATE_DATA);
	const struct ruleset_load constant = { .len = RULESET_LOAD_MAX };
	uint32_t dreg = UINT32_MAX, chain;
	enum ruleset_verdict verdict;
	struct str target;

	nlattr_u32(data, NFTA_IMMEDIATE_DREG, &dreg);
	if (dreg != NFT_REG_VERDICT) {
		ruleset_load_put(&rd->loads,
				 ruleset_load_word(data, NFTA_IMMEDIATE_DREG),
				 &constant);
		return;
	}
	verdict = ruleset_expr_verdict(nlattr_nest(value, NFTA_DATA_VERDICT),
				       &target);
	if (verdict == RULESET_JUMP || verdict == RULESET_GOTO) {
		chain = ruleset_find_chain(rd->rs, rd->table, target);
		rd->rs->rule[rd->rule].target = chain;
		if (chain == RULESET_NONE) {
			ruleset_load_unknown(&rd->loads, RULESET_OTHER);
			verdict = RULESET_QUEUE;
		}
	}
	if (verdict)
		set_verdict(rd, verdict);
}

/* In a table for both families, nat translates only packets of its own family.
 */
static void read_nat(struct reader *rd, struct nl_span data)
{
	uint32_t type = UINT32_MAX, family = NFPROTO_INET;

	nlattr_u32(data, NFTA_NAT_TYPE, &type);
	nlattr_u32(data, NFTA_NAT_FAMILY, &family);
	if (rd->rs->table[rd->table].family == NFPROTO_INET &&
	    (family == NFPROTO_IPV4 || family == NFPROTO_IPV6))
		ruleset_load_family(&rd->loads, (uint8_t)family);
	if (type == NFT_NAT_SNAT)
		set_verdict(rd, RULESET_SNAT);
	else if (type == NFT_NAT_DNAT)
		set_verdict(rd, RULESET_DNAT);
	else
		ruleset_load_unknown(&rd->loads, RULESET_OTHER);
}

/* A socket of this machine takes the packet, if there is one. */
static void read_tproxy(struct reader *rd, struct nl_span data)
{
	ruleset_load_unknown(&rd->loads, RULESET_OTHER);
	set_verdict(rd, RULESET_QUEUE);
}

/* Targets of the iptables command; an unlisted one may do anything. */
static void read_target(struct reader *rd, struct nl_span data)
{
	static const struct {
		const char *name;
		enum ruleset_verdict is;
		bool logs;
	} targets[] = {
		{ "MASQUERADE", RULESET_SNAT }, { "SNAT", RULESET_SNAT },
		{ "DNAT", RULESET_DNAT }, { "REDIRECT", RULESET_DNAT },
		{ "REJECT", RULESET_DROP }, { "NFQUEUE", RULESET_QUEUE },
		{ "LOG", RULESET_CONTINUE, true },
		{ "NFLOG", RULESET_CONTINUE, true },
		{ "MARK", RULESET_CONTINUE }, { "CONNMARK", RULESET_CONTINUE },
		{ "TCPMSS", RULESET_CONTINUE }, { "CT", RULESET_CONTINUE },
		{ "CHECKSUM", RULESET_CONTINUE }, { "DSCP", RULESET_CONTINUE },
	};
	struct str name = nlattr_name(data, NFTA_TARGET_NAME);

	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		if (!str_eq(name, str_z(targets[i].name)))
			continue;
		rd->acts |= !targets[i].logs;
		if (targets[i].is)
			set_verdict(rd, targets[i].is);
		return;
	}
	ruleset_load_unknown(&rd->loads, RULESET_OTHER);
	rd->rs->rule[rd->rule].xt = true;
	rd->acts = true;
}

/* ---- expressions ------------------------------------------------------- */

/* "limit rate 10/second" holds, "limit rate over 10/second" does not. The
 * iptables command makes only the first, and only of packets. */
static void read_limit(struct reader *rd, struct nl_span data)
{
	uint32_t type = NFT_LIMIT_PKTS, flags = 0;

	nlattr_u32(data, NFTA_LIMIT_TYPE, &type);
	nlattr_u32(data, NFTA_LIMIT_FLAGS, &flags);
	rd->alien |= type != NFT_LIMIT_PKTS || flags;
	if (flags & NFT_LIMIT_F_INV)
		ruleset_load_never(&rd->loads);
}

static void read_connlimit(struct reader *rd, struct nl_span data)
{
	uint32_t flags = 0;

	nlattr_u32(data, NFTA_CONNLIMIT_FLAGS, &flags);
	if (flags & NFT_CONNLIMIT_F_INV)
		ruleset_load_never(&rd->loads);
}

static void read_nested(struct reader *rd, struct nl_span expr)
{
	struct str name = nlattr_name(expr, NFTA_EXPR_NAME);
	struct nl_span data = nlattr_nest(expr, NFTA_EXPR_DATA);

	if (str_eq(name, STR("limit")))
		read_limit(rd, data);
	else if (str_eq(name, STR("connlimit")))
		read_connlimit(rd, data);
	else if (name.n && !str_eq(name, STR("counter")) &&
		 !str_eq(name, STR("last")))
		ruleset_load_unknown(&rd->loads, RULESET_OTHER);
}

/* Adds an element to a set, perhaps with a limit of its own: a meter. */
static void read_dynset(struct reader *rd, struct nl_span data)
{
	struct nl_span list = nlattr_nest(data, NFTA_DYNSET_EXPRESSIONS);
	const struct rtattr *a;
	uint32_t flags = 0;

	rd->acts = true;
	nlattr_u32(data, NFTA_DYNSET_FLAGS, &flags);
	if (flags & NFT_DYNSET_F_INV) {
		ruleset_load_unknown(&rd->loads, RULESET_OTHER);
		return;
	}
	read_nested(rd, nlattr_nest(data, NFTA_DYNSET_EXPR));
	while ((a = netlink_next_attr(&list)))
		read_nested(rd, nlattr_span(nlattr_bytes(a)));
}

/* A rule of iptables logs to a group. */
static void read_log(struct reader *rd, struct nl_span data)
{
	rd->alien |= !nlattr_get(data, NFTA_LOG_GROUP).n;
}

static void read_action(struct reader *rd, struct nl_span data)
{
	rd->acts = true;
}

/* @ipt: does the iptables command accept it? Source: nft_is_expr_compatible()
 * in iptables/nft.c, versions 1.8.2 to 1.8.11 */
static const struct {
	const char *name;
	bool ipt;
	void (*read)(struct reader *, struct nl_span data);
	enum ruleset_verdict verdict; /* without read; CONTINUE: it matches */
} exprs[] = {
	{ "meta", true, read_meta }, { "payload", true, read_payload },
	{ "bitwise", true, read_bitwise }, { "cmp", true, read_cmp },
	{ "range", true, read_range }, { "lookup", true, read_lookup },
	{ "immediate", true, read_immediate }, { "limit", true, read_limit },
	{ "match", true, read_match }, { "target", true, read_target },
	{ "log", true, read_log }, { "counter", true },
	{ "ct", false, read_ct }, { "fib", false, read_fib },
	{ "byteorder", false, read_byteorder }, { "nat", false, read_nat },
	{ "objref", false, read_objref }, { "tproxy", false, read_tproxy },
	{ "connlimit", false, read_connlimit },
	{ "dynset", false, read_dynset },
	{ "masq", false, NULL, RULESET_SNAT },
	{ "redir", false, NULL, RULESET_DNAT },
	{ "reject", false, NULL, RULESET_DROP },
	{ "queue", false, NULL, RULESET_QUEUE }, { "last", false },
	{ "notrack", false, read_action }, { "dup", false, read_action },
};

/* An expression that is not in the table may match or not, and may write to any
 * register. */
static void read_expr(struct reader *rd, struct nl_span expr)
{
	struct str name = nlattr_name(expr, NFTA_EXPR_NAME);
	struct nl_span data = nlattr_nest(expr, NFTA_EXPR_DATA);

	for (size_t i = 0; i < sizeof(exprs) / sizeof(*exprs); i++) {
		if (!str_eq(name, str_z(exprs[i].name)))
			continue;
		rd->alien |= !exprs[i].ipt;
		if (exprs[i].read)
			exprs[i].read(rd, data);
		else if (exprs[i].verdict)
			set_verdict(rd, exprs[i].verdict);
		return;
	}
	rd->alien = rd->acts = true;
	ruleset_load_unknown(&rd->loads, RULESET_OTHER);
	memset(rd->loads.word, 0, sizeof(rd->loads.word));
}

bool ruleset_expr_read(struct ruleset *rs, uint32_t rule, struct nl_span list)
{
	struct reader rd = { .rs = rs, .rule = rule, .loads = { .rs = rs } };
	const struct rtattr *a;

	rd.table = rs->chain[rs->rule[rule].chain].table;
	rd.loads.ip6 = rs->table[rd.table].family == NFPROTO_IPV6;
	while (!rd.done && (a = netlink_next_attr(&list)))
		read_expr(&rd, nlattr_span(nlattr_bytes(a)));
	rs->rule[rule].log = !rd.done && !rd.acts;
	return !rd.alien;
}
