/* SPDX-License-Identifier: ISC */
/*
 * livemap.h - try the mappings of a changed configuration in the running
 * daemon, before the file is written. Runs in: upnpctl
 */
#ifndef UPNPCTL_LIVEMAP_H
#define UPNPCTL_LIVEMAP_H

#include "upnpctl/live.h"

/* What has been done, so that it can be undone. */
struct livemap {
	struct live live;
	const struct conf *was, *now;
	bool absent;		/* no engine runs */
	bool removed[CONF_MAPPINGS_MAX];	/* of was */
	bool added[CONF_MAPPINGS_MAX];		/* of now */
};

/**
 * livemap_try - give the engine the mappings of @now instead of those of @was:
 * remove what @now has no more, and make what is new or changed.
 * @file: the configuration file, before the change
 * @was, @now: must live until livemap_undo()
 *
 * So the engine and the kernel have agreed before the file is written. Only
 * mappings that differ are sent. Without an engine that runs with @file,
 * nothing is sent.
 *
 * Return: CMD_OK; or CMD_FAULT: a mapping was refused, which is reported on
 * stderr, and all that was done is undone
 */
int livemap_try(struct livemap *, const char *file, const struct conf *was,
		const struct conf *now);

/** livemap_undo - undo what livemap_try() did, as far as the engine takes
 * it. */
void livemap_undo(struct livemap *);

/**
 * livemap_report - report on stderr why the engine did not make a mapping.
 * @rule: the mapping
 *
 * If an allow or deny line decided, the line that would allow it is printed.
 * Return: CMD_OK or CMD_FAULT
 */
int livemap_report(const struct live *, const struct ctl_end *,
		   const struct nat_rule *rule);

/** livemap_is_absent - does this result of live_request() mean that no engine
 * runs? */
bool livemap_is_absent(int err);

#endif
