/* SPDX-License-Identifier: ISC */
/*
 * gena.h - subscriptions and events (UDA 1.1 section 4).
 *
 * A subscriber gets the changes since its last message, with the newest values,
 * at most once in GENA_MODERATE_MS. Each has at most one delivery at a time,
 * with a descriptor and a buffer of its own, so a subscriber that is slow, dead
 * or sends invalid answers does not delay another.
 *
 * Independent of the HTTP server: the owner passes a request's fields and sends
 * the reply.
 * Runs in: engine
 */
#ifndef GENA_GENA_H
#define GENA_GENA_H

#include "base/addr.h"
#include "http/httpmsg.h"
#include "base/loop.h"
#include "igd/igd.h"

struct gena;

struct gena_config {
	struct igd *igd;	/* borrowed */
	/* as genasend_connect(), which is used if this is NULL; tests return
	 * one end of a socketpair */
	int (*connect)(struct addr local, struct addr peer, uint16_t port,
		       int ifindex);
};

/**
 * gena_new - create it, with all the memory that it will need.
 * @loop: borrowed; needs room for GENA_SUBS_MAX descriptors
 *
 * Return: owned by the caller (gena_free()), NULL without memory
 */
struct gena *gena_new(struct loop *loop, const struct gena_config *);

/** gena_free - end all subscriptions without a message. NULL does nothing. */
void gena_free(struct gena *);

/* A SUBSCRIBE or UNSUBSCRIBE on a service's event URL. */
struct gena_request {
	bool subscribe;
	const struct igd_service *svc;
	unsigned n;			/* root version */
	const struct httpmsg *head;	/* NT, CALLBACK, TIMEOUT, SID */
	struct addr peer, local;
	int ifindex;			/* the interface of @local; 0: not
					 * known */
	struct addr share;		/* by what the client is counted
					 * (addr_share()) */
};

struct gena_reply {
	int status;
	struct str extra;	/* lines SID and TIMEOUT, or empty; valid until
				 * the next call */
};

/**
 * gena_handle - handle a request: subscribe, renew or unsubscribe.
 *
 * The initial event is sent from the loop, GENA_INITIAL_MS later, so that the
 * owner sends the reply before it (UDA 1.1 4.1.2).
 *
 * A CALLBACK may name another address of the subscriber, of either family
 * (peer_owns()). If the neighbour table does not show yet whose it is, the
 * subscription is accepted. Before each message to such an address it must show
 * that it is the subscriber's; the message waits for that, for
 * GENA_ASKS_MAX * GENA_ASK_MS at most.
 *
 * ret->status: 200; 400 for SID together with NT or CALLBACK; 412 for a
 * CALLBACK that is missing or has no allowed URL (genamsg_callback()), an NT
 * other than upnp:event, a SID that is missing or unknown at this URL; 503
 * without a place, without random numbers, and for a service without evented
 * variables (5xx: "unable to accept").
 *
 * Limits: at GENA_SUBS_PER_CLIENT one of that client's subscriptions gives up
 * its place, at GENA_SUBS_MAX one of any client: the one whose messages failed
 * most often, else the oldest of the client with the same callback. At
 * GENA_SUBS_MAX a client with less than GENA_SUBS_SHARE also takes the oldest
 * of the client that has most, if that has more.
 * Source: UDA 1.1 4.1.2, 4.1.3, 4.1.4
 */
void gena_handle(struct gena *, const struct gena_request *,
		 struct gena_reply *ret);

/**
 * gena_mark_dirty - report that variables may have changed.
 *
 * Only sets a timer, so it may be called from struct igd_ops. The timer reads
 * and compares the values.
 */
void gena_mark_dirty(struct gena *);

/** gena_count - the number of subscriptions. */
size_t gena_count(const struct gena *);

#endif
