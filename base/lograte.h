/* SPDX-License-Identifier: ISC */
/*
 * lograte.h - limits the log lines of ten seconds, and counts those above. Pure.
 * Runs in: any
 */
#ifndef BASE_LOGRATE_H
#define BASE_LOGRATE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/limits.h"

#define LOGRATE_WINDOW_MS 10000	/* of LOG_ENGINE_LINES */

/* Zeroed by the owner. */
struct lograte {
	uint64_t window_ms;
	unsigned lines, dropped;
};

/**
 * lograte_may - may one more line be written?
 * @ret_dropped: number of refused lines of the window that has ended, to be
 *               logged now; 0: none, or the window has not ended
 *
 * Limits: LOG_ENGINE_LINES
 */
static inline bool lograte_may(struct lograte *r, uint64_t now_ms,
			       unsigned *ret_dropped)
{
	*ret_dropped = 0;
	if (now_ms - r->window_ms >= LOGRATE_WINDOW_MS) {
		*ret_dropped = r->dropped;
		*r = (struct lograte){ .window_ms = now_ms };
	}
	if (r->lines == LOG_ENGINE_LINES) {
		r->dropped++;
		return false;
	}
	r->lines++;
	return true;
}

#endif
