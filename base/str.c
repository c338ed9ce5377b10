/* SPDX-License-Identifier: ISC */
/*
 * str.c - slices and strict numbers.
 *
 * Never does: read beyond a slice; use a locale. An empty slice may have a NULL
 * pointer, which must not be passed to memcpy() or memcmp() (C11 7.24.1).
 * Runs in: any
 */
#include "base/str.h"

#include <errno.h>
#include <string.h>

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_space(char c)
{
	return is_blank(c) || c == '\r' || c == '\n';
}

struct str str_z(const char *z)
{
	return (struct str){ z, z ? strlen(z) : 0 };
}

bool str_eq(struct str a, struct str b)
{
	/* most that differ do so in the first byte: no call for those */
	return a.n == b.n && (a.n == 0 || (a.p[0] == b.p[0] &&
					   memcmp(a.p, b.p, a.n) == 0));
}

bool str_ieq(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq((struct str){ s.p, prefix.n }, prefix);
}

bool str_istarts(struct str s, struct str prefix)
{
	return s.n >= prefix.n &&
	       str_ieq((struct str){ s.p, prefix.n }, prefix);
}

struct str str_skip(struct str s, size_t n)
{
	if (n > s.n)
		n = s.n;
	if (n > 0)
		s.p += n;
	s.n -= n;
	return s;
}

struct str str_trim(struct str s)
{
	while (s.n > 0 && is_space(s.p[0]))
		s = str_skip(s, 1);
	while (s.n > 0 && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool str_cut(struct str *rest, char sep, struct str *ret_head)
{
	size_t i = 0;

	if (rest->n == 0)
		return false;
	while (i < rest->n && rest->p[i] != sep)
		i++;
	*ret_head = (struct str){ rest->p, i };
	*rest = str_skip(*rest, i);
	*rest = str_skip(*rest, 1);
	return true;
}

bool str_word(struct str *rest, struct str *ret_word)
{
	size_t i = 0;

	while (rest->n > 0 && is_blank(rest->p[0]))
		*rest = str_skip(*rest, 1);
	if (rest->n == 0)
		return false;
	while (i < rest->n && !is_blank(rest->p[i]))
		i++;
	*ret_word = (struct str){ rest->p, i };
	*rest = str_skip(*rest, i);
	return true;
}

int str_u64(struct str s, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;
	unsigned digit;
	bool big = false;

	if (s.n == 0)
		return -EINVAL;
	/* Read to the end even if it is too big: "99..9x" is not a number. */
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -EINVAL;
		digit = (unsigned)(s.p[i] - '0');
		if (v > (UINT64_MAX - digit) / 10)
			big = true;
		else
			v = v * 10 + digit;
	}
	if (big || v < min || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

int str_u32(struct str s, uint32_t min, uint32_t max, uint32_t *ret)
{
	uint64_t v;
	int err = str_u64(s, min, max, &v);

	if (err == 0)
		*ret = (uint32_t)v;
	return err;
}

int str_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool str_ipv4(struct str s, uint32_t *ret_ip)
{
	struct str part;
	uint32_t ip = 0, byte = 0;

	for (int i = 0; i < 4; i++) {
		if (!str_cut(&s, '.', &part) || part.n > 3)
			return false;
		/* inet_aton() would read a leading zero as octal. */
		if (part.n > 1 && part.p[0] == '0')
			return false;
		if (str_u32(part, 0, 255, &byte) < 0)
			return false;
		/* reject a dot at the end */
		if (i == 3 && (s.n > 0 || s.p != part.p + part.n))
			return false;
		ip = ip << 8 | byte;
	}
	*ret_ip = ip;
	return true;
}

bool str_copy(char *dst, size_t cap, struct str s)
{
	dst[0] = '\0';
	if (s.n >= cap || (s.n > 0 && memchr(s.p, '\0', s.n)))
		return false;
	if (s.n > 0)
		memcpy(dst, s.p, s.n);
	dst[s.n] = '\0';
	return true;
}
