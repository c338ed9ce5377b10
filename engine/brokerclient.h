/* SPDX-License-Identifier: ISC */
/* brokerclient.h - the engine's end of the channel to the monitor's broker.
 * Runs in: engine */
#ifndef ENGINE_BROKERCLIENT_H
#define ENGINE_BROKERCLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/loop.h"
#include "ipc/brokermsg.h"
#include "map/portmap.h"

/* A table whose ops are sent. */
struct brokerclient_table {
	struct portmap *pm;	/* borrowed; NULL: there is no such table */
	/* the answer to an op of it */
	void (*done)(void *arg, struct nat_op_id, enum nat_err);
};

/* Requests to the monitor are not in a queue of their own: they are the ops of
 * the tables and a few flags, so nothing can overflow. */
struct brokerclient {
	struct brokerclient_table table[NAT_KINDS];	/* by enum nat_kind */
	/* the answer to any other request; then what is waiting is sent */
	void (*answer)(void *arg, const struct broker_rep *);
	/* the monitor has hung up, or sent a record that is not one */
	void (*lost)(void *arg);
	void *arg;

	struct loop *loop;		/* private from here on */
	struct loop_fd chan;
	struct broker_req held;		/* taken, did not fit the socket */
	bool holds;
	unsigned in_flight;		/* not answered yet */
	bool refresh_due, syncing;
	uint16_t sync_table, sync_slot;	/* the next to be sent */
	uint16_t op_table;	/* of the last op that was sent */
	uint32_t link_due;		/* BROKER_LINK_UP or _DOWN, 0: none */
	bool verify_due, serving_due;
};

/**
 * brokerclient_open - talk to the monitor over @fd from now on.
 * @p: the caller's; table, answer, lost and arg are set
 *
 * Return: 0 or -errno
 */
int brokerclient_open(struct brokerclient *p, struct loop *, int fd);

/** brokerclient_pump - send what is waiting, as far as it goes. Never blocks.
 */
void brokerclient_pump(struct brokerclient *);

/** brokerclient_sync - have the monitor look at the interfaces again, then send
 * it all tables as a whole. Comes before ops that wait. When the monitor has
 * applied them, portmap_synced() is called for each. */
void brokerclient_sync(struct brokerclient *);

/** brokerclient_verify - have the firewall verified and repaired. Asked again
 * before it is sent: one answer to both. */
void brokerclient_verify(struct brokerclient *);

/** brokerclient_serving - tell that we serve. Comes behind the tables, where
 * they are to be sent. */
void brokerclient_serving(struct brokerclient *);

/** brokerclient_link - ask for the external link to be taken up or down. */
void brokerclient_link(struct brokerclient *, bool up);

#endif
