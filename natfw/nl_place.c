/* SPDX-License-Identifier: ISC */
/*
 * nl_place.c - compares our rules in the model with the places that need them.
 * Pure.
 * Runs in: any
 */
#include <string.h>
#include "base/str.h"
#include "natfw/nl_place.h"

/* ---- tables -------------------------------------------------------- */

bool nl_place_table(const struct ruleset *rs, uint32_t table,
		    struct nl_table *ret)
{
	const struct ruleset_table *t = &rs->table[table];

	ret->family = nfnl_family_name(t->family);
	return ret->family &&
	       str_copy(ret->name, sizeof(ret->name), str_z(t->name));
}

static uint32_t table_of(const struct ruleset *rs, const struct place *p)
{
	return rs->chain[p->chain].table;
}

static bool is_native(const struct ruleset *rs, const struct place *p)
{
	return rs->table[table_of(rs, p)].kind == RULESET_NATIVE;
}

const struct nl_table *nl_place_in(const struct ruleset *rs,
				   const struct place *p,
				   const struct nl_place_tables *tables)
{
	for (size_t i = 0; i < tables->n; i++)
		if (tables->index[i] == table_of(rs, p))
			return &tables->at[i];
	return NULL;
}

void nl_place_tables(const struct natfw *fw,
		     const bool without[RULESET_TABLES_MAX],
		     struct nl_place_tables *ret)
{
	const struct places *places = fw->places;
	uint32_t table;

	ret->n = 0;
	for (size_t p = 0; p < places->n; p++) {
		table = table_of(fw->rules, &places->at[p]);
		if (!is_native(fw->rules, &places->at[p]) || without[table] ||
		    nl_place_in(fw->rules, &places->at[p], ret) ||
		    !nl_place_table(fw->rules, table, &ret->at[ret->n]))
			continue;
		ret->index[ret->n++] = table;
	}
}

/* ---- our rules ----------------------------------------------------- */

static bool may_change(const struct ruleset *rs, uint32_t table)
{
	return rs->table[table].kind != RULESET_IPT_LEGACY &&
	       !rs->table[table].owner;
}

/* The jumps of iptables, which are ours as well, have another verdict. */
bool nl_place_is_old(const struct ruleset *rs, const struct ruleset_rule *r)
{
	const struct ruleset_chain *c = &rs->chain[r->chain];

	return r->ours && r->handle && r->verdict == RULESET_ACCEPT &&
	       !c->ours && may_change(rs, c->table);
}

/* The model has no sets of our own table. */
bool nl_place_is_old_set(const struct ruleset *rs,
			 const struct ruleset_set *set)
{
	return set->ours && may_change(rs, set->table);
}

/* ---- comparing ----------------------------------------------------- */

/* The rule's condition on that field. @set: a lookup whose key begins with it
 */
static const struct ruleset_cond *cond_on(const struct ruleset *rs,
					  const struct ruleset_rule *r,
					  uint8_t field, bool set)
{
	const struct ruleset_cond *c = &rs->cond[r->cond];

	for (uint32_t i = 0; i < r->cond_n; i++)
		if (set ? c[i].op == RULESET_IN_SET && c[i].part[0] == field :
			  c[i].op != RULESET_IN_SET && c[i].field == field)
			return &c[i];
	return NULL;
}

/* Is it the condition for this name? @name: "": there should be none */
static bool has_name(const struct ruleset_cond *c, const char *name,
		     bool negate)
{
	char whole[IF_NAMESIZE] = "";

	if (!*name)
		return !c;
	memcpy(whole, name, strnlen(name, sizeof(whole) - 1));
	return c && c->op == RULESET_MASK && c->negate == negate &&
	       !memcmp(c->value, whole, sizeof(whole));
}

static bool fits_interfaces(const struct natfw *fw,
			    const struct ruleset_rule *r,
			    const struct place *p, bool to)
{
	const struct ruleset_cond *in, *out;

	in = cond_on(fw->rules, r, RULESET_IIFNAME, false);
	out = cond_on(fw->rules, r, RULESET_OIFNAME, false);
	if (!to)
		return has_name(in, p->ifname, false) && !out;
	return has_name(out, p->ifname, false) &&
	       has_name(in, p->hairpin ? fw->env.ext_if : "", true);
}

/* Is it the rule for packets to (or from) the clients of this place? */
static bool fits(const struct natfw *fw, const struct ruleset_rule *r,
		 const struct place *p, bool to)
{
	const struct ruleset *rs = fw->rules;
	const struct ruleset_cond *c = cond_on(rs, r, RULESET_L4PROTO, false);

	return nl_place_is_old(rs, r) &&
	       cond_on(rs, r, to ? RULESET_DADDR : RULESET_SADDR, true) &&
	       (p->proto ? c && c->value[0] == p->proto : !c) &&
	       fits_interfaces(fw, r, p, to);
}

/* Is it among our rules that stand directly before the place's rule? */
static bool stands(const struct natfw *fw, const struct place *p, bool to)
{
	const struct ruleset *rs = fw->rules;
	uint32_t at = rs->chain[p->chain].first;
	bool found = false;

	for (; at != p->before && at != RULESET_NONE; at = rs->rule[at].next) {
		if (!rs->rule[at].ours)
			found = false;
		else if (fits(fw, &rs->rule[at], p, to))
			found = true;
	}
	return found;
}

static bool has_place(const struct natfw *fw, uint32_t table)
{
	for (size_t i = 0; i < fw->places->n; i++)
		if (table_of(fw->rules, &fw->places->at[i]) == table)
			return true;
	return false;
}

/* A rule that is not ours in between ends a run of ours, so if each is found
 * and there are no more, each stands where it belongs. */
bool nl_place_right(const struct natfw *fw, const struct natfw_writer *w)
{
	const struct ruleset *rs = fw->rules;
	size_t want = 0, is = 0;

	for (size_t i = 0; i < fw->places->n; i++) {
		const struct place *p = &fw->places->at[i];

		if (!is_native(rs, p))
			continue;
		if ((p->to && !stands(fw, p, true)) ||
		    (p->from && !stands(fw, p, false)))
			return false;
		want += (size_t)p->to + p->from;
	}
	for (uint32_t i = 0; i < rs->rule_n; i++)
		is += nl_place_is_old(rs, &rs->rule[i]);
	for (uint32_t i = 0; i < rs->set_n; i++)
		if (nl_place_is_old_set(rs, &rs->set[i]) &&
		    !has_place(fw, rs->set[i].table))
			return false;
	return is == want;
}
