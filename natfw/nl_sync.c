/* SPDX-License-Identifier: ISC */
/*
 * nl_sync.c - makes the kernel hold exactly what the tables of rules want, in one
 * transaction.
 * Runs in: any
 */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include "natfw/nl_foreign.h"
#include "natfw/nl_pinhole.h"
#include "natfw/nl_rule.h"
#include "natfw/nl_state.h"
#include "natfw/nl_sync.h"
#include "natfw/nl_why.h"

struct sync {
	struct natfw *fw;
	struct natfw_writer *w;
	const struct nat_rule *rule;
	size_t n;
	bool count;			/* elements have counters */
	bool keep;			/* the rules in foreign chains stay as
					 * they are */
	enum nl_pinhole_how how;	/* our table of IPv6 */
	bool refused[RULESET_TABLES_MAX];	/* by the kernel */
	int refused_rc;			/* why, or 0 */
};

/* @set: its names live until the commit */
static void put_element(void *batch, const struct nfnl_set *set,
			const struct nfnl_value *key,
			const struct nfnl_value *value)
{
	nfnl_elem(batch, NFNL_ADD, set, key, value->n ? value : NULL);
}

static void put_flush(void *batch, const struct nl_table *t,
		      const struct nl_map *map)
{
	if (t != &nl_map_own && t != &nl_map_own6)
		nl_rule_flush_set(batch, t, map->name);
}

/* Return: 0, or -errno: our table of IPv6 could not be read */
static int put_all(struct nfnl_batch *b, const struct sync *s)
{
	struct nl *st = s->w->own;
	const struct nl_foreign all = { true, st->pinholes };
	struct nl_state_elements elements = {
		s->fw, s->rule, s->n, put_element, b,
	};
	int rc;

	if (!s->keep)
		nl_foreign_clean(b, s->fw->rules, s->refused);
	if (s->w->translates)
		nl_rule_put_table(b, &nl_map_own, &s->fw->env, s->count);
	else
		nl_rule_delete_table(b, &nl_map_own);
	if (st->from)
		nl_rule_put_from(b, &s->fw->env, 0, st->from);
	rc = nl_pinhole_sync(b, &st->sock, s->fw,
			     s->w->translates ? st->pinholes : 0, s->how);
	if (rc)
		return rc;
	if (!s->keep)
		nl_foreign_put(b, s->fw, &st->tables, &all);
	else
		nl_state_each_set(s->w, put_flush, b);
	nl_state_each_set(s->w, nl_state_elements_of, &elements);
	return 0;
}

/* The table of the model that the message is about; RULESET_NONE: it is ours,
 * or none. */
static uint32_t foreign_table(const struct ruleset *rs,
			      const struct nlmsghdr *h, struct nl_table *ret)
{
	struct nl_table t;

	if (!h || !nl_rule_table(h, ret) ||
	    nl_state_same_table(ret, &nl_map_own) ||
	    nl_state_same_table(ret, &nl_map_own6))
		return RULESET_NONE;
	for (uint32_t i = 0; i < rs->table_n; i++)
		if (rs->table[i].kind != RULESET_IPT_LEGACY &&
		    nl_place_table(rs, i, &t) && nl_state_same_table(&t, ret))
			return i;
	return RULESET_NONE;
}

/* The kernel refused our table of IPv6. It may be another one than we make: of
 * another version, or changed by somebody. If it has no such tables at all,
 * pinholes work without counters. Return: as failed() */
static int failed_own6(struct sync *s, const struct nfnl_batch *b, int err)
{
	if (s->how == NL_PINHOLE_CHANGE)
		s->how = NL_PINHOLE_REMAKE;
	else if (s->how == NL_PINHOLE_REMAKE &&
		 (nl_why_is_missing(err) || err == -EAFNOSUPPORT))
		s->how = NL_PINHOLE_OMIT;
	else
		return nl_why_batch(s->fw, b, err);
	return 1;
}

/* Return: 1: try again, without what failed; -ESTALE: a rule, chain or table
 * has gone since the rules were read; other -errno */
static int failed(struct sync *s, const struct nfnl_batch *b, int err)
{
	const struct nlmsghdr *h = nl_why_message(b);
	struct nl_table table;
	uint32_t t = foreign_table(s->fw->rules, h, &table);

	if (h && nl_rule_table(h, &table) &&
	    nl_state_same_table(&table, &nl_map_own6))
		return failed_own6(s, b, err);
	/* our set there has gone, or its table */
	if (s->keep && h && nl_rule_table(h, &table) &&
	    !nl_state_same_table(&table, &nl_map_own)) {
		s->keep = false;
		return 1;
	}
	if (t == RULESET_NONE) {
		if (!s->count || !nl_why_is_missing(err))
			return nl_why_batch(s->fw, b, err);
		s->count = false;	/* nft_counter may be missing */
		return 1;
	}
	if (err == -ENOENT && !nl_rule_module(h, b->fault_at))
		return -ESTALE;
	if (s->refused[t])
		return nl_why_batch(s->fw, b, err);
	s->refused_rc = nl_why_table(s->fw, h, &table, err);
	s->refused[t] = true;
	return 1;
}

static unsigned from_maps(const struct sync *s)
{
	unsigned maps = 0;

	for (size_t i = 0; s->w->translates && i < s->n; i++)
		maps |= nl_map_from(&s->rule[i]);
	return maps;
}

static int try_sync(struct sync *s)
{
	struct nl *st = s->w->own;
	struct nfnl_batch b;
	int rc;

	if (!s->keep) {
		nl_place_tables(s->fw, s->refused, &st->tables);
		st->pinholes = nl_pinhole_sets(s->fw);
	}
	st->from = from_maps(s);
	st->counts = s->how != NL_PINHOLE_OMIT;
	nl_state_begin(st, &b);
	rc = put_all(&b, s);
	if (rc)
		return nl_state_dump_failed(s->fw, st, rc);
	rc = nl_state_commit(st, &b);
	if (rc)
		rc = failed(s, &b, rc);
	nl_state_release(st, &b);
	return rc;
}

int nl_sync(struct natfw *fw, struct natfw_writer *w,
	    const struct nat_rule *rule, size_t n)
{
	struct sync s = { fw, w, rule, n, .count = true };
	struct nl *st = w->own;
	int rc = nl_state_open(fw, w);

	if (rc)
		return rc;
	s.keep = fw->rules_old && nl_state_placed(fw, w) &&
		 !(nl_pinhole_sets(fw) & ~st->pinholes);
	s.how = st->altered ? NL_PINHOLE_REMAKE : NL_PINHOLE_CHANGE;
	do {	/* each time with a table less, or without counters */
		rc = try_sync(&s);
	} while (rc > 0);
	if (!rc) {
		st->placed_no = fw->places_no;
		st->altered = false;
		rc = nl_state_record(fw, st);
	}
	return rc ? rc : s.refused_rc;
}

