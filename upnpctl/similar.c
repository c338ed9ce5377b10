/* SPDX-License-Identifier: ISC */
/* similar.c - find the name that a word may mean. Runs in: upnpctl */
#include "upnpctl/similar.h"

#define NAME_MAX_LEN 40		/* longer names are not compared */

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* How many characters must be added, removed, replaced or swapped with their
 * neighbour to make @b from @a. */
static unsigned distance(struct str a, struct str b)
{
	unsigned d[3][NAME_MAX_LEN + 1];	/* the last rows of the matrix */

	for (unsigned j = 0; j <= b.n; j++)
		d[0][j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned *row = d[i % 3], *up = d[(i + 2) % 3];

		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			bool same = a.p[i - 1] == b.p[j - 1];

			row[j] = least(up[j - 1] + !same,
				       least(up[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] &&
			    a.p[i - 2] == b.p[j - 1])
				row[j] = least(row[j],
					       d[(i + 1) % 3][j - 2] + 1);
		}
	}
	return d[a.n % 3][b.n];
}

static void compare(struct similar *s, struct str name)
{
	unsigned d;

	if (s->word.n > NAME_MAX_LEN || name.n > NAME_MAX_LEN)
		return;
	d = distance(s->word, name);
	/* a third of the word may be wrong */
	if (d > 1 + s->word.n / 4 || d >= s->word.n)
		return;
	if (s->nearest.n && d >= s->distance)
		return;
	s->nearest = name;
	s->distance = d;
}

bool similar_add(struct similar *s, struct str name)
{
	bool exact = str_eq(s->word, name);

	if (s->exact)
		return false;
	if (!exact && (!s->word.n || !str_starts(name, s->word))) {
		compare(s, name);
		return false;
	}
	s->n = exact ? 1 : s->n + 1;
	s->exact = exact;
	s->name = name;
	return true;
}

bool similar_has(struct str s, struct str part)
{
	for (; s.n >= part.n; s = str_skip(s, 1)) {
		if (str_istarts(s, part))
			return true;
		if (!s.n)
			break;
	}
	return false;
}

bool similar_ask(const struct similar *s, struct wr *w)
{
	if (!s->nearest.n)
		return false;
	wr_fmt(w, "; did you mean %.*s?", STR_F(s->nearest));
	return true;
}
