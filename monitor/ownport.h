/* SPDX-License-Identifier: ISC */
/* ownport.h - is the port free without which nobody would be served? Runs in:
 * monitor */
#ifndef MONITOR_OWNPORT_H
#define MONITOR_OWNPORT_H

#include <stdbool.h>
#include "conf/conf.h"

/**
 * ownport_check - find out whether the engine could listen on its port.
 * @conf: enabled
 * @wait_ms: how long to wait for the port: the engine of a monitor that was
 *           killed has it until it ends, a moment later
 *
 * It is http-port, or with upnp = no UDP port 5351 of NAT-PMP and PCP. Binds a
 * socket to each address of the internal interfaces, with the engine's own
 * options, and closes it. Not for a port on which our engine listens
 * (ownport_same()).
 *
 * Return: 0; -EADDRINUSE: another program has it (logged, with its name if this
 * process may see it). Other errors count as free: the engine reports them
 */
int ownport_check(const struct conf *conf, unsigned wait_ms);

/** ownport_same - does an engine with the configuration @now listen on the port
 * that one with @next needs? */
bool ownport_same(const struct conf *now, const struct conf *next);

#endif
