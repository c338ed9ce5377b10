/* SPDX-License-Identifier: ISC */
/*
 * mem.h - large memory, for the life of a module.
 *
 * The C library writes to both ends of what it gives, so that a table nobody
 * has used yet takes two pages and more. This comes from the kernel as it is:
 * a page of it costs memory from its first use. Not for what is small: it
 * comes in whole pages.
 *
 * In header only, so that a module that takes memory needs nothing else to be
 * linked.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ASan watches both ends of what is its own. */
#ifdef __has_feature
#define MEM_BY_LIBC __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define MEM_BY_LIBC 1
#else
#define MEM_BY_LIBC 0
#endif

/**
 * mem_new - room for @n objects of @size bytes, all zero.
 *
 * Return: the caller's, for mem_free(); NULL without memory
 */
static inline void *mem_new(size_t n, size_t size)
{
	void *p;

	if (size && n > SIZE_MAX / size)
		return NULL;
	if (MEM_BY_LIBC)
		return calloc(n, size);
	p = mmap(NULL, n * size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

/** mem_free - give it back; @n and @size as at mem_new(). NULL is fine. */
static inline void mem_free(void *p, size_t n, size_t size)
{
	if (MEM_BY_LIBC)
		free(p);
	else if (p)
		munmap(p, n * size);
}

/**
 * mem_grow - room for more in an array of @size bytes each.
 * @v: of mem_new() or mem_grow(), with room for *@cap; NULL with 0
 *
 * Return: the array in its new place, *@cap grown; NULL without memory: @v and
 * *@cap stay
 */
static inline void *mem_grow(void *v, size_t *cap, size_t size)
{
	size_t more = *cap ? 2 * *cap : 64;
	void *p = mem_new(more, size);

	if (!p)
		return NULL;
	if (v)
		memcpy(p, v, *cap * size);
	mem_free(v, *cap, size);
	*cap = more;
	return p;
}

#endif
