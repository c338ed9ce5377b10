/* SPDX-License-Identifier: ISC */
/*
 * forkserver.h - the process that forks the engines.
 *
 * The monitor forks it while the monitor still has all rights of root. The fork
 * server enters the engine's jail. From then on it only forks an engine or
 * kills it when the monitor requests that, and reports when the engine has
 * exited. So the monitor needs no right to start an engine or to kill one. The
 * fork server reads only the monitor's fixed-size records, and no engine has
 * its socket.
 * Runs in: monitor
 */
#ifndef MONITOR_FORKSERVER_H
#define MONITOR_FORKSERVER_H

#include <stdint.h>
#include <sys/types.h>
#include "ipc/engine_start.h"
#include "sys/jail.h"

/* The monitor's end. Closed, it is { 0, -1 }. */
struct forkserver {
	pid_t pid;
	int fd;
};

enum forkserver_event {
	FORKSERVER_READY = 1, /* value 0: it is in its jail; -errno: it exits */
	FORKSERVER_STARTED,   /* value: the pid of the new engine */
	FORKSERVER_FAILED,    /* no engine was started; value: -errno */
	FORKSERVER_EXITED,    /* value: the engine's status, as of waitpid() */
};

/* A message from the fork server. */
struct forkserver_rep {
	uint32_t event;		/* enum forkserver_event */
	int32_t value;
};

/* The descriptors of a new engine, in this order, beside 0 to 2, which are its
 * log as well. */
enum { FORKSERVER_CHAN, FORKSERVER_LOG, FORKSERVER_CTL, FORKSERVER_FDS };

/**
 * forkserver_open - fork it, and wait until it is in its jail.
 * @jail: of the fork server and all of its engines; it cannot be changed
 * @run: the engine's main function; upnpd.c passes engine_run()
 *
 * Return: 0, or -errno with @ret closed: the jail cannot be entered
 */
int forkserver_open(struct forkserver *ret, const struct jail *jail,
		    engine_run_fn *run);

/**
 * forkserver_start - make it fork an engine. No engine may be running.
 * @fd: FORKSERVER_FDS of them, of which the last may be -1; the caller still
 *      has to close them
 *
 * Does not wait: FORKSERVER_STARTED or FORKSERVER_FAILED follows.
 *
 * Return: 0 or -errno
 */
int forkserver_start(const struct forkserver *, const int fd[FORKSERVER_FDS]);

/** forkserver_kill - make it kill its engine; FORKSERVER_EXITED follows. No
 * error if the engine has exited meanwhile. Return: 0 or -errno */
int forkserver_kill(const struct forkserver *);

/** forkserver_read - read its next message. Return: 0, -EAGAIN none now, -EPIPE
 * it has exited, other -errno */
int forkserver_read(const struct forkserver *, struct forkserver_rep *ret);

/**
 * forkserver_close - close its socket, and wait FORKSERVER_END_MS at most until
 * it exits. Does nothing if it is closed already.
 * @ret_status: as of waitpid()
 *
 * An engine that still runs sends byebye first; the caller closes the engine's
 * channel before this call.
 *
 * Return: 0, -ETIMEDOUT it still runs, -ECHILD there was no fork server
 */
int forkserver_close(struct forkserver *, int *ret_status);

#endif
