/* SPDX-License-Identifier: ISC */
/*
 * nl_expr.c - reads the expressions of an nf_tables rule. Pure.
 *
 * Invariant: no attribute is read before its length was checked; an expression
 * that is not understood adds an unknown condition.
 * Source: linux/netfilter/nf_tables.h
 * Runs in: any
 */
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include "natfw/nl_expr.h"
#include "natfw/nlattr.h"

#define WORDS		16	/* registers of four bytes */
#define WORD		4
/* ---- registers ----------------------------------------------------- */

/* The value that a load left in the registers, from one word on. */
struct load {
	bool valid;
	bool opaque;		/* changed since: its bytes are unknown */
	bool header;		/* of a header, else of @field */
	uint8_t field;
	uint32_t base, at;	/* NFT_PAYLOAD_*, offset in that header */
	size_t len;
	uint8_t mask[NL_RULESET_BYTES];
};

struct reader {
	struct nl_ruleset_rule *rule;
	struct load word[WORDS];
	bool done;		/* a verdict was read */
};

/* NFT_REG_1 to _4 have 16 bytes each and overlap NFT_REG32_00 to _15. Return:
 * the register's first word, -1: it holds no data */
static int word_of(struct nl_span s, unsigned type)
{
	uint32_t reg;

	if (!nlattr_u32(s, type, &reg))
		return -1;
	if (reg >= NFT_REG_1 && reg <= NFT_REG_4)
		return (int)(reg - NFT_REG_1) * 4;
	if (reg >= NFT_REG32_00 && reg <= NFT_REG32_15)
		return (int)(reg - NFT_REG32_00);
	return -1;
}

static size_t words_of(size_t len)
{
	return (len + WORD - 1) / WORD;
}

/* A load invalidates every load whose words it overwrites. */
static void put_load(struct reader *rd, int at, const struct load *load)
{
	size_t first = (size_t)at, end, i;

	if (at < 0)
		return;
	end = first + words_of(load->len);
	for (i = 0; i < WORDS; i++)
		if (i < end && i + words_of(rd->word[i].len) > first)
			rd->word[i].valid = false;
	rd->word[first] = *load;
}

static struct load new_load(size_t len)
{
	struct load load = { .valid = true, .len = len };

	load.opaque = len > sizeof(load.mask);
	memset(load.mask, 0xff, load.opaque ? sizeof(load.mask) : len);
	return load;
}

static const struct load *load_at(const struct reader *rd, int at)
{
	return at >= 0 && rd->word[at].valid ? &rd->word[at] : NULL;
}

/* ---- fields -------------------------------------------------------- */

struct row {
	uint32_t key;		/* NFT_META_*, NFT_CT_* */
	uint8_t field, len;
};

static const struct row meta_fields[] = {
	{ NFT_META_IIF, NL_FIELD_IIF, 4 },
	{ NFT_META_OIF, NL_FIELD_OIF, 4 },
	{ NFT_META_IIFNAME, NL_FIELD_IIFNAME, 16 },
	{ NFT_META_OIFNAME, NL_FIELD_OIFNAME, 16 },
	{ NFT_META_NFPROTO, NL_FIELD_NFPROTO, 1 },
	{ NFT_META_PROTOCOL, NL_FIELD_ETHERTYPE, 2 },
	{ NFT_META_L4PROTO, NL_FIELD_L4PROTO, 1 },
	{ NFT_META_MARK, NL_FIELD_MARK, 4 },
	{ 0, NL_FIELD_OTHER, 16 },
};

static const struct row ct_fields[] = {
	{ NFT_CT_STATE, NL_FIELD_CT_STATE, 4 },
	{ NFT_CT_STATUS, NL_FIELD_CT_STATUS, 4 },
	{ NFT_CT_MARK, NL_FIELD_MARK, 4 },
	{ 0, NL_FIELD_OTHER, 16 },
};

static const struct header {
	uint32_t base, at, len;
	uint8_t field;
} headers[] = {
	{ NFT_PAYLOAD_NETWORK_HEADER, 9, 1, NL_FIELD_L4PROTO },
	{ NFT_PAYLOAD_NETWORK_HEADER, 12, 4, NL_FIELD_SADDR },
	{ NFT_PAYLOAD_NETWORK_HEADER, 16, 4, NL_FIELD_DADDR },
	{ NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, NL_FIELD_SPORT },
	{ NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NL_FIELD_DPORT },
};

