/* SPDX-License-Identifier: ISC */
/*
 * bufpool.h - a fixed number of equal buffers in one mapping.
 *
 * A page of it costs memory only from its first use until bufpool_trim().
 */
#ifndef BASE_BUFPOOL_H
#define BASE_BUFPOOL_H

#include <stddef.h>

struct bufpool;

/**
 * bufpool_new - make a pool of @n buffers of at least @len bytes each.
 *
 * Return: owned by the caller (bufpool_free()), NULL without memory
 */
struct bufpool *bufpool_new(size_t len, size_t n);

/** bufpool_free - and with it all its buffers. NULL is fine. */
void bufpool_free(struct bufpool *);

/** bufpool_get - a buffer, with anything in it; NULL when all are in use. One
 * that costs memory already is preferred. */
char *bufpool_get(struct bufpool *);

/** bufpool_put - give @buf back. NULL is fine. */
void bufpool_put(struct bufpool *, char *buf);

/** bufpool_trim - give the memory of unused buffers back to the kernel. */
void bufpool_trim(struct bufpool *);

#endif
