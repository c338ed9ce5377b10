/* SPDX-License-Identifier: ISC */
/*
 * check_rules.c - follow chains, jumps and verdicts to find out what happens to
 * the two flows.
 *
 * Owns: nothing; a struct check_rules is the caller's. A chain is stored as the
 * hash of its name and the sum of its rules, so thousands of rules need no
 * memory.
 * Runs in: upnpctl
 */
#include <string.h>
#include "base/hash.h"
#include "base/wr.h"
#include "upnpctl/check_match.h"
#include "upnpctl/check_rules.h"
#include "natfw/backend.h"

#define DEPTH_MAX	16	/* of jumps; the kernel's own limit */
#define STEPS_MAX	20000	/* chains visited for one answer */

/* ---- adding rules ------------------------------------------------------- */

void check_rules_begin(struct check_rules *r,
		       const struct check_rules_flow *flow)
{
	memset(r, 0, sizeof(*r));
	r->flow = flow;
}

uint64_t check_rules_key(struct str family, struct str table, struct str chain)
{
	uint64_t h = backend_hash(HASH_BEGIN, family);

	return backend_hash(backend_hash(h, table), chain);
}

int check_rules_chain(struct check_rules *r, uint64_t key)
{
	size_t i;

	for (i = 0; i < r->chain_n; i++)
		if (r->chain[i].key == key)
			return (int)i;
	if (i == CHECK_RULES_CHAINS_MAX) {
		r->over = true;
		return -1;
	}
	r->chain[r->chain_n++] = (struct check_rules_chain){ .key = key };
	return (int)i;
}

void check_rules_base(struct check_rules *r, int here, bool drop,
		      struct str name)
{
	struct check_rules_base *b = &r->base[r->base_n];
	struct wr w = wr_init_cut(b->name, sizeof(b->name));

	if (r->base_n == CHECK_RULES_BASES_MAX) {
		r->over = true;
		return;
	}
	wr_str(&w, name);
	wr_cstr(&w);
	b->chain = (uint16_t)here;
	b->drop = drop;
	r->base_n++;
}

static void add_jump(struct check_rules *r, int here, uint64_t key,
		     uint32_t in, uint32_t out)
{
	int to = check_rules_chain(r, key);

	if (to < 0 || !(in | out))
		return;
	if (r->jump_n == CHECK_RULES_JUMPS_MAX) {
		r->over = true;
		return;
	}
	r->jump[r->jump_n++] = (struct check_rules_jump){
		(uint16_t)here, (uint16_t)to, in, out };
}

/* A rule decides only for the networks that no earlier rule has decided. */
void check_rules_rule(struct check_rules *r, int here,
		      const struct check_match *m,
		      enum check_rules_verdict verdict, uint64_t target)
{
	struct check_rules_chain *c = &r->chain[here];
	uint32_t open = ~(c->accept | c->drop | c->leave);
	uint32_t in = m->sure & open;

	switch (verdict) {
	case CHECK_RULES_OURS:
		c->accept |= m->in & open;
		break;
	case CHECK_RULES_ACCEPT:
		c->accept |= in;
		break;
	case CHECK_RULES_DROP:
		c->drop |= in;
		break;
	case CHECK_RULES_RETURN:
		c->leave |= in;
		break;
	case CHECK_RULES_MASQ:
		c->masq |= m->out;
		break;
	case CHECK_RULES_GOTO:
		add_jump(r, here, target, in, m->out);
		c->leave |= in;
		break;
	case CHECK_RULES_JUMP:
		add_jump(r, here, target, in, m->out);
		break;
	case CHECK_RULES_NONE:
		break;
	}
}

uint8_t check_rules_xt(struct str table)
{
	static const struct {
		char name[9];
		uint8_t bit;
	} tables[] = {
		{ "filter", CHECK_RULES_FILTER }, { "nat", CHECK_RULES_NAT },
		{ "mangle", CHECK_RULES_MANGLE }, { "raw", CHECK_RULES_RAW },
		{ "security", CHECK_RULES_SECURITY },
	};

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		if (str_eq(table, str_z(tables[i].name)))
			return tables[i].bit;
	return 0;
}

/* ---- answers ---------------------------------------------------------- */

static bool ignored(const struct check_rules *r,
		    const struct check_rules_chain *c)
{
	return c->xt & r->xt_ignored;
}

bool check_rules_used(const struct check_rules *r)
{
	return r->used || (r->xt_used & ~r->xt_ignored);
}

uint32_t check_rules_masquerade(struct check_rules *r)
{
	const struct check_rules_jump *j, *end = r->jump + r->jump_n;
	uint32_t ret = 0;

	for (int pass = 0; pass < DEPTH_MAX; pass++)
		for (j = r->jump; j < end; j++)
			r->chain[j->from].masq |= r->chain[j->to].masq & j->out;
	for (size_t i = 0; i < r->chain_n; i++)
		if (r->chain[i].post && !ignored(r, &r->chain[i]))
			ret |= r->chain[i].masq;
	return ret;
}

enum outcome { UNDECIDED, ACCEPTED, DROPPED };

struct walk {
	const struct check_rules *r;
	uint32_t bit;
	unsigned steps;
};

/* Jumps were stored only while no rule had decided, so they are followed before
 * the verdicts of the chain itself. */
static enum outcome outcome_in(struct walk *walk, uint16_t chain,
			       unsigned depth)
{
	const struct check_rules *r = walk->r;
	const struct check_rules_chain *c = &r->chain[chain];
	const struct check_rules_jump *j, *end = r->jump + r->jump_n;
	enum outcome outcome = UNDECIDED;

	if (depth == DEPTH_MAX || ++walk->steps > STEPS_MAX)
		return UNDECIDED;
	for (j = r->jump; j < end && outcome == UNDECIDED; j++)
		if (j->from == chain && j->in & walk->bit)
			outcome = outcome_in(walk, j->to, depth + 1);
	if (outcome == UNDECIDED && c->accept & walk->bit)
		outcome = ACCEPTED;
	if (outcome == UNDECIDED && c->drop & walk->bit)
		outcome = DROPPED;
	return outcome;
}

static uint32_t blocked_by(const struct check_rules *r,
			   const struct check_rules_base *b)
{
	uint32_t nets = 0;

	if (ignored(r, &r->chain[b->chain]))
		return 0;
	for (size_t i = 0; i < r->flow->n; i++) {
		struct walk walk = { r, UINT32_C(1) << i, 0 };
		enum outcome outcome = outcome_in(&walk, b->chain, 0);

		if (outcome == DROPPED || (outcome == UNDECIDED && b->drop))
			nets |= walk.bit;
	}
	return nets;
}

const struct check_rules_base *check_rules_block(const struct check_rules *r,
				const struct check_rules_base *after,
				uint32_t *ret_nets)
{
	const struct check_rules_base *b = after ? after + 1 : r->base;

	for (; b < r->base + r->base_n; b++) {
		*ret_nets = blocked_by(r, b);
		if (*ret_nets)
			return b;
	}
	return NULL;
}

bool check_rules_has(struct check_rules *r, const char *table,
		     const char *chain)
{
	struct str rest = str_z(table), family = STR("");
	uint64_t key;

	str_word(&rest, &family);
	key = check_rules_key(family, str_trim(rest), str_z(chain));
	for (size_t i = 0; i < r->chain_n; i++)
		if (r->chain[i].key == key)
			return true;
	return false;
}
