/* SPDX-License-Identifier: ISC */
/*
 * engine_start.h - the descriptors and facts that the fork server passes to a
 * new engine.
 * Runs in: any
 */
#ifndef IPC_ENGINE_START_H
#define IPC_ENGINE_START_H

#include <sys/types.h>
#include "ipc/engine_kept.h"
#include "sys/bootid.h"
#include "sys/flowtimes.h"

struct engine_start {
	int chan_fd;		/* SOCK_SEQPACKET to the monitor (brokermsg.h).
				 * Its first record is the configuration, a
				 * struct conf as in memory, of conf_size()
				 * bytes, sent before the engine starts */
	int log_fd;		/* pipe to the monitor */
	int ctl_fd;		/* listening control socket, -1 none */
	uid_t owner;		/* may use the control socket, beside root */
	char boot_id[BOOTID_MAX];	/* bootid_read() */
	struct flowtimes flowtimes;	/* flowtimes_read() */
	struct engine_kept *kept;	/* shared by all engines of the daemon;
					 * NULL: there was no memory */
};

/**
 * engine_run_fn - run the engine until the monitor closes its channel.
 *
 * upnpd.c passes engine_run() to the monitor, so that neither of them needs a
 * symbol of the other. The caller has entered the jail, whose directory is the
 * current one.
 * Return: the exit status: 0 stopped by the monitor, 1 a fault (logged)
 */
typedef int engine_run_fn(const struct engine_start *);

#endif
