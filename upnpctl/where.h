/* SPDX-License-Identifier: ISC */
/*
 * where.h - the grammar of "print where", "find" and "[find ...]" in every
 * menu. Runs in: upnpctl
 */
#ifndef UPNPCTL_WHERE_H
#define UPNPCTL_WHERE_H

#include "upnpctl/list.h"

/**
 * where_items - which items do the terms select?
 * @term: "type=internal", "to!=192.168.88.10", "description~"game"" (contains),
 *        "external-port>1023", "time-left<1h", "disabled", "!disabled", "and",
 *        "or". Terms without a word between them are joined by "and", which
 *        binds more than "or". Names of properties may be shortened
 * @n: 0 selects every item
 * @ret: a bool for each item of the list
 *
 * Return: exit status; an unknown property or a value that it cannot have is
 * reported on stderr
 */
int where_items(const struct list *, const struct str *term, size_t n,
	       bool *ret);

/** where_cmd - the same for the terms among a command's arguments
 * (CMD_TERM). */
int where_cmd(const struct list *, const struct cmd *, bool *ret);

#endif
