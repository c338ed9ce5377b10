/* SPDX-License-Identifier: ISC */
/*
 * mem.h - large memory, for the life of a module.
 *
 * The memory comes from the kernel in whole pages, not from calloc(). musl's
 * calloc() writes to both ends of each block, so that unused tables would take
 * 96 KiB of resident memory (660 against 564 KiB, static, no mapping). And the
 * engine's filter needs neither brk() nor mprotect().
 *
 * There is only a header, so that a module that allocates memory needs no other
 * object file. upnpctl uses malloc().
 * Runs in: any
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* ASan checks accesses around blocks of its own allocator. */
#ifdef __has_feature
#define MEM_BY_LIBC __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define MEM_BY_LIBC 1
#else
#define MEM_BY_LIBC 0
#endif

/** mem_new - room for @n objects of @size bytes, all zero. Return: the
 * caller's, for mem_free(); NULL without memory */
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

/** mem_reserve - the same for memory of which only a part is in use at a time:
 * the kernel does not refuse it for being larger than what is free. */
static inline void *mem_reserve(size_t n, size_t size)
{
	void *p;

	if (MEM_BY_LIBC || (size && n > SIZE_MAX / size))
		return mem_new(n, size);
	p = mmap(NULL, n * size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

/** mem_free - free it; @n and @size as at mem_new(). NULL does nothing. */
static inline void mem_free(void *p, size_t n, size_t size)
{
	if (MEM_BY_LIBC)
		free(p);
	else if (p)
		munmap(p, n * size);
}

/** mem_release - return the whole pages among the @n bytes at @p to the kernel,
 * because their contents are no longer needed. They read as zero afterwards. */
static inline void mem_release(void *p, size_t n)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t)p + page - 1) / page * page;
	uintptr_t to = ((uintptr_t)p + n) / page * page;

	if (from < to)
		madvise((void *)from, to - from, MADV_DONTNEED);
}

#endif
