/* SPDX-License-Identifier: ISC */
/*
 * xmltiny.c - a pull parser for the XML that control points send.
 *
 * Owns: nothing; every slice it gives out points into the caller's document.
 * Never does: read a DTD, fetch anything, recurse, allocate, change a byte.
 * Invariants: x->in only ever shrinks, so the work is bounded by the document;
 * whoever fails on a piece of it fails for good.
 * Looser than XML 1.0 where no harm can come of it: bytes from 0x80 on are
 * taken as they are (not checked to be UTF-8; a user of the text does), and
 * "--" may stand in a comment.
 *
 * Runs in: engine
 */
#include "xmltiny.h"
#include "base/utf8.h"
#include "base/wr.h"

/* ---- taking things off the front of a slice ------------------------ */

static bool eat(struct str *in, struct str lit)
{
	if (!str_starts(*in, lit))
		return false;
	*in = str_skip(*in, lit.n);
	return true;
}

/* How far is it to @mark? in.n where it does not come. */
static size_t find(struct str in, struct str mark)
{
	size_t i;

	for (i = 0; i < in.n; i++)
		if (in.p[i] == mark.p[0] && str_starts(str_skip(in, i), mark))
			return i;
	return in.n;
}

/* Take what stands before @mark, and @mark itself. */
static bool take_until(struct str *in, struct str mark, struct str *ret)
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

/* XML 1.0 2.3 NameStartChar, every character beyond ASCII taken for one. */
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

static bool take_name(struct str *in, struct str *ret)
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
	size_t i;

	for (i = 0; i < s.n; i++) {
		int d = str_hex(s.p[i]);

		if (d < 0 || (uint32_t)d >= base)
			return false;
		v = v * base + (uint32_t)d;
		if (v > 0x10ffff)
			return false;
	}
	*ret = v;
	/* without a digit it is 0, which is none */
	return utf8_is_xml(v);
}

/* The five of XML 1.0 4.6. A DTD, which could define more, is never read. */
static bool parse_entity(struct str name, uint32_t *ret)
{
	static const struct {
		const char *name;
		unsigned char c;
	} entity[] = {
		{ "lt", '<' },	 { "gt", '>' },	  { "amp", '&' },
		{ "quot", '"' }, { "apos", '\'' },
	};
	size_t i;

	for (i = 0; i < sizeof(entity) / sizeof(entity[0]); i++)
		if (str_eq(name, str_z(entity[i].name))) {
			*ret = entity[i].c;
			return true;
		}
	return false;
}

/* The character of a reference whose '&' is taken already. */
static bool take_ref(struct str *in, uint32_t *ret)
{
	struct str body;

	if (!take_until(in, STR(";"), &body))
		return false;
	if (eat(&body, STR("#x")))
		return parse_charref(body, 16, ret);
	if (eat(&body, STR("#")))
		return parse_charref(body, 10, ret);
	return parse_entity(body, ret);
}

static bool refs_ok(struct str s)
{
	struct str plain;
	uint32_t c;

	while (take_until(&s, STR("&"), &plain))
		if (!take_ref(&s, &c))
			return false;
	return true;
}

bool xmltiny_decode(struct str raw, bool cdata, struct wr *out)
{
	struct str plain;
	uint32_t c;

	while (!cdata && take_until(&raw, STR("&"), &plain)) {
		wr_str(out, plain);
		if (!take_ref(&raw, &c))
			return false;
		utf8_put(out, c);
	}
	wr_str(out, raw);
	return !out->over;
}

/* ---- attributes ---------------------------------------------------- */

static bool take_quoted(struct str *in, struct str *ret)
{
	struct str quote = { in->p, 1 };

	if (!in->n || (in->p[0] != '"' && in->p[0] != '\''))
		return false;
	*in = str_skip(*in, 1);
	return take_until(in, quote, ret);
}

static bool has_attr(const struct xml *x, struct str name)
{
	size_t i;

	for (i = 0; i < x->attr_n; i++)
		if (str_eq(x->attr[i].name, name))
			return true;
	return false;
}

static bool take_attr(struct xml *x)
{
	struct xml_attr a;

	if (x->attr_n == XML_ATTRS_MAX || !take_name(&x->in, &a.name))
		return false;
	skip_space(&x->in);
	if (!eat(&x->in, STR("=")))
		return false;
	skip_space(&x->in);
	if (!take_quoted(&x->in, &a.value))
		return false;
	/* XML 1.0 3.1: no '<' in a value, no attribute twice */
	if (find(a.value, STR("<")) != a.value.n || !refs_ok(a.value) ||
	    has_attr(x, a.name))
		return false;
	x->attr[x->attr_n++] = a;
	return true;
}

/* All attributes up to whatever ends the tag, the white space before that
 * included. */
static bool take_attrs(struct xml *x)
{
	size_t before;

	x->attr_n = 0;
	for (;;) {
		before = x->in.n;
		skip_space(&x->in);
		if (!x->in.n || !is_name_start(x->in.p[0]))
			return true;
		if (x->in.n == before || !take_attr(x))
			return false;
	}
}

/* ---- the start of the document ------------------------------------- */

/*
 * All that comes after it is read as bytes that agree with ASCII, so no other
 * encoding may claim to be here (UDA 1.1 3.2: UTF-8).
 */
