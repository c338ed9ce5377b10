/* SPDX-License-Identifier: ISC */
/*
 * fuzz_xmltiny.c - the XML parser.
 *
 * Holds: a document of n bytes ends after at most n + 1 calls; every element
 * that is opened is closed, in order; text decodes to no more bytes than it
 * had; every slice lies in the document.
 */
#include "base/wr.h"
#include "fuzz.h"
#include "xmltiny.h"

static struct str doc;
static struct str open_names[XML_DEPTH_MAX];
static unsigned depth;

/* Text that the parser accepted decodes, and into a buffer of its own size. */
static void check_text(struct str raw, bool cdata)
{
	char *buf = malloc(raw.n + 1);
	struct wr w = wr_init(buf, raw.n);

	CHECK(fuzz_inside(raw, doc));
	CHECK(xmltiny_decode(raw, cdata, &w));
	CHECK(w.len <= raw.n && !w.over);
	free(buf);
}

static void check_open(const struct xml *x)
{
	CHECK(depth < XML_DEPTH_MAX);
	CHECK(x->local.n && fuzz_inside(x->local, doc));
	CHECK(fuzz_inside(x->prefix, doc));
	open_names[depth++] = x->local;
	CHECK(x->attr_n <= XML_ATTRS_MAX);
	for (size_t i = 0; i < x->attr_n; i++) {
		CHECK(fuzz_inside(x->attr[i].name, doc));
		check_text(x->attr[i].value, false);
	}
}

static void check_token(const struct xml *x, enum xml_token t)
{
	if (t == XML_OPEN) {
		check_open(x);
	} else if (t == XML_CLOSE) {
		CHECK(depth--);
		CHECK(str_eq(x->local, open_names[depth]));
	} else if (t == XML_TEXT) {
		CHECK(depth);
		check_text(x->text, x->cdata);
	} else if (t == XML_END) {
		CHECK(!depth);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	enum xml_token t = XML_TEXT;
	size_t calls = 0;
	struct xml x;

	doc = (struct str){ (const char *)data, n };
	depth = 0;
	xmltiny_init(&x, doc);
	for (; t != XML_END && t != XML_ERR; calls++) {
		t = xmltiny_next(&x);
		check_token(&x, t);
		CHECK(t == XML_ERR || depth == x.depth);
	}
	CHECK(calls <= n + 1);
	CHECK(xmltiny_next(&x) == t);	/* the last token repeats */
	return 0;
}
