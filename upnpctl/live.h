/* SPDX-License-Identifier: ISC */
/*
 * live.h - the running daemon of a configuration: whether there is one, the
 * status of its monitor, and requests to its engine. Runs in: upnpctl
 */
#ifndef UPNPCTL_LIVE_H
#define UPNPCTL_LIVE_H

#include <stdbool.h>
#include "base/wr.h"
#include "upnpctl/cmd.h"
#include "conf/conf.h"
#include "ipc/ctlmsg.h"
#include "ipc/statusfile.h"

struct live {
	const char *file;	/* the configuration file */
	char socket[CONF_STR_MAX];
	bool conf_wrong;	/* the file has errors; conf_why: the first */
	struct conf_error conf_why;
	bool has_rules;		/* the file has allow or deny lines */
	int monitor_err;	/* of statusfile_read(); monitor is zero then */
	struct statusfile monitor;
	bool alive;		/* the monitor's process runs */
	char reason[256];	/* of source_reason(), "" without one */
};

/** live_refresh - read the configuration and the status file. */
void live_refresh(struct live *, const struct cmd_env *);

/** live_ended - does the status file record that the monitor has ended? */
bool live_ended(const struct live *);

/** live_idle - does the monitor run without an engine, because enabled=no or
 * because it waits? */
bool live_idle(const struct live *);

/** live_waits - does it wait for an interface, which its configuration lacks? */
bool live_waits(const struct live *);

/** live_error_text - write the problem and the fix for a -errno of
 * ctlclient_open(), ctlclient_next() or live_request(), in one line. */
void live_error_text(struct wr *, const struct live *, int err);

/** live_request - ctlclient_request() to the engine. Fails at once if there is
 * no engine (live_idle()). Return: 0 and *ret_end, -ECANCELED (no engine),
 * other -errno */
int live_request(const struct live *, const struct ctl_req *, unsigned kinds,
		 int (*handle)(void *arg, const struct ctl_rep *), void *arg,
		 struct ctl_end *ret_end);

/** live_engine - read the engine's status. Return: 0 or -errno, for
 * live_error_text() */
int live_engine(const struct live *, struct ctl_status *ret);

/** live_serves - does the engine answer the LAN, by every protocol that is on?
 * Also if none is. */
bool live_serves(const struct ctl_status *);

/** live_uptime_s - how long the monitor has been running, by a clock that
 * cannot be set. */
uint64_t live_uptime_s(const struct live *);

/** live_fail - report live_error_text() on stderr. Return: CMD_FAULT */
int live_fail(const struct live *, int err);

/**
 * live_report_end - report a request that the engine did not carry out on
 * stderr.
 * @what: the start of the line, such as "tcp:8080"; or NULL
 *
 * Return: CMD_OK or CMD_FAULT
 */
int live_report_end(const struct live *, const struct ctl_end *,
		    const char *what);

#endif
