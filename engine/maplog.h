/* SPDX-License-Identifier: ISC */
/*
 * maplog.h - the log of mappings and pinholes: one line for each that is made,
 * changed, deleted or removed, that expires, or that is suspended, resumed or
 * overruled. It answers who opened a port, when, by which protocol, and how it
 * ended.
 *
 *	mapping added: protocol=tcp external-port=40000 to=192.168.88.10:8000
 *	lease=3600s by=192.168.88.10 origin=upnp description="game"
 *
 * Renewals have no line. A deletion is held back for MAPLOG_HOLD_MS: if the
 * same requester makes the same mapping again, neither has a line, because many
 * clients delete before they add. At most MAPLOG_LINES are written in
 * MAPLOG_WINDOW_MS; then one line counts the others.
 *
 * The description is the client's text. It is quoted, cut, and has no control
 * character (base/log.h).
 * Runs in: engine
 */
#ifndef ENGINE_MAPLOG_H
#define ENGINE_MAPLOG_H

#include "base/limits.h"
#include "map/map.h"

/* A deletion whose line is held back. */
struct maplog_held {
	uint64_t due_ms;	/* when to write it; 0: a free place */
	struct nat_rule rule;
	struct addr requester;
	uint8_t origin;
	char line[LOG_LINE_MAX];
};

/* Zeroed by the owner, who sets is_on. */
struct maplog {
	bool is_on;		/* log-mappings */
	uint64_t window_ms;	/* when it began */
	uint32_t lines;		/* written in this window */
	uint32_t dropped;	/* not written in it */
	uint32_t folded;	/* mappings that were deleted and made again */
	uint64_t folded_ms;	/* since then; valid with folded */
	struct maplog_held held[MAPLOG_HELD_MAX];
};

/** maplog_change - log a change, or hold it back.
 * @desc: of c->now, NUL-terminated */
void maplog_change(struct maplog *, const struct map_change *c,
		   const char *desc, uint64_t now_ms);

/** maplog_tick - write what is due. Call it after each change as well, which may
 * make the next time earlier. Return: when to call again; UINT64_MAX: never,
 * until the next change */
uint64_t maplog_tick(struct maplog *, uint64_t now_ms);

/** maplog_flush - write all that is held back: the engine ends. */
void maplog_flush(struct maplog *, uint64_t now_ms);

#endif
