/* SPDX-License-Identifier: ISC */
/*
 * engine_start.h - what the fork server hands to an engine when it starts it.
 *
 * Runs in: any
 */
#ifndef IPC_ENGINE_START_H
#define IPC_ENGINE_START_H

#include <sys/types.h>
#include "sys/bootid.h"

struct engine_start {
	int chan_fd;		/* SOCK_SEQPACKET to the monitor (brokermsg.h).
				 * Its first record is the configuration, a
				 * struct conf as it is in memory; it is there
				 * before the engine starts */
	int log_fd;		/* pipe to the monitor */
	int ctl_fd;		/* listening control socket, -1 none */
	uid_t owner;		/* beside root, who may use that */
	char boot_id[BOOTID_MAX];	/* bootid_read() */
};

/**
 * engine_run_fn - be the engine until the monitor hangs up.
 *
 * upnpd.c passes the engine's to the monitor, so that neither needs a symbol
 * of the other. The caller has entered the jail, whose directory is the
 * current one.
 *
 * Return: the exit status: 0 stopped by the monitor, 1 a fault (logged)
 */
typedef int engine_run_fn(const struct engine_start *);

#endif