#define HEADERS (sizeof(headers) / sizeof(*headers))

/* The field that was loaded, if it was loaded as a whole. */
static uint8_t field_of(const struct load *load)
{
	if (!load)
		return NL_FIELD_OTHER;
	if (!load->header)
		return load->field;
	for (size_t i = 0; i < HEADERS; i++)
		if (load->base == headers[i].base &&
		    load->at == headers[i].at && load->len == headers[i].len)
			return headers[i].field;
	return NL_FIELD_OTHER;
}

/* ---- conditions ---------------------------------------------------- */

static struct nl_ruleset_cond *add_cond(struct reader *rd, uint8_t field)
{
	struct nl_ruleset_rule *rule = rd->rule;
	bool full = rule->cond_n == NL_RULESET_CONDS - 1;
	struct nl_ruleset_cond *cond = &rule->cond[rule->cond_n];

	memset(cond, 0, sizeof(*cond));
	if (!full) {
		rule->cond_n++;
		cond->field = field;
	}
	return cond;
}

static void add_mask(struct reader *rd, uint8_t field, const uint8_t *value,
		     const uint8_t *mask, size_t at, size_t n, bool negate)
{
	struct nl_ruleset_cond *cond = add_cond(rd, field);

	cond->op = NL_OP_MASK;
	cond->negate = negate;
	cond->len = (uint8_t)(at + n);
	memcpy(cond->value + at, value, n);
	memcpy(cond->mask + at, mask, n);
}

/* The part of the compared bytes, @n of them from @load->at on, that lies in
 * this header field. Return: its length */
static size_t overlap(const struct load *load, size_t n,
		      const struct header *h, size_t *ret_from)
{
	uint32_t from = load->at > h->at ? load->at : h->at;
	uint32_t end = load->at + (uint32_t)n < h->at + h->len ?
		       load->at + (uint32_t)n : h->at + h->len;

	*ret_from = from - load->at;
	return load->base == h->base && from < end ? end - from : 0;
}

/* Equal bytes of a header: nft compares the first bytes of an address for a
 * prefix, and neighbouring fields at once. */
static void compare_header(struct reader *rd, const struct load *load,
			   const uint8_t *value, size_t n, bool negate)
{
	size_t covered = 0, fields = 0, from, part;

	for (size_t i = 0; i < HEADERS; i++) {
		part = overlap(load, n, &headers[i], &from);
		covered += part;
		fields += part > 0;
	}
	/* not equal: one of the fields differs, but it is unknown which one */
	if (covered < n || (negate && fields > 1))
		add_cond(rd, NL_FIELD_OTHER);
	if (negate && (covered < n || fields > 1))
		return;
	for (size_t i = 0; i < HEADERS; i++) {
		part = overlap(load, n, &headers[i], &from);
		if (part)
			add_mask(rd, headers[i].field, value + from,
				 load->mask + from,
				 load->at + from - headers[i].at, part, negate);
	}
}

static bool is_whole(const struct load *load)
{
	for (size_t i = 0; i < load->len; i++)
		if (load->mask[i] != 0xff)
			return false;
	return true;
}

static void add_range(struct reader *rd, const struct load *load,
		      struct str from, struct str to, bool negate)
{
	uint8_t field = field_of(load);
	struct nl_ruleset_cond *cond = add_cond(rd, field);

	if (!field || load->opaque || !is_whole(load) ||
	    from.n != load->len || to.n != load->len)
		return;
	cond->op = NL_OP_RANGE;
	cond->negate = negate;
	cond->len = (uint8_t)from.n;
	memcpy(cond->value, from.p, from.n);
	memcpy(cond->upper, to.p, to.n);
}

/* A comparison by order is a range with one open end. "Less" is the negation of
 * "greater or equal". */
