/* SPDX-License-Identifier: ISC */
/*
 * pmtable.h - what the mapping table stands on: slots, chains, order, queue.
 *
 * Only portmap.c and pmtable.c see struct portmap. pmtable.c keeps the slots
 * consistent; portmap.c decides what a change of a mapping means.
 *
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
	struct expiry due;		/* the leases */
	struct descpool texts;	/* the descriptions */
	size_t bytes;		/* of all of it */
	bool unproven;		/* the kernel may not have what was restored */
	uint64_t seq;		/* of the mapping made last */
	uint32_t bucket_mask;
	uint16_t free_head, queue_head, queue_tail;	/* PM_NONE: empty */
	struct pm_entry *entry;	/* [slot_max] */
	uint16_t *next;		/* [slot_max], the slot behind this one in its
				 * hash chain or on the free list, or PM_NONE */
	uint16_t *order;	/* [max], committed slots */
	uint16_t *bucket;	/* [bucket_mask + 1], heads of hash chains, or
				 * PM_NONE */
	struct clientcount by_client;	/* pmtable_counted() ones */
};

/** pmtable_bucket - the head of the hash chain of this rule's protocol and
 * external port. */
uint16_t *pmtable_bucket(const struct portmap *, const struct nat_rule *);

/** pmtable_order_upto - how many committed mappings were made up to @seq. */
size_t pmtable_order_upto(const struct portmap *, uint64_t seq);

/** pmtable_counted - does it count as a mapping of its client? A replacement
 * has the client of the old one, whose place in the counts it takes over. */
bool pmtable_counted(const struct pm_entry *);

/** pmtable_client_full - has this client per_client of them? */
bool pmtable_client_full(const struct portmap *, uint32_t client_ip);

/**
 * pmtable_take - a slot for a mapping of this rule.
 * @replaces: the slot whose place it will take, or PM_NONE; then it is counted
 *
 * The entry is ADDING, has the rule and a generation of its own, and is found
 * by portmap_on_port(); the rest is the caller's to fill in.
 * Return: PM_NONE when there is none left
 */
uint16_t pmtable_take(struct portmap *, const struct nat_rule *rule,
		      uint16_t replaces);

/** pmtable_free - give a slot back, and what hangs on it: it is in no order and
 * not counted any more, or its replacement is in its place. */
void pmtable_free(struct portmap *, uint16_t slot);

/** pmtable_withdraw - pmtable_free() for one that is still counted, if it ever
 * was. */
void pmtable_withdraw(struct portmap *, uint16_t slot);

/** pmtable_enter - @slot is the mapping that was made last. */
void pmtable_enter(struct portmap *, uint16_t slot);

/** pmtable_replace - @slot takes the place of @old in the order; @old is
 * freed. */
void pmtable_replace(struct portmap *, uint16_t old, uint16_t slot);

/** pmtable_leave - @slot, which is in the order, is withdrawn. */
void pmtable_leave(struct portmap *, uint16_t slot);

/** pmtable_queue - @slot has an op to give out. */
void pmtable_queue(struct portmap *, uint16_t slot);

/** pmtable_unqueue - the slot that has waited longest; PM_NONE. */
uint16_t pmtable_unqueue(struct portmap *);

#endif
