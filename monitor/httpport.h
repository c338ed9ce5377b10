/* SPDX-License-Identifier: ISC */
/* httpport.h - is the configured http-port free? Runs in: monitor */
#ifndef MONITOR_HTTPPORT_H
#define MONITOR_HTTPPORT_H

#include "conf/conf.h"

/**
 * httpport_check - find out whether the engine could listen on http-port.
 * @conf: enabled
 *
 * Binds a socket to each address of the internal interfaces, with the engine's
 * own options, and closes it. Not for a port on which our engine listens. With
 * upnp = no there is nothing to check.
 * Return: 0; -EADDRINUSE: another program has it (logged, with its name if this
 * process may see it). Other errors count as free: the engine reports them
 */
int httpport_check(const struct conf *conf);

#endif
