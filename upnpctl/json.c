/* SPDX-License-Identifier: ISC */
/*
 * json.c - JSON on standard output, a value at a time.
 *
 * Runs in: upnpctl
 */
#include <stdbool.h>
#include "base/str.h"
#include "upnpctl/json.h"
#include "base/wr.h"
#include "upnpctl/out.h"

#define JSON_DEPTH_MAX 8	/* ours nest three deep */

static struct {
	bool lines;		/* a value a line */
	unsigned depth;
	bool array[JSON_DEPTH_MAX], full[JSON_DEPTH_MAX];
} json;

/* How many bytes the character at the head of @s has; 0: it is no UTF-8.
 * RFC 3629 4 */
static size_t utf8(struct str s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char c = (unsigned char)s.p[0];
	size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3
		 : c < 0xf5 ? 4 : 0;
	uint32_t v = n > 1 ? c & (0x7fu >> n) : c;

	if (n > s.n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		c = (unsigned char)s.p[i];
		if ((c & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (c & 0x3f);
	}
	if (n && (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000)))
		return 0;
	return n;
}

/* RFC 8259 7 */
static void quoted(struct str s)
{
	size_t n;

	out_ch('"');
	for (; s.n; s = str_skip(s, n ? n : 1)) {
		n = utf8(s);
		if (!n)
			out_str(STR("\xef\xbf\xbd"));
		else if ((unsigned char)*s.p < ' ' || *s.p == 0x7f)
			out_fmt("\\u%04x", (unsigned)(unsigned char)*s.p);
		else if (*s.p == '"' || *s.p == '\\')
			out_fmt("\\%c", *s.p);
		else
			out_str((struct str){ s.p, n });
	}
	out_ch('"');
}

void json_lines(void)
{
	json.lines = true;
}

static void new_line(void)
{
	if (json.lines)
		return;
	out_ch('\n');
	for (unsigned i = 0; i < json.depth; i++)
		out_str(STR("  "));
}

/* What stands before a value. */
static void begin(const char *key)
{
	if (json.depth) {
		if (json.full[json.depth - 1])
			out_ch(',');
		json.full[json.depth - 1] = true;
		new_line();
	}
	if (key) {
		quoted(str_z(key));
		out_str(STR(": "));
	}
}

static void open_value(const char *key, bool array)
{
	begin(key);
	out_ch(array ? '[' : '{');
	json.array[json.depth] = array;
	json.full[json.depth++] = false;
}

void json_object(const char *key)
{
	open_value(key, false);
}

void json_array(const char *key)
{
	open_value(key, true);
}

void json_end(void)
{
	json.depth--;
	if (json.full[json.depth])
		new_line();
	out_ch(json.array[json.depth] ? ']' : '}');
	if (!json.depth)
		out_ch('\n');
}

void json_str(const char *key, struct str s)
{
	begin(key);
	quoted(s);
}

void json_u64(const char *key, uint64_t v)
{
	begin(key);
	out_fmt("%llu", (unsigned long long)v);
}

void json_bool(const char *key, bool b)
{
	begin(key);
	out_str(b ? STR("true") : STR("false"));
}

void json_null(const char *key)
{
	begin(key);
	out_str(STR("null"));
}

void json_ip(const char *key, uint32_t ip)
{
	char quad[16];
	struct wr w = wr_init(quad, sizeof(quad));

	if (!ip) {
		json_null(key);
		return;
	}
	wr_ipv4(&w, ip);
	json_str(key, wr_done(&w));
}
