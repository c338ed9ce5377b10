/* SPDX-License-Identifier: ISC */
/*
 * out.h - standard output: buffered text.
 */
#ifndef UPNPCTL_OUT_H
#define UPNPCTL_OUT_H

#include <stdint.h>
#include "base/str.h"

/** out_fmt - as wr_fmt(). */
void out_fmt(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/** out_ch - one byte. */
void out_ch(char);
/** out_str - text as it is. */
void out_str(struct str);
/** out_pad - text, then spaces up to @width columns (bytes that begin a UTF-8
 * character count). Control characters become '?'. */
void out_pad(struct str, unsigned width);
/** out_flush - 0 or -errno of the first write that failed since the start. */
int out_flush(void);

#endif
