/* SPDX-License-Identifier: ISC */
/*
 * nl_place.c - finds the foreign chains in which our rules belong. Pure.
 * Runs in: any
 */
#include <errno.h>
#include <string.h>
#include "base/wr.h"
#include "natfw/nl_place.h"

#define MANGLE	(-150)	/* nft's name for that priority */

const struct nl_place nl_place_own = { .family = "ip", .table = "upnpd" };

static bool is_name_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || memchr("_./-", c, 4);
}

bool nl_place_copy_name(char *dst, size_t cap, struct str name)
{
	memset(dst, 0, cap);
	for (size_t i = 0; i < name.n; i++)
		if (!is_name_char(name.p[i]))
			return false;
	return name.n && str_copy(dst, cap, name);
}

/* ---- comparing places ---------------------------------------------- */

bool nl_place_same_table(const struct nl_place *a, const struct nl_place *b)
{
	return !strcmp(a->family, b->family) && !strcmp(a->table, b->table);
}

bool nl_place_same_chain(const struct nl_place *a, const struct nl_place *b)
{
	return nl_place_same_table(a, b) && !strcmp(a->chain, b->chain);
}

bool nl_place_same_all(const struct nl_places *a, const struct nl_places *b)
{
	return a->n == b->n && !memcmp(a->at, b->at, a->n * sizeof(*a->at));
}

bool nl_place_is_first(const struct nl_places *places, size_t p)
{
	for (size_t q = 0; q < p; q++)
		if (nl_place_same_table(&places->at[q], &places->at[p]))
			return false;
	return true;
}

bool nl_place_has_set(const struct nl_places *places, size_t p)
{
	for (size_t q = 0; q < places->n; q++)
		if (places->at[q].wanted &&
		    nl_place_same_table(&places->at[q], &places->at[p]))
			return nl_place_is_first(places, p);
	return false;
}

/* ---- finding them -------------------------------------------------- */

/* The chains of the iptables command. */
static bool is_xtables(const struct nl_place *at)
{
	return !strcmp(at->family, "ip") && !strcmp(at->chain, "FORWARD") &&
	       (!strcmp(at->table, "filter") || !strcmp(at->table, "mangle") ||
		!strcmp(at->table, "security"));
}

/* Could this chain hold rules of ours, judging by its name? */
static bool is_foreign(const struct nl_place *at)
{
	return (!strcmp(at->family, "ip") || !strcmp(at->family, "inet")) &&
	       *at->table && *at->chain &&
	       !nl_place_same_table(at, &nl_place_own) &&
	       !is_xtables(at);
}

static void add_place(struct nl_place_search *find, const struct nl_place *at,
		      bool wanted)
{
	struct nl_places *found = find->found;
	size_t p = found->n;

	if (p < NL_PLACES_MAX)
		found->n++;
	else if (wanted && *find->wanted.chain)
		p = NL_PLACES_MAX - 1;
	else
		return;
	found->at[p] = *at;
	found->at[p].wanted = wanted;
}

/* "inet fw4" and "forward" */
static bool configured(const struct natfw_env *env, struct nl_place *ret)
{
	struct str table = str_z(env->nft_table), family;

	return str_word(&table, &family) &&
	       nl_place_copy_name(ret->family, sizeof(ret->family), family) &&
	       nl_place_copy_name(ret->table, sizeof(ret->table),
				  str_trim(table)) &&
	       nl_place_copy_name(ret->chain, sizeof(ret->chain),
			 str_z(env->nft_chain));
}

static bool is_configured(const struct natfw_env *env)
{
	return env && *env->nft_table && *env->nft_chain;
}

int nl_place_search_begin(struct nl_place_search *s,
			  const struct natfw_env *env, struct nl_places *found)
{
	memset(s, 0, sizeof(*s));
	s->found = found;
	found->n = 0;
	if (is_configured(env) && !configured(env, &s->wanted))
		return -EINVAL;
	return 0;
}

/* A configured chain need not be on the hook, because another chain may jump to
 * it. Other chains on the hook are listed as not wanted: they may still hold
 * our rules from before the configuration. */
void nl_place_add_chain(struct nl_place_search *s, const struct nl_place *at)
{
	if (*at->chain && nl_place_same_chain(at, &s->wanted))
		add_place(s, at, true);
}

void nl_place_add_filter(struct nl_place_search *s, const struct nl_place *at,
			 int64_t priority)
{
	if (priority > MANGLE && is_foreign(at) &&
	    !nl_place_same_chain(at, &s->wanted))
		add_place(s, at, !*s->wanted.chain);
}

bool nl_place_found(struct natfw *fw, const struct nl_places *places)
{
	struct wr w = wr_init_cut(fw->why, sizeof(fw->why));

	if (!is_configured(&fw->env))
		return true;
	for (size_t p = 0; p < places->n; p++)
		if (places->at[p].wanted)
			return true;
	wr_fmt(&w, "netlink: there is no chain %s in %s", fw->env.nft_chain,
	       fw->env.nft_table);
	wr_cstr(&w);
	return false;
}
