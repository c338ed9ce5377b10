/* SPDX-License-Identifier: ISC */
/*
 * str.h - slices and strict numbers.
 *
 * A `struct str` is a pointer and a length, because nothing read from the
 * network is NUL-terminated. IPv4 addresses are uint32_t in host order
 * everywhere in this program (names end in _ip); only the code that fills a
 * sockaddr converts them.
 * Runs in: any
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
	const char *p;
	size_t n;
};

/* The slice of a string literal, a constant expression. */
#define STR(lit) ((struct str){ (lit), sizeof(lit) - 1 })
/* For printf("%.*s"): a slice as precision and pointer. */
#define STR_F(s) (int)(s).n, (s).p

/**
 * str_z - the slice of a NUL-terminated string.
 * @z: borrowed; NULL gives the empty slice
 */
struct str str_z(const char *z);

/** str_eq - are @a and @b the same bytes? */
bool str_eq(struct str a, struct str b);

/** str_ieq - the same, ignoring the case of ASCII letters. */
bool str_ieq(struct str a, struct str b);

/** str_starts - does @s begin with @prefix? */
bool str_starts(struct str s, struct str prefix);

/** str_istarts - the same, ignoring case. */
bool str_istarts(struct str s, struct str prefix);

/** str_skip - @s without its first @n bytes (empty if it has fewer). */
struct str str_skip(struct str s, size_t n);

/** str_trim - @s without spaces, tabs, CR and LF at both ends. */
struct str str_trim(struct str s);

/**
 * str_cut - split off the part before the first @sep.
 * @rest: in: what to split; out: what follows @sep, empty if there is no @sep
 * @ret_head: the part before @sep, or all of it
 * Return: false if *@rest was empty and nothing was split off.
 */
bool str_cut(struct str *rest, char sep, struct str *ret_head);

/** str_word - split off the next run of bytes that are not space or tab.
 * Return: false if only white space is left. */
bool str_word(struct str *rest, struct str *ret_word);

/**
 * str_u32 - parse a decimal number, strictly.
 * @s: digits only: no sign, no space, at least one; leading zeros are fine
 * @min, @max: the range, both ends in it
 * @ret: set only on success
 * Return: 0, -EINVAL (not a number) or -ERANGE (a number outside the range,
 * however long)
 */
int str_u32(struct str s, uint32_t min, uint32_t max, uint32_t *ret);

/** str_u64 - as str_u32(), 64 bits wide. */
int str_u64(struct str s, uint64_t min, uint64_t max, uint64_t *ret);

/** str_hex - the value of a hexadecimal digit, in either case; -1 for any other
 * byte. */
int str_hex(char c);

/**
 * str_ipv4 - parse a dotted quad, strictly: four numbers 0 to 255, no leading
 * zero.
 * @ret_ip: host order, set only on success
 */
bool str_ipv4(struct str s, uint32_t *ret_ip);

/**
 * str_copy - copy @s into @dst as a NUL-terminated string.
 * @cap: size of @dst, at least 1
 * Return: false, and @dst is "", if @s does not fit or contains a NUL.
 */
bool str_copy(char *dst, size_t cap, struct str s);

#endif
