/* SPDX-License-Identifier: ISC */
/*
 * bufpool.c - a fixed number of buffers of one size, in one mapping.
 * Runs in: any
 */
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/bufpool.h"

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

char *bufpool_get(struct bufpool *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if (!p->used[i]) {
			p->used[i] = true;
			return p->mem + i * p->len;
		}
	}
	return NULL;
}

void bufpool_put(struct bufpool *p, char *buf)
{
	if (buf)
		p->used[(size_t)(buf - p->mem) / p->len] = false;
}

void bufpool_trim(struct bufpool *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->used[i])
			return;
	}
	madvise(p->mem, p->len * p->n, MADV_DONTNEED);
}
