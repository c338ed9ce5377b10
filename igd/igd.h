/* SPDX-License-Identifier: ISC */
/*
 * igd.h - what the services of the gateway share, and what they ask of the
 * world.
 *
 * Everything below igd/ is pure: no descriptor, no clock. The engine fills in
 * what it knows (struct igd_wan, policy), hands over time, and does what
 * struct igd_ops asks.
 */
#ifndef IGD_IGD_H
#define IGD_IGD_H

#include "base/bucket.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/wr.h"
#include "igd/model.h"
#include "map/policy.h"
#include "map/portmap.h"
#include "map/refusal.h"

/* The external side as it is now. */
struct igd_wan {
	uint32_t ext_ip;	/* as told to control points; 0: none */
	bool link_up;		/* IFF_UP and a carrier */
	bool admin_up;		/* IFF_UP */
	uint64_t since_ms;	/* when ext_ip was had first, for Uptime */
	uint64_t up_bps, down_bps;	/* 0 unknown */
};

struct igd_counters {
	uint64_t tx_bytes, rx_bytes, tx_packets, rx_packets;
};

/* struct igd_wait.what */
enum { IGD_WAIT_ADD = 1, IGD_WAIT_DELETE, IGD_WAIT_LINK, IGD_WAIT_ANY,
       IGD_WAIT_RANGE };

/*
 * One control point that waits. Embedded in the owner's (soap.c's) record of
 * the pending reply.
 */
struct igd_wait {
	/* the answer: 0 or a upnp_err. @ext_port: what was mapped */
	void (*done)(struct igd_wait *, int err, uint16_t ext_port);
	struct igd_wait *next;	/* private from here on */
	uint8_t what;		/* IGD_WAIT_... */
	uint8_t tries;		/* IGD_WAIT_ANY: ports the router had itself */
	uint8_t version;	/* of the service, for its error codes */
	bool owner;		/* the op on @slot is its own; otherwise it
				 * tries again when that op is done */
	uint16_t slot;
	int fail;		/* IGD_WAIT_LINK: the code of a failure */
	uint16_t asked;		/* IGD_WAIT_ANY: the port wished for, 0 none */
	uint16_t lo, hi;	/* IGD_WAIT_RANGE: external ports, both in */
	bool manage;		/* IGD_WAIT_RANGE: others' mappings too */
	uint8_t refusal;	/* enum refusal: why, when it was refused */
	unsigned line;		/* of the configuration that refused, or 0 */
	struct pm_req req;
};

/* None of these may call back into igd_...(): answers come later. */
struct igd_ops {
	/* counters of the external interface; false: not to be had */
	bool (*counters)(void *arg, struct igd_counters *ret);
	/* take the external link up or down; answered by wait_link_done() */
	bool (*link)(void *arg, bool up);
	/* there may be ops: portmap_next_op() */
	void (*kick)(void *arg);
	/* a mapping was committed or has ended: the lease file */
	void (*stored)(void *arg, const struct pm_entry *);
	void (*gone)(void *arg, const struct nat_rule *);
	/* a control point (not the operator) did not get what it asked for */
	void (*refused)(void *arg, const struct refused *);
	uint32_t (*rnd)(void *arg);	/* that nobody can foresee */
};

struct igd {
	/* settings, by the owner before igd_init() */
	bool show_dummy;
	bool allow_link;	/* allow-disable-external-interface */
	bool list_all;		/* list-scope = all */
	uint32_t max_lease_s;	/* 0 < .. <= PM_LEASE_MAX_S */
	uint32_t adds_per_s;	/* new mappings of one client, at once and a
				 * second; 0: no limit */
	const struct igd_ops *ops;
	void *ops_arg;
	const char *wan_uuid[3];	/* [n]: UDN "uuid:..." of root n's
					 * WANConnectionDevice; [0] unused */

	/* state the owner keeps current */
	struct igd_wan wan;
	struct policy policy;

	/* SystemUpdateID: changes of the table since the start, modulo 2^32
	 * (WANIPConnection:2 2.3, SystemUpdateID); to be read */
	uint32_t update_id;
	struct portmap *pm;	/* as given to igd_init(); to be read */

	/* private */
	struct buckets adds;
	struct igd_wait *waiting;	/* in the order they came */
	struct igd_wait *ready;		/* to be tried again, in that order */
	bool link_busy;
	bool link_to_up;
	uint32_t range_left;	/* ops of the range deletion under way */
	bool range_failed;	/* one of them did */
	/* a bit each slot: its op is one of those */
	uint8_t range_slot[(PM_MAPPINGS_LIMIT + PM_SPARE_SLOTS) / 8 + 1];
};

/* One argument as it came in. */
struct igd_in {
	struct str s;		/* decoded text, as sent; the list's spelling
				 * where the variable has an allowedValueList */
	uint32_t u;		/* IGD_UI2, IGD_UI4, IGD_BOOL (0 or 1) */
};

struct igd_call;

/*
 * One argument as it goes out: u by default, s where s.p is set. Where put is
 * set it writes the value itself, as XML and at once, and no more than fits.
 */
struct igd_out {
	struct str s;
	uint32_t u;
	void (*put)(const struct igd *, const struct igd_call *, struct wr *);
};

/* One action under way. Arguments are in the order of the model, in and out
 * counted apart. */
struct igd_call {
	const struct igd_service *svc;
	const struct igd_action *act;
	unsigned n;		/* root version */
	unsigned version;	/* of the service under that root */
	uint32_t client_ip;	/* who asks */
	uint32_t local_ip;	/* the router's address it asked */
	uint64_t now_ms;
	struct igd_in in[SOAP_ARGS_MAX];
	struct igd_out out[SOAP_ARGS_MAX];
	char text[128];		/* room for out strings the action writes:
				 * Layer3Forwarding's has 100 bytes */
	char desc[PM_DESC_MAX + 1];	/* and for a mapping's description */
	struct igd_wait *wait;	/* for an action that waits; else NULL */
};

/** igd_init - start with nobody waiting; takes no memory. @pm stays the
 * caller's. */
void igd_init(struct igd *, struct portmap *pm);

/** igd_tick - expire leases. Return: when to call again, UINT64_MAX never. */
uint64_t igd_tick(struct igd *, uint64_t now_ms);

/**
 * igd_gone - a mapping has left the table: count the change, tell ops->gone.
 * For the owner of the table too, when he takes one out by portmap_forget().
 */
void igd_gone(struct igd *, const struct nat_rule *);

/** igd_is_own - is it the requester's own mapping: one to himself, or one that
 * he asked for? */
bool igd_is_own(const struct pm_entry *, uint32_t requester_ip);

/**
 * igd_may_change - may the requester change or delete that mapping?
 * @requester_ip: 0 for the operator, who may; his own mappings are nobody
 * else's
 *
 * Return: REFUSAL_NONE, _OPERATOR, or _OWNER in secure mode
 */
enum refusal igd_may_change(const struct igd *, const struct pm_entry *,
				uint32_t requester_ip);

/**
 * igd_deny - a refusal: note it in @w, tell ops->refused.
 * @w: NULL where nothing waits
 *
 * Return: @code, for a return statement
 */
int igd_deny(struct igd *, struct igd_wait *w, const struct refused *,
	     int code);

/**
 * igd_read - write the current value of a variable of @svc, for events and
 * QueryStateVariable.
 * @n: root version
 *
 * Return: 0, 404 for one without a value of its own, or the action's error
 */
int igd_read(struct igd *, const struct igd_service *svc, unsigned n,
	     const struct igd_var *var, uint64_t now_ms, struct wr *);

#endif
