/* SPDX-License-Identifier: ISC */
/*
 * confedit.h - change the text of a configuration and leave everything else in
 * it as it stands: comments, order, spacing. Pure.
 */
#ifndef CONFEDIT_H
#define CONFEDIT_H

#include "conf.h"

struct confedit {
	char text[CONF_FILE_MAX];
	size_t len;
};

/*
 * @iface: the section's name; NULL: settings for the whole
 * All return 0, -ENOENT (no such section), -EEXIST, -ENOSPC (the file would
 * grow beyond CONF_FILE_MAX), -EINVAL (a value that can not stand in the file:
 * a control character, " #", space at an end). After an error nothing has
 * changed.
 */

/** confedit_set - replace the value where the key stands, a comment behind it
 * kept; else add a line after the last setting of that part. */
int confedit_set(struct confedit *, const char *iface, struct str key,
		 struct str value);

/** confedit_unset - take the line out; none: does nothing. */
int confedit_unset(struct confedit *, const char *iface, struct str key);

/** confedit_add_iface - a new section at the end. */
int confedit_add_iface(struct confedit *, const char *iface);

/** confedit_del_iface - take the section out. The comment block that stands
 * right above the next section is that one's and stays. */
int confedit_del_iface(struct confedit *, const char *iface);

#endif
