/* SPDX-License-Identifier: ISC */
/*
 * confline.h - one line of a configuration file: what it is, and where its
 * parts stand. The reader and the editor both split lines here, so that the
 * one changes what the other reads.
 */
#ifndef CONF_CONFLINE_H
#define CONF_CONFLINE_H

#include <stdbool.h>
#include "base/str.h"

enum confline_kind {
	CONFLINE_BLANK,
	CONFLINE_COMMENT,	/* and nothing before it */
	CONFLINE_SECTION,	/* [ ... ] */
	CONFLINE_RULE,		/* allow ..., deny ... */
	CONFLINE_SETTING,	/* key = value */
	CONFLINE_OTHER,		/* none of these: an error of the file */
};

/* Slices of the line, also where they are empty. */
struct confline {
	enum confline_kind kind;
	struct str text;	/* without a comment and space at the ends */
	struct str key;		/* SETTING: the key; RULE: allow or deny */
	struct str value;	/* SETTING: the value; RULE: what follows;
				 * SECTION: what stands between the brackets */
};

/**
 * confline_split - take a line apart.
 * @line: without its LF; a CR before that counts as space
 *
 * A comment starts with # at the start of the line or after a space or tab.
 */
struct confline confline_split(struct str line);

/** confline_iface - is it [interface NAME]? @ret_name: any bytes but space */
bool confline_iface(const struct confline *, struct str *ret_name);

/** confline_holds - can @value stand behind the = of a setting and be read
 * back as it is? Not with a control character other than tab, space at an end,
 * or what would begin a comment, unless at its very start. */
bool confline_holds(struct str value);

/** confline_name - a name that may end up in a ruleset: 1 to 31 letters,
 * digits, _ - and . */
bool confline_name(struct str);

#endif
