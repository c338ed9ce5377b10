/* SPDX-License-Identifier: ISC */
/*
 * ruleset_expr.h - reads the expressions of a rule of nf_tables, for
 * ruleset_nl.c. Pure.
 * Runs in: any
 */
#ifndef NATFW_RULESET_EXPR_H
#define NATFW_RULESET_EXPR_H

#include "natfw/ruleset.h"
#include "sys/netlink.h"

/**
 * ruleset_expr_read - read the conditions and the verdict of a rule.
 * @rule: the rule that was added last, an empty one; the chains and sets of its
 *        table are in the model. Its conditions, verdict, target, map, log and
 *        xt are set
 * @list: the attributes in NFTA_RULE_EXPRESSIONS
 *
 * Reads up to the first verdict, because nothing after it matters.
 * Return: false: the iptables command does not make such a rule, and refuses
 * the table in which it finds one
 */
bool ruleset_expr_read(struct ruleset *, uint32_t rule, struct nl_span list);

/** ruleset_expr_verdict - read the attributes in NFTA_DATA_VERDICT.
 * @ret_target: the chain of a jump or goto, else empty */
enum ruleset_verdict ruleset_expr_verdict(struct nl_span verdict,
					  struct str *ret_target);

#endif
