/* SPDX-License-Identifier: ISC */
/*
 * json.h - JSON on standard output, a value at a time.
 *
 * Runs in: upnpctl
 */
#ifndef UPNPCTL_JSON_H
#define UPNPCTL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include "base/str.h"

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
