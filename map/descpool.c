/* SPDX-License-Identifier: ISC */
/*
 * descpool.c - store texts in linked cells of equal size.
 *
 * Invariants: each cell up to @used is in the chain of one text or on the free
 * list. All cells of a text are full except the last, which is not empty.
 * Runs in: engine
 */
#include "map/descpool.h"

static struct descpool_cell *cell_at(const struct descpool *t, uint32_t number)
{
	return &t->cell[number - 1];
}

void descpool_init(struct descpool *t, struct descpool_cell *cell, uint32_t max)
{
	*t = (struct descpool){ .cell = cell, .max = max };
}

/* Return: the number of a free cell, 0 if there is none */
static uint32_t get_cell(struct descpool *t)
{
	uint32_t number = t->free;

	if (number)
		t->free = cell_at(t, number)->next;
	else if (t->used < t->max)
		number = ++t->used;
	return number;
}

uint32_t descpool_put(struct descpool *t, struct str s)
{
	uint32_t first = 0, *link = &first;
	size_t at = 0, end = s.n < PM_DESC_MAX ? s.n : PM_DESC_MAX;
	struct descpool_cell *c;

	while (at < end && (*link = get_cell(t))) {
		c = cell_at(t, *link);
		for (size_t i = 0; i < DESCPOOL_CELL_LEN; i++)
			c->part[i] = at < end ? s.p[at++] : '\0';
		link = &c->next;
	}
	*link = 0;
	return first;
}

void descpool_drop(struct descpool *t, uint32_t number)
{
	uint32_t last = number;

	if (!number)
		return;
	while (cell_at(t, last)->next)
		last = cell_at(t, last)->next;
	cell_at(t, last)->next = t->free;
	t->free = number;
}

struct str descpool_get(const struct descpool *t, uint32_t number, char *buf)
{
	const struct descpool_cell *c;
	size_t n = 0;

	for (; number; number = c->next) {
		c = cell_at(t, number);
		for (size_t i = 0; i < DESCPOOL_CELL_LEN && c->part[i]; i++)
			buf[n++] = c->part[i];
	}
	buf[n] = '\0';
	return (struct str){ buf, n };
}
