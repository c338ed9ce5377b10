/* SPDX-License-Identifier: ISC */
/*
 * uuid.h - UUIDs (RFC 9562), which name devices and subscriptions.
 * Runs in: any
 */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>
#include "base/wr.h"

#define UUID_BYTES	16
#define UUID_TEXT_LEN	36	/* 8-4-4-4-12 hexadecimal digits */

/** uuid_put - write it as text, in lower case. */
void uuid_put(struct wr *w, const uint8_t uuid[UUID_BYTES]);

/** uuid_parse - read all of @s as a UUID, with letters of either case. @ret:
 * set only on success */
bool uuid_parse(struct str s, uint8_t ret[UUID_BYTES]);

/** uuid_make - make a UUID of version 4 out of random bytes, in place. */
void uuid_make(uint8_t random[UUID_BYTES]);

#endif
