/* SPDX-License-Identifier: ISC */
/*
 * engine.h - the unprivileged process: wires the services to the loop and
 * speaks to the network.
 * Runs in: engine
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "ipc/engine_start.h"

/**
 * engine_run - be the engine until the monitor hangs up; see engine_run_fn.
 *
 * Shuts the jail, reads the lease file, sends the table as one sync, serves. At
 * the monitor's end of file: byebye.
 *
 * Return: the exit status: 0 told to stop, 1 a fault (logged)
 */
engine_run_fn engine_run;

#endif
