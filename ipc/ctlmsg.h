/* SPDX-License-Identifier: ISC */
/*
 * ctlmsg.h - the records between upnpctl and the engine on the control socket.
 * Each direction has records of one size on a SOCK_SEQPACKET socket, so the
 * kernel does the framing. A connection has one request; the engine answers
 * with as many records as needed, CTL_END last, and closes the connection.
 *
 * Both ends are the same binary. The version detects a binary that was replaced
 * while the daemon runs.
 * Runs in: any
 */
#ifndef IPC_CTLMSG_H
#define IPC_CTLMSG_H

#include <stdint.h>
#include "map/nat_rule.h"
#include "map/origin.h"
#include "map/refusal.h"
#include "base/limits.h"

#define CTL_VERSION 10	/* raise it with every change of a record */

enum ctl_verb {
	CTL_STATUS = 1,		/* CTL_STATUS_IS, CTL_END */
	CTL_MAPPINGS,		/* CTL_MAPPING for each, CTL_END */
	CTL_MONITOR,		/* CTL_MAPPING for each, CTL_READY, then
				 * CTL_ADDED and CTL_REMOVED as they happen */
	CTL_ADD,		/* rule, lease_s, desc; CTL_ADDED, CTL_END */
	CTL_DELETE,		/* rule: the key; CTL_REMOVED, CTL_END */
	CTL_VERIFY,		/* verify the firewall now; CTL_END */
	CTL_RULES,		/* CTL_RULE for each line in force, then one
				 * with line 0, CTL_END */
	CTL_REFUSALS,		/* CTL_REFUSED for each recent one, the newest
				 * first, CTL_END */
	CTL__MAX,
};

struct ctl_req {
	uint32_t version;	/* CTL_VERSION */
	uint32_t verb;		/* enum ctl_verb */
	struct nat_rule rule;	/* zero if the verb has none */
	uint32_t lease_s;	/* 0 permanent */
	uint32_t disabled;	/* CTL_ADD: the mapping gets no rule */
	uint32_t configured;	/* CTL_ADD: it will be in the configuration */
	char desc[PM_DESC_MAX + 1];	/* printable UTF-8, NUL-terminated */
};

enum ctl_kind {
	CTL_END = 1,
	CTL_STATUS_IS,
	CTL_MAPPING,
	CTL_ADDED,		/* made, or changed */
	CTL_REMOVED,		/* only mapping.rule is set */
	CTL_READY,		/* end of the table; changes follow */
	CTL_LOST,		/* changes were lost: upnpctl read too slowly */
	CTL_RULE,		/* an allow or deny line */
	CTL_REFUSED,		/* a recent refusal */
};

/* The result of a request. */
enum ctl_err {
	CTL_OK,
	CTL_EINVAL,		/* no such request */
	CTL_EVERSION,		/* the daemon has another version */
	CTL_EPERM,		/* the user is not root */
	CTL_EBUSY,		/* too many clients at once */
	CTL_EREFUSED,		/* the reason is in refusal */
	CTL_ENOENT,		/* no such mapping */
	CTL_EFAIL,		/* the firewall failed */
};

struct ctl_end {
	uint32_t err;		/* enum ctl_err */
	uint32_t refusal;	/* enum refusal */
	uint32_t line;		/* of the rule that refused it, or 0 */
	uint32_t repaired;	/* CTL_VERIFY: rules had been changed */
};

struct ctl_mapping {
	struct nat_rule rule;
	struct addr requester;	/* of a client; ADDR_NONE: the operator */
	uint32_t origin;	/* enum origin */
	uint32_t left_s;	/* until it ends; 0 permanent */
	uint32_t enabled;
	uint32_t suspended;	/* its client is in no internal network; it has
				 * no rule, and clients do not see it */
	uint32_t overruled;	/* the router serves its port, or a rule of the
				 * administrator forwards it; it has no rule,
				 * and clients see it as not enabled */
	uint32_t configured;	/* it is in the configuration */
	uint32_t told_port;	/* the external port that clients are told: it
				 * may be the upstream's. 0: as in rule */
	uint32_t unique_id;	/* of a pinhole, 1 to 65535; else 0 */
	char desc[PM_DESC_MAX + 1];
};

