/* SPDX-License-Identifier: ISC */
/*
 * flows.h - ends the connections whose mapping or pinhole is deleted, at a
 * limited rate.
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
	size_t noted_n;			/* not 0: a walk, or a part, is due */
	size_t noted_max;
	size_t walk_n;			/* the first notes: a walk for them has
					 * begun; the others wait */
	struct conntrack_walk walk;
	uint64_t walk_us;		/* CPU time of its parts */
	uint64_t walked_ms;		/* time of the last part */
	unsigned walk_gap_ms;		/* from the last part to the next */
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

/** flows_room - make room for @n more notes, by a walk to its end if necessary.
 * Call it before a change that may touch @n rules. @n: at most @noted_max */
void flows_room(struct flows *, size_t n, uint64_t now_ms);

/** flows_note - note a rule of the table that the next change may touch. NULL
 * does nothing. There must be room: flows_room(). */
void flows_note(struct flows *, const struct nat_rule *);

/**
 * flows_end - end the flows of deleted rules, after a change.
 * @now_ms: any clock that never goes back; 0: there is none
 *
 * Walks over the kernel's flows for FLOWS_PART_US. If that is not enough, the
 * owner calls it again. At each part, a rule of the table keeps its flows: a
 * port may be mapped again during a walk.
 *
 * The changes of a burst share one walk: less than @walk_gap_ms after the last
 * part this does nothing. As long as @noted_n is not 0, the owner calls it when
 * the gap ends. Logs a failure, each reason once.
 */
void flows_end(struct flows *, uint64_t now_ms);

/**
 * flows_port - find the external port that a flow of a client has now.
 * @r: a port mapping whose ext_port does not matter: the flow between its client
 *     and its remote host, with these ports
 * @ret: set only on success
 *
 * One request to the kernel; blocks for its answer only.
 * Return: 0, -ENOENT there is none, or it does not use the external address,
 * other -errno: the kernel does not tell
 */
int flows_port(const struct flows *, const struct nat_rule *r, uint16_t *ret);

/** flows_kill - end the flows of all noted rules that are deleted. Blocks for
 * the whole walk. Without notes it does nothing. */
void flows_kill(struct flows *, uint64_t now_ms);

#endif
