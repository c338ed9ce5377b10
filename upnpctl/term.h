/* SPDX-License-Identifier: ISC */
/*
 * term.h - what a terminal can show: its width, colours, and text that is broken
 * at words. Runs in: upnpctl
 */
#ifndef UPNPCTL_TERM_H
#define UPNPCTL_TERM_H

#include "base/str.h"

/** term_width_of - the number of columns of the terminal @fd; 0: it is no
 * terminal, and lines may have any length.
 *
 * The environment variable COLUMNS has precedence over the terminal's own
 * size. Without either it is 80. At least 20. */
unsigned term_width_of(int fd);

/** term_width - the same of standard output. */
unsigned term_width(void);

enum term_colour { TERM_PLAIN, TERM_GOOD, TERM_WARNING, TERM_PROBLEM };

/** term_colour - what is written from now on has this colour.
 *
 * Writes nothing if standard output is no terminal, if the environment variable
 * NO_COLOR is set and not empty, or if TERM is "dumb" or not set.
 * Source: no-color.org; ECMA-48 8.3.117 SGR */
void term_colour(enum term_colour);

/** term_line - how many bytes of @s are its first line of at most @room
 * columns, broken as term_wrap() does. The space after them is not counted. */
size_t term_line(struct str s, unsigned room);

/** term_wrap - write text, and a newline.
 * @column: where the cursor is, and where the further lines begin
 *
 * On a terminal the text is broken at spaces, so that no line is longer than
 * the terminal is wide; a longer word is broken anywhere. Elsewhere it is one
 * line. Control characters become '?'. */
void term_wrap(struct str, unsigned column);

#endif
