/* SPDX-License-Identifier: ISC */
/*
 * xmltiny.c - a pull parser for the XML that control points send.
 *
 * Owns: nothing; every slice that it returns points into the caller's document.
 * Never does: read a DTD, fetch anything, recurse, allocate, change a byte.
 * Invariants: x->in only shrinks, so the work is bounded by the document; after
 * an error every call returns an error.
 * It is less strict than XML 1.0 where that is harmless: bytes from 0x80 on
 * need not be UTF-8 (the caller checks the text that it uses), and "--" may
 * occur in a comment.
 * Runs in: engine
 */
#include "xmltiny.h"

#include <string.h>
#include "base/utf8.h"
#include "base/wr.h"

/* ---- reading from the front of a slice ------------------------ */

static bool skip_literal(struct str *in, struct str lit)
{
	if (!str_starts(*in, lit))
		return false;
	*in = str_skip(*in, lit.n);
	return true;
}

/* Return: offset of @mark; in.n if it does not occur */
static size_t find(struct str in, struct str mark)
{
	const char *p = in.n ? memchr(in.p, mark.p[0], in.n) : NULL;

	while (p) {
		size_t at = (size_t)(p - in.p);

		if (str_starts(str_skip(in, at), mark))
			return at;
		p = memchr(p + 1, mark.p[0], in.n - at - 1);
	}
	return in.n;
}

