/* SPDX-License-Identifier: ISC */
/*
 * pmpupdate.h - mapping updates: the clients of PCP get the new external address
 * of their mappings (RFC 6887 14.2).
 *
 * An update goes to the address and port that sent the last request for the
 * mapping, with the nonce of that request. They are kept in memory only: after a
 * restart, clients notice by the epoch of an announcement. Pinholes need no
 * update, because nothing is translated.
 *
 * Runs in: engine
 */
#ifndef PMP_PMPUPDATE_H
#define PMP_PMPUPDATE_H

#include "base/loop.h"
#include "map/map.h"
#include "pmp/pmpask.h"
#include "pmp/pmpmsg.h"

/* The last request for a mapping that succeeded. All zero: there was none. */
struct pmpupdate_client {
	struct pm_nonce nonce;
	uint32_t ip;		/* its source */
	uint32_t rule;		/* a hash of the mapping's rule */
	uint16_t port, told;	/* of its source; external, as it was told */
	uint8_t sock;		/* the index of the socket that was asked */
	bool third_party : 1, prefer_failure : 1, filter : 1;
	bool due : 1;		/* an update is to be sent */
};

struct pmpupdate {
	struct loop *loop;
	struct map *map;
	/* send the answer to the request of @m; @c: to whom */
	void (*send)(struct pmpupdate *, const struct pmpupdate_client *c,
		     const struct pmpmsg *m, struct pmpmsg_answer *);

	/* private */
	struct pmpupdate_client *client;	/* by slot */
	size_t client_n;
	unsigned round;		/* how often each was sent */
	size_t next;		/* slot, in this round */
	struct loop_timer timer;
};

/** pmpupdate_init - initialize @u. loop, map and send are set. Return: false
 * without memory */
bool pmpupdate_init(struct pmpupdate *u);

/** pmpupdate_done - free its memory. */
void pmpupdate_done(struct pmpupdate *u);

/**
 * pmpupdate_note - the request @a succeeded: note where updates of its mapping
 * are sent to, and stop those that are being sent.
 * @port: of its source
 * @sock: the index of the socket that was asked
 *
 * Only sources of IPv4 are noted.
 */
void pmpupdate_note(struct pmpupdate *, const struct pmpask *a, uint16_t port,
		    size_t sock);

/** pmpupdate_forget - the socket @sock is about to be closed: an update must not
 * leave from another address than the one that was asked. */
void pmpupdate_forget(struct pmpupdate *, size_t sock);

/** pmpupdate_stored - a mapping has changed. If its client was told another
 * external port, as when the upstream assigns a new one, send it an update as
 * well. */
void pmpupdate_stored(struct pmpupdate *, const struct pm_entry *);

/** pmpupdate_begin - the external address has changed: send the updates,
 * PMP_UPDATE_N times. Without an external address, nothing is sent. */
void pmpupdate_begin(struct pmpupdate *);

#endif
