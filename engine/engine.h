/* SPDX-License-Identifier: ISC */
/*
 * engine.h - the unprivileged process: wires the services to the loop and
 * speaks to the network.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <sys/types.h>
#include "base/limits.h"
#include "engine/state.h"

/* Connections, listeners, events, SSDP sockets, monitor, netlink. */
#define ENGINE_FDS_MAX	(HTTP_CONNS_MAX + HTTP_LISTENERS_MAX + \
			 GENA_SUBS_MAX + CONF_IFACES_MAX + \
			 CTL_CLIENTS_MAX + 1 + 8)
/* RLIMIT_NOFILE: those, and what is open for a moment. */
#define ENGINE_FILES_MAX (ENGINE_FDS_MAX + 16)

struct engine_start {
	int chan_fd; /* SOCK_SEQPACKET to the monitor (brokerclient.h) */
	int log_fd;		/* pipe to the monitor */
	int ctl_fd;		/* listening control socket, -1 none */
	uid_t owner;		/* beside root, who may use that */
	char boot_id[STATE_BOOT_MAX];	/* state_boot() */
};

/**
 * engine_run - be the engine until the monitor hangs up.
 *
 * The caller has entered the jail, whose directory is the current one. The
 * first record on the channel is the configuration, a struct conf as it is in
 * memory: it is there before the engine is. Shuts the jail, reads the lease
 * file, sends the table as one sync, serves. At the monitor's end of file:
 * byebye.
 *
 * Return: the exit status: 0 told to stop, 1 a fault (logged)
 */
int engine_run(const struct engine_start *);

#endif
