/* SPDX-License-Identifier: ISC */
/*
 * absent.h - mappings without an end whose client has left the LAN
 * (absent-timeout).
 *
 * In rounds, the kernel is made to ask for each such client, and a moment later
 * its neighbour table shows whether there was an answer. The time from one look
 * without an answer to the next counts; an answer resets it to 0. If it
 * reaches absent-timeout, the mapping ends. It does not count while the table
 * cannot be read, and while the link is down. A client that the table never
 * shows, because it is behind another router or its link has no hardware
 * addresses, is never absent. Pinholes of clients always have an end.
 * Runs in: engine
 */
#ifndef ENGINE_ABSENT_H
#define ENGINE_ABSENT_H

#include "base/loop.h"
#include "ipc/engine_kept.h"
#include "map/map.h"

struct absent_seen;

struct absent {
	/* set by the owner before absent_open() */
	uint32_t timeout_s;	/* 0: off */
	struct map *map;	/* after map_init(), with the mappings of the
				 * lease file */
	struct engine_kept *kept;
	void (*gone)(void *arg);	/* leases were ended: map_tick() is due */
	void *arg;

	struct loop *loop;	/* private from here on */
	struct loop_timer timer;
	struct absent_seen *seen;	/* by slot of map->pm; NULL: off */
	uint64_t restored;	/* the highest seq in the lease file */
	uint64_t round_ms;	/* when the round began */
	uint16_t next;		/* the slot in its part */
	bool looking;		/* its part: the kernel has asked */
};

/** absent_open - begin the rounds; allocates nothing and does nothing if
 * timeout_s is 0. Return: 0 or -ENOMEM */
int absent_open(struct absent *, struct loop *);

/** absent_close - free the memory. For tests: the engine ends with it. */
void absent_close(struct absent *);

#endif
