/* SPDX-License-Identifier: ISC */
/*
 * xmltiny.h - a pull parser for the XML that control points send.
 *
 * No allocation, no recursion, no DTD, no external entities. It reads elements,
 * attributes, text, CDATA, comments, processing instructions, the five entities
 * and numeric references. It checks that tags balance, that there is one root
 * with only white space, comments and PIs outside it, that references are
 * known, and that there are no control characters. A UTF-8 byte order mark is
 * skipped; any other encoding is an error. Bytes from 0x80 on need not be
 * UTF-8: the caller checks the text that it uses.
 * Runs in: engine
 */
#ifndef XMLTINY_H
#define XMLTINY_H

#include <stdbool.h>
#include <stdint.h>
#include "base/str.h"
#include "base/wr.h"

#define XML_DEPTH_MAX	16	/* an envelope has 4 levels */
#define XML_ATTRS_MAX	16	/* of one element */

enum xml_token {
	XML_OPEN,	/* <p:name ...>: name, attr[] are set */
	XML_CLOSE,	/* </p:name>, also after an empty element */
	XML_TEXT,	/* raw text or CDATA, for xmltiny_decode() */
	XML_END,	/* the document is complete and well-formed */
	XML_ERR,	/* not well-formed; all later calls return this */
};

struct xml_attr {
	struct str name;	/* with its prefix */
	struct str value;	/* raw: without quotes, not decoded */
};

struct xml {
	struct str in;		/* private: what is left */
	struct str open[XML_DEPTH_MAX];	/* private: names of open elements */
	unsigned depth;		/* elements open now */
	bool empty, rooted, failed;	/* private */

	struct str prefix, local;	/* of XML_OPEN and XML_CLOSE */
	struct str text;	/* of XML_TEXT */
	bool cdata;		/* XML_TEXT: it is CDATA, without references */
	struct xml_attr attr[XML_ATTRS_MAX];	/* of XML_OPEN */
	size_t attr_n;
};

/** xmltiny_init - start to parse @doc, which is borrowed while @x is used. */
void xmltiny_init(struct xml *x, struct str doc);

/**
 * xmltiny_next - read the next token.
 *
 * Returns XML_END or XML_ERR after at most doc.n + 1 calls. A comment or PI in
 * the middle of text splits it into two XML_TEXT.
 */
enum xml_token xmltiny_next(struct xml *x);

/**
 * xmltiny_decode - append text with its references resolved to @out.
 * @raw: of XML_TEXT, or an attribute's value
 * @cdata: append @raw unchanged
 *
 * The result is never longer than @raw. Line ends are not changed.
 *
 * Return: false for an unknown entity, a reference to a character that XML does
 * not allow, or if there is no room (a part may have been appended)
 */
bool xmltiny_decode(struct str raw, bool cdata, struct wr *out);

#endif
