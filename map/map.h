/* SPDX-License-Identifier: ISC */
/*
 * map.h - the mapping core: it answers each request for a mapping with the
 * mapping or with an enum refusal.
 *
 * UPnP, NAT-PMP, PCP and the operator call the same functions. The core grants
 * leases, limits rates, checks ownership, policy and caps, chooses a port, and
 * waits for the kernel. It does not depend on any protocol's error codes or
 * versions.
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
#include "map/rulecounts.h"

/* Instead of an enum refusal: done() will be called. */
#define MAP_WAIT (-1)

/* Special values of struct map_request.lease_s. They do not fit in 32 bits, so
 * no protocol's number of seconds can equal one of them. */
#define MAP_LEASE_FOREVER UINT64_MAX
#define MAP_LEASE_LONGEST (UINT64_MAX - 1)	/* the longest allowed */

/* Which external port may a request have? A pinhole has none: for it, all of
 * these mean the same. */
enum map_port {
	/* The wished port, which is not 0, and no other (AddPortMapping). */
	MAP_PORT_WISHED,
	/* Another port if the wished one is taken or not allowed. 0: no port is
	 * wished (AddAnyPortMapping). */
	MAP_PORT_ANY,
	/* The port that the client's mapping of the same protocol and internal
	 * port has, whatever its remote host; if there is none, as MAP_PORT_ANY
	 * (RFC 6886 3.3, RFC 6887 11.3: a lost answer must not cost a second
	 * mapping). */
	MAP_PORT_OWN,
	/* The wished port. REFUSAL_CONFLICT if the client's mapping has another
	 * one, or if it is taken (PREFER_FAILURE, RFC 6887 13.2; PEER for a
	 * flow that exists). 0: as MAP_PORT_OWN, because libpcpnatpmp sends
	 * PREFER_FAILURE without a wish. */
	MAP_PORT_OWN_ONLY,
};

struct map_request {
	/* The requested mapping. rule.ext_port is the wished port. To delete,
	 * rule holds the key. The core sets lease_s. */
	struct pm_req mapping;
	/* The requested lease. The core grants max-lease at most, and 1 second
	 * at least; without end only if max-lease has its highest value. */
	uint64_t lease_s;
	uint8_t port;		/* enum map_port */
	/* The protocol has checked that the requester may ask for the client:
	 * secure mode does not apply (THIRD_PARTY, RFC 6887 13.1). */
	bool third_party;
	/* map_delete_own(): keep the mapping with the rule's remote host and
	 * port, and delete the requester's others. For PCP, whose MAP with
	 * another filter replaces the mapping. */
	bool except;
};

/* A request that may wait. Embedded in the owner's record of the pending reply;
 * the owner sets done and req before it calls map_add() and the others. */
struct map_wait {
	/* The answer. @e: the mapping that was made, NULL for a refusal and for
	 * a deletion. The core does not use the record afterwards. */
	void (*done)(struct map_wait *, enum refusal, const struct pm_entry *e);
	struct map_request req;
	unsigned line;		/* the line of the configuration that refused
				 * it, or 0; valid with the answer */
	uint16_t unique_id;	/* map_renew(): of the pinhole */
	uint32_t left_s;	/* REFUSAL_NONCE: seconds left of the mapping
				 * that stays, 0: without end; valid with the
				 * answer */

	struct map_wait *next;	/* private from here on */
	uint8_t what;		/* enum map_what */
	uint8_t tries;		/* how many chosen ports were taken */
	bool asks;		/* whose is the client's address? */
	bool owner;		/* the op on @slot is this request's; otherwise
				 * it starts again when that op is done */
	uint16_t slot;
	uint16_t wished;	/* the wished port, 0 none */
	uint16_t lo, hi;	/* MAP_DELETE_RANGE: external ports, both
				 * included */
	bool made;		/* MAP_ADD: the kernel had no such rule before */
	bool others;		/* MAP_DELETE_RANGE: others' mappings too */
	bool deleted;		/* MAP_DELETE_OWN: there was one */
};

