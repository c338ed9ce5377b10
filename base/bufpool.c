/* SPDX-License-Identifier: ISC */
/* bufpool.c - a fixed number of equal buffers in one mapping. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/bufpool.h"

enum use { CLEAN, STALE, USED };	/* CLEAN: has no memory behind it */

struct bufpool {
	char *mem;
	size_t len, n;		/* len: whole pages */
	uint8_t use[];		/* enum use, one a buffer */
};

struct bufpool *bufpool_new(size_t len, size_t n)
{
	size_t page = (size_t)getpagesize();
	struct bufpool *p;

	if (!len || !n || len > SIZE_MAX - page)
		return NULL;
	len = (len + page - 1) / page * page;
	if (n > SIZE_MAX / len)
		return NULL;
	p = calloc(1, sizeof(*p) + n);
	if (!p)
		return NULL;
	p->len = len;
	p->n = n;
	p->mem = mmap(NULL, len * n, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p->mem == MAP_FAILED) {
		free(p);
		return NULL;
	}
	return p;
}

void bufpool_free(struct bufpool *p)
{
	if (!p)
		return;
	munmap(p->mem, p->len * p->n);
	free(p);
}

static char *get(struct bufpool *p, enum use use)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->use[i] == use) {
			p->use[i] = USED;
			return p->mem + i * p->len;
		}
	}
	return NULL;
}

char *bufpool_get(struct bufpool *p)
{
	char *buf = get(p, STALE);

	return buf ? buf : get(p, CLEAN);
}

void bufpool_put(struct bufpool *p, char *buf)
{
	if (buf)
		p->use[(size_t)(buf - p->mem) / p->len] = STALE;
}

void bufpool_trim(struct bufpool *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->use[i] != STALE)
			continue;
		madvise(p->mem + i * p->len, p->len, MADV_DONTNEED);
		p->use[i] = CLEAN;
	}
}
