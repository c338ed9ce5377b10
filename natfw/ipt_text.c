/* SPDX-License-Identifier: ISC */
/*
 * ipt_text.c - writes the steps, with the rules, ops, leaves and jumps in them.
 * Runs in: monitor
 */
#include "base/wr.h"
#include "natfw/backend.h"
#include "natfw/ipt_leaf.h"
#include "natfw/ipt_text.h"
#include "natfw/table.h"

/* ---- rules and ops ------------------------------------------------------- */

/* Write the verb, the leaf of the rule, and the rule. @place: its number in the
 * leaf; 0: none is written */
static void put_in_leaf(const struct ipt_text *t, struct wr *w,
			const char *verb, const struct nat_rule *r,
			size_t place)
{
	enum ipt_chain chain = t->step->chain;

	wr_fmt(w, "%s ", verb);
	ipt_leaf_name(w, chain, ipt_leaf_of(chain, r));
	if (place)
		wr_fmt(w, " %zu", place);
	ipt_rule_specs[chain].put(w, &t->fw->env, r);
}

/* The number of rules with a remote port in the leaf of @r: its first ones. */
static size_t ports_in_leaf(const struct ipt_text *t, const struct nat_rule *r)
{
	const enum ipt_chain chain = t->step->chain;
	const unsigned leaf = ipt_leaf_of(chain, r);
	const struct natfw_table *table = &t->fw->mappings;
	size_t n = 0;

	for (size_t i = 0; i < table->rule_n; i++)
		n += table->rule[i].remote_port &&
		     ipt_leaf_of(chain, &table->rule[i]) == leaf;
	return n;
}

/* A rule that matches more closely comes first in DNAT: those with a remote
 * port, those with a remote host only, those for any host. The batch has not
 * yet changed a rule with a remote port when it puts one without. */
static void put_set(const struct ipt_text *t, struct wr *w,
		    const struct nat_rule *r)
{
	size_t before = 0;

	if (t->step->chain != IPT_DNAT || !addr_is_set(r->remote)) {
		put_in_leaf(t, w, "-A", r, 0);
		return;
	}
	if (!r->remote_port)
		before = ports_in_leaf(t, r);
	put_in_leaf(t, w, "-I", r, before ? before + 1 : 0);
}

static void put_op(const struct ipt_text *t, struct wr *w,
		   const struct nat_op *op)
{
	const struct nat_rule *old = table_find(t->fw, &op->rule);

	if (op->rule.kind != ipt_rule_specs[t->step->chain].kind)
		return;
	if (old)
		put_in_leaf(t, w, "-D", old, 0);
	if (op->verb == NAT_SET)
		put_set(t, w, &op->rule);
}

/* ---- jumps --------------------------------------------------------------- */

/* Delete it by its exact text. */
static void put_old_jump(const struct ipt_text *t, struct wr *w, size_t i)
{
	const struct ipt_list_jump *j = &t->found->jump[i];

	if (j->table == ipt_rule_specs[t->step->chain].table)
		wr_fmt(w, "-D %.*s\n", (int)j->len, t->found->text + j->text);
}

static void put_jump(const struct ipt_text *t, struct wr *w, size_t i)
{
	const struct ipt_jump *j = &t->jumps->at[i];

	if (j->end)
		wr_fmt(w, "-A %s", j->chain);
	else
		wr_fmt(w, "-I %s %u", j->chain,
		       (unsigned)ipt_jump_number(t->jumps, i));
	ipt_jump_put(w, j);
	wr_ch(w, '\n');
}

/* ---- pinholes that stay or go -------------------------------------------- */

/* Is the leaf written from the beginning, or not at all? */
static bool is_reset(const struct ipt_text *t, unsigned leaf)
{
	return t->redo || ipt_leaf_has(&t->found->redo, t->step->chain, leaf) ||
	       !ipt_leaf_has(&t->leaves, t->step->chain, leaf);
}

static void put_stale(const struct ipt_text *t, struct wr *w, size_t i)
{
	const struct ipt_list_stale *s = &t->found->stale[i];

	if (!is_reset(t, s->leaf))
		wr_fmt(w, "-D %.*s\n", (int)s->len,
		       t->found->stale_text + s->text);
}

static bool stands(const struct ipt_text *t, size_t i)
{
	return t->stands && t->stands[i] &&
	       !is_reset(t, ipt_leaf_of(t->step->chain, &t->rule[i]));
}

/* ---- steps --------------------------------------------------------------- */

static size_t item_n(const struct ipt_text *t)
{
	switch (t->step->of) {
	case IPT_OF_LEAVES:
		return IPT_LEAVES;
	case IPT_OF_NETS:
		return t->fw->env.net_n;
	case IPT_OF_OLD_JUMPS:
		return t->found->jump_n;
	case IPT_OF_JUMPS:
		return t->jumps->n;
	case IPT_OF_STALE:
		return t->found->stale_n;
	default:
		return t->n;
	}
}

static void put_item(const struct ipt_text *t, struct wr *w, size_t i)
{
	switch (t->step->of) {
	case IPT_OF_RULES:
		if (!stands(t, i) &&
		    (!t->step->wants || t->step->wants(&t->rule[i])))
			put_in_leaf(t, w, "-A", &t->rule[i], 0);
		break;
	case IPT_OF_OPS:
		if (!t->step->wants || t->step->wants(&t->op[i].rule))
			put_op(t, w, &t->op[i]);
		break;
	case IPT_OF_LEAVES:
	case IPT_OF_NETS:
		t->step->leaf(t, w, (unsigned)i);
		break;
	case IPT_OF_OLD_JUMPS:
		put_old_jump(t, w, i);
		break;
	case IPT_OF_JUMPS:
		put_jump(t, w, i);
		break;
	case IPT_OF_STALE:
		put_stale(t, w, i);
		break;
	case IPT_OF_NONE:
		break;
	}
}

