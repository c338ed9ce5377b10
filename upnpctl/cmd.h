/* SPDX-License-Identifier: ISC */
/*
 * cmd.h - shared by all parts of upnpctl: a parsed command, the table of
 * commands, and error reports. Runs in: upnpctl
 */
#ifndef UPNPCTL_CMD_H
#define UPNPCTL_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

/* Exit statuses. For "check", 1 is a warning and 2 a problem. */
enum { CMD_OK = 0, CMD_FAULT = 1, CMD_USAGE = 2 };

#define CMD_ARGS_MAX 64

struct change;			/* change.h */
struct cmd;
struct list;			/* list.h */
struct confopt;			/* conf/confopt.h */

/* The state that all commands of a run share. */
struct cmd_env {
	const char *file;	/* configuration; NUL-terminated */
	bool json;
	const char *exec;	/* option --exec of monitor; or NULL */
	const struct cmd_verb *verbs;	/* ends with a row without name */
	const struct cmd_list *lists;	/* ends with a row without open */
	struct change *change;	/* the change of a script; NULL: no script */
	bool add_enabled;	/* the script is an export of RouterOS 6 or 7,
				 * where an added interface is enabled unless
				 * the command has disabled=yes */
};

/* What an argument of a command is. */
enum cmd_kind {
	CMD_WORD = 1,		/* a word of its own: "detail" */
	CMD_KEY,		/* "key=value"; "!key" resets it */
	CMD_ITEMS,		/* items of the menu's list: "0,2-3", "ether1",
				 * "[find ...]", "numbers=0" */
	CMD_PROP,		/* the name of a property of the list: "type" */
	CMD_WHERE,		/* "where", and terms up to the end (where.h) */
	CMD_TERM,		/* a term, without the word "where" before it */
	CMD_OTHER,		/* any other text */
};

/* One thing that a verb takes: the source of the usage, of abbreviations, of
 * completion and of errors. */
struct cmd_arg {
	const char *name;	/* "detail", "interface"; of CMD_ITEMS, CMD_PROP
				 * and CMD_OTHER what the usage shows, such as
				 * "N,..."; NULL ends a table */
	uint8_t kind;		/* enum cmd_kind */
	bool needed;		/* for the usage; the verb reports it */
	bool netif;		/* its values are the system's interfaces */
	const char *values;	/* "yes no": words that its value can be; of
				 * CMD_ITEMS "all", if it may be; or NULL */
	const struct confopt *option;	/* its values are those of the option;
				 * or NULL */
	const char *same_as;	/* it is another name of this key; or NULL */
	const char *help;	/* one line; NULL: that of the option, or none */
};

struct cmd_verb {
	uint8_t menu;		/* enum menu (menu.h) */
	const char *name;	/* "print", "set", ...; NULL ends a table */
	int (*run)(struct cmd *);	/* exit status */
	const char *help;	/* one line */
	const struct cmd_arg *args;	/* ends with a row without name; NULL:
				 * it takes none */
	/* More arguments, after those of args: sets the @i-th. Return: false
	 * after the last one. NULL: there are no more */
	bool (*more)(size_t i, struct cmd_arg *ret);
	bool script;		/* is allowed in a script */
};

/* The list of a menu. */
struct cmd_list {
	uint8_t menu;		/* enum menu */
	/* Read it. @ret: all zeros. Return: exit status, reported on stderr */
	int (*open)(const struct cmd_env *, struct list *ret);
};

/* One command: its verb and the words after it. Names and words are written in
 * full: path_find() has checked them. */
struct cmd {
	const struct cmd_env *env;
	const struct cmd_verb *verb;
	uint8_t menu;		/* enum menu, in which the verb was found */
	struct str arg[CMD_ARGS_MAX];	/* "enabled=yes", "!uuid", "0,1",
				 * "detail", "type=internal" of a where */
	uint8_t kind[CMD_ARGS_MAX];	/* enum cmd_kind of each argument; that
				 * of a term is CMD_TERM, and "where" itself is
				 * left out */
	size_t n;
	bool where;		/* the command has the word "where" */
	char text[4096];	/* private: of arguments that were shortened */
};

