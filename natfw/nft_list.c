/* SPDX-License-Identifier: ISC */
/*
 * nft_list.c - listings of nft, line by line: each belongs to the headings
 * before it. Nothing is kept but names, handles and sums.
 *
 * Never does: change anything.
 */
#include <errno.h>
#include <string.h>
#include "natfw/nft_list.h"

const struct nft_place nft_own = { .family = "ip", .table = "upnpd" };

/* ---- headings ------------------------------------------------------ */

static bool is_name_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || memchr("_./-", c, 4);
}

/* Names go back to nft: only what it would take without quotes. One that
 * nobody could ask about becomes no name at all. */
static bool take_name(char *dst, size_t cap, struct str name)
{
	size_t i;

	memset(dst, 0, cap);
	for (i = 0; i < name.n; i++)
		if (!is_name_char(name.p[i]))
			return false;
	return name.n && str_copy(dst, cap, name);
}

/* "table inet fw4 {", "chain forward { # handle 1", "map leave_as {" */
static bool heading(struct nft_look *look, struct str line)
{
	struct nft_place *at = &look->at;
	struct str word[4] = { { NULL, 0 } };
	size_t i;

	for (i = 0; i < 4 && str_word(&line, &word[i]); i++)
		if (str_eq(word[i], STR("{")))
			break;
	if (i == 3 && str_eq(word[0], STR("table"))) {
		take_name(at->family, sizeof(at->family), word[1]);
		take_name(at->table, sizeof(at->table), word[2]);
		*at->chain = *look->set = '\0';
	} else if (i == 2 && str_eq(word[0], STR("chain"))) {
		take_name(at->chain, sizeof(at->chain), word[1]);
		*look->set = '\0';
	} else if (i == 2 && (str_eq(word[0], STR("set")) ||
			      str_eq(word[0], STR("map")))) {
		take_name(look->set, sizeof(look->set), word[1]);
		*at->chain = '\0';
	} else {
		return false;
	}
	return true;
}

/* ---- comparing places ---------------------------------------------- */

bool nft_same_table(const struct nft_place *a, const struct nft_place *b)
{
	return !strcmp(a->family, b->family) && !strcmp(a->table, b->table);
}

static bool same_chain(const struct nft_place *a, const struct nft_place *b)
{
	return nft_same_table(a, b) && !strcmp(a->chain, b->chain);
}

bool nft_same_places(const struct nft_places *a, const struct nft_places *b)
{
	return a->n == b->n && !memcmp(a->at, b->at, a->n * sizeof(*a->at));
}

bool nft_is_first(const struct nft_places *places, size_t p)
{
	size_t q;

	for (q = 0; q < p; q++)
		if (nft_same_table(&places->at[q], &places->at[p]))
			return false;
	return true;
}

bool nft_has_set(const struct nft_places *places, size_t p)
{
	size_t q;

	for (q = 0; q < places->n; q++)
		if (places->at[q].wanted &&
		    nft_same_table(&places->at[q], &places->at[p]))
			return nft_is_first(places, p);
	return false;
}

/* ---- looking ------------------------------------------------------- */

uint64_t nft_hash_set(const struct nft_place *at, const char *set)
{
	uint64_t h = backend_hash(BACKEND_HASH, str_z(at->family));

	return backend_hash(backend_hash(h, str_z(at->table)), str_z(set));
}

