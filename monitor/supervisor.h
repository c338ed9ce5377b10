/* SPDX-License-Identifier: ISC */
/* supervisor.h - starts the engine through the fork server, copies its log,
 * kills it if it misbehaves, hangs or does not stop, and restarts it if it
 * exits.
 * Runs in: monitor */
#ifndef MONITOR_SUPERVISOR_H
#define MONITOR_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include "sys/jail.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/loop.h"
#include "conf/conf.h"
#include "monitor/countdown.h"
#include "monitor/forkserver.h"

/* The owner's callbacks. Each may call the supervisor again. */
struct supervisor_ops {
	/* an engine starts: drop the requests of the one before */
	void (*starting)(void *arg);
	/* @fd, the engine's channel, is readable. Return: 0; -EPROTO malformed
	 * request, -EXFULL it does not read its answers: the engine is killed;
	 * other -errno: it is about to exit */
	int (*request)(void *arg, int fd);
	/* send a ping to the engine on @fd. Called again each second until
	 * supervisor_answered(), because there may be no room now */
	void (*ping)(void *arg, int fd);
	void (*exited)(void *arg);	/* unasked; it will be restarted */
	void (*stopped)(void *arg);	/* as supervisor_stop() requested */
	void (*failed)(void *arg);	/* no further engine; logged */
};

struct supervisor {
	const struct supervisor_ops *ops;	/* private from here on */
	void *arg;
	struct loop *loop;
	struct forkserver forkserver;
	const struct conf *conf;	/* of the next engine */
	int ctl_fd;

	bool running;			/* requested, and has not exited */
	bool stopping;			/* asked to stop */
	bool killed;
	struct loop_fd events;		/* the fork server's */
	struct loop_fd chan, log;	/* the engine's */
	struct log_relay relay;
	uint64_t death_ms[ENGINE_DEATHS_MAX];
	struct loop_timer restart;
	struct loop_timer ping;		/* the next ping, or tick */
	uint64_t patience_ms;		/* left for its answer; 0: answered */
	struct countdown stop;		/* for the engine to stop */
	struct countdown answer;	/* for the fork server to answer */
};

/**
 * supervisor_init - begin without a fork server and without an engine.
 * Afterwards every call is safe; supervisor_start() needs supervisor_open()
 * first.
 * @s: the owner's, zeroed; @ops, @arg, the loop: borrowed
 */
void supervisor_init(struct supervisor *w, struct loop *,
		     const struct supervisor_ops *, void *arg);

/** supervisor_open - fork the fork server, which inherits all our rights. Call
 * it once.
 * @run: the engine's main function. Return: 0, or -errno: the jail cannot be
 * entered */
int supervisor_open(struct supervisor *, const struct jail *,
		    engine_run_fn *run);

/** supervisor_is_open - is there a fork server? */
bool supervisor_is_open(const struct supervisor *);

/** supervisor_channel - the descriptor to send to the engine on; -1: no engine
 * runs. */
int supervisor_channel(const struct supervisor *);

/** supervisor_answered - the engine has answered the ping. Without an answer
 * within ENGINE_ANSWER_MS of the monitor's running time it is killed; a tick of
 * that time does not count while records of the engine are unread. */
void supervisor_answered(struct supervisor *);

/**
 * supervisor_start - start an engine now, and again after each unasked exit. No
 * engine may be running.
 * @conf: for it and its successors; borrowed until supervisor_stop()
 * @ctl_fd: the control socket, -1 none; borrowed likewise
 */
void supervisor_start(struct supervisor *, const struct conf *conf, int ctl_fd);

/** supervisor_control - set another control socket for the next engine. */
void supervisor_control(struct supervisor *, int ctl_fd);

/**
 * supervisor_stop - make the engine send byebye and exit; it is killed after
 * ENGINE_STOP_MS. No other engine starts until supervisor_start().
 *
 * Return: true if an engine is running; stopped() is called when it exits
 */
bool supervisor_stop(struct supervisor *);

/** supervisor_close - close every descriptor, and wait FORKSERVER_END_MS at
 * most for the fork server to exit. */
void supervisor_close(struct supervisor *);

#endif
