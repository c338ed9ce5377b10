/* SPDX-License-Identifier: ISC */
/*
 * loop.h - a poll loop: descriptors, timers, signals.
 *
 * One loop a process, passed to every *_new(). Watchers are embedded in their
 * owner's struct, which finds itself again by LOOP_OWNER(). Rules, each tested:
 *  - a callback may add, change or delete any watcher, itself included, and
 *    may free its memory once it is deleted;
 *  - a watcher deleted in a round gets no more callbacks in that round;
 *  - timers never run from inside loop_timer_set(); timers due in the same
 *    millisecond run in the order in which they were set;
 *  - POLLHUP and POLLERR are always delivered;
 *  - the only unit of time is the millisecond, in a uint64_t.
 * Signals only set flags; their callbacks run in the loop.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>

#define LOOP_OWNER(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

struct loop;

struct loop_fd {
	int fd;
	void (*cb)(struct loop_fd *, short revents);
	int slot;		/* private; -1 or from 0 on while watched */
};

struct loop_timer {
	void (*cb)(struct loop_timer *);
	uint64_t due_ms;	/* private from here on */
	struct loop_timer *next;
	bool active;
};

struct loop_signal {
	int signo;
	void (*cb)(struct loop_signal *);
};

/**
 * loop_new - make a loop.
 * @fds_max: how many descriptors it can watch at once
 * @clock_ms: the clock, NULL for CLOCK_MONOTONIC; tests pass their own
 *
 * All memory the loop will ever need is allocated here. Watched signals are
 * blocked by loop_signal_add() and delivered only inside ppoll().
 *
 * Return: owned by the caller (loop_free()), NULL without memory
 */
struct loop *loop_new(size_t fds_max, uint64_t (*clock_ms)(void));

/** loop_free - free the loop, not its watchers; restores signals. NULL is fine.
 */
void loop_free(struct loop *);

/** loop_now_ms - the clock as read at the start of this round. */
uint64_t loop_now_ms(const struct loop *);

/**
 * loop_fd_add - watch @w->fd.
 * @w:      fd and cb set by the caller; lives until loop_fd_del()
 * @events: POLLIN, POLLOUT, both or 0
 *
 * Watched already: as loop_fd_mod(). Return: 0, -ENOSPC at fds_max
 */
int loop_fd_add(struct loop *, struct loop_fd *w, short events);

/** loop_fd_mod - watch for other events. Not watched: does nothing. */
void loop_fd_mod(struct loop *, struct loop_fd *w, short events);

/** loop_fd_del - stop watching; does not close. Not watched: does nothing. */
void loop_fd_del(struct loop *, struct loop_fd *w);

/** loop_fd_init - set fd, cb and "not watched"; for memory that was not zeroed
 * to a state loop_fd_del() may see. */
void loop_fd_init(struct loop_fd *w, int fd,
		  void (*cb)(struct loop_fd *, short));

/** loop_timer_set - run @t->cb once, @delay_ms from now; set again: moves it.
 */
void loop_timer_set(struct loop *, struct loop_timer *t, uint64_t delay_ms);

/** loop_timer_del - never mind. Not set: does nothing. */
void loop_timer_del(struct loop *, struct loop_timer *t);

/**
 * loop_signal_add - run @s->cb in the loop when @s->signo came.
 * @s: signo and cb set by the caller; lives as long as rounds are run
 *
 * Signals that come more than once before a round are one call.
 *
 * Return: 0, -EEXIST when it is watched already, -ENOSPC, or -EINVAL for a
 * signal that can not be caught
 */
int loop_signal_add(struct loop *, struct loop_signal *s);

/**
 * loop_step - one round: wait, at most @max_wait_ms (-1: no limit), run what is
 * due: signals, then descriptors, then timers.
 *
 * Return: 0, or -errno of ppoll() other than EINTR
 */
int loop_step(struct loop *, int max_wait_ms);

/** loop_run - rounds until loop_stop(). Return: as loop_step(). */
int loop_run(struct loop *);

/** loop_stop - make loop_run() return after this round; before loop_run(): at
 * once. */
void loop_stop(struct loop *);

#endif
