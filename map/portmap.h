/* SPDX-License-Identifier: ISC */
/*
 * portmap.h - the mapping table. It is authoritative: the rules in the firewall
 * are derived from it.
 *
 * Pure: time is a parameter (now_ms, monotonic), and the only output is the
 * operations ("ops") that the owner fetches with portmap_next_op(). A change
 * has three steps: the table reserves a slot, the kernel applies the op,
 * portmap_done() commits or rolls back. Clients see only committed mappings.
 * Runs in: engine
 */
#ifndef MAP_PORTMAP_H
#define MAP_PORTMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/limits.h"
#include "base/str.h"
#include "map/nat_rule.h"
#include "map/origin.h"
#include "map/refusal.h"

#define PM_NONE 0xffffu		/* no slot */

enum pm_state {
	PM_FREE,
	PM_ADDING,		/* reserved; the kernel has not answered */
	PM_ACTIVE,
	PM_DELETING,		/* the kernel has not answered */
	PM_EXPIRING,		/* as DELETING, but retried until it works */
	PM_SUSPENDED,		/* keeps its place and port without a rule:
				 * suspended or overruled */
	PM_RESUMING,		/* the rule was requested again; the kernel has
				 * not answered */
};

/* The Mapping Nonce of a PCP client (RFC 6887 11.1). Whoever knows it may change
 * the mapping. It is never logged, listed or exported. All zero: not PCP's. */
struct pm_nonce {
	uint8_t byte[12];
};

/* A mapping to be made, as the core has granted it (struct map_request,
 * map.h). */
struct pm_req {
	struct nat_rule rule;	/* complete: nat_rule_sane() */
	bool enabled;
	uint8_t origin;		/* enum origin */
	bool configured;	/* it is in the operator's configuration */
	bool peer;		/* made by PCP's PEER, not by MAP */
	struct pm_nonce nonce;	/* of PCP; else all zero */
	uint32_t lease_s;	/* as granted: 0 permanent */
	struct addr requester;	/* of a client; ADDR_NONE: the operator */
	int requester_if;	/* the interface on which it asked; 0: not
				 * known */
	struct addr host;	/* ADDR_LINK: the requester's, set by the core;
				 * ADDR_NONE: not known */
	uint16_t unique_id;	/* to restore a pinhole: the one that it had; 0:
				 * choose a new one */
	char desc[PM_DESC_MAX + 1];	/* printable UTF-8, NUL-terminated */
};

/* What the lease file has of a mapping. All zero: nothing, or an older text. */
struct pm_saved {
	uint64_t end_ms;	/* expires_ms when it was written */
	uint32_t crc;		/* of the other fields */
};

struct pm_entry {
	uint64_t expires_ms;	/* 0: never; EXPIRING: when to try again */
	uint64_t seq;		/* increases in the order of portmap_at() */
	uint64_t suspended_ms;	/* SUSPENDED, RESUMING: when it ends even if its
				 * lease has not; else 0 */
	struct pm_saved saved;	/* see portmap_set_saved() */
	struct nat_rule rule;	/* ext_port: the one in our firewall */
	struct addr requester;	/* of a client; ADDR_NONE: the operator */
	struct addr host;	/* as in struct pm_req */
	uint16_t unique_id;	/* of a committed pinhole, else 0. It stays when
				 * the pinhole is renewed */
	uint32_t desc;		/* private: see portmap_desc() */
	uint32_t note;		/* private: see portmap_note() */
	uint32_t absent_s;	/* portmap_end(): its client was, for so long */
	uint16_t replaces;	/* ADDING: the slot that it will replace */
	uint16_t gen;		/* makes the ids of this slot's ops differ */
	uint16_t queue_next;	/* private */
	uint16_t heap_at;	/* private: expiry.h */
	uint16_t told_port;	/* reported to clients: see map_told() */
	uint8_t state;		/* enum pm_state */
	uint8_t origin;		/* enum origin */
	struct pm_nonce nonce;	/* as in struct pm_req */
	bool peer;		/* as in struct pm_req */
	bool enabled;
	bool configured;	/* it is in the operator's configuration, not in
				 * the lease file */
	bool overruled;		/* it has no rule, because somebody with more
				 * rights has its port */
	bool queued;		/* private: waits in the op queue */
	bool sent;		/* private: its op was fetched */
};

/* A copy of an entry that is about to change or to go, and its description. */
struct pm_snapshot {
	struct pm_entry entry;
	char desc[PM_DESC_MAX + 1];
};

struct portmap;

/*
 * The progress of a change of the table. The functions below that return int
 * return one of these, or an enum refusal (a positive number) if they changed
 * nothing.
 */
enum {
	PM_DONE = REFUSAL_NONE,	/* committed: the kernel need not change */
	PM_STARTED = -1,	/* an op is queued for *ret_slot: wait for it */
	PM_BUSY = -2,		/* an op on *ret_slot is in flight: call again
				 * when it is done */
};

