/* SPDX-License-Identifier: ISC */
/* hash.c - FNV-1a, 64 bits wide. Runs in: any */
#include <string.h>
#include "base/hash.h"

#define PRIME 0x100000001b3u

uint64_t hash_add(uint64_t h, const void *p, size_t n)
{
	const unsigned char *byte = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ byte[i]) * PRIME;
	return h;
}

/* A product carries a bit only upwards, so mix the upper half into the
 * lower. */
uint64_t hash_words(uint64_t h, const void *p, size_t n)
{
	const unsigned char *byte = p;
	uint64_t word;

	for (; n >= sizeof(word); byte += sizeof(word), n -= sizeof(word)) {
		memcpy(&word, byte, sizeof(word));
		h = (h ^ word) * 0xff51afd7ed558ccdu;	/* MurmurHash3 */
		h ^= h >> 32;
	}
	return hash_add(h, byte, n);
}
