/* SPDX-License-Identifier: ISC */
/*
 * cmd.h - shared by all parts of upnpctl: a parsed command, the table of
 * commands, and error reports. Runs in: upnpctl
 */
#ifndef UPNPCTL_CMD_H
#define UPNPCTL_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include "base/str.h"

/* Exit statuses. For "check", 1 is a warning and 2 a problem. */
enum { CMD_OK = 0, CMD_FAULT = 1, CMD_USAGE = 2 };

#define CMD_ARGS_MAX 64

struct change;			/* change.h */

/* The state that all commands of a run share. */
struct cmd_env {
	const char *file;	/* configuration; NUL-terminated */
	bool json;
	const struct cmd_verb *verbs;	/* ends with a row without name */
	struct change *change;	/* the change of a script; NULL: no script */
	bool add_enabled;	/* the script is an export of RouterOS 6 or 7,
				 * where an added interface is enabled unless
				 * the command has disabled=yes */
};

/* One command: its verb and the words after it. */
struct cmd {
	const struct cmd_env *env;
	const struct cmd_verb *verb;
	struct str arg[CMD_ARGS_MAX];	/* "enabled=yes", "0,1", "detail" */
	size_t n;
};

struct cmd_verb {
	const char *menu;	/* "" for /ip upnp, "interfaces", "nat-pmp",
				 * "nat-pmp interfaces" */
	const char *name;	/* "print", "set", ...; NULL ends a table */
	int (*run)(struct cmd *);	/* exit status */
	const char *args;	/* for the usage, "KEY=VALUE..." */
	const char *help;	/* one line */
	bool script;		/* is allowed in a script */
};

/** cmd_find - find the verb that words name: a path, then the verb.
 * @menu: in: the current menu, "" for /ip upnp; out: the menu of the path
 * @word: "/ip", "upnp", "/ip/upnp/interfaces", "int", "print", ...
 * @ret: the verb (NULL: the words are only a path) and the words after it
 *
 * Names may be shortened to a prefix that only one name has.
 *
 * Return: CMD_OK; CMD_USAGE, reported on stderr */
int cmd_find(const struct cmd_env *, const char **menu,
	     const struct str *word, size_t n, struct cmd *ret);

/** cmd_key - the value of "key=value" among the arguments.
 * Return: false if there is none */
bool cmd_key(const struct cmd *, const char *key, struct str *ret_value);

/** cmd_set_line - cmd_fail() names this line of the script from now on; 0: no
 * line. */
void cmd_set_line(unsigned line);

/** cmd_set_json - choose whether cmd_fail() writes JSON objects. */
void cmd_set_json(bool on);

/** cmd_fail - write "upnpctl: ..." to stderr, one line, cut at 1 KiB. Return:
 * @status, for a return statement. */
int cmd_fail(int status, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** CMD_LARGE - give a function a variable that is too large for the stack, and
 * that it keeps: @p is a static pointer to it. A static variable would count
 * against RLIMIT_DATA when upnpd starts, because it is the same program. Exits
 * without memory. */
#define CMD_LARGE(p) ((p) ? (void)0 : (void)((p) = cmd_large(sizeof(*(p)))))
void *cmd_large(size_t size);

/* The commands, each in the file of its prefix. */
int settings_print(struct cmd *), settings_set(struct cmd *),
	settings_print_natpmp(struct cmd *),
	export_run(struct cmd *);
int ifaceprint_run(struct cmd *), ifaces_add(struct cmd *),
	ifaces_set(struct cmd *), ifaces_enable(struct cmd *),
	ifaces_disable(struct cmd *), ifaces_remove(struct cmd *);
int mappings_print(struct cmd *), mapchange_add(struct cmd *),
	mapchange_remove(struct cmd *), migrate_run(struct cmd *),
	status_run(struct cmd *), mapmonitor_run(struct cmd *),
	resync_run(struct cmd *), metrics_run(struct cmd *);
int check_run(struct cmd *);

#endif
