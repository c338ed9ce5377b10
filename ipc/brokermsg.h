/* SPDX-License-Identifier: ISC */
/*
 * brokermsg.h - the records between the engine and the monitor's broker, on a
 * SOCK_SEQPACKET pair: one size, no strings, no lengths, no paths. A record of
 * another size or an unknown verb ends the engine. (The first record that an
 * engine reads there is its configuration: engine_start.h.)
 * Runs in: any
 */
#ifndef IPC_BROKERMSG_H
#define IPC_BROKERMSG_H

#include <stdint.h>
#include "map/nat_rule.h"

enum broker_verb {
	BROKER_SET = 1,	  /* rule: as NAT_SET; answered */
	BROKER_DEL,	  /* rule: the key; answered */
	BROKER_SYNC_RULE, /* rule: one of the whole table; not answered */
	BROKER_SYNC_END,  /* the table is whole now: apply it; answered */
	BROKER_REFRESH,	  /* read the interfaces again; a sync follows, and
			   * drops one that is half received; answered */
	BROKER_LINK_UP,	  /* the external link; answered */
	BROKER_LINK_DOWN,
	BROKER_VERIFY,	/* the firewall, now; answered */
	BROKER_SERVING, /* the engine now answers the LAN; answered */
	BROKER__MAX,
};

struct broker_req {
	uint32_t id;		/* repeated in the answer */
	uint32_t verb;		/* enum broker_verb */
	struct nat_rule rule;	/* zero if the verb has none */
};

struct broker_rep {
	uint32_t id;
	uint32_t verb;		/* of the request */
	int32_t err;		/* enum nat_err */
	uint32_t repaired;	/* BROKER_VERIFY: our rules had been changed */
};

#endif
