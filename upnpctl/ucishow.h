/* SPDX-License-Identifier: ISC */
/* ucishow.h - the sections of UCI's package upnpd. Runs in: upnpctl */
#ifndef UPNPCTL_UCISHOW_H
#define UPNPCTL_UCISHOW_H

#include "conf/conf.h"

/* Room for the section global, interfaces and mappings, and as many disabled
 * ones. */
#define UCISHOW_MAX (2 * CONF_IFACES_MAX + 2 * CONF_MAPPINGS_MAX)

struct ucishow_section {
	char name[64], type[16];
	/* of a mapping or pinhole */
	char proto[8], port[8], remote[ADDR_TEXT_MAX], to[ADDR_TEXT_MAX + 8];
};

struct ucishow {
	struct ucishow_section at[UCISHOW_MAX];
	size_t n;
};

/** ucishow_read - read the sections with "uci show". Return: 0, the exit status
 * of uci, or -errno */
int ucishow_read(struct ucishow *);

/** ucishow_line - parse one line of "uci -X show upnpd". Other lines are
 * ignored. */
void ucishow_line(struct ucishow *, struct str line);

/** ucishow_find - is there a section with this name? */
bool ucishow_find(const struct ucishow *, const char *name);

/** ucishow_of_type - the name of the first section of that type, or NULL. */
const char *ucishow_of_type(const struct ucishow *, const char *type);

/** ucishow_mapping - the section with the key of @m, or NULL. */
struct ucishow_section *ucishow_mapping(struct ucishow *,
					const struct conf_mapping *m);

/** ucishow_new_name - choose a name that no section has, and add it to the
 * list. @text: describes the section; other characters than letters and digits
 * become _ */
void ucishow_new_name(struct ucishow *, const char *text, char ret[64]);

#endif
