/* SPDX-License-Identifier: ISC */
/*
 * ruletext.h - rules of the model as text, to be compared:
 * "iif wan0, l4 6, dport 80-90: jump X". A condition that is not known is "?".
 */
#ifndef TESTS_UNIT_RULETEXT_H
#define TESTS_UNIT_RULETEXT_H

#include <string.h>
#include "base/addr.h"
#include "base/wr.h"
#include "natfw/ruleset.h"

static void put_value(struct wr *w, uint8_t field, const uint8_t *p, size_t n)
{
	struct addr a = { .family = n == 4 ? ADDR_IP4 : ADDR_IP6 };
	uint32_t v;

	switch (field) {
	case RULESET_IIFNAME:
	case RULESET_OIFNAME:
		wr_fmt(w, "%.16s", (const char *)p);
		break;
	case RULESET_SADDR:
	case RULESET_DADDR:
	case RULESET_CT_ORIG_DADDR:
		memcpy(a.byte, p, n);
		addr_write(w, a);
		break;
	case RULESET_L4PROTO:
		wr_u64(w, p[0]);
		break;
	case RULESET_SPORT:
	case RULESET_DPORT:
	case RULESET_CT_ORIG_DPORT:
		wr_u64(w, (unsigned)(p[0] << 8 | p[1]));
		break;
	default:
		memcpy(&v, p, sizeof(v));
		wr_fmt(w, "0x%x", v);
	}
}

/* "/24" for a network, "+" for a prefix of a name, "&0xff" for other masks. */
static void put_mask(struct wr *w, const struct ruleset_cond *c)
{
	size_t n = 0;

	if (c->field == RULESET_IIFNAME || c->field == RULESET_OIFNAME) {
		while (n < c->len && c->mask[n] == 0xff)
			n++;
		if (n < c->len)
			wr_ch(w, '+');
		return;
	}
	while (n < c->len && c->mask[n] == 0xff)
		n++;
	if (n == c->len)
		return;
	wr_ch(w, '&');
	for (n = 0; n < c->len && (c->len == 1 || c->field == RULESET_SADDR ||
				   c->field == RULESET_DADDR); n++)
		wr_fmt(w, "%02x", c->mask[n]);
	if (!n)
		put_value(w, c->field, c->mask, c->len);
}

static void put_elems(struct wr *w, const struct ruleset *rs,
		      const struct ruleset_cond *c)
{
	const struct ruleset_set *set = &rs->set[c->set];
	const struct ruleset_elem *e;

	wr_ch(w, '{');
	for (uint32_t i = 0; i < set->n; i++) {
		e = &rs->elem[set->first + i];
		wr_z(w, i ? " " : "");
		put_value(w, c->field, e->lo, c->len);
		if (!memcmp(e->lo, e->hi, c->len))
			continue;
		wr_ch(w, '-');
		put_value(w, c->field, e->hi, c->len);
	}
	wr_ch(w, '}');
}

static void put_cond(struct wr *w, const struct ruleset *rs,
		     const struct ruleset_cond *c)
{
	static const char *const fields[RULESET_FIELDS] = {
		"other", "iifindex", "oifindex", "iif", "oif", "family",
		"ether", "l4", "mark", "src", "dst", "sport", "dport", "state",
		"status", "srctype", "dsttype", "origdst", "origdport",
	};

	if (c->op == RULESET_UNKNOWN) {
		wr_ch(w, '?');
		return;
	}
	wr_fmt(w, "%s%s ", c->negate ? "!" : "", fields[c->field]);
	if (c->op == RULESET_IN_SET) {
		put_elems(w, rs, c);
		return;
	}
	put_value(w, c->field, c->value, c->len);
	if (c->op == RULESET_MASK) {
		put_mask(w, c);
		return;
	}
	if (!memcmp(c->value, c->mask, c->len))
		return;
	wr_ch(w, '-');
	put_value(w, c->field, c->mask, c->len);
}

static void put_rule(struct wr *w, const struct ruleset *rs,
		     const struct ruleset_rule *r)
{
	static const char *const verdicts[] = {
		"continue", "accept", "drop", "return", "jump", "goto", "map",
		"snat", "dnat", "queue",
	};

	for (uint32_t i = 0; i < r->cond_n; i++) {
		wr_z(w, i ? ", " : "");
		put_cond(w, rs, &rs->cond[r->cond + i]);
	}
	wr_fmt(w, "%s%s", r->cond_n ? ": " : "",
	       r->log ? "log" : verdicts[r->verdict]);
	if (r->target != RULESET_NONE)
		wr_fmt(w, " %s", rs->chain[r->target].name);
	wr_z(w, r->ours ? " (ours)" : "");
}

/* The text of a chain: its rules with their numbers, a line each. */
static inline const char *chain_text(const struct ruleset *rs, uint32_t chain)
{
	static char text[8192];
	struct wr w = wr_init(text, sizeof(text));
	uint32_t i;

	for (i = rs->chain[chain].first; i != RULESET_NONE;
	     i = rs->rule[i].next) {
		wr_fmt(&w, "%u ", rs->rule[i].number);
		put_rule(&w, rs, &rs->rule[i]);
		wr_ch(&w, '\n');
	}
	return wr_cstr(&w);
}

#endif
