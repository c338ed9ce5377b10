/* SPDX-License-Identifier: ISC */
/*
 * nft_list.h - reading what nft lists: elements, our rules in foreign chains,
 * and which foreign chains filter what is forwarded. A part of nft.c.
 */
#ifndef NATFW_NFT_LIST_H
#define NATFW_NFT_LIST_H

#include "natfw/backend.h"

#define NFT_PLACES_MAX	4	/* foreign forward chains; more is unheard of */
#define NFT_OLD_MAX	8	/* our rules in one; there should be 2 */
#define NFT_NAME_MAX	64	/* as natfw_env has it */

#define ACCEPT_RULE	"@upnpd_accept accept comment \"upnpd\""

/* A chain of others on the forward hook. */
struct nft_place {
	char family[8], table[NFT_NAME_MAX], chain[NFT_NAME_MAX];
	bool wanted;		/* the accept belongs here */
};

/* In fw->scratch. */
struct nft_state {
	struct nft_place place[NFT_PLACES_MAX];	/* at the last sync */
	size_t place_n;
	struct backend_tally chains;	/* our own two, first seen after it */
};

static struct nft_state *nft_state(struct natfw *fw)
{
	_Static_assert(sizeof(struct nft_state) <= sizeof(fw->scratch),
		       "scratch is too small");

	return (struct nft_state *)fw->scratch;
}

/* ---- what nft lists ------------------------------------------------ */

/* One look at a listing. Each line belongs to the headings before it. */
struct nft_look {
	struct str family, table, chain, set;
	char name[4][NFT_NAME_MAX];	/* what those point into */
	bool in_elements;
	struct nft_place *place;	/* forward chains, found or looked at */
	size_t place_n;
	uint64_t old[NFT_PLACES_MAX][NFT_OLD_MAX];	/* our rules' handles */
	size_t old_n[NFT_PLACES_MAX];
	struct backend_tally chains;	/* lines of our own table's chains */
	struct backend_tally elements;
};

/* Names go back to nft: only what it would take without quotes. */
static bool nft_name_ok(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') ||
		      (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
		      (s.p[i] >= 'a' && s.p[i] <= 'z') ||
		      memchr("_./-", s.p[i], 4)))
			return false;
	return s.n > 0;
}

/* Lines are gone when the next one comes, so a heading is copied; one that
 * nobody could ask us about counts as no name at all. */
static struct str nft_keep(char buf[NFT_NAME_MAX], struct str name)
{
	if (!nft_name_ok(name) || !str_copy(buf, NFT_NAME_MAX, name))
		return STR("");
	return (struct str){ buf, name.n };
}

/* "table inet fw4 {", "chain forward { # handle 1", "map leave_as {" */
static bool nft_heading(struct nft_look *look, struct str line)
{
	struct str word[4] = { { NULL, 0 } };
	size_t i;

	for (i = 0; i < 4 && str_word(&line, &word[i]); i++)
		if (str_eq(word[i], STR("{")))
			break;
	if (i == 3 && str_eq(word[0], STR("table"))) {
		look->family = nft_keep(look->name[0], word[1]);
		look->table = nft_keep(look->name[1], word[2]);
	} else if (i == 2 && str_eq(word[0], STR("chain"))) {
		look->chain = nft_keep(look->name[2], word[1]);
		look->set = STR("");
	} else if (i == 2 && (str_eq(word[0], STR("set")) ||
			      str_eq(word[0], STR("map")))) {
		look->set = nft_keep(look->name[3], word[1]);
		look->chain = STR("");
	} else {
		return false;
	}
	return true;
}

static bool nft_is_own(const struct nft_look *look)
{
	return str_eq(look->family, STR("ip")) &&
	       str_eq(look->table, STR("upnpd"));
}

static uint64_t nft_hash_set(struct str family, struct str table,
			     struct str set)
{
	uint64_t h = backend_hash(BACKEND_HASH, family);

	return backend_hash(backend_hash(h, table), set);
}

