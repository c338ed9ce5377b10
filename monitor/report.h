/* SPDX-License-Identifier: ISC */
/* report.h - the monitor's state for the operator. A change is written to the
 * status file (ipc/statusfile.h) and sent to the service manager
 * (sys/notify.h).
 * Runs in: monitor */
#ifndef MONITOR_REPORT_H
#define MONITOR_REPORT_H

#include "sys/notify.h"
#include "conf/conf.h"
#include "monitor/broker.h"
#include "ipc/statusfile.h"

#define REPORT_LINE_MAX 1024	/* bytes for the manager, with the NUL */
#define REPORT_PATH_MAX (CONF_STR_MAX + 16)	/* pid-file's, and a suffix */

struct report {
	struct notify manager;
	bool notify_failed;	/* logged once until it works again */
	bool ready, serving;	/* the current engine's state */
	char line[REPORT_LINE_MAX];	/* the last one sent to the manager */

	bool write_failed;	/* logged once until it works again */
	char path[REPORT_PATH_MAX];	/* "": there is no such file */
	uint64_t written;	/* a hash of the file's content, 0: no file */
	struct statusfile now;
};

/**
 * report_start - begin. Takes NOTIFY_SOCKET out of the environment.
 * @r: the caller's, zeroed
 * @file: the configuration's path
 * @pid_file: the status file is placed beside it
 */
void report_start(struct report *r, const char *file, const char *pid_file);

/** report_state - set @state and copy the broker's state. Writes. A disabled
 * daemon is ready at once, any other when its engine serves. */
void report_state(struct report *, enum status_state state,
		  const struct broker *);

/** report_serving - report that the daemon is ready, and whether its engine
 * serves. Cheap if it is reported already. */
void report_serving(struct report *, bool serving);

/** report_reloading - report that a reload begins. */
void report_reloading(struct report *);

/** report_stopping - report that the daemon begins to stop. */
void report_stopping(struct report *);

/** report_broker - write the broker's state if it has changed. Cheap if not, so
 * call it after each request. */
void report_broker(struct report *, const struct broker *);

/** report_reload - report that a reload has ended. Writes. @fault: why it was
 * refused, or "" */
void report_reload(struct report *, const char *fault);

/** report_exit - report that the engine has exited unasked. Writes. */
void report_exit(struct report *);

/** report_end - report the end of the daemon. @fault: why it gives up; the file
 * stays, for upnpctl to read. NULL: a signal stopped it; the file is
 * removed. */
void report_end(struct report *, const char *fault);

#endif
