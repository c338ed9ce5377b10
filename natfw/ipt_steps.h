/* SPDX-License-Identifier: ISC */
/*
 * ipt_steps.h - the lists of steps (ipt_text.h) that change a table.
 * Runs in: any
 */
#ifndef NATFW_IPT_STEPS_H
#define NATFW_IPT_STEPS_H

#include "natfw/ipt_rule.h"
#include "natfw/ipt_text.h"

/* Write everything: chains, leaves, rules, jumps. */
extern const struct ipt_text_step *const ipt_steps_sync[IPT_TABLES];

/* Only delete the jumps and make them again: for 10000 mappings a sync writes
 * megabytes, and other people's rules may change often. */
extern const struct ipt_text_step *const ipt_steps_jumps[IPT_TABLES];

/* Remove everything. */
extern const struct ipt_text_step *const ipt_steps_remove[IPT_TABLES];

/* The changes of a batch. */
extern const struct ipt_text_step *const ipt_steps_apply[IPT_TABLES];

#endif
