/* SPDX-License-Identifier: ISC */
/*
 * utf8.c - reads and writes characters of UTF-8 text (RFC 3629).
 * Runs in: any
 */
#include "base/utf8.h"
#include "base/wr.h"

/* By number of bytes: the bits that mark the first byte, and the lowest code
 * point that needs this length. */
static const struct {
	uint8_t mask, lead;
	uint32_t min;
} forms[] = {
	[1] = { 0x80, 0x00, 0 },
	[2] = { 0xe0, 0xc0, 0x80 },
	[3] = { 0xf0, 0xe0, 0x800 },
	[4] = { 0xf8, 0xf0, 0x10000 },
};
#define BYTES_MAX 4

static bool continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

size_t utf8_get(struct str s, uint32_t *ret_c)
{
	uint8_t first = s.n ? (uint8_t)s.p[0] : 0;
	size_t n = 1;
	uint32_t c;

	while (n <= BYTES_MAX && (first & forms[n].mask) != forms[n].lead)
		n++;
	if (n > BYTES_MAX || n > s.n)
		return 0;
	c = first & (uint8_t)~forms[n].mask;
	for (size_t i = 1; i < n; i++) {
		if (!continues(s.p[i]))
			return 0;
		c = c << 6 | ((uint8_t)s.p[i] & 0x3f);
	}
	if (c < forms[n].min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret_c = c;
	return n;
}

bool utf8_is_xml(uint32_t c)
{
	return c == '\t' || c == '\n' || c == '\r' ||
	       (c >= 0x20 && c <= 0xd7ff) || (c >= 0xe000 && c <= 0xfffd) ||
	       (c >= 0x10000 && c <= 0x10ffff);
}

size_t utf8_get_xml(struct str s, uint32_t *ret_c)
{
	uint32_t c;
	size_t n = utf8_get(s, &c);

	if (!n || !utf8_is_xml(c))
		return 0;
	*ret_c = c;
	return n;
}

bool utf8_is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

void utf8_put(struct wr *w, uint32_t c)
{
	char b[BYTES_MAX];
	size_t n = 1;

	while (n < BYTES_MAX && c >= forms[n + 1].min)
		n++;
	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		b[i] = (char)(0x80 | (c & 0x3f));
	b[0] = (char)(forms[n].lead | c);
	wr_str(w, (struct str){ b, n });
}

/* Ranges of characters that take no column, or two. In order. */
static const struct {
	uint32_t from, to;
	uint8_t columns;
} widths[] = {
	{ 0x0300, 0x036f, 0 }, { 0x0483, 0x0489, 0 }, { 0x0591, 0x05bd, 0 },
	{ 0x064b, 0x065f, 0 }, { 0x1100, 0x115f, 2 }, { 0x1ab0, 0x1aff, 0 },
	{ 0x1dc0, 0x1dff, 0 }, { 0x200b, 0x200d, 0 }, { 0x20d0, 0x20ff, 0 },
	{ 0x231a, 0x231b, 2 }, { 0x2614, 0x2615, 2 }, { 0x26aa, 0x26ab, 2 },
	{ 0x2705, 0x2705, 2 }, { 0x2728, 0x2728, 2 }, { 0x274c, 0x274c, 2 },
	{ 0x2b50, 0x2b50, 2 }, { 0x2e80, 0x303e, 2 }, { 0x3041, 0xa4cf, 2 },
	{ 0xa960, 0xa97c, 2 }, { 0xac00, 0xd7a3, 2 }, { 0xf900, 0xfaff, 2 },
	{ 0xfe00, 0xfe0f, 0 }, { 0xfe20, 0xfe2f, 0 }, { 0xfe30, 0xfe6f, 2 },
	{ 0xff00, 0xff60, 2 }, { 0xffe0, 0xffe6, 2 },
	{ 0x1f300, 0x1f64f, 2 }, { 0x1f680, 0x1f6ff, 2 },
	{ 0x1f7e0, 0x1f7eb, 2 }, { 0x1f900, 0x1faff, 2 },
	{ 0x20000, 0x3fffd, 2 }, { 0xe0100, 0xe01ef, 0 },
};

static unsigned width_of(uint32_t c)
{
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++)
		if (c >= widths[i].from && c <= widths[i].to)
			return widths[i].columns;
	return 1;
}

size_t utf8_fit(struct str s, unsigned columns)
{
	struct str rest = s;
	unsigned used = 0;
	uint32_t c;

	while (rest.n) {
		size_t n = utf8_get(rest, &c);

		used += n ? width_of(c) : 1;
		if (used > columns)
			break;
		rest = str_skip(rest, n ? n : 1);
	}
	return s.n - rest.n;
}

unsigned utf8_count(struct str s)
{
	unsigned columns = 0;
	uint32_t c;

	while (s.n) {
		size_t n = utf8_get(s, &c);

		columns += n ? width_of(c) : 1;
		s = str_skip(s, n ? n : 1);
	}
	return columns;
}
