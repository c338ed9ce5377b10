/* SPDX-License-Identifier: ISC */
/* extlink.h - takes the external link up and down for a control point.
 * Runs in: monitor */
#ifndef MONITOR_EXTLINK_H
#define MONITOR_EXTLINK_H

#include "monitor/broker.h"

/**
 * extlink_set - take the link up or down, if the configuration allows it.
 *
 * The routes over it are saved before it goes down, and restored once it is up.
 * Return: NAT_OK, NAT_EREFUSED, NAT_EFAIL (logged)
 */
enum nat_err extlink_set(struct broker *, bool up);

#endif
