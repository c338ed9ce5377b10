/* SPDX-License-Identifier: ISC */
/*
 * ruleset.c - the memory of the model of the administrator's rules.
 *
 * Owns: one block, which never moves and never grows, so that indices and names
 * stay valid until ruleset_clear().
 * Invariant: a rule is never more certain than what was read. If there is no
 * room for one of its conditions, it gets an unknown one instead.
 * Runs in: any
 */
#include <stdarg.h>
#include <string.h>
#include <linux/netfilter.h>
#include "base/hash.h"
#include "base/mem.h"
#include "base/wr.h"
#include "natfw/ruleset.h"

/* The whole block. Most of its pages are never touched. */
struct arena {
	struct ruleset rs;
	struct ruleset_table table[RULESET_TABLES_MAX];
	struct ruleset_chain chain[RULESET_CHAINS_MAX];
	struct ruleset_rule rule[RULESET_RULES_MAX];
	struct ruleset_cond cond[RULESET_CONDS_MAX];
	struct ruleset_set set[RULESET_SETS_MAX];
	struct ruleset_elem elem[RULESET_ELEMS_MAX];
	uint32_t base[RULESET_CHAINS_MAX];
	char text[RULESET_TEXT_MAX];
	char buffer[32768];	/* the largest part of a dump */
};

/* The first condition is an unknown one, for the rules that have lost one. */
#define LOST_COND	0

static void begin(struct arena *a)
{
	a->rs = (struct ruleset){
		.table = a->table, .chain = a->chain, .rule = a->rule,
		.cond = a->cond, .set = a->set, .elem = a->elem,
		.base = a->base, .text = a->text, .cond_n = LOST_COND + 1,
	};
}

struct ruleset *ruleset_new(void)
{
	struct arena *a = mem_reserve(1, sizeof(*a));

	if (!a)
		return NULL;
	begin(a);
	return &a->rs;
}

void ruleset_free(struct ruleset *rs)
{
	mem_free(rs, 1, sizeof(struct arena));
}

void ruleset_clear(struct ruleset *rs)
{
	struct arena *a = (void *)rs;

	mem_release(a->table, sizeof(*a) - offsetof(struct arena, table));
	begin(a);
}

void ruleset_incomplete(struct ruleset *rs, const char *remedy,
			const char *fmt, ...)
{
	struct wr w = wr_init_cut(rs->why, sizeof(rs->why));
	va_list ap;

	if (*rs->why)
		return;
	va_start(ap, fmt);
	wr_vfmt(&w, fmt, ap);
	va_end(ap);
	wr_cstr(&w);
	w = wr_init_cut(rs->remedy, sizeof(rs->remedy));
	wr_z(&w, remedy);
	wr_cstr(&w);
}

static void too_many(struct ruleset *rs, const char *things, uint32_t max)
{
	ruleset_incomplete(rs, "", "the firewall has more than %u %s", max,
			   things);
}

/* ---- names ------------------------------------------------------------- */

static uint32_t hash_of(struct str name)
{
	return (uint32_t)hash_add(HASH_BEGIN, name.p, name.n);
}

/* Return: a copy, NULL without room. A NUL ends it: the kernel's names have
 * none. */
static const char *keep_name(struct ruleset *rs, struct str name)
{
	char *at = rs->text + rs->text_n;

	if (name.n >= RULESET_TEXT_MAX - rs->text_n) {
		too_many(rs, "bytes of names", RULESET_TEXT_MAX);
		return NULL;
	}
	if (name.n)
		memcpy(at, name.p, name.n);
	at[name.n] = '\0';
	rs->text_n += (uint32_t)name.n + 1;
	return at;
}

/* ---- adding ------------------------------------------------------------ */

uint32_t ruleset_add_table(struct ruleset *rs, enum ruleset_kind kind,
			   uint8_t family, struct str name)
{
	struct ruleset_table *t = rs->table;
	const char *kept;
	uint32_t i;

	for (i = 0; i < rs->table_n; i++, t++)
		if (t->kind == kind && t->family == family &&
		    str_eq(str_z(t->name), name))
			return i;
	if (i == RULESET_TABLES_MAX) {
		too_many(rs, "tables", RULESET_TABLES_MAX);
		return RULESET_NONE;
	}
	kept = keep_name(rs, name);
	if (!kept)
		return RULESET_NONE;
	*t = (struct ruleset_table){
		.kind = (uint8_t)kind, .family = family, .name = kept,
	};
	rs->table_n++;
	return i;
}

uint32_t ruleset_find_chain(const struct ruleset *rs, uint32_t table,
			    struct str name)
{
	const struct ruleset_chain *c = rs->chain;
	uint32_t hash = hash_of(name);

	for (uint32_t i = 0; i < rs->chain_n; i++, c++)
		if (c->hash == hash && c->table == table &&
		    str_eq(str_z(c->name), name))
			return i;
	return RULESET_NONE;
}

