/* SPDX-License-Identifier: ISC */
/*
 * rulesettest.h - a firewall for a test, from lines of text:
 *
 *	table native inet fw4 [owner=123]
 *	set NAME FIELD[.FIELD] ELEMENT ...	set of the table
 *	chain NAME [HOOK PRIORITY [drop|nat]]
 *	[!]FIELD=VALUE ... VERDICT		a rule of that chain
 *
 * Kinds: native, nft, legacy. An element is VALUE[|VALUE][=VERDICT]; "*" is
 * every other key, "?" makes the set unknown. A rule looks a set up with
 * FIELD[.FIELD]@NAME, as the last condition with "vmap" for a verdict map. More
 * words of a rule: other (an unknown condition), ours, log, same (the number
 * of the rule before). Include it after cmocka.h.
 */
#ifndef TESTS_UNIT_RULESETTEST_H
#define TESTS_UNIT_RULESETTEST_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include "base/addr.h"
#include "natfw/ruleset.h"

static const struct ruletest_field {
	const char *name;
	uint8_t field, len;
} ruletest_fields[] = {
	{ "other", RULESET_OTHER, 4 },
	{ "iifx", RULESET_IIF, 4 }, { "oifx", RULESET_OIF, 4 },
	{ "iif", RULESET_IIFNAME, 16 }, { "oif", RULESET_OIFNAME, 16 },
	{ "nfproto", RULESET_NFPROTO, 1 },
	{ "ethertype", RULESET_ETHERTYPE, 2 },
	{ "proto", RULESET_L4PROTO, 1 }, { "mark", RULESET_MARK, 4 },
	{ "saddr", RULESET_SADDR, 4 }, { "daddr", RULESET_DADDR, 4 },
	{ "saddr6", RULESET_SADDR, 16 },
	{ "sport", RULESET_SPORT, 2 }, { "dport", RULESET_DPORT, 2 },
	{ "state", RULESET_CT_STATE, 4 }, { "status", RULESET_CT_STATUS, 4 },
	{ "stype", RULESET_SADDR_TYPE, 4 }, { "dtype", RULESET_DADDR_TYPE, 4 },
	{ "odaddr", RULESET_CT_ORIG_DADDR, 4 },
	{ "odport", RULESET_CT_ORIG_DPORT, 2 },
};

static const struct ruletest_word {
	const char *name;
	uint32_t value;
} ruletest_words[] = {
	{ "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "icmp", 1 },
	{ "ip", NFPROTO_IPV4 }, { "ip6", NFPROTO_IPV6 },
	{ "inet", NFPROTO_INET },
	{ "new", 8 }, { "established", 2 }, { "related", 4 },
	{ "invalid", 1 }, { "dnat", IPS_DST_NAT }, { "snat", IPS_SRC_NAT },
	{ "assured", IPS_ASSURED }, { "confirmed", IPS_CONFIRMED },
	{ "local", RTN_LOCAL }, { "unicast", RTN_UNICAST },
	{ "broadcast", RTN_BROADCAST }, { "multicast", RTN_MULTICAST },
	{ "native", RULESET_NATIVE }, { "nft", RULESET_IPT_NFT },
	{ "legacy", RULESET_IPT_LEGACY },
	{ "prerouting", NF_INET_PRE_ROUTING }, { "input", NF_INET_LOCAL_IN },
	{ "forward", NF_INET_FORWARD },
	{ "postrouting", NF_INET_POST_ROUTING },
};

static const char *const ruletest_verdicts[] = {
	[RULESET_CONTINUE] = "continue", [RULESET_ACCEPT] = "accept",
	[RULESET_DROP] = "drop", [RULESET_RETURN] = "return",
	[RULESET_JUMP] = "jump", [RULESET_GOTO] = "goto",
	[RULESET_MAP] = "vmap", [RULESET_SNAT] = "snat",
	[RULESET_DNAT] = "dnat", [RULESET_QUEUE] = "queue",
};

static inline uint32_t ruletest_number(struct str s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < sizeof(ruletest_words) /
	     sizeof(*ruletest_words); i++)
		if (str_eq(s, str_z(ruletest_words[i].name)))
			return ruletest_words[i].value;
	if (s.n && *s.p == '-')
		return 0u - ruletest_number(str_skip(s, 1));
	if (str_u32(s, 0, UINT32_MAX, &n))
		fail_msg("no number: %.*s", STR_F(s));
	return n;
}

