/* SPDX-License-Identifier: ISC */
/*
 * flows.h - ends the connections whose mapping is deleted, at a limited rate.
 *
 * A rule that is deleted, or leads elsewhere, ends the flows that came through
 * it. Before a change, the owner notes the rules that the change may touch.
 * Afterwards the table shows which of them are deleted, whatever the firewall
 * tool reported.
 * Runs in: monitor
 */
#ifndef MONITOR_FLOWS_H
#define MONITOR_FLOWS_H

#include "sys/conntrack.h"
#include "natfw.h"

struct flows {
	const struct natfw *fw;		/* borrowed */
	struct conntrack_port *noted;	/* where rules led before a change */
	size_t noted_n;			/* not 0: a walk is due */
	size_t noted_max;
	uint64_t walked_ms;		/* time of the last walk */
	unsigned walk_gap_ms;		/* from the last walk to the next */
	int err;			/* the last failure, already logged */
};

/**
 * flows_open - allocate the notes; none is taken yet.
 * @f: the caller's; zeroed
 * @fw: the table; borrowed until flows_close()
 * @max: number of notes
 *
 * Return: 0, -ENOMEM; flows_close() is harmless then
 */
int flows_open(struct flows *f, const struct natfw *fw, size_t max);

/** flows_close - free the notes. */
void flows_close(struct flows *);

/** flows_room - make room for @n more notes, with flows_kill() if necessary.
 * Call it before a change that may touch @n rules. @n: at most @noted_max */
void flows_room(struct flows *, size_t n, uint64_t now_ms);

/** flows_note - note a port mapping of the table that the next change may
 * touch. NULL does nothing. There must be room: flows_room(). A pinhole is not
 * noted: no backend makes rules for pinholes yet, so none has flows. */
void flows_note(struct flows *, const struct nat_rule *);

/**
 * flows_end - end the flows of deleted rules, after a change.
 * @now_ms: any clock that never goes back; 0: there is none
 *
 * The changes of a burst share one walk: less than @walk_gap_ms after the last
 * walk this does nothing, and the owner calls flows_kill() when the gap ends.
 */
void flows_end(struct flows *, uint64_t now_ms);

/** flows_kill - end the flows of the noted rules that are deleted, in one walk
 * over the kernel's flows. Blocks for the walk. Logs a failure, each reason
 * once. Without notes it does nothing. */
void flows_kill(struct flows *, uint64_t now_ms);

#endif
