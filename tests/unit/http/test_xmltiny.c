/* SPDX-License-Identifier: ISC */
/*
 * test_xmltiny.c - the parser accepts well-formed documents and refuses all
 * others, ends after at most as many calls as bytes, and stays inside its
 * input: each document lies next to a page without access.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/wr.h"
#include "xmltiny.h"

#define ARRAY_N(a) (sizeof(a) / sizeof((a)[0]))

/* ---- a page between two pages without access --------------------- */

static char *guarded;
static size_t guarded_cap;

static int guard_up(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p;

	guarded_cap = 4 * page;
	p = mmap(NULL, guarded_cap + 2 * page, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -1;
	guarded = p + page;
	return mprotect(guarded, guarded_cap, PROT_READ | PROT_WRITE);
}

static int guard_down(void **state)
{
	size_t page = guarded_cap / 4;

	return munmap(guarded - page, guarded_cap + 2 * page);
}

static struct str at_end(const char *p, size_t n)
{
	assert_true(n <= guarded_cap);
	return (struct str){ memmove(guarded + guarded_cap - n, p, n), n };
}

static struct str at_start(const char *p, size_t n)
{
	assert_true(n <= guarded_cap);
	return (struct str){ memmove(guarded, p, n), n };
}

/* ---- a document as a line of its tokens ---------------------------- */

static void put_open(struct wr *w, const struct xml *x)
{
	size_t i;

	wr_fmt(w, "<%.*s|%.*s", STR_F(x->prefix), STR_F(x->local));
	for (i = 0; i < x->attr_n; i++)
		wr_fmt(w, " %.*s=[%.*s]", STR_F(x->attr[i].name),
		       STR_F(x->attr[i].value));
	wr_ch(w, '>');
}

static void put_token(struct wr *w, const struct xml *x, enum xml_token t)
{
	switch (t) {
	case XML_OPEN:
		put_open(w, x);
		break;
	case XML_CLOSE:
		wr_fmt(w, "</%.*s|%.*s>", STR_F(x->prefix), STR_F(x->local));
		break;
	case XML_TEXT:
		wr_z(w, x->cdata ? "c[" : "[");
		wr_str(w, x->text);
		wr_ch(w, ']');
		break;
	default:
		wr_z(w, t == XML_END ? "END" : "ERR");
	}
}

static void in_doc(struct str doc, struct str s)
{
	assert_true(s.n <= doc.n);
	if (s.n)
		assert_true(s.p >= doc.p && s.p + s.n <= doc.p + doc.n);
}

static void check_slices(const struct xml *x, enum xml_token t, struct str doc)
{
	size_t i;

	if (t == XML_TEXT)
		in_doc(doc, x->text);
	if (t != XML_OPEN)
		return;
	in_doc(doc, x->prefix);
	in_doc(doc, x->local);
	for (i = 0; i < x->attr_n; i++) {
		in_doc(doc, x->attr[i].name);
		in_doc(doc, x->attr[i].value);
	}
}

/* Text that the parser accepted must decode, to no more bytes than it has. */
static void check_decodes(const struct xml *x)
{
	static char buf[32768];
	struct wr w = wr_init(buf, x->text.n);

	assert_true(x->text.n <= sizeof(buf));
	assert_true(xmltiny_decode(x->text, x->cdata, &w));
	assert_true(w.len <= x->text.n);
}

/*
 * Read a document and check the invariants: at most doc.n + 1 calls, slices
 * inside the document, balanced tags, and the end repeats.
 */
static enum xml_token run(struct str doc, struct wr *w)
{
	struct xml x;
	enum xml_token t;
	size_t calls = 0, opens = 0, closes = 0;

	xmltiny_init(&x, doc);
	do {
		t = xmltiny_next(&x);
		assert_true(++calls <= doc.n + 1);
		opens += t == XML_OPEN;
		closes += t == XML_CLOSE;
		assert_true(x.depth <= XML_DEPTH_MAX);
		assert_int_equal(x.depth, opens - closes);
		check_slices(&x, t, doc);
		if (t == XML_TEXT)
			check_decodes(&x);
		if (w)
			put_token(w, &x, t);
	} while (t != XML_END && t != XML_ERR);
	if (t == XML_END)
		assert_true(opens == closes && opens > 0);
	assert_int_equal(xmltiny_next(&x), t);
	assert_int_equal(xmltiny_next(&x), t);
	return t;
}

static void expect(struct str doc, const char *want)
{
	char buf[4096];
	struct wr w = wr_init(buf, sizeof(buf));

	run(at_end(doc.p, doc.n), &w);
	assert_string_equal(wr_cstr(&w), want);
	w = wr_init(buf, sizeof(buf));
	run(at_start(doc.p, doc.n), &w);
	assert_string_equal(wr_cstr(&w), want);
}

/* ---- valid documents -------------------------------------- */

/* As clients send them: prolog, any prefix, attributes. */
#define ENVELOPE                                                              \
	"<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n"                      \
	"<!-- a comment -- with dashes -->"                                   \
	"<SOAP-ENV:Envelope xmlns:SOAP-ENV="                                  \
	"\"http://schemas.xmlsoap.org/soap/envelope/\"\n"                     \
	"\tSOAP-ENV:encodingStyle = 'http://schemas.xmlsoap.org/soap/enc/' >" \
	"<SOAP-ENV:Body><m:AddPortMapping xmlns:m='urn:x:WANIPConnection:1'>" \
	"<NewRemoteHost/><NewExternalPort >80</NewExternalPort\t>"            \
	"<D>a&amp;b&#x41;<![CDATA[<&]]>c<!-- x -->d<?pi e?></D>"              \
	"</m:AddPortMapping></SOAP-ENV:Body></SOAP-ENV:Envelope>"

static const struct {
	const char *doc, *want;
} whole[] = {
	{ "<a/>", "<|a></|a>END" },
	{ "<a></a>", "<|a></|a>END" },
	{ "<a ></a >", "<|a></|a>END" },
	{ "<a\n/>", "<|a></|a>END" },
	{ " \t\r\n<a/>\r\n\r\n", "<|a></|a>END" },
	{ "\xef\xbb\xbf<a/>", "<|a></|a>END" },
	{ "\xef\xbb\xbf<?xml version='1.0'?><a/>", "<|a></|a>END" },
	{ "<?xml version=\"1.0\"?><a/>", "<|a></|a>END" },
	{ "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?><a/>",
	  "<|a></|a>END" },
	{ "<?xml version='1.0' encoding='US-ascii'?><a/>", "<|a></|a>END" },
	{ "<?xml-stylesheet href='x'?><a/>", "<|a></|a>END" },
	{ "<!----><a/><!-- < & ]]> --><?p <&?>", "<|a></|a>END" },
	{ "<a>x</a>", "<|a>[x]</|a>END" },
	{ "<a> </a>", "<|a>[ ]</|a>END" },
	{ "<a>]] > ]></a>", "<|a>[]] > ]>]</|a>END" },
	{ "<a>x<!--y-->z<?p?>w</a>", "<|a>[x][z][w]</|a>END" },
	{ "<a>&lt;&gt;&amp;&quot;&apos;</a>",
	  "<|a>[&lt;&gt;&amp;&quot;&apos;]</|a>END" },
	{ "<a><![CDATA[]]></a>", "<|a>c[]</|a>END" },
	{ "<a><![CDATA[<b>&x;]]]]><![CDATA[>]]></a>",
	  "<|a>c[<b>&x;]]]c[>]</|a>END" },
	{ "<a><![CDATA[]]]]></a>", "<|a>c[]]]</|a>END" },
	{ "<p:a><p:b/></p:a>", "<p|a><p|b></p|b></p|a>END" },
	{ "<p:q:a/>", "<p|q:a></p|q:a>END" },
	{ "<_.-9\xc3\xa9/>", "<|_.-9\xc3\xa9></|_.-9\xc3\xa9>END" },
	{ "<a b='\"' c = \"'>\"\td='' />",
	  "<|a b=[\"] c=['>] d=[]></|a>END" },
	{ "<a p:b='1' q:b='2' b='3'/>",
	  "<|a p:b=[1] q:b=[2] b=[3]></|a>END" },
	{ "<a b='&#10;&amp;'/>", "<|a b=[&#10;&amp;]></|a>END" },
	/* the attributes of one element are not those of the next */
	{ "<a b='1'><c/></a>", "<|a b=[1]><|c></|c></|a>END" },
	{ ENVELOPE,
	  "<SOAP-ENV|Envelope "
	  "xmlns:SOAP-ENV=[http://schemas.xmlsoap.org/soap/envelope/] "
	  "SOAP-ENV:encodingStyle=[http://schemas.xmlsoap.org/soap/enc/]>"
	  "<SOAP-ENV|Body><m|AddPortMapping xmlns:m=[urn:x:WANIPConnection:1]>"
	  "<|NewRemoteHost></|NewRemoteHost>"
	  "<|NewExternalPort>[80]</|NewExternalPort>"
	  "<|D>[a&amp;b&#x41;]c[<&][c][d]</|D>"
	  "</m|AddPortMapping></SOAP-ENV|Body></SOAP-ENV|Envelope>END" },
};

static void test_valid_documents(void **state)
{
	size_t i;

	for (i = 0; i < ARRAY_N(whole); i++)
		expect(str_z(whole[i].doc), whole[i].want);
}

/* ---- invalid documents ---------------------------------------- */

static const char *const broken[] = {
	"", " ", "x", "<", "&", ">", "<?", "<!--", "<!---->", "<?p?>",
	"<?xml version='1.0'?>", "\xef\xbb\xbf", "\xef\xbb",
	/* encodings */
	"\xfe\xff<a/>", "\xff\xfe<a/>", "\xef\xbb\xbf\xef\xbb\xbf<a/>",
	"<?xml version='1.0' encoding='utf-16'?><a/>",
	"<?xml version='1.0' encoding='iso-8859-1'?><a/>",
	"<?xml version='1.0' encoding='utf-8 '?><a/>",
	"<?xml version='1.0' encoding=''?><a/>",
	/* declarations */
	" <?xml version='1.0'?><a/>", "<a><?xml version='1.0'?></a>",
	"<?xml version='1.0'?><?xml version='1.0'?><a/>", "<?xml?><a/>",
	"<?XML version='1.0'?><a/>", "<?xml version='1.0'><a/>",
	"<?xml version=1.0?><a/>", "<?xml version='1.0' ? ><a/>",
	"<?xml version='1.0'encoding='utf-8'?><a/>", "<?xml",
	"<?xml version='1.0' version='1.0'?><a/>",
	/* no DTD, so only the five entities, and no entity bomb */
	"<!DOCTYPE a><a/>", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
	"<!doctype a><a/>", "<a><!DOCTYPE a></a>", "<a/><!DOCTYPE a>",
	"<a><!ENTITY b 'c'></a>", "<!ELEMENT a ANY><a/>",
	/* outside the root */
	"x<a/>", "<a/>x", "<a/>&#32;", "<a/><b/>", "<a/><a/>", "<a></a></a>",
	"<![CDATA[x]]><a/>", "<a/><![CDATA[]]>", "</a>", "<a/></a>",
	/* tags that do not match */
	"<a>", "<a></b>", "<a></A>", "<a></p:a>", "<p:a></a>", "<p:a></q:a>",
	"<a><b></a></b>", "<a></ab>", "<ab></a>", "<a><b></a>",
	/* invalid tags */
	"<>", "< a/>", "<a", "<a /", "<a/ >", "<a/b>", "</ a>", "<a></ a>",
	"<a></a b='1'>", "<a></a/>", "<a></>", "<1/>", "<-a/>", "<.a/>",
	"<:a/>", "<a:/>", "<:/>", "<a:></a:>", "<a!/>", "<a?/>", "<a<b/>",
	"<a\"b\"/>", "<?1?><a/>", "<? p?><a/>", "<?\?><a/>",
	/* attributes */
	"<a b/>", "<a b=/>", "<a b=1/>", "<a b='1/>", "<a b='1\"/>",
	"<a b='<'/>", "<a b='1'c='2'/>", "<a b='1' b='2'/>", "<a ='1'/>",
	"<a b=='1'/>", "<a b 'c'/>", "<a '1'/>", "<a 1='1'/>", "<a b='&'/>",
	"<a b='&x;'/>", "<a b='&#0;'/>", "<a b='1' / >", "<ab='1'/>",
	/* text */
	"<a>]]></a>", "<a>x]]>y</a>", "<a>&</a>", "<a>&;</a>", "<a>&x</a>",
	"<a>&x;</a>", "<a>&nbsp;</a>", "<a>&LT;</a>", "<a>& lt;</a>",
	"<a>&lt ;</a>", "<a>&#;</a>", "<a>&#x;</a>", "<a>&#xg;</a>",
	"<a>&#X41;</a>", "<a>&#a;</a>", "<a>&#-1;</a>", "<a>&#1</a>;",
	/* a reference does not continue after a comment */
	"<a>&l<!---->t;</a>",
	/* unterminated sections */
	"<a><![CDATA[</a>", "<a><![CDATA[]]</a>", "<a><![cdata[x]]></a>",
	"<a><!-- </a>", "<a><!--></a>", "<a><!- x --></a>", "<a><?p </a>",
	"<a><?p ></a>", "<a><![CDATA[x]]>",
	/* control characters anywhere */
	"<a>\x01</a>", "<a b='\x1f'/>", "<!--\x08--><a/>", "<a/>\x0b",
	"<a><![CDATA[\x0c]]></a>", "<a\x0b/>",
};

static void test_invalid_documents(void **state)
{
	size_t i;

	for (i = 0; i < ARRAY_N(broken); i++) {
		struct str doc = str_z(broken[i]);

		if (run(at_end(doc.p, doc.n), NULL) != XML_ERR ||
		    run(at_start(doc.p, doc.n), NULL) != XML_ERR)
			fail_msg("taken: %s", broken[i]);
	}
}

static void test_nul_is_an_error(void **state)
{
	assert_int_equal(run(STR("<a>\0</a>"), NULL), XML_ERR);
	assert_int_equal(run(STR("<a/>\0"), NULL), XML_ERR);
	assert_int_equal(run(STR("<\0a\0/\0>\0"), NULL), XML_ERR);
	assert_int_equal(run((struct str){ NULL, 0 }, NULL), XML_ERR);
}

/* Every prefix of a valid document is an error, unless only text after the root
 * is cut off. */
static void test_truncated_document_is_an_error(void **state)
{
	size_t i, n;

	for (i = 0; i < ARRAY_N(whole); i++) {
		struct str doc = str_z(whole[i].doc);
		bool ended = false;

		for (n = 0; n < doc.n; n++) {
			bool end = run(at_end(doc.p, n), NULL) == XML_END;

			/* the root's last '>' was read, so no '<' is open */
			if (end && !ended)
				assert_int_equal(doc.p[n - 1], '>');
			ended |= end;
		}
		assert_int_equal(run(at_end(doc.p, doc.n), NULL), XML_END);
	}
	for (n = 0; n < sizeof(ENVELOPE) - 1; n++)
		assert_int_equal(run(at_end(ENVELOPE, n), NULL), XML_ERR);
}

/* ---- limits -------------------------------------------------------- */

static struct str nested(struct wr *w, unsigned depth)
{
	unsigned i;

	for (i = 0; i < depth; i++)
		wr_z(w, "<a>");
	for (i = 0; i < depth; i++)
		wr_z(w, "</a>");
	return wr_done(w);
}

static void test_depth_has_a_limit(void **state)
{
	char buf[1024];
	struct wr w = wr_init(buf, sizeof(buf));

	assert_int_equal(run(nested(&w, XML_DEPTH_MAX), NULL), XML_END);
	w = wr_init(buf, sizeof(buf));
	assert_int_equal(run(nested(&w, XML_DEPTH_MAX + 1), NULL), XML_ERR);
}

static struct str attributes(struct wr *w, unsigned n)
{
	unsigned i;

	wr_z(w, "<a");
	for (i = 0; i < n; i++)
		wr_fmt(w, " b%u='%u'", i, i);
	wr_z(w, "/>");
	return wr_done(w);
}

static void test_attributes_have_a_limit(void **state)
{
	char buf[1024];
	struct wr w = wr_init(buf, sizeof(buf));

	assert_int_equal(run(attributes(&w, XML_ATTRS_MAX), NULL), XML_END);
	w = wr_init(buf, sizeof(buf));
	assert_int_equal(run(attributes(&w, XML_ATTRS_MAX + 1), NULL),
			 XML_ERR);
}

/* ---- decoding ------------------------------------------------------ */

static const struct {
	const char *raw, *want;	/* NULL: refused */
} refs[] = {
	{ "", "" },
	{ "plain", "plain" },
	{ "&lt;&gt;&amp;&quot;&apos;", "<>&\"'" },
	{ "&amp;lt;", "&lt;" },
	{ "a&amp;b", "a&b" },
	{ "&#10;&#9;&#13;", "\n\t\r" },
	{ "&#x41;&#65;&#x000000000041;&#0065;", "AAAA" },
	{ "&#x20;", " " },
	{ "&#x7f;", "\x7f" },
	{ "&#x80;&#xe9;&#x7ff;", "\xc2\x80\xc3\xa9\xdf\xbf" },
	{ "&#x800;&#xFFFD;", "\xe0\xa0\x80\xef\xbf\xbd" },
	{ "&#xd7ff;&#xe000;", "\xed\x9f\xbf\xee\x80\x80" },
	{ "&#x10000;&#x1F600;&#x10ffff;",
	  "\xf0\x90\x80\x80\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf" },
	{ "&#55295;&#1114111;", "\xed\x9f\xbf\xf4\x8f\xbf\xbf" },
	{ "\xc3\xa9", "\xc3\xa9" },
	{ "&#0;", NULL },
	{ "&#8;", NULL },
	{ "&#11;", NULL },
	{ "&#x1f;", NULL },
	{ "&#xd800;", NULL },
	{ "&#xdfff;", NULL },
	{ "&#xfffe;", NULL },
	{ "&#xffff;", NULL },
	{ "&#x110000;", NULL },
	{ "&#1114112;", NULL },
	/* 2^32 + 65 must not wrap to 'A' */
	{ "&#4294967361;", NULL },
	{ "&#x100000041;", NULL },
	{ "&#99999999999999999999999999;", NULL },
	{ "&#", NULL },
	{ "&#;", NULL },
	{ "&#x;", NULL },
	{ "&#+65;", NULL },
	{ "&# 65;", NULL },
	{ "&#6 5;", NULL },
	{ "&", NULL },
	{ "x&", NULL },
	{ "&;", NULL },
	{ "&amp", NULL },
	{ "&&amp;", NULL },
	{ "&AMP;", NULL },
	{ "&unknown;", NULL },
	{ "&lt;&unknown;", NULL },
};

static void check_ref(const char *z, const char *want)
{
	char buf[64];
	struct wr w = wr_init(buf, sizeof(buf));
	struct str raw = str_z(z);
	bool ok = xmltiny_decode(at_end(raw.p, raw.n), false, &w);

	if (ok != (want != NULL))
		fail_msg("%s: %s", z, ok ? "taken" : "refused");
	if (want)
		assert_string_equal(wr_cstr(&w), want);
}

static void test_references_are_decoded(void **state)
{
	size_t i;

	for (i = 0; i < ARRAY_N(refs); i++)
		check_ref(refs[i].raw, refs[i].want);
}

static void test_decode_appends(void **state)
{
	char buf[16];
	struct wr w = wr_init(buf, sizeof(buf));

	assert_true(xmltiny_decode(STR("a&lt;"), false, &w));
	assert_true(xmltiny_decode(STR("b&lt;"), true, &w));
	assert_string_equal(wr_cstr(&w), "a<b&lt;");
}

static void test_decode_without_room_fails(void **state)
{
	char buf[8];
	struct wr w;
	size_t cap;

	for (cap = 0; cap < 4; cap++) {
		w = wr_init(buf, cap);
		assert_int_equal(xmltiny_decode(STR("ab&#xe9;"), false, &w),
				 false);
		w = wr_init(buf, cap);
		assert_int_equal(xmltiny_decode(STR("abcd"), true, &w), false);
	}
	w = wr_init(buf, 4);
	assert_true(xmltiny_decode(STR("ab&#xe9;"), false, &w));
}

/* Every code point, in hexadecimal, against XML's list. */
static void test_decode_every_code_point(void **state)
{
	uint32_t c;

	for (c = 0; c <= 0x110000; c++) {
		char raw[16], buf[8];
		int n = snprintf(raw, sizeof(raw), "&#x%x;", c);
		struct wr w = wr_init(buf, sizeof(buf));
		bool want = c == 9 || c == 10 || c == 13 ||
			    (c > 31 && c < 0x110000 && c >> 11 != 0x1b &&
			     c != 0xfffe && c != 0xffff);

		if (xmltiny_decode((struct str){ raw, (size_t)n }, false, &w) !=
		    want)
			fail_msg("%s", raw);
	}
}

/* ---- random documents ------------------------------------------------ */

static uint32_t rnd_state = 2463534242u;

/* xorshift32: the same run each time */
static uint32_t rnd(uint32_t below)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 17;
	rnd_state ^= rnd_state << 5;
	return rnd_state % below;
}

