/* SPDX-License-Identifier: ISC */
/*
 * httpmsg.c - parse the head of an HTTP or SSDP message.
 *
 * Owns: nothing; every slice points into the caller's buffer.
 * Invariant: only complete lines are parsed, in order, so a head in pieces has
 * the same result, and the same error, as the same head in one piece.
 * Runs in: any
 */
#include "http/httpmsg.h"

#include <string.h>

enum { BAD_SYNTAX = -400, TOO_MANY_FIELDS = -431, BAD_VERSION = -505 };

/* ---- classes of bytes ---------------------------------------- */

/* tchar, RFC 9110 5.6.2. */
static bool is_tchar(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* A target is a URI or "*": visible ASCII, RFC 9112 3.2 and RFC 3986 2. */
static bool is_visible(unsigned char c)
{
	return c > 0x20 && c < 0x7f;
}

/* field-vchar, space and tab, RFC 9110 5.5. obs-text (from 0x80 on) is accepted
 * because user agents have UTF-8 in their names. */
static bool is_text(unsigned char c)
{
	return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static bool all(struct str s, bool (*is)(unsigned char))
{
	for (size_t i = 0; i < s.n; i++)
		if (!is((unsigned char)s.p[i]))
			return false;
	return true;
}

/* ---- the start line ---------------------------------------------------- */

/* HTTP-version, RFC 9112 2.3: one digit, a dot, one digit; case matters. */
static int parse_version(struct str s, unsigned *ret_minor)
{
	uint32_t major, minor;

	if (s.n != 8 || !str_starts(s, STR("HTTP/")) || s.p[6] != '.')
		return BAD_SYNTAX;
	if (str_u32((struct str){ s.p + 5, 1 }, 0, 9, &major) ||
	    str_u32((struct str){ s.p + 7, 1 }, 0, 9, &minor))
		return BAD_SYNTAX;
	if (major != 1)
		return BAD_VERSION;
	*ret_minor = minor;
	return 0;
}

/* method SP target SP HTTP/1.x with single spaces. RFC 9112 3 would allow more
 * white space, but no client needs it. */
static int parse_request(struct str line, struct httpmsg *m)
{
	if (!str_cut(&line, ' ', &m->method) ||
	    !str_cut(&line, ' ', &m->target))
		return BAD_SYNTAX;
	if (!m->method.n || !all(m->method, is_tchar) ||
	    !m->target.n || !all(m->target, is_visible))
		return BAD_SYNTAX;
	return parse_version(line, &m->minor);
}

/* HTTP/1.x SP nnn [SP reason]; some devices omit the last space and the
 * reason. */
static int parse_status(struct str line, struct httpmsg *m)
{
	struct str version, code;
	uint32_t status;
	int err;

	str_cut(&line, ' ', &version);
	err = parse_version(version, &m->minor);
	if (err)
		return err;
	if (!str_cut(&line, ' ', &code) || code.n != 3 ||
	    str_u32(code, 100, 999, &status) || !all(line, is_text))
		return BAD_SYNTAX;
	m->status = status;
	return 0;
}

/* ---- fields ------------------------------------------------------------ */

/* White space before the colon and a continuation line both appear as a name
 * that is not a token. They are errors, because parsers that differ on them
 * allow request smuggling. */
static int parse_field(struct str line, struct httpmsg *m)
{
	struct httpmsg_field f = { .value = line };

	if (!memchr(line.p, ':', line.n))
		return BAD_SYNTAX;
	str_cut(&f.value, ':', &f.name);
	if (!f.name.n || !all(f.name, is_tchar) || !all(f.value, is_text))
		return BAD_SYNTAX;
	if (m->field_n == HTTP_HEADERS_MAX)
		return TOO_MANY_FIELDS;
	f.value = str_trim(f.value);
	m->field[m->field_n++] = f;
	return 0;
}

/*
 * Split off the next line, without its LF or CRLF. Return: false: its end has
 * not arrived. A second CR stays in the line, where it is an error.
 */
static bool next_line(struct str *rest, struct str *ret_line)
{
	const char *lf = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
	struct str line = { rest->p, 0 };

	if (!lf)
		return false;
	line.n = (size_t)(lf - rest->p);
	*rest = str_skip(*rest, line.n + 1);
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	*ret_line = line;
	return true;
}

ssize_t httpmsg_parse(const char *buf, size_t len, struct httpmsg *ret)
{
	struct str rest = { buf, len }, line;
	struct httpmsg m = { .field_n = 0 };
	int err;

	do
		if (!next_line(&rest, &line))
			return 0;
	while (!line.n);
	/* No method contains a slash. */
	err = str_starts(line, STR("HTTP/")) ? parse_status(line, &m) :
	      parse_request(line, &m);
	for (; !err; err = parse_field(line, &m)) {
		if (!next_line(&rest, &line))
			return 0;
		if (!line.n) {
			*ret = m;
			return (ssize_t)(len - rest.n);
		}
	}
	return err;
}

/* ---- reading a parsed head --------------------------------------------- */

bool httpmsg_get(const struct httpmsg *m, struct str name, struct str *ret)
{
	for (size_t i = 0; i < m->field_n; i++) {
		if (!str_ieq(m->field[i].name, name))
			continue;
		*ret = m->field[i].value;
		return true;
	}
	return false;
}

size_t httpmsg_count(const struct httpmsg *m, struct str name)
{
	size_t n = 0;

	for (size_t i = 0; i < m->field_n; i++)
		n += str_ieq(m->field[i].name, name);
	return n;
}

/* RFC 9110 5.6.1: commas with optional white space; empty elements are
 * ignored. */
static bool list_has(struct str list, struct str token)
{
	struct str item;

	while (str_cut(&list, ',', &item))
		if (str_ieq(str_trim(item), token))
			return true;
	return false;
}

bool httpmsg_has_token(const struct httpmsg *m, struct str name,
		       struct str token)
{
	for (size_t i = 0; i < m->field_n; i++)
		if (str_ieq(m->field[i].name, name) &&
		    list_has(m->field[i].value, token))
			return true;
	return false;
}
