/* SPDX-License-Identifier: ISC */
/*
 * brokerclient.h - what the engine may ask of the monitor: fixed-size records
 * on a SOCK_SEQPACKET pair, no strings, no lengths, no paths. A record of
 * another size or an unknown verb ends the engine. (What the engine reads there
 * first is its configuration: engine.h.)
 */
#ifndef ENGINE_BROKERCLIENT_H
#define ENGINE_BROKERCLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/loop.h"
#include "map/nat_rule.h"
#include "map/portmap.h"

enum priv_verb {
	PRIV_SET = 1,		/* rule: as NAT_SET; answered */
	PRIV_DEL,		/* rule: the key; answered */
	PRIV_SYNC_RULE,		/* rule: one of the whole table; not answered */
	PRIV_SYNC_END,		/* the table is whole now: apply it; answered */
	PRIV_LOOK,		/* look at the interfaces again; a sync comes,
				 * one half received is void; answered */
	PRIV_LINK_UP,		/* the external link; answered */
	PRIV_LINK_DOWN,
	PRIV_VERIFY,		/* the firewall, now; answered */
	PRIV_SERVING,		/* the LAN is answered from now on; answered */
	PRIV__MAX,
};

struct priv_req {
	uint32_t id;		/* comes back in the answer */
	uint32_t verb;		/* enum priv_verb */
	struct nat_rule rule;	/* zero where the verb has none */
};

struct priv_rep {
	uint32_t id;
	uint32_t verb;		/* of the request */
	int32_t err;		/* enum nat_err */
	uint32_t repaired;	/* PRIV_VERIFY: our rules had been changed */
};

/* ---- the engine's end ---------------------------------------------------- */

/*
 * What the engine still has to say is not kept in a queue of its own: it is
 * the mapping table's ops and a few flags here, so nothing can overflow.
 */
struct priv {
	/* an answer to any request; then what is waiting is sent */
	void (*answer)(void *arg, const struct priv_rep *);
	void (*lost)(void *arg);	/* the monitor has hung up */
	void *arg;

	struct ev_loop *loop;		/* private from here on */
	struct ev_fd chan;
	struct portmap *pm;
	struct priv_req held;		/* taken, did not fit the socket */
	bool holds;
	unsigned in_flight;		/* not answered yet */
	bool look_due, syncing;
	uint16_t sync_slot;
	uint32_t link_due;		/* PRIV_LINK_UP or _DOWN, 0: none */
	bool verify_due, serving_due;
};

/**
 * priv_open - talk to the monitor over @fd from now on.
 * @p: the caller's; answer, lost and arg are set
 * @pm: the table whose ops are sent; borrowed
 *
 * Return: 0 or -errno
 */
int priv_open(struct priv *p, struct ev_loop *, int fd, struct portmap *pm);

/** priv_pump - send what is waiting, as far as it goes. Never blocks. */
void priv_pump(struct priv *);

/** priv_sync - have the monitor look at the interfaces again, then send it the
 * whole table. Comes before ops that wait. */
void priv_sync(struct priv *);

/** priv_verify - have the firewall verified and repaired. Asked again before
 * it is sent: one answer to both. */
void priv_verify(struct priv *);

/** priv_serving - tell that we serve. Comes behind the table, where that is to
 * be sent. */
void priv_serving(struct priv *);

/** priv_link - ask for the external link to be taken up or down. */
void priv_link(struct priv *, bool up);

#endif