static bool encoding_ok(const struct xml *x)
{
	size_t i;

	for (i = 0; i < x->attr_n; i++)
		if (str_eq(x->attr[i].name, STR("encoding")) &&
		    !str_ieq(x->attr[i].value, STR("utf-8")) &&
		    !str_ieq(x->attr[i].value, STR("us-ascii")))
			return false;
	return true;
}

/* <?xml version="1.0" encoding="..."?>, which need not be there. */
static bool take_declaration(struct xml *x)
{
	if (!str_starts(x->in, STR("<?xml")) || x->in.n < 6 ||
	    !is_space(x->in.p[5]))
		return true;
	x->in = str_skip(x->in, 5);
	return take_attrs(x) && eat(&x->in, STR("?>")) && encoding_ok(x);
}

/*
 * XML 1.0 2.2: control characters stand nowhere in a document, not even in a
 * comment. This finds UTF-16 without its mark too: half of it is NULs.
 */
static bool chars_ok(struct str doc)
{
	size_t i;

	for (i = 0; i < doc.n; i++)
		if ((unsigned char)doc.p[i] < 0x20 && !is_space(doc.p[i]))
			return false;
	return true;
}

void xmltiny_init(struct xml *x, struct str doc)
{
	*x = (struct xml){ .in = doc };
	eat(&x->in, STR("\xef\xbb\xbf"));
	x->failed = !chars_ok(doc) || !take_declaration(x);
}

/* ---- tokens -------------------------------------------------------- */

/* A name with more than one colon is split at the first; one with nothing on
 * either side of it is none (Namespaces in XML 1.0, 4). */
static bool split_name(struct xml *x, struct str name)
{
	x->prefix = (struct str){ name.p, 0 };
	x->local = name;
	if (!take_until(&x->local, STR(":"), &x->prefix))
		return true;
	return x->prefix.n && x->local.n;
}

/* "<?" is taken already. A declaration is no PI: in the middle it is wrong. */
static bool skip_pi(struct xml *x)
{
	struct str name, rest;

	return take_name(&x->in, &name) && !str_ieq(name, STR("xml")) &&
	       take_until(&x->in, STR("?>"), &rest);
}

/* Pass over what is nobody's business: comments, PIs and, outside the root,
 * white space. */
static bool skip_misc(struct xml *x)
{
	struct str rest;

	for (;;) {
		if (!x->depth)
			skip_space(&x->in);
		if (eat(&x->in, STR("<!--"))) {
			if (!take_until(&x->in, STR("-->"), &rest))
				return false;
		} else if (eat(&x->in, STR("<?"))) {
			if (!skip_pi(x))
				return false;
		} else {
			return true;
		}
	}
}

static enum xml_token take_text(struct xml *x)
{
	x->text = (struct str){ x->in.p, find(x->in, STR("<")) };
	x->cdata = false;
	/* XML 1.0 2.4: "]]>" may not stand in text */
	if (!x->depth || !refs_ok(x->text) ||
	    find(x->text, STR("]]>")) != x->text.n)
		return XML_ERR;
	x->in = str_skip(x->in, x->text.n);
	return XML_TEXT;
}

static enum xml_token take_cdata(struct xml *x)
{
	x->cdata = true;
	if (!x->depth || !take_until(&x->in, STR("]]>"), &x->text))
		return XML_ERR;
	return XML_TEXT;
}

/* A DOCTYPE ends here as well: '!' starts no name. */
static enum xml_token take_open(struct xml *x)
{
	struct str name;

	if (x->depth == XML_DEPTH_MAX || (!x->depth && x->rooted))
		return XML_ERR;
	if (!take_name(&x->in, &name) || !split_name(x, name) ||
	    !take_attrs(x))
		return XML_ERR;
	x->empty = eat(&x->in, STR("/>"));
	if (!x->empty && !eat(&x->in, STR(">")))
		return XML_ERR;
	x->open[x->depth++] = name;
	x->rooted = true;
	return XML_OPEN;
}

static enum xml_token take_close(struct xml *x)
{
	struct str name;

	if (!take_name(&x->in, &name) || !x->depth ||
	    !str_eq(name, x->open[x->depth - 1]) || !split_name(x, name))
		return XML_ERR;
	skip_space(&x->in);
	if (!eat(&x->in, STR(">")))
		return XML_ERR;
	x->depth--;
	return XML_CLOSE;
}

static enum xml_token take_token(struct xml *x)
{
	if (x->empty) {
		/* prefix and local still are those of the XML_OPEN */
		x->empty = false;
		x->depth--;
		return XML_CLOSE;
	}
	if (!skip_misc(x))
		return XML_ERR;
	if (!x->in.n)
		return x->rooted && !x->depth ? XML_END : XML_ERR;
	if (eat(&x->in, STR("<![CDATA[")))
		return take_cdata(x);
	if (eat(&x->in, STR("</")))
		return take_close(x);
	if (eat(&x->in, STR("<")))
		return take_open(x);
	return take_text(x);
}

enum xml_token xmltiny_next(struct xml *x)
{
	enum xml_token t = XML_ERR;

	if (!x->failed)
		t = take_token(x);
	x->failed = t == XML_ERR;
	return t;
}
