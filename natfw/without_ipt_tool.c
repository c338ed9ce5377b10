/* SPDX-License-Identifier: ISC */
/*
 * without_ipt_tool.c - finds no program of iptables, in a build without that
 * backend (tools/parts.mk).
 * Runs in: any
 */
#include "natfw/ipt_tool.h"
#include "sys/proc.h"

bool ipt_tool_built(void)
{
	return false;
}

/* Plain iptables-save may be of legacy iptables. That is not asked, and its
 * tables are not those of nf_tables. */
bool ipt_tool_unused(bool ip6)
{
	return proc_exists(ip6 ? "ip6tables-save" : "iptables-save") ||
	       proc_exists(ip6 ? "ip6tables-nft-save" : "iptables-nft-save");
}

enum ruleset_kind ipt_tool_plain(void)
{
	return RULESET_KINDS;
}

const struct ipt_tool *ipt_tool_of(enum ruleset_kind kind, bool ip6)
{
	return NULL;
}
