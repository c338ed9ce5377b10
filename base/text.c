/* SPDX-License-Identifier: ISC */
/*
 * text.c - makes foreign text safe for a log, a file or a terminal.
 * Runs in: any
 */
#include "base/text.h"
#include "base/wr.h"

bool text_allows(enum text_set set, char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 0x20 && u != 0x7f && (set != TEXT_ASCII || u < 0x7f);
}

bool text_is(enum text_set set, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!text_allows(set, s.p[i]))
			return false;
	return true;
}

void text_clean(enum text_set set, char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!text_allows(set, p[i]))
			p[i] = '?';
}

void text_put(enum text_set set, struct wr *w, struct str s)
{
	size_t start = w->len;

	wr_str(w, s);
	if (w->len > start)
		text_clean(set, w->buf + start, w->len - start);
}
