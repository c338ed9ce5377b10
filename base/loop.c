/* SPDX-License-Identifier: ISC */
/*
 * loop.c - a poll loop: descriptors, timers, signals.
 *
 * Owns: the pollfd array, the signal mask and the handlers of watched signals.
 * Invariants: watch[i] belongs to pfd[i]. A watcher deleted during a round
 * leaves a hole (NULL, fd -1), so that no index moves while callbacks run;
 * holes are closed at the end of the round. A watcher added during a round has
 * no revents, so that it waits for the next round even if it fills a hole.
 * Runs in: any
 */
#include "base/loop.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include "base/clock.h"
#include "base/mem.h"

#define SIGNALS_MAX	8	/* the monitor watches about five */
#define WAIT_MAX_MS	86400000u	/* a day; time_t may be small */
#define SIGNALS_MS	10	/* a busy loop checks signals this often */

struct watched_signal {
	int signo;
	struct loop_signal *watch;
	struct sigaction old;
};

struct loop {
	uint64_t (*clock_ms)(void);
	uint64_t now_ms;
	struct pollfd *pfd;
	struct loop_fd **watch;
	size_t fd_n, fd_max;
	bool in_round, holes, stop;
	struct loop_timer *timers;	/* by due_ms, the oldest first */
	struct loop_timer *due;		/* to run in this round */
	struct watched_signal sig[SIGNALS_MAX];
	size_t sig_n;
	sigset_t old_mask, wait_mask;
	uint64_t signals_ms;	/* last time at which signals could arrive */
};

/* A handler can write only to statics: one flag for each signal. */
static volatile sig_atomic_t caught[_NSIG];

static void on_signal(int signo)
{
	caught[signo] = 1;
}

/* The size of a loop, followed by its watchers and descriptors. */
static size_t alloc_size(size_t fds_max)
{
	const struct loop *l = NULL;

	return sizeof(*l) + fds_max * (sizeof(*l->watch) + sizeof(*l->pfd));
}

struct loop *loop_new(size_t fds_max, uint64_t (*clock_ms)(void))
{
	struct loop *l = mem_new(1, alloc_size(fds_max));

	if (!l)
		return NULL;
	l->watch = (struct loop_fd **)(l + 1);
	l->pfd = (struct pollfd *)(l->watch + fds_max);
	l->fd_max = fds_max;
	l->clock_ms = clock_ms ? clock_ms : clock_mono_ms;
	l->now_ms = l->clock_ms();
	return l;
}

void loop_free(struct loop *l)
{
	bool signals = l && l->sig_n > 0;

	if (!l)
		return;
	while (l->sig_n > 0) {
		l->sig_n--;
		sigaction(l->sig[l->sig_n].signo, &l->sig[l->sig_n].old, NULL);
	}
	if (signals)
		sigprocmask(SIG_SETMASK, &l->old_mask, NULL);
	mem_free(l, 1, alloc_size(l->fd_max));
}

uint64_t loop_now_ms(const struct loop *l)
{
	return l->now_ms;
}

/* ---- descriptors --------------------------------------------------- */

/* Correct as well for a watcher that was zeroed and never added. */
static bool fd_watched(const struct loop *l, const struct loop_fd *w)
{
	return w->slot >= 0 && (size_t)w->slot < l->fd_n &&
	       l->watch[w->slot] == w;
}

static void fd_move(struct loop *l, size_t from, size_t to)
{
	l->watch[to] = l->watch[from];
	l->pfd[to] = l->pfd[from];
	l->watch[to]->slot = (int)to;
}

void loop_fd_init(struct loop_fd *w, int fd,
		  void (*cb)(struct loop_fd *, short))
{
	*w = (struct loop_fd){ .fd = fd, .cb = cb, .slot = -1 };
}

int loop_fd_add(struct loop *l, struct loop_fd *w, short events)
{
	size_t i = l->fd_n;

	if (fd_watched(l, w)) {
		loop_fd_mod(l, w, events);
		return 0;
	}
	/* Full, but perhaps with holes from this round. */
	if (i == l->fd_max)
		for (i = 0; i < l->fd_n && l->watch[i]; i++)
			;
	if (i == l->fd_max)
		return -ENOSPC;
	if (i == l->fd_n)
		l->fd_n++;
	l->watch[i] = w;
	l->pfd[i] = (struct pollfd){ .fd = w->fd, .events = events };
	w->slot = (int)i;
	return 0;
}

void loop_fd_mod(struct loop *l, struct loop_fd *w, short events)
{
	if (fd_watched(l, w))
		l->pfd[w->slot].events = events;
}

void loop_fd_del(struct loop *l, struct loop_fd *w)
{
	size_t i = (size_t)w->slot;

	if (!fd_watched(l, w))
		return;
	w->slot = -1;
	if (l->in_round) {
		l->watch[i] = NULL;
		l->pfd[i] = (struct pollfd){ .fd = -1 };
		l->holes = true;
	} else if (i != --l->fd_n) {
		fd_move(l, l->fd_n, i);
	}
}

static void fd_close_holes(struct loop *l)
{
	size_t to = 0;

	if (!l->holes)
		return;
	for (size_t from = 0; from < l->fd_n; from++) {
		if (!l->watch[from])
			continue;
		if (to != from)
			fd_move(l, from, to);
		to++;
	}
	l->fd_n = to;
	l->holes = false;
}

static void fd_run(struct loop *l)
{
	size_t n = l->fd_n;
	short revents;

	for (size_t i = 0; i < n; i++) {
		/* an earlier callback may have changed the events */
		revents = l->pfd[i].revents &
			  (l->pfd[i].events | POLLHUP | POLLERR | POLLNVAL);
		if (l->watch[i] && revents)
			l->watch[i]->cb(l->watch[i], revents);
	}
}

