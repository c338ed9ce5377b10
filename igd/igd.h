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

/**
 * wait_nat_done - the monitor's answer to the op @id.
 *
 * Commits, tells ops->stored or ops->gone, answers who waited for it, and lets
 * those that waited for the key try again.
 */
void wait_nat_done(struct igd *, uint32_t id, enum nat_err err,
		  uint64_t now_ms);

/** wait_link_done - the monitor's answer to ops->link(). */
void wait_link_done(struct igd *, enum nat_err err);

/** wait_cancel - the control point has gone: forget @w. What was asked
 * for still happens. */
void wait_cancel(struct igd *, struct igd_wait *w);

/** igd_tick - expire leases. Return: when to call again, UINT64_MAX never. */
uint64_t igd_tick(struct igd *, uint64_t now_ms);

/* The start of an action that changes the table, and of its second try: 0, a
 * upnp_err or IGD_WAIT with @w queued. @w has what, version, req, and what else
 * is said to be of its kind. */
enum { IGD_WAIT_ADD = 1, IGD_WAIT_DELETE, IGD_WAIT_LINK, IGD_WAIT_ANY,
       IGD_WAIT_RANGE };
int wait_start(struct igd *, struct igd_wait *w, uint64_t now_ms);

/**
 * igd_gone - a mapping has left the table: count the change, tell ops->gone.
 * For the owner of the table too, when he takes one out by portmap_forget().
 */
void igd_gone(struct igd *, const struct nat_rule *);

/* The list of those that wait. */
void wait_list_add(struct igd_wait **list, struct igd_wait *w);
bool wait_list_del(struct igd_wait **list, const struct igd_wait *w);

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
 * operator_add - the operator's wish for a mapping.
 * @w: done and req are set, requester_ip is 0
 *
 * Policy and caps hold for him too, but for secure mode. Clients can neither
 * change nor delete what he made. To delete: wait_start() as IGD_WAIT_DELETE.
 *
 * Return: as wait_start(); w->refusal and w->line say why not
 */
int operator_add(struct igd *, struct igd_wait *w, uint64_t now_ms);

/** wait_queue - let @w wait until the op on @slot is done. @owner: it is @w's
 * own op. Return: IGD_WAIT */
int wait_queue(struct igd *, struct igd_wait *w, uint16_t slot, bool owner);

/**
 * anyport_pick - set the external port of an IGD_WAIT_ANY.
 *
 * The one asked for, where policy allows it and nobody has it but the same
 * client for the same internal port and remote host; else a free one, chosen
 * at random among those that policy allows the client, from 1024 up if it
 * can be.
 *
 * Return: 0, 728 (all are taken), or as upnp_err_refused()
 * Source: WANIPConnection:2 2.5, AddAnyPortMapping
 */
int anyport_pick(struct igd *, struct igd_wait *w);

/**
 * range_start - delete the mappings of an IGD_WAIT_RANGE: one op each, one
 * answer when all are done. One such deletion at a time: the next one waits.
 *
 * Return: 0, IGD_WAIT, 730 (none is there that the requester sees), 606 (only
 * others', with NewManage, and secure mode forbids that)
 * Source: WANIPConnection:2 2.5, DeletePortMappingRange
 */
int range_start(struct igd *, struct igd_wait *w);

/**
 * range_done - the op on @slot was answered: was it one of its?
 *
 * Return: who asked, when it was the last one and he still waits; he is off
 * the queue, and range_failed holds his result. Else NULL.
 */
struct igd_wait *range_done(struct igd *, uint16_t slot,
				enum nat_err err);

/**
 * wait_link - take the external link up or down for @call.
 * @fail: the code for a link that did not follow
 *
 * Return: IGD_WAIT, 0 (it is up already), 711 (it is down already), 705 or 707
 * (another change is under way), 606 (allow-disable-external-interface is no)
 */
int wait_link(struct igd *, struct igd_call *call, bool up, int fail);

/** upnp_err_refused - the code of a refusal by policy: 718 for version 1, 606
 * from version 2 on (RFC 6970 pairs it so). */
int upnp_err_refused(unsigned service_version);

/** value_ranged - has @var a range at @version of its service? */
bool value_ranged(const struct igd_var *var, unsigned version);

/**
 * value_check - is the text of @in a value of @var?
 * @version: of the service; some have a range at version 2 only
 * @in: s as it came; set: u of a number or boolean, s to the list's spelling
 *      where there is an allowedValueList (any case is taken)
 *
 * Return: 0, 600 (no such value), 601 (a number out of range), 605 (too long)
 */
int value_check(const struct igd_var *var, unsigned version, struct igd_in *in);

/**
 * value_utf8 - the first character of @s.
 * @ret_c: its code point
 *
 * Return: bytes it has, 0 when @s is empty or does not begin with a character
 * that XML 1.0 2.2 knows in UTF-8 of the shortest form (RFC 3629 3)
 */
size_t value_utf8(struct str s, uint32_t *ret_c);

/**
 * value_put_text - write text for XML in ASCII: what is not as a numeric
 * reference, since Open.NAT takes Content-Length for a number of characters.
 * What is no UTF-8 becomes U+FFFD, a byte at a time.
 */
void value_put_text(struct wr *, struct str);

/** wanip_connected - is there an external address, and a link? */
bool wanip_connected(const struct igd *);

/** wanip_dummy_shown - does the dummy stand in for mappings now? There are
 * none, and PortMappingNumberOfEntries is 1 (show-dummy-rule). */
bool wanip_dummy_shown(const struct igd *);

/** l3f_put_wan_device - "uuid:...:WANConnectionDevice:1" of root @n. */
void l3f_put_wan_device(const struct igd *, unsigned n, struct wr *);
#define IGD_WAN_SERVICE_ID "urn:upnp-org:serviceId:WANIPConn1"

/* The actions: each file one service. The model's tables name them. */
igd_action_fn wanip_set_connection_type, wanip_get_connection_type_info,
	wanip_request_connection, wanip_request_termination,
	wanip_force_termination, wanip_get_status_info,
	wanip_get_nat_rsip_status, wanip_get_generic_entry,
	wanip_get_specific_entry, wanip_add, wanip_delete,
	wanip_get_external_ip, wanip2_add_any, wanip2_delete_range,
	wanip2_get_list;
igd_action_fn wancic_get_link_properties, wancic_get_bytes_sent,
	wancic_get_bytes_received, wancic_get_packets_sent,
	wancic_get_packets_received, wancic_set_enabled, wancic_get_enabled,
	wancic_get_max_connections, wancic_get_connection;
igd_action_fn l3f_set_default, l3f_get_default;

/* Each service's readers: igd_service.reader. */
extern const struct igd_reader wanip_reader[], wancic_reader[], l3f_reader[];

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
