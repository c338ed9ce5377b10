/* SPDX-License-Identifier: ISC */
/*
 * confopt.h - the table of options: names, types, ranges, defaults. The reader,
 * upnpctl and the test of the man page use it.
 * Runs in: any
 */
#ifndef CONF_CONFOPT_H
#define CONF_CONFOPT_H

#include "base/wr.h"
#include "conf/conf.h"

enum confopt_kind { CONFOPT_BOOL, CONFOPT_NUMBER, CONFOPT_WORD, CONFOPT_TEXT,
		    CONFOPT_ADDRESS, CONFOPT_NETWORKS };

/* The most rows of a table: a set of rows fits into 64 bits. */
#define CONFOPT_MAX 64

/* The longest value that confopt_put() writes, rounded up: CONF_NETWORKS_MAX
 * networks, with commas. */
#define CONFOPT_VALUE_MAX (CONF_NETWORKS_MAX * ADDR_NET_TEXT_MAX + 16)

struct confopt;		/* a row */

/** confopt_at - row @i of a table: the global settings, or those of an
 * [interface]. Return: NULL after the last row */
const struct confopt *confopt_at(bool of_iface, size_t i);

/** confopt_find - find the row of that name, or NULL. */
const struct confopt *confopt_find(bool of_iface, struct str key);

/** confopt_name - its name in the file. */
const char *confopt_name(const struct confopt *);

/** confopt_kind - the kind of its value. */
enum confopt_kind confopt_kind(const struct confopt *);

/** confopt_default - its value if the file does not set it, in the form of the
 * file; "" if it has none. */
const char *confopt_default(const struct confopt *);

/** confopt_defaults - set every option of @base (a struct conf or conf_iface,
 * all zeros) to its default. */
void confopt_defaults(bool of_iface, void *base);

/**
 * confopt_current - return the word that replaced @value, or else @value.
 *
 * There is one former word: backend nft, which is netlink now.
 */
struct str confopt_current(const struct confopt *, struct str value);

/**
 * confopt_set - parse @value into @base (a struct conf or conf_iface).
 * @why: receives, on failure, "http-port is \"x\"; it takes a number from 0 to
 *       65535", without control characters
 *
 * A former word is stored as the current one (confopt_current()). A value that
 * the file cannot hold (confline_holds()) is refused. If the default is empty,
 * an empty value clears the option. CONFOPT_NETWORKS may have several lines in
 * the file: each value, which is a list, is added to the field.
 * Return: 0, or -EINVAL: the field is unchanged
 */
int confopt_set(const struct confopt *, struct str value, void *base,
		struct wr *why);

/** confopt_put - write the value in @base in the form of the file; nothing if
 * it has none. confopt_set() reads it back. */
void confopt_put(const struct confopt *, const void *base, struct wr *);

/** confopt_range - write the accepted values: "yes or no", "0 to 65535",
 * "auto, netlink, ...". */
void confopt_range(const struct confopt *, struct wr *);

#endif
