/* SPDX-License-Identifier: ISC */
/* monitor.h - the privileged process: starts and restarts the engine, checks
 * each request of the engine, and keeps the firewall equal to the table. It
 * reads nothing from the network.
 * Runs in: monitor */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include "conf/conf.h"
#include "ipc/engine_start.h"

/* What to do when the LAN is served, or when it is known that there is nothing
 * to serve yet (not enabled, no interface is up), at the latest after
 * MONITOR_READY_MS. Once. */
struct monitor_ready {
	int (*fn)(void *arg);	/* -errno (logged) ends the monitor */
	void *arg;
};

#define MONITOR_READY_MS 3000

/**
 * monitor_run - run the monitor until a signal or a fatal error ends it.
 * @path: of the configuration, read again on SIGHUP; NUL-terminated, borrowed
 * @conf: as read from it; borrowed, and replaced by what is read later
 * @debug: log everything, whatever a configuration says
 * @run: the engine's main function; the fork server calls it
 * @ready: copied
 *
 * SIGTERM, SIGINT: the engine sends byebye, our rules are removed, returns 0.
 * SIGHUP: applies the new configuration, or logs why not and keeps the old one.
 * ENGINE_DEATHS_MAX exits of an engine within a minute: our rules are removed,
 * returns 1.
 *
 * Return: the exit status
 */
int monitor_run(const char *path, struct conf *conf, bool debug,
		engine_run_fn *run, const struct monitor_ready *ready);

#endif
