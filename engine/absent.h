/* SPDX-License-Identifier: ISC */
/*
 * absent.h - mappings and pinholes without an end whose client has left the LAN
 * (absent-timeout).
 *
 * In rounds, each such client is looked up in the kernel's neighbour table, and
 * the kernel is made to ask for it. The client is absent if the kernel has asked
 * without an answer, at two times one round apart, after the table had not shown
 * it for absent-timeout. A client that the table never shows, because it is
 * behind another router or its link has no hardware addresses, is never absent.
 * Runs in: engine
 */
#ifndef ENGINE_ABSENT_H
#define ENGINE_ABSENT_H

#include "base/loop.h"
#include "map/map.h"

struct absent_seen;

struct absent {
	/* set by the owner before absent_open() */
	uint32_t timeout_s;	/* 0: off */
	struct map *map;	/* after map_init() */
	void (*gone)(void *arg);	/* leases were ended: map_tick() is due */
	void *arg;

	struct loop *loop;	/* private from here on */
	struct loop_timer timer;
	struct absent_seen *seen[NAT_KINDS];	/* by slot; NULL: no table */
	uint64_t round_ms;	/* when the round began */
	uint32_t next;		/* the place in it */
};

/** absent_open - begin the rounds; allocates nothing and does nothing if
 * timeout_s is 0. Return: 0 or -ENOMEM */
int absent_open(struct absent *, struct loop *);

/** absent_close - free the memory. For tests: the engine ends with it. */
void absent_close(struct absent *);

#endif
