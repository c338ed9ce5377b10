/* SPDX-License-Identifier: ISC */
/*
 * bufpool.h - a fixed number of buffers of one size, in one mapping.
 *
 * A buffer takes memory from its first use until bufpool_trim().
 * Runs in: any
 */
#ifndef BASE_BUFPOOL_H
#define BASE_BUFPOOL_H

#include <stdbool.h>
#include <stddef.h>

#define BUFPOOL_MAX	64	/* buffers: one for each of GENA_SUBS_MAX */

struct bufpool {
	char *mem;		/* NULL: there is no pool */
	size_t len, n;		/* len: whole pages */
	bool used[BUFPOOL_MAX];
};

/** bufpool_init - make a pool of @n buffers of at least @len bytes each.
 * Return: 0; -EINVAL (@n or @len is 0 or too large), -ENOMEM; then the pool is
 * all zero, and bufpool_done() does nothing */
int bufpool_init(struct bufpool *, size_t len, size_t n);

/** bufpool_done - free the memory of all buffers. */
void bufpool_done(struct bufpool *);

/** bufpool_get - take a buffer; its content is undefined. NULL if all are in
 * use. */
char *bufpool_get(struct bufpool *);

/** bufpool_put - return @buf to the pool. NULL does nothing. */
void bufpool_put(struct bufpool *, char *buf);

/** bufpool_trim - if no buffer is in use, return the memory of all to the
 * kernel, so that a past burst costs nothing. */
void bufpool_trim(struct bufpool *);

#endif