static inline const struct ruletest_field *ruletest_field(struct str s)
{
	for (size_t i = 0; i < sizeof(ruletest_fields) /
	     sizeof(*ruletest_fields); i++)
		if (str_eq(s, str_z(ruletest_fields[i].name)))
			return &ruletest_fields[i];
	fail_msg("no field: %.*s", STR_F(s));
	return NULL;
}

/* One end of a range. */
static inline void ruletest_bytes(const struct ruletest_field *f,
				  struct str s, bool last, uint8_t *to)
{
	struct addr_net net = { .bits = 0 };
	struct addr a;
	uint32_t n = 0;

	switch (f->field) {
	case RULESET_IIFNAME:
	case RULESET_OIFNAME:
		memcpy(to, s.p, s.n);
		return;
	case RULESET_SADDR:
	case RULESET_DADDR:
	case RULESET_CT_ORIG_DADDR:
		if (!addr_net_parse(s, &net))
			fail_msg("no network: %.*s", STR_F(s));
		a = last ? addr_net_last(&net) : addr_net_first(&net);
		memcpy(to, a.byte, f->len);
		return;
	case RULESET_SPORT:
	case RULESET_DPORT:
	case RULESET_CT_ORIG_DPORT:
	case RULESET_ETHERTYPE:
		n = ruletest_number(s);
		to[0] = (uint8_t)(n >> 8);
		to[1] = (uint8_t)n;
		return;
	case RULESET_NFPROTO:
	case RULESET_L4PROTO:
		to[0] = (uint8_t)ruletest_number(s);
		return;
	default:
		n = ruletest_number(s);
		memcpy(to, &n, sizeof(n));
	}
}

/* "80", "80-90", "10.0.0.0/8" */
static inline void ruletest_range(const struct ruletest_field *f,
				  struct str s, uint8_t *lo, uint8_t *hi)
{
	struct str from;

	str_cut(&s, '-', &from);
	ruletest_bytes(f, from, false, lo);
	ruletest_bytes(f, s.n ? s : from, true, hi);
}

/* A list of states or status bits: nft tests that one of them is set. */
static inline void ruletest_bits(struct ruleset_cond *c, struct str s)
{
	uint32_t mask = 0;
	struct str one;

	while (str_cut(&s, ',', &one))
		mask |= ruletest_number(one);
	c->op = RULESET_MASK;
	c->negate = !c->negate;
	memcpy(c->mask, &mask, sizeof(mask));
}

static inline void ruletest_compare(struct ruleset_cond *c,
				    const struct ruletest_field *f,
				    struct str s)
{
	bool prefix = s.n && s.p[s.n - 1] == '*';

	c->field = f->field;
	c->len = f->len;
	if (f->field == RULESET_CT_STATE || f->field == RULESET_CT_STATUS) {
		ruletest_bits(c, s);
	} else if (memchr(s.p, '-', s.n) || memchr(s.p, '/', s.n)) {
		c->op = RULESET_RANGE;
		ruletest_range(f, s, c->value, c->mask);
	} else {
		c->op = RULESET_MASK;
		s.n -= prefix;
		ruletest_bytes(f, s, false, c->value);
		memset(c->mask, 0xff, prefix ? s.n : f->len);
	}
}

static inline void ruletest_fields_of(struct ruleset_cond *c, struct str s)
{
	const struct ruletest_field *f = NULL;
	size_t n = 0, bytes = 0;
	struct str one;

	while (str_cut(&s, '.', &one)) {
		f = ruletest_field(one);
		c->part[n] = f->field;
		c->part_len[n++] = f->len;
		bytes += (f->len + 3u) / 4 * 4;
	}
	c->field = n == 1 ? f->field : RULESET_OTHER;
	c->len = n == 1 ? f->len : (uint8_t)bytes;
}

struct ruletest {
	struct ruleset *rs;
	uint32_t table, chain;
};

static inline uint8_t ruletest_verdict(const struct ruletest *t, struct str s,
				       uint32_t *target)
{
	struct str name;

	str_cut(&s, '=', &name);
	for (uint8_t i = 0; i <= RULESET_QUEUE; i++) {
		if (!str_eq(name, str_z(ruletest_verdicts[i])))
			continue;
		if (s.n)
			*target = ruleset_add_chain(t->rs, t->table, s);
		return i;
	}
	return UINT8_MAX;
}

static inline void ruletest_elem(const struct ruletest *t, uint32_t set,
				 struct str fields, struct str s)
{
	struct ruleset_elem e = { .any = str_eq(s, STR("?")) };
	const struct ruletest_field *f;
	struct str key, value, one;
	size_t at = 0;

