/* SPDX-License-Identifier: ISC */
/*
 * loop.h - a poll loop: descriptors, timers, signals.
 *
 * One loop for each process, passed to every *_new(). Watchers are embedded in
 * their owner's struct, which a callback finds by LOOP_OWNER(). Rules, each
 * tested:
 *  - a callback may add, change or delete any watcher, itself included, and
 *    may free its memory once it is deleted;
 *  - a watcher deleted in a round gets no more callbacks in that round;
 *  - timers never run from inside loop_timer_set(); timers due in the same
 *    millisecond run in the order in which they were set;
 *  - POLLHUP and POLLERR are always delivered;
 *  - the only unit of time is the millisecond, in a uint64_t.
 * Signals only set flags; their callbacks run in the loop.
 * Runs in: any
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
	int slot;		/* private; -1 or 0.. while watched */
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
 * @fds_max: the number of descriptors it can watch at once
 * @clock_ms: the clock, NULL for CLOCK_MONOTONIC; tests pass their own
 *
 * Allocates all memory that the loop will ever need. Watched signals are
 * blocked by loop_signal_add() and delivered only inside ppoll().
 * Return: owned by the caller (loop_free()), NULL without memory
 */
struct loop *loop_new(size_t fds_max, uint64_t (*clock_ms)(void));

/** loop_free - free the loop, not its watchers; restores signals. NULL does
 * nothing. */
void loop_free(struct loop *);

/** loop_now_ms - the clock's value at the start of this round. */
uint64_t loop_now_ms(const struct loop *);

/**
 * loop_fd_add - watch @w->fd.
 * @w:      fd and cb set by the caller; lives until loop_fd_del()
 * @events: POLLIN, POLLOUT, both or 0
 *
 * If it is watched already: as loop_fd_mod(). Return: 0, -ENOSPC at fds_max
 */
int loop_fd_add(struct loop *, struct loop_fd *w, short events);

/** loop_fd_mod - change its events. If it is not watched, does nothing. */
void loop_fd_mod(struct loop *, struct loop_fd *w, short events);

/** loop_fd_del - stop watching; does not close. If it is not watched, does
 * nothing. */
void loop_fd_del(struct loop *, struct loop_fd *w);

/** loop_fd_init - set fd, cb and "not watched"; for memory that is not zeroed,
 * so that loop_fd_del() is safe. */
void loop_fd_init(struct loop_fd *w, int fd,
		  void (*cb)(struct loop_fd *, short));

/** loop_timer_set - run @t->cb once, @delay_ms from now. If it is set already,
 * it moves. */
void loop_timer_set(struct loop *, struct loop_timer *t, uint64_t delay_ms);

/** loop_timer_del - cancel it. If it is not set, does nothing. */
void loop_timer_del(struct loop *, struct loop_timer *t);

/**
 * loop_signal_add - run @s->cb in the loop after @s->signo was received.
 * @s: signo and cb set by the caller; lives as long as rounds are run
 *
 * A signal received several times before a round makes one call.
 * Return: 0, -EEXIST it is watched already, -ENOSPC, or -EINVAL for a signal
 * that cannot be caught
 */
int loop_signal_add(struct loop *, struct loop_signal *s);

/** loop_step - run one round: wait, @max_wait_ms at most (-1: no limit), then
 * run the callbacks that are due: signals, then descriptors, then timers.
 * Return: 0, or -errno of ppoll() other than EINTR */
int loop_step(struct loop *, int max_wait_ms);

/** loop_run - run rounds until loop_stop(). Return: as loop_step(). */
int loop_run(struct loop *);

/** loop_stop - make loop_run() return after this round. Before loop_run(): it
 * returns at once. */
void loop_stop(struct loop *);

#endif
