/* SPDX-License-Identifier: ISC */
/*
 * lineedit.h - edits one line: bytes of a terminal in, the edited line and the
 * bytes that show it out. With a history.
 *
 * Pure: no terminal, no allocation. prompt.c reads and writes the terminal. The
 * line is UTF-8; the cursor moves by whole characters. Sequences of keys are
 * those of ECMA-48 terminals (xterm, Linux, screen).
 * Runs in: upnpctl
 */
#ifndef UPNPCTL_LINEEDIT_H
#define UPNPCTL_LINEEDIT_H

#include <stdbool.h>
#include "base/str.h"
#include "base/wr.h"

#define LINEEDIT_MAX 1024	/* bytes of a line */
#define LINEEDIT_HISTORY 64	/* lines that are remembered */

/* What a byte has led to. */
enum lineedit_event {
	LINEEDIT_MORE,		/* the line may have changed: show it */
	LINEEDIT_LINE,		/* Enter: the line is complete */
	LINEEDIT_TAB,		/* complete the word before the cursor */
	LINEEDIT_HELP,		/* "?" outside quotes: what can be typed here? */
	LINEEDIT_CANCEL,	/* Ctrl-C: the line was dropped */
	LINEEDIT_CLEAR,		/* Ctrl-L: clear the screen, show the line */
	LINEEDIT_STOP,		/* Ctrl-Z */
	LINEEDIT_END,		/* Ctrl-D in an empty line */
};

/* Zeroed by the owner. */
struct lineedit {
	char text[LINEEDIT_MAX];
	size_t len, at;		/* bytes; the cursor */
	size_t from;		/* the first byte that is shown: a line that is
				 * wider than the terminal is moved */

	char past[LINEEDIT_HISTORY][LINEEDIT_MAX];	/* a ring, NUL-terminated */
	size_t past_n;		/* lines that were ever remembered */
	size_t back;		/* how far back the shown line is; 0: it is new */
	char draft[LINEEDIT_MAX];	/* the new line, while an old one is
					 * shown */

	char cut[LINEEDIT_MAX];	/* for Ctrl-Y, NUL-terminated */
	char esc[16];		/* the sequence that is being read */
	size_t esc_n;
	char utf8[4];		/* the character that is being read */
	size_t utf8_n;
};

/** lineedit_begin - begin a new, empty line. */
void lineedit_begin(struct lineedit *);

/** lineedit_key - handle one byte that was typed. */
enum lineedit_event lineedit_key(struct lineedit *, char byte);

/** lineedit_line - the line. */
struct str lineedit_line(const struct lineedit *);

/** lineedit_before - the line up to the cursor. */
struct str lineedit_before(const struct lineedit *);

/** lineedit_replace - replace the bytes from @from to the cursor by @text. Does
 * nothing if the line would be too long, or if @text has control characters. */
void lineedit_replace(struct lineedit *, size_t from, struct str text);

/** lineedit_remember - append the line to the history, unless it is empty or
 * the last one of the history. */
void lineedit_remember(struct lineedit *);

/** lineedit_show - write the bytes that show the prompt and the line in the
 * terminal's current row, and put the cursor where it belongs.
 * @width: columns of the terminal, 20 at least */
void lineedit_show(struct lineedit *, struct str prompt, unsigned width,
		   struct wr *);

/* More than the bytes that lineedit_show() writes beside the prompt. */
#define LINEEDIT_SHOW_MAX (LINEEDIT_MAX + 64)

#endif
