/* SPDX-License-Identifier: ISC */
/*
 * flows.h - the flows that came through rules which are gone: ended, at a pace.
 *
 * A rule that vanishes, or leads elsewhere, takes the flows that came through
 * it along. Before a change the rules that it may touch are noted; afterwards
 * the table tells which of them are gone, whatever the firewall's tool said.
 */
#ifndef MONITOR_FLOWS_H
#define MONITOR_FLOWS_H

#include "sys/conntrack.h"
#include "natfw.h"

struct flows {
	const struct natfw *fw;		/* borrowed */
	struct conntrack_port *gone;	/* where rules led before a change */
	size_t gone_n;			/* not 0: a walk is due */
	size_t gone_max;
	uint64_t walked_ms;		/* flows were looked for */
	unsigned walk_gap_ms;		/* from that to the next time */
	int err;			/* why they can not be ended, told */
};

/**
 * flows_open - take memory; nothing is noted yet.
 * @f: the caller's; zeroed
 * @fw: the table; borrowed until flows_close()
 * @max: room for so many notes
 *
 * Return: 0, -ENOMEM; flows_close() is harmless then
 */
int flows_open(struct flows *f, const struct natfw *fw, size_t max);

/** flows_close - give the memory back. What is noted is forgotten. */
void flows_close(struct flows *);

/** flows_room - a change is to come: make room to note the @n rules that it may
 * touch, where need be by flows_kill(). @n: no more than @gone_max */
void flows_room(struct flows *, size_t n, uint64_t now_ms);

/** flows_note - the change that is to come may touch this rule of the table.
 * NULL is fine. There must be room: flows_room(). */
void flows_note(struct flows *, const struct nat_rule *);

/**
 * flows_end - the change was made: end the flows of what is gone.
 * @now_ms: any clock that only goes forward; 0: there is none
 *
 * What goes in a burst shares a walk: where the last one was less than
 * @walk_gap_ms ago, nothing is done, and flows_kill() is due by then.
 */
void flows_end(struct flows *, uint64_t now_ms);

/** flows_kill - end them now, in one walk over the kernel's flows, for which it
 * blocks. A failure is logged, once a reason. Nothing noted: does nothing. */
void flows_kill(struct flows *, uint64_t now_ms);

#endif
