/* SPDX-License-Identifier: ISC */
/*
 * nl_foreign.c - our rules and sets in foreign nf_tables tables.
 *
 * Never does: touch rules and sets of others.
 * Runs in: any
 */
#include "natfw/nl_foreign.h"
#include "natfw/nl_rule.h"

void nl_foreign_clean(struct nfnl_batch *b, const struct ruleset *rs,
		      const bool without[RULESET_TABLES_MAX])
{
	struct nl_table t;

	for (uint32_t i = 0; i < rs->rule_n; i++) {
		const struct ruleset_rule *r = &rs->rule[i];
		const struct ruleset_chain *c = &rs->chain[r->chain];

		if (nl_place_is_old(rs, r) && !without[c->table] &&
		    nl_place_table(rs, c->table, &t))
			nl_rule_delete(b, &t, c->name, r->handle);
	}
	for (uint32_t i = 0; i < rs->set_n; i++) {
		const struct ruleset_set *set = &rs->set[i];

		if (nl_place_is_old_set(rs, set) && !without[set->table] &&
		    nl_place_table(rs, set->table, &t))
			nl_rule_delete_set(b, &t, set->name);
	}
}

static void put_sets(struct nfnl_batch *b, const struct nl_place_tables *tables,
		     size_t t, const struct nl_foreign *what)
{
	if (what->mappings && tables->ip4[t])
		nl_rule_put_set(b, &tables->at[t],
				&nl_map_table[NL_MAP_ACCEPT], false);
	for (unsigned i = 0; i < NL_MAP_PINHOLES && tables->ip6[t]; i++)
		if (what->pinholes & 1u << i)
			nl_rule_put_set(b, &tables->at[t],
					&nl_map_table[NL_MAP_PINHOLE + i],
					false);
}

static void put_rules(struct nfnl_batch *b, const struct natfw *fw,
		      const struct nl_rule_spot *at,
		      const struct nl_foreign *what)
{
	const bool ip6 = at->place->family == ADDR_IP6;

	if (what->mappings && !ip6)
		nl_rule_put_accept(b, &fw->env, at,
				   &nl_map_table[NL_MAP_ACCEPT]);
	for (unsigned i = 0; i < NL_MAP_PINHOLES && ip6; i++)
		if (what->pinholes & 1u << i)
			nl_rule_put_accept(b, &fw->env, at,
					   &nl_map_table[NL_MAP_PINHOLE + i]);
}

void nl_foreign_put(struct nfnl_batch *b, const struct natfw *fw,
		    const struct nl_place_tables *tables,
		    const struct nl_foreign *what)
{
	const struct ruleset *rs = fw->rules;

	for (size_t t = 0; t < tables->n; t++)
		put_sets(b, tables, t, what);
	for (size_t i = 0; i < fw->places->n; i++) {
		const struct place *p = &fw->places->at[i];
		const struct nl_rule_spot at = {
			.table = nl_place_in(rs, p, tables),
			.chain = rs->chain[p->chain].name,
			.before = p->before == RULESET_NONE ? 0 :
				  rs->rule[p->before].handle,
			.place = p,
		};

		if (at.table)
			put_rules(b, fw, &at, what);
	}
}
