/* SPDX-License-Identifier: ISC */
/*
 * pmtable.h - the mapping table's structures: slots, hash chains, order, queue.
 *
 * Only portmap.c and pmtable.c access struct portmap. pmtable.c keeps the slots
 * consistent; portmap.c implements the changes of a mapping.
 * Runs in: engine
 */
#ifndef MAP_PMTABLE_H
#define MAP_PMTABLE_H

#include "base/clientcount.h"
#include "map/expiry.h"
#include "map/portmap.h"
#include "map/descpool.h"

struct portmap {
	size_t max, per_client, slot_max;
	size_t n;		/* committed and newly reserved */
	size_t order_n;
	size_t suspended_n;	/* committed, SUSPENDED or RESUMING */
	struct expiry due;		/* the leases */
	struct descpool texts;	/* the descriptions */
	size_t bytes;		/* of the whole block */
	uint64_t seq;		/* of the newest mapping */
	uint32_t bucket_mask;
	uint16_t free_head, queue_head, queue_tail;	/* PM_NONE: empty */
	uint16_t last_id;	/* the unique id that was given last */
	struct pm_entry *entry;	/* [slot_max] */
	uint16_t *next;		/* [slot_max], the next slot in the hash chain
				 * or on the free list, or PM_NONE */
	uint16_t *order;	/* [max], committed slots */
	uint16_t *bucket;	/* [bucket_mask + 1], heads of hash chains, or
				 * PM_NONE */
	/* The slots by unique id, each plus one; 0 ends a chain. A table
	 * without pinholes never touches this memory. */
	uint16_t *id_next;	/* [slot_max] */
	uint16_t *id_bucket;	/* [bucket_mask + 1] */
	/* The slots by client, protocol and internal port, likewise. */
	uint16_t *socket_next;	/* [slot_max] */
	uint16_t *socket_bucket;	/* [bucket_mask + 1] */
	/* The slots of port mappings by protocol and told_port, likewise. */
	uint16_t *told_next;	/* [slot_max] */
	uint16_t *told_bucket;	/* [bucket_mask + 1] */
	struct clientcount by_client;	/* by holder_of(), of the
					 * pmtable_counted() ones */
};

/** pm_committed - is it a mapping, not one that waits for its first op? */
static inline bool pm_committed(const struct pm_entry *e)
{
	return e->state >= PM_ACTIVE;
}

/** pm_set_aside - is this committed entry without a rule, or was it before it
 * was RESUMING? */
static inline bool pm_set_aside(const struct pm_entry *e)
{
	return e->suspended_ms != 0 || e->overruled;
}

/** pmtable_new - as portmap_new(), with all slots free. */
struct portmap *pmtable_new(size_t max, size_t per_client);

/** pmtable_bucket - the head of the hash chain that has this rule and its
 * rivals (nat_rule_rivals()). */
uint16_t *pmtable_bucket(const struct portmap *, const struct nat_rule *);

/** pmtable_socket - the head of the chain of slots, each plus one, that has the
 * rules with this rule's client, protocol and internal port. */
uint16_t *pmtable_socket(const struct portmap *, const struct nat_rule *);

/** pmtable_told - the head of the chain of slots, each plus one, that has the
 * port mappings with that protocol and told_port. */
uint16_t *pmtable_told(const struct portmap *, uint8_t proto, uint16_t port);

/** pmtable_set_told - as portmap_set_told(). */
void pmtable_set_told(struct portmap *, uint16_t slot, uint16_t port);

/** pmtable_order_upto - how many committed mappings were made up to @seq. */
size_t pmtable_order_upto(const struct portmap *, uint64_t seq);

/** pmtable_counted - does the entry count as a mapping of its client? A
 * replacement does not, because the old mapping, of the same client, does. */
bool pmtable_counted(const struct pm_entry *);

/** pmtable_client_full - does this holder have per_client mappings? */
bool pmtable_client_full(const struct portmap *, struct addr holder);

/** pmtable_set_holder - copy from @req what decides who the holder is, and count
 * the entry with the new holder. */
void pmtable_set_holder(struct portmap *, uint16_t slot,
			const struct pm_req *req);

/** pmtable_give_id - give the pinhole in @slot a unique id: @wish if that is
 * neither 0 nor in use, else the next one that is not in use. */
void pmtable_give_id(struct portmap *, uint16_t slot, uint16_t wish);

/** pmtable_by_id - the slot with that unique id; PM_NONE for 0 and if there is
 * none. */
uint16_t pmtable_by_id(const struct portmap *, uint16_t unique_id);

/**
 * pmtable_reserve - reserve a slot for a mapping with the rule of @req.
 * @replaces: the slot that it will replace, or PM_NONE: then it is counted
 *
 * The entry is ADDING, has the rule and the holder of @req, the told_port of
 * @replaces or else its rule's port, and a new generation. portmap_rival(),
 * portmap_on_socket() and portmap_on_told() find it. The caller sets the other
 * fields.
 *
 * Return: PM_NONE if no slot is free
 */
uint16_t pmtable_reserve(struct portmap *, const struct pm_req *req,
			 uint16_t replaces);

/** pmtable_free - free a slot and its description. The slot must no longer be
 * in the order or counted, unless its replacement has taken its place. */
void pmtable_free(struct portmap *, uint16_t slot);

/** pmtable_withdraw - stop counting a slot, if it is counted, and free it. */
void pmtable_withdraw(struct portmap *, uint16_t slot);

/** pmtable_enter - append @slot to the order, as the newest mapping. */
void pmtable_enter(struct portmap *, uint16_t slot);

/** pmtable_replace - put @slot in the place of @old in the order, with its
 * unique id, count it instead of @old, and free @old. */
void pmtable_replace(struct portmap *, uint16_t old, uint16_t slot);

/** pmtable_leave - remove @slot from the order, and withdraw it. */
void pmtable_leave(struct portmap *, uint16_t slot);

/** pmtable_set_suspended - note when the suspension of @slot ends; 0: it is not
 * suspended. The caller moves it in the expiry heap. */
void pmtable_set_suspended(struct portmap *, uint16_t slot, uint64_t until_ms);

/** pmtable_queue - append @slot to the queue of ops to be sent. */
void pmtable_queue(struct portmap *, uint16_t slot);

/** pmtable_unqueue - remove the first slot of that queue; PM_NONE if it is
 * empty. */
uint16_t pmtable_unqueue(struct portmap *);

/** pmtable_fill - copy the rule, the holder, the description and the flags of
 * @req into @slot. @expires_ms: when its lease ends; 0: never */
void pmtable_fill(struct portmap *, uint16_t slot, const struct pm_req *req,
		  uint64_t expires_ms);

/** pmtable_activate - make the entry ACTIVE, neither suspended nor overruled.
 * The caller moves it in the expiry heap. */
void pmtable_activate(struct portmap *, uint16_t slot);

/**
 * pmtable_commit - make the ADDING entry in @slot a mapping, instead of the one
 * that it replaces, if any, and start its lease.
 * @id: the unique id that a restored pinhole had, or 0
 *
 * Return: PM_ADDED, or PM_UPDATED if it replaces one
 */
enum pm_change pmtable_commit(struct portmap *, uint16_t slot, uint16_t id);

#endif
