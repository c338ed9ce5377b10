/* SPDX-License-Identifier: ISC */
/*
 * confline.h - splits a line of a configuration file into its parts. The reader
 * and the editor share it, so that the editor changes what the reader reads.
 * Runs in: any
 */
#ifndef CONF_CONFLINE_H
#define CONF_CONFLINE_H

#include <stdbool.h>
#include "base/str.h"
#include "base/wr.h"

enum confline_kind {
	CONFLINE_BLANK,
	CONFLINE_COMMENT,	/* a comment only */
	CONFLINE_SECTION,	/* [ ... ] */
	CONFLINE_RULE,		/* allow ..., deny ... */
	CONFLINE_MAPPING,	/* mapping ... */
	CONFLINE_SETTING,	/* key = value */
	CONFLINE_OTHER,		/* none of these: an error in the file */
};

/* Slices of the line, even if empty. */
struct confline {
	enum confline_kind kind;
	struct str text;	/* without a comment and space at the ends */
	struct str key;		/* SETTING: the key; RULE: allow or deny;
				 * MAPPING: mapping */
	struct str value;	/* SETTING: the value; RULE, MAPPING: the rest;
				 * SECTION: the text between the brackets */
};

/**
 * confline_split - split a line into its parts.
 * @line: without its LF; a CR before the LF counts as space
 *
 * A comment starts with # at the start of the line or after a space or tab. In
 * a mapping line or a rule, a # between quotes does not start a comment
 * (conftail.h).
 */
struct confline confline_split(struct str line);

/** confline_iface - is it [interface NAME]? @ret_name: any bytes but space */
bool confline_iface(const struct confline *, struct str *ret_name);

/** confline_holds - is @value read back unchanged if a setting is written with
 * it? False for a control character other than tab, space at an end, or the
 * start of a comment, unless that is at the start of the value. */
bool confline_holds(struct str value);

/** confline_name - is it a name that may be part of a ruleset: 1 to 31 letters,
 * digits, _ - and . */
bool confline_name(struct str);

/** confline_fail - write the problem of a line, and its fix. Return: -EINVAL */
int confline_fail(struct wr *why, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
