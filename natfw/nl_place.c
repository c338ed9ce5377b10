/* SPDX-License-Identifier: ISC */
/*
 * nl_place.c - compares our rules in the model with the places that need them.
 * Pure.
 * Runs in: any
 */
#include <string.h>
#include "base/str.h"
#include "natfw/backend.h"
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

/* By name, because the model may have been read again since @tables was made.
 * Return: its index; tables->n if it is not among them */
static size_t index_in(const struct ruleset *rs, const struct place *p,
		       const struct nl_place_tables *tables)
{
	const struct ruleset_table *t = &rs->table[table_of(rs, p)];
	size_t i = 0;

	while (i < tables->n &&
	       (nfnl_family(tables->at[i].family) != t->family ||
		strcmp(tables->at[i].name, t->name) != 0))
		i++;
	return i;
}

const struct nl_table *nl_place_in(const struct ruleset *rs,
				   const struct place *p,
				   const struct nl_place_tables *tables)
{
	size_t i = index_in(rs, p, tables);

	return is_native(rs, p) && i < tables->n ? &tables->at[i] : NULL;
}

void nl_place_tables(const struct natfw *fw,
		     const bool without[RULESET_TABLES_MAX],
		     struct nl_place_tables *ret)
{
	const struct places *places = fw->places;
	uint32_t table;
	size_t i;

	ret->n = 0;
	for (size_t p = 0; p < places->n; p++) {
		const struct place *place = &places->at[p];

		table = table_of(fw->rules, place);
		if (!is_native(fw->rules, place) || without[table])
			continue;
		i = index_in(fw->rules, place, ret);
		if (i == ret->n) {
			if (!nl_place_table(fw->rules, table, &ret->at[i]))
				continue;
			ret->ip4[i] = ret->ip6[i] = false;
			ret->n++;
		}
		if (place->family == ADDR_IP6)
			ret->ip6[i] = true;
		else
			ret->ip4[i] = true;
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

/* The rule's condition on that field, or NULL. */
static const struct ruleset_cond *cond_on(const struct ruleset *rs,
					  const struct ruleset_rule *r,
					  uint8_t field)
{
	const struct ruleset_cond *c = &rs->cond[r->cond];

	for (uint32_t i = 0; i < r->cond_n; i++)
		if (c[i].op != RULESET_IN_SET && c[i].field == field)
			return &c[i];
	return NULL;
}

/* Does it look up the set, with a key that begins with that field? */
static bool looks_up(const struct ruleset *rs, const struct ruleset_rule *r,
		     const struct nl_map *set, uint8_t field)
{
	const struct ruleset_cond *c = &rs->cond[r->cond];

	for (uint32_t i = 0; i < r->cond_n; i++)
		if (c[i].op == RULESET_IN_SET && c[i].part[0] == field &&
		    !strcmp(rs->set[c[i].set].name, set->name))
			return true;
	return false;
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

	in = cond_on(fw->rules, r, RULESET_IIFNAME);
	out = cond_on(fw->rules, r, RULESET_OIFNAME);
	if (!to)
		return has_name(in, p->ifname, false) && !out;
	if (!has_name(out, p->ifname, false))
		return false;
	if (p->family == ADDR_IP6)
		return has_name(in, backend_ext_if(&fw->env, ADDR_IP6), false);
	return has_name(in, p->hairpin ? fw->env.ext_if : "", true);
}

/* One of the rules that a place needs. */
struct want {
	const struct place *place;
	const struct nl_map *set;
	bool to;		/* for packets to clients, else from them */
};

static bool fits(const struct natfw *fw, const struct ruleset_rule *r,
		 const struct want *w)
{
	const struct ruleset *rs = fw->rules;
	const struct ruleset_cond *c = cond_on(rs, r, RULESET_L4PROTO);
	const struct place *p = w->place;

	return nl_place_is_old(rs, r) &&
	       looks_up(rs, r, w->set,
			w->to ? RULESET_DADDR : RULESET_SADDR) &&
	       (p->proto ? c && c->value[0] == p->proto : !c) &&
	       fits_interfaces(fw, r, p, w->to);
}

/* Is it among our rules that stand directly before the place's rule? */
static bool stands(const struct natfw *fw, const struct want *w)
{
	const struct ruleset *rs = fw->rules;
	const struct place *p = w->place;
	uint32_t at = rs->chain[p->chain].first;
	bool found = false;

	for (; at != p->before && at != RULESET_NONE; at = rs->rule[at].next) {
		if (!rs->rule[at].ours)
			found = false;
		else if (fits(fw, &rs->rule[at], w))
			found = true;
	}
	return found;
}

/* Count the rules that the place needs for that set. Return: 0 if one of them
 * does not stand there */
static size_t count_for_set(const struct natfw *fw, const struct place *p,
			    const struct nl_map *set)
{
	struct want w = { p, set, .to = true };

	if (p->to && !stands(fw, &w))
		return 0;
	w.to = false;
	if (p->from && !stands(fw, &w))
		return 0;
	return (size_t)p->to + p->from;
}

/* Are all rules of the place there? @want: their number is added */
static bool is_complete(const struct natfw *fw, const struct place *p,
			unsigned pinholes, size_t *want)
{
	const struct nl_map *set = &nl_map_table[NL_MAP_ACCEPT];
	size_t n;

	if (p->family != ADDR_IP6) {
		n = count_for_set(fw, p, set);
		*want += n;
		return n;
	}
	for (unsigned i = 0; i < NL_MAP_PINHOLES; i++) {
		if (!(pinholes & 1u << i))
			continue;
		n = count_for_set(fw, p, &nl_map_table[NL_MAP_PINHOLE + i]);
		if (!n)
			return false;
		*want += n;
	}
	return true;
}

/* Does a place in that table need this set? */
static bool is_wanted(const struct natfw *fw, const struct ruleset_set *set,
		      unsigned pinholes)
{
	bool is = false;

	for (size_t i = 0; !is && i < fw->places->n; i++) {
		const struct place *p = &fw->places->at[i];

		if (table_of(fw->rules, p) != set->table)
			continue;
		if (p->family != ADDR_IP6)
			is = !strcmp(set->name, RULESET_OWN_SET);
		for (unsigned k = 0; p->family == ADDR_IP6 &&
		     k < NL_MAP_PINHOLES; k++)
			is |= pinholes & 1u << k &&
			      !strcmp(set->name,
				      nl_map_table[NL_MAP_PINHOLE + k].name);
	}
	return is;
}

/* A rule that is not ours in between ends a run of ours, so if each is found
 * and there are no more, each stands where it belongs. */
bool nl_place_right(const struct natfw *fw, unsigned pinholes)
{
	const struct ruleset *rs = fw->rules;
	size_t want = 0, is = 0;

	for (size_t i = 0; i < fw->places->n; i++)
		if (is_native(rs, &fw->places->at[i]) &&
		    !is_complete(fw, &fw->places->at[i], pinholes, &want))
			return false;
	for (uint32_t i = 0; i < rs->rule_n; i++)
		is += nl_place_is_old(rs, &rs->rule[i]);
	for (uint32_t i = 0; i < rs->set_n; i++)
		if (nl_place_is_old_set(rs, &rs->set[i]) &&
		    !is_wanted(fw, &rs->set[i], pinholes))
			return false;
	return is == want;
}
