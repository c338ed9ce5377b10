/* SPDX-License-Identifier: ISC */
/*
 * portmap.h - the mapping table: the truth, of which the firewall is a
 * projection.
 *
 * Pure: time comes in as now_ms (monotonic), nothing goes out but nat_ops that
 * the owner fetches with portmap_next_op(). A change is two steps: the table
 * reserves, the kernel acts, portmap_done() commits or takes back. What a
 * control point reads is only ever what was committed.
 */
#ifndef MAP_PORTMAP_H
#define MAP_PORTMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/limits.h"
#include "base/str.h"
#include "map/nat_rule.h"

#define PM_NONE 0xffffu		/* no slot */

enum pm_state {
	PM_FREE,
	PM_ADDING,		/* reserved; the kernel has not answered */
	PM_ACTIVE,
	PM_DELETING,		/* the kernel has not answered */
	PM_EXPIRING,		/* as DELETING, but tried until it works */
};

/* What a control point asks for. */
struct pm_req {
	struct nat_rule rule;	/* whole, kind NAT_PORTMAP */
	bool enabled;
	uint32_t lease_s;	/* as granted: 0 permanent */
	uint32_t requester_ip;
	char desc[PM_DESC_MAX + 1];	/* printable UTF-8, NUL-terminated */
};

struct pm_entry {
	uint64_t expires_ms;	/* 0: never; EXPIRING: when to try again */
	uint64_t seq;		/* rises in the order of portmap_at() */
	struct nat_rule rule;
	uint32_t requester_ip;
	uint32_t desc;		/* private: see portmap_desc() */
	uint16_t replaces;	/* ADDING: the slot it will take the place of */
	uint16_t gen;		/* makes the ids of this slot's ops differ */
	uint16_t queue_next;	/* private */
	uint16_t heap_at;	/* private: expiry.h */
	uint8_t state;		/* enum pm_state */
	bool enabled;
	bool queued;		/* private: waits in the op queue */
	bool sent;		/* private: its op was given out */
};

struct portmap;

/* What portmap_add() and portmap_delete() say beyond 0. */
enum pm_result {
	PM_DONE = 0,		/* committed: the kernel need not change */
	PM_STARTED,		/* an op is queued for *ret_slot: wait */
	PM_BUSY,		/* an op on *ret_slot is under way: ask again */
	PM_CONFLICT,		/* another client has it */
	PM_FULL,		/* max-mappings */
	PM_CLIENT_FULL,		/* max-mappings-per-client */
	PM_NOT_FOUND,
	PM_FAILED,		/* the firewall can not get rid of the old one,
				 * or too many overwrites are under way */
};

/**
 * portmap_new - an empty table.
 * @max: mappings, 1 to PM_MAPPINGS_LIMIT; else NULL comes back
 * @per_client: of them for one internal client
 *
 * All memory is taken here.
 * Return: owned by the caller (portmap_free()), NULL without memory
 */
struct portmap *portmap_new(size_t max, size_t per_client);

/** portmap_free - NULL is fine. */
void portmap_free(struct portmap *);

/**
 * portmap_add - add, or overwrite the same client's mapping of the same key.
 * @req: copied; already checked against policy
 * @ret_slot: set for PM_DONE, PM_STARTED and PM_BUSY
 *
 * Conflicts (WANIPConnection:1 2.4.16): same protocol and external port with
 * another client is PM_CONFLICT, whatever the remote hosts; with the same
 * client and another remote host it is a second mapping. An overwrite keeps
 * the old mapping in force until the kernel has the new one.
 */
enum pm_result portmap_add(struct portmap *, const struct pm_req *req,
			   uint64_t now_ms, uint16_t *ret_slot);

/**
 * portmap_delete - delete a committed mapping.
 * @ret_slot: set for PM_STARTED and PM_BUSY
 */
enum pm_result portmap_delete(struct portmap *, uint16_t slot,
			      uint16_t *ret_slot);

/**
 * portmap_restore - put back a mapping read from the lease file, committed,
 * without an op: the owner sends the whole table as a sync afterwards.
 * @expires_ms: 0 never; one that has passed is the caller's to leave out
 */
enum pm_result portmap_restore(struct portmap *, const struct pm_req *req,
			       uint64_t expires_ms);

/**
 * portmap_synced - that sync has been applied: the kernel has what was
 * restored. Until then portmap_add() takes an op also for a mapping that is
 * there just so, since nobody is to be told yes before the kernel has the rule.
 */
