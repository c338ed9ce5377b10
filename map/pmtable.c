/* SPDX-License-Identifier: ISC */
/*
 * pmtable.c - the mapping table's memory, and how an entry is found in it.
 *
 * Invariants:
 *  - a slot is on the free list, or in the hash chain of its protocol and
 *    external port;
 *  - order[] holds each slot that was entered once, by rising seq.
 */
#include <netinet/in.h>
#include <string.h>
#include "base/mem.h"
#include "map/pmtable.h"

/* ---- making it ----------------------------------------------------- */

/* The tables behind the head, in one block: the larger the members, the
 * earlier. */
static void lay_out(struct portmap *pm, uint32_t bucket_n)
{
	size_t cell_n = pm->slot_max * DESCPOOL_CELLS;
	struct descpool_cell *cell;

	pm->entry = (struct pm_entry *)(pm + 1);
	cell = (struct descpool_cell *)(pm->entry + pm->slot_max);
	descpool_init(&pm->texts, cell, (uint32_t)cell_n);
	pm->order = (uint16_t *)(cell + cell_n);
	pm->due.entry = pm->entry;
	pm->due.heap = pm->order + pm->max;
	pm->next = pm->due.heap + pm->slot_max;
	pm->bucket = pm->next + pm->slot_max;
	pm->client_n = pm->bucket + bucket_n;
}

/* All slots are free, all chains empty. */
static void link_up(struct portmap *pm)
{
	for (size_t i = 0; i < pm->slot_max; i++)
		pm->next[i] = (uint16_t)(i + 1);
	pm->next[pm->slot_max - 1] = PM_NONE;
	pm->free_head = 0;
	for (size_t i = 0; i <= pm->bucket_mask; i++)
		pm->bucket[i] = PM_NONE;
}

struct portmap *portmap_new(size_t max, size_t per_client)
{
	size_t slot_max = max + PM_SPARE_SLOTS, bytes;
	uint32_t bucket_n = 1;
	struct portmap *pm;

	if (max == 0 || max > PM_MAPPINGS_LIMIT)
		return NULL;
	while (bucket_n < max)
		bucket_n *= 2;
	bytes = sizeof(*pm) + slot_max * (sizeof(*pm->entry) + DESCPOOL_CELLS *
					  sizeof(struct descpool_cell)) +
		(max + 2 * slot_max + 2 * (size_t)bucket_n) * sizeof(uint16_t);
	pm = mem_new(1, bytes);
	if (pm == NULL)
		return NULL;
	pm->bytes = bytes;
	pm->max = max;
	pm->per_client = per_client;
	pm->slot_max = slot_max;
	pm->bucket_mask = bucket_n - 1;
	pm->queue_head = pm->queue_tail = PM_NONE;
	lay_out(pm, bucket_n);
	link_up(pm);
	return pm;
}

_Static_assert(PM_MAPPINGS_LIMIT + PM_SPARE_SLOTS < PM_NONE,
	       "a slot number is no PM_NONE");
_Static_assert(sizeof(struct portmap) % _Alignof(struct pm_entry) == 0 &&
	       sizeof(struct pm_entry) % _Alignof(struct descpool_cell) == 0,
	       "entries and cells can follow the head in one block");

void portmap_free(struct portmap *pm)
{
	if (pm)
		mem_free(pm, 1, pm->bytes);
}

/* ---- how many a client has ----------------------------------------- */

static uint16_t *client_n(const struct portmap *pm, uint32_t ip)
{
	uint32_t h = (ip * 2654435761u) >> 12;	/* Knuth 6.4 */

	return &pm->client_n[h & pm->bucket_mask];
}

bool pmtable_counted(const struct pm_entry *e)
{
	return e->state != PM_FREE && e->replaces == PM_NONE;
}

/* Two clients may share a counter, so it can say too much, never too little:
 * only when it says "full" are the entries themselves looked through. */
bool pmtable_client_full(const struct portmap *pm, uint32_t ip)
{
	size_t slot, n = 0;

	if (*client_n(pm, ip) < pm->per_client)
		return false;
	for (slot = 0; slot < pm->slot_max && n < pm->per_client; slot++)
		if (pm->entry[slot].rule.client.ip == ip)
			n += pmtable_counted(&pm->entry[slot]);
	return n >= pm->per_client;
}

/* ---- slots and chains ---------------------------------------------- */

static uint16_t *bucket_of(const struct portmap *pm, const struct nat_rule *r)
{
	uint32_t h = r->ext_port * 2u + (r->proto == IPPROTO_UDP);

	return &pm->bucket[h & pm->bucket_mask];
}

static void chain_add(struct portmap *pm, uint16_t slot)
{
	uint16_t *head = bucket_of(pm, &pm->entry[slot].rule);

	pm->next[slot] = *head;
	*head = slot;
}

