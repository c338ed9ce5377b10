/* SPDX-License-Identifier: ISC */
/*
 * confedit.h - changes the text of a configuration and leaves everything else
 * in it unchanged: comments, order, spacing. Pure.
 * Runs in: upnpctl
 */
#ifndef CONF_CONFEDIT_H
#define CONF_CONFEDIT_H

#include <stdbool.h>
#include "base/limits.h"
#include "base/str.h"

struct conf_mapping;
struct confline;
struct confrule;

struct confedit {
	char text[CONF_FILE_MAX];
	size_t len;
};

/*
 * Keys and sections are found as the reader finds them (confline.h). Whether
 * the changed text is valid is checked by the reader, afterwards.
 *
 * @iface: the section's name; NULL: the global settings
 * All return 0, -ENOENT (no such section or line), -EEXIST, -ENOSPC (the file would
 * grow beyond CONF_FILE_MAX), -EINVAL (it would not be read back unchanged: a
 * control character, " #", space at an end, a line beyond CONF_LINE_MAX). After
 * an error nothing has changed. New lines end like the first line of the file.
 */

/** confedit_set - replace the value of a key, and keep a comment after it; if
 * the key is not set, add a line after the last setting of that part. */
int confedit_set(struct confedit *, const char *iface, struct str key,
		 struct str value);

/** confedit_unset - delete the line of a key, with a comment after its value.
 * If the key is not set, it does nothing. */
int confedit_unset(struct confedit *, const char *iface, struct str key);

/** confedit_add_mapping - add a mapping line after the last global setting. */
int confedit_add_mapping(struct confedit *, const struct conf_mapping *,
			 const char *comment);

/** confedit_del_mapping - delete the line of the mapping with the key of @m
 * (confmapping_same_key()), with a comment in it. -ENOENT: there is none */
int confedit_del_mapping(struct confedit *, const struct conf_mapping *m);

/** confedit_set_mapping - replace the mapping line with the key of @m; keep a
 * comment after #.
 * @now: may have another key; -EEXIST: another line has that key */
int confedit_set_mapping(struct confedit *, const struct conf_mapping *m,
			 const struct conf_mapping *now, const char *comment);

/* The allow and deny lines among the global settings are numbered from 0, in
 * the order of the text; a line with an error has a number, too. A line is
 * moved and deleted with a comment in it, without comments above it. */

/** confedit_rule - the rule line @i. @ret: slices of the text. Return: false if
 * there are not so many */
bool confedit_rule(const struct confedit *, size_t i, struct confline *ret);

/** confedit_add_rule - add a rule before the rule @at; if there is none, after
 * the last rule, or else after the last global setting. */
int confedit_add_rule(struct confedit *, size_t at, const struct confrule *);

/** confedit_set_rule - replace the rule @i; keep a comment after #. */
int confedit_set_rule(struct confedit *, size_t i, const struct confrule *);

/** confedit_del_rule - delete the rule @i. */
int confedit_del_rule(struct confedit *, size_t i);

/** confedit_move_rule - move the rule @i before the rule @to; if there is none
 * @to, after the last rule. */
int confedit_move_rule(struct confedit *, size_t i, size_t to);

/** confedit_add_iface - add a section at the end. */
int confedit_add_iface(struct confedit *, const char *iface);

/**
 * confedit_del_iface - delete a section.
 *
 * The comment block right above the section is deleted with it, unless it is
 * the head of the file, and so is the block right below its last setting. The
 * block right above the next section belongs to that section and stays.
 * Comments that are set apart by blank lines stay as well.
 */
int confedit_del_iface(struct confedit *, const char *iface);

#endif
