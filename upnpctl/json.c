/* SPDX-License-Identifier: ISC */
/* json.c - JSON on standard output, a value at a time. Runs in: upnpctl */
#include <stdbool.h>
#include "base/str.h"
#include "upnpctl/json.h"
#include "base/utf8.h"
#include "base/wr.h"
#include "upnpctl/out.h"

#define JSON_DEPTH_MAX 8	/* the deepest value has three levels */

static struct {
	bool lines;		/* one value on each line */
	unsigned depth;
	bool array[JSON_DEPTH_MAX], full[JSON_DEPTH_MAX];
} json;

/* RFC 8259 7 */
static void quoted(struct str s)
{
	uint32_t c;
	size_t n;

	out_ch('"');
	for (; s.n; s = str_skip(s, n ? n : 1)) {
		n = utf8_get(s, &c);
		if (!n)
			out_str(STR("\xef\xbf\xbd"));
		else if (c < ' ' || c == 0x7f)
			out_fmt("\\u%04x", (unsigned)c);
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

/* Write the comma, line break and key before a value. */
static void begin_value(const char *key)
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
	begin_value(key);
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
	begin_value(key);
	quoted(s);
}

void json_u64(const char *key, uint64_t v)
{
	begin_value(key);
	out_fmt("%llu", (unsigned long long)v);
}

void json_bool(const char *key, bool b)
{
	begin_value(key);
	out_str(b ? STR("true") : STR("false"));
}

void json_null(const char *key)
{
	begin_value(key);
	out_str(STR("null"));
}

void json_addr(const char *key, struct addr a)
{
	if (addr_is_set(a))
		json_str(key, str_z(addr_text(a).text));
	else
		json_null(key);
}