/**
 * portmap_new - create an empty table.
 * @max: the most mappings, 1 to PM_MAPPINGS_LIMIT
 * @per_client: the most mappings of one holder (holder_of())
 *
 * All memory is allocated here.
 * Return: owned by the caller (portmap_free()); NULL without memory, or if @max
 * is out of range
 */
struct portmap *portmap_new(size_t max, size_t per_client);

/** portmap_free - NULL does nothing. */
void portmap_free(struct portmap *);

/**
 * portmap_add - add, or overwrite the same client's mapping of the same key.
 * @req: copied; already checked against the policy
 * @ret_slot: set for PM_DONE, PM_STARTED and PM_BUSY
 *
 * Conflicts (WANIPConnection:1 2.4.16): if another client has a mapping with
 * the same protocol and external port, the result is REFUSAL_CONFLICT, whatever
 * the remote hosts. A mapping of the same client with another remote host is
 * added as a second mapping. An overwritten mapping stays in force until the
 * kernel has the new one.
 *
 * Return: PM_DONE, PM_STARTED, PM_BUSY, REFUSAL_CONFLICT, REFUSAL_FULL,
 * REFUSAL_CLIENT_FULL, or REFUSAL_FIREWALL (the firewall cannot delete the old
 * rule, or too many overwrites are in flight)
 */
int portmap_add(struct portmap *, const struct pm_req *req, uint64_t now_ms,
		uint16_t *ret_slot);

/* portmap_renew(): the new lease. */
struct pm_renewal {
	uint32_t lease_s;	/* 0: permanent */
	bool extend;		/* the lease does not get shorter, and a
				 * disabled mapping becomes enabled */
	struct addr host;	/* for a mapping whose host is not known */
};

/**
 * portmap_renew - give the committed mapping @slot another lease, as
 * portmap_add() would: the mapping stays in force until the kernel has confirmed
 * it.
 *
 * Its rule, origin, nonce, requester and description stay as they are.
 * Return: as portmap_add()
 */
int portmap_renew(struct portmap *, uint16_t slot, const struct pm_renewal *,
		  uint64_t now_ms, uint16_t *ret_slot);

/**
 * portmap_delete - delete a committed mapping.
 * @ret_slot: set for PM_STARTED and PM_BUSY
 *
 * Return: PM_DONE, PM_STARTED, PM_BUSY, or REFUSAL_NOT_FOUND
 */
int portmap_delete(struct portmap *, uint16_t slot, uint16_t *ret_slot);

/**
 * portmap_restore - commit a mapping that was read from the lease file, without
 * an op: the owner sends the whole table as a sync afterwards.
 * @expires_ms: 0: never. The caller skips mappings that have ended.
 *
 * Return: PM_DONE, or why not, as portmap_add()
 */
int portmap_restore(struct portmap *, const struct pm_req *req,
		    uint64_t expires_ms);

/**
 * portmap_reconfirm - queue an op for the committed and enabled mapping @slot
 * as it is: the monitor checks whether it may still have its port.
 * @ret_slot: the slot to wait for
 *
 * Return: PM_STARTED; PM_BUSY; REFUSAL_FIREWALL (its lease has ended)
 */
int portmap_reconfirm(struct portmap *, uint16_t slot, uint16_t *ret_slot);

/** portmap_snapshot - copy the entry of @slot, which is in use. */
void portmap_snapshot(const struct portmap *, uint16_t slot,
		      struct pm_snapshot *ret);

/**
 * portmap_forget - remove a committed mapping from the table without an op,
 * before a sync. For a mapping that is no longer allowed.
 *
 * Return: false if no mapping has the key of @key, or if an op is in flight
 */
bool portmap_forget(struct portmap *, const struct nat_rule *key);

/**
 * portmap_suspend - suspend the committed mapping @slot: it keeps its place,
 * its port and its share of the limits, but has no rule. Queues no op: the
 * owner sends the whole table as a sync afterwards.
 * @until_ms: when it ends, if its lease has not ended before; UINT64_MAX: never
 *
 * Clients do not see it (portmap_shown_count() and the functions after it).
 * portmap_resume() or an overwrite makes it active again.
 *
 * Return: false if it is neither active nor overruled, or an op is in flight
 */
bool portmap_suspend(struct portmap *, uint16_t slot, uint64_t until_ms);

/**
 * portmap_overrule - the monitor has removed the rule of the mapping @slot:
 * somebody with more rights has its port. The mapping keeps its place, its
 * port, its share of the limits and its lease.
 *
 * Clients see it as a mapping that is not enabled (portmap_in_force()).
 * portmap_resume() or an overwrite makes it active again.
 *
 * Return: false if it has no rule, or its lease has ended
 */
