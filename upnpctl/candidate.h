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

/** candidate_read - read the file as the daemon does. @name: the file's name,
 * for @err. Return: 0; -EINVAL with @err filled, and @ret is undefined */
int candidate_read(const struct confedit *, const char *name, struct conf *ret,
		   struct conf_error *err);

/**
 * candidate_check - may @now replace @was?
 * @name: the file's name
 * @ret: the configuration in @now; set on success only
 * @why: the problem and the fix, in terms of the menu where possible
 *
 * Return: 0; or -EINVAL: the daemon would refuse it
 */
int candidate_check(const struct confedit *was, const struct confedit *now,
		    const char *name, struct conf *ret,
		    struct conf_error *why);

/** candidate_waits - is it enabled, but lacks an interface without which nothing
 * is served? @why: the text of a warning, with the command that helps */
bool candidate_waits(const struct conf *, struct conf_error *why);

#endif
