/* SPDX-License-Identifier: ISC */
/*
 * cmd.h - what the parts of upnpctl share: a command as it was given, and the
 * table of those there are.
 */
#ifndef UPNPCTL_CMD_H
#define UPNPCTL_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include "base/str.h"

/* Exit statuses. check has its own meaning for 1 (a warning) and 2. */
enum { CMD_OK = 0, CMD_FAULT = 1, CMD_USAGE = 2 };

#define CMD_ARGS_MAX 64

struct change;			/* change.h */

/* What is the same for every command of a run. */
struct cmd_env {
	const char *file;	/* configuration; NUL-terminated */
	bool json;
	const struct cmd_verb *verbs;	/* all there are; the last: no name */
	struct change *change;	/* what a script gathers; NULL: no script */
	bool add_enabled;	/* what RouterOS 6 or 7 exported: there an added
				 * interface is enabled unless it says not */
};

/* One command: the words after its verb. */
struct cmd {
	const struct cmd_env *env;
	const struct cmd_verb *verb;
	struct str arg[CMD_ARGS_MAX];	/* "enabled=yes", "0,1", "detail" */
	size_t n;
};

struct cmd_verb {
	const char *menu;	/* "", "interfaces", "mappings" */
	const char *name;	/* "print", "set", ...; NULL ends a table */
	int (*run)(struct cmd *);	/* exit status */
	const char *args;	/* for the usage, "KEY=VALUE..." */
	const char *help;	/* one line */
	bool script;		/* may stand in a script */
};

/** cmd_find - find the verb that words name: a path, then the verb.
 * @menu: in: where we are, "" for /ip upnp; out: where the path leads
 * @word: "/ip", "upnp", "/ip/upnp/interfaces", "int", "print", ...
 * @ret: its verb (NULL: the words are only a path), and the words behind it
 *
 * Names may be shortened as long as only one begins so.
 *
 * Return: CMD_OK; CMD_USAGE, told on stderr */
int cmd_find(const struct cmd_env *, const char **menu,
	     const struct str *word, size_t n, struct cmd *ret);

/** cmd_key - the value of "key=value" among the arguments.
 * Return: false when it is not there */
bool cmd_key(const struct cmd *, const char *key, struct str *ret_value);

/** cmd_at - name the line of a script in what cmd_fail() says from now on; 0:
 * none. */
void cmd_at(unsigned line);

/** cmd_json - from now on, what cmd_fail() says is a JSON object. */
void cmd_json(bool on);

/** cmd_fail - "upnpctl: ..." on stderr, one line, cut at 1 KiB. Return:
 * @status, for a return statement. */
int cmd_fail(int status, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The commands, each file its own. */
int settings_print(struct cmd *), settings_set(struct cmd *),
	export_run(struct cmd *);
int ifaceprint_run(struct cmd *), ifaces_add(struct cmd *),
	ifaces_set(struct cmd *), ifaces_enable(struct cmd *),
	ifaces_disable(struct cmd *), ifaces_remove(struct cmd *);
int mappings_print(struct cmd *), mapchange_add(struct cmd *),
	mapchange_remove(struct cmd *), status_run(struct cmd *),
	mapmonitor_run(struct cmd *), resync_run(struct cmd *),
	metrics_run(struct cmd *);
int check_run(struct cmd *);

#endif
