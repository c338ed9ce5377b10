/* SPDX-License-Identifier: ISC */
/*
 * ipt_seen.h - what a listing of ip6tables shows of the pinholes in the table:
 * which rules exist, and their counters.
 * Runs in: any
 */
#ifndef NATFW_IPT_SEEN_H
#define NATFW_IPT_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "natfw.h"

/* By the index of the rule in fw->pinholes, so each change of that table makes
 * it invalid. */
struct ipt_seen {
	const struct natfw *fw;
	bool *stands;		/* the rule exists */
	uint64_t *packets;	/* that it has accepted */
	size_t max;
	uint64_t read_ms;	/* monotonic; 0: not valid */
};

/** ipt_seen_new - Return: the caller's, for ipt_seen_free(); NULL without
 * memory */
struct ipt_seen *ipt_seen_new(const struct natfw *);

/** ipt_seen_free - NULL does nothing. */
void ipt_seen_free(struct ipt_seen *);

/** ipt_seen_begin - a listing begins: forget the one before. */
void ipt_seen_begin(struct ipt_seen *);

/** ipt_seen_rule - note a rule, for struct ipt_list. @seen: a struct ipt_seen.
 * Return: false: it is not in the table, or was noted already */
bool ipt_seen_rule(void *seen, const struct nat_rule *, uint64_t packets);

#endif