/* struct map_wait.what */
enum map_what {
	MAP_ADD, MAP_RENEW, MAP_MAY, MAP_DELETE, MAP_DELETE_RANGE,
	MAP_DELETE_OWN,
};

/* Does an address belong to the host that asks? */
enum map_same {
	MAP_OTHER,		/* no, or it is not known */
	MAP_SAME,
	MAP_ASKED,		/* the kernel asks the link: the owner calls
				 * map_hosts_changed() when it may know */
};

/* A change of the table, for the log. */
struct map_change {
	const struct pm_snapshot *was;	/* NULL: the mapping is new */
	const struct pm_entry *now;	/* NULL: it is gone */
	const struct pm_req *by;	/* the request that changed it; NULL:
					 * nobody did, or its requester did not
					 * wait for the answer */
	enum refusal why;	/* it was removed, because the policy or the
				 * configuration has changed; else
				 * REFUSAL_NONE */
	unsigned line;		/* of the configuration that decided, or 0 */
};

/* What the NAT in front of the router, the upstream, does with a port. */
enum map_upstream {
	MAP_UPSTREAM_NONE,	/* there is none, or it does not answer */
	MAP_UPSTREAM_ASKED,	/* upwait_answer() will be called */
	MAP_UPSTREAM_HELD,	/* it forwards the port to us */
	MAP_UPSTREAM_REFUSED,	/* it does not, or did not answer in time */
};

/* None of these may call back into the core: answers come later. */
struct map_ops {
	/* there may be ops to send: call portmap_next_op() */
	void (*wake)(void *arg);
	/* for the lease file: a mapping was committed, suspended, overruled or
	 * resumed (stored), or has ended (gone) */
	void (*stored)(void *arg, const struct pm_entry *);
	void (*gone)(void *arg, const struct nat_rule *);
	/* a client's request was refused, or map_apply_policy() removed a
	 * mapping */
	void (*refused)(void *arg, const struct refused *);
	/* a random number that nobody can predict */
	uint32_t (*rnd)(void *arg);
	/* are both addresses, of any family, one host's on that link? NULL:
	 * MAP_OTHER */
	enum map_same (*same_host)(void *arg, int ifindex,
				   struct addr requester, struct addr client);
	/* the link-layer address of the host; false: not known. NULL: false */
	bool (*host)(void *arg, int ifindex, struct addr requester,
		     struct addr *ret_link);
	/* called after stored or gone, with the details; NULL: nobody asks */
	void (*changed)(void *arg, const struct map_change *);
	/* a client waits for the port mapping, which the kernel has: what does
	 * the upstream? NULL: MAP_UPSTREAM_NONE. @ret_port: HELD: the
	 * upstream's port */
	enum map_upstream (*upstream)(void *arg, const struct pm_entry *,
				      uint16_t *ret_port);
};

struct map {
	/* settings, by the owner before map_init() */
	uint32_t max_lease_s;	/* 0 < .. <= PM_LEASE_MAX_S */
	uint32_t adds_per_s;	/* new mappings of one client, per second and in
				 * one burst; 0: no limit */
	bool strict_nonce;	/* pcp-strict-nonce: a PCP request with another
				 * nonce than the mapping's is refused; without
				 * it, the request extends the lease */
	const struct map_ops *ops;
	void *ops_arg;

	/* state that the owner keeps current */
	struct policy policy;
	struct addr ext;	/* the external address reported to clients, or
				 * ADDR_NONE */

	/* how often each line of the policy decided, kept by the owner; NULL:
	 * nobody counts */
	struct rulecounts *decided;
	/* refuse port mappings that the upstream does not forward: the
	 * external address is private, and that is not enough */
	bool upstream_only;

	/* the table of pinholes, set by the owner before map_init(), which
	 * leaves it alone; NULL: there are none */
	struct portmap *pinholes;

