/* SPDX-License-Identifier: ISC */
/*
 * candidate.h - the candidate configuration: the whole file as a change would
 * leave it, and whether the daemon would accept it. Pure. Runs in: upnpctl
 */
#ifndef UPNPCTL_CANDIDATE_H
#define UPNPCTL_CANDIDATE_H

#include "conf/conf.h"
#include "conf/confedit.h"

/** candidate_draft - read a file that may have errors; skip lines that cannot
 * be read. @ret->iface is in the order of the file, which is the order of the
 * interfaces' numbers. */
void candidate_draft(const struct confedit *, struct conf *ret);

/**
 * candidate_read - read the file as the daemon does, but also accept one with
 * enabled=yes that lacks interfaces, so that it can be printed.
 * @name: the file's name, for @err
 * @ret_incomplete: the file is enabled and lacks interfaces; the daemon would
 *        refuse it
 *
 * Return: 0, -EINVAL with @err filled; @ret is set on success only
 */
int candidate_read(const struct confedit *, const char *name, struct conf *ret,
	       bool *ret_incomplete, struct conf_error *err);

/**
 * candidate_check - may @now replace @was?
 * @name: the file's name
 * @serve: if @now is enabled, it must have the interfaces that it needs
 * @ret: the configuration in @now; set on success only
 * @ret_incomplete: as candidate_read() has it
 * @why: the problem and the fix, in terms of the menu where possible
 *
 * Refuses what the daemon would refuse, with one exception: a file that was
 * enabled and incomplete before may stay incomplete, so that it can be
 * completed in several steps; not with @serve.
 *
 * Return: 0 or -EINVAL
 */
int candidate_check(const struct confedit *was, const struct confedit *now,
		const char *name, bool serve, struct conf *ret,
		bool *ret_incomplete, struct conf_error *why);

#endif
