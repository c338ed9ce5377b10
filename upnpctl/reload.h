/* SPDX-License-Identifier: ISC */
/*
 * reload.h - make the daemon read the written configuration. Runs in: upnpctl
 */
#ifndef UPNPCTL_RELOAD_H
#define UPNPCTL_RELOAD_H

#include "conf/conf.h"
#include "ipc/statusfile.h"

/**
 * reload - if a daemon runs with @path, signal it, and wait until it has read
 * the file and serves.
 * @was: the previous configuration, which has the path of the daemon's pid file
 * @now: the written configuration
 *
 * Waits for at most 20 s.
 *
 * Return: CMD_OK, also if no daemon runs; CMD_FAULT, reported on stderr
 */
int reload(const char *path, const struct conf *was, const struct conf *now);

/**
 * reload_service - let the service make the file from UCI and start, reload or
 * stop the daemon; wait until that is done.
 *
 * If the service is off and no daemon runs, it stays off.
 * Return: CMD_OK; CMD_FAULT, reported on stderr
 */
int reload_service(const struct conf *was, const struct conf *now);

/** reload_same_file - does the daemon with this status file read the
 * configuration @path? */
bool reload_same_file(const struct statusfile *, const char *path);

#endif