uint32_t ruleset_add_chain(struct ruleset *rs, uint32_t table, struct str name)
{
	uint32_t i = ruleset_find_chain(rs, table, name);
	const char *kept;

	if (i != RULESET_NONE || table == RULESET_NONE)
		return i;
	if (rs->chain_n == RULESET_CHAINS_MAX) {
		too_many(rs, "chains", RULESET_CHAINS_MAX);
		return RULESET_NONE;
	}
	kept = keep_name(rs, name);
	if (!kept)
		return RULESET_NONE;
	rs->chain[rs->chain_n] = (struct ruleset_chain){
		.table = table, .name = kept, .hash = hash_of(name),
		.first = RULESET_NONE, .last = RULESET_NONE, .hook = -1,
	};
	return rs->chain_n++;
}

/* Return: a new rule that is in no list yet */
static uint32_t new_rule(struct ruleset *rs, uint32_t chain, bool ours)
{
	uint32_t max = RULESET_RULES_MAX - (ours ? 0 : RULESET_RULES_OURS);
	uint32_t i = rs->rule_n;

	if (i >= max) {
		too_many(rs, "rules", max);
		return RULESET_NONE;
	}
	rs->rule[i] = (struct ruleset_rule){
		.chain = chain, .next = RULESET_NONE, .cond = rs->cond_n,
		.number = rs->chain[chain].counted, .ours = ours,
		.target = RULESET_NONE, .map = RULESET_NONE,
	};
	rs->open = i;
	return rs->rule_n++;
}

static uint32_t append_rule(struct ruleset *rs, uint32_t chain, bool ours)
{
	struct ruleset_chain *c;
	uint32_t i;

	if (chain == RULESET_NONE)
		return RULESET_NONE;
	c = &rs->chain[chain];
	c->counted++;
	i = new_rule(rs, chain, ours);
	if (i == RULESET_NONE)
		return i;
	if (c->first == RULESET_NONE)
		c->first = i;
	else
		rs->rule[c->last].next = i;
	c->last = i;
	return i;
}

uint32_t ruleset_add_rule(struct ruleset *rs, uint32_t chain)
{
	return append_rule(rs, chain, false);
}

uint32_t ruleset_add_own_rule(struct ruleset *rs, uint32_t chain)
{
	return append_rule(rs, chain, true);
}

uint32_t ruleset_add_rule_after(struct ruleset *rs, uint32_t rule)
{
	struct ruleset_rule *before = &rs->rule[rule];
	struct ruleset_chain *c = &rs->chain[before->chain];
	uint32_t i = new_rule(rs, before->chain, before->ours);

	if (i == RULESET_NONE)
		return i;
	rs->rule[i].number = before->number;
	rs->rule[i].handle = before->handle;
	rs->rule[i].next = before->next;
	before->next = i;
	if (c->last == rule)
		c->last = i;
	return i;
}

void ruleset_redo_rule(struct ruleset *rs, uint32_t rule)
{
	struct ruleset_rule *r = &rs->rule[rule];

	*r = (struct ruleset_rule){
		.chain = r->chain, .next = r->next, .handle = r->handle,
		.number = r->number, .ours = r->ours, .cond = rs->cond_n,
		.target = RULESET_NONE, .map = RULESET_NONE,
	};
	rs->open = rule;
}

/* The conditions of a rule are in a row, so only the open one can get more. */
void ruleset_add_cond(struct ruleset *rs, const struct ruleset_cond *cond)
{
	struct ruleset_rule *r;
	uint32_t max;

	if (rs->open >= rs->rule_n)
		return;
	r = &rs->rule[rs->open];
	max = RULESET_CONDS_MAX - (r->ours ? 0 : RULESET_CONDS_OURS);
	if (r->cond == LOST_COND)
		return;
	if (rs->cond_n >= max) {
		too_many(rs, "conditions", max);
		rs->cond[LOST_COND] = (struct ruleset_cond){
			.set = RULESET_NONE,
		};
		r->cond = LOST_COND;
		r->cond_n = 1;
		return;
	}
	rs->cond[rs->cond_n++] = *cond;
	r->cond_n++;
}

uint32_t ruleset_find_set(const struct ruleset *rs, uint32_t table,
			  struct str name)
{
	const struct ruleset_set *s = rs->set;
	uint32_t hash = hash_of(name);

	for (uint32_t i = 0; i < rs->set_n; i++, s++)
		if (s->hash == hash && s->table == table && *s->name &&
		    str_eq(str_z(s->name), name))
			return i;
	return RULESET_NONE;
}

uint32_t ruleset_add_set(struct ruleset *rs, uint32_t table, struct str name,
			 uint32_t key_len)
{
	const char *kept;

	if (table == RULESET_NONE)
		return RULESET_NONE;
	if (rs->set_n == RULESET_SETS_MAX) {
		too_many(rs, "sets", RULESET_SETS_MAX);
		return RULESET_NONE;
	}
	kept = keep_name(rs, name);
	if (!kept)
		return RULESET_NONE;
	rs->set[rs->set_n] = (struct ruleset_set){
		.table = table, .name = kept, .hash = hash_of(name),
		.key_len = key_len, .known = true,
	};
	return rs->set_n++;
}

