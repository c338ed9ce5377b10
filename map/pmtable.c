/* SPDX-License-Identifier: ISC */
/*
 * pmtable.c - the memory and slots of the mapping table, and the lookup of
 * entries.
 *
 * Invariants:
 *  - a slot is on the free list, or in the hash chains of its rule, of its
 *    rule's socket, and of a port mapping's told_port;
 *  - order[] holds each slot with a committed mapping exactly once, in the
 *    order of seq.
 * Runs in: engine
 */
#include <netinet/in.h>
#include <string.h>
#include "base/hash.h"
#include "base/mem.h"
#include "map/holder.h"
#include "map/pmtable.h"

/* ---- creation ------------------------------------------------------ */

/* A description and a note. Cells that are never used take no memory. */
#define SLOT_CELLS	(DESCPOOL_CELLS + DESCPOOL_CELLS_FOR(PM_NOTE_MAX))

/* The tables follow the head in one block, those of larger alignment first. */
static void place_tables(struct portmap *pm)
{
	size_t cell_n = pm->slot_max * SLOT_CELLS;
	struct descpool_cell *cell;

	pm->entry = (struct pm_entry *)(pm + 1);
	cell = (struct descpool_cell *)(pm->entry + pm->slot_max);
	descpool_init(&pm->texts, cell, (uint32_t)cell_n);
	pm->order = (uint16_t *)(cell + cell_n);
	pm->due.entry = pm->entry;
	pm->due.heap = pm->order + pm->max;
	pm->next = pm->due.heap + pm->slot_max;
	pm->bucket = pm->next + pm->slot_max;
	pm->id_next = pm->bucket + pm->bucket_mask + 1;
	pm->id_bucket = pm->id_next + pm->slot_max;
	pm->socket_next = pm->id_bucket + pm->bucket_mask + 1;
	pm->socket_bucket = pm->socket_next + pm->slot_max;
	pm->told_next = pm->socket_bucket + pm->bucket_mask + 1;
	pm->told_bucket = pm->told_next + pm->slot_max;
}

struct portmap *pmtable_new(size_t max, size_t per_client)
{
	size_t slot_max = max + PM_SPARE_SLOTS, bytes;
	uint32_t bucket_n = 1;
	struct portmap *pm;

	if (max == 0 || max > PM_MAPPINGS_LIMIT)
		return NULL;
	while (bucket_n < max)
		bucket_n *= 2;
	bytes = sizeof(*pm) + slot_max * (sizeof(*pm->entry) + SLOT_CELLS *
					  sizeof(struct descpool_cell)) +
		(max + 5 * slot_max + 4 * bucket_n) * sizeof(uint16_t);
	pm = mem_new(1, bytes);
	if (pm == NULL)
		return NULL;
	pm->bytes = bytes;
	pm->max = max;
	pm->per_client = per_client;
	pm->slot_max = slot_max;
	pm->bucket_mask = bucket_n - 1;
	pm->queue_head = pm->queue_tail = PM_NONE;
	place_tables(pm);
	for (size_t i = 0; i < slot_max; i++)	/* all are free */
		pm->next[i] = (uint16_t)(i + 1);
	pm->next[slot_max - 1] = PM_NONE;
	pm->free_head = 0;
	for (size_t i = 0; i < bucket_n; i++)
		pm->bucket[i] = PM_NONE;
	return pm;
}

_Static_assert(PM_MAPPINGS_LIMIT + PM_SPARE_SLOTS < PM_NONE,
	       "no slot number is PM_NONE");
_Static_assert(sizeof(struct portmap) % _Alignof(struct pm_entry) == 0 &&
	       sizeof(struct pm_entry) % _Alignof(struct descpool_cell) == 0,
	       "entries and cells can follow the head in one block");

/* ---- holders ------------------------------------------------------- */

bool pmtable_counted(const struct pm_entry *e)
{
	return e->state != PM_FREE && e->replaces == PM_NONE;
}

static struct addr entry_holder(const struct pm_entry *e)
{
	return holder_of(&e->rule, e->host, e->requester);
}

/* Two holders may share a counter, so it can be too high, but never too low.
 * Count the entries themselves only if the counter is at the limit. */
bool pmtable_client_full(const struct portmap *pm, struct addr holder)
{
	size_t n = 0;

	if (clientcount_get(&pm->by_client, holder) < pm->per_client)
		return false;
	for (size_t slot = 0; slot < pm->slot_max && n < pm->per_client; slot++)
		if (addr_equal(entry_holder(&pm->entry[slot]), holder))
			n += pmtable_counted(&pm->entry[slot]);
	return n >= pm->per_client;
}

void pmtable_set_holder(struct portmap *pm, uint16_t slot,
			const struct pm_req *req)
{
	struct pm_entry *e = &pm->entry[slot];

	if (pmtable_counted(e))
		clientcount_sub(&pm->by_client, entry_holder(e));
	e->host = req->host;
	e->requester = req->requester;
	if (pmtable_counted(e))
		clientcount_add(&pm->by_client, entry_holder(e));
}

/* ---- unique ids ---------------------------------------------------- */