static void compare_order(struct reader *rd, const struct load *load,
			  uint32_t op, struct str value)
{
	static const char zero[NL_RULESET_BYTES];
	char ones[NL_RULESET_BYTES];
	bool up = op == NFT_CMP_GTE || op == NFT_CMP_LT;
	struct str from = { zero, value.n }, to = { ones, value.n };

	memset(ones, 0xff, sizeof(ones));
	if (value.n > sizeof(ones) || op > NFT_CMP_GTE)
		add_cond(rd, field_of(load));
	else if (up)
		add_range(rd, load, value, to, op == NFT_CMP_LT);
	else
		add_range(rd, load, from, value, op == NFT_CMP_GT);
}

/* ---- expressions --------------------------------------------------- */

static void read_keyed(struct reader *rd, const struct row *row, uint32_t key,
		       int dreg)
{
	struct load load;

	while (row->field && row->key != key)
		row++;
	load = new_load(row->len);
	load.field = row->field;
	put_load(rd, dreg, &load);
}

/* Without a destination register it sets a value of the packet, and always
 * matches. */
static void read_meta(struct reader *rd, struct nl_span data)
{
	uint32_t key = UINT32_MAX;

	nlattr_u32(data, NFTA_META_KEY, &key);
	read_keyed(rd, meta_fields, key, word_of(data, NFTA_META_DREG));
}

static void read_ct(struct reader *rd, struct nl_span data)
{
	uint32_t key = UINT32_MAX;

	nlattr_u32(data, NFTA_CT_KEY, &key);
	read_keyed(rd, ct_fields, key, word_of(data, NFTA_CT_DREG));
}

static void read_payload(struct reader *rd, struct nl_span data)
{
	uint32_t base, at, len;
	struct load load;

	if (!nlattr_u32(data, NFTA_PAYLOAD_BASE, &base) ||
	    !nlattr_u32(data, NFTA_PAYLOAD_OFFSET, &at) ||
	    !nlattr_u32(data, NFTA_PAYLOAD_LEN, &len) ||
	    at > UINT16_MAX || len > WORDS * WORD) {
		memset(rd->word, 0, sizeof(rd->word));
		return;
	}
	load = new_load(len);
	load.header = true;
	load.base = base;
	load.at = at;
	put_load(rd, word_of(data, NFTA_PAYLOAD_DREG), &load);
}

/* Reads a mask only; a shift, an xor or a second register is opaque. */
static void read_bitwise(struct reader *rd, struct nl_span data)
{
	const struct load *from = load_at(rd, word_of(data, NFTA_BITWISE_SREG));
	struct str mask = nlattr_get(nlattr_nest(data, NFTA_BITWISE_MASK),
				     NFTA_DATA_VALUE);
	struct str flip = nlattr_get(nlattr_nest(data, NFTA_BITWISE_XOR),
				     NFTA_DATA_VALUE);
	struct load load = from ? *from : new_load(WORDS * WORD);
	uint32_t op = 0;

	nlattr_u32(data, NFTA_BITWISE_OP, &op);
	if (op || load.opaque || mask.n != load.len || flip.n != load.len)
		load.opaque = true;
	for (size_t i = 0; !load.opaque && i < load.len; i++) {
		load.mask[i] &= (uint8_t)mask.p[i];
		load.opaque = flip.p[i];
	}
	put_load(rd, word_of(data, NFTA_BITWISE_DREG), &load);
}

static void read_byteorder(struct reader *rd, struct nl_span data)
{
	const struct load *from = load_at(rd, word_of(data,
						      NFTA_BYTEORDER_SREG));
	struct load load = from ? *from : new_load(WORDS * WORD);

	load.opaque = true;
	put_load(rd, word_of(data, NFTA_BYTEORDER_DREG), &load);
}

static void read_cmp(struct reader *rd, struct nl_span data)
{
	const struct load *load = load_at(rd, word_of(data, NFTA_CMP_SREG));
	struct str value = nlattr_get(nlattr_nest(data, NFTA_CMP_DATA),
				      NFTA_DATA_VALUE);
	const uint8_t *p = (const uint8_t *)value.p;
	uint32_t op = UINT32_MAX;

	nlattr_u32(data, NFTA_CMP_OP, &op);
	if (!load || load->opaque || !value.n || value.n > load->len)
		add_cond(rd, field_of(load));
	else if (op != NFT_CMP_EQ && op != NFT_CMP_NEQ)
		compare_order(rd, load, op, value);
	else if (load->header)
		compare_header(rd, load, p, value.n, op == NFT_CMP_NEQ);
	else if (load->field)
		add_mask(rd, load->field, p, load->mask, 0, value.n,
			 op == NFT_CMP_NEQ);
	else
		add_cond(rd, NL_FIELD_OTHER);
}

