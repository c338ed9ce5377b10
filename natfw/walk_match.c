/* SPDX-License-Identifier: ISC */
/*
 * walk_match.c - match the conditions of a rule with a hypothetical packet.
 *
 * Each field of the packet is a list of spans, of which it has one value. A
 * condition holds for certain if it holds for every value of every span.
 * Invariant: a condition that is not understood is WALK_DEPENDS.
 * Runs in: any
 */
#include <string.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include "natfw/walk_match.h"

#define FIELD_MAX 16		/* bytes of a field */

/* ---- the packet's values ----------------------------------------------- */

struct span {
	uint8_t lo[FIELD_MAX], hi[FIELD_MAX];
};

struct values {
	struct span span[8];
	unsigned n;
};

/* Hosts of the Internet. Left out are the networks that it does not route (RFC
 * 6890), but not those for documents: tests use them as the Internet. */
static const struct values public_ip4 = {
	.span = {
		{ { 1 }, { 9, 255, 255, 255 } },
		{ { 11 }, { 100, 63, 255, 255 } },
		{ { 100, 128 }, { 126, 255, 255, 255 } },
		{ { 128 }, { 169, 253, 255, 255 } },
		{ { 169, 255 }, { 172, 15, 255, 255 } },
		{ { 172, 32 }, { 191, 255, 255, 255 } },
		{ { 192, 0, 1 }, { 192, 167, 255, 255 } },
		{ { 192, 169 }, { 223, 255, 255, 255 } },
	},
	.n = 8,
};

static const struct values public_ip6 = {
	.span = {
		{ { 0x20 },
		  { 0x3f, 255, 255, 255, 255, 255, 255, 255,
		    255, 255, 255, 255, 255, 255, 255, 255 } },
	},
	.n = 1,
};

static void put_one(struct values *v, const void *p, size_t n)
{
	memset(v, 0, sizeof(*v));
	memcpy(v->span[0].lo, p, n);
	memcpy(v->span[0].hi, p, n);
	v->n = 1;
}

/* Any value at all. */
static void put_any(struct values *v)
{
	memset(v, 0, sizeof(*v));
	memset(v->span[0].hi, 0xff, sizeof(v->span[0].hi));
	v->n = 1;
}

static void put_u8(struct values *v, uint8_t known)
{
	if (known)
		put_one(v, &known, sizeof(known));
	else
		put_any(v);
}

static void put_u32(struct values *v, uint32_t known)
{
	if (known)
		put_one(v, &known, sizeof(known));
	else
		put_any(v);
}

static void put_name(struct values *v, const char *name)
{
	char bytes[FIELD_MAX] = "";

	memcpy(bytes, name, strnlen(name, sizeof(bytes) - 1));
	if (*name)
		put_one(v, bytes, sizeof(bytes));
	else
		put_any(v);
}

/* No packet has port 0. */
static void put_port(struct values *v, uint16_t port)
{
	const uint8_t be[] = { (uint8_t)(port >> 8), (uint8_t)port };
	static const uint8_t first[] = { 0, 1 };

	if (port) {
		put_one(v, be, sizeof(be));
		return;
	}
	put_any(v);
	memcpy(v->span[0].lo, first, sizeof(first));
}

static void put_net(struct values *v, const struct addr_net *net)
{
	struct addr first = addr_net_first(net), last = addr_net_last(net);

	if (!addr_is_set(net->addr)) {
		put_any(v);
	} else if (!net->bits) {
		*v = net->addr.family == ADDR_IP4 ? public_ip4 : public_ip6;
	} else {
		memset(v, 0, sizeof(*v));
		memcpy(v->span[0].lo, first.byte, sizeof(first.byte));
		memcpy(v->span[0].hi, last.byte, sizeof(last.byte));
		v->n = 1;
	}
}

/* Before DNAT the flow's first destination is the packet's. */
static void put_orig_dst(struct values *v, const struct walk_packet *p)
{
	const struct addr_net one = { p->orig_dst,
				      (uint8_t)addr_bits(p->orig_dst) };

	if (addr_is_set(p->orig_dst))
		put_net(v, &one);
	else if (p->ct_status & IPS_DST_NAT)
		put_any(v);
	else
		put_net(v, &p->dst);
}

static void put_orig_dport(struct values *v, const struct walk_packet *p)
{
	bool same = !(p->ct_status & IPS_DST_NAT);

	put_port(v, p->orig_dport || !same ? p->orig_dport : p->dport);
}