void ruleset_forget_elems(struct ruleset *rs, uint32_t set)
{
	struct ruleset_set *s = &rs->set[set];

	if (s->n && s->first + s->n == rs->elem_n)
		rs->elem_n = s->first;
	s->known = false;
	s->n = 0;
}

bool ruleset_add_elem(struct ruleset *rs, uint32_t set,
		      const struct ruleset_elem *elem)
{
	struct ruleset_set *s = &rs->set[set];

	if (!s->known)
		return false;
	if (!s->n)
		s->first = rs->elem_n;
	if (s->n == RULESET_SET_ELEMS_MAX || rs->elem_n == RULESET_ELEMS_MAX ||
	    s->first + s->n != rs->elem_n) {
		if (rs->elem_n == RULESET_ELEMS_MAX)
			too_many(rs, "elements of sets", RULESET_ELEMS_MAX);
		ruleset_forget_elems(rs, set);
		return false;
	}
	rs->elem[rs->elem_n++] = *elem;
	s->n++;
	return true;
}

/* ---- order ------------------------------------------------------------- */

static int order(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int compare_chains(const struct ruleset *rs, uint32_t x, uint32_t y)
{
	const struct ruleset_chain *a = &rs->chain[x], *b = &rs->chain[y];
	const struct ruleset_table *s = &rs->table[a->table];
	const struct ruleset_table *t = &rs->table[b->table];
	int rc = order(a->hook, b->hook);

	if (!rc)
		rc = order(a->priority, b->priority);
	if (!rc)
		rc = order(s->family, t->family);
	if (!rc)
		rc = order(s->kind, t->kind);
	if (!rc)
		rc = strcmp(s->name, t->name);
	return rc ? rc : strcmp(a->name, b->name);
}

/* Insert one after the other: qsort() of some libraries allocates memory. */
void ruleset_sort(struct ruleset *rs)
{
	uint32_t at;

	rs->base_n = 0;
	for (uint32_t i = 0; i < rs->chain_n; i++) {
		if (rs->chain[i].hook < 0 || rs->chain[i].ours)
			continue;
		for (at = rs->base_n++; at > 0; at--) {
			if (compare_chains(rs, rs->base[at - 1], i) <= 0)
				break;
			rs->base[at] = rs->base[at - 1];
		}
		rs->base[at] = i;
	}
}

/* ---- packing ----------------------------------------------------------- */

/* Move a list down to @to, which lies behind the list before. */
static void *move(char **to, const void *list, size_t n, size_t size)
{
	char *at = *to;

	memmove(at, list, n * size);
	*to += (n * size + 15) / 16 * 16;
	return at;
}

#define MOVE(to, rs, list) \
	((rs)->list = move(to, (rs)->list, (rs)->list##_n, sizeof(*(rs)->list)))

/* Each list begins in a page of its own, and most lists are short. */
void ruleset_pack(struct ruleset *rs)
{
	struct arena *a = (void *)rs;
	const char *text = rs->text;
	char *to = (char *)a->table;

	MOVE(&to, rs, table);
	MOVE(&to, rs, chain);
	MOVE(&to, rs, rule);
	MOVE(&to, rs, cond);
	MOVE(&to, rs, set);
	MOVE(&to, rs, elem);
	MOVE(&to, rs, base);
	MOVE(&to, rs, text);
	for (uint32_t i = 0; i < rs->table_n; i++)
		rs->table[i].name = rs->text + (rs->table[i].name - text);
	for (uint32_t i = 0; i < rs->chain_n; i++)
		rs->chain[i].name = rs->text + (rs->chain[i].name - text);
	for (uint32_t i = 0; i < rs->set_n; i++)
		rs->set[i].name = rs->text + (rs->set[i].name - text);
	mem_release(to, (size_t)((char *)(a + 1) - to));
}

void *ruleset_buffer(struct ruleset *rs, size_t *ret_n)
{
	struct arena *a = (void *)rs;

	*ret_n = sizeof(a->buffer);
	return a->buffer;
}

/* ---- text -------------------------------------------------------------- */

static void put_name(struct wr *w, const char *name)
{
	for (; *name; name++)
		wr_ch(w, *name > ' ' && *name <= '~' ? *name : '?');
}

void ruleset_chain_name(const struct ruleset *rs, uint32_t chain,
			struct wr *w)
{
	const struct ruleset_chain *c = &rs->chain[chain];
	const struct ruleset_table *t = &rs->table[c->table];
	bool ip6 = t->family == NFPROTO_IPV6;

	if (t->kind == RULESET_NATIVE) {
		wr_z(w, t->family == NFPROTO_INET ? "inet " :
			ip6 ? "ip6 " : "ip ");
		put_name(w, t->name);
		wr_ch(w, ' ');
		put_name(w, c->name);
		return;
	}
	wr_z(w, ip6 ? "ip6tables " : "iptables ");
	put_name(w, c->name);
	wr_z(w, " of ");
	put_name(w, t->name);
}
