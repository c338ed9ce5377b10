/* SPDX-License-Identifier: ISC */
/*
 * ruleset_load.c - follows the registers of nf_tables, and adds conditions.
 * Pure.
 *
 * Invariant: what is not understood becomes an unknown condition, never none.
 * Source: linux/netfilter/nf_tables.h
 * Runs in: any
 */
#include <string.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include "natfw/nlattr.h"
#include "natfw/ruleset_load.h"

#define WORD 4

/* ---- registers --------------------------------------------------------- */

/* NFT_REG_1 to _4 have 16 bytes each and overlap NFT_REG32_00 to _15. */
int ruleset_load_word(struct nl_span s, unsigned type)
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
void ruleset_load_put(struct ruleset_loads *l, int at,
		      const struct ruleset_load *load)
{
	size_t first = (size_t)at, end, i;

	if (at < 0)
		return;
	end = first + words_of(load->len);
	for (i = 0; i < RULESET_LOAD_WORDS; i++)
		if (i < end && i + words_of(l->word[i].len) > first)
			l->word[i].valid = false;
	l->word[first] = *load;
}

struct ruleset_load ruleset_load_new(size_t len)
{
	struct ruleset_load load = { .valid = true, .len = len };

	load.opaque = len > sizeof(load.mask);
	memset(load.mask, 0xff, load.opaque ? sizeof(load.mask) : len);
	return load;
}

const struct ruleset_load *ruleset_load_at(const struct ruleset_loads *l,
					   int at)
{
	if (at < 0 || at >= RULESET_LOAD_WORDS || !l->word[at].valid)
		return NULL;
	return &l->word[at];
}

/* ---- fields of headers ------------------------------------------------- */

/* Some offsets in the network header mean different fields in IPv4 and IPv6. */
enum { ANY, IP4, IP6 };

static const struct header {
	uint32_t base, at, len;
	uint8_t field, family;
} headers[] = {
	{ NFT_PAYLOAD_NETWORK_HEADER, 9, 1, RULESET_L4PROTO, IP4 },
	{ NFT_PAYLOAD_NETWORK_HEADER, 12, 4, RULESET_SADDR, IP4 },
	{ NFT_PAYLOAD_NETWORK_HEADER, 16, 4, RULESET_DADDR, IP4 },
	{ NFT_PAYLOAD_NETWORK_HEADER, 6, 1, RULESET_L4PROTO, IP6 },
	{ NFT_PAYLOAD_NETWORK_HEADER, 8, 16, RULESET_SADDR, IP6 },
	{ NFT_PAYLOAD_NETWORK_HEADER, 24, 16, RULESET_DADDR, IP6 },
	{ NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, RULESET_SPORT, ANY },
	{ NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, RULESET_DPORT, ANY },
};

#define HEADERS (sizeof(headers) / sizeof(*headers))

static bool is_for(const struct ruleset_loads *l, const struct header *h)
{
	return h->family != (l->ip6 ? IP4 : IP6);
}

/* The field that was loaded, if it was loaded as a whole. */
static uint8_t field_of(const struct ruleset_loads *l,
			const struct ruleset_load *load)
{
	if (!load)
		return RULESET_OTHER;
	if (!load->header)
		return load->field;
	for (size_t i = 0; i < HEADERS; i++)
		if (is_for(l, &headers[i]) && load->base == headers[i].base &&
		    load->at == headers[i].at && load->len == headers[i].len)
			return headers[i].field;
	return RULESET_OTHER;
}

/* ---- conditions -------------------------------------------------------- */

static struct ruleset_cond new_cond(enum ruleset_op op, uint8_t field)
{
	return (struct ruleset_cond){
		.op = (uint8_t)op, .field = field, .set = RULESET_NONE,
		.part = { field },
	};
}

void ruleset_load_unknown(struct ruleset_loads *l, uint8_t field)
{
	const struct ruleset_cond cond = new_cond(RULESET_UNKNOWN, field);

	ruleset_add_cond(l->rs, &cond);
}

void ruleset_load_never(struct ruleset_loads *l)
{
	struct ruleset_cond cond = new_cond(RULESET_MASK, RULESET_L4PROTO);

	cond.len = cond.part_len[0] = 1;
	cond.negate = true;	/* no bit of it is zero */
	ruleset_add_cond(l->rs, &cond);
}

/* nft writes such a condition before it loads a field of an IPv6 header. */
static bool says_ip6(const struct ruleset_cond *cond)
{
	static const uint8_t type[] = { ETH_P_IPV6 >> 8, ETH_P_IPV6 & 0xff };

	return !cond->negate &&
	       ((cond->field == RULESET_NFPROTO &&
		 cond->value[0] == NFPROTO_IPV6) ||
		(cond->field == RULESET_ETHERTYPE &&
		 !memcmp(cond->value, type, sizeof(type))));
}