	if (e.any) {
		t->rs->set[set].known = false;
		return;
	}
	str_cut(&s, '=', &key);
	e.any = str_eq(key, STR("*"));
	while (!e.any && str_cut(&fields, '.', &one) &&
	       str_cut(&key, '|', &value)) {
		f = ruletest_field(one);
		ruletest_range(f, value, e.lo + at, e.hi + at);
		at += (f->len + 3u) / 4 * 4;
	}
	if (s.n)
		e.verdict = ruletest_verdict(t, s, &e.target);
	assert_true(ruleset_add_elem(t->rs, set, &e));
}

static inline void ruletest_set(const struct ruletest *t, struct str s)
{
	struct ruleset_cond c = { .len = 0 };
	struct str name, fields, elem;
	uint32_t set;

	str_word(&s, &name);
	str_word(&s, &fields);
	ruletest_fields_of(&c, fields);
	set = ruleset_add_set(t->rs, t->table, name, c.len);
	while (str_word(&s, &elem))
		ruletest_elem(t, set, fields, elem);
}

static inline void ruletest_cond(const struct ruletest *t, struct str s)
{
	struct ruleset_cond c = { .set = RULESET_NONE };
	struct str name;

	c.negate = *s.p == '!';
	s = str_skip(s, c.negate);
	if (memchr(s.p, '@', s.n)) {
		str_cut(&s, '@', &name);
		ruletest_fields_of(&c, name);
		c.op = RULESET_IN_SET;
		c.set = ruleset_find_set(t->rs, t->table, s);
	} else if (memchr(s.p, '=', s.n)) {
		str_cut(&s, '=', &name);
		ruletest_compare(&c, ruletest_field(name), s);
	} else if (!str_eq(s, STR("other"))) {
		fail_msg("no condition: %.*s", STR_F(s));
	}
	ruleset_add_cond(t->rs, &c);
}

static inline void ruletest_rule(const struct ruletest *t, struct str s)
{
	uint32_t i = ruleset_add_rule(t->rs, t->chain);
	struct ruleset_rule *r = &t->rs->rule[i];
	uint8_t verdict;
	struct str word;

	while (str_word(&s, &word)) {
		verdict = ruletest_verdict(t, word, &r->target);
		if (verdict != UINT8_MAX)
			r->verdict = verdict;
		else if (str_eq(word, STR("ours")))
			r->ours = true;
		else if (str_eq(word, STR("log")))
			r->log = true;
		else if (str_eq(word, STR("same")))
			r->number--;
		else
			ruletest_cond(t, word);
	}
	if (r->verdict == RULESET_MAP)
		r->map = r->cond + r->cond_n - 1;
}

static inline void ruletest_table(struct ruletest *t, struct str s)
{
	struct str kind, family, name, owner;

	str_word(&s, &kind);
	str_word(&s, &family);
	str_word(&s, &name);
	t->table = ruleset_add_table(t->rs,
			(enum ruleset_kind)ruletest_number(kind),
			(uint8_t)ruletest_number(family), name);
	if (str_word(&s, &owner))
		t->rs->table[t->table].owner =
			ruletest_number(str_skip(owner, strlen("owner=")));
}

static inline void ruletest_chain(struct ruletest *t, struct str s)
{
	struct ruleset_chain *c;
	struct str name, word;

	str_word(&s, &name);
	t->chain = ruleset_add_chain(t->rs, t->table, name);
	c = &t->rs->chain[t->chain];
	if (!str_word(&s, &word))
		return;
	c->hook = (int)ruletest_number(word);
	str_word(&s, &word);
	c->priority = (int32_t)ruletest_number(word);
	if (str_word(&s, &word)) {
		c->nat = str_eq(word, STR("nat"));
		c->drop = str_eq(word, STR("drop"));
	}
}

/* Make a model of the text, which ruleset_free() frees. */
static inline struct ruleset *ruletest_new(const char *text)
{
	struct ruletest t = { ruleset_new(), RULESET_NONE, RULESET_NONE };
	struct str rest = str_z(text), line, word, s;

	assert_non_null(t.rs);
	while (str_cut(&rest, '\n', &line)) {
		s = line;
		if (!str_word(&s, &word))
			continue;
		if (str_eq(word, STR("table")))
			ruletest_table(&t, s);
		else if (str_eq(word, STR("set")))
			ruletest_set(&t, s);
		else if (str_eq(word, STR("chain")))
			ruletest_chain(&t, s);
		else
			ruletest_rule(&t, line);
	}
	ruleset_sort(t.rs);
	return t.rs;
}

#endif