static void put_ethertype(struct values *v, const struct walk_packet *p)
{
	uint16_t type = p->family == ADDR_IP4 ? ETH_P_IP : ETH_P_IPV6;
	const uint8_t be[] = { (uint8_t)(type >> 8), (uint8_t)type };

	put_one(v, be, sizeof(be));
}

/* The routing of a destination. */
static uint32_t type_of_dst(const struct walk_packet *p)
{
	static const struct addr_net multicast[] = {
		{ { ADDR_IP4, { 224 } }, 4 }, { { ADDR_IP6, { 0xff } }, 8 },
	};

	if (p->to_router)
		return RTN_LOCAL;
	for (size_t i = 0; i < 2; i++)
		if (p->dst.bits >= multicast[i].bits &&
		    addr_in(&multicast[i], p->dst.addr))
			return RTN_MULTICAST;
	return RTN_UNICAST;
}

/* The values of one field. A mark may be anything: programs set it for flows
 * that they chose. */
static void put_field(struct values *v, unsigned field,
		      const struct walk_packet *p)
{
	switch (field) {
	case RULESET_IIF:
		put_u32(v, p->iif_index);
		break;
	case RULESET_OIF:
		put_u32(v, p->oif_index);
		break;
	case RULESET_IIFNAME:
		put_name(v, p->iif);
		break;
	case RULESET_OIFNAME:
		put_name(v, p->oif);
		break;
	case RULESET_NFPROTO:
		put_u8(v, p->family == ADDR_IP4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
		break;
	case RULESET_ETHERTYPE:
		put_ethertype(v, p);
		break;
	case RULESET_L4PROTO:
		put_u8(v, p->proto);
		break;
	case RULESET_SADDR:
		put_net(v, &p->src);
		break;
	case RULESET_DADDR:
		put_net(v, &p->dst);
		break;
	case RULESET_SPORT:
		put_port(v, p->sport);
		break;
	case RULESET_DPORT:
		put_port(v, p->dport);
		break;
	case RULESET_CT_STATE:
		put_u32(v, p->ct_state);
		break;
	case RULESET_SADDR_TYPE:
		put_u32(v, RTN_UNICAST);
		break;
	case RULESET_DADDR_TYPE:
		put_u32(v, type_of_dst(p));
		break;
	case RULESET_CT_ORIG_DADDR:
		put_orig_dst(v, p);
		break;
	case RULESET_CT_ORIG_DPORT:
		put_orig_dport(v, p);
		break;
	default:
		put_any(v);
	}
}

/* ---- one condition ----------------------------------------------------- */

static enum walk_hold negate(enum walk_hold hold, bool yes)
{
	return yes ? (enum walk_hold)(WALK_YES - hold) : hold;
}

static enum walk_hold min_hold(enum walk_hold a, enum walk_hold b)
{
	return a < b ? a : b;
}

/* Is a value of the span in this range? */
static enum walk_hold in_range(const struct span *s, const uint8_t *lo,
			       const uint8_t *hi, size_t n)
{
	if (memcmp(lo, s->lo, n) <= 0 && memcmp(hi, s->hi, n) >= 0)
		return WALK_YES;
	if (memcmp(lo, s->hi, n) > 0 || memcmp(hi, s->lo, n) < 0)
		return WALK_NO;
	return WALK_DEPENDS;
}

/* Do the ones of the mask come first? */
static bool is_prefix(const uint8_t *mask, size_t n)
{
	bool ended = false;

	for (size_t i = 0; i < n; i++) {
		uint8_t rest = (uint8_t)~mask[i];

		if ((ended && mask[i]) || (rest & (rest + 1)))
			return false;
		ended |= rest != 0;
	}
	return true;
}

static enum walk_hold in_mask(const struct span *s,
			      const struct ruleset_cond *c, size_t n)
{
	uint8_t hi[FIELD_MAX];
	bool one = memcmp(s->lo, s->hi, n) == 0;

	for (size_t i = 0; i < n; i++) {
		hi[i] = (uint8_t)(c->value[i] | (uint8_t)~c->mask[i]);
		if (c->value[i] & (uint8_t)~c->mask[i])
			return WALK_NO;
		if (one && (s->lo[i] & c->mask[i]) != c->value[i])
			return WALK_NO;
	}
	if (one)
		return WALK_YES;
	return is_prefix(c->mask, n) ? in_range(s, c->value, hi, n) :
				       WALK_DEPENDS;
}

/* Add or subtract one; from the highest to zero. */
static void step(uint8_t *p, size_t n, bool up)
{
	while (n--) {
		p[n] = (uint8_t)(up ? p[n] + 1 : p[n] - 1);
		if (p[n] != (up ? 0 : 0xff))
			return;
	}
}

/* Cut off the end of the span that the element covers. What is left may be
 * covered by later elements, because the kernel lists them by number, up or
 * down. Call it only if the element covers a part, but not all. */
static void trim(struct span *s, const struct ruleset_elem *e, size_t n)
{
	if (memcmp(e->lo, s->lo, n) <= 0) {
		memcpy(s->lo, e->hi, n);
		step(s->lo, n, true);
	} else if (memcmp(e->hi, s->hi, n) >= 0) {
		memcpy(s->hi, e->lo, n);
		step(s->hi, n, false);
	}
}

static enum walk_hold in_elems(const struct ruleset *rs,
			       const struct ruleset_set *set, struct span s,
			       size_t n)
{
	const struct ruleset_elem *e = &rs->elem[set->first];
	enum walk_hold best = WALK_NO, hold;

	for (uint32_t i = 0; i < set->n; i++, e++) {
		hold = e->any ? WALK_YES : in_range(&s, e->lo, e->hi, n);
		if (hold == WALK_YES)
			return hold;
		if (hold == WALK_DEPENDS) {
			best = hold;
			trim(&s, e, n);
		}
	}
	return best;
}

/* A field alone, as a mask, a range, or in a set. */
static enum walk_hold one_field(const struct ruleset *rs,
				const struct ruleset_cond *c,
				const struct ruleset_set *set,
				const struct values *v)
{
	enum walk_hold all = WALK_NO, hold;

	for (unsigned i = 0; i < v->n; i++) {
		if (set)
			hold = in_elems(rs, set, v->span[i], c->len);
		else if (c->op == RULESET_MASK)
			hold = in_mask(&v->span[i], c, c->len);
		else
			hold = in_range(&v->span[i], c->value, c->mask,
					c->len);
		if (i && hold != all)
			return WALK_DEPENDS;
		all = hold;
	}
	return all;
}

/* The first bits of conntrack's status are known. The last two of these change
 * while a flow lives. */
#define STATUS_KNOWN	(IPS_EXPECTED | IPS_SEEN_REPLY | IPS_CONFIRMED | \
			 IPS_DST_NAT)
