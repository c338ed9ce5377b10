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

/* What the engine still has to say is not kept in a queue of its own: it is
 * the mapping table's ops and a few flags here, so nothing can overflow. */
struct brokerclient {
	/* an answer to any request; then what is waiting is sent */
	void (*answer)(void *arg, const struct broker_rep *);
	void (*lost)(void *arg);	/* the monitor has hung up */
	void *arg;

	struct loop *loop;		/* private from here on */
	struct loop_fd chan;
	struct portmap *pm;
	struct broker_req held;		/* taken, did not fit the socket */
	bool holds;
	unsigned in_flight;		/* not answered yet */
	bool refresh_due, syncing;
	uint16_t sync_slot;
	uint32_t link_due;		/* BROKER_LINK_UP or _DOWN, 0: none */
	bool verify_due, serving_due;
};

/**
 * brokerclient_open - talk to the monitor over @fd from now on.
 * @p: the caller's; answer, lost and arg are set
 * @pm: the table whose ops are sent; borrowed
 *
 * Return: 0 or -errno
 */
int brokerclient_open(struct brokerclient *p, struct loop *, int fd,
		      struct portmap *pm);

/** brokerclient_pump - send what is waiting, as far as it goes. Never blocks.
 */
void brokerclient_pump(struct brokerclient *);

/** brokerclient_sync - have the monitor look at the interfaces again, then send
 * it the whole table. Comes before ops that wait. */
void brokerclient_sync(struct brokerclient *);

/** brokerclient_verify - have the firewall verified and repaired. Asked again
 * before it is sent: one answer to both. */
void brokerclient_verify(struct brokerclient *);

/** brokerclient_serving - tell that we serve. Comes behind the table, where
 * that is to be sent. */
void brokerclient_serving(struct brokerclient *);

/** brokerclient_link - ask for the external link to be taken up or down. */
void brokerclient_link(struct brokerclient *, bool up);

#endif
