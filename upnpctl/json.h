/* SPDX-License-Identifier: ISC */
/* json.h - JSON on standard output, a value at a time. Runs in: upnpctl */
#ifndef UPNPCTL_JSON_H
#define UPNPCTL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/str.h"

/*
 * Each function writes one value, with the comma and the line break before it.
 * @key is NULL inside an array. Bytes that are not UTF-8 become U+FFFD.
 */
void json_lines(void);			/* one outermost value on each line */
void json_object(const char *key);
void json_array(const char *key);
void json_end(void);	/* ends the innermost object or array */
void json_str(const char *key, struct str);
void json_u64(const char *key, uint64_t);
void json_bool(const char *key, bool);
void json_null(const char *key);
void json_addr(const char *key, struct addr);	/* not one address: null */

#endif
