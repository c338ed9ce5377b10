/* SPDX-License-Identifier: ISC */
/*
 * report.h - what the monitor says of itself: gathered here, written to the
 * status file (statusfile.h) and told the service manager (base/notify.h) when
 * something has changed.
 */
#ifndef MONITOR_REPORT_H
#define MONITOR_REPORT_H

#include "sys/notify.h"
#include "conf/conf.h"
#include "monitor/broker.h"
#include "ipc/statusfile.h"

#define REPORT_LINE_MAX 1024	/* bytes for the manager, with the NUL */
#define REPORT_PATH_MAX (CONF_STR_MAX + 16)	/* pid-file's, and an ending */

struct report {
	struct notify manager;
	bool mute;		/* it does not listen; told in the log once */
	bool serving;		/* the engine that runs does */
	char line[REPORT_LINE_MAX];	/* that the manager was told last */

	bool failed;		/* to write; told in the log once */
	char path[REPORT_PATH_MAX];	/* "": there is no such file */
	uint64_t written;	/* a hash of what stands there, 0: nothing */
	struct statusfile now;
};

/**
 * report_start - begin. Takes NOTIFY_SOCKET out of the environment.
 * @r: the caller's, zeroed
 * @file: the configuration's path
 * @pid_file: the status file stands beside it
 */
void report_start(struct report *r, const char *file, const char *pid_file);

/** report_state - @state from now on, and what the broker says. Writes. A
 * daemon that is disabled is ready, one that serves is when its engine says so.
 */
void report_state(struct report *, enum status_state state,
		  const struct broker *);

/** report_serving - the engine serves: ready. Cheap when that is known. */
void report_serving(struct report *);

/** report_reloading - a reload begins. */
void report_reloading(struct report *);

/** report_stopping - the end begins. */
void report_stopping(struct report *);

/** report_broker - the broker has worked: write if that changed anything. Cheap
 * when it did not. */
void report_broker(struct report *, const struct broker *);

/** report_reload - a reload has ended; @fault: why it changed nothing, or "".
 * Writes. */
void report_reload(struct report *, const char *fault);

/** report_death - the engine has died once more. Writes. */
void report_death(struct report *);

/** report_end - @fault: why the daemon gives up: stays to be read; NULL: it was
 * told to stop, and the file goes. */
void report_end(struct report *, const char *fault);

#endif
