/* SPDX-License-Identifier: ISC */
/*
 * countdown.h - a deadline in the monitor's own running time.
 *
 * The clock also advances while a virtual machine or a group of processes is
 * stopped, and then another process had no chance to meet a deadline. So this
 * one counts ticks of the loop, a second each at most, however much later the
 * loop notices them.
 * Runs in: monitor
 */
#ifndef MONITOR_COUNTDOWN_H
#define MONITOR_COUNTDOWN_H

#include "base/loop.h"

#define COUNTDOWN_TICK_MS 1000

struct countdown {
	void (*cb)(struct countdown *);
	struct loop *loop;		/* private from here on */
	struct loop_timer timer;
	uint64_t left_ms;
};

/** countdown_init - set the loop and the callback; it is not counting. */
void countdown_init(struct countdown *, struct loop *,
		    void (*cb)(struct countdown *));

/** countdown_set - run the callback once, after @ms of running time. If it is
 * counting already, it starts again. */
void countdown_set(struct countdown *, uint64_t ms);

/** countdown_del - cancel it. If it is not counting, does nothing. */
void countdown_del(struct countdown *);

#endif
