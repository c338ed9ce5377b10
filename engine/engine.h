/* SPDX-License-Identifier: ISC */
/*
 * engine.h - the unprivileged process: it connects the services to the loop and
 * speaks to the network.
 * Runs in: engine
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "ipc/engine_start.h"

/**
 * engine_run - run the engine until the monitor closes the channel; see
 * engine_run_fn.
 *
 * It closes the jail, reads the lease file, sends the table to the monitor as
 * one sync, and serves. When the monitor closes the channel, it sends
 * ssdp:byebye.
 *
 * Return: the exit status: 0 after a regular stop, 1 after a fault (logged)
 */
engine_run_fn engine_run;

#endif
