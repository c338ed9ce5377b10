/* SPDX-License-Identifier: ISC */
/*
 * ruleset_elem.c - reads elements of sets of nf_tables. Pure.
 *
 * The elements come in the kernel's order. In a set of ranges each element
 * begins a range or, with a flag, ends one before its key; a range without an
 * end extends to the last possible key. In a set of concatenations each element
 * has both ends.
 * Runs in: any
 */
#include <string.h>
#include <linux/netfilter/nf_tables.h>
#include "natfw/nlattr.h"
#include "natfw/ruleset_elem.h"
#include "natfw/ruleset_expr.h"

/* ---- reading ----------------------------------------------------------- */

/* Return: false: the key is longer than those of the set */
static bool copy_key(uint8_t *dst, struct str key, uint32_t key_len)
{
	memset(dst, 0, RULESET_KEY_MAX);
	if (key.n > key_len || key.n > RULESET_KEY_MAX)
		return false;
	if (key.n)
		memcpy(dst, key.p, key.n);
	return true;
}

/* Does a lookup evaluate more than the key: a limit, a quota? */
static bool is_conditional(struct nl_span s)
{
	struct nl_span list = nlattr_nest(s, NFTA_SET_ELEM_EXPRESSIONS);
	struct str name = nlattr_name(nlattr_nest(s, NFTA_SET_ELEM_EXPR),
				      NFTA_EXPR_NAME);

	return list.n || (name.n && !str_eq(name, STR("counter")) &&
			  !str_eq(name, STR("last")));
}

void ruleset_elem_read(struct ruleset *rs, uint32_t set, struct nl_span s)
{
	struct str key = nlattr_get(nlattr_nest(s, NFTA_SET_ELEM_KEY),
				    NFTA_DATA_VALUE);
	struct str end = nlattr_get(nlattr_nest(s, NFTA_SET_ELEM_KEY_END),
				    NFTA_DATA_VALUE);
	struct nl_span data = nlattr_nest(s, NFTA_SET_ELEM_DATA);
	struct ruleset_elem e = { .target = RULESET_NONE };
	uint32_t key_len = rs->set[set].key_len, flags = 0;
	struct str target;

	nlattr_u32(s, NFTA_SET_ELEM_FLAGS, &flags);
	e.any = !key.n;
	e.end = flags & NFT_SET_ELEM_INTERVAL_END;
	e.verdict = (uint8_t)ruleset_expr_verdict(
		nlattr_nest(data, NFTA_DATA_VERDICT), &target);
	if (target.n)
		e.target = ruleset_find_chain(rs, rs->set[set].table, target);
	if (!copy_key(e.lo, key, key_len) ||
	    !copy_key(e.hi, end.n ? end : key, key_len) || is_conditional(s) ||
	    ((e.verdict == RULESET_JUMP || e.verdict == RULESET_GOTO) &&
	     e.target == RULESET_NONE))
		ruleset_forget_elems(rs, set);
	else
		ruleset_add_elem(rs, set, &e);
}

/* ---- ranges ------------------------------------------------------------ */

/* Order by key. At the same key the end of a range comes before the start of
 * the next; the element for all other keys comes last. */
static bool is_before(const struct ruleset_elem *a,
		      const struct ruleset_elem *b)
{
	int order = memcmp(a->lo, b->lo, sizeof(a->lo));

	if (a->any != b->any)
		return b->any;
	return order ? order < 0 : a->end && !b->end;
}

/* Move e[root] down to its place in the heap e[0] to e[n - 1], whose first
 * element is the last in order. */
static void sift(struct ruleset_elem *e, size_t root, size_t n)
{
	const struct ruleset_elem moved = e[root];
	size_t child;

	while ((child = 2 * root + 1) < n) {
		if (child + 1 < n && is_before(&e[child], &e[child + 1]))
			child++;
		if (!is_before(&moved, &e[child]))
			break;
		e[root] = e[child];
		root = child;
	}
	e[root] = moved;
}

/* A heap sort: qsort() of some libraries allocates memory. */
static void sort(struct ruleset_elem *e, size_t n)
{
	struct ruleset_elem last;

	for (size_t i = n / 2; i-- > 0;)
		sift(e, i, n);
	while (n-- > 1) {
		last = e[n];
		e[n] = e[0];
		e[0] = last;
		sift(e, 0, n);
	}
}

/* Set @key to the last key before @next. */
static void key_before(uint8_t *key, const uint8_t *next, size_t len)
{
	memcpy(key, next, RULESET_KEY_MAX);
	while (len && !key[--len])
		key[len] = 0xff;
	key[len]--;
}

void ruleset_elem_finish(struct ruleset *rs, uint32_t set)
{
	struct ruleset_set *s = &rs->set[set];
	struct ruleset_elem *e = rs->elem + s->first;
	bool is_last = s->first + s->n == rs->elem_n;
	uint32_t n = 0;

	if (!s->interval || !s->known)
		return;
	s->interval = false;
	sort(e, s->n);
	for (uint32_t i = 0; i < s->n; i++) {
		if (e[i].end)
			continue;
		if (e[i].any)
			;
		else if (i + 1 < s->n && !e[i + 1].any)
			key_before(e[i].hi, e[i + 1].lo, s->key_len);
		else
			memset(e[i].hi, 0xff, s->key_len);
		e[n++] = e[i];
	}
	s->n = n;
	if (is_last)
		rs->elem_n = s->first + n;
}