static void add_mask(struct ruleset_loads *l, uint8_t field,
		     const uint8_t *value, const uint8_t *mask, size_t at,
		     size_t n, bool negate)
{
	struct ruleset_cond cond = new_cond(RULESET_MASK, field);
	const bool addr = field == RULESET_SADDR || field == RULESET_DADDR;

	cond.negate = negate;
	/* nft compares four bytes for 2001:db8::/32, which is no IPv4 address:
	 * the length says the family */
	cond.len = addr && l->ip6 ? sizeof(cond.value) : (uint8_t)(at + n);
	cond.part_len[0] = cond.len;
	memcpy(cond.value + at, value, n);
	memcpy(cond.mask + at, mask, n);
	ruleset_add_cond(l->rs, &cond);
	l->ip6 |= says_ip6(&cond);
}

void ruleset_load_family(struct ruleset_loads *l, uint8_t family)
{
	const uint8_t ones = 0xff;

	add_mask(l, RULESET_NFPROTO, &family, &ones, 0, 1, false);
}

/* The part of the compared bytes, @n of them from @load->at on, that lies in
 * this header field. Return: its length */
static size_t overlap(const struct ruleset_loads *l,
		      const struct ruleset_load *load, size_t n,
		      const struct header *h, size_t *ret_from)
{
	uint32_t from = load->at > h->at ? load->at : h->at;
	uint32_t end = load->at + (uint32_t)n, h_end = h->at + h->len;

	*ret_from = from - load->at;
	if (end > h_end)
		end = h_end;
	return is_for(l, h) && load->base == h->base && from < end ?
	       end - from : 0;
}

/* Equal bytes of a header: nft compares the first bytes of an address for a
 * prefix, and neighbouring fields at once. */
static void compare_header(struct ruleset_loads *l,
			   const struct ruleset_load *load,
			   const uint8_t *value, size_t n, bool negate)
{
	size_t covered = 0, fields = 0, from, part;

	for (size_t i = 0; i < HEADERS; i++) {
		part = overlap(l, load, n, &headers[i], &from);
		covered += part;
		fields += part > 0;
	}
	/* not equal: one of the fields differs, but it is unknown which one */
	if (covered < n || (negate && fields > 1))
		ruleset_load_unknown(l, RULESET_OTHER);
	if (negate && (covered < n || fields > 1))
		return;
	for (size_t i = 0; i < HEADERS; i++) {
		part = overlap(l, load, n, &headers[i], &from);
		if (part)
			add_mask(l, headers[i].field, value + from,
				 load->mask + from,
				 load->at + from - headers[i].at, part, negate);
	}
}

static bool is_whole(const struct ruleset_load *load)
{
	for (size_t i = 0; i < load->len; i++)
		if (i >= sizeof(load->mask) || load->mask[i] != 0xff)
			return false;
	return true;
}

static void add_range(struct ruleset_loads *l, const struct ruleset_load *load,
		      struct str from, struct str to, bool negate)
{
	uint8_t field = field_of(l, load);
	struct ruleset_cond cond = new_cond(RULESET_RANGE, field);

	if (!field || load->opaque || !is_whole(load) || from.n != load->len ||
	    to.n != load->len) {
		ruleset_load_unknown(l, field);
		return;
	}
	cond.negate = negate;
	cond.len = cond.part_len[0] = (uint8_t)from.n;
	memcpy(cond.value, from.p, from.n);
	memcpy(cond.mask, to.p, to.n);
	ruleset_add_cond(l->rs, &cond);
}

/* A comparison by order is a range with one open end. "Less" is the negation of
 * "greater or equal". */
static void compare_order(struct ruleset_loads *l,
			  const struct ruleset_load *load, uint32_t op,
			  struct str value)
{
	static const char zero[RULESET_LOAD_MAX];
	char ones[RULESET_LOAD_MAX];
	bool up = op == NFT_CMP_GTE || op == NFT_CMP_LT;
	struct str from = { zero, value.n }, to = { ones, value.n };

	memset(ones, 0xff, sizeof(ones));
	if (value.n > sizeof(ones) || op > NFT_CMP_GTE)
		ruleset_load_unknown(l, field_of(l, load));
	else if (up)
		add_range(l, load, value, to, op == NFT_CMP_LT);
	else
		add_range(l, load, from, value, op == NFT_CMP_GT);
}

static bool is_zero(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i])
			return false;
	return true;
}

/* The flags of TCP. Bits that are not listed belong to ECN. */
enum { SYN = 0x02, ACK = 0x10, ALL = 0x3f };

