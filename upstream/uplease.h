/* SPDX-License-Identifier: ISC */
/*
 * uplease.h - the table of the ports that the upstream is asked for. The owner
 * calls upstream_tick() after a call of the first two functions.
 * Runs in: engine
 */
#ifndef UPSTREAM_UPLEASE_H
#define UPSTREAM_UPLEASE_H

#include "upstream/upstream.h"

/**
 * uplease_want - ask for a port of ours, or keep it.
 * @wish: the upstream's port that is wished, 0: any
 * @wait: a client waits: ops->answered() is called within UPSTREAM_WAIT_MS, if
 *        NULL is not returned and wait_ms is set
 *
 * Return: the lease: with wait_ms set, the answer will come; else its held is
 * the answer. NULL: the upstream does not answer, or there is no room. Then the
 * port is asked for when it answers, if there is room.
 */
const struct upstream_lease *uplease_want(struct upstream *, uint8_t proto,
					  uint16_t port, uint16_t wish,
					  bool wait, uint64_t now_ms);

/** uplease_drop - the port of ours is no longer mapped: delete the upstream's
 * mapping, or delete it when the upstream answers again. Does nothing if there
 * is none. */
void uplease_drop(struct upstream *, uint8_t proto, uint16_t port,
		  uint64_t now_ms);

/** uplease_find - the lease of that port, or NULL. */
const struct upstream_lease *uplease_find(const struct upstream *,
					  uint8_t proto, uint16_t port);

/* ---- for upstream.c ---- */

/* An answer of any of the protocols. */
struct uplease_answer {
	uint16_t error;		/* 0: success */
	uint16_t ext_port;
	uint32_t lease_s;	/* 0: without an end */
};

/** uplease_lookup - the lease of that port, or NULL. */
struct upstream_lease *uplease_lookup(const struct upstream *, uint8_t proto,
				      uint16_t port);

/** uplease_answer - handle the upstream's answer for @l. */
void uplease_answer(struct upstream *, struct upstream_lease *l,
		    const struct uplease_answer *, uint64_t now_ms);

/** uplease_again - ask for @l once more at once, because another form of the
 * request may succeed. */
void uplease_again(struct upstream_lease *l, uint64_t now_ms);

/** uplease_ask_all - ask for all ports again, and for deletions. */
void uplease_ask_all(struct upstream *, uint64_t now_ms);

/** uplease_lost - the upstream has none of our mappings: nothing is to be
 * deleted. Ask for all ports again. */
void uplease_lost(struct upstream *, uint64_t now_ms);

/** uplease_silent - there is no upstream: nothing is held, nobody waits. */
void uplease_silent(struct upstream *);

/** uplease_forget - free all places. Nobody waits: uplease_silent() was called
 * before. */
void uplease_forget(struct upstream *);

/** uplease_tick - send what is due. Return: as upstream_tick() */
uint64_t uplease_tick(struct upstream *, uint64_t now_ms);

#endif