static void chain_del(struct portmap *pm, uint16_t slot)
{
	uint16_t *at = bucket_of(pm, &pm->entry[slot].rule);

	while (*at != slot)
		at = &pm->next[*at];
	*at = pm->next[slot];
}

uint16_t pmtable_take(struct portmap *pm, const struct nat_rule *rule,
		      uint16_t replaces)
{
	uint16_t slot = pm->free_head;
	struct pm_entry *e;

	if (slot == PM_NONE)
		return PM_NONE;
	pm->free_head = pm->next[slot];
	e = &pm->entry[slot];
	e->rule = *rule;
	e->state = PM_ADDING;
	e->replaces = replaces;
	e->gen++;
	chain_add(pm, slot);
	if (pmtable_counted(e)) {
		pm->n++;
		++*client_n(pm, rule->client.ip);
	}
	return slot;
}

void pmtable_free(struct portmap *pm, uint16_t slot)
{
	struct pm_entry *e = &pm->entry[slot];

	chain_del(pm, slot);
	expiry_drop(&pm->due, slot);
	descpool_drop(&pm->texts, e->desc);
	e->desc = 0;
	e->state = PM_FREE;
	e->sent = false;
	pm->next[slot] = pm->free_head;
	pm->free_head = slot;
}

void pmtable_withdraw(struct portmap *pm, uint16_t slot)
{
	const struct pm_entry *e = &pm->entry[slot];

	if (pmtable_counted(e)) {
		pm->n--;
		--*client_n(pm, e->rule.client.ip);
	}
	pmtable_free(pm, slot);
}

/* ---- order and queue ----------------------------------------------- */

/* How many committed mappings were made up to @seq. */
static size_t order_upto(const struct portmap *pm, uint64_t seq)
{
	size_t lo = 0, hi = pm->order_n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (pm->entry[pm->order[mid]].seq <= seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static uint16_t *order_of(struct portmap *pm, uint16_t slot)
{
	return &pm->order[order_upto(pm, pm->entry[slot].seq) - 1];
}

void pmtable_enter(struct portmap *pm, uint16_t slot)
{
	pm->entry[slot].seq = ++pm->seq;
	pm->order[pm->order_n++] = slot;
}

void pmtable_replace(struct portmap *pm, uint16_t old, uint16_t slot)
{
	pm->entry[slot].seq = pm->entry[old].seq;
	*order_of(pm, old) = slot;
	pmtable_free(pm, old);
}

void pmtable_leave(struct portmap *pm, uint16_t slot)
{
	uint16_t *at = order_of(pm, slot);
	uint16_t *end = pm->order + pm->order_n--;

	memmove(at, at + 1, (size_t)(end - (at + 1)) * sizeof(*at));
	pmtable_withdraw(pm, slot);
}

void pmtable_queue(struct portmap *pm, uint16_t slot)
{
	struct pm_entry *e = &pm->entry[slot];

	e->queued = true;
	e->queue_next = PM_NONE;
	if (pm->queue_head == PM_NONE)
		pm->queue_head = slot;
	else
		pm->entry[pm->queue_tail].queue_next = slot;
	pm->queue_tail = slot;
}

uint16_t pmtable_unqueue(struct portmap *pm)
{
	uint16_t slot = pm->queue_head;

	if (slot == PM_NONE)
		return PM_NONE;
	pm->queue_head = pm->entry[slot].queue_next;
	pm->entry[slot].queued = false;
	return slot;
}

/* ---- reading ------------------------------------------------------- */

size_t portmap_count(const struct portmap *pm)
{
	return pm->order_n;
}

uint16_t portmap_at(const struct portmap *pm, size_t index)
{
	return index < pm->order_n ? pm->order[index] : PM_NONE;
}

uint16_t portmap_after(const struct portmap *pm, uint64_t seq)
{
	return portmap_at(pm, order_upto(pm, seq));
}

uint16_t portmap_on_port(const struct portmap *pm, uint8_t proto,
			 uint16_t ext_port, uint16_t prev)
{
	struct nat_rule key = { .ext_port = ext_port, .proto = proto };
	uint16_t slot = prev == PM_NONE ? *bucket_of(pm, &key) :
					  pm->next[prev];
	const struct pm_entry *e;

	for (; slot != PM_NONE; slot = pm->next[slot]) {
		e = &pm->entry[slot];
		if (e->rule.proto == proto && e->rule.ext_port == ext_port)
			break;
	}
	return slot;
}

uint16_t portmap_slots(const struct portmap *pm)
{
	return (uint16_t)pm->slot_max;
}

const struct pm_entry *portmap_entry(const struct portmap *pm, uint16_t slot)
{
	if (slot >= pm->slot_max || pm->entry[slot].state == PM_FREE)
		return NULL;
	return &pm->entry[slot];
}

struct str portmap_desc(const struct portmap *pm, const struct pm_entry *e,
			char *buf)
{
	return descpool_get(&pm->texts, e->desc, buf);
}
