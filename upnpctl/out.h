/* SPDX-License-Identifier: ISC */
/*
 * out.h - standard output: buffered text, and JSON.
 */
#ifndef UPNPCTL_OUT_H
#define UPNPCTL_OUT_H

#include <stdint.h>
#include "base/str.h"

/** out_fmt - as wr_fmt(). */
void out_fmt(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/** out_str - text as it is. */
void out_str(struct str);
/** out_pad - text, then spaces up to @width columns (bytes that begin a UTF-8
 * character count). Control characters become '?'. */
void out_pad(struct str, unsigned width);
/** out_flush - 0 or -errno of the first write that failed since the start. */
int out_flush(void);

/*
 * JSON, a value at a time; commas and line breaks come by themselves. @key is
 * NULL inside an array. Text that is no UTF-8 becomes U+FFFD.
 */
void json_lines(void);			/* from now on, a whole value a line */
void json_object(const char *key);
void json_array(const char *key);
void json_end(void);	/* of the innermost; the last: newline */
void json_str(const char *key, struct str);
void json_u64(const char *key, uint64_t);
void json_bool(const char *key, bool);
void json_null(const char *key);
void json_ip(const char *key, uint32_t ip);	/* 0: null */

#endif
