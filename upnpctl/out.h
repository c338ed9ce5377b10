/* SPDX-License-Identifier: ISC */
/* out.h - write buffered text to standard output. Runs in: upnpctl */
#ifndef UPNPCTL_OUT_H
#define UPNPCTL_OUT_H

#include <stdint.h>
#include "base/str.h"

/** out_fmt - write formatted text, as wr_fmt(). */
void out_fmt(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/** out_ch - write one byte. */
void out_ch(char);
/** out_str - write text unchanged. */
void out_str(struct str);
/** out_pad - write text, padded with spaces to @width columns
 * (utf8_count()). Control characters become '?'. */
void out_pad(struct str, unsigned width);
/** out_flush - write the buffer. Return: 0, or -errno of the first write that
 * failed since the start */
int out_flush(void);

#endif