bool portmap_overrule(struct portmap *, uint16_t slot);

/**
 * portmap_resume - start to make the suspended or overruled mapping @slot
 * active again.
 *
 * It stays as it is until the kernel has its rule, or if the op fails. A
 * suspended mapping whose port is taken becomes overruled.
 *
 * Return: PM_STARTED; PM_DONE (a disabled mapping, which has no rule, is active
 * now); PM_BUSY (an op is in flight), or REFUSAL_NOT_FOUND (it is neither)
 */
int portmap_resume(struct portmap *, uint16_t slot);

/**
 * portmap_next_op - fetch the next op for the monitor.
 * @ret_id: the answer has it as well, for portmap_done()
 *
 * Return: false if there is none. The owner must send each op that it fetches.
 */
bool portmap_next_op(struct portmap *, struct nat_op *ret_op,
		     struct nat_op_id *ret_id);

/** portmap_end - end the lease of the committed mapping @slot now, because its
 * client was absent for @absent_s, not 0. The next portmap_expire() removes it.
 * A request that renews it meanwhile wins. */
void portmap_end(struct portmap *, uint16_t slot, uint32_t absent_s,
		 uint64_t now_ms);

/* What portmap_done() committed, for the lease file and the events. */
enum pm_change { PM_NO_CHANGE, PM_ADDED, PM_UPDATED, PM_REMOVED };

/**
 * portmap_done - handle the monitor's answer to an op.
 * @id:  from portmap_next_op(); for an outdated id the result is PM_NO_CHANGE
 * @ret_slot: the slot that requests wait for (PM_NONE for an unknown id)
 * @ret_rule: the rule of the op; set with the slot
 *
 * Success commits the change; for a resumed mapping the result is PM_UPDATED,
 * for a reconfirmed one PM_NO_CHANGE. After a failure, an add is rolled back, a
 * mapping that was to be deleted or resumed stays as it was (but see
 * portmap_resume()), and the removal of an expired one is retried after 5 s.
 * The next add may reuse a slot that was freed.
 */
enum pm_change portmap_done(struct portmap *, struct nat_op_id id,
			    enum nat_err err, uint64_t now_ms,
			    uint16_t *ret_slot, struct nat_rule *ret_rule);

/**
 * portmap_expire - start the removal of mappings whose lease or suspension has
 * ended, and of those whose removal failed before.
 * @ret_next_ms: when to call again, UINT64_MAX: never. A change of the table
 *               may make that earlier, so call after changes as well; an early
 *               call is cheap.
 * @gone: called for each mapping that is removed at once, because it is
 *        disabled or suspended and so has no rule. Must not change the table;
 *        may be NULL. Its @was: the mapping before
 */
void portmap_expire(struct portmap *, uint64_t now_ms, uint64_t *ret_next_ms,
		    void (*gone)(void *arg, const struct pm_snapshot *was),
		    void *arg);

/** portmap_max - the most mappings, as passed to portmap_new(). */
size_t portmap_max(const struct portmap *);

/** portmap_count - number of committed mappings, the suspended ones included.
 */
size_t portmap_count(const struct portmap *);

/** portmap_at - the slot of committed mapping number @index in the order in
 * which they were made, PM_NONE past the end. When a mapping ends, the index of
 * those after it decreases by one. */
uint16_t portmap_at(const struct portmap *, size_t index);

/** portmap_is_suspended - is the mapping suspended, and not resumed yet? */
bool portmap_is_suspended(const struct pm_entry *);

/** portmap_has_rule - should the kernel hold the rule of this entry? Not
 * defined while an op that removes it is in flight. */
bool portmap_has_rule(const struct pm_entry *);

/** portmap_in_force - is the mapping reported to clients as enabled? */
bool portmap_in_force(const struct pm_entry *);

/** portmap_is_shown - do clients see this entry: is it committed and not
 * suspended? */
bool portmap_is_shown(const struct pm_entry *);

/** portmap_shown_count - number of mappings that clients see. */
size_t portmap_shown_count(const struct portmap *);

/** portmap_shown_at - as portmap_at(), but only of the mappings that clients
 * see. If any mapping is suspended, it scans the table. */
uint16_t portmap_shown_at(const struct portmap *, size_t index);

/** portmap_after - the slot of the first committed mapping whose seq is above
 * @seq, PM_NONE at the end. With it, a walk can continue although mappings have
 * ended. */
uint16_t portmap_after(const struct portmap *, uint64_t seq);

/** portmap_find - the slot of the committed mapping with @rule's key. */
uint16_t portmap_find(const struct portmap *, const struct nat_rule *rule);

/** portmap_by_id - the slot of the committed pinhole with that unique id;
 * PM_NONE if there is none, and for 0. */
uint16_t portmap_by_id(const struct portmap *, uint16_t unique_id);

