/* SPDX-License-Identifier: ISC */
/*
 * monitor.h - the privileged process: starts and restarts the engine, checks
 * each request it sends, keeps the firewall as the table says. Reads no byte
 * from the network.
 */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include "conf/conf.h"
#include "ipc/engine_start.h"

/**
 * monitor_run - be the monitor until a signal or a hopeless fault ends it.
 * @path: of the configuration, read again on SIGHUP; NUL-terminated, borrowed
 * @conf: as read from it; copied
 * @debug: log everything, whatever a configuration says
 * @run: what an engine does; the fork server calls it
 *
 * SIGTERM, SIGINT: the engine says byebye, our rules go, 0. SIGHUP: the new
 * configuration, or a log line and the old one. Five engine deaths within a
 * minute: 1, rules removed.
 *
 * Return: the exit status
 */
int monitor_run(const char *path, const struct conf *conf, bool debug,
		engine_run_fn *run);

#endif
