/* SPDX-License-Identifier: ISC */
/*
 * utf8.h - reads and writes characters of UTF-8 text (RFC 3629).
 * Runs in: any
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/wr.h"

/**
 * utf8_get - read the first character of @s.
 * @ret_c: its code point, set only on success
 * Return: its length in bytes; 0 if @s is empty or does not begin with a
 * character: a cut or overlong form, a surrogate, a code point above U+10FFFF
 */
size_t utf8_get(struct str s, uint32_t *ret_c);

/** utf8_get_xml - the same; 0 as well for what utf8_is_xml() excludes. */
size_t utf8_get_xml(struct str s, uint32_t *ret_c);

/** utf8_is_xml - may a document contain this character? XML 1.0 2.2 Char. */
bool utf8_is_xml(uint32_t c);

/** utf8_is_control - is it a control character? This includes U+0080 to U+009F:
 * a terminal may take U+009B as the start of an escape sequence. */
bool utf8_is_control(uint32_t c);

/** utf8_put - write a character. @c: 0 to 0x10ffff, no surrogate */
void utf8_put(struct wr *w, uint32_t c);

/** utf8_count - the number of columns that @s, which is UTF-8, takes on a
 * terminal: none for a combining character, two for a wide one (of East Asia,
 * emoji), else one. Source: Unicode 15, UAX 11, the ranges with few holes */
unsigned utf8_count(struct str s);

/** utf8_fit - the number of bytes at the start of @s that take at most
 * @columns columns. Whole characters, with those that combine with them. */
size_t utf8_fit(struct str s, unsigned columns);

#endif
