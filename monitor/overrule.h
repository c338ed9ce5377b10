/* SPDX-License-Identifier: ISC */
/*
 * overrule.h - takes a port from a client's mapping when the router begins to
 * serve it, or the administrator to forward it, and tells the engine.
 * Runs in: monitor
 */
#ifndef MONITOR_OVERRULE_H
#define MONITOR_OVERRULE_H

#include "monitor/broker.h"

/**
 * overrule_run - do what is due: look at the mappings in force, delete the
 * rules of those whose port is taken, and report them to the engine.
 * @fd: the engine's channel; -1: no engine runs. Then nothing is reported,
 *      because the next engine sends the whole table
 *
 * Call it after each call of a function of broker.h. It is cheap if nothing is
 * due. A call is bounded: OVERRULE_LOOKS_MAX mappings and OVERRULE_REPORTS_MAX
 * reports. Reports are sent only when the engine has read all that was sent
 * before, so that there is always room for the answers to its requests.
 *
 * Return: when to call it again on @now_ms's clock; UINT64_MAX: not before the
 * next call of another function
 */
uint64_t overrule_run(struct broker *, int fd);

#endif
