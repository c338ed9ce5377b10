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
#include "sys/jail.h"

/* The monitor's end. One that is closed is { 0, -1 }. */
struct nursery {
	pid_t pid;
	int fd;
};

enum nursery_news {
	NURSERY_READY = 1,	/* the jail is shut, or -errno: then it ends */
	NURSERY_STARTED,	/* an engine: its pid */
	NURSERY_FAILED,		/* to start one: -errno */
	NURSERY_DIED,		/* it: its status, as waitpid() has it */
};

/* What it tells. */
struct nursery_rep {
	uint32_t news;		/* enum nursery_news */
	int32_t value;
};

/* What an engine is born with, in this order, beside 0 to 2. */
enum { NURSERY_CHAN, NURSERY_LOG, NURSERY_CTL, NURSERY_FDS };

/**
 * nursery_open - fork it, and wait until it is in its jail.
 * @jail: for it and all of its engines, for good
 *
 * Return: 0, or -errno with @ret closed: the jail can not be entered
 */
int nursery_open(struct nursery *ret, const struct jail *jail);

/**
 * nursery_start - have it start an engine. There is none.
 * @fd: NURSERY_FDS of them, of which the last may be -1; they stay the
 *      caller's, to close
 *
 * What comes of it is told: NURSERY_STARTED or NURSERY_FAILED. Does not wait.
 * Return: 0 or -errno
 */
int nursery_start(const struct nursery *, const int fd[NURSERY_FDS]);

/** nursery_kill - have it kill its engine; NURSERY_DIED tells when it has. One
 * that has ended meanwhile is no fault. Return: 0 or -errno */
int nursery_kill(const struct nursery *);

/** nursery_read - what it has to tell. Return: 0, -EAGAIN nothing now, -EPIPE
 * it is gone, other -errno */
int nursery_read(const struct nursery *, struct nursery_rep *ret);

/**
 * nursery_close - hang up, and wait for it to end, NURSERY_END_MS at most. An
 * engine that still lives says byebye first: its channel has to be closed
 * before. Closed already: does nothing.
 * @ret_status: as waitpid() has it
 *
 * Return: 0, -ETIMEDOUT it goes on, -ECHILD there was none
 */
int nursery_close(struct nursery *, int *ret_status);

#endif