/* ---- timers -------------------------------------------------------- */

static bool timer_unlink(struct loop_timer **at, struct loop_timer *t)
{
	while (*at && *at != t)
		at = &(*at)->next;
	if (!*at)
		return false;
	*at = t->next;
	return true;
}

void loop_timer_del(struct loop *l, struct loop_timer *t)
{
	if (!t->active)
		return;
	if (!timer_unlink(&l->due, t))
		timer_unlink(&l->timers, t);
	t->active = false;
}

void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t delay_ms)
{
	struct loop_timer **at = &l->timers;

	loop_timer_del(l, t);
	t->due_ms = delay_ms < UINT64_MAX - l->now_ms ? l->now_ms + delay_ms :
							 UINT64_MAX;
	while (*at && (*at)->due_ms <= t->due_ms)
		at = &(*at)->next;
	t->next = *at;
	*at = t;
	t->active = true;
}

/* Move the due timers out of the list before the first one runs: a timer that
 * sets itself again without delay runs in the next round. */
static void timer_run(struct loop *l)
{
	struct loop_timer **end = &l->timers, *t;

	while (*end && (*end)->due_ms <= l->now_ms)
		end = &(*end)->next;
	if (end == &l->timers)
		return;
	l->due = l->timers;
	l->timers = *end;
	*end = NULL;
	while (l->due) {
		t = l->due;
		l->due = t->next;
		t->active = false;
		t->cb(t);
	}
}

/* ---- signals ------------------------------------------------------- */

int loop_signal_add(struct loop *l, struct loop_signal *s)
{
	struct watched_signal *ws = &l->sig[l->sig_n];
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t block, old;
	int err;

	if (s->signo <= 0 || s->signo >= _NSIG)
		return -EINVAL;
	for (size_t i = 0; i < l->sig_n; i++)
		if (l->sig[i].signo == s->signo)
			return -EEXIST;
	if (l->sig_n == SIGNALS_MAX)
		return -ENOSPC;
	/* Block it first: the handler must run only inside ppoll(). */
	sigemptyset(&block);
	sigaddset(&block, s->signo);
	sigprocmask(SIG_BLOCK, &block, &old);
	sigfillset(&sa.sa_mask);
	if (sigaction(s->signo, &sa, &ws->old) < 0) {
		err = -errno;
		sigprocmask(SIG_SETMASK, &old, NULL);
		return err;
	}
	if (l->sig_n == 0)
		l->old_mask = l->wait_mask = old;
	sigdelset(&l->wait_mask, s->signo);
	/* The parent's loop may have set the flag before fork(). */
	caught[s->signo] = 0;
	ws->signo = s->signo;
	ws->watch = s;
	l->sig_n++;
	return 0;
}

static void signal_run(struct loop *l)
{
	const struct watched_signal *ws;

	for (ws = l->sig; ws < l->sig + l->sig_n; ws++) {
		if (!caught[ws->signo])
			continue;
		caught[ws->signo] = 0;
		ws->watch->cb(ws->watch);
	}
}

/* ---- rounds -------------------------------------------------------- */

/* The time to wait: NULL without limit, or @ret. */
static struct timespec *wait_time(const struct loop *l, int max_wait_ms,
				  struct timespec *ret)
{
	uint64_t ms = max_wait_ms < 0 ? WAIT_MAX_MS : (uint64_t)max_wait_ms;
	uint64_t left_ms = 0;

	if (max_wait_ms < 0 && !l->timers)
		return NULL;
	if (l->timers && l->timers->due_ms > l->now_ms)
		left_ms = l->timers->due_ms - l->now_ms;
	if (l->timers && left_ms < ms)
		ms = left_ms;
	ret->tv_sec = (time_t)(ms / 1000);
	ret->tv_nsec = (long)(ms % 1000) * 1000000;
	return ret;
}

/* Return: number of ready descriptors, or -errno */
static int wait_round(struct loop *l, int max_wait_ms)
{
	const sigset_t *mask = l->sig_n > 0 ? &l->wait_mask : NULL;
	uint64_t before_ms = l->now_ms;
	struct timespec ts;
	int n = ppoll(l->pfd, l->fd_n, wait_time(l, max_wait_ms, &ts), mask);

	if (n < 0 && errno != EINTR)
		return -errno;
	l->now_ms = l->clock_ms();
	/* ppoll() lets signals in only if no descriptor is ready. A busy loop
	 * must see SIGTERM as well, but need not check in each round. */
	if (n <= 0 || l->now_ms != before_ms) {		/* it did wait */
		l->signals_ms = l->now_ms;
	} else if (mask && l->now_ms - l->signals_ms >= SIGNALS_MS) {
		l->signals_ms = l->now_ms;
		ppoll(NULL, 0, &(struct timespec){ 0 }, mask);
	}
	return n < 0 ? 0 : n;
}

int loop_step(struct loop *l, int max_wait_ms)
{
	int n;

	l->now_ms = l->clock_ms();
	n = wait_round(l, max_wait_ms);
	if (n < 0)
		return n;
	l->in_round = true;
	signal_run(l);
	if (n > 0)
		fd_run(l);
	timer_run(l);
	l->in_round = false;
	fd_close_holes(l);
	return 0;
}

int loop_run(struct loop *l)
{
	int err = 0;

	while (err == 0 && !l->stop)
		err = loop_step(l, -1);
	l->stop = false;
	return err;
}

void loop_stop(struct loop *l)
{
	l->stop = true;
}