	/* to be read */
	struct portmap *pm;	/* as passed to map_init(): port mappings */
	uint32_t update_id;	/* changes of what clients see of the table
				 * since the start, modulo 2^32
				 * (WANIPConnection:2 2.3, SystemUpdateID) */

	/* private */
	struct pm_snapshot was;		/* mapreport_begin() */
	bool is_new;			/* it had none */
	struct buckets adds;		/* by host, for port mappings */
	struct buckets pinhole_adds;	/* by host, for pinholes */
	struct buckets iface_adds;	/* by interface, for pinholes */
	bool hosts_found;	/* share_find_hosts() was done */
	struct map_wait *asking;	/* until the neighbour table tells whose
					 * an address is */
	struct map_wait *at_upstream;	/* until upwait_answer() */
	uint64_t resume_ms;	/* when to resume mappings again, because one
				 * could not be resumed; UINT64_MAX: never */
	struct map_wait *waiting;	/* in the order of their arrival */
	struct map_wait *ready;		/* to be started again, in that order */
	uint32_t range_left;	/* ops of the range deletion in progress */
	enum refusal range_why;	/* why one of them failed, or REFUSAL_NONE */
	/* a bit for each slot: its op is part of the range deletion */
	uint8_t range_slot[(PM_MAPPINGS_LIMIT + PM_SPARE_SLOTS) / 8 + 1];
};

/** map_init - start without waiting requests; allocates nothing. @pm stays the
 * caller's. */
void map_init(struct map *, struct portmap *pm);

/** map_table - the table of the rules of that kind; NULL: there is none. */
static inline struct portmap *map_table(const struct map *m,
					enum nat_kind kind)
{
	return kind == NAT_PINHOLE ? m->pinholes : m->pm;
}

/** map_next_table - the table after @pm; of NULL, the first. Return: NULL at the
 * end */
static inline struct portmap *map_next_table(const struct map *m,
					     const struct portmap *pm)
{
	return !pm ? m->pm : pm == m->pm ? m->pinholes : NULL;
}

/**
 * map_add - request a mapping, or renew one.
 * @ret: the mapping, when REFUSAL_NONE is returned; otherwise NULL
 *
 * Policy, caps and port conflicts apply to every origin; secure mode and the
 * rates apply to clients only. In secure mode a client may request mappings and
 * pinholes to the address from which it asks, and to any other address of the
 * same host (map_ops.same_host). Renewals do not count towards the rate.
 *
 * If a client requests exactly what the operator's mapping does, the request
 * succeeds, and the mapping stays the operator's.
 *
 * Return: MAP_WAIT, REFUSAL_NONE, or why not
 */
int map_add(struct map *, struct map_wait *, uint64_t now_ms,
	    const struct pm_entry **ret);

/**
 * map_renew - give the pinhole w->unique_id the lease of the request.
 *
 * Of the request, only origin, requester, requester_if and lease_s are read.
 * Return: as map_add(); REFUSAL_NOT_FOUND, REFUSAL_OWNER, REFUSAL_OPERATOR
 */
int map_renew(struct map *, struct map_wait *, uint64_t now_ms,
	      const struct pm_entry **ret);

/**
 * map_may - may the requester change the mapping with the key of the request's
 * rule? As map_delete() decides it, but nothing is changed.
 */
int map_may(struct map *, struct map_wait *);

/**
 * map_delete - delete the mapping with the key of the request's rule.
 *
 * In secure mode a client may delete mappings to its host and those that it
 * requested. No client may delete the operator's.
 *
 * Return: MAP_WAIT, REFUSAL_NONE, or why not
 */
int map_delete(struct map *, struct map_wait *);

/**
 * map_delete_range - delete the mappings of the request's protocol with
 * external ports from @lo to @hi, both included, as clients are told them.
 * @others: delete other clients' mappings as well, if map_delete() would allow
 *          it
 *
 * There is one answer, when all of them are deleted. One range is deleted at a
 * time: the next request waits.
 *
 * Return: MAP_WAIT, REFUSAL_NONE, REFUSAL_NOT_FOUND (the requester has none in
 * the range), REFUSAL_OWNER (with @others: the requester may delete none of the
 * mappings in the range)
 */
