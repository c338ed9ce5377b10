/* SPDX-License-Identifier: ISC */
/*
 * text.h - makes foreign text safe for a log, a file or a terminal.
 *
 * A byte that is not permitted becomes '?', so the length does not change. For
 * characters instead of bytes, see utf8.h.
 * Runs in: any
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include "base/wr.h"

/* The bytes that a text may contain. */
enum text_set {
	/* 0x20..0x7e. For logs and the service manager: each byte from 0x80 on
	 * is a control character in some character set. */
	TEXT_ASCII,
	/* all but the control characters 0x00..0x1f and 0x7f. For text that an
	 * operator reads and may have written as UTF-8. */
	TEXT_NO_CONTROL,
};

/** text_allows - may such a text contain this byte? */
bool text_allows(enum text_set, char c);

/** text_is - may such a text contain each byte of @s? */
bool text_is(enum text_set, struct str s);

/** text_clean - replace the bytes that are not permitted, in place. */
void text_clean(enum text_set, char *p, size_t n);

/** text_put - write @s as wr_str() does, with the same replacements. */
void text_put(enum text_set, struct wr *w, struct str s);

#endif