/** portmap_seed_ids - the next new pinhole gets a unique id after @last. Without
 * this, a restart would begin with 1 again, and a client that had this id before
 * could mean the pinhole of another. */
void portmap_seed_ids(struct portmap *, uint16_t last);

/** portmap_last_id - the unique id that a pinhole got last, or that
 * portmap_seed_ids() set. */
uint16_t portmap_last_id(const struct portmap *);

/** portmap_rival - the next slot whose rule is a rival of @rule
 * (nat_rule_rivals()), in any state, after @prev (PM_NONE: the first). PM_NONE
 * when there is none. */
uint16_t portmap_rival(const struct portmap *, const struct nat_rule *rule,
		       uint16_t prev);

/** portmap_on_port - portmap_rival() of a port mapping with that protocol and
 * external port. */
uint16_t portmap_on_port(const struct portmap *, uint8_t proto,
			 uint16_t ext_port, uint16_t prev);

/**
 * portmap_on_socket - the next slot, in any state, whose rule has the client,
 * protocol and internal port of @rule (nat_rule_same_socket()).
 * @prev: a slot that this function returned; PM_NONE: the first
 *
 * A hash index finds it in constant time. The order is not defined.
 * Return: PM_NONE when there is none
 */
uint16_t portmap_on_socket(const struct portmap *,
			   const struct nat_rule *rule, uint16_t prev);

/**
 * portmap_on_told - the next slot, in any state, of a port mapping with that
 * protocol, of which clients are told the external port @port.
 *
 * @prev and what is returned: as of portmap_on_socket()
 */
uint16_t portmap_on_told(const struct portmap *, uint8_t proto, uint16_t port,
			 uint16_t prev);

/** portmap_slots - number of slots. Every entry's slot is below it, and does
 * not change while the entry exists (an index does). */
uint16_t portmap_slots(const struct portmap *);

/** portmap_entry - the entry in @slot; valid until the next change. NULL for
 * PM_NONE and for a slot that is free. */
const struct pm_entry *portmap_entry(const struct portmap *, uint16_t slot);

/**
 * portmap_by_socket - the next committed mapping or pinhole to that client,
 * protocol and internal port, of any remote host.
 * @prev: as for portmap_on_socket()
 *
 * Return: its slot; PM_NONE when there is none
 */
static inline uint16_t portmap_by_socket(const struct portmap *pm,
					 uint8_t proto, struct addr client,
					 uint16_t int_port, uint16_t prev)
{
	const struct nat_rule key = {
		.client = client, .proto = proto, .int_port = int_port,
	};
	uint16_t slot = prev;

	do
		slot = portmap_on_socket(pm, &key, slot);
	while (slot != PM_NONE && portmap_entry(pm, slot)->state < PM_ACTIVE);
	return slot;
}

/**
 * portmap_desc - the description of an entry.
 * @buf: PM_DESC_MAX + 1 bytes, for the text and the NUL; bytes after the NUL
 *       are not changed
 *
 * Return: in @buf
 */
struct str portmap_desc(const struct portmap *, const struct pm_entry *,
			char *buf);

/**
 * portmap_set_told - set the external port that is reported to clients for the
 * committed mapping @slot. By default it is that of the rule. It stays when the
 * mapping is renewed or overwritten.
 */
void portmap_set_told(struct portmap *, uint16_t slot, uint16_t port);

/** portmap_set_host - set the link-layer address by which the committed pinhole
 * @slot counts: that of its requester. */
void portmap_set_host(struct portmap *, uint16_t slot, struct addr host);

/**
 * portmap_set_note - keep a text of the owner with the committed mapping @slot.
 * @note: copied; without NUL, at most PM_NOTE_MAX bytes; empty: none
 *
 * It stays when the mapping is renewed or overwritten, and is freed when the
 * mapping ends. The lease file keeps unknown fields here.
 */
void portmap_set_note(struct portmap *, uint16_t slot, struct str note);

/** portmap_set_saved - keep what the lease file has of the committed mapping
 * @slot. It stays when the mapping is renewed or overwritten. */
void portmap_set_saved(struct portmap *, uint16_t slot, struct pm_saved);

/** portmap_note - that text, or an empty one. @buf: PM_NOTE_MAX + 1 bytes.
 * Return: in @buf, NUL-terminated */
struct str portmap_note(const struct portmap *, const struct pm_entry *,
			char *buf);

/** portmap_lease_left - seconds left of the lease, rounded up. 0 only for a
 * permanent mapping; 1 if the lease has ended but the mapping still exists. */
uint32_t portmap_lease_left(const struct pm_entry *, uint64_t now_ms);

/** portmap_suspended_left - seconds left of a suspension, rounded up; 0: the
 * mapping is not suspended, or its suspension has no end. */
uint32_t portmap_suspended_left(const struct pm_entry *, uint64_t now_ms);

#endif
