/* SPDX-License-Identifier: ISC */
/*
 * confopt.h - the one table of options: names, types, ranges, defaults. The
 * reader, upnpctl and the test of the man page all go by it.
 */
#ifndef CONF_CONFOPT_H
#define CONF_CONFOPT_H

#include "base/wr.h"
#include "conf/conf.h"

enum confopt_kind { CONFOPT_BOOL, CONFOPT_NUMBER, CONFOPT_WORD, CONFOPT_TEXT,
		    CONFOPT_ADDRESS };

/* No table has more rows: a set of them fits into 64 bits. */
#define CONFOPT_MAX 64

struct confopt;		/* a row */

/** confopt_at - row @i of a table: the settings for the whole, or those of one
 * [interface]. Return: NULL behind the last */
const struct confopt *confopt_at(bool of_iface, size_t i);

/** confopt_find - the row of that name, or NULL. */
const struct confopt *confopt_find(bool of_iface, struct str key);

/** confopt_name - as it stands in the file. */
const char *confopt_name(const struct confopt *);

/** confopt_kind - what kind of value it takes. */
enum confopt_kind confopt_kind(const struct confopt *);

/** confopt_default - the value that it has when the file does not set it, as
 * the file would have it; "" where there is none. */
const char *confopt_default(const struct confopt *);

/** confopt_defaults - set every option in @base (a struct conf or conf_iface,
 * all zeros) to its default. */
void confopt_defaults(bool of_iface, void *base);

/**
 * confopt_current - the word that took the place of @value, or @value itself.
 *
 * There is one former word: backend nft, whose rules netlink makes.
 */
struct str confopt_current(const struct confopt *, struct str value);

/**
 * confopt_set - parse @value into @base (a struct conf or conf_iface).
 * @why: gets, on failure, "http-port is \"x\"; it takes a number from 0 to
 *       65535", without control characters
 *
 * A former word is stored as the current one (confopt_current()).
 * What can not stand in the file (confline_holds()) is refused. Nothing, where
 * the default is nothing, takes the value away.
 * Return: 0, or -EINVAL: the field is as it was
 */
int confopt_set(const struct confopt *, struct str value, void *base,
		struct wr *why);

/** confopt_put - write the value in @base as the file would have it; nothing
 * where there is none. What comes out, confopt_set() takes in. */
void confopt_put(const struct confopt *, const void *base, struct wr *);

/** confopt_range - what it takes, in words: "yes or no", "0 to 65535",
 * "auto, netlink, ...". */
void confopt_range(const struct confopt *, struct wr *);

#endif