static uint16_t *id_chain(const struct portmap *pm, uint16_t id)
{
	return &pm->id_bucket[id & pm->bucket_mask];
}

static void id_enter(struct portmap *pm, uint16_t slot, uint16_t id)
{
	uint16_t *head = id_chain(pm, id);

	pm->entry[slot].unique_id = id;
	pm->id_next[slot] = *head;
	*head = (uint16_t)(slot + 1);
}

static void id_leave(struct portmap *pm, uint16_t slot)
{
	uint16_t *at = id_chain(pm, pm->entry[slot].unique_id);

	while (*at != slot + 1)
		at = &pm->id_next[*at - 1];
	*at = pm->id_next[slot];
	pm->entry[slot].unique_id = 0;
}

uint16_t pmtable_by_id(const struct portmap *pm, uint16_t unique_id)
{
	uint16_t at = unique_id ? *id_chain(pm, unique_id) : 0;

	while (at && pm->entry[at - 1].unique_id != unique_id)
		at = pm->id_next[at - 1];
	return at ? (uint16_t)(at - 1) : PM_NONE;
}

/* There are more ids than slots. */
void pmtable_give_id(struct portmap *pm, uint16_t slot, uint16_t wish)
{
	if (!wish || pmtable_by_id(pm, wish) != PM_NONE) {
		do
			wish = ++pm->last_id;
		while (!wish || pmtable_by_id(pm, wish) != PM_NONE);
	}
	id_enter(pm, slot, wish);
}

/* ---- sockets ------------------------------------------------------- */

uint16_t *pmtable_socket(const struct portmap *pm, const struct nat_rule *r)
{
	const uint16_t ports[] = { r->int_port, r->proto };
	uint64_t h = HASH_BEGIN;

	h = hash_add(h, &r->client, sizeof(r->client));
	h = hash_add(h, ports, sizeof(ports));
	return &pm->socket_bucket[(h ^ h >> 32) & pm->bucket_mask];
}

static void socket_enter(struct portmap *pm, uint16_t slot)
{
	uint16_t *head = pmtable_socket(pm, &pm->entry[slot].rule);

	pm->socket_next[slot] = *head;
	*head = (uint16_t)(slot + 1);
}

static void socket_leave(struct portmap *pm, uint16_t slot)
{
	uint16_t *at = pmtable_socket(pm, &pm->entry[slot].rule);

	while (*at != slot + 1)
		at = &pm->socket_next[*at - 1];
	*at = pm->socket_next[slot];
}

/* ---- told ports ---------------------------------------------------- */

/* Neighbouring ports are in different chains. */
static uint32_t hash_port(uint8_t proto, uint16_t port)
{
	return port * 2u + (proto == IPPROTO_UDP);
}

uint16_t *pmtable_told(const struct portmap *pm, uint8_t proto, uint16_t port)
{
	return &pm->told_bucket[hash_port(proto, port) & pm->bucket_mask];
}

static void told_enter(struct portmap *pm, uint16_t slot, uint16_t port)
{
	struct pm_entry *e = &pm->entry[slot];
	uint16_t *head = pmtable_told(pm, e->rule.proto, port);

	e->told_port = port;
	if (e->rule.kind != NAT_PORTMAP)
		return;
	pm->told_next[slot] = *head;
	*head = (uint16_t)(slot + 1);
}

static void told_leave(struct portmap *pm, uint16_t slot)
{
	const struct pm_entry *e = &pm->entry[slot];
	uint16_t *at = pmtable_told(pm, e->rule.proto, e->told_port);

	if (e->rule.kind != NAT_PORTMAP)
		return;
	while (*at != slot + 1)
		at = &pm->told_next[*at - 1];
	*at = pm->told_next[slot];
}

void pmtable_set_told(struct portmap *pm, uint16_t slot, uint16_t port)
{
	told_leave(pm, slot);
	told_enter(pm, slot, port);
}

/* ---- slots --------------------------------------------------------- */

static uint32_t hash_pinhole(const struct nat_rule *r)
{
	const uint16_t ports[] = { r->int_port, r->remote_port, r->proto };
	uint64_t h = HASH_BEGIN;

	h = hash_add(h, &r->client, sizeof(r->client));
	h = hash_add(h, &r->remote, sizeof(r->remote));
	h = hash_add(h, ports, sizeof(ports));
	return (uint32_t)(h ^ h >> 32);
}

uint16_t *pmtable_bucket(const struct portmap *pm, const struct nat_rule *r)
{
	uint32_t h = hash_port(r->proto, r->ext_port);

	if (r->kind == NAT_PINHOLE)
		h = hash_pinhole(r);
	return &pm->bucket[h & pm->bucket_mask];
}