void portmap_synced(struct portmap *);

/**
 * portmap_reconfirm - take an op for committed mapping @slot as it is, if
 * before portmap_synced() the kernel may not have it.
 * @ret_slot: set for PM_STARTED and PM_BUSY
 *
 * Return: PM_DONE the kernel has it, or as portmap_add()
 */
enum pm_result portmap_reconfirm(struct portmap *, uint16_t slot,
			     uint16_t *ret_slot);

/**
 * portmap_forget - take a committed mapping out of the table, without an op:
 * before the sync, for one that portmap_restore() put back in vain.
 *
 * Return: false when none with @key's key is there, or an op is under way
 */
bool portmap_forget(struct portmap *, const struct nat_rule *key);

/**
 * portmap_next_op - the next op to send to the monitor.
 * @ret_id: names slot and generation; comes back in portmap_done()
 *
 * Return: false when there is none. An op given out is the owner's to send.
 */
bool portmap_next_op(struct portmap *, struct nat_op *ret_op,
		     uint32_t *ret_id);

/* What portmap_done() committed, for the lease file and the events. */
enum pm_change { PM_NO_CHANGE, PM_ADDED, PM_UPDATED, PM_REMOVED };

/**
 * portmap_done - the monitor's answer to an op.
 * @id:  of portmap_next_op(); one that no longer fits is PM_NO_CHANGE
 * @ret_slot: the slot waiters wait for (PM_NONE for an unknown id)
 * @ret_rule: the rule that was removed (PM_REMOVED)
 *
 * Success commits. Failure takes an add back, leaves a deleted mapping as it
 * was, and puts an expired one aside to be tried again after 5 s. A slot that
 * was freed may be given to the next add.
 */
enum pm_change portmap_done(struct portmap *, uint32_t id, enum nat_err err,
			    uint64_t now_ms, uint16_t *ret_slot,
			    struct nat_rule *ret_rule);

/**
 * portmap_expire - start the removal of mappings whose lease has ended (and of
 * those whose removal failed before).
 * @ret_next_ms: when to call again, UINT64_MAX: never. A change may bring that
 *               forward: call after changes, too. It is cheap before its time.
 *
 * A disabled mapping, which has no rule, is removed at once: it is told by
 * @gone(arg, rule), which may be NULL and must not change the table.
 */
void portmap_expire(struct portmap *, uint64_t now_ms, uint64_t *ret_next_ms,
		    void (*gone)(void *arg, const struct nat_rule *),
		    void *arg);

/** portmap_count - committed mappings, what PortMappingNumberOfEntries says. */
size_t portmap_count(const struct portmap *);

/** portmap_at - the slot of committed mapping number @index in the order in
 * which they were made, PM_NONE past the end. A mapping that ends moves those
 * behind it up by one. */
uint16_t portmap_at(const struct portmap *, size_t index);

/** portmap_after - the slot of the first committed mapping whose seq is above
 * @seq, PM_NONE at the end: to go on where one was, whatever has gone since. */
uint16_t portmap_after(const struct portmap *, uint64_t seq);

/** portmap_find - the slot of the committed mapping with @rule's key. */
uint16_t portmap_find(const struct portmap *, const struct nat_rule *rule);

/** portmap_on_port - the next slot with that protocol and external port, in any
 * state, after @prev (PM_NONE: the first). PM_NONE when there is none. */
uint16_t portmap_on_port(const struct portmap *, uint8_t proto,
			 uint16_t ext_port, uint16_t prev);

/** portmap_slots - how many slots the table has: every entry stands in a slot
 * below, where it stays for as long as it is there. Unlike an index it does not
 * move. */
uint16_t portmap_slots(const struct portmap *);

/** portmap_entry - the entry in @slot; valid until the next change. NULL for
 * PM_NONE and for a slot that is free. */
const struct pm_entry *portmap_entry(const struct portmap *, uint16_t slot);

/**
 * portmap_desc - its description.
 * @buf: PM_DESC_MAX + 1 bytes, for it and the NUL; what is behind stays as it
 *       was
 *
 * Return: in @buf
 */
struct str portmap_desc(const struct portmap *, const struct pm_entry *,
			char *buf);

/** portmap_lease_left - seconds left, rounded up; 0 only for a permanent
 * one (an expired one that still stands says 1). */
uint32_t portmap_lease_left(const struct pm_entry *, uint64_t now_ms);

#endif
