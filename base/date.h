/* SPDX-License-Identifier: ISC */
/*
 * date.h - wall clock time as text, in UTC, without locale or time zone.
 * Runs in: any
 */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include "base/str.h"
#include "base/wr.h"

/** date_http - "Sun, 06 Nov 1994 08:49:37 GMT": IMF-fixdate, RFC 9110 5.6.7.
 * A time outside 1970 to 9999 becomes the nearest end of that range. */
void date_http(struct wr *, int64_t unix_s);

/** date_syslog - "Nov  6 08:49:37": RFC 3164 4.1.2. */
void date_syslog(struct wr *, int64_t unix_s);

/** date_iso - "1994-11-06T08:49:37Z": RFC 3339 5.6, the same range. */
void date_iso(struct wr *, int64_t unix_s);

#endif
