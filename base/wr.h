/* SPDX-License-Identifier: ISC */
/*
 * wr.h - a bounded writer of text: bytes, numbers, printf.
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
 * writes nothing; later writes are dropped as well, so that one check of @over
 * at the end is enough. Not NUL-terminated unless wr_cstr() is called.
 */
struct wr {
	char *buf;
	size_t cap, len;
	bool over;
	bool cut;		/* private: of wr_init_cut() */
};

/** wr_init - make a writer on @buf of @cap bytes. */
struct wr wr_init(char *buf, size_t cap);

/** wr_init_cut - make a writer that cuts, for text that people read: of the
 * first write that does not fit, the part that fits is written. */
struct wr wr_init_cut(char *buf, size_t cap);

/** wr_ch - write one byte. */
void wr_ch(struct wr *w, char c);

/** wr_str - write a slice. */
void wr_str(struct wr *w, struct str s);

/** wr_z - write a NUL-terminated string. */
void wr_z(struct wr *w, const char *z);

/** wr_u64 - write a decimal number. */
void wr_u64(struct wr *w, uint64_t v);

/** wr_xml - write text with & < > " and ' as entities. Control characters other
 * than tab, LF and CR are left out, because XML 1.0 2.2 forbids them. Bytes
 * from 0x80 on are unchanged. */
void wr_xml(struct wr *w, struct str s);

/** wr_fmt - printf; @fmt is a literal. Of what printf knows: %% %c, %s also with
 * a precision, and %d %u %x with l, ll or z and with a width, also from 0.
 * Anything else aborts (tests/layers.py looks for it). */
void wr_fmt(struct wr *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** wr_vfmt - the same with a va_list; afterwards @ap is good for va_end()
 * only. */
void wr_vfmt(struct wr *w, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/** wr_done - the text that was written so far, as a slice of the buffer. */
struct str wr_done(const struct wr *w);

/**
 * wr_cstr - append a NUL and return the buffer as a C string.
 *
 * On overflow the text is cut so that the NUL fits. Needs cap >= 1.
 */
const char *wr_cstr(struct wr *w);

#endif
