/* SPDX-License-Identifier: ISC */
/* guardpage.h - one page between two without access, so that reading or writing
 * beyond a buffer crashes. */
#ifndef TESTS_UNIT_GUARDPAGE_H
#define TESTS_UNIT_GUARDPAGE_H

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/str.h"

static char *page;
static size_t page_n;

/* A copy of @s that begins after a guard page. */
static inline struct str at_start(struct str s)
{
	if (s.n > 0)
		memcpy(page, s.p, s.n);
	return (struct str){ page, s.n };
}

/* A copy of @s that ends at a guard page. */
static inline struct str at_end(struct str s)
{
	char *p = page + page_n - s.n;

	if (s.n > 0)
		memcpy(p, s.p, s.n);
	return (struct str){ p, s.n };
}

static int make_page(void **state)
{
	char *p;

	page_n = (size_t)sysconf(_SC_PAGESIZE);
	p = mmap(NULL, 3 * page_n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		 0);
	if (p == MAP_FAILED)
		return -1;
	page = p + page_n;
	return mprotect(page, page_n, PROT_READ | PROT_WRITE);
}

static int drop_page(void **state)
{
	return munmap(page - page_n, 3 * page_n);
}

#endif
