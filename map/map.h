/* SPDX-License-Identifier: ISC */
/*
 * map.h - the mapping core: requests for mappings go in, a mapping or one enum
 * refusal comes out.
 *
 * UPnP, NAT-PMP, PCP and the operator call the same functions. The core grants
 * leases, limits rates, checks ownership, policy and caps, chooses a port, and
 * waits for the kernel. It knows no protocol's error codes and no version of a
 * protocol.
 *
 * Pure: no descriptor, no clock, no allocation. The owner sets what it knows
 * (policy, address), passes the time, and does what struct map_ops asks.
 *
 * A request ends in one of two ways:
 *  - the call returns REFUSAL_NONE or another enum refusal;
 *  - the call returns MAP_WAIT, and the core calls done() later, unless
 *    map_cancel() is called first.
 * Runs in: engine
 */
#ifndef MAP_MAP_H
#define MAP_MAP_H

#include "base/bucket.h"
#include "base/limits.h"
#include "map/origin.h"
#include "map/policy.h"
#include "map/portmap.h"
#include "map/refusal.h"

/* Instead of an enum refusal: done() will be called. */
#define MAP_WAIT (-1)

/* struct map_request.lease_s, beside seconds: no 32-bit number of a protocol
 * can mean one of these by accident. */
#define MAP_LEASE_FOREVER UINT64_MAX
#define MAP_LEASE_LONGEST (UINT64_MAX - 1)	/* as long as it may be */

struct map_request {
	/* The mapping asked for. rule.ext_port is the wished port. To delete,
	 * rule holds the key. The core sets lease_s. */
	struct pm_req mapping;
	/* The wish. The core grants max-lease at most, and 1 second at least;
	 * for ever only where max-lease is the longest that there is. */
	uint64_t lease_s;
	/* Another external port will do, where the wished one is taken or not
	 * allowed. rule.ext_port may be 0: no wish. */
	bool any_port;
};

/* One requester that waits. Embedded in the owner's record of the pending
 * reply; done and req are set before map_add() and the others. */
struct map_wait {
	/* The answer. @e: the mapping that was made, NULL for a refusal and for
	 * a deletion. The core does not use the record afterwards. */
	void (*done)(struct map_wait *, enum refusal, const struct pm_entry *e);
	struct map_request req;
	unsigned line;		/* of the configuration that refused, or 0; to
				 * be read when the answer is there */

	struct map_wait *next;	/* private from here on */
	uint8_t what;		/* enum map_what */
	uint8_t tries;		/* any_port: ports that the router had itself */
	bool owner;		/* the op on @slot is its own; otherwise it
				 * starts again when that op is done */
	uint16_t slot;
	uint16_t wished;	/* any_port: the wished port, 0 none */
	uint16_t lo, hi;	/* MAP_DELETE_RANGE: external ports, both
				 * included */
	bool others;		/* MAP_DELETE_RANGE: others' mappings too */
};

/* struct map_wait.what */
enum map_what { MAP_ADD, MAP_DELETE, MAP_DELETE_RANGE };

/* None of these may call back into the core: answers come later. */
struct map_ops {
	/* there are ops to send, perhaps: portmap_next_op() */
	void (*wake)(void *arg);
	/* a mapping was committed, suspended or resumed; or it has ended: the
	 * lease file */
	void (*stored)(void *arg, const struct pm_entry *);
	void (*gone)(void *arg, const struct nat_rule *);
	/* a client did not get what it asked for; or, by map_apply_policy(), a
	 * mapping was removed */
	void (*refused)(void *arg, const struct refused *);
	/* a number that nobody can predict */
	uint32_t (*rnd)(void *arg);
};

struct map {
	/* settings, by the owner before map_init() */
	uint32_t max_lease_s;	/* 0 < .. <= PM_LEASE_MAX_S */
	uint32_t adds_per_s;	/* new mappings of one client, at once and a
				 * second; 0: no limit */
	const struct map_ops *ops;
	void *ops_arg;

	/* state that the owner keeps current */
	struct policy policy;
	struct addr ext;	/* the external address that clients are told,
				 * or ADDR_NONE */

	/* to be read */
	struct portmap *pm;	/* as passed to map_init() */
	uint32_t update_id;	/* changes of what clients see of the table
				 * since the start, modulo 2^32
				 * (WANIPConnection:2 2.3, SystemUpdateID) */