/* How often an allow or deny line decided about a request. */
struct ctl_rule {
	uint32_t line;		/* of the configuration; 0: no line matched, and
				 * only decided is set */
	uint32_t allow;
	uint32_t ext_lo, ext_hi, int_lo, int_hi;	/* ports */
	struct addr_net net;
	uint64_t decided;	/* since upnpd began to serve */
};

/* A refusal of a client's request (map/recent.h). */
struct ctl_refused {
	struct nat_rule rule;	/* the mapping, of which only what the request
				 * has is set; kind 0: not about a mapping */
	struct addr client;	/* the requester */
	uint32_t why;		/* enum refusal */
	uint32_t origin;	/* enum origin */
	uint32_t line;		/* of the configuration that decided, or 0 */
	uint32_t times;		/* how often the same was refused */
	uint32_t ago_s;		/* since the last time */
};

/* Why there is no usable external address. */
enum ctl_no_address {
	CTL_ADDRESS_OK, CTL_NO_INTERFACE, CTL_INTERFACE_DOWN, CTL_NO_CARRIER,
	CTL_NO_ADDRESS, CTL_ADDRESS_PRIVATE, /* and refused */
};

/* The NAT in front of the router, and by which protocol it is asked. They are
 * enum upstream_state and enum upstream_way of the engine. */
enum ctl_upstream {
	CTL_UPSTREAM_OFF, CTL_UPSTREAM_SEARCHED, CTL_UPSTREAM_SILENT,
	CTL_UPSTREAM_ANSWERS, CTL_UPSTREAMS,
};
enum ctl_upstream_way {
	CTL_NO_WAY, CTL_BY_PCP, CTL_BY_NAT_PMP, CTL_BY_UPNP, CTL_WAYS,
};

struct ctl_status {
	struct addr ext;	/* the external address that is reported to
				 * clients, or ADDR_NONE */
	uint32_t no_address;	/* enum ctl_no_address */
	uint32_t ext_private;	/* behind another NAT */
	char ext_if[16];
	/* a NAT in front of the router that is asked for each port */
	uint32_t upstream_state;	/* enum ctl_upstream */
	uint32_t upstream_way;		/* enum ctl_upstream_way */
	uint32_t upstream_held, upstream_refused;	/* ports */
	uint32_t upstream_error;	/* of one that it refused, or 0 */
	uint32_t upstream_until_s;	/* the lease that ends next; 0: none has
					 * an end */
	uint32_t upstream_retry_s;	/* SILENT: until the next search */
	struct addr upstream_client;	/* our address towards it */
	struct addr upstream_gateway, upstream_ext;	/* or ADDR_NONE */
	uint32_t protocols;	/* a bit for each that is on, 1 << enum
				 * origin; the operator's is 0 */
	uint32_t served;	/* those of them that answer the LAN */
	uint32_t http_port;	/* 0: does not listen (yet) */
	uint32_t igd_versions;	/* a bit for each, 1 << version */
	uint32_t up_s;		/* time since the first engine of the daemon
				 * began to serve */
	uint32_t mappings, mappings_max, per_client_max;	/* of ports */
	uint32_t suspended, overruled;	/* of the mappings */
	uint32_t mappings_of[ORIGINS];	/* by enum origin */
	uint32_t pinholes, pinholes_max;	/* max 0: there can be none */
	uint32_t pinholes_suspended;
	uint32_t pinholes_of[ORIGINS];
	uint32_t subscribers, subscribers_max;
	uint32_t refused[REFUSALS];
};

struct ctl_rep {
	uint32_t version;
	uint32_t kind;		/* enum ctl_kind */
	union {
		struct ctl_end end;
		struct ctl_status status;
		struct ctl_mapping mapping;
		struct ctl_rule rule;
		struct ctl_refused refused;
		uint32_t lost;
	};
};

#endif
