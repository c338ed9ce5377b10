/* SPDX-License-Identifier: ISC */
/*
 * hash.h - FNV-1a, 64 bits wide: a short value for the comparison of longer
 * ones.
 *
 * It detects accidental changes, not deliberate ones: somebody who chooses the
 * bytes can make two texts with the same hash. Source:
 * http://www.isthe.com/chongo/tech/comp/fnv/
 * Runs in: any
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_BEGIN 0xcbf29ce484222325u	/* the hash of no bytes */

/**
 * hash_add - continue the hash @h over @n bytes at @p.
 * @h: HASH_BEGIN, or what an earlier call returned
 *
 * Two calls give the same as one over both parts. If the border between parts
 * matters, add a byte that occurs in none of them.
 */
uint64_t hash_add(uint64_t h, const void *p, size_t n);

/**
 * hash_words - the same for much data: eight bytes a step, which is several
 * times as fast. It is another hash, and depends on the machine's byte order.
 *
 * Two calls give the same as one over both parts if the first part is a
 * multiple of eight bytes.
 */
uint64_t hash_words(uint64_t h, const void *p, size_t n);

#endif