	/* private */
	struct buckets adds;
	uint64_t resume_ms;	/* when to try again what could not be resumed,
				 * UINT64_MAX: never */
	struct map_wait *waiting;	/* in the order of their arrival */
	struct map_wait *ready;		/* to be started again, in that order */
	uint32_t range_left;	/* ops of the range deletion in progress */
	enum refusal range_why;	/* one of them failed */
	/* a bit for each slot: its op is one of those */
	uint8_t range_slot[(PM_MAPPINGS_LIMIT + PM_SPARE_SLOTS) / 8 + 1];
};

/** map_init - start with nobody waiting; allocates nothing. @pm stays the
 * caller's. */
void map_init(struct map *, struct portmap *pm);

/**
 * map_add - ask for a mapping, or renew one.
 * @ret: the mapping, when REFUSAL_NONE is returned; otherwise NULL
 *
 * Policy, caps and port conflicts apply to every origin; secure mode and the
 * rate apply to clients only. A renewal has no rate. Without any_port the
 * external port must not be 0.
 *
 * A client that asks for exactly what the operator's mapping does gets "yes",
 * and the mapping stays the operator's.
 *
 * Return: MAP_WAIT, REFUSAL_NONE, or why not
 */
int map_add(struct map *, struct map_wait *, uint64_t now_ms,
	    const struct pm_entry **ret);

/**
 * map_delete - delete the mapping with the key of the request's rule.
 *
 * In secure mode a client deletes mappings to itself and those that it asked
 * for. No client deletes the operator's.
 *
 * Return: MAP_WAIT, REFUSAL_NONE, or why not
 */
int map_delete(struct map *, struct map_wait *);

/**
 * map_delete_range - delete the mappings of the request's protocol with
 * external ports from @lo to @hi, both included.
 * @others: others' mappings as well, where map_delete() would allow it
 *
 * One answer when all of them are deleted. One range at a time: the next one
 * waits.
 *
 * Return: MAP_WAIT, REFUSAL_NONE, REFUSAL_NOT_FOUND (the requester has none in
 * the range), REFUSAL_OWNER (with @others: there are only some that the
 * requester may not delete)
 */
int map_delete_range(struct map *, struct map_wait *, uint16_t lo, uint16_t hi,
		     bool others);

/** map_cancel - the requester has gone: forget @w, if it waits. The change it
 * asked for still happens. */
void map_cancel(struct map *, struct map_wait *w);

/**
 * map_answer - handle the monitor's answer to the op @id.
 *
 * Commits or rolls back, calls ops->stored or ops->gone, calls done() of the
 * requester, and starts those again that waited for this op. If the policy has
 * changed since the op was sent, the mapping is treated as by
 * map_apply_policy().
 */
void map_answer(struct map *, struct nat_op_id id, enum nat_err err,
		uint64_t now_ms);

/** map_tick - end leases and suspensions, and try again what could not be
 * resumed. Return: when to call again, UINT64_MAX: never */
uint64_t map_tick(struct map *, uint64_t now_ms);

/* What map_apply_policy() did. */
struct map_applied {
	uint32_t suspended;	/* mappings */
	uint32_t resumed;	/* or about to be: the kernel is asked */
};

/**
 * map_apply_policy - adapt the table to the policy, which has changed.
 *
 * A mapping whose client is in no internal network any more is suspended: it
 * keeps its place and its port without a rule, and clients do not see it. It
 * ends with its lease, at most PM_SUSPENDED_MAX_S later; the operator's only
 * with its lease. If its client is in a network again, it is resumed. A mapping
 * that the policy forbids for another reason is removed.
 *
 * Nothing is removed by an op: the owner sends the whole table as a sync
 * afterwards, and then the ops that resume (portmap_next_op()).
 */
struct map_applied map_apply_policy(struct map *, uint64_t now_ms);

/* What clients are told about a mapping, of the outside. */
struct map_told {
	struct addr addr;	/* ADDR_NONE: there is no external address */
	uint16_t port;
};

/** map_told - the external address and port of @e, as clients are told. They
 * need not be those of the rule in our firewall. */
struct map_told map_told(const struct map *, const struct pm_entry *e);

#endif