/* Bytes that matter to the parser are more frequent. */
static char rnd_byte(void)
{
	static const char likely[] = "<>/!?-[]&;#x\"'= :aC\n";

	if (rnd(4))
		return likely[rnd(sizeof(likely) - 1)];
	return (char)rnd(256);
}

static size_t mutate(char *buf, size_t n)
{
	size_t at = rnd((uint32_t)n);
	size_t len = 1 + rnd(8);

	if (len > n - at)
		len = n - at;
	switch (rnd(3)) {
	case 0:
		buf[at] = rnd_byte();
		return n;
	case 1:
		memmove(buf + at, buf + at + len, n - at - len);
		return n - len;
	default:
		memmove(buf + at + len, buf + at, n - at);
		return n + len;
	}
}

static void test_random_documents(void **state)
{
	char buf[2 * sizeof(ENVELOPE)];
	unsigned i, k, ended = 0;
	size_t n;

	for (i = 0; i < 100000; i++) {
		struct str doc = str_z(whole[rnd(ARRAY_N(whole))].doc);

		memcpy(buf, doc.p, doc.n);
		n = doc.n;
		for (k = 1 + rnd(4); k && n; k--)
			n = mutate(buf, n);
		ended += run(at_end(buf, n), NULL) == XML_END;
	}
	/* both branches were taken */
	assert_in_range(ended, 1000, 99000);
}

