/* SPDX-License-Identifier: ISC */
/*
 * confedit.h - change the text of a configuration and leave everything else in
 * it as it stands: comments, order, spacing. Pure.
 */
#ifndef CONF_CONFEDIT_H
#define CONF_CONFEDIT_H

#include "base/limits.h"
#include "base/str.h"

struct confedit {
	char text[CONF_FILE_MAX];
	size_t len;
};

/*
 * Keys and sections are found as the reader finds them (confline.h); whether a
 * key, a value or the whole is right is the reader's to say, afterwards.
 *
 * @iface: the section's name; NULL: settings for the whole
 * All return 0, -ENOENT (no such section), -EEXIST, -ENOSPC (the file would
 * grow beyond CONF_FILE_MAX), -EINVAL (what would not be read back as it is: a
 * control character, " #", space at an end, a line beyond CONF_LINE_MAX). After
 * an error nothing has changed. New lines end as the first of the file.
 */

/** confedit_set - replace the value where the key stands, a comment behind it
 * kept; else add a line after the last setting of that part. */
int confedit_set(struct confedit *, const char *iface, struct str key,
		 struct str value);

/** confedit_unset - take the line out, a comment behind the value with it;
 * none: does nothing. */
int confedit_unset(struct confedit *, const char *iface, struct str key);

/** confedit_add_iface - a new section at the end. */
int confedit_add_iface(struct confedit *, const char *iface);

/**
 * confedit_del_iface - take the section out.
 *
 * With it goes the comment block that stands right above it, unless that is the
 * head of the file, and the one that stands right below its last setting. The
 * block right above the next section is that one's and stays, as do all that
 * stand apart.
 */
int confedit_del_iface(struct confedit *, const char *iface);

#endif
