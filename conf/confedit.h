/* SPDX-License-Identifier: ISC */
/*
 * confedit.h - changes the text of a configuration and leaves everything else
 * in it unchanged: comments, order, spacing. Pure.
 * Runs in: upnpctl
 */
#ifndef CONF_CONFEDIT_H
#define CONF_CONFEDIT_H

#include "base/limits.h"
#include "base/str.h"

struct conf_mapping;

struct confedit {
	char text[CONF_FILE_MAX];
	size_t len;
};

/*
 * Keys and sections are found as the reader finds them (confline.h). Whether
 * the changed text is valid is checked by the reader, afterwards.
 *
 * @iface: the section's name; NULL: the global settings
 * All return 0, -ENOENT (no such section), -EEXIST, -ENOSPC (the file would
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
