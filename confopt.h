/* SPDX-License-Identifier: ISC */
/*
 * confopt.h - the one table of options: names, types, ranges, defaults. The
 * reader, upnpctl and the test of the man page all go by it.
 */
#ifndef CONFOPT_H
#define CONFOPT_H

#include "conf.h"

enum confopt_kind { CONFOPT_BOOL, CONFOPT_NUMBER, CONFOPT_WORD, CONFOPT_TEXT,
		    CONFOPT_ADDRESS };

struct confopt;		/* a row */

/* The two tables: settings for the whole, and for one [interface]. */
const struct confopt *confopt_at(bool of_iface, size_t i);	/* NULL: end */
const struct confopt *confopt_find(bool of_iface, struct str name);

const char *confopt_name(const struct confopt *);
enum confopt_kind confopt_kind(const struct confopt *);

/** confopt_set - parse @value into @base (a struct conf or conf_iface).
 * @why: "http-port is \"x\"; it takes a number from 0 to 65535". 0/-EINVAL */
int confopt_set(const struct confopt *, struct str value, void *base,
		struct wr *why);

/** confopt_put - write the value in @base as the file would have it. */
void confopt_put(const struct confopt *, const void *base, struct wr *);

/** confopt_range - what it takes, in words: "yes or no", "0 to 65535",
 * "auto, nft, ...". */
void confopt_range(const struct confopt *, struct wr *);

#endif
