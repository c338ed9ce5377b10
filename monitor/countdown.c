/* SPDX-License-Identifier: ISC */
/* countdown.c - a deadline in the monitor's own running time.
 * Runs in: monitor */
#include "monitor/countdown.h"

static void next_tick(struct countdown *c)
{
	const uint64_t ms = c->left_ms < COUNTDOWN_TICK_MS ? c->left_ms :
							     COUNTDOWN_TICK_MS;

	c->left_ms -= ms;
	loop_timer_set(c->loop, &c->timer, ms);
}

static void on_tick(struct loop_timer *t)
{
	struct countdown *c = LOOP_OWNER(t, struct countdown, timer);

	if (c->left_ms)
		next_tick(c);
	else
		c->cb(c);
}

void countdown_init(struct countdown *c, struct loop *loop,
		    void (*cb)(struct countdown *))
{
	*c = (struct countdown){ .cb = cb, .loop = loop, .timer.cb = on_tick };
}

void countdown_set(struct countdown *c, uint64_t ms)
{
	c->left_ms = ms;
	next_tick(c);
}

void countdown_del(struct countdown *c)
{
	loop_timer_del(c->loop, &c->timer);
}
