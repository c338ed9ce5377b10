/* SPDX-License-Identifier: ISC */
/*
 * record.h - what happened to requests and mappings, for the operator: counts,
 * the log, and the recent refusals of the status page.
 *
 * The counts, the refusals and the uptime are in memory that the engine shares
 * with the one before it and the one after it (ipc/engine_kept.h).
 * Runs in: engine
 */
#ifndef ENGINE_RECORD_H
#define ENGINE_RECORD_H

#include "base/loop.h"
#include "conf/conf.h"
#include "engine/maplog.h"
#include "ipc/ctlmsg.h"
#include "ipc/engine_kept.h"

struct record {
	/* set by the owner before record_open(); borrowed */
	const struct conf *conf;
	struct map *map;
	struct loop *loop;

	struct engine_kept *kept;	/* to be read, and updated */
	bool reloaded;		/* to be read: the engine before this one ended
				 * as requested */

	struct refusal_counts refusals;	/* private from here on */
	struct maplog maplog;
	struct loop_timer tick;
};

/** record_open - continue what the engine before this one has left.
 * @kept: shared memory, not trusted; NULL: there is none. Sets map->decided.
 *
 * Return: 0 or -ENOMEM */
int record_open(struct record *, struct engine_kept *kept);

/** record_close - the engine ends: write the lines that are held back. Without
 * record_open(), it does nothing. */
void record_close(struct record *);

/** record_refused - count a refusal, log it if it is due, and remember it.
 * @share: of the client (peer_share()) */
void record_refused(struct record *, const struct refused *,
		    struct addr share);

/** record_changed - log a change of the table. */
void record_changed(struct record *, const struct map_change *);

/** record_status - write uptime, refusals and the sizes of the tables into the
 * status. */
void record_status(const struct record *, struct ctl_status *ret);

#endif
