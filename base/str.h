/* SPDX-License-Identifier: ISC */
/*
 * str.h - slices, strict numbers and a bounded writer.
 *
 * A `struct str` is a pointer and a length: nothing read from the network is
 * ever NUL-terminated. IPv4 addresses are uint32_t in host order everywhere
 * in this program (names end in _ip); only the code that fills a sockaddr
 * converts.
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

/** str_ieq - the same, ASCII letters compared without case. */
bool str_ieq(struct str a, struct str b);

/** str_starts - does @s begin with @prefix? */
bool str_starts(struct str s, struct str prefix);

/** str_istarts - the same without case. */
bool str_istarts(struct str s, struct str prefix);

/** str_skip - @s without its first @n bytes (all of it where it is shorter). */
struct str str_skip(struct str s, size_t n);

/** str_trim - @s without spaces, tabs, CR and LF at both ends. */
struct str str_trim(struct str s);

/**
 * str_cut - split off the part before the first @sep.
 * @rest: in: what to split; out: what follows @sep, empty where there is none
 * @ret_head: what stood before @sep, or all of it
 *
 * Return: false when *@rest was empty and nothing was split off.
 */
bool str_cut(struct str *rest, char sep, struct str *ret_head);

/**
 * str_word - split off the next run of bytes that are not space or tab.
 *
 * Return: false when only white space is left.
 */
bool str_word(struct str *rest, struct str *ret_word);

/**
 * str_u32 - a decimal number, strictly.
 * @s: digits only: no sign, no space, at least one; leading zeros are fine
 * @min, @max: the range, both ends in it
 * @ret: set only on success
 *
 * Return: 0, -EINVAL (not a number) or -ERANGE (a number outside the range,
 * however long)
 */
int str_u32(struct str s, uint32_t min, uint32_t max, uint32_t *ret);

/** str_u64 - as str_u32(), 64 bits wide. */
int str_u64(struct str s, uint64_t min, uint64_t max, uint64_t *ret);

/**
 * str_ipv4 - a dotted quad, strictly: four numbers 0 to 255, no leading zero.
 * @ret_ip: host order, set only on success
 */
bool str_ipv4(struct str s, uint32_t *ret_ip);

/**
 * str_copy - copy @s into @dst as a NUL-terminated string.
 * @cap: size of @dst, at least 1
 *
 * Return: false, and nothing but a NUL written, when @s does not fit or holds
 * a NUL.
 */
bool str_copy(char *dst, size_t cap, struct str s);

/*
 * Text in a const table stands in the row itself, char name[16], not behind a
 * pointer: in a program that may be loaded anywhere each pointer in a table
 * costs 24 bytes of file, and the page it is on is written at the start, in
 * memory of our own. A list of words is one text, "red\0green\0": each ends
 * with a NUL, an empty one ends the list.
 */

/** str_list_next - the word behind @word in a list, "" behind the last. */
const char *str_list_next(const char *word);

/**
 * struct wr - a writer into the caller's buffer.
 *
 * Never writes beyond @cap. The first write that does not fit sets @over and
 * writes nothing; later writes are dropped too, so that one check of @over at
 * the end is enough. Not NUL-terminated unless wr_cstr() is called.
 */
struct wr {
	char *buf;
	size_t cap, len;
	bool over;
	bool cut;		/* private: of wr_init_cut() */
};

/** wr_init - a writer on @buf of @cap bytes. */
struct wr wr_init(char *buf, size_t cap);

/** wr_init_cut - one for people to read: of the first write that does not fit,
 * what fits is written. */
struct wr wr_init_cut(char *buf, size_t cap);

/** wr_ch - one byte. */
void wr_ch(struct wr *w, char c);

/** wr_str - a slice. */
void wr_str(struct wr *w, struct str s);

/** wr_z - a NUL-terminated string. */
void wr_z(struct wr *w, const char *z);

/** wr_u64 - a decimal number. */
void wr_u64(struct wr *w, uint64_t v);

/** wr_ipv4 - a dotted quad from host order. */
void wr_ipv4(struct wr *w, uint32_t ip);

/** mask_bits - how long a network's mask is. Not by the compiler's popcount,
 * which is a function of its own library. */
static inline unsigned mask_bits(uint32_t mask)
{
	return mask ? 32 - (unsigned)__builtin_ctz(mask) : 0;
}

/** wr_net - the network of an address, "192.168.88.0/24"; host order. */
void wr_net(struct wr *w, uint32_t ip, uint32_t mask);

/**
 * wr_xml - text with & < > " and ' as entities; control characters other
 * than tab, LF and CR, which XML 1.0 2.2 forbids, are left out. Bytes from 0x80
 * on go through as they are.
 */
void wr_xml(struct wr *w, struct str s);

/**
 * wr_fmt - printf; @fmt is a literal.
 *
 * Knows %s (with a precision), %c, %d, %u and %x (with a width, and zeros),
 * the lengths l, ll and z, and %%: what this program uses. libc's would bring
 * 16 KiB of floating point with it. Another conversion sets @over.
 */
void wr_fmt(struct wr *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** wr_vfmt - the same with a va_list, which is as it was afterwards. */
void wr_vfmt(struct wr *w, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/** wr_done - what was written so far, as a slice of the buffer. */
struct str wr_done(const struct wr *w);

/**
 * wr_cstr - end with a NUL and give the buffer as a C string.
 *
 * On overflow the text is cut at the last byte that still leaves room for the
 * NUL. Needs cap >= 1.
 */
const char *wr_cstr(struct wr *w);

#endif