static bool is_tcp_flags(const struct ruleset_load *load)
{
	return load->header && load->base == NFT_PAYLOAD_TRANSPORT_HEADER &&
	       load->at == 13 && load->len == 1;
}

/* The flow is new, or with @negate it is not. */
static void add_state_new(struct ruleset_loads *l, bool negate)
{
	const uint32_t bit = UINT32_C(1) << (IP_CT_NEW + 1), none = 0;
	uint8_t mask[4], value[4];

	memcpy(mask, &bit, sizeof(mask));
	memcpy(value, &none, sizeof(value));
	add_mask(l, RULESET_CT_STATE, value, mask, 0, sizeof(mask), !negate);
}

/* The first packet of a flow has SYN alone, and no later one has SYN without
 * ACK. */
static void compare_tcp_flags(struct ruleset_loads *l, uint8_t mask,
			      uint8_t value, bool negate)
{
	bool first = ((SYN & mask) == value) != negate;

	if (mask & ~ALL)
		ruleset_load_unknown(l, RULESET_OTHER);
	else if (mask & SYN && mask & ACK && value == SYN)
		add_state_new(l, negate);
	else {
		if (!first)
			add_state_new(l, true);
		ruleset_load_unknown(l, RULESET_OTHER);
	}
}

/* "missing" is a comparison with zero, "exists" one with one byte that is 1. */
static void compare_existing(struct ruleset_loads *l, uint32_t op, bool exists)
{
	if (op == (exists ? NFT_CMP_NEQ : NFT_CMP_EQ))
		ruleset_load_never(l);
	else if (op > NFT_CMP_NEQ)
		ruleset_load_unknown(l, RULESET_OTHER);
}

void ruleset_load_cmp(struct ruleset_loads *l, int at, uint32_t op,
		      struct str value)
{
	const struct ruleset_load *load = ruleset_load_at(l, at);
	const uint8_t *p = (const uint8_t *)value.p;

	if (!load || load->opaque || !value.n || value.n > load->len)
		ruleset_load_unknown(l, field_of(l, load));
	else if (load->exists && (is_zero(value) || value.n == 1))
		compare_existing(l, op, !is_zero(value));
	else if (op != NFT_CMP_EQ && op != NFT_CMP_NEQ)
		compare_order(l, load, op, value);
	else if (is_tcp_flags(load))
		compare_tcp_flags(l, load->mask[0], *p, op == NFT_CMP_NEQ);
	else if (load->header)
		compare_header(l, load, p, value.n, op == NFT_CMP_NEQ);
	else if (load->field)
		add_mask(l, load->field, p, load->mask, 0, value.n,
			 op == NFT_CMP_NEQ);
	else
		ruleset_load_unknown(l, RULESET_OTHER);
}

void ruleset_load_range(struct ruleset_loads *l, int at, uint32_t op,
			struct str from, struct str to)
{
	const struct ruleset_load *load = ruleset_load_at(l, at);

	if (!load || op > NFT_RANGE_NEQ)
		ruleset_load_unknown(l, field_of(l, load));
	else
		add_range(l, load, from, to, op == NFT_RANGE_NEQ);
}

/* Read the fields of a key from the registers, each from a register of its own
 * on. Return: false: they are not known, or too many */
static bool read_key(const struct ruleset_loads *l, int at, size_t key_len,
		     struct ruleset_cond *cond)
{
	const struct ruleset_load *load;
	size_t n = 0, len = 0;

	while (len < key_len) {
		load = ruleset_load_at(l, at + (int)(len / WORD));
		if (!load || !load->len || n == RULESET_PARTS_MAX)
			return false;
		if (!load->opaque && is_whole(load))
			cond->part[n] = field_of(l, load);
		else
			cond->part[n] = RULESET_OTHER;
		cond->part_len[n] = (uint8_t)load->len;
		len += n || load->len < key_len ?
		       words_of(load->len) * WORD : load->len;
		n++;
	}
	if (n == 1)
		cond->field = cond->part[0];
	cond->len = (uint8_t)len;
	return len == key_len;
}

void ruleset_load_lookup(struct ruleset_loads *l, int at, uint32_t set,
			 bool negate)
{
	struct ruleset_cond cond = new_cond(RULESET_IN_SET, RULESET_OTHER);

	if (set != RULESET_NONE &&
	    read_key(l, at, l->rs->set[set].key_len, &cond)) {
		cond.set = set;
		cond.negate = negate;
		l->rs->set[set].used = true;
	} else {
		cond = new_cond(RULESET_UNKNOWN, RULESET_OTHER);
	}
	ruleset_add_cond(l->rs, &cond);
}
