/* SPDX-License-Identifier: ISC */
/* enginelog.h - the rate of the monitor's log lines about the engine's
 * requests: an engine that sends bad ones without end must not fill the log.
 * Runs in: monitor */
#ifndef MONITOR_ENGINELOG_H
#define MONITOR_ENGINELOG_H

#include "base/lograte.h"

/** enginelog_may - may a line be written now? Logs how many were dropped in
 * the second that has ended. */
bool enginelog_may(struct lograte *, uint64_t now_ms);

#endif