int map_delete_range(struct map *, struct map_wait *, uint16_t lo, uint16_t hi,
		     bool others);

/**
 * map_delete_own - delete the client's mappings of the request's rule: client,
 * protocol and internal port, and remote host and port if they are set.
 *
 * The external port is not read. A mapping that is not there is no error (RFC
 * 6886 3.4, RFC 6887 15.1).
 *  - NAT-PMP deletes what NAT-PMP made; internal port 0: everything of that
 *    client and protocol. If a mapping that PCP or the operator made stays, the
 *    result is REFUSAL_NONCE or REFUSAL_OPERATOR, for a single port only if
 *    nothing was deleted; one that UPnP made stays without a refusal.
 *  - PCP deletes with the right nonce: MAP what MAP made, PEER (pm_req.peer)
 *    what PEER made. If there is none, any other mapping is REFUSAL_NONCE.
 *
 * In secure mode the client must be the requester, unless the request is for a
 * third party.
 * Return: MAP_WAIT, REFUSAL_NONE, or why not
 */
int map_delete_own(struct map *, struct map_wait *, uint64_t now_ms);

/** map_cancel - drop @w, if it waits, because its requester has disconnected.
 * The change that it requested still happens. */
void map_cancel(struct map *, struct map_wait *w);

/**
 * map_answer - handle the monitor's answer to the op @id.
 *
 * Commits or rolls back, calls ops->stored or ops->gone, calls done() of the
 * request, and restarts the requests that waited for this op. If the policy has
 * changed since the op was sent, the mapping is treated as by
 * map_apply_policy().
 */
void map_answer(struct map *, struct nat_op_id id, enum nat_err err,
		uint64_t now_ms);

/**
 * map_overruled - the monitor has removed this rule, because the router serves
 * its port now, or a rule of the administrator forwards it.
 *
 * The mapping with this rule is overruled (portmap_overrule()). A rule that no
 * mapping has is ignored.
 */
void map_overruled(struct map *, const struct nat_rule *);

/** map_ask_again - request the rules of all overruled mappings again, because
 * the administrator's rules, the router's ports or its addresses may have
 * changed. */
void map_ask_again(struct map *);

/**
 * map_hosts_changed - the neighbour table has changed, or the kernel has had the
 * time to ask: start the requests again that got MAP_ASKED.
 *
 * Those that get MAP_ASKED once more continue to wait.
 */
void map_hosts_changed(struct map *, uint64_t now_ms);

/** map_tick - end leases and suspensions, and retry to resume mappings that
 * could not be resumed. Return: when to call again, UINT64_MAX: never */
uint64_t map_tick(struct map *, uint64_t now_ms);

/* What map_apply_policy() did. */
struct map_applied {
	uint32_t suspended;	/* mappings and pinholes */
	uint32_t resumed;	/* including those whose op is in flight */
};

/**
 * map_apply_policy - adapt the table to the policy, which has changed.
 *
 * If a mapping's client is no longer in an internal network, the mapping is
 * suspended: it keeps its place and its port without a rule, and clients do not
 * see it. It ends with its lease, or after PM_SUSPENDED_MAX_S if that is
 * earlier; the operator's ends only with its lease. If the client is in a
 * network again, the mapping is resumed. A mapping that the policy forbids for
 * another reason is removed.
 *
 * No op is used to remove a rule: the owner sends the whole table as a sync
 * afterwards, and then the ops that resume (portmap_next_op()).
 */
struct map_applied map_apply_policy(struct map *, uint64_t now_ms);

/* The external side of a mapping, as reported to clients. */
struct map_told {
	struct addr addr;	/* ADDR_NONE: there is no external address */
	uint16_t port;
};

/** map_told - the external address and port of @e, as reported to clients. They
 * may differ from those of the rule in our firewall. */
struct map_told map_told(const struct map *, const struct pm_entry *e);

#endif