/* "elements = { a : b,", "c : d }": a list over as many lines as it takes. */
static void nft_elements(struct nft_look *look, struct str line)
{
	uint64_t set = nft_hash_set(look->family, look->table, look->set);
	struct str text = { NULL, 0 }, one;
	size_t len;

	if (str_starts(line, STR("elements = {"))) {
		look->in_elements = true;
		line = str_skip(line, sizeof("elements = {") - 1);
	}
	if (!look->in_elements)
		return;
	len = line.n;
	str_cut(&line, '}', &text);
	look->in_elements = text.n == len;
	while (str_cut(&text, ',', &one)) {
		one = str_trim(one);
		if (one.n)
			backend_count(&look->elements,
				      backend_hash_words(set, one));
	}
}

static bool nft_in_place(const struct nft_look *look,
			 const struct nft_place *place)
{
	return str_eq(look->family, str_z(place->family)) &&
	       str_eq(look->table, str_z(place->table)) &&
	       str_eq(look->chain, str_z(place->chain));
}

/* Ours in a foreign chain: the line ends in ACCEPT_RULE " # handle 7". */
static void nft_foreign_rule(struct nft_look *look, struct str line)
{
	const struct str end = STR(ACCEPT_RULE " # handle ");
	struct str digits = line;
	uint64_t handle;
	size_t p, at = line.n;

	while (at > 0 && line.p[at - 1] >= '0' && line.p[at - 1] <= '9')
		at--;
	digits = str_skip(line, at);
	if (at < end.n || memcmp(line.p + at - end.n, end.p, end.n) ||
	    str_u64(digits, 1, UINT64_MAX, &handle))
		return;
	for (p = 0; p < look->place_n; p++)
		if (nft_in_place(look, &look->place[p]) &&
		    look->old_n[p] < NFT_OLD_MAX)
			look->old[p][look->old_n[p]++] = handle;
}

static void nft_look_line(void *arg, struct str line)
{
	struct nft_look *look = arg;

	line = str_trim(line);
	if (!line.n || str_eq(line, STR("}")) || nft_heading(look, line))
		return;
	if (look->set.n)
		nft_elements(look, line);
	else if (nft_is_own(look))
		backend_count(&look->chains,
			      backend_hash_words(backend_hash(BACKEND_HASH,
							      look->chain),
						 line));
	else
		nft_foreign_rule(look, line);
}

struct nft_query {
	const char *what, *family, *table, *name;
};

/* -nn: no names for ports, in old versions too. -a: with handles. */
static int nft_list(struct natfw *fw, const struct nft_query *q,
		    void (*line)(void *, struct str), void *arg)
{
	const char *const argv[] = {
		"nft", "-nn", "-a", "list", q->what, q->family, q->table,
		q->name, NULL
	};
	struct backend_run run = {
		.argv = argv,
		.line = line,
		.arg = arg,
		.rules = fw ? fw->rule_n : 0,
	};

	return backend_run(fw, &run);
}

/* ---- foreign forward chains ---------------------------------------- */

struct nft_find {
	struct nft_look look;
	struct nft_state *found;
	struct nft_place wanted;	/* as configured; "" when not */
};

/* Those of the iptables command. */
static bool nft_is_xtables(const struct nft_look *look)
{
	return str_eq(look->family, STR("ip")) &&
	       str_eq(look->chain, STR("FORWARD")) &&
	       (str_eq(look->table, STR("filter")) ||
		str_eq(look->table, STR("mangle")) ||
		str_eq(look->table, STR("security")));
}

/*
 * "type filter hook forward priority 0; policy drop;" A chain at the priority
 * of mangle (-150) or before it marks and clamps; it does not filter, and an
 * accept at its head would take that from our packets.
 */
static bool nft_is_filter(const struct nft_look *look, struct str line)
{
	const struct str hook = STR("type filter hook forward priority ");
	struct str priority;
	uint32_t early;

	if (!str_starts(line, hook) || nft_is_own(look) ||
	    nft_is_xtables(look))
		return false;
	line = str_skip(line, hook.n);
	if (!str_cut(&line, ';', &priority))
		return false;
	return !str_starts(priority, STR("-")) ||
	       str_u32(str_skip(priority, 1), 150, INT32_MAX, &early);
}

