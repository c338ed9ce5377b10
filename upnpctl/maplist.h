/* SPDX-License-Identifier: ISC */
/* maplist.h - the mappings and pinholes as a list. Runs in: upnpctl */
#ifndef UPNPCTL_MAPLIST_H
#define UPNPCTL_MAPLIST_H

#include "upnpctl/list.h"
#include "upnpctl/mappings.h"
#include "upnpctl/names.h"

/**
 * maplist_open - read the mappings of the running daemon, in the engine's
 * order. In a script, without an engine, and if the daemon reads another file,
 * they are those of the configuration, which are chosen by key only.
 * @ret: list_close() when done
 *
 * Return: exit status; errors are reported on stderr
 */
int maplist_open(const struct cmd_env *, struct list *ret);

/** maplist_open_live - the same, but it is an error if no engine runs. */
int maplist_open_live(const struct cmd_env *, struct list *ret);

/** maplist_of - make a list of a table.
 * @t: is moved to the list, which frees it; *t is { 0 } then */
struct list maplist_of(struct mappings *t);

/** maplist_at - item @i. Valid until list_close() */
const struct ctl_mapping *maplist_at(const struct list *, size_t i);

/** maplist_set_names - show the names of hosts instead of their addresses.
 * @n: borrowed until list_close() */
void maplist_set_names(struct list *, const struct names *n);

/** maplist_set_counts - read the counters, and show them where they are known:
 * "packets" and "bytes". Without this call the list has none. */
void maplist_set_counts(struct list *);

#endif
