/* SPDX-License-Identifier: ISC */
/*
 * supervisor.h - the engine's life as the monitor leads it: has the nursery
 * start one, copies its log, ends one that misbehaves or does not stop, starts
 * another after a death.
 */
#ifndef MONITOR_SUPERVISOR_H
#define MONITOR_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include "sys/jail.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/loop.h"
#include "conf/conf.h"
#include "monitor/forkserver.h"

/* What the owner does about it. Each may call the warden again. */
struct warden_ops {
	/* one is being started: what the one before asked for is void */
	void (*born)(void *arg);
	/* @fd: its channel has something. 0; -EPROTO it sent what is no
	 * request, -EXFULL it does not read its answers: it is ended; other
	 * -errno: it is going */
	int (*request)(void *arg, int fd);
	void (*died)(void *arg);	/* unasked; another one is to come */
	void (*gone)(void *arg);	/* as warden_stop() wanted */
	void (*lost)(void *arg);	/* there can be no other; logged */
};

struct warden {
	const struct warden_ops *ops;	/* private from here on */
	void *arg;
	struct ev_loop *loop;
	struct nursery nursery;
	const struct conf *conf;	/* of the next engine */
	int ctl_fd;

	bool alive;			/* there is an engine, or soon */
	bool leaving;			/* it was asked to go */
	bool killed;
	struct ev_fd news;		/* the nursery's */
	struct ev_fd chan, log;		/* the engine's */
	struct log_relay relay;
	uint64_t death_ms[ENGINE_DEATHS_MAX];
	struct ev_timer restart;
	struct ev_timer stop;		/* by then it has said byebye */
	struct ev_timer answer;		/* by then the nursery has */
};

/**
 * warden_init - no nursery, no engine. The other calls but warden_open() and
 * warden_start() are safe from here on.
 * @w: the owner's, zeroed; @ops, @arg, the loop: borrowed
 */
void warden_init(struct warden *w, struct ev_loop *, const struct warden_ops *,
		 void *arg);

/** warden_open - fork the nursery, with all the rights we have. Once. Return: 0
 * or -errno: the jail can not be entered */
int warden_open(struct warden *, const struct jail *);

/** warden_is_open - is there a nursery? */
bool warden_is_open(const struct warden *);

/**
 * warden_start - start an engine, now and after each death. There is none.
 * @conf: for it; borrowed while it lives, and its successors
 * @ctl_fd: the control socket, -1 none; borrowed likewise
 */
void warden_start(struct warden *, const struct conf *conf, int ctl_fd);

/** warden_control - another control socket, for the next engine. */
void warden_control(struct warden *, int ctl_fd);

/**
 * warden_stop - have the engine say byebye and go, or killed after
 * ENGINE_STOP_MS. No other follows until warden_start().
 *
 * Return: is there one? Then gone() is called
 */
bool warden_stop(struct warden *);

/** warden_close - hang up on all of them, and wait a while for the nursery. */
void warden_close(struct warden *);

#endif
