/* SPDX-License-Identifier: ISC */
/*
 * nl_pinhole.c - our table of IPv6.
 *
 * Never does: delete the element of a pinhole that stays.
 * Runs in: any
 */
#include <errno.h>
#include "natfw/nl_pinhole.h"
#include "natfw/nl_rule.h"
#include "natfw/table.h"

unsigned nl_pinhole_sets(const struct natfw *fw)
{
	unsigned sets = 0;

	for (size_t i = 0; i < table_pinholes(fw); i++)
		sets |= 1u << nl_map_pinhole(&fw->pinholes.rule[i]);
	return sets;
}

static const struct nl_map *set_of(unsigned i)
{
	return &nl_map_table[NL_MAP_PINHOLE + i];
}

/* The chain has no rules. */
static void put_sets(struct nfnl_batch *b, const struct natfw *fw,
		     unsigned new, unsigned all)
{
	for (unsigned i = 0; i < NL_MAP_PINHOLES; i++)
		if (new & 1u << i)
			nl_rule_put_set(b, &nl_map_own6, set_of(i), true);
	for (unsigned i = 0; i < NL_MAP_PINHOLES; i++)
		if (all & 1u << i)
			nl_rule_put_count6(b, &fw->env, set_of(i));
}

void nl_pinhole_add(struct nfnl_batch *b, const struct natfw *fw, unsigned old,
		    unsigned new)
{
	nl_rule_put_own6(b);
	put_sets(b, fw, new, old | new);
}

/* The elements of a set that are read, to delete some. */
struct old {
	struct nfnl_batch *b;
	const struct natfw *fw;
	const struct nl_map *map;
};

static void delete_old(void *arg, const struct nat_rule *r)
{
	const struct old *old = arg;
	const struct nfnl_set set = { nl_map_own6.family, nl_map_own6.name,
				      old->map->name };
	struct nfnl_value key;

	if (table_find(old->fw, r))
		return;
	key = nl_map_key(old->map, &old->fw->env, r);
	nfnl_elem(old->b, NFNL_DEL, &set, &key, NULL);
}

static int change(struct nfnl_batch *b, struct nl_list_sock *sock,
		  const struct natfw *fw, unsigned sets, unsigned have)
{
	struct old old = { .b = b, .fw = fw };
	int rc;

	nl_rule_put_own6(b);
	put_sets(b, fw, sets & ~have, sets);
	for (unsigned i = 0; i < NL_MAP_PINHOLES; i++) {
		if (!(have & 1u << i))
			continue;
		old.map = set_of(i);
		if (!(sets & 1u << i)) {
			nl_rule_delete_set(b, &nl_map_own6, old.map->name);
			continue;
		}
		rc = nl_list_pinholes(sock, old.map, delete_old, &old);
		if (rc && rc != -EINTR)
			return rc;
	}
	return 0;
}

int nl_pinhole_sync(struct nfnl_batch *b, struct nl_list_sock *sock,
		    const struct natfw *fw, unsigned sets,
		    enum nl_pinhole_how how)
{
	struct nl_list_own6 have;
	int rc = nl_list_own6(sock, &have);

	if (rc && rc != -EINTR)
		return rc;
	if (how == NL_PINHOLE_OMIT)
		sets = 0;
	if (sets && have.exists && !have.strange && how == NL_PINHOLE_CHANGE)
		return change(b, sock, fw, sets, have.sets);
	if (have.exists)
		nl_rule_delete_table(b, &nl_map_own6);
	if (sets)
		nl_pinhole_add(b, fw, 0, sets);
	return 0;
}