/** cmd_set_line - cmd_fail() names this line of the script from now on; 0: no
 * line. */
void cmd_set_line(unsigned line);

/** cmd_set_json - choose whether cmd_fail() writes JSON objects. */
void cmd_set_json(bool on);

/** cmd_fail - write "upnpctl: ..." to stderr, one line, cut at 1 KiB. Return:
 * @status, for a return statement. */
int cmd_fail(int status, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** cmd_set_quiet - choose whether cmd_fail() writes nothing. Return: whether it
 * wrote nothing before */
bool cmd_set_quiet(bool on);

/** CMD_LARGE - give a function a variable that is too large for the stack, and
 * that it keeps: @p is a static pointer to it. A static variable would count
 * against RLIMIT_DATA when upnpd starts, because it is the same program. Exits
 * without memory. */
#define CMD_LARGE(p) ((p) ? (void)0 : (void)((p) = cmd_large(sizeof(*(p)))))
void *cmd_large(size_t size);

/** cmd_key - the value of "key=value" among the arguments.
 * Return: false if there is none */
bool cmd_key(const struct cmd *, const char *key, struct str *ret_value);

/** cmd_word - is the word among the arguments, as CMD_WORD? */
bool cmd_word(const struct cmd *, const char *word);

/* The commands, each in the file of its prefix, and what they take: tables, or
 * functions as cmd_verb.more. */
int settings_print(struct cmd *), settings_set(struct cmd *),
	settings_get(struct cmd *), settings_print_natpmp(struct cmd *),
	settings_set_natpmp(struct cmd *), settings_masquerade(struct cmd *),
	export_run(struct cmd *), complete_run(struct cmd *);
extern const struct cmd_arg settings_print_args[], settings_get_args[],
	settings_natpmp_args[], settings_masquerade_args[];
bool settings_set_arg(size_t i, struct cmd_arg *ret),
	settings_get_arg(size_t i, struct cmd_arg *ret);
int listget_find(struct cmd *), listget_run(struct cmd *);
extern const struct cmd_arg listget_find_args[], listget_args[];
int listprint_run(struct cmd *), ifaces_add(struct cmd *),
	ifaces_set(struct cmd *), ifaces_enable(struct cmd *),
	ifaces_disable(struct cmd *), ifaces_remove(struct cmd *);
extern const struct cmd_arg listprint_args[], ifaces_add_args[],
	ifaces_set_args[], ifaces_items_args[];
bool ifaces_arg(size_t i, struct cmd_arg *ret);
int mapprint_run(struct cmd *), mapchange_add(struct cmd *),
	mapchange_remove(struct cmd *), migrate_run(struct cmd *),
	status_run(struct cmd *), mapmonitor_run(struct cmd *),
	resync_run(struct cmd *), metrics_run(struct cmd *);
int mapset_run(struct cmd *), mapset_enable(struct cmd *),
	mapset_disable(struct cmd *), mapset_comment(struct cmd *);
extern const struct cmd_arg mapset_args[], mapset_comment_args[];
extern const struct cmd_arg mapprint_args[], mapchange_add_args[],
	mapchange_items_args[];
int rulechange_add(struct cmd *), rulechange_set(struct cmd *),
	rulechange_enable(struct cmd *), rulechange_disable(struct cmd *),
	rulechange_comment(struct cmd *), rulechange_move(struct cmd *),
	rulechange_remove(struct cmd *);
extern const struct cmd_arg rulechange_add_args[], rulechange_set_args[],
	rulechange_items_args[], rulechange_comment_args[],
	rulechange_move_args[], rulelist_print_args[];
bool rulechange_arg(size_t i, struct cmd_arg *ret);
extern const struct cmd_arg mapmonitor_args[];
int check_run(struct cmd *), refusals_print(struct cmd *);
extern const struct cmd_arg refusals_print_args[];

#endif
