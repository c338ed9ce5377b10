/* SPDX-License-Identifier: ISC */
/*
 * descpool.h - the description pool: the descriptions of mappings, and the
 * notes of their owner, stored compactly.
 *
 * Clients write 5 to 40 bytes of the PM_DESC_MAX that they may. A text takes as
 * many linked cells as it needs, from one array that has room for every text at
 * its longest.
 * Runs in: engine
 */
#ifndef MAP_DESCPOOL_H
#define MAP_DESCPOOL_H

#include <stddef.h>
#include <stdint.h>
#include "base/limits.h"
#include "base/str.h"

/* Cells of 16 bytes (with the link) used the least memory of the sizes tried on
 * clients' descriptions. */
#define DESCPOOL_CELL_LEN 12

struct descpool_cell {
	uint32_t next;		/* the number of a cell; 0: none */
	char part[DESCPOOL_CELL_LEN];	/* padded with NUL if not full */
};

/* The cells that a text of @n bytes and the longest text need. */
#define DESCPOOL_CELLS_FOR(n) \
	(((n) + DESCPOOL_CELL_LEN - 1) / DESCPOOL_CELL_LEN)
#define DESCPOOL_CELLS DESCPOOL_CELLS_FOR(PM_DESC_MAX)

struct descpool {
	struct descpool_cell *cell;	/* number 1 is the first */
	uint32_t max;
	uint32_t used;		/* cells above have never been used: a free list
				 * of all cells would touch 383 KiB at the start
				 * (max-mappings = 1024) */
	uint32_t free;		/* list of cells that were used; 0: empty */
};

/**
 * descpool_init - an empty pool.
 * @cell: @max cells, zeroed or not; the caller keeps and frees them
 * @max: enough for every text that there may be at a time
 */
void descpool_init(struct descpool *, struct descpool_cell *cell, uint32_t max);

/**
 * descpool_put - store a text.
 * @s: copied; without NUL. At most PM_DESC_MAX bytes of it are stored
 *
 * Cells that were used before are used first, so that no new memory is touched
 * while some of them are free.
 * Limits: if no cell is left, the text is cut. With as many cells as
 * descpool_init() asks for, that does not happen.
 *
 * Return: its number, for descpool_get() and descpool_drop(); 0 for the empty
 * text, which needs no cell
 */
uint32_t descpool_put(struct descpool *, struct str s);

/** descpool_drop - free the text of that number; 0 does nothing. */
void descpool_drop(struct descpool *, uint32_t number);

/**
 * descpool_get - read the text of that number; 0 is the empty one.
 * @buf: PM_DESC_MAX + 1 bytes; NUL-terminated afterwards
 *
 * Return: in @buf, without the NUL. Bytes of @buf after it are not changed.
 */
struct str descpool_get(const struct descpool *, uint32_t number, char *buf);

#endif
