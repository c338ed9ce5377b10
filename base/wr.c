/* SPDX-License-Identifier: ISC */
/*
 * wr.c - a bounded writer of text. Never does: write beyond its buffer.
 * Runs in: any
 */
#include "base/wr.h"

#include <stdlib.h>
#include <string.h>

struct wr wr_init(char *buf, size_t cap)
{
	return (struct wr){ buf, cap, 0, false, false };
}

struct wr wr_init_cut(char *buf, size_t cap)
{
	return (struct wr){ buf, cap, 0, false, true };
}

void wr_str(struct wr *w, struct str s)
{
	size_t room = w->cap - w->len;

	if (w->over)
		return;
	if (s.n > room) {
		w->over = true;
		s.n = w->cut ? room : 0;
	}
	if (s.n > 0)
		memcpy(w->buf + w->len, s.p, s.n);
	w->len += s.n;
}

void wr_ch(struct wr *w, char c)
{
	wr_str(w, (struct str){ &c, 1 });
}

void wr_z(struct wr *w, const char *z)
{
	wr_str(w, str_z(z));
}

/* The text that replaces @c in XML; empty if XML forbids it. */
static struct str xml_of(char c)
{
	switch (c) {
	case '&':
		return STR("&amp;");
	case '<':
		return STR("&lt;");
	case '>':
		return STR("&gt;");
	case '"':
		return STR("&quot;");
	case '\'':
		return STR("&apos;");
	default:
		return STR("");
	}
}

static bool is_plain(char c)
{
	switch (c) {
	case '&': case '<': case '>': case '"': case '\'':
		return false;
	case '\t': case '\n': case '\r':
		return true;
	default:
		return (unsigned char)c >= ' ';
	}
}

void wr_xml(struct wr *w, struct str s)
{
	size_t start = w->len, n;

	for (; s.n; s = str_skip(s, n)) {
		for (n = 0; n < s.n && is_plain(s.p[n]);)
			n++;
		if (n) {
			wr_str(w, (struct str){ s.p, n });
		} else {
			wr_str(w, xml_of(*s.p));
			n = 1;
		}
	}
	/* All or nothing, as in every other write. */
	if (w->over && !w->cut)
		w->len = start;
}

/* ---- printf: less than libc's, and without what it needs for each call ---- */

/* A va_list in a struct, because only so can its address be passed on. */
struct args {
	va_list ap;
};

/* What stands between '%' and the letter. */
struct conversion {
	char pad;		/* ' ' or '0' */
	char size;		/* 'i' int, 'l' long, 'L' long long, 'z' size_t */
	unsigned width;
	size_t most;		/* bytes of a string */
};

static uint64_t take_unsigned(struct args *a, char size)
{
	switch (size) {
	case 'l':
		return va_arg(a->ap, unsigned long);
	case 'L':
		return va_arg(a->ap, unsigned long long);
	case 'z':
		return va_arg(a->ap, size_t);
	default:
		return va_arg(a->ap, unsigned);
	}
}

static int64_t take_signed(struct args *a, char size)
{
	switch (size) {
	case 'l':
		return va_arg(a->ap, long);
	case 'L':
		return va_arg(a->ap, long long);
	default:
		return va_arg(a->ap, int);
	}
}

static void put_number(struct wr *w, const struct conversion *c, uint64_t v,
		       unsigned base, bool minus)
{
	char text[20];		/* UINT64_MAX has 20 digits */
	size_t i = sizeof(text), n;

	do {
		text[--i] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v > 0);
	if (minus && c->pad == '0')
		wr_ch(w, '-');
	for (n = sizeof(text) - i + minus; n < c->width; n++)
		wr_ch(w, c->pad);
	if (minus && c->pad == ' ')
		wr_ch(w, '-');
	wr_str(w, (struct str){ text + i, sizeof(text) - i });
}

void wr_u64(struct wr *w, uint64_t v)
{
	static const struct conversion plain = { .pad = ' ' };

	put_number(w, &plain, v, 10, false);
}

static unsigned read_digits(const char **f)
{
	unsigned n = 0;

	for (; **f >= '0' && **f <= '9'; (*f)++)
		n = n * 10 + (unsigned)(**f - '0');
	return n;
}

/* Return: the letter behind the flag, sizes and numbers at @f */
static const char *read_conversion(const char *f, struct args *a,
				   struct conversion *ret)
{
	*ret = (struct conversion){ *f == '0' ? '0' : ' ', 'i', 0, SIZE_MAX };
	ret->width = read_digits(&f);
	if (f[0] == '.' && f[1] == '*') {
		ret->most = (size_t)va_arg(a->ap, int);
		f += 2;
	} else if (*f == '.') {
		f++;
		ret->most = read_digits(&f);
	}
	for (; *f == 'l' || *f == 'z'; f++)
		ret->size = ret->size == 'l' ? 'L' : *f;
	return f;
}

/* @f: behind the '%'. Return: behind the letter */
static const char *convert(struct wr *w, const char *f, struct args *a)
{
	struct conversion c;
	const char *z;
	int64_t v;

	f = read_conversion(f, a, &c);
	switch (*f) {
	case 's':
		z = va_arg(a->ap, const char *);
		/* An empty string may have no pointer (str.c). */
		wr_str(w, (struct str){ z, !c.most ? 0 :
					   c.most == SIZE_MAX ? strlen(z) :
					   strnlen(z, c.most) });
		break;
	case 'c':
		wr_ch(w, (char)va_arg(a->ap, int));
		break;
	case 'd':
		v = take_signed(a, c.size);
		put_number(w, &c, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10,
			   v < 0);
		break;
	case 'u':
		put_number(w, &c, take_unsigned(a, c.size), 10, false);
		break;
	case 'x':
		put_number(w, &c, take_unsigned(a, c.size), 16, false);
		break;
	case '%':
		wr_ch(w, '%');
		break;
	default:		/* not known: see wr.h */
		abort();
	}
	return f + 1;
}

void wr_vfmt(struct wr *w, const char *fmt, va_list ap)
{
	const size_t start = w->len;
	struct args a;
	size_t n;

	va_copy(a.ap, ap);
	while (*fmt && !w->over) {
		for (n = 0; fmt[n] && fmt[n] != '%';)
			n++;
		wr_str(w, (struct str){ fmt, n });
		fmt += n;
		if (*fmt)
			fmt = convert(w, fmt + 1, &a);
	}
	va_end(a.ap);
	/* All or nothing, as in every other write. */
	if (w->over && !w->cut)
		w->len = start;
}

void wr_fmt(struct wr *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	wr_vfmt(w, fmt, ap);
	va_end(ap);
}

struct str wr_done(const struct wr *w)
{
	return (struct str){ w->buf, w->len };
}

const char *wr_cstr(struct wr *w)
{
	if (w->len == w->cap) {
		w->over = true;
		w->len--;
	}
	w->buf[w->len] = '\0';
	return w->buf;
}
