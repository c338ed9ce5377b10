/* SPDX-License-Identifier: ISC */
/*
 * utf8.h - characters of UTF-8 text (RFC 3629), one at a time.
 *
 * Runs in: any
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/wr.h"

/**
 * utf8_get - the first character of @s.
 * @ret_c: its code point, set only on success
 *
 * Return: bytes that it has; 0 if @s is empty or does not begin with a
 * character: a cut or longer form than need be, a surrogate, one above
 * U+10FFFF
 */
size_t utf8_get(struct str s, uint32_t *ret_c);

/** utf8_get_xml - the same; 0 also for what utf8_is_xml() excludes. */
size_t utf8_get_xml(struct str s, uint32_t *ret_c);

/** utf8_is_xml - may a document have this character? XML 1.0 2.2 Char. */
bool utf8_is_xml(uint32_t c);

/** utf8_is_control - is it a control character? U+0080 to U+009F are some too:
 * a terminal may take U+009B as the start of an escape sequence. */
bool utf8_is_control(uint32_t c);

/** utf8_put - write a character. @c: 0 to 0x10ffff, no surrogate */
void utf8_put(struct wr *w, uint32_t c);

/** utf8_count - the number of characters in @s, which is UTF-8: also about how
 * many columns it takes on a terminal. */
unsigned utf8_count(struct str s);

#endif
