/* SPDX-License-Identifier: ISC */
/* listprint.h - "print" of every list. Runs in: upnpctl */
#ifndef UPNPCTL_LISTPRINT_H
#define UPNPCTL_LISTPRINT_H

#include "upnpctl/list.h"

/**
 * listprint_list - print the items of a list as the words of a command ask for:
 * a table, or "detail", "terse", "stats", "count-only", of those that "where"
 * selects; or as JSON.
 *
 * On a terminal a table has no line that is longer than the terminal is wide:
 * columns without information are left out, texts are cut. Elsewhere it has all
 * columns.
 *
 * Return: exit status; errors are reported on stderr
 */
int listprint_list(const struct cmd *, const struct list *);

/** listprint_table - print the table of all items. */
void listprint_table(const struct list *);

#endif
