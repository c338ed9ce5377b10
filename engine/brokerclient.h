/* SPDX-License-Identifier: ISC */
/* brokerclient.h - the engine's end of the channel to the monitor's broker.
 * Runs in: engine */
#ifndef ENGINE_BROKERCLIENT_H
#define ENGINE_BROKERCLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/limits.h"
#include "base/loop.h"
#include "ipc/brokermsg.h"
#include "map/portmap.h"

/* A table whose ops are sent. */
struct brokerclient_table {
	struct portmap *pm;	/* borrowed; NULL: there is no such table */
	/* the answer to an op of it */
	void (*done)(void *arg, struct nat_op_id, enum nat_err);
};

/* Requests to the monitor have no queue: they are the ops of the tables and a
 * few flags, so nothing can overflow. Only questions about flows have one. */
struct brokerclient {
	struct brokerclient_table table[NAT_KINDS];	/* by enum nat_kind */
	/* the answer to any other request; waiting ones are sent after it */
	void (*answer)(void *arg, const struct broker_rep *);
	/* BROKER_TAKEN, BROKER_CHANGED: what the monitor sends without a
	 * request */
	void (*notice)(void *arg, const struct broker_rep *);
	/* the monitor has closed the channel, or sent an invalid record */
	void (*lost)(void *arg);
	void *arg;

	struct loop *loop;		/* private from here on */
	struct loop_fd chan;
	struct broker_req held;		/* the socket had no room for it */
	bool holds;
	unsigned in_flight;		/* not answered yet */
	bool refresh_due, syncing;
	int ext_index;			/* goes with the next refresh */
	uint16_t sync_table, sync_slot;	/* the next rule of a sync */
	uint16_t op_table;	/* of the last op that was sent */
	uint32_t link_due;		/* BROKER_LINK_UP or _DOWN, 0: none */
	uint32_t serving_due;		/* BROKER_SERVING or _IDLE, 0: none */
	bool verify_due;
	bool packets_due;
	struct nat_rule counted;	/* whose packets */
	size_t flow_n;			/* whose ports, in this order */
	struct nat_rule flow[BROKER_FLOWS_MAX];
	bool synced;			/* a sync was sent */
	bool ping_due;			/* an answer: to this ping */
	struct nat_op_id ping;
};

/**
 * brokerclient_open - start to use @fd, the channel to the monitor.
 * @p: the caller's memory; table, answer, lost and arg are set
 *
 * Return: 0 or -errno
 */
int brokerclient_open(struct brokerclient *p, struct loop *, int fd);

/** brokerclient_pump - send waiting requests until the socket is full. Never
 * blocks. */
void brokerclient_pump(struct brokerclient *);

/** brokerclient_sync - ask the monitor to read the interfaces again, then send
 * it all tables as a whole, before waiting ops. No op is sent before the first
 * sync, or the monitor would think that it is the whole table.
 * @ext_index: of the active external interface; 0: it is not there now */
void brokerclient_sync(struct brokerclient *, int ext_index);

/** brokerclient_verify - ask for the firewall to be verified and repaired. Two
 * calls before the request is sent make one request, with one answer. */
void brokerclient_verify(struct brokerclient *);

/** brokerclient_serving - report whether the LAN is served; after a sync that
 * is due. */
void brokerclient_serving(struct brokerclient *, bool yes);

/** brokerclient_packets - ask for the packets that a pinhole let in. Not again
 * before the answer, which is BROKER_PACKETS. */
void brokerclient_packets(struct brokerclient *, const struct nat_rule *rule);

/**
 * brokerclient_flow - ask for the external port of a flow.
 * @rule: client, protocol, internal port, remote host and remote port; its
 *        external port does not matter
 *
 * The answer is BROKER_FLOW with the same rule, whose external port is that of
 * the flow, or 0. The same question twice gets two answers.
 * Return: false: BROKER_FLOWS_MAX questions wait already; there is no answer
 */
bool brokerclient_flow(struct brokerclient *, const struct nat_rule *rule);

/** brokerclient_link - ask for the external link to be taken up or down. */
void brokerclient_link(struct brokerclient *, bool up);

#endif
