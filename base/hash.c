/* SPDX-License-Identifier: ISC */
/* hash.c - FNV-1a, 64 bits wide. Runs in: any */
#include "base/hash.h"

uint64_t hash_add(uint64_t h, const void *p, size_t n)
{
	const unsigned char *byte = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ byte[i]) * 0x100000001b3u;
	return h;
}
