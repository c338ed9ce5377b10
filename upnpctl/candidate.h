/* SPDX-License-Identifier: ISC */
/*
 * candidate.h - a configuration that is being changed, as a whole: what stands
 * in it, right or not, and whether the daemon would take it. Pure.
 */
#ifndef UPNPCTL_CANDIDATE_H
#define UPNPCTL_CANDIDATE_H

#include "conf/conf.h"
#include "conf/confedit.h"

/** candidate_draft - what stands in a file that may be wrong: lines that can
 * not be read are passed over. Interfaces in their order: their numbers. */
void candidate_draft(const struct confedit *, struct conf *ret);

/**
 * candidate_read - read it as the daemon does. One that is enabled without the
 * interfaces that it needs is read, too: it can be looked at.
 * @name: of the file, for @err
 * @ret_short: it was such a one, which no daemon takes
 *
 * Return: 0, -EINVAL with @err filled; @ret is set on success only
 */
int candidate_read(const struct confedit *, const char *name, struct conf *ret,
	       bool *ret_short, struct conf_error *err);

/**
 * candidate_check - may @now take the place of @was?
 * @name: of the file
 * @serve: the interfaces must be there if it is enabled
 * @ret: what @now says; set on success only
 * @ret_short: as candidate_read()'s: no daemon takes it
 * @why: what is wrong and what would be right, in the words of the menu where
 *       it has words for it
 *
 * What no daemon takes is refused, but for one thing: a file that is enabled
 * and short of interfaces may be changed without being complete after every
 * step, unless @serve.
 *
 * Return: 0 or -EINVAL
 */
int candidate_check(const struct confedit *was, const struct confedit *now,
		const char *name, bool serve, struct conf *ret,
		bool *ret_short, struct conf_error *why);

#endif
