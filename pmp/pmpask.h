/* SPDX-License-Identifier: ISC */
/*
 * pmpask.h - a request of NAT-PMP or PCP that asks the mapping core for
 * something, and may wait for the answer.
 * Runs in: engine
 */
#ifndef PMP_PMPASK_H
#define PMP_PMPASK_H

#include "base/loop.h"
#include "map/map.h"
#include "pmp/pmpmsg.h"

/* The description of the mappings, in the lists of UPnP and of upnpctl. */
#define PMPASK_DESC_NATPMP	"NAT-PMP"
#define PMPASK_DESC_PCP		"PCP"

struct pmpask {
	/* set by the owner */
	struct map *map;
	const struct loop *loop;	/* for the time */
	struct pmpmsg msg;	/* without an error */
	struct addr source;	/* of the request */
	int ifindex;		/* on which it arrived */
	bool may_third_party;	/* PCP: THIRD_PARTY is allowed to the source */
	/* @answer is complete, except its epoch. Called only for a request that
	 * waited */
	void (*done)(struct pmpask *);
	/* PCP's PEER: which external port has the flow of a->flow? The answer is
	 * pcp_flow(), later. NULL: there is never one */
	void (*ask_flow)(struct pmpask *a);

	/* the answer */
	struct pmpmsg_answer answer;
	struct nat_rule made;	/* of a MAP or PEER that succeeded: the mapping
				 * that answers it; kind 0: none */

	/* private */
	struct map_wait wait;
	struct nat_rule flow;
	bool asks_flow;
};

/** pmpask_prepare - begin the request to the mapping core: an empty one, from
 * the source of @a. @origin: enum origin */
static inline struct pm_req *pmpask_prepare(struct pmpask *a, uint8_t origin)
{
	struct pm_req *q = &a->wait.req.mapping;

	a->wait.req = (struct map_request){ .lease_s = 0 };
	q->origin = origin;
	q->enabled = true;
	q->requester = a->source;
	q->requester_if = a->ifindex;
	return q;
}

#endif
