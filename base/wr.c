/* SPDX-License-Identifier: ISC */
/*
 * wr.c - a bounded writer of text. Never does: write beyond its buffer.
 * Runs in: any
 */
#include "base/wr.h"

#include <stdio.h>
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

void wr_u64(struct wr *w, uint64_t v)
{
	char text[20];		/* UINT64_MAX has 20 digits */
	size_t i = sizeof(text);

	do {
		text[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	wr_str(w, (struct str){ text + i, sizeof(text) - i });
}

/* The text fills the room or is longer. vsnprintf() has written its NUL in the
 * place of the last byte that fits, so format the text again. */
static void __attribute__((format(printf, 3, 0)))
fill_room(struct wr *w, size_t room, const char *fmt, va_list ap)
{
	char text[WR_FMT_MAX];
	int n = vsnprintf(text, sizeof(text), fmt, ap);

	wr_str(w, (struct str){ text, (size_t)n < sizeof(text) ?
				      (size_t)n : sizeof(text) - 1 });
	w->over |= (size_t)n > room;
}

void wr_vfmt(struct wr *w, const char *fmt, va_list ap)
{
	size_t room = w->cap - w->len;
	va_list again;
	int n;

	if (w->over)
		return;
	va_copy(again, ap);
	n = vsnprintf(w->buf + w->len, room, fmt, ap);
	if (n >= 0 && (size_t)n < room)
		w->len += (size_t)n;
	else if (n >= 0 && ((size_t)n == room || w->cut))
		fill_room(w, room, fmt, again);
	else
		w->over = true;
	va_end(again);
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
