/* SPDX-License-Identifier: ISC */
/*
 * upstream.h - the upstream: another NAT in front of this router, which is
 * asked to forward each mapped port to us.
 *
 * Pure: no socket, no clock, no allocation. The owner passes what arrives and
 * the time, and does what struct upstream_ops asks.
 *
 * The gateway is searched for at the start and when an address changes, by PCP,
 * NAT-PMP and UPnP at once; the first of them that answers, in this order, is
 * used. A silent gateway is tried again after 10 minutes, an hour, then daily.
 * Requests never wait for the search.
 * Source: RFC 6886, RFC 6887, RFC 6970, RFC 7648; WANIPConnection:1 and :2
 * Runs in: engine
 */
#ifndef UPSTREAM_UPSTREAM_H
#define UPSTREAM_UPSTREAM_H

#include "upstream/upmsg.h"
#include "upstream/upxml.h"

/* By which protocol the upstream is asked; a bit for each in @allowed. */
enum upstream_way {
	UPSTREAM_NO_WAY, UPSTREAM_PCP, UPSTREAM_NAT_PMP, UPSTREAM_UPNP,
	UPSTREAM_WAYS,
};

enum upstream_state {
	UPSTREAM_OFF,		/* nobody is asked */
	UPSTREAM_SEARCHING,
	UPSTREAM_SILENT,	/* it is tried again later */
	UPSTREAM_ANSWERS,
};

/* What the upstream does with one port of ours. */
enum upstream_held {
	UPSTREAM_UNASKED,	/* it was not asked, or has lost the mapping */
	UPSTREAM_HELD,		/* it forwards the port to us */
	UPSTREAM_REFUSED,
	UPSTREAM_UNANSWERED,
};

/* A port of ours. All zero: the place is free. */
struct upstream_lease {
	uint64_t due_ms;	/* of the next request */
	uint64_t end_ms;	/* HELD: of the upstream's lease; UINT64_MAX:
				 * it has no end */
	uint64_t wait_ms;	/* a client waits for the answer until then; 0:
				 * nobody waits */
	uint16_t port;		/* ours; 0: the place is free */
	uint16_t ext_port;	/* HELD: the upstream's; else the one that is
				 * asked for, 0: any */
	uint16_t error;		/* REFUSED: the protocol's code */
	uint8_t proto;		/* IPPROTO_TCP or IPPROTO_UDP */
	uint8_t held;		/* enum upstream_held */
	uint8_t tries;		/* requests since the last answer */
	uint8_t fails;		/* refusals and silences in a row */
	bool asked;		/* the upstream may have a mapping of it */
	bool drop;		/* it is being deleted */
};

/* None of these may call back, except answered(): it may call uplease_want()
 * and uplease_drop(). */
struct upstream_ops {
	/* send to that UDP port of the gateway; errors are ignored */
	void (*send)(void *arg, uint16_t port, const void *p, size_t n);
	/* connect to that TCP port of the gateway, send @request, and pass the
	 * answer to upstream_http(), later; also if it fails */
	void (*http)(void *arg, uint16_t port, struct str request);
	/* the upstream has answered for @l, or did not: see its held. @l is a
	 * copy; its wait_ms is not 0 if a client waited */
	void (*answered)(void *arg, const struct upstream_lease *l);
	/* state, way or ext have changed */
	void (*changed)(void *arg);
	uint32_t (*rnd)(void *arg);
};

struct upstream {
	/* set by the owner before upstream_init() */
	const struct upstream_ops *ops;
	void *arg;
	unsigned allowed;	/* bits: 1 << enum upstream_way */
	struct upstream_lease *lease;	/* @lease_max of them, zeroed */
	uint16_t lease_max;
	struct upmsg_nonce nonce;	/* the same after a restart */

	/* to be read */
	uint8_t state;		/* enum upstream_state */
	uint8_t way;		/* enum upstream_way; of ANSWERS */
	struct addr client;	/* our address towards the gateway */
	struct addr gateway;
	struct addr ext;	/* the upstream's external address; ADDR_NONE:
				 * not known */
	uint64_t retry_ms;	/* SILENT: the next search */

	/* private from here on */
	uint16_t own_port;	/* of our socket */
	uint16_t lease_n;	/* places at and above it were never used */
	uint8_t silences;	/* searches in a row without an answer */
	uint8_t tries;		/* of the search, or of the look */
	bool finds[UPSTREAM_WAYS];	/* that answered the search */
	uint64_t due_ms;	/* of the next step of the search or look */
	uint64_t decide_ms;	/* the search ends */
	uint64_t ext_ms;	/* when ext was set */
	uint64_t batch_ms;	/* the next batch of requests may leave */
	struct upmsg_epoch epoch[UPSTREAM_WAYS];
	struct upxml_gateway upnp;	/* url: of the control */
	struct upxml_url described;	/* url of the description */
	bool permanent;		/* UPnP: leases have no end */
	uint8_t http;		/* what is asked by HTTP now */
	uint8_t action;		/* enum upxml_action, of http */
	uint8_t http_proto;	/* the lease of http */
	uint16_t http_port;
};

/** upstream_init - start without a gateway. */
void upstream_init(struct upstream *);

/**
 * upstream_set - the gateway, and our address towards it. Searches for it, if
 * one of them has changed; every port is asked for again.
 * @gateway: ADDR_NONE: nobody is to be asked. All ports are forgotten: after
 *           this, the owner calls uplease_want() for each again
 * @own_port: of the socket by which we send
 */
void upstream_set(struct upstream *, struct addr client, struct addr gateway,
		  uint16_t own_port, uint64_t now_ms);

/** upstream_pmp - a datagram from UDP port 5351 of the gateway has arrived. */
void upstream_pmp(struct upstream *, struct str datagram, uint64_t now_ms);

/** upstream_ssdp - a datagram from another port of the gateway has arrived. */
void upstream_ssdp(struct upstream *, struct str datagram, uint64_t now_ms);

/** upstream_http - the answer to ops->http(). @status: 0: there is none */
void upstream_http(struct upstream *, unsigned status, struct str body,
		   uint64_t now_ms);

/** upstream_tick - do what is due. Return: when to call again, UINT64_MAX:
 * never. Call it after each of the functions above. */
uint64_t upstream_tick(struct upstream *, uint64_t now_ms);

#endif
