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
 * engine_run - be the engine until the monitor hangs up; see engine_run_fn.
 *
 * It closes the jail, reads the lease file, sends the table to the monitor as
 * one sync, and serves. When the monitor hangs up, it sends ssdp:byebye.
 *
 * Return: the exit status: 0 if it was told to stop, 1 after a fault (logged)
 */
engine_run_fn engine_run;

#endif
