/* SPDX-License-Identifier: ISC */
/*
 * wr.h - a bounded writer of text: bytes, numbers, addresses, printf.
 *
 * Runs in: any
 */
#ifndef BASE_WR_H
#define BASE_WR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

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

/* Of a text that just fills its room, or that is cut there. */
#define WR_FMT_MAX 4608		/* PATH_MAX and a sentence around it */

/** wr_fmt - printf; @fmt is a literal. */
void wr_fmt(struct wr *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** wr_vfmt - the same with a va_list; afterwards @ap is good for va_end()
 * only. */
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
