/* SPDX-License-Identifier: ISC */
/*
 * words.h - split command lines into words, with RouterOS's quoting. Pure.
 * Runs in: upnpctl
 */
#ifndef UPNPCTL_WORDS_H
#define UPNPCTL_WORDS_H

#include "base/wr.h"
#include "upnpctl/cmd.h"

struct words {
	struct str at[CMD_ARGS_MAX];
	size_t n;
	unsigned line;		/* where the command begins, from 1 */
	struct wr text;		/* private: text of the words */
	char buf[4096];
};

/** words_init - initialize without words. */
void words_init(struct words *);

/**
 * words_next - read the next command of a script, which may have several
 * lines.
 * @rest: in: the text; out: the rest of the text
 * @line: in: the number of its first line; out: of the rest's first line
 * @ret: the words; none at the end of the text
 * @ret_why: the error, a literal; set only on errors
 *
 * A command ends at the end of the line or at ";". "#" at the start of a word
 * starts a comment. "\" at the end of a line joins the next line, without its
 * leading white space. "Quotes" keep white space in a word. These escapes are
 * known: \" \\ \n \r \t \$ \? \_ (a space) \a \b \f \v and "\" with two
 * hexadecimal digits. "[...]" is one word.
 *
 * Return: 0, -EINVAL
 * Source: the output of "export" in RouterOS 3 to 7; its manual, "Scripting",
 * "Constant Escape Sequences"
 */
int words_next(struct words *ret, struct str *rest, unsigned *line,
	       const char **ret_why);

/**
 * words_add - add one argument of the command line.
 * @whole: it is one word in any case
 *
 * An argument with white space and no "=" before it, or with a value that
 * begins with a quote, is a whole line and is split as words_next() does. Any
 * other argument is one word: the shell has removed its quotes.
 *
 * Return: 0, -EINVAL
 */
int words_add(struct words *, struct str arg, bool whole,
	      const char **ret_why);

#endif
