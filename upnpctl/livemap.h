/* SPDX-License-Identifier: ISC */
/*
 * livemap.h - try the mappings of a changed configuration in the running
 * daemon, before the file is written. Runs in: upnpctl
 */
#ifndef UPNPCTL_LIVEMAP_H
#define UPNPCTL_LIVEMAP_H

#include "upnpctl/live.h"

/* The requests that were made, so that they can be undone. */
struct livemap {
	struct live live;
	const struct conf *was, *now;
	bool absent;		/* no engine runs */
	bool removed[CONF_MAPPINGS_MAX];	/* of was */
	bool added[CONF_MAPPINGS_MAX];		/* of now */
};

/**
 * livemap_try - replace the mappings of @was by those of @now in the engine:
 * remove old and changed ones, then add new and changed ones.
 * @file: the configuration file, before the change
 * @was, @now: must live until livemap_undo()
 *
 * This way the engine and the kernel accept the mappings before the file is
 * written. Sends only mappings that differ, and nothing if no engine runs with
 * @file.
 *
 * Return: CMD_OK; or CMD_FAULT if a mapping was refused: the reason is reported
 * on stderr, and the earlier requests are undone
 */
int livemap_try(struct livemap *, const char *file, const struct conf *was,
		const struct conf *now);

/** livemap_undo - undo what livemap_try() did, as far as the engine accepts
 * the requests. If it does not answer, stop: each request would wait. */
void livemap_undo(struct livemap *);

/**
 * livemap_report - report on stderr why the engine did not make a mapping.
 * @rule: the mapping
 *
 * If an allow or deny line is the reason, also prints the command that would
 * allow the mapping.
 * Return: CMD_OK or CMD_FAULT
 */
int livemap_report(const struct live *, const struct ctl_end *,
		   const struct nat_rule *rule);

/** livemap_other_file - does the daemon that runs read another file than
 * @live->file? A file that was deleted counts as the daemon's. */
bool livemap_other_file(const struct live *);

/** livemap_is_absent - does this result of live_request() mean that no engine
 * runs? */
bool livemap_is_absent(int err);

#endif