static void read_range(struct reader *rd, struct nl_span data)
{
	const struct load *load = load_at(rd, word_of(data, NFTA_RANGE_SREG));
	uint32_t op = UINT32_MAX;

	nlattr_u32(data, NFTA_RANGE_OP, &op);
	if (!load || op > NFT_RANGE_NEQ)
		add_cond(rd, field_of(load));
	else
		add_range(rd, load,
			  nlattr_get(nlattr_nest(data, NFTA_RANGE_FROM_DATA),
				     NFTA_DATA_VALUE),
			  nlattr_get(nlattr_nest(data, NFTA_RANGE_TO_DATA),
				     NFTA_DATA_VALUE), op == NFT_RANGE_NEQ);
}

static void set_verdict(struct reader *rd, enum nl_ruleset_verdict verdict)
{
	rd->rule->verdict = verdict;
	rd->done = true;
}

/* A set, or a map. A map's value is a verdict, or is loaded into a register. */
static void read_lookup(struct reader *rd, struct nl_span data)
{
	const struct load *load = load_at(rd, word_of(data, NFTA_LOOKUP_SREG));
	struct nl_ruleset_cond cond = {
		.field = field_of(load), .op = NL_OP_SET,
		.set = nlattr_name(data, NFTA_LOOKUP_SET),
	};
	const struct load found = { .len = WORDS * WORD };
	uint32_t flags = 0, dreg = UINT32_MAX;

	if (!load || load->opaque || !is_whole(load))
		cond.field = NL_FIELD_OTHER;
	else
		cond.len = (uint8_t)load->len;
	nlattr_u32(data, NFTA_LOOKUP_FLAGS, &flags);
	cond.negate = flags & NFT_LOOKUP_F_INV;
	if (nlattr_u32(data, NFTA_LOOKUP_DREG, &dreg) &&
	    dreg == NFT_REG_VERDICT) {
		rd->rule->map = cond;
		set_verdict(rd, NL_VERDICT_MAP);
		return;
	}
	*add_cond(rd, cond.field) = cond;
	put_load(rd, word_of(data, NFTA_LOOKUP_DREG), &found);
}

enum nl_ruleset_verdict nl_expr_verdict(struct nl_span verdict,
					struct str *ret_target)
{
	static const struct {
		int32_t code;
		enum nl_ruleset_verdict is;
	} codes[] = {
		{ NF_DROP, NL_VERDICT_DROP }, { NF_ACCEPT, NL_VERDICT_ACCEPT },
		{ NF_QUEUE, NL_VERDICT_QUEUE }, { NFT_JUMP, NL_VERDICT_JUMP },
		{ NFT_GOTO, NL_VERDICT_GOTO },
		{ NFT_RETURN, NL_VERDICT_RETURN },
	};
	uint32_t code;

	*ret_target = nlattr_name(verdict, NFTA_VERDICT_CHAIN);
	if (!nlattr_u32(verdict, NFTA_VERDICT_CODE, &code))
		return NL_VERDICT_NONE;
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if ((int32_t)code == codes[i].code)
			return codes[i].is;
	return NL_VERDICT_NONE;
}

static void read_immediate(struct reader *rd, struct nl_span data)
{
	struct nl_span value = nlattr_nest(data, NFTA_IMMEDIATE_DATA);
	const struct load constant = { .len = NL_RULESET_BYTES };
	uint32_t dreg = UINT32_MAX;
	enum nl_ruleset_verdict verdict;

	nlattr_u32(data, NFTA_IMMEDIATE_DREG, &dreg);
	if (dreg != NFT_REG_VERDICT) {
		put_load(rd, word_of(data, NFTA_IMMEDIATE_DREG), &constant);
		return;
	}
	verdict = nl_expr_verdict(nlattr_nest(value, NFTA_DATA_VERDICT),
				  &rd->rule->target);
	if (verdict)
		set_verdict(rd, verdict);
}

