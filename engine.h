/* SPDX-License-Identifier: ISC */
/*
 * engine.h - the unprivileged process: wires the services to the loop and
 * speaks to the network.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <sys/types.h>
#include "conf.h"

struct engine_start {
	int chan_fd;		/* SOCK_SEQPACKET to the monitor (priv.h) */
	int log_fd;		/* pipe to the monitor */
	int ctl_fd;		/* listening control socket, -1 none */
	uid_t owner;		/* beside root, who may use that */
	const char *dir;	/* its jail: state-dir, or what stands in */
	uid_t uid;
	gid_t gid;
};

/**
 * engine_run - be the engine until the monitor hangs up.
 *
 * Opens what lies outside the jail, enters it, reads the lease file, sends the
 * table as one sync, serves. At the monitor's end of file: byebye.
 *
 * Return: the exit status: 0 told to stop, 1 a fault (logged)
 */
int engine_run(const struct conf *, const struct engine_start *);

#endif
