/* SPDX-License-Identifier: ISC */
/*
 * text.h - text from outside, made fit for a log, a file or a terminal.
 *
 * A byte that does not belong there becomes '?', so that the length stays. For
 * characters instead of bytes, see utf8.h.
 *
 * Runs in: any
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include "base/wr.h"

/* What may stand in a text. */
enum text_set {
	/* 0x20..0x7e. For logs and the service manager: each byte from 0x80 on
	 * is a control character in some character set. */
	TEXT_ASCII,
	/* all but the control characters 0x00..0x1f and 0x7f. For what an
	 * operator reads, who may have written UTF-8. */
	TEXT_NO_CONTROL,
};

/** text_allows - may this byte stand in such a text? */
bool text_allows(enum text_set, char c);

/** text_is - may each byte of @s stand in such a text? */
bool text_is(enum text_set, struct str s);

/** text_clean - replace what may not, in the caller's buffer. */
void text_clean(enum text_set, char *p, size_t n);

/** text_put - write @s as wr_str() does, with the same replacements. */
void text_put(enum text_set, struct wr *w, struct str s);

#endif