/* The same token up to the longest body, without an end. */
static void test_unending_token(void **state)
{
	static const char *const unit[] = {
		"<", "&", "&#", "<!--", "<![CDATA[", "]]", "<?p ", "<a>",
		"<a b='", "<a b='1' ", ";", " ", "x", "&amp;", "<b/>",
		"<!---->",
	};
	static char buf[16384];
	size_t i;

	for (i = 0; i < ARRAY_N(unit); i++) {
		struct wr w = wr_init(buf, sizeof(buf));

		wr_z(&w, "<a>");
		while (!w.over)
			wr_z(&w, unit[i]);
		assert_int_equal(run(at_end(buf, w.len), NULL), XML_ERR);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid_documents),
		cmocka_unit_test(test_invalid_documents),
		cmocka_unit_test(test_nul_is_an_error),
		cmocka_unit_test(test_truncated_document_is_an_error),
		cmocka_unit_test(test_depth_has_a_limit),
		cmocka_unit_test(test_attributes_have_a_limit),
		cmocka_unit_test(test_references_are_decoded),
		cmocka_unit_test(test_decode_appends),
		cmocka_unit_test(test_decode_without_room_fails),
		cmocka_unit_test(test_decode_every_code_point),
		cmocka_unit_test(test_random_documents),
		cmocka_unit_test(test_unending_token),
	};

	return cmocka_run_group_tests(tests, guard_up, guard_down);
}
