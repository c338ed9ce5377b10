/* SPDX-License-Identifier: ISC */
/*
 * descpool.h - the descriptions of mappings: short texts in little room.
 *
 * Clients write some 5 to 40 bytes of the PM_DESC_MAX they may. A text takes as
 * many cells as it needs, linked, out of one array that has room for every text
 * at its longest.
 */
#ifndef MAP_DESCPOOL_H
#define MAP_DESCPOOL_H

#include <stddef.h>
#include <stdint.h>
#include "base/limits.h"
#include "base/str.h"

/* Of the sizes that were tried on what clients write, 16 bytes a cell take
 * least: half of what is longest wastes more than the links do. */
#define DESCPOOL_CELL_LEN 12

struct descpool_cell {
	uint32_t next;		/* the number of a cell; 0: none */
	char part[DESCPOOL_CELL_LEN];	/* where it is not full, NUL follows */
};

/* Cells of the longest text. */
#define DESCPOOL_CELLS \
	((PM_DESC_MAX + DESCPOOL_CELL_LEN - 1) / DESCPOOL_CELL_LEN)

struct descpool {
	struct descpool_cell *cell;	/* number 1 is the first */
	uint32_t max;
	uint32_t used;		/* cells above have never been used: to put all
				 * on the free list at the start would write to
				 * 383 KiB (max-mappings = 1024) */
	uint32_t free;		/* the list of those that were; 0: none */
};

/**
 * descpool_init - an empty store.
 * @cell: room for @max of them, zeroed or not; stays the owner's, who frees it
 * @max: DESCPOOL_CELLS for every text that there may be at a time
 */
void descpool_init(struct descpool *, struct descpool_cell *cell, uint32_t max);

/**
 * descpool_put - keep a text.
 * @s: copied; without NUL. PM_DESC_MAX bytes of it at most are kept
 *
 * Cells that were in use before are taken first: as long as some are free, no
 * memory is touched that was not.
 *
 * Return: its number, for descpool_get() and descpool_drop(); 0 for the empty
 * text, which takes no cell Limits: a text that finds no cell left is cut. With
 * room as descpool_init() asks for it, that does not happen.
 */
uint32_t descpool_put(struct descpool *, struct str s);

/** descpool_drop - forget the text of that number; 0 is fine. */
void descpool_drop(struct descpool *, uint32_t number);

/**
 * descpool_get - read the text of that number; 0 is the empty one.
 * @buf: PM_DESC_MAX + 1 bytes; NUL-terminated afterwards
 *
 * Return: in @buf, without the NUL. Bytes of @buf behind it stay as they were.
 */
struct str descpool_get(const struct descpool *, uint32_t number, char *buf);

#endif
