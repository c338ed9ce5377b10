/* SPDX-License-Identifier: ISC */
/* path.h - the verb that words name. Runs in: upnpctl */
#ifndef UPNPCTL_PATH_H
#define UPNPCTL_PATH_H

#include "upnpctl/menu.h"

/**
 * path_find - find the verb that words name: a path, then the verb; and check
 * and complete the arguments after it.
 * @menu: in: the current menu; out: the menu of the path
 * @word: "/ip", "upnp", "/ip/upnp/interfaces", "int", "..", "/", "print", ...
 * @ret: the verb (NULL: the words are only a path) and its arguments
 *
 * A menu is looked up in the current one, then in the ones above it: "upnp
 * print" and "ip upnp print" work in every menu. Names of menus, verbs,
 * arguments and values may be shortened to a prefix that only one name has.
 *
 * Return: CMD_OK; CMD_USAGE, reported on stderr
 */
int path_find(const struct cmd_env *, enum menu *menu, const struct str *word,
	      size_t n, struct cmd *ret);

/** path_find_verb - the same without the arguments.
 * @ret_used: how many words the path and the verb have */
int path_find_verb(const struct cmd_env *, enum menu *menu,
		   const struct str *word, size_t n, struct cmd *ret,
		   size_t *ret_used);

#endif