uint16_t pmtable_reserve(struct portmap *pm, const struct pm_req *req,
			 uint16_t replaces)
{
	uint16_t slot = pm->free_head, *head = pmtable_bucket(pm, &req->rule);
	struct pm_entry *e;

	if (slot == PM_NONE)
		return PM_NONE;
	pm->free_head = pm->next[slot];
	e = &pm->entry[slot];
	e->rule = req->rule;
	e->host = req->host;
	e->requester = req->requester;
	e->state = PM_ADDING;
	e->replaces = replaces;
	e->gen++;
	pm->next[slot] = *head;
	*head = slot;
	socket_enter(pm, slot);
	told_enter(pm, slot, replaces != PM_NONE ?
		   pm->entry[replaces].told_port : e->rule.ext_port);
	if (pmtable_counted(e)) {
		pm->n++;
		clientcount_add(&pm->by_client, entry_holder(e));
	}
	return slot;
}

void pmtable_free(struct portmap *pm, uint16_t slot)
{
	struct pm_entry *e = &pm->entry[slot];
	uint16_t *at = pmtable_bucket(pm, &e->rule);

	while (*at != slot)
		at = &pm->next[*at];
	*at = pm->next[slot];
	socket_leave(pm, slot);
	told_leave(pm, slot);
	expiry_drop(&pm->due, slot);
	descpool_drop(&pm->texts, e->desc);
	descpool_drop(&pm->texts, e->note);
	e->desc = e->note = 0;
	pmtable_set_suspended(pm, slot, 0);
	e->state = PM_FREE;
	e->overruled = false;
	e->sent = false;
	pm->next[slot] = pm->free_head;
	pm->free_head = slot;
}

void pmtable_set_suspended(struct portmap *pm, uint16_t slot, uint64_t until_ms)
{
	struct pm_entry *e = &pm->entry[slot];

	pm->suspended_n -= e->suspended_ms != 0;
	e->suspended_ms = until_ms;
	pm->suspended_n += e->suspended_ms != 0;
}

void pmtable_withdraw(struct portmap *pm, uint16_t slot)
{
	const struct pm_entry *e = &pm->entry[slot];

	if (pmtable_counted(e)) {
		pm->n--;
		clientcount_sub(&pm->by_client, entry_holder(e));
	}
	pmtable_free(pm, slot);
}

size_t pmtable_order_upto(const struct portmap *pm, uint64_t seq)
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
	return &pm->order[pmtable_order_upto(pm, pm->entry[slot].seq) - 1];
}

void pmtable_enter(struct portmap *pm, uint16_t slot)
{
	pm->entry[slot].seq = ++pm->seq;
	pm->order[pm->order_n++] = slot;
}

void pmtable_replace(struct portmap *pm, uint16_t old, uint16_t slot)
{
	uint16_t id = pm->entry[old].unique_id;

	if (id) {
		id_leave(pm, old);
		id_enter(pm, slot, id);
	}
	clientcount_sub(&pm->by_client, entry_holder(&pm->entry[old]));
	clientcount_add(&pm->by_client, entry_holder(&pm->entry[slot]));
	pm->entry[slot].seq = pm->entry[old].seq;
	*order_of(pm, old) = slot;
	pmtable_free(pm, old);
}

void pmtable_leave(struct portmap *pm, uint16_t slot)
{
	uint16_t *at = order_of(pm, slot), *end = pm->order + pm->order_n--;

	memmove(at, at + 1, (size_t)(end - (at + 1)) * sizeof(*at));
	if (pm->entry[slot].unique_id)
		id_leave(pm, slot);
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

/* ---- entries ------------------------------------------------------- */

void pmtable_fill(struct portmap *pm, uint16_t slot, const struct pm_req *req,
		  uint64_t expires_ms)
{
	struct pm_entry *e = &pm->entry[slot];

	pmtable_set_holder(pm, slot, req);
	/* An overwrite without an op may change the internal port. */
	socket_leave(pm, slot);
	e->rule = req->rule;
	socket_enter(pm, slot);
	e->nonce = req->nonce;
	e->peer = req->peer;
	e->enabled = req->enabled;
	e->configured = req->configured;
	e->origin = req->origin;
	e->expires_ms = expires_ms;
	e->absent_s = 0;
	descpool_drop(&pm->texts, e->desc);
	e->desc = descpool_put(&pm->texts, (struct str){
		req->desc, strnlen(req->desc, PM_DESC_MAX) });
}

void pmtable_activate(struct portmap *pm, uint16_t slot)
{
	pm->entry[slot].state = PM_ACTIVE;
	pm->entry[slot].overruled = false;
	pmtable_set_suspended(pm, slot, 0);
}

enum pm_change pmtable_commit(struct portmap *pm, uint16_t slot, uint16_t id)
{
	struct pm_entry *e = &pm->entry[slot];
	uint16_t old = e->replaces;

	e->state = PM_ACTIVE;
	e->replaces = PM_NONE;
	e->saved = old != PM_NONE ? pm->entry[old].saved :
				    (struct pm_saved){ 0 };
	if (old == PM_NONE) {
		pmtable_enter(pm, slot);
		if (e->rule.kind == NAT_PINHOLE)
			pmtable_give_id(pm, slot, id);
	} else {
		e->note = pm->entry[old].note;
		pm->entry[old].note = 0;
		pmtable_replace(pm, old, slot);
	}
	expiry_put(&pm->due, slot);
	return old == PM_NONE ? PM_ADDED : PM_UPDATED;
}
