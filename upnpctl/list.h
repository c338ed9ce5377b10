/* SPDX-License-Identifier: ISC */
/*
 * list.h - a menu whose items are printed, found and changed: interfaces,
 * mappings, rules. The file of each list fills a struct list. Runs in: upnpctl
 */
#ifndef UPNPCTL_LIST_H
#define UPNPCTL_LIST_H

#include "base/wr.h"
#include "upnpctl/cmd.h"

struct list;

enum prop_kind {
	PROP_WORD,		/* a word, an address, a key */
	PROP_TEXT,		/* free text, quoted in detail */
	PROP_NUMBER,
	PROP_BOOL,		/* "yes" or "no" */
	PROP_TIME,		/* "1d2h"; "never" is larger than all others */
};

/* Bits of prop.shown. */
enum prop_shown {
	PROP_IN_TABLE = 1, PROP_IN_STATS = 2, PROP_IN_DETAIL = 4,
	PROP_CUT = 8,		/* may be cut with an ellipsis */
	PROP_DROP = 16,		/* on a terminal the column is left out if it is
				 * empty in every row; detail leaves it out if
				 * it is empty */
	PROP_LINE = 32,		/* in detail it begins a line */
	PROP_IN_SECOND = 64,	/* in the second table (list.second) */
	PROP_IN_SECOND_STATS = 128,
};

struct prop {
	const char *name;	/* "interface", "to", "time-left" */
	uint8_t kind;		/* enum prop_kind */
	uint8_t shown;		/* enum prop_shown, or-ed */
	/* Write the value of item @i; nothing: it is not set. */
	void (*put)(const struct list *, size_t i, struct wr *);
	/* Is the value of item @i the one that @value means? For values with
	 * several spellings. NULL: the text of put() must be @value. */
	bool (*equal)(const struct list *, size_t i, struct str value);
	/* Can a value be @value? For an error in where. NULL: any text can. */
	bool (*accepts)(struct str value);
	const char *takes;	/* of accepts: "a port, 1 to 65535" */
	/* For a narrow terminal. */
	const char *head;	/* a shorter heading; or NULL */
	uint8_t rank;		/* columns of a higher rank are left out first;
				 * 0: never */
	/* Is the value known from the other columns of the item? On a terminal a
	 * column is left out if it is known or empty in every row. Or NULL */
	bool (*known)(const struct list *, size_t i);
};

/* A flag is also a word of where: "disabled", "disabled=no", "!disabled". */
struct list_flag {
	char letter;		/* 'X'; '\0': it is only a word of where */
	const char *name;	/* "disabled" */
	bool (*is)(const struct list *, size_t i);
	bool warns;		/* its letter has the colour of a warning */
};

struct list {
	const char *what;	/* "interface", as in "there is no interface 7" */
	const char *example;	/* an item, as in "interfaces enable 0" */
	const char *how_to_add;	/* a command for an empty list; or NULL */
	const struct prop *props;
	size_t prop_n;
	const struct list_flag *flags;
	size_t flag_n;
	size_t n;		/* the number of an item is its index */
	void *data;		/* of the list's file */

	/* Find the item that a name or key ("ether1", "tcp:8080") means. Return:
	 * CMD_OK and *ret; -1: no item has this name; another exit status,
	 * reported on stderr */
	int (*named)(const struct list *, struct str item, size_t *ret);
	/* Write the name of item @i that named() finds; NULL: they have none. */
	void (*name)(const struct list *, size_t i, struct wr *);
	/* Write the members of the JSON object of item @i, without its
	 * number. */
	void (*json)(const struct list *, size_t i);
	bool by_key;		/* numbers are not known: items are chosen only
				 * by name, because no daemon numbers them */
	/* Does the item belong in a second table, below the first? NULL: there
	 * is only one */
	bool (*second)(const struct list *, size_t i);
	/* Write what the statistics have beside the items, in lines of its own;
	 * as JSON an object without a number. Or NULL */
	void (*rest)(const struct list *, bool json);
	void (*close)(struct list *);	/* free data; or NULL */
};

/** list_close - free what the list owns. */
void list_close(struct list *);

/** list_prop - find the property of that name, or NULL. */
const struct prop *list_prop(const struct list *, struct str name);

/** list_flag - find the flag of that name, or NULL. */
const struct list_flag *list_flag(const struct list *, struct str name);

/**
 * list_look_up - find the property or the flag that a name, or the beginning of
 * one, means.
 * @ret_prop, @ret_flag: one of them; the other is NULL
 * Return: exit status; errors are reported on stderr
 */
int list_look_up(const struct list *, struct str name,
		 const struct prop **ret_prop,
		 const struct list_flag **ret_flag);

/** list_mask - allocate a bool for each item, all false; free() it. Exits
 * without memory. */
bool *list_mask(const struct list *);

#endif
