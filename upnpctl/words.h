/* SPDX-License-Identifier: ISC */
/*
 * words.h - command lines into words, as RouterOS quotes and continues them.
 * Pure.
 */
#ifndef UPNPCTL_WORDS_H
#define UPNPCTL_WORDS_H

#include "base/wr.h"
#include "upnpctl/cmd.h"

struct words {
	struct str at[CMD_ARGS_MAX];
	size_t n;
	unsigned line;		/* where the command begins, from 1 */
	struct wr text;		/* private: what the words point to */
	char buf[4096];
};

/** words_init - no words. */
void words_init(struct words *);

/**
 * words_next - read the next command of a script, which may have several
 * lines.
 * @rest: in: the text; out: what follows
 * @line: in: the number of its first line; out: of what follows
 * @ret: the words; none at the end of the text
 * @ret_why: what is wrong, a literal; set on errors
 *
 * A command ends with the line, or at ";". "#" where a word could begin starts
 * a comment. "\" at the end of a line joins the next one, without the white
 * space that it begins with. Within "quotes" white space does not part words,
 * and these stand for others: \" \\ \n \r \t \$ \? \_ (a space) \a \b \f \v and
 * two hexadecimal digits. "[...]" is one word.
 *
 * Return: 0, -EINVAL
 * Source: what RouterOS 3 to 7 print for "export"; its manual, "Scripting",
 * "Constant Escape Sequences"
 */
int words_next(struct words *ret, struct str *rest, unsigned *line,
	       const char **ret_why);

/**
 * words_add - add one argument of the command line.
 *
 * One that holds white space and no "=" before it is a line by itself and is
 * read as words_next() does, as is one whose value begins with a quote; any
 * other is a word as it is: the shell has taken its quotes away.
 *
 * Return: 0, -EINVAL
 */
int words_add(struct words *, struct str arg, const char **ret_why);

#endif
