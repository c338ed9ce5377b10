/* SPDX-License-Identifier: ISC */
/* reload.h - have the daemon read the configuration that was written. */
#ifndef UPNPCTL_RELOAD_H
#define UPNPCTL_RELOAD_H

#include "conf/conf.h"

/**
 * reload - if a daemon runs with @path, tell it, and wait until it has read it
 * and serves.
 * @was: what the file said before: where the daemon's pid file is
 * @now: what it says
 *
 * Waits 20 s at most. Return: CMD_OK, also where no daemon runs; CMD_FAULT,
 * told on stderr
 */
int reload(const char *path, const struct conf *was, const struct conf *now);

#endif
