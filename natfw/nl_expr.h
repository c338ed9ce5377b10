/* SPDX-License-Identifier: ISC */
/*
 * nl_expr.h - reads the expressions of a rule, for nl_ruleset.c. Pure.
 * Runs in: any
 */
#ifndef NATFW_NL_EXPR_H
#define NATFW_NL_EXPR_H

#include "sys/netlink.h"
#include "natfw/nl_ruleset.h"

/**
 * nl_expr_read - read the conditions and the verdict of a rule.
 * @list: the attributes in NFTA_RULE_EXPRESSIONS
 * @rule: its conditions, verdict, target, map and opaque are set; zero before
 *
 * Reads up to the first verdict, because nothing after it matters.
 */
void nl_expr_read(struct nl_span list, struct nl_ruleset_rule *rule);

/** nl_expr_verdict - read the attributes in NFTA_DATA_VERDICT. @ret_target: the
 * chain of a jump or goto, else empty */
enum nl_ruleset_verdict nl_expr_verdict(struct nl_span verdict,
					struct str *ret_target);

#endif
