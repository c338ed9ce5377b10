/* SPDX-License-Identifier: ISC */
/*
 * anyport.h - the external port of AddAnyPortMapping.
 *
 * Runs in: engine
 */
#ifndef IGD_ANYPORT_H
#define IGD_ANYPORT_H

#include "igd/igd.h"

/**
 * anyport_pick - set the external port of an IGD_WAIT_ANY.
 *
 * The one asked for, where policy allows it and nobody has it but the same
 * client for the same internal port and remote host; else a free one, chosen
 * at random among those that policy allows the client, from 1024 up if it
 * can be.
 *
 * Return: 0, 728 (all are taken), or as upnp_err_refused()
 * Source: WANIPConnection:2 2.5, AddAnyPortMapping
 */
int anyport_pick(struct igd *, struct igd_wait *w);

#endif