#define STATUS_NEW	(IPS_ASSURED | IPS_SRC_NAT)

static enum walk_hold in_status(const struct ruleset_cond *c, uint32_t status)
{
	uint32_t known = STATUS_KNOWN, mask, value;

	if (c->op != RULESET_MASK || c->len != sizeof(mask))
		return WALK_DEPENDS;
	if (!(status & IPS_SEEN_REPLY))
		known |= STATUS_NEW;
	memcpy(&mask, c->mask, sizeof(mask));
	memcpy(&value, c->value, sizeof(value));
	if ((status ^ value) & mask & known || value & ~mask)
		return WALK_NO;
	return mask & ~known ? WALK_DEPENDS : WALK_YES;
}

/* Most packets have no mark. A rule for packets with a mark holds for some. */
static enum walk_hold in_mark(const struct ruleset_cond *c)
{
	static const uint8_t zero[FIELD_MAX];

	return c->op == RULESET_MASK && !c->negate &&
	       !memcmp(c->value, zero, sizeof(zero)) ? WALK_YES : WALK_DEPENDS;
}

/* Addresses of the other family. */
static bool is_foreign(unsigned field, size_t len, const struct walk_packet *p)
{
	return (field == RULESET_SADDR || field == RULESET_DADDR ||
		field == RULESET_CT_ORIG_DADDR) &&
	       (len > 4) != (p->family == ADDR_IP6);
}

/* ---- concatenations ---------------------------------------------------- */

static bool is_concat(const struct ruleset_cond *c)
{
	return c->op == RULESET_IN_SET && c->part_len[1];
}

static enum walk_hold part_in(const struct ruleset_elem *e, size_t at,
			      size_t n, const struct values *v)
{
	enum walk_hold all = WALK_NO, hold;

	for (unsigned i = 0; i < v->n; i++) {
		hold = in_range(&v->span[i], e->lo + at, e->hi + at, n);
		if (i && hold != all)
			return WALK_DEPENDS;
		all = hold;
	}
	return all;
}

