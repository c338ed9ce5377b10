/* SPDX-License-Identifier: ISC */
/*
 * gena.h - subscriptions and events (UDA 1.1 section 4).
 *
 * A subscriber is told of what has changed since it was told last, with the
 * newest values, at most once in GENA_MODERATE_MS. Each has at most one
 * delivery under way, on a descriptor and in a buffer of its own: one that is
 * slow, dead or talks rubbish delays nobody else.
 *
 * Knows no HTTP server: the owner hands over a request's fields and sends the
 * answer.
 *
 * Runs in: engine
 */
#ifndef GENA_GENA_H
#define GENA_GENA_H

#include "http/httpmsg.h"
#include "base/loop.h"
#include "igd/igd.h"

struct gena;

struct gena_config {
	struct igd *igd;	/* borrowed */
	/* as genasend_connect(), which is taken for NULL; tests give one end
	 * of a socketpair */
	int (*connect)(uint32_t local_ip, uint32_t ip, uint16_t port);
};

/**
 * gena_new - make it, with all the memory it will need.
 * @loop: borrowed; needs room for GENA_SUBS_MAX descriptors
 *
 * Return: owned by the caller (gena_free()), NULL without memory
 */
struct gena *gena_new(struct loop *loop, const struct gena_config *);

/** gena_free - end all subscriptions without a word. NULL is fine. */
void gena_free(struct gena *);

/* A SUBSCRIBE or UNSUBSCRIBE on a service's event URL. */
struct gena_ask {
	bool subscribe;
	const struct igd_service *svc;
	unsigned n;			/* root version */
	const struct httpmsg *head;	/* NT, CALLBACK, TIMEOUT, SID */
	uint32_t peer_ip, local_ip;
};

struct gena_answer {
	int status;
	struct str extra;	/* lines SID and TIMEOUT, or empty; valid until
				 * the next call */
};

/**
 * gena_ask - subscribe, renew or unsubscribe.
 *
 * The initial event goes out from the loop, GENA_INITIAL_MS after the owner has
 * sent the answer: UDA 1.1 4.1.2 wants them in that order.
 *
 * 200; 400 for SID together with NT or CALLBACK; 412 for a CALLBACK that is
 * missing or leads nowhere allowed (genamsg_callback()), an NT other than
 * upnp:event, a SID that is missing or unknown at this URL; 503 at
 * GENA_SUBS_MAX, at GENA_SUBS_PER_CLIENT, without random numbers, and for a
 * service without evented variables (5xx: "unable to accept").
 * Source: UDA 1.1 4.1.2, 4.1.3, 4.1.4
 */
void gena_ask(struct gena *, const struct gena_ask *, struct gena_answer *ret);

/**
 * gena_mark_dirty - the value of some variable may have changed.
 *
 * Only sets a timer: may be called from struct igd_ops. The values are read
 * and compared when the loop gets to it.
 */
void gena_mark_dirty(struct gena *);

/** gena_count - how many subscriptions there are. */
size_t gena_count(const struct gena *);

#endif
