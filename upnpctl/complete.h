/* SPDX-License-Identifier: ISC */
/*
 * complete.h - what can be typed at the end of a line, for the prompt's Tab and
 * "?", and for the shells' completion. Runs in: upnpctl
 */
#ifndef UPNPCTL_COMPLETE_H
#define UPNPCTL_COMPLETE_H

#include "upnpctl/menu.h"

/**
 * complete_each - a function that receives one thing that can be typed.
 * @text: replaces the part of the line that is being completed: "interfaces",
 *        "type=", "external", "ether1"
 * @help: one line; "" if there is none
 * @space: a space follows it in the line: it is a whole word
 */
typedef void complete_each(void *arg, struct str text, const char *help,
			   bool space);

/**
 * complete - call @each for every thing that can be typed at the end of @line:
 * menus, verbs, arguments, values, items of the menu's list, interfaces of the
 * system. Only those that begin with the part that was typed already.
 * @menu: the current menu
 * @line: as typed at the prompt, up to the cursor
 *
 * Nothing is reported on stderr: of a wrong line, nothing can be typed.
 *
 * Return: where in @line the part begins that each text replaces
 */
size_t complete(const struct cmd_env *, enum menu, struct str line,
		complete_each *, void *arg);

/** complete_help - print everything that can be typed in a menu, one line
 * each. */
void complete_help(const struct cmd_env *, enum menu);

/** complete_usage - print what the verb takes that @word names, or
 * complete_help() of a menu. Return: false: they name none */
bool complete_usage(const struct cmd_env *, enum menu, const struct str *word,
		    size_t n);

/** complete_print - print what can be typed at the end of @line, one a line:
 * the text, a tab and the help. For the shells: a text that a space does not
 * follow ends with "=" or ",". */
void complete_print(const struct cmd_env *, struct str line);

#endif
