/* SPDX-License-Identifier: ISC */
/*
 * forkserver.h - the process that engines are born in.
 *
 * It is forked while the monitor has all of root's rights, shuts itself into
 * the engine's jail and then does nothing but fork an engine when the monitor
 * says so, end it when the monitor says so, and tell when it has ended. So the
 * monitor needs no right to make an engine, nor to end one. It reads no byte
 * but the monitor's fixed-size records; no engine has a descriptor of its.
 */
#ifndef MONITOR_FORKSERVER_H
#define MONITOR_FORKSERVER_H

#include <stdint.h>
#include <sys/types.h>
#include "ipc/engine_start.h"
#include "sys/jail.h"

/* The monitor's end. One that is closed is { 0, -1 }. */
struct forkserver {
	pid_t pid;
	int fd;
};

enum forkserver_event {
	FORKSERVER_READY = 1, /* the jail is shut, or -errno: then it ends */
	FORKSERVER_STARTED,   /* an engine: its pid */
	FORKSERVER_FAILED,    /* to start one: -errno */
	FORKSERVER_DIED,      /* it: its status, as waitpid() has it */
};

/* What it tells. */
struct forkserver_rep {
	uint32_t news;		/* enum forkserver_event */
	int32_t value;
};

/* What an engine is born with, in this order, beside 0 to 2. */
enum { FORKSERVER_CHAN, FORKSERVER_LOG, FORKSERVER_CTL, FORKSERVER_FDS };

/**
 * forkserver_open - fork it, and wait until it is in its jail.
 * @jail: for it and all of its engines, for good
 * @run: what an engine does; upnpd.c gives the engine's
 *
 * Return: 0, or -errno with @ret closed: the jail can not be entered
 */
int forkserver_open(struct forkserver *ret, const struct jail *jail,
		    engine_run_fn *run);

/**
 * forkserver_start - have it start an engine. There is none.
 * @fd: FORKSERVER_FDS of them, of which the last may be -1; they stay the
 *      caller's, to close
 *
 * What comes of it is told: FORKSERVER_STARTED or FORKSERVER_FAILED. Does not
 * wait. Return: 0 or -errno
 */
int forkserver_start(const struct forkserver *, const int fd[FORKSERVER_FDS]);

/** forkserver_kill - have it kill its engine; FORKSERVER_DIED tells when it
 * has. One that has ended meanwhile is no fault. Return: 0 or -errno */
int forkserver_kill(const struct forkserver *);

/** forkserver_read - what it has to tell. Return: 0, -EAGAIN nothing now,
 * -EPIPE it is gone, other -errno */
int forkserver_read(const struct forkserver *, struct forkserver_rep *ret);

/**
 * forkserver_close - hang up, and wait for it to end, FORKSERVER_END_MS at
 * most. An engine that still lives says byebye first: its channel has to be
 * closed before. Closed already: does nothing.
 * @ret_status: as waitpid() has it
 *
 * Return: 0, -ETIMEDOUT it goes on, -ECHILD there was none
 */
int forkserver_close(struct forkserver *, int *ret_status);

#endif
