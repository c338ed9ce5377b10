/* SPDX-License-Identifier: ISC */
/*
 * conftail.h - parse and write the end of a mapping, allow or deny line:
 * [disabled] ["comment"]
 *
 * Pure. Runs in: any
 */
#ifndef CONF_CONFTAIL_H
#define CONF_CONFTAIL_H

#include <stdbool.h>
#include "base/limits.h"
#include "base/wr.h"

struct conftail_comment {
	char text[PM_DESC_MAX + 1];
};

/**
 * conftail_parse - parse the end of a line.
 * @before: what may stand before it, for the message: "a mapping may end with"
 * @ret_disabled, @ret: undefined after an error; "": no comment
 * @why: receives the problem and the fix
 *
 * A comment is UTF-8 without control characters, at most PM_DESC_MAX bytes. In
 * a comment, \" is a quote and \\ is a backslash.
 *
 * Return: 0 or -EINVAL
 */
int conftail_parse(struct str, const char *before, bool *ret_disabled,
		   struct conftail_comment *ret, struct wr *why);

/** conftail_put - write the end of a line, with a space before each part. */
void conftail_put(struct wr *, bool disabled, const char *comment);

#endif
