/* SPDX-License-Identifier: ISC */
/*
 * without_ruleset_ipt.c - takes the place of the reader of iptables-save, and
 * of what knows our chains there, in a build without the iptables backend
 * (tools/parts.mk).
 *
 * A chain of iptables that drops packets to a port is still found in nf_tables,
 * and a table of legacy iptables is still seen. Mappings that they block are
 * refused, because nothing can be written there.
 * Runs in: any
 */
#include <errno.h>
#include "natfw/ipt_jump.h"
#include "natfw/ipt_leaf.h"
#include "natfw/ipt_print.h"
#include "natfw/ruleset_ipt.h"

/* Its tables cannot be listed, so a change in them makes no difference. */
struct ipt_print ipt_print_read(int family, void *buf, size_t n)
{
	return (struct ipt_print){ .known = true };
}

bool ipt_leaf_is_ours(struct str name)
{
	return false;
}

/* It remains a place, for which writers_missing() has the reason. */
bool ipt_jump_writable(const struct ruleset *rs, const struct place *at)
{
	return true;
}

/* Not called, because there is no tool. */
int ruleset_ipt_read(struct ruleset *rs, enum ruleset_kind kind,
		     uint8_t family, const char *tool, const char *table)
{
	return -EOPNOTSUPP;
}