/* "elements = { a : b,", "c : d }": a list over as many lines as it takes. */
static void elements(struct nft_look *look, struct str line)
{
	uint64_t set = nft_hash_set(&look->at, look->set);
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

static void old_rule(struct nft_look *look, uint64_t handle)
{
	const struct nft_places *places = look->places;
	size_t p;

	for (p = 0; p < places->n; p++)
		if (same_chain(&look->at, &places->at[p]) &&
		    look->old_n[p] < NFT_OLD_MAX)
			look->old[p][look->old_n[p]++] = handle;
}

/* Ours in a foreign chain: it ends in NFT_ACCEPT_RULE " # handle 7". */
static void foreign_rule(struct nft_look *look, struct str line)
{
	const struct str end = STR(NFT_ACCEPT_RULE " # handle ");
	uint64_t handle;
	size_t at = line.n;

	while (at > 0 && line.p[at - 1] >= '0' && line.p[at - 1] <= '9')
		at--;
	if (at >= end.n && !memcmp(line.p + at - end.n, end.p, end.n) &&
	    !str_u64(str_skip(line, at), 1, UINT64_MAX, &handle))
		old_rule(look, handle);
}

static void look_line(void *arg, struct str line)
{
	struct nft_look *look = arg;
	uint64_t h;

	line = str_trim(line);
	if (heading(look, line))
		return;
	if (*look->set) {
		elements(look, line);
	} else if (!nft_same_table(&look->at, &nft_own)) {
		foreign_rule(look, line);
	} else if (line.n && !str_eq(line, STR("}"))) {
		h = backend_hash(BACKEND_HASH, str_z(look->at.chain));
		backend_count(&look->chains, backend_hash_words(h, line));
	}
}

struct query {
	const char *what, *family, *table, *name;
};

/* -nn: no names for ports, in old versions too. -a: with handles. */
static int list(struct natfw *fw, const struct query *q,
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

int nft_look_own(struct natfw *fw, struct nft_look *look)
{
	const struct query q = { "table", nft_own.family, nft_own.table };

	return list(fw, &q, look ? look_line : NULL, look);
}

int nft_look_chains(struct natfw *fw, struct nft_look *look)
{
	const struct nft_place *at = look->places->at;
	const struct nft_place *end = at + look->places->n;
	int rc = 0;

	for (; !rc && at < end; at++) {
		const struct query q = {
			"chain", at->family, at->table, at->chain
		};

		rc = list(fw, &q, look_line, look);
	}
	return rc;
}

int nft_look_sets(struct natfw *fw, struct nft_look *look)
{
	const struct nft_places *places = look->places;
	size_t p;
	int rc = 0;

	for (p = 0; !rc && p < places->n; p++) {
		const struct query q = {
			"set", places->at[p].family, places->at[p].table,
			NFT_ACCEPT_SET
		};

		if (nft_has_set(places, p))
			rc = list(fw, &q, look_line, look);
	}
	return rc;
}

/* ---- finding places ------------------------------------------------ */

struct find {
	struct nft_look look;		/* for its headings */
	struct nft_place wanted;	/* as configured; "" when not */
	struct nft_places *found;
};

/* Those of the iptables command. */
static bool is_xtables(const struct nft_place *at)
{
	return !strcmp(at->family, "ip") && !strcmp(at->chain, "FORWARD") &&
	       (!strcmp(at->table, "filter") || !strcmp(at->table, "mangle") ||
		!strcmp(at->table, "security"));
}

/*
 * "type filter hook forward priority 0; policy drop;" A chain at the priority
 * of mangle (-150) or before it marks and clamps; it does not filter, and an
 * accept at its head would take that from our packets.
 */
static bool filters(struct str line)
{
	const struct str hook = STR("type filter hook forward priority ");
	struct str priority;
	uint32_t early;

	if (!str_starts(line, hook))
		return false;
	line = str_skip(line, hook.n);
	if (!str_cut(&line, ';', &priority))
		return false;
	return !str_starts(priority, STR("-")) ||
	       str_u32(str_skip(priority, 1), 150, INT32_MAX, &early);
}

/* Could rules of ours stand in it, as far as its name tells? */
static bool is_foreign(const struct nft_place *at)
{
	return (!strcmp(at->family, "ip") || !strcmp(at->family, "inet")) &&
	       *at->table && *at->chain && !nft_same_table(at, &nft_own) &&
	       !is_xtables(at);
}

static void add_place(struct find *find, bool wanted)
{
	struct nft_places *found = find->found;
	size_t p = found->n;

	if (p < NFT_PLACES_MAX)
		found->n++;
	else if (wanted && *find->wanted.chain)
		p = NFT_PLACES_MAX - 1;
	else
		return;
	found->at[p] = find->look.at;
	found->at[p].wanted = wanted;
}

/* A configured chain need not be on the hook: it may be jumped to. Others on
 * the hook are kept in mind because rules may stand there from the time
 * before the configuration. */
static void find_line(void *arg, struct str line)
{
	struct find *find = arg;
	const struct nft_place *at = &find->look.at;

	line = str_trim(line);
	if (heading(&find->look, line)) {
		if (*at->chain && same_chain(at, &find->wanted))
			add_place(find, true);
	} else if (filters(line) && is_foreign(at) &&
		   !same_chain(at, &find->wanted)) {
		add_place(find, !*find->wanted.chain);
	}
}

/* "inet fw4" and "forward" */
static bool configured(const struct natfw_env *env, struct nft_place *ret)
{
	struct str table = str_z(env->nft_table), family;

	return str_word(&table, &family) &&
	       take_name(ret->family, sizeof(ret->family), family) &&
	       take_name(ret->table, sizeof(ret->table), str_trim(table)) &&
	       take_name(ret->chain, sizeof(ret->chain),
			 str_z(env->nft_chain));
}

static bool is_configured(const struct natfw_env *env)
{
	return env && *env->nft_table && *env->nft_chain;
}

int nft_find(struct natfw *fw, const struct natfw_env *env,
	     struct nft_places *ret)
{
	const struct query chains = { "chains" };
	struct find find = { .found = ret };

	ret->n = 0;
	if (is_configured(env) && !configured(env, &find.wanted))
		return -EINVAL;
	return list(fw, &chains, find_line, &find);
}

bool nft_found(struct natfw *fw, const struct nft_places *places)
{
	struct wr w = wr_init_cut(fw->why, sizeof(fw->why));
	size_t p;

	if (!is_configured(&fw->env))
		return true;
	for (p = 0; p < places->n; p++)
		if (places->at[p].wanted)
			return true;
	wr_fmt(&w, "nft: there is no chain %s in %s", fw->env.nft_chain,
	       fw->env.nft_table);
	wr_cstr(&w);
	return false;
}