/* Does the packet have the key of this element? */
static enum walk_hold concat_in(const struct ruleset_cond *c,
				const struct ruleset_elem *e,
				const struct walk_packet *p)
{
	enum walk_hold all = WALK_YES;
	size_t at = 0;

	for (size_t i = 0; i < RULESET_PARTS_MAX && c->part_len[i]; i++) {
		unsigned field = c->part[i];
		size_t n = c->part_len[i];
		struct values v;

		if (n > FIELD_MAX || at + n > RULESET_KEY_MAX)
			return WALK_DEPENDS;
		if (is_foreign(field, n, p))
			return WALK_NO;
		put_field(&v, field, p);
		all = min_hold(all, field == RULESET_OTHER ||
			       field == RULESET_MARK ||
			       field == RULESET_CT_STATUS ? WALK_DEPENDS :
			       part_in(e, at, n, &v));
		at += (n + 3) / 4 * 4;
	}
	return all;
}

static enum walk_hold in_concats(const struct ruleset *rs,
				 const struct ruleset_cond *c,
				 const struct ruleset_set *set,
				 const struct walk_packet *p)
{
	const struct ruleset_elem *e = &rs->elem[set->first];
	enum walk_hold best = WALK_NO, hold;

	for (uint32_t i = 0; i < set->n && best != WALK_YES; i++, e++) {
		hold = e->any ? WALK_YES : concat_in(c, e, p);
		best = hold > best ? hold : best;
	}
	return best;
}

/* ---- rules ------------------------------------------------------------- */

/* A list of sources that is empty now is filled later, by a program that bans
 * hosts, or by packets. */
static bool will_be_filled(const struct ruleset_cond *c,
			   const struct ruleset_set *set)
{
	bool source = c->field == RULESET_SADDR;

	for (size_t i = 0; i < RULESET_PARTS_MAX && c->part_len[i]; i++)
		source |= c->part[i] == RULESET_SADDR;
	return source && !set->n;
}

static enum walk_hold match(const struct ruleset *rs,
			    const struct ruleset_cond *c,
			    const struct walk_packet *p)
{
	const struct ruleset_set *set = NULL;
	struct values v;

	if (c->op == RULESET_IN_SET) {
		if (c->set >= rs->set_n || !rs->set[c->set].known)
			return WALK_DEPENDS;
		set = &rs->set[c->set];
		if (will_be_filled(c, set))
			return WALK_DEPENDS;
	}
	if (is_concat(c))
		return negate(in_concats(rs, c, set, p), c->negate);
	if (c->field == RULESET_OTHER || c->op == RULESET_UNKNOWN ||
	    !c->len || c->len > FIELD_MAX)
		return WALK_DEPENDS;
	if (is_foreign(c->field, c->len, p))
		return WALK_NO;
	if (c->field == RULESET_MARK)
		return in_mark(c);
	if (c->field == RULESET_CT_STATUS)
		return negate(in_status(c, p->ct_status), c->negate);
	put_field(&v, c->field, p);
	return negate(one_field(rs, c, set, &v), c->negate);
}

enum walk_hold walk_match_rule(const struct ruleset *rs,
			       const struct ruleset_rule *rule,
			       const struct walk_packet *p)
{
	enum walk_hold all = WALK_YES;

	for (uint32_t i = 0; i < rule->cond_n && all != WALK_NO; i++)
		all = min_hold(all, match(rs, &rs->cond[rule->cond + i], p));
	return all;
}

/* A map's other elements, for the element of every other key. */
static enum walk_hold no_other(const struct ruleset *rs,
			       const struct ruleset_cond *map, uint32_t elem,
			       const struct walk_packet *p)
{
	const struct ruleset_set *set = &rs->set[map->set];
	enum walk_hold best = WALK_NO, hold;

	for (uint32_t i = set->first; i < set->first + set->n; i++) {
		if (i == elem || rs->elem[i].any)
			continue;
		hold = walk_match_elem(rs, map, i, p);
		best = hold > best ? hold : best;
	}
	return negate(best, true);
}

enum walk_hold walk_match_elem(const struct ruleset *rs,
			       const struct ruleset_cond *map, uint32_t elem,
			       const struct walk_packet *p)
{
	const struct ruleset_elem *e = &rs->elem[elem];
	struct ruleset_cond range = { .field = map->field,
				      .op = RULESET_RANGE, .len = map->len };

	if (e->any)
		return no_other(rs, map, elem, p);
	if (is_concat(map))
		return concat_in(map, e, p);
	memcpy(range.value, e->lo, sizeof(range.value));
	memcpy(range.mask, e->hi, sizeof(range.mask));
	return match(rs, &range, p);
}
