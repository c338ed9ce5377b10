/* SPDX-License-Identifier: ISC */
/*
 * supervisor.h - the engine's life as the monitor leads it: has the fork server
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

/* What the owner does about it. Each may call the supervisor again. */
struct supervisor_ops {
	/* one is being started: what the one before asked for is void */
	void (*born)(void *arg);
	/* @fd: its channel has something. 0; -EPROTO it sent what is no
	 * request, -EXFULL it does not read its answers: it is ended; other
	 * -errno: it is going */
	int (*request)(void *arg, int fd);
	void (*died)(void *arg);	/* unasked; another one is to come */
	void (*gone)(void *arg);	/* as supervisor_stop() wanted */
	void (*lost)(void *arg);	/* there can be no other; logged */
};

struct supervisor {
	const struct supervisor_ops *ops;	/* private from here on */
	void *arg;
	struct loop *loop;
	struct forkserver forkserver;
	const struct conf *conf;	/* of the next engine */
	int ctl_fd;

	bool alive;			/* there is an engine, or soon */
	bool leaving;			/* it was asked to go */
	bool killed;
	struct loop_fd news;		/* the fork server's */
	struct loop_fd chan, log;		/* the engine's */
	struct log_relay relay;
	uint64_t death_ms[ENGINE_DEATHS_MAX];
	struct loop_timer restart;
	struct loop_timer stop;		/* by then it has said byebye */
	struct loop_timer answer;	/* by then the fork server has */
};

/**
 * supervisor_init - no fork server, no engine. The other calls but
 * supervisor_open() and supervisor_start() are safe from here on.
 * @w: the owner's, zeroed; @ops, @arg, the loop: borrowed
 */
void supervisor_init(struct supervisor *w, struct loop *,
		     const struct supervisor_ops *, void *arg);

/** supervisor_open - fork the fork server, with all the rights we have. Once.
 * @run: what an engine does. Return: 0 or -errno: the jail can not be entered */
int supervisor_open(struct supervisor *, const struct jail *,
		    engine_run_fn *run);

/** supervisor_is_open - is there a fork server? */
bool supervisor_is_open(const struct supervisor *);

/**
 * supervisor_start - start an engine, now and after each death. There is none.
 * @conf: for it; borrowed while it lives, and its successors
 * @ctl_fd: the control socket, -1 none; borrowed likewise
 */
void supervisor_start(struct supervisor *, const struct conf *conf, int ctl_fd);

/** supervisor_control - another control socket, for the next engine. */
void supervisor_control(struct supervisor *, int ctl_fd);

/**
 * supervisor_stop - have the engine say byebye and go, or killed after
 * ENGINE_STOP_MS. No other follows until supervisor_start().
 *
 * Return: is there one? Then gone() is called
 */
bool supervisor_stop(struct supervisor *);

/** supervisor_close - hang up on all of them, and wait a while for the fork
 * server. */
void supervisor_close(struct supervisor *);

#endif
