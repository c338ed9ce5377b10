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

unsigned utf8_count(struct str s)
{
	unsigned n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += !continues(s.p[i]);
	return n;
}