static void nft_add_place(struct nft_find *find, bool wanted)
{
	struct nft_state *st = find->found;
	const struct nft_look *look = &find->look;
	struct nft_place place = { .wanted = wanted };

	if (!str_copy(place.family, sizeof(place.family), look->family) ||
	    !str_copy(place.table, sizeof(place.table), look->table) ||
	    !str_copy(place.chain, sizeof(place.chain), look->chain))
		return;
	if (st->place_n < NFT_PLACES_MAX)
		st->place[st->place_n++] = place;
	else if (wanted && *find->wanted.chain)
		st->place[NFT_PLACES_MAX - 1] = place;
}

/* A configured chain need not be on the hook: it may be jumped to. Others on
 * the hook are kept in mind because rules may stand there from the time
 * before the configuration. */
static void nft_find_line(void *arg, struct str line)
{
	struct nft_find *find = arg;
	bool any = !*find->wanted.chain, right;

	line = str_trim(line);
	if (nft_heading(&find->look, line)) {
		if (!any && find->look.chain.n &&
		    nft_in_place(&find->look, &find->wanted))
			nft_add_place(find, true);
		return;
	}
	if (!find->look.family.n || !find->look.table.n ||
	    !find->look.chain.n || !nft_is_filter(&find->look, line))
		return;
	right = str_eq(find->look.family, STR("ip")) ||
		str_eq(find->look.family, STR("inet"));
	if (right && (any || !nft_in_place(&find->look, &find->wanted)))
		nft_add_place(find, any);
}

static int nft_configured(const struct natfw_env *env, struct nft_place *ret)
{
	struct str table = str_z(env->nft_table), family;
	struct str chain = str_z(env->nft_chain);

	if (!table.n || !chain.n)
		return 0;
	if (!str_word(&table, &family))
		return -EINVAL;
	table = str_trim(table);
	if (!nft_name_ok(family) || !nft_name_ok(table) ||
	    !nft_name_ok(chain) ||
	    !str_copy(ret->family, sizeof(ret->family), family) ||
	    !str_copy(ret->table, sizeof(ret->table), table) ||
	    !str_copy(ret->chain, sizeof(ret->chain), chain))
		return -EINVAL;
	return 0;
}

static int nft_find(struct natfw *fw, const struct natfw_env *env,
		    struct nft_state *ret)
{
	const struct nft_query chains = { .what = "chains" };
	struct nft_find find = { .found = ret };
	int rc;

	ret->place_n = 0;
	rc = nft_configured(env, &find.wanted);
	return rc ? rc : nft_list(fw, &chains, nft_find_line, &find);
}

/* Is the configured chain there, if one is? */
static bool nft_found(struct natfw *fw, const struct nft_state *st)
{
	size_t p;

	if (!*fw->env.nft_table || !*fw->env.nft_chain)
		return true;
	for (p = 0; p < st->place_n; p++)
		if (st->place[p].wanted)
			return true;
	snprintf(fw->why, sizeof(fw->why), "nft: there is no chain %s in %s",
		 fw->env.nft_chain, fw->env.nft_table);
	return false;
}

static int nft_look_places(struct natfw *fw, struct nft_state *st,
			   struct nft_look *look)
{
	size_t p;
	int rc = 0;

	look->place = st->place;
	look->place_n = st->place_n;
	for (p = 0; !rc && p < st->place_n; p++) {
		const struct nft_place *at = &st->place[p];
		const struct nft_query q = {
			"chain", at->family, at->table, at->chain
		};

		rc = nft_list(fw, &q, nft_look_line, look);
	}
	return rc;
}

static bool nft_same_table(const struct nft_place *a,
			   const struct nft_place *b)
{
	return !strcmp(a->family, b->family) && !strcmp(a->table, b->table);
}

static bool nft_first_of_table(const struct nft_state *st, size_t p)
{
	size_t q;

	for (q = 0; q < p; q++)
		if (nft_same_table(&st->place[q], &st->place[p]))
			return false;
	return true;
}

static bool nft_table_wanted(const struct nft_state *st, size_t p)
{
	size_t q;

	for (q = 0; q < st->place_n; q++)
		if (st->place[q].wanted &&
		    nft_same_table(&st->place[q], &st->place[p]))
			return true;
	return false;
}

/* Is place @p the one that stands for a table with our set in it? */
static bool nft_has_set(const struct nft_state *st, size_t p)
{
	return nft_first_of_table(st, p) && nft_table_wanted(st, p);
}

#endif