static void read_nat(struct reader *rd, struct nl_span data)
{
	uint32_t type = UINT32_MAX;

	nlattr_u32(data, NFTA_NAT_TYPE, &type);
	if (type == NFT_NAT_SNAT)
		set_verdict(rd, NL_VERDICT_SNAT);
	else if (type == NFT_NAT_DNAT)
		set_verdict(rd, NL_VERDICT_DNAT);
	else
		add_cond(rd, NL_FIELD_OTHER);
}

/* A named counter always matches; a quota or a limit may not. */
static void read_objref(struct reader *rd, struct nl_span data)
{
	uint32_t type;

	if (!nlattr_u32(data, NFTA_OBJREF_IMM_TYPE, &type) ||
	    type != NFT_OBJECT_COUNTER)
		add_cond(rd, NL_FIELD_OTHER);
}

static void read_match(struct reader *rd, struct nl_span data)
{
	if (str_eq(nlattr_name(data, NFTA_MATCH_NAME), STR("comment")))
		return;
	add_cond(rd, NL_FIELD_OTHER);
	rd->rule->opaque = true;
}

/* Targets of the iptables command; an unlisted one may do anything. */
static void read_target(struct reader *rd, struct nl_span data)
{
	static const struct {
		const char *name;
		enum nl_ruleset_verdict is;
	} targets[] = {
		{ "MASQUERADE", NL_VERDICT_SNAT }, { "SNAT", NL_VERDICT_SNAT },
		{ "DNAT", NL_VERDICT_DNAT }, { "REDIRECT", NL_VERDICT_DNAT },
		{ "REJECT", NL_VERDICT_DROP }, { "LOG", NL_VERDICT_NONE },
		{ "NFLOG", NL_VERDICT_NONE }, { "MARK", NL_VERDICT_NONE },
		{ "CONNMARK", NL_VERDICT_NONE }, { "TCPMSS", NL_VERDICT_NONE },
	};
	struct str name = nlattr_name(data, NFTA_TARGET_NAME);

	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		if (!str_eq(name, str_z(targets[i].name)))
			continue;
		if (targets[i].is)
			set_verdict(rd, targets[i].is);
		return;
	}
	add_cond(rd, NL_FIELD_OTHER);
	rd->rule->opaque = true;
}

static const struct {
	const char *name;
	void (*read)(struct reader *, struct nl_span data);
	enum nl_ruleset_verdict verdict; /* without read; NONE: it matches */
} exprs[] = {
	{ "meta", read_meta }, { "ct", read_ct }, { "payload", read_payload },
	{ "bitwise", read_bitwise }, { "byteorder", read_byteorder },
	{ "cmp", read_cmp }, { "range", read_range },
	{ "lookup", read_lookup }, { "immediate", read_immediate },
	{ "nat", read_nat }, { "masq", NULL, NL_VERDICT_SNAT },
	{ "redir", NULL, NL_VERDICT_DNAT }, { "reject", NULL, NL_VERDICT_DROP },
	{ "queue", NULL, NL_VERDICT_QUEUE }, { "objref", read_objref },
	{ "counter" }, { "log" }, { "last" }, { "notrack" },
	{ "match", read_match }, { "target", read_target },
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
		if (exprs[i].read)
			exprs[i].read(rd, data);
		else if (exprs[i].verdict)
			set_verdict(rd, exprs[i].verdict);
		return;
	}
	add_cond(rd, NL_FIELD_OTHER);
	memset(rd->word, 0, sizeof(rd->word));
}

void nl_expr_read(struct nl_span list, struct nl_ruleset_rule *rule)
{
	struct reader rd = { .rule = rule };
	const struct rtattr *a;

	while (!rd.done && (a = netlink_next_attr(&list)))
		read_expr(&rd, nlattr_span(nlattr_bytes(a)));
	/* with too many conditions the last one is an unknown condition */
	if (rule->cond_n == NL_RULESET_CONDS - 1)
		memset(&rule->cond[rule->cond_n++], 0, sizeof(*rule->cond));
}