/* Read the text before @mark, and skip @mark. */
static bool read_until(struct str *in, struct str mark, struct str *ret)
{
	size_t n = find(*in, mark);

	if (n == in->n)
		return false;
	*ret = (struct str){ in->p, n };
	*in = str_skip(*in, n + mark.n);
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_space(struct str *in)
{
	while (in->n && is_space(in->p[0]))
		*in = str_skip(*in, 1);
}

/* XML 1.0 2.3 NameStartChar; every character beyond ASCII counts as one. */
static bool is_name_start(char ch)
{
	unsigned char c = (unsigned char)ch;

	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       c == ':' || c >= 0x80;
}

static bool is_name(char c)
{
	return is_name_start(c) || (c >= '0' && c <= '9') || c == '-' ||
	       c == '.';
}

static bool read_name(struct str *in, struct str *ret)
{
	size_t n = 1;

	if (!in->n || !is_name_start(in->p[0]))
		return false;
	while (n < in->n && is_name(in->p[n]))
		n++;
	*ret = (struct str){ in->p, n };
	*in = str_skip(*in, n);
	return true;
}

/* ---- references ---------------------------------------------------- */

static bool parse_charref(struct str s, uint32_t base, uint32_t *ret)
{
	uint32_t v = 0;

	for (size_t i = 0; i < s.n; i++) {
		int d = str_hex(s.p[i]);

		if (d < 0 || (uint32_t)d >= base)
			return false;
		v = v * base + (uint32_t)d;
		if (v > 0x10ffff)
			return false;
	}
	*ret = v;
	/* without digits the value is 0, which is not allowed */
	return utf8_is_xml(v);
}

/* The five entities of XML 1.0 4.6. A DTD, which could define more, is an
 * error. */
static bool parse_entity(struct str name, uint32_t *ret)
{
	static const struct {
		const char *name;
		unsigned char c;
	} entity[] = {
		{ "lt", '<' },	 { "gt", '>' },	  { "amp", '&' },
		{ "quot", '"' }, { "apos", '\'' },
	};

	for (size_t i = 0; i < sizeof(entity) / sizeof(entity[0]); i++)
		if (str_eq(name, str_z(entity[i].name))) {
			*ret = entity[i].c;
			return true;
		}
	return false;
}

/* Read a reference after its '&'. @ret: its character */
static bool read_ref(struct str *in, uint32_t *ret)
{
	struct str body;

	if (!read_until(in, STR(";"), &body))
		return false;
	if (skip_literal(&body, STR("#x")))
		return parse_charref(body, 16, ret);
	if (skip_literal(&body, STR("#")))
		return parse_charref(body, 10, ret);
	return parse_entity(body, ret);
}

static bool refs_ok(struct str s)
{
	struct str plain;
	uint32_t c;

	while (read_until(&s, STR("&"), &plain))
		if (!read_ref(&s, &c))
			return false;
	return true;
}

bool xmltiny_decode(struct str raw, bool cdata, struct wr *out)
{
	struct str plain;
	uint32_t c;

	while (!cdata && read_until(&raw, STR("&"), &plain)) {
		wr_str(out, plain);
		if (!read_ref(&raw, &c))
			return false;
		utf8_put(out, c);
	}
	wr_str(out, raw);
	return !out->over;
}

/* ---- attributes ---------------------------------------------------- */

static bool read_quoted(struct str *in, struct str *ret)
{
	struct str quote = { in->p, 1 };

	if (!in->n || (in->p[0] != '"' && in->p[0] != '\''))
		return false;
	*in = str_skip(*in, 1);
	return read_until(in, quote, ret);
}

static bool read_attr(struct xml *x)
{
	struct xml_attr a;

	if (x->attr_n == XML_ATTRS_MAX || !read_name(&x->in, &a.name))
		return false;
	skip_space(&x->in);
	if (!skip_literal(&x->in, STR("=")))
		return false;
	skip_space(&x->in);
	if (!read_quoted(&x->in, &a.value))
		return false;
	/* XML 1.0 3.1: no '<' in a value, no attribute twice */
	if (find(a.value, STR("<")) != a.value.n || !refs_ok(a.value))
		return false;
	for (size_t i = 0; i < x->attr_n; i++)
		if (str_eq(x->attr[i].name, a.name))
			return false;
	x->attr[x->attr_n++] = a;
	return true;
}

/* Read all attributes up to the end of the tag, including the white space
 * before the end. */
static bool read_attrs(struct xml *x)
{
	size_t before;

	x->attr_n = 0;
	for (;;) {
		before = x->in.n;
		skip_space(&x->in);
		if (!x->in.n || !is_name_start(x->in.p[0]))
			return true;
		if (x->in.n == before || !read_attr(x))
			return false;
	}
}

/* ---- the start of the document ------------------------------------- */

/*
 * The document is parsed as bytes of an ASCII superset, so any other declared
 * encoding is an error (UDA 1.1 3.2: UTF-8).
 */
static bool encoding_ok(const struct xml *x)
{
	for (size_t i = 0; i < x->attr_n; i++)
		if (str_eq(x->attr[i].name, STR("encoding")) &&
		    !str_ieq(x->attr[i].value, STR("utf-8")) &&
		    !str_ieq(x->attr[i].value, STR("us-ascii")))
			return false;
	return true;
}

/* Read <?xml version="1.0" encoding="..."?>, which is optional. */
static bool read_declaration(struct xml *x)
{
	if (!str_starts(x->in, STR("<?xml")) || x->in.n < 6 ||
	    !is_space(x->in.p[5]))
		return true;
	x->in = str_skip(x->in, 5);
	return read_attrs(x) && skip_literal(&x->in, STR("?>")) &&
	       encoding_ok(x);
}

/*
 * XML 1.0 2.2: no control characters anywhere in a document, not even in a
 * comment. This also rejects UTF-16 without a byte order mark, by its NULs.
 */
static bool chars_ok(struct str doc)
{
	for (size_t i = 0; i < doc.n; i++)
		if ((unsigned char)doc.p[i] < 0x20 && !is_space(doc.p[i]))
			return false;
	return true;
}

void xmltiny_init(struct xml *x, struct str doc)
{
	*x = (struct xml){ .in = doc };
	skip_literal(&x->in, STR("\xef\xbb\xbf"));
	x->failed = !chars_ok(doc) || !read_declaration(x);
}

/* ---- tokens -------------------------------------------------------- */

/* Split a name at the first colon. A name with nothing before or after the
 * colon is an error (Namespaces in XML 1.0, 4). */
static bool split_name(struct xml *x, struct str name)
{
	x->prefix = (struct str){ name.p, 0 };
	x->local = name;
	if (!read_until(&x->local, STR(":"), &x->prefix))
		return true;
	return x->prefix.n && x->local.n;
}

/* Skip a PI after its "<?". An XML declaration here is an error. */
static bool skip_pi(struct xml *x)
{
	struct str name, rest;

	return read_name(&x->in, &name) && !str_ieq(name, STR("xml")) &&
	       read_until(&x->in, STR("?>"), &rest);
}

/* Skip comments, PIs and, outside the root, white space. */
static bool skip_misc(struct xml *x)
{
	struct str rest;

	for (;;) {
		if (!x->depth)
			skip_space(&x->in);
		/* most of what follows is a tag or a text */
		if (x->in.n < 2 || (x->in.p[1] != '!' && x->in.p[1] != '?'))
			return true;
		if (skip_literal(&x->in, STR("<!--"))) {
			if (!read_until(&x->in, STR("-->"), &rest))
				return false;
		} else if (skip_literal(&x->in, STR("<?"))) {
			if (!skip_pi(x))
				return false;
		} else {
			return true;
		}
	}
}

static enum xml_token read_text(struct xml *x)
{
	x->text = (struct str){ x->in.p, find(x->in, STR("<")) };
	x->cdata = false;
	/* XML 1.0 2.4: no "]]>" in text */
	if (!x->depth || !refs_ok(x->text) ||
	    find(x->text, STR("]]>")) != x->text.n)
		return XML_ERR;
	x->in = str_skip(x->in, x->text.n);
	return XML_TEXT;
}

/* A DOCTYPE is an error here, because '!' does not start a name. */
static enum xml_token read_open(struct xml *x)
{
	struct str name;

	if (x->depth == XML_DEPTH_MAX || (!x->depth && x->rooted))
		return XML_ERR;
	if (!read_name(&x->in, &name) || !split_name(x, name) || !read_attrs(x))
		return XML_ERR;
	x->empty = skip_literal(&x->in, STR("/>"));
	if (!x->empty && !skip_literal(&x->in, STR(">")))
		return XML_ERR;
	x->open[x->depth++] = name;
	x->rooted = true;
	return XML_OPEN;
}

static enum xml_token read_close(struct xml *x)
{
	struct str name;

	if (!read_name(&x->in, &name) || !x->depth ||
	    !str_eq(name, x->open[x->depth - 1]) || !split_name(x, name))
		return XML_ERR;
	skip_space(&x->in);
	if (!skip_literal(&x->in, STR(">")))
		return XML_ERR;
	x->depth--;
	return XML_CLOSE;
}

static enum xml_token read_token(struct xml *x)
{
	if (x->empty) {
		/* prefix and local are still those of the XML_OPEN */
		x->empty = false;
		x->depth--;
		return XML_CLOSE;
	}
	if (!skip_misc(x))
		return XML_ERR;
	if (!x->in.n)
		return x->rooted && !x->depth ? XML_END : XML_ERR;
	if (skip_literal(&x->in, STR("<![CDATA["))) {
		x->cdata = true;
		return x->depth && read_until(&x->in, STR("]]>"), &x->text) ?
		       XML_TEXT : XML_ERR;
	}
	if (skip_literal(&x->in, STR("</")))
		return read_close(x);
	if (skip_literal(&x->in, STR("<")))
		return read_open(x);
	return read_text(x);
}

enum xml_token xmltiny_next(struct xml *x)
{
	enum xml_token t = XML_ERR;

	if (!x->failed)
		t = read_token(x);
	x->failed = t == XML_ERR;
	return t;
}
