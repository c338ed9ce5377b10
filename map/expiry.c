/* SPDX-License-Identifier: ISC */
/*
 * expiry.c - the expiry heap: a binary heap of slots, ordered by the end of
 * their mapping (expiry_ms()).
 *
 * Owns: heap_at of each entry: its place in the heap plus one, 0 if it is not
 * in the heap.
 * Invariants: no entry ends before its parent; only expiry_put() changes the
 * times in the heap.
 * Runs in: engine
 */
#include "map/expiry.h"

static struct pm_entry *at(const struct expiry *d, uint32_t place)
{
	return &d->entry[d->heap[place]];
}

uint64_t expiry_ms(const struct pm_entry *e)
{
	uint64_t ends_ms = e->expires_ms != 0 ? e->expires_ms : UINT64_MAX;

	if (e->suspended_ms != 0 && e->suspended_ms < ends_ms)
		return e->suspended_ms;
	return ends_ms;
}

static bool before(const struct pm_entry *a, const struct pm_entry *b)
{
	uint64_t a_ms = expiry_ms(a), b_ms = expiry_ms(b);

	return a_ms == b_ms ? a->seq < b->seq : a_ms < b_ms;
}

static void set(struct expiry *d, uint16_t place, uint16_t slot)
{
	d->heap[place] = slot;
	d->entry[slot].heap_at = (uint16_t)(place + 1);
}

/* Move @slot from @place to where it belongs. */
static void settle(struct expiry *d, uint16_t place, uint16_t slot)
{
	uint32_t next;

	while (place > 0) {
		next = (place - 1u) / 2;
		if (!before(&d->entry[slot], at(d, next)))
			break;
		set(d, place, d->heap[next]);
		place = (uint16_t)next;
	}
	while ((next = 2u * place + 1) < d->n) {
		if (next + 1 < d->n && before(at(d, next + 1), at(d, next)))
			next++;
		if (!before(at(d, next), &d->entry[slot]))
			break;
		set(d, place, d->heap[next]);
		place = (uint16_t)next;
	}
	set(d, place, slot);
}

void expiry_put(struct expiry *d, uint16_t slot)
{
	const struct pm_entry *e = &d->entry[slot];

	if (expiry_ms(e) == UINT64_MAX)
		expiry_drop(d, slot);
	else if (e->heap_at != 0)
		settle(d, (uint16_t)(e->heap_at - 1), slot);
	else
		settle(d, d->n++, slot);
}

void expiry_drop(struct expiry *d, uint16_t slot)
{
	uint16_t place = d->entry[slot].heap_at, last;

	if (place-- == 0)
		return;
	d->entry[slot].heap_at = 0;
	last = d->heap[--d->n];
	if (last != slot)
		settle(d, place, last);
}

uint16_t expiry_first(const struct expiry *d)
{
	return d->n > 0 ? d->heap[0] : PM_NONE;
}