static bool is_end(const struct ipt_text_step *step)
{
	return !step->text && !step->head && !step->of;
}

void ipt_text_add(struct ipt_text *t, const struct ipt_text_step *list)
{
	t->part[t->part_n++] = list;
}

/* How many more entries a line makes. A batch writes no other verbs. */
static int entries_of(struct str line)
{
	switch (line.n > 1 && *line.p == '-' ? line.p[1] : 0) {
	case 'A':
	case 'I':
		return 1;
	case 'D':
		return -1;
	case 'N':
		return 2;
	case 'X':
		return -2;
	default:
		return 0;
	}
}

static void count_entries(struct ipt_text *t, struct str text)
{
	struct str line;

	while (str_cut(&text, '\n', &line))
		t->entries += entries_of(line);
}

bool ipt_text_piece(void *arg, struct wr *w)
{
	struct ipt_text *t = arg;
	const struct ipt_text_step *step;
	const size_t from = w->len;

	while (!t->step || is_end(t->step)) {
		if (t->part_i == t->part_n)
			return false;
		t->step = t->part[t->part_i++];
	}
	step = t->step;
	if (!t->i && step->text)
		wr_z(w, step->text);
	if (!t->i && step->head)
		step->head(t, w);
	if (t->i)
		put_item(t, w, t->i - 1);
	count_entries(t, str_skip(wr_done(w), from));
	if (step->of == IPT_OF_NONE || ++t->i > item_n(t)) {
		t->step++;
		t->i = 0;
	}
	return true;
}

/* ---- leaves -------------------------------------------------------------- */

static bool wanted(const struct ipt_text *t, unsigned leaf)
{
	return ipt_leaf_has(&t->leaves, t->step->chain, leaf);
}

static bool found(const struct ipt_text *t, unsigned leaf)
{
	return ipt_leaf_has(&t->found->leaves, t->step->chain, leaf);
}

void ipt_text_declare_leaf(const struct ipt_text *t, struct wr *w,
			   unsigned leaf)
{
	if (!wanted(t, leaf) && !found(t, leaf))
		return;
	wr_ch(w, ':');
	ipt_leaf_name(w, t->step->chain, leaf);
	wr_z(w, " - [0:0]\n");
}

void ipt_text_change_leaf(const struct ipt_text *t, struct wr *w, unsigned leaf)
{
	if (!found(t, leaf) || is_reset(t, leaf))
		ipt_text_declare_leaf(t, w, leaf);
}

void ipt_text_jump_to_leaf(const struct ipt_text *t, struct wr *w,
			   unsigned leaf)
{
	if (!wanted(t, leaf))
		return;
	wr_fmt(w, "-A %s", ipt_rule_specs[t->step->chain].chain);
	ipt_leaf_jump(w, t->step->chain, leaf);
}

static void put_x(struct wr *w, enum ipt_chain chain, unsigned leaf)
{
	wr_z(w, "-X ");
	ipt_leaf_name(w, chain, leaf);
	wr_ch(w, '\n');
}

void ipt_text_drop_leaf(const struct ipt_text *t, struct wr *w, unsigned leaf)
{
	if (wanted(t, leaf) || !found(t, leaf))
		return;
	put_x(w, t->step->chain, leaf);
}

/* Put the jump before the masquerade rules, and after the guard and the rules
 * before it. Without masquerade rules append it: to insert in the middle, the
 * nft variant first reads all rules of the table. */
static size_t place_of_jump(const struct natfw_env *env, enum ipt_chain chain)
{
	size_t place = 2;

	if (chain != IPT_SNAT || !env->masquerade)
		return 0;
	for (size_t i = 0; i < env->net_n; i++)
		for (size_t k = 0; k < env->net_n; k++)
			place += backend_hairpin(env, i, k);
	return place;
}

/* Uses -N, because a declaration empties a chain that exists. */
void ipt_text_make_leaf(const struct ipt_text *t, struct wr *w, unsigned leaf)
{
	enum ipt_chain chain = t->step->chain;
	size_t place = place_of_jump(&t->fw->env, chain);

	if (!wanted(t, leaf))
		return;
	wr_z(w, "-N ");
	ipt_leaf_name(w, chain, leaf);
	if (place)
		wr_fmt(w, "\n-I %s %u", ipt_rule_specs[chain].chain,
		       (unsigned)place);
	else
		wr_fmt(w, "\n-A %s", ipt_rule_specs[chain].chain);
	ipt_leaf_jump(w, chain, leaf);
}

/* The tool refuses to delete a chain in which somebody else has put a rule. */
void ipt_text_unmake_leaf(const struct ipt_text *t, struct wr *w, unsigned leaf)
{
	enum ipt_chain chain = t->step->chain;

	if (!ipt_leaf_has(&t->left, chain, leaf))
		return;
	wr_fmt(w, "-D %s", ipt_rule_specs[chain].chain);
	ipt_leaf_jump(w, chain, leaf);
	put_x(w, chain, leaf);
}
