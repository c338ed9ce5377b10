/* SPDX-License-Identifier: ISC */
/*
 * brokermsg.h - the records between the engine and the monitor's broker, on a
 * SOCK_SEQPACKET pair: one size, no strings, no lengths, no paths. A record of
 * another size or version, or an unknown verb, ends the engine. (The first
 * record that an engine reads there is its configuration: engine_start.h.)
 *
 * Engine and monitor are the same binary. The version detects an engine whose
 * records another build made.
 * Runs in: any
 */
#ifndef IPC_BROKERMSG_H
#define IPC_BROKERMSG_H

#include <stdint.h>
#include "map/nat_rule.h"

#define BROKER_VERSION 8	/* raise it with every change of a record */

enum broker_verb {
	BROKER_SET = 1,	  /* rule: as NAT_SET, also to renew it; answered */
	BROKER_DEL,	  /* rule: the key; answered */
	BROKER_SYNC_RULE, /* rule: one of the whole table; not answered */
	BROKER_SYNC_END,  /* the table is complete: apply it; answered.
			   * NAT_EREFUSED: applied without rules that the
			   * monitor's policy forbids, or that it could not
			   * check; sync again later */
	BROKER_REFRESH,	  /* read the interfaces again and drop a sync that is
			   * half received; a new sync follows; answered.
			   * ext_index: the active external interface */
	BROKER_LINK_UP,	  /* the external link; answered */
	BROKER_LINK_DOWN,
	BROKER_VERIFY,	/* verify the firewall now; answered */
	BROKER_SERVING, /* the engine now answers the LAN; answered */
	BROKER_IDLE,	/* it is ready, but nobody can be served: no internal
			 * interface has an address, or the port is taken. The
			 * rules stay until a table comes; answered */
	BROKER_PACKETS,	/* rule: the key of a pinhole; answered with the packets
			 * that it let in. Not NAT_OK: they are not known */
	BROKER_FLOW,	/* rule: a port mapping without an external port, with
			 * a remote host and port; answered with the rule, and
			 * in it the external port that the flow between client
			 * and remote host has now, 0: there is no such flow, or
			 * not NAT_OK. NAT_EREFUSED: it is no such rule, or the
			 * client is in no internal network */
	/* The monitor sends these without a request. */
	BROKER_TAKEN,	/* rule: it was removed, or was left out of a sync; err
			 * is why: NAT_ECONFLICT or NAT_EFORWARDED */
	BROKER_CHANGED,	/* the administrator's rules or the router's ports may
			 * have changed: request the overruled rules again;
			 * also if ip6 has changed */
	BROKER_PING,	/* id: a number. The engine sends both back at once: its
			 * loop still runs */
	BROKER__MAX,
};

struct broker_req {
	uint32_t version;	/* BROKER_VERSION */
	uint32_t verb;		/* enum broker_verb */
	struct nat_op_id id;	/* of a SET or DEL; else zero */
	struct nat_rule rule;	/* zero if the verb has none */
	uint32_t ext_index;	/* of BROKER_REFRESH: 0 if none is there; of
				 * other requests: zero */
};

struct broker_rep {
	uint32_t version;
	uint32_t verb;		/* of the request */
	int32_t err;		/* enum nat_err */
	struct nat_op_id id;	/* of the request */
	uint16_t repaired;	/* BROKER_VERIFY: our rules had been changed */
	struct nat_rule rule;	/* BROKER_TAKEN, BROKER_FLOW; else zero */
	uint16_t ip6;		/* BROKER_SYNC_END, BROKER_CHANGED: enum
				 * nat_ip6; else zero */
	uint64_t packets;	/* BROKER_PACKETS; else zero */
};

_Static_assert(sizeof(struct broker_req) == 60 &&
	       sizeof(struct broker_rep) == 72, "no padding: they are sent");

#endif
