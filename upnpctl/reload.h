/* SPDX-License-Identifier: ISC */
/*
 * reload.h - make the daemon read the written configuration. Runs in: upnpctl
 */
#ifndef UPNPCTL_RELOAD_H
#define UPNPCTL_RELOAD_H

#include "conf/conf.h"

/**
 * reload - if a daemon runs with @path, signal it, and wait until it has read
 * the file and serves.
 * @was: the previous configuration, which has the path of the daemon's pid file
 * @now: the written configuration
 *
 * Limits: waits at most 20 s.
 *
 * Return: CMD_OK, also if no daemon runs; CMD_FAULT, reported on stderr
 */
int reload(const char *path, const struct conf *was, const struct conf *now);

#endif
