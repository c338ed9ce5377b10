/* SPDX-License-Identifier: ISC */
/*
 * uuid.c - UUIDs (RFC 9562), which name devices and subscriptions.
 * Runs in: any
 */
#include <string.h>
#include "base/uuid.h"
#include "base/wr.h"

/* Is there a '-' before byte @i? */
static bool dash_before(size_t i)
{
	return i == 4 || i == 6 || i == 8 || i == 10;
}

void uuid_put(struct wr *w, const uint8_t uuid[UUID_BYTES])
{
	for (size_t i = 0; i < UUID_BYTES; i++)
		wr_fmt(w, dash_before(i) ? "-%02x" : "%02x", uuid[i]);
}

bool uuid_parse(struct str s, uint8_t ret[UUID_BYTES])
{
	uint8_t uuid[UUID_BYTES];
	size_t at = 0;

	if (s.n != UUID_TEXT_LEN)
		return false;
	for (size_t i = 0; i < UUID_BYTES; i++, at += 2) {
		int high, low;

		if (dash_before(i) && s.p[at++] != '-')
			return false;
		high = str_hex(s.p[at]);
		low = str_hex(s.p[at + 1]);
		if (high < 0 || low < 0)
			return false;
		uuid[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(ret, uuid, sizeof(uuid));
	return true;
}

void uuid_make(uint8_t random[UUID_BYTES])
{
	random[6] = (uint8_t)((random[6] & 0x0f) | 0x40);
	random[8] = (uint8_t)((random[8] & 0x3f) | 0x80);
}
