/* SPDX-License-Identifier: ISC */
/*
 * bufpool.h - a fixed number of equal buffers in one mapping.
 *
 * A buffer costs memory from its first use until bufpool_trim().
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

/**
 * bufpool_init - make a pool of @n buffers of at least @len bytes each.
 *
 * Return: 0; -EINVAL (@n or @len is 0 or too much), -ENOMEM; then it is as a
 * pool of zeros is, which bufpool_done() takes
 */
int bufpool_init(struct bufpool *, size_t len, size_t n);

/** bufpool_done - give back the memory of all its buffers. */
void bufpool_done(struct bufpool *);

/** bufpool_get - a buffer, with anything in it; NULL when all are in use. */
char *bufpool_get(struct bufpool *);

/** bufpool_put - give @buf back. NULL is fine. */
void bufpool_put(struct bufpool *, char *buf);

/** bufpool_trim - if no buffer is in use, give the memory of all back to the
 * kernel: a burst that is over costs nothing. */
void bufpool_trim(struct bufpool *);

#endif
