/* SPDX-License-Identifier: ISC */
/*
 * menu.h - the tree of menus, as in RouterOS 7.
 * Runs in: upnpctl
 */
#ifndef UPNPCTL_MENU_H
#define UPNPCTL_MENU_H

#include "base/wr.h"
#include "upnpctl/cmd.h"

struct list;

enum menu {
	MENU_ROOT, MENU_IP, MENU_UPNP, MENU_INTERFACES, MENU_MAPPINGS,
	MENU_RULES, MENU_REFUSALS, MENU_NATPMP, MENU_NATPMP_INTERFACES,
	MENU_FIREWALL, MENU_NAT, MENUS,
	MENU_EVERY = MENUS,	/* of a verb: it is in every menu */
};

/* The menu in which upnpctl's arguments, a script and the prompt begin. */
#define MENU_START MENU_UPNP

/** menu_is_below - is @m a menu directly below @of that leads to a verb? */
bool menu_is_below(const struct cmd_verb *verbs, enum menu m, enum menu of);

/** menu_parent - the menu above; of the root the root. */
enum menu menu_parent(enum menu);

/** menu_name - "interfaces"; of the root "". */
const char *menu_name(enum menu);

/** menu_help - one line about the menu. */
const char *menu_help(enum menu);

/** menu_has_verb - is the row a verb of the menu? */
bool menu_has_verb(enum menu, const struct cmd_verb *);

/** menu_put_path - write "/ip/upnp/interfaces"; of the root "/". */
void menu_put_path(struct wr *, enum menu);

/** menu_put_command - write the words that precede a verb of the menu in a
 * command of upnpctl: "interfaces ", "nat-pmp ", "/ip firewall nat ", "". */
void menu_put_command(struct wr *, enum menu);

/** menu_open_list - read the list of a menu (menu_has_list()).
 * @ret: list_close() when done, also after an error
 * Return: exit status, reported on stderr */
int menu_open_list(const struct cmd_env *, enum menu, struct list *ret);

/** menu_has_list - has the menu items? */
bool menu_has_list(const struct cmd_env *, enum menu);

#endif
