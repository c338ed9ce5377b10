/* SPDX-License-Identifier: ISC */
/*
 * wr.c - a bounded writer of text. Never writes beyond its buffer.
 *
 * Runs in: any
 */
#include "base/wr.h"

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

void wr_ipv4(struct wr *w, uint32_t ip)
{
	char quad[16];	/* "255.255.255.255", NUL */
	struct wr q = wr_init(quad, sizeof(quad));

	wr_fmt(&q, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255,
	       ip & 255);
	wr_str(w, wr_done(&q));
}

void wr_net(struct wr *w, uint32_t ip, uint32_t mask)
{
	wr_ipv4(w, ip & mask);
	wr_ch(w, '/');
	wr_u64(w, mask_bits(mask));
}

/* What stands for @c in XML; empty where it may not stand at all. */
static struct str xml_of(const char *c)
{
	switch (*c) {
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
	}
	if ((unsigned char)*c < ' ' && *c != '\t' && *c != '\n' && *c != '\r')
		return (struct str){ c, 0 };
	return (struct str){ c, 1 };
}

void wr_xml(struct wr *w, struct str s)
{
	size_t start = w->len, i;

	for (i = 0; i < s.n; i++)
		wr_str(w, xml_of(s.p + i));
	/* All or nothing, like every other write. */
	if (w->over && !w->cut)
		w->len = start;
}

/* ---- printf's small cousin ------------------------------------------ */

/* What stands between a '%' and its letter. */
struct conversion {
	bool zeros;		/* padded with '0' instead of ' ' */
	unsigned width;
	size_t precision;	/* of %s: at most so many bytes */
	unsigned longs;
};

/* An array type on some machines, so that only a struct can be passed on. */
struct arguments {
	va_list ap;
};

static unsigned digits(const char **p)
{
	unsigned n = 0;

	for (; **p >= '0' && **p <= '9'; (*p)++)
		n = n * 10 + (unsigned)(**p - '0');
	return n;
}

static const char *parse_conversion(const char *p, struct arguments *a,
				    struct conversion *ret)
{
	*ret = (struct conversion){ .zeros = *p == '0', .precision = SIZE_MAX };
	ret->width = digits(&p);
	if (*p == '.' && p[1] == '*') {
		int n = va_arg(a->ap, int);

		ret->precision = n < 0 ? 0 : (size_t)n;
		p += 2;
	} else if (*p == '.') {
		p++;
		ret->precision = digits(&p);
	}
	for (; *p == 'l' || *p == 'z'; p++)
		ret->longs++;	/* size_t is a long wherever Linux runs */
	return p;
}

static void put_string(struct wr *w, const char *z, size_t max)
{
	wr_str(w, (struct str){ z, z ? strnlen(z, max) : 0 });
}

static void put_number(struct wr *w, const struct conversion *c, uint64_t v,
		       unsigned base)
{
	char text[20];		/* UINT64_MAX has 20 digits */
	size_t i = sizeof(text);

	do {
		text[--i] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v > 0);
	for (size_t n = sizeof(text) - i; n < c->width; n++)
		wr_ch(w, c->zeros ? '0' : ' ');
	wr_str(w, (struct str){ text + i, sizeof(text) - i });
}

void wr_u64(struct wr *w, uint64_t v)
{
	put_number(w, &(struct conversion){ 0 }, v, 10);
}

static uint64_t next_unsigned(struct arguments *a, unsigned longs)
{
	if (longs == 0)
		return va_arg(a->ap, unsigned);
	if (longs == 1)
		return va_arg(a->ap, unsigned long);
	return va_arg(a->ap, unsigned long long);
}

static int64_t next_signed(struct arguments *a, unsigned longs)
{
	if (longs == 0)
		return va_arg(a->ap, int);
	if (longs == 1)
		return va_arg(a->ap, long);
	return va_arg(a->ap, long long);
}

static void put_signed(struct wr *w, const struct conversion *c, int64_t v)
{
	if (v < 0)
		wr_ch(w, '-');
	put_number(w, c, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10);
}

/* @p stands behind the '%'. Return: behind the conversion */
static const char *convert(struct wr *w, const char *p, struct arguments *a)
{
	struct conversion c;

	p = parse_conversion(p, a, &c);
	switch (*p) {
	case '%':
		wr_ch(w, '%');
		break;
	case 'c':
		wr_ch(w, (char)va_arg(a->ap, int));
		break;
	case 's':
		put_string(w, va_arg(a->ap, const char *), c.precision);
		break;
	case 'd':
		put_signed(w, &c, next_signed(a, c.longs));
		break;
	case 'u':
		put_number(w, &c, next_unsigned(a, c.longs), 10);
		break;
	case 'x':
		put_number(w, &c, next_unsigned(a, c.longs), 16);
		break;
	default:		/* not one of ours: nothing at all is written */
		w->over = true;
		return "";
	}
	return p + 1;
}

void wr_vfmt(struct wr *w, const char *fmt, va_list ap)
{
	size_t start = w->len;
	struct arguments a;
	bool before = w->over;

	va_copy(a.ap, ap);
	while (*fmt) {
		size_t plain = (size_t)(strchrnul(fmt, '%') - fmt);

		wr_str(w, (struct str){ fmt, plain });
		fmt += plain;
		if (*fmt)
			fmt = convert(w, fmt + 1, &a);
	}
	va_end(a.ap);
	/* All or nothing, like every other write. */
	if (w->over && !before && !w->cut)
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
