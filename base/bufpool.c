/* SPDX-License-Identifier: ISC */
/* bufpool.c - a fixed number of equal buffers in one mapping. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/bufpool.h"

/* Of a buffer, in its place of use[]. CLEAN: has no memory behind it. */
enum use { CLEAN, STALE, USED };

int bufpool_init(struct bufpool *p, size_t len, size_t n)
{
	size_t page = (size_t)getpagesize();
	void *mem;

	*p = (struct bufpool){ 0 };
	if (!len || !n || n > BUFPOOL_MAX || len > SIZE_MAX / n - page)
		return -EINVAL;
	len = (len + page - 1) / page * page;
	mem = mmap(NULL, len * n, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return -ENOMEM;
	p->mem = mem;
	p->len = len;
	p->n = n;
	return 0;
}

void bufpool_done(struct bufpool *p)
{
	if (p->mem)
		munmap(p->mem, p->len * p->n);
	p->mem = NULL;
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
