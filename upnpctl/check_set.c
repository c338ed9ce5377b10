/* SPDX-License-Identifier: ISC */
/*
 * check_set.c - store sets and verdict maps of nf_tables in growing arrays.
 * Runs in: upnpctl
 */
#include <stdlib.h>
#include <string.h>
#include "upnpctl/check_rules.h"
#include "upnpctl/check_set.h"
#include "natfw/nfnl.h"

/* Grow an array of *@cap entries of @size bytes. Return: NULL without memory;
 * @v is unchanged then */
static void *grow(void *v, size_t *cap, size_t size)
{
	size_t more = *cap ? 2 * *cap : 16;
	void *grown = reallocarray(v, more, size);

	if (grown)
		*cap = more;
	return grown;
}

void check_set_add(struct check_sets *sets, const struct nl_ruleset_set *from)
{
	struct check_set *set;
	void *grown;

	if (sets->n == sets->cap) {
		grown = grow(sets->set, &sets->cap, sizeof(*sets->set));
		if (!grown)
			return;
		sets->set = grown;
	}
	set = &sets->set[sets->n];
	*set = (struct check_set){
		.family = from->family, .key_len = from->key_len,
		.interval = from->interval, .complete = true,
	};
	if (str_copy(set->table, sizeof(set->table), from->table) &&
	    str_copy(set->name, sizeof(set->name), from->name))
		sets->n++;
}

void check_set_free(struct check_sets *sets)
{
	free(sets->set);
	free(sets->elem);
	*sets = (struct check_sets){ 0 };
}

/* ---- elements --------------------------------------------------------- */

struct add_arg {
	struct check_sets *sets;
	struct check_set *set;
};

/* Keep the first bytes of a key that is too long: it is a concatenation, which
 * is never looked up. */
static void copy_key(uint8_t *dst, struct str key)
{
	memset(dst, 0, NL_RULESET_BYTES);
	if (key.n)
		memcpy(dst, key.p, key.n < NL_RULESET_BYTES ? key.n :
		       NL_RULESET_BYTES);
}

static struct check_elem elem_of(const struct check_set *set,
				 const struct nl_ruleset_elem *from)
{
	const char *family = nfnl_family_name(set->family);
	struct check_elem e = {
		.any = !from->key.n, .end = from->end,
		.verdict = (uint8_t)from->verdict,
		.target = check_rules_key(str_z(family ? family : ""),
					  str_z(set->table), from->target),
	};

	copy_key(e.lo, from->key);
	copy_key(e.hi, from->key_end.n ? from->key_end : from->key);
	return e;
}

static void add_elem(void *arg, const struct nl_ruleset_elem *from)
{
	const struct add_arg *to = arg;
	struct check_sets *sets = to->sets;
	struct check_set *set = to->set;
	void *grown;

	if (!set->n)
		set->first = sets->elem_n;
	if (!set->complete || set->ready || set->n == CHECK_SET_ELEMS_MAX ||
	    set->first + set->n != sets->elem_n) {
		set->complete = false;
		return;
	}
	if (sets->elem_n == sets->elem_cap) {
		grown = grow(sets->elem, &sets->elem_cap, sizeof(*sets->elem));
		set->complete = grown;
		if (!grown)
			return;
		sets->elem = grown;
	}
	sets->elem[sets->elem_n++] = elem_of(set, from);
	set->n++;
}

void check_set_elems(struct check_sets *sets, const struct nlmsghdr *h)
{
	for (size_t i = 0; i < sets->n; i++) {
		struct check_set *set = &sets->set[i];
		const struct nl_ruleset_set about = {
			.family = set->family, .table = str_z(set->table),
			.name = str_z(set->name),
		};
		struct add_arg to = { sets, set };

		nl_ruleset_elems(h, &about, add_elem, &to);
	}
}

/* ---- ranges ----------------------------------------------------------- */

/* Order by key. At the same key the end of a range comes before the start of
 * the next; the element for all other keys comes last. */
static int compare(const void *x, const void *y)
{
	const struct check_elem *a = x, *b = y;
	int order = memcmp(a->lo, b->lo, sizeof(a->lo));

	if (a->any != b->any)
		return a->any - b->any;
	return order ? order : b->end - a->end;
}

/* Set @key to the last key before @next. */
static void key_before(uint8_t *key, const uint8_t *next, size_t len)
{
	memcpy(key, next, NL_RULESET_BYTES);
	while (len && !key[--len])
		key[len] = 0xff;
	key[len]--;
}

/* Turn the starts and ends of an interval set into ranges. */
static void make_ranges(struct check_set *set, struct check_elem *e)
{
	size_t len = set->key_len < NL_RULESET_BYTES ? set->key_len :
						       NL_RULESET_BYTES;
	size_t n = 0;

	qsort(e, set->n, sizeof(*e), compare);
	for (size_t i = 0; i < set->n; i++) {
		if (e[i].end)
			continue;
		if (e[i].any || !len) {
			e[n++] = e[i];
			continue;
		}
		if (i + 1 < set->n && !e[i + 1].any)
			key_before(e[i].hi, e[i + 1].lo, len);
		else
			memset(e[i].hi, 0xff, len);
		e[n++] = e[i];
	}
	set->n = n;
}

const struct check_set *check_set_find(struct check_sets *sets, uint8_t family,
				       struct str table, struct str name)
{
	for (size_t i = 0; i < sets->n; i++) {
		struct check_set *set = &sets->set[i];

		if (set->family != family ||
		    !str_eq(table, str_z(set->table)) ||
		    !str_eq(name, str_z(set->name)))
			continue;
		if (set->interval && set->n && !set->ready)
			make_ranges(set, sets->elem + set->first);
		set->ready = true;
		return set->complete ? set : NULL;
	}
	return NULL;
}

const struct check_elem *check_set_first(const struct check_sets *sets,
					 const struct check_set *set)
{
	return set->n ? sets->elem + set->first : NULL;
}
