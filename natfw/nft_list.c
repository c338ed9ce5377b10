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

/* ---- headings ------------------------------------------------------ */

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
		nft_take_name(at->family, sizeof(at->family), word[1]);
		nft_take_name(at->table, sizeof(at->table), word[2]);
		*at->chain = *look->set = '\0';
	} else if (i == 2 && str_eq(word[0], STR("chain"))) {
		nft_take_name(at->chain, sizeof(at->chain), word[1]);
		*look->set = '\0';
	} else if (i == 2 && (str_eq(word[0], STR("set")) ||
			      str_eq(word[0], STR("map")))) {
		nft_take_name(look->set, sizeof(look->set), word[1]);
		*at->chain = '\0';
	} else {
		return false;
	}
	return true;
}

/* ---- looking ------------------------------------------------------- */

uint64_t nft_hash_set(const struct nft_place *at, const char *set)
{
	uint64_t h = backend_hash(BACKEND_HASH, str_z(at->family));

	return backend_hash(backend_hash(h, str_z(at->table)), str_z(set));
}

/* "192.168.88.2 . 6 . 80 counter packets 1 bytes 40": what was counted is no
 * part of the element. */
static struct str without_counter(struct str one)
{
	struct str rest = one, word;

	while (str_word(&rest, &word))
		if (str_eq(word, STR("counter")))
			one.n = (size_t)(word.p - one.p);
	return one;
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
		one = without_counter(str_trim(one));
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
		if (nft_same_chain(&look->at, &places->at[p]) &&
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
	struct nft_search search;
};

/* "type filter hook forward priority 0; policy drop;" */
static bool on_forward(struct str line, int64_t *ret_priority)
{
	const struct str hook = STR("type filter hook forward priority ");
	struct str priority;
	uint32_t early;

	if (!str_starts(line, hook))
		return false;
	line = str_skip(line, hook.n);
	if (!str_cut(&line, ';', &priority))
		return false;
	/* a name is none of the early ones in a listing by -nn */
	*ret_priority = 0;
	if (str_starts(priority, STR("-")) &&
	    !str_u32(str_skip(priority, 1), 1, INT32_MAX, &early))
		*ret_priority = -(int64_t)early;
	return true;
}

static void find_line(void *arg, struct str line)
{
	struct find *find = arg;
	int64_t priority;

	line = str_trim(line);
	if (heading(&find->look, line))
		nft_search_chain(&find->search, &find->look.at);
	else if (on_forward(line, &priority))
		nft_search_filter(&find->search, &find->look.at, priority);
}

int nft_find(struct natfw *fw, const struct natfw_env *env,
	     struct nft_places *ret)
{
	const struct query chains = { "chains" };
	struct find find = { .look = { 0 } };
	int rc;

	rc = nft_search_begin(&find.search, env, ret);
	return rc ? rc : list(fw, &chains, find_line, &find);
}
