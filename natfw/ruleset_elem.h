/* SPDX-License-Identifier: ISC */
/*
 * ruleset_elem.h - reads the elements of a set or verdict map of nf_tables, for
 * ruleset_nl.c. Pure.
 * Runs in: any
 */
#ifndef NATFW_RULESET_ELEM_H
#define NATFW_RULESET_ELEM_H

#include "natfw/ruleset.h"
#include "sys/netlink.h"

/** ruleset_elem_read - add one element to the set. @s: its attributes,
 * NFTA_SET_ELEM_* */
void ruleset_elem_read(struct ruleset *, uint32_t set, struct nl_span s);

/** ruleset_elem_finish - all elements of the set were read: make ranges of
 * those that begin and end them. More calls do nothing. */
void ruleset_elem_finish(struct ruleset *, uint32_t set);

#endif
