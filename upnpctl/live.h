/* SPDX-License-Identifier: ISC */
/*
 * live.h - the daemon that runs with a configuration: is there one, what does
 * its monitor say of itself, and how to ask its engine.
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
	const char *file;	/* the configuration that says where to look */
	char socket[CONF_STR_MAX];
	bool conf_wrong;	/* and conf_why says why */
	struct conf_error conf_why;
	bool has_rules;		/* there are allow or deny lines in it */
	int monitor_err;	/* of statusfile_read(); monitor is zero then */
	struct statusfile monitor;
	bool alive;		/* that monitor's process is there */
};

/** live_refresh - find out all that needs no engine. */
void live_refresh(struct live *, const struct cmd_env *);

/** live_ended - it wrote down why it gave up, and is gone. */
bool live_ended(const struct live *);

/** live_idle - it runs, but has no engine: enabled is no. */
bool live_idle(const struct live *);

/** live_why - what is wrong and what to do, for an error of ctlclient_open()
 * and its kin; one line. */
void live_why(struct wr *, const struct live *, int err);

/**
 * live_ask - ask the engine; as ctlclient_ask(). Fails at once where it is
 * known that there is none.
 *
 * Return: 0 and *ret_end, -ECANCELED (live_idle()), -errno
 */
int live_ask(const struct live *, const struct ctl_req *, unsigned kinds,
	     int (*take)(void *arg, const struct ctl_rep *), void *arg,
	     struct ctl_end *ret_end);

/** live_engine - the engine's own status. 0 or -errno, for live_why() */
int live_engine(const struct live *, struct ctl_status *ret);

/** live_uptime_s - how long the monitor has been running, by a clock that
 * nobody sets. */
uint64_t live_uptime_s(const struct live *);

/** live_fail - live_why() by cmd_fail(). Return: CMD_FAULT */
int live_fail(const struct live *, int err);

/**
 * live_end - what the engine made of a request, on stderr where it came to
 * nothing.
 * @what: begins the line, "tcp:8080"; or NULL
 *
 * Return: CMD_OK or CMD_FAULT
 */
int live_end(const struct live *, const struct ctl_end *, const char *what);

#endif
